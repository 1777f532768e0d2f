//! Optional APIs, in virtual time: they are requested seldom, and their failures affect nothing else.

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

fn usage_requests(rig: &Rig) -> Vec<u64> {
    rig.seen().iter().filter(|seen| seen.path == USAGE).map(|seen| seen.at.as_secs()).collect()
}

fn reported(rig: &Rig) -> Vec<UsageNews> {
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
    let usage_requests = usage_requests(&rig);
    assert!(usage_requests.windows(2).all(|two| (30..=33).contains(&(two[1] - two[0]))), "{usage_requests:?}");
    assert!((18..=21).contains(&usage_requests.len()), "{usage_requests:?}");
    let UsageNews::Read(nodes) = &reported(&rig)[0] else { panic!("figures were read") };
    assert_eq!((&*nodes[0].name, nodes[0].cpu.unwrap().milli()), ("n1", 250));
}

#[tokio::test(start_paused = true)]
async fn no_key_makes_usage_be_asked_more_often_than_its_period() {
    let mut rig = with_usage(|_| json(FIGURES));
    for _ in 0..60 {
        rig.commands.send(ClusterCommand::Refresh).await.unwrap();
        rig.pass(secs(1)).await;
    }
    assert!(usage_requests(&rig).len() <= 2, "{:?}", usage_requests(&rig));
}

#[tokio::test(start_paused = true)]
async fn f24_an_absent_metrics_api_is_looked_for_every_5_min_without_a_word() {
    let mut rig = with_usage(|_| status(404, "404 page not found\n"));
    rig.pass(secs(1_000)).await;
    let usage_requests = usage_requests(&rig);
    assert!(usage_requests.windows(2).all(|two| (300..=330).contains(&(two[1] - two[0]))), "{usage_requests:?}");
    assert_eq!(usage_requests.len(), 4, "{usage_requests:?}");
    assert!(reported(&rig).iter().all(|news| *news == UsageNews::Absent));
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
    rig.commands.send(ClusterCommand::Refresh).await.unwrap();
    rig.pass(secs(2)).await;
    assert!(matches!(reported(&rig)[..], [UsageNews::Absent, UsageNews::Read(_)]));
}

#[tokio::test(start_paused = true)]
async fn f25_a_broken_metrics_api_is_no_failure_of_the_cluster_and_no_storm() {
    let mut rig = with_usage(|_| status(503, "service unavailable\n"));
    rig.pass(secs(600)).await;
    let usage_requests = usage_requests(&rig);
    assert!(usage_requests.windows(2).all(|two| (60..=66).contains(&(two[1] - two[0]))), "{usage_requests:?}");
    assert_eq!(
        reported(&rig)[0],
        UsageNews::Unavailable("load balancer or proxy answered 503: service unavailable (503)".into())
    );
    assert_eq!(failures(&rig), 0);
}

#[tokio::test(start_paused = true)]
async fn forbidden_usage_is_asked_for_again_after_5_min() {
    let mut rig = with_usage(|_| status(403, "nodes.metrics.k8s.io is forbidden"));
    rig.pass(secs(400)).await;
    assert_eq!(usage_requests(&rig).len(), 2);
    assert!(matches!(reported(&rig)[0], UsageNews::Denied(_)));
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
            if attempt.kind == CallKind::Usage && attempt.end == CallEnd::TimedOut && attempt.total == secs(10))
    };
    assert_eq!(rig.count(timed_out), 5, "each is given up after its own deadline");
    assert!(reported(&rig).iter().all(|news| matches!(news, UsageNews::Unavailable(_))));
}

#[tokio::test(start_paused = true)]
async fn what_is_switched_off_is_never_asked() {
    let mut rig = Rig::start(Tuning::default(), good);
    rig.pass(secs(400)).await;
    assert!(rig.seen().iter().all(|seen| !seen.path.starts_with("/apis/")));
    assert_eq!(reported(&rig), [UsageNews::Off]);
}

const GROUP: &str = "/apis/resource.k8s.io";
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";

fn group(versions: &[&str]) -> Reply {
    let versions: Vec<String> = versions.iter().map(|version| format!(r#"{{"version":"{version}"}}"#)).collect();
    json(format!(r#"{{"kind":"APIGroup","name":"resource.k8s.io","versions":[{}]}}"#, versions.join(",")))
}

/// A list of one object without a spec: its content does not matter here.
fn one(seen: &Seen) -> Reply {
    if seen.is_watch() { quiet_watch(seen) } else { json(list(7, "", &["x"])) }
}

/// A good server with `resource.k8s.io` as `dra` says.
fn with_dra(dra: impl Fn(&Seen) -> Reply + Send + 'static) -> Rig {
    let tuning = Tuning { optional: Optional { dra: true, ..Optional::off() }, ..Tuning::default() };
    Rig::with_optional(tuning, move |seen| if seen.path.starts_with(GROUP) { dra(seen) } else { good(seen) })
}

/// The states of a resource, one after the other.
fn states(rig: &Rig, of: Resource) -> Vec<SyncState> {
    let states = rig.events.iter().filter_map(|(_, event)| match event {
        ClusterEvent::Sync { resource, state } if *resource == of => Some(state.clone()),
        _ => None,
    });
    states.collect()
}

fn times(rig: &Rig, path: &str) -> Vec<u64> {
    rig.seen().iter().filter(|seen| seen.path == path).map(|seen| seen.at.as_secs()).collect()
}

#[tokio::test(start_paused = true)]
async fn slices_claims_and_classes_are_listed_and_watched_in_the_best_version() {
    let mut rig =
        with_dra(|seen| if seen.path == GROUP { group(&["v1beta1", "v1beta2", "v1alpha3"]) } else { one(seen) });
    rig.until_watching(Resource::Slices).await;
    rig.pass(secs(5)).await;
    for resource in [Resource::Slices, Resource::Claims, Resource::Classes] {
        assert_eq!(states(&rig, resource), [SyncState::Listing, SyncState::Watching], "{resource:?}");
        let path = format!("{GROUP}/v1beta2/{}", resource.name());
        let seen: Vec<Seen> = rig.seen().into_iter().filter(|seen| seen.path == path).collect();
        assert_eq!((seen.len(), seen[0].param("limit"), seen[1].param("resourceVersion")), (2, Some("500"), Some("7")));
    }
}

/// The resources of a version of the group.
fn kinds(names: &[&str]) -> Reply {
    let names: Vec<String> = names.iter().map(|name| format!(r#"{{"name":"{name}"}}"#)).collect();
    json(format!(r#"{{"kind":"APIResourceList","resources":[{}]}}"#, names.join(",")))
}

#[tokio::test(start_paused = true)]
async fn taint_rules_are_read_in_the_best_version_that_has_them() {
    // 1.36 has them in v1beta2; before, v1beta2 is there without them, and they are in v1alpha3.
    for (versions, with_rules) in
        [(&["v1", "v1beta2", "v1alpha3"][..], "v1beta2"), (&["v1", "v1beta2", "v1beta1", "v1alpha3"], "v1alpha3")]
    {
        let mut rig = with_dra(move |seen| match seen.path.strip_prefix(GROUP) {
            Some("") => group(versions),
            Some(version) if version[1..] == *with_rules => kinds(&["resourceslices", "devicetaintrules"]),
            Some(version) if !version[1..].contains('/') => kinds(&["resourceslices", "resourceclaims"]),
            _ => one(seen),
        });
        rig.until_watching(Resource::Rules).await;
        assert_eq!(states(&rig, Resource::Rules), [SyncState::Listing, SyncState::Watching], "{with_rules}");
        assert_eq!(times(&rig, &format!("{GROUP}/{with_rules}/devicetaintrules")).len(), 2, "a list and a watch");
        assert_eq!(failures(&rig), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn without_taint_rules_or_the_right_to_see_them_the_rest_goes_on() {
    let none = with_dra(|seen| match seen.path.strip_prefix(GROUP) {
        Some("") => group(&["v1", "v1beta2"]),
        Some("/v1" | "/v1beta2") => kinds(&["resourceslices", "resourceclaims", "deviceclasses"]),
        _ => one(seen),
    });
    let denied = with_dra(|seen| match seen.path.strip_prefix(GROUP) {
        Some("") => group(&["v1", "v1beta2"]),
        Some("/v1beta2") => kinds(&["devicetaintrules"]),
        Some("/v1") => kinds(&["resourceslices"]),
        _ if seen.path.ends_with("devicetaintrules") => status(403, "devicetaintrules is forbidden"),
        _ => one(seen),
    });
    for (mut rig, absent) in [(none, true), (denied, false)] {
        rig.until_watching(Resource::Claims).await;
        rig.pass(secs(30)).await;
        let reported = states(&rig, Resource::Rules);
        match reported.last() {
            Some(SyncState::Absent) => assert!(absent),
            Some(SyncState::Denied { .. }) => assert!(!absent),
            other => panic!("{other:?}"),
        }
        assert_eq!(states(&rig, Resource::Slices).last(), Some(&SyncState::Watching));
        assert_eq!(failures(&rig), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn f54_a_server_without_the_group_is_looked_at_every_5_min_without_a_word() {
    let mut rig = with_dra(|_| status(404, "404 page not found\n"));
    rig.pass(secs(1_000)).await;
    assert!(states(&rig, Resource::Slices).iter().all(|state| *state == SyncState::Absent));
    let usage_requests = times(&rig, GROUP);
    assert!(
        (12..=16).contains(&usage_requests.len()),
        "four resources, each at the start and every 5 min: {usage_requests:?}"
    );
    assert_eq!(failures(&rig), 0);
}

#[tokio::test(start_paused = true)]
async fn f54_a_version_that_goes_away_is_followed_to_the_next() {
    let upgraded = Arc::new(AtomicBool::new(false));
    let switch = upgraded.clone();
    let mut rig = with_dra(move |seen| {
        let (old, new) =
            if switch.load(std::sync::atomic::Ordering::Relaxed) { ("v1beta1", "v1") } else { ("v1", "v1beta1") };
        match seen.path.strip_prefix("/apis/resource.k8s.io/") {
            None => group(&[new]),
            Some(below) if below.starts_with(&format!("{old}/")) => status(404, "404 page not found\n"),
            Some(_) if seen.is_watch() => quiet_watch(seen),
            Some(_) => one(seen),
        }
    });
    rig.until_watching(Resource::Slices).await;
    upgraded.store(true, std::sync::atomic::Ordering::Relaxed);
    rig.pass(secs(900)).await;
    let reported = states(&rig, Resource::Slices);
    assert!(reported.contains(&SyncState::Absent), "{reported:?}");
    assert_eq!(reported.last(), Some(&SyncState::Watching));
    assert!(times(&rig, "/apis/resource.k8s.io/v1/resourceslices").len() >= 2);
    assert_eq!(failures(&rig), 0);
}

#[tokio::test(start_paused = true)]
async fn forbidden_slices_are_denied_and_no_failure() {
    let mut rig = with_dra(|seen| if seen.path == GROUP { group(&["v1"]) } else { status(403, "forbidden") });
    rig.pass(secs(400)).await;
    let reported = states(&rig, Resource::Slices);
    assert!(matches!(reported[..], [SyncState::Listing, SyncState::Denied { .. }, ..]), "{reported:?}");
    assert_eq!(times(&rig, "/apis/resource.k8s.io/v1/resourceslices").len(), 2, "at the start and after 5 min");
    assert_eq!(failures(&rig), 0);
}

#[tokio::test(start_paused = true)]
async fn optional_resources_that_hang_or_fail_are_no_storm_and_no_failure() {
    for broken in [|| Reply::Hang, || status(500, "etcdserver: no leader"), || Reply::Refused] {
        let mut rig = with_dra(move |_| broken());
        rig.pass(secs(600)).await;
        let usage_requests = times(&rig, GROUP);
        assert!(usage_requests.len() <= 4 * 20, "{usage_requests:?}");
        assert_eq!(failures(&rig), 0);
        assert!(matches!(states(&rig, Resource::Claims)[0], SyncState::Waiting { .. }));
    }
}

fn with_leases(leases: LeaseWatch, nodes: usize) -> Rig {
    let optional = Optional { leases, ..Optional::off() };
    let names: Vec<String> = (0..nodes).map(|node| format!("n{node}")).collect();
    Rig::with_optional(Tuning { optional, ..Tuning::default() }, move |seen| match &*seen.path {
        LEASES => one(seen),
        "/api/v1/nodes" if !seen.is_watch() => {
            json(list(100, "", &names.iter().map(String::as_str).collect::<Vec<_>>()))
        }
        _ => good(seen),
    })
}

#[tokio::test(start_paused = true)]
async fn leases_are_watched_of_small_clusters_only() {
    let mut small = with_leases(LeaseWatch::Auto, 200);
    small.until_watching(Resource::Leases).await;
    assert_eq!(states(&small, Resource::Leases), [SyncState::Listing, SyncState::Watching]);
    let mut large = with_leases(LeaseWatch::Auto, 201);
    large.pass(secs(60)).await;
    assert_eq!(times(&large, LEASES), Vec::<u64>::new());
    let reported = states(&large, Resource::Leases);
    assert!(
        matches!(reported.last(), Some(SyncState::Skipped { reason }) if &**reason == "not watched: 201 nodes, more than 200"),
        "{reported:?}"
    );
    let mut wanted = with_leases(LeaseWatch::On, 201);
    wanted.until_watching(Resource::Leases).await;
}
