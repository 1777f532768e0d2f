//! Optional APIs, from the simulated server to kubectl and to `watchbell snapshot`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::rig::{self, TestServer, has_kubectl, scenario};

/// The snapshot of clusters that lack optional APIs at most.
fn snapshot(served: &TestServer) -> Value {
    let (json, code) = rig::snapshot(served, &[]);
    assert_eq!(code, 0, "what is missing is optional: {json:#}");
    json
}

/// A scenario of three nodes and twenty pods, with other APIs.
fn served(apis: &str, steps: &str) -> TestServer {
    let text = include_str!("../assets/scenarios/small.toml");
    TestServer::from_scenario(scenario(&format!("{text}\n[cluster.apis]\n{apis}\n{steps}")))
}

/// The output of kubectl; `None`, and a line that says so, where there is no kubectl.
fn kubectl(served: &TestServer, arguments: &str) -> Option<String> {
    if !has_kubectl() {
        return None;
    }
    let output = rig::kubectl(served, arguments).output().unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kubectl {arguments}: {complaint}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn usage_is_what_kubectl_top_says() {
    let served = TestServer::scenario("small");
    let before = kubectl(&served, "top nodes --no-headers");
    let snapshot = snapshot(&served);
    let Some((before, after)) = before.zip(kubectl(&served, "top nodes --no-headers")) else { return };
    if before != after {
        println!("skipped: the figures changed in between");
        return;
    }
    let top: BTreeMap<&str, Vec<&str>> = after
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .map(|words| (words[0], words[1..].to_vec()))
        .collect();
    let cluster = &snapshot["clusters"][0];
    assert_eq!((&cluster["usage"]["visible"], &cluster["usage"]["reason"]), (&true.into(), &Value::Null));
    let items = cluster["items"].as_array().unwrap();
    assert_eq!((items.len(), top.len()), (3, 3));
    for item in items {
        let words = &top[item["name"].as_str().unwrap()];
        let usage = &item["usage"];
        assert_eq!(format!("{}m", usage["cpuMilli"]), words[0], "{item}");
        assert_eq!(format!("{}Mi", usage["memoryBytes"].as_i64().unwrap() >> 20), words[2], "{item}");
        assert!(usage["ageSeconds"].as_f64().unwrap() < 60.0 && usage["windowSeconds"] == 20.035, "{item}");
    }
}

#[test]
fn f24_without_a_metrics_api_usage_is_null_with_a_reason() {
    for (access, reason) in [("absent", "not installed"), ("forbidden", "forbidden (403)")] {
        let served = served(&format!("metrics = \"{access}\""), "");
        let cluster = &snapshot(&served)["clusters"][0];
        assert_eq!(cluster["usage"]["visible"], false);
        assert_eq!(cluster["usage"]["reason"], reason);
        assert_eq!((&cluster["state"], &cluster["errors"]), (&"ok".into(), &Value::Array(vec![])), "no error flash");
        assert!(cluster["items"].as_array().unwrap().iter().all(|item| item["usage"].is_null()));
    }
}

#[test]
fn f25_a_broken_metrics_api_leaves_everything_else_as_it_is() {
    let broken = "[[step]]\nat = \"0s\"\nfault = \"status\"\nstatus = 503\nmessage = \"service unavailable\"\n\
                  match = { path = \"/apis/metrics.k8s.io\" }\n";
    let served = served("", broken);
    let cluster = &snapshot(&served)["clusters"][0];
    assert_eq!((&cluster["state"], &cluster["pods"]["bound"]), (&"ok".into(), &20.into()));
    assert!(cluster["usage"]["reason"].as_str().unwrap().starts_with("unavailable: "), "{cluster}");
    assert_eq!(cluster["errors"], Value::Array(vec![]));
}

/// Two nodes with four cards each that can be cut into seven, and six claims.
const DRA: &str = r#"
title = "devices of dynamic resource allocation"
seed = 5

[[cluster]]
context = "dra"
version = "v1.34.2"
nodes = [{ count = 1, name = "worker-1" }, { count = 2, name = "gpu-{}", first = 1, dra = 4 }]

[cluster.pods]
counted = 10
light_system = true
claims = 6

[cluster.apis]
dra = "VERSION"
"#;

fn dra(version: &str) -> TestServer {
    TestServer::from_scenario(scenario(&DRA.replace("VERSION", version)))
}

/// Claims 0 to 3 are on gpu-1, 4 and 5 on gpu-2; 2 and 5 take parts, 3 is held.
fn by_hand() -> (Value, Value, Value) {
    let driver = |physical, allocated, held, partitions, parts| {
        serde_json::json!([{"driver": "gpu.example.com", "physical": physical, "unhealthy": 0, "partitions": partitions,
            "allocated": allocated, "held": held, "partitionsAllocated": parts, "shares": 0, "updating": false}])
    };
    (driver(8, 6, 1, 56, 2), driver(4, 4, 1, 28, 1), driver(4, 2, 0, 28, 1))
}

#[test]
fn devices_of_every_version_are_what_a_person_counts() {
    for version in ["v1", "v1beta2", "v1beta1"] {
        let served = dra(version);
        let cluster = &snapshot(&served)["clusters"][0];
        let (all, first, second) = by_hand();
        assert_eq!((&cluster["dra"]["visible"], &cluster["dra"]["drivers"]), (&true.into(), &all), "{version}");
        assert_eq!((&cluster["dra"]["stray"], &cluster["dra"]["network"]), (&0.into(), &Value::Array(vec![])));
        let bridge = serde_json::json!([{"resource": "example.com/gpu", "deviceClass": "gpu.example.com"}]);
        assert_eq!(cluster["dra"]["extendedResources"], bridge);
        let of = |name: &str| {
            let items = cluster["items"].as_array().unwrap();
            items.iter().find(|item| item["name"] == name).unwrap()["dra"].clone()
        };
        assert_eq!((of("gpu-1"), of("gpu-2"), of("worker-1")), (first, second, Value::Array(vec![])), "{version}");
        let path = format!("/apis/resource.k8s.io/{version}/resourceslices");
        assert!(served.control().requests().iter().any(|request| request.path_and_query.starts_with(&path)));
    }
}

#[test]
fn f54_devices_that_are_not_visible_are_null_with_a_reason_and_never_zero() {
    for (version, reason) in [("absent", "not installed"), ("forbidden", "forbidden (403)")] {
        let served = dra(version);
        let cluster = &snapshot(&served)["clusters"][0];
        let expected = serde_json::json!({"visible": false, "reason": reason, "drivers": null, "network": null,
            "stray": null, "taintRules": null, "taintRulesNotEvaluated": null, "extendedResources": []});
        assert_eq!((&cluster["dra"], &cluster["state"]), (&expected, &"ok".into()));
        assert_eq!(cluster["errors"], Value::Array(vec![]), "no failure");
        assert!(cluster["items"].as_array().unwrap().iter().all(|item| item["dra"].is_null()));
    }
}

/// The cluster `dra`, in which two of the cards of gpu-1 and all of gpu-2 are tainted by rules.
#[test]
fn devices_that_a_rule_taints_are_unhealthy_where_rules_are_served_and_seen() {
    let rules = |version: &str| {
        let selectors =
            [r#"{"pool":"gpu-1","device":"gpu-0"}"#, r#"{"pool":"gpu-1","device":"gpu-3"}"#, r#"{"pool":"gpu-2"}"#];
        let rule = |(number, selector): (usize, &str)| {
            format!(
                "[[cluster.raw]]\nresource = \"devicetaintrules\"\njson = '''{{\"metadata\":{{\"name\":\"r{number}\"}},\
                 \"spec\":{{\"deviceSelector\":{selector},\"taint\":{{\"key\":\"k\",\"effect\":\"NoSchedule\"}}}}}}'''\n"
            )
        };
        let rules: String = selectors.into_iter().enumerate().map(rule).collect();
        format!("{}taint_rules = \"{version}\"\n{rules}", DRA.replace("VERSION", "v1"))
    };
    let two_and_four = (Value::from(2), Value::from(4), Value::from(3));
    let nothing = (Value::from(0), Value::from(0), Value::Null);
    for (version, expected) in
        [("v1beta2", &two_and_four), ("v1alpha3", &two_and_four), ("forbidden", &nothing), ("absent", &nothing)]
    {
        let served = TestServer::from_scenario(scenario(&rules(version)));
        let cluster = &snapshot(&served)["clusters"][0];
        let items = cluster["items"].as_array().unwrap();
        let unhealthy =
            |name: &str| items.iter().find(|item| item["name"] == name).unwrap()["dra"][0]["unhealthy"].clone();
        let found = (unhealthy("gpu-1"), unhealthy("gpu-2"), cluster["dra"]["taintRules"].clone());
        assert_eq!(&found, expected, "{version}");
        assert_eq!(
            (&cluster["dra"]["visible"], &cluster["errors"]),
            (&true.into(), &Value::Array(vec![])),
            "{version}"
        );
        if version == "v1beta2"
            && let Some(listed) = kubectl(&served, "get devicetaintrules --no-headers")
        {
            assert_eq!(listed.lines().count(), 3, "{listed}");
        }
    }
}

#[test]
fn kubectl_lists_slices_and_claims() {
    let served = dra("v1beta1");
    let Some(slices) = kubectl(&served, "get resourceslices --no-headers") else { return };
    assert_eq!(slices.lines().count(), 4, "{slices}");
    assert!(slices.contains("gpu-1") && slices.contains("gpu.example.com"), "{slices}");
    let claims = kubectl(&served, "get resourceclaims -n train --no-headers").unwrap();
    assert_eq!(claims.lines().filter(|line| line.contains("allocated,reserved")).count(), 5, "{claims}");
    let yaml = kubectl(&served, "get resourceslice gpu-1-gpu.example.com-1 -o yaml").unwrap();
    assert!(yaml.contains("apiVersion: resource.k8s.io/v1beta1") && yaml.contains("- basic:"), "{yaml}");
}

#[test]
fn leases_say_when_a_kubelet_gave_its_last_sign_of_life() {
    let served = served("", "");
    served.control().apply(watchbell::sim::Change::NodeLost { node: "gpu-1".into() });
    let snapshot = snapshot(&served);
    let cluster = &snapshot["clusters"][0];
    assert_eq!(cluster["leases"], serde_json::json!({"visible": true, "reason": null}));
    for item in cluster["items"].as_array().unwrap() {
        let (age, lost) = (item["lease"]["ageSeconds"].as_f64().unwrap(), item["name"] == "gpu-1");
        assert_eq!(item["lease"]["silent"], lost, "{item}");
        assert!(if lost { (40.0..70.0).contains(&age) } else { age < 20.0 }, "{item}");
    }
    let hidden = self::served("leases = \"forbidden\"", "");
    let cluster = &self::snapshot(&hidden)["clusters"][0];
    assert_eq!(cluster["leases"], serde_json::json!({"visible": false, "reason": "forbidden (403)"}));
    assert!(cluster["items"].as_array().unwrap().iter().all(|item| item["lease"].is_null()));
}
