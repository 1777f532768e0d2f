//! A node's JSON, as far as it is kept.

mod proto;

use serde::de::MapAccess;

use super::{Condition, ConditionStatus, NodeFacts, Taint};
use crate::facts::json::{Amount, Flag, List, Obj, Pairs, Slim, Text, Time, skip};
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
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
    pub(super) fn into_facts(self) -> NodeFacts {
        let Self { metadata: Obj(meta), spec: Obj(spec), status: Obj(status), .. } = self;
        let mut unreadable = 0;
        let capacity = amounts(status.capacity, &mut unreadable);
        let allocatable = amounts(status.allocatable, &mut unreadable);
        let Obj(info) = status.info;
        NodeFacts {
            name: clean(&meta.name),
            uid: Uid::parse(&meta.uid),
            version: version(&meta.version),
            created: meta.created.0,
            deleting: meta.deleting.is_present(),
            labels: sorted(meta.labels.0.iter().map(|(key, value)| (clean(key), clean(value))).collect()),
            unschedulable: spec.unschedulable.0 == Some(true),
            taints: spec.taints.0.iter().map(|Obj(taint)| taint.facts()).collect(),
            conditions: status.conditions.0.iter().map(|Obj(condition)| condition.facts()).collect(),
            capacity,
            allocatable,
            unreadable,
            kubelet: clean(&info.kubelet),
            os_image: clean(&info.os_image),
            kernel: clean(&info.kernel),
            runtime: clean(&info.runtime),
            architecture: clean(&info.architecture),
            internal_ip: status
                .addresses
                .0
                .iter()
                .find(|Obj(address)| &*address.kind == "InternalIP")
                .map_or_else(Clean::default, |Obj(address)| clean(&address.address)),
        }
    }
}

impl RawTaint<'_> {
    fn facts(&self) -> Taint {
        Taint { key: clean(&self.key), value: clean(&self.value), effect: clean(&self.effect) }
    }
}

impl RawCondition<'_> {
    fn facts(&self) -> Condition {
        let status = match &*self.status {
            "True" => ConditionStatus::True,
            "False" => ConditionStatus::False,
            "Unknown" | "" => ConditionStatus::Unknown,
            other => ConditionStatus::Other(clean(other)),
        };
        Condition {
            kind: clean(&self.kind),
            status,
            reason: clean(&self.reason),
            message: clean(&self.message),
            since: self.since.0,
        }
    }
}

fn clean(text: &str) -> Clean {
    Clean::new(text)
}

/// By key; of two values of one key the last, as in Go.
fn sorted<T>(mut pairs: Vec<(Clean, T)>) -> Vec<(Clean, T)> {
    pairs.reverse();
    pairs.sort_by(|a, b| a.0.cmp(&b.0));
    pairs.dedup_by(|later, first| later.0 == first.0);
    pairs
}

fn amounts(raw: Pairs<'_, Amount>, unreadable: &mut u32) -> Vec<(Clean, Quantity)> {
    let mut known = Vec::with_capacity(raw.0.len());
    for (name, amount) in raw.0 {
        match amount {
            Amount::Known(amount) => known.push((clean(&name), amount)),
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
