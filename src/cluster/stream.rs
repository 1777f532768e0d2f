//! The I/O of the reflector: performs its effects, reads pages and watch events, and sends the results.
//!
//! Pages and the watch run in tasks of their own, so that a full channel to the model can neither distort a measurement
//! nor make a deadline pass; their results wait in a bounded channel until the loop has sent the earlier ones.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::classify::RequestError;
use super::reflector::{
    PageNews, PageRequest, Reflector, ReflectorEffect, ReflectorInput, StepContext, WatchEnd, WatchNews, WatchRequest,
};
use super::{Task, TaskContext};
use crate::cluster::list_source::ListSource;
use crate::cluster::request_queue::Lane;
use crate::msg::{Batch, ClusterEvent, PageHead, PageLimits, Resource};

use in_flight::PageInFlight;

mod fetch;
mod frames;
mod in_flight;
mod page;
mod progress;
pub(super) mod reader;
mod uri;
mod values;
mod watch;

use fetch::{PageJob, fetch};
use progress::Progress;

/// Least time between two [`ClusterEvent::Alive`].
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// Batches of a watch that may wait for the model.
const WATCH_AHEAD: usize = 4;

/// Result of a page task.
struct PageDone {
    result: Result<(PageNews, Batch, u32), RequestError>,
    buf: Vec<u8>,
    serial: u64,
    /// Time in the queue of the namespaces.
    queued: Duration,
    /// `true` for a page of the list, `false` for a version probe.
    of_list: bool,
}

/// Report of a watch task.
enum WatchReport {
    /// The headers came.
    Open {
        /// Serial of its session.
        serial: u64,
    },
    /// Some events.
    Batch(WatchBatch),
    /// The watch has ended; the last report.
    Ended {
        /// The end.
        end: WatchEnd,
        /// Serial of its session.
        serial: u64,
    },
}

/// Events of one report.
struct WatchBatch {
    batch: Batch,
    /// A page of the list that the watch brings first, by its number.
    page: Option<u32>,
    changes: usize,
    unreadable: u32,
    bytes: u64,
    news: WatchNews,
}

/// Lists and watches nodes or pods until the task is dropped; a 404 is retried too.
pub(crate) async fn run(shared: Arc<TaskContext>, resource: Resource, seed: u64) {
    follow(shared, ListSource::all(resource, &resource.list_path()), seed).await;
}

/// Lists and watches the pods of one namespace, by its index (F23).
pub(crate) async fn run_in(shared: Arc<TaskContext>, index: u16, seed: u64) {
    let Some(namespace) = shared.tuning.namespaces.get(usize::from(index)) else { return };
    let source = ListSource::pods_in(namespace, index);
    follow(shared, source, seed).await;
}

/// Lists and watches one resource; ends when an optional one is not there (404), or when it is no longer needed.
pub(super) async fn follow(shared: Arc<TaskContext>, source: ListSource, seed: u64) {
    let resource = source.resource;
    let mut session = shared.session.subscribe();
    let mut refresh = shared.refreshes();
    let mut resumed = shared.resumes();
    let mut wake = shared.wake.subscribe();
    let mut task = ReflectorTask::new(shared, source, seed);
    task.feed(ReflectorInput::Start).await;
    loop {
        let due = task.machine.due().map(|due| task.shared.clock.instant(due));
        let quiet = task.received_due();
        let input = tokio::select! {
            biased;
            changed = refresh.changed() => if changed.is_ok() { ReflectorInput::Refresh } else { return },
            changed = resumed.changed() => if changed.is_ok() { ReflectorInput::Resumed } else { return },
            changed = session.changed() => if changed.is_ok() { ReflectorInput::Renewed } else { return },
            changed = wake.changed() => if changed.is_ok() {
                let silence = *wake.borrow_and_update();
                ReflectorInput::Answered { silence, hangs: task.in_flight.hangs(silence) }
            } else {
                return;
            },
            Some(done) = task.pages.join_next() => match unless_panicked(done).map(|done| task.page_done(done)) {
                None => return,
                Some(ReflectorInput::PageFailed(error)) if error.code == Some(404) && resource.is_optional() => return,
                Some(input) => input,
            },
            Some(done) = task.watches.join_next() => {
                if unless_panicked(done).is_none() {
                    return;
                }
                continue;
            }
            Some(report) = task.reports.recv() => match task.report(report).await {
                Some(input) => input,
                None => continue,
            },
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => ReflectorInput::Timer,
            () = sleep_until(quiet.unwrap_or_else(Instant::now)), if quiet.is_some() => {
                task.report_received().await;
                continue;
            }
        };
        if matches!(
            input,
            ReflectorInput::Refresh
                | ReflectorInput::Resumed
                | ReflectorInput::Renewed
                | ReflectorInput::Answered { .. }
        ) {
            task.shared.queue.open();
        }
        task.feed(input).await;
    }
}

struct ReflectorTask {
    shared: Arc<TaskContext>,
    source: ListSource,
    machine: Reflector,
    pages: JoinSet<PageDone>,
    watches: JoinSet<()>,
    reports: mpsc::Receiver<WatchReport>,
    /// The page in flight.
    in_flight: PageInFlight,
    /// One buffer for all pages of a list.
    buf: Vec<u8>,
    /// Page that the state machine is about to publish.
    batch: Option<Batch>,
    /// Progress of the current list.
    progress: Progress,
    /// Objects of the current list, and of the page that the machine is about to publish.
    objects: u32,
    page_objects: u32,
    watch_generation: u32,
    /// Serial of the session of the last answer.
    serial: u64,
    /// Set if an event could be read since the last report; and the bytes since then.
    received: bool,
    received_bytes: u64,
    received_at: Option<Instant>,
    /// Limits as last sent.
    limits: Option<PageLimits>,
}

impl ReflectorTask {
    fn new(shared: Arc<TaskContext>, source: ListSource, seed: u64) -> Self {
        let generation = shared.generation(&source).load(Ordering::Relaxed);
        let machine = Reflector::new(source.resource, shared.tuning.clone(), seed).after(generation);
        Self {
            machine: machine.called(source.what.clone()),
            source,
            pages: JoinSet::new(),
            watches: JoinSet::new(),
            reports: mpsc::channel(1).1,
            in_flight: PageInFlight::default(),
            buf: Vec::new(),
            batch: None,
            progress: Progress::default(),
            objects: 0,
            page_objects: 0,
            watch_generation: 0,
            serial: 0,
            received: false,
            received_bytes: 0,
            received_at: None,
            limits: None,
            shared,
        }
    }

    async fn feed(&mut self, input: ReflectorInput) {
        let moment = StepContext {
            now: self.shared.clock.now(),
            page_deadline: self.shared.page_deadline(),
            answering: self.shared.answering.load(Ordering::Relaxed),
            // A failure of an optional API is no evidence against the cluster's other lists.
            watch_list: !self.source.resource.is_optional() && self.shared.watch_list.load(Ordering::Relaxed),
        };
        for effect in self.machine.step(moment, input) {
            self.perform(effect).await;
        }
        self.batch = None;
    }

    async fn perform(&mut self, effect: ReflectorEffect) {
        match effect {
            ReflectorEffect::Fetch(request) => {
                self.report_limits(&request).await;
                self.fetch(request);
            }
            ReflectorEffect::Abandon => {
                self.pages.abort_all();
                self.pages.detach_all();
            }
            ReflectorEffect::Open(request) => self.open(request),
            ReflectorEffect::Close => self.close(),
            ReflectorEffect::Publish(head) => {
                let Some(batch) = self.batch.take() else { return };
                self.objects = self.objects.saturating_add(self.page_objects);
                self.send_event(ClusterEvent::Page { resource: self.source.resource, head, batch }).await;
            }
            // Only the state of an optional API is sent.
            ReflectorEffect::Emit(ClusterEvent::Failed(_)) if self.source.resource.is_optional() => {}
            ReflectorEffect::Emit(event) => {
                match &event {
                    ClusterEvent::ListStarted { generation, .. } => {
                        self.objects = 0;
                        self.progress = Progress::default();
                        self.shared.generation(&self.source).store(*generation, Ordering::Relaxed);
                    }
                    ClusterEvent::ListFinished { .. } => {
                        (self.buf, self.progress) = (Vec::new(), Progress::default());
                        if self.source.resource == Resource::Nodes {
                            self.shared.observe_nodes(self.objects);
                        }
                    }
                    _ => {}
                }
                self.send_event(event).await;
            }
            ReflectorEffect::Renew => self.shared.session.renew(self.serial),
            ReflectorEffect::NoWatchList => self.shared.watch_list.store(false, Ordering::Relaxed),
        }
    }

    fn fetch(&mut self, page: PageRequest) {
        let (shared, source) = (self.shared.clone(), self.source.clone());
        let mut job = PageJob { page, moves: self.in_flight.begin(shared.clock.mono()), serial: 0 };
        let mut buf = std::mem::take(&mut self.buf);
        self.pages.spawn(Box::pin(async move {
            let requested = Instant::now();
            let of_list = job.page.page != PageRequest::VERSION_PROBE;
            if source.index.is_none() {
                let result = fetch(&shared, &source, &mut job, &mut buf).await;
                return PageDone { result, buf, serial: job.serial, queued: Duration::ZERO, of_list };
            }
            let turn = shared.queue.take(Lane::List { first: job.page.page == 1 }).await;
            let queued = requested.elapsed();
            let result = fetch(&shared, &source, &mut job, &mut buf).await;
            turn.end(&result);
            PageDone { result, buf, serial: job.serial, queued, of_list }
        }) as Task<PageDone>);
    }

    async fn send_event(&self, event: ClusterEvent) {
        self.shared.send_event(self.source.address(event)).await;
    }

    fn page_done(&mut self, done: PageDone) -> ReflectorInput {
        self.buf = done.buf;
        self.serial = done.serial;
        self.machine.queued(done.queued);
        match done.result {
            Ok((mut news, batch, objects)) => {
                news.repeats = done.of_list && self.progress.repeats(&batch);
                self.batch = Some(batch);
                self.page_objects = objects;
                ReflectorInput::Page(news)
            }
            Err(error) => ReflectorInput::PageFailed(error),
        }
    }

    fn open(&mut self, request: WatchRequest) {
        self.close();
        let (report, reports) = mpsc::channel(WATCH_AHEAD);
        self.reports = reports;
        self.watch_generation = request.generation;
        let watch = watch::run(self.shared.clone(), self.source.clone(), request, report);
        self.watches.spawn(Box::pin(watch) as Task);
    }

    fn close(&mut self) {
        self.watches.abort_all();
        self.watches.detach_all();
        self.reports.close();
        self.reports = mpsc::channel(1).1;
    }

    async fn report(&mut self, report: WatchReport) -> Option<ReflectorInput> {
        match report {
            WatchReport::Open { serial } => {
                self.serial = serial;
                Some(ReflectorInput::WatchOpen)
            }
            WatchReport::Ended { end, serial } => {
                self.serial = serial;
                Some(ReflectorInput::WatchEnded(end))
            }
            WatchReport::Batch(WatchBatch { batch, page, changes, unreadable, bytes, news }) => {
                let (resource, generation) = (self.source.resource, self.watch_generation);
                if let Some(page) = page {
                    self.objects = self.objects.saturating_add(u32::try_from(changes).unwrap_or(u32::MAX));
                    let remaining = None;
                    let page = ClusterEvent::Page {
                        resource,
                        head: PageHead { generation, page, remaining, bytes, unreadable },
                        batch,
                    };
                    self.send_event(page).await;
                } else if changes > 0 || unreadable > 0 {
                    self.send_event(ClusterEvent::Changes { resource, generation, unreadable, batch }).await;
                }
                self.received_bytes = self.received_bytes.saturating_add(bytes);
                // Unreadable bytes do not count as events.
                self.received |= news.events > 0;
                if self.received_due().is_some_and(|due| due <= Instant::now()) {
                    self.report_received().await;
                }
                Some(ReflectorInput::WatchNews(WatchNews { unreadable, ..news }))
            }
        }
    }

    /// Time when the events of the watch must be reported.
    fn received_due(&self) -> Option<Instant> {
        self.received.then(|| self.received_at.map_or_else(Instant::now, |at| at + REPORT_EVERY))
    }

    /// Sends the limits of the next page if they have changed.
    async fn report_limits(&mut self, page: &PageRequest) {
        if page.page == PageRequest::VERSION_PROBE {
            return;
        }
        let limits = PageLimits {
            resource: self.source.resource,
            page_size: page.limit,
            smaller: page.smaller,
            tier_from: self.shared.tier_from(),
            deadline: page.limits.deadline,
            idle: page.limits.idle,
            cap: page.limits.cap,
            server: Duration::from_secs(page.limits.server_secs),
        };
        if self.limits.replace(limits) != Some(limits) {
            self.shared.send_event(ClusterEvent::Limits(limits)).await;
        }
    }

    async fn report_received(&mut self) {
        self.received_at = Some(Instant::now());
        self.received = false;
        let bytes = std::mem::take(&mut self.received_bytes);
        self.send_event(ClusterEvent::Alive { resource: self.source.resource, bytes }).await;
    }
}

/// Passes a panic in a task on to this loop, which the supervisor restarts as a whole. `None` if the task was cancelled:
/// abandoned tasks are detached first, so the runtime is ending, and this loop with it.
fn unless_panicked<T>(done: Result<T, JoinError>) -> Option<T> {
    match done {
        Ok(done) => Some(done),
        Err(error) => {
            if let Ok(panic) = error.try_into_panic() {
                std::panic::resume_unwind(panic);
            }
            None
        }
    }
}

#[cfg(test)]
mod tests;
