//! Streaming decoder of a list: each item is decoded as soon as it is complete, from the chunk that completed it.
//!
//! Only an item that spans chunks is copied, and the whole page is never buffered. This holds for protobuf in the order in which Go
//! writes it (`Unknown.MarshalTo` of apimachinery `pkg/runtime/generated.pb.go`: kind, list, encoding); any other body, such
//! as JSON, is buffered and decoded at its end.

use super::list::decode_list;
use super::proto::{ANOTHER, CUT, ListFields};
use super::refusal::{EXCERPT, refuse};
use super::{DecodeError, ListHead, Sink};
use crate::facts::proto::{FieldStart, LONGEST_HEAD, MAGIC, Malformed, WireValue, front, sized_head, type_of};

/// Smaller chunks are buffered first, since each pass has to set up the memory that items are decoded into.
const SMALL: usize = 32 << 10;
/// Small chunks are decoded once this much is buffered.
const GATHER: usize = 64 << 10;

/// Decoder of one response, fed with chunks.
#[derive(Debug, Default)]
pub(in crate::facts) struct ListDecoder {
    stage: DecodeStage,
    /// Buffered bytes of an incomplete field.
    rest: Vec<u8>,
    /// Start of the response, for an error message.
    start: Vec<u8>,
    head: ListHead,
}

/// Progress within a response.
#[derive(Debug, Default)]
enum DecodeStage {
    /// Before the list.
    #[default]
    Envelope,
    /// Inside the list, with this many bytes left.
    Items(usize),
    /// After the list.
    Tail,
    /// Unsuitable for streaming: buffered and decoded at its end.
    Whole,
    /// Not a list, for this reason.
    Refused(&'static str),
}

impl ListDecoder {
    /// Creates a decoder that reuses the memory of an earlier response.
    pub(in crate::facts) fn new(mut memory: Vec<u8>) -> Self {
        memory.clear();
        Self { rest: memory, ..Self::default() }
    }

    /// Returns the memory, for the next response.
    pub(in crate::facts) fn into_memory(self) -> Vec<u8> {
        self.rest
    }

    /// Start of the response.
    pub(in crate::facts) fn start(&self) -> &[u8] {
        &self.start
    }

    /// Number of buffered bytes.
    pub(in crate::facts) fn buffered(&self) -> usize {
        self.rest.len()
    }

    /// Decodes a chunk as far as its fields are complete, and buffers the rest.
    pub(in crate::facts) fn take<S: Sink>(&mut self, mut chunk: &[u8], sink: &mut S) {
        let excerpt = chunk.len().min(EXCERPT - self.start.len());
        self.start.extend_from_slice(&chunk[..excerpt]);
        while !chunk.is_empty() {
            match self.stage {
                DecodeStage::Refused(_) => return,
                DecodeStage::Whole => {
                    self.rest.extend_from_slice(chunk);
                    return;
                }
                DecodeStage::Envelope | DecodeStage::Items(_) | DecodeStage::Tail => {}
            }
            if chunk.len() >= SMALL && self.take_large(&mut chunk, sink) {
                return;
            }
            let missing = self.missing(chunk.len() < SMALL);
            let (now, later) = chunk.split_at(missing.min(chunk.len()));
            self.rest.extend_from_slice(now);
            chunk = later;
            if now.len() == missing {
                self.read_rest(sink);
            }
        }
    }

    /// Decodes a large chunk in place, after the buffered field that its first bytes complete. Returns `false` if that field is
    /// still incomplete.
    fn take_large<S: Sink>(&mut self, chunk: &mut &[u8], sink: &mut S) -> bool {
        let mut rest = std::mem::take(&mut self.rest);
        if !rest.is_empty() && !self.complete(&mut rest, chunk) {
            self.rest = rest;
            return false;
        }
        let mut raw = S::Raw::default();
        let rest_read = self.read(&rest, &mut raw, sink);
        if rest_read < rest.len() {
            drop(raw);
            rest.drain(..rest_read);
            self.rest = rest;
            return false;
        }
        let read = self.read(chunk, &mut raw, sink);
        drop(raw);
        rest.clear();
        rest.extend_from_slice(&chunk[read..]);
        self.rest = rest;
        true
    }

    /// Moves the missing bytes of the buffered field from the chunk to the buffer. Returns `false` if the chunk lacks them too, or
    /// if the decoder is outside the list.
    fn complete(&self, rest: &mut Vec<u8>, chunk: &mut &[u8]) -> bool {
        if !matches!(self.stage, DecodeStage::Items(_) | DecodeStage::Tail) {
            return false;
        }
        while let Ok(FieldStart::Cut(whole)) = front(rest) {
            let Some((now, later)) = chunk.split_at_checked(whole - rest.len()) else { return false };
            rest.extend_from_slice(now);
            *chunk = later;
        }
        true
    }

    /// Finishes the response: decodes the buffered rest and returns the list's metadata.
    pub(in crate::facts) fn end<S: Sink>(&mut self, sink: &mut S) -> Result<ListHead, DecodeError> {
        self.read_rest(sink);
        let why = match self.stage {
            DecodeStage::Envelope | DecodeStage::Whole => return decode_list(&self.rest, sink),
            DecodeStage::Tail if self.rest.is_empty() => return Ok(std::mem::take(&mut self.head)),
            DecodeStage::Tail | DecodeStage::Items(_) => CUT,
            DecodeStage::Refused(why) => why,
        };
        Err(refuse(&format!("a list of {} objects", S::KIND), why, &self.start))
    }

    /// Number of bytes to buffer before the next attempt to decode.
    fn missing(&self, small: bool) -> usize {
        let here = self.rest.len();
        let whole = match (&self.stage, front(&self.rest)) {
            (DecodeStage::Items(_) | DecodeStage::Tail, Ok(FieldStart::Cut(whole))) => whole,
            _ => here + 1,
        };
        if small { whole.max(GATHER) - here } else { whole - here }
    }

    fn read_rest<S: Sink>(&mut self, sink: &mut S) {
        let mut rest = std::mem::take(&mut self.rest);
        let read = self.read(&rest, &mut S::Raw::default(), sink);
        rest.drain(..read);
        self.rest = rest;
    }

    /// Decodes the complete fields of `bytes` and returns their size.
    fn read<'a, S: Sink>(&mut self, bytes: &'a [u8], raw: &mut S::Raw<'a>, sink: &mut S) -> usize {
        let mut at = 0;
        if matches!(self.stage, DecodeStage::Envelope) {
            at = self.envelope(bytes, S::KIND);
        }
        if let DecodeStage::Items(left) = self.stage {
            let here = &bytes[at..bytes.len().min(at.saturating_add(left))];
            match self.items(here, left, raw, sink) {
                Ok(read) if read == left => self.stage = DecodeStage::Tail,
                Ok(read) => self.stage = DecodeStage::Items(left - read),
                Err(Malformed) => self.stage = DecodeStage::Refused(CUT),
            }
            at += match self.stage {
                DecodeStage::Items(still) => left - still,
                _ => here.len(),
            };
        }
        if matches!(self.stage, DecodeStage::Tail) {
            at += self.tail(&bytes[at..]);
        }
        at
    }

    /// Reads the envelope before the list, once all of it has arrived; returns its size.
    fn envelope(&mut self, bytes: &[u8], kind: &str) -> usize {
        let Some(fields) = bytes.strip_prefix(MAGIC) else {
            if !MAGIC.starts_with(bytes) {
                self.stage = DecodeStage::Whole;
            }
            return 0;
        };
        let (list, size) = match front(fields) {
            Ok(FieldStart::Cut(_)) => return 0,
            Ok(FieldStart::Field { number: 1, value, size })
                if type_of(value).is_ok_and(|(_, listed)| listed.strip_suffix("List") == Some(kind)) =>
            {
                (&fields[size..], MAGIC.len() + size)
            }
            _ => {
                self.stage = DecodeStage::Whole;
                return 0;
            }
        };
        match list_of(list) {
            Ok(Some((from, left))) => {
                self.stage = DecodeStage::Items(left);
                size + from
            }
            Ok(None) => 0,
            Err(Malformed) => {
                self.stage = DecodeStage::Whole;
                0
            }
        }
    }

    fn items<'a, S: Sink>(
        &mut self,
        here: &'a [u8],
        left: usize,
        raw: &mut S::Raw<'a>,
        sink: &mut S,
    ) -> Result<usize, Malformed> {
        let mut fields = ListFields { raw, head: &mut self.head, sink };
        let mut at = 0;
        while at < left {
            match front(&here[at..])? {
                FieldStart::Field { number, value, size } => {
                    fields.read(number, value)?;
                    at += size;
                }
                FieldStart::Cut(whole) if whole > left - at => return Err(Malformed),
                FieldStart::Cut(_) => break,
            }
        }
        Ok(at)
    }

    fn tail(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            match front(&bytes[at..]) {
                Ok(FieldStart::Field { number, value, size }) => {
                    at += size;
                    match (number, value) {
                        (1 | 2, WireValue::Bytes(_)) => self.stage = DecodeStage::Refused(CUT),
                        (3, WireValue::Bytes(encoding)) if !encoding.is_empty() => {
                            self.stage = DecodeStage::Refused(ANOTHER);
                        }
                        _ => continue,
                    }
                    break;
                }
                Ok(FieldStart::Cut(_)) => break,
                Err(Malformed) => {
                    self.stage = DecodeStage::Refused(CUT);
                    break;
                }
            }
        }
        at
    }
}

/// Offset and length of the list, once its head has arrived.
fn list_of(fields: &[u8]) -> Result<Option<(usize, usize)>, Malformed> {
    match sized_head(fields) {
        Some((2, from, length)) => Ok(Some((from, length))),
        None if fields.len() < LONGEST_HEAD => Ok(None),
        _ => Err(Malformed),
    }
}

#[cfg(test)]
mod tests;
