//! Lines below the graph: calls, throttling, calls in flight, limits and load, failures.

use std::fmt::Write;
use std::time::Duration;

use super::ApiView;
use super::calls::{CallLine, table};
use crate::model::cluster::detail::DetailState;
use crate::model::derive::latency::{API_WINDOW, RunningCall, call_title};
use crate::model::store::sync::Freshness;
use crate::msg::detail::{DetailPart, ObjectRef};
use crate::msg::{CallKind, Failure, Layer, Now, PageLimits, Resource};
use crate::theme::{Glyphs, Role};
use crate::ui::scene::Scene;
use crate::ui::units::{clock, counted, duration, grouped, latency, rate, throughput, volume};
use crate::ui::widgets::canvas::Context;
use crate::ui::widgets::text::{Pen, columns, wrap};
use crate::ui::words;

/// A 429 is news for a minute.
const THROTTLED: Duration = Duration::from_secs(60);
/// Width of the labels on the left, and from which width of the screen on it is the larger one.
const LABEL: usize = 13;
const WIDE_LABEL: usize = 17;
const WIDE: usize = 140;

/// Everything but the failures.
pub(super) fn head(scene: &Scene<'_>, view: &ApiView<'_>, width: usize, context: &Context<'_>) -> Vec<CallLine> {
    let glyphs = &context.theme.glyphs;
    let labels = Labels { wide: width >= WIDE };
    let mut lines = table(&view.kinds, width, glyphs);
    lines.extend(throttled(view, labels, context));
    lines.extend(running(view, scene, labels, context.now));
    // The newest one has a place on low screens too.
    let newest = view.cluster.link().log().find(|failure| failure.layer != Layer::Warning);
    lines.extend(newest.map(|failure| {
        let text = format!("{} {}: {}", clock(failure.at), failure.layer.name(), sentence(failure));
        vec![labels.label("last failure"), (Role::Bad, text)]
    }));
    lines.extend(facts(scene, view, labels, glyphs));
    lines.extend(limits(view, labels, width, glyphs));
    let window =
        format!("completed calls, last {}; connect, TTFB, body, decode: shares of their time", duration(API_WINDOW));
    lines.push(vec![labels.label("table"), (Role::Muted, window)]);
    let count = view.cluster.link().log().count();
    let text = if count == 0 { "none".to_owned() } else { format!("last {count}, newest first") };
    lines.push(vec![labels.label("failures"), (if count == 0 { Role::Muted } else { Role::Text }, text)]);
    lines
}

/// The labels on the left, in a column of their own.
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

fn throttled(view: &ApiView<'_>, labels: Labels, context: &Context<'_>) -> Option<CallLine> {
    let (now, times) = (context.now, context.theme.glyphs.times);
    let latency = view.cluster.latency();
    let count = latency.throttled_within(THROTTLED, now.mono);
    let waits = view.cluster.link().log().find(|failure| failure.layer == Layer::Throttled);
    // `Retry-After` is part of the wait: the longer of it and our own backoff.
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

/// Calls that run; a watch that is open runs for minutes and is only counted.
fn running(view: &ApiView<'_>, scene: &Scene<'_>, labels: Labels, now: Now) -> Vec<CallLine> {
    let open = |call: &&RunningCall| call.kind.is_watch() && call.bytes > 0;
    let watches = view.cluster.latency().running().filter(open).count();
    let mut lines: Vec<CallLine> = Vec::new();
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

/// The server, the timeouts and watchbell's load on it.
fn facts(scene: &Scene<'_>, view: &ApiView<'_>, labels: Labels, glyphs: &Glyphs) -> Vec<CallLine> {
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
fn limits(view: &ApiView<'_>, labels: Labels, width: usize, glyphs: &Glyphs) -> Vec<CallLine> {
    let mut lines = Vec::new();
    for limits in Resource::CORE.into_iter().filter_map(|resource| view.cluster.link().page_limits(resource)) {
        let parts = limit_parts(limits, glyphs);
        let room = width.saturating_sub(columns(&labels.label("").1));
        let wrapped = wrap(parts.iter().map(String::as_str), 1, room);
        let named = std::iter::once("limits").chain(std::iter::repeat(""));
        for (name, parts) in named.zip(wrapped) {
            let text = parts.join(" ");
            // A line does not begin with the dot between facts.
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

/// Lines that the failures take.
pub(super) fn failures_len(view: &ApiView<'_>) -> usize {
    view.cluster.link().log().count()
}

/// Draws the failure at this place: time, class, text, what happens next, Audit-Id.
pub(super) fn failure(pen: &mut Pen<'_>, view: &ApiView<'_>, at: usize) {
    let Some(failure) = view.cluster.link().log().nth(at) else { return };
    pen.skip(1).put(Role::Muted, &clock(failure.at)).skip(1);
    pen.fit(Role::Bad, failure.layer.name(), 14).skip(1);
    pen.rest(Role::Text, &sentence(failure));
}

fn sentence(failure: &Failure) -> String {
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
