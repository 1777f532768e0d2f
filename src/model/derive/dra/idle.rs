//! Allocated claims that no pod uses, with the devices that they hold.

use std::collections::{BTreeMap, BTreeSet};

use super::{DeviceName, Silicon, made_of, pools};
use crate::facts::accelerator::Kind;
use crate::facts::dra::{ClaimFacts, DeviceScope, SliceFacts};
use crate::facts::pod::Since;
use crate::facts::text::Clean;

/// Devices of one driver in one place, of a claim that no pod uses.
///
/// Devices, slices (parts of a device) and shares (`shareID`) are distinguished and never added to each other. What a look with
/// `adminAccess` sees is not taken, and a device that no slice names is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdleClaim {
    /// The namespace of the claim.
    pub namespace: Clean,
    /// Its name.
    pub name: Clean,
    /// Where the devices are.
    pub scope: DeviceScope,
    /// The driver.
    pub driver: Clean,
    /// Kind of one unit of `amount`.
    pub kind: Kind,
    /// How many.
    pub amount: i64,
    /// When the claim was allocated, or made where the API does not say: it is unused since then at the most.
    pub since: Option<Since>,
}

/// Pieces of whole devices, the devices that are parts, or devices with their shares; pools apart.
type Units<'a> = BTreeSet<(&'a str, Silicon<'a>, &'a str)>;

/// Every claim with devices and an empty `status.reservedFor`; keys of claims are `namespace/name`.
#[must_use]
pub fn idle_claims<'a>(
    slices: impl IntoIterator<Item = &'a SliceFacts>,
    claims: impl IntoIterator<Item = (&'a str, &'a ClaimFacts)>,
) -> Vec<IdleClaim> {
    let mut idle: Vec<(&str, &ClaimFacts)> = claims.into_iter().filter(|(_, claim)| is_idle(claim)).collect();
    if idle.is_empty() {
        return Vec::new();
    }
    idle.sort_unstable_by_key(|(key, _)| *key);
    let pools = pools(slices, &[]);
    let mut found = Vec::new();
    for (key, claim) in idle {
        let mut units: BTreeMap<(&str, &DeviceScope, Kind), Units<'_>> = BTreeMap::new();
        for result in claim.results.iter().filter(|result| !result.admin) {
            let Some((scope, silicon, part)) = made_of(&pools, DeviceName::of(result)) else {
                continue;
            };
            let device = [Silicon::Device(&result.device)];
            let (kind, pieces, share) = match (&result.share, part) {
                (Some(share), _) => (Kind::Shared, &device[..], &**share),
                (None, true) => (Kind::Slice, &device[..], ""),
                (None, false) => (Kind::Device, &silicon[..], ""),
            };
            let of = units.entry((&result.driver, scope, kind)).or_default();
            of.extend(pieces.iter().map(|piece| (&*result.pool, *piece, share)));
        }
        let (namespace, name) = key.split_once('/').unwrap_or(("", key));
        let claims = units.into_iter().map(|((driver, scope, kind), of)| IdleClaim {
            namespace: Clean::new(namespace),
            name: Clean::new(name),
            scope: scope.clone(),
            driver: Clean::new(driver),
            kind,
            amount: i64::try_from(of.len()).unwrap_or(i64::MAX),
            since: claim.since,
        });
        found.extend(claims);
    }
    found
}

fn is_idle(claim: &ClaimFacts) -> bool {
    claim.allocated && claim.reserved_for.is_empty()
}
