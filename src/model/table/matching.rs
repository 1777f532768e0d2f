//! Case-insensitive search for the text of a filter.

use crate::facts::text::Clean;

/// Returns `true` if `whole` contains `text`, which is lower case. Allocates only if one of them is not ASCII.
pub(super) fn contains(whole: &str, text: &str) -> bool {
    if whole.is_ascii() && text.is_ascii() {
        return whole.as_bytes().windows(text.len().max(1)).any(|part| part.eq_ignore_ascii_case(text.as_bytes()));
    }
    whole.to_lowercase().contains(text)
}

/// Returns `true` if `whole` starts with `text`, which is lower case.
pub(super) fn starts_with(whole: &str, text: &str) -> bool {
    whole.as_bytes().get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text.as_bytes()))
}

/// Comparison of the values of a column with the text of a term.
#[derive(Clone, Copy, Debug)]
pub struct TextTest<'a> {
    /// The text, which is lower case.
    pub(super) text: &'a str,
    /// `true` if the text is the whole value, and not a part of it.
    pub(super) whole: bool,
}

impl TextTest<'_> {
    /// Text of a term for rows without a value, as kubectl prints them.
    pub(crate) const NONE: &'static str = "<none>";

    /// Returns `true` if a value of the row fulfils the term.
    pub(super) fn holds<'v>(self, mut values: impl Iterator<Item = &'v str>) -> bool {
        match self.whole {
            true if self.text == Self::NONE => values.all(str::is_empty),
            true => values.any(|value| value.to_lowercase() == self.text),
            false => values.any(|value| contains(value, self.text)),
        }
    }
}

/// Reason why a term of a filter is ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum BadTerm {
    /// The column does not exist.
    NoColumn(String),
    /// Another reason, as text.
    Other(&'static str),
}

impl From<&'static str> for BadTerm {
    fn from(why: &'static str) -> Self {
        Self::Other(why)
    }
}

impl BadTerm {
    /// Note about the invalid term `word`, with the names of the `columns` that exist.
    pub(super) fn note(&self, word: &str, columns: &[&str]) -> Clean {
        let why = match self {
            Self::NoColumn(name) => &format!("no column {name} (columns: {})", columns.join(", ")),
            Self::Other(why) => *why,
        };
        Clean::new(&format!("`{word}` ignored: {why}"))
    }
}
