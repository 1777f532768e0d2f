//! Tests of the requests' URIs; the behaviour of the I/O loop is tested with the whole tree in `cluster::tests`.

use super::uri::{list_uri, watch_uri};
use super::*;
use crate::cluster::deadline::PageAttempt;
use crate::cluster::list_source::ListSource;

fn page(token: Option<&str>) -> PageRequest {
    let second = Duration::from_secs(1);
    let limits = PageAttempt { deadline: second, idle: second, cap: second, server_secs: 28 };
    PageRequest { page: 1, attempt: 1, limit: 250, smaller: None, token: token.map(str::to_owned), limits }
}

#[test]
fn a_token_is_sent_percent_encoded() {
    let uri = list_uri(&ListSource::all(Resource::Nodes, "/api/v1/nodes"), &page(Some("a+b/c==&x")), true);
    assert_eq!(uri, "/api/v1/nodes?limit=250&timeout=28s&continue=a%2Bb%2Fc%3D%3D%26x");
}

#[test]
fn the_selector_of_unfinished_pods_is_a_setting() {
    assert!(
        list_uri(&ListSource::all(Resource::Pods, "/api/v1/pods"), &page(None), true)
            .contains("fieldSelector=status%2Ephase")
    );
    assert_eq!(
        list_uri(&ListSource::all(Resource::Pods, "/api/v1/pods"), &page(None), false),
        "/api/v1/pods?limit=250&timeout=28s"
    );
}

#[test]
fn a_watch_names_its_version_and_asks_for_bookmarks() {
    let watch = WatchRequest { generation: 1, version: "12&x".into(), initial: false, seconds: 199, attempt: 1 };
    let uri = watch_uri(&ListSource::all(Resource::Nodes, "/api/v1/nodes"), &watch, true);
    assert_eq!(uri, "/api/v1/nodes?watch=1&allowWatchBookmarks=true&resourceVersion=12%26x&timeoutSeconds=199");
    let watch = WatchRequest { generation: 1, version: String::new(), initial: true, seconds: 199, attempt: 1 };
    let options = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=199";
    let uri = watch_uri(&ListSource::all(Resource::Nodes, "/api/v1/nodes"), &watch, true);
    assert_eq!(uri, format!("/api/v1/nodes?watch=1&allowWatchBookmarks=true&{options}"));
}

/// As when the program ends while a list runs: the runtime cancels its tasks in any order.
#[tokio::test]
async fn a_task_that_the_end_of_the_runtime_cancels_is_no_panic() {
    let task = tokio::spawn(std::future::pending::<()>());
    task.abort();
    assert_eq!(unless_panicked(task.await), None);
}

#[tokio::test]
#[should_panic(expected = "a page went wrong")]
async fn a_panic_of_a_page_is_one_of_its_loop() {
    let task = tokio::spawn(async { panic!("a page went wrong") });
    let _: Option<()> = unless_panicked(task.await);
}
