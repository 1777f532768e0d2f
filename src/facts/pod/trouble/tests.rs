//! Trouble by the reasons of kubelet and scheduler. Sources: docs/pods.md.

use super::*;
use crate::facts::pod::{PodBatch, decode_object};

/// Trouble of a pod with this spec and status as `Kind message image device`.
fn trouble(spec: &str, status: &str, meta: &str) -> Option<String> {
    let json = format!(
        r#"{{"metadata":{{"name":"p","creationTimestamp":"2026-01-01T00:00:00Z"{meta}}},"spec":{{{spec}"containers":[{{"name":"c"}}]}},"status":{{{status}}}}}"#
    );
    let mut batch = PodBatch::default();
    decode_object(json.as_bytes(), false, &mut batch).unwrap();
    let (pod, _) = batch.iter().next().unwrap();
    let PodTrouble { kind, message, image, device, .. } = pod.trouble?;
    Some(format!("{kind:?}|{message}|{image}|{device}"))
}

const BOUND: &str = r#""nodeName":"n","#;

fn waiting(reason: &str) -> String {
    format!(
        r#""phase":"Pending","containerStatuses":[{{"name":"c","image":"registry.example/llm:9","state":{{"waiting":{{"reason":"{reason}","message":"why"}}}}}}]"#
    )
}

#[test]
fn waiting_reasons_have_the_kind_that_upstream_gives_them() {
    use TroubleKind::{CrashLoop, FailedStart, ImagePull, Starting};
    let rows = [
        // pkg/kubelet/images/types.go
        ("ErrImagePull", ImagePull),
        ("ImagePullBackOff", ImagePull),
        ("ErrImageNeverPull", ImagePull),
        ("InvalidImageName", ImagePull),
        ("ImageInspectError", ImagePull),
        ("RegistryUnavailable", ImagePull),
        ("SignatureValidationFailed", ImagePull),
        // pkg/kubelet/kuberuntime/kuberuntime_container.go, pkg/kubelet/container/sync_result.go
        ("CreateContainerConfigError", FailedStart),
        ("CreateContainerError", FailedStart),
        ("RunContainerError", FailedStart),
        ("PreCreateHookError", FailedStart),
        ("PreStartHookError", FailedStart),
        ("PostStartHookError", FailedStart),
        ("CrashLoopBackOff", CrashLoop),
        // pkg/kubelet/kubelet_pods.go: on its way.
        ("ContainerCreating", Starting),
        ("PodInitializing", Starting),
    ];
    for (reason, kind) in rows {
        let expected =
            if kind == Starting { "Starting|||".to_owned() } else { format!("{kind:?}|why|registry.example/llm:9|") };
        assert_eq!(trouble(BOUND, &waiting(reason), ""), Some(expected), "{reason}");
    }
}

#[test]
fn a_crash_loop_says_how_the_container_ended() {
    let crashed = |last: &str| {
        format!(
            r#""phase":"Running","containerStatuses":[{{"name":"c","state":{{"waiting":{{"reason":"CrashLoopBackOff","message":"back-off 5m0s"}}}},"lastState":{last}}}]"#
        )
    };
    let rows = [
        (r#"{"terminated":{"exitCode":137,"reason":"OOMKilled"}}"#, "CrashLoop|OOMKilled, exit code 137||"),
        (r#"{"terminated":{"exitCode":1}}"#, "CrashLoop|exit code 1||"),
        ("{}", "CrashLoop|back-off 5m0s||"),
    ];
    for (last, expected) in rows {
        assert_eq!(trouble(BOUND, &crashed(last), "").as_deref(), Some(expected), "{last}");
    }
}

#[test]
fn a_pod_without_a_node_has_the_words_of_the_scheduler() {
    let scheduled = |condition: &str| format!(r#""phase":"Pending","conditions":[{condition}]"#);
    let rows = [
        (
            r#"{"type":"PodScheduled","status":"False","reason":"Unschedulable","message":"0/104 nodes are available: 60 Insufficient nvidia.com/gpu."}"#,
            "Unschedulable|0/104 nodes are available: 60 Insufficient nvidia.com/gpu.||",
        ),
        (r#"{"type":"PodScheduled","status":"False","reason":"SchedulerError","message":"x"}"#, "Unschedulable|x||"),
        (
            r#"{"type":"PodScheduled","status":"False","reason":"SchedulingGated","message":"Scheduling is blocked due to non-empty scheduling gates"}"#,
            "Gated|Scheduling is blocked due to non-empty scheduling gates||",
        ),
        ("", "Unscheduled|||"),
    ];
    for (condition, expected) in rows {
        assert_eq!(trouble("", &scheduled(condition), "").as_deref(), Some(expected), "{condition}");
    }
}

#[test]
fn a_pod_that_runs_is_in_trouble_only_if_it_is_not_ready_or_holds_an_unhealthy_device() {
    let running = |more: &str| format!(r#""phase":"Running",{more}"#);
    let ready = r#""conditions":[{"type":"Ready","status":"True"}]"#;
    let not_ready = r#""conditions":[{"type":"Ready","status":"False","reason":"ContainersNotReady","message":"containers with unready status: [c]"}]"#;
    let completed = r#""conditions":[{"type":"Ready","status":"False","reason":"PodCompleted"}]"#;
    let devices = |health: &str| {
        format!(
            r#"{ready},"containerStatuses":[{{"name":"c","ready":true,"allocatedResourcesStatus":[{{"name":"nvidia.com/gpu","resources":[
            {{"resourceID":"GPU-1","health":"Healthy"}},{{"resourceID":"GPU-2","health":"{health}","message":"Xid 79"}}]}}]}}]"#
        )
    };
    let rows = [
        (ready.to_owned(), None),
        (not_ready.to_owned(), Some("NotReady|containers with unready status: [c]||")),
        (completed.to_owned(), None),
        (r#""containerStatuses":[{"name":"c","ready":false}]"#.to_owned(), Some("NotReady|||")),
        (devices("Unhealthy"), Some("DeviceUnhealthy|Xid 79||nvidia.com/gpu GPU-2")),
        // A device of which nothing is known is no trouble of the pod.
        (devices("Unknown"), None),
        (devices("Healthy"), None),
    ];
    for (status, expected) in rows {
        assert_eq!(trouble(BOUND, &running(&status), "").as_deref(), expected, "{status}");
    }
}

#[test]
fn a_pod_that_is_deleted_terminates_and_one_that_has_ended_is_in_no_trouble() {
    let deleted = r#","deletionTimestamp":"2026-01-01T00:01:00Z""#;
    assert_eq!(trouble(BOUND, &waiting("ErrImagePull"), deleted).as_deref(), Some("Terminating|||"));
    for phase in ["Succeeded", "Failed"] {
        assert_eq!(trouble(BOUND, &format!(r#""phase":"{phase}""#), deleted), None, "{phase}");
    }
    assert_eq!(trouble(BOUND, r#""phase":"Quantum""#, "").as_deref(), Some("NotReady|||"));
}

#[test]
fn odd_values_cost_only_themselves() {
    for odd in ["null", "7", "[]", "{}", "\"x\"", "[null,7,{}]"] {
        let status = format!(
            r#""phase":"Pending","containerStatuses":[{{"name":"c","image":{odd},"lastState":{odd},"allocatedResourcesStatus":{odd},
            "state":{{"waiting":{{"reason":"ErrImagePull","message":{odd}}}}}}}]"#
        );
        let found = trouble(BOUND, &status, "").unwrap();
        assert!(found.starts_with("ImagePull|"), "{odd}: {found}");
    }
}
