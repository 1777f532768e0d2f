//! Errors that come as a success, lists that have no end, and what stands before the JSON.

use super::faults_watch::{Beside, is_pod_watch};
use super::*;
use crate::model::store::sync::Freshness;
use crate::msg::Failure;

fn refusal(code: u16, reason: &str) -> String {
    format!(
        r#"{{"kind":"Status","apiVersion":"v1","metadata":{{}},"status":"Failure","message":"said the server","reason":"{reason}","code":{code}}}"#
    )
}

fn first_failure(rig: &Rig) -> Failure {
    let failure = rig.events.iter().find_map(|(_, event)| match event {
        ClusterEvent::Failed(failure) => Some((**failure).clone()),
        _ => None,
    });
    failure.expect("something failed")
}

/// The first answer to a request of pods that `is` one is `body`; all others are good.
fn once(is: fn(&Seen) -> bool, body: String) -> Rig {
    let mut first = true;
    Rig::start(
        Tuning::default(),
        move |seen| {
            if is(seen) && std::mem::take(&mut first) { json(body.clone()) } else { good(seen) }
        },
    )
}

const CODES: [(u16, &str, Layer); 6] = [
    (401, "Unauthorized", Layer::Auth),
    (403, "Forbidden", Layer::Rbac),
    (410, "Expired", Layer::Watch),
    (429, "TooManyRequests", Layer::Throttled),
    (500, "InternalError", Layer::Server),
    (504, "Timeout", Layer::ServerTimeout),
];

#[tokio::test(start_paused = true)]
async fn a_status_in_the_place_of_a_list_counts_as_its_code() {
    for (code, reason, layer) in CODES {
        for body in [refusal(code, reason), refusal(code, reason).replace(&format!(",\"code\":{code}"), "")] {
            let mut rig = once(|seen| seen.is_list("pods"), body);
            rig.pass(secs(5)).await;
            let failure = first_failure(&rig);
            assert_eq!((failure.layer, failure.code), (layer, Some(code)), "{reason}");
            assert!(failure.text.starts_with("said the server"), "{}", failure.text);
            assert_eq!(rig.builds().len(), if code == 401 { 2 } else { 1 }, "{reason}: renewed credentials");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn lists_that_are_forbidden_with_a_success_are_denied_and_asked_for_again_after_minutes() {
    let mut rig =
        Rig::start(
            Tuning::default(),
            |seen| {
                if seen.is_list("pods") { json(refusal(403, "Forbidden")) } else { good(seen) }
            },
        );
    rig.pass(secs(600)).await;
    let denied = rig.count(|event| {
        matches!(event, ClusterEvent::Sync { resource: Resource::Pods, state: SyncState::Denied { .. } })
    });
    assert!(denied >= 1);
    assert!(rig.lists("pods").len() <= 3, "{}", rig.lists("pods").len());
}

#[tokio::test(start_paused = true)]
async fn a_status_in_the_place_of_events_counts_as_its_code_however_it_is_written() {
    let pretty = |text: &str| text.replace(',', ",\n  ").replace('{', "{\n  ") + "\n";
    for (code, reason, layer) in CODES {
        let line = refusal(code, reason);
        for body in [line.clone(), format!("{line}\n"), pretty(&line), format!("\u{feff}{line}\n")] {
            let mut rig = once(is_pod_watch, body.clone());
            rig.pass(secs(20)).await;
            let failure = first_failure(&rig);
            let seen = (failure.layer, failure.code, &*failure.text);
            assert_eq!(seen, (layer, Some(code), "said the server"), "{body}");
            assert_eq!(rig.builds().len(), if code == 401 { 2 } else { 1 }, "{reason}: renewed credentials");
            let lists = rig.lists("pods").len();
            assert_eq!(lists, if code == 410 { 2 } else { 1 }, "{reason}: a new list");
            assert_eq!(rig.watches("pods").len(), 2, "{reason}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_410_and_nothing_else_is_no_sign_of_life() {
    let mut rig = Rig::start(Tuning::default(), |seen| if is_pod_watch(seen) { json(STATUS_410) } else { good(seen) });
    rig.pass(secs(600)).await;
    let lists = rig.lists("pods").len();
    assert!((8..=25).contains(&lists), "a new list each time, politely: {lists}");
    let heard = rig.count(|event| matches!(event, ClusterEvent::Alive { resource: Resource::Pods, .. }));
    assert_eq!(heard, 0);
    let mut beside = Beside::new();
    beside.listen(&rig, false);
    let fresh = beside.fresh(Resource::Pods, secs(600));
    assert!(matches!(fresh, Freshness::Polling(_)), "{fresh:?}");
}

#[tokio::test(start_paused = true)]
async fn a_byte_order_mark_before_a_list_or_the_events_of_a_watch_is_passed_over() {
    let mut rig = Rig::start(Tuning::default(), |seen| match seen {
        _ if is_pod_watch(seen) => steps([data(format!("\u{feff}{}", event("ADDED", "p2", 110))), Step::Hang]),
        _ if seen.is_list("pods") => json(format!("\u{feff}{}", list(101, "", &["p1"]))),
        _ => good(seen),
    });
    rig.until_watching(Resource::Pods).await;
    rig.pass(secs(3)).await;
    let mut beside = Beside::new();
    beside.listen(&rig, true);
    assert_eq!(beside.pods(), ["p1", "p2"]);
    assert_eq!(rig.count(|event| matches!(event, ClusterEvent::Failed(_))), 0);
}

#[tokio::test(start_paused = true)]
async fn a_list_in_utf_16_is_refused_by_its_name() {
    let wide: Vec<u8> = [0xff, 0xfe].into_iter().chain(list(1, "", &["p"]).bytes().flat_map(|b| [b, 0])).collect();
    let mut rig = Rig::start(Tuning::default(), move |seen| {
        if seen.is_list("pods") { steps([Step::Data(wide.clone().into())]) } else { good(seen) }
    });
    rig.pass(secs(2)).await;
    let failure = first_failure(&rig);
    assert!(failure.text.contains("UTF-16"), "{}", failure.text);
}

#[tokio::test(start_paused = true)]
async fn a_continue_token_that_is_new_each_time_over_the_same_page_ends_the_list_and_is_named() {
    for names in [&["p1", "p2"][..], &[]] {
        let mut tokens = 0;
        let mut rig = Rig::start(Tuning::default(), move |seen| {
            if !seen.is_list("pods") {
                return good(seen);
            }
            tokens += 1;
            json(list(101, &format!("T{tokens}"), names))
        });
        rig.pass(secs(600)).await;
        let lists = rig.lists("pods").len();
        assert!(lists <= 400, "{names:?}: {lists} pages in ten minutes");
        let failure = first_failure(&rig);
        assert!(failure.text.contains("no new object"), "{}", failure.text);
        assert_eq!(rig.count(|event| matches!(event, ClusterEvent::ListFinished { resource: Resource::Pods, .. })), 0);
    }
}
