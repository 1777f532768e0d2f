//! The alert pane: all alerts of all clusters in one list, with a selection that follows its alert; and the notifications.

pub(crate) mod columns;

use std::borrow::Cow;
use std::cmp::Reverse;
use std::time::Duration;

use crate::action::TopScreen;
use crate::facts::text::Clean;
use crate::model::alerts::{AlertLine, AlertRecord, Alerts, ClusterContact, MuteReason, Rule, SEVERAL};
use crate::model::app::Model;
use crate::model::app::screens::Screen;
use crate::model::cluster::ClusterState;
use crate::model::derive::hits::{HitReads, Hits};
use crate::model::known::Known;
use crate::model::settings::Settings;
use crate::model::table::Extent;
use crate::model::table::list::SelectionStep;
use crate::model::table::state::Table;
use crate::msg::{AlertNews, ClusterId, Effect, Mono, Now};

use columns::{AlertList, AlertRows};

/// 1 min: the bell rings at most once in this time (docs/latency-and-alerts.md).
const BELL_EVERY: Duration = Duration::from_secs(60);

/// Identity of one alert from its beginning to its end, and when it comes back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AlertKey {
    /// The cluster.
    pub cluster: ClusterId,
    /// The kind of alert.
    pub rule: Rule,
    /// Object that it is about, where there can be several.
    pub subject: Option<Clean>,
}

/// The state of an alert, in the order of the pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertState {
    /// It fires.
    Firing,
    /// It fired, and its data is not current.
    Unknown,
    /// It fires, and its cluster is silenced.
    Silenced,
    /// It fires, and the operator has acknowledged it.
    Acknowledged,
    /// Its condition holds, but not for long enough to fire.
    Pending,
    /// It fired within the last hour.
    Resolved,
}

/// One line of the pane.
#[derive(Clone, Debug)]
pub struct AlertRow<'a> {
    /// The cluster.
    pub cluster: ClusterId,
    /// Its context, or the number of clusters.
    pub context: &'a Clean,
    /// The state.
    pub state: AlertState,
    /// Its record.
    pub record: &'a AlertRecord,
    /// Pods that it hits while it fires; `None` if it hits none by its kind.
    pub hits: Option<Cow<'a, Known<Hits>>>,
    /// `true` for the operator's row.
    pub selected: bool,
}

impl AlertRow<'_> {
    /// Time at which it began.
    pub(crate) fn began(&self) -> Mono {
        self.record.since.unwrap_or(self.record.first)
    }

    fn key(&self) -> AlertKey {
        AlertKey { cluster: self.cluster, rule: self.record.rule, subject: self.record.subject.clone() }
    }

    /// Time at which it entered this state, as far as that is remembered.
    fn since(&self) -> Mono {
        self.record.resolved.or(self.record.since).unwrap_or(self.record.first)
    }
}

impl Model {
    /// The alerts as they are sorted and filtered.
    #[must_use]
    pub fn alert_rows(&self) -> Vec<AlertRow<'_>> {
        let (rows, selected) = (AlertRows::new(self.own_alerts()), self.alerts.selected());
        let row = |key| Some(AlertRow { selected: Some(key) == selected, ..rows.get(key)? });
        self.alerts.order().iter().filter_map(row).collect()
    }

    /// Numbers of alerts before and after filtering, and the index of the selected one.
    #[must_use]
    pub fn alert_extent(&self) -> Extent {
        self.alerts.extent()
    }

    /// All alerts of all clusters except inhibited ones: firing, acknowledged, pending, resolved within the last hour; in the list's
    /// own order. Their number is bounded by the clusters, not the nodes, since rules group many nodes.
    fn own_alerts(&self) -> Vec<AlertRow<'_>> {
        let of_clusters = self.clusters().iter().zip((0..=u16::MAX).map(ClusterId));
        let of_clusters = of_clusters.flat_map(|(cluster, id)| rows_of(&cluster.alerts, id, cluster.context()));
        let mut rows: Vec<AlertRow<'_>> = of_clusters.collect();
        rows.extend(rows_of(self.outage.alerts(), SEVERAL, self.outage.name()));
        for row in rows.iter_mut().filter(|row| row.record.firing()) {
            row.hits = self.hits(row.cluster, row.record.rule, row.record.subject.as_ref());
        }
        rows.sort_by(|a, b| {
            let order = |row: &AlertRow<'_>| (row.state, Reverse(row.record.severity));
            // The newest of the resolved ones comes first, the oldest of the others.
            let time =
                if a.state == AlertState::Resolved { b.since().cmp(&a.since()) } else { a.since().cmp(&b.since()) };
            let name = |row: &AlertRow<'_>| (row.cluster, row.record.reason());
            order(a).cmp(&order(b)).then(time).then_with(|| name(a).cmp(&name(b)))
        });
        rows
    }

    /// Updates the order of the alerts, which change with each second.
    pub(in crate::model) fn arrange_alerts(&mut self, now: Now) {
        self.alert_revision += 1;
        let revision = self.alert_revision;
        self.with_alerts(|table, rows| {
            table.advance(rows);
            table.arrange(rows, revision, || rows.ids(), now.mono);
        });
    }

    fn with_alerts(&mut self, change: impl FnOnce(&mut Table<AlertList>, &AlertRows<'_>)) {
        let mut table = std::mem::take(&mut self.alerts);
        change(&mut table, &AlertRows::new(self.own_alerts()));
        self.alerts = table;
    }

    /// Chooses the selected alert, so that the selection follows it even if others come before it; returns its key.
    pub(super) fn chosen_key(&mut self, now: Now) -> Option<AlertKey> {
        self.arrange_alerts(now);
        let key = self.alerts.selected().cloned()?;
        self.alerts.state.list.choose(Some(key.clone()));
        Some(key)
    }

    pub(in crate::model) fn move_alert(&mut self, step: SelectionStep, now: Now) {
        self.arrange_alerts(now);
        self.with_alerts(|table, rows| table.step(step, rows));
    }

    /// Acknowledges the selected alert, or withdraws its acknowledgement.
    pub(in crate::model) fn acknowledge(&mut self, now: Now) {
        let Some(key) = self.chosen_key(now) else { return self.set_notice("no alert is selected", now) };
        let subject = key.subject.as_ref();
        if key.cluster == SEVERAL {
            self.outage.acknowledge(key.rule, subject, &self.fleet_settings(), now.mono);
            self.evaluate_outage(now);
        } else if let Some(cluster) = self.clusters.get_mut(usize::from(key.cluster.0)) {
            cluster.acknowledge(key.rule, subject, now.mono);
            cluster.evaluate(now);
        }
        // The row moves to the acknowledged ones; the selection stays with it.
        self.arrange_alerts(now);
    }

    /// Silences the cluster of the selected alert, on other screens the current one; or ends its silence.
    pub(in crate::model) fn silence(&mut self, now: Now) {
        let chosen = if self.screen == Screen::Top(TopScreen::Alerts) { self.chosen_key(now) } else { None };
        let index = chosen.as_ref().map_or(self.current, |key| usize::from(key.cluster.0));
        let mut text = "this alert covers several clusters: silence them one by one".to_owned();
        if let Some(cluster) = self.clusters.get_mut(index) {
            cluster.toggle_silence(now.mono);
            cluster.evaluate(now);
            text = match cluster.silenced_until_wall(now) {
                Some(until) => format!("{} silenced until {}", cluster.context(), until.strftime("%H:%MZ")),
                None => format!("{} unsilenced", cluster.context()),
            };
        }
        self.set_notice(&text, now);
    }

    /// Notifies of alerts that began to fire since the last tick.
    pub(in crate::model) fn notify_alerts(&mut self, now: Now) -> Option<Effect> {
        let mut news = self.outage_news(now);
        news.extend(self.clusters.iter_mut().flat_map(|cluster| cluster.take_notifications(now)));
        if news.is_empty() {
            return None;
        }
        let ring = self.last_bell.is_none_or(|last| now.mono.since(last) >= BELL_EVERY);
        if ring {
            self.last_bell = Some(now.mono);
        }
        Some(Effect::NotifyAlerts { ring, news })
    }

    /// Derives the alert of several clusters together.
    pub(in crate::model) fn evaluate_outage(&mut self, now: Now) {
        let settings = self.fleet_settings();
        let contacts: Vec<ClusterContact<'_>> = self.clusters.iter().map(|cluster| cluster.contact(now)).collect();
        self.outage.evaluate(&contacts, &settings, now.mono);
        for (index, cluster) in self.clusters.iter_mut().enumerate() {
            cluster.alerts.set_in_outage(self.outage.contains(index));
        }
    }

    /// Notifications of the outage that are due, which count as notifications of its clusters too.
    fn outage_news(&mut self, now: Now) -> Vec<AlertNews> {
        let (members, clusters) = (self.outage.members().clone(), &self.clusters);
        let hits = |record: &AlertRecord| {
            let members = members.iter().filter_map(|index| clusters.get(*index));
            let count = |of: &ClusterState| of.count_hits(record.rule, None, &mut HitReads::default(), now);
            let of_each: Vec<_> = members.filter_map(count).collect();
            Some(together(&of_each.iter().collect::<Vec<_>>()))
        };
        let news = self.outage.take_notifications(now, hits);
        if let Some((notified, ack)) = self.outage.notified() {
            let clusters = self.clusters.iter_mut().enumerate();
            for (_, cluster) in clusters.filter(|(index, _)| self.outage.contains(*index)) {
                cluster.alerts.inherit_outage(notified, ack);
            }
        }
        news
    }

    /// Thresholds of alerts about several clusters: those of the first.
    fn fleet_settings(&self) -> Settings {
        self.clusters.first().map(|cluster| cluster.settings).unwrap_or_default()
    }

    /// Firing alerts about several clusters together.
    #[must_use]
    pub fn outage_alerts(&self) -> &[AlertLine] {
        self.outage.lines()
    }

    /// Pods that a firing alert hits, as of the last frame; `None` if it hits none by its kind. Those of several clusters are a
    /// lower bound unless the pods of each are known.
    #[must_use]
    pub fn hits(&self, cluster: ClusterId, rule: Rule, subject: Option<&Clean>) -> Option<Cow<'_, Known<Hits>>> {
        if cluster != SEVERAL {
            return self.clusters.get(usize::from(cluster.0))?.hits(rule, subject).map(Cow::Borrowed);
        }
        let of_each = self.clusters.iter().filter_map(|cluster| cluster.hits(rule, subject));
        Some(Cow::Owned(together(&of_each.collect::<Vec<_>>())))
    }

    /// The cluster of an alert: its context, or the number of clusters.
    #[must_use]
    pub fn owner(&self, cluster: ClusterId) -> Option<&Clean> {
        if cluster == SEVERAL {
            return Some(self.outage.name());
        }
        self.clusters.get(usize::from(cluster.0)).map(ClusterState::context)
    }

    /// Firing alerts: of several clusters together, then of each, worst first within each.
    pub fn all_alerts(&self) -> impl Iterator<Item = &AlertLine> {
        self.outage_alerts().iter().chain(self.clusters.iter().flat_map(ClusterState::alerts))
    }
}

/// Hits of several clusters together.
fn together(of_each: &[&Known<Hits>]) -> Known<Hits> {
    let known: Vec<&Hits> = of_each.iter().filter_map(|hits| hits.as_ref().any()).collect();
    let sum = Hits::sum(known.iter().copied());
    match known.len() {
        0 => Known::Unknown,
        _ if of_each.iter().all(|hits| matches!(hits, Known::Exact(_))) => Known::Exact(sum),
        _ => Known::AtLeast(sum),
    }
}

fn rows_of<'a>(
    alerts: &'a Alerts,
    cluster: ClusterId,
    context: &'a Clean,
) -> impl Iterator<Item = AlertRow<'a>> + use<'a> {
    let shown = alerts.records().iter().filter(|record| record.resolved.is_some() || !record.inhibited());
    shown.map(move |record| {
        let state = state(record, alerts.muted(record));
        AlertRow { cluster, context, state, record, hits: None, selected: false }
    })
}

fn state(record: &AlertRecord, muted: Option<MuteReason>) -> AlertState {
    match muted {
        _ if record.resolved.is_some() => AlertState::Resolved,
        _ if record.since.is_none() => AlertState::Pending,
        Some(MuteReason::Acknowledged) => AlertState::Acknowledged,
        Some(MuteReason::Silenced) => AlertState::Silenced,
        None if record.unknown() => AlertState::Unknown,
        None => AlertState::Firing,
    }
}

#[cfg(test)]
mod tests;
