//! Every alert of the catalogue through the same life: pending, firing, held between its two thresholds, acknowledged,
//! cleared, and what becomes of it when the cluster falls silent.

use crate::action::Action;
use crate::facts::node::{ConditionStatus, NodeCondition, NodeFacts};
use crate::model::alerts::*;
use crate::model::app::alerts::AlertState;
use crate::model::fixture::{Bench, gpu_node, node, pod, turned};
use crate::msg::{CallEnd, CallKind, Layer, ProbeOutcome, Resource, SyncState};

const PODS: CallKind = CallKind::List(Resource::Pods);

/// Fate of an alert when nothing arrives any more for longer than three ticks.
#[derive(Clone, Copy, PartialEq)]
enum OnSilence {
    /// `Unreachable` speaks for it: it is neither shown nor resolved.
    Inhibits,
    /// The same, and it is known until then: it is about answers.
    Explains,
    /// It is what silence is about, or stays true through it.
    Leaves,
    /// Its cause is over: only `Unreachable` is left.
    Ends,
}

/// One alert. Each step begins where the one before has ended.
struct AlertCase {
    reason: &'static str,
    /// Makes its condition true.
    raise: fn(&mut Bench),
    /// Further steps until it fires, if it does not at once.
    ripen: Option<fn(&mut Bench)>,
    /// Between the thresholds: it is neither raised there nor cleared.
    hold: fn(&mut Bench),
    /// Clears it.
    clear: fn(&mut Bench),
    silence: OnSilence,
}

/// Ten nodes and one with GPUs; everything is well.
fn bench() -> Bench {
    Bench::with(nodes(), &[])
}

fn nodes() -> Vec<NodeFacts> {
    let plain = (0..10).map(|n| node(&format!("n{n}")));
    plain.chain([labelled(gpu_node("g1", 8, 8))]).collect()
}

fn labelled(node: NodeFacts) -> NodeFacts {
    NodeFacts { labels: vec![("nvidia.com/gpu.count".into(), "8".into())], ..node }
}

/// The node as it is from now on; versions follow the clock.
fn put(bench: &mut Bench, facts: NodeFacts) {
    bench.ms += 1;
    let version = 100 + bench.ms;
    bench.change_node(1, NodeFacts { version, ..facts });
}

fn turn(bench: &mut Bench, name: &str, status: ConditionStatus) {
    let ms = bench.ms;
    put(bench, turned(&node(name), status, ms));
}

fn turn_all(bench: &mut Bench, status: &ConditionStatus) {
    for facts in nodes() {
        let ms = bench.ms;
        put(bench, turned(&facts, status.clone(), ms));
    }
}

fn probes(bench: &mut Bench, count: usize, outcome: ProbeOutcome) {
    for _ in 0..count {
        bench.probe(outcome);
        bench.received();
        bench.wait(5);
    }
}

fn answered(ms: u64) -> ProbeOutcome {
    ProbeOutcome::Answered { latency: Duration::from_millis(ms) }
}

fn timed_out() -> ProbeOutcome {
    ProbeOutcome::TimedOut { at_least: Duration::from_secs(5) }
}

/// The server answers, and the watches are silent.
fn answers_only(bench: &mut Bench, seconds: u64) {
    for _ in 0..seconds / 5 {
        bench.wait(5);
        bench.probe(answered(20));
    }
}

fn fill(bench: &mut Bench, pods: std::ops::Range<usize>, removed: bool) {
    let version = 100 + bench.ms;
    let names: Vec<String> = pods.map(|n| format!("p{n}")).collect();
    let pods: Vec<_> = names.iter().map(|name| crate::facts::pod::PodFacts { version, ..pod(name, "n0") }).collect();
    bench.change_pods(1, &pods, removed);
}

const API: [AlertCase; 10] = [
    AlertCase {
        reason: "SlowCall",
        raise: |bench| bench.call(PODS, 10_001, CallEnd::Complete, Some(200)),
        ripen: None,
        hold: |bench| {
            for ms in [20, 20, 6_000, 20, 20] {
                bench.call(CallKind::Work, ms, CallEnd::Complete, Some(200));
            }
        },
        clear: |bench| bench.call(CallKind::Work, 20, CallEnd::Complete, Some(200)),
        silence: OnSilence::Explains,
    },
    AlertCase {
        reason: "Timeouts",
        raise: |bench| (0..11).for_each(|_| bench.call(PODS, 5_000, CallEnd::TimedOut, None)),
        ripen: None,
        // Eight of them leave the window, and then there must be quiet for three minutes after the last.
        hold: |bench| {
            bench.wait_live(500);
            (0..3).for_each(|_| bench.call(PODS, 5_000, CallEnd::TimedOut, None));
            bench.wait_live(179);
        },
        clear: |bench| bench.wait_live(1),
        silence: OnSilence::Explains,
    },
    AlertCase {
        reason: "Unreachable",
        raise: |bench| bench.wait(16),
        ripen: None,
        hold: |bench| {
            bench.probe(timed_out());
            bench.wait(1);
        },
        clear: |bench| bench.probe(answered(20)),
        silence: OnSilence::Leaves,
    },
    AlertCase {
        reason: "Throttled",
        raise: |bench| (0..3).for_each(|_| bench.call(PODS, 20, CallEnd::Complete, Some(429))),
        ripen: None,
        hold: |bench| bench.wait_live(60),
        clear: |bench| bench.wait_live(1),
        silence: OnSilence::Leaves,
    },
    AlertCase {
        reason: "Stale",
        raise: |bench| answers_only(bench, 305),
        ripen: None,
        hold: |bench| answers_only(bench, 60),
        clear: Bench::received,
        silence: OnSilence::Explains,
    },
    AlertCase {
        reason: "ProbeSlow",
        raise: |bench| probes(bench, 10, answered(1_400)),
        ripen: Some(|bench| probes(bench, 6, answered(1_400))),
        hold: |bench| probes(bench, 15, answered(700)),
        clear: |bench| probes(bench, 13, answered(100)),
        silence: OnSilence::Explains,
    },
    AlertCase {
        reason: "ProbeFailing",
        raise: |bench| probes(bench, 3, timed_out()),
        ripen: None,
        hold: |bench| probes(bench, 2, timed_out()),
        clear: |bench| bench.probe(answered(20)),
        silence: OnSilence::Ends,
    },
    AlertCase {
        reason: "CredentialsRejected",
        raise: |bench| bench.call(CallKind::Work, 20, CallEnd::Complete, Some(401)),
        ripen: None,
        // `/livez` asks for none.
        hold: |bench| bench.call(CallKind::Ping, 20, CallEnd::Complete, Some(200)),
        clear: |bench| bench.call(CallKind::Work, 20, CallEnd::Complete, Some(200)),
        silence: OnSilence::Leaves,
    },
    AlertCase {
        reason: "CredentialsMissing",
        raise: |bench| bench.waiting(Resource::Nodes, Layer::Credentials),
        ripen: None,
        hold: |bench| bench.waiting(Resource::Nodes, Layer::Credentials),
        clear: |bench| bench.sync(Resource::Nodes, SyncState::Watching),
        silence: OnSilence::Leaves,
    },
    AlertCase {
        reason: "Denied",
        raise: |bench| bench.denied(Resource::Pods),
        ripen: Some(|bench| answers_only(bench, 65)),
        hold: |bench| bench.denied(Resource::Pods),
        clear: |bench| bench.sync(Resource::Pods, SyncState::Watching),
        silence: OnSilence::Leaves,
    },
];

const NODES: [AlertCase; 8] = [
    AlertCase {
        reason: "NodeNotReady",
        raise: |bench| turn(bench, "n1", ConditionStatus::False),
        ripen: None,
        hold: |bench| bench.wait_live(60),
        clear: |bench| turn(bench, "n1", ConditionStatus::True),
        silence: OnSilence::Inhibits,
    },
    AlertCase {
        reason: "NodeUnknown",
        raise: |bench| turn(bench, "n1", ConditionStatus::Unknown),
        ripen: None,
        hold: |bench| bench.wait_live(60),
        clear: |bench| turn(bench, "n1", ConditionStatus::True),
        silence: OnSilence::Inhibits,
    },
    AlertCase {
        // All of them at once: one banner.
        reason: "NodeUnknown",
        raise: |bench| turn_all(bench, &ConditionStatus::Unknown),
        ripen: None,
        hold: |bench| bench.wait_live(60),
        clear: |bench| turn_all(bench, &ConditionStatus::True),
        silence: OnSilence::Inhibits,
    },
    AlertCase {
        reason: "NodeFlapping",
        raise: |bench| {
            for status in [ConditionStatus::False, ConditionStatus::True, ConditionStatus::False, ConditionStatus::True]
            {
                bench.wait_live(10);
                turn(bench, "n1", status);
            }
        },
        ripen: None,
        hold: |bench| bench.wait_live(899),
        clear: |bench| bench.wait_live(2),
        silence: OnSilence::Inhibits,
    },
    AlertCase {
        reason: "NodePressure",
        raise: |bench| {
            let mut bad = node("n1");
            let kind = "MemoryPressure".into();
            bad.conditions.push(NodeCondition { kind, status: ConditionStatus::True, ..NodeCondition::default() });
            put(bench, bad);
        },
        ripen: None,
        hold: |bench| bench.wait_live(60),
        clear: |bench| put(bench, node("n1")),
        silence: OnSilence::Inhibits,
    },
    AlertCase {
        reason: "GpusWithdrawn",
        raise: |bench| put(bench, labelled(gpu_node("g1", 8, 5))),
        ripen: None,
        hold: |bench| put(bench, labelled(gpu_node("g1", 8, 7))),
        clear: |bench| put(bench, labelled(gpu_node("g1", 8, 8))),
        silence: OnSilence::Inhibits,
    },
    AlertCase {
        reason: "GpusMissing",
        raise: |bench| {
            put(bench, labelled(node("g1")));
            bench.wait_live(59);
        },
        ripen: Some(|bench| bench.wait_live(1)),
        hold: |bench| put(bench, labelled(gpu_node("g1", 7, 7))),
        clear: |bench| put(bench, labelled(gpu_node("g1", 8, 8))),
        silence: OnSilence::Inhibits,
    },
    AlertCase {
        reason: "PodDensity",
        raise: |bench| {
            fill(bench, 0..10, false);
            bench.prepare();
            bench.wait_live(899);
        },
        ripen: Some(|bench| bench.wait_live(1)),
        // A place more: 10 of 11 are 91 %, between the two thresholds.
        hold: |bench| {
            let mut wider = node("n0");
            wider.allocatable.retain(|(name, _)| &**name != "pods");
            wider.allocatable.push(("pods".into(), crate::facts::quantity::Quantity::whole(11)));
            wider.allocatable.sort_unstable();
            put(bench, wider);
        },
        clear: |bench| fill(bench, 0..1, true),
        silence: OnSilence::Inhibits,
    },
];

fn cases() -> impl Iterator<Item = &'static AlertCase> {
    API.iter().chain(&NODES)
}

/// States of the rows with this reason, as the pane shows them.
fn states(bench: &mut Bench, reason: &str) -> Vec<AlertState> {
    bench.prepare();
    let rows = bench.model.alert_rows();
    rows.iter().filter(|row| row.record.reason() == reason).map(|row| row.state).collect()
}

#[track_caller]
fn assert_state(bench: &mut Bench, case: &AlertCase, state: AlertState, when: &str) {
    assert_eq!(states(bench, case.reason), [state], "{} {when}", case.reason);
    let shown = bench.reasons().contains(&case.reason);
    let fires = !matches!(state, AlertState::Pending | AlertState::Resolved);
    assert_eq!(shown, fires, "{} {when}: among the alerts of the main screen", case.reason);
}

fn fire(case: &AlertCase) -> Bench {
    let mut bench = bench();
    bench.wait_live(5);
    assert_eq!(states(&mut bench, case.reason), [], "{} before anything happened", case.reason);
    (case.raise)(&mut bench);
    if let Some(ripen) = case.ripen {
        assert_state(&mut bench, case, AlertState::Pending, "before its time");
        ripen(&mut bench);
    }
    assert_state(&mut bench, case, AlertState::Firing, "when its condition holds");
    bench
}

#[test]
fn every_alert_is_pending_or_fires_is_held_between_its_thresholds_and_clears() {
    for case in cases() {
        let mut bench = fire(case);
        let began = record(&bench, case).first;
        (case.hold)(&mut bench);
        assert_state(&mut bench, case, AlertState::Firing, "between its thresholds");
        assert_eq!(record(&bench, case).first, began, "{}: the same alert", case.reason);
        assert_eq!(record(&bench, case).count, 1, "{}: once", case.reason);
        (case.clear)(&mut bench);
        assert_state(&mut bench, case, AlertState::Resolved, "when it is over");
        assert!(record(&bench, case).resolved.is_some());
    }
}

fn record(bench: &Bench, case: &AlertCase) -> AlertRecord {
    let found = bench.state().alert_records().iter().find(|record| record.reason() == case.reason);
    found.unwrap_or_else(|| panic!("{} is not remembered", case.reason)).clone()
}

#[test]
fn every_alert_can_be_acknowledged_and_stays_so_until_it_is_over() {
    for case in cases() {
        let mut bench = fire(case);
        acknowledge(&mut bench, case.reason);
        assert_state(&mut bench, case, AlertState::Acknowledged, "when the key is pressed");
        let received = bench.state().alerts().iter().any(|line| line.reason() == case.reason && line.muted.is_none());
        assert!(!received, "{} is still heard", case.reason);
        (case.hold)(&mut bench);
        assert_state(&mut bench, case, AlertState::Acknowledged, "while it goes on");
        (case.clear)(&mut bench);
        assert_state(&mut bench, case, AlertState::Resolved, "when it is over");
        assert_eq!(record(&bench, case).ack, None, "{}: the next time is another time", case.reason);
    }
}

fn acknowledge(bench: &mut Bench, reason: &str) {
    bench.act(Action::Alerts);
    bench.act(Action::Top);
    for _ in 0..100 {
        let rows = bench.model.alert_rows();
        if rows.iter().any(|row| row.selected && row.record.reason() == reason) {
            bench.act(Action::Acknowledge);
            bench.act(Action::Back);
            return;
        }
        bench.act(Action::Down);
    }
    panic!("{reason} cannot be selected");
}

#[test]
fn without_data_no_alert_is_taken_for_resolved_unless_it_was_about_answers() {
    for case in cases() {
        let mut bench = fire(case);
        let ms = bench.ms;
        if case.silence == OnSilence::Inhibits {
            // The link breaks, and for three ticks it is not known whether it still fires.
            bench.waiting(Resource::Nodes, Layer::Connect);
            bench.waiting(Resource::Pods, Layer::Connect);
            assert_state(&mut bench, case, AlertState::Unknown, "when the link is lost");
        }
        bench.wait(25);
        assert!(bench.ms >= ms + 25_000);
        let reasons = bench.reasons();
        assert!(reasons.contains(&"Unreachable"), "{}: {reasons:?}", case.reason);
        let resolved = record(&bench, case).resolved.is_some();
        let (shown, gone) = match case.silence {
            OnSilence::Inhibits | OnSilence::Explains => (false, false),
            OnSilence::Leaves => (true, false),
            OnSilence::Ends => (false, true),
        };
        assert_eq!((reasons.contains(&case.reason), resolved), (shown, gone), "{} in silence", case.reason);
    }
}

#[test]
fn every_threshold_that_the_configuration_knows_moves_its_alert() {
    let settings = crate::model::settings::Settings {
        slow_call: Duration::from_secs(40),
        timeouts_over: 20,
        unreachable_ticks: 9,
        throttled_warning: 9,
        stale_after: Duration::from_secs(3_000),
        probe_p95: Duration::from_secs(4),
        flapping_over: 9,
        gpus_missing_for: Duration::from_secs(600),
        pod_density_pct: 100,
        ..crate::model::settings::Settings::default()
    };
    for case in cases() {
        let moved = [
            "SlowCall",
            "Timeouts",
            "Unreachable",
            "Throttled",
            "Stale",
            "ProbeSlow",
            "NodeFlapping",
            "GpusMissing",
            "PodDensity",
        ];
        if !moved.contains(&case.reason) {
            continue;
        }
        let mut bench = Bench::tuned(&settings, nodes());
        (case.raise)(&mut bench);
        if let Some(ripen) = case.ripen {
            ripen(&mut bench);
        }
        bench.prepare();
        let received =
            bench.state().alerts().iter().any(|line| line.reason() == case.reason && line.severity > Severity::Notice);
        assert!(!received, "{} fires below its threshold", case.reason);
    }
}

#[test]
fn a_group_that_grows_after_an_acknowledgement_fires_again() {
    let mut bench = bench();
    for n in 0..6 {
        turn(&mut bench, &format!("n{n}"), ConditionStatus::False);
    }
    bench.wait_live(1);
    assert_eq!(bench.texts("NodeNotReady"), ["6 nodes NotReady: n0, n1, n2 and 3 more"]);
    acknowledge(&mut bench, "NodeNotReady");
    assert_eq!((states(&mut bench, "NodeNotReady")[0], bench.model.firing()), (AlertState::Acknowledged, (0, 0)));
    turn(&mut bench, "n6", ConditionStatus::False);
    assert_eq!((states(&mut bench, "NodeNotReady")[0], bench.model.firing()), (AlertState::Firing, (1, 0)));
    assert_eq!(bench.texts("NodeNotReady"), ["7 nodes NotReady: n0, n1, n2 and 4 more"]);
    acknowledge(&mut bench, "NodeNotReady");
    turn(&mut bench, "n6", ConditionStatus::True);
    assert_eq!(states(&mut bench, "NodeNotReady")[0], AlertState::Acknowledged, "fewer are no news");
    turn(&mut bench, "n7", ConditionStatus::False);
    assert_eq!(states(&mut bench, "NodeNotReady")[0], AlertState::Firing, "another one that nobody has looked at");
    let record = bench.state().alert_records().iter().find(|record| record.size > 0).unwrap().clone();
    assert_eq!((record.peak, record.count), (7, 1), "the peak is kept");
}
