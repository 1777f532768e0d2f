//! Columns of the list of calls by kind.

use super::SortBy;
use super::column::{Align, Cell, Column, FilterMatch, Listing, Width};
use super::matching::contains;
use super::order::SortKey;
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::model::derive::latency::{KindStats, Percentile, Shares, call_name};
use crate::msg::CallKind;

/// The calls of one API by kind.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CallList {}

/// Room for columns of calls; each step also has the columns of the steps before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CallsRoom {
    /// Counts, percentiles and errors.
    Least,
    /// The shares of time.
    Shares,
    /// The rate and the bytes.
    Load,
    /// The 99th percentile.
    P99,
    /// `timeouts` written out, and longer names.
    Words,
    /// The verdict beside its row.
    Verdict,
}

/// Facts that determine the columns of calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallsGiven {
    /// Room for the columns.
    pub(crate) room: CallsRoom,
    /// Width of the names, in columns of the screen.
    pub(crate) name: usize,
}

/// Values of a kind of call that the screen formats.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CallFigure {
    /// Its name.
    Name,
    /// Number of calls that ended.
    Count,
    /// Calls per second.
    Rate,
    /// A percentile of their latency.
    Latency(fn(&KindStats) -> Option<Percentile>),
    /// Number of deadlines that passed.
    Timeouts,
    /// A share of their time, in per cent.
    Share(fn(&Shares) -> u8),
    /// Body bytes.
    Bytes,
    /// Errors by class.
    Errors,
    /// Cause of slow calls.
    Verdict,
}

impl Listing for CallList {
    type Row<'a> = &'a KindStats;
    type Shown<'a> = &'a KindStats;
    type Figure = CallFigure;
    type Given = CallsGiven;
    type Id = CallKind;
    type Key = CallKind;
    type Tie = u32;

    const NAME: &'static str = "calls";
    const SORT: SortBy = SortBy::Own;
    const COLUMNS: &'static [Column<Self>] = COLUMNS;

    /// The list's own order: the order of the kinds, optional APIs last.
    fn tie(_: &&KindStats, index: u32) -> u32 {
        index
    }
}

const COLUMNS: &[Column<CallList>] = &[
    Column {
        name: "call",
        aliases: &["name", "kind"],
        header: "CALL",
        width_by: Some(|given| Width::Fixed(given.name)),
        rank: 0,
        sort: Some(SortBy::Name),
        key: |call| SortKey::Text(Clean::new(call_name(call.kind))),
        filter: FilterMatch::Text(|call, text| contains(call_name(call.kind), text)),
        in_words: true,
        cell: Cell::DrawnName(CallFigure::Name),
        ..Column::PLAIN
    },
    Column {
        name: "count",
        aliases: &["n"],
        header: "N",
        width: Width::Seen(5, 9),
        sort: Some(SortBy::Column("count")),
        key: |call| most_first(call.count as u64),
        filter: FilterMatch::Count(|call| i64::try_from(call.count).ok()),
        cell: Cell::Drawn(CallFigure::Count),
        ..NUMBER
    },
    Column {
        name: "rate",
        header: "RATE",
        width: Width::Fixed(7),
        shown: |given| given.room >= CallsRoom::Load,
        cell: Cell::Drawn(CallFigure::Rate),
        ..NUMBER
    },
    Column {
        name: "p50",
        header: "P50",
        sort: Some(SortBy::Column("p50")),
        key: |call| slowest_first(call.p50),
        filter: FilterMatch::Age(|call| Some(call.p50?.value)),
        cell: Cell::Drawn(CallFigure::Latency(|call| call.p50)),
        ..LATENCY
    },
    Column {
        name: "p95",
        header: "P95",
        sort: Some(SortBy::Column("p95")),
        key: |call| slowest_first(call.p95),
        filter: FilterMatch::Age(|call| Some(call.p95?.value)),
        cell: Cell::Drawn(CallFigure::Latency(|call| call.p95)),
        ..LATENCY
    },
    Column {
        name: "p99",
        header: "P99",
        shown: |given| given.room >= CallsRoom::P99,
        sort: Some(SortBy::Column("p99")),
        key: |call| slowest_first(call.p99),
        filter: FilterMatch::Age(|call| Some(call.p99?.value)),
        cell: Cell::Drawn(CallFigure::Latency(|call| call.p99)),
        ..LATENCY
    },
    Column {
        name: "max",
        header: "MAX",
        sort: Some(SortBy::Column("max")),
        key: |call| slowest_first(call.max),
        filter: FilterMatch::Age(|call| Some(call.max?.value)),
        cell: Cell::Drawn(CallFigure::Latency(|call| call.max)),
        ..LATENCY
    },
    Column {
        name: "timeouts",
        header: "TIMEOUTS",
        header_by: Some(|given| if given.room >= CallsRoom::Words { "TIMEOUTS" } else { "T/O" }),
        width_by: Some(|given| if given.room >= CallsRoom::Words { Width::Fixed(8) } else { Width::Seen(4, 7) }),
        sort: Some(SortBy::Column("timeouts")),
        key: |call| most_first(call.timeouts as u64),
        filter: FilterMatch::Count(|call| i64::try_from(call.timeouts).ok()),
        cell: Cell::Drawn(CallFigure::Timeouts),
        ..NUMBER
    },
    Column {
        name: "connect",
        header: "CONNECT",
        header_by: Some(|given| if given.room >= CallsRoom::Load { "CONNECT" } else { "CONN" }),
        width_by: Some(|given| Width::Fixed(if given.room >= CallsRoom::Load { 7 } else { 4 })),
        cell: Cell::Drawn(CallFigure::Share(|shares| shares.connect)),
        ..SHARE
    },
    Column { name: "ttfb", header: "TTFB", cell: Cell::Drawn(CallFigure::Share(|shares| shares.first_byte)), ..SHARE },
    Column { name: "body", header: "BODY", cell: Cell::Drawn(CallFigure::Share(|shares| shares.body)), ..SHARE },
    Column {
        name: "decode",
        header: "DECODE",
        header_by: Some(|given| if given.room >= CallsRoom::Load { "DECODE" } else { "DEC" }),
        width_by: Some(|given| Width::Fixed(if given.room >= CallsRoom::Load { 6 } else { 4 })),
        cell: Cell::Drawn(CallFigure::Share(|shares| shares.decode)),
        ..SHARE
    },
    Column {
        name: "bytes",
        header: "BYTES",
        width: Width::Fixed(8),
        shown: |given| given.room >= CallsRoom::Load,
        sort: Some(SortBy::Column("bytes")),
        key: |call| most_first(call.bytes),
        filter: FilterMatch::Amount(|call| Some((Quantity::whole(i64::try_from(call.bytes).ok()?), None))),
        cell: Cell::Drawn(CallFigure::Bytes),
        ..NUMBER
    },
    Column {
        name: "errors",
        aliases: &["status"],
        header: "ERRORS",
        // The verdict gets the rest of the width.
        width_by: Some(|given| if given.room >= CallsRoom::Verdict { Width::Seen(33, 53) } else { Width::Rest }),
        rank: 2,
        sort: Some(SortBy::Status),
        key: |call| most_first(call.errors.iter().map(|(_, count)| *count as u64).sum()),
        filter: FilterMatch::Text(|call, text| call.errors.iter().any(|(class, _)| contains(&class.name(), text))),
        in_words: true,
        cell: Cell::Drawn(CallFigure::Errors),
        ..Column::PLAIN
    },
    Column {
        name: "verdict",
        width: Width::Rest,
        gap: 1,
        rank: 2,
        shown: |given| given.room >= CallsRoom::Verdict,
        cell: Cell::Drawn(CallFigure::Verdict),
        ..Column::PLAIN
    },
];

/// A column of numbers.
const NUMBER: Column<CallList> = Column { gap: 1, rank: 1, align: Align::Right, ..Column::PLAIN };

/// A column of latencies.
const LATENCY: Column<CallList> = Column { width: Width::Fixed(7), ..NUMBER };

/// A column of shares of the time.
const SHARE: Column<CallList> = Column {
    width_by: Some(|given| Width::Fixed(if given.room >= CallsRoom::Load { 5 } else { 4 })),
    shown: |given| given.room >= CallsRoom::Shares,
    ..NUMBER
};

fn most_first(count: u64) -> SortKey {
    SortKey::Number(Some(-i128::from(count)))
}

fn slowest_first(value: Option<Percentile>) -> SortKey {
    SortKey::Number(value.map(|value| -i128::try_from(value.value.as_nanos()).unwrap_or(i128::MAX)))
}
