//! Clusters that fall silent together: one alert for all of them, because they most likely have one cause.

use std::collections::BTreeSet;
use std::time::Duration;

use super::nodes::GROUP_OVER;
use super::{AlertLine, Alerts, Finding, Severity, UNREACHABLE, Voice};
use crate::facts::text::Clean;
use crate::model::Model;
use crate::model::cluster::ClusterState;
use crate::msg::{AlertNews, ClusterId, Mono, Now};

/// The owner of what concerns several clusters; no cluster has this place.
pub(in crate::model) const SEVERAL: ClusterId = ClusterId(u16::MAX);
/// Last answers that lie this close are lost together: a period of the probe and its deadline, twice.
const TOGETHER: Duration = Duration::from_secs(20);
/// Names that the line spells out.
const NAMES: usize = 3;

/// The outage of several clusters.
#[derive(Debug, Default)]
pub(in crate::model) struct Outage {
    pub(in crate::model) alerts: Alerts,
    /// The clusters that it is about; none while there is no outage.
    members: BTreeSet<usize>,
    /// `50 clusters`, for what is told.
    pub(in crate::model) name: Clean,
}

impl Outage {
    pub(in crate::model) fn lines(&self) -> &[AlertLine] {
        self.alerts.lines()
    }

    /// The first of its clusters.
    pub(in crate::model) fn first(&self) -> Option<usize> {
        self.members.first().copied()
    }

    /// Finds out who is lost together. Begins when a cluster becomes unreachable and enough others have been silent for as
    /// long; whoever becomes unreachable while it lasts belongs to it; ends with the last but one.
    fn observe(&mut self, clusters: &[ClusterState], now: Now) {
        let lost: Vec<(usize, Lost)> =
            clusters.iter().enumerate().filter_map(|(place, cluster)| Some((place, cluster.lost(now)?))).collect();
        let followed = clusters.iter().filter(|cluster| cluster.spec.broken.is_none()).count();
        self.members.retain(|member| lost.iter().any(|(place, _)| place == member));
        if self.members.len() > 1 {
            // One that answers now and then is not unreachable, whatever it answers.
            let joins = |lost: &Lost| lost.unreachable && !lost.told;
            self.members.extend(lost.iter().filter(|(_, lost)| joins(lost)).map(|(place, _)| *place));
        } else {
            self.members.clear();
            let mut begun: Vec<(usize, Lost)> = lost.into_iter().filter(|(_, lost)| !lost.told).collect();
            begun.sort_by_key(|(place, lost)| (lost.last, *place));
            let first = begun.iter().position(|(_, lost)| lost.unreachable);
            if let Some((_, first)) = first.map(|at| &begun[at]) {
                let near = |lost: &Lost| lost.last.since(first.last).max(first.last.since(lost.last)) <= TOGETHER;
                let together: BTreeSet<usize> =
                    begun.iter().filter(|(_, lost)| near(lost)).map(|(place, _)| *place).collect();
                if together.len() > GROUP_OVER || is_nearly_all(together.len(), followed) {
                    self.members = together;
                }
            }
        }
    }

    fn finding(&self, clusters: &[ClusterState]) -> Option<Finding> {
        let followed = clusters.iter().filter(|cluster| cluster.spec.broken.is_none()).count();
        let count = self.members.len();
        if count < 2 {
            return None;
        }
        let names = || {
            let names: Vec<&str> = self
                .members
                .iter()
                .filter_map(|place| clusters.get(*place))
                .take(NAMES)
                .map(|c| &**c.context())
                .collect();
            let more = if count > NAMES { format!(" and {} more", count - NAMES) } else { String::new() };
            format!("{}{more}", names.join(", "))
        };
        let text = match (count == followed, is_nearly_all(count, followed)) {
            (true, _) => format!("all {count} clusters unreachable: this host's network?"),
            (false, true) => format!("{count} of {followed} clusters unreachable: this host's network?"),
            (false, false) => format!("{count} of {followed} clusters unreachable: {}", names()),
        };
        let finding = Finding::new("ClustersUnreachable", Severity::Critical, text);
        Some(Finding { peak: count as u64, size: count, voice: Voice::Heard, ..finding })
    }
}

/// A cluster that does not answer.
#[derive(Clone, Copy, Debug)]
struct Lost {
    /// When it answered last.
    last: Mono,
    /// For long enough to be an alert.
    unreachable: bool,
    /// It is one, by itself.
    told: bool,
}

/// So many of them at once that what they share is this host.
fn is_nearly_all(count: usize, of: usize) -> bool {
    count > 1 && (count == of || (count > 2 && count * 4 >= of * 3))
}

impl ClusterState {
    /// Whether it does not answer; what is silenced, or has just been stopped, is left alone.
    fn lost(&self, now: Now) -> Option<Lost> {
        if self.spec.broken.is_some()
            || self.silenced_until().is_some()
            || self.is_resuming(now)
            || !self.is_silent(now)
        {
            return None;
        }
        let last = self.link.answered.or(self.link.begun)?.mono;
        let alone = self
            .alerts
            .records
            .iter()
            .any(|record| record.reason == UNREACHABLE && record.firing() && record.voice == Voice::Heard);
        Some(Lost { last, unreachable: self.unreachable(now).is_some(), told: alone })
    }
}

impl Model {
    /// Derives the alerts of every cluster, and those of several together.
    pub(in crate::model) fn evaluate_outage(&mut self, now: Now) {
        self.outage.observe(&self.clusters, now);
        for (place, cluster) in self.clusters.iter_mut().enumerate() {
            cluster.alerts.set_in_outage(self.outage.members.contains(&place));
        }
        let finding = self.outage.finding(&self.clusters);
        if let Some(finding) = &finding {
            self.outage.name = Clean::new(&format!("{} clusters", finding.size));
        }
        self.outage.alerts.settle(finding.into_iter().collect(), SEVERAL, now.mono);
    }

    /// What began to fire of several clusters together.
    pub(in crate::model) fn outage_news(&mut self, now: Now) -> Vec<AlertNews> {
        let name = self.outage.name.clone();
        let news = self.outage.alerts.news(&name, now);
        let record = self.outage.alerts.records.iter().find(|record| record.firing());
        if let Some((told, ack)) = record.map(|record| (record.told, record.ack)) {
            for place in &self.outage.members {
                if let Some(cluster) = self.clusters.get_mut(*place) {
                    cluster.alerts.inherit_outage(told, ack);
                }
            }
        }
        news
    }

    /// Alerts of several clusters together.
    #[must_use]
    pub fn outage_alerts(&self) -> &[AlertLine] {
        self.outage.lines()
    }

    /// Who an alert is about: a context, or how many clusters.
    #[must_use]
    pub fn owner(&self, cluster: ClusterId) -> Option<&Clean> {
        if cluster == SEVERAL {
            return Some(&self.outage.name);
        }
        self.clusters.get(usize::from(cluster.0)).map(ClusterState::context)
    }

    /// Firing alerts: of several clusters together, then of each, worst first within each.
    pub fn all_alerts(&self) -> impl Iterator<Item = &AlertLine> {
        self.outage.lines().iter().chain(self.clusters.iter().flat_map(ClusterState::alerts))
    }
}
