//! Lines below the graph: calls, throttling, calls in flight, limits and load, failures.

use std::time::Duration;

use super::ApiView;
use super::calls::{call_in_full, failure_in_full, given, sentence, verdict};
use crate::model::cluster::detail::DetailState;
use crate::model::derive::latency::{API_WINDOW, KindStats, RunningCall, call_title};
use crate::model::derive::server::LoggedFailure;
use crate::model::store::sync::Freshness;
use crate::model::table::SortBy;
use crate::model::table::calls::CallsRoom;
use crate::model::table::column::Column;
use crate::model::table::failures::FailureList;
use crate::msg::detail::{DetailPart, ObjectRef};
use crate::msg::{CallKind, Layer, Now, PageLimits, PageRows, Resource};
use crate::theme::{Glyphs, Role};
use crate::ui::scene::Scene;
use crate::ui::units::{clock, counted, duration, grouped, latency, rate, throughput, volume};
use crate::ui::widgets::canvas::Context;
use crate::ui::widgets::page::{self, TextLine, line};
use crate::ui::widgets::text::{columns, wrap};
use crate::ui::words;

/// 1 min: time for which an answer 429 is shown.
const THROTTLED: Duration = Duration::from_secs(60);
/// Width of the labels on the left, on a screen below [`WIDE`] and on a wider one.
const LABEL: usize = 13;
const WIDE_LABEL: usize = 17;
const WIDE: usize = 140;
/// Text if a filter hides every row.
const NOTHING_FOUND: &str = " no row matches the filter; esc clears it";

/// One line below the graph.
#[derive(Clone)]
pub(super) enum ApiLine<'a> {
    Text(TextLine),
    CallHead,
    /// A kind of call, and `true` if it is selected.
    Call(&'a KindStats, bool),
    /// A failure, and `true` if it is selected.
    Failure(&'a LoggedFailure, bool),
}

impl ApiLine<'_> {
    pub(super) fn is_selected(&self) -> bool {
        matches!(self, Self::Call(_, true) | Self::Failure(_, true))
    }

    fn is_row(&self) -> bool {
        matches!(self, Self::Call(..) | Self::Failure(..))
    }
}

/// All lines below the graph.
pub(super) struct ApiLines<'a>(pub(super) Vec<ApiLine<'a>>);

impl<'a> ApiLines<'a> {
    pub(super) fn new(view: &ApiView<'a>, scene: &Scene<'_>, width: usize, context: &Context<'_>) -> Self {
        let glyphs = &context.theme.glyphs;
        let labels = Labels { wide: width >= WIDE };
        let mut lines = calls(view, width, glyphs);
        let mut text = |more: Vec<TextLine>| lines.extend(more.into_iter().map(ApiLine::Text));
        text(throttled(view, labels, context).into_iter().collect());
        text(running(view, scene, labels, context.now));
        // The newest failure comes first, so that it is visible on low screens too.
        let newest = view.cluster.link().log().find(|failure| failure.layer != Layer::Warning);
        text(
            newest
                .into_iter()
                .map(|failure| {
                    let text = format!("{} {}: {}", clock(failure.at), failure.layer.name(), sentence(failure));
                    vec![labels.label("last failure"), (Role::Bad, text)]
                })
                .collect(),
        );
        text(facts(scene, view, labels, glyphs));
        text(limits(view, labels, width, glyphs));
        let window = format!(
            "completed calls, last {}; connect, TTFB, body, decode: shares of their time",
            duration(API_WINDOW)
        );
        text(vec![vec![labels.label("table"), (Role::Muted, window)], failures_label(view, labels)]);
        lines.extend(failures(view, width));
        Self(lines)
    }

    /// Index of the first line of a page of `height` lines; if the page follows its cursor, the selected row is visible.
    pub(super) fn first(&self, view: &ApiView<'_>, height: usize) -> usize {
        let row = self.0.iter().position(ApiLine::is_selected).filter(|_| view.follows);
        page::first(view.scroll, row, self.0.len(), height)
    }

    /// Range of the rows of both lists on a page.
    pub(super) fn rows(&self, first: usize, height: usize) -> PageRows {
        page::rows(first, height, |line| self.0.iter().take(line).filter(|line| line.is_row()).count())
    }
}

/// The headings and a line for each kind of call, with a verdict beside or below it if its calls are slow.
fn calls<'a>(view: &ApiView<'a>, width: usize, glyphs: &Glyphs) -> Vec<ApiLine<'a>> {
    let (extent, room) = (view.lists.calls(), given(&view.calls, width).room);
    let mut lines = vec![ApiLine::CallHead];
    if extent.total == 0 {
        lines.push(ApiLine::Text(line(Role::Unknown, " no completed call yet")));
    } else if extent.len == 0 {
        lines.push(ApiLine::Text(line(Role::Unknown, NOTHING_FOUND)));
    }
    let mut previous = None;
    for (at, stats) in view.calls.iter().enumerate() {
        lines.push(ApiLine::Call(stats, extent.selected == Some(at)));
        if view.lists.expanded_call() == Some(stats.kind) {
            lines.extend(call_in_full(stats, width, glyphs).into_iter().map(ApiLine::Text));
        } else if room < CallsRoom::Verdict {
            // A verdict is not repeated for the next kind: the lines below are more important.
            let text = verdict(stats, glyphs).filter(|_| previous != stats.verdict);
            lines.extend(text.map(|text| ApiLine::Text(line(Role::Warn, format!("   {text}")))));
        }
        previous = stats.verdict.or(previous);
    }
    lines
}

/// Number of failures, and their order.
fn failures_label(view: &ApiView<'_>, labels: Labels) -> TextLine {
    let count = view.lists.failures().total;
    let text = match (count, view.lists.failures_control().sort()) {
        (0, _) => "none".to_owned(),
        (_, (SortBy::Age, false)) => format!("last {count}, newest first"),
        (_, (SortBy::Age, true)) => format!("last {count}, oldest first"),
        (_, (by, reversed)) => {
            let header = Column::<FailureList>::of_sort(by).map_or("", |column| column.name);
            format!("last {count}, by {header}{}", if reversed { ", reversed" } else { "" })
        }
    };
    vec![labels.label("failures"), (if count == 0 { Role::Muted } else { Role::Text }, text)]
}

fn failures<'a>(view: &ApiView<'a>, width: usize) -> Vec<ApiLine<'a>> {
    let extent = view.lists.failures();
    let mut lines = Vec::new();
    if extent.len == 0 && extent.total > 0 {
        lines.push(ApiLine::Text(line(Role::Unknown, NOTHING_FOUND)));
    }
    for (at, logged) in view.cluster.failure_rows().enumerate() {
        lines.push(ApiLine::Failure(logged, extent.selected == Some(at)));
        if view.lists.expanded_failure() == Some(logged.number) {
            lines.extend(failure_in_full(&logged.failure, width).into_iter().map(ApiLine::Text));
        }
    }
    lines
}

/// Labels in the column on the left.
#[derive(Clone, Copy)]
struct Labels {
    wide: bool,
}

impl Labels {
    fn label(self, text: &str) -> (Role, String) {
        let width = if self.wide { WIDE_LABEL } else { LABEL };
        (Role::Header, format!(" {text:<width$}"))
    }

    fn load(self) -> (Role, String) {
        self.label(if self.wide { "watchbell's load" } else { "own load" })
    }
}

fn throttled(view: &ApiView<'_>, labels: Labels, context: &Context<'_>) -> Option<TextLine> {
    let (now, times) = (context.now, context.theme.glyphs.times);
    let latency = view.cluster.latency();
    let count = latency.throttled_within(THROTTLED, now.mono);
    let waits = view.cluster.link().log().find(|failure| failure.layer == Layer::Throttled);
    // The wait is the longer one of `Retry-After` and our own backoff.
    let left = waits.and_then(|failure| {
        let age = Duration::try_from(now.wall.duration_since(failure.at)).unwrap_or_default();
        Some(failure.next_in?.saturating_sub(age)).filter(|left| !left.is_zero())
    });
    if count == 0 && left.is_none() {
        return None;
    }
    let asked = match waits.map(|failure| failure.retry_after) {
        Some(Some(asked)) => format!(", Retry-After {} s", asked.as_secs()),
        Some(None) => ", no Retry-After".to_owned(),
        None => String::new(),
    };
    let next = left.map(|left| format!(", next try in {}", duration(left))).unwrap_or_default();
    Some(vec![labels.label("throttled"), (Role::Warn, format!("{count}{times}429 in 1m{asked}{next}"))])
}

/// Running calls; open watches run for minutes and are only counted.
fn running(view: &ApiView<'_>, scene: &Scene<'_>, labels: Labels, now: Now) -> Vec<TextLine> {
    let open = |call: &&RunningCall| call.kind.is_watch() && call.bytes > 0;
    let watches = view.cluster.latency().running().filter(open).count();
    let mut lines: Vec<TextLine> = Vec::new();
    for call in view.cluster.latency().running().filter(|call| !open(call)) {
        let (role, text) = progress(call, view, scene, now);
        lines.push(vec![labels.label(if lines.is_empty() { "in flight" } else { "" }), (role, text)]);
    }
    let watches = (watches > 0).then(|| format!("{watches} open watches"));
    match (lines.is_empty(), watches) {
        (true, None) => lines.push(vec![labels.label("in flight"), (Role::Muted, "nothing".to_owned())]),
        (true, Some(watches)) => lines.push(vec![labels.label("in flight"), (Role::Muted, watches)]),
        (false, Some(watches)) => lines.push(vec![labels.label(""), (Role::Muted, watches)]),
        (false, None) => {}
    }
    lines
}

/// `pods list page 3, 12s of 30s, 1,500 so far, 3.1 MB, 410 kB/s`.
fn progress(call: &RunningCall, view: &ApiView<'_>, scene: &Scene<'_>, now: Now) -> (Role, String) {
    let elapsed = now.mono.since(call.at);
    let opened = view.cluster.detail().map(DetailState::subject);
    let title = match (call.kind, opened) {
        (CallKind::Detail(DetailPart::Object), Some(ObjectRef::Node { .. })) => "fetching this node".to_owned(),
        (CallKind::Detail(DetailPart::Object), Some(ObjectRef::Pod { .. })) => "fetching this pod".to_owned(),
        _ => call_title(call.kind, call.page),
    };
    let mut parts = vec![title, format!("{} of {}", latency(elapsed), latency(call.limit))];
    if let CallKind::List(resource) = call.kind
        && let Freshness::Loading { objects, .. } | Freshness::Relisting { objects, .. } =
            view.cluster.fresh(resource, now)
    {
        parts.push(format!("{} so far", grouped(objects)));
    }
    if call.bytes > 0 {
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let speed = call.bytes as f64 / elapsed.as_secs_f64().max(0.001);
        parts.extend([volume(call.bytes), throughput(speed)]);
    } else if elapsed >= scene.settings.slow_call_clear {
        parts.push("no body yet".to_owned());
    }
    if call.attempt > 1 {
        parts.push(format!("attempt {}", call.attempt));
    }
    let role = if elapsed > scene.settings.slow_call { Role::Bad } else { Role::Text };
    (role, parts.join(", "))
}

/// The server, the timeouts, and watchbell's load on the server.
fn facts(scene: &Scene<'_>, view: &ApiView<'_>, labels: Labels, glyphs: &Glyphs) -> Vec<TextLine> {
    let dot = format!(" {} ", glyphs.dot);
    let Some(summary) = scene.summary() else { return Vec::new() };
    let (requests, bytes) = summary.load;
    let all = counted(view.cluster.latency().requests(), "request");
    let load = format!("{} req/s {}{dot}{all} since launch", rate(requests), throughput(bytes));
    let version = summary.version.as_ref().map_or("version not known yet", |version| version);
    let mut server = vec![version.to_owned()];
    server.extend(view.cluster.link().url().map(ToString::to_string));
    server.extend(view.cluster.link().skew_ms().map(|skew| match words::skew(skew) {
        Some(text) => text,
        None => "clocks in sync".to_owned(),
    }));
    let apart = view.cluster.link().skew_ms().is_some_and(|skew| words::skew(skew).is_some());
    let timeouts = format!(
        "{} in {}, {} since launch",
        summary.latency.timeouts,
        duration(scene.settings.timeouts_window),
        summary.latency.timeouts_ever
    );
    vec![
        vec![labels.load(), (Role::Text, load)],
        vec![labels.label("timeouts"), (if summary.latency.timeouts > 0 { Role::Warn } else { Role::Text }, timeouts)],
        vec![labels.label("server"), (if apart { Role::Warn } else { Role::Text }, server.join(&dot))],
    ]
}

/// `pods page size 500, first byte 30s, total 60s, server timeout 58s; idle timeout 15s · timeout profile: 50+ nodes`, on as many
/// lines as that needs.
fn limits(view: &ApiView<'_>, labels: Labels, width: usize, glyphs: &Glyphs) -> Vec<TextLine> {
    let mut lines = Vec::new();
    for limits in Resource::CORE.into_iter().filter_map(|resource| view.cluster.link().page_limits(resource)) {
        let parts = limit_parts(limits, glyphs);
        let room = width.saturating_sub(columns(&labels.label("").1));
        let wrapped = wrap(parts.iter().map(String::as_str), 1, room);
        let named = std::iter::once("limits").chain(std::iter::repeat(""));
        for (name, parts) in named.zip(wrapped) {
            let text = parts.join(" ");
            // A line must not begin with the separator between facts.
            let text = text.strip_prefix(glyphs.dot).unwrap_or(&text).trim_start().to_owned();
            lines.push(vec![labels.label(name), (Role::Text, text)]);
        }
    }
    lines
}

fn limit_parts(limits: &PageLimits, glyphs: &Glyphs) -> [String; 6] {
    let [first, idle, cap, server] = [limits.deadline, limits.idle, limits.cap, limits.server].map(latency);
    let (name, size) = (limits.resource.name(), limits.page_size);
    let pages = match limits.smaller {
        Some(why) => format!("{name} page size cut to {size} after {},", why.name()),
        None => format!("{name} page size {size},"),
    };
    let profile = match limits.tier_from {
        Some(from) => format!("{} timeout profile: {from}+ nodes", glyphs.dot),
        None => format!("{} default timeouts", glyphs.dot),
    };
    [
        pages,
        format!("first byte {first},"),
        format!("total {cap},"),
        format!("server timeout {server};"),
        format!("idle timeout {idle}"),
        profile,
    ]
}
