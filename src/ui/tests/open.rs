//! The pod screen, the events of a node and the YAML, on a real model.

use super::model::{act, at, model};
use super::*;
use crate::facts::document::YamlDocument;
use crate::facts::event::EventFacts;
use crate::facts::pod::PodDetail;
use crate::msg::detail::{Detail, DetailPart, DetailUpdate, ObjectRef, Omitted};
use crate::msg::{ClusterEvent, Failure, Layer, Mono, Msg, SyncState};

/// A pod in trouble; its hostile parts are as an attacker would write them.
const POD: &str = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"pod-0","namespace":"default","uid":"00000000-0000-0000-0000-0000000003e8","resourceVersion":"7",
"creationTimestamp":"2026-03-01T12:00:00Z","ownerReferences":[{"kind":"Job","name":"llm-7b","controller":true}]},
"spec":{"nodeName":"node-0","serviceAccountName":"trainer","priorityClassName":"high",
"resourceClaims":[{"name":"gpu","resourceClaimTemplateName":"one-gpu"}],
"initContainers":[{"name":"fetch","image":"registry.example.internal/fetch:1"},
{"name":"proxy","image":"envoyproxy/envoy:v1.31.0","restartPolicy":"Always","resources":{"requests":{"cpu":"100m","memory":"64Mi"}}}],
"containers":[{"name":"trainer","image":"registry.example.internal/train/llm:2026.10.2","resources":{
"requests":{"cpu":"8","memory":"64Gi","nvidia.com/gpu":"4"},"limits":{"memory":"64Gi","nvidia.com/gpu":"4"}}},
{"name":"logs\u001b]52;c;eA==\u0007","image":"fluent\u202egnp/bit:3.1.6"}]},
"status":{"phase":"Running","qosClass":"Burstable","podIP":"10.128.3.7","startTime":"2026-03-01T12:00:03Z",
"resourceClaimStatuses":[{"name":"gpu","resourceClaimName":"pod-0-gpu-x7k"}],
"conditions":[{"type":"Initialized","status":"True","lastTransitionTime":"2026-03-01T12:00:20Z"},
{"type":"Ready","status":"False","reason":"ContainersNotReady","message":"containers with unready status: [trainer]","lastTransitionTime":"2026-03-01T14:04:31Z"},
{"type":"PodScheduled","status":"True","lastTransitionTime":"2026-03-01T12:00:01Z"}],
"initContainerStatuses":[{"name":"fetch","ready":true,"restartCount":0,"state":{"terminated":{"exitCode":0,"reason":"Completed","finishedAt":"2026-03-01T12:00:15Z"}}},
{"name":"proxy","ready":true,"started":true,"restartCount":0,"state":{"running":{"startedAt":"2026-03-01T12:00:18Z"}}}],
"containerStatuses":[{"name":"trainer","ready":false,"restartCount":12,"state":{"waiting":{"reason":"CrashLoopBackOff","message":"back-off 5m0s restarting failed container=trainer"}},
"lastState":{"terminated":{"exitCode":137,"reason":"OOMKilled","startedAt":"2026-03-01T13:59:02Z","finishedAt":"2026-03-01T14:04:31Z"}},
"allocatedResourcesStatus":[{"name":"claim:gpu","resources":[{"resourceID":"gpu.nvidia.com/GPU-4f2a","health":"Healthy"}]}]},
{"name":"logs\u001b]52;c;eA==\u0007","ready":true,"restartCount":0,"state":{"running":{"startedAt":"2026-03-01T12:00:21Z"}}}]}}"#;

const EVENT: &str = r#"{"metadata":{"uid":"e-1"},"regarding":{"fieldPath":"spec.containers{trainer}"},"type":"Warning","reason":"BackOff",
"note":"Back-off restarting failed container \u001b[2Jtrainer in pod pod-0","reportingController":"kubelet","deprecatedCount":31,
"deprecatedLastTimestamp":"2026-03-01T14:06:51Z"}"#;

fn subject() -> ObjectRef {
    ObjectRef::Pod { namespace: "default".into(), name: "pod-0".into() }
}

fn found(model: &mut Model, subject: ObjectRef, news: Detail) {
    let event = ClusterEvent::Found(Box::new(DetailUpdate { subject, news }));
    model.update(Msg::Cluster(ClusterId(0), event), at(7));
}

fn sync(model: &mut Model, part: DetailPart, state: SyncState) {
    found(model, subject(), Detail::Sync { part, state });
}

fn failure(layer: Layer, text: &str) -> Failure {
    Failure { attempt: 2, ..Failure::new(at(7).wall, layer, "get pod default/pod-0".into(), text.into()) }
}

/// The pod screen with everything on it.
fn opened() -> Model {
    let mut model = model();
    act(&mut model, Action::Top);
    act(&mut model, Action::Open);
    act(&mut model, Action::Open);
    assert_eq!(model.screen(), &Screen::Pod { namespace: "default".into(), name: "pod-0".into() });
    let events = vec![EventFacts::decode(EVENT.as_bytes()).unwrap()];
    found(&mut model, subject(), Detail::Pod(Box::new(PodDetail::decode(POD.as_bytes()).unwrap())));
    sync(&mut model, DetailPart::Object, SyncState::Watching);
    found(&mut model, subject(), Detail::Events { events, omitted: Omitted::default() });
    sync(&mut model, DetailPart::Events, SyncState::Watching);
    model
}

fn drawn(model: &mut Model, size: (u16, u16), theme: &Theme) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    draw_model(&mut terminal, model, &mut ViewState::default(), theme, at(7));
    terminal.backend().buffer().clone()
}

/// Events of these types, reasons and messages, newest first.
fn several(all: &[(&str, &str, &str)]) -> Vec<EventFacts> {
    let event = EventFacts::decode(EVENT.as_bytes()).unwrap();
    let one = |(uid, (kind, reason, note)): (u128, &(&str, &str, &str))| EventFacts {
        uid: crate::facts::wire::Uid(uid),
        about: None,
        kind: (*kind).into(),
        reason: (*reason).into(),
        note: (*note).into(),
        ..event.clone()
    };
    (1..).zip(all).map(one).collect()
}

fn screen(model: &mut Model) -> String {
    model.update(Msg::Frame, at(7));
    lines(&drawn(model, (100, 60), &unicode()))
}

/// Line of the cursor; the strip above has one, too.
fn cursor(text: &str) -> &str {
    text.lines().rfind(|line| line.starts_with('▌') && !line.contains("prod-a")).unwrap_or_default()
}

fn type_filter(model: &mut Model, text: &str) {
    act(model, Action::Filter);
    model.update(Msg::Edit(crate::msg::LineEdit::Paste(text.to_owned())), at(7));
    act(model, Action::Open);
}

#[test]
fn events_of_a_pod_are_sorted_filtered_and_read_in_full() {
    let mut model = opened();
    let long = format!("pulling {}and the end of it", "layer ".repeat(30));
    let all = [("Normal", "Pulling", long.as_str()), ("Warning", "BackOff", "again"), ("Normal", "Started", "trainer")];
    found(&mut model, subject(), Detail::Events { events: several(&all), omitted: Omitted::default() });
    assert!(cursor(&screen(&mut model)).contains("Pulling"));
    act(&mut model, Action::Open);
    assert!(screen(&mut model).contains("and the end of it"));
    act(&mut model, Action::Open);
    assert!(!screen(&mut model).contains("and the end of it"));
    act(&mut model, Action::Down);
    act(&mut model, Action::Down);
    assert!(cursor(&screen(&mut model)).contains("Started"));
    let more = [&all[..], &[("Normal", "Created", "trainer")]].concat();
    let mut events = several(&more);
    events.rotate_right(1);
    found(&mut model, subject(), Detail::Events { events, omitted: Omitted::default() });
    assert!(cursor(&screen(&mut model)).contains("Started"), "a new event does not move it");
    act(&mut model, Action::SortStatus);
    let text = screen(&mut model);
    assert!(cursor(&text).contains("BackOff") && text.contains("TYPE▾"), "warnings first: {text}");
    type_filter(&mut model, "reason:creat");
    let text = screen(&mut model);
    assert!(cursor(&text).contains("Created") && !text.contains("Started"), "{text}");
    assert!(text.contains("1 of 4 events by filter reason:creat"), "{text}");
    act(&mut model, Action::Back);
    assert!(screen(&mut model).contains("EVENTS 4"), "back ends the filter first");
}

#[test]
fn events_of_a_node_take_the_keys_while_they_have_the_focus() {
    let mut model = model();
    act(&mut model, Action::Top);
    act(&mut model, Action::Open);
    let Screen::Node { name, .. } = model.screen() else { panic!("no node is open") };
    let node = ObjectRef::Node { name: name.clone() };
    let all = [("Normal", "NodeReady", "ready"), ("Warning", "Rebooted", "has been rebooted")];
    found(&mut model, node, Detail::Events { events: several(&all), omitted: Omitted::default() });
    for _ in 0..4 {
        act(&mut model, Action::NextPane);
    }
    assert!(cursor(&screen(&mut model)).contains("NodeReady"));
    act(&mut model, Action::SortStatus);
    assert!(cursor(&screen(&mut model)).contains("Rebooted"));
    type_filter(&mut model, "ready");
    let text = screen(&mut model);
    assert!(cursor(&text).contains("NodeReady") && text.contains("1 of 2 events by filter ready"), "{text}");
    act(&mut model, Action::Open);
    assert!(screen(&mut model).contains("from kubelet"), "read in full");
}

#[test]
fn a_pod_is_shown_at_every_size() {
    let mut model = opened();
    for (width, height) in [(200, 60), (80, 24), (60, 12)] {
        snapshot(&format!("pod_{width}x{height}"), &drawn(&mut model, (width, height), &unicode()));
    }
    snapshot("pod_ascii_120x40", &drawn(&mut model, (120, 40), &Theme::new(Depth::None, true)));
}

#[test]
fn the_yaml_is_shown_at_every_size() {
    let mut model = opened();
    act(&mut model, Action::Yaml);
    found(&mut model, subject(), Detail::Document(YamlDocument::decode(POD.as_bytes(), true).unwrap()));
    for (width, height) in [(200, 60), (80, 24), (60, 12)] {
        snapshot(&format!("yaml_{width}x{height}"), &drawn(&mut model, (width, height), &unicode()));
    }
    act(&mut model, Action::Copy);
    let text = lines(&drawn(&mut model, (120, 30), &unicode()));
    assert!(text.contains("sent to the terminal's clipboard: YAML of pod default/pod-0"), "{text}");
}

#[test]
fn every_state_of_a_pod_is_found_by_text_without_colours() {
    let mut model = opened();
    for ascii in [false, true] {
        let buf = drawn(&mut model, (160, 50), &Theme::new(Depth::None, ascii));
        let text = lines(&buf);
        for words in [
            &["default/pod-0", "CrashLoopBackOff", "2/3 ready", "12 restarts", "live"][..],
            &["trainer", "app", "CrashLoopBackOff", "12", "OOMKilled, exit 137"],
            &["proxy", "sidecar", "Running"],
            &["fetch", "init", "Completed"],
            &["requests cpu 8, memory 64Gi, nvidia.com/gpu 4"],
            &["claim:gpu", "GPU-4f2a", "Healthy"],
            &["gpu", "pod-0-gpu-x7k", "one-gpu"],
            &["Ready", "False", "ContainersNotReady"],
            &["Warning", "BackOff", "x31", "kubelet", "trainer"],
        ] {
            assert!(text.lines().any(|line| words.iter().all(|word| line.contains(word))), "{words:?}\n{text}");
        }
        assert!(buf.content().iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset), "a colour");
        // What stands for an escape in a name is part of the name.
        assert!(!ascii || text.replace(['␛', '�'], "").is_ascii(), "{text}");
        assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{text}");
    }
}

#[test]
fn what_is_not_among_the_events_is_said_and_never_none() {
    /// How many events come, what is not among them, and what the screen says.
    type Case = (usize, (bool, u32), &'static [&'static str]);
    const NONE: &str = "no events (default retention";
    let mut model = opened();
    let event = EventFacts::decode(EVENT.as_bytes()).unwrap();
    let cases: [Case; 7] = [
        (0, (false, 0), &[NONE]),
        (0, (true, 0), &["no events of this object among the newest"]),
        (0, (false, 1), &["1 event could not be read"]),
        (0, (true, 1_200), &["no events of this object among the newest", "1,200 events could not be read"]),
        (1, (false, 0), &["BackOff"]),
        (1, (false, 2), &["BackOff", "2 events could not be read"]),
        (1, (true, 2), &["the newest 1; there are more", "2 events could not be read"]),
    ];
    for (shown, (more, unreadable), words) in cases {
        let events = vec![event.clone(); shown];
        found(&mut model, subject(), Detail::Events { events, omitted: Omitted { more, unreadable } });
        let text = lines(&drawn(&mut model, (120, 50), &unicode()));
        for words in words {
            assert!(text.contains(words), "{words}\n{text}");
        }
        assert_eq!(text.contains(NONE), shown == 0 && unreadable == 0 && !more, "{text}");
        assert_eq!(text.contains("could not be read"), unreadable > 0, "{text}");
    }
}

#[test]
fn what_is_old_gone_denied_or_on_its_way_says_so() {
    let mut model = opened();
    let line = |model: &mut Model, words: &str| {
        let text = lines(&drawn(model, (120, 40), &unicode()));
        assert!(text.contains(words), "{words}\n{text}");
        text
    };
    sync(
        &mut model,
        DetailPart::Object,
        SyncState::Waiting { until: Mono::default(), failure: Box::new(failure(Layer::Connect, "refused")) },
    );
    let text = line(&mut model, "stale: last update 0s ago, refused");
    assert!(text.contains("not live") && text.contains("? CrashLoopBackOff"), "its last state stays:\n{text}");
    sync(&mut model, DetailPart::Object, SyncState::Watching);
    found(&mut model, subject(), Detail::Gone);
    line(&mut model, "gone for 0s");
    sync(
        &mut model,
        DetailPart::Events,
        SyncState::Denied { failure: Box::new(failure(Layer::Rbac, "events is forbidden")) },
    );
    line(&mut model, "may not be read: events is forbidden");
    act(&mut model, Action::Back);
    act(&mut model, Action::Down);
    act(&mut model, Action::Open);
    line(&mut model, "not read yet");
    act(&mut model, Action::Yaml);
    line(&mut model, "not read yet");
}

#[test]
fn every_opened_screen_is_drawn_at_every_size_and_scrolls_to_its_end() {
    let mut model = opened();
    let theme = unicode();
    for yaml in [false, true] {
        if yaml {
            act(&mut model, Action::Yaml);
            found(&mut model, subject(), Detail::Document(YamlDocument::decode(POD.as_bytes(), true).unwrap()));
        }
        for scroll in [Action::Top, Action::Bottom] {
            act(&mut model, scroll);
            let sizes = (0..=60).flat_map(|height| [0, 1, 39, 40, 59, 60, 80, 120].map(|width| (width, height)));
            for size in sizes.chain([(5, 200), (500, 3)]) {
                drawn(&mut model, size, &theme);
            }
        }
        // A frame on a larger screen has moved the offset up.
        act(&mut model, Action::Bottom);
        let last = if yaml { "startTime" } else { "BackOff" };
        let text = lines(&drawn(&mut model, (80, 24), &theme));
        assert!(text.contains(last), "{last}\n{text}");
    }
}
