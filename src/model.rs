//! `Model`: everything the screen knows. Pure: the same messages at the same times always give the same model.

pub mod alert;
pub mod alerts;
mod budget;
mod chunks;
pub mod claims;
pub mod cluster;
pub mod dra;
pub mod fit;
pub mod gpus;
pub mod history;
mod index;
mod input;
pub mod inspection;
mod join;
mod kept;
pub mod latency;
pub mod ledger;
mod nodes;
pub mod optional;
pub mod rows;
pub mod scope;
pub mod screens;
mod sync;
mod touched;
pub mod usage;
mod versions;

use std::sync::Arc;
use std::time::Duration;

use crate::facts::accelerator::Table;
use crate::facts::text::Clean;
use crate::msg::inspect::{Inspection, Subject};
use crate::msg::{ClusterId, Effect, Mono, Msg, Now};

use alert::Severity;
use cluster::ClusterState;
use scope::Scope;
use screens::Place;

/// Rows of a page until the ui says how many there are: what fits a terminal of 24 lines.
const DEFAULT_PAGE: usize = 20;
/// How long a notice stays: long enough to be read, and gone before it is taken for news.
const NOTICE: Duration = Duration::from_secs(6);
/// The clocks may drift apart by this much before it means that the machine slept: F67.
const SLEEP: Duration = Duration::from_secs(5);
/// Nothing came for this long, not even the tick of each second: the program was stopped (SIGSTOP, a debugger, a terminal that
/// did not read), and what it did not hear in that time says nothing of the clusters.
const STOPPED: Duration = Duration::from_secs(10);

/// A number and how well it is known. An unknown number is never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known<T> {
    /// Nothing is known: the first list has brought nothing yet, or the source does not say.
    Unknown,
    /// A lower bound: the first list runs, only the pods of some namespaces are read (F23), or some objects could not be read.
    AtLeast(T),
    /// As of the last complete list and every change since.
    Exact(T),
    /// We may not ask (403).
    Denied,
}

impl<T> Known<T> {
    /// The number, if it is exact.
    pub fn exact(self) -> Option<T> {
        match self {
            Self::Exact(value) => Some(value),
            _ => None,
        }
    }

    /// The number or its lower bound, if anything is known.
    pub fn any(self) -> Option<T> {
        match self {
            Self::Exact(value) | Self::AtLeast(value) => Some(value),
            _ => None,
        }
    }

    /// The number if it is exact: a lower bound of what is taken is none of what is free.
    #[must_use]
    pub fn exact_or_unknown(self) -> Self {
        match self {
            Self::AtLeast(_) => Self::Unknown,
            known => known,
        }
    }

    /// A lower bound, where some of what is counted is not seen.
    #[must_use]
    pub fn at_least(self) -> Self {
        match self {
            Self::Exact(value) => Self::AtLeast(value),
            known => known,
        }
    }

    /// The same state around another number.
    pub fn map<U>(self, with: impl FnOnce(T) -> U) -> Known<U> {
        match self {
            Self::Unknown => Known::Unknown,
            Self::AtLeast(value) => Known::AtLeast(with(value)),
            Self::Exact(value) => Known::Exact(with(value)),
            Self::Denied => Known::Denied,
        }
    }
}

/// A cluster to watch, as the kubeconfig names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterSpec {
    /// The context's name.
    pub context: Clean,
    /// Why this context cannot be used at all (F102); its task is never started.
    pub broken: Option<Clean>,
}

/// What the operator looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Screen {
    /// The strip, the alerts and the node table.
    Nodes,
    /// One node of the current cluster.
    Node {
        /// Its name: a node that goes and comes back is shown again.
        name: Clean,
        /// Which part has the focus.
        pane: NodePane,
    },
    /// One pod of the current cluster.
    Pod {
        /// Its namespace.
        namespace: Clean,
        /// Its name.
        name: Clean,
    },
    /// One node or pod of the current cluster as YAML.
    Yaml {
        /// Which.
        subject: Subject,
        /// Values that a Secret may hold are shown.
        clear: bool,
    },
    /// The API of the current cluster: how fast it answers, and where the time goes.
    Api,
    /// All alerts of all clusters.
    Alerts,
    /// Accelerators of the current cluster: by model, pool, namespace or owner; what fits; what is held.
    Gpus,
}

/// The parts of the node screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NodePane {
    /// The pods on the node.
    Pods,
    /// Conditions.
    Conditions,
    /// Capacity, allocatable and requested per resource.
    Resources,
    /// Taints, labels and system information.
    Labels,
    /// What was reported about the node.
    Events,
}

/// What keys mean now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Keys are actions.
    Normal,
    /// Keys are text of the filter.
    Filter,
    /// The help is open.
    Help,
}

/// How nodes are read, where they do not say it themselves.
#[derive(Clone, Debug, Default)]
pub struct Conventions {
    /// What each resource name counts as.
    pub accelerators: Table,
    /// Types of conditions whose `True` is good, besides those whose name says so.
    pub good_conditions: Vec<Clean>,
}

/// Thresholds and windows; defaults in `assets/config.toml`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// An API call slower than this raises an alert, also while it runs: 10 s, the origin document.
    pub slow_call: Duration,
    /// Cleared after three calls in a row faster than this: 5 s.
    pub slow_call_clear: Duration,
    /// More timeouts than this in the window raise an alert: 10, the origin document.
    pub timeouts_over: u32,
    /// The window for timeouts: 10 min.
    pub timeouts_window: Duration,
    /// Cleared at this many or fewer in the window...
    pub timeouts_clear: u32,
    /// ...and none for this long: 3 min.
    pub timeouts_quiet: Duration,
    /// Without proof of life for this long data is stale: 5 min, the origin document.
    pub stale_after: Duration,
    /// p95 of the work probe over this raises an alert: 1 s, the API-call SLO for one object.
    pub probe_p95: Duration,
    /// Cleared when the p95 of the last minute is below this: 500 ms, the warn colour of a probe.
    pub probe_p95_clear: Duration,
    /// Slow for less than this, it is pending: 30 s.
    pub probe_p95_for: Duration,
    /// Ticks of the probe without any answer after which the API is unreachable: 3.
    pub unreachable_ticks: u16,
    /// From so many answers 429 within a minute on, throttling is a warning and not a notice: 3.
    pub throttled_warning: u16,
    /// More changes of Ready than this in 15 min are flapping: 2, kubernetes-mixin `KubeNodeReadinessFlapping`.
    pub flapping_over: u16,
    /// Devices that a node's labels promise are missing after this: 1 min.
    pub gpus_missing_for: Duration,
    /// A node whose pods take more than this share of its allocatable pods raises an alert: 95 %.
    pub pod_density_pct: u8,
    /// Cleared at this share or less: 90 %.
    pub pod_density_clear_pct: u8,
    /// Full for less than this, it is pending: 15 min, kubernetes-mixin `KubeletTooManyPods`.
    pub pod_density_for: Duration,
    /// An acknowledgement ends after this at the latest: 1 h.
    pub ack_expires: Duration,
    /// A silenced cluster is heard again after this: 30 min.
    pub silence_for: Duration,
    /// More objects than this are not held of a cluster: 4 million.
    pub most_objects: u64,
    /// More bytes of objects than this are not held of a cluster: 1 GiB.
    pub most_bytes: u64,
    /// The span of the percentiles and the sparkline: 5 min.
    pub latency_window: Duration,
    /// Period of the probes: 5 s; the width of one sparkline bucket.
    pub probe_period: Duration,
    /// Deadline of the probes: 5 s; full height of the sparkline.
    pub probe_deadline: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            slow_call: Duration::from_secs(10),
            slow_call_clear: Duration::from_secs(5),
            timeouts_over: 10,
            timeouts_window: Duration::from_secs(600),
            timeouts_clear: 3,
            timeouts_quiet: Duration::from_secs(180),
            stale_after: Duration::from_secs(300),
            probe_p95: Duration::from_secs(1),
            probe_p95_clear: Duration::from_millis(500),
            probe_p95_for: Duration::from_secs(30),
            unreachable_ticks: 3,
            throttled_warning: 3,
            flapping_over: history::FLAP_OVER,
            gpus_missing_for: Duration::from_secs(60),
            pod_density_pct: 95,
            pod_density_clear_pct: 90,
            pod_density_for: Duration::from_secs(900),
            ack_expires: Duration::from_secs(3_600),
            silence_for: Duration::from_secs(1_800),
            most_objects: 4_000_000,
            most_bytes: 1 << 30,
            latency_window: Duration::from_secs(300),
            probe_period: Duration::from_secs(5),
            probe_deadline: Duration::from_secs(5),
        }
    }
}

/// Everything the screen knows.
#[derive(Debug)]
pub struct Model {
    clusters: Vec<ClusterState>,
    /// Clusters that are lost together.
    outage: alert::Outage,
    current: usize,
    screen: Screen,
    /// What is below the screen, the lowest first: where `back` leads; nothing below means the nodes.
    trail: Vec<Place>,
    /// What the clusters' tasks were last told to look at closely.
    inspecting: Option<(ClusterId, Inspection)>,
    /// What was just done, and when.
    notice: Option<(Mono, Clean)>,
    mode: Mode,
    wide: bool,
    /// There is room for columns that only the wide table has, as the ui last said.
    wide_room: bool,
    /// The key of the help, as people read it.
    help_key: Clean,
    /// What was wrong with the configuration, until it is read.
    warnings: Vec<Clean>,
    /// Rows of a page, as the ui last said.
    page: usize,
    pane_scroll: usize,
    help_scroll: usize,
    last: Option<Now>,
    suspending: bool,
    /// When the bell last rang.
    rang: Option<Mono>,
    /// What the accelerators are grouped by.
    grouping: gpus::Grouping,
    /// The alert that is selected in the pane of alerts.
    chosen: Option<alerts::AlertKey>,
}

impl Model {
    /// A model that knows only the names of its clusters; there is at least one.
    #[must_use]
    pub fn new(clusters: Vec<ClusterSpec>, settings: Settings) -> Self {
        Self::each(clusters.into_iter().map(|spec| (spec, settings)).collect())
    }

    /// The same, each cluster with thresholds of its own.
    #[must_use]
    pub fn each(clusters: Vec<(ClusterSpec, Settings)>) -> Self {
        let ids = (0..=u16::MAX).map(ClusterId);
        let state = |((spec, settings), id)| ClusterState::with(spec, id, settings);
        Self {
            clusters: clusters.into_iter().zip(ids).map(state).collect(),
            outage: alert::Outage::default(),
            current: 0,
            screen: Screen::Nodes,
            trail: Vec::new(),
            inspecting: None,
            notice: None,
            mode: Mode::Normal,
            wide: false,
            wide_room: true,
            help_key: Clean::new("?"),
            warnings: Vec::new(),
            page: DEFAULT_PAGE,
            pane_scroll: 0,
            help_scroll: 0,
            last: None,
            suspending: false,
            rang: None,
            grouping: gpus::Grouping::default(),
            chosen: None,
        }
    }

    /// Reads nodes by these conventions; before the first message.
    #[must_use]
    pub fn with_conventions(mut self, conventions: Conventions) -> Self {
        let (table, good) = (Arc::new(conventions.accelerators), Arc::<[Clean]>::from(conventions.good_conditions));
        for cluster in &mut self.clusters {
            cluster.count_as_accelerators(Arc::clone(&table));
            cluster.take_for_good(Arc::clone(&good));
        }
        self
    }

    /// Watches only the pods of some namespaces of these clusters, in their order; before the first message.
    #[must_use]
    pub fn with_scopes(mut self, scopes: impl IntoIterator<Item = Scope>) -> Self {
        self.clusters.iter_mut().zip(scopes).for_each(|(cluster, scope)| cluster.watch_only(scope));
        self
    }

    /// The credential plugins of the contexts, in their order; before the first message.
    #[must_use]
    pub fn with_plugins(mut self, plugins: impl IntoIterator<Item = Option<Clean>>) -> Self {
        self.clusters.iter_mut().zip(plugins).for_each(|(cluster, plugin)| cluster.log_in_with(plugin));
        self
    }

    /// Names this key where an answer points to the help; before the first message.
    #[must_use]
    pub fn with_help_key(mut self, key: &str) -> Self {
        self.help_key = Clean::new(key);
        self
    }

    /// Shows what was wrong with the configuration until the operator leaves it with `back`; before the first message.
    #[must_use]
    pub fn with_warnings(mut self, warnings: impl IntoIterator<Item = Clean>) -> Self {
        self.warnings = warnings.into_iter().collect();
        self
    }

    /// Takes in one message. O(size of the message), never O(size of the cluster) (but a finished list sweeps once).
    pub fn update(&mut self, msg: Msg, now: Now) -> Option<Effect> {
        self.notice_sleep(now);
        match msg {
            Msg::Action(action) => return self.act(action, now),
            Msg::Edit(edit) => self.edit(&edit),
            Msg::UnboundKey => self.no_such_key(now),
            Msg::Cluster(id, event) => {
                if let Some(cluster) = self.clusters.get_mut(usize::from(id.0)) {
                    cluster.apply(event, now);
                    if cluster.budget.take_exceeded() {
                        return Some(Effect::Unfollow(id));
                    }
                }
            }
            Msg::Tick => {
                self.evaluate_outage(now);
                self.clusters.iter_mut().for_each(|cluster| cluster.tick(now));
                return self.tell(now);
            }
        }
        None
    }

    /// Brings what a frame needs up to date: alerts, and row order where something changed. Called once before a draw.
    pub fn prepare(&mut self, now: Now) {
        self.evaluate_outage(now);
        self.clusters.iter_mut().for_each(|cluster| cluster.prepare(now));
        if let Some(cluster) = self.clusters.get_mut(self.current) {
            cluster.arrange(now);
            cluster.arrange_pods();
            if self.screen == Screen::Gpus {
                cluster.arrange_gpus(self.grouping, now);
            }
        }
    }

    /// Takes in some of what a frame could not wait for; whether there is more.
    pub fn catch_up(&mut self, now: Now) -> bool {
        self.clusters.iter_mut().filter_map(|cluster| cluster.catch_up(now).then_some(())).count() > 0
    }

    /// Some of what has changed waits to be taken in.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.clusters.iter().any(ClusterState::is_behind)
    }

    /// All clusters, in the order of the command line.
    #[must_use]
    pub fn clusters(&self) -> &[ClusterState] {
        &self.clusters
    }

    /// The cluster whose nodes are shown.
    #[must_use]
    pub fn current(&self) -> &ClusterState {
        &self.clusters[self.current]
    }

    /// Its place in [`Model::clusters`].
    #[must_use]
    pub fn current_id(&self) -> ClusterId {
        ClusterId(u16::try_from(self.current).unwrap_or(u16::MAX))
    }

    /// What the operator looks at.
    #[must_use]
    pub fn screen(&self) -> &Screen {
        &self.screen
    }

    /// What the accelerators are grouped by.
    #[must_use]
    pub fn grouping(&self) -> gpus::Grouping {
        self.grouping
    }

    /// What keys mean now.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The extra columns are wanted.
    #[must_use]
    pub fn wide(&self) -> bool {
        self.wide
    }

    /// What was wrong with the configuration, until the operator has left it.
    #[must_use]
    pub fn warnings(&self) -> &[Clean] {
        &self.warnings
    }

    /// Tells whether the extra columns have room; the ui knows after each draw of the node table.
    pub fn set_wide_room(&mut self, room: bool) {
        self.wide_room = room;
    }

    /// The thresholds in force for the current cluster.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.current().settings
    }

    /// Tells how many rows a page has; the ui knows after each draw. 20 until then.
    pub fn set_page(&mut self, rows: usize) {
        self.page = rows.max(1);
    }

    /// Lines that the focused part of the node screen is scrolled down by, if that is not its pods.
    #[must_use]
    pub fn pane_scroll(&self) -> usize {
        self.pane_scroll
    }

    /// Lines that the help is scrolled down by.
    #[must_use]
    pub fn help_scroll(&self) -> usize {
        self.help_scroll
    }

    /// Says what was just done, for a few seconds.
    pub fn note(&mut self, text: &str, now: Now) {
        self.notice = Some((now.mono, Clean::new(text)));
    }

    /// What was just done, for a few seconds.
    #[must_use]
    pub fn notice(&self, now: Now) -> Option<&Clean> {
        self.notice.as_ref().filter(|(at, _)| now.mono.since(*at) < NOTICE).map(|(_, text)| text)
    }

    /// Firing alerts over all clusters that are to be heard: critical ones and warnings.
    #[must_use]
    pub fn firing(&self) -> (usize, usize) {
        let count =
            |severity| self.all_alerts().filter(|line| line.severity == severity && line.muted.is_none()).count();
        (count(Severity::Critical), count(Severity::Warning))
    }

    /// Notices that the wall clock went on while the monotonic one stood still, or that we were stopped (F67).
    fn notice_sleep(&mut self, now: Now) {
        let Some(last) = self.last.replace(now) else { return };
        let mono = now.mono.since(last.mono);
        let wall = Duration::try_from(now.wall.duration_since(last.wall)).unwrap_or_default();
        let gap = wall.saturating_sub(mono);
        let stopped = (std::mem::take(&mut self.suspending) && mono > SLEEP) || mono > STOPPED;
        if gap > SLEEP || stopped {
            let gap = if gap > SLEEP { gap } else { Duration::ZERO };
            self.clusters.iter_mut().for_each(|cluster| cluster.resumed(gap, now));
            self.outage.alerts.slept(gap);
        }
    }
}

/// Time from `from` to `now`. The monotonic clock may stand still while the machine sleeps: if the wall clock says clearly
/// more, it is right (F67).
pub(crate) fn elapsed(from: Now, now: Now) -> Duration {
    let mono = now.mono.since(from.mono);
    let wall = Duration::try_from(now.wall.duration_since(from.wall)).unwrap_or_default();
    if wall > mono + SLEEP { wall } else { mono }
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
