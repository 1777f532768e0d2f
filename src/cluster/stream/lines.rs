//! Lines out of chunks, with a cap on the length of one.

use memchr::memchr;

/// Cuts a stream of bytes at its newlines. A line longer than the cap is dropped and counted.
#[derive(Debug)]
pub(crate) struct LineFramer {
    buf: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// Up to where there is no newline.
    searched: usize,
    cap: usize,
    skipping: bool,
    skipped: u32,
}

/// A buffer that one large line has made larger than this is given back.
const KEEP: usize = 256 << 10;

impl LineFramer {
    pub(crate) fn new(cap: usize) -> Self {
        Self { buf: Vec::new(), start: 0, searched: 0, cap, skipping: false, skipped: 0 }
    }

    /// Takes a chunk; the lines that are complete now come out of [`Lines::next`].
    pub(crate) fn feed(&mut self, chunk: &[u8]) {
        self.buf.drain(..self.start);
        self.searched -= self.start;
        self.start = 0;
        if self.buf.is_empty() && self.buf.capacity() > KEEP {
            self.buf = Vec::new();
        }
        let mut chunk = chunk;
        if self.skipping {
            let Some(end) = memchr(b'\n', chunk) else { return };
            self.skipping = false;
            chunk = &chunk[end + 1..];
        }
        self.buf.extend_from_slice(chunk);
    }

    /// The next complete line, without its newline; empty lines are passed over.
    pub(crate) fn next(&mut self) -> Option<&[u8]> {
        loop {
            let Some(end) = memchr(b'\n', &self.buf[self.searched..]).map(|at| self.searched + at) else {
                self.searched = self.buf.len();
                if self.buf.len() - self.start > self.cap {
                    self.buf.clear();
                    (self.start, self.searched) = (0, 0);
                    self.skipping = true;
                    self.skipped += 1;
                }
                return None;
            };
            let start = std::mem::replace(&mut self.start, end + 1);
            self.searched = end + 1;
            if end - start > self.cap {
                self.skipped += 1;
            } else if end > start && self.buf[start..end] != *b"\r" {
                return Some(&self.buf[start..end]);
            }
        }
    }

    /// Lines dropped since the last call.
    pub(crate) fn take_skipped(&mut self) -> u32 {
        std::mem::take(&mut self.skipped)
    }

    /// The stream has ended in the middle of a line.
    pub(crate) fn is_torn(&self) -> bool {
        self.skipping || self.buf.len() > self.start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(chunks: &[&[u8]], cap: usize) -> (Vec<String>, u32, bool) {
        let mut lines = LineFramer::new(cap);
        let mut out = Vec::new();
        for chunk in chunks {
            lines.feed(chunk);
            while let Some(line) = lines.next() {
                out.push(String::from_utf8(line.to_vec()).unwrap());
            }
        }
        (out, lines.take_skipped(), lines.is_torn())
    }

    #[test]
    fn lines_come_out_whole_however_they_are_cut() {
        let text = b"one\ntwo\n\n\r\nthree\nfour\n";
        for size in 1..text.len() {
            let chunks: Vec<&[u8]> = text.chunks(size).collect();
            let (lines, skipped, torn) = collect(&chunks, 64);
            assert_eq!(lines, ["one", "two", "three", "four"], "chunks of {size}");
            assert_eq!((skipped, torn), (0, false));
        }
    }

    #[test]
    fn a_line_over_the_cap_is_skipped_and_the_next_one_is_read() {
        let long = [b'x'; 100];
        for size in [1, 7, 50, 200] {
            let text = [b"a\n", &long[..], b"\nb\n"].concat();
            let chunks: Vec<&[u8]> = text.chunks(size).collect();
            let (lines, skipped, torn) = collect(&chunks, 20);
            assert_eq!((lines, skipped, torn), (vec!["a".to_owned(), "b".to_owned()], 1, false), "chunks of {size}");
        }
    }

    #[test]
    fn an_end_in_the_middle_of_a_line_shows() {
        assert!(collect(&[b"one\ntw"], 64).2);
        assert!(collect(&[b"xxxxxxxxxxxxxxx"], 4).2, "also in a line that is skipped");
        assert!(!collect(&[b"one\n"], 64).2);
    }
}
