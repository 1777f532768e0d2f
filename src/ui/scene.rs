//! What one frame shows: plain values taken out of the model for the rows that can be seen, and nothing else.

use super::alertpane::AlertsView;
use super::api::ApiView;
use super::events::EventsView;
use super::gpus::GpusView;
use super::page::Line;
use super::pod::PodView;
use super::units::counted;
use super::yaml::YamlView;
use crate::facts::text::Clean;
use crate::model::alert::AlertLine;
use crate::model::cluster::{ClusterSummary, NodeDetail};
use crate::model::latency::Mark;
use crate::model::rows::{Extent, NodeRow, PodRow, SortBy};
use crate::model::{Mode, NodePane, Settings};
use crate::msg::Now;
use crate::theme::Look;

/// What one frame shows.
pub(super) struct Scene<'a> {
    /// When.
    pub(super) now: Now,
    /// Thresholds, for what counts as slow.
    pub(super) settings: Settings,
    /// What keys mean.
    pub(super) mode: Mode,
    /// All clusters.
    pub(super) summaries: Vec<ClusterSummary>,
    /// The place of the current one.
    pub(super) current: usize,
    /// The cluster in the first line of the strip, and the sparklines from there on.
    pub(super) strip_first: usize,
    /// One for each line of the strip, newest mark last.
    pub(super) marks: Vec<Vec<Mark>>,
    /// Firing alerts of all clusters, worst first; only those that can be listed.
    pub(super) alerts: Vec<&'a AlertLine>,
    /// How many there are that are to be heard.
    pub(super) firing: usize,
    /// How many notices there are besides.
    pub(super) notices: usize,
    /// How many more there are that somebody looks after.
    pub(super) acked: usize,
    /// How many more there are of silenced clusters.
    pub(super) silenced: usize,
    /// How many of them may have ended: their source is silent.
    pub(super) unknown: usize,
    /// The filter's text.
    pub(super) filter: &'a str,
    /// A term of the filter that means nothing.
    pub(super) filter_note: Option<&'a Clean>,
    /// What was just done.
    pub(super) notice: Option<&'a Clean>,
    /// What was wrong with the configuration.
    pub(super) warnings: &'a [Clean],
    /// The order of the rows is held.
    pub(super) held: bool,
    /// The credential plugin of the current cluster could help.
    pub(super) locked_out: bool,
    /// The node table or the opened node.
    pub(super) body: Body<'a>,
    /// First line of the help.
    pub(super) help_scroll: usize,
}

/// The lower part of the screen.
pub(super) enum Body<'a> {
    /// The node table.
    Nodes(NodeTable<'a>),
    /// One node.
    Node(Box<NodeView<'a>>),
    /// One pod, and its page.
    Pod(Box<(PodView<'a>, Vec<Line>)>),
    /// One object as YAML.
    Yaml(YamlView<'a>),
    /// The API of the current cluster.
    Api(Box<ApiView<'a>>),
    /// All alerts.
    Alerts(AlertsView<'a>),
    /// Accelerators of the current cluster.
    Gpus(GpusView<'a>),
}

/// The visible part of the node table.
pub(super) struct NodeTable<'a> {
    /// How the visible rows lie in all rows.
    pub(super) extent: Extent,
    /// Place of the first visible row.
    pub(super) first: usize,
    /// The visible rows.
    pub(super) rows: Vec<NodeRow<'a>>,
    /// Column and whether its order is reversed.
    pub(super) sort: (SortBy, bool),
    /// The extra columns are wanted.
    pub(super) wide: bool,
}

/// The visible part of an opened node.
pub(super) struct NodeView<'a> {
    /// Its name.
    pub(super) name: &'a Clean,
    /// Which part has the focus.
    pub(super) pane: NodePane,
    /// The node; `None` while it is not there.
    pub(super) detail: Option<NodeDetail<'a>>,
    /// How the visible pods lie in all pods of the node.
    pub(super) extent: Extent,
    /// Place of the first visible pod.
    pub(super) first: usize,
    /// The visible pods.
    pub(super) pods: Vec<PodRow<'a>>,
    /// The column that the pods are sorted by, and whether its order is reversed.
    pub(super) sort: (SortBy, bool),
    /// First line of the focused part, if that is not the pods.
    pub(super) scroll: usize,
    /// What was reported about the node.
    pub(super) events: EventsView<'a>,
}

impl Scene<'_> {
    /// How many clusters there are, in words.
    pub(super) fn clusters(&self) -> String {
        counted(self.summaries.len() as u64, "cluster")
    }

    /// The names of all clusters.
    pub(super) fn contexts(&self) -> impl Iterator<Item = &str> {
        self.summaries.iter().map(|summary| summary.context.as_str())
    }

    /// The current cluster.
    pub(super) fn summary(&self) -> Option<&ClusterSummary> {
        self.summaries.get(self.current)
    }
}

/// How and with which numbers a region is drawn.
#[derive(Clone, Copy)]
pub(super) struct Paint<'a> {
    /// Styles and glyphs.
    pub(super) look: &'a Look,
    /// Both clocks.
    pub(super) now: Now,
    /// Thresholds.
    pub(super) settings: &'a Settings,
}
