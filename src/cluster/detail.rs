//! Detail of one object: reads the object and its events, then watches both, until another object or none is requested.
//!
//! One object at a time for each cluster. Each part ([`object`], [`events`]) is read with a list of its own and then
//! followed by a watch from that list's version, both limited to its name, so that nothing here grows with the cluster.
//! Dropping the task closes its connections and frees its memory.

use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::TaskContext;
use super::call::{ApiClient, ApiRequest, Limits, is_protobuf};
use super::classify::{self, RequestError};
use super::deadline::Backoff;
use super::silence::{SPREAD, ends_with_silence};
use super::stream::reader::WatchReader;
use crate::clock::wall;
use crate::cluster::tuning::Between;
use crate::facts::wire::WatchType;
use crate::msg::detail::{Detail, DetailPart, DetailUpdate, ObjectRef, WatchDetail};
use crate::msg::{CallKind, ClusterEvent, Failure, Layer, SyncState};

mod events;
mod object;
mod stream;

use events::Events;
use object::DetailObject;
use stream::Stream;

/// Deadline of a read: the page deadline of the smallest tier, since one object is less than one page.
const DEADLINE: Duration = Duration::from_secs(15);
/// Most bytes of an answer: etcd refuses objects over 1.5 MiB (`--max-request-bytes`), and JSON may take several times as much.
const LARGEST: usize = 8 << 20;
/// Watches in a row without an event before the part is read again.
const BARREN_IN_A_ROW: u32 = 2;
/// The same for watches that an answering server refuses: it may be overloaded, and another read would add load (R10).
const REFUSALS_IN_A_ROW: u32 = 4;
/// Least time between two starts of a watch that brings nothing.
const QUIET_SPACING: Duration = Duration::from_secs(5);
/// Changes that come faster than this are sent together.
const REPORT_EVERY: Duration = Duration::from_millis(250);
/// Characters of valid names stay as they are; everything else is escaped, so that no name can lead to another path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

/// Follows the requested object until the task is dropped.
pub(super) async fn run(shared: std::sync::Arc<TaskContext>, seed: u64) {
    let mut requested = shared.inspect.clone();
    loop {
        let wanted_detail = requested.borrow_and_update().clone();
        let Some(WatchDetail { subject, yaml }) = wanted_detail else {
            if requested.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            continue;
        };
        let (yaml, yamls) = watch::channel(yaml);
        let other = async {
            // The same object with or without its YAML is not restarted.
            while requested.changed().await.is_ok() {
                match &*requested.borrow_and_update() {
                    Some(next) if next.subject == subject => _ = yaml.send_replace(next.yaml),
                    _ => return,
                }
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased;
            () = other => {}
            () = follow(&shared, &subject, DetailObject::new(&subject, yamls), seed) => {}
            () = follow(&shared, &subject, Events::new(&subject), seed.rotate_left(7)) => {}
        }
    }
}

/// One part of an object: how it is read and watched, and which updates it sends.
trait DetailSource {
    const PART: DetailPart;

    /// Waits until this part is requested at all.
    async fn requested(&mut self);

    /// `true` if it must be read again before the requested update can be sent.
    fn is_unread(&self) -> bool {
        false
    }

    /// Waits for an update that does not come from the server.
    async fn changed_locally(&mut self);

    /// Reads the whole part; returns the resourceVersion to watch from.
    async fn read(&mut self, reader: &DetailReader<'_>) -> Result<String, RequestError>;

    /// Path and selector of its watch, without the options that all watches share.
    fn watch_uri(&self) -> String;

    /// Applies one event of the watch; `false` if it is malformed.
    fn apply(&mut self, kind: &WatchType, object: &[u8]) -> bool;

    /// Updates since the last call.
    fn news(&mut self) -> Vec<Detail>;

    /// Handles a 404; `true` if there is another API to try, at once.
    fn missing(&mut self) -> bool;

    /// Handles a 403; `true` if there is another API to try, at once.
    fn forbidden(&mut self) -> bool;

    /// Title of the request, such as `get pod a/b`.
    fn title(&self) -> String;
}

/// Client for the reads of a part.
struct DetailReader<'a> {
    shared: &'a TaskContext,
    part: DetailPart,
    line: ApiClient,
}

impl DetailReader<'_> {
    async fn get(&self, uri: String) -> Result<Vec<u8>, RequestError> {
        let tuning = &self.shared.tuning;
        let limits = Limits {
            headers: DEADLINE,
            idle: tuning.idle.least,
            cap: tuning.page_cap,
            slowest: tuning.slowest_body,
            bytes: LARGEST,
        };
        let request = ApiRequest { kind: CallKind::Detail(self.part), page: None, attempt: 1, uri, limits };
        let mut body = Vec::new();
        let head = self.line.fetch(&request, tuning, &mut body).await?;
        if classify::is_html(&head, &body) {
            return Err(classify::not_kubernetes());
        }
        Ok(body)
    }
}

/// End of a watch that did not fail.
enum DetailWatchEnd {
    /// The watch can continue from this version.
    Clean(String),
    /// Nothing came for too long; the watch can continue from this version.
    Silent(String),
    /// The part must be read again: its version expired, or an event could not be read.
    Stale,
    /// The YAML is requested and not held: the part must be read again at once.
    Unread,
}

/// Next step after a failure.
enum Next {
    Wait(Duration),
    AtOnce,
}

/// Waits and retries of one part.
struct DetailPace<'a> {
    shared: &'a TaskContext,
    subject: &'a ObjectRef,
    part: DetailPart,
    /// Backoff of reads.
    backoff: Backoff,
    /// Backoff of watches: a part that can be read but not watched must not be read in a loop.
    watch_backoff: Backoff,
    rng: fastrand::Rng,
    /// Set once watching is forbidden: the part is polled instead.
    no_watch: bool,
    /// Watches in a row without any data to their end.
    silent: u32,
    /// Set if the part must be read before another watch.
    read_again: bool,
}

impl DetailPace<'_> {
    async fn send_update(&self, news: Detail) {
        let finding = DetailUpdate { subject: self.subject.clone(), news };
        self.shared.send_event(ClusterEvent::Found(Box::new(finding))).await;
    }

    async fn sync(&self, state: SyncState) {
        self.send_update(Detail::Sync { part: self.part, state }).await;
    }

    async fn publish(&self, source: &mut impl DetailSource) {
        for news in source.news() {
            self.send_update(news).await;
        }
    }

    fn polling(&self) -> Duration {
        self.shared.tuning.poll_period.least
    }

    /// Wait after another watch without an event.
    fn next_watch(&mut self) -> Duration {
        self.watch_backoff.next(self.rng.f64()).max(self.shared.tuning.watch_spacing)
    }

    /// Sends the failure of a watch or a read; returns the next step.
    async fn failed(&mut self, error: &RequestError, source: &mut impl DetailSource, watching: bool) -> Next {
        let tuning = self.shared.tuning.clone();
        if error.code == Some(404) {
            if source.missing() {
                return Next::AtOnce;
            }
            self.publish(source).await;
            self.sync(SyncState::Polling { every: self.polling() }).await;
            return Next::Wait(self.polling());
        }
        if error.layer == Layer::Rbac {
            if source.forbidden() {
                return Next::AtOnce;
            }
            let failure = Box::new(failure(error, self.backoff.failures(), &source.title(), tuning.denied_period));
            self.sync(SyncState::Denied { failure }).await;
            return Next::Wait(tuning.denied_period);
        }
        let pause = if watching { self.next_watch() } else { self.backoff.next(self.rng.f64()) };
        let failures = if watching { self.watch_backoff.failures() } else { self.backoff.failures() };
        let mut wait = pause.max(error.retry_after.unwrap_or_default());
        if error.not_kubernetes || error.layer == Layer::Auth {
            wait = wait.max(tuning.rejected_delay);
        }
        let failure = Box::new(failure(error, failures, &source.title(), wait));
        let patience = if error.layer == Layer::Server { REFUSALS_IN_A_ROW } else { BARREN_IN_A_ROW };
        if watching && failures >= patience && !error.is_unreachable() && error.layer != Layer::Auth {
            // No watch brings an event: the part is polled.
            let wait = wait.max(self.polling());
            self.shared.send_event(ClusterEvent::Failed(failure)).await;
            self.sync(SyncState::Polling { every: wait }).await;
            self.read_again = true;
            return Next::Wait(wait);
        }
        if error.layer != Layer::Watch {
            self.shared.send_event(ClusterEvent::Failed(failure.clone())).await;
        }
        let until = self.shared.clock.mono() + wait;
        self.sync(SyncState::Waiting { until, failure }).await;
        Next::Wait(wait)
    }
}

/// Failure number `failures` in a row, as the model shows it.
fn failure(error: &RequestError, failures: u32, title: &str, wait: Duration) -> Failure {
    Failure { next_in: Some(wait), ..error.failure(wall(), title, failures.max(1)) }
}

/// Keeps one part of an object up to date until it is dropped.
async fn follow(shared: &TaskContext, subject: &ObjectRef, mut source: impl DetailSource, seed: u64) {
    source.requested().await;
    let rng = fastrand::Rng::with_seed(seed);
    let (backoff, watch_backoff) = (Backoff::new(&shared.tuning), Backoff::new(&shared.tuning));
    let mut pace = DetailPace {
        shared,
        subject,
        part: part_of(&source),
        backoff,
        watch_backoff,
        rng,
        no_watch: false,
        silent: 0,
        read_again: false,
    };
    let mut version: Option<String> = None;
    loop {
        let mut refresh = shared.refreshes();
        let mut resumed = shared.resumes();
        let mut wake = shared.wake.subscribe();
        let from = version.take();
        let result = match from.clone() {
            Some(from) => watch(&mut pace, &mut source, from).await,
            None => read(&mut pace, &mut source).await.map(DetailWatchEnd::Clean),
        };
        let cut = result.as_ref().is_err_and(|error| ends_with_silence(error.layer));
        let wait = match result {
            // A forbidden watch is not tried again until the user refreshes.
            Ok(DetailWatchEnd::Clean(_)) if pace.no_watch => {
                pace.sync(SyncState::Polling { every: pace.polling() }).await;
                pace.polling()
            }
            Ok(DetailWatchEnd::Clean(next) | DetailWatchEnd::Silent(next)) => {
                version = Some(next);
                Duration::ZERO
            }
            Ok(DetailWatchEnd::Stale) => pace.next_watch(),
            Ok(DetailWatchEnd::Unread) => Duration::ZERO,
            Err(error) => match pace.failed(&error, &mut source, from.is_some()).await {
                Next::AtOnce => continue,
                Next::Wait(wait) => {
                    // A watch that could not be opened, or broke, continues from its last version (R9).
                    let again = std::mem::take(&mut pace.read_again);
                    version = from.filter(|_| !again && error.code != Some(404) && error.layer != Layer::Rbac);
                    wait
                }
            },
        };
        let until = Instant::now() + wait;
        loop {
            tokio::select! {
                biased;
                () = sleep_until(until) => break,
                _ = refresh.changed() => {
                    (pace.no_watch, version) = (false, None);
                    break;
                }
                _ = resumed.changed() => break version = None,
                _ = wake.changed(), if cut => break sleep(SPREAD.mul_f64(pace.rng.f64())).await,
                () = source.changed_locally() => {
                    pace.publish(&mut source).await;
                    if source.is_unread() {
                        break version = None;
                    }
                }
            }
        }
    }
}

fn part_of<F: DetailSource>(_: &F) -> DetailPart {
    F::PART
}

async fn read(pace: &mut DetailPace<'_>, source: &mut impl DetailSource) -> Result<String, RequestError> {
    let shared = pace.shared;
    pace.sync(SyncState::Listing).await;
    let session = shared.session.clients().await?;
    let reader = DetailReader { shared, part: pace.part, line: session.api.clone() };
    let result = source.read(&reader).await;
    if result.as_ref().is_err_and(|error| error.layer == Layer::Auth) {
        shared.session.renew(session.serial);
    }
    let version = result?;
    pace.backoff.reset();
    pace.publish(source).await;
    Ok(version)
}

/// Watches a part from `version` until its watch ends.
async fn watch(
    pace: &mut DetailPace<'_>,
    source: &mut impl DetailSource,
    version: String,
) -> Result<DetailWatchEnd, RequestError> {
    let shared = pace.shared;
    let tuning = shared.tuning.clone();
    let session = shared.session.clients().await?;
    let Between { least, most } = tuning.watch_seconds;
    let seconds = pace.rng.u64(least..=most.max(least));
    let uri = format!(
        "{}&watch=1&allowWatchBookmarks=true&resourceVersion={}&timeoutSeconds={seconds}",
        source.watch_uri(),
        utf8_percent_encode(&version, NON_ALPHANUMERIC)
    );
    let limits = Limits::small(tuning.watch_headers);
    let request = ApiRequest { kind: CallKind::DetailWatch(pace.part), page: None, attempt: 1, uri, limits };
    let start = Instant::now();
    let (head, body) = match session.api.open(&request, &tuning).await {
        Ok(opened) => opened,
        Err(error) => return refused(pace, error, version, session.serial),
    };
    pace.sync(SyncState::Watching).await;
    let reader = WatchReader::new(body, is_protobuf(&head), tuning.line_bytes, tuning.retry_after_cap);
    let mut stream = Stream::new(reader, version.clone());
    let end = stream.run(pace, source).await;
    let short = !stream.proven() && start.elapsed() < tuning.watch_short;
    if !short && (stream.proven() || end.is_ok()) {
        pace.watch_backoff.reset();
    }
    pace.silent = if stream.proven() { 0 } else { pace.silent };
    let end = match end {
        Ok(end) => end,
        Err(error) => return refused(pace, error, version, session.serial),
    };
    if matches!(end, DetailWatchEnd::Silent(_)) {
        pace.silent += 1;
    }
    let end = match end {
        // Two watches in a row had not even a bookmark: the part is read, since it may have changed (F45).
        DetailWatchEnd::Silent(_) if pace.silent.is_multiple_of(BARREN_IN_A_ROW) => DetailWatchEnd::Stale,
        DetailWatchEnd::Silent(next) => DetailWatchEnd::Clean(next),
        end => end,
    };
    if short && matches!(end, DetailWatchEnd::Clean(_)) && pace.watch_backoff.failures() + 1 >= BARREN_IN_A_ROW {
        pace.sync(SyncState::Polling { every: pace.polling() }).await;
        return Ok(DetailWatchEnd::Stale);
    }
    if matches!(end, DetailWatchEnd::Clean(_)) {
        // A watch that ends at once, again and again, must not be opened in a hot loop (R14).
        let quiet = if stream.proven() { tuning.watch_spacing } else { QUIET_SPACING };
        let spacing = if short { pace.next_watch() } else { quiet };
        sleep_until(start + spacing).await;
    }
    Ok(end)
}

/// Next step after a watch was refused, in any form.
fn refused(
    pace: &mut DetailPace<'_>,
    error: RequestError,
    version: String,
    serial: u64,
) -> Result<DetailWatchEnd, RequestError> {
    if matches!(error.code, Some(403 | 405)) {
        pace.no_watch = true;
        return Ok(DetailWatchEnd::Clean(version));
    }
    if error.is_gone() {
        return Ok(DetailWatchEnd::Stale);
    }
    if error.layer == Layer::Auth {
        pace.shared.session.renew(serial);
    }
    Err(error)
}

/// Checks that a watch can begin at the version: without one, or at 0, it would begin anywhere
/// (kubernetes/kubernetes#123448).
fn usable(version: String) -> Result<String, RequestError> {
    if matches!(&*version, "" | "0") {
        return Err(RequestError::new(Layer::Decode, "the list has no resourceVersion"));
    }
    Ok(version)
}

/// One segment of a path.
pub(super) fn segment(name: &str) -> PercentEncode<'_> {
    utf8_percent_encode(name, SEGMENT)
}

/// `name` as the value of a field selector, escaped once for the selector (apimachinery `pkg/fields`, `EscapeValue`).
pub(super) fn field(name: &str) -> String {
    let mut value = String::with_capacity(name.len());
    for letter in name.chars() {
        if matches!(letter, '\\' | ',' | '=') {
            value.push('\\');
        }
        value.push(letter);
    }
    utf8_percent_encode(&value, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests;
