//! Events about the node.

use ratatui::layout::Rect;

use super::Pane;
use crate::theme::Role;
use crate::ui::widgets::canvas::Canvas;
use crate::ui::widgets::events::{EventsView, freshness, lines, rest};
use crate::ui::widgets::page;

/// Lines that the events take, without their heading.
pub(super) fn count(view: &EventsView<'_>) -> usize {
    // A line may say how old they are.
    let old = usize::from(freshness(&view.fresh).is_some());
    view.events.as_ref().map_or(1, |(events, omitted)| old + events.len() + rest(events.len(), *omitted).len())
}

/// Draws the heading and as many events as there is room for.
pub(super) fn draw(canvas: &mut Canvas<'_>, view: &EventsView<'_>, pane: Pane) {
    let area = canvas.area;
    if area.height == 0 {
        return;
    }
    let lines = lines(view, "EVENTS", area.width, canvas.glyphs());
    let Some((heading, lines)) = lines.split_first() else { return };
    page::draw(&mut canvas.at(Rect { height: 1, ..area }), std::slice::from_ref(heading), 0);
    if pane.focused {
        let mut pen = canvas.pen(0);
        pane.mark(&mut pen).put(Role::Focus, "EVENTS");
    }
    let body = Rect { y: area.y + 1, height: area.height - 1, ..area };
    page::draw(&mut canvas.at(body), lines, pane.first(lines.len(), body.height));
}
