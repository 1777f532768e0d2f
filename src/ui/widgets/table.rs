//! A list on the screen: layout of its columns, headings and cells.

use std::borrow::Cow;

use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::names::ShortNames;
use super::text::{Pen, columns};
use crate::model::table::SortBy;
use crate::model::table::column::{Align, Cell, Column, Emphasis, Listing, MadeCell, WIDE, Width};
use crate::theme::{Glyphs, Role};

/// Width below which the name may take the whole table.
const NARROW: usize = 40;

/// Formats the values of a list whose columns leave that to the screen.
pub(in crate::ui) trait Cells<L: Listing> {
    /// Formats a figure as text.
    fn text(&self, figure: L::Figure, row: &L::Shown<'_>) -> (Role, String);

    /// Draws a figure, as text unless it has several roles.
    fn draw(&self, pen: &mut Pen<'_>, figure: L::Figure, row: &L::Shown<'_>, at: &PlacedColumn<L>) {
        let (role, text) = self.text(figure, row);
        at.put(pen, role, &text);
    }

    /// Role of a value that is as it should be.
    fn plain(&self, _: &L::Shown<'_>) -> Role {
        Role::Text
    }
}

/// Parameters of the layout of columns.
#[derive(Clone, Copy, Debug)]
pub(in crate::ui) struct ColumnParams<G> {
    /// Width in columns of the screen.
    pub(in crate::ui) width: usize,
    /// `true` if the extra columns are requested.
    pub(in crate::ui) wide: bool,
    /// Facts of the list.
    pub(in crate::ui) given: G,
}

/// Width of the widest value so far in each column, from frame to frame.
#[derive(Clone, Debug, Default)]
pub(in crate::ui) struct ColumnWidths(Vec<usize>);

/// A column that is shown.
pub(in crate::ui) struct PlacedColumn<L: Listing> {
    /// The column.
    pub(in crate::ui) column: &'static Column<L>,
    header: &'static str,
    /// Offset from the start of the table, in columns of the screen.
    pub(in crate::ui) at: usize,
    /// Width in columns of the screen.
    pub(in crate::ui) width: usize,
}

/// The order of rows in the headings.
#[derive(Clone, Copy, Debug)]
struct SortMark {
    by: SortBy,
    reversed: bool,
    /// The heading of the sort column, if that column is not shown.
    hidden: Option<&'static str>,
}

impl SortMark {
    fn new<L: Listing>(sort: (SortBy, bool), placed: &[PlacedColumn<L>]) -> Self {
        let (by, reversed) = sort;
        let is_shown = placed.iter().any(|placed| placed.column.sort == Some(by));
        let hidden = Column::<L>::of_sort(by).filter(|_| !is_shown).map(|column| column.header);
        Self { by, reversed, hidden }
    }
}

impl ColumnWidths {
    /// Updates the widths for the visible rows; `widest` returns the width of the widest value of a column. A column only grows, so
    /// that nothing jumps; only a name column of more than twice the visible width shrinks again, or one long name would displace
    /// other columns for ever.
    fn update<L: Listing>(&mut self, given: &L::Given, widest: impl Fn(&Column<L>) -> usize) {
        self.0.resize(L::COLUMNS.len(), 0);
        for (column, seen) in L::COLUMNS.iter().zip(&mut self.0) {
            let (Width::Seen(least, most) | Width::Shrinking(least, most)) = column.width(given) else { continue };
            let widest = widest(column).clamp(least, most);
            if widest > *seen || (column.rank == 0 && widest * 2 < *seen) {
                *seen = widest;
            }
        }
    }

    /// Returns `true` if a value wider than the lower bound of the column of this name has been seen.
    pub(in crate::ui) fn has_grown<L: Listing>(&self, name: &str, given: &L::Given) -> bool {
        let column = L::COLUMNS.iter().zip(&self.0).find(|(column, _)| column.name == name);
        column.is_some_and(|(column, seen)| match column.width(given) {
            Width::Seen(least, _) | Width::Shrinking(least, _) => *seen > least,
            _ => false,
        })
    }

    /// Selects the columns that fit, by rank, and places them in their order. One column of the screen is left for the mark of the
    /// selected row.
    fn place<L: Listing>(&self, params: &ColumnParams<L::Given>) -> Vec<PlacedColumn<L>> {
        let step = match params.width {
            0..100 => 0,
            100..180 => 1,
            _ => 2,
        };
        let rank = |column: &Column<L>| column.rank_by.map_or(column.rank, |rank| rank(&params.given));
        let has = |column: &Column<L>| (column.shown)(&params.given) && (params.wide || rank(column) != WIDE);
        let mut ranks: Vec<usize> = (0..L::COLUMNS.len()).filter(|place| has(&L::COLUMNS[*place])).collect();
        ranks.sort_by_key(|place| rank(&L::COLUMNS[*place]));
        let header = |column: &Column<L>| column.header_by.map_or(column.header, |header| header(&params.given));
        let seen = |place: usize, least: usize| self.0.get(place).copied().unwrap_or(0).max(least);
        let mut left = params.width.saturating_sub(1);
        let mut shown = vec![None; L::COLUMNS.len()];
        for place in ranks {
            let column = &L::COLUMNS[place];
            let needs = match column.width(&params.given) {
                Width::Fixed(width) => width,
                Width::Stepped(widths) => widths[step],
                Width::Seen(least, _) => seen(place, least).max(columns(header(column))),
                Width::Shrinking(least, _) => {
                    let least = least.max(columns(header(column)));
                    seen(place, least).min(left.saturating_sub(column.gap)).max(least)
                }
                Width::Rest => 0,
                Width::RestFrom(least) => least,
            };
            // A long name loses its end before it costs the others their place (F78); where there is hardly room for two columns
            // it has it all.
            let most = if params.width < NARROW { left } else { left / 2 };
            let (needs, gap) = if column.rank == 0 { (needs.min(most), 0) } else { (needs, column.gap) };
            if gap + needs > left {
                // A column must not take the place of one with a lower rank.
                break;
            }
            left -= gap + needs;
            shown[place] = Some(needs);
        }
        let (mut end, mut placed) = (None, Vec::new());
        for (column, width) in L::COLUMNS.iter().zip(shown) {
            let Some(needs) = width else { continue };
            let at = end.map_or(1, |end| end + column.gap);
            let width = match column.width(&params.given) {
                Width::Rest | Width::RestFrom(_) => params.width.saturating_sub(at),
                Width::Fixed(_) | Width::Seen(..) | Width::Shrinking(..) | Width::Stepped(_) => needs,
            };
            end = Some(at + width);
            placed.push(PlacedColumn { column, header: header(column), at, width });
        }
        placed
    }
}

impl<L: Listing> PlacedColumn<L> {
    /// Offset of the title, without an arrow.
    fn title_at(&self) -> usize {
        let right = self.column.align == Align::Right;
        self.at + if right { self.width.saturating_sub(columns(self.header) + 1) } else { 0 }
    }

    /// Writes a value into the column.
    pub(in crate::ui) fn put(&self, pen: &mut Pen<'_>, role: Role, text: &str) {
        if self.column.align == Align::Right {
            pen.right(role, text, self.width);
        } else {
            pen.fit(role, text, self.width);
        }
    }
}

/// The visible rows of a list, ready to be drawn.
pub(in crate::ui) struct TableRows<'a, L: Listing, C> {
    cells: &'a C,
    placed: Vec<PlacedColumn<L>>,
    /// Shortened names of each column; empty for columns without names.
    names: Vec<ShortNames>,
}

impl<'a, L: Listing, C: Cells<L>> TableRows<'a, L, C> {
    /// Lays out the columns for these rows; `memory` keeps the widths from frame to frame.
    pub(in crate::ui) fn new(
        rows: &[L::Shown<'_>],
        cells: &'a C,
        params: &ColumnParams<L::Given>,
        memory: &mut ColumnWidths,
        glyphs: &Glyphs,
    ) -> Self {
        let placed = place(rows, cells, params, memory);
        let names = placed.iter().map(|placed| {
            let has_names = matches!(placed.column.cell, Cell::Name(_) | Cell::DrawnName(_));
            let all = rows.iter().filter(|_| has_names).filter_map(|row| value(row, placed.column, cells));
            let all: Vec<Cow<'_, str>> = all.collect();
            ShortNames::new(all.iter().map(|name| &**name), placed.width, glyphs)
        });
        let names = names.collect();
        Self { cells, placed, names }
    }

    /// Draws the headings on the first line of `area`; an arrow marks the column that rows are sorted by.
    pub(in crate::ui) fn heading(&self, pen: &mut Pen<'_>, area: Rect, sort: Option<(SortBy, bool)>) {
        heading(pen, area, &self.placed, sort.map(|sort| SortMark::new(sort, &self.placed)));
    }

    /// Draws the rows below the heading, with the mark of the selected one.
    pub(in crate::ui) fn draw(
        &self,
        canvas: &mut Canvas<'_>,
        rows: &[L::Shown<'_>],
        selected: impl Fn(&L::Shown<'_>) -> bool,
    ) {
        let (area, glyphs) = (canvas.area, canvas.glyphs());
        for (line, row) in (1..area.height).zip(rows) {
            let selected = selected(row);
            let mut pen = canvas.pen(line);
            pen.put(Role::Focus, if selected { glyphs.selected } else { " " });
            self.row(&mut pen, area, row);
            if selected {
                canvas.select(line);
            }
        }
    }

    /// Draws the cells of a row.
    pub(in crate::ui) fn row(&self, pen: &mut Pen<'_>, area: Rect, row: &L::Shown<'_>) {
        let (glyphs, plain) = (pen.glyphs(), self.cells.plain(row));
        for (at, names) in self.placed.iter().zip(&self.names) {
            let pen = pen.go(area, at.at);
            let column = at.column;
            match column.cell {
                Cell::Drawn(figure) => self.cells.draw(pen, figure, row, at),
                Cell::DrawnName(figure) => {
                    let (role, name) = self.cells.text(figure, row);
                    pen.fit(role, &names.get(&name), at.width);
                }
                Cell::Made(made) => {
                    let MadeCell { text, emphasis } = made(row);
                    at.put(pen, emphasis_role(emphasis, plain), &text);
                }
                Cell::Name(text) | Cell::Text(text) => match text(row) {
                    Some("") => at.put(pen, Role::Muted, column.absent.unwrap_or(glyphs.none)),
                    Some(name) if matches!(column.cell, Cell::Name(_)) => {
                        at.put(pen, plain, &names.get(name));
                    }
                    Some(text) => at.put(pen, plain, text),
                    None => {}
                },
            }
        }
    }
}

/// Returns `true` if some of the extra columns fit.
pub(in crate::ui) fn has_wide_room<L: Listing>(
    rows: &[L::Shown<'_>],
    cells: &impl Cells<L>,
    params: &ColumnParams<L::Given>,
    memory: &mut ColumnWidths,
) -> bool {
    place(rows, cells, params, memory).iter().any(|placed| placed.column.rank == WIDE)
}

fn place<L: Listing>(
    rows: &[L::Shown<'_>],
    cells: &impl Cells<L>,
    params: &ColumnParams<L::Given>,
    memory: &mut ColumnWidths,
) -> Vec<PlacedColumn<L>> {
    let wide = |row, column: &Column<L>| value(row, column, cells).map_or(0, |text| columns(&text));
    memory.update::<L>(&params.given, |column| rows.iter().map(|row| wide(row, column)).max().unwrap_or(0));
    memory.place::<L>(params)
}

/// The text of a cell, for the width of its column; `None` if there is none.
fn value<'a, L: Listing>(row: &'a L::Shown<'_>, column: &Column<L>, cells: &impl Cells<L>) -> Option<Cow<'a, str>> {
    match column.cell {
        Cell::Name(text) | Cell::Text(text) => text(row).map(Cow::Borrowed),
        Cell::Made(made) => Some(Cow::Owned(made(row).text)),
        Cell::Drawn(figure) | Cell::DrawnName(figure) => Some(Cow::Owned(cells.text(figure, row).1)),
    }
}

fn emphasis_role(emphasis: Emphasis, plain: Role) -> Role {
    match emphasis {
        Emphasis::Plain => plain,
        Emphasis::Muted => Role::Muted,
        Emphasis::Warn => Role::Warn,
        Emphasis::Bad => Role::Bad,
        Emphasis::Unknown => Role::Unknown,
    }
}

/// Draws the headings on the first line of `area`; an arrow marks the column that rows are sorted by. The widest one names it where it
/// has no place: `NAME by CPU↓`.
fn heading<L: Listing>(pen: &mut Pen<'_>, area: Rect, placed: &[PlacedColumn<L>], sort: Option<SortMark>) {
    let glyphs = pen.glyphs();
    let arrow = |sort: SortMark| if sort.reversed { glyphs.ascending } else { glyphs.descending };
    let hidden = sort.and_then(|sort| Some(format!("by {}{}", sort.hidden?, arrow(sort))));
    let titled = placed.iter().enumerate().filter(|(_, placed)| !placed.column.is_glued());
    let widest = titled.max_by_key(|(place, column)| (column.width, placed.len() - place)).map(|(place, _)| place);
    for (place, at) in placed.iter().enumerate().filter(|(_, placed)| !placed.column.is_glued()) {
        pen.go(area, at.at);
        let (title, right) = (at.header, at.column.align == Align::Right);
        let arrow = sort.filter(|sort| at.column.sort == Some(sort.by)).map(arrow);
        // A title may extend over the columns on its right that belong to it.
        let over = placed[place + 1..].iter().take_while(|next| next.column.is_glued()).last();
        let room = over.filter(|_| !right).map_or(at.width, |last| {
            let free =
                placed.iter().find(|next| next.at > last.at).map_or(usize::from(area.width), PlacedColumn::title_at);
            (last.at + last.width).max(free.saturating_sub(1)) - at.at
        });
        let (first, rest) = title.split_once(' ').unwrap_or((title, ""));
        let by = hidden.as_ref().filter(|_| widest == Some(place)).map(|by| (by, format!("{title} {by}")));
        let title = match (arrow, rest) {
            _ if by.is_some() => {
                by.map(|(by, both)| if columns(&both) <= room { both } else { by.clone() }).unwrap_or_default()
            }
            (None, _) if columns(title) <= room => title.to_owned(),
            // The arrow replaces the blank, so that the title does not reach the next one.
            (Some(arrow), rest) if columns(title).max(columns(first) + 1) <= room => {
                format!("{first}{arrow}{rest}")
            }
            (arrow, _) => format!("{first}{}", arrow.unwrap_or_default()),
        };
        if right {
            pen.right(Role::Header, &title, room.max(columns(&title)));
        } else {
            pen.fit(Role::Header, &title, room);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::node::NodeFacts;
    use crate::model::derive::rows::NodeRow;
    use crate::model::store::nodes::PackedFacts;
    use crate::model::table::nodes::{Nodes, NodesGiven};
    use crate::theme::{Depth, Theme};
    use crate::ui::fixture::Fleet;
    use crate::ui::screens::nodes::NodeCells;

    fn placed(
        widths: &mut ColumnWidths,
        rows: &[NodeRow<'_>],
        params: &ColumnParams<NodesGiven>,
    ) -> Vec<PlacedColumn<Nodes>> {
        let glyphs = Theme::new(Depth::None, false).glyphs;
        place(rows, &NodeCells { glyphs: &glyphs, plain: Role::Text }, params, widths)
    }

    fn shown(width: usize, wide: bool, devices: bool) -> Vec<&'static str> {
        let fleet = Fleet::reference();
        let params = ColumnParams { width, wide, given: NodesGiven { devices, usage: false, conditions: false } };
        let placed = placed(&mut ColumnWidths::default(), &fleet.rows(0..20), &params);
        placed.iter().map(|placed| placed.column.name).collect()
    }

    #[test]
    fn columns_give_way_by_rank_and_the_name_never_does() {
        assert_eq!(shown(60, false, true), ["name", "status", "gpu", "gpu-lost"]);
        assert_eq!(shown(80, false, true), ["name", "status", "pods", "pod-bar", "gpu", "gpu-lost", "age"]);
        assert_eq!(shown(10, false, true), ["name"]);
        assert_eq!(shown(210, false, true).len(), 15, "everything but the extra columns");
        assert_eq!(shown(300, true, true).len(), 19);
        assert!(!shown(300, true, false).contains(&"gpu"), "a cluster without devices has no column for them");
    }

    #[test]
    fn columns_never_overlap_or_leave_the_table() {
        let fleet = Fleet::reference();
        for width in 0..320 {
            let params =
                ColumnParams { width, wide: true, given: NodesGiven { devices: true, usage: true, conditions: false } };
            let placed = placed(&mut ColumnWidths::default(), &fleet.rows(0..20), &params);
            assert!(placed.windows(2).all(|two| two[0].at + two[0].width < two[1].at), "{width}");
            assert!(placed.last().is_none_or(|last| last.at + last.width <= width.max(1)), "{width}");
            assert_eq!(placed.first().map(|first| first.column.name), Some("name"), "{width}");
        }
    }

    #[test]
    fn a_narrower_value_moves_no_column_but_a_much_narrower_name_does() {
        let fleet = Fleet::reference();
        let mut widths = ColumnWidths::default();
        let mut width = |name: &str| {
            let facts = PackedFacts::from(&NodeFacts { name: name.into(), ..Default::default() });
            let mut rows = fleet.rows(0..1);
            rows[0].facts = &facts;
            placed(
                &mut widths,
                &rows,
                &ColumnParams {
                    width: 200,
                    wide: false,
                    given: NodesGiven { devices: true, usage: true, conditions: false },
                },
            )[0]
            .width
        };
        assert_eq!(width("ip-10-0-12-34.eu-central-1.compute.internal"), 43);
        assert_eq!(width("ip-10-0-12-34.ec2.internal"), 43);
        assert_eq!(width("n1"), 12);
        assert_eq!(width(&"n".repeat(400)), 99, "a long name has half of the table");
    }
}
