//! A page from its first byte to its decoded objects.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;
use tokio::time::Instant;

use crate::cluster::call::BodySink;
use crate::facts::node::{NodeFacts, NodeList};
use crate::facts::pod::PodList;
use crate::facts::wire::{DecodeError, ListHead};
use crate::msg::{Batch, NodeChange, Resource};

/// Bytes from which other tasks move to another thread while the rest of a body is decoded: that takes tens of milliseconds,
/// and the probes of the cluster must not wait. A page of 500 takes some 5 ms, which is not worth another thread's memory.
const LONG: usize = 16 << 20;

/// The body of a page. Nodes and pods, which are most objects, are decoded while they arrive; the others when the body is
/// complete.
pub(super) struct PageReader {
    resource: Resource,
    body: PageBody,
    bytes: u64,
    reading: Duration,
    /// Set once a byte has come.
    moves: Arc<AtomicBool>,
}

enum PageBody {
    Nodes(NodeList, Vec<NodeChange>),
    Pods(PodList),
    Optional(Vec<u8>, Batch),
}

impl PageReader {
    /// Creates a reader that reuses the memory of an earlier page.
    pub(super) fn new(resource: Resource, mut memory: Vec<u8>, moves: Arc<AtomicBool>) -> Self {
        let body = match resource {
            Resource::Nodes => PageBody::Nodes(NodeList::new(memory), Vec::new()),
            Resource::Pods => PageBody::Pods(PodList::new(memory)),
            _ => {
                memory.clear();
                PageBody::Optional(memory, Batch::empty(resource))
            }
        };
        Self { resource, body, bytes: 0, reading: Duration::ZERO, moves }
    }

    /// Decoded bytes so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Time spent on decoding so far.
    pub(super) fn reading(&self) -> Duration {
        self.reading
    }

    /// The first bytes of the body, or more of them.
    pub(super) fn start(&self) -> &[u8] {
        match &self.body {
            PageBody::Nodes(nodes, _) => nodes.start(),
            PageBody::Pods(pods) => pods.start(),
            PageBody::Optional(body, _) => body,
        }
    }

    /// Returns the memory, for the next page.
    pub(super) fn into_memory(self) -> Vec<u8> {
        match self.body {
            PageBody::Nodes(nodes, _) => nodes.into_memory(),
            PageBody::Pods(pods) => pods.into_memory(),
            PageBody::Optional(body, _) => body,
        }
    }

    /// Ends the body and returns its objects.
    pub(super) fn end(&mut self) -> Result<(ListHead, Batch), DecodeError> {
        let start = Instant::now();
        let waiting = match &self.body {
            PageBody::Nodes(nodes, _) => nodes.buffered(),
            PageBody::Pods(pods) => pods.buffered(),
            PageBody::Optional(body, _) => body.len(),
        };
        let read = if waiting >= LONG { aside(|| self.read()) } else { self.read() };
        self.reading += start.elapsed();
        read
    }

    fn read(&mut self) -> Result<(ListHead, Batch), DecodeError> {
        match &mut self.body {
            PageBody::Nodes(list, nodes) => {
                let head = list.end(|node| nodes.push(present(node)))?;
                Ok((head, Batch::Nodes(std::mem::take(nodes))))
            }
            PageBody::Pods(pods) => pods.end().map(|(head, batch)| (head, Batch::Pods(batch))),
            PageBody::Optional(body, batch) => {
                let objects = batch.optional_mut().expect("nodes and pods have bodies of their own");
                let head = objects.read_page(body)?;
                Ok((head, std::mem::replace(batch, Batch::empty(self.resource))))
            }
        }
    }
}

fn present(node: NodeFacts) -> NodeChange {
    NodeChange::Present(Box::new(node))
}

impl BodySink for PageReader {
    fn take(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        self.moves.store(true, Ordering::Relaxed);
        let start = Instant::now();
        match &mut self.body {
            PageBody::Nodes(list, nodes) => list.take(piece, |node| nodes.push(present(node))),
            PageBody::Pods(pods) => pods.take(piece),
            PageBody::Optional(body, _) => return body.extend_from_slice(piece),
        }
        self.reading += start.elapsed();
    }
}

/// Runs `work` while the rest of this thread's tasks move to another; runs it in place where there are no other
/// threads.
fn aside<T>(work: impl FnOnce() -> T) -> T {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => block_in_place(work),
        _ => work(),
    }
}
