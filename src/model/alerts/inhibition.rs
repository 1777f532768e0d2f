//! Suppression of findings, as their rows of the table declare it.

use super::evidence::Evidence;
use super::server;
use super::{DataSource, Finding, Inhibitor, Rule, Suppression};

/// Marks findings that a worse alert explains, and those whose data is not current; the former takes precedence.
///
/// `in_outage` is `true` if [`Rule::ClustersUnreachable`] fires for several clusters including this one.
pub(super) fn suppress(findings: &mut [Finding], evidence: &Evidence<'_>, in_outage: bool) {
    let mut found = [false; Rule::COUNT];
    found[Rule::ClustersUnreachable as usize] = in_outage;
    for finding in &*findings {
        found[finding.rule as usize] = true;
    }
    for finding in findings {
        let spec = finding.rule.spec();
        let inhibited = spec.inhibited_by.iter().any(|inhibitor| match *inhibitor {
            Inhibitor::Silence => evidence.server.silent,
            Inhibitor::Rule(rule) => found[rule as usize],
            Inhibitor::SameNode(rule) => finding.same_node == Some(rule),
            Inhibitor::AllNodesUnknown => evidence.all_nodes_unknown(),
        });
        finding.suppression = match spec.source {
            _ if inhibited => Suppression::Inhibited,
            source if is_current(source, evidence) => Suppression::None,
            _ => Suppression::NoData,
        };
    }
}

fn is_current(source: DataSource, evidence: &Evidence<'_>) -> bool {
    match source {
        DataSource::Calls => true,
        DataSource::Probes => server::probes_are_current(evidence),
        DataSource::Nodes => evidence.nodes_current,
        DataSource::Pods => evidence.nodes_current && evidence.pods_current,
    }
}
