//! Parts that are listed separately: all pods, or the pods of each of some namespaces (F23).

use super::record::Epoch;
use crate::facts::text::Clean;
use crate::model::store::versions::ListPass;

/// Lists of a part that are older than the newest one by more than this are not distinguished.
const BEHIND: u32 = 200;
/// Lists that are newer than the newest one by more than this are not distinguished; there should be none.
const AHEAD: u32 = 50;

/// One list: its part, and its number among the lists of that part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListMark {
    /// Index of its namespace among those that are listed; 0 if all pods are listed together.
    pub part: usize,
    /// Grows with each list of the part.
    pub generation: u32,
}

/// A list of all pods.
impl From<u32> for ListMark {
    fn from(generation: u32) -> Self {
        Self { part: 0, generation }
    }
}

/// The lists that have touched some record are less than 256 generations apart.
fn epoch(generation: u32) -> Epoch {
    #[expect(clippy::cast_possible_truncation, reason = "the eight bits are what tells them apart")]
    let low = generation as u8;
    Epoch(low)
}

/// Parts that are listed separately; never empty.
#[derive(Debug)]
pub(super) struct ScopeParts(Vec<ScopePart>);

#[derive(Debug, Default)]
struct ScopePart {
    /// `None` if all pods are listed together.
    namespace: Option<Clean>,
    run: ListPass,
    /// Generation of the oldest list that may have marked a record.
    oldest: u32,
}

impl Default for ScopeParts {
    fn default() -> Self {
        Self(vec![ScopePart::default()])
    }
}

impl ScopeParts {
    pub(super) fn of(namespaces: &[Clean]) -> Self {
        if namespaces.is_empty() {
            return Self::default();
        }
        Self(
            namespaces.iter().map(|name| ScopePart { namespace: Some(name.clone()), ..ScopePart::default() }).collect(),
        )
    }

    /// Begins a list. Records of its part that an old, unfinished list has touched must be marked with the returned epoch;
    /// otherwise their epoch would be confused with that of a future list.
    pub(super) fn begin(&mut self, list: ListMark) -> Option<Epoch> {
        let part = self.0.get_mut(list.part)?;
        part.run.begin(list.generation);
        if list.generation.saturating_sub(part.oldest) <= BEHIND {
            return None;
        }
        part.oldest = list.generation - 1;
        Some(epoch(part.oldest))
    }

    /// Ends a list; returns `true` if it was the newest one of its part.
    pub(super) fn finish(&mut self, list: ListMark) -> bool {
        let Some(part) = self.0.get_mut(list.part).filter(|part| part.run.generation() == list.generation) else {
            return false;
        };
        part.run.finish();
        part.oldest = list.generation;
        true
    }

    /// Returns `true` if pods of this namespace belong to the list.
    pub(super) fn covers(&self, list: ListMark, namespace: &str) -> bool {
        self.0.get(list.part).is_some_and(|part| part.namespace.as_deref().is_none_or(|own| own == namespace))
    }

    /// The listed namespace; `None` if all are listed together.
    pub(super) fn namespace(&self, list: ListMark) -> Option<&str> {
        self.0.get(list.part)?.namespace.as_deref()
    }

    /// The epoch of the last list of the part that has begun.
    pub(super) fn newest(&self, list: ListMark) -> Epoch {
        epoch(self.0.get(list.part).map_or(list.generation, |part| part.run.generation()))
    }

    /// Epoch of a list that is about to touch records.
    pub(super) fn epoch(&mut self, list: ListMark) -> Epoch {
        let Some(part) = self.0.get_mut(list.part) else { return epoch(list.generation) };
        let newest = part.run.generation();
        let near = list.generation.clamp(newest.saturating_sub(BEHIND), newest.saturating_add(AHEAD));
        part.oldest = part.oldest.min(near);
        epoch(near)
    }

    /// The newest list of the part.
    pub(super) fn run(&mut self, list: ListMark) -> Option<&mut ListPass> {
        self.0.get_mut(list.part).map(|part| &mut part.run)
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        self.0.capacity() * size_of::<ScopePart>() + self.0.iter().map(|part| part.run.heap_bytes()).sum::<usize>()
    }
}
