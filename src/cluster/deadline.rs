//! Size tiers, per-call deadlines, the retry budget, the adaptive page size and the outer backoff.
//!
//! Pure: time and jitter come in as arguments.

use std::time::Duration;

use http::HeaderValue;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use super::tuning::{Tier, Tiers, Tuning};
use crate::msg::Smaller;

/// Margin of `?timeout=` below our own limit, so that the server's 504 (with its Audit-Id) comes first.
const SERVER_MARGIN: Duration = Duration::from_secs(2);

/// Size tier of a cluster, with hysteresis: a cluster of about 50 nodes does not toggle.
#[derive(Clone, Debug)]
pub(crate) struct SizeTier {
    tiers: Tiers,
    step: Option<usize>,
}

impl SizeTier {
    pub(crate) fn new(tiers: Tiers) -> Self {
        Self { tiers, step: None }
    }

    /// Records the number of nodes of a finished list.
    pub(crate) fn observe(&mut self, nodes: u32) {
        let step_of = |count: u64| {
            let at_least = |tier: &Tier| u64::from(tier.nodes) * 100 <= count;
            self.tiers.steps.iter().rposition(at_least).unwrap_or(0)
        };
        let (nodes, slack) = (u64::from(nodes), u64::from(self.tiers.hysteresis_pct));
        self.step = Some(match self.step {
            None => step_of(nodes * 100),
            // A boundary is crossed only when the number passes it by the slack.
            Some(now) => now.max(step_of(nodes * (100 - slack.min(100)))).min(step_of(nodes * (100 + slack))),
        });
    }

    /// Number of nodes from which the tier begins; `None` while the number of nodes is unknown.
    pub(crate) fn from(&self) -> Option<u32> {
        self.step.and_then(|step| self.tiers.steps.get(step)).map(|tier| tier.nodes)
    }

    /// Deadline of one page.
    pub(crate) fn page_deadline(&self) -> Duration {
        self.step.and_then(|step| self.tiers.steps.get(step)).map_or(self.tiers.unknown, |tier| tier.deadline)
    }
}

/// Limits of one attempt of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageAttempt {
    /// Deadline of the headers, and of a body that does not move.
    pub(crate) deadline: Duration,
    /// Longest time without a byte of the body.
    pub(crate) idle: Duration,
    /// Deadline of a body that moves steadily.
    pub(crate) cap: Duration,
    /// `?timeout=` in whole seconds.
    pub(crate) server_secs: u64,
}

impl PageAttempt {
    /// The tier's deadline, or what remains of the budget where that is less.
    pub(crate) fn new(tuning: &Tuning, tier: Duration, remaining: Duration) -> Self {
        let deadline = tier.min(remaining);
        Self {
            deadline,
            idle: (deadline / 2).clamp(tuning.idle.least, tuning.idle.most.max(tuning.idle.least)),
            cap: tuning.page_cap.max(tier).min(remaining),
            // Not the deadline: the server would cut a body that is still being sent, however steadily it moves
            // (F15).
            server_secs: server_secs(tuning.page_cap.max(tier).min(remaining)),
        }
    }

    /// Limits for a page whose last attempt got no answer: the server's 504 comes before our deadline and so tells a slow
    /// server from a slow network path (F31).
    pub(crate) fn ask_for_an_answer(self) -> Self {
        Self { server_secs: server_secs(self.deadline), ..self }
    }
}

fn server_secs(ours: Duration) -> u64 {
    ours.saturating_sub(SERVER_MARGIN).as_secs().max(1)
}

/// Objects per page: a step down on a timeout, a step up after some fast pages.
#[derive(Clone, Debug)]
pub(crate) struct PageSize {
    sizes: Vec<u32>,
    at: usize,
    fast: u32,
    fast_needed: u32,
    why: Option<Smaller>,
}

impl PageSize {
    pub(crate) fn new(tuning: &Tuning) -> Self {
        Self { sizes: tuning.page_sizes.clone(), at: 0, fast: 0, fast_needed: tuning.fast_pages, why: None }
    }

    /// The reason why it is not the largest; `None` if it is.
    pub(crate) fn smaller(&self) -> Option<Smaller> {
        self.why.filter(|_| self.at > 0)
    }

    pub(crate) fn limit(&self) -> u32 {
        self.sizes.get(self.at).copied().unwrap_or(500)
    }

    /// One step down; the new size, unless it was the smallest already.
    pub(crate) fn shrink(&mut self, why: Smaller) -> Option<u32> {
        self.fast = 0;
        if self.at + 1 >= self.sizes.len() {
            return None;
        }
        self.at += 1;
        self.why = Some(why);
        Some(self.limit())
    }

    /// Records a page; it was fast if it came within a quarter of its deadline.
    pub(crate) fn arrived(&mut self, took: Duration, deadline: Duration) {
        if took * 4 > deadline {
            self.fast = 0;
            return;
        }
        self.fast += 1;
        if self.fast >= self.fast_needed {
            self.fast = 0;
            self.at = self.at.saturating_sub(1);
        }
    }
}

/// The outer backoff, client-go's R8: each delay d…2d, d doubling from 0.8 s to 30 s.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    first: Duration,
    cap: Duration,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(tuning: &Tuning) -> Self {
        Self { first: tuning.backoff_first, cap: tuning.backoff_cap, failures: 0 }
    }

    /// The next delay; `jitter` is in 0..1.
    pub(crate) fn next(&mut self, jitter: f64) -> Duration {
        let base = self.first.saturating_mul(1 << self.failures.min(16)).min(self.cap);
        self.failures = self.failures.saturating_add(1);
        base + base.mul_f64(jitter.clamp(0.0, 1.0))
    }

    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// `Retry-After`: seconds or an HTTP date; clamped to `cap`, `None` if it is unusable (F36).
pub(crate) fn retry_after(value: &HeaderValue, wall: Timestamp, cap: Duration) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // A number too large for u64 is still a number: the longest wait.
        return Some(text.parse().map_or(cap, Duration::from_secs).min(cap));
    }
    let until = DateTimeParser::new().parse_timestamp(text).ok()?;
    let wait = Duration::try_from(until.duration_since(wall)).unwrap_or(Duration::ZERO);
    Some(wait.min(cap))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    #[test]
    fn the_first_count_of_nodes_picks_the_tier_of_the_table() {
        for (nodes, deadline) in [(0, 15), (9, 15), (10, 20), (49, 20), (50, 30), (200, 30), (201, 60), (5000, 60)] {
            let mut tier = SizeTier::new(Tiers::default());
            assert_eq!(tier.page_deadline(), secs(30), "unknown is the middle tier");
            tier.observe(nodes);
            assert_eq!(tier.page_deadline(), secs(deadline), "{nodes} nodes");
        }
    }

    #[test]
    fn a_cluster_at_a_boundary_does_not_toggle() {
        let mut tier = SizeTier::new(Tiers::default());
        tier.observe(48);
        for nodes in [50, 49, 52, 55] {
            tier.observe(nodes);
            assert_eq!(tier.page_deadline(), secs(20), "{nodes} is not 10 % above 50");
        }
        tier.observe(56);
        assert_eq!(tier.page_deadline(), secs(30));
        for nodes in [50, 47, 46] {
            tier.observe(nodes);
            assert_eq!(tier.page_deadline(), secs(30), "{nodes} is not 10 % below 50");
        }
        tier.observe(45);
        assert_eq!(tier.page_deadline(), secs(20));
        tier.observe(3000);
        assert_eq!(tier.page_deadline(), secs(60), "two tiers at once");
    }

    #[test]
    fn a_page_asks_the_server_for_a_little_less_than_it_waits_itself() {
        let tuning = Tuning::default();
        let limits = PageAttempt::new(&tuning, secs(30), secs(120));
        assert_eq!(limits, PageAttempt { deadline: secs(30), idle: secs(15), cap: secs(60), server_secs: 58 });
        assert_eq!(limits.ask_for_an_answer().server_secs, 28);
        let last = PageAttempt::new(&tuning, secs(30), secs(23));
        assert_eq!(
            last,
            PageAttempt { deadline: secs(23), idle: Duration::from_millis(11_500), cap: secs(23), server_secs: 21 }
        );
        assert_eq!(PageAttempt::new(&tuning, secs(15), secs(120)).idle, secs(10), "not below 10 s");
    }

    #[test]
    fn the_page_size_shrinks_on_timeouts_and_grows_after_three_fast_pages() {
        let mut size = PageSize::new(&Tuning::default());
        let mut seen = vec![size.limit()];
        assert_eq!(size.smaller(), None);
        for step in [Some(250), Some(100), Some(50), None] {
            assert_eq!(size.shrink(Smaller::Stall), step);
            seen.push(size.limit());
        }
        assert_eq!(seen, [500, 250, 100, 50, 50]);
        assert_eq!(size.smaller(), Some(Smaller::Stall));
        size.arrived(secs(1), secs(30));
        size.arrived(secs(1), secs(30));
        size.arrived(secs(20), secs(30));
        size.arrived(secs(1), secs(30));
        size.arrived(secs(1), secs(30));
        assert_eq!(size.limit(), 50, "a slow page starts the count again");
        size.arrived(secs(1), secs(30));
        assert_eq!(size.limit(), 100);
        for _ in 0..6 {
            assert_eq!(size.smaller(), Some(Smaller::Stall));
            size.arrived(secs(1), secs(30));
        }
        assert_eq!((size.limit(), size.smaller()), (500, None), "grown back");
    }

    #[test]
    fn the_backoff_doubles_to_its_cap_and_starts_over_only_when_reset() {
        let mut backoff = Backoff::new(&Tuning::default());
        let low: Vec<u128> = (0..8).map(|_| backoff.next(0.0).as_millis()).collect();
        assert_eq!(low, [800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]);
        assert_eq!(backoff.next(1.0), secs(60), "full jitter doubles");
        backoff.reset();
        assert_eq!(backoff.next(0.5), Duration::from_millis(1200));
    }

    #[test]
    fn an_absurd_retry_after_is_clamped_and_never_panics() {
        let wall: Timestamp = "2015-10-21T07:28:00Z".parse().unwrap();
        let parse = |text: &str| retry_after(&HeaderValue::from_str(text).unwrap(), wall, secs(60));
        assert_eq!(parse("7"), Some(secs(7)));
        assert_eq!(parse("0"), Some(secs(0)));
        assert_eq!(parse("86400"), Some(secs(60)));
        assert_eq!(parse("18446744073709551615"), Some(secs(60)));
        assert_eq!(parse("99999999999999999999999999"), Some(secs(60)));
        assert_eq!(parse("-1"), None);
        assert_eq!(parse("soon"), None);
        assert_eq!(parse(""), None);
        assert_eq!(parse("Wed, 21 Oct 2015 07:28:05 GMT"), Some(secs(5)));
        assert_eq!(parse("Wed, 21 Oct 2015 09:28:00 GMT"), Some(secs(60)));
        assert_eq!(parse("Wed, 21 Oct 2009 07:28:00 GMT"), Some(secs(0)));
    }
}
