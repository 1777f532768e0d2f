//! A list that comes as a watch (`sendInitialEvents`, KEP-3157): every object as ADDED, then a bookmark that ends the
//! list, then changes. Optional, and on any failure before that bookmark the list is read in pages, as client-go falls
//! back (R17); streaming is not tried again with this cluster in this run.

use super::list::ListPhase;
use super::{Reflector, ReflectorEffect, Right, StepContext, WatchEnd};
use crate::cluster::classify::RequestError;
use crate::msg::{ClusterEvent, Layer, Mono};

use std::time::Duration;

/// The verb of its failures.
const STREAM: &str = "stream";

impl Reflector {
    /// The longest allowed time without an event while the list streams; `None` if it does not.
    pub(super) fn streams(&self) -> Option<Duration> {
        match self.list {
            ListPhase::Streamed { idle } => Some(idle),
            _ => None,
        }
    }

    /// Begins a list as a watch.
    pub(super) fn stream_list(&mut self, moment: StepContext, fx: &mut Vec<ReflectorEffect>) {
        self.list = ListPhase::Streamed { idle: moment.page_deadline };
        self.watch_with_list(moment, fx);
    }

    /// Handles the bookmark: the list is complete, and its watch is open.
    pub(super) fn streamed(&mut self, moment: StepContext, fx: &mut Vec<ReflectorEffect>) {
        self.list = ListPhase::Idle;
        self.list_right = Right::GRANTED;
        self.list_text = None;
        self.finish(moment, fx);
    }

    /// Handles a watch that ended before the bookmark.
    pub(super) fn stream_ended(&mut self, moment: StepContext, end: WatchEnd, fx: &mut Vec<ReflectorEffect>) {
        let error = match end {
            WatchEnd::Refused(error) | WatchEnd::Broken(error) | WatchEnd::Error(error) => error,
            WatchEnd::Clean => RequestError::new(Layer::Server, "the watch ended before its list was complete"),
        };
        self.list_as_pages(moment, &error, fx);
    }

    /// Handles a watch that brought nothing for too long before the bookmark.
    pub(super) fn stream_stalled(&mut self, moment: StepContext, last_event: Mono, fx: &mut Vec<ReflectorEffect>) {
        let secs = moment.now.mono.since(last_event).as_secs();
        let text = format!("no event for {secs} s while the list was streamed");
        self.list_as_pages(moment, &RequestError::timed_out(Layer::Body, &text), fx);
    }

    /// Handles a stream that cannot become a complete list with a watch.
    pub(super) fn stream_of_no_use(&mut self, moment: StepContext, text: &str, fx: &mut Vec<ReflectorEffect>) {
        self.close_watch(fx);
        self.list_as_pages(moment, &RequestError::new(Layer::Server, text), fx);
    }

    /// Falls back to pages: at once where the server merely cannot stream, else as after any failed list.
    fn list_as_pages(&mut self, moment: StepContext, error: &RequestError, fx: &mut Vec<ReflectorEffect>) {
        self.list = ListPhase::Idle;
        fx.push(ReflectorEffect::NoWatchList);
        let failure = self.failed(moment, STREAM, 1, error);
        if matches!(error.code, Some(400 | 422)) {
            fx.push(ReflectorEffect::Emit(ClusterEvent::Failed(Box::new(failure))));
            self.start_list(StepContext { watch_list: false, ..moment }, fx);
            return;
        }
        let jitter = self.rng.f64();
        let wait = self.list_backoff.next(jitter).max(error.retry_after.unwrap_or_default());
        self.wait_for_list(moment, wait, failure, fx);
    }
}
