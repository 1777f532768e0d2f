use std::time::Duration;

use super::*;
use crate::action::Action;
use crate::facts::node::ConditionStatus;
use crate::model::fixture::{Bench, node, turned};
use crate::msg::{CallEnd, ClusterEvent, Layer, Msg, ProbeOutcome, Resource, SyncState};

const PODS: crate::msg::CallKind = crate::msg::CallKind::List(Resource::Pods);

fn bench() -> Bench {
    Bench::with((0..10).map(|n| node(&format!("n{n}"))).collect(), &[])
}

fn lose(bench: &mut Bench, name: &str) {
    let ms = bench.ms;
    bench.change_node(1, turned(&node(name), ConditionStatus::False, ms));
    bench.prepare();
}

/// State and text of each row.
fn rows(bench: &mut Bench) -> Vec<(AlertState, String)> {
    bench.prepare();
    bench.model.alert_rows().iter().map(|row| (row.state, row.record.reason().to_owned())).collect()
}

/// Texts of what the ticks of so many seconds told, and how often the bell rang.
fn reported(bench: &mut Bench, seconds: u64) -> (Vec<String>, usize) {
    let (mut texts, mut rings) = (Vec::new(), 0);
    for second in 0..seconds {
        if second % 5 == 0 {
            bench.probe(ProbeOutcome::Answered { latency: Duration::from_millis(20) });
            bench.received();
        }
        bench.ms += 1000;
        let now = bench.now();
        if let Some(Effect::NotifyAlerts { ring, news }) = bench.model.update(Msg::Tick, now) {
            rings += usize::from(ring);
            texts.extend(news.iter().map(|news| format!("{} {} {}", news.cluster, news.severity, news.reason)));
        }
    }
    (texts, rings)
}

#[test]
fn a_new_alert_is_reported_once_and_the_bell_rings_at_most_once_a_minute() {
    let mut bench = bench();
    assert_eq!(reported(&mut bench, 60), (vec![], 0), "nothing to tell of a healthy cluster");
    lose(&mut bench, "n1");
    assert_eq!(reported(&mut bench, 10), (vec!["prod critical NodeNotReady".to_owned()], 1));
    lose(&mut bench, "n2");
    assert_eq!(reported(&mut bench, 10), (vec!["prod critical NodeNotReady".to_owned()], 0), "it rang 20 s ago");
    assert_eq!(reported(&mut bench, 120), (vec![], 0), "what was told is no news");
    lose(&mut bench, "n3");
    assert_eq!(reported(&mut bench, 5).1, 1);
}

#[test]
fn a_notice_is_not_reported() {
    let mut bench = bench();
    bench.call(PODS, 20, CallEnd::Complete, Some(429));
    assert_eq!(reported(&mut bench, 5), (vec![], 0));
    assert_eq!(rows(&mut bench), [(AlertState::Firing, "Throttled".to_owned())]);
}

#[test]
fn an_alert_that_comes_back_is_reported_again() {
    let mut bench = bench();
    lose(&mut bench, "n1");
    assert_eq!(reported(&mut bench, 5).0.len(), 1);
    bench.change_node(1, crate::facts::node::NodeFacts { version: 30, ..node("n1") });
    assert_eq!(reported(&mut bench, 5).0.len(), 0);
    assert_eq!(rows(&mut bench), [(AlertState::Resolved, "NodeNotReady".to_owned())]);
    let ms = bench.ms;
    bench.change_node(
        1,
        crate::facts::node::NodeFacts { version: 31, ..turned(&node("n1"), ConditionStatus::False, ms) },
    );
    let expected = ["prod warning NodeFlapping"];
    assert_eq!(reported(&mut bench, 5).0, expected, "which says that it is NotReady, too");
    let rows = bench.model.alert_rows();
    let count = |reason| rows.iter().find(|row| row.record.reason() == reason).map(|row| row.record.count);
    assert_eq!((count("NodeNotReady"), count("NodeFlapping")), (None, Some(1)), "one alert");
    let again = bench.state().alert_records().iter().find(|record| record.reason() == "NodeNotReady");
    assert_eq!(again.map(|record| record.count), Some(2));
}

#[test]
fn what_an_unreachable_cluster_hides_is_reported_when_it_can_be_seen_again_and_only_then() {
    let mut bench = bench();
    lose(&mut bench, "n1");
    for _ in 0..2 {
        bench.ms += 9_000;
        bench.probe(ProbeOutcome::Failed { after: std::time::Duration::from_millis(1), layer: Layer::Connect });
    }
    bench.ms += 1_000;
    let now = bench.now();
    let Some(Effect::NotifyAlerts { news, .. }) = bench.model.update(Msg::Tick, now) else { panic!("no news") };
    assert_eq!(news.iter().map(|news| &*news.reason).collect::<Vec<_>>(), ["Unreachable"]);
    assert_eq!(reported(&mut bench, 3).0, ["prod critical NodeNotReady"], "the cluster answers again");
}

#[test]
fn an_acknowledged_alert_is_not_announced_and_keeps_its_ack_through_a_reconnect() {
    let mut bench = bench();
    lose(&mut bench, "n1");
    bench.act(Action::Alerts);
    bench.act(Action::Acknowledge);
    assert_eq!(rows(&mut bench), [(AlertState::Acknowledged, "NodeNotReady".to_owned())]);
    assert_eq!(bench.model.firing(), (0, 0));
    assert_eq!(bench.state().alerts()[0].muted, Some(MuteReason::Acknowledged), "it is still there");
    assert_eq!(reported(&mut bench, 10), (vec![], 0));
    // The link breaks, the cluster is unreachable, the list comes anew.
    bench.waiting(Resource::Nodes, Layer::Connect);
    bench.waiting(Resource::Pods, Layer::Connect);
    bench.wait(20);
    assert_eq!(bench.reasons(), ["Unreachable"]);
    let lost = turned(&node("n1"), ConditionStatus::False, 0);
    bench.list_nodes(2, std::iter::once(lost).chain((2..10).map(|n| node(&format!("n{n}")))).collect());
    bench.list_pods(2, &[]);
    bench.watching();
    bench.received();
    bench.prepare();
    let acked = bench.model.alert_rows().iter().any(|row| row.state == AlertState::Acknowledged);
    assert!(acked, "the ack has survived");
    assert_eq!(reported(&mut bench, 10).0, Vec::<String>::new());
    bench.act(Action::Acknowledge);
    assert!(rows(&mut bench).contains(&(AlertState::Firing, "NodeNotReady".to_owned())), "the key takes it back");
}

#[test]
fn an_ack_ends_after_an_hour_and_the_alert_is_news_again() {
    let mut bench = bench();
    lose(&mut bench, "n1");
    assert_eq!(reported(&mut bench, 2).0.len(), 1);
    bench.act(Action::Alerts);
    bench.act(Action::Acknowledge);
    assert_eq!(reported(&mut bench, 3_599), (vec![], 0));
    assert_eq!(bench.model.firing(), (0, 0));
    assert_eq!(reported(&mut bench, 2), (vec!["prod critical NodeNotReady".to_owned()], 1));
    assert_eq!(bench.model.firing(), (1, 0));
}

#[test]
fn an_ack_ends_when_the_alert_gets_worse_or_resolves() {
    let mut bench = bench();
    bench.call(PODS, 20, CallEnd::Complete, Some(429));
    bench.act(Action::Alerts);
    bench.act(Action::Acknowledge);
    assert_eq!(rows(&mut bench)[0].0, AlertState::Acknowledged);
    bench.call(PODS, 20, CallEnd::Complete, Some(429));
    assert_eq!(rows(&mut bench)[0].0, AlertState::Acknowledged, "a second 429 is not worse");
    bench.call(PODS, 20, CallEnd::Complete, Some(429));
    assert_eq!(rows(&mut bench)[0].0, AlertState::Firing, "the third makes it a warning");
    bench.act(Action::Acknowledge);
    bench.wait_live(70);
    assert_eq!(rows(&mut bench)[0].0, AlertState::Resolved);
    bench.call(PODS, 20, CallEnd::Complete, Some(429));
    assert_eq!(rows(&mut bench)[0].0, AlertState::Firing, "one that comes back is a new one");
}

#[test]
fn an_alert_that_does_not_fire_cannot_be_acknowledged() {
    let mut bench = bench();
    lose(&mut bench, "n1");
    bench.change_node(1, crate::facts::node::NodeFacts { version: 30, ..node("n1") });
    bench.act(Action::Alerts);
    bench.act(Action::Acknowledge);
    assert_eq!(rows(&mut bench)[0].0, AlertState::Resolved);
    bench.act(Action::Back);
    lose(&mut bench, "n2");
    bench.act(Action::Acknowledge);
    assert_eq!(bench.model.firing(), (1, 0), "the key means nothing where no alert is selected");
}

#[test]
fn a_silenced_cluster_is_not_announced_for_half_an_hour() {
    let mut bench = bench();
    bench.act(Action::Silence);
    lose(&mut bench, "n1");
    assert_eq!(reported(&mut bench, 1_799), (vec![], 0));
    assert_eq!((bench.model.firing(), rows(&mut bench)[0].0), ((0, 0), AlertState::Silenced));
    assert_eq!(reported(&mut bench, 2).0, ["prod critical NodeNotReady"], "what still fires then is news");
    bench.act(Action::Silence);
    assert_eq!(bench.model.firing(), (0, 0));
    bench.act(Action::Silence);
    assert_eq!(bench.model.firing(), (1, 0), "the key ends it");
}

#[test]
fn the_selection_stays_with_its_alert_while_others_come_and_go() {
    let mut bench = bench();
    lose(&mut bench, "n5");
    bench.wait_live(2);
    lose(&mut bench, "n7");
    bench.act(Action::Alerts);
    bench.act(Action::Down);
    let selected = |bench: &Bench| {
        let rows = bench.model.alert_rows();
        let row = rows.iter().find(|row| row.selected).unwrap();
        row.record.subject.clone().unwrap().to_string()
    };
    assert_eq!(selected(&bench), "n7");
    bench.change_node(1, crate::facts::node::NodeFacts { version: 30, ..node("n5") });
    bench.prepare();
    assert_eq!(selected(&bench), "n7");
    bench.act(Action::Down);
    assert_eq!(selected(&bench), "n5", "resolved, below what fires");
    bench.act(Action::Bottom);
    bench.act(Action::Top);
    assert_eq!(selected(&bench), "n7");
}

#[test]
fn enter_goes_to_the_node_and_for_the_api_to_the_api_of_that_cluster() {
    let mut bench = Bench::new(&["a", "b"]);
    for (id, resource) in [(1, Resource::Nodes), (1, Resource::Pods)] {
        bench.send_to(id, ClusterEvent::ListStarted { resource, generation: 1 });
        if resource == Resource::Nodes {
            let lost = crate::msg::NodeChange::Present(Box::new(turned(&node("n1"), ConditionStatus::False, 0)));
            let batch = crate::msg::Batch::Nodes(vec![lost]);
            bench.send_to(id, ClusterEvent::Changes { resource, generation: 1, unreadable: 0, batch });
        }
        bench.send_to(id, ClusterEvent::ListFinished { resource, generation: 1 });
        bench.send_to(id, ClusterEvent::Sync { resource, state: SyncState::Watching });
    }
    bench.act(Action::Alerts);
    bench.act(Action::Open);
    assert_eq!(bench.model.current_id(), ClusterId(1));
    assert!(matches!(bench.model.screen(), Screen::Node { name, .. } if &**name == "n1"));
    bench.act(Action::Back);
    assert_eq!((bench.model.current_id(), bench.model.screen()), (ClusterId(0), &Screen::Top(TopScreen::Alerts)));
    bench.act(Action::Back);
    assert_eq!((bench.model.current_id(), bench.model.screen()), (ClusterId(0), &Screen::Nodes));
    bench.call(PODS, 12_000, CallEnd::Complete, Some(200));
    bench.act(Action::Alerts);
    bench.act(Action::Bottom);
    bench.act(Action::Open);
    assert_eq!((bench.model.current_id(), bench.model.screen()), (ClusterId(0), &Screen::Top(TopScreen::Api)));
}

#[test]
fn nothing_to_choose_is_no_problem() {
    let mut bench = bench();
    bench.act(Action::Alerts);
    for action in [Action::Open, Action::Acknowledge, Action::Down, Action::Bottom, Action::Silence, Action::Silence] {
        bench.act(action);
    }
    assert_eq!(*bench.model.screen(), Screen::Top(TopScreen::Alerts));
    bench.act(Action::Alerts);
    assert_eq!(*bench.model.screen(), Screen::Nodes, "the key closes what it opened");
}

#[test]
fn alerts_are_sorted_filtered_and_held_like_any_list() {
    let mut bench = bench();
    lose(&mut bench, "n5");
    bench.wait_live(2);
    lose(&mut bench, "n7");
    bench.act(Action::Alerts);
    let subjects = |bench: &Bench| -> Vec<String> {
        bench
            .model
            .alert_rows()
            .iter()
            .filter_map(|row| row.record.subject.clone())
            .map(|name| name.to_string())
            .collect()
    };
    assert_eq!(subjects(&bench), ["n5", "n7"], "the oldest first");
    bench.act(Action::SortAge);
    assert_eq!(subjects(&bench), ["n7", "n5"], "the youngest first");
    bench.act(Action::Hold);
    lose(&mut bench, "n9");
    bench.prepare();
    assert_eq!(subjects(&bench), ["n7", "n5", "n9"], "a new one comes last while the order is held");
    bench.act(Action::Filter);
    bench.type_text("n5");
    assert_eq!((subjects(&bench), bench.model.alert_extent().total), (vec!["n5".to_owned()], 3));
    bench.act(Action::Open);
    bench.act(Action::Open);
    assert!(matches!(bench.model.screen(), Screen::Node { name, .. } if &**name == "n5"));
    bench.act(Action::Back);
    bench.act(Action::Back);
    assert_eq!(
        (subjects(&bench).len(), bench.model.screen()),
        (3, &Screen::Top(TopScreen::Alerts)),
        "first the filter"
    );
}
