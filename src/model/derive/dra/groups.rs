//! The devices of dynamic resource allocation by other names than their drivers', and single ones.

use std::collections::{BTreeMap, BTreeSet};

use super::{DeviceName, Silicon, buckets, made_of, pools};
use crate::facts::dra::{ClaimFacts, DeviceScope, RuleFacts, SliceFacts};
use crate::facts::text::Clean;
use crate::model::store::nodes::admission::Admission;

/// Physical devices of one driver in a group of any kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupDevices {
    /// Name of the group; empty where there is none.
    pub name: Clean,
    /// The driver.
    pub driver: Clean,
    /// Nodes that have any of them.
    pub nodes: u32,
    /// Physical devices.
    pub physical: u32,
    /// Of these: not tainted.
    pub healthy: u32,
    /// Physical devices of which all or a part is allocated.
    pub allocated: u32,
    /// Healthy ones of which nothing is allocated, by whether their node takes pods.
    pub free: [u32; Admission::ALL.len()],
}

/// The devices of a cluster in groups, by name and driver; `name` says the group of a device of a model at a place, and
/// `admission` whether pods get there.
#[must_use]
pub fn groups<'a>(
    slices: impl IntoIterator<Item = &'a SliceFacts>,
    claims: impl IntoIterator<Item = &'a ClaimFacts>,
    rules: &[&RuleFacts],
    name: impl Fn(&DeviceScope, &str) -> Clean,
    admission: impl Fn(&DeviceScope) -> Admission,
) -> Vec<GroupDevices> {
    let mut groups: BTreeMap<(Clean, &str), (GroupDevices, BTreeSet<&DeviceScope>)> = BTreeMap::new();
    let (buckets, _) = buckets(slices, claims, rules);
    for ((scope, driver), bucket) in &buckets {
        let admission = admission(scope).index();
        for piece in bucket.pieces.values() {
            let (group, places) = groups.entry((name(scope, piece.model), driver)).or_default();
            let healthy = piece.unhealthy != Some(true);
            group.physical += 1;
            group.healthy += u32::from(healthy);
            group.allocated += u32::from(piece.allocated);
            group.free[admission] += u32::from(healthy && !piece.allocated);
            if let DeviceScope::Node(_) = scope {
                places.insert(scope);
            }
        }
    }
    let named = groups.into_iter().map(|((name, driver), (group, places))| GroupDevices {
        name,
        driver: Clean::new(driver),
        nodes: u32::try_from(places.len()).unwrap_or(u32::MAX),
        ..group
    });
    named.collect()
}

/// Devices of one driver that claims of one name hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// The name.
    pub name: Clean,
    /// The driver.
    pub driver: Clean,
    /// Physical devices, each once.
    pub devices: u32,
    /// Pods that use them.
    pub users: u32,
}

/// Physical devices that claims have, by a name for each claim and by driver; keys of claims are `namespace/name`.
#[must_use]
pub fn holdings<'a>(
    slices: impl IntoIterator<Item = &'a SliceFacts>,
    claims: impl IntoIterator<Item = (Clean, &'a str, &'a ClaimFacts)>,
) -> Vec<Holding> {
    type HeldClaims<'a> = (BTreeSet<(&'a str, Silicon<'a>)>, BTreeSet<(&'a str, &'a str)>);
    let pools = pools(slices, &[]);
    let mut held: BTreeMap<(Clean, &str), HeldClaims<'_>> = BTreeMap::new();
    for (name, key, claim) in claims {
        let namespace = key.split_once('/').map_or("", |(namespace, _)| namespace);
        for result in claim.results.iter().filter(|result| !result.admin) {
            if let Some((_, silicon, _)) = made_of(&pools, DeviceName::of(result)) {
                let (pieces, users) = held.entry((name.clone(), &result.driver)).or_default();
                pieces.extend(silicon.into_iter().map(|silicon| (&*result.pool, silicon)));
                users.extend(claim.reserved_for.iter().map(|user| (namespace, &*user.name)));
            }
        }
    }
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let one = |((name, driver), (pieces, users)): ((Clean, &str), HeldClaims<'_>)| Holding {
        name,
        driver: Clean::new(driver),
        devices: count(pieces.len()),
        users: count(users.len()),
    };
    held.into_iter().map(one).collect()
}

/// Entry of a device in a slice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offered {
    /// Its model; empty without one.
    pub model: Clean,
    /// Its driver or a taint rule makes it unusable.
    pub tainted: bool,
}

/// Entry of a device in the newest slices of its pool; `None` if they do not name it.
#[must_use]
pub(crate) fn offered<'a>(
    slices: impl Iterator<Item = &'a SliceFacts>,
    rules: &[&RuleFacts],
    name: DeviceName<'_>,
) -> Option<Offered> {
    let named = slices.filter(|slice| *slice.driver == *name.driver && *slice.pool == *name.pool);
    let newest = named.max_by_key(|slice| {
        let says = slice.devices.iter().any(|device| *device.name == *name.device);
        (slice.generation, says)
    })?;
    let device = newest.devices.iter().find(|device| *device.name == *name.device)?;
    let tainted = device.tainted || rules.iter().any(|rule| rule.taints(name));
    Some(Offered { model: device.model.clone(), tainted })
}
