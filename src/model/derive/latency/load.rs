//! watchbell's own load on the server, by second over the last minute.

use std::time::Duration;

use crate::msg::Mono;

const SECONDS: usize = 60;

/// One bucket per second of the last minute.
#[derive(Debug)]
pub(super) struct OwnLoad {
    buckets: [LoadBucket; SECONDS],
    first: Option<u64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct LoadBucket {
    second: u64,
    requests: u32,
    bytes: u64,
}

impl Default for OwnLoad {
    fn default() -> Self {
        Self { buckets: [LoadBucket::default(); SECONDS], first: None }
    }
}

impl OwnLoad {
    pub(super) fn request(&mut self, now: Mono) {
        self.bucket(now).requests += 1;
    }

    pub(super) fn bytes(&mut self, now: Mono, bytes: u64) {
        let bucket = self.bucket(now);
        bucket.bytes = bucket.bytes.saturating_add(bytes);
    }

    /// Requests and bytes per second over the last minute, or over the time since the first of them if that is shorter.
    pub(super) fn per_second(&self, now: Mono) -> (f64, f64) {
        let second = now.0.as_secs();
        let Some(first) = self.first else { return (0.0, 0.0) };
        let recent =
            self.buckets.iter().filter(|bucket| bucket.second <= second && bucket.second + SECONDS as u64 > second);
        let (requests, bytes) = recent
            .fold((0_u64, 0_u64), |(r, b), bucket| (r + u64::from(bucket.requests), b.saturating_add(bucket.bytes)));
        let span =
            Duration::from_secs(second.saturating_sub(first).saturating_add(1).min(SECONDS as u64)).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people; 2^52 bytes in a minute do not occur")]
        let rates = (requests as f64 / span, bytes as f64 / span);
        rates
    }

    fn bucket(&mut self, now: Mono) -> &mut LoadBucket {
        let second = now.0.as_secs();
        self.first.get_or_insert(second);
        let at = usize::try_from(second % SECONDS as u64).expect("a remainder of 60 fits");
        let bucket = &mut self.buckets[at];
        if bucket.second != second {
            *bucket = LoadBucket { second, ..LoadBucket::default() };
        }
        bucket
    }
}
