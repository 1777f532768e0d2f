//! What the watch deleted while a list of the same generation runs: a page may still bring it.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::facts::pod::PodFacts;
use crate::model::store::versions::ObjectVersion;

use super::version_of;

/// Deleted pods by namespace and name, from the begin of a list to its end.
#[derive(Debug, Default)]
pub(super) struct Tombstones {
    hasher: DefaultHashBuilder,
    dead: HashTable<Tombstone>,
}

#[derive(Debug)]
struct Tombstone {
    namespace: Box<str>,
    name: Box<str>,
    deleted: ObjectVersion,
}

impl Tombstone {
    fn is_of(&self, pod: &PodFacts<'_>) -> bool {
        *self.name == *pod.name && *self.namespace == *pod.namespace
    }
}

impl Tombstones {
    /// Remembers the last deletion of a pod's name.
    pub(super) fn bury(&mut self, pod: &PodFacts<'_>) {
        let hash = self.hasher.hash_one((pod.namespace, pod.name));
        if let Some(held) = self.dead.find_mut(hash, |held| held.is_of(pod)) {
            held.deleted = version_of(pod);
            return;
        }
        let (namespace, name) = (pod.namespace.into(), pod.name.into());
        let new = Tombstone { namespace, name, deleted: version_of(pod) };
        let hasher = &self.hasher;
        self.dead.insert_unique(hash, new, |held| hasher.hash_one((&*held.namespace, &*held.name)));
    }

    /// The watch knows that this pod, or this state of it, is gone.
    pub(super) fn is_buried(&self, pod: &PodFacts<'_>) -> bool {
        if self.dead.is_empty() {
            return false;
        }
        let hash = self.hasher.hash_one((pod.namespace, pod.name));
        let dead = self.dead.find(hash, |held| held.is_of(pod));
        dead.is_some_and(|held| held.deleted.buries(version_of(pod)))
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.dead.allocation_size() + self.dead.iter().map(|held| held.namespace.len() + held.name.len()).sum::<usize>()
    }
}
