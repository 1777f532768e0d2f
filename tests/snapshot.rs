//! `watchbell snapshot` against the simulation: the same numbers as the server's objects give, and as kubectl shows.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::rig::{TestServer, has_kubectl, kubectl, snapshot, watchbell};

fn counts(pod: &Value) -> bool {
    let bound = pod["spec"]["nodeName"].as_str().is_some_and(|node| !node.is_empty());
    bound && !matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"))
}

/// GPU requests as the containers of these pods write them; init containers of the scenario ask for none.
fn gpus(pod: &Value) -> i64 {
    let containers = pod["spec"]["containers"].as_array().unwrap();
    let of = |container: &Value| {
        container["resources"]["requests"]["nvidia.com/gpu"].as_str().map_or(0, |n| n.parse().unwrap())
    };
    containers.iter().map(of).sum()
}

fn assert_equals_objects(cluster: &Value, nodes: &[Value], pods: &[Value]) {
    let gpu_nodes: Vec<&Value> =
        nodes.iter().filter(|node| node["status"]["capacity"]["nvidia.com/gpu"].is_string()).collect();
    let capacity: i64 = gpu_nodes
        .iter()
        .map(|node| node["status"]["capacity"]["nvidia.com/gpu"].as_str().unwrap().parse::<i64>().unwrap())
        .sum();
    let counting: Vec<&Value> = pods.iter().filter(|pod| counts(pod)).collect();
    let requested: i64 = counting.iter().map(|pod| gpus(pod)).sum();
    assert_eq!(cluster["nodes"]["total"], nodes.len());
    let gpu = cluster["accelerators"].as_array().unwrap().iter().find(|of| of["resource"] == "nvidia.com/gpu").unwrap();
    assert_eq!(gpu["nodes"], gpu_nodes.len());
    assert_eq!(gpu["capacity"], capacity);
    assert_eq!(gpu["requested"], requested);
    assert_eq!(cluster["pods"]["bound"], counting.len());
    let mut on_node: BTreeMap<&str, usize> = BTreeMap::new();
    for pod in &counting {
        *on_node.entry(pod["spec"]["nodeName"].as_str().unwrap()).or_default() += 1;
    }
    for item in cluster["items"].as_array().unwrap() {
        let name = item["name"].as_str().unwrap();
        assert_eq!(item["pods"]["bound"], on_node.get(name).copied().unwrap_or(0), "pods of {name}");
    }
}

#[test]
fn snapshot_of_the_reference_cluster_equals_the_servers_truth() {
    let served = TestServer::scenario("reference");
    let (json, code) = snapshot(&served, &[]);
    assert_eq!(code, 0, "{json:#}");
    let cluster = &json["clusters"][0];
    assert_eq!(cluster["nodes"]["total"], 104);
    assert_eq!(cluster["nodes"]["ready"], 104);
    let gpu = &cluster["accelerators"][0];
    assert_eq!((&gpu["resource"], &gpu["kind"]), (&"nvidia.com/gpu".into(), &"device".into()));
    assert_eq!((&gpu["nodes"], &gpu["capacity"]), (&83.into(), &872.into()));
    assert_eq!(cluster["pods"]["bound"], 2613);
    assert_eq!(cluster["pods"]["state"], "complete");
}

/// The `small` scenario does not change, so every number can be held against one dump.
#[test]
fn snapshot_of_a_still_cluster_equals_its_objects_field_by_field() {
    let served = TestServer::scenario("small");
    let (json, code) = snapshot(&served, &[]);
    assert_eq!(code, 0, "{json:#}");
    let dump = served.control().dump();
    assert_equals_objects(&json["clusters"][0], dump["nodes"].as_array().unwrap(), dump["pods"].as_array().unwrap());
}

#[test]
fn snapshot_says_what_kubectl_says() {
    if !has_kubectl() {
        return;
    }
    let served = TestServer::scenario("small");
    let items = |resource: &str| -> Vec<Value> {
        let output = kubectl(&served, &format!("get {resource} -A -o json --chunk-size=5")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let list: Value = serde_json::from_slice(&output.stdout).unwrap();
        list["items"].as_array().unwrap().clone()
    };
    let (json, _) = snapshot(&served, &[]);
    assert_equals_objects(&json["clusters"][0], &items("nodes"), &items("pods"));
}

#[test]
fn snapshot_of_a_server_that_refuses_is_partial_and_shows_no_zero() {
    let served = TestServer::scenario("small");
    served.runtime.block_on(served.control().stop_listening());
    let (json, code) = snapshot(&served, &["--deadline", "3s"]);
    assert_eq!(code, 3, "{json:#}");
    let cluster = &json["clusters"][0];
    assert_eq!(cluster["nodes"]["total"], Value::Null);
    assert_eq!(cluster["pods"]["bound"], Value::Null);
    assert_eq!(cluster["errors"][0]["layer"], "connect", "{json:#}");
}

#[test]
fn unknown_context_is_an_error_that_names_the_known_ones() {
    let served = TestServer::scenario("small");
    let output = watchbell(&served).args(["snapshot", "--context", "nowhere"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("`nowhere`") && text.contains(&served.simulation.clusters()[0].context), "{text}");
}

#[test]
fn a_section_for_a_context_that_there_is_not_is_warned_of() {
    let served = TestServer::scenario("small");
    let contexts: Vec<String> = served.simulation.clusters().iter().map(|at| at.context.clone()).collect();
    let config = served.dir.path().join("config.toml");
    let section = |name: &str| format!("[cluster.\"{name}\".timeouts]\nconnect = \"9s\"\n");
    std::fs::write(&config, section(&contexts[0]) + &section("prod-eu")).unwrap();
    let output = watchbell(&served).args(["snapshot", "--config"]).arg(&config).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let warnings: Vec<&str> = said.lines().filter(|line| line.contains("warning")).collect();
    assert_eq!(warnings.len(), 1, "{said}");
    assert!(warnings[0].contains("`[cluster.prod-eu]`") && warnings[0].contains("no context"), "{said}");
}
