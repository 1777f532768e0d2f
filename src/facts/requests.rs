//! A pod's effective requests: what the scheduler and `kubectl describe node` count for it.
//!
//! Source: component-helpers `resource/helpers.go` (1961876b), `PodRequests`, as the scheduler calls it for a pod that has a
//! node: `UseStatusResources`, pod-level resources not skipped, and what a feature gate lets into the status counts as soon as it
//! is there (`InPlacePodLevelResourcesVerticalScalingEnabled`, `UseDRANodeAllocatableResourceClaimStatus`): where the gate is off,
//! nobody writes it. `kubectl describe` sets the first option alone; while no pod is resized and no claim takes of the node's own
//! resources, all of them say the same. `docs/counting.md`.

use serde::de::MapAccess;

use super::json::{Amount, Fill, Obj, Reset, ResetSeed, Text};
use super::message::{JsonValue, ProtoValue};
use super::pod::Requests;
use super::pod::raw::{ClaimStatus, Container, ContainerStatus, PodSpec, PodStatus};
use super::proto::{Malformed, WireValue};
use super::quantity::Quantity;

/// Amounts by resource name, sorted by name; a name is there once, and only if its amount can be read.
#[derive(Clone, Debug, Default)]
pub(super) struct Amounts<'a> {
    /// The API gave a map, although it may be empty.
    given: bool,
    held: Vec<(Text<'a>, Quantity)>,
}

impl Reset for Amounts<'_> {
    fn reset(&mut self) {
        self.given = false;
        self.held.clear();
    }
}

impl<'de> Fill<'de> for Amounts<'de> {
    fn map<A: MapAccess<'de>>(&mut self, mut map: A) -> Result<(), A::Error> {
        self.given = true;
        while let Some((name, amount)) = map.next_entry::<Text<'de>, Amount>()? {
            if let Amount::Known(amount) = amount {
                self.insert(name, amount);
            }
        }
        Ok(())
    }
}

impl<'a> JsonValue<'a> for Amounts<'a> {
    fn read_json<A: MapAccess<'a>>(&mut self, map: &mut A) -> Result<(), A::Error> {
        map.next_value_seed(ResetSeed(self))
    }
}

impl<'a> ProtoValue<'a> for Amounts<'a> {
    fn read_proto(&mut self, value: WireValue<'a>) -> Result<(), Malformed> {
        self.given = true;
        let (name, value) = value.entry()?;
        if let Amount::Known(amount) = value.amount()? {
            self.insert(name, amount);
        }
        Ok(())
    }
}

impl<'a> Amounts<'a> {
    /// Whether the API gave a map.
    pub(super) fn is_given(&self) -> bool {
        self.given
    }

    /// Adds an amount; of two of one name the last counts, as in Go. Go writes maps sorted, others may not.
    pub(super) fn insert(&mut self, name: Text<'a>, amount: Quantity) {
        if self.held.last().is_none_or(|(last, _)| *last < name) {
            self.held.push((name, amount));
            return;
        }
        match self.held.binary_search_by(|(held, _)| held.cmp(&name)) {
            Ok(at) => self.held[at].1 = amount,
            Err(at) => self.held.insert(at, (name, amount)),
        }
    }
}

impl Amounts<'_> {
    /// A handful of names, so they are gone through one by one.
    fn get(&self, name: &str) -> Option<Quantity> {
        self.held.iter().find(|(held, _)| **held == *name).map(|(_, amount)| *amount)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.held.iter().map(|(name, _)| &**name)
    }
}

/// Which of three amounts a container's is taken from; each falls back to the next.
#[derive(Clone, Copy)]
enum AmountSource {
    /// What the container runs with now.
    Actuated,
    /// What the kubelet has granted.
    Allocated,
    /// What the spec asks.
    Spec,
}

/// What the pod asks of each resource. One resource is added up after the other, so that no sums have to be kept.
pub(super) fn effective<'r>(spec: &'r PodSpec<'_>, status: &'r PodStatus<'_>) -> Requests<'r> {
    let mut pod = Pod { spec, status, infeasible: is_resize_infeasible(status), only_spec: false };
    // Without amounts in the status the three sums are the same.
    pod.only_spec = !pod.infeasible && !pod.has_status_amounts();
    let others = pod.other_names();
    let asked = others.into_iter().filter_map(|name| Some((name, pod.asks_of(name)?)));
    Requests {
        others: asked.collect(),
        cpu: pod.asks_of("cpu").unwrap_or_default(),
        memory: pod.asks_of("memory").unwrap_or_default(),
    }
}

struct Pod<'r, 'a> {
    spec: &'r PodSpec<'a>,
    status: &'r PodStatus<'a>,
    infeasible: bool,
    only_spec: bool,
}

impl<'r, 'a> Pod<'r, 'a> {
    fn has_status_amounts(&self) -> bool {
        let of_pod = self.status.allocated.given || self.status.resources.0.is_given();
        of_pod || self.statuses().any(|held| held.allocated.given || held.resources.0.requests.given)
    }

    fn statuses(&self) -> impl Iterator<Item = &'r ContainerStatus<'a>> {
        self.status.containers.iter().chain(&*self.status.init_containers)
    }

    /// Every name but `cpu` and `memory` that is there in any of the amounts, sorted; most pods have none.
    fn other_names(&self) -> Vec<&'r str> {
        let specs = self.spec.containers.iter().chain(&*self.spec.init_containers);
        let of_specs = specs.flat_map(|container| {
            let Obj(resources) = &container.resources;
            resources.requests.names().chain(resources.limits.names())
        });
        let of_statuses = self.statuses().flat_map(|held| {
            let Obj(resources) = &held.resources;
            held.allocated.names().chain(resources.requests.names())
        });
        let of_claims = self
            .status
            .claims
            .0
            .iter()
            .flat_map(|Obj(claim)| claim.resources.names().chain(claim.taken().map(|taken| &*taken.name)));
        let held = self.status.allocated.names().chain(self.status.resources.0.requests.names());
        let of_pod =
            self.spec.resources.0.requests.names().chain(self.spec.overhead.names()).chain(held).chain(of_claims);
        let mut names: Vec<&str> =
            of_specs.chain(of_statuses).chain(of_pod).filter(|name| !matches!(*name, "cpu" | "memory")).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// What the pod asks of one resource; `None` if it does not name it.
    fn asks_of(&self, name: &str) -> Option<Quantity> {
        let mut asked = self.total(AmountSource::Spec, name);
        if !self.only_spec {
            let most = larger(self.total(AmountSource::Actuated, name), self.total(AmountSource::Allocated, name));
            asked = if self.infeasible { most } else { larger(most, asked) };
        }
        if is_pod_level(name) {
            asked = self.pod_level(name).or(asked);
        }
        sum(asked, self.spec.overhead.get(name))
    }

    /// What is asked for the pod as a whole: the largest of spec and status, as in `effectivePodLevelResources`.
    fn pod_level(&self, name: &str) -> Option<Quantity> {
        let asked = &self.spec.resources.0.requests;
        if !asked.names().any(is_pod_level) {
            return None;
        }
        let Obj(held) = &self.status.resources;
        if !held.is_given() {
            return asked.get(name);
        }
        let spec = if self.infeasible { None } else { asked.get(name) };
        larger(spec, larger(held.requests.get(name), self.status.allocated.get(name)))
    }

    /// What the kubelet says for the pod as a whole. It holds what the claims take, and is used only if both amounts are there.
    fn of_status(&self, source: AmountSource, name: &str) -> Option<&'r Amounts<'a>> {
        let (allocated, actuated) = (&self.status.allocated, &self.status.resources.0.requests);
        let both = allocated.given && actuated.given;
        // It does not say which container asks for what a claim serves.
        let usable = both && !self.status.served.0.requests.0.iter().any(|Obj(served)| *served.resource == *name);
        match source {
            AmountSource::Actuated if usable => Some(actuated),
            AmountSource::Allocated if usable => Some(allocated),
            _ => None,
        }
    }

    /// The larger of what runs (apps and sidecars) and the peak while the init containers run one after the other.
    fn total(&self, source: AmountSource, name: &str) -> Option<Quantity> {
        if let Some(held) = self.of_status(source, name) {
            return held.get(name);
        }
        let of = |container| self.container_asks(container, source, name);
        let mut running = self.spec.containers.iter().map(of).fold(None, sum);
        let (mut sidecars, mut peak) = (None, None);
        for container in &*self.spec.init_containers {
            let asks = of(container);
            if container.is_sidecar() {
                running = sum(running, asks);
                sidecars = sum(sidecars, asks);
                peak = larger(peak, sidecars);
            } else {
                peak = larger(peak, sum(asks, sidecars));
            }
        }
        sum(larger(running, peak), if matches!(source, AmountSource::Actuated) { None } else { self.claimed(name) })
    }

    /// What claims take of the node's own resources: once each, and once more for each container that refers to them, init
    /// containers too (`addDRANodeAllocatableClaimResources`). What a container runs with holds it already.
    fn claimed(&self, name: &str) -> Option<Quantity> {
        let of = |claim: &ClaimStatus<'_>| {
            let taken = claim.taken().filter(|taken| *taken.name == *name);
            let taken =
                taken.map(|taken| claim.containers.0.iter().map(|_| known(taken.each)).fold(known(taken.once), sum));
            taken.fold(claim.resources.get(name), sum)
        };
        self.status.claims.0.iter().map(|Obj(claim)| of(claim)).fold(None, sum)
    }

    /// A claim serves this resource: its device is counted there, and not at the node's device plugin too (docs/counting.md).
    fn is_served(&self, container: &Container<'_>, name: &str) -> bool {
        let mut requests = self.status.served.0.requests.0.iter();
        requests.any(|Obj(served)| *served.resource == *name && *served.container == *container.name)
    }

    fn container_asks(&self, container: &Container<'_>, source: AmountSource, name: &str) -> Option<Quantity> {
        if self.is_served(container, name) {
            return None;
        }
        if matches!(source, AmountSource::Spec) {
            return spec_of(container, name);
        }
        let status = self.statuses().find(|status| *status.name == *container.name);
        let given = |amounts: &'r Amounts<'a>| amounts.given.then_some(amounts);
        let allocated = status.and_then(|status| given(&status.allocated));
        let held = match source {
            AmountSource::Actuated => status.and_then(|status| given(&status.resources.0.requests)).or(allocated),
            AmountSource::Allocated | AmountSource::Spec => allocated,
        };
        match held {
            Some(held) => held.get(name),
            None if self.infeasible => None,
            None => spec_of(container, name),
        }
    }
}

/// A container's request. An extended resource may be asked for by its limit alone: the two are equal by validation.
fn spec_of(container: &Container<'_>, name: &str) -> Option<Quantity> {
    let Obj(resources) = &container.resources;
    let limit = || resources.limits.get(name).filter(|_| is_extended(name));
    resources.requests.get(name).or_else(limit)
}

fn known(amount: Amount) -> Option<Quantity> {
    match amount {
        Amount::Known(amount) => Some(amount),
        Amount::Absent | Amount::Unreadable => None,
    }
}

fn sum(a: Option<Quantity>, b: Option<Quantity>) -> Option<Quantity> {
    both(a, b, |a, b| a + b)
}

fn larger(a: Option<Quantity>, b: Option<Quantity>) -> Option<Quantity> {
    both(a, b, Quantity::max)
}

fn both(
    a: Option<Quantity>,
    b: Option<Quantity>,
    with: impl FnOnce(Quantity, Quantity) -> Quantity,
) -> Option<Quantity> {
    match (a, b) {
        (Some(a), Some(b)) => Some(with(a, b)),
        (a, b) => a.or(b),
    }
}

/// `SupportedPodLevelResources` of component-helpers.
fn is_pod_level(name: &str) -> bool {
    matches!(name, "cpu" | "memory") || name.starts_with("hugepages-")
}

/// `IsExtendedResourceName` of component-helpers `scheduling/corev1`: a name with a domain that is not Kubernetes' own.
fn is_extended(name: &str) -> bool {
    name.contains('/') && !name.contains("kubernetes.io/") && !name.starts_with("requests.")
}

/// The first `PodResizePending` condition has the reason `Infeasible`: what the spec asks will not happen.
fn is_resize_infeasible(status: &PodStatus<'_>) -> bool {
    let pending = status.conditions.iter().find(|condition| &*condition.kind == "PodResizePending");
    pending.is_some_and(|condition| &*condition.reason == "Infeasible")
}

#[cfg(test)]
mod tests;
