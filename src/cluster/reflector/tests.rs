//! Table tests of the state machine, named after behaviours; they mirror client-go's tests of its reflector, retry watcher
//! and pager (docs/list-watch.md) as far as those concern the loop of one resource.

use jiff::Timestamp;

use super::*;
use crate::facts::wire::StatusFacts;

mod lists;
mod rights;
mod silence;
mod stream;
mod watches;

/// A state machine, its clock, and its requests, one line each.
struct Bench {
    machine: Reflector,
    now: Duration,
    page_deadline: Duration,
    answering: bool,
    watch_list: bool,
    log: Vec<String>,
}

impl Bench {
    fn new() -> Self {
        Self::with(Tuning::default())
    }

    fn with(tuning: Tuning) -> Self {
        let mut bench = Self::idle(tuning);
        bench.step(ReflectorInput::Start);
        bench
    }

    fn idle(tuning: Tuning) -> Self {
        let machine = Reflector::new(Resource::Pods, Arc::new(tuning), 3);
        let (now, page_deadline) = (Duration::from_secs(1000), Duration::from_secs(30));
        Self { machine, now, page_deadline, answering: true, watch_list: false, log: Vec::new() }
    }

    fn moment(&self) -> StepContext {
        StepContext {
            now: Now { mono: Mono(self.now), wall: Timestamp::UNIX_EPOCH },
            page_deadline: self.page_deadline,
            answering: self.answering,
            watch_list: self.watch_list,
        }
    }

    fn step(&mut self, input: ReflectorInput) {
        for effect in self.machine.step(self.moment(), input) {
            // As the I/O loop does.
            self.watch_list &= effect != ReflectorEffect::NoWatchList;
            self.log.push(line(&effect));
        }
    }

    /// Lets time pass to the next timer; returns how long that took.
    fn timer(&mut self) -> Duration {
        let due = self.machine.due().expect("something is due").0;
        let wait = due.saturating_sub(self.now);
        self.now = self.now.max(due);
        self.step(ReflectorInput::Timer);
        wait
    }

    fn after(&mut self, secs: u64, input: ReflectorInput) {
        self.now += Duration::from_secs(secs);
        self.step(input);
    }

    fn page(&mut self, version: &str, token: &str) {
        self.step(ReflectorInput::Page(PageNews {
            version: version.into(),
            token: token.into(),
            ..PageNews::default()
        }));
    }

    fn events(&mut self, version: &str, events: u32) {
        self.step(ReflectorInput::WatchNews(WatchNews {
            events,
            version: Some(version.into()),
            ..WatchNews::default()
        }));
    }

    /// Lets the watch be open until its version is proven.
    fn settle(&mut self) {
        self.now += self.machine.tuning.watch_accepted;
        self.step(ReflectorInput::Timer);
    }

    /// Effects since the last call.
    fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }

    /// The same without events for the model.
    fn requests(&mut self) -> Vec<String> {
        self.take().into_iter().filter(|line| !line.starts_with("told")).collect()
    }

    /// A complete list and an open watch at version 10.
    fn watching() -> Self {
        let mut bench = Self::new();
        bench.page("10", "");
        bench.step(ReflectorInput::WatchOpen);
        bench.take();
        bench
    }
}

fn line(effect: &ReflectorEffect) -> String {
    match effect {
        ReflectorEffect::Fetch(request) => {
            let token = request.token.as_deref().map(|token| format!(" {token}")).unwrap_or_default();
            let secs = request.limits.deadline.as_secs();
            format!("page {}{token} limit {} attempt {} within {secs}", request.page, request.limit, request.attempt)
        }
        ReflectorEffect::Open(WatchRequest { initial: true, generation, .. }) => {
            format!("watch with list {generation}")
        }
        ReflectorEffect::NoWatchList => "no more lists as watches".to_owned(),
        ReflectorEffect::Open(request) => format!("watch {} of list {}", request.version, request.generation),
        ReflectorEffect::Close => "close".to_owned(),
        ReflectorEffect::Abandon => "abandon".to_owned(),
        ReflectorEffect::Publish(page) => format!("publish {} of list {}", page.page, page.generation),
        ReflectorEffect::Renew => "renew".to_owned(),
        ReflectorEffect::Emit(ClusterEvent::ListStarted { generation, .. }) => {
            format!("told list {generation} started")
        }
        ReflectorEffect::Emit(ClusterEvent::ListFinished { generation, .. }) => {
            format!("told list {generation} finished")
        }
        ReflectorEffect::Emit(ClusterEvent::Failed(failure)) => format!("told failed {:?}", failure.layer),
        ReflectorEffect::Emit(ClusterEvent::Sync { state, .. }) => match state {
            SyncState::Waiting { failure, .. } => format!("told waiting {:?}", failure.layer),
            SyncState::Denied { .. } => "told denied".to_owned(),
            SyncState::Polling { .. } => "told polling".to_owned(),
            state => format!("told {state:?}"),
        },
        ReflectorEffect::Emit(other) => format!("told {other:?}"),
    }
}

fn status(code: u16, layer: Layer) -> RequestError {
    let status = StatusFacts { code, ..StatusFacts::default() };
    RequestError { code: Some(code), status: Some(Box::new(status)), ..RequestError::new(layer, "said the server") }
}

fn gone() -> RequestError {
    status(410, Layer::Watch)
}

fn gone_with(token: &str) -> RequestError {
    let mut error = gone();
    error.status.as_mut().unwrap().continue_token = token.into();
    error
}

fn timeout() -> RequestError {
    RequestError::timed_out(Layer::FirstByte, "no answer within 30 s")
}

fn refused() -> RequestError {
    RequestError::new(Layer::Connect, "refused")
}
