//! `watchbell check`: it reports what works, names what fails by its layer, and ends within its bound.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use watchbell::sim::{Change, Fault, FaultKind};

use crate::rig::{Authority, Certificate, Mode, Relay, TestServer, wait_until, watchbell};

mod edges;

/// Deadlines of one second, so that what hangs does not hold up the tests.
fn run(served: &TestServer, args: &[&str]) -> Output {
    let config = served.dir.path().join("config.toml");
    std::fs::write(&config, "[probe]\ndeadline = \"1s\"\n").unwrap();
    watchbell(served).arg("check").args(args).env("WATCHBELL_CONFIG", config).output().unwrap()
}

fn json(output: &Output) -> Value {
    let stderr = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("no JSON; stderr says: {stderr}"))
}

/// The exit code and the first cluster of a check as JSON.
fn check(served: &TestServer, args: &[&str]) -> (i32, Value) {
    let output = run(served, &[&["-o", "json"], args].concat());
    let check = json(&output);
    assert_eq!((&check["apiVersion"], &check["kind"]), (&"watchbell/v1".into(), &"Check".into()));
    (output.status.code().unwrap(), check["clusters"][0].clone())
}

fn step<'a>(cluster: &'a Value, name: &str) -> &'a Value {
    let steps = cluster["steps"].as_array().unwrap();
    steps.iter().find(|step| step["name"] == name).unwrap_or_else(|| panic!("no step `{name}`: {cluster:#}"))
}

fn failed(cluster: &Value) -> Vec<&str> {
    let steps = cluster["steps"].as_array().unwrap().iter();
    steps.filter(|step| step["outcome"] == "fail").map(|step| step["name"].as_str().unwrap()).collect()
}

#[track_caller]
fn assert_step(cluster: &Value, name: &str, outcome: &str, layer: &str) {
    let step = step(cluster, name);
    assert_eq!((&step["outcome"], &step["layer"]), (&outcome.into(), &layer.into()), "{step:#}");
    if outcome != "ok" {
        assert!(step["next"].as_str().is_some_and(|next| !next.is_empty()), "it does not say what to do: {step:#}");
    }
}

#[test]
fn check_of_a_healthy_cluster_is_all_ok_and_figures_are_the_servers() {
    for (scenario, nodes) in [("small", 3), ("reference", 104)] {
        let served = TestServer::scenario(scenario);
        let (code, cluster) = check(&served, &[]);
        assert_eq!(code, 0, "{cluster:#}");
        for step in cluster["steps"].as_array().unwrap() {
            assert!(step["outcome"] == "ok" || step["outcome"] == "skip", "{scenario}: {step:#}");
        }
        assert_eq!(step(&cluster, "node page")["timing"]["objects"], nodes);
        let all = served.control().dump()["pods"].as_array().unwrap().len();
        let page = &step(&cluster, "pod page")["timing"];
        assert_eq!(page["objects"], all.min(500), "{scenario}");
        assert!(page["bytes"].as_u64().unwrap() > 10_000 && page["totalMs"].as_f64().unwrap() > 0.0, "{page}");
        for name in
            ["dns", "tcp", "livez", "clock", "readyz", "version", "rbac nodes", "rbac pods", "watch", "list pages"]
        {
            assert_eq!(step(&cluster, name)["outcome"], "ok");
        }
    }
}

#[test]
fn text_is_one_line_for_each_step_that_is_well_and_no_line_is_wider_than_100() {
    let served = TestServer::scenario("small");
    let output = run(&served, &[]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().all(|line| line.chars().count() <= 100 && !line.contains('\x1b')), "{text}");
    let (first, rest) = text.split_once('\n').unwrap();
    assert!(first.starts_with("check of ") && rest.lines().last().unwrap().starts_with("=> healthy: "), "{text}");
    let lines = rest.lines().count() - 1;
    let steps = rest.lines().filter(|line| line.starts_with("ok  ") || line.starts_with("skip")).count();
    assert_eq!(steps, lines, "{text}");
}

#[test]
fn refused_port_fails_at_tcp_and_nothing_is_tried_behind_it() {
    let served = TestServer::scenario("small");
    served.runtime.block_on(served.control().stop_listening());
    let (code, cluster) = check(&served, &[]);
    assert_eq!((code, failed(&cluster)), (3, vec!["tcp"]));
    assert_step(&cluster, "tcp", "fail", "connect");
    assert!(step(&cluster, "the rest")["text"].as_str().unwrap().contains("pod page"));
}

#[test]
fn server_that_accepts_and_says_nothing_fails_at_the_first_byte_and_is_asked_twice_only() {
    let served = TestServer::scenario("small");
    served.control().freeze(true);
    let begun = Instant::now();
    let (code, cluster) = check(&served, &["--deadline", "300s"]);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    assert_eq!((code, failed(&cluster)), (3, vec!["livez", "readyz"]));
    assert_eq!(step(&cluster, "tcp")["outcome"], "ok");
    assert_step(&cluster, "livez", "fail", "firstByte");
}

#[test]
fn a_node_that_rejects_its_pods_is_named_with_the_reason() {
    let served = crate::pty_questions::incident();
    wait_until("five rejected pods", || {
        let rejected = served.control().dump()["pods"].as_array().unwrap().clone();
        rejected.iter().filter(|pod| pod["status"]["reason"] == "UnexpectedAdmissionError").count() >= 5
    });
    let (_, cluster) = check(&served, &[]);
    let step = step(&cluster, "black holes");
    assert_eq!(step["outcome"], "warn");
    let text = step["text"].as_str().unwrap();
    assert!(text.starts_with("10-16-10-127.maas ended "), "{text}");
    assert!(text.contains("UnexpectedAdmissionError"), "{text}");
}

/// Each request is within its own deadline, so only the bound of the whole can end it.
#[test]
fn check_ends_at_its_bound_when_every_answer_is_slow() {
    let served = TestServer::scenario("small");
    served.control().inject(Fault::new(FaultKind::Delay(Duration::from_millis(700))));
    let begun = Instant::now();
    let (code, cluster) = check(&served, &["--deadline", "4s"]);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    assert_eq!(code, 3);
    assert!(failed(&cluster).contains(&"bound"), "{cluster:#}");
    assert_eq!(step(&cluster, "livez")["outcome"], "warn", "700 ms is over half of the SLO");
}

#[test]
fn rejected_credentials_fail_as_authentication_and_end_the_check() {
    let served = TestServer::scenario("small");
    served.control().inject(Fault::new(FaultKind::Status { code: 401, retry_after: None, message: None }));
    let (code, cluster) = check(&served, &[]);
    assert_eq!((code, failed(&cluster)), (3, vec!["livez"]));
    assert_step(&cluster, "livez", "fail", "auth");
}

#[test]
fn forbidden_pods_fail_as_rbac_and_the_nodes_are_still_looked_at() {
    let served = TestServer::scenario("small");
    let forbidden = FaultKind::Status { code: 403, retry_after: None, message: None };
    served.control().inject(Fault::new(forbidden).resource("pods"));
    let (code, cluster) = check(&served, &[]);
    assert_eq!((code, failed(&cluster)), (3, vec!["rbac pods", "pod page"]));
    assert_step(&cluster, "rbac pods", "fail", "rbac");
    let text = step(&cluster, "rbac pods")["text"].as_str().unwrap();
    assert!(text.starts_with("list NO, watch NO, get NO"), "{text}");
    assert_eq!(step(&cluster, "rbac nodes")["text"], "list yes, watch yes, get yes");
    assert_eq!(step(&cluster, "watch")["outcome"], "ok");
}

#[test]
fn slow_body_fails_as_body_and_not_as_the_server() {
    let served = TestServer::scenario("reference");
    let slow = FaultKind::Throttle { bytes_per_second: 20_000 };
    served.control().inject(Fault::new(slow).verb("list").resource("pods"));
    let begun = Instant::now();
    let (code, cluster) = check(&served, &["--deadline", "6s"]);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    assert_eq!(code, 3);
    assert_eq!(step(&cluster, "node page")["outcome"], "ok");
    assert_step(&cluster, "pod page", "fail", "body");
}

#[test]
fn skewed_clock_is_a_warning_and_beyond_the_leeway_of_tokens_a_failure() {
    let served = TestServer::scenario("small");
    for (seconds, outcome, way, exit) in
        [(30, "warn", "behind", 0), (-300, "fail", "ahead of", 3), (300, "fail", "behind", 3)]
    {
        served.control().clear_faults();
        served.control().inject(Fault::new(FaultKind::ClockSkew { seconds }));
        let (code, cluster) = check(&served, &[]);
        let clock = step(&cluster, "clock");
        assert_eq!((code, &clock["outcome"]), (exit, &outcome.into()), "{clock:#}");
        assert!(clock["text"].as_str().unwrap().contains(&format!("{way} the server's")), "{clock:#}");
    }
}

#[test]
fn watch_that_opens_and_says_nothing_fails_as_watch() {
    let served = TestServer::scenario("small");
    served.control().inject(Fault::new(FaultKind::WatchSilent));
    let (code, cluster) = check(&served, &[]);
    assert_eq!((code, failed(&cluster)), (3, vec!["watch"]));
    assert_step(&cluster, "watch", "fail", "watch");
}

#[test]
fn node_that_has_just_changed_is_named_with_its_state() {
    let served = TestServer::scenario("small");
    let dump = served.control().dump();
    let node = dump["nodes"][1]["metadata"]["name"].as_str().unwrap();
    served.control().apply(Change::NodeNotReady { node: node.to_owned() });
    let (code, cluster) = check(&served, &[]);
    assert_eq!(code, 0, "a warning: the API is well");
    assert!(step(&cluster, "ready changes")["text"].as_str().unwrap().starts_with("1 of 3 nodes"), "{cluster:#}");
    let text = step(&cluster, &format!("node {node}"))["text"].as_str().unwrap();
    assert!(text.starts_with("NotReady since "), "{text}");
}

#[test]
fn a_node_that_is_not_ready_is_named_and_is_a_warning() {
    let served = TestServer::scenario("small");
    let (code, cluster) = check(&served, &[]);
    assert_eq!((code, &step(&cluster, "nodes ready")["text"]), (0, &"all 3 nodes are Ready".into()));
    let dump = served.control().dump();
    let node = dump["nodes"][1]["metadata"]["name"].as_str().unwrap();
    served.control().apply(Change::NodeNotReady { node: node.to_owned() });
    let (code, cluster) = check(&served, &[]);
    let ready = step(&cluster, "nodes ready");
    assert_eq!((code, &ready["outcome"]), (0, &"warn".into()), "{ready:#}");
    let text = ready["text"].as_str().unwrap();
    assert!(text.starts_with(&format!("1 of 3 nodes not Ready: {node} NotReady for ")), "{text}");
}

#[test]
fn a_node_that_has_lost_devices_is_named_with_their_number_by_one_request_for_its_pods() {
    let served = TestServer::scenario("reference");
    let (_, cluster) = check(&served, &[]);
    assert_eq!(step(&cluster, "devices")["text"], "none unhealthy or not registered on 104 nodes");
    let dump = served.control().dump();
    let has_gpus = |node: &&Value| node["status"]["capacity"]["nvidia.com/gpu"] == "8";
    let node = dump["nodes"].as_array().unwrap().iter().find(has_gpus).unwrap()["metadata"]["name"].as_str().unwrap();
    served.control().apply(Change::GpusWithdrawn { node: node.to_owned(), count: 3 });
    let (code, cluster) = check(&served, &[]);
    let devices = step(&cluster, "devices");
    assert_eq!((code, &devices["outcome"]), (0, &"warn".into()), "{devices:#}");
    assert_eq!(devices["text"], format!("unhealthy or not registered on 1 of 104 nodes: {node}"));
    let text = step(&cluster, &format!("devices {node}"))["text"].as_str().unwrap();
    assert!(text.starts_with("3 of 8 nvidia.com/gpu unhealthy"), "{text}");
}

#[test]
fn each_of_several_clusters_is_printed_whole_as_it_ends_and_a_last_line_counts_them() {
    let served = TestServer::scenario("fleet");
    let output = run(&served, &["--all-contexts"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let blocks: Vec<&str> = text.split("\n\n").collect();
    let (last, blocks) = blocks.split_last().unwrap();
    let mut headings: Vec<&str> = blocks.iter().map(|block| block.lines().next().unwrap()).collect();
    headings.sort_unstable();
    let contexts = served.simulation.clusters();
    let mut expected: Vec<String> =
        contexts.iter().map(|c| format!("check of {}, measured from this host", c.context)).collect();
    expected.sort();
    assert_eq!(headings, expected);
    for block in blocks {
        let is_end = |line: &&str| line.starts_with("=> ");
        assert_eq!(block.lines().filter(is_end).count(), 1, "{block}");
        assert!(!block.lines().any(|line| line.starts_with("ok ")), "what is well is not told:\n{block}");
    }
    assert!(last.starts_with(&format!("=> {} clusters: ", contexts.len())) && last.contains("unreachable"), "{last}");
    assert_eq!(output.status.code(), Some(3), "one of them is unreachable");
}

#[test]
fn our_own_errors_and_usage_have_exit_codes_of_their_own() {
    let served = TestServer::scenario("small");
    assert_eq!(run(&served, &["--context", "nowhere"]).status.code(), Some(1));
    assert_eq!(run(&served, &["-o", "yaml"]).status.code(), Some(2));
}

/// A server that shows a certificate for 127.0.0.1 that holds until then, and passes what it hears on.
fn tls_front(served: &TestServer, authority: &Authority, until: i32) -> Relay {
    let certificate = Certificate { common_name: "kube-apiserver", name: "127.0.0.1", years: Some((2019, until)) };
    let mode = Mode { tls: Some(authority.acceptor_with(certificate)), ..Mode::default() };
    served.runtime.block_on(Relay::to(served.address, mode))
}

fn write_kubeconfig(dir: &Path, server: SocketAddr, authority: &str) -> String {
    let (ca, path) = (dir.join("ca.crt"), dir.join("tls-kubeconfig"));
    std::fs::write(&ca, authority).unwrap();
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: tls\n\
         clusters: [{{name: tls, cluster: {{server: 'https://{server}', certificate-authority: '{}'}}}}]\n\
         users: [{{name: tls, user: {{token: canary-4711}}}}]\n\
         contexts: [{{name: tls, context: {{cluster: tls, user: tls}}}}]\n",
        ca.display()
    );
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn good_certificate_is_shown_with_its_names_and_its_end() {
    let served = TestServer::scenario("small");
    let authority = Authority::new("our-ca");
    let front = tls_front(&served, &authority, 2090);
    let kubeconfig = write_kubeconfig(served.dir.path(), front.address, &authority.pem);
    let (code, cluster) = check(&served, &["--kubeconfig", &kubeconfig]);
    assert_eq!(code, 0, "{cluster:#}");
    let text = step(&cluster, "tls")["text"].as_str().unwrap();
    assert!(text.starts_with("TLS 1.3, CN=kube-apiserver by CN=our-ca, until 2090-01-01"), "{text}");
    assert_eq!(step(&cluster, "credentials")["text"], "bearer token");
}

#[test]
fn wrong_authority_and_expired_certificate_fail_as_tls_and_show_the_certificate() {
    let served = TestServer::scenario("small");
    let (ours, theirs) = (Authority::new("our-ca"), Authority::new("their-ca"));
    let cases = [
        (
            tls_front(&served, &theirs, 2090),
            "signed by unknown authority",
            "CN=kube-apiserver by CN=their-ca, valid 2019-01-01T00:00:00Z",
        ),
        (
            tls_front(&served, &ours, 2020),
            "expired",
            "CN=kube-apiserver by CN=our-ca, valid 2019-01-01T00:00:00Z to 2020-01-01",
        ),
    ];
    for (front, why, shown) in cases {
        let kubeconfig = write_kubeconfig(served.dir.path(), front.address, &ours.pem);
        let output = run(&served, &["-o", "json", "--kubeconfig", &kubeconfig]);
        let cluster = json(&output)["clusters"][0].clone();
        assert_eq!((output.status.code(), failed(&cluster)), (Some(3), vec!["tls"]));
        assert_step(&cluster, "tls", "fail", "tls");
        let text = step(&cluster, "tls")["text"].as_str().unwrap();
        assert!(text.contains(why) && text.contains(shown), "{text}");
        assert!(!text.contains("insecure"), "it must never be offered to look away");
        assert!(!String::from_utf8_lossy(&output.stdout).contains("canary-4711"), "the token is nobody's business");
    }
}

#[test]
fn context_that_cannot_be_used_fails_at_the_kubeconfig() {
    let served = TestServer::scenario("small");
    let path = served.dir.path().join("broken");
    std::fs::write(&path, "current-context: a\ncontexts: [{name: a, context: {cluster: gone, user: u}}]\n").unwrap();
    let (code, cluster) = check(&served, &["--kubeconfig", path.to_str().unwrap()]);
    assert_eq!((code, failed(&cluster)), (3, vec!["kubeconfig"]));
    assert_step(&cluster, "kubeconfig", "fail", "config");
}
