//! Detail of one object, against a scripted server in virtual time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::*;
use crate::cluster::tests::script::*;
use crate::cluster::tuning::Tuning;
use crate::facts::proto::build::{enveloped, int, sized};
use crate::msg::detail::Yaml;

fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

fn pod() -> ObjectRef {
    ObjectRef::Pod { namespace: "d".into(), name: "p1".into() }
}

fn of(subject: ObjectRef, yaml: bool) -> WatchDetail {
    WatchDetail { subject, yaml: if yaml { Yaml::Masked } else { Yaml::NotRequested } }
}

const PODS: &str = "/api/v1/namespaces/d/pods";
const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/d/events";
const CORE: &str = "/api/v1/namespaces/d/events";
/// The `apiVersion` of the objects at [`EVENTS`].
const GROUP: &str = "events.k8s.io/v1";

fn report(name: &str, version: u64, count: u32) -> String {
    format!(
        r#"{{"metadata":{{"name":"{name}","uid":"{name}","resourceVersion":"{version}"}},"reason":"BackOff","note":"{name}","deprecatedCount":{count},"type":"Warning"}}"#
    )
}

fn reports(version: u64, token: &str, names: &[&str]) -> String {
    let items: Vec<String> = names.iter().map(|name| report(name, version, 1)).collect();
    format!(r#"{{"metadata":{{"resourceVersion":"{version}","continue":"{token}"}},"items":[{}]}}"#, items.join(","))
}

/// A list of one object that has not changed for long: the list is newer.
fn list_of(name: &str) -> String {
    format!(r#"{{"kind":"List","metadata":{{"resourceVersion":"250"}},"items":[{}]}}"#, object(name, 200))
}

const NOBODY: &str = r#"{"kind":"PodList","metadata":{"resourceVersion":"250"},"items":[]}"#;

/// A good server that has one pod `p1` with one event.
fn served(seen: &Seen) -> Reply {
    match (seen.path.as_str(), seen.is_watch()) {
        (PODS | EVENTS | CORE | "/api/v1/namespaces/default/events", true) => quiet_watch(seen),
        (PODS, false) => json(list_of("p1")),
        (EVENTS, false) => json(reports(300, "", &["e1"])),
        _ => good(seen),
    }
}

/// The updates, one word each.
fn words(rig: &Rig) -> Vec<String> {
    let word = |found: &Detail| match found {
        Detail::Pod(pod) => format!("pod {} {}", pod.name, pod.status),
        Detail::Document(document) => format!("yaml {}", document.lines.len()),
        Detail::Gone => "gone".to_owned(),
        Detail::Events { events, omitted } => {
            let names: Vec<_> = events.iter().map(|event| format!("{}x{}", event.note, event.count)).collect();
            let unread = if omitted.unreadable > 0 { format!(" unread {}", omitted.unreadable) } else { String::new() };
            format!("events {}{}{unread}", names.join(" "), if omitted.more { " more" } else { "" })
        }
        Detail::Sync { part, state } => {
            let state = format!("{state:?}");
            format!("{part:?} {}", state.split([' ', '{']).next().unwrap_or_default())
        }
        Detail::Alive { part } => format!("{part:?} heard"),
    };
    rig.events
        .iter()
        .filter_map(|(_, event)| match event {
            ClusterEvent::Found(finding) => Some(word(&finding.news)),
            _ => None,
        })
        .collect()
}

fn only(words: Vec<String>, part: &str) -> Vec<String> {
    words.into_iter().filter(|word| word.starts_with(part)).collect()
}

fn requests_of(rig: &Rig, path: &str) -> Vec<Seen> {
    rig.seen().into_iter().filter(|seen| seen.path == path).collect()
}

/// Number of reads of `path`.
fn reads(rig: &Rig, path: &str) -> usize {
    requests_of(rig, path).iter().filter(|seen| !seen.is_watch()).count()
}

/// The watches of `path`.
fn watches(rig: &Rig, path: &str) -> Vec<Seen> {
    requests_of(rig, path).into_iter().filter(Seen::is_watch).collect()
}

#[tokio::test(start_paused = true)]
async fn a_pod_is_read_then_watched_and_so_are_its_events() {
    let mut rig = Rig::start(Tuning::default(), served);
    rig.pass(secs(1)).await;
    assert!(words(&rig).is_empty(), "nothing is asked of an object that nobody looks at");
    rig.inspect.send_replace(Some(of(pod(), false)));
    rig.pass(secs(5)).await;
    let mut updates = words(&rig);
    updates.sort();
    assert_eq!(
        updates,
        ["Events Listing", "Events Watching", "Object Listing", "Object Watching", "events e1x1", "pod p1 Running"]
    );
    let asked_of_pods = requests_of(&rig, PODS);
    let alone = |seen: &Seen| seen.param("fieldSelector") == Some("metadata.name%3Dp1");
    assert!(asked_of_pods.len() == 2 && asked_of_pods.iter().all(alone), "this pod alone: {asked_of_pods:?}");
    let watch = &watches(&rig, PODS)[0];
    let options = (watch.param("resourceVersion"), watch.param("allowWatchBookmarks"));
    assert_eq!(options, (Some("250"), Some("true")), "from the list's version: the pod's own may be too old");
    let events = requests_of(&rig, EVENTS);
    let selector = "regarding.kind%3DPod%2Cregarding.name%3Dp1";
    assert!(events.iter().all(|seen| seen.param("fieldSelector") == Some(selector)), "never all events: {events:?}");
    assert_eq!(events.len(), 2, "one list and one watch");
    assert_eq!(events[1].param("resourceVersion"), Some("300"));
}

#[tokio::test(start_paused = true)]
async fn another_object_ends_the_work_on_the_first_and_nothing_ends_all_of_it() {
    let mut rig = Rig::start(Tuning::default(), served);
    rig.inspect.send_replace(Some(of(pod(), false)));
    rig.pass(secs(5)).await;
    let node = ObjectRef::Node { name: "n1".into() };
    rig.inspect.send_replace(Some(of(node.clone(), false)));
    rig.pass(secs(300)).await;
    let of_pod = rig.events.iter().filter(|(at, event)| {
        *at > secs(6) && matches!(event, ClusterEvent::Found(finding) if finding.subject != node)
    });
    assert_eq!(of_pod.count(), 0);
    assert_eq!(watches(&rig, PODS).len(), 1, "the watch of the pod is not opened again");
    let of_node = rig.seen().into_iter().filter(|seen| seen.param("fieldSelector") == Some("metadata.name%3Dn1"));
    assert_eq!(of_node.count(), 0, "of a node the table knows everything but its YAML");
    let requests = || rig.seen().iter().filter(|seen| seen.path.contains("events")).count();
    rig.inspect.send_replace(None);
    let before = requests();
    rig.pass(secs(600)).await;
    assert_eq!(
        rig.seen().iter().filter(|seen| seen.path.contains("events")).count(),
        before,
        "nothing is asked any more"
    );
}

#[tokio::test(start_paused = true)]
async fn the_body_of_a_pod_is_read_for_its_yaml_and_held_no_longer() {
    let mut rig = Rig::start(Tuning::default(), served);
    rig.inspect.send_replace(Some(of(pod(), false)));
    rig.pass(secs(5)).await;
    assert_eq!((reads(&rig, PODS), watches(&rig, PODS).len()), (1, 1));
    rig.inspect.send_replace(Some(of(pod(), true)));
    rig.pass(Duration::from_millis(10)).await;
    assert_eq!(only(words(&rig), "yaml").len(), 1, "at once");
    assert_eq!((reads(&rig, PODS), watches(&rig, PODS).len()), (2, 2), "nothing of it was held before");
    let clear = WatchDetail { subject: pod(), yaml: Yaml::Clear };
    rig.inspect.send_replace(Some(clear));
    rig.pass(Duration::from_millis(10)).await;
    assert_eq!((only(words(&rig), "yaml").len(), reads(&rig, PODS)), (2, 2), "values are shown of what is held");
    rig.inspect.send_replace(Some(of(pod(), false)));
    rig.pass(Duration::from_millis(10)).await;
    rig.inspect.send_replace(Some(of(pod(), true)));
    rig.pass(Duration::from_millis(10)).await;
    assert_eq!((only(words(&rig), "yaml").len(), reads(&rig, PODS)), (3, 3), "it was forgotten");
    assert_eq!(requests_of(&rig, EVENTS).len(), 2, "its events are not read again");
}

#[tokio::test(start_paused = true)]
async fn a_node_is_read_when_its_yaml_is_wanted() {
    let mut rig = Rig::start(Tuning::default(), |seen| match (seen.path.as_str(), seen.param("fieldSelector")) {
        ("/api/v1/nodes", Some("metadata.name%3Dn1")) if !seen.is_watch() => json(list_of("n1")),
        _ => served(seen),
    });
    rig.inspect.send_replace(Some(of(ObjectRef::Node { name: "n1".into() }, true)));
    rig.pass(secs(5)).await;
    assert_eq!(only(words(&rig), "yaml").len(), 1);
    assert_eq!(
        requests_of(&rig, "/apis/events.k8s.io/v1/namespaces/default/events").len(),
        1,
        "where such events are written"
    );
}

#[tokio::test(start_paused = true)]
async fn changes_arrive_and_a_pod_that_is_deleted_and_recreated_is_reported() {
    let mut rig = Rig::start(Tuning::default(), |seen| match (seen.path.as_str(), seen.is_watch()) {
        (PODS, true) => steps([
            Step::Wait(secs(10)),
            data(event("MODIFIED", "p1", 210)),
            Step::Wait(secs(10)),
            data(event("DELETED", "p1", 220)),
            Step::Wait(secs(10)),
            data(event("ADDED", "p1", 230)),
            Step::Hang,
        ]),
        (EVENTS, true) => steps([
            Step::Wait(secs(5)),
            data(format!("{{\"type\":\"ADDED\",\"object\":{}}}\n", report("e2", 310, 1))),
            data(format!("{{\"type\":\"MODIFIED\",\"object\":{}}}\n", report("e2", 311, 4))),
            Step::Wait(secs(5)),
            data(format!("{{\"type\":\"DELETED\",\"object\":{}}}\n", report("e1", 312, 1))),
            Step::Hang,
        ]),
        _ => served(seen),
    });
    rig.inspect.send_replace(Some(of(pod(), false)));
    rig.pass(secs(40)).await;
    assert_eq!(only(words(&rig), "events"), ["events e1x1", "events e1x1 e2x4", "events e2x4"]);
    let object: Vec<_> = words(&rig).into_iter().filter(|word| word.starts_with("pod") || word == "gone").collect();
    assert_eq!(object, ["pod p1 Running", "pod p1 Running", "gone", "pod p1 Running"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_without_the_group_of_events_is_asked_for_core_events() {
    for code in [404, 403] {
        let mut rig = Rig::start(Tuning::default(), move |seen| match (seen.path.as_str(), seen.is_watch()) {
            (EVENTS, _) => status(code, r#"{"kind":"Status","code":404}"#),
            (CORE, false) => json(reports(300, "", &["e1"])),
            _ => served(seen),
        });
        rig.inspect.send_replace(Some(of(pod(), false)));
        rig.pass(secs(5)).await;
        assert_eq!(only(words(&rig), "events"), ["events e1x1"], "{code}");
        let core = requests_of(&rig, CORE);
        let selector = "involvedObject.kind%3DPod%2CinvolvedObject.name%3Dp1";
        assert!(core.iter().all(|seen| seen.param("fieldSelector") == Some(selector)), "{core:?}");
        assert_eq!((requests_of(&rig, EVENTS).len(), core.len()), (1, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_forbidden_is_said_and_asked_for_politely() {
    let mut rig = Rig::start(Tuning::default(), |seen| match seen.path.as_str() {
        PODS | EVENTS | CORE => status(403, r#"{"kind":"Status","code":403,"message":"pods \"p1\" is forbidden"}"#),
        _ => served(seen),
    });
    rig.inspect.send_replace(Some(of(pod(), false)));
    rig.pass(secs(290)).await;
    assert_eq!(reads(&rig, PODS), 1);
    assert_eq!((requests_of(&rig, EVENTS).len(), requests_of(&rig, CORE).len()), (1, 1));
    let updates = words(&rig);
    for part in ["Object Denied", "Events Denied"] {
        assert!(updates.iter().any(|word| word == part), "{part}: {updates:?}");
    }
    rig.commands.send(crate::cluster::ClusterCommand::Refresh).await.unwrap();
    rig.pass(secs(1)).await;
    assert_eq!(reads(&rig, PODS), 2, "the user's wish ends the wait");
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_is_not_there_is_gone_and_found_when_it_comes() {
    let mut rig = Rig::start(Tuning::default(), |seen| match (seen.path.as_str(), seen.is_watch()) {
        (PODS, false) => json(NOBODY),
        (PODS, true) => steps([Step::Wait(secs(20)), data(event("ADDED", "p1", 260)), Step::Hang]),
        _ => served(seen),
    });
    rig.inspect.send_replace(Some(of(pod(), false)));
    rig.pass(secs(15)).await;
    assert!(words(&rig).contains(&"gone".to_owned()));
    assert_eq!(only(words(&rig), "pod"), [""; 0]);
    rig.pass(secs(10)).await;
    assert_eq!(only(words(&rig), "pod"), ["pod p1 Running"]);
    assert_eq!(reads(&rig, PODS), 1);
}

#[tokio::test(start_paused = true)]
async fn where_watching_is_forbidden_the_object_is_read_again_and_again() {
    let mut rig = Rig::start(Tuning::default(), |seen| match (seen.path.as_str(), seen.is_watch()) {
        (PODS, true) => status(403, r#"{"kind":"Status","code":403,"message":"cannot watch"}"#),
        _ => served(seen),
    });
    rig.inspect.send_replace(Some(of(pod(), false)));
    rig.pass(secs(95)).await;
    assert_eq!(reads(&rig, PODS), 4, "at 0, 30, 60 and 90 s");
    assert_eq!(watches(&rig, PODS).len(), 1, "and the watch is not tried each time");
    assert!(words(&rig).contains(&"Object Polling".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_dead_server_is_asked_more_and_more_rarely_and_a_recovery_needs_no_key() {
    let dead = Arc::new(AtomicBool::new(true));
    let switch = dead.clone();
    let mut rig = Rig::start(Tuning::default(), move |seen| {
        let ours = seen.path == PODS || seen.path.ends_with("events");
        if ours && dead.load(Ordering::Relaxed) { Reply::Refused } else { served(seen) }
    });
    rig.inspect.send_replace(Some(of(pod(), false)));
    rig.pass(secs(600)).await;
    let gaps: Vec<Duration> = requests_of(&rig, PODS).windows(2).map(|two| two[1].at.abs_diff(two[0].at)).collect();
    assert!(gaps.len() < 25, "{} attempts in 10 min", gaps.len());
    assert!(gaps[8..].iter().all(|gap| *gap >= secs(30) && *gap <= secs(60)), "{gaps:?}");
    assert!(only(words(&rig), "Object Waiting").len() > 5, "each failure is told");
    switch.store(false, Ordering::Relaxed);
    rig.pass(secs(61)).await;
    assert_eq!(only(words(&rig), "pod"), ["pod p1 Running"]);
    assert_eq!(only(words(&rig), "events"), ["events e1x1"]);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_hangs_ends_at_its_deadline() {
    let mut rig = Rig::start(Tuning::default(), |seen| if seen.path == PODS { Reply::Hang } else { served(seen) });
    rig.inspect.send_replace(Some(of(pod(), false)));
    rig.pass(secs(16)).await;
    let failed = rig.events.iter().find_map(|(at, event)| match event {
        ClusterEvent::Failed(failure) => Some((*at, failure.request.clone(), failure.timeout)),
        _ => None,
    });
    assert_eq!(failed, Some((DEADLINE, "get pod d/p1".into(), true)));
}

#[tokio::test(start_paused = true)]
async fn watches_that_close_at_once_make_no_hot_loop() {
    let mut rig = Rig::start(Tuning::default(), |seen| match (seen.path.as_str(), seen.is_watch()) {
        (PODS | EVENTS, true) => steps([]),
        _ => served(seen),
    });
    rig.inspect.send_replace(Some(of(pod(), false)));
    rig.pass(secs(600)).await;
    assert!(watches(&rig, PODS).len() < 30, "{} watches in 10 min", watches(&rig, PODS).len());
    let reads = reads(&rig, PODS);
    assert!((8..=20).contains(&reads), "what no watch tells is read again, politely: {reads}");
}

#[tokio::test(start_paused = true)]
async fn an_expired_watch_reads_the_object_again() {
    let count = Arc::new(AtomicU32::new(0));
    let mut rig = Rig::start(Tuning::default(), move |seen| match (seen.path.as_str(), seen.is_watch()) {
        (PODS, true) if count.fetch_add(1, Ordering::Relaxed) == 0 => {
            steps([data(format!("{{\"type\":\"ERROR\",\"object\":{STATUS_410}}}\n"))])
        }
        _ => served(seen),
    });
    rig.inspect.send_replace(Some(of(pod(), false)));
    rig.pass(secs(10)).await;
    assert_eq!((reads(&rig, PODS), watches(&rig, PODS).len()), (2, 2));
    let failed = rig.count(|event| matches!(event, ClusterEvent::Failed(_)));
    assert_eq!(failed, 0, "routine, no failure");
}

/// A server's answer to a watch.
type Answer = fn() -> Reply;

/// A server whose watches of the pod fail in this way, while the pod can be read.
fn without_watches(reply: Answer) -> Rig {
    let rig = Rig::start(Tuning::default(), move |seen| match (seen.path.as_str(), seen.is_watch()) {
        (PODS, true) => reply(),
        _ => served(seen),
    });
    rig.inspect.send_replace(Some(of(pod(), false)));
    rig
}

#[tokio::test(start_paused = true)]
async fn an_object_that_can_be_read_but_never_watched_is_no_hot_loop() {
    let replies: [(&str, Answer); 5] = [
        ("410", || status(410, STATUS_410)),
        ("502", || status(502, "bad gateway")),
        ("ERROR 410", || steps([data(format!("{{\"type\":\"ERROR\",\"object\":{STATUS_410}}}\n"))])),
        ("ERROR 500", || steps([data("{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":500}}\n")])),
        ("unknown", || steps([data("{\"type\":\"FUTURE\",\"object\":{}}\n")])),
    ];
    for (name, reply) in replies {
        let mut rig = without_watches(reply);
        rig.pass(secs(600)).await;
        let (reads, watches) = (reads(&rig, PODS), watches(&rig, PODS).len());
        assert!(watches > 5, "{name}: it is tried again");
        assert!(reads + watches < 60, "{name}: {reads} lists and {watches} watches in 10 min");
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_breaks_goes_on_from_its_version_without_another_list() {
    let watches_so_far = Arc::new(AtomicU32::new(0));
    let mut rig = Rig::start(Tuning::default(), move |seen| match (seen.path.as_str(), seen.is_watch()) {
        (PODS, true) if watches_so_far.fetch_add(1, Ordering::Relaxed) < 3 => status(502, "bad gateway"),
        _ => served(seen),
    });
    rig.inspect.send_replace(Some(of(pod(), false)));
    rig.pass(secs(60)).await;
    let from: Vec<_> =
        watches(&rig, PODS).iter().map(|seen| seen.param("resourceVersion").map(str::to_owned)).collect();
    assert_eq!(from, vec![Some("250".to_owned()); 4]);
    assert_eq!(reads(&rig, PODS), 1);
}

#[tokio::test(start_paused = true)]
async fn yaml_has_the_kind_that_lists_leave_out() {
    let mut rig = Rig::start(Tuning::default(), served);
    rig.inspect.send_replace(Some(of(pod(), true)));
    rig.pass(secs(5)).await;
    let lines = rig.events.iter().find_map(|(_, event)| match event {
        ClusterEvent::Found(finding) => match &finding.news {
            Detail::Document(document) => Some(document.lines[..2].iter().map(ToString::to_string).collect::<Vec<_>>()),
            _ => None,
        },
        _ => None,
    });
    assert_eq!(lines, Some(vec!["apiVersion: v1".to_owned(), "kind: Pod".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn a_list_of_very_many_events_is_read_in_a_bounded_number_of_pages() {
    let names: Vec<String> = (0..PAGE_FOR_TEST).map(|n| format!("e{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let page = reports(300, "MORE", &names);
    let mut rig = Rig::start(Tuning::default(), move |seen| match (seen.path.as_str(), seen.is_watch()) {
        (EVENTS, false) => json(page.clone()),
        _ => served(seen),
    });
    rig.inspect.send_replace(Some(of(pod(), false)));
    rig.pass(secs(5)).await;
    assert_eq!(requests_of(&rig, EVENTS).iter().filter(|seen| !seen.is_watch()).count(), 8);
    let reported = rig.events.iter().find_map(|(_, event)| match event {
        ClusterEvent::Found(finding) => match &finding.news {
            Detail::Events { events, omitted } => Some((events.len(), omitted.more)),
            _ => None,
        },
        _ => None,
    });
    assert_eq!(reported, Some((100, true)));
}

const PAGE_FOR_TEST: usize = 250;

/// An event that has happened `count` times: 1 metadata {1 name, 5 uid, 6 resourceVersion}, 10 note, 15 deprecatedCount.
fn binary_event(name: &str, version: u64, count: u64) -> Vec<u8> {
    let name = name.as_bytes();
    let meta = [sized(1, name), sized(5, name), sized(6, version.to_string().as_bytes())].concat();
    [sized(1, &meta), sized(10, name), int(15, count)].concat()
}

/// A frame of a watch: a length, then 1 type, 2 the object in a `RawExtension`.
fn frame(kind: &str, object: &[u8]) -> Step {
    let frame = [sized(1, kind.as_bytes()), sized(2, &sized(1, object))].concat();
    let length = u32::try_from(frame.len()).unwrap().to_be_bytes();
    Step::Data([&length, &*frame].concat().into())
}

fn binary(kind: &str, steps: impl IntoIterator<Item = Step>) -> Reply {
    Reply::Answer(200, vec![("content-type", kind.to_owned())], Script::new(steps))
}

#[tokio::test(start_paused = true)]
async fn events_in_protobuf_are_listed_and_watched() {
    let mut rig = Rig::start(Tuning::default(), |seen| match (seen.path.as_str(), seen.is_watch()) {
        (EVENTS, false) => {
            let list = [sized(1, &sized(2, b"30")), sized(2, &binary_event("e1", 29, 3))].concat();
            binary("application/vnd.kubernetes.protobuf", [Step::Data(enveloped(GROUP, "EventList", &list).into())])
        }
        (EVENTS, true) if seen.param("resourceVersion") == Some("30") => binary(
            BINARY_WATCH,
            [
                Step::Wait(secs(5)),
                frame("ADDED", &enveloped(GROUP, "Event", &binary_event("e2", 31, 1))),
                frame("MODIFIED", &enveloped(GROUP, "Event", &binary_event("e2", 32, 4))),
                Step::Wait(secs(5)),
                frame("DELETED", &enveloped(GROUP, "Event", &binary_event("e1", 33, 3))),
                frame("BOOKMARK", &enveloped(GROUP, "Event", &sized(1, &sized(6, b"40")))),
            ],
        ),
        (EVENTS, true) if seen.param("resourceVersion") == Some("40") => binary(
            BINARY_WATCH,
            // An unreadable event leads to another list.
            [Step::Wait(secs(5)), frame("ADDED", b"k8s\0\x0a\x7f"), Step::Hang],
        ),
        _ => served(seen),
    });
    rig.inspect.send_replace(Some(of(pod(), false)));
    rig.pass(secs(14)).await;
    assert_eq!(only(words(&rig), "events"), ["events e1x3", "events e1x3 e2x4", "events e2x4"]);
    let from: Vec<_> =
        watches(&rig, EVENTS).iter().map(|seen| seen.param("resourceVersion").map(str::to_owned)).collect();
    assert_eq!(from, [Some("30".to_owned()), Some("40".to_owned())], "a bookmark moves it on");
    assert_eq!(reads(&rig, EVENTS), 1);
    rig.pass(secs(10)).await;
    assert_eq!(reads(&rig, EVENTS), 2);
    assert_eq!(rig.count(|event| matches!(event, ClusterEvent::Failed(_))), 0);
}

/// Content type of a watch of events in protobuf.
const BINARY_WATCH: &str = "application/vnd.kubernetes.protobuf;stream=watch";

/// A pod with one event whose first watch of events is this one, and its end; later ones are good.
fn with_first_watch(steps: impl Fn() -> Vec<Step> + Send + 'static) -> Rig {
    let so_far = AtomicU32::new(0);
    let rig = Rig::start(Tuning::default(), move |seen| match (seen.path.as_str(), seen.is_watch()) {
        (EVENTS, true) if so_far.fetch_add(1, Ordering::Relaxed) == 0 => binary(BINARY_WATCH, steps()),
        _ => served(seen),
    });
    rig.inspect.send_replace(Some(of(pod(), false)));
    rig
}

#[tokio::test(start_paused = true)]
async fn an_expired_watch_of_events_in_protobuf_reads_them_again() {
    // `Status` of apimachinery `pkg/apis/meta/v1/generated.proto`: 2 status, 4 reason, 6 code.
    let status = [sized(2, b"Failure"), sized(4, b"Expired"), int(6, 410)].concat();
    let mut rig = with_first_watch(move || vec![frame("ERROR", &enveloped("v1", "Status", &status)), Step::Hang]);
    rig.pass(secs(10)).await;
    assert_eq!((reads(&rig, EVENTS), watches(&rig, EVENTS).len()), (2, 2));
    assert_eq!(rig.count(|event| matches!(event, ClusterEvent::Failed(_))), 0, "routine, no failure");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_cut_within_a_frame_goes_on_from_the_last_whole_one() {
    let mut rig = with_first_watch(|| {
        let whole = frame("ADDED", &enveloped(GROUP, "Event", &binary_event("e2", 310, 1)));
        vec![whole, Step::Data(b"\0\0\0\x50half".as_slice().into())]
    });
    rig.pass(secs(10)).await;
    assert_eq!(only(words(&rig), "events").last().unwrap(), "events e2x1 e1x1");
    let from: Vec<_> =
        watches(&rig, EVENTS).iter().map(|seen| seen.param("resourceVersion").map(str::to_owned)).collect();
    assert_eq!((from, reads(&rig, EVENTS)), (vec![Some("300".to_owned()), Some("310".to_owned())], 1));
    let torn = rig.events.iter().find_map(|(_, event)| match event {
        ClusterEvent::Failed(failure) => Some((failure.layer, failure.text.to_string())),
        _ => None,
    });
    assert_eq!(torn, Some((Layer::Body, "the watch was cut in the middle of an event".to_owned())), "and it is told");
}

#[tokio::test(start_paused = true)]
async fn a_watch_whose_connection_is_reset_goes_on_from_the_last_event() {
    let mut rig =
        with_first_watch(|| vec![frame("ADDED", &enveloped(GROUP, "Event", &binary_event("e2", 310, 1))), Step::Break]);
    rig.pass(secs(10)).await;
    let from: Vec<_> =
        watches(&rig, EVENTS).iter().map(|seen| seen.param("resourceVersion").map(str::to_owned)).collect();
    assert_eq!((from, reads(&rig, EVENTS)), (vec![Some("300".to_owned()), Some("310".to_owned())], 1));
    assert_eq!(rig.count(|event| matches!(event, ClusterEvent::Failed(_))), 1, "and it is reported");
}

#[tokio::test(start_paused = true)]
async fn text_that_is_called_protobuf_is_read_as_text() {
    let line = format!("{{\"type\":\"ADDED\",\"object\":{}}}\n", report("e2", 310, 1));
    let mut rig = with_first_watch(move || vec![data(line.clone()), Step::Hang]);
    rig.pass(secs(5)).await;
    assert_eq!(only(words(&rig), "events").last().unwrap(), "events e1x1 e2x1");
    let mut rig = with_first_watch(|| vec![data("<!DOCTYPE html>\n<html>Sign in</html>\n"), Step::Hang]);
    rig.pass(secs(5)).await;
    assert_eq!(only(words(&rig), "Events Waiting").len(), 1, "{:?}", words(&rig));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_of_a_watch_is_read_again_at_once_and_in_no_hot_loop() {
    let events = AtomicU32::new(0);
    let mut rig = Rig::start(Tuning::default(), move |seen| match (seen.path.as_str(), seen.is_watch()) {
        (EVENTS, true) => {
            let name = format!("e{}", events.fetch_add(1, Ordering::Relaxed));
            let good = frame("ADDED", &enveloped(GROUP, "Event", &binary_event(&name, 310, 1)));
            binary(BINARY_WATCH, [good, frame("ADDED", b"k8s\0\x0a\x7f"), Step::Hang])
        }
        _ => served(seen),
    });
    rig.inspect.send_replace(Some(of(pod(), false)));
    rig.pass(secs(5)).await;
    assert!(reads(&rig, EVENTS) >= 2, "{} lists in 5 s", reads(&rig, EVENTS));
    rig.pass(secs(595)).await;
    assert!(reads(&rig, EVENTS) < 30, "{} lists in 10 min", reads(&rig, EVENTS));
}

#[tokio::test(start_paused = true)]
async fn events_that_cannot_be_read_are_counted_and_reported() {
    let mut rig = Rig::start(Tuning::default(), |seen| match (seen.path.as_str(), seen.is_watch()) {
        (EVENTS, false) => {
            let bad = sized(2, &[0x0a, 0x7f, 1]);
            let list = [sized(1, &sized(2, b"30")), bad.clone(), sized(2, &binary_event("e1", 29, 3)), bad].concat();
            let body = enveloped(GROUP, "EventList", &list);
            binary("application/vnd.kubernetes.protobuf", [Step::Data(body.into())])
        }
        _ => served(seen),
    });
    rig.inspect.send_replace(Some(of(pod(), false)));
    rig.pass(secs(5)).await;
    assert_eq!(only(words(&rig), "events"), ["events e1x3 unread 2"]);
}

#[tokio::test(start_paused = true)]
async fn protobuf_is_asked_for_where_it_can_be_read_and_json_everywhere_else() {
    const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
    const LIST: &str = "application/vnd.kubernetes.protobuf,application/json";
    const WATCH: &str = "application/vnd.kubernetes.protobuf;stream=watch,application/json;stream=watch";
    for protobuf in [true, false] {
        let mut rig = Rig::with_optional(Tuning { protobuf, ..Tuning::default() }, |seen| match seen.path.as_str() {
            LEASES if !seen.is_watch() => json(list(100, "", &["n1"])),
            _ => served(seen),
        });
        rig.inspect.send_replace(Some(of(pod(), true)));
        rig.pass(secs(60)).await;
        let all = rig.seen();
        let requests_of: BTreeSet<(&str, &str)> = all
            .iter()
            .filter(|seen| seen.accept != "application/json")
            .map(|seen| (seen.path.as_str(), seen.accept.as_str()))
            .collect();
        let kinds = ["/api/v1/nodes", "/api/v1/pods", EVENTS, LEASES];
        let expected = kinds.into_iter().flat_map(|path| [(path, LIST), (path, WATCH)]).filter(|_| protobuf);
        assert_eq!(requests_of, expected.collect());
        for path in [PODS, "/livez", "/version", "/apis/metrics.k8s.io/v1beta1/nodes"] {
            assert!(all.iter().any(|seen| seen.path == path), "{path} was asked for, in JSON");
        }
    }
}

#[test]
fn no_name_leads_to_another_path() {
    assert_eq!(segment("10-16-10-114.maas").to_string(), "10-16-10-114.maas");
    assert_eq!(segment("a/../../secrets?x=1#%").to_string(), "a%2F..%2F..%2Fsecrets%3Fx%3D1%23%25");
    assert_eq!(field("a,b=c\\d"), "a%5C%2Cb%5C%3Dc%5C%5Cd");
}
