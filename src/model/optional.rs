//! APIs that a cluster need not have: whether they are seen, and if not, why.

use crate::facts::text::Clean;

/// Whether an API that a cluster need not have is seen. What is not seen is never shown as 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Visibility {
    /// Nothing was answered yet.
    #[default]
    Unknown,
    /// What it says is known.
    Visible,
    /// The configuration says not to ask.
    Off,
    /// The server does not have it (404).
    Absent,
    /// We may not see it (403): what the server said.
    Denied(Clean),
    /// It is there and does not answer: what happened. What was known before is kept and ages.
    Unavailable(Clean),
}

impl Visibility {
    /// An answer of any kind came: waiting longer brings nothing new soon.
    #[must_use]
    pub fn answered(&self) -> bool {
        *self != Self::Unknown
    }

    /// Why it is not seen, for people; `None` if it is.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Visible => None,
            Self::Unknown => Some("not read yet".to_owned()),
            Self::Off => Some("switched off in the configuration".to_owned()),
            Self::Absent => Some("the server does not have it (404)".to_owned()),
            Self::Denied(_) => Some("forbidden (403)".to_owned()),
            Self::Unavailable(text) => Some(format!("unavailable: {text}")),
        }
    }
}
