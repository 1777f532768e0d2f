//! The strip: one line for each cluster, in columns, the current one marked.
//!
//! Columns have the width of the widest value since the last resize, so that a changed value moves nothing.
//! [`RANKS`] decides which of them are dropped on a narrow terminal.

use super::canvas::Canvas;
use super::names::ShortNames;
use super::spark::{self, MARKS, Scale};
use super::text::{Pen, columns};
use crate::model::cluster::{ClusterSummary, Health};
use crate::model::derive::dra::DriverDevices;
use crate::model::derive::latency::{Percentile, SparkMark};
use crate::model::derive::rows::Accelerators;
use crate::model::known::Known;
use crate::model::settings::Settings;
use crate::model::store::sync::Freshness;
use crate::theme::{Glyphs, Role};
use crate::ui::scene::Scene;
use crate::ui::units::{devices, grouped, known, pair, percentile};
use crate::ui::words;

/// The fields of a line, in their order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum StripField {
    Context,
    Word,
    Silenced,
    Nodes,
    Gpu,
    Dra,
    Pods,
    P50,
    P95,
    Spark,
    Timeouts,
    Fresh,
}

const FIELDS: [StripField; 12] = [
    StripField::Context,
    StripField::Word,
    StripField::Silenced,
    StripField::Nodes,
    StripField::Gpu,
    StripField::Dra,
    StripField::Pods,
    StripField::P50,
    StripField::P95,
    StripField::Spark,
    StripField::Timeouts,
    StripField::Fresh,
];

/// Fields by rank: a narrow line keeps the first ones.
const RANKS: [StripField; 12] = [
    StripField::Context,
    StripField::Silenced,
    StripField::Nodes,
    StripField::Gpu,
    StripField::Dra,
    StripField::P95,
    StripField::Spark,
    StripField::Word,
    StripField::Timeouts,
    StripField::Fresh,
    StripField::Pods,
    StripField::P50,
];

/// Minimum width of a sparkline, so that it shows a trend.
const SPARK: usize = 6;
/// Minimum width of a sparkline beside which `timeouts` is written out.
const SPARK_BESIDE_WORDS: usize = 12;
/// Minimum width of a strip with the freshness in more words.
const LONG: usize = 140;

/// Maximum width of a context name, so that a long one does not displace everything else.
pub(in crate::ui) const LONGEST_CONTEXT: usize = 28;

/// Width of the widest value so far, by field.
#[derive(Clone, Debug, Default)]
pub(in crate::ui) struct Widths([usize; FIELDS.len()]);

/// One line as text, by field.
struct StripLine {
    cells: [(Role, String); FIELDS.len()],
}

/// The cluster of a line.
struct LineOf<'a> {
    summary: &'a ClusterSummary,
    /// `true` for the current one of several clusters.
    current: bool,
    marks: &'a [SparkMark],
    scale: &'a Scale,
}

/// Columns of a line's fields.
struct StripLayout {
    gap: usize,
    labels: bool,
    /// `true` if the word has a label.
    api: bool,
    /// Unit after the number of timeouts.
    timeouts: &'static str,
    shown: [Option<usize>; FIELDS.len()],
}

/// Draws as many clusters as there are lines, from `scene.strip_first` on.
pub(in crate::ui) fn draw(canvas: &mut Canvas<'_>, scene: &Scene<'_>, widths: &mut Widths) {
    let (area, glyphs) = (canvas.area, canvas.glyphs());
    let long = usize::from(area.width) >= LONG;
    let visible = scene.summaries.iter().enumerate().skip(scene.strip_first).take(usize::from(area.height));
    let mut lines: Vec<(usize, StripLine)> =
        visible.map(|(index, summary)| (index, StripLine::new(summary, glyphs, long))).collect();
    let mut number = String::new();
    if let (true, [(index, line)], all @ 2..) = (area.y == 0, lines.as_mut_slice(), scene.summaries.len()) {
        // Without a header, the number shows that there are other clusters.
        number = format!(" {}/{all}", *index + 1);
        line.cells[0].1 += &number;
    }
    for (field, width) in widths.0.iter_mut().enumerate() {
        *width = lines.iter().map(|(_, line)| columns(&line.cells[field].1)).max().unwrap_or(0).max(*width);
    }
    let columns = StripLayout::new(widths, usize::from(area.width));
    let scale = Scale::new(scene.settings.probe_deadline);
    let width = columns.shown[0].unwrap_or(0).saturating_sub(number.len());
    let names = ShortNames::new(scene.contexts(), width, glyphs);
    for (index, line) in &mut lines {
        line.cells[0].1 = format!("{}{number}", names.get(&scene.summaries[*index].context));
    }
    for (row, (index, line)) in (0..area.height).zip(&lines) {
        let marks = scene.marks.get(usize::from(row)).map_or(&[][..], Vec::as_slice);
        let current = *index == scene.current && scene.summaries.len() > 1;
        line.draw(
            &mut canvas.pen(row),
            &columns,
            &LineOf { summary: &scene.summaries[*index], current, marks, scale: &scale },
        );
    }
}

impl StripLine {
    fn new(summary: &ClusterSummary, glyphs: &Glyphs, long: bool) -> Self {
        let (latency, settings) = (&summary.latency, &summary.settings);
        let (fresh_role, fresh) = words::freshness(summary, long);
        let cell = |field: StripField| match field {
            StripField::Context => (Role::Text, summary.context.to_string()),
            StripField::Word => (words::health(summary.health, glyphs).0, words::api(summary)),
            StripField::Silenced => (Role::Warn, words::silenced(summary)),
            StripField::Nodes => (nodes_role(summary), pair(summary.nodes_ready, summary.nodes_total, glyphs)),
            StripField::Gpu => gpu(summary.gpu, summary.gpu_known, glyphs),
            StripField::Dra => dra(summary.dra.as_ref(), summary.dra_live, glyphs),
            StripField::Pods => (Role::Text, pods(summary, glyphs)),
            StripField::P50 => (speed(latency.p50, settings), percentile(latency.p50, glyphs)),
            StripField::P95 => (speed(latency.p95, settings), percentile(latency.p95, glyphs)),
            StripField::Spark => (Role::Text, String::new()),
            StripField::Timeouts => (timeouts_role(latency.timeouts, settings), latency.timeouts.to_string()),
            StripField::Fresh => (fresh_role, fresh.clone()),
        };
        Self { cells: FIELDS.map(cell) }
    }

    fn draw(&self, pen: &mut Pen<'_>, at: &StripLayout, of: &LineOf<'_>) {
        let LineOf { summary, current, marks, scale } = *of;
        let glyphs = pen.glyphs();
        let (role, glyph) = words::mark(summary, glyphs);
        pen.put(Role::Focus, if current { glyphs.selected } else { " " }).put(role, glyph);
        let old = summary.health >= Health::Stale;
        for (field, ((role, text), width)) in FIELDS.into_iter().zip(self.cells.iter().zip(at.shown)) {
            let Some(width) = width else { continue };
            if field == StripField::Nodes
                && let (Known::Unknown | Known::Denied, Some(reason)) = (summary.nodes_total, &summary.failure)
            {
                // There are no numbers to show, so the reason is in their place.
                pen.skip(at.gap).rest(Role::Bad, &format!("{}: {}", reason.request, reason.text));
                return;
            }
            let role = match (field, *role) {
                (StripField::Context, _) if current => Role::Focus,
                (StripField::Nodes | StripField::Gpu | StripField::Dra | StripField::Pods, Role::Text) if old => {
                    Role::Stale
                }
                (_, role) => role,
            };
            pen.skip(if field == StripField::Context { 1 } else { at.gap })
                .put(Role::Muted, field.label(at.labels, at.api));
            match field {
                StripField::Spark => spark::draw(pen, marks, width, scale),
                StripField::Context | StripField::Word | StripField::Silenced | StripField::Fresh => {
                    _ = pen.fit(role, text, width);
                }
                StripField::Timeouts => _ = pen.right(role, text, width).put(Role::Muted, at.timeouts),
                _ => _ = pen.right(role, text, width),
            }
        }
    }
}

impl StripField {
    fn label(self, labels: bool, api: bool) -> &'static str {
        match self {
            // Next to the alerts of a cluster, the word is only about its API.
            Self::Word if api => "api ",
            Self::Nodes if labels => "nodes ",
            Self::Gpu => "gpu ",
            Self::Dra => "dra ",
            Self::Pods => "pods ",
            Self::P50 => "p50 ",
            Self::P95 => "p95 ",
            _ => "",
        }
    }
}

impl StripLayout {
    /// Lays out the fields; the word has a label unless it, or the freshness, would not fit then.
    fn new(widths: &Widths, width: usize) -> Self {
        let (labelled, bare) = (Self::fit(widths, width, true), Self::fit(widths, width, false));
        let mut places = FIELDS.iter().zip(labelled.shown.iter().zip(&bare.shown));
        let lost = places.any(|(field, (labelled, bare))| {
            matches!(field, StripField::Word | StripField::Fresh) && labelled.is_none() && bare.is_some()
        });
        if lost { bare } else { labelled }
    }

    /// Selects fields by rank while they fit; the remaining width is added to the sparkline.
    fn fit(widths: &Widths, width: usize, api: bool) -> Self {
        let (gap, labels) = if width >= 100 { (2, true) } else { (1, width >= 72) };
        let mut columns = Self { gap, labels, api, timeouts: " t/o", shown: [None; FIELDS.len()] };
        // The mark and the glyph before the context, and a blank at the end.
        let mut left = width.saturating_sub(3);
        for field in RANKS {
            let index = FIELDS.iter().position(|other| *other == field).unwrap_or(0);
            let seen = widths.0[index];
            let value = match field {
                StripField::Context => seen.min(LONGEST_CONTEXT).min(left),
                StripField::Spark => SPARK,
                _ if seen == 0 => continue,
                _ => seen,
            };
            let suffix = if field == StripField::Timeouts { columns.timeouts.len() } else { 0 };
            let needed = gap + field.label(labels, api).len() + value + suffix;
            // The context is always kept, even if the header has the name of the only cluster.
            if needed > left && field != StripField::Context {
                continue;
            }
            left = left.saturating_sub(needed);
            columns.shown[index] = Some(value);
        }
        let more = " timeouts".len() - columns.timeouts.len();
        if left >= more + SPARK_BESIDE_WORDS - SPARK {
            left -= more;
            columns.timeouts = " timeouts";
        }
        let spark = FIELDS.iter().position(|field| *field == StripField::Spark).unwrap_or(0);
        if let Some(width) = &mut columns.shown[spark] {
            *width = (*width + left).min(MARKS);
        }
        columns
    }
}

/// `2,613/11,440`; if only some namespaces are watched, without the capacity: `120 in 2 namespaces`.
fn pods(summary: &ClusterSummary, glyphs: &Glyphs) -> String {
    match (&summary.partial, summary.pods.any()) {
        (Some(partial), Some(number)) => {
            let bound = if summary.unread_pods > 0 || matches!(summary.pods_fresh, Freshness::Loading { .. }) {
                glyphs.at_least
            } else {
                ""
            };
            format!("{bound}{} in {}", grouped(number), partial.count())
        }
        // The nodes are known but report no number of allocatable pods.
        _ if summary.nodes_total.any().is_some_and(|nodes| nodes > 0) && summary.pods_allocatable == Known::Unknown => {
            format!("{}/{}", known(summary.pods, glyphs), glyphs.unknown)
        }
        _ => pair(summary.pods, summary.pods_allocatable, glyphs),
    }
}

fn nodes_role(summary: &ClusterSummary) -> Role {
    match (summary.nodes_ready, summary.nodes_total) {
        (Known::Exact(ready), Known::Exact(total)) if ready < total => Role::Warn,
        (Known::Exact(_), Known::Exact(_)) => Role::Text,
        _ => Role::Unknown,
    }
}

/// Requested, allocatable, capacity; empty for a cluster without devices.
fn gpu(gpu: Option<Accelerators>, is_known: bool, glyphs: &Glyphs) -> (Role, String) {
    match gpu {
        None if is_known => (Role::Muted, "none".to_owned()),
        None => (Role::Unknown, glyphs.none.to_owned()),
        Some(gpu) => {
            let role = if gpu.allocatable < gpu.capacity { Role::Warn } else { Role::Text };
            let bound = if is_known || gpu.requested.exact().is_none() { "" } else { glyphs.at_least };
            (role, format!("{bound}{}", devices(gpu, 1, glyphs)))
        }
    }
}

/// Allocated and physical devices; empty if there are none, or none were ever seen. With a `?` if they are no longer visible.
fn dra(devices: Option<&DriverDevices>, live: bool, glyphs: &Glyphs) -> (Role, String) {
    let Some(devices) = devices else { return (Role::Muted, String::new()) };
    let bound = if devices.updating { glyphs.at_least } else { "" };
    let (role, mark) = match devices.unhealthy {
        _ if !live => (Role::Stale, glyphs.unknown),
        0 => (Role::Text, ""),
        _ => (Role::Warn, ""),
    };
    (role, format!("{bound}{}/{}{mark}", devices.allocated, devices.physical))
}

/// Role of a latency: a warning above the SLO, bad above `slow-call-clear` or if it is a timeout.
pub(in crate::ui) fn speed(value: Option<Percentile>, settings: &Settings) -> Role {
    match value {
        None => Role::Unknown,
        Some(Percentile { at_least: true, .. }) => Role::Bad,
        Some(Percentile { value, .. }) if value > settings.slow_call_clear => Role::Bad,
        Some(Percentile { value, .. }) if value > spark::SLO => Role::Warn,
        Some(_) => Role::Text,
    }
}

fn timeouts_role(timeouts: u32, settings: &Settings) -> Role {
    match timeouts {
        0 => Role::Muted,
        some if some > settings.timeouts_over => Role::Bad,
        _ => Role::Warn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theme::{Depth, Theme};

    #[test]
    fn devices_that_are_seen_no_longer_do_not_look_live() {
        let devices = DriverDevices { physical: 8, allocated: 5, ..DriverDevices::default() };
        let glyphs = Theme::new(Depth::None, true).glyphs;
        assert_eq!(dra(Some(&devices), true, &glyphs), (Role::Text, "5/8".to_owned()));
        assert_eq!(dra(Some(&devices), false, &glyphs), (Role::Stale, "5/8?".to_owned()));
        let sick = DriverDevices { unhealthy: 1, ..devices };
        assert_eq!(dra(Some(&sick), false, &glyphs), (Role::Stale, "5/8?".to_owned()), "that is as old as the rest");
    }
}
