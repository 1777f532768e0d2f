//! The resources of a node: requested, allocatable and capacity, in readable units.

use super::{Pane, hidden};
use crate::model::cluster::NodeDetail;
use crate::model::derive::rows::ResourceRow;
use crate::model::derive::usage::used_pct;
use crate::model::known::Known;
use crate::theme::Role;
use crate::ui::units::{bytes, compact, cores, percent};
use crate::ui::widgets::canvas::Canvas;
use crate::ui::widgets::text::{Pen, columns};

/// The columns of numbers: `1,234.567` cores have 9.
const NUMBERS: [(&str, usize); 3] = [("REQUESTED", 9), ("ALLOCATABLE", 11), ("CAPACITY", 9)];

/// Further columns if there is room: the requested share, current usage, and its share.
const MORE: [(&str, usize); 3] = [("REQ%", 5), ("USED", 9), ("USE%", 5)];

/// Number of cores from which they are abbreviated (`compact`).
const MANY_CORES: i64 = 1_000_000;

/// Columns of the numbers with a blank before each.
const FIXED: usize = 9 + 11 + 9 + 3;

/// Draws the heading and as many resources as fit.
pub(super) fn draw(canvas: &mut Canvas<'_>, detail: &NodeDetail<'_>, pane: Pane) {
    let area = canvas.area;
    if area.height == 0 {
        return;
    }
    let rows = &detail.resources;
    // On a narrow pane the share is dropped first, then the name is shortened: the numbers matter most.
    let name = rows.iter().map(|row| columns(row.name)).max().unwrap_or(0).max(9);
    let used = rows.iter().any(|row| row.used.is_some());
    let mut fixed = FIXED + 1;
    let shown = if used { MORE.len() } else { 1 };
    let fits = |(_, width): &&(&str, usize)| {
        fixed += width + 1;
        usize::from(area.width) >= name + fixed
    };
    let more = MORE[..shown].iter().take_while(fits).count();
    let fixed = FIXED + 1 + MORE[..more].iter().map(|(_, width)| width + 1).sum::<usize>();
    let name = name.min(usize::from(area.width).saturating_sub(fixed).max(8));
    let mut pen = canvas.pen(0);
    let title = if pane.focused { Role::Focus } else { Role::Header };
    pane.mark(&mut pen).fit(title, "RESOURCE", name);
    for (heading, width) in NUMBERS {
        pen.skip(1).right(Role::Header, heading, width);
    }
    for (heading, width) in &MORE[..more] {
        pen.skip(1).right(Role::Header, heading, *width);
    }
    let height = area.height - 1;
    let lines = rows.len() + detail.notes.len();
    hidden(&mut pen, lines, height);
    let first = pane.first(lines, height);
    for (row, index) in (1..=height).zip(first..lines) {
        let mut pen = canvas.pen(row);
        if let Some(resource) = rows.get(index) {
            line(pen.skip(1), resource, name, more);
        } else {
            let (about, text) = &detail.notes[index - rows.len()];
            pen.skip(1).fit(Role::Muted, about, name).skip(1).rest(Role::Text, text);
        }
    }
}

/// Draws one resource. `name`: width of the name; `more`: number of columns of [`MORE`] that fit.
fn line(pen: &mut Pen<'_>, row: &ResourceRow<'_>, name: usize, more: usize) {
    let glyphs = pen.glyphs();
    let part = row.requested.any();
    let full = matches!((part, row.allocatable), (Some(part), Some(whole)) if part > 0 && part >= whole);
    let lost =
        matches!((row.allocatable, row.capacity), (Some(healthy), Some(all)) if healthy < all && counts(row.name));
    let requested = match row.requested {
        Known::Exact(number) => amount(row.name, number),
        Known::AtLeast(number) => format!("{}{}", glyphs.at_least, amount(row.name, number)),
        Known::Unknown => glyphs.none.to_owned(),
        Known::Denied => "n/a".to_owned(),
    };
    let number = |number: Option<i64>| number.map_or_else(|| glyphs.none.to_owned(), |number| amount(row.name, number));
    let requested_role = match row.requested {
        Known::Exact(_) if full => Role::Warn,
        Known::Exact(_) => Role::Text,
        _ => Role::Unknown,
    };
    pen.fit(Role::Text, row.name, name).skip(1).right(requested_role, &requested, NUMBERS[0].1).skip(1);
    pen.right(if lost { Role::Bad } else { Role::Text }, &number(row.allocatable), NUMBERS[1].1).skip(1);
    pen.right(Role::Muted, &number(row.capacity), NUMBERS[2].1);
    for (heading, width) in &MORE[..more] {
        pen.skip(1);
        match (*heading, row.used) {
            ("REQ%", _) => {
                let bound = if matches!(row.requested, Known::AtLeast(_)) { glyphs.at_least } else { "" };
                let percent = part.and_then(|part| percent(part, row.allocatable));
                let text = percent.map(|percent| format!("{bound}{percent}%")).unwrap_or_default();
                pen.right(if full { Role::Warn } else { Role::Muted }, &text, *width);
            }
            ("USED", Some(used)) => _ = pen.right(Role::Text, &amount(row.name, used), *width),
            (_, Some(used)) => {
                let percent = row.allocatable.map(|allocatable| format!("{}%", used_pct(used, allocatable)));
                pen.right(Role::Muted, percent.as_deref().unwrap_or(glyphs.unknown), *width);
            }
            (_, None) => _ = pen.skip(*width),
        }
    }
}

/// An amount of a resource in its unit: cores for cpu (given in thousandths), bytes for memory and storage.
pub(in crate::ui) fn amount(resource: &str, number: i64) -> String {
    match resource {
        _ if number < 0 => "<0".to_owned(),
        "cpu" if number / 1000 >= MANY_CORES => compact(number / 1000),
        "cpu" => cores(number),
        "memory" | "ephemeral-storage" | "storage" => bytes(number),
        huge if huge.starts_with("hugepages-") => bytes(number),
        _ => compact(number),
    }
}

/// Returns `true` for countable resources, of which fewer than the capacity means loss; of CPU, memory and storage the kubelet
/// reserves a part.
fn counts(resource: &str) -> bool {
    resource.contains('/')
}
