//! Facts of a kubelet's lease in `kube-node-lease`: the node's last heartbeat.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::api::{ApiResource, OptionalSwitch};
use super::json::{Int, MicroTime, Text};
use super::message::message;
use super::object::{Nothing, ObjectFacts};
use super::text::Clean;

/// Facts of a `coordination.k8s.io/v1` `Lease`; its name is the node's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseFacts {
    /// `spec.holderIdentity`: the node's name.
    pub holder: Clean,
    /// `spec.renewTime`: renewed every 10 s while the kubelet runs.
    pub renewed: Option<Timestamp>,
    /// `spec.leaseDurationSeconds`: the kubelet sets 40.
    pub seconds: Option<u32>,
}

impl ObjectFacts for LeaseFacts {
    type Spec<'a> = LeaseSpec<'a>;
    type Status<'a> = Nothing;
    /// Only the kubelets' leases: kubelet `pkg/kubelet/kubelet.go`, `v1.NamespaceNodeLease`.
    const RESOURCE: ApiResource = ApiResource {
        group: "coordination.k8s.io",
        namespace: Some("kube-node-lease"),
        optional: true,
        switch: OptionalSwitch::Leases,
        calls: ["leases list", "leases watch"],
        purpose: "the leases of kubelets, how long ago a node gave a sign of life",
        ..ApiResource::core("Lease", "leases", true)
    };

    fn heap_bytes(&self) -> u64 {
        self.holder.heap_bytes()
    }

    fn new(spec: &LeaseSpec<'_>, _: &Nothing) -> Self {
        Self {
            holder: Clean::new(&spec.holder),
            renewed: spec.renewed.0,
            seconds: spec.seconds.0.and_then(|seconds| seconds.try_into().ok()),
        }
    }
}

message! {
    /// `LeaseSpec`, `k8s.io/api coordination/v1/generated.proto`.
    pub(super) struct LeaseSpec<'a> {
        holder: Text<'a> = "holderIdentity" | 1,
        seconds: Int = "leaseDurationSeconds" | 2,
        renewed: MicroTime = "renewTime" | 4,
    }
}

#[cfg(test)]
mod tests;
