//! The strip's view of a cluster: numbers with their states, and one word by evidence.

use std::time::Duration;

use super::answers::MissedProbe;
use super::{ClusterState, ClusterSummary, Freshness, Health, PageUnderWay, saturate};
use crate::facts::accelerator::Kind;
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::model::Known;
use crate::model::alert::Severity;
use crate::model::dra;
use crate::model::latency::{Running, call_title};
use crate::model::optional::Visibility;
use crate::model::rows::Accelerators;
use crate::msg::{CallKind, Failure, Layer, Mono, Now, ProbeOutcome, Resource};

/// 1 s: Kubernetes API-call SLO for one object, sig-scalability/slos/api_call_latency.md.
pub(super) const SLOW_PROBE: Duration = Duration::from_secs(1);
/// One probe may be bad luck, three in a row are not.
pub(super) const PROBES_IN_A_ROW: usize = 3;
/// After a 429 the cluster is called throttled for this long: two periods of a throttled probe (15 s).
const THROTTLED_FOR: Duration = Duration::from_secs(30);

impl ClusterState {
    /// What the strip shows.
    #[must_use]
    pub fn summary(&self, now: Now) -> ClusterSummary {
        let sums = self.nodes.sums();
        let totals = self.ledger.totals();
        let (health, word) = self.health(now);
        let (failure, next) = self.failure(now);
        let all_nodes = self.knows_all_nodes();
        let orphans = if all_nodes { self.pods_track.known(self.join.orphaned()) } else { Known::Unknown };
        ClusterSummary {
            context: self.spec.context.clone(),
            health,
            word,
            version: self.link.version.clone(),
            insecure: self.link.insecure,
            nodes_ready: self.nodes_track.known(sums.ready),
            nodes_total: self.nodes_track.known(sums.total),
            gpu: self.gpu(),
            dra: self.optional.devices().and_then(dra::Devices::all),
            dra_live: self.optional.dra_visible() == Visibility::Visible,
            gpu_known: all_nodes,
            gpu_nodes: self.nodes_track.known(sums.with_devices),
            pods: self.pods_track.known(totals.bound),
            partial: self.partial(),
            pods_allocatable: self.pods_allocatable(),
            unscheduled: self.pods_track.known(totals.unscheduled),
            orphaned: orphans,
            latency: self.latency.summary(now.mono),
            nodes_fresh: self.fresh(Resource::Nodes, now),
            pods_fresh: self.fresh(Resource::Pods, now),
            failure: failure.map(Box::new),
            next_in: next.map(|until| until.since(now.mono)),
            unreadable: self.nodes_track.unreadable().saturating_add(self.pods_track.unreadable()),
            unread_nodes: self.nodes_track.unread(),
            unread_pods: self.pods_track.unread(),
            running: self
                .longest_running(now.mono)
                .map(|(call, span)| (Clean::new(&call_title(call.kind, call.page)), span)),
            pages: self.pages(now.mono),
            smaller: self.link.limits.iter().filter_map(|l| Some((l.resource, l.page_size, l.smaller?))).collect(),
            load: self.latency.load(now.mono),
            skew_ms: self.link.skew_ms,
            worst: self.worst_alert(),
            silence: self.unanswered(now).filter(|_| word == "unanswered"),
            last_timeout: self.recovering(now).filter(|_| word == "recovering"),
            silenced_until: self.silenced_until_wall(now),
            verdict: if word == "slow" { self.latency.verdict(now.mono) } else { None },
            settings: self.settings,
        }
    }

    /// Every node is known: the list is complete, and all of it could be read.
    pub(in crate::model) fn knows_all_nodes(&self) -> bool {
        self.nodes_track.known(()).exact().is_some()
    }

    /// How many pods may be bound to the nodes; a node that does not say may take some.
    fn pods_allocatable(&self) -> Known<u32> {
        let sums = self.nodes.sums();
        let sum = self.nodes_track.known(u32::try_from(sums.pods_allocatable).unwrap_or(u32::MAX));
        match sums.total.saturating_sub(sums.say_pods_allocatable) {
            0 => sum,
            silent if silent == sums.total && sum.any().is_some() => Known::Unknown,
            _ => sum.at_least(),
        }
    }

    /// Pages on their way; a list of one object beside the pages has no number.
    fn pages(&self, now: Mono) -> Vec<PageUnderWay> {
        let page = |call: &Running| match call.kind {
            CallKind::List(resource) if !resource.is_optional() => {
                let (page, bytes, span) = (call.page?, call.bytes, now.since(call.at));
                Some(PageUnderWay { resource, page, bytes, span })
            }
            _ => None,
        };
        self.latency.running().filter_map(page).collect()
    }

    /// How fresh what we show of nodes or pods is; of anything else nothing is said here.
    #[must_use]
    pub fn fresh(&self, resource: Resource, now: Now) -> Freshness {
        match resource {
            Resource::Nodes => self.nodes_track.freshness(self.settings.stale_after, now),
            Resource::Pods => self.pods_track.freshness(self.settings.stale_after, now),
            _ => Freshness::Never,
        }
    }

    /// The longest of the requests that run. A watch runs for minutes once its headers are there: its bytes say that they are.
    pub(in crate::model) fn longest_running(&self, now: Mono) -> Option<(&Running, Duration)> {
        let opened = |call: &&Running| call.kind.is_watch() && call.bytes > 0;
        // Nothing waits for an API that a cluster need not have.
        let calls = self.latency.running().filter(|call| !opened(call) && !call.kind.is_optional());
        calls.map(|call| (call, now.since(call.at))).max_by_key(|(_, span)| *span)
    }

    /// Node data is live, or was until so recently that it still speaks for now.
    pub(in crate::model) fn nodes_are_current(&self, now: Now) -> bool {
        self.nodes_track.lost().is_none()
            && self.nodes_track.age(now).is_some_and(|age| age <= self.settings.stale_after)
            && self.unreachable(now).is_none()
    }

    fn gpu(&self) -> Option<Accelerators> {
        let whole = || self.nodes.sums().devices.iter().filter(|sum| sum.kind == Kind::Device);
        let asked = || self.join.all().filter(|(_, kind, requested)| *kind == Kind::Device && requested.nano() != 0);
        if whole().next().is_none() && asked().next().is_none() {
            return None;
        }
        let requested: Quantity = asked().map(|(_, _, requested)| requested).sum();
        Some(Accelerators {
            requested: self.pods_track.known(requested.value()),
            allocatable: saturate(whole().map(|sum| sum.allocatable).sum()),
            capacity: saturate(whole().map(|sum| sum.capacity).sum()),
        })
    }

    /// The worst of what the evidence says, and the word for it.
    fn health(&self, now: Now) -> (Health, &'static str) {
        if self.spec.broken.is_some() {
            return (Health::Down, "broken");
        }
        let nothing = self.nodes_track.known(()) == Known::Unknown || self.nodes_track.denied();
        let nothing = nothing && (self.pods_track.known(()) == Known::Unknown || self.pods_track.denied());
        // Who belongs to an outage is called what the alert of the outage calls it.
        if self.unreachable(now).is_some() || (self.alerts.is_in_outage() && self.is_silent(now)) {
            return (if nothing { Health::Down } else { Health::Stale }, "unreachable");
        }
        if self.budget.exceeded().is_some() {
            return (Health::Stale, "too large");
        }
        if nothing {
            return self.health_of_nothing();
        }
        let fresh = [self.fresh(Resource::Nodes, now), self.fresh(Resource::Pods, now)];
        let throttled = self.throttled(now);
        let stale = fresh.iter().filter_map(|fresh| match fresh {
            Freshness::Stale(age) => Some(*age),
            _ => None,
        });
        // A server that only asks for patience is not lost, until what it told us is too old.
        if stale.max().is_some_and(|age| age > self.settings.stale_after || !throttled) {
            return (Health::Stale, "stale");
        }
        // One probe may be bad luck, but it is not well either.
        match self.missed_probe(now) {
            Some(MissedProbe::Unanswered(_)) => return (Health::Degraded, "unanswered"),
            Some(MissedProbe::Alone { timed_out: true }) if !throttled => return (Health::Degraded, "slow"),
            Some(MissedProbe::Alone { timed_out: false }) if !throttled => return (Health::Degraded, "failing"),
            _ => {}
        }
        if throttled {
            return (Health::Degraded, "throttled");
        }
        if fresh.contains(&Freshness::Denied) || self.pods_track.any_denied() || self.link.rejected.is_some() {
            return (Health::Degraded, "denied");
        }
        if self.nodes_track.unread() > 0 || self.pods_track.unread() > 0 {
            return (Health::Degraded, "unreadable");
        }
        if self.probes_fail(now).is_some() {
            return (Health::Degraded, "failing");
        }
        if self.slow(now) {
            return (Health::Degraded, "slow");
        }
        if self.recovering(now).is_some() {
            return (Health::Degraded, "recovering");
        }
        if fresh.iter().any(|fresh| matches!(fresh, Freshness::Never | Freshness::Loading { .. })) {
            return (Health::Loading, "loading");
        }
        if fresh.iter().any(|fresh| matches!(fresh, Freshness::Polling(_))) {
            return (Health::Degraded, "polling");
        }
        (Health::Ok, if self.pods_track.scope().namespaces.is_empty() { "ok" } else { "partial" })
    }

    /// Nothing was read yet: on its way, or failing in a way that the word names.
    fn health_of_nothing(&self) -> (Health, &'static str) {
        if self.nodes_track.denied() && self.pods_track.denied() {
            return (Health::Down, "denied");
        }
        let Some(failure) = self.nodes_track.lost().or_else(|| self.pods_track.lost()) else {
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
        let waits = self.tracks().filter_map(|(.., track)| track.lost());
        let waits = waits.map(|failure| failure.layer).any(|layer| layer == Layer::Throttled);
        waits || self.latency.throttled_within(THROTTLED_FOR, now.mono) > 0
    }

    fn slow(&self, now: Now) -> bool {
        let fires = |reason, least| self.alerts().iter().any(|alert| alert.reason == reason && alert.severity >= least);
        fires("SlowCall", Severity::Warning)
            || fires("Timeouts", Severity::Critical)
            || self.longest_running(now.mono).is_some_and(|(_, span)| span > self.settings.slow_call)
            || self.probes_drag(now)
    }

    /// The last of three work probes in a row that were answered with an error, although something answers (F28). Timeouts
    /// are slowness, and 429, 401 and 403 have words of their own.
    pub(in crate::model) fn probes_fail(&self, now: Now) -> Option<Layer> {
        let last = self.latency.last_probes(PROBES_IN_A_ROW, now.mono);
        let layers: Vec<Layer> = last
            .into_iter()
            .filter_map(|outcome| match outcome {
                ProbeOutcome::Failed { layer, .. } => Some(layer),
                _ => None,
            })
            .filter(|layer| !matches!(layer, Layer::Throttled | Layer::Auth | Layer::Rbac))
            .collect();
        (layers.len() == PROBES_IN_A_ROW).then(|| layers[0])
    }

    /// The last three work probes timed out.
    pub(in crate::model) fn probes_time_out(&self, now: Now) -> bool {
        let last = self.latency.last_probes(PROBES_IN_A_ROW, now.mono);
        last.len() == PROBES_IN_A_ROW && last.iter().all(|outcome| matches!(outcome, ProbeOutcome::TimedOut { .. }))
    }

    /// The last three work probes were slow or timed out.
    fn probes_drag(&self, now: Now) -> bool {
        let drags = |outcome: &ProbeOutcome| match outcome {
            ProbeOutcome::Answered { latency } => *latency >= SLOW_PROBE,
            ProbeOutcome::TimedOut { .. } => true,
            ProbeOutcome::Failed { .. } => false,
        };
        let last = self.latency.last_probes(PROBES_IN_A_ROW, now.mono);
        last.len() == PROBES_IN_A_ROW && last.iter().all(drags)
    }

    /// What failed and when it is tried again, while something waits.
    fn failure(&self, now: Now) -> (Option<Failure>, Option<Mono>) {
        if let Some(reason) = &self.spec.broken {
            let failure = Failure {
                at: now.wall,
                layer: Layer::Config,
                request: Clean::new("kubeconfig"),
                code: None,
                text: reason.clone(),
                attempt: 1,
                next_in: None,
                previous: None,
                audit_id: None,
                retry_after: None,
                timeout: false,
            };
            return (Some(failure), None);
        }
        let lost = self.tracks().filter_map(|(.., track)| Some((track.lost()?, track.next_attempt())));
        // What is retried explains more than what is forbidden.
        let worst = lost.max_by_key(|(failure, until)| (failure.layer != Layer::Rbac, until.is_some()));
        worst.map_or((None, None), |(failure, until)| (Some(failure.clone()), until))
    }
}
