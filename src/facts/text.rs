//! `Clean`: external text, made safe for a terminal; the only text that the UI accepts.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use unicode_width::UnicodeWidthChar;

/// Maximum length of a text in characters: enough for a condition message, not for a flood (`docs/security.md`).
pub const CAP: usize = 1024;

/// Maximum number of combining marks per base character: enough for every script, not for a flood (`docs/security.md`).
pub const MARKS: usize = 4;

/// Bytes of the two counts of an [`Arc`].
const COUNTS: u64 = 16;

/// Zero-width joiner.
const JOINER: char = '\u{200d}';

/// Text that can be written to a terminal: no control characters, no escapes, no bidi or invisible format characters.
///
/// Only [`Clean::new`] makes one, so a function that takes `Clean` cannot be handed raw text.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Clean(Arc<str>);

impl Clean {
    /// Sanitises `raw`.
    #[must_use]
    pub fn new(raw: &str) -> Self {
        Self(sanitize(raw).into())
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Bytes on the heap: the text, and two counts before it.
    #[must_use]
    pub fn heap_bytes(&self) -> u64 {
        COUNTS + self.0.len() as u64
    }

    /// Number of references to this copy of the text.
    pub(crate) fn ref_count(&self) -> usize {
        Arc::strong_count(&self.0)
    }
}

impl Deref for Clean {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for Clean {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Clean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Clean {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl From<&str> for Clean {
    fn from(raw: &str) -> Self {
        Self::new(raw)
    }
}

impl Serialize for Clean {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Clean {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Cow::<str>::deserialize(deserializer)?;
        Ok(Self::new(&raw))
    }
}

/// Returns `true` if `text` is a DNS label of RFC 1123, like the name of a namespace (apimachinery `pkg/util/validation`,
/// `IsDNS1123Label`).
#[must_use]
pub fn is_dns_label(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(inside) && !text.starts_with('-') && !text.ends_with('-')
}

/// Formats `text` as one word for a POSIX shell, for commands and names to paste: plain if that is safe, else quoted.
///
/// Characters that a terminal does not show as they are (controls, invisible characters, runs of spaces) become octal bytes in
/// `$'…'`, which bash, zsh and ksh understand, so that the pasted word equals the name.
#[must_use]
pub fn shell_word(text: &str) -> Cow<'_, str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_@%+:,./-=".contains(&byte);
    // zsh expands `=name` to the path of a command.
    if !text.is_empty() && !text.starts_with('=') && text.bytes().all(is_plain) {
        return Cow::Borrowed(text);
    }
    if sanitize(text) == text && !text.contains("  ") {
        return Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")));
    }
    let mut word = "$'".to_owned();
    for byte in text.bytes() {
        match byte {
            b'\'' | b'\\' => word.extend(['\\', char::from(byte)]),
            b'!'..=b'~' => word.push(char::from(byte)),
            _ => _ = write!(word, "\\{byte:03o}"),
        }
    }
    word.push('\'');
    Cow::Owned(word)
}

/// Makes `raw` safe for a terminal; borrowed if nothing changes.
///
/// Controls become visible (`␛`, `�`), line breaks and tabs a space; bidi and invisible format characters are removed; a base
/// keeps at most [`MARKS`] combining marks and a text at most [`CAP`] characters, the last being `…`. Names are not normalised.
/// The function is idempotent. Source: `docs/security.md`.
#[must_use]
pub fn sanitize(raw: &str) -> Cow<'_, str> {
    // For a short text, checking every byte is faster than stopping at the first one that is not plain.
    if raw.len() <= CAP && raw.bytes().fold(true, |plain, b| plain & matches!(b, b' '..=b'~')) {
        return Cow::Borrowed(raw);
    }
    let mut out = Cleaner { text: String::with_capacity(raw.len().min(CAP * 4)), chars: 0, last: None, marks: MARKS };
    let mut rest = raw.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\r' if rest.peek() == Some(&'\n') => {}
            '\n' | '\t' | '\u{2028}' | '\u{2029}' => out.base(' '),
            '\x1b' => out.base('␛'),
            c if c.is_control() => out.base('�'),
            JOINER => {
                if out.last.is_some_and(joins) && rest.peek().is_some_and(|&next| is_emoji(next)) {
                    out.keep(c);
                }
            }
            c if is_invisible(c) => {}
            c if c.width() == Some(0) => out.mark(c),
            c => out.base(c),
        }
        if out.chars > CAP {
            break;
        }
    }
    Cow::Owned(out.finish())
}

struct Cleaner {
    text: String,
    chars: usize,
    last: Option<char>,
    marks: usize,
}

impl Cleaner {
    fn keep(&mut self, c: char) {
        self.text.push(c);
        self.chars += 1;
        self.last = Some(c);
    }

    fn base(&mut self, c: char) {
        self.marks = 0;
        self.keep(c);
    }

    /// Appends a mark. A mark without a base would attach to the text left of it on the screen, so it is dropped.
    fn mark(&mut self, c: char) {
        if self.marks < MARKS {
            self.marks += 1;
            self.keep(c);
        }
    }

    fn finish(mut self) -> String {
        if self.chars > CAP {
            while self.chars >= CAP || self.text.ends_with(JOINER) {
                self.text.pop();
                self.chars -= 1;
            }
            self.text.push('…');
        }
        self.text
    }
}

/// Returns `true` if an emoji sequence may continue after this character and a joiner.
fn joins(c: char) -> bool {
    c == '\u{fe0f}' || is_emoji(c)
}

/// Returns `true` in the blocks that contain nearly all emoji (Unicode `emoji-data.txt`); a joiner elsewhere only hides text.
fn is_emoji(c: char) -> bool {
    matches!(c, '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{23ff}' | '\u{2600}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
}

/// Returns `true` for format characters (`Cf`), bidi controls among them, and for letters or selectors that draw nothing.
///
/// Source: Unicode `DerivedGeneralCategory.txt` (Cf) and `DerivedCoreProperties.txt` (`Default_Ignorable_Code_Point`), without
/// the text and emoji selectors U+FE0E and U+FE0F, which change the appearance of the character before them.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
        | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0d}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Formats a count with its noun, `1 node`, `2 nodes`; the plural takes an `s`.
#[must_use]
pub fn counted<T: Copy + fmt::Display + PartialEq + From<u8>>(count: T, noun: &str) -> String {
    let plural = if count == T::from(1) { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

#[cfg(test)]
mod tests;
