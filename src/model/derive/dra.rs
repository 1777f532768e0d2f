//! Devices of dynamic resource allocation, counted as the scheduler sees them. Pure: slices, claims and taint rules in, numbers out.
//!
//! Rules: `docs/counting.md`. Only slices of the highest generation of a pool count, and only once all of them are present. A
//! counter set is one physical device, however many ways there are to partition it. A claim's devices are counted once, however
//! many pods share the claim; `adminAccess` takes no device. A taint of a `DeviceTaintRule` counts like the driver's own ("the same
//! effect as if the taint was specified directly in the `ResourceSlice`", `api resource/v1beta2/types.go`).

mod counted;
mod groups;
mod idle;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use hashbrown::HashMap;
use serde::Serialize;

use crate::facts::dra::{AllocatedDevice, ClaimFacts, DeviceFacts, DeviceScope, RuleFacts, SliceFacts};
use crate::facts::text::Clean;

pub use counted::devices_now;
pub use groups::{GroupDevices, Holding, Offered, groups, holdings};
pub use idle::{IdleClaim, idle_claims};

pub(crate) use counted::{DeviceCounts, groups_now, holdings_now, idle_claims_now};
pub(crate) use groups::offered;

/// The devices of one driver, on one node or in the whole cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DriverDevices {
    /// The driver.
    pub driver: Clean,
    /// Physical devices: distinct counter sets, and devices that share nothing. A lower bound while `updating`.
    pub physical: u32,
    /// Of these: tainted as not to be used.
    pub unhealthy: u32,
    /// Parts of physical devices that are on offer; they exclude each other and are never added to `physical`.
    pub partitions: u32,
    /// Physical devices of which all or a part is allocated.
    pub allocated: u32,
    /// Of these: allocated to claims that no pod uses now.
    pub held: u32,
    /// Parts that are allocated.
    pub partitions_allocated: u32,
    /// Shares (`shareID`) that are allocated; several may be of one device.
    pub shares: u32,
    /// A pool is being republished: not all of its slices are there, and its devices are not counted.
    pub updating: bool,
}

/// All devices of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DraDevices {
    /// By node, then by driver.
    pub nodes: BTreeMap<Clean, Vec<DriverDevices>>,
    /// Those that several nodes can use, over a network.
    pub network: Vec<DriverDevices>,
    /// All together, by driver.
    pub total: Vec<DriverDevices>,
    /// Allocated devices that no slice names (any more).
    pub stray: u32,
    /// Taint rules that select by a class or an expression: only a server evaluates those, so they are not counted.
    pub blind_rules: u32,
}

impl DraDevices {
    /// All drivers together; `None` without any device.
    #[must_use]
    pub fn all(&self) -> Option<DriverDevices> {
        let mut all = DriverDevices::default();
        self.total.iter().for_each(|driver| add(&mut all, driver));
        (all.physical > 0 || all.updating).then_some(all)
    }
}

/// `gpu.example.com: 5 of 8 allocated, 1 unhealthy, 1 held by no pod, 2 of 40 partitions allocated`: what is wrong comes first, since
/// a line may be cut.
impl fmt::Display for DriverDevices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { driver, physical, allocated, .. } = self;
        write!(f, "{driver}: {allocated} of {physical} allocated")?;
        if self.updating {
            write!(f, ", at least: slices missing")?;
        }
        if self.unhealthy > 0 {
            write!(f, ", {} unhealthy", self.unhealthy)?;
        }
        if self.held > 0 {
            write!(f, ", {} held by no pod", self.held)?;
        }
        if self.partitions > 0 {
            write!(f, ", {} of {} partitions allocated", self.partitions_allocated, self.partitions)?;
        }
        if self.shares > 0 {
            write!(f, ", {} {}", self.shares, if self.shares == 1 { "share" } else { "shares" })?;
        }
        Ok(())
    }
}

/// Name of a device: driver, pool, device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct DeviceName<'a> {
    pub(crate) driver: &'a str,
    pub(crate) pool: &'a str,
    pub(crate) device: &'a str,
}

impl<'a> DeviceName<'a> {
    /// Name of an allocated device.
    pub(crate) fn of(allocated: &'a AllocatedDevice) -> Self {
        Self { driver: &allocated.driver, pool: &allocated.pool, device: &allocated.device }
    }
}

/// Silicon of a device, within its pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Silicon<'a> {
    Set(&'a str),
    Device(&'a str),
}

/// The slices of the highest generation of a pool.
#[derive(Debug, Default)]
struct SlicePool<'a> {
    generation: i64,
    slices: Vec<&'a SliceFacts>,
    devices: HashMap<&'a str, DraDevice<'a>>,
    updating: bool,
}

#[derive(Debug)]
struct DraDevice<'a> {
    scope: &'a DeviceScope,
    model: &'a str,
    silicon: Vec<Silicon<'a>>,
    part: bool,
    tainted: bool,
}

/// State of one piece of silicon.
#[derive(Debug, Default)]
struct SiliconDevice<'a> {
    model: &'a str,
    /// Its whole is tainted, or everything that it can be used as is.
    unhealthy: Option<bool>,
    whole: bool,
    allocated: bool,
    used: bool,
}

/// The pieces of one driver at one place.
#[derive(Debug, Default)]
struct DeviceBucket<'a> {
    pieces: BTreeMap<(&'a str, Silicon<'a>), SiliconDevice<'a>>,
    partitions: u32,
    partitions_allocated: u32,
    shares: u32,
    updating: bool,
}

/// The pieces by place and driver.
type DeviceBuckets<'a> = BTreeMap<(&'a DeviceScope, &'a str), DeviceBucket<'a>>;

/// Counts the devices of a cluster.
#[must_use]
pub fn count<'a>(
    slices: impl IntoIterator<Item = &'a SliceFacts>,
    claims: impl IntoIterator<Item = &'a ClaimFacts>,
    rules: &[&RuleFacts],
) -> DraDevices {
    let blind = rules.iter().filter(|rule| rule.hard && rule.selector.as_ref().is_some_and(|s| s.by_expression));
    let blind_rules = u32::try_from(blind.count()).unwrap_or(u32::MAX);
    let (buckets, stray) = buckets(slices, claims, rules);
    DraDevices { blind_rules, ..sum(buckets, stray) }
}

/// Devices on offer with their allocations, and the number of allocated devices that no slice names.
fn buckets<'a>(
    slices: impl IntoIterator<Item = &'a SliceFacts>,
    claims: impl IntoIterator<Item = &'a ClaimFacts>,
    rules: &[&RuleFacts],
) -> (DeviceBuckets<'a>, u32) {
    let pools = pools(slices, rules);
    let mut buckets = DeviceBuckets::new();
    for ((driver, pool), found) in &pools {
        offer(&mut buckets, driver, pool, found);
    }
    let mut stray = 0;
    for (name, taken) in taken(claims) {
        stray += u32::from(!take(&mut buckets, &pools, name, &taken));
    }
    (buckets, stray)
}

/// The slices that count, by driver and pool, with their devices if all of the slices are there.
fn pools<'a>(
    slices: impl IntoIterator<Item = &'a SliceFacts>,
    rules: &[&RuleFacts],
) -> BTreeMap<(&'a str, &'a str), SlicePool<'a>> {
    let mut pools: BTreeMap<(&str, &str), SlicePool<'_>> = BTreeMap::new();
    for slice in slices {
        let pool = pools.entry((&slice.driver, &slice.pool)).or_default();
        if pool.slices.is_empty() || slice.generation > pool.generation {
            pool.generation = slice.generation;
            pool.slices.clear();
        }
        if slice.generation == pool.generation {
            pool.slices.push(slice);
        }
    }
    for ((driver, name), pool) in &mut pools {
        let seen = i64::try_from(pool.slices.len()).unwrap_or(i64::MAX);
        pool.updating = pool.slices.iter().any(|slice| slice.slices != seen);
        if !pool.updating {
            pool.devices = devices(&pool.slices);
            for (device, offered) in &mut pool.devices {
                offered.tainted =
                    offered.tainted || rules.iter().any(|rule| rule.taints(DeviceName { driver, pool: name, device }));
            }
        }
    }
    pools
}

impl RuleFacts {
    /// Returns `true` if the rule makes a device unusable.
    fn taints(&self, name: DeviceName<'_>) -> bool {
        let Some(selector) = self.selector.as_ref().filter(|selector| self.hard && !selector.by_expression) else {
            return false;
        };
        let criteria = [(&selector.driver, name.driver), (&selector.pool, name.pool), (&selector.device, name.device)];
        criteria.iter().all(|(wanted, is)| wanted.is_empty() || ***wanted == **is)
    }
}

fn devices<'a>(slices: &[&'a SliceFacts]) -> HashMap<&'a str, DraDevice<'a>> {
    let sets: HashMap<&str, u64> =
        slices.iter().flat_map(|slice| &slice.counters).map(|set| (&*set.name, set.digest)).collect();
    let named = slices.iter().flat_map(|slice| slice.devices.iter().map(move |device| (*slice, device)));
    let device = |(slice, device): (&'a SliceFacts, &'a DeviceFacts)| {
        let scope = if slice.scope == DeviceScope::Unspecified { &device.scope } else { &slice.scope };
        let whole = match &device.consumes[..] {
            [] => true,
            [one] => sets.get(&*one.name) == Some(&one.digest),
            _ => false,
        };
        let silicon = match &device.consumes[..] {
            [] => vec![Silicon::Device(&device.name)],
            sets => sets.iter().map(|set| Silicon::Set(&set.name)).collect(),
        };
        (&*device.name, DraDevice { scope, model: &device.model, silicon, part: !whole, tainted: device.tainted })
    };
    named.filter(|(_, device)| !device.name.is_empty()).map(device).collect()
}

/// Puts the devices of a pool into the buckets of their places.
fn offer<'a>(buckets: &mut DeviceBuckets<'a>, driver: &'a str, pool: &'a str, found: &SlicePool<'a>) {
    if found.updating {
        for slice in &found.slices {
            buckets.entry((&slice.scope, driver)).or_default().updating = true;
        }
        return;
    }
    for device in found.devices.values() {
        let bucket = buckets.entry((device.scope, driver)).or_default();
        bucket.partitions += u32::from(device.part);
        for silicon in &device.silicon {
            let piece = bucket.pieces.entry((pool, *silicon)).or_default();
            // What the whole says holds for the piece; without a whole on offer one good part is enough.
            if !device.part {
                piece.unhealthy = Some(device.tainted);
                piece.whole = true;
                piece.model = device.model;
            } else if !piece.whole {
                piece.unhealthy = Some(device.tainted && piece.unhealthy.unwrap_or(true));
                piece.model = piece.model.max(device.model);
            }
        }
    }
}

/// Use of a device by claims.
#[derive(Debug, Default)]
struct DeviceUse<'a> {
    used: bool,
    shares: BTreeSet<&'a str>,
}

/// Every allocated device once.
fn taken<'a>(claims: impl IntoIterator<Item = &'a ClaimFacts>) -> BTreeMap<DeviceName<'a>, DeviceUse<'a>> {
    let mut taken: BTreeMap<DeviceName<'_>, DeviceUse<'_>> = BTreeMap::new();
    for claim in claims {
        for result in claim.results.iter().filter(|result| !result.admin) {
            let device = taken.entry(DeviceName::of(result)).or_default();
            device.used |= !claim.reserved_for.is_empty();
            device.shares.extend(result.share.as_deref());
        }
    }
    taken
}

/// Marks what an allocated device is made of; `false` if no slice names it.
fn take<'a>(
    buckets: &mut DeviceBuckets<'a>,
    pools: &BTreeMap<(&'a str, &'a str), SlicePool<'a>>,
    name: DeviceName<'a>,
    taken: &DeviceUse<'_>,
) -> bool {
    let Some((scope, silicon, part)) = made_of(pools, name) else { return false };
    let bucket = buckets.entry((scope, name.driver)).or_default();
    bucket.partitions_allocated += u32::from(part);
    bucket.shares += u32::try_from(taken.shares.len()).unwrap_or(u32::MAX);
    for silicon in silicon {
        let piece = bucket.pieces.entry((name.pool, silicon)).or_default();
        piece.allocated = true;
        piece.used |= taken.used;
    }
    true
}

/// Place of an allocated device, its physical device, and `true` if it is a part of that; `None` if no slice names it.
fn made_of<'a>(
    pools: &BTreeMap<(&'a str, &'a str), SlicePool<'a>>,
    name: DeviceName<'_>,
) -> Option<(&'a DeviceScope, Vec<Silicon<'a>>, bool)> {
    let found = pools.get(&(name.driver, name.pool))?;
    match found.devices.get(name.device) {
        Some(device) => Some((device.scope, device.silicon.clone(), device.part)),
        // While the pool is republished, the physical devices are not known. Some device is allocated, but all allocations may be
        // parts of one card, so exactly one device without a name is certain.
        None => found.updating.then(|| (&found.slices[0].scope, vec![Silicon::Device("")], false)),
    }
}

fn sum(buckets: DeviceBuckets<'_>, stray: u32) -> DraDevices {
    let mut devices = DraDevices { stray, ..DraDevices::default() };
    let mut total: BTreeMap<Clean, DriverDevices> = BTreeMap::new();
    for ((scope, driver), bucket) in buckets {
        let one = bucket.numbers(driver);
        add(total.entry(one.driver.clone()).or_default(), &one);
        match scope {
            DeviceScope::Node(node) => devices.nodes.entry(node.clone()).or_default().push(one),
            DeviceScope::Network | DeviceScope::Unspecified => {
                match devices.network.iter_mut().find(|d| d.driver == one.driver) {
                    Some(known) => add(known, &one),
                    None => devices.network.push(one),
                }
            }
        }
    }
    devices.total = total.into_values().collect();
    devices
}

impl DeviceBucket<'_> {
    fn numbers(&self, driver: &str) -> DriverDevices {
        let count = |of: fn(&SiliconDevice<'_>) -> bool| {
            u32::try_from(self.pieces.values().filter(|piece| of(piece)).count()).unwrap_or(u32::MAX)
        };
        DriverDevices {
            driver: Clean::new(driver),
            physical: count(|_| true),
            unhealthy: count(|piece| piece.unhealthy == Some(true)),
            partitions: self.partitions,
            allocated: count(|piece| piece.allocated),
            held: count(|piece| piece.allocated && !piece.used),
            partitions_allocated: self.partitions_allocated,
            shares: self.shares,
            updating: self.updating,
        }
    }
}

fn add(sum: &mut DriverDevices, one: &DriverDevices) {
    sum.driver = one.driver.clone();
    for (sum, one) in [
        (&mut sum.physical, one.physical),
        (&mut sum.unhealthy, one.unhealthy),
        (&mut sum.partitions, one.partitions),
        (&mut sum.allocated, one.allocated),
        (&mut sum.held, one.held),
        (&mut sum.partitions_allocated, one.partitions_allocated),
        (&mut sum.shares, one.shares),
    ] {
        *sum = sum.saturating_add(one);
    }
    sum.updating |= one.updating;
}

#[cfg(test)]
mod tests;
