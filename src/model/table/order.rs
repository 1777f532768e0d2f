//! The order of rows: the key of each row is read once per sort, then keys are compared.

use std::cmp::Ordering;

use super::SortBy;
use crate::facts::node::Readiness;
use crate::facts::text::Clean;
use crate::model::derive::joined_node::JoinedNode;
use crate::model::natural::natural_cmp;

/// Value of a row in the column that rows are sorted by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum SortKey {
    /// Ascending; an unknown one comes last, also in reverse.
    Number(Option<i128>),
    /// In natural order, such as a version.
    Text(Clean),
    /// None but the name.
    #[default]
    Name,
}

impl SortBy {
    /// Returns `true` if pods change this order.
    pub(crate) fn needs_pods(self) -> bool {
        matches!(self, Self::Pods | Self::Gpu | Self::Cpu | Self::Memory)
    }

    /// Returns `true` if the usage of nodes changes this order.
    pub(crate) fn needs_usage(self) -> bool {
        matches!(self, Self::CpuUsed | Self::MemoryUsed)
    }
}

/// Key of a row. Smaller keys come first in the column's own direction: worst, fullest, youngest.
pub(crate) fn key(sort: SortBy, lens: &JoinedNode<'_>) -> SortKey {
    SortKey::Number(match sort {
        // Only pods restart.
        SortBy::Name | SortBy::Restarts => return SortKey::Name,
        SortBy::Version => return SortKey::Text(lens.node.facts.system.kubelet.clone()),
        SortBy::Status => Some(status_rank(lens)),
        SortBy::Pods => share(lens.pods().any().map(i64::from), lens.node.pods_allocatable.map(i64::from)),
        // Nodes that take no pods have none free, and come after those with devices.
        SortBy::Gpu => lens.gpus_free().and_then(|free| Some(-i128::from(free.exact()?))),
        SortBy::Cpu => share(lens.cpu_milli().0.any(), lens.cpu_milli().1),
        SortBy::Memory => share(lens.memory_bytes().0.any(), lens.memory_bytes().1),
        SortBy::CpuUsed => share(lens.used().and_then(|used| used.cpu_milli), lens.cpu_milli().1),
        SortBy::MemoryUsed => share(lens.used().and_then(|used| used.memory_bytes), lens.memory_bytes().1),
        SortBy::Age => lens.node.facts.created().map(|created| -i128::from(created.as_second())),
    })
}

/// Compares two rows by their keys; `names` decides between equals, always in its own direction.
pub(crate) fn compare(a: &SortKey, b: &SortKey, reversed: bool, names: impl FnOnce() -> Ordering) -> Ordering {
    let turn = |order: Ordering| if reversed { order.reverse() } else { order };
    match (a, b) {
        (SortKey::Number(Some(x)), SortKey::Number(Some(y))) => turn(x.cmp(y)).then_with(names),
        (SortKey::Number(x), SortKey::Number(y)) => y.is_some().cmp(&x.is_some()).then_with(names),
        // Nearly all are the same.
        (SortKey::Text(x), SortKey::Text(y)) if x == y => names(),
        (SortKey::Text(x), SortKey::Text(y)) => turn(natural_cmp(x, y)).then_with(names),
        _ => turn(names()),
    }
}

/// Negated share in billionths, so that the fullest comes first.
fn share(used: Option<i64>, of: Option<i64>) -> Option<i128> {
    let (used, of) = (i128::from(used?), i128::from(of?));
    // Nothing allocatable: anything used on it is over the limit (docs/counting.md: no division).
    if of <= 0 {
        return Some(if used > 0 { i128::MIN } else { 0 });
    }
    Some(-(used * 1_000_000_000 / of))
}

/// Rank of a node's status: worst first; of equally bad nodes the one that changed last.
fn status_rank(lens: &JoinedNode<'_>) -> i128 {
    let node = lens.node;
    let class = match node.readiness {
        Readiness::Unknown => 0,
        Readiness::NotReady => 1,
        Readiness::Ready if lens.flapping() => 2,
        Readiness::Ready if node.other_trouble => 3,
        Readiness::Ready if node.facts.unschedulable => 4,
        Readiness::Ready => return 5 << 64,
    };
    let since = node.facts.readiness().1.map_or(0, |since| i128::from(since.as_second()));
    (class << 64) - since
}
