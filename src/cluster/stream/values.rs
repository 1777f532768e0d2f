//! Cuts chunks into JSON values, each as soon as it is whole, as client-go's decoder frames them (apimachinery
//! `pkg/util/framer`): servers write one a line, but nothing requires it.
//!
//! A first line that decodes as an event is one: no byte is scanned twice. Only a value that is not whole by then is
//! scanned for its end, once and from front to back, however it is chunked.

use memchr::{memchr, memchr3, memrchr};

use crate::facts::wire::{DecodeError, WatchFrame, decode_frame};

/// Largest capacity of a buffer that is kept after a large value.
const KEEP: usize = 256 << 10;

/// Cuts a stream of bytes into JSON objects, and into lines where it holds none. Values above the cap are dropped and
/// counted.
#[derive(Debug)]
pub(crate) struct JsonFrames {
    buf: Vec<u8>,
    cursor: JsonCursor,
    cap: usize,
}

/// Progress in the buffer.
#[derive(Clone, Copy, Debug, Default)]
struct JsonCursor {
    /// Start of the next value.
    start: usize,
    /// End of the scanned part.
    at: usize,
    /// Open brackets; 0 before an object begins.
    depth: usize,
    string: Letters,
    /// The last significant byte outside of strings.
    before: u8,
    /// Set while no line of the value has ended, so that the first line may be all of it.
    first_line: bool,
    /// Set if the bytes are no value: scanning resumes at the next line.
    line: bool,
    /// Set if the value is too long: nothing of it is kept.
    dropped: bool,
}

/// Position relative to strings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Letters {
    #[default]
    Outside,
    Inside,
    /// After a backslash.
    Escaped,
}

/// A part of the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece {
    start: usize,
    end: usize,
    /// Set for the first line of a possibly longer value.
    guessed: bool,
}

impl JsonFrames {
    pub(crate) fn new(cap: usize) -> Self {
        Self { buf: Vec::new(), cursor: JsonCursor::begin(0), cap }
    }

    /// Adds a chunk; [`JsonFrames::next`] returns the values that are now whole.
    pub(crate) fn feed(&mut self, chunk: &[u8]) {
        let cursor = &mut self.cursor;
        let gone = if cursor.dropped { cursor.at } else { cursor.start };
        self.buf.drain(..gone);
        cursor.at -= gone;
        cursor.start = 0;
        if self.buf.is_empty() && self.buf.capacity() > KEEP {
            self.buf = Vec::new();
        }
        self.buf.extend_from_slice(chunk);
    }

    /// The next whole value, or a line that is none, as it came, with its decoded form. Adds the dropped values before it
    /// to `skipped`.
    pub(crate) fn next(&mut self, skipped: &mut u32) -> Option<(&[u8], Result<WatchFrame<'_>, DecodeError>)> {
        let Self { buf, cursor, cap } = self;
        let buf: &[u8] = buf;
        loop {
            let Some(piece) = cursor.next(buf, *cap) else {
                if !cursor.dropped && buf.len() - cursor.start > *cap {
                    cursor.dropped = true;
                    *skipped += 1;
                }
                return None;
            };
            if std::mem::take(&mut cursor.dropped) {
                continue;
            }
            let bytes = &buf[piece.start..piece.end];
            if bytes.len() > *cap {
                *skipped += 1;
                continue;
            }
            let event = decode_frame(bytes);
            if event.is_err() && piece.guessed {
                *cursor = JsonCursor { first_line: false, ..JsonCursor::begin(piece.start) };
                continue;
            }
            return Some((bytes, event));
        }
    }

    /// `true` if the stream has ended in the middle of a value.
    pub(crate) fn is_torn(&self) -> bool {
        self.cursor.dropped || !self.buf[self.cursor.start..].trim_ascii().is_empty()
    }
}

impl JsonCursor {
    fn begin(start: usize) -> Self {
        Self { start, at: start, first_line: true, ..Self::default() }
    }

    /// The next piece of `buf`; `None` if more must come first.
    fn next(&mut self, buf: &[u8], cap: usize) -> Option<Piece> {
        if self.at == self.start && !self.dropped {
            let blank = buf[self.start..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            self.start += blank;
            self.at = self.start;
            let first = buf.get(self.start)?;
            self.line |= *first != b'{';
        }
        if self.first_line && !self.line {
            let newline = memchr(b'\n', &buf[self.at..]).map(|found| self.at + found);
            let whole = newline.map(|newline| buf[self.start..newline].trim_ascii_end());
            if let Some(line) = whole.filter(|line| line.ends_with(b"}") && line.len() <= cap && !self.dropped) {
                let piece = Piece { start: self.start, end: self.start + line.len(), guessed: true };
                *self = Self::begin(piece.end);
                return Some(piece);
            }
            self.first_line = newline.is_none();
        }
        if !self.line
            && let Some(end) = self.scan(buf)
        {
            return Some(self.cut(end));
        }
        if !self.line {
            return None;
        }
        let newline = memchr(b'\n', &buf[self.at..]).map(|found| self.at + found);
        self.at = newline.unwrap_or(buf.len());
        newline.map(|newline| self.cut(newline))
    }

    /// The piece that ends at `end`.
    fn cut(&mut self, end: usize) -> Piece {
        let piece = Piece { start: self.start, end, guessed: false };
        *self = Self { dropped: self.dropped, ..Self::begin(end) };
        piece
    }

    /// End of the value; `None` if more bytes are needed, or if it is no value.
    fn scan(&mut self, buf: &[u8]) -> Option<usize> {
        while self.at < buf.len() {
            match self.string {
                Letters::Escaped => {
                    self.string = Letters::Inside;
                    self.at += 1;
                }
                Letters::Inside => {
                    let Some(found) = memchr3(b'"', b'\\', b'\n', &buf[self.at..]) else {
                        self.at = buf.len();
                        return None;
                    };
                    self.at += found;
                    match buf[self.at] {
                        b'"' => self.string = Letters::Outside,
                        b'\\' => self.string = Letters::Escaped,
                        // A string cannot contain a raw newline: it was cut short.
                        _ => {
                            self.line = true;
                            return None;
                        }
                    }
                    self.at += 1;
                }
                Letters::Outside => {
                    let byte = buf[self.at];
                    if !self.may_follow(byte) {
                        self.line = true;
                        // Another value may have begun on the line where this one breaks off.
                        let line = memrchr(b'\n', &buf[self.start..self.at]).filter(|_| !self.dropped);
                        return line.map(|newline| self.start + newline);
                    }
                    self.at += 1;
                    match byte {
                        b'"' => self.string = Letters::Inside,
                        b'{' | b'[' => self.depth += 1,
                        b'}' | b']' => self.depth -= 1,
                        _ => {}
                    }
                    if !byte.is_ascii_whitespace() {
                        self.before = byte;
                    }
                    if self.depth == 0 {
                        return Some(self.at);
                    }
                }
            }
        }
        None
    }

    /// `true` if a bracket or a string may begin here: after a value there would be a comma first.
    fn may_follow(&self, byte: u8) -> bool {
        match byte {
            b'"' => matches!(self.before, b'{' | b'[' | b',' | b':'),
            b'{' | b'[' => self.depth == 0 || matches!(self.before, b'[' | b',' | b':'),
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(chunks: &[&[u8]], cap: usize) -> (Vec<String>, u32, bool) {
        let mut frames = JsonFrames::new(cap);
        let (mut out, mut skipped) = (Vec::new(), 0);
        for chunk in chunks {
            frames.feed(chunk);
            while let Some((bytes, _)) = frames.next(&mut skipped) {
                out.push(String::from_utf8(bytes.to_vec()).unwrap());
            }
        }
        (out, skipped, frames.is_torn())
    }

    /// The same in chunks of every size.
    fn all_chunks(text: &str, expected: &[&str]) {
        for size in 1..=text.len() {
            let chunks: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
            let (values, skipped, torn) = collect(&chunks, 1 << 16);
            assert_eq!(values, expected, "{text:?} in chunks of {size}");
            assert_eq!((skipped, torn), (0, false), "{text:?} in chunks of {size}");
        }
    }

    const EVENT: &str = r#"{"type":"ADDED","object":{"metadata":{"name":"a}]\"\\"},"x":[{},[1,"{"]]}}"#;

    #[test]
    fn lines_come_out_whole_however_they_are_cut() {
        all_chunks("one\ntwo\n\n\r\nthree\nfour\n", &["one", "two", "three", "four"]);
    }

    #[test]
    fn values_come_out_whole_however_they_are_written_and_cut() {
        let pretty = "{\n  \"type\": \"ADDED\",\n  \"object\": {\n    \"a\": {}\n  }\n}";
        for end in ["\n", "\r\n", "", " \r\n\t", "\n\n"] {
            all_chunks(&format!("{EVENT}{end}{EVENT}{end}"), &[EVENT, EVENT]);
            all_chunks(&format!("{pretty}{end}{EVENT}{end}{pretty}{end}"), &[pretty, EVENT, pretty]);
            let crlf = pretty.replace('\n', "\r\n");
            all_chunks(&format!("{crlf}{end}{crlf}"), &[&crlf, &crlf]);
        }
        // The first line ends as a whole value would.
        let odd = "{\"type\":\"ADDED\",\"a\":{}\n,\"object\":{}}";
        all_chunks(&format!("{odd}\n{EVENT}\n"), &[odd, EVENT]);
    }

    #[test]
    fn a_value_comes_out_with_its_last_byte() {
        for text in [EVENT, "{\r\n\"type\": \"X\"\r\n}"] {
            for size in [1, 3, text.len()] {
                let mut frames = JsonFrames::new(1 << 16);
                let (front, last) = text.as_bytes().split_at(text.len() - 1);
                for chunk in front.chunks(size) {
                    frames.feed(chunk);
                    assert!(frames.next(&mut 0).is_none());
                }
                assert!(frames.is_torn());
                frames.feed(last);
                assert_eq!(frames.next(&mut 0).map(|(bytes, _)| bytes), Some(text.as_bytes()));
                assert!(frames.next(&mut 0).is_none() && !frames.is_torn());
            }
        }
    }

    #[test]
    fn a_value_that_breaks_off_costs_its_line_and_not_the_next_value() {
        for broken in ["{\"type\":\"ADDED\",\"obj", "{\"type\":\"ADDED\",\"object\":{", "{\"a\":[1,2", "{\"a\" \"b\"}"]
        {
            let text = format!("{EVENT}\n{broken}\n{EVENT}\n{EVENT}\n");
            all_chunks(&text, &[EVENT, broken, EVENT, EVENT]);
        }
    }

    #[test]
    fn what_is_over_the_cap_is_skipped_and_the_next_one_is_read() {
        let long = [b'x'; 100];
        let value = format!("{{\"a\":\"{}\",\n\"b\":{{}}\n}}", "}".repeat(50));
        for size in [1, 7, 50, 200] {
            for (middle, end) in [(&long[..], "\n"), (value.as_bytes(), "\n"), (value.as_bytes(), "")] {
                let text = [b"a\n", middle, end.as_bytes(), b"b\n"].concat();
                let chunks: Vec<&[u8]> = text.chunks(size).collect();
                let (values, skipped, torn) = collect(&chunks, 20);
                assert_eq!((values, skipped, torn), (vec!["a".into(), "b".into()], 1, false), "chunks of {size}");
            }
        }
    }

    #[test]
    fn an_end_in_the_middle_shows() {
        assert!(collect(&[b"one\ntw"], 64).2);
        assert!(collect(&[b"{\"a\":{}"], 64).2);
        assert!(collect(&[b"xxxxxxxxxxxxxxx"], 4).2, "also in one that is skipped");
        assert!(collect(&[b"{\"xxxxxxxxxxxxxxx"], 4).2);
        assert!(!collect(&[b"one\n\r\n"], 64).2);
    }
}
