//! The order of the pods of a node.

use std::cmp::{Ordering, Reverse};

use super::SortBy;
use crate::facts::pod::{PodFacts, PodPhase};
use crate::model::natural::natural_cmp;

/// Columns that pods can be sorted by, in the order in which a key goes through them.
pub(crate) const POD_SORTS: [SortBy; 7] =
    [SortBy::Name, SortBy::Status, SortBy::Restarts, SortBy::Gpu, SortBy::Age, SortBy::Cpu, SortBy::Memory];

/// A pod with what the order needs besides its facts.
pub(crate) struct Ordered<'a> {
    pub(crate) facts: PodFacts<'a>,
    pub(crate) gpus: i64,
}

/// Compares two pods in the column's own direction (worst, most, youngest first); namespace and name decide between equals,
/// always in their own direction.
pub(crate) fn compare(a: &Ordered<'_>, b: &Ordered<'_>, sort: SortBy, reversed: bool) -> Ordering {
    let names = natural_cmp(a.facts.namespace, b.facts.namespace).then_with(|| natural_cmp(a.facts.name, b.facts.name));
    let turn = |order: Ordering| if reversed { order.reverse() } else { order };
    // What has ended holds nothing, whatever it once asked for.
    let held = |of: fn(&PodFacts<'_>) -> i128, pod: &Ordered<'_>| {
        if pod.facts.phase.is_terminal() { 0 } else { of(&pod.facts) }
    };
    let own = match sort {
        SortBy::Status => rank(&a.facts).cmp(&rank(&b.facts)),
        SortBy::Restarts => b.facts.restarts.cmp(&a.facts.restarts),
        SortBy::Gpu => b.gpus.cmp(&a.gpus),
        SortBy::Cpu => {
            let cpu = |pod| held(|facts| facts.requests.cpu.nano(), pod);
            cpu(b).cmp(&cpu(a))
        }
        SortBy::Memory => {
            let memory = |pod| held(|facts| facts.requests.memory.nano(), pod);
            memory(b).cmp(&memory(a))
        }
        // A pod that does not say when it was made comes last, also in reverse.
        SortBy::Age => match (a.facts.created, b.facts.created) {
            (Some(a), Some(b)) => Reverse(a).cmp(&Reverse(b)),
            (a, b) => return b.is_some().cmp(&a.is_some()).then(names),
        },
        // The other columns are the nodes'.
        _ => return turn(names),
    };
    turn(own).then(names)
}

/// Worst first: failed, unknown, failing, not ready, on the way out, starting, running, succeeded.
fn rank(pod: &PodFacts<'_>) -> u8 {
    match (pod.phase, pod.reason) {
        (PodPhase::Failed, _) => 0,
        (PodPhase::Unknown, _) => 1,
        (PodPhase::Succeeded, _) => 7,
        (_, reason) if reason.contains("BackOff") || reason.contains("Err") => 2,
        (_, "Terminating") => 4,
        (PodPhase::Pending, _) => 5,
        (PodPhase::Running, "") if pod.ready >= pod.containers => 6,
        (PodPhase::Running, _) => 3,
    }
}
