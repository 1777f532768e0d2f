use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::facts::gang::{GangSystem, Rank};

fn decode(json: &str) -> PodBatch {
    let mut batch = PodBatch::default();
    decode_object(json.as_bytes(), false, &mut batch).unwrap();
    batch
}

/// STATUS as it is shown, ready, total, restarts.
fn printed(spec: &str, status: &str, meta: &str) -> (String, u16, u16, u32) {
    let batch = decode(&format!(r#"{{"metadata":{{"name":"test1"{meta}}},"spec":{spec},"status":{status}}}"#));
    let (pod, _) = batch.iter().next().unwrap();
    let shown = if pod.reason.is_empty() { format!("{:?}", pod.phase) } else { pod.reason.to_owned() };
    (shown, pod.ready, pod.containers, pod.restarts)
}

const TWO: &str = r#"{"containers":[{"name":"a"},{"name":"b"}]}"#;
const INIT: &str = r#"{"initContainers":[{"name":"i1"},{"name":"i2"}],"containers":[{"name":"a"}]}"#;
const SIDECAR: &str =
    r#"{"initContainers":[{"name":"i1"},{"name":"s1","restartPolicy":"Always"}],"containers":[{"name":"a"}]}"#;

/// In the manner of kubectl's own `printers_test.go`, `TestPrintPod` and `TestPrintPodWithRestartableInitContainers`: spec, status,
/// and STATUS, ready/total, restarts.
const PRINTED: &[(&str, &str, &str)] = &[
    (
        TWO,
        r#"{"phase":"podPhase","containerStatuses":[{"ready":true,"restartCount":3,"state":{"running":{}}},{"restartCount":3}]}"#,
        "podPhase 1/2 6",
    ),
    (
        TWO,
        r#"{"phase":"podPhase","containerStatuses":[{"state":{"waiting":{"reason":"ContainerWaitingReason"}},"restartCount":3},{"state":{"waiting":{"reason":"Other"}},"restartCount":3}]}"#,
        "ContainerWaitingReason 0/2 6",
    ),
    (
        TWO,
        r#"{"phase":"podPhase","containerStatuses":[{"state":{"terminated":{"reason":"ContainerTerminatedReason"}},"restartCount":3}]}"#,
        "ContainerTerminatedReason 0/2 3",
    ),
    (
        TWO,
        r#"{"phase":"podPhase","containerStatuses":[{"state":{"terminated":{"signal":9}},"restartCount":3}]}"#,
        "Signal:9 0/2 3",
    ),
    (
        TWO,
        r#"{"phase":"Failed","containerStatuses":[{"state":{"terminated":{"exitCode":137}},"restartCount":3}]}"#,
        "ExitCode:137 0/2 3",
    ),
    (
        TWO,
        r#"{"phase":"Running","containerStatuses":[{"ready":true,"restartCount":3},{"ready":true,"restartCount":3,"state":{"running":{}}}]}"#,
        "Running 1/2 6",
    ),
    (TWO, r#"{"reason":"Evicted","phase":"Failed"}"#, "Evicted 0/2 0"),
    (
        TWO,
        r#"{"phase":"Running","containerStatuses":[{"state":{"terminated":{"reason":"Completed"}}},{"ready":true,"state":{"running":{}}}],"conditions":[{"type":"Ready","status":"True"}]}"#,
        "Running 1/2 0",
    ),
    (
        TWO,
        r#"{"phase":"Running","containerStatuses":[{"state":{"terminated":{"reason":"Completed"}}},{"ready":true,"state":{"running":{}}}]}"#,
        "NotReady 1/2 0",
    ),
    (
        TWO,
        r#"{"phase":"Succeeded","containerStatuses":[{"state":{"terminated":{"reason":"Completed"}}},{"state":{"terminated":{"reason":"Completed"}}}]}"#,
        "Completed 0/2 0",
    ),
    (
        TWO,
        r#"{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","reason":"SchedulingGated"}]}"#,
        "SchedulingGated 0/2 0",
    ),
    (
        TWO,
        r#"{"phase":"Pending","conditions":[{"type":"PodScheduled","status":"False","reason":"Unschedulable"}]}"#,
        "Pending 0/2 0",
    ),
    (
        INIT,
        r#"{"phase":"Pending","initContainerStatuses":[{"name":"i1","restartCount":2},{"name":"i2","restartCount":5}]}"#,
        "Init:0/2 0/1 2",
    ),
    (
        INIT,
        r#"{"phase":"Pending","initContainerStatuses":[{"name":"i1","restartCount":1,"state":{"terminated":{"exitCode":0}}},{"name":"i2","state":{"running":{}}}]}"#,
        "Init:1/2 0/1 1",
    ),
    (
        INIT,
        r#"{"phase":"Pending","initContainerStatuses":[{"name":"i1","state":{"waiting":{"reason":"PodInitializing"}}}]}"#,
        "Init:0/2 0/1 0",
    ),
    (
        INIT,
        r#"{"phase":"Pending","initContainerStatuses":[{"name":"i1","restartCount":3,"state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}"#,
        "Init:CrashLoopBackOff 0/1 3",
    ),
    (
        INIT,
        r#"{"phase":"Pending","initContainerStatuses":[{"name":"i1","state":{"terminated":{"exitCode":1,"reason":"Error"}}}]}"#,
        "Init:Error 0/1 0",
    ),
    (
        INIT,
        r#"{"phase":"Pending","initContainerStatuses":[{"name":"i1","state":{"terminated":{"exitCode":3}}}]}"#,
        "Init:ExitCode:3 0/1 0",
    ),
    (
        INIT,
        r#"{"phase":"Pending","initContainerStatuses":[{"name":"i1","state":{"terminated":{"exitCode":137,"signal":9}}}]}"#,
        "Init:Signal:9 0/1 0",
    ),
    // Once the pod is initialized the init containers' restarts no longer count, and the app containers speak.
    (
        INIT,
        r#"{"phase":"Running","initContainerStatuses":[{"name":"i1","restartCount":9,"state":{"terminated":{"exitCode":0}}},{"name":"i2","state":{"terminated":{"exitCode":0}}}],"containerStatuses":[{"ready":true,"restartCount":1,"state":{"running":{}}}]}"#,
        "Running 1/1 1",
    ),
    (
        INIT,
        r#"{"phase":"Running","conditions":[{"type":"Initialized","status":"True"}],"initContainerStatuses":[{"name":"i1","restartCount":9,"state":{"running":{}}}],"containerStatuses":[{"ready":true,"restartCount":1,"state":{"running":{}}}]}"#,
        "Init:0/2 1/1 1",
    ),
    (
        INIT,
        r#"{"phase":"Pending","initContainerStatuses":[{"name":"i1","state":{"terminated":{"exitCode":0}}},{"name":"i2","state":{"terminated":{"exitCode":0}}}],"containerStatuses":[{"state":{"waiting":{"reason":"PodInitializing"}}}]}"#,
        "PodInitializing 0/1 0",
    ),
    // Sidecars are containers of their own.
    (
        SIDECAR,
        r#"{"phase":"Running","initContainerStatuses":[{"name":"i1","restartCount":4,"state":{"terminated":{"exitCode":0}}},{"name":"s1","restartCount":2,"started":true,"ready":true,"state":{"running":{}}}],"containerStatuses":[{"ready":true,"restartCount":1,"state":{"running":{}}}]}"#,
        "Running 2/2 3",
    ),
    (
        SIDECAR,
        r#"{"phase":"Running","initContainerStatuses":[{"name":"i1","state":{"terminated":{"exitCode":0}}},{"name":"s1","started":true,"state":{"running":{}}}],"containerStatuses":[{"ready":true,"state":{"running":{}}}]}"#,
        "Running 1/2 0",
    ),
    (
        SIDECAR,
        r#"{"phase":"Pending","initContainerStatuses":[{"name":"i1","state":{"terminated":{"exitCode":0}}},{"name":"s1","started":false,"state":{"running":{}}}],"containerStatuses":[{"state":{"waiting":{"reason":"PodInitializing"}}}]}"#,
        "Init:1/2 0/2 0",
    ),
];

#[test]
fn status_ready_and_restarts_are_what_kubectl_prints() {
    for &(spec, status, expected) in PRINTED {
        let (shown, ready, total, restarts) = printed(spec, status, "");
        assert_eq!(format!("{shown} {ready}/{total} {restarts}"), expected, "{status}");
    }
}

#[test]
fn a_deleted_pod_is_terminating_unless_it_is_done_or_its_node_is_lost() {
    let deleted = r#","deletionTimestamp":"2026-01-01T00:00:00Z""#;
    let rows = [
        (r#"{"phase":"Running"}"#, "Terminating"),
        (
            r#"{"phase":"Pending","containerStatuses":[{"state":{"waiting":{"reason":"ImagePullBackOff"}}}]}"#,
            "Terminating",
        ),
        (r#"{"phase":"Running","reason":"NodeLost"}"#, "Unknown"),
        (r#"{"phase":"Succeeded"}"#, "Succeeded"),
        (r#"{"phase":"Failed","containerStatuses":[{"state":{"terminated":{"reason":"Error"}}}]}"#, "Error"),
        (r#"{"phase":"Quantum"}"#, "Terminating"),
    ];
    for (status, expected) in rows {
        assert_eq!(printed(TWO, status, deleted).0, expected, "{status}");
    }
}

#[test]
fn f71_a_phase_that_nobody_knows_is_shown_as_it_is_and_is_not_terminal() {
    let batch = decode(r#"{"metadata":{"name":"a"},"status":{"phase":"Quantum\u001b[2J"}}"#);
    let (pod, _) = batch.iter().next().unwrap();
    assert_eq!((pod.phase, pod.reason), (PodPhase::Unknown, "Quantum␛[2J"));
    assert!(!pod.phase.is_terminal());
}

#[test]
fn every_fact_of_a_pod_is_read() {
    let json = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web-1","namespace":"shop","uid":"0fc6c3e4-1a2b-4c3d-8e9f-0123456789ab",
        "resourceVersion":"123456789012","creationTimestamp":"2026-11-23T06:00:00Z","deletionTimestamp":"2026-11-23T07:00:00Z",
        "labels":{"app":"web"},"annotations":{"kubernetes.io/config.mirror":"abc","x":{"odd":[1]}},"managedFields":[{"fieldsV1":{"f:a":{}}}],
        "ownerReferences":[{"kind":"Node","name":"no","controller":false},{"kind":"ReplicaSet","name":"web","controller":true}]},
        "spec":{"nodeName":"n1","containers":[{"name":"a","env":[{"name":"X","value":"y"}],"resources":{"requests":{"cpu":"250m","memory":"1Gi"},
        "limits":{"cpu":"2","nvidia.com/gpu":"2"}}}]},"status":{"phase":"Running","containerStatuses":[{"name":"a","ready":true,
        "restartCount":4,"state":{"running":{"startedAt":"2026-11-23T06:00:00Z"}}}]}}"#;
    let mut batch = PodBatch::default();
    decode_object(json.as_bytes(), true, &mut batch).unwrap();
    let expected = PodFacts {
        namespace: "shop",
        name: "web-1",
        uid: Uid(0x0fc6_c3e4_1a2b_4c3d_8e9f_0123_4567_89ab),
        version: 123_456_789_012,
        node: "n1",
        owner_kind: "ReplicaSet",
        owner_name: "web",
        phase: PodPhase::Running,
        reason: "Terminating",
        deleting: true,
        mirror: true,
        containers: 1,
        ready: 1,
        restarts: 4,
        created: Some("2026-11-23T06:00:00Z".parse().unwrap()),
        since: Some(Since { basis: SinceBasis::Deletion, at: "2026-11-23T07:00:00Z".parse().unwrap() }),
        requests: Requests {
            cpu: Quantity::from_nano(250_000_000),
            memory: Quantity::whole(1 << 30),
            others: vec![("nvidia.com/gpu", Quantity::whole(2))],
        },
        trouble: Some(PodTrouble {
            kind: TroubleKind::Terminating,
            message: "",
            image: "",
            device: "",
            since: Some(Since { basis: SinceBasis::Deletion, at: "2026-11-23T07:00:00Z".parse().unwrap() }),
        }),
        gang: None,
        constraints: None,
    };
    assert_eq!(batch.iter().collect::<Vec<_>>(), [(expected, true)]);
}

#[test]
fn odd_fields_read_as_absent_and_never_cost_the_pod() {
    let odd = [
        "null",
        "7",
        "-1.5",
        "\"text\"",
        "[]",
        "{}",
        "[[{}]]",
        "true",
        "[null,7,{\"name\":null}]",
        "{\"a\":{\"b\":[]}}",
    ];
    let paths = [
        r#""metadata":{"name":"a","namespace":@,"uid":@,"resourceVersion":@,"creationTimestamp":@,"labels":@,"annotations":@,"ownerReferences":@}"#,
        r#""metadata":{"name":"a"},"spec":@,"status":@"#,
        r#""metadata":{"name":"a"},"spec":{"nodeName":@,"containers":@,"initContainers":@,"overhead":@,"resources":@}"#,
        r#""metadata":{"name":"a"},"spec":{"containers":[{"name":@,"restartPolicy":@,"resources":@},{"resources":{"requests":@,"limits":@}}]}"#,
        r#""metadata":{"name":"a"},"spec":{"containers":[{"resources":{"requests":{"cpu":@,"x/y":@},"limits":{"x/y":@}}}]}"#,
        r#""metadata":{"name":"a"},"status":{"phase":@,"reason":@,"conditions":@,"containerStatuses":@,"initContainerStatuses":@}"#,
        r#""metadata":{"name":"a"},"status":{"conditions":[{"type":@,"status":@,"reason":@}],"containerStatuses":[{"name":@,"ready":@,"started":@,"restartCount":@,"state":@,"allocatedResources":@,"resources":@}]}"#,
        r#""metadata":{"name":"a"},"status":{"containerStatuses":[{"state":{"waiting":@,"running":@,"terminated":@}},{"state":{"terminated":{"reason":@,"exitCode":@,"signal":@}}}]}"#,
    ];
    for path in paths {
        for value in odd {
            let batch = decode(&format!("{{{}}}", path.replace('@', value)));
            let (pod, _) = batch.iter().next().unwrap();
            assert_eq!(pod.name, "a");
            assert!(pod.requests.cpu.nano().abs() <= 7_000_000_000, "{path} {value}");
        }
    }
}

#[test]
fn f75_a_pod_without_containers_asks_for_its_overhead() {
    for containers in ["[]", "null", "[null]", "[{}]"] {
        let batch = decode(&format!(
            r#"{{"metadata":{{"name":"a"}},"spec":{{"containers":{containers},"overhead":{{"cpu":"1"}}}}}}"#
        ));
        let (pod, _) = batch.iter().next().unwrap();
        assert_eq!(pod.requests, Requests { cpu: Quantity::whole(1), ..Requests::default() }, "{containers}");
        assert_eq!(pod.ready, 0);
    }
}

#[test]
fn f75_no_more_containers_are_ready_than_there_are() {
    let status = r#"{"phase":"Running","containerStatuses":[{"name":"c","ready":true,"state":{"running":{}}}]}"#;
    assert_eq!(printed("{}", status, ""), ("Running".to_owned(), 0, 0, 0));
}

#[test]
fn f81_huge_restart_counts_saturate() {
    let status = r#"{"containerStatuses":[{"restartCount":2147483647},{"restartCount":9223372036854775807},{"restartCount":1}]}"#;
    assert_eq!(printed(TWO, status, "").3, u32::MAX);
    assert_eq!(printed(TWO, r#"{"containerStatuses":[{"restartCount":-5}]}"#, "").3, 0);
}

#[test]
fn f82_times_that_cannot_be_read_are_none() {
    let created = |time: &str| {
        let batch = decode(&format!(r#"{{"metadata":{{"name":"a","creationTimestamp":{time}}}}}"#));
        let (pod, _) = batch.iter().next().unwrap();
        pod.created.map(jiff::Timestamp::as_second)
    };
    let none = [
        "null",
        "\"\"",
        "\"0001-01-01T00:00:00Z\"",
        "\"2026-11-23T06:00:00\"",
        "\"yesterday\"",
        "1700000000",
        "\"2026-13-01T00:00:00Z\"",
    ];
    for time in none {
        assert_eq!(created(time), None, "{time}");
    }
    let some = [
        ("2023-11-14T22:13:20Z", 1_700_000_000),
        ("2023-11-14T22:13:20.999999Z", 1_700_000_000),
        ("2023-11-15T00:13:20+02:00", 1_700_000_000),
        ("2016-12-31T23:59:60Z", 1_483_228_799),
        ("2999-01-01T00:00:00Z", 32_472_144_000),
    ];
    for (time, second) in some {
        assert_eq!(created(&format!("\"{time}\"")), Some(second), "{time}");
    }
}

#[test]
fn something_else_is_no_pod_and_leaves_the_batch_alone() {
    let mut batch = PodBatch::default();
    for json in [r#"{"kind":"Node","metadata":{"name":"n"}}"#, r#"{"kind":"Status","code":410}"#, "{}", "null", "[", ""]
    {
        assert!(decode_object(json.as_bytes(), false, &mut batch).is_err(), "{json}");
    }
    assert_eq!(batch, PodBatch::default());
}

#[test]
fn a_batch_cleans_what_is_put_into_it() {
    let mut batch = PodBatch::default();
    let pod = PodFacts { name: "a\x1b[2J", node: "n\u{202e}1", reason: "x\ny", ..PodFacts::default() };
    batch.push(&pod, false);
    let (held, _) = batch.iter().next().unwrap();
    assert_eq!((held.name, held.node, held.reason), ("a␛[2J", "n1", "x y"));
}

#[test]
fn a_recorded_batch_with_bad_spans_or_raw_text_is_refused() {
    let mut batch = PodBatch::default();
    let mut pod = PodFacts { namespace: "default", name: "pod-1", ..PodFacts::default() };
    pod.requests.others = vec![("nvidia.com/gpu", Quantity::whole(1))];
    batch.push(&pod, false);
    let json = serde_json::to_string(&batch).unwrap();
    assert_eq!(serde_json::from_str::<PodBatch>(&json).unwrap(), batch);
    let tampered = [
        json.replace("pod-1", "pod"),
        json.replace("pod-1", "pod-\u{e9}"),
        json.replace("pod-1", "\\u001b[2J1"),
        json.replace(r#""others_len":1"#, r#""others_len":2"#),
        json.replace(r#""others_at":0"#, r#""others_at":4294967295"#),
    ];
    for bad in tampered {
        assert_ne!(bad, json);
        assert!(serde_json::from_str::<PodBatch>(&bad).is_err(), "{bad}");
    }
}

#[test]
fn a_page_of_pods_costs_a_handful_of_allocations_and_clearing_keeps_them() {
    let mut batch = PodBatch::default();
    let fill = |batch: &mut PodBatch| {
        for number in 0..500 {
            let name = format!("web-{number}");
            let mut pod = PodFacts { namespace: "default", name: &name, node: "n1", ..PodFacts::default() };
            pod.requests.others = vec![("nvidia.com/gpu", Quantity::whole(1))];
            batch.push(&pod, false);
        }
    };
    fill(&mut batch);
    let bytes = batch.bytes();
    assert!(bytes < 500 * 400, "{bytes}");
    batch.clear();
    assert!(batch.is_empty());
    fill(&mut batch);
    assert_eq!(batch.bytes(), bytes);
    assert_eq!(batch.len(), 500);
}

prop_compose! {
    fn any_text()(text in "[ -~äé漢]{0,12}") -> String { text }
}

#[derive(Clone, Debug)]
struct Owned {
    texts: Vec<String>,
    numbers: (u128, u64, i128, i128, u32, u16),
    flags: (bool, bool, bool),
    others: Vec<(String, i128)>,
    phase: usize,
}

fn any_owned() -> impl Strategy<Value = Owned> {
    let numbers = (any::<u128>(), any::<u64>(), any::<i128>(), any::<i128>(), any::<u32>(), any::<u16>());
    let others = vec((any_text(), any::<i128>()), 0..4);
    (vec(any_text(), 6), numbers, any::<(bool, bool, bool)>(), others, 0_usize..5)
        .prop_map(|(texts, numbers, flags, others, phase)| Owned { texts, numbers, flags, others, phase })
}

impl Owned {
    fn facts(&self) -> PodFacts<'_> {
        let (uid, version, cpu, memory, restarts, count) = self.numbers;
        PodFacts {
            namespace: &self.texts[0],
            name: &self.texts[1],
            uid: Uid(uid),
            version,
            node: &self.texts[2],
            owner_kind: &self.texts[3],
            owner_name: &self.texts[4],
            phase: [PodPhase::Pending, PodPhase::Running, PodPhase::Succeeded, PodPhase::Failed, PodPhase::Unknown]
                [self.phase],
            reason: &self.texts[5],
            deleting: self.flags.0,
            mirror: self.flags.1,
            containers: count,
            ready: count / 2,
            restarts,
            created: self.flags.2.then(|| Timestamp::from_second(restarts.into()).unwrap()),
            since: self
                .flags
                .0
                .then(|| Since { basis: SinceBasis::NotReady, at: Timestamp::from_second(count.into()).unwrap() }),
            requests: Requests {
                cpu: Quantity::from_nano(cpu),
                memory: Quantity::from_nano(memory),
                others: self
                    .others
                    .iter()
                    .map(|(name, amount)| (name.as_str(), Quantity::from_nano(*amount)))
                    .collect(),
            },
            trouble: self.flags.1.then(|| PodTrouble {
                kind: TroubleKind::CrashLoop,
                message: &self.texts[1],
                image: &self.texts[2],
                device: &self.texts[3],
                since: None,
            }),
            gang: self.flags.2.then(|| GangMember {
                system: GangSystem::JobSet,
                kind: &self.texts[4],
                key: &self.texts[0],
                name: &self.texts[5],
                rank: Some(Rank::of(count)),
                size: self.flags.0.then_some(count),
            }),
            constraints: None,
        }
    }
}

proptest! {
    #[test]
    fn pods_come_out_of_a_batch_as_they_went_in(pods in vec((any_owned(), any::<bool>()), 0..12)) {
        let mut batch = PodBatch::default();
        for (pod, removed) in &pods {
            batch.push(&pod.facts(), *removed);
        }
        let expected: Vec<_> = pods.iter().map(|(pod, removed)| (pod.facts(), *removed)).collect();
        prop_assert_eq!(batch.len(), expected.len());
        prop_assert_eq!(batch.iter().collect::<Vec<_>>(), expected.clone());
        let again: PodBatch = serde_json::from_str(&serde_json::to_string(&batch).unwrap()).unwrap();
        prop_assert_eq!(again.iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn pieces_of_json_in_any_order_give_pods_or_an_error(pieces in vec(0_usize..16, 0..30)) {
        let words = [
            "{", "}", "[", "]", ",", ":", "null", "1", "\"items\":[", "\"metadata\":{\"name\":\"a\"}", "{\"metadata\":{\"name\":\"b\"}}",
            "\"spec\":{\"containers\":[", "\"x\"", "\u{e9}", "{\"items\":[", "]}",
        ];
        let body: String = pieces.into_iter().map(|piece| words[piece]).collect();
        let mut batch = PodBatch::default();
        if let Ok(head) = decode_list(body.as_bytes(), &mut batch) {
            prop_assert_eq!(batch.len(), head.objects as usize);
            prop_assert!(body.contains("\"items\""));
        }
    }
}
