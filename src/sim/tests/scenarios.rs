//! Scenarios: what is read, what is refused, and how the stories go.

use std::time::Duration;

use serde_json::Value;

use super::client::{get, open};
use super::{Scenario, ScenarioError, simulate, start};

const CLUSTER: &str = "title = \"t\"\nseed = 1\n[[cluster]]\ncontext = \"a\"\nnodes = [{ count = 2, name = \"n{}\" }]\n[cluster.pods]\ncounted = 12\n";

fn refusal(text: &str) -> String {
    Scenario::parse(text, "x", "x.toml").expect_err("it is wrong").to_string()
}

#[test]
fn an_error_names_file_line_and_key() {
    assert!(Scenario::parse(CLUSTER, "x", "x.toml").is_ok());
    let with = |step: &str| refusal(&format!("{CLUSTER}{step}"));
    for (step, want) in [
        ("[[step]]\nat = \"soon\"\nfault = \"gone\"", "x.toml:9: `at`: `soon` is not a duration"),
        ("[[step]]\nat = \"1s\"\nfault = \"gone\"\nwhen = 3", "x.toml:11: unknown field `when`"),
        ("[[step]]\nat = \"1s\"\nchange = \"node-lost\"\nnode = \"n7\"", "x.toml:11: `node`: no node `n7`"),
        ("[[step]]\ncluster = \"b\"\nat = \"1s\"\nfault = \"gone\"", "x.toml:9: `cluster`: no cluster `b`"),
        ("[[step]]\nat = \"1s\"\nfault = \"gne\"", "no fault `gne`"),
        ("[[step]]\nat = \"1s\"\nfault = \"delay\"", "fault `delay` needs `delay`"),
        ("[[step]]\nat = \"5s\"\nuntil = \"5s\"\nfault = \"gone\"", "`until` must be later than `at`"),
        ("[[step]]\nat = \"1s\"", "either a `fault` or a `change`"),
        ("[[step]]\nat = \"1s\"\nchange = \"black-hole\"\nnode = \"n0\"", "change `black-hole` needs `period`"),
        (
            "[[workload]]\nname = \"a\"\nkind = \"job\"\ntemplate = \"web\"\npods = 1\nage = \"1m\"",
            "x.toml:9: `name`: `a` is no `NAMESPACE/NAME`",
        ),
        ("[[cluster]]\ncontext = \"a\"", "x.toml:9: `context`: two clusters are called `a`"),
    ] {
        let error = with(step);
        assert!(error.contains(want), "{error}");
        assert!(error.starts_with("x.toml:"), "{error}");
    }
    assert!(refusal("title = 3").starts_with("x.toml:1: `title`: invalid type"), "{}", refusal("title = 3"));
    assert!(refusal("base = \"nope\"\ntitle = \"t\"\nseed = 1").contains("no scenario `nope`"));
}

#[test]
fn an_unknown_name_is_answered_with_the_known_ones() {
    let error = Scenario::builtin("nope").expect_err("there is none").to_string();
    assert_eq!(error, "no scenario `nope`; there are reference, incident, fleet, tenant, small, zoo, large, huge");
    for name in Scenario::builtin_names() {
        assert!(Scenario::builtin(name).is_ok(), "{name}");
    }
    let missing = Scenario::load(std::path::Path::new("/nonexistent/x.toml"));
    assert!(matches!(missing, Err(ScenarioError::Read { .. })));
}

/// The beginning of a scenario with a workload.
fn workload(name: &str, fields: &str) -> String {
    let head = "seed = 1\n[[workload]]\nkind = \"deployment\"\ntemplate = \"web\"\nage = \"1m\"\nnodes = 1";
    format!("{head}\nname = \"{name}\"\n{fields}\n")
}

#[tokio::test]
async fn counts_that_do_not_fit_are_refused_with_the_reason() {
    for (from, to, why) in [
        ("counted = 12", "counted = 3", "DaemonSets and static pods alone are"),
        ("counted = 12", "counted = 9000", "no node has room"),
        ("counted = 12", "counted = 12\ngpus_requested = 4", "4 of 4 devices find no node"),
        ("seed = 1\n", &workload("web/a", "pods = 9000"), "no node has room"),
        ("seed = 1\n", &workload("nowhere/a", "pods = 1"), "no namespace `nowhere`"),
    ] {
        let scenario = Scenario::parse(&CLUSTER.replace(from, to), "x", "x.toml").unwrap();
        let error = start(scenario, "127.0.0.1:0".parse().unwrap()).await.expect_err(why).to_string();
        assert!(error.contains("cluster `a`") && error.contains(why), "{error}");
    }
}

#[tokio::test]
async fn the_fleet_has_six_clusters_each_with_its_fault() {
    let sim = simulate("fleet").await;
    let contexts: Vec<_> = sim.clusters().into_iter().map(|c| c.context).collect();
    assert_eq!(contexts, ["reference", "well", "unreachable", "throttled", "forbidden", "thousand"]);
    let url = |context: &str| sim.clusters().into_iter().find(|c| c.context == context).unwrap().url;
    assert_eq!(
        open(&url("unreachable"), "/livez", "").await.err().map(|e| e.kind()),
        Some(std::io::ErrorKind::ConnectionRefused)
    );
    assert!(sim.control("unreachable").is_none());
    assert_eq!(get(&url("forbidden"), "/api/v1/pods?limit=1").await.0, 403);
    assert_eq!(get(&url("forbidden"), "/api/v1/nodes?limit=1").await.0, 200);
    let mut throttled = 0;
    for _ in 0..20 {
        throttled += u32::from(get(&url("throttled"), "/api/v1/pods?limit=1").await.0 == 429);
    }
    assert!((8..20).contains(&throttled), "{throttled} of 20");
    let dump = sim.control("thousand").unwrap().dump();
    assert_eq!(dump["nodes"].as_array().unwrap().len(), 1000);
    let counts = |p: &&Value| {
        p["spec"].get("nodeName").is_some() && p["status"]["phase"] != "Succeeded" && p["status"]["phase"] != "Failed"
    };
    assert_eq!(dump["pods"].as_array().unwrap().iter().filter(counts).count(), 8000);
    assert_eq!(get(&url("well"), "/api/v1/nodes").await.1["items"].as_array().unwrap().len(), 12);
}

#[tokio::test]
async fn the_kubeconfig_and_the_ready_line_name_every_cluster() {
    let sim = simulate("fleet").await;
    let ready: Value = serde_json::from_str(&sim.ready_line()).unwrap();
    assert_eq!((&ready["ready"], &ready["scenario"]), (&Value::Bool(true), &Value::from("fleet")));
    let config = sim.kubeconfig();
    assert!(config.ends_with("current-context: \"reference\"\n"), "{config}");
    for (cluster, said) in sim.clusters().iter().zip(ready["clusters"].as_array().unwrap()) {
        assert_eq!((&said["context"], &said["url"]), (&Value::from(&*cluster.context), &Value::from(&*cluster.url)));
        assert!(config.contains(&format!("\"server\":\"{}\"", cluster.url)), "{config}");
    }
}

/// Status of a node's Ready condition, and its allocatable GPUs; faults of lists do not reach a `get`.
async fn state(url: &str, node: u32) -> (String, String) {
    let (status, node) = get(url, &format!("/api/v1/nodes/10-16-10-{node}.maas")).await;
    assert_eq!(status, 200);
    let ready = node["status"]["conditions"].as_array().unwrap().iter().find(|c| c["type"] == "Ready").unwrap();
    let gpus = node["status"]["allocatable"]["nvidia.com/gpu"].as_str().unwrap();
    (ready["status"].as_str().unwrap().to_owned(), gpus.to_owned())
}

#[tokio::test(start_paused = true)]
async fn the_incident_breaks_what_it_promises_and_recovers() {
    let sim = simulate("incident").await;
    let control = sim.control("reference").unwrap();
    let url = sim.clusters()[0].url.clone();
    let begun = tokio::time::Instant::now();
    let at = |second: u64| tokio::time::sleep_until(begun + Duration::from_secs(second));
    let well = ("True".to_owned(), "8".to_owned());

    at(5).await;
    assert_eq!(get(&url, "/api/v1/pods?limit=500").await.0, 200);
    assert_eq!(begun.elapsed().as_secs(), 5, "calm: the first list is quick");
    let rv = control.resource_version();
    let mut watch = open(&url, &format!("/api/v1/nodes?watch=1&resourceVersion={rv}"), "").await.unwrap();
    while watch.event().await.is_some() {}
    assert_eq!(begun.elapsed().as_secs(), 10, "watches are closed when the trouble begins");
    assert_eq!(open(&url, &format!("/api/v1/nodes?watch=1&resourceVersion={rv}"), "").await.unwrap().status, 410);

    at(15).await;
    assert_eq!(state(&url, 114).await.0, "False");
    assert_eq!(get(&url, "/api/v1/nodes?limit=500").await.0 % 100 / 4, 0, "200 or 504, after the delay");
    assert!((25..27).contains(&begun.elapsed().as_secs()), "a list takes over 10 s");
    at(30).await;
    let (mut slow, mut struck) = (0, 0);
    for _ in 0..8 {
        let asked = tokio::time::Instant::now();
        let answer = tokio::time::timeout(Duration::from_secs(5), get(&url, "/api/v1/namespaces?limit=1")).await;
        struck += u32::from(answer.is_err());
        slow += asked.elapsed().as_secs();
    }
    assert!(struck >= 5, "{struck} of 8 probes pass 5 s, {slow} s in all");
    at(75).await;
    assert_eq!(state(&url, 121).await, ("Unknown".to_owned(), "8".to_owned()));
    assert_eq!(state(&url, 118).await, ("True".to_owned(), "5".to_owned()));
    let mut stalled = 0;
    for _ in 0..6 {
        let mut answer = open(&url, "/api/v1/pods?limit=500", "Accept-Encoding: gzip\r\n").await.unwrap();
        stalled += u32::from(tokio::time::timeout(Duration::from_secs(5), answer.body()).await.is_err());
        if begun.elapsed().as_secs() > 90 {
            break;
        }
    }
    assert!(begun.elapsed().as_secs() > 75 + 11, "pages are slow, {stalled} stalled");

    at(140).await;
    for node in [114, 115, 118, 121] {
        assert_eq!(state(&url, node).await, well, "{node} has recovered");
    }
    assert_eq!(get(&url, "/api/v1/pods?limit=500").await.0, 200);
    assert_eq!(begun.elapsed().as_secs(), 140, "quick again");
    at(195).await;
    assert_eq!(state(&url, 114).await.0, "False", "and the story begins again");
}
