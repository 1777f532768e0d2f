//! Words of the screens on a real model.

use super::alerts::draw;
use super::fixture::lines;
use crate::action::Action;
use crate::facts::node::ConditionStatus;
use crate::facts::pod::{PodFacts, PodPhase};
use crate::facts::text::Clean;
use crate::model::fixture::{Bench, gpu_node, gpu_pod, node, turned};
use crate::model::table::LastReport;
use crate::msg::{ClusterEvent, Resource};
use crate::theme::{Depth, Theme};

const SIZES: [(u16, u16); 4] = [(200, 60), (120, 35), (80, 24), (60, 12)];

fn text(bench: &mut Bench, size: (u16, u16)) -> String {
    lines(&draw(bench, size, &Theme::new(Depth::None, false)))
}

/// A pod that runs and one that has ended on a node that has been Unknown for 33 s, and one on a node that is well.
fn lost() -> Bench {
    let lost = turned(&gpu_node("lost", 8, 8), ConditionStatus::Unknown, 0);
    let running = |pod| PodFacts { ready: 2, containers: 2, ..pod };
    let pods = [
        running(gpu_pod("runs", "lost", 4)),
        PodFacts { phase: PodPhase::Succeeded, reason: "Completed", ..gpu_pod("ended", "lost", 4) },
        running(gpu_pod("well", "ok", 1)),
    ];
    let mut bench = Bench::with(vec![lost, gpu_node("ok", 8, 8)], &pods);
    bench.ms += 33_000;
    bench.received();
    bench.prepare();
    bench
}

#[test]
fn a_pod_on_an_unknown_node_is_shown_as_last_reported_in_the_list_and_on_its_page() {
    let mut bench = lost();
    let pods = |bench: &Bench, name: &str| {
        let row = bench.state().pod_row("ns", name, bench.now()).unwrap();
        row.last_report
    };
    let ago = Some(std::time::Duration::from_secs(33));
    assert_eq!(pods(&bench, "runs"), Some(LastReport { ago, node: "Unknown" }));
    assert_eq!((pods(&bench, "ended"), pods(&bench, "well")), (None, None), "what has ended stays so");
    bench.act(Action::Open);
    for size in SIZES {
        let shown = text(&mut bench, size);
        let row = shown.lines().find(|line| line.contains("runs")).unwrap();
        let expected = if size.0 >= 100 { "? last reported Running 33s ago" } else { "? was Running" };
        assert!(row.contains(expected), "{size:?}\n{shown}");
    }
    bench.act(Action::Down);
    bench.act(Action::Open);
    for size in SIZES {
        let shown = text(&mut bench, size);
        assert!(shown.contains("? last reported Running 33s"), "{size:?}\n{shown}");
        assert!(!shown.contains("\u{2713} Running"), "{size:?}\n{shown}");
    }
    let wide = text(&mut bench, (120, 35));
    assert!(wide.contains("? last reported Running 33s ago \u{b7} node Unknown   2/2 ready then"), "{wide}");
}

#[test]
fn a_pod_whose_node_is_gone_is_shown_as_last_reported() {
    let bench = Bench::with(vec![node("ok")], &[gpu_pod("orphan", "gone", 1), gpu_pod("waits", "", 1)]);
    let row = |name| bench.state().pod_row("ns", name, bench.now()).unwrap().last_report;
    assert_eq!(row("orphan"), Some(LastReport { ago: None, node: "gone" }));
    assert_eq!(row("waits"), None, "it is on no node yet");
}

#[test]
fn devices_of_pods_on_unknown_nodes_are_not_counted_as_running() {
    let mut bench = lost();
    bench.act(Action::Gpus);
    let shown = text(&mut bench, (160, 40));
    assert!(shown.contains("4 GPUs held by 1 pod last on an Unknown node"), "{shown}");
    assert!(shown.lines().any(|line| line.contains("node Unknown") && line.contains("ns/runs")), "{shown}");
    assert!(shown.contains("free 7 on 1 node") && shown.contains("4 not schedulable: Unknown"), "{shown}");
}

#[test]
fn what_is_known_of_a_pod_comes_before_what_is_not_read_yet() {
    let owned = PodFacts { owner_kind: "Job", owner_name: "train", ready: 1, containers: 1, ..gpu_pod("p", "ok", 4) };
    let mut bench = Bench::with(vec![gpu_node("ok", 8, 8)], &[owned]);
    bench.act(Action::Open);
    let node = text(&mut bench, (120, 45));
    assert!(node.contains("events not read yet") && !node.contains("no events (default"), "{node}");
    bench.act(Action::Open);
    let shown = text(&mut bench, (120, 35));
    let known = shown.find("node ok   owner Job/train   4 GPUs held").expect(&shown);
    assert!(shown.contains("Running   1/1 ready"), "{shown}");
    assert!(shown.find("events not read yet").expect(&shown) > known, "{shown}");
    assert!(!shown.contains("loading"), "{shown}");
}

#[test]
fn a_list_that_is_read_again_moves_no_hint_and_no_fact_of_the_footer() {
    let pods = [gpu_pod("a", "", 1), gpu_pod("b", "", 1)];
    let mut bench = Bench::with(vec![node("n")], &pods);
    for size in SIZES {
        let footer = |bench: &mut Bench| text(bench, size).lines().last().unwrap_or_default().to_owned();
        let before = footer(&mut bench);
        let generation = u32::from(size.0);
        bench.send(ClusterEvent::ListStarted { resource: Resource::Pods, generation });
        bench.page_of_pods(generation, 1, &pods);
        bench.prepare();
        let during = footer(&mut bench);
        bench.send(ClusterEvent::ListFinished { resource: Resource::Pods, generation });
        bench.watching();
        bench.prepare();
        let facts = |footer: &str| {
            footer.split("  ").next().unwrap().split(" \u{b7} watchbell's load").next().unwrap().to_owned()
        };
        assert!(during.starts_with(facts(&before).split(" \u{b7} our").next().unwrap()), "{before}\n{during}");
        let hints = |footer: &str| footer.split("  ").last().unwrap().to_owned();
        assert_eq!(hints(&before), hints(&during));
        let from = |footer: &str| footer.find("open").map(|at| footer[at..].to_owned());
        assert_eq!(from(&before), from(&during), "{before}\n{during}");
        if size.0 >= 80 {
            assert!(during.contains("2 pods unscheduled"), "{during}");
        }
    }
}

#[test]
fn clusters_with_long_names_that_are_alike_are_distinguished_at_every_size() {
    let arn = |name: &str| format!("arn:aws:eks:eu-central-1:123456789012:cluster/{name}");
    let names = [arn("prod-a"), arn("prod-b"), arn("staging")];
    let mut bench = Bench::new(&[names[0].as_str(), names[1].as_str(), names[2].as_str()]);
    bench.prepare();
    for size in SIZES {
        let shown = text(&mut bench, size);
        assert!(shown.contains("/prod-a"), "{size:?}\n{shown}");
        if size.1 >= 24 {
            assert!(shown.contains("/prod-b") && shown.contains("/staging"), "{size:?}\n{shown}");
            let header = shown.lines().next().unwrap();
            assert!(header.contains("/prod-a 1/3"), "{header}");
        }
    }
    bench.act(Action::Gpus);
    assert!(text(&mut bench, (80, 24)).contains("/prod-a GPUs"));
    let tiny = text(&mut bench, (50, 4));
    assert!(tiny.contains("/prod-a"), "{tiny}");
}

#[test]
fn what_is_wrong_with_the_configuration_is_on_the_screen_until_it_is_left() {
    let mut bench = Bench::with(vec![node("n")], &[]);
    let warnings = ["unknown key `probe.perod`; did you mean `probe.period`?", "another"].map(Clean::new);
    let model = crate::model::app::Model::new(Vec::new(), crate::model::settings::Settings::default());
    bench.model = std::mem::replace(&mut bench.model, model).with_warnings(warnings);
    let shown = text(&mut bench, (120, 35));
    assert!(shown.contains("config: unknown key `probe.perod`; did you mean `probe.period`? (+1 more)"), "{shown}");
    bench.ms += 60_000;
    assert!(text(&mut bench, (120, 35)).contains("did you mean"), "it is not gone before it is read");
    bench.act(Action::Back);
    assert!(!text(&mut bench, (120, 35)).contains("config:"));
}
