//! Width of text on the screen, in columns.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Width of `text` on the screen, in columns.
pub(in crate::ui) fn columns(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// The longest suffix of `text` that fits into `width` columns.
pub(in crate::ui) fn tail(text: &str, width: usize) -> &str {
    let mut left = width;
    let mut start = text.len();
    for (at, grapheme) in text.grapheme_indices(true).rev() {
        let Some(rest) = left.checked_sub(columns(grapheme)) else { break };
        (left, start) = (rest, at);
    }
    &text[start..]
}

/// Wraps `items` into lines of at most `width` columns with `gap` columns between items; a longer item has a line of its own.
pub(in crate::ui) fn wrap<'a>(items: impl Iterator<Item = &'a str>, gap: usize, width: usize) -> Vec<Vec<&'a str>> {
    let mut lines: Vec<Vec<&str>> = Vec::new();
    let mut used = 0;
    for word in items {
        let needed = columns(word);
        match lines.last_mut() {
            Some(line) if used + gap + needed <= width => {
                line.push(word);
                used += gap + needed;
            }
            _ => {
                lines.push(vec![word]);
                used = needed;
            }
        }
    }
    lines
}
