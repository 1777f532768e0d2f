//! A column of the node table: the kinds of widths, filters, cells and JSON fields that it can have.

use super::SortBy;
use super::order::SortKey;
use crate::facts::quantity::Quantity;
use crate::model::derive::joined_node::JoinedNode;
use crate::model::derive::rows::NodeRow;

/// A column of the node table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name in filters and in the configuration; lower case.
    pub name: &'static str,
    /// Other names that a filter may use.
    pub aliases: &'static [&'static str],
    /// Its heading; empty if it belongs to the column on its left, from which one blank divides it.
    pub header: &'static str,
    /// How wide it is.
    pub width: Width,
    /// The lower, the longer it stays on narrow screens; [`WIDE`] only with the extra columns. The name has rank 0 and never goes.
    pub rank: u8,
    /// Its rank while the usage of nodes is not seen.
    pub rank_without_usage: u8,
    /// The side on which its heading stands.
    pub align: Align,
    /// The clusters that have it.
    pub shown: Shown,
    /// Sources of its values.
    pub(crate) reads: Reads,
    /// The sort that it is the column of; `None` if rows cannot be sorted by it.
    pub sort: Option<SortBy>,
    /// Key that rows are sorted by.
    pub(crate) key: fn(&JoinedNode<'_>) -> SortKey,
    /// How a filter term on it is read.
    pub(crate) filter: FilterMatch,
    /// A word without a column is looked for in it, too.
    pub(crate) in_words: bool,
    /// Its value on the screen.
    pub cell: NodeCell,
    /// Said where its text is empty; `None` for the sign of nothing.
    pub absent: Option<&'static str>,
    /// Its value in an item of the JSON snapshot.
    pub json: JsonField,
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
}

/// Side of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Clusters that have a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// All.
    Always,
    /// Those that have devices, or may have.
    WithDevices,
    /// Those in which the usage of nodes is seen.
    WithUsage,
}

/// Source of a column's values besides the node itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reads {
    /// Nothing.
    Node,
    /// The pods of the node.
    Pods,
    /// Its usage.
    Usage,
    /// Time.
    Time,
}

/// How a filter term on a column is read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FilterMatch {
    /// `column:text`: `true` if the node has this text, which is lower case.
    Text(fn(&JoinedNode<'_>, &str) -> bool),
    /// `column:key`, `column:key=value`: a label.
    Label,
    /// `column<8`: a number of devices; `None` if it is not known.
    Devices(fn(&JoinedNode<'_>) -> Option<i64>),
    /// `column<8`, and `column>=90%` of what is allocatable.
    Amount(fn(&JoinedNode<'_>) -> Option<Share>),
    /// `column<2h`: the age of the node.
    Age,
    /// Not at all.
    No,
}

/// An amount, and the whole that it is a part of.
pub(crate) type Share = (Quantity, Option<Quantity>);

/// Value of a column on the screen.
#[derive(Clone, Copy, Debug)]
pub enum NodeCell {
    /// A name, which is shortened so that it differs from those beside it.
    Name(for<'a, 'r> fn(&'a NodeRow<'r>) -> Option<&'a str>),
    /// Text as it stands; blank if there is none.
    Text(for<'a, 'r> fn(&'a NodeRow<'r>) -> Option<&'a str>),
    /// Text that is made of several values.
    Made(fn(&NodeRow<'_>) -> MadeCell),
    /// A figure with glyphs, which the screen draws.
    Drawn(Figure),
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

/// Figures of a node that the screen draws with glyphs, by the width that they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// Readiness with its age, and cordon.
    Status,
    /// Pods of allocatable ones.
    Pods,
    /// The same as a bar.
    PodBar,
    /// Devices requested, healthy and announced.
    Gpu,
    /// Devices that are unhealthy or not registered.
    GpuLost,
    /// Devices as a bar.
    GpuBar,
    /// Share of CPU that is used.
    CpuUsed,
    /// Share of memory that is used.
    MemoryUsed,
    /// Share of CPU that is requested.
    Cpu,
    /// Share of memory that is requested.
    Memory,
    /// Bad conditions.
    Pressure,
    /// Ready in each of the last 15 minutes.
    Ready,
    /// Time since creation.
    Age,
}

/// Value of a column in an item of the JSON snapshot.
#[derive(Clone, Copy, Debug)]
pub enum JsonField {
    /// None.
    None,
    /// A field that `report::Item` declares.
    Declared(&'static str),
    /// A field of this name that the column makes itself.
    Made(&'static str, fn(&NodeRow<'_>) -> serde_json::Value),
}

/// A column of text that nothing is asked of: rows of the table say where they differ.
pub(super) const PLAIN: Column = Column {
    name: "",
    aliases: &[],
    header: "",
    width: Width::Fixed(0),
    rank: WIDE,
    rank_without_usage: WIDE,
    align: Align::Left,
    shown: Shown::Always,
    reads: Reads::Node,
    sort: None,
    key: |_| SortKey::Name,
    filter: FilterMatch::No,
    in_words: false,
    cell: NodeCell::Text(|_| None),
    absent: None,
    json: JsonField::None,
};

impl Column {
    /// It belongs to the column on its left: it has no heading, and no filter knows it.
    #[must_use]
    pub fn is_glued(&self) -> bool {
        self.header.is_empty()
    }

    /// The field that it makes itself in an item of the JSON snapshot.
    #[must_use]
    pub fn json_field(&self, row: &NodeRow<'_>) -> Option<(&'static str, serde_json::Value)> {
        match self.json {
            JsonField::Made(name, value) => Some((name, value(row))),
            JsonField::None | JsonField::Declared(_) => None,
        }
    }
}
