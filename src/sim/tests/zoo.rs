//! The screens of the zoo: its objects decoded as the program does, at one moment, drawn at every size.

use std::time::Duration;

use fastrand::Rng;
use jiff::Timestamp;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::super::encode::Encoder;
use super::super::object::Resource as Kind;
use super::super::population::{Seeds, build};
use crate::action::Action;
use crate::facts::pod::PodBatch;
use crate::facts::{node, pod};
use crate::model::{ClusterSpec, Model, Settings};
use crate::msg::{Batch, ClusterEvent, ClusterId, Edit, Mono, Msg, NodeChange, Now, Resource, SyncState};
use crate::sim::Scenario;
use crate::theme::{Depth, Look};
use crate::ui::{ViewState, view};

/// 2026-11-23T06:00:00Z.
const START: i64 = 1_795_413_600;

fn now() -> Now {
    Now { mono: Mono(Duration::from_secs(60)), wall: Timestamp::from_second(START).unwrap() }
}

/// The list of a kind as the server writes it, in protobuf where that can say it.
fn list(context: &str, kind: Kind) -> Vec<u8> {
    let scenario = Scenario::builtin("zoo").unwrap();
    let spec = scenario.clusters.iter().find(|cluster| cluster.context.get_ref() == context).unwrap();
    let world = build(spec, Seeds { rng: Rng::with_seed(5), now: START }).unwrap();
    let objects: Vec<_> = world.store.all(kind).cloned().collect();
    let encoder = Encoder::new((kind, kind.api_version()), "application/json", "", START).unwrap();
    let mut out = Vec::new();
    out.extend_from_slice(b"{\"metadata\":{\"resourceVersion\":\"9\"},\"items\":[");
    for (at, object) in objects.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        encoder.item(object, &mut out);
    }
    out.extend_from_slice(b"]}");
    out
}

/// A model that has read one cluster of the zoo.
fn model(context: &str) -> Model {
    let spec = ClusterSpec { context: context.into(), broken: None };
    let mut model = Model::new(vec![spec], Settings::default());
    let mut nodes = Vec::new();
    let head = node::decode_list(&list(context, Kind::Nodes), |node| {
        nodes.push(NodeChange::Present(Box::new(node)));
    });
    let unreadable_nodes = head.unwrap().unreadable;
    let mut pods = PodBatch::default();
    let unreadable_pods = pod::decode_list(&list(context, Kind::Pods), &mut pods).unwrap().unreadable;
    for (resource, batch, unreadable) in
        [(Resource::Nodes, Batch::Nodes(nodes), unreadable_nodes), (Resource::Pods, Batch::Pods(pods), unreadable_pods)]
    {
        let generation = 1;
        let page = ClusterEvent::Page { resource, generation, page: 1, remaining: None, bytes: 1, unreadable, batch };
        for event in [
            ClusterEvent::ListStarted { resource, generation },
            page,
            ClusterEvent::ListFinished { resource, generation },
            ClusterEvent::Sync { resource, state: SyncState::Watching },
            ClusterEvent::Heard { resource, bytes: 1 },
        ] {
            model.update(Msg::Cluster(ClusterId(0), event), now());
        }
    }
    model.prepare(now());
    model
}

fn act(model: &mut Model, actions: &[Action]) {
    for action in actions {
        model.update(Msg::Action(*action), now());
        model.prepare(now());
    }
}

/// Types a filter, opens the first node that it shows, and lets the filter go.
fn open(model: &mut Model, filter: &str) {
    act(model, &[Action::Filter]);
    for letter in filter.chars() {
        model.update(Msg::Edit(Edit::Insert(letter)), now());
    }
    act(model, &[Action::Open, Action::Top, Action::Open]);
}

fn screen(model: &mut Model, (width, height): (u16, u16), look: &Look) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let mut state = ViewState::default();
    terminal.draw(|frame| view(frame, model, &mut state, look, now())).unwrap();
    let rows = terminal.backend().buffer().content().chunks(usize::from(width)).map(|row| {
        let line: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
        line.trim_end().to_owned()
    });
    rows.collect::<Vec<_>>().join("\n")
}

/// Compares with `src/sim/tests/snapshots/<name>.snap`, without colours.
fn snapshot(name: &str, model: &mut Model, size: (u16, u16)) {
    let text = screen(model, size, &Look::new(Depth::None, false));
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn the_nodes_of_the_zoo_are_drawn_at_every_size() {
    let mut model = model("zoo");
    for size in [(200, 100), (200, 60), (80, 24), (60, 12)] {
        snapshot(&format!("zoo_nodes_{}x{}", size.0, size.1), &mut model, size);
    }
}

#[test]
fn the_gpus_of_the_zoo_are_drawn_at_every_size_and_by_every_group() {
    let mut model = model("zoo");
    act(&mut model, &[Action::Gpus]);
    for size in [(200, 100), (200, 60), (80, 24), (60, 12)] {
        snapshot(&format!("zoo_gpus_{}x{}", size.0, size.1), &mut model, size);
    }
    for by in ["pool", "namespace", "owner"] {
        act(&mut model, &[Action::NextPane]);
        snapshot(&format!("zoo_gpus_by_{by}_160x50"), &mut model, (160, 50));
    }
}

#[test]
fn nodes_of_the_zoo_open_with_all_that_is_odd_about_them() {
    for (name, filter) in [("withdrawn", "nv-withdrawn"), ("mixed", "nv-mig-mixed"), ("invalid", "nv-mig-invalid")] {
        let mut model = model("zoo");
        open(&mut model, filter);
        snapshot(&format!("zoo_node_{name}_160x45"), &mut model, (160, 45));
    }
    for (name, filter) in [("hostile", "odd-hostile"), ("huge", "odd-huge"), ("quantities", "odd-quantities")] {
        let mut model = model("zoo");
        open(&mut model, filter);
        snapshot(&format!("zoo_node_{name}_120x45"), &mut model, (120, 45));
    }
}

#[test]
fn f70_objects_that_are_none_are_counted_and_cost_nothing_else() {
    let mut model = model("zoo-malformed");
    let summary = model.clusters()[0].summary(now());
    assert_eq!((summary.nodes_total.exact(), summary.pods.exact()), (Some(3), Some(3)));
    // 12 of the nodes and 8 of the pods, as the scenario has them.
    assert_eq!(summary.unreadable, 20);
    let text = screen(&mut model, (160, 30), &Look::new(Depth::None, false));
    assert!(text.contains("20 unreadable"), "{text}");
    snapshot("zoo_malformed_100x24", &mut model, (100, 24));
}

#[test]
fn f79_nothing_of_the_zoo_writes_to_the_terminal_on_any_screen() {
    let bad = |c: char| {
        c.is_control() && c != '\n'
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    for ascii in [false, true] {
        let look = Look::new(Depth::None, ascii);
        let mut model = model("zoo");
        for actions in
            [&[][..], &[Action::Wide], &[Action::Gpus], &[Action::NextPane], &[Action::NextPane], &[Action::Alerts]]
        {
            act(&mut model, actions);
            for size in [(200, 100), (80, 24), (60, 12), (30, 4)] {
                let text = screen(&mut model, size, &look);
                assert!(!text.contains(bad), "{:?} on\n{text}", text.chars().find(|c| bad(*c)));
            }
        }
        open(&mut model, "odd-hostile");
        for _ in 0..4 {
            let text = screen(&mut model, (200, 100), &look);
            assert!(text.contains("odd-hostile") && !text.contains(bad), "{text}");
            act(&mut model, &[Action::NextPane]);
        }
    }
}
