//! A column of a list: the kinds of widths, filters, cells and JSON fields that it can have.

use std::fmt::Debug;
use std::hash::Hash;
use std::time::Duration;

use super::SortBy;
use super::order::{SortKey, TieBreak};
use crate::facts::quantity::Quantity;

/// A list: the types of its rows, and the one table of its columns.
pub trait Listing: Copy + Debug + 'static {
    /// A row as its order and its filter read it.
    type Row<'a>;
    /// A row as the screen shows it.
    type Shown<'a>;
    /// Values that the screen makes itself, because they have glyphs or several colours.
    type Figure: Copy + Debug;
    /// Facts that decide which columns there are.
    type Given;
    /// Tells the rows of one order apart.
    type Id: Clone + Debug + Eq + Hash;
    /// Names the row that the operator chose, also in later orders.
    type Key: Clone + Debug + Eq;
    /// Decides between rows that are equal otherwise.
    type Tie: TieBreak;

    /// Its rows in words.
    const NAME: &'static str;
    /// The first order.
    const SORT: SortBy = SortBy::Name;
    /// The columns, in the order in which they stand.
    const COLUMNS: &'static [Column<Self>];
    /// Terms of a filter that are no column.
    const TERMS: &'static [(&'static str, FilterMatch<Self>, Reads)] = &[];

    /// Decides between rows that are equal otherwise; `index` is that of the row before it is sorted.
    fn tie(row: &Self::Row<'_>, index: u32) -> Self::Tie;
}

/// A column of a list.
pub struct Column<L: Listing> {
    /// Its name in filters and in the configuration; lower case.
    pub name: &'static str,
    /// Other names that a filter may use.
    pub aliases: &'static [&'static str],
    /// Its heading; empty if it belongs to the column on its left.
    pub header: &'static str,
    /// Its heading where that depends on what the list shows.
    pub header_by: Option<fn(&L::Given) -> &'static str>,
    /// How wide it is.
    pub width: Width,
    /// How wide it is where that depends on what the list shows.
    pub width_by: Option<fn(&L::Given) -> Width>,
    /// Blanks before it.
    pub gap: usize,
    /// The lower, the longer it stays on narrow screens; [`WIDE`] only with the extra columns. Rank 0 is the name: it has what it
    /// needs before anything else, up to half of the table, and never goes.
    pub rank: u8,
    /// Its rank where that depends on which other columns there are.
    pub rank_by: Option<fn(&L::Given) -> u8>,
    /// The side on which its heading stands.
    pub align: Align,
    /// `true` if the list has it.
    pub shown: fn(&L::Given) -> bool,
    /// Sources of its values.
    pub reads: Reads,
    /// The sort that it is the column of; `None` if rows cannot be sorted by it.
    pub sort: Option<SortBy>,
    /// Key that rows are sorted by.
    pub(crate) key: fn(&L::Row<'_>) -> SortKey,
    /// How a filter term on it is read.
    pub filter: FilterMatch<L>,
    /// A word without a column is looked for in it, too.
    pub in_words: bool,
    /// Its value on the screen.
    pub cell: Cell<L>,
    /// Said where its text is empty; `None` for the sign of nothing.
    pub absent: Option<&'static str>,
    /// Its value in an item of the JSON snapshot.
    pub json: JsonField<L>,
}

/// Rank of columns that are shown only when the extra columns are wanted.
pub const WIDE: u8 = 255;

/// How wide a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// Always the same.
    Fixed(usize),
    /// As wide as the widest value seen, within these bounds.
    Seen(usize, usize),
    /// By the width of the table: below 100, below 180, wider.
    Stepped([usize; 3]),
    /// The width that the other columns leave.
    Rest,
}

/// Side of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Source of a column's values besides the row itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Nothing.
    Row,
    /// The pods of the node.
    Pods,
    /// Its usage.
    Usage,
    /// Time.
    Time,
}

/// How a filter term on a column is read.
pub enum FilterMatch<L: Listing> {
    /// `column:text`: `true` if the row has this text, which is lower case.
    Text(fn(&L::Row<'_>, &str) -> bool),
    /// `column:key`, `column:key=value`: `true` if the row has this label.
    Label(fn(&L::Row<'_>, &str, Option<&str>) -> bool),
    /// `column<8`: a number; `None` if it is not known.
    Count(fn(&L::Row<'_>) -> Option<i64>),
    /// `column<8`, and `column>=90%` of what is allocatable.
    Amount(fn(&L::Row<'_>) -> Option<Share>),
    /// `column<2h`: a time that has passed.
    Age(fn(&L::Row<'_>) -> Option<Duration>),
    /// Not at all.
    No,
}

/// An amount, and the whole that it is a part of.
pub type Share = (Quantity, Option<Quantity>);

/// Value of a column on the screen.
pub enum Cell<L: Listing> {
    /// A name, which is shortened so that it differs from those beside it.
    Name(for<'a, 'r> fn(&'a L::Shown<'r>) -> Option<&'a str>),
    /// Text as it stands; blank if there is none.
    Text(for<'a, 'r> fn(&'a L::Shown<'r>) -> Option<&'a str>),
    /// Text that is made of several values.
    Made(fn(&L::Shown<'_>) -> MadeCell),
    /// A figure, which the screen draws.
    Drawn(L::Figure),
    /// A figure that is shortened like a name.
    DrawnName(L::Figure),
}

/// Text of a cell, and how much it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeCell {
    /// The text.
    pub text: String,
    /// How it stands out.
    pub emphasis: Emphasis,
}

/// How a text stands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emphasis {
    /// As other text.
    Plain,
    /// Less than other text.
    Muted,
    /// Worth a look.
    Warn,
    /// Bad.
    Bad,
    /// Not known.
    Unknown,
}

/// Value of a column in an item of the JSON snapshot.
pub enum JsonField<L: Listing> {
    /// None.
    None,
    /// A field that `report::Item` declares.
    Declared(&'static str),
    /// A field of this name that the column makes itself.
    Made(&'static str, fn(&L::Shown<'_>) -> serde_json::Value),
}

impl<L: Listing> Column<L> {
    /// A column of text that nothing is asked of: rows of the table say where they differ.
    pub(crate) const PLAIN: Self = Self {
        name: "",
        aliases: &[],
        header: "",
        header_by: None,
        width: Width::Fixed(0),
        width_by: None,
        gap: 2,
        rank: WIDE,
        rank_by: None,
        align: Align::Left,
        shown: |_| true,
        reads: Reads::Row,
        sort: None,
        key: |_| SortKey::Name,
        filter: FilterMatch::No,
        in_words: false,
        cell: Cell::Text(|_| None),
        absent: None,
        json: JsonField::None,
    };

    /// The column of a sort; `None` if the list has none.
    pub(crate) fn of_sort(sort: SortBy) -> Option<&'static Self> {
        L::COLUMNS.iter().find(|column| column.sort == Some(sort))
    }

    /// Function that reads the key of a row. Smaller keys come first in the column's own direction: worst, fullest, youngest.
    pub(crate) fn sort_key(sort: SortBy) -> fn(&L::Row<'_>) -> SortKey {
        Self::of_sort(sort).map_or(|_| SortKey::Name, |column| column.key)
    }

    /// Meaning of a filter's `name:` or `name<`, and the source of the values that it looks at.
    pub(super) fn term(name: &str) -> Option<(&'static FilterMatch<L>, Reads)> {
        let known = |column: &&Self| !column.is_glued() && (column.name == name || column.aliases.contains(&name));
        let extra = || L::TERMS.iter().find(|(known, ..)| *known == name).map(|(_, how, reads)| (how, *reads));
        L::COLUMNS.iter().find(known).map(|column| (&column.filter, column.reads)).or_else(extra)
    }

    /// Names of the columns that a filter can look in.
    pub(super) fn terms() -> Vec<&'static str> {
        let is_searched = |column: &&Self| !column.is_glued() && !matches!(column.filter, FilterMatch::No);
        let named = L::COLUMNS.iter().filter(is_searched).map(|column| column.name);
        named.chain(L::TERMS.iter().map(|(name, ..)| *name)).collect()
    }

    /// How wide it is in this list.
    pub(crate) fn width(&self, given: &L::Given) -> Width {
        self.width_by.map_or(self.width, |width| width(given))
    }

    /// It belongs to the column on its left: it has no heading, and no filter knows it.
    pub(crate) fn is_glued(&self) -> bool {
        self.header.is_empty()
    }

    /// The field that it makes itself in an item of the JSON snapshot.
    pub(crate) fn json_field(&self, row: &L::Shown<'_>) -> Option<(&'static str, serde_json::Value)> {
        match self.json {
            JsonField::Made(name, value) => Some((name, value(row))),
            JsonField::None | JsonField::Declared(_) => None,
        }
    }
}
