//! Events in protobuf. The two groups number the same fields differently; an answer says of which it is.

use super::{EventFacts, EventPage, LIST, ONE, Raw};
use crate::facts::loose::clamped;
use crate::facts::proto::{Envelope, Malformed, Value, unwrap, walk};
use crate::facts::wire::{ANOTHER, CUT, DecodeError, ListHead, Meta, refuse};

/// The fields of an event that are read.
enum Field {
    Metadata,
    About,
    Reason,
    Note,
    Source,
    First,
    Last,
    Count,
    Kind,
    At,
    Series,
    Controller,
    /// Nothing is kept of it.
    Other,
}

use Field::{About, At, Controller, Count, First, Kind, Last, Metadata, Note, Other, Reason, Series, Source};

/// The fields of an event by their numbers.
type Numbers = [Field; 16];

/// `Event`, `k8s.io/api core/v1/generated.proto`.
const CORE: Numbers = [
    Other, Metadata, About, Reason, Note, Source, First, Last, Count, Kind, At, Series, Other, Other, Controller, Other,
];

/// `Event`, `k8s.io/api events/v1/generated.proto`.
const GROUP: Numbers = [
    Other, Metadata, At, Series, Controller, Other, Other, Reason, About, Other, Note, Kind, Source, First, Last, Count,
];

/// One event.
pub(super) fn decode(body: &[u8]) -> Result<EventFacts, DecodeError> {
    let (numbers, message) = open(body, "Event", ONE)?;
    event(message, numbers).map_err(|Malformed| refuse(ONE, CUT, body))
}

/// One page of a list of events.
pub(super) fn decode_page(body: &[u8]) -> Result<EventPage, DecodeError> {
    let (numbers, message) = open(body, "EventList", LIST)?;
    let (mut head, mut page) = (ListHead::default(), EventPage::default());
    walk(message, |number, value| {
        match (number, value) {
            (1, _) => head.take(value)?,
            (2, Value::Bytes(item)) => match event(item, numbers) {
                Ok(event) => page.events.push(event),
                Err(Malformed) => page.unreadable += 1,
            },
            _ => {}
        }
        Ok(())
    })
    .map_err(|Malformed| refuse(LIST, CUT, body))?;
    Ok(EventPage { version: head.resource_version, token: head.continue_token, ..page })
}

/// What is in the envelope, and the numbers of its fields.
fn open<'a>(body: &'a [u8], kind: &str, expected: &str) -> Result<(&'static Numbers, &'a [u8]), DecodeError> {
    let no = |why: &str| refuse(expected, why, body);
    let Envelope { version, kind: named, object } = unwrap(body).map_err(|Malformed| no(CUT))?;
    let numbers = match &*version {
        "v1" => &CORE,
        "events.k8s.io/v1" => &GROUP,
        _ => return Err(no("it is of another group or version")),
    };
    match object {
        Some(object) if &*named == kind => Ok((numbers, object)),
        _ => Err(no(ANOTHER)),
    }
}

fn event(message: &[u8], numbers: &Numbers) -> Result<EventFacts, Malformed> {
    let (mut raw, mut meta): (Raw<'_>, Meta<'_>) = Default::default();
    walk(message, |number, value| {
        let field = usize::try_from(number).ok().and_then(|number| numbers.get(number)).unwrap_or(&Other);
        match field {
            Metadata => value.merge(&mut meta)?,
            // `ObjectReference`.
            About => value.walk(|number, value| {
                match number {
                    4 => raw.about = value.text().0,
                    7 => raw.path = value.text().0,
                    _ => {}
                }
                Ok(())
            })?,
            // `EventSource`.
            Source => raw.source = value.entry()?.0.0,
            // `EventSeries`, in both groups.
            Series => value.walk(|number, value| {
                match number {
                    1 => raw.series = count(value),
                    2 => raw.observed = value.micro_time()?.0,
                    _ => {}
                }
                Ok(())
            })?,
            Reason => raw.reason = value.text().0,
            Note => raw.note = value.text().0,
            Kind => raw.kind = value.text().0,
            Controller => raw.controller = value.text().0,
            Count => raw.count = count(value),
            First => raw.first = value.time()?.0,
            Last => raw.last = value.time()?.0,
            At => raw.at = value.micro_time()?.0,
            Other => {}
        }
        Ok(())
    })?;
    (raw.uid, raw.created) = (meta.uid.0, meta.created.0);
    Ok(raw.into_facts())
}

fn count(value: Value<'_>) -> Option<u32> {
    value.int().0.map(clamped)
}
