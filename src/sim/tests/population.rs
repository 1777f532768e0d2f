//! The clusters, counted from their dump and not from what built them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::client::open;
use super::{Scenario, keys, simulate, small, start};

fn counts(pod: &Value) -> bool {
    pod["spec"].get("nodeName").is_some() && pod["status"]["phase"] != "Succeeded" && pod["status"]["phase"] != "Failed"
}

fn gpus(resources: &Value) -> u64 {
    resources["nvidia.com/gpu"].as_str().map_or(0, |n| n.parse().unwrap())
}

/// Milli-CPUs, KiB and GPUs that a pod asks for: containers, or the largest init container.
fn requests(pod: &Value) -> [u64; 3] {
    let cpu =
        |text: &str| text.strip_suffix('m').map_or_else(|| text.parse::<u64>().unwrap() * 1000, |m| m.parse().unwrap());
    let one = |container: &Value| {
        let requests = &container["resources"]["requests"];
        let memory =
            requests["memory"].as_str().map_or(0, |m| m.strip_suffix("Mi").unwrap().parse::<u64>().unwrap() * 1024);
        [requests["cpu"].as_str().map_or(0, cpu), memory, gpus(requests)]
    };
    let all = |list: &str| pod["spec"][list].as_array().into_iter().flatten().map(one).collect::<Vec<_>>();
    let (containers, init) = (all("containers"), all("initContainers"));
    std::array::from_fn(|i| {
        let sum: u64 = containers.iter().map(|c| c[i]).sum();
        sum.max(init.iter().map(|c| c[i]).max().unwrap_or(0))
    })
}

#[tokio::test]
async fn the_reference_has_the_counts_of_the_incident() {
    let sim = simulate("reference").await;
    let dump = sim.control("reference").unwrap().dump();
    let nodes = dump["nodes"].as_array().unwrap();
    let want: Vec<String> = (110..=213).map(|n| format!("10-16-10-{n}.maas")).collect();
    assert_eq!(keys(&dump["nodes"]), want, "104 consecutive names");
    let mut sizes = BTreeMap::new();
    for node in nodes {
        *sizes.entry(gpus(&node["status"]["capacity"])).or_insert(0) += 1;
        assert_eq!(
            node["status"]["conditions"].as_array().unwrap().iter().find(|c| c["type"] == "Ready").unwrap()["status"],
            "True"
        );
        assert_eq!(node["status"]["nodeInfo"]["kubeletVersion"], "v1.30.4");
        let gpu = gpus(&node["status"]["capacity"]) > 0;
        let taints = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
        assert_eq!(taints.iter().any(|t| t["key"] == "nvidia.com/gpu"), gpu);
        assert_eq!(node["metadata"]["labels"].get("nvidia.com/gpu.product").is_some(), gpu);
    }
    assert_eq!(sizes, BTreeMap::from([(0, 21), (8, 57), (16, 26)]));
    assert_eq!(nodes.iter().map(|n| gpus(&n["status"]["capacity"])).sum::<u64>(), 872);
    assert_eq!(nodes.iter().map(|n| gpus(&n["status"]["allocatable"])).sum::<u64>(), 872);
    let control =
        nodes.iter().filter(|n| n["metadata"]["labels"].get("node-role.kubernetes.io/control-plane").is_some());
    assert_eq!(control.count(), 3);

    let pods = dump["pods"].as_array().unwrap();
    assert_eq!(pods.iter().filter(|p| counts(p)).count(), 2613);
    assert_eq!(
        pods.iter().filter(|p| p["status"]["phase"] == "Succeeded" || p["status"]["phase"] == "Failed").count(),
        412
    );
    assert_eq!(pods.iter().filter(|p| p["spec"].get("nodeName").is_none()).count(), 9);
    assert_eq!(pods.iter().filter(|p| counts(p)).map(|p| requests(p)[2]).sum::<u64>(), 611);
    let bound = |phase: &str| pods.iter().filter(|p| counts(p) && p["status"]["phase"] == phase).count();
    assert!(bound("Running") > 2500 && bound("Pending") > 0, "a mixture of phases");
    assert!(pods.iter().any(|p| counts(p) && p["metadata"].get("deletionTimestamp").is_some()), "some are terminating");
    assert!(pods.iter().any(|p| p["metadata"]["annotations"].get("kubernetes.io/config.mirror").is_some()));
    assert_eq!(keys(&dump["pods"]).into_iter().collect::<BTreeSet<_>>().len(), pods.len(), "names are unique");
}

#[tokio::test]
async fn no_node_is_asked_for_more_than_it_has() {
    for (name, contexts) in
        [("reference", &["reference"][..]), ("fleet", &["well", "throttled", "forbidden", "thousand"][..])]
    {
        let sim = simulate(name).await;
        for context in contexts {
            let dump = sim.control(context).unwrap().dump();
            let mut asked: BTreeMap<&str, [u64; 4]> = BTreeMap::new();
            for pod in dump["pods"].as_array().unwrap().iter().filter(|p| counts(p)) {
                let sum = asked.entry(pod["spec"]["nodeName"].as_str().unwrap()).or_default();
                let [cpu, memory, gpus] = requests(pod);
                *sum = [sum[0] + cpu, sum[1] + memory, sum[2] + gpus, sum[3] + 1];
            }
            for node in dump["nodes"].as_array().unwrap() {
                let has = &node["status"]["allocatable"];
                let number = |key: &str, unit: &str| {
                    has[key].as_str().unwrap().strip_suffix(unit).unwrap().parse::<u64>().unwrap()
                };
                let has = [number("cpu", "m"), number("memory", "Ki"), gpus(has), number("pods", "")];
                let sum = asked.get(node["metadata"]["name"].as_str().unwrap()).copied().unwrap_or_default();
                assert!(sum.iter().zip(has).all(|(sum, has)| *sum <= has), "{context} {sum:?} of {has:?}");
            }
        }
    }
}

#[tokio::test]
async fn objects_are_as_big_as_real_ones() {
    let sim = simulate("reference").await;
    let dump = sim.control("reference").unwrap().dump();
    for (kind, range) in [("pods", 5_000..15_000), ("nodes", 10_000..20_000)] {
        let objects = dump[kind].as_array().unwrap();
        let size = |o: &Value| (o.to_string().len(), o["metadata"]["name"].to_string());
        let (smallest, largest) = (objects.iter().map(size).min().unwrap(), objects.iter().map(size).max().unwrap());
        assert!(range.contains(&smallest.0) && range.contains(&largest.0), "{kind}: {smallest:?} to {largest:?}");
        assert!(objects.iter().all(|o| o["metadata"]["managedFields"].as_array().unwrap().len() >= 2));
    }
}

#[tokio::test]
async fn the_same_seed_makes_the_same_cluster_and_another_seed_another() {
    let text = include_str!("../../../assets/scenarios/small.toml");
    let mut dumps = Vec::new();
    for text in [text.to_owned(), text.to_owned(), text.replace("seed = 3", "seed = 4")] {
        let scenario = Scenario::parse(&text, "small", "small.toml").unwrap();
        let sim = start(scenario, "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let dump = sim.control("small").unwrap().dump();
        let of = |kind: &str| -> Vec<String> {
            dump[kind]
                .as_array()
                .unwrap()
                .iter()
                .map(|o| format!("{} {}", o["metadata"]["name"], o["metadata"]["uid"]))
                .collect()
        };
        dumps.push((of("nodes"), of("pods")));
    }
    assert_eq!(dumps[0], dumps[1]);
    assert_ne!(dumps[0].1, dumps[2].1);
}

/// Names and nodes of the pods that are not finished, by the cells of a table.
async fn unfinished(url: &str) -> BTreeMap<String, String> {
    let path = "/api/v1/pods?includeObject=None&fieldSelector=status.phase!%3DSucceeded,status.phase!%3DFailed";
    let mut answer = open(url, path, "Accept: application/json;as=Table;g=meta.k8s.io;v=v1\r\n").await.unwrap();
    let table: Value = String::from_utf8(answer.body().await.unwrap()).unwrap().parse().unwrap();
    let cell = |row: &Value, i: usize| row["cells"][i].as_str().unwrap().to_owned();
    table["rows"].as_array().unwrap().iter().map(|row| (cell(row, 0), cell(row, 6))).collect()
}

#[tokio::test(start_paused = true)]
async fn churn_changes_the_pods_and_never_their_number() {
    let sim = simulate("reference").await;
    let (control, url) = (sim.control("reference").unwrap(), sim.clusters()[0].url.clone());
    let before = unfinished(&url).await;
    for _ in 0..40 {
        let pods = unfinished(&url).await;
        assert_eq!(pods.values().filter(|node| *node != "<none>").count(), 2613);
        assert_eq!(pods.values().filter(|node| *node == "<none>").count(), 9);
        tokio::time::sleep(Duration::from_millis(1_550)).await;
    }
    let after = unfinished(&url).await;
    let gone = before.keys().filter(|name| !after.contains_key(*name)).count();
    // One pod a second for 62 s, but some that are drawn are not running, and stay.
    assert!((50..=62).contains(&gone), "{gone} pods have ended");
    let pods = control.dump()["pods"].as_array().unwrap().clone();
    assert_eq!(pods.iter().filter(|p| counts(p)).map(|p| requests(p)[2]).sum::<u64>(), 611);
    assert_eq!(pods.len(), 3034, "finished pods go as others come");
}

#[tokio::test]
async fn small_is_as_small_as_it_says() {
    let (_sim, control, _url) = small().await;
    let dump = control.dump();
    assert_eq!(keys(&dump["nodes"]), ["control-1", "gpu-1", "worker-1"]);
    let pods = dump["pods"].as_array().unwrap();
    assert_eq!((pods.len(), pods.iter().filter(|p| counts(p)).count()), (24, 20));
    assert_eq!(pods.iter().filter(|p| counts(p)).map(|p| requests(p)[2]).sum::<u64>(), 5);
}

#[test]
fn a_large_cluster_has_every_pod_that_its_scenario_counts() {
    let scenario = Scenario::builtin("large").unwrap();
    let seeds = crate::sim::population::Seeds { rng: fastrand::Rng::with_seed(5000), now: 1_790_000_000 };
    let world = crate::sim::population::build(&scenario.clusters[0], seeds).unwrap();
    let pods = world.store.all(crate::sim::resource::SimResource::Pods).count();
    // `counted`, `finished` and `unscheduled` of the file; two pods that drew the same name would be one.
    assert_eq!(pods, 150_000 + 2_000 + 200);
}
