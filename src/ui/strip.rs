//! The strip: one line for each cluster, in columns, the current one marked.
//!
//! Columns have the width of the widest value seen since the last resize, so that a value that changes moves nothing.
//! What gives way when the terminal is narrow is in [`RANKS`].

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::names::Names;
use super::scene::{Paint, Scene};
use super::spark::{self, Scale};
use super::text::{Pen, columns};
use super::units::{devices, grouped, known, pair, percentile};
use super::words;
use crate::model::Known;
use crate::model::cluster::{ClusterSummary, Freshness, Health};
use crate::model::dra::DriverDevices;
use crate::model::latency::{Mark, Percentile};
use crate::model::rows::Accelerators;
use crate::theme::{Glyphs, Role};

/// Most marks that are asked for: the latency window of 5 min at a probe every 5 s.
pub(super) const MARKS: usize = 60;

/// The fields of a line, in the order in which they stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
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

const FIELDS: [Field; 12] = [
    Field::Context,
    Field::Word,
    Field::Silenced,
    Field::Nodes,
    Field::Gpu,
    Field::Dra,
    Field::Pods,
    Field::P50,
    Field::P95,
    Field::Spark,
    Field::Timeouts,
    Field::Fresh,
];

/// What a narrow line keeps, most important first.
const RANKS: [Field; 12] = [
    Field::Context,
    Field::Silenced,
    Field::Nodes,
    Field::Gpu,
    Field::Dra,
    Field::P95,
    Field::Spark,
    Field::Word,
    Field::Timeouts,
    Field::Fresh,
    Field::Pods,
    Field::P50,
];

/// Fewest columns of a sparkline that still show a course.
const SPARK: usize = 6;

/// Longer context names are cut here, so that one of them does not push out everything else.
pub(super) const LONGEST_CONTEXT: usize = 28;

/// The widest values seen, by field.
#[derive(Clone, Debug, Default)]
pub(super) struct Widths([usize; FIELDS.len()]);

/// One line as text, by field.
struct Line {
    cells: [(Role, String); FIELDS.len()],
}

/// Where a line's fields stand.
struct Columns {
    gap: usize,
    labels: bool,
    /// The word is labelled.
    api: bool,
    shown: [Option<usize>; FIELDS.len()],
}

/// Draws the clusters that `area` has lines for, from `scene.strip_first` on.
pub(super) fn draw(buf: &mut Buffer, area: Rect, scene: &Scene<'_>, paint: Paint<'_>, widths: &mut Widths) {
    let visible = scene.summaries.iter().enumerate().skip(scene.strip_first).take(usize::from(area.height));
    let mut lines: Vec<(usize, Line)> = visible.map(|(place, summary)| (place, Line::new(summary, paint))).collect();
    let mut number = String::new();
    if let (true, [(place, line)], all @ 2..) = (area.y == 0, lines.as_mut_slice(), scene.summaries.len()) {
        // There is no header that would say that there are others.
        number = format!(" {}/{all}", *place + 1);
        line.cells[0].1 += &number;
    }
    for (field, width) in widths.0.iter_mut().enumerate() {
        *width = lines.iter().map(|(_, line)| columns(&line.cells[field].1)).max().unwrap_or(0).max(*width);
    }
    let columns = Columns::new(widths, usize::from(area.width));
    let scale = Scale::new(paint.settings.probe_deadline);
    let width = columns.shown[0].unwrap_or(0).saturating_sub(number.len());
    let names = Names::new(scene.contexts(), width, &paint.look.glyphs);
    for (place, line) in &mut lines {
        line.cells[0].1 = format!("{}{number}", names.get(&scene.summaries[*place].context));
    }
    for (row, (place, line)) in (0..area.height).zip(&lines) {
        let mut pen = Pen::new(buf, paint.look, area, row);
        let marks = scene.marks.get(usize::from(row)).map_or(&[][..], Vec::as_slice);
        let current = *place == scene.current && scene.summaries.len() > 1;
        line.draw(&mut pen, &columns, (&scene.summaries[*place], current), (marks, &scale, paint));
    }
}

impl Line {
    fn new(summary: &ClusterSummary, paint: Paint<'_>) -> Self {
        let paint = Paint { settings: &summary.settings, ..paint };
        let glyphs = &paint.look.glyphs;
        let latency = &summary.latency;
        let (fresh_role, fresh) = words::freshness(summary);
        let cell = |field: Field| match field {
            Field::Context => (Role::Text, summary.context.to_string()),
            Field::Word => (words::health(summary.health, glyphs).0, words::api(summary)),
            Field::Silenced => (Role::Warn, words::silenced(summary)),
            Field::Nodes => (nodes_role(summary), pair(summary.nodes_ready, summary.nodes_total, glyphs)),
            Field::Gpu => gpu(summary.gpu, summary.gpu_known, glyphs),
            Field::Dra => dra(summary.dra.as_ref(), summary.dra_live, glyphs),
            Field::Pods => (Role::Text, pods(summary, glyphs)),
            Field::P50 => (speed(latency.p50, paint), percentile(latency.p50, glyphs)),
            Field::P95 => (speed(latency.p95, paint), percentile(latency.p95, glyphs)),
            Field::Spark => (Role::Text, String::new()),
            Field::Timeouts => (timeouts_role(latency.timeouts, paint), latency.timeouts.to_string()),
            Field::Fresh => (fresh_role, fresh.clone()),
        };
        Self { cells: FIELDS.map(cell) }
    }

    fn draw(
        &self,
        pen: &mut Pen<'_>,
        at: &Columns,
        (summary, current): (&ClusterSummary, bool),
        (marks, scale, paint): (&[Mark], &Scale, Paint<'_>),
    ) {
        let glyphs = &paint.look.glyphs;
        let (role, glyph) = words::mark(summary, glyphs);
        pen.put(Role::Focus, if current { glyphs.selected } else { " " }).put(role, glyph);
        let old = summary.health >= Health::Stale;
        for (field, ((role, text), width)) in FIELDS.into_iter().zip(self.cells.iter().zip(at.shown)) {
            let Some(width) = width else { continue };
            if field == Field::Nodes
                && let (Known::Unknown | Known::Denied, Some(reason)) = (summary.nodes_total, &summary.failure)
            {
                // There are no numbers to show, so the reason has their place.
                pen.skip(at.gap).rest(Role::Bad, &format!("{}: {}", reason.request, reason.text));
                return;
            }
            let role = match (field, *role) {
                (Field::Context, _) if current => Role::Focus,
                (Field::Nodes | Field::Gpu | Field::Dra | Field::Pods, Role::Text) if old => Role::Stale,
                (_, role) => role,
            };
            pen.skip(if field == Field::Context { 1 } else { at.gap }).put(Role::Muted, field.label(at.labels, at.api));
            match field {
                Field::Spark => spark::draw(pen, marks, width, (scale, glyphs)),
                Field::Context | Field::Word | Field::Silenced | Field::Fresh => _ = pen.fit(role, text, width),
                Field::Timeouts => _ = pen.right(role, text, width).put(Role::Muted, " t/o"),
                _ => _ = pen.right(role, text, width),
            }
        }
    }
}

impl Field {
    fn label(self, labels: bool, api: bool) -> &'static str {
        match self {
            // Beside the alerts of a cluster the word says only how its API does.
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

impl Columns {
    /// Labels the word, unless it, or the age of what is shown, would have no place then.
    fn new(widths: &Widths, width: usize) -> Self {
        let (labelled, bare) = (Self::fit(widths, width, true), Self::fit(widths, width, false));
        let mut places = FIELDS.iter().zip(labelled.shown.iter().zip(&bare.shown));
        let lost = places.any(|(field, (labelled, bare))| {
            matches!(field, Field::Word | Field::Fresh) && labelled.is_none() && bare.is_some()
        });
        if lost { bare } else { labelled }
    }

    /// Takes fields by rank while they fit; what is left over widens the sparkline.
    fn fit(widths: &Widths, width: usize, api: bool) -> Self {
        let (gap, labels) = if width >= 100 { (2, true) } else { (1, width >= 72) };
        let mut columns = Self { gap, labels, api, shown: [None; FIELDS.len()] };
        // The mark and the glyph before the context, and a blank at the end.
        let mut left = width.saturating_sub(3);
        for field in RANKS {
            let place = FIELDS.iter().position(|other| *other == field).unwrap_or(0);
            let seen = widths.0[place];
            let value = match field {
                Field::Context => seen.min(LONGEST_CONTEXT).min(left),
                Field::Spark => SPARK,
                _ if seen == 0 => continue,
                _ => seen,
            };
            let suffix = if field == Field::Timeouts { " t/o".len() } else { 0 };
            let needed = gap + field.label(labels, api).len() + value + suffix;
            // With one cluster its name is in the header, but a strip without it would have no beginning.
            if needed > left && field != Field::Context {
                continue;
            }
            left = left.saturating_sub(needed);
            columns.shown[place] = Some(value);
        }
        let spark = FIELDS.iter().position(|field| *field == Field::Spark).unwrap_or(0);
        if let Some(width) = &mut columns.shown[spark] {
            *width = (*width + left).min(MARKS);
        }
        columns
    }
}

/// `2,613/11,440`; of a part of the cluster, which says nothing of how full it is, `120 in 2 namespaces`.
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
        // The nodes are known and do not say.
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

/// Requested, allocatable, capacity; nothing at all for a cluster without devices.
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

/// Allocated and physical devices; nothing where there are none, or none were ever seen. What is seen no longer has a `?`.
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

/// Above the SLO is worth a look, above half of what raises an alert is broken.
pub(super) fn speed(value: Option<Percentile>, paint: Paint<'_>) -> Role {
    match value {
        None => Role::Unknown,
        Some(Percentile { at_least: true, .. }) => Role::Bad,
        Some(Percentile { value, .. }) if value > paint.settings.slow_call_clear => Role::Bad,
        Some(Percentile { value, .. }) if value > spark::SLO => Role::Warn,
        Some(_) => Role::Text,
    }
}

fn timeouts_role(timeouts: u32, paint: Paint<'_>) -> Role {
    match timeouts {
        0 => Role::Muted,
        some if some > paint.settings.timeouts_over => Role::Bad,
        _ => Role::Warn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theme::{Depth, Look};

    #[test]
    fn devices_that_are_seen_no_longer_do_not_look_live() {
        let devices = DriverDevices { physical: 8, allocated: 5, ..DriverDevices::default() };
        let glyphs = Look::new(Depth::None, true).glyphs;
        assert_eq!(dra(Some(&devices), true, &glyphs), (Role::Text, "5/8".to_owned()));
        assert_eq!(dra(Some(&devices), false, &glyphs), (Role::Stale, "5/8?".to_owned()));
        let sick = DriverDevices { unhealthy: 1, ..devices };
        assert_eq!(dra(Some(&sick), false, &glyphs), (Role::Stale, "5/8?".to_owned()), "that is as old as the rest");
    }
}
