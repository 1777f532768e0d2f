//! Simulated nodes: the shape that a group shares, and the record of one node.

mod binary;

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use super::meta::SimMeta;
use super::template::{Slot, Template, number, raw, string, time, uid};

use binary::NodeTemplates;

/// The transition time of a condition that has not changed since the node was created.
const SINCE_CREATION: i64 = 0;

/// One entry of `spec.taints`.
#[derive(Clone, Debug)]
pub(super) struct SimTaint {
    pub(super) key: Cow<'static, str>,
    pub(super) value: Cow<'static, str>,
    pub(super) effect: &'static str,
    /// `timeAdded`; 0 for none.
    pub(super) added: i64,
}

/// One entry of `status.conditions`.
#[derive(Clone, Debug)]
pub(super) struct SimNodeCondition {
    pub(super) kind: Cow<'static, str>,
    pub(super) status: Cow<'static, str>,
    pub(super) reason: Cow<'static, str>,
    pub(super) message: Cow<'static, str>,
    /// Last transition; [`SINCE_CREATION`] stands for the node's own age.
    pub(super) since: i64,
}

/// The fields that all nodes of a group share.
#[derive(Debug)]
pub(super) struct NodeShape {
    /// Labels except `kubernetes.io/hostname`, which is the node's name.
    pub(super) labels: Vec<(String, String)>,
    pub(super) taints: Vec<SimTaint>,
    pub(super) cpu: u32,
    pub(super) memory_gib: u32,
    pub(super) pods: u32,
    /// Resource name of the devices that the plugin registers; empty for none.
    pub(super) accelerator: Box<str>,
    pub(super) gpus: u32,
    pub(super) kubelet: Box<str>,
    /// From the comma after the common metadata to the end of managedFields.
    pub(super) metadata: Template,
    /// `daemonEndpoints`, `images`, `nodeInfo`.
    pub(super) status_tail: Template,
    /// The same in protobuf, compiled at first use.
    pub(super) binary: OnceLock<NodeTemplates>,
}

/// One node.
#[derive(Clone, Debug)]
pub(super) struct NodeRecord {
    pub(super) meta: SimMeta,
    pub(super) shape: Arc<NodeShape>,
    pub(super) ip: Arc<str>,
    /// Position in the cluster, from which the pod network follows.
    pub(super) ordinal: u32,
    pub(super) conditions: Arc<Vec<SimNodeCondition>>,
    pub(super) heartbeat: i64,
    pub(super) unschedulable: bool,
    /// Devices that the plugin reports unhealthy.
    pub(super) withdrawn: u32,
}

/// The conditions of a healthy node, as a kubelet with Calico reports them.
pub(super) fn healthy() -> Vec<SimNodeCondition> {
    let condition =
        |kind: &'static str, status: &'static str, reason: &'static str, message: &'static str| SimNodeCondition {
            kind: kind.into(),
            status: status.into(),
            reason: reason.into(),
            message: message.into(),
            since: SINCE_CREATION,
        };
    vec![
        condition("NetworkUnavailable", "False", "CalicoIsUp", "Calico is running on this node"),
        condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    ]
}

impl NodeRecord {
    pub(super) fn label(&self, key: &str) -> Option<&str> {
        if key == "kubernetes.io/hostname" {
            return Some(self.meta.name());
        }
        self.shape.labels.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_str())
    }

    /// The `Ready` condition.
    pub(super) fn ready(&self) -> Option<&SimNodeCondition> {
        self.conditions.iter().find(|c| c.kind == "Ready")
    }

    /// The taints of the group and those that follow from the node's state.
    ///
    /// Source: kubernetes `pkg/controller/nodelifecycle/node_lifecycle_controller.go`, `nodeConditionToTaintKeyStatusMap`.
    fn taints(&self) -> Vec<SimTaint> {
        let mut taints = self.shape.taints.clone();
        let mut add = |key: &'static str, effects: &[&'static str], added: i64| {
            for effect in effects {
                taints.push(SimTaint { key: key.into(), value: "".into(), effect, added });
            }
        };
        if self.unschedulable {
            add("node.kubernetes.io/unschedulable", &["NoSchedule"], self.heartbeat);
        }
        for condition in self.conditions.iter() {
            match (&*condition.kind, &*condition.status) {
                ("Ready", "False") => {
                    add("node.kubernetes.io/not-ready", &["NoSchedule", "NoExecute"], condition.since);
                }
                ("Ready", "Unknown") => {
                    add("node.kubernetes.io/unreachable", &["NoSchedule", "NoExecute"], condition.since);
                }
                ("MemoryPressure", "True") => {
                    add("node.kubernetes.io/memory-pressure", &["NoSchedule"], condition.since);
                }
                ("DiskPressure", "True") => add("node.kubernetes.io/disk-pressure", &["NoSchedule"], condition.since),
                ("PIDPressure", "True") => add("node.kubernetes.io/pid-pressure", &["NoSchedule"], condition.since),
                _ => {}
            }
        }
        taints
    }

    fn fill(&self, slot: Slot, out: &mut Vec<u8>) {
        match slot {
            Slot::Name | Slot::Node => raw(out, self.meta.name()),
            Slot::Uid => uid(out, self.meta.uid),
            Slot::Created => time(out, self.meta.created),
            Slot::Updated => time(out, self.heartbeat),
            Slot::Ip => raw(out, &self.ip),
            Slot::Ordinal => number(out, self.ordinal),
        }
    }

    pub(super) fn write_metadata_rest(&self, out: &mut Vec<u8>) {
        self.shape.metadata.write(out, |slot, out| self.fill(slot, out));
    }

    pub(super) fn write_rest(&self, _now: i64, out: &mut Vec<u8>) {
        let cidr = self.cidr();
        raw(out, ",\"spec\":{\"podCIDR\":\"");
        raw(out, &cidr);
        raw(out, "\",\"podCIDRs\":[\"");
        raw(out, &cidr);
        raw(out, "\"],\"providerID\":\"maas:///default/");
        raw(out, self.meta.name());
        raw(out, "\"");
        self.write_taints(out);
        if self.unschedulable {
            raw(out, ",\"unschedulable\":true");
        }
        raw(out, "},\"status\":{\"addresses\":[{\"address\":\"");
        raw(out, &self.ip);
        raw(out, "\",\"type\":\"InternalIP\"},{\"address\":");
        string(out, self.meta.name());
        raw(out, ",\"type\":\"Hostname\"}]");
        self.write_resources(out);
        self.write_conditions(out);
        self.shape.status_tail.write(out, |slot, out| self.fill(slot, out));
        raw(out, "}");
    }

    /// The node's pod network, a /24 of 10.0.0.0/8, as the node IPAM controller assigns it.
    fn cidr(&self) -> String {
        format!("10.{}.{}.0/24", 128 + self.ordinal / 256, self.ordinal % 256)
    }

    fn write_taints(&self, out: &mut Vec<u8>) {
        let taints = self.taints();
        for (i, taint) in taints.iter().enumerate() {
            raw(out, if i == 0 { ",\"taints\":[{" } else { ",{" });
            raw(out, "\"effect\":\"");
            raw(out, taint.effect);
            raw(out, "\",\"key\":");
            string(out, &taint.key);
            if !taint.value.is_empty() {
                raw(out, ",\"value\":");
                string(out, &taint.value);
            }
            if taint.added != 0 {
                raw(out, ",\"timeAdded\":\"");
                time(out, taint.added);
                raw(out, "\"");
            }
            raw(out, "}");
        }
        if !taints.is_empty() {
            raw(out, "]");
        }
    }

    fn write_resources(&self, out: &mut Vec<u8>) {
        for (name, allocatable) in [("allocatable", true), ("capacity", false)] {
            raw(out, ",\"");
            raw(out, name);
            raw(out, "\":{");
            for (i, (resource, amount)) in self.resources(allocatable).into_iter().enumerate() {
                raw(out, if i == 0 { "" } else { "," });
                string(out, resource);
                raw(out, ":");
                string(out, &amount);
            }
            raw(out, "}");
        }
    }

    /// `capacity`, or `allocatable`.
    fn resources(&self, allocatable: bool) -> Vec<(&str, Cow<'static, str>)> {
        let shape = &self.shape;
        let cpu = if allocatable { format!("{}m", allocatable_cpu_m(shape.cpu)) } else { shape.cpu.to_string() };
        let memory = if allocatable { allocatable_memory_mib(shape.memory_gib) } else { shape.memory_gib * 1024 };
        let mut resources: Vec<(&str, Cow<'static, str>)> = vec![
            ("cpu", cpu.into()),
            ("ephemeral-storage", (if allocatable { "1663986147841" } else { "1805540528Ki" }).into()),
            ("hugepages-1Gi", "0".into()),
            ("hugepages-2Mi", "0".into()),
            ("memory", format!("{}Ki", u64::from(memory) * 1024).into()),
        ];
        if shape.gpus > 0 {
            let gpus = if allocatable { shape.gpus.saturating_sub(self.withdrawn) } else { shape.gpus };
            resources.push((&shape.accelerator, gpus.to_string().into()));
        }
        resources.push(("pods", shape.pods.to_string().into()));
        resources
    }

    fn since(&self, condition: &SimNodeCondition) -> i64 {
        if condition.since == SINCE_CREATION { self.meta.created } else { condition.since }
    }

    fn write_conditions(&self, out: &mut Vec<u8>) {
        for (i, condition) in self.conditions.iter().enumerate() {
            raw(out, if i == 0 { ",\"conditions\":[{" } else { ",{" });
            raw(out, "\"lastHeartbeatTime\":\"");
            time(out, self.heartbeat);
            raw(out, "\",\"lastTransitionTime\":\"");
            time(out, self.since(condition));
            for (key, value) in [
                ("message", &condition.message),
                ("reason", &condition.reason),
                ("status", &condition.status),
                ("type", &condition.kind),
            ] {
                raw(out, if key == "message" { "\",\"" } else { ",\"" });
                raw(out, key);
                raw(out, "\":");
                string(out, value);
            }
            raw(out, "}");
        }
        if !self.conditions.is_empty() {
            raw(out, "]");
        }
    }
}

/// Allocatable CPU: half a core is reserved.
pub(super) fn allocatable_cpu_m(cores: u32) -> u32 {
    cores * 1000 - 500
}

/// Allocatable memory: 3 GiB are reserved.
pub(super) fn allocatable_memory_mib(gib: u32) -> u32 {
    gib.saturating_sub(3) * 1024
}
