//! Black-hole nodes: nodes that are Ready and end the pods that they get within a minute of their creation.
//!
//! A pod that fails leaves the filtered list as a deletion with its state from before, so the watch shows only that it lived
//! shortly. A node with many such pods stands out, and then one page of its failed pods names the reason. Thresholds, windows and
//! the kinds of endings: docs/latency-and-alerts.md.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hash};
use std::time::Duration;

use hashbrown::{DefaultHashBuilder, HashMap};
use jiff::{SignedDuration, Timestamp};

use crate::facts::pod::{Blame, FailedPod, FailedPods, PodFacts};
use crate::facts::text::Clean;
use crate::facts::wire::Uid;
use crate::msg::{Failure, Layer, Mono};

/// 60 s: a pod that ended within this time of its creation lived shortly.
pub const SHORT_LIFE: SignedDuration = SignedDuration::from_secs(60);
/// 5 min: window of the threshold, and minimum time between two requests about one node. Docker `SwarmKit` uses the same
/// (moby/swarmkit#1552).
const WINDOW: Duration = Duration::from_secs(300);
/// 10 min: window in which the pods of one owner on several nodes are compared.
const REMEMBERED: Duration = Duration::from_secs(600);
/// 15 min without a short life: the node is no black hole any more.
const CLEARED: Duration = Duration::from_secs(900);
/// 60 s: minimum time until a node is asked about again whose request failed, unless the server asks for more.
const RETRY: Duration = Duration::from_secs(60);
/// 3 min: a query without an answer counts as lost. Every request of it has a deadline below that.
const LOST: Duration = Duration::from_secs(180);
/// Width of a slot of the windows.
const SLOT: Duration = Duration::from_secs(15);
/// Maximum number of entries kept for one node, each of one owner in one slot.
const MOST_ENTRIES: usize = 128;
/// Maximum number of nodes with short lives that are kept.
const MOST_NODES: usize = 10_000;
/// Number of uids kept for one node: a watch that is opened again may replay its last events.
const RECENT: usize = 8;
/// Maximum number of nodes whose failed pods are requested at a time.
const MOST_ASKED: usize = 3;

/// Short lives of pods, by node.
#[derive(Debug, Default)]
pub struct BlackHoles {
    nodes: HashMap<Clean, NodeLives>,
    /// Nodes that stand out and were not asked about yet.
    candidates: Vec<Clean>,
    hasher: DefaultHashBuilder,
    revision: u64,
}

/// A node that ends the pods that it gets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BlackHole<'a> {
    /// The node's name.
    pub node: &'a Clean,
    /// Pods that lived less than a minute, in the 5 min up to the last one.
    pub short_lives: u32,
    /// Time at which the node became a black hole.
    pub since: Mono,
    /// Time of the last short life.
    pub last: Mono,
    /// The reason; an error if the right to read it is missing.
    pub reason: Result<&'a EndReason, &'a Failure>,
}

/// The most frequent reason with which a node ended pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndReason {
    /// `UnexpectedAdmissionError`, `StartError`.
    pub reason: Clean,
    /// Failed pods with this reason.
    pub count: u32,
    /// Message of the newest of them.
    pub message: Clean,
}

/// Hash of namespace, kind and name of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct OwnerHash(u64);

/// Short lives of one owner's pods in one slot.
#[derive(Clone, Copy, Debug)]
struct LivesInSlot {
    slot: u64,
    owner: OwnerHash,
    count: u32,
}

/// Short lives of pods on one node.
#[derive(Debug)]
struct NodeLives {
    entries: VecDeque<LivesInSlot>,
    recent: VecDeque<Uid>,
    /// Short lives in the window up to the last one.
    count: u32,
    last: Mono,
    /// Namespace of the last one.
    namespace: Clean,
    /// Last request, by both clocks.
    asked: Option<Inquiry>,
    /// Time at which it became a black hole.
    since: Option<Mono>,
    finding: Option<Result<EndReason, Box<Failure>>>,
}

/// A request for the failed pods of a node.
#[derive(Clone, Copy, Debug)]
struct Inquiry {
    at: Mono,
    /// The time by the server's clock.
    server: Timestamp,
    answered: bool,
    /// Time from which on the node is asked about again, if the request failed.
    retry: Option<Mono>,
}

impl BlackHoles {
    /// Records the last state of a pod that the watch has removed, if it lived shortly. `now` is also given by the server's clock.
    pub fn note(&mut self, pod: &PodFacts<'_>, threshold: u32, now: Mono, server: Timestamp) {
        let lived = pod.created.map(|created| server.duration_since(created));
        let is_short = lived.is_some_and(|lived| lived < SHORT_LIFE);
        if threshold == 0 || pod.node.is_empty() || pod.deleting || pod.mirror || !is_short {
            return;
        }
        let owner = self.owner(pod.namespace, pod.owner_kind, pod.owner_name);
        if !self.nodes.contains_key(pod.node) {
            self.make_room();
        }
        let node = self.nodes.entry(Clean::new(pod.node)).or_insert_with(|| NodeLives::new(now));
        if !node.add(pod, owner, now) {
            return;
        }
        if node.since.is_some() {
            self.revision += 1;
        }
        let stands_out = node.count >= threshold && node.may_be_asked(now);
        if stands_out && !self.candidates.iter().any(|name| **name == *pod.node) {
            self.candidates.push(Clean::new(pod.node));
        }
    }

    /// The next node whose failed pods are to be requested, and the namespace of its last short life.
    pub fn next_question(&mut self, now: Mono, server: Timestamp) -> Option<(Clean, Clean)> {
        if self.candidates.is_empty() {
            return None;
        }
        let open = self.nodes.values().filter(|node| node.awaits(now)).count();
        if open >= MOST_ASKED {
            return None;
        }
        let name = self.candidates.remove(0);
        let node = self.nodes.get_mut(&name)?;
        node.asked = Some(Inquiry { at: now, server, answered: false, retry: None });
        Some((name, node.namespace.clone()))
    }

    /// Applies the answer to the question about a node. `lives_elsewhere` tells whether an owner's pods run on other nodes.
    ///
    /// Only a missing right leaves the short lives alone as a suspicion. After any other failure, and after pages without a young
    /// pod that are not all, the last finding stays: the pods may as well have succeeded.
    pub fn answer(
        &mut self,
        name: &Clean,
        answer: Result<FailedPods, Box<Failure>>,
        threshold: u32,
        lives_elsewhere: impl Fn(&FailedPod) -> bool,
    ) {
        let Some(asked) = self.nodes.get_mut(name).and_then(|node| {
            let asked = node.asked.as_mut()?;
            asked.answered = true;
            if let Err(failure) = &answer
                && failure.layer != Layer::Rbac
            {
                let wait = failure.retry_after.unwrap_or_default().clamp(RETRY, CLEARED);
                asked.retry = Some(Mono(asked.at.0 + wait));
                return None;
            }
            Some(*asked)
        }) else {
            return;
        };
        let finding = match answer {
            Err(failure) => Some(Err(failure)),
            Ok(FailedPods { pods, more }) => {
                let from = asked.server.checked_sub(WINDOW).unwrap_or_default();
                let young = |pod: &FailedPod| pod.node == *name && pod.created.is_some_and(|created| created >= from);
                let pods: Vec<FailedPod> = pods.into_iter().filter(young).collect();
                let reason = self.reason(name, &pods, threshold, lives_elsewhere);
                if reason.is_none() && more {
                    return;
                }
                reason.map(Ok)
            }
        };
        let Some(node) = self.nodes.get_mut(name) else { return };
        // A reason that was read stays when it cannot be read again.
        if !(matches!(finding, Some(Err(_))) && matches!(node.finding, Some(Ok(_)))) {
            node.since = finding.as_ref().and(node.since.or(Some(asked.at)));
            node.finding = finding;
        }
        self.revision += 1;
    }

    /// Drops nodes without a short life for a while.
    pub fn tick(&mut self, now: Mono) {
        let before = self.nodes.len();
        let mut shown = false;
        self.nodes.retain(|_, node| {
            let keep = now.since(node.last) < CLEARED;
            shown |= !keep && node.since.is_some();
            keep
        });
        let due = |node: &NodeLives| node.asked.and_then(|asked| asked.retry).is_some_and(|at| now >= at);
        for (name, node) in self.nodes.iter_mut().filter(|(_, node)| due(node)) {
            node.asked = None;
            if !self.candidates.contains(name) {
                self.candidates.push(name.clone());
            }
        }
        if before != self.nodes.len() {
            let nodes = &self.nodes;
            self.candidates.retain(|name| nodes.contains_key(name));
        }
        self.revision += u64::from(shown);
    }

    /// The black holes, in no order.
    pub fn all(&self) -> impl Iterator<Item = BlackHole<'_>> {
        self.nodes.iter().filter_map(|(name, node)| node.black_hole(name))
    }

    /// Returns `true` if the node of this name is a black hole.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        !self.nodes.is_empty() && self.nodes.get(name).is_some_and(|node| node.since.is_some())
    }

    /// Number that grows with every change of what [`BlackHoles::all`] returns.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Bytes on the heap.
    #[must_use]
    pub fn heap_bytes(&self) -> usize {
        let node = |node: &NodeLives| {
            node.entries.capacity() * size_of::<LivesInSlot>() + node.recent.capacity() * size_of::<Uid>()
        };
        self.nodes.allocation_size() + self.nodes.values().map(node).sum::<usize>()
    }

    fn owner(&self, namespace: &str, kind: &str, name: &str) -> OwnerHash {
        OwnerHash(self.hasher.hash_one(HashedOwner { namespace, kind, name }))
    }

    /// Removes the node whose last short life is the oldest, if there are too many.
    fn make_room(&mut self) {
        if self.nodes.len() < MOST_NODES {
            return;
        }
        let idle = self.nodes.iter().filter(|(_, node)| node.since.is_none()).min_by_key(|(_, node)| node.last);
        if let Some(name) = idle.map(|(name, _)| name.clone()) {
            self.nodes.remove(&name);
        }
    }

    /// The most frequent reason among the endings that speak against the node; `None` if they are too few for its short lives.
    fn reason(
        &self,
        name: &Clean,
        pods: &[FailedPod],
        threshold: u32,
        lives_elsewhere: impl Fn(&FailedPod) -> bool,
    ) -> Option<EndReason> {
        let owner_of = |pod: &FailedPod| self.owner(&pod.namespace, &pod.owner_kind, &pod.owner_name);
        // Pods that exit on several nodes fail by themselves. Those of one owner alone prove nothing unless others of it run.
        let exits = pods.iter().filter(|pod| pod.blame == Blame::Either && !self.ends_elsewhere(name, owner_of(pod)));
        let exits: Vec<&FailedPod> = exits.collect();
        let several = exits.iter().any(|pod| owner_of(pod) != owner_of(exits[0]));
        let proven = several || exits.first().is_some_and(|pod| lives_elsewhere(pod));
        let against = pods.iter().filter(|pod| pod.blame == Blame::Node);
        let against: Vec<&FailedPod> = against.chain(exits.into_iter().filter(|_| proven)).collect();
        // A controller may have deleted its failed pods already: its short lives count then.
        let mut owners: Vec<OwnerHash> = against.iter().map(|pod| owner_of(pod)).collect();
        owners.sort_unstable_by_key(|OwnerHash(hash)| *hash);
        owners.dedup();
        let lives = self.nodes.get(name)?.count_of(&owners);
        let counted = u32::try_from(against.len()).unwrap_or(u32::MAX).max(lives);
        if counted < threshold {
            return None;
        }
        most_frequent(&against)
    }

    /// Returns `true` if pods of this owner live shortly on another node, too.
    fn ends_elsewhere(&self, name: &Clean, owner: OwnerHash) -> bool {
        let has = |node: &NodeLives| node.entries.iter().any(|entry| entry.owner == owner);
        self.nodes.iter().any(|(other, node)| other != name && has(node))
    }
}

/// Owner of pods, as far as its hash depends on it.
#[derive(Hash)]
struct HashedOwner<'a> {
    namespace: &'a str,
    kind: &'a str,
    name: &'a str,
}

/// The reason of most of these pods, with the message of the newest.
fn most_frequent(pods: &[&FailedPod]) -> Option<EndReason> {
    let mut counts: HashMap<&Clean, (u32, &FailedPod)> = HashMap::new();
    for pod in pods {
        let (count, newest) = counts.entry(&pod.reason).or_insert((0, pod));
        *count += 1;
        if pod.created > newest.created {
            *newest = pod;
        }
    }
    // Of reasons with the same count that of the newest pod.
    let most = counts.into_values().max_by(|(a, x), (b, y)| {
        a.cmp(b).then_with(|| x.created.cmp(&y.created)).then_with(|| y.reason.cmp(&x.reason))
    });
    most.map(|(count, pod)| EndReason { reason: pod.reason.clone(), count, message: pod.message.clone() })
}

impl NodeLives {
    fn new(now: Mono) -> Self {
        Self {
            entries: VecDeque::new(),
            recent: VecDeque::new(),
            count: 0,
            last: now,
            namespace: Clean::default(),
            asked: None,
            since: None,
            finding: None,
        }
    }

    /// Adds a short life; returns `false` if it was counted before.
    fn add(&mut self, pod: &PodFacts<'_>, owner: OwnerHash, now: Mono) -> bool {
        if self.recent.contains(&pod.uid) {
            return false;
        }
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(pod.uid);
        let slot = slot_of(now);
        while self.entries.front().is_some_and(|entry| entry.slot + slots(REMEMBERED) <= slot) {
            self.entries.pop_front();
        }
        if let Some(entry) = self.entries.iter_mut().rev().find(|entry| entry.slot == slot && entry.owner == owner) {
            entry.count += 1;
        } else {
            if self.entries.len() == MOST_ENTRIES {
                self.entries.pop_front();
            }
            self.entries.push_back(LivesInSlot { slot, owner, count: 1 });
        }
        self.last = now;
        if *self.namespace != *pod.namespace {
            self.namespace = Clean::new(pod.namespace);
        }
        self.count = self.in_window().map(|entry| entry.count).sum();
        true
    }

    /// Entries of the window up to the last short life.
    fn in_window(&self) -> impl Iterator<Item = &LivesInSlot> {
        let last = slot_of(self.last);
        self.entries.iter().filter(move |entry| entry.slot + slots(WINDOW) > last)
    }

    /// Short lives of these owners' pods in the window.
    fn count_of(&self, owners: &[OwnerHash]) -> u32 {
        self.in_window().filter(|entry| owners.contains(&entry.owner)).map(|entry| entry.count).sum()
    }

    fn may_be_asked(&self, now: Mono) -> bool {
        self.asked.is_none_or(|asked| now.since(asked.at) >= WINDOW)
    }

    /// Returns `true` while the answer to a question is awaited.
    fn awaits(&self, now: Mono) -> bool {
        self.asked.is_some_and(|asked| !asked.answered && now.since(asked.at) < LOST)
    }

    fn black_hole<'a>(&'a self, node: &'a Clean) -> Option<BlackHole<'a>> {
        let reason = self.finding.as_ref()?.as_ref().map_err(|failure| &**failure);
        Some(BlackHole { node, short_lives: self.count, since: self.since?, last: self.last, reason })
    }
}

/// Number of the slot of a time.
fn slot_of(now: Mono) -> u64 {
    now.0.as_secs() / SLOT.as_secs()
}

/// Number of slots of a window.
fn slots(window: Duration) -> u64 {
    window.as_secs() / SLOT.as_secs()
}

impl BlackHole<'_> {
    /// `kills what it gets: 12 pods lived < 60 s in 5m: UnexpectedAdmissionError ×12 ("Allocate failed due to …")`.
    #[must_use]
    pub fn text(&self) -> String {
        let lives = format!("kills what it gets: {} pods lived < 60 s in 5m", self.short_lives);
        match self.reason {
            Ok(EndReason { reason, count, message }) if message.is_empty() => format!("{lives}: {reason} ×{count}"),
            Ok(EndReason { reason, count, message }) => {
                format!("{lives}: {reason} ×{count} (\"{}\")", excerpt(message))
            }
            Err(failure) => format!("{lives}; why is not visible: its pods may not be listed ({})", failure.text),
        }
    }
}

/// Maximum length of a message in an alert, in characters.
const EXCERPT: usize = 140;

/// The start of a message, without the words that every rejection begins with.
fn excerpt(message: &str) -> String {
    let message = message.strip_prefix("Pod was rejected: ").unwrap_or(message);
    match message.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", message[..end].trim_end()),
        None => message.to_owned(),
    }
}

#[cfg(test)]
mod tests;
