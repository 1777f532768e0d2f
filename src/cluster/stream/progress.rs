//! The progress of a paged list: detects a server that sends the same objects endlessly, each time with another token.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::msg::{Batch, NodeChange, OptionalBatch};

/// Most pages in a row without any object: a server may filter out all objects of a page (apimachinery `ListOptions.Limit`).
const EMPTY_PAGES: u32 = 20;

/// Namespace and name, or any other name that is unique for its kind.
type NamePair<'a> = (&'a str, &'a str);

/// The objects of one list so far, stored only as needed to detect a page without new ones.
///
/// Servers list in the order of the keys, and a page that begins after the end of the one before is new without
/// comparing its objects. Only objects of the first page, and of pages in another order, are remembered, as hashes.
#[derive(Debug, Default)]
pub(super) struct Progress {
    last: Option<(String, String)>,
    seen: HashSet<u64>,
    empty: u32,
}

impl Progress {
    /// Records a page; returns `true` if all of its objects came before.
    pub(super) fn repeats(&mut self, batch: &Batch) -> bool {
        let names = names(batch);
        let (Some(first), Some(last)) = (names.first(), names.last()) else {
            self.empty += 1;
            return self.empty > EMPTY_PAGES;
        };
        self.empty = 0;
        let before = self.last.replace((last.0.to_owned(), last.1.to_owned()));
        if before.as_ref().is_some_and(|(namespace, name)| *first > (namespace.as_str(), name.as_str())) {
            return false;
        }
        let known = self.seen.len();
        self.seen.extend(names.iter().map(hash));
        before.is_some() && self.seen.len() == known
    }
}

fn names(batch: &Batch) -> Vec<NamePair<'_>> {
    fn node(change: &NodeChange) -> NamePair<'_> {
        match change {
            NodeChange::Present(node) => ("", node.name.as_str()),
            NodeChange::Gone { name, .. } => ("", name.as_str()),
        }
    }
    match batch {
        Batch::Nodes(nodes) => nodes.iter().map(node).collect(),
        Batch::Pods(pods) => pods.iter().map(|(pod, _)| (pod.namespace, pod.name)).collect(),
        optional => {
            optional.optional().map(OptionalBatch::keys).unwrap_or_default().into_iter().map(|key| ("", key)).collect()
        }
    }
}

fn hash(name: &NamePair<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::wire::Uid;

    fn page(names: &[&str]) -> Batch {
        let node = |name: &&str| NodeChange::Gone { name: (*name).into(), uid: Uid(1), version: 1 };
        Batch::Nodes(names.iter().map(node).collect())
    }

    fn repeats(pages: &[&[&str]]) -> Vec<bool> {
        let mut progress = Progress::default();
        pages.iter().map(|names| progress.repeats(&page(names))).collect()
    }

    #[test]
    fn a_page_without_a_new_object_repeats_in_whatever_order_it_is() {
        assert_eq!(repeats(&[&["a", "b"], &["a", "b"]]), [false, true], "the same page");
        assert_eq!(repeats(&[&["a", "b"], &["b", "a"]]), [false, true], "the same in another order");
        assert_eq!(repeats(&[&["a", "b"], &["b"]]), [false, true], "a part of it");
        assert_eq!(
            repeats(&[&["a"], &["b"], &["a"], &["b"], &["a"]]),
            [false, false, true, false, true],
            "two in turn"
        );
        assert_eq!(repeats(&[&["a"], &["b"], &["b"], &["b"]]), [false, false, false, true], "from the second one on");
    }

    #[test]
    fn pages_with_something_new_go_on_in_whatever_order_they_come() {
        assert_eq!(repeats(&[&["a", "b"], &["c", "d"], &["e"]]), [false; 3]);
        assert_eq!(repeats(&[&["c", "d"], &["a", "b"], &["b", "e"], &["a", "f"]]), [false; 4]);
    }

    #[test]
    fn a_server_may_filter_some_pages_away_but_not_for_ever() {
        let mut progress = Progress::default();
        for _ in 0..3 {
            assert!((0..EMPTY_PAGES).all(|_| !progress.repeats(&page(&[]))));
            progress.repeats(&page(&["a"]));
        }
        assert!((0..=EMPTY_PAGES).any(|_| progress.repeats(&page(&[]))));
    }
}
