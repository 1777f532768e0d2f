//! The events of a watch out of chunks: values of JSON, or frames of protobuf.

use std::error::Error as StdError;
use std::time::Duration;

use super::values::JsonFrames;
use crate::cluster::bom::ByteOrderMark;
use crate::cluster::classify::{self, RequestError};
use crate::facts::wire::{DecodeError, WatchFrame, decode_failure, decode_proto_frame};
use crate::msg::Layer;

/// A buffer that one large frame has made larger than this is given back.
const KEEP: usize = 256 << 10;

/// Bytes before the first event that are kept, to recognise an answer of another kind.
const OPENING: usize = 64 << 10;

/// Cuts the body of a watch into events, whichever way they are written.
#[derive(Debug)]
pub(crate) struct EventFramer {
    framing: Framing,
    mark: ByteOrderMark,
    /// Bytes so far; `None` once there was an event among them.
    opening: Option<Vec<u8>>,
    /// Error of the first value, if it is no event.
    refused: Option<DecodeError>,
}

/// Framing of events.
#[derive(Debug)]
enum Framing {
    /// JSON: one object each.
    Json(JsonFrames),
    /// Protobuf: a length before each event.
    Frames(Frames),
}

impl EventFramer {
    pub(crate) fn new(protobuf: bool, cap: usize) -> Self {
        let framing = if protobuf { Framing::Frames(Frames::new(cap)) } else { Framing::Json(JsonFrames::new(cap)) };
        Self { framing, mark: ByteOrderMark::default(), opening: Some(Vec::new()), refused: None }
    }

    pub(crate) fn feed(&mut self, chunk: &[u8]) {
        let pieces = self.mark.strip(chunk);
        if let Some(opening) = &mut self.opening {
            let bytes = pieces.into_iter().flatten().take(OPENING - opening.len());
            opening.extend(bytes);
        }
        pieces.into_iter().filter(|piece| !piece.is_empty()).for_each(|piece| self.framing.feed(piece));
    }

    /// The next event as it came, with its decoded form.
    pub(crate) fn next(&mut self) -> Option<(&[u8], Result<WatchFrame<'_>, DecodeError>)> {
        let (bytes, event) = match &mut self.framing {
            Framing::Json(values) => values.next(),
            Framing::Frames(frames) => frames.next().map(|frame| (frame, decode_proto_frame(frame))),
        }?;
        match &event {
            Ok(_) => self.opening = None,
            Err(error) if self.opening.is_some() => _ = self.refused.get_or_insert_with(|| error.clone()),
            Err(_) => {}
        }
        Some((bytes, event))
    }

    /// The error that came instead of events: a web page, or a `Status` without an event around it.
    pub(crate) fn instead(&self, retry_after_cap: Duration) -> Option<RequestError> {
        let opening = self.opening.as_ref()?;
        if opening.trim_ascii_start().starts_with(b"<") {
            return Some(classify::not_kubernetes());
        }
        decode_failure(opening).map(|status| classify::event(status, retry_after_cap))
    }

    /// Checks the end of the body, which `cut` has ended if it was not closed: between two events, also a close without a final chunk
    /// is a normal end (F18).
    ///
    /// # Errors
    /// The body was cut otherwise or in the middle of an event, or nothing in it is an event.
    pub(crate) fn end(&self, cut: Option<&(dyn StdError + 'static)>) -> Result<(), RequestError> {
        if let Some(error) = cut.filter(|error| self.is_torn() || !classify::is_early_end(*error)) {
            return Err(classify::broken_watch(error));
        }
        match self.no_events() {
            Some(error) => Err(error),
            None if self.is_torn() => {
                Err(RequestError::new(Layer::Body, "the watch was cut in the middle of an event"))
            }
            None => Ok(()),
        }
    }

    /// The error of a body in which nothing is an event; `None` if an event came, or nothing at all.
    pub(crate) fn no_events(&self) -> Option<RequestError> {
        let error = self.refused.as_ref().filter(|_| self.opening.is_some())?;
        Some(RequestError::new(Layer::Decode, &error.text))
    }

    /// Events that were too large, since the last call.
    pub(crate) fn take_skipped(&mut self) -> u32 {
        match &mut self.framing {
            Framing::Json(values) => values.take_skipped(),
            Framing::Frames(frames) => std::mem::take(&mut frames.skipped),
        }
    }

    /// `true` if the stream has ended in the middle of an event.
    pub(crate) fn is_torn(&self) -> bool {
        match &self.framing {
            Framing::Json(values) => values.is_torn(),
            Framing::Frames(frames) => !frames.is_between(),
        }
    }
}

impl Framing {
    fn feed(&mut self, chunk: &[u8]) {
        // A label can be wrong: a frame that begins like text would have half a GiB.
        if let Self::Frames(frames) = self
            && frames.is_between()
            && chunk.first().is_some_and(|first| *first >= b' ')
        {
            *self = Self::Json(JsonFrames::new(frames.cap));
        }
        match self {
            Self::Json(values) => values.feed(chunk),
            Self::Frames(frames) => frames.feed(chunk),
        }
    }
}

/// Length-prefixed frames: four bytes big-endian, then that many bytes (apimachinery `pkg/util/framer`). A frame above
/// the cap is skipped.
#[derive(Debug)]
pub(crate) struct Frames {
    buf: Vec<u8>,
    /// Start of the next frame.
    start: usize,
    cap: usize,
    /// Bytes still to come of a frame that is skipped.
    skip: usize,
    skipped: u32,
}

impl Frames {
    fn new(cap: usize) -> Self {
        Self { buf: Vec::new(), start: 0, cap, skip: 0, skipped: 0 }
    }

    /// `true` if the next byte begins a frame.
    fn is_between(&self) -> bool {
        self.skip == 0 && self.buf.len() == self.start
    }

    fn feed(&mut self, chunk: &[u8]) {
        self.buf.drain(..self.start);
        self.start = 0;
        if self.buf.is_empty() && self.buf.capacity() > KEEP {
            self.buf = Vec::new();
        }
        let passed = self.skip.min(chunk.len());
        self.skip -= passed;
        self.buf.extend_from_slice(&chunk[passed..]);
    }

    fn next(&mut self) -> Option<&[u8]> {
        loop {
            let (length, rest) = self.buf[self.start..].split_first_chunk::<4>()?;
            // A length beyond the address space is beyond the cap too.
            let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
            if length > self.cap {
                let here = length.min(rest.len());
                self.skip = length - here;
                self.start += 4 + here;
                self.skipped += 1;
                continue;
            }
            if rest.len() < length {
                return None;
            }
            let from = self.start + 4;
            self.start = from + length;
            if length > 0 {
                return Some(&self.buf[from..from + length]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collect(chunks: &[&[u8]], cap: usize) -> (Vec<Vec<u8>>, u32, bool) {
        let (mut frames, mut found) = (Frames::new(cap), Vec::new());
        for chunk in chunks {
            frames.feed(chunk);
            while let Some(frame) = frames.next() {
                found.push(frame.to_vec());
            }
        }
        let skipped = frames.skipped;
        (found, skipped, !frames.is_between())
    }

    #[test]
    fn frames_come_out_whole_however_they_are_chunked() {
        let stream = b"\0\0\0\x03one\0\0\0\0\0\0\0\x02ab";
        for size in 1..=stream.len() {
            let chunks: Vec<&[u8]> = stream.chunks(size).collect();
            assert_eq!(collect(&chunks, 64), (vec![b"one".to_vec(), b"ab".to_vec()], 0, false), "{size}");
        }
    }

    #[test]
    fn a_frame_that_is_too_large_is_passed_over_and_counted() {
        let stream = b"\0\0\0\x01a\0\0\0\x09xxxxxxxxx\0\0\0\x01b";
        for size in 1..=stream.len() {
            let chunks: Vec<&[u8]> = stream.chunks(size).collect();
            assert_eq!(collect(&chunks, 4), (vec![b"a".to_vec(), b"b".to_vec()], 1, false), "{size}");
        }
    }

    #[test]
    fn an_end_in_the_middle_of_a_frame_shows() {
        assert!(collect(&[b"\0\0\0\x03on"], 64).2);
        assert!(collect(&[b"\0\0"], 64).2);
        assert!(collect(&[b"\0\0\0\x09xxx"], 4).2, "also in one that is passed over");
    }

    #[test]
    fn text_under_a_label_of_protobuf_comes_out_as_lines() {
        let mut cutter = EventFramer::new(true, 64);
        cutter.feed(b"\0\0\0\x03one");
        assert_eq!(cutter.next().map(|(bytes, _)| bytes), Some(&b"one"[..]));
        // A proxy that gives up sends its own text.
        cutter.feed(b"<html>\n");
        assert_eq!(cutter.next().map(|(bytes, _)| bytes), Some(&b"<html>"[..]));
        // Within a frame every letter is part of it.
        let mut cutter = EventFramer::new(true, 64);
        cutter.feed(b"\0\0\0\x06o");
        cutter.feed(b"<html");
        assert_eq!(cutter.next().map(|(bytes, _)| bytes), Some(&b"o<html"[..]));
        assert!(!cutter.is_torn());
    }
}
