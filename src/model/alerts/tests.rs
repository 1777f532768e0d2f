mod lifecycle;
mod scenarios;
mod silence;
mod table;

use super::*;
use crate::action::Action;
use crate::facts::node::{ConditionStatus, NodeCondition, NodeFacts, NodeTaint};
use crate::facts::wire::Uid;
use crate::model::fixture::{Bench, failure, gpu_node, node, turned};
use crate::msg::{CallEnd, CallKind, ClusterEvent, Effect, Layer, Msg, Now, ProbeOutcome, Resource, SyncState};

const PODS: CallKind = CallKind::List(Resource::Pods);

/// A cluster of ten Ready nodes that is watched.
fn bench() -> Bench {
    Bench::with((0..10).map(|n| node(&format!("n{n}"))).collect(), &[])
}

fn condition(kind: &str, status: ConditionStatus) -> NodeCondition {
    NodeCondition { kind: kind.into(), status, ..NodeCondition::default() }
}

fn fast(bench: &mut Bench, calls: usize) {
    for _ in 0..calls {
        bench.call(CallKind::Work, 20, CallEnd::Complete, Some(200));
    }
}

fn severities(bench: &mut Bench) -> Vec<(&'static str, Severity)> {
    bench.prepare();
    bench.state().alerts().iter().map(|alert| (alert.reason(), alert.severity)).collect()
}

#[test]
fn a_healthy_cluster_has_no_alerts() {
    let mut bench = bench();
    bench.wait_live(60);
    assert!(bench.reasons().is_empty());
    assert_eq!(bench.model.firing(), (0, 0));
}

#[test]
fn a_slow_call_is_raised_while_it_runs() {
    let mut bench = bench();
    bench.start(PODS, Some(3));
    bench.wait_live(10);
    assert!(bench.reasons().is_empty(), "10 s are not over 10 s");
    bench.wait_live(2);
    assert_eq!(bench.texts("SlowCall"), ["pods list page 3 running 12s (limit 10s), no body yet"]);
    assert_eq!(bench.model.firing(), (0, 1));
}

#[test]
fn a_slow_call_clears_after_three_fast_ones_in_a_row() {
    let mut bench = bench();
    bench.call(PODS, 31_000, CallEnd::Complete, Some(200));
    assert_eq!(bench.texts("SlowCall"), ["pods list page 3 took 31s (limit 10s), first byte after 15s"]);
    fast(&mut bench, 2);
    bench.call(CallKind::Work, 6_000, CallEnd::Complete, Some(200));
    fast(&mut bench, 2);
    assert_eq!(bench.reasons(), ["SlowCall"], "a call between the two limits begins the count anew");
    bench.call(CallKind::Ping, 2, CallEnd::Complete, Some(200));
    assert_eq!(bench.reasons(), ["SlowCall"], "a ping proves nothing about lists");
    fast(&mut bench, 1);
    assert!(bench.reasons().is_empty());
}

#[test]
fn a_slow_call_is_held_while_the_next_one_drags_on() {
    let mut bench = bench();
    bench.call(PODS, 12_000, CallEnd::Complete, Some(200));
    let next = bench.start(PODS, Some(4));
    bench.wait_live(6);
    fast(&mut bench, 3);
    assert_eq!(bench.reasons(), ["SlowCall"]);
    bench.end(next, PODS, 6_000, (CallEnd::Complete, Some(200)));
    fast(&mut bench, 3);
    assert!(bench.reasons().is_empty());
}

#[test]
fn a_watch_is_slow_only_until_its_headers() {
    let mut bench = bench();
    let id = bench.start(CallKind::Watch(Resource::Pods), None);
    bench.send(ClusterEvent::Call(crate::msg::CallEvent::Progress { id, bytes: 100 }));
    bench.wait_live(20);
    assert!(bench.reasons().is_empty());
}

#[test]
fn the_eleventh_timeout_in_ten_minutes_raises_and_two_thresholds_clear() {
    let mut bench = bench();
    for n in 0..11 {
        assert!(bench.reasons().is_empty(), "{n} timeouts are not over 10");
        let kind = if n < 4 { CallKind::Work } else { PODS };
        if n > 0 {
            bench.wait_live(30);
        }
        bench.call(kind, 5_000, CallEnd::TimedOut, None);
    }
    assert_eq!(bench.texts("Timeouts"), ["11 timeouts in 10m (limit 10), 7 of them pods list"]);
    assert_eq!(bench.model.firing(), (1, 0));
    bench.wait_live(30);
    let text = "recovering, last timeout 30s ago: 11 timeouts in 10m (limit 10), 7 of them pods list";
    assert_eq!((bench.texts("Timeouts"), bench.model.firing()), (vec![text.to_owned()], (0, 0)), "a notice by now");
    // The last came 30 s ago; those at 0, 30, ... 210 s leave until 3 are left, at 600 + 210 s.
    bench.wait_live(480);
    assert_eq!(
        bench.texts("Timeouts"),
        ["recovering, last timeout 8m30s ago: 4 timeouts in 10m (limit 10), 4 of them pods list, peak 11"]
    );
    bench.wait_live(1);
    assert!(bench.reasons().is_empty());
}

#[test]
fn few_timeouts_are_not_clear_before_three_quiet_minutes() {
    let mut bench = bench();
    for _ in 0..11 {
        bench.call(PODS, 5_000, CallEnd::TimedOut, None);
    }
    bench.wait_live(590);
    bench.call(PODS, 5_000, CallEnd::TimedOut, None);
    bench.wait_live(179);
    assert_eq!(bench.reasons(), ["Timeouts"], "one in ten minutes, but not quiet for three");
    bench.wait_live(1);
    assert!(bench.reasons().is_empty());
}

#[test]
fn a_504_is_a_timeout_and_a_probe_counts_once() {
    let mut bench = bench();
    for _ in 0..5 {
        bench.call(PODS, 5_000, CallEnd::Complete, Some(504));
        bench.call(CallKind::Work, 5_000, CallEnd::TimedOut, None);
        bench.probe(ProbeOutcome::TimedOut { at_least: Duration::from_secs(5) });
    }
    assert_eq!(bench.summary().latency.timeouts, 10);
    assert!(!bench.reasons().contains(&"Timeouts"), "ten are not over ten");
}

#[test]
fn a_server_that_is_silent_for_three_ticks_is_unreachable_and_node_alerts_are_silenced() {
    let mut bench = bench();
    bench.change_node(1, turned(&node("n1"), ConditionStatus::False, 0));
    bench.wait_live(1);
    assert_eq!(bench.reasons(), ["NodeNotReady"]);
    bench.send(ClusterEvent::Failed(Box::new(failure(Layer::Connect, bench.now().wall))));
    bench.waiting(Resource::Nodes, Layer::Connect);
    bench.wait(10);
    let alerts = bench.state().alerts().to_vec();
    assert_eq!(alerts.iter().map(|a| (a.reason(), a.unknown)).collect::<Vec<_>>(), [("NodeNotReady", true)]);
    bench.wait(6);
    assert_eq!(bench.texts("Unreachable"), ["unreachable for 17s (3 probes): connection refused"]);
    assert_eq!(bench.reasons(), ["Unreachable"]);
    bench.list_nodes(2, vec![turned(&node("n1"), ConditionStatus::False, 0)]);
    bench.watching();
    assert_eq!(bench.reasons(), ["NodeNotReady"], "it still is");
    assert!(!bench.state().alerts()[0].unknown);
}

#[test]
fn a_refused_probe_is_no_answer_and_a_500_is_one() {
    let mut bench = bench();
    for _ in 0..20 {
        bench.probe(ProbeOutcome::Failed { after: Duration::from_millis(1), layer: Layer::Connect });
        bench.wait(1);
    }
    assert_eq!(bench.reasons(), ["Unreachable"]);
    bench.probe(ProbeOutcome::Failed { after: Duration::from_millis(1), layer: Layer::Server });
    assert_eq!(bench.reasons(), ["ProbeFailing"], "it answers, though badly");
}

#[test]
fn probes_of_a_silence_that_end_after_it_are_no_alert_of_a_server_that_answers_again() {
    let mut bench = bench();
    for _ in 0..6 {
        bench.probe(ProbeOutcome::TimedOut { at_least: Duration::from_secs(5) });
        bench.wait(5);
    }
    assert_eq!(bench.reasons(), ["Unreachable"]);
    bench.received();
    assert!(bench.reasons().is_empty(), "the last three probes timed out before the answer: {:?}", bench.reasons());
    bench.wait(1);
    bench.received();
    bench.probe(ProbeOutcome::TimedOut { at_least: Duration::from_secs(5) });
    assert_eq!(bench.reasons(), ["ProbeFailing"], "this one was sent to a server that answers");
}

#[test]
fn throttling_is_a_notice_and_then_a_warning_for_a_minute() {
    let mut bench = bench();
    bench.call(PODS, 20, CallEnd::Complete, Some(429));
    assert_eq!(severities(&mut bench), [("Throttled", Severity::Notice)]);
    assert_eq!(bench.model.firing(), (0, 0));
    bench.call(PODS, 20, CallEnd::Complete, Some(429));
    bench.call(PODS, 20, CallEnd::Complete, Some(429));
    assert_eq!(severities(&mut bench), [("Throttled", Severity::Warning)]);
    bench.wait_live(60);
    assert_eq!(bench.reasons(), ["Throttled"]);
    bench.wait_live(1);
    assert!(bench.reasons().is_empty());
}

#[test]
fn a_denied_list_is_one_notice_until_it_is_allowed() {
    let mut bench = Bench::new(&["prod"]);
    bench.list_nodes(1, vec![node("a")]);
    bench.denied(Resource::Pods);
    bench.denied(Resource::Pods);
    assert_eq!(severities(&mut bench), [("Denied", Severity::Notice)]);
    bench.sync(Resource::Pods, SyncState::Listing);
    assert!(bench.reasons().is_empty());
}

#[test]
fn rejected_credentials_are_critical_until_a_call_succeeds() {
    let mut bench = bench();
    bench.call(CallKind::Work, 20, CallEnd::Complete, Some(401));
    assert_eq!(severities(&mut bench), [("CredentialsRejected", Severity::Critical)]);
    bench.call(CallKind::Ping, 20, CallEnd::Complete, Some(200));
    assert_eq!(bench.reasons(), ["CredentialsRejected"], "`/livez` asks for none");
    bench.call(CallKind::Work, 20, CallEnd::Complete, Some(200));
    assert!(bench.reasons().is_empty());
}

#[test]
fn each_lost_node_has_a_line_with_its_time_and_reason() {
    let mut bench = bench();
    bench.wait_live(5);
    bench.change_node(1, turned(&node("n1"), ConditionStatus::False, 4_000));
    bench.wait_live(5);
    bench.change_node(1, turned(&node("n0"), ConditionStatus::Unknown, 9_000));
    assert_eq!(bench.texts("NodeNotReady"), ["node n1 NotReady since 22:13:24Z (KubeletSays)"]);
    assert_eq!(bench.texts("NodeUnknown"), ["node n0 Unknown since 22:13:29Z (KubeletSays)"]);
    assert_eq!(bench.reasons(), ["NodeNotReady", "NodeUnknown"], "the oldest first");
    assert_eq!(bench.state().alerts()[0].since, Mono(Duration::from_secs(5)));
    assert_eq!(bench.model.firing(), (2, 0));
    bench.change_node(1, NodeFacts { version: 20, ..node("n1") });
    assert_eq!(bench.reasons(), ["NodeUnknown"]);
}

#[test]
fn more_than_five_lost_nodes_are_one_line() {
    let mut bench = bench();
    for n in 0..5 {
        bench.change_node(1, turned(&node(&format!("n{n}")), ConditionStatus::False, 0));
    }
    assert_eq!(bench.texts("NodeNotReady").len(), 5);
    bench.change_node(1, turned(&node("n5"), ConditionStatus::False, 0));
    assert_eq!(bench.texts("NodeNotReady"), ["6 nodes NotReady: n0, n1, n2 and 3 more"]);
}

#[test]
fn all_nodes_unknown_at_once_is_one_banner() {
    let mut bench = bench();
    for n in 0..10 {
        bench.change_node(1, turned(&node(&format!("n{n}")), ConditionStatus::Unknown, 0));
    }
    let banner = "all 10 nodes Unknown: the control plane stopped hearing from any of them";
    assert_eq!(bench.texts("NodeUnknown"), [banner]);
    assert_eq!(bench.reasons().len(), 1);
}

#[test]
fn all_nodes_unknown_at_once_does_not_end_what_else_is_wrong_with_them() {
    let mut bench = Bench::with(vec![gpu_node("n0", 8, 5), node("n1")], &[]);
    bench.prepare();
    assert_eq!(bench.reasons(), ["GpusWithdrawn"]);
    let record = |bench: &Bench| {
        let records = bench.state().alert_records();
        records.iter().find(|record| record.reason() == "GpusWithdrawn").unwrap().clone()
    };
    for status in [ConditionStatus::Unknown, ConditionStatus::True] {
        bench.wait_live(10);
        let unknown = status == ConditionStatus::Unknown;
        bench.change_node(1, turned(&gpu_node("n0", 8, 5), status.clone(), 0));
        bench.change_node(1, turned(&node("n1"), status, 0));
        bench.prepare();
        assert_eq!(bench.reasons(), [if unknown { "NodeUnknown" } else { "GpusWithdrawn" }]);
        assert_eq!((record(&bench).resolved, record(&bench).count), (None, 1), "the same alert all the time");
    }
}

#[test]
fn a_group_falls_apart_only_when_it_is_small_and_that_is_no_news() {
    let mut bench = bench();
    let turn = |bench: &mut Bench, n: usize, status| {
        bench.ms += 1;
        let (version, facts) = (100 + bench.ms, turned(&node(&format!("n{n}")), status, 0));
        bench.change_node(1, NodeFacts { version, ..facts });
        bench.prepare();
    };
    (0..6).for_each(|n| turn(&mut bench, n, ConditionStatus::False));
    assert_eq!(bench.texts("NodeNotReady"), ["6 nodes NotReady: n0, n1, n2 and 3 more"]);
    assert_eq!(news(&mut bench), 1);
    turn(&mut bench, 5, ConditionStatus::True);
    turn(&mut bench, 4, ConditionStatus::True);
    assert_eq!(bench.texts("NodeNotReady"), ["4 nodes NotReady: n0, n1, n2 and 1 more"]);
    turn(&mut bench, 3, ConditionStatus::True);
    assert_eq!(bench.texts("NodeNotReady").len(), 3);
    assert_eq!(news(&mut bench), 0, "fewer nodes are lost than before");
    turn(&mut bench, 9, ConditionStatus::False);
    assert_eq!(news(&mut bench), 1, "another one is lost");
}

/// How many alerts are told at the next tick.
fn news(bench: &mut Bench) -> usize {
    bench.ms += 1000;
    let now = bench.now();
    match bench.model.update(Msg::Tick, now) {
        Some(Effect::NotifyAlerts { news, .. }) => news.len(),
        _ => 0,
    }
}

#[test]
fn an_acknowledgement_and_a_silence_end_while_the_machine_sleeps() {
    let mut bench = bench();
    bench.change_node(1, turned(&node("n1"), ConditionStatus::False, 0));
    bench.prepare();
    for action in [Action::Alerts, Action::Acknowledge, Action::Back, Action::Silence] {
        bench.act(action);
    }
    let (until, record) = (bench.state().silenced_until(), bench.state().alert_records()[0].clone());
    assert!(until.is_some() && record.ack.is_some(), "{record:?}");
    // The wall clock goes on for 61 minutes, longer than both, while the other one stands still.
    let now = bench.now();
    let later = Now { wall: now.wall + jiff::SignedDuration::from_mins(61), ..now };
    bench.model.update(Msg::Tick, now);
    bench.model.update(Msg::Tick, later);
    assert_eq!((bench.state().silenced_until(), bench.state().alert_records()[0].ack), (None, None));
}

#[test]
fn a_node_on_its_way_out_is_only_a_notice_and_a_cordoned_one_a_warning() {
    let mut bench = bench();
    let mut leaving = turned(&node("n1"), ConditionStatus::Unknown, 0);
    leaving.taints = vec![crate::facts::node::NodeTaint { key: "karpenter.sh/disrupted".into(), ..Default::default() }];
    bench.change_node(1, leaving);
    let mut cordoned = turned(&node("n2"), ConditionStatus::False, 0);
    cordoned.unschedulable = true;
    bench.change_node(1, cordoned);
    let expected = [("NodeNotReady", Severity::Warning), ("NodeUnknown", Severity::Notice)];
    assert_eq!(severities(&mut bench), expected);
}

#[test]
fn a_node_that_is_being_replaced_is_a_notice_whoever_replaces_it() {
    for (key, value) in [
        ("karpenter.sh/disruption", "disrupting"),
        ("karpenter.sh/disrupted", ""),
        ("ToBeDeletedByClusterAutoscaler", "1700000000"),
        ("node.cloudprovider.kubernetes.io/shutdown", ""),
    ] {
        let mut bench = bench();
        let taint = NodeTaint { key: key.into(), value: value.into(), effect: "NoSchedule".into() };
        let silent = turned(&node("n0"), ConditionStatus::Unknown, 0);
        bench.change_node(1, NodeFacts { taints: vec![taint], ..silent });
        assert_eq!(severities(&mut bench), [("NodeUnknown", Severity::Notice)], "{key}");
    }
}

#[test]
fn a_flapping_node_is_raised_held_and_cleared() {
    let mut bench = bench();
    for n in 1..=4 {
        bench.wait_live(10);
        let status = if n % 2 == 0 { ConditionStatus::True } else { ConditionStatus::False };
        bench.change_node(1, NodeFacts { version: 10 + n, ..turned(&node("n1"), status, n * 10_000) });
    }
    assert_eq!(bench.texts("NodeFlapping"), ["node n1 flapping: 4 Ready changes in 15m, last 0ms ago"]);
    bench.wait_live(900);
    assert_eq!(bench.reasons(), ["NodeFlapping"]);
    bench.wait_live(1);
    assert!(bench.reasons().is_empty());
}

#[test]
fn bad_conditions_are_pressure_and_a_positive_one_is_not() {
    let mut bench = bench();
    let mut bad = NodeFacts { version: 11, ..node("n1") };
    bad.conditions.push(condition("MemoryPressure", ConditionStatus::True));
    bad.conditions.push(condition("DiskPressure", ConditionStatus::Unknown));
    bad.conditions.push(condition("KernelDeadlock", ConditionStatus::True));
    bad.conditions.push(condition("NetworkingReady", ConditionStatus::True));
    bench.change_node(1, bad);
    assert_eq!(bench.texts("NodePressure"), ["node n1 MemoryPressure, KernelDeadlock"]);
    bench.change_node(1, NodeFacts { version: 12, ..node("n1") });
    assert!(bench.reasons().is_empty());
}

#[test]
fn withdrawn_devices_are_an_alert_and_not_a_smaller_node() {
    let mut bench = Bench::with(vec![gpu_node("g1", 8, 8), node("n1")], &[]);
    bench.change_node(1, NodeFacts { version: 11, ..gpu_node("g1", 8, 5) });
    assert_eq!(bench.texts("GpusWithdrawn"), ["node g1 3 of 8 nvidia.com/gpu unhealthy"]);
    bench.change_node(1, NodeFacts { version: 12, ..gpu_node("g1", 8, 8) });
    assert!(bench.reasons().is_empty());
}

#[test]
fn devices_that_the_labels_promise_and_the_node_lacks_are_missing_after_a_minute() {
    let labelled = |mut facts: NodeFacts| {
        facts.labels = vec![("nvidia.com/gpu.count".into(), "8".into())];
        facts
    };
    let mut bench = Bench::with(vec![labelled(gpu_node("g1", 8, 8)), labelled(node("g2"))], &[]);
    bench.wait_live(59);
    assert!(bench.reasons().is_empty(), "the plugin may still be starting");
    bench.wait_live(1);
    assert_eq!(
        bench.texts("GpusMissing"),
        ["node g2 8 of 8 nvidia.com/gpu not registered; broken at device plugin: no known one runs on this node"]
    );
    let gpu = bench.state().rows(1..2, bench.now())[0].gpu.unwrap();
    assert_eq!((gpu.allocatable, gpu.capacity), (0, 0), "shown as a node that has lost its devices");
    bench.change_node(1, labelled(NodeFacts { version: 11, ..gpu_node("g2", 8, 8) }));
    assert!(bench.reasons().is_empty());
}

#[test]
fn old_data_is_a_notice_when_the_link_is_lost_and_a_warning_after_five_minutes() {
    let mut bench = bench();
    bench.change_node(1, turned(&node("n1"), ConditionStatus::False, 0));
    bench.waiting(Resource::Pods, Layer::ServerTimeout);
    bench.waiting(Resource::Nodes, Layer::ServerTimeout);
    for _ in 0..4 {
        bench.wait(5);
        bench.probe(ProbeOutcome::Answered { latency: Duration::from_millis(20) });
    }
    assert_eq!(bench.texts("Stale"), ["nodes and pods 20s old (limit 5m): connection refused (server timeout)"]);
    let alerts = bench.state().alerts().to_vec();
    assert_eq!(
        alerts.iter().map(|a| (a.reason(), a.unknown)).collect::<Vec<_>>(),
        [("NodeNotReady", true), ("Stale", false)]
    );
    for _ in 0..57 {
        bench.wait(5);
        bench.probe(ProbeOutcome::Answered { latency: Duration::from_millis(20) });
    }
    let expected = [("NodeNotReady", Severity::Critical), ("Stale", Severity::Warning)];
    assert_eq!(severities(&mut bench), expected, "what can no longer be known is doubtful, not gone");
    assert!(bench.state().alerts()[0].unknown);
    bench.list_nodes(2, vec![node("n1")]);
    bench.list_pods(2, &[]);
    bench.watching();
    assert!(bench.reasons().is_empty());
}

#[test]
fn pods_that_are_old_hide_nothing_of_nodes_that_are_not() {
    let mut bench = bench();
    bench.change_node(1, turned(&node("n1"), ConditionStatus::False, 0));
    for _ in 0..61 {
        bench.wait(5);
        bench.probe(ProbeOutcome::Answered { latency: Duration::from_millis(20) });
        bench.send(ClusterEvent::Alive { resource: Resource::Nodes, bytes: 100 });
    }
    assert_eq!(severities(&mut bench), [("NodeNotReady", Severity::Critical), ("Stale", Severity::Warning)]);
    assert!(!bench.state().alerts()[0].unknown, "nodes are as live as before");
}

#[test]
fn silence_alone_raises_stale() {
    let mut bench = bench();
    for _ in 0..61 {
        bench.wait(5);
        bench.probe(ProbeOutcome::Answered { latency: Duration::from_millis(20) });
    }
    assert_eq!(bench.texts("Stale"), ["nodes and pods 5m05s old (limit 5m)"]);
}

#[test]
fn an_alert_keeps_its_beginning_its_peak_and_its_count() {
    let mut bench = bench();
    bench.wait_live(7);
    bench.call(PODS, 31_000, CallEnd::Complete, Some(200));
    bench.prepare();
    bench.wait_live(3);
    bench.call(PODS, 12_000, CallEnd::Complete, Some(200));
    assert_eq!(bench.texts("SlowCall"), ["pods list page 3 took 12s (limit 10s), first byte after 6s, peak 31s"]);
    assert_eq!(bench.state().alerts()[0].since, Mono(Duration::from_secs(7)));
    fast(&mut bench, 3);
    assert!(bench.reasons().is_empty());
    bench.wait_live(5);
    bench.call(PODS, 11_000, CallEnd::Complete, Some(200));
    bench.prepare();
    let record = bench.state().alert_records().iter().find(|record| record.reason() == "SlowCall").unwrap().clone();
    assert_eq!((record.count, record.peak, record.since), (2, 11_000, Some(Mono(Duration::from_secs(15)))));
}

#[test]
fn the_worst_comes_first_then_the_oldest() {
    let mut bench = bench();
    bench.call(PODS, 20, CallEnd::Complete, Some(429));
    bench.call(PODS, 31_000, CallEnd::Complete, Some(200));
    bench.wait_live(1);
    bench.change_node(1, turned(&node("n5"), ConditionStatus::False, 0));
    bench.wait_live(1);
    bench.change_node(1, turned(&node("n3"), ConditionStatus::False, 0));
    assert_eq!(bench.reasons(), ["NodeNotReady", "NodeNotReady", "SlowCall", "Throttled"]);
    assert!(bench.texts("NodeNotReady")[0].starts_with("node n5"));
    assert_eq!(bench.model.firing(), (2, 1));
}

#[test]
fn a_routine_relist_is_no_alert() {
    let mut bench = bench();
    for generation in 2..10 {
        bench.waiting(Resource::Nodes, Layer::Watch);
        bench.wait_live(5);
        bench.list_nodes(generation, (0..10).map(|n| node(&format!("n{n}"))).collect());
        bench.watching();
        assert!(bench.reasons().is_empty());
    }
}

#[test]
fn a_node_that_is_recreated_does_not_inherit_the_time_of_its_problem() {
    let mut bench = bench();
    bench.change_node(1, turned(&node("n1"), ConditionStatus::False, 0));
    bench.wait_live(10);
    let anew = NodeFacts { uid: Uid(7), version: 50, ..turned(&node("n1"), ConditionStatus::False, 10_000) };
    bench.change_node(1, anew);
    bench.prepare();
    assert_eq!(bench.state().alerts()[0].since, Mono(Duration::from_secs(10)));
}

#[test]
fn what_is_remembered_of_resolved_alerts_is_bounded() {
    let mut alerts = Alerts::default();
    for n in 0..10_000 {
        let mut finding = Finding::new(Rule::NodeNotReady, "down".to_owned());
        finding.subject = Some(Clean::new(&n.to_string()));
        alerts.apply_findings(vec![finding], ClusterId(0), &Settings::default(), Mono(Duration::from_millis(n)));
    }
    assert!(alerts.records().len() <= MAX_RECORDS + 1);
    assert_eq!(alerts.lines().len(), 1);
}

#[test]
fn pings_that_are_answered_do_not_hide_probes_that_are_not() {
    let mut bench = bench();
    for n in 0..8 {
        let tick = bench.now().mono;
        let outcome = ProbeOutcome::Answered { latency: Duration::from_millis(2) };
        bench.send(ClusterEvent::Probe(crate::msg::ProbeSample {
            series: crate::msg::ProbeSeries::Ping,
            tick,
            outcome,
        }));
        bench.probe(ProbeOutcome::TimedOut { at_least: Duration::from_secs(5) });
        let expected: &[&str] = if n < 2 { &[] } else { &["ProbeFailing"] };
        assert_eq!(bench.reasons(), expected, "after {} probes", n + 1);
        bench.wait(5);
    }
    assert_eq!(bench.texts("ProbeFailing"), ["the last 3 probes timed out after 5s"]);
    assert_eq!(bench.summary().word, "slow");
    for _ in 0..3 {
        bench.probe(ProbeOutcome::Failed { after: Duration::from_millis(3), layer: Layer::Server });
    }
    assert_eq!(bench.texts("ProbeFailing"), ["the last 3 probes failed (server)"]);
    assert_eq!(bench.summary().word, "failing");
    bench.probe(ProbeOutcome::Answered { latency: Duration::from_millis(20) });
    assert!(bench.reasons().is_empty());
    assert_eq!(bench.summary().word, "ok");
}

#[test]
fn a_403_after_a_success_is_no_news_for_a_minute() {
    let mut bench = bench();
    bench.wait_live(5);
    bench.denied(Resource::Pods);
    for _ in 0..11 {
        bench.wait(5);
        bench.probe(ProbeOutcome::Answered { latency: Duration::from_millis(20) });
        assert!(!bench.reasons().contains(&"Denied"));
    }
    bench.wait(6);
    assert!(bench.reasons().contains(&"Denied"));
}

#[test]
fn an_old_time_has_its_date() {
    let now = crate::model::fixture::at(86_400_000);
    let mut bench = bench();
    bench.change_node(1, turned(&node("n1"), ConditionStatus::False, 0));
    bench.model.update(Msg::Frame, now);
    let alerts = bench.state().alerts();
    let line = alerts.iter().find(|alert| alert.reason() == "NodeNotReady");
    assert!(line.is_none(), "a day of silence silences it");
    bench.ms = 86_400_000;
    bench.received();
    assert_eq!(bench.texts("NodeNotReady"), ["node n1 NotReady since 11-14 22:13:20Z (KubeletSays)"]);
}

#[test]
fn each_problem_of_a_node_has_a_beginning_of_its_own() {
    let labelled = |mut facts: NodeFacts| {
        facts.labels = vec![("nvidia.com/gpu.count".into(), "8".into())];
        facts
    };
    let mut bench = Bench::with(vec![labelled(gpu_node("g1", 8, 8)), node("n1")], &[]);
    let mut bad = labelled(gpu_node("g1", 8, 8));
    bad.conditions.push(condition("MemoryPressure", ConditionStatus::True));
    bench.change_node(1, NodeFacts { version: 11, ..bad.clone() });
    bench.wait_live(300);
    // The plugin is started anew after five minutes of pressure: that is no reason to ring before its minute is over.
    let mut less = labelled(gpu_node("g1", 6, 5));
    less.conditions.clone_from(&bad.conditions);
    bench.change_node(1, NodeFacts { version: 12, ..less.clone() });
    let since = |bench: &mut Bench| -> Vec<(&'static str, u64)> {
        bench.prepare();
        bench.state().alerts().iter().map(|alert| (alert.reason(), alert.since.0.as_secs())).collect()
    };
    assert_eq!(since(&mut bench), [("NodePressure", 0), ("GpusWithdrawn", 300)]);
    bench.wait_live(59);
    assert_eq!(since(&mut bench), [("NodePressure", 0), ("GpusWithdrawn", 300)], "the grace of a minute is not over");
    bench.wait_live(1);
    assert_eq!(since(&mut bench), [("NodePressure", 0), ("GpusMissing", 300), ("GpusWithdrawn", 300)]);
    // The end of one is not the end of the others, and what comes again begins again.
    bench.change_node(
        1,
        NodeFacts { version: 13, conditions: labelled(gpu_node("g1", 8, 8)).conditions, ..less.clone() },
    );
    assert_eq!(since(&mut bench), [("GpusMissing", 300), ("GpusWithdrawn", 300)]);
    bench.wait_live(40);
    bench.change_node(1, NodeFacts { version: 14, ..less });
    assert_eq!(since(&mut bench), [("GpusMissing", 300), ("GpusWithdrawn", 300), ("NodePressure", 400)]);
}

#[test]
fn a_problem_that_does_not_change_is_not_derived_again() {
    let nodes = (0..500).map(|n| match n {
        0..135 => turned(&node(&format!("n{n}")), ConditionStatus::Unknown, 0),
        135..244 => gpu_node(&format!("n{n}"), 8, 5),
        _ => node(&format!("n{n}")),
    });
    let mut bench = Bench::with(nodes.collect(), &[]);
    bench.wait_live(2);
    let texts = (bench.texts("NodeUnknown"), bench.texts("GpusWithdrawn"));
    assert!(texts.0[0].starts_with("135 nodes Unknown") && texts.1[0].starts_with("109 nodes"), "{texts:?}");
    let made = bench.state().alerts.node_findings_derived();
    bench.wait_live(600);
    // Once a minute, since a time of day gets a date some time; healthy clusters do no less.
    let again = bench.state().alerts.node_findings_derived() - made;
    assert!(again <= 11, "{again} times in ten minutes");
    assert_eq!((bench.texts("NodeUnknown"), bench.texts("GpusWithdrawn")), texts);
    bench.change_node(1, NodeFacts { version: 11, ..gpu_node("n135", 8, 8) });
    assert!(bench.texts("GpusWithdrawn")[0].starts_with("108 nodes"), "what changes is seen at once");
    bench.change_node(1, NodeFacts { version: 11, ..node("n0") });
    assert!(bench.texts("NodeUnknown")[0].starts_with("134 nodes"));
}
