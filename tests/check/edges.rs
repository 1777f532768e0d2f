//! `watchbell check` on the other ways to a server: a black hole, a proxy, a client certificate, missing rights.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
use tokio::net::{TcpListener, TcpStream};

use super::*;

#[test]
fn packets_that_vanish_fail_at_tcp_and_name_a_filter() {
    let served = TestServer::scenario("small");
    let hole = served.runtime.enter();
    served.control().inject(Fault::new(FaultKind::BlackHole));
    drop(hole);
    // The hole is dug beside us: until then the port refuses.
    let address: SocketAddr = served.simulation.clusters()[0].url.trim_start_matches("http://").parse().unwrap();
    let begun = Instant::now();
    let vanishes = || {
        let tried = std::net::TcpStream::connect_timeout(&address, Duration::from_millis(300));
        tried.is_err_and(|error| error.kind() == std::io::ErrorKind::TimedOut)
    };
    while !vanishes() {
        assert!(begun.elapsed() < Duration::from_secs(60), "the black hole never opens");
        std::thread::sleep(Duration::from_millis(20));
    }
    let config = served.dir.path().join("config.toml");
    std::fs::write(&config, "[timeouts]\nconnect = \"2s\"\n").unwrap();
    let output = watchbell(&served).args(["check", "-o", "json"]).env("WATCHBELL_CONFIG", config).output().unwrap();
    let cluster = json(&output)["clusters"][0].clone();
    assert_eq!((output.status.code(), failed(&cluster)), (Some(3), vec!["tcp"]), "{cluster:#}");
    assert_step(&cluster, "tcp", "fail", "connect");
    let text = step(&cluster, "tcp")["text"].as_str().unwrap();
    assert!(text.contains("within 2 s") && text.contains("filtered or no route"), "{text}");
}

#[test]
fn rights_are_reported_verb_by_verb() {
    let served = TestServer::scenario("small");
    let forbidden = FaultKind::Status { code: 403, retry_after: None, message: None };
    served.control().inject(Fault::new(forbidden).verb("watch").resource("nodes"));
    let (code, cluster) = check(&served, &[]);
    assert_eq!(code, 3, "{cluster:#}");
    assert_eq!(
        step(&cluster, "rbac nodes")["text"].as_str().unwrap().split(';').next(),
        Some("list yes, watch NO, get yes")
    );
    assert_step(&cluster, "rbac nodes", "fail", "rbac");
    assert_eq!(step(&cluster, "rbac pods")["text"], "list yes, watch yes, get yes");
}

#[test]
fn what_is_optional_is_reported_and_never_fails_the_check() {
    let served = TestServer::scenario("reference");
    let (code, cluster) = check(&served, &[]);
    assert_eq!(code, 0, "{cluster:#}");
    for (name, says) in [
        ("metrics api", ["metrics readable", "not installed"]),
        ("dra", ["resource.k8s.io v1", "has no resource.k8s.io"]),
    ] {
        let step = step(&cluster, name);
        let text = step["text"].as_str().unwrap();
        assert!(["ok", "skip"].iter().any(|outcome| step["outcome"] == *outcome), "{step:#}");
        assert!(says.iter().any(|words| text.contains(words)), "{name}: {text}");
    }
}

/// Sends a request and reads the answer away.
fn get(served: &TestServer, path: &str) {
    use std::io::{Read, Write};

    let mut stream = std::net::TcpStream::connect(served.address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 "), "{}", String::from_utf8_lossy(&answer));
}

#[test]
fn load_of_the_server_and_its_slowest_verbs_are_read_from_its_metrics() {
    let served = TestServer::scenario("small");
    (0..100).for_each(|_| get(&served, "/api/v1/namespaces?limit=1"));
    served.control().inject(
        Fault::new(FaultKind::Status { code: 429, retry_after: Some(Duration::from_secs(1)), message: None })
            .resource("events"),
    );
    (0..4).for_each(|_| get(&served, "/api/v1/events?limit=1"));
    let (code, cluster) = check(&served, &[]);
    assert_eq!(code, 0, "{cluster:#}");
    let load = step(&cluster, "load");
    assert_eq!(load["outcome"], "ok");
    let text = load["text"].as_str().unwrap();
    assert!(text.starts_with("in flight ") && text.contains(" reads, 0 writes; queued 0;"), "{text}");
    assert!(text.ends_with("rejected since start 4 (global-default 4)"), "{text}");
    let slow = step(&cluster, "slow verbs");
    assert!(slow["text"].as_str().unwrap().starts_with("p99: LIST namespaces ≤"), "{slow:#}");
    assert_eq!(slow["limit"]["source"], "API-call SLO");
}

#[test]
fn flapping_node_is_named_with_how_often_its_events_say_it_changed() {
    let served = TestServer::scenario("small");
    let dump = served.control().dump();
    let node = dump["nodes"][1]["metadata"]["name"].as_str().unwrap().to_owned();
    for _ in 0..2 {
        served.control().apply(Change::NodeNotReady { node: node.clone() });
        served.control().apply(Change::NodeRecovered { node: node.clone() });
    }
    served.control().apply(Change::NodeNotReady { node: node.clone() });
    let (code, cluster) = check(&served, &[]);
    assert_eq!(code, 0, "{cluster:#}");
    let text = step(&cluster, &format!("node {node}"))["text"].as_str().unwrap();
    assert!(text.starts_with("NotReady since ") && text.contains("NodeNotReady ×3"), "{text}");
}

/// A proxy that knows only CONNECT, and counts the tunnels that it made.
fn proxy(served: &TestServer, refuse: bool) -> (SocketAddr, Arc<AtomicUsize>) {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

    let listener = served.runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let (address, tunnels) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&tunnels);
    served.runtime.spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                let mut client = BufReader::new(client);
                let mut first = String::new();
                client.read_line(&mut first).await?;
                let mut line = String::new();
                while client.read_line(&mut line).await? > 2 {
                    line.clear();
                }
                let to = first.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).unwrap_or("");
                if refuse || to.is_empty() {
                    return client
                        .write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
                        .await;
                }
                let mut behind = TcpStream::connect(to).await?;
                client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
                count.fetch_add(1, Ordering::Relaxed);
                tokio::io::copy_bidirectional(&mut client, &mut behind).await.map(drop)
            });
        }
    });
    (address, tunnels)
}

#[test]
fn check_goes_through_a_proxy_and_names_the_proxy_that_refuses() {
    let served = TestServer::scenario("small");
    let authority = Authority::new("our-ca");
    let front = tls_front(&served, &authority, 2090);
    let kubeconfig = write_kubeconfig(served.dir.path(), front.address, &authority.pem);
    let through = |proxy: SocketAddr| {
        let text = std::fs::read_to_string(&kubeconfig).unwrap();
        let path = served.dir.path().join("proxied");
        std::fs::write(
            &path,
            text.replace("cluster: {server:", &format!("cluster: {{proxy-url: 'http://{proxy}', server:")),
        )
        .unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (good, tunnels) = proxy(&served, false);
    let (code, cluster) = check(&served, &["--kubeconfig", &through(good)]);
    assert_eq!(code, 0, "{cluster:#}");
    assert!(tunnels.load(Ordering::Relaxed) >= 2, "the check and its requests go through the tunnel");
    assert!(
        step(&cluster, "kubeconfig")["text"].as_str().unwrap().contains(&format!("proxy http://{good}")),
        "{cluster:#}"
    );
    assert_eq!(step(&cluster, "pod page")["outcome"], "ok", "{cluster:#}");
    let (bad, _) = proxy(&served, true);
    let (code, cluster) = check(&served, &["--kubeconfig", &through(bad)]);
    assert_eq!(code, 3);
    let name = failed(&cluster)[0].to_owned();
    assert_eq!(step(&cluster, &name)["layer"], "proxy", "{cluster:#}");
    assert!(step(&cluster, &name)["text"].as_str().unwrap().contains("proxy authorization required"), "{cluster:#}");
}

#[test]
fn client_certificate_is_reported_with_its_end_or_that_of_its_intermediate() {
    let served = TestServer::scenario("small");
    let soon = |days: i64| {
        let at = watchbell::clock::wall() + jiff::SignedDuration::from_hours(24 * days + 1);
        let date = at.strftime("%Y-%m-%d").to_string();
        let part = |range: std::ops::Range<usize>| date[range].parse::<u8>().unwrap();
        (date_time_ymd(date[..4].parse().unwrap(), part(5..7), part(8..10)), date)
    };
    let made = |name: &str, until| {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_after = until;
        let key = KeyPair::generate().unwrap();
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    };
    let far = date_time_ymd(2090, 1, 1);
    let (near, date) = soon(3);
    let authority = Authority::new("our-ca");
    let front = tls_front(&served, &authority, 2090);
    let base = write_kubeconfig(served.dir.path(), front.address, &authority.pem);
    let base = std::fs::read_to_string(base).unwrap();
    for (case, own, other, outcome, exit, says) in [
        ("good", far, far, "ok", 0, "CN=ops, until 2090-01-01".to_owned()),
        ("own ends", near, far, "warn", 0, format!("CN=ops, until {date}")),
        ("intermediate ends", far, near, "warn", 0, format!("its intermediate CN=sub-ca, until {date}")),
        ("expired", date_time_ymd(2020, 1, 1), far, "fail", 3, "CN=ops, expired at 2020-01-01".to_owned()),
    ] {
        let (certificate, key) = made("ops", own);
        let dir = served.dir.path();
        std::fs::write(dir.join("client.crt"), certificate + &made("sub-ca", other).0).unwrap();
        std::fs::write(dir.join("client.key"), key).unwrap();
        let text = base
            .replace("user: {token: canary-4711}", "user: {client-certificate: client.crt, client-key: client.key}");
        std::fs::write(dir.join("client-kubeconfig"), text).unwrap();
        let path = dir.join("client-kubeconfig");
        let (code, cluster) = check(&served, &["--kubeconfig", path.to_str().unwrap()]);
        let credentials = step(&cluster, "credentials");
        assert_eq!((code, &credentials["outcome"]), (exit, &outcome.into()), "{case}: {cluster:#}");
        assert!(credentials["text"].as_str().unwrap().contains(&says), "{case}: {credentials:#}");
    }
}

#[test]
fn an_answer_that_no_api_server_gives_is_no_right_although_it_is_a_success() {
    let forbidden = r#"{"kind":"Status","status":"Failure","message":"no","reason":"Forbidden","code":403}"#;
    for (body, outcome) in [
        ("<html>log in</html>", "decode"),
        ("null", "decode"),
        ("", "decode"),
        ("[]", "decode"),
        (r#"{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{},"rows":[]}"#, "decode"),
        (forbidden, "rbac"),
    ] {
        for verb in ["list", "watch", "get"] {
            let served = TestServer::scenario("small");
            let answer = FaultKind::Answer { code: 200, headers: Vec::new(), body: body.to_owned() };
            served.control().inject(Fault::new(answer).verb(verb).resource("pods"));
            let (code, cluster) = check(&served, &[]);
            // A watch that ends without a word may be one of nothing.
            if body.is_empty() && verb == "watch" {
                continue;
            }
            assert_eq!(code, 3, "{verb} {body}: {cluster:#}");
            assert_step(&cluster, "rbac pods", "fail", outcome);
        }
    }
    let served = TestServer::scenario("small");
    let answer = FaultKind::Answer { code: 200, headers: Vec::new(), body: "<html>log in</html>".to_owned() };
    served.control().inject(Fault::new(answer));
    let (_, cluster) = check(&served, &[]);
    let steps = cluster["steps"].as_array().unwrap().iter();
    let ok: Vec<&str> =
        steps.filter(|step| step["outcome"] == "ok").map(|step| step["name"].as_str().unwrap()).collect();
    assert_eq!(ok, ["kubeconfig", "credentials", "dns", "tcp"], "{cluster:#}");
}
