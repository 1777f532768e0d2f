//! Clusters that fall silent together: one alert for all of them, because they most likely have one cause.

use std::collections::BTreeSet;
use std::time::Duration;

use super::nodes::GROUP_OVER;
use super::{Ack, AlertLine, AlertRecord, Alerts, Finding, Rule, Severity, Suppression};
use crate::facts::text::Clean;
use crate::model::derive::hits::Hits;
use crate::model::known::Known;
use crate::model::settings::Settings;
use crate::msg::{AlertNews, ClusterId, Mono, Now};

/// Cluster of the alerts about several clusters; no cluster has this id.
pub(in crate::model) const SEVERAL: ClusterId = ClusterId(u16::MAX);
/// 20 s, twice the period of the probe plus its deadline: clusters whose last answers are this close were lost together.
const TOGETHER: Duration = Duration::from_secs(20);
/// Number of names in the alert.
const NAMES: usize = 3;

/// Contact with one cluster, as the rule reads it.
#[derive(Clone, Copy, Debug)]
pub(in crate::model) struct ClusterContact<'a> {
    /// The context.
    pub context: &'a Clean,
    /// `true` if the context cannot be used at all (F102).
    pub broken: bool,
    /// Set if the cluster does not answer, unless it is silenced or the program was just stopped.
    pub lost: Option<LostCluster>,
}

/// A cluster that does not answer.
#[derive(Clone, Copy, Debug)]
pub(in crate::model) struct LostCluster {
    /// Time of its last answer.
    pub last: Mono,
    /// `true` once that is long enough for an alert.
    pub unreachable: bool,
    /// `true` if it has an alert of its own.
    pub alone: bool,
}

/// The outage of several clusters.
#[derive(Debug, Default)]
pub(in crate::model) struct Outage {
    alerts: Alerts,
    /// Indices of its clusters; none while there is no outage.
    members: BTreeSet<usize>,
    /// `50 clusters`, for notifications.
    name: Clean,
}

impl Outage {
    /// Its alerts.
    pub(in crate::model) fn alerts(&self) -> &Alerts {
        &self.alerts
    }

    /// The alerts that fire.
    pub(in crate::model) fn lines(&self) -> &[AlertLine] {
        self.alerts.lines()
    }

    /// The number of clusters in words: `50 clusters`.
    pub(in crate::model) fn name(&self) -> &Clean {
        &self.name
    }

    /// Index of the first of its clusters.
    pub(in crate::model) fn first(&self) -> Option<usize> {
        self.members.first().copied()
    }

    /// Indices of its clusters.
    pub(in crate::model) fn members(&self) -> &BTreeSet<usize> {
        &self.members
    }

    /// Returns `true` if the outage includes the cluster with this index.
    pub(in crate::model) fn contains(&self, index: usize) -> bool {
        self.members.contains(&index)
    }

    /// Derives the alert.
    pub(in crate::model) fn evaluate(&mut self, clusters: &[ClusterContact<'_>], settings: &Settings, now: Mono) {
        self.observe(clusters);
        let finding = self.finding(clusters);
        if let Some(finding) = &finding {
            self.name = Clean::new(&format!("{} clusters", finding.size));
        }
        self.alerts.apply_findings(finding.into_iter().collect(), SEVERAL, settings, now);
    }

    /// Acknowledges the alert, or withdraws its acknowledgement.
    pub(in crate::model) fn acknowledge(
        &mut self,
        rule: Rule,
        subject: Option<&Clean>,
        settings: &Settings,
        now: Mono,
    ) {
        self.alerts.acknowledge(rule, subject, settings, now);
    }

    /// Notifications that are due.
    pub(in crate::model) fn take_notifications(
        &mut self,
        now: Now,
        hits: impl FnMut(&AlertRecord) -> Option<Known<Hits>>,
    ) -> Vec<AlertNews> {
        self.alerts.take_notifications(&self.name, now, hits)
    }

    /// Notified severity and acknowledgement, while the alert fires.
    pub(in crate::model) fn notified(&self) -> Option<(Option<Severity>, Option<Ack>)> {
        let record = self.alerts.records.iter().find(|record| record.firing());
        record.map(|record| (record.notified, record.ack))
    }

    /// Makes everything older by the time that the machine slept.
    pub(in crate::model) fn slept(&mut self, gap: Duration) {
        self.alerts.slept(gap);
    }

    /// Updates the members. An outage begins when a cluster becomes unreachable and enough others have been silent for as long;
    /// clusters that become unreachable while it lasts join it; it ends when fewer than two are left.
    fn observe(&mut self, clusters: &[ClusterContact<'_>]) {
        let lost = clusters.iter().enumerate().filter_map(|(index, cluster)| Some((index, cluster.lost?)));
        let lost: Vec<(usize, LostCluster)> = lost.collect();
        self.members.retain(|member| lost.iter().any(|(index, _)| index == member));
        if self.members.len() > 1 {
            // A cluster that answers now and then is not unreachable, whatever it answers.
            let joins = |lost: &LostCluster| lost.unreachable && !lost.alone;
            self.members.extend(lost.iter().filter(|(_, lost)| joins(lost)).map(|(index, _)| *index));
            return;
        }
        self.members.clear();
        let mut begun: Vec<(usize, LostCluster)> = lost.into_iter().filter(|(_, lost)| !lost.alone).collect();
        begun.sort_by_key(|(index, lost)| (lost.last, *index));
        let Some((_, first)) = begun.iter().find(|(_, lost)| lost.unreachable) else { return };
        let near = |lost: &LostCluster| lost.last.since(first.last).max(first.last.since(lost.last)) <= TOGETHER;
        let together: BTreeSet<usize> = begun.iter().filter(|(_, lost)| near(lost)).map(|(index, _)| *index).collect();
        if together.len() > GROUP_OVER || is_nearly_all(together.len(), followed(clusters)) {
            self.members = together;
        }
    }

    fn finding(&self, clusters: &[ClusterContact<'_>]) -> Option<Finding> {
        let (count, followed) = (self.members.len(), followed(clusters));
        if count < 2 {
            return None;
        }
        let names = || {
            let known = self.members.iter().filter_map(|index| clusters.get(*index));
            let names: Vec<&str> = known.take(NAMES).map(|cluster| &**cluster.context).collect();
            let more = if count > NAMES { format!(" and {} more", count - NAMES) } else { String::new() };
            format!("{}{more}", names.join(", "))
        };
        let text = match (count == followed, is_nearly_all(count, followed)) {
            (true, _) => format!("all {count} clusters unreachable: this host's network?"),
            (false, true) => format!("{count} of {followed} clusters unreachable: this host's network?"),
            (false, false) => format!("{count} of {followed} clusters unreachable: {}", names()),
        };
        let finding = Finding::new(Rule::ClustersUnreachable, text);
        Some(Finding { peak: count as u64, size: count, ..finding })
    }
}

impl Alerts {
    /// Returns `true` if this cluster has an alert of its own because it is unreachable.
    pub(in crate::model) fn is_unreachable_alone(&self) -> bool {
        self.records.iter().any(|record| {
            record.rule == Rule::Unreachable && record.firing() && record.suppression == Suppression::None
        })
    }
}

/// Number of clusters whose contexts can be used.
fn followed(clusters: &[ClusterContact<'_>]) -> usize {
    clusters.iter().filter(|cluster| !cluster.broken).count()
}

/// Returns `true` if so many are lost at once that the cause is most likely this host.
fn is_nearly_all(count: usize, of: usize) -> bool {
    count > 1 && (count == of || (count > 2 && count * 4 >= of * 3))
}
