//! A small cluster of GPU nodes, counted by hand.

use super::*;
use crate::action::Action;
use crate::facts::dra::{AllocatedDevice, ClaimFacts, Consumer, DeviceFacts, DeviceScope, SliceFacts};
use crate::facts::node::{ConditionStatus, NodeFacts, NodeTaint};
use crate::facts::object::ApiObject;
use crate::facts::pod::{PodFacts, PodPhase, SinceBasis};
use crate::facts::quantity::Quantity;
use crate::facts::wire::Uid;
use crate::model::fixture::{Bench, at, gpu_node, gpu_pod, node, pod, turned};
use crate::model::store::nodes::admission::Admission;
use crate::msg::{Batch, ClusterEvent, Msg, ObjectChange, PageHead, Resource};

fn labelled(mut node: NodeFacts, labels: &[(&str, &str)]) -> NodeFacts {
    node.labels = labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    node.labels.sort();
    node
}

fn tainted(node: NodeFacts, key: &str) -> NodeFacts {
    NodeFacts {
        taints: vec![NodeTaint { key: key.into(), effect: "NoSchedule".into(), ..NodeTaint::default() }],
        ..node
    }
}

/// Two models in two pools: a1 is used in part, a2 has lost three devices and owes one, h1 is free, h2 is cordoned, h3 lost.
fn nodes() -> Vec<NodeFacts> {
    let a100 = [("nvidia.com/gpu.product", "NVIDIA-A100"), ("agentpool", "old"), ("nvidia.com/gpu.count", "8")];
    let h100 = [("nvidia.com/gpu.product", "NVIDIA-H100"), ("eks.amazonaws.com/nodegroup", "new")];
    let cordoned = NodeFacts { unschedulable: true, ..labelled(gpu_node("h2", 8, 8), &h100) };
    vec![
        tainted(labelled(gpu_node("a1", 8, 8), &a100), "nvidia.com/gpu"),
        labelled(gpu_node("a2", 7, 4), &a100),
        labelled(gpu_node("h1", 16, 16), &h100),
        cordoned,
        turned(&labelled(gpu_node("h3", 8, 8), &h100), ConditionStatus::False, 0),
        node("cpu"),
    ]
}

fn owned<'a>(mut pod: PodFacts<'a>, kind: &'a str, name: &'a str) -> PodFacts<'a> {
    (pod.owner_kind, pod.owner_name) = (kind, name);
    pod
}

fn pods() -> Vec<PodFacts<'static>> {
    let starting = PodFacts { phase: PodPhase::Pending, reason: "ContainerCreating", ..gpu_pod("starting", "a1", 1) };
    let since = |basis, ms| Some(Since { basis, at: at(ms).wall });
    vec![
        owned(gpu_pod("train-1", "a1", 2), "Job", "train"),
        owned(gpu_pod("train-2", "a2", 5), "Job", "train"),
        PodFacts { since: since(SinceBasis::Scheduled, 50_000), ..starting },
        PodFacts {
            deleting: true,
            reason: "Terminating",
            since: since(SinceBasis::Deletion, 9_000),
            ..gpu_pod("ending", "h3", 4)
        },
        PodFacts { reason: "CrashLoopBackOff", containers: 1, ..gpu_pod("crashing", "h1", 3) },
        PodFacts { phase: PodPhase::Succeeded, ..gpu_pod("done", "h1", 8) },
        gpu_pod("waits", "", 8),
        pod("cpu-only", "cpu"),
    ]
}

fn bench(by: Grouping) -> Bench {
    let mut bench = Bench::with(nodes(), &pods());
    bench.act(Action::Gpus);
    while bench.model.grouping() != by {
        bench.act(Action::NextPane);
    }
    bench
}

/// Name, members and requested of each group, and of groups of nodes capacity, allocatable, withdrawn and missing.
fn rows(bench: &Bench) -> Vec<(String, u32, i64, Option<[i64; 4]>)> {
    let row = |group: &GpuGroup| {
        let supply = group.supply.map(|s| [s.capacity, s.allocatable, s.withdrawn, s.missing]);
        (group.name.to_string(), group.members, group.requested, supply)
    };
    bench.state().gpu_report().groups.iter().map(row).collect()
}

#[test]
fn models_and_pools_have_what_their_nodes_have() {
    let by_model = [("H100".to_owned(), 3, 7, Some([32, 32, 0, 0])), ("A100".to_owned(), 2, 8, Some([15, 12, 3, 1]))];
    assert_eq!(rows(&bench(Grouping::Model)), by_model);
    let by_pool = [("new".to_owned(), 3, 7, Some([32, 32, 0, 0])), ("old".to_owned(), 2, 8, Some([15, 12, 3, 1]))];
    assert_eq!(rows(&bench(Grouping::Pool)), by_pool);
}

#[test]
fn namespaces_and_owners_have_what_their_pods_ask_for() {
    assert_eq!(rows(&bench(Grouping::Namespace)), [("ns".to_owned(), 5, 15, None)]);
    let by_owner = [(String::new(), 3, 8, None), ("Job/train".to_owned(), 2, 7, None)];
    assert_eq!(rows(&bench(Grouping::Owner)), by_owner);
}

#[test]
fn only_nodes_that_take_pods_count_for_what_fits() {
    let bench = bench(Grouping::Model);
    let report = bench.state().gpu_report();
    // a1 has 5 free, a2 owes one, h1 has 13; h2 has 8 behind a cordon and h3 has 4 behind a kubelet that is not ready.
    assert_eq!(report.free, [18, 0, 4, 0, 8, 0]);
    assert_eq!(report.over_requested, 1);
    assert_eq!((report.open_nodes, report.largest), (2, 13));
    // Each pod asks for half a core and 1 GiB, whatever its devices: the median for each device is that of 3.
    assert_eq!((report.each.cpu_milli, report.each.memory_bytes, report.each_of), (166, (1 << 30) / 3, 5));
    // h1 has 4 cores less 0.5, 8 GiB less 1, and room for 9 more pods; a1 has 3 cores, 6 GiB and room for 8.
    assert_eq!(report.fits, [5 + 9, 2 + 6, 1 + 3, 1, 0]);
    let fits: Vec<_> = report.groups.iter().map(|group| group.supply.unwrap().fits.unwrap()).collect();
    assert_eq!(fits, [[9, 6, 3, 1, 0], [5, 2, 1, 0, 0]]);
}

#[test]
fn free_is_counted_node_by_node_and_is_the_same_number_everywhere() {
    let mut nodes = nodes();
    nodes.extend([
        turned(&gpu_node("u1", 8, 8), ConditionStatus::Unknown, 0),
        NodeFacts { deleting: true, ..gpu_node("d1", 8, 8) },
        tainted(gpu_node("t1", 8, 8), "example.com/maintenance"),
    ]);
    let mut bench = Bench::with(nodes, &pods());
    bench.act(Action::Gpus);
    let state = bench.state();
    let report = state.gpu_report();
    // Of a2's 4 healthy devices 5 are requested: that takes nothing from what a1 and h1 have.
    assert_eq!(report.free, [18, 8, 4, 8, 8, 8]);
    let supplies: Vec<Supply> = report.groups.iter().filter_map(|group| group.supply).collect();
    let totals = &state.accelerators()[0];
    let items = state.items(bench.now());
    let of_items: i64 = items.iter().flat_map(|item| &item.accelerators).filter_map(|a| a.free.exact()).sum();
    let of_rows: i64 = items.iter().filter_map(|item| item.row.gpus_free?.exact()).sum();
    let of_groups: i64 = supplies.iter().map(|supply| supply.free).sum();
    assert_eq!([of_groups, of_items, of_rows, totals.free.exact().unwrap()], [18; 4]);
    assert_eq!(totals.unschedulable, Known::Exact(36));
    let reasons: i64 = supplies.iter().flat_map(|supply| supply.unschedulable).sum();
    assert_eq!(reasons, 36);
    assert_eq!((totals.over_requested, report.over_requested), (Known::Exact(1), 1), "beside it, not in it");
    assert_eq!(supplies.iter().map(|supply| supply.over_requested).sum::<i64>(), 1);
    // All that is healthy and not requested, in one sum.
    let left = totals.allocatable - totals.requested.exact().unwrap();
    assert_eq!(left, 18 + 36 - 1);
}

#[test]
fn what_keeps_pods_from_free_devices_is_shown_with_the_group() {
    let bench = bench(Grouping::Model);
    let report = bench.state().gpu_report();
    let supply = |name: &str| report.groups.iter().find(|group| *group.name == *name).unwrap().supply.unwrap();
    // h1 has 13 free devices and 9 places for pods; on a1 nothing is short.
    let (h100, a100) = (supply("H100"), supply("A100"));
    assert_eq!((h100.free, h100.blocked, h100.fits.unwrap()[0]), (13, [0, 0, 4], 9));
    assert_eq!((a100.free, a100.blocked, a100.fits.unwrap()[0]), (5, [0, 0, 0], 5));
    assert_eq!(report.blocked, [0, 0, 4]);
}

#[test]
fn devices_of_pods_that_do_not_run_are_listed_longest_first() {
    let bench = bench(Grouping::Model);
    let held = &bench.state().gpu_report().held;
    let seen: Vec<_> = held.iter().map(|h| (&*h.name, h.amount, &*h.state, h.since.map(|s| s.basis))).collect();
    assert_eq!(
        seen,
        [
            ("ending", 4, "Terminating", Some(SinceBasis::Deletion)),
            ("starting", 1, "ContainerCreating", Some(SinceBasis::Scheduled)),
            ("crashing", 3, "CrashLoopBackOff", None),
        ]
    );
}

#[test]
fn the_board_follows_pods_and_nodes() {
    let mut bench = bench(Grouping::Model);
    let starting = PodFacts { version: 11, ..gpu_pod("starting", "a1", 1) };
    bench.change_pods(1, &[starting], false);
    bench.prepare();
    let held = |bench: &Bench| bench.state().gpu_report().held.len();
    assert_eq!(held(&bench), 2, "it runs");
    bench.change_pods(1, &[PodFacts { version: 12, ..gpu_pod("ending", "h3", 4) }], true);
    bench.prepare();
    let free = |bench: &Bench, admission: Admission| bench.state().gpu_report().free[admission.index()];
    assert_eq!((held(&bench), free(&bench, Admission::NotReady)), (1, 8), "it is gone");
    let uncordoned = NodeFacts { unschedulable: false, version: 11, ..nodes()[3].clone() };
    bench.change_node(1, uncordoned);
    bench.prepare();
    assert_eq!((free(&bench, Admission::Open), free(&bench, Admission::Cordoned)), (26, 0));
    // Only the time has changed, and the record looks the same.
    let later = Some(Since { basis: SinceBasis::NotReady, at: at(60_000).wall });
    bench.change_pods(1, &[PodFacts { version: 13, since: later, ..pods()[4].clone() }], false);
    bench.prepare();
    assert_eq!(bench.state().gpu_report().held[0].since, later);
}

#[test]
fn what_fits_is_shown_once_the_last_page_of_pods_was_the_last() {
    let mut bench = Bench::new(&["prod"]);
    bench.list_nodes(1, nodes());
    bench.act(Action::Gpus);
    bench.send(ClusterEvent::ListStarted { resource: Resource::Pods, generation: 1 });
    bench.page_of_pods(1, 1, &pods());
    bench.prepare();
    bench.send(ClusterEvent::ListFinished { resource: Resource::Pods, generation: 1 });
    bench.prepare();
    let fits = |group: &GpuGroup| group.supply.unwrap().fits.unwrap();
    let fits: Vec<_> = bench.state().gpu_report().groups.iter().map(fits).collect();
    assert_eq!(fits, [[9, 6, 3, 1, 0], [5, 2, 1, 0, 0]], "as in a report that was never looked at before");
}

#[test]
fn devices_of_dra_are_seen_in_a_cluster_without_claims() {
    let mut bench = bench(Grouping::Model);
    let device = DeviceFacts { name: "gpu-0".into(), ..DeviceFacts::default() };
    let slice = SliceFacts {
        driver: "gpu.example.com".into(),
        pool: "h1".into(),
        generation: 1,
        slices: 1,
        scope: DeviceScope::Node("h1".into()),
        counters: Vec::new(),
        devices: vec![device],
    };
    bench.prepare();
    listed(&mut bench, Resource::Slices, Batch::Slices(vec![present("s1", slice)]));
    bench.prepare();
    listed(&mut bench, Resource::Claims, Batch::Claims(Vec::new()));
    bench.prepare();
    assert_eq!(dra_rows(&bench), [(String::new(), 1, 0, Some([1, 1, 1, 0]))]);
    let all = bench.summary().dra.map(|all| (all.allocated, all.physical));
    assert_eq!(all, Some((0, 1)), "the strip and the node's own screen follow the same count");
}

#[test]
fn what_pods_ask_for_on_a_node_without_devices_is_in_its_group() {
    let labels = [("nvidia.com/gpu.product", "NVIDIA-T4")];
    let mut bench = Bench::with(vec![labelled(node("gone"), &labels)], &[gpu_pod("left", "gone", 2)]);
    bench.act(Action::Gpus);
    assert_eq!(rows(&bench), [("T4".to_owned(), 0, 2, Some([0, 0, 0, 0]))]);
}

#[test]
fn slices_and_shares_stand_for_themselves_and_fit_nothing() {
    let labels = [("nvidia.com/gpu.product", "NVIDIA-L4-SHARED"), ("nvidia.com/gpu.sharing-strategy", "mps")];
    let mut bench = Bench::with(vec![labelled(gpu_node("n", 80, 80), &labels), gpu_node("m", 8, 8)], &[]);
    bench.act(Action::Gpus);
    let report = bench.state().gpu_report();
    let kinds: Vec<_> = report.groups.iter().map(|g| (&*g.name, g.kind, g.supply.unwrap().fits.is_some())).collect();
    assert_eq!(kinds, [("", Kind::Device, true), ("L4", Kind::Shared, false)]);
    assert_eq!(report.free[0], 8, "shares are no devices");
}

/// Lists one kind of optional objects to its end.
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

fn present<T>(key: &str, facts: T) -> ObjectChange<T> {
    ObjectChange::Present(Box::new(ApiObject { key: key.into(), uid: Uid(1), version: 1, facts }))
}

/// Two nodes of the pool `new` and one device on a network; a claim of `train` that two pods share, one of `serve` that serves
/// an extended resource, and one that nobody uses.
fn with_dra(by: Grouping) -> Bench {
    let device =
        |name: &str, model: &str| DeviceFacts { name: name.into(), model: model.into(), ..DeviceFacts::default() };
    let slice = |pool: &str, scope, devices| SliceFacts {
        driver: "gpu.example.com".into(),
        pool: pool.into(),
        generation: 1,
        slices: 1,
        scope,
        counters: Vec::new(),
        devices,
    };
    let on = |node: &str| DeviceScope::Node(node.into());
    let h100 = "NVIDIA H100";
    let bad = DeviceFacts { tainted: true, ..device("gpu-1", h100) };
    let slices = vec![
        present("s1", slice("h1", on("h1"), vec![device("gpu-0", h100), bad])),
        present("s2", slice("a1", on("a1"), vec![device("gpu-0", h100), device("gpu-1", "L40S")])),
        present("s3", slice("net", DeviceScope::Network, vec![device("nic", "")])),
    ];
    let result = |pool: &str, name: &str| AllocatedDevice {
        driver: "gpu.example.com".into(),
        pool: pool.into(),
        device: name.into(),
        ..AllocatedDevice::default()
    };
    let claim = |results, users: &[&str]| ClaimFacts {
        results,
        allocated: true,
        reserved_for: users.iter().map(|name| Consumer { name: (*name).into(), ..Consumer::default() }).collect(),
        since: None,
    };
    let claims = vec![
        present("ns/shared", claim(vec![result("h1", "gpu-0")], &["train-1", "train-2"])),
        present("serve/bridge", claim(vec![result("a1", "gpu-1")], &["nobody-knows"])),
        present("ns/held", claim(vec![result("a1", "gpu-0")], &[])),
    ];
    let mut bench = bench(by);
    listed(&mut bench, Resource::Slices, Batch::Slices(slices));
    listed(&mut bench, Resource::Claims, Batch::Claims(claims));
    bench.prepare();
    bench
}

/// Name, members, allocated, and of groups of nodes physical, healthy, free and lost; of devices of DRA only.
fn dra_rows(bench: &Bench) -> Vec<(String, u32, i64, Option<[i64; 4]>)> {
    let row = |group: &GpuGroup| {
        let supply = group.supply.map(|s| [s.capacity, s.allocatable, s.free, s.withdrawn]);
        assert!(group.supply.is_none_or(|supply| supply.fits.is_none()), "what fits is told of device plugins only");
        (group.name.to_string(), group.members, group.requested, supply)
    };
    bench.state().gpu_report().groups.iter().filter(|group| group.dra).map(row).collect()
}

#[test]
fn devices_of_dra_are_groups_of_their_own_beside_those_of_plugins() {
    let by_model = with_dra(Grouping::Model);
    let expected = [
        ("H100".to_owned(), 2, 2, Some([3, 2, 0, 1])),
        (String::new(), 0, 0, Some([1, 1, 1, 0])),
        ("L40S".to_owned(), 1, 1, Some([1, 1, 0, 0])),
    ];
    assert_eq!(dra_rows(&by_model), expected);
    assert_eq!(by_model.state().gpu_report().dra_devices, Some(5));
    assert_eq!(by_model.state().gpu_report().fits, bench(Grouping::Model).state().gpu_report().fits);
    let kinds: Vec<_> = by_model.state().gpu_report().groups.iter().map(|group| group.dra).collect();
    assert_eq!(kinds, [false, false, true, true, true], "those of the plugins first");
    let by_pool = [
        ("new".to_owned(), 1, 1, Some([2, 1, 0, 1])),
        ("old".to_owned(), 1, 2, Some([2, 2, 0, 0])),
        ("network".to_owned(), 0, 0, Some([1, 1, 1, 0])),
    ];
    assert_eq!(dra_rows(&with_dra(Grouping::Pool)), by_pool);
}

#[test]
fn claims_are_counted_once_by_namespace_and_by_owner() {
    let by_namespace = [("ns".to_owned(), 2, 2, None), ("serve".to_owned(), 1, 1, None)];
    assert_eq!(dra_rows(&with_dra(Grouping::Namespace)), by_namespace);
    let by_owner = [(String::new(), 1, 2, None), ("Job/train".to_owned(), 2, 1, None)];
    assert_eq!(dra_rows(&with_dra(Grouping::Owner)), by_owner);
}

#[test]
fn without_a_picture_of_dra_the_board_says_nothing_of_it() {
    let bench = bench(Grouping::Model);
    assert_eq!((bench.state().gpu_report().dra_devices, dra_rows(&bench).len()), (None, 0));
}

#[test]
fn devices_of_dra_that_may_be_read_no_longer_are_kept_and_said_to_be_old() {
    let mut bench = with_dra(Grouping::Model);
    let seen = |bench: &mut Bench| (bench.summary().dra.map(|all| all.physical), bench.summary().dra_live);
    assert_eq!(seen(&mut bench), (Some(5), true));
    bench.denied(Resource::Claims);
    assert_eq!(seen(&mut bench), (Some(5), false));
}

#[test]
fn what_a_claim_keeps_that_no_pod_uses_is_held_too() {
    let bench = with_dra(Grouping::Model);
    let report = bench.state().gpu_report();
    let claims: Vec<_> = report.held.iter().filter(|held| held.claim).collect();
    let seen: Vec<_> = claims.iter().map(|h| (&*h.namespace, &*h.name, &*h.node, h.amount, h.kind)).collect();
    assert_eq!(seen, [("ns", "held", "a1", 1, Kind::Device)]);
    // Four of `ending`, one of `starting`, three of `crashing`, and the one of the claim.
    assert_eq!((report.held_sums.pods, report.held_sums.claims, report.held_sums.of(Kind::Device)), (3, 1, 9));
}

#[test]
fn a_board_is_made_once_for_each_change_however_often_it_is_drawn() {
    let mut bench = bench(Grouping::Model);
    let made = |bench: &Bench| bench.state().gpu_reports_made();
    let before = made(&bench);
    for _ in 0..50 {
        bench.wait_live(1);
        bench.prepare();
    }
    assert_eq!(made(&bench), before, "nothing has changed");
    bench.change_node(1, NodeFacts { version: 90, ..gpu_node("h9", 8, 8) });
    for _ in 0..50 {
        bench.prepare();
    }
    assert_eq!(made(&bench), before + 1);
}

#[test]
fn a_large_cluster_is_counted_in_slices_while_the_last_report_stays() {
    let nodes = (0..5_000).map(|at| gpu_node(&format!("h{at}"), 8, 8)).collect();
    let names: Vec<String> = (0..5_000).map(|at| format!("h{at}")).collect();
    let pods: Vec<_> = names.iter().map(|name| gpu_pod(name, name, 2)).collect();
    let mut bench = Bench::with(nodes, &pods);
    bench.prepare();
    bench.act(Action::Gpus);
    assert_eq!(bench.state().gpu_report().by, None, "nothing is shown before the first report");
    assert!(bench.model.lists_are_behind());
    bench.prepare();
    let counted = |bench: &Bench| {
        let report = bench.state().gpu_report();
        (report.by, report.groups.len(), report.free[Admission::Open.index()], report.fits[0], report.each_of)
    };
    assert_eq!(counted(&bench), (Some(Grouping::Model), 1, 30_000, 30_000, 5_000));
    bench.act(Action::NextPane);
    assert_eq!(counted(&bench).0, Some(Grouping::Model), "the last report stays");
    for at in 0..10 {
        // Changes that come between slices do not keep the report from the screen; the next one has them.
        bench.change_node(1, NodeFacts { version: 90 + at, ..gpu_node("h9", 8, 0) });
        bench.model.update(Msg::CatchUp, bench.now());
    }
    bench.prepare();
    assert_eq!(counted(&bench).0, Some(Grouping::Pool));
    bench.wait_live(2);
    bench.prepare();
    assert_eq!(counted(&bench), (Some(Grouping::Pool), 1, 29_994, 29_994, 5_000));
}

#[test]
fn a_negative_amount_of_healthy_devices_is_over_requested_nowhere() {
    let mut odd = gpu_node("odd", 8, 8);
    odd.allocatable.iter_mut().filter(|(name, _)| &**name == "nvidia.com/gpu").for_each(|(_, amount)| {
        *amount = Quantity::whole(-3);
    });
    for (asked, over) in [(0, 0), (2, 2)] {
        let pods = [gpu_pod("p1", "odd", 2)];
        let mut bench = Bench::with(vec![odd.clone()], if asked == 0 { &[] } else { &pods });
        bench.act(Action::Gpus);
        bench.prepare();
        let report = bench.state().gpu_report();
        let groups: i64 =
            report.groups.iter().filter_map(|group| group.supply).map(|supply| supply.over_requested).sum();
        let totals = &bench.state().accelerators()[0];
        assert_eq!((report.over_requested, groups, totals.over_requested), (over, over, Known::Exact(over)));
    }
}

#[test]
fn a_held_claim_leads_to_the_node_of_its_devices() {
    for action in [Action::Open, Action::Node] {
        let mut bench = with_dra(Grouping::Model);
        while bench.state().gpus().selected_held().is_none_or(|held| &*held.name != "held") {
            bench.act(Action::Down);
        }
        bench.act(action);
        let screen = bench.model.screen();
        assert!(
            matches!(screen, crate::model::app::screens::Screen::Node { name, .. } if &**name == "a1"),
            "{screen:?}"
        );
    }
}
