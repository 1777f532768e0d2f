//! Filters of the scheduler that nodes and requests decide.
//!
//! Sources: kubernetes v1.34.1 `pkg/scheduler/framework/plugins` (`nodeunschedulable`, `tainttoleration`, `nodeaffinity`,
//! `noderesources/fit.go`), `k8s.io/component-helpers` `scheduling/corev1`, `k8s.io/apimachinery` `pkg/labels/selector.go`.

use super::{CauseKind, PlacementCause, Shortage};
use crate::facts::accelerator::{AcceleratorTable, Kind};
use crate::facts::node::{NodeTaint, Readiness};
use crate::facts::pod::{NodeRequirement, NodeSelectorTerm, NotEvaluated, PodConstraints, PodFacts, Toleration};
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::model::derive::fit;
use crate::model::store::nodes::{Node, amount};
use crate::model::store::optional::OptionalApis;
use crate::model::store::pods::PodStore;

/// Taint of a cordoned node; the scheduler checks its toleration for `spec.unschedulable` too.
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// Taints that the node lifecycle controller puts on a node whose Ready is `False` or `Unknown`.
const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// Field of `matchFields`; upstream knows no other.
const NAME: &str = "metadata.name";

/// Prefix of the resource by which pods request devices of a class (`ResourceDeviceClassPrefix`, api `resource/v1`).
const DEVICE_CLASS: &str = "deviceclass.resource.kubernetes.io/";

/// A pod that waits, prepared for the evaluation of many nodes.
#[derive(Debug)]
pub(super) struct WaitingPod {
    constraints: PodConstraints,
    /// Requested amounts, in the order in which they are counted.
    requests: Vec<Request>,
    /// Names of the only nodes that required affinity permits, if each term names some.
    named_nodes: Option<Vec<Clean>>,
}

/// Requested amount of one resource.
#[derive(Debug)]
struct Request {
    kind: CauseKind,
    name: Clean,
    /// Thousandths of a core, else whole units, rounded up as upstream does.
    amount: i64,
    /// A `DeviceClass` serves the resource: a node without it is decided by dynamic resource allocation.
    has_class: bool,
}

impl WaitingPod {
    pub(super) fn new(
        pod: &PodFacts<'_>,
        constraints: &PodConstraints,
        table: &AcceleratorTable,
        optional: &OptionalApis,
    ) -> Self {
        let classes = optional.bridges();
        let request = |name: &str, quantity: Quantity| {
            let amount = units(name, quantity);
            let has_class = name.starts_with(DEVICE_CLASS) || classes.iter().any(|(resource, _)| **resource == *name);
            let request = Request { kind: kind(name, table), name: Clean::new(name), amount, has_class };
            (amount > 0 && is_checked(name)).then_some(request)
        };
        let named = [("cpu", pod.requests.cpu), ("memory", pod.requests.memory)];
        let all = named.into_iter().chain(pod.requests.others.iter().copied());
        let mut requests: Vec<Request> = all.filter_map(|(name, quantity)| request(name, quantity)).collect();
        requests.push(Request { kind: CauseKind::PodSlots, name: Clean::new("pods"), amount: 1, has_class: false });
        requests.sort_by_key(|request| request.kind);
        let named_nodes = constraints.affinity.as_deref().and_then(named_nodes);
        let mut constraints = constraints.clone();
        // A term that upstream cannot parse, or that is empty, matches no node; the others still count.
        if let Some(terms) = &mut constraints.affinity {
            terms.retain(is_valid);
        }
        Self { constraints, requests, named_nodes }
    }

    /// Constraints that are not evaluated.
    pub(super) fn not_evaluated(&self) -> Vec<NotEvaluated> {
        let mut constraints = self.constraints.not_evaluated.clone();
        if self.requests.iter().any(|request| request.has_class) && !constraints.contains(&NotEvaluated::ResourceClaims)
        {
            constraints.push(NotEvaluated::ResourceClaims);
        }
        constraints
    }

    /// Passes each cause by which the node does not take the pod to `refuse`, in the order of evaluation.
    pub(super) fn refused_by(&self, node: &Node, pods: &PodStore, mut refuse: impl FnMut(&dyn Fn() -> PlacementCause)) {
        let facts = &node.facts;
        // The scheduler leaves these nodes out before any filter runs.
        let is_left_out = self.named_nodes.as_ref().is_some_and(|names| !names.contains(&facts.name));
        if is_left_out {
            refuse(&|| PlacementCause::of(CauseKind::Affinity));
        }
        let is_hard = |taint: &&NodeTaint| matches!(&*taint.effect, "NoSchedule" | "NoExecute");
        let mut taints: Vec<&NodeTaint> = facts.taints.iter().filter(is_hard).collect();
        let condition = match node.readiness {
            Readiness::Ready => None,
            Readiness::NotReady => Some(NOT_READY),
            Readiness::Unknown => Some(UNREACHABLE),
        };
        if condition.is_some_and(|key| !self.tolerates(&no_schedule(key))) {
            refuse(&|| PlacementCause::of(CauseKind::NotReady));
            taints.retain(|taint| !matches!(&*taint.key, NOT_READY | UNREACHABLE));
        }
        let cordoned = facts.unschedulable || taints.iter().any(|taint| &*taint.key == UNSCHEDULABLE);
        if cordoned && !self.tolerates(&no_schedule(UNSCHEDULABLE)) {
            refuse(&|| PlacementCause::of(CauseKind::Cordoned));
            taints.retain(|taint| &*taint.key != UNSCHEDULABLE);
        }
        for taint in taints.into_iter().filter(|taint| !self.tolerates(taint)) {
            refuse(&|| PlacementCause { name: named(taint), ..PlacementCause::of(CauseKind::Taints) });
        }
        let has = |(key, value): &(Clean, Clean)| facts.label(key) == Some(value);
        if !self.constraints.node_selector.iter().all(has) {
            refuse(&|| PlacementCause::of(CauseKind::Selector));
        }
        if !is_left_out
            && self.constraints.affinity.as_ref().is_some_and(|terms| !terms.iter().any(|term| matches(term, node)))
        {
            refuse(&|| PlacementCause::of(CauseKind::Affinity));
        }
        self.lacking(node, pods, refuse);
    }

    /// `NodeResourcesFit`: passes each resource of which the node has not enough left.
    fn lacking(&self, node: &Node, pods: &PodStore, mut refuse: impl FnMut(&dyn Fn() -> PlacementCause)) {
        let facts = &node.facts;
        let totals = pods.node(&facts.name);
        for request in &self.requests {
            let Request { kind, ref name, amount: requested, has_class } = *request;
            let allocatable = amount(&facts.allocatable, name).map_or(0, |quantity| units(name, quantity));
            if has_class && allocatable <= 0 {
                continue;
            }
            let held = match (kind, totals) {
                (_, None) => 0,
                (CauseKind::PodSlots, Some(totals)) => i64::from(totals.pods),
                (_, Some(totals)) => units(name, pods.requested_of(totals, name)),
            };
            if requested > fit::free(allocatable, held) {
                let shortage = Some(match allocatable {
                    ..=0 => Shortage::Absent,
                    there if requested > there => Shortage::TooSmall,
                    _ => Shortage::Held,
                });
                refuse(&|| PlacementCause { kind, name: name.clone(), shortage });
            }
        }
    }

    fn tolerates(&self, taint: &NodeTaint) -> bool {
        self.constraints.tolerations.iter().any(|toleration| tolerates(toleration, taint))
    }
}

/// Names of the only nodes that these terms permit, which is how a `DaemonSet` places its pods; `None` if a term names none
/// (`NodeAffinity.PreFilter`).
fn named_nodes(terms: &[NodeSelectorTerm]) -> Option<Vec<Clean>> {
    let is_name = |field: &&NodeRequirement| &*field.key == NAME && &*field.operator == "In";
    let of_term = |term: &NodeSelectorTerm| {
        let mut named = term.fields.iter().filter(is_name).map(|field| field.values.clone());
        let first = named.next()?;
        // All requirements of a term hold together.
        Some(named.fold(first, |names, other| names.into_iter().filter(|name| other.contains(name)).collect()))
    };
    let names: Option<Vec<Vec<Clean>>> = terms.iter().map(of_term).collect();
    names.filter(|terms| !terms.is_empty()).map(|terms| terms.concat())
}

impl PlacementCause {
    fn of(kind: CauseKind) -> Self {
        Self { kind, name: Clean::default(), shortage: None }
    }
}

/// `Toleration.ToleratesTaint`, api `core/v1/toleration.go`. `Lt` and `Gt` match nothing: they need a gate that is off (1.36).
fn tolerates(toleration: &Toleration, taint: &NodeTaint) -> bool {
    let Toleration { key, operator, value, effect } = toleration;
    let same = |ours: &Clean, theirs: &Clean| ours.is_empty() || ours == theirs;
    same(effect, &taint.effect)
        && same(key, &taint.key)
        && match &**operator {
            "" | "Equal" => *value == taint.value,
            "Exists" => true,
            _ => false,
        }
}

/// Taint of a controller.
fn no_schedule(key: &str) -> NodeTaint {
    NodeTaint { key: Clean::new(key), value: Clean::default(), effect: Clean::new("NoSchedule") }
}

/// `key=value:effect`, without `=` if there is no value, as kubectl prints it.
fn named(taint: &NodeTaint) -> Clean {
    let NodeTaint { key, value, effect } = taint;
    Clean::new(&if value.is_empty() { format!("{key}:{effect}") } else { format!("{key}={value}:{effect}") })
}

fn matches(term: &NodeSelectorTerm, node: &Node) -> bool {
    let label = |requirement: &NodeRequirement| is_met(requirement, node.facts.label(&requirement.key));
    let field = |requirement: &NodeRequirement| {
        is_met(requirement, (&*requirement.key == NAME).then_some(&node.facts.name).or(Some(&Clean::default())))
    };
    term.labels.iter().all(label) && term.fields.iter().all(field)
}

/// `Requirement.Matches`, apimachinery `pkg/labels/selector.go`.
fn is_met(requirement: &NodeRequirement, value: Option<&Clean>) -> bool {
    let NodeRequirement { operator, values, .. } = requirement;
    let compare = |holds: fn(i64, i64) -> bool| match (value.and_then(|value| integer(value)), &**values) {
        (Some(ours), [bound]) => integer(bound).is_some_and(|bound| holds(ours, bound)),
        _ => false,
    };
    match &**operator {
        "In" => value.is_some_and(|value| values.contains(value)),
        "NotIn" => value.is_none_or(|value| !values.contains(value)),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => compare(|ours, bound| ours > bound),
        "Lt" => compare(|ours, bound| ours < bound),
        _ => false,
    }
}

/// Returns `true` if upstream can parse a term (`NewRequirement`, `nodeSelectorRequirementsAsFieldSelector`) and it is not empty.
fn is_valid(term: &NodeSelectorTerm) -> bool {
    let label = |NodeRequirement { key, operator, values }: &NodeRequirement| {
        let counts = match &**operator {
            "In" | "NotIn" => !values.is_empty(),
            "Exists" | "DoesNotExist" => values.is_empty(),
            "Gt" | "Lt" => values.len() == 1 && integer(&values[0]).is_some(),
            _ => false,
        };
        counts && is_label_key(key) && values.iter().all(|value| value.is_empty() || is_label_name(value))
    };
    let field = |NodeRequirement { operator, values, .. }: &NodeRequirement| {
        matches!(&**operator, "In" | "NotIn") && values.len() == 1
    };
    let is_empty = term.labels.is_empty() && term.fields.is_empty();
    !is_empty && term.labels.iter().all(label) && term.fields.iter().all(field)
}

/// `strconv.ParseInt(text, 10, 64)`.
fn integer(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// `IsQualifiedName`, apimachinery `pkg/util/validation`: a name, after an optional DNS subdomain and a slash.
fn is_label_key(key: &str) -> bool {
    let Some((prefix, name)) = key.split_once('/') else { return is_label_name(key) };
    let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let part = |part: &str| {
        let ends = [part.bytes().next(), part.bytes().last()];
        ends.into_iter().all(|end| end.is_some_and(lower)) && part.bytes().all(|byte| lower(byte) || byte == b'-')
    };
    prefix.len() <= 253 && prefix.split('.').all(part) && is_label_name(name)
}

/// A label value that is not empty, or the name part of a key: at most 63 letters, digits, `-`, `_` and `.`, the first and the
/// last a letter or a digit.
fn is_label_name(name: &str) -> bool {
    let ends = [name.bytes().next(), name.bytes().last()];
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    name.len() <= 63
        && ends.into_iter().all(|end| end.is_some_and(|byte| byte.is_ascii_alphanumeric()))
        && name.bytes().all(inner)
}

/// Amount in the unit that upstream compares: `MilliValue` of `cpu`, `Value` of everything else.
fn units(name: &str, quantity: Quantity) -> i64 {
    if name == "cpu" { quantity.milli() } else { quantity.value() }
}

fn kind(name: &str, table: &AcceleratorTable) -> CauseKind {
    match name {
        "cpu" => CauseKind::Cpu,
        "memory" => CauseKind::Memory,
        name if table.classify(name).is_some_and(|kind| kind != Kind::Aux) => CauseKind::Accelerators,
        _ => CauseKind::OtherResources,
    }
}

/// Returns `true` if the scheduler looks at the resource (`IsScalarResourceName`, kubernetes `pkg/scheduler/util/utils.go`).
fn is_checked(name: &str) -> bool {
    matches!(name, "cpu" | "memory" | "ephemeral-storage")
        || name.contains('/')
        || name.starts_with("hugepages-")
        || name.starts_with("attachable-volumes-")
}
