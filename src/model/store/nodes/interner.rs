//! `Interner`: values that many nodes share, each stored once.
//!
//! Values are reference-counted. Values that only the interner holds are dropped whenever its size has doubled, since nodes,
//! versions and messages come and go.

use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashMap, HashTable};

use super::shared::{COUNTS, Conditions, PackedLabels, SharedList, System};
use super::sums::AcceleratorSum;
use crate::facts::node::{NodeCondition, NodeFacts, NodeTaint};
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;

/// Number of values below which unused ones are not searched for.
const FEW: usize = 64;
/// Number of new label sets that differ in a label before it counts as specific to nodes, and its values are stored by node.
const STRIKES: u8 = 64;
/// Maximum number of labels that are counted for that.
const WATCHED: usize = 1_024;

/// Texts and lists that nodes share.
#[derive(Debug, Default)]
pub(super) struct Interner {
    hasher: DefaultHashBuilder,
    texts: InternMap<Clean>,
    labels: InternMap<SharedList<(Clean, Clean)>>,
    taints: InternMap<SharedList<NodeTaint>>,
    conditions: InternMap<SharedList<NodeCondition>>,
    amounts: InternMap<SharedList<(Clean, Quantity)>>,
    systems: InternMap<Arc<System>>,
    devices: InternMap<SharedList<AcceleratorSum>>,
    /// Number of times that a label made a set of labels differ from the one before.
    strikes: HashMap<Clean, u8>,
    last_labels: Option<SharedList<(Clean, Clean)>>,
}

impl Interner {
    /// Interned copy of a text.
    pub(super) fn text(&mut self, text: &str) -> Clean {
        let hash = self.hasher.hash_one(text);
        self.texts.share(hash, |held| **held == *text, || Clean::new(text))
    }

    pub(super) fn taints(&mut self, taints: &[NodeTaint]) -> SharedList<NodeTaint> {
        let hash = self.hasher.hash_one(taints);
        if let Some(held) = self.taints.find(hash, |held| ***held == *taints) {
            return held;
        }
        let shared = taints.iter().map(|taint| NodeTaint {
            key: self.text(&taint.key),
            value: self.text(&taint.value),
            effect: self.text(&taint.effect),
        });
        let shared = Arc::new(shared.collect());
        self.taints.put(hash, shared)
    }

    pub(super) fn amounts(&mut self, amounts: &[(Clean, Quantity)]) -> SharedList<(Clean, Quantity)> {
        let hash = self.hasher.hash_one(amounts);
        if let Some(held) = self.amounts.find(hash, |held| ***held == *amounts) {
            return held;
        }
        let shared = amounts.iter().map(|(name, amount)| (self.text(name), *amount)).collect();
        self.amounts.put(hash, Arc::new(shared))
    }

    /// Conditions without their times.
    pub(super) fn conditions(&mut self, conditions: &[NodeCondition]) -> SharedList<NodeCondition> {
        let mut hasher = self.hasher.build_hasher();
        for condition in conditions {
            (&condition.kind, &condition.status, &condition.reason, &condition.message).hash(&mut hasher);
        }
        let hash = hasher.finish();
        if let Some(held) = self.conditions.find(hash, |held| Conditions::have_contents(held, conditions)) {
            return held;
        }
        let shared = conditions.iter().map(|condition| NodeCondition {
            kind: self.text(&condition.kind),
            status: condition.status.clone(),
            reason: self.text(&condition.reason),
            message: self.text(&condition.message),
            since: None,
        });
        let shared = Arc::new(shared.collect());
        self.conditions.put(hash, shared)
    }

    pub(super) fn system(&mut self, facts: &NodeFacts) -> Arc<System> {
        let hash = self.hasher.hash_one(System::parts(facts));
        if let Some(held) = self.systems.find(hash, |held| held.is_of(facts)) {
            return held;
        }
        let [kubelet, os_image, kernel, runtime, architecture] = System::parts(facts).map(|text| self.text(text));
        self.systems.put(hash, Arc::new(System { kubelet, os_image, kernel, runtime, architecture }))
    }

    pub(super) fn devices(&mut self, devices: &[AcceleratorSum]) -> SharedList<AcceleratorSum> {
        let hash = self.hasher.hash_one(devices);
        if let Some(held) = self.devices.find(hash, |held| ***held == *devices) {
            return held;
        }
        let shared =
            devices.iter().map(|one| AcceleratorSum { resource: self.text(&one.resource), ..one.clone() }).collect();
        self.devices.put(hash, Arc::new(shared))
    }

    /// Labels of a node: a shared set, and the values that are specific to this node.
    pub(super) fn labels(&mut self, name: &Clean, labels: &[(Clean, Clean)]) -> PackedLabels {
        let mut hasher = self.hasher.build_hasher();
        let mut own = Vec::new();
        for (at, (key, value)) in labels.iter().enumerate() {
            let index = u16::try_from(at).ok().filter(|_| self.is_own(name, key, value));
            (key, index.is_none().then_some(value)).hash(&mut hasher);
            if let Some(at) = index {
                own.push((at, if value == name { name.clone() } else { Clean::new(value) }));
            }
        }
        let is_own = |at: usize| own.binary_search_by_key(&at, |(index, _)| usize::from(*index)).is_ok();
        let same = |held: &SharedList<(Clean, Clean)>| {
            let pairs = held.iter().zip(labels).enumerate();
            held.len() == labels.len() && pairs.into_iter().all(|(at, (a, b))| a.0 == b.0 && (is_own(at) || a.1 == b.1))
        };
        let hash = hasher.finish();
        if let Some(shared) = self.labels.find(hash, same) {
            return PackedLabels { shared, own: own.into() };
        }
        let mut shared = Vec::with_capacity(labels.len());
        for (at, (key, value)) in labels.iter().enumerate() {
            shared.push((self.text(key), if is_own(at) { Clean::default() } else { self.text(value) }));
        }
        let shared = self.labels.put(hash, Arc::new(shared.into()));
        self.strike(&shared);
        PackedLabels { shared, own: own.into() }
    }

    fn is_own(&self, name: &Clean, key: &Clean, value: &Clean) -> bool {
        value == name || self.strikes.get(key).is_some_and(|strikes| *strikes >= STRIKES)
    }

    /// Counts the labels in which a new set differs from the one before.
    fn strike(&mut self, new: &SharedList<(Clean, Clean)>) {
        let Some(last) = self.last_labels.replace(Arc::clone(new)) else { return };
        let same_keys = last.len() == new.len() && last.iter().zip(new.iter()).all(|(a, b)| a.0 == b.0);
        if !same_keys {
            return;
        }
        for (_, (key, _)) in last.iter().zip(new.iter()).filter(|(a, b)| a.1 != b.1) {
            if let Some(strikes) = self.strikes.get_mut(key) {
                *strikes = strikes.saturating_add(1);
            } else if self.strikes.len() < WATCHED {
                self.strikes.insert(key.clone(), 1);
            }
        }
    }

    /// Number of values, used or not.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let lists = self.labels.len() + self.taints.len() + self.conditions.len() + self.amounts.len();
        lists + self.texts.len() + self.systems.len() + self.devices.len()
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        fn list<T>(list: &SharedList<T>) -> usize {
            COUNTS + size_of::<Box<[T]>>() + size_of_val(&***list)
        }
        self.texts.heap_bytes(|text| COUNTS + text.len())
            + self.labels.heap_bytes(list)
            + self.taints.heap_bytes(list)
            + self.conditions.heap_bytes(list)
            + self.amounts.heap_bytes(list)
            + self.devices.heap_bytes(list)
            + self.systems.heap_bytes(|_| COUNTS + size_of::<System>())
            + self.strikes.allocation_size()
    }
}

/// Values by hash, each once.
#[derive(Debug)]
struct InternMap<T> {
    table: HashTable<(u64, T)>,
    /// Number of values after the last removal of unused ones.
    left: usize,
}

/// A value with a reference count.
trait RefCounted: Clone {
    fn users(&self) -> usize;
}

impl<T: ?Sized> RefCounted for Arc<T> {
    fn users(&self) -> usize {
        Arc::strong_count(self)
    }
}

impl RefCounted for Clean {
    fn users(&self) -> usize {
        Self::ref_count(self)
    }
}

impl<T> Default for InternMap<T> {
    fn default() -> Self {
        Self { table: HashTable::new(), left: 0 }
    }
}

impl<T: RefCounted> InternMap<T> {
    fn find(&self, hash: u64, same: impl Fn(&T) -> bool) -> Option<T> {
        self.table.find(hash, |(_, held)| same(held)).map(|(_, held)| held.clone())
    }

    /// Adds a value that is not stored yet.
    fn put(&mut self, hash: u64, value: T) -> T {
        if self.table.len() >= 2 * self.left.max(FEW) {
            self.table.retain(|(_, held)| held.users() > 1);
            self.left = self.table.len();
            self.table.shrink_to(2 * self.left, |(hash, _)| *hash);
        }
        self.table.insert_unique(hash, (hash, value.clone()), |(hash, _)| *hash);
        value
    }

    fn share(&mut self, hash: u64, same: impl Fn(&T) -> bool, make: impl FnOnce() -> T) -> T {
        self.find(hash, same).unwrap_or_else(|| self.put(hash, make()))
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.table.len()
    }

    fn heap_bytes(&self, of: impl Fn(&T) -> usize) -> usize {
        self.table.allocation_size() + self.table.iter().map(|(_, held)| of(held)).sum::<usize>()
    }
}
