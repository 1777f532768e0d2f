//! What was reported about the node.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Pane;
use crate::theme::Role;
use crate::ui::widgets::events::{EventsView, freshness, lines, rest};
use crate::ui::widgets::page;
use crate::ui::widgets::text::Pen;

/// Lines that the events take, without their heading.
pub(super) fn count(view: &EventsView<'_>) -> usize {
    // A line may say how old they are.
    let old = usize::from(freshness(&view.fresh).is_some());
    view.events.as_ref().map_or(1, |(events, untold)| old + events.len() + rest(events.len(), *untold).len())
}

/// Draws the heading and as many events as there is room for.
pub(super) fn draw(buf: &mut Buffer, area: Rect, view: &EventsView<'_>, pane: Pane<'_>) {
    if area.height == 0 {
        return;
    }
    let paint = pane.paint;
    let lines = lines(view, "EVENTS", (area.width, paint));
    let Some((heading, lines)) = lines.split_first() else { return };
    page::draw(buf, Rect { height: 1, ..area }, std::slice::from_ref(heading), (0, paint));
    if pane.focused {
        let mut pen = Pen::new(buf, paint.theme, area, 0);
        pane.mark(&mut pen).put(Role::Focus, "EVENTS");
    }
    let body = Rect { y: area.y + 1, height: area.height - 1, ..area };
    page::draw(buf, body, lines, (pane.first(lines.len(), body.height), paint));
}
