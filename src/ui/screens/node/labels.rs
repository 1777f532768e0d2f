//! Facts of a node: system, observed transitions, taints, labels.

use super::Pane;
use crate::facts::accelerator::{self, Kind};
use crate::facts::node::NodeFacts;
use crate::facts::text::Clean;
use crate::model::cluster::NodeDetail;
use crate::model::derive::rows::AcceleratorTotals;
use crate::model::known::Known;
use crate::model::store::pods::PodCounts;
use crate::theme::Role;
use crate::ui::units::{clock, compact, counted, duration, grouped};
use crate::ui::widgets::canvas::Canvas;
use crate::ui::widgets::text::wrap;
use jiff::Timestamp;

/// Width of the word on the left, in columns.
const WORD: usize = 9;

/// One line: a word on the left, in the first line of a group only, and a text.
pub(super) struct LabelLine {
    word: &'static str,
    text: String,
}

/// All lines at this width.
pub(super) fn lines(detail: &NodeDetail<'_>, width: u16, now: Timestamp) -> Vec<LabelLine> {
    let width = usize::from(width).saturating_sub(WORD + 2);
    let facts = &detail.facts;
    let system = [
        ("", &facts.os_image),
        ("kernel ", &facts.kernel),
        ("", &facts.runtime),
        ("", &facts.architecture),
        ("ip ", &facts.internal_ip),
    ];
    let system = system.iter().filter(|(_, value)| !value.is_empty()).map(|(label, value)| format!("{label}{value}"));
    let roles = if detail.row.roles.is_empty() { "<none>" } else { &detail.row.roles };
    let transitions = detail.transitions.iter().map(|(ago, what)| {
        let at = now.checked_sub(*ago).map(|at| format!("{} ", clock(at))).unwrap_or_default();
        format!("{at}{what} ({} ago)", duration(*ago))
    });
    let taints = facts.taints.iter().map(|taint| match &*taint.value {
        "" => format!("{}:{}", taint.key, taint.effect),
        value => format!("{}={value}:{}", taint.key, taint.effect),
    });
    let labels = facts
        .labels
        .iter()
        .map(|(key, value)| if value.is_empty() { key.to_string() } else { format!("{key}={value}") });
    let mut lines = Vec::new();
    group(&mut lines, "system", &system.collect::<Vec<_>>(), width);
    let devices = devices(detail);
    if !devices.is_empty() {
        group(&mut lines, "devices", &devices, width);
    }
    for chain in &detail.device_chains {
        let text = format!("{} {}", chain.maker, chain.text());
        for (at, line) in wrap(text.split(' '), 1, width).into_iter().enumerate() {
            lines.push(LabelLine { word: if at == 0 { "chain" } else { "" }, text: line.join(" ") });
        }
        let states = chain.links.iter().map(|link| format!("{} {}", link.name, link.state));
        group(&mut lines, "", &states.collect::<Vec<_>>(), width);
    }
    group(&mut lines, "ready", &transitions.collect::<Vec<_>>(), width);
    group(&mut lines, "taints", &taints.collect::<Vec<_>>(), width);
    group(&mut lines, "pods", &[pods(detail)], width);
    group(&mut lines, "roles", &[roles.to_owned()], width);
    group(&mut lines, "labels", &labels.collect::<Vec<_>>(), width);
    lines
}

/// Number of bound pods, by kind.
fn pods(detail: &NodeDetail<'_>) -> String {
    let Some(pods) = detail.pods.any() else { return "not known".to_owned() };
    let bound = if detail.pods.exact().is_some() { "" } else { "at least " };
    let PodCounts { bound: all, terminating, daemon_set, mirror } = pods;
    format!("{bound}{all} bound, of them {daemon_set} of DaemonSets, {mirror} static, {terminating} terminating")
}

/// The accelerators, and facts that restrict the meaning of their numbers.
fn devices(detail: &NodeDetail<'_>) -> Vec<String> {
    let invalid = accelerator::is_mig_invalid(&detail.facts);
    let invalid = invalid.then(|| "MIG layout does not fit strategy `single`: its devices are not known".to_owned());
    let why = detail.row.unschedulable.as_ref();
    detail.accelerators.iter().map(|totals| accelerator(totals, &detail.facts, why)).chain(invalid).collect()
}

/// `nvidia.com/gpu (device): 4 requested, 1 free of 5 healthy, 3 unhealthy`, `nvidia.com/gpu (shared, of 1 device): …`; what a node
/// that takes no pods has left over is not free: `0 requested, 8 of 8 healthy not schedulable (Unknown)`.
fn accelerator(totals: &AcceleratorTotals, facts: &NodeFacts, unschedulable: Option<&Clean>) -> String {
    let kind = match totals.kind {
        Kind::Device => "device",
        Kind::Slice => "slice",
        Kind::Shared => "shared",
        Kind::Aux => "aux",
    };
    let behind = accelerator::devices_behind(&totals.resource, facts);
    let behind = behind.filter(|_| matches!(totals.kind, Kind::Slice | Kind::Shared));
    let of = behind.map(|count| format!(", of {}", counted(count, "device")));
    let kind = format!("{kind}{}", of.unwrap_or_default());
    let number = |number: Known<i64>| number.exact().map_or_else(|| "?".to_owned(), compact);
    let (requested, healthy) = (number(totals.requested), compact(totals.allocatable));
    let left = match unschedulable {
        None => format!("{} free of {healthy} healthy", number(totals.free)),
        Some(why) => format!("{} of {healthy} healthy not schedulable ({why})", number(totals.unschedulable)),
    };
    let numbers = format!("{} ({kind}): {requested} requested, {left}", totals.resource);
    let words = [
        (totals.withdrawn, "unhealthy"),
        (totals.missing.unwrap_or(0), "not registered"),
        (totals.over_requested.any().unwrap_or(0), "over-requested"),
    ];
    let words = words.into_iter().filter(|(count, _)| *count > 0);
    let words = words.map(|(count, word)| format!("{} {word}", grouped(count)));
    std::iter::once(numbers).chain(words).collect::<Vec<_>>().join(", ")
}

fn group(lines: &mut Vec<LabelLine>, word: &'static str, items: &[String], width: usize) {
    if items.is_empty() && word.is_empty() {
        return;
    }
    if items.is_empty() {
        let nothing = if word == "ready" { "no change seen since launch" } else { "none" };
        lines.push(LabelLine { word, text: nothing.to_owned() });
        return;
    }
    for (at, line) in wrap(items.iter().map(String::as_str), 3, width).into_iter().enumerate() {
        lines.push(LabelLine { word: if at == 0 { word } else { "" }, text: line.join("   ") });
    }
}

/// Draws as many lines as fit.
pub(super) fn draw(canvas: &mut Canvas<'_>, detail: &NodeDetail<'_>, now: Timestamp, pane: Pane) {
    let area = canvas.area;
    if area.height == 0 {
        return;
    }
    let lines = lines(detail, area.width, now);
    let first = pane.first(lines.len(), area.height);
    let shown = usize::from(area.height).min(lines.len() - first);
    for (row, line) in (0..area.height).zip(lines.iter().skip(first)) {
        let mut pen = canvas.pen(row);
        let mark = Pane { focused: pane.focused && row == 0, ..pane };
        mark.mark(&mut pen).fit(Role::Header, line.word, WORD).skip(1);
        let hidden = lines.len() - first - shown;
        if usize::from(row) + 1 == shown && hidden > 0 {
            let text = format!("+{hidden} more");
            let room = pen.left().saturating_sub(text.len() + 2);
            pen.fit(Role::Text, &line.text, room).skip(1).put(Role::Muted, &text);
        } else {
            pen.rest(Role::Text, &line.text);
        }
    }
}
