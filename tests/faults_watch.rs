//! The list+watch rows of the fault catalogue (faults.md, 4.4) end to end: the shipped engine over TCP against the simulated
//! server, and the convergence oracle: once the fault is over, the model is the server's truth.
//!
//! Every other row of 4.4 and 4.5, and these once more with their timing, are tested in virtual time beside the engine
//! (`src/cluster/tests/faults_watch.rs`, `exec/tests.rs`, `session/tests.rs`, `probe/tests.rs`, `vigil.rs`).

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use watchbell::clock::Clock;
use watchbell::cluster::kubeconfig::Target;
use watchbell::cluster::{self, Command, Link, Tuning};
use watchbell::facts::text::Clean;
use watchbell::model::{ClusterSpec, Model, Settings};
use watchbell::msg::{ClusterId, Msg};
use watchbell::report;
use watchbell::sim::{self, Change, Control, Fault, FaultKind, Scenario, Simulation};

/// Nothing here may take longer than this; G7 allows 60 s at the shipped periods, and these are a tenth of them or less.
const LONGEST: Duration = Duration::from_secs(20);

/// The engine and a model against a simulated cluster of three nodes.
struct Live {
    _simulation: Simulation,
    control: Control,
    model: Model,
    news: mpsc::Receiver<Msg>,
    _commands: mpsc::Sender<Command>,
    clock: Clock,
}

impl Live {
    async fn start() -> Self {
        let simulation = sim::start(Scenario::builtin("small").unwrap(), ([127, 0, 0, 1], 0).into()).await.unwrap();
        let at = simulation.clusters().remove(0);
        let control = simulation.control(&at.context).unwrap();
        let (out, news) = mpsc::channel(64);
        let (commands, receive) = mpsc::channel(4);
        let clock = Clock::start();
        let ms = Duration::from_millis;
        let tuning = Tuning {
            page_sizes: vec![6, 3],
            page_retries: vec![ms(50), ms(100)],
            backoff_first: ms(100),
            backoff_cap: ms(1000),
            watch_spacing: ms(100),
            watch_silence: ms(900),
            watch_silence_cap: ms(1500),
            probe_period: ms(200),
            probe_deadline: ms(200),
            ..Tuning::default()
        };
        let link =
            Link { id: ClusterId(0), out, commands: receive, inspect: tokio::sync::watch::channel(None).1, clock };
        tokio::spawn(cluster::run(Target::plain("small", &at.url), tuning, link));
        let spec = ClusterSpec { context: Clean::new(&at.context), broken: None };
        let model = Model::new(vec![spec], Settings::default());
        let mut live = Self { _simulation: simulation, control, model, news, _commands: commands, clock };
        live.converge("at first").await;
        live
    }

    async fn pass(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while let Ok(Some(msg)) = timeout(end.saturating_duration_since(Instant::now()), self.news.recv()).await {
            self.model.update(msg, self.clock.now());
        }
    }

    /// Until the model is the server's truth.
    async fn converge(&mut self, when: &str) {
        let end = Instant::now() + LONGEST;
        loop {
            self.pass(Duration::from_millis(50)).await;
            let (held, truth) = (self.held(), self.truth());
            if held == truth {
                return;
            }
            assert!(Instant::now() < end, "{when}: held {held:?}, the server has {truth:?}");
        }
    }

    /// Each node as the model has it: whether it is ready, and its bound pods.
    fn held(&mut self) -> BTreeMap<String, (bool, u32)> {
        let now = self.clock.now();
        self.model.prepare(now);
        let snapshot = report::snapshot(&self.model, now);
        let items = snapshot.clusters[0].items.iter().flatten();
        items
            .map(|item| {
                let ready = item.status == "Ready" || item.status.starts_with("Ready,");
                (item.name.to_string(), (ready, item.pods.bound.unwrap_or(u32::MAX)))
            })
            .collect()
    }

    /// The same, counted from the objects of the server.
    fn truth(&self) -> BTreeMap<String, (bool, u32)> {
        let dump = self.control.dump();
        let mut nodes: BTreeMap<String, (bool, u32)> = BTreeMap::new();
        for node in dump["nodes"].as_array().unwrap() {
            let conditions = node["status"]["conditions"].as_array().unwrap();
            let ready = conditions.iter().any(|one| one["type"] == "Ready" && one["status"] == "True");
            nodes.insert(node["metadata"]["name"].as_str().unwrap().to_owned(), (ready, 0));
        }
        for pod in dump["pods"].as_array().unwrap() {
            let finished = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
            let node = pod["spec"]["nodeName"].as_str().and_then(|name| nodes.get_mut(name));
            if let (Some((_, pods)), false) = (node, finished) {
                *pods += 1;
            }
        }
        nodes
    }

    /// Changes of every kind; each call leaves another truth.
    fn churn(&self, round: u32) {
        let pod = |name: &str| (("default".to_owned(), format!("{name}-{round}")), Some("worker-1".to_owned()));
        for name in ["stays", "goes", "ends"] {
            let ((namespace, name), node) = pod(name);
            self.control.apply(Change::AddPod { namespace, name, node });
        }
        let ((namespace, name), _) = pod("goes");
        self.control.apply(Change::DeletePod { namespace, name });
        let ((namespace, name), _) = pod("ends");
        self.control.apply(Change::FinishPod { namespace, name, succeeded: true });
        let node = "gpu-1".to_owned();
        self.control.apply(if round.is_multiple_of(2) {
            Change::NodeNotReady { node }
        } else {
            Change::NodeRecovered { node }
        });
    }

    /// A fault for a while with changes before, in and after it; then the truth again.
    async fn survive(&mut self, name: &str, faults: Vec<Fault>) {
        self.churn(0);
        for fault in faults {
            self.control.inject(fault);
        }
        self.control.close_watches(None);
        self.churn(1);
        self.pass(Duration::from_millis(1500)).await;
        assert_eq!(self.held().len(), 3, "{name}: the last good picture stays (G2)");
        self.churn(2);
        self.control.clear_faults();
        self.converge(name).await;
        self.churn(3);
        self.converge(name).await;
    }
}

#[tokio::test]
async fn f40_f42_expired_tokens_and_versions_end_in_the_servers_truth() {
    let mut live = Live::start().await;
    live.control.compact();
    live.survive("gone", vec![Fault::new(FaultKind::Gone)]).await;
}

#[tokio::test]
async fn f41_expired_watches_end_in_the_servers_truth() {
    Live::start().await.survive("expired", vec![Fault::new(FaultKind::WatchExpired)]).await;
}

#[tokio::test]
async fn f44_watches_that_close_at_once_end_in_the_servers_truth() {
    Live::start().await.survive("close", vec![Fault::new(FaultKind::WatchClose)]).await;
}

#[tokio::test]
async fn f45_silent_watches_end_in_the_servers_truth() {
    Live::start().await.survive("silent", vec![Fault::new(FaultKind::WatchSilent)]).await;
}

#[tokio::test]
async fn f49_what_was_lost_while_lists_and_watches_failed_is_found_again() {
    let lists = Fault::new(FaultKind::Status { code: 503, retry_after: None, message: None }).verb("list");
    let watches = Fault::new(FaultKind::WatchExpired).probability(0.5);
    Live::start().await.survive("lost", vec![lists, watches]).await;
}

#[tokio::test]
async fn f52_a_server_that_goes_and_comes_back_is_read_again() {
    Live::start().await.survive("refused", vec![Fault::new(FaultKind::Refuse)]).await;
}

#[tokio::test]
async fn f53_a_server_that_forbids_for_a_moment_is_asked_again_at_once() {
    let cold = Fault::new(FaultKind::Status { code: 403, retry_after: None, message: None });
    Live::start().await.survive("forbidden", vec![cold.clone().verb("list"), cold.verb("watch")]).await;
}
