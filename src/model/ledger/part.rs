//! What is listed by itself: all pods, or the pods of each of some namespaces (F23).

use super::tombstones::Tombstones;
use crate::facts::text::Clean;

/// One list: which part it is of, and its number among the lists of that part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct List {
    /// The place of its namespace among those that are listed; 0 where all pods are listed together.
    pub part: usize,
    /// Grows with each list of the part.
    pub generation: u32,
}

/// A list of all pods.
impl From<u32> for List {
    fn from(generation: u32) -> Self {
        Self { part: 0, generation }
    }
}

/// What is listed by itself; never empty.
#[derive(Debug)]
pub(super) struct Parts(Vec<Part>);

#[derive(Debug, Default)]
struct Part {
    /// `None` where all pods are listed together.
    namespace: Option<Clean>,
    generation: u32,
    /// There while a list runs.
    tombstones: Option<Tombstones>,
}

impl Default for Parts {
    fn default() -> Self {
        Self(vec![Part::default()])
    }
}

impl Parts {
    pub(super) fn of(namespaces: &[Clean]) -> Self {
        if namespaces.is_empty() {
            return Self::default();
        }
        Self(namespaces.iter().map(|name| Part { namespace: Some(name.clone()), ..Part::default() }).collect())
    }

    pub(super) fn begin(&mut self, list: List) {
        if let Some(part) = self.0.get_mut(list.part) {
            part.generation = list.generation;
            part.tombstones = Some(Tombstones::default());
        }
    }

    /// Ends a list; whether it was the last one of its part that had begun.
    pub(super) fn finish(&mut self, list: List) -> bool {
        let Some(part) = self.0.get_mut(list.part).filter(|part| part.generation == list.generation) else {
            return false;
        };
        part.tombstones = None;
        true
    }

    /// Whether pods of this namespace belong to the list.
    pub(super) fn covers(&self, list: List, namespace: &str) -> bool {
        self.0.get(list.part).is_some_and(|part| part.namespace.as_deref().is_none_or(|own| own == namespace))
    }

    /// The namespace that is listed, unless it is all of them.
    pub(super) fn namespace(&self, list: List) -> Option<&str> {
        self.0.get(list.part)?.namespace.as_deref()
    }

    /// The last list of the part that has begun.
    pub(super) fn generation(&self, list: List) -> u32 {
        self.0.get(list.part).map_or(list.generation, |part| part.generation)
    }

    /// The tombstones, if the list is the one that runs.
    pub(super) fn tombstones_of(&mut self, list: List) -> Option<&mut Tombstones> {
        let part = self.0.get_mut(list.part).filter(|part| part.generation == list.generation)?;
        part.tombstones.as_mut()
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        let tombstones = self.0.iter().filter_map(|part| part.tombstones.as_ref());
        self.0.capacity() * size_of::<Part>() + tombstones.map(Tombstones::heap_bytes).sum::<usize>()
    }
}
