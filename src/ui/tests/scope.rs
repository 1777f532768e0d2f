//! A cluster of which only the pods of some namespaces are watched (F23), on screens without colours: the words say it.

use super::alerts::draw;
use super::fixture::lines;
use crate::action::Action;
use crate::facts::pod::PodFacts;
use crate::model::fixture::{Bench, gpu_node, gpu_pod, pod};
use crate::msg::{Resource, SyncState};
use crate::theme::{Depth, Look};

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
    lines(&draw(bench, size, &Look::new(Depth::None, ascii)))
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
    for part in ["pods ≥1 in 2 namespaces", "pods loading", "0 t/o  loading"] {
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
    for part in [
        "– of 1",
        "partial: only pods of team-a",
        "what is free and fits is not known",
        "≥2",
        "of the watched namespaces",
    ] {
        assert!(wide.contains(part), "{part}\n{wide}");
    }
    assert!(!wide.contains("nodes that take pods"), "{wide}");
}
