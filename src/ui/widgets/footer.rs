//! The last line: counts, the filter, progress, watchbell's own load, and key hints as far as they fit.

use ratatui::layout::{Position, Rect};

use super::canvas::Canvas;
use super::names::ShortNames;
use super::strip::LONGEST_CONTEXT;
use super::text::{Pen, columns, tail};
use crate::action::Action;
use crate::facts::text::Clean;
use crate::model::app::screens::Mode;
use crate::model::cluster::ClusterSummary;
use crate::model::known::Known;
use crate::model::store::sync::Freshness;
use crate::model::table::Extent;
use crate::theme::{Glyphs, Role};
use crate::ui::scene::Scene;
use crate::ui::units::{grouped, known_counted, rate, throughput};
use crate::ui::words;

/// Hints that are kept beside facts as far as there is room: the way on, and out.
const KEPT: [Action; 4] = [Action::LogIn, Action::Help, Action::Quit, Action::Back];

/// Hints while the filter is typed; its keys cannot be configured.
const FILTER: &str = "enter keep  esc clear";

/// A hint: the action and its effect on this screen.
pub(in crate::ui) type Hint = (Action, &'static str);

/// Facts in the order of the line.
pub(in crate::ui) type Facts = Vec<(Role, String)>;

/// Contents of the footer from a screen.
#[derive(Default)]
pub(in crate::ui) struct FooterPart {
    /// Hints, most important first.
    pub(in crate::ui) hints: &'static [Hint],
    /// Facts, most important first.
    pub(in crate::ui) facts: Facts,
    /// Number of rows that the filter shows, in words; empty on a screen without a filter.
    pub(in crate::ui) found: String,
    /// `true` if the screen itself shows the progress of the lists and the load.
    pub(in crate::ui) complete: bool,
}

/// Draws the footer; returns the position of the cursor while the filter is edited. `problem`: no rule shows the problem.
pub(in crate::ui) fn draw(
    canvas: &mut Canvas<'_>,
    scene: &Scene<'_>,
    part: FooterPart,
    problem: bool,
) -> Option<Position> {
    let (area, glyphs, keys) = (canvas.area, canvas.glyphs(), canvas.context.keymap);
    let mut pen = canvas.pen(0);
    if scene.mode == Mode::Filter {
        return filter(&mut pen, area, scene, &part.found);
    }
    let login = (Action::LogIn, "log in");
    let hints: Vec<(Action, String, &str)> = scene
        .locked_out
        .then_some(&login)
        .into_iter()
        .chain(part.hints)
        .filter(|(action, _)| *action != Action::NextCluster || scene.summaries.len() > 1)
        .filter_map(|(action, label)| Some((*action, keys.hint(*action)?, *label)))
        .collect();
    let width = |(_, key, label): &(Action, String, &str)| columns(key) + columns(label) + 3;
    pen.skip(1);
    // The first hint always has a place; the kept ones too while facts have half of the line; the others get the rest.
    let kept = hints.iter().take_while(|(action, ..)| KEPT.contains(action)).map(width);
    let reserved = kept.reduce(|all, next| if all + next <= pen.left() / 2 { all + next } else { all }).unwrap_or(0);
    let room = pen.left().saturating_sub(reserved + 1);
    let FooterFacts { lasting, passing, load } =
        footer_facts(scene, part.facts, FooterRoom { glyphs, room, problem, complete: part.complete });
    facts(&mut pen, &lasting, room, "");
    let mut left = pen.left().saturating_sub(1);
    let fitting = hints.iter().take_while(|hint| {
        left.checked_sub(width(hint)).is_some_and(|rest| {
            left = rest;
            true
        })
    });
    let fitting: Vec<_> = fitting.collect();
    let used: usize = fitting.iter().map(|hint| width(hint)).sum();
    // Passing facts are drawn in the room between, so that they move nothing.
    let between = pen.left().saturating_sub(used + 3);
    let dot = format!(" {} ", glyphs.dot);
    let fits = |text: &str| columns(text) + columns(&dot) <= between;
    let load = load.into_iter().find(|text| fits(text)).map(|text| (Role::Muted, text));
    let passing: Vec<_> = passing.into_iter().filter(|(_, text)| fits(text)).chain(load).collect();
    facts(&mut pen, &passing, between, if lasting.is_empty() { "" } else { &dot });
    pen.skip(pen.left().saturating_sub(used + 1));
    // The most important hint is in the corner.
    for (_, key, label) in fitting.iter().rev() {
        pen.skip(2).put(Role::Key, key).skip(1).put(Role::Muted, label);
    }
    None
}

/// Writes `first` and as many facts as fit into `room`.
fn facts(pen: &mut Pen<'_>, list: &[(Role, String)], room: usize, first: &str) {
    let dot = format!(" {} ", pen.glyphs().dot);
    let mut left = room;
    for (index, (role, text)) in list.iter().enumerate() {
        let separator = if index == 0 { first } else { dot.as_str() };
        if index > 0 && columns(separator) + columns(text) > left {
            break;
        }
        pen.put(Role::Muted, separator);
        left = left.saturating_sub(columns(separator));
        let width = columns(text).min(left);
        pen.fit(*role, text, width);
        left -= width;
    }
}

/// Facts of the footer.
#[derive(Default)]
struct FooterFacts {
    /// Most important first.
    lasting: Facts,
    /// Facts that appear for a short time, and must not move the rest.
    passing: Facts,
    /// Load on the server, in long and in short words.
    load: Vec<String>,
}

/// Parameters of the facts of the footer.
#[derive(Clone, Copy)]
struct FooterRoom<'a> {
    glyphs: &'a Glyphs,
    /// Columns.
    room: usize,
    /// `true` if no rule shows the problem of the cluster.
    problem: bool,
    /// `true` if the screen itself shows the progress of the lists and the load.
    complete: bool,
}

fn footer_facts(scene: &Scene<'_>, own: Facts, at: FooterRoom<'_>) -> FooterFacts {
    let glyphs = at.glyphs;
    let Some(summary) = scene.summary() else { return FooterFacts::default() };
    let mut facts = Vec::new();
    facts.extend(scene.notice.map(|text| (Role::Focus, with_short_names(text, scene, glyphs, at.room))));
    if let [first, more @ ..] = scene.warnings {
        let more = if more.is_empty() { String::new() } else { format!(" (+{} more)", more.len()) };
        facts.push((Role::Warn, format!("config: {first}{more}")));
    }
    if at.problem
        && let Some(text) = words::problem(summary, scene.settings.slow_call_clear, glyphs)
    {
        facts.push((Role::Warn, text));
    }
    facts.extend(summary.skew_ms.and_then(words::skew).map(|text| (Role::Warn, text)));
    if let Some(note) = scene.filter_note {
        facts.push((Role::Warn, note.to_string()));
    }
    if let Some(partial) = summary.partial.as_ref().filter(|_| !at.complete) {
        facts.push((Role::Warn, format!("partial: {}", partial.names())));
    }
    facts.extend(own);
    if at.complete {
        return FooterFacts { lasting: facts, ..FooterFacts::default() };
    }
    facts.extend(oddities(summary, glyphs));
    let mut passing = Vec::new();
    let progress = words::progress(summary);
    if !progress.is_empty() {
        // While there is nothing else to show, the progress of the first list comes before the hints.
        let first = [&summary.nodes_fresh, &summary.pods_fresh].into_iter().any(Freshness::is_first);
        (if first { &mut facts } else { &mut passing }).push((Role::Muted, progress));
    }
    let (requests, bytes) = summary.load;
    let load =
        ["watchbell's load", "own load"].map(|words| format!("{words} {} req/s {}", rate(requests), throughput(bytes)));
    FooterFacts { lasting: facts, passing, load: load.into() }
}

/// A notice in which long context names are shortened as in the strip, to a third of the room at most.
fn with_short_names(notice: &str, scene: &Scene<'_>, glyphs: &Glyphs, room: usize) -> String {
    let width = LONGEST_CONTEXT.min(room / 3);
    let names = ShortNames::new(scene.contexts(), width, glyphs);
    let long = scene.contexts().filter(|context| columns(context) > width && notice.contains(context));
    match long.max_by_key(|context| context.len()) {
        Some(context) => notice.replace(context, &names.get(context)),
        None => notice.to_owned(),
    }
}

/// Number of the first visible line of a page of `all` lines; `None` if it is not scrolled.
pub(in crate::ui) fn lines(first: usize, all: usize) -> Option<(Role, String)> {
    (first > 0).then(|| (Role::Muted, format!("from line {} of {}", grouped(first as u64 + 1), grouped(all as u64))))
}

/// Fact: the rows are still in the previous order.
pub(in crate::ui) fn sorting(glyphs: &Glyphs) -> (Role, String) {
    (Role::Warn, format!("sorting{}", glyphs.ellipsis))
}

/// Fact: the order of the rows is held.
pub(in crate::ui) fn held() -> (Role, String) {
    (Role::Warn, "order held".to_owned())
}

/// Fact: the rows that the filter shows, of `all` in words.
pub(in crate::ui) fn filtered(rows: Extent, all: &str, filter: &str) -> (Role, String) {
    (Role::Warn, format!("{} of {all} by filter {filter}", grouped(rows.len as u64)))
}

/// Fact: the rows of a list, `all` in words; with a filter those that it shows.
pub(in crate::ui) fn listed(rows: Extent, all: String, filter: &str) -> (Role, String) {
    if filter.is_empty() { (Role::Text, all) } else { filtered(rows, &all, filter) }
}

/// Number of rows that match the filter; not known while rows are still being filtered.
pub(in crate::ui) fn found(rows: Extent, arranging: bool, glyphs: &Glyphs) -> String {
    if arranging {
        return format!("filtering{}", glyphs.ellipsis);
    }
    format!("{} of {}", grouped(rows.len as u64), grouped(rows.total as u64))
}

/// Numbers of the visible rows; `None` if all are visible.
pub(in crate::ui) fn rows(first: usize, shown: usize, all: usize, glyphs: &Glyphs) -> Option<(Role, String)> {
    let through = if glyphs.ascii { "-" } else { "–" };
    (shown > 0 && shown < all).then(|| (Role::Muted, format!("rows {}{through}{}", first + 1, first + shown)))
}

/// Numbers of objects that no table shows.
fn oddities(summary: &ClusterSummary, glyphs: &Glyphs) -> impl Iterator<Item = (Role, String)> {
    let some = |number: Known<u32>| number.any().filter(|any| *any > 0);
    let pods = |number| some(number).map(|_| known_counted(number, "pod", glyphs));
    let pending = pods(summary.unscheduled).map(|pods| (Role::Text, format!("{pods} unscheduled")));
    let orphaned = pods(summary.orphaned).map(|pods| (Role::Warn, format!("{pods} on unknown nodes")));
    let unreadable = some(Known::Exact(summary.unreadable));
    let unreadable = unreadable.map(|count| (Role::Warn, format!("{} unreadable", grouped(count))));
    [unreadable, orphaned, pending].into_iter().flatten()
}

fn filter(pen: &mut Pen<'_>, area: Rect, scene: &Scene<'_>, found: &str) -> Option<Position> {
    let note = scene.filter_note.map_or("", Clean::as_str);
    pen.skip(1).put(Role::Key, "/");
    // The text has priority over what follows it on the line.
    let start = usize::from(area.width) - pen.left();
    let text = tail(scene.filter, pen.left().saturating_sub(1));
    pen.put(Role::Title, text);
    let cursor = area.x.saturating_add(u16::try_from(start + columns(text)).unwrap_or(u16::MAX));
    pen.skip(3);
    for (role, text) in [(Role::Text, found), (Role::Warn, note)] {
        if pen.left() > columns(text) + 2 && !text.is_empty() {
            pen.put(role, text).skip(2);
        }
    }
    if pen.left() > columns(FILTER) + 2 {
        pen.skip(pen.left() - columns(FILTER) - 1).put(Role::Muted, FILTER);
    }
    (cursor < area.right() && area.height > 0).then_some(Position { x: cursor, y: area.y })
}
