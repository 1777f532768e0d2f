//! The opened node: its detail.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{ClusterState, Liveness, NodeDetail};
use crate::facts::accelerator::Kind;
use crate::facts::node::Readiness;
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::model::alert::span;
use crate::model::elapsed;
use crate::model::history::Transition;
use crate::model::inspection::Inspected;
use crate::model::nodes::amount;
use crate::model::optional::Visibility;
use crate::model::rows::lens::Lens;
use crate::model::rows::{ResourceRow, Used, age_of};
use crate::msg::Now;

/// A skew below this is the resolution of the `Date` header (±1 s), not a wrong clock.
const SKEW_COUNTS_FROM_MS: i64 = 2_000;

/// The namespace of the kubelets' leases.
const LEASES: &str = "kube-node-lease";
/// `leaseDurationSeconds` as the kubelet sets it (kubelet `nodeLeaseDurationSeconds`).
const LEASE_SECONDS: u64 = 40;

impl ClusterState {
    /// A node with everything that is known of it; `None` if it is not there (any more).
    #[must_use]
    pub fn node(&self, name: &str, now: Now) -> Option<NodeDetail<'_>> {
        let node = self.nodes.by_name(name)?;
        let lens = Lens { source: self.source(now), node };
        let transitions = self.history.transitions(node.facts.uid);
        Some(NodeDetail {
            facts: node.facts.unpack(),
            server_now: self.server_now(now),
            status: lens.status(),
            row: lens.row(true),
            resources: resources(&lens),
            accelerators: lens.accelerators(),
            pods: lens.pod_counts(),
            partial: self.partial(),
            unread_pods: self.unread_pods(),
            notes: self.notes(&lens, now),
            transitions: transitions.map(|change| (elapsed(change.at, now), spell(change))).collect(),
        })
    }

    /// Lines that the other parts of the opened node have, for scrolling.
    pub(crate) fn pane_lines(&self, name: &str, pane: crate::model::NodePane, now: Now) -> usize {
        use crate::model::NodePane::{Conditions, Events, Labels, Pods, Resources};
        let Some(detail) = self.node(name, now) else { return 0 };
        match pane {
            Pods => self.pod_extent().len,
            Events => self.inspected.as_ref().and_then(Inspected::events).map_or(0, |(events, _)| events.len()),
            Conditions => detail.facts.conditions.len() + detail.transitions.len(),
            Resources => detail.resources.len() + detail.notes.len(),
            // System information, pods, roles, and a heading for each part.
            Labels => detail.facts.taints.len() + detail.facts.labels.len() + detail.accelerators.len() + 11,
        }
    }

    /// What APIs that a cluster need not have say of a node, and that its pods are not all watched.
    fn notes(&self, lens: &Lens<'_>, now: Now) -> Vec<(&'static str, Clean)> {
        let partial = self.partial().map(|partial| format!("requested is a lower bound: {}", partial.names()));
        let mut notes: Vec<_> = partial.map(|text| ("partial", Clean::new(&text))).into_iter().collect();
        notes.push(("usage", self.usage_note(lens.used())));
        notes.extend(self.dra_notes(lens.name()).into_iter().map(|text| ("dra", text)));
        notes.push(("lease", self.lease_note(lens, now)));
        notes
    }

    /// A line for each driver that has devices on the node, or why that is not known; nothing if it is known to have none.
    fn dra_notes(&self, node: &str) -> Vec<Clean> {
        let visible = self.optional.dra_visible();
        let known = self.optional.devices().and_then(|devices| devices.nodes.get(node));
        let drivers = known.into_iter().flatten().map(|driver| Clean::new(&driver.to_string()));
        let reason = visible.reason().map(|reason| Clean::new(&format!("not visible: {reason}")));
        let blind = self.optional.devices().map_or(0, |devices| devices.blind_rules);
        let unknown = (blind > 0 && known.is_some()).then(|| {
            let rules = if blind == 1 { "taint rule" } else { "taint rules" };
            Clean::new(&format!("{blind} {rules} by expression, not evaluated"))
        });
        reason.into_iter().chain(drivers).chain(unknown).collect()
    }

    /// How long ago the kubelet gave a sign of life, and what that says of a node that is not ready.
    fn lease_note(&self, lens: &Lens<'_>, now: Now) -> Clean {
        if let Some(reason) = self.optional.leases.visible().reason() {
            return Clean::new(&format!("not visible: {reason}"));
        }
        let Some(liveness) = self.liveness(lens, now) else { return Clean::new("this node has none") };
        let Some(age) = liveness.age else { return Clean::new("without a time of renewal") };
        if let Some(unheard) = liveness.unheard {
            let text = format!("renewed {} ago, but leases were last heard of {} ago", span(age), span(unheard));
            return Clean::new(&text);
        }
        let meaning = match (lens.node.readiness, liveness.silent) {
            (Readiness::Ready, false) => "",
            (Readiness::Ready, true) => ": the kubelet is silent, the status is not yet changed",
            (Readiness::NotReady, false) => ": the kubelet is alive and says that it is not ready",
            (Readiness::Unknown, false) => ": the kubelet is alive, its status is old",
            (Readiness::NotReady | Readiness::Unknown, true) => ": the kubelet is silent",
        };
        Clean::new(&format!("renewed {} ago{meaning}", span(age)))
    }

    /// What the lease of a node says; `None` if leases are not seen, or the node has none.
    pub(super) fn liveness(&self, lens: &Lens<'_>, now: Now) -> Option<Liveness> {
        let leases = Some(&self.optional.leases).filter(|leases| leases.visible() == Visibility::Visible)?;
        let lease = leases.get(&format!("{LEASES}/{}", lens.name()))?;
        let age = age_of(lease.renewed, lens.source.server_now);
        let limit = Duration::from_secs(lease.seconds.map_or(LEASE_SECONDS, u64::from));
        // Our own silence is not the kubelet's: what counts is how old the lease was when we last heard of any.
        let heard = leases.age(now).unwrap_or_default();
        let silent = age.is_some_and(|age| age.saturating_sub(heard) > limit);
        Some(Liveness { age, silent, unheard: (heard > limit).then_some(heard) })
    }

    /// `20s old, an average over 20s`, or why there are no figures.
    fn usage_note(&self, used: Option<Used>) -> Clean {
        let reason = match self.usage.visible() {
            Visibility::Unavailable(text) => Some(format!("metrics API unavailable ({text})")),
            visible => visible.reason().map(|reason| format!("not visible: {reason}")),
        };
        let figures = match used {
            None => None,
            Some(Used { age: None, .. }) => Some("<unknown>: no figures of this node".to_owned()),
            Some(Used { age: Some(age), window, .. }) => {
                let stale = if used.is_some_and(|used| used.is_stale()) { ", stale" } else { "" };
                let window = window.map(|window| format!(", an average over {}", span(window))).unwrap_or_default();
                Some(format!("{} old{stale}{window}", span(age)))
            }
        };
        Clean::new(&[reason, figures].into_iter().flatten().collect::<Vec<_>>().join("; "))
    }

    /// Now by the server's clock (F66).
    #[must_use]
    pub fn server_now(&self, now: Now) -> Timestamp {
        match self.link.skew_ms {
            Some(skew) if skew.abs() >= SKEW_COUNTS_FROM_MS => {
                now.wall.checked_sub(SignedDuration::from_millis(skew)).unwrap_or(now.wall)
            }
            _ => now.wall,
        }
    }
}

/// Every resource that the node names: cpu, memory and pods first, then accelerators, then by name.
fn resources<'a>(lens: &Lens<'a>) -> Vec<ResourceRow<'a>> {
    let facts = &lens.node.facts;
    let allocatable = facts.effective_allocatable();
    let mut names: Vec<&str> = facts.capacity.iter().chain(allocatable).map(|(name, _)| &**name).collect();
    names.extend(lens.node.devices.iter().map(|devices| &*devices.resource));
    names.extend(lens.unannounced().map(|(resource, _, _)| resource));
    names.sort_unstable_by_key(|name| {
        let first = ["cpu", "memory", "pods"].iter().position(|known| known == name).unwrap_or(3);
        let accelerator = lens.source.accelerators.classify_on(name, facts).is_none_or(|kind| kind == Kind::Aux);
        (first, accelerator, *name)
    });
    names.dedup();
    let used = lens.used();
    let rows = names.into_iter().map(|name| {
        let unit = if name == "cpu" { Quantity::milli } else { Quantity::value };
        ResourceRow {
            name,
            requested: match name {
                "pods" => lens.pods().map(i64::from),
                _ => lens.requested(name).map(unit),
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
fn spell(change: &Transition) -> Clean {
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
