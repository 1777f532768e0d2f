//! The resources of a node: requested, allocatable, capacity, in human units.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Pane, hidden};
use crate::model::Known;
use crate::model::cluster::NodeDetail;
use crate::model::rows::ResourceRow;
use crate::theme::{Glyphs, Role};
use crate::ui::text::{Pen, columns};
use crate::ui::units::{bytes, cores, grouped, percent};

/// The columns of numbers: `1,234.567` cores have 9.
const NUMBERS: [(&str, usize); 3] = [("REQUESTED", 9), ("ALLOCATABLE", 11), ("CAPACITY", 9)];

/// Columns of the numbers with a blank before each.
const FIXED: usize = 9 + 11 + 9 + 3;

/// Draws the heading and as many resources as there is room for.
pub(super) fn draw(buf: &mut Buffer, area: Rect, detail: &NodeDetail<'_>, pane: Pane<'_>) {
    if area.height == 0 {
        return;
    }
    let paint = pane.paint;
    let rows = &detail.resources;
    // On a narrow pane the share goes first, then the name gets shorter: it is the numbers one looks for.
    let name = rows.iter().map(|row| columns(row.name)).max().unwrap_or(0).max(9);
    let share = usize::from(area.width) > name + FIXED + 6;
    let fixed = FIXED + 1 + if share { 6 } else { 0 };
    let name = name.min(usize::from(area.width).saturating_sub(fixed).max(8));
    let mut pen = Pen::new(buf, paint.look, area, 0);
    let title = if pane.focused { Role::Focus } else { Role::Header };
    pane.mark(&mut pen).fit(title, "RESOURCE", name);
    for (heading, width) in NUMBERS {
        pen.skip(1).right(Role::Header, heading, width);
    }
    if share {
        pen.skip(1).right(Role::Header, "USED", 5);
    }
    let height = area.height - 1;
    hidden(&mut pen, rows.len(), height);
    let first = pane.first(rows.len(), height);
    for (row, resource) in (1..=height).zip(rows.iter().skip(first)) {
        let mut pen = Pen::new(buf, paint.look, area, row);
        line(pen.skip(1), resource, (name, share, &paint.look.glyphs));
    }
}

fn line(pen: &mut Pen<'_>, row: &ResourceRow<'_>, (name, share, glyphs): (usize, bool, &Glyphs)) {
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
    if let (true, Some(percent)) = (share, part.and_then(|part| percent(part, row.allocatable))) {
        let bound = if matches!(row.requested, Known::AtLeast(_)) { glyphs.at_least } else { "" };
        pen.skip(1).right(if full { Role::Warn } else { Role::Muted }, &format!("{bound}{percent}%"), 5);
    }
}

/// An amount of a resource in its unit: cores for cpu (given in thousandths), bytes for memory and storage.
pub(in crate::ui) fn amount(resource: &str, number: i64) -> String {
    match resource {
        "cpu" => cores(number),
        "memory" | "ephemeral-storage" | "storage" => bytes(number),
        huge if huge.starts_with("hugepages-") => bytes(number),
        _ => grouped(number),
    }
}

/// Whole things, of which fewer than the capacity means loss; of cpu, memory and storage the kubelet reserves a part.
fn counts(resource: &str) -> bool {
    resource.contains('/')
}
