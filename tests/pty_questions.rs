//! The questions of an incident, each answered within four keys from the first screen, in the real program.
//!
//! The cluster is that of the scenario `incident`, with its workloads, a lost node and a node that rejects its pods, and with an API
//! that answers. The expected values stand in the scenario's text: rank 5 of 64 is on node 121, 12 pods wait for 8 H100s, and node
//! 127 rejects what it gets.

use watchbell::sim::Scenario;

use crate::rig::{Terminal, TestServer};

const STEPS: &str = r#"
[[step]]
at = "1s"
until = "600s"
change = "node-lost"
node = "10-16-10-121.maas"

[[step]]
at = "1s"
until = "600s"
change = "black-hole"
node = "10-16-10-127.maas"
period = "1s"
"#;

/// The incident's cluster without the trouble of its API.
pub(crate) fn incident() -> TestServer {
    let text = include_str!("../assets/scenarios/incident.toml");
    let (head, _) = text.split_once("\n[[step]]").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("incident.toml");
    std::fs::write(&path, format!("{}\n{STEPS}", head.replace("repeat = \"180s\"", "repeat = \"900s\""))).unwrap();
    TestServer::from_scenario(Scenario::load(&path).unwrap())
}

/// Presses keys one after the other from the first screen, waits for the answer, and goes back to the first screen.
fn ask(terminal: &mut Terminal, keys: &[&str], answer: &str) -> String {
    assert!(keys.len() <= 4, "too many keys: {keys:?}");
    for key in keys {
        terminal.press(key);
        // A person looks before the next key; the program draws a burst of keys once.
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    let text = terminal.wait_for(answer);
    for _ in keys {
        terminal.press("\u{1b}");
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    terminal.wait("the first screen", |text| text.contains("104 nodes") && text.contains("NAME"));
    text
}

#[test]
fn pty_the_questions_of_an_incident_are_answered_within_four_keys() {
    let served = incident();
    let mut terminal = Terminal::start(&served, "", &[]);
    terminal.wait_for("node 10-16-10-121.maas Unknown");
    // Who is hit by node 121? The first screen says so; the alert leads to the pods.
    let text = terminal.wait_for("llm-70b 1 of");
    assert!(text.contains("hits 19 pods"), "{text}");
    terminal.wait_for("10-16-10-127.maas kills");
    let text = ask(&mut terminal, &["!", "\r", "U"], "llm-70b-workers-0-5-");
    assert!(text.contains("10-16-10-121.maas"), "{text}");
    // Which rank of the gang is broken?
    ask(&mut terminal, &["W", "\r"], "rank 5 llm-70b-workers-0-5-");
    // Why does vision-xl wait?
    let text = ask(&mut terminal, &["W", "j", "\r", "\r"], "would help");
    assert!(text.contains("0/104 nodes are available: 12 Insufficient nvidia.com/gpu"), "{text}");
    assert!(text.contains("12 without 8 free nvidia.com/gpu"), "{text}");
    // Which node kills pods?
    let text = ask(&mut terminal, &["!"], "UnexpectedAdmissionError");
    assert!(text.contains("10-16-10-127.maas"), "{text}");
    terminal.press("q");
    terminal.expect_exit(0);
}
