//! Columns of the groups of pods in trouble.

use super::SortBy;
use super::column::{Align, Cell, Column, FilterMatch, Listing, Reads, Width};
use super::matching::contains;
use super::order::SortKey;
use crate::model::derive::pod_groups::{PodGroup, PodGroupKey, PodGrouping};

/// Groups of pods in trouble.
#[derive(Clone, Copy, Debug)]
pub(crate) enum PodGroups {}

/// Facts that determine the columns of the groups.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PodGroupsGiven {
    /// Property that the groups share.
    pub(crate) by: PodGrouping,
    /// `true` if pods of a group hold devices.
    pub(crate) held: bool,
    /// `true` if pods of a group wait for devices.
    pub(crate) requested: bool,
}

/// Values of a group that the screen formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PodGroupFigure {
    /// Its name.
    Name,
    /// Number of its pods in trouble.
    Pods,
    /// The worst class of trouble.
    Trouble,
    /// The most frequent word of that class, and its number.
    Worst,
    /// Number of nodes, or the name of the only one.
    Nodes,
    /// Devices that its pods hold.
    Held,
    /// Devices that its pods wait for.
    Requested,
    /// Time since which one of its pods has been in trouble.
    Since,
    /// The most frequent text.
    Reason,
}

impl Listing for PodGroups {
    type Row<'a> = &'a PodGroup;
    type Shown<'a> = &'a PodGroup;
    type Figure = PodGroupFigure;
    type Given = PodGroupsGiven;
    type Id = usize;
    type Key = PodGroupKey;
    type Tie = u32;

    const NAME: &'static str = "groups of pods";
    const SORT: SortBy = SortBy::Own;
    const COLUMNS: &'static [Column<Self>] = COLUMNS;

    /// The list's own order: worst class first, then the largest.
    fn tie(_: &&PodGroup, index: u32) -> u32 {
        index
    }
}

const COLUMNS: &[Column<PodGroups>] = &[
    Column {
        name: "namespace",
        aliases: &["ns"],
        header: "NAMESPACE",
        width: Width::Seen(10, 28),
        rank: 7,
        shown: |given| given.by.is_namespaced(),
        filter: FilterMatch::Text(|group, text| contains(&group.key.namespace, text)),
        in_words: true,
        cell: Cell::Name(|group| Some(&group.key.namespace).map(|name| &**name).filter(|name| !name.is_empty())),
        ..Column::PLAIN
    },
    Column {
        name: "name",
        aliases: &["owner", "gang", "registry"],
        header: "GROUP",
        header_by: Some(|given| match given.by {
            PodGrouping::None => "GROUP",
            PodGrouping::Owner => "OWNER",
            PodGrouping::Gang => "GANG",
            PodGrouping::Node => "NODE",
            PodGrouping::Namespace => "NAMESPACE",
            PodGrouping::Registry => "REGISTRY",
        }),
        width: Width::Seen(10, 60),
        rank: 0,
        sort: Some(SortBy::Name),
        key: |group| SortKey::Text(group.name.clone()),
        filter: FilterMatch::Text(|group, text| contains(&group.name, text)),
        in_words: true,
        cell: Cell::DrawnName(PodGroupFigure::Name),
        ..Column::PLAIN
    },
    Column {
        name: "pods",
        header: "PODS",
        width: Width::Seen(4, 7),
        rank: 1,
        sort: Some(SortBy::Pods),
        key: |group| most_first(group.pods.into()),
        filter: FilterMatch::Count(|group| Some(group.pods.into())),
        cell: Cell::Drawn(PodGroupFigure::Pods),
        ..NUMBER
    },
    Column {
        name: "trouble",
        aliases: &["state"],
        header: "TROUBLE",
        width: Width::Seen(9, 17),
        rank: 2,
        sort: Some(SortBy::Status),
        key: |group| SortKey::Number(Some(group.worst as i128)),
        filter: FilterMatch::Text(|group, text| contains(group.worst.text(), text)),
        in_words: true,
        cell: Cell::Drawn(PodGroupFigure::Trouble),
        ..Column::PLAIN
    },
    Column {
        name: "worst",
        header: "WORST",
        width: Width::Seen(12, 40),
        rank: 5,
        filter: FilterMatch::Text(|group, text| contains(&group.word.word, text)),
        in_words: true,
        cell: Cell::Drawn(PodGroupFigure::Worst),
        ..Column::PLAIN
    },
    Column {
        name: "nodes",
        header: "NODES",
        width: Width::Seen(5, 28),
        rank: 6,
        shown: |given| given.by != PodGrouping::Node,
        sort: Some(SortBy::Column("nodes")),
        key: |group| most_first(group.nodes.into()),
        filter: FilterMatch::Count(|group| Some(group.nodes.into())),
        cell: Cell::DrawnName(PodGroupFigure::Nodes),
        ..Column::PLAIN
    },
    Column {
        name: "gpu",
        aliases: &["gpus", "held"],
        header: "GPU",
        width: Width::Seen(3, 7),
        rank: 3,
        shown: |given| given.held,
        sort: Some(SortBy::Gpu),
        key: |group| most_first(group.held),
        filter: FilterMatch::Count(|group| Some(group.held)),
        cell: Cell::Drawn(PodGroupFigure::Held),
        ..NUMBER
    },
    Column {
        name: "requested",
        aliases: &["req"],
        header: "GPU REQ",
        width: Width::Seen(7, 7),
        rank: 3,
        shown: |given| given.requested,
        sort: Some(SortBy::Column("requested")),
        key: |group| most_first(group.requested),
        filter: FilterMatch::Count(|group| Some(group.requested)),
        cell: Cell::Drawn(PodGroupFigure::Requested),
        ..NUMBER
    },
    Column {
        name: "since",
        header: "SINCE",
        width: Width::Fixed(6),
        rank: 4,
        reads: Reads::Time,
        sort: Some(SortBy::Column("since")),
        key: |group| SortKey::Number(group.since.map(|since| -i128::from(since.as_secs()))),
        filter: FilterMatch::Age(|group| group.since),
        cell: Cell::Drawn(PodGroupFigure::Since),
        ..NUMBER
    },
    Column {
        name: "reason",
        header: "REASON",
        width: Width::RestFrom(24),
        rank: 5,
        filter: FilterMatch::Text(|group, text| contains(&group.reason, text)),
        in_words: true,
        cell: Cell::Drawn(PodGroupFigure::Reason),
        ..Column::PLAIN
    },
];

const NUMBER: Column<PodGroups> = Column { align: Align::Right, ..Column::PLAIN };

fn most_first(number: i64) -> SortKey {
    SortKey::Number(Some(-i128::from(number)))
}
