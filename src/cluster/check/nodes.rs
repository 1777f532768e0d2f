//! Nodes whose Ready condition changed recently, with the events about them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{CheckRun, StepFlow, span};
use crate::clock::wall;
use crate::cluster::classify::one_line;
use crate::facts::event;
use crate::facts::node::{NodeFacts, Readiness};
use crate::facts::text::counted;
use crate::msg::check::{CheckStep, StepOutcome};
use crate::resource::{CLUSTER_EVENTS_NAMESPACE, EVENTS};

/// 15 min: kubernetes-mixin, `KubeNodeReadinessFlapping`.
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Reasons of events that report a change of Ready, by the node controller and by the kubelet.
const CHANGES: [&str; 2] = ["NodeNotReady", "NodeReady"];
/// Number of nodes that are shown with their events; the others are counted.
const SHOWN: usize = 5;

impl CheckRun {
    pub(super) async fn ready_changes(&mut self) -> StepFlow {
        let name = "ready changes";
        if self.found.nodes.is_empty() {
            return self.report(CheckStep::new(name, StepOutcome::Skip, "no nodes could be read")).await;
        }
        let skew = SignedDuration::from_millis(self.found.skew_ms);
        let now = wall().checked_sub(skew).unwrap_or_else(|_| wall());
        let changed = changed(&self.found.nodes, now);
        let (nodes, count) = (self.found.nodes.len(), changed.len());
        let first = if self.found.more_nodes { " of the first page" } else { "" };
        let text =
            format!("{count} of {}{first} changed their Ready condition in the last 15 min", counted(nodes, "node"));
        let source = "the window of kubernetes-mixin KubeNodeReadinessFlapping";
        let step = match count {
            0 => CheckStep::new(name, StepOutcome::Ok, &text),
            _ => CheckStep::new(name, StepOutcome::Warn, &text).next("look at the nodes named below"),
        };
        self.report(step.limit("15 min", source)).await?;
        for (node, readiness, ago) in changed.into_iter().take(SHOWN) {
            let state = match readiness {
                Readiness::Ready => "Ready",
                Readiness::NotReady => "NotReady",
                Readiness::Unknown => "Unknown",
            };
            let events = self.events(&node).await;
            let text = format!("{state} since {}; {events}", span(ago));
            self.report(CheckStep::new(&format!("node {node}"), StepOutcome::Warn, &one_line(&text))).await?;
        }
        Ok(())
    }

    /// Events about a node: its conditions show the last change only.
    async fn events(&mut self, node: &str) -> String {
        let selector = format!("regarding.kind=Node,regarding.name={node}");
        let selector = utf8_percent_encode(&selector, NON_ALPHANUMERIC);
        // The group that the dashboard reads and that the printed role grants.
        let events = EVENTS.best_path_in(CLUSTER_EVENTS_NAMESPACE);
        let reply = self.get(&format!("{events}?limit=50&fieldSelector={selector}")).await;
        match reply.result {
            Ok(_) => event_summary(&self.buf).unwrap_or_else(|| "no events".to_owned()),
            Err(error) => format!("events: {}", error.text),
        }
    }
}

/// Nodes whose Ready condition changed within the window, latest first. A node younger than the window has only become
/// ready, which is no change.
fn changed(nodes: &[NodeFacts], now: Timestamp) -> Vec<(String, Readiness, Duration)> {
    let recent = |at: Option<Timestamp>| {
        let ago = now.duration_since(at?);
        // A time in the future comes from the remaining clock skew.
        let ago = Duration::try_from(ago).unwrap_or_default();
        (ago < WINDOW).then_some(ago)
    };
    let mut changed: Vec<_> = nodes
        .iter()
        .filter_map(|node| {
            let (readiness, since) = node.readiness();
            let young = recent(node.created).is_some() && readiness == Readiness::Ready;
            recent(since).filter(|_| !young).map(|ago| (node.name.to_string(), readiness, ago))
        })
        .collect();
    changed.sort_by_key(|(_, _, ago)| *ago);
    changed
}

/// `NodeNotReady ×3, NodeReady ×2; last NodeNotReady: Node a status is now: NodeNotReady`. An API server keeps events for an
/// hour (`--event-ttl`), so the counts are those of that hour.
fn event_summary(body: &[u8]) -> Option<String> {
    let events = event::decode_page(body).ok()?.events;
    let latest = events.iter().max_by_key(|event| event.last)?;
    let mut changes: Vec<(&str, u32)> = Vec::new();
    for event in events.iter().filter(|event| CHANGES.contains(&event.reason.as_str())) {
        match changes.iter_mut().find(|(reason, _)| *reason == &*event.reason) {
            Some((_, count)) => *count = count.saturating_add(event.count),
            None => changes.push((&event.reason, event.count)),
        }
    }
    changes.sort_by_key(|(reason, count)| (std::cmp::Reverse(*count), *reason));
    let often: Vec<String> = changes.iter().map(|(reason, count)| format!("{reason} ×{count}")).collect();
    let often = if often.is_empty() { String::new() } else { format!("{}; ", often.join(", ")) };
    Some(format!("{often}last {}: {}", latest.reason, latest.note))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::node::{ConditionStatus, NodeCondition};

    fn node(name: &str, created: &str, status: ConditionStatus, since: &str) -> NodeFacts {
        let ready =
            NodeCondition { kind: "Ready".into(), status, since: since.parse().ok(), ..NodeCondition::default() };
        NodeFacts { name: name.into(), created: created.parse().ok(), conditions: vec![ready], ..NodeFacts::default() }
    }

    #[test]
    fn only_nodes_that_changed_within_the_window_are_named_latest_first() {
        let now: Timestamp = "2026-11-23T08:00:00Z".parse().unwrap();
        let old = "2026-01-01T00:00:00Z";
        let nodes = [
            node("steady", old, ConditionStatus::True, "2026-11-20T00:00:00Z"),
            node("back", old, ConditionStatus::True, "2026-11-23T07:50:00Z"),
            node("lost", old, ConditionStatus::Unknown, "2026-11-23T07:58:00Z"),
            node("edge", old, ConditionStatus::False, "2026-11-23T07:45:00Z"),
            node("new", "2026-11-23T07:55:00Z", ConditionStatus::True, "2026-11-23T07:56:00Z"),
            node("new-and-bad", "2026-11-23T07:55:00Z", ConditionStatus::False, "2026-11-23T07:56:00Z"),
        ];
        let names: Vec<String> = changed(&nodes, now).into_iter().map(|(name, ..)| name).collect();
        assert_eq!(names, ["lost", "new-and-bad", "back"]);
    }

    #[test]
    fn events_say_how_often_and_what_last_whatever_their_order() {
        let body = br#"{"items":[
            {"reason":"NodeReady","message":"is ready","lastTimestamp":"2026-11-23T07:00:00Z","eventTime":null,"count":1},
            {"reason":"NodeNotReady","message":"is not","lastTimestamp":"2026-11-23T07:59:00Z","count":3},
            {"reason":"NodeReady","message":"is ready","lastTimestamp":"2026-11-23T07:30:00Z","count":null},
            {"reason":"Old","lastTimestamp":null,"eventTime":"2026-11-23T06:00:00.000001Z"}]}"#;
        assert_eq!(event_summary(body).as_deref(), Some("NodeNotReady ×3, NodeReady ×2; last NodeNotReady: is not"));
        let other = br#"{"items":[{"reason":"Rebooted","message":"has been rebooted","lastTimestamp":"2026-11-23T07:00:00Z"}]}"#;
        assert_eq!(event_summary(other).as_deref(), Some("last Rebooted: has been rebooted"));
        assert_eq!(event_summary(br#"{"items":[]}"#), None);
    }
}
