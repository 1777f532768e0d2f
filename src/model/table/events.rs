//! Columns of the list of events of one object.

use super::SortBy;
use super::column::{Align, Cell, Column, FilterMatch, Listing, Width};
use super::matching::contains;
use super::order::SortKey;
use crate::facts::event::EventFacts;
use crate::facts::wire::Uid;

/// The events of the object that is open.
#[derive(Clone, Copy, Debug)]
pub(crate) enum EventList {}

/// Facts that determine the columns of events.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EventsGiven {
    /// Heading of their age, which is the title of the list if there is no other.
    pub(crate) title: &'static str,
    /// `true` if there is room for the count and the reporting controller.
    pub(crate) wide: bool,
}

/// Values of an event that the screen formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EventFigure {
    /// Time since it last occurred.
    Age,
    /// Normal, warning, or another type.
    Kind,
    /// Its reason.
    Reason,
    /// Number of occurrences.
    Count,
    /// The reporting controller.
    From,
    /// Part of the object.
    Part,
    /// Its message.
    Message,
}

impl Listing for EventList {
    type Row<'a> = &'a EventFacts;
    type Shown<'a> = &'a EventFacts;
    type Figure = EventFigure;
    type Given = EventsGiven;
    type Id = Uid;
    type Key = Uid;
    type Tie = u32;

    const NAME: &'static str = "events";
    const SORT: SortBy = SortBy::Own;
    const COLUMNS: &'static [Column<Self>] = COLUMNS;

    /// Newest first.
    fn tie(_: &&EventFacts, index: u32) -> u32 {
        index
    }
}

const COLUMNS: &[Column<EventList>] = &[
    Column {
        name: "last",
        aliases: &["age"],
        header: "LAST",
        header_by: Some(|given| given.title),
        width: Width::Seen(0, 6),
        rank: 1,
        align: Align::Right,
        sort: Some(SortBy::Age),
        key: |event| SortKey::Number(event.last.map(|last| -last.as_nanosecond())),
        cell: Cell::Drawn(EventFigure::Age),
        ..Column::PLAIN
    },
    Column {
        name: "type",
        aliases: &["status", "kind"],
        header: "TYPE",
        width: Width::Seen(0, 8),
        rank: 2,
        sort: Some(SortBy::Status),
        key: |event| SortKey::Number(Some(i128::from(!event.is_warning()))),
        filter: FilterMatch::Text(|event, text| contains(&event.kind, text)),
        in_words: true,
        cell: Cell::Drawn(EventFigure::Kind),
        ..Column::PLAIN
    },
    Column {
        name: "reason",
        aliases: &["name"],
        header: "REASON",
        width: Width::Seen(0, 24),
        rank: 3,
        sort: Some(SortBy::Name),
        key: |event| SortKey::Text(event.reason.clone()),
        filter: FilterMatch::Text(|event, text| contains(&event.reason, text)),
        in_words: true,
        cell: Cell::Drawn(EventFigure::Reason),
        ..Column::PLAIN
    },
    Column {
        name: "count",
        header: "COUNT",
        width: Width::Seen(0, 7),
        rank: 4,
        align: Align::Right,
        shown: |given| given.wide,
        sort: Some(SortBy::Column("count")),
        key: |event| SortKey::Number(Some(-i128::from(event.count))),
        filter: FilterMatch::Count(|event| Some(event.count.into())),
        cell: Cell::Drawn(EventFigure::Count),
        ..Column::PLAIN
    },
    Column {
        name: "from",
        header: "FROM",
        width: Width::Seen(0, 24),
        rank: 5,
        shown: |given| given.wide,
        sort: Some(SortBy::Column("from")),
        key: |event| SortKey::Text(event.controller.clone()),
        filter: FilterMatch::Text(|event, text| contains(&event.controller, text)),
        in_words: true,
        cell: Cell::Drawn(EventFigure::From),
        ..Column::PLAIN
    },
    Column {
        name: "container",
        header: "CONTAINER",
        width: Width::Seen(0, 20),
        rank: 6,
        shown: |given| given.wide,
        sort: Some(SortBy::Column("container")),
        key: |event| SortKey::Text(event.part.clone()),
        filter: FilterMatch::Text(|event, text| contains(&event.part, text)),
        in_words: true,
        cell: Cell::Drawn(EventFigure::Part),
        ..Column::PLAIN
    },
    Column {
        name: "message",
        aliases: &["note", "text"],
        header: "MESSAGE",
        width: Width::Rest,
        rank: 0,
        filter: FilterMatch::Text(|event, text| contains(&event.note, text)),
        in_words: true,
        cell: Cell::Drawn(EventFigure::Message),
        ..Column::PLAIN
    },
];
