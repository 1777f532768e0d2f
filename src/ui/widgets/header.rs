//! The first line: program, how many alerts fire, which cluster, seen from where, the time.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::names::ShortNames;
use super::text::{Pen, columns};
use crate::theme::Role;
use crate::ui::scene::{Paint, Scene};
use crate::ui::units::clock;

/// A name that is cut to fewer columns, its place among all included, tells nothing.
const LEAST_NAME: usize = 12;

/// Draws the header on the first line of `area`.
pub(in crate::ui) fn draw(buf: &mut Buffer, area: Rect, scene: &Scene<'_>, paint: Paint<'_>) {
    let glyphs = &paint.theme.glyphs;
    let mut pen = Pen::new(buf, paint.theme, area, 0);
    pen.skip(1).put(Role::Title, "watchbell").skip(2);
    match scene.firing - scene.unknown {
        0 => pen.put(Role::Muted, "0 firing"),
        count => pen.put(Role::Critical, &format!("{} {count} firing", glyphs.alert)),
    };
    pen.skip(2);
    if scene.unknown > 0 {
        pen.put(Role::Unknown, &format!("{} {} unknown", glyphs.unknown, scene.unknown)).skip(2);
    }
    for (count, word) in [(scene.acked, "acked"), (scene.silenced, "silenced")] {
        if count > 0 {
            pen.put(Role::Text, &format!("{count} {word}")).skip(2);
        }
    }
    let facts = facts(scene, paint, pen.left().saturating_sub(1));
    let width: usize = facts.iter().map(|(_, text)| columns(text)).sum();
    pen.skip(pen.left().saturating_sub(width + 1));
    for (role, text) in &facts {
        pen.put(*role, text);
    }
}

/// The right part, as much of it as fits; the clock goes last because a screenshot without it is worth little.
fn facts(scene: &Scene<'_>, paint: Paint<'_>, width: usize) -> Vec<(Role, String)> {
    let dot = format!(" {} ", paint.theme.glyphs.dot);
    let Some(summary) = scene.summary() else { return Vec::new() };
    let place = match scene.summaries.len() {
        0 | 1 => String::new(),
        all => format!(" {}/{all}", scene.current + 1),
    };
    let name = format!("{}{place}", summary.context);
    // In the order of the line; the number says which goes first when it gets narrow.
    let mut parts = vec![(3, Role::Focus, name)];
    if let Some(version) = &summary.version {
        parts.push((2, Role::Muted, version.to_string()));
    }
    if summary.insecure {
        parts.push((4, Role::Warn, "TLS not verified".to_owned()));
    }
    parts.push((1, Role::Muted, "seen from here".to_owned()));
    parts.push((5, Role::Text, clock(paint.now.wall)));
    let needed = |parts: &[(u8, Role, String)]| parts.iter().map(|part| columns(&part.2) + 3).sum::<usize>();
    while needed(&parts) > width + 3 && !parts.is_empty() {
        let weakest = parts.iter().map(|part| part.0).min();
        // A name is cut before it goes: whose screen this is matters more than anything but the clock.
        let over = needed(&parts) - (width + 3);
        if let Some(name) = parts.iter_mut().find(|part| part.0 == 3 && weakest == Some(3)) {
            let room = columns(&name.2).saturating_sub(over);
            if room >= LEAST_NAME {
                let shown = ShortNames::new(scene.contexts(), room.saturating_sub(place.len()), &paint.theme.glyphs);
                name.2 = format!("{}{place}", shown.get(&summary.context));
                break;
            }
        }
        parts.retain(|part| Some(part.0) != weakest);
    }
    let mut facts = Vec::with_capacity(2 * parts.len());
    for (_, role, text) in parts {
        if !facts.is_empty() {
            facts.push((Role::Muted, dot.clone()));
        }
        facts.push((role, text));
    }
    facts
}

/// A rule across the first line of `area`, with a note in it if there is one.
pub(in crate::ui) fn rule(buf: &mut Buffer, area: Rect, note: Option<(Role, &str)>, paint: Paint<'_>) {
    let rule = paint.theme.glyphs.rule;
    let mut pen = Pen::new(buf, paint.theme, area, 0);
    if let Some((role, text)) = note {
        pen.put(Role::Rule, &rule.repeat(2)).skip(1);
        let width = pen.left().saturating_sub(2).min(columns(text));
        pen.fit(role, text, width).skip(1);
    }
    pen.fill(Role::Rule, rule);
}
