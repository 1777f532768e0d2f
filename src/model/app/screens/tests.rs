use super::*;
use crate::action::Action;
use crate::facts::document::{Values, YamlDocument};
use crate::facts::event::EventFacts;
use crate::facts::node::NodeFacts;
use crate::facts::pod::{PodDetail, PodFacts, PodPhase};
use crate::facts::wire::Uid;
use crate::model::cluster::detail::PartFreshness;
use crate::model::fixture::{Bench, gpu_node, gpu_pod, node, pod};
use crate::model::table::SortBy;
use crate::msg::detail::{Detail, DetailPart, DetailUpdate, Omitted, Yaml};
use crate::msg::{ClusterEvent, Failure, Layer, Mono, SyncState};

fn bench() -> Bench {
    let mut bench =
        Bench::with(vec![node("a"), node("b")], &[pod("p1", "a"), pod("p2", "a"), pod("p3", "a"), pod("q", "b")]);
    bench.prepare();
    bench
}

fn subject(name: &str) -> ObjectRef {
    ObjectRef::Pod { namespace: pod("", "").namespace.into(), name: name.into() }
}

fn node_subject(name: &str) -> ObjectRef {
    ObjectRef::Node { name: name.into() }
}

/// Object that an effect watches, if it is one that does.
fn looks(effect: Option<Effect>) -> Option<(ObjectRef, bool)> {
    match effect {
        Some(Effect::Inspect(ClusterId(0), watch)) => Some((watch.subject, watch.yaml.is_requested())),
        None => None,
        other => panic!("another effect: {other:?}"),
    }
}

fn find(bench: &mut Bench, subject: ObjectRef, news: Detail) {
    bench.send(ClusterEvent::Found(Box::new(DetailUpdate { subject, news })));
}

fn detail(name: &str, uid: u128) -> Detail {
    Detail::Pod(Box::new(PodDetail {
        name: name.into(),
        uid: Uid(uid),
        status: "Running".into(),
        ..PodDetail::default()
    }))
}

fn failure(layer: Layer, text: &str) -> Failure {
    Failure::new(Bench::new(&["x"]).now().wall, layer, "get pod".into(), text.into())
}

fn fresh(bench: &Bench, part: DetailPart) -> PartFreshness<'_> {
    bench.state().detail_freshness(part, bench.now()).expect("something is open")
}

#[test]
fn the_way_down_is_the_way_back_and_what_is_looked_at_follows_the_screen() {
    let mut bench = bench();
    assert_eq!(looks(bench.act(Action::Open)), Some((node_subject("a"), false)));
    assert_eq!(looks(bench.act(Action::Down)), None, "the selection is not what is open");
    assert_eq!(looks(bench.act(Action::Open)), Some((subject("p2"), false)));
    assert_eq!(bench.model.screen(), &Screen::Pod { namespace: pod("", "").namespace.into(), name: "p2".into() });
    assert_eq!(looks(bench.act(Action::Yaml)), Some((subject("p2"), true)));
    assert!(matches!(bench.model.screen(), Screen::Yaml { .. }));
    assert_eq!(looks(bench.act(Action::Back)), Some((subject("p2"), false)));
    assert!(matches!(bench.model.screen(), Screen::Pod { .. }));
    assert_eq!(looks(bench.act(Action::Back)), Some((node_subject("a"), false)));
    assert!(matches!(bench.model.screen(), Screen::Node { pane: NodePane::Pods, .. }));
    assert_eq!(bench.state().selected_pod(PodPlace::Node).map(|pod| pod.name.to_string()).as_deref(), Some("p2"));
    assert_eq!(bench.act(Action::Back), Some(Effect::EndInspection));
    assert_eq!(bench.model.screen(), &Screen::Nodes);
    assert!(bench.state().detail().is_none(), "what was known of it is forgotten");
}

#[test]
fn yaml_is_that_of_the_selected_or_the_open_object() {
    let mut bench = bench();
    assert_eq!(looks(bench.act(Action::Yaml)), Some((node_subject("a"), true)), "of the selected node");
    assert_eq!(bench.act(Action::Yaml), Some(Effect::EndInspection), "the same key leaves it");
    bench.act(Action::Open);
    assert_eq!(looks(bench.act(Action::Yaml)), Some((subject("p1"), true)), "of the selected pod");
    bench.act(Action::Back);
    bench.act(Action::NextPane);
    assert_eq!(looks(bench.act(Action::Yaml)), Some((node_subject("a"), true)), "of the node, beside its pods");
    assert_eq!(bench.act(Action::Alerts), Some(Effect::EndInspection), "another screen ends it");
    assert_eq!(looks(bench.act(Action::Back)), Some((node_subject("a"), true)), "and back it is read again");
    assert!(matches!(bench.model.screen(), Screen::Yaml { .. }));
}

/// Where one is: the screen, the cluster, the selected node and the selected pod.
fn here(bench: &Bench) -> (Screen, ClusterId, Option<String>, Option<String>) {
    let state = bench.model.current();
    let pod = state.selected_pod(PodPlace::Node).map(|pod| pod.name.to_string());
    let node = state.selected_name().map(ToString::to_string);
    (bench.model.screen().clone(), bench.model.current_id(), node, pod)
}

#[test]
fn every_way_of_opening_leads_back_to_where_one_came_from() {
    let mut bench = bench();
    bench.act(Action::Down);
    let nodes = here(&bench);
    for screen in [Action::Api, Action::Gpus, Action::Alerts, Action::Yaml, Action::Open] {
        bench.act(screen);
        assert_ne!(here(&bench), nodes, "{screen:?}");
        bench.act(Action::Back);
        assert_eq!(here(&bench), nodes, "{screen:?}");
    }
    bench.act(Action::Top);
    bench.act(Action::Open);
    bench.act(Action::NextPane);
    bench.act(Action::PreviousPane);
    bench.act(Action::Down);
    let pods = here(&bench);
    for screen in [Action::Api, Action::Gpus, Action::Alerts, Action::Yaml, Action::Open] {
        bench.act(screen);
        bench.act(Action::Back);
        assert_eq!(here(&bench), pods, "{screen:?}");
    }
    // Through several, and the same key twice leaves as well as it opens.
    for screen in [Action::Gpus, Action::Api, Action::Alerts, Action::Gpus] {
        bench.act(screen);
    }
    assert_eq!(bench.model.screen(), &Screen::Top(TopScreen::Gpus), "what is below is gone back to");
    bench.act(Action::Gpus);
    assert_eq!(here(&bench), pods);
}

#[test]
fn from_an_alert_to_its_node_and_back_no_selection_moves() {
    let lost = |name| crate::model::fixture::turned(&node(name), crate::facts::node::ConditionStatus::False, 0);
    let mut bench =
        Bench::with(vec![node("a"), node("b"), lost("c")], &[pod("p1", "b"), pod("p2", "b"), pod("q", "c")]);
    bench.wait_live(60);
    bench.act(Action::Down);
    bench.act(Action::Open);
    bench.act(Action::Down);
    let from = here(&bench);
    bench.act(Action::Alerts);
    let alerts = here(&bench);
    bench.act(Action::Open);
    assert!(matches!(bench.model.screen(), Screen::Node { name, .. } if **name == *"c"), "{:?}", bench.model.screen());
    bench.act(Action::Back);
    assert_eq!(bench.model.screen(), &alerts.0);
    bench.act(Action::Back);
    assert_eq!(here(&bench), from, "the pod that was selected on the node before is selected again");
    bench.act(Action::Back);
    assert_eq!(bench.model.screen(), &Screen::Nodes);
    assert_eq!(bench.selected(), "b");
}

#[test]
fn an_alert_of_another_cluster_leads_back_to_this_one() {
    let mut bench = Bench::new(&["one", "two"]);
    bench.list_nodes(1, vec![node("a"), node("b")]);
    bench.list_pods(1, &[]);
    bench.watching();
    bench.waiting(crate::msg::Resource::Nodes, Layer::Tls);
    bench.act(Action::NextCluster);
    let from = here(&bench);
    bench.act(Action::Alerts);
    bench.act(Action::Open);
    bench.act(Action::Back);
    bench.act(Action::Back);
    assert_eq!(here(&bench), from);
}

#[test]
fn another_cluster_ends_it() {
    let mut bench = Bench::new(&["one", "two"]);
    bench.list_nodes(1, vec![node("a")]);
    bench.prepare();
    bench.act(Action::Open);
    assert!(bench.state().detail().is_some());
    assert_eq!(bench.act(Action::NextCluster), Some(Effect::EndInspection));
    assert!(bench.model.clusters().iter().all(|cluster| cluster.detail().is_none()));
}

#[test]
fn only_news_of_the_open_object_are_applied() {
    let mut bench = bench();
    bench.act(Action::Open);
    bench.act(Action::Open);
    find(&mut bench, subject("p3"), detail("p3", 3));
    assert!(bench.state().detail().is_some_and(|known| known.pod().is_none()));
    find(&mut bench, subject("p1"), detail("p1", 1));
    assert_eq!(
        bench.state().detail().and_then(|known| known.pod()).map(|pod| pod.name.to_string()).as_deref(),
        Some("p1")
    );
    bench.act(Action::Back);
    assert!(bench.state().detail().is_some_and(|known| known.pod().is_none()), "it is the node now");
}

#[test]
fn f74_a_pod_recreated_under_the_same_name_is_distinguished_and_the_events_of_the_old_one_go() {
    let mut bench = bench();
    bench.act(Action::Open);
    bench.act(Action::Open);
    let opened = bench.state().selected_pod(PodPlace::Node).unwrap().uid;
    let event = |uid: u128, about: Option<Uid>| EventFacts { uid: Uid(uid), about, ..EventFacts::default() };
    let events = vec![event(1, Some(opened)), event(2, Some(Uid(77))), event(3, None)];
    find(&mut bench, subject("p1"), detail("p1", opened.0));
    find(&mut bench, subject("p1"), Detail::Events { events, omitted: Omitted::default() });
    let seen = |bench: &Bench| -> Vec<u128> {
        let (events, _) = bench.state().detail().unwrap().events().unwrap();
        events.iter().map(|event| event.uid.0).collect()
    };
    assert_eq!(seen(&bench), [1, 3]);
    assert!(!bench.state().detail().unwrap().replaced());
    find(&mut bench, subject("p1"), Detail::Gone);
    bench.ms += 12_000;
    assert_eq!(fresh(&bench, DetailPart::Object), PartFreshness::Gone(std::time::Duration::from_secs(12)));
    assert!(bench.state().detail().unwrap().pod().is_some(), "its last state stays");
    find(&mut bench, subject("p1"), detail("p1", 77));
    assert!(bench.state().detail().unwrap().replaced());
    assert_eq!(seen(&bench), [2, 3], "the events of the pod that is there now");
}

#[test]
fn a_part_is_loading_live_old_denied_or_failing_and_never_blank() {
    let mut bench = bench();
    bench.wait_live(1);
    bench.act(Action::Open);
    bench.act(Action::Open);
    let sync = |bench: &mut Bench, state| find(bench, subject("p1"), Detail::Sync { part: DetailPart::Object, state });
    assert_eq!(fresh(&bench, DetailPart::Object), PartFreshness::Loading);
    let refused = failure(Layer::Connect, "refused");
    let waiting = || SyncState::Waiting { until: Mono::default(), failure: Box::new(refused.clone()) };
    sync(&mut bench, waiting());
    assert_eq!(fresh(&bench, DetailPart::Object), PartFreshness::Failing(&refused));
    sync(&mut bench, SyncState::Listing);
    assert_eq!(fresh(&bench, DetailPart::Object), PartFreshness::Failing(&refused), "an attempt proves nothing");
    find(&mut bench, subject("p1"), detail("p1", 1));
    sync(&mut bench, SyncState::Watching);
    assert_eq!(fresh(&bench, DetailPart::Object), PartFreshness::Live);
    bench.wait_live(70);
    assert_eq!(fresh(&bench, DetailPart::Object), PartFreshness::Live, "a quiet watch of a server that answers");
    bench.wait(60);
    let PartFreshness::Stale(age, None) = fresh(&bench, DetailPart::Object) else {
        panic!("{:?}", fresh(&bench, DetailPart::Object))
    };
    assert!((60..=66).contains(&age.as_secs()), "since the server's last answer, not since the last change: {age:?}");
    assert!(bench.state().detail().unwrap().pod().is_some(), "the old picture stays");
    bench.wait_live(5);
    sync(&mut bench, waiting());
    bench.wait(30);
    assert!(matches!(fresh(&bench, DetailPart::Object), PartFreshness::Stale(age, Some(_)) if age.as_secs() == 30));
    let forbidden = failure(Layer::Rbac, "forbidden");
    sync(&mut bench, SyncState::Denied { failure: Box::new(forbidden.clone()) });
    assert_eq!(fresh(&bench, DetailPart::Object), PartFreshness::Denied(&forbidden));
    sync(&mut bench, SyncState::Polling { every: std::time::Duration::from_secs(30) });
    assert!(matches!(fresh(&bench, DetailPart::Object), PartFreshness::Polled(_)));
    assert_eq!(fresh(&bench, DetailPart::Events), PartFreshness::Loading, "each part by itself");
}

#[test]
fn copying_takes_the_name_or_the_yaml_and_says_so() {
    let mut bench = bench();
    let copied = |effect: Option<Effect>| match effect {
        Some(Effect::Copy { text }) => Some(text),
        _ => None,
    };
    assert_eq!(copied(bench.act(Action::Copy)).as_deref(), Some("a"));
    let notice = |bench: &Bench| bench.model.notice(bench.now()).map(ToString::to_string).unwrap_or_default();
    assert_eq!(notice(&bench), "sent to the terminal's clipboard: `a`");
    bench.wait(6);
    assert_eq!(notice(&bench), "", "it does not stay");
    bench.act(Action::Open);
    assert_eq!(copied(bench.act(Action::Copy)).as_deref(), Some("p1"));
    bench.act(Action::Yaml);
    assert_eq!(copied(bench.act(Action::Copy)), None);
    assert_eq!(notice(&bench), "YAML still loading");
    let document = |line: &str, lines: usize| {
        let values = Values { env: 2, other: 0, masked: true };
        Detail::Document(YamlDocument { lines: vec![line.into(); lines], cut: 1, bytes: 9, invisible: 0, values })
    };
    find(&mut bench, subject("p1"), document("a: 1", 3));
    assert_eq!(copied(bench.act(Action::Copy)).as_deref(), Some("a: 1\na: 1\na: 1\n"));
    assert!(notice(&bench).ends_with("3 lines, 1 of them cut, 2 env values masked"), "{}", notice(&bench));
    find(&mut bench, subject("p1"), document(&"x".repeat(1000), 75));
    assert_eq!(copied(bench.act(Action::Copy)), None, "75,075 bytes are more than terminals take");
    assert!(notice(&bench).contains("not copied: 76 kB"), "{}", notice(&bench));
}

#[test]
fn a_name_that_a_shell_would_run_is_copied_quoted() {
    let mut bench = Bench::with(vec![node("a")], &[pod("p6-`id`", "a"), pod("p7", "a")]);
    bench.prepare();
    bench.act(Action::Open);
    let copied = bench.act(Action::Copy);
    assert!(matches!(&copied, Some(Effect::Copy { text }) if text == "'p6-`id`'"), "{copied:?}");
}

#[test]
fn values_are_shown_by_a_key_masked_again_when_it_is_left_and_the_copy_says_what_it_contains() {
    let mut bench = bench();
    bench.act(Action::Open);
    bench.act(Action::Yaml);
    let requested_yaml = |effect: Option<Effect>| match effect {
        Some(Effect::Inspect(_, watch)) => Some(watch.yaml),
        _ => None,
    };
    let document = |masked| {
        let values = Values { env: 2, other: 0, masked };
        Detail::Document(YamlDocument { lines: vec!["a: 1".into()], cut: 0, bytes: 9, invisible: 1, values })
    };
    find(&mut bench, subject("p1"), document(true));
    let shown = |bench: &Bench| bench.state().detail().unwrap().document().map(|document| document.values.masked);
    assert_eq!(shown(&bench), Some(true));
    assert_eq!(requested_yaml(bench.act(Action::ShowValues)), Some(Yaml::Clear));
    assert_eq!(shown(&bench), None, "it is made anew");
    find(&mut bench, subject("p1"), document(false));
    assert_eq!(shown(&bench), Some(false));
    bench.act(Action::Copy);
    let notice = bench.model.notice(bench.now()).map(ToString::to_string).unwrap_or_default();
    assert!(notice.contains("1 line, contains 2 env values, 1 invisible character"), "{notice}");
    assert_eq!(requested_yaml(bench.act(Action::ShowValues)), Some(Yaml::Masked));
    find(&mut bench, subject("p1"), document(false));
    assert_eq!(shown(&bench), None, "one that was on its way shows nothing");
    bench.act(Action::ShowValues);
    bench.act(Action::Alerts);
    assert_eq!(requested_yaml(bench.act(Action::Back)), Some(Yaml::Masked));
}

fn row(name: &'static str, phase: PodPhase, reason: &'static str, restarts: u32) -> PodFacts<'static> {
    let facts = pod(name, "a");
    PodFacts { phase, reason, restarts, containers: 1, ready: u16::from(reason.is_empty()), ..facts }
}

fn listed(bench: &Bench) -> Vec<String> {
    bench.state().pod_rows(PodPlace::Node, 0..20, bench.now()).iter().map(|row| row.facts.name.to_owned()).collect()
}

fn chosen(bench: &Bench) -> Option<String> {
    bench
        .state()
        .pod_rows(PodPlace::Node, 0..20, bench.now())
        .iter()
        .find(|row| row.selected)
        .map(|row| row.facts.name.to_owned())
}

#[test]
fn the_pods_of_a_node_are_sorted_and_filtered_and_the_selection_follows_the_pod_through_a_filter() {
    let rows = [
        row("p-ok", PodPhase::Running, "", 0),
        row("p-crash", PodPhase::Running, "CrashLoopBackOff", 12),
        row("p-done", PodPhase::Succeeded, "Completed", 1),
        row("p-failed", PodPhase::Failed, "Error", 3),
    ];
    let mut bench = Bench::with(vec![node("a")], &rows);
    bench.prepare();
    bench.act(Action::Open);
    assert_eq!(listed(&bench), ["p-crash", "p-done", "p-failed", "p-ok"]);
    bench.act(Action::Bottom);
    assert_eq!(chosen(&bench).as_deref(), Some("p-ok"));
    bench.act(Action::SortStatus);
    assert_eq!(listed(&bench), ["p-failed", "p-crash", "p-ok", "p-done"], "worst first");
    bench.act(Action::SortRestarts);
    assert_eq!(listed(&bench), ["p-crash", "p-failed", "p-done", "p-ok"]);
    bench.act(Action::SortReverse);
    assert_eq!(
        (listed(&bench)[0].as_str(), bench.state().pod_list(PodPlace::Node).control().sort()),
        ("p-ok", (SortBy::Restarts, true))
    );
    bench.act(Action::SortNext);
    assert_eq!(bench.state().pod_list(PodPlace::Node).control().sort(), (SortBy::Gpu, false));
    assert_eq!(
        bench.state().pod_list(PodPlace::Node).extent().selected,
        Some(0),
        "a new order is looked at from its top"
    );
    while chosen(&bench).as_deref() != Some("p-ok") {
        bench.act(Action::Down);
    }
    assert_eq!(bench.state().sort(), (SortBy::Name, false), "the nodes keep theirs");
    bench.act(Action::Filter);
    bench.type_text("restarts>0");
    assert_eq!(
        (
            listed(&bench).len(),
            bench.state().pod_list(PodPlace::Node).control().filter(),
            bench.state().nodes_control().filter()
        ),
        (3, "restarts>0", "")
    );
    assert_ne!(chosen(&bench).as_deref(), Some("p-ok"));
    bench.act(Action::Back);
    assert_eq!((listed(&bench).len(), chosen(&bench).as_deref()), (4, Some("p-ok")), "found again");
    bench.act(Action::Filter);
    bench.type_text("crash");
    bench.act(Action::Open);
    assert_eq!(listed(&bench), ["p-crash"]);
    bench.act(Action::Back);
    assert_eq!(
        (listed(&bench).len(), matches!(bench.model.screen(), Screen::Node { .. })),
        (4, true),
        "first the filter"
    );
    bench.act(Action::Back);
    assert_eq!(bench.model.screen(), &Screen::Nodes);
}

#[test]
fn the_selection_goes_on_with_a_pod_that_was_recreated_and_survives_a_relist() {
    let mut bench = bench();
    bench.act(Action::Open);
    bench.act(Action::Down);
    let before = bench.state().selected_pod(PodPlace::Node).unwrap();
    bench.list_pods(2, &[pod("p0", "a"), pod("p1", "a"), pod("p2", "a"), pod("p3", "a")]);
    bench.prepare();
    assert_eq!(bench.state().selected_pod(PodPlace::Node).unwrap(), before);
    let anew = PodFacts { uid: Uid(4_711), version: 99, ..pod("p2", "a") };
    bench.list_pods(3, &[pod("p0", "a"), pod("p1", "a"), anew, pod("p3", "a")]);
    bench.prepare();
    let after = bench.state().selected_pod(PodPlace::Node).unwrap();
    assert_eq!((&*after.name, after.uid), ("p2", Uid(4_711)));
}

#[test]
fn a_node_without_pods_has_its_own_yaml() {
    let mut bench = Bench::with(vec![node("a")], &[]);
    bench.act(Action::Open);
    assert_eq!(looks(bench.act(Action::Yaml)), Some((node_subject("a"), true)));
}

/// Two models, and a pod that does not run on each.
fn gpus() -> Bench {
    let node = |name, model: &str| NodeFacts {
        labels: vec![("nvidia.com/gpu.product".into(), model.into())],
        ..gpu_node(name, 8, 8)
    };
    let stuck =
        |name, node, gpus| PodFacts { reason: "Pending", phase: PodPhase::Pending, ..gpu_pod(name, node, gpus) };
    let pods = [stuck("a-few", "n1", 1), stuck("b-most", "n2", 4), stuck("c-some", "n2", 2)];
    let mut bench = Bench::with(vec![node("n1", "A100"), node("n2", "H100")], &pods);
    bench.act(Action::Gpus);
    bench.prepare();
    bench
}

fn groups(bench: &Bench) -> Vec<String> {
    let gpus = bench.state().gpus();
    (0..gpus.groups().len).filter_map(|at| gpus.group(at)).map(|group| group.name.to_string()).collect()
}

fn held(bench: &Bench) -> Vec<String> {
    let gpus = bench.state().gpus();
    (0..gpus.held().len).filter_map(|at| gpus.held_devices(at)).map(|held| held.name.to_string()).collect()
}

#[test]
fn groups_and_held_gpus_are_sorted_filtered_and_held_by_the_list_that_the_cursor_is_in() {
    let mut bench = gpus();
    assert_eq!((groups(&bench), held(&bench).len()), (vec!["A100".to_owned(), "H100".to_owned()], 3));
    bench.act(Action::SortReverse);
    assert_eq!(groups(&bench), ["H100", "A100"]);
    bench.act(Action::Down);
    assert_eq!(bench.state().gpus().groups().selected, Some(1));
    bench.act(Action::Down);
    assert_eq!((bench.state().gpus().groups().selected, bench.state().gpus().held().selected), (None, Some(0)));
    bench.act(Action::SortGpu);
    assert_eq!(held(&bench), ["b-most", "c-some", "a-few"], "most first");
    assert_eq!(groups(&bench), ["H100", "A100"], "the other list keeps its order");
    bench.act(Action::Filter);
    bench.type_text("node:n2");
    assert_eq!((held(&bench).len(), groups(&bench).len()), (2, 2));
    bench.act(Action::Back);
    bench.act(Action::Down);
    let selected = |bench: &Bench| bench.state().gpus().selected_held().map(|held| held.name.to_string());
    assert_eq!(selected(&bench).as_deref(), Some("c-some"));
    bench.act(Action::Hold);
    let more = PodFacts { version: 99, ..gpu_pod("a-few", "n1", 8) };
    bench.change_pods(1, &[PodFacts { reason: "Pending", phase: PodPhase::Pending, ..more }], false);
    bench.wait_live(2);
    assert_eq!(held(&bench), ["b-most", "c-some", "a-few"], "the order is held");
    assert_eq!(selected(&bench).as_deref(), Some("c-some"));
    bench.act(Action::Hold);
    assert_eq!((held(&bench)[0].as_str(), selected(&bench).as_deref()), ("a-few", Some("c-some")));
}

#[test]
fn enter_leads_from_held_gpus_to_their_pod_and_from_a_model_to_its_nodes() {
    let mut bench = gpus();
    bench.act(Action::Down);
    bench.act(Action::Open);
    assert_eq!(bench.names(), ["n2"]);
    assert_eq!(bench.model.screen(), &Screen::Nodes);
    bench.act(Action::Back);
    assert_eq!(bench.names().len(), 2, "first the filter");
    bench.act(Action::Back);
    assert_eq!(bench.model.screen(), &Screen::Top(TopScreen::Gpus));
    bench.act(Action::Bottom);
    bench.act(Action::Open);
    assert!(matches!(bench.model.screen(), Screen::Pod { name, .. } if &**name == "c-some"));
    bench.act(Action::Back);
    assert_eq!(bench.model.screen(), &Screen::Top(TopScreen::Gpus));
    assert_eq!(bench.state().gpus().held().selected, Some(2), "the cursor is where it was");
}
