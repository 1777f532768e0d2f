//! The index of the records: slot numbers only, in parts, so that growing never holds up a frame.

use hashbrown::HashTable;

/// Number of parts. A table that grows rehashes all its records, each with a cache miss. With a million records that takes too
/// long before a key; in 256 parts each growth takes a millisecond at most. The parts have about the same size, so each is made
/// to grow at a different one; otherwise all would grow within a few pages.
const PARTS: usize = 256;
/// A part smaller than this grows only when it is full.
const SMALL: usize = 64;

/// Slot numbers by hash.
#[derive(Debug)]
pub(crate) struct Index(Box<[HashTable<u32>]>);

impl Default for Index {
    fn default() -> Self {
        Self::with_parts(PARTS)
    }
}

impl Index {
    /// Creates an index for fewer values with this number of parts.
    pub(crate) fn with_parts(parts: usize) -> Self {
        Self((0..parts).map(|_| HashTable::new()).collect())
    }

    /// The slot that `same` recognises among those of this hash.
    pub(crate) fn find(&self, hash: u64, same: impl Fn(u32) -> bool) -> Option<u32> {
        self.0[self.part(hash)].find(hash, |&slot| same(slot)).copied()
    }

    /// Adds a slot; `hash_of` returns the hash of any slot.
    pub(crate) fn insert(&mut self, hash: u64, slot: u32, hash_of: impl Fn(u32) -> u64) {
        let (part, parts) = (self.part(hash), self.0.len());
        let table = &mut self.0[part];
        // A table holds 7/8 of its buckets; these are between one half and that.
        let (len, capacity) = (table.len(), table.capacity());
        if capacity > SMALL && len * 7 * parts >= capacity * (4 * parts + 3 * part) {
            table.reserve(capacity - len + 1, |&other| hash_of(other));
        }
        table.insert_unique(hash, slot, |&other| hash_of(other));
    }

    /// Removes a slot.
    pub(crate) fn remove(&mut self, hash: u64, slot: u32) {
        let part = self.part(hash);
        if let Ok(entry) = self.0[part].find_entry(hash, |&other| other == slot) {
            entry.remove();
        }
    }

    /// Part of a hash, by its middle bits, since the tables use the others.
    fn part(&self, hash: u64) -> usize {
        (hash >> 40) as usize % self.0.len()
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        size_of_val(&*self.0) + self.0.iter().map(HashTable::allocation_size).sum::<usize>()
    }
}
