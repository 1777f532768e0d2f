use super::*;
use crate::facts::gang::GangMember;
use crate::facts::text::Clean;
use crate::model::fixture::{batch, pod};
use crate::model::store::pods::PodOrigin;
use crate::msg::QueueListing;

const UID: &str = "7d8b2c1e-0000-4000-8000-000000000001";
const OTHER: &str = "7d8b2c1e-0000-4000-8000-000000000002";

fn entry(name: &str, owner: (&str, &str), uid: Option<&str>) -> QueueEntry {
    let (owner_kind, owner_name) = owner;
    QueueEntry {
        namespace: "ns".into(),
        name: name.into(),
        owner_kind: owner_kind.into(),
        owner_name: owner_name.into(),
        owner_uid: uid.map(Uid::parse),
        state: QueueState::Waiting,
        condition: "QuotaReserved=False".into(),
        ..QueueEntry::default()
    }
}

fn store(system: QueueSystem, entries: Vec<QueueEntry>) -> QueueStore {
    let mut store = QueueStore::default();
    store.listed(Ok(vec![QueueListing { system, entries, failure: None, more: false }]));
    store
}

fn gang(system: GangSystem, kind: &str, key: &str, name: &str) -> GangKey {
    let [namespace, kind, key, name] = ["ns", kind, key, name].map(Clean::new);
    GangKey { system, namespace, kind, key, name }
}

#[test]
fn a_gang_is_admitted_by_the_object_that_its_system_names() {
    use GangSystem as Gangs;
    use QueueSystem::{Coscheduling, Kai, Kueue, Native, Volcano};
    // docs/pods.md: the name of the object, or its owner.
    let table = [
        (Kueue, entry("jobset-llm-4f1c0", ("JobSet", "llm"), Some(UID)), gang(Gangs::JobSet, "JobSet", UID, "llm")),
        (Kueue, entry("job-llm-1a2b3", ("Job", "llm"), Some(UID)), gang(Gangs::Job, "Job", UID, "llm")),
        (
            Kueue,
            entry("pytorchjob-llm-1", ("PyTorchJob", "llm"), None),
            gang(Gangs::Kubeflow, "PyTorchJob", "llm", "llm"),
        ),
        (Kueue, entry("group-a", ("", ""), None), gang(Gangs::Kueue, "pod group", "group-a", "group-a")),
        (
            Kueue,
            entry("leaderworkerset-vllm-0-8c2f1", ("", ""), None),
            gang(Gangs::LeaderWorkerSet, "LeaderWorkerSet", "9f", "vllm-0"),
        ),
        (Kueue, entry("statefulset-db-1f2e3", ("", ""), None), gang(Gangs::StatefulSet, "StatefulSet", "db", "db")),
        (
            Volcano,
            entry(&format!("llm-{UID}"), ("Job", "llm"), None),
            gang(Gangs::Volcano, "Job.volcano.sh", &format!("llm-{UID}"), "llm"),
        ),
        (Coscheduling, entry("pg", ("", ""), None), gang(Gangs::Coscheduling, "PodGroup", "pg", "pg")),
        (Coscheduling, entry("llm", ("", ""), None), gang(Gangs::JobSet, "JobSet", UID, "llm")),
        (Kai, entry(&format!("pg-llm-{UID}"), ("", ""), None), gang(Gangs::JobSet, "JobSet", UID, "llm")),
        (Native, entry("llm-workers", ("Job", "llm"), None), gang(Gangs::Job, "Job", UID, "llm")),
    ];
    for (system, entry, gang) in table {
        let store = store(system, vec![entry.clone()]);
        assert_eq!(of_gang(&store, &gang).map(|words| words.entry), Some(&entry), "{system:?} {gang:?}");
        let elsewhere = GangKey { namespace: "other".into(), ..gang };
        assert_eq!(of_gang(&store, &elsewhere), None);
    }
}

#[test]
fn an_owner_that_was_created_again_is_another_one() {
    let store = store(QueueSystem::Kueue, vec![entry("jobset-llm-4f1c0", ("JobSet", "llm"), Some(UID))]);
    assert_eq!(of_gang(&store, &gang(GangSystem::JobSet, "JobSet", OTHER, "llm")), None);
    assert_eq!(
        of_gang(&store, &gang(GangSystem::JobSet, "JobSet", UID, "llm-2")).map(|words| words.entry.owner_uid),
        Some(Some(Uid::parse(UID)))
    );
    assert_eq!(of_gang(&store, &gang(GangSystem::Kubeflow, "PyTorchJob", "llm", "llm")), None, "another kind");
}

#[test]
fn the_words_of_one_that_waits_come_first() {
    let finished = QueueEntry { state: QueueState::Finished, ..entry("job-a", ("Job", "a"), None) };
    let admitted = QueueEntry { state: QueueState::Admitted, ..entry("job-b", ("Job", "a"), None) };
    let waiting = entry("job-c", ("Job", "a"), None);
    let pod = crate::facts::pod::PodFacts { owner_kind: "Job", owner_name: "a", ..pod("a-0", "") };
    let queues = store(QueueSystem::Kueue, vec![finished.clone(), admitted.clone(), waiting.clone()]);
    assert_eq!(of_pod(&queues, &pod).unwrap().entry, &waiting);
    assert_eq!(
        of_pod(&store(QueueSystem::Kueue, vec![finished.clone(), admitted.clone()]), &pod).unwrap().entry,
        &admitted
    );
    assert_eq!(of_pod(&store(QueueSystem::Kueue, vec![finished]), &pod), None);
    let own = entry("pod-p", ("Pod", "p"), None);
    assert_eq!(
        of_pod(&store(QueueSystem::Kueue, vec![own.clone()]), &crate::model::fixture::pod("p", "")).unwrap().entry,
        &own
    );
}

#[test]
fn waiting_objects_without_pods_are_those_of_which_no_pod_exists() {
    let mut pods = PodStore::default();
    let member =
        GangMember { system: GangSystem::JobSet, kind: "JobSet", key: UID, name: "llm", rank: None, size: None };
    let held = [
        crate::facts::pod::PodFacts {
            gang: Some(member),
            owner_kind: "Job",
            owner_name: "llm-w-0",
            ..pod("llm-w-0-0", "")
        },
        crate::facts::pod::PodFacts { owner_kind: "Job", owner_name: "plain", ..pod("plain-x", "n1") },
        pod("single", ""),
    ];
    pods.apply(&batch(&held, false), 1, PodOrigin::Watch);
    let admitted = QueueEntry { state: QueueState::Admitted, ..entry("job-running", ("Job", "running"), None) };
    let queues = store(
        QueueSystem::Kueue,
        vec![
            entry("jobset-llm-4f1c0", ("JobSet", "llm"), Some(UID)),
            entry("job-plain-1", ("Job", "plain"), None),
            entry("pod-single-1", ("Pod", "single"), None),
            admitted,
            entry("jobset-vision-xl-1", ("JobSet", "vision-xl"), Some(OTHER)),
            entry("job-suspended-1", ("Job", "suspended"), None),
        ],
    );
    let names: Vec<_> = without_pods(&queues, &pods).iter().map(|words| words.entry.name.to_string()).collect();
    assert_eq!(names, ["job-suspended-1", "jobset-vision-xl-1"]);
}
