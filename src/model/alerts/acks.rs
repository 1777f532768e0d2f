//! Acknowledging alerts, silencing a cluster, and the news that is worth telling.

use jiff::Timestamp;

use super::{AlertRecord, Alerts, Audibility, Severity};
use crate::facts::text::Clean;
use crate::model::cluster::ClusterState;
use crate::model::settings::Settings;
use crate::msg::{AlertNews, Mono, Now};

/// More news than this in a second is not told one by one: what is left out is in the pane.
const NEWS: usize = 64;

/// Why an alert that fires is not heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AckKind {
    /// Somebody looks after it.
    Acknowledged,
    /// Its cluster is silenced.
    Silenced,
}

/// An acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// When it ends at the latest.
    pub until: Mono,
    /// How bad the alert was; it ends when that gets worse.
    pub severity: Severity,
    /// How many nodes it was about; it ends when there are more: nobody has looked at those.
    pub size: usize,
}

impl Alerts {
    /// Acknowledges an alert that fires, or takes that back; an alert that is not there, or does not fire, is left alone.
    pub(in crate::model) fn acknowledge(&mut self, key: (&str, Option<&Clean>), settings: &Settings, now: Mono) {
        let same = |record: &&mut AlertRecord| record.reason == key.0 && record.subject.as_ref() == key.1;
        let Some(record) = self.records.iter_mut().find(same) else { return };
        if record.since.is_none() || record.resolved.is_some() {
            return;
        }
        let ack = Ack { until: now + settings.ack_expires, severity: record.severity, size: record.size };
        record.ack = if record.ack.is_some() { None } else { Some(ack) };
        self.touched = true;
    }

    /// Ends acknowledgements that are over: expired, or the alert has resolved, is worse now or about more nodes.
    pub(super) fn end_acks(&mut self, now: Mono) {
        for record in &mut self.records {
            let Some(ack) = &mut record.ack else { continue };
            let worse = record.severity > ack.severity || record.size > ack.size;
            let over = record.resolved.is_some() || worse || now >= ack.until;
            // A group that shrank and grows again grows.
            ack.size = record.size;
            if over {
                record.ack = None;
                // What gets worse, or is still there when the hour is over, is news again.
                record.told = None;
            }
        }
        if self.silenced_until.is_some_and(|until| now >= until) {
            self.silenced_until = None;
        }
    }

    /// Nothing of it is heard for a while.
    pub(in crate::model) fn is_silenced(&self) -> bool {
        self.silenced_until.is_some()
    }

    /// Why `record` is not heard, if it is not.
    pub(super) fn muted(&self, record: &AlertRecord) -> Option<AckKind> {
        match (record.ack, self.silenced_until) {
            (Some(_), _) => Some(AckKind::Acknowledged),
            (None, Some(_)) => Some(AckKind::Silenced),
            (None, None) => None,
        }
    }

    /// What began to fire and was not told yet; a notice is not worth telling. Each is told once for each time that it fires.
    pub(super) fn news(&mut self, cluster: &Clean, now: Now) -> Vec<AlertNews> {
        let silenced = self.silenced_until.is_some();
        let mut news = Vec::new();
        for record in &mut self.records {
            let heard = record.firing() && record.voice == Audibility::Audible && record.ack.is_none() && !silenced;
            // What gets worse is news once more.
            let told = record.told.is_some_and(|told| told >= record.severity);
            if !heard || told || record.severity == Severity::Notice || news.len() == NEWS {
                continue;
            }
            record.told = Some(record.severity);
            let since = now.mono.since(record.since.unwrap_or(now.mono));
            news.push(AlertNews {
                cluster: cluster.clone(),
                severity: Clean::new(record.severity.name()),
                reason: Clean::new(record.reason),
                subject: record.subject.clone(),
                text: record.text.clone(),
                since: now.wall.checked_sub(since).unwrap_or(now.wall),
            });
        }
        news
    }
}

impl AlertRecord {
    /// It fires: not pending, and not resolved.
    #[must_use]
    pub fn firing(&self) -> bool {
        self.since.is_some() && self.resolved.is_none()
    }

    /// A worse alert explains it.
    #[must_use]
    pub fn inhibited(&self) -> bool {
        self.voice == Audibility::Inhibited
    }

    /// Its source is silent: whether it still fires is not known.
    #[must_use]
    pub fn unknown(&self) -> bool {
        self.voice == Audibility::Unknown
    }
}

impl Severity {
    /// `critical`, `warning`, `notice`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl ClusterState {
    /// Until when the alerts of this cluster are silenced, if they are.
    #[must_use]
    pub fn silenced_until(&self) -> Option<Mono> {
        self.alerts.silenced_until
    }

    /// The same by the wall clock.
    pub(in crate::model) fn silenced_until_wall(&self, now: Now) -> Option<Timestamp> {
        let left = self.silenced_until()?.since(now.mono);
        now.wall.checked_add(left).ok()
    }

    /// The worst alert that fires.
    pub(in crate::model) fn worst_alert(&self) -> Option<Severity> {
        self.alerts.worst()
    }

    /// Silences the cluster, or lets it be heard again.
    pub(crate) fn toggle_silence(&mut self, now: Mono) {
        let until = now + self.settings.silence_for;
        self.alerts.silenced_until = if self.alerts.silenced_until.is_some() { None } else { Some(until) };
        self.alerts.touch();
    }

    /// Acknowledges an alert, or takes that back.
    pub(crate) fn acknowledge(&mut self, key: (&str, Option<&Clean>), now: Mono) {
        let settings = self.settings;
        self.alerts.acknowledge(key, &settings, now);
    }

    /// What began to fire since the last time.
    pub(crate) fn news(&mut self, now: Now) -> Vec<AlertNews> {
        let context = self.spec.context.clone();
        self.alerts.news(&context, now)
    }
}
