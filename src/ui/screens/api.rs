//! The API of one cluster: how fast it answers, where the time goes, what runs and what failed.
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
use crate::model::cluster::ClusterState;
use crate::model::derive::latency::{KindStats, SparkMark};
use crate::msg::Viewport;
use crate::theme::{Glyphs, Role};
use crate::ui::scene::Scene;
use crate::ui::screens::view::{View, scrolled};
use crate::ui::state::{ListMemory, ViewState};
use crate::ui::units::{duration, latency};
use crate::ui::widgets::canvas::{Canvas, Context};
use crate::ui::widgets::footer::{FooterPart, Hint};
use crate::ui::widgets::spark::{self, Scale};
use crate::ui::widgets::text::{Pen, columns};

/// Most probes that are drawn: the ring of samples is never shorter.
const MARKS: usize = 256;
/// Bodies from this height on show the ping too.
const PING: u16 = 14;

const HINTS: [Hint; 4] =
    [(Action::Back, "back"), (Action::Help, "help"), (Action::Down, "scroll"), (Action::NextCluster, "cluster")];

/// Contents of the API view for the current cluster.
struct ApiView<'a> {
    cluster: &'a ClusterState,
    /// Work probes, newest last.
    marks: Vec<SparkMark>,
    /// Pings, newest last.
    ping: Vec<SparkMark>,
    /// One for each kind of call.
    kinds: Vec<KindStats>,
    /// First line below the graph, unless there are fewer.
    scroll: usize,
}

/// Reads what `area` has room for of the current cluster.
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
        kinds: latency.kinds(now.mono),
        scroll: model.pane_scroll(),
    }))
}

/// Rows of the graph: a quarter of the body, even, so that the SLO is at a row's edge.
fn graph_rows(height: u16) -> u16 {
    match height {
        0..6 => 0,
        6..12 => 2,
        _ => (height / 4).clamp(2, 12) / 2 * 2,
    }
}

/// Lines below the graph in a body of this height; a page of the scrolling part.
fn page(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(1 + graph_rows(area.height) + u16::from(area.height >= PING)))
}

impl View for ApiView<'_> {
    fn draw(&self, canvas: &mut Canvas<'_>, scene: &Scene<'_>, _: &mut ListMemory) -> Viewport {
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
        let most = self.lines(&mut canvas.at(rest), scene);
        scrolled(page(area), most)
    }

    fn footer(&self, _: &Scene<'_>, _: &Glyphs) -> FooterPart {
        FooterPart { hints: &HINTS, complete: true, ..FooterPart::default() }
    }
}

impl ApiView<'_> {
    /// Draws the lines below the graph; returns the most scroll.
    fn lines(&self, canvas: &mut Canvas<'_>, scene: &Scene<'_>) -> usize {
        let height = canvas.area.height;
        let head = lines::head(scene, self, canvas.area.width.into(), &canvas.context);
        let all = head.len() + lines::failures_len(self);
        let most = all.saturating_sub(usize::from(height));
        let first = self.scroll.min(most);
        for (row, at) in (0..height).zip(first..all) {
            let mut pen = canvas.pen(row);
            match head.get(at) {
                Some(line) => line.iter().for_each(|(role, text)| _ = pen.rest(*role, text)),
                None => lines::failure(&mut pen, self, at - head.len()),
            }
        }
        let below = all.saturating_sub(first + usize::from(height));
        if below > 0 && height > 0 {
            let more = format!(" {below} more ");
            let mut pen = canvas.pen(height - 1);
            pen.skip(pen.left().saturating_sub(columns(&more))).put(Role::Focus, &more);
        }
        most
    }
}

/// `marks`: columns of the graph.
fn title(pen: &mut Pen<'_>, scene: &Scene<'_>, marks: usize) {
    let (settings, glyphs) = (scene.settings, pen.glyphs());
    pen.skip(1).put(Role::Title, scene.context()).put(Role::Title, " API");
    let left =
        format!("   probe every {}, deadline {}", latency(settings.probe_period), latency(settings.probe_deadline));
    let span = settings.probe_period * u32::try_from(marks).unwrap_or(0);
    let window = format!("last {}, newest right", duration(span));
    let scale = format!("scale {}", graph::scale(settings.probe_deadline, glyphs));
    // The scale and the window are part of the drawing; what is configured gives way first.
    let whole = format!("{window}, {scale}");
    let room = pen.left().saturating_sub(3);
    if columns(&left) + columns(&whole) <= room {
        pen.put(Role::Muted, &left);
    }
    pen.skip(pen.left().saturating_sub(columns(&whole) + 1).max(2)).rest(Role::Muted, &whole);
}
