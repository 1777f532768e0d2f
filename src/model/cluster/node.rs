//! One node in detail: its numbers, and notes from the optional APIs.

use std::time::Duration;

use super::{ClusterState, Liveness, NodeDetail};
use crate::facts::accelerator::Kind;
use crate::facts::lease::LeaseFacts;
use crate::facts::node::Readiness;
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::model::alerts::duration_text;
use crate::model::derive::dra::DraDevices;
use crate::model::derive::history::Transition;
use crate::model::derive::joined_node::JoinedNode;
use crate::model::derive::rows::ResourceRow;
use crate::model::derive::usage::Used;
use crate::model::store::nodes::amount;
use crate::model::store::objects::ObjectStore;
use crate::model::store::sync::Visibility;
use crate::model::time::{age_of, elapsed};
use crate::msg::Now;

/// The namespace of the kubelets' leases.
const LEASES: &str = "kube-node-lease";
/// `leaseDurationSeconds` as the kubelet sets it (kubelet `nodeLeaseDurationSeconds`).
const LEASE_SECONDS: u64 = 40;

impl ClusterState {
    /// A node in detail; `None` if it does not exist (any more).
    #[must_use]
    pub fn node(&self, name: &str, now: Now) -> Option<NodeDetail<'_>> {
        let node = self.nodes.by_name(name)?;
        let joined = JoinedNode { source: self.source(now), node };
        let transitions = self.history.transitions(node.facts.uid);
        Some(NodeDetail {
            facts: node.facts.unpack(),
            server_now: self.link.now(now),
            status: joined.status(),
            row: joined.row(true),
            resources: resources(&joined),
            accelerators: joined.accelerators(),
            device_chains: joined.device_chains(),
            pods: joined.pod_counts(),
            partial: self.tracks.partial(),
            unread_pods: self.tracks.pods.unread(),
            notes: self.notes(&joined, now),
            transitions: transitions.map(|change| (elapsed(change.at, now), transition_text(change))).collect(),
        })
    }

    /// Notes from the optional APIs about a node, and a note if not all of its pods are watched.
    fn notes(&self, joined: &JoinedNode<'_>, now: Now) -> Vec<(&'static str, Clean)> {
        let partial = self.tracks.partial().map(|partial| format!("requested is a lower bound: {}", partial.names()));
        let mut notes: Vec<_> = partial.map(|text| ("partial", Clean::new(&text))).into_iter().collect();
        notes.push(("usage", usage_note(self.usage.visible(), joined.used())));
        let dra = dra_notes(&self.optional.dra_visible(), self.devices.devices(&self.optional), joined.name());
        notes.extend(dra.into_iter().map(|text| ("dra", text)));
        notes.push(("lease", lease_note(&self.optional.leases, joined, now)));
        notes
    }
}

/// A line for each driver that has devices on the node, or why that is not known; nothing if it is known to have none.
fn dra_notes(visible: &Visibility, devices: Option<&DraDevices>, node: &str) -> Vec<Clean> {
    let known = devices.and_then(|devices| devices.nodes.get(node));
    let drivers = known.into_iter().flatten().map(|driver| Clean::new(&driver.to_string()));
    let reason = visible.reason().map(|reason| Clean::new(&hidden(&reason, visible)));
    let blind = devices.map_or(0, |devices| devices.blind_rules);
    let unknown = (blind > 0 && known.is_some()).then(|| {
        let rules = if blind == 1 { "taint rule" } else { "taint rules" };
        Clean::new(&format!("{blind} {rules} by expression, not evaluated"))
    });
    reason.into_iter().chain(drivers).chain(unknown).collect()
}

/// Reason why an optional API is not shown.
fn hidden(reason: &str, visible: &Visibility) -> String {
    match visible {
        Visibility::Absent => reason.to_owned(),
        _ => format!("not visible: {reason}"),
    }
}

/// Age of the kubelet's last heartbeat, and its meaning for a node that is not ready.
fn lease_note(leases: &ObjectStore<LeaseFacts>, joined: &JoinedNode<'_>, now: Now) -> Clean {
    if let Some(reason) = leases.visible().reason() {
        return Clean::new(&hidden(&reason, &leases.visible()));
    }
    let Some(liveness) = liveness(leases, joined, now) else { return Clean::new("no lease") };
    let Some(age) = liveness.age else { return Clean::new("no renewal time") };
    if let Some(outdated) = liveness.outdated {
        let text = format!(
            "last heartbeat {} ago, but leases last updated {} ago",
            duration_text(age),
            duration_text(outdated)
        );
        return Clean::new(&text);
    }
    let meaning = match (joined.node.readiness, liveness.silent) {
        (Readiness::Ready, false) | (Readiness::NotReady | Readiness::Unknown, true) => "",
        (Readiness::Ready, true) => ": kubelet silent, status not yet updated",
        (Readiness::NotReady, false) => ": kubelet alive, reports itself not ready",
        (Readiness::Unknown, false) => ": kubelet alive, status outdated",
    };
    Clean::new(&format!("last heartbeat {} ago{meaning}", duration_text(age)))
}

/// Liveness of a kubelet by its lease; `None` if leases are not visible, or the node has none.
pub(super) fn liveness(leases: &ObjectStore<LeaseFacts>, joined: &JoinedNode<'_>, now: Now) -> Option<Liveness> {
    if leases.visible() != Visibility::Visible {
        return None;
    }
    let lease = leases.get(&format!("{LEASES}/{}", joined.name()))?;
    let age = age_of(lease.renewed, joined.source.server_now);
    let limit = Duration::from_secs(lease.seconds.map_or(LEASE_SECONDS, u64::from));
    // Missing updates of all leases are not the kubelet's fault: its age counts as of the last update of any lease.
    let last_event = leases.age(now).unwrap_or_default();
    let silent = age.is_some_and(|age| age.saturating_sub(last_event) > limit);
    Some(Liveness { age, silent, outdated: (last_event > limit).then_some(last_event) })
}

/// `20s ago, 20s average`, or why there are no figures.
fn usage_note(visible: &Visibility, used: Option<Used>) -> Clean {
    let reason = match visible {
        Visibility::Unavailable(text) => Some(format!("metrics API unavailable ({text})")),
        visible => visible.reason().map(|reason| hidden(&reason, visible)),
    };
    let figures = match used {
        None => None,
        Some(Used { age: None, .. }) => Some("no metrics for this node".to_owned()),
        Some(Used { age: Some(age), window, .. }) => {
            let stale = if used.is_some_and(|used| used.is_stale()) { ", stale" } else { "" };
            let window = window.map(|window| format!(", {} average", duration_text(window))).unwrap_or_default();
            Some(format!("{} ago{stale}{window}", duration_text(age)))
        }
    };
    Clean::new(&[reason, figures].into_iter().flatten().collect::<Vec<_>>().join("; "))
}

/// Every resource that the node names: cpu, memory and pods first, then accelerators, then by name.
fn resources<'a>(joined: &JoinedNode<'a>) -> Vec<ResourceRow<'a>> {
    let facts = &joined.node.facts;
    let allocatable = facts.effective_allocatable();
    let mut names: Vec<&str> = facts.capacity.iter().chain(allocatable).map(|(name, _)| &**name).collect();
    names.extend(joined.node.devices.iter().map(|devices| &*devices.resource));
    names.extend(joined.unannounced().map(|(resource, _, _)| resource));
    names.sort_unstable_by_key(|name| {
        let first = ["cpu", "memory", "pods"].iter().position(|known| known == name).unwrap_or(3);
        let accelerator = joined.source.accelerators.classify_on(name, facts).is_none_or(|kind| kind == Kind::Aux);
        (first, accelerator, *name)
    });
    names.dedup();
    let used = joined.used();
    let rows = names.into_iter().map(|name| {
        let unit = if name == "cpu" { Quantity::milli } else { Quantity::value };
        ResourceRow {
            name,
            requested: match name {
                "pods" => joined.pods().map(i64::from),
                _ => joined.requested(name).map(unit),
            },
            used: match name {
                "cpu" => used.and_then(|used| used.cpu_milli),
                "memory" => used.and_then(|used| used.memory_bytes),
                _ => None,
            },
            allocatable: amount(allocatable, name).map(unit),
            capacity: amount(&facts.capacity, name).map(unit),
        }
    });
    rows.collect()
}

/// `Ready False (KubeletNotReady)`.
fn transition_text(change: &Transition) -> Clean {
    let status = match change.to {
        Readiness::Ready => "True",
        Readiness::NotReady => "False",
        Readiness::Unknown => "Unknown",
    };
    let missed = if change.missed { ", changed while unseen" } else { "" };
    match &*change.reason {
        "" => Clean::new(&format!("Ready {status}{missed}")),
        reason => Clean::new(&format!("Ready {status} ({reason}{missed})")),
    }
}
