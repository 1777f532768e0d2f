//! JSON reader over a body in memory: a `serde` deserializer that scans unknown values only for their end.
//!
//! Known values are read strictly by RFC 8259, with two exceptions that affect only characters: bytes that are not UTF-8 become
//! `U+FFFD`, and a raw control character in a string stays, since all text is cleaned before it is shown. Unknown values are
//! skipped without validation (see [`super::scan`]).

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use super::scan::{self, Backslash};
use super::text::{number, unescape};

/// Error: the text is not JSON, or is truncated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::facts) struct JsonError {
    reason: &'static str,
    at: Option<usize>,
}

impl JsonError {
    pub(in crate::facts) fn new(what: &'static str) -> Self {
        Self { reason: what, at: None }
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason)?;
        self.at.map_or(Ok(()), |at| write!(f, " at byte {at}"))
    }
}

impl std::error::Error for JsonError {}

impl de::Error for JsonError {
    /// No reader here rejects a value, so the message does not matter.
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::new("a value that does not belong there")
    }
}

/// Reads the single value of a body.
pub(in crate::facts) fn from_slice<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, JsonError> {
    let mut reader = JsonReader::new(body);
    let value = T::deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// Reader at a position in a body.
#[derive(Clone, Debug)]
pub(in crate::facts) struct JsonReader<'de> {
    body: &'de [u8],
    at: usize,
    backslash: Backslash,
}

impl<'de> JsonReader<'de> {
    pub(in crate::facts) fn new(body: &'de [u8]) -> Self {
        Self { body, at: 0, backslash: Backslash::default() }
    }

    /// Skips white space and returns the first byte of the next token.
    #[inline]
    pub(in crate::facts) fn peek(&mut self) -> Result<u8, JsonError> {
        loop {
            match self.body.get(self.at) {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                Some(byte) => return Ok(*byte),
                None => return Err(self.truncated()),
            }
        }
    }

    /// Consumes `byte`, which must come next.
    #[inline]
    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), JsonError> {
        if self.peek()? != byte {
            return Err(self.error_here(what));
        }
        self.at += 1;
        Ok(())
    }

    /// Checks that only white space follows.
    pub(in crate::facts) fn end(&mut self) -> Result<(), JsonError> {
        match self.peek() {
            Ok(_) => Err(self.error_here("more text behind the value")),
            Err(_) => Ok(()),
        }
    }

    /// Skips the next value and returns it unparsed.
    #[inline]
    pub(in crate::facts) fn skip(&mut self) -> Result<&'de [u8], JsonError> {
        let first = self.peek()?;
        let start = self.at;
        let end = match first {
            b'"' => scan::string(self.body, start + 1, &mut self.backslash).map(|(end, _)| end),
            b'{' | b'[' => scan::container(self.body, start + 1, first, &mut self.backslash),
            b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => Some(scan::word(self.body, start)),
            _ => return Err(self.error_here("no value")),
        };
        self.at = end.ok_or_else(|| self.truncated())?;
        Ok(&self.body[start..self.at])
    }

    /// Consumes `bracket` and returns `true` if it comes next.
    pub(in crate::facts) fn open(&mut self, bracket: u8) -> Result<bool, JsonError> {
        let is_open = self.peek()? == bracket;
        self.at += usize::from(is_open);
        Ok(is_open)
    }

    /// Returns `true` if the array or object that ends with `close` has another element. `first` is `true` before the first one.
    #[inline]
    pub(in crate::facts) fn has_next(&mut self, close: u8, first: &mut bool) -> Result<bool, JsonError> {
        let byte = self.peek()?;
        if byte == close {
            self.at += 1;
            return Ok(false);
        }
        if !std::mem::take(first) {
            self.expect(b',', "no comma")?;
        }
        Ok(true)
    }

    /// Returns `true` if `byte` comes next.
    pub(in crate::facts) fn is_at(&mut self, byte: u8) -> Result<bool, JsonError> {
        Ok(self.peek()? == byte)
    }

    /// Reads the next key and its colon.
    pub(in crate::facts) fn key(&mut self) -> Result<Cow<'de, str>, JsonError> {
        let key = self.string()?;
        self.expect(b':', "no colon")?;
        Ok(key)
    }

    /// Reads a string.
    #[inline]
    fn string(&mut self) -> Result<Cow<'de, str>, JsonError> {
        self.expect(b'"', "no text")?;
        let start = self.at;
        let (end, escaped) = scan::string(self.body, start, &mut self.backslash).ok_or_else(|| self.truncated())?;
        self.at = end;
        let raw = &self.body[start..end - 1];
        match std::str::from_utf8(raw) {
            Ok(text) if !escaped => Ok(Cow::Borrowed(text)),
            _ => {
                let text = String::from_utf8_lossy(raw);
                unescape(&text).map(Cow::Owned).ok_or(JsonError { reason: "an escape that cannot be", at: Some(start) })
            }
        }
    }

    /// Reads a number, `true`, `false` or `null`.
    fn word<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, JsonError> {
        let start = self.at;
        self.at = scan::word(self.body, start);
        match &self.body[start..self.at] {
            b"null" => visitor.visit_unit(),
            b"true" => visitor.visit_bool(true),
            b"false" => visitor.visit_bool(false),
            word => match number(word) {
                Some(read) => read.visit(visitor),
                None => Err(JsonError { reason: "no value", at: Some(start) }),
            },
        }
    }

    fn error_here(&self, what: &'static str) -> JsonError {
        JsonError { reason: what, at: Some(self.at) }
    }

    /// Error for a body that ends too early.
    fn truncated(&self) -> JsonError {
        JsonError { reason: "cut short", at: Some(self.body.len()) }
    }
}

impl<'de> Deserializer<'de> for &mut JsonReader<'de> {
    type Error = JsonError;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.peek()? {
            b'"' => match self.string()? {
                Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
                Cow::Owned(text) => visitor.visit_string(text),
            },
            b'{' => {
                self.at += 1;
                visitor.visit_map(ContainerAccess { reader: self, first: true })
            }
            b'[' => {
                self.at += 1;
                visitor.visit_seq(ContainerAccess { reader: self, first: true })
            }
            _ => self.word(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        if self.peek()? == b'n' { self.deserialize_any(visitor) } else { visitor.visit_some(self) }
    }

    #[inline]
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.skip()?;
        visitor.visit_unit()
    }

    /// Hands over a value unparsed.
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_borrowed_bytes(self.skip()?)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string byte_buf unit unit_struct newtype_struct seq
        tuple tuple_struct map struct enum identifier
    }
}

/// Access to the elements of an array or an object after its opening bracket.
struct ContainerAccess<'r, 'de> {
    reader: &'r mut JsonReader<'de>,
    first: bool,
}

impl<'de> SeqAccess<'de> for ContainerAccess<'_, 'de> {
    type Error = JsonError;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, JsonError> {
        if !self.reader.has_next(b']', &mut self.first)? {
            return Ok(None);
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }
}

impl<'de> MapAccess<'de> for ContainerAccess<'_, 'de> {
    type Error = JsonError;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, JsonError> {
        if !self.reader.has_next(b'}', &mut self.first)? {
            return Ok(None);
        }
        if self.reader.peek()? != b'"' {
            return Err(self.reader.error_here("no key"));
        }
        seed.deserialize(&mut *self.reader).map(Some)
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, JsonError> {
        self.reader.expect(b':', "no colon")?;
        seed.deserialize(&mut *self.reader)
    }
}

#[cfg(test)]
mod tests;
