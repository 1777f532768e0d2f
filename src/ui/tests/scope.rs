//! A cluster of which only the pods of some namespaces are watched (F23), on screens without colours: the words say it.

use super::alerts::draw;
use super::fixture::lines;
use crate::action::Action;
use crate::facts::pod::PodFacts;
use crate::model::derive::gpus::Grouping;
use crate::model::fixture::{Bench, gpu_node, gpu_pod, pod};
use crate::msg::{ClusterEvent, Resource, SyncState};
use crate::theme::{Depth, Theme};

/// Namespace a has two pods on n1, one with GPUs, and one on no node; b may not be listed.
fn bench() -> Bench {
    let mut bench = Bench::scoped(&["team-a", "team-b"]);
    bench.list_nodes(1, vec![gpu_node("n1", 8, 8), gpu_node("n2", 8, 8)]);
    bench.sync(Resource::Nodes, SyncState::Watching);
    let pods = [gpu_pod("train", "n1", 2), pod("web", "n1"), pod("waits", "")];
    bench.list_pods_in(0, &pods.map(|pod| PodFacts { namespace: "team-a", ..pod }));
    bench.denied_in(1);
    bench
}

fn text(bench: &mut Bench, size: (u16, u16), ascii: bool) -> String {
    lines(&draw(bench, size, &Theme::new(Depth::None, ascii)))
}

#[test]
fn f23_the_strip_the_table_and_the_footer_say_that_pods_are_of_some_namespaces() {
    for (ascii, bound) in [(false, "≥"), (true, ">=")] {
        let mut bench = bench();
        let wide = text(&mut bench, (160, 45), ascii);
        for part in [
            "pods 2 in 1 of 2 namespaces",
            "partial: only pods of team-a, none of team-b (403)",
            "pods in team-b may not be listed (403)",
            &format!("{bound}2/10"),
            &format!("{bound}0/10"),
            &format!("{bound}2/ 8/ 8"),
            &format!("{bound}1 pods unscheduled"),
        ] {
            assert!(wide.contains(part), "{part}\n{wide}");
        }
        assert!(!wide.contains(" 0/10"), "unknown is not none\n{wide}");
        let narrow = text(&mut bench, (80, 24), ascii);
        assert!(narrow.contains("partial: only pods of team-a"), "{narrow}");
        assert!(narrow.contains(&format!("{bound}2/10")), "{narrow}");
    }
}

#[test]
fn f23_a_namespace_whose_list_has_not_begun_keeps_the_pods_loading() {
    let mut bench = Bench::scoped(&["team-a", "team-b"]);
    bench.list_nodes(1, vec![gpu_node("n1", 8, 8)]);
    bench.list_pods_in(0, &[PodFacts { namespace: "team-a", ..pod("web", "n1") }]);
    let wide = text(&mut bench, (160, 45), false);
    for part in ["pods ≥1 in 2 namespaces", "pods loading", "0 timeouts  loading"] {
        assert!(wide.contains(part), "{part}\n{wide}");
    }
    assert!(!wide.contains("page 0"), "{wide}");
}

#[test]
fn f23_an_opened_node_says_that_its_pods_are_not_all() {
    let mut bench = bench();
    bench.prepare();
    bench.act(Action::Open);
    let wide = text(&mut bench, (160, 45), false);
    for part in ["pods ≥2/10 partial", "requested is a lower bound", "team-a", "train"] {
        assert!(wide.contains(part), "{part}\n{wide}");
    }
    bench.act(Action::Back);
    bench.act(Action::Bottom);
    bench.act(Action::Open);
    let wide = text(&mut bench, (160, 45), false);
    assert!(wide.contains("no pods of the watched namespaces on this node; of others nothing is known"), "{wide}");
}

#[test]
fn f23_the_gpu_view_promises_no_device_that_others_may_hold() {
    let mut bench = bench();
    bench.act(Action::Gpus);
    let wide = text(&mut bench, (160, 45), false);
    for part in
        ["–×1", "partial: only pods of team-a", "what is free and fits is not known", "≥2", "of the watched namespaces"]
    {
        assert!(wide.contains(part), "{part}\n{wide}");
    }
    assert!(!wide.contains("at most 8 on one"), "{wide}");
}

#[test]
fn the_gpu_view_says_no_more_than_what_is_known_of_nodes() {
    let mut denied = Bench::new(&["prod"]);
    denied.list_pods(1, &[gpu_pod("train", "n1", 2)]);
    denied.denied(Resource::Nodes);
    denied.act(Action::Gpus);
    let wide = text(&mut denied, (160, 45), false);
    assert!(wide.contains("nodes may not be listed") && wide.contains("–×1"), "{wide}");
    for wrong in ["no node announces", "free 0", " 0×1"] {
        assert!(!wide.contains(wrong), "{wrong}\n{wide}");
    }
    while denied.model.grouping() != Grouping::Namespace {
        denied.act(Action::NextPane);
    }
    let wide = text(&mut denied, (160, 45), false);
    assert!(wide.contains("1  nvidia.com/gpu") || wide.contains("ns "), "pods are known\n{wide}");
    let mut half = Bench::new(&["prod"]);
    half.list_pods(1, &[gpu_pod("train", "n1", 2)]);
    half.send(ClusterEvent::ListStarted { resource: Resource::Nodes, generation: 1 });
    half.page_of_nodes(1, 1, vec![gpu_node("n1", 8, 8)]);
    half.act(Action::Gpus);
    let wide = text(&mut half, (160, 45), false);
    for part in ["nodes are not all read yet", "≥1", "≥2", "≥8", "–×1"] {
        assert!(wide.contains(part), "{part}\n{wide}");
    }
    assert!(!wide.contains("free 6"), "{wide}");
}

#[test]
fn held_pods_are_counted_once_and_their_units_are_named() {
    let ending = |pod| PodFacts { deleting: true, reason: "Terminating", ..pod };
    let mut both = ending(gpu_pod("both", "n1", 1));
    both.requests.others.push(("nvidia.com/mig-1g.5gb", crate::facts::quantity::Quantity::whole(3)));
    let mut bench = Bench::with(vec![gpu_node("n1", 8, 8)], &[both]);
    bench.act(Action::Gpus);
    let wide = text(&mut bench, (160, 45), false);
    assert!(wide.contains("1 GPU, 3 slices held by 1 pod not running"), "{wide}");
    assert!(wide.lines().any(|line| line.contains("3 slices") && line.contains("mig-1g.5gb")), "{wide}");
}

#[test]
fn numbers_of_a_large_cluster_have_room_in_the_gpu_view() {
    let nodes = (0..10_001).map(|index| gpu_node(&format!("n{index}"), 8, 8)).collect();
    let mut bench = Bench::with(nodes, &[]);
    bench.act(Action::Gpus);
    let wide = text(&mut bench, (200, 45), false);
    let row = wide.lines().find(|line| line.contains("nvidia.com/gpu")).unwrap();
    // The fixture's nodes have 8 devices, 4 cores, and room for 10 pods.
    for part in ["10,001", "80,008", "40,004", "20,002"] {
        assert!(row.contains(part), "{part}\n{wide}");
    }
    assert!(!row.contains('…'), "{row}");
}
