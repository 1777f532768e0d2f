//! Column of a list, with the kinds of widths, filters, cells and JSON fields.

use std::fmt::Debug;
use std::hash::Hash;
use std::time::Duration;

use super::SortBy;
use super::matching::TextTest;
use super::order::{SortKey, TieBreak};
use crate::facts::quantity::Quantity;

/// A list: the types of its rows, and the table of its columns.
pub trait Listing: Copy + Debug + 'static {
    /// A row as the order and the filter read it.
    type Row<'a>;
    /// A row as the screen reads it.
    type Shown<'a>;
    /// Values that the screen formats itself, because they have glyphs or several colours.
    type Figure: Copy + Debug;
    /// Facts that determine the columns.
    type Given;
    /// Identifies a row in one order.
    type Id: Clone + Debug + Eq + Hash;
    /// Identifies the selected row, also in later orders.
    type Key: Clone + Debug + Eq;
    /// Order of rows that are equal otherwise.
    type Tie: TieBreak;

    /// Name of its rows, in the plural.
    const NAME: &'static str;
    /// The first order.
    const SORT: SortBy = SortBy::Name;
    /// The columns, in the order of the screen.
    const COLUMNS: &'static [Column<Self>];
    /// Terms of a filter that are not columns.
    const TERMS: &'static [(&'static str, FilterMatch<Self>, Reads)] = &[];

    /// Value that orders rows which are equal otherwise; `index` is the index of the row before sorting.
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
    /// Its heading if that depends on the contents of the list; overrides `header`.
    pub header_by: Option<fn(&L::Given) -> &'static str>,
    /// Its width.
    pub width: Width,
    /// Its width if that depends on the contents of the list; overrides `width`.
    pub width_by: Option<fn(&L::Given) -> Width>,
    /// Number of blanks before it.
    pub gap: usize,
    /// On narrow screens, columns with higher ranks are dropped first; [`WIDE`] is shown only with the extra columns. Rank 0 is the
    /// name: it gets the width that it needs before any other, up to half of the table, and is never dropped.
    pub rank: u8,
    /// Its rank if that depends on the other columns; overrides `rank`.
    pub rank_by: Option<fn(&L::Given) -> u8>,
    /// Alignment of its heading.
    pub align: Align,
    /// Returns `true` if the list has it.
    pub shown: fn(&L::Given) -> bool,
    /// Sources of its values.
    pub reads: Reads,
    /// The sort by this column; `None` if rows cannot be sorted by it.
    pub sort: Option<SortBy>,
    /// Key that rows are sorted by.
    pub(crate) key: fn(&L::Row<'_>) -> SortKey,
    /// Meaning of a filter term on it.
    pub filter: FilterMatch<L>,
    /// `true` if filter words without a column also search it.
    pub in_words: bool,
    /// Its value on the screen.
    pub cell: Cell<L>,
    /// Text in place of an empty value; `None` for `–`.
    pub absent: Option<&'static str>,
    /// Its value in an item of the JSON snapshot.
    pub json: JsonField<L>,
}

/// Rank of the extra columns, which are shown on request.
pub const WIDE: u8 = 255;

/// Width of a column, in columns of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// Fixed width.
    Fixed(usize),
    /// Width of the widest value so far, within these bounds.
    Seen(usize, usize),
    /// The same, and less down to the lower bound where the columns before it in rank leave no more.
    Shrinking(usize, usize),
    /// Width for a table below 100, below 180, and from 180 columns on.
    Stepped([usize; 3]),
    /// The width that the other columns leave.
    Rest,
    /// The same; without this width the column is dropped.
    RestFrom(usize),
}

/// Alignment of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Left, for text.
    Left,
    /// Right, for numbers.
    Right,
}

/// Source of a column's values besides the row itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Only the row itself.
    Row,
    /// The pods of the node.
    Pods,
    /// Its usage.
    Usage,
    /// Time.
    Time,
    /// The class of trouble of a pod, which changes when it has lasted long enough.
    Trouble,
}

/// Kind of filter term on a column.
pub enum FilterMatch<L: Listing> {
    /// `column:text`: `true` if the row has this text, which is lower case.
    Text(fn(&L::Row<'_>, &str) -> bool),
    /// `column:text`, and `column=text` for the whole value.
    Value(fn(&L::Row<'_>, TextTest<'_>) -> bool),
    /// `column:key`, `column:key=value`: `true` if the row has this label.
    Label(fn(&L::Row<'_>, &str, Option<&str>) -> bool),
    /// `column<8`: a number; `None` if it is not known.
    Count(fn(&L::Row<'_>) -> Option<i64>),
    /// `column<8`, and `column>=90%` of the allocatable amount.
    Amount(fn(&L::Row<'_>) -> Option<Share>),
    /// `column<2h`: a duration; `None` if it is not known.
    Age(fn(&L::Row<'_>) -> Option<Duration>),
    /// The column cannot be filtered.
    No,
}

/// An amount and the whole of which it is a part.
pub type Share = (Quantity, Option<Quantity>);

/// Value of a column on the screen.
pub enum Cell<L: Listing> {
    /// A name, which is shortened so that it differs from those beside it.
    Name(for<'a, 'r> fn(&'a L::Shown<'r>) -> Option<&'a str>),
    /// Text as it is; blank if there is none.
    Text(for<'a, 'r> fn(&'a L::Shown<'r>) -> Option<&'a str>),
    /// Text that is formatted from several values.
    Made(fn(&L::Shown<'_>) -> MadeCell),
    /// A figure, which the screen formats.
    Drawn(L::Figure),
    /// A figure that is shortened like a name.
    DrawnName(L::Figure),
}

/// Text of a cell with its emphasis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeCell {
    /// The text.
    pub text: String,
    /// Its emphasis.
    pub emphasis: Emphasis,
}

/// Emphasis of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emphasis {
    /// Normal text.
    Plain,
    /// Less important text.
    Muted,
    /// A warning.
    Warn,
    /// A bad value.
    Bad,
    /// A value that is not known.
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
    /// Defaults of a column: text without sort or filter; rows of the table override them.
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

    /// Meaning of a filter's `name:` or `name<`, and the source of the values that it reads.
    pub(super) fn term(name: &str) -> Option<(&'static FilterMatch<L>, Reads)> {
        let known = |column: &&Self| !column.is_glued() && (column.name == name || column.aliases.contains(&name));
        let extra = || L::TERMS.iter().find(|(known, ..)| *known == name).map(|(_, how, reads)| (how, *reads));
        L::COLUMNS.iter().find(known).map(|column| (&column.filter, column.reads)).or_else(extra)
    }

    /// Names of the columns that can be filtered.
    pub(super) fn terms() -> Vec<&'static str> {
        let is_searched = |column: &&Self| !column.is_glued() && !matches!(column.filter, FilterMatch::No);
        let named = L::COLUMNS.iter().filter(is_searched).map(|column| column.name);
        named.chain(L::TERMS.iter().map(|(name, ..)| *name)).collect()
    }

    /// Its width in this list.
    pub(crate) fn width(&self, given: &L::Given) -> Width {
        self.width_by.map_or(self.width, |width| width(given))
    }

    /// Returns `true` if it belongs to the column on its left: it has neither a heading nor a filter.
    pub(crate) fn is_glued(&self) -> bool {
        self.header.is_empty()
    }

    /// The field that it adds to an item of the JSON snapshot.
    pub(crate) fn json_field(&self, row: &L::Shown<'_>) -> Option<(&'static str, serde_json::Value)> {
        match self.json {
            JsonField::Made(name, value) => Some((name, value(row))),
            JsonField::None | JsonField::Declared(_) => None,
        }
    }
}
