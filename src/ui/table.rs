//! The node table: a heading, the visible rows, and a sentence where there are none.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::columns::{self, Column, Wanted};
use super::grid::{self, Placed, Seen};
use super::names::Names;
use super::scene::{NodeTable, Paint, Scene};
use super::text::{Pen, columns as cells};
use super::units::{coarse, counted, devices, duration, known, pair, percent};
use super::{bars, words};
use crate::facts::node::Readiness;
use crate::model::Known;
use crate::model::cluster::{ClusterSummary, Freshness};
use crate::model::history::Strip;
use crate::model::rows::{Accelerators, NodeRow, Used, used_pct};
use crate::theme::{Glyphs, Role};

/// Draws the table; `seen` keeps the widths from frame to frame. Whether the wide one has more columns at this width.
pub(super) fn draw(
    buf: &mut Buffer,
    area: Rect,
    scene: &Scene<'_>,
    table: &NodeTable<'_>,
    (paint, seen): (Paint<'_>, &mut Seen),
) -> bool {
    let summary = scene.summary();
    let gpu = summary.is_none_or(|summary| summary.gpu.is_some() || !summary.gpu_known);
    let usage = table.rows.iter().any(|row| row.used.is_some());
    let wanted = Wanted { width: usize::from(area.width), wide: table.wide, gpu, usage };
    let placed = columns::place(seen, &table.rows, wanted);
    let wide_room = columns::has_wide_room(seen, &table.rows, wanted);
    let sort = columns::sorted(table.sort, &placed);
    grid::heading(&mut Pen::new(buf, paint.look, area, 0), area, &placed, (Some(sort), paint.look));
    if table.rows.is_empty() {
        let text = absence(scene, table, paint);
        let line = Rect { y: area.y.saturating_add(2), height: area.height.saturating_sub(2), ..area };
        let line = if line.height == 0 {
            Rect { y: area.y.saturating_add(1), height: area.height.min(1), ..area }
        } else {
            line
        };
        Pen::new(buf, paint.look, line, 0).skip(1).rest(Role::Unknown, &text);
        return wide_room;
    }
    let stale = summary.is_some_and(|summary| words::stale(summary).is_some());
    let names: Vec<Names> = placed.iter().map(|column| names_of(column, &table.rows, paint)).collect();
    for (row, node) in (1..area.height).zip(&table.rows) {
        let mut pen = Pen::new(buf, paint.look, area, row);
        pen.put(Role::Focus, if node.selected { paint.look.glyphs.selected } else { " " });
        for (column, names) in placed.iter().zip(&names) {
            pen.go(area, column.at);
            cell(&mut pen, (column, names), node, (stale, paint));
        }
        if node.selected {
            let line = Rect { y: area.y + row, height: 1, ..area }.intersection(buf.area);
            buf.set_style(line, paint.look.style(Role::Selected));
        }
    }
    wide_room
}

/// The names of a column; no other column has any.
fn names_of(placed: &Placed<Column>, rows: &[NodeRow<'_>], paint: Paint<'_>) -> Names {
    let has_names = matches!(placed.column, Column::Name | Column::Model | Column::Roles);
    let names = rows.iter().filter(|_| has_names).filter_map(|row| columns::text(placed.column, row));
    Names::new(names, placed.width, &paint.look.glyphs)
}

fn cell(
    pen: &mut Pen<'_>,
    (placed, names): (&Placed<Column>, &Names),
    row: &NodeRow<'_>,
    (stale, paint): (bool, Paint<'_>),
) {
    let glyphs = &paint.look.glyphs;
    let width = placed.width;
    let plain = if stale { Role::Stale } else { Role::Text };
    match placed.column {
        Column::Name => pen.fit(plain, &names.get(&row.facts.name), width),
        Column::Status => status(pen, row, width, (plain, glyphs)),
        Column::Pods => {
            let text = match row.pods_allocatable {
                Some(allocatable) => pair(row.pods, Known::Exact(allocatable), glyphs),
                None => format!("{}/{}", known(row.pods, glyphs), glyphs.unknown),
            };
            pen.right(known_role(row.pods, plain), &text, width)
        }
        Column::PodBar => match (row.pods.any(), row.pods_allocatable) {
            (Some(pods), Some(all)) => pen.fit(
                fullness(i64::from(pods), Some(i64::from(all)), Role::Muted),
                &bars::share(pods.into(), all.into(), width, glyphs),
                width,
            ),
            _ => pen.skip(width),
        },
        Column::Gpu => match row.gpu {
            Some(gpu) => pen.right(requested_role(gpu, plain), &devices(gpu, 2, glyphs), width),
            None => pen.skip(width),
        },
        Column::GpuLost => match lost(row, width, glyphs) {
            Some(text) => pen.fit(Role::Bad, &text, width),
            None => pen.skip(width),
        },
        Column::GpuBar => match row.gpu {
            Some(gpu) => {
                let bar = bars::devices(gpu, row.unschedulable.is_none(), (width, glyphs));
                pen.fit(if gpu.allocatable < gpu.capacity { Role::Warn } else { Role::Muted }, &bar, width)
            }
            None => pen.skip(width),
        },
        Column::CpuUsed => {
            used(pen, row, (row.used.and_then(|used| used.cpu_milli), row.cpu_milli.1), (width, plain, glyphs))
        }
        Column::MemoryUsed => {
            used(pen, row, (row.used.and_then(|used| used.memory_bytes), row.memory_bytes.1), (width, plain, glyphs))
        }
        Column::Cpu => share(pen, row.cpu_milli, width, (plain, glyphs)),
        Column::Memory => share(pen, row.memory_bytes, width, (plain, glyphs)),
        Column::Pressure => {
            let names: Vec<&str> = row.pressures.iter().map(|name| short(name)).collect();
            pen.fit(Role::Warn, &names.join(","), width)
        }
        Column::Ready => strip(pen, &row.ready, glyphs),
        Column::Roles if row.roles.is_empty() => pen.fit(Role::Muted, "<none>", width),
        Column::Age => pen.right(plain, &row.age.map_or_else(|| glyphs.none.to_owned(), duration), width),
        column => match columns::text(column, row).filter(|text| !text.is_empty()) {
            Some(text) if matches!(column, Column::Model | Column::Roles) => pen.fit(plain, &names.get(text), width),
            Some(text) => pen.fit(plain, text, width),
            None if column == Column::Model => pen.skip(width),
            None => pen.fit(Role::Muted, glyphs.none, width),
        },
    };
}

fn status<'p, 'b>(
    pen: &'p mut Pen<'b>,
    row: &NodeRow<'_>,
    width: usize,
    (plain, glyphs): (Role, &Glyphs),
) -> &'p mut Pen<'b> {
    let (role, glyph) = words::readiness(row.status, glyphs);
    let text = words::status(row.status, width.saturating_sub(2));
    // Ready nodes are many and quiet; only a cordon is worth a look on them.
    let quiet = row.status.readiness == Readiness::Ready && !row.status.flapping;
    let text_role = match (quiet, row.status.cordoned) {
        (true, false) => plain,
        (true, true) => Role::Warn,
        _ => role,
    };
    pen.put(role, glyph).skip(1).fit(text_role, &text, width.saturating_sub(2))
}

/// What Ready was minute by minute, newest right; blank where nobody watched.
fn strip<'p, 'b>(pen: &'p mut Pen<'b>, strip: &Strip, glyphs: &Glyphs) -> &'p mut Pen<'b> {
    for minute in strip {
        match minute {
            None => pen.skip(1),
            Some(Readiness::Ready) => pen.put(Role::Muted, glyphs.was_ready),
            Some(Readiness::NotReady) => pen.put(Role::Bad, glyphs.was_not_ready),
            Some(Readiness::Unknown) => pen.put(Role::Unknown, glyphs.unknown),
        };
    }
    pen
}

fn share<'p, 'b>(
    pen: &'p mut Pen<'b>,
    (requested, allocatable): (Known<i64>, Option<i64>),
    width: usize,
    (plain, glyphs): (Role, &Glyphs),
) -> &'p mut Pen<'b> {
    let Some(part) = requested.any() else {
        return pen.right(known_role(requested, plain), &known(requested, glyphs), width);
    };
    let text = match percent(part, allocatable) {
        Some(percent) => format!("{}%", known(requested.map(|_| percent), glyphs)),
        None => glyphs.unknown.to_owned(),
    };
    pen.right(known_role(requested, fullness(part, allocatable, plain)), &text, width)
}

/// Devices that the plugin took back, `✗3`, and those that it never announced, `-2`; together where there is no room for both.
fn lost(row: &NodeRow<'_>, width: usize, glyphs: &Glyphs) -> Option<String> {
    let withdrawn = row.gpu.map_or(0, |gpu| gpu.capacity.saturating_sub(gpu.allocatable).max(0));
    let text = match (withdrawn, row.gpu_missing) {
        (0, 0) => return None,
        (withdrawn, 0) => format!("{}{withdrawn}", glyphs.bad),
        (0, missing) => format!("-{missing}"),
        (withdrawn, missing) => format!("{}{withdrawn}-{missing}", glyphs.bad),
    };
    let all = || format!("{}{}", glyphs.bad, withdrawn.saturating_add(row.gpu_missing));
    Some(if cells(&text) <= width { text } else { all() })
}

/// More is requested than is healthy: 9/8.
fn requested_role(gpu: Accelerators, plain: Role) -> Role {
    let over = gpu.requested.any().is_some_and(|requested| requested > gpu.allocatable);
    if over { Role::Bad } else { known_role(gpu.requested, plain) }
}

/// `92%`; figures that are stale have their age beside them, a node without any says so (F26).
fn used<'p, 'b>(
    pen: &'p mut Pen<'b>,
    row: &NodeRow<'_>,
    (part, allocatable): (Option<i64>, Option<i64>),
    (width, plain, glyphs): (usize, Role, &Glyphs),
) -> &'p mut Pen<'b> {
    let Some(part) = part else { return pen.right(Role::Unknown, "unknown", width) };
    let Some(allocatable) = allocatable else { return pen.right(Role::Unknown, glyphs.unknown, width) };
    let text = format!("{}%", used_pct(part, allocatable));
    match row.used.filter(Used::is_stale) {
        Some(Used { age: Some(age), .. }) if text.len() + 1 + coarse(age).len() <= width => {
            pen.right(Role::Stale, &format!("{text} {}", coarse(age)), width)
        }
        Some(_) => pen.right(Role::Stale, &format!("{text}{}", glyphs.unknown), width),
        None => pen.right(fullness(part, Some(allocatable), plain), &text, width),
    }
}

fn known_role<T: Copy>(number: Known<T>, plain: Role) -> Role {
    match number {
        Known::Exact(_) => plain,
        Known::AtLeast(_) => Role::Muted,
        Known::Unknown | Known::Denied => Role::Unknown,
    }
}

/// Nothing more fits on this node.
fn fullness(part: i64, whole: Option<i64>, plain: Role) -> Role {
    if whole.is_some_and(|whole| part >= whole) { Role::Warn } else { plain }
}

/// `MemoryPressure` → `Memory`: the heading says the rest.
fn short(condition: &str) -> &str {
    condition.strip_suffix("Pressure").filter(|short| !short.is_empty()).unwrap_or(condition)
}

/// Why there are no rows. An unfinished or failed list is not an empty one.
fn absence(scene: &Scene<'_>, table: &NodeTable<'_>, paint: Paint<'_>) -> String {
    let glyphs = &paint.look.glyphs;
    let Some(summary) = scene.summary() else { return "no cluster".to_owned() };
    if table.extent.total > 0 {
        return format!("no node matches `{}`; esc clears the filter", scene.filter);
    }
    let trouble = words::trouble(summary, paint.settings.slow_call_clear, glyphs);
    match (&summary.nodes_fresh, trouble) {
        (Freshness::Denied, Some(reason)) => format!("nodes may not be listed {} {reason}", glyphs.dot),
        (Freshness::Denied, None) => "nodes may not be listed".to_owned(),
        _ if summary.unread_nodes > 0 => {
            format!("none of {} could be read", counted(summary.unread_nodes, "node"))
        }
        (_, _) if summary.nodes_total == Known::Exact(0) => "this cluster has no nodes".to_owned(),
        (_, Some(reason)) => format!("no nodes read yet {} {reason}", glyphs.dot),
        (Freshness::Loading { .. }, None) => format!("loading {}", words::progress(summary)),
        (_, None) => waiting(summary),
    }
}

fn waiting(summary: &ClusterSummary) -> String {
    match &summary.running {
        Some((what, span)) => format!("no nodes read yet: {what} for {}", duration(*span)),
        None => "no nodes read yet".to_owned(),
    }
}
