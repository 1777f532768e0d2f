//! One node with what pods and history add to it, looked up when asked for.

use std::time::Duration;

use jiff::Timestamp;

use super::{Accelerators, NodeRow, NodeStatus, Used, age_of};
use crate::facts::accelerator::{self, Kind};
use crate::facts::node::Readiness;
use crate::facts::quantity::Quantity;
use crate::model::Known;
use crate::model::cluster::AcceleratorTotals;
use crate::model::history::History;
use crate::model::ledger::Ledger;
use crate::model::nodes::{Node, amount};
use crate::model::sync::Track;
use crate::model::usage::Usage;

/// Where the numbers of a node are looked up.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) pods: &'a Track,
    pub(crate) history: &'a History,
    pub(crate) usage: &'a Usage,
    /// Now by the server's clock, for ages.
    pub(crate) server_now: Timestamp,
    /// Now by our wall clock, by which what was seen of nodes is kept.
    pub(crate) wall: Timestamp,
    /// Node data is too old to speak for now.
    pub(crate) stale: bool,
}

/// A node as sorting, filtering and drawing see it.
#[derive(Clone, Copy)]
pub(crate) struct Lens<'a> {
    pub(crate) source: Source<'a>,
    pub(crate) node: &'a Node,
}

impl<'a> Lens<'a> {
    pub(crate) fn name(&self) -> &'a str {
        &self.node.facts.name
    }

    pub(crate) fn pods(&self) -> Known<u32> {
        self.source.pods.known(self.source.ledger.node(self.name()).map_or(0, |totals| totals.pods))
    }

    pub(crate) fn requested(&self, resource: &str) -> Known<Quantity> {
        self.source.pods.known(self.source.ledger.node_requested(self.name(), resource))
    }

    /// CPU requested and allocatable, thousandths of a core.
    pub(crate) fn cpu_milli(&self) -> (Known<i64>, Option<i64>) {
        (self.requested("cpu").map(Quantity::milli), self.allocatable("cpu").map(Quantity::milli))
    }

    /// Memory requested and allocatable, bytes.
    pub(crate) fn memory_bytes(&self) -> (Known<i64>, Option<i64>) {
        (self.requested("memory").map(Quantity::value), self.allocatable("memory").map(Quantity::value))
    }

    /// What it uses; `None` if the usage of nodes is not seen.
    pub(crate) fn used(&self) -> Option<Used> {
        self.source.usage.of(self.name(), self.source.server_now)
    }

    pub(crate) fn gpu(&self) -> Option<Accelerators> {
        let (capacity, allocatable) = self.node.whole_devices()?;
        let whole = self.node.devices.iter().filter(|devices| devices.kind == Kind::Device);
        let requested = whole.fold(Quantity::ZERO, |sum, devices| {
            sum + self.source.ledger.node_requested(self.name(), &devices.resource)
        });
        Some(Accelerators { requested: self.source.pods.known(requested.value()), allocatable, capacity })
    }

    /// Its accelerators by resource and kind.
    pub(crate) fn accelerators(&self) -> Vec<AcceleratorTotals> {
        let totals = self.node.devices.iter().map(|devices| AcceleratorTotals {
            resource: devices.resource.clone(),
            kind: devices.kind,
            capacity: devices.capacity,
            allocatable: devices.allocatable,
            requested: self.requested(&devices.resource).map(Quantity::value),
            nodes: u32::from(devices.capacity > 0),
        });
        totals.collect()
    }

    pub(crate) fn model(&self) -> Option<&'a str> {
        accelerator::model(&self.node.facts)
    }

    pub(crate) fn age(&self) -> Option<Duration> {
        age_of(self.node.facts.created, self.source.server_now)
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

    pub(crate) fn row(&self, selected: bool) -> NodeRow<'a> {
        NodeRow {
            facts: &self.node.facts,
            selected,
            status: self.status(),
            roles: self.node.roles.clone(),
            age: self.age(),
            pods: self.pods(),
            pods_allocatable: self.node.pods_allocatable,
            gpu: self.gpu(),
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
