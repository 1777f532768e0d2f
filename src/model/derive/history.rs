//! Node condition transitions and flap detection; lives outside the store and survives relists.

use std::collections::VecDeque;
use std::time::Duration;

use hashbrown::HashMap;
use jiff::Timestamp;

use crate::facts::node::Readiness;
use crate::facts::text::Clean;
use crate::facts::wire::Uid;
use crate::model::store::nodes::PackedFacts;
use crate::model::time::elapsed;
use crate::msg::{Mono, Now};

/// 15 min: kubernetes-mixin `KubeNodeReadinessFlapping` (`alerts/kubelet.libsonnet:125`).
pub const FLAP_WINDOW: Duration = Duration::from_secs(900);
/// Maximum number of transitions kept for one node. A node that flaps every 10 s has 90 in the window, and 64 prove as much.
const KEPT: usize = 64;
/// Minutes of the strip: the window of flapping.
pub const STRIP: usize = 15;
/// Observations further apart than this, in seconds, have a gap between them, since a tick comes each second.
const LOOKS_JOIN: i64 = 30;
/// Period in which deleted nodes are dropped. A minute more of their memory does not matter; a pass over all nodes each second would.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Readiness histories, by uid.
#[derive(Debug)]
pub struct History {
    nodes: HashMap<HistoryKey, NodeHistory>,
    /// More changes than this in [`FLAP_WINDOW`] are flapping.
    over: u16,
    flapping: usize,
    revision: u64,
    swept: Mono,
    /// Periods in which the nodes were watched, from and to, in seconds of the wall clock; the newest last.
    watched: VecDeque<(i64, i64)>,
}

/// Ready in each of the last [`STRIP`] minutes of the wall clock, oldest first: the worst of the minute; `None` while
/// watchbell was not watching.
pub type Strip = [Option<Readiness>; STRIP];

/// One observed change of Ready.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    /// Time at which it was observed.
    pub at: Now,
    /// The new readiness.
    pub to: Readiness,
    /// The condition's reason.
    pub reason: Clean,
    /// `true` if only `lastTransitionTime` changed: Ready changed and changed back between two observations.
    pub missed: bool,
}

/// Uid with an alignment of 8 instead of 16, so that an entry takes 40 bytes instead of 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct HistoryKey([u64; 2]);

impl HistoryKey {
    fn uid(self) -> Uid {
        let [high, low] = self.0;
        Uid(u128::from(high) << 64 | u128::from(low))
    }
}

impl From<Uid> for HistoryKey {
    fn from(Uid(uid): Uid) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the two halves of 128 bits")]
        let halves = [(uid >> 64) as u64, uid as u64];
        Self(halves)
    }
}

/// History of one node; nearly all nodes have no trace.
#[derive(Debug)]
struct NodeHistory {
    readiness: Readiness,
    cordoned: bool,
    /// `lastTransitionTime` of Ready in seconds since 1970, 0 if absent; 32 bits last until 2106.
    since: u32,
    /// Time of the first observation, in seconds of the wall clock.
    seen: u32,
    /// Set once its readiness has changed.
    trace: Option<Box<Trace>>,
}

/// Changes of a node's readiness.
#[derive(Debug)]
struct Trace {
    name: Clean,
    transitions: VecDeque<Transition>,
    /// Readiness before the oldest kept transition.
    before: Readiness,
    flapping: bool,
    gone: Option<Now>,
}

impl Default for History {
    fn default() -> Self {
        Self::new(crate::model::settings::FLAP_OVER)
    }
}

impl History {
    /// Creates an empty history; more changes than `over` in [`FLAP_WINDOW`] count as flapping.
    #[must_use]
    pub fn new(over: u16) -> Self {
        Self { nodes: HashMap::new(), over, flapping: 0, revision: 0, swept: Mono::default(), watched: VecDeque::new() }
    }

    /// Records the state of a node. The first observation of a uid is no transition.
    pub fn record(&mut self, node: &PackedFacts, now: Now) {
        let (readiness, since) = node.readiness();
        let since = since.map_or(0, |since| seconds(since).max(1));
        let record = self.nodes.entry(node.uid.into()).or_insert_with(|| NodeHistory {
            readiness,
            cordoned: node.unschedulable,
            since,
            seen: seconds(now.wall),
            trace: None,
        });
        record.cordoned = node.unschedulable;
        let before = std::mem::replace(&mut record.readiness, readiness);
        let jumped = record.since > 0 && since > record.since;
        record.since = since;
        if before != readiness || jumped {
            let reason = node.conditions.ready().map(|(ready, _)| ready.reason.clone());
            let trace = record.trace.get_or_insert_with(|| Box::new(Trace::new(before)));
            trace.name = node.name.clone();
            if trace.transitions.len() == KEPT
                && let Some(oldest) = trace.transitions.pop_front()
            {
                trace.before = oldest.to;
            }
            let missed = before == readiness;
            trace.transitions.push_back(Transition {
                at: now,
                to: readiness,
                reason: reason.unwrap_or_default(),
                missed,
            });
        }
        let Some(trace) = &mut record.trace else { return };
        trace.gone = None;
        if trace.update_flapping(self.over, now) {
            self.revision += 1;
            self.flapping = if trace.flapping { self.flapping + 1 } else { self.flapping.saturating_sub(1) };
        }
    }

    /// Records that a node was removed. Its history is kept for a while, since the node may come back after a mistaken deletion.
    pub fn gone(&mut self, uid: Uid, now: Now) {
        if let Some(record) = self.nodes.get_mut(&HistoryKey::from(uid)) {
            let readiness = record.readiness;
            record.trace.get_or_insert_with(|| Box::new(Trace::new(readiness))).gone = Some(now);
        }
    }

    /// Records, once a second, whether node data is live.
    pub fn watched(&mut self, live: bool, now: Now) {
        let second = now.wall.as_second();
        let oldest = second - FLAP_WINDOW.as_secs().cast_signed() - 60;
        // Periods in the future of a wall clock that was set back are dropped.
        self.watched.retain(|(_, to)| (oldest..=second).contains(to));
        if !live {
            return;
        }
        match self.watched.back_mut().filter(|(_, to)| second - *to <= LOOKS_JOIN) {
            Some((_, to)) => *to = second,
            None => self.watched.push_back((second, second)),
        }
    }

    /// Strip of a node's readiness over the last 15 min.
    #[must_use]
    pub fn strip(&self, uid: Uid, wall: Timestamp) -> Strip {
        let Some(record) = self.nodes.get(&HistoryKey::from(uid)) else { return [None; STRIP] };
        let minute = wall.as_second().div_euclid(60);
        let mut from = (minute - FLAP_WINDOW.as_secs().cast_signed() / 60) * 60;
        std::array::from_fn(|_| {
            from += 60;
            let to = from + 60;
            let watched = self.watched.iter().any(|(first, last)| *first < to && *last >= from);
            (watched && i64::from(record.seen) < to).then(|| record.worst(from, to))
        })
    }

    /// Applies the passing of time: flapping ends without further changes, and deleted nodes are dropped after [`FLAP_WINDOW`].
    pub fn tick(&mut self, now: Now) {
        if self.flapping > 0 {
            let flapping = self.nodes.values_mut().filter_map(|record| record.trace.as_deref_mut());
            let flapping = flapping.filter(|trace| trace.flapping);
            let settled = flapping.filter_map(|trace| trace.update_flapping(self.over, now).then_some(())).count();
            self.flapping = self.flapping.saturating_sub(settled);
            self.revision += settled as u64;
        }
        if now.mono.since(self.swept) >= SWEEP_EVERY {
            self.swept = now.mono;
            let gone = |record: &NodeHistory| record.trace.as_ref().and_then(|trace| trace.gone);
            self.nodes.retain(|_, record| gone(record).is_none_or(|at| elapsed(at, now) <= FLAP_WINDOW));
            self.flapping = self.traces().filter(|(_, _, trace)| trace.flapping).count();
        }
    }

    fn traces(&self) -> impl Iterator<Item = (Uid, &NodeHistory, &Trace)> {
        self.nodes.iter().filter_map(|(key, record)| Some((key.uid(), record, record.trace.as_deref()?)))
    }

    fn trace(&self, uid: Uid) -> Option<&Trace> {
        self.nodes.get(&HistoryKey::from(uid))?.trace.as_deref()
    }

    /// Returns `true` after more changes than the limit in [`FLAP_WINDOW`], until there was none for as long; never while cordoned.
    #[must_use]
    pub fn flapping(&self, uid: Uid) -> bool {
        let flaps =
            |record: &NodeHistory| !record.cordoned && record.trace.as_ref().is_some_and(|trace| trace.flapping);
        self.flapping > 0 && self.nodes.get(&HistoryKey::from(uid)).is_some_and(flaps)
    }

    /// The nodes that flap: uid and name.
    pub fn all_flapping(&self) -> impl Iterator<Item = (Uid, Clean)> {
        // Usually no node flaps, and no trace needs a visit.
        let traces = (self.flapping > 0).then(|| self.traces());
        traces
            .into_iter()
            .flatten()
            .filter(|(_, record, trace)| trace.flapping && !record.cordoned && trace.gone.is_none())
            .map(|(uid, _, trace)| (uid, trace.name.clone()))
    }

    /// Number of changes of Ready in the last 15 min.
    #[must_use]
    pub fn changes(&self, uid: Uid, now: Now) -> usize {
        self.trace(uid).map_or(0, |trace| trace.changes(now))
    }

    /// Observed transitions of a node, newest first.
    pub fn transitions(&self, uid: Uid) -> impl Iterator<Item = &Transition> {
        self.trace(uid).into_iter().flat_map(|trace| trace.transitions.iter().rev())
    }

    /// Bytes on the heap, without the texts.
    pub(crate) fn heap_bytes(&self) -> usize {
        let transitions = |trace: &Trace| trace.transitions.capacity() * size_of::<Transition>();
        self.nodes.allocation_size()
            + self.traces().map(|(_, _, trace)| size_of::<Trace>() + transitions(trace)).sum::<usize>()
            + self.watched.capacity() * size_of::<(i64, i64)>()
    }

    /// Revision that grows when a node starts or stops flapping.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }
}

fn seconds(at: Timestamp) -> u32 {
    u32::try_from(at.as_second().max(0)).unwrap_or(u32::MAX)
}

impl NodeHistory {
    /// The worst readiness between two seconds of the wall clock.
    fn worst(&self, from: i64, to: i64) -> Readiness {
        self.trace.as_ref().map_or(self.readiness, |trace| trace.worst(from, to))
    }
}

impl Trace {
    fn new(before: Readiness) -> Self {
        Self { name: Clean::default(), transitions: VecDeque::new(), before, flapping: false, gone: None }
    }

    fn worst(&self, from: i64, to: i64) -> Readiness {
        let mut now = self.before;
        let mut worst = None;
        for change in &self.transitions {
            let at = change.at.wall.as_second();
            if at >= to {
                break;
            }
            if at >= from {
                worst = worse(worst, now);
                // It changed and changed back between two observations: the state in between is not known.
                worst = if change.missed { worse(worst, Readiness::Unknown) } else { worst };
            }
            now = change.to;
        }
        worse(worst, now).unwrap_or(now)
    }

    fn changes(&self, now: Now) -> usize {
        self.transitions.iter().rev().take_while(|change| elapsed(change.at, now) <= FLAP_WINDOW).count()
    }

    /// Updates flapping by two thresholds: more than `over` changes start it, and only none ends it. Returns `true` if it changed.
    fn update_flapping(&mut self, over: u16, now: Now) -> bool {
        let changes = self.changes(now);
        let flapping = if self.flapping { changes > 0 } else { changes > usize::from(over) };
        std::mem::replace(&mut self.flapping, flapping) != flapping
    }
}

/// The worse of two states: `NotReady`, as the kubelet reports it, is worse than `Unknown`.
fn worse(a: Option<Readiness>, b: Readiness) -> Option<Readiness> {
    let rank = |readiness| match readiness {
        Readiness::Ready => 0,
        Readiness::Unknown => 1,
        Readiness::NotReady => 2,
    };
    a.filter(|a| rank(*a) >= rank(b)).or(Some(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::node::{ConditionStatus, NodeCondition, NodeFacts};

    fn at(seconds: u64) -> Now {
        let wall = Timestamp::from_second(1_700_000_000 + i64::try_from(seconds).unwrap()).unwrap();
        Now { mono: Mono(Duration::from_secs(seconds)), wall }
    }

    fn node(uid: u128, ready: bool, since: u64) -> PackedFacts {
        let status = if ready { ConditionStatus::True } else { ConditionStatus::False };
        let ready =
            NodeCondition { kind: "Ready".into(), status, since: Some(at(since).wall), ..NodeCondition::default() };
        PackedFacts::from(&NodeFacts { uid: Uid(uid), conditions: vec![ready], ..NodeFacts::default() })
    }

    #[test]
    fn the_third_change_in_a_quarter_of_an_hour_is_flapping() {
        let mut history = History::default();
        for (n, ready) in [true, false, true].into_iter().enumerate() {
            history.record(&node(1, ready, n as u64 * 60), at(n as u64 * 60));
        }
        assert!(!history.flapping(Uid(1)), "two changes are an outage");
        history.record(&node(1, false, 180), at(180));
        assert!(history.flapping(Uid(1)));
        assert_eq!(history.changes(Uid(1), at(180)), 3);
        assert_eq!(history.all_flapping().map(|(uid, _)| uid).collect::<Vec<_>>(), [Uid(1)]);
    }

    #[test]
    fn flapping_ends_only_after_a_quarter_of_an_hour_without_a_change() {
        let mut history = History::default();
        for n in 0..4 {
            history.record(&node(1, n % 2 == 0, n * 60), at(n * 60));
        }
        history.tick(at(180 + 900));
        assert!(history.flapping(Uid(1)), "the last change is 15 min old, not older");
        history.tick(at(180 + 901));
        assert!(!history.flapping(Uid(1)));
    }

    /// `_` ready, `X` not ready, `?` unknown, blank unwatched; the minutes 0 to 14 when `now` is in minute 14.
    fn drawn(history: &History, uid: u128, second: u64) -> String {
        let letter = |minute: Option<Readiness>| match minute {
            None => ' ',
            Some(Readiness::Ready) => '_',
            Some(Readiness::NotReady) => 'X',
            Some(Readiness::Unknown) => '?',
        };
        history.strip(Uid(uid), at(second).wall).map(letter).iter().collect()
    }

    /// 1,700,000,000 is 20 s into a minute of the wall clock.
    const MINUTE_0: u64 = 40;

    #[test]
    fn the_strip_shows_the_worst_of_each_minute_and_nothing_of_what_was_not_watched() {
        let mut history = History::default();
        history.record(&node(1, true, 0), at(MINUTE_0));
        for second in MINUTE_0..MINUTE_0 + 900 {
            let minute = (second - MINUTE_0) / 60;
            match second - MINUTE_0 {
                // Minute 3: away for ten seconds.
                190 => history.record(&node(1, false, 190), at(second)),
                200 => history.record(&node(1, true, 200), at(second)),
                // Minute 12 on: away.
                730 => history.record(&node(1, false, 730), at(second)),
                _ => {}
            }
            // Minutes 6 and 7 are not watched; when we look again, it has been away and back.
            let live = !(6..8).contains(&minute);
            if second == MINUTE_0 + 480 {
                history.record(&node(1, true, 400), at(second));
            }
            history.watched(live, at(second));
        }
        assert_eq!(drawn(&history, 1, MINUTE_0 + 899), "___X__  ?___XXX");
        assert_eq!(drawn(&history, 1, MINUTE_0 + 905), "__X__  ?___XXX ", "a new minute has begun and nobody looked");
        assert_eq!(drawn(&history, 2, MINUTE_0 + 899), " ".repeat(15), "an unknown node");
        history.record(&node(2, true, 0), at(MINUTE_0 + 800));
        assert_eq!(drawn(&history, 2, MINUTE_0 + 899), "             __", "nothing is known before it was seen");
    }

    #[test]
    fn the_strip_survives_a_wall_clock_that_is_set_back() {
        let mut history = History::default();
        history.record(&node(1, true, 0), at(7_200));
        history.watched(true, at(7_200));
        history.watched(true, at(10));
        assert_eq!(drawn(&history, 1, 10).trim(), "", "it was first seen in the future");
        assert_eq!(history.watched.len(), 1);
    }

    #[test]
    fn a_heartbeat_or_a_relist_is_no_change() {
        let mut history = History::default();
        for n in 0..50 {
            history.record(&node(1, true, 0), at(n * 10));
        }
        assert_eq!(history.changes(Uid(1), at(500)), 0);
    }

    #[test]
    fn a_moved_transition_time_is_one_missed_change() {
        let mut history = History::default();
        history.record(&node(1, true, 0), at(0));
        history.record(&node(1, true, 50), at(60));
        assert_eq!(history.changes(Uid(1), at(60)), 1);
        assert!(history.transitions(Uid(1)).next().unwrap().missed);
    }

    #[test]
    fn f74_a_new_uid_begins_a_new_history() {
        let mut history = History::default();
        for n in 0..4 {
            history.record(&node(1, n % 2 == 0, n * 60), at(n * 60));
        }
        history.gone(Uid(1), at(200));
        history.record(&node(2, true, 200), at(200));
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
            history.record(&facts, at(n * 60));
        }
        assert!(!history.flapping(Uid(1)));
    }

    #[test]
    fn what_is_kept_of_a_node_is_bounded() {
        let mut history = History::default();
        for n in 0..10_000 {
            history.record(&node(1, n % 2 == 0, n), at(n));
        }
        assert_eq!(history.transitions(Uid(1)).count(), KEPT);
    }

    #[test]
    fn nodes_that_went_are_forgotten_in_time() {
        let mut history = History::default();
        history.record(&node(1, true, 0), at(0));
        history.gone(Uid(1), at(0));
        history.tick(at(900));
        assert_eq!(history.nodes.len(), 1);
        history.tick(at(960));
        assert_eq!(history.nodes.len(), 0);
    }
}
