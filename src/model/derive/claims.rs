//! What a pod's claims got: looked up when a pod is shown, so that nothing is kept for it.

use super::dra;
use crate::facts::dra::AllocatedDevice;
use crate::facts::text::Clean;
use crate::model::store::optional::OptionalApis;

/// What is known of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimState {
    /// Claims are not seen: why.
    NotVisible(String),
    /// There is none of this name, or not yet.
    Missing,
    /// It has no devices yet.
    Waiting,
    /// What it got.
    Allocated {
        /// Its devices, in the order of the allocation.
        devices: Vec<ClaimedDevice>,
        /// Who uses it now: one device may serve several pods.
        users: usize,
    },
}

/// A device of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedDevice {
    /// Driver, pool, device; whether it is a look with `adminAccess`, and which share of it this is.
    pub allocated: AllocatedDevice,
    /// What its slice says of it; `None` if no slice names it (any more), or slices are not seen.
    pub offered: Option<Offered>,
}

/// What a slice says of a device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offered {
    /// Its model; empty without one.
    pub model: Clean,
    /// Its driver or a taint rule says that it is not to be used.
    pub tainted: bool,
}

impl OptionalApis {
    /// What is known of a claim. O(slices) for each of its devices: for one pod, not for a list.
    pub(crate) fn claim(&self, namespace: &str, name: &str) -> ClaimState {
        let Some(claim) = self.claims.get(&format!("{namespace}/{name}")) else {
            let seen = || self.claims.complete().then_some(ClaimState::Missing);
            let unseen = || ClaimState::NotVisible(self.claims.visible().reason().unwrap_or_default());
            return seen().unwrap_or_else(unseen);
        };
        if !claim.allocated {
            return ClaimState::Waiting;
        }
        let device = |allocated: &AllocatedDevice| ClaimedDevice {
            allocated: allocated.clone(),
            offered: dra::offered(
                self.slices.iter().map(|(_, facts)| facts),
                &self.taint_rules(),
                (&allocated.driver, &allocated.pool, &allocated.device),
            ),
        };
        ClaimState::Allocated { devices: claim.results.iter().map(device).collect(), users: claim.reserved_for.len() }
    }
}
