//! Changes since they were last taken, so that only these are derived again.

use crate::facts::text::Clean;

/// Maximum number of changes that are kept; above it the reader must look at everything.
const MOST: usize = 1 << 18;
/// Maximum number of names of removed items, which cost more.
const MOST_GONE: usize = 10_000;

/// Items that have changed, each once, and names of removed items.
#[derive(Debug)]
pub(crate) struct ChangeSet<K> {
    pub(crate) there: Vec<K>,
    pub(crate) gone: Vec<Clean>,
    /// `true` if no change was left out.
    pub(crate) complete: bool,
}

impl<K> Default for ChangeSet<K> {
    fn default() -> Self {
        Self { there: Vec::new(), gone: Vec::new(), complete: true }
    }
}

impl<K> ChangeSet<K> {
    /// Records that an item has changed; the caller reports each item once.
    pub(crate) fn there(&mut self, key: K) {
        if self.there.len() < MOST {
            self.there.push(key);
        } else {
            self.complete = false;
        }
    }

    /// Records that the item of this name was removed.
    pub(crate) fn gone(&mut self, name: Clean) {
        if self.gone.len() < MOST_GONE {
            self.gone.push(name);
        } else {
            self.complete = false;
        }
    }

    /// Takes up to `most` of each kind out, in order, since items that arrive in order of names are sorted fast; takes everything
    /// if changes were left out.
    pub(crate) fn take(&mut self, most: usize) -> Self {
        fn first<T>(of: &mut Vec<T>, most: usize) -> Vec<T> {
            if of.len() > most { of.drain(..most).collect() } else { std::mem::take(of) }
        }
        if !self.complete {
            return std::mem::take(self);
        }
        Self { there: first(&mut self.there, most), gone: first(&mut self.gone, most), complete: true }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.there.is_empty() && self.gone.is_empty() && self.complete
    }

    /// Bytes on the heap, without the names.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.there.capacity() * size_of::<K>() + self.gone.capacity() * size_of::<Clean>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_at_once_is_applied_in_parts() {
        let mut touched = ChangeSet::default();
        (0..5).for_each(|key| touched.there(key));
        touched.gone("a".into());
        let first = touched.take(3);
        assert_eq!((first.there, first.gone.len(), first.complete), (vec![0, 1, 2], 1, true));
        assert!(!touched.is_empty());
        assert_eq!(touched.take(3).there, [3, 4]);
        assert!(touched.is_empty());
    }

    #[test]
    fn what_cannot_be_kept_says_so_once() {
        let mut touched = ChangeSet::default();
        (0..=MOST).for_each(|key| touched.there(key));
        assert!(!touched.is_empty() && !touched.take(10).complete);
        assert!(touched.is_empty() && touched.complete);
    }
}
