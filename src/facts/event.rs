//! Events of one object, from `events.k8s.io/v1` or from core `v1`, as far as they are kept.

use std::borrow::Cow;
use std::cmp::Reverse;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::loose::{count, list, object, text, time};
use super::proto::is_protobuf;
use super::text::Clean;
use super::wire::{DecodeError, Uid};

mod proto;

/// For people: what is expected.
const ONE: &str = "an Event";
const LIST: &str = "a list of Event objects";

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
    /// Events of this page that could not be read.
    pub unreadable: u32,
}

impl EventFacts {
    /// One event, as in a watch; JSON or protobuf.
    ///
    /// # Errors
    /// [`DecodeError`] if it is not an event.
    pub fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        if is_protobuf(body) {
            return proto::decode(body);
        }
        Ok(Raw::of_json(&object(body, ONE)?).into_facts())
    }

    /// A warning, or something worse that we do not know.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        &*self.kind != "Normal"
    }
}

/// What is read of an event, whichever way it is written.
#[derive(Default)]
struct Raw<'a> {
    uid: Cow<'a, str>,
    created: Option<Timestamp>,
    /// The uid of the object that it is about.
    about: Cow<'a, str>,
    /// The path in that object.
    path: Cow<'a, str>,
    kind: Cow<'a, str>,
    reason: Cow<'a, str>,
    note: Cow<'a, str>,
    controller: Cow<'a, str>,
    /// Who reports, by reporters of the old form.
    source: Cow<'a, str>,
    /// `eventTime`, by reporters of the new form.
    at: Option<Timestamp>,
    /// First, last and how often, by reporters of the old form.
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    count: Option<u32>,
    /// How often and when last, by reporters of the new form; absent of what happened once.
    series: Option<u32>,
    observed: Option<Timestamp>,
}

impl<'a> Raw<'a> {
    fn of_json(value: &'a Value) -> Self {
        let text_of = |paths: &[&str]| {
            let found = paths.iter().map(|path| text(value, path)).find(|text| !text.is_empty());
            Cow::Borrowed(found.unwrap_or_default())
        };
        let time_of = |paths: &[&str]| paths.iter().find_map(|path| time(value, path));
        Self {
            uid: text_of(&["/metadata/uid"]),
            created: time_of(&["/metadata/creationTimestamp"]),
            about: text_of(&["/regarding/uid", "/involvedObject/uid"]),
            path: text_of(&["/regarding/fieldPath", "/involvedObject/fieldPath"]),
            kind: text_of(&["/type"]),
            reason: text_of(&["/reason"]),
            note: text_of(&["/note", "/message"]),
            controller: text_of(&["/reportingController", "/reportingComponent"]),
            source: text_of(&["/deprecatedSource/component", "/source/component"]),
            at: time_of(&["/eventTime"]),
            first: time_of(&["/deprecatedFirstTimestamp", "/firstTimestamp"]),
            last: time_of(&["/deprecatedLastTimestamp", "/lastTimestamp"]),
            count: ["/deprecatedCount", "/count"].iter().find_map(|path| count(value, path)),
            series: count(value, "/series/count"),
            observed: time_of(&["/series/lastObservedTime"]),
        }
    }

    fn into_facts(self) -> EventFacts {
        let controller = if self.controller.is_empty() { &self.source } else { &self.controller };
        EventFacts {
            uid: Uid::parse(&self.uid),
            about: Uid::of_uuid(&self.about),
            kind: Clean::new(&self.kind),
            reason: Clean::new(&self.reason),
            note: Clean::new(&self.note),
            controller: Clean::new(controller),
            part: Clean::new(part(&Clean::new(&self.path))),
            // What is 0 in protobuf is absent in JSON.
            count: [self.series, self.count].into_iter().flatten().find(|times| *times > 0).unwrap_or(1),
            first: self.first.or(self.at).or(self.created),
            last: self.observed.or(self.last).or(self.at).or(self.created),
        }
    }
}

/// `spec.containers{trainer}` → `trainer`: the kubelet's way to name a container (`pkg/kubelet/container/ref.go`).
fn part(path: &str) -> &str {
    path.split_once('{').and_then(|(_, rest)| rest.strip_suffix('}')).unwrap_or(path)
}

/// One page of a list of events; JSON or protobuf.
///
/// # Errors
/// [`DecodeError`] if it is not a list; single unreadable events are only counted.
pub fn decode_page(body: &[u8]) -> Result<EventPage, DecodeError> {
    if is_protobuf(body) {
        return proto::decode_page(body);
    }
    let value = object(body, LIST)?;
    let (events, others): (Vec<_>, Vec<_>) = list(&value, "/items").iter().partition(|item| item.is_object());
    Ok(EventPage {
        events: events.into_iter().map(|item| Raw::of_json(item).into_facts()).collect(),
        version: text(&value, "/metadata/resourceVersion").to_owned(),
        token: text(&value, "/metadata/continue").to_owned(),
        unreadable: u32::try_from(others.len()).unwrap_or(u32::MAX),
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
mod tests;
