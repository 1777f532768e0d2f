//! The pane of alerts: every alert of every cluster, one on a line, and the selected one in full below.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::names::Names;
use super::scene::{Paint, Scene};
use super::strip::LONGEST_CONTEXT;
use super::text::{Pen, columns};
use super::units::{clock, duration, grouped, latency};
use crate::model::alert::{AlertRecord, Severity};
use crate::model::alerts::{AlertRow, AlertState};
use crate::model::cluster::ClusterState;
use crate::msg::Mono;
use crate::theme::{Glyphs, Role};

/// Widths from which the time of day, and last, peak and count have columns.
const CLOCK: u16 = 100;
const NUMBERS: u16 = 80;
/// The widest column of contexts.
const CONTEXT: usize = 20;
/// Bodies from this height on have the selected alert in full below the list.
const DETAIL: u16 = 8;

/// The visible part of the list.
pub(super) struct AlertsView<'a> {
    /// Place of the first visible row.
    pub(super) first: usize,
    /// The visible rows.
    pub(super) rows: Vec<AlertRow<'a>>,
    /// How many there are.
    pub(super) len: usize,
    /// Context of each silenced cluster, and until when it is.
    pub(super) silenced: Vec<(&'a str, Mono)>,
}

/// Rows of the list in a body of this height: all but the title, the heading and the selected one in full.
pub(super) fn page(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(2 + if area.height >= DETAIL { 2 } else { 0 }))
}

/// The silenced clusters.
pub(super) fn silenced(clusters: &[ClusterState]) -> Vec<(&str, Mono)> {
    clusters.iter().filter_map(|cluster| Some((cluster.context().as_str(), cluster.silenced_until()?))).collect()
}

/// Draws the pane over all of `area`.
pub(super) fn draw(buf: &mut Buffer, area: Rect, (scene, view): (&Scene<'_>, &AlertsView<'_>), paint: Paint<'_>) {
    title(&mut Pen::new(buf, paint.look, area, 0), scene, view, paint);
    let widest = view.rows.iter().map(|row| columns(row.context)).max().unwrap_or(0).clamp(7, CONTEXT);
    let context = if scene.summaries.len() > 1 { widest } else { 0 };
    let names = Names::new(scene.contexts(), context, &paint.look.glyphs);
    heading(&mut Pen::new(buf, paint.look, area, 1), (area.width, context));
    if view.rows.is_empty() {
        Pen::new(buf, paint.look, area, 2)
            .skip(1)
            .rest(Role::Muted, "no alert fires, and none has resolved within the last hour");
    }
    let end = 2 + u16::try_from(page(area)).unwrap_or(u16::MAX);
    for (line, row) in (2..end).zip(&view.rows) {
        let mut pen = Pen::new(buf, paint.look, area, line);
        pen.put(Role::Focus, if row.selected { paint.look.glyphs.selected } else { " " });
        draw_row(&mut pen, row, (area.width, context), (&names, paint));
        if row.selected {
            let line = Rect { y: area.y + line, height: 1, ..area }.intersection(buf.area);
            buf.set_style(line, paint.look.style(Role::Selected));
        }
    }
    if let Some(row) = view.rows.iter().find(|row| row.selected).filter(|_| area.height >= DETAIL) {
        let mut pen = Pen::new(buf, paint.look, area, area.height - 2);
        pen.skip(1).put(Role::Title, row.record.reason).skip(1).rest(Role::Text, &row.record.text);
        Pen::new(buf, paint.look, area, area.height - 1).skip(1).rest(Role::Muted, &detail(row, scene, paint));
    }
}

fn title(pen: &mut Pen<'_>, scene: &Scene<'_>, view: &AlertsView<'_>, paint: Paint<'_>) {
    pen.skip(1).put(Role::Title, &format!("alerts of {}", scene.clusters()));
    let shown = view.first + view.rows.len();
    if view.rows.len() < view.len {
        pen.put(Role::Muted, &format!("  {} to {shown} of {}", view.first + 1, view.len));
    }
    let names = Names::new(scene.contexts(), LONGEST_CONTEXT, &paint.look.glyphs);
    for (context, until) in &view.silenced {
        let left = until.since(paint.now.mono);
        pen.skip(2).rest(Role::Warn, &format!("{} silenced for {}", names.get(context), duration(left)));
    }
}

fn heading(pen: &mut Pen<'_>, (width, context): (u16, usize)) {
    pen.skip(1).fit(Role::Header, "STATE", 15);
    if width >= CLOCK {
        pen.skip(1).fit(Role::Header, "SINCE", 9);
    }
    pen.skip(1).right(Role::Header, "FOR", 6);
    if width >= NUMBERS {
        for (title, width) in [("LAST", 6), ("PEAK", 7), ("COUNT", 5)] {
            pen.skip(1).right(Role::Header, title, width);
        }
    }
    pen.skip(2);
    if context > 0 {
        pen.fit(Role::Header, "CLUSTER", context).skip(1);
    }
    pen.put(Role::Header, "ALERT");
}

fn draw_row(
    pen: &mut Pen<'_>,
    row: &AlertRow<'_>,
    (width, context): (u16, usize),
    (names, paint): (&Names, Paint<'_>),
) {
    let (glyphs, record) = (&paint.look.glyphs, row.record);
    let (role, glyph, word) = state(row, glyphs);
    pen.fit(role, &format!("{glyph} {word}"), 15);
    let began = record.since.unwrap_or(record.first);
    if width >= CLOCK {
        pen.skip(1).fit(Role::Text, &time(began, paint), 9);
    }
    let over = record.resolved.unwrap_or(paint.now.mono);
    pen.skip(1).right(Role::Text, &duration(over.since(began)), 6);
    if width >= NUMBERS {
        pen.skip(1).right(Role::Text, &last(record, paint), 6);
        pen.skip(1).right(Role::Text, &peak(record, glyphs), 7);
        pen.skip(1).right(Role::Text, &grouped(record.count), 5);
    }
    pen.skip(2);
    if context > 0 {
        pen.fit(Role::Focus, &names.get(row.context), context).skip(1);
    }
    pen.rest(if role == Role::Muted { Role::Muted } else { Role::Text }, &record.text);
}

/// Role, glyph and word of an alert's state: how bad it is while it fires, else what became of it.
fn state(row: &AlertRow<'_>, glyphs: &Glyphs) -> (Role, &'static str, String) {
    let severity = row.record.severity;
    match row.state {
        AlertState::Firing => {
            let (role, glyph) = match severity {
                Severity::Critical => (Role::Critical, glyphs.alert),
                Severity::Warning => (Role::Warn, glyphs.alert),
                Severity::Notice => (Role::Muted, glyphs.notice),
            };
            (role, glyph, severity.name().to_owned())
        }
        AlertState::Unknown => (Role::Unknown, glyphs.unknown, "unknown".to_owned()),
        AlertState::Silenced => (Role::Muted, glyphs.notice, format!("silenced {}", initial(severity))),
        AlertState::Acknowledged => (Role::Muted, glyphs.notice, format!("acked {}", initial(severity))),
        AlertState::Pending => (Role::Muted, glyphs.loading, "pending".to_owned()),
        AlertState::Resolved => (Role::Muted, glyphs.ok, "resolved".to_owned()),
    }
}

/// How bad it is, where there is no room for the word.
fn initial(severity: Severity) -> &'static str {
    &severity.name()[..4]
}

fn time(at: Mono, paint: Paint<'_>) -> String {
    paint.now.wall.checked_sub(paint.now.mono.since(at)).map(clock).unwrap_or_default()
}

/// When it was last true.
fn last(record: &AlertRecord, paint: Paint<'_>) -> String {
    record.resolved.map_or_else(|| "now".to_owned(), |at| duration(paint.now.mono.since(at)))
}

/// The worst of its number, in its unit.
fn peak(record: &AlertRecord, glyphs: &Glyphs) -> String {
    match (record.reason, record.peak) {
        (_, 0) => glyphs.none.to_owned(),
        ("SlowCall" | "Unreachable" | "ProbeSlow", ms) => latency(std::time::Duration::from_millis(ms)),
        ("Stale", seconds) => duration(std::time::Duration::from_secs(seconds)),
        (_, count) => grouped(count),
    }
}

/// The selected alert's times in words.
fn detail(row: &AlertRow<'_>, scene: &Scene<'_>, paint: Paint<'_>) -> String {
    let names = Names::new(scene.contexts(), LONGEST_CONTEXT, &paint.look.glyphs);
    let (record, dot) = (row.record, paint.look.glyphs.dot);
    let mut parts = vec![format!("{} {}", names.get(row.context), record.severity.name())];
    parts.push(format!("first {}", time(record.first, paint)));
    if let Some(since) = record.since {
        parts.push(format!("firing since {}", time(since, paint)));
    }
    if let Some(resolved) = record.resolved {
        parts.push(format!("resolved {}", time(resolved, paint)));
    }
    parts.push(format!("peak {}", peak(record, &paint.look.glyphs)));
    parts.push(format!("count {}", record.count));
    if let Some(ack) = record.ack {
        parts.push(format!("acknowledged for {} more", duration(ack.until.since(paint.now.mono))));
    }
    parts.join(&format!(" {dot} "))
}
