//! `snapshot` and the dashboard against a very slow server: one page of 500 pods that takes most of a minute, and one that
//! stops in its middle for good. Real sockets, the real program, a real pseudo-terminal.
//!
//! Everything runs ten times as fast as by default: 640 KB/s for 64 KB/s, and a tenth of `[timeouts]`. Only `page-cap` is a
//! little more than a tenth of its 60 s, since `?timeout=` is 2 s less and in whole seconds. `WATCHBELL_REAL_TIME=1`
//! runs the same tests with the default timeouts at 64 KB/s; a page then takes 55 s.

use serde_json::Value;
use watchbell::sim::{Fault, FaultKind, RequestLog};

use crate::rig::{self, Terminal, TestServer, scenario, watchbell};

/// 500 pods that count, on 20 nodes: one page of 3.6 MB in protobuf.
const SCENARIO: &str = r#"
title = "500 pods"
seed = 500
[[cluster]]
context = "slow"
nodes = [{ count = 20, name = "worker-{}", first = 100 }]
[cluster.pods]
counted = 500
detail = "small"
"#;

/// A tenth of the defaults.
const TIMEOUTS: &str = r#"
[timeouts]
page-by-nodes = [{ nodes = 0, page = "2s" }]
page-while-unknown = "3s"
page-cap = "8s"
page-budget = "16s"
page-retries = ["100ms", "200ms", "400ms"]
body-idle = ["1s", "1500ms"]
body-slowest = 10240
"#;

/// KiB a second.
const RATE: u64 = 64;

fn is_real_time() -> bool {
    std::env::var_os("WATCHBELL_REAL_TIME").is_some()
}

/// The server, its kubeconfig without gzip, and the arguments for the timeouts.
fn served(fault: FaultKind) -> (TestServer, Vec<String>) {
    let served = TestServer::from_scenario(scenario(SCENARIO));
    // The pods of a simulation look alike, so that gzip would make them ten times smaller than a real cluster's.
    let kubeconfig = std::fs::read_to_string(served.kubeconfig()).unwrap();
    let plain = kubeconfig.replace("\"server\"", "\"disable-compression\":true,\"server\"");
    assert_ne!(kubeconfig, plain, "the kubeconfig has another shape than this test expects");
    std::fs::write(served.kubeconfig(), plain).unwrap();
    served.control().inject(Fault::new(fault).verb("list").resource("pods"));
    if is_real_time() {
        return (served, Vec::new());
    }
    let config = served.dir.path().join("timeouts.toml");
    std::fs::write(&config, TIMEOUTS).unwrap();
    let arguments = vec!["--config".to_owned(), config.display().to_string()];
    (served, arguments)
}

fn trickle() -> FaultKind {
    let faster = if is_real_time() { 1 } else { 10 };
    FaultKind::Throttle { bytes_per_second: RATE * 1024 * faster }
}

/// A page of 500 never ends; one of 250 does, being half of it.
fn stall() -> FaultKind {
    FaultKind::Stall { after_bytes: 2_500_000 }
}

/// The pages of pods that were asked for.
fn pages(served: &TestServer) -> Vec<RequestLog> {
    let is_page = |log: &RequestLog| log.path_and_query.starts_with("/api/v1/pods?limit=");
    served.control().requests().into_iter().filter(is_page).collect()
}

fn snapshot(served: &TestServer, arguments: &[String]) -> (Value, i32) {
    let arguments = arguments.iter().map(String::as_str);
    rig::snapshot(served, &["--deadline", "110s"].into_iter().chain(arguments).collect::<Vec<_>>())
}

#[test]
fn snapshot_of_a_server_whose_page_trickles_is_complete_without_a_timeout() {
    let (served, arguments) = served(trickle());
    let (json, code) = snapshot(&served, &arguments);
    assert_eq!(code, 0, "{json:#}");
    let cluster = &json["clusters"][0];
    assert_eq!((&cluster["pods"]["bound"], &cluster["pods"]["state"]), (&500.into(), &"complete".into()));
    assert_eq!(cluster["api"]["timeouts"], 0, "{json:#}");
    assert_eq!(cluster["errors"], Value::Array(Vec::new()));
    let pages = pages(&served);
    assert_eq!(pages.len(), 1, "one page, asked for once: {pages:?}");
    assert!(pages[0].path_and_query.contains("limit=500"), "{pages:?}");
}

#[test]
fn pty_a_page_that_trickles_shows_its_bytes_and_their_rate_and_comes_without_a_timeout() {
    let (served, arguments) = served(trickle());
    let mut terminal = Terminal::start(&served, &arguments.join(" "), &[]);
    let moves = |text: &str| text.contains("pods page 1, ") && text.contains(" MB at ") && text.contains(" kB/s");
    let text = terminal.wait("the bytes of the first page on the main screen", moves);
    assert!(text.contains("20/20") && !text.contains("500/"), "the nodes are there, the pods are not:\n{text}");
    terminal.press("a");
    let runs = |line: &str| line.contains("in flight") && line.contains("MB") && line.contains("kB/s");
    let text = terminal.wait("the running page in the API view", |text| text.lines().any(runs));
    assert!(text.lines().any(|line| line.contains("timeouts") && line.contains(" 0 in ")), "{text}");
    terminal.press("\u{1b}");
    let text = terminal.wait("all pods", |text| text.contains("500/"));
    assert!(text.contains("0 timeouts"), "{text}");
    assert_eq!(pages(&served).len(), 1, "one page, asked for once: {:?}", pages(&served));
    terminal.press("q");
    terminal.expect_exit(0);
}

#[test]
fn snapshot_of_a_server_that_stalls_in_mid_body_is_complete_with_smaller_pages_and_says_so() {
    let (served, arguments) = served(stall());
    let (json, code) = snapshot(&served, &arguments);
    assert_eq!(code, 0, "{json:#}");
    let cluster = &json["clusters"][0];
    assert_eq!((&cluster["pods"]["bound"], &cluster["pods"]["state"]), (&500.into(), &"complete".into()));
    let smaller = serde_json::json!([{ "resource": "pods", "size": 250, "after": "a stall" }]);
    assert_eq!(cluster["smallerPages"], smaller, "{json:#}");
    let text = cluster["errors"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("no data for ") && text.ends_with("; page size cut to 250"), "{text}");
    let output = watchbell(&served).args(["snapshot", "--deadline", "110s"]).args(&arguments).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("pods: page size cut to 250 after a stall"), "{text}");
}

#[test]
fn pty_a_page_that_stalls_in_mid_body_is_read_in_smaller_pages_and_the_screen_says_so() {
    let (served, arguments) = served(stall());
    let mut terminal = Terminal::start(&served, &arguments.join(" "), &[]);
    let text = terminal.wait("all pods", |text| text.contains("500/"));
    assert!(text.contains("20/20"), "{text}");
    terminal.press("a");
    let text = terminal.wait_for("pods page size cut to 250 after a stall");
    let failure = |line: &str| line.contains("no data for") && line.contains("page size cut to 250");
    assert!(text.lines().any(failure), "{text}");
    terminal.press("\u{1b}");
    terminal.wait_for("NAME");
    // A list of small pages says so while it runs, too.
    served.control().inject(Fault::new(FaultKind::Delay(std::time::Duration::from_secs(1))).verb("list"));
    terminal.press("r");
    terminal.wait_for("page size cut to 250 after a stall");
    terminal.press("q");
    terminal.expect_exit(0);
    let limits: Vec<String> = pages(&served).iter().map(|log| log.path_and_query[..24].to_owned()).collect();
    assert_eq!(limits[..3], ["/api/v1/pods?limit=500&t", "/api/v1/pods?limit=250&t", "/api/v1/pods?limit=250&t"]);
}
