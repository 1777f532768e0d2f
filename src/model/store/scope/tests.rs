//! A cluster of which only the pods of some namespaces are watched (F23).

use super::*;
use crate::facts::pod::PodFacts;
use crate::model::cluster::Health;
use crate::model::fixture::{Bench, gpu_node, gpu_pod, node, pod};
use crate::msg::{ClusterEvent, Resource, SyncState};

fn in_namespace<'a>(namespace: &'a str, name: &'a str) -> PodFacts<'a> {
    PodFacts { namespace, ..gpu_pod(name, "n1", 2) }
}

/// Two nodes; a has one pod, b has two, both on n1 but for one of b.
fn whole() -> Bench {
    let mut bench = Bench::scoped(&["a", "b"]);
    bench.list_nodes(1, vec![gpu_node("n1", 8, 8), gpu_node("n2", 8, 8)]);
    bench.sync(Resource::Nodes, SyncState::Watching);
    bench.list_pods_in(0, &[in_namespace("a", "p1")]);
    bench.list_pods_in(1, &[in_namespace("b", "p2"), PodFacts { namespace: "b", ..pod("p3", "n9") }]);
    bench.prepare();
    bench
}

#[test]
fn f23_numbers_of_some_namespaces_are_lower_bounds_of_the_cluster() {
    let mut bench = whole();
    let summary = bench.summary();
    assert_eq!((summary.health, summary.word), (Health::Ok, "partial"));
    assert_eq!(
        (summary.pods, summary.unscheduled, summary.orphaned),
        (Known::AtLeast(3), Known::AtLeast(0), Known::AtLeast(1))
    );
    assert_eq!(summary.gpu.unwrap().requested, Known::AtLeast(4));
    assert_eq!((summary.nodes_total, summary.pods_allocatable), (Known::Exact(2), Known::Exact(20)));
    let free: Vec<_> = bench.state().accelerators().iter().map(|totals| totals.free).collect();
    assert_eq!(free, [Known::Unknown], "whoever else holds devices is not seen");
    let detail = bench.state().node("n2", bench.now()).unwrap();
    assert_eq!((detail.row.pods, detail.partial.is_some()), (Known::AtLeast(0), true), "none is not no pod at all");
    assert!(bench.state().settled() && bench.state().tracks().complete());
}

#[test]
fn f23_a_namespace_that_is_not_read_yet_keeps_the_whole_loading() {
    let mut bench = Bench::scoped(&["a", "b"]);
    bench.list_nodes(1, vec![node("n1")]);
    assert_eq!((bench.summary().pods, bench.summary().pods_fresh), (Known::Unknown, Freshness::Never));
    bench.list_pods_in(0, &[PodFacts { namespace: "a", ..pod("p1", "n1") }]);
    assert_eq!(bench.summary().pods, Known::AtLeast(1));
    assert!(matches!(bench.summary().pods_fresh, Freshness::Loading { .. }), "{:?}", bench.summary().pods_fresh);
    assert!(!bench.state().settled());
    bench.denied_in(1);
    assert!(bench.state().settled() && !bench.state().tracks().complete());
}

#[test]
fn f23_a_namespace_that_is_forbidden_is_named_and_the_others_stay() {
    let mut bench = Bench::scoped(&["a", "b"]);
    bench.list_nodes(1, vec![node("n1")]);
    bench.list_pods_in(0, &[PodFacts { namespace: "a", ..pod("p1", "n1") }]);
    bench.denied_in(1);
    assert_eq!((bench.summary().pods, bench.summary().word), (Known::AtLeast(1), "denied"));
    assert!(matches!(bench.summary().pods_fresh, Freshness::Live(_)), "{:?}", bench.summary().pods_fresh);
    assert_eq!(bench.texts("Denied"), ["pods in b may not be listed (403): connection refused"]);
    let partial = bench.state().tracks().partial().unwrap();
    assert_eq!(
        (partial.count(), partial.names()),
        ("1 of 2 namespaces".into(), "only pods of a, none of b (403)".into())
    );
    let mut all = Bench::scoped(&["a", "b"]);
    all.list_nodes(1, vec![node("n1")]);
    all.denied_in(0);
    all.denied_in(1);
    assert_eq!((all.summary().pods, all.summary().pods_fresh), (Known::Denied, Freshness::Denied));
}

#[test]
fn f23_one_namespace_that_is_lost_makes_the_pods_old_and_is_named() {
    let mut bench = whole();
    let failure = crate::model::fixture::failure(crate::msg::Layer::Connect, bench.now().wall);
    let until = crate::msg::Mono(Duration::from_secs(100));
    let state = SyncState::Waiting { until, failure: Box::new(failure) };
    bench.send_in(1, ClusterEvent::Sync { resource: Resource::Pods, state });
    for _ in 0..8 {
        bench.wait_live(5);
        bench.send_in(0, ClusterEvent::Alive { resource: Resource::Pods, bytes: 1 });
    }
    assert!(matches!(bench.summary().pods_fresh, Freshness::Stale(age) if age >= Duration::from_secs(40)));
    let texts = bench.texts("Stale");
    assert!(texts.len() == 1 && texts[0].starts_with("pods in b 40s old"), "{texts:?}");
    assert_eq!(bench.summary().pods, Known::AtLeast(3), "old data stays");
}

#[test]
fn f23_only_what_some_namespaces_prove_raises_the_alert_of_density() {
    let names: Vec<String> = (0..10).map(|n| format!("p{n}")).collect();
    for (pods, fires) in [(10, true), (9, false)] {
        let mut bench = Bench::scoped(&["a"]);
        bench.list_nodes(1, vec![node("n1")]);
        bench.sync(Resource::Nodes, SyncState::Watching);
        let held: Vec<_> = names[..pods].iter().map(|name| PodFacts { namespace: "a", ..pod(name, "n1") }).collect();
        bench.list_pods_in(0, &held);
        for _ in 0..181 {
            bench.wait_live(5);
            bench.send_in(0, ClusterEvent::Alive { resource: Resource::Pods, bytes: 1 });
        }
        let expected: &[&str] = if fires { &["node n1 at least 10/10 pods (100 %)"] } else { &[] };
        assert_eq!(bench.texts("PodDensity"), expected);
    }
}

#[test]
fn f21_f23_where_all_pods_are_forbidden_the_alert_says_how_to_watch_a_namespace() {
    for (example, advice) in [(None, "--namespace NAME"), (Some("team-a"), "--namespace team-a")] {
        let mut bench = Bench::new(&["prod"]);
        let scope = Scope { namespaces: Vec::new(), example: example.map(Clean::new) };
        bench.model = bench.model.with_scopes([scope]);
        bench.list_nodes(1, vec![node("n1")]);
        bench.denied(Resource::Pods);
        let expected = format!("pods may not be listed (403); for one namespace: {advice}; connection refused");
        assert_eq!(bench.texts("Denied"), [expected]);
    }
}

#[test]
fn f23_many_namespaces_are_named_in_one_line() {
    let names = ["a", "b", "c", "d", "e"].map(Clean::new);
    let partial = |namespaces: usize, denied: usize| Partial {
        namespaces: names[..namespaces].to_vec(),
        denied: names[namespaces - denied..namespaces].to_vec(),
    };
    let cases = [
        (partial(1, 0), "1 namespace", "only pods of a"),
        (partial(3, 0), "3 namespaces", "only pods of a, b, c"),
        (partial(5, 0), "5 namespaces", "only pods of a, b, c and 2 more"),
        (partial(5, 4), "1 of 5 namespaces", "only pods of a, none of b, c, d and 1 more (403)"),
        (partial(2, 2), "0 of 2 namespaces", "no pods of a, b (403)"),
    ];
    for (partial, count, text) in cases {
        assert_eq!((partial.count().as_str(), partial.names().as_str()), (count, text));
    }
}
