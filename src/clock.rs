//! The only module that reads a clock.
//!
//! [`Clock`] turns tokio's monotonic clock (which a test can pause) and the wall clock into a [`Now`], the only form of
//! time that the model sees.

use jiff::Timestamp;
use tokio::time::Instant;

use crate::msg::{Mono, Now};

/// Start of monotonic time, shared by every task, so that their [`Mono`] values can be compared.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    epoch: Instant,
}

impl Clock {
    /// Creates a clock whose monotonic time is zero now.
    #[must_use]
    pub fn start() -> Self {
        Self { epoch: Instant::now() }
    }

    /// Monotonic time since the start of the clock.
    #[must_use]
    pub fn mono(&self) -> Mono {
        Mono(self.epoch.elapsed())
    }

    /// Both clocks, read together.
    #[must_use]
    pub fn now(&self) -> Now {
        Now { mono: self.mono(), wall: wall() }
    }

    /// Converts a monotonic time to an [`Instant`], for a timer.
    #[must_use]
    pub fn instant(&self, at: Mono) -> Instant {
        self.epoch + at.0
    }
}

/// The wall clock of this machine.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
pub fn wall() -> Timestamp {
    Timestamp::now()
}
