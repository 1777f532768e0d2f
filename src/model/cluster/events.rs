//! The list of events of the open object.

use std::collections::HashMap;

use super::ClusterState;
use super::detail::DetailState;
use crate::facts::event::EventFacts;
use crate::facts::wire::Uid;
use crate::model::table::Extent;
use crate::model::table::events::EventList;
use crate::model::table::list::SelectionStep;
use crate::model::table::ordering::RowSource;
use crate::model::table::state::{Table, TableControl};
use crate::msg::Now;

/// The events of an object, newest first.
struct EventRows<'a> {
    all: Vec<Uid>,
    index: HashMap<Uid, &'a EventFacts>,
}

impl<'a> EventRows<'a> {
    fn new(detail: Option<&'a DetailState>) -> Self {
        let events = detail.and_then(DetailState::events).map_or_else(Vec::new, |(events, _)| events);
        let all = events.iter().map(|event| event.uid).collect();
        Self { all, index: events.into_iter().map(|event| (event.uid, event)).collect() }
    }
}

impl RowSource<EventList> for EventRows<'_> {
    fn row(&self, uid: &Uid) -> Option<&EventFacts> {
        self.index.get(uid).copied()
    }

    fn key(&self, uid: &Uid) -> Option<Uid> {
        Some(*uid)
    }

    fn find(&self, uid: &Uid) -> Option<Uid> {
        self.index.contains_key(uid).then_some(*uid)
    }
}

impl ClusterState {
    /// Events of the open object, sorted and filtered.
    #[must_use]
    pub fn event_rows(&self) -> Vec<&EventFacts> {
        let rows = EventRows::new(self.detail.as_ref());
        self.events.order().iter().filter_map(|uid| rows.index.get(uid).copied()).collect()
    }

    /// Numbers of events before and after filtering, and the index of the selected one.
    #[must_use]
    pub fn event_extent(&self) -> Extent {
        self.events.extent()
    }

    /// Uid of the event whose full text is shown.
    #[must_use]
    pub fn expanded_event(&self) -> Option<Uid> {
        self.events.expanded().copied()
    }

    /// Sort, filter and hold of the events.
    pub(crate) fn events_control(&self) -> &dyn TableControl {
        &self.events.state
    }

    /// The same, for a key.
    pub(crate) fn events_control_mut(&mut self) -> &mut dyn TableControl {
        &mut self.events.state
    }

    /// Brings the order of the events up to date, if something has changed.
    pub(crate) fn arrange_events(&mut self, now: Now) {
        let revision = self.detail.as_ref().map_or(0, DetailState::revision);
        self.with_events(|table, rows| {
            table.advance(rows);
            table.arrange(rows, revision, || rows.all.clone(), now.mono);
        });
    }

    /// Moves the cursor to the event at this index.
    pub(crate) fn select_event(&mut self, index: usize) {
        self.with_events(|table, rows| table.step(SelectionStep::At(index), rows));
    }

    /// Shows or hides the full text of the selected event. Returns `false` if there is none.
    pub(crate) fn toggle_event(&mut self) -> bool {
        let mut found = false;
        self.with_events(|table, rows| found = table.toggle_expanded(rows));
        found
    }

    fn with_events(&mut self, change: impl FnOnce(&mut Table<EventList>, &EventRows<'_>)) {
        change(&mut self.events, &EventRows::new(self.detail.as_ref()));
    }
}
