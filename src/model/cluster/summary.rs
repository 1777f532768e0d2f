//! The strip's view of a cluster: numbers with their states, and one word by evidence.

use super::health::HealthInputs;
use super::{ClusterState, ClusterSummary, PageUnderWay};
use crate::facts::text::Clean;
use crate::model::derive::dra;
use crate::model::derive::latency::{RunningCall, call_title};
use crate::model::known::Known;
use crate::model::settings::ClusterSpec;
use crate::model::store::nodes::Sums;
use crate::model::store::sync::Track;
use crate::model::store::sync::Visibility;
use crate::model::store::tracks::CoreTracks;
use crate::msg::{Failure, Layer, Mono, Now, Resource};

impl ClusterState {
    /// Summary of the cluster for the strip.
    #[must_use]
    pub fn summary(&self, now: Now) -> ClusterSummary {
        let (sums, totals) = (self.nodes.sums(), self.pods.totals());
        let CoreTracks { nodes: nodes_track, pods: pods_track } = &self.tracks;
        let server = self.server_health();
        let exceeded = self.budget.exceeded().is_some();
        let inputs = HealthInputs {
            broken: self.spec.broken.is_some(),
            exceeded,
            in_outage: self.alerts.is_in_outage(),
            server,
            alerts: self.alerts.lines(),
        };
        let (health, word) = inputs.health(now);
        let (failure, next) = waiting(&self.spec, &self.tracks, now);
        let all_nodes = self.tracks.knows_all_nodes();
        let orphans = if all_nodes { pods_track.known(self.join.orphaned()) } else { Known::Unknown };
        ClusterSummary {
            context: self.spec.context.clone(),
            health,
            word,
            version: self.link.version.clone(),
            insecure: self.link.insecure,
            nodes_ready: nodes_track.known(sums.ready),
            nodes_total: nodes_track.known(sums.total),
            gpu: self.join.whole_devices(&self.nodes, pods_track),
            dra: self.devices.devices(&self.optional).and_then(dra::DraDevices::all),
            dra_live: self.optional.dra_visible() == Visibility::Visible,
            gpu_known: all_nodes,
            gpu_nodes: nodes_track.known(sums.with_devices),
            pods: pods_track.known(totals.bound),
            partial: pods_track.partial(),
            pods_allocatable: pods_allocatable(sums, nodes_track),
            unscheduled: pods_track.known(totals.unscheduled),
            orphaned: orphans,
            latency: self.latency.summary(now.mono),
            nodes_fresh: self.fresh(Resource::Nodes, now),
            pods_fresh: self.fresh(Resource::Pods, now),
            failure: failure.map(Box::new),
            next_in: next.map(|until| until.since(now.mono)),
            unreadable: nodes_track.unreadable().saturating_add(pods_track.unreadable()),
            unread_nodes: nodes_track.unread(),
            unread_pods: pods_track.unread(),
            running: server
                .longest_running(now.mono)
                .map(|(call, span)| (Clean::new(&call_title(call.kind, call.page)), span)),
            pages: server.pages().map(|(resource, page, call)| page_under_way(resource, page, call, now)).collect(),
            smaller: self.link.limits.iter().filter_map(|l| Some((l.resource, l.page_size, l.smaller?))).collect(),
            load: self.latency.load(now.mono),
            skew_ms: self.link.skew_ms,
            worst: self.worst_alert(),
            silence: server.unanswered(now).filter(|_| word == "unanswered"),
            last_timeout: server.recovering(now).filter(|_| word == "recovering"),
            silenced_until: self.silenced_until_wall(now),
            verdict: if word == "slow" { self.latency.verdict(now.mono) } else { None },
            settings: self.settings,
        }
    }
}

fn page_under_way(resource: Resource, page: u32, call: &RunningCall, now: Now) -> PageUnderWay {
    PageUnderWay { resource, page, bytes: call.bytes, span: now.mono.since(call.at) }
}

/// The failure of a list or watch that waits, and when it is tried again.
fn waiting(spec: &ClusterSpec, tracks: &CoreTracks, now: Now) -> (Option<Failure>, Option<Mono>) {
    if let Some(reason) = &spec.broken {
        let failure = Failure::new(now.wall, Layer::Config, Clean::new("kubeconfig"), reason.clone());
        return (Some(failure), None);
    }
    let lost = tracks.all().filter_map(|(.., track)| Some((track.lost()?, track.next_attempt())));
    // A retry explains more than a 403.
    let worst = lost.max_by_key(|(failure, until)| (failure.layer != Layer::Rbac, until.is_some()));
    worst.map_or((None, None), |(failure, until)| (Some(failure.clone()), until))
}

/// Number of pods that the nodes allow; a lower bound if a node does not report its limit.
fn pods_allocatable(sums: &Sums, nodes: &Track) -> Known<u32> {
    let sum = nodes.known(u32::try_from(sums.pods_allocatable).unwrap_or(u32::MAX));
    match sums.total.saturating_sub(sums.say_pods_allocatable) {
        0 => sum,
        silent if silent == sums.total && sum.any().is_some() => Known::Unknown,
        _ => sum.at_least(),
    }
}
