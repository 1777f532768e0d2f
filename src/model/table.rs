//! Columns, sort, filter, selection by key: only the visible slice ever becomes rows.

pub(crate) mod calls;
pub(crate) mod column;
pub(crate) mod events;
pub(crate) mod failures;
pub(crate) mod filter;
pub(crate) mod gpus;
pub(crate) mod line;
pub(crate) mod list;
mod matching;
pub(crate) mod nodes;
pub(crate) mod order;
pub(crate) mod ordering;
pub(crate) mod pods;
pub(crate) mod state;

use std::time::Duration;

pub use crate::model::store::nodes::{PackedFacts, PackedLabels, System};
pub use column::{Align, Cell, Column, Emphasis, FilterMatch, JsonField, Listing, MadeCell, Reads, Share, WIDE, Width};
pub use order::TieBreak;
pub use pods::PodRow;

/// Columns that rows can be sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SortBy {
    /// No column: the list's own order, such as worst, biggest or newest first.
    Own,
    /// Name, natural order (numbers by value).
    #[default]
    Name,
    /// Worst first.
    Status,
    /// Pods bound against allocatable.
    Pods,
    /// Restarts; of pods only.
    Restarts,
    /// Free GPUs.
    Gpu,
    /// CPU requested, share of allocatable.
    Cpu,
    /// Memory requested, share of allocatable.
    Memory,
    /// CPU used, share of allocatable.
    CpuUsed,
    /// Memory used, share of allocatable.
    MemoryUsed,
    /// Kubelet version.
    Version,
    /// Age.
    Age,
    /// Another column, by its name.
    Column(&'static str),
}

/// Why what a pod last reported does not speak for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastReport {
    /// Time since the last sign of life of its node; `None` if that is not known.
    pub ago: Option<Duration>,
    /// State of its node: `Unknown`, or `gone` where it is not in the list any more.
    pub node: &'static str,
}

/// How the visible rows lie in all rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Rows after filtering.
    pub len: usize,
    /// Rows before filtering.
    pub total: usize,
    /// The selected row's place among the filtered rows; `None` if there are none.
    pub selected: Option<usize>,
}
