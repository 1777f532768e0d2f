//! Blast radius: the pods that a fault hits, their gangs and namespaces, and the devices that they hold.

use std::cmp::Reverse;

use hashbrown::HashMap;

use crate::facts::accelerator::{AcceleratorTable, Kind};
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::model::derive::gangs::{self, GangKey, GangRow, GangSource, Wanted};
use crate::model::known::Known;
use crate::model::store::Stores;
use crate::model::store::nodes::Node;
use crate::model::store::pods::{Gang, GangId, NamespaceId, PodSlot, PodStore, ResourceId};
use crate::msg::{AlertHits, HitGang, HitNamespace, HitsState};

/// Number of gangs and of namespaces that are named; further ones are counted.
const NAMED: usize = 16;

/// Pods that a fault hits, as far as pods are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits {
    /// Bound pods that are neither Succeeded nor Failed.
    pub pods: u32,
    /// Whole devices that they request, all resources together.
    pub accelerators: i64,
    /// Gangs with a pod among them: those of which the most pods stand still first.
    pub gangs: Vec<GangHit>,
    /// Number of gangs that are not named.
    pub more_gangs: usize,
    /// Namespaces with a pod among them, the most pods first.
    pub namespaces: Vec<NamespaceHit>,
    /// Number of namespaces that are not named.
    pub more_namespaces: usize,
    /// `true` if it is not known which of these pods are hit: any number of them, up to all.
    pub at_most: bool,
}

/// A gang that is hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GangHit {
    /// Its identity, with namespace, kind and name.
    pub key: GangKey,
    /// Number of its pods that are hit.
    pub hit: u32,
    /// Number of pods that it needs.
    pub wanted: Wanted,
}

impl GangHit {
    /// Sort key: all pods of a gang stand still with one of them.
    fn worst_first(&self) -> (Reverse<u32>, Reverse<u32>) {
        (Reverse(self.wanted.number()), Reverse(self.hit))
    }
}

/// A namespace that is hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceHit {
    /// Its name.
    pub name: Clean,
    /// Number of its pods that are hit.
    pub pods: u32,
}

/// Pods that a fault may hit, before they are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HitTarget {
    /// Pods of these nodes, each named once.
    Nodes(Vec<HitNode>),
    /// All pods of the cluster.
    Cluster,
}

/// Pods of one node that a fault may hit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HitNode {
    pub(crate) name: Clean,
    /// A pod is hit if it belongs to one of these.
    pub(crate) parts: Vec<HitPart>,
}

/// Some of the pods of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum HitPart {
    /// All of them.
    All,
    /// Those that request accelerators of any kind.
    Accelerators,
    /// Those that request this resource.
    Resource(Clean),
}

impl Hits {
    /// Hits of several clusters together: each keeps its own namespaces and gangs.
    #[must_use]
    pub fn sum<'a>(all: impl Iterator<Item = &'a Self>) -> Self {
        let mut sum = Self::default();
        for hits in all {
            sum.pods += hits.pods;
            sum.accelerators += hits.accelerators;
            sum.gangs.extend(hits.gangs.iter().cloned());
            sum.more_gangs += hits.more_gangs;
            sum.namespaces.extend(hits.namespaces.iter().cloned());
            sum.more_namespaces += hits.more_namespaces;
            sum.at_most |= hits.at_most;
        }
        sum.gangs.sort_by_key(GangHit::worst_first);
        sum.namespaces.sort_by_key(|namespace| Reverse(namespace.pods));
        sum.more_gangs += sum.gangs.len().saturating_sub(NAMED);
        sum.more_namespaces += sum.namespaces.len().saturating_sub(NAMED);
        sum.gangs.truncate(NAMED);
        sum.namespaces.truncate(NAMED);
        sum
    }

    fn plain(&self) -> AlertHits {
        let gang = |GangHit { key, hit, wanted }: &GangHit| {
            let (wanted, wanted_at_least) = match *wanted {
                Wanted::Exact(number) => (Some(number), None),
                Wanted::AtLeast(number) => (None, Some(number)),
            };
            let (namespace, name, kind) = (key.namespace.clone(), key.name.clone(), key.kind.clone());
            HitGang { namespace, name, kind, hit: *hit, wanted, wanted_at_least }
        };
        let namespace = |NamespaceHit { name, pods }: &NamespaceHit| HitNamespace { name: name.clone(), pods: *pods };
        AlertHits {
            pods: self.pods,
            at_most: self.at_most,
            accelerators: self.accelerators,
            gangs: self.gangs.iter().map(gang).collect(),
            more_gangs: self.more_gangs,
            namespaces: self.namespaces.iter().map(namespace).collect(),
            more_namespaces: self.more_namespaces,
        }
    }
}

/// The hits of an alert as plain data with their state; `None` for an alert that hits none by its kind.
pub(in crate::model) fn plain(hits: Option<&Known<Hits>>) -> (Option<AlertHits>, HitsState) {
    match hits {
        None => (None, HitsState::None),
        Some(Known::Unknown) => (None, HitsState::Unknown),
        Some(Known::Denied) => (None, HitsState::Denied),
        Some(Known::AtLeast(hits)) => (Some(hits.plain()), HitsState::AtLeast),
        Some(Known::Exact(hits)) => (Some(hits.plain()), HitsState::Complete),
    }
}

impl HitTarget {
    /// Some pods of nodes, which may be named several times.
    pub(crate) fn of_nodes(mut parts: Vec<(Clean, HitPart)>) -> Self {
        parts.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut nodes: Vec<HitNode> = Vec::new();
        for (name, part) in parts {
            match nodes.last_mut() {
                Some(last) if last.name == name => last.parts.push(part),
                _ => nodes.push(HitNode { name, parts: vec![part] }),
            }
        }
        Self::Nodes(nodes)
    }

    /// The pods, in no particular order.
    pub(crate) fn slots(&self, stores: Stores<'_>) -> Vec<PodSlot> {
        let Self::Nodes(nodes) = self else { return stores.pods.bound_pods().collect() };
        let on_node = |node: &HitNode| {
            let mut on = OnNode::new(&node.name, stores);
            stores.pods.bound_to(&node.name).filter(|slot| on.is_hit(*slot, node)).collect::<Vec<_>>()
        };
        nodes.iter().flat_map(on_node).collect()
    }

    /// Counts the pods: O(pods of these nodes), and of the gangs that are named O(all their pods) unless `reads` has them. `requested`:
    /// whole devices that all pods of the cluster request.
    pub(crate) fn count(&self, from: GangSource<'_>, requested: i64, reads: &mut HitReads) -> Hits {
        let stores = Stores { nodes: from.nodes, pods: from.pods };
        let mut counter = HitCounter::new(stores.pods);
        let Self::Nodes(nodes) = self else {
            reads.pods += stores.pods.slots();
            stores.pods.bound_pods().for_each(|slot| counter.add(slot));
            return counter.finish(from, requested, reads);
        };
        let mut devices = Quantity::ZERO;
        for node in nodes {
            let mut on = OnNode::new(&node.name, stores);
            for slot in stores.pods.bound_to(&node.name) {
                reads.pods += 1;
                if on.is_hit(slot, node) {
                    counter.add(slot);
                    devices += on.devices(slot);
                }
            }
        }
        counter.finish(from, devices.value(), reads)
    }
}

/// One node whose pods are looked at, with the kinds of the resources that they request there.
struct OnNode<'a> {
    pods: &'a PodStore,
    node: Option<&'a Node>,
    table: &'a AcceleratorTable,
    kinds: Vec<(ResourceId, Option<Kind>)>,
}

impl<'a> OnNode<'a> {
    fn new(name: &str, stores: Stores<'a>) -> Self {
        let Stores { nodes, pods } = stores;
        Self { pods, node: nodes.by_name(name), table: nodes.accelerators(), kinds: Vec::new() }
    }

    fn is_hit(&mut self, slot: PodSlot, node: &HitNode) -> bool {
        let pods = self.pods;
        node.parts.iter().any(|part| match part {
            HitPart::All => true,
            HitPart::Accelerators => pods
                .extended(slot)
                .any(|(id, amount)| amount > Quantity::ZERO && self.kind(id).is_some_and(|kind| kind != Kind::Aux)),
            HitPart::Resource(name) => {
                pods.extended(slot).any(|(id, amount)| amount > Quantity::ZERO && *pods.resource_name(id) == **name)
            }
        })
    }

    /// Whole devices that a pod requests.
    fn devices(&mut self, slot: PodSlot) -> Quantity {
        let whole = self.pods.extended(slot).filter(|(id, _)| self.kind(*id) == Some(Kind::Device));
        whole.fold(Quantity::ZERO, |sum, (_, amount)| sum + amount)
    }

    fn kind(&mut self, id: ResourceId) -> Option<Kind> {
        if let Some((_, kind)) = self.kinds.iter().find(|(known, _)| *known == id) {
            return *kind;
        }
        let name = self.pods.resource_name(id);
        let kind = self.table.classify_at(name, self.node.map(|node| &node.facts));
        self.kinds.push((id, kind));
        kind
    }
}

/// Pods that are read while the hits of alerts are counted together: those of a gang are read once.
#[derive(Debug, Default)]
pub(crate) struct HitReads {
    /// Number of pods that were read.
    pods: usize,
    /// Number of pods that gangs need; `None` for pods that have nobody to work with.
    wanted: HashMap<GangId, Option<Wanted>>,
}

impl HitReads {
    /// Number of pods that were read: those of the nodes for each alert, those of gangs once.
    pub(crate) fn pods(&self) -> usize {
        self.pods
    }

    /// Number of pods that a gang needs; `None` if it is none. Reads all its pods the first time.
    fn wanted(&mut self, from: GangSource<'_>, HeldGang { id, gang, .. }: &HeldGang<'_>) -> Option<Wanted> {
        let Self { pods, wanted } = self;
        *wanted.entry(*id).or_insert_with(|| {
            *pods += gang.pods_held();
            let row = gangs::row(from, &GangKey::of(gang)).filter(GangRow::is_listed);
            row.map(|row| row.wanted)
        })
    }
}

/// A gang with pods that are hit.
struct HeldGang<'a> {
    id: GangId,
    gang: &'a Gang,
    hit: u32,
}

/// Pods that are hit, by namespace and gang.
struct HitCounter<'a> {
    store: &'a PodStore,
    pods: u32,
    namespaces: HashMap<NamespaceId, u32>,
    gangs: HashMap<GangId, u32>,
}

impl<'a> HitCounter<'a> {
    fn new(store: &'a PodStore) -> Self {
        Self { store, pods: 0, namespaces: HashMap::new(), gangs: HashMap::new() }
    }

    fn add(&mut self, slot: PodSlot) {
        self.pods += 1;
        if let Some(namespace) = self.store.namespace_id_of(slot) {
            *self.namespaces.entry(namespace).or_default() += 1;
        }
        if let Some(gang) = self.store.gang_of(slot) {
            *self.gangs.entry(gang).or_default() += 1;
        }
    }

    fn finish(self, from: GangSource<'_>, accelerators: i64, reads: &mut HitReads) -> Hits {
        let Self { store, pods, namespaces, gangs } = self;
        // A single pod works by itself, unless it says that it has others.
        let held = gangs.into_iter().filter_map(|(id, hit)| Some(HeldGang { id, gang: store.gang(id)?, hit }));
        let mut held: Vec<HeldGang<'_>> =
            held.filter(|held| held.gang.pods_held() > 1 || reads.wanted(from, held).is_some()).collect();
        // How many pods the others need is not worth a look at all of their pods.
        let worst = |held: &HeldGang<'_>| (Reverse(held.gang.pods_held()), Reverse(held.hit));
        let name = |held: &HeldGang<'a>| (&held.gang.namespace, &held.gang.name);
        held.sort_unstable_by(|a, b| worst(a).cmp(&worst(b)).then_with(|| name(a).cmp(&name(b))));
        let more_gangs = held.len().saturating_sub(NAMED);
        let named = held.into_iter().take(NAMED).filter_map(|held| {
            let wanted = reads.wanted(from, &held)?;
            Some(GangHit { key: GangKey::of(held.gang), hit: held.hit, wanted })
        });
        let mut gangs: Vec<GangHit> = named.collect();
        gangs.sort_by_key(GangHit::worst_first);
        let mut namespaces: Vec<(&str, u32)> =
            namespaces.into_iter().map(|(id, pods)| (store.namespace(id), pods)).collect();
        namespaces.sort_unstable_by_key(|(name, pods)| (Reverse(*pods), *name));
        Hits {
            pods,
            accelerators,
            gangs,
            more_gangs,
            more_namespaces: namespaces.len().saturating_sub(NAMED),
            namespaces: namespaces
                .into_iter()
                .take(NAMED)
                .map(|(name, pods)| NamespaceHit { name: Clean::new(name), pods })
                .collect(),
            at_most: false,
        }
    }
}
