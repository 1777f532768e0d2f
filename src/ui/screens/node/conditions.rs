//! The conditions of a node: type, status, since, reason, message.

use super::{Pane, hidden};
use crate::facts::node::{ConditionStatus, NodeCondition};
use crate::model::cluster::NodeDetail;
use crate::model::derive::device_conditions;
use crate::model::time::age_of;
use crate::theme::Role;
use crate::ui::units::duration;
use crate::ui::widgets::canvas::Canvas;
use crate::ui::widgets::text::{Pen, columns, wrap};

/// Bounds of the columns type and reason; the message has the rest.
const KIND: (usize, usize) = (10, 30);
const REASON: (usize, usize) = (6, 30);

/// Width of the columns before the message besides type and reason: mark, status, since and blanks.
const FIXED: usize = 1 + 2 + 7 + 1 + 6 + 2 + 2;

/// Minimum width of a message.
const MESSAGE: usize = 8;

/// Indentation of the lines below a condition.
const INDENT: usize = 3;

/// One line of the pane.
enum ConditionLine<'a> {
    /// The condition itself; `true` if its message is in the lines below it.
    Row(&'a NodeCondition, bool),
    /// Meaning of a bad condition.
    Meaning(String),
    /// Part of the message of a bad condition.
    Message(String),
}

/// Widths of the columns of the pane.
#[derive(Clone, Copy)]
struct ConditionWidths {
    kind: usize,
    reason: usize,
    /// Columns for the message.
    message: usize,
}

impl ConditionWidths {
    fn new(conditions: &[NodeCondition], width: u16) -> Self {
        let widest = |of: fn(&NodeCondition) -> &str| {
            conditions.iter().map(|condition| columns(of(condition))).max().unwrap_or(0)
        };
        let kind = widest(|condition| &condition.kind).clamp(KIND.0, KIND.1);
        let reason = widest(|condition| &condition.reason).clamp(REASON.0, REASON.1);
        Self { kind, reason, message: usize::from(width).saturating_sub(FIXED + kind + reason) }
    }
}

/// Number of lines of the conditions at this width.
pub(super) fn count(detail: &NodeDetail<'_>, width: u16) -> usize {
    lines(detail, width).len()
}

/// The lines at this width: a bad condition is followed by its meaning and, if it is cut, by its text in full.
fn lines<'a>(detail: &'a NodeDetail<'_>, width: u16) -> Vec<ConditionLine<'a>> {
    let conditions = &detail.facts.conditions;
    let widths = ConditionWidths::new(conditions, width);
    let room = usize::from(width).saturating_sub(INDENT + 1);
    let wrapped =
        |text: &str| wrap(text.split(' '), 1, room).into_iter().map(|line| line.join(" ")).collect::<Vec<_>>();
    let mut lines = Vec::new();
    for condition in conditions {
        let NodeCondition { kind, reason, message, .. } = condition;
        let is_bad = is_bad(condition, detail);
        let is_cut =
            columns(kind) > widths.kind || columns(reason) > widths.reason || columns(message) > widths.message;
        lines.push(ConditionLine::Row(condition, is_bad && is_cut));
        if !is_bad {
            continue;
        }
        for meaning in device_conditions::explanations(condition) {
            lines.extend(wrapped(&meaning).into_iter().map(ConditionLine::Meaning));
        }
        if is_cut {
            let head = if columns(kind) > widths.kind { format!("{kind} ") } else { String::new() };
            let full = format!("{head}{reason}: {message}");
            lines.extend(wrapped(full.trim_end_matches([':', ' '])).into_iter().map(ConditionLine::Message));
        }
    }
    lines
}

fn is_bad(condition: &NodeCondition, detail: &NodeDetail<'_>) -> bool {
    detail.row.pressures.iter().any(|kind| **kind == condition.kind)
}

/// Draws the heading and as many conditions as fit.
pub(super) fn draw(canvas: &mut Canvas<'_>, detail: &NodeDetail<'_>, pane: Pane) {
    let area = canvas.area;
    if area.height == 0 {
        return;
    }
    let widths = ConditionWidths::new(&detail.facts.conditions, area.width);
    let ConditionWidths { kind, reason, .. } = widths;
    let mut pen = canvas.pen(0);
    let title = if pane.focused { Role::Focus } else { Role::Header };
    pane.mark(&mut pen).fit(title, "CONDITION", kind).skip(2).fit(Role::Header, "STATUS", 7).skip(1);
    pen.right(Role::Header, "SINCE", 6).skip(2).fit(Role::Header, "REASON", reason).skip(2);
    if pen.left() >= MESSAGE {
        pen.fit(Role::Header, "MESSAGE", MESSAGE);
    }
    let height = area.height - 1;
    let lines = lines(detail, area.width);
    hidden(&mut pen, lines.len(), height);
    if lines.is_empty() {
        canvas.pen(1).skip(1).rest(Role::Unknown, "none: the kubelet has never posted a status");
    }
    let first = pane.first(lines.len(), height);
    for (row, line) in (1..=height).zip(lines.iter().skip(first)) {
        let pen = &mut canvas.pen(row);
        match line {
            ConditionLine::Row(condition, is_below) => draw_condition(pen, condition, *is_below, detail, widths),
            ConditionLine::Meaning(text) => _ = pen.skip(INDENT).rest(Role::Warn, text),
            ConditionLine::Message(text) => _ = pen.skip(INDENT).rest(Role::Muted, text),
        }
    }
}

/// Draws the line of one condition; `is_below` is `true` if its message stands below it.
fn draw_condition(
    pen: &mut Pen<'_>,
    condition: &NodeCondition,
    is_below: bool,
    detail: &NodeDetail<'_>,
    widths: ConditionWidths,
) {
    let ConditionWidths { kind, reason, message } = widths;
    let none = pen.glyphs().none;
    let (role, status) = status(condition, is_bad(condition, detail));
    // A condition that was good in the last update may not be good now.
    let role = if detail.status.stale && role == Role::Good { Role::Stale } else { role };
    let since = age_of(condition.since, detail.server_now).map_or_else(|| none.to_owned(), duration);
    let bad = matches!(role, Role::Bad | Role::Unknown);
    pen.skip(1).fit(if bad { role } else { Role::Text }, &condition.kind, kind).skip(2);
    pen.fit(role, status, 7).skip(1).right(Role::Text, &since, 6).skip(2);
    pen.fit(Role::Text, &condition.reason, reason).skip(2);
    if message >= MESSAGE && !is_below {
        pen.rest(Role::Muted, &condition.message);
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
