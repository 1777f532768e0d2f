//! Events of one object, on the node screen and the pod screen.

use jiff::Timestamp;
use ratatui::layout::Rect;

use super::canvas::Canvas;
use super::page::{self, TextLine, line};
use super::table::{Cells, ColumnParams, ColumnWidths, TableRows};
use crate::facts::event::EventFacts;
use crate::facts::wire::Uid;
use crate::model::cluster::ClusterState;
use crate::model::cluster::detail::{DetailState, PartFreshness};
use crate::model::table::events::{EventFigure, EventList, EventsGiven};
use crate::model::table::{Extent, SortBy};
use crate::model::time::age_of;
use crate::msg::detail::{DetailPart, Omitted};
use crate::msg::{Now, PageRows};
use crate::theme::{Glyphs, Role};
use crate::ui::units::{coarse, counted, duration, grouped};

/// Minimum width with columns for the count and the reporting controller.
const WIDE: u16 = 100;

/// Events of the object that is open.
#[derive(Clone)]
pub(in crate::ui) struct EventsView<'a> {
    /// The events, sorted and filtered, and the numbers of omitted ones; `None` until they were read.
    pub(in crate::ui) events: Option<(Vec<&'a EventFacts>, Omitted)>,
    /// Numbers of events, and the index of the cursor.
    pub(in crate::ui) extent: Extent,
    /// The column that they are sorted by, and `true` for the reverse order.
    pub(in crate::ui) sort: (SortBy, bool),
    /// The event whose full text is shown.
    pub(in crate::ui) expanded: Option<Uid>,
    /// Their freshness.
    pub(in crate::ui) fresh: PartFreshness<'a>,
    /// Now by the server's clock.
    pub(in crate::ui) now: Timestamp,
}

/// Events of the open object.
pub(in crate::ui) fn of(cluster: &ClusterState, now: Now) -> EventsView<'_> {
    EventsView {
        events: cluster.detail().and_then(DetailState::events).map(|(_, omitted)| (cluster.event_rows(), omitted)),
        extent: cluster.event_extent(),
        sort: cluster.events_control().sort(),
        expanded: cluster.expanded_event(),
        fresh: part_freshness(cluster, DetailPart::Events, now),
        now: cluster.link().now(now),
    }
}

/// Freshness of a part of the open object; a part that is not watched yet is loading.
pub(in crate::ui) fn part_freshness(cluster: &ClusterState, part: DetailPart, now: Now) -> PartFreshness<'_> {
    cluster.detail_freshness(part, now).unwrap_or(PartFreshness::Loading)
}

/// Freshness of a part in words; `None` while it is live.
pub(in crate::ui) fn freshness(fresh: &PartFreshness<'_>) -> Option<(Role, String)> {
    Some(match fresh {
        PartFreshness::Live => return None,
        PartFreshness::Loading => (Role::Muted, "not read yet".to_owned()),
        PartFreshness::Failing(failure) => (Role::Warn, format!("not read yet: {}", failure.text)),
        PartFreshness::Polled(age) => (Role::Muted, format!("read {} ago: watching is forbidden", duration(*age))),
        PartFreshness::Stale(age, None) => (Role::Unknown, format!("stale: last update {} ago", duration(*age))),
        PartFreshness::Stale(age, Some(failure)) => {
            (Role::Unknown, format!("stale: last update {} ago, {}", duration(*age), failure.text))
        }
        PartFreshness::Denied(failure) => (Role::Unknown, format!("may not be read: {}", failure.text)),
        PartFreshness::Gone(age) => (Role::Bad, format!("gone for {}", duration(*age))),
    })
}

/// One line of a page that ends with events.
#[derive(Clone)]
pub(in crate::ui) enum EventLine<'a> {
    Text(TextLine),
    Head,
    /// An event, and `true` if it is selected.
    Event(&'a EventFacts, bool),
}

impl EventLine<'_> {
    fn is_event(&self) -> bool {
        matches!(self, Self::Event(..))
    }
}

/// A heading that begins with `title`, the events, and their age or the reason why there are none.
pub(in crate::ui) fn lines<'a>(
    view: &EventsView<'a>,
    title: &'static str,
    width: u16,
    glyphs: &Glyphs,
) -> Vec<EventLine<'a>> {
    let text = |role: Role, text: String| EventLine::Text(line(role, text));
    let state = freshness(&view.fresh);
    let Some((events, omitted)) = &view.events else {
        let (role, said) = match (&view.fresh, state) {
            (PartFreshness::Loading, _) | (_, None) => (Role::Muted, "events not read yet".to_owned()),
            (_, Some(said)) => said,
        };
        return vec![text(Role::Header, format!(" {title}")), text(role, format!(" {said}"))];
    };
    let state = state.map(|(role, said)| text(role, format!(" {said}")));
    let total = view.extent.total;
    let head = if total == 0 { text(Role::Header, format!(" {title}")) } else { EventLine::Head };
    let mut lines: Vec<EventLine<'a>> = std::iter::once(head).chain(state).collect();
    if events.is_empty() && total > 0 {
        lines.push(text(Role::Unknown, " no event matches the filter; esc clears it".to_owned()));
    }
    for (at, event) in events.iter().enumerate() {
        lines.push(EventLine::Event(event, view.extent.selected == Some(at)));
        if view.expanded == Some(event.uid) {
            lines.extend(full_text(event, view.now, width, glyphs).into_iter().map(EventLine::Text));
        }
    }
    lines.extend(notes_below(total, *omitted).into_iter().map(EventLine::Text));
    lines
}

/// Full text of an event: the whole message, and values that may have no column.
fn full_text(event: &EventFacts, now: Timestamp, width: u16, glyphs: &Glyphs) -> Vec<TextLine> {
    let mut lines = page::paragraph(Role::Text, &event.note, width.into());
    let mut facts = vec![counted(event.count, "time")];
    facts.extend(age_of(event.first, now).map(|age| format!("first {} ago", coarse(age))));
    let named = [("from", &event.controller), ("container", &event.part)];
    facts.extend(named.iter().filter(|(_, value)| !value.is_empty()).map(|(label, value)| format!("{label} {value}")));
    lines.extend(page::paragraph(Role::Muted, &facts.join(&format!(" {} ", glyphs.dot)), width.into()));
    lines
}

/// Index of the first line of a page of `height` lines; if the page `follows` its cursor, the selected event is visible.
pub(in crate::ui) fn first(lines: &[EventLine<'_>], scroll: usize, follows: bool, height: usize) -> usize {
    let row = lines.iter().position(|line| matches!(line, EventLine::Event(_, true))).filter(|_| follows);
    page::first(scroll, row, lines.len(), height)
}

/// Range of events on a page of `height` lines.
pub(in crate::ui) fn rows(lines: &[EventLine<'_>], first: usize, height: usize) -> PageRows {
    page::rows(first, height, |line| lines.iter().take(line).filter(|line| line.is_event()).count())
}

/// Draws lines that end with events.
pub(in crate::ui) struct EventsPage<'a> {
    /// Heading of the first column.
    pub(in crate::ui) title: &'static str,
    pub(in crate::ui) view: &'a EventsView<'a>,
    /// `true` if the cursor is shown.
    pub(in crate::ui) focused: bool,
}

impl EventsPage<'_> {
    /// Draws `lines` from `first` on.
    pub(in crate::ui) fn draw(
        &self,
        canvas: &mut Canvas<'_>,
        lines: &[EventLine<'_>],
        first: usize,
        memory: &mut ColumnWidths,
    ) {
        let (area, glyphs, wide) = (canvas.area, canvas.glyphs(), canvas.area.width >= WIDE);
        let events = self.view.events.as_ref().map_or(&[][..], |(events, _)| events);
        let cells = EventCells { glyphs, now: self.view.now, wide };
        let given = EventsGiven { title: self.title, wide };
        let params = ColumnParams { width: area.width.into(), wide: false, given };
        let table = TableRows::<EventList, _>::new(events, &cells, &params, memory, glyphs);
        page::draw(canvas, first, lines.len(), |canvas, row, at| {
            let area = Rect { y: area.y + row, height: 1, ..area };
            let mut pen = canvas.pen(row);
            match &lines[at] {
                EventLine::Text(line) => page::text(&mut pen, line),
                EventLine::Head => table.heading(&mut pen, area, Some(self.view.sort)),
                EventLine::Event(event, _) => table.row(&mut pen, area, event),
            }
            if self.focused && matches!(lines[at], EventLine::Event(_, true)) {
                canvas.pen(row).put(Role::Focus, glyphs.selected);
                canvas.select(row);
            }
        });
    }
}

/// Formats the values of an event.
struct EventCells<'a> {
    glyphs: &'a Glyphs,
    now: Timestamp,
    /// `true` if the count has a column of its own.
    wide: bool,
}

impl Cells<EventList> for EventCells<'_> {
    fn text(&self, figure: EventFigure, event: &&EventFacts) -> (Role, String) {
        let role = if event.is_warning() { Role::Warn } else { Role::Text };
        match figure {
            EventFigure::Age => {
                (Role::Text, age_of(event.last, self.now).map_or_else(|| self.glyphs.none.to_owned(), coarse))
            }
            EventFigure::Kind => (role, event.kind.to_string()),
            EventFigure::Reason => (role, event.reason.to_string()),
            EventFigure::Count => (Role::Text, times(event)),
            EventFigure::From => (Role::Muted, event.controller.to_string()),
            EventFigure::Part => (Role::Muted, event.part.to_string()),
            EventFigure::Message if event.count > 1 && !self.wide => {
                (Role::Text, format!("{} {}", times(event), event.note))
            }
            EventFigure::Message => (Role::Text, event.note.to_string()),
        }
    }
}

/// Notes below `shown` events, or in their place.
fn notes_below(shown: usize, Omitted { more, unreadable }: Omitted) -> Vec<TextLine> {
    let text = match (shown, more) {
        (0, true) => Some(" no events of this object among the newest".to_owned()),
        // kube-apiserver `--event-ttl`, 1 h.
        (0, false) if unreadable == 0 => Some(" no events (default retention 1h)".to_owned()),
        (1.., true) => Some(format!(" the newest {shown}; there are more")),
        (_, false) => None,
    };
    let unread = match unreadable {
        0 => None,
        _ => Some(format!(" {} could not be read", counted(unreadable, "event"))),
    };
    let text = text.map(|text| line(Role::Muted, text));
    text.into_iter().chain(unread.map(|text| line(Role::Unknown, text))).collect()
}

/// `x12`; empty for one occurrence.
fn times(event: &EventFacts) -> String {
    if event.count > 1 { format!("x{}", grouped(event.count)) } else { String::new() }
}
