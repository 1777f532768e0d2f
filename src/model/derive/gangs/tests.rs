//! Rows of gangs, counted by hand.

use super::*;
use crate::facts::gang::{GangMember, GangSystem, Rank};
use crate::facts::node::ConditionStatus;
use crate::facts::pod::{PodFacts, PodPhase, PodTrouble, Since, SinceBasis, TroubleKind};
use crate::facts::quantity::Quantity;
use crate::facts::wire::Uid;
use crate::model::cluster::ClusterState;
use crate::model::derive::trouble::TroubleClass;
use crate::model::fixture::{Bench, at, gpu_node, gpu_pod, node, turned};

/// A running pod of a gang with 8 GPUs on node `n1`; its name is made of its job and its index.
fn ranked(system: GangSystem, job: u16, index: u16) -> PodFacts<'static> {
    let name = format!("pod-{job}-{index}").leak();
    let gang =
        GangMember { system, kind: "Kind", key: "key", name: "llm", rank: Some(Rank { job, index }), size: None };
    PodFacts { gang: Some(gang), ..gpu_pod(name, "n1", 8) }
}

/// The same without a rank, by its name.
fn unranked(system: GangSystem, name: &'static str) -> PodFacts<'static> {
    let gang = ranked(system, 0, 0).gang.map(|gang| GangMember { rank: None, ..gang });
    PodFacts { gang, ..gpu_pod(name, "n1", 8) }
}

fn sized(pod: PodFacts<'static>, size: u16) -> PodFacts<'static> {
    PodFacts { gang: pod.gang.map(|gang| GangMember { size: Some(size), ..gang }), ..pod }
}

/// The same pod with a trouble since this second.
fn troubled(pod: PodFacts<'static>, kind: TroubleKind, second: u64) -> PodFacts<'static> {
    let since = Some(Since { basis: SinceBasis::NotReady, at: at(second * 1000).wall });
    let trouble = PodTrouble { kind, message: "the message", image: "registry.example/llm:9", device: "", since };
    PodFacts { trouble: Some(trouble), ..pod }
}

/// The same pod, which has no node and which the scheduler could not place since this second.
fn waiting(pod: PodFacts<'static>, kind: TroubleKind, second: u64) -> PodFacts<'static> {
    PodFacts { node: "", phase: PodPhase::Pending, ..troubled(pod, kind, second) }
}

/// A cluster of one node of 64 GPUs with these pods, after ten minutes.
fn bench(pods: &[PodFacts<'_>]) -> Bench {
    let mut bench = Bench::with(vec![gpu_node("n1", 64, 64)], pods);
    bench.ms = 600_000;
    bench
}

/// The rows in short: `kind/name running/wanted gpus state`.
fn rows(bench: &Bench) -> Vec<String> {
    let rows = bench.state().gangs_now(bench.now());
    let text = |row: &GangRow| {
        let wanted = match row.wanted {
            Wanted::Exact(number) => number.to_string(),
            Wanted::AtLeast(number) => format!("≥{number}"),
        };
        format!("{} {}/{wanted} {} {}", row.key.name, row.running, row.gpus(), row.state.text())
    };
    rows.iter().map(text).collect()
}

fn row(pods: &[PodFacts<'_>]) -> GangRow {
    let bench = bench(pods);
    let mut rows = bench.state().gangs_now(bench.now());
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows.remove(0)
}

/// Members and ranks without one, in order: `4` is a member of rank 4, `5-6` are two ranks without one, `*` a member without a rank.
fn cells(pods: &[PodFacts<'_>]) -> String {
    let bench = bench(pods);
    let key = GangKey::of_pod(&pods[0]).unwrap();
    let detail = bench.state().gang_detail(&key, bench.now()).unwrap();
    let text = |cell: &GangCell| match (cell.rank, cell.class, cell.ranks) {
        (Some(rank), Some(_), 1) => rank.to_string(),
        (None, Some(_), 1) => "*".to_owned(),
        (Some(rank), None, ranks) => format!("{rank}-{}", rank + ranks - 1),
        (None, None, ranks) => format!("+{ranks}"),
        other => panic!("{other:?}"),
    };
    detail.cells.iter().map(text).collect::<Vec<_>>().join(" ")
}

fn job(index: u16) -> PodFacts<'static> {
    ranked(GangSystem::Job, 0, index)
}

#[test]
fn the_size_is_exact_only_where_a_pod_or_the_owner_says_it() {
    use GangSystem::{
        Coscheduling, Grove, Job, JobSet, Kubeflow, Kueue, LeaderWorkerSet, RayCluster, RayReplica, StatefulSet,
        Volcano, YuniKorn,
    };
    let of = |system, ranks: &[(u16, u16)]| -> Vec<PodFacts<'static>> {
        ranks.iter().map(|(job, index)| ranked(system, *job, *index)).collect()
    };
    let with_size = |pods: Vec<PodFacts<'static>>, size| pods.into_iter().map(|pod| sized(pod, size)).collect();
    let plain = |system, names: &[&'static str]| names.iter().map(|name| unranked(system, name)).collect();
    let table: [(Vec<PodFacts<'static>>, &str); 19] = [
        (with_size(of(LeaderWorkerSet, &[(0, 0), (0, 1), (0, 3)]), 4), "llm 3/4 24 incomplete"),
        (with_size(of(LeaderWorkerSet, &[(0, 0), (0, 1)]), 2), "llm 2/2 16 running"),
        (of(RayReplica, &[(0, 0), (0, 1)]), "llm 2/≥2 16 running"),
        (plain(RayCluster, &["head", "w-x", "w-y"]), "llm 3/≥3 24 running"),
        // Two cliques, each of which counts its pods from 0.
        (
            vec![
                ranked(Grove, 0, 0),
                ranked(Grove, 0, 1),
                PodFacts { gang: ranked(Grove, 0, 0).gang, ..gpu_pod("decode-0", "n1", 8) },
            ],
            "llm 3/≥3 24 running",
        ),
        // Two jobs of four pods, of which one is not there.
        (of(JobSet, &[(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 1), (1, 3)]), "llm 7/≥8 56 running"),
        // The first job has ended.
        (of(JobSet, &[(2, 0), (2, 1)]), "llm 2/≥2 16 running"),
        (of(Kubeflow, &[(0, 0), (1, 0), (1, 1), (1, 2)]), "llm 4/≥4 32 running"),
        (of(Kubeflow, &[(1, 0), (1, 3)]), "llm 2/≥4 16 running"),
        // An MPI launcher without a rank, and the second of three workers.
        ([of(Kubeflow, &[(0, 0), (0, 2)]), plain(Kubeflow, &["launcher"])].concat(), "llm 3/≥4 24 running"),
        (of(Volcano, &[(0, 0), (0, 1), (0, 4)]), "llm 3/≥5 24 running"),
        (of(Job, &[(0, 0), (0, 1), (0, 3)]), "llm 3/≥4 24 running"),
        // The first indexes have ended: the pods do not say that they need them.
        (of(Job, &[(0, 56), (0, 57)]), "llm 2/≥2 16 running"),
        (with_size(plain(Kueue, &["a", "b"]), 16), "llm 2/16 16 incomplete"),
        (plain(Kueue, &["a", "b"]), "llm 2/≥2 16 running"),
        (plain(Coscheduling, &["a", "b", "c"]), "llm 3/≥3 24 running"),
        (plain(YuniKorn, &["a", "b"]), "llm 2/≥2 16 running"),
        (of(StatefulSet, &[(0, 0), (0, 2)]), "llm 2/≥3 16 running"),
        // `spec.ordinals.start` is 5.
        (of(StatefulSet, &[(0, 5), (0, 6)]), "llm 2/≥2 16 running"),
    ];
    for (pods, expected) in table {
        assert_eq!(rows_of(&pods), [expected], "{:?}", pods[0].gang);
    }
    let pods = of(Job, &[(0, 0), (0, 1)]);
    let mut owned = bench(&pods);
    let key = GangKey::of_pod(&pods[0]).unwrap();
    owned.model.clusters[0].gang_sizes_mut().set(key.clone(), Some(8));
    assert_eq!(rows(&owned), ["llm 2/8 16 incomplete"]);
    owned.model.clusters[0].gang_sizes_mut().set(key, Some(1));
    assert_eq!(rows(&owned), ["llm 2/≥2 16 running"], "the owner has grown since it was read");
}

fn rows_of(pods: &[PodFacts<'_>]) -> Vec<String> {
    rows(&bench(pods))
}

#[test]
fn a_pod_that_works_with_no_other_is_no_gang() {
    use GangSystem::{Job, LeaderWorkerSet, RayCluster, StatefulSet};
    let alone = [
        unranked(RayCluster, "head"),
        ranked(StatefulSet, 0, 0),
        ranked(StatefulSet, 0, 1),
        ranked(Job, 0, 56),
        sized(ranked(LeaderWorkerSet, 0, 0), 1),
    ];
    for pod in alone {
        assert_eq!(rows_of(std::slice::from_ref(&pod)), Vec::<String>::new(), "{:?}", pod.gang);
    }
    assert_eq!(rows_of(&[sized(ranked(LeaderWorkerSet, 0, 0), 2)]), ["llm 1/2 8 incomplete"]);
    assert_eq!(rows_of(&[ranked(GangSystem::JobSet, 0, 3)]), ["llm 1/≥4 8 running"]);
}

#[test]
fn gangs_of_one_key_are_told_apart_by_namespace_kind_and_name() {
    let group = |app: &'static str, pod: &'static str, namespace| {
        let gang = unranked(GangSystem::YuniKorn, pod).gang.map(|gang| GangMember { name: app, ..gang });
        PodFacts { namespace, gang, ..unranked(GangSystem::YuniKorn, pod) }
    };
    let pods = [
        group("app-1 workers", "a", "ns"),
        group("app-1 workers", "b", "ns"),
        group("app-2 workers", "c", "ns"),
        group("app-2 workers", "d", "ns"),
        group("app-1 workers", "e", "other"),
        group("app-1 workers", "f", "other"),
    ];
    let bench = bench(&pods);
    let names: Vec<_> = bench.state().gangs_now(bench.now()).into_iter().map(|row| row.key).collect();
    let expected = [("ns", "app-1 workers"), ("ns", "app-2 workers"), ("other", "app-1 workers")];
    assert_eq!(names.iter().map(|key| (&*key.namespace, &*key.name)).collect::<Vec<_>>(), expected);
    for key in &names {
        assert_eq!(bench.state().gang_row(key, bench.now()).map(|row| row.members), Some(2));
    }
}

#[test]
fn one_of_64_is_on_a_node_that_is_lost() {
    // A master and 63 workers with 8 GPUs each: the worker of index 16 is rank 17.
    let mut pods: Vec<_> = (0..63).map(|index| ranked(GangSystem::Kubeflow, 1, index)).collect();
    pods.push(ranked(GangSystem::Kubeflow, 0, 0));
    pods[16].node = "n2";
    let nodes = vec![gpu_node("n1", 504, 504), turned(&gpu_node("n2", 8, 8), ConditionStatus::Unknown, 30_000)];
    let mut bench = Bench::with(nodes, &pods);
    bench.ms = 56_000;
    let row = bench.state().gangs_now(bench.now()).remove(0);
    assert_eq!((row.running, row.members, row.wanted), (63, 64, Wanted::AtLeast(64)));
    assert_eq!((row.gpus_held, row.gpus_waiting, row.affected), (512, 0, 1));
    assert_eq!((row.state.text(), row.since), ("node lost", Some(at(30_000).wall)));
    let worst = row.worst.unwrap();
    assert_eq!((&*worst.pod, worst.rank, &*worst.node, worst.gpus), ("pod-1-16", Some(17), "n2", 8));
    assert_eq!(&*worst.reason, "node Unknown");
}

#[test]
fn a_pod_that_ended_or_was_replaced_is_no_member() {
    let ended = |phase| PodFacts { phase, ..job(3) };
    let deleted = |second: u64, name: &'static str| PodFacts {
        name,
        uid: Uid(second.into()),
        deleting: true,
        reason: "Terminating",
        created: Some(at(second * 1000).wall),
        ..job(2)
    };
    let whole = [job(0), job(1), job(2)];
    let counted = |more: &[PodFacts<'static>], whole: &[PodFacts<'static>]| {
        let row = row(&[whole, more].concat());
        (row.running, row.members, row.gpus(), row.state.text())
    };
    assert_eq!(counted(&[ended(PodPhase::Succeeded), ended(PodPhase::Failed)], &whole), (3, 3, 24, "running"));
    assert_eq!(counted(&[deleted(1, "old")], &whole), (3, 3, 24, "running"), "another pod has its rank");
    assert_eq!(counted(&[deleted(1, "old"), deleted(2, "new")], &whole[..2]), (2, 3, 24, "ending"), "the newest stays");
    assert_eq!(rows_of(&[ended(PodPhase::Succeeded), ended(PodPhase::Failed)]), Vec::<String>::new());
}

#[test]
fn a_gang_waits_if_none_of_its_pods_has_a_node() {
    let pods: Vec<_> =
        (0..12).map(|index| waiting(job(index), TroubleKind::Unschedulable, 100 + u64::from(index))).collect();
    let all = row(&pods);
    assert_eq!((all.running, all.gpus_held, all.gpus_waiting, all.state.text()), (0, 0, 96, "waits"));
    assert_eq!(all.since, Some(at(100_000).wall), "since the first one waits");
    let worst = all.worst.unwrap();
    assert_eq!((&*worst.reason, &*worst.detail, worst.rank), ("unschedulable", "the message", Some(0)));
    // A part of it waits.
    let part = row(&[&pods[..4], &[job(12), job(13)]].concat());
    assert_eq!((part.running, part.state.text(), part.affected), (2, "unschedulable", 4));
    // Gated until all pods of the group are there.
    let gated = |name| sized(waiting(unranked(GangSystem::Kueue, name), TroubleKind::Gated, 5), 16);
    let group = row(&[gated("a"), gated("b")]);
    assert_eq!((group.wanted, group.state.text(), group.gpus_waiting), (Wanted::Exact(16), "waits", 16));
    // For a minute it may only be new.
    let new = |index| waiting(job(index), TroubleKind::Unscheduled, 580);
    let new = row(&[new(0), new(1)]);
    assert_eq!((new.state.text(), new.since, new.worst), ("starting", Some(at(580_000).wall), None));
}

#[test]
fn while_pods_are_listed_only_trouble_is_certain() {
    let pods = |pods: &[PodFacts<'static>]| -> Vec<PodFacts<'static>> {
        pods.iter().map(|pod| sized(pod.clone(), 3)).collect()
    };
    let gate = |index| waiting(job(index), TroubleKind::Gated, 100);
    // A page of the list, its state so far, and once the list is complete.
    let table = [
        (pods(&[job(0), job(1)]), "not known", "incomplete"),
        (pods(&[job(0), job(1), job(2)]), "running", "running"),
        (vec![job(0), job(1)], "not known", "running"),
        (pods(&[gate(0), gate(1)]), "gated", "waits"),
        (pods(&[gate(0), gate(1), gate(2)]), "waits", "waits"),
        (pods(&[job(0), troubled(job(1), TroubleKind::CrashLoop, 40)]), "crash loop", "crash loop"),
    ];
    for (pods, so_far, complete) in table {
        let mut bench = Bench::new(&["prod"]);
        bench.ms = 600_000;
        bench.list_nodes(1, vec![gpu_node("n1", 64, 64)]);
        let (resource, generation) = (crate::msg::Resource::Pods, 1);
        bench.send(crate::msg::ClusterEvent::ListStarted { resource, generation });
        bench.page_of_pods(1, 1, &pods);
        let key = GangKey::of_pod(&pods[0]).unwrap();
        let states = |bench: &mut Bench| {
            let now = bench.now();
            let cluster = &mut bench.model.clusters[0];
            cluster.arrange_gangs(now);
            cluster.arrange_gang(&key, now);
            let opened = cluster.opened_gang().unwrap().detail().unwrap().row.state.text();
            [cluster.gangs().gangs().rows[0].state.text(), opened]
        };
        assert_eq!(states(&mut bench), [so_far; 2], "{pods:?}");
        bench.send(crate::msg::ClusterEvent::ListFinished { resource, generation });
        assert_eq!(states(&mut bench), [complete; 2], "{pods:?}");
    }
}

#[test]
fn pods_of_watched_namespaces_are_known_once_all_are_read_or_forbidden() {
    let pods = [job(0), job(1)].map(|pod| sized(pod, 3));
    let mut bench = Bench::scoped(&["ns", "other"]);
    bench.list_nodes(1, vec![gpu_node("n1", 64, 64)]);
    bench.list_pods_in(0, &pods);
    assert_eq!(rows(&bench), ["llm 2/3 16 not known"]);
    bench.denied_in(1);
    assert_eq!(rows(&bench), ["llm 2/3 16 incomplete"]);
}

fn source<'a>(bench: &'a Bench, sizes: &'a GangSizes) -> GangSource<'a> {
    let ClusterState { pods, nodes, .. } = bench.state();
    GangSource { pods, nodes, sizes, knows_nodes: true, knows_pods: true, server_now: bench.now().wall }
}

#[test]
fn slots_and_ids_that_are_reused_between_two_slices_make_no_wrong_row() {
    let of = |key: &'static str, index: u16| {
        let pod = job(index);
        let name = format!("{key}-{index}").leak();
        PodFacts {
            name,
            uid: Uid(u128::from(index) + 1000 * key.len() as u128),
            gang: pod.gang.map(|gang| GangMember { key, name: key, ..gang }),
            ..pod
        }
    };
    let first = [of("llm", 0), of("llm", 1), of("llm", 2)];
    // After all of them but the last were read: the first one goes and another pod has its slot; or all go for another gang.
    let stranger = PodFacts { gang: None, ..of("stranger", 7) };
    let others = vec![of("other", 0), of("other", 1)];
    for (gone, new, expected) in [(&first[..1], vec![stranger], vec![("llm", 2, 16)]), (&first[..], others, Vec::new())]
    {
        let mut bench = bench(&first);
        let sizes = GangSizes::default();
        let mut count = GangCount::new(&bench.state().pods);
        assert!(!count.advance(source(&bench, &sizes), 3));
        bench.change_pods(1, gone, true);
        bench.change_pods(1, &new, false);
        bench.prepare();
        while !count.advance(source(&bench, &sizes), 3) {}
        let gangs = count.into_gangs();
        let rows: Vec<_> = gangs.rows.iter().map(|row| (&*row.key.name, row.members, row.gpus_held)).collect();
        assert_eq!(rows, expected);
    }
}

#[test]
fn the_worst_of_pod_node_and_devices_is_named() {
    let nodes = || {
        vec![
            gpu_node("n1", 64, 64),
            gpu_node("ill", 8, 5),
            turned(&gpu_node("not-ready", 8, 8), ConditionStatus::False, 20_000),
            turned(&gpu_node("lost", 8, 8), ConditionStatus::Unknown, 30_000),
            node("no-devices"),
        ]
    };
    let on = |pod: PodFacts<'static>, node| PodFacts { node, ..pod };
    let crash = |index| PodFacts { reason: "CrashLoopBackOff", ..troubled(job(index), TroubleKind::CrashLoop, 40) };
    let no_devices = PodFacts { requests: on(job(2), "").requests, ..on(job(2), "ill") };
    let idle = PodFacts { requests: crate::facts::pod::Requests::default(), ..no_devices };
    let pull = PodFacts {
        reason: "ImagePullBackOff",
        phase: PodPhase::Pending,
        ..troubled(job(3), TroubleKind::ImagePull, 41)
    };
    let rows = [
        (vec![on(job(2), "ill")], "devices lost", "3 nvidia.com/gpu withdrawn", "", None, 3),
        (vec![idle], "running", "", "", None, 3),
        (vec![on(job(2), "ill"), crash(3)], "crash loop", "CrashLoopBackOff", "the message", Some(40), 3),
        (vec![crash(2), on(job(3), "not-ready")], "node not ready", "node NotReady", "", Some(20), 3),
        (vec![on(job(2), "not-ready"), on(job(3), "lost")], "node lost", "node Unknown", "", Some(30), 3),
        (vec![on(job(2), "deleted"), on(crash(3), "lost")], "node lost", "node Unknown", "", Some(30), 2),
        (vec![on(job(2), "deleted")], "node lost", "node gone", "", None, 2),
        (vec![pull], "image pull", "ImagePullBackOff", "registry.example/llm:9 the message", Some(41), 2),
        (vec![troubled(job(2), TroubleKind::NotReady, 42)], "not ready", "not ready", "the message", Some(42), 2),
        (
            vec![troubled(job(2), TroubleKind::DeviceUnhealthy, 43)],
            "device unhealthy",
            "device unhealthy",
            "the message",
            Some(43),
            3,
        ),
    ];
    for (more, state, reason, detail, since, running) in rows {
        let pods = [vec![job(0), job(1)], more].concat();
        let mut bench = Bench::with(nodes(), &pods);
        bench.ms = 600_000;
        let row = bench.state().gangs_now(bench.now()).remove(0);
        assert_eq!(row.state.text(), state);
        let worst = row.worst.as_ref();
        assert_eq!(worst.map_or("", |worst| &worst.reason), reason, "{state}");
        assert_eq!(worst.map_or("", |worst| &worst.detail), detail, "{state}");
        assert_eq!(row.since, since.map(|second: u64| at(second * 1000).wall), "{state}");
        assert_eq!(row.running, running, "{state} {reason}");
    }
}

#[test]
fn missing_devices_and_their_kinds_are_counted_by_resource() {
    let mut promised = node("n2");
    promised.labels = vec![("nvidia.com/gpu.count".into(), "8".into())];
    let mut slices = job(1);
    slices.requests.others =
        vec![("ephemeral-storage", Quantity::whole(1 << 30)), ("nvidia.com/mig-1g.10gb", Quantity::whole(2))];
    let pods = [PodFacts { node: "n2", ..job(0) }, slices, job(2)];
    let bench = Bench::with(vec![gpu_node("n1", 64, 64), promised], &pods);
    let row = bench.state().gangs_now(bench.now()).remove(0);
    assert_eq!(row.worst.map(|worst| worst.reason.to_string()).as_deref(), Some("8 nvidia.com/gpu missing"));
    let accelerators: Vec<_> = row.accelerators.iter().map(|sum| (&*sum.resource, sum.kind, sum.count)).collect();
    assert_eq!(accelerators, [("nvidia.com/gpu", Kind::Device, 16), ("nvidia.com/mig-1g.10gb", Kind::Slice, 2)]);
    assert_eq!(row.gpus_held, 16, "slices are no devices");
}

#[test]
fn cells_are_in_the_order_of_the_ranks_with_those_that_have_no_pod() {
    let workers = |indexes: &'static [u16]| indexes.iter().map(|index| ranked(GangSystem::Kubeflow, 1, *index));
    let with_master: Vec<_> = workers(&[3, 0, 1]).chain([ranked(GangSystem::Kubeflow, 0, 0)]).collect();
    assert_eq!(cells(&with_master), "0 1 2 3-3 4");
    let without: Vec<_> = workers(&[3, 0]).collect();
    assert_eq!(cells(&without), "0 1-2 3");
    let sets: Vec<_> =
        [(0, 0), (0, 1), (1, 1), (3, 0)].map(|(job, index)| ranked(GangSystem::JobSet, job, index)).into();
    assert_eq!(cells(&sets), "0 1 2-2 3 4");
    assert_eq!(cells(&[sized(ranked(GangSystem::LeaderWorkerSet, 0, 1), 4)]), "0-0 1 2-3");
    assert_eq!(cells(&[job(7), job(9)]), "7 8-8 9");
    let kueue = ["a", "b"].map(|name| sized(unranked(GangSystem::Kueue, name), 5));
    assert_eq!(cells(&kueue), "+3 * *");
    let launcher = [unranked(GangSystem::Kubeflow, "launcher"), ranked(GangSystem::Kubeflow, 0, 1)];
    assert_eq!(cells(&launcher), "0-0 1 *");
}

#[test]
fn absurd_ranks_cost_nothing_and_overflow_nothing() {
    let pods: Vec<_> = (0..40).map(|job| ranked(GangSystem::JobSet, u16::MAX - job, u16::MAX)).collect();
    assert_eq!(row(&pods).wanted, Wanted::AtLeast(40 * 65_536));
    let bench = bench(&pods);
    let detail = bench.state().gang_detail(&GangKey::of_pod(&pods[0]).unwrap(), bench.now()).unwrap();
    assert_eq!(detail.cells.len(), 80, "one cell for the ranks without a pod between two members");
}

#[test]
fn all_troubles_are_listed_worst_first() {
    let severities: Vec<_> = MemberTrouble::ALL.iter().map(|trouble| trouble.severity()).collect();
    assert!(severities.is_sorted());
    let classes: Vec<_> = MemberTrouble::ALL
        .iter()
        .filter_map(|trouble| if let MemberTrouble::Pod(class) = trouble { Some(*class) } else { None })
        .collect();
    assert_eq!(classes, TroubleClass::ALL);
}
