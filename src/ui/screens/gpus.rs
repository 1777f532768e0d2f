//! The GPU view: additional pods that fit, accelerators by group, and devices held by pods that do not run, as one page of lines.

pub(in crate::ui) mod cells;
mod lines;

use std::time::Duration;

use ratatui::layout::Rect;

use crate::action::{Action, TopScreen};
use crate::model::app::Model;
use crate::model::app::screens::Screen;
use crate::model::cluster::GpuView;
use crate::model::derive::fit::SIZES;
use crate::model::derive::gpus::{GpuGroup, GpuReport, Grouping, HeldDevices, Supply};
use crate::model::known::Known;
use crate::model::store::scope::Partial;
use crate::model::store::sync::Visibility;
use crate::model::table::gpus::{GpuGroups, GroupsGiven, HeldList};
use crate::msg::Viewport;
use crate::theme::{Glyphs, Role};
use crate::ui::scene::Scene;
use crate::ui::screens::view::{View, scrolled};
use crate::ui::state::{ListViewState, ViewState};
use crate::ui::units::{compact, counted, devices};
use crate::ui::widgets::canvas::{Canvas, Context};
use crate::ui::widgets::footer::{self, FooterPart, Hint};
use crate::ui::widgets::names::ShortNames;
use crate::ui::widgets::strip::LONGEST_CONTEXT;
use crate::ui::widgets::table::{ColumnParams, TableRows};
use crate::ui::widgets::text::{Pen, columns};
use crate::ui::words;

use cells::{GpuCells, unavailable_text};
use lines::{GpuLine, GpuLines};

/// Contents of the GPU view for the current cluster.
struct GpusView<'a> {
    report: &'a GpuReport,
    lists: &'a GpuView,
    by: Grouping,
    /// State of the requests of pods.
    pods: Known<()>,
    /// State of the devices of nodes.
    nodes: Known<()>,
    /// Reason why devices of dynamic resource allocation are not visible, if there may be some.
    dra_hidden: Option<String>,
    /// The watched part of the pods, if not the whole cluster is watched.
    partial: Option<Partial>,
    /// Numbers of nodes and of pods that could not be read.
    unread: [u32; 2],
    /// Index of the first line, capped by the number of lines.
    scroll: usize,
    /// `true` if the page keeps its cursor visible.
    follows: bool,
    /// Now by the server's clock.
    server_now: jiff::Timestamp,
    /// Age of the data, if it is not current.
    old: Option<Duration>,
}

const HINTS: [Hint; 10] = [
    (Action::Back, "back"),
    (Action::Help, "help"),
    (Action::NextPane, "group by"),
    (Action::Open, "open"),
    (Action::Node, "node"),
    (Action::Filter, "filter"),
    (Action::SortNext, "sort"),
    (Action::Hold, "hold"),
    (Action::NextCluster, "cluster"),
    (Action::Owner, "pods"),
];

/// Reads the accelerators of the current cluster.
pub(in crate::ui) fn open<'a>(
    model: &'a Model,
    _: Rect,
    context: &Context<'_>,
    _: &mut ViewState,
) -> Option<Box<dyn View + 'a>> {
    let Screen::Top(TopScreen::Gpus) = model.screen() else { return None };
    let cluster = model.current();
    let visible = cluster.optional().dra_visible();
    let hidden = matches!(visible, Visibility::Denied(_) | Visibility::Unavailable(_));
    Some(Box::new(GpusView {
        report: cluster.gpu_report(),
        lists: cluster.gpus(),
        by: model.grouping(),
        pods: cluster.pod_counts().map(|_| ()),
        nodes: cluster.node_counts().map(|_| ()),
        dra_hidden: visible.reason().filter(|_| hidden),
        partial: cluster.tracks().partial(),
        unread: [cluster.tracks().unread_nodes(), cluster.tracks().unread_pods()],
        scroll: model.pane_scroll(),
        follows: model.follows(),
        server_now: cluster.link().now(context.now),
        old: words::stale(&cluster.summary(context.now)),
    }))
}

impl GpusView<'_> {
    /// Grouping of the report, which is the previous one until the requested one is counted.
    fn grouped_by(&self) -> Grouping {
        self.report.by.unwrap_or(self.by)
    }

    /// Role of plain figures, which marks outdated data.
    fn plain(&self) -> Role {
        if self.old.is_some() { Role::Stale } else { Role::Text }
    }

    /// Returns `true` if the requests of pods are lower bounds: only some namespaces are watched, or some pods could not be read.
    fn is_partial(&self) -> bool {
        (self.partial.is_some() || self.unread[1] > 0) && matches!(self.pods, Known::AtLeast(()))
    }

    /// Returns `true` if both devices and requests are known: only then is the free number known.
    fn is_whole(&self) -> bool {
        matches!((self.nodes, self.pods), (Known::Exact(()), Known::Exact(())))
    }

    /// Returns `true` if the source of the groups is known.
    fn has_source(&self) -> bool {
        let source = if self.grouped_by().of_nodes() { self.nodes } else { self.pods };
        matches!(source, Known::Exact(()))
    }
}

/// Number of lines of a page: all but the title.
fn page(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(1))
}

impl View for GpusView<'_> {
    fn draw(&self, canvas: &mut Canvas<'_>, scene: &Scene<'_>, memory: &mut ListViewState) -> Viewport {
        let (area, glyphs) = (canvas.area, canvas.glyphs());
        let lines = GpuLines::new(self, &format!(" {} ", glyphs.dot));
        let height = page(area);
        let most = lines.len().saturating_sub(height);
        let first = lines.first(self, height);
        title(&mut canvas.pen(0), scene, self, lines.len().saturating_sub(first + height));
        let visible = lines.visible(first, height);
        let cells = GpuCells { view: self, glyphs };
        let columns = GpuColumns::new(&cells, &visible, usize::from(area.width), memory);
        for (row, line) in (1..area.height).zip(&visible) {
            let area = Rect { y: area.y + row, height: 1, ..area };
            columns.draw(&mut canvas.pen(row), area, line);
            if line.is_selected() {
                canvas.pen(row).put(Role::Focus, glyphs.selected);
                canvas.select(row);
            }
        }
        let rows = lines.rows(first, height);
        Viewport { first: Some(first), rows: Some(rows), ..scrolled(height, most) }
    }

    fn footer(&self, scene: &Scene<'_>, glyphs: &Glyphs) -> FooterPart {
        let arranging = self.lists.is_arranging();
        let mut facts: Vec<_> = arranging.then(|| footer::sorting(glyphs)).into_iter().collect();
        let names = ["group", "held row"].into_iter().zip([self.lists.groups(), self.lists.held()]);
        for ((name, extent), control) in names.zip(self.lists.controls()) {
            if !control.filter().is_empty() {
                facts.push(footer::filtered(extent, &counted(extent.total as u64, name), control.filter()));
            }
        }
        facts.extend(scene.held.then(footer::held));
        let focused = if self.lists.held().selected.is_some() { self.lists.held() } else { self.lists.groups() };
        FooterPart { hints: &HINTS, facts, found: footer::found(focused, arranging, glyphs), complete: false }
    }
}

/// Columns of both lists.
struct GpuColumns<'a> {
    groups: TableRows<'a, GpuGroups, GpuCells<'a>>,
    held: TableRows<'a, HeldList, GpuCells<'a>>,
    view: &'a GpusView<'a>,
}

impl<'a> GpuColumns<'a> {
    fn new(cells: &'a GpuCells<'a>, visible: &[GpuLine<'_>], width: usize, memory: &mut ListViewState) -> Self {
        let GpuCells { view, glyphs } = *cells;
        let groups =
            visible.iter().filter_map(|line| if let GpuLine::Group(group, _) = line { Some(*group) } else { None });
        let held = visible.iter().filter_map(|line| if let GpuLine::Held(held, _) = line { Some(*held) } else { None });
        let (groups, held): (Vec<&GpuGroup>, Vec<&HeldDevices>) = (groups.collect(), held.collect());
        let any = |of: fn(&Supply) -> bool| {
            view.is_whole() && view.report.groups.iter().filter_map(|group| group.supply.as_ref()).any(of)
        };
        let (over, why) =
            (any(|supply| supply.over_requested > 0), any(|supply| unavailable_text(supply, "").is_some()));
        let given = GroupsGiven { by: view.grouped_by(), over, why };
        Self {
            groups: TableRows::new(
                &groups,
                cells,
                &ColumnParams { width, wide: false, given },
                &mut memory.groups_widths,
                glyphs,
            ),
            held: TableRows::new(
                &held,
                cells,
                &ColumnParams { width, wide: false, given: () },
                &mut memory.held_widths,
                glyphs,
            ),
            view,
        }
    }

    fn draw(&self, pen: &mut Pen<'_>, area: Rect, line: &GpuLine<'_>) {
        let glyphs = pen.glyphs();
        let [groups, held] = self.view.lists.controls();
        match line {
            GpuLine::Blank => {}
            GpuLine::Fits => fits(pen, self.view, glyphs),
            GpuLine::Text(role, text) => _ = pen.skip(1).rest(*role, text),
            GpuLine::GroupHead => self.groups.heading(pen, area, Some(groups.sort())),
            GpuLine::Group(group, _) => self.groups.row(pen, area, group),
            GpuLine::HeldHead => self.held.heading(pen, area, Some(held.sort())),
            GpuLine::Held(held, _) => self.held.row(pen, area, held),
        }
    }
}

/// `prod-a GPUs  by [model] pool namespace owner   611/861/872`.
fn title(pen: &mut Pen<'_>, scene: &Scene<'_>, view: &GpusView<'_>, below: usize) {
    let summary = scene.summary();
    let names = ShortNames::new(scene.contexts(), LONGEST_CONTEXT, pen.glyphs());
    let name = names.get(scene.context());
    pen.skip(1).put(Role::Title, &name).put(Role::Title, " GPUs").skip(2);
    for by in Grouping::ALL {
        // Brackets show the choice without styles.
        if by == view.by {
            pen.put(Role::Focus, &format!("[{}]", by.name()));
        } else {
            pen.put(Role::Muted, &format!(" {} ", by.name()));
        }
    }
    if view.grouped_by() != view.by {
        let counting = format!("counting{}", pen.glyphs().ellipsis);
        pen.skip(2).put(Role::Warn, &counting);
    }
    if let Some(gpu) = summary.and_then(|summary| summary.gpu) {
        let numbers = devices(gpu, 1, pen.glyphs());
        if pen.left() > columns(&numbers) + 4 {
            pen.skip(2).put(Role::Text, &numbers);
        }
    }
    let more = format!("{below} more below");
    if below > 0 && pen.left() > columns(&more) + 3 {
        pen.skip(2).put(Role::Muted, &more);
    }
}

/// `FITS 250×1 120×2 55×4 20×8 0×16 (additional pods, per size)`.
fn fits(pen: &mut Pen<'_>, view: &GpusView<'_>, glyphs: &Glyphs) {
    pen.skip(1).put(Role::Header, "FITS");
    for (size, pods) in SIZES.into_iter().zip(view.report.fits) {
        let known = view.is_whole();
        let pods = if known { compact(pods) } else { glyphs.none.to_owned() };
        let role = if known && pods == "0" { Role::Warn } else { view.plain() };
        pen.skip(1).put(role, &pods).put(Role::Muted, &format!("{}{size}", glyphs.times));
    }
    if pen.left() > 30 {
        pen.skip(1).rest(Role::Muted, "(additional pods, per size)");
    }
}
