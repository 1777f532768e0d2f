//! One watch from its request to its end.

use std::error::Error as StdError;
use std::pin::pin;
use std::sync::Arc;

use http_body_util::BodyExt;
use tokio::sync::mpsc;

use super::frames::EventFramer;
use super::uri::watch_uri;
use super::{WatchBatch, WatchReport};
use crate::cluster::TaskContext;
use crate::cluster::call::{ApiRequest, Limits, is_protobuf};
use crate::cluster::classify::{self, RequestError};
use crate::cluster::connect::ResponseBody;
use crate::cluster::list_source::ListSource;
use crate::cluster::reflector::{WatchEnd, WatchNews, WatchRequest};
use crate::cluster::request_queue::Lane;
use crate::cluster::tuning::Tuning;
use crate::cluster::warnings;
use crate::facts::wire::{WatchFrame, WatchType, bookmark_version, decode_status, ends_initial_events};
use crate::facts::{node, pod};
use crate::msg::{Batch, CallKind, NodeChange, Resource};

/// Opens the watch, reports its events and its end.
pub(super) async fn run(
    shared: Arc<TaskContext>,
    source: ListSource,
    ask: WatchRequest,
    report: mpsc::Sender<WatchReport>,
) {
    let mut serial = 0;
    let opened = if source.index.is_none() {
        open(&shared, &source, &ask, &mut serial).await
    } else {
        let turn = shared.queue.take(Lane::Watch).await;
        let opened = open(&shared, &source, &ask, &mut serial).await;
        turn.end(&opened);
        opened
    };
    let end = match opened {
        Ok((protobuf, body)) => {
            if report.send(WatchReport::Open { serial }).await.is_err() {
                return;
            }
            let mut reader = WatchReader::new(&shared.tuning, source.resource, protobuf);
            reader.list = ask.initial.then_some(0);
            reader.read(body, &report).await
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
    let ask = ApiRequest {
        kind: CallKind::Watch(source.resource),
        page: None,
        attempt: watch.attempt,
        uri: watch_uri(source, watch, shared.tuning.skip_finished_pods),
        limits: Limits::small(shared.tuning.watch_headers),
    };
    let (head, body) = session.api.open(&ask, &shared.tuning).await?;
    warnings::report_warnings(shared, &head.headers, &format!("watch {}", source.what)).await;
    Ok((is_protobuf(&head), body))
}

/// Reads the events of a watch and gathers them into batches.
struct WatchReader<'a> {
    tuning: &'a Tuning,
    resource: Resource,
    events: EventFramer,
    batch: WatchBatch,
    /// The newest object: the watch would continue from its version.
    newest: Vec<u8>,
    /// Pages so far of the initial list, while it comes. Its objects are in no order of versions (R19).
    list: Option<u32>,
}

impl<'a> WatchReader<'a> {
    fn new(tuning: &'a Tuning, resource: Resource, protobuf: bool) -> Self {
        let events = EventFramer::new(protobuf, tuning.line_bytes);
        Self { tuning, resource, events, batch: WatchBatch::new(resource), newest: Vec::new(), list: None }
    }

    /// Reads to the end; `None` if the receiver is gone.
    async fn read(&mut self, body: ResponseBody, report: &mpsc::Sender<WatchReport>) -> Option<WatchEnd> {
        let mut body = pin!(body);
        loop {
            // Events that have arrived already share one message.
            let frame = tokio::select! {
                biased;
                frame = body.frame() => frame,
                () = std::future::ready(()) => {
                    self.flush(report).await?;
                    body.frame().await
                }
            };
            let end = match frame {
                Some(Ok(frame)) => self.take(frame.data_ref().map_or(&[][..], |data| data), report).await?,
                Some(Err(error)) => Some(self.instead().unwrap_or_else(|| self.ended(Some(&*error)))),
                None => Some(self.instead().unwrap_or_else(|| self.ended(None))),
            };
            if end.is_some() {
                self.flush(report).await?;
                return end;
            }
        }
    }

    /// Reads a chunk; an end if an ERROR event says so, `None` if the receiver is gone.
    async fn take(&mut self, chunk: &[u8], report: &mpsc::Sender<WatchReport>) -> Option<Option<WatchEnd>> {
        self.batch.bytes += chunk.len() as u64;
        self.events.feed(chunk);
        while let Some((_, event)) = self.events.next() {
            if self.list.is_some() && event.as_ref().is_ok_and(|event| event.kind != WatchType::Added) {
                // An event other than ADDED ends the list's pages.
                let batch = std::mem::replace(&mut self.batch, WatchBatch::new(self.resource));
                let batch = batch.page_after(self.list.take());
                self.newest.clear();
                report.send(WatchReport::Batch(batch)).await.ok()?;
            }
            let end = if let Ok(event) = event {
                self.batch.event(&event, &mut self.newest, self.tuning)
            } else {
                self.batch.unreadable = self.batch.unreadable.saturating_add(1);
                self.instead()
            };
            if end.is_some() {
                return Some(end);
            }
            if self.batch.changes >= self.tuning.changes_per_message {
                self.flush(report).await?;
            }
        }
        let skipped = self.events.take_skipped();
        self.batch.unreadable = self.batch.unreadable.saturating_add(skipped);
        self.batch.news.skipped |= skipped > 0;
        Some(None)
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

    /// End of a watch whose answer is not events but something else, such as a `Status`.
    fn instead(&self) -> Option<WatchEnd> {
        let error = self.events.instead(self.tuning.retry_after_cap)?;
        // A `Status` in the place of events counts as if it had been the answer.
        Some(if error.not_kubernetes { WatchEnd::Broken(error) } else { WatchEnd::Refused(error) })
    }

    /// End of a watch whose body has ended; `cut` is the error that ended it.
    fn ended(&self, cut: Option<&(dyn StdError + 'static)>) -> WatchEnd {
        self.events.end(cut).map_or_else(WatchEnd::Broken, |()| WatchEnd::Clean)
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

    /// Applies one event; returns an end if it is an ERROR.
    fn event(&mut self, event: &WatchFrame<'_>, newest: &mut Vec<u8>, tuning: &Tuning) -> Option<WatchEnd> {
        let WatchFrame { kind, object } = event;
        let readable = match kind {
            WatchType::Error => {
                let status = decode_status(object).unwrap_or_default();
                return Some(WatchEnd::Error(classify::event(status, tuning.retry_after_cap)));
            }
            WatchType::Added | WatchType::Modified => self.change(object, false),
            WatchType::Deleted => self.change(object, true),
            WatchType::Bookmark => {
                let synced = ends_initial_events(object);
                self.news.synced |= synced;
                synced || bookmark_version(object).is_some()
            }
            WatchType::Unknown => false,
        };
        if readable {
            // Unreadable events and events of type ERROR prove nothing: a watch with nothing else is of no use.
            self.news.events = self.news.events.saturating_add(1);
            newest.clear();
            newest.extend_from_slice(object);
        } else {
            self.unreadable = self.unreadable.saturating_add(1);
        }
        None
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
