//! The error for a body that is not of the requested kind, with its encoding or an excerpt of its start.

use crate::facts::text::Clean;

/// Bytes of an unreadable response that an error shows.
pub(super) const EXCERPT: usize = 120;

/// Error: the response is not of the requested kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct DecodeError {
    /// Human-readable message: the expected kind and the start of the response.
    pub text: Clean,
}

/// Puts the article before a kind: `a Pod`, `an Event`.
pub(super) fn with_article(kind: &str) -> String {
    format!("{} {kind}", if kind.starts_with(['A', 'E', 'I', 'O']) { "an" } else { "a" })
}

pub(in crate::facts) fn refuse(expected: &str, why: &str, body: &[u8]) -> DecodeError {
    let front = &body[..body.len().min(EXCERPT)];
    if let Some((encoding, start)) = decode_wide(front) {
        // A terminal shows only the start, so the encoding comes first.
        let text = format!("expected {expected}, but it is {encoding}, and not UTF-8: `{}`", start.trim());
        return DecodeError { text: Clean::new(&text) };
    }
    let start = String::from_utf8_lossy(front);
    // One character for each control: escapes of several characters would fill the excerpt.
    let start = start.replace(|letter: char| letter.is_control() && !letter.is_whitespace(), "\u{fffd}");
    DecodeError { text: Clean::new(&format!("expected {expected}, got `{}`: {why}", start.trim())) }
}

/// Decodes UTF-16 and UTF-32 and names the encoding, by its byte order mark or by every other byte being zero.
fn decode_wide(front: &[u8]) -> Option<(&'static str, String)> {
    let (pairs, _) = front.as_chunks::<2>();
    let text = |unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).filter(|unit| *unit != 0).collect();
        String::from_utf16_lossy(&units).replace('\u{feff}', "")
    };
    let all = |at: usize| pairs.len() > 1 && pairs.iter().all(|pair| pair[at] == 0 && pair[1 - at] != 0);
    match front {
        [0xff, 0xfe, 0, 0, ..] => Some(("UTF-32", text(u16::from_le_bytes))),
        [0, 0, 0xfe, 0xff, ..] => Some(("UTF-32", text(u16::from_be_bytes))),
        [0xff, 0xfe, ..] => Some(("UTF-16", text(u16::from_le_bytes))),
        [0xfe, 0xff, ..] => Some(("UTF-16", text(u16::from_be_bytes))),
        _ if all(1) => Some(("UTF-16", text(u16::from_le_bytes))),
        _ if all(0) => Some(("UTF-16", text(u16::from_be_bytes))),
        _ => None,
    }
}
