//! Nodes that are not Ready, and nodes whose devices are withdrawn or missing.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{CheckRun, StepFlow, span};
use crate::clock::wall;
use crate::cluster::call::Limits;
use crate::cluster::classify::one_line;
use crate::cluster::detail::field;
use crate::facts::node::{NodeFacts, Readiness};
use crate::facts::pod::{self, PodBatch};
use crate::facts::text::{Clean, counted};
use crate::msg::check::{CheckStep, StepOutcome};
use crate::msg::{CallKind, Resource};

/// Number of nodes that are named; the others are counted.
const NAMED: usize = 5;

impl CheckRun {
    /// Names the nodes that are not Ready, the latest first.
    pub(super) async fn nodes_ready(&mut self) -> StepFlow {
        let name = "nodes ready";
        if self.found.nodes.is_empty() {
            return self.report(CheckStep::new(name, StepOutcome::Skip, "no nodes could be read")).await;
        }
        let skew = SignedDuration::from_millis(self.found.skew_ms);
        let unready = unready(&self.found.nodes, wall().checked_sub(skew).unwrap_or_else(|_| wall()));
        let of = self.nodes_text();
        if unready.is_empty() {
            return self.report(CheckStep::new(name, StepOutcome::Ok, &format!("all {of} are Ready"))).await;
        }
        let text = format!("{} of {of} not Ready: {}", unready.len(), listed(&unready));
        let step = CheckStep::new(name, StepOutcome::Warn, &one_line(&text));
        self.report(step.next("look at the kubelets and the machines of these nodes")).await
    }

    /// Names the nodes whose devices are withdrawn or missing, each with what the pods on it tell of the cause.
    pub(super) async fn devices(&mut self) -> StepFlow {
        let name = "devices";
        if self.found.nodes.is_empty() {
            return self.report(CheckStep::new(name, StepOutcome::Skip, "no nodes could be read")).await;
        }
        let has_faults = |node: &&NodeFacts| !(self.find_device_faults)(node, None).is_empty();
        let short: Vec<NodeFacts> = self.found.nodes.iter().filter(has_faults).cloned().collect();
        let of = self.nodes_text();
        if short.is_empty() {
            let text = format!("none unhealthy or not registered on {of}");
            return self.report(CheckStep::new(name, StepOutcome::Ok, &text)).await;
        }
        let names: Vec<String> = short.iter().map(|node| node.name.to_string()).collect();
        let text = format!("unhealthy or not registered on {} of {of}: {}", short.len(), listed(&names));
        let step = CheckStep::new(name, StepOutcome::Warn, &one_line(&text));
        self.report(step.next("look at the devices of the nodes named below")).await?;
        // Pods of some namespaces do not tell why devices are missing.
        let mut readable = self.tuning.namespaces.is_empty();
        for node in short.into_iter().take(NAMED) {
            let pods = if readable { self.pods_of(&node.name).await } else { None };
            readable = pods.is_some();
            let faults = (self.find_device_faults)(&node, pods.as_ref());
            let text = faults.iter().map(Clean::as_str).collect::<Vec<_>>().join("; ");
            let step = CheckStep::new(&format!("devices {}", node.name), StepOutcome::Warn, &one_line(&text));
            self.report(step).await?;
        }
        Ok(())
    }

    /// The pods of a node; `None` if they cannot be read.
    async fn pods_of(&mut self, node: &str) -> Option<PodBatch> {
        let uri = format!("{}?limit=500&fieldSelector=spec.nodeName%3D{}", Resource::Pods.list_path(), field(node));
        let small = Limits::small(self.within(self.tuning.probe_deadline));
        let limits = Limits { bytes: self.tuning.page_bytes, ..small };
        let reply = self.request(CallKind::List(Resource::Pods), &uri, limits).await;
        let mut pods = PodBatch::default();
        let read = reply.result.is_ok() && pod::decode_list(&self.buf, &mut pods).is_ok();
        read.then_some(pods)
    }

    /// `104 nodes`, `500 nodes of the first page`.
    fn nodes_text(&self) -> String {
        let first = if self.found.more_nodes { " of the first page" } else { "" };
        format!("{}{first}", counted(self.found.nodes.len(), "node"))
    }
}

/// `a, b, c, d, e and 2 more`.
fn listed(names: &[String]) -> String {
    let first = names.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// Nodes that are not Ready, the latest first: `gpu-7 Unknown for 26 s (NodeStatusUnknown)`.
fn unready(nodes: &[NodeFacts], now: Timestamp) -> Vec<String> {
    let state = |node: &NodeFacts| {
        let (readiness, since) = node.readiness();
        let word = match readiness {
            Readiness::Ready => return None,
            Readiness::NotReady => "NotReady",
            Readiness::Unknown => "Unknown",
        };
        // A time in the future comes from the remaining clock skew.
        let ago = since.map(|since| Duration::try_from(now.duration_since(since)).unwrap_or_default());
        let ready = node.conditions.iter().find(|condition| &*condition.kind == "Ready");
        let reason = ready.map(|ready| &*ready.reason).filter(|reason| !reason.is_empty());
        let mut text = format!("{} {word}", node.name);
        text.extend(ago.map(|ago| format!(" for {}", span(ago))));
        text.extend(reason.map(|reason| format!(" ({reason})")));
        Some((ago.unwrap_or(Duration::MAX), text))
    };
    let mut found: Vec<(Duration, String)> = nodes.iter().filter_map(state).collect();
    found.sort();
    found.into_iter().map(|(_, text)| text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::node::{ConditionStatus, NodeCondition};

    fn node(name: &str, status: ConditionStatus, since: &str, reason: &str) -> NodeFacts {
        let [kind, reason] = ["Ready", reason].map(Clean::new);
        let ready = NodeCondition { kind, status, reason, since: since.parse().ok(), ..NodeCondition::default() };
        NodeFacts { name: name.into(), conditions: vec![ready], ..NodeFacts::default() }
    }

    #[test]
    fn nodes_that_are_not_ready_are_named_with_state_time_and_reason_the_latest_first() {
        let now: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let nodes = [
            node("old", ConditionStatus::False, "2026-11-23T07:50:00Z", "KubeletNotReady"),
            node("well", ConditionStatus::True, "2026-11-23T07:59:59Z", "KubeletReady"),
            node("lost", ConditionStatus::Unknown, "2026-11-23T07:59:34Z", "NodeStatusUnknown"),
            NodeFacts { name: "mute".into(), ..NodeFacts::default() },
        ];
        let expected =
            ["lost Unknown for 26 s (NodeStatusUnknown)", "old NotReady for 10m00s (KubeletNotReady)", "mute Unknown"];
        assert_eq!(unready(&nodes, now), expected);
    }

    #[test]
    fn many_names_are_cut_to_five() {
        let names: Vec<String> = (0..7).map(|at| format!("n{at}")).collect();
        assert_eq!(listed(&names[..5]), "n0, n1, n2, n3, n4");
        assert_eq!(listed(&names), "n0, n1, n2, n3, n4 and 2 more");
    }
}
