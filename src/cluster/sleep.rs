//! Detection of a sleep of the machine, or a stop of the program (F67).

use std::time::Duration;

use crate::msg::Now;

/// Lead of the wall clock over the monotonic one that means a sleep of the machine. A little less than the 5 s of the
/// model, so that the tasks list again whenever the model calls its data stale.
const DRIFT: Duration = Duration::from_secs(4);
/// Delay of a check that means a stop of the program: its peers may have dropped its connections. A busy machine is
/// never that late.
const LATE: Duration = Duration::from_secs(30);

/// Compares the clocks at every check.
#[derive(Debug)]
pub(crate) struct SleepDetector {
    last: Now,
}

impl SleepDetector {
    /// Time between two checks.
    pub(crate) const PERIOD: Duration = Duration::from_secs(1);

    pub(crate) fn new(now: Now) -> Self {
        Self { last: now }
    }

    /// Returns `true` if there was a sleep since the last check. A wall clock that is set back is no sleep.
    pub(crate) fn slept(&mut self, now: Now) -> bool {
        let last = std::mem::replace(&mut self.last, now);
        let mono = now.mono.since(last.mono);
        let wall = Duration::try_from(now.wall.duration_since(last.wall)).unwrap_or_default();
        wall.saturating_sub(mono) > DRIFT || mono > Self::PERIOD + LATE
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::msg::Mono;

    fn at(mono_ms: u64, wall_ms: i64) -> Now {
        Now { mono: Mono(Duration::from_millis(mono_ms)), wall: Timestamp::from_millisecond(wall_ms).unwrap() }
    }

    #[test]
    fn f67_a_wall_clock_that_ran_ahead_and_a_look_that_came_late_are_a_sleep() {
        let mut detector = SleepDetector::new(at(0, 1_000_000));
        assert!(!detector.slept(at(1_000, 1_001_000)));
        assert!(detector.slept(at(2_000, 4_602_000)), "an hour that the monotonic clock did not count");
        assert!(!detector.slept(at(3_000, 4_603_000)), "told once");
        assert!(detector.slept(at(3_603_000, 8_203_000)), "stopped for an hour that both clocks counted");
        assert!(!detector.slept(at(3_604_000, 8_206_900)), "2.9 s are a clock that is set right");
        assert!(!detector.slept(at(3_605_000, 1_000)), "a clock that is set back is no sleep (F66)");
        assert!(!detector.slept(at(3_615_000, 11_000)), "a busy machine is late by some seconds");
    }
}
