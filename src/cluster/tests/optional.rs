//! APIs that a cluster need not have: asked seldom, and whatever they do, nobody else notices. In virtual time.

use super::*;
use crate::msg::UsageNews;

const USAGE: &str = "/apis/metrics.k8s.io/v1beta1/nodes";

const FIGURES: &str = r#"{"kind":"NodeMetricsList","apiVersion":"metrics.k8s.io/v1beta1","metadata":{},"items":[
 {"metadata":{"name":"n1"},"timestamp":"2026-11-23T10:00:00Z","window":"20s","usage":{"cpu":"250m","memory":"1Gi"}}]}"#;

/// A good server whose metrics API answers as `usage` says.
fn with_usage(usage: impl Fn(&Seen) -> Reply + Send + 'static) -> Rig {
    let optional = Optional { usage: true, ..Optional::off() };
    let tuning = Tuning { optional, ..Tuning::default() };
    Rig::with_optional(tuning, move |seen| if seen.path == USAGE { usage(seen) } else { good(seen) })
}

fn asked(rig: &Rig) -> Vec<u64> {
    rig.seen().iter().filter(|seen| seen.path == USAGE).map(|seen| seen.at.as_secs()).collect()
}

fn told(rig: &Rig) -> Vec<UsageNews> {
    let news = rig.events.iter().filter_map(|(_, event)| match event {
        ClusterEvent::Usage(news) => Some(news.clone()),
        _ => None,
    });
    news.collect()
}

fn failures(rig: &Rig) -> usize {
    rig.count(|event| matches!(event, ClusterEvent::Failed(_) | ClusterEvent::TaskRestarted { .. }))
}

#[tokio::test(start_paused = true)]
async fn usage_is_polled_at_most_every_30_s() {
    let mut rig = with_usage(|_| json(FIGURES));
    rig.pass(secs(600)).await;
    let asked = asked(&rig);
    assert!(asked.windows(2).all(|two| (30..=33).contains(&(two[1] - two[0]))), "{asked:?}");
    assert!((18..=21).contains(&asked.len()), "{asked:?}");
    let UsageNews::Read(nodes) = &told(&rig)[0] else { panic!("figures were read") };
    assert_eq!((&*nodes[0].name, nodes[0].cpu.unwrap().milli()), ("n1", 250));
}

#[tokio::test(start_paused = true)]
async fn no_key_makes_usage_be_asked_more_often_than_its_period() {
    let mut rig = with_usage(|_| json(FIGURES));
    for _ in 0..60 {
        rig.commands.send(Command::Refresh).await.unwrap();
        rig.pass(secs(1)).await;
    }
    assert!(asked(&rig).len() <= 2, "{:?}", asked(&rig));
}

#[tokio::test(start_paused = true)]
async fn f24_an_absent_metrics_api_is_looked_for_every_5_min_without_a_word() {
    let mut rig = with_usage(|_| status(404, "404 page not found\n"));
    rig.pass(secs(1_000)).await;
    let asked = asked(&rig);
    assert!(asked.windows(2).all(|two| (300..=330).contains(&(two[1] - two[0]))), "{asked:?}");
    assert_eq!(asked.len(), 4, "{asked:?}");
    assert!(told(&rig).iter().all(|news| *news == UsageNews::Absent));
    assert_eq!(failures(&rig), 0);
}

#[tokio::test(start_paused = true)]
async fn f24_an_api_that_is_installed_later_is_found_by_a_refresh() {
    let installed = Arc::new(AtomicBool::new(false));
    let there = installed.clone();
    let mut rig = with_usage(move |_| {
        if there.load(std::sync::atomic::Ordering::Relaxed) { json(FIGURES) } else { status(404, "404 page not found") }
    });
    rig.pass(secs(60)).await;
    installed.store(true, std::sync::atomic::Ordering::Relaxed);
    rig.commands.send(Command::Refresh).await.unwrap();
    rig.pass(secs(2)).await;
    assert!(matches!(told(&rig)[..], [UsageNews::Absent, UsageNews::Read(_)]));
}

#[tokio::test(start_paused = true)]
async fn f25_a_broken_metrics_api_is_no_failure_of_the_cluster_and_no_storm() {
    let mut rig = with_usage(|_| status(503, "service unavailable\n"));
    rig.pass(secs(600)).await;
    let asked = asked(&rig);
    assert!(asked.windows(2).all(|two| (60..=66).contains(&(two[1] - two[0]))), "{asked:?}");
    assert_eq!(
        told(&rig)[0],
        UsageNews::Unavailable("load balancer or proxy answered 503: service unavailable (503)".into())
    );
    assert_eq!(failures(&rig), 0);
}

#[tokio::test(start_paused = true)]
async fn forbidden_usage_is_asked_for_again_after_5_min() {
    let mut rig = with_usage(|_| status(403, "nodes.metrics.k8s.io is forbidden"));
    rig.pass(secs(400)).await;
    assert_eq!(asked(&rig).len(), 2);
    assert!(matches!(told(&rig)[0], UsageNews::Denied(_)));
    assert_eq!(failures(&rig), 0);
}

#[tokio::test(start_paused = true)]
async fn a_metrics_api_that_hangs_touches_nothing_else() {
    let others = |rig: &Rig| rig.seen().iter().filter(|seen| seen.path != USAGE).count();
    let answered = |rig: &Rig| {
        rig.count(|event| {
            matches!(event, ClusterEvent::Probe(sample) if matches!(sample.outcome, ProbeOutcome::Answered { .. }))
        })
    };
    let mut calm = Rig::start(Tuning::default(), good);
    calm.pass(secs(300)).await;
    let without = (others(&calm), answered(&calm));
    let mut rig = with_usage(|_| Reply::Hang);
    rig.pass(secs(300)).await;
    assert_eq!((others(&rig), answered(&rig)), without, "the others ask and are answered as if it were not there");
    assert_eq!(failures(&rig), 0);
    let timed_out = |event: &ClusterEvent| {
        matches!(event, ClusterEvent::Call(CallEvent::Finished(attempt))
            if attempt.kind == CallKind::Usage && attempt.end == End::TimedOut && attempt.total == secs(10))
    };
    assert_eq!(rig.count(timed_out), 5, "each is given up after its own deadline");
    assert!(told(&rig).iter().all(|news| matches!(news, UsageNews::Unavailable(_))));
}

#[tokio::test(start_paused = true)]
async fn what_is_switched_off_is_never_asked() {
    let mut rig = Rig::start(Tuning::default(), good);
    rig.pass(secs(400)).await;
    assert!(rig.seen().iter().all(|seen| !seen.path.starts_with("/apis/")));
    assert_eq!(told(&rig), [UsageNews::Off]);
}
