//! The tasks of one cluster with deadlines of tenths of a second, against the simulation over TCP, and a model that follows
//! them. A healthy cluster is watched beside it in the same program.
//!
//! As in the program the clusters have a runtime of their own and one bounded channel, and the model's side takes keys while
//! they suffer. `rules` has what every fault must keep (G1 to G8), `watchbell::testing::oracle` the truth.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use watchbell::clock::Clock;
use watchbell::cluster::kubeconfig::{self, ContextTarget, Selection, Sources};
use watchbell::cluster::{self, Between, ClusterCommand, TaskLink, Tier, Tiers, Tuning};
use watchbell::model::app::Model;
use watchbell::model::settings::{ClusterSpec, Settings};
use watchbell::model::store::scope::Scope;
use watchbell::msg::{
    Attempt, CallEvent, CallKind, ClusterEvent, ClusterId, Failure, Layer, Mono, Msg, ProbeOutcome, ProbeSample,
    Resource, SyncState,
};
use watchbell::report;
use watchbell::testing::oracle::{Objects, held, truth};

use super::{PATIENCE, Served};

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The shipped proportions, about twenty times as fast; pages of eight.
pub(crate) fn quick() -> Tuning {
    Tuning {
        connect_deadline: ms(300),
        tiers: Tiers { steps: vec![Tier { nodes: 0, deadline: ms(1_000) }], unknown: ms(1_000), hysteresis_pct: 10 },
        page_cap: ms(3_000),
        idle: Between::new(ms(400), ms(500)),
        page_sizes: vec![8, 4, 2, 1],
        page_retries: vec![ms(30), ms(60), ms(120)],
        page_budget: ms(8_000),
        backoff_first: ms(40),
        backoff_cap: ms(300),
        retry_after_cap: ms(500),
        rejected_delay: ms(600),
        denied_period: ms(500),
        denied_grace: Duration::ZERO,
        poll_period: Between::new(ms(150), ms(250)),
        watch_headers: ms(1_000),
        watch_spacing: ms(50),
        watch_short: ms(20),
        watch_accepted: ms(40),
        watch_silence: ms(2_500),
        probe_period: ms(500),
        probe_deadline: ms(500),
        probe_throttled: ms(1_000),
        seed: Some(11),
        ..Tuning::default()
    }
}

/// The healthy cluster waits as patiently as it is shipped, so that a busy machine is no failure of its; probes are asked
/// for often enough that some of them come while the other one suffers.
fn beside() -> Tuning {
    Tuning { probe_period: ms(250), seed: Some(12), ..Tuning::default() }
}

/// The events of one cluster.
#[derive(Default)]
pub(super) struct Reported {
    pub(super) failures: Vec<Failure>,
    pub(super) attempts: Vec<Attempt>,
    pub(super) states: Vec<(Resource, SyncState)>,
    pub(super) samples: Vec<ProbeSample>,
    /// Tasks that panicked or ended.
    pub(super) restarts: Vec<String>,
    pub(super) finished: usize,
}

impl Reported {
    fn note(&mut self, event: &ClusterEvent) {
        match event {
            ClusterEvent::Failed(failure) => self.failures.push((**failure).clone()),
            ClusterEvent::Call(CallEvent::Finished(attempt)) => self.attempts.push((**attempt).clone()),
            ClusterEvent::Sync { resource, state } => self.states.push((*resource, state.clone())),
            ClusterEvent::Probe(sample) => self.samples.push(*sample),
            ClusterEvent::TaskRestarted { text } => self.restarts.push(text.to_string()),
            ClusterEvent::ListFinished { resource: Resource::Nodes | Resource::Pods, .. } => self.finished += 1,
            _ => {}
        }
    }

    /// Both watches are open.
    pub(super) fn watches(&self) -> bool {
        let last = |of| self.states.iter().rev().find(|(resource, _)| *resource == of).map(|(_, state)| state.clone());
        Resource::CORE.into_iter().all(|resource| last(resource) == Some(SyncState::Watching))
    }
}

/// The tasks of two clusters, one of which suffers, and a model that follows them.
pub(crate) struct Rig {
    pub(crate) served: Served,
    pub(crate) model: Model,
    pub(crate) tuning: Tuning,
    /// All events as text, for tests that look for what must not be in it.
    pub(crate) said: String,
    pub(super) reported: Reported,
    /// The healthy cluster.
    pub(super) beside: (Served, Reported),
    pub(super) clock: Clock,
    pub(super) news: mpsc::Receiver<Msg>,
    commands: [mpsc::Sender<ClusterCommand>; 2],
    /// Runs the tasks of the clusters; the simulations run with the test.
    runtime: Option<tokio::runtime::Runtime>,
    /// The most tasks that ran at once.
    pub(super) tasks: usize,
    /// Requests when the running fault began, and when that was.
    pub(super) counted: Option<(u32, Mono)>,
}

impl Drop for Rig {
    fn drop(&mut self) {
        // As the program does: whatever hangs is left behind.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Rig {
    /// Watches the simulation directly.
    pub(crate) async fn direct(served: Served, tuning: Tuning) -> Self {
        let target = ContextTarget::plain("small", &format!("http://{}", served.address));
        Self::start(served, target, tuning).await
    }

    /// Watches the simulation by way of this context.
    pub(crate) async fn start(served: Served, target: ContextTarget, tuning: Tuning) -> Self {
        let beside = Served::small().await;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let clock = Clock::start();
        let (out, news) = mpsc::channel(256);
        let spec = |context: &str| ClusterSpec { context: context.into(), broken: None };
        let specs = vec![spec("small"), spec("beside")];
        let scope = |tuning: &Tuning| Scope { namespaces: tuning.namespaces.clone(), example: None };
        let scopes = [scope(&tuning), scope(&self::beside())];
        let other = ContextTarget::plain("beside", &format!("http://{}", beside.address));
        let mut id = 0;
        let commands = [(target, tuning.clone()), (other, self::beside())].map(|(target, tuning)| {
            let (commands, received) = mpsc::channel(4);
            let inspect = tokio::sync::watch::channel(None).1;
            let link = TaskLink { id: ClusterId(id), out: out.clone(), commands: received, inspect, clock };
            runtime.spawn(cluster::run(target, tuning, link));
            id += 1;
            commands
        });
        let settings = Settings { slow_call: ms(100), slow_call_clear: ms(80), ..Settings::default() };
        Self {
            served,
            model: Model::new(specs, settings).with_scopes(scopes),
            tuning,
            said: String::new(),
            reported: Reported::default(),
            beside: (beside, Reported::default()),
            clock,
            news,
            commands,
            runtime: Some(runtime),
            tasks: 0,
            counted: None,
        }
    }

    /// A rig that holds the whole truth and watches.
    pub(crate) async fn watching() -> Self {
        let mut rig = Self::direct(Served::small().await, quick()).await;
        rig.settles().await;
        rig
    }

    /// Waits until both clusters are read and watched.
    pub(crate) async fn settles(&mut self) {
        self.until("the first lists", |rig| rig.is_true() && rig.watches() && rig.is_well_beside()).await;
    }

    /// Both watches are open.
    pub(crate) fn watches(&self) -> bool {
        self.reported.watches()
    }

    pub(crate) async fn refresh(&self) {
        self.commands[0].send(ClusterCommand::Refresh).await.unwrap();
    }

    /// Follows the clusters until `done`, at most [`PATIENCE`].
    pub(crate) async fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !done(self) {
            let left = end.saturating_duration_since(Instant::now());
            let Reported { failures, states, .. } = &self.reported;
            assert!(!left.is_zero(), "{what} did not happen; failures: {failures:#?}; states: {states:?}");
            self.follow(left.min(ms(20))).await;
        }
    }

    /// Follows the clusters for `time`.
    pub(crate) async fn pass(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.follow(end.saturating_duration_since(Instant::now())).await;
        }
    }

    /// Waits for the next message, applies it and what else has come.
    pub(super) async fn follow(&mut self, time: Duration) {
        match tokio::time::timeout(time, self.news.recv()).await {
            Ok(Some(msg)) => self.apply(msg),
            _ => drop(self.model.update(Msg::Tick, self.clock.now())),
        }
        while let Ok(msg) = self.news.try_recv() {
            self.apply(msg);
        }
        let tasks = self.runtime.as_ref().map_or(0, |runtime| runtime.metrics().num_alive_tasks());
        self.tasks = self.tasks.max(tasks);
    }

    fn apply(&mut self, msg: Msg) {
        let Msg::Cluster(id, event) = &msg else { return };
        let event = if let ClusterEvent::Namespaced { event, .. } = event { event } else { event };
        if *id == ClusterId(0) {
            self.reported.note(event);
            if !matches!(event, ClusterEvent::Page { .. } | ClusterEvent::Changes { .. }) {
                let _ = writeln!(self.said, "{event:?}");
            }
        } else {
            self.beside.1.note(event);
        }
        self.model.update(msg, self.clock.now());
    }

    /// The objects that the model holds; `None` unless both lists were once complete.
    pub(crate) fn objects(&self) -> Option<Objects> {
        held(&self.model, 0, self.clock.now())
    }

    pub(crate) fn report(&self) -> report::ClusterReport {
        report::snapshot(&self.model, self.clock.now()).clusters.remove(0)
    }

    /// The model equals the server, object by object.
    pub(crate) fn is_true(&self) -> bool {
        self.objects().is_some_and(|objects| objects == self.truth())
    }

    /// The objects of the server, of the namespaces that are watched.
    pub(crate) fn truth(&self) -> Objects {
        let namespaces: Vec<&str> = self.tuning.namespaces.iter().map(|name| &**name).collect();
        truth(&self.served.control().dump(), &namespaces)
    }

    pub(crate) fn failures(&self) -> &[Failure] {
        &self.reported.failures
    }

    pub(crate) fn states(&self) -> &[(Resource, SyncState)] {
        &self.reported.states
    }

    /// Lists of nodes and pods that have been complete so far.
    pub(crate) fn finished(&self) -> usize {
        self.reported.finished
    }

    /// The outcomes of all probes.
    pub(crate) fn probes(&self) -> Vec<ProbeOutcome> {
        self.reported.samples.iter().map(|sample| sample.outcome).collect()
    }

    /// The tick of each probe that was answered, and how long that took.
    pub(crate) fn answered(&self) -> impl Iterator<Item = (Mono, Duration)> {
        self.reported.samples.iter().filter_map(|sample| match sample.outcome {
            ProbeOutcome::Answered { latency } => Some((sample.tick, latency)),
            _ => None,
        })
    }

    /// Finished attempts of a page of this resource.
    pub(crate) fn pages(&self, resource: Resource) -> impl Iterator<Item = &Attempt> {
        self.reported.attempts.iter().filter(move |attempt| attempt.kind == CallKind::List(resource))
    }

    /// The names of the nodes that the model shows.
    pub(crate) fn names(&self) -> Vec<String> {
        let items = self.model.clusters()[0].items(self.clock.now());
        items.iter().map(|item| item.row.facts.name.to_string()).collect()
    }

    /// Now, by the clock of the events.
    pub(super) fn mono(&self) -> Mono {
        self.clock.mono()
    }

    /// Waits for a failure of this layer that says this, and for what must go on while the fault lasts (G1, G5).
    pub(crate) async fn fails(&mut self, layer: Layer, says: &str) -> Failure {
        let from = self.reported.failures.len();
        self.fails_since(from, layer, says).await
    }

    /// The same of lists and watches, counting from failure number `from`: a probe (`get …`) has no next
    /// attempt, its next tick comes anyway.
    pub(crate) async fn fails_since(&mut self, from: usize, layer: Layer, says: &str) -> Failure {
        self.counts_requests();
        let is_it = |failure: &&Failure| {
            failure.layer == layer && failure.text.contains(says) && !failure.request.starts_with("get ")
        };
        let find = |rig: &Self| rig.reported.failures[from..].iter().find(is_it).cloned();
        self.until(&format!("a failure of {layer:?} that says `{says}`"), |rig| find(rig).is_some()).await;
        self.goes_on_meanwhile().await;
        find(self).unwrap()
    }
}

/// A kubeconfig in `folder` for `url`, trusting `ca`, through `proxy`.
pub(crate) fn target(folder: &Path, url: &str, ca: Option<&str>, proxy: Option<&str>) -> ContextTarget {
    let mut cluster = format!("server: {url}");
    if let Some(pem) = ca {
        let path = folder.join("ca.pem");
        std::fs::write(&path, pem).unwrap();
        let _ = write!(cluster, ", certificate-authority: {}", path.display());
    }
    if let Some(proxy) = proxy {
        let _ = write!(cluster, ", proxy-url: \"{proxy}\"");
    }
    let path: PathBuf = folder.join("kubeconfig");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: small\nclusters: [{{name: c, cluster: {{{cluster}}}}}]\n\
         users: [{{name: u, user: {{}}}}]\ncontexts: [{{name: small, context: {{cluster: c, user: u}}}}]\n"
    );
    std::fs::write(&path, text).unwrap();
    let sources = Sources { flag: Some(path), ..Sources::default() };
    kubeconfig::load(&sources, &Selection::default()).unwrap().remove(0)
}
