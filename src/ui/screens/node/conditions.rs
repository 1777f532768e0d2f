//! The conditions of a node: type, status, since, reason, message.

use super::{Pane, hidden};
use crate::facts::node::{ConditionStatus, NodeCondition};
use crate::model::cluster::NodeDetail;
use crate::model::time::age_of;
use crate::theme::Role;
use crate::ui::units::duration;
use crate::ui::widgets::canvas::Canvas;
use crate::ui::widgets::text::columns;

/// Bounds of the columns type and reason; the message has the rest.
const KIND: (usize, usize) = (10, 30);
const REASON: (usize, usize) = (6, 30);

/// Minimum width of a message.
const MESSAGE: usize = 8;

/// Draws the heading and as many conditions as fit.
pub(super) fn draw(canvas: &mut Canvas<'_>, detail: &NodeDetail<'_>, pane: Pane) {
    let (area, glyphs) = (canvas.area, canvas.glyphs());
    if area.height == 0 {
        return;
    }
    let conditions = &detail.facts.conditions;
    let widest =
        |of: fn(&NodeCondition) -> &str| conditions.iter().map(|condition| columns(of(condition))).max().unwrap_or(0);
    let kind = widest(|condition| &condition.kind).clamp(KIND.0, KIND.1);
    let reason = widest(|condition| &condition.reason).clamp(REASON.0, REASON.1);
    let mut pen = canvas.pen(0);
    let title = if pane.focused { Role::Focus } else { Role::Header };
    pane.mark(&mut pen).fit(title, "CONDITION", kind).skip(2).fit(Role::Header, "STATUS", 7).skip(1);
    pen.right(Role::Header, "SINCE", 6).skip(2).fit(Role::Header, "REASON", reason).skip(2);
    let messages = pen.left() >= MESSAGE;
    if messages {
        pen.fit(Role::Header, "MESSAGE", MESSAGE);
    }
    let height = area.height - 1;
    hidden(&mut pen, conditions.len(), height);
    if conditions.is_empty() {
        canvas.pen(1).skip(1).rest(Role::Unknown, "none: the kubelet has never posted a status");
    }
    let first = pane.first(conditions.len(), height);
    for (row, condition) in (1..=height).zip(conditions.iter().skip(first)) {
        let bad = detail.row.pressures.iter().any(|kind| **kind == condition.kind);
        let (role, status) = status(condition, bad);
        // A condition that was good in the last update may not be good now.
        let role = if detail.status.stale && role == Role::Good { Role::Stale } else { role };
        let since = age_of(condition.since, detail.server_now).map_or_else(|| glyphs.none.to_owned(), duration);
        let mut pen = canvas.pen(row);
        let bad = matches!(role, Role::Bad | Role::Unknown);
        pen.skip(1).fit(if bad { role } else { Role::Text }, &condition.kind, kind).skip(2);
        pen.fit(role, status, 7).skip(1).right(Role::Text, &since, 6).skip(2);
        pen.fit(Role::Text, &condition.reason, reason).skip(2);
        if messages {
            pen.rest(Role::Muted, &condition.message);
        }
    }
}

/// Role and text of a status. Ready should be true; for every other condition the model decides if it is bad.
fn status(condition: &NodeCondition, bad: bool) -> (Role, &str) {
    let role = |ready_when| match &*condition.kind {
        "Ready" if ready_when => Role::Good,
        "Ready" => Role::Bad,
        _ if bad => Role::Bad,
        _ => Role::Good,
    };
    match &condition.status {
        ConditionStatus::True => (role(true), "True"),
        ConditionStatus::False => (role(false), "False"),
        ConditionStatus::Unknown => (Role::Unknown, "Unknown"),
        ConditionStatus::Other(text) => (Role::Unknown, text),
    }
}
