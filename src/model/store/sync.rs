//! State of one resource's list and watch: progress, completeness, freshness.

use std::time::Duration;

use crate::facts::text::Clean;
use crate::model::known::Known;
use crate::model::time::elapsed;
use crate::msg::{Failure, Layer, Mono, Now, PageHead, SyncState};

/// State of one resource's list and watch, which determines how well its numbers are known.
#[derive(Debug, Default)]
pub(crate) struct Track {
    state: Option<SyncState>,
    /// `true` once a list has ended; from then on totals are exact.
    complete: bool,
    /// `true` once objects were read, even if no list is complete; they stay while the list is retried.
    any: bool,
    /// `true` while a list runs.
    running: bool,
    /// The failure, until something proves that the connection works again; an attempt proves nothing.
    failed: Option<Box<Failure>>,
    generation: u32,
    page: u32,
    objects: u64,
    remaining: Option<u64>,
    /// Time at which the data was last known to equal the server's: a change or a bookmark on the watch, or the end of a list.
    /// During a relist the data is partly old, so its pages prove the connection but not the data.
    fresh_at: Option<Now>,
    /// The end of the last list.
    finished: Option<Now>,
    /// Time of the machine's wake-up, if no list has been complete since (F67).
    woke: Option<Mono>,
    unreadable: u32,
    /// Of these: objects of the list, which exist in an unknown state.
    unread: u32,
    /// Unreadable objects of the list before the running one, which count until that ends.
    unread_before: u32,
    /// Set if there are more objects than the budget allows: nothing more is applied, and the cluster is not followed again.
    exceeded: Option<Box<Failure>>,
}

impl Track {
    /// Begins a list; returns `false` if it is older than the running one.
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

    /// Applies a page; returns `false` if it belongs to an abandoned list.
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

    /// Ends a list; returns `false` if it was abandoned for a newer one.
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

    /// Applies changes of the watch, and a number of unreadable ones, which prove nothing.
    pub(crate) fn changed(&mut self, changes: usize, unreadable: u32, now: Now) {
        if changes > 0 {
            self.alive(now);
            self.any = true;
        }
        self.unreadable = self.unreadable.saturating_add(unreadable);
    }

    /// Records that the watch has proven that the data is current.
    pub(crate) fn note_alive(&mut self, now: Now) {
        self.alive(now);
    }

    /// Applies a sleep of the machine, after which the data is old, whatever its age.
    pub(crate) fn slept(&mut self, now: Now) {
        self.woke = Some(now.mono);
    }

    pub(crate) fn set_state(&mut self, state: SyncState) {
        match &state {
            // The normal end of a watch is not a failure (F41), nor is a temporary 403 (F53).
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

    /// Returns `true` while a later list runs; objects that it has not brought yet may be gone.
    fn relists(&self) -> bool {
        self.complete && self.running
    }

    pub(crate) fn state(&self) -> Option<&SyncState> {
        self.state.as_ref()
    }

    pub(crate) fn complete(&self) -> bool {
        self.complete && self.exceeded.is_none()
    }

    /// Stops applying anything more, for this reason.
    pub(crate) fn exceed(&mut self, failure: Failure) {
        self.exceeded = Some(Box::new(failure));
    }

    pub(crate) fn unreadable(&self) -> u32 {
        self.unreadable
    }

    /// Unreadable objects of the last list; during a later list at least as many. Unreadable items of a watch do not count, since
    /// they may be no objects at all (F48).
    pub(crate) fn unread(&self) -> u32 {
        if self.running { self.unread.max(self.unread_before) } else { self.unread }
    }

    /// Returns `true` if the list is forbidden and nothing was ever read. A 403 after a success keeps the data, which ages.
    pub(crate) fn denied(&self) -> bool {
        !self.complete && !self.any && matches!(self.state, Some(SyncState::Denied { .. }))
    }

    /// `value`, as far as it is known. `Exact` from the end of the first list on, even while a later list runs or waits, unless
    /// there are unreadable objects.
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

    /// Time since the last freshness proof.
    pub(crate) fn age(&self, now: Now) -> Option<Duration> {
        self.fresh_at.map(|proof| elapsed(proof, now))
    }

    /// The failure while the connection is lost: through every attempt, until something proves that it works again.
    pub(crate) fn lost(&self) -> Option<&Failure> {
        self.exceeded.as_deref().or(self.failed.as_deref())
    }

    /// Time at which the next attempt is due, while it waits.
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

/// Freshness of one resource's data.
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
    /// A relist runs: some objects are from before it and may be gone.
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
    /// It is not requested, for this reason.
    Off(Clean),
    /// The server does not have it (404).
    Absent,
    /// Access is forbidden (403); the server's message.
    Denied(Clean),
    /// It exists but does not answer; the failure. Known objects are kept, and age.
    Unavailable(Clean),
}

impl Visibility {
    /// Returns `true` once there was an answer of any kind, so that waiting longer brings nothing soon.
    #[must_use]
    pub fn answered(&self) -> bool {
        *self != Self::Unknown
    }

    /// Human-readable reason why it is not visible; `None` if it is.
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
