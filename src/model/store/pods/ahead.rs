//! Batched lookup of pods before they are applied.
//!
//! In a large cluster each access is a cache miss: to the index, to the node, to its name. Pod by pod, these misses are
//! sequential; looked up together, step by step, many of them overlap. The result is a hint, since pods that are applied earlier
//! may change it: it is checked when it is used, and is then in the cache.

use std::hash::BuildHasher;

use super::record::KeyHash;
use super::{PodFacts, PodStore};

/// Number of pods that are looked up together; the memory that they touch fits the first-level cache.
pub(super) const TOGETHER: usize = 32;

/// Result of looking up a pod in advance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lookahead {
    namespace: Option<u32>,
    hash: Option<KeyHash>,
    slot: Option<u32>,
    node_hash: u64,
    node: Option<u32>,
}

impl PodStore {
    /// Looks up pods by namespace, name and node.
    pub(super) fn look_ahead(&self, keys: &[[&str; 3]], hints: &mut Vec<Lookahead>) {
        hints.clear();
        for &[namespace, name, node] in keys {
            let namespace = self.namespace_id(namespace);
            let hash = namespace.map(|namespace| self.key_hash(namespace, name));
            let slot = namespace.zip(hash).and_then(|(namespace, hash)| self.find(hash, namespace, name));
            let node_hash = self.hasher.hash_one(node);
            hints.push(Lookahead { namespace, hash, slot, node_hash, node: self.nodes.candidate(node_hash) });
        }
        // Each step touches what the one before has found, of all pods before the next step.
        for hint in &mut *hints {
            hint.node = hint.node.filter(|id| self.nodes.has(*id, hint.node_hash));
        }
        for (hint, [_, _, node]) in hints.iter_mut().zip(keys) {
            hint.node = hint.node.filter(|id| *self.nodes.get(*id).name == **node);
        }
    }

    /// Slot of a pod that is applied now, and the hash of its key, which is unknown if no pod of its namespace is stored.
    pub(super) fn locate(&self, pod: &PodFacts<'_>, hint: &Lookahead) -> (Option<u32>, Option<KeyHash>) {
        let hinted = |id: &u32| self.namespaces.held(*id).is_some_and(|held| **held == *pod.namespace);
        let Some(namespace) = hint.namespace.filter(hinted).or_else(|| self.namespace_id(pod.namespace)) else {
            return (None, None);
        };
        let hash = hint.hash.filter(|_| hint.namespace == Some(namespace));
        let hash = hash.unwrap_or_else(|| self.key_hash(namespace, pod.name));
        let hinted = |slot: &u32| self.records.get(*slot).is_some_and(|held| self.is(held, hash, namespace, pod.name));
        (hint.slot.filter(hinted).or_else(|| self.find(hash, namespace, pod.name)), Some(hash))
    }

    /// Id of the node of a pod that is applied now, if some pod names that node.
    pub(super) fn locate_node(&self, name: &str, hint: &Lookahead) -> Option<u32> {
        let hinted = |id: &u32| self.nodes.held(*id).is_some_and(|held| *held.name == *name);
        hint.node.filter(hinted).or_else(|| self.node_id(name))
    }
}
