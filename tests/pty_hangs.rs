//! Keys and `q` in the real program while something hangs (G1). Every deadline of the program is longer here than the test's
//! own, so a key that waited for one of them would fail the test. This is what "within 500 ms" rests on: nothing between a key
//! and the screen waits for a cluster.
//!
//! A resolver that never answers (F02) cannot be simulated for the whole program without a network namespace; `runtime.rs`
//! ensures that quitting does not wait for its thread. The other faults that hang (F06, F11, F15, F45) hang at one of these places.
//! A terminal that stops reading is the last of them (F94).

use std::time::Duration;

use watchbell::sim::{Change, Fault, FaultKind};

use crate::rig::{PASSWORD_PROMPT, Terminal, TestServer, set_exec_plugin, wait_until};

/// Longer than a test waits for anything.
const DEADLINES: &str = r#"
[probe]
period = "10m"
deadline = "10m"
[timeouts]
connect = "10m"
page-by-nodes = [{ nodes = 0, page = "10m" }]
page-while-unknown = "10m"
page-cap = "10m"
page-budget = "20m"
body-idle = ["10m", "10m"]
body-slowest = 0
watch-headers = "10m"
exec = "10m"
"#;

fn inject(served: &TestServer, fault: Fault) {
    let _inside = served.runtime.enter();
    served.control().inject(fault);
}

/// Starts the program, lets it run into what hangs, presses keys, and leaves while it still hangs.
fn answers_and_leaves(served: &TestServer, hangs: impl Fn() -> bool) {
    let config = served.dir.path().join("deadlines.toml");
    std::fs::write(&config, DEADLINES).unwrap();
    let mut terminal = Terminal::start(served, &format!("--config {}", config.display()), &[]);
    let text = terminal.wait_for("nodes");
    assert!(!text.contains("0/0"), "unknown is not zero:\n{text}");
    wait_until("what hangs", hangs);
    terminal.press("?");
    terminal.wait_for("next cluster");
    terminal.press("?");
    terminal.wait("the main screen", |text| !text.contains("next cluster"));
    terminal.press("q");
    terminal.expect_exit(0);
}

#[test]
fn pty_f03_keys_are_answered_and_q_leaves_while_packets_vanish() {
    let served = TestServer::scenario("small");
    inject(&served, Fault::new(FaultKind::BlackHole));
    // The black hole starts in the background; until then the port refuses connections.
    wait_until("the black hole", || {
        let tried = std::net::TcpStream::connect_timeout(&served.address, Duration::from_millis(300));
        tried.is_err_and(|error| error.kind() == std::io::ErrorKind::TimedOut)
    });
    answers_and_leaves(&served, || true);
}

#[test]
fn pty_f04_keys_are_answered_and_q_leaves_while_connections_are_accepted_and_not_read() {
    let served = TestServer::scenario("small");
    inject(&served, Fault::new(FaultKind::AcceptOnly));
    let control = served.control();
    answers_and_leaves(&served, || control.open_connections() >= 3);
    assert_eq!(control.request_count(), 0, "not one was read");
}

#[test]
fn pty_f10_keys_are_answered_and_q_leaves_while_no_request_is_answered() {
    let served = TestServer::scenario("small");
    inject(&served, Fault::new(FaultKind::Delay(Duration::from_secs(3600))));
    let control = served.control();
    answers_and_leaves(&served, || control.request_count() >= 3);
    assert!(control.requests().iter().all(|log| log.status == 0), "not one was answered");
}

#[test]
fn pty_f12_keys_are_answered_and_q_leaves_while_a_body_stands_still() {
    let served = TestServer::scenario("small");
    inject(&served, Fault::new(FaultKind::Stall { after_bytes: 2_000 }).verb("list"));
    let control = served.control();
    let is_page = |path: &str| path.starts_with("/api/v1/pods?limit=");
    answers_and_leaves(&served, || control.requests().iter().any(|log| is_page(&log.path_and_query)));
}

#[test]
fn pty_f61_a_plugin_that_asks_gets_the_terminal_and_gives_it_back() {
    let served = TestServer::scenario("small");
    set_exec_plugin(&served, PASSWORD_PROMPT, "Always");
    let mut terminal = Terminal::start(&served, "", &[]);
    let text = terminal.wait_for("L log in");
    assert!(text.contains("wants a terminal"), "{text}");
    assert_eq!(served.control().request_count(), 0, "nothing is asked without credentials");
    terminal.press("L");
    let text = terminal.wait_for("Password: ");
    assert!(text.contains("`sh`") && !text.contains("NAME"), "the screen has made way:\n{text}");
    terminal.press("open sesame\n");
    terminal.wait_for("✓ Ready");
    terminal.wait("the end of the hint", |text| !text.contains("L log in"));
    assert!(terminal.raw().contains("logged in to"), "it is said");
    terminal.press("?");
    terminal.wait_for("next cluster");
    terminal.press("?q");
    terminal.expect_exit(0);
}

#[test]
fn pty_f61_ctrl_c_ends_a_plugin_that_asks_and_not_the_program() {
    let served = TestServer::scenario("small");
    set_exec_plugin(&served, PASSWORD_PROMPT, "Always");
    let mut terminal = Terminal::start(&served, "", &[]);
    terminal.wait_for("L log in");
    terminal.press("L");
    terminal.wait_for("Password: ");
    terminal.press("\u{3}");
    terminal.wait_for("ended with a signal");
    terminal.press("L");
    terminal.wait_for("Password: ");
    terminal.press("friend\n");
    terminal.wait_for("ended with exit code 1");
    terminal.press("q");
    terminal.expect_exit(0);
}

#[test]
fn pty_f60_keys_are_answered_and_q_leaves_while_a_credential_plugin_hangs() {
    let served = TestServer::scenario("small");
    let begun = served.dir.path().join("begun");
    set_exec_plugin(&served, &format!("touch {}; exec sleep 3600", begun.display()), "Never");
    answers_and_leaves(&served, || begun.exists());
    assert_eq!(served.control().request_count(), 0, "nothing is asked without credentials");
}

/// Starts the program with a hook for alerts, and fills the terminal until it takes no more bytes.
fn stuck(served: &TestServer) -> Terminal {
    let config = served.dir.path().join("stuck.toml");
    let hook = format!("on-alert = [\"/bin/sh\", \"-c\", \"cat >> {}/told\"]", served.dir.path().display());
    std::fs::write(&config, format!("[tell]\n{hook}\n")).unwrap();
    let mut terminal = Terminal::start(served, &format!("--config {}", config.display()), &[]);
    terminal.wait_for("✓ Ready");
    terminal.hold(true);
    // Every frame is drawn anew. The kernel takes no more than a few frames of a terminal that does not read.
    for _ in 0..60 {
        terminal.press("\u{c}");
        std::thread::sleep(Duration::from_millis(20));
    }
    terminal
}

#[test]
fn pty_f94_a_terminal_that_stops_reading_stops_only_the_drawing() {
    let served = TestServer::scenario("small");
    let mut terminal = stuck(&served);
    let control = served.control();
    let before = control.request_count();
    wait_until("further requests", || control.request_count() >= before + 5);
    control.apply(Change::NodeNotReady { node: "gpu-1".to_owned() });
    let told = served.dir.path().join("told");
    let read = || std::fs::read_to_string(&told).unwrap_or_default();
    wait_until("the hook", || read().contains("NodeNotReady"));
    assert!(!read().contains("Unreachable"), "nothing is wrong with the cluster: {}", read());
    terminal.hold(false);
    terminal.wait_for("NotReady");
    terminal.press("q");
    terminal.expect_exit(0);
}

#[test]
fn pty_f94_q_leaves_while_the_terminal_does_not_read() {
    let served = TestServer::scenario("small");
    let mut terminal = stuck(&served);
    let program = terminal.program().as_raw_nonzero();
    terminal.press("q");
    wait_until("the end of the program", || !std::path::Path::new(&format!("/proc/{program}")).exists());
}

#[test]
fn pty_f94_a_terminal_that_reads_slowly_is_restored_in_the_middle_of_a_frame() {
    let served = TestServer::scenario("small");
    let mut terminal = Terminal::start(&served, "", &[]);
    terminal.wait_for("✓ Ready");
    terminal.slow_down();
    for _ in 0..10 {
        terminal.press("\u{c}");
        std::thread::sleep(Duration::from_millis(50));
    }
    terminal.press("q");
    terminal.expect_exit(0);
}
