//! Columns of the list of gangs; to add one, add its row.

use std::time::Duration;

use super::SortBy;
use super::column::{Align, Cell, Column, FilterMatch, Listing, Reads, Width};
use super::matching::contains;
use super::order::SortKey;
use crate::model::derive::gangs::{GangKey, GangRow};

/// The gangs of a cluster.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Gangs {}

/// A gang in the list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GangLine<'a> {
    /// The gang.
    pub row: &'a GangRow,
    /// Time for which it has been in its state; `None` if that is not known.
    pub since: Option<Duration>,
    /// `true` if it is selected.
    pub selected: bool,
}

/// Values of a gang that the screen formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GangFigure {
    /// Running members, of the number that is wanted.
    Pods,
    /// Whole devices that it requests.
    Gpu,
    /// Its state, with the number of members that are in it.
    State,
    /// Time for which it has been in its state.
    Since,
    /// Rank and reason of the worst member.
    Worst,
}

impl Listing for Gangs {
    type Row<'a> = GangLine<'a>;
    type Shown<'a> = GangLine<'a>;
    type Figure = GangFigure;
    type Given = ();
    type Id = usize;
    type Key = GangKey;
    type Tie = u32;

    const NAME: &'static str = "gangs";
    const SORT: SortBy = SortBy::Own;
    const COLUMNS: &'static [Column<Self>] = COLUMNS;

    /// The list's own order: worst first.
    fn tie(_: &GangLine<'_>, index: u32) -> u32 {
        index
    }
}

const COLUMNS: &[Column<Gangs>] = &[
    Column {
        name: "name",
        aliases: &["gang"],
        header: "NAME",
        width: Width::Seen(8, 253),
        rank: 0,
        sort: Some(SortBy::Name),
        key: |gang| SortKey::Text(gang.row.key.name.clone()),
        filter: FilterMatch::Text(|gang, text| contains(&gang.row.key.name, text)),
        in_words: true,
        cell: Cell::Name(|gang| Some(&gang.row.key.name)),
        ..Column::PLAIN
    },
    Column {
        name: "kind",
        header: "KIND",
        width: Width::Seen(6, 20),
        rank: 7,
        sort: Some(SortBy::Column("kind")),
        key: |gang| SortKey::Text(gang.row.key.kind.clone()),
        filter: FilterMatch::Text(|gang, text| contains(&gang.row.key.kind, text)),
        in_words: true,
        cell: Cell::Text(|gang| Some(&gang.row.key.kind)),
        ..Column::PLAIN
    },
    Column {
        name: "namespace",
        aliases: &["ns"],
        header: "NAMESPACE",
        width: Width::Seen(9, 28),
        rank: 6,
        sort: Some(SortBy::Column("namespace")),
        key: |gang| SortKey::Text(gang.row.key.namespace.clone()),
        filter: FilterMatch::Text(|gang, text| contains(&gang.row.key.namespace, text)),
        in_words: true,
        cell: Cell::Name(|gang| Some(&gang.row.key.namespace)),
        ..Column::PLAIN
    },
    // The filter compares the number of running members. Sorted by those that do not run, most first.
    Column {
        name: "pods",
        aliases: &["running"],
        header: "PODS",
        width: Width::Seen(5, 11),
        rank: 1,
        align: Align::Right,
        sort: Some(SortBy::Pods),
        key: |gang| SortKey::Number(Some(i128::from(gang.row.running) - i128::from(gang.row.wanted.number()))),
        filter: FilterMatch::Count(|gang| Some(gang.row.running.into())),
        cell: Cell::Drawn(GangFigure::Pods),
        ..Column::PLAIN
    },
    Column {
        name: "gpu",
        aliases: &["gpus"],
        header: "GPU",
        width: Width::Seen(4, 8),
        rank: 3,
        align: Align::Right,
        sort: Some(SortBy::Gpu),
        key: |gang| SortKey::Number(Some(-i128::from(gang.row.gpus()))),
        filter: FilterMatch::Count(|gang| Some(gang.row.gpus())),
        cell: Cell::Drawn(GangFigure::Gpu),
        ..Column::PLAIN
    },
    Column {
        name: "state",
        aliases: &["status", "trouble"],
        header: "STATE",
        width: Width::Seen(9, 24),
        rank: 2,
        sort: Some(SortBy::Status),
        key: |gang| SortKey::Number(i128::try_from(gang.row.state.severity()).ok()),
        filter: FilterMatch::Text(|gang, text| contains(gang.row.state.text(), text)),
        in_words: true,
        cell: Cell::Drawn(GangFigure::State),
        ..Column::PLAIN
    },
    Column {
        name: "since",
        reads: Reads::Time,
        header: "SINCE",
        width: Width::Fixed(6),
        rank: 5,
        align: Align::Right,
        sort: Some(SortBy::Column("since")),
        key: |gang| SortKey::Number(gang.since.map(|since| -i128::from(since.as_secs()))),
        filter: FilterMatch::Age(|gang| gang.since),
        cell: Cell::Drawn(GangFigure::Since),
        ..Column::PLAIN
    },
    Column {
        name: "worst",
        aliases: &["reason"],
        header: "WORST",
        width: Width::Shrinking(16, 64),
        rank: 8,
        filter: FilterMatch::Text(|gang, text| {
            let worst = gang.row.worst.as_ref();
            worst.is_some_and(|worst| {
                [&worst.pod, &worst.reason, &worst.detail].into_iter().any(|known| contains(known, text))
            })
        }),
        in_words: true,
        cell: Cell::Drawn(GangFigure::Worst),
        ..Column::PLAIN
    },
    Column {
        name: "node",
        header: "NODE",
        width: Width::Seen(8, 40),
        rank: 4,
        sort: Some(SortBy::Column("node")),
        key: |gang| SortKey::Text(gang.row.worst.as_ref().map(|worst| worst.node.clone()).unwrap_or_default()),
        filter: FilterMatch::Text(|gang, text| {
            gang.row.worst.as_ref().is_some_and(|worst| contains(&worst.node, text))
        }),
        in_words: true,
        cell: Cell::Name(|gang| Some(gang.row.worst.as_ref().map_or("", |worst| &worst.node))),
        ..Column::PLAIN
    },
];
