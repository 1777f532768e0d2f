//! Objects of queues as they were last listed, and the rights that are missing. They are listed only while a screen shows them.

use std::time::Duration;

use hashbrown::HashMap;

use crate::facts::queue::{QueueEntry, QueueState, QueueSystem};
use crate::facts::text::Clean;
use crate::msg::{Failure, Layer, Mono, QueueListing};

/// 30 s: minimum time between two lists, and between two reads of one workload.
const REFRESH: Duration = Duration::from_secs(30);
/// 5 min: minimum time between two requests that are forbidden, and between two lists of many namespaces.
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
    /// Time of the request whose listings are shown.
    listed: Option<Mono>,
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
    /// Time of the request that brought the entry.
    read: Option<Mono>,
    /// Minimum time until the next request.
    wait: Duration,
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
    /// Returns `true`, once in a while, if the objects are to be listed now. Each API has this number of paths, one for each
    /// namespace that is watched.
    pub(in crate::model) fn take_due(&mut self, paths: usize, now: Mono) -> bool {
        let paths = u32::try_from(paths.max(1)).unwrap_or(u32::MAX);
        let wait = if self.is_denied() { DENIED_REFRESH } else { REFRESH.saturating_mul(paths).min(DENIED_REFRESH) };
        let asked = self.failures().filter_map(|failure| failure.retry_after).max();
        let wait = wait.max(asked.unwrap_or_default());
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
            ReadWorkload { requested: now, read: None, wait: REFRESH, entry: None }
        });
        if now.since(read.requested) >= read.wait {
            (read.requested, due) = (now, true);
        }
        due
    }

    /// Applies a list.
    pub(in crate::model) fn listed(&mut self, result: Result<Vec<QueueListing>, Box<Failure>>) {
        self.revision += 1;
        match result {
            Ok(listings) => (self.listings, self.failure, self.listed) = (Some(listings), None, self.requested),
            // The last good picture stays.
            Err(failure) => self.failure = Some(failure),
        }
    }

    /// Applies one workload, or the failure of its request.
    pub(in crate::model) fn read(&mut self, namespace: Clean, name: Clean, result: Result<QueueEntry, Box<Failure>>) {
        if let Some(read) = self.workloads.get_mut(&WorkloadKey { namespace, name }) {
            self.revision += 1;
            read.wait = REFRESH;
            match result {
                Ok(entry) => (read.entry, read.read) = (Some(entry), Some(read.requested)),
                Err(failure) if failure.layer == Layer::Rbac => read.wait = DENIED_REFRESH,
                // It was deleted.
                Err(failure) if failure.code == Some(404) => read.entry = None,
                // The last words stay.
                Err(failure) => read.wait = REFRESH.max(failure.retry_after.unwrap_or_default()),
            }
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
        let listed = self
            .listings
            .iter()
            .flatten()
            .flat_map(|listing| listing.entries.iter().map(|entry| QueueWords { system: listing.system, entry }));
        listed.map(|words| QueueWords { entry: self.with_conditions(words), ..words })
    }

    /// The listed workload, with its conditions if it still waits. One that does not wait any more counts only if that was read
    /// after the list.
    fn with_conditions<'a>(&'a self, words: QueueWords<'a>) -> &'a QueueEntry {
        let QueueWords { system, entry } = words;
        if system != QueueSystem::Kueue || self.workloads.is_empty() || entry.state != QueueState::Waiting {
            return entry;
        }
        let key = WorkloadKey { namespace: entry.namespace.clone(), name: entry.name.clone() };
        let Some(ReadWorkload { read, entry: Some(alone), .. }) = self.workloads.get(&key) else { return entry };
        if alone.state == QueueState::Waiting || *read > self.listed { alone } else { entry }
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

    /// Age of the objects if a later list failed; `None` if the last list did not fail, or there is no other.
    #[must_use]
    pub fn outdated(&self, now: Mono) -> Option<Duration> {
        self.failure.as_ref().and(self.listed).map(|at| now.since(at))
    }

    /// Reason why queues are not visible, or not as of now: the missing rights, or a failure; `None` if all that exist are visible,
    /// and until they were listed.
    #[must_use]
    pub fn not_visible(&self) -> Option<String> {
        if let Some(failure) = &self.failure {
            return Some(match failure.layer {
                Layer::Rbac => "the right to get the path /apis is missing".to_owned(),
                _ => format!("{}: {}", failure.request, failure.text),
            });
        }
        let failed = self.listings.iter().flatten().filter_map(|listing| {
            let failure = listing.failure.as_ref()?;
            let api = listing.system.api();
            Some(match failure.layer {
                Layer::Rbac => format!("the right to list {}.{} is missing", api.plural, api.group),
                _ => format!("{}: {}", failure.request, failure.text),
            })
        });
        let failed: Vec<String> = failed.collect();
        (!failed.is_empty()).then(|| failed.join("; "))
    }

    /// Returns `true` if some API has more objects than were listed, or may have.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.listings.iter().flatten().any(|listing| listing.more || listing.failure.is_some())
    }

    /// Number that grows with every change.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Returns `true` if the last request was forbidden, or every list of it.
    fn is_denied(&self) -> bool {
        let forbidden = |failure: &Failure| failure.layer == Layer::Rbac;
        if let Some(failure) = &self.failure {
            return forbidden(failure);
        }
        let mut listings = self.listings.iter().flatten().peekable();
        let is_denied = |one: &QueueListing| one.entries.is_empty() && one.failure.as_deref().is_some_and(forbidden);
        listings.peek().is_some() && listings.all(is_denied)
    }

    /// Failures of the last request.
    fn failures(&self) -> impl Iterator<Item = &Failure> {
        let of_lists = self.listings.iter().flatten().filter_map(|listing| listing.failure.as_deref());
        let of_lists = of_lists.filter(|_| self.failure.is_none());
        self.failure.as_deref().into_iter().chain(of_lists)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixture::{at, failure};

    fn mono(seconds: u64) -> Mono {
        at(seconds * 1_000).mono
    }

    fn workload(state: QueueState, message: &str) -> QueueEntry {
        let [namespace, name, message] = ["train", "llm", message].map(Clean::new);
        QueueEntry { namespace, name, state, message, ..QueueEntry::default() }
    }

    fn listing(entries: Vec<QueueEntry>, failure: Option<Failure>) -> Vec<QueueListing> {
        vec![QueueListing { system: QueueSystem::Kueue, entries, failure: failure.map(Box::new), more: false }]
    }

    fn failed(layer: Layer, retry_after: Option<u64>) -> Failure {
        Failure { retry_after: retry_after.map(Duration::from_secs), ..failure(layer, at(0).wall) }
    }

    /// Seconds until the next list after this result.
    fn next_list(paths: usize, result: Result<Vec<QueueListing>, Box<Failure>>) -> Option<u64> {
        let mut store = QueueStore::default();
        assert!(store.take_due(paths, mono(0)));
        store.listed(Ok(listing(Vec::new(), None)));
        store.listed(result);
        (1..1_000).find(|seconds| store.take_due(paths, mono(*seconds)))
    }

    #[test]
    fn the_next_list_waits_for_the_number_of_paths_for_rights_and_as_long_as_the_server_asks() {
        let good = || Ok(listing(Vec::new(), None));
        let periods = [(1, 30), (3, 90), (10, 300), (500, 300)];
        assert_eq!(periods.map(|(paths, _)| next_list(paths, good())), periods.map(|(_, seconds)| Some(seconds)));
        assert_eq!(next_list(1, Err(Box::new(failed(Layer::Throttled, Some(77))))), Some(77));
        assert_eq!(next_list(1, Err(Box::new(failed(Layer::FirstByte, None)))), Some(30));
        assert_eq!(next_list(1, Err(Box::new(failed(Layer::Rbac, None)))), Some(300));
        assert_eq!(next_list(1, Ok(listing(Vec::new(), Some(failed(Layer::Rbac, None))))), Some(300));
        assert_eq!(next_list(1, Ok(listing(Vec::new(), Some(failed(Layer::Server, Some(45)))))), Some(45));
    }

    #[test]
    fn one_workload_waits_for_rights_and_as_long_as_the_server_asks() {
        let next = |failure: Failure| {
            let mut store = QueueStore::default();
            let [namespace, name] = ["train", "llm"].map(Clean::new);
            assert!(store.take_workload_due(&namespace, &name, mono(0)));
            store.read(namespace.clone(), name.clone(), Err(Box::new(failure)));
            (1..1_000).find(|seconds| store.take_workload_due(&namespace, &name, mono(*seconds)))
        };
        assert_eq!(next(failed(Layer::Rbac, None)), Some(300));
        assert_eq!(next(failed(Layer::Throttled, Some(77))), Some(77));
        assert_eq!(next(failed(Layer::Body, None)), Some(30));
    }

    #[test]
    fn the_conditions_of_a_workload_do_not_hide_that_it_waits_no_longer() {
        let mut store = QueueStore::default();
        let list = |store: &mut QueueStore, seconds, state| {
            assert!(store.take_due(1, mono(seconds)));
            store.listed(Ok(listing(vec![workload(state, "listed")], None)));
        };
        let message = |store: &QueueStore| store.entries().next().map(|words| words.entry.message.to_string());
        let [namespace, name] = ["train", "llm"].map(Clean::new);
        list(&mut store, 0, QueueState::Waiting);
        store.take_workload_due(&namespace, &name, mono(1));
        store.read(namespace.clone(), name.clone(), Ok(workload(QueueState::Waiting, "quota")));
        assert_eq!(message(&store).as_deref(), Some("quota"));
        list(&mut store, 30, QueueState::Admitted);
        assert_eq!(message(&store).as_deref(), Some("listed"));
        // It is evicted, admitted again, and evicted.
        list(&mut store, 60, QueueState::Waiting);
        store.take_workload_due(&namespace, &name, mono(61));
        store.read(namespace, name, Ok(workload(QueueState::Admitted, "admitted")));
        assert_eq!(message(&store).as_deref(), Some("admitted"));
        list(&mut store, 90, QueueState::Waiting);
        assert_eq!(message(&store).as_deref(), Some("listed"));
    }

    #[test]
    fn a_list_that_fails_later_says_so_with_the_age_of_the_last() {
        let mut store = QueueStore::default();
        store.take_due(1, mono(0));
        store.listed(Ok(listing(vec![workload(QueueState::Waiting, "")], None)));
        assert_eq!((store.not_visible(), store.outdated(mono(29))), (None, None));
        store.take_due(1, mono(30));
        store.listed(Err(Box::new(Failure { request: "list queues".into(), ..failed(Layer::FirstByte, None) })));
        assert_eq!(store.entries().count(), 1);
        assert_eq!(store.not_visible().as_deref(), Some("list queues: connection refused"));
        assert_eq!(store.outdated(mono(75)), Some(Duration::from_secs(75)));
    }
}
