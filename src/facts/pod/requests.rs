//! Effective requests of a pod, as the scheduler and `kubectl describe node` count them.
//!
//! Source: component-helpers `resource/helpers.go` (1961876b), `PodRequests`, as the scheduler calls it for a pod that has a
//! node: `UseStatusResources`, pod-level resources not skipped, and status fields behind a feature gate count as soon as they
//! are present (`InPlacePodLevelResourcesVerticalScalingEnabled`, `UseDRANodeAllocatableResourceClaimStatus`): if the gate is off,
//! nobody writes them. `kubectl describe` sets only the first option; as long as no pod is resized and no claim consumes the
//! node's own resources, all options give the same result. `docs/counting.md`.

use super::Requests;
use super::raw::{Amounts, ClaimStatus, Container, ContainerStatus, PodSpec, PodStatus};
use crate::facts::json::{Amount, Obj};
use crate::facts::quantity::Quantity;

/// Source of a container's amount; each falls back to the next.
#[derive(Clone, Copy)]
enum AmountSource {
    /// Resources that the container runs with now.
    Actuated,
    /// Resources that the kubelet has granted.
    Allocated,
    /// Requests of the spec.
    Spec,
}

/// Computes the pod's request of each resource, one resource after the other, so that no intermediate sums are stored.
pub(super) fn effective<'r>(spec: &'r PodSpec<'_>, status: &'r PodStatus<'_>) -> Requests<'r> {
    let mut pod = Pod { spec, status, infeasible: is_resize_infeasible(status), only_spec: false };
    // Without amounts in the status the three sums are equal.
    pod.only_spec = !pod.infeasible && !pod.has_status_amounts();
    let others = pod.other_names();
    let requested = others.into_iter().filter_map(|name| Some((name, pod.request_of(name)?)));
    Requests {
        others: requested.collect(),
        cpu: pod.request_of("cpu").unwrap_or_default(),
        memory: pod.request_of("memory").unwrap_or_default(),
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
        let of_pod = self.status.allocated.is_given() || self.status.resources.0.is_given();
        of_pod || self.statuses().any(|status| status.allocated.is_given() || status.resources.0.requests.is_given())
    }

    fn statuses(&self) -> impl Iterator<Item = &'r ContainerStatus<'a>> {
        self.status.containers.iter().chain(&*self.status.init_containers)
    }

    /// Sorted names in any of the amounts, except `cpu` and `memory`; most pods have none.
    fn other_names(&self) -> Vec<&'r str> {
        let specs = self.spec.containers.iter().chain(&*self.spec.init_containers);
        let of_specs = specs.flat_map(|container| {
            let Obj(resources) = &container.resources;
            resources.requests.names().chain(resources.limits.names())
        });
        let of_statuses = self.statuses().flat_map(|status| {
            let Obj(resources) = &status.resources;
            status.allocated.names().chain(resources.requests.names())
        });
        let of_claims = self
            .status
            .claims
            .0
            .iter()
            .flat_map(|Obj(claim)| claim.resources.names().chain(claim.consumed().map(|taken| &*taken.name)));
        let of_status = self.status.allocated.names().chain(self.status.resources.0.requests.names());
        let of_pod =
            self.spec.resources.0.requests.names().chain(self.spec.overhead.names()).chain(of_status).chain(of_claims);
        let mut names: Vec<&str> =
            of_specs.chain(of_statuses).chain(of_pod).filter(|name| !matches!(*name, "cpu" | "memory")).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Request of one resource; `None` if the pod does not name it.
    fn request_of(&self, name: &str) -> Option<Quantity> {
        let mut requested = self.total(AmountSource::Spec, name);
        if !self.only_spec {
            let most = larger(self.total(AmountSource::Actuated, name), self.total(AmountSource::Allocated, name));
            requested = if self.infeasible { most } else { larger(most, requested) };
        }
        if is_pod_level(name) {
            requested = self.pod_level(name).or(requested);
        }
        sum(requested, self.spec.overhead.get(name))
    }

    /// Request of the pod as a whole: the largest of spec and status, as in `effectivePodLevelResources`.
    fn pod_level(&self, name: &str) -> Option<Quantity> {
        let requested = &self.spec.resources.0.requests;
        if !requested.names().any(is_pod_level) {
            return None;
        }
        let Obj(actual) = &self.status.resources;
        if !actual.is_given() {
            return requested.get(name);
        }
        let spec = if self.infeasible { None } else { requested.get(name) };
        larger(spec, larger(actual.requests.get(name), self.status.allocated.get(name)))
    }

    /// Amounts that the kubelet reports for the pod as a whole. They include the claims, and count only if both are present.
    fn of_status(&self, source: AmountSource, name: &str) -> Option<&'r Amounts<'a>> {
        let (allocated, actuated) = (&self.status.allocated, &self.status.resources.0.requests);
        let both = allocated.is_given() && actuated.is_given();
        // They do not tell which container requests a resource that a claim provides.
        let usable =
            both && !self.status.extended_claim.0.requests.0.iter().any(|Obj(served)| *served.resource == *name);
        match source {
            AmountSource::Actuated if usable => Some(actuated),
            AmountSource::Allocated if usable => Some(allocated),
            _ => None,
        }
    }

    /// Larger of two sums: the running containers (apps and sidecars), and the peak while the init containers run in sequence.
    fn total(&self, source: AmountSource, name: &str) -> Option<Quantity> {
        if let Some(reported) = self.of_status(source, name) {
            return reported.get(name);
        }
        let of = |container| self.container_request(container, source, name);
        let mut running = self.spec.containers.iter().map(of).fold(None, sum);
        let (mut sidecars, mut peak) = (None, None);
        for container in &*self.spec.init_containers {
            let request = of(container);
            if container.is_sidecar() {
                running = sum(running, request);
                sidecars = sum(sidecars, request);
                peak = larger(peak, sidecars);
            } else {
                peak = larger(peak, sum(request, sidecars));
            }
        }
        sum(
            larger(running, peak),
            if matches!(source, AmountSource::Actuated) { None } else { self.claim_consumption(name) },
        )
    }

    /// Amount of the node's own resources that claims consume: once per claim, and once more per container that references it,
    /// init containers too (`addDRANodeAllocatableClaimResources`). Actuated amounts already include it.
    fn claim_consumption(&self, name: &str) -> Option<Quantity> {
        let of = |claim: &ClaimStatus<'_>| {
            let taken = claim.consumed().filter(|taken| *taken.name == *name);
            let taken =
                taken.map(|taken| claim.containers.0.iter().map(|_| known(taken.each)).fold(known(taken.once), sum));
            taken.fold(claim.resources.get(name), sum)
        };
        self.status.claims.0.iter().map(|Obj(claim)| of(claim)).fold(None, sum)
    }

    /// Returns `true` if a claim provides this resource: the device then counts there, not at the device plugin (docs/counting.md).
    fn is_provided_by_claim(&self, container: &Container<'_>, name: &str) -> bool {
        let mut requests = self.status.extended_claim.0.requests.0.iter();
        requests.any(|Obj(served)| *served.resource == *name && *served.container == *container.name)
    }

    fn container_request(&self, container: &Container<'_>, source: AmountSource, name: &str) -> Option<Quantity> {
        if self.is_provided_by_claim(container, name) {
            return None;
        }
        if matches!(source, AmountSource::Spec) {
            return spec_of(container, name);
        }
        let status = self.statuses().find(|status| *status.name == *container.name);
        let given = |amounts: &'r Amounts<'a>| amounts.is_given().then_some(amounts);
        let allocated = status.and_then(|status| given(&status.allocated));
        let reported = match source {
            AmountSource::Actuated => status.and_then(|status| given(&status.resources.0.requests)).or(allocated),
            AmountSource::Allocated | AmountSource::Spec => allocated,
        };
        match reported {
            Some(reported) => reported.get(name),
            None if self.infeasible => None,
            None => spec_of(container, name),
        }
    }
}

/// Request of a container in the spec. An extended resource may have only a limit: validation makes the two equal.
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

/// Mirrors `SupportedPodLevelResources` of component-helpers.
fn is_pod_level(name: &str) -> bool {
    matches!(name, "cpu" | "memory") || name.starts_with("hugepages-")
}

/// Mirrors `IsExtendedResourceName` of component-helpers `scheduling/corev1`: a name with a domain other than Kubernetes' own.
fn is_extended(name: &str) -> bool {
    name.contains('/') && !name.contains("kubernetes.io/") && !name.starts_with("requests.")
}

/// Returns `true` if the first `PodResizePending` condition has the reason `Infeasible`: the spec's requests will not take effect.
fn is_resize_infeasible(status: &PodStatus<'_>) -> bool {
    let pending = status.conditions.iter().find(|condition| &*condition.kind == "PodResizePending");
    pending.is_some_and(|condition| &*condition.reason == "Infeasible")
}

#[cfg(test)]
mod tests;
