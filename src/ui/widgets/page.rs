//! A page of lines that scrolls: text in several roles, and tables whose columns are as wide as their values.

use super::canvas::Canvas;
use super::text::{Pen, columns, wrap};
use crate::msg::PageRows;
use crate::theme::Role;

/// One line: pieces of text in their roles.
pub(in crate::ui) type TextLine = Vec<(Role, String)>;

/// A line of one piece of text.
pub(in crate::ui) fn line(role: Role, text: impl Into<String>) -> TextLine {
    vec![(role, text.into())]
}

/// Indent of the full text of a row.
const INDENT: usize = 3;

/// Wraps a text below its row.
pub(in crate::ui) fn paragraph(role: Role, text: &str, width: usize) -> Vec<TextLine> {
    facts(role, text.split_whitespace(), 1, width)
}

/// Wraps facts, with `gap` blanks between them, below their row.
pub(in crate::ui) fn facts<'a>(
    role: Role,
    facts: impl Iterator<Item = &'a str>,
    gap: usize,
    width: usize,
) -> Vec<TextLine> {
    let rows = wrap(facts, gap, width.saturating_sub(INDENT + 1));
    rows.into_iter().map(|row| line(role, " ".repeat(INDENT) + &row.join(&" ".repeat(gap)))).collect()
}

/// Index of the first of `height` visible lines of `len`: `scroll`, or the nearest value at which line `row` is visible.
pub(in crate::ui) fn first(scroll: usize, row: Option<usize>, len: usize, height: usize) -> usize {
    let most = len.saturating_sub(height);
    row.map_or(scroll, |row| scroll.max((row + 1).saturating_sub(height)).min(row)).min(most)
}

/// Range of list rows in `height` lines from `first` on. `rows_before` counts the rows before a line.
pub(in crate::ui) fn rows(first: usize, height: usize, rows_before: impl Fn(usize) -> usize) -> PageRows {
    let (start, end) = (rows_before(first), rows_before(first + height));
    let below = (1..=height).take_while(|lines| rows_before(first + height + lines) == end + lines).count();
    let above = (1..=height.min(first)).take_while(|lines| rows_before(first - lines) + lines == start).count();
    PageRows { first: start, end, above, below }
}

/// Draws a line in the rest of the pen's line.
pub(in crate::ui) fn text(pen: &mut Pen<'_>, line: &TextLine) {
    for (index, (role, text)) in line.iter().enumerate() {
        if index + 1 == line.len() {
            pen.rest(*role, text)
        } else {
            pen.put(*role, text)
        };
    }
}

/// Draws the lines from `first` of `len` on; the last visible one shows how many are below it. `draw` gets the row on the screen
/// and the index of its line.
pub(in crate::ui) fn draw(
    canvas: &mut Canvas<'_>,
    first: usize,
    len: usize,
    mut draw: impl FnMut(&mut Canvas<'_>, u16, usize),
) {
    let height = canvas.area.height;
    let shown = usize::from(height).min(len.saturating_sub(first));
    let below = len.saturating_sub(first + shown);
    for (row, at) in (0..height).zip(first..len) {
        draw(canvas, row, at);
        if usize::from(row) + 1 == shown && below > 0 {
            let text = format!(" +{below} more ");
            let mut pen = canvas.pen(row);
            let room = pen.left().saturating_sub(columns(&text));
            pen.skip(room).put(Role::Muted, &text);
        }
    }
}

/// A table with headings and rows. The last column gets the rest of the line.
pub(in crate::ui) struct TextTable {
    /// Indent of each line.
    indent: usize,
    titles: Vec<(&'static str, usize, bool)>,
    rows: Vec<Row>,
}

enum Row {
    Cells(Vec<(Role, String)>),
    /// A line between rows, without columns.
    Line(TextLine),
}

impl TextTable {
    /// Creates a table. `titles`: heading, maximum width, and `true` for a column of numbers.
    pub(in crate::ui) fn new(indent: usize, titles: &[(&'static str, usize, bool)]) -> Self {
        Self { indent, titles: titles.to_vec(), rows: Vec::new() }
    }

    pub(in crate::ui) fn row(&mut self, cells: Vec<(Role, String)>) {
        self.rows.push(Row::Cells(cells));
    }

    pub(in crate::ui) fn full_line(&mut self, line: TextLine) {
        self.rows.push(Row::Line(line));
    }

    /// The lines, headings first; cells that are too long for their column are truncated with `ellipsis`.
    pub(in crate::ui) fn lines(self, ellipsis: &str) -> Vec<TextLine> {
        let Self { indent, titles, rows } = self;
        let widths = titles.iter().enumerate().map(|(index, (title, most, _))| {
            let cells = rows.iter().filter_map(|row| match row {
                Row::Cells(cells) => cells.get(index).map(|(_, text)| columns(text)),
                Row::Line(_) => None,
            });
            cells.max().unwrap_or(0).min(*most).max(columns(title))
        });
        let widths: Vec<usize> = widths.collect();
        let last = titles.len().saturating_sub(1);
        let aligned = |cells: Vec<(Role, String)>| -> TextLine {
            let mut line = vec![(Role::Text, " ".repeat(indent))];
            for (index, (role, text)) in cells.into_iter().enumerate().take(titles.len()) {
                let right = titles[index].2;
                let text = if index == last && !right { text } else { fit(&text, widths[index], right, ellipsis) };
                let gap = if index == last { "" } else { "  " };
                line.push((role, format!("{text}{gap}")));
            }
            line
        };
        let heading = titles.iter().map(|(title, ..)| (Role::Header, (*title).to_owned())).collect();
        let mut lines = vec![aligned(heading)];
        for row in rows {
            lines.push(match row {
                Row::Cells(cells) => aligned(cells),
                Row::Line(line) => line,
            });
        }
        lines
    }
}

/// `text` in exactly `width` columns.
fn fit(text: &str, width: usize, right: bool, ellipsis: &str) -> String {
    let needs = columns(text);
    if needs <= width {
        let blanks = " ".repeat(width - needs);
        return if right { format!("{blanks}{text}") } else { format!("{text}{blanks}") };
    }
    let mut cut = String::new();
    let mut used = columns(ellipsis);
    for grapheme in unicode_segmentation::UnicodeSegmentation::graphemes(text, true) {
        used += columns(grapheme);
        if used > width {
            break;
        }
        cut.push_str(grapheme);
    }
    cut.push_str(ellipsis);
    let blanks = " ".repeat(width.saturating_sub(columns(&cut)));
    format!("{cut}{blanks}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_their_headings_whatever_is_in_them() {
        let mut table = TextTable::new(1, &[("NAME", 6, false), ("N", 9, true), ("REST", 4, false)]);
        let cell = |text: &str| (Role::Text, text.to_owned());
        table.row(vec![cell("a"), cell("7"), cell("all of this is kept")]);
        table.full_line(line(Role::Muted, "between"));
        table.row(vec![cell("日本語の名前"), cell("1,204"), cell("")]);
        let lines = table.lines("…").into_iter().map(|line| line.into_iter().map(|(_, text)| text).collect::<String>());
        let lines: Vec<String> = lines.collect();
        assert_eq!(
            lines,
            [" NAME        N  REST", " a           7  all of this is kept", "between", " 日本…   1,204  "]
        );
    }
}
