//! One watch of one part, from its headers to its end.

use std::pin::pin;

use http_body_util::BodyExt;
use tokio::time::{Instant, sleep_until};

use super::{DetailPace, DetailWatchEnd, Follow, REPORT_EVERY};
use crate::clock::wall;
use crate::cluster::classify::{self, RequestError};
use crate::cluster::connect::ResponseBody;
use crate::cluster::stream::frames::EventFramer;
use crate::cluster::tuning::Tuning;
use crate::facts::wire::{WatchType, bookmark_version, decode_status};
use crate::msg::ClusterEvent;
use crate::msg::detail::Detail;

/// One watch that is being read.
pub(super) struct Stream {
    cut: EventFramer,
    version: String,
    /// Set once something came that could not be read.
    stale: bool,
    /// Readable events so far; a watch without any is not proven.
    events: u64,
    /// Set if one of them came since the last report.
    received: bool,
}

impl Stream {
    pub(super) fn new(tuning: &Tuning, protobuf: bool, version: String) -> Self {
        Self { cut: EventFramer::new(protobuf, tuning.line_bytes), version, stale: false, events: 0, received: false }
    }

    /// `true` if it brought something, and nothing unreadable.
    pub(super) fn proven(&self) -> bool {
        self.events > 0 && !self.stale
    }

    /// Reads the watch to its end.
    pub(super) async fn run(
        &mut self,
        pace: &mut DetailPace<'_>,
        of: &mut impl Follow,
        body: ResponseBody,
    ) -> Result<DetailWatchEnd, RequestError> {
        let mut body = pin!(body);
        let mut refresh = pace.shared.refreshes();
        let mut resumed = pace.shared.resumes();
        let mut wake = pace.shared.wake.subscribe();
        let mut received = Instant::now();
        let mut due: Option<Instant> = None;
        let silence = pace.shared.tuning.watch_silence;
        loop {
            let frame = tokio::select! {
                biased;
                _ = refresh.changed() => return Ok(DetailWatchEnd::Stale),
                _ = resumed.changed() => return Ok(DetailWatchEnd::Stale),
                // The connection may be dead.
                _ = wake.changed() => match wake.borrow_and_update().from {
                    from if pace.shared.mono_of(received) < from => return Ok(DetailWatchEnd::Clean(std::mem::take(&mut self.version))),
                    _ => continue,
                },
                () = of.changed_locally() => {
                    pace.publish(of).await;
                    if of.is_unread() {
                        return Ok(DetailWatchEnd::Unread);
                    }
                    continue;
                }
                () = sleep_until(due.unwrap_or(received)), if due.is_some() => {
                    due = None;
                    self.report(pace, of).await;
                    continue;
                }
                frame = body.frame() => frame,
                // Not a failure: a middlebox drops silent connections, and opening the watch again shows the current
                // state (F45).
                () = sleep_until(received + silence) => return Ok(DetailWatchEnd::Silent(std::mem::take(&mut self.version))),
            };
            let end = match frame {
                Some(Ok(frame)) => self.take(of, frame.data_ref().map_or(&[][..], |data| data), pace)?,
                Some(Err(error)) if !classify::is_early_end(&*error) => return Err(classify::broken_watch(&*error)),
                Some(Err(error)) => {
                    let end = self.cut.end(Some(&*error));
                    Some(self.ended(pace, of, end).await?)
                }
                None => {
                    let end = self.cut.end(None);
                    Some(self.ended(pace, of, end).await?)
                }
            };
            received = Instant::now();
            due = due.or(Some(received + REPORT_EVERY));
            if let Some(end) = end {
                self.report(pace, of).await;
                return Ok(end);
            }
        }
    }

    /// Result of a watch whose body has ended, in this way.
    async fn ended(
        &self,
        pace: &DetailPace<'_>,
        of: &impl Follow,
        end: Result<(), RequestError>,
    ) -> Result<DetailWatchEnd, RequestError> {
        if let Some(end) = self.instead(pace) {
            return end;
        }
        match end {
            Err(error) if !self.proven() => return Err(error),
            // After whole events a watch continues from the last of them, and the server sends the torn one again.
            Err(error) => {
                let failure = error.failure(wall(), &of.title(), 1);
                pace.shared.send_event(ClusterEvent::Failed(Box::new(failure))).await;
            }
            Ok(()) => {}
        }
        Ok(DetailWatchEnd::Clean(self.version.clone()))
    }

    /// End of a watch whose answer is not events but something else, such as a `Status`.
    fn instead(&self, pace: &DetailPace<'_>) -> Option<Result<DetailWatchEnd, RequestError>> {
        let error = self.cut.instead(pace.shared.tuning.retry_after_cap)?;
        Some(if error.is_gone() { Ok(DetailWatchEnd::Stale) } else { Err(error) })
    }

    async fn report<F: Follow>(&mut self, pace: &mut DetailPace<'_>, of: &mut F) {
        if self.proven() {
            pace.watch_backoff.reset();
        }
        pace.publish(of).await;
        // Unreadable bytes prove nothing.
        if std::mem::take(&mut self.received) {
            pace.send_update(Detail::Alive { part: F::PART }).await;
        }
    }

    /// Reads a chunk; returns the end, if an event is one.
    fn take(
        &mut self,
        of: &mut impl Follow,
        chunk: &[u8],
        pace: &DetailPace<'_>,
    ) -> Result<Option<DetailWatchEnd>, RequestError> {
        self.cut.feed(chunk);
        while let Some((_, frame)) = self.cut.next() {
            let Ok(frame) = frame else {
                if let Some(end) = self.instead(pace) {
                    return end.map(Some);
                }
                self.stale = true;
                continue;
            };
            let before = self.events;
            match frame.kind {
                WatchType::Error => {
                    let status = decode_status(frame.object).unwrap_or_default();
                    let error = classify::event(status, pace.shared.tuning.retry_after_cap);
                    return if error.is_gone() { Ok(Some(DetailWatchEnd::Stale)) } else { Err(error) };
                }
                WatchType::Added | WatchType::Modified | WatchType::Deleted => {
                    let readable = of.take(&frame.kind, frame.object);
                    self.stale |= !readable;
                    self.events += u64::from(readable);
                }
                WatchType::Bookmark => self.events += u64::from(bookmark_version(frame.object).is_some()),
                WatchType::Unknown => self.stale = true,
            }
            self.received |= self.events > before;
            if let Some(version) = bookmark_version(frame.object) {
                self.version = version;
            }
        }
        self.stale |= self.cut.take_skipped() > 0;
        // The view is out of date, and no later event can repair that.
        Ok(self.stale.then_some(DetailWatchEnd::Stale))
    }
}
