//! Pods in trouble by what they share: an owner, a gang, a node, a namespace, the registry of an image.
//!
//! Counted in slices; the last report stays until the next one is ready.

mod count;

use std::sync::Arc;
use std::time::Duration;

use crate::facts::gang::GangSystem;
use crate::facts::image::registry;
use crate::facts::pod::{PodFacts, TroubleKind};
use crate::facts::text::Clean;
use crate::model::derive::trouble::TroubleClass;
use crate::model::sorter::SLICE;
use crate::model::store::pods::{GangKey, NodeId, PodSlot};
use crate::msg::Mono;

use count::GroupCount;

/// Minimum time between two counts of a long list whose pods change all the time.
const PERIOD: Duration = Duration::from_secs(1);

/// Grouping of pods in trouble.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PodGrouping {
    /// Each pod by itself.
    #[default]
    None,
    /// By the controlling owner.
    Owner,
    /// By the gang.
    Gang,
    /// By the node.
    Node,
    /// By the namespace.
    Namespace,
    /// By the registry of the image that is in trouble.
    Registry,
}

impl PodGrouping {
    /// All of them, in the order in which keys go through them.
    pub const ALL: [Self; 6] = [Self::None, Self::Owner, Self::Gang, Self::Node, Self::Namespace, Self::Registry];

    /// In one word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Owner => "owner",
            Self::Gang => "gang",
            Self::Node => "node",
            Self::Namespace => "namespace",
            Self::Registry => "registry",
        }
    }

    /// The property with its article: `an owner`.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::None | Self::Owner => "an owner",
            Self::Gang => "a gang",
            Self::Node => "a node",
            Self::Namespace => "a namespace",
            Self::Registry => "an image in trouble",
        }
    }

    /// Returns `true` if all pods of a group are in one namespace, which is a part of its name.
    #[must_use]
    pub fn is_namespaced(self) -> bool {
        matches!(self, Self::Owner | Self::Gang)
    }
}

/// Identity of a controlling owner of pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerKey {
    /// Namespace of the owner and of its pods.
    pub namespace: Clean,
    /// Kind: `ReplicaSet`, `Job`.
    pub kind: Clean,
    /// Name.
    pub name: Clean,
}

/// Identity of a group of pods, also in later reports.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PodGroupKey {
    /// Property that its pods share.
    pub by: PodGrouping,
    /// Namespace of an owner or a gang; otherwise empty.
    pub namespace: Clean,
    /// System of a gang.
    system: Option<GangSystem>,
    /// Kind of an owner or a gang; otherwise empty.
    pub kind: Clean,
    /// Identity within these; empty of the pods that have none.
    pub id: Clean,
    /// Name of a gang, which is a part of its identity; otherwise empty.
    pub name: Clean,
}

impl PodGroup {
    /// The gang that its pods belong to; `None` if they are grouped by something else, or belong to none.
    #[must_use]
    pub fn gang(&self) -> Option<GangKey> {
        let PodGroupKey { namespace, system, kind, id, name, .. } = self.key.clone();
        Some(GangKey { system: system?, namespace, kind, key: id, name })
    }
}

/// Kind of the groups by registry whose pods cannot pull.
const PULL: &str = "pull";
/// Text of the kubelet's own limit of pulls (`registryPullQPS`), which is no fault of a registry.
const OWN_LIMIT: &str = "pull QPS exceeded";

/// The same of one pod, without a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct GroupOfPod<'a> {
    namespace: &'a str,
    system: Option<GangSystem>,
    kind: &'a str,
    id: &'a str,
    name: &'a str,
}

impl<'a> GroupOfPod<'a> {
    fn new(by: PodGrouping, pod: &PodFacts<'a>) -> Self {
        let id = |id| Self { namespace: "", system: None, kind: "", id, name: "" };
        match (by, pod.gang) {
            (PodGrouping::Owner, _) if pod.owner_kind.is_empty() => id(""),
            (PodGrouping::Owner, _) => Self { namespace: pod.namespace, kind: pod.owner_kind, ..id(pod.owner_name) },
            (PodGrouping::Gang, Some(gang)) => Self {
                namespace: pod.namespace,
                system: Some(gang.system),
                kind: gang.kind,
                id: gang.key,
                name: gang.name,
            },
            (PodGrouping::Gang | PodGrouping::None, _) => id(""),
            (PodGrouping::Node, _) => id(pod.node),
            (PodGrouping::Namespace, _) => id(pod.namespace),
            (PodGrouping::Registry, _) => {
                let Some(trouble) = pod.trouble.filter(|trouble| !trouble.image.is_empty()) else { return id("") };
                // Pods that crash with an image of a registry must not hide that others cannot pull from it.
                let is_pull = trouble.kind == TroubleKind::ImagePull && !trouble.message.contains(OWN_LIMIT);
                Self { kind: if is_pull { PULL } else { "" }, ..id(registry(trouble.image)) }
            }
        }
    }
}

impl PodGroupKey {
    fn new(by: PodGrouping, group: GroupOfPod<'_>) -> Self {
        let [namespace, kind, id, name] = [group.namespace, group.kind, group.id, group.name].map(Clean::new);
        Self { by, namespace, system: group.system, kind, id, name }
    }

    /// The group in words: `of Job/llm in train`, `on node-7`.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { by, namespace, kind, id, name, .. } = self;
        match by {
            _ if id.is_empty() => format!("without {}", by.noun()),
            PodGrouping::Owner => format!("of {kind}/{id} in {namespace}"),
            PodGrouping::Gang => format!("of {kind}/{name} in {namespace}"),
            PodGrouping::Node => format!("on {id}"),
            PodGrouping::Namespace => format!("in {id}"),
            PodGrouping::Registry if &**kind == PULL => format!("that cannot pull from {id}"),
            PodGrouping::Registry => format!("with an image of {id}"),
            PodGrouping::None => String::new(),
        }
    }

    /// The owner of its pods; `None` if they are not grouped by it, or have none.
    pub(crate) fn owner(&self) -> Option<OwnerKey> {
        let Self { by, namespace, kind, id, .. } = self;
        let owner = || OwnerKey { namespace: namespace.clone(), kind: kind.clone(), name: id.clone() };
        (*by == PodGrouping::Owner && !id.is_empty()).then(owner)
    }

    /// Returns `true` if a pod belongs to the group.
    pub(crate) fn has(&self, pod: &PodFacts<'_>) -> bool {
        self.is(GroupOfPod::new(self.by, pod))
    }

    fn is(&self, group: GroupOfPod<'_>) -> bool {
        self.of_pod() == group
    }

    fn of_pod(&self) -> GroupOfPod<'_> {
        let Self { namespace, system, kind, id, name, .. } = self;
        GroupOfPod { namespace, system: *system, kind, id, name }
    }
}

/// Pods in trouble that share a property.
#[derive(Clone, Debug, PartialEq)]
pub struct PodGroup {
    /// Identity.
    pub key: PodGroupKey,
    /// Name to show; empty of the pods that have none.
    pub name: Clean,
    /// Number of its pods in trouble.
    pub pods: u32,
    /// The worst class of trouble of its pods.
    pub worst: TroubleClass,
    /// The most frequent word of the pods of that class, and their number: `ImagePullBackOff`, 37.
    pub word: WordCount,
    /// Number of nodes of its pods.
    pub nodes: u32,
    /// A node of its pods; empty if none of them has one.
    pub node: Clean,
    /// Whole devices that its pods hold.
    pub held: i64,
    /// Whole devices that its pods without a node request.
    pub requested: i64,
    /// Longest time for which one of its pods had been in trouble when the report was begun; `None` if that is not known.
    pub since: Option<Duration>,
    /// The most frequent text about the trouble: an image, a message.
    pub reason: Clean,
}

/// A word, and the number of pods that have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WordCount {
    /// The word.
    pub word: Clean,
    /// Number of pods.
    pub pods: u32,
}

/// Groups of the pods in trouble of a cluster.
#[derive(Debug, Default)]
pub struct PodGroupReport {
    /// Property that the groups share.
    pub by: PodGrouping,
    /// Time at which it was begun.
    pub at: Mono,
    /// Groups, worst class first, then the largest.
    pub groups: Vec<PodGroup>,
    /// Number of pods in trouble.
    pub pods: u32,
    /// Whole devices that they hold.
    pub held: i64,
    /// Whole devices that those without a node request.
    pub requested: i64,
}

/// A pod in trouble, for its group.
#[derive(Clone, Debug)]
pub(crate) struct GroupedPod<'a> {
    pub(crate) facts: PodFacts<'a>,
    pub(crate) class: TroubleClass,
    /// Whole devices.
    pub(crate) devices: i64,
    pub(crate) since: Option<Duration>,
    pub(crate) node: Option<NodeId>,
    /// The trouble in one word of the kubelet or the scheduler.
    pub(crate) word: &'a str,
    /// The trouble in full.
    pub(crate) reason: &'a str,
}

/// Source of the pods that are counted.
pub(crate) trait GroupSource {
    /// Slots of the pods that may be in trouble.
    fn candidates(&self) -> Vec<PodSlot>;

    /// A pod; `None` if it is not in trouble.
    fn grouped(&self, slot: PodSlot) -> Option<GroupedPod<'_>>;
}

/// The report, and the next one while it is counted.
#[derive(Debug, Default)]
pub(crate) struct PodGroupReports {
    report: Arc<PodGroupReport>,
    count: Option<GroupCount>,
    inputs: Option<GroupInputs>,
    at: Mono,
    /// Number of reports that were counted.
    made: u64,
}

/// Inputs of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct GroupInputs {
    by: PodGrouping,
    /// Revision of the pods in trouble.
    revision: u64,
}

impl PodGroupReports {
    /// The last report.
    pub(crate) fn shared(&self) -> &Arc<PodGroupReport> {
        &self.report
    }

    /// Number of reports that were counted.
    pub(crate) fn made(&self) -> u64 {
        self.made
    }

    /// Returns `true` while the next report is being counted.
    pub(crate) fn is_counting(&self) -> bool {
        self.count.is_some()
    }

    /// Begins a new report if something has changed, and counts its first slice.
    pub(crate) fn refresh(&mut self, by: PodGrouping, revision: u64, from: &impl GroupSource, now: Mono) {
        let inputs = GroupInputs { by, revision };
        let alike = self.inputs.is_some_and(|before| before.by == by);
        // A report that is being counted is finished first: changes that never end must not keep it from the screen.
        let is_long = self.report.pods as usize > SLICE;
        let waits = self.is_counting() || (is_long && now.since(self.at) < PERIOD);
        if self.inputs == Some(inputs) || (alike && waits) {
            return;
        }
        (self.inputs, self.at) = (Some(inputs), now);
        self.count =
            Some(GroupCount::new(PodGroupReport { by, at: now, ..PodGroupReport::default() }, from.candidates()));
        self.advance(from);
    }

    /// Counts one slice of the next report, if there is one.
    pub(crate) fn advance(&mut self, from: &impl GroupSource) {
        let Some(mut count) = self.count.take() else { return };
        if !count.advance(from) {
            self.count = Some(count);
            return;
        }
        self.report = Arc::new(count.into_report());
        self.made += 1;
    }
}

impl PodGroup {
    /// A group without pods.
    fn new(key: PodGroupKey, worst: TroubleClass) -> Self {
        let name = match key.by {
            _ if key.id.is_empty() => Clean::default(),
            PodGrouping::Owner => Clean::new(&format!("{}/{}", key.kind, key.id)),
            PodGrouping::Gang => key.name.clone(),
            _ => key.id.clone(),
        };
        Self {
            key,
            name,
            pods: 0,
            worst,
            word: WordCount::default(),
            nodes: 0,
            node: Clean::default(),
            held: 0,
            requested: 0,
            since: None,
            reason: Clean::default(),
        }
    }
}
