//! The application: the model of all clusters, its screens and where back leads, input and notices.

pub mod alerts;
pub(in crate::model) mod input;
mod leads;
mod lists;
pub mod screens;

use std::sync::Arc;
use std::time::Duration;

use crate::action::TopScreen;
use crate::facts::text::Clean;
use crate::model::alerts::{Outage, Severity};
use crate::model::cluster::{ClusterState, PodPlace};
use crate::model::derive::gpus::Grouping;
use crate::model::settings::{ClusterSpec, Conventions, Settings};
use crate::model::store::nodes::NodeStore;
use crate::model::store::scope::Scope;
use crate::model::table::state::Table;
use crate::model::time::CLOCK_DRIFT;
use crate::msg::detail::WatchDetail;
use crate::msg::{ClusterId, Effect, Mono, Msg, Now, PageRows, Viewport};

use alerts::columns::AlertList;
use screens::{BackEntry, Mode, Screen};

/// Rows of a page until a frame was drawn: as many as fit a terminal of 24 lines.
const DEFAULT_PAGE: usize = 20;
/// Time for which a notice is shown: long enough to be read, and over before it seems to be about something new.
const NOTICE: Duration = Duration::from_secs(6);
/// Time without any message, even the tick of each second, after which the program must have been stopped (SIGSTOP, a debugger, a
/// terminal that did not read): missing answers in that time prove nothing about the clusters.
const STOPPED: Duration = Duration::from_secs(10);

/// State of the whole application.
#[derive(Debug)]
pub struct Model {
    pub(in crate::model) clusters: Vec<ClusterState>,
    /// Clusters that are lost together.
    pub(in crate::model) outage: Outage,
    current: usize,
    screen: Screen,
    /// Screens below this one, the lowest first: `back` leads there; without any it leads to the nodes.
    trail: Vec<BackEntry>,
    /// Object that the clusters' tasks watch in detail.
    watched_detail: Option<(ClusterId, WatchDetail)>,
    /// The notice, and its time.
    notice: Option<(Mono, Clean)>,
    mode: Mode,
    wide: bool,
    /// `true` if there was room for the extra columns when the node table was last drawn.
    wide_room: bool,
    /// Display name of the key that opens the help.
    help_key: Clean,
    /// Warnings about the configuration, until they are read.
    warnings: Vec<Clean>,
    /// Rows of a page in the last frame.
    page: usize,
    pane_scroll: usize,
    /// Cursor of a page of lines that has lists.
    page_cursor: PageCursor,
    help_scroll: usize,
    /// Maximum scroll offset of the focused part in the last frame; `None` if it has not been drawn since it was opened.
    most_scroll: Option<usize>,
    last: Option<Now>,
    suspending: bool,
    /// Time at which the bell last rang.
    last_bell: Option<Mono>,
    /// Grouping of the accelerators.
    grouping: Grouping,
    /// The list of alerts.
    alerts: Table<AlertList>,
    /// Grows whenever the alerts are sorted.
    alert_revision: u64,
}

/// Cursor of a page of lines that has lists.
#[derive(Debug, Default)]
struct PageCursor {
    /// `true` if the page keeps the row of the cursor visible; `false` once it was scrolled beyond the last row.
    follows: bool,
    /// Rows of lists on the page, in the last frame.
    rows: Option<PageRows>,
}

impl Model {
    /// A model that knows only the names of its clusters; there is at least one.
    #[must_use]
    pub fn new(clusters: Vec<ClusterSpec>, settings: Settings) -> Self {
        Self::with_own_settings(clusters.into_iter().map(|spec| (spec, settings)).collect())
    }

    /// Like [`Model::new`], but each cluster has thresholds of its own.
    #[must_use]
    pub fn with_own_settings(clusters: Vec<(ClusterSpec, Settings)>) -> Self {
        let ids = (0..=u16::MAX).map(ClusterId);
        let state = |((spec, settings), id)| ClusterState::with(spec, id, settings);
        Self {
            clusters: clusters.into_iter().zip(ids).map(state).collect(),
            outage: Outage::default(),
            current: 0,
            screen: Screen::Nodes,
            trail: Vec::new(),
            watched_detail: None,
            notice: None,
            mode: Mode::Normal,
            wide: false,
            wide_room: true,
            help_key: Clean::new("?"),
            warnings: Vec::new(),
            page: DEFAULT_PAGE,
            pane_scroll: 0,
            page_cursor: PageCursor::default(),
            help_scroll: 0,
            most_scroll: None,
            last: None,
            suspending: false,
            last_bell: None,
            grouping: Grouping::default(),
            alerts: Table::default(),
            alert_revision: 0,
        }
    }

    /// Reads nodes by these conventions; before the first message.
    #[must_use]
    pub fn with_conventions(mut self, conventions: Conventions) -> Self {
        let (table, good) = (Arc::new(conventions.accelerators), Arc::<[Clean]>::from(conventions.good_conditions));
        for cluster in &mut self.clusters {
            cluster.nodes = NodeStore::with(Arc::clone(&table));
            cluster.nodes.set_good_conditions(Arc::clone(&good));
        }
        self
    }

    /// Watches only the pods of some namespaces of these clusters, in their order; before the first message.
    #[must_use]
    pub fn with_scopes(mut self, scopes: impl IntoIterator<Item = Scope>) -> Self {
        self.clusters.iter_mut().zip(scopes).for_each(|(cluster, scope)| cluster.set_scope(scope));
        self
    }

    /// The credential plugins of the contexts, in their order; before the first message.
    #[must_use]
    pub fn with_plugins(mut self, plugins: impl IntoIterator<Item = Option<Clean>>) -> Self {
        self.clusters.iter_mut().zip(plugins).for_each(|(cluster, plugin)| cluster.plugin = plugin);
        self
    }

    /// Sets the key that messages name for the help; before the first message.
    #[must_use]
    pub fn with_help_key(mut self, key: &str) -> Self {
        self.help_key = Clean::new(key);
        self
    }

    /// Shows warnings about the configuration until the operator dismisses them with `back`; before the first message.
    #[must_use]
    pub fn with_warnings(mut self, warnings: impl IntoIterator<Item = Clean>) -> Self {
        self.warnings = warnings.into_iter().collect();
        self
    }

    /// Applies one message. O(size of the message), not O(size of the cluster), except that the end of a list sweeps once.
    pub fn update(&mut self, msg: Msg, now: Now) -> Option<Effect> {
        if !matches!(msg, Msg::Frame | Msg::CatchUp | Msg::Viewport(_) | Msg::Notice(_)) {
            self.notice_sleep(now);
        }
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
                    return cluster.next_query(now).map(|query| Effect::Query(id, Box::new(query)));
                }
            }
            Msg::Tick => {
                self.evaluate_outage(now);
                self.query_screen(now);
                self.clusters.iter_mut().for_each(|cluster| cluster.tick(now));
                self.arrange_alerts(now);
                return self.notify_alerts(now).or_else(|| self.next_query(now));
            }
            Msg::Frame => self.prepare(now),
            Msg::CatchUp => self.catch_up(now),
            Msg::Viewport(viewport) => self.apply_viewport(viewport),
            Msg::Notice(text) => self.notice = Some((now.mono, text)),
        }
        None
    }

    /// Requests what the screen shows and no list brings.
    fn query_screen(&mut self, now: Now) {
        let Some(cluster) = self.clusters.get_mut(self.current) else { return };
        match &self.screen {
            Screen::Pod { namespace, name } => cluster.query_pod(namespace, name, now),
            Screen::Gang(gang) => cluster.query_gang(gang, now),
            Screen::Top(TopScreen::Gangs) => {
                cluster.query_queues(now);
                cluster.count_waiting();
            }
            _ => {}
        }
    }

    /// Lists the queues of all clusters that are read and in which pods wait, for one-shot outputs.
    pub(crate) fn query_queues(&mut self, now: Now) -> Vec<Effect> {
        let waits = |cluster: &&mut ClusterState| cluster.settled() && cluster.pods.waiting().next().is_some();
        self.clusters.iter_mut().filter(waits).for_each(|cluster| cluster.query_queues(now));
        std::iter::from_fn(|| self.next_query(now)).collect()
    }

    /// The next query of any cluster.
    fn next_query(&mut self, now: Now) -> Option<Effect> {
        let ids = (0..=u16::MAX).map(ClusterId);
        let mut clusters = ids.zip(&mut self.clusters);
        clusters.find_map(|(id, cluster)| Some(Effect::Query(id, Box::new(cluster.next_query(now)?))))
    }

    /// Updates what a frame needs: alerts, and the order of rows where something changed.
    fn prepare(&mut self, now: Now) {
        self.evaluate_outage(now);
        self.clusters.iter_mut().for_each(|cluster| cluster.prepare(now));
        self.arrange_alerts(now);
        if let Some(cluster) = self.clusters.get_mut(self.current) {
            cluster.advance_order(now);
            cluster.arrange(now);
            cluster.advance_pods(PodPlace::Node, now);
            cluster.arrange_pods(PodPlace::Node, now);
            if self.screen == Screen::Top(TopScreen::Gpus) {
                cluster.advance_gpus(now);
                cluster.arrange_gpus(self.grouping, now);
            }
            if let Screen::Pod { namespace, name } = &self.screen {
                cluster.advance_placement();
                cluster.arrange_placement(namespace, name, now.mono);
                cluster.arrange_gang_of(namespace, name, now);
            }
            if self.screen == Screen::Top(TopScreen::Gangs) {
                cluster.advance_gangs(now);
                cluster.arrange_gangs(now);
            }
            if let Screen::Gang(key) = &self.screen {
                cluster.arrange_gang(key, now);
            }
            if self.screen.pod_place() == Some(PodPlace::Screen) {
                cluster.advance_pods(PodPlace::Screen, now);
                cluster.arrange_pods(PodPlace::Screen, now);
            }
            cluster.arrange_events(now);
            if self.screen == Screen::Top(TopScreen::Api) {
                cluster.arrange_api(now);
            }
        }
    }

    /// Stores the measurements of the last frame. The view never scrolls beyond the last lines, whatever the offset was.
    fn apply_viewport(&mut self, viewport: Viewport) {
        self.page = viewport.page.max(1);
        self.wide_room = viewport.wide_room.unwrap_or(self.wide_room);
        self.most_scroll = viewport.most_scroll;
        let most = viewport.most_scroll.unwrap_or(usize::MAX);
        let scroll = if self.mode == Mode::Help { &mut self.help_scroll } else { &mut self.pane_scroll };
        *scroll = viewport.first.unwrap_or(*scroll).min(most);
        self.page_cursor.rows = viewport.rows;
    }

    /// Applies some of the changes that were left pending for the sake of a fast frame.
    fn catch_up(&mut self, now: Now) {
        self.clusters.iter_mut().for_each(|cluster| cluster.catch_up(now));
        if let Some(cluster) = self.clusters.get_mut(self.current) {
            cluster.advance_order(now);
            cluster.advance_pods(PodPlace::Node, now);
            if self.screen == Screen::Top(TopScreen::Gpus) {
                cluster.advance_gpus(now);
            }
            if self.screen == Screen::Top(TopScreen::Gangs) {
                cluster.advance_gangs(now);
            }
            if matches!(self.screen, Screen::Pod { .. }) {
                cluster.advance_placement();
            }
            if self.screen.pod_place() == Some(PodPlace::Screen) {
                cluster.advance_pods(PodPlace::Screen, now);
            }
        }
    }

    /// Returns `true` while changes, or rows that are being sorted, wait for [`Msg::CatchUp`].
    #[must_use]
    pub fn is_behind(&self) -> bool {
        self.clusters.iter().any(ClusterState::is_behind) || self.lists_are_behind()
    }

    /// Returns `true` while rows of the screen are being sorted, filtered or counted.
    #[must_use]
    pub fn lists_are_behind(&self) -> bool {
        let counts = |cluster: &ClusterState| match &self.screen {
            Screen::Top(TopScreen::Gpus) => cluster.gpus().is_counting() || cluster.gpus().is_arranging(),
            Screen::Top(TopScreen::Gangs) => cluster.gangs().is_counting() || cluster.gangs().is_arranging(),
            Screen::Top(TopScreen::Trouble) | Screen::Pods(_) | Screen::Gang(_) => {
                cluster.pod_list(PodPlace::Screen).is_arranging()
            }
            Screen::Pod { .. } => cluster.is_placing(),
            _ => false,
        };
        let behind =
            |cluster: &ClusterState| cluster.order_is_behind() || cluster.pod_list(PodPlace::Node).is_arranging();
        self.clusters.get(self.current).is_some_and(|cluster| behind(cluster) || counts(cluster))
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

    /// Its index in [`Model::clusters`].
    #[must_use]
    pub fn current_id(&self) -> ClusterId {
        ClusterId(u16::try_from(self.current).unwrap_or(u16::MAX))
    }

    /// The screen that is open.
    #[must_use]
    pub fn screen(&self) -> &Screen {
        &self.screen
    }

    /// Grouping of the accelerators.
    #[must_use]
    pub fn grouping(&self) -> Grouping {
        self.grouping
    }

    /// Meaning of keys now.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Returns `true` if the extra columns are requested.
    #[must_use]
    pub fn wide(&self) -> bool {
        self.wide
    }

    /// Warnings about the configuration, until the operator has dismissed them.
    #[must_use]
    pub fn warnings(&self) -> &[Clean] {
        &self.warnings
    }

    /// The thresholds in force for the current cluster.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.current().settings
    }

    /// Lines that the screen, or the focused pane of a node, is scrolled down by. May lie beyond the end until a frame was
    /// drawn.
    #[must_use]
    pub fn pane_scroll(&self) -> usize {
        self.pane_scroll
    }

    /// Returns `true` if the page keeps the row of its cursor visible.
    #[must_use]
    pub fn follows(&self) -> bool {
        self.page_cursor.follows
    }

    /// Lines that the help is scrolled down by.
    #[must_use]
    pub fn help_scroll(&self) -> usize {
        self.help_scroll
    }

    /// Shows a notice for a few seconds.
    pub(in crate::model) fn set_notice(&mut self, text: &str, now: Now) {
        self.notice = Some((now.mono, Clean::new(text)));
    }

    /// The notice, for a few seconds.
    #[must_use]
    pub fn notice(&self, now: Now) -> Option<&Clean> {
        self.notice.as_ref().filter(|(at, _)| now.mono.since(*at) < NOTICE).map(|(_, text)| text)
    }

    /// Firing alerts over all clusters that ring the bell: critical ones and warnings.
    #[must_use]
    pub fn firing(&self) -> (usize, usize) {
        let count =
            |severity| self.all_alerts().filter(|line| line.severity == severity && line.muted.is_none()).count();
        (count(Severity::Critical), count(Severity::Warning))
    }

    /// Detects that the wall clock went on while the monotonic one stood still, or that the program was stopped (F67).
    fn notice_sleep(&mut self, now: Now) {
        let Some(last) = self.last.replace(now) else { return };
        let mono = now.mono.since(last.mono);
        let wall = Duration::try_from(now.wall.duration_since(last.wall)).unwrap_or_default();
        let gap = wall.saturating_sub(mono);
        let stopped = (std::mem::take(&mut self.suspending) && mono > CLOCK_DRIFT) || mono > STOPPED;
        if gap > CLOCK_DRIFT || stopped {
            let gap = if gap > CLOCK_DRIFT { gap } else { Duration::ZERO };
            self.clusters.iter_mut().for_each(|cluster| cluster.resumed(gap, now));
            self.outage.slept(gap);
        }
    }
}

#[cfg(test)]
mod tests;
