//! A model fed by messages, for tests.

use std::time::Duration;

use jiff::Timestamp;

use super::cluster::{ClusterState, ClusterSummary};
use crate::action::Action;
use crate::facts::node::{ConditionStatus, NodeCondition, NodeFacts};
use crate::facts::pod::{PodBatch, PodFacts, PodPhase, Requests};
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::facts::wire::Uid;
use crate::model::app::Model;
use crate::model::settings::{ClusterSpec, Settings};
use crate::model::store::scope::Scope;
use crate::msg::{
    Attempt, Batch, CallEnd, CallEvent, CallId, CallKind, ClusterEvent, ClusterId, Effect, Failure, Layer, LineEdit,
    Mono, Msg, NodeChange, Now, PageHead, ProbeOutcome, ProbeSample, ProbeSeries, Resource, SyncState,
};

/// 2023-11-14T22:13:20Z.
const EPOCH: i64 = 1_700_000_000;

/// A model and the time of its next message, in milliseconds.
pub(crate) struct Bench {
    pub(crate) model: Model,
    pub(crate) ms: u64,
    pub(crate) calls: u64,
}

impl Bench {
    pub(crate) fn new(clusters: &[&str]) -> Self {
        let spec = |name: &&str| ClusterSpec { context: Clean::new(name), broken: None };
        Self { model: Model::new(clusters.iter().map(spec).collect(), Settings::default()), ms: 0, calls: 0 }
    }

    /// One cluster with other thresholds, whose list of these nodes is complete.
    pub(crate) fn tuned(settings: &Settings, nodes: Vec<NodeFacts>) -> Self {
        let spec = ClusterSpec { context: Clean::new("prod"), broken: None };
        let mut bench = Self { model: Model::new(vec![spec], *settings), ms: 0, calls: 0 };
        bench.list_nodes(1, nodes);
        bench.list_pods(1, &[]);
        bench.watching();
        bench
    }

    /// One cluster whose lists of these nodes and pods are complete.
    pub(crate) fn with(nodes: Vec<NodeFacts>, pods: &[PodFacts<'_>]) -> Self {
        let mut bench = Self::new(&["prod"]);
        bench.list_nodes(1, nodes);
        bench.list_pods(1, pods);
        bench.watching();
        bench
    }

    /// One cluster of which only the pods of these namespaces are watched.
    pub(crate) fn scoped(namespaces: &[&str]) -> Self {
        let mut bench = Self::new(&["prod"]);
        let scope = Scope { namespaces: namespaces.iter().map(|name| Clean::new(name)).collect(), example: None };
        bench.model = bench.model.with_scopes([scope]);
        bench
    }

    /// Sends an event of the list or the watch of one namespace.
    pub(crate) fn send_in(&mut self, index: u16, event: ClusterEvent) {
        self.send(ClusterEvent::Namespaced { index, event: Box::new(event) });
    }

    /// Completes a list of the pods of one namespace, and opens its watch.
    pub(crate) fn list_pods_in(&mut self, index: u16, pods: &[PodFacts<'_>]) {
        let (resource, generation, batch) = (Resource::Pods, 1, Batch::Pods(batch(pods, false)));
        let page = ClusterEvent::Page {
            resource,
            head: PageHead { generation, page: 1, remaining: None, bytes: 1, unreadable: 0 },
            batch,
        };
        self.send_in(index, ClusterEvent::ListStarted { resource, generation });
        self.send_in(index, page);
        self.send_in(index, ClusterEvent::ListFinished { resource, generation });
        self.send_in(index, ClusterEvent::Sync { resource, state: SyncState::Watching });
    }

    /// Denies the list of the pods of one namespace.
    pub(crate) fn denied_in(&mut self, index: u16) {
        let failure = Box::new(failure(Layer::Rbac, self.now().wall));
        self.send_in(index, ClusterEvent::Sync { resource: Resource::Pods, state: SyncState::Denied { failure } });
    }

    pub(crate) fn now(&self) -> Now {
        at(self.ms)
    }

    pub(crate) fn send(&mut self, event: ClusterEvent) {
        self.send_to(0, event);
    }

    pub(crate) fn send_to(&mut self, cluster: u16, event: ClusterEvent) {
        let now = self.now();
        self.model.update(Msg::Cluster(ClusterId(cluster), event), now);
    }

    pub(crate) fn act(&mut self, action: Action) -> Option<Effect> {
        let now = self.now();
        let effect = self.model.update(Msg::Action(action), now);
        self.model.update(Msg::Frame, now);
        effect
    }

    pub(crate) fn type_text(&mut self, text: &str) {
        let now = self.now();
        for char in text.chars() {
            self.model.update(Msg::Edit(LineEdit::Insert(char)), now);
        }
        self.model.update(Msg::Frame, now);
    }

    /// Lets seconds pass, with their ticks.
    pub(crate) fn wait(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.ms += 1000;
            let now = self.now();
            self.model.update(Msg::Tick, now);
        }
        self.prepare();
    }

    /// Lets seconds pass while the server answers both probes and the watches are alive.
    pub(crate) fn wait_live(&mut self, seconds: u64) {
        for second in 0..seconds {
            if second % 5 == 0 {
                self.probe(ProbeOutcome::Answered { latency: Duration::from_millis(20) });
                self.received();
            }
            self.wait(1);
        }
    }

    pub(crate) fn prepare(&mut self) {
        let now = self.now();
        self.catch_up();
        self.model.update(Msg::Frame, now);
        self.catch_up();
    }

    fn catch_up(&mut self) {
        while self.model.is_behind() {
            self.model.update(Msg::CatchUp, self.now());
        }
    }

    pub(crate) fn list_nodes(&mut self, generation: u32, nodes: Vec<NodeFacts>) {
        self.send(ClusterEvent::ListStarted { resource: Resource::Nodes, generation });
        self.page_of_nodes(generation, 1, nodes);
        self.send(ClusterEvent::ListFinished { resource: Resource::Nodes, generation });
    }

    pub(crate) fn page_of_nodes(&mut self, generation: u32, page: u32, nodes: Vec<NodeFacts>) {
        let changes = nodes.into_iter().map(|node| NodeChange::Present(Box::new(node))).collect();
        self.page(Resource::Nodes, generation, page, Batch::Nodes(changes));
    }

    pub(crate) fn list_pods(&mut self, generation: u32, pods: &[PodFacts<'_>]) {
        self.send(ClusterEvent::ListStarted { resource: Resource::Pods, generation });
        self.page_of_pods(generation, 1, pods);
        self.send(ClusterEvent::ListFinished { resource: Resource::Pods, generation });
    }

    pub(crate) fn page_of_pods(&mut self, generation: u32, page: u32, pods: &[PodFacts<'_>]) {
        self.page(Resource::Pods, generation, page, Batch::Pods(batch(pods, false)));
    }

    pub(crate) fn change_node(&mut self, generation: u32, node: NodeFacts) {
        let batch = Batch::Nodes(vec![NodeChange::Present(Box::new(node))]);
        self.send(ClusterEvent::Changes { resource: Resource::Nodes, generation, unreadable: 0, batch });
    }

    pub(crate) fn delete_node(&mut self, generation: u32, node: &NodeFacts, version: u64) {
        let gone = NodeChange::Gone { name: node.name.clone(), uid: node.uid, version };
        let batch = Batch::Nodes(vec![gone]);
        self.send(ClusterEvent::Changes { resource: Resource::Nodes, generation, unreadable: 0, batch });
    }

    pub(crate) fn change_pods(&mut self, generation: u32, pods: &[PodFacts<'_>], removed: bool) {
        let batch = Batch::Pods(batch(pods, removed));
        self.send(ClusterEvent::Changes { resource: Resource::Pods, generation, unreadable: 0, batch });
    }

    pub(crate) fn sync(&mut self, resource: Resource, state: SyncState) {
        self.send(ClusterEvent::Sync { resource, state });
    }

    pub(crate) fn watching(&mut self) {
        for resource in Resource::CORE {
            self.sync(resource, SyncState::Watching);
        }
    }

    pub(crate) fn received(&mut self) {
        for resource in Resource::CORE {
            self.send(ClusterEvent::Alive { resource, bytes: 100 });
        }
    }

    /// Makes one resource fail and wait a minute.
    pub(crate) fn waiting(&mut self, resource: Resource, layer: Layer) {
        let until = Mono(Duration::from_millis(self.ms + 60_000));
        let failure = Box::new(failure(layer, self.now().wall));
        self.sync(resource, SyncState::Waiting { until, failure });
    }

    pub(crate) fn denied(&mut self, resource: Resource) {
        let failure = Box::new(failure(Layer::Rbac, self.now().wall));
        self.sync(resource, SyncState::Denied { failure });
    }

    pub(crate) fn probe(&mut self, outcome: ProbeOutcome) {
        let tick = self.now().mono;
        self.send(ClusterEvent::Probe(ProbeSample { series: ProbeSeries::Work, tick, outcome }));
    }

    /// Begins a request and returns its id.
    pub(crate) fn start(&mut self, kind: CallKind, page: Option<u32>) -> CallId {
        self.calls += 1;
        let id = CallId(self.calls);
        let (at, limit) = (self.now().mono, Duration::from_secs(30));
        self.send(ClusterEvent::Call(CallEvent::Started { id, kind, page, attempt: 1, at, limit }));
        id
    }

    /// Ends a request that took `ms` milliseconds.
    pub(crate) fn call(&mut self, kind: CallKind, ms: u64, end: CallEnd, status: Option<u16>) {
        self.calls += 1;
        self.end(CallId(self.calls), kind, ms, (end, status));
    }

    pub(crate) fn end(&mut self, id: CallId, kind: CallKind, ms: u64, how: (CallEnd, Option<u16>)) {
        let (end, status) = how;
        let at = Mono(Duration::from_millis(self.ms.saturating_sub(ms)));
        let page = matches!(kind, CallKind::List(_)).then_some(3);
        self.send(ClusterEvent::Call(CallEvent::Finished(Box::new(Attempt {
            id,
            kind,
            page,
            attempt: 1,
            at,
            connect: None,
            first_byte: status.map(|_| Duration::from_millis(ms / 2)),
            total: Duration::from_millis(ms),
            bytes: 0,
            status,
            end,
        }))));
    }

    pub(crate) fn state(&self) -> &ClusterState {
        self.model.current()
    }

    pub(crate) fn summary(&mut self) -> ClusterSummary {
        self.prepare();
        self.state().summary(self.now())
    }

    /// Names of the rows, in their order.
    pub(crate) fn names(&mut self) -> Vec<String> {
        self.prepare();
        self.state().rows(0..1000, self.now()).iter().map(|row| row.facts.name.to_string()).collect()
    }

    /// Name of the selected row.
    pub(crate) fn selected(&mut self) -> String {
        self.prepare();
        let rows = self.state().rows(0..1000, self.now());
        let selected: Vec<_> = rows.iter().filter(|row| row.selected).map(|row| row.facts.name.to_string()).collect();
        assert_eq!(selected.len(), 1, "exactly one row is selected");
        selected.into_iter().next().unwrap()
    }

    /// Reasons of the firing alerts.
    pub(crate) fn reasons(&mut self) -> Vec<&'static str> {
        self.prepare();
        self.state().alerts().iter().map(crate::model::alerts::AlertLine::reason).collect()
    }

    /// Texts of the firing alerts of one reason.
    pub(crate) fn texts(&mut self, reason: &str) -> Vec<String> {
        self.prepare();
        let alerts = self.state().alerts().iter().filter(|alert| alert.reason() == reason);
        alerts.map(|alert| alert.text.to_string()).collect()
    }

    /// Completes a list with a number of unreadable objects.
    pub(crate) fn list_with_unread(&mut self, (resource, generation): (Resource, u32), batch: Batch, unreadable: u32) {
        self.send(ClusterEvent::ListStarted { resource, generation });
        self.send(ClusterEvent::Page {
            resource,
            head: PageHead { generation, page: 1, remaining: None, bytes: 1000, unreadable },
            batch,
        });
        self.send(ClusterEvent::ListFinished { resource, generation });
        self.send(ClusterEvent::Sync { resource, state: SyncState::Watching });
    }

    fn page(&mut self, resource: Resource, generation: u32, page: u32, batch: Batch) {
        let remaining = None;
        self.send(ClusterEvent::Page {
            resource,
            head: PageHead { generation, page, remaining, bytes: 1000, unreadable: 0 },
            batch,
        });
    }
}

/// The time `ms` milliseconds after the start.
pub(crate) fn at(ms: u64) -> Now {
    let since = Duration::from_millis(ms);
    let wall = Timestamp::from_second(EPOCH).unwrap() + jiff::SignedDuration::try_from(since).unwrap();
    Now { mono: Mono(since), wall }
}

pub(crate) fn failure(layer: Layer, at: Timestamp) -> Failure {
    Failure::new(at, layer, "list pods".into(), "connection refused".into())
}

/// A Ready node: 4 cores, 8 GiB, 10 pods; its uid is made from its name.
pub(crate) fn node(name: &str) -> NodeFacts {
    let amounts = vec![
        ("cpu".into(), Quantity::whole(4)),
        ("memory".into(), Quantity::whole(8 << 30)),
        ("pods".into(), Quantity::whole(10)),
    ];
    let uid = name.bytes().fold(0_u128, |uid, byte| uid.wrapping_mul(257) + u128::from(byte));
    NodeFacts {
        name: name.into(),
        uid: Uid(uid),
        version: 10,
        created: Some(at(0).wall),
        conditions: vec![ready(ConditionStatus::True, 0)],
        capacity: amounts.clone(),
        allocatable: amounts,
        kubelet: "v1.30.4".into(),
        ..NodeFacts::default()
    }
}

/// The same with `capacity` GPUs, of which `allocatable` are healthy.
pub(crate) fn gpu_node(name: &str, capacity: i64, allocatable: i64) -> NodeFacts {
    let mut node = node(name);
    set(&mut node.capacity, "nvidia.com/gpu", capacity);
    set(&mut node.allocatable, "nvidia.com/gpu", allocatable);
    node
}

pub(crate) fn ready(status: ConditionStatus, since_ms: u64) -> NodeCondition {
    let since = Some(at(since_ms).wall);
    NodeCondition { kind: "Ready".into(), status, reason: "KubeletSays".into(), message: Clean::default(), since }
}

/// The same node with another Ready status since `since_ms`, and the next version.
pub(crate) fn turned(node: &NodeFacts, status: ConditionStatus, since_ms: u64) -> NodeFacts {
    NodeFacts { version: node.version + 1, conditions: vec![ready(status, since_ms)], ..node.clone() }
}

/// A running pod of namespace `ns` that requests half a core and 1 GiB.
pub(crate) fn pod<'a>(name: &'a str, node: &'a str) -> PodFacts<'a> {
    PodFacts {
        namespace: "ns",
        name,
        uid: Uid(name.bytes().fold(1_u128, |uid, byte| uid.wrapping_mul(257) + u128::from(byte))),
        version: 10,
        node,
        phase: PodPhase::Running,
        requests: Requests { cpu: Quantity::from_nano(500_000_000), memory: Quantity::whole(1 << 30), others: vec![] },
        ..PodFacts::default()
    }
}

/// The same pod, which also requests GPUs.
pub(crate) fn gpu_pod<'a>(name: &'a str, node: &'a str, gpus: i64) -> PodFacts<'a> {
    let mut pod = pod(name, node);
    pod.requests.others = vec![("nvidia.com/gpu", Quantity::whole(gpus))];
    pod
}

pub(crate) fn batch(pods: &[PodFacts<'_>], removed: bool) -> PodBatch {
    let mut batch = PodBatch::default();
    for pod in pods {
        batch.push(pod, removed);
    }
    batch
}

fn set(list: &mut Vec<(Clean, Quantity)>, name: &str, amount: i64) {
    list.push((name.into(), Quantity::whole(amount)));
    list.sort_unstable();
}
