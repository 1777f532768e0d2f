//! The rows of the fault catalogue on list+watch semantics, credentials and time (docs/faults.md), in virtual time
//! against a scripted server. Assertions about the screen use a model that gets the same events.
//!
//! Rows that are tested elsewhere: F49 end to end in `tests/faults_watch.rs`, as are F40, F41, F42, F44, F45, F53 and
//! F55 once more; F60 to F64 beside the plugins and the sessions; F66 beside the probes; the clocks of F67 beside the
//! sleep detector.
//!
//! F54 does not apply to nodes and pods, which have one version each.

use jiff::Timestamp;

use super::*;
use crate::cluster::kubeconfig::{Selection, Sources, load};
use crate::cluster::meter::MeterSink;
use crate::model::app::Model;
use crate::model::settings::{ClusterSpec, Settings};
use crate::model::store::sync::Freshness;
use crate::msg::{Failure, Msg, Now};

/// A model beside a rig.
pub(super) struct Beside {
    model: Model,
    applied: usize,
}

impl Beside {
    pub(super) fn new() -> Self {
        let spec = ClusterSpec { context: Clean::new("c"), broken: None };
        Self { model: Model::new(vec![spec], Settings::default()), applied: 0 }
    }

    fn now(at: Duration) -> Now {
        let wall = Timestamp::from_millisecond(i64::try_from(at.as_millis()).unwrap()).unwrap();
        Now { mono: Mono(at), wall }
    }

    /// Applies the rig's events since the last call, second by second. With `calm` no alert may follow.
    pub(super) fn listen(&mut self, rig: &Rig, calm: bool) {
        for (at, event) in &rig.events[self.applied..] {
            self.model.update(Msg::Cluster(ClusterId(0), event.clone()), Self::now(*at));
            self.model.update(Msg::Tick, Self::now(*at));
            self.model.update(Msg::Frame, Self::now(*at));
            let alerts = self.model.clusters()[0].alerts();
            assert!(!calm || alerts.is_empty(), "after {event:?} at {at:?}: {alerts:?}");
        }
        self.applied = rig.events.len();
    }

    /// Applies one more event, as if the rig had sent it.
    pub(super) fn take(&mut self, event: ClusterEvent, at: Duration) {
        self.model.update(Msg::Cluster(ClusterId(0), event), Self::now(at));
    }

    pub(super) fn alerts(&self) -> &[crate::model::alerts::AlertLine] {
        self.model.clusters()[0].alerts()
    }

    pub(super) fn pods(&self) -> Vec<String> {
        let (_, pod_store) = self.model.clusters()[0].held_objects();
        let mut names: Vec<String> = pod_store.pods().map(|slot| pod_store.pod(slot).name.to_owned()).collect();
        names.sort();
        names
    }

    pub(super) fn fresh(&self, resource: Resource, at: Duration) -> Freshness {
        self.model.clusters()[0].fresh(resource, Self::now(at))
    }
}

pub(super) fn error_event(status: &str) -> Step {
    data(format!("{{\"type\":\"ERROR\",\"object\":{status}}}\n"))
}

pub(super) fn is_pod_watch(seen: &Seen) -> bool {
    seen.is_watch() && seen.path == "/api/v1/pods"
}

fn pod_watches(rig: &Rig) -> Vec<(u64, String)> {
    rig.watches("pods")
        .iter()
        .map(|seen| (seen.at.as_secs(), seen.param("resourceVersion").unwrap().to_owned()))
        .collect()
}

fn finished(generation: u32) -> impl Fn(&ClusterEvent) -> bool {
    move |event| matches!(event, ClusterEvent::ListFinished { resource: Resource::Pods, generation: seen } if *seen == generation)
}

#[tokio::test(start_paused = true)]
async fn f40_a_watch_that_expires_in_mid_list_goes_on_from_a_fresh_version_and_another_pass_follows() {
    let (mut watches, mut firsts) = (0, 0);
    let mut rig = Rig::start(Tuning::default(), move |seen| {
        if is_pod_watch(seen) {
            watches += 1;
            let first = watches == 1;
            return if first { steps([Step::Wait(secs(1)), error_event(STATUS_410)]) } else { quiet_watch(seen) };
        }
        if !seen.is_list("pods") {
            return good(seen);
        }
        match (seen.param("continue"), seen.param("limit")) {
            (None, Some("1")) => json(list(150, "C9", &["p1"])),
            (None, _) => {
                firsts += 1;
                json(if firsts == 1 { list(101, "C1", &["p1", "ghost"]) } else { list(160, "", &["p1", "p2", "p3"]) })
            }
            (Some("C1"), _) => steps([Step::Wait(secs(5)), data(list(101, "C2", &["p2"]))]),
            _ => json(list(101, "", &["p3"])),
        }
    });
    let mut beside = Beside::new();
    rig.until("the first pass", finished(1)).await;
    beside.listen(&rig, true);
    assert_eq!(beside.pods(), ["ghost", "p1", "p2", "p3"], "nothing is thrown away");
    rig.until("the second pass", finished(2)).await;
    beside.listen(&rig, true);
    assert_eq!(beside.pods(), ["p1", "p2", "p3"]);
    let requests: Vec<(Option<String>, String)> = rig
        .lists("pods")
        .iter()
        .map(|seen| (seen.param("continue").map(str::to_owned), seen.param("limit").unwrap().to_owned()))
        .collect();
    let page = |token: Option<&str>, limit: &str| (token.map(str::to_owned), limit.to_owned());
    let expected =
        [page(None, "500"), page(Some("C1"), "500"), page(None, "1"), page(Some("C2"), "500"), page(None, "500")];
    assert_eq!(requests, expected);
    rig.pass(secs(2)).await;
    let versions: Vec<String> = pod_watches(&rig).into_iter().map(|(_, version)| version).collect();
    assert_eq!(versions, ["101", "150", "160"]);
}

#[tokio::test(start_paused = true)]
async fn f41_f42_f43_an_expired_version_in_any_form_is_a_quiet_new_list_without_a_version() {
    const TOO_LARGE: &str = r#"{"kind":"Status","status":"Failure","message":"Timeout: Too large resource version: 101, current: 50","reason":"Timeout","details":{"causes":[{"reason":"ResourceVersionTooLarge","message":"Too large resource version"}],"retryAfterSeconds":1},"code":504}"#;
    for form in ["event", "status", "too large"] {
        let (mut watches, mut lists) = (0, 0);
        let mut rig = Rig::start(Tuning::default(), move |seen| {
            if is_pod_watch(seen) {
                watches += 1;
                return match form {
                    _ if watches > 1 => quiet_watch(seen),
                    "event" => steps([error_event(STATUS_410)]),
                    "status" => status(410, STATUS_410),
                    _ => status(504, TOO_LARGE),
                };
            }
            if seen.is_list("pods") {
                lists += 1;
                // etcd was restored from a backup: the versions are smaller than before.
                return json(if lists == 1 { list(101, "", &["p1", "p2"]) } else { list(50, "", &["p1"]) });
            }
            good(seen)
        });
        let mut beside = Beside::new();
        rig.until("the second list", finished(2)).await;
        rig.pass(secs(30)).await;
        beside.listen(&rig, true);
        assert_eq!(beside.pods(), ["p1"], "{form}: what is older by its version is not discarded");
        assert!(rig.lists("pods").iter().all(|seen| seen.param("resourceVersion").is_none()), "{form}");
        assert!(rig.lists("pods")[1].at <= secs(3), "{form}: within one step");
        let versions: Vec<String> = pod_watches(&rig).into_iter().map(|(_, version)| version).collect();
        assert_eq!(versions, ["101", "50"], "{form}");
        assert_eq!(rig.lists("pods").len(), 2, "{form}");
    }
}

#[tokio::test(start_paused = true)]
async fn f44_a_watch_that_closes_at_once_says_so_and_keeps_the_data() {
    let mut rig = Rig::start(Tuning::default(), |seen| if is_pod_watch(seen) { steps([]) } else { good(seen) });
    rig.pass(secs(120)).await;
    let mut beside = Beside::new();
    beside.listen(&rig, false);
    assert_eq!(beside.pods(), ["p1"]);
    let named =
        beside.model.clusters()[0].link().failures().any(|f| f.text.contains("closed at once") && f.next_in.is_some());
    assert!(named, "the cause and the next attempt are named (G3)");
    assert!(rig.watches("pods").len() <= 12, "{:?}", pod_watches(&rig));
}

#[tokio::test(start_paused = true)]
async fn f45_a_silent_watch_is_opened_again_when_the_probe_is_answered_or_at_150_seconds() {
    // How long the probes hang, and when the watch is opened again.
    for (dead_until, second) in [(0, 90..=90), (110, 110..=120), (100_000, 150..=150)] {
        let mut rig = Rig::start(Tuning::default(), move |seen| match seen.path.as_str() {
            "/livez" if seen.at >= secs(20) && seen.at < secs(dead_until) => Reply::Hang,
            _ if is_pod_watch(seen) => steps([Step::Hang]),
            _ => good(seen),
        });
        rig.pass(secs(155)).await;
        let watches = pod_watches(&rig);
        assert!(second.contains(&watches[1].0), "dead until {dead_until}: {watches:?}");
        assert_eq!(watches[1].1, "101", "from the last version");
        assert_eq!(rig.lists("pods").len(), 1, "no new list yet");
        rig.pass(secs(160)).await;
        assert_eq!(rig.lists("pods").len(), 2, "twice in a row: a list looks for drift");
    }
}

#[tokio::test(start_paused = true)]
async fn f46_a_quiet_cluster_without_bookmarks_is_never_called_stale() {
    let mut rig = Rig::start(Tuning::default(), |seen| {
        if seen.is_watch() {
            let seconds: u64 = seen.param("timeoutSeconds").unwrap().parse().unwrap();
            return steps([Step::Wait(secs(seconds))]);
        }
        good(seen)
    });
    let mut beside = Beside::new();
    for minute in 1..=60 {
        rig.pass(secs(60)).await;
        beside.listen(&rig, true);
        for resource in Resource::CORE {
            let fresh = beside.fresh(resource, secs(60 * minute));
            assert!(!matches!(fresh, Freshness::Stale(_)), "{resource:?} at minute {minute}: {fresh:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn f47_a_storm_of_internal_errors_is_met_with_waits_and_the_data_stays() {
    const NO_LEADER: &str =
        r#"{"kind":"Status","status":"Failure","message":"etcdserver: no leader","reason":"InternalError","code":500}"#;
    let well = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let switch = well.clone();
    let mut rig = Rig::start(Tuning::default(), move |seen| {
        if is_pod_watch(seen) && !well.load(std::sync::atomic::Ordering::Relaxed) {
            return steps([error_event(NO_LEADER)]);
        }
        good(seen)
    });
    rig.pass(secs(300)).await;
    let requests = rig.lists("pods").len() + rig.watches("pods").len();
    assert!(requests <= 60, "{requests} requests in 300 s");
    let mut beside = Beside::new();
    beside.listen(&rig, false);
    assert_eq!(beside.pods(), ["p1"]);
    assert!(beside.model.clusters()[0].link().failures().any(|failure| failure.text.contains("etcdserver: no leader")));
    switch.store(true, std::sync::atomic::Ordering::Relaxed);
    let end = rig.state_start().elapsed() + secs(60);
    rig.until_watching(Resource::Pods).await;
    assert!(rig.state_start().elapsed() <= end, "within one backoff step (G7)");
}

#[tokio::test(start_paused = true)]
async fn f48_f51_duplicate_unordered_replayed_and_unknown_events_leave_what_the_last_one_says() {
    let mut rig = Rig::start(Tuning::default(), |seen| {
        if !is_pod_watch(seen) {
            return good(seen);
        }
        let lines = event("ADDED", "p1", 110)
            + &event("DELETED", "never-seen", 111)
            + &event("MODIFIED", "p2", 112)
            + &event("ADDED", "p2", 112)
            + &event("ADDED", "p3", 113)
            + &event("DELETED", "p3", 114)
            + &event("ADDED", "p3", 113)
            + &event("DELETED", "p3", 114)
            + "{\"type\":\"FUTURE\",\"object\":{\"metadata\":{\"name\":\"p9\",\"resourceVersion\":\"900\"}}}\n"
            + "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"Node\",\"metadata\":{\"resourceVersion\":\"115\"}}}\n"
            + "no event at all\n";
        steps([data(lines), Step::Hang])
    });
    rig.pass(secs(95)).await;
    let mut beside = Beside::new();
    beside.listen(&rig, true);
    assert_eq!(beside.pods(), ["p1", "p2"]);
    assert_eq!(pod_watches(&rig)[1], (90, "115".to_owned()), "an unknown event moves no version");
    let unreadable = |(at, event): &(Duration, ClusterEvent)| match event {
        ClusterEvent::Changes { unreadable, .. } if *at < secs(80) => *unreadable,
        _ => 0,
    };
    assert_eq!(rig.events.iter().map(unreadable).sum::<u32>(), 2, "the type of the future and what is no event");
}

#[tokio::test(start_paused = true)]
async fn f50_an_event_over_the_cap_is_counted_and_looked_for_by_a_list_at_leisure() {
    let mut lists = 0;
    let tuning = Tuning { line_bytes: 4096, ..Tuning::default() };
    let mut rig = Rig::start(tuning, move |seen| {
        if is_pod_watch(seen) && seen.param("resourceVersion") == Some("101") {
            let giant = event("ADDED", "giant", 102).replace("\"d\"", &format!("\"{}\"", "d".repeat(8192)));
            return steps([data(giant + &event("ADDED", "p2", 103)), Step::Wait(secs(50))]);
        }
        if seen.is_list("pods") {
            lists += 1;
            return json(if lists == 1 { list(101, "", &["p1"]) } else { list(120, "", &["giant", "p1", "p2"]) });
        }
        good(seen)
    });
    let mut beside = Beside::new();
    rig.pass(secs(40)).await;
    beside.listen(&rig, true);
    assert_eq!(beside.pods(), ["p1", "p2"], "the watch goes on behind it");
    assert_eq!(rig.lists("pods").len(), 1, "at leisure");
    assert!(rig.events.iter().any(|(_, event)| matches!(event, ClusterEvent::Changes { unreadable: 1, .. })));
    rig.until("the list", finished(2)).await;
    beside.listen(&rig, true);
    assert_eq!(beside.pods(), ["giant", "p1", "p2"]);
}

#[tokio::test(start_paused = true)]
async fn f52_a_rolling_control_plane_resets_every_watch_and_is_no_storm_of_alerts() {
    let mut rig = Rig::start(Tuning::default(), |seen| {
        // The servers behind the load balancer restart one after the other every ten minutes: each cuts its watches.
        let left = 600 - seen.at.as_secs() % 600;
        let seconds: u64 = seen.param("timeoutSeconds").and_then(|seconds| seconds.parse().ok()).unwrap_or(0);
        if seen.is_watch() && seconds > left {
            let minutes = (0..left / 60).flat_map(|_| [Step::Wait(secs(60)), data(bookmark(102))]);
            return steps(minutes.chain([Step::Wait(secs(left % 60)), Step::Break]));
        }
        good(seen)
    });
    rig.pass(secs(1800)).await;
    let mut beside = Beside::new();
    beside.listen(&rig, true);
    let reset = [600, 1200].iter().all(|at| pod_watches(&rig).iter().any(|(opened, _)| (*at..at + 4).contains(opened)));
    let log: Vec<&Failure> = beside.model.clusters()[0].link().log().collect();
    let lines: Vec<&str> = log.iter().map(|failure| &*failure.text).collect();
    let grouped = "control plane or load balancer restarting: 2 watches cut, 2 reconnected";
    assert_eq!(lines, [grouped; 2], "one line for each restart");
    assert!(beside.model.clusters()[0].alert_records().is_empty(), "and no alert");
    assert!(reset, "they were reset, and opened again at once: {:?}", pod_watches(&rig));
    assert_eq!((rig.lists("pods").len(), rig.lists("nodes").len()), (1, 1), "the watches go on from their versions");
}

#[tokio::test(start_paused = true)]
async fn f53_a_403_after_an_hour_of_success_is_transient_for_a_minute() {
    const FORBIDDEN: &str =
        r#"{"kind":"Status","status":"Failure","message":"pods is forbidden","reason":"Forbidden","code":403}"#;
    for (lasts, denied) in [(20, false), (200, true)] {
        let mut rig = Rig::start(Tuning::default(), move |seen| {
            let cold = seen.at >= secs(3600) && seen.at < secs(3600 + lasts);
            if cold && (seen.is_list("pods") || is_pod_watch(seen)) {
                return status(403, FORBIDDEN);
            }
            if is_pod_watch(seen) && seen.at < secs(3600) {
                // The server restarts after an hour; the watched object is gone with it.
                let left = 3600 - seen.at.as_secs();
                let minutes = (0..left / 60).flat_map(|_| [Step::Wait(secs(60)), data(bookmark(101))]);
                return steps(minutes.chain([Step::Wait(secs(left % 60)), error_event(STATUS_410)]));
            }
            good(seen)
        });
        rig.pass(secs(3600 + 120)).await;
        let reported = |state: &SyncState| matches!(state, SyncState::Denied { .. } | SyncState::Polling { .. });
        let count = rig.count(|event| matches!(event, ClusterEvent::Sync { state, .. } if reported(state)));
        assert_eq!(count > 0, denied, "403 for {lasts} s");
        if !denied {
            assert!(rig.lists("pods").len() >= 3, "asked again at once, not after five minutes");
            let mut beside = Beside::new();
            beside.listen(&rig, true);
            assert!(matches!(beside.fresh(Resource::Pods, secs(3720)), Freshness::Live(_)));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn f55_a_pod_that_finishes_leaves_at_once_and_without_an_alert_and_may_come_back() {
    let mut rig = Rig::start(Tuning::default(), |seen| {
        if is_pod_watch(seen) {
            let (left, back) = (event("DELETED", "p1", 110), event("ADDED", "p1", 111));
            return steps([Step::Wait(secs(10)), data(left), Step::Wait(secs(10)), data(back), Step::Wait(secs(60))]);
        }
        good(seen)
    });
    let mut beside = Beside::new();
    for (wait, pods) in [(5, vec!["p1"]), (10, vec![]), (10, vec!["p1"])] {
        rig.pass(secs(wait)).await;
        beside.listen(&rig, true);
        assert_eq!(beside.pods(), pods);
    }
    assert_eq!(rig.lists("pods").len(), 1);
}

fn kubeconfig(server: &str, token: &str) -> String {
    format!(
        "current-context: c\nclusters: [{{name: k, cluster: {{server: '{server}'}}}}]\n\
         users: [{{name: u, user: {{token: {token}}}}}]\ncontexts: [{{name: c, context: {{cluster: k, user: u}}}}]\n"
    )
}

/// Writes a file whose modification time is surely another one.
fn edit(path: &std::path::Path, text: &str, hours: u64) {
    std::fs::write(path, text).unwrap();
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(std::time::UNIX_EPOCH + secs(3600 * hours)).unwrap();
}

#[tokio::test]
async fn f65_an_edited_kubeconfig_is_read_again_when_clients_are_built_and_a_bad_edit_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    edit(&path, &kubeconfig("http://127.0.0.1:1", "one"), 1);
    let sources = Sources { flag: Some(path.clone()), ..Sources::default() };
    let mut target = load(&sources, &Selection::default()).unwrap().remove(0);
    let (tuning, sink) = (Arc::new(Tuning::default()), MeterSink::new(Clock::start()));
    let built = target.build(tuning.clone(), sink.clone()).await.unwrap();
    assert_eq!((built.moved, target.edited().await), (None, false));
    edit(&path, &kubeconfig("http://127.0.0.1:2", "two"), 2);
    assert!(target.edited().await);
    let built = target.build(tuning.clone(), sink.clone()).await.unwrap();
    assert_eq!(built.moved, Some((Clean::new("http://127.0.0.1:2"), false)));
    assert!(!target.edited().await, "read once");
    for (hours, text) in
        [(3, "contexts: [".to_owned()), (4, kubeconfig("nonsense", "x")), (5, "contexts: []".to_owned())]
    {
        edit(&path, &text, hours);
        let Err(error) = target.build(tuning.clone(), sink.clone()).await else { panic!("{text} was accepted") };
        assert_eq!(error.layer, Layer::Config, "{text}");
        assert_eq!(target.server(), Some("http://127.0.0.1:2"), "{text}");
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "contexts: []", "it is never written");
}

#[tokio::test(start_paused = true)]
async fn f67_after_a_sleep_everything_is_stale_at_once_and_listed_again_with_jitter_and_no_alert() {
    let mut rig = Rig::start(Tuning::default(), |seen| {
        // The list of pods that is in flight during the sleep never comes back.
        if seen.is_list("pods") && seen.at >= secs(100) && seen.at < secs(104) { Reply::Hang } else { good(seen) }
    });
    let mut beside = Beside::new();
    rig.pass(secs(100)).await;
    rig.commands.send(ClusterCommand::Refresh).await.unwrap();
    rig.pass(secs(5)).await;
    beside.listen(&rig, true);
    rig.commands.send(ClusterCommand::Resumed).await.unwrap();
    rig.pass(secs(5)).await;
    let after: Vec<Duration> = rig.lists("pods").iter().map(|seen| seen.at).filter(|at| *at > secs(104)).collect();
    assert_eq!(after.len(), 1, "one new list: {after:?}");
    assert!(after[0] >= Duration::from_millis(105_200) && after[0] <= secs(108), "with jitter: {after:?}");
    assert_eq!(pod_watches(&rig).len(), 2, "the old watch is closed and a new one opened");
    beside.listen(&rig, true);
    assert!(matches!(beside.fresh(Resource::Pods, secs(110)), Freshness::Live(_)));

    // The wall clock goes on by an hour between two ticks.
    let mut now = Beside::now(secs(111));
    now.wall += jiff::SignedDuration::from_hours(1);
    beside.model.update(Msg::Tick, now);
    beside.model.update(Msg::Frame, now);
    for resource in Resource::CORE {
        assert!(matches!(beside.model.clusters()[0].fresh(resource, now), Freshness::Stale(_)));
    }
    assert!(beside.model.clusters()[0].alerts().is_empty(), "the gap is nobody's fault");
    for event in [
        ClusterEvent::ListStarted { resource: Resource::Pods, generation: 9 },
        ClusterEvent::ListFinished { resource: Resource::Pods, generation: 9 },
    ] {
        beside.model.update(Msg::Cluster(ClusterId(0), event), now);
    }
    assert!(!matches!(beside.model.clusters()[0].fresh(Resource::Pods, now), Freshness::Stale(_)), "a list ends it");
}
