//! A pod's effective requests: what the scheduler and `kubectl describe node` count for it.
//!
//! Source: component-helpers `resource/helpers.go`, `PodRequests`, with the options of `kubectl describe`
//! (`UseStatusResources`, pod-level resources not skipped); `reference/semantics.md`, section 1.

use std::ops::Add;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess};

use super::json::{self, Amount, Compound, Obj, Text};
use super::pod::raw::{Container, ContainerStatus, Spec, Status};
use super::quantity::Quantity;

/// Amounts by resource name, sorted by name; a name is there once, and only if its amount can be read.
#[derive(Clone, Debug, Default)]
pub(super) struct Amounts<'a>(Vec<(Text<'a>, Quantity)>);

/// Amounts by resource name, sorted by name, borrowed from the pod.
pub(super) type Sum<'r> = Vec<(&'r str, Quantity)>;

impl<'de> Deserialize<'de> for Amounts<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        json::compound(deserializer)
    }
}

impl<'de> Compound<'de> for Amounts<'de> {
    fn map<A: MapAccess<'de>>(mut map: A) -> Result<Self, A::Error> {
        let mut amounts = Vec::new();
        while let Some((name, amount)) = map.next_entry::<Text<'de>, Amount>()? {
            if let Amount::Known(amount) = amount {
                amounts.push((name, amount));
            }
        }
        // Go writes maps sorted. Others may not, and of two values of one name the last counts, as in Go.
        if !amounts.is_sorted_by(|a, b| a.0 < b.0) {
            amounts.reverse();
            amounts.sort_by(|a, b| a.0.cmp(&b.0));
            amounts.dedup_by(|earlier, last| earlier.0 == last.0);
        }
        Ok(Self(amounts))
    }
}

impl<'a> Amounts<'a> {
    /// Adds an amount; of two of one name the last counts, as in Go.
    pub(super) fn insert(&mut self, name: Text<'a>, amount: Quantity) {
        if self.0.last().is_none_or(|(last, _)| *last < name) {
            self.0.push((name, amount));
            return;
        }
        match self.0.binary_search_by(|(held, _)| held.cmp(&name)) {
            Ok(at) => self.0[at].1 = amount,
            Err(at) => self.0.insert(at, (name, amount)),
        }
    }
}

impl Amounts<'_> {
    fn iter(&self) -> impl Iterator<Item = (&str, Quantity)> {
        self.0.iter().map(|(name, amount)| (&**name, *amount))
    }

    fn has(&self, name: &str) -> bool {
        self.0.binary_search_by(|(held, _)| (**held).cmp(name)).is_ok()
    }
}

/// Which of three amounts a container's is taken from; each falls back to the next.
#[derive(Clone, Copy)]
enum Source {
    /// What the container runs with now.
    Actuated,
    /// What the kubelet has granted.
    Allocated,
    /// What the spec asks.
    Spec,
}

/// What the pod asks of each resource, sorted by name.
pub(super) fn effective<'r>(spec: &'r Spec<'_>, status: &'r Status<'_>) -> Sum<'r> {
    let pod = Pod { spec, status, infeasible: is_resize_infeasible(status) };
    let mut asked = if pod.has_status_amounts() || pod.infeasible {
        let actuated = pod.aggregate(Source::Actuated);
        let mut most = pod.aggregate(Source::Allocated);
        merge(&mut most, actuated, Quantity::max);
        if !pod.infeasible {
            merge(&mut most, pod.aggregate(Source::Spec), Quantity::max);
        }
        most
    } else {
        // Without amounts in the status the three sums are the same.
        pod.aggregate(Source::Spec)
    };
    let pod_level = spec.resources.0.requests.iter().flat_map(Amounts::iter);
    merge(&mut asked, pod_level.filter(|(name, _)| is_pod_level(name)).collect(), |_, pod_level| pod_level);
    merge(&mut asked, spec.overhead.iter().collect(), |asked, overhead| asked + overhead);
    asked
}

struct Pod<'r, 'a> {
    spec: &'r Spec<'a>,
    status: &'r Status<'a>,
    infeasible: bool,
}

impl<'r> Pod<'r, '_> {
    fn has_status_amounts(&self) -> bool {
        let statuses = self.status.containers.0.iter().chain(&self.status.init_containers.0);
        statuses.into_iter().any(|Obj(held)| held.allocated.is_some() || held.resources.0.requests.is_some())
    }

    /// The larger of what runs (apps and sidecars) and the peak while the init containers run one after the other.
    fn aggregate(&self, source: Source) -> Sum<'r> {
        let mut running = Sum::new();
        for Obj(container) in &self.spec.containers.0 {
            merge(&mut running, self.asks_of(container, source), Quantity::add);
        }
        let (mut sidecars, mut peak) = (Sum::new(), Sum::new());
        for Obj(container) in &self.spec.init_containers.0 {
            let mut asks = self.asks_of(container, source);
            if container.is_sidecar() {
                merge(&mut running, asks.clone(), Quantity::add);
                merge(&mut sidecars, asks, Quantity::add);
                merge(&mut peak, sidecars.clone(), Quantity::max);
            } else {
                merge(&mut asks, sidecars.clone(), Quantity::add);
                merge(&mut peak, asks, Quantity::max);
            }
        }
        merge(&mut running, peak, Quantity::max);
        running
    }

    fn asks_of(&self, container: &'r Container<'_>, source: Source) -> Sum<'r> {
        let status = self.status_of(container);
        let allocated = status.and_then(|status| status.allocated.as_ref());
        let held = match source {
            Source::Actuated => status.and_then(|status| status.resources.0.requests.as_ref()).or(allocated),
            Source::Allocated => allocated,
            Source::Spec => None,
        };
        match (held, source) {
            (Some(held), _) => held.iter().collect(),
            (None, Source::Actuated | Source::Allocated) if self.infeasible => Sum::new(),
            (None, _) => spec_of(container),
        }
    }

    fn status_of(&self, container: &Container<'_>) -> Option<&'r ContainerStatus<'r>> {
        let mut statuses = self.status.containers.0.iter().chain(&self.status.init_containers.0);
        statuses.find(|Obj(status)| *status.name == *container.name).map(|Obj(status)| status)
    }
}

/// A container's requests. An extended resource may be asked for by its limit alone: the two are equal by validation.
fn spec_of<'r>(container: &'r Container<'_>) -> Sum<'r> {
    let Obj(resources) = &container.resources;
    let requests = resources.requests.as_ref();
    let mut asked: Sum<'r> = requests.into_iter().flat_map(Amounts::iter).collect();
    let limits = resources.limits.iter().flat_map(Amounts::iter);
    let alone = limits.filter(|(name, _)| is_extended(name) && !requests.is_some_and(|requests| requests.has(name)));
    merge(&mut asked, alone.collect(), |request, _| request);
    asked
}

/// Puts two sorted lists together; a name in both gets what `both` makes of the two amounts.
fn merge<'r>(into: &mut Sum<'r>, from: Sum<'r>, both: impl Fn(Quantity, Quantity) -> Quantity) {
    if into.is_empty() {
        *into = from;
        return;
    }
    if from.is_empty() {
        return;
    }
    let mut merged = Sum::with_capacity(into.len() + from.len());
    let mut left = into.drain(..).peekable();
    for (name, amount) in from {
        while let Some(smaller) = left.next_if(|(held, _)| *held < name) {
            merged.push(smaller);
        }
        let same = left.next_if(|(held, _)| *held == name);
        merged.push((name, same.map_or(amount, |(_, held)| both(held, amount))));
    }
    merged.extend(left);
    *into = merged;
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
fn is_resize_infeasible(status: &Status<'_>) -> bool {
    let pending = status.conditions.0.iter().find(|Obj(condition)| &*condition.kind == "PodResizePending");
    pending.is_some_and(|Obj(condition)| &*condition.reason == "Infeasible")
}

#[cfg(test)]
mod tests;
