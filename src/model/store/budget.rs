//! The budget of a cluster: limits for the number and the size of its objects, over all kinds.
//!
//! A server that sends objects without end must not exhaust the memory. Above the budget nothing more is applied, and the tasks
//! that list and watch are ended: the known numbers stay, as lower bounds, with the reason.

use crate::facts::node::NodeFacts;
use crate::facts::text::Clean;
use crate::msg::{Batch, ClusterEvent, NodeChange, OptionalBatch};

/// Held bytes are recounted after this many incoming bytes: the count looks at every node.
const COUNT_EVERY: u64 = 64 << 20;

/// Budget of a cluster: its objects and bytes, and the limits.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    /// Bytes received since the held ones were counted.
    incoming: u64,
    exceeded: Option<Clean>,
    reported: bool,
}

impl Budget {
    /// The limit that is exceeded: `more than 4000000 objects`.
    pub(crate) fn exceeded(&self) -> Option<&Clean> {
        self.exceeded.as_ref()
    }

    /// Returns `true` once after the budget was exceeded.
    pub(crate) fn take_exceeded(&mut self) -> bool {
        self.exceeded.is_some() && !std::mem::replace(&mut self.reported, true)
    }

    /// Records received bytes; returns `true` if it is time to count the held bytes.
    pub(crate) fn spend(&mut self, bytes: u64, most_bytes: u64) -> bool {
        self.incoming = self.incoming.saturating_add(bytes);
        let due = self.incoming >= COUNT_EVERY.min(most_bytes / 16);
        if due {
            self.incoming = 0;
        }
        due
    }

    /// Marks the budget as exceeded.
    pub(crate) fn exceed(&mut self, what: &str) {
        self.exceeded.get_or_insert_with(|| Clean::new(what));
    }
}

/// Returns `true` for events of lists and watches, which end when the budget is exceeded.
pub(crate) fn is_followed(event: &ClusterEvent) -> bool {
    matches!(
        event,
        ClusterEvent::ListStarted { .. }
            | ClusterEvent::Page { .. }
            | ClusterEvent::ListFinished { .. }
            | ClusterEvent::Changes { .. }
            | ClusterEvent::Sync { .. }
            | ClusterEvent::Alive { .. }
            | ClusterEvent::Namespaced { .. }
    )
}

/// Upper bound for the bytes of the objects of this event.
pub(crate) fn incoming(event: &ClusterEvent) -> u64 {
    match event {
        ClusterEvent::Page { batch, .. } | ClusterEvent::Changes { batch, .. } => batch_bytes(batch),
        ClusterEvent::Namespaced { event, .. } => incoming(event),
        _ => 0,
    }
}

fn batch_bytes(batch: &Batch) -> u64 {
    let node = |change: &NodeChange| match change {
        NodeChange::Present(node) => node_bytes(node),
        NodeChange::Gone { .. } => 0,
    };
    match batch {
        Batch::Nodes(nodes) => nodes.iter().map(node).sum(),
        Batch::Pods(pods) => pods.bytes() as u64,
        optional => optional.optional().map_or(0, OptionalBatch::weight),
    }
}

/// Bytes that the facts of a node take, including the heap; shared texts are counted as if they were not shared.
fn node_bytes(node: &NodeFacts) -> u64 {
    let text = Clean::heap_bytes;
    let labels = node.labels.iter().map(|(key, value)| text(key) + text(value));
    let taints = node.taints.iter().map(|taint| text(&taint.key) + text(&taint.value) + text(&taint.effect));
    let conditions = node.conditions.iter().map(|c| text(&c.kind) + text(&c.reason) + text(&c.message));
    let amounts = node.capacity.iter().chain(&node.allocatable).map(|(name, _)| text(name) + 16);
    size_of_val(node) as u64 + labels.chain(taints).chain(conditions).chain(amounts).sum::<u64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Action;
    use crate::facts::lease::LeaseFacts;
    use crate::facts::object::ApiObject;
    use crate::facts::wire::Uid;
    use crate::model::alerts::Severity;
    use crate::model::fixture::{Bench, node, pod};
    use crate::model::known::Known;
    use crate::model::settings::Settings;
    use crate::msg::ObjectChange;
    use crate::msg::{ClusterId, Effect, Msg, Resource};

    fn bench(settings: &Settings) -> Bench {
        Bench::tuned(settings, vec![node("n1")])
    }

    fn pods(names: std::ops::Range<u32>) -> Vec<String> {
        names.map(|n| format!("p{n}")).collect()
    }

    fn change_pods(bench: &mut Bench, names: &[String]) {
        let facts: Vec<_> = names.iter().map(|name| pod(name, "n1")).collect();
        bench.change_pods(1, &facts, false);
    }

    fn exceeded(bench: &Bench) -> Option<String> {
        bench.state().budget.exceeded().map(ToString::to_string)
    }

    #[test]
    fn past_the_budget_of_objects_nothing_more_is_applied_and_numbers_are_lower_bounds() {
        let mut bench = bench(&Settings { most_objects: 10, ..Settings::default() });
        change_pods(&mut bench, &pods(0..9));
        assert_eq!((exceeded(&bench), bench.state().tracks().complete()), (None, true));
        change_pods(&mut bench, &pods(9..12));
        assert_eq!(exceeded(&bench).as_deref(), Some("more than 10 objects"));
        change_pods(&mut bench, &pods(20..40));
        let summary = bench.summary();
        assert_eq!(summary.pods, Known::AtLeast(12), "and not one more");
        assert_eq!((summary.nodes_total, summary.word), (Known::AtLeast(1), "too large"));
        assert!(bench.state().settled() && !bench.state().tracks().complete());
        let alert = bench.state().alerts().iter().find(|alert| alert.reason() == "TooLarge").unwrap();
        assert_eq!(alert.severity, Severity::Critical);
        assert!(alert.text.starts_with("more than 10 objects"), "{}", alert.text);
    }

    #[test]
    fn the_tasks_are_stopped_once_and_the_other_clusters_go_on() {
        let settings = Settings { most_objects: 3, ..Settings::default() };
        let spec = |name: &str| crate::model::settings::ClusterSpec { context: name.into(), broken: None };
        let mut model = crate::model::app::Model::new(vec![spec("a"), spec("b")], settings);
        let nodes = |cluster, names: &[&str]| {
            let changes = names.iter().map(|name| NodeChange::Present(Box::new(node(name)))).collect();
            let batch = Batch::Nodes(changes);
            let event = ClusterEvent::Changes { resource: Resource::Nodes, generation: 0, unreadable: 0, batch };
            Msg::Cluster(ClusterId(cluster), event)
        };
        let now = crate::model::fixture::at(0);
        assert_eq!(model.update(nodes(1, &["n1"]), now), None);
        assert_eq!(model.update(nodes(0, &["n1", "n2", "n3", "n4"]), now), Some(Effect::Unfollow(ClusterId(0))));
        assert_eq!(model.update(nodes(0, &["n5"]), now), None);
        assert_eq!(model.update(Msg::Action(Action::Refresh), now), None, "there is nothing to list again");
        assert_eq!(model.update(nodes(1, &["n2"]), now), None);
        let held = |of: usize| model.clusters()[of].held_objects().0.len();
        assert_eq!((held(0), held(1)), (4, 2));
    }

    #[test]
    fn the_budget_of_bytes_counts_every_kind() {
        let mut bench = bench(&Settings { most_bytes: 1 << 20, ..Settings::default() });
        for n in 0..100_u32 {
            let facts = LeaseFacts { holder: Clean::new(&"x".repeat(1000)), ..LeaseFacts::default() };
            let leases = (0..50).map(|at| {
                let (key, facts) = (Clean::new(&format!("{n}/{at}")), facts.clone());
                ObjectChange::Present(Box::new(ApiObject { key, uid: Uid(1), version: 1, facts }))
            });
            let batch = Batch::Leases(leases.collect());
            bench.send(ClusterEvent::Changes { resource: Resource::Leases, generation: 0, unreadable: 0, batch });
        }
        assert_eq!(exceeded(&bench).as_deref(), Some("more than 1 MiB of objects"));
        let leases = bench.state().optional.leases.iter().count();
        assert!((500..1500).contains(&leases), "{leases}");
    }

    #[test]
    fn the_budget_that_is_shipped_is_several_times_a_million_pods_on_a_hundred_thousand_nodes() {
        let settings = Settings::default();
        assert!(settings.most_objects >= 3_000_000);
        // 128.6 bytes a pod and some 2 kB a node, all in.
        assert!(settings.most_bytes >= 2 * (1_000_000 * 129 + 100_000 * 2_000));
    }
}
