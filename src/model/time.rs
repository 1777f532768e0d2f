//! Ages and spans of time, even across a sleep of the machine.

use std::num::NonZeroU64;
use std::time::Duration;

use jiff::Timestamp;

use crate::msg::{Mono, Now};

/// Maximum drift between the clocks; a larger one means that the machine slept (F67).
pub(crate) const CLOCK_DRIFT: Duration = Duration::from_secs(5);

/// Time from `from` to `now`. The monotonic clock may stand still while the machine sleeps, so a clearly longer time by the wall
/// clock counts (F67).
pub(crate) fn elapsed(from: Now, now: Now) -> Duration {
    let mono = now.mono.since(from.mono);
    let wall = Duration::try_from(now.wall.duration_since(from.wall)).unwrap_or_default();
    if wall > mono + CLOCK_DRIFT { wall } else { mono }
}

/// Time since `then`, not negative.
#[must_use]
pub fn age_of(then: Option<Timestamp>, now: Timestamp) -> Option<Duration> {
    Some(Duration::try_from(now.duration_since(then?)).unwrap_or_default())
}

/// A [`Mono`] in half the bytes: microseconds, which are never 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PackedMono(NonZeroU64);

impl From<Mono> for PackedMono {
    fn from(Mono(at): Mono) -> Self {
        let micros = u64::try_from(at.as_micros()).unwrap_or(u64::MAX);
        Self(NonZeroU64::MIN.saturating_add(micros))
    }
}

impl From<PackedMono> for Mono {
    fn from(PackedMono(micros): PackedMono) -> Self {
        Self(Duration::from_micros(micros.get() - 1))
    }
}
