//! The tasks of one cluster with deadlines of tenths of a second, against the simulation over TCP, and a model that applies
//! their messages. A healthy cluster is watched next to it in the same process.
//!
//! As in the program, the clusters have a runtime of their own and one bounded channel, and the model handles keys during a
//! fault. `rules` checks the rules for every fault (G1 to G8); `watchbell::testing::oracle` knows the server's objects.

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
use watchbell::testing::oracle::{Objects, model_objects, server_objects};

use super::{PATIENCE, TestServer};

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The default proportions, about twenty times as fast; pages of eight.
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

/// Tuning of the healthy cluster: the default deadlines, so that a busy machine does not make it fail, and probes often enough
/// that some run during a fault of the other cluster.
fn healthy_tuning() -> Tuning {
    Tuning { probe_period: ms(250), seed: Some(12), ..Tuning::default() }
}

/// Events of one cluster, by kind.
#[derive(Default)]
pub(super) struct ClusterLog {
    pub(super) failures: Vec<Failure>,
    pub(super) attempts: Vec<Attempt>,
    pub(super) states: Vec<(Resource, SyncState)>,
    pub(super) samples: Vec<ProbeSample>,
    /// Tasks that panicked or ended.
    pub(super) restarts: Vec<String>,
    pub(super) finished: usize,
}

impl ClusterLog {
    fn record(&mut self, event: &ClusterEvent) {
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

    /// Returns `true` if both watches are open.
    pub(super) fn watches(&self) -> bool {
        let last = |of| self.states.iter().rev().find(|(resource, _)| *resource == of).map(|(_, state)| state.clone());
        Resource::CORE.into_iter().all(|resource| last(resource) == Some(SyncState::Watching))
    }
}

/// The tasks of two clusters, one of which suffers, and a model that follows them.
pub(crate) struct Rig {
    pub(crate) served: TestServer,
    pub(crate) model: Model,
    pub(crate) tuning: Tuning,
    /// All events as text, for tests that look for what must not be in it.
    pub(crate) event_text: String,
    pub(super) log: ClusterLog,
    /// The healthy cluster.
    pub(super) healthy: (TestServer, ClusterLog),
    pub(super) clock: Clock,
    pub(super) messages: mpsc::Receiver<Msg>,
    commands: [mpsc::Sender<ClusterCommand>; 2],
    /// Runs the tasks of the clusters; the simulations run with the test.
    runtime: Option<tokio::runtime::Runtime>,
    /// The most tasks that ran at once.
    pub(super) tasks: usize,
    /// Requests when the running fault began, and when that was.
    pub(super) request_window: Option<(u32, Mono)>,
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
    pub(crate) async fn direct(served: TestServer, tuning: Tuning) -> Self {
        let target = ContextTarget::plain("small", &format!("http://{}", served.address));
        Self::start(served, target, tuning).await
    }

    /// Watches the simulation by way of this context.
    pub(crate) async fn start(served: TestServer, target: ContextTarget, tuning: Tuning) -> Self {
        let healthy = TestServer::small().await;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let clock = Clock::start();
        let (out, messages) = mpsc::channel(256);
        let spec = |context: &str| ClusterSpec { context: context.into(), broken: None };
        let specs = vec![spec("small"), spec("beside")];
        let scope = |tuning: &Tuning| Scope { namespaces: tuning.namespaces.clone(), example: None };
        let scopes = [scope(&tuning), scope(&self::healthy_tuning())];
        let other = ContextTarget::plain("beside", &format!("http://{}", healthy.address));
        let mut id = 0;
        let commands = [(target, tuning.clone()), (other, self::healthy_tuning())].map(|(target, tuning)| {
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
            event_text: String::new(),
            log: ClusterLog::default(),
            healthy: (healthy, ClusterLog::default()),
            clock,
            messages,
            commands,
            runtime: Some(runtime),
            tasks: 0,
            request_window: None,
        }
    }

    /// Creates a rig whose model matches the server and whose watches are open.
    pub(crate) async fn synced() -> Self {
        let mut rig = Self::direct(TestServer::small().await, quick()).await;
        rig.wait_until_synced().await;
        rig
    }

    /// Waits until both clusters are read and watched.
    pub(crate) async fn wait_until_synced(&mut self) {
        self.wait_until("the first lists", |rig| {
            rig.matches_server() && rig.watches() && rig.is_healthy_cluster_synced()
        })
        .await;
    }

    /// Returns `true` if both watches are open.
    pub(crate) fn watches(&self) -> bool {
        self.log.watches()
    }

    pub(crate) async fn refresh(&self) {
        self.commands[0].send(ClusterCommand::Refresh).await.unwrap();
    }

    /// Follows the clusters until `done`, at most [`PATIENCE`].
    pub(crate) async fn wait_until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !done(self) {
            let left = end.saturating_duration_since(Instant::now());
            let ClusterLog { failures, states, .. } = &self.log;
            assert!(!left.is_zero(), "{what} did not happen; failures: {failures:#?}; states: {states:?}");
            self.follow(left.min(ms(20))).await;
        }
    }

    /// Follows the clusters for `time`.
    pub(crate) async fn follow_for(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.follow(end.saturating_duration_since(Instant::now())).await;
        }
    }

    /// Waits for the next message, applies it and what else has come.
    pub(super) async fn follow(&mut self, time: Duration) {
        match tokio::time::timeout(time, self.messages.recv()).await {
            Ok(Some(msg)) => self.apply(msg),
            _ => drop(self.model.update(Msg::Tick, self.clock.now())),
        }
        while let Ok(msg) = self.messages.try_recv() {
            self.apply(msg);
        }
        let tasks = self.runtime.as_ref().map_or(0, |runtime| runtime.metrics().num_alive_tasks());
        self.tasks = self.tasks.max(tasks);
    }

    fn apply(&mut self, msg: Msg) {
        let Msg::Cluster(id, event) = &msg else { return };
        let event = if let ClusterEvent::Namespaced { event, .. } = event { event } else { event };
        if *id == ClusterId(0) {
            self.log.record(event);
            if !matches!(event, ClusterEvent::Page { .. } | ClusterEvent::Changes { .. }) {
                let _ = writeln!(self.event_text, "{event:?}");
            }
        } else {
            self.healthy.1.record(event);
        }
        self.model.update(msg, self.clock.now());
    }

    /// The objects that the model holds; `None` unless both lists were once complete.
    pub(crate) fn objects(&self) -> Option<Objects> {
        model_objects(&self.model, 0, self.clock.now())
    }

    pub(crate) fn report(&self) -> report::ClusterReport {
        report::snapshot(&self.model, self.clock.now()).clusters.remove(0)
    }

    /// The model equals the server, object by object.
    pub(crate) fn matches_server(&self) -> bool {
        self.objects().is_some_and(|objects| objects == self.server_objects())
    }

    /// The objects of the server, of the namespaces that are watched.
    pub(crate) fn server_objects(&self) -> Objects {
        let namespaces: Vec<&str> = self.tuning.namespaces.iter().map(|name| &**name).collect();
        server_objects(&self.served.control().dump(), &namespaces)
    }

    pub(crate) fn failures(&self) -> &[Failure] {
        &self.log.failures
    }

    pub(crate) fn states(&self) -> &[(Resource, SyncState)] {
        &self.log.states
    }

    /// Lists of nodes and pods that have been complete so far.
    pub(crate) fn finished_lists(&self) -> usize {
        self.log.finished
    }

    /// The outcomes of all probes.
    pub(crate) fn probes(&self) -> Vec<ProbeOutcome> {
        self.log.samples.iter().map(|sample| sample.outcome).collect()
    }

    /// The tick of each probe that was answered, and how long that took.
    pub(crate) fn probe_latencies(&self) -> impl Iterator<Item = (Mono, Duration)> {
        self.log.samples.iter().filter_map(|sample| match sample.outcome {
            ProbeOutcome::Answered { latency } => Some((sample.tick, latency)),
            _ => None,
        })
    }

    /// Finished attempts of a page of this resource.
    pub(crate) fn pages(&self, resource: Resource) -> impl Iterator<Item = &Attempt> {
        self.log.attempts.iter().filter(move |attempt| attempt.kind == CallKind::List(resource))
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
    pub(crate) async fn wait_for_failure(&mut self, layer: Layer, says: &str) -> Failure {
        let from = self.log.failures.len();
        self.wait_for_failure_since(from, layer, says).await
    }

    /// The same of lists and watches, counting from failure number `from`: a probe (`get …`) has no next
    /// attempt, its next tick comes anyway.
    pub(crate) async fn wait_for_failure_since(&mut self, from: usize, layer: Layer, says: &str) -> Failure {
        self.start_request_window();
        let is_it = |failure: &&Failure| {
            failure.layer == layer && failure.text.contains(says) && !failure.request.starts_with("get ")
        };
        let find = |rig: &Self| rig.log.failures[from..].iter().find(is_it).cloned();
        self.wait_until(&format!("a failure of {layer:?} that says `{says}`"), |rig| find(rig).is_some()).await;
        self.check_keys_and_healthy_cluster().await;
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
