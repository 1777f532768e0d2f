//! Formats of calls and failures in their lists, and their full texts.

use std::fmt::Write;

use crate::model::derive::latency::{ErrorClass, KindStats, Percentile, call_name};
use crate::model::derive::server::LoggedFailure;
use crate::model::table::calls::{CallFigure, CallList, CallsGiven, CallsRoom};
use crate::model::table::failures::{FailureFigure, FailureList};
use crate::msg::Failure;
use crate::theme::{Glyphs, Role};
use crate::ui::units::{clock, grouped, latency, percentile, rate, volume};
use crate::ui::widgets::page::{TextLine, facts, paragraph};
use crate::ui::widgets::spark::SLO;
use crate::ui::widgets::table::Cells;
use crate::ui::words;

/// Width of the name of a kind: minimum, maximum, and maximum with room for the watches of optional APIs.
const NAME: usize = 12;
const LONGEST_NAME: usize = 16;
const WIDE_NAME: usize = 22;
/// Minimum width of each room.
const ROOMS: [(usize, CallsRoom); 5] = [
    (170, CallsRoom::Verdict),
    (140, CallsRoom::Words),
    (130, CallsRoom::P99),
    (100, CallsRoom::Load),
    (76, CallsRoom::Shares),
];

/// Room for the columns of calls on a screen of this width.
pub(super) fn given(calls: &[&KindStats], width: usize) -> CallsGiven {
    let room = ROOMS.into_iter().find(|(least, _)| width >= *least).map_or(CallsRoom::Least, |(_, room)| room);
    let longest = calls.iter().map(|stats| call_name(stats.kind).len()).max().unwrap_or(0);
    let most = if room >= CallsRoom::Words { WIDE_NAME } else { LONGEST_NAME };
    CallsGiven { room, name: longest.clamp(NAME, most) }
}

/// Formats the values of calls and failures.
pub(super) struct ApiCells<'a> {
    pub(super) glyphs: &'a Glyphs,
    /// `true` if `timeout` is written out.
    pub(super) words: bool,
}

impl Cells<CallList> for ApiCells<'_> {
    fn text(&self, figure: CallFigure, stats: &&KindStats) -> (Role, String) {
        let glyphs = self.glyphs;
        match figure {
            CallFigure::Name => (Role::Text, call_name(stats.kind).to_owned()),
            CallFigure::Count => (Role::Text, count(stats, glyphs)),
            CallFigure::Rate => (Role::Text, calls_per_second(stats)),
            CallFigure::Latency(of) => time(of(stats), glyphs),
            CallFigure::Timeouts => {
                (if stats.timeouts > 0 { Role::Bad } else { Role::Muted }, grouped(stats.timeouts as u64))
            }
            CallFigure::Share(of) => match stats.shares.as_ref().map(of) {
                None => (Role::Muted, glyphs.none.to_owned()),
                Some(part @ 51..) => (Role::Text, format!("{part}%")),
                Some(part) => (Role::Muted, format!("{part}%")),
            },
            CallFigure::Bytes => (Role::Text, volume(stats.bytes)),
            CallFigure::Errors if stats.errors.is_empty() => (Role::Muted, glyphs.none.to_owned()),
            CallFigure::Errors => (Role::Bad, errors(stats, self.words, glyphs)),
            CallFigure::Verdict => (Role::Warn, verdict(stats, glyphs).unwrap_or_default()),
        }
    }
}

impl Cells<FailureList> for ApiCells<'_> {
    fn text(&self, figure: FailureFigure, logged: &&LoggedFailure) -> (Role, String) {
        let failure = &logged.failure;
        match figure {
            FailureFigure::Time => (Role::Muted, clock(failure.at)),
            FailureFigure::Layer => (Role::Bad, failure.layer.name().to_owned()),
            FailureFigure::Text => (Role::Text, sentence(failure)),
        }
    }
}

fn time(value: Option<Percentile>, glyphs: &Glyphs) -> (Role, String) {
    let role = match value {
        None => Role::Muted,
        Some(value) if value.at_least => Role::Bad,
        Some(value) if value.value > SLO => Role::Warn,
        Some(_) => Role::Text,
    };
    (role, percentile(value, glyphs))
}

fn count(stats: &KindStats, glyphs: &Glyphs) -> String {
    format!("{}{}", if stats.more { glyphs.at_least } else { "" }, grouped(stats.count as u64))
}

fn calls_per_second(stats: &KindStats) -> String {
    let few = stats.rate > 0.0 && stats.rate < 0.05;
    format!("{}/s", if few { "<0.1".to_owned() } else { rate(stats.rate) })
}

/// Cause of slow calls of a kind, in words.
pub(super) fn verdict(stats: &KindStats, glyphs: &Glyphs) -> Option<String> {
    stats.verdict.map(|verdict| format!("{} {}", glyphs.focus, words::verdict(verdict)))
}

/// `504 ×1, body timeout ×2`; with `t/o` unless `wide`.
fn errors(stats: &KindStats, wide: bool, glyphs: &Glyphs) -> String {
    let one = |(class, count): &(ErrorClass, usize)| format!("{} {}{count}", class_name(*class, wide), glyphs.times);
    stats.errors.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn class_name(class: ErrorClass, wide: bool) -> String {
    match class {
        ErrorClass::FirstByteTimeout if !wide => "first byte t/o".to_owned(),
        ErrorClass::BodyTimeout if !wide => "body t/o".to_owned(),
        _ => class.name().into_owned(),
    }
}

/// Full text of a kind of call: values that may have no column, all errors, and the verdict.
pub(super) fn call_in_full(stats: &KindStats, width: usize, glyphs: &Glyphs) -> Vec<TextLine> {
    let mut figures = vec![format!("{} calls", count(stats, glyphs)), calls_per_second(stats), volume(stats.bytes)];
    let percentiles = [("p50", stats.p50), ("p95", stats.p95), ("p99", stats.p99), ("max", stats.max)];
    figures.extend(percentiles.map(|(name, value)| format!("{name} {}", percentile(value, glyphs))));
    figures.push(format!("{} timeouts", grouped(stats.timeouts as u64)));
    if let Some(shares) = stats.shares {
        let parts = [
            ("connect", shares.connect),
            ("TTFB", shares.first_byte),
            ("body", shares.body),
            ("decode", shares.decode),
        ];
        figures.extend(parts.map(|(name, share)| format!("{name} {share}%")));
    }
    let mut lines = facts(Role::Text, figures.iter().map(String::as_str), 3, width);
    if !stats.errors.is_empty() {
        lines.extend(paragraph(Role::Bad, &errors(stats, true, glyphs), width));
    }
    lines.extend(verdict(stats, glyphs).into_iter().flat_map(|text| paragraph(Role::Warn, &text, width)));
    lines
}

/// Full text of a failure.
pub(super) fn failure_in_full(failure: &Failure, width: usize) -> Vec<TextLine> {
    let mut lines = paragraph(Role::Text, &sentence(failure), width);
    if let Some(code) = failure.code {
        lines.extend(paragraph(Role::Muted, &format!("HTTP status {code}"), width));
    }
    if let Some(previous) = &failure.previous {
        lines.extend(paragraph(Role::Muted, &format!("before that: {previous}"), width));
    }
    lines
}

/// Request, text, attempt, next attempt and Audit-Id of a failure.
pub(super) fn sentence(failure: &Failure) -> String {
    let mut text = format!("{}: {}", failure.request, failure.text);
    if failure.attempt > 1 {
        let _ = write!(text, ", attempt {}", failure.attempt);
    }
    if let Some(asked) = failure.retry_after {
        let _ = write!(text, ", Retry-After {} s", asked.as_secs());
    }
    if let Some(next) = failure.next_in {
        let _ = write!(text, ", next in {}", latency(next));
    }
    if let Some(audit) = &failure.audit_id {
        let _ = write!(text, ", audit {audit}");
    }
    text
}
