use std::time::Duration;

use super::*;
use crate::facts::gang::{GangMember, GangSystem};
use crate::facts::node::{ConditionStatus, NodeCondition, NodeFacts};
use crate::facts::pod::{PodFacts, PodPhase};
use crate::facts::quantity::Quantity;
use crate::model::cluster::{PodPlace, PodSet, PodTable};
use crate::model::derive::gangs::{GangKey, Wanted};
use crate::model::derive::hits::{GangHit, NamespaceHit};
use crate::model::fixture::{Bench, gpu_node, gpu_pod, node, pod, turned};
use crate::msg::{CallEnd, CallKind, ProbeOutcome, Resource};

fn lost(node: &NodeFacts) -> NodeFacts {
    turned(node, ConditionStatus::False, 0)
}

/// A pod of a training gang that requests 8 GPUs.
fn member<'a>(name: &'a str, node: &'a str, size: Option<u16>) -> PodFacts<'a> {
    let gang =
        GangMember { system: GangSystem::Kubeflow, kind: "PyTorchJob", key: "llm", name: "llm", rank: None, size };
    PodFacts { namespace: "train", gang: Some(gang), ..gpu_pod(name, node, 8) }
}

fn named<'a>(namespace: &'a str, pod: PodFacts<'a>) -> PodFacts<'a> {
    PodFacts { namespace, ..pod }
}

/// Hits of the one alert of this rule that fires.
fn hits(bench: &mut Bench, rule: Rule) -> Option<Known<Hits>> {
    bench.prepare();
    let mut lines = bench.state().alerts().iter().filter(|line| line.rule == rule);
    let line = lines.next().unwrap_or_else(|| panic!("no {rule:?} fires: {:?}", bench.state().alerts()));
    assert!(lines.next().is_none(), "several fire");
    let hits = bench.model.hits(line.cluster, rule, line.subject.as_ref());
    hits.map(std::borrow::Cow::into_owned)
}

fn pods_hit(bench: &mut Bench, rule: Rule) -> u32 {
    hits(bench, rule).unwrap().exact().expect("all pods are known").pods
}

/// Two nodes of 8 GPUs: on `a`, which is lost, one pod of a gang, a pod of nobody else and
/// one that has ended.
fn training(size: Option<u16>) -> Bench {
    let ended = PodFacts { phase: PodPhase::Succeeded, ..member("llm-9", "a", size) };
    let waits = PodFacts { phase: PodPhase::Pending, ..member("llm-3", "", size) };
    let of_one = GangMember {
        system: GangSystem::StatefulSet,
        kind: "StatefulSet",
        key: "store",
        name: "store",
        rank: None,
        size: None,
    };
    let alone = named("kube-system", PodFacts { gang: Some(of_one), ..pod("store-0", "a") });
    let pods = [
        member("llm-0", "a", size),
        member("llm-1", "b", size),
        member("llm-2", "b", size),
        alone,
        named("kube-system", ended),
        waits,
    ];
    let mut bench = Bench::with(vec![lost(&gpu_node("a", 8, 8)), gpu_node("b", 16, 16)], &pods);
    bench.wait_live(60);
    bench
}

#[test]
fn a_lost_node_hits_the_pods_that_are_bound_to_it_and_have_not_ended() {
    let mut bench = training(Some(64));
    let key = GangKey {
        system: GangSystem::Kubeflow,
        namespace: "train".into(),
        kind: "PyTorchJob".into(),
        key: "llm".into(),
        name: "llm".into(),
    };
    let gang = GangHit { key, hit: 1, wanted: Wanted::Exact(64) };
    let in_namespace = |name: &str| NamespaceHit { name: name.into(), pods: 1 };
    let expected = Hits {
        pods: 2,
        accelerators: 8,
        gangs: vec![gang],
        namespaces: vec![in_namespace("kube-system"), in_namespace("train")],
        ..Hits::default()
    };
    assert_eq!(hits(&mut bench, Rule::NodeNotReady), Some(Known::Exact(expected)));
}

#[test]
fn the_size_of_a_gang_is_a_lower_bound_unless_its_pods_say_it() {
    let mut bench = training(None);
    let gangs = hits(&mut bench, Rule::NodeNotReady).unwrap().exact().unwrap().gangs;
    // Of five pods one has ended.
    assert_eq!((gangs[0].hit, gangs[0].wanted), (1, Wanted::AtLeast(4)));
}

#[test]
fn lost_devices_hit_up_to_all_pods_that_request_that_resource() {
    let pods = [gpu_pod("x", "a", 2), gpu_pod("y", "a", 1), pod("plain", "a"), gpu_pod("elsewhere", "b", 1)];
    let mut bench = Bench::with(vec![gpu_node("a", 8, 5), gpu_node("b", 8, 8)], &pods);
    bench.wait_live(1);
    let hits = hits(&mut bench, Rule::GpusWithdrawn).unwrap().exact().unwrap();
    assert_eq!((hits.pods, hits.accelerators, hits.at_most), (2, 3, true));
}

#[test]
fn a_fault_of_devices_hits_the_pods_that_request_any_and_pressure_hits_all_pods() {
    let sick = |kind: &str, reason: &str| {
        let condition = NodeCondition {
            kind: kind.into(),
            status: ConditionStatus::True,
            reason: reason.into(),
            ..NodeCondition::default()
        };
        let mut node = gpu_node("a", 8, 8);
        node.conditions.push(condition);
        node
    };
    let pods = [gpu_pod("x", "a", 2), pod("plain", "a")];
    for (node, expected) in
        [(sick("XidCriticalError", r#"{"79":true}"#), 1), (sick("DiskPressure", "KubeletHasDiskPressure"), 2)]
    {
        let mut bench = Bench::with(vec![node], &pods);
        bench.wait_live(1);
        let hits = hits(&mut bench, Rule::NodePressure).unwrap().exact().unwrap();
        assert_eq!((hits.pods, hits.at_most), (expected, true));
        // A node that ends the pods that it gets ends those without devices too.
        let subject = Clean::new("a");
        let hits =
            bench.state().count_hits(Rule::BlackHole, Some(&subject), &mut HitReads::default(), bench.now()).unwrap();
        assert_eq!(hits.exact().unwrap().pods, 2);
    }
}

/// Nodes with one pod each, of which the first `down` have this status.
fn pool(down: usize, status: &ConditionStatus) -> Bench {
    let names: Vec<String> = (0..8).map(|at| format!("n{at}")).collect();
    let nodes = names.iter().enumerate();
    let nodes = nodes.map(|(at, name)| if at < down { turned(&node(name), status.clone(), 0) } else { node(name) });
    let pods: Vec<PodFacts<'_>> = names.iter().map(|name| pod(name, name)).collect();
    let mut bench = Bench::with(nodes.collect(), &pods);
    bench.wait_live(60);
    bench
}

#[test]
fn an_alert_about_many_nodes_hits_the_pods_of_all_of_them() {
    assert_eq!(pods_hit(&mut pool(6, &ConditionStatus::False), Rule::NodeNotReady), 6);
    assert_eq!(pods_hit(&mut pool(7, &ConditionStatus::Unknown), Rule::NodeUnknown), 7);
    assert_eq!(pods_hit(&mut pool(8, &ConditionStatus::Unknown), Rule::NodeUnknown), 8, "all nodes are one alert");
}

#[test]
fn hits_are_as_well_known_as_pods() {
    let hits_of = |mut bench: Bench| {
        bench.list_nodes(1, vec![lost(&node("a"))]);
        bench.wait_live(10);
        hits(&mut bench, Rule::NodeNotReady).unwrap().map(|hits| hits.pods)
    };
    assert_eq!(hits_of(Bench::new(&["prod"])), Known::Unknown, "no list of pods has begun");
    let mut denied = Bench::new(&["prod"]);
    denied.denied(Resource::Pods);
    assert_eq!(hits_of(denied), Known::Denied);
    let mut some = Bench::scoped(&["ns"]);
    some.list_pods_in(0, &[pod("x", "a")]);
    assert_eq!(hits_of(some), Known::AtLeast(1), "pods of other namespaces are not known");
}

#[test]
fn an_unreachable_cluster_hits_up_to_all_of_its_pods_and_a_slow_one_none() {
    let mut bench = training(Some(3));
    bench.call(CallKind::List(Resource::Pods), 31_000, CallEnd::Complete, Some(200));
    assert_eq!(hits(&mut bench, Rule::SlowCall), None, "what runs goes on");
    for _ in 0..6 {
        bench.probe(ProbeOutcome::TimedOut { at_least: Duration::from_secs(5) });
        bench.wait(5);
    }
    let hits = hits(&mut bench, Rule::Unreachable).unwrap().exact().unwrap();
    // Four pods are bound and have not ended; three of them hold 8 GPUs each.
    assert_eq!((hits.pods, hits.accelerators, hits.at_most), (4, 24, true));
    assert_eq!((hits.gangs[0].hit, hits.gangs[0].wanted), (3, Wanted::Exact(3)));
}

#[test]
fn worse_hit_gangs_and_namespaces_come_first_and_further_ones_are_counted() {
    let names: Vec<String> = (0..20).map(|at| format!("g{at:02}")).collect();
    let of = |name: &'static str| GangMember {
        system: GangSystem::Job,
        kind: "Job",
        key: name,
        name,
        rank: None,
        size: (name != "big").then_some(2),
    };
    let leaked = |name: &String| -> &'static str { Box::leak(name.clone().into_boxed_str()) };
    let statics: Vec<&'static str> = names.iter().map(leaked).collect();
    let big: Vec<&'static str> = (0..5).map(|at| leaked(&format!("big-{at}"))).collect();
    let mut pods: Vec<PodFacts<'_>> =
        statics.iter().map(|name| PodFacts { namespace: name, gang: Some(of(name)), ..pod(name, "a") }).collect();
    // One of its five pods is on the lost node.
    let node_of = |at: usize| if at == 0 { "a" } else { "b" };
    pods.extend(big.iter().enumerate().map(|(at, name)| PodFacts {
        namespace: "g19",
        gang: Some(of("big")),
        ..pod(name, node_of(at))
    }));
    let mut bench = Bench::with(vec![lost(&node("a")), node("b")], &pods);
    bench.wait_live(60);
    let hits = hits(&mut bench, Rule::NodeNotReady).unwrap().exact().unwrap();
    let gangs: Vec<&str> = hits.gangs.iter().map(|gang| &*gang.key.name).collect();
    assert_eq!((gangs[0], gangs[1], gangs.len(), hits.more_gangs), ("big", "g00", 16, 5));
    assert_eq!((&*hits.namespaces[0].name, hits.namespaces[0].pods), ("g19", 2));
    assert_eq!((hits.namespaces.len(), hits.more_namespaces), (16, 4));
}

#[test]
fn an_outage_hits_the_pods_of_its_clusters_and_is_a_lower_bound_if_some_are_not_known() {
    for (second_is_known, expected) in [(true, Known::Exact(2)), (false, Known::AtLeast(1))] {
        let mut bench = Bench::new(&["east", "west"]);
        bench.list_nodes(1, vec![node("a")]);
        bench.list_pods(1, &[pod("x", "a")]);
        bench.watching();
        if second_is_known {
            let (resource, generation) = (Resource::Pods, 1);
            let batch = crate::msg::Batch::Pods(crate::model::fixture::batch(&[pod("y", "b")], false));
            let head = crate::msg::PageHead { generation, page: 1, remaining: None, bytes: 1, unreadable: 0 };
            for event in [
                crate::msg::ClusterEvent::ListStarted { resource, generation },
                crate::msg::ClusterEvent::Page { resource, head, batch },
                crate::msg::ClusterEvent::ListFinished { resource, generation },
            ] {
                bench.send_to(1, event);
            }
        }
        for _ in 0..8 {
            for cluster in 0..2 {
                let tick = bench.now().mono;
                let outcome = ProbeOutcome::TimedOut { at_least: Duration::from_secs(5) };
                let sample = crate::msg::ProbeSample { series: crate::msg::ProbeSeries::Work, tick, outcome };
                bench.send_to(cluster, crate::msg::ClusterEvent::Probe(sample));
            }
            bench.wait(5);
        }
        let line = bench.model.outage_alerts().first().expect("both are unreachable").clone();
        let hits = bench.model.hits(line.cluster, line.rule, None).unwrap().into_owned();
        assert_eq!(hits.map(|hits| hits.pods), expected);
    }
}

#[test]
fn hits_are_counted_again_only_if_an_input_has_changed() {
    let mut bench = training(None);
    let made = |bench: &mut Bench| {
        bench.prepare();
        bench.state().hits.made
    };
    let before = made(&mut bench);
    bench.wait_live(30);
    assert_eq!(made(&mut bench), before, "nothing has changed");
    bench.change_pods(1, &[pod("new", "a")], false);
    assert_eq!(made(&mut bench), before + 1);
    assert_eq!(pods_hit(&mut bench, Rule::NodeNotReady), 3);
}

#[test]
fn very_many_pods_are_counted_once_a_second() {
    let names: Vec<String> = (0..=MANY).map(|at| format!("p{at}")).collect();
    let pods: Vec<PodFacts<'_>> = names.iter().map(|name| pod(name, "a")).collect();
    let mut bench = Bench::with(vec![lost(&node("a"))], &pods);
    bench.wait_live(5);
    bench.prepare();
    let before = bench.state().hits.made;
    for at in 0..5 {
        let name = format!("q{at}");
        bench.ms += 100;
        bench.change_pods(1, &[pod(&name, "a")], false);
        bench.prepare();
    }
    assert!(bench.state().hits.made <= before + 1, "within half a second");
    bench.ms += 1000;
    assert_eq!(pods_hit(&mut bench, Rule::NodeNotReady), u32::try_from(MANY).unwrap() + 6);
}

/// A gang of this many pods, of which 2, 2, 2, 1 and 1 are on five lost nodes and the others elsewhere.
fn widely_hit(pods: usize) -> Bench {
    let names: Vec<String> = (0..pods).map(|at| format!("llm-{at}")).collect();
    let lost_names = ["a", "b", "c", "d", "e"];
    let node_of = |at: usize| if at < 8 { lost_names[at % 5] } else { "elsewhere" };
    let pods: Vec<PodFacts<'_>> = names.iter().enumerate().map(|(at, name)| member(name, node_of(at), None)).collect();
    let mut nodes: Vec<NodeFacts> = lost_names.iter().map(|name| lost(&node(name))).collect();
    nodes.extend((0..20).map(|at| node(&format!("n{at}"))));
    nodes.push(node("elsewhere"));
    let mut bench = Bench::with(nodes, &pods);
    bench.wait_live(60);
    bench.prepare();
    bench
}

#[test]
fn the_pods_of_a_gang_are_read_once_for_all_alerts_that_hit_it() {
    let bench = widely_hit(4_000);
    let gangs: Vec<(u32, Wanted)> = bench
        .state()
        .hits
        .counted
        .iter()
        .flat_map(|counted| {
            let hits = counted.hits.as_ref().exact().expect("all pods are known");
            hits.gangs.iter().map(|gang| (gang.hit, gang.wanted)).collect::<Vec<_>>()
        })
        .collect();
    let hit = |pods| (pods, Wanted::AtLeast(4_000));
    assert_eq!(gangs, [hit(2), hit(2), hit(2), hit(1), hit(1)]);
    assert_eq!(bench.state().hits.read, 8 + 4_000);
}

#[test]
fn few_pods_of_a_large_gang_are_counted_once_a_second_too() {
    let mut bench = widely_hit(MANY);
    let before = bench.state().hits.made;
    for at in 0..5 {
        let name = format!("q{at}");
        bench.ms += 100;
        bench.change_pods(1, &[pod(&name, "a")], false);
        bench.prepare();
    }
    assert!(bench.state().hits.made <= before + 1, "within half a second");
}

#[test]
fn the_list_of_pods_that_flapping_nodes_hit_empties_when_they_stop() {
    let mut bench = Bench::with(vec![node("a"), node("b")], &[pod("x", "a"), pod("y", "b")]);
    for turn in 1..=4 {
        bench.wait_live(10);
        let status = if turn % 2 == 0 { ConditionStatus::True } else { ConditionStatus::False };
        bench.change_node(1, NodeFacts { version: 10 + turn, ..turned(&node("a"), status, turn * 10_000) });
    }
    bench.prepare();
    let set = PodSet::Hit(HitKey { rule: Rule::NodeFlapping, subject: None });
    bench.model.clusters[0].replace_pods(PodPlace::Screen, PodTable::of(set));
    let listed = |bench: &mut Bench| {
        bench.prepare();
        let now = bench.now();
        bench.model.clusters[0].arrange_pods(PodPlace::Screen, now);
        bench.state().pod_list(PodPlace::Screen).extent().len
    };
    assert_eq!(listed(&mut bench), 1);
    bench.wait_live(901);
    assert_eq!(listed(&mut bench), 0, "no node or pod has changed, only the time");
}

#[test]
fn slices_are_no_whole_devices() {
    let mut slice = pod("x", "a");
    slice.requests.others = vec![("nvidia.com/mig-1g.5gb", Quantity::whole(2))];
    let mut bench = Bench::with(vec![lost(&node("a"))], &[slice]);
    bench.wait_live(5);
    let hits = hits(&mut bench, Rule::NodeNotReady).unwrap().exact().unwrap();
    assert_eq!((hits.pods, hits.accelerators), (1, 0));
}
