//! The one object that is shown in detail, and the freshness of each part of it.

use std::time::Duration;

use crate::facts::document::YamlDocument;
use crate::facts::event::EventFacts;
use crate::facts::pod::PodDetail;
use crate::facts::wire::Uid;
use crate::model::time::elapsed;
use crate::msg::detail::{Detail, DetailPart, ObjectRef, Omitted, Yaml};
use crate::msg::{Failure, Now, SyncState};

/// The object that is looked at closely. It is forgotten when it is left.
#[derive(Debug)]
pub struct DetailState {
    subject: ObjectRef,
    /// The uid that was opened; the same name may be another object later (F74).
    opened: Option<Uid>,
    /// How its YAML is wanted.
    yaml: Yaml,
    pod: Option<Box<PodDetail>>,
    document: Option<YamlDocument>,
    gone: Option<Now>,
    events: Option<(Vec<EventFacts>, Omitted)>,
    object_hold: Hold,
    events_hold: Hold,
}

/// How one part of it is doing.
#[derive(Debug, Default)]
struct Hold {
    state: Option<SyncState>,
    /// When what we hold was last known to be the server's.
    fresh_at: Option<Now>,
    /// The failure, until something proves that the link lives again.
    failed: Option<Box<Failure>>,
}

/// How fresh one part of the object is.
#[derive(Clone, Debug, PartialEq)]
pub enum PartFreshness<'a> {
    /// It is being read for the first time.
    Loading,
    /// Nothing could be read yet, and this is why.
    Failing(&'a Failure),
    /// It is watched, and the server answers.
    Live,
    /// Watching is forbidden, so it is read again and again; the age of what is shown.
    Polled(Duration),
    /// Not live: its age, and the failure, if there was one.
    Stale(Duration, Option<&'a Failure>),
    /// We may not ask.
    Denied(&'a Failure),
    /// It is not there, since so long as far as we saw.
    Gone(Duration),
}

impl DetailState {
    pub(in crate::model) fn new(subject: ObjectRef, opened: Option<Uid>) -> Self {
        Self {
            subject,
            opened,
            yaml: Yaml::Unwanted,
            pod: None,
            document: None,
            gone: None,
            events: None,
            object_hold: Hold::default(),
            events_hold: Hold::default(),
        }
    }

    /// Which object.
    #[must_use]
    pub fn subject(&self) -> &ObjectRef {
        &self.subject
    }

    /// The pod in full, as soon as it was read; its last state after it went.
    #[must_use]
    pub fn pod(&self) -> Option<&PodDetail> {
        self.pod.as_deref()
    }

    /// Its YAML, as soon as it was read.
    #[must_use]
    pub fn document(&self) -> Option<&YamlDocument> {
        self.document.as_ref()
    }

    /// The pod that was opened is gone, and another one has its name.
    #[must_use]
    pub fn replaced(&self) -> bool {
        self.pod.as_ref().zip(self.opened).is_some_and(|(pod, opened)| pod.uid != opened)
    }

    /// Its events, newest first, and what is not among them; `None` until they were read. Events about an earlier object of
    /// the same name are left out.
    #[must_use]
    pub fn events(&self) -> Option<(Vec<&EventFacts>, Omitted)> {
        let (events, omitted) = self.events.as_ref()?;
        let uid = self.pod.as_ref().map(|pod| pod.uid).or(self.opened);
        let ours = |event: &&EventFacts| event.about.zip(uid).is_none_or(|(about, uid)| about == uid);
        Some((events.iter().filter(ours).collect(), *omitted))
    }

    /// When the link last lived is `answered`; the watch itself may have been silent for a minute.
    pub(in crate::model) fn freshness(&self, part: DetailPart, link: &LinkNow, now: Now) -> PartFreshness<'_> {
        let hold = self.hold(part);
        if let (DetailPart::Object, Some(gone), false) = (part, self.gone, hold.lost()) {
            return PartFreshness::Gone(elapsed(gone, now));
        }
        let Some(proof) = hold.fresh_at else {
            return match &hold.state {
                Some(SyncState::Denied { failure }) => PartFreshness::Denied(failure),
                _ => hold.failed.as_deref().map_or(PartFreshness::Loading, PartFreshness::Failing),
            };
        };
        let age = elapsed(proof, now);
        match &hold.state {
            Some(SyncState::Denied { failure }) => PartFreshness::Denied(failure),
            _ if hold.failed.is_some() => PartFreshness::Stale(age, hold.failed.as_deref()),
            Some(SyncState::Watching) => match (link.silent, link.answered) {
                (false, _) => PartFreshness::Live,
                (true, answered) => PartFreshness::Stale(answered.map_or(age, |at| elapsed(at, now).min(age)), None),
            },
            Some(SyncState::Polling { .. }) => PartFreshness::Polled(age),
            _ if link.silent => PartFreshness::Stale(age, None),
            _ => PartFreshness::Live,
        }
    }

    pub(in crate::model) fn take(&mut self, found: Detail, link: &LinkNow, now: Now) {
        match found {
            Detail::Pod(pod) => {
                self.gone = None;
                self.opened.get_or_insert(pod.uid);
                self.pod = Some(pod);
                self.object_hold.proven(now);
            }
            Detail::Document(document) => {
                self.gone = None;
                // One that was on its way when it was to be masked shows nothing.
                self.document = (document.values.masked == (self.yaml == Yaml::Masked)).then_some(document);
                self.object_hold.proven(now);
            }
            Detail::Gone => {
                self.gone.get_or_insert(now);
                self.object_hold.proven(now);
            }
            Detail::Events { events, omitted } => {
                self.events = Some((events, omitted));
                self.events_hold.proven(now);
            }
            Detail::Sync { part, state } => self.hold_mut(part).set(state, link, now),
            Detail::Alive { part } => self.hold_mut(part).proven(now),
        }
    }

    /// Wants its YAML so from now on; what was held of it otherwise is forgotten.
    pub(in crate::model) fn want_yaml(&mut self, yaml: Yaml) {
        if std::mem::replace(&mut self.yaml, yaml) != yaml {
            self.document = None;
        }
    }

    fn hold(&self, part: DetailPart) -> &Hold {
        match part {
            DetailPart::Object => &self.object_hold,
            DetailPart::Events => &self.events_hold,
        }
    }

    fn hold_mut(&mut self, part: DetailPart) -> &mut Hold {
        match part {
            DetailPart::Object => &mut self.object_hold,
            DetailPart::Events => &mut self.events_hold,
        }
    }
}

/// The link of the cluster, as far as it says how old what is held is.
pub(in crate::model) struct LinkNow {
    /// When the server last answered anything.
    pub(in crate::model) answered: Option<Now>,
    /// It has been silent for longer than probes take.
    pub(in crate::model) silent: bool,
}

impl Hold {
    fn proven(&mut self, now: Now) {
        self.fresh_at = Some(now);
        self.failed = None;
    }

    /// Something failed, and nothing has proven since that the link lives.
    fn lost(&self) -> bool {
        self.failed.is_some()
    }

    fn set(&mut self, state: SyncState, link: &LinkNow, now: Now) {
        let watched = matches!(self.state, Some(SyncState::Watching));
        if let (true, Some(_), Some(answered)) = (watched, self.fresh_at, link.answered) {
            // A watch that was open until now would have brought every change up to the last answer of the server.
            self.fresh_at = Some(if link.silent { answered } else { now });
        }
        match &state {
            SyncState::Waiting { failure, .. } | SyncState::Denied { failure } => self.failed = Some(failure.clone()),
            SyncState::Watching | SyncState::Polling { .. } => self.failed = None,
            // What an opened object is asked for is in every cluster, and never left out.
            SyncState::Listing | SyncState::Absent | SyncState::Skipped { .. } => {}
        }
        self.state = Some(state);
    }
}
