//! Containers of a simulated pod: their state and what follows from it.

use super::ContainerShape;

/// Index of the first init container, larger than the number of containers of any pod.
pub(super) const INIT: usize = 100;

/// The status of one container.
pub(super) struct SimContainer<'s> {
    pub(super) shape: &'s ContainerShape,
    pub(super) state: SimContainerState,
    /// Position in `spec.containers`; from [`INIT`] on, in `spec.initContainers`.
    pub(super) index: usize,
    pub(super) restarts: u32,
}

/// State of one container.
#[derive(Clone, Copy, Debug)]
pub(super) enum SimContainerState {
    Running,
    Waiting(&'static str),
    Ended { code: u8, at: i64 },
}

impl SimContainerState {
    pub(super) fn has_run(self) -> bool {
        !self.is_starting() && !matches!(self, Self::Waiting("ImagePullBackOff"))
    }

    /// Returns `true` while it waits for its first start; such a state has no message.
    pub(super) fn is_starting(self) -> bool {
        matches!(self, Self::Waiting("ContainerCreating" | "PodInitializing"))
    }

    /// Returns `true` for a running container, and for an init container that has completed.
    pub(super) fn is_ready(self, index: usize) -> bool {
        if index >= INIT { matches!(self, Self::Ended { code: 0, .. }) } else { matches!(self, Self::Running) }
    }
}
