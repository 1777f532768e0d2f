//! Objects of queues as they were last listed, and the rights that are missing. They are listed only while a screen shows them.

use std::time::Duration;

use hashbrown::HashMap;

use crate::facts::queue::{QueueEntry, QueueState, QueueSystem};
use crate::facts::text::Clean;
use crate::msg::{Failure, Layer, Mono, QueueListing};

/// 30 s: minimum time between two lists, and between two reads of one workload.
const REFRESH: Duration = Duration::from_secs(30);
/// 5 min: minimum time between two lists that are forbidden.
const DENIED_REFRESH: Duration = Duration::from_secs(300);
/// 10 min without a screen that shows them: the objects are dropped.
const KEPT: Duration = Duration::from_secs(600);

/// Objects of the queues of a cluster.
#[derive(Debug, Default)]
pub struct QueueStore {
    /// Result of the last list; `None` until there was one.
    listings: Option<Vec<QueueListing>>,
    /// Failure of the last list as a whole.
    failure: Option<Box<Failure>>,
    /// Conditions of workloads that were read one by one.
    workloads: HashMap<WorkloadKey, ReadWorkload>,
    requested: Option<Mono>,
    revision: u64,
}

/// Name of a workload.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct WorkloadKey {
    namespace: Clean,
    name: Clean,
}

#[derive(Debug)]
struct ReadWorkload {
    requested: Mono,
    entry: Option<QueueEntry>,
}

/// An object of a queue, with the system that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueWords<'a> {
    /// The system.
    pub system: QueueSystem,
    /// The object.
    pub entry: &'a QueueEntry,
}

impl QueueStore {
    /// Returns `true`, once in a while, if the objects are to be listed now.
    pub(in crate::model) fn take_due(&mut self, now: Mono) -> bool {
        let wait = if self.is_denied() { DENIED_REFRESH } else { REFRESH };
        let due = self.requested.is_none_or(|at| now.since(at) >= wait);
        if due {
            self.requested = Some(now);
        }
        due
    }

    /// The same for one workload.
    pub(in crate::model) fn take_workload_due(&mut self, namespace: &Clean, name: &Clean, now: Mono) -> bool {
        let key = WorkloadKey { namespace: namespace.clone(), name: name.clone() };
        let read = self.workloads.entry(key);
        let mut due = false;
        let read = read.or_insert_with(|| {
            due = true;
            ReadWorkload { requested: now, entry: None }
        });
        if now.since(read.requested) >= REFRESH {
            (read.requested, due) = (now, true);
        }
        due
    }

    /// Applies a list.
    pub(in crate::model) fn listed(&mut self, result: Result<Vec<QueueListing>, Box<Failure>>) {
        self.revision += 1;
        match result {
            Ok(listings) => (self.listings, self.failure) = (Some(listings), None),
            // The last good picture stays.
            Err(failure) => self.failure = Some(failure),
        }
    }

    /// Applies one workload; `None` if it could not be read.
    pub(in crate::model) fn read(&mut self, namespace: Clean, name: Clean, entry: Option<QueueEntry>) {
        if let Some(read) = self.workloads.get_mut(&WorkloadKey { namespace, name }) {
            self.revision += 1;
            read.entry = entry.or(read.entry.take());
        }
    }

    /// Drops what no screen has shown for a while.
    pub(in crate::model) fn tick(&mut self, now: Mono) {
        self.workloads.retain(|_, read| now.since(read.requested) < KEPT);
        if self.requested.is_some_and(|at| now.since(at) >= KEPT) {
            *self = Self { revision: self.revision + 1, ..Self::default() };
        }
    }

    /// All objects; a workload that was read by itself has its conditions.
    pub fn entries(&self) -> impl Iterator<Item = QueueWords<'_>> {
        let listed = self.listings.iter().flatten().flat_map(|listing| {
            let entries = listing.entries.as_deref().unwrap_or_default();
            entries.iter().map(|entry| QueueWords { system: listing.system, entry })
        });
        listed.map(|words| QueueWords { entry: self.with_conditions(words), ..words })
    }

    fn with_conditions<'a>(&'a self, words: QueueWords<'a>) -> &'a QueueEntry {
        let QueueWords { system, entry } = words;
        if system != QueueSystem::Kueue || self.workloads.is_empty() {
            return entry;
        }
        let key = WorkloadKey { namespace: entry.namespace.clone(), name: entry.name.clone() };
        self.workloads.get(&key).and_then(|read| read.entry.as_ref()).unwrap_or(entry)
    }

    /// Returns `true` once the queues were listed, or could not be.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.listings.is_some() || self.failure.is_some()
    }

    /// Returns `true` unless an answer is awaited for the first time.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.requested.is_none() || self.is_answered()
    }

    /// Reason why queues are not visible: the missing rights, or a failure; `None` if all that exist are visible, and until they
    /// were listed.
    #[must_use]
    pub fn not_visible(&self) -> Option<String> {
        if let (None, Some(failure)) = (&self.listings, &self.failure) {
            return Some(match failure.layer {
                Layer::Rbac => "the right to get the path /apis is missing".to_owned(),
                _ => format!("{}: {}", failure.request, failure.text),
            });
        }
        let failed = self.listings.iter().flatten().filter_map(|listing| {
            let failure = listing.entries.as_ref().err()?;
            let api = listing.system.api();
            Some(match failure.layer {
                Layer::Rbac => format!("the right to list {}.{} is missing", api.plural, api.group),
                _ => format!("{}: {}", failure.request, failure.text),
            })
        });
        let failed: Vec<String> = failed.collect();
        (!failed.is_empty()).then(|| failed.join("; "))
    }

    /// Returns `true` if some API has more objects than were listed.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.listings.iter().flatten().any(|listing| listing.more)
    }

    /// Number that grows with every change.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    fn is_denied(&self) -> bool {
        let forbidden = |failure: &Failure| failure.layer == Layer::Rbac;
        let mut listings = self.listings.iter().flatten().peekable();
        let all = listings.peek().is_some() && listings.all(|one| one.entries.as_ref().is_err_and(|f| forbidden(f)));
        all || (self.listings.is_none() && self.failure.as_ref().is_some_and(|failure| forbidden(failure)))
    }
}

impl QueueWords<'_> {
    /// Kind of the object: `Workload`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.system.api().kind
    }

    /// Reason why it waits, or its state: `WaitingForQuota`, `QuotaReserved=False`, `Admitted`.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self.entry.state {
            QueueState::Waiting if self.entry.reason.is_empty() => &self.entry.condition,
            QueueState::Waiting => &self.entry.reason,
            QueueState::Admitted => "Admitted",
            QueueState::Finished => "Finished",
            QueueState::Unknown => "",
        }
    }

    /// `Kueue workload vision-xl in team-a: QuotaReserved=False (WaitingForQuota), insufficient unused quota …`.
    #[must_use]
    pub fn text(&self) -> String {
        let QueueEntry { name, queue, state, condition, reason, message, .. } = self.entry;
        let object = if self.system == QueueSystem::Kueue { "workload" } else { "pod group" };
        let queue = if queue.is_empty() { String::new() } else { format!(" in {queue}") };
        let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
        let message = if message.is_empty() { String::new() } else { format!(", {message}") };
        let state = match state {
            QueueState::Waiting => format!("{condition}{reason}{message}"),
            QueueState::Admitted => "admitted".to_owned(),
            QueueState::Finished => "finished".to_owned(),
            QueueState::Unknown => "says nothing about waiting".to_owned(),
        };
        format!("{} {object} {name}{queue}: {state}", self.system.name())
    }
}
