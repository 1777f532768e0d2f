//! The shell around the reflector: does what the state machine asks, reads pages and watch lines, sends what comes of it.
//!
//! Pages and the watch run in tasks of their own, so that a full channel to the model can neither distort a measurement
//! nor make a deadline pass; what they bring waits in a bounded place until the loop has sent what came before.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::classify::Trouble;
use super::reflector::{Effect, Input, Moment, PageAsk, PageNews, Reflector, WatchAsk, WatchEnd, WatchNews};
use super::source::Source;
use super::turns::Lane;
use super::{Shared, Task};
use crate::msg::{Batch, ClusterEvent, PageLimits, Resource};

use asking::Asking;

mod asking;
mod fetch;
pub(super) mod frames;
mod page;
mod progress;
mod uri;
mod values;
mod watch;

use fetch::{PageJob, fetch};
use progress::Progress;

/// At most one [`ClusterEvent::Heard`] in this time.
const HEARD_EVERY: Duration = Duration::from_secs(1);
/// Batches of a watch that may wait for the model.
const WATCH_AHEAD: usize = 4;

/// What a page task brings back.
struct PageDone {
    result: Result<(PageNews, Batch, u32), Trouble>,
    buf: Vec<u8>,
    serial: u64,
    /// How long it waited for its turn among the namespaces.
    queued: Duration,
    /// It is a page of the list, not a look at its version.
    of_list: bool,
}

/// What a watch task reports.
enum WatchReport {
    /// The headers came.
    Open {
        /// Of the session it uses.
        serial: u64,
    },
    /// Some events.
    Batch(WatchBatch),
    /// It is over; the last report.
    Ended {
        /// How.
        end: WatchEnd,
        /// Of the session it used.
        serial: u64,
    },
}

/// Events that came together.
struct WatchBatch {
    batch: Batch,
    /// A page of the list that the watch brings first, by its number.
    page: Option<u32>,
    changes: usize,
    unreadable: u32,
    bytes: u64,
    news: WatchNews,
}

/// Lists and watches nodes or pods until the task is dropped: a server without them is one in trouble.
pub(crate) async fn run(shared: Arc<Shared>, resource: Resource, seed: u64) {
    let path = format!("/api/v1/{}", resource.name());
    follow(shared, Source::all(resource, &path), seed).await;
}

/// Lists and watches the pods of one namespace, by its place (F23).
pub(crate) async fn run_in(shared: Arc<Shared>, place: u16, seed: u64) {
    let Some(namespace) = shared.tuning.namespaces.get(usize::from(place)) else { return };
    let source = Source::pods_in(namespace, place);
    follow(shared, source, seed).await;
}

/// Lists and watches one resource; ends when an optional one is not there (404), or when nobody wants anything any more.
pub(super) async fn follow(shared: Arc<Shared>, source: Source, seed: u64) {
    let resource = source.resource;
    let mut session = shared.session.subscribe();
    let mut refresh = shared.refreshes();
    let mut resumed = shared.resumes();
    let mut wake = shared.wake.subscribe();
    let mut shell = Shell::new(shared, source, seed);
    shell.feed(Input::Start).await;
    loop {
        let due = shell.machine.due().map(|due| shell.shared.clock.instant(due));
        let quiet = shell.heard_due();
        let input = tokio::select! {
            biased;
            changed = refresh.changed() => if changed.is_ok() { Input::Refresh } else { return },
            changed = resumed.changed() => if changed.is_ok() { Input::Resumed } else { return },
            changed = session.changed() => if changed.is_ok() { Input::Renewed } else { return },
            changed = wake.changed() => if changed.is_ok() {
                let silence = *wake.borrow_and_update();
                Input::Answered { silence, hangs: shell.asking.hangs(silence) }
            } else {
                return;
            },
            Some(done) = shell.pages.join_next() => match unless_panicked(done).map(|done| shell.page_done(done)) {
                None => return,
                Some(Input::PageFailed(trouble)) if trouble.code == Some(404) && resource.is_optional() => return,
                Some(input) => input,
            },
            Some(done) = shell.watches.join_next() => {
                if unless_panicked(done).is_none() {
                    return;
                }
                continue;
            }
            Some(report) = shell.reports.recv() => match shell.report(report).await {
                Some(input) => input,
                None => continue,
            },
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => Input::Timer,
            () = sleep_until(quiet.unwrap_or_else(Instant::now)), if quiet.is_some() => {
                shell.tell_heard().await;
                continue;
            }
        };
        if matches!(input, Input::Refresh | Input::Resumed | Input::Renewed | Input::Answered { .. }) {
            shell.shared.turns.open();
        }
        shell.feed(input).await;
    }
}

struct Shell {
    shared: Arc<Shared>,
    source: Source,
    machine: Reflector,
    pages: JoinSet<PageDone>,
    watches: JoinSet<()>,
    reports: mpsc::Receiver<WatchReport>,
    /// The page in flight.
    asking: Asking,
    /// One buffer for all pages of a list.
    buf: Vec<u8>,
    /// The page that the machine is about to publish.
    batch: Option<Batch>,
    /// Of the current list.
    progress: Progress,
    /// Objects of the current list, and of the page that the machine is about to publish.
    objects: u32,
    page_objects: u32,
    watch_generation: u32,
    /// The session that the last answer came from.
    serial: u64,
    /// An event could be read since that was last told, and so many bytes came.
    heard: bool,
    heard_bytes: u64,
    heard_at: Option<Instant>,
    /// As last told.
    limits: Option<PageLimits>,
}

impl Shell {
    fn new(shared: Arc<Shared>, source: Source, seed: u64) -> Self {
        let generation = shared.generation(&source).load(Ordering::Relaxed);
        let machine = Reflector::new(source.resource, shared.tuning.clone(), seed).after(generation);
        Self {
            machine: machine.called(source.what.clone()),
            source,
            pages: JoinSet::new(),
            watches: JoinSet::new(),
            reports: mpsc::channel(1).1,
            asking: Asking::default(),
            buf: Vec::new(),
            batch: None,
            progress: Progress::default(),
            objects: 0,
            page_objects: 0,
            watch_generation: 0,
            serial: 0,
            heard: false,
            heard_bytes: 0,
            heard_at: None,
            limits: None,
            shared,
        }
    }

    async fn feed(&mut self, input: Input) {
        let moment = Moment {
            now: self.shared.clock.now(),
            page_deadline: self.shared.page_deadline(),
            answering: self.shared.answering.load(Ordering::Relaxed),
            // A failure of what a cluster need not have says nothing about its lists.
            watch_list: !self.source.resource.is_optional() && self.shared.watch_list.load(Ordering::Relaxed),
        };
        for effect in self.machine.step(moment, input) {
            self.perform(effect).await;
        }
        self.batch = None;
    }

    async fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Fetch(ask) => {
                self.tell_limits(&ask).await;
                self.fetch(ask);
            }
            Effect::Abandon => {
                self.pages.abort_all();
                self.pages.detach_all();
            }
            Effect::Open(ask) => self.open(ask),
            Effect::Close => self.close(),
            Effect::Publish(page) => {
                let Some(batch) = self.batch.take() else { return };
                self.objects = self.objects.saturating_add(self.page_objects);
                let resource = self.source.resource;
                self.tell(ClusterEvent::Page {
                    resource,
                    generation: page.generation,
                    page: page.page,
                    remaining: page.remaining,
                    bytes: page.bytes,
                    unreadable: page.unreadable,
                    batch,
                })
                .await;
            }
            // Of what a cluster need not have only the state is told.
            Effect::Tell(ClusterEvent::Failed(_)) if self.source.resource.is_optional() => {}
            Effect::Tell(event) => {
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
                self.tell(event).await;
            }
            Effect::Renew => self.shared.session.renew(self.serial),
            Effect::NoWatchList => self.shared.watch_list.store(false, Ordering::Relaxed),
        }
    }

    fn fetch(&mut self, page: PageAsk) {
        let (shared, source) = (self.shared.clone(), self.source.clone());
        let mut job = PageJob { page, moves: self.asking.begin(shared.clock.mono()), serial: 0 };
        let mut buf = std::mem::take(&mut self.buf);
        self.pages.spawn(Box::pin(async move {
            let asked = Instant::now();
            let of_list = job.page.page != PageAsk::LOOK;
            if source.place.is_none() {
                let result = fetch(&shared, &source, &mut job, &mut buf).await;
                return PageDone { result, buf, serial: job.serial, queued: Duration::ZERO, of_list };
            }
            let turn = shared.turns.take(Lane::List { first: job.page.page == 1 }).await;
            let queued = asked.elapsed();
            let result = fetch(&shared, &source, &mut job, &mut buf).await;
            turn.end(&result);
            PageDone { result, buf, serial: job.serial, queued, of_list }
        }) as Task<PageDone>);
    }

    async fn tell(&self, event: ClusterEvent) {
        self.shared.tell(self.source.address(event)).await;
    }

    fn page_done(&mut self, done: PageDone) -> Input {
        self.buf = done.buf;
        self.serial = done.serial;
        self.machine.queued(done.queued);
        match done.result {
            Ok((mut news, batch, objects)) => {
                news.repeats = done.of_list && self.progress.repeats(&batch);
                self.batch = Some(batch);
                self.page_objects = objects;
                Input::Page(news)
            }
            Err(trouble) => Input::PageFailed(trouble),
        }
    }

    fn open(&mut self, ask: WatchAsk) {
        self.close();
        let (report, reports) = mpsc::channel(WATCH_AHEAD);
        self.reports = reports;
        self.watch_generation = ask.generation;
        let watch = watch::run(self.shared.clone(), self.source.clone(), ask, report);
        self.watches.spawn(Box::pin(watch) as Task);
    }

    fn close(&mut self) {
        self.watches.abort_all();
        self.watches.detach_all();
        self.reports.close();
        self.reports = mpsc::channel(1).1;
    }

    async fn report(&mut self, report: WatchReport) -> Option<Input> {
        match report {
            WatchReport::Open { serial } => {
                self.serial = serial;
                Some(Input::WatchOpen)
            }
            WatchReport::Ended { end, serial } => {
                self.serial = serial;
                Some(Input::WatchEnded(end))
            }
            WatchReport::Batch(WatchBatch { batch, page, changes, unreadable, bytes, news }) => {
                let (resource, generation) = (self.source.resource, self.watch_generation);
                if let Some(page) = page {
                    self.objects = self.objects.saturating_add(u32::try_from(changes).unwrap_or(u32::MAX));
                    let remaining = None;
                    let page = ClusterEvent::Page { resource, generation, page, remaining, bytes, unreadable, batch };
                    self.tell(page).await;
                } else if changes > 0 || unreadable > 0 {
                    self.tell(ClusterEvent::Changes { resource, generation, unreadable, batch }).await;
                }
                self.heard_bytes = self.heard_bytes.saturating_add(bytes);
                // Bytes that nobody can read are no news.
                self.heard |= news.events > 0;
                if self.heard_due().is_some_and(|due| due <= Instant::now()) {
                    self.tell_heard().await;
                }
                Some(Input::WatchNews(WatchNews { unreadable, ..news }))
            }
        }
    }

    /// When the events that came on the watch must be told.
    fn heard_due(&self) -> Option<Instant> {
        self.heard.then(|| self.heard_at.map_or_else(Instant::now, |at| at + HEARD_EVERY))
    }

    /// Tells what the next page may take, if that is another than before.
    async fn tell_limits(&mut self, page: &PageAsk) {
        if page.page == PageAsk::LOOK {
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
            self.shared.tell(ClusterEvent::Limits(limits)).await;
        }
    }

    async fn tell_heard(&mut self) {
        self.heard_at = Some(Instant::now());
        self.heard = false;
        let bytes = std::mem::take(&mut self.heard_bytes);
        self.tell(ClusterEvent::Heard { resource: self.source.resource, bytes }).await;
    }
}

/// A panic in a task of this loop is a panic of this loop: the supervisor starts it again as a whole. `None` if the task was
/// cancelled: what this loop gives up it detaches before, so the runtime ends, and this loop with it.
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
