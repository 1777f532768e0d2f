//! Acknowledging alerts, silencing a cluster, and the notifications that are due.

use super::{AlertRecord, Alerts, Rule, Severity, Suppression};
use crate::facts::text::Clean;
use crate::model::derive::hits::{self, Hits};
use crate::model::known::Known;
use crate::model::settings::Settings;
use crate::msg::{AlertNews, Mono, Now};

/// Maximum number of notifications of one cluster in a second; the alert pane shows the rest.
const MAX_NEWS: usize = 64;

/// Reason why an alert that fires is not notified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MuteReason {
    /// The operator has acknowledged it.
    Acknowledged,
    /// Its cluster is silenced.
    Silenced,
}

/// An acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// Time at which it ends at the latest.
    pub until: Mono,
    /// Severity of the alert; the acknowledgement ends when that gets worse.
    pub severity: Severity,
    /// Number of nodes of the alert; the acknowledgement ends when there are more, which nobody has acknowledged.
    pub size: usize,
}

impl Ack {
    /// The same for an alert that is not about several nodes or clusters.
    pub(super) fn of_one(self) -> Self {
        Self { size: 0, ..self }
    }
}

impl Alerts {
    /// Acknowledges the alert if it fires, or withdraws its acknowledgement.
    pub(in crate::model) fn acknowledge(
        &mut self,
        rule: Rule,
        subject: Option<&Clean>,
        settings: &Settings,
        now: Mono,
    ) {
        let same = |record: &&mut AlertRecord| record.rule == rule && record.subject.as_ref() == subject;
        let Some(record) = self.records.iter_mut().find(same).filter(|record| record.firing()) else { return };
        let ack = Ack { until: now + settings.ack_expires, severity: record.severity, size: record.size };
        record.ack = if record.ack.is_some() { None } else { Some(ack) };
        self.touch();
    }

    /// Ends acknowledgements that have expired, or whose alert has resolved, is worse now or about more nodes; ends a silence that
    /// has expired.
    pub(super) fn end_acks(&mut self, now: Mono) {
        for record in &mut self.records {
            let Some(ack) = &mut record.ack else { continue };
            let worse = record.severity > ack.severity || record.size > ack.size;
            let over = record.resolved.is_some() || worse || now >= ack.until;
            // A group that has shrunk and grows again counts as growing.
            ack.size = record.size;
            if over {
                record.ack = None;
                // An alert that gets worse, or still fires when the acknowledgement expires, is notified again.
                record.notified = None;
            }
        }
        if self.silenced_until.is_some_and(|until| now >= until) {
            self.silenced_until = None;
        }
    }

    /// The end of the silence, if the cluster is silenced.
    pub(in crate::model) fn silenced_until(&self) -> Option<Mono> {
        self.silenced_until
    }

    /// Silences the cluster until then, or ends its silence.
    pub(in crate::model) fn toggle_silence(&mut self, until: Mono) {
        self.silenced_until = if self.silenced_until.is_some() { None } else { Some(until) };
        self.touch();
    }

    /// Reason why `record` is not notified although it fires.
    pub(in crate::model) fn muted(&self, record: &AlertRecord) -> Option<MuteReason> {
        match (record.ack, self.silenced_until) {
            (Some(_), _) => Some(MuteReason::Acknowledged),
            (None, Some(_)) => Some(MuteReason::Silenced),
            (None, None) => None,
        }
    }

    /// Takes the notifications that are due: alerts that began to fire or got worse, except notices. Each is returned once for each
    /// time that it fires, with the pods that `hits` counts.
    pub(in crate::model) fn take_notifications(
        &mut self,
        cluster: &Clean,
        now: Now,
        mut hits: impl FnMut(&AlertRecord) -> Option<Known<Hits>>,
    ) -> Vec<AlertNews> {
        let silenced = self.silenced_until.is_some();
        let mut news = Vec::new();
        for record in &mut self.records {
            let active = record.firing() && record.suppression == Suppression::None;
            let muted = record.ack.is_some() || silenced || record.severity == Severity::Notice;
            let notified = record.notified.is_some_and(|notified| notified >= record.severity);
            if !active || muted || notified || news.len() == MAX_NEWS {
                continue;
            }
            record.notified = Some(record.severity);
            let since = now.mono.since(record.since.unwrap_or(now.mono));
            let (hits, hits_state) = hits::plain(hits(record).as_ref());
            news.push(AlertNews {
                cluster: cluster.clone(),
                severity: Clean::new(record.severity.name()),
                reason: Clean::new(record.reason()),
                subject: record.subject.clone(),
                text: record.text.clone(),
                since: now.wall.checked_sub(since).unwrap_or(now.wall),
                hits,
                hits_state,
            });
        }
        news
    }
}
