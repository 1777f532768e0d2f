use super::*;
use crate::action::Action;
use crate::facts::node::{ConditionStatus, NodeCondition, NodeFacts};
use crate::facts::pod::{PodFacts, PodPhase};
use crate::model::fixture::{Bench, gpu_node, gpu_pod, node, pod, turned};
use crate::model::rules::RULES;
use crate::msg::{CallEnd, CallKind, ClusterId, Resource};

/// Where one is: the screen and the cluster, the filter and cursor of the nodes, the selected pod of the node, held GPU, group,
/// alert and pod of the list.
#[derive(Debug, PartialEq)]
struct Here {
    screen: Screen,
    cluster: ClusterId,
    filter: String,
    names: [Option<String>; 6],
}

fn here(bench: &mut Bench) -> Here {
    bench.prepare();
    let state = bench.model.current();
    let name = |name: Option<&Clean>| name.map(ToString::to_string);
    let alerts = bench.model.alert_rows();
    let alert = alerts.iter().find(|row| row.selected).and_then(|row| row.record.subject.as_ref());
    let names = [
        name(state.selected_name()),
        name(state.selected_pod(PodPlace::Node).map(|pod| pod.name).as_ref()),
        name(state.gpus().selected_held().map(|held| &held.name)),
        name(state.gpus().selected_group().map(|group| &group.name)),
        name(alert),
        name(state.selected_pod(PodPlace::Screen).map(|pod| pod.name).as_ref()),
    ];
    Here {
        screen: bench.model.screen().clone(),
        cluster: bench.model.current_id(),
        filter: state.nodes_control().filter().to_owned(),
        names,
    }
}

/// Goes a way, key by key, and back again: after each `back` everything is as it was before the key.
fn there_and_back(bench: &mut Bench, way: &[Action]) {
    let mut places = Vec::new();
    for action in way {
        places.push(here(bench));
        bench.act(*action);
        bench.prepare();
        assert_ne!(here(bench).screen, places[places.len() - 1].screen, "{action:?} of {way:?} leads nowhere");
    }
    for (place, action) in places.into_iter().zip(way).rev() {
        // A table that was opened filtered is unfiltered first.
        let filtered = |bench: &Bench| bench.model.list().is_some_and(|list| !list.filter().is_empty());
        if filtered(bench) && *bench.model.screen() == Screen::Nodes {
            bench.act(Action::Back);
        }
        bench.act(Action::Back);
        assert_eq!(here(bench), place, "back from {action:?} of {way:?}");
    }
}

fn is_node(bench: &Bench, wanted: &str) -> bool {
    matches!(bench.model.screen(), Screen::Node { name, .. } if **name == *wanted)
}

fn chosen_pod(bench: &Bench) -> Option<String> {
    bench.state().selected_pod(PodPlace::Node).map(|pod| pod.name.to_string())
}

fn notice(bench: &Bench) -> String {
    bench.model.notice(bench.now()).map(ToString::to_string).unwrap_or_default()
}

/// Four nodes of two models in two pools, and pods of which some hold GPUs and do not run.
fn gpus() -> Bench {
    let labelled = |name, model: &str, pool: &str| NodeFacts {
        labels: vec![("agentpool".into(), pool.into()), ("nvidia.com/gpu.product".into(), model.into())],
        ..gpu_node(name, 8, 8)
    };
    let stuck =
        |name, node, gpus| PodFacts { reason: "Pending", phase: PodPhase::Pending, ..gpu_pod(name, node, gpus) };
    let pods = [pod("a", "n2"), stuck("few", "n1", 1), stuck("most", "n2", 4), pod("z", "n2")];
    let nodes = vec![
        labelled("n1", "A100", "old"),
        labelled("n2", "H100", "new"),
        labelled("n3", "H100", "newer"),
        labelled("n4", "H100-NVL", "newer"),
    ];
    let mut bench = Bench::with(nodes, &pods);
    bench.prepare();
    bench
}

#[test]
fn from_a_held_gpu_the_way_leads_to_its_pod_and_its_node_and_back() {
    let mut bench = gpus();
    bench.act(Action::Down);
    bench.act(Action::Gpus);
    bench.act(Action::Bottom);
    bench.prepare();
    assert_eq!(bench.state().gpus().selected_held().map(|held| held.name.to_string()).as_deref(), Some("most"));
    there_and_back(&mut bench, &[Action::Open]);
    there_and_back(&mut bench, &[Action::Node]);
    there_and_back(&mut bench, &[Action::Open, Action::Node, Action::Yaml]);
    there_and_back(&mut bench, &[Action::Yaml, Action::Node, Action::Open, Action::Node, Action::Open]);
    bench.act(Action::Node);
    assert!(is_node(&bench, "n2"), "{:?}", bench.model.screen());
    assert_eq!(chosen_pod(&bench).as_deref(), Some("most"), "the cursor is at the pod");
}

#[test]
fn each_visit_of_a_node_has_a_cursor_of_its_own() {
    let mut bench = gpus();
    bench.act(Action::Down);
    bench.act(Action::Open);
    bench.act(Action::Bottom);
    bench.act(Action::Open);
    let on_pod = here(&mut bench);
    bench.act(Action::Node);
    assert!(is_node(&bench, "n2"));
    assert_eq!(chosen_pod(&bench).as_deref(), Some("z"));
    bench.act(Action::Top);
    assert_eq!(chosen_pod(&bench).as_deref(), Some("a"));
    bench.act(Action::Back);
    assert_eq!(bench.model.screen(), &on_pod.screen);
    bench.act(Action::Back);
    assert_eq!(chosen_pod(&bench).as_deref(), Some("z"), "where the cursor was");
    bench.act(Action::Back);
    assert_eq!(bench.model.screen(), &Screen::Nodes);
    assert_eq!(bench.selected(), "n2");
}

#[test]
fn a_group_of_gpus_leads_to_exactly_its_nodes_and_the_node_table_is_as_before() {
    let mut bench = gpus();
    bench.act(Action::Filter);
    bench.type_text("status:ready");
    bench.act(Action::Open);
    bench.act(Action::Bottom);
    let start = here(&mut bench);
    bench.act(Action::Gpus);
    bench.prepare();
    let group = |bench: &mut Bench, name: &str| {
        bench.act(Action::Top);
        let selected = |bench: &Bench| bench.state().gpus().selected_group().map(|group| group.name.to_string());
        while selected(bench).is_some_and(|selected| selected != name) {
            bench.act(Action::Down);
        }
        assert_eq!(selected(bench).as_deref(), Some(name));
    };
    group(&mut bench, "H100");
    there_and_back(&mut bench, &[Action::Open, Action::Open, Action::Open]);
    bench.act(Action::Open);
    assert_eq!(bench.names(), ["n2", "n3"], "not n4, whose model only begins alike");
    bench.act(Action::Gpus);
    bench.act(Action::NextPane);
    bench.prepare();
    group(&mut bench, "new");
    bench.act(Action::Open);
    assert_eq!(bench.names(), ["n2"], "not the pool `newer`");
    bench.act(Action::Back);
    bench.act(Action::Back);
    bench.act(Action::Back);
    let end = here(&mut bench);
    let (end, start) = ((end.screen, end.filter, &end.names[0]), (start.screen, start.filter, &start.names[0]));
    assert_eq!(end, start, "filter and cursor are those from before");
}

#[test]
fn a_group_of_gpus_leads_to_exactly_the_pods_that_hold_its_devices() {
    // By hand: `few` holds one of n1 (A100, old), `most` four of n2 (H100, new); `other` is of another owner and namespace.
    let mut bench = gpus();
    let other = PodFacts { namespace: "infer", owner_kind: "Job", owner_name: "llm", ..gpu_pod("other", "n3", 2) };
    let ended = PodFacts { phase: PodPhase::Succeeded, ..gpu_pod("ended", "n3", 2) };
    bench.change_pods(1, &[other, ended], false);
    let select = |bench: &mut Bench, name: &str| {
        bench.prepare();
        bench.act(Action::Top);
        for _ in 0..20 {
            if bench.state().gpus().selected_group().is_some_and(|group| *group.name == *name) {
                return;
            }
            bench.act(Action::Down);
        }
        panic!("no group {name}");
    };
    bench.act(Action::Gpus);
    let rows: [&[(&str, &[&str])]; 4] = [
        &[("A100", &["few"]), ("H100", &["most", "other"]), ("H100-NVL", &[])],
        &[("old", &["few"]), ("new", &["most"]), ("newer", &["other"])],
        &[("ns", &["few", "most"]), ("infer", &["other"])],
        &[("", &["few", "most"]), ("Job/llm", &["other"])],
    ];
    for (rows, by) in rows.into_iter().zip(Grouping::ALL) {
        for (name, pods) in rows {
            select(&mut bench, name);
            there_and_back(&mut bench, &[Action::Owner]);
            bench.act(Action::Owner);
            let mut listed = listed(&mut bench);
            listed.sort();
            assert_eq!(listed, *pods, "{name}");
            bench.act(Action::Back);
            if !by.of_nodes() {
                let with = |bench: &Bench| bench.state().pod_list(PodPlace::Screen).set().clone();
                bench.act(Action::Owner);
                let set = with(&bench);
                bench.act(Action::Back);
                bench.act(Action::Open);
                assert_eq!(with(&bench), set, "enter does the same on a group of pods");
                bench.act(Action::Back);
            }
        }
        bench.act(Action::NextPane);
    }
}

#[test]
fn another_cluster_leaves_the_node_table_as_it_was_before_the_way() {
    let mut bench = Bench::new(&["one", "two"]);
    bench.list_nodes(1, vec![gpu_node("n1", 8, 8), gpu_node("n2", 8, 8)]);
    bench.list_pods(1, &[]);
    bench.act(Action::Down);
    bench.act(Action::Gpus);
    bench.prepare();
    bench.act(Action::Open);
    assert_eq!(bench.state().nodes_control().filter(), "model=<none>");
    bench.act(Action::NextCluster);
    bench.act(Action::PreviousCluster);
    assert_eq!(bench.state().nodes_control().filter(), "");
    assert_eq!(bench.selected(), "n2");
}

/// Nodes of which `lost` are not ready, each with a pod.
fn losing(lost: usize) -> Bench {
    let names: Vec<String> = (0..8).map(|at| format!("n{at}")).collect();
    let facts = names
        .iter()
        .enumerate()
        .map(|(at, name)| if at < lost { turned(&node(name), ConditionStatus::False, 0) } else { node(name) });
    let pods: Vec<PodFacts<'_>> = names.iter().map(|name| pod(name, name)).collect();
    let mut bench = Bench::with(facts.collect(), &pods);
    bench.wait_live(60);
    bench
}

#[test]
fn from_an_alert_the_way_leads_to_node_pod_and_node_and_back_to_the_start() {
    let mut bench = losing(2);
    bench.act(Action::Bottom);
    there_and_back(&mut bench, &[Action::Alerts, Action::Open, Action::Open, Action::Node]);
    there_and_back(&mut bench, &[Action::Alerts, Action::Node, Action::Open, Action::Yaml, Action::Node]);
    // Through a node that was open before, whose table stays as it was.
    bench.act(Action::Open);
    there_and_back(&mut bench, &[Action::Alerts, Action::Open, Action::Open, Action::Node, Action::Open]);
}

/// Names of the pods of a list.
fn names_at(bench: &mut Bench, place: PodPlace) -> Vec<String> {
    bench.prepare();
    let rows = bench.state().pod_rows(place, 0..100, bench.now());
    rows.iter().map(|row| row.facts.name.to_owned()).collect()
}

#[test]
fn an_alert_about_many_nodes_leads_to_the_pods_that_it_hits_and_to_its_nodes() {
    let mut bench = losing(6);
    bench.act(Action::Alerts);
    there_and_back(&mut bench, &[Action::Open, Action::Open, Action::Node, Action::Open]);
    there_and_back(&mut bench, &[Action::Node, Action::Open, Action::Open]);
    bench.act(Action::Open);
    assert!(matches!(bench.model.screen(), Screen::Pods(PodSet::Hit(_))), "{:?}", bench.model.screen());
    assert_eq!(names_at(&mut bench, PodPlace::Screen), ["n0", "n1", "n2", "n3", "n4", "n5"]);
    // A pod that arrives on one of these nodes is hit too, and one that ends is not any more.
    let ended = PodFacts { phase: PodPhase::Succeeded, version: 11, ..pod("n1", "n1") };
    bench.change_pods(1, &[pod("late", "n3"), pod("elsewhere", "n7"), ended], false);
    let mut names = names_at(&mut bench, PodPlace::Screen);
    names.sort();
    assert_eq!(names, ["late", "n0", "n2", "n3", "n4", "n5"]);
    bench.act(Action::Back);
    bench.act(Action::Node);
    assert_eq!(bench.names(), ["n0", "n1", "n2", "n3", "n4", "n5"]);
}

#[test]
fn an_alert_about_devices_leads_to_the_pods_of_its_node_that_request_them() {
    let pods = [gpu_pod("holder", "a", 1), pod("plain", "a"), gpu_pod("elsewhere", "b", 1)];
    let mut bench = Bench::with(vec![gpu_node("a", 8, 5), gpu_node("b", 8, 8)], &pods);
    bench.wait_live(5);
    bench.act(Action::Alerts);
    there_and_back(&mut bench, &[Action::Node, Action::Open]);
    bench.act(Action::Open);
    assert!(is_node(&bench, "a"), "{:?}", bench.model.screen());
    assert_eq!(names_at(&mut bench, PodPlace::Node), ["holder"]);
    // The filter is one like any other: `esc` clears it first.
    bench.act(Action::Back);
    assert_eq!(names_at(&mut bench, PodPlace::Node), ["holder", "plain"]);
    assert!(is_node(&bench, "a"), "{:?}", bench.model.screen());
    bench.act(Action::Back);
    assert_eq!(*bench.model.screen(), Screen::Top(TopScreen::Alerts));
}

#[test]
fn an_alert_about_an_xid_leads_to_the_pods_that_request_accelerators() {
    let mut node = gpu_node("a", 8, 8);
    node.conditions.push(NodeCondition {
        kind: "XidCriticalError".into(),
        status: ConditionStatus::True,
        reason: r#"{"79":true}"#.into(),
        ..NodeCondition::default()
    });
    let mut bench = Bench::with(vec![node], &[gpu_pod("holder", "a", 1), pod("plain", "a")]);
    bench.wait_live(5);
    bench.act(Action::Alerts);
    bench.act(Action::Open);
    assert!(is_node(&bench, "a"), "{:?}", bench.model.screen());
    assert_eq!(names_at(&mut bench, PodPlace::Node), ["holder"]);
}

#[test]
fn an_alert_about_the_api_leads_to_its_calls_and_has_no_node() {
    let mut bench = losing(0);
    bench.call(CallKind::List(Resource::Pods), 31_000, CallEnd::Complete, Some(200));
    bench.act(Action::Alerts);
    bench.act(Action::Node);
    assert_eq!(notice(&bench), "the alert is not about a node");
    bench.act(Action::Open);
    assert_eq!(*bench.model.screen(), Screen::Top(TopScreen::Api));
}

#[test]
fn without_the_pods_an_alert_about_many_nodes_leads_to_these() {
    let mut bench = Bench::new(&["prod"]);
    let lost = (0..8).map(|at| match at {
        0..6 => turned(&node(&format!("n{at}")), ConditionStatus::False, 0),
        _ => node(&format!("n{at}")),
    });
    bench.list_nodes(1, lost.collect());
    bench.denied(Resource::Pods);
    bench.wait_live(10);
    bench.act(Action::Alerts);
    bench.act(Action::Open);
    assert_eq!(*bench.model.screen(), Screen::Nodes);
    assert_eq!(bench.names(), ["n0", "n1", "n2", "n3", "n4", "n5"]);
}

#[test]
fn every_rule_about_nodes_has_a_filter_that_the_node_table_knows() {
    let mut bench = losing(0);
    for spec in &RULES {
        let filter = (spec.nodes)(&crate::model::settings::Settings::default());
        assert_eq!(filter.is_empty(), !spec.rule.is_about_nodes(), "{}", spec.reason);
        bench.act(Action::Filter);
        bench.type_text(&filter);
        assert_eq!(bench.state().nodes_control().filter_note(), None, "{}: {filter}", spec.reason);
        assert!(filter.is_empty() || bench.names().is_empty(), "{}: no node has this fault", spec.reason);
        bench.act(Action::Back);
    }
}

#[test]
fn what_is_shown_in_part_is_read_in_full_in_the_yaml() {
    let mut bench = gpus();
    bench.act(Action::Open);
    for pane in [NodePane::Conditions, NodePane::Resources, NodePane::Labels] {
        bench.act(Action::NextPane);
        assert!(matches!(bench.model.screen(), Screen::Node { pane: shown, .. } if *shown == pane));
        there_and_back(&mut bench, &[Action::Open]);
        bench.act(Action::Open);
        assert!(matches!(bench.model.screen(), Screen::Yaml { subject: ObjectRef::Node { .. }, .. }), "{pane:?}");
        bench.act(Action::Back);
    }
    bench.act(Action::Back);
    bench.act(Action::Open);
    bench.act(Action::Open);
    there_and_back(&mut bench, &[Action::Open]);
    bench.act(Action::Open);
    assert!(matches!(bench.model.screen(), Screen::Yaml { subject: ObjectRef::Pod { .. }, .. }), "without events");
}

#[test]
fn a_pod_without_a_node_or_on_one_that_is_gone_says_so() {
    let mut bench = Bench::with(vec![node("a")], &[gpu_pod("lost", "gone", 1), gpu_pod("new", "a", 1)]);
    let waits = |name, node| PodFacts { reason: "Pending", phase: PodPhase::Pending, ..gpu_pod(name, node, 1) };
    bench.change_pods(1, &[PodFacts { version: 11, ..waits("lost", "gone") }], false);
    bench.act(Action::Gpus);
    bench.prepare();
    bench.act(Action::Bottom);
    bench.act(Action::Node);
    assert_eq!(notice(&bench), "no node is called `gone`");
    bench.act(Action::Open);
    assert!(matches!(bench.model.screen(), Screen::Pod { .. }));
    bench.act(Action::Node);
    assert_eq!(notice(&bench), "no node is called `gone`");
    bench.act(Action::Back);
    bench.act(Action::Back);
    bench.act(Action::Open);
    bench.act(Action::Node);
    assert_eq!(notice(&bench), "`a` is shown already");
}

#[test]
fn a_pod_in_trouble_leads_to_the_pod_and_its_node_and_back() {
    let stuck = |name, node| PodFacts { reason: "Pending", phase: PodPhase::Pending, ..gpu_pod(name, node, 1) };
    let mut bench = Bench::with(vec![node("a"), node("b")], &[stuck("x", "a"), stuck("y", "b")]);
    bench.act(Action::Trouble);
    bench.act(Action::Trouble);
    bench.prepare();
    bench.act(Action::Bottom);
    assert!(bench.state().selected_pod(PodPlace::Screen).is_some(), "the list of every pod has rows");
    there_and_back(&mut bench, &[Action::Node, Action::Open]);
    there_and_back(&mut bench, &[Action::Open, Action::Node, Action::Yaml]);
    bench.act(Action::Node);
    assert!(is_node(&bench, "b"), "{:?}", bench.model.screen());
    assert_eq!(chosen_pod(&bench).as_deref(), Some("y"));
}

/// Pods of two owners of one name, in trouble and not, and one without an owner.
fn owned() -> Bench {
    let of = |namespace, name, kind, owner_name| PodFacts { namespace, owner_kind: kind, owner_name, ..pod(name, "a") };
    let pods = [
        of("train", "llm-0", "Job", "llm"),
        of("train", "llm-1", "Job", "llm"),
        of("train", "llm-x", "ReplicaSet", "llm"),
        of("train", "llm-y", "Job", "llm-2"),
        of("infer", "llm-z", "Job", "llm"),
        of("train", "alone", "", ""),
    ];
    let mut bench = Bench::with(vec![node("a"), node("b")], &pods);
    bench.act(Action::Trouble);
    bench.act(Action::Trouble);
    bench.act(Action::SortName);
    bench.prepare();
    bench
}

/// Names of the pods of the list on the screen.
fn listed(bench: &mut Bench) -> Vec<String> {
    bench.prepare();
    let place = bench.model.screen().pod_place().expect("a list of pods");
    bench.state().pod_rows(place, 0..100, bench.now()).iter().map(|row| row.facts.name.to_owned()).collect()
}

fn select_pod(bench: &mut Bench, wanted: &str) {
    bench.act(Action::Top);
    let place = bench.model.screen().pod_place().expect("a list of pods");
    for _ in 0..20 {
        if bench.state().selected_pod(place).is_some_and(|pod| *pod.name == *wanted) {
            return;
        }
        bench.act(Action::Down);
    }
    panic!("{wanted} is not listed");
}

#[test]
fn a_pod_leads_to_exactly_the_pods_of_its_owner_and_back_to_its_row() {
    let mut bench = owned();
    select_pod(&mut bench, "llm-1");
    there_and_back(&mut bench, &[Action::Owner, Action::Open, Action::Node, Action::Yaml]);
    bench.act(Action::Owner);
    assert_eq!(listed(&mut bench), ["llm-0", "llm-1"], "not those of another kind, name or namespace");
    bench.act(Action::Owner);
    assert_eq!(notice(&bench), "the pods of this owner are shown already");
    bench.act(Action::Bottom);
    bench.act(Action::Open);
    there_and_back(&mut bench, &[Action::Owner, Action::Open]);
    bench.act(Action::Back);
    bench.act(Action::Back);
    assert_eq!(bench.model.screen(), &Screen::Top(TopScreen::Trouble));
    let selected = bench.state().selected_pod(PodPlace::Screen).map(|pod| pod.name.to_string());
    assert_eq!(selected.as_deref(), Some("llm-1"));
}

#[test]
fn every_pod_that_can_be_selected_leads_to_its_owner() {
    let of =
        |name| PodFacts { owner_kind: "Job", owner_name: "llm", phase: PodPhase::Pending, ..gpu_pod(name, "a", 1) };
    let mut bench = Bench::with(vec![gpu_node("a", 8, 8)], &[of("llm-0"), of("llm-1")]);
    // From the node, from its pod, from the YAML of the pod, and from a held GPU.
    there_and_back(&mut bench, &[Action::Open, Action::Owner]);
    there_and_back(&mut bench, &[Action::Open, Action::Open, Action::Owner]);
    there_and_back(&mut bench, &[Action::Open, Action::Open, Action::Yaml, Action::Owner]);
    bench.act(Action::Gpus);
    bench.prepare();
    bench.act(Action::Bottom);
    there_and_back(&mut bench, &[Action::Owner, Action::Open]);
}

#[test]
fn a_pod_without_an_owner_says_so() {
    let mut bench = owned();
    select_pod(&mut bench, "alone");
    bench.act(Action::Owner);
    assert_eq!(
        (notice(&bench).as_str(), bench.model.screen()),
        ("the pod has no owner", &Screen::Top(TopScreen::Trouble))
    );
    bench.act(Action::Back);
    bench.act(Action::Owner);
    assert_eq!(notice(&bench), "no such key here · ? help");
}

#[test]
fn pods_in_trouble_over_the_pods_of_an_owner_are_a_list_of_their_own() {
    let mut bench = owned();
    bench.act(Action::Filter);
    bench.type_text("llm");
    bench.act(Action::Open);
    bench.act(Action::Back);
    bench.act(Action::Back);
    bench.act(Action::Open);
    select_pod(&mut bench, "llm-0");
    bench.act(Action::Owner);
    select_pod(&mut bench, "llm-1");
    there_and_back(&mut bench, &[Action::Trouble]);
    bench.act(Action::Trouble);
    assert!(listed(&mut bench).is_empty(), "no pod is in trouble");
    bench.act(Action::Trouble);
    assert_eq!(listed(&mut bench).len(), 6);
    bench.act(Action::Back);
    assert_eq!(listed(&mut bench), ["llm-0", "llm-1"]);
    let selected = bench.state().selected_pod(PodPlace::Screen).map(|pod| pod.name.to_string());
    assert_eq!(selected.as_deref(), Some("llm-1"));
}

#[test]
fn a_cluster_that_is_left_has_its_pods_in_trouble_in_their_place_again() {
    let mut bench = Bench::new(&["one", "two"]);
    bench.list_nodes(1, vec![node("n1")]);
    bench.list_pods(1, &[PodFacts { owner_kind: "Job", owner_name: "llm", ..pod("llm-0", "n1") }]);
    bench.act(Action::Open);
    bench.act(Action::Owner);
    assert_eq!(listed(&mut bench), ["llm-0"]);
    bench.act(Action::NextCluster);
    assert_eq!(bench.model.screen(), &Screen::Nodes);
    bench.act(Action::PreviousCluster);
    bench.act(Action::Trouble);
    assert_eq!(bench.state().pod_list(PodPlace::Screen).set(), &PodSet::Trouble);
}

#[test]
fn the_key_that_quits_goes_back_from_nodes_that_an_alert_or_a_group_has_opened() {
    let mut bench = gpus();
    bench.act(Action::Gpus);
    bench.prepare();
    bench.act(Action::Open);
    assert_eq!(bench.model.screen(), &Screen::Nodes);
    assert_eq!(bench.act(Action::Quit), None, "the filter is cleared first");
    assert_eq!(bench.act(Action::Quit), None);
    assert_eq!(bench.model.screen(), &Screen::Top(TopScreen::Gpus));
    bench.act(Action::Quit);
    assert_eq!(bench.act(Action::Quit), Some(crate::msg::Effect::Quit));
}
