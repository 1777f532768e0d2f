//! Splitting of large messages, so that the loop can read the keyboard between two pieces.

use super::{Batch, ClusterEvent, Msg, PageHead};

impl Msg {
    /// Number of objects in it.
    #[must_use]
    pub fn objects(&self) -> usize {
        match self {
            Self::Cluster(_, event) => event.batch().map_or(0, Batch::len),
            _ => 0,
        }
    }

    /// Returns `true` if its objects are pods.
    #[must_use]
    pub fn brings_pods(&self) -> bool {
        matches!(self, Self::Cluster(_, event) if matches!(event.batch(), Some(Batch::Pods(_))))
    }

    /// Leaves at most `most` objects (at least one) in this message and returns the rest as a message to be applied right after it.
    /// Both together have the same effect as the original message. A batch of pods is not split: it is one piece of memory, and each
    /// pod costs little.
    pub fn split(&mut self, most: usize) -> Option<Self> {
        let Self::Cluster(id, event) = self else { return None };
        Some(Self::Cluster(*id, event.split(most)?))
    }
}

impl ClusterEvent {
    fn batch(&self) -> Option<&Batch> {
        match self {
            Self::Page { batch, .. } | Self::Changes { batch, .. } => Some(batch),
            Self::Namespaced { event, .. } => event.batch(),
            _ => None,
        }
    }

    /// Counts that belong to the whole message, as of objects that could not be read, stay in the first piece.
    fn split(&mut self, most: usize) -> Option<Self> {
        match self {
            Self::Page { resource, head, batch } => {
                let batch = batch.split(most)?;
                Some(Self::Page { resource: *resource, head: PageHead { bytes: 0, unreadable: 0, ..*head }, batch })
            }
            Self::Changes { resource, generation, batch, .. } => {
                let (resource, generation) = (*resource, *generation);
                Some(Self::Changes { resource, generation, unreadable: 0, batch: batch.split(most)? })
            }
            Self::Namespaced { index: place, event } => {
                Some(Self::Namespaced { index: *place, event: Box::new(event.split(most)?) })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::pod::PodBatch;
    use crate::facts::wire::Uid;
    use crate::msg::{ClusterId, NodeChange, Resource};

    fn gone(at: usize) -> NodeChange {
        NodeChange::Gone { name: format!("n{at}").as_str().into(), uid: Uid(1), version: at as u64 }
    }

    fn page(batch: Batch, bytes: u64, unreadable: u32) -> ClusterEvent {
        ClusterEvent::Page {
            resource: Resource::Nodes,
            head: PageHead { generation: 3, page: 2, remaining: Some(7), bytes, unreadable },
            batch,
        }
    }

    #[test]
    fn a_page_comes_apart_in_order_and_is_counted_once() {
        let whole = page(Batch::Nodes((0..5).map(gone).collect()), 9, 4);
        let mut first = Msg::Cluster(ClusterId(1), whole);
        assert_eq!(first.objects(), 5);
        let mut second = first.split(2).unwrap();
        let third = second.split(2).unwrap();
        let piece = |of: std::ops::Range<usize>, bytes, unreadable| {
            Msg::Cluster(ClusterId(1), page(Batch::Nodes(of.map(gone).collect()), bytes, unreadable))
        };
        assert_eq!([first, second, third], [piece(0..2, 9, 4), piece(2..4, 0, 0), piece(4..5, 0, 0)]);
    }

    #[test]
    fn what_is_small_or_in_one_piece_stays_whole() {
        let mut pods = Msg::Cluster(ClusterId(0), page(Batch::Pods(PodBatch::default()), 1, 0));
        let mut few = Msg::Cluster(ClusterId(0), page(Batch::Nodes((0..2).map(gone).collect()), 1, 0));
        assert_eq!((pods.split(2), few.split(2), Msg::Tick.split(2)), (None, None, None));
    }

    #[test]
    fn changes_of_a_namespace_come_apart_too() {
        let changes = |of: std::ops::Range<usize>, unreadable| ClusterEvent::Changes {
            resource: Resource::Claims,
            generation: 1,
            unreadable,
            batch: Batch::Nodes(of.map(gone).collect()),
        };
        let named = |event| ClusterEvent::Namespaced { index: 4, event: Box::new(event) };
        let mut first = Msg::Cluster(ClusterId(0), named(changes(0..3, 6)));
        let rest = first.split(2).unwrap();
        assert_eq!(first, Msg::Cluster(ClusterId(0), named(changes(0..2, 6))));
        assert_eq!(rest, Msg::Cluster(ClusterId(0), named(changes(2..3, 0))));
    }
}
