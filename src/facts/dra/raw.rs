//! The JSON of slices, claims, classes and taint rules, as far as it is kept.

use serde::de::MapAccess;

use super::{
    AllocatedDevice, ClaimFacts, Consumer, CounterSet, DeviceFacts, DeviceSelector, Place, RuleFacts, SliceFacts,
};
use crate::facts::json::{Amount, Flag, Int, List, Obj, Pairs, Present, Slim, Text, Time, skip};
use crate::facts::pod::{Basis, Since};
use crate::facts::proto::{Malformed, Message, Value};
use crate::facts::text::Clean;
use crate::facts::wire::Uid;

#[derive(Default)]
pub(in crate::facts) struct Slice<'a> {
    driver: Text<'a>,
    pool: Obj<Pool<'a>>,
    place: Selection<'a>,
    counters: List<Obj<Counters<'a>>>,
    devices: List<Obj<Device<'a>>>,
}

#[derive(Default)]
struct Pool<'a> {
    name: Text<'a>,
    generation: Int,
    slices: Int,
}

/// The three ways to say where a device is.
#[derive(Default)]
struct Selection<'a> {
    node: Text<'a>,
    selector: Present,
    all: Flag,
}

#[derive(Default)]
struct Counters<'a> {
    name: Text<'a>,
    counters: Pairs<'a, Obj<Counter>>,
}

#[derive(Default)]
struct Counter {
    value: Amount,
}

#[derive(Default)]
struct Device<'a> {
    name: Text<'a>,
    fields: Fields<'a>,
}

/// Attributes that name a model, the most telling first: NVIDIA's and AMD's drivers say `productName`, Intel's and the example
/// driver `model`. Names without a domain are the driver's; with one they mean the same.
const MODEL_ATTRIBUTES: [&str; 2] = ["productName", "model"];

#[derive(Default)]
struct Attributes<'a>([Obj<Attribute<'a>>; MODEL_ATTRIBUTES.len()]);

#[derive(Default)]
struct Attribute<'a> {
    text: Text<'a>,
}

#[derive(Default)]
struct Fields<'a> {
    attributes: Obj<Attributes<'a>>,
    place: Selection<'a>,
    consumes: List<Obj<Counters<'a>>>,
    taints: List<Obj<Taint<'a>>>,
}

#[derive(Default)]
struct Taint<'a> {
    effect: Text<'a>,
}

#[derive(Default)]
pub(in crate::facts) struct Claim<'a> {
    allocation: Option<Obj<Allocation<'a>>>,
    reserved_for: List<Obj<Reservation<'a>>>,
}

#[derive(Default)]
struct Allocation<'a> {
    devices: Obj<Allocated<'a>>,
    at: Time,
}

#[derive(Default)]
struct Allocated<'a> {
    results: List<Obj<Outcome<'a>>>,
}

#[derive(Default)]
struct Outcome<'a> {
    driver: Text<'a>,
    pool: Text<'a>,
    device: Text<'a>,
    admin: Flag,
    share: Text<'a>,
}

#[derive(Default)]
struct Reservation<'a> {
    resource: Text<'a>,
    name: Text<'a>,
    uid: Text<'a>,
}

#[derive(Default)]
pub(in crate::facts) struct Class<'a> {
    pub(super) extended_resource: Text<'a>,
}

#[derive(Default)]
pub(in crate::facts) struct Rule<'a> {
    selector: Option<Obj<Selector<'a>>>,
    taint: Obj<Taint<'a>>,
}

#[derive(Default)]
struct Selector<'a> {
    driver: Text<'a>,
    pool: Text<'a>,
    device: Text<'a>,
    class: Text<'a>,
    expressions: List<Present>,
}

impl Slice<'_> {
    pub(super) fn into_facts(self) -> SliceFacts {
        let Obj(pool) = self.pool;
        SliceFacts {
            driver: clean(&self.driver),
            pool: clean(&pool.name),
            generation: pool.generation.0.unwrap_or(0),
            slices: pool.slices.0.unwrap_or(0),
            place: self.place.place(),
            counters: self.counters.0.iter().map(|Obj(set)| set.facts()).collect(),
            devices: self.devices.0.iter().map(|Obj(device)| device.facts()).collect(),
        }
    }
}

impl Selection<'_> {
    fn place(&self) -> Place {
        if !self.node.is_empty() {
            Place::Node(clean(&self.node))
        } else if self.selector.0 || self.all.0 == Some(true) {
            Place::Network
        } else {
            Place::Unsaid
        }
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

/// Of one counter.
fn digest(name: &str, nano: i128) -> u64 {
    let Uid(hash) = Uid::hash(name.bytes().chain([0]).chain(nano.to_le_bytes()));
    #[expect(clippy::cast_possible_truncation, reason = "half of the bits are enough to tell two amounts apart")]
    let half = (hash ^ hash >> 64) as u64;
    half
}

impl Device<'_> {
    fn facts(&self) -> DeviceFacts {
        let fields = &self.fields;
        DeviceFacts {
            name: clean(&self.name),
            model: fields.attributes.0.model(),
            place: fields.place.place(),
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

impl Taint<'_> {
    /// "Consumers must treat unknown effects like None" (`DeviceTaintEffect`).
    fn is_hard(&self) -> bool {
        matches!(&*self.effect, "NoSchedule" | "NoExecute")
    }
}

impl Rule<'_> {
    pub(super) fn into_facts(self) -> RuleFacts {
        let selector = |Obj(selector): Obj<Selector<'_>>| DeviceSelector {
            driver: clean(&selector.driver),
            pool: clean(&selector.pool),
            device: clean(&selector.device),
            by_expression: !selector.class.is_empty() || !selector.expressions.0.is_empty(),
        };
        RuleFacts { selector: self.selector.map(selector), hard: self.taint.0.is_hard() }
    }
}

impl Claim<'_> {
    pub(super) fn into_facts(self) -> ClaimFacts {
        let allocated = self.allocation.is_some();
        let Obj(allocation) = self.allocation.unwrap_or_default();
        let (results, at) = (allocation.devices.0.results.0, allocation.at.0);
        let result = |Obj(result): Obj<Outcome<'_>>| AllocatedDevice {
            driver: clean(&result.driver),
            pool: clean(&result.pool),
            device: clean(&result.device),
            admin: result.admin.0 == Some(true),
            share: (!result.share.is_empty()).then(|| clean(&result.share)),
        };
        let consumer = |Obj(consumer): Obj<Reservation<'_>>| Consumer {
            resource: clean(&consumer.resource),
            name: clean(&consumer.name),
            uid: Uid::parse(&consumer.uid),
        };
        ClaimFacts {
            allocated,
            results: results.into_iter().map(result).collect(),
            reserved_for: self.reserved_for.0.into_iter().map(consumer).collect(),
            since: at.map(|at| Since { basis: Basis::Allocated, at }),
        }
    }
}

fn clean(text: &str) -> Clean {
    Clean::new(text)
}

/// Reads fields by their names; what is not named is skipped.
macro_rules! fields {
    ($($name:ident { $($key:literal => $field:ident),* $(,)? })*) => {$(
        impl<'de> Slim<'de> for $name<'de> {
            fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
                match key {
                    $($key => self.$field = map.next_value()?,)*
                    _ => skip(map)?,
                }
                Ok(())
            }
        }
    )*};
}
fields! {
    Pool { "name" => name, "generation" => generation, "resourceSliceCount" => slices }
    Counters { "name" => name, "counterSet" => name, "counters" => counters }
    Taint { "effect" => effect }
    Attribute { "string" => text }
    Claim { "allocation" => allocation, "reservedFor" => reserved_for }
    Allocation { "devices" => devices, "allocationTimestamp" => at }
    Allocated { "results" => results }
    Outcome { "driver" => driver, "pool" => pool, "device" => device, "adminAccess" => admin, "shareID" => share }
    Reservation { "resource" => resource, "name" => name, "uid" => uid }
    Class { "extendedResourceName" => extended_resource }
    Rule { "deviceSelector" => selector, "taint" => taint }
    Selector {
        "driver" => driver, "pool" => pool, "device" => device, "deviceClassName" => class, "selectors" => expressions,
    }
}

impl<'de> Slim<'de> for Counter {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "value" => self.value = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Slim<'de> for Attributes<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let name = key.rsplit('/').next().unwrap_or(key);
        match MODEL_ATTRIBUTES.iter().position(|known| *known == name) {
            Some(at) => self.0[at] = map.next_value()?,
            None => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Selection<'de> {
    /// Whether the field is one of its own.
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
        match key {
            "nodeName" => self.node = map.next_value()?,
            "nodeSelector" => self.selector = map.next_value()?,
            "allNodes" => self.all = map.next_value()?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

impl<'de> Slim<'de> for Slice<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "driver" => self.driver = map.next_value()?,
            "pool" => self.pool = map.next_value()?,
            "sharedCounters" => self.counters = map.next_value()?,
            "devices" => self.devices = map.next_value()?,
            _ if self.place.field(key, map)? => {}
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Slim<'de> for Device<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "name" => self.name = map.next_value()?,
            // v1beta1.
            "basic" => self.fields = map.next_value::<Obj<Fields<'de>>>()?.0,
            _ => self.fields.field(key, map)?,
        }
        Ok(())
    }
}

impl<'de> Slim<'de> for Fields<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "attributes" => self.attributes = map.next_value()?,
            "consumesCounters" => self.consumes = map.next_value()?,
            "taints" => self.taints = map.next_value()?,
            _ if self.place.field(key, map)? => {}
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// Only JSON is asked for, so protobuf is never understood.
macro_rules! no_protobuf {
    ($($name:ident),*) => {$(
        impl Message<'_> for $name<'_> {
            fn field(&mut self, _: u64, _: Value<'_>) -> Result<(), Malformed> {
                Err(Malformed)
            }
        }
    )*};
}
no_protobuf!(Slice, Claim, Class, Rule);
