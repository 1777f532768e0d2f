//! `ClusterState`: link state, freshness per resource, nodes, ledger, latency and alerts of one cluster.

mod accelerators;
mod answers;
mod arrangement;
mod link;
mod node;
mod opened;
mod pods;
mod summary;
mod table;
mod views;

use std::sync::Arc;
use std::time::Duration;

use super::alert::{AlertLine, AlertRecord, Alerts};
use super::budget::{self, Budget};
use super::claims::ClaimState;
use super::dra;
use super::gpus::{Board, Boards};
use super::history::History;
use super::inspection::Inspected;
use super::join::Join;
use super::latency::{Latency, Mark};
use super::ledger::{Ledger, List, Origin};
use super::nodes::{Node, Nodes, Outcome};
use super::optional::{Optionals, Visibility};
use super::rows::age_of;
use super::scope::{Partial, PodTracks, Scope};
use super::sync::{PageHead, Track};
use super::usage::Usage;
use super::{ClusterSpec, Known, Settings};
use crate::facts::accelerator;
use crate::facts::pod::PodFacts;
use crate::facts::text::Clean;
use crate::msg::{Batch, ClusterEvent, ClusterId, Failure, Layer, Mono, Now, PageLimits, Resource};

use link::Link;
pub(super) use pods::OpenedNode;
use table::Table;

pub(crate) use table::Step;
pub use views::{
    AcceleratorTotals, ClusterSummary, Freshness, Health, HeapBytes, Liveness, NodeCounts, NodeDetail, NodeItem,
    PageUnderWay, PodCounts, ResourceAmounts,
};

/// Nodes that came, changed or went, nodes whose pods did, and figures of usage that are taken in at once: a millisecond at most.
/// A page of pods touches up to 500 nodes, and many pages come between two frames.
const MET_AT_ONCE: usize = 512;

/// One cluster as far as we know it.
#[derive(Debug)]
pub struct ClusterState {
    pub(super) id: ClusterId,
    pub(super) spec: ClusterSpec,
    pub(super) settings: Settings,
    pub(super) nodes_track: Track,
    pub(super) pods_track: PodTracks,
    pub(super) nodes: Nodes,
    pub(super) ledger: Ledger,
    pub(super) history: History,
    pub(super) latency: Latency,
    pub(super) link: Link,
    pub(super) join: Join,
    pub(super) usage: Usage,
    pub(super) optional: Optionals,
    pub(super) alerts: Alerts,
    pub(super) boards: Boards,
    pub(super) budget: Budget,
    table: Table,
    opened: OpenedNode,
    /// The credential plugin that its context uses.
    plugin: Option<Clean>,
    /// The one object that is looked at closely.
    pub(super) inspected: Option<Inspected>,
}

impl ClusterState {
    /// A cluster of which only the name is known, with default thresholds.
    #[must_use]
    pub fn new(spec: ClusterSpec) -> Self {
        Self::with(spec, ClusterId::default(), Settings::default())
    }

    /// A cluster of which only the name is known.
    #[must_use]
    pub fn with(spec: ClusterSpec, id: ClusterId, settings: Settings) -> Self {
        Self {
            id,
            spec,
            settings,
            nodes_track: Track::default(),
            pods_track: PodTracks::default(),
            nodes: Nodes::default(),
            ledger: Ledger::default(),
            history: History::new(settings.flapping_over),
            latency: Latency::new(settings),
            link: Link::default(),
            join: Join::default(),
            usage: Usage::default(),
            optional: Optionals::default(),
            alerts: Alerts::default(),
            boards: Boards::default(),
            budget: Budget::default(),
            table: Table::default(),
            opened: OpenedNode::default(),
            plugin: None,
            inspected: None,
        }
    }

    /// The context.
    #[must_use]
    pub fn context(&self) -> &Clean {
        &self.spec.context
    }

    /// The server's URL, once its task has said so.
    #[must_use]
    pub fn server(&self) -> Option<&Clean> {
        self.link.server.as_ref()
    }

    /// The sparkline of the work probe: exactly `columns` marks, one per probe tick, newest last.
    #[must_use]
    pub fn marks(&self, columns: usize, now: Now) -> Vec<Mark> {
        self.latency.marks(columns, now.mono)
    }

    /// The thresholds in force.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Everything measured about the API.
    #[must_use]
    pub fn latency(&self) -> &Latency {
        &self.latency
    }

    /// Firing alerts, worst first, then oldest.
    #[must_use]
    pub fn alerts(&self) -> &[AlertLine] {
        self.alerts.lines()
    }

    /// What is remembered of alerts, pending, firing and resolved, in no order.
    #[must_use]
    pub fn alert_records(&self) -> &[AlertRecord] {
        self.alerts.records()
    }

    /// The last failures, newest first; a bounded number.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.link.failures()
    }

    /// The last 50 failures one by one, newest first; the same failure again is another one.
    pub fn failure_log(&self) -> impl Iterator<Item = &Failure> {
        self.link.log()
    }

    /// The limits that the last page of `resource` was asked for with, if one was.
    #[must_use]
    pub fn page_limits(&self, resource: Resource) -> Option<&PageLimits> {
        self.link.limits.iter().find(|limits| limits.resource == resource)
    }

    /// Our clock minus the server's in milliseconds, if the server's `Date` has been seen.
    #[must_use]
    pub fn skew_ms(&self) -> Option<i64> {
        self.link.skew_ms
    }

    /// Nodes and pods of the first list are complete.
    #[must_use]
    pub fn complete(&self) -> bool {
        self.nodes_track.complete() && self.pods_track.complete()
    }

    /// Waiting brings nothing more: complete, or we may not ask for the rest, or the context cannot be used.
    #[must_use]
    pub fn settled(&self) -> bool {
        let nodes = self.nodes_track.complete() || self.nodes_track.denied();
        let over = self.budget.exceeded().is_some();
        // As soon as the lists have been told why, too.
        let unusable = self.link.unusable && self.tracks().all(|(.., track)| track.lost().is_some());
        self.spec.broken.is_some() || over || unusable || (nodes && self.pods_track.settled())
    }

    /// The GPU view, as of the last time that somebody looked; numbers of pods are as well known as [`ClusterState::pod_counts`].
    #[must_use]
    pub fn gpu_board(&self) -> &Board {
        self.boards.board()
    }

    /// How often the GPU view was counted anew.
    #[cfg(test)]
    pub(crate) fn gpu_boards_made(&self) -> u64 {
        self.boards.made()
    }

    /// The pods that count, on known nodes or not, told apart.
    #[must_use]
    pub fn pod_counts(&self) -> Known<PodCounts> {
        let bound = self.ledger.bound();
        self.pods_track.known(PodCounts {
            bound: bound.pods,
            terminating: bound.terminating,
            daemon_set: bound.daemon_set,
            mirror: bound.mirror,
        })
    }

    /// What is watched of the pods, if that is only a part of the cluster: their numbers are lower bounds then (F23).
    #[must_use]
    pub fn partial(&self) -> Option<Partial> {
        self.pods_track.partial()
    }

    /// The namespaces whose pods are watched, each with how fresh they are and how many could not be read; none if all pods are listed together.
    pub fn namespaces(&self, now: Now) -> impl Iterator<Item = (&Clean, Freshness, u32)> {
        let fresh = move |track: &Track| track.freshness(self.settings.stale_after, now);
        self.pods_track.named().filter_map(move |(name, track)| Some((name?, fresh(track), track.unread())))
    }

    /// Nodes that could not be read since their last list began.
    #[must_use]
    pub fn unreadable_nodes(&self) -> u32 {
        self.nodes_track.unreadable()
    }

    /// Pods that could not be read since their last list began.
    #[must_use]
    pub fn unreadable_pods(&self) -> u32 {
        self.pods_track.unreadable()
    }

    /// Nodes of their last list that could not be read: their number is a lower bound then.
    #[must_use]
    pub fn unread_nodes(&self) -> u32 {
        self.nodes_track.unread()
    }

    /// Pods of their last lists that could not be read.
    #[must_use]
    pub fn unread_pods(&self) -> u32 {
        self.pods_track.unread()
    }

    /// Whether the usage of nodes is seen.
    #[must_use]
    pub fn usage_visible(&self) -> &Visibility {
        self.usage.visible()
    }

    /// Age of the newest figures of usage, by the server's clock; `None` without any.
    #[must_use]
    pub fn usage_age(&self, now: Now) -> Option<Duration> {
        age_of(self.usage.newest(), self.server_now(now))
    }

    /// Whether devices of dynamic resource allocation are seen.
    #[must_use]
    pub fn dra_visible(&self) -> Visibility {
        self.optional.dra_visible()
    }

    /// The devices of dynamic resource allocation as of now; `None` until slices and claims were read.
    #[must_use]
    pub fn dra_devices(&self) -> Option<dra::Devices> {
        self.optional.count_devices()
    }

    /// What is known of a claim and its devices.
    #[must_use]
    pub fn claim(&self, namespace: &str, name: &str) -> ClaimState {
        self.optional.claim(namespace, name)
    }

    /// Taint rules of devices that are known; `None` where they are not seen.
    #[must_use]
    pub fn taint_rules(&self) -> Option<usize> {
        self.optional.rules.complete().then(|| self.optional.rules.iter().count())
    }

    /// Whether the leases of kubelets are seen.
    #[must_use]
    pub fn leases_visible(&self) -> Visibility {
        self.optional.leases.visible()
    }

    /// Device classes that serve an extended resource: the resource, and the class; by name.
    #[must_use]
    pub fn dra_bridges(&self) -> Vec<(Clean, Clean)> {
        let named = self.optional.classes.iter().filter(|(_, class)| !class.extended_resource.is_empty());
        let mut bridges: Vec<_> = named.map(|(key, class)| (class.extended_resource.clone(), key.clone())).collect();
        bridges.sort_unstable();
        bridges
    }

    /// Everything that a cluster need not have has been answered for, one way or another.
    #[must_use]
    pub fn optional_settled(&self) -> bool {
        let none = self.spec.broken.is_some() || self.link.unusable;
        none || (self.usage.visible().answered() && self.optional.settled())
    }

    /// Every pod that is held, made anew from its record, in no order, whether the list is complete or not. Looks at every
    /// record: not for a frame.
    pub fn held_pods(&self) -> impl Iterator<Item = PodFacts<'_>> {
        self.ledger.pods().map(|slot| self.ledger.pod(slot))
    }

    /// Everything that is held, for tests that compare it with a server's truth.
    #[cfg(test)]
    pub(crate) fn held_objects(&self) -> (&Nodes, &Ledger) {
        (&self.nodes, &self.ledger)
    }

    /// Bytes on the heap by what is held: nodes with all that follows from them, and pods.
    #[must_use]
    pub fn heap_bytes(&self) -> HeapBytes {
        let nodes = self.nodes.heap_bytes() + self.history.heap_bytes() + self.table.heap_bytes();
        let rest = self.join.heap_bytes() + self.alerts.density.heap_bytes() + self.usage.heap_bytes();
        HeapBytes { nodes: nodes + rest, pods: self.ledger.heap_bytes() }
    }

    /// Counts these names as accelerators from now on; before the first node comes.
    pub(crate) fn count_as_accelerators(&mut self, table: Arc<accelerator::Table>) {
        self.nodes = Nodes::with(table);
    }

    /// Takes `True` of these conditions of nodes for good; before the first node comes.
    pub(crate) fn take_for_good(&mut self, conditions: Arc<[Clean]>) {
        self.nodes.take_for_good(conditions);
    }

    /// Watches only these pods; before the first message.
    pub(crate) fn watch_only(&mut self, scope: Scope) {
        self.ledger = Ledger::of(&scope.namespaces);
        self.pods_track = PodTracks::of(scope);
    }

    /// Its context uses this credential plugin, or none; before the first message.
    pub(crate) fn log_in_with(&mut self, plugin: Option<Clean>) {
        self.plugin = plugin;
    }

    /// The credential plugin that its context uses.
    #[must_use]
    pub fn plugin(&self) -> Option<&Clean> {
        self.plugin.as_ref()
    }

    /// The server is not asked, or does not answer, for want of credentials that the plugin could bring.
    #[must_use]
    pub fn is_locked_out(&self) -> bool {
        let firing = |line: &AlertLine| matches!(line.reason, "CredentialsMissing" | "CredentialsRejected");
        self.plugin.is_some() && self.alerts().iter().any(firing)
    }

    /// Takes in news of this cluster.
    pub(crate) fn apply(&mut self, event: ClusterEvent, now: Now) {
        self.alerts.touch();
        self.link.begun(now);
        if self.budget.exceeded().is_some() && budget::is_followed(&event) {
            return;
        }
        let bytes = budget::incoming(&event);
        match event {
            ClusterEvent::Namespaced { place, event } => self.listed(*event, usize::from(place), now),
            event => self.listed(event, 0, now),
        }
        if bytes > 0 {
            self.hold_to_budget(bytes, now);
        }
    }

    /// So much has come in: if that is more than is to be held, nothing more is.
    fn hold_to_budget(&mut self, bytes: u64, now: Now) {
        let Settings { most_objects, most_bytes, .. } = self.settings;
        let objects = self.nodes.len() + self.ledger.totals().held as usize + self.optional.len();
        let count = self.budget.spend(bytes, most_bytes);
        let text = if objects as u64 > most_objects {
            format!("more than {most_objects} objects")
        } else if count && self.held_bytes() > most_bytes {
            format!("more than {} MiB of objects", most_bytes >> 20)
        } else {
            return;
        };
        self.budget.exceed(&text);
        let text = Clean::new(&format!("{text}: no longer followed; the limits are `max-objects` and `max-mib`"));
        let failure = Failure {
            at: now.wall,
            layer: Layer::Internal,
            request: Clean::new("list and watch"),
            code: None,
            text,
            attempt: 1,
            next_in: None,
            previous: None,
            audit_id: None,
            retry_after: None,
            timeout: false,
        };
        self.pods_track.exceed(&failure);
        self.optional.exceed(&failure);
        self.link.failed(failure.clone(), now.mono);
        self.nodes_track.exceed(failure);
    }

    fn held_bytes(&self) -> u64 {
        let HeapBytes { nodes, pods } = self.heap_bytes();
        (nodes + pods + self.optional.heap_bytes()) as u64
    }

    /// Takes in news, of lists those of one part: the place of a namespace, 0 where there are none.
    fn listed(&mut self, event: ClusterEvent, part: usize, now: Now) {
        match event {
            // There is nothing in a namespace of a namespace.
            ClusterEvent::Namespaced { .. } => {}
            ClusterEvent::Server { url, insecure } => {
                self.link.server = Some(url);
                self.link.insecure = insecure;
            }
            ClusterEvent::Version(version) => self.link.version = Some(version),
            ClusterEvent::ListStarted { resource, generation } if resource.is_optional() => {
                self.optional.begin(resource, generation);
            }
            ClusterEvent::ListStarted { resource, generation } => {
                self.list_started(resource, List { part, generation });
            }
            ClusterEvent::Page { resource, generation, page, remaining, unreadable, batch, .. } => {
                let objects = batch.len() as u64;
                let head = PageHead { generation, page, objects, remaining, unreadable };
                self.link.answered(now);
                if resource.is_optional() {
                    return self.optional.page(head, batch, now);
                }
                if self.track_mut(resource, part).is_some_and(|track| track.page(head, now)) {
                    self.page(batch, List { part, generation }, now);
                }
            }
            ClusterEvent::ListFinished { resource, generation } if resource.is_optional() => {
                self.optional.finish(resource, generation, now);
            }
            ClusterEvent::ListFinished { resource, generation } => {
                self.list_finished(resource, List { part, generation }, now);
            }
            ClusterEvent::Changes { resource, generation, unreadable, batch } => {
                self.link.answered(now);
                if resource.is_optional() {
                    return self.optional.changes(generation, unreadable, batch, now);
                }
                if let Some(track) = self.track_mut(resource, part) {
                    track.changed(batch.len(), unreadable, now);
                    self.changes(batch, List { part, generation }, now);
                }
            }
            ClusterEvent::Sync { resource, state } if resource.is_optional() => {
                self.optional.set_state(resource, state);
            }
            ClusterEvent::Sync { resource, state } => {
                if let Some(track) = self.track_mut(resource, part) {
                    track.set_state(state);
                }
            }
            ClusterEvent::Heard { resource, bytes } => {
                self.link.answered(now);
                if resource.is_optional() {
                    self.optional.heard(resource, now);
                } else if let Some(track) = self.track_mut(resource, part) {
                    track.heard(now);
                }
                self.latency.watched(bytes, now.mono);
            }
            ClusterEvent::Usage(news) => self.usage.news(news),
            ClusterEvent::Call(call) => self.call(call, now),
            ClusterEvent::Limits(limits) => self.link.limited(limits),
            ClusterEvent::Probe(sample) => self.probe(&sample, now),
            ClusterEvent::Found(finding) => self.found(*finding, now),
            ClusterEvent::Failed(failure) => self.link.failed(*failure, now.mono),
            ClusterEvent::Unusable => self.link.unusable = true,
            ClusterEvent::Skew { ours_minus_server_ms } => self.link.skew_ms = Some(ours_minus_server_ms),
            ClusterEvent::TaskRestarted { text } => self.link.restarted(text, now),
        }
    }

    /// A second has passed.
    pub(crate) fn tick(&mut self, now: Now) {
        self.latency.tick(now.mono);
        self.history.watched(self.nodes_are_current(now) && self.nodes_track.complete(), now);
        self.history.tick(now);
        self.meet(now.mono);
        self.alerts.touch();
        self.evaluate(now);
    }

    /// The machine slept for `gap` while the monotonic clock stood still, or the program was stopped (F67).
    pub(crate) fn resumed(&mut self, gap: Duration, now: Now) {
        self.latency.slept(gap);
        self.alerts.slept(gap);
        if !gap.is_zero() {
            self.nodes_track.slept(now);
            self.pods_track.slept(now);
            self.optional.slept(now);
        }
        self.link.resumed = Some(now.mono);
    }

    /// Brings what every frame shows of this cluster up to date.
    pub(crate) fn prepare(&mut self, now: Now) {
        self.meet(now.mono);
        self.optional.refresh(now.mono);
        self.evaluate(now);
    }

    /// Takes in what has changed of nodes and of their pods: O(changes), whatever the size of the cluster, and no more than a
    /// frame can wait for. The rest waits for the next time.
    fn meet(&mut self, now: Mono) {
        let (touched, pods) = (self.nodes.take_touched(MET_AT_ONCE), self.ledger.take_touched(MET_AT_ONCE));
        let Self { nodes, ledger, join, alerts, settings, table, usage, .. } = self;
        usage.take_in(MET_AT_ONCE, |name| nodes.by_name(name).map(|node| node.facts.name.clone()));
        let density = &mut alerts.density;
        if !touched.complete || !pods.complete {
            join.compute(nodes, ledger);
            density.look_at_all((nodes, ledger), settings, now);
            table.everything_changed(nodes);
            return;
        }
        // Found before the rest is done, so that the processor waits for many of them at a time.
        for &id in &pods.there {
            if let Some(key) = ledger.node_in(id, nodes).map(Node::key) {
                ledger.found(id, key);
            }
        }
        let ledger = &*ledger;
        let known = touched.there.iter().filter_map(|key| nodes.get(*key)).map(|node| &node.facts.name);
        let named = known.chain(&touched.gone).filter_map(|name| ledger.id_of(name));
        for id in named.chain(pods.there.iter().copied()) {
            let node = ledger.node_in(id, nodes);
            join.update(id, node, (nodes, ledger));
            density.look((id, node), ledger, settings, now);
        }
        let with_pods = pods.there.iter().filter_map(|id| ledger.node_in(*id, nodes));
        let without = pods.gone.iter().filter_map(|name| nodes.by_name(name));
        table.changed(&touched.there, with_pods.chain(without).map(Node::key), nodes);
    }

    /// Takes in some of what has changed and waits; whether there is more.
    pub(crate) fn catch_up(&mut self, now: Now) -> bool {
        if self.is_behind() {
            self.meet(now.mono);
        }
        self.is_behind()
    }

    /// Some of what has changed waits to be taken in.
    pub(crate) fn is_behind(&self) -> bool {
        self.nodes.is_touched() || self.ledger.is_touched() || self.usage.is_behind()
    }

    /// The lists of nodes and pods, those of a namespace with its name.
    pub(super) fn tracks(&self) -> impl Iterator<Item = (Resource, Option<&Clean>, &Track)> {
        let pods = self.pods_track.named().map(|(name, track)| (Resource::Pods, name, track));
        std::iter::once((Resource::Nodes, None, &self.nodes_track)).chain(pods)
    }

    /// Of nodes, or of a part of the pods: what is optional has tracks of its own.
    fn track_mut(&mut self, resource: Resource, part: usize) -> Option<&mut Track> {
        if resource == Resource::Nodes { Some(&mut self.nodes_track) } else { self.pods_track.part_mut(part) }
    }

    fn list_started(&mut self, resource: Resource, list: List) {
        if self.track_mut(resource, list.part).is_some_and(|track| track.started(list.generation)) {
            if resource == Resource::Nodes {
                self.nodes.begin(list.generation);
            } else {
                self.ledger.begin(list);
            }
        }
    }

    fn list_finished(&mut self, resource: Resource, list: List, now: Now) {
        if !self.track_mut(resource, list.part).is_some_and(|track| track.finished(list.generation, now)) {
            return;
        }
        if resource == Resource::Nodes {
            for uid in self.nodes.finish() {
                self.history.gone(uid, now);
            }
        } else {
            self.ledger.finish(list);
        }
    }

    fn page(&mut self, batch: Batch, list: List, now: Now) {
        match batch {
            Batch::Nodes(changes) => {
                for change in changes {
                    if let crate::msg::NodeChange::Present(mut node) = change {
                        if let Some(name) = self.usage.name(&node.name) {
                            node.name = name.clone();
                        }
                        let outcome = self.nodes.page(&node, now.mono);
                        self.note(&outcome, now);
                    }
                }
            }
            Batch::Pods(batch) => self.ledger.apply(&batch, list, Origin::Page),
            Batch::Leases(_) | Batch::Slices(_) | Batch::Claims(_) | Batch::Classes(_) | Batch::Rules(_) => {}
        }
    }

    fn changes(&mut self, batch: Batch, list: List, now: Now) {
        match batch {
            Batch::Nodes(changes) => {
                for change in changes {
                    let outcome = self.nodes.change(change, list.generation, now.mono);
                    self.note(&outcome, now);
                }
            }
            Batch::Pods(batch) => self.ledger.apply(&batch, list, Origin::Watch),
            Batch::Leases(_) | Batch::Slices(_) | Batch::Claims(_) | Batch::Classes(_) | Batch::Rules(_) => {}
        }
    }

    /// Readiness has a history of its own, which outlives the store's objects.
    fn note(&mut self, outcome: &Outcome, now: Now) {
        match outcome {
            Outcome::Ignored => {}
            Outcome::Stored { key, replaced } => {
                if let Some(uid) = replaced {
                    self.history.gone(*uid, now);
                }
                if let Some(node) = self.nodes.get(*key) {
                    self.history.observe(&node.facts, now);
                }
            }
            Outcome::Removed(uid) => self.history.gone(*uid, now),
        }
    }
}

/// A sum as it is shown.
pub(in crate::model) fn saturate(sum: i128) -> i64 {
    i64::try_from(sum).unwrap_or(if sum < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests;
