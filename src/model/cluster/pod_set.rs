//! Sets of pods that a list can have.

use super::ClusterState;
use super::hits::HitKey;
use crate::facts::text::Clean;
use crate::model::alerts::HitScope;
use crate::model::derive::gangs::GangKey;
use crate::model::derive::gpus::HolderGroup;
use crate::model::derive::pod_groups::{OwnerKey, PodGroupKey};
use crate::model::store::pods::PodSlot;
use crate::model::table::SortBy;
use crate::model::table::pods::{PodRow, PodScope};
use crate::msg::Now;

/// Pods that a list has. A new set is a variant here, its columns, title and order below, and an arm of
/// [`PodSet::candidates`]; if candidates may not belong to it, also an arm of [`PodSet::has`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PodSet {
    /// The pods of a node; none if the name is empty.
    Node(Clean),
    /// The pods in trouble.
    Trouble,
    /// All pods of the cluster.
    All,
    /// The pods of a controlling owner.
    Owner(OwnerKey),
    /// The pods in trouble of a group.
    Group(PodGroupKey),
    /// The pods that hold the devices of a group of accelerators.
    Holders(HolderGroup),
    /// The pods of a gang.
    Gang(GangKey),
    /// The pods that an alert hits.
    Hit(HitKey),
}

impl Default for PodSet {
    fn default() -> Self {
        Self::Node(Clean::default())
    }
}

impl PodSet {
    /// Class of the set, which determines the columns.
    #[must_use]
    pub fn scope(&self) -> PodScope {
        match self {
            Self::Node(_) => PodScope::Node,
            Self::Trouble | Self::Group(_) => PodScope::Trouble,
            Self::All | Self::Owner(_) | Self::Holders(_) | Self::Hit(_) => PodScope::All,
            Self::Gang(_) => PodScope::Gang,
        }
    }

    /// Title of the list.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Node(name) => format!("pods on {name}"),
            Self::Trouble => "pods in trouble".to_owned(),
            Self::All => "pods".to_owned(),
            Self::Owner(OwnerKey { namespace, kind, name }) | Self::Gang(GangKey { namespace, kind, name, .. }) => {
                format!("pods of {kind}/{name} in {namespace}")
            }
            Self::Group(key) => format!("pods in trouble {}", key.text()),
            Self::Holders(group) => format!("pods with {}", group.text()),
            Self::Hit(alert) => alert.title(),
        }
    }

    /// The first order of the list.
    pub(super) fn sort(&self) -> SortBy {
        match self {
            Self::Node(_) => SortBy::Name,
            Self::Trouble | Self::All | Self::Group(_) | Self::Hit(_) => SortBy::Column("trouble"),
            Self::Owner(_) | Self::Holders(_) => SortBy::Status,
            Self::Gang(_) => SortBy::Column("rank"),
        }
    }

    /// Slots of the pods that may belong to the set; no pod of the set is missing. Called once for each order, so without reading
    /// the pods.
    pub(super) fn candidates(&self, cluster: &ClusterState, now: Now) -> Vec<PodSlot> {
        let pods = &cluster.pods;
        match self {
            Self::Node(name) => pods.pods_on(name).collect(),
            Self::All => pods.pods().collect(),
            Self::Owner(OwnerKey { namespace, kind, name }) => pods.owned_by(namespace, kind, name).collect(),
            Self::Trouble | Self::Group(_) => cluster.maybe_troubled(),
            Self::Holders(_) => pods.holders().collect(),
            Self::Gang(key) => pods.find_gang(key).into_iter().flat_map(|gang| pods.members(gang)).collect(),
            Self::Hit(alert) => cluster.hit_pods(alert, now),
        }
    }

    /// Number of records that [`Self::candidates`] searches; 0 if it reads only the candidates.
    pub(super) fn searched(&self, cluster: &ClusterState) -> usize {
        let searches_all = match self {
            Self::All | Self::Owner(_) => true,
            Self::Hit(alert) => alert.rule.spec().hits == HitScope::Cluster,
            Self::Node(_) | Self::Trouble | Self::Group(_) | Self::Holders(_) | Self::Gang(_) => false,
        };
        if searches_all { cluster.pods.slots() } else { 0 }
    }

    /// Returns `true` if a candidate belongs to the set.
    pub(super) fn has(&self, pod: &PodRow<'_>, cluster: &ClusterState) -> bool {
        match self {
            // It may have moved since.
            Self::Node(name) => *pod.facts.node == **name,
            // It may have ended, or be in trouble for so short a time that it does not count yet.
            Self::Trouble => pod.trouble.is_some(),
            Self::Group(key) => pod.trouble.is_some() && key.has(&pod.facts),
            Self::Holders(group) => cluster.holds(&pod.facts, group),
            // Members leave when their labels change.
            Self::Gang(key) => GangKey::of_pod(&pod.facts).as_ref() == Some(key),
            // It may have ended.
            Self::Hit(_) => !pod.facts.phase.is_terminal(),
            Self::All | Self::Owner(_) => true,
        }
    }
}
