//! `InternPool`: each distinct value once, with a reference count, so that unused values take no memory.

use hashbrown::HashTable;

use crate::model::store::chunks::Chunks;

/// Interned values with reference counts.
///
/// The caller computes the hash, so that a value can be looked up by its borrowed parts.
#[derive(Debug)]
pub(super) struct InternPool<T> {
    entries: Chunks<PoolEntry<T>>,
    free: Vec<u32>,
    index: HashTable<u32>,
    /// The value that was interned last: neighbours in a list share most values.
    last: u32,
}

#[derive(Debug)]
struct PoolEntry<T> {
    value: T,
    hash: u64,
    refs: u32,
}

impl<T> Default for InternPool<T> {
    fn default() -> Self {
        Self { entries: Chunks::default(), free: Vec::new(), index: HashTable::new(), last: 0 }
    }
}

impl<T: Default> InternPool<T> {
    /// Id of the value that was interned last, if `same` accepts it, which saves the hash.
    pub(super) fn last(&self, same: impl Fn(&T) -> bool) -> Option<u32> {
        self.held(self.last).is_some_and(same).then_some(self.last)
    }

    /// The id of the value that `same` recognises, if it is held.
    pub(super) fn find(&self, hash: u64, same: impl Fn(&T) -> bool) -> Option<u32> {
        self.index.find(hash, |&id| same(&self.entries.at(id as usize).value)).copied()
    }

    /// Id of a value that may have this hash, without comparing the value.
    pub(super) fn candidate(&self, hash: u64) -> Option<u32> {
        self.index.find(hash, |_| true).copied()
    }

    /// Returns `true` if a value that is in use has this hash.
    pub(super) fn has(&self, id: u32, hash: u64) -> bool {
        self.entries.get(id as usize).is_some_and(|entry| entry.refs > 0 && entry.hash == hash)
    }

    /// Counts one more user of the value that `same` accepts, or of a new one from `make`.
    pub(super) fn intern(&mut self, hash: u64, same: impl Fn(&T) -> bool, make: impl FnOnce() -> T) -> u32 {
        match self.find(hash, same) {
            Some(id) => {
                self.hold(id);
                id
            }
            None => self.put(hash, make()),
        }
    }

    /// Counts one more user of a value that is in use.
    pub(super) fn hold(&mut self, id: u32) {
        self.entries.at_mut(id as usize).refs += 1;
        self.last = id;
    }

    /// The id of a value that is not held yet, with one user.
    pub(super) fn put(&mut self, hash: u64, value: T) -> u32 {
        let entry = PoolEntry { value, hash, refs: 1 };
        let id = if let Some(id) = self.free.pop() {
            *self.entries.at_mut(id as usize) = entry;
            id
        } else {
            let id = self.entries.push(entry);
            u32::try_from(id).expect("fewer values than pods, and pods are counted in 32 bits")
        };
        let entries = &self.entries;
        self.index.insert_unique(hash, id, |&id| entries.at(id as usize).hash);
        self.last = id;
        id
    }

    /// Counts one user less; returns the value if it was the last one.
    pub(super) fn release(&mut self, id: u32) -> Option<T> {
        let entry = self.entries.at_mut(id as usize);
        entry.refs -= 1;
        if entry.refs > 0 {
            return None;
        }
        let value = std::mem::take(&mut entry.value);
        if let Ok(found) = self.index.find_entry(entry.hash, |&other| other == id) {
            found.remove();
        }
        self.free.push(id);
        Some(value)
    }

    /// The value of an id, if it is in use.
    pub(super) fn held(&self, id: u32) -> Option<&T> {
        self.entries.get(id as usize).filter(|entry| entry.refs > 0).map(|entry| &entry.value)
    }

    /// The value of an id that is in use.
    pub(super) fn get(&self, id: u32) -> &T {
        &self.entries.at(id as usize).value
    }

    /// The value of an id that is in use, to be changed except for its key.
    pub(super) fn get_mut(&mut self, id: u32) -> &mut T {
        &mut self.entries.at_mut(id as usize).value
    }

    /// All values, to be changed except for their keys.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries.iter_mut().map(|entry| &mut entry.value)
    }

    /// The values in use.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0u32..).zip(self.entries.iter()).filter(|(_, entry)| entry.refs > 0).map(|(id, entry)| (id, &entry.value))
    }

    /// Bytes on the heap; `of` returns the heap size of a value.
    pub(super) fn heap_bytes(&self, of: impl Fn(&T) -> usize) -> usize {
        self.entries.heap_bytes()
            + self.free.capacity() * size_of::<u32>()
            + self.index.allocation_size()
            + self.entries.iter().map(|entry| of(&entry.value)).sum::<usize>()
    }
}
