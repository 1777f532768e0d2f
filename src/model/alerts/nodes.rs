//! Findings about nodes: one line each, or one for all if they are many; derived only when they can have changed.

use std::cmp::Ordering;

use super::evidence::Evidence;
use super::faults::{self, NodeFault, UnhealthyNode};
use super::{Finding, RULES, Rule, Severity};
use crate::facts::text::Clean;
use crate::model::known::Known;
use crate::model::rules::Evaluate;

/// If more nodes than this have the same fault, they become one line...
pub(super) const GROUP_OVER: usize = 5;
/// ...until there are this few again, so that the line does not split and form again, with notifications, for every node.
const GROUP_UNTIL: usize = 3;
/// Number of names in such a line.
const GROUP_NAMES: usize = 3;

/// Rules whose nodes are one line now, by [`Rule`].
pub(super) type Grouped = [bool; Rule::COUNT];

/// Findings about nodes, kept until one of their inputs changes: a cluster with unhealthy nodes that does not change costs as much as a
/// healthy one.
#[derive(Debug, Default)]
pub(super) struct NodeFindings {
    findings: Vec<Finding>,
    inputs: Option<NodeRuleInputs>,
    #[cfg(test)]
    derived: u64,
}

/// Inputs of the findings; the same inputs give the same findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct NodeRuleInputs {
    /// Revision of the nodes; below, of their histories and of the nodes that are full.
    nodes: u64,
    history: u64,
    density: u64,
    black_holes: u64,
    partial: bool,
    /// Pods and how well they are known, if devices are missing: the text names the pod that should bring them.
    pods: Option<(u64, Known<()>)>,
    grouped: Grouped,
    /// Minute of the wall clock: the texts contain times of day, with the date if it is not of the last hours.
    minute: i64,
}

impl NodeFindings {
    /// The findings, derived again if they can have changed.
    pub(super) fn update(&mut self, evidence: &Evidence<'_>, grouped: Grouped) -> &[Finding] {
        // The text of a flapping node changes with time.
        let moves = evidence.history.all_flapping().next().is_some();
        let inputs = (!moves).then(|| NodeRuleInputs {
            nodes: evidence.nodes.revision(),
            history: evidence.history.revision(),
            density: evidence.density.revision(),
            black_holes: evidence.black_holes.revision(),
            partial: evidence.is_partial(),
            pods: evidence.lacks_devices().then(|| (evidence.pods.revision(), evidence.pods_track.known(()))),
            grouped,
            minute: evidence.now.wall.as_second().div_euclid(60),
        });
        if inputs.is_none() || self.inputs != inputs {
            self.inputs = inputs;
            self.findings = derive(evidence, &grouped);
            #[cfg(test)]
            {
                self.derived += 1;
            }
        }
        &self.findings
    }

    /// Number of derivations.
    #[cfg(test)]
    pub(super) fn derived(&self) -> u64 {
        self.derived
    }
}

/// Evaluates the rules about nodes, in O(unhealthy nodes); only the lines that are shown become text.
fn derive(evidence: &Evidence<'_>, grouped: &Grouped) -> Vec<Finding> {
    let all_unknown = evidence.all_nodes_unknown();
    let mut faults = collect(evidence, all_unknown);
    let mut findings = Vec::new();
    if all_unknown {
        let total = evidence.nodes.sums().total;
        let text = format!("all {total} nodes Unknown: the control plane stopped hearing from any of them");
        findings.push(Finding::new(Rule::NodeUnknown, text));
    }
    let now = evidence.now.wall;
    let explained = faults.iter_mut().zip(&RULES).flat_map(|(faults, spec)| {
        faults.extract_if(.., |fault| fault.same_node.is_some()).map(|fault| fault.finding(spec.rule, now))
    });
    let explained: Vec<Finding> = explained.collect();
    // More than a few are left out: the rule that explains them then reports these nodes as one line.
    if explained.len() <= GROUP_OVER {
        findings.extend(explained);
    }
    for (faults, spec) in faults.iter_mut().zip(&RULES) {
        let limit = if grouped[spec.rule as usize] { GROUP_UNTIL } else { GROUP_OVER };
        if let (Some(plural), true) = (spec.evaluate.plural(), faults.len() > limit) {
            findings.push(group(spec.rule, faults::suspicion(faults).unwrap_or(plural), faults));
        } else {
            faults.sort_unstable_by(oldest);
            findings.extend(faults.iter().map(|fault| fault.finding(spec.rule, now)));
        }
    }
    findings
}

/// Nodes of an alert about many of them, each with the resource if the rule is about devices.
pub(in crate::model) fn nodes_of(rule: Rule, evidence: &Evidence<'_>) -> Vec<(Clean, Option<Clean>)> {
    let all_unknown = evidence.all_nodes_unknown();
    let faults = std::mem::take(&mut collect(evidence, all_unknown)[rule as usize]);
    if all_unknown && rule == Rule::NodeUnknown {
        // One alert is about all of them, whatever else is found.
        return evidence.nodes.unhealthy().map(|(node, _)| (node.facts.name.clone(), None)).collect();
    }
    // A node that another rule explains has an alert of its own, or is a part of that rule's.
    faults.iter().filter(|fault| fault.same_node.is_none()).map(NodeFault::node_and_resource).collect()
}

/// The faults of all nodes, by [`Rule`].
fn collect<'a>(evidence: &'a Evidence<'_>, all_unknown: bool) -> [Vec<NodeFault<'a>>; Rule::COUNT] {
    let mut faults = [const { Vec::new() }; Rule::COUNT];
    for (node, problems) in evidence.nodes.unhealthy() {
        let flapping = evidence.history.flapping(node.facts.uid);
        let node = UnhealthyNode { node, problems, flapping, all_unknown, pods: evidence.known_pods() };
        for (faults, spec) in faults.iter_mut().zip(&RULES) {
            if let (Evaluate::UnhealthyNode(_), Some(find)) = (spec.evaluate, faults::unhealthy_finder(spec.rule)) {
                find(&node, faults);
            }
        }
    }
    for (faults, spec) in faults.iter_mut().zip(&RULES) {
        if let (Evaluate::Nodes(_), Some(find)) = (spec.evaluate, faults::nodes_finder(spec.rule)) {
            *faults = find(evidence);
        }
    }
    faults
}

/// One finding for many nodes, the oldest first.
fn group(rule: Rule, plural: &str, faults: &mut [NodeFault<'_>]) -> Finding {
    faults.select_nth_unstable_by(GROUP_NAMES, oldest);
    faults[..GROUP_NAMES].sort_unstable_by(oldest);
    let names: Vec<&str> = faults[..GROUP_NAMES].iter().map(|fault| &**fault.name.as_ref()).collect();
    let rest = faults.len() - names.len();
    let text = format!("{} {plural}: {} and {rest} more", faults.len(), names.join(", "));
    Finding {
        severity: faults.iter().map(|fault| fault.severity).max().unwrap_or(Severity::Notice),
        since: faults.iter().filter_map(|fault| fault.since).min(),
        peak: faults.len() as u64,
        size: faults.len(),
        ..Finding::new(rule, text)
    }
}

fn oldest(a: &NodeFault<'_>, b: &NodeFault<'_>) -> Ordering {
    a.since.cmp(&b.since).then_with(|| a.name.cmp(&b.name))
}
