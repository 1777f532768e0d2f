//! Where a JSON value ends: what is not kept is passed over at the speed of `memchr`.
//!
//! Of what is passed over only its end is looked for. Strings are told from structure, escapes are honoured, and brackets of
//! the kind that the value opens with are counted; nothing else is checked: not the other kind of bracket, commas, colons,
//! escapes, numbers, or UTF-8. In a valid document that finds the same end as a full parse would. A value whose end does not
//! come is always an error, so a body that is cut short never passes. Depth is a number here: no nesting can exhaust a stack.

use memchr::{memchr_iter, memchr2, memchr2_iter};

/// The index behind the string whose first byte after the opening quote is at `start`; `None` if it is cut short.
#[inline]
pub(super) fn string(body: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        at += memchr2(b'"', b'\\', body.get(at..)?)?;
        if body[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// The index behind the array or object whose opening bracket is before `start`; `None` if it is cut short.
#[inline]
pub(super) fn container(body: &[u8], start: usize, open: u8) -> Option<usize> {
    // `[` and `]`, `{` and `}` are two apart in ASCII.
    let close = open + 2;
    let rest = body.get(start..)?;
    if rest.first() == Some(&close) {
        return Some(start + 1);
    }
    let (mut depth, mut in_string, mut from) = (1_usize, false, 0);
    for at in memchr2_iter(open, close, rest) {
        in_string ^= is_odd(&rest[from..at]);
        from = at;
        if in_string {
            continue;
        }
        depth = if rest[at] == open { depth + 1 } else { depth - 1 };
        if depth == 0 {
            return Some(start + at + 1);
        }
    }
    None
}

/// Whether a piece of JSON holds an odd number of quotes that are not escaped. It does not begin behind a backslash.
fn is_odd(piece: &[u8]) -> bool {
    let mut quotes = memchr_iter(b'"', piece).count();
    let mut after = 0;
    for at in memchr_iter(b'\\', piece) {
        // The second of two is itself escaped.
        if at >= after {
            quotes += usize::from(piece.get(at + 1) == Some(&b'"'));
            after = at + 2;
        }
    }
    quotes % 2 == 1
}

/// The index behind the number, `true`, `false` or `null` at `start`.
#[inline]
pub(super) fn word(body: &[u8], start: usize) -> usize {
    let rest = &body[start..];
    let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b':' | b'"' | b' ' | b'\n' | b'\r' | b'\t');
    start + rest.iter().position(ends).unwrap_or(rest.len())
}
