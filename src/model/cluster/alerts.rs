//! Alerts of the cluster: the inputs of their rules, and what the operator does about them.

use std::time::Duration;

use jiff::Timestamp;

use super::ClusterState;
use crate::facts::text::Clean;
use crate::model::alerts::{
    AlertRecord, ClusterContact, Evidence, FailedProbes, Latched, LostCluster, Rule, ServerEvidence, Severity,
};
use crate::model::derive::hits::HitReads;
use crate::msg::{AlertNews, Mono, Now};

/// 30 s: time after a sleep or a stop in which dead connections and old data raise no alert (F67).
const RESUME_GRACE: Duration = Duration::from_secs(30);

impl ClusterState {
    /// Derives the alerts from state and time, if either has changed.
    pub(in crate::model) fn evaluate(&mut self, now: Now) {
        if self.alerts.take_due(self.nodes.unhealthy_len(), now.mono) {
            let mut alerts = std::mem::take(&mut self.alerts);
            alerts.evaluate(self.evidence(now), self.id);
            self.alerts = alerts;
        }
    }

    /// Inputs of the rules. They do not include the alerts themselves.
    pub(super) fn evidence(&self, now: Now) -> Evidence<'_> {
        Evidence {
            now,
            settings: &self.settings,
            broken: self.spec.broken.is_some(),
            server: ServerEvidence {
                unreachable: self.server_health().unreachable(now),
                silent: self.server_health().is_silent(now),
                resuming: self.is_resuming(now),
                resumed: self.link.resumed.unwrap_or_default(),
                rejected: self.link.rejected.is_some(),
                failure: self.link.failures().next(),
                longest_running: self.server_health().longest_running(now.mono).map(|(call, _)| call),
                failed_probes: self.failed_probes(now),
                green_since_timeout: self.server_health().green_since_timeout(now),
            },
            latency: &self.latency,
            nodes_track: &self.tracks.nodes,
            pods_track: &self.tracks.pods,
            too_large: self.budget.exceeded(),
            nodes: &self.nodes,
            pods: &self.pods,
            history: &self.history,
            density: &self.density,
            black_holes: &self.black_holes,
            nodes_current: self.server_health().nodes_are_current(now),
            pods_current: self.pods_are_current(now),
            latched: Latched::default(),
        }
    }

    fn failed_probes(&self, now: Now) -> Option<FailedProbes> {
        let timed_out = || self.server_health().probes_time_out(now).then_some(FailedProbes::TimedOut);
        self.server_health().probes_fail(now).map(FailedProbes::Failed).or_else(timed_out)
    }

    /// Contact with the cluster, for the rule about several clusters.
    pub(in crate::model) fn contact(&self, now: Now) -> ClusterContact<'_> {
        let broken = self.spec.broken.is_some();
        let left_alone = broken || self.silenced_until().is_some() || self.is_resuming(now);
        let answered =
            self.link.answered.or(self.link.begun).filter(|_| !left_alone && self.server_health().is_silent(now));
        let lost = answered.map(|last| LostCluster {
            last: last.mono,
            unreachable: self.server_health().unreachable(now).is_some(),
            alone: self.alerts.is_unreachable_alone(),
        });
        ClusterContact { context: &self.spec.context, broken, lost }
    }

    /// Returns `true` for a while after the program was stopped or the machine slept.
    fn is_resuming(&self, now: Now) -> bool {
        self.link.resumed.is_some_and(|at| now.mono.since(at) < RESUME_GRACE)
    }

    /// Returns `true` if pod data is live, or was until recently, and so is current enough for rules.
    fn pods_are_current(&self, now: Now) -> bool {
        let track = &self.tracks.pods;
        track.lost().is_none() && track.age(now).is_some_and(|age| age <= self.settings.stale_after)
    }

    /// The end of the silence, if the cluster is silenced.
    #[must_use]
    pub fn silenced_until(&self) -> Option<Mono> {
        self.alerts.silenced_until()
    }

    /// The end of the silence by the wall clock.
    pub(in crate::model) fn silenced_until_wall(&self, now: Now) -> Option<Timestamp> {
        let left = self.silenced_until()?.since(now.mono);
        now.wall.checked_add(left).ok()
    }

    /// The worst severity that fires.
    pub(in crate::model) fn worst_alert(&self) -> Option<Severity> {
        self.alerts.worst()
    }

    /// Silences the cluster, or ends its silence.
    pub(in crate::model) fn toggle_silence(&mut self, now: Mono) {
        self.alerts.toggle_silence(now + self.settings.silence_for);
    }

    /// Acknowledges an alert, or withdraws its acknowledgement.
    pub(in crate::model) fn acknowledge(&mut self, rule: Rule, subject: Option<&Clean>, now: Mono) {
        self.alerts.acknowledge(rule, subject, &self.settings, now);
    }

    /// Notifications that are due.
    pub(in crate::model) fn take_notifications(&mut self, now: Now) -> Vec<AlertNews> {
        let mut alerts = std::mem::take(&mut self.alerts);
        let mut reads = HitReads::default();
        let hits = |record: &AlertRecord| self.count_hits(record.rule, record.subject.as_ref(), &mut reads, now);
        let news = alerts.take_notifications(&self.spec.context, now, hits);
        self.alerts = alerts;
        news
    }
}
