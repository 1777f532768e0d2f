//! Columns of the list of failures of one API.

use super::SortBy;
use super::column::{Cell, Column, FilterMatch, Listing, Reads, Width};
use super::matching::contains;
use super::order::SortKey;
use crate::facts::text::Clean;
use crate::model::derive::server::LoggedFailure;

/// The last failures.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FailureList {}

/// Values of a failure that the screen formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureFigure {
    /// The time of day.
    Time,
    /// Layer at which it happened.
    Layer,
    /// The request, the error and the next attempt.
    Text,
}

impl Listing for FailureList {
    type Row<'a> = &'a LoggedFailure;
    type Shown<'a> = &'a LoggedFailure;
    type Figure = FailureFigure;
    type Given = ();
    type Id = u64;
    type Key = u64;
    type Tie = u32;

    const NAME: &'static str = "failures";
    const SORT: SortBy = SortBy::Age;
    const COLUMNS: &'static [Column<Self>] = COLUMNS;
    const TERMS: &'static [(&'static str, FilterMatch<Self>, Reads)] = &[
        ("attempt", FilterMatch::Count(|logged| Some(logged.failure.attempt.into())), Reads::Row),
        ("code", FilterMatch::Count(|logged| logged.failure.code.map(i64::from)), Reads::Row),
        (
            "audit",
            FilterMatch::Text(|logged, text| logged.failure.audit_id.as_ref().is_some_and(|id| contains(id, text))),
            Reads::Row,
        ),
    ];

    /// Newest first.
    fn tie(_: &&LoggedFailure, index: u32) -> u32 {
        index
    }
}

const COLUMNS: &[Column<FailureList>] = &[
    Column {
        name: "time",
        header: "TIME",
        width: Width::Fixed(9),
        rank: 1,
        sort: Some(SortBy::Age),
        // By number, because the clock may have been set.
        key: |logged| SortKey::Number(Some(-i128::from(logged.number))),
        cell: Cell::Drawn(FailureFigure::Time),
        ..Column::PLAIN
    },
    Column {
        name: "layer",
        aliases: &["status", "class"],
        header: "LAYER",
        width: Width::Fixed(14),
        gap: 1,
        rank: 2,
        sort: Some(SortBy::Status),
        key: |logged| SortKey::Text(Clean::new(logged.failure.layer.name())),
        filter: FilterMatch::Text(|logged, text| contains(logged.failure.layer.name(), text)),
        in_words: true,
        cell: Cell::Drawn(FailureFigure::Layer),
        ..Column::PLAIN
    },
    Column {
        name: "failure",
        aliases: &["request", "text", "name"],
        header: "FAILURE",
        width: Width::Rest,
        gap: 1,
        rank: 0,
        sort: Some(SortBy::Name),
        key: |logged| SortKey::Text(logged.failure.request.clone()),
        filter: FilterMatch::Text(|logged, text| {
            contains(&logged.failure.request, text) || contains(&logged.failure.text, text)
        }),
        in_words: true,
        cell: Cell::Drawn(FailureFigure::Text),
        ..Column::PLAIN
    },
];
