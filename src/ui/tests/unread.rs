//! Objects that could not be read, on every screen and in the reports.

use super::alerts::draw;
use super::fixture::lines;
use crate::action::Action;
use crate::facts::pod::PodFacts;
use crate::model::cluster::Health;
use crate::model::fixture::{Bench, batch, gpu_node, gpu_pod};
use crate::model::known::Known;
use crate::msg::{Batch, NodeChange, Resource};
use crate::report;
use crate::theme::{Depth, Theme};

const SIZES: [(u16, u16); 4] = [(200, 60), (120, 35), (80, 24), (60, 12)];

fn text(bench: &mut Bench, size: (u16, u16)) -> String {
    lines(&draw(bench, size, &Theme::new(Depth::None, false)))
}

/// Two nodes with eight devices, one of them half used, and objects beside them that could not be read.
fn bench(nodes: usize, [unread_nodes, unread_pods]: [u32; 2]) -> Bench {
    let mut bench = Bench::new(&["prod"]);
    let named = ["n1", "n2"].iter().take(nodes).map(|name| gpu_node(name, 8, 8));
    let changes = named.map(|node| NodeChange::Present(Box::new(node))).collect();
    bench.list_with_unread((Resource::Nodes, 1), Batch::Nodes(changes), unread_nodes);
    let pods: Vec<PodFacts<'_>> = ["n1"].iter().take(nodes).map(|node| gpu_pod("p1", node, 4)).collect();
    bench.list_with_unread((Resource::Pods, 1), Batch::Pods(batch(&pods, false)), unread_pods);
    bench.prepare();
    bench
}

fn json(bench: &Bench) -> serde_json::Value {
    serde_json::to_value(report::snapshot(&bench.model, bench.now())).unwrap()["clusters"][0].clone()
}

#[test]
fn a_cluster_of_which_no_node_could_be_read_is_not_well_and_not_empty() {
    let mut bench = bench(0, [3, 0]);
    let summary = bench.summary();
    assert_eq!((summary.health, summary.word), (Health::Degraded, "unreadable"));
    assert_eq!((summary.nodes_total, summary.gpu_known), (Known::AtLeast(0), false));
    let expected = "3 nodes could not be read: numbers are lower bounds, what is free is not known";
    assert_eq!(bench.texts("Unreadable"), [expected]);
    for size in SIZES {
        let shown = text(&mut bench, size);
        assert!(!shown.contains("this cluster has no nodes"), "{size:?}\n{shown}");
        assert!(shown.contains("none of 3 nodes could be read") && shown.contains("\u{2265}0"), "{size:?}\n{shown}");
        assert!(!shown.contains("no alert firing"), "{size:?}\n{shown}");
    }
    let json = json(&bench);
    assert_eq!((&json["state"], &json["nodes"]["state"]), (&"unreadable".into(), &"partial".into()));
    assert_eq!((&json["nodes"]["total"], &json["nodes"]["unreadable"]), (&0.into(), &3.into()));
    assert!(!report::snapshot(&bench.model, bench.now()).complete());
    let table = report::table(&report::snapshot(&bench.model, bench.now()));
    assert!(table.contains("nodes >=0/>=0 ready") && table.contains("3 unreadable objects"), "{table}");
}

#[test]
fn with_some_nodes_unread_totals_are_lower_bounds_and_no_free_device_is_promised() {
    let mut bench = bench(2, [1, 0]);
    let summary = bench.summary();
    assert_eq!((summary.nodes_total, summary.nodes_ready), (Known::AtLeast(2), Known::AtLeast(2)));
    assert_eq!((summary.pods, summary.orphaned), (Known::Exact(1), Known::Unknown));
    assert_eq!(summary.pods_allocatable, Known::AtLeast(20));
    let json = json(&bench);
    let gpus = &json["accelerators"][0];
    assert_eq!((&gpus["free"], &gpus["unschedulable"]), (&serde_json::Value::Null, &serde_json::Value::Null));
    assert_eq!((&gpus["requested"], &gpus["allocatable"]), (&4.into(), &16.into()));
    let table = report::table(&report::snapshot(&bench.model, bench.now()));
    assert!(table.contains("requested >=4  allocatable >=16  capacity >=16  free ?"), "{table}");
    bench.act(Action::Gpus);
    for size in [(200, 60), (120, 35)] {
        let shown = text(&mut bench, size);
        assert!(shown.contains("1 node could not be read: numbers are lower bounds"), "{size:?}\n{shown}");
        assert!(!shown.contains("not all read yet") && !shown.contains("free 12"), "{size:?}\n{shown}");
        assert!(shown.contains("gpu \u{2265}4/16/16"), "{size:?}\n{shown}");
    }
}

#[test]
fn with_some_pods_unread_what_they_ask_for_is_a_lower_bound_and_nothing_is_free() {
    let mut bench = bench(2, [0, 2]);
    let summary = bench.summary();
    assert_eq!((summary.word, summary.nodes_total, summary.pods), ("unreadable", Known::Exact(2), Known::AtLeast(1)));
    assert_eq!(bench.texts("Unreadable").len(), 1);
    let json = json(&bench);
    assert_eq!((&json["nodes"]["state"], &json["pods"]["state"]), (&"complete".into(), &"partial".into()));
    assert_eq!((&json["pods"]["bound"], &json["accelerators"][0]["free"]), (&1.into(), &serde_json::Value::Null));
    let shown = text(&mut bench, (200, 60));
    assert!(shown.contains("pods \u{2265}1/20"), "{shown}");
    bench.act(Action::Gpus);
    let shown = text(&mut bench, (200, 60));
    assert!(shown.contains("2 pods could not be read") && !shown.contains("free 12"), "{shown}");
    bench.act(Action::Back);
    bench.act(Action::Down);
    bench.act(Action::Open);
    let shown = text(&mut bench, (200, 60));
    assert!(shown.contains("no pods on this node, as far as pods could be read"), "{shown}");
}

#[test]
fn what_could_not_be_read_is_known_again_when_a_later_list_has_ended() {
    let mut bench = bench(2, [1, 0]);
    let nodes = || Batch::Nodes(vec![NodeChange::Present(Box::new(gpu_node("n1", 8, 8)))]);
    bench.send(crate::msg::ClusterEvent::ListStarted { resource: Resource::Nodes, generation: 2 });
    assert!(bench.summary().nodes_total.exact().is_none(), "not before");
    bench.list_with_unread((Resource::Nodes, 2), nodes(), 0);
    bench.prepare();
    assert_eq!((bench.summary().nodes_total, bench.summary().word), (Known::Exact(1), "ok"));
    assert!(bench.texts("Unreadable").is_empty());
}

#[test]
fn pods_of_nodes_that_do_not_say_how_many_they_take_are_not_out_of_none() {
    let silent = |name: &str| {
        let mut node = gpu_node(name, 8, 8);
        node.allocatable.clear();
        node.capacity.clear();
        node
    };
    let mut bench = Bench::with(vec![silent("n1"), silent("n2")], &[gpu_pod("p1", "n1", 1)]);
    bench.prepare();
    assert_eq!(bench.summary().pods_allocatable, Known::Unknown);
    let shown = text(&mut bench, (200, 60));
    assert!(shown.contains("pods 1/?") && !shown.contains("pods 1/0"), "{shown}");
    let mut bench = Bench::with(vec![silent("n1"), gpu_node("n2", 8, 8)], &[gpu_pod("p1", "n1", 1)]);
    bench.prepare();
    assert_eq!(bench.summary().pods_allocatable, Known::AtLeast(10));
    assert!(text(&mut bench, (200, 60)).contains("pods 1/\u{2265}10"));
}

#[test]
fn rows_that_are_sorted_by_a_column_without_a_place_say_so() {
    let mut bench = bench(2, [0, 0]);
    bench.act(Action::SortMemory);
    for size in [(80, 24), (60, 12)] {
        let shown = text(&mut bench, size);
        let heading = shown.lines().find(|line| line.contains("STATUS")).unwrap();
        assert!(heading.contains("by MEM"), "{size:?}\n{shown}");
    }
    assert!(!text(&mut bench, (200, 60)).contains("by MEM"));
    bench.act(Action::Open);
    bench.act(Action::SortMemory);
    let shown = text(&mut bench, (60, 24));
    let heading = shown.lines().find(|line| line.contains("STATUS")).unwrap();
    assert!(heading.contains("by MEMORY"), "{shown}");
}

#[test]
fn help_and_the_way_out_have_a_place_beside_every_fact() {
    let mut bench = bench(2, [1, 1]);
    let keys = [
        (None, ["? help", "q quit"]),
        (Some(Action::Alerts), ["? help", "esc back"]),
        (Some(Action::Gpus), ["? help", "esc back"]),
        (Some(Action::Api), ["? help", "esc back"]),
    ];
    for (action, hints) in keys {
        action.map(|action| bench.act(action));
        for size in SIZES {
            let shown = text(&mut bench, size);
            let footer = shown.lines().last().unwrap();
            assert!(hints.iter().all(|hint| footer.contains(hint)), "{action:?} at {size:?}: {footer}");
        }
        action.map(|_| bench.act(Action::Back));
    }
}

#[test]
fn a_key_that_means_nothing_in_the_help_is_answered_there() {
    let mut bench = bench(2, [0, 0]);
    bench.act(Action::Help);
    for size in SIZES {
        bench.act(Action::Down);
        assert!(!text(&mut bench, size).contains("no such key"), "what was said is not said of another key");
        bench.act(Action::Gpus);
        let shown = text(&mut bench, size);
        assert!(shown.contains("watchbell help") && shown.contains("no such key here"), "{size:?}\n{shown}");
    }
    let now = bench.now();
    bench.act(Action::Down);
    bench.model.update(crate::msg::Msg::UnboundKey, now);
    assert!(text(&mut bench, (80, 24)).contains("no such key here"));
}

#[test]
fn the_long_name_of_a_context_is_cut_in_what_is_said_of_its_silence() {
    let name = "arn:aws:eks:eu-central-1:123456789012:cluster/team-platform-production-a";
    let mut bench = Bench::new(&[name, "other"]);
    bench.list_with_unread((Resource::Nodes, 1), Batch::Nodes(Vec::new()), 0);
    bench.act(Action::Silence);
    for size in SIZES {
        let shown = text(&mut bench, size);
        let footer = shown.lines().last().unwrap();
        assert!(footer.contains("silenced until") && !footer.contains(name), "{size:?}: {footer}");
    }
    bench.act(Action::Alerts);
    for size in [(200, 60), (120, 35), (80, 24)] {
        let shown = text(&mut bench, size);
        let title = shown.lines().find(|line| line.contains("alerts of 2 clusters")).unwrap();
        assert!(title.contains("silenced for 30m") && !title.contains(name), "{size:?}: {title}");
    }
}

#[test]
fn one_of_a_kind_is_singular() {
    let mut bench = Bench::with(vec![gpu_node("n1", 8, 8)], &[gpu_pod("p1", "n1", 1)]);
    bench.prepare();
    assert!(text(&mut bench, (120, 35)).contains(" 1 node \u{b7}"));
    bench.act(Action::Open);
    assert!(text(&mut bench, (120, 35)).contains(" 1 pod on this node"));
    bench.act(Action::Open);
    assert!(text(&mut bench, (120, 35)).contains("1 GPU held"));
}
