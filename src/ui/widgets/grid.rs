//! Columns of a table: width rules, which ones give way first, and where the rest stands.

use ratatui::layout::Rect;

use super::names::ShortNames;
use super::text::{Pen, columns};
use crate::model::table::SortBy;
pub(in crate::ui) use crate::model::table::Width;
use crate::theme::Role;

/// Below this width the name has the whole table if it needs it.
const NARROW: usize = 40;

/// One row of a table of columns, in the order in which they stand.
#[derive(Clone, Copy, Debug)]
pub(in crate::ui) struct ColumnSpec<C> {
    /// Which.
    pub(in crate::ui) column: C,
    /// Its heading.
    pub(in crate::ui) title: &'static str,
    /// How wide it is.
    pub(in crate::ui) width: Width,
    /// Numbers stand on the right.
    pub(in crate::ui) right: bool,
    /// Sort of its heading.
    pub(in crate::ui) sort: Option<SortBy>,
    /// Blanks before it: 1 where it belongs to the column on its left, otherwise 2.
    pub(in crate::ui) gap: usize,
    /// The lower, the longer it stays. Rank 0 is the name: it has what it needs before anything else, up to half of the
    /// table, and never goes.
    pub(in crate::ui) rank: u8,
}

impl<C: Copy> ColumnSpec<C> {
    /// Text on the left, not sorted by.
    pub(in crate::ui) const fn new(column: C, title: &'static str, width: Width, rank: u8) -> Self {
        Self { column, title, width, right: false, sort: None, gap: 2, rank }
    }

    /// It holds numbers.
    pub(in crate::ui) const fn right(self) -> Self {
        Self { right: true, ..self }
    }

    /// Rows can be sorted by it.
    pub(in crate::ui) const fn by(self, sort: SortBy) -> Self {
        Self { sort: Some(sort), ..self }
    }
}

/// The widest value seen in each column that grows, from frame to frame.
#[derive(Clone, Debug, Default)]
pub(in crate::ui) struct WidthMemory(Vec<usize>);

/// A column that is shown.
#[derive(Clone, Copy, Debug)]
pub(in crate::ui) struct Placed<C> {
    /// Which.
    pub(in crate::ui) column: C,
    /// First column on the screen, from the start of the table.
    pub(in crate::ui) at: usize,
    /// Columns on the screen.
    pub(in crate::ui) width: usize,
    title: &'static str,
    right: bool,
    sort: Option<SortBy>,
}

/// The order of rows, as the heading shows it.
#[derive(Clone, Copy, Debug)]
pub(in crate::ui) struct Sorted {
    by: SortBy,
    reversed: bool,
    /// The heading of its column, where that has no place.
    hidden: Option<&'static str>,
}

impl Sorted {
    /// `specs`: all columns, of which some are placed.
    pub(in crate::ui) fn new<C>(sort: (SortBy, bool), specs: &[ColumnSpec<C>], placed: &[Placed<C>]) -> Self {
        let (by, reversed) = sort;
        let is_shown = placed.iter().any(|column| column.sort == Some(by));
        let hidden = specs.iter().find(|spec| spec.sort == Some(by) && !is_shown).map(|spec| spec.title);
        Self { by, reversed, hidden }
    }
}

impl WidthMemory {
    /// Takes in the visible rows: `widest` gives the widest value of a column. A column only grows, so that nothing
    /// jumps; but a name column that is more than twice as wide as what is visible shrinks again, or one long name would
    /// cost the others their place for ever.
    pub(in crate::ui) fn grow<C: Copy>(&mut self, specs: &[ColumnSpec<C>], widest: impl Fn(C) -> usize) {
        self.0.resize(specs.len(), 0);
        for (spec, seen) in specs.iter().zip(&mut self.0) {
            let Width::Seen(least, most) = spec.width else { continue };
            let widest = widest(spec.column).clamp(least, most);
            if widest > *seen || (spec.rank == 0 && widest * 2 < *seen) {
                *seen = widest;
            }
        }
    }

    /// The columns that fit into `width`, taken by rank, placed in their order. One column is left for the mark of the
    /// selected row.
    pub(in crate::ui) fn place<C: Copy>(
        &self,
        specs: &[ColumnSpec<C>],
        width: usize,
        wanted: impl Fn(&ColumnSpec<C>) -> bool,
    ) -> Vec<Placed<C>> {
        let step = match width {
            0..100 => 0,
            100..180 => 1,
            _ => 2,
        };
        let mut ranks: Vec<usize> = (0..specs.len()).filter(|place| wanted(&specs[*place])).collect();
        ranks.sort_by_key(|place| specs[*place].rank);
        let mut left = width.saturating_sub(1);
        let mut shown = vec![None; specs.len()];
        for place in ranks {
            let spec = &specs[place];
            let needs = match spec.width {
                Width::Fixed(width) => width,
                Width::Stepped(widths) => widths[step],
                Width::Seen(least, _) => self.0.get(place).copied().unwrap_or(0).max(least),
            };
            // A long name loses its end before it costs the others their place (F78); where there is hardly room for two columns
            // it has it all.
            let most = if width < NARROW { left } else { left / 2 };
            let (needs, gap) = if spec.rank == 0 { (needs.min(most), 0) } else { (needs, spec.gap) };
            if gap + needs > left {
                // What ranks lower does not take the place of what ranks higher.
                break;
            }
            left -= gap + needs;
            shown[place] = Some(needs);
        }
        let mut end = None;
        let place = |(spec, width): (&ColumnSpec<C>, Option<usize>)| {
            let width = width?;
            let at = end.map_or(1, |end| end + spec.gap);
            end = Some(at + width);
            Some(Placed { column: spec.column, at, width, title: spec.title, right: spec.right, sort: spec.sort })
        };
        specs.iter().zip(shown).filter_map(place).collect()
    }
}

impl<C> Placed<C> {
    /// First column of the title, without an arrow.
    fn title_at(&self) -> usize {
        self.at + if self.right { self.width.saturating_sub(columns(self.title) + 1) } else { 0 }
    }

    /// Writes a name into the column, cut as `names` has it.
    pub(in crate::ui) fn put_name(&self, pen: &mut Pen<'_>, role: Role, name: &str, names: &ShortNames) {
        pen.fit(role, &names.get(name), self.width);
    }

    /// Writes a value into the column.
    pub(in crate::ui) fn put(&self, pen: &mut Pen<'_>, role: Role, text: &str) {
        if self.right {
            pen.right(role, text, self.width);
        } else {
            pen.fit(role, text, self.width);
        }
    }
}

/// Draws the headings on the first line of `area`; an arrow marks the column that rows are sorted by. The widest one names it where it
/// has no place: `NAME by CPU↓`.
pub(in crate::ui) fn heading<C>(pen: &mut Pen<'_>, area: Rect, placed: &[Placed<C>], sort: Option<Sorted>) {
    let glyphs = pen.glyphs();
    let arrow = |sort: Sorted| if sort.reversed { glyphs.ascending } else { glyphs.descending };
    let hidden = sort.and_then(|sort| Some(format!("by {}{}", sort.hidden?, arrow(sort))));
    let titled = placed.iter().enumerate().filter(|(_, column)| !column.title.is_empty());
    let widest = titled.max_by_key(|(place, column)| (column.width, placed.len() - place)).map(|(place, _)| place);
    for (place, column) in placed.iter().enumerate().filter(|(_, column)| !column.title.is_empty()) {
        pen.go(area, column.at);
        let arrow = sort.filter(|sort| column.sort == Some(sort.by)).map(arrow);
        // A title may reach over columns that have none and belong to it.
        let over = placed[place + 1..].iter().take_while(|next| next.title.is_empty()).last();
        let room = over.filter(|_| !column.right).map_or(column.width, |last| {
            let free = placed.iter().find(|next| next.at > last.at).map_or(usize::from(area.width), Placed::title_at);
            (last.at + last.width).max(free.saturating_sub(1)) - column.at
        });
        let (first, rest) = column.title.split_once(' ').unwrap_or((column.title, ""));
        let by = hidden.as_ref().filter(|_| widest == Some(place)).map(|by| (by, format!("{} {by}", column.title)));
        let title = match (arrow, rest) {
            _ if by.is_some() => {
                by.map(|(by, both)| if columns(&both) <= room { both } else { by.clone() }).unwrap_or_default()
            }
            (None, _) if columns(column.title) <= room => column.title.to_owned(),
            // The arrow takes the place of the blank, so that no title grows into the next one.
            (Some(arrow), rest) if columns(column.title).max(columns(first) + 1) <= room => {
                format!("{first}{arrow}{rest}")
            }
            (arrow, _) => format!("{first}{}", arrow.unwrap_or_default()),
        };
        if column.right {
            pen.right(Role::Header, &title, room.max(columns(&title)));
        } else {
            pen.fit(Role::Header, &title, room);
        }
    }
}
