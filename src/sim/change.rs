//! Changes to a cluster, by the script and by tests, with their consequences in a real one.

use std::borrow::Cow;
use std::sync::Arc;

use super::dynamic::DynamicRecord;
use super::event::EventRecord;
use super::lock;
use super::meta::SimMeta;
use super::node::{NodeRecord, SimNodeCondition, healthy};
use super::object::{LeaseRecord, SimObject};
use super::pod::{Host, PodState, SimPod};
use super::population::World;
use super::resource::SimResource;
use super::server::Server;
use super::template::uid_text;

/// A change of the cluster or of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Sets one condition of a node; a new kind is added.
    NodeCondition {
        /// The node's name.
        node: String,
        /// For instance `Ready`.
        kind: String,
        /// `True`, `False`, `Unknown`, or anything else.
        status: String,
        /// CamelCase.
        reason: String,
        /// Human-readable message.
        message: String,
    },
    /// The kubelet falls silent: conditions turn Unknown, taints follow, pods are not ready, the lease ages.
    NodeLost {
        /// The node's name.
        node: String,
    },
    /// The kubelet reports not ready: Ready is False.
    NodeNotReady {
        /// The node's name.
        node: String,
    },
    /// The kubelet reports ready again: every condition is healthy.
    NodeRecovered {
        /// The node's name.
        node: String,
    },
    /// The device plugin reports this many devices of the node unhealthy; 0 makes all healthy.
    GpusWithdrawn {
        /// The node's name.
        node: String,
        /// Number of devices.
        count: u32,
    },
    /// Marks the node unschedulable.
    Cordon {
        /// The node's name.
        node: String,
    },
    /// Marks the node schedulable again.
    Uncordon {
        /// The node's name.
        node: String,
    },
    /// Deletes the node object; its pods stay, as orphans.
    DeleteNode {
        /// The node's name.
        node: String,
    },
    /// Deletes the node and creates it again under another uid.
    RecreateNode {
        /// The node's name.
        node: String,
    },
    /// Creates a pod without an owner; running if it is bound.
    AddPod {
        /// The namespace.
        namespace: String,
        /// The full name of the pod.
        name: String,
        /// The node that it runs on; `None`: Pending and unscheduled.
        node: Option<String>,
    },
    /// Deletes a pod at once.
    DeletePod {
        /// The namespace.
        namespace: String,
        /// The name.
        name: String,
    },
    /// Ends a pod without a replacement.
    FinishPod {
        /// The namespace.
        namespace: String,
        /// The name.
        name: String,
        /// Succeeded, or Failed.
        succeeded: bool,
    },
    /// Restarts a pod's first container.
    RestartPod {
        /// The namespace.
        namespace: String,
        /// The name.
        name: String,
    },
    /// Binds an unscheduled pod.
    BindPod {
        /// The namespace.
        namespace: String,
        /// The name.
        name: String,
        /// The node's name.
        node: String,
    },
    /// Removes the last user of a claim; its devices stay allocated.
    ReleaseClaim {
        /// The namespace.
        namespace: String,
        /// The name.
        name: String,
    },
    /// Creates bound pods named `burst-…` in namespace `default`.
    PodsBurst {
        /// Number of pods.
        count: u32,
    },
    /// Deletes the pods of all bursts.
    PodsBurstOver,
    /// The node rejects the pod that it got last, and gets its replacement.
    BlackHole {
        /// The node's name.
        node: String,
        /// Workloads of the scenario, `NAMESPACE/NAME`, whose pods it gets in turn; without any, pods without an owner.
        workloads: Vec<String>,
    },
    /// Deletes the pods that the black hole has got.
    BlackHoleOver,
}

impl Server {
    /// Applies a change now.
    pub(super) fn apply(&self, change: &Change) {
        let now = self.now();
        lock(&self.world).apply(change, now);
    }
}

impl World {
    fn apply(&mut self, change: &Change, now: i64) {
        match change {
            Change::NodeCondition { node, kind, status, reason, message } => self.edit_node(node, now, |node| {
                set_condition(
                    node,
                    now,
                    [kind.clone(), status.clone(), reason.clone(), message.clone()].map(Cow::Owned),
                );
            }),
            Change::NodeLost { node } => self.lose_node(node, now),
            Change::NodeNotReady { node } => self.node_not_ready(node, now),
            Change::NodeRecovered { node } => self.recover_node(node, now),
            Change::GpusWithdrawn { node, count } => self.edit_node(node, now, |node| node.withdrawn = *count),
            Change::Cordon { node } => self.edit_node(node, now, |node| node.unschedulable = true),
            Change::Uncordon { node } => self.edit_node(node, now, |node| node.unschedulable = false),
            Change::DeleteNode { node } => drop(self.store.remove(SimResource::Nodes, node)),
            Change::RecreateNode { node } => self.recreate_node(node, now),
            Change::AddPod { namespace, name, node } => self.add_bare(namespace, name, node.as_deref(), now),
            Change::DeletePod { namespace, name } => {
                drop(self.store.remove(SimResource::Pods, &format!("{namespace}/{name}")));
            }
            Change::FinishPod { namespace, name, succeeded } => {
                self.edit_pod(&format!("{namespace}/{name}"), now, |pod| {
                    pod.state = if *succeeded { PodState::Succeeded } else { PodState::Failed };
                    pod.finished = now;
                });
            }
            Change::RestartPod { namespace, name } => self.restart_pod(&format!("{namespace}/{name}"), now),
            Change::BindPod { namespace, name, node } => {
                let host = self.host(node);
                self.edit_pod(&format!("{namespace}/{name}"), now, |pod| {
                    pod.host = Some(host);
                    pod.state = PodState::Creating;
                });
            }
            Change::ReleaseClaim { namespace, name } => self.release_claim(&format!("{namespace}/{name}")),
            Change::PodsBurst { count } => self.burst(*count, now),
            Change::PodsBurstOver => self.end_burst(),
            Change::BlackHole { node, workloads } => self.feed_black_hole(node, workloads, now),
            Change::BlackHoleOver => self.end_black_hole(),
        }
    }

    fn node(&self, name: &str) -> Option<NodeRecord> {
        match &*self.store.get(SimResource::Nodes, name)? {
            SimObject::Node(node) => Some(node.clone()),
            _ => None,
        }
    }

    fn release_claim(&mut self, key: &str) {
        let Some(object) = self.store.get(SimResource::Claims, key) else { return };
        if let SimObject::Dynamic(claim) = &*object {
            let mut body = (*claim.body).clone();
            if let Some(status) = body["status"].as_object_mut() {
                status.remove("reservedFor");
            }
            self.store.put(SimObject::Dynamic(DynamicRecord { body: Arc::new(body), ..claim.clone() }));
        }
    }

    /// The host entry of a node; a node that does not exist gets a made-up address.
    pub(super) fn host(&self, name: &str) -> Host {
        let known = self.budgets.iter().map(|r| &r.host).find(|h| *h.name == *name).cloned();
        known.unwrap_or_else(|| Host { name: name.into(), ip: "192.0.2.1".into() })
    }

    /// Edits a node as its kubelet or a controller would: the heartbeat moves too.
    pub(super) fn edit_node(&mut self, name: &str, now: i64, edit: impl FnOnce(&mut NodeRecord)) {
        if let Some(mut node) = self.node(name) {
            node.heartbeat = now;
            edit(&mut node);
            self.store.put(SimObject::Node(node));
        }
    }

    /// Edits a pod.
    pub(super) fn edit_pod(&mut self, key: &str, now: i64, edit: impl FnOnce(&mut SimPod)) {
        let Some(object) = self.store.get(SimResource::Pods, key) else { return };
        if let SimObject::Pod(pod) = &*object {
            let mut pod = pod.clone();
            pod.updated = now;
            edit(&mut pod);
            self.store.put(SimObject::Pod(pod));
        }
    }

    /// Ends the first container and starts it again.
    pub(super) fn restart_pod(&mut self, key: &str, now: i64) {
        self.edit_pod(key, now, |pod| {
            pod.restarts += 1;
            pod.restarted = now;
        });
        let Some(object) = self.store.get(SimResource::Pods, key) else { return };
        if let SimObject::Pod(pod) = &*object {
            let event = self.pod_event(pod, "BackOff", "kubelet", now);
            self.store.put(SimObject::Event(event));
        }
    }

    /// An event of a pod, and of its first container once it has a node; a repeated one increases the count.
    pub(super) fn pod_event(&self, pod: &SimPod, reason: &str, source: &'static str, now: i64) -> EventRecord {
        let (namespace, pod_name) = (pod.meta.namespace(), pod.meta.name());
        let first = &pod.shape.containers[0];
        let name = format!("{pod_name}.{}", reason.to_lowercase());
        let before = self.store.get(SimResource::Events, &format!("{namespace}/{name}"));
        let (count, meta) = match before.as_deref() {
            Some(SimObject::Event(event)) => (event.count, event.meta.clone()),
            // Derived from the pod's uid, so that events draw no random numbers of the population.
            _ => (0, SimMeta::new(namespace, &name, pod.meta.uid.rotate_left(17) ^ reason.len() as u128, now)),
        };
        let message = match reason {
            "FailedScheduling" => match &pod.shape.unschedulable {
                Some(words) => words.to_string(),
                None => "no node has room: Insufficient nvidia.com/gpu.".to_owned(),
            },
            "Failed" => {
                let error = pod.shape.pull_error.as_deref().unwrap_or("not found");
                format!("Failed to pull image \"{}\": {error}", first.image)
            }
            _ => format!("Back-off restarting failed container {} in pod {pod_name}", first.name),
        };
        EventRecord {
            meta,
            kind: "Pod",
            about_namespace: namespace.into(),
            about_name: pod_name.into(),
            about_uid: uid_text(pod.meta.uid).into(),
            container: if pod.host.is_some() { first.name.clone() } else { "".into() },
            reason: reason.into(),
            message: message.into(),
            warning: true,
            source,
            count: count + 1,
            last: now,
        }
    }

    /// Marks a node lost, as the node controller does when a lease is not renewed (`node_lifecycle_controller.go`).
    fn lose_node(&mut self, name: &str, now: i64) {
        let Some(mut node) = self.node(name) else { return };
        let last_heartbeat = node.heartbeat;
        for kind in ["MemoryPressure", "DiskPressure", "PIDPressure", "Ready"] {
            let text = [kind, "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."];
            set_condition(&mut node, now, text.map(Cow::Borrowed));
        }
        node.heartbeat = last_heartbeat;
        self.store.put(SimObject::Node(node));
        self.set_lease(name, now - 40);
        self.set_pods_ready(name, now, false);
        self.report(name, "NodeNotReady", "node-controller", &format!("Node {name} status is now: NodeNotReady"), now);
    }

    fn node_not_ready(&mut self, name: &str, now: i64) {
        let text = [
            "Ready",
            "False",
            "KubeletNotReady",
            "container runtime is down, PLEG is not healthy: pleg was last seen active 3m4s ago",
        ];
        self.edit_node(name, now, |node| set_condition(node, now, text.map(Cow::Borrowed)));
        self.set_pods_ready(name, now, false);
        self.report(name, "NodeNotReady", "kubelet", &format!("Node {name} status is now: NodeNotReady"), now);
    }

    fn recover_node(&mut self, name: &str, now: i64) {
        self.edit_node(name, now, |node| {
            for condition in healthy() {
                set_condition(node, now, [condition.kind, condition.status, condition.reason, condition.message]);
            }
        });
        self.set_lease(name, 0);
        self.set_pods_ready(name, now, true);
        self.report(name, "NodeReady", "kubelet", &format!("Node {name} status is now: NodeReady"), now);
    }

    fn recreate_node(&mut self, name: &str, now: i64) {
        let Some(mut node) = self.node(name) else { return };
        self.store.remove(SimResource::Nodes, name);
        node.meta = SimMeta::new("", name, self.seeds.rng.u128(..), now);
        node.conditions = Arc::new(healthy());
        node.heartbeat = now;
        self.store.put(SimObject::Node(node));
    }

    fn set_lease(&mut self, name: &str, stopped: i64) {
        let Some(object) = self.store.get(SimResource::Leases, &format!("kube-node-lease/{name}")) else { return };
        if let SimObject::Lease(lease) = &*object
            && lease.stopped != stopped
        {
            self.store.put(SimObject::Lease(LeaseRecord { stopped, ..lease.clone() }));
        }
    }

    /// Marks the pods of a node not ready, or ready again.
    fn set_pods_ready(&mut self, node: &str, now: i64, ready: bool) {
        let (from, to) =
            if ready { (PodState::NotReady, PodState::Running) } else { (PodState::Running, PodState::NotReady) };
        let on_node: Vec<Arc<SimObject>> = self
            .store
            .all(SimResource::Pods)
            .filter(|o| matches!(&***o, SimObject::Pod(p) if p.state == from && p.host.as_ref().is_some_and(|h| *h.name == *node)))
            .cloned()
            .collect();
        for object in on_node {
            self.edit_pod(&object.meta().key, now, |pod| pod.state = to);
        }
    }

    /// Records an event of a node; a repeated one increases the count.
    fn report(&mut self, node: &str, reason: &str, source: &'static str, message: &str, now: i64) {
        let name = format!("{node}.{}", reason.to_lowercase());
        let key = format!("default/{name}");
        let before = self.store.get(SimResource::Events, &key);
        let (count, meta) = match before.as_deref() {
            Some(SimObject::Event(event)) => (event.count, event.meta.clone()),
            _ => (0, SimMeta::new("default", &name, self.seeds.rng.u128(..), now)),
        };
        self.store.put(SimObject::Event(EventRecord {
            meta,
            kind: "Node",
            about_namespace: "".into(),
            about_name: node.into(),
            // The node controller and the kubelet put the name here, not the uid.
            about_uid: node.into(),
            container: "".into(),
            reason: reason.into(),
            message: message.into(),
            warning: reason == "NodeNotReady",
            source,
            count: count + 1,
            last: now,
        }));
    }

    fn add_bare(&mut self, namespace: &str, name: &str, node: Option<&str>, now: i64) {
        let host = node.map(|node| self.host(node));
        let shape = Arc::clone(&self.bare);
        let mut pod = self.pod(&shape, host, 0, 0);
        pod.meta = SimMeta::new(namespace, name, pod.meta.uid, now);
        (pod.started, pod.updated) = (now, now);
        self.store.put(SimObject::Pod(pod));
    }

    fn burst(&mut self, count: u32, now: i64) {
        let shape = Arc::clone(&self.bare);
        for _ in 0..count {
            let Some(index) = self.find_node(&shape, true) else { return };
            self.budgets[index].reserve(&shape);
            let node = Arc::clone(&self.budgets[index].host.name);
            let name = format!("burst-{:08x}", self.seeds.rng.u32(..));
            self.add_bare("default", &name, Some(&node), now);
        }
    }

    fn end_burst(&mut self) {
        let pods: Vec<Arc<SimObject>> = self
            .store
            .all(SimResource::Pods)
            .filter(|o| o.meta().namespace() == "default" && o.meta().name().starts_with("burst-"))
            .cloned()
            .collect();
        for object in pods {
            self.store.remove(SimResource::Pods, &object.meta().key);
            if let SimObject::Pod(pod) = &*object
                && let Some(room) =
                    self.budgets.iter_mut().find(|r| pod.host.as_ref().is_some_and(|h| h.name == r.host.name))
            {
                room.release(&pod.shape);
            }
        }
    }
}

/// Sets a condition; the transition time moves only when the status does.
fn set_condition(node: &mut NodeRecord, now: i64, [kind, status, reason, message]: [Cow<'static, str>; 4]) {
    let conditions = Arc::make_mut(&mut node.conditions);
    match conditions.iter_mut().find(|c| c.kind == kind) {
        Some(condition) => {
            if condition.status != status {
                condition.since = now;
            }
            *condition = SimNodeCondition { kind, status, reason, message, since: condition.since };
        }
        None => conditions.push(SimNodeCondition { kind, status, reason, message, since: now }),
    }
}
