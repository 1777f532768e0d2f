//! The API of one cluster: latency, shares of the time, running calls, failures.
//!
//! ```text
//! title     work probe every 5s, deadline 5s       last 10m, newest right, scale 0 · 1s · deadline 5s
//! graph     two to twelve rows
//! ping      one row, where there is room
//! lines     calls by kind, running, limits and load, failures; these scroll
//! ```

mod calls;
mod graph;
mod lines;

use ratatui::layout::Rect;

use crate::action::{Action, TopScreen};
use crate::model::app::Model;
use crate::model::app::screens::Screen;
use crate::model::cluster::{ApiLists, ClusterState};
use crate::model::derive::latency::{KindStats, SparkMark};
use crate::model::table::calls::{CallList, CallsRoom};
use crate::model::table::failures::FailureList;
use crate::msg::Viewport;
use crate::theme::{Glyphs, Role};
use crate::ui::scene::Scene;
use crate::ui::screens::view::{View, scrolled};
use crate::ui::state::{ListViewState, ViewState};
use crate::ui::units::{counted, duration, latency};
use crate::ui::widgets::canvas::{Canvas, Context};
use crate::ui::widgets::footer::{self, FooterPart, Hint};
use crate::ui::widgets::spark::{self, Scale};
use crate::ui::widgets::table::{ColumnParams, TableRows};
use crate::ui::widgets::text::{Pen, columns};

use calls::{ApiCells, given};
use lines::{ApiLine, ApiLines};

/// Maximum number of probes that are drawn; the ring of samples is never shorter.
const MARKS: usize = 256;
/// Minimum height of a body that also shows the ping.
const PING: u16 = 14;

const HINTS: [Hint; 7] = [
    (Action::Back, "back"),
    (Action::Help, "help"),
    (Action::Open, "details"),
    (Action::Filter, "filter"),
    (Action::SortNext, "sort"),
    (Action::Hold, "hold"),
    (Action::NextCluster, "cluster"),
];

/// Contents of the API view for the current cluster.
struct ApiView<'a> {
    cluster: &'a ClusterState,
    /// Work probes, newest last.
    marks: Vec<SparkMark>,
    /// Pings, newest last.
    ping: Vec<SparkMark>,
    lists: &'a ApiLists,
    /// The kinds of calls, sorted and filtered.
    calls: Vec<&'a KindStats>,
    /// Index of the first line below the graph, capped by the number of lines.
    scroll: usize,
    /// `true` if the page keeps its cursor visible.
    follows: bool,
}

/// Reads the API view of the current cluster for `area`.
pub(in crate::ui) fn open<'a>(
    model: &'a Model,
    area: Rect,
    context: &Context<'_>,
    _: &mut ViewState,
) -> Option<Box<dyn View + 'a>> {
    let Screen::Top(TopScreen::Api) = model.screen() else { return None };
    let (cluster, now) = (model.current(), context.now);
    let width = usize::from(area.width.saturating_sub(graph::AXIS)).min(MARKS);
    let latency = cluster.latency();
    Some(Box::new(ApiView {
        cluster,
        marks: cluster.latency().marks(width, now.mono),
        ping: latency.ping_marks(width, now.mono),
        lists: cluster.api(),
        calls: cluster.api().call_rows().collect(),
        scroll: model.pane_scroll(),
        follows: model.follows(),
    }))
}

/// Height of the graph: a quarter of the body, an even number, so that the SLO is at a row's edge.
fn graph_rows(height: u16) -> u16 {
    match height {
        0..6 => 0,
        6..12 => 2,
        _ => (height / 4).clamp(2, 12) / 2 * 2,
    }
}

/// Number of lines below the graph in a body of this size: a page of the scrolling part.
fn page(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(1 + graph_rows(area.height) + u16::from(area.height >= PING)))
}

impl View for ApiView<'_> {
    fn draw(&self, canvas: &mut Canvas<'_>, scene: &Scene<'_>, memory: &mut ListViewState) -> Viewport {
        let (area, deadline) = (canvas.area, scene.settings.probe_deadline);
        title(&mut canvas.pen(0), scene, self.marks.len());
        let graph = Rect { y: area.y + area.height.min(1), height: graph_rows(area.height), ..area };
        graph::draw(&mut canvas.at(graph), &self.marks, deadline);
        let ping = Rect { y: graph.bottom(), height: u16::from(area.height >= PING), ..area };
        let glyphs = canvas.glyphs();
        let mut line = canvas.at(ping);
        let mut pen = line.pen(0);
        pen.right(Role::Muted, "ping", usize::from(graph::AXIS) - 2).put(Role::Rule, " ");
        pen.put(Role::Rule, glyphs.divider);
        let width = pen.left();
        spark::draw(&mut pen, &self.ping, width, &Scale::new(deadline));
        let rest = Rect { y: ping.bottom(), height: area.bottom().saturating_sub(ping.bottom()), ..area };
        let lines = ApiLines::new(self, scene, area.width.into(), &canvas.context);
        let height = page(area);
        let (first, most) = (lines.first(self, height), lines.0.len().saturating_sub(height));
        self.lines(&mut canvas.at(rest), lines.0.get(first..).unwrap_or_default(), memory);
        Viewport { first: Some(first), rows: Some(lines.rows(first, height)), ..scrolled(height, most) }
    }

    fn footer(&self, scene: &Scene<'_>, glyphs: &Glyphs) -> FooterPart {
        let named = [
            ("kind", self.lists.calls(), self.lists.calls_control()),
            ("failure", self.lists.failures(), self.lists.failures_control()),
        ];
        let mut facts = Vec::new();
        for (name, extent, control) in named.into_iter().filter(|(.., control)| !control.filter().is_empty()) {
            facts.push(footer::filtered(extent, &counted(extent.total as u64, name), control.filter()));
        }
        facts.extend(scene.held.then(footer::held));
        let focused = if self.lists.failures().selected.is_some() { self.lists.failures() } else { self.lists.calls() };
        FooterPart { hints: &HINTS, facts, found: footer::found(focused, false, glyphs), complete: true }
    }
}

impl ApiView<'_> {
    /// Draws `lines` below the graph, and the number of hidden ones.
    fn lines(&self, canvas: &mut Canvas<'_>, lines: &[ApiLine<'_>], memory: &mut ListViewState) {
        let (area, glyphs) = (canvas.area, canvas.glyphs());
        let width = usize::from(area.width);
        let given = given(&self.calls, width);
        let cells = ApiCells { glyphs, words: given.room >= CallsRoom::Words };
        let params = ColumnParams { width, wide: false, given };
        let kind_rows = TableRows::<CallList, _>::new(&self.calls, &cells, &params, &mut memory.calls_widths, glyphs);
        let params = ColumnParams { width, wide: false, given: () };
        let failure_rows = TableRows::<FailureList, _>::new(&[], &cells, &params, &mut memory.failures_widths, glyphs);
        for (row, line) in (0..area.height).zip(lines) {
            let area = Rect { y: area.y + row, height: 1, ..area };
            let mut pen = canvas.pen(row);
            match line {
                ApiLine::Text(line) => line.iter().for_each(|(role, text)| _ = pen.rest(*role, text)),
                ApiLine::CallHead => kind_rows.heading(&mut pen, area, Some(self.lists.calls_control().sort())),
                ApiLine::Call(stats, _) => kind_rows.row(&mut pen, area, stats),
                ApiLine::Failure(failure, _) => failure_rows.row(&mut pen, area, failure),
            }
            if line.is_selected() {
                canvas.pen(row).put(Role::Focus, glyphs.selected);
                canvas.select(row);
            }
        }
        let below = lines.len().saturating_sub(area.height.into());
        if below > 0 && area.height > 0 {
            let more = format!(" {below} more ");
            let mut pen = canvas.pen(area.height - 1);
            pen.skip(pen.left().saturating_sub(columns(&more))).put(Role::Focus, &more);
        }
    }
}

/// Draws the title. `marks`: width of the graph in columns.
fn title(pen: &mut Pen<'_>, scene: &Scene<'_>, marks: usize) {
    let (settings, glyphs) = (scene.settings, pen.glyphs());
    pen.skip(1).put(Role::Title, scene.context()).put(Role::Title, " API");
    let left =
        format!("   probe every {}, deadline {}", latency(settings.probe_period), latency(settings.probe_deadline));
    let span = settings.probe_period * u32::try_from(marks).unwrap_or(0);
    let window = format!("last {}, newest right", duration(span));
    let scale = format!("scale {}", graph::scale(settings.probe_deadline, glyphs));
    // The scale and the window are needed to read the graph; the configuration is dropped first.
    let whole = format!("{window}, {scale}");
    let room = pen.left().saturating_sub(3);
    if columns(&left) + columns(&whole) <= room {
        pen.put(Role::Muted, &left);
    }
    pen.skip(pen.left().saturating_sub(columns(&whole) + 1).max(2)).rest(Role::Muted, &whole);
}
