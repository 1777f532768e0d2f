//! Order of rows: the key of each row is read once per sort, then the keys are compared.

use std::cmp::Ordering;

use crate::facts::node::Readiness;
use crate::facts::text::Clean;
use crate::model::derive::joined_node::JoinedNode;
use crate::model::natural::natural_cmp;

/// Value of a row in the column that rows are sorted by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum SortKey {
    /// Number, ascending; unknown ones come last, also in reverse.
    Number(Option<i128>),
    /// Text in natural order, such as a version.
    Text(Clean),
    /// No key: only the name decides.
    #[default]
    Name,
}

/// Compares two rows by their keys; `names` decides between equal ones, and is never reversed.
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

/// Order of rows whose keys are equal.
pub trait TieBreak: std::fmt::Debug {
    /// Compares two rows.
    fn compare(&self, other: &Self) -> Ordering;
}

impl TieBreak for u32 {
    fn compare(&self, other: &Self) -> Ordering {
        self.cmp(other)
    }
}

/// Names in natural order.
impl TieBreak for Clean {
    fn compare(&self, other: &Self) -> Ordering {
        natural_cmp(self, other)
    }
}

/// Negated share in billionths, so that the fullest comes first.
pub(super) fn share(used: Option<i64>, of: Option<i64>) -> Option<i128> {
    let (used, of) = (i128::from(used?), i128::from(of?));
    // Without anything allocatable, any use is above the limit (docs/counting.md: no division).
    if of <= 0 {
        return Some(if used > 0 { i128::MIN } else { 0 });
    }
    Some(-(used * 1_000_000_000 / of))
}

/// Rank of a node's status: worst first; among equals, the one that changed last.
pub(super) fn status_rank(joined: &JoinedNode<'_>) -> i128 {
    let node = joined.node;
    let class = match node.readiness {
        Readiness::Unknown => 0,
        Readiness::NotReady => 1,
        Readiness::Ready if joined.flapping() => 2,
        Readiness::Ready if node.other_problem => 3,
        Readiness::Ready if node.facts.unschedulable => 4,
        Readiness::Ready => return 5 << 64,
    };
    let since = node.facts.readiness().1.map_or(0, |since| i128::from(since.as_second()));
    (class << 64) - since
}
