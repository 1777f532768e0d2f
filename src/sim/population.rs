//! Clusters generated from a scenario and a seed: nodes, workloads and their pods.
//!
//! The counts of the scenario are reached exactly: system pods come first, then workloads with devices up to the number of
//! requested devices, then ordinary workloads up to the number of counted pods.

mod black_hole;
mod catalogue;
mod declared;
mod dra;
mod fields;
mod fill;
mod racks;
mod workloads;

use std::sync::Arc;

use fastrand::Rng;

use super::meta::SimMeta;
use super::node::{NodeRecord, allocatable_cpu_m, allocatable_memory_mib};
use super::object::{LeaseRecord, NamespaceRecord, SimObject};
use super::pod::{Host, PodShape, PodState, SimPod, Workload};
use super::resource::SimResource;
use super::scenario::{NodeRole, ScenarioCluster};
use super::store::SimStore;
use black_hole::BlackHolePods;
use catalogue::WEB;
use declared::DeclaredShape;
use workloads::Recipe;

/// The letters of generated names (apimachinery `pkg/util/rand/rand.go`).
const ALPHANUMS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";

const NAMESPACES: [&str; 13] = [
    "calico-system",
    "data",
    "default",
    "gpu-operator",
    "inference",
    "kube-node-lease",
    "kube-public",
    "kube-system",
    "logging",
    "monitoring",
    "storage",
    "train",
    "web",
];

/// Random numbers and the start time of a population.
#[derive(Debug)]
pub(super) struct Seeds {
    pub(super) rng: Rng,
    /// Seconds of the Unix epoch when the simulation starts.
    pub(super) now: i64,
}

/// Free resources of a node.
#[derive(Debug)]
pub(super) struct NodeBudget {
    pub(super) host: Host,
    role: NodeRole,
    tainted: bool,
    cpu_m: u32,
    memory_mib: u32,
    gpus: u32,
    pods: u32,
}

/// A cluster's objects, with the bookkeeping of churn.
#[derive(Debug)]
pub(super) struct World {
    pub(super) store: SimStore,
    pub(super) seeds: Seeds,
    pub(super) budgets: Vec<NodeBudget>,
    /// Indices of the budgets of nodes with devices, in order.
    with_devices: Vec<usize>,
    /// Keys of the pods that churn may end, which belong to Jobs and Deployments.
    pub(super) churning: Vec<Box<str>>,
    /// Keys of finished pods, oldest first.
    pub(super) finished: std::collections::VecDeque<Box<str>>,
    /// Shape of pods without an owner.
    pub(super) bare: Arc<PodShape>,
    /// Shapes of the workloads of the scenario.
    declared: Vec<DeclaredShape>,
    /// Pods that a black hole has got.
    black_hole: BlackHolePods,
}

/// Builds a cluster.
///
/// # Errors
/// The reason, if the counts of the scenario do not fit its nodes.
pub(super) fn build(spec: &ScenarioCluster, seeds: Seeds) -> Result<World, String> {
    let bare = Recipe::new(Workload::Bare, "default", "bare", WEB).tolerant().shape(1, spec.pods.detail);
    let mut world = World {
        store: SimStore::new(48_000_000, spec.history),
        seeds,
        budgets: Vec::new(),
        with_devices: Vec::new(),
        churning: Vec::new(),
        finished: std::collections::VecDeque::new(),
        bare,
        declared: Vec::new(),
        black_hole: BlackHolePods::default(),
    };
    for name in NAMESPACES {
        let uid = world.seeds.rng.u128(..);
        let meta = SimMeta::new("", name, uid, world.seeds.now - 213 * 86_400);
        world.store.seed(SimObject::Namespace(NamespaceRecord { meta }));
    }
    world.add_nodes(spec);
    let counted = world.add_system(spec)?;
    let declared = world.add_declared(spec)?;
    let counted = world.add_gpu_pods(spec, counted + declared.bound, declared.gpus)?;
    world.add_services(spec, counted)?;
    world.add_finished(spec);
    world.add_unscheduled(spec, declared.waiting);
    world.add_dra(spec);
    world.add_first_events();
    for record in spec.raw.iter().flat_map(|raw| raw.records(world.seeds.now)).collect::<Vec<_>>() {
        world.store.seed(SimObject::Raw(record));
    }
    world.store.compact();
    Ok(world)
}

impl World {
    fn add_nodes(&mut self, spec: &ScenarioCluster) {
        let mut ordinal = 0;
        for group in &spec.nodes {
            let shape = racks::shape(group, &spec.version, spec.pods.detail);
            for i in 0..group.count {
                let node = racks::node(&shape, &group.node_name(i), ordinal, &mut self.seeds);
                ordinal += 1;
                if group.gpus > 0 {
                    self.with_devices.push(self.budgets.len());
                }
                self.budgets.push(NodeBudget {
                    host: Host { name: node.meta.name().into(), ip: Arc::clone(&node.ip) },
                    role: group.role,
                    tainted: !shape.taints.is_empty(),
                    cpu_m: allocatable_cpu_m(group.cpu),
                    memory_mib: allocatable_memory_mib(group.memory_gib),
                    gpus: group.gpus,
                    pods: group.pods,
                });
                self.add_node(node);
            }
        }
    }

    fn add_node(&mut self, node: NodeRecord) {
        let meta = SimMeta::new("kube-node-lease", node.meta.name(), node.meta.uid.rotate_left(9), node.meta.created);
        self.store.seed(SimObject::Lease(LeaseRecord { meta, stopped: 0 }));
        self.store.seed(SimObject::Node(node));
    }

    /// Requests of the pods of a node: thousandths of a core, and MiB; 0 for a node that is not of the scenario.
    pub(super) fn requested(&self, node: &NodeRecord) -> (u32, u32) {
        let room = self.budgets.get(node.ordinal as usize).filter(|room| *room.host.name == *node.meta.name());
        let Some(room) = room else { return (0, 0) };
        let memory = allocatable_memory_mib(node.shape.memory_gib).saturating_sub(room.memory_mib);
        (allocatable_cpu_m(node.shape.cpu).saturating_sub(room.cpu_m), memory)
    }

    /// Index of a node with room for one more pod of this shape; the search starts at a random node.
    pub(super) fn find_node(&mut self, shape: &PodShape, tolerant: bool) -> Option<usize> {
        let total = self.budgets.len();
        let start = self.seeds.rng.usize(..total.max(1));
        let fits = |i: &usize| {
            let room = &self.budgets[*i];
            room.role == NodeRole::Worker && (tolerant || !room.tainted) && room.fits(shape)
        };
        if shape.gpus > 0 {
            // Nodes with devices are few and adjacent; a search through all the others would take too long.
            let from = self.with_devices.partition_point(|&i| i < start);
            let (before, after) = self.with_devices.split_at(from);
            return after.iter().chain(before).copied().find(fits).or_else(|| {
                let any = |i: &usize| tolerant && self.budgets[*i].fits(shape);
                self.with_devices.iter().copied().find(any)
            });
        }
        let found = (start..total).chain(0..start).find(fits);
        found.or_else(|| (0..total).find(|&i| tolerant && self.budgets[i].fits(shape)))
    }

    /// Adds a running pod of some age to a node.
    fn place_pod(&mut self, shape: &Arc<PodShape>, index: usize) -> Result<u32, String> {
        if !self.budgets[index].fits(shape) {
            return Err(format!("{} (on {})", no_room(shape), self.budgets[index].host.name));
        }
        self.budgets[index].reserve(shape);
        let system = matches!(shape.workload, Workload::DaemonSet | Workload::Static);
        let (now, roll) = (self.seeds.now, self.seeds.rng.u32(0..1000));
        // Few workloads have init containers, so a larger share of their pods is shown while these run.
        let initializing = !system && !shape.init.is_empty() && (60..80).contains(&roll);
        let starting = initializing || (!system && (6..13).contains(&roll));
        let age = self.seeds.rng.u32(if system {
            86_400..14_000_000
        } else if starting {
            5..240
        } else {
            300..1_200_000
        });
        let host = self.budgets[index].host.clone();
        let ordinal = self.seeds.rng.u32(0..512);
        let mut pod = self.pod(shape, Some(host), ordinal, i64::from(age));
        match roll {
            0..6 if !system => {
                pod.state = PodState::CrashLoop;
                pod.restarts = self.seeds.rng.u32(5..200);
                pod.restarted = now - i64::from(self.seeds.rng.u32(5..280));
                pod.updated = pod.restarted;
            }
            6..9 if !system => pod.state = PodState::ImagePullBackOff,
            9..13 if !system => pod.state = PodState::Creating,
            _ if initializing => pod.state = PodState::Creating,
            13..17 if !system => pod.meta.deleted = now - i64::from(self.seeds.rng.u32(1..30)),
            17..60 => {
                pod.restarts = self.seeds.rng.u32(1..9);
                pod.restarted = now - i64::from(self.seeds.rng.u32(300..86_400).min(age / 2));
            }
            _ => {}
        }
        if matches!(shape.workload, Workload::Job | Workload::Deployment)
            && pod.state == PodState::Running
            && pod.meta.deleted == 0
        {
            self.churning.push(pod.meta.key.clone());
        }
        self.store.seed(SimObject::Pod(pod));
        Ok(1)
    }

    fn pod_meta(&mut self, shape: &PodShape, host: Option<&Host>, ordinal: u32, age: i64) -> SimMeta {
        let mut suffix = String::new();
        for _ in 0..5 {
            suffix.push(char::from(ALPHANUMS[self.seeds.rng.usize(..ALPHANUMS.len())]));
        }
        let name = match (shape.workload, host) {
            (Workload::Static, Some(host)) => format!("{}{}", shape.prefix, host.name),
            (Workload::Job, _) => format!("{}{ordinal}-{suffix}", shape.prefix),
            (Workload::Replica, _) => format!("{}{ordinal}", shape.prefix),
            _ => format!("{}{suffix}", shape.prefix),
        };
        let created = self.seeds.now - age;
        let uid = self.seeds.rng.u128(..);
        SimMeta::new(&shape.namespace, &name, uid, created)
    }

    /// A new pod of a shape; running if it has a host, else waiting for one.
    pub(super) fn pod(&mut self, shape: &Arc<PodShape>, host: Option<Host>, ordinal: u32, age: i64) -> SimPod {
        let mut meta = self.pod_meta(shape, host.as_ref(), ordinal, age);
        // Of ten thousand pods of one workload some draw the same suffix; a real server refuses the second, and the client retries.
        while !matches!(shape.workload, Workload::Static | Workload::Replica)
            && self.store.get(SimResource::Pods, &meta.key).is_some()
        {
            meta = self.pod_meta(shape, host.as_ref(), ordinal, age);
        }
        let created = meta.created;
        SimPod {
            meta,
            shape: Arc::clone(shape),
            // A random address of 10.128.0.0/9.
            ip: 0x0a80_0000 | self.seeds.rng.u32(..0x0080_0000),
            ordinal,
            state: if host.is_some() { PodState::Running } else { PodState::Unscheduled },
            host,
            restarts: 0,
            restarted: 0,
            started: created + 4,
            finished: 0,
            updated: created + 6,
        }
    }
}

impl NodeBudget {
    fn fits(&self, shape: &PodShape) -> bool {
        self.pods > 0 && self.cpu_m >= shape.cpu_m && self.memory_mib >= shape.memory_mib && self.gpus >= shape.gpus
    }

    /// Reserves the resources of one pod.
    pub(super) fn reserve(&mut self, shape: &PodShape) {
        self.pods -= 1;
        self.cpu_m -= shape.cpu_m;
        self.memory_mib -= shape.memory_mib;
        self.gpus -= shape.gpus;
    }

    /// Frees the resources of one pod.
    pub(super) fn release(&mut self, shape: &PodShape) {
        self.pods += 1;
        self.cpu_m += shape.cpu_m;
        self.memory_mib += shape.memory_mib;
        self.gpus += shape.gpus;
    }
}

fn no_room(shape: &PodShape) -> String {
    format!("no node has room for a pod of `{}` in `{}`", shape.prefix, shape.namespace)
}
