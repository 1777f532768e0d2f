//! The one table of columns of alerts; to add one, add its row.

use std::collections::HashMap;

use super::{AlertKey, AlertRow, AlertState};
use crate::model::table::order::SortKey;
use crate::model::table::ordering::RowSource;
use crate::model::table::{Align, Cell, Column, FilterMatch, Listing, SortBy, Width};

/// The alerts of all clusters.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AlertList {}

/// Facts that decide which columns of alerts there are.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact about some columns")]
pub(crate) struct AlertsGiven {
    /// `true` if there is room for last, peak and count.
    pub(crate) numbers: bool,
    /// `true` if there is room for the time of day.
    pub(crate) clock: bool,
    /// `true` if there are several clusters.
    pub(crate) clusters: bool,
    /// `true` if there is room for the pods that alerts hit, and one of the alerts hits pods.
    pub(crate) hits: bool,
}

/// Values of an alert that the screen formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AlertFigure {
    /// Severity while it fires, else its state.
    State,
    /// The time of day at which it began.
    Since,
    /// Its duration.
    For,
    /// Time at which its condition last held.
    Last,
    /// The worst value of its number.
    Peak,
    /// Number of times that it fired.
    Count,
    /// Its cluster.
    Cluster,
    /// Pods that it hits.
    Hits,
    /// Its text.
    Text,
}

impl Listing for AlertList {
    type Row<'a> = AlertRow<'a>;
    type Shown<'a> = AlertRow<'a>;
    type Figure = AlertFigure;
    type Given = AlertsGiven;
    type Id = AlertKey;
    type Key = AlertKey;
    type Tie = u32;

    const NAME: &'static str = "alerts";
    const SORT: SortBy = SortBy::Own;
    const COLUMNS: &'static [Column<Self>] = COLUMNS;

    /// The list's own order: worst first, resolved ones last.
    fn tie(_: &AlertRow<'_>, index: u32) -> u32 {
        index
    }
}

const COLUMNS: &[Column<AlertList>] = &[
    Column {
        name: "state",
        aliases: &["status", "severity"],
        header: "STATE",
        width: Width::Fixed(15),
        rank: 1,
        sort: Some(SortBy::Status),
        key: |alert| SortKey::Number(Some(-i128::from(alert.record.severity as u8))),
        filter: FilterMatch::Text(|alert, text| {
            alert.record.severity.name().starts_with(text) || alert.state.name().starts_with(text)
        }),
        in_words: true,
        cell: Cell::Drawn(AlertFigure::State),
        ..Column::PLAIN
    },
    Column {
        name: "since",
        header: "SINCE",
        width: Width::Fixed(9),
        gap: 1,
        rank: 3,
        shown: |given| given.clock,
        cell: Cell::Drawn(AlertFigure::Since),
        ..Column::PLAIN
    },
    Column {
        name: "for",
        header: "FOR",
        width: Width::Fixed(6),
        rank: 2,
        sort: Some(SortBy::Age),
        key: |alert| SortKey::Number(Some(-i128::try_from(alert.began().0.as_nanos()).unwrap_or(i128::MAX))),
        cell: Cell::Drawn(AlertFigure::For),
        ..NUMBER
    },
    Column {
        name: "last",
        header: "LAST",
        width: Width::Fixed(6),
        rank: 4,
        shown: |given| given.numbers,
        cell: Cell::Drawn(AlertFigure::Last),
        ..NUMBER
    },
    Column {
        name: "peak",
        header: "PEAK",
        width: Width::Fixed(7),
        rank: 4,
        shown: |given| given.numbers,
        cell: Cell::Drawn(AlertFigure::Peak),
        ..NUMBER
    },
    Column {
        name: "count",
        header: "COUNT",
        width: Width::Fixed(5),
        rank: 4,
        shown: |given| given.numbers,
        sort: Some(SortBy::Column("count")),
        key: |alert| SortKey::Number(Some(-i128::from(alert.record.count))),
        filter: FilterMatch::Count(|alert| Some(alert.record.count.into())),
        cell: Cell::Drawn(AlertFigure::Count),
        ..NUMBER
    },
    Column {
        name: "cluster",
        aliases: &["context"],
        header: "CLUSTER",
        width: Width::Seen(7, 20),
        rank: 2,
        shown: |given| given.clusters,
        sort: Some(SortBy::Name),
        key: |alert| SortKey::Text(alert.context.clone()),
        filter: FilterMatch::Text(|alert, text| alert.context.to_lowercase().contains(text)),
        in_words: true,
        cell: Cell::DrawnName(AlertFigure::Cluster),
        ..Column::PLAIN
    },
    Column {
        name: "hits",
        header: "HITS",
        width: Width::Shrinking(8, 36),
        gap: 1,
        rank: 3,
        shown: |given| given.hits,
        sort: Some(SortBy::Column("hits")),
        key: |alert| SortKey::Number(pods_hit(alert).map(|pods| -i128::from(pods))),
        filter: FilterMatch::Count(|alert| pods_hit(alert)),
        cell: Cell::Drawn(AlertFigure::Hits),
        ..Column::PLAIN
    },
    Column {
        name: "alert",
        aliases: &["reason", "text"],
        header: "ALERT",
        width: Width::Rest,
        gap: 1,
        rank: 0,
        filter: FilterMatch::Text(|alert, text| {
            let reason = alert.record.reason().to_lowercase();
            reason.contains(text) || alert.record.text.to_lowercase().contains(text)
        }),
        in_words: true,
        cell: Cell::Drawn(AlertFigure::Text),
        ..Column::PLAIN
    },
];

/// Number of pods that an alert hits, or its lower bound; `None` if it hits none by its kind, or pods are not known.
fn pods_hit(alert: &AlertRow<'_>) -> Option<i64> {
    alert.hits.as_deref()?.as_ref().any().map(|hits| hits.pods.into())
}

/// A column of numbers.
const NUMBER: Column<AlertList> = Column { gap: 1, align: Align::Right, ..Column::PLAIN };

impl AlertState {
    /// The state in one word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Unknown => "unknown",
            Self::Silenced => "silenced",
            Self::Acknowledged => "acknowledged",
            Self::Pending => "pending",
            Self::Resolved => "resolved",
        }
    }
}

/// All alerts, in the list's own order.
pub(super) struct AlertRows<'a> {
    rows: Vec<AlertRow<'a>>,
    index: HashMap<AlertKey, usize>,
}

impl<'a> AlertRows<'a> {
    pub(super) fn new(rows: Vec<AlertRow<'a>>) -> Self {
        let index = rows.iter().enumerate().map(|(at, row)| (row.key(), at)).collect();
        Self { rows, index }
    }

    pub(super) fn ids(&self) -> Vec<AlertKey> {
        self.rows.iter().map(AlertRow::key).collect()
    }

    pub(super) fn get(&self, key: &AlertKey) -> Option<AlertRow<'a>> {
        self.rows.get(*self.index.get(key)?).cloned()
    }
}

impl RowSource<AlertList> for AlertRows<'_> {
    fn row(&self, key: &AlertKey) -> Option<AlertRow<'_>> {
        self.get(key)
    }

    fn key(&self, key: &AlertKey) -> Option<AlertKey> {
        Some(key.clone())
    }

    /// An alert that is absent now may come back, for instance after its cluster was unreachable, so the selection waits for it.
    fn find(&self, key: &AlertKey) -> Option<AlertKey> {
        Some(key.clone())
    }
}
