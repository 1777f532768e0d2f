//! The screen of a terminal that is too small for a table: `prod-a ✗ 101/104 gpu 611/872 p95 9.8s ▅█×× ▲2 live`, then the alerts.

use ratatui::layout::Rect;

use crate::model::known::Known;
use crate::theme::Role;
use crate::ui::scene::Scene;
use crate::ui::units::{known, pair, percentile};
use crate::ui::widgets::canvas::Canvas;
use crate::ui::widgets::layout::TABLE_SIZE;
use crate::ui::widgets::names::ShortNames;
use crate::ui::widgets::spark::{self, Scale};
use crate::ui::widgets::strip::LONGEST_CONTEXT;
use crate::ui::widgets::text::Pen;
use crate::ui::widgets::{alert_lines, strip};
use crate::ui::words;

/// Columns of the sparkline.
const SPARK: usize = 4;

/// Draws the line, alerts below it, and in the last line the terminal size that shows more.
pub(in crate::ui) fn draw(canvas: &mut Canvas<'_>, scene: &Scene<'_>) {
    let area = canvas.area;
    line(&mut canvas.pen(0), scene);
    if area.height < 2 {
        return;
    }
    let hint = Rect { y: area.bottom() - 1, height: 1, ..area };
    let (width, height) = TABLE_SIZE;
    canvas.at(hint).pen(0).rest(Role::Muted, &format!("table from {width}x{height} on"));
    let rest = Rect { y: area.y + 1, height: area.height - 2, ..area };
    alert_lines::draw(&mut canvas.at(rest), scene);
}

fn line(pen: &mut Pen<'_>, scene: &Scene<'_>) {
    let glyphs = pen.glyphs();
    let Some(summary) = scene.summary() else { return };
    let (role, glyph) = words::mark(summary, glyphs);
    // At most half of the line: the rest is more important.
    let names = ShortNames::new(scene.contexts(), LONGEST_CONTEXT.min(pen.left() / 2), glyphs);
    pen.put(Role::Title, &names.get(&summary.context)).skip(1).put(role, glyph).skip(1);
    // Exceptional states come first, so that they are not cut off.
    if summary.silenced_until.is_some() {
        pen.put(Role::Warn, &words::silenced(summary)).skip(1);
    }
    if summary.silence.is_some() {
        pen.put(Role::Warn, &words::api(summary)).skip(1);
    }
    pen.put(Role::Text, &pair(summary.nodes_ready, summary.nodes_total, glyphs));
    if let Some(gpu) = summary.gpu {
        let capacity = known(Known::Exact(gpu.capacity), glyphs);
        pen.put(Role::Muted, " gpu ").put(Role::Text, &format!("{}/{capacity}", known(gpu.requested, glyphs)));
    }
    let p95 = summary.latency.p95;
    pen.put(Role::Muted, " p95 ").put(strip::speed(p95, &scene.settings), &percentile(p95, glyphs)).skip(1);
    if let Some(marks) = scene.marks.first() {
        spark::draw(pen, marks, SPARK.min(marks.len()), &Scale::new(scene.settings.probe_deadline));
    }
    if scene.firing > 0 {
        pen.skip(1).put(Role::Critical, &format!("{}{}", glyphs.alert, scene.firing));
    }
    let (role, fresh) = words::freshness(summary, false);
    pen.skip(1).put(role, &fresh);
}
