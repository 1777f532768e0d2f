//! Line of text that keys edit, for the filter.

use unicode_segmentation::UnicodeSegmentation;

use crate::facts::text::sanitize;
use crate::msg::LineEdit;

/// Maximum length of a filter in characters, more than fits on any line; a longer text is pasted by accident.
pub(crate) const MOST_CHARS: usize = 256;

/// Text that keys edit.
#[derive(Clone, Debug, Default)]
pub(crate) struct EditLine {
    text: String,
}

impl EditLine {
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn clear(&mut self) {
        self.text.clear();
    }

    pub(crate) fn edit(&mut self, edit: &LineEdit) {
        match edit {
            LineEdit::Insert(char) => self.insert(char.encode_utf8(&mut [0; 4])),
            LineEdit::Paste(text) => self.insert(text),
            LineEdit::Backspace => {
                let end = self.text.grapheme_indices(true).next_back().map_or(0, |(at, _)| at);
                self.text.truncate(end);
            }
            LineEdit::DeleteWord => {
                let kept = self.text.trim_end();
                let end = kept.rfind(' ').map_or(0, |at| at + 1);
                self.text.truncate(end);
            }
            LineEdit::Clear => self.text.clear(),
        }
    }

    fn insert(&mut self, text: &str) {
        let room = MOST_CHARS.saturating_sub(self.text.chars().count());
        let spaced: String = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).take(room).collect();
        self.text.push_str(&sanitize(&spaced));
    }
}
