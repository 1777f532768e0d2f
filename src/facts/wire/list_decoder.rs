//! A list that is read while it comes: each item as soon as it is there, out of the piece that brought it.
//!
//! Only what begins in one piece and ends in another is copied, and the page as a whole is never held. That goes for protobuf in
//! the order in which Go writes it (`Unknown.MarshalTo` of apimachinery `pkg/runtime/generated.pb.go`: kind, list, encoding);
//! anything else, JSON among it, is gathered and read at its end.

use super::list::{EXCERPT, Sink, decode_list, refuse};
use super::proto::{ANOTHER, CUT, put};
use super::{DecodeError, ListHead};
use crate::facts::proto::{FieldStart, LONGEST_HEAD, MAGIC, Malformed, WireValue, front, sized_head, type_of};

/// Pieces below this are put together first: each pass over some items costs the memory in which they are read.
const SMALL: usize = 32 << 10;
/// So much of them is read at once.
const GATHER: usize = 64 << 10;

/// The pieces of one answer.
#[derive(Debug, Default)]
pub(in crate::facts) struct ListDecoder {
    stage: DecodeStage,
    /// What waits for the bytes that complete it.
    rest: Vec<u8>,
    /// How the answer begins, for a refusal.
    start: Vec<u8>,
    head: ListHead,
}

/// How far an answer has been read.
#[derive(Debug, Default)]
enum DecodeStage {
    /// Not to the list yet.
    #[default]
    Envelope,
    /// Into the list, of which so many bytes are left.
    Items(usize),
    /// Behind the list.
    Tail,
    /// Not at all: it is read at its end.
    Whole,
    /// To where it is no list.
    Refused(&'static str),
}

impl ListDecoder {
    /// The memory of an earlier answer serves this one.
    pub(in crate::facts) fn new(mut memory: Vec<u8>) -> Self {
        memory.clear();
        Self { rest: memory, ..Self::default() }
    }

    /// The memory, for the next answer.
    pub(in crate::facts) fn into_memory(self) -> Vec<u8> {
        self.rest
    }

    /// How the answer begins.
    pub(in crate::facts) fn start(&self) -> &[u8] {
        &self.start
    }

    /// Bytes that wait.
    pub(in crate::facts) fn waiting(&self) -> usize {
        self.rest.len()
    }

    /// Reads what has come as far as it is whole.
    pub(in crate::facts) fn take<S: Sink>(&mut self, mut piece: &[u8], sink: &mut S) {
        let excerpt = piece.len().min(EXCERPT - self.start.len());
        self.start.extend_from_slice(&piece[..excerpt]);
        while !piece.is_empty() {
            match self.stage {
                DecodeStage::Refused(_) => return,
                DecodeStage::Whole => {
                    self.rest.extend_from_slice(piece);
                    return;
                }
                DecodeStage::Envelope | DecodeStage::Items(_) | DecodeStage::Tail => {}
            }
            if piece.len() >= SMALL && self.take_large(&mut piece, sink) {
                return;
            }
            let lacks = self.lacks(piece.len() < SMALL);
            let (now, later) = piece.split_at(lacks.min(piece.len()));
            self.rest.extend_from_slice(now);
            piece = later;
            if now.len() == lacks {
                self.read_rest(sink);
            }
        }
    }

    /// Reads a large piece where it lies, after what waits for its first bytes; false if there is more to do about what waits.
    fn take_large<S: Sink>(&mut self, piece: &mut &[u8], sink: &mut S) -> bool {
        let mut rest = std::mem::take(&mut self.rest);
        if !rest.is_empty() && !self.complete(&mut rest, piece) {
            self.rest = rest;
            return false;
        }
        let mut raw = S::Raw::default();
        let of_rest = self.read(&rest, (&mut raw, &mut *sink));
        if of_rest < rest.len() {
            drop(raw);
            rest.drain(..of_rest);
            self.rest = rest;
            return false;
        }
        let read = self.read(piece, (&mut raw, sink));
        drop(raw);
        rest.clear();
        rest.extend_from_slice(&piece[read..]);
        self.rest = rest;
        true
    }

    /// Moves what an object that was cut off lacks to the part of it that waits; false if it was no such object.
    fn complete(&self, rest: &mut Vec<u8>, piece: &mut &[u8]) -> bool {
        if !matches!(self.stage, DecodeStage::Items(_) | DecodeStage::Tail) {
            return false;
        }
        while let Ok(FieldStart::Cut(whole)) = front(rest) {
            let Some((now, later)) = piece.split_at_checked(whole - rest.len()) else { return false };
            rest.extend_from_slice(now);
            *piece = later;
        }
        true
    }

    /// The answer is complete.
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

    /// How many bytes to wait for before another look at what waits.
    fn lacks(&self, small: bool) -> usize {
        let here = self.rest.len();
        let whole = match (&self.stage, front(&self.rest)) {
            (DecodeStage::Items(_) | DecodeStage::Tail, Ok(FieldStart::Cut(whole))) => whole,
            _ => here + 1,
        };
        if small { whole.max(GATHER) - here } else { whole - here }
    }

    fn read_rest<S: Sink>(&mut self, sink: &mut S) {
        let mut rest = std::mem::take(&mut self.rest);
        let read = self.read(&rest, (&mut S::Raw::default(), sink));
        rest.drain(..read);
        self.rest = rest;
    }

    /// Reads what is whole; returns how much that was.
    fn read<'a, S: Sink>(&mut self, bytes: &'a [u8], (raw, sink): (&mut S::Raw<'a>, &mut S)) -> usize {
        let mut at = 0;
        if matches!(self.stage, DecodeStage::Envelope) {
            at = self.envelope(bytes, S::KIND);
        }
        if let DecodeStage::Items(left) = self.stage {
            let here = &bytes[at..bytes.len().min(at.saturating_add(left))];
            match self.items(here, left, (raw, sink)) {
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

    /// What comes before the list: nothing of it is read before all of it is there.
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
        (raw, sink): (&mut S::Raw<'a>, &mut S),
    ) -> Result<usize, Malformed> {
        let mut at = 0;
        while at < left {
            match front(&here[at..])? {
                FieldStart::Field { number, value, size } => {
                    put(number, value, (&mut *raw, &mut self.head, &mut *sink))?;
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
                            self.stage = DecodeStage::Refused(ANOTHER)
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

/// Where the list begins and how long it is, if that is there.
fn list_of(fields: &[u8]) -> Result<Option<(usize, usize)>, Malformed> {
    match sized_head(fields) {
        Some((2, from, length)) => Ok(Some((from, length))),
        None if fields.len() < LONGEST_HEAD => Ok(None),
        _ => Err(Malformed),
    }
}

#[cfg(test)]
mod tests;
