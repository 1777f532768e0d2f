//! The list+watch rows of the fault catalogue (docs/faults.md) end to end: the tasks of a cluster over TCP against the simulated
//! server, with the rules and the convergence oracle of every fault (`tests/rig/rules.rs`).
//!
//! The other rows of that section, and these again with their timing, are tested in virtual time in `src/cluster`
//! (`tests/faults_watch.rs`, `exec/tests.rs`, `session/tests.rs`, `probe/tests.rs`, `sleep.rs`).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use watchbell::cluster::Tuning;
use watchbell::cluster::kubeconfig::ContextTarget;
use watchbell::msg::Layer;
use watchbell::sim::{Fault, FaultKind};

use crate::rig::{Rig, TestServer, ms, quick};

fn status(code: u16) -> FaultKind {
    FaultKind::Status { code, retry_after: None, message: None }
}

#[tokio::test]
async fn f40_f42_expired_tokens_and_versions_end_in_the_servers_truth() {
    let mut rig = Rig::synced().await;
    rig.served.control().compact();
    rig.check_fault(Fault::new(FaultKind::Gone), Layer::Watch, "too old resource version").await;
}

#[tokio::test]
async fn f41_expired_watches_end_in_the_servers_truth() {
    let mut rig = Rig::synced().await;
    rig.check_fault(Fault::new(FaultKind::WatchExpired), Layer::Watch, "too old resource version").await;
}

/// A front that answers watches of pods with an ERROR event and then keeps them open; everything else goes on to `server`. It
/// counts the watches that it has answered, and those that are open.
async fn keeps_watches_open(server: SocketAddr, counts: [Arc<AtomicUsize>; 2]) -> SocketAddr {
    const ERROR: &str = "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"status\":\"Failure\",\"code\":410,\
        \"reason\":\"Expired\",\"message\":\"too old resource version\"}}\n";
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((mut client, _)) = listener.accept().await {
            let [answered, open] = counts.clone();
            connections.spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = client.read_u8().await else { return };
                    head.push(byte);
                }
                let text = String::from_utf8(head).unwrap();
                if text.starts_with("GET /api/v1/pods?") && text.contains("watch=1") {
                    answered.fetch_add(1, Ordering::SeqCst);
                    open.fetch_add(1, Ordering::SeqCst);
                    let head =
                        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
                    let chunk = format!("{head}{:x}\r\n{ERROR}\r\n", ERROR.len());
                    client.write_all(chunk.as_bytes()).await.ok();
                    // Until the client closes it.
                    client.read_u8().await.ok();
                    open.fetch_sub(1, Ordering::SeqCst);
                } else if let Ok(mut upstream) = TcpStream::connect(server).await {
                    // One request for each connection, so that every watch is seen here.
                    let once = text.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
                    upstream.write_all(once.as_bytes()).await.ok();
                    tokio::io::copy_bidirectional(&mut client, &mut upstream).await.ok();
                }
            });
        }
    });
    address
}

// client-go: TestCloseWatchChannelOnError.
#[tokio::test]
async fn f41_an_error_event_closes_the_connection_of_its_watch_though_the_server_keeps_it_open() {
    let served = TestServer::small().await;
    let counts = [Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0))];
    let address = keeps_watches_open(served.address, counts.clone()).await;
    let target = ContextTarget::plain("small", &format!("http://{address}"));
    let mut rig = Rig::start(served, target, quick()).await;
    let [answered, open] = counts;
    rig.wait_for_failure(Layer::Watch, "too old resource version").await;
    rig.wait_until("more watches", |_| answered.load(Ordering::SeqCst) >= 5).await;
    rig.wait_until("the end of the ones before", |_| open.load(Ordering::SeqCst) <= 1).await;
    rig.wait_until("many more", |_| answered.load(Ordering::SeqCst) >= 8).await;
    rig.wait_until("the end of those", |_| open.load(Ordering::SeqCst) <= 1).await;
    rig.check_rules();
}

#[tokio::test]
async fn f44_watches_that_close_at_once_end_in_the_servers_truth() {
    // On a busy machine an end that comes at once takes a while.
    let tuning = Tuning { watch_short: ms(20_000), ..quick() };
    let mut rig = Rig::direct(TestServer::small().await, tuning).await;
    rig.wait_until_synced().await;
    rig.check_fault(Fault::new(FaultKind::WatchClose), Layer::Server, "closed at once").await;
}

#[tokio::test]
async fn f45_silent_watches_end_in_the_servers_truth() {
    let tuning = Tuning { watch_silence: ms(900), watch_silence_cap: ms(1_500), ..quick() };
    let mut rig = Rig::direct(TestServer::small().await, tuning).await;
    rig.wait_until_synced().await;
    let before = rig.objects().unwrap();
    rig.served.control().inject(Fault::new(FaultKind::WatchSilent));
    rig.served.control().close_watches(None);
    rig.served.change();
    let failure = rig.wait_for_failure(Layer::Watch, "was silent for").await;
    // The watch is opened again at once: there is no wait to name.
    assert!(failure.next_in.is_none() && failure.request.starts_with("watch "), "{failure:?}");
    rig.check_objects_kept(&before);
    rig.served.change();
    rig.served.control().clear_faults();
    rig.check_recovery().await;
}

#[tokio::test]
async fn f49_what_was_lost_while_lists_and_watches_failed_is_found_again() {
    let mut rig = Rig::synced().await;
    let lists = Fault::new(status(503)).verb("list");
    let watches = Fault::new(FaultKind::WatchExpired).probability(0.5);
    rig.check_faults(vec![lists, watches], Layer::Server, "").await;
}

#[tokio::test]
async fn f52_a_server_that_goes_and_comes_back_is_read_again() {
    let mut rig = Rig::synced().await;
    rig.check_fault(Fault::new(FaultKind::Refuse), Layer::Connect, "refused").await;
}

#[tokio::test]
async fn f53_a_server_that_forbids_for_a_moment_is_asked_again_at_once() {
    // As shipped: for a minute after a success a 403 is a server that warms up.
    let tuning = Tuning { denied_grace: Tuning::default().denied_grace, ..quick() };
    let mut rig = Rig::direct(TestServer::small().await, tuning).await;
    rig.wait_until_synced().await;
    let cold = Fault::new(status(403));
    let failure = rig.check_faults(vec![cold.clone().verb("list"), cold.verb("watch")], Layer::Rbac, "forbidden").await;
    assert!(failure.next_in.unwrap() <= quick().backoff_cap * 2, "{failure:?}");
}
