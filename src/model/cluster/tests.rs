use super::*;
use crate::facts::accelerator::Kind;
use crate::facts::node::ConditionStatus;
use crate::facts::pod::PodPhase;
use crate::model::derive::rows::Accelerators;
use crate::model::fixture::{Bench, gpu_node, gpu_pod, node, pod, turned};
use crate::model::known::Known;
use crate::msg::{Batch, ClusterEvent, Layer, Msg, NodeChange, PageHead, ProbeOutcome, SyncState};

#[test]
fn nothing_is_known_before_anything_came() {
    let mut bench = Bench::new(&["prod"]);
    let summary = bench.summary();
    assert_eq!((summary.nodes_total, summary.nodes_ready), (Known::Unknown, Known::Unknown));
    assert_eq!((summary.pods, summary.unscheduled, summary.orphaned), (Known::Unknown, Known::Unknown, Known::Unknown));
    assert_eq!((summary.gpu, summary.gpu_known), (None, false));
    assert_eq!((summary.nodes_fresh, summary.pods_fresh), (Freshness::Never, Freshness::Never));
    assert_eq!((summary.health, summary.word), (Health::Loading, "loading"));
    assert!(!bench.state().tracks().complete() && !bench.state().settled());
}

#[test]
fn counts_of_the_first_list_are_lower_bounds_with_progress() {
    let mut bench = Bench::new(&["prod"]);
    bench.send(ClusterEvent::ListStarted { resource: Resource::Nodes, generation: 1 });
    bench.page_of_nodes(1, 1, vec![node("a"), node("b")]);
    let summary = bench.summary();
    assert_eq!((summary.nodes_total, summary.pods_allocatable), (Known::AtLeast(2), Known::AtLeast(20)));
    assert_eq!(summary.nodes_fresh, Freshness::Loading { objects: 2, page: 1, remaining: None });
    assert_eq!(bench.names(), ["a", "b"], "nodes appear as soon as they are listed");
    bench.send(ClusterEvent::ListFinished { resource: Resource::Nodes, generation: 1 });
    assert_eq!(bench.summary().nodes_total, Known::Exact(2));
    assert_eq!(bench.summary().pods, Known::Unknown, "pods have not come");
}

#[test]
fn a_list_that_fails_in_the_middle_takes_nothing_away() {
    let mut bench = Bench::with(vec![node("a"), node("b"), gpu_node("c", 8, 8)], &[pod("x", "a"), pod("y", "b")]);
    let before = bench.summary();
    bench.wait(10);
    for resource in Resource::CORE {
        bench.send(ClusterEvent::ListStarted { resource, generation: 2 });
    }
    bench.page_of_nodes(2, 1, vec![node("a")]);
    bench.page_of_pods(2, 1, &[pod("x", "a")]);
    for resource in Resource::CORE {
        bench.waiting(resource, Layer::Body);
    }
    let after = bench.summary();
    assert_eq!(
        (after.nodes_total, after.nodes_ready, after.pods),
        (before.nodes_total, before.nodes_ready, before.pods)
    );
    assert_eq!(after.gpu, before.gpu);
    assert_eq!(after.nodes_total, Known::Exact(3));
    assert_eq!(after.pods, Known::Exact(2));
    assert_eq!((after.health, after.word), (Health::Stale, "stale"), "but it says so at once");
    assert!(after.failure.is_some());
    assert_eq!(after.next_in, Some(Duration::from_secs(60)));
}

#[test]
fn a_relist_removes_what_neither_page_nor_watch_brought() {
    let mut bench = Bench::with(vec![node("a"), node("b"), node("c")], &[]);
    bench.send(ClusterEvent::ListStarted { resource: Resource::Nodes, generation: 2 });
    bench.page_of_nodes(2, 1, vec![node("a")]);
    bench.change_node(2, node("c"));
    assert_eq!(bench.summary().nodes_total, Known::Exact(3), "nothing goes before the end");
    bench.send(ClusterEvent::ListFinished { resource: Resource::Nodes, generation: 2 });
    assert_eq!(bench.names(), ["a", "c"]);
    assert_eq!(bench.summary().nodes_total, Known::Exact(2));
}

#[test]
fn the_end_of_a_list_that_was_given_up_sweeps_nothing() {
    let mut bench = Bench::with(vec![node("a"), node("b")], &[]);
    bench.send(ClusterEvent::ListStarted { resource: Resource::Nodes, generation: 2 });
    bench.send(ClusterEvent::ListStarted { resource: Resource::Nodes, generation: 3 });
    bench.page_of_nodes(2, 1, vec![node("z")]);
    bench.send(ClusterEvent::ListFinished { resource: Resource::Nodes, generation: 2 });
    assert_eq!(bench.names(), ["a", "b"]);
}

#[test]
fn a_page_yields_to_a_newer_change_of_the_same_list() {
    let mut bench = Bench::new(&["prod"]);
    bench.send(ClusterEvent::ListStarted { resource: Resource::Nodes, generation: 1 });
    let old = node("a");
    bench.change_node(1, turned(&old, ConditionStatus::False, 0));
    bench.page_of_nodes(1, 1, vec![old]);
    bench.send(ClusterEvent::ListFinished { resource: Resource::Nodes, generation: 1 });
    let summary = bench.summary();
    assert_eq!((summary.nodes_ready, summary.nodes_total), (Known::Exact(0), Known::Exact(1)));
}

#[test]
fn a_page_of_the_next_list_wins_although_its_version_is_smaller() {
    // After an etcd restore versions go back (F43).
    let mut bench = Bench::with(vec![node("a")], &[]);
    let newer = turned(&node("a"), ConditionStatus::False, 0);
    bench.change_node(1, newer);
    let restored = crate::facts::node::NodeFacts { version: 1, ..node("a") };
    bench.list_nodes(2, vec![restored]);
    assert_eq!(bench.summary().nodes_ready, Known::Exact(1));
}

#[test]
fn a_node_deleted_while_the_list_runs_is_not_brought_back_by_a_later_page() {
    let mut bench = Bench::new(&["prod"]);
    bench.send(ClusterEvent::ListStarted { resource: Resource::Nodes, generation: 1 });
    bench.delete_node(1, &node("a"), 11);
    bench.page_of_nodes(1, 1, vec![node("a"), node("b")]);
    bench.send(ClusterEvent::ListFinished { resource: Resource::Nodes, generation: 1 });
    assert_eq!(bench.names(), ["b"]);
    let mut again = node("a");
    again.version = 12;
    bench.change_node(1, again);
    assert_eq!(bench.names(), ["a", "b"], "made anew");
}

#[test]
fn a_node_recreated_under_its_name_begins_a_new_history() {
    let mut bench = Bench::with(vec![node("a"), node("b")], &[]);
    for n in 1..=4 {
        bench.wait_live(10);
        let status = if n % 2 == 0 { ConditionStatus::True } else { ConditionStatus::False };
        bench.change_node(
            1,
            crate::facts::node::NodeFacts { version: 10 + n, ..turned(&node("a"), status, n * 10_000) },
        );
    }
    bench.prepare();
    assert!(bench.state().node("a", bench.now()).unwrap().status.flapping);
    assert_eq!(bench.state().node("a", bench.now()).unwrap().transitions.len(), 4);
    let anew = crate::facts::node::NodeFacts { uid: crate::facts::wire::Uid(7), version: 90, ..node("a") };
    bench.change_node(1, anew);
    bench.prepare();
    let detail = bench.state().node("a", bench.now()).unwrap();
    assert!(!detail.status.flapping && detail.transitions.is_empty());
}

#[test]
fn flap_history_survives_a_relist() {
    let mut bench = Bench::with(vec![node("a"), node("b")], &[]);
    for n in 1..=3 {
        bench.wait_live(10);
        let status = if n % 2 == 0 { ConditionStatus::True } else { ConditionStatus::False };
        bench.change_node(
            1,
            crate::facts::node::NodeFacts { version: 10 + n, ..turned(&node("a"), status, n * 10_000) },
        );
    }
    bench.list_nodes(2, vec![turned(&node("a"), ConditionStatus::False, 30_000), node("b")]);
    bench.prepare();
    let detail = bench.state().node("a", bench.now()).unwrap();
    assert!(detail.status.flapping);
    let texts: Vec<_> = detail.transitions.iter().map(|(_, text)| text.to_string()).collect();
    assert_eq!(texts, ["Ready False (KubeletSays)", "Ready True (KubeletSays)", "Ready False (KubeletSays)"]);
}

#[test]
fn f76_a_pod_that_comes_before_its_node_is_an_orphan_until_the_node_comes() {
    let mut bench = Bench::with(vec![node("a")], &[pod("x", "a"), gpu_pod("y", "late", 2)]);
    let summary = bench.summary();
    assert_eq!((summary.pods, summary.orphaned), (Known::Exact(2), Known::Exact(1)));
    bench.change_node(1, gpu_node("late", 8, 8));
    let summary = bench.summary();
    assert_eq!((summary.pods, summary.orphaned), (Known::Exact(2), Known::Exact(0)));
    assert_eq!(summary.gpu.unwrap().requested, Known::Exact(2));
    let rows = bench.state().rows(0..2, bench.now());
    assert_eq!(rows.iter().map(|row| row.pods).collect::<Vec<_>>(), [Known::Exact(1), Known::Exact(1)]);
}

#[test]
fn orphans_are_unknown_while_the_node_list_runs() {
    let mut bench = Bench::new(&["prod"]);
    bench.list_pods(1, &[pod("x", "a")]);
    bench.send(ClusterEvent::ListStarted { resource: Resource::Nodes, generation: 1 });
    assert_eq!(bench.summary().orphaned, Known::Unknown);
}

#[test]
fn denied_pods_are_denied_and_nodes_stay() {
    let mut bench = Bench::new(&["prod"]);
    bench.list_nodes(1, vec![gpu_node("a", 8, 7)]);
    bench.denied(Resource::Pods);
    let summary = bench.summary();
    assert_eq!((summary.pods, summary.unscheduled, summary.orphaned), (Known::Denied, Known::Denied, Known::Denied));
    assert_eq!((summary.nodes_ready, summary.pods_fresh), (Known::Exact(1), Freshness::Denied));
    assert_eq!(summary.gpu, Some(Accelerators { requested: Known::Denied, allocatable: 7, capacity: 8 }));
    assert_eq!((summary.health, summary.word), (Health::Degraded, "denied"));
    let rows = bench.state().rows(0..1, bench.now());
    assert_eq!((rows[0].pods, rows[0].cpu_milli), (Known::Denied, (Known::Denied, Some(4000))));
    assert!(bench.state().settled() && !bench.state().tracks().complete());
}

#[test]
fn a_403_after_a_success_keeps_the_data_and_ages_it() {
    let mut bench = Bench::with(vec![node("a")], &[pod("x", "a")]);
    bench.denied(Resource::Pods);
    bench.wait(20);
    let summary = bench.summary();
    assert_eq!(summary.pods, Known::Exact(1));
    assert_eq!(summary.pods_fresh, Freshness::Stale(Duration::from_secs(20)));
}

#[test]
fn a_lost_link_shows_the_age_at_once_and_recovers_without_a_key() {
    let mut bench = Bench::with(vec![node("a")], &[]);
    assert_eq!(bench.summary().word, "ok");
    bench.wait(3);
    bench.waiting(Resource::Nodes, Layer::Connect);
    let summary = bench.summary();
    assert_eq!(summary.nodes_fresh, Freshness::Stale(Duration::from_secs(3)));
    assert_eq!(summary.word, "stale");
    assert!(bench.state().rows(0..1, bench.now())[0].status.stale);
    bench.list_nodes(2, vec![node("a")]);
    bench.watching();
    let summary = bench.summary();
    assert_eq!((summary.nodes_fresh, summary.word), (Freshness::Live(Duration::ZERO), "ok"));
    assert!(!bench.state().rows(0..1, bench.now())[0].status.stale);
}

#[test]
fn a_watch_that_says_nothing_goes_stale_after_five_minutes() {
    let mut bench = Bench::with(vec![node("a")], &[]);
    bench.wait(300);
    assert_eq!(bench.summary().nodes_fresh, Freshness::Live(Duration::from_secs(300)));
    bench.wait(1);
    assert_eq!(bench.summary().nodes_fresh, Freshness::Stale(Duration::from_secs(301)));
}

#[test]
fn a_routine_end_of_a_watch_is_no_loss() {
    let mut bench = Bench::with(vec![node("a")], &[]);
    bench.waiting(Resource::Nodes, Layer::Watch);
    assert_eq!(bench.summary().word, "ok");
}

#[test]
fn a_polled_list_says_so() {
    let mut bench = Bench::with(vec![node("a")], &[]);
    bench.sync(Resource::Nodes, SyncState::Polling { every: Duration::from_secs(30) });
    bench.wait(12);
    assert_eq!(bench.summary().nodes_fresh, Freshness::Polling(Duration::from_secs(12)));
    assert_eq!(bench.summary().health, Health::Degraded);
}

#[test]
fn an_hour_of_sleep_makes_data_an_hour_old() {
    let mut bench = Bench::with(vec![node("a")], &[]);
    let mut later = bench.now();
    later.wall += jiff::SignedDuration::from_hours(1);
    bench.model.update(crate::msg::Msg::Tick, later);
    bench.model.update(Msg::Frame, later);
    let summary = bench.state().summary(later);
    assert_eq!(summary.nodes_fresh, Freshness::Stale(Duration::from_secs(3600)));
    assert!(bench.state().alerts().is_empty(), "our own sleep is no alert");
}

#[test]
fn ages_are_by_the_servers_clock() {
    let mut bench = Bench::with(vec![node("a")], &[]);
    bench.send(ClusterEvent::Skew { ours_minus_server_ms: -600_000 });
    bench.wait(60);
    assert_eq!(bench.state().rows(0..1, bench.now())[0].age, Some(Duration::from_secs(660)));
    bench.send(ClusterEvent::Skew { ours_minus_server_ms: 600_000 });
    assert_eq!(bench.state().rows(0..1, bench.now())[0].age, Some(Duration::ZERO), "never negative");
}

#[test]
fn devices_are_summed_by_kind_and_requests_follow_the_node() {
    let mut shared = gpu_node("s", 40, 40);
    shared.labels = vec![("nvidia.com/gpu.sharing-strategy".into(), "time-slicing".into())];
    let pods = [gpu_pod("x", "a", 3), gpu_pod("y", "b", 1), gpu_pod("z", "s", 20), pod("w", "a")];
    let mut done = gpu_pod("done", "a", 8);
    done.phase = PodPhase::Succeeded;
    let mut bench = Bench::with(vec![gpu_node("a", 8, 5), gpu_node("b", 8, 8), shared], &pods);
    bench.change_pods(1, &[done], false);
    let summary = bench.summary();
    assert_eq!(summary.gpu, Some(Accelerators { requested: Known::Exact(4), allocatable: 13, capacity: 16 }));
    assert_eq!(summary.pods, Known::Exact(4));
    let totals: Vec<_> = bench
        .state()
        .accelerators()
        .into_iter()
        .map(|t| (t.resource.to_string(), t.kind, t.capacity, t.allocatable, t.requested, t.nodes))
        .collect();
    let name = "nvidia.com/gpu".to_owned();
    let device = (name.clone(), Kind::Device, 16, 13, Known::Exact(4), 2);
    assert_eq!(totals, [device, (name, Kind::Shared, 40, 40, Known::Exact(20), 1)]);
}

#[test]
fn sums_follow_every_change_of_a_node() {
    let mut bench = Bench::with(vec![gpu_node("a", 8, 8), node("b")], &[]);
    let mut cordoned = turned(&gpu_node("a", 8, 6), ConditionStatus::Unknown, 0);
    cordoned.unschedulable = true;
    bench.change_node(1, cordoned.clone());
    let counts = |bench: &Bench| bench.state().node_counts().exact().unwrap();
    let expected = NodeCounts { total: 2, ready: 1, not_ready: 0, unknown: 1, cordoned: 1 };
    assert_eq!(counts(&bench), expected);
    assert_eq!(bench.summary().gpu.map(|gpu| (gpu.allocatable, gpu.capacity)), Some((6, 8)));
    bench.delete_node(1, &cordoned, 99);
    assert_eq!(counts(&bench), NodeCounts { total: 1, ready: 1, ..NodeCounts::default() });
    assert_eq!((bench.summary().gpu, bench.summary().gpu_known), (None, true), "known to have none");
    assert_eq!(bench.summary().pods_allocatable, Known::Exact(10));
}

#[test]
fn a_broken_context_is_down_with_its_reason() {
    let spec = ClusterSpec { context: "old".into(), broken: Some("no such cluster `old`".into()) };
    let bench = Bench { model: crate::model::app::Model::new(vec![spec], Settings::default()), ..Bench::new(&["x"]) };
    let summary = bench.state().summary(bench.now());
    assert_eq!((summary.health, summary.word), (Health::Down, "broken"));
    assert_eq!(summary.failure.unwrap().text.as_str(), "no such cluster `old`");
    assert!(bench.state().settled());
}

#[test]
fn a_server_that_never_answered_is_unreachable_and_down() {
    let mut bench = Bench::new(&["prod"]);
    bench.sync(Resource::Nodes, SyncState::Listing);
    bench.wait(15);
    assert_eq!(bench.summary().word, "loading");
    bench.wait(1);
    let summary = bench.summary();
    assert_eq!((summary.health, summary.word), (Health::Down, "unreachable"));
}

#[test]
fn throttled_and_slow_are_words_by_evidence() {
    let mut bench = Bench::with(vec![node("a")], &[]);
    bench.call(crate::msg::CallKind::Work, 20, crate::msg::CallEnd::Complete, Some(429));
    assert_eq!(bench.summary().word, "throttled");
    bench.wait_live(31);
    assert_eq!(bench.summary().word, "ok");
    for _ in 0..40 {
        bench.wait(1);
        bench.received();
        bench.probe(ProbeOutcome::Answered { latency: Duration::from_millis(1500) });
    }
    assert_eq!(bench.summary().word, "slow");
}

#[test]
fn the_detail_of_a_node_lists_resources_in_the_promised_order() {
    let bench = Bench::with(vec![gpu_node("a", 8, 7)], &[gpu_pod("x", "a", 2), pod("y", "a")]);
    let detail = bench.state().node("a", bench.now()).unwrap();
    let rows: Vec<_> = detail.resources.iter().map(|r| (r.name, r.requested, r.allocatable, r.capacity)).collect();
    let gib = 1_i64 << 30;
    let by_hand = [
        ("cpu", Known::Exact(1000), Some(4000), Some(4000)),
        ("memory", Known::Exact(2 * gib), Some(8 * gib), Some(8 * gib)),
        ("pods", Known::Exact(2), Some(10), Some(10)),
        ("nvidia.com/gpu", Known::Exact(2), Some(7), Some(8)),
    ];
    assert_eq!(rows, by_hand);
    assert!(bench.state().node("gone", bench.now()).is_none());
}

#[test]
fn the_order_of_arrival_cannot_matter() {
    // The same objects, pods first and nodes one by one in reverse, give the same numbers.
    let nodes = || vec![gpu_node("a", 8, 5), node("b"), gpu_node("c", 4, 4)];
    let pods = [gpu_pod("x", "a", 3), pod("y", "b"), gpu_pod("z", "c", 1), pod("w", "nowhere"), pod("u", "")];
    let mut one = Bench::with(nodes(), &pods);
    let mut other = Bench::new(&["prod"]);
    other.list_pods(1, &pods);
    other.send(ClusterEvent::ListStarted { resource: Resource::Nodes, generation: 1 });
    for (page, facts) in (1..).zip(nodes().into_iter().rev()) {
        other.page_of_nodes(1, page, vec![facts]);
    }
    other.send(ClusterEvent::ListFinished { resource: Resource::Nodes, generation: 1 });
    other.watching();
    assert_eq!(one.summary(), other.summary());
    assert_eq!(one.summary().orphaned, Known::Exact(1));
    assert_eq!(one.summary().unscheduled, Known::Exact(1));
}

#[test]
fn a_gone_node_that_was_already_recreated_stays() {
    let mut bench = Bench::new(&["prod"]);
    bench.send(ClusterEvent::ListStarted { resource: Resource::Nodes, generation: 1 });
    let anew = crate::facts::node::NodeFacts { uid: crate::facts::wire::Uid(7), version: 20, ..node("a") };
    bench.page_of_nodes(1, 1, vec![anew]);
    let gone = NodeChange::Gone { name: "a".into(), uid: node("a").uid, version: 15 };
    let batch = Batch::Nodes(vec![gone]);
    bench.send(ClusterEvent::Changes { resource: Resource::Nodes, generation: 1, unreadable: 0, batch });
    assert_eq!(bench.names(), ["a"]);
}

#[test]
fn an_attempt_is_no_recovery() {
    let mut bench = Bench::with(vec![node("a")], &[]);
    bench.waiting(Resource::Nodes, Layer::FirstByte);
    bench.wait(4);
    bench.sync(Resource::Nodes, SyncState::Listing);
    bench.send(ClusterEvent::ListStarted { resource: Resource::Nodes, generation: 2 });
    let summary = bench.summary();
    assert_eq!((summary.nodes_fresh, summary.word), (Freshness::Stale(Duration::from_secs(4)), "stale"));
    assert!(summary.failure.is_some() && summary.next_in.is_none());
    bench.page_of_nodes(2, 1, vec![node("a")]);
    let relisting = Freshness::Relisting { age: Duration::from_secs(4), objects: 1, page: 1 };
    assert_eq!(
        bench.summary().nodes_fresh,
        relisting,
        "a page is a sign of life, but the picture is part old, part new"
    );
    bench.send(ClusterEvent::ListFinished { resource: Resource::Nodes, generation: 2 });
    bench.sync(Resource::Nodes, SyncState::Watching);
    assert_eq!(bench.summary().nodes_fresh, Freshness::Live(Duration::ZERO));
}

#[test]
fn a_first_list_that_begins_again_keeps_what_it_has() {
    let mut bench = Bench::new(&["prod"]);
    bench.send(ClusterEvent::ListStarted { resource: Resource::Nodes, generation: 1 });
    bench.page_of_nodes(1, 1, vec![node("a"), node("b")]);
    bench.waiting(Resource::Nodes, Layer::Body);
    bench.send(ClusterEvent::ListStarted { resource: Resource::Nodes, generation: 2 });
    assert_eq!(bench.summary().nodes_total, Known::AtLeast(2));
    bench.denied(Resource::Nodes);
    assert_eq!(bench.summary().nodes_total, Known::AtLeast(2), "forbidden in the middle: what came stays");
}

#[test]
fn a_server_that_throttles_a_relist_is_throttled_and_not_lost() {
    let mut bench = Bench::with(vec![node("a")], &[]);
    bench.wait(5);
    bench.waiting(Resource::Nodes, Layer::Throttled);
    let summary = bench.summary();
    assert_eq!((summary.word, summary.nodes_fresh), ("throttled", Freshness::Stale(Duration::from_secs(5))));
    for _ in 0..60 {
        bench.wait(5);
        bench.probe(ProbeOutcome::Answered { latency: Duration::from_millis(20) });
    }
    assert_eq!(bench.summary().word, "stale", "until what it told us is too old");
}

#[test]
fn a_server_that_fails_at_once_is_called_by_the_layer() {
    let cases = [
        (Layer::Dns, "unreachable"),
        (Layer::Connect, "unreachable"),
        (Layer::Auth, "denied"),
        (Layer::Server, "broken"),
        (Layer::Throttled, "throttled"),
        (Layer::FirstByte, "slow"),
    ];
    for (layer, word) in cases {
        let mut bench = Bench::new(&["prod"]);
        bench.waiting(Resource::Nodes, layer);
        bench.sync(Resource::Nodes, SyncState::Listing);
        assert_eq!((bench.summary().health, bench.summary().word), (Health::Down, word), "{layer:?}");
    }
}

/// A lease that was renewed `age` seconds before the bench's clock starts.
fn lease(node: &str, age: i64) -> crate::msg::ObjectChange<crate::facts::lease::LeaseFacts> {
    let renewed = jiff::Timestamp::from_second(1_700_000_000 - age).ok();
    let facts = crate::facts::lease::LeaseFacts { holder: node.into(), renewed, seconds: Some(40) };
    let key = Clean::new(&format!("kube-node-lease/{node}"));
    crate::msg::ObjectChange::Present(Box::new(crate::facts::object::ApiObject { key, facts, ..Default::default() }))
}

#[test]
fn a_lease_separates_a_silent_kubelet_from_one_that_is_alive() {
    let unknown = |name: &str| turned(&node(name), ConditionStatus::Unknown, 0);
    let mut bench = Bench::with(vec![node("a"), unknown("b"), unknown("c"), node("d")], &[]);
    let note = |bench: &Bench, name: &str| {
        let detail = bench.state().node(name, bench.now()).unwrap();
        detail.notes.iter().find(|(about, _)| *about == "lease").unwrap().1.to_string()
    };
    assert_eq!(note(&bench, "a"), "not visible: not read yet");
    let resource = Resource::Leases;
    bench.send(ClusterEvent::ListStarted { resource, generation: 1 });
    let batch = Batch::Leases(vec![lease("a", 4), lease("b", 7), lease("c", 192)]);
    bench.send(ClusterEvent::Page {
        resource,
        head: PageHead { generation: 1, page: 1, remaining: None, bytes: 0, unreadable: 0 },
        batch,
    });
    bench.send(ClusterEvent::ListFinished { resource, generation: 1 });
    assert_eq!(note(&bench, "a"), "last heartbeat 4s ago");
    assert_eq!(note(&bench, "b"), "last heartbeat 7s ago: kubelet alive, status outdated");
    assert_eq!(note(&bench, "c"), "last heartbeat 3m12s ago");
    assert_eq!(note(&bench, "d"), "no lease");
    assert_eq!(bench.summary().word, "ok", "leases touch nothing else");
    // The server falls silent: that says nothing of the kubelets.
    bench.wait(30);
    assert_eq!(note(&bench, "a"), "last heartbeat 34s ago");
    bench.wait(30);
    assert_eq!(note(&bench, "a"), "last heartbeat 64s ago, but leases last updated 60s ago");
    let silent: Vec<bool> =
        bench.state().items(bench.now()).iter().filter_map(|item| Some(item.lease?.silent)).collect();
    assert_eq!(silent, [false, false, true], "as it was when they were heard of");
}

#[test]
fn what_is_optional_is_no_part_of_complete_settled_or_healthy() {
    let mut bench = Bench::with(vec![node("a")], &[]);
    let before = bench.summary();
    for resource in Resource::OPTIONAL {
        bench.send(ClusterEvent::Sync { resource, state: SyncState::Listing });
        bench.waiting(resource, Layer::Server);
        bench.denied(resource);
    }
    bench.prepare();
    assert!(bench.state().tracks().complete() && bench.state().settled());
    assert_eq!(bench.summary(), before);
    assert!(bench.state().alerts().is_empty());
}

/// 1,000 nodes and 3,000 pods of list `generation`: a third of the nodes and every pod have names that no list before had.
fn relist(bench: &mut Bench, generation: u32) {
    let born = |at: usize| if at.is_multiple_of(3) { generation } else { 0 };
    let names: Vec<String> = (0..1_000).map(|at| format!("worker-{at:03}-{:04}", born(at))).collect();
    bench.list_nodes(generation, names.iter().map(|name| gpu_node(name, 8, 8)).collect());
    let pods: Vec<String> = (0..3_000).map(|at| format!("web-{generation:04}-{at:04}-x2x9z")).collect();
    let pods = pods.iter().zip(names.iter().cycle());
    bench.list_pods(generation, &pods.map(|(pod, node)| gpu_pod(pod, node, 1)).collect::<Vec<_>>());
    bench.prepare();
    // Past the time for which what went is remembered.
    bench.wait(1_000);
}

#[test]
fn ten_relists_leave_the_memory_of_the_model_within_5_percent() {
    let mut bench = Bench::new(&["prod"]);
    // While a list runs, new pods lie beside old ones, and what it took to hold both stays.
    (1..=2).for_each(|generation| relist(&mut bench, generation));
    let before = bench.state().heap_bytes();
    (3..=12).for_each(|generation| relist(&mut bench, generation));
    let after = bench.state().heap_bytes();
    assert_eq!((bench.state().nodes.len(), bench.state().pods.totals().held), (1_000, 3_000));
    assert!(after.nodes <= before.nodes + before.nodes / 20, "nodes: {} bytes after {}", after.nodes, before.nodes);
    assert!(after.pods <= before.pods + before.pods / 20, "pods: {} bytes after {}", after.pods, before.pods);
}

#[test]
fn f76_what_was_found_once_is_not_taken_for_another_node() {
    let mut bench = Bench::new(&["prod"]);
    let old = gpu_node("old", 8, 8);
    bench.list_nodes(1, vec![old.clone()]);
    bench.list_pods(1, &[gpu_pod("a", "old", 2)]);
    assert_eq!(bench.summary().orphaned, Known::Exact(0));
    // Its place in the store goes to a node of another name.
    bench.delete_node(1, &old, 9);
    bench.change_node(1, gpu_node("new", 8, 8));
    assert_eq!(bench.summary().orphaned, Known::Exact(1), "its node is gone");
    bench.change_pods(1, &[gpu_pod("b", "new", 3)], false);
    assert_eq!(bench.summary().orphaned, Known::Exact(1));
    // And what pods named goes to a node that nobody has heard of.
    bench.change_pods(1, &[gpu_pod("b", "new", 3)], true);
    bench.change_pods(1, &[gpu_pod("c", "elsewhere", 1)], false);
    assert_eq!(bench.summary().orphaned, Known::Exact(2));
    bench.change_node(1, gpu_node("elsewhere", 8, 8));
    assert_eq!(bench.summary().orphaned, Known::Exact(1));
}

#[test]
fn what_a_frame_cannot_wait_for_is_applied_after_it() {
    let names: Vec<String> = (0..3_000).map(|at| format!("n{at}")).collect();
    let pods: Vec<_> = names.iter().map(|name| gpu_pod(name, name, 9)).collect();
    let mut bench = Bench::new(&["prod"]);
    bench.list_nodes(1, names.iter().map(|name| gpu_node(name, 8, 8)).collect());
    bench.list_pods(1, &pods);
    let now = bench.now();
    bench.model.update(Msg::Frame, now);
    assert!(bench.model.is_behind());
    assert!(bench.state().join.over_requested("nvidia.com/gpu", Kind::Device) < 3_000);
    while bench.model.is_behind() {
        bench.model.update(Msg::CatchUp, now);
    }
    assert_eq!(bench.state().join.over_requested("nvidia.com/gpu", Kind::Device), 3_000);
    bench.model.update(Msg::Frame, now);
    assert_eq!(bench.state().extent().len, 3_000);
}

/// As a proxy or a broken server sends them: without a uid.
#[test]
fn nodes_without_a_uid_have_each_a_ready_history_of_their_own() {
    let decoded = |name: &str, ready: &str, version: u64| {
        let text = format!(
            r#"{{"metadata":{{"name":"{name}","resourceVersion":"{version}"}},"status":{{"conditions":[{{"type":"Ready","status":"{ready}"}}]}}}}"#
        );
        crate::facts::node::decode_object(text.as_bytes()).unwrap()
    };
    let mut bench = Bench::with(vec![decoded("a", "True", 1), decoded("b", "True", 1)], &[]);
    for (version, ready) in [(2, "False"), (3, "True"), (4, "False")] {
        bench.wait_live(10);
        bench.change_node(1, decoded("a", ready, version));
        bench.change_node(1, decoded("b", "True", version));
    }
    bench.prepare();
    let seen = |name: &str| {
        let node = bench.state().node(name, bench.now()).unwrap();
        (node.transitions.len(), node.status.flapping)
    };
    assert_eq!((seen("a"), seen("b")), ((3, true), (0, false)));
}
