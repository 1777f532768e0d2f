//! The events of the object: `events.k8s.io/v1` first, core `v1` where that is not served or not allowed.
//!
//! They are selected by kind and name, not by uid: a kubelet writes a node's name where its uid belongs, and for a
//! static pod the hash of its file (`kubectl describe` asks twice for that reason). Events about an earlier object of
//! the same name are among them, and the model filters those out.

use std::collections::HashMap;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{DetailReader, DetailSource, field, segment, usable};
use crate::cluster::classify::RequestError;
use crate::facts::event::{EventFacts, decode_page, digest};
use crate::facts::wire::{Uid, WatchType};
use crate::msg::Layer;
use crate::msg::detail::{Detail, DetailPart, ObjectRef, Omitted};
use crate::resource::{CLUSTER_EVENTS_NAMESPACE, CORE_EVENTS, EVENTS};

/// Events in one page.
const PAGE: u32 = 250;
/// Most pages of one list; more events than that are repetitions.
const PAGES: usize = 8;
/// Most events that are held, to be merged and counted.
const HELD: usize = 2_000;
/// Most events that are sent.
const MOST_REPORTED: usize = 100;

/// The events held of the object.
pub(super) struct Events {
    subject: ObjectRef,
    /// Set once core `v1` is used.
    core: bool,
    held: HashMap<Uid, EventFacts>,
    /// Events that could not be held, or read.
    omitted: Omitted,
    changed: bool,
}

impl Events {
    pub(super) fn new(subject: &ObjectRef) -> Self {
        Self {
            subject: subject.clone(),
            core: false,
            held: HashMap::new(),
            omitted: Omitted::default(),
            changed: false,
        }
    }

    /// Path and selector.
    fn uri(&self) -> String {
        let kind = self.subject.resource().api().kind;
        let namespace = match &self.subject {
            // Reading only this namespace spares the server a pass over all events.
            ObjectRef::Node { .. } => CLUSTER_EVENTS_NAMESPACE,
            ObjectRef::Pod { namespace, .. } => namespace,
        };
        let (api, about) = if self.core { (CORE_EVENTS, "involvedObject") } else { (EVENTS, "regarding") };
        let path = api.best_path_in(&segment(namespace).to_string());
        let name = field(self.subject.name());
        format!("{path}?fieldSelector={about}.kind%3D{kind}%2C{about}.name%3D{name}")
    }

    fn hold(&mut self, event: EventFacts) {
        self.held.insert(event.uid, event);
        self.changed = true;
        if self.held.len() > HELD {
            self.omitted.more = true;
            let oldest = self.held.values().min_by_key(|event| event.last).map(|event| event.uid);
            oldest.and_then(|uid| self.held.remove(&uid));
        }
    }

    fn turn_to_core(&mut self) -> bool {
        !std::mem::replace(&mut self.core, true)
    }
}

impl DetailSource for Events {
    const PART: DetailPart = DetailPart::Events;

    async fn requested(&mut self) {}

    async fn changed_locally(&mut self) {
        std::future::pending::<()>().await;
    }

    async fn read(&mut self, reader: &DetailReader<'_>) -> Result<String, RequestError> {
        let mut fresh = Self { core: self.core, ..Self::new(&self.subject) };
        let mut token = String::new();
        let mut version = String::new();
        for page in 1..=PAGES {
            let from = utf8_percent_encode(&token, NON_ALPHANUMERIC);
            let mut uri = format!("{}&limit={PAGE}", self.uri());
            if !token.is_empty() {
                uri = format!("{uri}&continue={from}");
            }
            let body = reader.get(uri).await?;
            let answer = decode_page(&body).map_err(|error| RequestError::new(Layer::Decode, &error.text))?;
            fresh.omitted.unreadable = fresh.omitted.unreadable.saturating_add(answer.unreadable);
            answer.events.into_iter().for_each(|event| fresh.hold(event));
            if page == 1 {
                // The version of the first page: a watch from it misses nothing that happens while the other pages are read.
                version = answer.version;
            }
            token = answer.token;
            if token.is_empty() {
                break;
            }
        }
        fresh.omitted.more |= !token.is_empty();
        fresh.changed = true;
        *self = fresh;
        usable(version)
    }

    fn watch_uri(&self) -> String {
        self.uri()
    }

    fn apply(&mut self, kind: &WatchType, object: &[u8]) -> bool {
        let Ok(event) = EventFacts::decode(object) else { return false };
        if *kind == WatchType::Deleted {
            self.changed |= self.held.remove(&event.uid).is_some();
        } else {
            self.hold(event);
        }
        true
    }

    fn news(&mut self) -> Vec<Detail> {
        if !std::mem::take(&mut self.changed) {
            return Vec::new();
        }
        // One more than the limit shows whether there are more.
        let mut events = digest(self.held.values(), MOST_REPORTED + 1);
        let more = self.omitted.more || events.len() > MOST_REPORTED;
        events.truncate(MOST_REPORTED);
        vec![Detail::Events { events, omitted: Omitted { more, ..self.omitted } }]
    }

    fn missing(&mut self) -> bool {
        self.turn_to_core()
    }

    fn forbidden(&mut self) -> bool {
        self.turn_to_core()
    }

    fn title(&self) -> String {
        format!("list events of {}", self.subject.title())
    }
}
