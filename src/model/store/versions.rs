//! The order of two states of an object: one rule for every store of objects that are listed and watched.
//!
//! Versions are compared only within one list generation, and only where both are numbers (KEP-5504): proxies in front of
//! several clusters write others. What cannot be compared is not older. Source: `docs/list-watch.md`.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::facts::wire::Uid;

/// One state of an object, or its deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ObjectVersion {
    /// Uid of the object; 0 if absent.
    pub(crate) uid: Uid,
    /// `metadata.resourceVersion` as a number; 0 if it is not one.
    pub(crate) version: u64,
}

impl ObjectVersion {
    /// Returns `true` if it is certainly newer: both versions are numbers, and this one is larger.
    pub(crate) fn is_newer_than(self, other: Self) -> bool {
        other.version != 0 && self.version > other.version
    }

    /// Returns `true` if the item of a page is not newer than this state, which came from the watch of the same list. The watch
    /// began at the version of the list, so its events are newer, unless the page is certainly newer still.
    pub(crate) fn outdates(self, page: Self) -> bool {
        !page.is_newer_than(self)
    }

    /// Returns `true` if this deletion, from the watch of the same list, is that of a page's item. A uid is never reused.
    pub(crate) fn buries(self, page: Self) -> bool {
        let same = self.uid == page.uid && page.uid != Uid::default();
        same || self.outdates(page)
    }

    /// Returns `true` if this deletion is that of the stored object, not a late one of an earlier object with its name.
    pub(crate) fn ends(self, held: Self) -> bool {
        self.uid == held.uid || held.uid == Uid::default() || self.uid == Uid::default()
    }
}

/// The newest list of a store, and the deletions from its watch while it runs, since a page may still contain such an object.
#[derive(Debug, Default)]
pub(crate) struct ListPass {
    generation: u32,
    /// Set while the list runs.
    tombstones: Option<Tombstones>,
}

/// Deletions by namespace and name.
#[derive(Debug, Default)]
struct Tombstones {
    hasher: DefaultHashBuilder,
    dead: HashTable<Tombstone>,
}

#[derive(Debug)]
struct Tombstone {
    namespace: Box<str>,
    name: Box<str>,
    deleted: ObjectVersion,
}

/// Name of an object within its kind; the namespace is empty if the name contains it, or the kind has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ObjectName<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
}

impl<'a> From<&'a str> for ObjectName<'a> {
    fn from(name: &'a str) -> Self {
        Self { namespace: "", name }
    }
}

impl ListPass {
    /// Generation of the newest list.
    pub(crate) fn generation(&self) -> u32 {
        self.generation
    }

    /// Begins a list; the tombstones of the previous one are dropped.
    pub(crate) fn begin(&mut self, generation: u32) {
        self.generation = generation;
        self.tombstones = Some(Tombstones::default());
    }

    /// Ends the list, and with it the tombstones.
    pub(crate) fn finish(&mut self) {
        self.tombstones = None;
    }

    /// Keeps a deletion from the watch of list `generation`, if that list runs.
    pub(crate) fn bury(&mut self, generation: u32, object: ObjectName<'_>, deleted: ObjectVersion) {
        if generation == self.generation
            && let Some(tombstones) = &mut self.tombstones
        {
            tombstones.bury(object, deleted);
        }
    }

    /// Returns `true` if the item of a page of list `generation` yields to its watch: to the held state, if that watch has
    /// brought it, or to a deletion. A tombstone stays until the end of the list, whatever takes the name: a uid never comes
    /// back.
    pub(crate) fn outdates(
        &self,
        generation: u32,
        object: ObjectName<'_>,
        item: ObjectVersion,
        watched: Option<ObjectVersion>,
    ) -> bool {
        watched.is_some_and(|held| held.outdates(item))
            || (generation == self.generation
                && self.tombstones.as_ref().is_some_and(|tombstones| tombstones.buries(object, item)))
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.tombstones.as_ref().map_or(0, Tombstones::heap_bytes)
    }
}

impl Tombstone {
    fn is_of(&self, object: ObjectName<'_>) -> bool {
        *self.name == *object.name && *self.namespace == *object.namespace
    }
}

impl Tombstones {
    /// Keeps the last deletion of a name.
    fn bury(&mut self, object: ObjectName<'_>, deleted: ObjectVersion) {
        let hash = self.hasher.hash_one(object);
        if let Some(held) = self.dead.find_mut(hash, |held| held.is_of(object)) {
            held.deleted = deleted;
            return;
        }
        let new = Tombstone { namespace: object.namespace.into(), name: object.name.into(), deleted };
        let hasher = &self.hasher;
        self.dead.insert_unique(hash, new, |held| {
            hasher.hash_one(ObjectName { namespace: &held.namespace, name: &held.name })
        });
    }

    /// Returns `true` if this object, or this state of it, is deleted.
    fn buries(&self, object: ObjectName<'_>, item: ObjectVersion) -> bool {
        if self.dead.is_empty() {
            return false;
        }
        let dead = self.dead.find(self.hasher.hash_one(object), |held| held.is_of(object));
        dead.is_some_and(|held| held.deleted.buries(item))
    }

    fn heap_bytes(&self) -> usize {
        self.dead.allocation_size() + self.dead.iter().map(|held| held.namespace.len() + held.name.len()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(uid: u128, version: u64) -> ObjectVersion {
        ObjectVersion { uid: Uid(uid), version }
    }

    #[test]
    fn versions_that_cannot_be_compared_are_neither_newer_nor_older() {
        for (a, b, newer) in [(2, 1, true), (1, 1, false), (1, 2, false), (0, 5, false), (5, 0, false), (0, 0, false)] {
            assert_eq!(of(1, a).is_newer_than(of(1, b)), newer, "{a} and {b}");
        }
    }

    #[test]
    fn the_watch_outdates_a_page_unless_that_is_surely_newer() {
        for (watch, page, outdates) in [(5, 5, true), (6, 5, true), (5, 6, false), (0, 6, true), (6, 0, true)] {
            assert_eq!(of(1, watch).outdates(of(1, page)), outdates, "{watch} and {page}");
        }
    }

    #[test]
    fn a_uid_never_comes_back_and_another_one_does_if_it_is_surely_newer() {
        assert!(of(1, 5).buries(of(1, 9)));
        assert!(!of(1, 5).buries(of(2, 9)));
        assert!(of(1, 5).buries(of(2, 5)) && of(1, 0).buries(of(2, 9)));
        assert!(!of(0, 5).buries(of(0, 9)), "no uid says nothing");
    }

    #[test]
    fn a_deletion_ends_the_object_that_it_names_or_any_if_it_names_none() {
        assert!(of(1, 5).ends(of(1, 9)) && of(0, 5).ends(of(1, 9)) && of(1, 5).ends(of(0, 9)));
        assert!(!of(1, 9).ends(of(2, 5)));
    }

    #[test]
    fn a_tombstone_lasts_until_its_list_ends_whatever_takes_the_name() {
        let mut run = ListPass::default();
        run.bury(0, "a".into(), of(1, 5));
        assert!(!run.outdates(0, "a".into(), of(1, 3), None), "no list runs");
        run.begin(1);
        run.bury(0, "b".into(), of(1, 5));
        assert!(!run.outdates(1, "b".into(), of(1, 3), None), "the watch of an older list");
        run.bury(1, "a".into(), of(1, 5));
        assert!(run.outdates(1, "a".into(), of(1, 9), Some(of(2, 8))), "a uid never comes back");
        assert!(!run.outdates(1, "a".into(), of(2, 9), Some(of(2, 8))), "another object, and surely newer");
        assert!(run.outdates(1, "a".into(), of(2, 7), Some(of(2, 8))) && !run.outdates(0, "a".into(), of(1, 3), None));
        let other = ObjectName { namespace: "x", name: "a" };
        assert!(!run.outdates(1, other, of(1, 3), None), "of another namespace");
        run.finish();
        assert!(!run.outdates(1, "a".into(), of(1, 3), None) && run.heap_bytes() == 0);
    }
}
