//! Alerts and strip while one or many servers fall silent and come back.

use crate::action::Action;
use crate::facts::node::ConditionStatus;
use crate::model::alerts::*;
use crate::model::app::alerts::AlertState;
use crate::model::cluster::{ClusterSummary, Health};
use crate::model::fixture::{Bench, failure, node, ready, turned};
use crate::msg::{
    CallEnd, CallKind, ClusterEvent, Effect, Layer, Msg, PageHead, ProbeOutcome, ProbeSample, ProbeSeries, Resource,
    SyncState,
};

fn answered() -> ProbeOutcome {
    ProbeOutcome::Answered { latency: Duration::from_millis(20) }
}

fn timed_out() -> ProbeOutcome {
    ProbeOutcome::TimedOut { at_least: Duration::from_secs(5) }
}

fn refused() -> ProbeOutcome {
    ProbeOutcome::Failed { after: Duration::from_millis(1), layer: Layer::Connect }
}

/// Several clusters, each with two nodes that are well.
fn fleet(count: usize) -> Bench {
    let names: Vec<String> = (0..count).map(|n| format!("c{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut bench = Bench::new(&names);
    for cluster in 0..count {
        let changes = ["n0", "n1"].map(|name| crate::msg::NodeChange::Present(Box::new(node(name)))).into();
        let nodes = crate::msg::Batch::Nodes(changes);
        let pods = crate::msg::Batch::Pods(crate::facts::pod::PodBatch::default());
        for (resource, batch) in [(Resource::Nodes, nodes), (Resource::Pods, pods)] {
            let page = ClusterEvent::Page {
                resource,
                head: PageHead { generation: 1, page: 1, remaining: None, bytes: 1, unreadable: 0 },
                batch,
            };
            to(&mut bench, cluster, ClusterEvent::ListStarted { resource, generation: 1 });
            to(&mut bench, cluster, page);
            to(&mut bench, cluster, ClusterEvent::ListFinished { resource, generation: 1 });
            to(&mut bench, cluster, ClusterEvent::Sync { resource, state: SyncState::Watching });
        }
    }
    bench
}

fn to(bench: &mut Bench, cluster: usize, event: ClusterEvent) {
    bench.send_to(u16::try_from(cluster).unwrap(), event);
}

/// A probe of both series that was due so many seconds ago ends now; a timeout counts as one.
fn probes(bench: &mut Bench, cluster: usize, outcome: ProbeOutcome, ago: u64) {
    let tick = Mono(bench.now().mono.0.saturating_sub(Duration::from_secs(ago)));
    for series in [ProbeSeries::Ping, ProbeSeries::Work] {
        if outcome == timed_out() && cluster == 0 {
            bench.call(CallKind::Work, 5_000, CallEnd::TimedOut, None);
        }
        to(bench, cluster, ClusterEvent::Probe(ProbeSample { series, tick, outcome }));
    }
}

/// Lets seconds pass in which the clusters of `lost` do not answer and all others do; each is probed at a second of its own.
fn pass(bench: &mut Bench, seconds: u64, lost: &[usize], outcome: ProbeOutcome) -> Told {
    let mut reported = Told::default();
    let count = bench.model.clusters().len();
    for _ in 0..seconds {
        let second = usize::try_from(bench.ms / 1000).unwrap();
        for cluster in (0..count).filter(|cluster| (cluster + second) % 5 == 0) {
            if lost.contains(&cluster) {
                probes(bench, cluster, outcome, if outcome == timed_out() { 5 } else { 0 });
                if outcome == refused() {
                    for resource in Resource::CORE {
                        let failure = Box::new(failure(Layer::Connect, bench.now().wall));
                        let until = bench.now().mono + Duration::from_secs(30);
                        to(
                            bench,
                            cluster,
                            ClusterEvent::Sync { resource, state: SyncState::Waiting { until, failure } },
                        );
                    }
                }
            } else {
                probes(bench, cluster, answered(), 0);
                for resource in Resource::CORE {
                    to(bench, cluster, ClusterEvent::Sync { resource, state: SyncState::Watching });
                    to(bench, cluster, ClusterEvent::Alive { resource, bytes: 1 });
                }
            }
        }
        bench.ms += 1000;
        let now = bench.now();
        if let Some(Effect::NotifyAlerts { news, .. }) = bench.model.update(Msg::Tick, now) {
            reported.news.extend(news.iter().map(|news| format!("{} {}", news.cluster, news.reason)));
        }
        bench.prepare();
        let (critical, warnings) = bench.model.firing();
        if reported.counts.last() != Some(&(critical + warnings)) {
            reported.counts.push(critical + warnings);
        }
    }
    reported
}

/// Notifications, and how the number of firing alerts changed.
#[derive(Debug, Default)]
struct Told {
    news: Vec<String>,
    counts: Vec<usize>,
}

fn summary(bench: &Bench, cluster: usize) -> ClusterSummary {
    bench.model.clusters()[cluster].summary(bench.now())
}

fn outage(bench: &Bench) -> Vec<String> {
    bench.model.outage_alerts().iter().map(|line| line.text.to_string()).collect()
}

#[test]
fn from_the_first_missed_probe_on_a_cluster_is_not_ok_and_the_alert_comes_at_three() {
    for outcome in [timed_out(), refused()] {
        let mut bench = fleet(1);
        pass(&mut bench, 6, &[], outcome);
        let end = bench.ms;
        while bench.ms < end + 10_000 {
            pass(&mut bench, 1, &[0], outcome);
        }
        let now = summary(&bench, 0);
        let lost = matches!(outcome, ProbeOutcome::Failed { .. });
        assert_eq!(now.word, if lost { "stale" } else { "unanswered" });
        assert!(now.health > Health::Loading && (lost || now.silence.is_some()), "{now:?}");
        assert!(bench.reasons().is_empty() || lost, "{:?}", bench.reasons());
        let reported = pass(&mut bench, 10, &[0], outcome);
        assert_eq!((reported.news, bench.reasons()), (vec!["c0 Unreachable".to_owned()], vec!["Unreachable"]));
        assert_eq!(summary(&bench, 0).word, "unreachable");
        pass(&mut bench, 6, &[], outcome);
        assert_eq!((summary(&bench, 0).word, bench.reasons().len()), ("ok", 0));
    }
}

#[test]
fn a_work_probe_that_is_missed_alone_is_no_silence_but_not_ok() {
    let mut bench = fleet(1);
    pass(&mut bench, 10, &[], timed_out());
    let tick = bench.now().mono;
    bench.wait(5);
    to(&mut bench, 0, ClusterEvent::Probe(ProbeSample { series: ProbeSeries::Ping, tick, outcome: answered() }));
    to(&mut bench, 0, ClusterEvent::Probe(ProbeSample { series: ProbeSeries::Work, tick, outcome: timed_out() }));
    assert_eq!((summary(&bench, 0).word, summary(&bench, 0).silence), ("slow", None));
}

#[test]
fn clusters_that_lose_the_network_together_are_one_alert_reported_once_and_the_count_does_not_jump() {
    for (lost, all, text) in [
        (50, 50, "all 50 clusters unreachable: this host's network?"),
        (49, 50, "49 of 50 clusters unreachable: this host's network?"),
        (8, 50, "8 of 50 clusters unreachable: c0, c1, c2 and 5 more"),
        (3, 4, "3 of 4 clusters unreachable: this host's network?"),
        (2, 2, "all 2 clusters unreachable: this host's network?"),
    ] {
        for outcome in [timed_out(), refused()] {
            let mut bench = fleet(all);
            let lost: Vec<usize> = (0..lost).collect();
            pass(&mut bench, 30, &[], outcome);
            let reported = pass(&mut bench, 600, &lost, outcome);
            assert_eq!(reported.counts, [0, 1], "{text}");
            assert_eq!(reported.news, [format!("{} clusters ClustersUnreachable", lost.len())], "{text}");
            assert_eq!(outage(&bench), [text]);
            assert_eq!(summary(&bench, 0).worst, Some(Severity::Critical), "each of them is marked");
            let reported = pass(&mut bench, 30, &[], outcome);
            assert_eq!((reported.news, reported.counts), (vec![], vec![1, 0]), "{text}");
            assert_eq!(outage(&bench), [""; 0]);
        }
    }
}

#[test]
fn a_few_clusters_of_many_speak_for_themselves() {
    let mut bench = fleet(50);
    pass(&mut bench, 30, &[], timed_out());
    let reported = pass(&mut bench, 60, &[3, 7, 11], timed_out());
    assert_eq!(reported.news.len(), 3, "{reported:?}");
    assert!(outage(&bench).is_empty());
}

#[test]
fn a_cluster_that_was_lost_before_is_reported_once_and_stays_by_itself() {
    let mut bench = fleet(10);
    pass(&mut bench, 30, &[], timed_out());
    assert_eq!(pass(&mut bench, 300, &[9], timed_out()).news, ["c9 Unreachable"]);
    let all: Vec<usize> = (0..10).collect();
    let reported = pass(&mut bench, 60, &all, timed_out());
    assert_eq!(reported.news, ["9 clusters ClustersUnreachable"]);
    assert_eq!(outage(&bench), ["9 of 10 clusters unreachable: this host's network?"]);
    assert_eq!(pass(&mut bench, 60, &[9], timed_out()).news, [""; 0], "it was told an hour ago");
    assert_eq!(bench.model.firing(), (1, 0));
}

#[test]
fn who_is_left_of_an_outage_is_no_news_and_an_acknowledgement_stays_with_it() {
    let mut bench = fleet(50);
    let all: Vec<usize> = (0..50).collect();
    pass(&mut bench, 30, &[], timed_out());
    pass(&mut bench, 60, &all, timed_out());
    bench.act(Action::Alerts);
    bench.act(Action::Acknowledge);
    assert_eq!(bench.model.firing(), (0, 0));
    let rows: Vec<AlertState> = bench.model.alert_rows().iter().map(|row| row.state).collect();
    assert_eq!(rows, [AlertState::Acknowledged]);
    let reported = pass(&mut bench, 60, &[7], timed_out());
    assert_eq!((reported.news, reported.counts), (vec![], vec![0]), "nobody looks for it again");
    assert_eq!(bench.model.clusters()[7].alerts().len(), 1);
}

#[test]
fn the_alert_of_an_outage_leads_to_the_first_of_its_clusters() {
    let mut bench = fleet(8);
    pass(&mut bench, 30, &[], timed_out());
    pass(&mut bench, 60, &[2, 3, 4, 5, 6, 7], timed_out());
    bench.act(Action::Alerts);
    bench.act(Action::Open);
    assert_eq!(&**bench.model.current().context(), "c2");
}

#[test]
fn a_stop_of_the_program_raises_no_alert() {
    for stopped in [11, 60, 600] {
        let mut bench = fleet(10);
        pass(&mut bench, 30, &[], timed_out());
        let began = bench.now().mono;
        let id = bench.start(CallKind::List(Resource::Pods), Some(1));
        bench.ms += stopped * 1000;
        // What ran meanwhile has run into its deadline, as far as we can see.
        let now = bench.now();
        let reported = bench.model.update(Msg::Tick, now);
        for cluster in 0..10 {
            let outcome = ProbeOutcome::TimedOut { at_least: Duration::from_secs(stopped) };
            to(
                &mut bench,
                cluster,
                ClusterEvent::Probe(ProbeSample { series: ProbeSeries::Work, tick: began, outcome }),
            );
        }
        bench.end(id, CallKind::List(Resource::Pods), stopped * 1000, (CallEnd::TimedOut, None));
        bench.prepare();
        assert_eq!((reported, bench.model.firing()), (None, (0, 0)), "{stopped} s");
        let word = if stopped > 300 { "stale" } else { "ok" };
        assert_eq!(summary(&bench, 0).word, word, "{stopped} s: nobody proves yet what was there before");
        assert_eq!(summary(&bench, 0).latency.timeouts, 0, "{stopped} s");
        let reported = pass(&mut bench, 60, &[], timed_out());
        assert_eq!((reported.news, reported.counts), (vec![], vec![0]), "{stopped} s");
    }
}

#[test]
fn after_a_freeze_of_a_minute_the_word_is_ok_within_90_seconds_and_timeouts_are_no_alert_beside_unreachable() {
    let mut bench = fleet(1);
    pass(&mut bench, 30, &[], timed_out());
    let reported = pass(&mut bench, 60, &[0], timed_out());
    assert!(summary(&bench, 0).latency.timeouts > 10);
    assert_eq!(reported.news, ["c0 Unreachable"]);
    let reported = pass(&mut bench, 20, &[], timed_out());
    assert_eq!(summary(&bench, 0).word, "recovering");
    assert_eq!(reported.news, [""; 0]);
    pass(&mut bench, 70, &[], timed_out());
    assert_eq!((summary(&bench, 0).word, bench.reasons().len()), ("ok", 0));
}

#[test]
fn timeouts_that_are_over_recover_with_the_probes_and_are_not_critical_any_more() {
    let mut bench = fleet(1);
    pass(&mut bench, 30, &[], timed_out());
    for _ in 0..23 {
        bench.call(CallKind::List(Resource::Pods), 5_000, CallEnd::TimedOut, None);
    }
    pass(&mut bench, 5, &[], timed_out());
    assert_eq!((bench.model.firing(), summary(&bench, 0).word), ((1, 0), "slow"), "just now");
    pass(&mut bench, 35, &[], timed_out());
    let now = summary(&bench, 0);
    assert_eq!((now.word, now.last_timeout), ("recovering", Some(Duration::from_secs(40))));
    assert_eq!(
        bench.texts("Timeouts"),
        ["recovering, last timeout 40s ago: 23 timeouts in 10m (limit 10), 23 of them pods list"]
    );
    assert_eq!(bench.model.firing(), (0, 0), "a notice");
    pass(&mut bench, 30, &[], timed_out());
    assert_eq!(summary(&bench, 0).word, "ok");
    // It comes back: the same alert, critical, and told once.
    bench.call(CallKind::List(Resource::Pods), 5_000, CallEnd::TimedOut, None);
    let reported = pass(&mut bench, 1, &[], timed_out());
    assert_eq!((reported.news, bench.model.firing()), (vec![], (1, 0)));
}

#[test]
fn a_stale_watch_of_pods_hides_no_alert_of_a_node_and_a_stale_one_of_nodes_makes_it_unknown() {
    for (received, unknown) in [(Resource::Nodes, false), (Resource::Pods, true)] {
        let mut bench = Bench::with(vec![node("n0"), node("n1"), node("n2")], &[]);
        bench.change_node(1, turned(&node("n1"), ConditionStatus::False, 0));
        for _ in 0..62 {
            bench.probe(answered());
            bench.send(ClusterEvent::Alive { resource: received, bytes: 1 });
            bench.wait(5);
        }
        let lines: Vec<(&str, bool)> =
            bench.state().alerts().iter().map(|line| (line.reason(), line.unknown)).collect();
        assert!(lines.contains(&("NodeNotReady", unknown)), "{received:?}: {lines:?}");
        assert!(lines.contains(&("Stale", false)), "{lines:?}");
    }
}

#[test]
fn a_node_that_flaps_is_one_alert_that_says_both_and_the_count_does_not_jump() {
    let mut bench = Bench::with(vec![node("n0"), node("n1"), node("n2")], &[]);
    let mut version = 100;
    let mut turn = |bench: &mut Bench, name: &str, status: ConditionStatus| {
        version += 1;
        let facts = crate::facts::node::NodeFacts { version, conditions: vec![ready(status, bench.ms)], ..node(name) };
        bench.change_node(1, facts);
    };
    let mut news = Vec::new();
    let mut counts = Vec::new();
    for round in 0..12 {
        let status = if round % 2 == 0 { ConditionStatus::False } else { ConditionStatus::True };
        turn(&mut bench, "n0", status.clone());
        turn(&mut bench, "n1", status);
        for second in 0..10 {
            if second % 5 == 0 {
                bench.probe(answered());
                bench.received();
            }
            bench.ms += 1000;
            let now = bench.now();
            if let Some(Effect::NotifyAlerts { news: reported, .. }) = bench.model.update(Msg::Tick, now) {
                news.extend(reported.iter().map(|news| news.reason.to_string()));
            }
            bench.prepare();
            let (critical, warnings) = bench.model.firing();
            counts.push(critical + warnings);
        }
    }
    assert_eq!(news, ["NodeNotReady", "NodeNotReady", "NodeFlapping", "NodeFlapping"]);
    assert!(counts[20..].iter().all(|count| *count == 2), "{counts:?}");
    turn(&mut bench, "n0", ConditionStatus::False);
    bench.wait_live(3);
    let texts = bench.texts("NodeFlapping");
    assert!(
        texts.iter().any(|text| text.contains("n0 flapping: 13 Ready changes") && text.contains("NotReady since")),
        "{texts:?}"
    );
    let records = bench.state().alert_records();
    let inhibited = records.iter().find(|record| record.reason() == "NodeNotReady" && record.inhibited()).unwrap();
    assert_eq!(inhibited.resolved, None, "it is explained, and not over");
    assert_eq!(bench.model.firing(), (0, 2));
    bench.wait_live(60);
    assert_eq!(bench.model.firing(), (1, 1), "it does not come back: it is lost");
}

#[test]
fn silencing_a_cluster_is_answered_and_shown() {
    let mut bench = fleet(2);
    bench.act(Action::Silence);
    let until = bench.now().wall.checked_add(Duration::from_secs(1_800)).unwrap();
    assert_eq!(summary(&bench, 0).silenced_until, Some(until));
    assert_eq!(summary(&bench, 1).silenced_until, None);
    let notice = bench.model.notice(bench.now()).unwrap().to_string();
    assert_eq!(notice, format!("c0 silenced until {}", until.strftime("%H:%MZ")));
    bench.act(Action::Silence);
    assert_eq!(&**bench.model.notice(bench.now()).unwrap(), "c0 unsilenced");
    assert_eq!(summary(&bench, 0).silenced_until, None);
}

#[test]
fn the_count_of_an_outage_is_the_count_of_clusters_called_unreachable() {
    let mut bench = fleet(6);
    pass(&mut bench, 30, &[], refused());
    for second in 0..120 {
        // The sixth misses a probe now and then: it answers, if only with what is no HTTP.
        let lost: Vec<usize> = (0..if second % 20 < 10 { 6 } else { 5 }).collect();
        pass(&mut bench, 1, &lost, refused());
        let words = (0..6).filter(|at| summary(&bench, *at).word == "unreachable").count();
        if let [text] = &*outage(&bench) {
            assert!(
                text.starts_with(&format!("{words} of 6 clusters unreachable")),
                "{words} after {second} s: {text}"
            );
        }
    }
    assert_eq!(outage(&bench), ["5 of 6 clusters unreachable: this host's network?"]);
}
