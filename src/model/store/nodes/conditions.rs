//! Bad conditions of a node, and taints that announce its removal.

mod polarity;

use std::sync::Arc;

use crate::facts::node::{ConditionStatus, NodeCondition, NodeFacts};
use crate::facts::text::Clean;
use crate::model::store::nodes::shared::SharedList;

use polarity::{names_a_role, says_good};

/// Reasons for which even `False` of a good condition is not bad.
///
/// k3s and RKE2 (`k3s pkg/etcd/etcd.go`, `setEtcdStatusCondition`): `MemberIsLearner` and `Unhealthy` are bad, but a node that is
/// no member of etcd has no vote anyway.
const NO_NEWS: [(&str, &str); 1] = [("EtcdIsVoter", "NotAMember")];

/// Taints that announce the end of a node, or say that its machine is off: what kubernetes-mixin ignores for "unreachable"
/// (`alerts/kubelet.libsonnet`), Karpenter's of v1 and of v1beta1 (`pkg/apis/v1/taints.go`, `pkg/apis/v1beta1/taints.go`), and the
/// cloud provider's and the operator's (`k8s.io/cloud-provider/api`, `TaintNodeShutdown`; `k8s.io/api/core/v1`,
/// `TaintNodeOutOfService`).
const LEAVING: [&str; 6] = [
    "ToBeDeletedByClusterAutoscaler",
    "cloud.google.com/impending-node-termination",
    "karpenter.sh/disrupted",
    "karpenter.sh/disruption",
    "node.cloudprovider.kubernetes.io/shutdown",
    "node.kubernetes.io/out-of-service",
];

/// Common prefix of the taints of the AWS node termination handler (`pkg/node/node.go`): `spot-itn`, `scheduled-maintenance`,
/// `asg-lifecycle-termination`, `rebalance-recommendation`.
const LEAVING_AWS: &str = "aws-node-termination-handler/";

/// Returns `true` if a taint with this key announces the removal of a node, whatever its value and effect.
pub(super) fn announces_end(taint: &str) -> bool {
    LEAVING.contains(&taint) || taint.starts_with(LEAVING_AWS)
}

/// Conditions other than Ready that are bad, in the order of the API; `good` are those whose `True` is good by configuration.
pub(super) fn bad(facts: &NodeFacts, good: &[Clean]) -> Option<SharedList<Clean>> {
    let bad =
        facts.conditions.iter().filter(|condition| is_bad(condition, good)).map(|condition| condition.kind.clone());
    let bad: Box<[Clean]> = bad.collect();
    (!bad.is_empty()).then(|| Arc::new(bad))
}

/// Returns `true` if a condition is bad. `True` of an unknown type is bad by the node problem detector's convention, unless its
/// name means something good. `Unknown` is not bad; Ready itself is treated separately.
pub(super) fn is_bad(condition: &NodeCondition, good: &[Clean]) -> bool {
    let NodeCondition { kind, status, reason, .. } = condition;
    let is_positive = || good.iter().any(|name| name == kind) || says_good(kind);
    match status {
        _ if &**kind == "Ready" => false,
        ConditionStatus::True => !is_positive(),
        ConditionStatus::False => is_positive() && !names_a_role(kind) && !NO_NEWS.contains(&(&**kind, &**reason)),
        ConditionStatus::Unknown => false,
        ConditionStatus::Other(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(kind: &str, status: &str, reason: &str) -> NodeCondition {
        let status = match status {
            "True" => ConditionStatus::True,
            "False" => ConditionStatus::False,
            "Unknown" => ConditionStatus::Unknown,
            other => ConditionStatus::Other(other.into()),
        };
        NodeCondition { kind: kind.into(), status, reason: reason.into(), ..NodeCondition::default() }
    }

    #[test]
    fn conditions_are_bad_by_the_conventions_of_their_kinds() {
        let cases = [
            ("Ready", "False", false),
            ("MemoryPressure", "True", true),
            ("MemoryPressure", "False", false),
            ("MemoryPressure", "Unknown", false),
            ("KernelDeadlock", "True", true),
            ("NetworkUnavailable", "True", true),
            ("NetworkUnavailable", "False", false),
            ("NetworkingReady", "True", false),
            ("NetworkingReady", "False", true),
            ("DiskPressure", "Maybe", true),
            // Other good words, and names that only contain one.
            ("AcceleratedHardwareReady", "False", true),
            ("ready", "True", false),
            ("ready", "False", true),
            ("NoMemoryPressure", "True", false),
            ("NoMemoryPressure", "False", true),
            ("NotYetReady", "True", true),
            ("NotYetReady", "False", false),
            ("GpuFabricHealthy", "True", false),
            ("GpuFabricHealthy", "False", true),
            ("StorageAvailable", "False", true),
            ("ClockSynced", "True", false),
            ("AgentConnected", "False", true),
            ("LinkUp", "True", false),
            ("KubeletUnhealthy", "True", true),
            ("KubeletUnhealthy", "False", false),
            ("KubeletNotReady", "True", true),
            ("KubeletNotReady", "False", false),
            ("VMEventScheduled", "True", true),
            ("FrequentContainerdRestart", "True", true),
            // Monitors of devices: GKE (`health_checker.go`), EKS (`reasons.go`), NVSentinel (`process_node_events.go`), AKS.
            ("XidCriticalError", "True", true),
            ("AcceleratedHardwareReady", "True", false),
            ("AcceleratedHardwareReady", "Unknown", false),
            ("KernelReady", "True", false),
            ("KernelReady", "False", true),
            ("ContainerRuntimeReady", "False", true),
            ("GpuMemWatch", "True", true),
            ("GpuMemWatch", "False", false),
            ("SysLogsXIDError", "True", true),
            ("SysLogsXIDError", "False", false),
            ("SysLogsGPUFallenOff", "True", true),
            ("NVSwitchFatalError", "False", false),
            ("CSPMaintenance", "True", true),
            ("CSPMaintenance", "False", false),
            ("GPUMissing", "True", true),
            ("UnhealthyNvidiaDevicePlugin", "True", true),
            ("UnhealthyNvidiaDevicePlugin", "False", false),
            // Of the members of a group one leads, and the others are as well as it is.
            ("EtcdIsLeader", "True", false),
            ("EtcdIsLeader", "False", false),
            ("storage-primary", "False", false),
            ("storage-primary", "True", false),
        ];
        for (kind, status, bad) in cases {
            assert_eq!(is_bad(&condition(kind, status, ""), &[]), bad, "{kind} {status}");
        }
    }

    #[test]
    fn a_voter_of_etcd_is_healthy_a_learner_is_news_and_an_agent_is_neither() {
        let rows = [
            ("True", "MemberNotLearner", false),
            ("False", "MemberIsLearner", true),
            ("False", "Unhealthy", true),
            ("False", "NotAMember", false),
            ("Unknown", "NodeStatusUnknown", false),
        ];
        for (status, reason, bad) in rows {
            assert_eq!(is_bad(&condition("EtcdIsVoter", status, reason), &[]), bad, "{status} {reason}");
        }
    }

    #[test]
    fn taints_of_those_who_replace_nodes_announce_their_end() {
        for taint in [
            "karpenter.sh/disruption",
            "karpenter.sh/disrupted",
            "ToBeDeletedByClusterAutoscaler",
            "cloud.google.com/impending-node-termination",
            "aws-node-termination-handler/spot-itn",
            "aws-node-termination-handler/asg-lifecycle-termination",
            "node.cloudprovider.kubernetes.io/shutdown",
            "node.kubernetes.io/out-of-service",
        ] {
            assert!(announces_end(taint), "{taint}");
        }
        for taint in [
            "DeletionCandidateOfClusterAutoscaler",
            "karpenter.sh/unregistered",
            "karpenter.sh/nodepool",
            "node.kubernetes.io/unreachable",
            "node.kubernetes.io/not-ready",
            "node.kubernetes.io/unschedulable",
            "nvidia.com/gpu",
        ] {
            assert!(!announces_end(taint), "{taint}");
        }
    }
}
