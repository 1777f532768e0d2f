//! One watch of one part, from its headers to its end.

use tokio::time::{Instant, sleep_until};

use super::{DetailPace, DetailSource, DetailWatchEnd, REPORT_EVERY};
use crate::clock::wall;
use crate::cluster::classify::RequestError;
use crate::cluster::reflector::WatchEnd;
use crate::cluster::stream::reader::{WatchItem, WatchReader};
use crate::facts::wire::bookmark_version;
use crate::msg::ClusterEvent;
use crate::msg::detail::Detail;

/// One watch that is being read.
pub(super) struct Stream {
    reader: WatchReader,
    version: String,
    /// Set once something came that could not be read.
    stale: bool,
    /// Readable events so far; a watch without any is not proven.
    events: u64,
    /// Set if one of them came since the last report.
    received: bool,
}

impl Stream {
    pub(super) fn new(reader: WatchReader, version: String) -> Self {
        Self { reader, version, stale: false, events: 0, received: false }
    }

    /// `true` if it brought something, and nothing unreadable.
    pub(super) fn proven(&self) -> bool {
        self.events > 0 && !self.stale
    }

    /// Reads the watch to its end.
    pub(super) async fn run(
        &mut self,
        pace: &mut DetailPace<'_>,
        source: &mut impl DetailSource,
    ) -> Result<DetailWatchEnd, RequestError> {
        let mut refresh = pace.shared.refreshes();
        let mut resumed = pace.shared.resumes();
        let mut wake = pace.shared.wake.subscribe();
        let mut received = Instant::now();
        let mut due: Option<Instant> = None;
        let silence = pace.shared.tuning.watch_silence;
        loop {
            tokio::select! {
                biased;
                _ = refresh.changed() => return Ok(DetailWatchEnd::Stale),
                _ = resumed.changed() => return Ok(DetailWatchEnd::Stale),
                // The connection may be dead.
                _ = wake.changed() => match wake.borrow_and_update().from {
                    from if pace.shared.mono_of(received) < from => return Ok(DetailWatchEnd::Clean(std::mem::take(&mut self.version))),
                    _ => continue,
                },
                () = source.changed_locally() => {
                    pace.publish(source).await;
                    if source.is_unread() {
                        return Ok(DetailWatchEnd::Unread);
                    }
                    continue;
                }
                () = sleep_until(due.unwrap_or(received)), if due.is_some() => {
                    due = None;
                    self.report(pace, source).await;
                    continue;
                }
                _ = self.reader.fill() => {}
                // Not a failure: a middlebox drops silent connections, and opening the watch again shows the current
                // state (F45).
                () = sleep_until(received + silence) => return Ok(DetailWatchEnd::Silent(std::mem::take(&mut self.version))),
            }
            let end = match self.take(source) {
                Some(end) => Some(self.ended(pace, source, end).await?),
                // The view is out of date, and no later event can repair that.
                None => self.stale.then_some(DetailWatchEnd::Stale),
            };
            received = Instant::now();
            due = due.or(Some(received + REPORT_EVERY));
            if let Some(end) = end {
                self.report(pace, source).await;
                return Ok(end);
            }
        }
    }

    /// Next step after the end of a watch.
    async fn ended(
        &mut self,
        pace: &DetailPace<'_>,
        source: &impl DetailSource,
        end: WatchEnd,
    ) -> Result<DetailWatchEnd, RequestError> {
        match end {
            WatchEnd::Refused(error) | WatchEnd::Error(error) if error.is_gone() => return Ok(DetailWatchEnd::Stale),
            WatchEnd::Refused(error) | WatchEnd::Error(error) => return Err(error),
            WatchEnd::Broken(error) if !self.proven() => return Err(error),
            // After whole events a watch continues from the last of them, and the server sends the torn one again.
            WatchEnd::Broken(error) => {
                let failure = error.failure(wall(), &source.title(), 1);
                pace.shared.send_event(ClusterEvent::Failed(Box::new(failure))).await;
            }
            WatchEnd::Clean => {}
        }
        Ok(DetailWatchEnd::Clean(self.version.clone()))
    }

    async fn report<F: DetailSource>(&mut self, pace: &mut DetailPace<'_>, source: &mut F) {
        if self.proven() {
            pace.watch_backoff.reset();
        }
        pace.publish(source).await;
        // Unreadable bytes prove nothing.
        if std::mem::take(&mut self.received) {
            pace.send_update(Detail::Alive { part: F::PART }).await;
        }
    }

    /// Applies the events that have come; returns the end of the watch, if it has ended.
    fn take(&mut self, source: &mut impl DetailSource) -> Option<WatchEnd> {
        while let Some(item) = self.reader.next() {
            let (readable, version) = match item {
                WatchItem::Object { kind, object } => (source.apply(&kind, object), bookmark_version(object)),
                WatchItem::Bookmark { version, .. } => (true, version),
                WatchItem::Unknown | WatchItem::Unreadable | WatchItem::TooLarge(_) => (false, None),
                WatchItem::End(end) => return Some(end),
            };
            self.stale |= !readable;
            self.received |= readable;
            self.events += u64::from(readable);
            if let Some(version) = version {
                self.version = version;
            }
        }
        None
    }
}
