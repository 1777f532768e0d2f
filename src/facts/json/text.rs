//! The letters of JSON: escapes and numbers (RFC 8259, sections 6 and 7).

use std::str::Chars;

use serde::de::{Error, Visitor};

/// The text between two quotes without its escapes; `None` if one of them cannot be.
pub(super) fn unescape(raw: &str) -> Option<String> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw.chars();
    while let Some(c) = rest.next() {
        text.push(if c == '\\' { escape(&mut rest)? } else { c });
    }
    Some(text)
}

/// What follows a backslash.
fn escape(rest: &mut Chars<'_>) -> Option<char> {
    Some(match rest.next()? {
        c @ ('"' | '\\' | '/') => c,
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => {
            let unit = unit(rest)?;
            let is_first_of_two = (0xd800..0xdc00).contains(&unit);
            let second = if is_first_of_two && rest.next()? == '\\' && rest.next()? == 'u' {
                Some(self::unit(rest)?)
            } else {
                None
            };
            return char::decode_utf16([unit].into_iter().chain(second)).next()?.ok();
        }
        _ => return None,
    })
}

/// Four hexadecimal digits.
fn unit(rest: &mut Chars<'_>) -> Option<u16> {
    (0..4).try_fold(0, |unit, _| Some(unit << 4 | u16::try_from(rest.next()?.to_digit(16)?).ok()?))
}

/// A number as it is handed on: whole if it is written as one that fits, else with a fraction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Read {
    Positive(u64),
    Negative(i64),
    Float(f64),
}

impl Read {
    pub(super) fn visit<'de, V: Visitor<'de>, E: Error>(self, visitor: V) -> Result<V::Value, E> {
        match self {
            Self::Positive(number) => visitor.visit_u64(number),
            Self::Negative(number) => visitor.visit_i64(number),
            Self::Float(number) => visitor.visit_f64(number),
        }
    }
}

/// A number; `None` if it is none, or one beyond what 64 bits of float hold.
pub(super) fn number(word: &[u8]) -> Option<Read> {
    let digits = word.strip_prefix(b"-").unwrap_or(word);
    let (whole, rest) = leading_digits(digits);
    if whole.is_empty() || (whole.len() > 1 && whole[0] == b'0') || !is_tail(rest) {
        return None;
    }
    let text = str::from_utf8(word).ok()?;
    let int = match rest {
        [] if digits.len() == word.len() => text.parse().ok().map(Read::Positive),
        [] => text.parse().ok().map(Read::Negative),
        _ => None,
    };
    int.or_else(|| text.parse().ok().filter(|float: &f64| float.is_finite()).map(Read::Float))
}

/// What may follow the whole part: a fraction, an exponent, both or nothing.
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
