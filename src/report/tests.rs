use serde_json::json;

use super::*;
use crate::facts::node::{ConditionStatus, NodeFacts, NodeTaint};
use crate::model::fixture::{Bench, failure, gpu_node, gpu_pod, node, pod, turned};
use crate::msg::{CallEnd, CallKind, ClusterEvent, ProbeOutcome};

/// Three nodes, two with GPUs, and five pods, counted by hand below.
fn small() -> Bench {
    let mut lost = turned(&gpu_node("n2", 8, 8), ConditionStatus::False, 60_000);
    lost.unschedulable = true;
    let mut worker = node("n10");
    worker.labels = vec![("node-role.kubernetes.io/worker".into(), "".into())];
    let pods = [gpu_pod("a", "n1", 2), pod("b", "n1"), pod("c", "n10"), pod("d", ""), pod("lost", "gone")];
    let mut bench = Bench::with(vec![gpu_node("n1", 8, 5), lost, worker], &pods);
    let url = "https://prod.example:6443".into();
    bench.send(ClusterEvent::Server { url, insecure: false });
    bench.probe(ProbeOutcome::Answered { latency: std::time::Duration::from_micros(21_500) });
    bench.call(CallKind::Work, 21, CallEnd::Complete, Some(200));
    bench.call(CallKind::List(crate::msg::Resource::Pods), 30_000, CallEnd::TimedOut, None);
    bench.prepare();
    bench
}

fn as_json(bench: &Bench) -> serde_json::Value {
    serde_json::to_value(snapshot(&bench.model, bench.now())).unwrap()
}

#[test]
fn the_json_of_a_small_cluster_is_what_a_person_counts() {
    let bench = small();
    let gpu = |requested, free, withdrawn| json!({ "resource": "nvidia.com/gpu", "kind": "device", "capacity": 8, "allocatable": 8 - withdrawn, "requested": requested, "free": free, "unschedulable": 0, "withdrawn": withdrawn, "missing": null, "overRequested": 0 });
    let gpu_n2 = json!({ "resource": "nvidia.com/gpu", "kind": "device", "capacity": 8, "allocatable": 8, "requested": 0, "free": 0, "unschedulable": 8, "withdrawn": 0, "missing": null, "overRequested": 0 });
    let ready = |status, since| json!([{ "type": "Ready", "status": status, "since": since, "reason": "KubeletSays", "message": "" }]);
    let pods = |bound| json!({ "bound": bound, "terminating": 0, "daemonSet": 0, "static": 0, "allocatable": 10 });
    let amounts = |requested, allocatable, capacity| json!({ "requested": requested, "allocatable": allocatable, "capacity": capacity });
    // Half a core and 1 GiB a pod; 4 cores, 8 GiB and 10 pods a node.
    let resources = |cpu, memory, pods| json!({ "cpu": amounts(cpu, "4", "4"), "memory": amounts(memory, "8589934592", "8589934592"), "pods": amounts(pods, "10", "10") });
    let with_gpus = |mut all: serde_json::Value, gpus| {
        all["nvidia.com/gpu"] = gpus;
        all
    };
    let common = |mut item: serde_json::Value| {
        for (key, value) in [
            ("taints", json!([])),
            ("pressures", json!([])),
            ("flapping", json!(false)),
            ("migInvalid", json!(false)),
            ("model", json!(null)),
            ("version", json!("v1.30.4")),
            ("created", json!("2023-11-14T22:13:20Z")),
            ("usage", json!(null)),
            ("dra", json!(null)),
            ("lease", json!(null)),
        ] {
            item[key] = value;
        }
        item
    };
    let expected = json!({
        "apiVersion": "watchbell/v1",
        "kind": "Snapshot",
        "time": "2023-11-14T22:13:20Z",
        "clusters": [{
            "context": "prod",
            "server": "https://prod.example:6443",
            "state": "slow",
            "nodes": { "state": "complete", "total": 3, "ready": 2, "notReady": 1, "unknown": 0, "cordoned": 1, "unreadable": 0 },
            "accelerators": [{
                "resource": "nvidia.com/gpu", "kind": "device", "capacity": 16, "allocatable": 13, "requested": 2, "free": 3, "unschedulable": 8,
                "withdrawn": 3, "missing": null, "overRequested": 0, "nodes": 2
            }],
            "pods": {
                "state": "complete", "namespaces": null, "bound": 4, "terminating": 0, "daemonSet": 0, "static": 0, "allocatable": 30, "unscheduled": 1,
                "orphaned": 1, "unreadable": 0
            },
            // The pod on the node that is gone counts for no node.
            "resources": {
                "cpu": amounts("1.5", "12", "12"), "memory": amounts("3221225472", "25769803776", "25769803776"),
                "nvidia.com/gpu": amounts("2", "13", "16"), "pods": amounts("3", "30", "30")
            },
            "usage": { "visible": false, "reason": "not read yet", "ageSeconds": null },
            "dra": { "visible": false, "reason": "not read yet", "drivers": null, "network": null, "stray": null, "taintRules": null, "taintRulesNotEvaluated": null, "extendedResources": [] },
            "leases": { "visible": false, "reason": "not read yet" },
            "api": {
                "probeP50Ms": 21.5, "probeP50AtLeast": false, "probeP95Ms": 21.5, "probeP95AtLeast": false, "timeouts": 1, "requests": 2
            },
            "smallerPages": [], "errors": [],
            "items": [
                common(json!({
                    "name": "n1", "status": "Ready", "statusSince": "2023-11-14T22:13:20Z", "roles": [], "pods": pods(2),
                    "conditions": ready("True", "2023-11-14T22:13:20Z"), "accelerators": [gpu(2, 3, 3)],
                    "ready": true, "cordoned": false, "schedulable": true, "unschedulableReason": null,
                    "resources": with_gpus(resources("1", "2147483648", "2"), amounts("2", "5", "8"))
                })),
                common(json!({
                    "name": "n2", "status": "NotReady,SchedulingDisabled", "statusSince": "2023-11-14T22:14:20Z", "roles": [],
                    "conditions": ready("False", "2023-11-14T22:14:20Z"), "pods": pods(0), "accelerators": [gpu_n2],
                    "ready": false, "cordoned": true, "schedulable": false, "unschedulableReason": "NotReady",
                    "resources": with_gpus(resources("0", "0", "0"), amounts("0", "8", "8"))
                })),
                common(json!({
                    "name": "n10", "status": "Ready", "statusSince": "2023-11-14T22:13:20Z", "roles": ["worker"], "pods": pods(1),
                    "conditions": ready("True", "2023-11-14T22:13:20Z"), "accelerators": [],
                    "ready": true, "cordoned": false, "schedulable": true, "unschedulableReason": null,
                    "resources": resources("0.5", "1073741824", "1")
                }))
            ]
        }]
    });
    assert_eq!(as_json(&bench), expected);
    assert!(snapshot(&bench.model, bench.now()).complete());
}

#[test]
fn readiness_cordon_and_what_keeps_pods_away_are_fields_of_their_own() {
    let cordoned = NodeFacts { unschedulable: true, ..node("c") };
    let lost = turned(&cordoned, ConditionStatus::Unknown, 0);
    let no_condition = NodeFacts { conditions: Vec::new(), ..node("n") };
    let taint = |key: &str, effect: &str| NodeTaint { key: key.into(), effect: effect.into(), ..NodeTaint::default() };
    let tainted = NodeFacts {
        taints: vec![
            taint("soft", "PreferNoSchedule"),
            taint("nvidia.com/gpu", "NoSchedule"),
            taint("a/b", "NoExecute"),
        ],
        ..node("t")
    };
    let deleting = NodeFacts { deleting: true, ..node("d") };
    let of = |node: NodeFacts| {
        let bench = Bench::with(vec![node], &[]);
        let item = as_json(&bench)["clusters"][0]["items"][0].clone();
        ["status", "ready", "cordoned", "schedulable", "unschedulableReason"].map(|field| item[field].clone())
    };
    let ready = "Ready,SchedulingDisabled";
    assert_eq!(of(cordoned), [json!(ready), json!(true), json!(true), json!(false), json!("cordoned")]);
    let both = [json!("Unknown,SchedulingDisabled"), json!(null), json!(true), json!(false), json!("Unknown")];
    assert_eq!(of(NodeFacts { name: "u".into(), ..lost }), both);
    assert_eq!(of(no_condition), [json!("Unknown"), json!(null), json!(false), json!(false), json!("Unknown")]);
    assert_eq!(of(tainted), [json!("Ready"), json!(true), json!(false), json!(false), json!("tainted a/b:NoExecute")]);
    assert_eq!(of(deleting), [json!("Ready"), json!(true), json!(false), json!(false), json!("being deleted")]);
    assert_eq!(of(node("ok")), [json!("Ready"), json!(true), json!(false), json!(true), json!(null)]);
}

#[test]
fn what_is_not_known_is_null_with_a_state() {
    let bench = Bench::new(&["prod"]);
    let cluster = &as_json(&bench)["clusters"][0];
    let nothing = json!({ "state": "unknown", "total": null, "ready": null, "notReady": null, "unknown": null, "cordoned": null, "unreadable": 0 });
    assert_eq!(cluster["nodes"], nothing);
    for field in ["bound", "terminating", "daemonSet", "static", "allocatable", "unscheduled", "orphaned"] {
        assert_eq!(cluster["pods"].get(field), Some(&json!(null)), "{field}");
    }
    assert_eq!((&cluster["pods"]["state"], &cluster["resources"]), (&json!("unknown"), &json!(null)));
    assert_eq!((&cluster["accelerators"], &cluster["items"]), (&json!(null), &json!(null)));
    assert_eq!(cluster["api"]["probeP50Ms"], json!(null));
    assert!(!snapshot(&bench.model, bench.now()).complete());
}

#[test]
fn a_list_that_runs_gives_no_totals() {
    let mut bench = Bench::new(&["prod"]);
    bench.send(ClusterEvent::ListStarted { resource: crate::msg::Resource::Nodes, generation: 1 });
    bench.page_of_nodes(1, 1, vec![gpu_node("n1", 8, 8)]);
    let cluster = &as_json(&bench)["clusters"][0];
    assert_eq!((&cluster["nodes"]["state"], &cluster["nodes"]["total"]), (&json!("loading"), &json!(null)));
    assert_eq!(cluster["accelerators"], json!(null));
    assert_eq!(
        cluster["items"][0]["pods"],
        json!({ "bound": null, "terminating": null, "daemonSet": null, "static": null, "allocatable": 10 })
    );
    let gpu = &cluster["items"][0]["accelerators"][0];
    assert_eq!((&gpu["free"], &gpu["overRequested"], &gpu["withdrawn"]), (&json!(null), &json!(null), &json!(0)));
    assert_eq!(cluster["items"][0]["accelerators"][0]["requested"], json!(null));
}

/// Nodes with 10 places and 8 GPUs; namespace a has a pod with 2 GPUs, b may not be listed.
fn scoped(namespaces: &[&str]) -> Bench {
    let mut bench = Bench::scoped(namespaces);
    bench.list_nodes(1, vec![gpu_node("n1", 8, 8), gpu_node("n2", 8, 8)]);
    bench.sync(crate::msg::Resource::Nodes, crate::msg::SyncState::Watching);
    let held = gpu_pod("p1", "n1", 2);
    bench.list_pods_in(0, &[crate::facts::pod::PodFacts { namespace: "a", ..held }]);
    bench.prepare();
    bench
}

#[test]
fn f23_pods_of_some_namespaces_are_partial_with_lower_bounds_and_nothing_is_free() {
    let bench = scoped(&["a"]);
    let cluster = &as_json(&bench)["clusters"][0];
    assert_eq!(cluster["state"], "partial");
    assert_eq!(
        cluster["pods"],
        json!({ "state": "partial", "namespaces": [{ "name": "a", "state": "complete" }], "bound": 1, "terminating": 0, "daemonSet": 0,
            "static": 0, "allocatable": 20, "unscheduled": 0, "orphaned": 0, "unreadable": 0 })
    );
    let gpu = &cluster["accelerators"][0];
    assert_eq!((&gpu["requested"], &gpu["free"]), (&json!(2), &json!(null)));
    let item = &cluster["items"][0]["accelerators"][0];
    assert_eq!((&item["requested"], &item["free"]), (&json!(2), &json!(null)));
    assert_eq!(cluster["items"][1]["pods"]["bound"], json!(0), "of these namespaces, as `pods.state` says");
    assert!(snapshot(&bench.model, bench.now()).complete(), "all that was asked for");
    let text = table(&snapshot(&bench.model, bench.now()));
    for part in [
        "prod  partial",
        "pods >=1/20",
        "(partial, only of a)",
        "requested >=2",
        "free ?",
        ">=1/10",
        "nvidia.com/gpu >=2/8/8",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn f23_a_namespace_that_may_not_be_listed_is_named_and_missing() {
    let mut bench = scoped(&["a", "b"]);
    let loading = &as_json(&bench)["clusters"][0]["pods"];
    assert_eq!((&loading["state"], &loading["bound"]), (&json!("loading"), &json!(null)), "b is not read yet");
    bench.denied_in(1);
    let pods = &as_json(&bench)["clusters"][0]["pods"];
    let namespaces = json!([{ "name": "a", "state": "complete" }, { "name": "b", "state": "denied" }]);
    assert_eq!((&pods["state"], &pods["bound"], &pods["namespaces"]), (&json!("partial"), &json!(1), &namespaces));
    assert!(!snapshot(&bench.model, bench.now()).complete());
    assert!(table(&snapshot(&bench.model, bench.now())).contains("(partial, only of a; b denied)"));
}

#[test]
fn denied_pods_leave_the_nodes_and_are_null() {
    let mut bench = Bench::new(&["prod"]);
    bench.list_nodes(1, vec![gpu_node("n1", 8, 8)]);
    bench.denied(crate::msg::Resource::Pods);
    let cluster = &as_json(&bench)["clusters"][0];
    assert_eq!((&cluster["state"], &cluster["nodes"]["ready"]), (&json!("denied"), &json!(1)));
    let pods = &cluster["pods"];
    assert_eq!((&pods["state"], &pods["bound"], &pods["orphaned"]), (&json!("denied"), &json!(null), &json!(null)));
    assert_eq!((&pods["allocatable"], &pods["unscheduled"]), (&json!(10), &json!(null)));
    assert_eq!(cluster["accelerators"][0]["requested"], json!(null));
    assert_eq!(cluster["errors"][0]["text"], "connection refused", "the reason is there");
}

#[test]
fn old_data_is_stale_and_not_complete() {
    let mut bench = small();
    bench.waiting(crate::msg::Resource::Nodes, Layer::Connect);
    let cluster = &as_json(&bench)["clusters"][0];
    assert_eq!((&cluster["nodes"]["state"], &cluster["nodes"]["total"]), (&json!("stale"), &json!(3)));
    assert!(!snapshot(&bench.model, bench.now()).complete());
}

#[test]
fn errors_name_their_layer_and_repeat_only_when_they_differ() {
    let mut bench = Bench::new(&["prod"]);
    for (ms, layer) in [(0, Layer::FirstByte), (1000, Layer::Connect), (2000, Layer::Connect)] {
        bench.ms = ms;
        let failure = failure(layer, bench.now().wall);
        bench.send(ClusterEvent::Failed(Box::new(failure)));
    }
    let errors = &as_json(&bench)["clusters"][0]["errors"];
    let expected = json!([
        { "time": "2023-11-14T22:13:22Z", "layer": "connect", "request": "list pods", "code": null, "text": "connection refused", "attempt": 1 },
        { "time": "2023-11-14T22:13:20Z", "layer": "firstByte", "request": "list pods", "code": null, "text": "connection refused", "attempt": 1 },
    ]);
    assert_eq!(errors, &expected);
}

#[test]
fn the_table_is_aligned_plain_text() {
    let mut bench = small();
    bench.send(ClusterEvent::Failed(Box::new(failure(Layer::Body, bench.now().wall))));
    let expected = "\
prod  slow  https://prod.example:6443
nodes 2/3 ready, 1 NotReady, 0 Unknown, 1 cordoned (complete)  pods 4/30, 0 terminating, 1 unscheduled, \
1 on unknown nodes (complete)  api p50 21.5 ms p95 21.5 ms, 1 timeout, 2 requests
nvidia.com/gpu (device)  requested 2  allocatable 13  capacity 16  free 3  not schedulable 8  unhealthy 3  not registered ?  over-requested 0  on 2 nodes
NAME   STATUS                        ROLES    PODS   ACCELERATORS
n1     Ready                         <none>   2/10   nvidia.com/gpu 2/5/8 (3 unhealthy)
n2     NotReady,SchedulingDisabled   <none>   0/10   nvidia.com/gpu 0/8/8
n10    Ready                         worker   1/10   <none>
error: 2023-11-14T22:13:20Z list pods (body), attempt 1: connection refused
";
    assert_eq!(table(&snapshot(&bench.model, bench.now())), expected);
}

#[test]
fn the_table_says_what_it_does_not_know() {
    let bench = Bench::new(&["one", "two"]);
    let text = table(&snapshot(&bench.model, bench.now()));
    assert!(
        text.starts_with("one  loading\nnodes ?/? ready, ? NotReady, ? Unknown, ? cordoned (unknown)  pods ?/?"),
        "{text}"
    );
    assert_eq!(text.matches("(unknown)").count(), 4);
    assert!(text.contains("\n\ntwo  loading\n"), "{text}");
}

#[test]
fn text_from_outside_cannot_write_to_the_terminal() {
    let hostile = NodeFacts { name: "n\u{1b}[31m1".into(), ..node("n1") };
    let bench = Bench::with(vec![hostile], &[]);
    assert!(!table(&snapshot(&bench.model, bench.now())).contains('\u{1b}'));
}
