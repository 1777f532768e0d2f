//! Lists: columns, sort, filter, and selection by key. Only the visible slice becomes rows.

pub(crate) mod calls;
pub(crate) mod column;
pub(crate) mod events;
pub(crate) mod failures;
pub(crate) mod filter;
pub(crate) mod gangs;
pub(crate) mod gpus;
pub(crate) mod line;
pub(crate) mod list;
mod matching;
pub(crate) mod nodes;
pub(crate) mod order;
pub(crate) mod ordering;
pub(crate) mod pod_groups;
pub(crate) mod pods;
pub(crate) mod state;

use std::time::Duration;

pub use crate::model::store::nodes::{PackedFacts, PackedLabels, System};
pub use column::{Align, Cell, Column, Emphasis, FilterMatch, JsonField, Listing, MadeCell, Reads, Share, WIDE, Width};
pub use matching::TextTest;
pub use order::TieBreak;
pub use pods::PodRow;

/// Columns that rows can be sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SortBy {
    /// No column: the default order of the list, such as worst, largest or newest first.
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

/// Last report of a pod whose node no longer reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastReport {
    /// Time since its node last reported; `None` if that is not known.
    pub ago: Option<Duration>,
    /// State of its node: `Unknown`, or `gone` if it is no longer in the list.
    pub node: &'static str,
}

/// Numbers of rows of a list, and the index of the selected one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Rows after filtering.
    pub len: usize,
    /// Rows before filtering.
    pub total: usize,
    /// Index of the selected row among the filtered rows; `None` if there are none.
    pub selected: Option<usize>,
}
