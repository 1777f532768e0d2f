//! Known fields of slices, claims, classes and taint rules in JSON.

use serde::de::MapAccess;

use super::{
    AllocatedDevice, ClaimFacts, Consumer, CounterSet, DeviceFacts, DeviceScope, DeviceSelector, RuleFacts, SliceFacts,
};
use crate::facts::json::{Amount, Flag, Int, JsonFields, JsonList, Obj, Pairs, Present, Reset, Text, Time, skip};
use crate::facts::message::message;
use crate::facts::pod::{Since, SinceBasis};
use crate::facts::text::Clean;
use crate::facts::wire::Uid;

message! {
    /// `ResourceSliceSpec`.
    pub(in crate::facts) struct Slice<'a> {
        driver: Text<'a> = "driver",
        pool: Obj<ResourcePool<'a>> = "pool",
        node: Text<'a> = "nodeName",
        selector: Present = "nodeSelector",
        all: Flag = "allNodes",
        counters: JsonList<Obj<Counters<'a>>> = "sharedCounters",
        devices: JsonList<Obj<RawDevice<'a>>> = "devices",
    }

    /// `ResourcePool`.
    pub(in crate::facts) struct ResourcePool<'a> {
        name: Text<'a> = "name",
        generation: Int = "generation",
        slices: Int = "resourceSliceCount",
    }

    /// `CounterSet` and `DeviceCounterConsumption`.
    pub(in crate::facts) struct Counters<'a> {
        name: Text<'a> = "name" "counterSet",
        counters: Pairs<'a, Obj<Counter>> = "counters",
    }

    /// `Counter`.
    pub(in crate::facts) struct Counter {
        value: Amount = "value",
    }

    /// `Device`, without its name; v1beta1 has these fields inside `basic`.
    pub(in crate::facts) struct DeviceFields<'a> {
        attributes: Obj<Attributes<'a>> = "attributes",
        node: Text<'a> = "nodeName",
        selector: Present = "nodeSelector",
        all: Flag = "allNodes",
        consumes: JsonList<Obj<Counters<'a>>> = "consumesCounters",
        taints: JsonList<Obj<DeviceTaint<'a>>> = "taints",
    }

    /// `DeviceAttribute`.
    pub(in crate::facts) struct Attribute<'a> {
        text: Text<'a> = "string",
    }

    /// `DeviceTaint`.
    pub(in crate::facts) struct DeviceTaint<'a> {
        effect: Text<'a> = "effect",
    }

    /// `ResourceClaimStatus`.
    pub(in crate::facts) struct Claim<'a> {
        allocation: Option<Obj<Allocation<'a>>> = "allocation",
        reserved_for: JsonList<Obj<Reservation<'a>>> = "reservedFor",
    }

    /// `AllocationResult`.
    pub(in crate::facts) struct Allocation<'a> {
        devices: Obj<Allocated<'a>> = "devices",
        at: Time = "allocationTimestamp",
    }

    /// `DeviceAllocationResult`.
    pub(in crate::facts) struct Allocated<'a> {
        results: JsonList<Obj<DeviceAllocationResult<'a>>> = "results",
    }

    /// `DeviceRequestAllocationResult`.
    pub(in crate::facts) struct DeviceAllocationResult<'a> {
        driver: Text<'a> = "driver",
        pool: Text<'a> = "pool",
        device: Text<'a> = "device",
        admin: Flag = "adminAccess",
        share: Text<'a> = "shareID",
    }

    /// `ResourceClaimConsumerReference`.
    pub(in crate::facts) struct Reservation<'a> {
        resource: Text<'a> = "resource",
        name: Text<'a> = "name",
        uid: Text<'a> = "uid",
    }

    /// `DeviceClassSpec`.
    pub(in crate::facts) struct Class<'a> {
        extended_resource: Text<'a> = "extendedResourceName",
    }

    /// `DeviceTaintRuleSpec`.
    pub(in crate::facts) struct TaintRule<'a> {
        selector: Option<Obj<DeviceTaintSelector<'a>>> = "deviceSelector",
        taint: Obj<DeviceTaint<'a>> = "taint",
    }

    /// `DeviceTaintSelector`.
    pub(in crate::facts) struct DeviceTaintSelector<'a> {
        driver: Text<'a> = "driver",
        pool: Text<'a> = "pool",
        device: Text<'a> = "device",
        class: Text<'a> = "deviceClassName",
        expressions: JsonList<Present> = "selectors",
    }
}

/// `Device`.
#[derive(Debug, Default)]
pub(in crate::facts) struct RawDevice<'a> {
    name: Text<'a>,
    fields: DeviceFields<'a>,
}

/// Attributes that name a model, the most specific first: NVIDIA's and AMD's drivers use `productName`, Intel's and the example
/// driver `model`. Names without a domain belong to the driver's domain; with one they mean the same.
const MODEL_ATTRIBUTES: [&str; 2] = ["productName", "model"];

/// Values of [`MODEL_ATTRIBUTES`].
#[derive(Debug, Default)]
pub(in crate::facts) struct Attributes<'a>([Obj<Attribute<'a>>; MODEL_ATTRIBUTES.len()]);

impl Slice<'_> {
    pub(super) fn facts(&self) -> SliceFacts {
        let Obj(pool) = &self.pool;
        SliceFacts {
            driver: clean(&self.driver),
            pool: clean(&pool.name),
            generation: pool.generation.0.unwrap_or(0),
            slices: pool.slices.0.unwrap_or(0),
            scope: scope(&self.node, self.selector, self.all),
            counters: self.counters.0.iter().map(|Obj(set)| set.facts()).collect(),
            devices: self.devices.0.iter().map(|Obj(device)| device.facts()).collect(),
        }
    }
}

/// Scope from the three alternative fields.
fn scope(node: &str, selector: Present, all: Flag) -> DeviceScope {
    if !node.is_empty() {
        DeviceScope::Node(clean(node))
    } else if selector.0 || all.0 == Some(true) {
        DeviceScope::Network
    } else {
        DeviceScope::Unspecified
    }
}

impl Counters<'_> {
    fn facts(&self) -> CounterSet {
        // The sum of the digests of its counters does not depend on their order.
        let digest = self.counters.0.iter().fold(0_u64, |sum, (name, Obj(counter))| {
            let amount = match counter.value {
                Amount::Known(amount) => amount.nano(),
                Amount::Absent | Amount::Unreadable => -1,
            };
            sum.wrapping_add(digest(name, amount))
        });
        CounterSet { name: clean(&self.name), digest }
    }
}

/// Digest of one counter.
fn digest(name: &str, nano: i128) -> u64 {
    let Uid(hash) = Uid::hash(name.bytes().chain([0]).chain(nano.to_le_bytes()));
    #[expect(clippy::cast_possible_truncation, reason = "half of the bits are enough to tell two amounts apart")]
    let half = (hash ^ hash >> 64) as u64;
    half
}

impl RawDevice<'_> {
    fn facts(&self) -> DeviceFacts {
        let fields = &self.fields;
        DeviceFacts {
            name: clean(&self.name),
            model: fields.attributes.0.model(),
            scope: scope(&fields.node, fields.selector, fields.all),
            consumes: fields.consumes.0.iter().map(|Obj(set)| set.facts()).collect(),
            tainted: fields.taints.0.iter().any(|Obj(taint)| taint.is_hard()),
        }
    }
}

impl Attributes<'_> {
    fn model(&self) -> Clean {
        self.0.iter().map(|Obj(attribute)| clean(&attribute.text)).find(|text| !text.is_empty()).unwrap_or_default()
    }
}

impl DeviceTaint<'_> {
    /// "Consumers must treat unknown effects like None" (`DeviceTaintEffect`).
    fn is_hard(&self) -> bool {
        matches!(&*self.effect, "NoSchedule" | "NoExecute")
    }
}

impl TaintRule<'_> {
    pub(super) fn facts(&self) -> RuleFacts {
        let selector = |Obj(selector): &Obj<DeviceTaintSelector<'_>>| DeviceSelector {
            driver: clean(&selector.driver),
            pool: clean(&selector.pool),
            device: clean(&selector.device),
            by_expression: !selector.class.is_empty() || !selector.expressions.0.is_empty(),
        };
        RuleFacts { selector: self.selector.as_ref().map(selector), hard: self.taint.0.is_hard() }
    }
}

impl Claim<'_> {
    pub(super) fn facts(&self) -> ClaimFacts {
        let allocation = self.allocation.as_ref().map(|Obj(allocation)| allocation);
        let result = |Obj(result): &Obj<DeviceAllocationResult<'_>>| AllocatedDevice {
            driver: clean(&result.driver),
            pool: clean(&result.pool),
            device: clean(&result.device),
            admin: result.admin.0 == Some(true),
            share: (!result.share.is_empty()).then(|| clean(&result.share)),
        };
        let consumer = |Obj(consumer): &Obj<Reservation<'_>>| Consumer {
            resource: clean(&consumer.resource),
            name: clean(&consumer.name),
            uid: Uid::parse(&consumer.uid),
        };
        let since = allocation.and_then(|allocation| allocation.at.0);
        ClaimFacts {
            allocated: allocation.is_some(),
            results: allocation
                .map(|allocation| allocation.devices.0.results.0.iter().map(result).collect())
                .unwrap_or_default(),
            reserved_for: self.reserved_for.0.iter().map(consumer).collect(),
            since: since.map(|at| Since { basis: SinceBasis::Allocated, at }),
        }
    }
}

fn clean(text: &str) -> Clean {
    Clean::new(text)
}

impl<'de> JsonFields<'de> for RawDevice<'de> {
    fn json_field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "name" => self.name = map.next_value()?,
            // v1beta1.
            "basic" => self.fields = map.next_value::<Obj<DeviceFields<'de>>>()?.0,
            _ => self.fields.json_field(key, map)?,
        }
        Ok(())
    }
}

impl<'de> JsonFields<'de> for Attributes<'de> {
    fn json_field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let name = key.rsplit('/').next().unwrap_or(key);
        match MODEL_ATTRIBUTES.iter().position(|known| *known == name) {
            Some(at) => self.0[at] = map.next_value()?,
            None => skip(map)?,
        }
        Ok(())
    }
}

impl Reset for Attributes<'_> {
    fn reset(&mut self) {
        *self = Self::default();
    }
}
