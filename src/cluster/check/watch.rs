//! A watch: the time until it opens, and until its first event.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::{Instant, timeout};

use super::{CheckRun, StepFlow, layer_name, millis, ms_text};
use crate::cluster::classify::RequestError;
use crate::cluster::connect::ResponseBody;
use crate::cluster::reflector::WatchEnd;
use crate::cluster::stream::reader::{WatchItem, WatchReader};
use crate::facts::wire::WatchType;
use crate::msg::check::{CheckStep, StepOutcome};
use crate::msg::{Layer, Resource};

/// Wait for the first event: a watch that begins with the existing objects sends them at once.
const FIRST_EVENT: Duration = Duration::from_secs(5);
/// Wait for a refusal in the body of a success, which comes at once; a watch that stays silent is open.
const REFUSAL: Duration = Duration::from_secs(2);
/// Longest first event that is read: objects are at most 1.5 MB in etcd.
const EVENT_BYTES: usize = 4 << 20;

impl CheckRun {
    /// Watches one node from the state of the watch cache: the server sends it at once, and then a bookmark.
    pub(super) async fn watch(&mut self) -> StepFlow {
        let nodes = Resource::Nodes.list_path();
        let mut uri = format!("{nodes}?watch=1&allowWatchBookmarks=true&timeoutSeconds=30");
        match (self.found.nodes.first(), &self.found.version_of_nodes) {
            (Some(node), _) => {
                let selector = format!("metadata.name={}", node.name);
                let selector = utf8_percent_encode(&selector, NON_ALPHANUMERIC);
                uri = format!("{uri}&resourceVersion=0&fieldSelector={selector}");
            }
            (None, Some(version)) => {
                let version = utf8_percent_encode(version, NON_ALPHANUMERIC);
                uri = format!("{uri}&resourceVersion={version}");
            }
            (None, None) => {
                return self
                    .report(CheckStep::new("watch", StepOutcome::Skip, "no node could be read to begin from"))
                    .await;
            }
        }
        let expected = !self.found.nodes.is_empty();
        let (result, timing) = self.open(&uri).await;
        let body = match result {
            Ok((_, body)) => body,
            Err(error) => return self.report_error("watch", StepOutcome::Fail, &error).await,
        };
        let opened = ms_text(timing.total_ms.unwrap_or_default());
        let begun = Instant::now();
        let limit = self.within(FIRST_EVENT);
        let step = match timeout(limit, first_event(self.reader(body))).await {
            Ok(Ok(Some(kind))) => {
                let text = format!("open in {opened}, first {kind} {} later", ms_text(millis(begun.elapsed())));
                CheckStep::new("watch", StepOutcome::Ok, &text)
            }
            Ok(Ok(None)) => {
                let error = RequestError::new(Layer::Watch, "the watch ended before its first event");
                return self.report_error("watch", StepOutcome::Fail, &error).await;
            }
            Ok(Err(error)) => return self.report_error("watch", StepOutcome::Fail, &error).await,
            Err(_) => {
                let text = format!("{}: open in {opened}, then nothing", layer_name(Layer::Watch));
                let outcome = if expected { StepOutcome::Fail } else { StepOutcome::Warn };
                let next = "something holds back the stream: look for a proxy that buffers, or a starved watch cache";
                CheckStep { layer: Some(Layer::Watch), ..CheckStep::new("watch", outcome, &text).next(next) }
            }
        };
        self.report(step.limit("5 s", "ours: the first event comes from the server's memory").timing(timing)).await
    }
}

impl CheckRun {
    /// Opens a watch and inspects its first event: a refusal may be the body of a success. Silence counts as success.
    pub(super) async fn tried_watch(&mut self, uri: &str) -> Result<(), RequestError> {
        let (_, body) = self.open(uri).await.0?;
        let limit = self.within(REFUSAL);
        timeout(limit, first_event(self.reader(body))).await.map_or(Ok(()), |first| first.map(drop))
    }

    fn reader(&self, body: ResponseBody) -> WatchReader {
        WatchReader::new(body, false, EVENT_BYTES, self.tuning.retry_after_cap)
    }
}

/// The type of the first event, `ADDED` or `BOOKMARK`; `None` if the watch ends without one.
async fn first_event(mut reader: WatchReader) -> Result<Option<&'static str>, RequestError> {
    loop {
        reader.fill().await;
        let Some(item) = reader.next() else { continue };
        return match item {
            WatchItem::Object { kind: WatchType::Deleted, .. } => Ok(Some("DELETED")),
            WatchItem::Object { kind: WatchType::Modified, .. } => Ok(Some("MODIFIED")),
            WatchItem::Object { .. } => Ok(Some("ADDED")),
            WatchItem::Bookmark { .. } => Ok(Some("BOOKMARK")),
            WatchItem::Unknown => Ok(Some("event of an unknown type")),
            WatchItem::TooLarge(_) => Err(RequestError::new(Layer::Body, "the first event is larger than 4 MB")),
            // An answer of another kind has its own error.
            WatchItem::Unreadable => Err(match reader.next() {
                Some(WatchItem::End(WatchEnd::Refused(error) | WatchEnd::Broken(error))) => error,
                _ => RequestError::new(Layer::Decode, "the first line is no watch event"),
            }),
            WatchItem::End(WatchEnd::Clean) => Ok(None),
            WatchItem::End(WatchEnd::Refused(error) | WatchEnd::Broken(error) | WatchEnd::Error(error)) => Err(error),
        };
    }
}
