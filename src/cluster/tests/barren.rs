//! Watches that fail in every way without an event while lists work: on the wire, at the shipped periods.

use super::disguised::refusal;
use super::faults_watch::{Beside, error_event, is_pod_watch};
use super::*;
use crate::facts::node::{ConditionStatus, NodeCondition, NodeFacts};
use crate::model::store::sync::Freshness;

const MINUTES: Duration = Duration::from_secs(600);
const LEADERLESS: &str =
    r#"{"kind":"Status","status":"Failure","message":"etcdserver: no leader","reason":"InternalError","code":500}"#;
const POD_AS_NODE: &str = "{\"type\":\"ADDED\",\"object\":{\"kind\":\"Node\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"n1\",\"uid\":\"u\",\"resourceVersion\":\"120\"}}}\n";

/// A named answer to a watch of pods.
type Named = (&'static str, fn() -> Reply);

fn answers() -> Vec<Named> {
    vec![
        ("headers never", || Reply::Hang),
        ("headers, but no byte", || steps([Step::Hang])),
        ("an end at once", || steps([])),
        ("garbage and an end", || steps([data("no\nevent\nat all\n")])),
        ("garbage for ever", || {
            steps((0..10_000).flat_map(|_| [data("no event\n"), Step::Wait(Duration::from_secs(20))]))
        }),
        ("half an event", || steps([data("{\"type\":\"ADDED\",\"obj")])),
        ("events of another kind", || steps([data(POD_AS_NODE), Step::Wait(Duration::from_secs(5))])),
        ("error events", || steps([error_event(LEADERLESS)])),
        ("expired events", || steps([error_event(STATUS_410)])),
        ("a bare 410", || json(STATUS_410)),
        ("a bare 500", || json(LEADERLESS)),
        ("a bare 401", || json(refusal(401, "Unauthorized"))),
        ("a bare 403", || json(refusal(403, "Forbidden"))),
        ("a bare 429", || json(refusal(429, "TooManyRequests"))),
        ("a 401 as an event", || steps([error_event(&refusal(401, "Unauthorized"))])),
        ("a 403 as an event", || steps([error_event(&refusal(403, "Forbidden"))])),
        ("a 429 as an event", || steps([error_event(&refusal(429, "TooManyRequests"))])),
        ("a 403 after some seconds", || steps([Step::Wait(secs(3)), data(refusal(403, "Forbidden"))])),
        ("a 429 after some seconds", || steps([Step::Wait(secs(5)), data(refusal(429, "TooManyRequests"))])),
        ("a 500 after some seconds", || steps([Step::Wait(secs(3)), error_event(LEADERLESS)])),
        ("a table", || json(r#"{"kind":"Table","apiVersion":"meta.k8s.io/v1","rows":[]}"#)),
        ("null", || json("null")),
        ("a list", || json(list(101, "", &["p1"]))),
        ("a web page", || json("<html>\n<body>Sign in</body>\n</html>\n")),
        ("a 503", || status(503, "no healthy upstream")),
    ]
}

/// A server whose second pod can only be seen by listing again.
fn server(answer: fn() -> Reply) -> impl FnMut(&Seen) -> Reply {
    move |seen| match seen {
        _ if is_pod_watch(seen) => answer(),
        _ if seen.is_list("pods") && seen.at > secs(60) => json(list(140, "", &["p1", "p2"])),
        _ => good(seen),
    }
}

#[tokio::test(start_paused = true)]
async fn what_no_watch_brings_is_listed_again_politely_and_labelled_as_polling() {
    for (what, answer) in answers() {
        let mut rig = Rig::start(Tuning::default(), server(answer));
        rig.pass(MINUTES).await;
        let mut beside = Beside::new();
        beside.listen(&rig, false);
        assert_eq!(beside.pods(), ["p1", "p2"], "{what}");
        let (lists, watches) = (rig.lists("pods").len(), rig.watches("pods").len());
        assert!((3..=25).contains(&lists), "{what}: {lists} lists in ten minutes");
        assert!(watches <= 30, "{what}: {watches} watches in ten minutes");
        let fresh = beside.fresh(Resource::Pods, MINUTES);
        assert!(matches!(fresh, Freshness::Polling(age) if age < secs(185)), "{what}: {fresh:?}");
        assert!(rig.lists("pods")[1].at <= secs(185), "{what}: {:?}", rig.lists("pods")[1].at);
        assert_eq!(rig.lists("nodes").len(), 1, "{what}: nodes are watched as before");
    }
}

#[tokio::test(start_paused = true)]
async fn bytes_that_cannot_be_read_are_no_proof_of_anything() {
    for (what, answer) in [
        (
            "garbage",
            (|| steps((0..10_000).flat_map(|_| [data("no event\n"), Step::Wait(Duration::from_secs(5))])))
                as fn() -> Reply,
        ),
        ("another kind", || steps((0..10_000).flat_map(|_| [data(POD_AS_NODE), Step::Wait(Duration::from_secs(5))]))),
        ("bookmarks without a version", || {
            let bookmark = "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{}}}\n";
            steps((0..10_000).flat_map(|_| [data(bookmark), Step::Wait(Duration::from_secs(5))]))
        }),
    ] {
        let mut rig = Rig::start(Tuning::default(), server(answer));
        rig.pass(secs(85)).await;
        let mut beside = Beside::new();
        beside.listen(&rig, false);
        let proof = beside.fresh(Resource::Pods, secs(85));
        assert!(matches!(proof, Freshness::Live(age) if age >= secs(80)), "{what}: {proof:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_works_again_ends_polling_within_a_minute() {
    let mut rig =
        Rig::start(
            Tuning::default(),
            |seen| {
                if is_pod_watch(seen) && seen.at < MINUTES { Reply::Hang } else { good(seen) }
            },
        );
    rig.pass(MINUTES).await;
    rig.until_watching(Resource::Pods).await;
    assert!(rig.state_start().elapsed() <= MINUTES + secs(75), "{:?}", rig.state_start().elapsed());
    let lists = rig.lists("pods").len();
    rig.pass(MINUTES).await;
    assert_eq!(rig.lists("pods").len(), lists, "and nothing is polled any more");
}

/// A load balancer that cuts silent connections after so many seconds.
fn cut_after(seconds: u64, reset: bool) -> impl FnMut(&Seen) -> Reply {
    move |seen| {
        if !is_pod_watch(seen) {
            return good(seen);
        }
        let requested: u64 = seen.param("timeoutSeconds").unwrap().parse().unwrap();
        if requested < seconds {
            // As an API server sends it: a bookmark just before the requested end.
            let last = [Step::Wait(secs(requested.saturating_sub(2))), data(bookmark(101)), Step::Wait(secs(2))];
            return steps(last);
        }
        steps([Step::Wait(secs(seconds))].into_iter().chain(reset.then_some(Step::Break)))
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_balancer_that_cuts_idle_connections_leaves_quiet_pods_live_and_the_alert_of_a_node_alone() {
    for (seconds, reset) in [(20, false), (20, true), (40, true), (55, false), (4, true)] {
        let what = format!("cut after {seconds} s, reset {reset}");
        let mut rig = Rig::start(Tuning::default(), cut_after(seconds, reset));
        let mut beside = Beside::new();
        rig.pass(secs(10)).await;
        let lost = NodeCondition { kind: "Ready".into(), status: ConditionStatus::False, ..NodeCondition::default() };
        let node = NodeFacts { name: "n1".into(), version: 200, conditions: vec![lost], ..NodeFacts::default() };
        let change = crate::msg::NodeChange::Present(Box::new(node));
        let batch = Batch::Nodes(vec![change]);
        let event = ClusterEvent::Changes { resource: Resource::Nodes, generation: 1, unreadable: 0, batch };
        beside.listen(&rig, false);
        beside.take(event, secs(10));
        for minute in 1..=12 {
            rig.pass(secs(60)).await;
            beside.listen(&rig, false);
            let fresh = beside.fresh(Resource::Pods, rig.state_start().elapsed());
            assert!(matches!(fresh, Freshness::Live(age) if age < secs(70)), "{what}, minute {minute}: {fresh:?}");
            let reasons: Vec<&str> = beside.alerts().iter().map(crate::model::alerts::AlertLine::reason).collect();
            assert_eq!(reasons, ["NodeNotReady"], "{what}, minute {minute}");
        }
        let watches = rig.watches("pods");
        let most = usize::try_from(730 / seconds.max(5) * 2).unwrap();
        assert!(watches.len() <= most, "{what}: {} watches in twelve minutes", watches.len());
        let learnt: u64 = watches.last().unwrap().param("timeoutSeconds").unwrap().parse().unwrap();
        assert!(learnt < seconds, "{what}: {learnt}");
        assert_eq!(rig.lists("pods").len(), 1, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_load_balancer_that_cuts_even_short_watches_leaves_quiet_pods_live_without_any_bookmark() {
    let mut rig = Rig::start(Tuning::default(), |seen| {
        let cut = [Step::Wait(secs(20)), Step::Break];
        if is_pod_watch(seen) { steps(cut) } else { good(seen) }
    });
    let mut beside = Beside::new();
    for minute in 1..=20 {
        rig.pass(secs(60)).await;
        beside.listen(&rig, true);
        let fresh = beside.fresh(Resource::Pods, rig.state_start().elapsed());
        assert!(matches!(fresh, Freshness::Live(_)), "minute {minute}: {fresh:?}");
    }
    assert!(rig.watches("pods").len() <= 80, "{}", rig.watches("pods").len());
    assert!(rig.lists("pods").len() <= 5, "a list looks for drift every five minutes: {}", rig.lists("pods").len());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_in_the_body_of_a_watch_is_at_no_time_called_watching_once_it_is_known() {
    for code in [401, 403, 429, 500] {
        for after in [0, 1] {
            let mut rig = Rig::start(Tuning::default(), move |seen| {
                let body = [Step::Wait(secs(after)), data(refusal(code, ""))];
                if is_pod_watch(seen) { steps(body) } else { good(seen) }
            });
            rig.pass(MINUTES).await;
            let watching = rig.count(|event| {
                matches!(event, ClusterEvent::Sync { resource: Resource::Pods, state: SyncState::Watching })
            });
            assert!(watching <= 1, "{code} after {after} s: {watching} times");
            let reports = rig.count(|event| matches!(event, ClusterEvent::Alive { resource: Resource::Pods, .. }));
            assert_eq!(reports, 0, "{code} after {after} s");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_was_good_and_is_refused_in_its_body_from_then_on_is_polled_after_a_minute() {
    for code in [401, 403, 429] {
        let mut rig = Rig::start(Tuning::default(), move |seen| {
            let bad = is_pod_watch(seen) && seen.at > MINUTES;
            if bad { json(refusal(code, "")) } else { good(seen) }
        });
        rig.pass(MINUTES + secs(400)).await;
        let mut beside = Beside::new();
        beside.listen(&rig, false);
        let fresh = beside.fresh(Resource::Pods, MINUTES + secs(400));
        assert!(matches!(fresh, Freshness::Polling(age) if age < secs(70)), "{code}: {fresh:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn watches_that_end_cleanly_after_a_second_are_no_failure_and_those_before_are() {
    for (millis, fails) in [(900, true), (1_000, false), (1_500, false), (1_900, false)] {
        let mut rig = Rig::start(Tuning::default(), move |seen| {
            let end = steps([Step::Wait(Duration::from_millis(millis))]);
            if is_pod_watch(seen) { end } else { good(seen) }
        });
        rig.pass(secs(120)).await;
        let failed = rig.count(|event| matches!(event, ClusterEvent::Failed(_))) > 0;
        assert_eq!(failed, fails, "{millis} ms");
        assert_eq!(rig.lists("pods").len() > 1, fails, "{millis} ms");
    }
}
