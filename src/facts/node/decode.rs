//! A node's JSON, as far as it is kept.

mod proto;

use hashbrown::HashSet;
use serde::de::MapAccess;

use super::{Condition, ConditionStatus, NodeFacts, Taint};
use crate::facts::accelerator::HAMI_REGISTER;
use crate::facts::json::{Amount, Flag, List, Obj, Pairs, Reset, Slim, Text, Time, skip};
use crate::facts::quantity::Quantity;
use crate::facts::text::{Clean, sanitize};
use crate::facts::wire::{Meta, Uid, version};

#[derive(Default)]
pub(super) struct Raw<'a> {
    pub(super) kind: Text<'a>,
    pub(super) metadata: Obj<Meta<'a, Pairs<'a, Text<'a>>>>,
    spec: Obj<Spec<'a>>,
    status: Obj<Status<'a>>,
}

#[derive(Default)]
struct Spec<'a> {
    unschedulable: Flag,
    taints: List<Obj<RawTaint<'a>>>,
}

#[derive(Default)]
struct RawTaint<'a> {
    key: Text<'a>,
    value: Text<'a>,
    effect: Text<'a>,
}

#[derive(Default)]
struct Status<'a> {
    conditions: List<Obj<RawCondition<'a>>>,
    capacity: Pairs<'a, Amount>,
    allocatable: Pairs<'a, Amount>,
    info: Obj<Info<'a>>,
    addresses: List<Obj<Address<'a>>>,
}

#[derive(Default)]
struct RawCondition<'a> {
    kind: Text<'a>,
    status: Text<'a>,
    reason: Text<'a>,
    message: Text<'a>,
    since: Time,
}

#[derive(Default)]
struct Info<'a> {
    kubelet: Text<'a>,
    os_image: Text<'a>,
    kernel: Text<'a>,
    runtime: Text<'a>,
    architecture: Text<'a>,
}

#[derive(Default)]
struct Address<'a> {
    kind: Text<'a>,
    address: Text<'a>,
}

impl Raw<'_> {
    pub(super) fn facts(&self, texts: &mut Texts) -> NodeFacts {
        let Self { metadata: Obj(meta), spec: Obj(spec), status: Obj(status), .. } = self;
        let mut unreadable = 0;
        let capacity = amounts(&status.capacity, &mut unreadable, texts);
        let allocatable = amounts(&status.allocatable, &mut unreadable, texts);
        let Obj(info) = &status.info;
        let mut labels: Vec<_> =
            meta.labels.0.iter().map(|(key, value)| (texts.clean(key), texts.clean(value))).collect();
        labels.extend(
            meta.annotations.0.hami.as_ref().map(|split| (Clean::new(HAMI_REGISTER), texts.clean(&split.label()))),
        );
        NodeFacts {
            name: texts.clean(&meta.name),
            // Without a uid the name stands in for it, so that no two nodes share what is kept by uid.
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

impl Reset for Raw<'_> {
    fn reset(&mut self) {
        self.kind = Text::default();
        self.metadata.reset();
        self.spec.reset();
        self.status.reset();
    }
}

impl Reset for Spec<'_> {
    fn reset(&mut self) {
        self.unschedulable = Flag::default();
        self.taints.reset();
    }
}

impl Reset for Status<'_> {
    fn reset(&mut self) {
        self.conditions.reset();
        self.capacity.reset();
        self.allocatable.reset();
        self.info = Obj::default();
        self.addresses.reset();
    }
}

impl RawTaint<'_> {
    fn facts(&self, texts: &mut Texts) -> Taint {
        Taint { key: texts.clean(&self.key), value: texts.clean(&self.value), effect: texts.clean(&self.effect) }
    }
}

impl RawCondition<'_> {
    fn facts(&self, texts: &mut Texts) -> Condition {
        let status = match &*self.status {
            "True" => ConditionStatus::True,
            "False" => ConditionStatus::False,
            "Unknown" | "" => ConditionStatus::Unknown,
            other => ConditionStatus::Other(texts.clean(other)),
        };
        Condition {
            kind: texts.clean(&self.kind),
            status,
            reason: texts.clean(&self.reason),
            message: texts.clean(&self.message),
            since: self.since.0,
        }
    }
}

/// Texts that nodes share: of one page, each is held once.
#[derive(Debug, Default)]
pub(super) struct Texts(HashSet<Clean>);

impl Texts {
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

/// By key; of two values of one key the last, as in Go.
fn sorted<T>(mut pairs: Vec<(Clean, T)>) -> Vec<(Clean, T)> {
    pairs.reverse();
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    pairs.dedup_by(|later, first| later.0 == first.0);
    pairs
}

fn amounts(raw: &Pairs<'_, Amount>, unreadable: &mut u32, texts: &mut Texts) -> Vec<(Clean, Quantity)> {
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

impl<'de> Slim<'de> for Raw<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "kind" => self.kind = map.next_value()?,
            "metadata" => self.metadata = map.next_value()?,
            "spec" => self.spec = map.next_value()?,
            "status" => self.status = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Slim<'de> for Spec<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "unschedulable" => self.unschedulable = map.next_value()?,
            "taints" => self.taints = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Slim<'de> for RawTaint<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "key" => self.key = map.next_value()?,
            "value" => self.value = map.next_value()?,
            "effect" => self.effect = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Slim<'de> for Status<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "conditions" => self.conditions = map.next_value()?,
            "capacity" => self.capacity = map.next_value()?,
            "allocatable" => self.allocatable = map.next_value()?,
            "nodeInfo" => self.info = map.next_value()?,
            "addresses" => self.addresses = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Slim<'de> for RawCondition<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "type" => self.kind = map.next_value()?,
            "status" => self.status = map.next_value()?,
            "reason" => self.reason = map.next_value()?,
            "message" => self.message = map.next_value()?,
            "lastTransitionTime" => self.since = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Slim<'de> for Info<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "kubeletVersion" => self.kubelet = map.next_value()?,
            "osImage" => self.os_image = map.next_value()?,
            "kernelVersion" => self.kernel = map.next_value()?,
            "containerRuntimeVersion" => self.runtime = map.next_value()?,
            "architecture" => self.architecture = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Slim<'de> for Address<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "type" => self.kind = map.next_value()?,
            "address" => self.address = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}
