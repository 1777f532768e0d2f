//! Number of additional pods of each size, in whole devices, that fit on the schedulable nodes.
//!
//! A pod's devices must be free on one node and of one resource name, as the scheduler has it: 16 devices on two nodes of 8 take
//! no pod of 16. Beside its devices a pod needs CPU, memory and a place among the node's pods. How much CPU and memory is not
//! known before the pod is, so it is taken from the pods that hold devices here already: the median for each device. A share of
//! the node in proportion to its devices would be wrong both ways: on a node that is empty but for its `DaemonSet`s it would say
//! that a pod of all devices does not fit.

/// Sizes of pods for which the fit is counted, in devices.
pub const SIZES: [i64; 5] = [1, 2, 4, 8, 16];

/// Free resources of one schedulable node; negative where more is requested than there is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeRoom {
    /// Whole devices, by resource name; which one it is does not matter here.
    pub devices: Vec<i64>,
    /// Thousandths of a core.
    pub cpu_milli: i64,
    /// Bytes.
    pub memory_bytes: i64,
    /// Pods.
    pub pods: i64,
}

/// Requests of a pod beside each of its devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerDevice {
    /// Thousandths of a core.
    pub cpu_milli: i64,
    /// Bytes.
    pub memory_bytes: i64,
}

/// Limit that keeps a pod of one device off a node that has one free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FitLimit {
    /// Not enough CPU beside it.
    Cpu,
    /// Not enough memory beside it.
    Memory,
    /// No place among the node's pods.
    Pods,
}

/// Free devices that no pod of one device can get, by the limit that blocks them.
pub type ByLimit = [i64; FitLimit::ALL.len()];

impl FitLimit {
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

/// Free devices of one node: healthy minus requested, never below zero.
///
/// The one definition of free: every sum of free devices adds this up, node by node, over schedulable nodes.
#[must_use]
pub fn free(allocatable: i64, requested: i64) -> i64 {
    allocatable.max(0).saturating_sub(requested.max(0)).max(0)
}

/// Devices of one node that are requested beyond the healthy ones.
///
/// The one definition of over-requested, beside [`free`]: amounts below zero are legal and mean nothing on either side.
#[must_use]
pub fn over_requested(allocatable: i64, requested: i64) -> i64 {
    requested.max(0).saturating_sub(allocatable.max(0)).max(0)
}

impl NodeRoom {
    /// How many more pods of `size` devices it takes.
    #[must_use]
    pub fn takes(&self, size: i64, each: PerDevice) -> i64 {
        let others = self.others(size, each);
        others.into_iter().fold(self.by_devices(size), i64::min)
    }

    /// Free devices that pods of one device cannot get, and the limit that blocks most of them; `None` if they can get all.
    #[must_use]
    pub fn blocked(&self, each: PerDevice) -> Option<(i64, FitLimit)> {
        let (most, limit) = self.others(1, each).into_iter().zip(FitLimit::ALL).min()?;
        let blocked = self.by_devices(1).saturating_sub(most);
        (blocked > 0).then_some((blocked, limit))
    }

    fn by_devices(&self, size: i64) -> i64 {
        self.devices.iter().map(|free| free.max(&0) / size).fold(0, i64::saturating_add)
    }

    /// Pods of `size` devices that find enough of everything else, in the order of [`FitLimit::ALL`].
    fn others(&self, size: i64, each: PerDevice) -> [i64; FitLimit::ALL.len()] {
        let by = |free: i64, each: i64| match each.saturating_mul(size) {
            ..=0 => i64::MAX,
            asked => free.max(0) / asked,
        };
        [by(self.cpu_milli, each.cpu_milli), by(self.memory_bytes, each.memory_bytes), self.pods.max(0)]
    }
}

/// Free devices that pods of one device cannot get on these nodes, by the limit that blocks them.
#[must_use]
pub fn blocked(rooms: &[NodeRoom], each: PerDevice) -> ByLimit {
    let mut sums = ByLimit::default();
    for (blocked, limit) in rooms.iter().filter_map(|room| room.blocked(each)) {
        let sum = &mut sums[limit as usize];
        *sum = sum.saturating_add(blocked);
    }
    sums
}

/// How many more pods of each of [`SIZES`] the nodes take, each size for itself.
#[must_use]
pub fn fits(rooms: &[NodeRoom], each: PerDevice) -> [i64; SIZES.len()] {
    SIZES.map(|size| rooms.iter().map(|room| room.takes(size, each)).fold(0, i64::saturating_add))
}

/// The median for each device of what pods ask for; nothing without pods. Given are devices, thousandths of a core and bytes.
#[must_use]
pub fn typical(pods: &[(i64, i64, i64)]) -> PerDevice {
    let median = |of: fn(&(i64, i64, i64)) -> i64| {
        let mut amounts: Vec<i64> =
            pods.iter().filter(|(devices, ..)| *devices > 0).map(|pod| (of(pod) / pod.0).max(0)).collect();
        let middle = amounts.len() / 2;
        if amounts.is_empty() { 0 } else { *amounts.select_nth_unstable(middle).1 }
    };
    PerDevice { cpu_milli: median(|pod| pod.1), memory_bytes: median(|pod| pod.2) }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn room(devices: &[i64]) -> NodeRoom {
        NodeRoom { devices: devices.to_vec(), cpu_milli: i64::MAX, memory_bytes: i64::MAX, pods: 100 }
    }

    #[test]
    fn devices_of_two_nodes_take_no_pod_that_needs_them_all() {
        let nothing = PerDevice::default();
        assert_eq!(fits(&[room(&[8]), room(&[8])], nothing), [16, 8, 4, 2, 0]);
        assert_eq!(fits(&[room(&[16])], nothing), [16, 8, 4, 2, 1]);
        // Fragmented: 16 free devices, and room for no pod of 8.
        let scattered: Vec<NodeRoom> = [3, 5, 2, 6].map(|free| room(&[free])).to_vec();
        assert_eq!(fits(&scattered, nothing), [16, 7, 2, 0, 0]);
        assert_eq!(fits(&[room(&[4, 4])], nothing), [8, 4, 2, 0, 0], "two makers' devices make no pod of 8");
        assert_eq!(fits(&[room(&[-3]), room(&[1])], nothing), [1, 0, 0, 0, 0], "a node that owes devices lends none");
    }

    #[test]
    fn cpu_memory_and_places_bound_what_fits() {
        let each = PerDevice { cpu_milli: 4_000, memory_bytes: 10 };
        let full = NodeRoom { devices: vec![8], cpu_milli: 17_000, memory_bytes: 1_000, pods: 50 };
        assert_eq!(fits(std::slice::from_ref(&full), each), [4, 2, 1, 0, 0]);
        assert_eq!(fits(&[NodeRoom { memory_bytes: 15, ..full.clone() }], each), [1, 0, 0, 0, 0]);
        assert_eq!(fits(&[NodeRoom { pods: 1, ..full.clone() }], PerDevice::default()), [1, 1, 1, 1, 0]);
        assert_eq!(fits(&[NodeRoom { cpu_milli: -1, pods: -2, ..full }], each), [0; 5]);
    }

    #[test]
    fn what_keeps_pods_from_free_devices_is_named_by_what_runs_out_first() {
        let each = PerDevice { cpu_milli: 4_000, memory_bytes: 10 };
        let full = NodeRoom { devices: vec![8], cpu_milli: 17_000, memory_bytes: 1_000, pods: 50 };
        assert_eq!(full.blocked(each), Some((4, FitLimit::Cpu)));
        let small = NodeRoom { memory_bytes: 15, ..full.clone() };
        assert_eq!(small.blocked(each), Some((7, FitLimit::Memory)));
        let crowded = NodeRoom { pods: 0, ..full.clone() };
        assert_eq!(crowded.blocked(each), Some((8, FitLimit::Pods)));
        assert_eq!(full.blocked(PerDevice::default()), None);
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
        assert_eq!(typical(&[]), PerDevice::default());
        let pods = [(1, 4_000, 8), (8, 96_000, 800), (2, 2_000, 0), (0, 50_000, 50), (4, -8, -8)];
        // 4,000, 12,000, 1,000 and 0 of CPU, and 8, 100, 0 and 0 of memory; the pod without devices does not count.
        assert_eq!(typical(&pods), PerDevice { cpu_milli: 4_000, memory_bytes: 8 });
    }

    /// Puts pods on nodes one by one until none takes another.
    fn placed(mut rooms: Vec<NodeRoom>, size: i64, each: PerDevice) -> i64 {
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

    fn any_room() -> impl Strategy<Value = NodeRoom> {
        (vec(-3_i64..20, 0..3), -10_i64..60, -10_i64..60, -1_i64..12)
            .prop_map(|(devices, cpu_milli, memory_bytes, pods)| NodeRoom { devices, cpu_milli, memory_bytes, pods })
    }

    proptest! {
        #[test]
        fn what_fits_is_what_can_be_placed_one_by_one(rooms in vec(any_room(), 0..6), cpu in 0_i64..6, memory in 0_i64..6) {
            let each = PerDevice { cpu_milli: cpu, memory_bytes: memory };
            let one_by_one = SIZES.map(|size| placed(rooms.clone(), size, each));
            prop_assert_eq!(fits(&rooms, each), one_by_one);
        }
    }
}
