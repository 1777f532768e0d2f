//! The store: objects in key order, one resourceVersion for all kinds, and a bounded history for watches and pages.
//!
//! An older state is computed from the current one by undoing the events since then. So a list whose pages
//! take minutes costs no memory, and its token expires when the history has moved past it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::object::{Keyed, SimObject};
use super::resource::SimResource;

/// 102,400: as many events as the watch cache of kube-apiserver keeps (`watch_cache_history.go:37`).
const HISTORY_EVENTS: usize = 102_400;

/// A change of one object, as the history keeps it.
#[derive(Clone, Debug)]
pub(super) struct StoreChange {
    pub(super) rv: u64,
    at: Instant,
    /// The version before; `None` for a new object.
    pub(super) before: Option<Arc<SimObject>>,
    /// The version after; `None` for a deleted object.
    pub(super) after: Option<Arc<SimObject>>,
}

impl StoreChange {
    fn key(&self) -> &str {
        let object = self.after.as_ref().or(self.before.as_ref()).expect("a change has at least one side");
        &object.meta().key
    }
}

/// Versions at which a key changed, each with the object before; `None` if there was none.
type KeyHistory = VecDeque<(u64, Option<Arc<SimObject>>)>;

/// The objects of one kind.
#[derive(Debug)]
struct KindTable {
    objects: BTreeSet<Keyed>,
    history: VecDeque<StoreChange>,
    /// The history of each changed key, oldest first, as far back as `history` goes.
    key_histories: BTreeMap<Box<str>, KeyHistory>,
    /// Versions before this one are forgotten.
    floor: u64,
    /// The newest version of this kind; watches wait for its change.
    newest: watch::Sender<u64>,
}

impl KindTable {
    /// The table, if its history reaches back to `rv`.
    fn as_of(&self, rv: u64) -> Result<&Self, Expired> {
        if rv < self.floor { Err(Expired) } else { Ok(self) }
    }

    /// The keys from `start` on that have changed since `rv`, each with its object at `rv`.
    fn changed_since<'t>(
        &'t self,
        rv: u64,
        start: Bound<&'t str>,
    ) -> impl Iterator<Item = (&'t str, Option<&'t Arc<SimObject>>)> {
        // A list of the current state has nothing to undo, however much has changed before.
        let some = self.history.back().is_some_and(|newest| newest.rv > rv);
        let changed = some.then(|| self.key_histories.range::<str, _>((start, Bound::Unbounded)));
        changed.into_iter().flatten().filter_map(move |(key, past)| {
            let first = past.partition_point(|(at, _)| *at <= rv);
            past.get(first).map(|(_, before)| (&**key, before.as_ref()))
        })
    }

    fn forget_oldest(&mut self) {
        let Some(oldest) = self.history.pop_front() else { return };
        self.floor = oldest.rv;
        if let Some(past) = self.key_histories.get_mut(oldest.key()) {
            past.pop_front();
            if past.is_empty() {
                self.key_histories.remove(oldest.key());
            }
        }
    }
}

/// Error: the requested resourceVersion is too old.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Expired;

/// The objects of a page: those as of `rv`, after the key `after`, below `prefix`; at most `limit`.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageRange<'a> {
    pub(super) rv: u64,
    pub(super) after: &'a str,
    pub(super) prefix: &'a str,
    pub(super) limit: usize,
}

/// One page of a list.
#[derive(Debug)]
pub(super) struct ListPage {
    pub(super) items: Vec<Arc<SimObject>>,
    /// Key of the last item if there are more after it.
    pub(super) last: Option<Box<str>>,
}

/// All objects of one cluster.
#[derive(Debug)]
pub(super) struct SimStore {
    rv: u64,
    retention: Duration,
    tables: [KindTable; SimResource::ALL.len()],
}

impl SimStore {
    /// An empty store at a resourceVersion; events are kept for `keep`.
    pub(super) fn new(rv: u64, keep: Duration) -> Self {
        let table = |_| KindTable {
            objects: BTreeSet::new(),
            history: VecDeque::new(),
            key_histories: BTreeMap::new(),
            floor: rv,
            newest: watch::Sender::new(rv),
        };
        Self { rv, retention: keep, tables: SimResource::ALL.map(table) }
    }

    /// The newest resourceVersion of all kinds.
    pub(super) fn rv(&self) -> u64 {
        self.rv
    }

    pub(super) fn get(&self, resource: SimResource, key: &str) -> Option<Arc<SimObject>> {
        self.table(resource).objects.get(key).map(|k| Arc::clone(&k.0))
    }

    /// Every object of a kind, in key order.
    pub(super) fn all(&self, resource: SimResource) -> impl Iterator<Item = &Arc<SimObject>> {
        self.table(resource).objects.iter().map(|k| &k.0)
    }

    /// A receiver that is notified of changes to the objects of a kind.
    pub(super) fn changes(&self, resource: SimResource) -> watch::Receiver<u64> {
        self.table(resource).newest.subscribe()
    }

    /// Returns `true` if a watch of a kind is running.
    pub(super) fn is_watched(&self, resource: SimResource) -> bool {
        self.table(resource).newest.receiver_count() > 0
    }

    /// Adds an object without an event, before the server starts. [`Self::compact`] must follow the last one.
    pub(super) fn seed(&mut self, mut object: SimObject) {
        self.rv += 1;
        object.meta_mut().rv = self.rv;
        let table = self.table_mut(object.resource());
        table.objects.replace(Keyed(Arc::new(object)));
    }

    /// Creates or replaces an object.
    pub(super) fn put(&mut self, mut object: SimObject) -> Arc<SimObject> {
        self.rv += 1;
        object.meta_mut().rv = self.rv;
        let resource = object.resource();
        let object = Arc::new(object);
        let before = self.table_mut(resource).objects.replace(Keyed(Arc::clone(&object))).map(|k| k.0);
        self.record(resource, before, Some(Arc::clone(&object)));
        object
    }

    /// Deletes an object; returns its last state.
    pub(super) fn remove(&mut self, resource: SimResource, key: &str) -> Option<Arc<SimObject>> {
        let before = self.table_mut(resource).objects.take(key)?.0;
        self.rv += 1;
        self.record(resource, Some(Arc::clone(&before)), None);
        Some(before)
    }

    /// Drops all history, as a compaction does: every older version is too old now.
    pub(super) fn compact(&mut self) {
        let rv = self.rv;
        for table in &mut self.tables {
            table.history.clear();
            table.key_histories.clear();
            table.floor = rv;
        }
    }

    /// The oldest resourceVersion that a watch may start from.
    pub(super) fn floor(&self, resource: SimResource) -> u64 {
        self.table(resource).floor
    }

    /// The changes of a kind after `rv`, at most `limit`.
    ///
    /// # Errors
    /// [`Expired`] if some of them are forgotten.
    pub(super) fn changes_after(
        &self,
        resource: SimResource,
        rv: u64,
        limit: usize,
    ) -> Result<Vec<StoreChange>, Expired> {
        let table = self.table(resource);
        if rv < table.floor {
            return Err(Expired);
        }
        let start = table.history.partition_point(|c| c.rv <= rv);
        Ok(table.history.range(start..).take(limit).cloned().collect())
    }

    /// One page of the objects that pass the filter.
    ///
    /// # Errors
    /// [`Expired`] if that state is forgotten.
    pub(super) fn page(
        &self,
        resource: SimResource,
        range: PageRange<'_>,
        keep: impl Fn(&SimObject) -> bool,
    ) -> Result<ListPage, Expired> {
        let PageRange { rv, after, prefix, limit } = range;
        let table = self.table(resource).as_of(rv)?;
        let start = if after > prefix { Bound::Excluded(after) } else { Bound::Included(prefix) };
        let mut now = table.objects.range::<str, _>((start, Bound::Unbounded)).map(|k| &k.0).peekable();
        let mut then = table.changed_since(rv, start).peekable();
        let mut items: Vec<Arc<SimObject>> = Vec::new();
        loop {
            // Both run in key order; for a key in both the object at `rv` wins.
            let object = match (now.peek().map(|o| &*o.meta().key), then.peek().map(|(k, _)| *k)) {
                (None, None) => return Ok(ListPage { items, last: None }),
                (Some(current), old) if old.is_none_or(|old| current < old) => now.next().map(Arc::clone),
                (current, old) => {
                    if current == old {
                        now.next();
                    }
                    then.next().and_then(|(_, object)| object.cloned())
                }
            };
            let Some(object) = object else { continue };
            if !object.meta().key.starts_with(prefix) {
                return Ok(ListPage { items, last: None });
            }
            if !keep(&object) {
                continue;
            }
            if items.len() == limit {
                return Ok(ListPage { last: items.last().map(|o| o.meta().key.clone()), items });
            }
            items.push(object);
        }
    }

    /// Number of objects at `rv`.
    ///
    /// # Errors
    /// [`Expired`] if that state is forgotten.
    pub(super) fn len_at(&self, resource: SimResource, rv: u64, prefix: &str) -> Result<usize, Expired> {
        let table = self.table(resource).as_of(rv)?;
        let now = if prefix.is_empty() {
            table.objects.len()
        } else {
            let below = table.objects.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
            below.take_while(|k| k.0.meta().key.starts_with(prefix)).count()
        };
        let mut count = now;
        for (key, object) in
            table.changed_since(rv, Bound::Included(prefix)).take_while(|(key, _)| key.starts_with(prefix))
        {
            match (object.is_some(), table.objects.contains(key)) {
                (true, false) => count += 1,
                (false, true) => count -= 1,
                _ => {}
            }
        }
        Ok(count)
    }

    fn record(&mut self, resource: SimResource, before: Option<Arc<SimObject>>, after: Option<Arc<SimObject>>) {
        let (rv, keep, at) = (self.rv, self.retention, Instant::now());
        let table = self.table_mut(resource);
        let change = StoreChange { rv, at, before, after };
        let held = (rv, change.before.clone());
        match table.key_histories.get_mut(change.key()) {
            Some(past) => past.push_back(held),
            None => drop(table.key_histories.insert(change.key().into(), VecDeque::from([held]))),
        }
        table.history.push_back(change);
        while table.history.len() > HISTORY_EVENTS
            || table.history.front().is_some_and(|c| at.duration_since(c.at) > keep)
        {
            table.forget_oldest();
        }
        table.newest.send_replace(rv);
    }

    fn table(&self, resource: SimResource) -> &KindTable {
        &self.tables[resource as usize]
    }

    fn table_mut(&mut self, resource: SimResource) -> &mut KindTable {
        &mut self.tables[resource as usize]
    }
}
