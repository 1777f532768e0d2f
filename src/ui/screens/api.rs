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

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::model::cluster::ClusterState;
use crate::model::derive::latency::{KindStats, SparkMark};
use crate::msg::Now;
use crate::theme::Role;
use crate::ui::scene::{Paint, Scene};
use crate::ui::units::{duration, latency};
use crate::ui::widgets::spark;
use crate::ui::widgets::spark::Scale;
use crate::ui::widgets::text::{Pen, columns};

/// Most probes that are drawn: the ring of samples is never shorter.
const MARKS: usize = 256;
/// Bodies from this height on show the ping too.
const PING: u16 = 14;

/// What the API view shows of the current cluster.
pub(in crate::ui) struct ApiView<'a> {
    pub(in crate::ui) cluster: &'a ClusterState,
    /// Work probes, newest last.
    pub(in crate::ui) marks: Vec<SparkMark>,
    /// Pings, newest last.
    pub(in crate::ui) ping: Vec<SparkMark>,
    /// One for each kind of call.
    pub(in crate::ui) kinds: Vec<KindStats>,
    /// First line below the graph, as the model says it.
    pub(in crate::ui) scroll: usize,
}

impl<'a> ApiView<'a> {
    /// Takes what `area` has room for out of the cluster.
    pub(in crate::ui) fn new(cluster: &'a ClusterState, area: Rect, (scroll, now): (usize, Now)) -> Self {
        let width = usize::from(area.width.saturating_sub(graph::AXIS)).min(MARKS);
        let latency = cluster.latency();
        Self {
            cluster,
            marks: cluster.marks(width, now),
            ping: latency.ping_marks(width, now.mono),
            kinds: latency.kinds(now.mono),
            scroll,
        }
    }
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
pub(in crate::ui) fn page(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(1 + graph_rows(area.height) + u16::from(area.height >= PING)))
}

/// Draws the view over all of `area`; returns the most scroll.
pub(in crate::ui) fn draw(
    buf: &mut Buffer,
    area: Rect,
    (scene, view): (&Scene<'_>, &ApiView<'_>),
    paint: Paint<'_>,
) -> usize {
    title(&mut Pen::new(buf, paint.theme, area, 0), scene, view, paint);
    let rows = graph_rows(area.height);
    let graph = Rect { y: area.y + area.height.min(1), height: rows, ..area };
    graph::draw(buf, graph, &view.marks, paint);
    let ping = Rect { y: graph.bottom(), height: u16::from(area.height >= PING), ..area };
    let mut pen = Pen::new(buf, paint.theme, ping, 0);
    pen.right(Role::Muted, "ping", usize::from(graph::AXIS) - 2).put(Role::Rule, " ");
    pen.put(Role::Rule, paint.theme.glyphs.divider);
    let scale = Scale::new(paint.settings.probe_deadline);
    let width = pen.left();
    spark::draw(&mut pen, &view.ping, width, (&scale, &paint.theme.glyphs));
    let rest = Rect { y: ping.bottom(), height: area.bottom().saturating_sub(ping.bottom()), ..area };
    let head = lines::head(scene, view, (usize::from(area.width), paint));
    let all = head.len() + lines::failures_len(view);
    let most = all.saturating_sub(usize::from(rest.height));
    let first = view.scroll.min(most);
    for (row, at) in (0..rest.height).zip(first..all) {
        let mut pen = Pen::new(buf, paint.theme, rest, row);
        match head.get(at) {
            Some(line) => line.iter().for_each(|(role, text)| _ = pen.rest(*role, text)),
            None => lines::failure(&mut pen, view, at - head.len()),
        }
    }
    let below = all.saturating_sub(first + usize::from(rest.height));
    if below > 0 && rest.height > 0 {
        let more = format!(" {below} more ");
        let mut pen = Pen::new(buf, paint.theme, rest, rest.height - 1);
        pen.skip(pen.left().saturating_sub(columns(&more))).put(Role::Focus, &more);
    }
    most
}

fn title(pen: &mut Pen<'_>, scene: &Scene<'_>, view: &ApiView<'_>, paint: Paint<'_>) {
    let (settings, glyphs) = (paint.settings, &paint.theme.glyphs);
    let context = scene.summary().map_or("", |summary| &summary.context);
    pen.skip(1).put(Role::Title, context).put(Role::Title, " API");
    let left = format!(
        "   work probe every {}, deadline {}",
        latency(settings.probe_period),
        latency(settings.probe_deadline)
    );
    let span = settings.probe_period * u32::try_from(view.marks.len()).unwrap_or(0);
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
