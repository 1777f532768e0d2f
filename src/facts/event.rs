//! Events of one object, from `events.k8s.io/v1` or from core `v1`, as far as they are kept.

use std::cmp::Reverse;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::loose::{clean, count, list, object, text, time};
use super::text::Clean;
use super::wire::{DecodeError, Uid};

/// What we keep of an event. Source of the fields: api `events/v1/types.go` and `core/v1/types.go`, `Event`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventFacts {
    /// The event object's own uid.
    pub uid: Uid,
    /// The uid of the object that it is about; `None` where the reporter wrote no UUID: a kubelet writes the node's name, and
    /// for a static pod the hash of its file.
    pub about: Option<Uid>,
    /// `Normal`, `Warning`, or whatever the reporter says.
    pub kind: Clean,
    /// CamelCase, for instance `FailedScheduling`.
    pub reason: Clean,
    /// For people.
    pub note: Clean,
    /// Who reports: `kubelet`, `default-scheduler`.
    pub controller: Clean,
    /// The part of the object that it is about, for instance a container's name; empty for all of it.
    pub part: Clean,
    /// How often it happened; at least 1.
    pub count: u32,
    /// When it happened first.
    pub first: Option<Timestamp>,
    /// When it happened last.
    pub last: Option<Timestamp>,
}

/// A page of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventPage {
    /// The events in the order of the page.
    pub events: Vec<EventFacts>,
    /// `metadata.resourceVersion`: where a watch goes on.
    pub version: String,
    /// `metadata.continue`; empty on the last page.
    pub token: String,
}

impl EventFacts {
    /// One event, as in a watch.
    ///
    /// # Errors
    /// [`DecodeError`] if it is not an event.
    pub fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self::from_value(&object(body, "an Event")?))
    }

    fn from_value(value: &Value) -> Self {
        let first_of = |paths: &[&str]| paths.iter().find_map(|path| time(value, path));
        let text_of = |paths: &[&str]| {
            let found = paths.iter().map(|path| text(value, path)).find(|text| !text.is_empty());
            Clean::new(found.unwrap_or_default())
        };
        let created = "/metadata/creationTimestamp";
        let about = text_of(&["/regarding/uid", "/involvedObject/uid"]);
        let times = ["/series/count", "/deprecatedCount", "/count"].iter().find_map(|path| count(value, path));
        Self {
            uid: Uid::parse(text(value, "/metadata/uid")),
            about: Uid::of_uuid(&about),
            kind: clean(value, "/type"),
            reason: clean(value, "/reason"),
            note: text_of(&["/note", "/message"]),
            controller: text_of(&[
                "/reportingController",
                "/reportingComponent",
                "/deprecatedSource/component",
                "/source/component",
            ]),
            part: Clean::new(part(&text_of(&["/regarding/fieldPath", "/involvedObject/fieldPath"]))),
            count: times.unwrap_or(1).max(1),
            first: first_of(&["/deprecatedFirstTimestamp", "/firstTimestamp", "/eventTime", created]),
            last: first_of(&[
                "/series/lastObservedTime",
                "/deprecatedLastTimestamp",
                "/lastTimestamp",
                "/eventTime",
                created,
            ]),
        }
    }

    /// A warning, or something worse that we do not know.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        &*self.kind != "Normal"
    }
}

/// `spec.containers{trainer}` → `trainer`: the kubelet's way to name a container (`pkg/kubelet/container/ref.go`).
fn part(path: &str) -> &str {
    path.split_once('{').and_then(|(_, rest)| rest.strip_suffix('}')).unwrap_or(path)
}

/// One page of a list of events.
///
/// # Errors
/// [`DecodeError`] if it is not a list.
pub fn decode_page(body: &[u8]) -> Result<EventPage, DecodeError> {
    let value = object(body, "a list of Event objects")?;
    Ok(EventPage {
        events: list(&value, "/items").iter().map(EventFacts::from_value).collect(),
        version: text(&value, "/metadata/resourceVersion").to_owned(),
        token: text(&value, "/metadata/continue").to_owned(),
    })
}

/// The newest `most` events, newest first; those that say the same of the same part are one, counted.
#[must_use]
pub fn digest<'a>(events: impl Iterator<Item = &'a EventFacts>, most: usize) -> Vec<EventFacts> {
    let mut merged: Vec<EventFacts> = Vec::new();
    let mut sorted: Vec<&EventFacts> = events.collect();
    let key = |event: &EventFacts| {
        (event.kind.clone(), event.reason.clone(), event.note.clone(), event.controller.clone(), event.part.clone())
    };
    sorted.sort_by_cached_key(|event| (key(event), event.about.map(|uid| uid.0), event.uid.0));
    for event in sorted {
        match merged.last_mut().filter(|last| last.about == event.about && key(last) == key(event)) {
            Some(last) => {
                last.count = last.count.saturating_add(event.count);
                last.first = [last.first, event.first].into_iter().flatten().min();
                last.last = last.last.max(event.last);
            }
            None => merged.push(event.clone()),
        }
    }
    merged.sort_by_cached_key(|event| (Reverse(event.last), event.reason.clone(), event.uid.0));
    merged.truncate(most);
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<Timestamp> {
        text.parse().ok()
    }

    /// As kube-apiserver 1.36 answers for one event that was written in core v1, in both groups.
    const CORE: &str = r#"{"metadata":{"name":"a.1","uid":"7388e950-25d8-419b-9f5c-e0bd02f911ce"},
        "involvedObject":{"kind":"Pod","namespace":"d","name":"p","uid":"00000000-0000-0000-0000-00000000002a","fieldPath":"spec.containers{app}"},
        "reason":"BackOff","message":"Back-off restarting failed container","source":{"component":"kubelet","host":"n1"},
        "firstTimestamp":"2026-03-01T14:00:00Z","lastTimestamp":"2026-03-01T14:05:00Z","count":7,"type":"Warning",
        "eventTime":null,"reportingComponent":"","reportingInstance":""}"#;
    const GROUP: &str = r#"{"metadata":{"name":"a.1","uid":"7388e950-25d8-419b-9f5c-e0bd02f911ce"},
        "regarding":{"kind":"Pod","namespace":"d","name":"p","uid":"00000000-0000-0000-0000-00000000002a","fieldPath":"spec.containers{app}"},
        "reason":"BackOff","note":"Back-off restarting failed container","deprecatedSource":{"component":"kubelet","host":"n1"},
        "deprecatedFirstTimestamp":"2026-03-01T14:00:00Z","deprecatedLastTimestamp":"2026-03-01T14:05:00Z","deprecatedCount":7,
        "type":"Warning","eventTime":null}"#;

    #[test]
    fn both_groups_say_the_same_of_one_event() {
        let event = EventFacts::decode(CORE.as_bytes()).unwrap();
        assert_eq!(EventFacts::decode(GROUP.as_bytes()).unwrap(), event);
        assert_eq!((&*event.reason, &*event.controller, &*event.part, event.count), ("BackOff", "kubelet", "app", 7));
        assert_eq!((event.first, event.last), (at("2026-03-01T14:00:00Z"), at("2026-03-01T14:05:00Z")));
        assert_eq!(event.about, Some(Uid(0x2a)));
        assert!(event.is_warning());
    }

    #[test]
    fn an_event_in_the_new_form_counts_by_its_series() {
        let event = EventFacts::decode(
            br#"{"metadata":{"uid":"x"},"regarding":{"uid":"node-7"},"reason":"FailedScheduling","note":"0/3 nodes",
            "reportingController":"default-scheduler","type":"Normal","eventTime":"2026-03-01T14:00:00.123456Z",
            "series":{"count":12,"lastObservedTime":"2026-03-01T14:09:00.000000Z"}}"#,
        );
        let event = event.unwrap();
        assert_eq!((event.count, &*event.controller), (12, "default-scheduler"));
        assert_eq!((event.first, event.last), (at("2026-03-01T14:00:00.123456Z"), at("2026-03-01T14:09:00Z")));
        assert_eq!(event.about, None, "a name is no uid");
        assert!(!event.is_warning());
    }

    #[test]
    fn f70_an_event_of_the_wrong_types_is_an_event_without_facts() {
        for body in [
            "{}",
            r#"{"metadata":7,"reason":{},"count":"many","firstTimestamp":"soon","regarding":[],"type":null,"series":1}"#,
            r#"{"lastTimestamp":"0001-01-01T00:00:00Z","count":-4}"#,
        ] {
            let event = EventFacts::decode(body.as_bytes()).unwrap();
            assert_eq!((event.count, event.last, &*event.reason), (1, None, ""), "{body}");
        }
        assert!(EventFacts::decode(b"[]").is_err());
    }

    #[test]
    fn f79_no_escape_of_an_event_is_kept() {
        let hostile = "x\\u001b]52;c;eA==\\u0007\\u009b2J\\u202ey";
        let body = format!(
            r#"{{"type":"{hostile}","reason":"{hostile}","note":"{hostile}","reportingController":"{hostile}",
            "regarding":{{"fieldPath":"spec.containers{{{hostile}}}"}}}}"#
        );
        let event = EventFacts::decode(body.as_bytes()).unwrap();
        for text in [&event.kind, &event.reason, &event.note, &event.controller, &event.part] {
            assert!(text.contains("52;c;eA=="), "the text itself is kept: {text}");
            assert!(!text.chars().any(|c| c.is_control() || c == '\u{202e}'), "{text:?}");
        }
    }

    #[test]
    fn the_same_again_is_counted_and_the_newest_come_first() {
        let event = |uid: u128, reason: &str, count, minute: u8| EventFacts {
            uid: Uid(uid),
            reason: reason.into(),
            count,
            first: at(&format!("2026-03-01T14:{:02}:00Z", minute - 1)),
            last: at(&format!("2026-03-01T14:{minute:02}:00Z")),
            ..EventFacts::default()
        };
        let events =
            [event(1, "Pulled", 1, 5), event(2, "BackOff", 3, 9), event(3, "Pulled", 2, 12), event(4, "Old", 1, 2)];
        let digested = digest(events.iter(), 2);
        let said: Vec<_> = digested.iter().map(|e| (&*e.reason, e.count, e.first, e.last)).collect();
        assert_eq!(
            said,
            [
                ("Pulled", 3, at("2026-03-01T14:04:00Z"), at("2026-03-01T14:12:00Z")),
                ("BackOff", 3, at("2026-03-01T14:08:00Z"), at("2026-03-01T14:09:00Z")),
            ]
        );
        assert_eq!(digest(events.iter().rev(), 9), digest(events.iter(), 9), "the order of arrival does not matter");
    }

    #[test]
    fn a_page_says_where_to_go_on() {
        let page =
            format!(r#"{{"kind":"EventList","metadata":{{"resourceVersion":"77","continue":"T"}},"items":[{CORE}]}}"#);
        let page = decode_page(page.as_bytes()).unwrap();
        assert_eq!((page.events.len(), &*page.version, &*page.token), (1, "77", "T"));
        let empty = decode_page(br#"{"metadata":{"resourceVersion":"77"},"items":null}"#).unwrap();
        assert_eq!((empty.events.len(), &*empty.token), (0, ""));
    }
}
