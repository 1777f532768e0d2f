//! Pods in trouble in a snapshot.

use jiff::Timestamp;
use serde::Serialize;

use crate::facts::pod::PodFacts;
use crate::facts::text::Clean;
use crate::facts::wire::Uid;
use crate::model::cluster::ClusterState;
use crate::model::derive::trouble::TroubleClass;
use crate::model::table::pods::PodRow;
use crate::msg::Now;

/// A pod in trouble.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TroubleReport {
    /// Namespace.
    pub namespace: Clean,
    /// Name.
    pub name: Clean,
    /// `metadata.uid`; `None` if it is not a UUID of version 4, which the API server makes.
    pub uid: Option<String>,
    /// Class of its trouble (docs/pods.md): `crash loop`.
    pub state: &'static str,
    /// kubectl's STATUS: `ImagePullBackOff`.
    pub reason: Clean,
    /// Words of the kubelet, the scheduler or the device's plugin; `None` without any.
    pub message: Option<Clean>,
    /// Time since which it has been in this trouble, by the API server's objects; `None` if they do not say.
    pub since: Option<Timestamp>,
    /// Restarts, as kubectl counts them.
    pub restarts: u32,
    /// Its node; `None` without one.
    pub node: Option<Clean>,
    /// The controlling owner; `None` without one.
    pub owner: Option<OwnerReport>,
    /// Name of its gang; `None` without one.
    pub gang: Option<Clean>,
    /// Devices, slices and shares that it requests.
    pub accelerators: Vec<AcceleratorCount>,
}

/// A controlling owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OwnerReport {
    /// `ReplicaSet`.
    pub kind: Clean,
    /// Its name.
    pub name: Clean,
}

/// A number of devices, slices or shares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AcceleratorCount {
    /// `nvidia.com/gpu`.
    pub resource: Clean,
    /// How many.
    pub count: i64,
}

/// Every pod in trouble, by namespace and name.
pub(super) fn list(cluster: &ClusterState, now: Now) -> Vec<TroubleReport> {
    cluster.pods_in_trouble(now).iter().filter_map(|row| Some(report(cluster, row, row.trouble?))).collect()
}

fn report(cluster: &ClusterState, row: &PodRow<'_>, class: TroubleClass) -> TroubleReport {
    let pod = &row.facts;
    let owner = || OwnerReport { kind: Clean::new(pod.owner_kind), name: Clean::new(pod.owner_name) };
    TroubleReport {
        namespace: Clean::new(pod.namespace),
        name: Clean::new(pod.name),
        uid: uuid(pod.uid),
        state: class.text(),
        reason: Clean::new(pod.status()),
        message: message(pod),
        since: match class {
            TroubleClass::NodeLost => cluster.ready_since(pod.node),
            _ => since(pod),
        },
        restarts: pod.restarts,
        node: named(pod.node),
        owner: (!pod.owner_kind.is_empty() || !pod.owner_name.is_empty()).then(owner),
        gang: gang(pod),
        accelerators: accelerators(cluster, pod),
    }
}

/// The unhealthy device and the message, as far as there are any.
fn message(pod: &PodFacts<'_>) -> Option<Clean> {
    let trouble = pod.trouble?;
    let parts: Vec<&str> = [trouble.device, trouble.message].into_iter().filter(|part| !part.is_empty()).collect();
    (!parts.is_empty()).then(|| Clean::new(&parts.join(": ")))
}

/// Time since which a pod has been in its own trouble; `None` if its object does not say it, as of an unhealthy device of a pod that is
/// ready.
pub(super) fn since(pod: &PodFacts<'_>) -> Option<Timestamp> {
    pod.trouble.and_then(|trouble| trouble.since).map(|since| since.at)
}

/// Name of the pod's gang.
pub(super) fn gang(pod: &PodFacts<'_>) -> Option<Clean> {
    pod.gang.map(|gang| Clean::new(gang.name))
}

/// Devices, slices and shares that a pod requests.
pub(super) fn accelerators(cluster: &ClusterState, pod: &PodFacts<'_>) -> Vec<AcceleratorCount> {
    let count = |(resource, count)| AcceleratorCount { resource: Clean::new(resource), count };
    cluster.requested_accelerators(pod).into_iter().map(count).collect()
}

fn named(text: &str) -> Option<Clean> {
    (!text.is_empty()).then(|| Clean::new(text))
}

/// The text of a UUID of version 4 (RFC 9562); `None` for another number: the hash of a text that is no UUID is not shown as one.
fn uuid(Uid(bits): Uid) -> Option<String> {
    let text = format!("{bits:032x}");
    let (version, variant) = (bits >> 76 & 0xf, bits >> 62 & 0b11);
    let dashed = || [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-");
    (version == 4 && variant == 0b10).then(dashed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_is_shown_as_the_api_server_wrote_it_and_a_hash_is_not_shown() {
        let shown = |text: &str| uuid(Uid::parse(text));
        // Uids of a real cluster, and of the first object of a simulated one.
        for text in ["9a2b8f2e-61a5-4a4f-8f1d-5b1c4f3f0a10", "00000000-0000-4000-8000-000000000001"] {
            assert_eq!(shown(text).as_deref(), Some(text));
        }
        for text in ["", "3c7f5e0d1b2a49d8a6b0c9f8e7d6c5b4", "00000000-0000-1000-8000-000000000001"] {
            assert_eq!(shown(text), None, "{text}");
        }
    }
}
