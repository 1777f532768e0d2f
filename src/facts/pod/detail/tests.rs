use super::*;

fn at(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

/// Every kind of container and every state; written by hand after the API's types.
const POD: &str = r#"{
"metadata":{"name":"llm-0","namespace":"train","uid":"00000000-0000-0000-0000-000000000007","resourceVersion":"12",
  "creationTimestamp":"2026-03-01T14:00:00Z","deletionTimestamp":"2026-03-01T15:00:00Z",
  "ownerReferences":[{"kind":"Job","name":"llm","controller":true}]},
"spec":{"nodeName":"n1","priorityClassName":"high","serviceAccountName":"trainer",
  "resourceClaims":[{"name":"gpu","resourceClaimTemplateName":"one-gpu"},{"name":"nic","resourceClaimName":"shared-nic"}],
  "initContainers":[
    {"name":"fetch","image":"fetch:1"},
    {"name":"proxy","image":"envoy:1","restartPolicy":"Always","resources":{"requests":{"cpu":"100m"}}}],
  "containers":[
    {"name":"trainer","image":"llm:2","resources":{"requests":{"cpu":"8","memory":"64Gi","nvidia.com/gpu":"1"},"limits":{"memory":"64Gi","nvidia.com/gpu":1}}},
    {"name":"logs","image":"fluent:3"},{"name":"new","image":"new:1"}],
  "ephemeralContainers":[{"name":"debugger","image":"busybox"}]},
"status":{"phase":"Running","qosClass":"Burstable","podIP":"10.1.2.3","startTime":"2026-03-01T14:00:03Z",
  "conditions":[{"type":"Ready","status":"False","reason":"ContainersNotReady","message":"no","lastTransitionTime":"2026-03-01T14:10:00Z"},
    {"type":"Odd","status":"Maybe"}],
  "resourceClaimStatuses":[{"name":"gpu","resourceClaimName":"llm-0-gpu-x7k"}],
  "initContainerStatuses":[
    {"name":"proxy","ready":true,"started":true,"restartCount":0,"state":{"running":{"startedAt":"2026-03-01T14:00:20Z"}}},
    {"name":"fetch","ready":true,"restartCount":0,"state":{"terminated":{"exitCode":0,"reason":"Completed","finishedAt":"2026-03-01T14:00:10Z"}}}],
  "containerStatuses":[
    {"name":"trainer","ready":false,"restartCount":12,"state":{"waiting":{"reason":"CrashLoopBackOff","message":"back-off 5m0s"}},
     "lastState":{"terminated":{"exitCode":137,"reason":"OOMKilled","startedAt":"2026-03-01T14:09:00Z","finishedAt":"2026-03-01T14:10:00Z"}},
     "allocatedResourcesStatus":[{"name":"claim:gpu","resources":[{"resourceID":"gpu.nvidia.com/GPU-1","health":"Unhealthy"}]}]},
    {"name":"logs","ready":true,"restartCount":1,"state":{"running":{"startedAt":"2026-03-01T14:00:30Z"}}}]}}"#;

#[test]
fn every_container_is_there_with_its_kind_and_state() {
    let pod = PodDetail::decode(POD.as_bytes()).unwrap();
    let kinds: Vec<_> = pod.containers.iter().map(|c| (&*c.name, c.kind)).collect();
    assert_eq!(
        kinds,
        [
            ("fetch", ContainerKind::Init),
            ("proxy", ContainerKind::Sidecar),
            ("trainer", ContainerKind::App),
            ("logs", ContainerKind::App),
            ("new", ContainerKind::App),
            ("debugger", ContainerKind::Ephemeral),
        ]
    );
    let [fetch, proxy, trainer, _, new, debugger] = &pod.containers[..] else { panic!("six containers") };
    assert!(matches!(&fetch.state, ContainerState::Ended(e) if e.exit_code == Some(0) && &*e.reason == "Completed"));
    assert_eq!(proxy.state, ContainerState::Running { since: at("2026-03-01T14:00:20Z") });
    let waiting = ContainerState::Waiting { reason: "CrashLoopBackOff".into(), message: "back-off 5m0s".into() };
    assert_eq!((&trainer.state, trainer.restarts, trainer.ready), (&waiting, 12, Some(false)));
    let last = trainer.last.as_ref().unwrap();
    assert_eq!((&*last.reason, last.exit_code, last.finished), ("OOMKilled", Some(137), at("2026-03-01T14:10:00Z")));
    assert_eq!(trainer.devices.len(), 1);
    assert_eq!((&*trainer.devices[0].resource, &*trainer.devices[0].health), ("claim:gpu", "Unhealthy"));
    let limits: Vec<_> = trainer.limits.iter().map(|(name, amount)| (&**name, amount.value())).collect();
    assert_eq!(limits, [("memory", 64 << 30), ("nvidia.com/gpu", 1)]);
    assert_eq!((&new.state, &debugger.state), (&ContainerState::Unknown, &ContainerState::Unknown));
}

#[test]
fn the_pod_itself_is_reported_as_kubectl_shows_it() {
    let pod = PodDetail::decode(POD.as_bytes()).unwrap();
    assert_eq!((&*pod.status, pod.ready, pod.restarts), ("Terminating", (2, 4), 13), "as `kubectl get pod` 1.32");
    assert_eq!((&*pod.owner, &*pod.node, &*pod.qos), ("Job/llm", "n1", "Burstable"));
    assert_eq!((pod.created, pod.deleting), (at("2026-03-01T14:00:00Z"), at("2026-03-01T15:00:00Z")));
    let claims: Vec<_> = pod.claims.iter().map(|c| (&*c.name, &*c.claim, &*c.template)).collect();
    assert_eq!(claims, [("gpu", "llm-0-gpu-x7k", "one-gpu"), ("nic", "shared-nic", "")]);
    let requests: Vec<_> = pod.requests.iter().map(|(name, amount)| (&**name, amount.milli())).collect();
    assert_eq!(requests, [("cpu", 8_100), ("memory", (64 << 30) * 1000), ("nvidia.com/gpu", 1_000)]);
    assert_eq!(pod.conditions[1].status, ConditionStatus::Other("Maybe".into()), "F71: verbatim");
}

#[test]
fn f75_a_pod_without_readable_containers_is_a_pod() {
    for spec in ["{}", r#"{"containers":null}"#, r#"{"containers":[{},7,null]}"#, r#"{"containers":"many"}"#] {
        let body = format!(r#"{{"metadata":{{"name":"p"}},"spec":{spec},"status":{{"containerStatuses":[3,{{}}]}}}}"#);
        let pod = PodDetail::decode(body.as_bytes()).unwrap();
        assert_eq!((&*pod.name, &*pod.status, pod.restarts), ("p", "Unknown", 0), "{spec}");
    }
}

#[test]
fn f81_f82_absurd_numbers_and_times_cost_only_themselves() {
    let body = r#"{"metadata":{"name":"p","creationTimestamp":"0001-01-01T00:00:00Z"},"spec":{"containers":[{"name":"c"}]},
        "status":{"phase":"Quantum","startTime":"soon","containerStatuses":[{"name":"c","restartCount":99999999999,
        "state":{"terminated":{"exitCode":"9","signal":9,"finishedAt":7}}}]}}"#;
    let pod = PodDetail::decode(body.as_bytes()).unwrap();
    assert_eq!((pod.created, pod.started), (None, None));
    assert_eq!(pod.containers[0].restarts, u32::MAX);
    let ContainerState::Ended(ended) = &pod.containers[0].state else { panic!("it has ended") };
    assert_eq!((ended.exit_code, ended.signal, ended.finished), (None, Some(9), None));
    assert!(!pod.ended, "F71: a phase that we do not know is not terminal");
}

#[test]
fn f79_no_text_of_a_hostile_pod_carries_an_escape() {
    let hostile = "x\\u001b]52;c;eA==\\u0007\\u009b2J\\u202ey";
    let body = POD.replace("trainer", hostile).replace("back-off 5m0s", hostile).replace("OOMKilled", hostile);
    let pod = PodDetail::decode(body.as_bytes()).unwrap();
    let text = serde_json::to_string(&pod).unwrap();
    assert!(text.contains("52;c;eA=="), "the text itself is kept");
    // In JSON a control character would be an escape of its own.
    assert!(!text.contains("\\u") && !text.chars().any(|c| c.is_control() || c == '\u{202e}'), "{text}");
}

#[test]
fn what_is_no_pod_is_refused() {
    for body in ["[]", "{}", r#"{"kind":"Node","metadata":{"name":"n"}}"#, "<html>"] {
        assert!(PodDetail::decode(body.as_bytes()).is_err(), "{body}");
    }
}
