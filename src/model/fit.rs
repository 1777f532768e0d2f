//! What fits now: how many more pods of so many whole devices the nodes that take pods can hold.
//!
//! A pod's devices must be free on one node and of one resource name, as the scheduler has it: 16 devices on two nodes of 8 take
//! no pod of 16. Beside its devices a pod needs CPU, memory and a place among the node's pods. How much CPU and memory is not
//! known before the pod is, so it is taken from the pods that hold devices here already: the median for each device. A share of
//! the node in proportion to its devices would be wrong both ways: on a node that is empty but for its `DaemonSet`s it would say
//! that a pod of all devices does not fit.

use crate::facts::accelerator::Table;
use crate::facts::node::{Readiness, Taint};
use crate::model::rows::PackedFacts;

/// Sizes of pods that are asked about, in devices.
pub const SIZES: [i64; 5] = [1, 2, 4, 8, 16];

/// What is free on one node that takes pods; negative where more is requested than there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Whole devices, by resource name; which one it is does not matter here.
    pub devices: Vec<i64>,
    /// Thousandths of a core.
    pub cpu_milli: i64,
    /// Bytes.
    pub memory_bytes: i64,
    /// Pods.
    pub pods: i64,
}

/// What a pod asks for beside each of its devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Each {
    /// Thousandths of a core.
    pub cpu_milli: i64,
    /// Bytes.
    pub memory_bytes: i64,
}

/// Why a node takes no pods, or that it does; the first reason that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Admission {
    /// It takes pods that tolerate the taints of accelerators.
    Open,
    /// Ready is `Unknown`, or is not there.
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

    /// The reason in words, as the screens say it; `schedulable` where there is none.
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

    /// Its place in [`ByAdmission`].
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }
}

/// What keeps a pod of one device off a node that has one free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    /// Not enough CPU beside it.
    Cpu,
    /// Not enough memory beside it.
    Memory,
    /// No place among the node's pods.
    Pods,
}

/// Free devices that no pod of one device can get, by what stands in the way.
pub type ByLimit = [i64; Limit::ALL.len()];

impl Limit {
    /// All of them, in their order.
    pub const ALL: [Self; 3] = [Self::Cpu, Self::Memory, Self::Pods];

    /// In one word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::Memory => "memory",
            Self::Pods => "pod slots",
        }
    }
}

/// Free devices of one node: what is healthy and not requested, and nothing where more is requested than is healthy.
///
/// The one definition of free: every sum of what is free adds this up, node by node, over nodes that take pods.
#[must_use]
pub fn free(allocatable: i64, requested: i64) -> i64 {
    allocatable.max(0).saturating_sub(requested.max(0)).max(0)
}

/// Devices of one node that are requested beyond what is healthy.
///
/// The one definition of over-requested, beside [`free`]: amounts below zero are legal and mean nothing on either side.
#[must_use]
pub fn over_requested(allocatable: i64, requested: i64) -> i64 {
    requested.max(0).saturating_sub(allocatable.max(0)).max(0)
}

impl Room {
    /// How many more pods of `size` devices it takes.
    #[must_use]
    pub fn takes(&self, size: i64, each: Each) -> i64 {
        let others = self.others(size, each);
        others.into_iter().fold(self.by_devices(size), i64::min)
    }

    /// Free devices that pods of one device cannot get, and what most of all stands in the way; `None` if they can get all.
    #[must_use]
    pub fn blocked(&self, each: Each) -> Option<(i64, Limit)> {
        let (most, limit) = self.others(1, each).into_iter().zip(Limit::ALL).min()?;
        let blocked = self.by_devices(1).saturating_sub(most);
        (blocked > 0).then_some((blocked, limit))
    }

    fn by_devices(&self, size: i64) -> i64 {
        self.devices.iter().map(|free| free.max(&0) / size).fold(0, i64::saturating_add)
    }

    /// Pods of `size` devices that find enough of everything else, in the order of [`Limit::ALL`].
    fn others(&self, size: i64, each: Each) -> [i64; Limit::ALL.len()] {
        let by = |free: i64, each: i64| match each.saturating_mul(size) {
            ..=0 => i64::MAX,
            asked => free.max(0) / asked,
        };
        [by(self.cpu_milli, each.cpu_milli), by(self.memory_bytes, each.memory_bytes), self.pods.max(0)]
    }
}

/// Free devices that pods of one device cannot get on these nodes, by what stands in the way.
#[must_use]
pub fn blocked(rooms: &[Room], each: Each) -> ByLimit {
    let mut sums = ByLimit::default();
    for (blocked, limit) in rooms.iter().filter_map(|room| room.blocked(each)) {
        let sum = &mut sums[limit as usize];
        *sum = sum.saturating_add(blocked);
    }
    sums
}

/// How many more pods of each of [`SIZES`] the nodes take, each size for itself.
#[must_use]
pub fn fits(rooms: &[Room], each: Each) -> [i64; SIZES.len()] {
    SIZES.map(|size| rooms.iter().map(|room| room.takes(size, each)).fold(0, i64::saturating_add))
}

/// The median for each device of what pods ask for; nothing without pods. Given are devices, thousandths of a core and bytes.
#[must_use]
pub fn typical(pods: &[(i64, i64, i64)]) -> Each {
    let median = |of: fn(&(i64, i64, i64)) -> i64| {
        let mut amounts: Vec<i64> =
            pods.iter().filter(|(devices, ..)| *devices > 0).map(|pod| (of(pod) / pod.0).max(0)).collect();
        amounts.sort_unstable();
        amounts.get(amounts.len() / 2).copied().unwrap_or(0)
    };
    Each { cpu_milli: median(|pod| pod.1), memory_bytes: median(|pod| pod.2) }
}

/// Whether a node takes pods with devices.
///
/// The taint of an accelerator, whose key is a resource name of the table, keeps only the other pods away: the admission plugin
/// `ExtendedResourceToleration` gives pods with devices the toleration, and so do the makers' own. `sku=gpu` is what Azure's
/// documentation uses for the same.
#[must_use]
pub fn admission(node: &PackedFacts, table: &Table) -> Admission {
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

/// The first taint of a node that keeps pods with devices away, but for that of a cordon.
#[must_use]
pub fn blocking_taint<'a>(node: &'a PackedFacts, table: &Table) -> Option<&'a Taint> {
    let keeps_away = |taint: &&Taint| {
        let hard = matches!(&*taint.effect, "NoSchedule" | "NoExecute");
        let for_devices = table.classify(&taint.key).is_some() || (&*taint.key == "sku" && &*taint.value == "gpu");
        hard && !for_devices && &*taint.key != UNSCHEDULABLE
    };
    node.taints.iter().find(keeps_away)
}

/// What the node controller puts on a cordoned node.
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::facts::node::{ConditionStatus, NodeFacts};
    use crate::model::fixture::{node, turned};

    fn room(devices: &[i64]) -> Room {
        Room { devices: devices.to_vec(), cpu_milli: i64::MAX, memory_bytes: i64::MAX, pods: 100 }
    }

    #[test]
    fn devices_of_two_nodes_take_no_pod_that_needs_them_all() {
        let nothing = Each::default();
        assert_eq!(fits(&[room(&[8]), room(&[8])], nothing), [16, 8, 4, 2, 0]);
        assert_eq!(fits(&[room(&[16])], nothing), [16, 8, 4, 2, 1]);
        // Fragmented: 16 free devices, and room for no pod of 8.
        let scattered: Vec<Room> = [3, 5, 2, 6].map(|free| room(&[free])).to_vec();
        assert_eq!(fits(&scattered, nothing), [16, 7, 2, 0, 0]);
        assert_eq!(fits(&[room(&[4, 4])], nothing), [8, 4, 2, 0, 0], "two makers' devices make no pod of 8");
        assert_eq!(fits(&[room(&[-3]), room(&[1])], nothing), [1, 0, 0, 0, 0], "a node that owes devices lends none");
    }

    #[test]
    fn cpu_memory_and_places_bound_what_fits() {
        let each = Each { cpu_milli: 4_000, memory_bytes: 10 };
        let full = Room { devices: vec![8], cpu_milli: 17_000, memory_bytes: 1_000, pods: 50 };
        assert_eq!(fits(std::slice::from_ref(&full), each), [4, 2, 1, 0, 0]);
        assert_eq!(fits(&[Room { memory_bytes: 15, ..full.clone() }], each), [1, 0, 0, 0, 0]);
        assert_eq!(fits(&[Room { pods: 1, ..full.clone() }], Each::default()), [1, 1, 1, 1, 0]);
        assert_eq!(fits(&[Room { cpu_milli: -1, pods: -2, ..full }], each), [0; 5]);
    }

    #[test]
    fn what_keeps_pods_from_free_devices_is_named_by_what_runs_out_first() {
        let each = Each { cpu_milli: 4_000, memory_bytes: 10 };
        let full = Room { devices: vec![8], cpu_milli: 17_000, memory_bytes: 1_000, pods: 50 };
        assert_eq!(full.blocked(each), Some((4, Limit::Cpu)));
        let small = Room { memory_bytes: 15, ..full.clone() };
        assert_eq!(small.blocked(each), Some((7, Limit::Memory)));
        let crowded = Room { pods: 0, ..full.clone() };
        assert_eq!(crowded.blocked(each), Some((8, Limit::Pods)));
        assert_eq!(full.blocked(Each::default()), None);
        let rooms = [full, small, crowded];
        assert_eq!(blocked(&rooms, each), [4, 7, 8]);
        let free: i64 = rooms.iter().map(|room| room.by_devices(1)).sum();
        assert_eq!(
            free - blocked(&rooms, each).iter().sum::<i64>(),
            fits(&rooms, each)[0],
            "it is the whole difference"
        );
    }

    #[test]
    fn what_pods_ask_for_a_device_is_the_median() {
        assert_eq!(typical(&[]), Each::default());
        let pods = [(1, 4_000, 8), (8, 96_000, 800), (2, 2_000, 0), (0, 50_000, 50), (4, -8, -8)];
        // 4,000, 12,000, 1,000 and 0 of CPU, and 8, 100, 0 and 0 of memory; the pod without devices does not count.
        assert_eq!(typical(&pods), Each { cpu_milli: 4_000, memory_bytes: 8 });
    }

    #[test]
    fn only_taints_of_accelerators_let_pods_with_devices_in() {
        fn admission(node: &NodeFacts, table: &Table) -> Admission {
            super::admission(&PackedFacts::from(node), table)
        }
        let table = Table::default();
        let tainted = |key: &str, value: &str, effect: &str| {
            let taint = Taint { key: key.into(), value: value.into(), effect: effect.into() };
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
        let table = Table::with([("example.com/npu".to_owned(), crate::facts::accelerator::Kind::Device)]);
        let taint = Taint { key: "example.com/npu".into(), effect: "NoSchedule".into(), ..Taint::default() };
        assert_eq!(admission(&NodeFacts { taints: vec![taint], ..node("n") }, &table), Admission::Open);
    }

    /// Puts pods on nodes one by one until none takes another.
    fn placed(mut rooms: Vec<Room>, size: i64, each: Each) -> i64 {
        let mut pods = 0;
        'next: loop {
            for room in &mut rooms {
                let enough = |free: i64, asked: i64| asked <= 0 || free >= asked;
                let (cpu, memory) = (each.cpu_milli * size, each.memory_bytes * size);
                if room.pods < 1 || !enough(room.cpu_milli, cpu) || !enough(room.memory_bytes, memory) {
                    continue;
                }
                if let Some(free) = room.devices.iter_mut().find(|free| **free >= size) {
                    *free -= size;
                    room.cpu_milli -= cpu;
                    room.memory_bytes -= memory;
                    room.pods -= 1;
                    pods += 1;
                    continue 'next;
                }
            }
            return pods;
        }
    }

    fn any_room() -> impl Strategy<Value = Room> {
        (vec(-3_i64..20, 0..3), -10_i64..60, -10_i64..60, -1_i64..12)
            .prop_map(|(devices, cpu_milli, memory_bytes, pods)| Room { devices, cpu_milli, memory_bytes, pods })
    }

    proptest! {
        #[test]
        fn what_fits_is_what_can_be_placed_one_by_one(rooms in vec(any_room(), 0..6), cpu in 0_i64..6, memory in 0_i64..6) {
            let each = Each { cpu_milli: cpu, memory_bytes: memory };
            let one_by_one = SIZES.map(|size| placed(rooms.clone(), size, each));
            prop_assert_eq!(fits(&rooms, each), one_by_one);
        }
    }
}
