//! Escapes and numbers of JSON (RFC 8259, sections 6 and 7).
//!
//! An unpaired surrogate becomes `U+FFFD`, as bytes that are not UTF-8 do, and the text after it stays (Go
//! `encoding/json/decode.go`, `unquoteBytes`). A message that is cut in the middle of an emoji ends with one.

use std::borrow::Cow;
use std::str::Chars;

use serde::de::{Error, Visitor};

/// Resolves the escapes in the text between two quotes; `None` if one is invalid.
pub(super) fn unescape(raw: &str) -> Option<String> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw.chars();
    while let Some(c) = rest.next() {
        text.push(if c == '\\' { escape(&mut rest)? } else { c });
    }
    Some(text)
}

/// Resolves one escape after its backslash.
fn escape(rest: &mut Chars<'_>) -> Option<char> {
    Some(match rest.next()? {
        c @ ('"' | '\\' | '/') => c,
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => {
            let first = unit(rest)?;
            let mut ahead = rest.clone();
            let is_escape = ahead.next() == Some('\\') && ahead.next() == Some('u');
            let second = is_escape.then(|| unit(&mut ahead)).flatten();
            if let Some(letter) = second.and_then(|second| pair(first, second)) {
                *rest = ahead;
                return Some(letter);
            }
            char::from_u32(first.into()).unwrap_or(char::REPLACEMENT_CHARACTER)
        }
        _ => return None,
    })
}

/// Character of two surrogates; `None` if they are not a pair.
fn pair(first: u16, second: u16) -> Option<char> {
    let is_pair = (0xd800..0xdc00).contains(&first) && (0xdc00..0xe000).contains(&second);
    is_pair.then(|| char::decode_utf16([first, second]).next()?.ok()).flatten()
}

/// Body repaired for a stricter parser: bytes that are not UTF-8 and unpaired surrogates become `U+FFFD`.
#[must_use]
pub fn repaired(body: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(body);
    let halves = unpaired_surrogates(&text);
    if halves.is_empty() {
        return text;
    }
    let (mut repaired, mut from) = (String::with_capacity(text.len()), 0);
    for at in halves {
        repaired.push_str(&text[from..at]);
        repaired.push_str("\\ufffd");
        from = at + ESCAPE;
    }
    repaired.push_str(&text[from..]);
    Cow::Owned(repaired)
}

/// Length of `\ud83d` in bytes.
const ESCAPE: usize = 6;

/// Positions of escapes that are unpaired surrogates. A backslash only occurs in strings, so no further parsing is needed.
fn unpaired_surrogates(text: &str) -> Vec<usize> {
    let escape = |at: usize| unit(&mut text.get(at..)?.strip_prefix("\\u")?.chars());
    let (mut found, mut after) = (Vec::new(), 0);
    for at in memchr::memchr_iter(b'\\', text.as_bytes()) {
        if at < after {
            continue;
        }
        after = at + 2;
        let Some(first) = escape(at).filter(|unit| (0xd800..0xe000).contains(unit)) else { continue };
        if escape(at + ESCAPE).is_some_and(|second| pair(first, second).is_some()) {
            after = at + 2 * ESCAPE;
        } else {
            found.push(at);
        }
    }
    found
}

/// Reads four hexadecimal digits.
fn unit(rest: &mut Chars<'_>) -> Option<u16> {
    (0..4).try_fold(0, |unit, _| Some(unit << 4 | u16::try_from(rest.next()?.to_digit(16)?).ok()?))
}

/// Number: an integer if it is written as one and fits, else a float.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum JsonNumber {
    Positive(u64),
    Negative(i64),
    Float(f64),
}

impl JsonNumber {
    pub(super) fn visit<'de, V: Visitor<'de>, E: Error>(self, visitor: V) -> Result<V::Value, E> {
        match self {
            Self::Positive(number) => visitor.visit_u64(number),
            Self::Negative(number) => visitor.visit_i64(number),
            Self::Float(number) => visitor.visit_f64(number),
        }
    }
}

/// Parses a number; `None` if it is not a number, or too large for a 64-bit float.
pub(super) fn number(word: &[u8]) -> Option<JsonNumber> {
    let digits = word.strip_prefix(b"-").unwrap_or(word);
    let (whole, rest) = leading_digits(digits);
    if whole.is_empty() || (whole.len() > 1 && whole[0] == b'0') || !is_tail(rest) {
        return None;
    }
    let text = str::from_utf8(word).ok()?;
    let int = match rest {
        [] if digits.len() == word.len() => text.parse().ok().map(JsonNumber::Positive),
        [] => text.parse().ok().map(JsonNumber::Negative),
        _ => None,
    };
    int.or_else(|| text.parse().ok().filter(|float: &f64| float.is_finite()).map(JsonNumber::Float))
}

/// Returns `true` if the text may follow the integer part: a fraction, an exponent, both or nothing.
fn is_tail(tail: &[u8]) -> bool {
    let rest = match tail {
        [b'.', fraction @ ..] => match leading_digits(fraction) {
            ([], _) => return false,
            (_, rest) => rest,
        },
        rest => rest,
    };
    match rest {
        [] => true,
        [b'e' | b'E', b'+' | b'-', digits @ ..] | [b'e' | b'E', digits @ ..] => {
            !digits.is_empty() && leading_digits(digits).1.is_empty()
        }
        _ => false,
    }
}

fn leading_digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len()))
}
