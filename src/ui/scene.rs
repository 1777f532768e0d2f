//! Values of the model that all parts of a frame share, limited to the visible lines.

use std::borrow::Cow;
use std::cmp::Reverse;

use crate::facts::text::Clean;
use crate::model::alerts::{AlertLine, MuteReason, Severity};
use crate::model::app::Model;
use crate::model::app::screens::Mode;
use crate::model::cluster::ClusterSummary;
use crate::model::derive::hits::Hits;
use crate::model::derive::latency::SparkMark;
use crate::model::known::Known;
use crate::model::settings::Settings;
use crate::model::table::state::TableControl;
use crate::msg::Now;
use crate::ui::units::counted;
use crate::ui::widgets::layout::window;
use crate::ui::widgets::spark::MARKS;

/// Maximum number of alerts in a frame, even on a tall screen.
const ALERTS: usize = 16;

/// A firing alert with the pods that it hits.
pub(in crate::ui) struct SceneAlert<'a> {
    pub(in crate::ui) line: &'a AlertLine,
    /// `None` if it hits none by its kind.
    pub(in crate::ui) hits: Option<Cow<'a, Known<Hits>>>,
}

/// Values that all parts of a frame share.
pub(in crate::ui) struct Scene<'a> {
    /// Thresholds of the current cluster.
    pub(in crate::ui) settings: Settings,
    /// Mode of the keyboard.
    pub(in crate::ui) mode: Mode,
    /// All clusters.
    pub(in crate::ui) summaries: Vec<ClusterSummary>,
    /// Index of the current cluster.
    pub(in crate::ui) current: usize,
    /// Index of the cluster on the first line of the strip.
    pub(in crate::ui) strip_first: usize,
    /// Sparkline of each line of the strip, newest mark last.
    pub(in crate::ui) marks: Vec<Vec<SparkMark>>,
    /// Firing alerts of all clusters, worst first; only those that can be listed.
    pub(in crate::ui) alerts: Vec<SceneAlert<'a>>,
    /// Firing alerts that are neither muted nor notices.
    pub(in crate::ui) firing: usize,
    /// Firing notices.
    pub(in crate::ui) notices: usize,
    /// Acknowledged alerts.
    pub(in crate::ui) acked: usize,
    /// Alerts of silenced clusters.
    pub(in crate::ui) silenced: usize,
    /// Firing alerts that may have ended: their source is silent.
    pub(in crate::ui) unknown: usize,
    /// First line of the help.
    pub(in crate::ui) help_scroll: usize,
    /// Text of the filter.
    pub(in crate::ui) filter: &'a str,
    /// Reason why a term of the filter is invalid.
    pub(in crate::ui) filter_note: Option<&'a Clean>,
    /// Message that answers the last key.
    pub(in crate::ui) notice: Option<&'a Clean>,
    /// Warnings about the configuration.
    pub(in crate::ui) warnings: &'a [Clean],
    /// `true` if the order of the rows is held.
    pub(in crate::ui) held: bool,
    /// `true` if logging in with the credential plugin of the current cluster could help.
    pub(in crate::ui) locked_out: bool,
}

impl<'a> Scene<'a> {
    /// Reads the values. `lines` is the height of the strip; `offset`, its first cluster, is updated.
    pub(in crate::ui) fn new(model: &'a Model, lines: usize, offset: &mut usize, now: Now) -> Self {
        let (cluster, clusters) = (model.current(), model.clusters());
        let current = usize::from(model.current_id().0);
        let strip = window(clusters.len(), Some(current), *offset, lines.max(1));
        *offset = strip.start;
        let mut alerts: Vec<&AlertLine> = first_alerts(model, ALERTS).collect();
        alerts.sort_by_key(|alert| (alert.muted.is_some(), Reverse(alert.severity)));
        alerts.truncate(ALERTS);
        let with_hits = |line: &'a AlertLine| {
            let hits = model.hits(line.cluster, line.rule, line.subject.as_ref());
            SceneAlert { line, hits }
        };
        let list = model.list();
        Self {
            settings: *model.settings(),
            mode: model.mode(),
            summaries: clusters.iter().map(|cluster| cluster.summary(now)).collect(),
            current,
            strip_first: strip.start,
            marks: clusters[strip].iter().map(|cluster| cluster.latency().marks(MARKS, now.mono)).collect(),
            alerts: alerts.into_iter().map(with_hits).collect(),
            firing: firing(model),
            notices: notices(model),
            acked: muted(model, MuteReason::Acknowledged),
            silenced: muted(model, MuteReason::Silenced),
            unknown: unmuted(model).filter(|alert| alert.unknown && alert.severity > Severity::Notice).count(),
            help_scroll: model.help_scroll(),
            filter: list.map_or("", |list| list.filter()),
            filter_note: list.and_then(|list| list.filter_note()),
            notice: model.notice(now),
            warnings: model.warnings(),
            held: list.is_some_and(TableControl::held),
            locked_out: cluster.is_locked_out(),
        }
    }

    /// Number of clusters, as text.
    pub(in crate::ui) fn clusters(&self) -> String {
        counted(self.summaries.len() as u64, "cluster")
    }

    /// Names of all clusters.
    pub(in crate::ui) fn contexts(&self) -> impl Iterator<Item = &str> {
        self.summaries.iter().map(|summary| summary.context.as_str())
    }

    /// The current cluster.
    pub(in crate::ui) fn summary(&self) -> Option<&ClusterSummary> {
        self.summaries.get(self.current)
    }

    /// Name of the current cluster.
    pub(in crate::ui) fn context(&self) -> &str {
        self.summary().map_or("", |summary| &summary.context)
    }
}

/// The first `each` alerts of each cluster, worst first: enough to list, and bounded however many nodes are lost.
pub(in crate::ui) fn first_alerts(model: &Model, each: usize) -> impl Iterator<Item = &AlertLine> {
    let of_each = model.clusters().iter().flat_map(move |cluster| cluster.alerts().iter().take(each));
    model.outage_alerts().iter().chain(of_each)
}

/// Number of firing alerts that are neither muted nor notices.
pub(in crate::ui) fn firing(model: &Model) -> usize {
    unmuted(model).filter(|alert| alert.severity > Severity::Notice).count()
}

/// Number of firing notices that are not muted.
pub(in crate::ui) fn notices(model: &Model) -> usize {
    unmuted(model).filter(|alert| alert.severity == Severity::Notice).count()
}

fn unmuted(model: &Model) -> impl Iterator<Item = &AlertLine> {
    model.all_alerts().filter(|alert| alert.muted.is_none())
}

/// Number of firing alerts that are muted for this reason.
fn muted(model: &Model, why: MuteReason) -> usize {
    model.all_alerts().filter(|alert| alert.muted == Some(why)).count()
}
