//! The pod store against a map that is recomputed from scratch, and against a server whose events come in any allowed order.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::facts::gang::{GangMember, GangSystem, Rank};
use crate::facts::pod::{PodPhase, PodTrouble, Requests, TroubleKind};
use crate::facts::quantity::Quantity;
use crate::facts::wire::Uid;

/// A pod that owns its text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pod {
    namespace: String,
    name: String,
    uid: u128,
    version: u64,
    node: String,
    owner: (String, String),
    phase: PodPhase,
    reason: String,
    deleting: bool,
    mirror: bool,
    restarts: u32,
    created: i64,
    cpu: i64,
    others: Vec<(&'static str, i64)>,
}

impl Pod {
    fn key(&self) -> (String, String) {
        (self.namespace.clone(), self.name.clone())
    }

    fn facts(&self) -> PodFacts<'_> {
        PodFacts {
            namespace: &self.namespace,
            name: &self.name,
            uid: Uid(self.uid),
            version: self.version,
            node: &self.node,
            owner_kind: &self.owner.0,
            owner_name: &self.owner.1,
            phase: self.phase,
            reason: &self.reason,
            deleting: self.deleting,
            mirror: self.mirror,
            containers: 3,
            ready: u16::from(self.mirror),
            restarts: self.restarts,
            created: (self.created > 0).then(|| Timestamp::from_second(self.created).unwrap()),
            since: None,
            requests: Requests {
                cpu: Quantity::from_nano(self.cpu.into()),
                memory: Quantity::whole(self.cpu),
                others: self.others.iter().map(|&(name, amount)| (name, Quantity::whole(amount))).collect(),
            },
            trouble: (self.restarts > 0).then_some(PodTrouble {
                kind: TroubleKind::NotReady,
                message: &self.reason,
                image: "",
                device: "",
                since: None,
            }),
            gang: (self.cpu % 2 == 1).then(|| GangMember {
                system: GangSystem::Job,
                kind: "Job",
                key: &self.owner.1,
                name: &self.owner.1,
                rank: u16::try_from(self.cpu).ok().map(Rank::of),
                size: None,
            }),
            constraints: None,
        }
    }

    fn counts(&self) -> bool {
        !self.node.is_empty() && !matches!(self.phase, PodPhase::Succeeded | PodPhase::Failed)
    }
}

fn pod(name: &str, node: &str, version: u64) -> Pod {
    Pod {
        namespace: "default".into(),
        name: name.into(),
        uid: 7,
        version,
        node: node.into(),
        owner: ("ReplicaSet".into(), "web".into()),
        phase: PodPhase::Running,
        reason: String::new(),
        deleting: false,
        mirror: false,
        restarts: 0,
        created: 1_700_000_000,
        cpu: 500_000_000,
        others: vec![("nvidia.com/gpu", 2)],
    }
}

fn batch<'a>(pods: impl IntoIterator<Item = (&'a Pod, bool)>) -> PodBatch {
    let mut batch = PodBatch::default();
    for (pod, removed) in pods {
        batch.push(&pod.facts(), removed);
    }
    batch
}

fn bring(pod_store: &mut PodStore, pod: &Pod, generation: u32, origin: PodOrigin) {
    pod_store.apply(&batch([(pod, false)]), generation, origin);
}

fn take(pod_store: &mut PodStore, pod: &Pod, generation: u32, origin: PodOrigin) {
    pod_store.apply(&batch([(pod, true)]), generation, origin);
}

/// Recomputes everything from `pods` and compares.
fn check(pod_store: &PodStore, pods: &BTreeMap<(String, String), Pod>) {
    let count = |which: &dyn Fn(&Pod) -> bool| u32::try_from(pods.values().filter(|pod| which(pod)).count()).unwrap();
    let terminal = |pod: &Pod| matches!(pod.phase, PodPhase::Succeeded | PodPhase::Failed);
    let expected = Totals {
        held: count(&|_| true),
        bound: count(&|pod| pod.counts()),
        unscheduled: count(&|pod| pod.node.is_empty() && !terminal(pod)),
        terminal: count(&terminal),
        terminating: count(&|pod| pod.counts() && pod.deleting),
    };
    assert_eq!(pod_store.totals(), &expected);
    for pod in pods.values() {
        let slot = pod_store.find_pod(&pod.namespace, &pod.name).unwrap();
        assert_eq!(pod_store.pod(slot), pod.facts());
        for &(name, amount) in &pod.others {
            assert_eq!(pod_store.pod(slot).requests.amount(name), Quantity::whole(amount));
        }
    }
    let mut all: Vec<_> =
        pod_store.pods().map(|slot| pod_store.pod(slot)).map(|pod| (pod.namespace, pod.name)).collect();
    all.sort_unstable();
    assert_eq!(all, pods.keys().map(|(namespace, name)| (&**namespace, &**name)).collect::<Vec<_>>());
    let holds = |pod: &&Pod| pod.counts() && pod.others.iter().any(|(name, _)| name.contains('/'));
    let holders = pod_store.holders().map(|slot| pod_store.pod(slot)).map(|pod| (pod.namespace, pod.name));
    let expected_holders = pods.values().filter(holds).map(|pod| (&*pod.namespace, &*pod.name));
    assert_eq!(holders.collect::<BTreeSet<_>>(), expected_holders.collect::<BTreeSet<_>>());
    let named: BTreeSet<&str> = pods.values().map(|pod| &*pod.node).filter(|node| !node.is_empty()).collect();
    assert_eq!(pod_store.nodes().map(|(name, _)| name).collect::<BTreeSet<_>>(), named);
    let mut sum = Quantity::ZERO;
    for node in named {
        check_node(pod_store, pods, node);
        sum += pod_store.node_requested(node, "nvidia.com/gpu");
    }
    assert_eq!(pod_store.requested("nvidia.com/gpu"), sum);
    assert_eq!(pod_store.nodes().map(|(_, totals)| totals.pods).sum::<u32>(), expected.bound);
    assert_eq!(pod_store.nodes().map(|(_, totals)| totals.cpu).sum::<Quantity>(), pod_store.requested("cpu"));
    assert_eq!(pod_store.nodes().map(|(_, totals)| totals.memory).sum::<Quantity>(), pod_store.requested("memory"));
}

fn check_node(pod_store: &PodStore, pods: &BTreeMap<(String, String), Pod>, node: &str) {
    let held: Vec<&Pod> = pods.values().filter(|pod| pod.node == node).collect();
    let listed: Vec<_> = pod_store.pods_on(node).map(|slot| pod_store.pod(slot)).collect();
    assert_eq!(listed.len(), held.len());
    let keys: BTreeSet<_> = listed.iter().map(|pod| (pod.namespace.to_owned(), pod.name.to_owned())).collect();
    assert_eq!(keys, held.iter().map(|pod| pod.key()).collect());
    let counted: Vec<&Pod> = held.into_iter().filter(|pod| pod.counts()).collect();
    let count = |which: &dyn Fn(&Pod) -> bool| u32::try_from(counted.iter().filter(|pod| which(pod)).count()).unwrap();
    let totals = pod_store.node(node).unwrap();
    assert_eq!(totals.pods, count(&|_| true));
    assert_eq!(totals.terminating, count(&|pod| pod.deleting));
    assert_eq!(totals.daemon_set, count(&|pod| pod.owner.0 == "DaemonSet"));
    assert_eq!(totals.mirror, count(&|pod| pod.mirror));
    assert_eq!(totals.cpu, counted.iter().map(|pod| pod.facts().requests.cpu).sum());
    let mut others = BTreeMap::new();
    for (name, amount) in counted.iter().flat_map(|pod| pod.facts().requests.others) {
        *others.entry(name).or_insert(Quantity::ZERO) += amount;
    }
    let kept: BTreeMap<_, _> = totals.others().map(|(id, amount)| (pod_store.resource_name(id), amount)).collect();
    assert_eq!(kept, others);
    for (name, amount) in others {
        assert_eq!(pod_store.node_requested(node, name), amount);
    }
}

#[test]
fn a_pod_that_moves_node_keeps_the_cluster_total() {
    let mut pod_store = PodStore::default();
    bring(&mut pod_store, &pod("a", "n1", 1), 1, PodOrigin::Watch);
    bring(&mut pod_store, &pod("a", "n2", 2), 1, PodOrigin::Watch);
    assert_eq!(pod_store.totals().bound, 1);
    assert_eq!(pod_store.requested("nvidia.com/gpu"), Quantity::whole(2));
    assert_eq!(pod_store.node("n1"), None);
    assert_eq!(pod_store.node_requested("n2", "nvidia.com/gpu"), Quantity::whole(2));
    assert_eq!(pod_store.pods_on("n1").count(), 0);
}

fn listed(part: usize, generation: u32) -> ListMark {
    ListMark { part, generation }
}

/// A pod of a namespace.
fn pod_in(namespace: &str, name: &str) -> Pod {
    Pod { namespace: namespace.into(), ..pod(name, "n1", 1) }
}

fn held(pod_store: &PodStore) -> Vec<String> {
    let mut held: Vec<String> =
        pod_store.pods().map(|slot| pod_store.pod(slot)).map(|pod| format!("{}/{}", pod.namespace, pod.name)).collect();
    held.sort();
    held
}

#[test]
fn f23_the_end_of_one_namespaces_list_sweeps_nothing_of_another() {
    let mut pod_store = PodStore::of(&["a".into(), "b".into()]);
    let both = [(0, "a"), (1, "b")];
    for (part, namespace) in both {
        let pods = [pod_in(namespace, "stays"), pod_in(namespace, "goes")];
        pod_store.begin(listed(part, 1));
        pod_store.apply(&batch(pods.iter().map(|pod| (pod, false))), listed(part, 1), PodOrigin::Page);
        assert_eq!(pod_store.finish(listed(part, 1)), 0);
    }
    assert_eq!(held(&pod_store), ["a/goes", "a/stays", "b/goes", "b/stays"]);
    pod_store.begin(listed(0, 2));
    pod_store.begin(listed(1, 2));
    pod_store.apply(&batch([(&pod_in("a", "stays"), false)]), listed(0, 2), PodOrigin::Page);
    assert_eq!(pod_store.finish(listed(0, 2)), 1);
    assert_eq!(held(&pod_store), ["a/stays", "b/goes", "b/stays"], "the list of b still runs");
    assert_eq!(pod_store.finish(listed(1, 1)), 0, "an older list of b");
    assert_eq!(pod_store.finish(listed(1, 2)), 2);
    assert_eq!(held(&pod_store), ["a/stays"]);
    assert_eq!(pod_store.finish(listed(7, 2)), 0, "no such part");
}

/// Of a generation eight bits are kept.
#[test]
fn a_pod_of_a_list_long_ago_is_swept_however_many_lists_were_given_up_since() {
    for last in [2, 201, 257, 258, 513, 100_000] {
        let mut pod_store = PodStore::of(&["a".into(), "b".into()]);
        for (part, namespace) in [(0, "a"), (1, "b")] {
            pod_store.begin(listed(part, 1));
            pod_store.apply(&batch([(&pod_in(namespace, "old"), false)]), listed(part, 1), PodOrigin::Page);
        }
        (2..=last).for_each(|generation| pod_store.begin(listed(0, generation)));
        pod_store.apply(&batch([(&pod_in("a", "new"), false)]), listed(0, last), PodOrigin::Page);
        assert_eq!(pod_store.finish(listed(0, last)), 1, "{last} lists");
        assert_eq!(pod_store.finish(listed(1, 1)), 0, "the list of b has touched its pod");
        assert_eq!(held(&pod_store), ["a/new", "b/old"], "{last} lists");
    }
}

#[test]
fn a_watch_of_a_list_long_ago_does_not_pass_for_the_newest() {
    let mut pod_store = PodStore::default();
    pod_store.begin(600);
    let late = Pod { version: 9, ..pod("late", "n1", 9) };
    for old in [600 - 256, 600 - 512, 600 + 256] {
        pod_store.apply(&batch([(&late, false)]), old, PodOrigin::Watch);
        pod_store.begin(600);
        assert_eq!(pod_store.finish(600), 1, "of generation {old}");
    }
}

#[test]
fn f23_what_the_watch_of_a_namespace_deletes_stays_deleted_while_others_list() {
    let mut pod_store = PodStore::of(&["a".into(), "b".into()]);
    pod_store.begin(listed(0, 1));
    pod_store.begin(listed(1, 5));
    let gone = Pod { version: 9, ..pod_in("b", "gone") };
    pod_store.apply(&batch([(&gone, true)]), listed(1, 5), PodOrigin::Watch);
    pod_store.finish(listed(0, 1));
    pod_store.apply(&batch([(&pod_in("b", "gone"), false)]), listed(1, 5), PodOrigin::Page);
    assert_eq!(held(&pod_store), [""; 0]);
}

#[test]
fn f23_a_pod_that_the_list_of_another_namespace_brings_is_passed_over() {
    let mut pod_store = PodStore::of(&["a".into(), "b".into()]);
    pod_store.begin(listed(0, 1));
    let pods = [pod_in("a", "own"), pod_in("b", "other"), pod_in("c", "stranger")];
    pod_store.apply(&batch(pods.iter().map(|pod| (pod, false))), listed(0, 1), PodOrigin::Page);
    pod_store.finish(listed(0, 1));
    assert_eq!(held(&pod_store), ["a/own"]);
}

#[test]
fn a_page_of_json_ends_in_the_totals_that_kubectl_describe_would_show() {
    let body = br#"{"kind":"PodTable","metadata":{"resourceVersion":"50"},"items":[
        {"metadata":{"name":"train-0","namespace":"ml","uid":"a","resourceVersion":"41"},
         "spec":{"nodeName":"n1","containers":[{"name":"t","resources":{"requests":{"cpu":"8","memory":"64Gi"},"limits":{"nvidia.com/gpu":"4"}}}],
         "initContainers":[{"name":"fetch","resources":{"requests":{"cpu":"12"}}}]},"status":{"phase":"Running"}},
        {"metadata":{"name":"agent","namespace":"ops","uid":"b","ownerReferences":[{"kind":"DaemonSet","name":"agent","controller":true}]},
         "spec":{"nodeName":"n1","containers":[{"name":"a","resources":{"requests":{"cpu":"100m","memory":"128Mi"}}}]},"status":{"phase":"Pending"}},
        {"metadata":{"name":"done","namespace":"ml","uid":"c"},
         "spec":{"nodeName":"n1","containers":[{"name":"d","resources":{"limits":{"nvidia.com/gpu":"8"}}}]},"status":{"phase":"Succeeded"}},
        {"metadata":{"name":"waits","namespace":"ml","uid":"d"},
         "spec":{"containers":[{"name":"w","resources":{"limits":{"nvidia.com/gpu":"8"}}}]},"status":{"phase":"Pending"}},
        {"metadata":{"name":"leaves","namespace":"ml","uid":"e","deletionTimestamp":"2026-11-23T07:00:00Z"},
         "spec":{"nodeName":"n2","overhead":{"cpu":"250m"},"containers":[{"name":"l","resources":{"requests":{"nvidia.com/mig-1g.5gb":"1"}}}]},
         "status":{"phase":"Running"}}]}"#;
    let mut page = PodBatch::default();
    crate::facts::pod::decode_list(body, &mut page).unwrap();
    let mut pod_store = PodStore::default();
    pod_store.begin(1);
    pod_store.apply(&page, 1, PodOrigin::Page);
    assert_eq!(pod_store.finish(1), 0);
    let expected = Totals { held: 5, bound: 3, unscheduled: 1, terminal: 1, terminating: 1 };
    assert_eq!(pod_store.totals(), &expected);
    let n1 = pod_store.node("n1").unwrap();
    assert_eq!((n1.pods, n1.daemon_set, n1.terminating), (2, 1, 0));
    assert_eq!(n1.cpu, Quantity::parse("12100m").unwrap());
    assert_eq!(n1.memory, Quantity::parse("64.125Gi").unwrap());
    assert_eq!(pod_store.node_requested("n1", "nvidia.com/gpu"), Quantity::whole(4));
    assert_eq!(pod_store.requested("nvidia.com/gpu"), Quantity::whole(4));
    assert_eq!(pod_store.node_requested("n2", "cpu"), Quantity::parse("250m").unwrap());
    assert_eq!(pod_store.node_requested("n2", "nvidia.com/mig-1g.5gb"), Quantity::whole(1));
    assert_eq!(pod_store.node_requested("n3", "cpu"), Quantity::ZERO);
    assert_eq!(pod_store.pods_on("n1").count(), 3);
}

#[test]
fn a_finished_pod_is_held_and_counts_for_nothing() {
    let mut pod_store = PodStore::default();
    let done = Pod { phase: PodPhase::Succeeded, ..pod("a", "n1", 1) };
    bring(&mut pod_store, &done, 1, PodOrigin::Page);
    let expected = Totals { held: 1, terminal: 1, ..Totals::default() };
    assert_eq!(pod_store.totals(), &expected);
    assert_eq!(pod_store.node("n1").unwrap(), &NodeTotals::default());
    assert_eq!(pod_store.pods_on("n1").count(), 1);
}

#[test]
fn a_batch_is_applied_one_pod_after_the_other_although_all_are_looked_up_first() {
    let mut pod_store = PodStore::default();
    bring(&mut pod_store, &pod("a", "n1", 1), 1, PodOrigin::Watch);
    let (moved, gone) = (pod("a", "n2", 2), Pod { node: "n1".into(), ..pod("a", "n1", 3) });
    let (anew, other) = (pod("a", "n3", 4), Pod { namespace: "late".into(), ..pod("b", "n1", 5) });
    // The node, the namespace and the pod go, their places are taken by others, and the pod comes back.
    let batch =
        batch([(&moved, false), (&gone, true), (&other, false), (&anew, false), (&other, true), (&anew, false)]);
    pod_store.apply(&batch, 1, PodOrigin::Watch);
    check(&pod_store, &BTreeMap::from([(anew.key(), anew)]));
    assert_eq!(pod_store.pods_on("n1").count() + pod_store.pods_on("n2").count(), 0);
}

#[test]
fn a_list_that_brought_as_many_pods_as_are_held_still_sweeps_those_that_it_did_not_bring() {
    let mut pod_store = PodStore::default();
    pod_store.begin(1);
    for name in ["a", "b"] {
        bring(&mut pod_store, &pod(name, "n1", 1), 1, PodOrigin::Page);
    }
    assert_eq!(pod_store.finish(1), 0);
    pod_store.begin(2);
    // Two are brought and one of them goes; two are held, one of them of the list before.
    for name in ["a", "c"] {
        bring(&mut pod_store, &pod(name, "n1", 2), 2, PodOrigin::Page);
    }
    take(&mut pod_store, &pod("a", "n1", 3), 2, PodOrigin::Watch);
    assert_eq!((pod_store.totals().held, pod_store.finish(2), pod_store.totals().held), (2, 1, 1));
    assert!(pod_store.find_pod("default", "c").is_some());
}

#[test]
fn an_unfinished_list_removes_nothing() {
    let mut pod_store = PodStore::default();
    bring(&mut pod_store, &pod("a", "n1", 1), 1, PodOrigin::Page);
    bring(&mut pod_store, &pod("b", "n1", 1), 1, PodOrigin::Page);
    pod_store.begin(2);
    bring(&mut pod_store, &pod("a", "n1", 1), 2, PodOrigin::Page);
    assert_eq!(pod_store.totals().held, 2);
    assert_eq!(pod_store.finish(1), 0, "the old list has been given up");
    assert_eq!(pod_store.totals().held, 2);
    assert_eq!(pod_store.finish(2), 1);
    assert_eq!(pod_store.totals().held, 1);
}

#[test]
fn a_pod_that_only_the_watch_has_touched_survives_the_sweep() {
    let mut pod_store = PodStore::default();
    pod_store.begin(1);
    bring(&mut pod_store, &pod("new", "n1", 9), 1, PodOrigin::Watch);
    assert_eq!(pod_store.finish(1), 0);
    assert_eq!(pod_store.totals().held, 1);
}

#[test]
fn a_page_yields_to_a_newer_event_and_to_a_deletion_of_its_generation() {
    let mut pod_store = PodStore::default();
    pod_store.begin(1);
    bring(&mut pod_store, &pod("a", "new", 9), 1, PodOrigin::Watch);
    take(&mut pod_store, &pod("b", "n1", 9), 1, PodOrigin::Watch);
    bring(&mut pod_store, &pod("a", "old", 8), 1, PodOrigin::Page);
    bring(&mut pod_store, &pod("b", "n1", 8), 1, PodOrigin::Page);
    assert_eq!(pod_store.totals().held, 1);
    assert_eq!(pod_store.node("new").unwrap().pods, 1);
    bring(&mut pod_store, &pod("a", "newer", 10), 1, PodOrigin::Page);
    assert_eq!(pod_store.node("newer").unwrap().pods, 1);
    bring(&mut pod_store, &Pod { uid: 8, ..pod("b", "n1", 10) }, 1, PodOrigin::Page);
    assert_eq!(pod_store.totals().held, 2, "a pod made again after the deletion");
}

#[test]
fn an_event_without_a_number_for_a_version_changes_a_pod_of_a_list_with_numbers() {
    let mut pod_store = PodStore::default();
    pod_store.begin(1);
    bring(&mut pod_store, &pod("a", "n1", 4711), 1, PodOrigin::Page);
    bring(&mut pod_store, &pod("a", "n2", 0), 1, PodOrigin::Watch);
    assert_eq!(pod_store.node("n2").unwrap().pods, 1);
    bring(&mut pod_store, &pod("a", "n1", 4711), 1, PodOrigin::Page);
    assert_eq!(pod_store.node("n2").unwrap().pods, 1, "a page that is not surely newer takes nothing back");
    take(&mut pod_store, &pod("a", "n2", 0), 1, PodOrigin::Watch);
    bring(&mut pod_store, &pod("a", "n1", 4711), 1, PodOrigin::Page);
    assert_eq!(pod_store.totals().held, 0);
}

#[test]
fn versions_of_two_generations_are_never_compared() {
    let mut pod_store = PodStore::default();
    pod_store.begin(1);
    bring(&mut pod_store, &pod("a", "before", 9000), 1, PodOrigin::Watch);
    take(&mut pod_store, &pod("b", "n1", 9000), 1, PodOrigin::Watch);
    // etcd has been restored: versions are small again.
    pod_store.begin(2);
    bring(&mut pod_store, &pod("a", "after", 3), 2, PodOrigin::Page);
    bring(&mut pod_store, &pod("b", "n1", 3), 2, PodOrigin::Page);
    assert_eq!(pod_store.node("after").unwrap().pods, 1);
    assert_eq!(pod_store.totals().held, 2);
}

#[test]
fn a_late_deletion_of_the_old_pod_leaves_the_new_one() {
    let mut pod_store = PodStore::default();
    bring(&mut pod_store, &Pod { uid: 1, ..pod("db-0", "n1", 1) }, 1, PodOrigin::Watch);
    bring(&mut pod_store, &Pod { uid: 2, ..pod("db-0", "n2", 2) }, 1, PodOrigin::Watch);
    take(&mut pod_store, &Pod { uid: 1, ..pod("db-0", "n1", 3) }, 1, PodOrigin::Watch);
    assert_eq!(pod_store.totals().held, 1);
    assert_eq!(pod_store.node("n2").unwrap().pods, 1);
    take(&mut pod_store, &Pod { uid: 0, ..pod("db-0", "", 4) }, 1, PodOrigin::Watch);
    assert_eq!(pod_store.totals().held, 0, "a deletion that does not say which");
}

#[test]
fn a_late_event_of_the_old_watch_does_not_make_the_sweep_take_a_listed_pod() {
    let mut pod_store = PodStore::default();
    pod_store.begin(2);
    bring(&mut pod_store, &pod("a", "n1", 5), 2, PodOrigin::Page);
    bring(&mut pod_store, &pod("a", "n1", 4000), 1, PodOrigin::Watch);
    bring(&mut pod_store, &pod("a", "n2", 6), 2, PodOrigin::Page);
    assert_eq!(pod_store.finish(2), 0);
    assert_eq!(pod_store.node("n2").unwrap().pods, 1, "4000 is a version of another generation");
}

#[test]
fn a_relist_that_brings_the_same_pods_is_no_change() {
    let mut pod_store = PodStore::default();
    bring(&mut pod_store, &pod("a", "n1", 1), 1, PodOrigin::Page);
    let revision = pod_store.revision();
    pod_store.begin(2);
    bring(&mut pod_store, &pod("a", "n1", 2), 2, PodOrigin::Page);
    pod_store.finish(2);
    assert_eq!(pod_store.revision(), revision);
    bring(&mut pod_store, &Pod { restarts: 1, ..pod("a", "n1", 3) }, 2, PodOrigin::Watch);
    assert!(pod_store.revision() > revision);
}

#[test]
fn a_slot_that_is_out_of_date_reads_as_no_pod() {
    let mut pod_store = PodStore::default();
    bring(&mut pod_store, &pod("a", "n1", 1), 1, PodOrigin::Page);
    let slot = pod_store.pods_on("n1").next().unwrap();
    take(&mut pod_store, &pod("a", "n1", 2), 1, PodOrigin::Watch);
    assert_eq!(pod_store.pod(slot), PodFacts::default());
}

#[test]
fn absurd_requests_leave_no_trace_when_their_pod_goes() {
    let mut pod_store = PodStore::default();
    bring(&mut pod_store, &pod("a", "n1", 1), 1, PodOrigin::Watch);
    let mut huge = PodFacts { namespace: "x", name: "huge", node: "n1", ..PodFacts::default() };
    huge.requests.cpu = Quantity::from_nano(i128::MAX);
    huge.requests.memory = Quantity::from_nano(i128::MIN);
    huge.requests.others = vec![("nvidia.com/gpu", Quantity::from_nano(i128::MAX))];
    for removed in [false, true] {
        let mut changes = PodBatch::default();
        changes.push(&huge, removed);
        pod_store.apply(&changes, 1, PodOrigin::Watch);
    }
    assert_eq!(pod_store.node("n1").unwrap().cpu, Quantity::parse("500m").unwrap());
    assert_eq!(pod_store.node_requested("n1", "nvidia.com/gpu"), Quantity::whole(2));
}

#[test]
fn resource_names_without_end_are_left_out_after_1024() {
    let mut pod_store = PodStore::default();
    let names: Vec<String> = (0..2000).map(|number| format!("example.com/r{number:04}")).collect();
    let mut flood = PodFacts { namespace: "x", name: "flood", node: "n1", ..PodFacts::default() };
    flood.requests.others = names.iter().map(|name| (name.as_str(), Quantity::whole(1))).collect();
    let mut changes = PodBatch::default();
    changes.push(&flood, false);
    pod_store.apply(&changes, 1, PodOrigin::Watch);
    assert_eq!(pod_store.resources().count(), 1024);
    assert_eq!(pod_store.requested("example.com/r1023"), Quantity::whole(1));
    assert_eq!(pod_store.requested("example.com/r1024"), Quantity::ZERO);
}

#[test]
fn churn_for_ever_needs_no_more_memory_than_one_round() {
    let mut pod_store = PodStore::default();
    let round = |pod_store: &mut PodStore, number: usize| {
        let name = format!("job-{number:08}-{}", "x".repeat(200));
        let job = Pod { owner: ("Job".into(), name.clone()), reason: name.clone(), ..pod(&name, &name, 1) };
        bring(pod_store, &job, 1, PodOrigin::Watch);
        take(pod_store, &job, 1, PodOrigin::Watch);
    };
    (0..1000).for_each(|number| round(&mut pod_store, number));
    let after_one = pod_store.heap_bytes();
    (1000..6000).for_each(|number| round(&mut pod_store, number));
    assert!(pod_store.heap_bytes() <= after_one + 2 * (1 << 16), "{} then {}", after_one, pod_store.heap_bytes());
    assert_eq!(pod_store.nodes().count(), 0);
}

#[test]
fn names_stay_right_when_the_arena_is_compacted() {
    let mut pod_store = PodStore::default();
    let long = |number: usize| pod(&format!("{number:05}-{}", "y".repeat(250)), "n1", 1);
    let mut held = BTreeMap::new();
    for number in 0..4000 {
        let pod = long(number);
        bring(&mut pod_store, &pod, 1, PodOrigin::Watch);
        if number % 7 == 0 {
            held.insert(pod.key(), pod);
        } else {
            take(&mut pod_store, &pod, 1, PodOrigin::Watch);
        }
    }
    check(&pod_store, &held);
    let live = held.len() * 256;
    assert!(pod_store.names.heap_bytes() < 2 * live + (1 << 18), "{} for {live}", pod_store.names.heap_bytes());
}

fn any_pod() -> impl Strategy<Value = Pod> {
    let key = (0_usize..2, 0_usize..4, 0_u128..3, 0_u64..6);
    let place = (0_usize..4, 0_usize..3, 0_usize..5, 0_usize..3);
    let rest = (any::<bool>(), any::<bool>(), 0_u32..2, 0_i64..3, -1_i64..3, 0_usize..4);
    (key, place, rest).prop_map(|((ns, name, uid, version), (node, owner, phase, reason), rest)| {
        let (deleting, mirror, restarts, created, cpu, others) = rest;
        Pod {
            namespace: ["prod", "test"][ns].into(),
            name: ["a", "b", "c", "d"][name].into(),
            uid,
            version,
            node: ["", "n1", "n2", "n3"][node].into(),
            owner: [("", ""), ("DaemonSet", "agent"), ("Job", "batch")].map(|(k, n)| (k.into(), n.into()))[owner]
                .clone(),
            phase: [PodPhase::Pending, PodPhase::Running, PodPhase::Succeeded, PodPhase::Failed, PodPhase::Unknown]
                [phase],
            reason: ["", "CrashLoopBackOff", "Init:0/1"][reason].into(),
            deleting,
            mirror,
            restarts,
            created,
            cpu,
            others: [
                vec![],
                vec![("nvidia.com/gpu", 1)],
                vec![("ephemeral-storage", 5), ("nvidia.com/gpu", 8)],
                vec![("amd.com/gpu", 0)],
            ][others]
                .clone(),
        }
    })
}

#[derive(Clone, Debug)]
enum Step {
    Begin,
    Finish { late: bool },
    Apply { pods: Vec<(Pod, bool)>, watch: bool, late: bool },
}

fn any_step() -> impl Strategy<Value = Step> {
    let changes = (vec((any_pod(), prop::bool::weighted(0.3)), 1..4), any::<bool>(), prop::bool::weighted(0.1));
    prop_oneof![
        1 => Just(Step::Begin),
        1 => prop::bool::weighted(0.2).prop_map(|late| Step::Finish { late }),
        8 => changes.prop_map(|(pods, watch, late)| Step::Apply { pods, watch, late }),
    ]
}

/// The rules of docs/list-watch.md, word by word, on a map.
#[derive(Default)]
struct Naive {
    held: BTreeMap<(String, String), (Pod, u32, bool)>,
    graves: BTreeMap<(String, String), Pod>,
    generation: u32,
    listing: bool,
}

impl Naive {
    fn apply(&mut self, pod: &Pod, removed: bool, generation: u32, watch: bool) {
        let key = pod.key();
        if !watch && self.watch_is_newer(pod, generation) {
            return;
        }
        if removed {
            if watch && self.listing && generation == self.generation {
                self.graves.insert(key.clone(), pod.clone());
            }
            let is_it = |held: &Pod| held.uid == pod.uid || held.uid == 0 || pod.uid == 0;
            if self.held.get(&key).is_some_and(|(held, ..)| is_it(held)) {
                self.held.remove(&key);
            }
            return;
        }
        let current = self.held.get(&key).is_some_and(|(_, held, _)| *held == self.generation);
        let late = current && generation != self.generation;
        let kept = if late { self.generation } else { generation };
        self.held.insert(key, (pod.clone(), kept, watch && !late));
    }

    fn watch_is_newer(&self, pod: &Pod, generation: u32) -> bool {
        // A version of 0 is none, and cannot be compared.
        let not_older = |watched: &Pod| watched.version == 0 || pod.version <= watched.version;
        let newer = |(held, at, watched): &(Pod, u32, bool)| *watched && *at == generation && not_older(held);
        let dead = |grave: &Pod| {
            self.listing && generation == self.generation && (not_older(grave) || grave.uid == pod.uid && pod.uid != 0)
        };
        self.held.get(&pod.key()).is_some_and(newer) || self.graves.get(&pod.key()).is_some_and(dead)
    }
}

proptest! {
    #[test]
    fn any_sequence_of_lists_and_events_leaves_what_the_rules_say(steps in vec(any_step(), 1..40)) {
        let mut pod_store = PodStore::default();
        let mut naive = Naive::default();
        for step in steps {
            match step {
                Step::Begin => {
                    naive.generation += 1;
                    naive.listing = true;
                    naive.graves.clear();
                    pod_store.begin(naive.generation);
                }
                Step::Finish { late: true } => {
                    if naive.generation > 0 {
                        prop_assert_eq!(pod_store.finish(naive.generation - 1), 0);
                    }
                }
                Step::Finish { late: false } => {
                    let (before, generation) = (naive.held.len(), naive.generation);
                    naive.held.retain(|_, (_, held, _)| *held == generation);
                    naive.listing = false;
                    prop_assert_eq!(pod_store.finish(generation), before - naive.held.len());
                }
                Step::Apply { pods, watch, late } => {
                    let generation = if late { naive.generation.saturating_sub(1) } else { naive.generation };
                    let origin = if watch { PodOrigin::Watch } else { PodOrigin::Page };
                    pod_store.apply(&batch(pods.iter().map(|(pod, removed)| (pod, *removed))), generation, origin);
                    for (pod, removed) in &pods {
                        naive.apply(pod, *removed, generation, watch);
                    }
                }
            }
            check(&pod_store, &naive.held.iter().map(|(key, (pod, ..))| (key.clone(), pod.clone())).collect());
        }
    }

    /// A server, a list whose pages are read one after the other while it changes, and a watch from the list's version whose
    /// events come whenever they like. At the end the store holds what the server holds.
    #[test]
    fn a_list_beside_its_watch_ends_with_what_the_server_has(
        before in vec((any_pod(), prop::bool::weighted(0.2)), 0..12),
        during in vec((any_pod(), prop::bool::weighted(0.4), 0_usize..3), 0..24),
        stale in vec(any_pod(), 0..4),
        fresh_pages in any::<bool>(),
    ) {
        let mut server = Server::default();
        for (pod, removed) in before {
            server.change(&pod, removed);
        }
        let mut pod_store = PodStore::default();
        for pod in &stale {
            bring(&mut pod_store, pod, 1, PodOrigin::Watch);
        }
        pod_store.begin(2);
        let snapshot: Vec<Pod> = server.pods.values().cloned().collect();
        let mut keys: Vec<_> = [("prod", 'a'), ("prod", 'c'), ("test", 'a'), ("test", 'c')].into();
        let mut behind = Vec::new();
        let mut page = |pod_store: &mut PodStore, server: &Server| {
            let Some((namespace, first)) = keys.pop() else { return };
            let source: Vec<Pod> = if fresh_pages { server.pods.values().cloned().collect() } else { snapshot.clone() };
            let inside = |pod: &&Pod| {
                let name = pod.name.chars().next().unwrap();
                pod.namespace == namespace && name >= first && name <= char::from(first as u8 + 1)
            };
            pod_store.apply(&batch(source.iter().filter(inside).map(|pod| (pod, false))), 2, PodOrigin::Page);
        };
        for (pod, removed, pace) in during {
            behind.extend(server.change(&pod, removed));
            match pace {
                0 => page(&mut pod_store, &server),
                1 => behind.drain(..).for_each(|(pod, gone): (Pod, bool)| pod_store.apply(&batch([(&pod, gone)]), 2, PodOrigin::Watch)),
                _ => {}
            }
        }
        (0..4).for_each(|_| page(&mut pod_store, &server));
        for (pod, gone) in behind {
            pod_store.apply(&batch([(&pod, gone)]), 2, PodOrigin::Watch);
        }
        pod_store.finish(2);
        check(&pod_store, &server.pods);
    }
}

/// Change that an API server makes to a pod: every change has a new version, a pod made again has a new uid.
#[derive(Default)]
struct Server {
    pods: BTreeMap<(String, String), Pod>,
    version: u64,
}

impl Server {
    fn change(&mut self, pod: &Pod, remove: bool) -> Option<(Pod, bool)> {
        self.version += 1;
        let uid = self.pods.get(&pod.key()).map_or(u128::from(self.version), |held| held.uid);
        let pod = Pod { uid, version: self.version, ..pod.clone() };
        if remove {
            let last = self.pods.remove(&pod.key())?;
            return Some((Pod { version: self.version, ..last }, true));
        }
        self.pods.insert(pod.key(), pod.clone());
        Some((pod, false))
    }
}
