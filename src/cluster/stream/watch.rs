//! One watch from its request to its end.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::reader::{WatchItem, WatchReader};
use super::uri::watch_uri;
use super::{WatchBatch, WatchReport};
use crate::cluster::TaskContext;
use crate::cluster::call::{ApiRequest, Limits, is_protobuf};
use crate::cluster::classify::RequestError;
use crate::cluster::connect::ResponseBody;
use crate::cluster::list_source::ListSource;
use crate::cluster::reflector::{WatchEnd, WatchNews, WatchRequest};
use crate::cluster::request_queue::Lane;
use crate::cluster::tuning::Tuning;
use crate::cluster::warnings;
use crate::facts::wire::{WatchType, bookmark_version};
use crate::facts::{node, pod};
use crate::msg::{Batch, CallKind, NodeChange, Resource};

/// Opens the watch, reports its events and its end.
pub(super) async fn run(
    shared: Arc<TaskContext>,
    source: ListSource,
    request: WatchRequest,
    report: mpsc::Sender<WatchReport>,
) {
    let tuning = &shared.tuning;
    let mut serial = 0;
    let opened = if source.index.is_none() {
        open(&shared, &source, &request, &mut serial).await
    } else {
        let turn = shared.queue.take(Lane::Watch).await;
        let opened = open(&shared, &source, &request, &mut serial).await;
        turn.end(&opened);
        opened
    };
    let end = match opened {
        Ok((protobuf, body)) => {
            if report.send(WatchReport::Open { serial }).await.is_err() {
                return;
            }
            let reader = WatchReader::new(body, protobuf, tuning.line_bytes, tuning.retry_after_cap);
            let batch = WatchBatch::new(source.resource);
            let list = request.initial.then_some(0);
            let mut batcher = WatchBatcher { tuning, resource: source.resource, batch, newest: Vec::new(), list };
            batcher.read(reader, &report).await
        }
        Err(error) => Some(WatchEnd::Refused(error)),
    };
    // `None`: the receiver is gone.
    if let Some(end) = end {
        let _ = report.send(WatchReport::Ended { end, serial }).await;
    }
}

/// The body of the watch; the flag is `true` for protobuf.
async fn open(
    shared: &TaskContext,
    source: &ListSource,
    watch: &WatchRequest,
    serial: &mut u64,
) -> Result<(bool, ResponseBody), RequestError> {
    let session = shared.session.clients().await?;
    *serial = session.serial;
    let request = ApiRequest {
        kind: CallKind::Watch(source.resource),
        page: None,
        attempt: watch.attempt,
        uri: watch_uri(source, watch, shared.tuning.skip_finished_pods),
        limits: Limits::small(shared.tuning.watch_headers),
    };
    let (head, body) = session.api.open(&request, &shared.tuning).await?;
    warnings::report_warnings(shared, &head.headers, &format!("watch {}", source.what)).await;
    Ok((is_protobuf(&head), body))
}

/// Gathers the events of a watch into batches.
struct WatchBatcher<'a> {
    tuning: &'a Tuning,
    resource: Resource,
    batch: WatchBatch,
    /// The newest object: the watch would continue from its version.
    newest: Vec<u8>,
    /// Pages so far of the initial list, while it comes. Its objects are in no order of versions (R19).
    list: Option<u32>,
}

impl WatchBatcher<'_> {
    /// Reads to the end; `None` if the receiver is gone.
    async fn read(&mut self, mut reader: WatchReader, report: &mpsc::Sender<WatchReport>) -> Option<WatchEnd> {
        loop {
            // Events that have arrived already share one message.
            let bytes = tokio::select! {
                biased;
                bytes = reader.fill() => bytes,
                () = std::future::ready(()) => {
                    self.flush(report).await?;
                    reader.fill().await
                }
            };
            self.batch.bytes += bytes as u64;
            while let Some(item) = reader.next() {
                if let WatchItem::End(end) = item {
                    self.flush(report).await?;
                    return Some(end);
                }
                let of_list = match &item {
                    WatchItem::Object { kind, .. } => *kind == WatchType::Added,
                    WatchItem::Unreadable | WatchItem::TooLarge(_) => true,
                    _ => false,
                };
                if self.list.is_some() && !of_list {
                    // An event other than ADDED ends the list's pages.
                    self.flush(report).await?;
                    self.list = None;
                }
                self.batch.apply(item, &mut self.newest);
                if self.batch.changes >= self.tuning.changes_per_message {
                    self.flush(report).await?;
                }
            }
        }
    }

    async fn flush(&mut self, report: &mpsc::Sender<WatchReport>) -> Option<()> {
        if self.batch.bytes == 0 && self.batch.news.events == 0 && self.batch.unreadable == 0 {
            return Some(());
        }
        let mut batch = std::mem::replace(&mut self.batch, WatchBatch::new(self.resource));
        if self.list.is_some() {
            self.newest.clear();
            batch = batch.page_after(self.list);
            self.list = batch.page.or(self.list);
        }
        if !self.newest.is_empty() {
            batch.news.version = bookmark_version(&self.newest);
            self.newest.clear();
        }
        report.send(WatchReport::Batch(batch)).await.ok()
    }
}

impl WatchBatch {
    fn new(resource: Resource) -> Self {
        let batch = Batch::empty(resource);
        Self { batch, page: None, changes: 0, unreadable: 0, bytes: 0, news: WatchNews::default() }
    }

    /// Numbers the batch as the next page of the list, if it has anything of it.
    fn page_after(mut self, pages: Option<u32>) -> Self {
        self.page = pages.filter(|_| self.changes > 0 || self.unreadable > 0).map(|pages| pages.saturating_add(1));
        self
    }

    /// Applies one item; `newest` is the newest object, unless the newest version is that of a bookmark.
    fn apply(&mut self, item: WatchItem<'_>, newest: &mut Vec<u8>) {
        let unreadable = match item {
            WatchItem::Object { kind, object } => {
                let readable = self.change(object, kind == WatchType::Deleted);
                if readable {
                    newest.clear();
                    newest.extend_from_slice(object);
                }
                u32::from(!readable)
            }
            WatchItem::Bookmark { version, synced } => {
                newest.clear();
                self.news.version = version;
                self.news.synced |= synced;
                0
            }
            WatchItem::Unknown | WatchItem::Unreadable => 1,
            WatchItem::TooLarge(count) => {
                self.news.skipped = true;
                count
            }
            WatchItem::End(_) => return,
        };
        // Unreadable events prove nothing: a watch with nothing else is of no use.
        self.news.events = self.news.events.saturating_add(u32::from(unreadable == 0));
        self.unreadable = self.unreadable.saturating_add(unreadable);
    }

    fn change(&mut self, object: &[u8], removed: bool) -> bool {
        let readable = match &mut self.batch {
            Batch::Pods(pods) => pod::decode_object(object, removed, pods).is_ok(),
            Batch::Nodes(nodes) => match node::decode_object(object) {
                Ok(node) if removed => {
                    nodes.push(NodeChange::Gone { name: node.name, uid: node.uid, version: node.version });
                    true
                }
                Ok(node) => {
                    nodes.push(NodeChange::Present(Box::new(node)));
                    true
                }
                Err(_) => false,
            },
            optional => optional.optional_mut().is_some_and(|objects| objects.read_event(object, removed)),
        };
        self.changes += usize::from(readable);
        readable
    }
}
