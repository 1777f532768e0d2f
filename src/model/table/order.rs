//! The order of rows: keys are read once per sort, then compared.

use std::cmp::Ordering;

use super::SortBy;
use crate::facts::node::Readiness;
use crate::model::derive::joined_node::JoinedNode;
use crate::model::natural::natural_cmp;

/// What a row is sorted by, but for its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SortKey {
    /// Ascending; what is not known comes last, also in reverse.
    Number(Option<i128>),
    /// By the kubelet's version, then by name.
    Version,
    /// By name alone.
    Name,
}

impl SortBy {
    /// Pods change this order.
    pub(crate) fn needs_pods(self) -> bool {
        matches!(self, Self::Pods | Self::Gpu | Self::Cpu | Self::Memory)
    }

    /// What nodes use changes this order.
    pub(crate) fn needs_usage(self) -> bool {
        matches!(self, Self::CpuUsed | Self::MemoryUsed)
    }
}

/// The key of a row; smaller keys come first in the column's own direction (worst, fullest, youngest first).
pub(crate) fn key(sort: SortBy, lens: &JoinedNode<'_>) -> SortKey {
    SortKey::Number(match sort {
        // Only pods restart.
        SortBy::Name | SortBy::Restarts => return SortKey::Name,
        SortBy::Version => return SortKey::Version,
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

/// Compares two rows by their keys; the name decides between equals, always in its own direction.
pub(crate) fn compare(
    keys: (SortKey, SortKey),
    versions: impl FnOnce() -> Ordering,
    names: impl FnOnce() -> Ordering,
    reversed: bool,
) -> Ordering {
    let turn = |order: Ordering| if reversed { order.reverse() } else { order };
    match keys {
        (SortKey::Number(Some(x)), SortKey::Number(Some(y))) => turn(x.cmp(&y)).then_with(names),
        (SortKey::Number(x), SortKey::Number(y)) => y.is_some().cmp(&x.is_some()).then_with(names),
        (SortKey::Version, SortKey::Version) => turn(versions()).then_with(names),
        _ => turn(names()),
    }
}

/// Compares two versions of the kubelet, which nearly always are the same.
pub(crate) fn versions(a: &str, b: &str) -> Ordering {
    if a == b { Ordering::Equal } else { natural_cmp(a, b) }
}

/// The fullest first: the negated share, in parts of a billion.
fn share(used: Option<i64>, of: Option<i64>) -> Option<i128> {
    let (used, of) = (i128::from(used?), i128::from(of?));
    // Nothing allocatable: anything used on it is over the limit (docs/counting.md: no division).
    if of <= 0 {
        return Some(if used > 0 { i128::MIN } else { 0 });
    }
    Some(-(used * 1_000_000_000 / of))
}

/// Worst first; of equally bad nodes the one that changed last.
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
