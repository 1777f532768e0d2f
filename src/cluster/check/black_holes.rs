//! Nodes that end the pods that they get: their failed pods of the last minutes, by node.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{CheckRun, StepFlow, span};
use crate::clock::wall;
use crate::cluster::call::Limits;
use crate::cluster::classify::one_line;
use crate::facts::pod::{Blame, FailedPod, FailedPodList};
use crate::facts::text::counted;
use crate::msg::check::{CheckStep, StepOutcome};
use crate::msg::{CallKind, Resource};

/// Pods that a node ended within the window from which it is named: the default of `black-hole` in `[alerts]`.
const ENOUGH: usize = 5;
/// Age up to which a failed pod counts.
const WINDOW: SignedDuration = SignedDuration::from_secs(300);
/// Number of nodes that are named.
const NAMED: usize = 5;

impl CheckRun {
    /// Names the nodes that rejected, or could not start, several pods of the last minutes.
    pub(super) async fn black_holes(&mut self) -> StepFlow {
        let name = "black holes";
        if !self.tuning.namespaces.is_empty() {
            let text = "only with the pods of all namespaces";
            return self.report(CheckStep::new(name, StepOutcome::Skip, text)).await;
        }
        let uri = format!("{}?limit=500&fieldSelector=status.phase%3DFailed", Resource::Pods.list_path());
        let small = Limits::small(self.within(self.tuning.probe_deadline));
        let limits = Limits { bytes: self.tuning.page_bytes, ..small };
        let reply = self.request(CallKind::List(Resource::Pods), &uri, limits).await;
        let mut list = FailedPodList::default();
        list.take(&self.buf);
        let Some((_, page)) = reply.result.ok().and_then(|_| list.end().ok()) else {
            return self.report(CheckStep::new(name, StepOutcome::Skip, "failed pods could not be read")).await;
        };
        let skew = SignedDuration::from_millis(self.found.skew_ms);
        let found = by_node(&page.pods, wall().checked_sub(skew).unwrap_or_else(|_| wall()));
        if found.is_empty() {
            let first = if page.more { ", the first page" } else { "" };
            let text = format!("no node ends what it gets ({}{first})", counted(page.pods.len(), "failed pod"));
            return self.report(CheckStep::new(name, StepOutcome::Ok, &text)).await;
        }
        let more = found.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {} more", counted(more, "node")) } else { String::new() };
        let named = found.into_iter().take(NAMED).collect::<Vec<_>>().join("; ");
        let step = CheckStep::new(name, StepOutcome::Warn, &one_line(&format!("{named}{more}")));
        self.report(step.next("cordon these nodes: what they end is replaced, and they get it again")).await
    }
}

/// Nodes that ended at least [`ENOUGH`] pods of the window, those with the most first:
/// `gpu-7 ended 12 pods in 5m00s: UnexpectedAdmissionError`.
fn by_node(pods: &[FailedPod], now: Timestamp) -> Vec<String> {
    let mut nodes: BTreeMap<&str, Vec<&FailedPod>> = BTreeMap::new();
    let is_recent = |pod: &&FailedPod| pod.created.is_some_and(|created| now.duration_since(created) <= WINDOW);
    for pod in pods.iter().filter(|pod| pod.blame == Blame::Node && !pod.node.is_empty()).filter(is_recent) {
        nodes.entry(&pod.node).or_default().push(pod);
    }
    nodes.retain(|_, pods| pods.len() >= ENOUGH);
    let mut nodes: Vec<(&str, Vec<&FailedPod>)> = nodes.into_iter().collect();
    nodes.sort_by_key(|(_, pods)| std::cmp::Reverse(pods.len()));
    nodes.into_iter().map(|(node, pods)| ending_text(node, &pods)).collect()
}

/// `gpu-7 ended 12 pods in 5m00s: UnexpectedAdmissionError`, with the reasons by name.
fn ending_text(node: &str, pods: &[&FailedPod]) -> String {
    let mut reasons: Vec<&str> = pods.iter().map(|pod| &*pod.reason).collect();
    reasons.sort_unstable();
    reasons.dedup();
    format!("{node} ended {} in {}: {}", counted(pods.len(), "pod"), span(WINDOW.unsigned_abs()), reasons.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::text::Clean;

    #[test]
    fn nodes_that_ended_five_pods_of_the_last_minutes_are_named() {
        let now: Timestamp = "2026-11-30T12:00:00Z".parse().unwrap();
        let pod = |node: &str, seconds: i64, blame| FailedPod {
            node: node.into(),
            created: now.checked_sub(SignedDuration::from_secs(seconds)).ok(),
            reason: Clean::new("UnexpectedAdmissionError"),
            blame,
            ..FailedPod::default()
        };
        let mut pods = vec![pod("old", 301, Blame::Node); 9];
        pods.extend(vec![pod("few", 10, Blame::Node); 4]);
        pods.extend(vec![pod("pods-fault", 10, Blame::Pod); 9]);
        pods.extend(vec![pod("five", 300, Blame::Node); 5]);
        pods.extend(vec![pod("seven", 1, Blame::Node); 7]);
        let expected = [
            "seven ended 7 pods in 5m00s: UnexpectedAdmissionError",
            "five ended 5 pods in 5m00s: UnexpectedAdmissionError",
        ];
        assert_eq!(by_node(&pods, now), expected);
    }
}
