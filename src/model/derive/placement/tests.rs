//! Verdicts of upstream's own test tables (kubernetes v1.34.1, component-helpers v0.34.1, api v0.34.1), each row by the name of
//! its case, some of them shortened; then reports on small clusters, counted by hand.

mod upstream;

use serde_json::{Value, json};

use super::count::PlacementCount;
use super::filter::WaitingPod;
use super::*;
use crate::facts::accelerator::AcceleratorTable;
use crate::facts::node::{self, ConditionStatus, NodeFacts};
use crate::facts::pod::{self, PodBatch};
use crate::model::fixture::{Bench, at, ready, turned};

/// Requests or allocatable amounts as upstream's tables write them: thousandths of a core, bytes, and other resources.
type TestAmounts = (i64, i64, &'static [(&'static str, i64)]);

const A: &str = "example.com/aaa";
const B: &str = "example.com/bbb";
const HUGE: &str = "hugepages-2Mi";
const NONE: TestAmounts = (0, 0, &[]);

/// A pod without a node, decoded from the JSON of its spec.
fn waiting(spec: &Value) -> PodBatch {
    let object = json!({"metadata": {"name": "p", "namespace": "ns"}, "spec": spec, "status": {"phase": "Pending"}});
    let mut batch = PodBatch::default();
    pod::decode_object(object.to_string().as_bytes(), false, &mut batch).unwrap();
    batch
}

/// A Ready node with the allocatable amounts of `fit_test.go`: 10m, 20 bytes, 32 pods, 5 of `A`, 20 of storage, 5 of huge pages.
fn roomy(name: &str, spec: &Value, labels: &Value) -> NodeFacts {
    let amounts = json!({"cpu": "10m", "memory": "20", "pods": "32", "ephemeral-storage": "20", A: "5", HUGE: "5"});
    let object =
        json!({"metadata": {"name": name, "labels": labels}, "spec": spec, "status": {"allocatable": amounts}});
    let node = node::decode_object(object.to_string().as_bytes()).unwrap();
    NodeFacts { conditions: vec![ready(ConditionStatus::True, 0)], ..node }
}

fn request_list((cpu, memory, others): TestAmounts) -> Value {
    let mut list = json!({"cpu": format!("{cpu}m"), "memory": memory.to_string()});
    for (name, amount) in others {
        list[name] = amount.to_string().into();
    }
    list
}

fn containers(list: &[TestAmounts]) -> Value {
    let container = |amounts: &TestAmounts| json!({"name": "c", "resources": {"requests": request_list(*amounts)}});
    list.iter().map(container).collect()
}

/// Causes by which a node with these pods does not take the pod: kinds, and names where there are any.
fn refusals(spec: &Value, node: NodeFacts, held: &[TestAmounts]) -> Vec<String> {
    let name = node.name.clone();
    let mut pods = PodBatch::default();
    for (index, amounts) in held.iter().enumerate() {
        let object = json!({"metadata": {"name": format!("held-{index}"), "namespace": "ns"},
            "spec": {"nodeName": &*name, "containers": containers(&[*amounts])}, "status": {"phase": "Running"}});
        pod::decode_object(object.to_string().as_bytes(), false, &mut pods).unwrap();
    }
    let held: Vec<PodFacts<'_>> = pods.iter().map(|(pod, _)| pod).collect();
    let bench = Bench::with(vec![node], &held);
    let (nodes, pods) = bench.state().held_objects();
    let batch = waiting(spec);
    let (facts, _) = batch.iter().next().unwrap();
    let pod =
        WaitingPod::new(&facts, facts.constraints.unwrap(), &AcceleratorTable::default(), bench.state().optional());
    let mut causes = Vec::new();
    pod.refused_by(nodes.by_name(&name).unwrap(), pods, |cause| {
        let PlacementCause { kind, name, .. } = cause();
        causes.push(if name.is_empty() { format!("{kind:?}") } else { name.to_string() });
    });
    causes
}

/// `dedicated Equal user1 NoSchedule`, with `-` for an empty part.
fn parts(text: &str) -> Vec<&str> {
    text.split(' ').map(|part| if part == "-" { "" } else { part }).collect()
}

fn tolerations(list: &[&str]) -> Value {
    let toleration = |text: &&str| match &*parts(text) {
        [key, operator, value, effect] => json!({"key": key, "operator": operator, "value": value, "effect": effect}),
        _ => panic!("{text}"),
    };
    list.iter().map(toleration).collect()
}

fn taints(list: &[&str]) -> Value {
    let taint = |text: &&str| match &*parts(text) {
        [key, value, effect] => json!({"key": key, "value": value, "effect": effect}),
        _ => panic!("{text}"),
    };
    list.iter().map(taint).collect()
}

#[test]
fn taints_are_tolerated_as_upstream_has_it() {
    for (case, tolerated, tainted, want) in upstream::TAINT_FILTER.into_iter().chain(upstream::TOLERATIONS) {
        let node = roomy("nodeA", &json!({"taints": taints(tainted)}), &json!({}));
        let got = refusals(&json!({"tolerations": tolerations(tolerated)}), node, &[]);
        assert_eq!(got, want.into_iter().collect::<Vec<_>>(), "{case}");
    }
}

#[test]
fn a_cordon_is_tolerated_as_upstream_has_it() {
    let rows: [(&str, &[&str], bool, &[&str]); 3] = [
        ("Does not schedule pod to unschedulable node (node.Spec.Unschedulable==true)", &[], true, &["Cordoned"]),
        ("Schedule pod to normal node", &[], false, &[]),
        (
            "Schedule pod with toleration to unschedulable node (node.Spec.Unschedulable==true)",
            &["node.kubernetes.io/unschedulable - - NoSchedule"],
            true,
            &[],
        ),
    ];
    for (case, tolerated, unschedulable, want) in rows {
        let node = roomy("n", &json!({"unschedulable": unschedulable}), &json!({}));
        assert_eq!(refusals(&json!({"tolerations": tolerations(tolerated)}), node, &[]), want, "{case}");
    }
}

/// `foo=bar baz=blah` as labels.
fn pairs(text: &str) -> Value {
    let pairs = text.split_whitespace().filter_map(|pair| pair.split_once('='));
    Value::Object(pairs.map(|(key, value)| (key.to_owned(), value.into())).collect())
}

/// Terms separated by ` ; `, requirements by ` & `: `foo In bar,baz`; of the field `metadata.name` with `@` before it.
fn terms(text: &str) -> Value {
    let requirement = |text: &str| {
        let mut words = text.trim_start_matches('@').splitn(3, ' ');
        let [key, operator] = [(); 2].map(|()| words.next().unwrap());
        let values: Vec<&str> = words.next().map(|values| values.split(',').collect()).unwrap_or_default();
        json!({"key": key, "operator": operator, "values": values})
    };
    let term = |text: &str| {
        let of = |fields: bool| {
            let requirements = text.split(" & ").filter(|one| !one.is_empty() && one.starts_with('@') == fields);
            requirements.map(requirement).collect::<Value>()
        };
        json!({"matchExpressions": of(false), "matchFields": of(true)})
    };
    text.split(" ; ").map(term).collect()
}

#[test]
fn node_selectors_and_affinity_match_as_upstream_has_it() {
    for (case, selector, required, labels, name, want) in
        upstream::AFFINITY_FILTER.into_iter().chain(upstream::SELECTOR_TERMS)
    {
        let mut spec = json!({"nodeSelector": pairs(selector)});
        if let Some(required) = required {
            let selector = json!({"nodeSelectorTerms": terms(required)});
            spec["affinity"] = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": selector}});
        }
        assert_eq!(refusals(&spec, roomy(name, &json!({}), &pairs(labels)), &[]), want, "{case}");
    }
}

#[test]
fn affinity_without_terms_matches_no_node() {
    // TestPodMatchesNodeSelectorAndAffinityTerms: "Pod with a nil []NodeSelectorTerm in affinity", and with an empty one.
    for terms in [Value::Null, json!([])] {
        let selector = json!({"nodeSelectorTerms": terms});
        let spec = json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": selector}}});
        assert_eq!(refusals(&spec, roomy("n", &json!({}), &json!({})), &[]), ["Affinity"], "{terms}");
    }
}

#[test]
fn resources_fit_as_upstream_has_it() {
    for (case, requests, init, held, want) in upstream::ENOUGH_REQUESTS {
        let spec = json!({"containers": containers(requests), "initContainers": containers(init)});
        assert_eq!(refusals(&spec, roomy("n", &json!({}), &json!({})), &[held]), want, "{case}");
    }
}

#[test]
fn overhead_and_pod_slots_count_as_upstream_has_it() {
    let node = || roomy("n", &json!({}), &json!({}));
    for (case, overhead, want) in [
        ("resources + pod overhead fits", json!({"cpu": "3m", "memory": "13"}), &[][..]),
        ("requests + overhead does not fit for memory", json!({"cpu": "1m", "memory": "15"}), &["memory"]),
    ] {
        let spec = json!({"containers": containers(&[(1, 1, &[])]), "overhead": overhead});
        assert_eq!(refusals(&spec, node(), &[(5, 5, &[])]), want, "{case}");
    }
    // TestNotEnoughRequests: a node of one pod.
    let full = || {
        let mut node = node();
        node.allocatable.iter_mut().filter(|(name, _)| &**name == "pods").for_each(|(_, pods)| {
            *pods = crate::facts::quantity::Quantity::whole(1);
        });
        node
    };
    let rows: [(&str, &[TestAmounts], &[TestAmounts], TestAmounts); 4] = [
        ("even without specified resources, predicate fails", &[], &[], (10, 20, &[])),
        ("even if both resources fit, predicate fails", &[(1, 1, &[])], &[], (5, 5, &[])),
        ("even for equal edge case, predicate fails", &[(5, 1, &[])], &[], (5, 19, &[])),
        (
            "even for equal edge case, predicate fails due to init container",
            &[(5, 1, &[])],
            &[(5, 1, &[])],
            (5, 19, &[]),
        ),
    ];
    for (case, requests, init, held) in rows {
        let spec = json!({"containers": containers(requests), "initContainers": containers(init)});
        assert_eq!(refusals(&spec, full(), &[held]), ["pods"], "{case}");
    }
}

/// The report on a pod that requests 8 GPUs, on a cluster of `nodes` with these pods.
fn report(bench: &Bench, spec: &Value, nodes_known: Known<()>, pods_known: Known<()>) -> PlacementReport {
    let batch = waiting(spec);
    let (pod, _) = batch.iter().next().unwrap();
    let (nodes, pods) = bench.state().held_objects();
    let from = PlacementSource { nodes, pods, optional: bench.state().optional(), nodes_known, pods_known };
    let mut count = PlacementCount::new(from, &pod, pod.constraints.unwrap());
    while !count.advance(from, 3) {}
    count.into_report()
}

fn gpu_node(name: &str, gpus: i64, taint: &[&str]) -> NodeFacts {
    let mut node = roomy(name, &json!({"taints": taints(taint)}), &json!({}));
    node.allocatable.push((Clean::new("nvidia.com/gpu"), crate::facts::quantity::Quantity::whole(gpus)));
    node.allocatable.sort();
    node
}

/// 3 nodes whose GPUs are held, 3 with a taint, one of them cordoned too, one smaller, one without GPUs, one not Ready, one Unknown
/// and tainted.
fn mixed() -> Bench {
    let dedicated: &[&str] = &["dedicated inference NoSchedule"];
    let cordoned = NodeFacts { unschedulable: true, ..gpu_node("t3", 8, dedicated) };
    let lost = turned(&gpu_node("u1", 8, &["node.kubernetes.io/unreachable - NoExecute"]), ConditionStatus::Unknown, 0);
    let nodes = vec![
        gpu_node("h1", 8, &[]),
        gpu_node("h2", 8, &[]),
        gpu_node("h3", 8, &[]),
        gpu_node("t1", 8, dedicated),
        gpu_node("t2", 8, dedicated),
        cordoned,
        gpu_node("small", 4, &[]),
        roomy("cpu", &json!({}), &json!({})),
        turned(&gpu_node("r1", 8, &[]), ConditionStatus::False, 0),
        lost,
    ];
    let held = ["h1", "h2", "h3"].map(|node| crate::model::fixture::gpu_pod(node, node, 1));
    let pods = held.map(|pod| PodFacts {
        requests: crate::facts::pod::Requests { others: pod.requests.others, ..Default::default() },
        ..pod
    });
    Bench::with(nodes, &pods)
}

fn eight_gpus() -> Value {
    json!({"containers": containers(&[(1, 1, &[("nvidia.com/gpu", 8)])])})
}

#[test]
fn nodes_count_by_their_first_cause_and_add_up() {
    let report = report(&mixed(), &eight_gpus(), Known::Exact(()), Known::Exact(()));
    let counts: Vec<_> =
        report.causes.iter().map(|c| (c.cause.kind, &*c.cause.name, c.cause.shortage, c.nodes, c.alone)).collect();
    let gpu = "nvidia.com/gpu";
    let expected = [
        (CauseKind::NotReady, "", None, 2, 2),
        (CauseKind::Cordoned, "", None, 1, 0),
        (CauseKind::Taints, "dedicated=inference:NoSchedule", None, 2, 2),
        (CauseKind::Accelerators, gpu, Some(Shortage::Held), 3, 3),
        (CauseKind::Accelerators, gpu, Some(Shortage::TooSmall), 1, 1),
        (CauseKind::Accelerators, gpu, Some(Shortage::Absent), 1, 1),
    ];
    assert_eq!(counts, expected);
    assert_eq!((report.nodes, report.fits, report.bound()), (Known::Exact(10), 0, Bound::Exact));
    assert_eq!(report.refused(CauseKind::Accelerators), 5);
    let refused: u32 = report.causes.iter().map(|count| count.nodes).sum();
    assert_eq!(refused + report.fits, 10);
    let help = report.would_help().unwrap();
    assert_eq!((help.cause.kind, help.cause.shortage, help.alone), (CauseKind::Accelerators, Some(Shortage::Held), 3));
}

#[test]
fn a_request_beyond_every_node_is_named_and_a_resource_that_nobody_has_is_not() {
    let bench =
        Bench::with(vec![gpu_node("a", 4, &[]), gpu_node("b", 4, &[]), roomy("c", &json!({}), &json!({}))], &[]);
    let help = report(&bench, &eight_gpus(), Known::Exact(()), Known::Exact(()));
    let help = help.would_help().unwrap();
    assert_eq!((help.cause.shortage, help.alone), (Some(Shortage::TooSmall), 2));
    let bench = Bench::with(vec![roomy("c", &json!({}), &json!({}))], &[]);
    assert_eq!(report(&bench, &eight_gpus(), Known::Exact(()), Known::Exact(())).would_help(), None);
}

#[test]
fn pods_that_tolerate_everything_get_onto_nodes_that_are_not_ready() {
    let mut spec = eight_gpus();
    spec["tolerations"] = tolerations(&["- Exists - -"]);
    let report = report(&mixed(), &spec, Known::Exact(()), Known::Exact(()));
    // t1, t2, t3, r1 and u1.
    assert_eq!((report.fits, report.refused(CauseKind::NotReady), report.refused(CauseKind::Cordoned)), (5, 0, 0));
}

#[test]
fn what_is_not_known_makes_the_count_a_bound() {
    let bench = mixed();
    let bound = |nodes, pods| report(&bench, &eight_gpus(), nodes, pods).bound();
    assert_eq!(bound(Known::Exact(()), Known::AtLeast(())), Bound::AtMost, "pods of some namespaces");
    assert_eq!(bound(Known::Exact(()), Known::Unknown), Bound::AtMost, "pods are not listed yet");
    assert_eq!(bound(Known::Exact(()), Known::Denied), Bound::AtMost);
    assert_eq!(bound(Known::AtLeast(()), Known::Exact(())), Bound::AtLeast, "nodes are still listed");
    assert_eq!(bound(Known::AtLeast(()), Known::AtLeast(())), Bound::Unknown);
    let mut spec = eight_gpus();
    spec["volumes"] = json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
    let report = report(&bench, &spec, Known::Exact(()), Known::Exact(()));
    assert_eq!((report.bound(), report.not_evaluated), (Bound::AtMost, vec![NotEvaluated::Volumes]));
}

#[test]
fn taints_beyond_the_limit_are_counted_together() {
    let nodes = (0..300).map(|index| gpu_node(&format!("n{index}"), 8, &[&format!("own-{index} - NoSchedule")]));
    let report = report(&Bench::with(nodes.collect(), &[]), &eight_gpus(), Known::Exact(()), Known::Exact(()));
    assert_eq!((report.causes.len(), report.refused(CauseKind::Taints)), (257, 300));
    assert_eq!((&*report.causes[0].cause.name, report.causes[0].nodes), ("", 44));
}

#[test]
fn large_clusters_are_counted_in_slices_and_at_most_once_a_second() {
    let nodes: Vec<_> = (0..5_000).map(|index| gpu_node(&format!("n{index}"), 8, &[])).collect();
    let bench = Bench::with(nodes, &[]);
    let batch = waiting(&eight_gpus());
    let (pod, _) = batch.iter().next().unwrap();
    let (nodes, pods) = bench.state().held_objects();
    let known = Known::Exact(());
    let from =
        PlacementSource { nodes, pods, optional: bench.state().optional(), nodes_known: known, pods_known: known };
    let mut placement = Placement::default();
    placement.refresh(from, &pod, at(0).mono);
    assert!(placement.is_counting() && placement.report().is_none(), "nothing is said before all nodes were evaluated");
    placement.advance(from);
    placement.advance(from);
    let report = placement.report().unwrap();
    assert_eq!((report.fits, report.revisions), (5_000, [nodes.revision(), pods.revision()]));
    placement.refresh(from, &pod, at(10).mono);
    assert!(!placement.is_counting(), "nothing has changed");
    let other = PlacementSource { pods_known: Known::AtLeast(()), ..from };
    placement.refresh(other, &pod, at(500).mono);
    assert!(!placement.is_counting(), "half a second later");
    placement.refresh(other, &pod, at(1_500).mono);
    assert!(placement.is_counting() && placement.report().is_some(), "the last report stays");
    let bound = PodFacts { constraints: None, node: "n1", ..pod.clone() };
    placement.refresh(from, &bound, at(3_000).mono);
    assert!(placement.report().is_none() && !placement.is_counting(), "it has a node");
}

/// Upstream: `NodeAffinity.PreFilter` gives the names, and `node(s) didn't satisfy plugin(s) [NodeAffinity]` counts all other nodes,
/// whatever their taints (seen with kube-scheduler v1.34.1).
#[test]
fn a_pod_that_names_its_node_is_kept_from_all_others_by_affinity_whatever_their_taints() {
    let fields = |names: &[&str]| -> Value {
        names.iter().map(|name| json!({"key": "metadata.name", "operator": "In", "values": [name]})).collect()
    };
    let required = |terms: Value| json!({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}});
    let tainted = json!({"unschedulable": true, "taints": taints(&["k v NoSchedule"])});
    let first = |spec: &Value| refusals(spec, roomy("nodeA", &tainted, &json!({})), &[]).into_iter().next();
    let other = required(json!([{"matchFields": fields(&["nodeB"])}]));
    assert_eq!(first(&other).as_deref(), Some("Affinity"), "a pod of another node's DaemonSet");
    let own = required(json!([{"matchFields": fields(&["nodeA"])}, {"matchFields": fields(&["nodeB"])}]));
    assert_eq!(first(&own).as_deref(), Some("Cordoned"), "one of its nodes");
    let neither = required(json!([{"matchFields": fields(&["nodeA", "nodeB"])}]));
    assert_eq!(first(&neither).as_deref(), Some("Affinity"), "no node has both names");
    let open = required(
        json!([{"matchFields": fields(&["nodeB"])}, {"matchExpressions": [{"key": "k", "operator": "Exists"}]}]),
    );
    assert_eq!(first(&open).as_deref(), Some("Cordoned"), "a term without a name permits every node to be looked at");
}
