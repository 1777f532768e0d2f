//! kubectl's STATUS, READY and RESTARTS of a pod.
//!
//! Source: `kubernetes pkg/printers/internalversion/printers.go`, `printPod`.

use std::borrow::Cow;

use super::raw::{Container, ContainerStatus, PodStatus, RawPod, Terminated};
use crate::facts::json::Obj;

/// kubectl's columns STATUS, READY and RESTARTS.
pub(super) struct DisplayStatus<'a> {
    /// STATUS; empty if it is the phase.
    pub(super) reason: Cow<'a, str>,
    pub(super) containers: u16,
    pub(super) ready: u16,
    pub(super) restarts: u32,
}

/// Result of the walk over the init containers.
struct Init<'a> {
    reason: Option<Cow<'a, str>>,
    ready: usize,
    restarts: i64,
    sidecar_restarts: i64,
}

/// Result of the walk over the app containers.
struct AppContainers<'a> {
    reason: Option<Cow<'a, str>>,
    ready: usize,
    restarts: i64,
    running: bool,
}

pub(super) fn display_status<'a>(pod: &'a RawPod<'_>) -> DisplayStatus<'a> {
    let (Obj(spec), Obj(status)) = (&pod.spec, &pod.status);
    let init_containers = &*spec.init_containers;
    let sidecars = init_containers.iter().filter(|container| container.is_sidecar()).count();
    let mut reason = Cow::Borrowed(if status.reason.is_empty() { &*status.phase } else { &*status.reason });
    if status.conditions.iter().any(|c| &*c.kind == "PodScheduled" && &*c.reason == "SchedulingGated") {
        reason = Cow::Borrowed("SchedulingGated");
    }
    let init = init(status, init_containers);
    let initializing = init.reason.is_some();
    reason = init.reason.unwrap_or(reason);
    let (mut ready, mut restarts) = (init.ready, init.restarts);
    if !initializing || is_true(status, "Initialized") {
        let app = app(status);
        ready += app.ready;
        restarts = init.sidecar_restarts.saturating_add(app.restarts);
        reason = app.reason.unwrap_or(reason);
        if reason == "Completed" && app.running {
            reason = Cow::Borrowed(if is_true(status, "Ready") { "Running" } else { "NotReady" });
        }
    }
    if pod.metadata.0.deleting.is_present() {
        if &*status.reason == "NodeLost" {
            reason = Cow::Borrowed("Unknown");
        } else if !status.phase().is_terminal() {
            reason = Cow::Borrowed("Terminating");
        }
    }
    if reason == phase_text(status) {
        reason = Cow::Borrowed("");
    }
    let containers = spec.containers.len() + sidecars;
    DisplayStatus {
        reason,
        containers: u16::try_from(containers).unwrap_or(u16::MAX),
        // A status may name containers that are not in the spec (F75).
        ready: u16::try_from(ready.min(containers)).unwrap_or(u16::MAX),
        restarts: u32::try_from(restarts.max(0)).unwrap_or(u32::MAX),
    }
}

/// Text of the phase. An unknown phase is shown verbatim (F71), so it counts as a reason.
fn phase_text(status: &PodStatus<'_>) -> &'static str {
    match status.phase() {
        super::PodPhase::Pending => "Pending",
        super::PodPhase::Running => "Running",
        super::PodPhase::Succeeded => "Succeeded",
        super::PodPhase::Failed => "Failed",
        super::PodPhase::Unknown => "Unknown",
    }
}

/// Walks over the init containers up to the first one that has not completed.
fn init<'a>(status: &'a PodStatus<'_>, specs: &'a [Container<'_>]) -> Init<'a> {
    let mut result = Init { reason: None, ready: 0, restarts: 0, sidecar_restarts: 0 };
    for (at, container) in status.init_containers.iter().enumerate() {
        // Of two containers with one name the later counts, as in upstream's map.
        let spec = specs.iter().rev().find(|spec| *spec.name == *container.name);
        let is_sidecar = spec.is_some_and(Container::is_sidecar);
        let restarts = container.restarts.0.unwrap_or(0);
        result.restarts = result.restarts.saturating_add(restarts);
        if is_sidecar {
            result.sidecar_restarts = result.sidecar_restarts.saturating_add(restarts);
        }
        let state = &container.state.0;
        let terminated = state.terminated.as_ref().map(|Obj(detail)| detail);
        if terminated.is_some_and(|detail| detail.exit_code.0.unwrap_or(0) == 0) {
            continue;
        }
        if is_sidecar && container.started.0 == Some(true) {
            result.ready += usize::from(container.ready.0 == Some(true));
            continue;
        }
        let waiting = state.waiting.as_ref().map_or("", |Obj(detail)| &*detail.reason);
        result.reason = Some(match terminated {
            Some(detail) => format!("Init:{}", termination_reason(detail)).into(),
            None if !matches!(waiting, "" | "PodInitializing") => format!("Init:{waiting}").into(),
            None => format!("Init:{at}/{}", specs.len()).into(),
        });
        break;
    }
    result
}

/// Walks over the app containers from the last to the first, so that the first one's reason wins.
fn app<'a>(status: &'a PodStatus<'_>) -> AppContainers<'a> {
    let mut result = AppContainers { reason: None, ready: 0, restarts: 0, running: false };
    for container in status.containers.iter().rev() {
        result.restarts = result.restarts.saturating_add(container.restarts.0.unwrap_or(0));
        let state = &container.state.0;
        let waiting = state.waiting.as_ref().map_or("", |Obj(detail)| &*detail.reason);
        if !waiting.is_empty() {
            result.reason = Some(waiting.into());
        } else if let Some(Obj(detail)) = &state.terminated {
            result.reason = Some(termination_reason(detail));
        } else if is_ready_and_running(container) {
            result.running = true;
            result.ready += 1;
        }
    }
    result
}

fn is_ready_and_running(container: &ContainerStatus<'_>) -> bool {
    container.ready.0 == Some(true) && container.state.0.running.is_some()
}

fn termination_reason<'a>(detail: &'a Terminated<'_>) -> Cow<'a, str> {
    if !detail.reason.is_empty() {
        return Cow::Borrowed(&detail.reason);
    }
    match detail.signal.0.unwrap_or(0) {
        0 => format!("ExitCode:{}", detail.exit_code.0.unwrap_or(0)).into(),
        signal => format!("Signal:{signal}").into(),
    }
}

fn is_true(status: &PodStatus<'_>, condition: &str) -> bool {
    status.conditions.iter().any(|c| &*c.kind == condition && &*c.status == "True")
}
