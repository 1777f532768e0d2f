//! One cluster's tasks, with deadlines of tenths of a second, against the simulation over TCP; the model takes in what they say.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::Instant;
use watchbell::clock::Clock;
use watchbell::cluster::kubeconfig::Target;
use watchbell::cluster::{self, Command, Link, Tiers, Tuning};
use watchbell::facts::wire::Uid;
use watchbell::model::scope::Scope;
use watchbell::model::{ClusterSpec, Model, Settings};
use watchbell::msg::{
    Attempt, CallEvent, CallKind, ClusterEvent, ClusterId, Failure, Layer, Mono, Msg, ProbeOutcome, ProbeSample,
    Resource, Series, SyncState,
};
use watchbell::report::{self, State};
use watchbell::sim::{self, Change, Control, Fault, RequestLog, Scenario, Simulation};

/// Far beyond every deadline and backoff below: what takes longer does not come.
const PATIENCE: Duration = Duration::from_secs(15);
/// One step of [`quick`] is at most the wait after what is no Kubernetes API, 0.6 s, or twice the capped backoff, 0.6 s; a page
/// that runs into the fault's last moment takes 1 s for its headers and its retries 0.2 s; then a list, a watch, and one more
/// list where an event was missed. The rest is for a machine that does six other things.
const ONE_STEP: Duration = Duration::from_secs(5);

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
        watch_silence: ms(2_500),
        probe_period: ms(500),
        probe_deadline: ms(500),
        probe_throttled: ms(1_000),
        seed: Some(11),
        ..Tuning::default()
    }
}

/// Three nodes and twenty pods, served.
pub(crate) struct Served {
    pub(crate) control: Control,
    pub(crate) address: SocketAddr,
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
        Self { control: simulation.control(&first.context).unwrap(), address, _simulation: simulation }
    }

    pub(crate) fn lists(&self, resource: &str) -> Vec<RequestLog> {
        let begins = format!("/api/v1/{resource}?limit=");
        let lists =
            |log: &RequestLog| log.path_and_query.starts_with(&begins) && log.path_and_query.contains("timeout=");
        self.control.requests().into_iter().filter(lists).collect()
    }

    /// Something is added, something goes, something changes: no sum stays the same.
    pub(crate) fn change(&self) {
        for name in ["late-1", "late-2"] {
            let (namespace, node) = ("web".to_owned(), Some("gpu-1".to_owned()));
            self.control.apply(Change::AddPod { namespace, name: name.to_owned(), node });
        }
        let dump = self.control.dump();
        let gone = dump["pods"].as_array().unwrap().iter().find(|pod| pod["spec"]["nodeName"] == "worker-1").unwrap();
        let text = |key: &str| gone["metadata"][key].as_str().unwrap().to_owned();
        self.control.apply(Change::DeletePod { namespace: text("namespace"), name: text("name") });
        self.control.apply(Change::Cordon { node: "worker-1".to_owned() });
    }
}

/// Each node's status, how many pods count on it, its uid and its resourceVersion; and the pods without a node, as a node
/// without a name.
pub(crate) type Picture = BTreeMap<String, (String, u64, Uid, u64)>;

/// The server's truth, read off its objects.
pub(crate) fn truth(dump: &Value) -> Picture {
    let mut picture = Picture::new();
    for node in dump["nodes"].as_array().unwrap() {
        let conditions = node["status"]["conditions"].as_array().unwrap();
        let ready = conditions.iter().find(|condition| condition["type"] == "Ready").unwrap();
        let word = match ready["status"].as_str() {
            Some("True") => "Ready",
            Some("False") => "NotReady",
            _ => "Unknown",
        };
        let cordoned = if node["spec"]["unschedulable"] == true { ",SchedulingDisabled" } else { "" };
        let text = |key: &str| node["metadata"][key].as_str().unwrap();
        let (uid, version) = (Uid::parse(text("uid")), text("resourceVersion").parse().unwrap());
        picture.insert(text("name").to_owned(), (format!("{word}{cordoned}"), 0, uid, version));
    }
    picture.insert(String::new(), (String::new(), 0, Uid::default(), 0));
    for pod in dump["pods"].as_array().unwrap() {
        let over = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
        if !over {
            picture.get_mut(pod["spec"]["nodeName"].as_str().unwrap_or_default()).unwrap().1 += 1;
        }
    }
    picture
}

pub(crate) struct Rig {
    pub(crate) served: Served,
    pub(crate) model: Model,
    pub(crate) failures: Vec<Failure>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) states: Vec<(Resource, SyncState)>,
    pub(crate) probes: Vec<ProbeOutcome>,
    /// All of them, with their ticks.
    samples: Vec<ProbeSample>,
    pub(crate) finished: usize,
    /// Everything that was said, for tests that look for what must not be in it.
    pub(crate) said: String,
    clock: Clock,
    news: mpsc::Receiver<Msg>,
    commands: mpsc::Sender<Command>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Rig {
    /// Watches the simulation directly.
    pub(crate) fn direct(served: Served, tuning: Tuning) -> Self {
        let target = Target::plain("small", &format!("http://{}", served.address));
        Self::start(served, target, tuning)
    }

    pub(crate) fn start(served: Served, target: Target, tuning: Tuning) -> Self {
        let settings = Settings { slow_call: ms(100), slow_call_clear: ms(80), ..Settings::default() };
        Self::with(served, target, tuning, settings)
    }

    pub(crate) fn with(served: Served, target: Target, tuning: Tuning, settings: Settings) -> Self {
        let clock = Clock::start();
        let (out, news) = mpsc::channel(256);
        let (commands, received) = mpsc::channel(4);
        let spec = ClusterSpec { context: target.context().clone(), broken: None };
        let scope = Scope { namespaces: tuning.namespaces.clone(), example: None };
        let link =
            Link { id: ClusterId(0), out, commands: received, inspect: tokio::sync::watch::channel(None).1, clock };
        let task = tokio::spawn(cluster::run(target, tuning, link));
        Self {
            served,
            model: Model::new(vec![spec], settings).with_scopes([scope]),
            failures: Vec::new(),
            attempts: Vec::new(),
            states: Vec::new(),
            probes: Vec::new(),
            samples: Vec::new(),
            finished: 0,
            said: String::new(),
            clock,
            news,
            commands,
            task,
        }
    }

    /// A rig that holds the whole truth and watches.
    pub(crate) async fn watching() -> Self {
        let mut rig = Self::direct(Served::small().await, quick());
        rig.settles().await;
        rig
    }

    pub(crate) async fn settles(&mut self) {
        self.until("the first lists", |rig| rig.is_true() && rig.watches()).await;
    }

    /// Both watches are open.
    pub(crate) fn watches(&self) -> bool {
        let last = |of| self.states.iter().rev().find(|(resource, _)| *resource == of).map(|(_, state)| state.clone());
        Resource::CORE.into_iter().all(|resource| last(resource) == Some(SyncState::Watching))
    }

    pub(crate) async fn refresh(&self) {
        self.commands.send(Command::Refresh).await.unwrap();
    }

    /// Takes in news until `done`, at most [`PATIENCE`].
    pub(crate) async fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !done(self) {
            let left = end.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "{what} did not happen; failures: {:#?}; states: {:?}",
                self.failures,
                self.states
            );
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

    async fn hear(&mut self, time: Duration) {
        let Ok(Some(msg)) = tokio::time::timeout(time, self.news.recv()).await else {
            self.model.update(Msg::Tick, self.clock.now());
            return;
        };
        let Msg::Cluster(_, event) = &msg else { return };
        let event = if let ClusterEvent::Namespaced { event, .. } = event { event } else { event };
        match event {
            ClusterEvent::Failed(failure) => {
                self.failures.push((**failure).clone());
            }
            ClusterEvent::Call(CallEvent::Finished(attempt)) => self.attempts.push((**attempt).clone()),
            ClusterEvent::Sync { resource, state } => self.states.push((*resource, state.clone())),
            ClusterEvent::Probe(sample) => {
                self.probes.push(sample.outcome);
                self.samples.push(*sample);
            }
            ClusterEvent::ListFinished { resource: Resource::Nodes | Resource::Pods, .. } => self.finished += 1,
            _ => {}
        }
        if !matches!(event, ClusterEvent::Page { .. } | ClusterEvent::Changes { .. }) {
            let _ = writeln!(self.said, "{event:?}");
        }
        self.model.update(msg, self.clock.now());
    }

    /// What the model shows; `None` unless both lists were once complete.
    pub(crate) fn picture(&self) -> Option<Picture> {
        let snapshot = report::snapshot(&self.model, self.clock.now());
        let whole = |state| matches!(state, State::Complete | State::Stale);
        let cluster = &snapshot.clusters[0];
        if !whole(cluster.nodes.state) || !whole(cluster.pods.state) {
            return None;
        }
        let unscheduled = u64::from(cluster.pods.unscheduled?);
        let items = self.model.clusters()[0].items(self.clock.now());
        let nodes = items.iter().map(|item| {
            let (facts, pods) = (item.row.facts, item.row.pods.exact()?);
            Some((facts.name.to_string(), (item.status(), u64::from(pods), facts.uid, facts.version)))
        });
        nodes.chain([Some((String::new(), (String::new(), unscheduled, Uid::default(), 0)))]).collect()
    }

    pub(crate) fn report(&self) -> report::Cluster {
        report::snapshot(&self.model, self.clock.now()).clusters.remove(0)
    }

    /// The model equals the server.
    pub(crate) fn is_true(&self) -> bool {
        self.picture().is_some_and(|picture| picture == truth(&self.served.control.dump()))
    }

    /// Waits for a failure of this layer that says this.
    pub(crate) async fn fails(&mut self, layer: Layer, says: &str) -> Failure {
        let from = self.failures.len();
        self.fails_since(from, layer, says).await
    }

    /// The same of lists and watches, counting what was heard since failure number `from`: a probe (`get …`) has no next
    /// attempt, its next tick comes anyway.
    pub(crate) async fn fails_since(&mut self, from: usize, layer: Layer, says: &str) -> Failure {
        let is_it = |failure: &&Failure| {
            failure.layer == layer && failure.text.contains(says) && !failure.request.starts_with("get ")
        };
        let find = |rig: &Self| rig.failures[from..].iter().find(is_it).cloned();
        self.until(&format!("a failure of {layer:?} that says `{says}`"), |rig| find(rig).is_some()).await;
        find(self).unwrap()
    }

    /// One fault from its beginning to its end: the picture stays while it lasts (G2), the cause is named with its layer and
    /// the next attempt (G3), and within one backoff step after it the model equals the server, without a key (G7).
    pub(crate) async fn suffers(&mut self, fault: Fault, layer: Layer, says: &str) -> Failure {
        let before = self.picture();
        assert!(before.is_some(), "a fault that has something to take away");
        let from = self.failures.len();
        self.served.control.inject(fault);
        self.served.control.close_watches(None);
        self.served.change();
        self.refresh().await;
        let failure = self.fails_since(from, layer, says).await;
        let names: Vec<String> = before.unwrap().into_keys().filter(|name| !name.is_empty()).collect();
        assert_eq!(self.names(), names, "old data stays");
        assert!(failure.attempt >= 1 && failure.next_in.is_some(), "{failure:?}");
        assert!(failure.request.contains("nodes") || failure.request.contains("pods"), "{failure:?}");
        self.served.control.clear_faults();
        self.recovers().await;
        self.keeps_the_rules();
        failure
    }

    /// What holds whatever happens: one page of a resource in flight at a time, no request without an end (G4), and one
    /// sample, not more and not less, for each tick of a probe (G8).
    pub(crate) fn keeps_the_rules(&self) {
        for resource in Resource::CORE {
            let mut pages: Vec<&Attempt> = self.pages(resource).collect();
            pages.sort_by_key(|page| page.at);
            for pair in pages.windows(2) {
                assert!(pair[0].at + pair[0].total <= pair[1].at, "two pages at once: {pair:#?}");
            }
        }
        let longest = quick().page_cap + quick().connect_deadline;
        assert!(self.attempts.iter().all(|attempt| attempt.total <= longest + ms(1_000)), "a request without an end");
        for series in [Series::Ping, Series::Work] {
            let ticks: Vec<Mono> = self.samples.iter().filter(|s| s.series == series).map(|s| s.tick).collect();
            for pair in ticks.windows(2) {
                let gap = pair[1].since(pair[0]);
                assert!(gap >= ms(400) && gap <= quick().probe_throttled + ms(600), "{series:?}: {ticks:?}");
            }
        }
    }

    /// The names of the nodes that the model shows.
    pub(crate) fn names(&self) -> Vec<String> {
        self.picture().unwrap_or_default().into_keys().filter(|name| !name.is_empty()).collect()
    }

    /// The model equals the server within one backoff step.
    pub(crate) async fn recovers(&mut self) {
        let start = Instant::now();
        self.until("the recovery", Self::is_true).await;
        assert!(start.elapsed() < ONE_STEP, "{:?}", start.elapsed());
    }

    /// Finished attempts of a page of this resource.
    pub(crate) fn pages(&self, resource: Resource) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(move |attempt| attempt.kind == CallKind::List(resource))
    }
}
