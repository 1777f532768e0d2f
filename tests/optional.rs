//! APIs that a cluster need not have, from the simulated server to kubectl and to `watchbell snapshot`.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;
use watchbell::sim::Scenario;

use crate::common::{Served, watchbell};

fn snapshot(served: &Served) -> Value {
    let output = watchbell(served).args(["snapshot", "-o", "json"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "what is missing is optional: {text}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A scenario of three nodes and twenty pods, with other APIs.
fn served(apis: &str, steps: &str) -> Served {
    let text = include_str!("../assets/scenarios/small.toml");
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("small.toml");
    std::fs::write(&path, format!("{text}\n[cluster.apis]\n{apis}\n{steps}")).unwrap();
    Served::of(Scenario::load(&path).unwrap())
}

/// What kubectl prints; `None`, and a line that says so, where there is no kubectl.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn kubectl(served: &Served, arguments: &str) -> Option<String> {
    let mut command = Command::new("kubectl");
    command.args(arguments.split(' ')).env("KUBECONFIG", served.kubeconfig()).env("HOME", served.dir.path());
    let Ok(output) = command.output() else {
        println!("skipped: kubectl is not on the PATH");
        return None;
    };
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kubectl {arguments}: {complaint}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn usage_is_what_kubectl_top_says() {
    let served = Served::scenario("small");
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
    for (access, reason) in [("absent", "the server does not have it (404)"), ("forbidden", "forbidden (403)")] {
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
