//! The node table: a heading, the visible rows, and a sentence where there are none.

pub(in crate::ui) mod columns;
use ratatui::layout::Rect;

use crate::action::Action;
use crate::facts::node::Readiness;
use crate::model::app::Model;
use crate::model::app::screens::Screen;
use crate::model::cluster::ClusterSummary;
use crate::model::derive::history::Strip;
use crate::model::derive::rows::{Accelerators, NodeRow};
use crate::model::derive::usage::{Used, used_pct};
use crate::model::known::Known;
use crate::model::store::sync::Freshness;
use crate::model::table::{Align, Emphasis, Extent, Figure, MadeCell, NodeCell, SortBy};
use crate::msg::Viewport;
use crate::theme::{Glyphs, Role};
use crate::ui::scene::Scene;
use crate::ui::screens::nodes::columns::{NodeColumn, Wanted};
use crate::ui::screens::view::View;
use crate::ui::state::{ListMemory, ViewState};
use crate::ui::units::{coarse, counted, devices, duration, grouped, known, known_counted, pair, percent};
use crate::ui::widgets::bars;
use crate::ui::widgets::canvas::{Canvas, Context};
use crate::ui::widgets::footer::{self, FooterPart, Hint};
use crate::ui::widgets::grid;
use crate::ui::widgets::grid::Placed;
use crate::ui::widgets::layout::window;
use crate::ui::widgets::names::ShortNames;
use crate::ui::widgets::text::{Pen, columns as cells};
use crate::ui::words;

const HINTS: [Hint; 11] = [
    (Action::Help, "help"),
    (Action::Quit, "quit"),
    (Action::Open, "open"),
    (Action::Filter, "filter"),
    (Action::Api, "api"),
    (Action::Alerts, "alerts"),
    (Action::Gpus, "gpus"),
    (Action::SortNext, "sort"),
    (Action::NextCluster, "cluster"),
    (Action::Wide, "wide"),
    (Action::Hold, "hold"),
];

/// The visible part of the node table.
pub(in crate::ui) struct NodesView<'a> {
    /// Position of the visible rows in all rows.
    pub(in crate::ui) extent: Extent,
    /// Index of the first visible row.
    pub(in crate::ui) first: usize,
    /// The visible rows.
    pub(in crate::ui) rows: Vec<NodeRow<'a>>,
    /// Column and `true` for the reverse order.
    pub(in crate::ui) sort: (SortBy, bool),
    /// The extra columns are requested.
    pub(in crate::ui) wide: bool,
    /// The rows still lie in the previous order.
    pub(in crate::ui) arranging: bool,
}

/// Reads the visible rows of the node table.
pub(in crate::ui) fn open<'a>(
    model: &'a Model,
    area: Rect,
    context: &Context<'_>,
    state: &mut ViewState,
) -> Option<Box<dyn View + 'a>> {
    let Screen::Nodes = model.screen() else { return None };
    Some(Box::new(NodesView::new(model, area, context, state)))
}

impl<'a> NodesView<'a> {
    pub(in crate::ui) fn new(model: &'a Model, area: Rect, context: &Context<'_>, state: &mut ViewState) -> Self {
        let (cluster, extent) = (model.current(), model.current().extent());
        let rows = window(extent.len, extent.selected, state.lists.nodes_offset, page(area));
        state.lists.nodes_offset = rows.start;
        let (first, rows) = (rows.start, cluster.rows(rows, context.now));
        Self { extent, first, rows, sort: cluster.sort(), wide: model.wide(), arranging: cluster.is_arranging() }
    }
}

/// Rows of the table: all lines but the heading.
fn page(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(1))
}

impl View for NodesView<'_> {
    fn draw(&self, canvas: &mut Canvas<'_>, scene: &Scene<'_>, memory: &mut ListMemory) -> Viewport {
        let (area, glyphs, seen) = (canvas.area, canvas.glyphs(), &mut memory.nodes_seen);
        let summary = scene.summary();
        let gpu = summary.is_none_or(|summary| summary.gpu.is_some() || !summary.gpu_known);
        let usage = self.rows.iter().any(|row| row.used.is_some());
        let wanted = Wanted { width: usize::from(area.width), wide: self.wide, gpu, usage };
        let placed = columns::place(seen, &self.rows, wanted);
        let wide_room = Some(columns::has_wide_room(seen, &self.rows, wanted));
        let sort = columns::sorted(self.sort, &placed);
        grid::heading(&mut canvas.pen(0), area, &placed, Some(sort));
        let viewport = Viewport { page: page(area), most_scroll: None, wide_room };
        if self.rows.is_empty() {
            let row = if area.height > 2 { 2 } else { 1 };
            canvas.pen(row).skip(1).rest(Role::Unknown, &absence(scene, self, glyphs));
            return viewport;
        }
        let plain =
            if summary.is_some_and(|summary| words::stale(summary).is_some()) { Role::Stale } else { Role::Text };
        let names: Vec<ShortNames> = placed.iter().map(|column| names_of(column, &self.rows, glyphs)).collect();
        for (row, node) in (1..area.height).zip(&self.rows) {
            let mut pen = canvas.pen(row);
            pen.put(Role::Focus, if node.selected { glyphs.selected } else { " " });
            for (column, names) in placed.iter().zip(&names) {
                cell(
                    pen.go(area, column.at),
                    &Cell { column: column.column, width: column.width, row: node, plain },
                    names,
                );
            }
            if node.selected {
                canvas.select(row);
            }
        }
        viewport
    }

    fn footer(&self, scene: &Scene<'_>, glyphs: &Glyphs) -> FooterPart {
        let mut facts = Vec::new();
        let Some(summary) = scene.summary() else { return FooterPart::default() };
        let all = known_counted(summary.nodes_total, "node", glyphs);
        facts.extend(self.arranging.then(|| (Role::Warn, format!("sorting{}", glyphs.ellipsis))));
        if scene.filter.is_empty() {
            let unknown = summary.nodes_total == Known::Unknown;
            facts.push((Role::Text, if unknown { "nodes not known yet".to_owned() } else { all }));
            if let Some(with @ 1..) = summary.gpu_nodes.any() {
                facts.push((Role::Text, format!("{} with GPUs", grouped(with))));
            }
        } else {
            let matching = grouped(self.extent.len as u64);
            facts.push((Role::Warn, format!("{matching} of {all} by filter {}", scene.filter)));
        }
        facts.extend(footer::rows(self.first, self.rows.len(), self.extent.len, glyphs));
        if scene.held {
            facts.push((Role::Warn, "order held".to_owned()));
        }
        // The number of rows that the previous text showed answers nothing.
        let filtering = || format!("filtering{}", glyphs.ellipsis);
        let found = if self.arranging { filtering() } else { footer::found(self.extent) };
        FooterPart { hints: &HINTS, facts, found, complete: false }
    }
}

/// The names of a column; no other column has any.
fn names_of(placed: &Placed<NodeColumn>, rows: &[NodeRow<'_>], glyphs: &Glyphs) -> ShortNames {
    let NodeCell::Name(name) = placed.column.cell else {
        return ShortNames::new(std::iter::empty(), placed.width, glyphs);
    };
    ShortNames::new(rows.iter().filter_map(name), placed.width, glyphs)
}

/// One value of one node.
#[derive(Clone, Copy)]
struct Cell<'a> {
    column: NodeColumn,
    width: usize,
    row: &'a NodeRow<'a>,
    /// Role of a value that is as it should be.
    plain: Role,
}

fn cell(pen: &mut Pen<'_>, at: &Cell<'_>, names: &ShortNames) {
    let Cell { column, width, row, plain } = *at;
    let glyphs = pen.glyphs();
    let text = match column.cell {
        NodeCell::Drawn(of) => return figure(pen, at, of),
        NodeCell::Made(made) => {
            let MadeCell { text, emphasis } = made(row);
            let (role, right) = (emphasis_role(emphasis, plain), column.align == Align::Right);
            if right {
                pen.right(role, &text, width)
            } else {
                pen.fit(role, &text, width)
            };
            return;
        }
        NodeCell::Name(text) | NodeCell::Text(text) => text(row),
    };
    match text {
        Some("") => pen.fit(Role::Muted, column.absent.unwrap_or(glyphs.none), width),
        Some(name) if matches!(column.cell, NodeCell::Name(_)) => pen.fit(plain, &names.get(name), width),
        Some(text) => pen.fit(plain, text, width),
        None => pen.skip(width),
    };
}

fn figure(pen: &mut Pen<'_>, at: &Cell<'_>, figure: Figure) {
    let Cell { width, row, plain, .. } = *at;
    let glyphs = pen.glyphs();
    match figure {
        Figure::Status => status(pen, at),
        Figure::Pods => {
            let text = match row.pods_allocatable {
                Some(allocatable) => pair(row.pods, Known::Exact(allocatable), glyphs),
                None => format!("{}/{}", known(row.pods, glyphs), glyphs.unknown),
            };
            pen.right(known_role(row.pods, plain), &text, width)
        }
        Figure::PodBar => match (row.pods.any(), row.pods_allocatable) {
            (Some(pods), Some(all)) => pen.fit(
                fullness(i64::from(pods), Some(i64::from(all)), Role::Muted),
                &bars::share(pods.into(), all.into(), width, glyphs),
                width,
            ),
            _ => pen.skip(width),
        },
        Figure::Gpu => match row.gpu {
            Some(gpu) => pen.right(requested_role(gpu, plain), &devices(gpu, 2, glyphs), width),
            None => pen.skip(width),
        },
        Figure::GpuLost => match lost(row, width, glyphs) {
            Some(text) => pen.fit(Role::Bad, &text, width),
            None => pen.skip(width),
        },
        Figure::GpuBar => match row.gpu {
            Some(gpu) => {
                let bar = bars::devices(gpu, row.unschedulable.is_none(), width, glyphs);
                pen.fit(if gpu.allocatable < gpu.capacity { Role::Warn } else { Role::Muted }, &bar, width)
            }
            None => pen.skip(width),
        },
        Figure::CpuUsed => used(pen, at, row.used.and_then(|used| used.cpu_milli), row.cpu_milli.1),
        Figure::MemoryUsed => used(pen, at, row.used.and_then(|used| used.memory_bytes), row.memory_bytes.1),
        Figure::Cpu => share(pen, at, row.cpu_milli.0, row.cpu_milli.1),
        Figure::Memory => share(pen, at, row.memory_bytes.0, row.memory_bytes.1),
        Figure::Pressure => {
            let names: Vec<&str> = row.pressures.iter().map(|name| short(name)).collect();
            pen.fit(Role::Warn, &names.join(","), width)
        }
        Figure::Ready => strip(pen, &row.ready, glyphs),
        Figure::Age => pen.right(plain, &row.age.map_or_else(|| glyphs.none.to_owned(), duration), width),
    };
}

fn status<'p, 'b>(pen: &'p mut Pen<'b>, at: &Cell<'_>) -> &'p mut Pen<'b> {
    let (Cell { width, row, plain, .. }, glyphs) = (*at, pen.glyphs());
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

/// Ready minute by minute, newest right; blank while watchbell was not watching.
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
    at: &Cell<'_>,
    requested: Known<i64>,
    allocatable: Option<i64>,
) -> &'p mut Pen<'b> {
    let (Cell { width, plain, .. }, glyphs) = (*at, pen.glyphs());
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
fn used<'p, 'b>(pen: &'p mut Pen<'b>, at: &Cell<'_>, part: Option<i64>, allocatable: Option<i64>) -> &'p mut Pen<'b> {
    let (Cell { width, row, plain, .. }, glyphs) = (*at, pen.glyphs());
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

fn emphasis_role(emphasis: Emphasis, plain: Role) -> Role {
    match emphasis {
        Emphasis::Plain => plain,
        Emphasis::Muted => Role::Muted,
        Emphasis::Warn => Role::Warn,
        Emphasis::Bad => Role::Bad,
        Emphasis::Unknown => Role::Unknown,
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
fn absence(scene: &Scene<'_>, table: &NodesView<'_>, glyphs: &Glyphs) -> String {
    let Some(summary) = scene.summary() else { return "no cluster".to_owned() };
    if table.extent.total > 0 {
        return format!("no node matches `{}`; esc clears the filter", scene.filter);
    }
    let problem = words::problem(summary, scene.settings.slow_call_clear, glyphs);
    match (&summary.nodes_fresh, problem) {
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
