//! Credentials end to end: kubeconfig file, plugin, client, server.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tower::BoxError;

use super::*;
use crate::clock::Clock;
use crate::cluster::kubeconfig::{ContextTarget, Selection, Sources, load};
use crate::cluster::tests::script::list;
use crate::cluster::{TaskLink, run};
use crate::msg::{ClusterId, Msg, ProbeOutcome, Resource, SyncState};

/// A server that accepts one token. Watches stay open.
async fn server(token: &'static str) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = service_fn(async move |request| Ok::<_, BoxError>(answer(token, &request)));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

fn answer(token: &str, request: &Request<Incoming>) -> Response<UnsyncBoxBody<Bytes, BoxError>> {
    let whole = |text: String| Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync();
    let authorization = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    if authorization != Some(&format!("Bearer {token}")) {
        let status = r#"{"kind":"Status","message":"Unauthorized","code":401}"#;
        return Response::builder().status(StatusCode::UNAUTHORIZED).body(whole(status.to_owned())).unwrap();
    }
    if request.uri().query().is_some_and(|query| query.contains("watch=1")) {
        let silence = StreamBody::new(tokio_stream::pending::<Result<Frame<Bytes>, BoxError>>());
        return Response::new(silence.boxed_unsync());
    }
    Response::new(whole(match request.uri().path() {
        "/api/v1/nodes" | "/api/v1/pods" | "/api/v1/namespaces" => list(7, "", &["a"]),
        "/version" => r#"{"gitVersion":"v1.36.2"}"#.to_owned(),
        _ => "ok".to_owned(),
    }))
}

fn target(folder: &Path, address: SocketAddr, user: &str) -> ContextTarget {
    let path = folder.join("config");
    let text = format!(
        "current-context: c\nclusters: [{{name: k, cluster: {{server: 'http://{address}'}}}}]\n\
         users: [{{name: u, user: {user}}}]\ncontexts: [{{name: c, context: {{cluster: k, user: u}}}}]\n"
    );
    std::fs::write(&path, text).unwrap();
    load(&Sources { flag: Some(path), ..Sources::default() }, &Selection::default()).unwrap().remove(0)
}

fn plugin(folder: &Path, script: &str) {
    let path = folder.join("plugin");
    std::fs::write(&path, format!("#!/bin/sh\ncd \"$(dirname \"$0\")\"\necho run >> runs\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn runs(folder: &Path) -> usize {
    std::fs::read_to_string(folder.join("runs")).unwrap_or_default().lines().count()
}

/// Runs the cluster's tasks until `done` holds for an event; returns all of them.
async fn events(target: ContextTarget, tuning: Tuning, done: impl Fn(&[ClusterEvent]) -> bool) -> Vec<ClusterEvent> {
    let (out, mut news) = tokio::sync::mpsc::channel(64);
    let (_commands, commands) = tokio::sync::mpsc::channel(1);
    let link = TaskLink {
        id: ClusterId(0),
        out,
        commands,
        inspect: tokio::sync::watch::channel(None).1,
        clock: Clock::start(),
    };
    let task = tokio::spawn(run(target, tuning, link));
    let mut events = Vec::new();
    while !done(&events) {
        assert!(events.len() < 20_000, "it goes on and on: {:#?}", &events[..40]);
        let next = tokio::time::timeout(Duration::from_secs(3600), news.recv()).await;
        let Ok(Some(Msg::Cluster(_, event))) = next else { panic!("nothing more after {events:#?}") };
        events.push(event);
    }
    drop(news);
    task.await.unwrap();
    events
}

fn complete(events: &[ClusterEvent]) -> bool {
    Resource::CORE.iter().all(|of| {
        events
            .iter()
            .any(|event| matches!(event, ClusterEvent::Sync { resource, state: SyncState::Watching } if resource == of))
    })
}

#[tokio::test]
async fn a_plugins_token_is_used_and_after_a_401_the_plugin_runs_once_more() {
    let address = server("canary-2").await;
    let folder = tempfile::tempdir().unwrap();
    plugin(folder.path(), "n=$(wc -l < runs | tr -d ' ')\necho '{\"status\":{\"token\":\"canary-'$n'\"}}'");
    let target =
        target(folder.path(), address, "{exec: {apiVersion: client.authentication.k8s.io/v1, command: ./plugin}}");
    let events = events(target, Tuning::default(), complete).await;
    assert_eq!(runs(folder.path()), 2, "once at first, once for both lists and the probe that were rejected");
    assert!(events.iter().any(|event| matches!(event, ClusterEvent::Failed(failure) if failure.layer == Layer::Auth)));
    assert!(!format!("{events:?}").contains("canary"));
}

#[tokio::test]
async fn tokens_and_token_files_of_the_kubeconfig_are_used() {
    let address = server("canary").await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "canary\n").unwrap();
    for user in ["{token: canary}", "{tokenFile: token}"] {
        let events = events(target(folder.path(), address, user), Tuning::default(), complete).await;
        assert!(!format!("{events:?}").contains("canary"), "{user}");
    }
}

#[tokio::test]
async fn a_plugin_that_fails_is_reported_as_credentials_everywhere() {
    let address = server("never").await;
    let folder = tempfile::tempdir().unwrap();
    plugin(folder.path(), "echo 'session expired, run login' >&2; exit 1");
    let target = target(folder.path(), address, "{exec: {command: ./plugin}}");
    let waiting = |events: &[ClusterEvent]| {
        let lists =
            events.iter().filter(|event| matches!(event, ClusterEvent::Sync { state: SyncState::Waiting { .. }, .. }));
        let probes = events.iter().filter(|event| matches!(event, ClusterEvent::Probe(_)));
        lists.count() >= 2 && probes.count() >= 2
    };
    for event in events(target, Tuning::default(), waiting).await {
        match event {
            ClusterEvent::Sync { state: SyncState::Waiting { failure, .. }, .. } => {
                assert_eq!(failure.layer, Layer::Credentials);
                assert_eq!(
                    &*failure.text,
                    "credential plugin `plugin` ended with exit code 1; \
                     `kubectl --kubeconfig FILE --context c get nodes` shows what it says"
                        .replace("FILE", folder.path().join("config").to_str().unwrap())
                );
            }
            ClusterEvent::Probe(sample) => {
                assert!(matches!(sample.outcome, ProbeOutcome::Failed { layer: Layer::Credentials, .. }), "{sample:?}");
            }
            _ => {}
        }
    }
    assert!(runs(folder.path()) <= 2, "the plugin backs off too");
}

#[tokio::test(start_paused = true)]
async fn a_broken_context_asks_nobody_and_says_why() {
    let hour = |events: &[ClusterEvent]| events.iter().filter(|e| matches!(e, ClusterEvent::Probe(_))).count() >= 1440;
    let events = events(ContextTarget::plain("x", "http://["), Tuning::default(), hour).await;
    assert!(!events.iter().any(|event| matches!(event, ClusterEvent::Call(_))));
    let config = events.iter().filter(|event| {
        matches!(event, ClusterEvent::Sync { resource, state: SyncState::Waiting { failure, .. } }
            if failure.layer == Layer::Config && Resource::CORE.contains(resource))
    });
    let reported = config.count();
    assert!((60..=400).contains(&reported), "{reported} times in an hour, for two lists");
}

#[tokio::test]
async fn f60_f63_credentials_are_renewed_before_they_expire() {
    let address = server("canary").await;
    let folder = tempfile::tempdir().unwrap();
    plugin(
        folder.path(),
        "echo '{\"status\":{\"token\":\"canary\",\"expirationTimestamp\":\"2001-01-01T00:00:00Z\"}}'",
    );
    let mut target = target(folder.path(), address, "{exec: {command: ./plugin}}");
    let built = target.build(Arc::new(Tuning::default()), MeterSink::new(Clock::start())).await.unwrap();
    assert_eq!(built.expires, Some("2001-01-01T00:00:00Z".parse().unwrap()));
}

#[tokio::test]
async fn f64_a_rotated_token_file_makes_the_clients_stale_and_a_missing_one_is_named() {
    let address = server("canary").await;
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "canary\n").unwrap();
    let mut target = target(folder.path(), address, "{tokenFile: token}");
    let sink = MeterSink::new(Clock::start());
    target.build(Arc::new(Tuning::default()), sink.clone()).await.unwrap();
    assert!(!target.stale().await);
    let later = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(5_000_000_000);
    std::fs::File::options().write(true).open(&token).unwrap().set_modified(later).unwrap();
    assert!(target.stale().await);
    std::fs::remove_file(&token).unwrap();
    let error = target.build(Arc::new(Tuning::default()), sink).await.err().unwrap();
    assert_eq!(error.layer, Layer::Credentials);
    assert!(error.text.ends_with("/token`: no such file or directory"), "{}", error.text);
}

#[tokio::test]
async fn f64_changed_certificate_files_make_the_clients_stale() {
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.crt");
    std::fs::write(&ca, "").unwrap();
    let path = folder.path().join("config");
    let text = "current-context: c\nclusters: [{name: k, cluster: {server: 'https://127.0.0.1:1', certificate-authority: ca.crt}}]\n\
        contexts: [{name: c, context: {cluster: k}}]\n";
    std::fs::write(&path, text).unwrap();
    let sources = Sources { flag: Some(path), ..Sources::default() };
    let mut target = load(&sources, &Selection::default()).unwrap().remove(0);
    // An empty CA file makes no client, but its state has been recorded.
    let _ = target.build(Arc::new(Tuning::default()), MeterSink::new(Clock::start())).await;
    assert!(!target.stale().await);
    let later = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(5_000_000_000);
    std::fs::File::options().write(true).open(&ca).unwrap().set_modified(later).unwrap();
    assert!(target.stale().await);
}

#[tokio::test]
async fn f61_a_login_does_not_wait_for_the_plugin_that_hangs_in_the_background() {
    let folder = tempfile::tempdir().unwrap();
    plugin(
        folder.path(),
        "case $KUBERNETES_EXEC_INFO in *'\"interactive\":true'*) ;; *) exec sleep 3600 ;; esac\n\
         echo '{\"status\":{\"token\":\"good\"}}'",
    );
    let target = target(folder.path(), server("good").await, "{exec: {command: ./plugin}}");
    let (out, mut news) = tokio::sync::mpsc::channel(64);
    let (command, commands) = tokio::sync::mpsc::channel(1);
    let inspect = tokio::sync::watch::channel(None).1;
    let link = TaskLink { id: ClusterId(0), out, commands, inspect, clock: Clock::start() };
    let tuning = Tuning { exec_deadline: Duration::from_secs(3600), ..Tuning::default() };
    let task = tokio::spawn(run(target, tuning, link));
    while runs(folder.path()) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (answer, outcome) = oneshot::channel();
    command.send(crate::cluster::ClusterCommand::LogIn(answer)).await.unwrap();
    assert_eq!(outcome.await.unwrap(), Ok(()));
    let mut events = Vec::new();
    while !complete(&events) {
        let Some(Msg::Cluster(_, event)) = news.recv().await else { panic!("nothing more after {events:#?}") };
        events.push(event);
    }
    assert_eq!(runs(folder.path()), 2, "the one in the background was ended, and none follows");
    drop(news);
    task.await.unwrap();
}
