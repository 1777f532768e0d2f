//! Faults as they look on the wire.

use std::io::ErrorKind;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

use super::client::{get, open};
use super::{Change, Fault, FaultKind, simulate, small};

const PODS: &str = "/api/v1/pods?limit=500";

#[tokio::test(start_paused = true)]
async fn a_delay_comes_before_the_first_byte_and_ends_with_the_deadline_of_the_request() {
    let (_sim, control, url) = small().await;
    control.inject(Fault::new(FaultKind::Delay(Duration::from_secs(12))).verb("list").resource("pods"));
    let started = Instant::now();
    assert_eq!(get(&url, "/api/v1/nodes").await.0, 200);
    assert_eq!(started.elapsed().as_secs(), 0, "another resource");
    assert_eq!(get(&url, PODS).await.0, 200);
    assert_eq!(started.elapsed().as_secs(), 12);
    let started = Instant::now();
    let answer = open(&url, "/api/v1/pods?timeout=5s", "").await.unwrap();
    assert_eq!((answer.status, answer.header("content-type")), (504, Some("text/plain; charset=utf-8")));
    assert_eq!(started.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_body_stops_after_so_many_bytes_and_stays_open() {
    let (_sim, control, url) = small().await;
    control.inject(Fault::new(FaultKind::Stall { after_bytes: 5000 }).resource("pods"));
    let mut answer = open(&url, PODS, "").await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(timeout(Duration::from_secs(3600), answer.body()).await.is_err(), "it must not end");
    assert_eq!(answer.received(), 5000);
}

#[tokio::test]
async fn a_cut_body_ends_in_the_middle_with_an_error() {
    let (_sim, control, url) = small().await;
    control.inject(Fault::new(FaultKind::Cut { after_bytes: 5000 }));
    let mut answer = open(&url, PODS, "").await.unwrap();
    assert!(answer.body().await.is_err());
    assert_eq!(answer.received(), 5000);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_body_takes_its_time_and_is_whole() {
    let (_sim, control, url) = small().await;
    let whole = open(&url, PODS, "").await.unwrap().body().await.unwrap();
    control.inject(Fault::new(FaultKind::Throttle { bytes_per_second: 10_000 }));
    let started = Instant::now();
    assert_eq!(open(&url, PODS, "").await.unwrap().body().await.unwrap(), whole);
    let want = u128::try_from(whole.len()).unwrap() / 10;
    assert!((want..want + 1000).contains(&started.elapsed().as_millis()), "{:?} for {want} ms", started.elapsed());
}

#[tokio::test]
async fn statuses_speak_the_words_of_real_servers() {
    let (_sim, control, url) = small().await;
    let status = |code, seconds| FaultKind::Status { code, retry_after: seconds, message: None };
    let cases = [
        (429, Some(Duration::from_secs(7)), "text/plain; charset=utf-8", "Too many requests, please try again later."),
        (500, None, "application/json", "etcdserver: leader changed"),
        (503, None, "application/json", "apiserver is shutting down"),
        (504, None, "application/json", "Timeout: request did not complete within the allotted timeout"),
        (401, None, "application/json", "Unauthorized"),
        (
            403,
            None,
            "application/json",
            r#"pods is forbidden: User "watchbell" cannot list resource "pods" in API group "" at the cluster scope"#,
        ),
        (502, None, "text/html", "502 Bad Gateway"),
    ];
    for (code, after, content_type, words) in cases {
        control.clear_faults();
        control.inject(Fault::new(status(code, after)).verb("list").resource("pods"));
        let mut answer = open(&url, PODS, "").await.unwrap();
        assert_eq!((answer.status, answer.header("content-type")), (code, Some(content_type)));
        assert_eq!(answer.header("retry-after"), after.map(|_| "7"));
        let body = String::from_utf8(answer.body().await.unwrap()).unwrap();
        match serde_json::from_str::<serde_json::Value>(&body) {
            Ok(body) => assert_eq!((&body["message"], &body["code"]), (&json!(words), &json!(code))),
            Err(_) => assert!(body.contains(words), "{body}"),
        }
        assert_eq!(get(&url, "/api/v1/nodes").await.0, 200, "only what matches is struck");
    }
    let log = control.requests();
    assert_eq!((log[0].path_and_query.as_str(), log[0].status, log[1].status), (PODS, 429, 200));
    assert_eq!(control.request_count(), 14);
}

#[tokio::test]
async fn a_share_of_the_requests_is_met_and_the_same_share_for_the_same_seed() {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let (_sim, control, url) = small().await;
        let kind = FaultKind::Status { code: 503, retry_after: None, message: None };
        control.inject(Fault::new(kind).probability(0.3));
        let mut codes = Vec::new();
        for _ in 0..100 {
            codes.push(get(&url, "/livez").await.0);
        }
        runs.push(codes);
    }
    assert_eq!(runs[0], runs[1]);
    let struck = runs[0].iter().filter(|code| **code == 503).count();
    assert!((15..45).contains(&struck), "{struck} of 100");
}

#[tokio::test(start_paused = true)]
async fn a_frozen_server_accepts_and_answers_only_after_the_thaw() {
    let (_sim, control, url) = small().await;
    let mut running =
        open(&url, &format!("/api/v1/pods?watch=1&resourceVersion={}", control.resource_version()), "").await.unwrap();
    control.freeze(true);
    control.apply(Change::AddPod { namespace: "web".into(), name: "x".into(), node: None });
    assert!(timeout(Duration::from_secs(60), get(&url, "/livez")).await.is_err());
    assert!(timeout(Duration::from_secs(60), running.event()).await.is_err(), "running bodies stall");
    let waiting = tokio::spawn({
        let url = url.clone();
        async move { get(&url, "/livez").await.0 }
    });
    control.freeze(false);
    assert_eq!(waiting.await.unwrap(), 200);
    assert_eq!(running.event().await.unwrap()["type"], "ADDED");
}

#[tokio::test(start_paused = true)]
async fn a_freeze_with_a_match_holds_only_what_it_matches() {
    let (_sim, control, url) = small().await;
    control.inject(Fault::new(FaultKind::Freeze).resource("pods").lasts(Duration::from_secs(300)));
    assert_eq!(get(&url, "/api/v1/nodes").await.0, 200);
    let started = Instant::now();
    assert_eq!(get(&url, PODS).await.0, 200);
    assert_eq!(started.elapsed().as_secs(), 300, "longer than any deadline of the server");
}

#[tokio::test]
async fn a_server_dies_and_comes_back_on_the_same_port_with_the_same_state() {
    let (_sim, control, url) = small().await;
    let rv = control.resource_version();
    let mut running = open(&url, &format!("/api/v1/pods?watch=1&resourceVersion={rv}"), "").await.unwrap();
    let before = control.dump();
    for _ in 0..3 {
        control.stop_listening().await;
        let refused = open(&url, "/livez", "").await.err().map(|e| e.kind());
        assert_eq!(refused, Some(ErrorKind::ConnectionRefused));
        control.listen_again().await.unwrap();
        assert_eq!(get(&url, "/livez").await.0, 200);
    }
    assert!(running.more().await.is_err(), "open connections are cut");
    assert_eq!(control.dump(), before);
}

#[tokio::test]
async fn a_server_that_refuses_keeps_its_port_from_others() {
    let (_sim, control, url) = small().await;
    let address = url.trim_start_matches("http://").parse().unwrap();
    control.stop_listening().await;
    let taken = TcpSocket::new_v4().unwrap().bind(address).err().map(|e| e.kind());
    assert_eq!(taken, Some(ErrorKind::AddrInUse));
    control.listen_again().await.unwrap();
    assert_eq!(get(&url, "/livez").await.0, 200);
}

/// Asks on a connection that stays open.
async fn ask(stream: &mut TcpStream) {
    stream.write_all(b"GET /livez HTTP/1.1\r\nHost: test\r\n\r\n").await.unwrap();
}

/// The whole answer.
async fn answer(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\nok") {
        text.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn a_black_hole_closes_no_connection_and_what_was_sent_into_it_is_answered_when_it_ends() {
    let (_sim, control, url) = small().await;
    let address = url.trim_start_matches("http://");
    let mut idle = TcpStream::connect(address).await.unwrap();
    for round in 0..3 {
        ask(&mut idle).await;
        answer(&mut idle).await;
        control.inject(Fault::new(FaultKind::BlackHole));
        // Those that come before the queue is full stand in it.
        let mut queued = Vec::new();
        while let Ok(connected) = timeout(Duration::from_millis(50), TcpStream::connect(address)).await {
            queued.push(connected.unwrap());
        }
        ask(&mut idle).await;
        let heard = timeout(Duration::from_millis(50), idle.read_u8()).await;
        assert!(heard.is_err(), "{round}: neither an answer nor a goodbye: {heard:?}");
        control.clear_faults();
        assert!(answer(&mut idle).await.starts_with("HTTP/1.1 200 OK"), "{round}: a connection from before the hole");
        assert_eq!(get(&url, "/livez").await.0, 200, "{round}: a new one");
        for mut stream in queued {
            ask(&mut stream).await;
            assert!(answer(&mut stream).await.starts_with("HTTP/1.1 200 OK"), "{round}: one that stood in the queue");
        }
    }
}

#[tokio::test]
async fn a_refusing_server_listens_again_when_the_faults_are_cleared() {
    let (_sim, control, url) = small().await;
    control.inject(Fault::new(FaultKind::Refuse));
    while open(&url, "/livez", "").await.is_ok() {
        tokio::task::yield_now().await;
    }
    control.clear_faults();
    assert_eq!(get(&url, "/livez").await.0, 200);
}

#[tokio::test]
async fn stopping_a_simulation_closes_its_connections_and_ports() {
    let sim = simulate("small").await;
    let (control, url) = (sim.control("small").unwrap(), sim.clusters()[0].url.clone());
    let mut running = open(&url, "/api/v1/pods?watch=1", "").await.unwrap();
    assert_eq!(control.open_connections(), 1);
    sim.stop().await;
    assert_eq!(control.open_connections(), 0);
    while running.more().await.is_ok() {}
    assert!(open(&url, "/livez", "").await.is_err());
}
