//! One node joined with its pods and its history, looked up on demand.

use std::time::Duration;

use jiff::Timestamp;

use super::rows::{Accelerators, NodeRow, NodeStatus};
use super::usage::Used;
use crate::facts::accelerator::{AcceleratorTable, Kind};
use crate::facts::node::Readiness;
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::model::derive::black_holes::BlackHoles;
use crate::model::derive::fit;
use crate::model::derive::history::History;
use crate::model::derive::rows::{AcceleratorTotals, ResourceAmounts};
use crate::model::derive::usage::UsageStore;
use crate::model::known::Known;
use crate::model::store::nodes::admission::{self, Admission};
use crate::model::store::nodes::{Node, amount};
use crate::model::store::pods::PodCounts;
use crate::model::store::pods::{NodeTotals, PodStore};
use crate::model::store::scope::PodTracks;
use crate::model::time::age_of;

/// Sources of the numbers of a node.
#[derive(Clone, Copy)]
pub(crate) struct NodeSources<'a> {
    pub(crate) pods: &'a PodStore,
    pub(crate) pod_tracks: &'a PodTracks,
    pub(crate) history: &'a History,
    pub(crate) black_holes: &'a BlackHoles,
    /// Table of the names that count as accelerators.
    pub(crate) accelerators: &'a AcceleratorTable,
    pub(crate) usage: &'a UsageStore,
    /// The current time by the server's clock, for ages.
    pub(crate) server_now: Timestamp,
    /// The current time by the local wall clock, by which observations are dated.
    pub(crate) wall: Timestamp,
    /// `true` if node data is too old to be current.
    pub(crate) stale: bool,
}

/// A node with the derived values that sorting, filtering and drawing need.
#[derive(Clone, Copy)]
pub(crate) struct JoinedNode<'a> {
    pub(crate) source: NodeSources<'a>,
    pub(crate) node: &'a Node,
}

impl<'a> JoinedNode<'a> {
    pub(crate) fn name(&self) -> &'a str {
        &self.node.facts.name
    }

    pub(crate) fn pods(&self) -> Known<u32> {
        self.source.pod_tracks.known(self.source.pods.node(self.name()).map_or(0, |totals| totals.pods))
    }

    /// Its pods by kind.
    pub(crate) fn pod_counts(&self) -> Known<PodCounts> {
        self.source
            .pod_tracks
            .known(self.source.pods.node(self.name()).map_or_else(PodCounts::default, NodeTotals::counts))
    }

    /// Every resource that the node or its pods name, sorted by name.
    pub(crate) fn resource_amounts(&self) -> Vec<ResourceAmounts> {
        let facts = &self.node.facts;
        let allocatable = facts.effective_allocatable();
        let pods = self.source.pods;
        let totals = pods.node(self.name());
        let announced = facts.capacity.iter().chain(allocatable).map(|(name, _)| &**name);
        let asked = totals.into_iter().flat_map(NodeTotals::others).map(|(id, _)| pods.resource_name(id));
        let mut names: Vec<&str> = announced.chain(asked).chain(["cpu", "memory", "pods"]).collect();
        names.sort_unstable();
        names.dedup();
        let amounts = names.into_iter().map(|name| ResourceAmounts {
            name: Clean::new(name),
            requested: match name {
                "pods" => self.pods().map(|pods| Quantity::whole(pods.into())),
                _ => self.requested(name),
            },
            allocatable: amount(allocatable, name),
            capacity: amount(&facts.capacity, name),
        });
        amounts.collect()
    }

    pub(crate) fn requested(&self, resource: &str) -> Known<Quantity> {
        self.source.pod_tracks.known(self.source.pods.node_requested(self.name(), resource))
    }

    /// CPU requested and allocatable, thousandths of a core.
    pub(crate) fn cpu_milli(&self) -> (Known<i64>, Option<i64>) {
        (self.requested("cpu").map(Quantity::milli), self.allocatable("cpu").map(Quantity::milli))
    }

    /// Memory requested and allocatable, bytes.
    pub(crate) fn memory_bytes(&self) -> (Known<i64>, Option<i64>) {
        (self.requested("memory").map(Quantity::value), self.allocatable("memory").map(Quantity::value))
    }

    /// Usage; `None` if the usage of nodes is not visible.
    pub(crate) fn used(&self) -> Option<Used> {
        self.source.usage.of(self.name(), self.source.server_now)
    }

    pub(crate) fn gpu(&self) -> Option<Accelerators> {
        let announced = self.node.whole_devices();
        let whole = self.node.devices.iter().filter(|devices| devices.kind == Kind::Device);
        let requested = whole
            .fold(Quantity::ZERO, |sum, devices| sum + self.source.pods.node_requested(self.name(), &devices.resource));
        let others = self.unannounced().filter(|(_, kind, _)| *kind == Kind::Device);
        let unannounced: Quantity = others.map(|(_, _, requested)| requested).sum();
        if announced.is_none() && unannounced == Quantity::ZERO {
            return None;
        }
        let requested = requested + unannounced;
        let (capacity, allocatable) = announced.unwrap_or_default();
        Some(Accelerators { requested: self.source.pod_tracks.known(requested.value()), allocatable, capacity })
    }

    /// Admission of pods with devices.
    pub(crate) fn admission(&self) -> Admission {
        admission::admission(&self.node.facts, self.source.accelerators)
    }

    /// Reason why it takes no pods with devices; `None` if it does.
    pub(crate) fn unschedulable(&self) -> Option<Clean> {
        match self.admission() {
            Admission::Open => None,
            Admission::Tainted => admission::blocking_taint(&self.node.facts, self.source.accelerators)
                .map(|taint| Clean::new(&format!("tainted {}:{}", taint.key, taint.effect))),
            reason => Some(Clean::new(reason.name())),
        }
    }

    /// Whole devices that a pod could have: none on a node that takes no pods; `None` without any devices.
    pub(crate) fn gpus_free(&self) -> Option<Known<i64>> {
        self.gpu()?;
        let whole = self.node.devices.iter().filter(|devices| devices.kind == Kind::Device);
        Some(whole.fold(self.source.pod_tracks.known(0).exact_or_unknown(), |sum, devices| {
            self.free(&devices.resource, devices.allocatable).0.map(|free| free.saturating_add(sum.any().unwrap_or(0)))
        }))
    }

    /// Free amount of a resource, and the amount that would be free if the node took pods.
    fn free(&self, resource: &str, allocatable: i64) -> (Known<i64>, Known<i64>) {
        let free = self.requested(resource).exact_or_unknown();
        let free = free.map(|requested| fit::free(allocatable, requested.value()));
        let none = free.map(|_| 0);
        if self.admission() == Admission::Open { (free, none) } else { (none, free) }
    }

    /// Whole devices that the labels promise and the node never announced; 0 also if the labels do not determine it.
    pub(crate) fn devices_missing(&self) -> i64 {
        let whole = self.node.devices.iter().filter(|devices| devices.kind == Kind::Device);
        whole.fold(0, |sum: i64, devices| sum.saturating_add(devices.missing()))
    }

    /// Its accelerators by resource and kind, sorted by name: those that it announces, those that its labels promise, and those
    /// that its pods request.
    pub(crate) fn accelerators(&self) -> Vec<AcceleratorTotals> {
        let announced = self.node.devices.iter().map(|devices| {
            let requested = self.requested(&devices.resource).map(Quantity::value);
            let (free, unschedulable) = self.free(&devices.resource, devices.allocatable);
            AcceleratorTotals {
                resource: devices.resource.clone(),
                kind: devices.kind,
                capacity: devices.capacity,
                allocatable: devices.allocatable,
                requested,
                free,
                unschedulable,
                withdrawn: devices.withdrawn(),
                missing: devices.expected.map(|_| devices.missing()),
                over_requested: requested.map(|requested| fit::over_requested(devices.allocatable, requested)),
                nodes: u32::from(devices.capacity > 0),
            }
        });
        let asked = self.unannounced().map(|(resource, kind, requested)| {
            let nothing = self.source.pod_tracks.known(0).exact_or_unknown();
            AcceleratorTotals {
                requested: self.source.pod_tracks.known(requested.value()),
                free: nothing,
                unschedulable: nothing,
                over_requested: self.source.pod_tracks.known(fit::over_requested(0, requested.value())),
                ..AcceleratorTotals::none(resource, kind)
            }
        });
        let mut totals: Vec<_> = announced.chain(asked).collect();
        totals.sort_by(|a, b| (&a.resource, a.kind).cmp(&(&b.resource, b.kind)));
        totals
    }

    /// Accelerators that pods of this node request although neither the node nor its labels name them.
    pub(crate) fn unannounced(&self) -> impl Iterator<Item = (&'a str, Kind, Quantity)> {
        let totals = self.source.pods.node(self.name());
        totals.into_iter().flat_map(|totals| unannounced(self.node, totals, self.source.pods, self.source.accelerators))
    }

    pub(crate) fn model(&self) -> Option<&'a str> {
        self.source.accelerators.model(&self.node.facts)
    }

    pub(crate) fn age(&self) -> Option<Duration> {
        age_of(self.node.facts.created(), self.source.server_now)
    }

    pub(crate) fn flapping(&self) -> bool {
        self.source.history.flapping(self.node.facts.uid)
    }

    pub(crate) fn status(&self) -> NodeStatus {
        let (readiness, since) = self.node.facts.readiness();
        NodeStatus {
            readiness,
            for_: age_of(since, self.source.server_now),
            cordoned: self.node.facts.unschedulable,
            flapping: self.flapping(),
            stale: self.source.stale,
        }
    }

    /// The words of the status, as a filter and kubectl know them.
    pub(crate) fn status_words(&self) -> impl Iterator<Item = &'static str> {
        let readiness = match self.node.readiness {
            Readiness::Ready => "Ready",
            Readiness::NotReady => "NotReady",
            Readiness::Unknown => "Unknown",
        };
        let cordoned = self.node.facts.unschedulable;
        [Some(readiness), cordoned.then_some("SchedulingDisabled"), cordoned.then_some("cordoned")]
            .into_iter()
            .chain([self.flapping().then_some("flapping")])
            .flatten()
    }

    /// Its problems in one word each, as a filter knows them.
    pub(crate) fn problem_words(&self) -> impl Iterator<Item = &'static str> {
        let black_hole = self.source.black_holes.contains(self.name());
        self.node.problem_words().chain(black_hole.then_some("black-hole"))
    }

    pub(crate) fn row(&self, selected: bool) -> NodeRow<'a> {
        NodeRow {
            facts: &self.node.facts,
            selected,
            status: self.status(),
            roles: self.node.roles.clone(),
            internal_ip: self.node.facts.internal_ip(),
            age: self.age(),
            pods: self.pods(),
            pods_allocatable: self.node.pods_allocatable,
            gpu: self.gpu(),
            gpus_free: self.gpus_free(),
            unschedulable: self.unschedulable(),
            gpu_missing: self.devices_missing(),
            model: self.model(),
            cpu_milli: self.cpu_milli(),
            memory_bytes: self.memory_bytes(),
            used: self.used(),
            ready: self.source.history.strip(self.node.facts.uid, self.source.wall),
            pressures: self.node.pressures().collect(),
        }
    }

    fn allocatable(&self, resource: &str) -> Option<Quantity> {
        amount(self.node.facts.effective_allocatable(), resource)
    }
}

/// Accelerators that pods of a node request although neither the node nor its labels name them: after a plugin was removed, or
/// by hand-bound pods. The scheduler counts them too.
pub(crate) fn unannounced<'a>(
    node: &'a Node,
    totals: &'a NodeTotals,
    pods: &'a PodStore,
    table: &'a AcceleratorTable,
) -> impl Iterator<Item = (&'a str, Kind, Quantity)> {
    totals.others().filter_map(move |(id, requested)| {
        let resource = pods.resource_name(id);
        let known = node.devices.iter().any(|devices| *devices.resource == *resource);
        if known || requested == Quantity::ZERO {
            return None;
        }
        let kind = table.classify_on(resource, &node.facts).filter(|kind| *kind != Kind::Aux)?;
        Some((resource, kind, requested))
    })
}
