//! The table of rules against everything that follows from it: reasons, the configuration, the documentation.

use std::collections::BTreeSet;

use crate::model::alerts::*;

/// Keys of `[alerts]` that are about every alert.
const GENERAL: [&str; 2] = ["ack-expires", "silence-for"];

/// The keys of `[alerts]` in the embedded configuration, in their order.
fn config_keys() -> Vec<&'static str> {
    let section = include_str!("../../../../assets/config.toml").split("[alerts]").nth(1).unwrap();
    let lines = section.split("\n[").next().unwrap().lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(" = ").map(|(key, _)| key)).collect()
}

#[test]
fn each_row_stands_at_the_place_of_its_rule_and_has_a_reason_of_its_own() {
    for (index, spec) in RULES.iter().enumerate() {
        assert_eq!(spec.rule as usize, index, "{}", spec.reason);
        assert_eq!(format!("{:?}", spec.rule), spec.reason);
    }
    let reasons: BTreeSet<&str> = RULES.iter().map(|spec| spec.reason).collect();
    assert_eq!(reasons.len(), RULES.len());
}

#[test]
fn every_rule_has_the_function_that_its_row_asks_for() {
    for spec in &RULES {
        let has = match spec.evaluate {
            Evaluate::Clusters => spec.rule == Rule::ClustersUnreachable,
            Evaluate::Cluster => server::finder(spec.rule).is_some(),
            Evaluate::Lists => server::lists_finder(spec.rule).is_some(),
            Evaluate::UnhealthyNode(_) => faults::unhealthy_finder(spec.rule).is_some(),
            Evaluate::Nodes(_) => faults::nodes_finder(spec.rule).is_some(),
        };
        assert!(has, "{}: no function finds it", spec.reason);
    }
}

#[test]
fn every_key_of_the_configuration_moves_an_alert_and_every_threshold_has_a_key() {
    let declared: Vec<&str> = RULES.iter().flat_map(|spec| spec.thresholds).copied().chain(GENERAL).collect();
    let (declared_set, keys): (BTreeSet<&str>, BTreeSet<&str>) =
        (declared.iter().copied().collect(), config_keys().into_iter().collect());
    assert_eq!(declared_set, keys);
    assert_eq!(declared.len(), declared_set.len(), "each belongs to one alert");
}

#[test]
fn no_alert_inhibits_itself_by_way_of_others() {
    fn reaches(from: Rule, to: Rule, depth: usize) -> bool {
        let by = from.spec().inhibited_by.iter().filter_map(|inhibitor| match inhibitor {
            Inhibitor::Rule(rule) | Inhibitor::SameNode(rule) => Some(*rule),
            Inhibitor::Silence | Inhibitor::AllNodesUnknown => None,
        });
        by.into_iter().any(|rule| rule == to || (depth > 0 && reaches(rule, to, depth - 1)))
    }
    for spec in &RULES {
        assert!(!reaches(spec.rule, spec.rule, RULES.len()), "{}", spec.reason);
    }
}

/// The row of the documentation.
fn documented(spec: &RuleSpec) -> String {
    let subject = match spec.subject {
        AlertSubject::Clusters => "clusters",
        AlertSubject::Server => "server",
        AlertSubject::List => "list",
        AlertSubject::Node => "node",
        AlertSubject::Devices => "devices of a node",
    };
    let pending = (spec.pending)(&Settings::default());
    let pending = if pending.is_zero() { "at once".to_owned() } else { duration_text(pending) };
    let inhibited = spec.inhibited_by.iter().map(|inhibitor| match inhibitor {
        Inhibitor::Silence => "a silent server".to_owned(),
        Inhibitor::Rule(rule) => rule.reason().to_owned(),
        Inhibitor::SameNode(rule) => format!("{} of the node", rule.reason()),
        Inhibitor::AllNodesUnknown => "all nodes Unknown".to_owned(),
    });
    let inhibited: Vec<String> = inhibited.collect();
    let hits = match spec.hits {
        HitScope::None => "–",
        HitScope::Node => "pods of the node",
        HitScope::SomeOfNode | HitScope::Conditions => "up to all pods of the node",
        HitScope::Devices => "up to all pods that request them",
        HitScope::Cluster => "up to all pods",
    };
    let keys: Vec<String> = spec.thresholds.iter().map(|key| format!("`{key}`")).collect();
    let or_none = |list: Vec<String>| if list.is_empty() { "–".to_owned() } else { list.join(", ") };
    format!(
        "| {} | {} | {subject} | {pending} | {} | {hits} | {} |",
        spec.reason,
        spec.severity.name(),
        or_none(inhibited),
        or_none(keys)
    )
}

#[test]
fn the_documentation_lists_every_alert_as_the_table_declares_it() {
    let page = include_str!("../../../../docs/latency-and-alerts.md");
    let rows = page.lines().skip_while(|line| !line.starts_with("| Alert |")).skip(2);
    let rows: Vec<&str> = rows.take_while(|line| line.starts_with('|')).collect();
    let expected: Vec<String> = RULES.iter().map(documented).collect();
    assert_eq!(rows, expected, "the table should be:\n{}", expected.join("\n"));
}
