//! Each alert on a screen without colours: its words are there, in Unicode and in ASCII.

use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;

use super::*;
use crate::facts::gang::{GangMember, GangSystem};
use crate::facts::node::{ConditionStatus, NodeCondition, NodeFacts};
use crate::facts::pod::PodFacts;
use crate::model::app::alerts::AlertState;
use crate::model::fixture::{Bench, gpu_node, gpu_pod, node, pod, turned};
use crate::msg::{CallEnd, CallKind, Layer, ProbeOutcome, Resource};

const PODS: CallKind = CallKind::List(Resource::Pods);

/// An alert: what makes it fire, its reason, its severity, and its words on the screen.
type Case = (&'static str, &'static str, &'static str, fn(&mut Bench));

fn labelled(node: NodeFacts) -> NodeFacts {
    NodeFacts { labels: vec![("nvidia.com/gpu.count".into(), "8".into())], ..node }
}

fn lose(bench: &mut Bench, name: &str, status: ConditionStatus) {
    let ms = bench.ms;
    bench.change_node(1, turned(&node(name), status, ms));
}

fn timed_out() -> ProbeOutcome {
    ProbeOutcome::TimedOut { at_least: Duration::from_secs(5) }
}

fn probes(bench: &mut Bench, count: usize, outcome: ProbeOutcome) {
    for _ in 0..count {
        bench.probe(outcome);
        bench.received();
        bench.wait(5);
    }
}

const CASES: [Case; 20] = [
    ("SlowCall", "warning", "pods list page 3 running 12s (limit 10s), no body yet", |bench| {
        bench.start(PODS, Some(3));
        bench.wait_live(12);
    }),
    ("SlowCall", "warning", "pods list page 3 took 31s (limit 10s), first byte after 15s", |bench| {
        bench.call(PODS, 31_000, CallEnd::Complete, Some(200));
    }),
    ("Timeouts", "critical", "11 timeouts in 10m (limit 10), 11 of them pods list", |bench| {
        (0..11).for_each(|_| bench.call(PODS, 5_000, CallEnd::TimedOut, None));
    }),
    ("Unreachable", "critical", "unreachable for 17s (3 probes)", |bench| bench.wait(17)),
    ("Throttled", "warning", "throttled: 3×429 in 1m", |bench| {
        (0..3).for_each(|_| bench.call(PODS, 20, CallEnd::Complete, Some(429)));
    }),
    ("Stale", "warning", "nodes and pods 5m05s old (limit 5m)", |bench| {
        for _ in 0..61 {
            bench.wait(5);
            bench.probe(ProbeOutcome::Answered { latency: Duration::from_millis(20) });
        }
    }),
    ("ProbeSlow", "warning", "probe p95 1.4s in 5m (limit 1s), 20 probes", |bench| {
        probes(bench, 20, ProbeOutcome::Answered { latency: Duration::from_millis(1_400) });
    }),
    ("ProbeFailing", "warning", "the last 3 probes timed out after 5s", |bench| probes(bench, 3, timed_out())),
    ("ProbeFailing", "warning", "the last 3 probes failed (server)", |bench| {
        let after = Duration::from_millis(3);
        probes(bench, 3, ProbeOutcome::Failed { after, layer: Layer::Server });
    }),
    ("CredentialsRejected", "critical", "credentials rejected (401)", |bench| {
        bench.call(CallKind::Work, 20, CallEnd::Complete, Some(401));
    }),
    ("CredentialsMissing", "critical", "no credentials: connection refused", |bench| {
        bench.waiting(Resource::Nodes, Layer::Credentials);
    }),
    ("Denied", "notice", "pods may not be listed (403): connection refused", |bench| {
        bench.denied(Resource::Pods);
        bench.wait_live(61);
    }),
    ("NodeNotReady", "critical", "node n1 NotReady since 22:13:20Z (KubeletSays)", |bench| {
        lose(bench, "n1", ConditionStatus::False);
    }),
    ("NodeUnknown", "critical", "node n1 Unknown since 22:13:20Z (KubeletSays)", |bench| {
        lose(bench, "n1", ConditionStatus::Unknown);
    }),
    ("NodeUnknown", "critical", "all 6 nodes Unknown: the control plane stopped hearing from any of them", |bench| {
        (0..6).for_each(|n| lose(bench, &format!("n{n}"), ConditionStatus::Unknown));
    }),
    ("NodeFlapping", "warning", "node n1 flapping: 4 Ready changes in 15m, last 1s ago", |bench| {
        for (version, status) in [ConditionStatus::False, ConditionStatus::True].iter().cycle().take(4).enumerate() {
            let ms = bench.ms;
            let facts = turned(&node("n1"), status.clone(), ms);
            bench.change_node(1, NodeFacts { version: 20 + version as u64, ..facts });
            bench.wait_live(1);
        }
    }),
    ("NodePressure", "warning", "node n1 MemoryPressure", |bench| {
        let mut bad = NodeFacts { version: 11, ..node("n1") };
        let kind = "MemoryPressure".into();
        bad.conditions.push(NodeCondition { kind, status: ConditionStatus::True, ..NodeCondition::default() });
        bench.change_node(1, bad);
    }),
    ("GpusWithdrawn", "warning", "node n1 3 of 8 nvidia.com/gpu unhealthy", |bench| {
        bench.change_node(1, NodeFacts { version: 11, ..gpu_node("n1", 8, 5) });
    }),
    ("GpusMissing", "warning", "node n1 8 of 8 nvidia.com/gpu not registered", |bench| {
        bench.change_node(1, labelled(NodeFacts { version: 11, ..node("n1") }));
        bench.wait_live(60);
    }),
    ("PodDensity", "warning", "node n1 10/10 pods (100 %)", |bench| {
        let names: Vec<String> = (0..10).map(|n| format!("p{n}")).collect();
        let pods: Vec<_> = names.iter().map(|name| PodFacts { version: 20, ..pod(name, "n1") }).collect();
        bench.change_pods(1, &pods, false);
        bench.wait_live(901);
    }),
];

pub(super) fn draw(bench: &mut Bench, size: (u16, u16), theme: &Theme) -> Buffer {
    bench.prepare();
    let now = bench.now();
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    let mut state = ViewState::default();
    draw_model(&mut terminal, &mut bench.model, &mut state, theme, now);
    terminal.backend().buffer().clone()
}

/// A Unicode mark and its ASCII one, for a severity.
fn marks(severity: &str, theme: &Theme) -> &'static str {
    if severity == "notice" { theme.glyphs.notice } else { theme.glyphs.alert }
}

#[test]
fn every_alert_has_its_words_on_a_screen_without_colours() {
    for (reason, severity, words, raise) in CASES {
        let mut bench = Bench::with((0..6).map(|n| node(&format!("n{n}"))).collect(), &[]);
        raise(&mut bench);
        for ascii in [false, true] {
            let theme = Theme::new(Depth::None, ascii);
            let mark = marks(severity, &theme);
            for size in [(160, 45), (120, 30), (80, 24)] {
                let buf = draw(&mut bench, size, &theme);
                let text = lines(&buf);
                let plain = buf.content().iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset);
                assert!(plain, "{reason}: a colour");
                assert!(!ascii || text.is_ascii(), "{reason}: {text}");
                // A narrow screen cuts the end of a long text, never its beginning.
                let room = usize::from(size.0) - 20;
                let words = if ascii { words.replace('×', "x") } else { (*words).to_owned() };
                let words = &words[..words.len().min(room)];
                let found =
                    text.lines().any(|line| line.contains(&format!("{mark} {severity}")) && line.contains(words));
                assert!(found, "{reason}: no line with `{mark} {severity}` and `{words}` at {size:?}\n{text}");
            }
        }
        select(&mut bench, reason);
        for ascii in [false, true] {
            let text = lines(&draw(&mut bench, (120, 30), &Theme::new(Depth::None, ascii)));
            let words = if ascii { words.replace('×', "x") } else { (*words).to_owned() };
            assert!(text.lines().any(|line| line.contains(&format!(" {reason} {words}"))), "{reason}\n{text}");
            let times = ["first ", "firing since ", "peak ", "count 1"];
            assert!(text.lines().any(|line| times.iter().all(|word| line.contains(word))), "{reason}\n{text}");
        }
    }
}

/// Opens the pane of alerts and selects the first one of this reason that fires.
fn select(bench: &mut Bench, reason: &str) {
    bench.act(Action::Alerts);
    bench.act(Action::Top);
    for _ in 0..50 {
        let rows = bench.model.alert_rows();
        let is_match = |row: &crate::model::app::alerts::AlertRow<'_>| {
            row.selected && row.record.reason() == reason && row.state == AlertState::Firing
        };
        if rows.iter().any(is_match) {
            return;
        }
        bench.act(Action::Down);
    }
    panic!("{reason} is not in the pane");
}

#[test]
fn the_process_is_named_after_the_worst_alert() {
    let mut bench = Bench::with((0..6).map(|n| node(&format!("n{n}"))).collect(), &[]);
    bench.prepare();
    assert_eq!(process_title(&bench.model), "watchbell");
    bench.call(PODS, 20, CallEnd::Complete, Some(429));
    bench.prepare();
    assert_eq!(process_title(&bench.model), "watchbell ~1");
    bench.call(PODS, 31_000, CallEnd::Complete, Some(200));
    bench.prepare();
    assert_eq!(process_title(&bench.model), "watchbell !1");
    lose(&mut bench, "n1", ConditionStatus::False);
    bench.prepare();
    assert_eq!(process_title(&bench.model), "watchbell !!2");
    // 15 bytes are all that the kernel keeps.
    assert!(format!("watchbell {}{}", "!!", 99).len() <= 15);
    bench.act(Action::Silence);
    assert_eq!(process_title(&bench.model), "watchbell", "what is silenced is not told");
}

/// Two lost nodes: on the first a member of a gang of 64 with 8 GPUs and a plain pod, on the second one plain pod.
fn hit() -> Bench {
    let gang = GangMember {
        system: GangSystem::Kubeflow,
        kind: "PyTorchJob",
        key: "llm-70b",
        name: "llm-70b",
        rank: None,
        size: Some(64),
    };
    let member = PodFacts { namespace: "train", gang: Some(gang), ..gpu_pod("llm-70b-17", "gpu-1", 8) };
    let nodes = vec![turned(&gpu_node("gpu-1", 8, 8), ConditionStatus::Unknown, 0), node("cpu-1"), node("cpu-2")];
    let mut bench = Bench::with(nodes, &[member, pod("web", "gpu-1"), pod("web-2", "cpu-1")]);
    bench.wait_live(10);
    lose(&mut bench, "cpu-1", ConditionStatus::False);
    bench.wait_live(10);
    bench
}

#[test]
fn an_alert_says_whom_it_hits_where_there_is_room_and_its_text_wins() {
    let mut bench = hit();
    let theme = Theme::new(Depth::None, false);
    let wide = lines(&draw(&mut bench, (160, 45), &theme));
    let line = |text: &str, of: &str| text.lines().find(|line| line.contains(of)).unwrap().to_owned();
    let (gang, plain) = (line(&wide, "node gpu-1 Unknown"), line(&wide, "node cpu-1 NotReady"));
    assert!(gang.trim_end().ends_with("hits 2 pods · llm-70b 1 of 64 · 8 GPUs"), "{gang}");
    assert!(plain.trim_end().ends_with("hits 1 pod · in ns"), "{plain}");
    assert_eq!(gang.find("hits"), plain.find("hits"), "in one column");
    let narrow = line(&lines(&draw(&mut bench, (80, 24), &theme)), "node gpu-1 Unknown");
    assert!(narrow.contains("node gpu-1 Unknown since 22:13:20Z (KubeletSays)") && !narrow.contains("llm"), "{narrow}");
}

#[test]
fn the_list_of_alerts_has_a_column_of_hits_that_sorts_and_filters() {
    let mut bench = hit();
    bench.act(Action::Alerts);
    let theme = Theme::new(Depth::None, false);
    let text = lines(&draw(&mut bench, (160, 45), &theme));
    assert!(text.lines().any(|line| line.contains("HITS") && line.contains("ALERT")), "{text}");
    assert!(text.contains("2 pods · llm-70b 1 of 64 · 8 GPUs node gpu-1"), "{text}");
    assert!(text.contains("hits 2 pods · llm-70b 1 of 64 · 8 GPUs · first"), "below the list, in full: {text}");
    assert!(!lines(&draw(&mut bench, (120, 30), &theme)).contains("HITS"), "the text needs the room");
    bench.act(Action::Filter);
    bench.type_text("hits>1");
    bench.prepare();
    let rows: Vec<String> = bench.model.alert_rows().iter().map(|row| row.record.text.to_string()).collect();
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert!(rows[0].starts_with("node gpu-1"), "{rows:?}");
}
