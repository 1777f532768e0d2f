//! Alerts with two thresholds: what raises them is not what clears them.

use std::time::Duration;

use super::words::{short, span};
use crate::facts::text::counted;
use crate::model::Settings;
use crate::model::latency::{Latency, call_name, call_title};
use crate::msg::{Attempt, CallKind, End, Mono};

/// Calls in a row that must be fast again: docs/latency-and-alerts.md.
const FAST_CALLS: u32 = 3;

/// A call took, or takes, longer than it should.
#[derive(Debug, Default)]
pub(super) struct SlowCall {
    /// What was slow last, for how long, and what of that was waiting.
    last: Option<(String, Duration, String)>,
    peak: Duration,
    fast: u32,
}

impl SlowCall {
    pub(super) fn finished(&mut self, attempt: &Attempt, settings: &Settings) {
        // `/livez` skips every queue: it says nothing about calls that do not.
        if attempt.end == End::Cancelled || attempt.kind == CallKind::Ping || attempt.kind.is_optional() {
            return;
        }
        if attempt.total > settings.slow_call {
            self.raise(call_title(attempt.kind, attempt.page), attempt.total, waited(attempt));
        } else if attempt.end == End::Complete && attempt.total < settings.slow_call_clear {
            self.fast = self.fast.saturating_add(1);
        } else {
            self.fast = 0;
        }
    }

    /// Looks at the longest running call; returns what to say, and the longest so far, while it fires.
    pub(super) fn check(
        &mut self,
        running: Option<(String, Duration, String)>,
        settings: &Settings,
    ) -> Option<(String, Duration)> {
        let limit = span(settings.slow_call);
        if let Some((what, took, so_far)) = &running
            && *took > settings.slow_call
        {
            self.raise(what.clone(), *took, so_far.clone());
            return Some((format!("{what} has run {} (limit {limit}), {so_far}", span(*took)), self.peak));
        }
        let drags = running.is_some_and(|(_, took, _)| took > settings.slow_call_clear);
        if self.fast >= FAST_CALLS && !drags {
            self.last = None;
            self.peak = Duration::ZERO;
        }
        let (what, took, waited) = self.last.as_ref()?;
        let peak = if self.peak > *took { format!(", peak {}", span(self.peak)) } else { String::new() };
        Some((format!("{what} took {} (limit {limit}), {waited}{peak}", span(*took)), self.peak))
    }

    fn raise(&mut self, what: String, took: Duration, waited: String) {
        self.fast = 0;
        self.peak = self.peak.max(took);
        self.last = Some((what, took, waited));
    }
}

/// Where the time of a call went that has ended: what came before the first byte is the network or the server, the rest is
/// the body.
fn waited(attempt: &Attempt) -> String {
    match (attempt.connect, attempt.first_byte) {
        _ if matches!(attempt.end, End::NotConnected(_)) => "no connection came about".to_owned(),
        (Some(connect), _) if connect * 2 > attempt.total => format!("{} of it connecting", span(connect)),
        (_, Some(first_byte)) => format!("first byte after {}", span(first_byte)),
        (_, None) => "no byte came".to_owned(),
    }
}

/// More timeouts in the window than there may be.
#[derive(Debug, Default)]
pub(super) struct Timeouts {
    firing: bool,
    peak: u32,
    /// The server was unreachable until then, and what timed out did so because of that.
    from: Mono,
}

/// What there is to say of timeouts.
#[derive(Clone, Debug)]
pub(super) struct TimeoutsSaid {
    pub(super) text: String,
    pub(super) peak: u32,
    /// Everything answers again; only the window still holds them.
    pub(super) recovering: bool,
}

/// How the server answers while timeouts are counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answering {
    /// Another alert says that it does not answer at all.
    pub(super) unreachable: bool,
    /// It is silent, and may be about to be called so.
    pub(super) silent: bool,
    /// Everything is fast again, this long after the last timeout.
    pub(super) green: Option<Duration>,
}

impl Timeouts {
    /// When the server was unreachable last; the beginning if it never was.
    pub(super) fn answering_since(&self) -> Mono {
        self.from
    }

    /// Counts again; returns what to say while it fires.
    pub(super) fn check(
        &mut self,
        latency: &Latency,
        settings: &Settings,
        answering: Answering,
        now: Mono,
    ) -> Option<TimeoutsSaid> {
        if answering.unreachable {
            self.from = now;
        }
        let count = latency.timeouts_within(now.since(self.from), now);
        let quiet = latency.since_timeout(now).is_none_or(|since| since >= settings.timeouts_quiet);
        if count > settings.timeouts_over && !answering.silent {
            self.firing = true;
        } else if count <= settings.timeouts_clear && quiet {
            self.firing = false;
            self.peak = 0;
        }
        if !self.firing {
            return None;
        }
        self.peak = self.peak.max(count);
        let window = span(settings.timeouts_window);
        let most = latency.most_timeouts(now);
        let most = most.map(|(kind, most)| format!(", {most} of them {}", call_name(kind))).unwrap_or_default();
        let peak = if self.peak > count { format!(", peak {}", self.peak) } else { String::new() };
        let again = answering.green.map(|since| format!("recovering, last timeout {} ago: ", short(since)));
        let limit = settings.timeouts_over;
        let text = format!(
            "{}{} in {window} (limit {limit}){most}{peak}",
            again.unwrap_or_default(),
            counted(count, "timeout")
        );
        Some(TimeoutsSaid { text, peak: self.peak, recovering: answering.green.is_some() })
    }
}
