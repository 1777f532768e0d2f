//! Watch semantics.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::client::{Answer, get, open};
use super::{Change, Control, Fault, FaultKind, keys, simulate, small};

async fn watch(url: &str, query: &str) -> Answer {
    open(url, &format!("/api/v1/{query}"), "").await.unwrap()
}

fn pod(namespace: &str, name: &str) -> (String, String) {
    (namespace.to_owned(), name.to_owned())
}

fn add(name: &str, node: Option<&str>) -> Change {
    let (namespace, name) = pod("web", name);
    Change::AddPod { namespace, name, node: node.map(str::to_owned) }
}

fn by_key(objects: &Value) -> BTreeMap<String, Value> {
    keys(objects).into_iter().zip(objects.as_array().unwrap().iter().cloned()).collect()
}

/// Reads events until the server's version is reached, and applies them.
async fn follow(watch: &mut Answer, objects: &mut BTreeMap<String, Value>, control: &Control, last: &str) {
    loop {
        let event = watch.event().await.expect("the watch goes on");
        let object = event["object"].clone();
        let key = keys(&json!([object])).remove(0);
        match event["type"].as_str().unwrap() {
            "ADDED" => assert!(objects.insert(key.clone(), object).is_none(), "{key} was there"),
            "MODIFIED" => assert!(objects.insert(key.clone(), object).is_some(), "{key} was not there"),
            "DELETED" => assert!(objects.remove(&key).is_some(), "{key} was not there"),
            other => panic!("{other}"),
        }
        if key == last {
            return;
        }
        assert!(control.resource_version() > 0);
    }
}

#[tokio::test]
async fn a_watch_sees_exactly_the_changes_between_two_dumps() {
    let (_sim, control, url) = small().await;
    let before = control.dump();
    let rv = control.resource_version();
    let victim = keys(&before["pods"]).remove(0);
    let (namespace, name) = victim.split_once('/').unwrap();
    control.apply(add("a", Some("worker-1")));
    control.apply(Change::RestartPod { namespace: namespace.into(), name: name.into() });
    let mut open = watch(&url, &format!("pods?watch=1&resourceVersion={rv}")).await;
    control.apply(add("b", None));
    control.apply(Change::NodeLost { node: "worker-1".into() });
    control.apply(Change::DeletePod { namespace: namespace.into(), name: name.into() });
    control.apply(Change::BindPod { namespace: "web".into(), name: "b".into(), node: "gpu-1".into() });
    control.apply(Change::NodeRecovered { node: "worker-1".into() });
    control.apply(add("last", None));
    let mut objects = by_key(&before["pods"]);
    follow(&mut open, &mut objects, &control, "web/last").await;
    assert_eq!(objects, by_key(&control.dump()["pods"]));
}

#[tokio::test(start_paused = true)]
async fn a_watch_beside_churn_ends_at_the_dump() {
    let sim = simulate("fleet").await;
    let (control, url) = (sim.control("well").unwrap(), sim.clusters()[1].url.clone());
    let (mut objects, rv) = (by_key(&control.dump()["pods"]), control.resource_version());
    let before = objects.clone();
    tokio::time::sleep(Duration::from_secs(240)).await;
    control.apply(add("last", None));
    let (truth, mut open) = (control.dump(), watch(&url, &format!("pods?watch=1&resourceVersion={rv}")).await);
    follow(&mut open, &mut objects, &control, "web/last").await;
    assert_eq!(objects, by_key(&truth["pods"]));
    let gone = before.keys().filter(|key| !objects.contains_key(*key)).count();
    assert!(gone > 30, "{gone} of 48 have been replaced");
}

#[tokio::test]
async fn an_object_that_leaves_the_selector_is_deleted_and_one_that_enters_is_added() {
    let (_sim, control, url) = small().await;
    control.apply(add("x", None));
    let rv = control.resource_version();
    let (namespace, name) = pod("web", "x");
    let selector = "fieldSelector=spec.nodeName%3Dgpu-1,status.phase%21%3DSucceeded";
    let mut open = watch(&url, &format!("pods?watch=true&resourceVersion={rv}&{selector}")).await;
    control.apply(add("elsewhere", Some("worker-1")));
    control.apply(Change::BindPod { namespace: namespace.clone(), name: name.clone(), node: "gpu-1".into() });
    control.apply(Change::RestartPod { namespace: namespace.clone(), name: name.clone() });
    control.apply(Change::FinishPod { namespace, name, succeeded: true });
    let (added, modified, deleted) =
        (open.event().await.unwrap(), open.event().await.unwrap(), open.event().await.unwrap());
    assert_eq!([&added["type"], &modified["type"], &deleted["type"]], ["ADDED", "MODIFIED", "DELETED"]);
    assert_eq!(deleted["object"]["metadata"]["name"], "x");
    assert_eq!(deleted["object"]["status"]["phase"], "Pending", "the last state that was seen");
    assert_eq!(deleted["object"]["metadata"]["resourceVersion"], control.resource_version().to_string());
}

#[tokio::test]
async fn a_deleted_object_carries_the_version_of_its_deletion() {
    let (_sim, control, url) = small().await;
    control.apply(add("x", None));
    let rv = control.resource_version();
    let (namespace, name) = pod("web", "x");
    control.apply(Change::DeletePod { namespace, name });
    let event = watch(&url, &format!("pods?watch=1&resourceVersion={rv}")).await.event().await.unwrap();
    assert_eq!((&event["type"], &event["object"]["kind"]), (&json!("DELETED"), &json!("Pod")));
    assert_eq!(event["object"]["metadata"]["resourceVersion"], (rv + 1).to_string());
}

#[tokio::test(start_paused = true)]
async fn bookmarks_come_every_minute_and_before_the_end() {
    let (_sim, control, url) = small().await;
    let rv = control.resource_version();
    let started = Instant::now();
    let path = format!("nodes?watch=1&resourceVersion={rv}&timeoutSeconds=100&allowWatchBookmarks=true");
    let mut open = watch(&url, &path).await;
    // The version of a bookmark covers what happened to other kinds.
    control.apply(add("x", None));
    for second in [60, 98] {
        let event = open.event().await.unwrap();
        assert_eq!((&event["type"], &event["object"]["kind"]), (&json!("BOOKMARK"), &json!("Node")));
        assert_eq!(event["object"]["metadata"]["resourceVersion"], (rv + 1).to_string());
        assert_eq!(started.elapsed().as_secs(), second);
    }
    assert_eq!(open.event().await, None);
    assert_eq!(started.elapsed().as_secs(), 100);
}

#[tokio::test(start_paused = true)]
async fn without_asking_there_are_no_bookmarks() {
    let (_sim, control, url) = small().await;
    let path = format!("nodes?watch=1&resourceVersion={}&timeoutSeconds=200", control.resource_version());
    assert_eq!(watch(&url, &path).await.event().await, None);
}

#[tokio::test]
async fn a_watch_for_ever_lives_and_a_time_that_is_no_int64_is_refused() {
    let (_sim, _control, url) = small().await;
    for (timeout, status) in [("9223372036854775807", 200), ("9223372036854775808", 400), ("18446744073709551615", 400)]
    {
        let query = format!("pods?watch=1&allowWatchBookmarks=true&timeoutSeconds={timeout}");
        assert_eq!(watch(&url, &query).await.status, status, "{timeout}");
    }
}

#[tokio::test]
async fn a_watch_from_the_past_gets_an_error_event_and_one_from_the_future_504() {
    let (_sim, control, url) = small().await;
    let rv = control.resource_version();
    control.apply(add("x", None));
    control.compact();
    let mut open = watch(&url, &format!("pods?watch=1&resourceVersion={rv}")).await;
    assert_eq!(open.status, 200);
    let event = open.event().await.unwrap();
    assert_eq!((&event["type"], &event["object"]["code"]), (&json!("ERROR"), &json!(410)));
    assert_eq!(open.event().await, None);
    let (status, answer) = get(&url, &format!("/api/v1/pods?watch=1&resourceVersion={}", rv + 1000)).await;
    assert_eq!((status, &answer["details"]["causes"][0]["reason"]), (504, &json!("ResourceVersionTooLarge")));
    control.inject(Fault::new(FaultKind::Gone).verb("watch"));
    assert_eq!(get(&url, &format!("/api/v1/pods?watch=1&resourceVersion={}", rv + 1)).await.0, 410);
}

#[tokio::test(start_paused = true)]
async fn history_older_than_its_limit_is_forgotten() {
    let (_sim, control, url) = small().await;
    let rv = control.resource_version();
    control.apply(add("first", None));
    tokio::time::sleep(Duration::from_secs(299)).await;
    control.apply(add("second", None));
    assert_eq!(
        watch(&url, &format!("pods?watch=1&resourceVersion={rv}")).await.event().await.unwrap()["type"],
        "ADDED"
    );
    tokio::time::sleep(Duration::from_secs(2)).await;
    control.apply(add("third", None));
    assert_eq!(
        watch(&url, &format!("pods?watch=1&resourceVersion={rv}")).await.event().await.unwrap()["type"],
        "ERROR"
    );
    let mut open = watch(&url, &format!("pods?watch=1&resourceVersion={}", rv + 1)).await;
    assert_eq!(open.event().await.unwrap()["object"]["metadata"]["name"], "second");
}

#[tokio::test]
async fn initial_events_are_refused_where_they_are_not_known_and_end_with_a_mark_where_they_are() {
    let (_sim, _control, url) = small().await;
    let query = "pods?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let (status, answer) = get(&url, &format!("/api/v1/{query}")).await;
    assert_eq!((status, &answer["reason"]), (422, &json!("Invalid")));

    let text =
        include_str!("../../../assets/scenarios/small.toml").replace("context =", "watch_list = true\ncontext =");
    let scenario = super::Scenario::parse(&text, "streaming", "streaming.toml").unwrap();
    let sim = super::start(scenario, "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let mut open = watch(&sim.clusters()[0].url, query).await;
    let mut seen = Vec::new();
    loop {
        let event = open.event().await.unwrap();
        if event["type"] == "BOOKMARK" {
            assert_eq!(event["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
            break;
        }
        assert_eq!(event["type"], "ADDED");
        seen.push(event["object"].clone());
    }
    assert_eq!(keys(&json!(seen)), keys(&sim.control("small").unwrap().dump()["pods"]));
}

#[tokio::test(start_paused = true)]
async fn watches_can_be_closed_silenced_expired_and_ended_at_once() {
    let (_sim, control, url) = small().await;
    let path = format!("pods?watch=1&allowWatchBookmarks=1&resourceVersion={}", control.resource_version());
    let mut open = watch(&url, &path).await;
    control.close_watches(Some("nodes"));
    control.apply(add("x", None));
    assert_eq!(open.event().await.unwrap()["type"], "ADDED", "a watch of another kind lives on");
    control.close_watches(Some("pods"));
    assert_eq!(open.event().await, None);

    control.inject(Fault::new(FaultKind::WatchClose).verb("watch"));
    assert_eq!(watch(&url, &path).await.event().await, None);
    control.clear_faults();
    control.inject(Fault::new(FaultKind::WatchExpired).verb("watch"));
    assert_eq!(watch(&url, &path).await.event().await.unwrap()["object"]["code"], 410);
    control.clear_faults();
    control.inject(Fault::new(FaultKind::WatchSilent).resource("pods").lasts(Duration::from_secs(200)));
    let started = Instant::now();
    assert_eq!(watch(&url, &path).await.event().await.unwrap()["type"], "ADDED");
    assert_eq!(started.elapsed().as_secs(), 200, "neither changes nor bookmarks before");
}

#[tokio::test]
async fn a_table_watch_names_its_columns_once() {
    let (_sim, control, url) = small().await;
    let accept = "Accept: application/json;as=Table;v=v1;g=meta.k8s.io\r\n";
    let path = format!("/api/v1/pods?watch=1&resourceVersion={}", control.resource_version());
    let mut open = open(&url, &path, accept).await.unwrap();
    control.apply(add("x", None));
    control.apply(add("y", Some("worker-1")));
    let (first, second) = (open.event().await.unwrap(), open.event().await.unwrap());
    assert_eq!(first["object"]["columnDefinitions"].as_array().unwrap().len(), 9);
    assert_eq!(second["object"]["columnDefinitions"], json!([]));
    assert_eq!(second["object"]["rows"][0]["cells"][2], "Running");
}
