//! Events of one object, as the node screen and the pod screen show them.

use jiff::Timestamp;

use super::page::{TextLine, TextTable, line};
use crate::facts::event::EventFacts;
use crate::model::cluster::ClusterState;
use crate::model::cluster::detail::{DetailState, PartFreshness};
use crate::model::time::age_of;
use crate::msg::Now;
use crate::msg::detail::{DetailPart, Omitted};
use crate::theme::{Glyphs, Role};
use crate::ui::units::{coarse, counted, duration, grouped};

/// Events of the object that is open.
#[derive(Clone)]
pub(in crate::ui) struct EventsView<'a> {
    /// Newest first, and what was left out; `None` until they were read.
    pub(in crate::ui) events: Option<(Vec<&'a EventFacts>, Omitted)>,
    /// Their freshness.
    pub(in crate::ui) fresh: PartFreshness<'a>,
    /// Now by the server's clock.
    pub(in crate::ui) now: Timestamp,
}

/// Events of the open object.
pub(in crate::ui) fn of(cluster: &ClusterState, now: Now) -> EventsView<'_> {
    EventsView {
        events: cluster.detail().and_then(DetailState::events),
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

/// A heading that begins with `title`, the events below it, and in words how old they are or why there are none.
pub(in crate::ui) fn lines(view: &EventsView<'_>, title: &'static str, width: u16, glyphs: &Glyphs) -> Vec<TextLine> {
    let state = freshness(&view.fresh);
    let Some((events, omitted)) = &view.events else {
        let (role, text) = match (&view.fresh, state) {
            (PartFreshness::Loading, _) | (_, None) => (Role::Muted, "events not read yet".to_owned()),
            (_, Some(said)) => said,
        };
        return vec![line(Role::Header, format!(" {title}")), line(role, format!(" {text}"))];
    };
    let state = state.map(|(role, text)| line(role, format!(" {text}")));
    if events.is_empty() {
        return [line(Role::Header, format!(" {title}"))].into_iter().chain(state).chain(rest(0, *omitted)).collect();
    }
    let wide = width >= 100;
    let mut titles = vec![(title, 6, true), ("TYPE", 8, false), ("REASON", 24, false)];
    if wide {
        titles.extend([("COUNT", 7, true), ("FROM", 24, false), ("CONTAINER", 20, false)]);
    }
    titles.push(("MESSAGE", usize::MAX, false));
    let mut table = TextTable::new(1, &titles);
    for event in events {
        let mut cells = head(event, view.now, glyphs);
        if wide {
            cells.extend([
                (Role::Text, times(event)),
                (Role::Muted, event.controller.to_string()),
                (Role::Muted, event.part.to_string()),
            ]);
            cells.push((Role::Text, event.note.to_string()));
        } else {
            let count = if event.count > 1 { format!("{} ", times(event)) } else { String::new() };
            cells.push((Role::Text, format!("{count}{}", event.note)));
        }
        table.row(cells);
    }
    let mut lines = table.lines(glyphs.ellipsis);
    lines.splice(1..1, state);
    lines.extend(rest(events.len(), *omitted));
    lines
}

/// Lines below `shown` events, or in their place.
pub(in crate::ui) fn rest(shown: usize, Omitted { more, unreadable }: Omitted) -> Vec<TextLine> {
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

fn head(event: &EventFacts, now: Timestamp, glyphs: &Glyphs) -> TextLine {
    let age = age_of(event.last, now).map_or_else(|| glyphs.none.to_owned(), coarse);
    let role = if event.is_warning() { Role::Warn } else { Role::Text };
    vec![(Role::Text, age), (role, event.kind.to_string()), (role, event.reason.to_string())]
}

/// `x12`; empty for once.
fn times(event: &EventFacts) -> String {
    if event.count > 1 { format!("x{}", grouped(event.count)) } else { String::new() }
}
