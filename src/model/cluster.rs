//! `ClusterState`: the stores of one cluster and the parts that are derived from them.

mod alerts;
mod api;
mod apply;
mod arrangement;
pub mod detail;
mod events;
mod gangs;
mod gpus;
mod health;
mod hits;
mod node;
mod one_shot;
mod placement;
mod pod_groups;
mod pod_list;
mod pod_set;
mod pods;
mod queries;
mod report_list;
mod summary;
mod table;
mod views;

use std::time::Duration;

use crate::facts::pod::PodFacts;
use crate::facts::text::Clean;
use crate::facts::wire::Uid;
use crate::model::alerts::{AlertLine, AlertRecord, Alerts, Rule};
use crate::model::derive::black_holes::BlackHoles;
use crate::model::derive::density::Density;
use crate::model::derive::dra::DeviceCounts;
use crate::model::derive::gangs::GangSizes;
use crate::model::derive::gpus::GpuReport;
use crate::model::derive::history::History;
use crate::model::derive::join::Join;
use crate::model::derive::latency::Latency;
use crate::model::derive::placement::Placement;
use crate::model::derive::rows::AcceleratorTotals;
use crate::model::derive::server::ServerState;
use crate::model::derive::server::health::ServerHealth;
use crate::model::derive::totals;
use crate::model::derive::usage::UsageStore;
use crate::model::known::Known;
use crate::model::settings::{ClusterSpec, Settings};
use crate::model::store::Stores;
use crate::model::store::budget::Budget;
use crate::model::store::nodes::{Node, NodeStore};
use crate::model::store::optional::OptionalApis;
use crate::model::store::pods::{PodCounts, PodStore};
use crate::model::store::scope::Scope;
use crate::model::store::sync::Freshness;
use crate::model::store::tracks::CoreTracks;
use crate::model::table::events::EventList;
use crate::model::table::state::Table;
use crate::model::time::age_of;
use crate::msg::detail::{DetailPart, ObjectRef, Yaml};
use crate::msg::{ClusterId, Mono, Now, Resource};

use detail::{DetailState, LinkNow, PartFreshness};
use hits::HitCache;
use pod_list::PodTables;
use queries::Queries;
use table::NodeTable;

pub use api::ApiLists;
pub use gangs::{GangView, OpenedGang};
pub use gpus::GpuView;
pub use hits::HitKey;
pub use one_shot::PendingPod;
pub use pod_groups::PodGroupView;
pub use pod_list::{PodPlace, PodTable};
pub use pod_set::PodSet;
pub use queries::WaitingObjects;
pub(crate) use table::SavedNodes;
pub use views::{ClusterSummary, Health, HeapBytes, Liveness, NodeCounts, NodeDetail, NodeItem, PageUnderWay};

/// Maximum number of changes of nodes, of their pods and of usage figures that are applied at once, in at most a millisecond. A
/// page of pods changes up to 500 nodes, and many pages arrive between two frames.
const MAX_PENDING: usize = 512;

/// One cluster: its stores, and what is derived from them.
#[derive(Debug)]
pub struct ClusterState {
    pub(super) id: ClusterId,
    pub(super) spec: ClusterSpec,
    pub(super) settings: Settings,
    /// The credential plugin that its context uses.
    pub(super) plugin: Option<Clean>,
    pub(super) tracks: CoreTracks,
    pub(super) nodes: NodeStore,
    pub(super) pods: PodStore,
    pub(super) optional: OptionalApis,
    pub(super) budget: Budget,
    pub(super) history: History,
    pub(super) latency: Latency,
    pub(super) link: ServerState,
    pub(super) join: Join,
    /// Nodes that are nearly full of pods.
    density: Density,
    black_holes: BlackHoles,
    queries: Queries,
    pub(super) usage: UsageStore,
    pub(super) devices: DeviceCounts,
    gpus: GpuView,
    gangs: GangView,
    opened_gang: Option<OpenedGang>,
    /// Numbers of pods that owners of gangs say.
    gang_sizes: GangSizes,
    /// Placement of the pod that is open.
    placement: Placement,
    api: ApiLists,
    /// Table of the events of `detail`.
    events: Table<EventList>,
    pub(super) alerts: Alerts,
    /// Pods that its firing alerts hit.
    hits: HitCache,
    table: NodeTable,
    pod_tables: PodTables,
    /// The one object that is shown in detail.
    detail: Option<DetailState>,
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
            plugin: None,
            tracks: CoreTracks::default(),
            nodes: NodeStore::default(),
            pods: PodStore::default(),
            optional: OptionalApis::default(),
            budget: Budget::default(),
            history: History::new(settings.flapping_over),
            latency: Latency::new(settings),
            link: ServerState::default(),
            join: Join::default(),
            density: Density::default(),
            black_holes: BlackHoles::default(),
            queries: Queries::default(),
            usage: UsageStore::default(),
            devices: DeviceCounts::default(),
            gpus: GpuView::default(),
            gangs: GangView::default(),
            opened_gang: None,
            gang_sizes: GangSizes::default(),
            placement: Placement::default(),
            api: ApiLists::default(),
            events: Table::default(),
            alerts: Alerts::default(),
            hits: HitCache::default(),
            table: NodeTable::default(),
            pod_tables: PodTables::default(),
            detail: None,
        }
    }

    /// The context.
    #[must_use]
    pub fn context(&self) -> &Clean {
        &self.spec.context
    }

    /// The thresholds in force.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The credential plugin that its context uses.
    #[must_use]
    pub fn plugin(&self) -> Option<&Clean> {
        self.plugin.as_ref()
    }

    /// State of the server, its limits and its failures.
    #[must_use]
    pub fn link(&self) -> &ServerState {
        &self.link
    }

    /// Latency of the API, its probes and calls.
    #[must_use]
    pub fn latency(&self) -> &Latency {
        &self.latency
    }

    /// Lists and watches of nodes and pods.
    #[must_use]
    pub fn tracks(&self) -> &CoreTracks {
        &self.tracks
    }

    /// Objects of the optional APIs.
    #[must_use]
    pub fn optional(&self) -> &OptionalApis {
        &self.optional
    }

    /// Usage of the nodes.
    #[must_use]
    pub fn usage(&self) -> &UsageStore {
        &self.usage
    }

    /// Age of the newest figures of usage, by the server's clock; `None` without any.
    #[must_use]
    pub fn usage_age(&self, now: Now) -> Option<Duration> {
        age_of(self.usage.newest(), self.link.now(now))
    }

    /// Firing alerts, worst first, then oldest.
    #[must_use]
    pub fn alerts(&self) -> &[AlertLine] {
        self.alerts.lines()
    }

    /// Alerts that are remembered: pending, firing and resolved, in no order.
    #[must_use]
    pub fn alert_records(&self) -> &[AlertRecord] {
        self.alerts.records()
    }

    /// The GPU view as of its last refresh; numbers of pods are as well known as [`ClusterState::pod_counts`].
    #[must_use]
    pub fn gpu_report(&self) -> &GpuReport {
        self.gpus.report()
    }

    /// Number of times that the GPU view was counted again.
    #[cfg(test)]
    pub(crate) fn gpu_reports_made(&self) -> u64 {
        self.gpus.made()
    }

    /// Returns `true` if waiting brings nothing more: all is complete, the rest is forbidden, or the context cannot be used.
    #[must_use]
    pub fn settled(&self) -> bool {
        // Only once the lists know the reason too.
        let unusable = self.link.unusable && self.tracks.all().all(|(.., track)| track.lost().is_some());
        self.spec.broken.is_some() || self.budget.exceeded().is_some() || unusable || self.tracks.settled()
    }

    /// Returns `true` once each optional API has answered, one way or another.
    #[must_use]
    pub fn optional_settled(&self) -> bool {
        let none = self.spec.broken.is_some() || self.link.unusable;
        none || (self.usage.visible().answered() && self.optional.settled() && self.queues().is_settled())
    }

    /// Counted pods by kind, whether their nodes are known or not.
    #[must_use]
    pub fn pod_counts(&self) -> Known<PodCounts> {
        self.tracks.pods.known(self.pods.bound().counts())
    }

    /// Freshness of nodes or pods; that of optional resources is in [`ClusterState::optional`].
    #[must_use]
    pub fn fresh(&self, resource: Resource, now: Now) -> Freshness {
        self.tracks.freshness(resource, self.settings.stale_after, now)
    }

    /// Accelerators by resource and kind, accessories left out; requests as of now, not as of the last frame.
    #[must_use]
    pub fn accelerators(&self) -> Vec<AcceleratorTotals> {
        totals::accelerators(Stores { nodes: &self.nodes, pods: &self.pods }, &self.tracks)
    }

    /// Every pod in the store, rebuilt from its record, in no particular order, whether the list is complete or not. O(pods), so
    /// not for a frame.
    pub fn held_pods(&self) -> impl Iterator<Item = PodFacts<'_>> {
        self.pods.pods().map(|slot| self.pods.pod(slot))
    }

    /// The stores of nodes and pods, for tests that compare them with a server's objects.
    #[cfg(test)]
    pub(crate) fn held_objects(&self) -> (&NodeStore, &PodStore) {
        (&self.nodes, &self.pods)
    }

    /// Bytes on the heap: nodes with all that is derived from them, and pods.
    #[must_use]
    pub fn heap_bytes(&self) -> HeapBytes {
        let nodes = self.nodes.heap_bytes() + self.history.heap_bytes() + self.table.heap_bytes();
        let rest = self.join.heap_bytes() + self.density.heap_bytes() + self.usage.heap_bytes();
        let rest = rest + self.black_holes.heap_bytes();
        HeapBytes { nodes: nodes + rest, pods: self.pods.heap_bytes() }
    }

    /// Returns `true` if requests fail for lack of credentials that the plugin could provide.
    #[must_use]
    pub fn is_locked_out(&self) -> bool {
        let firing = |line: &AlertLine| matches!(line.rule, Rule::CredentialsMissing | Rule::CredentialsRejected);
        self.plugin.is_some() && self.alerts().iter().any(firing)
    }

    /// The object that is shown in detail; `None` if none is.
    #[must_use]
    pub fn detail(&self) -> Option<&DetailState> {
        self.detail.as_ref()
    }

    /// Freshness of one part of that object.
    #[must_use]
    pub fn detail_freshness(&self, part: DetailPart, now: Now) -> Option<PartFreshness<'_>> {
        Some(self.detail.as_ref()?.freshness(part, &self.link_now(now), now))
    }

    /// Shows `subject` in detail from now on, or nothing; the detail of another object is dropped.
    pub(crate) fn watch_detail(&mut self, subject: Option<&ObjectRef>, yaml: Yaml, uid: Option<Uid>) {
        if self.detail.as_ref().map(DetailState::subject) != subject {
            self.detail = subject.map(|subject| DetailState::new(subject.clone(), uid));
            self.events = self.events.sorted_alike();
        }
        if let Some(detail) = &mut self.detail {
            detail.want_yaml(yaml);
        }
    }

    fn link_now(&self, now: Now) -> LinkNow {
        LinkNow { answered: self.link.answered, silent: self.server_health().unreachable(now).is_some() }
    }

    /// Watches only these pods; before the first message.
    pub(crate) fn set_scope(&mut self, scope: Scope) {
        self.pods = PodStore::of(&scope.namespaces);
        self.tracks = CoreTracks::of(scope);
    }

    /// Evidence of how the server answers.
    pub(super) fn server_health(&self) -> ServerHealth<'_> {
        let Self { link, latency, tracks, settings, .. } = self;
        ServerHealth { server: link, latency, tracks, settings }
    }

    /// Applies the passing of a second.
    pub(crate) fn tick(&mut self, now: Now) {
        self.latency.tick(now.mono);
        if self.server_health().is_silent(now) {
            self.link.silent_at = Some(now.mono);
        }
        let current = self.server_health().nodes_are_current(now) && self.tracks.nodes.complete();
        self.history.watched(current, now);
        self.history.tick(now);
        self.apply_pending(now.mono);
        self.tick_queries(now);
        self.alerts.touch();
        self.evaluate(now);
    }

    /// Applies a wake-up: the machine slept for `gap` while the monotonic clock stood still, or the program was stopped (F67).
    pub(crate) fn resumed(&mut self, gap: Duration, now: Now) {
        self.latency.slept(gap);
        self.alerts.slept(gap);
        if !gap.is_zero() {
            self.tracks.slept(now);
            self.optional.slept(now);
        }
        self.link.resumed = Some(now.mono);
    }

    /// Updates the parts of this cluster that every frame shows.
    pub(crate) fn prepare(&mut self, now: Now) {
        self.apply_pending(now.mono);
        self.devices.refresh(&self.optional, now.mono);
        self.evaluate(now);
        self.refresh_hits(now);
    }

    /// Applies pending changes of nodes and of their pods: O(changes), whatever the size of the cluster, and no more than a
    /// frame can wait for. The rest stays pending.
    fn apply_pending(&mut self, now: Mono) {
        let (changed_nodes, changed_pods) = (self.nodes.take_touched(MAX_PENDING), self.pods.take_touched(MAX_PENDING));
        let Self { nodes, pods, join, density, settings, table, usage, .. } = self;
        usage.apply_pending(MAX_PENDING, |name| nodes.by_name(name).map(|node| node.facts.name.clone()));
        if !changed_nodes.complete || !changed_pods.complete {
            join.compute(Stores { nodes, pods });
            density.update_all(nodes, pods, settings, now);
            table.everything_changed(nodes);
            return;
        }
        // Looked up before the rest, so that the processor waits for several memory accesses at a time.
        for &id in &changed_pods.there {
            if let Some(key) = pods.node_in(id, nodes).map(Node::key) {
                pods.found(id, key);
            }
        }
        let (nodes, pods) = (&*nodes, &*pods);
        let stores = Stores { nodes, pods };
        let known = changed_nodes.there.iter().filter_map(|key| nodes.get(*key)).map(|node| &node.facts.name);
        let named = known.chain(&changed_nodes.gone).filter_map(|name| pods.id_of(name));
        for id in named.chain(changed_pods.there.iter().copied()) {
            let node = pods.node_in(id, nodes);
            join.update(id, node, stores);
            density.update(id, node, pods, settings, now);
        }
        let with_pods = changed_pods.there.iter().filter_map(|id| pods.node_in(*id, nodes));
        let without = changed_pods.gone.iter().filter_map(|name| nodes.by_name(name));
        table.changed(&changed_nodes.there, with_pods.chain(without).map(Node::key), nodes);
    }

    /// Applies some of the pending changes.
    pub(crate) fn catch_up(&mut self, now: Now) {
        if self.is_behind() {
            self.apply_pending(now.mono);
        }
    }

    /// Returns `true` while changes are pending.
    pub(crate) fn is_behind(&self) -> bool {
        self.nodes.is_touched() || self.pods.is_touched() || self.usage.is_behind()
    }
}

#[cfg(test)]
mod tests;
