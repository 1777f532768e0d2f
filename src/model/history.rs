//! Node condition transitions and flap detection; lives outside the store and survives relists.

use std::collections::VecDeque;
use std::time::Duration;

use hashbrown::HashMap;
use jiff::Timestamp;

use super::elapsed;
use crate::facts::node::{NodeFacts, Readiness};
use crate::facts::text::Clean;
use crate::facts::wire::Uid;
use crate::msg::{Mono, Now};

/// 15 min: kubernetes-mixin `KubeNodeReadinessFlapping` (`alerts/kubelet.libsonnet:125`).
pub const FLAP_WINDOW: Duration = Duration::from_secs(900);
/// More changes than this in the window are flapping, where the configuration says nothing else: the same rule.
pub const FLAP_OVER: u16 = 2;
/// Transitions kept of one node; a node that flaps every 10 s leaves 90 in the window, and 64 are as good a proof.
const KEPT: usize = 64;
/// A minute more or less of a forgotten node's memory does not matter; a pass over all nodes each second would.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// What Ready did, by uid.
#[derive(Debug)]
pub struct History {
    nodes: HashMap<Uid, NodeHistory>,
    /// More changes than this in [`FLAP_WINDOW`] are flapping.
    over: u16,
    flapping: usize,
    revision: u64,
    swept: Mono,
}

/// One observed change of Ready.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    /// When we saw it.
    pub at: Now,
    /// What it changed to.
    pub to: Readiness,
    /// The condition's reason.
    pub reason: Clean,
    /// Only `lastTransitionTime` moved: it changed and changed back while we did not look.
    pub missed: bool,
}

#[derive(Debug)]
struct NodeHistory {
    name: Clean,
    readiness: Readiness,
    since: Option<Timestamp>,
    transitions: VecDeque<Transition>,
    cordoned: bool,
    flapping: bool,
    gone: Option<Now>,
}

impl Default for History {
    fn default() -> Self {
        Self::new(FLAP_OVER)
    }
}

impl History {
    /// Nothing seen yet; more changes than `over` in [`FLAP_WINDOW`] will be flapping.
    #[must_use]
    pub fn new(over: u16) -> Self {
        Self { nodes: HashMap::new(), over, flapping: 0, revision: 0, swept: Mono::default() }
    }

    /// Takes in how a node looks now. The first look at a uid is no transition.
    pub fn observe(&mut self, node: &NodeFacts, now: Now) {
        let (readiness, since) = node.readiness();
        let record = self.nodes.entry(node.uid).or_insert_with(|| NodeHistory {
            name: node.name.clone(),
            readiness,
            since,
            transitions: VecDeque::new(),
            cordoned: node.unschedulable,
            flapping: false,
            gone: None,
        });
        record.gone = None;
        let jumped = since.zip(record.since).is_some_and(|(new, old)| new > old);
        if record.readiness != readiness || jumped {
            let reason = node.conditions.iter().find(|c| &*c.kind == "Ready").map(|c| c.reason.clone());
            if record.transitions.len() == KEPT {
                record.transitions.pop_front();
            }
            let missed = record.readiness == readiness;
            record.transitions.push_back(Transition {
                at: now,
                to: readiness,
                reason: reason.unwrap_or_default(),
                missed,
            });
        }
        record.readiness = readiness;
        record.since = since;
        record.cordoned = node.unschedulable;
        if record.settle(self.over, now) {
            self.revision += 1;
            self.flapping = if record.flapping { self.flapping + 1 } else { self.flapping.saturating_sub(1) };
        }
    }

    /// The node is not in the store any more. Its history is kept for a while: it may be back after a mistaken delete.
    pub fn gone(&mut self, uid: Uid, now: Now) {
        if let Some(record) = self.nodes.get_mut(&uid) {
            record.gone = Some(now);
        }
    }

    /// Lets time pass: flapping ends in silence, and nodes that went are forgotten after [`FLAP_WINDOW`].
    pub fn tick(&mut self, now: Now) {
        if self.flapping > 0 {
            let flapping = self.nodes.values_mut().filter(|record| record.flapping);
            let settled = flapping.filter_map(|record| record.settle(self.over, now).then_some(())).count();
            self.flapping = self.flapping.saturating_sub(settled);
            self.revision += settled as u64;
        }
        if now.mono.since(self.swept) >= SWEEP_EVERY {
            self.swept = now.mono;
            self.nodes.retain(|_, record| record.gone.is_none_or(|at| elapsed(at, now) <= FLAP_WINDOW));
            self.flapping = self.nodes.values().filter(|record| record.flapping).count();
        }
    }

    /// More changes than may be in [`FLAP_WINDOW`], until there was none for as long; never while cordoned.
    #[must_use]
    pub fn flapping(&self, uid: Uid) -> bool {
        self.flapping > 0 && self.nodes.get(&uid).is_some_and(|record| record.flapping && !record.cordoned)
    }

    /// The nodes that flap: uid and name.
    pub fn all_flapping(&self) -> impl Iterator<Item = (Uid, Clean)> {
        // Nothing flaps almost always, and then there is nothing to go through.
        let nodes = (self.flapping > 0).then_some(&self.nodes);
        nodes
            .into_iter()
            .flatten()
            .filter(|(_, record)| record.flapping && !record.cordoned && record.gone.is_none())
            .map(|(uid, record)| (*uid, record.name.clone()))
    }

    /// How often Ready changed in the last 15 min.
    #[must_use]
    pub fn changes(&self, uid: Uid, now: Now) -> usize {
        self.nodes.get(&uid).map_or(0, |record| record.changes(now))
    }

    /// What was observed of a node, newest first.
    pub fn transitions(&self, uid: Uid) -> impl Iterator<Item = &Transition> {
        self.nodes.get(&uid).into_iter().flat_map(|record| record.transitions.iter().rev())
    }

    /// Grows when a node begins or stops to flap.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }
}

impl NodeHistory {
    fn changes(&self, now: Now) -> usize {
        self.transitions.iter().rev().take_while(|change| elapsed(change.at, now) <= FLAP_WINDOW).count()
    }

    /// Two thresholds: more than `over` changes raise it, only none at all ends it. Returns whether it changed.
    fn settle(&mut self, over: u16, now: Now) -> bool {
        let changes = self.changes(now);
        let flapping = if self.flapping { changes > 0 } else { changes > usize::from(over) };
        std::mem::replace(&mut self.flapping, flapping) != flapping
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::node::{Condition, ConditionStatus};

    fn at(seconds: u64) -> Now {
        let wall = Timestamp::from_second(1_700_000_000 + i64::try_from(seconds).unwrap()).unwrap();
        Now { mono: Mono(Duration::from_secs(seconds)), wall }
    }

    fn node(uid: u128, ready: bool, since: u64) -> NodeFacts {
        let status = if ready { ConditionStatus::True } else { ConditionStatus::False };
        let ready = Condition { kind: "Ready".into(), status, since: Some(at(since).wall), ..Condition::default() };
        NodeFacts { uid: Uid(uid), conditions: vec![ready], ..NodeFacts::default() }
    }

    #[test]
    fn the_third_change_in_a_quarter_of_an_hour_is_flapping() {
        let mut history = History::default();
        for (n, ready) in [true, false, true].into_iter().enumerate() {
            history.observe(&node(1, ready, n as u64 * 60), at(n as u64 * 60));
        }
        assert!(!history.flapping(Uid(1)), "two changes are an outage");
        history.observe(&node(1, false, 180), at(180));
        assert!(history.flapping(Uid(1)));
        assert_eq!(history.changes(Uid(1), at(180)), 3);
        assert_eq!(history.all_flapping().map(|(uid, _)| uid).collect::<Vec<_>>(), [Uid(1)]);
    }

    #[test]
    fn flapping_ends_only_after_a_quarter_of_an_hour_without_a_change() {
        let mut history = History::default();
        for n in 0..4 {
            history.observe(&node(1, n % 2 == 0, n * 60), at(n * 60));
        }
        history.tick(at(180 + 900));
        assert!(history.flapping(Uid(1)), "the last change is 15 min old, not older");
        history.tick(at(180 + 901));
        assert!(!history.flapping(Uid(1)));
    }

    #[test]
    fn a_heartbeat_or_a_relist_is_no_change() {
        let mut history = History::default();
        for n in 0..50 {
            history.observe(&node(1, true, 0), at(n * 10));
        }
        assert_eq!(history.changes(Uid(1), at(500)), 0);
    }

    #[test]
    fn a_moved_transition_time_is_one_missed_change() {
        let mut history = History::default();
        history.observe(&node(1, true, 0), at(0));
        history.observe(&node(1, true, 50), at(60));
        assert_eq!(history.changes(Uid(1), at(60)), 1);
        assert!(history.transitions(Uid(1)).next().unwrap().missed);
    }

    #[test]
    fn f74_a_new_uid_begins_a_new_history() {
        let mut history = History::default();
        for n in 0..4 {
            history.observe(&node(1, n % 2 == 0, n * 60), at(n * 60));
        }
        history.gone(Uid(1), at(200));
        history.observe(&node(2, true, 200), at(200));
        assert!(!history.flapping(Uid(2)));
        assert_eq!(history.transitions(Uid(2)).count(), 0);
        assert_eq!(history.all_flapping().count(), 0, "the old one is gone");
    }

    #[test]
    fn a_cordoned_node_does_not_flap() {
        let mut history = History::default();
        for n in 0..6 {
            let mut facts = node(1, n % 2 == 0, n * 60);
            facts.unschedulable = true;
            history.observe(&facts, at(n * 60));
        }
        assert!(!history.flapping(Uid(1)));
    }

    #[test]
    fn what_is_kept_of_a_node_is_bounded() {
        let mut history = History::default();
        for n in 0..10_000 {
            history.observe(&node(1, n % 2 == 0, n), at(n));
        }
        assert_eq!(history.transitions(Uid(1)).count(), KEPT);
    }

    #[test]
    fn nodes_that_went_are_forgotten_in_time() {
        let mut history = History::default();
        history.observe(&node(1, true, 0), at(0));
        history.gone(Uid(1), at(0));
        history.tick(at(900));
        assert_eq!(history.nodes.len(), 1);
        history.tick(at(960));
        assert_eq!(history.nodes.len(), 0);
    }
}
