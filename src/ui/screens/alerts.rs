//! The list of alerts: every alert of every cluster, one per line, with the whole text of the selected one below.

use ratatui::layout::Rect;

use crate::action::{Action, TopScreen};
use crate::model::alerts::{AlertRecord, PeakUnit, Severity};
use crate::model::app::Model;
use crate::model::app::alerts::columns::{AlertFigure, AlertList, AlertsGiven};
use crate::model::app::alerts::{AlertRow, AlertState};
use crate::model::app::screens::Screen;
use crate::model::table::state::TableControl;
use crate::model::table::{Extent, SortBy};
use crate::msg::{Mono, Now, Viewport};
use crate::theme::{Glyphs, Role};
use crate::ui::scene::Scene;
use crate::ui::screens::view::View;
use crate::ui::state::{ListViewState, ViewState};
use crate::ui::units::{clock, counted, duration, grouped, latency};
use crate::ui::widgets::canvas::{Canvas, Context};
use crate::ui::widgets::footer::{self, FooterPart, Hint};
use crate::ui::widgets::layout::window;
use crate::ui::widgets::names::ShortNames;
use crate::ui::widgets::strip::LONGEST_CONTEXT;
use crate::ui::widgets::table::{Cells, ColumnParams, TableRows};
use crate::ui::widgets::text::Pen;
use crate::ui::words;

/// Widths from which the time of day, and last, peak and count have columns.
const CLOCK: u16 = 100;
const NUMBERS: u16 = 80;
/// Width from which the pods that are hit have a column; below it the text of the alert needs the room.
const HITS: u16 = 150;
/// Minimum height of a body with the whole text of the selected alert below the list.
const DETAIL: u16 = 8;

const HINTS: [Hint; 7] = [
    (Action::Back, "back"),
    (Action::Help, "help"),
    (Action::Open, "open"),
    (Action::Acknowledge, "ack"),
    (Action::Silence, "silence"),
    (Action::Filter, "filter"),
    (Action::SortNext, "sort"),
];

/// The visible part of the list.
struct AlertsView<'a> {
    /// Index of the first visible row.
    first: usize,
    /// The visible rows.
    rows: Vec<AlertRow<'a>>,
    /// Position of the visible rows in all rows.
    extent: Extent,
    /// The column that the rows are sorted by, and `true` for the reverse order.
    sort: (SortBy, bool),
    /// Context of each silenced cluster, and the end of its silence.
    silenced: Vec<(&'a str, Mono)>,
}

/// Rows of the list in a body of this height: all but the title, the heading and the text of the selected alert.
fn page(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(2 + if area.height >= DETAIL { 2 } else { 0 }))
}

/// Reads the list of alerts.
pub(in crate::ui) fn open<'a>(
    model: &'a Model,
    area: Rect,
    _: &Context<'_>,
    state: &mut ViewState,
) -> Option<Box<dyn View + 'a>> {
    let Screen::Top(TopScreen::Alerts) = model.screen() else { return None };
    let mut rows = model.alert_rows();
    let (len, selected) = (rows.len(), rows.iter().position(|row| row.selected));
    let (extent, sort) = (model.alert_extent(), model.list().map_or((SortBy::Own, false), TableControl::sort));
    let shown = window(len, selected, state.lists.alerts_offset, page(area));
    state.lists.alerts_offset = shown.start;
    rows.truncate(shown.end);
    let rows = rows.split_off(shown.start);
    let silenced = model.clusters().iter();
    let silenced = silenced.filter_map(|cluster| Some((cluster.context().as_str(), cluster.silenced_until()?)));
    Some(Box::new(AlertsView { first: shown.start, rows, extent, sort, silenced: silenced.collect() }))
}

impl View for AlertsView<'_> {
    fn draw(&self, canvas: &mut Canvas<'_>, scene: &Scene<'_>, memory: &mut ListViewState) -> Viewport {
        let (area, glyphs, now) = (canvas.area, canvas.glyphs(), canvas.context.now);
        self.title(&mut canvas.pen(0), scene, now);
        let width = area.width;
        let given = AlertsGiven {
            numbers: width >= NUMBERS,
            clock: width >= CLOCK,
            clusters: scene.summaries.len() > 1,
            hits: width >= HITS && self.rows.iter().any(|row| row.hits.is_some()),
        };
        let (cells, params) = (AlertCells { glyphs, now }, ColumnParams { width: width.into(), wide: false, given });
        let table = TableRows::<AlertList, _>::new(&self.rows, &cells, &params, &mut memory.alerts_widths, glyphs);
        let lines = u16::try_from(1 + page(area)).unwrap_or(u16::MAX).min(area.height.saturating_sub(1));
        let below = Rect { y: area.y + 1, height: lines, ..area };
        let mut list = canvas.at(below);
        table.heading(&mut list.pen(0), below, Some(self.sort));
        table.draw(&mut list, &self.rows, |row| row.selected);
        if self.rows.is_empty() {
            let text = match self.extent.total {
                0 => "no alert fires, and none has resolved within the last hour",
                _ => "no alert matches the filter; esc clears it",
            };
            canvas.pen(2).skip(1).rest(Role::Muted, text);
        }
        if let Some(row) = self.rows.iter().find(|row| row.selected).filter(|_| area.height >= DETAIL) {
            let mut pen = canvas.pen(area.height - 2);
            pen.skip(1)
                .put(Role::Title, row.record.reason())
                .skip(1)
                .rest(Role::Text, &words::alert_text(&row.record.text, glyphs));
            canvas.pen(area.height - 1).skip(1).rest(Role::Muted, &detail(row, scene, glyphs, now));
        }
        Viewport { page: page(area), ..Viewport::default() }
    }

    fn footer(&self, scene: &Scene<'_>, glyphs: &Glyphs) -> FooterPart {
        let all = counted(self.extent.total as u64, "alert");
        let mut facts = vec![footer::listed(self.extent, all, scene.filter)];
        facts.extend(scene.held.then(footer::held));
        FooterPart { hints: &HINTS, facts, found: footer::found(self.extent, false, glyphs), complete: false }
    }
}

impl AlertsView<'_> {
    fn title(&self, pen: &mut Pen<'_>, scene: &Scene<'_>, now: Now) {
        let view = self;
        pen.skip(1).put(Role::Title, &format!("alerts of {}", scene.clusters()));
        let shown = view.first + view.rows.len();
        if view.rows.len() < view.extent.len {
            pen.put(Role::Muted, &format!("  {} to {shown} of {}", view.first + 1, view.extent.len));
        }
        let names = ShortNames::new(scene.contexts(), LONGEST_CONTEXT, pen.glyphs());
        for (context, until) in &view.silenced {
            let left = until.since(now.mono);
            pen.skip(2).rest(Role::Warn, &format!("{} silenced for {}", names.get(context), duration(left)));
        }
    }
}

/// Formats the values of an alert.
struct AlertCells<'a> {
    glyphs: &'a Glyphs,
    now: Now,
}

impl Cells<AlertList> for AlertCells<'_> {
    fn text(&self, figure: AlertFigure, row: &AlertRow<'_>) -> (Role, String) {
        let Self { glyphs, now } = *self;
        let record = row.record;
        let (role, glyph, word) = state(row, glyphs);
        let text = match figure {
            AlertFigure::State => return (role, format!("{glyph} {word}")),
            AlertFigure::Cluster => return (Role::Focus, row.context.to_string()),
            AlertFigure::Text => {
                let role = if role == Role::Muted { Role::Muted } else { Role::Text };
                return (role, words::alert_text(&record.text, glyphs).to_string());
            }
            AlertFigure::Since => time(row.began(), now),
            AlertFigure::For => duration(record.resolved.unwrap_or(now.mono).since(row.began())),
            AlertFigure::Last => last(record, now),
            AlertFigure::Peak => peak(record, glyphs),
            AlertFigure::Count => grouped(record.count),
            AlertFigure::Hits => hits(row, glyphs).unwrap_or_default(),
        };
        (Role::Text, text)
    }
}

/// Role, glyph and word of an alert's state: its severity while it fires, otherwise its state.
fn state(row: &AlertRow<'_>, glyphs: &Glyphs) -> (Role, &'static str, String) {
    let severity = row.record.severity;
    match row.state {
        AlertState::Firing => {
            let (role, glyph) = match severity {
                Severity::Critical => (Role::Critical, glyphs.alert),
                Severity::Warning => (Role::Warn, glyphs.alert),
                Severity::Notice => (Role::Muted, glyphs.notice),
            };
            (role, glyph, severity.name().to_owned())
        }
        AlertState::Unknown => (Role::Unknown, glyphs.unknown, "unknown".to_owned()),
        AlertState::Silenced => (Role::Muted, glyphs.notice, format!("silenced {}", initial(severity))),
        AlertState::Acknowledged => (Role::Muted, glyphs.notice, format!("acked {}", initial(severity))),
        AlertState::Pending => (Role::Muted, glyphs.loading, "pending".to_owned()),
        AlertState::Resolved => (Role::Muted, glyphs.ok, "resolved".to_owned()),
    }
}

/// Initial of the severity, for narrow columns.
fn initial(severity: Severity) -> &'static str {
    &severity.name()[..4]
}

fn time(at: Mono, now: Now) -> String {
    now.wall.checked_sub(now.mono.since(at)).map(clock).unwrap_or_default()
}

/// Time at which its condition last held.
fn last(record: &AlertRecord, now: Now) -> String {
    record.resolved.map_or_else(|| "now".to_owned(), |at| duration(now.mono.since(at)))
}

/// Worst value of its number, with its unit.
fn peak(record: &AlertRecord, glyphs: &Glyphs) -> String {
    match (record.rule.spec().unit, record.peak) {
        (PeakUnit::None, _) | (_, 0) => glyphs.none.to_owned(),
        (PeakUnit::Milliseconds, peak) => latency(std::time::Duration::from_millis(peak)),
        (PeakUnit::Seconds, peak) => duration(std::time::Duration::from_secs(peak)),
        (PeakUnit::Count, peak) => grouped(peak),
    }
}

/// Pods that an alert hits, in full; `None` if it hits none by its kind.
fn hits(row: &AlertRow<'_>, glyphs: &Glyphs) -> Option<String> {
    words::hits::line(row.hits.as_deref()?, usize::MAX, glyphs)
}

/// The pods that the selected alert hits, and its times in words.
fn detail(row: &AlertRow<'_>, scene: &Scene<'_>, glyphs: &Glyphs, now: Now) -> String {
    let names = ShortNames::new(scene.contexts(), LONGEST_CONTEXT, glyphs);
    let (record, dot) = (row.record, glyphs.dot);
    let mut parts = vec![format!("{} {}", names.get(row.context), record.severity.name())];
    parts.extend(hits(row, glyphs).map(|hits| format!("hits {hits}")));
    parts.push(format!("first {}", time(record.first, now)));
    if let Some(since) = record.since {
        parts.push(format!("firing since {}", time(since, now)));
    }
    if let Some(resolved) = record.resolved {
        parts.push(format!("resolved {}", time(resolved, now)));
    }
    parts.push(format!("peak {}", peak(record, glyphs)));
    parts.push(format!("count {}", record.count));
    if let Some(ack) = record.ack {
        parts.push(format!("acknowledged for {} more", duration(ack.until.since(now.mono))));
    }
    parts.join(&format!(" {dot} "))
}
