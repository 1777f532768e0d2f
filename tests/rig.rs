//! The rig of all end-to-end tests of faults: the tasks of one cluster with deadlines of tenths of a second, against the
//! simulation over TCP, and a model that takes in what they say. A healthy cluster is watched beside it in the same program.
//!
//! As in the program the clusters have a runtime of their own and one bounded channel, and the model's side takes keys while
//! they suffer. `rules` has what is asserted of every fault (G1 to G8), `oracle` the truth.

pub(crate) mod oracle;
mod rules;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;
use watchbell::clock::Clock;
use watchbell::cluster::kubeconfig::ContextTarget;
use watchbell::cluster::{self, ClusterCommand, TaskLink, Tiers, Tuning};
use watchbell::model::app::Model;
use watchbell::model::settings::{ClusterSpec, Settings};
use watchbell::model::store::scope::Scope;
use watchbell::msg::{
    Attempt, CallEvent, CallKind, ClusterEvent, ClusterId, Failure, Layer, Mono, Msg, ProbeOutcome, ProbeSample,
    Resource, SyncState,
};
use watchbell::report;
use watchbell::sim::{self, Change, Control, RequestLog, Scenario, Simulation};

use oracle::{Objects, held, truth};

/// Far beyond every deadline and backoff below, also for a machine that does fifteen other things: what takes longer does not
/// come.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The shipped proportions, about twenty times as fast; pages of eight.
pub(crate) fn quick() -> Tuning {
    Tuning {
        connect_deadline: ms(300),
        tiers: Tiers { steps: vec![(0, ms(1_000))], unknown: ms(1_000), hysteresis_pct: 10 },
        page_cap: ms(3_000),
        idle: (ms(400), ms(500)),
        page_sizes: vec![8, 4, 2, 1],
        page_retries: vec![ms(30), ms(60), ms(120)],
        page_budget: ms(8_000),
        backoff_first: ms(40),
        backoff_cap: ms(300),
        retry_after_cap: ms(500),
        rejected_delay: ms(600),
        denied_period: ms(500),
        denied_grace: Duration::ZERO,
        poll_period: (ms(150), ms(250)),
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

/// Three nodes and twenty pods, served.
pub(crate) struct Served {
    pub(crate) control: Control,
    pub(crate) address: SocketAddr,
    changes: AtomicU32,
    _simulation: Simulation,
}

impl Served {
    pub(crate) async fn small() -> Self {
        Self::of(Scenario::builtin("small").unwrap()).await
    }

    pub(crate) async fn of(scenario: Scenario) -> Self {
        let simulation = sim::start(scenario, SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let first = simulation.clusters()[0].clone();
        let address = first.url.trim_start_matches("http://").parse().unwrap();
        let control = simulation.control(&first.context).unwrap();
        Self { control, address, changes: AtomicU32::new(0), _simulation: simulation }
    }

    pub(crate) fn lists(&self, resource: &str) -> Vec<RequestLog> {
        let begins = format!("/api/v1/{resource}?limit=");
        let lists =
            |log: &RequestLog| log.path_and_query.starts_with(&begins) && log.path_and_query.contains("timeout=");
        self.control.requests().into_iter().filter(lists).collect()
    }

    /// Times between the requests of a row, by the server's clock.
    pub(crate) fn gaps(logs: &[RequestLog]) -> Vec<Duration> {
        logs.windows(2).map(|pair| pair[1].at.abs_diff(pair[0].at)).collect()
    }

    /// Pods come, go, end and restart, a node is cordoned and one is lost or comes back: no sum and no object that is named
    /// here stays the same. Each call does it to others.
    pub(crate) fn change(&self) {
        let round = self.changes.fetch_add(1, Ordering::Relaxed);
        let apply = |change| self.control.apply(change);
        for name in ["late", "later", "ends"] {
            let (namespace, node) = ("web".to_owned(), Some("gpu-1".to_owned()));
            apply(Change::AddPod { namespace, name: format!("{name}-{round}"), node });
        }
        let (namespace, name) = ("web".to_owned(), format!("ends-{round}"));
        apply(Change::FinishPod { namespace, name, succeeded: round.is_multiple_of(2) });
        let dump = self.control.dump();
        let pods = dump["pods"].as_array().unwrap();
        let text = |pod: &serde_json::Value, key: &str| pod["metadata"][key].as_str().unwrap().to_owned();
        let counts =
            |pod: &&serde_json::Value| !matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
        let mut on_worker = pods.iter().filter(|pod| pod["spec"]["nodeName"] == "worker-1").filter(counts);
        if let Some(pod) = on_worker.next() {
            apply(Change::DeletePod { namespace: text(pod, "namespace"), name: text(pod, "name") });
        }
        if let Some(pod) = on_worker.next() {
            apply(Change::RestartPod { namespace: text(pod, "namespace"), name: text(pod, "name") });
        }
        let (worker, gpu) = ("worker-1".to_owned(), "gpu-1".to_owned());
        if round.is_multiple_of(2) {
            apply(Change::Cordon { node: worker });
            apply(Change::NodeNotReady { node: gpu });
        } else {
            apply(Change::Uncordon { node: worker });
            apply(Change::NodeRecovered { node: gpu.clone() });
            apply(Change::GpusWithdrawn { node: gpu, count: round });
        }
    }
}

/// What one cluster has told.
#[derive(Default)]
struct Told {
    failures: Vec<Failure>,
    attempts: Vec<Attempt>,
    states: Vec<(Resource, SyncState)>,
    samples: Vec<ProbeSample>,
    /// Tasks that panicked or ended.
    restarts: Vec<String>,
    finished: usize,
}

impl Told {
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
    fn watches(&self) -> bool {
        let last = |of| self.states.iter().rev().find(|(resource, _)| *resource == of).map(|(_, state)| state.clone());
        Resource::CORE.into_iter().all(|resource| last(resource) == Some(SyncState::Watching))
    }
}

pub(crate) struct Rig {
    pub(crate) served: Served,
    pub(crate) model: Model,
    pub(crate) tuning: Tuning,
    /// Everything that was said, for tests that look for what must not be in it.
    pub(crate) said: String,
    told: Told,
    /// The healthy cluster.
    beside: (Served, Told),
    clock: Clock,
    news: mpsc::Receiver<Msg>,
    commands: [mpsc::Sender<ClusterCommand>; 2],
    /// Of the clusters; the simulations run with the test.
    runtime: Option<tokio::runtime::Runtime>,
    /// The most tasks that ran at once.
    tasks: usize,
    /// Requests when the running fault began, and when that was.
    counted: Option<(u32, Mono)>,
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
            told: Told::default(),
            beside: (beside, Told::default()),
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

    pub(crate) async fn settles(&mut self) {
        self.until("the first lists", |rig| rig.is_true() && rig.watches() && rig.is_well_beside()).await;
    }

    /// Both watches are open.
    pub(crate) fn watches(&self) -> bool {
        self.told.watches()
    }

    pub(crate) async fn refresh(&self) {
        self.commands[0].send(ClusterCommand::Refresh).await.unwrap();
    }

    /// Takes in news until `done`, at most [`PATIENCE`].
    pub(crate) async fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !done(self) {
            let left = end.saturating_duration_since(Instant::now());
            let Told { failures, states, .. } = &self.told;
            assert!(!left.is_zero(), "{what} did not happen; failures: {failures:#?}; states: {states:?}");
            self.hear(left.min(ms(20))).await;
        }
    }

    /// Takes in news for `time`.
    pub(crate) async fn pass(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.hear(end.saturating_duration_since(Instant::now())).await;
        }
    }

    /// Takes in the next news and what else is there.
    async fn hear(&mut self, time: Duration) {
        match tokio::time::timeout(time, self.news.recv()).await {
            Ok(Some(msg)) => self.take_in(msg),
            _ => drop(self.model.update(Msg::Tick, self.clock.now())),
        }
        while let Ok(msg) = self.news.try_recv() {
            self.take_in(msg);
        }
        let tasks = self.runtime.as_ref().map_or(0, |runtime| runtime.metrics().num_alive_tasks());
        self.tasks = self.tasks.max(tasks);
    }

    fn take_in(&mut self, msg: Msg) {
        let Msg::Cluster(id, event) = &msg else { return };
        let event = if let ClusterEvent::Namespaced { event, .. } = event { event } else { event };
        if *id == ClusterId(0) {
            self.told.note(event);
            if !matches!(event, ClusterEvent::Page { .. } | ClusterEvent::Changes { .. }) {
                let _ = writeln!(self.said, "{event:?}");
            }
        } else {
            self.beside.1.note(event);
        }
        self.model.update(msg, self.clock.now());
    }

    /// What the model holds; `None` unless both lists were once complete.
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

    /// What the server has of what is watched.
    pub(crate) fn truth(&self) -> Objects {
        let namespaces: Vec<&str> = self.tuning.namespaces.iter().map(|name| &**name).collect();
        truth(&self.served.control.dump(), &namespaces)
    }

    pub(crate) fn failures(&self) -> &[Failure] {
        &self.told.failures
    }

    pub(crate) fn states(&self) -> &[(Resource, SyncState)] {
        &self.told.states
    }

    /// Lists of nodes and pods that have been complete so far.
    pub(crate) fn finished(&self) -> usize {
        self.told.finished
    }

    /// What became of all probes.
    pub(crate) fn probes(&self) -> Vec<ProbeOutcome> {
        self.told.samples.iter().map(|sample| sample.outcome).collect()
    }

    /// The tick of each probe that was answered, and how long that took.
    pub(crate) fn answered(&self) -> impl Iterator<Item = (Mono, Duration)> {
        self.told.samples.iter().filter_map(|sample| match sample.outcome {
            ProbeOutcome::Answered { latency } => Some((sample.tick, latency)),
            _ => None,
        })
    }

    /// Finished attempts of a page of this resource.
    pub(crate) fn pages(&self, resource: Resource) -> impl Iterator<Item = &Attempt> {
        self.told.attempts.iter().filter(move |attempt| attempt.kind == CallKind::List(resource))
    }

    /// The names of the nodes that the model shows.
    pub(crate) fn names(&self) -> Vec<String> {
        let items = self.model.clusters()[0].items(self.clock.now());
        items.iter().map(|item| item.row.facts.name.to_string()).collect()
    }

    /// Now, by the clock of what is told.
    fn mono(&self) -> Mono {
        self.clock.mono()
    }

    /// Waits for a failure of this layer that says this, and for what must go on while the fault lasts (G1, G5).
    pub(crate) async fn fails(&mut self, layer: Layer, says: &str) -> Failure {
        let from = self.told.failures.len();
        self.fails_since(from, layer, says).await
    }

    /// The same of lists and watches, counting what was heard since failure number `from`: a probe (`get …`) has no next
    /// attempt, its next tick comes anyway.
    pub(crate) async fn fails_since(&mut self, from: usize, layer: Layer, says: &str) -> Failure {
        self.counts_requests();
        let is_it = |failure: &&Failure| {
            failure.layer == layer && failure.text.contains(says) && !failure.request.starts_with("get ")
        };
        let find = |rig: &Self| rig.told.failures[from..].iter().find(is_it).cloned();
        self.until(&format!("a failure of {layer:?} that says `{says}`"), |rig| find(rig).is_some()).await;
        self.goes_on_meanwhile().await;
        find(self).unwrap()
    }
}
