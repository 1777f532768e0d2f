//! Packed nodes: they hold all that the API said, and many that are alike cost little.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::facts::node::{ConditionStatus, NodeCondition};
use crate::model::fixture::{gpu_node, node};
use crate::model::store::nodes::NodeStore;
use crate::msg::Mono;

fn any_text() -> impl Strategy<Value = Clean> {
    "[a-c]{0,2}".prop_map(|text| Clean::new(&text))
}

fn any_facts() -> impl Strategy<Value = NodeFacts> {
    let second = prop_oneof![Just(None), (1_i64..4_000_000_000).prop_map(|at| Timestamp::from_second(at).ok())];
    let status = prop::sample::select(vec![ConditionStatus::True, ConditionStatus::Other("odd".into())]);
    let condition = (any_text(), status, any_text(), second.clone()).prop_map(|(kind, status, reason, since)| {
        NodeCondition { kind, status, reason, since, ..NodeCondition::default() }
    });
    let pairs = vec((any_text(), any_text()), 0..5).prop_map(|mut pairs| {
        pairs.sort();
        pairs.dedup_by(|a, b| a.0 == b.0);
        pairs
    });
    let address = prop::sample::select(vec!["", "10.0.0.1", "010.0.0.1", "fd00::1", "10.0.0", "0.0.0.0"]);
    let taint = any_text().prop_map(|key| NodeTaint { key, ..NodeTaint::default() });
    let amounts = vec(any_text(), 0..3).prop_map(|mut names| {
        names.sort();
        names.dedup();
        names.into_iter().zip([Quantity::whole(1), Quantity::whole(2), Quantity::ZERO]).collect::<Vec<_>>()
    });
    (pairs, vec(condition, 0..4), vec(taint, 0..3), amounts, (address, second, any_text(), any::<bool>())).prop_map(
        |(labels, conditions, taints, capacity, (address, created, kubelet, unschedulable))| NodeFacts {
            name: "a".into(),
            created,
            labels,
            conditions,
            taints,
            allocatable: capacity.iter().take(1).cloned().collect(),
            capacity,
            kubelet,
            unschedulable,
            internal_ip: address.into(),
            ..NodeFacts::default()
        },
    )
}

proptest! {
    #[test]
    fn packed_facts_are_the_facts(nodes in vec(any_facts(), 1..6), keys in vec(any_text(), 3)) {
        let mut commons = Interner::default();
        let mut held = PackedFacts::new(&nodes[0], &mut commons);
        for facts in &nodes {
            let same = held.unpack() == *facts;
            prop_assert_eq!(held.are(facts), same);
            held.update(facts, &mut commons);
            let fresh = PackedFacts::new(facts, &mut commons);
            prop_assert_eq!(&held, &fresh);
            prop_assert!(held.are(facts));
            prop_assert_eq!(&held.unpack(), facts);
            prop_assert_eq!(held.readiness(), facts.readiness());
            for key in &keys {
                prop_assert_eq!(held.label(key), facts.label(key));
            }
        }
    }
}

/// As a cloud makes them: sixteen labels, of which two are the node's own, and conditions with times of their own.
fn cloudy(at: usize) -> NodeFacts {
    let name = format!("ip-10-{}-{}-{}.eu-central-1.compute.internal", at / 65_536, at / 256 % 256, at % 256);
    let mut facts = gpu_node(&name, 8, 8);
    let shared = (0..14).map(|label| (Clean::new(&format!("example.com/label-{label:02}")), Clean::new("the same")));
    facts.labels = shared.collect();
    facts.labels.push(("instance-id".into(), Clean::new(&format!("i-{at:017}"))));
    facts.labels.push(("kubernetes.io/hostname".into(), name.as_str().into()));
    facts.conditions = (0..5)
        .map(|kind| NodeCondition {
            kind: Clean::new(&format!("Condition{kind}")),
            status: ConditionStatus::False,
            reason: "KubeletHasSufficientMemory".into(),
            message: "kubelet has sufficient memory available".into(),
            since: Timestamp::from_second(1_700_000_000 + i64::try_from(at).unwrap()).ok(),
        })
        .collect();
    facts.internal_ip = Clean::new(&format!("10.{}.{}.{}", at / 65_536, at / 256 % 256, at % 256));
    facts
}

fn list(nodes: &mut NodeStore, generation: u32, facts: impl Iterator<Item = NodeFacts>) {
    nodes.begin(generation);
    for facts in facts {
        nodes.page(&facts, Mono::default());
    }
    nodes.finish();
    nodes.take_touched(usize::MAX);
}

#[test]
fn a_node_like_many_others_costs_600_bytes() {
    let mut nodes = NodeStore::default();
    list(&mut nodes, 1, (0..10_000).map(cloudy));
    let each = nodes.heap_bytes() / 10_000;
    assert!(each <= 600, "{each} bytes a node");
}

#[test]
fn a_label_that_tells_nodes_apart_makes_no_set_of_labels_for_each() {
    let mut nodes = NodeStore::default();
    list(&mut nodes, 1, (0..2_000).map(cloudy));
    assert!(nodes.interner.len() < 400, "{} texts and lists", nodes.interner.len());
    let held = nodes.by_name(&cloudy(1_999).name).unwrap();
    assert_eq!(held.facts.unpack(), cloudy(1_999));
}

#[test]
fn ten_relists_with_other_names_and_versions_leave_no_garbage() {
    let mut nodes = NodeStore::default();
    let born = |generation: u32| {
        move |at: usize| NodeFacts {
            version: u64::from(generation) * 10_000 + at as u64,
            kubelet: Clean::new(&format!("v1.{generation}.{}", at % 40)),
            ..cloudy(at + 1_000 * generation as usize)
        }
    };
    list(&mut nodes, 1, (0..1_000).map(born(1)));
    list(&mut nodes, 2, (0..1_000).map(born(2)));
    let (bytes, values) = (nodes.heap_bytes(), nodes.interner.len());
    for generation in 3..=12 {
        list(&mut nodes, generation, (0..1_000).map(born(generation)));
    }
    assert_eq!(nodes.len(), 1_000);
    assert!(nodes.heap_bytes() <= bytes + bytes / 20, "{} bytes after {bytes}", nodes.heap_bytes());
    assert!(nodes.interner.len() <= 2 * values + 400, "{} values after {values}", nodes.interner.len());
}

#[test]
fn a_heartbeat_is_no_news_and_its_version_is_known() {
    let mut nodes = NodeStore::default();
    list(&mut nodes, 1, std::iter::once(node("a")));
    let revision = nodes.revision();
    let beat = NodeFacts { version: 99, ..node("a") };
    nodes.change(crate::msg::NodeChange::Present(Box::new(beat)), 1, Mono::default());
    assert_eq!((nodes.revision(), nodes.is_touched()), (revision, false));
    assert_eq!(nodes.by_name("a").unwrap().facts.version, 99);
}
