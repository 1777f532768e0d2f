//! Lists as watches (`sendInitialEvents`) over TCP: a server that sends them, one that does not, and one that fails in the middle.

use watchbell::cluster::Tuning;
use watchbell::msg::{Layer, Resource};
use watchbell::sim::{Fault, FaultKind, RequestLog, WireEnd};

use crate::rig::{Rig, TestServer, quick, scenario};

/// The small cluster of a server whose `WatchList` gate is on.
async fn streaming_server() -> TestServer {
    let text = include_str!("../../assets/scenarios/small.toml").replace("context =", "watch_list = true\ncontext =");
    TestServer::on_current_runtime(scenario(&text)).await
}

fn wanted() -> Tuning {
    Tuning { watch_list: true, ..quick() }
}

/// Requests for a list of nodes or pods as a watch.
fn streams(rig: &Rig) -> Vec<RequestLog> {
    let is_one = |log: &RequestLog| {
        log.path_and_query.starts_with("/api/v1/") && log.path_and_query.contains("sendInitialEvents=true")
    };
    rig.served.control().requests().into_iter().filter(is_one).collect()
}

fn pages(rig: &Rig) -> usize {
    rig.served.lists("pods").len() + rig.served.lists("nodes").len()
}

#[tokio::test]
async fn a_list_that_comes_as_a_watch_is_the_servers_truth_without_a_page() {
    for protobuf in [true, false] {
        let mut rig = Rig::direct(streaming_server().await, Tuning { protobuf, ..wanted() }).await;
        rig.wait_until_synced().await;
        let asked = streams(&rig);
        assert_eq!(asked.len(), 2, "one each: {asked:?}");
        assert!(asked.iter().all(|log| log.path_and_query.contains("resourceVersionMatch=NotOlderThan")), "{asked:?}");
        rig.served.change();
        rig.check_recovery().await;
        rig.served.control().close_watches(None);
        rig.served.control().apply(watchbell::sim::Change::Uncordon { node: "worker-1".to_owned() });
        rig.check_recovery().await;
        assert_eq!(streams(&rig).len(), 2, "the watches go on from their versions");
        // A ghost: what went while nobody watched is swept by the next stream.
        rig.served.control().inject(Fault::new(FaultKind::Refuse));
        rig.wait_for_failure(Layer::Connect, "refused").await;
        rig.served.change();
        rig.served.control().clear_faults();
        rig.refresh().await;
        rig.check_recovery().await;
        assert_eq!(pages(&rig), 0, "no page");
    }
}

#[tokio::test]
async fn a_server_that_sends_no_lists_as_watches_is_read_in_pages_and_not_asked_again() {
    let mut rig = Rig::direct(TestServer::small().await, wanted()).await;
    rig.wait_until_synced().await;
    assert!((1..=2).contains(&streams(&rig).len()), "{:?}", streams(&rig));
    let asked = streams(&rig).len();
    let said = rig.failures().iter().find(|failure| failure.code == Some(422)).unwrap();
    assert!(said.text.contains("WatchList") && said.request.starts_with("stream "), "{said:?}");
    rig.served.change();
    rig.refresh().await;
    let finished = rig.finished_lists();
    rig.wait_until("both lists again", |rig| rig.finished_lists() >= finished + 2).await;
    rig.check_recovery().await;
    assert_eq!(streams(&rig).len(), asked, "remembered for the cluster");
}

#[tokio::test]
async fn a_stream_that_fails_in_its_middle_is_followed_by_pages_and_nothing_is_lost() {
    for end in [WireEnd::Truncate, WireEnd::Reset, WireEnd::Stall] {
        let served = streaming_server().await;
        let wire = FaultKind::Wire { after_bytes: 30_000, end };
        served.control().inject(Fault::new(wire).verb("watch").resource("pods"));
        let mut rig = Rig::direct(served, wanted()).await;
        rig.wait_until("the truth in pages", |rig| rig.matches_server() && !rig.served.lists("pods").is_empty()).await;
        let failed =
            rig.failures().iter().any(|failure| &*failure.request == "stream pods" && failure.next_in.is_some());
        assert!(failed, "{end:?}: {:#?}", rig.failures());
        rig.served.control().clear_faults();
        rig.served.change();
        rig.check_recovery().await;
        assert_eq!(rig.pages(Resource::Nodes).count(), 0, "{end:?}: the nodes had streamed already");
    }
}
