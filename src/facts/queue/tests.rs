use super::*;

/// Kueue's table as the API server makes it from the columns of the CRD.
const TABLE: &str = r#"{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"9"},
"columnDefinitions":[{"name":"Name","type":"string","format":"name"},{"name":"Queue","type":"string"},{"name":"Reserved in","type":"string"},
{"name":"Admitted","type":"string"},{"name":"Finished","type":"string"},{"name":"Age","type":"date"}],
"rows":[
{"cells":["jobset-vision-xl-4f1c0","team-a",null,null,null,"12m"],"object":{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1",
 "metadata":{"name":"jobset-vision-xl-4f1c0","namespace":"train","creationTimestamp":"2026-01-01T00:00:00Z",
 "labels":{"kueue.x-k8s.io/job-uid":"7d8b2c1e-0000-4000-8000-000000000001"},
 "ownerReferences":[{"apiVersion":"jobset.x-k8s.io/v1alpha2","kind":"JobSet","name":"vision-xl","controller":true}]}}},
{"cells":["job-b","team-a","gpus","False","","1m"],"object":{"metadata":{"name":"job-b","namespace":"train"}}},
{"cells":["job-c","team-a","gpus","True","","1m"],"object":{"metadata":{"name":"job-c","namespace":"train"}}},
{"cells":["job-d","team-a","gpus","True","True","1m"],"object":{"metadata":{"name":"job-d","namespace":"train"}}},
{"cells":[],"object":null}]}"#;

#[test]
fn the_workloads_of_a_table_have_their_owner_queue_and_state() {
    let entries = decode_workloads(TABLE.as_bytes()).unwrap();
    let states: Vec<_> = entries.iter().map(|entry| (&*entry.name, entry.state, &*entry.condition)).collect();
    let expected = [
        ("jobset-vision-xl-4f1c0", QueueState::Waiting, "QuotaReserved=False"),
        ("job-b", QueueState::Waiting, "Admitted=False"),
        ("job-c", QueueState::Admitted, ""),
        ("job-d", QueueState::Finished, ""),
    ];
    assert_eq!(states, expected);
    let first = &entries[0];
    assert_eq!(
        [&first.namespace, &first.owner_kind, &first.owner_name, &first.queue].map(|t| &**t),
        ["train", "JobSet", "vision-xl", "team-a"]
    );
    assert_eq!(first.owner_uid, Some(Uid::parse("7d8b2c1e-0000-4000-8000-000000000001")));
    assert_eq!(first.since, "2026-01-01T00:00:00Z".parse().ok());
    for body in ["{}", r#"{"kind":"WorkloadList","items":[]}"#, "<html>"] {
        assert!(decode_workloads(body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn of_a_page_that_is_longer_than_its_limit_500_objects_are_kept() {
    let rows = vec![r#"{"object":{"metadata":{"name":"job-b","namespace":"train"}}}"#; 501].join(",");
    let table = format!(r#"{{"kind":"Table","rows":[{rows}]}}"#);
    assert_eq!(decode_workloads(table.as_bytes()).unwrap().len(), 500);
    let groups = vec![r#"{"metadata":{"name":"g","namespace":"train"}}"#; 501].join(",");
    let list = format!(r#"{{"kind":"PodGroupList","metadata":{{}},"items":[{groups}]}}"#);
    let (head, groups) = decode_pod_groups(QueueSystem::Volcano, list.as_bytes()).unwrap();
    assert_eq!((head.objects, groups.len()), (501, 500));
}

fn workload(status: &str) -> QueueEntry {
    let body = format!(
        r#"{{"apiVersion":"kueue.x-k8s.io/v1beta2","kind":"Workload","metadata":{{"name":"w","namespace":"train"}},
        "spec":{{"queueName":"team-a","podSets":[{{"name":"leader","count":1,"template":{{"spec":{{"containers":[{{"name":"c","env":
        [{{"name":"TOKEN","value":"s3cret"}}]}}]}}}}}},{{"name":"workers","count":8}}]}},"status":{status}}}"#
    );
    let entry = decode_workload(body.as_bytes()).unwrap();
    assert!(!format!("{entry:?}").contains("s3cret"));
    assert_eq!((entry.wanted, &*entry.queue), (Some(9), "team-a"));
    entry
}

#[test]
fn a_workload_says_in_kueues_words_why_it_waits() {
    // kueue `pkg/scheduler/flavorassigner/flavorassigner.go`, and the reasons since 0.19.
    let message = "couldn't assign flavors to pod set workers: insufficient unused quota for nvidia.com/gpu in flavor h100, 8 more needed";
    let entry = workload(&format!(
        r#"{{"conditions":[{{"type":"QuotaReserved","status":"False","reason":"WaitingForQuota","message":"{message}",
        "lastTransitionTime":"2026-01-02T00:00:00Z"}}]}}"#
    ));
    let words = [&entry.condition, &entry.reason, &entry.message].map(|text| &**text);
    assert_eq!((entry.state, words), (QueueState::Waiting, ["QuotaReserved=False", "WaitingForQuota", message]));
    assert_eq!(entry.since, "2026-01-02T00:00:00Z".parse().ok());
    let entry = workload(
        r#"{"conditions":[{"type":"QuotaReserved","status":"True"},{"type":"Admitted","status":"False","reason":"UnsatisfiedAdmissionChecks",
        "message":"The workload has not all checks ready"}],"admissionChecks":[{"name":"prov","state":"Pending","message":"waiting for nodes"},
        {"name":"other","state":"Ready"}]}"#,
    );
    let words = [&entry.condition, &entry.reason, &entry.message].map(|text| &**text);
    assert_eq!(words, ["Admitted=False", "UnsatisfiedAdmissionChecks", "prov: Pending, waiting for nodes"]);
    let entry = workload(
        r#"{"conditions":[{"type":"Evicted","status":"True","reason":"Preempted","message":"Preempted to accommodate a workload"}]}"#,
    );
    assert_eq!([&entry.condition, &entry.reason].map(|text| &**text), ["Evicted=True", "Preempted"]);
    assert_eq!(&*workload("{}").condition, "QuotaReserved=False");
    let admitted = r#"{"conditions":[{"type":"QuotaReserved","status":"True"},{"type":"Admitted","status":"True"}]}"#;
    assert_eq!(workload(admitted).state, QueueState::Admitted);
    assert_eq!(workload(r#"{"conditions":[{"type":"Finished","status":"True"}]}"#).state, QueueState::Finished);
}

fn group(system: QueueSystem, spec: &str, status: &str) -> Option<QueueEntry> {
    let body = format!(
        r#"{{"kind":"PodGroupList","apiVersion":"x/v1","metadata":{{"resourceVersion":"9"}},"items":[{{"metadata":{{"name":"g",
        "namespace":"train","ownerReferences":[{{"kind":"Job","name":"llm","controller":true}}]}},"spec":{spec},"status":{status}}}]}}"#
    );
    let (head, entries) = decode_pod_groups(system, body.as_bytes()).unwrap();
    assert_eq!(head.unreadable, 0);
    entries.into_iter().next()
}

fn words(entry: &QueueEntry) -> (QueueState, [&str; 3]) {
    (entry.state, [&entry.condition, &entry.reason, &entry.message].map(|text| &**text))
}

#[test]
fn a_group_of_volcano_says_its_phase_and_the_reason() {
    let spec = r#"{"minMember":8,"queue":"research"}"#;
    let message = "8/8 tasks in gang unschedulable: pod group is not ready, 8 minAvailable, 8 Pending";
    let status = format!(
        r#"{{"phase":"Inqueue","conditions":[{{"type":"Unschedulable","status":"True","reason":"NotEnoughResources","message":"{message}"}}]}}"#
    );
    let entry = group(QueueSystem::Volcano, spec, &status).unwrap();
    assert_eq!(words(&entry), (QueueState::Waiting, ["phase Inqueue", "NotEnoughResources", message]));
    assert_eq!((entry.wanted, &*entry.queue, &*entry.owner_name), (Some(8), "research", "llm"));
    let state = |phase: &str| group(QueueSystem::Volcano, spec, &format!(r#"{{"phase":"{phase}"}}"#)).unwrap().state;
    assert_eq!(state("Pending"), QueueState::Waiting);
    assert_eq!(state("Running"), QueueState::Admitted);
    assert_eq!(state("Completed"), QueueState::Finished);
    assert_eq!(state("Unknown"), QueueState::Unknown);
    let new = group(QueueSystem::Volcano, spec, "{}").unwrap();
    assert_eq!(words(&new), (QueueState::Waiting, ["no phase yet", "", ""]));
    let entry = group(QueueSystem::Coscheduling, r#"{"minMember":3}"#, r#"{"phase":"Scheduling"}"#).unwrap();
    assert_eq!((words(&entry).1, entry.wanted), (["phase Scheduling", "", ""], Some(3)));
}

#[test]
fn a_group_of_kai_names_its_first_reason() {
    let status = r#"{"schedulingConditions":[{"type":"UnschedulableOnNodePool","nodePool":"default","status":"True","reason":"",
        "message":"","reasons":[{"reason":"NonPreemptibleOverQuota","message":"Workload requested 8 GPUs, but quota is 4"}]}]}"#;
    let entry = group(QueueSystem::Kai, r#"{"minMember":2,"queue":"q"}"#, status).unwrap();
    let expected =
        ["UnschedulableOnNodePool=True", "NonPreemptibleOverQuota", "Workload requested 8 GPUs, but quota is 4"];
    assert_eq!(words(&entry), (QueueState::Waiting, expected));
    assert_eq!(group(QueueSystem::Kai, "{}", "{}").unwrap().state, QueueState::Unknown);
}

#[test]
fn a_native_group_is_a_gang_only_with_the_policy_gang() {
    let gang = r#"{"schedulingPolicy":{"gang":{"minCount":4}}}"#;
    let waits = |kind: &str| {
        let status = format!(
            r#"{{"conditions":[{{"type":"{kind}","status":"False","reason":"Unschedulable","message":"0/3 nodes"}}]}}"#
        );
        group(QueueSystem::Native, gang, &status).unwrap()
    };
    for kind in ["PodGroupScheduled", "PodGroupInitiallyScheduled"] {
        let entry = waits(kind);
        assert_eq!(words(&entry), (QueueState::Waiting, [&*format!("{kind}=False"), "Unschedulable", "0/3 nodes"]));
        assert_eq!(entry.wanted, Some(4));
    }
    assert_eq!(
        group(QueueSystem::Native, gang, "{}").unwrap().state,
        QueueState::Unknown,
        "it writes nothing while it waits"
    );
    assert_eq!(group(QueueSystem::Native, r#"{"schedulingPolicy":{"basic":{}}}"#, "{}"), None);
}
