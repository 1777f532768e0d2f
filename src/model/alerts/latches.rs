//! Alerts with one threshold to raise and another to clear them, which therefore keep state.

use std::time::Duration;

use super::evidence::{Evidence, Latched, LatchedAlert};
use super::probe_slow::ProbeSlowLatch;
use super::span::{duration_text, milliseconds, seconds_text};
use crate::facts::text::counted;
use crate::model::derive::latency::{call_name, call_title};
use crate::model::settings::Settings;
use crate::msg::{Attempt, CallEnd, CallKind, Mono};

/// Number of consecutive fast calls that clears `SlowCall`: docs/latency-and-alerts.md.
const FAST_CALLS: u32 = 3;

/// The latches of one cluster.
#[derive(Debug, Default)]
pub(super) struct Latches {
    slow_call: SlowCallLatch,
    timeouts: TimeoutsLatch,
    probe_slow: ProbeSlowLatch,
}

impl Latches {
    /// Applies a call that has ended.
    pub(super) fn finished(&mut self, attempt: &Attempt, settings: &Settings) {
        self.slow_call.finished(attempt, settings);
    }

    /// Updates every latch; returns those that are raised.
    pub(super) fn update(&mut self, evidence: &Evidence<'_>) -> Latched {
        Latched {
            slow_call: self.slow_call.check(evidence),
            timeouts: self.timeouts.check(evidence),
            // Updated after the timeouts, which determine since when the server answers.
            probe_slow: self.probe_slow.check(evidence, self.timeouts.answering_since),
        }
    }
}

/// Latch of `SlowCall`.
#[derive(Debug, Default)]
struct SlowCallLatch {
    /// The last slow call.
    last: Option<TimedCall>,
    peak: Duration,
    /// Fast calls in a row.
    fast: u32,
}

/// A call and the time that it took so far or in all.
#[derive(Debug)]
struct TimedCall {
    /// `pods list page 3`.
    title: String,
    took: Duration,
    /// Account of the time: `first byte after 15 s`.
    detail: String,
}

impl SlowCallLatch {
    fn finished(&mut self, attempt: &Attempt, settings: &Settings) {
        // `/livez` bypasses every queue, so it proves nothing about other calls.
        if attempt.end == CallEnd::Cancelled || attempt.kind == CallKind::Ping || attempt.kind.is_optional() {
            return;
        }
        if attempt.total > settings.slow_call {
            let title = call_title(attempt.kind, attempt.page);
            self.raise(TimedCall { title, took: attempt.total, detail: time_account(attempt) });
        } else if attempt.end == CallEnd::Complete && attempt.total < settings.slow_call_clear {
            self.fast = self.fast.saturating_add(1);
        } else {
            self.fast = 0;
        }
    }

    /// Looks at the call that runs longest.
    fn check(&mut self, evidence: &Evidence<'_>) -> Option<LatchedAlert> {
        let settings = evidence.settings;
        let limit = duration_text(settings.slow_call);
        let running = longest_running(evidence);
        let drags = running.as_ref().is_some_and(|call| call.took > settings.slow_call_clear);
        if let Some(call) = running.filter(|call| call.took > settings.slow_call) {
            let text = format!("{} running {} (limit {limit}), {}", call.title, duration_text(call.took), call.detail);
            self.raise(call);
            return Some(LatchedAlert { text, peak: milliseconds(self.peak), recovering: false });
        }
        if self.fast >= FAST_CALLS && !drags {
            self.last = None;
            self.peak = Duration::ZERO;
        }
        let TimedCall { title, took, detail } = self.last.as_ref()?;
        let peak = if self.peak > *took { format!(", peak {}", duration_text(self.peak)) } else { String::new() };
        let text = format!("{title} took {} (limit {limit}), {detail}{peak}", duration_text(*took));
        Some(LatchedAlert { text, peak: milliseconds(self.peak), recovering: false })
    }

    fn raise(&mut self, call: TimedCall) {
        self.fast = 0;
        self.peak = self.peak.max(call.took);
        self.last = Some(call);
    }
}

/// The call that runs longest unless that is a ping, timed from the last wake-up on. `None` while the server answers nothing at
/// all, which is an alert of its own.
fn longest_running(evidence: &Evidence<'_>) -> Option<TimedCall> {
    let server = &evidence.server;
    let call = server.longest_running.filter(|call| call.kind != CallKind::Ping && !server.silent)?;
    let detail = match call.bytes {
        ..1_000 => "no body yet".to_owned(),
        bytes @ ..1_000_000 => format!("{} kB of body so far", bytes / 1000),
        bytes => format!("{}.{} MB of body so far", bytes / 1_000_000, bytes / 100_000 % 10),
    };
    let took = evidence.now.mono.since(call.at.max(server.resumed));
    Some(TimedCall { title: call_title(call.kind, call.page), took, detail })
}

/// Account of the time of a call that has ended: the network and the server take the time before the first byte, the body takes
/// the rest.
fn time_account(attempt: &Attempt) -> String {
    match (attempt.connect, attempt.first_byte) {
        _ if matches!(attempt.end, CallEnd::NotConnected(_)) => "not connected".to_owned(),
        (Some(connect), _) if connect * 2 > attempt.total => format!("{} of it connecting", duration_text(connect)),
        (_, Some(first_byte)) => format!("first byte after {}", duration_text(first_byte)),
        (_, None) => "no response".to_owned(),
    }
}

/// Latch of `Timeouts`.
#[derive(Debug, Default)]
struct TimeoutsLatch {
    firing: bool,
    peak: u32,
    /// Time at which the server was last unreachable, zero if it never was. Earlier timeouts are explained by that.
    answering_since: Mono,
}

impl TimeoutsLatch {
    /// Counts the timeouts of the window.
    fn check(&mut self, evidence: &Evidence<'_>) -> Option<LatchedAlert> {
        let Evidence { settings, latency, server, now, .. } = evidence;
        let now = now.mono;
        if server.unreachable.is_some() {
            self.answering_since = now;
        }
        let count = latency.timeouts_within(now.since(self.answering_since), now);
        let quiet = latency.since_timeout(now).is_none_or(|since| since >= settings.timeouts_quiet);
        if count > settings.timeouts_over && !server.silent {
            self.firing = true;
        } else if count <= settings.timeouts_clear && quiet {
            self.firing = false;
            self.peak = 0;
        }
        if !self.firing {
            return None;
        }
        self.peak = self.peak.max(count);
        let window = duration_text(settings.timeouts_window);
        let most = latency.most_timeouts(now);
        let most = most.map(|(kind, most)| format!(", {most} of them {}", call_name(kind))).unwrap_or_default();
        let peak = if self.peak > count { format!(", peak {}", self.peak) } else { String::new() };
        let recovering = server.green_since_timeout;
        let again = recovering.map(|since| format!("recovering, last timeout {} ago: ", seconds_text(since)));
        let limit = settings.timeouts_over;
        let (again, timeouts) = (again.unwrap_or_default(), counted(count, "timeout"));
        let text = format!("{again}{timeouts} in {window} (limit {limit}){most}{peak}");
        Some(LatchedAlert { text, peak: u64::from(self.peak), recovering: recovering.is_some() })
    }
}
