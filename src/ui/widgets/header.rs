//! The header: program, number of firing alerts, cluster, origin of the latency measurements, time.

use super::canvas::{Canvas, Context};
use super::names::ShortNames;
use super::text::columns;
use crate::theme::Role;
use crate::ui::scene::Scene;
use crate::ui::units::clock;

/// Minimum width of the cluster's name, its number included, so that the cluster can be recognised.
const LEAST_NAME: usize = 12;

/// Origin of the latency measurements, longest text first.
const MEASURED: [&str; 3] = ["latency measured from this host", "measured from this host", "from this host"];

/// Draws the header on the first line.
pub(in crate::ui) fn draw(canvas: &mut Canvas<'_>, scene: &Scene<'_>) {
    let (glyphs, context) = (canvas.glyphs(), canvas.context);
    let mut pen = canvas.pen(0);
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
    let facts = facts(scene, context, pen.left().saturating_sub(1));
    let width: usize = facts.iter().map(|(_, text)| columns(text)).sum();
    pen.skip(pen.left().saturating_sub(width + 1));
    for (role, text) in &facts {
        pen.put(*role, text);
    }
}

/// The right part, as much of it as fits; the clock is dropped last, because a screenshot needs it.
fn facts(scene: &Scene<'_>, context: Context<'_>, width: usize) -> Vec<(Role, String)> {
    let dot = format!(" {} ", context.theme.glyphs.dot);
    let Some(summary) = scene.summary() else { return Vec::new() };
    let number = match scene.summaries.len() {
        0 | 1 => String::new(),
        all => format!(" {}/{all}", scene.current + 1),
    };
    let name = format!("{}{number}", summary.context);
    // In the order of the line; the part with the highest number is dropped first.
    let mut parts = vec![(3, Role::Focus, name)];
    if let Some(version) = &summary.version {
        parts.push((2, Role::Muted, version.to_string()));
    }
    if summary.insecure {
        parts.push((4, Role::Warn, "TLS not verified".to_owned()));
    }
    parts.push((5, Role::Text, clock(context.now.wall)));
    let needed = |parts: &[(u8, Role, String)]| parts.iter().map(|part| columns(&part.2) + 3).sum::<usize>();
    let room = (width + 3).saturating_sub(needed(&parts) + 3);
    if let Some(measured) = MEASURED.iter().find(|text| columns(text) <= room) {
        parts.insert(parts.len() - 1, (1, Role::Muted, (*measured).to_owned()));
    }
    while needed(&parts) > width + 3 && !parts.is_empty() {
        let weakest = parts.iter().map(|part| part.0).min();
        // A name is shortened before it is dropped: it is more important than anything but the clock.
        let over = needed(&parts) - (width + 3);
        if let Some(name) = parts.iter_mut().find(|part| part.0 == 3 && weakest == Some(3)) {
            let room = columns(&name.2).saturating_sub(over);
            if room >= LEAST_NAME {
                let shown = ShortNames::new(scene.contexts(), room.saturating_sub(number.len()), &context.theme.glyphs);
                name.2 = format!("{}{number}", shown.get(&summary.context));
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
