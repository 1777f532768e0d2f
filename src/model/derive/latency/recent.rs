//! Events of the last minutes, each with a value.

use std::collections::VecDeque;
use std::time::Duration;

use crate::msg::Mono;

/// Maximum number of events that are kept. At the maximum rate of one request per second (G4) ten minutes hold 600; above the
/// maximum the count is a lower bound far above every threshold.
const CAPACITY: usize = 4096;

/// Events in order of arrival.
#[derive(Debug)]
pub(super) struct Recent<T> {
    events: VecDeque<(Mono, T)>,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self { events: VecDeque::new() }
    }
}

impl<T: Copy + PartialEq> Recent<T> {
    pub(super) fn push(&mut self, at: Mono, what: T) {
        if self.events.len() == CAPACITY {
            self.events.pop_front();
        }
        self.events.push_back((at, what));
    }

    /// Drops entries older than `span`, except the newest, which gives the time since the last event.
    pub(super) fn expire(&mut self, now: Mono, span: Duration) {
        while self.events.len() > 1 && self.events.front().is_some_and(|(at, _)| now.since(*at) > span) {
            self.events.pop_front();
        }
    }

    pub(super) fn count(&self, now: Mono, span: Duration) -> u32 {
        u32::try_from(self.within(now, span).count()).unwrap_or(u32::MAX)
    }

    pub(super) fn since(&self, now: Mono) -> Option<Duration> {
        self.events.back().map(|(at, _)| now.since(*at))
    }

    /// The most frequent value and its count; the most recent of equals.
    pub(super) fn most(&self, now: Mono, span: Duration) -> Option<(T, u32)> {
        let mut counts: Vec<(T, u32)> = Vec::new();
        for what in self.within(now, span) {
            match counts.iter_mut().find(|(known, _)| *known == what) {
                Some((_, count)) => *count += 1,
                None => counts.push((what, 1)),
            }
        }
        let most = counts.iter().map(|(_, count)| *count).max()?;
        counts.into_iter().find(|(_, count)| *count == most)
    }

    fn within(&self, now: Mono, span: Duration) -> impl Iterator<Item = T> {
        self.events.iter().rev().take_while(move |(at, _)| now.since(*at) <= span).map(|(_, what)| *what)
    }
}
