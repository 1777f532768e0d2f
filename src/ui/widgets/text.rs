//! Writing on one line: truncated by display width, and never outside the buffer.
//!
//! Everything on the screen is written by [`Pen`]: text that [`crate::facts::text`] has cleaned, or that this program
//! made itself. It drops control characters nevertheless.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::names;
use crate::theme::{Glyphs, Role, Theme};

pub(in crate::ui) use super::width::{columns, tail, wrap};

/// Writes from left to right on one line of an area.
pub(in crate::ui) struct Pen<'a> {
    buf: &'a mut Buffer,
    theme: &'a Theme,
    x: u16,
    end: u16,
    y: u16,
}

impl<'a> Pen<'a> {
    /// Creates a pen at the start of line `row` of `area`. Outside the area it writes nothing.
    pub(in crate::ui) fn new(buf: &'a mut Buffer, theme: &'a Theme, area: Rect, row: u16) -> Self {
        let inside = area.intersection(buf.area);
        let y = area.y.saturating_add(row);
        let is_inside = row < area.height && (inside.y..inside.bottom()).contains(&y);
        let end = if is_inside { inside.right() } else { inside.x };
        Self { buf, theme, x: inside.x, end, y }
    }

    /// Glyphs of the terminal.
    pub(in crate::ui) fn glyphs(&self) -> &'a Glyphs {
        &self.theme.glyphs
    }

    /// Columns left on the line.
    pub(in crate::ui) fn left(&self) -> usize {
        usize::from(self.end.saturating_sub(self.x))
    }

    /// Writes `text`, truncated at the end of the line without a mark.
    pub(in crate::ui) fn put(&mut self, role: Role, text: &str) -> &mut Self {
        let width = self.left();
        self.write(role, text, width);
        self
    }

    /// Fills the rest of the line with a glyph of one column.
    pub(in crate::ui) fn fill(&mut self, role: Role, glyph: &str) {
        let style = self.theme.style(role);
        for x in self.x..self.end {
            if let Some(cell) = self.buf.cell_mut((x, self.y)) {
                cell.set_symbol(glyph).set_style(style);
            }
        }
        self.x = self.end.max(self.x);
    }

    /// Leaves `columns` blank.
    pub(in crate::ui) fn skip(&mut self, columns: usize) -> &mut Self {
        self.x = self.x.saturating_add(u16::try_from(columns).unwrap_or(u16::MAX)).min(self.end);
        self
    }

    /// Moves to `column` of the line (0 is its start), unless the pen is already past it.
    pub(in crate::ui) fn go(&mut self, area: Rect, column: usize) -> &mut Self {
        let x = area.x.saturating_add(u16::try_from(column).unwrap_or(u16::MAX));
        self.x = x.max(self.x).min(self.end);
        self
    }

    /// Writes `text` into exactly `width` columns, left-aligned; truncated with `…`.
    pub(in crate::ui) fn fit(&mut self, role: Role, text: &str, width: usize) -> &mut Self {
        let width = width.min(self.left());
        let used = self.marked(role, text, width);
        self.skip(width - used)
    }

    /// Writes a name into exactly `width` columns, left-aligned, shortened in its middle if it is too long.
    pub(in crate::ui) fn name(&mut self, role: Role, name: &str, width: usize) -> &mut Self {
        let width = width.min(self.left());
        let shown = names::one(name, width, self.theme.glyphs.ellipsis);
        self.fit(role, &shown, width)
    }

    /// Writes `text`, truncated with `…` at the end of the line.
    pub(in crate::ui) fn rest(&mut self, role: Role, text: &str) -> &mut Self {
        let width = self.left();
        self.marked(role, text, width);
        self
    }

    /// Writes `text` into exactly `width` columns, right-aligned. A number that does not fit is not truncated:
    /// its last digits would be another number.
    pub(in crate::ui) fn right(&mut self, role: Role, text: &str, width: usize) -> &mut Self {
        let width = width.min(self.left());
        let needed = columns(text);
        if needed > width {
            return self.fit(role, self.theme.glyphs.ellipsis, width);
        }
        self.skip(width - needed);
        self.write(role, text, needed);
        self
    }

    fn marked(&mut self, role: Role, text: &str, width: usize) -> usize {
        if width == 0 {
            return 0;
        }
        if columns(text) <= width {
            return self.write(role, text, width);
        }
        let used = self.write(role, text, width - 1);
        used + self.write(role, self.theme.glyphs.ellipsis, 1)
    }

    fn write(&mut self, role: Role, text: &str, width: usize) -> usize {
        let style = self.theme.style(role);
        let start = self.x;
        let end = self.end.min(start.saturating_add(u16::try_from(width).unwrap_or(u16::MAX)));
        if text.is_ascii() {
            // Most of the screen is ASCII; splitting it into graphemes would cost as much as everything else together.
            for byte in text.bytes().filter(|byte| !byte.is_ascii_control()) {
                let Some(cell) = self.buf.cell_mut((self.x, self.y)).filter(|_| self.x < end) else { break };
                cell.set_char(char::from(byte)).set_style(style);
                self.x += 1;
            }
        } else if self.x < end {
            (self.x, _) = self.buf.set_stringn(self.x, self.y, text, usize::from(end - self.x), style);
        }
        usize::from(self.x - start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theme::Depth;

    fn written(width: u16, write: impl FnOnce(&mut Pen<'_>)) -> String {
        let theme = Theme::new(Depth::None, false);
        let mut buf = Buffer::empty(Rect::new(0, 0, width, 1));
        write(&mut Pen::new(&mut buf, &theme, Rect::new(0, 0, width, 1), 0));
        buf.content().iter().map(ratatui::buffer::Cell::symbol).collect()
    }

    #[test]
    fn long_text_ends_with_a_mark_and_short_text_is_padded() {
        assert_eq!(written(9, |pen| _ = pen.fit(Role::Text, "abcdef", 4).put(Role::Text, "|")), "abc…|    ");
        assert_eq!(written(9, |pen| _ = pen.fit(Role::Text, "abc", 4).put(Role::Text, "|")), "abc |    ");
        assert_eq!(written(3, |pen| _ = pen.fit(Role::Text, "abcdef", 5)), "ab…");
    }

    #[test]
    fn a_number_that_does_not_fit_is_not_shown_in_part() {
        assert_eq!(written(6, |pen| _ = pen.right(Role::Text, "12345", 5)), "12345 ");
        assert_eq!(written(6, |pen| _ = pen.right(Role::Text, "123456", 5)), "…     ");
    }

    #[test]
    fn wide_characters_are_never_cut_in_half() {
        assert_eq!(written(6, |pen| _ = pen.fit(Role::Text, "日本語", 4).put(Role::Text, "|")), "日 … | ");
        assert_eq!(columns("日本"), 4);
    }

    #[test]
    fn control_characters_are_dropped() {
        assert_eq!(written(6, |pen| _ = pen.put(Role::Text, "a\x1b\tb\u{7f}")), "ab    ");
    }

    #[test]
    fn nothing_is_written_outside_the_area_or_the_buffer() {
        let theme = Theme::new(Depth::None, false);
        let mut buf = Buffer::empty(Rect::new(0, 0, 4, 2));
        for (area, row) in [
            (Rect::new(0, 0, 4, 2), 2),
            (Rect::new(0, 0, 4, 1), 1),
            (Rect::new(9, 9, 4, 4), 0),
            (Rect::new(0, 5, 9, 9), 0),
            (Rect::new(2, 0, 0, 2), 0),
            (Rect::ZERO, 0),
        ] {
            Pen::new(&mut buf, &theme, area, row).put(Role::Text, "x").rest(Role::Text, "long").right(
                Role::Text,
                "1",
                3,
            );
        }
        assert_eq!(buf, Buffer::empty(Rect::new(0, 0, 4, 2)));
    }

    #[test]
    fn the_end_of_a_text_is_what_fits() {
        assert_eq!(tail("abc", 2), "bc");
        assert_eq!(tail("abc", 9), "abc");
        assert_eq!(tail("a日", 1), "");
        assert_eq!(tail("日a", 2), "a");
    }

    #[test]
    fn items_are_wrapped_whole() {
        assert_eq!(wrap(["aa", "bb", "cccccc", "d"].into_iter(), 2, 6), [vec!["aa", "bb"], vec!["cccccc"], vec!["d"]]);
    }
}
