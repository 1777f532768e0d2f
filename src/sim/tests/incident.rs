//! The workloads of the incident, counted from its dump, and the black hole as clients see it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::client::{Answer, get, open};
use super::{Change, keys, simulate, small};

fn node(pod: &Value) -> &str {
    pod["spec"]["nodeName"].as_str().unwrap_or_default()
}

/// The pods whose name begins with this.
fn named<'p>(pods: &'p [Value], prefix: &str) -> Vec<&'p Value> {
    pods.iter().filter(|pod| pod["metadata"]["name"].as_str().unwrap().starts_with(prefix)).collect()
}

fn nodes<'p>(pods: &[&'p Value]) -> BTreeSet<&'p str> {
    pods.iter().map(|pod| node(pod)).collect()
}

fn gpus(pod: &Value) -> u64 {
    pod["spec"]["containers"][0]["resources"]["requests"]["nvidia.com/gpu"].as_str().map_or(0, |n| n.parse().unwrap())
}

#[tokio::test]
async fn the_incident_has_the_numbers_of_the_reference_and_the_workloads_of_its_story() {
    let sim = simulate("incident").await;
    let dump = sim.control("reference").unwrap().dump();
    let pods = dump["pods"].as_array().unwrap();
    let ended = |pod: &&Value| matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    let counted: Vec<&Value> = pods.iter().filter(|pod| !node(pod).is_empty() && !ended(pod)).collect();
    assert_eq!((counted.len(), counted.iter().map(|pod| gpus(pod)).sum::<u64>()), (2613, 611));
    assert_eq!(pods.iter().filter(ended).count(), 412);

    let gang = named(pods, "llm-70b-workers-0-");
    let on = nodes(&gang);
    assert_eq!((gang.len(), on.len()), (64, 64), "one pod a node");
    assert!(gang.iter().all(|pod| gpus(pod) == 8 && pod["status"]["phase"] == "Running"));
    assert!(on.contains("10-16-10-121.maas"), "the node that is lost");
    for story in [114, 115, 118, 127] {
        assert!(!on.contains(&*format!("10-16-10-{story}.maas")), "{story} has a story of its own");
    }
    let index = |pod: &Value| -> u32 {
        let label = &pod["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"];
        label.as_str().unwrap().parse().unwrap()
    };
    let ranks: BTreeSet<u32> = gang.iter().map(|pod| index(pod)).collect();
    assert_eq!(ranks, (0..64).collect(), "each rank once");

    let waiting: Vec<&Value> = pods.iter().filter(|pod| node(pod).is_empty()).collect();
    let names: BTreeSet<String> =
        waiting.iter().map(|pod| pod["metadata"]["name"].as_str().unwrap().to_owned()).collect();
    let mut expected: BTreeSet<String> = (0..11).map(|index| format!("vision-xl-worker-{index}")).collect();
    expected.insert("vision-xl-master-0".into());
    assert_eq!(names, expected);
    assert!(waiting.iter().all(|pod| gpus(pod) == 8));

    let storm: Vec<&Value> = pods
        .iter()
        .filter(|pod| {
            let message = pod["status"]["containerStatuses"][0]["state"]["waiting"]["message"].as_str();
            message.is_some_and(|text| text.starts_with("Back-off pulling") && text.ends_with("i/o timeout"))
        })
        .collect();
    assert_eq!((storm.len(), nodes(&storm).len()), (37, 12));
}

/// The events of a watch until the server's version is reached, as `TYPE phase`.
async fn told(watch: &mut Answer, last: &str) -> Vec<String> {
    let mut told = Vec::new();
    loop {
        let event = watch.event().await.expect("the watch goes on");
        let object = &event["object"];
        let bound = if node(object).is_empty() { "waits" } else { "bound" };
        told.push(format!(
            "{} {} {bound}",
            event["type"].as_str().unwrap(),
            object["status"]["phase"].as_str().unwrap()
        ));
        if object["metadata"]["name"] == last {
            return told;
        }
    }
}

/// Upstream: a pod that no longer passes the selector is DELETED, and the event has the object from before (kubernetes
/// `apiserver pkg/storage/cacher/cache_watcher.go`).
#[tokio::test]
async fn a_pod_that_a_black_hole_rejects_is_gone_from_the_filtered_watch_without_a_word() {
    let (_sim, control, url) = small().await;
    let filtered = "fieldSelector=status.phase!%3DSucceeded,status.phase!%3DFailed";
    let rv = control.resource_version();
    let path = format!("/api/v1/pods?watch=1&resourceVersion={rv}&{filtered}");
    let mut watch = open(&url, &path, "").await.unwrap();
    let hole = || Change::BlackHole { node: "gpu-1".into(), workloads: Vec::new() };
    control.apply(hole());
    control.apply(hole());
    control.apply(Change::AddPod { namespace: "web".into(), name: "last".into(), node: None });
    let expected = [
        "ADDED Pending waits",
        "MODIFIED Pending bound",
        "DELETED Pending bound",
        "ADDED Pending waits",
        "MODIFIED Pending bound",
        "ADDED Pending waits",
    ];
    assert_eq!(told(&mut watch, "last").await, expected);

    let failed = "/api/v1/pods?fieldSelector=spec.nodeName%3Dgpu-1,status.phase%3DFailed";
    let (status, list) = get(&url, failed).await;
    let rejected: Vec<&Value> = named(list["items"].as_array().unwrap(), "bare");
    assert_eq!((status, rejected.len()), (200, 1), "{:?}", keys(&list["items"]));
    let said = &rejected[0]["status"];
    assert_eq!(said["reason"], "UnexpectedAdmissionError");
    assert!(said["message"].as_str().unwrap().starts_with("Pod was rejected: Allocate failed due to "), "{said}");
    assert_eq!(said.get("containerStatuses"), None, "no container was made");

    control.apply(Change::BlackHoleOver);
    let left = control.dump();
    assert_eq!(named(left["pods"].as_array().unwrap(), "bare").len(), 0, "nothing of it is left");
}

#[tokio::test]
async fn pods_of_the_workloads_take_turns_in_the_black_hole() {
    let sim = simulate("incident").await;
    let control = sim.control("reference").unwrap();
    let workloads = vec!["inference/rag-reader".to_owned(), "inference/asr-live".to_owned()];
    for _ in 0..7 {
        control.apply(Change::BlackHole { node: "10-16-10-127.maas".into(), workloads: workloads.clone() });
    }
    let dump = control.dump();
    let mut owners: BTreeMap<&str, u32> = BTreeMap::new();
    for pod in dump["pods"].as_array().unwrap() {
        if pod["status"]["reason"] == "UnexpectedAdmissionError" {
            let owner = pod["metadata"]["ownerReferences"][0]["name"].as_str().unwrap();
            *owners.entry(owner.rsplit_once('-').unwrap().0).or_default() += 1;
        }
    }
    assert_eq!(owners, BTreeMap::from([("rag-reader", 3), ("asr-live", 3)]));
}
