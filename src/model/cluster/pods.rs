//! Row of a pod: its facts with what its node and the time say about it.

use super::ClusterState;
use crate::facts::accelerator::{AcceleratorTable, Kind};
use crate::facts::image::repository;
use crate::facts::node::Readiness;
use crate::facts::pod::PodFacts;
use crate::facts::quantity::Quantity;
use crate::model::derive::joined_node::JoinedNode;
use crate::model::derive::pod_groups::GroupedPod;
use crate::model::derive::trouble::TroubleClass;
use crate::model::store::nodes::Node;
use crate::model::store::pods::PodSlot;
use crate::model::table::LastReport;
use crate::model::table::pods::{PodKey, PodRow};
use crate::model::time::age_of;
use crate::msg::Now;

impl ClusterState {
    /// Row of a pod on whichever node; `None` if the lists do not have it.
    #[must_use]
    pub fn pod_row(&self, namespace: &str, name: &str, now: Now) -> Option<PodRow<'_>> {
        Some(self.row_of(self.pods.pod(self.pods.find_pod(namespace, name)?), now))
    }

    /// Row of a pod.
    pub(super) fn row_of<'a>(&self, facts: PodFacts<'a>, now: Now) -> PodRow<'a> {
        let node = self.nodes.by_name(facts.node);
        let last_report = self.last_report_of(facts.node, node, now);
        let server_now = self.link.now(now);
        let since = facts.trouble.and_then(|trouble| trouble.since).map(|since| since.at);
        PodRow {
            selected: false,
            rank: None,
            member: None,
            trouble: TroubleClass::of(&facts, last_report.is_some(), server_now),
            since: match last_report {
                Some(report) => report.ago,
                None => age_of(since, server_now),
            },
            age: age_of(facts.created, server_now),
            gpus: devices_held(&facts, node, self.nodes.accelerators()),
            last_report: last_report.filter(|_| !facts.phase.is_terminal()),
            facts,
        }
    }

    /// A pod for its group; `None` if it is not in trouble.
    pub(super) fn grouped_pod(&self, slot: PodSlot, now: Now) -> Option<GroupedPod<'_>> {
        let row = self.row_of(self.pods.pod(slot), now);
        let class = row.trouble?;
        let (device, image, message) =
            row.facts.trouble.map_or(("", "", ""), |trouble| (trouble.device, trouble.image, trouble.message));
        let word = match (row.last_report, class) {
            (Some(report), _) => report.node,
            // The status says less than the class.
            (
                None,
                TroubleClass::Unschedulable
                | TroubleClass::Overdue
                | TroubleClass::Unscheduled
                | TroubleClass::DeviceUnhealthy
                | TroubleClass::NotReady,
            ) => class.text(),
            (None, _) => row.facts.status(),
        };
        let reason = match class {
            TroubleClass::ImagePull if !image.is_empty() => repository(image),
            _ => [message, device, image].into_iter().find(|text| !text.is_empty()).unwrap_or_default(),
        };
        let node = self.pods.id_of(row.facts.node);
        let (devices, since) = (row.gpus, row.since);
        Some(GroupedPod { facts: row.facts, class, devices, since, node, word, reason })
    }

    /// Set if the pods of a node no longer report: its Ready is `Unknown`, or it is gone.
    #[must_use]
    pub fn last_report(&self, node: &str, now: Now) -> Option<LastReport> {
        self.last_report_of(node, self.nodes.by_name(node), now)
    }

    fn last_report_of(&self, name: &str, node: Option<&Node>, now: Now) -> Option<LastReport> {
        let Some(node) = node else {
            let gone = !name.is_empty() && self.tracks.knows_all_nodes();
            return gone.then_some(LastReport { ago: None, node: "gone" });
        };
        if node.readiness != Readiness::Unknown {
            return None;
        }
        let joined = JoinedNode { source: self.source(now), node };
        let renewed = super::node::liveness(&self.optional.leases, &joined, now).and_then(|lease| lease.age);
        Some(LastReport { ago: renewed.or(joined.status().for_), node: "Unknown" })
    }

    /// Pods in trouble by themselves, or on a lost node; some of them for so short a time that it does not count yet, or ended.
    pub(super) fn maybe_troubled(&self) -> Vec<PodSlot> {
        let lost = self.lost_nodes();
        let on_lost = lost.iter().flat_map(|node| self.pods.pods_on(node));
        let mut slots: Vec<_> = self.pods.troubled().chain(on_lost).collect();
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    /// Names of nodes that do not report, and of nodes that pods name and that are gone.
    fn lost_nodes(&self) -> Vec<&str> {
        let unknown = self.nodes.unhealthy().filter(|(node, _)| node.readiness == Readiness::Unknown);
        let mut lost: Vec<&str> = unknown.map(|(node, _)| &*node.facts.name).collect();
        if self.tracks.knows_all_nodes() && self.join.orphaned() > 0 {
            lost.extend(self.pods.nodes().map(|(name, _)| name).filter(|name| self.nodes.by_name(name).is_none()));
        }
        lost
    }

    /// Identity of the pod that has this name now.
    pub(crate) fn pod_key(&self, namespace: &str, name: &str) -> Option<PodKey> {
        Some(PodKey::of(&self.pods.pod(self.pods.find_pod(namespace, name)?)))
    }
}

/// Whole devices that a pod holds: none once it has ended; shares and slices do not count.
pub(super) fn devices_held(pod: &PodFacts<'_>, node: Option<&Node>, table: &AcceleratorTable) -> i64 {
    if pod.phase.is_terminal() {
        return 0;
    }
    let kind = |resource: &str| table.classify_at(resource, node.map(|node| &node.facts));
    let held = pod.requests.others.iter().filter(|(resource, _)| kind(resource) == Some(Kind::Device));
    held.fold(Quantity::ZERO, |sum, (_, amount)| sum + *amount).value()
}
