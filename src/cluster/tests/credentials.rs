//! Credentials that expire and are rejected, with the whole task tree in virtual time.

use super::*;

#[tokio::test(start_paused = true)]
async fn f60_f63_credentials_are_renewed_a_minute_before_they_expire_while_the_data_goes_on() {
    // A plugin that takes 25 s, and credentials, a token or a certificate, that hold for ten minutes.
    let credentials = Credentials { life: Some(secs(600)), takes: secs(25) };
    let mut rig = Rig::with(Tuning { optional: Optional::off(), ..Tuning::default() }, credentials, good);
    rig.pass(secs(3600)).await;
    let builds = rig.builds();
    // The first run starts at once, each further one 540 s after the last credential came.
    let begun: Vec<u128> = builds.iter().map(|(begun, _)| (begun.as_millis() + 500) / 1000).collect();
    assert_eq!(begun, [0, 565, 1130, 1695, 2260, 2825, 3390], "{builds:?}");
    assert_eq!((rig.lists("pods").len(), rig.lists("nodes").len()), (1, 1), "nothing is listed again for it");
    let missed = rig.count(|event| {
        matches!(event, ClusterEvent::Probe(sample) if !matches!(sample.outcome, ProbeOutcome::Answered { .. }))
    });
    assert!(missed <= 10, "only those of the first 25 s, before there were any credentials: {missed}");
    let of_a_list =
        |event: &ClusterEvent| matches!(event, ClusterEvent::Failed(failure) if !failure.request.contains("get"));
    assert_eq!(rig.count(of_a_list), 0, "lists and watches wait for the credentials");
}

#[tokio::test(start_paused = true)]
async fn f60_many_rejections_at_once_are_one_renewal_and_a_rejected_renewal_is_not_repeated_quickly() {
    let credentials = Credentials { life: None, takes: secs(3) };
    let mut rig = Rig::with(Tuning { optional: Optional::off(), ..Tuning::default() }, credentials, |seen| {
        let rejected = seen.at >= secs(60) && seen.at < secs(900) && seen.path != "/livez";
        if rejected { status(401, "Unauthorized") } else { good(seen) }
    });
    rig.pass(secs(100)).await;
    rig.commands.send(ClusterCommand::Refresh).await.unwrap();
    rig.pass(secs(800)).await;
    let builds = rig.builds();
    assert!(builds.windows(2).all(|pair| pair[1].0 >= pair[0].1), "one at a time: {builds:?}");
    assert!((2..=10).contains(&builds.len()), "lists, watches and probes are rejected all the time: {builds:?}");
    let gaps: Vec<Duration> = builds[1..].windows(2).map(|pair| pair[1].0.abs_diff(pair[0].1)).collect();
    assert!(gaps.iter().all(|gap| *gap >= secs(30)), "a plugin may open a browser: {gaps:?}");
    rig.until_watching(Resource::Pods).await;
}
