//! State of one resource's list and watch: progress, completeness, freshness.

use std::time::Duration;

use crate::facts::text::Clean;
use crate::model::known::Known;
use crate::model::time::elapsed;
use crate::msg::{Failure, Layer, Mono, Now, PageHead, SyncState};

/// How one resource is doing. Numbers of that resource take their state from here.
#[derive(Debug, Default)]
pub(crate) struct Track {
    state: Option<SyncState>,
    /// A list was once finished: from then on totals are exact.
    complete: bool,
    /// Objects were read, although no list may be complete: they stay while the list is tried again.
    any: bool,
    /// A list has begun and is not finished.
    running: bool,
    /// The failure, until something proves that the link lives again: an attempt is no proof.
    failed: Option<Box<Failure>>,
    generation: u32,
    page: u32,
    objects: u64,
    remaining: Option<u64>,
    /// When what we hold was last known to be the server's: a change or a bookmark on the watch, or the end of a list. While
    /// a relist runs what is held is part old and part new, so its pages prove the link but not the picture.
    fresh_at: Option<Now>,
    /// The end of the last list.
    finished: Option<Now>,
    /// When the machine woke, if no list has been complete since (F67).
    woke: Option<Mono>,
    unreadable: u32,
    /// Of these: objects of the list. They are somewhere, and nobody knows what they are.
    unread: u32,
    /// The same of the list before the one that runs: what it did not show is not there yet.
    unread_before: u32,
    /// There are more objects than the budget allows; nothing more is applied, and the cluster is not followed again.
    exceeded: Option<Box<Failure>>,
}

impl Track {
    /// A list begins. `false` if it is older than the one that runs.
    pub(crate) fn started(&mut self, generation: u32) -> bool {
        if generation < self.generation {
            return false;
        }
        self.generation = generation;
        self.unread_before = self.unread();
        self.running = true;
        self.page = 0;
        self.objects = 0;
        self.remaining = None;
        (self.unreadable, self.unread) = (0, 0);
        true
    }

    /// A page came. `false` if it belongs to a list that was given up.
    pub(crate) fn page(&mut self, page: PageHead, objects: usize, now: Now) -> bool {
        if page.generation != self.generation {
            return false;
        }
        self.alive(now);
        self.any = true;
        self.page = page.page;
        self.objects += objects as u64;
        self.remaining = page.remaining;
        self.unreadable = self.unreadable.saturating_add(page.unreadable);
        self.unread = self.unread.saturating_add(page.unreadable);
        true
    }

    /// The list is complete. `false` if it was given up for a newer one.
    pub(crate) fn finished(&mut self, generation: u32, now: Now) -> bool {
        if generation != self.generation {
            return false;
        }
        self.complete = true;
        self.running = false;
        self.finished = Some(now);
        self.woke = None;
        self.alive(now);
        self.fresh_at = Some(now);
        true
    }

    /// Changes came on the watch, and some that could not be read, which prove nothing.
    pub(crate) fn changed(&mut self, changes: usize, unreadable: u32, now: Now) {
        if changes > 0 {
            self.alive(now);
            self.any = true;
        }
        self.unreadable = self.unreadable.saturating_add(unreadable);
    }

    /// The watch has proven that what it brought is true now.
    pub(crate) fn note_alive(&mut self, now: Now) {
        self.alive(now);
    }

    /// The machine slept: what we hold is old at once, whatever its age.
    pub(crate) fn slept(&mut self, now: Now) {
        self.woke = Some(now.mono);
    }

    pub(crate) fn set_state(&mut self, state: SyncState) {
        match &state {
            // A watch that ended as watches do is no failure (F41), nor is a 403 that does not last (F53).
            SyncState::Waiting { failure, .. } if matches!(failure.layer, Layer::Watch | Layer::Rbac) => {}
            SyncState::Waiting { failure, .. } | SyncState::Denied { failure } => self.failed = Some(failure.clone()),
            SyncState::Watching | SyncState::Polling { .. } | SyncState::Absent | SyncState::Skipped { .. } => {
                self.failed = None;
            }
            SyncState::Listing => {}
        }
        self.state = Some(state);
    }

    fn alive(&mut self, now: Now) {
        if !self.relists() {
            self.fresh_at = Some(now);
        }
        if !matches!(self.state, Some(SyncState::Waiting { .. } | SyncState::Denied { .. })) {
            self.failed = None;
        }
    }

    /// A later list runs: what it has not brought yet may be gone.
    fn relists(&self) -> bool {
        self.complete && self.running
    }

    pub(crate) fn state(&self) -> Option<&SyncState> {
        self.state.as_ref()
    }

    pub(crate) fn complete(&self) -> bool {
        self.complete && self.exceeded.is_none()
    }

    /// Reason why nothing more is applied.
    pub(crate) fn exceed(&mut self, failure: Failure) {
        self.exceeded = Some(Box::new(failure));
    }

    pub(crate) fn unreadable(&self) -> u32 {
        self.unreadable
    }

    /// Objects of the last list that could not be read, and until a later one has ended as many at least. What a watch brings beside
    /// them may be no object at all (F48).
    pub(crate) fn unread(&self) -> u32 {
        if self.running { self.unread.max(self.unread_before) } else { self.unread }
    }

    /// Forbidden, and nothing was ever read. A 403 after a success keeps the data and lets it age.
    pub(crate) fn denied(&self) -> bool {
        !self.complete && !self.any && matches!(self.state, Some(SyncState::Denied { .. }))
    }

    /// `value`, as far as it is known. `Exact` from the end of the first list on, also while a later list runs or waits, unless
    /// there are objects that could not be read.
    pub(crate) fn known<T>(&self, value: T) -> Known<T> {
        if self.complete() && self.unread() == 0 {
            Known::Exact(value)
        } else if self.denied() {
            Known::Denied
        } else if self.any || self.complete {
            Known::AtLeast(value)
        } else {
            Known::Unknown
        }
    }

    /// Time without proof of life.
    pub(crate) fn age(&self, now: Now) -> Option<Duration> {
        self.fresh_at.map(|proof| elapsed(proof, now))
    }

    /// The failure, if the link is lost: from the failure on, through every attempt, until something proves that it lives.
    pub(crate) fn lost(&self) -> Option<&Failure> {
        self.exceeded.as_deref().or(self.failed.as_deref())
    }

    /// When the next attempt is due, while it waits.
    pub(crate) fn next_attempt(&self) -> Option<Mono> {
        match &self.state {
            Some(SyncState::Waiting { until, .. }) => Some(*until),
            _ => None,
        }
    }

    pub(crate) fn freshness(&self, stale_after: Duration, now: Now) -> Freshness {
        if self.denied() {
            return Freshness::Denied;
        }
        if self.exceeded.is_some() {
            return Freshness::Stale(self.age(now).unwrap_or_default());
        }
        if !self.complete {
            if !self.any {
                return Freshness::Never;
            }
            return Freshness::Loading { objects: self.objects, page: self.page, remaining: self.remaining };
        }
        let age = self.age(now).unwrap_or_default();
        if self.lost().is_some() || self.woke.is_some() || age > stale_after {
            return Freshness::Stale(age);
        }
        match self.state {
            Some(SyncState::Polling { .. }) => {
                Freshness::Polling(self.finished.map(|at| elapsed(at, now)).unwrap_or_default())
            }
            _ if self.relists() => Freshness::Relisting { age, objects: self.objects, page: self.page },
            _ => Freshness::Live(age),
        }
    }
}

/// Freshness of what is shown of one resource.
#[derive(Clone, Debug, PartialEq)]
pub enum Freshness {
    /// Nothing has been read yet.
    Never,
    /// The first list runs.
    Loading {
        /// Objects read so far.
        objects: u64,
        /// Pages read so far.
        page: u32,
        /// Objects still to come, as the server estimates; `None` if it does not say.
        remaining: Option<u64>,
    },
    /// Live; age of the last freshness proof.
    Live(Duration),
    /// The list is polled; time since the last one ended.
    Polling(Duration),
    /// A relist runs: part of what is shown is from before it, and may be gone.
    Relisting {
        /// Objects that the new list has brought so far.
        objects: u64,
        /// Time since all objects were last current.
        age: Duration,
        /// Pages so far.
        page: u32,
    },
    /// Not live; age of the last freshness proof.
    Stale(Duration),
    /// Listing is forbidden.
    Denied,
}

impl Freshness {
    /// Returns `true` before the first list is complete.
    #[must_use]
    pub fn is_first(&self) -> bool {
        matches!(self, Self::Never | Self::Loading { .. })
    }
}

/// Visibility of an optional API. Numbers that are not visible are never shown as 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Visibility {
    /// Nothing was answered yet.
    #[default]
    Unknown,
    /// Its objects are known.
    Visible,
    /// It is not asked for: why.
    Off(Clean),
    /// The server does not have it (404).
    Absent,
    /// We may not see it (403): what the server said.
    Denied(Clean),
    /// It is there and does not answer: what happened. What was known before is kept and ages.
    Unavailable(Clean),
}

impl Visibility {
    /// An answer of any kind came: waiting longer brings nothing new soon.
    #[must_use]
    pub fn answered(&self) -> bool {
        *self != Self::Unknown
    }

    /// Why it is not seen, for people; `None` if it is.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Visible => None,
            Self::Unknown => Some("not read yet".to_owned()),
            Self::Off(why) => Some(why.to_string()),
            Self::Absent => Some("not installed".to_owned()),
            Self::Denied(_) => Some("forbidden (403)".to_owned()),
            Self::Unavailable(text) => Some(format!("unavailable: {text}")),
        }
    }
}
