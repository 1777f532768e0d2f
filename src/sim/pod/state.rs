//! State of a simulated pod.

/// State of a pod; the API's phase and the container states follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sim) enum PodState {
    /// Phase Pending, bound to no node.
    Unscheduled,
    /// Phase Pending, bound, image pulled.
    Creating,
    /// Phase Pending, bound, image missing.
    ImagePullBackOff,
    /// Phase Running and ready.
    Running,
    /// Phase Running; the node does not answer, so it is not ready.
    NotReady,
    /// Phase Running, first container waiting in back-off.
    CrashLoop,
    /// Phase Succeeded.
    Succeeded,
    /// Phase Failed.
    Failed,
    /// Phase Failed, evicted by the kubelet.
    Evicted,
    /// Phase Failed, rejected by the kubelet at admission; no container was made.
    Rejected,
}

impl PodState {
    /// `status.phase`.
    pub(in crate::sim) fn phase(self) -> &'static str {
        match self {
            Self::Unscheduled | Self::Creating | Self::ImagePullBackOff => "Pending",
            Self::Running | Self::NotReady | Self::CrashLoop => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed | Self::Evicted | Self::Rejected => "Failed",
        }
    }

    /// Returns `true` if the pod has ended and no longer counts on its node.
    pub(in crate::sim) fn finished(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Evicted | Self::Rejected)
    }

    /// `status.reason` and `status.message` of a pod that the kubelet has ended or rejected (kubelet `eviction/helpers.go`,
    /// `cm/devicemanager/manager.go`, `lifecycle/handlers.go`).
    pub(in crate::sim) fn ended_by_kubelet(self) -> Option<[&'static str; 2]> {
        match self {
            Self::Evicted => Some(["Evicted", "The node was low on resource: ephemeral-storage."]),
            Self::Rejected => Some([
                "UnexpectedAdmissionError",
                "Pod was rejected: Allocate failed due to requested number of devices unavailable for nvidia.com/gpu. Requested: 1, Available: 0, which is unexpected",
            ]),
            _ => None,
        }
    }
}
