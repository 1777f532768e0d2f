//! What stands below the graph: calls, throttling, what runs, limits and load, failures.

use std::fmt::Write;
use std::time::Duration;

use super::ApiView;
use super::calls::{CallLine, table};
use crate::model::derive::latency::{API_WINDOW, RunningCall, call_title};
use crate::model::store::sync::Freshness;
use crate::msg::{CallKind, Failure, Layer, Now, PageLimits, Resource};
use crate::theme::{Glyphs, Role};
use crate::ui::scene::Scene;
use crate::ui::units::{clock, counted, duration, grouped, latency, rate, throughput, volume};
use crate::ui::widgets::canvas::Context;
use crate::ui::widgets::text::Pen;
use crate::ui::words;

/// A 429 is news for a minute.
const THROTTLED: Duration = Duration::from_secs(60);
/// The width of the labels on the left.
const LABEL: usize = 13;

/// Everything but the failures.
pub(super) fn head(scene: &Scene<'_>, view: &ApiView<'_>, width: usize, context: &Context<'_>) -> Vec<CallLine> {
    let glyphs = &context.theme.glyphs;
    let mut lines = table(&view.kinds, width, glyphs);
    lines.extend(throttled(view, context.now));
    lines.extend(running(view, scene, context.now));
    // The newest one has a place on low screens too.
    let newest = view.cluster.link().log().find(|failure| failure.layer != Layer::Warning);
    lines.extend(newest.map(|failure| {
        let text = format!("{} {}: {}", clock(failure.at), failure.layer.name(), sentence(failure));
        vec![label("last failure"), (Role::Bad, text)]
    }));
    lines.extend(facts(scene, view, glyphs));
    let count = view.cluster.link().log().count();
    let text = if count == 0 { "none".to_owned() } else { format!("the last {count}, newest first") };
    lines.push(vec![label("failures"), (if count == 0 { Role::Muted } else { Role::Text }, text)]);
    lines
}

fn label(text: &str) -> (Role, String) {
    (Role::Header, format!(" {text:<LABEL$}"))
}

fn throttled(view: &ApiView<'_>, now: Now) -> Option<CallLine> {
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
    Some(vec![label("throttled"), (Role::Warn, format!("429 answered {count} times in 1m{asked}{next}"))])
}

/// Calls that run; a watch that is open runs for minutes and is only counted.
fn running(view: &ApiView<'_>, scene: &Scene<'_>, now: Now) -> Vec<CallLine> {
    let open = |call: &&RunningCall| call.kind.is_watch() && call.bytes > 0;
    let watches = view.cluster.latency().running().filter(open).count();
    let mut lines: Vec<CallLine> = Vec::new();
    for call in view.cluster.latency().running().filter(|call| !open(call)) {
        let (role, text) = progress(call, view, scene, now);
        lines.push(vec![label(if lines.is_empty() { "now running" } else { "" }), (role, text)]);
    }
    let watches = (watches > 0).then(|| format!("{watches} watches open"));
    match (lines.is_empty(), watches) {
        (true, None) => lines.push(vec![label("now running"), (Role::Muted, "nothing".to_owned())]),
        (true, Some(watches)) => lines.push(vec![label("now running"), (Role::Muted, watches)]),
        (false, Some(watches)) => lines.push(vec![label(""), (Role::Muted, watches)]),
        (false, None) => {}
    }
    lines
}

/// `pods list page 3, 12s of 30s, 1,500 so far, 3.1 MB, 410 kB/s`.
fn progress(call: &RunningCall, view: &ApiView<'_>, scene: &Scene<'_>, now: Now) -> (Role, String) {
    let elapsed = now.mono.since(call.at);
    let mut parts = vec![call_title(call.kind, call.page), format!("{} of {}", latency(elapsed), latency(call.limit))];
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
        parts.push("no byte yet".to_owned());
    }
    if call.attempt > 1 {
        parts.push(format!("attempt {}", call.attempt));
    }
    let role = if elapsed > scene.settings.slow_call { Role::Bad } else { Role::Text };
    (role, parts.join(", "))
}

/// Who the server is, what may be asked of it, and what we cost it.
fn facts(scene: &Scene<'_>, view: &ApiView<'_>, glyphs: &Glyphs) -> Vec<CallLine> {
    let dot = format!(" {} ", glyphs.dot);
    let Some(summary) = scene.summary() else { return Vec::new() };
    let (requests, bytes) = summary.load;
    let all = counted(view.cluster.latency().requests(), "request");
    let load = format!("{} req/s {}{dot}{all} since the start", rate(requests), throughput(bytes));
    let version = summary.version.as_ref().map_or("version not known yet", |version| version);
    let mut server = vec![version.to_owned()];
    server.extend(view.cluster.link().url().map(ToString::to_string));
    server.extend(view.cluster.link().skew_ms().map(|skew| match words::skew(skew) {
        Some(text) => text,
        None => "our clocks agree".to_owned(),
    }));
    let apart = view.cluster.link().skew_ms().is_some_and(|skew| words::skew(skew).is_some());
    let timeouts = format!(
        "{} in {}, {} since the start",
        summary.latency.timeouts,
        duration(scene.settings.timeouts_window),
        summary.latency.timeouts_ever
    );
    let mut lines = vec![
        vec![label("our load"), (Role::Text, load)],
        vec![label("timeouts"), (if summary.latency.timeouts > 0 { Role::Warn } else { Role::Text }, timeouts)],
        vec![label("server"), (if apart { Role::Warn } else { Role::Text }, server.join(&dot))],
    ];
    let limits = Resource::CORE.into_iter().filter_map(|resource| view.cluster.link().page_limits(resource));
    lines.extend(limits.map(|limits| vec![label("limits"), (Role::Text, self::limits(limits, glyphs))]));
    let window = format!(
        "calls that ended in the last {}; connect, TTFB, body, decode: where their time went",
        duration(API_WINDOW)
    );
    lines.push(vec![label("table"), (Role::Muted, window)]);
    lines
}

/// `pods pages of 500, 30s to the first byte, 15s without a byte, 60s in all, server 28s · tier from 50 nodes`.
fn limits(limits: &PageLimits, glyphs: &Glyphs) -> String {
    let tier = match limits.tier_from {
        Some(from) => format!("tier from {}", counted(from, "node")),
        None => "tier for an unknown size".to_owned(),
    };
    let [first, idle, cap, server] = [limits.deadline, limits.idle, limits.cap, limits.server].map(latency);
    let (name, size, dot) = (limits.resource.name(), limits.page_size, glyphs.dot);
    let why = limits.smaller.map(|why| format!(" after {}", why.name())).unwrap_or_default();
    format!("{name} pages of {size}{why}, first byte {first}, stall {idle}, all {cap}, server {server} {dot} {tier}")
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
