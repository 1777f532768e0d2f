//! The resource claims of a pod.

use crate::facts::pod::PodDetail;
use crate::model::derive::claims::{ClaimState, ClaimedDevice};
use crate::theme::{Glyphs, Role};
use crate::ui::units::grouped;
use crate::ui::widgets::page::{TextLine, TextTable, line};

/// The claims, each with its devices.
pub(super) fn lines(pod: &PodDetail, states: &[ClaimState], glyphs: &Glyphs) -> Vec<TextLine> {
    let mut table = TextTable::new(3, &[("NAME", 30, false), ("CLAIM", 60, false), ("TEMPLATE", 60, false)]);
    for (claim, state) in pod.claims.iter().zip(states) {
        let made = if claim.claim.is_empty() {
            (Role::Unknown, "not made yet".to_owned())
        } else {
            (Role::Text, claim.claim.to_string())
        };
        let serves = claim.serves.iter().map(|resource| &**resource).collect::<Vec<_>>().join(", ");
        let (name, template) = match (claim.serves.is_empty(), &*claim.template) {
            (false, _) => (serves, "made for an extended resource"),
            (true, "") => (claim.name.to_string(), glyphs.none),
            (true, template) => (claim.name.to_string(), template),
        };
        table.row(vec![(Role::Text, name), made, (Role::Muted, template.to_owned())]);
        for line in device_lines(state, &claim.claim) {
            table.full_line(line);
        }
    }
    table.lines(glyphs.ellipsis)
}

/// Devices of a claim, one per line.
fn device_lines(state: &ClaimState, claim: &str) -> Vec<TextLine> {
    let words = |role, text: String| vec![line(role, format!("     {text}"))];
    match state {
        // The table already shows that it was not created.
        ClaimState::Missing if claim.is_empty() => Vec::new(),
        ClaimState::Missing => words(Role::Warn, "there is no such claim".to_owned()),
        ClaimState::NotVisible(why) => words(Role::Muted, format!("its devices are not visible: {why}")),
        ClaimState::Waiting => words(Role::Warn, "no devices yet: it waits to be allocated".to_owned()),
        ClaimState::Allocated { devices, .. } if devices.is_empty() => {
            words(Role::Muted, "allocated without devices".to_owned())
        }
        ClaimState::Allocated { devices, users } => devices.iter().map(|one| device(one, *users)).collect(),
    }
}

/// `gpu.example.com / node-1 / gpu-0   NVIDIA-H100-80GB-HBM3   share 3f2a   shared by 3 pods   tainted`.
fn device(device: &ClaimedDevice, users: usize) -> TextLine {
    let ClaimedDevice { allocated, offered } = device;
    let mut line = line(Role::Text, format!("     {} / {} / {}", allocated.driver, allocated.pool, allocated.device));
    let mut say = |role, text: String| line.push((role, format!("   {text}")));
    match offered {
        Some(offered) if !offered.model.is_empty() => say(Role::Text, offered.model.to_string()),
        Some(_) => {}
        None => say(Role::Unknown, "in no slice".to_owned()),
    }
    if let Some(share) = &allocated.share {
        say(Role::Muted, format!("share {share}"));
    }
    if allocated.admin {
        say(Role::Muted, "admin access, takes nothing".to_owned());
    }
    if users > 1 {
        say(Role::Muted, format!("used by {} pods", grouped(users as u64)));
    }
    if offered.as_ref().is_some_and(|offered| offered.tainted) {
        say(Role::Bad, "tainted".to_owned());
    }
    line
}
