//! Devices of a pod's claims, looked up when the pod is shown, so that they need no memory.

use super::dra::{self, DeviceName, Offered};
use crate::facts::dra::AllocatedDevice;
use crate::model::store::optional::OptionalApis;

/// State of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimState {
    /// Claims are not visible; the reason.
    NotVisible(String),
    /// There is no claim of this name, or not yet.
    Missing,
    /// It has no devices yet.
    Waiting,
    /// It has devices.
    Allocated {
        /// Its devices, in the order of the allocation.
        devices: Vec<ClaimedDevice>,
        /// Number of users: one device may serve several pods.
        users: usize,
    },
}

/// A device of a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimedDevice {
    /// Driver, pool, device, share; `adminAccess` only observes it.
    pub allocated: AllocatedDevice,
    /// Its entry in a slice; `None` if no slice names it (any more), or slices are not visible.
    pub offered: Option<Offered>,
}

impl ClaimState {
    /// State of a claim. O(slices) for each of its devices: for one pod, not for a list.
    #[must_use]
    pub fn of(apis: &OptionalApis, namespace: &str, name: &str) -> Self {
        let Some(claim) = apis.claims.get(&format!("{namespace}/{name}")) else {
            let seen = || apis.claims.complete().then_some(Self::Missing);
            let unseen = || Self::NotVisible(apis.claims.visible().reason().unwrap_or_default());
            return seen().unwrap_or_else(unseen);
        };
        if !claim.allocated {
            return Self::Waiting;
        }
        let device = |allocated: &AllocatedDevice| ClaimedDevice {
            allocated: allocated.clone(),
            offered: dra::offered(
                apis.slices.iter().map(|(_, facts)| facts),
                &apis.taint_rules(),
                DeviceName::of(allocated),
            ),
        };
        Self::Allocated { devices: claim.results.iter().map(device).collect(), users: claim.reserved_for.len() }
    }
}
