//! Pods that request extended resources, in a table beside the records, so that other pods take no memory for it.

use jiff::Timestamp;

use super::PodStore;
use crate::facts::pod::{PodFacts, Since, SinceBasis};

/// Time since which such a pod does not run, in 8 bytes: the API writes whole seconds, and 32 bits last until 2106.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Holder {
    basis: SinceBasis,
    /// Seconds since 1970, 0 for a pod that runs.
    at: u32,
}

impl Holder {
    pub(super) fn since(self) -> Option<Since> {
        let at = Timestamp::from_second(self.at.into()).ok().filter(|_| self.at > 0)?;
        Some(Since { basis: self.basis, at })
    }
}

impl PodStore {
    /// Updates the table for a pod that was just put into `slot`; returns `true` if that is a change.
    pub(super) fn update_holder(&mut self, slot: u32, pod: &PodFacts<'_>) -> bool {
        let extended = pod.requests.others.iter().any(|(name, _)| name.contains('/'));
        if !extended || pod.node.is_empty() || pod.phase.is_terminal() {
            return self.holders.remove(&slot).is_some();
        }
        let at = pod.since.map_or(0, |since| u32::try_from(since.at.as_second().max(1)).unwrap_or(u32::MAX));
        let holder = Holder { basis: pod.since.map_or(SinceBasis::Created, |since| since.basis), at };
        self.holders.insert(slot, holder) != Some(holder)
    }
}
