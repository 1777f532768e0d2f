//! The last line: counts, the filter, progress, our own load, and key hints as far as they fit.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::names::Names;
use super::scene::{Body, Paint, Scene};
use super::strip::LONGEST_CONTEXT;
use super::text::{Pen, columns, tail};
use super::units::{counted, grouped, known_counted, rate, throughput};
use super::words;
use crate::action::Action;
use crate::facts::text::Clean;
use crate::keymap::KeyMap;
use crate::model::cluster::{ClusterSummary, Freshness};
use crate::model::{Known, Mode};
use crate::theme::{Glyphs, Role};

/// Hints that facts leave a place, as far as there is one: how to get on, and out.
const KEPT: [Action; 4] = [Action::LogIn, Action::Help, Action::Quit, Action::Back];

/// Hints on the node table, most important first.
const NODES: [(Action, &str); 11] = [
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

/// Hints in a node.
const NODE: [(Action, &str); 9] = [
    (Action::Back, "back"),
    (Action::Help, "help"),
    (Action::Open, "open pod"),
    (Action::NextPane, "next part"),
    (Action::Filter, "filter"),
    (Action::SortNext, "sort"),
    (Action::Yaml, "yaml"),
    (Action::Copy, "copy"),
    (Action::NextCluster, "cluster"),
];

/// Hints in a pod.
const POD: [(Action, &str); 6] = [
    (Action::Back, "back"),
    (Action::Help, "help"),
    (Action::Yaml, "yaml"),
    (Action::Down, "scroll"),
    (Action::Copy, "copy"),
    (Action::Refresh, "read again"),
];

/// Hints in the YAML.
const YAML: [(Action, &str); 6] = [
    (Action::Back, "back"),
    (Action::Help, "help"),
    (Action::ShowValues, "values"),
    (Action::Copy, "copy"),
    (Action::Down, "scroll"),
    (Action::Refresh, "read again"),
];

/// Hints in the API view.
const API: [(Action, &str); 4] =
    [(Action::Back, "back"), (Action::Help, "help"), (Action::Down, "scroll"), (Action::NextCluster, "cluster")];

/// Hints in the pane of alerts.
const ALERTS: [(Action, &str); 5] = [
    (Action::Back, "back"),
    (Action::Help, "help"),
    (Action::Open, "go there"),
    (Action::Acknowledge, "ack"),
    (Action::Silence, "silence"),
];

/// Hints in the GPU view.
const GPUS: [(Action, &str); 5] = [
    (Action::Back, "back"),
    (Action::Help, "help"),
    (Action::NextPane, "group by"),
    (Action::Down, "scroll"),
    (Action::NextCluster, "cluster"),
];

/// Hints while the filter is typed; its keys cannot be configured.
const FILTER: &str = "enter keep  esc clear";

/// Draws the footer; gives the cursor's place while the filter is typed.
pub(super) fn draw(
    buf: &mut Buffer,
    area: Rect,
    scene: &Scene<'_>,
    (paint, keys, trouble): (Paint<'_>, &KeyMap, bool),
) -> Option<Position> {
    let mut pen = Pen::new(buf, paint.look, area, 0);
    if scene.mode == Mode::Filter {
        return filter(&mut pen, area, scene);
    }
    let hints = match scene.body {
        Body::Nodes(_) => &NODES[..],
        Body::Node(_) => &NODE[..],
        Body::Pod(_) => &POD[..],
        Body::Yaml(_) => &YAML[..],
        Body::Api(_) => &API[..],
        Body::Alerts(_) => &ALERTS[..],
        Body::Gpus(_) => &GPUS[..],
    };
    let login = (Action::LogIn, "log in");
    let hints: Vec<(Action, String, &str)> = scene
        .locked_out
        .then_some(&login)
        .into_iter()
        .chain(hints)
        .filter(|(action, _)| *action != Action::NextCluster || scene.summaries.len() > 1)
        .filter_map(|(action, label)| Some((*action, keys.hint(*action)?, *label)))
        .collect();
    let width = |(_, key, label): &(Action, String, &str)| columns(key) + columns(label) + 3;
    pen.skip(1);
    // The first hint always has a place, what else is kept as long as facts have half of the line; the others take what these leave.
    let kept = hints.iter().take_while(|(action, ..)| KEPT.contains(action)).map(width);
    let reserved = kept.reduce(|all, next| if all + next <= pen.left() / 2 { all + next } else { all }).unwrap_or(0);
    let room = pen.left().saturating_sub(reserved + 1);
    let (lasting, passing) = list(scene, (paint, room), trouble);
    facts(&mut pen, &lasting, (room, ""), paint);
    let mut left = pen.left().saturating_sub(1);
    let fitting = hints.iter().take_while(|hint| {
        left.checked_sub(width(hint)).is_some_and(|rest| {
            left = rest;
            true
        })
    });
    let fitting: Vec<_> = fitting.collect();
    let used: usize = fitting.iter().map(|hint| width(hint)).sum();
    // What comes and goes has the room between, and moves nothing.
    let between = pen.left().saturating_sub(used + 3);
    let dot = format!(" {} ", paint.look.glyphs.dot);
    let passing: Vec<_> = passing.into_iter().filter(|(_, text)| columns(text) + columns(&dot) <= between).collect();
    facts(&mut pen, &passing, (between, if lasting.is_empty() { "" } else { &dot }), paint);
    pen.skip(pen.left().saturating_sub(used + 1));
    // The least important is farthest from the corner, where the eye looks for help.
    for (_, key, label) in fitting.iter().rev() {
        pen.skip(2).put(Role::Key, key).skip(1).put(Role::Muted, label);
    }
    None
}

/// Writes as many facts as `room` has place for, after `first`.
fn facts(pen: &mut Pen<'_>, list: &[(Role, String)], (room, first): (usize, &str), paint: Paint<'_>) {
    let dot = format!(" {} ", paint.look.glyphs.dot);
    let mut left = room;
    for (place, (role, text)) in list.iter().enumerate() {
        let separator = if place == 0 { first } else { dot.as_str() };
        if place > 0 && columns(separator) + columns(text) > left {
            break;
        }
        pen.put(Role::Muted, separator);
        left = left.saturating_sub(columns(separator));
        let width = columns(text).min(left);
        pen.fit(*role, text, width);
        left -= width;
    }
}

/// What is worth saying, most important first; and what comes and goes, which must not move that.
fn list(scene: &Scene<'_>, (paint, room): (Paint<'_>, usize), trouble: bool) -> (Facts, Facts) {
    let Some(summary) = scene.summary() else { return Default::default() };
    let mut facts = Vec::new();
    facts.extend(scene.notice.map(|text| (Role::Focus, with_short_names(text, scene, (&paint.look.glyphs, room)))));
    if let [first, more @ ..] = scene.warnings {
        let more = if more.is_empty() { String::new() } else { format!(" (+{} more)", more.len()) };
        facts.push((Role::Warn, format!("config: {first}{more}")));
    }
    if trouble && let Some(text) = words::trouble(summary, paint.settings.slow_call_clear, &paint.look.glyphs) {
        facts.push((Role::Warn, text));
    }
    facts.extend(summary.skew_ms.and_then(words::skew).map(|text| (Role::Warn, text)));
    if let Some(note) = scene.filter_note {
        facts.push((Role::Warn, note.to_string()));
    }
    if let Some(partial) = summary.partial.as_ref().filter(|_| !matches!(scene.body, Body::Api(_))) {
        facts.push((Role::Warn, format!("partial: {}", partial.names())));
    }
    match &scene.body {
        Body::Nodes(table) => {
            let glyphs = &paint.look.glyphs;
            if scene.filter.is_empty() {
                let unknown = summary.nodes_total == Known::Unknown;
                let all = known_counted(summary.nodes_total, "node", glyphs);
                let text = if unknown { "nodes not known yet".to_owned() } else { all };
                facts.push((Role::Text, text));
                if let Some(with @ 1..) = summary.gpu_nodes.any() {
                    facts.push((Role::Text, format!("{} with GPUs", grouped(with))));
                }
            } else {
                let matching = grouped(table.extent.len as u64);
                let all = known_counted(summary.nodes_total, "node", glyphs);
                facts.push((Role::Warn, format!("{matching} of {all} by filter {}", scene.filter)));
            }
            facts.extend(rows(table.first, table.rows.len(), table.extent.len, glyphs));
            if scene.held {
                facts.push((Role::Warn, "order held".to_owned()));
            }
        }
        Body::Node(view) => {
            facts.push(if scene.filter.is_empty() {
                (Role::Text, format!("{} on this node", pods(view.detail.as_ref(), paint)))
            } else {
                let matching = grouped(view.extent.len as u64);
                (
                    Role::Warn,
                    format!("{matching} of {} by filter {}", counted(view.extent.total as u64, "pod"), scene.filter),
                )
            });
            facts.extend(rows(view.first, view.pods.len(), view.extent.len, &paint.look.glyphs));
        }
        // The view says it all itself, our load included.
        Body::Api(_) => return (facts, Vec::new()),
        Body::Pod(shown) => {
            let page = (shown.0.first, shown.1.len());
            facts.extend(lines(page));
        }
        Body::Yaml(view) => facts.extend(lines((view.first, view.document.map_or(0, |d| d.lines.len())))),
        Body::Gpus(_) => {}
        Body::Alerts(view) => facts.push((Role::Text, counted(view.len as u64, "alert"))),
    }
    facts.extend(oddities(summary, &paint.look.glyphs));
    let mut passing = Vec::new();
    let progress = words::progress(summary);
    if !progress.is_empty() {
        // While there is nothing else to show yet, how far the first list is comes before the hints.
        let first = [&summary.nodes_fresh, &summary.pods_fresh].into_iter().any(Freshness::is_first);
        (if first { &mut facts } else { &mut passing }).push((Role::Muted, progress));
    }
    let (requests, bytes) = summary.load;
    passing.push((Role::Muted, format!("our load {} req/s {}", rate(requests), throughput(bytes))));
    (facts, passing)
}

/// A notice with a long name of a context cut as on the strip, and to a third of the room at most.
fn with_short_names(notice: &str, scene: &Scene<'_>, (glyphs, room): (&Glyphs, usize)) -> String {
    let width = LONGEST_CONTEXT.min(room / 3);
    let names = Names::new(scene.contexts(), width, glyphs);
    let long = scene.contexts().filter(|context| columns(context) > width && notice.contains(context));
    match long.max_by_key(|context| context.len()) {
        Some(context) => notice.replace(context, &names.get(context)),
        None => notice.to_owned(),
    }
}

/// Facts in the order in which they stand.
type Facts = Vec<(Role, String)>;

fn pods(detail: Option<&crate::model::cluster::NodeDetail<'_>>, paint: Paint<'_>) -> String {
    known_counted(detail.map_or(Known::Unknown, |detail| detail.row.pods), "pod", &paint.look.glyphs)
}

/// Where on a page of lines one is.
fn lines((first, all): (usize, usize)) -> Option<(Role, String)> {
    (first > 0).then(|| (Role::Muted, format!("from line {} of {}", grouped(first as u64 + 1), grouped(all as u64))))
}

/// Which rows are in view, if not all of them.
fn rows(first: usize, shown: usize, all: usize, glyphs: &Glyphs) -> Option<(Role, String)> {
    let through = if glyphs.ascii { "-" } else { "–" };
    (shown > 0 && shown < all).then(|| (Role::Muted, format!("rows {}{through}{}", first + 1, first + shown)))
}

/// Objects that no table shows.
fn oddities(summary: &ClusterSummary, glyphs: &Glyphs) -> impl Iterator<Item = (Role, String)> {
    let some = |number: Known<u32>| number.any().filter(|any| *any > 0);
    let pods = |number| some(number).map(|_| known_counted(number, "pod", glyphs));
    let pending = pods(summary.unscheduled).map(|pods| (Role::Text, format!("{pods} unscheduled")));
    let orphaned = pods(summary.orphaned).map(|pods| (Role::Warn, format!("{pods} on unknown nodes")));
    let unreadable = some(Known::Exact(summary.unreadable));
    let unreadable = unreadable.map(|count| (Role::Warn, format!("{} unreadable", grouped(count))));
    [unreadable, orphaned, pending].into_iter().flatten()
}

fn filter(pen: &mut Pen<'_>, area: Rect, scene: &Scene<'_>) -> Option<Position> {
    let found = match &scene.body {
        Body::Nodes(table) => format!("{} of {}", grouped(table.extent.len as u64), grouped(table.extent.total as u64)),
        Body::Node(view) => format!("{} of {}", grouped(view.extent.len as u64), grouped(view.extent.total as u64)),
        _ => String::new(),
    };
    let note = scene.filter_note.map_or("", Clean::as_str);
    pen.skip(1).put(Role::Key, "/");
    // The text has the line; what follows it gives way.
    let start = usize::from(area.width) - pen.left();
    let text = tail(scene.filter, pen.left().saturating_sub(1));
    pen.put(Role::Title, text);
    let cursor = area.x.saturating_add(u16::try_from(start + columns(text)).unwrap_or(u16::MAX));
    pen.skip(3);
    for (role, text) in [(Role::Text, found.as_str()), (Role::Warn, note)] {
        if pen.left() > columns(text) + 2 && !text.is_empty() {
            pen.put(role, text).skip(2);
        }
    }
    if pen.left() > columns(FILTER) + 2 {
        pen.skip(pen.left() - columns(FILTER) - 1).put(Role::Muted, FILTER);
    }
    (cursor < area.right() && area.height > 0).then_some(Position { x: cursor, y: area.y })
}
