//! The containers of a pod.

use jiff::Timestamp;

use super::{amounts, wrapped};
use crate::facts::pod::{ContainerFacts, ContainerKind, ContainerState, PodDetail, Termination};
use crate::model::time::age_of;
use crate::theme::{Glyphs, Role};
use crate::ui::units::{coarse, duration, grouped};
use crate::ui::widgets::page::{TextLine, TextTable, line};

/// The containers, each with its requests, devices and image. `silent`: their node no longer reports.
pub(super) fn lines(pod: &PodDetail, silent: bool, now: Timestamp, width: u16, glyphs: &Glyphs) -> Vec<TextLine> {
    if pod.containers.is_empty() {
        return vec![line(Role::Unknown, " none in the spec")];
    }
    let titles = [
        ("", 1, false),
        ("NAME", 40, false),
        ("KIND", 9, false),
        ("STATE", 40, false),
        ("RESTARTS", 8, true),
        ("LAST EXIT", 60, false),
    ];
    let mut table = TextTable::new(1, &titles);
    for container in &pod.containers {
        let (mut role, mut glyph, mut words) = state(container, now, glyphs);
        if silent && matches!(container.state, ContainerState::Running { .. } | ContainerState::Waiting { .. }) {
            (role, glyph, words) = (Role::Unknown, glyphs.unknown, format!("last reported {words}"));
        }
        let restarted = if container.restarts > 0 { Role::Warn } else { Role::Text };
        table.row(vec![
            (role, glyph.to_owned()),
            (Role::Text, container.name.to_string()),
            (Role::Muted, kind(container.kind).to_owned()),
            (role, words),
            (restarted, grouped(container.restarts)),
            container
                .last
                .as_ref()
                .map_or((Role::Muted, glyphs.none.to_owned()), |last| (Role::Text, termination_text(last, now))),
        ]);
        for line in details(container, width) {
            table.full_line(line);
        }
    }
    table.lines(glyphs.ellipsis)
}

/// Further facts of a container, below its state.
fn details(container: &ContainerFacts, width: u16) -> Vec<TextLine> {
    const INDENT: usize = 6;
    let blanks = " ".repeat(INDENT);
    let mut lines = Vec::new();
    let ended = match &container.state {
        ContainerState::Waiting { message, .. } => Some(message),
        ContainerState::Ended(ending) => Some(&ending.message),
        _ => None,
    };
    let last = container.last.as_ref().map(|last| &last.message);
    for message in [ended, last].into_iter().flatten().filter(|message| !message.is_empty()) {
        lines.push(line(Role::Warn, format!("{blanks}{message}")));
    }
    let mut facts = Vec::new();
    for (label, list) in [("requests", &container.requests), ("limits", &container.limits)] {
        if !list.is_empty() {
            facts.push(format!("{label} {}", amounts(list)));
        }
    }
    for device in &container.devices {
        facts.push(format!("{} {} {}", device.resource, device.id, device.health));
    }
    facts.push(format!("image {}", container.image));
    lines.extend(wrapped(&facts, INDENT, width));
    lines
}

fn kind(kind: ContainerKind) -> &'static str {
    match kind {
        ContainerKind::Init => "init",
        ContainerKind::Sidecar => "sidecar",
        ContainerKind::App => "app",
        ContainerKind::Ephemeral => "ephemeral",
    }
}

/// Role, glyph and text of a container's state.
fn state(container: &ContainerFacts, now: Timestamp, glyphs: &Glyphs) -> (Role, &'static str, String) {
    match &container.state {
        ContainerState::Running { since } => {
            let span = age_of(*since, now).map_or_else(String::new, |span| format!(" {}", duration(span)));
            match container.ready {
                Some(false) => (Role::Warn, glyphs.degraded, format!("Running, not ready{span}")),
                _ => (Role::Good, glyphs.ok, format!("Running{span}")),
            }
        }
        ContainerState::Waiting { reason, .. } => {
            let bad = reason.contains("BackOff") || reason.contains("Err") || reason.contains("Invalid");
            let (role, glyph) = if bad { (Role::Bad, glyphs.bad) } else { (Role::Warn, glyphs.degraded) };
            (role, glyph, if reason.is_empty() { "Waiting".to_owned() } else { reason.to_string() })
        }
        ContainerState::Ended(end) => {
            let well = end.exit_code == Some(0);
            let (role, glyph) = if well { (Role::Muted, glyphs.ok) } else { (Role::Bad, glyphs.bad) };
            (role, glyph, termination_text(end, now))
        }
        ContainerState::Unknown => (Role::Unknown, glyphs.none, "no status yet".to_owned()),
    }
}

/// `OOMKilled, exit 137, 3m ago`.
fn termination_text(end: &Termination, now: Timestamp) -> String {
    let reason = if end.reason.is_empty() { "Ended" } else { &*end.reason };
    let mut parts = vec![reason.to_owned()];
    match (end.exit_code, end.signal) {
        (_, Some(signal)) => parts.push(format!("signal {signal}")),
        (Some(0) | None, None) => {}
        (Some(code), None) => parts.push(format!("exit {code}")),
    }
    if let Some(span) = age_of(end.finished, now) {
        parts.push(format!("{} ago", coarse(span)));
    }
    parts.join(", ")
}
