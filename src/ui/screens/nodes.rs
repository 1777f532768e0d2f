//! The node table: a heading and the visible rows, or a sentence if there are none.

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
use crate::model::table::nodes::{NodeFigure, Nodes, NodesGiven};
use crate::model::table::{Extent, SortBy};
use crate::msg::Viewport;
use crate::theme::{Glyphs, Role};
use crate::ui::scene::Scene;
use crate::ui::screens::view::View;
use crate::ui::state::{ListViewState, ViewState};
use crate::ui::units::{coarse, counted, devices, duration, grouped, known, known_counted, pair, percent};
use crate::ui::widgets::bars;
use crate::ui::widgets::canvas::{Canvas, Context};
use crate::ui::widgets::footer::{self, FooterPart, Hint};
use crate::ui::widgets::layout::window;
use crate::ui::widgets::table::{Cells, ColumnParams, PlacedColumn, TableRows, has_wide_room};
use crate::ui::widgets::text::{Pen, columns};
use crate::ui::words;

const HINTS: [Hint; 10] = [
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
];

/// The visible part of the node table.
pub(in crate::ui) struct NodesView<'a> {
    /// Position of the visible rows in all rows.
    pub(in crate::ui) extent: Extent,
    /// Index of the first visible row.
    pub(in crate::ui) first: usize,
    /// The visible rows.
    pub(in crate::ui) rows: Vec<NodeRow<'a>>,
    /// Column that the rows are sorted by, and `true` for the reverse order.
    pub(in crate::ui) sort: (SortBy, bool),
    /// `true` if the extra columns are requested.
    pub(in crate::ui) wide: bool,
    /// `true` while the rows are in the previous order.
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
    fn draw(&self, canvas: &mut Canvas<'_>, scene: &Scene<'_>, memory: &mut ListViewState) -> Viewport {
        let (area, glyphs, widths) = (canvas.area, canvas.glyphs(), &mut memory.nodes_widths);
        let summary = scene.summary();
        let devices = summary.is_none_or(|summary| summary.gpu.is_some() || !summary.gpu_known);
        let usage = self.rows.iter().any(|row| row.used.is_some());
        let given = NodesGiven { devices, usage, conditions: false };
        let is_bad = |row: &NodeRow<'_>| !row.pressures.is_empty();
        let conditions = self.rows.iter().any(is_bad) || widths.has_grown::<Nodes>("conditions", &given);
        let given = NodesGiven { conditions, ..given };
        let plain =
            if summary.is_some_and(|summary| words::stale(summary).is_some()) { Role::Stale } else { Role::Text };
        let cells = NodeCells { glyphs, plain };
        let params = ColumnParams { width: area.width.into(), wide: self.wide, given };
        let table = TableRows::<Nodes, _>::new(&self.rows, &cells, &params, widths, glyphs);
        let wide_room = has_wide_room::<Nodes>(&self.rows, &cells, &ColumnParams { wide: true, ..params }, widths);
        table.heading(&mut canvas.pen(0), area, Some(self.sort));
        if self.rows.is_empty() {
            let row = if area.height > 2 { 2 } else { 1 };
            canvas.pen(row).skip(1).rest(Role::Unknown, &absence(scene, self, glyphs));
        }
        table.draw(canvas, &self.rows, |row| row.selected);
        Viewport { page: page(area), wide_room: Some(wide_room), ..Viewport::default() }
    }

    fn footer(&self, scene: &Scene<'_>, glyphs: &Glyphs) -> FooterPart {
        let mut facts = Vec::new();
        let Some(summary) = scene.summary() else { return FooterPart::default() };
        let all = known_counted(summary.nodes_total, "node", glyphs);
        facts.extend(self.arranging.then(|| footer::sorting(glyphs)));
        if scene.filter.is_empty() {
            let unknown = summary.nodes_total == Known::Unknown;
            facts.push((Role::Text, if unknown { "nodes not known yet".to_owned() } else { all }));
            if let Some(with @ 1..) = summary.gpu_nodes.any() {
                facts.push((Role::Text, format!("{} with GPUs", grouped(with))));
            }
        } else {
            facts.push(footer::filtered(self.extent, &all, scene.filter));
        }
        facts.extend(footer::rows(self.first, self.rows.len(), self.extent.len, glyphs));
        facts.extend(scene.held.then(footer::held));
        FooterPart { hints: &HINTS, facts, found: footer::found(self.extent, self.arranging, glyphs), complete: false }
    }
}

/// Draws the figures of a node.
pub(in crate::ui) struct NodeCells<'a> {
    pub(in crate::ui) glyphs: &'a Glyphs,
    /// Role of a value that is as it should be.
    pub(in crate::ui) plain: Role,
}

/// One value of one node.
#[derive(Clone, Copy)]
struct NodeCell<'a> {
    width: usize,
    row: &'a NodeRow<'a>,
    /// Role of a value that is as it should be.
    plain: Role,
}

impl Cells<Nodes> for NodeCells<'_> {
    fn text(&self, _: NodeFigure, _: &NodeRow<'_>) -> (Role, String) {
        // The width of these figures does not depend on their values.
        (self.plain, String::new())
    }

    fn draw(&self, pen: &mut Pen<'_>, figure: NodeFigure, row: &NodeRow<'_>, at: &PlacedColumn<Nodes>) {
        let (plain, width, glyphs) = (self.plain, at.width, self.glyphs);
        let at = &NodeCell { width, row, plain };
        match figure {
            NodeFigure::Status => status(pen, at),
            NodeFigure::Pods => {
                let text = match row.pods_allocatable {
                    Some(allocatable) => pair(row.pods, Known::Exact(allocatable), glyphs),
                    None => format!("{}/{}", known(row.pods, glyphs), glyphs.unknown),
                };
                pen.right(known_role(row.pods, plain), &text, width)
            }
            NodeFigure::PodBar => match (row.pods.any(), row.pods_allocatable) {
                (Some(pods), Some(all)) => pen.fit(
                    fullness(i64::from(pods), Some(i64::from(all)), Role::Muted),
                    &bars::share(pods.into(), all.into(), width, glyphs),
                    width,
                ),
                _ => pen.skip(width),
            },
            NodeFigure::Gpu => match row.gpu {
                Some(gpu) => pen.right(requested_role(gpu, plain), &devices(gpu, 2, glyphs), width),
                None => pen.skip(width),
            },
            NodeFigure::GpuLost => match lost(row, width, glyphs) {
                Some(text) => pen.fit(Role::Bad, &text, width),
                None => pen.skip(width),
            },
            NodeFigure::GpuBar => match row.gpu {
                Some(gpu) => {
                    let bar = bars::devices(gpu, row.unschedulable.is_none(), width, glyphs);
                    pen.fit(if gpu.allocatable < gpu.capacity { Role::Warn } else { Role::Muted }, &bar, width)
                }
                None => pen.skip(width),
            },
            NodeFigure::CpuUsed => used(pen, at, row.used.and_then(|used| used.cpu_milli), row.cpu_milli.1),
            NodeFigure::MemoryUsed => used(pen, at, row.used.and_then(|used| used.memory_bytes), row.memory_bytes.1),
            NodeFigure::Cpu => share(pen, at, row.cpu_milli.0, row.cpu_milli.1),
            NodeFigure::Memory => share(pen, at, row.memory_bytes.0, row.memory_bytes.1),
            NodeFigure::Ready => strip(pen, &row.ready, glyphs),
            NodeFigure::Age => pen.right(plain, &row.age.map_or_else(|| glyphs.none.to_owned(), duration), width),
        };
    }

    fn plain(&self, _: &NodeRow<'_>) -> Role {
        self.plain
    }
}

fn status<'p, 'b>(pen: &'p mut Pen<'b>, at: &NodeCell<'_>) -> &'p mut Pen<'b> {
    let (NodeCell { width, row, plain, .. }, glyphs) = (*at, pen.glyphs());
    let (role, glyph) = words::readiness(row.status, glyphs);
    let text = words::status(row.status, width.saturating_sub(2));
    // Most nodes are Ready and not emphasised, except a cordon.
    let quiet = row.status.readiness == Readiness::Ready && !row.status.flapping;
    let text_role = match (quiet, row.status.cordoned) {
        (true, false) => plain,
        (true, true) => Role::Warn,
        _ => role,
    };
    pen.put(role, glyph).skip(1).fit(text_role, &text, width.saturating_sub(2))
}

/// Readiness minute by minute, newest right; blank for minutes that were not observed.
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
    at: &NodeCell<'_>,
    requested: Known<i64>,
    allocatable: Option<i64>,
) -> &'p mut Pen<'b> {
    let (NodeCell { width, plain, .. }, glyphs) = (*at, pen.glyphs());
    let Some(part) = requested.any() else {
        return pen.right(known_role(requested, plain), &known(requested, glyphs), width);
    };
    let text = match percent(part, allocatable) {
        Some(percent) => format!("{}%", known(requested.map(|_| percent), glyphs)),
        None => glyphs.unknown.to_owned(),
    };
    pen.right(known_role(requested, fullness(part, allocatable, plain)), &text, width)
}

/// Withdrawn devices, `✗3`, and missing ones, `-2`; as one sum if there is no room for both.
fn lost(row: &NodeRow<'_>, width: usize, glyphs: &Glyphs) -> Option<String> {
    let withdrawn = row.gpu.map_or(0, |gpu| gpu.capacity.saturating_sub(gpu.allocatable).max(0));
    let text = match (withdrawn, row.gpu_missing) {
        (0, 0) => return None,
        (withdrawn, 0) => format!("{}{withdrawn}", glyphs.bad),
        (0, missing) => format!("-{missing}"),
        (withdrawn, missing) => format!("{}{withdrawn}-{missing}", glyphs.bad),
    };
    let all = || format!("{}{}", glyphs.bad, withdrawn.saturating_add(row.gpu_missing));
    Some(if columns(&text) <= width { text } else { all() })
}

/// Role of the requested amount: emphasised if more is requested than is healthy, as in 9/8.
fn requested_role(gpu: Accelerators, plain: Role) -> Role {
    let over = gpu.requested.any().is_some_and(|requested| requested > gpu.allocatable);
    if over { Role::Bad } else { known_role(gpu.requested, plain) }
}

/// `92%`; outdated usage is shown with its age, a node without any is marked (F26).
fn used<'p, 'b>(
    pen: &'p mut Pen<'b>,
    at: &NodeCell<'_>,
    part: Option<i64>,
    allocatable: Option<i64>,
) -> &'p mut Pen<'b> {
    let (NodeCell { width, row, plain, .. }, glyphs) = (*at, pen.glyphs());
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

/// Role of a share: marked if nothing more fits on the node.
fn fullness(part: i64, whole: Option<i64>, plain: Role) -> Role {
    if whole.is_some_and(|whole| part >= whole) { Role::Warn } else { plain }
}

/// Reason why there are no rows: an unfinished or failed list is not an empty one.
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
