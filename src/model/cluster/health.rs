//! The state of a cluster in one word, by evidence.

use std::time::Duration;

use super::Health;
use crate::model::alerts::{AlertLine, Rule, Severity};
use crate::model::derive::server::health::{MissedProbe, ServerHealth};
use crate::model::known::Known;
use crate::model::store::sync::Freshness;
use crate::msg::{Layer, Now, Resource};

/// Time after a 429 for which the cluster is called throttled: two periods of a throttled probe (15 s).
const THROTTLED_FOR: Duration = Duration::from_secs(30);

/// Inputs of a cluster's health.
pub(super) struct HealthInputs<'a> {
    /// `true` if the context cannot be used.
    pub(super) broken: bool,
    /// `true` if there are more objects than the budget allows.
    pub(super) exceeded: bool,
    /// `true` if an outage of several clusters includes this one.
    pub(super) in_outage: bool,
    pub(super) server: ServerHealth<'a>,
    /// Firing alerts.
    pub(super) alerts: &'a [AlertLine],
}

impl HealthInputs<'_> {
    /// The worst of the evidence, and its word.
    pub(super) fn health(&self, now: Now) -> (Health, &'static str) {
        if self.broken {
            return (Health::Down, "broken");
        }
        let (tracks, server) = (self.server.tracks, &self.server);
        let nothing = tracks.nodes.known(()) == Known::Unknown || tracks.nodes.denied();
        let nothing = nothing && (tracks.pods.known(()) == Known::Unknown || tracks.pods.denied());
        // A cluster of an outage has the same word as the alert of the outage.
        if server.unreachable(now).is_some() || (self.in_outage && server.is_silent(now)) {
            return (if nothing { Health::Down } else { Health::Stale }, "unreachable");
        }
        if self.exceeded {
            return (Health::Stale, "too large");
        }
        if nothing {
            return self.health_of_nothing();
        }
        let stale_after = server.settings.stale_after;
        let fresh = Resource::CORE.map(|resource| tracks.freshness(resource, stale_after, now));
        let throttled = self.throttled(now);
        let stale = fresh.iter().filter_map(|fresh| match fresh {
            Freshness::Stale(age) => Some(*age),
            _ => None,
        });
        // A throttling server is not lost, until its data is too old.
        if stale.max().is_some_and(|age| age > stale_after || !throttled) {
            return (Health::Stale, "stale");
        }
        if let Some(word) = self.missed_probe(throttled, now) {
            return (Health::Degraded, word);
        }
        if throttled {
            return (Health::Degraded, "throttled");
        }
        let rejected = server.server.rejected.is_some();
        if fresh.contains(&Freshness::Denied) || tracks.pods.any_denied() || rejected {
            return (Health::Degraded, "denied");
        }
        if tracks.nodes.unread() > 0 || tracks.pods.unread() > 0 {
            return (Health::Degraded, "unreadable");
        }
        if server.probes_fail(now).is_some() {
            return (Health::Degraded, "failing");
        }
        if self.slow(now) {
            return (Health::Degraded, "slow");
        }
        if server.recovering(now).is_some() {
            return (Health::Degraded, "recovering");
        }
        if fresh.iter().any(Freshness::is_first) {
            return (Health::Loading, "loading");
        }
        if fresh.iter().any(|fresh| matches!(fresh, Freshness::Polling(_))) {
            return (Health::Degraded, "polling");
        }
        (Health::Ok, if tracks.pods.scope().namespaces.is_empty() { "ok" } else { "partial" })
    }

    /// The word for a missed probe: a single one may be chance, but does not count as ok either.
    fn missed_probe(&self, throttled: bool, now: Now) -> Option<&'static str> {
        match self.server.missed_probe(now)? {
            MissedProbe::Unanswered(_) => Some("unanswered"),
            MissedProbe::Alone { .. } if throttled => None,
            MissedProbe::Alone { timed_out: true } => Some("slow"),
            MissedProbe::Alone { timed_out: false } => Some("failing"),
        }
    }

    /// The word before anything was read: loading, or failing at a layer that gives the word.
    fn health_of_nothing(&self) -> (Health, &'static str) {
        let tracks = self.server.tracks;
        if tracks.nodes.denied() && tracks.pods.denied() {
            return (Health::Down, "denied");
        }
        let Some(failure) = tracks.nodes.lost().or_else(|| tracks.pods.lost()) else {
            return (Health::Loading, "loading");
        };
        match failure.layer {
            Layer::Config | Layer::Internal | Layer::Decode | Layer::Server => (Health::Down, "broken"),
            Layer::Credentials | Layer::Auth | Layer::Rbac => (Health::Down, "denied"),
            Layer::Dns | Layer::Proxy | Layer::Connect | Layer::Tls => (Health::Down, "unreachable"),
            Layer::Throttled => (Health::Down, "throttled"),
            Layer::FirstByte | Layer::Body | Layer::ServerTimeout => (Health::Down, "slow"),
            Layer::Watch | Layer::Warning => (Health::Loading, "loading"),
        }
    }

    fn throttled(&self, now: Now) -> bool {
        let mut waits = self.server.tracks.all().filter_map(|(.., track)| track.lost());
        waits.any(|failure| failure.layer == Layer::Throttled)
            || self.server.latency.throttled_within(THROTTLED_FOR, now.mono) > 0
    }

    fn slow(&self, now: Now) -> bool {
        let fires = |rule, least| self.alerts.iter().any(|alert| alert.rule == rule && alert.severity >= least);
        fires(Rule::SlowCall, Severity::Warning)
            || fires(Rule::Timeouts, Severity::Critical)
            || self.server.has_slow_call(now.mono)
            || self.server.probes_are_slow(now)
    }
}
