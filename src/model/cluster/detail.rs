//! The one object that is shown in detail, and the freshness of each part of it.

use std::time::Duration;

use crate::facts::document::YamlDocument;
use crate::facts::event::EventFacts;
use crate::facts::pod::PodDetail;
use crate::facts::wire::Uid;
use crate::model::time::elapsed;
use crate::msg::detail::{Detail, DetailPart, ObjectRef, Omitted, Yaml};
use crate::msg::{Failure, Now, SyncState};

/// The object that is shown in detail; it is dropped when it is left.
#[derive(Debug)]
pub struct DetailState {
    subject: ObjectRef,
    /// Uid of the opened object; another object may have the same name later (F74).
    opened: Option<Uid>,
    /// Requested form of its YAML.
    yaml: Yaml,
    pod: Option<Box<PodDetail>>,
    document: Option<YamlDocument>,
    gone: Option<Now>,
    events: Option<(Vec<EventFacts>, Omitted)>,
    /// Grows when its events may have changed.
    revision: u64,
    object_state: PartState,
    events_state: PartState,
}

/// State of one part of the object.
#[derive(Debug, Default)]
struct PartState {
    state: Option<SyncState>,
    /// Time at which the held data was last known to equal the server's.
    fresh_at: Option<Now>,
    /// The failure, until something proves that the connection works again.
    failed: Option<Box<Failure>>,
}

/// Freshness of one part of the object.
#[derive(Clone, Debug, PartialEq)]
pub enum PartFreshness<'a> {
    /// It is being read for the first time.
    Loading,
    /// Nothing could be read yet, for this reason.
    Failing(&'a Failure),
    /// It is watched, and the server answers.
    Live,
    /// Watching is forbidden, so it is polled; the age of the shown data.
    Polled(Duration),
    /// Not live: its age, and the failure, if there was one.
    Stale(Duration, Option<&'a Failure>),
    /// Reading it is forbidden.
    Denied(&'a Failure),
    /// It does not exist; time since that was first observed.
    Gone(Duration),
}

impl DetailState {
    pub(in crate::model) fn new(subject: ObjectRef, opened: Option<Uid>) -> Self {
        Self {
            subject,
            opened,
            yaml: Yaml::NotRequested,
            pod: None,
            document: None,
            gone: None,
            events: None,
            revision: 0,
            object_state: PartState::default(),
            events_state: PartState::default(),
        }
    }

    /// The object.
    #[must_use]
    pub fn subject(&self) -> &ObjectRef {
        &self.subject
    }

    /// The pod in full, once it was read; its last state after it was deleted.
    #[must_use]
    pub fn pod(&self) -> Option<&PodDetail> {
        self.pod.as_deref()
    }

    /// Its YAML, once it was read.
    #[must_use]
    pub fn document(&self) -> Option<&YamlDocument> {
        self.document.as_ref()
    }

    /// Returns `true` if the opened pod is gone and another one has its name.
    #[must_use]
    pub fn replaced(&self) -> bool {
        self.pod.as_ref().zip(self.opened).is_some_and(|(pod, opened)| pod.uid != opened)
    }

    /// Its events, newest first, and the counts of omitted ones; `None` until they were read. Events about an earlier object of
    /// the same name are left out.
    #[must_use]
    pub fn events(&self) -> Option<(Vec<&EventFacts>, Omitted)> {
        let (events, omitted) = self.events.as_ref()?;
        let uid = self.pod.as_ref().map(|pod| pod.uid).or(self.opened);
        let ours = |event: &&EventFacts| event.about.zip(uid).is_none_or(|(about, uid)| about == uid);
        Some((events.iter().filter(ours).collect(), *omitted))
    }

    /// Grows when its events may have changed.
    pub(in crate::model) fn revision(&self) -> u64 {
        self.revision
    }

    /// Freshness of a part. Any answer of the server counts, since the watch itself may be silent for a minute.
    pub(in crate::model) fn freshness(&self, part: DetailPart, link: &LinkNow, now: Now) -> PartFreshness<'_> {
        let hold = self.part_state(part);
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
                // Which events are about the pod depends on its uid.
                self.revision += 1;
                self.pod = Some(pod);
                self.object_state.mark_fresh(now);
            }
            Detail::Document(document) => {
                self.gone = None;
                // A document that was requested before the masking changed is dropped.
                self.document = (document.values.masked == (self.yaml == Yaml::Masked)).then_some(document);
                self.object_state.mark_fresh(now);
            }
            Detail::Gone => {
                self.gone.get_or_insert(now);
                self.object_state.mark_fresh(now);
            }
            Detail::Events { events, omitted } => {
                self.events = Some((events, omitted));
                self.revision += 1;
                self.events_state.mark_fresh(now);
            }
            Detail::Sync { part, state } => self.part_state_mut(part).set(state, link, now),
            Detail::Alive { part } => self.part_state_mut(part).mark_fresh(now),
        }
    }

    /// Sets the requested form of its YAML; a document in another form is dropped.
    pub(in crate::model) fn want_yaml(&mut self, yaml: Yaml) {
        if std::mem::replace(&mut self.yaml, yaml) != yaml {
            self.document = None;
        }
    }

    fn part_state(&self, part: DetailPart) -> &PartState {
        match part {
            DetailPart::Object => &self.object_state,
            DetailPart::Events => &self.events_state,
        }
    }

    fn part_state_mut(&mut self, part: DetailPart) -> &mut PartState {
        match part {
            DetailPart::Object => &mut self.object_state,
            DetailPart::Events => &mut self.events_state,
        }
    }
}

/// Contact with the server, as far as freshness depends on it.
pub(in crate::model) struct LinkNow {
    /// Time of the server's last answer of any kind.
    pub(in crate::model) answered: Option<Now>,
    /// `true` if it has been silent for longer than probes take.
    pub(in crate::model) silent: bool,
}

impl PartState {
    fn mark_fresh(&mut self, now: Now) {
        self.fresh_at = Some(now);
        self.failed = None;
    }

    /// Returns `true` if something failed, and nothing has proven since that the connection works.
    fn lost(&self) -> bool {
        self.failed.is_some()
    }

    fn set(&mut self, state: SyncState, link: &LinkNow, now: Now) {
        let watched = matches!(self.state, Some(SyncState::Watching));
        if let (true, Some(_), Some(answered)) = (watched, self.fresh_at, link.answered) {
            // A watch that was open until now has delivered every change up to the server's last answer.
            self.fresh_at = Some(if link.silent { answered } else { now });
        }
        match &state {
            SyncState::Waiting { failure, .. } | SyncState::Denied { failure } => self.failed = Some(failure.clone()),
            SyncState::Watching | SyncState::Polling { .. } => self.failed = None,
            // The resources of an opened object exist in every cluster and are never skipped.
            SyncState::Listing | SyncState::Absent | SyncState::Skipped { .. } => {}
        }
        self.state = Some(state);
    }
}
