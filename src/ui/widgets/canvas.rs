//! Drawing area of a part of the screen, with theme, keys and time.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::text::{Pen, columns};
use crate::keymap::KeyMap;
use crate::msg::Now;
use crate::theme::{Glyphs, Role, Theme};

/// Theme, keys and time of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Styles and glyphs.
    pub theme: &'a Theme,
    /// Keys, for hints and the help.
    pub keymap: &'a KeyMap,
    /// Both clocks.
    pub now: Now,
}

/// An area of the screen to draw on.
pub(in crate::ui) struct Canvas<'a> {
    buf: &'a mut Buffer,
    pub(in crate::ui) area: Rect,
    pub(in crate::ui) context: Context<'a>,
}

impl<'a> Canvas<'a> {
    pub(in crate::ui) fn new(buf: &'a mut Buffer, area: Rect, context: Context<'a>) -> Self {
        Self { buf, area, context }
    }

    /// Another area of the same screen.
    pub(in crate::ui) fn at(&mut self, area: Rect) -> Canvas<'_> {
        Canvas { buf: self.buf, area, context: self.context }
    }

    /// The area without its first `lines`.
    pub(in crate::ui) fn below(&mut self, lines: u16) -> Canvas<'_> {
        let lines = lines.min(self.area.height);
        let area = Rect { y: self.area.y + lines, height: self.area.height - lines, ..self.area };
        self.at(area)
    }

    /// Pen for line `row` of the area; outside the area it writes nothing.
    pub(in crate::ui) fn pen(&mut self, row: u16) -> Pen<'_> {
        Pen::new(self.buf, self.context.theme, self.area, row)
    }

    /// Marks a line as the selected one.
    pub(in crate::ui) fn select(&mut self, row: u16) {
        let line = Rect { y: self.area.y + row, height: 1, ..self.area }.intersection(self.buf.area);
        self.buf.set_style(line, self.context.theme.style(Role::Selected));
    }

    pub(in crate::ui) fn glyphs(&self) -> &'a Glyphs {
        &self.context.theme.glyphs
    }

    /// Draws a rule across the first line, with a note in it if there is one.
    pub(in crate::ui) fn rule(&mut self, note: Option<&Note>) {
        let rule = self.glyphs().rule;
        let mut pen = self.pen(0);
        if let Some(Note { role, text }) = note {
            pen.put(Role::Rule, &rule.repeat(2)).skip(1);
            let width = pen.left().saturating_sub(2).min(columns(text));
            pen.fit(*role, text, width).skip(1);
        }
        pen.fill(Role::Rule, rule);
    }
}

/// A piece of text in its role.
pub(in crate::ui) struct Note {
    pub(in crate::ui) role: Role,
    pub(in crate::ui) text: String,
}
