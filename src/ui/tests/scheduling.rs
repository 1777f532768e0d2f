//! The section of the pod screen on a pod that waits for a node.

use super::alerts::draw;
use super::fixture::lines;
use super::{snapshot, unicode};
use crate::action::Action;
use crate::facts::event::EventFacts;
use crate::facts::node::{ConditionStatus, NodeFacts, NodeTaint};
use crate::facts::pod::{NotEvaluated, PodConstraints, PodDetail, PodFacts, PodPhase, PodTrouble, TroubleKind};
use crate::facts::quantity::Quantity;
use crate::facts::queue::{QueueEntry, QueueState, QueueSystem};
use crate::facts::wire::Uid;
use crate::model::app::screens::Screen;
use crate::model::fixture::{Bench, batch, gpu_node, gpu_pod, node, pod, turned};
use crate::model::known::Known;
use crate::msg::detail::{Detail, DetailPart, DetailUpdate, ObjectRef, Omitted};
use crate::msg::{Batch, ClusterEvent, Layer, Msg, Query, QueryAnswer, QueryResult, QueueListing, Resource, SyncState};
use crate::theme::{Depth, Theme};

const MESSAGE: &str = "0/19 nodes are available: 2 node(s) were unschedulable, 6 Insufficient nvidia.com/gpu, 11 node(s) had untolerated \
    taint(s). no new claims to deallocate, preemption: 0/19 nodes are available: 19 Preemption is not helpful for scheduling.";

/// Requests of a pod of 8 GPUs, 2 cores and 4 GiB.
fn waiting(constraints: &PodConstraints) -> PodFacts<'_> {
    let mut pod = gpu_pod("vision-xl-0", "", 8);
    pod.requests.cpu = Quantity::whole(2);
    pod.requests.memory = Quantity::whole(4 << 30);
    let trouble = PodTrouble { kind: TroubleKind::Unschedulable, message: MESSAGE, image: "", device: "", since: None };
    PodFacts { version: 11, phase: PodPhase::Pending, trouble: Some(trouble), constraints: Some(constraints), ..pod }
}

fn detail(conditions: &str) -> Detail {
    let hex = format!("{:032x}", waiting(&PodConstraints::default()).uid.0);
    let uid = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-");
    let object = format!(
        r#"{{"metadata":{{"name":"vision-xl-0","namespace":"ns","uid":"{uid}"}},"spec":{{"containers":[{{"name":"main","image":"train:1",
        "resources":{{"requests":{{"cpu":"2","memory":"4Gi","nvidia.com/gpu":"8"}}}}}}]}},"status":{{"phase":"Pending","conditions":[{conditions}]}}}}"#
    );
    Detail::Pod(Box::new(PodDetail::decode(object.as_bytes()).unwrap()))
}

fn unschedulable() -> Detail {
    detail(&format!(
        r#"{{"type":"PodScheduled","status":"False","reason":"Unschedulable","message":"{MESSAGE}",
        "lastTransitionTime":"2023-11-14T21:59:18Z"}}"#
    ))
}

/// Six nodes whose GPUs are held, three with a taint, two cordoned, two not Ready, four without GPUs, one that is too small, one of
/// another pool.
fn nodes() -> Vec<NodeFacts> {
    let tainted = |name: &str| NodeFacts {
        taints: vec![NodeTaint { key: "dedicated".into(), value: "inference".into(), effect: "NoSchedule".into() }],
        ..gpu_node(name, 8, 8)
    };
    let labelled = |node: NodeFacts| NodeFacts { labels: vec![("pool".into(), "train".into())], ..node };
    let mut nodes: Vec<NodeFacts> = (1..=6).map(|index| gpu_node(&format!("a{index}"), 8, 8)).collect();
    nodes.extend((1..=3).map(|index| tainted(&format!("b{index}"))));
    nodes.extend((1..=2).map(|index| NodeFacts { unschedulable: true, ..gpu_node(&format!("c{index}"), 8, 8) }));
    nodes.extend((1..=2).map(|index| turned(&gpu_node(&format!("d{index}"), 8, 8), ConditionStatus::Unknown, 0)));
    nodes.extend((1..=4).map(|index| node(&format!("e{index}"))));
    nodes.push(gpu_node("f1", 4, 4));
    let mut nodes: Vec<NodeFacts> = nodes.into_iter().map(labelled).collect();
    nodes.push(gpu_node("g1", 8, 8));
    nodes
}

fn subject() -> ObjectRef {
    ObjectRef::Pod { namespace: "ns".into(), name: "vision-xl-0".into() }
}

fn found(bench: &mut Bench, news: Detail) {
    bench.send(ClusterEvent::Found(Box::new(DetailUpdate { subject: subject(), news })));
}

fn event(note: &str) -> EventFacts {
    EventFacts {
        uid: Uid(1),
        kind: "Warning".into(),
        reason: "FailedScheduling".into(),
        note: note.into(),
        controller: "default-scheduler".into(),
        count: 9,
        last: Some("2023-11-14T22:13:08Z".parse().unwrap()),
        ..EventFacts::default()
    }
}

fn constraints() -> PodConstraints {
    PodConstraints {
        node_selector: vec![("pool".into(), "train".into())],
        not_evaluated: vec![NotEvaluated::Volumes, NotEvaluated::TopologySpread],
        ..PodConstraints::default()
    }
}

/// The screen of the pod that waits on these nodes, before the pod itself was read.
fn opened(nodes: Vec<NodeFacts>, constraints: &PodConstraints) -> Bench {
    let held = [("z1", "a1"), ("z2", "a2"), ("z3", "a3"), ("z4", "a4"), ("z5", "a5"), ("z6", "a6")];
    let held = held.map(|(name, node)| gpu_pod(name, node, 4));
    let first = PodFacts { node: "a1", version: 10, constraints: None, trouble: None, ..waiting(constraints) };
    let mut bench = Bench::with(nodes, &[&held[..], &[first]].concat());
    bench.act(Action::Top);
    bench.act(Action::Open);
    bench.act(Action::Open);
    assert_eq!(bench.model.screen(), &Screen::Pod { namespace: "ns".into(), name: "vision-xl-0".into() });
    // No list leads to a pod without a node yet: another pod takes the name of the one that was opened.
    bench.change_pods(1, &[waiting(constraints)], false);
    bench
}

/// The same with the pod and its events.
fn read() -> Bench {
    let mut bench = opened(nodes(), &constraints());
    found(&mut bench, unschedulable());
    found(&mut bench, Detail::Sync { part: DetailPart::Object, state: SyncState::Watching });
    found(&mut bench, Detail::Events { events: vec![event(MESSAGE)], omitted: Omitted::default() });
    found(&mut bench, Detail::Sync { part: DetailPart::Events, state: SyncState::Watching });
    bench
}

fn text(bench: &mut Bench, size: (u16, u16)) -> String {
    let now = bench.now();
    bench.model.update(Msg::Frame, now);
    lines(&draw(bench, size, &Theme::new(Depth::None, false)))
}

#[test]
fn a_pod_that_waits_is_explained_at_every_width() {
    let mut bench = read();
    text(&mut bench, (120, 40));
    for (width, height) in [(120, 40), (60, 20)] {
        snapshot(&format!("scheduling_{width}x{height}"), &draw(&mut bench, (width, height), &unicode()));
    }
    for width in [60, 79, 80, 100, 160, 200] {
        let drawn = text(&mut bench, (width, 60));
        let words = drawn.split_whitespace().collect::<Vec<_>>().join(" ");
        for part in [
            "Unschedulable for 14m reported 12s ago",
            "\"0/19 nodes are available: 2 node(s) were unschedulable,",
            "Preemption is not helpful for scheduling.\"",
            "0 of 19 nodes take it: 2 not Ready 2 cordoned 3 with taint dedicated=inference:NoSchedule 1 outside its node selector \
             6 without 8 free nvidia.com/gpu 4 without any nvidia.com/gpu 1 smaller than 8 nvidia.com/gpu",
            "6 nodes would take it with 8 free nvidia.com/gpu: nothing else stands against them",
            "volumes, topology spread",
        ] {
            assert!(words.contains(part), "{part}\n{drawn}");
        }
    }
}

#[test]
fn the_age_of_the_words_is_only_said_where_an_event_proves_it() {
    let mut bench = read();
    found(&mut bench, Detail::Events { events: vec![event("another message")], omitted: Omitted::default() });
    let drawn = text(&mut bench, (120, 60));
    assert!(drawn.contains("Unschedulable for 14m") && !drawn.contains("reported"), "{drawn}");
    let cut = format!("{} ...", &MESSAGE[..60]);
    found(&mut bench, Detail::Events { events: vec![event(&cut)], omitted: Omitted::default() });
    assert!(text(&mut bench, (120, 60)).contains("reported 12s ago"), "an event is cut at 1,024 bytes");
}

#[test]
fn before_the_pod_is_read_the_list_explains_it() {
    let mut bench = opened(nodes(), &constraints());
    let drawn = text(&mut bench, (120, 60));
    assert!(drawn.contains("\"0/19 nodes are available") && drawn.contains("0 of 19 nodes take it"), "{drawn}");
    assert!(!drawn.contains("Unschedulable for"), "{drawn}");
    assert!(drawn.lines().any(|line| line.contains("scheduler ") && line.contains("\"0/19 nodes")), "{drawn}");
}

#[test]
fn gates_another_scheduler_and_silence_are_named() {
    let gated = PodConstraints { gates: vec!["kueue.x-k8s.io/admission".into()], ..constraints() };
    let mut bench = opened(nodes(), &gated);
    assert!(text(&mut bench, (120, 60)).contains("held by scheduling gates: kueue.x-k8s.io/admission"));
    let other = PodConstraints {
        scheduler: "volcano".into(),
        not_evaluated: vec![NotEvaluated::Scheduler],
        ..PodConstraints::default()
    };
    let mut bench = opened(nodes(), &other);
    found(&mut bench, detail(""));
    let drawn = text(&mut bench, (120, 60));
    assert!(drawn.contains("no word: it has not been tried, or its scheduler does not run"), "{drawn}");
    assert!(
        drawn.contains("rules of the scheduler volcano") && drawn.contains("at most 1 of 19 nodes takes it"),
        "{drawn}"
    );
}

#[test]
fn a_count_from_incomplete_or_old_data_says_so() {
    let constraints = PodConstraints::default();
    let mut bench = opened(nodes(), &constraints);
    assert!(text(&mut bench, (120, 60)).contains("1 of 19 nodes takes it"), "g1");
    assert!(text(&mut bench, (120, 60)).contains("the scheduler tries again within 5 minutes"));
    bench.waiting(Resource::Nodes, Layer::Connect);
    bench.wait(120);
    let drawn = text(&mut bench, (120, 60));
    assert!(drawn.contains("as of 2m ago") && !drawn.contains("as of now"), "{drawn}");
    let mut bench = Bench::scoped(&["ns"]);
    bench.list_nodes(1, nodes());
    bench.list_pods_in(0, &[PodFacts { node: "a1", ..pod("vision-xl-0", "a1") }]);
    bench.act(Action::Top);
    bench.act(Action::Open);
    bench.act(Action::Open);
    let batch = Batch::Pods(batch(&[waiting(&constraints)], false));
    let changes = ClusterEvent::Changes { resource: Resource::Pods, generation: 1, unreadable: 0, batch };
    bench.send_in(0, changes);
    let drawn = text(&mut bench, (120, 60));
    assert!(drawn.contains("at most 7 of 19 nodes take it"), "a1 to a6 may be full: {drawn}");
    assert!(drawn.contains("not all pods are known: nodes may have less room than was counted"), "{drawn}");
}

#[test]
fn a_pod_with_a_node_has_no_such_section() {
    let constraints = PodConstraints::default();
    let mut bench = opened(nodes(), &constraints);
    assert!(text(&mut bench, (120, 60)).contains("SCHEDULING"));
    bench.change_pods(1, &[PodFacts { version: 12, ..pod("vision-xl-0", "g1") }], false);
    assert!(!text(&mut bench, (120, 60)).contains("SCHEDULING"));
}

#[test]
fn a_large_cluster_is_counted_between_the_frames_until_all_nodes_are_in() {
    let constraints = PodConstraints::default();
    let mut bench = opened(nodes(), &constraints);
    assert!(text(&mut bench, (120, 60)).contains("1 of 19 nodes takes it"));
    for index in 0..5_000 {
        bench.change_node(1, gpu_node(&format!("h{index}"), 8, 8));
    }
    bench.ms += 2_000;
    let now = bench.now();
    bench.model.update(Msg::Frame, now);
    assert!(bench.model.lists_are_behind());
    assert_eq!(bench.state().placement().unwrap().nodes, Known::Exact(19), "the last count stays");
    for _ in 0..100 {
        let now = bench.now();
        bench.model.update(Msg::CatchUp, now);
    }
    assert!(!bench.model.lists_are_behind());
    assert!(text(&mut bench, (120, 60)).contains("5,001 of 5,019 nodes take it"));
}

#[test]
fn the_words_of_the_queue_stand_beside_those_of_the_scheduler() {
    let constraints = constraints();
    let mut bench = opened(nodes(), &constraints);
    found(&mut bench, unschedulable());
    bench.wait(1);
    let entry = QueueEntry {
        namespace: "ns".into(),
        name: "pod-vision-xl-0-1f2e3".into(),
        owner_kind: "Pod".into(),
        owner_name: "vision-xl-0".into(),
        queue: "research".into(),
        state: QueueState::Waiting,
        condition: "QuotaReserved=False".into(),
        reason: "WaitingForQuota".into(),
        message: "insufficient unused quota for nvidia.com/gpu in flavor h100, 8 more needed".into(),
        ..QueueEntry::default()
    };
    let mut list = |entries| {
        let listing = QueueListing { system: QueueSystem::Kueue, entries, failure: None, more: false };
        let answer = QueryAnswer { query: Query::Queues, result: Ok(QueryResult::Queues(vec![listing])) };
        bench.send(ClusterEvent::Answered(Box::new(answer)));
        bench.prepare();
        lines(&draw(&mut bench, (160, 45), &Theme::new(Depth::None, false)))
    };
    let shown = list(vec![]);
    assert!(!shown.lines().any(|line| line.starts_with(" queue")), "no queue has it\n{shown}");
    let shown = list(vec![entry]);
    let row = shown.lines().find(|line| line.starts_with(" queue")).unwrap_or_else(|| panic!("{shown}"));
    assert!(
        row.contains("Kueue workload pod-vision-xl-0-1f2e3 in research: QuotaReserved=False (WaitingForQuota), insuff"),
        "{shown}"
    );
}
