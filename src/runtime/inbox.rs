//! Messages that wait for the model, and the limit of work between two reads of the keyboard.

use std::collections::VecDeque;

use crate::msg::Msg;

/// Maximum number of messages that are received at once.
pub(super) const BATCH_MESSAGES: usize = 4;
/// Maximum number of objects in a piece of a message: a node takes about 10 µs, so a page of 500 would delay a key by 5 ms.
const PIECE: usize = 64;
/// Maximum work before the keyboard is read again, in pods: a page of them takes about 1 ms.
const PASS: usize = 512;
/// Work for any other object, or for a message without objects, in pods.
const OTHER: usize = 8;

/// Messages in the order of their arrival.
#[derive(Debug, Default)]
pub(super) struct Inbox(VecDeque<Msg>);

impl Inbox {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn put(&mut self, news: impl IntoIterator<Item = Msg>) {
        self.0.extend(news);
    }

    /// The next message, or the next piece of a large one.
    fn next(&mut self) -> Option<Msg> {
        let mut msg = self.0.pop_front()?;
        if let Some(rest) = msg.split(PIECE) {
            self.0.push_front(rest);
        }
        Some(msg)
    }

    /// Passes messages to `take` until it returns `false` or the work of one pass is done.
    pub(super) fn pass(&mut self, mut take: impl FnMut(Msg) -> bool) {
        let mut cost = 0;
        while let Some(msg) = self.next() {
            let own = weight(&msg);
            if cost > 0 && cost + own > PASS {
                self.0.push_front(msg);
                return;
            }
            cost += own;
            if !take(msg) {
                return;
            }
        }
    }
}

fn weight(msg: &Msg) -> usize {
    if msg.brings_pods() { msg.objects() } else { msg.objects().max(1) * OTHER }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::pod::{PodBatch, PodFacts};
    use crate::facts::wire::Uid;
    use crate::msg::{Batch, ClusterEvent, ClusterId, NodeChange, PageHead, Resource};

    fn page(batch: Batch) -> Msg {
        let resource = if matches!(batch, Batch::Pods(_)) { Resource::Pods } else { Resource::Nodes };
        let (generation, page, remaining, bytes, unreadable) = (1, 1, None, 1, 0);
        Msg::Cluster(
            ClusterId(0),
            ClusterEvent::Page { resource, head: PageHead { generation, page, remaining, bytes, unreadable }, batch },
        )
    }

    fn nodes(versions: std::ops::Range<u64>) -> Msg {
        page(Batch::Nodes(
            versions.map(|version| NodeChange::Gone { name: "n".into(), uid: Uid(1), version }).collect(),
        ))
    }

    fn pods(count: usize) -> Msg {
        let mut batch = PodBatch::default();
        (0..count).for_each(|_| batch.push(&PodFacts::default(), false));
        page(Batch::Pods(batch))
    }

    /// Objects of each piece that each pass brings, until nothing is left.
    fn passes(mut inbox: Inbox, enough: impl Fn(&Msg) -> bool) -> Vec<Vec<usize>> {
        let mut passes = Vec::new();
        while !inbox.is_empty() {
            let mut pieces = Vec::new();
            inbox.pass(|msg| {
                pieces.push(msg.objects());
                !enough(&msg)
            });
            passes.push(pieces);
        }
        passes
    }

    fn inbox(news: impl IntoIterator<Item = Msg>) -> Inbox {
        let mut inbox = Inbox::default();
        inbox.put(news);
        inbox
    }

    #[test]
    fn between_two_looks_at_the_keyboard_lies_no_more_than_a_part_of_a_page_of_nodes() {
        let passes = passes(inbox([nodes(0..500), nodes(500..1_000)]), |_| false);
        assert_eq!(passes.iter().flatten().sum::<usize>(), 1_000);
        assert!(passes.iter().all(|pieces| pieces.iter().sum::<usize>() <= 64), "{passes:?}");
        assert_eq!(passes.len(), 16, "500 nodes in 8 pieces");
    }

    #[test]
    fn one_page_of_pods_is_applied_at_once_and_not_two() {
        assert_eq!(passes(inbox([pods(500), pods(500), Msg::Tick]), |_| false), [vec![500], vec![500, 0]]);
    }

    #[test]
    fn small_messages_are_applied_together_but_not_without_end() {
        let passes = passes(inbox((0..200).map(|_| Msg::Tick)), |_| false);
        assert!(passes.len() >= 3 && passes.iter().all(|pieces| pieces.len() <= 64), "{passes:?}");
    }

    #[test]
    fn whoever_takes_them_in_may_stop_sooner() {
        assert_eq!(passes(inbox([Msg::Tick, Msg::Tick]), |_| true), [[0], [0]]);
    }

    #[test]
    fn pieces_come_in_the_order_of_the_messages() {
        let mut inbox = inbox([nodes(0..150), nodes(150..160)]);
        let mut versions = Vec::new();
        while !inbox.is_empty() {
            inbox.pass(|msg| {
                if let Msg::Cluster(_, ClusterEvent::Page { batch: Batch::Nodes(nodes), .. }) = msg {
                    versions.extend(nodes.into_iter().map(|node| match node {
                        NodeChange::Gone { version, .. } => version,
                        NodeChange::Present(node) => node.version,
                    }));
                }
                true
            });
        }
        assert_eq!(versions, (0..160).collect::<Vec<_>>());
    }
}
