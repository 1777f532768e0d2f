//! Lines of the GPU view that are made for a frame, and its words about stale data and unused claims.

use super::alerts::draw;
use super::fixture::lines;
use crate::action::Action;
use crate::facts::dra::{AllocatedDevice, ClaimFacts, DeviceFacts, DeviceScope, SliceFacts};
use crate::facts::node::NodeFacts;
use crate::facts::object::ApiObject;
use crate::facts::pod::{PodFacts, Since, SinceBasis};
use crate::facts::wire::Uid;
use crate::model::fixture::{Bench, at, gpu_node, gpu_pod};
use crate::msg::{Batch, ClusterEvent, Layer, ObjectChange, PageHead, Resource};
use crate::theme::{Depth, Theme};
use crate::ui::screens::gpus::cells::CELLS;

fn present<T>(key: &str, facts: T) -> ObjectChange<T> {
    ObjectChange::Present(Box::new(ApiObject { key: key.into(), uid: Uid(1), version: 1, facts }))
}

fn listed(bench: &mut Bench, resource: Resource, batch: Batch) {
    bench.send(ClusterEvent::ListStarted { resource, generation: 1 });
    let page = ClusterEvent::Page {
        resource,
        head: PageHead { generation: 1, page: 1, remaining: None, bytes: 0, unreadable: 0 },
        batch,
    };
    bench.send(page);
    bench.send(ClusterEvent::ListFinished { resource, generation: 1 });
}

fn text(bench: &mut Bench, size: (u16, u16)) -> String {
    lines(&draw(bench, size, &Theme::new(Depth::None, false)))
}

/// Each node has a model of its own, so there are as many groups; and as many pods that end.
fn many(nodes: usize) -> Bench {
    let names: Vec<(String, String)> = (0..nodes).map(|n| (format!("n{n}"), format!("p{n}"))).collect();
    let node = |(name, _): &(String, String)| NodeFacts {
        labels: vec![("nvidia.com/gpu.product".into(), format!("MODEL-{name}").as_str().into())],
        ..gpu_node(name, 8, 8)
    };
    let ending = |(node, name)| PodFacts { deleting: true, reason: "Terminating", ..gpu_pod(name, node, 1) };
    let pods: Vec<_> = names.iter().map(|(node, name)| ending((node, name))).collect();
    let mut bench = Bench::with(names.iter().map(node).collect(), &pods);
    bench.act(Action::Gpus);
    bench
}

#[test]
fn a_frame_makes_the_cells_of_visible_lines_only() {
    let cells = |nodes: usize| {
        let mut bench = many(nodes);
        text(&mut bench, (200, 45));
        CELLS.set(0);
        let drawn = text(&mut bench, (200, 45));
        assert!(drawn.contains("MODEL-N") || drawn.contains("n0"), "{drawn}");
        CELLS.get()
    };
    // Of both the groups alone fill the screen: 36 lines and more, each of at most 14 columns, measured and drawn.
    let (few, more) = (cells(100), cells(2_000));
    assert_eq!(few, more);
    assert!((1..=45 * 14 * 2).contains(&few), "{few}");
}

#[test]
fn the_last_line_of_many_is_reached() {
    let mut bench = many(300);
    text(&mut bench, (200, 45));
    bench.act(Action::Bottom);
    let drawn = text(&mut bench, (200, 45));
    assert!(drawn.contains("ns/p299"), "{drawn}");
    assert!(!drawn.contains("FITS "), "{drawn}");
}

#[test]
fn old_data_is_not_shown_as_of_now() {
    let mut bench = Bench::with(vec![gpu_node("n1", 8, 8)], &[gpu_pod("train", "n1", 2)]);
    bench.act(Action::Gpus);
    let now = text(&mut bench, (160, 45));
    assert!(now.contains("FITS ") && !now.contains("old data"), "{now}");
    bench.waiting(Resource::Nodes, Layer::Connect);
    bench.waiting(Resource::Pods, Layer::Connect);
    for _ in 0..62 {
        bench.wait(5);
    }
    let old = text(&mut bench, (160, 45));
    assert!(old.contains("stale: last update 5m"), "{old}");
}

#[test]
fn devices_that_nobody_uses_are_held_by_their_claim() {
    let mut bench = Bench::with(vec![gpu_node("n1", 8, 8)], &[]);
    let device = DeviceFacts { name: "gpu-0".into(), ..DeviceFacts::default() };
    let slice = SliceFacts {
        driver: "gpu.example.com".into(),
        pool: "n1".into(),
        generation: 1,
        slices: 1,
        scope: DeviceScope::Node("n1".into()),
        devices: vec![device],
        ..SliceFacts::default()
    };
    let allocated = AllocatedDevice {
        driver: "gpu.example.com".into(),
        pool: "n1".into(),
        device: "gpu-0".into(),
        ..AllocatedDevice::default()
    };
    let claim = ClaimFacts {
        results: vec![allocated],
        allocated: true,
        reserved_for: Vec::new(),
        since: Some(Since { basis: SinceBasis::Allocated, at: at(0).wall }),
    };
    listed(&mut bench, Resource::Slices, Batch::Slices(vec![present("s", slice)]));
    listed(&mut bench, Resource::Claims, Batch::Claims(vec![present("train/left", claim)]));
    bench.wait_live(90);
    bench.act(Action::Gpus);
    let wide = text(&mut bench, (160, 45));
    assert!(wide.contains("1 GPU held by 1 unused claim"), "{wide}");
    let row = wide.lines().find(|line| line.contains("claim train/left")).unwrap();
    for part in ["90s", "allocated", "Unused", "n1", "gpu.example.com"] {
        assert!(row.contains(part), "{part}: {row}");
    }
}
