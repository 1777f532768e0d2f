//! Each alert from its beginning to its end: pending, firing, hysteresis, clear, inhibition, no data.

use crate::model::alerts::*;
use crate::model::fixture::{Bench, node, pod};
use crate::msg::{Layer, ProbeOutcome, Resource};

fn bench() -> Bench {
    Bench::with((0..10).map(|n| node(&format!("n{n}"))).collect(), &[])
}

/// Probes every 5 s that take so long, while the watches live.
fn probes(bench: &mut Bench, count: usize, ms: u64) {
    for _ in 0..count {
        bench.probe(ProbeOutcome::Answered { latency: Duration::from_millis(ms) });
        bench.received();
        bench.wait(5);
    }
}

fn pods_on(node: &str, count: usize, version: u64) -> Vec<(String, String, u64)> {
    (0..count).map(|n| (format!("{node}-{n}"), node.to_owned(), version)).collect()
}

fn change(bench: &mut Bench, pods: &[(String, String, u64)], removed: bool) {
    let pods: Vec<_> = pods
        .iter()
        .map(|(name, node, version)| crate::facts::pod::PodFacts { version: *version, ..pod(name, node) })
        .collect();
    bench.change_pods(1, &pods, removed);
}

fn record(bench: &Bench, reason: &str) -> Option<AlertRecord> {
    bench.state().alert_records().iter().find(|record| record.reason() == reason).cloned()
}

#[test]
fn slow_probes_are_pending_for_half_a_minute_then_fire_and_clear_below_half_a_second() {
    let mut bench = bench();
    probes(&mut bench, 9, 1_400);
    assert_eq!(record(&bench, "ProbeSlow"), None, "nine probes prove nothing");
    probes(&mut bench, 1, 1_400);
    assert_eq!(record(&bench, "ProbeSlow").unwrap().since, None, "pending");
    assert!(bench.reasons().is_empty());
    probes(&mut bench, 6, 1_400);
    assert_eq!(bench.texts("ProbeSlow"), ["probe p95 1.4s in 5m (limit 1s), 16 probes"]);
    assert_eq!(bench.model.firing(), (0, 1));
    // Between the thresholds it is held; below the lower one it clears when the last minute is clean.
    probes(&mut bench, 15, 700);
    assert_eq!(bench.reasons(), ["ProbeSlow"]);
    probes(&mut bench, 11, 100);
    assert_eq!(bench.reasons(), ["ProbeSlow"], "the last minute still holds a probe of 700 ms");
    probes(&mut bench, 2, 100);
    assert!(bench.reasons().is_empty(), "although the p95 of five minutes is not below the limit");
    assert!(bench.state().latency().summary(bench.now().mono).p95.unwrap().value > Duration::from_secs(1));
}

#[test]
fn probes_just_at_the_limit_are_not_slow() {
    let mut bench = bench();
    probes(&mut bench, 60, 1_000);
    assert!(bench.reasons().is_empty());
}

#[test]
fn probes_that_time_out_silence_slow_probes() {
    let mut bench = bench();
    probes(&mut bench, 20, 1_400);
    assert_eq!(bench.reasons(), ["ProbeSlow"]);
    for _ in 0..3 {
        bench.probe(ProbeOutcome::TimedOut { at_least: Duration::from_secs(5) });
        bench.received();
        bench.wait(1);
    }
    assert_eq!(bench.reasons(), ["ProbeFailing"]);
    assert!(record(&bench, "ProbeSlow").unwrap().resolved.is_none(), "inhibited is not resolved");
}

#[test]
fn without_probes_it_is_not_known_whether_they_are_slow() {
    let mut bench = bench();
    probes(&mut bench, 20, 1_400);
    for _ in 0..5 {
        bench.received();
        bench.wait(5);
    }
    let alerts: Vec<_> = bench.state().alerts().iter().map(|alert| (alert.reason(), alert.unknown)).collect();
    assert_eq!(alerts, [("ProbeSlow", true)]);
}

#[test]
fn a_node_over_95_percent_of_its_pods_is_held_until_90() {
    let mut bench = Bench::with(vec![node("n0"), node("n1")], &[]);
    change(&mut bench, &pods_on("n0", 9, 20), false);
    assert!(bench.reasons().is_empty(), "9 of 10 are 90 %");
    change(&mut bench, &pods_on("n0", 10, 21), false);
    bench.prepare();
    bench.wait_live(899);
    assert!(bench.reasons().is_empty(), "a rollout may fill a node for a while");
    assert_eq!(record(&bench, "PodDensity").unwrap().since, None, "pending");
    bench.wait_live(1);
    assert_eq!(bench.texts("PodDensity"), ["node n0 10/10 pods (100 %)"]);
    bench.change_node(1, with_places("n0", 11));
    assert_eq!(bench.texts("PodDensity"), ["node n0 10/11 pods (90 %)"], "10 of 11 are more than 90 %");
    change(&mut bench, &pods_on("n0", 1, 22), true);
    assert!(bench.reasons().is_empty());
    change(&mut bench, &pods_on("n0", 1, 23), false);
    assert!(bench.reasons().is_empty(), "between the thresholds nothing is raised");
}

#[test]
fn a_node_with_a_place_for_one_pod_is_meant_to_be_full() {
    let mut bench = Bench::with(vec![with_places("n0", 1)], &[]);
    change(&mut bench, &pods_on("n0", 1, 20), false);
    bench.wait_live(1_000);
    assert!(bench.reasons().is_empty());
}

fn with_places(name: &str, pods: i64) -> crate::facts::node::NodeFacts {
    let mut facts = node(name);
    facts.version += 1;
    for (resource, amount) in &mut facts.allocatable {
        if &**resource == "pods" {
            *amount = crate::facts::quantity::Quantity::whole(pods);
        }
    }
    facts
}

#[test]
fn many_full_nodes_are_one_line_and_old_data_is_not_known() {
    let mut bench = bench();
    for n in 0..6 {
        change(&mut bench, &pods_on(&format!("n{n}"), 10, 20), false);
    }
    bench.wait_live(901);
    assert_eq!(bench.texts("PodDensity"), ["6 nodes nearly full of pods: n0, n1, n2 and 3 more"]);
    bench.waiting(Resource::Pods, Layer::ServerTimeout);
    bench.prepare();
    let lines: Vec<_> = bench.state().alerts().iter().map(|line| (line.reason(), line.unknown)).collect();
    assert_eq!(lines, [("PodDensity", true)], "the list of pods is lost");
    bench.watching();
    bench.received();
    assert_eq!(bench.texts("PodDensity").len(), 1);
    assert!(!bench.state().alerts()[0].unknown);
    for _ in 0..18 {
        bench.wait(1);
    }
    assert_eq!(bench.reasons(), ["Unreachable"], "an unreachable cluster speaks for its nodes");
}

#[test]
fn many_nodes_are_said_to_kill_only_if_that_is_proven_of_all() {
    use crate::facts::pod::{Blame, FailedPod, FailedPods, PodFacts};
    use crate::model::fixture::failure;
    use crate::msg::{ClusterEvent, Query, QueryAnswer, QueryResult};

    let texts = |denied: usize| {
        let mut bench = bench();
        let nodes: Vec<String> = (0..7).map(|n| format!("n{n}")).collect();
        let created = Some(bench.now().wall);
        for node in &nodes {
            for (name, node, version) in pods_on(node, 5, 20) {
                let pod = PodFacts { version, created, owner_name: node.as_str(), ..pod(&name, &node) };
                bench.change_pods(1, &[pod], true);
            }
        }
        for (at, node) in nodes.iter().enumerate() {
            bench.wait_live(1);
            let ending = FailedPod { node: node.as_str().into(), created, blame: Blame::Node, ..FailedPod::default() };
            let result = if at < denied {
                Err(Box::new(failure(Layer::Rbac, bench.now().wall)))
            } else {
                Ok(QueryResult::FailedPods(FailedPods { pods: vec![ending; 5], more: false }))
            };
            let query = Query::FailedPods { node: node.as_str().into(), namespace: None };
            bench.send(ClusterEvent::Answered(Box::new(QueryAnswer { query, result })));
        }
        bench.wait_live(1);
        bench.prepare();
        let holes = bench.state().alerts().iter().filter(|alert| alert.reason() == "BlackHole");
        holes.map(|alert| alert.text.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(texts(0), ["7 nodes kill what they get: n0, n1, n2 and 4 more"]);
    assert_eq!(texts(1), ["7 nodes whose pods lived < 60 s: n0, n1, n2 and 4 more"]);
}
