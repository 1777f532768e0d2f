//! The scenario `zoo` in a terminal: hostile names and texts of its objects are made harmless.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use watchbell::sim::Change;

use crate::rig::{Terminal, TestServer, is_known_sequence, snapshot, watchbell};

/// Characters that a terminal does not show, or that change the order of what it shows. A joiner inside an emoji is none.
fn is_hidden(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}' | '\u{200c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{feff}')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
}

/// Leaves the program; of the bytes that it has sent to the terminal none is of the objects' making.
fn leaves_only_our_bytes(mut terminal: Terminal, names: &str) {
    terminal.press("\u{3}");
    terminal.wait_for("exit=0");
    let raw = terminal.raw();
    let (drawn, _) = raw.rsplit_once("\u{1b}[?1049l").expect("the alternate screen was left");
    for rest in drawn.split('\u{1b}').skip(1) {
        assert!(
            is_known_sequence(rest),
            "{names}: a sequence that is not ours: {:?}",
            rest.chars().take(30).collect::<String>()
        );
    }
    // An escape was judged above, and a bell is rung for alerts and ends a title.
    let foreign = |c: &char| (c.is_control() && !matches!(c, '\u{1b}' | '\u{7}')) || is_hidden(*c);
    let found = drawn.char_indices().find(|(_, c)| foreign(c));
    let around = found.map(|(at, _)| drawn[..at].chars().rev().take(40).collect::<String>());
    assert_eq!(found, None, "{names}: {around:?}, backwards");
    assert!(drawn.contains("␛[2J") || names != "zoo", "the escape is shown as a letter");
}

/// Opens a node, walks through the parts of its screen, and reads its YAML.
fn open_node(terminal: &mut Terminal, name: &str) {
    terminal.press(&format!("/{name}\r"));
    terminal.wait_for(&format!("nodes by filter {name}"));
    terminal.press("\r");
    terminal.wait("the node", |text| text.contains("CONDITION") && text.contains(name));
    // Conditions, resources, labels, events, and the pods again.
    terminal.press("]]]]");
    terminal.wait_for("▸EVENTS");
    terminal.press("]");
    terminal.wait_for("▸NAMESPACE");
}

/// From a node's screen back to the table, whole.
fn leave_node(terminal: &mut Terminal) {
    let whole = |text: &str| text.contains("NAME▾") && !text.contains("by filter");
    for _ in 0..100 {
        if whole(&terminal.text()) {
            break;
        }
        // One at a time: two in a row are a key of their own.
        terminal.press("\u{1b}");
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    terminal.wait("all nodes", whole);
}

/// Opens a pod of the node that is open, its YAML, and comes back.
fn open_pod(terminal: &mut Terminal, name: &str) {
    terminal.press(&format!("/{name}\r\r"));
    terminal.wait_for("CONTAINERS");
    terminal.wait("its events", |text| !text.contains("loading"));
    terminal.press("y");
    terminal.wait_for("metadata:");
    terminal.press("\u{1b}");
    terminal.wait_for("CONTAINERS");
    terminal.press("\u{1b}");
    terminal.wait("the node", |text| !text.contains("CONTAINERS"));
    terminal.press("\u{1b}");
}

/// F71 (odd-maybe, quantum), F72, F74 and F78 (odd-long, ODD-CASE), F79 (odd-hostile, hostile), F80 (odd-roles), F81 (odd-huge) and
/// F82 (odd-time) on every screen.
#[test]
fn f71_to_f82_no_byte_that_the_program_did_not_make_reaches_the_terminal() {
    let served = TestServer::scenario("zoo");
    let mut terminal = Terminal::start(&served, "--context zoo --color never", &[]);
    terminal.wait_for(" 70/77");
    terminal.wait_for(" 86/≥7,611");
    for (key, seen) in [("u", "FITS "), ("]", "[pool]"), ("]", "[namespace]"), ("]", "[owner]"), ("\x1b", "NAME")] {
        terminal.press(key);
        terminal.wait_for(seen);
    }
    for (key, seen) in [("!", "alerts of"), ("\x1b", "NAME"), ("a", "zoo API"), ("\x1b", "NAME"), ("w", "NAME")] {
        terminal.press(key);
        terminal.wait_for(seen);
    }
    // To the end of the table, so that every row was drawn.
    for _ in 0..3 {
        terminal.press(" ");
    }
    terminal.press("G");
    terminal.wait_for("zoo-worker-1");
    for (node, pod) in [
        ("odd-hostile", Some("hostile")),
        ("odd-maybe", None),
        ("odd-roles", None),
        ("odd-long", None),
        ("odd-time-0", None),
        ("odd-huge", Some("absurd")),
        ("nv-sixteen", Some("quantum")),
        ("zoo-worker-1", Some("ppppp")),
    ] {
        open_node(&mut terminal, node);
        if let Some(pod) = pod {
            open_pod(&mut terminal, pod);
        } else {
            terminal.press("y");
            terminal.wait_for("metadata:");
            terminal.press("\u{1b}");
        }
        leave_node(&mut terminal);
    }
    leaves_only_our_bytes(terminal, "zoo");
}

#[test]
fn f70_what_is_no_object_writes_nothing_to_the_terminal() {
    let served = TestServer::scenario("zoo");
    let mut terminal = Terminal::start(&served, "--context zoo-malformed --color never", &[]);
    terminal.wait_for("≥3/3 ");
    terminal.wait_for("20 unreadable");
    open_node(&mut terminal, "good-0");
    open_pod(&mut terminal, "good-1");
    leave_node(&mut terminal);
    leaves_only_our_bytes(terminal, "zoo-malformed");
}

#[test]
fn f79_devices_and_claims_write_nothing_to_the_terminal() {
    let served = TestServer::scenario("zoo");
    let mut terminal = Terminal::start(&served, "--context zoo-dra --color never", &[]);
    terminal.wait_for("≥6/9");
    for (key, seen) in [("u", "evil.example.com␛[2J"), ("]", "[pool]"), ("]", "[namespace]"), ("]", "[owner]")] {
        terminal.press(key);
        terminal.wait_for(seen);
    }
    terminal.press("\u{1b}");
    terminal.wait_for("NAME");
    open_node(&mut terminal, "dra-2");
    terminal.press("/hostile\r\r");
    terminal.wait_for("pool␛]0;owned");
    leave_node(&mut terminal);
    leaves_only_our_bytes(terminal, "zoo-dra");
}

/// One-shot output and log of objects whose texts hold control sequences.
#[test]
fn f79_what_is_printed_once_and_the_log_hold_no_character_that_does_something() {
    let served = TestServer::scenario("zoo");
    let log = served.dir.path().join("log");
    for (context, arguments, hostile) in [
        ("zoo", &["snapshot", "-o", "table"][..], "odd-hostile"),
        ("zoo", &["snapshot", "-o", "json"], "odd-hostile"),
        ("zoo", &["check"], "zoo"),
        ("zoo-malformed", &["snapshot", "-o", "table"], "unreadable"),
        ("zoo-dra", &["snapshot", "-o", "json"], "evil.example.com␛[2J"),
    ] {
        let output =
            watchbell(&served).args(arguments).args(["--context", context, "--log-file"]).arg(&log).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(printed.contains(hostile), "{context} {arguments:?}: {printed}");
        let logged = std::fs::read_to_string(&log).unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        for text in [printed, errors, logged] {
            let does = text.chars().find(|c| (c.is_control() && *c != '\n') || is_hidden(*c));
            assert_eq!(does, None, "{context} {arguments:?}: {text}");
        }
    }
}

/// The line of a node in the table.
fn row<'t>(text: &'t str, name: &str) -> &'t str {
    text.lines().find(|line| line.trim_start_matches(['▌', ' ']).starts_with(name)).unwrap_or_default()
}

/// F74, from the server to the screen: another uid under the same name is another node.
#[test]
fn f74_a_node_that_is_recreated_has_no_past_while_its_pods_keep_theirs() {
    let served = TestServer::scenario("small");
    let mut terminal = Terminal::start(&served, "", &[]);
    let node = || "gpu-1".to_owned();
    // Until all pods are read, their number is unknown, or a lower bound.
    let is_read = |row: &str| row.contains("✓ Ready") && !row.contains("–/110") && !row.contains('≥');
    let old = terminal.wait("the node", |text| is_read(row(text, "gpu-1")));
    let pods = |text: &str| row(text, "gpu-1").split_whitespace().find(|word| word.contains("/110")).map(str::to_owned);
    assert!(row(&old, "gpu-1").trim_end().ends_with('d'), "it is days old: {}", row(&old, "gpu-1"));
    for _ in 0..2 {
        served.control().apply(Change::NodeNotReady { node: node() });
        terminal.wait("its fall", |text| row(text, "gpu-1").contains("NotReady"));
        served.control().apply(Change::NodeRecovered { node: node() });
        terminal.wait("its return", |text| {
            row(text, "gpu-1").contains("Ready") && !row(text, "gpu-1").contains("NotReady")
        });
    }
    terminal.wait("that it flaps", |text| row(text, "gpu-1").contains("flapping"));
    served.control().apply(Change::RecreateNode { node: node() });
    let new = terminal.wait("the new node", |text| {
        let row = row(text, "gpu-1").trim_end();
        row.contains("✓ Ready") && !row.contains("flapping") && row.ends_with('s')
    });
    assert!(!new.contains("flapping"), "the alert ends with the node:\n{new}");
    assert_eq!(pods(&new), pods(&old), "pods name their node, and it is there");
    terminal.press("/gpu-1\r\r");
    let text = terminal.wait_for("/ gpu-1");
    assert!(!text.contains("flapping"), "{text}");
    terminal.press("]]]");
    let text = terminal.wait_for("no change seen since launch");
    let aged = |line: &&str| line.contains("Running") && line.split_whitespace().any(|word| word.ends_with('d'));
    assert!(text.lines().any(|line| aged(&line)), "its pods are as old as they were:\n{text}");
    terminal.press("\u{3}");
    terminal.expect_exit(0);
}

/// The cluster `zoo-trouble` of a snapshot.
fn in_trouble() -> Value {
    let served = TestServer::scenario("zoo");
    let (json, code) = snapshot(&served, &["--context", "zoo-trouble"]);
    assert_eq!(code, 0, "all of it is read");
    json["clusters"][0].clone()
}

/// Every class of docs/pods.md, counted by hand in the scenario.
#[test]
fn every_trouble_of_the_zoo_is_what_a_person_counts() {
    let cluster = in_trouble();
    let trouble = cluster["trouble"].as_array().unwrap();
    let mut counts = BTreeMap::new();
    for pod in trouble {
        *counts.entry(pod["state"].as_str().unwrap()).or_insert(0) += 1;
    }
    let expected = [
        ("node lost", 2),
        ("device unhealthy", 1),
        ("failed start", 5),
        ("crash loop", 2),
        ("image pull", 7),
        ("stuck terminating", 1),
        // Two of the states, and the driver of t-chain.
        ("not ready", 3),
        // Two of the states, and the eleven pods that wait for something.
        ("unschedulable", 13),
        ("gated", 1),
        ("not scheduled", 1),
        // One of the states, and the four links behind the driver.
        ("not starting", 5),
    ];
    assert_eq!(counts, BTreeMap::from(expected));
    let of = |name: &str| trouble.iter().find(|pod| pod["name"] == name);
    for calm in ["ended-on-lost", "terminating", "completed", "just-created", "just-bound", "filler-0", "sts-1"] {
        assert_eq!(of(calm), None, "{calm} is in no trouble");
    }
    // kubectl's STATUS, restarts and words of some of them.
    for (name, reason, restarts, message) in [
        ("node-lost", "Running", 0, Value::Null),
        ("device-unhealthy", "Running", 0, json!("nvidia.com/gpu GPU-0d2a: Xid 79")),
        ("crash-loop", "CrashLoopBackOff", 41, json!("OOMKilled, exit code 137")),
        ("crash-loop-init", "Init:CrashLoopBackOff", 7, json!("Error, exit code 1")),
        ("start-new", "SomeReasonOfTomorrow", 0, json!("a kubelet of tomorrow says this")),
        ("stuck-terminating", "Terminating", 0, Value::Null),
        ("odd-phase", "Quantum", 0, Value::Null),
        ("gated", "SchedulingGated", 0, json!("Scheduling is blocked due to non-empty scheduling gates")),
        ("nvidia-device-plugin-daemonset-x7k2p", "Init:0/1", 0, Value::Null),
    ] {
        let pod = of(name).unwrap();
        let said = (&pod["reason"], &pod["restarts"], &pod["message"]);
        assert_eq!(said, (&json!(reason), &json!(restarts), &message), "{name}");
    }
    assert_eq!(of("node-lost").unwrap()["accelerators"], json!([{ "resource": "nvidia.com/gpu", "count": 8 }]));
    assert_eq!(of("device-unhealthy").unwrap()["since"], Value::Null, "the pod is ready and does not say since when");
    assert_eq!(of("node-lost").unwrap()["owner"], json!({ "kind": "Job", "name": "lost" }));
}

/// A pod that waits, the nodes that would take it, and the others by cause.
type CauseRow = (&'static str, u32, &'static [(&'static str, u32)]);

/// Eight nodes: two take a pod of one core, t-chain too; t-lost and t-notready are not Ready, t-cordoned is cordoned, t-tainted has
/// a taint, and t-full has its three pods.
#[test]
fn every_cause_in_the_zoo_keeps_as_many_nodes_from_a_pod_as_a_person_counts() {
    let cluster = in_trouble();
    let pending = cluster["pending"].as_array().unwrap();
    // Five of the states and eleven that wait for something.
    assert_eq!((pending.len(), &cluster["pods"]["unscheduled"]), (16, &json!(16)));
    let rows: [CauseRow; 12] = [
        ("unschedulable", 3, &[("notReady", 2), ("cordoned", 1), ("taints", 1), ("podSlots", 1)]),
        // Devices come first: seven are free on t-ready-1, six on t-ready-2, and the other two have none.
        ("for-gpus", 0, &[("notReady", 2), ("cordoned", 1), ("taints", 1), ("accelerators", 4)]),
        // Only t-chain has 90 cores left: the pods of the others request more than six.
        ("for-cpu", 1, &[("notReady", 2), ("cordoned", 1), ("taints", 1), ("cpu", 3)]),
        ("for-memory", 0, &[("notReady", 2), ("cordoned", 1), ("taints", 1), ("memory", 4)]),
        // The full node has no device of that name either, and its pod slots are counted first.
        ("for-other", 0, &[("notReady", 2), ("cordoned", 1), ("taints", 1), ("podSlots", 1), ("otherResources", 3)]),
        ("for-selector", 2, &[("notReady", 2), ("cordoned", 1), ("taints", 1), ("selector", 2)]),
        ("for-affinity", 1, &[("notReady", 2), ("cordoned", 1), ("taints", 1), ("affinity", 3)]),
        ("for-empty-term", 0, &[("notReady", 2), ("cordoned", 1), ("taints", 1), ("affinity", 4)]),
        ("tolerates-taint", 4, &[("notReady", 2), ("cordoned", 1), ("podSlots", 1)]),
        ("tolerates-other", 3, &[("notReady", 2), ("cordoned", 1), ("taints", 1), ("podSlots", 1)]),
        ("tolerates-all", 7, &[("podSlots", 1)]),
        ("unevaluated", 3, &[("notReady", 2), ("cordoned", 1), ("taints", 1), ("podSlots", 1)]),
    ];
    for (name, fits, causes) in rows {
        let pod = pending.iter().find(|pod| pod["name"] == name).unwrap();
        assert_eq!(pod["now"]["fits"], fits, "{name}");
        let counted = pod["now"]["causes"].as_object().unwrap().iter().filter(|(_, nodes)| **nodes != json!(0));
        let counted: BTreeMap<&str, &Value> = counted.map(|(cause, nodes)| (cause.as_str(), nodes)).collect();
        let expected: BTreeMap<&str, Value> = causes.iter().map(|(cause, nodes)| (*cause, json!(nodes))).collect();
        assert_eq!(counted, expected.iter().map(|(cause, nodes)| (*cause, nodes)).collect(), "{name}");
        let not_evaluated = match name {
            "unevaluated" => {
                json!(["volumes", "topologySpread", "podAffinity", "hostPorts", "resourceClaims", "scheduler"])
            }
            _ => json!([]),
        };
        assert_eq!(pod["now"]["notEvaluated"], not_evaluated, "{name}");
    }
}

/// Two pods of each system; the `LeaderWorkerSet` says that it needs four, and the pod group of Kueue three.
#[test]
fn a_gang_of_every_system_in_the_zoo_is_what_a_person_counts() {
    let cluster = in_trouble();
    let gangs = cluster["gangs"].as_array().unwrap();
    let row = |gang: &Value| {
        let [kind, name] = ["kind", "name"].map(|field| gang[field].as_str().unwrap().to_owned());
        let numbers = ["wanted", "wantedAtLeast", "running"].map(|field| gang[field].as_u64());
        (kind, name, numbers, gang["state"].as_str().unwrap().to_owned())
    };
    let rows: Vec<_> = gangs.iter().map(row).collect();
    let expected = [
        ("PodGang", "disagg-0", [None, Some(2), Some(2)], "running"),
        ("Job", "eval", [None, Some(2), Some(2)], "running"),
        ("PyTorchJob", "finetune", [None, Some(2), Some(2)], "running"),
        ("MPIJob", "nccl", [None, Some(2), Some(2)], "running"),
        ("JobSet", "pretrain", [None, Some(2), Some(2)], "running"),
        ("PodGroup", "render", [None, Some(2), Some(2)], "running"),
        ("RayCluster", "search", [None, Some(2), Some(2)], "running"),
        ("LeaderWorkerSet", "serve-0", [Some(4), None, Some(2)], "incomplete"),
        ("Job.volcano.sh", "sim", [None, Some(2), Some(2)], "running"),
        ("task group", "spark-1 executors", [None, Some(2), Some(2)], "running"),
        ("StatefulSet", "sts", [None, Some(2), Some(2)], "running"),
        ("pod group", "sweep", [Some(3), None, Some(2)], "incomplete"),
        ("RayCluster", "tpu-0", [None, Some(2), Some(2)], "running"),
    ];
    let expected = expected.map(|(kind, name, numbers, state)| (kind.into(), name.into(), numbers, state.into()));
    assert_eq!(rows, expected, "by name");
    assert!(gangs.iter().all(|gang| gang["worst"].is_null() && gang["since"].is_null()));
    let devices = gangs.iter().filter(|gang| gang["accelerators"] != json!([]));
    let devices: Vec<_> = devices.map(|gang| (&gang["name"], &gang["accelerators"])).collect();
    assert_eq!(devices, [(&json!("sts"), &json!([{ "resource": "nvidia.com/gpu", "count": 2 }]))]);
}
