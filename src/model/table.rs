//! Columns, sort, filter, selection by key: only the visible slice ever becomes rows.

mod column;
pub(crate) mod columns;
pub(crate) mod filter;
pub(crate) mod line;
pub(crate) mod list;
mod matching;
pub(crate) mod order;
pub(crate) mod podfilter;
pub(crate) mod podorder;

use std::time::Duration;

use crate::facts::pod::PodFacts;

pub use crate::model::store::nodes::{PackedFacts, PackedLabels, System};
pub use column::{Align, Column, Emphasis, Figure, JsonField, MadeCell, NodeCell, Shown, WIDE, Width};
pub use columns::COLUMNS;

/// Columns that rows can be sorted by; the table of columns is in `COLUMNS`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SortBy {
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

/// A pod as the node screen shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct PodRow<'a> {
    /// The facts.
    pub facts: PodFacts<'a>,
    /// The operator's selection.
    pub selected: bool,
    /// Time since creation by the server's clock.
    pub age: Option<Duration>,
    /// Whole devices that the pod holds (0 if terminal).
    pub gpus: i64,
    /// Set where its node does not report any more; what has ended stays so.
    pub last_report: Option<LastReport>,
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
