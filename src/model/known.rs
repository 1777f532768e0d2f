//! `Known`: a number, and how well it is known.

/// A number, and how well it is known. An unknown number is never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known<T> {
    /// Nothing is known: the first list has brought nothing yet, or the source lacks the number.
    Unknown,
    /// A lower bound: the first list runs, only the pods of some namespaces are read (F23), or some objects could not be read.
    AtLeast(T),
    /// As of the last complete list and every change since.
    Exact(T),
    /// Reading is forbidden (403).
    Denied,
}

impl<T> Known<T> {
    /// The number, if it is exact.
    pub fn exact(self) -> Option<T> {
        match self {
            Self::Exact(value) => Some(value),
            _ => None,
        }
    }

    /// The number or its lower bound, if anything is known.
    pub fn any(self) -> Option<T> {
        match self {
            Self::Exact(value) | Self::AtLeast(value) => Some(value),
            _ => None,
        }
    }

    /// The number if it is exact: a lower bound of requests is no lower bound of free capacity.
    #[must_use]
    pub fn exact_or_unknown(self) -> Self {
        match self {
            Self::AtLeast(_) => Self::Unknown,
            known => known,
        }
    }

    /// The number as a lower bound, for counts that may be incomplete.
    #[must_use]
    pub fn at_least(self) -> Self {
        match self {
            Self::Exact(value) => Self::AtLeast(value),
            known => known,
        }
    }

    /// The same with a reference to the number.
    pub fn as_ref(&self) -> Known<&T> {
        match self {
            Self::Unknown => Known::Unknown,
            Self::AtLeast(value) => Known::AtLeast(value),
            Self::Exact(value) => Known::Exact(value),
            Self::Denied => Known::Denied,
        }
    }

    /// Maps the number and keeps the state.
    pub fn map<U>(self, with: impl FnOnce(T) -> U) -> Known<U> {
        match self {
            Self::Unknown => Known::Unknown,
            Self::AtLeast(value) => Known::AtLeast(with(value)),
            Self::Exact(value) => Known::Exact(with(value)),
            Self::Denied => Known::Denied,
        }
    }
}

/// Converts a sum to 64 bits, saturated.
pub(in crate::model) fn saturate(sum: i128) -> i64 {
    i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX })
}
