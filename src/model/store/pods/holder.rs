//! Pods that ask for extended resources: a table beside the records, so that the other pods pay nothing for it.

use jiff::Timestamp;

use super::PodStore;
use crate::facts::pod::{PodFacts, Since, SinceBasis};

/// Since when such a pod does not run, in 8 bytes: the API writes whole seconds, and 32 bits last until 2106.
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
    /// Keeps what belongs beside the record of a pod that was just put into `slot`; says whether that is news.
    pub(super) fn hold(&mut self, slot: u32, pod: &PodFacts<'_>) -> bool {
        let extended = pod.requests.others.iter().any(|(name, _)| name.contains('/'));
        if !extended || pod.node.is_empty() || pod.phase.is_terminal() {
            return self.holders.remove(&slot).is_some();
        }
        let at = pod.since.map_or(0, |since| u32::try_from(since.at.as_second().max(1)).unwrap_or(u32::MAX));
        let holder = Holder { basis: pod.since.map_or(SinceBasis::Created, |since| since.basis), at };
        self.holders.insert(slot, holder) != Some(holder)
    }
}
