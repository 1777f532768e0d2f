//! Faults F01 to F37 of the catalogue that concern the way to a server: connecting, bodies, statuses.
//!
//! Each row has a test with its id in its name: the engine in this process, with deadlines of tenths of a second, against
//! the simulation over TCP. Most go through [`Rig::check_fault`], which asserts G1 to G8; those that set up their fault themselves
//! check G1 and G5 with [`Rig::wait_for_failure`] and the others with [`Rig::check_recovery`] (`tests/rig/rules.rs`).
//!
//! Rows that are tested elsewhere, where the clock or the resolver can be controlled:
//! * F02: a resolver that never answers, and F08: `cluster/connect/tests.rs`, `f02_…` and `f08_…`; that leaving does not
//!   wait for the resolver's thread is `runtime.rs` (`shutdown_background`).
//! * F11: `cluster/tests.rs`, `f11_…`.
//! * F17: the bomb is `cluster/connect/tests.rs`, `a_gzip_bomb_ends_at_the_cap_of_decoded_bytes`.
//!
//! Rows that do not apply here:
//! * F23: see `tests/faults_scope.rs`.
//!
//! `docs/faults.md` lists every row with its tests.

mod stream;

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;
use watchbell::cluster::Tuning;
use watchbell::cluster::kubeconfig::ContextTarget;
use watchbell::model::alerts::AlertRecord;
use watchbell::model::known::Known;
use watchbell::msg::{Layer, Mono, ProbeOutcome, Resource, SyncState};
use watchbell::report::ValueState;
use watchbell::sim::{Change, Fault, FaultKind, WireEnd};

use crate::rig::{Authority, Mode, Relay, Rig, TestServer, ms, quick, scenario, target};

/// The `limit` of each list of pods since request `from`.
fn limits(served: &TestServer, from: usize) -> Vec<u32> {
    let logs = served.lists("pods");
    let limit = |path: &str| path.split("limit=").nth(1).unwrap().split('&').next().unwrap().parse().unwrap();
    logs[from..].iter().map(|log| limit(&log.path_and_query)).collect()
}

fn status(code: u16, retry_after: Option<u64>, message: Option<&str>) -> FaultKind {
    let retry_after = retry_after.map(std::time::Duration::from_secs);
    FaultKind::Status { code, retry_after, message: message.map(str::to_owned) }
}

fn answer(code: u16, headers: &[(&str, &str)], body: &str) -> FaultKind {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    FaultKind::Answer { code, headers, body: body.to_owned() }
}

fn lists(kind: FaultKind) -> Fault {
    Fault::new(kind).verb("list").resource("pods")
}

#[tokio::test]
async fn f01_a_refused_connection_is_named_and_the_watches_go_on_from_their_version() {
    let mut rig = Rig::synced().await;
    let listed = rig.served.lists("pods").len() + rig.served.lists("nodes").len();
    let place = rig.served.address;
    rig.served.control().inject(Fault::new(FaultKind::Refuse));
    rig.served.change();
    let failure = rig.wait_for_failure(Layer::Connect, &format!("connection refused by `{place}`")).await;
    assert!(&*failure.request == "watch pods" || &*failure.request == "watch nodes", "{failure:?}");
    assert!(failure.next_in.is_some());
    assert_eq!(rig.names(), ["control-1", "gpu-1", "worker-1"], "old data stays");
    rig.served.control().clear_faults();
    rig.check_recovery().await;
    let again = rig.served.lists("pods").len() + rig.served.lists("nodes").len();
    assert_eq!(again, listed, "no list: the watches have brought it all");
}

#[tokio::test]
async fn f02_a_name_that_does_not_resolve_is_named() {
    let served = TestServer::small().await;
    let target = ContextTarget::plain("small", "http://no-such-host.invalid:6443");
    let mut rig = Rig::start(served, target, Tuning { connect_deadline: ms(2_000), ..quick() }).await;
    let failure = rig.wait_for_failure(Layer::Dns, "`no-such-host.invalid:6443`").await;
    assert!(failure.next_in.is_some());
    assert_eq!(rig.report().nodes.total, None, "unknown is not 0");
    rig.check_rules();
}

#[tokio::test]
async fn f03_packets_that_vanish_are_a_connect_timeout_that_names_a_filter() {
    let mut rig = Rig::synced().await;
    let failure = rig.check_fault(Fault::new(FaultKind::BlackHole), Layer::Connect, "filtered or no route").await;
    assert!(failure.timeout, "{failure:?}");
    assert!(failure.text.contains(&rig.served.address.to_string()), "{failure:?}");
}

#[tokio::test]
async fn f04_a_tls_handshake_that_stalls_ends_at_the_connect_deadline_and_is_named() {
    let (served, folder, authority) =
        (TestServer::small().await, tempfile::tempdir().unwrap(), Authority::new("cluster"));
    let good = Mode { tls: Some(authority.acceptor("127.0.0.1", false)), ..Mode::default() };
    let relay = Relay::to(served.address, Mode { mute: true, ..good.clone() }).await;
    let url = format!("https://{}", relay.address);
    let mut rig = Rig::start(served, target(folder.path(), &url, Some(&authority.pem), None), quick()).await;
    let failure =
        rig.wait_for_failure(Layer::Tls, &format!("TLS handshake with `{}` not finished", relay.address)).await;
    assert!(failure.timeout && failure.next_in.is_some(), "{failure:?}");
    relay.mode.send_replace(good);
    rig.check_recovery().await;
}

#[tokio::test]
async fn f05_a_certificate_that_proves_nothing_is_named_and_not_asked_for_again_quickly() {
    let authority = Authority::new("cluster");
    let cases = [
        (authority.acceptor("127.0.0.1", true), "certificate expired", "cluster"),
        (Authority::new("stranger").acceptor("127.0.0.1", false), "signed by unknown authority", "stranger"),
        (authority.acceptor("api.example.org", false), "api.example.org", "cluster"),
    ];
    for (wrong, says, issuer) in cases {
        let (served, folder) = (TestServer::small().await, tempfile::tempdir().unwrap());
        let good = Mode { tls: Some(authority.acceptor("127.0.0.1", false)), ..Mode::default() };
        let relay = Relay::to(served.address, Mode { tls: Some(wrong), ..good.clone() }).await;
        let url = format!("https://{}", relay.address);
        let mut rig = Rig::start(served, target(folder.path(), &url, Some(&authority.pem), None), quick()).await;
        let failure = rig.wait_for_failure(Layer::Tls, says).await;
        assert!(failure.next_in.unwrap() >= quick().rejected_delay, "{failure:?}");
        let shows = format!("it shows CN=the-api-server by CN={issuer}, valid ");
        assert!(failure.text.contains(&shows) && failure.text.contains("our clock says 20"), "{failure:?}");
        if says == "certificate expired" {
            assert!(failure.text.contains("valid 2020-01-01T00:00:00Z to 2021-01-01T00:00:00Z"), "{failure:?}");
        }
        for offer in ["insecure", "skip", "verification off"] {
            assert!(!failure.text.contains(offer), "{failure:?}");
        }
        relay.mode.send_replace(good);
        rig.check_recovery().await;
    }
}

#[tokio::test]
async fn f05_a_server_that_wants_a_client_certificate_is_named_and_not_asked_again_quickly() {
    use tokio_rustls::rustls::version::{TLS12, TLS13};

    let authority = Authority::new("cluster");
    for version in [&TLS12, &TLS13] {
        let (served, folder) = (TestServer::small().await, tempfile::tempdir().unwrap());
        let good = Mode { tls: Some(authority.acceptor("127.0.0.1", false)), ..Mode::default() };
        let demanding = Mode { tls: Some(authority.mutual_tls_acceptor("127.0.0.1", &[version])), ..Mode::default() };
        let relay = Relay::to(served.address, demanding).await;
        let url = format!("https://{}", relay.address);
        let mut rig = Rig::start(served, target(folder.path(), &url, Some(&authority.pem), None), quick()).await;
        let failure = rig.wait_for_failure(Layer::Tls, "client certificate").await;
        assert!(failure.next_in.unwrap() >= quick().rejected_delay, "{failure:?}");
        relay.mode.send_replace(good);
        rig.check_recovery().await;
    }
}

#[tokio::test]
async fn f06_connections_that_a_load_balancer_forgets_in_mid_watch_are_noticed_within_the_silence_deadline() {
    let served = TestServer::small().await;
    let relay = Relay::to(served.address, Mode::default()).await;
    let plain = ContextTarget::plain("small", &format!("http://{}", relay.address));
    let mut rig = Rig::start(served, plain, quick()).await;
    rig.wait_until_synced().await;
    relay.forget();
    rig.served.change();
    let (forgotten, listed) = (Instant::now(), rig.served.lists("pods").len());
    rig.check_keys_and_healthy_cluster().await;
    rig.wait_until("what changed behind the silence", Rig::matches_server).await;
    assert!(forgotten.elapsed() >= quick().probe_deadline, "only a missed probe or the silence can have told");
    // The probe is answered again over a new connection, and that opens a silent watch anew before its own silence has to end; the
    // new one may meet one more forgotten connection of the pool.
    for watch in ["watch pods", "watch nodes"] {
        let of = |says: &str| {
            let is_it = |failure: &&watchbell::msg::Failure| &*failure.request == watch && failure.text.contains(says);
            rig.failures().iter().filter(is_it).count()
        };
        assert!(of("was silent for") <= 2 && of("no answer within") <= 1, "{:#?}", rig.failures());
    }
    assert_eq!(rig.served.lists("pods").len(), listed, "the watches go on from their versions");
    rig.check_rules();
}

#[tokio::test]
async fn f07_a_proxy_that_refuses_is_blamed_without_its_password() {
    let (served, folder) = (TestServer::small().await, tempfile::tempdir().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = listener.local_addr().unwrap();
    let (allow, allowed) = tokio::sync::watch::channel(false);
    let address = served.address;
    let tunnels = tokio::spawn(async move {
        let mut tunnels = tokio::task::JoinSet::new();
        while let Ok((mut client, _)) = listener.accept().await {
            let open = *allowed.borrow();
            tunnels.spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(client.read_u8().await.unwrap_or(b'\n'));
                }
                let answer: &[u8] = if open {
                    b"HTTP/1.1 200 OK\r\n\r\n"
                } else {
                    b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"
                };
                client.write_all(answer).await.ok();
                if open {
                    let mut upstream = tokio::net::TcpStream::connect(address).await.unwrap();
                    tokio::io::copy_bidirectional(&mut client, &mut upstream).await.ok();
                }
            });
        }
    });
    let through = format!("http://user:canary-7f3a@{proxy}");
    let target = target(folder.path(), "http://10.99.99.99:6443", None, Some(&through));
    let mut rig = Rig::start(served, target, quick()).await;
    let failure = rig.wait_for_failure(Layer::Proxy, &proxy.to_string()).await;
    assert!(failure.next_in.is_some() && failure.text.contains("authorization required"), "{failure:?}");
    allow.send_replace(true);
    rig.check_recovery().await;
    assert!(!rig.event_text.contains("canary"), "{}", rig.event_text);
    tunnels.abort();
}

#[tokio::test]
async fn f10_slow_headers_raise_the_alert_while_the_call_still_runs() {
    let mut rig = Rig::synced().await;
    let slow = |alert: &AlertRecord| alert.reason().contains("Slow") && alert.resolved.is_none();
    rig.served.control().inject(lists(FaultKind::Delay(ms(300))));
    let before = rig.pages(Resource::Pods).count();
    rig.refresh().await;
    rig.wait_until("the alert", |rig| rig.model.current().alert_records().iter().any(slow)).await;
    assert_eq!(rig.pages(Resource::Pods).count(), before, "raised before the call has ended");
    rig.check_keys_and_healthy_cluster().await;
    rig.wait_until("the page", |rig| rig.pages(Resource::Pods).count() > before).await;
    let page = rig.pages(Resource::Pods).nth(before).unwrap();
    let first = page.first_byte.unwrap();
    assert!(first >= ms(300) && page.total >= first, "the first byte apart from the body: {page:?}");
    // A probe has half a second, which a busy machine may need for itself.
    let mut calls = rig.failures().iter().filter(|failure| !failure.request.starts_with("get "));
    assert!(calls.next().is_none(), "slow is no failure: {:#?}", rig.failures());
    rig.served.control().clear_faults();
    rig.check_recovery().await;
}

#[tokio::test]
async fn f12_a_body_that_stalls_mid_page_is_asked_for_again_in_place_with_half_the_limit() {
    let served = TestServer::small().await;
    served.control().inject(lists(FaultKind::Wire { after_bytes: 2_000, end: WireEnd::Stall }).continued(true));
    let mut rig = Rig::direct(served, quick()).await;
    let failure = rig.wait_for_failure(Layer::Body, "no data for").await;
    assert!(failure.timeout && failure.next_in.is_some(), "{failure:?}");
    assert_eq!(&*failure.request, "list page 2 of pods");
    let nodes = rig.report().pods;
    assert_eq!((nodes.state, nodes.bound), (ValueState::Loading, None), "a part is never shown as a total");
    assert!(matches!(rig.model.current().summary(watchbell::clock::Clock::start().now()).pods, Known::AtLeast(_)));
    rig.wait_until("the next attempt", |rig| rig.served.lists("pods").len() >= 3).await;
    let logs = rig.served.lists("pods");
    let token = |at: usize| logs[at].path_and_query.split("continue=").nth(1).map(str::to_owned);
    assert!(token(1).is_some() && token(1) == token(2), "the same token: {logs:?}");
    assert_eq!(limits(&rig.served, 0)[..3], [8, 8, 4]);
    rig.served.control().clear_faults();
    rig.check_recovery().await;
    assert_eq!(rig.served.lists("pods").iter().filter(|log| !log.path_and_query.contains("continue=")).count(), 1);
}

#[tokio::test]
async fn f13_a_truncated_body_is_a_failure_and_not_the_end_of_the_list() {
    let mut rig = Rig::synced().await;
    let finished = rig.finished_lists();
    let truncate = FaultKind::Wire { after_bytes: 2_000, end: WireEnd::Truncate };
    rig.served.control().inject(Fault::new(truncate).verb("list"));
    rig.refresh().await;
    rig.wait_for_failure(Layer::Body, "cut after").await;
    rig.follow_for(ms(500)).await;
    assert_eq!(rig.finished_lists(), finished, "no list ends so");
    assert!(rig.matches_server(), "nothing is taken away");
    rig.served.control().clear_faults();
    rig.wait_until("whole lists", |rig| rig.finished_lists() >= finished + 2).await;
    rig.check_recovery().await;
}

#[tokio::test]
async fn f14_a_server_that_kills_its_large_answers_gets_asked_for_smaller_ones() {
    let mut rig = Rig::synced().await;
    let from = rig.served.lists("pods").len();
    rig.served.control().inject(lists(FaultKind::Wire { after_bytes: 14_000, end: WireEnd::Reset }));
    rig.served.control().close_watches(None);
    rig.served.change();
    rig.refresh().await;
    rig.wait_for_failure(Layer::Body, "connection reset by the other side").await;
    let lists = rig.finished_lists();
    rig.wait_until("a list under the fault", |rig| rig.finished_lists() > lists + 1).await;
    let limits = limits(&rig.served, from);
    assert!(limits.contains(&8) && limits.contains(&2), "not the same request again: {limits:?}");
    rig.wait_until("the truth while the fault lasts", Rig::matches_server).await;
    rig.served.control().clear_faults();
    rig.check_recovery().await;
}

#[tokio::test]
async fn f15_a_page_that_trickles_steadily_is_not_cut_by_any_timeout_of_ours() {
    let served = TestServer::small().await;
    // 20 pods in about 1.5 s: four times the deadline without progress, and more than the smallest `?timeout=`, 1 s.
    served.control().inject(lists(FaultKind::Throttle { bytes_per_second: 13_000 }));
    let tuning = Tuning { page_cap: ms(5_000), page_sizes: vec![500], ..quick() };
    let mut rig = Rig::direct(served, tuning).await;
    let start = Instant::now();
    rig.wait_until("the first bytes", |rig| rig.event_text.contains("Progress")).await;
    rig.check_keys_and_healthy_cluster().await;
    rig.wait_until_synced().await;
    assert!(start.elapsed() > ms(1_100), "too fast to show anything: {:?}", start.elapsed());
    assert_eq!(rig.served.lists("pods").len(), 1, "one request");
    assert!(rig.failures().is_empty(), "{:#?}", rig.failures());
    rig.check_rules();
}

#[tokio::test]
async fn f15_the_probe_does_not_queue_behind_a_page_that_trickles() {
    let served = TestServer::small().await;
    served.control().inject(lists(FaultKind::Throttle { bytes_per_second: 30_000 }));
    let mut rig = Rig::direct(served, Tuning { page_cap: ms(5_000), page_sizes: vec![500], ..quick() }).await;
    rig.wait_until_synced().await;
    let page = rig.pages(Resource::Pods).next().unwrap();
    let (from, to) = (page.at, page.at + page.total);
    let meanwhile = rig.probe_latencies().filter(|(tick, _)| *tick >= from && *tick < to);
    // Behind the page they would be answered when that has ended.
    let behind = |(tick, latency): &(Mono, Duration)| *tick + *latency >= to;
    let meanwhile: Vec<_> = meanwhile.collect();
    assert!(meanwhile.len() >= 2 && !meanwhile.iter().all(behind), "{meanwhile:?} while {page:?}");
    rig.check_rules();
}

#[tokio::test]
async fn f16_a_page_that_is_too_large_is_given_up_and_asked_for_in_halves() {
    let served = TestServer::small().await;
    let mut rig = Rig::direct(served, Tuning { page_bytes: 24_000, ..quick() }).await;
    rig.wait_for_failure(Layer::Body, "the answer is larger than 24.0 kB").await;
    rig.wait_until_synced().await;
    assert_eq!(limits(&rig.served, 0)[..2], [8, 4]);
    rig.check_rules();
}

#[tokio::test]
async fn f17_a_list_in_many_gzip_members_is_read_whole() {
    let mut rig = Rig::synced().await;
    // A watch that ends younger than this has failed; these are closed in the ordinary way.
    tokio::time::sleep(quick().watch_accepted * 2).await;
    let (finished, listed) = (rig.finished_lists(), rig.served.lists("pods").len());
    rig.served.control().inject(Fault::new(FaultKind::GzipMembers { count: 5 }).verb("list"));
    rig.served.control().close_watches(None);
    rig.served.change();
    rig.refresh().await;
    rig.wait_until("both lists", |rig| rig.finished_lists() >= finished + 2).await;
    rig.check_recovery().await;
    assert!(rig.served.lists("pods").len() > listed, "they were asked for");
    assert!(rig.failures().iter().all(|failure| failure.layer == Layer::Watch), "{:#?}", rig.failures());
}

#[tokio::test]
async fn f17_a_corrupt_gzip_body_is_a_named_failure_and_never_a_short_list() {
    let mut rig = Rig::synced().await;
    rig.check_fault(Fault::new(FaultKind::GzipCorrupt).verb("list"), Layer::Body, "the gzip data is").await;
}

#[tokio::test]
async fn f18_tls_closed_without_a_goodbye_ends_a_watch_and_cuts_a_list() {
    let (served, folder, authority) =
        (TestServer::small().await, tempfile::tempdir().unwrap(), Authority::new("cluster"));
    let tls = Some(authority.acceptor("127.0.0.1", false));
    let relay = Relay::to(served.address, Mode { tls, ..Mode::default() }).await;
    let url = format!("https://{}", relay.address);
    let mut rig = Rig::start(served, target(folder.path(), &url, Some(&authority.pem), None), quick()).await;
    rig.wait_until_synced().await;
    rig.follow_for(quick().watch_short * 2).await;
    let listed = rig.served.lists("pods").len();
    // The server's connections end in the middle of everything; the relay drops ours without a word.
    rig.served.control().stop_listening().await;
    rig.served.control().listen_again().await.unwrap();
    rig.served.change();
    rig.check_recovery().await;
    assert_eq!(rig.served.lists("pods").len(), listed, "a watch goes on");
    let truncate = FaultKind::Wire { after_bytes: 2_000, end: WireEnd::Truncate };
    rig.served.control().inject(lists(truncate));
    rig.refresh().await;
    rig.wait_for_failure(Layer::Body, "cut after").await;
    rig.served.control().clear_faults();
    rig.check_recovery().await;
}

#[tokio::test]
async fn f20_rejected_credentials_are_asked_for_once_more_and_then_politely() {
    let mut rig = Rig::synced().await;
    let from = rig.served.control().requests().len();
    let fault = Fault::new(status(401, None, None)).resource("pods");
    let failure = rig.check_fault(fault, Layer::Auth, "Unauthorized").await;
    assert_eq!(failure.code, Some(401));
    // It lasts, so that the attempts alternate: once more with new credentials, and then only after the wait.
    rig.served.control().inject(Fault::new(status(401, None, None)).resource("pods"));
    rig.served.control().close_watches(None);
    rig.refresh().await;
    rig.follow_for(quick().rejected_delay * 5).await;
    let rejected = rig.served.control().requests().into_iter().skip(from).filter(|log| log.status == 401);
    let (watches, lists): (Vec<_>, Vec<_>) = rejected.partition(|log| log.path_and_query.contains("watch="));
    let (quickly, slowly): (Vec<_>, Vec<_>) =
        TestServer::gaps(&lists).into_iter().partition(|gap| *gap < quick().rejected_delay);
    // The two refreshes that stage the fault come on top.
    assert!(slowly.len() >= 2 && quickly.len() <= slowly.len() + 2, "{lists:?}");
    for logs in [watches, lists] {
        let Some((first, last)) = logs.first().zip(logs.last()) else { continue };
        let waits = last.at.abs_diff(first.at).as_millis() / quick().rejected_delay.as_millis();
        assert!(logs.len() as u128 <= 2 * (waits + 1) + 1, "{logs:?}");
    }
}

#[tokio::test]
async fn f21_forbidden_pods_are_unknown_and_the_nodes_stay() {
    let served = TestServer::small().await;
    served.control().inject(Fault::new(status(403, None, None)).resource("pods"));
    let mut rig = Rig::direct(served, quick()).await;
    let failure = rig.wait_for_failure(Layer::Rbac, "cannot list resource \"pods\"").await;
    assert_eq!(failure.code, Some(403));
    rig.wait_until("the nodes", |rig| rig.report().nodes.state == ValueState::Complete).await;
    rig.wait_until("a second question", |rig| rig.served.lists("pods").len() >= 2).await;
    let report = rig.report();
    assert_eq!((report.nodes.total, report.pods.state, report.pods.bound), (Some(3), ValueState::Denied, None));
    let politely = quick().denied_period.mul_f64(0.9);
    assert!(TestServer::gaps(&rig.served.lists("pods")).iter().all(|gap| *gap >= politely), "no loop");
    let denied = rig.failures().iter().filter(|failure| failure.layer == Layer::Rbac).count();
    assert!(denied <= rig.served.lists("pods").len(), "said once for each question");
    rig.served.control().clear_faults();
    rig.check_recovery().await;
}

#[tokio::test]
async fn f22_where_watching_is_forbidden_the_list_is_polled_and_says_so() {
    let served = TestServer::small().await;
    served.control().inject(Fault::new(status(403, None, None)).verb("watch").resource("pods"));
    let mut rig = Rig::direct(served, quick()).await;
    let polls = |rig: &Rig| {
        rig.states().iter().any(|(of, state)| *of == Resource::Pods && matches!(state, SyncState::Polling { .. }))
    };
    rig.wait_until("polling", polls).await;
    rig.check_keys_and_healthy_cluster().await;
    rig.served.change();
    rig.wait_until("the change, polled", Rig::matches_server).await;
    rig.served.change();
    rig.served.control().clear_faults();
    rig.check_recovery().await;
    rig.wait_until("watching", Rig::watches).await;
}

#[tokio::test]
async fn f27_a_throttling_server_is_obeyed_and_named() {
    let mut rig = Rig::synced().await;
    let from = rig.served.lists("pods").len();
    let failure = rig.check_fault(lists(status(429, Some(30), None)), Layer::Throttled, "Too many requests").await;
    assert_eq!((failure.code, failure.next_in), (Some(429), Some(quick().retry_after_cap)), "30 s, capped");
    let requests: Vec<_> = rig.served.lists("pods").into_iter().skip(from).filter(|log| log.status == 429).collect();
    assert!(TestServer::gaps(&requests).iter().all(|gap| *gap >= quick().retry_after_cap), "{requests:?}");
}

#[tokio::test]
async fn f28_a_server_that_shuts_down_is_left_for_another_connection() {
    let served = TestServer::small().await;
    let relay = Relay::to(served.address, Mode::default()).await;
    let plain = ContextTarget::plain("small", &format!("http://{}", relay.address));
    // A probe may take as long as it likes, so that a busy machine is no failure of one.
    let mut rig = Rig::start(served, plain, Tuning { probe_deadline: ms(20_000), ..quick() }).await;
    rig.wait_until_synced().await;
    let leaving = "The apiserver is shutting down, please try again later.";
    let before = relay.accepted();
    let failure = rig.check_fault(lists(status(429, Some(5), Some(leaving))), Layer::Throttled, leaving).await;
    assert_eq!(failure.code, Some(429));
    rig.wait_until("a new connection for the next request", |_| relay.accepted() > before).await;
    // `/livez` was green all the time: it proves nothing about lists.
    assert!(rig.probes().iter().all(|outcome| matches!(outcome, ProbeOutcome::Answered { .. })), "{:?}", rig.probes());
}

#[tokio::test]
async fn f29_a_shutting_down_server_that_says_503_is_obeyed() {
    let mut rig = Rig::synced().await;
    let failure = rig.check_fault(lists(status(503, Some(1), None)), Layer::Server, "apiserver is shutting down").await;
    assert_eq!(failure.code, Some(503));
    assert!(failure.next_in.unwrap() >= quick().retry_after_cap && failure.audit_id.is_some(), "{failure:?}");
}

#[tokio::test]
async fn f30_a_cache_that_warms_up_is_a_server_that_throttles() {
    let mut rig = Rig::synced().await;
    let warming = "storage is (re)initializing";
    let failure = rig.check_fault(lists(status(429, Some(1), Some(warming))), Layer::Throttled, warming).await;
    assert_eq!(failure.next_in, Some(quick().retry_after_cap));
}

#[tokio::test]
async fn f31_a_server_timeout_is_distinguished_from_ours_and_names_its_audit_id() {
    let mut rig = Rig::synced().await;
    let says = "request did not complete within the allotted timeout";
    let failure = rig.check_fault(lists(status(504, None, None)), Layer::ServerTimeout, says).await;
    assert!(failure.timeout && failure.audit_id.is_some(), "{failure:?}");
    assert_eq!(failure.code, Some(504));
}

#[tokio::test]
async fn f32_etcd_trouble_is_called_so() {
    let mut rig = Rig::synced().await;
    let full = "etcdserver: mvcc: database space exceeded";
    for (message, says) in [
        ("etcdserver: leader changed", "etcd trouble: etcdserver: leader changed"),
        ("etcdserver: request timed out", "etcd trouble: etcdserver: request timed out"),
        (full, "etcd trouble: etcdserver: mvcc: database space exceeded; reads still work"),
    ] {
        let failure = rig.check_fault(lists(status(500, None, Some(message))), Layer::Server, says).await;
        assert_eq!(failure.code, Some(500));
        rig.served.control().apply(Change::Uncordon { node: "worker-1".to_owned() });
    }
}

#[tokio::test]
async fn f33_errors_of_a_load_balancer_are_one_line_that_names_it() {
    let html = "<html>\n<body>\n<h1>502 Bad Gateway</h1></body></html>";
    for (code, body, says) in [
        (502, html, "load balancer or proxy answered 502 (HTML)"),
        (503, "", "load balancer or proxy answered 503 Service Unavailable without a body"),
        (503, "no healthy upstream", "load balancer or proxy answered 503: no healthy upstream"),
    ] {
        let kind = if body == html { "text/html" } else { "text/plain" };
        let mut rig = Rig::synced().await;
        let failure = rig.check_fault(lists(answer(code, &[("content-type", kind)], body)), Layer::Server, says).await;
        assert_eq!((failure.code, failure.audit_id), (Some(code), None));
        assert!(!rig.event_text.contains("<h1>"), "no HTML");
    }
}

#[tokio::test]
async fn f34_a_captive_portal_is_no_kubernetes_api_and_no_answer_to_a_probe() {
    let mut rig = Rig::synced().await;
    let portal = answer(200, &[], "<html><body>Please log in</body></html>");
    let before = rig.served.lists("pods").len();
    let failure = rig.check_fault(Fault::new(portal.clone()), Layer::Decode, "not a Kubernetes API").await;
    assert!(failure.next_in.unwrap() >= quick().rejected_delay, "no fast retry: {failure:?}");
    // The first is the refresh that stages the fault; what comes after the fault is another matter.
    let requests: Vec<_> = rig.served.lists("pods").into_iter().skip(before).take(3).collect();
    assert!(TestServer::gaps(&requests).iter().any(|gap| *gap >= quick().rejected_delay), "{requests:?}");
    let before = rig.probes().len();
    rig.served.control().inject(Fault::new(portal));
    rig.wait_until("two probes", |rig| rig.probes().len() >= before + 4).await;
    let probes = rig.probes();
    let last = probes.last().unwrap();
    assert!(matches!(last, ProbeOutcome::Failed { layer: Layer::Decode, .. }), "{last:?}");
}

#[tokio::test]
async fn f35_a_redirect_to_another_host_is_not_followed() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let location = format!("http://{}/api/v1/pods", elsewhere.local_addr().unwrap());
    for code in [301, 302, 307] {
        let mut rig = Rig::synced().await;
        let redirect = answer(code, &[("location", &location)], "");
        let says = format!("answered {code}, a redirect: not followed");
        let failure = rig.check_fault(Fault::new(redirect), Layer::Server, &says).await;
        assert!(failure.next_in.unwrap() >= quick().rejected_delay, "{failure:?}");
    }
    let visited = tokio::time::timeout(ms(1), elsewhere.accept()).await;
    assert!(visited.is_err(), "nobody came");
}

#[tokio::test]
async fn f36_an_absurd_retry_after_is_clamped_or_passed_over() {
    for value in ["86400", "-1", "Wed, 21 Oct 2115 07:28:00 GMT", "18446744073709551615", "1e9", ""] {
        let mut rig = Rig::synced().await;
        let fault = lists(answer(429, &[("retry-after", value)], "slow down"));
        let failure = rig.check_fault(fault, Layer::Throttled, "").await;
        assert!(failure.next_in.unwrap() <= quick().retry_after_cap, "{value}: {failure:?}");
    }
}

#[tokio::test]
async fn f37_warnings_are_shown_once_and_bring_nothing_of_theirs_to_the_screen() {
    let served = TestServer::small().await;
    // C1 CSI and a right-to-left override: as much as a header may carry; HTTP itself forbids ESC.
    let warning = "299 - \"canary \u{9b}2J \u{202e}\"".to_owned();
    served.control().inject(Fault::new(FaultKind::Headers(vec![("warning".to_owned(), warning)])));
    let mut rig = Rig::direct(served, quick()).await;
    rig.wait_until_synced().await;
    rig.refresh().await;
    let finished = rig.finished_lists();
    rig.wait_until("both lists again", |rig| rig.finished_lists() >= finished + 2).await;
    let texts: Vec<&str> = rig.failures().iter().map(|failure| &*failure.text).collect();
    assert_eq!(texts.len(), 1, "once, whatever carries it: {texts:?}");
    assert!(texts[0].contains("canary") && !texts[0].contains(['\u{9b}', '\u{202e}']), "{texts:?}");
    assert_eq!(rig.failures()[0].layer, Layer::Warning);
    let shown: Vec<_> = rig.model.clusters()[0].link().log().map(|failure| failure.layer).collect();
    assert_eq!(shown, [Layer::Warning], "in the API view");
    let report = rig.report();
    assert!(report.errors.is_empty() && report.state == "ok", "it is no error: {report:?}");
    rig.check_keys_and_healthy_cluster().await;
    rig.check_rules();
}

#[tokio::test]
async fn byte_level_faults_of_a_scenario_file_strike_and_end_by_themselves() {
    let text = r#"
title = "a body that stalls in mid-page for the first second"
seed = 1
base = "small"

[[step]]
at = "0s"
for = "1s"
fault = "wire"
after_bytes = 2000
end = "stall"
match = { verb = "list", resource = "pods" }
"#;
    let mut rig = Rig::direct(TestServer::on_current_runtime(scenario(text)).await, quick()).await;
    rig.wait_for_failure(Layer::Body, "no data for").await;
    rig.wait_until("the end of the fault", Rig::matches_server).await;
    rig.check_rules();
}
