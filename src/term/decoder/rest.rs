//! Rest of an abandoned sequence: on a slow connection it arrives late, and must not count as typed keys.
//!
//! A key press arrives alone in a read, so several bytes that continue the sequence are its rest. A single byte is the rest only if
//! it ends the sequence: any other key works at once.

use std::time::Duration;

use super::{
    BEL, CANCEL, ControlString, DecoderState, ESC, KEY_BYTES, PASTE_END, PASTE_LIFE, SEQUENCE_LIFE, ST, SUBSTITUTE,
    is_introducer, keys,
};

impl DecoderState {
    /// Time in which late bytes can belong to this state.
    pub(super) fn life(&self) -> Duration {
        if matches!(self, Self::Paste { .. }) { PASTE_LIFE } else { SEQUENCE_LIFE }
    }

    /// Returns `true` if the bytes of one read continue this abandoned state, and are not keys.
    pub(super) fn continues_with(&self, bytes: &[u8]) -> bool {
        let Some(&first) = bytes.first() else { return false };
        let alone = is_one_character(bytes);
        match self {
            Self::Ground => false,
            Self::Escape => match first {
                b'[' => is_begun_control(&bytes[1..]),
                b'O' => matches!(bytes[1..], [last] if is_application_key(last)),
                _ => is_introducer(first) && is_string(&bytes[1..]),
            },
            Self::ControlSequence(parameters) if parameters.is_empty() => is_begun_control(bytes),
            Self::ControlSequence(parameters) => !alone || is_end(parameters, first),
            Self::ConsoleKey => keys::console_key(first).is_some(),
            Self::ApplicationKey => alone && is_application_key(first),
            Self::ControlString(ControlString { introducer: Some(_), .. }) => is_string(bytes),
            Self::ControlString(string) if alone => {
                matches!(first, BEL | CANCEL | SUBSTITUTE | ST) || string.escaped && first == b'\\'
            }
            Self::ControlString(_) => true,
            Self::Mouse(begun) if begun.len() > 2 && matches!(begun.last(), Some(0xc2..=0xdf)) => {
                matches!(first, 0x80..=0xbf)
            }
            Self::Mouse(begun) => !alone || mouse_numbers_left(begun) == 1,
            Self::Character { .. } => matches!(first, 0x80..=0xbf),
            Self::Paste { matched, .. } => {
                if alone {
                    *matched > 1 && first == PASTE_END[*matched]
                } else {
                    *matched > 0 || first != ESC
                }
            }
        }
    }
}

/// Number of missing numbers of `CSI M`, which has three: button, column and row.
///
/// Each is a byte, or a character of UTF-8 (mode 1005 of xterm). A byte above 0xc1 with one of 0x80 to 0xbf after it is a
/// character: as two numbers they would be a position below row 95.
pub(super) fn mouse_numbers_left(bytes: &[u8]) -> usize {
    let mut numbers = 0_usize;
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        rest = match (first, after) {
            (0xc2..=0xdf, [0x80..=0xbf, after @ ..]) => after,
            // Its second byte may still arrive.
            (0xc2..=0xdf, []) if numbers == 2 => break,
            _ => after,
        };
        numbers += 1;
    }
    3_usize.saturating_sub(numbers)
}

/// Returns `true` for one character, as one key sends it.
fn is_one_character(bytes: &[u8]) -> bool {
    bytes.len() == 1 || std::str::from_utf8(bytes).is_ok_and(|text| text.chars().count() == 1)
}

/// Returns `true` if the bytes can follow `CSI`: parameters and more, or the end of a key or a focus report.
fn is_begun_control(bytes: &[u8]) -> bool {
    match bytes {
        [last] => matches!(last, b'I' | b'O') || !last.is_ascii_lowercase() && is_end(b"", *last),
        [b'0'..=b'?', ..] => true,
        [b'[', last] => keys::console_key(*last).is_some(),
        [first, ..] => first.is_ascii_uppercase(),
        [] => false,
    }
}

/// Returns `true` if a control sequence with these parameters can end with this byte, as a key or as a known reply.
fn is_end(parameters: &[u8], last: u8) -> bool {
    let replies: &[u8] = match parameters {
        [.., b' '..=b'/'] => b"ryw",
        [b'?', ..] => b"cnuySR",
        [b'>', ..] => b"cm",
        [b'=', ..] => b"c",
        [b'<', ..] => b"Mm",
        [] => b"",
        _ => b"cnRtxyM~",
    };
    replies.contains(&last) || keys::control_sequence(parameters, last).is_some()
}

/// Returns `true` for a key of `SS3`, except lower-case letters, which a keypad sends only in a mode that is never set here.
fn is_application_key(last: u8) -> bool {
    !last.is_ascii_lowercase() && keys::application_key(last).is_some()
}

/// Returns `true` for the text of a reply: it has a terminator, or is longer than a key.
fn is_string(bytes: &[u8]) -> bool {
    bytes.len() > KEY_BYTES
        || bytes.len() > 1 && (bytes.ends_with(&[ESC, b'\\']) || bytes.ends_with(&[BEL]) || bytes.ends_with(&[ST]))
}
