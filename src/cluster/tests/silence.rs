//! A server that was silent, against the scripted server: the screen is up to date soon after the first answer.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// A cluster whose server refuses, or hangs, until the switch is thrown.
fn rig(tuning: Tuning, dead: fn() -> Reply) -> (Rig, Arc<AtomicBool>) {
    let down = Arc::new(AtomicBool::new(false));
    let switch = down.clone();
    let rig = Rig::start(tuning, move |seen| match (down.load(Ordering::Relaxed), seen.is_watch()) {
        (true, _) => dead(),
        (false, true) => steps([Step::Wait(secs(30)), Step::Break]),
        (false, false) => good(seen),
    });
    (rig, switch)
}

/// Time of the first watch of pods after `from`.
fn watched_after(rig: &Rig, from: Duration) -> Option<Duration> {
    let watching = |event: &ClusterEvent| {
        matches!(event, ClusterEvent::Sync { resource: Resource::Pods, state: SyncState::Watching })
    };
    let reported = rig.events.iter().find(|(at, event)| *at >= from && watching(event)).map(|(at, _)| *at);
    // A quiet watch that was cut is not shown as lost, so that reopening it sends nothing.
    let opened = rig.watches("pods").iter().map(|seen| seen.at).find(|at| *at >= from);
    reported.into_iter().chain(opened).min()
}

async fn back_within_7_seconds(dead: fn() -> Reply, outage: u64) {
    let (mut rig, switch) = rig(Tuning::default(), dead);
    rig.until_watching(Resource::Pods).await;
    switch.store(true, Ordering::Relaxed);
    rig.pass(secs(outage)).await;
    let end = rig.state_start().elapsed();
    switch.store(false, Ordering::Relaxed);
    rig.pass(secs(7)).await;
    let back = watched_after(&rig, end).unwrap_or_else(|| panic!("not after {outage} s: {:#?}", rig.events));
    let late = back.saturating_sub(end);
    assert!(late <= secs(7), "{late:?} after the end of {outage} s");
}

#[tokio::test(start_paused = true)]
async fn f01_what_was_refused_is_true_again_within_a_probe_period_and_two_seconds() {
    for outage in [45, 60, 90, 300, 600] {
        back_within_7_seconds(|| Reply::Refused, outage).await;
    }
}

#[tokio::test(start_paused = true)]
async fn f45_what_hung_is_true_again_within_a_probe_period_and_two_seconds() {
    for outage in [45, 60, 90, 300, 600] {
        back_within_7_seconds(|| Reply::Hang, outage).await;
    }
}

#[tokio::test(start_paused = true)]
async fn f33_what_a_load_balancer_answered_with_503_is_true_again_as_soon() {
    for outage in [45, 90, 600] {
        back_within_7_seconds(|| status(503, "no healthy upstream"), outage).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_whose_probes_come_and_go_is_not_asked_more_than_once_a_second() {
    let (start, answers) = (Instant::now(), |at: Duration| (at.as_secs() / 5).is_multiple_of(2));
    let mut rig = Rig::start(Tuning::default(), move |seen| match seen.path.as_str() {
        "/livez" | "/api/v1/namespaces" if answers(start.elapsed()) => good(seen),
        _ => Reply::Refused,
    });
    rig.pass(secs(600)).await;
    assert!(rig.seen().len() <= 600, "{} requests in 600 s", rig.seen().len());
}

#[tokio::test(start_paused = true)]
async fn the_pods_of_namespaces_that_queue_are_true_again_as_soon() {
    let namespaces = (0..3).map(|n| Clean::new(&format!("team-{n}"))).collect();
    let down = Arc::new(AtomicBool::new(false));
    let switch = down.clone();
    let mut rig = Rig::start(Tuning { namespaces, ..Tuning::default() }, move |seen| {
        let pods = seen.path.ends_with("/pods");
        match (down.load(Ordering::Relaxed), seen.is_watch()) {
            (true, _) => Reply::Refused,
            (false, true) => steps([Step::Wait(secs(30)), Step::Break]),
            (false, false) if pods => json(list(101, "", &["p1"])),
            (false, false) => good(seen),
        }
    });
    rig.pass(secs(5)).await;
    switch.store(true, Ordering::Relaxed);
    rig.pass(secs(300)).await;
    let end = rig.state_start().elapsed();
    switch.store(false, Ordering::Relaxed);
    rig.pass(secs(7)).await;
    let mut back: Vec<u16> = rig
        .events
        .iter()
        .filter(|(at, _)| *at >= end)
        .filter_map(|(_, event)| match event {
            ClusterEvent::Namespaced { index, event }
                if matches!(&**event, ClusterEvent::Sync { state: SyncState::Watching, .. }) =>
            {
                Some(*index)
            }
            _ => None,
        })
        .collect();
    back.sort_unstable();
    back.dedup();
    assert_eq!(back, [0, 1, 2]);
}
