//! Trouble, gangs and constraints of pods, in tables beside the records, so that pods without them take no memory for it.

use std::hash::BuildHasher;

use hashbrown::HashMap;
use jiff::Timestamp;

use super::pool::InternPool;
use super::record::PodRecord;
use super::{PodSlot, PodStore};
use crate::facts::gang::{GangMember, GangSystem, Rank};
use crate::facts::pod::{PodConstraints, PodFacts, PodTrouble, Since, TroubleKind};
use crate::facts::text::Clean;

/// Tables by slot.
#[derive(Default)]
pub(super) struct SideTables {
    troubles: HashMap<u32, Trouble>,
    members: HashMap<u32, Member>,
    gangs: InternPool<Gang>,
    constraints: HashMap<u32, Box<PodConstraints>>,
}

/// Trouble of one pod.
#[derive(Debug, PartialEq, Eq)]
struct Trouble {
    kind: TroubleKind,
    since: Option<Since>,
    message: Box<str>,
    image: Box<str>,
    device: Box<str>,
}

/// Place of one pod in its gang.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Member {
    gang: u32,
    rank: Option<Rank>,
    size: Option<u16>,
}

/// A gang, and the pods that are held of it.
#[derive(Debug)]
pub struct Gang {
    /// Namespace of its pods.
    pub namespace: Box<str>,
    /// System that made it.
    pub system: GangSystem,
    /// Kind of the object to show.
    pub kind: Box<str>,
    /// Identity within its system and namespace.
    pub key: Box<str>,
    /// Name to show.
    pub name: Box<str>,
    /// Slots of its pods, in no particular order.
    pub(super) slots: Vec<u32>,
}

/// Id of a gang, valid while a pod of it is held; afterwards another gang may get the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GangId(pub(super) u32);

/// Identity of a gang across screens. Kind and name belong to it: two operators may have a job of one name in a namespace, and a
/// key such as that of a task group is only unique within its application.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GangKey {
    /// System that made it.
    pub system: GangSystem,
    /// Namespace of its pods.
    pub namespace: Clean,
    /// Kind of the object to show.
    pub kind: Clean,
    /// Identity within its system and namespace.
    pub key: Clean,
    /// Name to show.
    pub name: Clean,
}

impl GangKey {
    /// The key of a held gang.
    #[must_use]
    pub fn of(gang: &Gang) -> Self {
        let [namespace, kind, key, name] =
            [&gang.namespace, &gang.kind, &gang.key, &gang.name].map(|text| Clean::new(text));
        Self { system: gang.system, namespace, kind, key, name }
    }

    /// The key of the gang that a pod belongs to; `None` if it works by itself.
    #[must_use]
    pub fn of_pod(pod: &PodFacts<'_>) -> Option<Self> {
        let GangMember { system, kind, key, name, .. } = pod.gang?;
        let [namespace, kind, key, name] = [pod.namespace, kind, key, name].map(Clean::new);
        Some(Self { system, namespace, kind, key, name })
    }
}

impl Default for Gang {
    fn default() -> Self {
        let [namespace, kind, key, name] = [(); 4].map(|()| Box::default());
        Self { namespace, system: GangSystem::Job, kind, key, name, slots: Vec::new() }
    }
}

impl Gang {
    /// Number of its pods that are held, whatever their phase.
    #[must_use]
    pub fn pods_held(&self) -> usize {
        self.slots.len()
    }
}

impl SideTables {
    /// Adds what the tables have of a pod to its facts.
    pub(super) fn complete<'a>(&'a self, slot: u32, pod: &mut PodFacts<'a>) {
        pod.trouble = self.troubles.get(&slot).map(Trouble::facts);
        pod.gang = self.members.get(&slot).map(|member| {
            let Gang { system, kind, key, name, .. } = self.gangs.get(member.gang);
            GangMember { system: *system, kind, key, name, rank: member.rank, size: member.size }
        });
        pod.constraints = self.constraints.get(&slot).map(|constraints| &**constraints);
    }

    /// Forgets a pod.
    pub(super) fn remove(&mut self, slot: u32) {
        self.troubles.remove(&slot);
        self.constraints.remove(&slot);
        if let Some(member) = self.members.remove(&slot) {
            self.leave(slot, member.gang);
        }
    }

    fn leave(&mut self, slot: u32, gang: u32) {
        let slots = &mut self.gangs.get_mut(gang).slots;
        if let Some(at) = slots.iter().position(|member| *member == slot) {
            slots.swap_remove(at);
        }
        self.gangs.release(gang);
    }

    fn update_trouble(&mut self, slot: u32, trouble: Option<PodTrouble<'_>>) -> bool {
        let Some(trouble) = trouble else { return self.troubles.remove(&slot).is_some() };
        if self.troubles.get(&slot).is_some_and(|held| held.facts() == trouble) {
            return false;
        }
        let PodTrouble { kind, since, message, image, device } = trouble;
        let [message, image, device] = [message, image, device].map(Box::from);
        self.troubles.insert(slot, Trouble { kind, since, message, image, device });
        true
    }

    fn update_constraints(&mut self, slot: u32, constraints: Option<&PodConstraints>) -> bool {
        let Some(constraints) = constraints else { return self.constraints.remove(&slot).is_some() };
        if self.constraints.get(&slot).is_some_and(|held| **held == *constraints) {
            return false;
        }
        self.constraints.insert(slot, Box::new(constraints.clone()));
        true
    }

    fn heap_bytes(&self) -> usize {
        let trouble = |held: &Trouble| held.message.len() + held.image.len() + held.device.len();
        let gang = |held: &Gang| {
            let texts =
                [&held.namespace, &held.kind, &held.key, &held.name].iter().map(|text| text.len()).sum::<usize>();
            texts + held.slots.capacity() * size_of::<u32>()
        };
        let constraints = |held: &PodConstraints| size_of::<PodConstraints>() + held.heap_bytes();
        self.troubles.allocation_size()
            + self.troubles.values().map(trouble).sum::<usize>()
            + self.members.allocation_size()
            + self.gangs.heap_bytes(gang)
            + self.constraints.allocation_size()
            + self.constraints.values().map(|held| constraints(held)).sum::<usize>()
    }
}

impl Trouble {
    fn facts(&self) -> PodTrouble<'_> {
        let Self { kind, since, message, image, device } = self;
        PodTrouble { kind: *kind, since: *since, message, image, device }
    }
}

impl PodStore {
    /// Updates the tables for a pod that was just put into `slot`; returns `true` if that is a change.
    pub(super) fn update_side(&mut self, slot: u32, pod: &PodFacts<'_>) -> bool {
        let changed = self.side.update_trouble(slot, pod.trouble) | self.side.update_constraints(slot, pod.constraints);
        changed | self.update_gang(slot, pod)
    }

    fn update_gang(&mut self, slot: u32, pod: &PodFacts<'_>) -> bool {
        let side = &mut self.side;
        let old = side.members.get(&slot).copied();
        let Some(GangMember { system, kind, key, name, rank, size }) = pod.gang else {
            side.members.remove(&slot);
            if let Some(old) = old {
                side.leave(slot, old.gang);
            }
            return old.is_some();
        };
        let same = |held: &Gang| {
            (held.system, &*held.namespace, &*held.key, &*held.kind, &*held.name)
                == (system, pod.namespace, key, kind, name)
        };
        if let Some(old) = old.filter(|old| same(side.gangs.get(old.gang))) {
            let member = Member { rank, size, ..old };
            side.members.insert(slot, member);
            return member != old;
        }
        if let Some(old) = old {
            side.leave(slot, old.gang);
        }
        let hash = self.hasher.hash_one((system, pod.namespace, key, kind, name));
        let [namespace, kind, key, name] = [pod.namespace, kind, key, name].map(Box::from);
        let gang = side.gangs.intern(hash, same, || Gang { namespace, system, kind, key, name, slots: Vec::new() });
        side.gangs.get_mut(gang).slots.push(slot);
        side.members.insert(slot, Member { gang, rank, size });
        true
    }

    /// Pods that are in trouble by themselves, in no particular order.
    pub fn troubled(&self) -> impl Iterator<Item = PodSlot> {
        self.side.troubles.keys().copied().map(PodSlot)
    }

    /// Kind of each trouble, and the time since which it has lasted, as far as it is known.
    pub fn trouble_times(&self) -> impl Iterator<Item = (TroubleKind, Option<Timestamp>)> {
        let created = |slot: u32| self.records.get(slot).and_then(PodRecord::created);
        self.side.troubles.iter().map(move |(slot, held)| {
            let since = held.since.map(|since| since.at).or_else(|| created(*slot));
            (held.kind, since)
        })
    }

    /// Pods that wait for a node, in no particular order.
    pub fn waiting(&self) -> impl Iterator<Item = PodSlot> {
        self.side.constraints.keys().copied().map(PodSlot)
    }

    /// Gangs of which a pod is held, in no particular order.
    pub fn gangs(&self) -> impl Iterator<Item = (GangId, &Gang)> {
        self.side.gangs.iter().map(|(id, gang)| (GangId(id), gang))
    }

    /// A gang; `None` if no pod of it is held any more.
    #[must_use]
    pub fn gang(&self, GangId(id): GangId) -> Option<&Gang> {
        self.side.gangs.held(id)
    }

    /// The gang with this key; `None` if no pod of it is held.
    #[must_use]
    pub fn find_gang(&self, gang: &GangKey) -> Option<GangId> {
        let GangKey { system, namespace, kind, key, name } = gang;
        let identity = (*system, &**namespace, &**key, &**kind, &**name);
        let same = |held: &Gang| (held.system, &*held.namespace, &*held.key, &*held.kind, &*held.name) == identity;
        self.side.gangs.find(self.hasher.hash_one(identity), same).map(GangId)
    }

    /// The pods of a gang, in no particular order.
    pub fn members(&self, gang: GangId) -> impl Iterator<Item = PodSlot> {
        self.gang(gang).into_iter().flat_map(|gang| &gang.slots).copied().map(PodSlot)
    }

    /// The gang of a pod.
    #[must_use]
    pub fn gang_of(&self, PodSlot(slot): PodSlot) -> Option<GangId> {
        self.side.members.get(&slot).map(|member| GangId(member.gang))
    }

    pub(super) fn side_bytes(&self) -> usize {
        self.side.heap_bytes()
    }
}
