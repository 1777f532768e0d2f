use serde_json::json;

use super::*;
use crate::facts::node::{ConditionStatus, NodeFacts, NodeTaint};
use crate::facts::pod::{self, PodBatch, PodConstraints, PodFacts, PodPhase};
use crate::model::fixture::{Bench, failure, gpu_node, gpu_pod, node, pod as running, turned};
use crate::msg::{CallEnd, CallKind, ClusterEvent, ProbeOutcome, Resource};

/// Three nodes, two with GPUs, and five pods, counted by hand below.
fn small() -> Bench {
    let mut lost = turned(&gpu_node("n2", 8, 8), ConditionStatus::False, 60_000);
    lost.unschedulable = true;
    let mut worker = node("n10");
    worker.labels = vec![("node-role.kubernetes.io/worker".into(), "".into())];
    let constraints = PodConstraints::default();
    let waiting = PodFacts { phase: PodPhase::Pending, constraints: Some(&constraints), ..running("d", "") };
    let pods = [gpu_pod("a", "n1", 2), running("b", "n1"), running("c", "n10"), waiting, running("lost", "gone")];
    let mut bench = Bench::with(vec![gpu_node("n1", 8, 5), lost, worker], &pods);
    let url = "https://prod.example:6443".into();
    bench.send(ClusterEvent::Server { url, insecure: false });
    bench.probe(ProbeOutcome::Answered { latency: std::time::Duration::from_micros(21_500) });
    bench.call(CallKind::Work, 21, CallEnd::Complete, Some(200));
    bench.call(CallKind::List(crate::msg::Resource::Pods), 30_000, CallEnd::TimedOut, None);
    bench.prepare();
    bench
}

/// The pod `lost` of [`small`], whose node is gone.
fn lost_pod() -> serde_json::Value {
    json!({
        "namespace": "ns", "name": "lost", "uid": null, "state": "node lost", "reason": "Running", "message": null, "since": null,
        "restarts": 0, "node": "gone", "owner": null, "gang": null, "accelerators": []
    })
}

/// The pod `d` of [`small`], which waits: n1 and n10 have room for half a core and 1 GiB; n2 is not Ready, which comes before its cordon.
fn waiting_pod() -> serde_json::Value {
    json!({
        "namespace": "ns", "name": "d", "gang": null, "since": null, "requests": { "cpu": "0.5", "memory": "1073741824" },
        "scheduler": { "text": null, "ageSeconds": null }, "queue": null,
        "now": {
            "fits": 2, "notEvaluated": [],
            "causes": {
                "accelerators": 0, "cpu": 0, "memory": 0, "podSlots": 0, "otherResources": 0, "taints": 0, "selector": 0,
                "affinity": 0, "cordoned": 0, "notReady": 1
            }
        }
    })
}

/// Alerts of [`small`]: the node that is not ready has no pods, and one pod requests the devices of which three are lost.
fn firing() -> serde_json::Value {
    let hits = |pods: u32, accelerators, at_most, namespaces: serde_json::Value| {
        json!({
            "pods": pods, "atMost": at_most, "accelerators": accelerators, "gangs": [], "moreGangs": 0, "namespaces": namespaces,
            "moreNamespaces": 0
        })
    };
    let alert = |reason, subject: serde_json::Value, text, hits: serde_json::Value| {
        let state = if hits.is_null() { "none" } else { "complete" };
        json!({
            "severity": "warning", "reason": reason, "subject": subject, "text": text, "since": "2023-11-14T22:13:20Z", "hits": hits,
            "hitsState": state
        })
    };
    let in_ns = json!([{ "name": "ns", "pods": 1 }]);
    json!([
        alert(
            "GpusWithdrawn",
            json!("n1/nvidia.com/gpu"),
            "node n1 3 of 8 nvidia.com/gpu unhealthy",
            hits(1, 2, true, in_ns)
        ),
        alert(
            "NodeNotReady",
            json!("n2"),
            "node n2 NotReady since 22:14:20Z (KubeletSays)",
            hits(0, 0, false, json!([]))
        ),
        alert("SlowCall", json!(null), "pods list page 3 took 30s (limit 10s), no response", json!(null)),
    ])
}

#[test]
fn the_hits_of_an_alert_say_how_well_pods_are_known() {
    let mut bench = Bench::new(&["prod"]);
    bench.list_nodes(1, vec![turned(&node("a"), ConditionStatus::False, 0)]);
    let hits = |bench: &mut Bench| {
        bench.wait_live(5);
        let json = as_json(bench);
        let alerts = json["clusters"][0]["alerts"].as_array().unwrap();
        let alert = alerts.iter().find(|alert| alert["reason"] == "NodeNotReady").unwrap();
        (alert["hits"]["pods"].clone(), alert["hitsState"].clone())
    };
    assert_eq!(hits(&mut bench), (json!(null), json!("unknown")));
    bench.denied(crate::msg::Resource::Pods);
    assert_eq!(hits(&mut bench), (json!(null), json!("denied")));
    bench.list_pods(1, &[running("x", "a")]);
    bench.watching();
    assert_eq!(hits(&mut bench), (json!(1), json!("complete")));
}

fn as_json(bench: &Bench) -> serde_json::Value {
    serde_json::to_value(snapshot(&bench.model, bench.now())).unwrap()
}

/// Adds the fields that all nodes of the small cluster have in common.
fn common(mut item: serde_json::Value) -> serde_json::Value {
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
            "trouble": [lost_pod()], "pending": [waiting_pod()],
            "gangs": [],
            "alerts": firing(),
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

/// A pod of namespace `train`, decoded from JSON.
fn decoded(name: &str, spec: &serde_json::Value, status: &serde_json::Value) -> PodBatch {
    let metadata = json!({ "name": name, "namespace": "train", "uid": "9a2b8f2e-61a5-4a4f-8f1d-5b1c4f3f0a10",
        "creationTimestamp": "2023-11-14T22:00:00Z", "labels": { "leaderworkerset.sigs.k8s.io/group-key": "f0e1" },
        "ownerReferences": [{ "kind": "Job", "name": "llm", "controller": true }] });
    let mut batch = PodBatch::default();
    let object = json!({ "metadata": metadata, "spec": spec, "status": status }).to_string();
    pod::decode_object(object.as_bytes(), false, &mut batch).unwrap();
    batch
}

#[test]
fn a_pod_in_trouble_says_since_when_and_why_in_the_words_of_the_kubelet() {
    let containers =
        json!([{ "name": "c", "resources": { "limits": { "nvidia.com/gpu": "8", "nvidia.com/gpumem": "7" } } }]);
    let pulling = decoded(
        "puller",
        &json!({ "nodeName": "n1", "containers": containers }),
        &json!({ "phase": "Pending",
            "conditions": [{ "type": "PodScheduled", "status": "True", "lastTransitionTime": "2023-11-14T22:01:00Z" }],
            "containerStatuses": [{ "name": "c", "restartCount": 0,
                "state": { "waiting": { "reason": "ImagePullBackOff", "message": "Back-off pulling image \"r/x\"" } } }] }),
    );
    let ill = decoded(
        "ill",
        &json!({ "nodeName": "n1", "containers": [{ "name": "c" }] }),
        &json!({ "phase": "Running",
            "conditions": [{ "type": "Ready", "status": "False", "lastTransitionTime": "2023-11-14T22:02:00Z" }],
            "containerStatuses": [{ "name": "c", "restartCount": 3, "state": { "running": {} },
                "allocatedResourcesStatus": [{ "name": "nvidia.com/gpu",
                    "resources": [{ "resourceID": "GPU-1f", "health": "Unhealthy" }] }] }] }),
    );
    let pods: Vec<_> = [&pulling, &ill].into_iter().flat_map(|batch| batch.iter().map(|(pod, _)| pod)).collect();
    let json = as_json(&Bench::with(vec![gpu_node("n1", 8, 8)], &pods));
    let of = |name: &str, own: serde_json::Value| {
        let mut pod = json!({ "namespace": "train", "name": name, "uid": "9a2b8f2e-61a5-4a4f-8f1d-5b1c4f3f0a10", "node": "n1",
            "owner": { "kind": "Job", "name": "llm" }, "gang": "f0e1" });
        pod.as_object_mut().unwrap().extend(own.as_object().unwrap().clone());
        pod
    };
    let expected = json!([
        of(
            "ill",
            json!({ "state": "device unhealthy", "reason": "Running", "message": "nvidia.com/gpu GPU-1f", "restarts": 3,
            "since": "2023-11-14T22:02:00Z", "accelerators": [] })
        ),
        of(
            "puller",
            json!({ "state": "image pull", "reason": "ImagePullBackOff", "message": "Back-off pulling image \"r/x\"",
            "restarts": 0, "since": "2023-11-14T22:01:00Z", "accelerators": [{ "resource": "nvidia.com/gpu", "count": 8 }] })
        ),
    ]);
    assert_eq!(json["clusters"][0]["trouble"], expected);
    assert_eq!(json["clusters"][0]["pending"], json!([]), "none waits, and that is known");
}

#[test]
fn a_pod_that_waits_has_the_schedulers_words_and_the_nodes_as_of_now() {
    let spec = json!({ "containers": [{ "name": "c", "resources": { "requests": { "cpu": "1500m", "nvidia.com/gpu": "8" } } }],
        "nodeSelector": { "pool": "h100" }, "volumes": [{ "name": "v", "persistentVolumeClaim": { "claimName": "data" } }] });
    let status = json!({ "phase": "Pending", "conditions": [{ "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/4 nodes are available", "lastTransitionTime": "2023-11-14T22:05:00Z" }] });
    let waiting = decoded("waits", &spec, &status);
    let pool = |mut node: NodeFacts| {
        node.labels = vec![("pool".into(), "h100".into())];
        node
    };
    // One takes it, one has seven healthy devices, one is cordoned, and one is of another pool.
    let cordoned = NodeFacts { unschedulable: true, ..pool(gpu_node("n3", 8, 8)) };
    let nodes = vec![pool(gpu_node("n1", 8, 8)), pool(gpu_node("n2", 8, 7)), cordoned, gpu_node("n4", 8, 8)];
    let pods: Vec<_> = waiting.iter().map(|(pod, _)| pod).collect();
    let json = as_json(&Bench::with(nodes, &pods));
    let expected = json!([{
        "namespace": "train", "name": "waits", "gang": "f0e1", "since": "2023-11-14T22:05:00Z",
        "requests": { "cpu": "1.5", "nvidia.com/gpu": "8" },
        "scheduler": { "text": "0/4 nodes are available", "ageSeconds": null }, "queue": null,
        "now": {
            "fits": 1, "notEvaluated": ["volumes"],
            "causes": {
                "accelerators": 1, "cpu": 0, "memory": 0, "podSlots": 0, "otherResources": 0, "taints": 0, "selector": 1,
                "affinity": 0, "cordoned": 1, "notReady": 0
            }
        }
    }]);
    assert_eq!(json["clusters"][0]["pending"], expected);
}

#[test]
fn pods_that_wait_for_the_same_share_one_evaluation_of_the_nodes() {
    let of = |name: &str, gpus: &str| {
        let requests =
            json!({ "containers": [{ "name": "c", "resources": { "requests": { "nvidia.com/gpu": gpus } } }] });
        decoded(name, &requests, &json!({ "phase": "Pending" }))
    };
    let batches = [of("a", "8"), of("b", "8"), of("c", "4")];
    let pods: Vec<_> = batches.iter().flat_map(|batch| batch.iter().map(|(pod, _)| pod)).collect();
    let bench = Bench::with(vec![gpu_node("n1", 8, 8)], &pods);
    let pending = bench.model.clusters()[0].pending_pods();
    let shared = |a: usize, b: usize| {
        let placements = [a, b].map(|at| pending[at].placement.as_ref().unwrap());
        std::rc::Rc::ptr_eq(placements[0], placements[1])
    };
    assert!(shared(0, 1), "the same requests and constraints");
    assert!(!shared(0, 2), "other requests");
}

#[test]
fn lists_of_pods_are_null_until_pods_are_known_and_placements_until_nodes_are() {
    let waiting = decoded("waits", &json!({ "containers": [{ "name": "c" }] }), &json!({ "phase": "Pending" }));
    let pods: Vec<_> = waiting.iter().map(|(pod, _)| pod).collect();
    let mut bench = Bench::new(&["prod"]);
    bench.list_nodes(1, vec![node("n1")]);
    let cluster = &as_json(&bench)["clusters"][0];
    assert_eq!((&cluster["trouble"], &cluster["pending"]), (&json!(null), &json!(null)), "nothing is read yet");
    bench.page_of_pods(1, 0, &pods);
    assert_eq!(as_json(&bench)["clusters"][0]["pending"], json!(null), "the first list runs");
    bench.denied(crate::msg::Resource::Pods);
    assert_eq!(as_json(&bench)["clusters"][0]["trouble"], json!(null), "denied");
    let mut bench = Bench::new(&["prod"]);
    bench.list_pods(1, &pods);
    let pending = &as_json(&bench)["clusters"][0]["pending"];
    assert_eq!((&pending[0]["name"], &pending[0]["now"]), (&json!("waits"), &json!(null)));
}

#[test]
fn gangs_say_how_many_run_of_how_many_and_who_is_the_worst_off() {
    let of = |name: &str, index: u32, node: &str, size: Option<&str>| {
        let labels = json!({ "leaderworkerset.sigs.k8s.io/group-key": "f0e1", "leaderworkerset.sigs.k8s.io/name": "vllm",
            "leaderworkerset.sigs.k8s.io/group-index": "0", "leaderworkerset.sigs.k8s.io/worker-index": index.to_string() });
        let annotations = size.map_or(json!({}), |size| json!({ "leaderworkerset.sigs.k8s.io/size": size }));
        let object = json!({ "metadata": { "name": name, "namespace": "inference", "labels": labels, "annotations": annotations },
            "spec": { "nodeName": node, "containers": [{ "name": "c", "resources": { "requests": { "nvidia.com/gpu": "8" } } }] },
            "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }],
                "containerStatuses": [{ "name": "c", "ready": true, "state": { "running": {} } }] } });
        let mut batch = PodBatch::default();
        pod::decode_object(object.to_string().as_bytes(), false, &mut batch).unwrap();
        batch
    };
    let lost = turned(&gpu_node("n2", 8, 8), ConditionStatus::Unknown, 5_000);
    let gangs = |size| {
        let batches = [of("vllm-0", 0, "n1", size), of("vllm-0-1", 1, "n1", size), of("vllm-0-2", 2, "n2", size)];
        let pods: Vec<_> = batches.iter().flat_map(|batch| batch.iter().map(|(pod, _)| pod)).collect();
        let bench = Bench::with(vec![gpu_node("n1", 16, 16), lost.clone()], &pods);
        as_json(&bench)["clusters"][0]["gangs"].clone()
    };
    let expected = |wanted: serde_json::Value, at_least: serde_json::Value| {
        json!([{ "namespace": "inference", "name": "vllm-0", "kind": "LeaderWorkerSet", "wanted": wanted,
            "wantedAtLeast": at_least, "running": 2, "state": "node lost", "since": "2023-11-14T22:13:25Z",
            "accelerators": [{ "resource": "nvidia.com/gpu", "count": 24 }],
            "worst": { "pod": "vllm-0-2", "rank": 2, "node": "n2", "reason": "node Unknown" } }])
    };
    assert_eq!(gangs(Some("4")), expected(json!(4), json!(null)));
    assert_eq!(gangs(None), expected(json!(null), json!(3)));
    let mut bench = Bench::new(&["prod"]);
    assert_eq!(as_json(&bench)["clusters"][0]["gangs"], json!(null), "nothing is read yet");
    bench.list_pods(1, &[]);
    assert_eq!(as_json(&bench)["clusters"][0]["gangs"], json!([]));
    // A page of a list: the size is there, the others are not yet.
    let batches = [of("vllm-0", 0, "n1", Some("4")), of("vllm-0-1", 1, "n1", Some("4"))];
    let pods: Vec<_> = batches.iter().flat_map(|batch| batch.iter().map(|(pod, _)| pod)).collect();
    let mut bench = Bench::new(&["prod"]);
    bench.list_nodes(1, vec![gpu_node("n1", 16, 16)]);
    bench.send(ClusterEvent::ListStarted { resource: Resource::Pods, generation: 1 });
    bench.page_of_pods(1, 1, &pods);
    assert_eq!(as_json(&bench)["clusters"][0]["gangs"][0]["state"], json!(null));
    bench.send(ClusterEvent::ListFinished { resource: Resource::Pods, generation: 1 });
    assert_eq!(as_json(&bench)["clusters"][0]["gangs"][0]["state"], json!("incomplete"));
}
