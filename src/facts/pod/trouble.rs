//! Trouble of a pod, as its object says: why it does not do what it should, in the words of the kubelet or the scheduler.
//!
//! Reasons: docs/pods.md. What depends on the time or on the node is the model's: `model/derive/trouble.rs`.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::raw::{ContainerStatus, PodCondition, RawPod, ResourceHealth};
use super::{PodPhase, Since};
use crate::facts::json::Obj;

/// Kind of trouble, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TroubleKind {
    /// A device that the pod holds is unhealthy (`allocatedResourcesStatus`).
    DeviceUnhealthy,
    /// A container cannot be made or started.
    FailedStart,
    /// A container ends again and again.
    CrashLoop,
    /// An image cannot be had.
    ImagePull,
    /// It runs and is not ready, or its phase is unknown.
    NotReady,
    /// It is being deleted.
    Terminating,
    /// The scheduler found no node.
    Unschedulable,
    /// A scheduling gate holds it.
    Gated,
    /// The scheduler has not tried it yet, or did not say so.
    Unscheduled,
    /// It has a node and does not run yet.
    Starting,
}

/// Trouble of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodTrouble<'a> {
    /// Its kind.
    pub kind: TroubleKind,
    /// Message of the kubelet or the scheduler; empty without one.
    pub message: &'a str,
    /// Image of the container that is in trouble; empty if it is none of a container.
    pub image: &'a str,
    /// Unhealthy device, `nvidia.com/gpu GPU-1f…`; empty if there is none.
    pub device: &'a str,
    /// Time since which it does not run.
    pub since: Option<Since>,
}

/// Trouble whose texts may be put together.
#[derive(Debug)]
pub(super) struct FoundTrouble<'p> {
    kind: TroubleKind,
    message: Cow<'p, str>,
    image: Cow<'p, str>,
    device: String,
    since: Option<Since>,
}

impl FoundTrouble<'_> {
    pub(super) fn trouble(&self) -> PodTrouble<'_> {
        let Self { kind, ref message, ref image, ref device, since } = *self;
        PodTrouble { kind, message, image, device, since }
    }
}

/// Kind of a waiting container's reason; `None` if it is only on its way.
fn kind_of_waiting(reason: &str) -> Option<TroubleKind> {
    Some(match reason {
        "CrashLoopBackOff" => TroubleKind::CrashLoop,
        "ErrImagePull"
        | "ImagePullBackOff"
        | "ErrImageNeverPull"
        | "InvalidImageName"
        | "ImageInspectError"
        | "RegistryUnavailable"
        | "SignatureValidationFailed" => TroubleKind::ImagePull,
        "" | "ContainerCreating" | "PodInitializing" | "RestartingAllContainers" => return None,
        // `CreateContainerConfigError`, `CreateContainerError`, `RunContainerError`, errors of hooks, and what comes after 1.36.
        _ => TroubleKind::FailedStart,
    })
}

impl<'a> RawPod<'a> {
    /// Trouble of the pod; `None` if it does what it should, or has ended.
    pub(super) fn trouble(&self) -> Option<FoundTrouble<'_>> {
        let (Obj(meta), Obj(spec), Obj(status)) = (&self.metadata, &self.spec, &self.status);
        let phase = status.phase();
        if phase.is_terminal() {
            return None;
        }
        let found = |kind| FoundTrouble {
            kind,
            message: Cow::Borrowed(""),
            image: Cow::Borrowed(""),
            device: String::new(),
            since: self.since(),
        };
        if meta.deleting.is_present() {
            return Some(found(TroubleKind::Terminating));
        }
        if let Some((device, message)) = self.unhealthy_device() {
            return Some(FoundTrouble { device, message: message.into(), ..found(TroubleKind::DeviceUnhealthy) });
        }
        let containers = status.init_containers.iter().chain(&*status.containers);
        let waiting = containers.filter_map(|container| Some((container, container.waiting_trouble()?)));
        if let Some((container, (kind, message))) = waiting.min_by_key(|(_, (kind, _))| *kind) {
            return Some(FoundTrouble { message, image: container.image.read().0, ..found(kind) });
        }
        let message = |condition: Option<&PodCondition<'a>>| condition.map(|c| c.message.read().0).unwrap_or_default();
        match phase {
            PodPhase::Pending if !spec.node.is_empty() => Some(found(TroubleKind::Starting)),
            PodPhase::Pending => {
                let scheduled = self.condition("PodScheduled").filter(|condition| &*condition.status == "False");
                let kind = match scheduled.map(|condition| &*condition.reason) {
                    Some("SchedulingGated") => TroubleKind::Gated,
                    Some(_) => TroubleKind::Unschedulable,
                    None => TroubleKind::Unscheduled,
                };
                Some(FoundTrouble { message: message(scheduled), ..found(kind) })
            }
            PodPhase::Running => {
                let ready = self.condition("Ready");
                let is_ready = match ready {
                    Some(ready) => &*ready.status == "True",
                    None => status.containers.iter().all(|container| container.ready.0 == Some(true)),
                };
                // A Job's pod whose containers have completed is on its way to Succeeded.
                let has_completed = ready.is_some_and(|ready| &*ready.reason == "PodCompleted");
                (!is_ready && !has_completed)
                    .then(|| FoundTrouble { message: message(ready), ..found(TroubleKind::NotReady) })
            }
            _ => Some(found(TroubleKind::NotReady)),
        }
    }

    fn condition(&self, kind: &str) -> Option<&PodCondition<'a>> {
        self.status.0.conditions.iter().find(|condition| &*condition.kind == kind)
    }

    /// The first unhealthy device of a container, and the message about it.
    fn unhealthy_device(&self) -> Option<(String, String)> {
        let given = self.status.0.containers.iter().filter(|container| container.devices.is_given());
        given.flat_map(|container| container.devices.read().0).find_map(|Obj(resource)| {
            let is_unhealthy = |health: &&Obj<ResourceHealth<'_>>| &*health.0.health == "Unhealthy";
            let Obj(health) = resource.resources.0.iter().find(is_unhealthy)?;
            Some((format!("{} {}", &*resource.name, &*health.id), health.message.0.clone().into_owned()))
        })
    }
}

impl ContainerStatus<'_> {
    /// Kind and message of the trouble that keeps the container waiting.
    fn waiting_trouble(&self) -> Option<(TroubleKind, Cow<'_, str>)> {
        let Obj(waiting) = self.state.0.waiting.as_ref()?;
        let kind = kind_of_waiting(&waiting.reason)?;
        let message = waiting.message.read().0;
        if kind != TroubleKind::CrashLoop {
            return Some((kind, message));
        }
        // The last end says more than the wait does.
        let Obj(last) = self.last_state.read();
        let end = last.terminated.map(|Obj(end)| match &*end.reason {
            "" => format!("exit code {}", end.exit_code.0.unwrap_or(0)),
            reason => format!("{reason}, exit code {}", end.exit_code.0.unwrap_or(0)),
        });
        Some((kind, end.map_or(message, Cow::Owned)))
    }
}

#[cfg(test)]
mod tests;
