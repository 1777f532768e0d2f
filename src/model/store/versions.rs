//! The order of two states of an object: one rule for every store of objects that are listed and watched.
//!
//! Versions are compared only within one list generation, and only where both are numbers (KEP-5504): proxies in front of
//! several clusters write others. What cannot be compared is not older. Source: `docs/list-watch.md`.

use crate::facts::wire::Uid;

/// One state of an object, or its deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ObjectVersion {
    /// The object; 0 where the server does not say.
    pub(crate) uid: Uid,
    /// `metadata.resourceVersion` as a number; 0 where it is none.
    pub(crate) version: u64,
}

impl ObjectVersion {
    /// Surely newer: both versions are numbers, and this one is the larger.
    pub(crate) fn is_newer_than(self, other: Self) -> bool {
        other.version != 0 && self.version > other.version
    }

    /// The item of a page says nothing new beside this state, which the watch of the same list brought: that began at the
    /// version of the list, so whatever it brings is newer unless the page is surely newer still.
    pub(crate) fn outdates(self, page: Self) -> bool {
        !page.is_newer_than(self)
    }

    /// The item of a page is of an object whose deletion, this one, the watch of the same list brought. A uid never comes back.
    pub(crate) fn buries(self, page: Self) -> bool {
        let same = self.uid == page.uid && page.uid != Uid::default();
        same || self.outdates(page)
    }

    /// This deletion is one of the held object, and not of an earlier one of its name, which may come late.
    pub(crate) fn ends(self, held: Self) -> bool {
        self.uid == held.uid || held.uid == Uid::default() || self.uid == Uid::default()
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
}
