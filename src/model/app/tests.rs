use proptest::prelude::*;

use super::*;
use crate::action::{ACTIONS, Action};
use crate::facts::node::ConditionStatus;
use crate::facts::pod::PodPhase;
use crate::model::fixture::{Bench, at, gpu_node, gpu_pod, node, pod, turned};
use crate::model::known::Known;
use crate::model::store::sync::Freshness;
use crate::msg::{
    Batch, CallEnd, CallKind, ClusterEvent, Layer, LineEdit, Msg, PageHead, ProbeOutcome, Resource, SyncState,
};

#[test]
fn a_server_that_dies_in_mid_list_and_comes_back_needs_no_key() {
    let nodes = || vec![gpu_node("a", 8, 8), gpu_node("b", 8, 5), node("c")];
    let pods = [gpu_pod("x", "a", 3), pod("y", "c"), pod("z", "")];
    let mut bench = Bench::with(nodes(), &pods);
    let before = bench.summary();
    bench.send(ClusterEvent::ListStarted { resource: Resource::Pods, generation: 2 });
    bench.page_of_pods(2, 1, &pods[..1]);
    for minute in 0..10 {
        for resource in Resource::CORE {
            bench.waiting(resource, if minute % 2 == 0 { Layer::Connect } else { Layer::FirstByte });
        }
        bench.wait(30);
        for resource in Resource::CORE {
            bench.sync(resource, SyncState::Listing);
        }
        bench.wait(30);
        let during = bench.summary();
        assert_eq!((during.nodes_ready, during.nodes_total), (before.nodes_ready, before.nodes_total));
        assert_eq!((during.pods, during.unscheduled, during.gpu), (before.pods, before.unscheduled, before.gpu));
        assert_eq!(during.word, "unreachable");
        assert_eq!(bench.names(), ["a", "b", "c"]);
    }
    // While it was away one node was replaced and one pod ended.
    bench.list_nodes(3, vec![gpu_node("a", 8, 8), node("c"), gpu_node("d", 4, 4)]);
    bench.list_pods(3, &[pod("y", "c"), gpu_pod("w", "d", 1)]);
    bench.watching();
    let after = bench.summary();
    assert_eq!((after.word, after.nodes_total, after.pods), ("ok", Known::Exact(3), Known::Exact(2)));
    let gpu = after.gpu.unwrap();
    assert_eq!((gpu.requested, gpu.allocatable, gpu.capacity), (Known::Exact(1), 12, 12));
    assert!(bench.reasons().is_empty());
}

#[test]
fn one_clusters_failure_is_not_anothers() {
    let mut bench = Bench::new(&["one", "two"]);
    bench.list_nodes(1, vec![node("a")]);
    bench.list_pods(1, &[]);
    bench.watching();
    let failure = Box::new(crate::model::fixture::failure(Layer::Connect, at(0).wall));
    let state = SyncState::Waiting { until: crate::msg::Mono(Duration::from_secs(60)), failure };
    bench.send_to(1, ClusterEvent::Sync { resource: Resource::Nodes, state });
    bench.wait_live(30);
    assert_eq!(bench.summary().word, "ok");
    assert!(bench.reasons().is_empty());
    let other = &bench.model.clusters()[1];
    assert_eq!(other.summary(bench.now()).word, "unreachable");
    assert_eq!(
        other.alerts().iter().map(|a| (a.cluster, a.reason())).collect::<Vec<_>>(),
        [(ClusterId(1), "Unreachable")]
    );
    assert_eq!(bench.model.firing(), (1, 0));
}

#[test]
fn news_of_a_cluster_that_does_not_exist_is_ignored() {
    let mut bench = Bench::new(&["one"]);
    bench.send_to(7, ClusterEvent::Version("v1.36.2".into()));
    assert_eq!(bench.summary().version, None);
}

#[test]
fn a_wall_clock_that_jumps_back_makes_nothing_older() {
    let mut bench = Bench::with(vec![node("a")], &[]);
    bench.wait(10);
    let mut back = bench.now();
    back.wall = back.wall.checked_sub(jiff::SignedDuration::from_hours(2)).unwrap();
    bench.model.update(Msg::Tick, back);
    bench.model.update(Msg::Frame, back);
    assert_eq!(bench.state().summary(back).nodes_fresh, Freshness::Live(Duration::from_secs(10)));
}

#[test]
fn after_a_sleep_silence_is_news_again_once_it_lasts() {
    let mut bench = Bench::with(vec![node("a")], &[]);
    bench.wait_live(20);
    // The lid is closed for an hour: the wall clock goes on, the monotonic one does not.
    let asleep = |now: Now| Now { wall: now.wall + jiff::SignedDuration::from_hours(1), ..now };
    for second in 0..40 {
        bench.ms += 1000;
        let now = asleep(bench.now());
        bench.model.update(Msg::Tick, now);
        bench.model.update(Msg::Frame, now);
        let reasons: Vec<_> = bench.state().alerts().iter().map(crate::model::alerts::AlertLine::reason).collect();
        if second < 30 {
            assert!(reasons.is_empty(), "{reasons:?} after {second} s");
        } else {
            assert_eq!(reasons, ["Unreachable"], "it explains that the data is old");
        }
    }
}

#[test]
fn stopping_the_program_is_no_outage_of_the_cluster() {
    let mut bench = Bench::with(vec![node("a")], &[]);
    bench.wait_live(20);
    bench.act(Action::Suspend);
    bench.ms += 3_600_000;
    bench.wait(1);
    assert!(bench.reasons().is_empty());
    bench.received();
    bench.probe(ProbeOutcome::Answered { latency: Duration::from_millis(20) });
    bench.wait_live(60);
    assert!(bench.reasons().is_empty());
}

#[test]
fn a_message_survives_being_recorded() {
    let batch = Batch::Nodes(vec![crate::msg::NodeChange::Present(Box::new(gpu_node("a", 8, 8)))]);
    let page = ClusterEvent::Page {
        resource: Resource::Nodes,
        head: PageHead { generation: 1, page: 1, remaining: Some(7), bytes: 9, unreadable: 0 },
        batch,
    };
    let msg = Msg::Cluster(ClusterId(0), page);
    let recorded = serde_json::to_string(&msg).unwrap();
    assert_eq!(serde_json::from_str::<Msg>(&recorded).unwrap(), msg);
}

#[test]
fn the_cluster_of_the_incident_adds_up() {
    // Counted by hand: 57 nodes of 8 and 26 of 16 are 456 + 416 = 872 devices on 83 nodes; 21 nodes have none.
    let gpus = |n: usize| match n {
        0..57 => 8,
        57..83 => 16,
        _ => 0,
    };
    let names: Vec<String> = (0..104).map(|n| format!("10-16-10-{}.maas", n + 110)).collect();
    let nodes = names.iter().enumerate().map(|(n, name)| match gpus(n) {
        0 => node(name),
        gpus => gpu_node(name, gpus, gpus),
    });
    let pod_names: Vec<String> = (0..3000).map(|n| format!("pod-{n}")).collect();
    let pods: Vec<_> = pod_names
        .iter()
        .enumerate()
        .map(|(n, name)| {
            // 611 of the pods that count hold a device each; what ended holds nothing, whatever it asked for.
            let mut pod =
                if (611..2613).contains(&n) { pod(name, &names[n % 104]) } else { gpu_pod(name, &names[n % 83], 1) };
            if n >= 2613 {
                pod.phase = if n % 2 == 0 { PodPhase::Succeeded } else { PodPhase::Failed };
            }
            pod
        })
        .collect();
    let mut bench = Bench::with(nodes.collect(), &pods);
    let summary = bench.summary();
    assert_eq!((summary.nodes_ready, summary.nodes_total), (Known::Exact(104), Known::Exact(104)));
    assert_eq!(
        (summary.pods, summary.orphaned, summary.unscheduled),
        (Known::Exact(2613), Known::Exact(0), Known::Exact(0))
    );
    let gpu = summary.gpu.unwrap();
    assert_eq!((gpu.requested, gpu.allocatable, gpu.capacity), (Known::Exact(611), 872, 872));
    assert_eq!(bench.state().accelerators()[0].nodes, 83);
}

/// Anything that may happen, in any order.
#[derive(Clone, Debug)]
enum Happening {
    Key(usize),
    Typed(char),
    Wait(u8),
    Begin(bool, u8),
    Nodes(u8, Vec<(u8, u8)>),
    Pods(u8, Vec<(u8, u8)>),
    Watch(u8, u8, u8),
    Delete(u8, u8),
    Finish(bool, u8),
    State(bool, u8),
    Call(u16, u8),
    Probe(u16),
}

fn happening() -> impl Strategy<Value = Happening> {
    let objects = || prop::collection::vec((0_u8..12, 0_u8..12), 0..8);
    prop_oneof![
        8 => (0..ACTIONS.len()).prop_map(Happening::Key),
        2 => prop::sample::select(vec!['n', '!', ':', '<', '5', ' ', 'g', 'u']).prop_map(Happening::Typed),
        3 => (0_u8..30).prop_map(Happening::Wait),
        2 => (any::<bool>(), 0_u8..4).prop_map(|(nodes, g)| Happening::Begin(nodes, g)),
        3 => (0_u8..4, objects()).prop_map(|(g, list)| Happening::Nodes(g, list)),
        3 => (0_u8..4, objects()).prop_map(|(g, list)| Happening::Pods(g, list)),
        3 => (0_u8..4, 0_u8..12, 0_u8..9).prop_map(|(g, node, look)| Happening::Watch(g, node, look)),
        2 => (0_u8..4, 0_u8..12).prop_map(|(g, node)| Happening::Delete(g, node)),
        2 => (any::<bool>(), 0_u8..4).prop_map(|(nodes, g)| Happening::Finish(nodes, g)),
        2 => (any::<bool>(), 0_u8..5).prop_map(|(nodes, state)| Happening::State(nodes, state)),
        2 => (0_u16..40_000, 0_u8..6).prop_map(|(ms, how)| Happening::Call(ms, how)),
        2 => (0_u16..6_000).prop_map(Happening::Probe),
    ]
}

fn happen(bench: &mut Bench, what: &Happening) {
    let resource = |nodes: bool| if nodes { Resource::Nodes } else { Resource::Pods };
    let name = |node: u8| format!("n{node}");
    match what {
        Happening::Key(at) => {
            bench.act(ACTIONS[*at].action);
        }
        Happening::Typed(char) => {
            let now = bench.now();
            bench.model.update(Msg::Edit(LineEdit::Insert(*char)), now);
        }
        Happening::Wait(seconds) => bench.wait(u64::from(*seconds)),
        Happening::Begin(nodes, g) => {
            bench.send(ClusterEvent::ListStarted { resource: resource(*nodes), generation: u32::from(*g) });
        }
        Happening::Nodes(g, list) => {
            let nodes =
                list.iter().map(|(n, gpus)| gpu_node(&name(*n), i64::from(*gpus), i64::from(gpus / 2))).collect();
            bench.page_of_nodes(u32::from(*g), 1, nodes);
        }
        Happening::Pods(g, list) => {
            let named: Vec<_> = list.iter().map(|(p, n)| (format!("p{p}"), name(*n))).collect();
            let pods: Vec<_> = named.iter().map(|(pod, node)| gpu_pod(pod, node, 1)).collect();
            bench.page_of_pods(u32::from(*g), 1, &pods);
        }
        Happening::Watch(g, n, look) => {
            let status = if look % 2 == 0 { ConditionStatus::True } else { ConditionStatus::Unknown };
            let mut facts = turned(&gpu_node(&name(*n), i64::from(*look), i64::from(*look)), status, u64::from(*look));
            facts.unschedulable = look % 3 == 0;
            bench.change_node(u32::from(*g), facts);
        }
        Happening::Delete(g, n) => bench.delete_node(u32::from(*g), &node(&name(*n)), 20),
        Happening::Finish(nodes, g) => {
            bench.send(ClusterEvent::ListFinished { resource: resource(*nodes), generation: u32::from(*g) });
        }
        Happening::State(nodes, state) => match state {
            0 => bench.sync(resource(*nodes), SyncState::Listing),
            1 => bench.sync(resource(*nodes), SyncState::Watching),
            2 => bench.denied(resource(*nodes)),
            3 => bench.waiting(resource(*nodes), Layer::Connect),
            _ => bench.waiting(resource(*nodes), Layer::Watch),
        },
        Happening::Call(ms, how) => {
            let (end, status) = [
                (CallEnd::Complete, Some(200)),
                (CallEnd::Complete, Some(429)),
                (CallEnd::Complete, Some(401)),
                (CallEnd::TimedOut, None),
                (CallEnd::Broken, Some(200)),
                (CallEnd::NoResponse, None),
            ][usize::from(*how)];
            bench.call(CallKind::List(Resource::Pods), u64::from(*ms), end, status);
        }
        Happening::Probe(ms) => bench.probe(ProbeOutcome::Answered { latency: Duration::from_millis(u64::from(*ms)) }),
    }
}

proptest! {
    #[test]
    fn whatever_happens_the_picture_is_consistent_and_repeatable(list in prop::collection::vec(happening(), 1..60)) {
        let (mut bench, mut twin) = (Bench::new(&["one", "two"]), Bench::new(&["one", "two"]));
        for what in &list {
            happen(&mut bench, what);
            happen(&mut twin, what);
            bench.prepare();
            twin.prepare();
            let (now, state) = (bench.now(), bench.state());
            let extent = state.extent();
            let rows = state.rows(0..extent.len, now);
            prop_assert_eq!(rows.len(), extent.len);
            prop_assert!(extent.len <= extent.total);
            prop_assert_eq!(rows.iter().position(|row| row.selected), extent.selected);
            prop_assert_eq!(extent.selected.is_some(), extent.len > 0);
            let summary = state.summary(now);
            if let Some(total) = summary.nodes_total.any() {
                prop_assert_eq!(usize::try_from(total).unwrap(), extent.total);
            } else {
                prop_assert_eq!(extent.total, 0, "unknown, but there are rows");
            }
            let pods = state.pod_rows(PodPlace::Node, 0..100, now);
            prop_assert_eq!(pods.len(), state.pod_list(PodPlace::Node).extent().len);
            prop_assert!(pods.iter().all(|row| !row.facts.name.is_empty()), "a slot out of date");
        }
        let now = bench.now();
        for (one, other) in bench.model.clusters().iter().zip(twin.model.clusters()) {
            prop_assert_eq!(one.summary(now), other.summary(now));
            prop_assert_eq!(one.alerts(), other.alerts());
        }
    }
}
