//! The pane of alerts: every alert of every cluster, one on a line, and the selected one in full below.

use ratatui::layout::Rect;

use crate::action::{Action, TopScreen};
use crate::model::alerts::{AlertRecord, PeakUnit, Severity};
use crate::model::app::Model;
use crate::model::app::alerts::{AlertRow, AlertState};
use crate::model::app::screens::Screen;
use crate::msg::{Mono, Now, Viewport};
use crate::theme::{Glyphs, Role};
use crate::ui::scene::Scene;
use crate::ui::screens::view::View;
use crate::ui::state::{ListMemory, ViewState};
use crate::ui::units::{clock, counted, duration, grouped, latency};
use crate::ui::widgets::canvas::{Canvas, Context};
use crate::ui::widgets::footer::{FooterPart, Hint};
use crate::ui::widgets::layout::window;
use crate::ui::widgets::names::ShortNames;
use crate::ui::widgets::strip::LONGEST_CONTEXT;
use crate::ui::widgets::text::{Pen, columns};
use crate::ui::words;

/// Widths from which the time of day, and last, peak and count have columns.
const CLOCK: u16 = 100;
const NUMBERS: u16 = 80;
/// The widest column of contexts.
const CONTEXT: usize = 20;
/// Bodies from this height on have the selected alert in full below the list.
const DETAIL: u16 = 8;

const HINTS: [Hint; 5] = [
    (Action::Back, "back"),
    (Action::Help, "help"),
    (Action::Open, "open"),
    (Action::Acknowledge, "ack"),
    (Action::Silence, "silence"),
];

/// The visible part of the list.
struct AlertsView<'a> {
    /// Index of the first visible row.
    first: usize,
    /// The visible rows.
    rows: Vec<AlertRow<'a>>,
    /// Number of all rows.
    len: usize,
    /// Context of each silenced cluster, and the end of its silence.
    silenced: Vec<(&'a str, Mono)>,
}

/// Rows of the list in a body of this height: all but the title, the heading and the selected one in full.
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
    let shown = window(len, selected, state.lists.alerts_offset, page(area));
    state.lists.alerts_offset = shown.start;
    rows.truncate(shown.end);
    let rows = rows.split_off(shown.start);
    let silenced = model.clusters().iter();
    let silenced = silenced.filter_map(|cluster| Some((cluster.context().as_str(), cluster.silenced_until()?)));
    Some(Box::new(AlertsView { first: shown.start, rows, len, silenced: silenced.collect() }))
}

/// Measures that the lines of the list share.
struct AlertListLayout<'a> {
    /// Columns of the body.
    width: u16,
    /// Columns of the context; 0 with one cluster.
    context: usize,
    names: ShortNames,
    glyphs: &'a Glyphs,
    now: Now,
}

impl View for AlertsView<'_> {
    fn draw(&self, canvas: &mut Canvas<'_>, scene: &Scene<'_>, _: &mut ListMemory) -> Viewport {
        let (area, glyphs, now) = (canvas.area, canvas.glyphs(), canvas.context.now);
        self.title(&mut canvas.pen(0), scene, now);
        let widest = self.rows.iter().map(|row| columns(row.context)).max().unwrap_or(0).clamp(7, CONTEXT);
        let context = if scene.summaries.len() > 1 { widest } else { 0 };
        let names = ShortNames::new(scene.contexts(), context, glyphs);
        let look = AlertListLayout { width: area.width, context, names, glyphs, now };
        look.heading(&mut canvas.pen(1));
        if self.rows.is_empty() {
            canvas.pen(2).skip(1).rest(Role::Muted, "no alert fires, and none has resolved within the last hour");
        }
        let end = 2 + u16::try_from(page(area)).unwrap_or(u16::MAX);
        for (line, row) in (2..end).zip(&self.rows) {
            let mut pen = canvas.pen(line);
            pen.put(Role::Focus, if row.selected { glyphs.selected } else { " " });
            look.row(&mut pen, row);
            if row.selected {
                canvas.select(line);
            }
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

    fn footer(&self, _: &Scene<'_>, _: &Glyphs) -> FooterPart {
        let facts = vec![(Role::Text, counted(self.len as u64, "alert"))];
        FooterPart { hints: &HINTS, facts, ..FooterPart::default() }
    }
}

impl AlertsView<'_> {
    fn title(&self, pen: &mut Pen<'_>, scene: &Scene<'_>, now: Now) {
        let view = self;
        pen.skip(1).put(Role::Title, &format!("alerts of {}", scene.clusters()));
        let shown = view.first + view.rows.len();
        if view.rows.len() < view.len {
            pen.put(Role::Muted, &format!("  {} to {shown} of {}", view.first + 1, view.len));
        }
        let names = ShortNames::new(scene.contexts(), LONGEST_CONTEXT, pen.glyphs());
        for (context, until) in &view.silenced {
            let left = until.since(now.mono);
            pen.skip(2).rest(Role::Warn, &format!("{} silenced for {}", names.get(context), duration(left)));
        }
    }
}

impl AlertListLayout<'_> {
    fn heading(&self, pen: &mut Pen<'_>) {
        let Self { width, context, .. } = *self;
        pen.skip(1).fit(Role::Header, "STATE", 15);
        if width >= CLOCK {
            pen.skip(1).fit(Role::Header, "SINCE", 9);
        }
        pen.skip(1).right(Role::Header, "FOR", 6);
        if width >= NUMBERS {
            for (title, width) in [("LAST", 6), ("PEAK", 7), ("COUNT", 5)] {
                pen.skip(1).right(Role::Header, title, width);
            }
        }
        pen.skip(2);
        if context > 0 {
            pen.fit(Role::Header, "CLUSTER", context).skip(1);
        }
        pen.put(Role::Header, "ALERT");
    }

    fn row(&self, pen: &mut Pen<'_>, row: &AlertRow<'_>) {
        let Self { width, context, ref names, glyphs, now } = *self;
        let record = row.record;
        let (role, glyph, word) = state(row, glyphs);
        pen.fit(role, &format!("{glyph} {word}"), 15);
        let began = record.since.unwrap_or(record.first);
        if width >= CLOCK {
            pen.skip(1).fit(Role::Text, &time(began, now), 9);
        }
        let over = record.resolved.unwrap_or(now.mono);
        pen.skip(1).right(Role::Text, &duration(over.since(began)), 6);
        if width >= NUMBERS {
            pen.skip(1).right(Role::Text, &last(record, now), 6);
            pen.skip(1).right(Role::Text, &peak(record, glyphs), 7);
            pen.skip(1).right(Role::Text, &grouped(record.count), 5);
        }
        pen.skip(2);
        if context > 0 {
            pen.fit(Role::Focus, &names.get(row.context), context).skip(1);
        }
        pen.rest(if role == Role::Muted { Role::Muted } else { Role::Text }, &words::alert_text(&record.text, glyphs));
    }
}

/// Role, glyph and word of an alert's state: how bad it is while it fires, else what became of it.
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

/// How bad it is, where there is no room for the word.
fn initial(severity: Severity) -> &'static str {
    &severity.name()[..4]
}

fn time(at: Mono, now: Now) -> String {
    now.wall.checked_sub(now.mono.since(at)).map(clock).unwrap_or_default()
}

/// When it was last true.
fn last(record: &AlertRecord, now: Now) -> String {
    record.resolved.map_or_else(|| "now".to_owned(), |at| duration(now.mono.since(at)))
}

/// The worst of its number, in its unit.
fn peak(record: &AlertRecord, glyphs: &Glyphs) -> String {
    match (record.rule.spec().unit, record.peak) {
        (PeakUnit::None, _) | (_, 0) => glyphs.none.to_owned(),
        (PeakUnit::Milliseconds, peak) => latency(std::time::Duration::from_millis(peak)),
        (PeakUnit::Seconds, peak) => duration(std::time::Duration::from_secs(peak)),
        (PeakUnit::Count, peak) => grouped(peak),
    }
}

/// The selected alert's times in words.
fn detail(row: &AlertRow<'_>, scene: &Scene<'_>, glyphs: &Glyphs, now: Now) -> String {
    let names = ShortNames::new(scene.contexts(), LONGEST_CONTEXT, glyphs);
    let (record, dot) = (row.record, glyphs.dot);
    let mut parts = vec![format!("{} {}", names.get(row.context), record.severity.name())];
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
