//! Counts the groups of a report, one slice of pods at a time.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::{GroupOfPod, GroupSource, GroupedPod, PodGroup, PodGroupKey, PodGroupReport, WordCount};
use crate::facts::pod::PodFacts;
use crate::facts::text::Clean;
use crate::model::derive::trouble::TroubleClass;
use crate::model::natural::natural_cmp;
use crate::model::sorter::SLICE;
use crate::model::store::pods::{NodeId, PodSlot};

/// Maximum number of different texts of one group that are counted; further ones are rare.
const TEXTS: usize = 16;

/// A report that is being counted.
#[derive(Debug)]
pub(super) struct GroupCount {
    report: PodGroupReport,
    /// Texts of the group of the same index in the report.
    texts: Vec<GroupTexts>,
    /// Indices of the groups by their keys.
    index: HashTable<usize>,
    hasher: DefaultHashBuilder,
    /// Nodes of the groups by their indices.
    nodes: HashSet<(usize, NodeId)>,
    todo: Vec<PodSlot>,
    at: usize,
}

/// Texts of the pods of a group, and how many pods have each.
#[derive(Debug, Default)]
struct GroupTexts {
    /// Words of the worst class.
    words: TextCounts,
    reasons: TextCounts,
}

/// The first [`TEXTS`] different texts, and how many pods have each.
#[derive(Debug, Default)]
struct TextCounts(Vec<WordCount>);

impl TextCounts {
    fn add(&mut self, text: &str) {
        let Self(counts) = self;
        if let Some(count) = counts.iter_mut().find(|count| *count.word == *text) {
            count.pods += 1;
        } else if counts.len() < TEXTS {
            counts.push(WordCount { word: Clean::new(text), pods: 1 });
        }
    }

    /// The text that most pods have; of several the first.
    fn into_most(self) -> WordCount {
        self.0.into_iter().reduce(|most, next| if next.pods > most.pods { next } else { most }).unwrap_or_default()
    }
}

impl GroupCount {
    /// Begins to fill an empty report with the groups of these pods.
    pub(super) fn new(report: PodGroupReport, todo: Vec<PodSlot>) -> Self {
        Self {
            report,
            texts: Vec::new(),
            index: HashTable::new(),
            hasher: DefaultHashBuilder::default(),
            nodes: HashSet::new(),
            todo,
            at: 0,
        }
    }

    /// Counts one slice; returns `true` once all pods are counted.
    pub(super) fn advance(&mut self, from: &impl GroupSource) -> bool {
        let end = (self.at + SLICE).min(self.todo.len());
        for at in self.at..end {
            if let Some(pod) = from.grouped(self.todo[at]) {
                self.add(&pod);
            }
        }
        self.at = end;
        end == self.todo.len()
    }

    fn add(&mut self, pod: &GroupedPod<'_>) {
        let GroupedPod { ref facts, class, devices, since, node, word, reason } = *pod;
        let at = self.group_of(facts, class);
        let (group, texts) = (&mut self.report.groups[at], &mut self.texts[at]);
        group.pods += 1;
        if class < group.worst {
            group.worst = class;
            texts.words = TextCounts::default();
        }
        if class == group.worst {
            texts.words.add(word);
        }
        if !reason.is_empty() {
            texts.reasons.add(reason);
        }
        group.since = group.since.max(since);
        if node.is_some_and(|node| self.nodes.insert((at, node))) {
            if group.nodes == 0 {
                group.node = Clean::new(facts.node);
            }
            group.nodes += 1;
        }
        let (of_group, of_all) = match facts.node {
            "" => (&mut group.requested, &mut self.report.requested),
            _ => (&mut group.held, &mut self.report.held),
        };
        *of_group = of_group.saturating_add(devices);
        *of_all = of_all.saturating_add(devices);
        self.report.pods += 1;
    }

    /// Index of the group of a pod; a new one if it is the first of its group.
    fn group_of(&mut self, pod: &PodFacts<'_>, class: TroubleClass) -> usize {
        let by = self.report.by;
        let key = GroupOfPod::new(by, pod);
        let Self { report, hasher, index, texts, .. } = self;
        let groups = &mut report.groups;
        let hash = hasher.hash_one(key);
        if let Some(at) = index.find(hash, |at| groups[*at].key.is(key)) {
            return *at;
        }
        let at = groups.len();
        groups.push(PodGroup::new(PodGroupKey::new(by, key), class));
        texts.push(GroupTexts::default());
        let hash_of = |at: &usize| hasher.hash_one(groups[*at].key.of_pod());
        index.insert_unique(hash, at, hash_of);
        at
    }

    pub(super) fn into_report(mut self) -> PodGroupReport {
        for (group, texts) in self.report.groups.iter_mut().zip(self.texts) {
            group.word = texts.words.into_most();
            group.reason = texts.reasons.into_most().word;
        }
        self.report.groups.sort_by(|a, b| {
            let order = |group: &PodGroup| (group.worst, Reverse(group.pods));
            let names = || natural_cmp(&a.key.namespace, &b.key.namespace).then_with(|| natural_cmp(&a.name, &b.name));
            order(a).cmp(&order(b)).then_with(names)
        });
        self.report
    }
}
