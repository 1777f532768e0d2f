//! Finds the end of a JSON value: unknown values are skipped at the speed of `memchr`.
//!
//! A skipped value is only searched for its end. Strings are distinguished from structure, escapes are honoured, and brackets of
//! the kind that the value opens with are counted; the rest is not validated: the other kind of bracket, commas, colons,
//! escapes, numbers, UTF-8. In a valid document this finds the same end as a full parse. A value without an end is always an
//! error, so a truncated body never passes. Depth is a counter, so no nesting can exhaust the stack.

use std::ops::Range;

use memchr::{memchr, memchr_iter, memchr2, memchr2_iter};

/// Up to this length a loop is faster than `memchr`, which has a fixed cost.
const SHORT: usize = 32;

/// Position of the next backslash in a body. Backslashes are rare, so the result of one search serves all text before it.
#[derive(Clone, Debug, Default)]
pub(super) struct Backslash {
    /// First backslash at or after the start of the last query.
    next: Option<usize>,
}

impl Backslash {
    /// Returns `true` if a part of the body contains a backslash. Parts must be queried from front to back.
    #[inline]
    fn is_in(&mut self, body: &[u8], part: Range<usize>) -> bool {
        let next = match self.next {
            Some(next) if next >= part.start => next,
            _ => memchr(b'\\', &body[part.start..]).map_or(body.len(), |at| part.start + at),
        };
        self.next = Some(next);
        next < part.end
    }
}

/// Index after the string whose first byte after the opening quote is at `start`, and `true` if it has escapes; `None` if it is
/// truncated.
#[inline]
pub(super) fn string(body: &[u8], start: usize, backslash: &mut Backslash) -> Option<(usize, bool)> {
    let quote = quote(body, start)?;
    if backslash.is_in(body, start..quote) {
        escaped(body, start).map(|end| (end, true))
    } else {
        Some((quote + 1, false))
    }
}

/// Finds the next quote: first nearby, as for keys and names, then with `memchr`.
#[inline]
fn quote(body: &[u8], start: usize) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    let mut at = start;
    while at < start + SHORT
        && let Some(word) = body.get(at..)?.first_chunk()
    {
        // The lowest byte that is zero here is a quote ("Bit Twiddling Hacks", `haszero`).
        let word = u64::from_le_bytes(*word) ^ (ONES * u64::from(b'"'));
        let zeros = word.wrapping_sub(ONES) & !word & (ONES << 7);
        if zeros != 0 {
            return Some(at + zeros.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    memchr(b'"', body.get(at..)?).map(|found| at + found)
}

/// Index after a string that has escapes.
fn escaped(body: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        at += memchr2(b'"', b'\\', body.get(at..)?)?;
        if body[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// Index after the array or object whose opening bracket is before `start`; `None` if it is truncated.
#[inline]
pub(super) fn container(body: &[u8], start: usize, open: u8, backslash: &mut Backslash) -> Option<usize> {
    // `[` and `]`, `{` and `}` are two apart in ASCII.
    let close = open + 2;
    let rest = body.get(start..)?;
    if rest.first() == Some(&close) {
        return Some(start + 1);
    }
    let (mut depth, mut in_string, mut from) = (1_usize, false, start);
    for at in memchr2_iter(open, close, rest).map(|at| start + at) {
        in_string ^= is_odd(body, from..at, backslash);
        from = at;
        if in_string {
            continue;
        }
        depth = if body[at] == open { depth + 1 } else { depth - 1 };
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

/// Returns `true` if a part of the body has an odd number of unescaped quotes. The part must not start after a backslash.
#[inline]
fn is_odd(body: &[u8], part: Range<usize>, backslash: &mut Backslash) -> bool {
    let has_escapes = backslash.is_in(body, part.clone());
    let part = &body[part];
    let quotes = if part.len() < SHORT {
        part.iter().fold(0, |quotes, byte| quotes + usize::from(*byte == b'"'))
    } else {
        memchr_iter(b'"', part).count()
    };
    (quotes + if has_escapes { escaped_quotes(part) } else { 0 }) % 2 == 1
}

fn escaped_quotes(part: &[u8]) -> usize {
    let (mut quotes, mut after) = (0, 0);
    for at in memchr_iter(b'\\', part) {
        // The second of two backslashes is itself escaped.
        if at >= after {
            quotes += usize::from(part.get(at + 1) == Some(&b'"'));
            after = at + 2;
        }
    }
    quotes
}

/// Index after the number, `true`, `false` or `null` at `start`.
#[inline]
pub(super) fn word(body: &[u8], start: usize) -> usize {
    let rest = &body[start..];
    let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b':' | b'"' | b' ' | b'\n' | b'\r' | b'\t');
    start + rest.iter().position(ends).unwrap_or(rest.len())
}
