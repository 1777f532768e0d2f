use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::node::{pods_allocatable, roles};
use super::sums::devices;
use super::*;
use crate::facts::node::{ConditionStatus, NodeCondition, NodeTaint, Readiness};
use crate::facts::quantity::Quantity;
use crate::model::fixture::{gpu_node, node};

fn now() -> Mono {
    Mono::default()
}

#[test]
fn a_place_that_is_used_again_has_another_key() {
    let mut nodes = NodeStore::default();
    nodes.begin(1);
    let NodeOutcome::Stored { key, .. } = nodes.page(&node("a"), now()) else { panic!("new") };
    let gone = NodeChange::Gone { name: "a".into(), uid: node("a").uid, version: 20 };
    nodes.change(gone, 1, now());
    let NodeOutcome::Stored { key: other, .. } = nodes.page(&node("b"), now()) else { panic!("new") };
    assert_ne!(key, other);
    assert!(nodes.get(key).is_none() && nodes.get(other).is_some());
}

#[test]
fn a_relist_that_brings_the_same_changes_nothing() {
    let mut nodes = NodeStore::default();
    nodes.begin(1);
    nodes.page(&node("a"), now());
    nodes.finish();
    nodes.take_touched(usize::MAX);
    nodes.begin(2);
    assert_eq!(nodes.page(&node("a"), now()), NodeOutcome::Ignored);
    assert!(nodes.finish().is_empty());
    assert_eq!((nodes.len(), nodes.take_touched(usize::MAX).there), (1, vec![]));
}

#[test]
fn the_old_watch_does_not_take_back_the_mark_of_the_running_list() {
    let mut nodes = NodeStore::default();
    nodes.begin(1);
    nodes.page(&node("a"), now());
    nodes.finish();
    nodes.begin(2);
    nodes.page(&node("a"), now());
    let newer = NodeFacts { version: 11, ..node("a") };
    nodes.change(NodeChange::Present(Box::new(newer)), 1, now());
    assert!(nodes.finish().is_empty());
    assert_eq!(nodes.by_name("a").unwrap().facts.version, 11);
}

#[test]
fn an_event_without_a_number_for_a_version_changes_a_node_of_a_list_with_numbers() {
    let mut nodes = NodeStore::default();
    nodes.begin(1);
    nodes.page(&NodeFacts { version: 4711, ..node("a") }, now());
    for unschedulable in [true, false] {
        let change = NodeFacts { version: 0, unschedulable, ..node("a") };
        nodes.change(NodeChange::Present(Box::new(change)), 1, now());
        assert_eq!(nodes.by_name("a").unwrap().facts.unschedulable, unschedulable);
    }
    let cordoned = NodeFacts { version: 0, unschedulable: true, ..node("a") };
    nodes.change(NodeChange::Present(Box::new(cordoned)), 1, now());
    nodes.page(&NodeFacts { version: 4711, ..node("a") }, now());
    assert!(nodes.by_name("a").unwrap().facts.unschedulable, "nor does a page that is not surely newer take it back");
    nodes.change(NodeChange::Gone { name: "a".into(), uid: node("a").uid, version: 0 }, 1, now());
    nodes.page(&NodeFacts { version: 4711, ..node("a") }, now());
    assert_eq!(nodes.len(), 0);
}

#[test]
fn a_late_deletion_of_the_old_node_leaves_the_new_one_of_its_name() {
    let mut nodes = NodeStore::default();
    nodes.begin(1);
    nodes.page(&NodeFacts { uid: Uid(2), version: 0, ..node("a") }, now());
    let gone = |uid| NodeChange::Gone { name: "a".into(), uid: Uid(uid), version: 9 };
    assert_eq!((nodes.change(gone(1), 1, now()), nodes.len()), (NodeOutcome::Ignored, 1));
    assert_eq!(nodes.change(gone(2), 1, now()), NodeOutcome::Removed(Uid(2)));
}

#[test]
fn roles_are_sorted_and_without_doubles_or_empty_ones() {
    let mut facts = node("a");
    facts.labels = vec![
        ("kubernetes.io/role".into(), "worker".into()),
        ("node-role.kubernetes.io/".into(), "".into()),
        ("node-role.kubernetes.io/gpu".into(), "".into()),
        ("node-role.kubernetes.io/worker".into(), "true".into()),
    ];
    assert_eq!(&*roles(&facts), "gpu,worker");
    assert_eq!(&*roles(&node("b")), "");
}

#[test]
fn accessories_are_no_devices() {
    let mut facts = gpu_node("a", 8, 8);
    for name in ["gpu.intel.com/i915_monitoring", "nvidia.com/gpumem", "example.com/fpga"] {
        facts.capacity.push((name.into(), Quantity::whole(8192)));
    }
    facts.capacity.sort_unstable();
    let found = devices(&facts, &AcceleratorTable::default());
    assert_eq!(found.iter().map(|d| (&*d.resource, d.capacity)).collect::<Vec<_>>(), [("nvidia.com/gpu", 8)]);
}

#[test]
fn an_empty_allocatable_means_the_capacity() {
    let mut facts = gpu_node("a", 8, 5);
    facts.allocatable.clear();
    assert_eq!((devices(&facts, &AcceleratorTable::default())[0].allocatable, pods_allocatable(&facts)), (8, Some(10)));
}

#[test]
fn a_node_is_leaving_by_its_deletion_or_its_taint() {
    let mut nodes = NodeStore::default();
    let mut tainted = node("a");
    tainted.taints = vec![NodeTaint { key: "ToBeDeletedByClusterAutoscaler".into(), ..NodeTaint::default() }];
    nodes.page(&tainted, now());
    nodes.page(&NodeFacts { deleting: true, ..node("b") }, now());
    nodes.page(&node("c"), now());
    let leaving: Vec<bool> = ["a", "b", "c"].iter().map(|name| nodes.by_name(name).unwrap().leaving()).collect();
    assert_eq!(leaving, [true, true, false]);
}

/// Event of the store.
#[derive(Clone, Debug)]
enum Step {
    Begin,
    Page(u8, u8),
    Present(u8, u8),
    Gone(u8),
    Finish,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => Just(Step::Begin),
        6 => (0_u8..6, any::<u8>()).prop_map(|(name, look)| Step::Page(name, look)),
        6 => (0_u8..6, any::<u8>()).prop_map(|(name, look)| Step::Present(name, look)),
        3 => (0_u8..6).prop_map(Step::Gone),
        1 => Just(Step::Finish),
    ]
}

/// A node whose facts are read off the bits of `look`.
fn looking(name: u8, look: u8, version: u64) -> NodeFacts {
    let gpus = i64::from(look % 3) * 4;
    let mut facts = if gpus > 0 {
        gpu_node(&format!("n{name}"), gpus, gpus - i64::from(look % 2))
    } else {
        node(&format!("n{name}"))
    };
    let status =
        [ConditionStatus::True, ConditionStatus::False, ConditionStatus::Unknown][usize::from(look / 3 % 3)].clone();
    facts.conditions = vec![NodeCondition { kind: "Ready".into(), status, ..NodeCondition::default() }];
    facts.unschedulable = look.is_multiple_of(5);
    facts.version = version;
    facts
}

proptest! {
    /// The store against the rules spelled out on a map, and its sums against a count of what it holds.
    #[test]
    fn store_and_sums_agree_with_a_literal_model(steps in prop::collection::vec(step(), 1..80)) {
        let mut nodes = NodeStore::default();
        let mut oracle: BTreeMap<String, (NodeFacts, u32, bool)> = BTreeMap::new();
        let mut buried: BTreeSet<String> = BTreeSet::new();
        let (mut generation, mut listing) = (0, false);
        for (version, step) in (1_u64..).zip(steps) {
            match step {
                Step::Begin => {
                    generation += 1;
                    listing = true;
                    buried.clear();
                    nodes.begin(generation);
                }
                Step::Page(name, look) => {
                    // Pages are read at an older version than what the watch brings now.
                    let facts = looking(name, look, version.saturating_sub(10));
                    let name = facts.name.to_string();
                    let dead = buried.contains(&name);
                    let known = oracle.get(&name);
                    let newer = known.is_some_and(|(held, g, watch)| *g == generation && *watch && held.version >= facts.version);
                    if facts.version > 0 && !dead && !newer {
                        oracle.insert(name, (facts.clone(), generation, false));
                    }
                    if facts.version > 0 {
                        nodes.page(&facts, now());
                    }
                }
                Step::Present(name, look) => {
                    let facts = looking(name, look, version);
                    oracle.insert(facts.name.to_string(), (facts.clone(), generation, true));
                    nodes.change(NodeChange::Present(Box::new(facts)), generation, now());
                }
                Step::Gone(name) => {
                    let facts = looking(name, 0, version);
                    let name = facts.name.to_string();
                    oracle.remove(&name);
                    if listing {
                        // Its uid is that of the name: it never comes back with a page.
                        buried.insert(name);
                    }
                    nodes.change(NodeChange::Gone { name: facts.name, uid: facts.uid, version }, generation, now());
                }
                Step::Finish => {
                    listing = false;
                    buried.clear();
                    oracle.retain(|_, (_, g, _)| *g == generation);
                    nodes.finish();
                }
            }
            let mut held: Vec<NodeFacts> = nodes.iter().map(|node| node.facts.unpack()).collect();
            held.sort_by(|a, b| a.name.cmp(&b.name));
            prop_assert_eq!(held, oracle.values().map(|(facts, ..)| facts.clone()).collect::<Vec<_>>());
            let counted = |with: &dyn Fn(&NodeFacts) -> bool| u32::try_from(oracle.values().filter(|(f, ..)| with(f)).count()).unwrap();
            let sums = nodes.sums();
            prop_assert_eq!(sums.total, counted(&|_| true));
            prop_assert_eq!(sums.ready, counted(&|f| f.readiness().0 == Readiness::Ready));
            prop_assert_eq!(sums.not_ready, counted(&|f| f.readiness().0 == Readiness::NotReady));
            prop_assert_eq!(sums.unknown, counted(&|f| f.readiness().0 == Readiness::Unknown));
            prop_assert_eq!(sums.cordoned, counted(&|f| f.unschedulable));
            let gpus = |list: fn(&NodeFacts) -> &[(Clean, Quantity)]| -> i128 {
                oracle.values().filter_map(|(f, ..)| amount(list(f), "nvidia.com/gpu")).map(|amount| i128::from(amount.value())).sum()
            };
            let found = sums.devices.first().map(|sum| (sum.capacity, sum.allocatable)).unwrap_or_default();
            prop_assert_eq!(found, (gpus(|f| &f.capacity), gpus(|f| &f.allocatable)));
        }
    }
}

#[test]
fn conditions_that_the_operator_calls_good_are_bad_when_they_are_false() {
    let named = |kind: &str, status| NodeCondition { kind: kind.into(), status, ..NodeCondition::default() };
    let mut nodes = NodeStore::default();
    nodes.set_good_conditions(Arc::from([Clean::new("GpuFabricHealthy")]));
    nodes.begin(1);
    let mut facts = node("a");
    facts.conditions.push(named("GpuFabricHealthy", ConditionStatus::True));
    facts.conditions.push(named("KernelDeadlock", ConditionStatus::False));
    nodes.page(&facts, Mono::default());
    let bad = |nodes: &NodeStore| nodes.by_name("a").unwrap().pressures().map(ToString::to_string).collect::<Vec<_>>();
    assert!(bad(&nodes).is_empty());
    facts.version += 1;
    facts.conditions[1].status = ConditionStatus::False;
    facts.conditions[2].status = ConditionStatus::True;
    nodes.page(&facts, Mono::default());
    assert_eq!(bad(&nodes), ["GpuFabricHealthy", "KernelDeadlock"]);
}

#[test]
fn a_node_costs_208_bytes_beside_what_it_shares() {
    assert_eq!(size_of::<Option<Node>>(), 208);
}

#[test]
fn a_name_that_stands_for_nothing_gives_way_to_those_that_the_same_silicon_has_now() {
    let found = |capacity: &[(&str, i64)], labels: &[(&str, &str)]| {
        let mut facts = node("a");
        facts.capacity = capacity.iter().map(|(name, amount)| ((*name).into(), Quantity::whole(*amount))).collect();
        facts.capacity.sort_unstable();
        facts.labels = labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        facts.labels.sort_unstable();
        facts.allocatable.clear();
        devices(&facts, &AcceleratorTable::default())
            .iter()
            .map(|d| format!("{} {}", d.resource, d.capacity))
            .collect::<Vec<_>>()
    };
    let gpu = "nvidia.com/gpu";
    assert_eq!(found(&[(gpu, 0), ("nvidia.com/gpu.shared", 128)], &[]), ["nvidia.com/gpu.shared 128"]);
    assert_eq!(found(&[(gpu, 8), ("nvidia.com/mig-1g.5gb", 0)], &[]), ["nvidia.com/gpu 8"]);
    assert_eq!(found(&[("amd.com/gpu", 0), ("amd.com/cpx_nps4", 64)], &[]), ["amd.com/cpx_nps4 64"]);
    assert_eq!(found(&[(gpu, 0), ("volcano.sh/vgpu-number", 20)], &[]), ["volcano.sh/vgpu-number 20"]);
    assert_eq!(found(&[(gpu, 0), ("amd.com/gpu", 8)], &[]), ["amd.com/gpu 8", "nvidia.com/gpu 0"], "two makers");
    assert_eq!(found(&[(gpu, 0)], &[]), ["nvidia.com/gpu 0"], "a plugin that is down");
    assert_eq!(
        found(&[("nvidia.com/gpu.shared", 50)], &[("nvidia.com/gpu.count", "1"), ("nvidia.com/gpu.replicas", "1")]),
        ["nvidia.com/gpu.shared 50"]
    );
    // What labels promise is missing, whatever else there is.
    let mixed = [("nvidia.com/mig.strategy", "mixed"), ("nvidia.com/mig-1g.5gb.count", "7")];
    assert_eq!(
        found(&[(gpu, 7), ("nvidia.com/mig-1g.5gb", 0)], &mixed),
        ["nvidia.com/gpu 7", "nvidia.com/mig-1g.5gb 0"]
    );
}
