//! Inputs of the rules.

use std::time::Duration;

use crate::facts::text::Clean;
use crate::model::derive::black_holes::BlackHoles;
use crate::model::derive::density::Density;
use crate::model::derive::history::History;
use crate::model::derive::latency::{Latency, RunningCall};
use crate::model::settings::Settings;
use crate::model::store::nodes::NodeStore;
use crate::model::store::pods::PodStore;
use crate::model::store::scope::PodTracks;
use crate::model::store::sync::Track;
use crate::msg::{Failure, Layer, Mono, Now, Resource};

/// State of one cluster as the rules read it, as of `now`: borrowed plain data, without access to the cluster itself.
#[derive(Debug)]
pub(crate) struct Evidence<'a> {
    /// The time of the evaluation.
    pub now: Now,
    /// Thresholds in force for the cluster.
    pub settings: &'a Settings,
    /// `true` if the context cannot be used at all (F102): it has no alerts.
    pub broken: bool,
    /// Answers of the server.
    pub server: ServerEvidence<'a>,
    /// Everything measured about the API.
    pub latency: &'a Latency,
    /// List and watch of the nodes.
    pub nodes_track: &'a Track,
    /// Lists and watches of the pods.
    pub pods_track: &'a PodTracks,
    /// Limit that the cluster exceeds, if it does: `more than 4000000 objects`.
    pub too_large: Option<&'a Clean>,
    /// The nodes.
    pub nodes: &'a NodeStore,
    /// The pods.
    pub pods: &'a PodStore,
    /// History of their readiness.
    pub history: &'a History,
    /// Nodes that are nearly full of pods.
    pub density: &'a Density,
    /// Nodes that end the pods that they get.
    pub black_holes: &'a BlackHoles,
    /// `true` if node data is current enough for rules.
    pub nodes_current: bool,
    /// `true` if pod data is current enough for rules.
    pub pods_current: bool,
    /// Alerts with two thresholds; [`super::Alerts::evaluate`] fills them in.
    pub latched: Latched,
}

/// Answers of the server.
#[derive(Debug)]
pub(crate) struct ServerEvidence<'a> {
    /// Time without any answer, once that is long enough to be called unreachable.
    pub unreachable: Option<Duration>,
    /// `true` if the server is unreachable or about to be.
    pub silent: bool,
    /// `true` for a while after the program was stopped or the machine slept: connections are dead then and data is old, which is
    /// no reason for an alert unless it lasts (F67).
    pub resuming: bool,
    /// Time at which the program last woke up; zero if it never slept.
    pub resumed: Mono,
    /// `true` if the credentials were last answered with a 401.
    pub rejected: bool,
    /// The newest failure.
    pub failure: Option<&'a Failure>,
    /// The call that runs longest.
    pub longest_running: Option<&'a RunningCall>,
    /// Set if the last probes in a row have failed.
    pub failed_probes: Option<FailedProbes>,
    /// Time since the last timeout, once the last probes are fast again and no call fails or is slow.
    pub green_since_timeout: Option<Duration>,
}

/// Outcome of the last probes in a row.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FailedProbes {
    /// They were answered with errors, the last one at this layer.
    Failed(Layer),
    /// They timed out.
    TimedOut,
}

/// Alerts with two thresholds, as of now.
#[derive(Debug, Default)]
pub(crate) struct Latched {
    pub(super) slow_call: Option<LatchedAlert>,
    pub(super) timeouts: Option<LatchedAlert>,
    pub(super) probe_slow: Option<LatchedAlert>,
}

/// An alert that was raised and not cleared yet.
#[derive(Debug)]
pub(super) struct LatchedAlert {
    pub(super) text: String,
    pub(super) peak: u64,
    /// `true` if the server answers normally again and only earlier events in the window keep it raised.
    pub(super) recovering: bool,
}

/// The pods of a cluster, and how well they are known.
#[derive(Clone, Copy, Debug)]
pub(super) struct KnownPods<'a> {
    pub(super) store: &'a PodStore,
    pub(super) tracks: &'a PodTracks,
}

/// One list of the cluster.
#[derive(Clone, Copy, Debug)]
pub(super) struct ListEvidence<'a> {
    pub(super) resource: Resource,
    /// The namespace, if the list is of one namespace.
    namespace: Option<&'a Clean>,
    pub(super) track: &'a Track,
}

impl<'a> Evidence<'a> {
    /// The lists of nodes and pods.
    pub(super) fn lists(&self) -> impl Iterator<Item = ListEvidence<'a>> + use<'a> {
        let pods = self.pods_track.named();
        let pods = pods.map(|(namespace, track)| ListEvidence { resource: Resource::Pods, namespace, track });
        let nodes = ListEvidence { resource: Resource::Nodes, namespace: None, track: self.nodes_track };
        std::iter::once(nodes).chain(pods)
    }

    /// The failure at this layer that keeps a list from being read, if any.
    pub(super) fn lost_at(&self, layer: Layer) -> Option<&'a Failure> {
        self.lists().filter_map(|list| list.track.lost()).find(|failure| failure.layer == layer)
    }

    /// The pods, and how well they are known.
    pub(super) fn known_pods(&self) -> KnownPods<'a> {
        KnownPods { store: self.pods, tracks: self.pods_track }
    }

    /// Returns `true` if some pods are not known, since only some namespaces are watched (F23) or some pods could not be read.
    pub(super) fn is_partial(&self) -> bool {
        !self.pods_track.scope().namespaces.is_empty() || self.pods_track.unread() > 0
    }

    /// Returns `true` if a node lacks devices that its labels promise.
    pub(super) fn lacks_devices(&self) -> bool {
        self.nodes.sums().devices.iter().any(|sum| sum.missing > 0)
    }

    /// Returns `true` if all nodes are Unknown, and there are several.
    pub(super) fn all_nodes_unknown(&self) -> bool {
        let sums = self.nodes.sums();
        sums.total > 1 && sums.unknown == sums.total
    }
}

impl ListEvidence<'_> {
    /// `nodes`, `pods`, `pods in team-a`.
    pub(super) fn title(&self) -> String {
        let resource = self.resource.name();
        self.namespace.map_or_else(|| resource.to_owned(), |name| format!("{resource} in {name}"))
    }
}
