//! A histogram with fixed logarithmic buckets: bounded memory, mergeable.

use std::time::Duration;

use super::Percentile;

/// Eight buckets per power of two: a value is known to one part in eight.
const SUB: usize = 8;
/// Powers of two from 1 ms: 2^19 ms is 524 s, more than the longest deadline (300 s).
const OCTAVES: usize = 19;
/// One below 1 ms, the octaves, one above.
const BUCKETS: usize = 1 + OCTAVES * SUB + 1;

/// Durations in fixed buckets; those of calls that timed out are kept apart, as lower bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram {
    complete: Box<[u32; BUCKETS]>,
    censored: Box<[u32; BUCKETS]>,
    count: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { complete: Box::new([0; BUCKETS]), censored: Box::new([0; BUCKETS]), count: 0 }
    }
}

impl Histogram {
    /// Counts `value`; `censored` is `true` if it is only a lower bound.
    pub fn record(&mut self, value: Duration, censored: bool) {
        let side = if censored { &mut self.censored } else { &mut self.complete };
        let bucket = &mut side[bucket(value)];
        *bucket = bucket.saturating_add(1);
        self.count += 1;
    }

    /// Adds the counts of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.complete.iter_mut().zip(other.complete.iter()) {
            *mine = mine.saturating_add(*theirs);
        }
        for (mine, theirs) in self.censored.iter_mut().zip(other.censored.iter()) {
            *mine = mine.saturating_add(*theirs);
        }
        self.count += other.count;
    }

    /// Number of counted values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The percentile by nearest rank: the lower end of the bucket that holds it, so at most an eighth too small.
    /// In one bucket lower bounds sort after exact values.
    #[must_use]
    pub fn percentile(&self, percent: u8) -> Option<Percentile> {
        let rank = (self.count * u64::from(percent)).div_ceil(100).max(1);
        let mut seen = 0;
        for at in 0..BUCKETS {
            for (side, at_least) in [(&self.complete, false), (&self.censored, true)] {
                seen += u64::from(side[at]);
                if seen >= rank {
                    return Some(Percentile { value: lower_end(at), at_least });
                }
            }
        }
        None
    }
}

/// The bucket of a duration.
fn bucket(value: Duration) -> usize {
    let us = u64::try_from(value.as_micros()).unwrap_or(u64::MAX);
    let ms = us / 1000;
    if ms == 0 {
        return 0;
    }
    let octave = usize::try_from(ms.ilog2()).expect("at most 63");
    if octave >= OCTAVES {
        return BUCKETS - 1;
    }
    let floor = 1000_u64 << octave;
    let sub = usize::try_from((us - floor) * SUB as u64 / floor).expect("less than SUB");
    1 + octave * SUB + sub
}

/// Lower bound of a bucket.
fn lower_end(bucket: usize) -> Duration {
    if bucket == 0 {
        return Duration::ZERO;
    }
    let (octave, sub) = ((bucket - 1) / SUB, (bucket - 1) % SUB);
    let floor = 1000_u64 << octave;
    Duration::from_micros(floor + floor * sub as u64 / SUB as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn buckets_begin_where_the_arithmetic_says() {
        // 1 ms, 1.125 ms, ..., 2 ms, 2.25 ms: counted by hand.
        let ends: Vec<u128> = (0..11).map(|at| lower_end(at).as_micros()).collect();
        assert_eq!(ends, [0, 1000, 1125, 1250, 1375, 1500, 1625, 1750, 1875, 2000, 2250]);
    }

    #[test]
    fn a_day_still_has_a_bucket() {
        let mut histogram = Histogram::default();
        histogram.record(Duration::from_secs(86_400), false);
        assert_eq!(histogram.percentile(50).map(|p| p.value), Some(Duration::from_millis(1 << OCTAVES)));
    }

    #[test]
    fn nothing_recorded_is_no_percentile() {
        assert_eq!(Histogram::default().percentile(50), None);
    }

    proptest! {
        #[test]
        fn a_percentile_is_within_an_eighth_of_the_exact_one(
            values in prop::collection::vec((1_000_u64..300_000_000, any::<bool>()), 1..200),
            percent in 1_u8..=100,
        ) {
            let mut histogram = Histogram::default();
            for (us, censored) in &values {
                histogram.record(Duration::from_micros(*us), *censored);
            }
            let mut sorted: Vec<u64> = values.iter().map(|(us, _)| *us).collect();
            sorted.sort_unstable();
            let rank = (sorted.len() * usize::from(percent)).div_ceil(100);
            let exact = sorted[rank - 1];
            let found = u64::try_from(histogram.percentile(percent).unwrap().value.as_micros()).unwrap();
            prop_assert!(found <= exact && exact - found <= exact / 8 + 1, "{found} for {exact}");
        }

        #[test]
        fn merging_is_recording_both(a in prop::collection::vec(0_u64..1_000_000, 0..50), b in prop::collection::vec(0_u64..1_000_000, 0..50)) {
            let (mut left, mut right, mut both) = (Histogram::default(), Histogram::default(), Histogram::default());
            for us in &a {
                left.record(Duration::from_micros(*us), false);
                both.record(Duration::from_micros(*us), false);
            }
            for us in &b {
                right.record(Duration::from_micros(*us), true);
                both.record(Duration::from_micros(*us), true);
            }
            left.merge(&right);
            prop_assert_eq!(left, both);
        }
    }
}
