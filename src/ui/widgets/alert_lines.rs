//! Firing alerts, worst first, one per line; the last line has the number of further ones.

use super::canvas::{Canvas, Context};
use super::names::ShortNames;
use super::strip::LONGEST_CONTEXT;
use super::text::{Pen, columns};
use crate::model::alerts::{AlertLine, MuteReason, Severity};
use crate::model::derive::hits::Hits;
use crate::model::known::Known;
use crate::theme::{Glyphs, Role};
use crate::ui::scene::{Scene, SceneAlert};
use crate::ui::units::{clock, duration};
use crate::ui::words;

/// Word before the hits of an alert.
const HITS: &str = "hits ";
/// Columns between an alert and its hits.
const GAP: usize = 2;

/// Draws as many alerts as there are lines.
pub(in crate::ui) fn draw(canvas: &mut Canvas<'_>, scene: &Scene<'_>) {
    let all = scene.firing + scene.notices + scene.acked + scene.silenced;
    if all == 0 {
        let mut pen = canvas.pen(0);
        pen.skip(1).put(Role::Muted, "no alert firing");
        // It is not known if the nodes of a cluster that was never read are well.
        let unread = scene.summaries.iter().filter(|summary| !matches!(summary.nodes_total, Known::Exact(_))).count();
        if unread > 0 {
            pen.put(Role::Unknown, &format!(", but the nodes of {unread} of {} are not known", scene.clusters()));
        }
        return;
    }
    let hidden = all.saturating_sub(canvas.area.height.into());
    let more = if hidden > 0 { format!("+{hidden} more") } else { String::new() };
    let hits_from_end = hits_width(canvas, scene) + reserve(&more);
    for (row, alert) in (0..canvas.area.height).zip(&scene.alerts) {
        let more = if row + 1 == canvas.area.height { &*more } else { "" };
        let context = canvas.context;
        AlertText { scene, context, more, hits_from_end }.draw(alert, &mut canvas.pen(row));
    }
}

/// Columns of a line for the number of further alerts.
fn reserve(more: &str) -> usize {
    if more.is_empty() { 1 } else { columns(more) + 3 }
}

/// Width of the longest hits of the visible alerts, so that all of them begin in one column where there is room.
fn hits_width(canvas: &Canvas<'_>, scene: &Scene<'_>) -> usize {
    let visible = scene.alerts.iter().take(canvas.area.height.into());
    let texts = visible.filter_map(|alert| hits_text(alert, usize::MAX, canvas.glyphs()));
    texts.map(|text| columns(&text)).max().unwrap_or(0)
}

/// `hits 19 pods · llm-70b 1 of 64 · 8 GPUs`, as far as there is room; `None` without room or hits.
fn hits_text(alert: &SceneAlert<'_>, room: usize, glyphs: &Glyphs) -> Option<String> {
    let line = words::hits::line(alert.hits.as_deref()?, room.saturating_sub(HITS.len()), glyphs)?;
    Some(format!("{HITS}{line}"))
}

/// Role, glyph and word of an alert.
fn severity(alert: &AlertLine, glyphs: &Glyphs) -> (Role, &'static str, &'static str) {
    match alert.muted {
        Some(MuteReason::Acknowledged) => return (Role::Muted, glyphs.notice, "acked"),
        Some(MuteReason::Silenced) => return (Role::Muted, glyphs.notice, "silenced"),
        None => {}
    }
    match (alert.unknown, alert.severity) {
        (true, _) => (Role::Unknown, glyphs.unknown, "unknown"),
        (_, Severity::Critical) => (Role::Critical, glyphs.alert, "critical"),
        (_, Severity::Warning) => (Role::Warn, glyphs.alert, "warning"),
        (_, Severity::Notice) => (Role::Muted, glyphs.notice, "notice"),
    }
}

/// Text of an alert on its line.
struct AlertText<'a> {
    scene: &'a Scene<'a>,
    context: Context<'a>,
    /// Alerts that have no line, in words; empty if all have one.
    more: &'a str,
    /// Columns from the beginning of the longest hits of these alerts to the end of the line.
    hits_from_end: usize,
}

impl AlertText<'_> {
    fn draw(&self, with_hits: &SceneAlert<'_>, pen: &mut Pen<'_>) {
        let Self { scene, context, more, hits_from_end } = *self;
        let alert = with_hits.line;
        let glyphs = &context.theme.glyphs;
        let (role, glyph, word) = severity(alert, glyphs);
        pen.skip(1).put(role, glyph);
        pen.skip(1).put(role, &format!("{word:<8}")).skip(1);
        if let (true, Some(summary)) = (scene.summaries.len() > 1, scene.summaries.get(usize::from(alert.cluster.0))) {
            let name = ShortNames::new(scene.contexts(), LONGEST_CONTEXT.min(pen.left() / 3), glyphs);
            pen.put(Role::Focus, &name.get(&summary.context)).skip(1);
        }
        let age = context.now.mono.since(alert.since);
        let since = context.now.wall.checked_sub(age).map(clock).unwrap_or_default();
        let age = duration(age);
        let dot = glyphs.dot;
        let silent = if alert.unknown { format!(" {dot} no news since") } else { String::new() };
        // The kind of alert is more important than its start, so the times are dropped first.
        let ends = [format!("{silent} {dot} since {since} ({age})"), format!("{silent} {dot} {age}"), silent];
        let room = pen.left().saturating_sub(reserve(more));
        let shown = words::alert_text(&alert.text, glyphs);
        let text = columns(&shown);
        // The text already has a time of the object; the time at which the alert began to fire would only confuse.
        let ends = if alert.text.contains(" since ") { &ends[2..] } else { &ends[..] };
        // The text wins, then the people who are hit, then the times.
        let hits = hits_text(with_hits, room.saturating_sub(text + columns(&ends[ends.len() - 1]) + GAP), glyphs);
        let rest = hits.as_ref().map_or(room, |hits| room.saturating_sub(columns(hits) + GAP));
        let end = ends.iter().find(|end| text + columns(end) <= rest).map_or("", String::as_str);
        pen.fit(Role::Text, &shown, text.min(room)).put(Role::Muted, end);
        if let Some(hits) = hits {
            let is_none =
                with_hits.hits.as_deref().is_some_and(|hits| matches!(hits, Known::Exact(Hits { pods: 0, .. })));
            let role = if is_none { Role::Muted } else { Role::Title };
            // All hits begin in the column of the longest ones if the text leaves room for it.
            let latest = pen.left().saturating_sub(reserve(more) + columns(&hits));
            pen.skip(pen.left().saturating_sub(hits_from_end).clamp(GAP.min(latest), latest)).put(role, &hits);
        }
        if !more.is_empty() {
            pen.skip(pen.left().saturating_sub(columns(more) + 1)).put(Role::Warn, more);
        }
    }
}
