//! Events about the node.

use ratatui::layout::Rect;

use super::Pane;
use crate::msg::Viewport;
use crate::theme::{Glyphs, Role};
use crate::ui::screens::view::scrolled;
use crate::ui::widgets::canvas::Canvas;
use crate::ui::widgets::events::{EventsPage, EventsView, first, lines, rows};
use crate::ui::widgets::table::ColumnWidths;

/// Heading of the events.
const TITLE: &str = "EVENTS";

/// Number of lines of the events, without their heading.
pub(super) fn count(view: &EventsView<'_>, width: u16, glyphs: &Glyphs) -> usize {
    lines(view, TITLE, width, glyphs).len().saturating_sub(1)
}

/// Draws the heading and as many events as fit.
pub(super) fn draw(canvas: &mut Canvas<'_>, view: &EventsView<'_>, pane: Pane, memory: &mut ColumnWidths) -> Viewport {
    let area = canvas.area;
    let lines = lines(view, TITLE, area.width, canvas.glyphs());
    let Some((heading, lines)) = lines.split_first().filter(|_| area.height > 0) else { return scrolled(0, 0) };
    let table = EventsPage { title: TITLE, view, focused: pane.focused };
    table.draw(&mut canvas.at(Rect { height: 1, ..area }), std::slice::from_ref(heading), 0, memory);
    if pane.focused {
        let mut pen = canvas.pen(0);
        pane.mark(&mut pen).put(Role::Focus, TITLE);
    }
    let body = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let height = usize::from(body.height);
    let first = first(lines, pane.scroll, pane.follows, height);
    table.draw(&mut canvas.at(body), lines, first, memory);
    let most = lines.len().saturating_sub(height);
    Viewport { first: Some(first), rows: Some(rows(lines, first, height)), ..scrolled(height, most) }
}
