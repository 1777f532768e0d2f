//! Facts of events, from `events.k8s.io/v1` or from core `v1`.

use std::cmp::Reverse;

use jiff::Timestamp;
use serde::de::MapAccess;
use serde::{Deserialize, Serialize};

use super::json::{Int, JsonFields, MicroTime, Obj, Reset, Text, Time};
use super::message::message;
use super::proto::{Malformed, ProtoFields, WireValue, is_protobuf, unwrap};
use super::text::Clean;
use super::wire::{self, CUT, DecodeError, ObjectMeta, Sink, Uid, refuse};
use crate::facts::json_value::clamped;

/// Facts of an event. Source of the fields: api `events/v1/types.go` and `core/v1/types.go`, `Event`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventFacts {
    /// Uid of the event object itself.
    pub uid: Uid,
    /// Uid of the involved object; `None` if the reporter did not write a UUID: a kubelet writes the node's name, and for a static
    /// pod the hash of its file.
    pub about: Option<Uid>,
    /// `Normal`, `Warning`, or any other type of the reporter.
    pub kind: Clean,
    /// CamelCase, for instance `FailedScheduling`.
    pub reason: Clean,
    /// Human-readable message.
    pub note: Clean,
    /// Reporting controller: `kubelet`, `default-scheduler`.
    pub controller: Clean,
    /// Part of the involved object, for instance a container's name; empty for the whole object.
    pub part: Clean,
    /// Number of occurrences; at least 1.
    pub count: u32,
    /// First occurrence.
    pub first: Option<Timestamp>,
    /// Last occurrence.
    pub last: Option<Timestamp>,
}

/// Page of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventPage {
    /// Events in the order of the page.
    pub events: Vec<EventFacts>,
    /// `metadata.resourceVersion`: a watch continues here.
    pub version: String,
    /// `metadata.continue`; empty on the last page.
    pub token: String,
    /// Number of unreadable events of this page.
    pub unreadable: u32,
}

impl EventFacts {
    /// Decodes one event, as in a watch; JSON or protobuf.
    ///
    /// # Errors
    /// [`DecodeError`] if it is not an event.
    pub fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        let mut read = Self::default();
        let each = &mut |event| read = event;
        if is_core(body, "an Event")? {
            wire::decode_object(body, &mut CoreEventSink(each))?;
        } else {
            wire::decode_object(body, &mut EventSink(each))?;
        }
        Ok(read)
    }

    /// Returns `true` for a warning, and for an unknown type, which may be worse.
    #[must_use]
    pub fn is_warning(&self) -> bool {
        &*self.kind != "Normal"
    }
}

message! {
    /// `Event`, `k8s.io/api events/v1/generated.proto`, under the names of core `v1` too.
    struct RawEvent<'a> {
        metadata: Obj<ObjectMeta<'a>> = "metadata" | 1,
        /// Set by reporters of the new API.
        at: MicroTime = "eventTime" | 2,
        /// Absent for a single occurrence.
        series: Obj<EventSeries> = "series" | 3,
        controller: Text<'a> = "reportingController" "reportingComponent" | 4,
        reason: Text<'a> = "reason" | 7,
        about: Obj<About<'a>> = "regarding" "involvedObject" | 8,
        note: Text<'a> = "note" "message" | 10,
        kind: Text<'a> = "type" | 11,
        /// Set by reporters of the old API, like `first`, `last` and `count`.
        source: Obj<EventSource<'a>> = "deprecatedSource" "source" | 12,
        first: Time = "deprecatedFirstTimestamp" "firstTimestamp" | 13,
        last: Time = "deprecatedLastTimestamp" "lastTimestamp" | 14,
        count: Int = "deprecatedCount" "count" | 15,
    }

    /// `ObjectReference`.
    struct About<'a> {
        uid: Text<'a> = "uid" | 4,
        path: Text<'a> = "fieldPath" | 7,
    }

    /// `EventSource`.
    struct EventSource<'a> {
        component: Text<'a> = "component" | 1,
    }

    /// `EventSeries`, in both groups.
    struct EventSeries {
        count: Int = "count" | 1,
        observed: MicroTime = "lastObservedTime" | 2,
    }
}

/// `Event`, `k8s.io/api core/v1/generated.proto`: the same fields under other numbers.
#[derive(Debug, Default)]
struct RawCoreEvent<'a>(RawEvent<'a>);

impl<'a> ProtoFields<'a> for RawCoreEvent<'a> {
    fn proto_field(&mut self, number: u64, value: WireValue<'a>) -> Result<(), Malformed> {
        /// Field number in `events/v1` for each field number of core `v1`; 0 if there is no such field.
        const NUMBERS: [u64; 15] = [0, 1, 8, 7, 10, 12, 13, 14, 15, 11, 2, 3, 0, 0, 4];
        match usize::try_from(number).ok().and_then(|number| NUMBERS.get(number)) {
            None | Some(0) => Ok(()),
            Some(number) => self.0.proto_field(*number, value),
        }
    }
}

impl<'de> JsonFields<'de> for RawCoreEvent<'de> {
    fn json_field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        self.0.json_field(key, map)
    }
}

impl Reset for RawCoreEvent<'_> {
    fn reset(&mut self) {
        self.0.reset();
    }
}

impl RawEvent<'_> {
    fn facts(&self) -> EventFacts {
        let (Obj(meta), Obj(about), Obj(series)) = (&self.metadata, &self.about, &self.series);
        let controller = if self.controller.is_empty() { &self.source.0.component } else { &self.controller };
        let counts = [series.count, self.count].into_iter().filter_map(|Int(times)| times.map(clamped));
        EventFacts {
            uid: Uid::parse(&meta.uid),
            about: Uid::of_uuid(&about.uid),
            kind: Clean::new(&self.kind),
            reason: Clean::new(&self.reason),
            note: Clean::new(&self.note),
            controller: Clean::new(controller),
            part: Clean::new(part(&Clean::new(&about.path))),
            // 0 in protobuf corresponds to an absent value in JSON.
            count: counts.into_iter().find(|times| *times > 0).unwrap_or(1),
            first: self.first.0.or(self.at.0).or(meta.created.0),
            last: series.observed.0.or(self.last.0).or(self.at.0).or(meta.created.0),
        }
    }
}

/// Sink for events of `events.k8s.io/v1`, and of either group in JSON.
struct EventSink<'e>(&'e mut dyn FnMut(EventFacts));

impl Sink for EventSink<'_> {
    type Raw<'a> = RawEvent<'a>;
    const KIND: &'static str = "Event";

    fn take(&mut self, raw: &RawEvent<'_>) -> bool {
        (self.0)(raw.facts());
        true
    }
}

/// Sink for events of core `v1`.
struct CoreEventSink<'e>(&'e mut dyn FnMut(EventFacts));

impl Sink for CoreEventSink<'_> {
    type Raw<'a> = RawCoreEvent<'a>;
    const KIND: &'static str = "Event";

    fn take(&mut self, raw: &RawCoreEvent<'_>) -> bool {
        (self.0)(raw.0.facts());
        true
    }
}

/// Returns `true` for protobuf of core `v1`, which has its own field numbers.
fn is_core(body: &[u8], expected: &str) -> Result<bool, DecodeError> {
    if !is_protobuf(body) {
        return Ok(false);
    }
    let no = |why: &str| refuse(expected, why, body);
    let envelope = unwrap(body).map_err(|Malformed| no(CUT))?;
    match &*envelope.version {
        _ if envelope.kind.is_empty() => Err(no("it does not say its kind")),
        "v1" => Ok(true),
        "events.k8s.io/v1" => Ok(false),
        _ => Err(no("it is of another group or version")),
    }
}

/// Shortens `spec.containers{trainer}` to `trainer`; the kubelet refers to a container in this form (`pkg/kubelet/container/ref.go`).
fn part(path: &str) -> &str {
    path.split_once('{').and_then(|(_, rest)| rest.strip_suffix('}')).unwrap_or(path)
}

/// Decodes one page of a list of events; JSON or protobuf.
///
/// # Errors
/// [`DecodeError`] if it is not a list; single unreadable events are only counted.
pub fn decode_page(body: &[u8]) -> Result<EventPage, DecodeError> {
    let mut events = Vec::new();
    let each = &mut |event| events.push(event);
    let head = if is_core(body, "a list of Event objects")? {
        wire::decode_list(body, &mut CoreEventSink(each))?
    } else {
        wire::decode_list(body, &mut EventSink(each))?
    };
    Ok(EventPage { events, version: head.resource_version, token: head.continue_token, unreadable: head.unreadable })
}

/// Merges equal events of the same part, adds up their counts, and returns the newest `most`, newest first.
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
