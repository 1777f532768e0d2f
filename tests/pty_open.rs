//! The drill-down in a pseudo-terminal: node, pod, YAML, copy, and back; also while the server is frozen.

use serde_json::Value;
use watchbell::sim::Change;

use crate::rig::{Terminal, TestServer, is_known_sequence};

/// The first pod of the first node that restarts or fails, as the server has it.
fn troubled(served: &TestServer) -> Value {
    let dump = served.control().dump();
    let pods = dump["pods"].as_array().unwrap();
    let waits =
        |pod: &&Value| pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] == "CrashLoopBackOff";
    pods.iter().find(waits).expect("the scenario has a pod that crashes").clone()
}

/// Opens the node of a pod, and the pod.
fn open(terminal: &mut Terminal, pod: &Value) {
    let node = pod["spec"]["nodeName"].as_str().unwrap();
    let name = pod["metadata"]["name"].as_str().unwrap();
    terminal.wait_for("2,613");
    terminal.press(&format!("/{node}\r\r"));
    terminal.wait("the node", |text| text.contains("MemoryPressure") && text.contains(node));
    terminal.press(&format!("/{name}\r"));
    terminal.wait("the pod alone", |text| text.contains("1 of ") && text.contains(name));
    terminal.press("\r");
    terminal.wait("its containers", |text| text.contains("CONTAINERS") && text.contains("live"));
}

/// RFC 4648, without padding, for what the program has sent.
fn base64(text: &str) -> Vec<u8> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits = text.trim_end_matches('=').chars().map(|c| ALPHABET.find(c).expect("a letter of base64"));
    let (mut group, mut held, mut out) = (0_usize, 0, Vec::new());
    for six in bits {
        (group, held) = (group << 6 | six, held + 6);
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from(group >> held & 0xff).unwrap());
        }
    }
    out
}

/// Texts that were put into the clipboard, in order; every other sequence must be one of drawing.
fn copied(raw: &str) -> Vec<String> {
    let mut copied = Vec::new();
    for rest in raw.split('\u{1b}').skip(1) {
        if let Some(rest) = rest.strip_prefix("]52;") {
            let payload = rest.strip_prefix("c;").expect("only the clipboard").split('\u{7}').next().unwrap();
            assert_ne!(payload, "?", "the clipboard is never read");
            copied.push(String::from_utf8(base64(payload)).unwrap());
        } else {
            let start: String = rest.chars().take(20).collect();
            assert!(is_known_sequence(rest), "a sequence that is not ours: {start:?}");
        }
    }
    copied
}

#[test]
fn pty_operator_goes_down_to_the_yaml_copies_and_comes_back() {
    let served = TestServer::scenario("reference");
    let pod = troubled(&served);
    let name = pod["metadata"]["name"].as_str().unwrap();
    let mut terminal = Terminal::start(&served, "", &[]);
    open(&mut terminal, &pod);
    // The state of the container has the word `BackOff` too: only the events name who said it.
    let text = terminal.wait("its events", |text| text.contains("kubelet") && text.contains("LAST EXIT"));
    let container = pod["status"]["containerStatuses"][0]["name"].as_str().unwrap();
    for words in [name, container, "CrashLoopBackOff", "QoS", "Ready", "kubelet"] {
        assert!(text.contains(words), "`{words}` is missing:\n{text}");
    }
    terminal.press("c");
    terminal.wait_for("sent to the terminal's clipboard");
    terminal.press("y");
    let text = terminal.wait("the YAML", |text| text.contains("apiVersion: v1") && text.contains("kind: Pod"));
    assert!(!text.contains("managedFields"), "{text}");
    terminal.press("c");
    terminal.wait("what was copied", |text| text.contains("YAML of pod"));
    terminal.press("G");
    terminal.wait_for("qosClass");
    terminal.press("\u{1b}");
    terminal.wait_for("CONTAINERS");
    terminal.press("\u{1b}");
    terminal.wait("the node again", |text| text.contains("MemoryPressure") && !text.contains("CONTAINERS"));
    let copied = copied(&terminal.raw());
    assert_eq!(copied.len(), 2, "{copied:?}");
    assert_eq!(copied[0], name);
    assert!(copied[1].starts_with("apiVersion: v1\nkind: Pod\nmetadata:\n"), "{}", &copied[1][..200]);
    assert!(copied[1].contains(&format!("\n  name: {name}\n")) && copied[1].contains("CrashLoopBackOff"));
    terminal.press("\u{1b}");
    terminal.wait("all its pods", |text| text.contains("pods on this node"));
    terminal.press("\u{1b}");
    terminal.wait_for("nodes by filter");
    terminal.press("\u{1b}");
    terminal.wait("all nodes", |text| !text.contains("by filter"));
    terminal.press("q");
    terminal.expect_exit(0);
}

#[test]
fn pty_an_opened_pod_stays_with_its_age_while_the_server_stands_still() {
    let served = TestServer::scenario("reference");
    let pod = troubled(&served);
    let name = pod["metadata"]["name"].as_str().unwrap();
    let mut terminal = Terminal::start(&served, "", &[]);
    open(&mut terminal, &pod);
    // Its document is held while it is looked at, and no longer.
    terminal.press("y");
    terminal.wait_for("kind: Pod");
    served.control().freeze(true);
    terminal.wait("the age of the YAML", |text| text.contains("kind: Pod") && text.contains("stale: last update"));
    terminal.press("\u{1b}");
    let text = terminal.wait("its age", |text| text.contains("CONTAINERS") && text.contains("not live"));
    assert!(text.contains("CrashLoopBackOff"), "what was known of it stays:\n{text}");
    served.control().freeze(false);
    terminal.wait("life again", |text| !text.contains("not live") && text.contains("live"));
    let namespace = pod["metadata"]["namespace"].as_str().unwrap().to_owned();
    served.control().apply(Change::DeletePod { namespace, name: name.to_owned() });
    let text = terminal.wait_for("gone for");
    assert!(text.contains("CrashLoopBackOff"), "its last state stays:\n{text}");
    terminal.press("\u{3}");
    terminal.expect_exit(0);
}

/// The row of the cursor: the only one that begins with its mark.
fn cursor(text: &str) -> String {
    text.lines().find(|line| line.starts_with('▌')).unwrap_or_default().to_owned()
}

#[test]
fn pty_from_an_alert_to_its_node_a_pod_and_its_node_and_the_same_way_back() {
    let served = TestServer::scenario("reference");
    let mut terminal = Terminal::start(&served, "", &[]);
    terminal.wait_for("2,613");
    served.control().apply(Change::NodeNotReady { node: "10-16-10-121.maas".into() });
    terminal.wait("the alert", |text| text.contains("node 10-16-10-121.maas NotReady"));
    terminal.press("G");
    let start = cursor(&terminal.wait("the last node", |text| cursor(text).contains("10-16-10-213.maas")));
    terminal.press("!");
    terminal.wait("all alerts", |text| text.contains("alerts of") && cursor(text).contains("10-16-10-121"));
    terminal.press("\r");
    let is_node = |text: &str| text.contains("MemoryPressure") && text.contains("10-16-10-121.maas");
    let first = cursor(&terminal.wait("the node", |text| is_node(text) && !cursor(text).is_empty()));
    terminal.press("j");
    let text = terminal.wait("another pod", |text| !cursor(text).is_empty() && cursor(text) != first);
    let pod = cursor(&text).split_whitespace().nth(1).expect("namespace and name").to_owned();
    terminal.press("\r");
    terminal.wait("the pod", |text| text.contains("CONTAINERS") && text.contains(&pod));
    terminal.press("n");
    terminal.wait("its node, at the pod", |text| text.contains("MemoryPressure") && cursor(text).contains(&pod));
    // One key at a time: two escapes in a row are a key of their own.
    terminal.press("\u{1b}");
    terminal.wait("the pod again", |text| text.contains("CONTAINERS") && text.contains(&pod));
    terminal.press("\u{1b}");
    terminal.wait("the node again", |text| text.contains("MemoryPressure") && cursor(text).contains(&pod));
    terminal.press("\u{1b}");
    terminal.wait("the alerts again", |text| text.contains("alerts of") && cursor(text).contains("10-16-10-121"));
    terminal.press("\u{1b}");
    let name = |row: &str| row.split_whitespace().next().map(str::to_owned);
    terminal.wait("the start", |text| text.contains("104 nodes") && name(&cursor(text)) == name(&start));
    terminal.press("q");
    terminal.expect_exit(0);
}
