//! The pane of alerts: all alerts of all clusters in one list, with a selection that follows its alert.

use std::cmp::Reverse;

use crate::facts::text::Clean;
use crate::model::alerts::{AckKind, AlertRecord, Alerts, SEVERAL};
use crate::model::app::Model;
use crate::model::app::screens::Screen;
use crate::model::cluster::{ClusterState, SelectionStep};
use crate::msg::{ClusterId, Effect, Mono, Now};

/// The bell rings at most once in this time (docs/latency-and-alerts.md).
const BELL_EVERY: std::time::Duration = std::time::Duration::from_secs(60);

/// Names one alert from its beginning to its end, and when it comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertKey {
    /// Whose.
    pub cluster: ClusterId,
    /// CamelCase.
    pub reason: &'static str,
    /// What it is about, where there can be several.
    pub subject: Option<Clean>,
}

/// The state of an alert, in the order of the pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertState {
    /// It fires.
    Firing,
    /// It fired, and its source is silent now.
    Unknown,
    /// It fires, and its cluster is silenced.
    Silenced,
    /// It fires, and somebody looks after it.
    Acknowledged,
    /// True, but not for long enough to fire.
    Pending,
    /// It fired within the last hour.
    Resolved,
}

/// One line of the pane.
#[derive(Clone, Debug)]
pub struct AlertRow<'a> {
    /// Whose.
    pub cluster: ClusterId,
    /// The context.
    pub context: &'a Clean,
    /// The state.
    pub state: AlertState,
    /// Since, peak, count, text.
    pub record: &'a AlertRecord,
    /// The operator's row.
    pub selected: bool,
}

impl AlertRow<'_> {
    fn key(&self) -> AlertKey {
        AlertKey { cluster: self.cluster, reason: self.record.reason, subject: self.record.subject.clone() }
    }

    /// When it came into this state, as far as that is remembered; the newest change of what is over comes first.
    fn since(&self) -> Mono {
        self.record.resolved.or(self.record.since).unwrap_or(self.record.first)
    }
}

impl Model {
    /// All alerts of all clusters, but for those that a worse one explains: firing, acknowledged, pending, resolved within
    /// the last hour. Bounded by the number of clusters, not of nodes: rules group what is many.
    #[must_use]
    pub fn alert_rows(&self) -> Vec<AlertRow<'_>> {
        let mut rows: Vec<AlertRow<'_>> = self.clusters().iter().zip(0..).flat_map(rows_of).collect();
        rows.extend(rows_of_board(&self.outage.alerts, (SEVERAL, &self.outage.name)));
        rows.sort_by(|a, b| {
            let order = |row: &AlertRow<'_>| (row.state, Reverse(row.record.severity));
            let time =
                if a.state == AlertState::Resolved { b.since().cmp(&a.since()) } else { a.since().cmp(&b.since()) };
            order(a)
                .cmp(&order(b))
                .then(time)
                .then_with(|| (a.cluster, a.record.reason).cmp(&(b.cluster, b.record.reason)))
        });
        let at = self.chosen_at(&rows);
        if let Some(row) = rows.get_mut(at) {
            row.selected = true;
        }
        rows
    }

    /// The place of the chosen alert; the first one if it is gone.
    fn chosen_at(&self, rows: &[AlertRow<'_>]) -> usize {
        let chosen = self.chosen.as_ref();
        rows.iter().position(|row| Some(&row.key()) == chosen).unwrap_or(0)
    }

    fn chosen_key(&self) -> Option<AlertKey> {
        self.alert_rows().iter().find(|row| row.selected).map(AlertRow::key)
    }

    pub(in crate::model) fn move_alert(&mut self, step: SelectionStep) {
        let rows = self.alert_rows();
        let to = step.from(self.chosen_at(&rows), rows.len());
        let chosen = rows.get(to).map(AlertRow::key);
        self.chosen = chosen;
    }

    /// Acknowledges the selected alert, or takes that back.
    pub(in crate::model) fn acknowledge(&mut self, now: Now) {
        let Some(key) = self.chosen_key() else { return self.note("no alert is selected", now) };
        if key.cluster == SEVERAL {
            let settings = self.clusters.first().map(|cluster| cluster.settings).unwrap_or_default();
            self.outage.alerts.acknowledge((key.reason, key.subject.as_ref()), &settings, now.mono);
            self.evaluate_outage(now);
        } else if let Some(cluster) = self.clusters.get_mut(usize::from(key.cluster.0)) {
            cluster.acknowledge((key.reason, key.subject.as_ref()), now.mono);
            cluster.evaluate(now);
        }
        // The row moves to those that somebody looks after; the selection stays with it.
        self.chosen = Some(key);
    }

    /// Silences the cluster of the selected alert, elsewhere the current one; or ends that.
    pub(in crate::model) fn silence(&mut self, now: Now) {
        let chosen = (self.screen == Screen::Alerts).then(|| self.chosen_key()).flatten();
        let at = chosen.as_ref().map_or(self.current, |key| usize::from(key.cluster.0));
        let mut text = "that is about several clusters: silence them one by one".to_owned();
        if let Some(cluster) = self.clusters.get_mut(at) {
            cluster.toggle_silence(now.mono);
            cluster.evaluate(now);
            text = match cluster.silenced_until_wall(now) {
                Some(until) => format!("{} silenced until {}", cluster.context(), until.strftime("%H:%MZ")),
                None => format!("{} is heard again", cluster.context()),
            };
        }
        self.note(&text, now);
        self.chosen = chosen;
    }

    /// Goes where the selected alert is: to the node, to the API of its cluster, or to its nodes.
    pub(in crate::model) fn open_alert(&mut self, now: Now) {
        let Some(key) = self.chosen_key() else { return self.note("no alert is selected", now) };
        self.chosen = Some(key.clone());
        let first = if key.cluster == SEVERAL { self.outage.first() } else { None };
        let at = first.unwrap_or(usize::from(key.cluster.0));
        // The node stands before the resource that it lacks.
        let node = key.subject.as_deref().and_then(|subject| subject.split('/').next());
        let node = node.filter(|name| self.clusters.get(at).is_some_and(|of| of.node(name, now).is_some()));
        match node.map(Clean::new) {
            Some(name) => self.open_node(at, name),
            None if about_nodes(key.reason) => self.descend(at, Screen::Nodes),
            None => self.descend(at, Screen::Api),
        }
    }

    /// What began to fire since the last tick, and whether the bell may ring for it.
    pub(in crate::model) fn notify_alerts(&mut self, now: Now) -> Option<Effect> {
        let mut news = self.outage_news(now);
        news.extend(self.clusters.iter_mut().flat_map(|cluster| cluster.news(now)));
        if news.is_empty() {
            return None;
        }
        let ring = self.rang.is_none_or(|rang| now.mono.since(rang) >= BELL_EVERY);
        if ring {
            self.rang = Some(now.mono);
        }
        Some(Effect::NotifyAlerts { ring, news })
    }
}

/// A group of nodes has no subject; its reason says that it is about nodes.
fn about_nodes(reason: &str) -> bool {
    reason.starts_with("Node") || reason.starts_with("Gpus") || reason.starts_with("Pod")
}

fn rows_of((cluster, id): (&ClusterState, u16)) -> impl Iterator<Item = AlertRow<'_>> {
    rows_of_board(&cluster.alerts, (ClusterId(id), cluster.context()))
}

fn rows_of_board<'a>(alerts: &'a Alerts, of: (ClusterId, &'a Clean)) -> impl Iterator<Item = AlertRow<'a>> {
    let (cluster, context) = of;
    let silenced = alerts.is_silenced();
    let shown = alerts.records().iter().filter(|record| record.resolved.is_some() || !record.inhibited());
    shown.map(move |record| AlertRow { cluster, context, state: state(record, silenced), record, selected: false })
}

fn state(record: &AlertRecord, silenced: bool) -> AlertState {
    let muted = record.ack.map(|_| AckKind::Acknowledged).or(silenced.then_some(AckKind::Silenced));
    match muted {
        _ if record.resolved.is_some() => AlertState::Resolved,
        _ if record.since.is_none() => AlertState::Pending,
        Some(AckKind::Acknowledged) => AlertState::Acknowledged,
        Some(AckKind::Silenced) => AlertState::Silenced,
        None if record.unknown() => AlertState::Unknown,
        None => AlertState::Firing,
    }
}

#[cfg(test)]
mod tests;
