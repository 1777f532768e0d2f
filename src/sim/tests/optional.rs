//! APIs that a cluster need not have, over TCP.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::client::{get, open};
use super::{Change, Scenario, small, start};

const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";

async fn simulate(apis: &str) -> (super::Simulation, String) {
    let text = format!("{}\n[cluster.apis]\n{apis}", include_str!("../../../assets/scenarios/small.toml"));
    let scenario = Scenario::parse(&text, "small", "small.toml").unwrap();
    let sim = start(scenario, "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let url = sim.clusters()[0].url.clone();
    (sim, url)
}

#[tokio::test(start_paused = true)]
async fn a_watch_of_leases_sees_living_kubelets_renew_them_every_10_s() {
    let (_sim, control, url) = small().await;
    control.apply(Change::NodeLost { node: "gpu-1".into() });
    let rv = control.resource_version();
    let begun = Instant::now();
    let mut watch = open(&url, &format!("{LEASES}?watch=1&resourceVersion={rv}"), "").await.unwrap();
    for round in 1..=2 {
        for name in ["control-1", "worker-1"] {
            let event = watch.event().await.unwrap();
            let reported = (event["type"].as_str(), event["object"]["metadata"]["name"].as_str());
            assert_eq!(reported, (Some("MODIFIED"), Some(name)), "the lost kubelet renews nothing");
        }
        assert!(begun.elapsed() >= Duration::from_secs(10 * round - 10));
    }
    drop(watch);
}

#[tokio::test]
async fn groups_are_named_as_far_as_they_are_served() {
    let names = |groups: &Value| -> Vec<String> {
        let groups = groups["groups"].as_array().unwrap().iter();
        groups.map(|group| group["versions"][0]["groupVersion"].as_str().unwrap().to_owned()).collect()
    };
    let (_sim, url) = simulate("metrics = \"absent\"\ndra = \"v1beta2\"").await;
    let found = names(&get(&url, "/apis").await.1);
    assert_eq!(found, ["coordination.k8s.io/v1", "events.k8s.io/v1", "resource.k8s.io/v1beta2"]);
    assert_eq!(get(&url, "/apis/resource.k8s.io/v1beta2/resourceslices").await.0, 200);
    for absent in
        ["/apis/resource.k8s.io/v1/resourceslices", "/apis/metrics.k8s.io/v1beta1/nodes", "/apis/metrics.k8s.io"]
    {
        assert_eq!(get(&url, absent).await.0, 404, "{absent}");
    }
}

#[tokio::test]
async fn what_is_forbidden_is_refused_in_the_words_of_the_authorizer() {
    let (_sim, url) = simulate("metrics = \"forbidden\"\nleases = \"forbidden\"\ndra = \"forbidden\"").await;
    for (path, what) in [
        ("/apis/metrics.k8s.io/v1beta1/nodes", "nodes.metrics.k8s.io is forbidden"),
        ("/apis/resource.k8s.io/v1/resourceclaims", "resourceclaims.resource.k8s.io is forbidden"),
        (LEASES, "leases.coordination.k8s.io is forbidden"),
    ] {
        let (code, answer) = get(&url, path).await;
        assert_eq!((code, &answer["reason"]), (403, &"Forbidden".into()));
        assert!(answer["message"].as_str().unwrap().starts_with(what), "{answer}");
    }
}

#[tokio::test]
async fn a_claim_that_is_released_stays_allocated() {
    let text = "title = \"t\"\nseed = 1\n[[cluster]]\ncontext = \"c\"\nnodes = [{ count = 1, name = \"a\", dra = 2 }]\n\
                [cluster.pods]\ncounted = 4\nlight_system = true\nclaims = 1\n[cluster.apis]\ndra = \"v1\"\n";
    let scenario = Scenario::parse(text, "t", "t.toml").unwrap();
    let sim = start(scenario, "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let url = sim.clusters()[0].url.clone();
    let claims = "/apis/resource.k8s.io/v1/resourceclaims";
    let (_, list) = get(&url, claims).await;
    let rv = list["metadata"]["resourceVersion"].as_str().unwrap();
    let mut watch = open(&url, &format!("{claims}?watch=1&resourceVersion={rv}"), "").await.unwrap();
    let name = list["items"][0]["metadata"]["name"].as_str().unwrap();
    sim.control("c").unwrap().apply(Change::ReleaseClaim { namespace: "train".into(), name: name.into() });
    let event = watch.event().await.unwrap();
    assert_eq!(event["type"], "MODIFIED");
    let status = &event["object"]["status"];
    assert!(status["allocation"].is_object() && status["reservedFor"].is_null(), "{event}");
}
