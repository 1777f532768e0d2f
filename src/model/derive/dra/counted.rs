//! Devices of dynamic resource allocation from slices, claims and taint rules.

use super::{DraDevices, GroupDevices, Holding, IdleClaim, count, groups, holdings, idle_claims};
use crate::facts::dra::{ClaimFacts, DeviceScope, SliceFacts};
use crate::facts::text::Clean;
use crate::model::derive::join::SLOWLY;
use crate::model::store::nodes::admission::Admission;
use crate::model::store::optional::OptionalApis;
use crate::msg::Mono;

/// Device counts of a cluster, kept between frames.
#[derive(Debug, Default)]
pub(crate) struct DeviceCounts {
    devices: DraDevices,
    inputs: Option<CountInputs>,
    at: Mono,
}

/// Inputs of a count: the same inputs give the same devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct CountInputs {
    known: bool,
    slices: u64,
    claims: u64,
    rules: u64,
}

impl DeviceCounts {
    /// The devices as of the last refresh; `None` until slices and claims were read.
    pub(crate) fn devices(&self, apis: &OptionalApis) -> Option<&DraDevices> {
        apis.dra_known().then_some(&self.devices)
    }

    /// Counts again if something changed, a large cluster at most once a second.
    pub(crate) fn refresh(&mut self, apis: &OptionalApis, now: Mono) {
        let known = apis.dra_known();
        let (slices, claims, rules) = (apis.slices.revision(), apis.claims.revision(), apis.rules.revision());
        let inputs = Some(CountInputs { known, slices, claims, rules });
        // A list that ends with nothing swept changes no object, but makes the counts known: they are shown at once.
        let same_state = self.inputs.is_some_and(|before| before.known == known);
        if self.inputs == inputs || (same_state && now.since(self.at) < SLOWLY) {
            return;
        }
        self.devices = devices_now(apis).unwrap_or_default();
        self.inputs = inputs;
        self.at = now;
    }
}

/// The devices as of now; `None` until slices and claims were read. O(slices and claims, each device by the taint rules).
///
/// Without a list of the taint rules only the drivers' own taints count: few clusters have rules at all.
#[must_use]
pub fn devices_now(apis: &OptionalApis) -> Option<DraDevices> {
    let counted = || count(slices(apis), claims(apis).map(|(_, facts)| facts), &apis.taint_rules());
    apis.dra_known().then(counted)
}

/// The devices in groups by `name`, as of now.
pub(crate) fn groups_now(
    apis: &OptionalApis,
    name: impl Fn(&DeviceScope, &str) -> Clean,
    admission: impl Fn(&DeviceScope) -> Admission,
) -> Vec<GroupDevices> {
    groups(slices(apis), claims(apis).map(|(_, facts)| facts), &apis.taint_rules(), name, admission)
}

/// Devices that claims hold, by `name` of each claim in its namespace and by driver.
pub(crate) fn holdings_now(apis: &OptionalApis, name: impl Fn(&str, &ClaimFacts) -> Clean) -> Vec<Holding> {
    let named = claims(apis).map(|(key, claim)| {
        let namespace = key.split_once('/').map_or("", |(namespace, _)| namespace);
        (name(namespace, claim), key, claim)
    });
    holdings(slices(apis), named)
}

/// Claims whose devices no pod uses.
pub(crate) fn idle_claims_now(apis: &OptionalApis) -> Vec<IdleClaim> {
    idle_claims(slices(apis), claims(apis))
}

fn slices(apis: &OptionalApis) -> impl Iterator<Item = &SliceFacts> {
    apis.slices.iter().map(|(_, facts)| facts)
}

fn claims(apis: &OptionalApis) -> impl Iterator<Item = (&str, &ClaimFacts)> {
    apis.claims.iter().map(|(key, facts)| (&**key, facts))
}
