//! The tasks of one cluster: a tree that owns every socket and every clock of that cluster.
//!
//! [`run`] supervises it. One task keeps the credentials and the clients ([`session`]), one loop per resource lists and
//! watches (the pure [`reflector`] and its I/O in [`stream`]), two probe on fixed ticks ([`probe`]), one forwards the
//! events of the [`meter`]. They send [`Msg`]s into one bounded channel and wait only for it and for the network. The
//! tasks of one cluster never touch another's (G5).

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use crate::clock::Clock;
use crate::facts::text::Clean;
use crate::msg::detail::WatchDetail;
use crate::msg::{ClusterEvent, ClusterId, Mono, Msg, ProbeSeries, Query, QueryKind, Resource};

mod bom;
mod call;
pub mod check;
mod classify;
mod connect;
mod connect_failure;
mod deadline;
mod detail;
mod exchange;
mod exec;
mod guard;
mod idn;
mod inflate;
pub mod kubeconfig;
mod list_source;
mod meter;
mod optional;
mod probe;
mod proxy;
mod query;
mod reflector;
mod request_queue;
mod session;
mod silence;
mod sleep;
mod stream;
mod tuning;
mod usage;
mod warnings;
mod yaml;

use crate::cluster::list_source::ListSource;
use crate::cluster::query::QueryQueues;
use crate::cluster::request_queue::RequestQueue;
use crate::cluster::sleep::SleepDetector;
use classify::one_line;
use deadline::{Backoff, SizeTier};
use kubeconfig::ContextTarget;
use meter::MeterSink;
use session::{ClientFactory, Session, SessionRequests};
use silence::Wake;
pub use tuning::{Between, LeaseWatch, Optional, Tier, Tiers, Tuning};
use warnings::Warnings;

/// Run time of a task after which a panic no longer lengthens the delay of its restart.
const STEADY: Duration = Duration::from_secs(120);

/// Channels between a cluster's tasks and the rest of the program.
pub struct TaskLink {
    /// Id of the cluster.
    pub id: ClusterId,
    /// Channel for its messages; when it is closed the tasks end.
    pub out: mpsc::Sender<Msg>,
    /// Commands of the user.
    pub commands: mpsc::Receiver<ClusterCommand>,
    /// The object whose detail is shown; only the latest value counts.
    pub inspect: watch::Receiver<Option<WatchDetail>>,
    /// The clock that all clusters share.
    pub clock: Clock,
}

/// Command of the user for a cluster.
#[derive(Debug)]
pub enum ClusterCommand {
    /// Retry all waiting requests now; list complete resources again.
    Refresh,
    /// Stop all lists and watches: there are more objects than the memory limit allows. Probes continue.
    Unfollow,
    /// The machine or the program slept: connections are dead and the data is old (F67). The tasks detect a sleep of
    /// the machine themselves.
    Resumed,
    /// Make a request once.
    Query(Box<Query>),
    /// Get new credentials from a plugin that has the terminal while the screen is suspended (F61). The channel gets the
    /// outcome: `Ok`, or the reason why there are none.
    LogIn(oneshot::Sender<Result<(), Clean>>),
}

/// State that the tasks of one cluster share.
pub(crate) struct TaskContext {
    id: ClusterId,
    out: mpsc::Sender<Msg>,
    clock: Clock,
    epoch: (Instant, Mono),
    tuning: Arc<Tuning>,
    sink: MeterSink,
    session: Session,
    inspect: watch::Receiver<Option<WatchDetail>>,
    refresh: watch::Receiver<u64>,
    resumed: watch::Receiver<u64>,
    /// Set while the last ping was answered.
    answering: AtomicBool,
    /// Set while lists may come as watches: configured, and none has failed yet.
    watch_list: AtomicBool,
    warnings: Warnings,
    reconnected: Notify,
    /// Notifies that the server answers its probe again.
    wake: Wake,
    tier: Mutex<SizeTier>,
    /// Number of nodes in the last complete list.
    nodes: watch::Sender<Option<u32>>,
    /// Generation of the last list of each resource: it grows even when the loop restarts.
    generations: [AtomicU32; Resource::ALL.len()],
    /// The same for the pods of each separately watched namespace.
    namespaces: Vec<AtomicU32>,
    /// Queue of the requests of these namespaces.
    queue: RequestQueue,
    queries: QueryQueues,
}

impl TaskContext {
    /// Sends an event once the channel has room; a closed channel means that the cluster is about to end.
    async fn send_event(&self, event: ClusterEvent) {
        let _ = self.out.send(Msg::Cluster(self.id, event)).await;
    }

    fn page_deadline(&self) -> Duration {
        self.tier.lock().unwrap_or_else(PoisonError::into_inner).page_deadline()
    }

    fn tier_from(&self) -> Option<u32> {
        self.tier.lock().unwrap_or_else(PoisonError::into_inner).from()
    }

    fn observe_nodes(&self, nodes: u32) {
        self.tier.lock().unwrap_or_else(PoisonError::into_inner).observe(nodes);
        self.nodes.send_replace(Some(nodes));
    }

    /// Generation of the last list of this source.
    fn generation(&self, source: &ListSource) -> &AtomicU32 {
        let namespace = source.index.and_then(|index| self.namespaces.get(usize::from(index)));
        namespace.unwrap_or(&self.generations[source.resource as usize])
    }

    /// Refreshes of the user from now on.
    fn refreshes(&self) -> watch::Receiver<u64> {
        let mut refresh = self.refresh.clone();
        refresh.mark_unchanged();
        refresh
    }

    /// Sleeps that end from now on.
    fn resumes(&self) -> watch::Receiver<u64> {
        let mut resumed = self.resumed.clone();
        resumed.mark_unchanged();
        resumed
    }

    /// Converts an instant of tokio's clock to the program's.
    fn mono_of(&self, at: Instant) -> Mono {
        let (instant, mono) = self.epoch;
        mono + at.saturating_duration_since(instant)
    }
}

/// Future of a task. One type serves all of them: separate types would be compiled twice each, once for each kind of
/// runtime.
pub type Task<T = ()> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Runs the tasks of one cluster; returns when `link.out` is closed, and everything ends when the future is dropped.
#[must_use]
pub fn run(target: ContextTarget, tuning: Tuning, link: TaskLink) -> Task {
    let url = Clean::new(target.server().unwrap_or_default());
    let server = ClusterEvent::Server { url, insecure: target.is_insecure() };
    Box::pin(supervise(target, server, tuning, link))
}

/// The tasks of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum ClusterTask {
    Session,
    Meter,
    Reflector(Resource),
    /// Pods of one namespace, by its index.
    Namespace(u16),
    Probe(ProbeSeries),
    Version,
    Inspector,
    Usage,
    Optional(Resource),
    Query(QueryKind),
}

impl ClusterTask {
    /// Tasks of every cluster besides its lists of pods and of optional resources.
    const ALWAYS: [Self; 8] = [
        Self::Meter,
        Self::Session,
        Self::Reflector(Resource::Nodes),
        Self::Probe(ProbeSeries::Ping),
        Self::Probe(ProbeSeries::Work),
        Self::Version,
        Self::Inspector,
        Self::Usage,
    ];

    /// All tasks of a cluster.
    fn all(tuning: &Tuning) -> Vec<Self> {
        let optional = Resource::OPTIONAL.map(Self::Optional);
        let queries = QueryKind::ALL.map(Self::Query);
        Self::ALWAYS.into_iter().chain(optional).chain(queries).chain(Self::pods(tuning)).collect()
    }

    /// The lists of pods: one, or one for each namespace.
    fn pods(tuning: &Tuning) -> Vec<Self> {
        match u16::try_from(tuning.namespaces.len()).unwrap_or(u16::MAX) {
            0 => vec![Self::Reflector(Resource::Pods)],
            namespaces => (0..namespaces).map(Self::Namespace).collect(),
        }
    }

    /// `true` if it lists and watches objects.
    fn follows(self) -> bool {
        matches!(self, Self::Reflector(_) | Self::Namespace(_) | Self::Optional(_))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Session => "credentials",
            Self::Meter => "meter",
            Self::Reflector(resource) | Self::Optional(resource) => resource.name(),
            Self::Namespace(_) => Resource::Pods.name(),
            Self::Probe(ProbeSeries::Ping) => "ping",
            Self::Probe(ProbeSeries::Work) => "API probe",
            Self::Version => "version",
            Self::Inspector => "opened object",
            Self::Usage => "usage",
            Self::Query(kind) => kind.call_name(),
        }
    }
}

async fn supervise<B: ClientFactory>(factory: B, server: ClusterEvent, tuning: Tuning, link: TaskLink) {
    let TaskLink { id, out, mut commands, inspect, clock } = link;
    let closed = out.clone();
    let (refresh, refreshes) = watch::channel(0);
    let (awake, resumes) = watch::channel(0);
    let (session, requests) = Session::new();
    let tuning = Arc::new(tuning);
    let shared = Arc::new(TaskContext {
        id,
        out,
        clock,
        epoch: (Instant::now(), clock.mono()),
        sink: MeterSink::new(clock),
        session,
        inspect,
        refresh: refreshes,
        resumed: resumes,
        answering: AtomicBool::new(false),
        watch_list: AtomicBool::new(tuning.watch_list),
        warnings: Warnings::default(),
        reconnected: Notify::new(),
        wake: Wake::default(),
        tier: Mutex::new(SizeTier::new(tuning.tiers.clone())),
        nodes: watch::channel(None).0,
        generations: Default::default(),
        namespaces: tuning.namespaces.iter().map(|_| AtomicU32::default()).collect(),
        queue: RequestQueue::new(&tuning),
        queries: QueryQueues::new(),
        tuning,
    });
    let work = async {
        shared.send_event(server).await;
        let session_source = Arc::new(tokio::sync::Mutex::new((factory, requests)));
        let mut tree = Tree::new(shared.clone(), session_source);
        let mut sleep_detector = SleepDetector::new(clock.now());
        let mut sleep_check = interval(SleepDetector::PERIOD);
        sleep_check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                Some(command) = commands.recv() => match command {
                    ClusterCommand::Refresh => refresh.send_modify(|count| *count += 1),
                    ClusterCommand::Unfollow => tree.unfollow(),
                    ClusterCommand::Query(query) => shared.queries.push(*query),
                    ClusterCommand::Resumed => awake.send_modify(|count| *count += 1),
                    ClusterCommand::LogIn(answer) => shared.session.log_in(answer),
                },
                _ = sleep_check.tick() => if sleep_detector.slept(clock.now()) {
                    awake.send_modify(|count| *count += 1);
                },
                Some(ended) = tree.tasks.join_next_with_id() => tree.restart(ended).await,
            }
        }
    };
    tokio::select! {
        () = closed.closed() => {}
        () = work => {}
    }
}

/// The running tasks. Dropping it ends them all.
struct Tree<B> {
    shared: Arc<TaskContext>,
    session_source: Arc<tokio::sync::Mutex<(B, SessionRequests)>>,
    tasks: JoinSet<()>,
    parts: HashMap<Id, (ClusterTask, AbortHandle)>,
    /// Set while objects are listed and watched.
    follows: bool,
    restarts: HashMap<ClusterTask, (Backoff, Instant)>,
    rng: fastrand::Rng,
}

impl<B: ClientFactory> Tree<B> {
    fn new(shared: Arc<TaskContext>, session_source: Arc<tokio::sync::Mutex<(B, SessionRequests)>>) -> Self {
        let rng = shared.tuning.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        let (tasks, parts, restarts) = (JoinSet::new(), HashMap::new(), HashMap::new());
        let mut tree = Self { shared, session_source, tasks, parts, follows: true, restarts, rng };
        for part in ClusterTask::all(&tree.shared.tuning) {
            tree.start(part, Duration::ZERO);
        }
        tree
    }

    fn start(&mut self, part: ClusterTask, delay: Duration) {
        let (shared, session_source, seed) = (self.shared.clone(), self.session_source.clone(), self.rng.u64(..));
        let work: Task = match part {
            ClusterTask::Session => Box::pin(async move {
                let mut session_source = session_source.lock().await;
                let (factory, requests) = &mut *session_source;
                session::run(&shared, factory, requests, seed).await;
            }),
            ClusterTask::Meter => Box::pin(async move { shared.sink.forward(shared.id, &shared.out).await }),
            ClusterTask::Reflector(resource) => Box::pin(stream::run(shared, resource, seed)),
            ClusterTask::Namespace(index) => Box::pin(stream::run_in(shared, index, seed)),
            ClusterTask::Probe(series) => Box::pin(probe::run(shared, series)),
            ClusterTask::Version => Box::pin(probe::versions(shared)),
            ClusterTask::Inspector => Box::pin(crate::cluster::detail::run(shared, seed)),
            ClusterTask::Usage => Box::pin(usage::run(shared, seed)),
            ClusterTask::Optional(resource) => Box::pin(optional::run(shared, resource, seed)),
            ClusterTask::Query(kind) => Box::pin(query::run(shared, kind)),
        };
        let task = self.tasks.spawn(Box::pin(async move {
            sleep(delay).await;
            work.await;
        }) as Task);
        self.parts.insert(task.id(), (part, task));
    }

    /// Ends the lists and watches, and their connections with them.
    fn unfollow(&mut self) {
        self.follows = false;
        self.parts.values().filter(|(part, _)| part.follows()).for_each(|(_, task)| task.abort());
    }

    /// Restarts a task after a backoff. No task should end.
    async fn restart(&mut self, ended: Result<(Id, ()), JoinError>) {
        let (id, text) = match ended {
            Ok((id, ())) => (id, "ended".to_owned()),
            Err(error) => (error.id(), panic_text(error)),
        };
        let Some((part, _)) = self.parts.remove(&id) else { return };
        if self.shared.out.is_closed() || (part.follows() && !self.follows) {
            return;
        }
        let now = Instant::now();
        let fresh = || (Backoff::new(&self.shared.tuning), now);
        let (backoff, last) = self.restarts.entry(part).or_insert_with(fresh);
        if now - *last > STEADY {
            backoff.reset();
        }
        *last = now;
        let delay = backoff.next(self.rng.f64());
        self.start(part, delay);
        let text = one_line(&format!("{}: {text}", part.name()));
        self.shared.send_event(ClusterEvent::TaskRestarted { text }).await;
    }
}

fn panic_text(error: JoinError) -> String {
    match error.try_into_panic() {
        Ok(panic) => {
            let said = panic
                .downcast_ref::<&str>()
                .map(|s| (*s).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned());
            format!("panicked: {}", said.unwrap_or_else(|| "without a message".to_owned()))
        }
        Err(_) => "cancelled".to_owned(),
    }
}

#[cfg(test)]
mod tests;
