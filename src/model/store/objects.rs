//! Objects of an optional API: mark and sweep by the rules of the node store.

use std::time::Duration;

use hashbrown::HashMap;

use super::sync::Track;
use super::versions::{ListPass, ObjectVersion};
use crate::facts::object::{ApiObject, OptionalFacts};
use crate::facts::text::Clean;
use crate::facts::wire::Uid;
use crate::model::store::sync::Visibility;
use crate::msg::{Failure, Now, ObjectChange, PageHead, SyncState};

/// All objects of one kind of a cluster, and how well they are known.
#[derive(Debug)]
pub(crate) struct ObjectStore<T> {
    track: Track,
    objects: HashMap<Clean, HeldObject<T>>,
    run: ListPass,
    revision: u64,
}

#[derive(Debug)]
struct HeldObject<T> {
    facts: T,
    uid: Uid,
    version: u64,
    generation: u32,
    from_watch: bool,
}

impl<T> HeldObject<T> {
    fn version(&self) -> ObjectVersion {
        ObjectVersion { uid: self.uid, version: self.version }
    }
}

impl<T> Default for ObjectStore<T> {
    fn default() -> Self {
        Self { track: Track::default(), objects: HashMap::new(), run: ListPass::default(), revision: 0 }
    }
}

impl<T: PartialEq> ObjectStore<T> {
    pub(crate) fn begin(&mut self, generation: u32) {
        if self.track.started(generation) {
            self.run.begin(generation);
        }
    }

    /// Applies a page of the running list, which yields to events of the same list's watch.
    pub(crate) fn page(&mut self, head: PageHead, changes: Vec<ObjectChange<T>>, now: Now) {
        if !self.track.page(head, changes.len(), now) {
            return;
        }
        let generation = self.run.generation();
        for change in changes {
            let ObjectChange::Present(object) = change else { continue };
            let item = ObjectVersion { uid: object.uid, version: object.version };
            let watched = self.objects.get(&object.key).filter(|held| held.generation == generation && held.from_watch);
            if !self.run.outdates(generation, (&*object.key).into(), item, watched.map(HeldObject::version)) {
                self.put(*object, generation, false);
            }
        }
    }

    /// Applies changes, in order, from the watch that began at list `generation`.
    pub(crate) fn changes(&mut self, generation: u32, unreadable: u32, changes: Vec<ObjectChange<T>>, now: Now) {
        self.track.changed(changes.len(), unreadable, now);
        for change in changes {
            match change {
                ObjectChange::Present(object) => {
                    self.put(*object, generation, true);
                }
                ObjectChange::Gone { key, uid, version } => {
                    let deleted = ObjectVersion { uid, version };
                    if self.objects.get(&key).is_some_and(|held| deleted.ends(held.version())) {
                        self.objects.remove(&key);
                        self.revision += 1;
                    }
                    self.run.bury(generation, (&*key).into(), deleted);
                }
            }
        }
    }

    /// Ends the list: removes the objects that neither it nor the watch has touched.
    pub(crate) fn finish(&mut self, generation: u32, now: Now) {
        if !self.track.finished(generation, now) {
            return;
        }
        self.run.finish();
        let before = self.objects.len();
        self.objects.retain(|_, held| held.generation >= generation);
        self.revision += u64::from(self.objects.len() != before);
    }

    /// Sets the state of the list. Objects that are no longer served or requested are dropped, since they would only grow old.
    pub(crate) fn set_state(&mut self, state: SyncState) {
        if matches!(state, SyncState::Absent | SyncState::Skipped { .. })
            && (!self.objects.is_empty() || self.complete())
        {
            let revision = self.revision + 1;
            *self = Self { revision, ..Self::default() };
        }
        self.track.set_state(state);
    }

    /// Number of objects.
    pub(crate) fn len(&self) -> usize {
        self.objects.len()
    }

    /// Time since the last freshness proof.
    pub(crate) fn age(&self, now: Now) -> Option<Duration> {
        self.track.age(now)
    }

    pub(crate) fn complete(&self) -> bool {
        self.track.complete()
    }

    /// Revision that grows with every visible change.
    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    pub(crate) fn get(&self, key: &str) -> Option<&T> {
        self.objects.get(key).map(|held| &held.facts)
    }

    /// Every object, in no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Clean, &T)> {
        self.objects.iter().map(|(key, held)| (key, &held.facts))
    }

    pub(crate) fn visible(&self) -> Visibility {
        match self.track.state() {
            Some(SyncState::Absent) => return Visibility::Absent,
            Some(SyncState::Skipped { reason }) => return Visibility::Off(reason.clone()),
            Some(SyncState::Denied { failure }) => return Visibility::Denied(failure.text.clone()),
            _ => {}
        }
        match self.track.lost() {
            Some(failure) => Visibility::Unavailable(failure.text.clone()),
            None if self.complete() => Visibility::Visible,
            None => Visibility::Unknown,
        }
    }

    fn put(&mut self, object: ApiObject<T>, generation: u32, from_watch: bool) {
        let ApiObject { key, uid, version, facts } = object;
        let known = self.objects.get(&key);
        // A watch of an older list must not undo the mark of the running one, whose versions are not comparable.
        let newest = known.map_or(generation, |held| held.generation.max(generation));
        let (from_watch, generation) = (from_watch && generation == newest, newest);
        if known.is_none_or(|held| held.facts != facts || held.uid != uid) {
            self.revision += 1;
        }
        self.objects.insert(key, HeldObject { facts, uid, version, generation, from_watch });
    }
}

/// Store of any one optional resource.
pub(crate) trait OptionalStore {
    /// Begins a list.
    fn begin(&mut self, generation: u32);

    /// Ends the list.
    fn finish(&mut self, generation: u32, now: Now);

    /// Records that the watch has proven that the data is current.
    fn note_alive(&mut self, now: Now);

    /// Stops storing objects, for this reason.
    fn exceed(&mut self, failure: Failure);

    /// Applies a sleep of the machine, after which all data is old.
    fn slept(&mut self, now: Now);

    /// Sets the state of the list.
    fn set_state(&mut self, state: SyncState);

    /// Visibility of the resource.
    fn visible(&self) -> Visibility;

    /// Number of objects.
    fn len(&self) -> usize;

    /// Bytes on the heap; visits every object.
    fn heap_bytes(&self) -> usize;
}

impl<T: OptionalFacts + PartialEq> OptionalStore for ObjectStore<T> {
    fn begin(&mut self, generation: u32) {
        self.begin(generation);
    }

    fn finish(&mut self, generation: u32, now: Now) {
        self.finish(generation, now);
    }

    fn note_alive(&mut self, now: Now) {
        self.track.note_alive(now);
    }

    fn exceed(&mut self, failure: Failure) {
        self.track.exceed(failure);
    }

    fn slept(&mut self, now: Now) {
        self.track.slept(now);
    }

    fn set_state(&mut self, state: SyncState) {
        self.set_state(state);
    }

    fn visible(&self) -> Visibility {
        self.visible()
    }

    fn len(&self) -> usize {
        self.len()
    }

    fn heap_bytes(&self) -> usize {
        let object =
            |(key, held): (&Clean, &HeldObject<T>)| key.len() + usize::try_from(held.facts.weight()).unwrap_or(0);
        let tables = self.objects.allocation_size() + self.run.heap_bytes();
        tables + self.objects.iter().map(object).sum::<usize>()
    }
}

#[cfg(test)]
mod tests;
