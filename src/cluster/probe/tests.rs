//! Tests of the probes against the scripted server.

use super::*;
use crate::cluster::Tuning;
use crate::cluster::tests::script::*;

fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

fn samples(rig: &Rig, of: ProbeSeries) -> Vec<(u64, ProbeOutcome)> {
    let sample = |event: &ClusterEvent| match event {
        ClusterEvent::Probe(sample) if sample.series == of => Some((sample.tick.0.as_secs(), sample.outcome)),
        _ => None,
    };
    rig.events.iter().filter_map(|(_, event)| sample(event)).collect()
}

#[tokio::test(start_paused = true)]
async fn each_tick_of_a_hung_server_is_one_censored_sample() {
    let mut rig = Rig::start(Tuning::default(), |seen| {
        if seen.path.starts_with("/livez") || seen.path.ends_with("namespaces") { Reply::Hang } else { good(seen) }
    });
    rig.pass(secs(61)).await;
    for series in [ProbeSeries::Ping, ProbeSeries::Work] {
        let expected: Vec<(u64, ProbeOutcome)> =
            (0..12).map(|n| (5 * n, ProbeOutcome::TimedOut { at_least: secs(5) })).collect();
        assert_eq!(samples(&rig, series), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn where_namespaces_are_forbidden_nodes_are_probed_and_then_the_version() {
    let mut rig = Rig::start(Tuning::default(), |seen| match (seen.path.as_str(), seen.param("limit")) {
        ("/api/v1/namespaces", _) | ("/api/v1/nodes", Some("1")) => status(403, "{}"),
        _ => good(seen),
    });
    rig.pass(secs(21)).await;
    let paths: Vec<String> = rig
        .seen()
        .iter()
        .filter(|seen| seen.param("limit") == Some("1") || (seen.path == "/version" && seen.at >= secs(5)))
        .map(|seen| seen.path.clone())
        .collect();
    assert_eq!(paths, ["/api/v1/namespaces", "/api/v1/nodes", "/version", "/version", "/version"]);
    let work = samples(&rig, ProbeSeries::Work);
    assert_eq!(work.len(), 5);
    assert!(work.iter().all(|(_, outcome)| matches!(outcome, ProbeOutcome::Answered { .. })), "a 403 is an answer");
}

#[tokio::test(start_paused = true)]
async fn while_the_server_throttles_work_is_probed_every_15_seconds_and_reachability_as_before() {
    let mut rig = Rig::start(Tuning::default(), |seen| {
        if seen.path == "/api/v1/namespaces" && seen.at < secs(40) { status(429, "slow") } else { good(seen) }
    });
    rig.pass(secs(56)).await;
    let ticks: Vec<u64> = samples(&rig, ProbeSeries::Work).iter().map(|(tick, _)| *tick).collect();
    assert_eq!(ticks, [0, 15, 30, 45, 50, 55]);
    let first = samples(&rig, ProbeSeries::Work)[0].1;
    assert!(matches!(first, ProbeOutcome::Failed { layer: Layer::Throttled, .. }), "{first:?}");
    assert_eq!(samples(&rig, ProbeSeries::Ping).len(), 12);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_server_is_a_failed_sample_with_its_layer() {
    let mut rig = Rig::start(Tuning::default(), |seen| match seen.path.as_str() {
        "/livez" => status(500, "[-]etcd failed"),
        "/api/v1/namespaces" => status(504, "{}"),
        _ => good(seen),
    });
    rig.pass(secs(1)).await;
    let layer = |series| match samples(&rig, series)[0].1 {
        ProbeOutcome::Failed { layer, .. } => layer,
        other => panic!("{other:?}"),
    };
    assert_eq!((layer(ProbeSeries::Ping), layer(ProbeSeries::Work)), (Layer::Server, Layer::ServerTimeout));
}

#[tokio::test(start_paused = true)]
async fn the_version_is_asked_for_at_the_start_and_after_each_reconnect() {
    let mut rig = Rig::start(Tuning::default(), |seen| {
        let down = (20..40).contains(&seen.at.as_secs()) || (60..63).contains(&seen.at.as_secs());
        if down { Reply::Refused } else { good(seen) }
    });
    rig.pass(secs(90)).await;
    let at: Vec<u64> = rig.seen().iter().filter(|s| s.path == "/version").map(|s| s.at.as_secs()).collect();
    assert_eq!(at, [0, 40, 65]);
    assert_eq!(rig.count(|event| matches!(event, ClusterEvent::Version(_))), 3);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_screen_gets_no_burst_of_late_probes() {
    let mut rig = Rig::start(Tuning::default(), good);
    rig.pass(secs(11)).await;
    // The channel is not read for a while: it fills up and the probes wait.
    tokio::time::sleep(secs(3000)).await;
    let before = rig.seen().iter().filter(|seen| seen.path == "/livez").count();
    rig.pass(secs(11)).await;
    let after = rig.seen().iter().filter(|seen| seen.path == "/livez").count();
    assert!(after - before <= 4, "{} probes in 11 s", after - before);
    let ticks: Vec<u64> = samples(&rig, ProbeSeries::Ping).iter().map(|(tick, _)| *tick).collect();
    assert!(
        ticks.windows(2).all(|pair| pair[1] > pair[0] && (pair[1] - pair[0]) % 5 == 0),
        "on the grid, once: {ticks:?}"
    );
    assert!(*ticks.last().unwrap() >= 3005);
}

#[test]
fn f66_the_skew_is_ours_minus_the_servers_less_half_the_way() {
    let ours: Timestamp = "2026-11-23T10:00:10.500Z".parse().unwrap();
    let skew = |date: &str, latency| skew_ms(date, ours, Duration::from_millis(latency));
    assert_eq!(skew("Mon, 23 Nov 2026 10:00:10 GMT", 0), Some(0));
    assert_eq!(skew("Mon, 23 Nov 2026 10:00:00 GMT", 0), Some(10_000), "ours is ahead");
    assert_eq!(skew("Mon, 23 Nov 2026 10:10:10 GMT", 400), Some(-600_200));
    assert_eq!(skew("yesterday", 0), None);
}
