//! Time of the loop: a monotonic clock for durations, the wall clock for ages.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Monotonic time since the program started; comparable within one run only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Mono(pub Duration);

impl Mono {
    /// Time since `earlier`; zero if that is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl std::ops::Add<Duration> for Mono {
    type Output = Self;
    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span))
    }
}

/// Time of one pass of the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// For durations.
    pub mono: Mono,
    /// For ages of objects and for printed times.
    pub wall: Timestamp,
}
