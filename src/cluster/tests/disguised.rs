//! Errors that come as a success, lists that have no end, and bytes before the JSON.

use super::faults_watch::{Beside, is_pod_watch};
use super::*;
use crate::model::store::sync::Freshness;
use crate::msg::Failure;

pub(super) fn refusal(code: u16, reason: &str) -> String {
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
            // Without the right to watch, the list is polled.
            assert_eq!(rig.watches("pods").len(), if code == 403 { 1 } else { 2 }, "{reason}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_410_and_nothing_else_is_no_sign_of_life() {
    let mut rig = Rig::start(Tuning::default(), |seen| if is_pod_watch(seen) { json(STATUS_410) } else { good(seen) });
    rig.pass(secs(600)).await;
    let lists = rig.lists("pods").len();
    assert!((8..=25).contains(&lists), "a new list each time, politely: {lists}");
    let reports = rig.count(|event| matches!(event, ClusterEvent::Alive { resource: Resource::Pods, .. }));
    assert_eq!(reports, 0);
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

#[test]
fn the_reason_comes_before_an_excerpt_that_can_be_read_of_a_list_in_wide_letters() {
    let text = list(1, "", &["p"]);
    let units: Vec<u16> = text.encode_utf16().collect();
    let le: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
    let be: Vec<u8> = units.iter().flat_map(|unit| unit.to_be_bytes()).collect();
    let utf_32: Vec<u8> = units.iter().flat_map(|unit| u32::from(*unit).to_le_bytes()).collect();
    let marked = |mark: &[u8], body: &[u8]| [mark, body].concat();
    for (name, body) in [
        ("UTF-16", marked(b"\xff\xfe", &le)),
        ("UTF-16", marked(b"\xfe\xff", &be)),
        ("UTF-16", le.clone()),
        ("UTF-16", be.clone()),
        ("UTF-32", marked(b"\xff\xfe\0\0", &utf_32)),
    ] {
        let error = crate::facts::node::decode_list(&body, |_| {}).unwrap_err();
        let expected =
            format!("expected a list of Node objects, but it is {name}, and not UTF-8: `{{\"kind\":\"List\"");
        assert!(error.text.starts_with(&expected), "{}", error.text);
    }
    let zeros = crate::facts::node::decode_list(&[0; 500], |_| {}).unwrap_err();
    assert!(zeros.text.chars().count() < 250, "the reason is within what is shown: {}", zeros.text);
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
