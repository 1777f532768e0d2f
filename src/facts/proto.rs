//! Protobuf on the wire: a walk over the fields of a message, borrowed from it. An unknown field costs one addition.
//!
//! Field numbers: `generated.proto` of `k8s.io/api` (`core/v1`, `events/v1`, `coordination/v1`) and `k8s.io/apimachinery`
//! (`pkg/apis/meta/v1`); they never change. A field of an unexpected wire type reads as absent, like a value of the wrong type in
//! JSON ([`super::json`]).

use std::borrow::Cow;

use super::json::{Amount, Flag, Int, MicroTime, Text, Time};
use super::quantity::Quantity;

/// Prefix of every object and list in protobuf (apimachinery `pkg/runtime/serializer/protobuf`); no JSON text starts with it.
pub(super) const MAGIC: &[u8] = b"k8s\0";

/// Maximum size of a tag and a length: two varints.
pub(super) const LONGEST_HEAD: usize = 20;

/// Error: a truncated message, or an invalid length or tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// Value of one field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WireValue<'a> {
    /// Whole number or flag.
    Varint(u64),
    /// Text, bytes, or a message.
    Bytes(&'a [u8]),
    /// Four or eight bytes; no known field has this type.
    Fixed,
}

/// Message of which some fields are read.
pub(super) trait ProtoFields<'a>: Default {
    /// Bit set of the known field numbers: other fields are skipped unread. By default all fields are handed over.
    const KNOWN: u64 = u64::MAX;

    /// Reads the value of one field; an unknown field is ignored.
    fn proto_field(&mut self, number: u64, value: WireValue<'a>) -> Result<(), Malformed>;
}

/// Calls `each` for every field of a message.
#[inline]
pub(super) fn walk<'a>(
    mut message: &'a [u8],
    mut each: impl FnMut(u64, WireValue<'a>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    while let Some((number, value)) = field(&mut message)? {
        each(number, value)?;
    }
    Ok(())
}

/// Bit of [`ProtoFields::KNOWN`] for a field number below 64.
pub(super) const fn known_bit(on: bool, number: u32) -> u64 {
    if on { 1 << number } else { 0 }
}

/// Hands the known fields of a message to `into`.
#[inline]
fn fill<'a, M: ProtoFields<'a>>(into: &mut M, mut rest: &'a [u8]) -> Result<(), Malformed> {
    while !rest.is_empty() {
        let tag = varint(&mut rest)?;
        let number = tag >> 3;
        let is_unknown = M::KNOWN != u64::MAX && (number >= 64 || M::KNOWN >> number & 1 == 0);
        // The length is read first, because by far the most fields are unknown ones with a length.
        if tag & 7 == 2 {
            let bytes = sized(&mut rest)?;
            if !is_unknown {
                into.proto_field(number, WireValue::Bytes(bytes))?;
            }
            continue;
        }
        let scalar = scalar(tag, &mut rest)?;
        if !is_unknown {
            into.proto_field(number, scalar)?;
        }
    }
    Ok(())
}

/// Reads the next field; `None` at the end of the message.
#[inline]
fn field<'a>(rest: &mut &'a [u8]) -> Result<Option<(u64, WireValue<'a>)>, Malformed> {
    if rest.is_empty() {
        return Ok(None);
    }
    let tag = varint(rest)?;
    Ok(Some((tag >> 3, value(tag, rest)?)))
}

/// Start of a message that may be truncated.
#[derive(Debug)]
pub(super) enum FieldStart<'a> {
    /// A complete field of `size` bytes.
    Field { number: u64, value: WireValue<'a>, size: usize },
    /// An incomplete field of at least this many bytes.
    Cut(usize),
}

/// Reads the first field of a message that may be truncated.
#[inline]
pub(super) fn front(bytes: &[u8]) -> Result<FieldStart<'_>, Malformed> {
    let mut rest = bytes;
    if let Ok(Some((number, value))) = field(&mut rest) {
        return Ok(FieldStart::Field { number, value, size: bytes.len() - rest.len() });
    }
    match sized_head(bytes) {
        Some((_, from, length)) => Ok(FieldStart::Cut(from.checked_add(length).ok_or(Malformed)?)),
        None if bytes.len() < LONGEST_HEAD => Ok(FieldStart::Cut(bytes.len() + 1)),
        None => Err(Malformed),
    }
}

/// Number, offset and length of a field's text or message, if its head is complete.
pub(super) fn sized_head(bytes: &[u8]) -> Option<(u64, usize, usize)> {
    let mut rest = bytes;
    let tag = varint(&mut rest).ok().filter(|tag| tag & 7 == 2)?;
    let length = usize::try_from(varint(&mut rest).ok()?).ok()?;
    Some((tag >> 3, bytes.len() - rest.len(), length))
}

#[inline]
fn value<'a>(tag: u64, rest: &mut &'a [u8]) -> Result<WireValue<'a>, Malformed> {
    if tag & 7 == 2 { sized(rest).map(WireValue::Bytes) } else { scalar(tag, rest) }
}

/// Reads a value that is neither text nor a message. A pod has only a few, so this stays out of the hot path.
#[inline(never)]
fn scalar<'a>(tag: u64, rest: &mut &'a [u8]) -> Result<WireValue<'a>, Malformed> {
    match tag & 7 {
        0 => varint(rest).map(WireValue::Varint),
        kind => fixed(kind, rest),
    }
}

#[inline]
fn sized<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Malformed> {
    let len = usize::try_from(varint(rest)?).map_err(|_| Malformed)?;
    let (bytes, tail) = rest.split_at_checked(len).ok_or(Malformed)?;
    *rest = tail;
    Ok(bytes)
}

/// Skips a value of fixed size. No known field has one, so this stays out of the hot path.
#[cold]
fn fixed<'a>(kind: u64, rest: &mut &'a [u8]) -> Result<WireValue<'a>, Malformed> {
    let len = match kind {
        1 => 8,
        5 => 4,
        _ => return Err(Malformed),
    };
    *rest = rest.get(len..).ok_or(Malformed)?;
    Ok(WireValue::Fixed)
}

/// Reads a varint; nearly all tags and lengths have one or two bytes.
#[inline]
fn varint(rest: &mut &[u8]) -> Result<u64, Malformed> {
    match **rest {
        [one, ref tail @ ..] if one < 0x80 => {
            *rest = tail;
            Ok(one.into())
        }
        [one, two, ref tail @ ..] if two < 0x80 => {
            *rest = tail;
            Ok(u64::from(one & 0x7f) | u64::from(two) << 7)
        }
        _ => long_varint(rest),
    }
}

#[cold]
fn long_varint(rest: &mut &[u8]) -> Result<u64, Malformed> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, tail) = rest.split_first().ok_or(Malformed)?;
        *rest = tail;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Malformed)
}

/// Returns `true` if a body is an object or a list in protobuf.
pub(super) fn is_protobuf(body: &[u8]) -> bool {
    body.starts_with(MAGIC)
}

/// `runtime.Unknown`: the envelope of an object or a list.
#[derive(Debug, Default)]
pub(super) struct Envelope<'a> {
    /// `apiVersion`: the group, unless it is core, and the version.
    pub(super) version: Text<'a>,
    pub(super) kind: Text<'a>,
    /// The message itself; `None` if it is absent or encoded.
    pub(super) object: Option<&'a [u8]>,
}

/// Reads the envelope.
pub(super) fn unwrap(body: &[u8]) -> Result<Envelope<'_>, Malformed> {
    let unknown = body.strip_prefix(MAGIC).ok_or(Malformed)?;
    let mut envelope = Envelope::default();
    let mut encoded = false;
    walk(unknown, |number, value| {
        match (number, value) {
            // No server repeats these fields, and allowing it would mean to read the response to its end before decoding it.
            (1 | 2, WireValue::Bytes(_)) if envelope.object.is_some() && !envelope.kind.is_empty() => {
                return Err(Malformed);
            }
            (1, meta @ WireValue::Bytes(_)) => (envelope.version, envelope.kind) = type_of(meta)?,
            (2, WireValue::Bytes(raw)) => envelope.object = Some(raw),
            (3, WireValue::Bytes(encoding)) => encoded = !encoding.is_empty(),
            _ => {}
        }
        Ok(())
    })?;
    envelope.object = envelope.object.filter(|_| !encoded);
    Ok(envelope)
}

/// Reads version and kind of a `runtime.TypeMeta`: 1 apiVersion, 2 kind.
pub(super) fn type_of(meta: WireValue<'_>) -> Result<(Text<'_>, Text<'_>), Malformed> {
    let (version, kind) = meta.entry()?;
    Ok((version, kind.text()))
}

/// Splits off a leading text or message with this number and less than 128 bytes; returns it and the rest.
#[inline]
fn short(number: u8, message: &[u8]) -> Option<(&[u8], &[u8])> {
    match message {
        [tag, len, rest @ ..] if *tag == number << 3 | 2 && *len < 0x80 => rest.split_at_checked((*len).into()),
        _ => None,
    }
}

/// Fast path for a map entry as Go writes it, with a short key and value; other entries take the general walk.
#[inline]
fn short_entry(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let (key, rest) = short(1, message)?;
    let (value, rest) = short(2, rest)?;
    rest.is_empty().then_some((key, value))
}

/// Fast path for the seconds of a time as Go writes it, from 1978 to 3058; other times take the general walk.
#[inline]
fn modern_seconds(message: &[u8]) -> Option<i64> {
    let ([0x08, low @ .., high], [] | [0x10, 0]) = message.split_first_chunk::<6>()? else { return None };
    let whole = *high < 0x80 && low.iter().all(|byte| *byte >= 0x80);
    whole.then(|| low.iter().rfold(i64::from(*high), |seconds, byte| seconds << 7 | i64::from(byte & 0x7f)))
}

/// Decodes UTF-8, with shortcuts for the most frequent texts of a pod.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    Cow::Borrowed(match bytes {
        b"cpu" => "cpu",
        b"memory" => "memory",
        b"True" => "True",
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(_) => return Cow::Owned(String::from_utf8_lossy(bytes).into_owned()),
        },
    })
}

impl<'a> WireValue<'a> {
    /// Text; bytes that are not UTF-8 are replaced.
    #[inline]
    pub(super) fn text(self) -> Text<'a> {
        Text(match self {
            Self::Bytes(bytes) => text(bytes),
            _ => Cow::Borrowed(""),
        })
    }

    pub(super) fn flag(self) -> Flag {
        Flag(self.int().0.map(|int| int != 0))
    }

    pub(super) fn int(self) -> Int {
        Int(match self {
            Self::Varint(int) => Some(int.cast_signed()),
            _ => None,
        })
    }

    /// `Time`, see [`Time::from_seconds`].
    pub(super) fn time(self) -> Result<Time, Malformed> {
        self.seconds().map(Time::from_seconds)
    }

    /// Seconds of a `Time`: 1 seconds. JSON has no fractions, so they are not read here either.
    pub(super) fn seconds(self) -> Result<i64, Malformed> {
        if let Self::Bytes(message) = self
            && let Some(seconds) = modern_seconds(message)
        {
            return Ok(seconds);
        }
        let mut seconds = 0;
        self.walk(|number, value| {
            if number == 1 {
                seconds = value.int().0.unwrap_or(0);
            }
            Ok(())
        })?;
        Ok(seconds)
    }

    /// `MicroTime`: 1 seconds, 2 nanoseconds, of which JSON writes the microseconds (apimachinery `micro_time.go`).
    pub(super) fn micro_time(self) -> Result<MicroTime, Malformed> {
        let (mut seconds, mut nanos) = (0, 0);
        self.walk(|number, value| {
            match number {
                1 => seconds = value.int().0.unwrap_or(0),
                2 => nanos = value.int().0.unwrap_or(0),
                _ => {}
            }
            Ok(())
        })?;
        let micros = i32::try_from(nanos / 1000).ok().filter(|micros| (0..1_000_000).contains(micros)).unwrap_or(0);
        let whole = Time::from_seconds(seconds);
        Ok(MicroTime(whole.0.and_then(|whole| jiff::Timestamp::new(whole.as_second(), micros * 1000).ok())))
    }

    /// Reads the fields of an embedded message into `into`.
    #[inline]
    pub(super) fn merge<M: ProtoFields<'a>>(self, into: &mut M) -> Result<(), Malformed> {
        match self {
            Self::Bytes(message) => fill(into, message),
            Self::Varint(_) | Self::Fixed => Ok(()),
        }
    }

    /// Key of a map entry, as raw bytes.
    pub(super) fn key(self) -> Result<&'a [u8], Malformed> {
        if let Self::Bytes(message) = self
            && let Some((key, _)) = short_entry(message)
        {
            return Ok(key);
        }
        let mut key: &[u8] = b"";
        self.walk(|number, value| {
            if let (1, WireValue::Bytes(bytes)) = (number, value) {
                key = bytes;
            }
            Ok(())
        })?;
        Ok(key)
    }

    /// Map entry: 1 key, 2 value.
    pub(super) fn entry(self) -> Result<(Text<'a>, WireValue<'a>), Malformed> {
        if let Self::Bytes(message) = self
            && let Some((key, value)) = short_entry(message)
        {
            return Ok((Text(text(key)), WireValue::Bytes(value)));
        }
        let (mut key, mut content) = (Text::default(), WireValue::Fixed);
        self.walk(|number, value| {
            match number {
                1 => key = value.text(),
                2 => content = value,
                _ => {}
            }
            Ok(())
        })?;
        Ok((key, content))
    }

    /// `Quantity`: 1 its text.
    pub(super) fn amount(self) -> Result<Amount, Malformed> {
        let read = |text: &[u8]| Quantity::read(text).map_or(Amount::Unreadable, Amount::Known);
        if let Self::Bytes(message) = self
            && let Some((text, [])) = short(1, message)
        {
            return Ok(read(text));
        }
        let mut amount = Amount::Unreadable;
        self.walk(|number, value| {
            if number == 1 {
                let text = if let WireValue::Bytes(text) = value { text } else { b"" };
                amount = read(text);
            }
            Ok(())
        })?;
        Ok(amount)
    }

    /// Calls `each` for every field of an embedded message; not at all if the value is not a message.
    #[inline]
    pub(super) fn walk(self, each: impl FnMut(u64, WireValue<'a>) -> Result<(), Malformed>) -> Result<(), Malformed> {
        match self {
            Self::Bytes(message) => walk(message, each),
            Self::Varint(_) | Self::Fixed => Ok(()),
        }
    }
}

#[cfg(test)]
pub(crate) mod build;
#[cfg(test)]
mod tests;
