//! Known fields of a node on the wire.

use hashbrown::HashSet;

use super::{ConditionStatus, NodeCondition, NodeFacts, NodeTaint};
use crate::facts::hami::HAMI_REGISTER;
use crate::facts::json::{Amount, Flag, JsonList, Obj, Pairs, Text, Time};
use crate::facts::message::message;
use crate::facts::quantity::Quantity;
use crate::facts::text::{Clean, sanitize};
use crate::facts::wire::{ObjectMeta, Uid, version};

message! {
    /// `Node`.
    pub(super) struct RawNode<'a> {
        kind: Text<'a> = "kind",
        metadata: Obj<ObjectMeta<'a, Pairs<'a, Text<'a>>>> = "metadata" | 1,
        spec: Obj<NodeSpec<'a>> = "spec" | 2,
        status: Obj<NodeStatus<'a>> = "status" | 3,
    }

    /// `NodeSpec`.
    pub(super) struct NodeSpec<'a> {
        unschedulable: Flag = "unschedulable" | 4,
        taints: JsonList<Obj<RawTaint<'a>>> = "taints" | 5,
    }

    /// `Taint`.
    pub(super) struct RawTaint<'a> {
        key: Text<'a> = "key" | 1,
        value: Text<'a> = "value" | 2,
        effect: Text<'a> = "effect" | 3,
    }

    /// `NodeStatus`.
    pub(super) struct NodeStatus<'a> {
        capacity: Pairs<'a, Amount> = "capacity" | 1,
        allocatable: Pairs<'a, Amount> = "allocatable" | 2,
        conditions: JsonList<Obj<RawCondition<'a>>> = "conditions" | 4,
        addresses: JsonList<Obj<NodeAddress<'a>>> = "addresses" | 5,
        info: Obj<Info<'a>> = "nodeInfo" | 7,
    }

    /// `NodeCondition`.
    pub(super) struct RawCondition<'a> {
        kind: Text<'a> = "type" | 1,
        status: Text<'a> = "status" | 2,
        since: Time = "lastTransitionTime" | 4,
        reason: Text<'a> = "reason" | 5,
        message: Text<'a> = "message" | 6,
    }

    /// `NodeSystemInfo`.
    pub(super) struct Info<'a> {
        kernel: Text<'a> = "kernelVersion" | 4,
        os_image: Text<'a> = "osImage" | 5,
        runtime: Text<'a> = "containerRuntimeVersion" | 6,
        kubelet: Text<'a> = "kubeletVersion" | 7,
        architecture: Text<'a> = "architecture" | 10,
    }

    /// `NodeAddress`.
    pub(super) struct NodeAddress<'a> {
        kind: Text<'a> = "type" | 1,
        address: Text<'a> = "address" | 2,
    }
}

impl RawNode<'_> {
    pub(super) fn facts(&self, texts: &mut TextInterner) -> NodeFacts {
        let Self { metadata: Obj(meta), spec: Obj(spec), status: Obj(status), .. } = self;
        let mut unreadable = 0;
        let capacity = amounts(&status.capacity, &mut unreadable, texts);
        let allocatable = amounts(&status.allocatable, &mut unreadable, texts);
        let Obj(info) = &status.info;
        let mut labels: Vec<_> =
            meta.labels.0.iter().map(|(key, value)| (texts.clean(key), texts.clean(value))).collect();
        labels.extend(
            meta.annotations.hami.as_ref().map(|split| (Clean::new(HAMI_REGISTER), texts.clean(&split.label()))),
        );
        NodeFacts {
            name: texts.clean(&meta.name),
            // Without a uid a hash of the name replaces it, so that no two nodes share state that is stored by uid.
            uid: if meta.uid.is_empty() { Uid::hash(meta.name.bytes()) } else { Uid::parse(&meta.uid) },
            version: version(&meta.version),
            created: meta.created.0,
            deleting: meta.deleting.is_present(),
            labels: sorted(labels),
            unschedulable: spec.unschedulable.0 == Some(true),
            taints: spec.taints.0.iter().map(|Obj(taint)| taint.facts(texts)).collect(),
            conditions: status.conditions.0.iter().map(|Obj(condition)| condition.facts(texts)).collect(),
            capacity,
            allocatable,
            unreadable,
            kubelet: texts.clean(&info.kubelet),
            os_image: texts.clean(&info.os_image),
            kernel: texts.clean(&info.kernel),
            runtime: texts.clean(&info.runtime),
            architecture: texts.clean(&info.architecture),
            internal_ip: status
                .addresses
                .0
                .iter()
                .find(|Obj(address)| &*address.kind == "InternalIP")
                .map_or_else(Clean::default, |Obj(address)| texts.clean(&address.address)),
        }
    }
}

impl RawTaint<'_> {
    fn facts(&self, texts: &mut TextInterner) -> NodeTaint {
        NodeTaint { key: texts.clean(&self.key), value: texts.clean(&self.value), effect: texts.clean(&self.effect) }
    }
}

impl RawCondition<'_> {
    fn facts(&self, texts: &mut TextInterner) -> NodeCondition {
        let status = match &*self.status {
            "True" => ConditionStatus::True,
            "False" => ConditionStatus::False,
            "Unknown" | "" => ConditionStatus::Unknown,
            other => ConditionStatus::Other(texts.clean(other)),
        };
        NodeCondition {
            kind: texts.clean(&self.kind),
            status,
            reason: texts.clean(&self.reason),
            message: texts.clean(&self.message),
            since: self.since.0,
        }
    }
}

/// Interned texts: nodes of one page share equal texts.
#[derive(Debug, Default)]
pub(super) struct TextInterner(HashSet<Clean>);

impl TextInterner {
    fn clean(&mut self, raw: &str) -> Clean {
        let clean = sanitize(raw);
        if let Some(known) = self.0.get(&*clean) {
            return known.clone();
        }
        let new = Clean::new(&clean);
        self.0.insert(new.clone());
        new
    }
}

/// Sorts by key; of two values with one key the last counts, as in Go.
fn sorted<T>(mut pairs: Vec<(Clean, T)>) -> Vec<(Clean, T)> {
    pairs.reverse();
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    pairs.dedup_by(|later, first| later.0 == first.0);
    pairs
}

fn amounts(raw: &Pairs<'_, Amount>, unreadable: &mut u32, texts: &mut TextInterner) -> Vec<(Clean, Quantity)> {
    let mut known = Vec::with_capacity(raw.0.len());
    for (name, amount) in &raw.0 {
        match amount {
            Amount::Known(amount) => known.push((texts.clean(name), *amount)),
            Amount::Unreadable => *unreadable += 1,
            Amount::Absent => {}
        }
    }
    sorted(known)
}
