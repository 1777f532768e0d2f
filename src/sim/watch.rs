//! Watches: the changes after a resourceVersion, one JSON line each, with bookmarks.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::watch::Receiver;
use tokio::time::Instant;

use super::body::{Response, unfold};
use super::encode::{Encoder, error_event};
use super::fault::WatchRefusal;
use super::list::{CollectionRequest, version};
use super::lock;
use super::object::SimObject;
use super::request::{QueryString, RequestTarget};
use super::resource::SimResource;
use super::selector::ObjectSelector;
use super::server::Server;
use super::status;
use super::store::{PageRange, SimStore, StoreChange};

/// One minute: `cacher.go:78`, `defaultBookmarkFrequency`.
const BOOKMARK: Duration = Duration::from_secs(60);
/// A last bookmark comes 2 s before the end (`cache_watcher.go`, `bookmarkHeartbeatFrequency` and deadline rules).
const LAST_BOOKMARK: Duration = Duration::from_secs(2);
/// 30 min: kube-apiserver's `--min-request-timeout`; without `timeoutSeconds` a watch lives 30 to 60 min.
const MIN_LIFE: u64 = 1800;
/// One year: a longer `timeoutSeconds` is as good as none, and would overflow a clock.
const MAX_LIFE: u64 = 365 * 86_400;
/// Changes that are written at a time.
const BATCH: usize = 256;

/// One watch.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own about one watch")]
struct ServedWatch {
    server: Arc<Server>,
    target: RequestTarget,
    resource: SimResource,
    prefix: String,
    selector: ObjectSelector,
    encoder: Encoder,
    /// Changes up to this version have been sent.
    rv: u64,
    /// Objects that are sent first as ADDED, in key order.
    initial: VecDeque<Arc<SimObject>>,
    /// `true` if a bookmark must follow the initial objects.
    initial_end: bool,
    bookmarks: bool,
    /// Set once a table has named its columns.
    columns_sent: bool,
    next_bookmark: Instant,
    ends: Instant,
    last_bookmark_sent: bool,
    changes: Receiver<u64>,
    close_signal: Receiver<u64>,
    ended: bool,
}

/// Answers a watch.
///
/// # Errors
/// The `Status` of a watch that cannot start.
pub(super) fn answer(
    server: &Arc<Server>,
    request: CollectionRequest<'_>,
    encoder: Encoder,
) -> Result<Response, Value> {
    let resource = request.resource;
    // All events of a stream have one encoding.
    let encoder = encoder.with_json_fallback(lock(&server.world).store.all(resource));
    let query = &request.target.query;
    let selector = request.selector(&encoder)?;
    let requested = version(query.get("resourceVersion"))?;
    let life = query.number("timeoutSeconds")?.filter(|seconds| *seconds > 0);
    let life = life.unwrap_or_else(|| MIN_LIFE + fastrand::u64(..MIN_LIFE)).min(MAX_LIFE);
    let world = lock(&server.world);
    let store = &world.store;
    if let Some(errors) = refusal(server, store, &request, requested)? {
        let lines: Vec<u8> = errors.iter().flat_map(|error| error_event(&encoder, error)).collect();
        return Ok(status::plain(200, encoder.content_type(true), lines));
    }
    let (from_now, prefix) = (is_from_now(query, requested), request.prefix());
    let initial = if from_now {
        let range = PageRange { rv: store.rv(), after: "", prefix: &prefix, limit: usize::MAX };
        let page = store.page(resource, range, |object| selector.matches(object));
        page.map(|page| page.items).unwrap_or_default().into()
    } else {
        VecDeque::new()
    };
    let now = Instant::now();
    let watch = ServedWatch {
        rv: if from_now { store.rv() } else { requested },
        changes: store.changes(resource),
        close_signal: server.close_signal(resource),
        server: Arc::clone(server),
        target: request.target.clone(),
        resource,
        prefix,
        selector,
        encoder,
        initial,
        initial_end: query.flag("sendInitialEvents"),
        bookmarks: query.flag("allowWatchBookmarks"),
        columns_sent: false,
        next_bookmark: now + BOOKMARK,
        ends: now + Duration::from_secs(life),
        last_bookmark_sent: false,
        ended: false,
    };
    drop(world);
    let body = unfold(watch, |mut watch| async move {
        let piece = watch.next().await?;
        Some((io::Result::Ok(Bytes::from(piece)), watch))
    });
    Ok(status::with_body(200, encoder.content_type(true), body))
}

/// The watch begins with the current objects.
fn is_from_now(query: &QueryString, requested: u64) -> bool {
    requested == 0 || query.flag("sendInitialEvents")
}

/// The ERROR events of a watch that answers 200 and ends at once; `None` if it goes on.
///
/// # Errors
/// The `Status` of an answer that is an error itself.
fn refusal(
    server: &Server,
    store: &SimStore,
    request: &CollectionRequest<'_>,
    requested: u64,
) -> Result<Option<Vec<Value>>, Value> {
    let (query, plan) = (&request.target.query, request.plan);
    if !query.get("sendInitialEvents").is_empty() && !server.watch_list {
        let message = "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled";
        return Err(status::invalid_options("sendInitialEvents", message));
    }
    if plan.watch_end == Some(WatchRefusal::AtOnce) {
        return Ok(Some(Vec::new()));
    }
    if plan.gone {
        return Err(status::expired(&format!("too old resource version: {requested}")));
    }
    if requested > store.rv() {
        return Err(status::too_large(requested, store.rv()));
    }
    let floor = store.floor(request.resource);
    if plan.watch_end == Some(WatchRefusal::Expired) || (!is_from_now(query, requested) && requested < floor) {
        return Ok(Some(vec![status::expired(&format!("too old resource version: {requested} ({floor})"))]));
    }
    Ok(None)
}

impl ServedWatch {
    /// The next lines; `None` when the watch ends.
    async fn next(&mut self) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        while !self.ended {
            let server = Arc::clone(&self.server);
            let silenced = server.faults.wait_until_not_silenced(self.target.traits());
            tokio::select! {
                biased;
                _ = self.close_signal.changed() => return None,
                () = tokio::time::sleep_until(self.ends) => return None,
                () = silenced => {}
            }
            self.changes.borrow_and_update();
            self.send(&mut out);
            self.write_due_bookmark(&mut out);
            if !out.is_empty() {
                return Some(out);
            }
            let wake = self.next_wake();
            tokio::select! {
                biased;
                _ = self.close_signal.changed() => return None,
                () = tokio::time::sleep_until(self.ends) => return None,
                changed = self.changes.changed() => if changed.is_err() { return None },
                () = tokio::time::sleep_until(wake) => {}
            }
        }
        None
    }

    /// Writes the initial objects and new changes.
    fn send(&mut self, out: &mut Vec<u8>) {
        self.encoder = self.encoder.at(self.server.now());
        for _ in 0..BATCH {
            let Some(object) = self.initial.pop_front() else { break };
            self.encoder.event("ADDED", &object, object.meta().rv, !self.columns_sent, out);
            self.columns_sent = true;
        }
        if !self.initial.is_empty() {
            return;
        }
        if self.initial_end {
            self.encoder.bookmark(self.rv, true, out);
            self.initial_end = false;
        }
        let (changes, newest) = {
            let world = lock(&self.server.world);
            (world.store.changes_after(self.resource, self.rv, BATCH), world.store.rv())
        };
        let Ok(changes) = changes else {
            // The client reads more slowly than objects change, and the history no longer reaches back to its version.
            out.extend_from_slice(&error_event(
                &self.encoder,
                &status::expired(&format!("too old resource version: {}", self.rv)),
            ));
            self.ended = true;
            return;
        };
        let caught_up = changes.len() < BATCH;
        for change in changes {
            self.rv = change.rv;
            self.send_one(&change, out);
        }
        if caught_up {
            self.rv = newest;
        }
    }

    /// Writes one change from the selector's point of view: an object may start or stop matching without being created or deleted.
    fn send_one(&mut self, change: &StoreChange, out: &mut Vec<u8>) {
        let selected = |object: &Option<Arc<SimObject>>| {
            object.clone().filter(|o| o.meta().key.starts_with(&self.prefix) && self.selector.matches(o))
        };
        let (kind, object) = match (selected(&change.before), selected(&change.after)) {
            (None, None) => return,
            (None, Some(after)) => ("ADDED", after),
            (Some(_), Some(after)) => ("MODIFIED", after),
            (Some(before), None) => ("DELETED", before),
        };
        self.encoder.event(kind, &object, change.rv, !self.columns_sent, out);
        self.columns_sent = true;
    }

    /// Writes a bookmark when one is due.
    fn write_due_bookmark(&mut self, out: &mut Vec<u8>) {
        let now = Instant::now();
        let last = !self.last_bookmark_sent && now + LAST_BOOKMARK >= self.ends;
        if !self.bookmarks || !self.initial.is_empty() || (now < self.next_bookmark && !last) {
            return;
        }
        self.last_bookmark_sent |= last;
        self.next_bookmark = now + BOOKMARK;
        self.encoder.bookmark(self.rv, false, out);
    }

    fn next_wake(&self) -> Instant {
        if !self.bookmarks {
            return self.ends;
        }
        let last = self.ends - LAST_BOOKMARK;
        if self.last_bookmark_sent { self.next_bookmark } else { self.next_bookmark.min(last) }
    }
}
