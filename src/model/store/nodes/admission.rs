//! Admission of pods with devices by a node: its readiness, its cordon and its taints.

use super::packed::PackedFacts;
use crate::facts::accelerator::AcceleratorTable;
use crate::facts::node::{NodeTaint, Readiness};

/// Taint that the node controller puts on a cordoned node.
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// Reason why a node takes no pods, or `Open`; the first reason that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Admission {
    /// It takes pods that tolerate the taints of accelerators.
    Open,
    /// Ready is `Unknown` or absent.
    Unknown,
    /// Ready is `False`.
    NotReady,
    /// It has a deletion timestamp.
    Deleting,
    /// `spec.unschedulable`.
    Cordoned,
    /// A taint that a pod with devices does not tolerate by itself.
    Tainted,
}

/// Devices by the [`Admission`] of their node.
pub type ByAdmission = [i64; Admission::ALL.len()];

impl Admission {
    /// All of them, in their order.
    pub const ALL: [Self; 6] =
        [Self::Open, Self::Unknown, Self::NotReady, Self::Deleting, Self::Cordoned, Self::Tainted];

    /// The reason in words for the screens; `schedulable` for [`Admission::Open`].
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "schedulable",
            Self::Unknown => "Unknown",
            Self::NotReady => "NotReady",
            Self::Deleting => "being deleted",
            Self::Cordoned => "cordoned",
            Self::Tainted => "tainted",
        }
    }

    /// Its index in [`ByAdmission`].
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }
}

/// Admission of pods with devices by a node.
///
/// The taint of an accelerator, whose key is a resource name of the table, keeps only the other pods away: the admission plugin
/// `ExtendedResourceToleration` gives pods with devices the toleration, and so do the makers' own. `sku=gpu` is what Azure's
/// documentation uses for the same.
#[must_use]
pub fn admission(node: &PackedFacts, table: &AcceleratorTable) -> Admission {
    match node.readiness().0 {
        Readiness::Unknown => Admission::Unknown,
        Readiness::NotReady => Admission::NotReady,
        Readiness::Ready if node.deleting => Admission::Deleting,
        Readiness::Ready if node.unschedulable => Admission::Cordoned,
        Readiness::Ready if node.taints.iter().any(|taint| &*taint.key == UNSCHEDULABLE) => Admission::Cordoned,
        Readiness::Ready if blocking_taint(node, table).is_some() => Admission::Tainted,
        Readiness::Ready => Admission::Open,
    }
}

/// The first taint of a node that keeps pods with devices away, except that of a cordon.
#[must_use]
pub fn blocking_taint<'a>(node: &'a PackedFacts, table: &AcceleratorTable) -> Option<&'a NodeTaint> {
    let keeps_away = |taint: &&NodeTaint| {
        let hard = matches!(&*taint.effect, "NoSchedule" | "NoExecute");
        let for_devices = table.classify(&taint.key).is_some() || (&*taint.key == "sku" && &*taint.value == "gpu");
        hard && !for_devices && &*taint.key != UNSCHEDULABLE
    };
    node.taints.iter().find(keeps_away)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::node::{ConditionStatus, NodeFacts};
    use crate::model::fixture::{node, turned};

    #[test]
    fn only_taints_of_accelerators_let_pods_with_devices_in() {
        fn admission(node: &NodeFacts, table: &AcceleratorTable) -> Admission {
            super::admission(&PackedFacts::from(node), table)
        }
        let table = AcceleratorTable::default();
        let tainted = |key: &str, value: &str, effect: &str| {
            let taint = NodeTaint { key: key.into(), value: value.into(), effect: effect.into() };
            admission(&NodeFacts { taints: vec![taint], ..node("n") }, &table)
        };
        assert_eq!(admission(&node("n"), &table), Admission::Open);
        for (key, value) in [("nvidia.com/gpu", "present"), ("amd.com/gpu", ""), ("google.com/tpu", ""), ("sku", "gpu")]
        {
            assert_eq!(tainted(key, value, "NoSchedule"), Admission::Open, "{key}");
            assert_eq!(tainted(key, value, "NoExecute"), Admission::Open, "{key}");
        }
        assert_eq!(tainted("example.com/maintenance", "", "NoSchedule"), Admission::Tainted);
        assert_eq!(tainted("sku", "cpu", "NoExecute"), Admission::Tainted);
        assert_eq!(tainted("example.com/maintenance", "", "PreferNoSchedule"), Admission::Open);
        assert_eq!(tainted("example.com/maintenance", "", "X"), Admission::Open, "an effect that nobody knows");
        assert_eq!(tainted("node.kubernetes.io/unschedulable", "", "NoSchedule"), Admission::Cordoned);
        assert_eq!(admission(&NodeFacts { unschedulable: true, ..node("n") }, &table), Admission::Cordoned);
        let lost = turned(&node("n"), ConditionStatus::Unknown, 0);
        assert_eq!(admission(&NodeFacts { unschedulable: true, ..lost }, &table), Admission::Unknown);
        let dead = turned(&node("n"), ConditionStatus::False, 0);
        assert_eq!(admission(&NodeFacts { deleting: true, ..dead }, &table), Admission::NotReady);
        assert_eq!(admission(&NodeFacts { deleting: true, ..node("n") }, &table), Admission::Deleting);
        let table = AcceleratorTable::with([("example.com/npu".to_owned(), crate::facts::accelerator::Kind::Device)]);
        let taint = NodeTaint { key: "example.com/npu".into(), effect: "NoSchedule".into(), ..NodeTaint::default() };
        assert_eq!(admission(&NodeFacts { taints: vec![taint], ..node("n") }, &table), Admission::Open);
    }
}
