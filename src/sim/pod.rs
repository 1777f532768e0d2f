//! Simulated pods: the shape that a workload's pods share, and the record of one pod.

mod binary;
mod container;
mod state;

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use super::meta::SimMeta;
use super::template::{Slot, Template, number, raw, string, time, uid};

use binary::PodTemplates;
use container::{INIT, SimContainer, SimContainerState};

pub(super) use state::PodState;

/// The owner of a pod, which decides how it ends and what replaces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Workload {
    /// One pod on every node; it only restarts.
    DaemonSet,
    /// Replaced when it is deleted.
    Deployment,
    /// Ends as Succeeded or Failed, and another pod follows.
    Job,
    /// A numbered replica of a `PyTorchJob`.
    Replica,
    /// A mirror of a static pod of the control plane.
    Static,
    /// No owner: created by hand.
    Bare,
}

impl Workload {
    /// `spec.restartPolicy`.
    pub(super) fn restart_policy(self) -> &'static str {
        if matches!(self, Self::Job | Self::Replica) { "OnFailure" } else { "Always" }
    }
}

/// The digest of every image.
const DIGEST: &str = "@sha256:5f6c1fbc3a4d1bd0b1b1b6e2f5f3ad0f3c8c1e1a1f2d3c4b5a69788766554433";
/// The message of a waiting container, before the container's name.
const BACK_OFF: &str = "back-off 5m0s restarting or pulling ";

/// The scheduler's words about pods that no workload of the scenario gives other words.
const NO_ROOM: &str =
    "no node has room: Insufficient nvidia.com/gpu. preemption: No preemption victims found for incoming pod.";

/// 128 + SIGKILL: the exit code of a container that exceeded its memory limit.
const OUT_OF_MEMORY: u8 = 137;

/// The kubelet's reason for this exit code.
fn exit_reason(code: u8) -> &'static str {
    match code {
        0 => "Completed",
        OUT_OF_MEMORY => "OOMKilled",
        _ => "Error",
    }
}

/// The part of a container's spec that its status repeats.
#[derive(Clone, Debug)]
pub(super) struct ContainerShape {
    pub(super) name: Box<str>,
    pub(super) image: Box<str>,
}

/// The fields that all pods of one workload share.
#[derive(Debug)]
pub(super) struct PodShape {
    pub(super) workload: Workload,
    pub(super) namespace: Box<str>,
    /// The common beginning of the pods' names.
    pub(super) prefix: Box<str>,
    pub(super) labels: Vec<(String, String)>,
    pub(super) service_account: Box<str>,
    pub(super) init: Vec<ContainerShape>,
    pub(super) containers: Vec<ContainerShape>,
    /// Effective requests of one pod.
    pub(super) cpu_m: u32,
    pub(super) memory_mib: u32,
    pub(super) gpus: u32,
    pub(super) host_network: bool,
    pub(super) qos: &'static str,
    /// The scheduler's words about pods without a node; a general text if there are none.
    pub(super) unschedulable: Option<Box<str>>,
    /// The runtime's words about an image that cannot be pulled; a general text if there are none.
    pub(super) pull_error: Option<Box<str>>,
    /// From the comma after the common metadata to the end of managedFields.
    pub(super) metadata: Template,
    /// The fields of `spec`, without `nodeName`, from the first comma on.
    pub(super) spec: Template,
    /// The same in protobuf, compiled at first use.
    pub(super) binary: OnceLock<PodTemplates>,
}

impl PodShape {
    /// The scheduler's words about a pod without a node.
    pub(super) fn scheduler_words(&self) -> &str {
        self.unschedulable.as_deref().unwrap_or(NO_ROOM)
    }

    /// The kubelet's words about a container that waits with this reason (kubelet `images/image_manager.go`).
    fn waiting_words(&self, reason: &str, container: &ContainerShape) -> String {
        match &self.pull_error {
            Some(error) if reason == "ImagePullBackOff" => {
                format!("Back-off pulling image \"{}\": ErrImagePull: {error}", container.image)
            }
            _ => format!("{BACK_OFF}{}", container.name),
        }
    }
}

/// The node of a pod.
#[derive(Clone, Debug)]
pub(super) struct Host {
    pub(super) name: Arc<str>,
    pub(super) ip: Arc<str>,
}

/// One pod.
#[derive(Clone, Debug)]
pub(super) struct SimPod {
    pub(super) meta: SimMeta,
    pub(super) shape: Arc<PodShape>,
    pub(super) host: Option<Host>,
    pub(super) ip: u32,
    pub(super) ordinal: u32,
    pub(super) state: PodState,
    pub(super) restarts: u32,
    /// Time of the first container's last termination; 0 if it never terminated.
    pub(super) restarted: i64,
    pub(super) started: i64,
    pub(super) finished: i64,
    /// The last change of the status.
    pub(super) updated: i64,
}

impl SimPod {
    /// Returns `true` if it is bound and not finished: the scheduler counts it on its node.
    pub(super) fn counts(&self) -> bool {
        self.host.is_some() && !self.state.finished()
    }

    pub(super) fn ready(&self) -> bool {
        self.state == PodState::Running
    }

    pub(super) fn ip_text(&self) -> String {
        if let (true, Some(host)) = (self.shape.host_network, &self.host) {
            return host.ip.to_string();
        }
        std::net::Ipv4Addr::from(self.ip).to_string()
    }

    pub(super) fn field(&self, name: &str) -> Option<Cow<'_, str>> {
        Some(match name {
            "spec.nodeName" => self.host.as_ref().map_or("", |h| &h.name).into(),
            "spec.restartPolicy" => self.shape.workload.restart_policy().into(),
            "spec.schedulerName" => "default-scheduler".into(),
            "spec.serviceAccountName" => (&*self.shape.service_account).into(),
            "spec.hostNetwork" => self.shape.host_network.to_string().into(),
            "status.phase" => self.state.phase().into(),
            "status.podIP" => (if self.has_ip() { self.ip_text() } else { String::new() }).into(),
            "status.nominatedNodeName" => "".into(),
            _ => return None,
        })
    }

    pub(super) fn has_ip(&self) -> bool {
        !matches!(self.state, PodState::Unscheduled | PodState::Creating | PodState::Evicted | PodState::Rejected)
    }

    fn fill(&self, slot: Slot, out: &mut Vec<u8>) {
        match slot {
            Slot::Name => raw(out, self.meta.name()),
            Slot::Uid => uid(out, self.meta.uid),
            Slot::Created => time(out, self.meta.created),
            Slot::Updated => time(out, self.updated),
            Slot::Ip => raw(out, &self.ip_text()),
            Slot::Ordinal => number(out, self.ordinal),
            Slot::Node => raw(out, self.host.as_ref().map_or("", |h| &h.name)),
        }
    }

    pub(super) fn write_metadata_rest(&self, out: &mut Vec<u8>) {
        self.shape.metadata.write(out, |slot, out| self.fill(slot, out));
    }

    pub(super) fn write_rest(&self, out: &mut Vec<u8>) {
        raw(out, ",\"spec\":{");
        if let Some(host) = &self.host {
            raw(out, "\"nodeName\":");
            string(out, &host.name);
            raw(out, ",");
        }
        self.shape.spec.write(out, |slot, out| self.fill(slot, out));
        raw(out, "},\"status\":{\"phase\":\"");
        raw(out, self.state.phase());
        raw(out, "\"");
        self.write_conditions(out);
        self.write_addresses(out);
        if let Some([reason, message]) = self.state.ended_by_kubelet() {
            raw(out, ",\"reason\":");
            string(out, reason);
            raw(out, ",\"message\":");
            string(out, message);
        } else if self.host.is_some() {
            self.write_containers(out);
        }
        raw(out, ",\"qosClass\":\"");
        raw(out, self.shape.qos);
        raw(out, "\"}");
    }

    fn write_conditions(&self, out: &mut Vec<u8>) {
        for (i, SimPodCondition { kind, value, since, reason, message }) in self.conditions().into_iter().enumerate() {
            raw(out, if i == 0 { ",\"conditions\":[{" } else { ",{" });
            raw(out, "\"lastProbeTime\":null,\"lastTransitionTime\":\"");
            time(out, since);
            raw(out, "\"");
            for (key, text) in [("reason", reason), ("message", message)] {
                if !text.is_empty() {
                    raw(out, ",\"");
                    raw(out, key);
                    raw(out, "\":");
                    string(out, text);
                }
            }
            raw(out, if value { ",\"status\":\"True\",\"type\":\"" } else { ",\"status\":\"False\",\"type\":\"" });
            raw(out, kind);
            raw(out, "\"}");
        }
        raw(out, "]");
    }

    fn conditions(&self) -> Vec<SimPodCondition<'_>> {
        let condition = |kind, value, since, (reason, message)| SimPodCondition { kind, value, since, reason, message };
        let ready = self.ready();
        let made = self.started();
        let changed = if ready { made } else { self.updated };
        if self.state == PodState::Unscheduled {
            let words = ("Unschedulable", self.shape.scheduler_words());
            return vec![condition("PodScheduled", false, self.meta.created, words)];
        }
        if self.state == PodState::Rejected {
            return vec![condition("PodScheduled", true, self.meta.created, ("", ""))];
        }
        let why = match self.state {
            PodState::Succeeded => ("PodCompleted", ""),
            PodState::NotReady => ("NodeNotReady", ""),
            _ if ready => ("", ""),
            _ => ("ContainersNotReady", "containers with unready status"),
        };
        let sandbox = self.has_ip() && !self.state.finished();
        vec![
            condition("PodReadyToStartContainers", sandbox, made, ("", "")),
            condition("Initialized", !self.initializing(), made, ("", "")),
            condition("Ready", ready, changed, why),
            condition("ContainersReady", ready || self.state == PodState::NotReady, changed, why),
            condition("PodScheduled", true, self.meta.created, ("", "")),
        ]
    }

    /// The time at which the kubelet admitted it.
    fn started(&self) -> i64 {
        if self.started == 0 { self.meta.created } else { self.started }
    }

    fn write_addresses(&self, out: &mut Vec<u8>) {
        let Some(host) = &self.host else { return };
        for (name, address) in [("host", host.ip.to_string()), ("pod", self.ip_text())] {
            if name == "pod" && !self.has_ip() {
                continue;
            }
            raw(out, ",\"");
            raw(out, name);
            raw(out, "IP\":\"");
            raw(out, &address);
            raw(out, "\",\"");
            raw(out, name);
            raw(out, "IPs\":[{\"ip\":\"");
            raw(out, &address);
            raw(out, "\"}]");
        }
        raw(out, ",\"startTime\":\"");
        time(out, self.started());
        raw(out, "\"");
    }

    fn write_containers(&self, out: &mut Vec<u8>) {
        for (i, container) in self.shape.init.iter().enumerate() {
            raw(out, if i == 0 { ",\"initContainerStatuses\":[" } else { "," });
            self.write_container(out, &self.init_status(i, container));
        }
        if !self.shape.init.is_empty() {
            raw(out, "]");
        }
        for (i, container) in self.shape.containers.iter().enumerate() {
            raw(out, if i == 0 { ",\"containerStatuses\":[" } else { "," });
            self.write_container(out, &self.container_status(i, container));
        }
        raw(out, "]");
    }

    fn init_state(&self) -> SimContainerState {
        if self.initializing() {
            SimContainerState::Running
        } else {
            SimContainerState::Ended { code: 0, at: self.started }
        }
    }

    /// Returns `true` while the init containers run.
    pub(super) fn initializing(&self) -> bool {
        self.state == PodState::Creating && !self.shape.init.is_empty()
    }

    fn container_state(&self, i: usize) -> SimContainerState {
        match self.state {
            PodState::Creating if self.initializing() => SimContainerState::Waiting("PodInitializing"),
            PodState::Unscheduled | PodState::Creating => SimContainerState::Waiting("ContainerCreating"),
            PodState::ImagePullBackOff if i == 0 => SimContainerState::Waiting("ImagePullBackOff"),
            PodState::CrashLoop if i == 0 => SimContainerState::Waiting("CrashLoopBackOff"),
            PodState::Succeeded => SimContainerState::Ended { code: 0, at: self.finished },
            PodState::Failed | PodState::Evicted | PodState::Rejected => {
                SimContainerState::Ended { code: u8::from(i == 0), at: self.finished }
            }
            _ => SimContainerState::Running,
        }
    }

    fn init_status<'s>(&self, i: usize, shape: &'s ContainerShape) -> SimContainer<'s> {
        SimContainer { shape, state: self.init_state(), index: INIT + i, restarts: 0 }
    }

    /// Only the first container restarts.
    fn container_status<'s>(&self, i: usize, shape: &'s ContainerShape) -> SimContainer<'s> {
        let restarts = if i == 0 { self.restarts } else { 0 };
        SimContainer { shape, state: self.container_state(i), index: i, restarts }
    }

    fn write_container(&self, out: &mut Vec<u8>, container: &SimContainer<'_>) {
        let SimContainer { shape, state, index, restarts } = *container;
        raw(out, "{");
        if state.has_run() {
            raw(out, "\"containerID\":\"containerd://");
            self.write_digest(out, index, restarts);
            raw(out, "\",");
        }
        raw(out, "\"image\":\"");
        raw(out, &shape.image);
        raw(out, "\",\"imageID\":\"");
        raw(out, &shape.image);
        raw(out, DIGEST);
        raw(out, "\",\"lastState\":{");
        if restarts > 0 && self.restarted != 0 {
            raw(out, "\"terminated\":");
            self.write_terminated(out, self.last_code(), self.restarted);
        }
        raw(out, "},\"name\":\"");
        raw(out, &shape.name);
        let running = matches!(state, SimContainerState::Running);
        raw(out, if state.is_ready(index) { "\",\"ready\":true" } else { "\",\"ready\":false" });
        raw(out, ",\"restartCount\":");
        number(out, restarts);
        raw(out, if running { ",\"started\":true,\"state\":{" } else { ",\"started\":false,\"state\":{" });
        match state {
            SimContainerState::Running => {
                raw(out, "\"running\":{\"startedAt\":\"");
                time(out, self.running_since(restarts));
                raw(out, "\"}");
            }
            SimContainerState::Waiting(reason) => {
                raw(out, "\"waiting\":{\"reason\":\"");
                raw(out, reason);
                raw(out, "\"");
                if !state.is_starting() {
                    raw(out, ",\"message\":");
                    string(out, &self.shape.waiting_words(reason, shape));
                }
                raw(out, "}");
            }
            SimContainerState::Ended { code, at } => {
                raw(out, "\"terminated\":");
                self.write_terminated(out, code, at);
            }
        }
        raw(out, "}}");
    }

    /// Exit code of the first container's last termination: every other pod exceeds its memory limit.
    fn last_code(&self) -> u8 {
        if self.meta.uid & 1 == 0 { OUT_OF_MEMORY } else { 1 }
    }

    fn running_since(&self, restarts: u32) -> i64 {
        if restarts > 0 && self.restarted != 0 { self.restarted + 1 } else { self.started }
    }

    fn write_terminated(&self, out: &mut Vec<u8>, code: u8, at: i64) {
        raw(out, "{\"exitCode\":");
        number(out, code);
        raw(out, ",\"reason\":\"");
        raw(out, exit_reason(code));
        raw(out, "\"");
        raw(out, ",\"startedAt\":\"");
        time(out, self.started.min(at));
        raw(out, "\",\"finishedAt\":\"");
        time(out, at);
        raw(out, "\"}");
    }

    /// Writes 64 hexadecimal digits that stay the same during one run of one container.
    fn write_digest(&self, out: &mut Vec<u8>, index: usize, restarts: u32) {
        let turn = u32::try_from(index).unwrap_or(0).wrapping_mul(7).wrapping_add(restarts);
        let mixed = self.meta.uid.rotate_left(turn % 128) ^ u128::from(turn).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        number(out, format_args!("{mixed:032x}{:032x}", mixed.reverse_bits()));
    }
}

/// One entry of `status.conditions`.
struct SimPodCondition<'a> {
    kind: &'static str,
    value: bool,
    since: i64,
    reason: &'static str,
    message: &'a str,
}
