//! Cuts chunks of a watch into events: JSON values or protobuf frames.

use super::values::JsonFrames;
use crate::facts::wire::{DecodeError, WatchFrame, decode_proto_frame};

/// Largest capacity of a buffer that is kept after a large frame.
const KEEP: usize = 256 << 10;

/// Cuts the body of a watch into events.
#[derive(Debug)]
pub(super) enum EventFramer {
    /// JSON: one object each.
    Json(JsonFrames),
    /// Protobuf: a length before each event.
    Protobuf(Frames),
}

impl EventFramer {
    pub(super) fn new(protobuf: bool, cap: usize) -> Self {
        if protobuf { Self::Protobuf(Frames::new(cap)) } else { Self::Json(JsonFrames::new(cap)) }
    }

    pub(super) fn feed(&mut self, chunk: &[u8]) {
        // The content type can be wrong: a frame that begins like text would have half a GiB.
        if let Self::Protobuf(frames) = self
            && frames.is_between()
            && chunk.first().is_some_and(|first| *first >= b' ')
        {
            *self = Self::Json(JsonFrames::new(frames.cap));
        }
        match self {
            Self::Json(values) => values.feed(chunk),
            Self::Protobuf(frames) => frames.feed(chunk),
        }
    }

    /// The next event as it came, with its decoded form. Adds the events before it that are above the cap to `skipped`.
    pub(super) fn next(&mut self, skipped: &mut u32) -> Option<(&[u8], Result<WatchFrame<'_>, DecodeError>)> {
        match self {
            Self::Json(values) => values.next(skipped),
            Self::Protobuf(frames) => frames.next(skipped).map(|frame| (frame, decode_proto_frame(frame))),
        }
    }

    /// `true` if the stream has ended in the middle of an event.
    pub(super) fn is_torn(&self) -> bool {
        match self {
            Self::Json(values) => values.is_torn(),
            Self::Protobuf(frames) => !frames.is_between(),
        }
    }
}

/// Length-prefixed frames: four bytes big-endian, then that many bytes (apimachinery `pkg/util/framer`). A frame above
/// the cap is skipped.
#[derive(Debug)]
pub(super) struct Frames {
    buf: Vec<u8>,
    /// Start of the next frame.
    start: usize,
    cap: usize,
    /// Bytes still to come of a frame that is skipped.
    skip: usize,
}

impl Frames {
    fn new(cap: usize) -> Self {
        Self { buf: Vec::new(), start: 0, cap, skip: 0 }
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

    fn next(&mut self, skipped: &mut u32) -> Option<&[u8]> {
        loop {
            let (length, rest) = self.buf[self.start..].split_first_chunk::<4>()?;
            // A length beyond the address space is beyond the cap too.
            let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
            if length > self.cap {
                let here = length.min(rest.len());
                self.skip = length - here;
                self.start += 4 + here;
                *skipped += 1;
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
        let (mut frames, mut found, mut skipped) = (Frames::new(cap), Vec::new(), 0);
        for chunk in chunks {
            frames.feed(chunk);
            while let Some(frame) = frames.next(&mut skipped) {
                found.push(frame.to_vec());
            }
        }
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
        let mut framer = EventFramer::new(true, 64);
        framer.feed(b"\0\0\0\x03one");
        assert_eq!(framer.next(&mut 0).map(|(bytes, _)| bytes), Some(&b"one"[..]));
        // A proxy that gives up sends its own text.
        framer.feed(b"<html>\n");
        assert_eq!(framer.next(&mut 0).map(|(bytes, _)| bytes), Some(&b"<html>"[..]));
        // Within a frame every letter is part of it.
        let mut framer = EventFramer::new(true, 64);
        framer.feed(b"\0\0\0\x06o");
        framer.feed(b"<html");
        assert_eq!(framer.next(&mut 0).map(|(bytes, _)| bytes), Some(&b"o<html"[..]));
        assert!(!framer.is_torn());
    }
}
