//! Columns of the lists of the GPU view: groups of accelerators, and devices that are held without being used.

use super::SortBy;
use super::column::{Align, Cell, Column, FilterMatch, Listing, Width};
use super::matching::contains;
use super::order::SortKey;
use crate::facts::accelerator::Kind;
use crate::facts::text::Clean;
use crate::model::derive::gpus::{GpuGroup, Grouping, HeldDevices, Supply};

/// The groups of accelerators.
#[derive(Clone, Copy, Debug)]
pub(crate) enum GpuGroups {}

/// Identity of a group across reports.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct GroupKey {
    name: Clean,
    resource: Clean,
    kind: Kind,
    dra: bool,
}

impl GroupKey {
    pub(crate) fn of(group: &GpuGroup) -> Self {
        let GpuGroup { name, resource, kind, dra, .. } = group;
        Self { name: name.clone(), resource: resource.clone(), kind: *kind, dra: *dra }
    }

    pub(crate) fn is_of(&self, group: &GpuGroup) -> bool {
        (&self.name, &self.resource, self.kind, self.dra) == (&group.name, &group.resource, group.kind, group.dra)
    }
}

/// Facts that determine the columns of groups.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupsGiven {
    /// Property that the groups share.
    pub(crate) by: Grouping,
    /// `true` if a group has more requested than healthy devices.
    pub(crate) over: bool,
    /// `true` if devices of a group are blocked or not schedulable.
    pub(crate) why: bool,
}

/// Values of a group that the screen formats, with marks for those that are not exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GroupFigure {
    /// Its name, or a text if it has none.
    Name,
    /// Resource and kind of unit.
    Resource,
    /// Number of nodes, or of pods.
    Members,
    /// Requested units.
    Requested,
    /// Healthy units.
    Healthy,
    /// Registered units (capacity).
    Capacity,
    /// Free units.
    Free,
    /// Units requested beyond the healthy ones.
    Over,
    /// Unhealthy units, and missing ones.
    Lost,
    /// Number of additional pods of the size at this index that fit.
    Fit(usize),
    /// Reason why unrequested units are not free.
    Why,
}

impl Listing for GpuGroups {
    type Row<'a> = &'a GpuGroup;
    type Shown<'a> = &'a GpuGroup;
    type Figure = GroupFigure;
    type Given = GroupsGiven;
    type Id = usize;
    type Key = GroupKey;
    type Tie = u32;

    const NAME: &'static str = "GPU groups";
    const SORT: SortBy = SortBy::Own;
    const COLUMNS: &'static [Column<Self>] = GROUPS;

    /// The list's own order: largest first.
    fn tie(_: &&GpuGroup, index: u32) -> u32 {
        index
    }
}

const GROUPS: &[Column<GpuGroups>] = &[
    Column {
        name: "name",
        aliases: &["model", "pool", "namespace", "owner"],
        header: "GROUP",
        header_by: Some(|given| match given.by {
            Grouping::Model => "MODEL",
            Grouping::Pool => "POOL",
            Grouping::Namespace => "NAMESPACE",
            Grouping::Owner => "OWNER",
        }),
        width: Width::Seen(8, 40),
        rank: 0,
        sort: Some(SortBy::Name),
        key: |group| SortKey::Text(group.name.clone()),
        filter: FilterMatch::Text(|group, text| contains(&group.name, text)),
        in_words: true,
        cell: Cell::DrawnName(GroupFigure::Name),
        ..Column::PLAIN
    },
    Column {
        name: "resource",
        header: "RESOURCE",
        width: Width::Seen(8, 32),
        rank: 6,
        filter: FilterMatch::Text(|group, text| contains(&group.resource, text)),
        in_words: true,
        cell: Cell::Drawn(GroupFigure::Resource),
        ..Column::PLAIN
    },
    Column {
        name: "nodes",
        header: "NODES",
        shown: |given| given.by.of_nodes(),
        sort: Some(SortBy::Column("nodes")),
        ..MEMBERS
    },
    Column { name: "pods", header: "PODS", shown: |given| !given.by.of_nodes(), sort: Some(SortBy::Pods), ..MEMBERS },
    Column {
        name: "requested",
        aliases: &["req"],
        header: "REQ",
        width: Width::Seen(7, 9),
        rank: 1,
        align: Align::Right,
        sort: Some(SortBy::Column("requested")),
        key: |group| most_first(Some(group.requested)),
        filter: FilterMatch::Count(|group| Some(group.requested)),
        cell: Cell::Drawn(GroupFigure::Requested),
        ..Column::PLAIN
    },
    Column {
        name: "healthy",
        aliases: &["alloc", "ok"],
        header: "ALLOC",
        width: Width::Seen(7, 9),
        rank: 2,
        sort: Some(SortBy::Column("healthy")),
        key: |group| most_first(supplied(group, |supply| supply.allocatable)),
        filter: FilterMatch::Count(|group| supplied(group, |supply| supply.allocatable)),
        cell: Cell::Drawn(GroupFigure::Healthy),
        ..SUPPLY
    },
    Column {
        name: "capacity",
        aliases: &["cap"],
        header: "CAP",
        width: Width::Seen(7, 9),
        rank: 3,
        sort: Some(SortBy::Column("capacity")),
        key: |group| most_first(supplied(group, |supply| supply.capacity)),
        filter: FilterMatch::Count(|group| supplied(group, |supply| supply.capacity)),
        cell: Cell::Drawn(GroupFigure::Capacity),
        ..SUPPLY
    },
    Column {
        name: "free",
        header: "FREE",
        width: Width::Seen(7, 9),
        rank: 4,
        sort: Some(SortBy::Gpu),
        key: |group| most_first(supplied(group, |supply| supply.free)),
        filter: FilterMatch::Count(|group| supplied(group, |supply| supply.free)),
        cell: Cell::Drawn(GroupFigure::Free),
        ..SUPPLY
    },
    Column {
        name: "over",
        header: "OVER",
        width: Width::Seen(4, 9),
        rank: 5,
        shown: |given| given.by.of_nodes() && given.over,
        filter: FilterMatch::Count(|group| supplied(group, |supply| supply.over_requested)),
        cell: Cell::Drawn(GroupFigure::Over),
        ..SUPPLY
    },
    Column {
        name: "lost",
        header: "LOST",
        width: Width::Seen(7, 17),
        rank: 5,
        align: Align::Left,
        sort: Some(SortBy::Status),
        key: |group| most_first(supplied(group, lost)),
        filter: FilterMatch::Count(|group| supplied(group, lost)),
        cell: Cell::Drawn(GroupFigure::Lost),
        ..SUPPLY
    },
    Column { name: "fit-1", header: "FIT 1", width: Width::Seen(5, 8), rank: 8, ..fit(0) },
    Column { name: "fit-2", header: "2", rank: 10, ..fit(1) },
    Column { name: "fit-4", header: "4", rank: 11, ..fit(2) },
    Column { name: "fit-8", header: "8", rank: 12, ..fit(3) },
    Column { name: "fit-16", header: "16", rank: 13, ..fit(4) },
    // Before the fits of larger sizes: it explains why fewer units are free or fit.
    Column {
        name: "why",
        header: "NOT FREE, BLOCKED",
        width: Width::Seen(17, 40),
        rank: 9,
        align: Align::Left,
        shown: |given| given.by.of_nodes() && given.why,
        cell: Cell::Drawn(GroupFigure::Why),
        ..SUPPLY
    },
];

/// Column of the number of nodes or pods.
const MEMBERS: Column<GpuGroups> = Column {
    width: Width::Seen(5, 8),
    rank: 7,
    align: Align::Right,
    key: |group| most_first(Some(group.members.into())),
    filter: FilterMatch::Count(|group| Some(group.members.into())),
    cell: Cell::Drawn(GroupFigure::Members),
    ..Column::PLAIN
};

/// Column of amounts that nodes have.
const SUPPLY: Column<GpuGroups> = Column { align: Align::Right, shown: |given| given.by.of_nodes(), ..Column::PLAIN };

const fn fit(size: usize) -> Column<GpuGroups> {
    Column { width: Width::Seen(4, 8), cell: Cell::Drawn(GroupFigure::Fit(size)), ..SUPPLY }
}

fn supplied(group: &GpuGroup, of: fn(&Supply) -> i64) -> Option<i64> {
    group.supply.as_ref().map(of)
}

fn lost(supply: &Supply) -> i64 {
    supply.withdrawn.saturating_add(supply.missing)
}

fn most_first(number: Option<i64>) -> SortKey {
    SortKey::Number(number.map(|number| -i128::from(number)))
}

/// Devices that are held by pods that do not run, and by claims that no pod uses.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HeldList {}

/// Identity of held devices across reports.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct HeldKey {
    claim: bool,
    namespace: Clean,
    name: Clean,
    resource: Clean,
}

impl HeldKey {
    pub(crate) fn of(held: &HeldDevices) -> Self {
        let HeldDevices { claim, namespace, name, resource, .. } = held;
        Self { claim: *claim, namespace: namespace.clone(), name: name.clone(), resource: resource.clone() }
    }

    pub(crate) fn is_of(&self, held: &HeldDevices) -> bool {
        let names = (&held.namespace, &held.name, &held.resource);
        self.claim == held.claim && (&self.namespace, &self.name, &self.resource) == names
    }
}

/// Values of held devices that the screen formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HeldFigure {
    /// Amount and kind of unit.
    Amount,
    /// Time for which they have been held.
    For,
    /// Start of that time, with the event that began it.
    Since,
    /// State of the pod.
    State,
    /// The pod or claim.
    Pod,
    /// Its owner.
    Owner,
    /// The resource.
    Resource,
}

impl Listing for HeldList {
    type Row<'a> = &'a HeldDevices;
    type Shown<'a> = &'a HeldDevices;
    type Figure = HeldFigure;
    type Given = ();
    type Id = usize;
    type Key = HeldKey;
    type Tie = u32;

    const NAME: &'static str = "held GPUs";
    const SORT: SortBy = SortBy::Own;
    const COLUMNS: &'static [Column<Self>] = HELD;

    /// The list's own order: longest first.
    fn tie(_: &&HeldDevices, index: u32) -> u32 {
        index
    }
}

const HELD: &[Column<HeldList>] = &[
    Column {
        name: "held",
        aliases: &["gpu", "gpus"],
        header: "HELD",
        width: Width::Seen(4, 16),
        rank: 1,
        align: Align::Right,
        sort: Some(SortBy::Gpu),
        key: |held| most_first(Some(held.amount)),
        filter: FilterMatch::Count(|held| Some(held.amount)),
        cell: Cell::Drawn(HeldFigure::Amount),
        ..Column::PLAIN
    },
    Column {
        name: "for",
        header: "FOR",
        width: Width::Fixed(6),
        rank: 2,
        align: Align::Right,
        sort: Some(SortBy::Age),
        key: |held| SortKey::Number(held.since.map(|since| -i128::from(since.at.as_second()))),
        cell: Cell::Drawn(HeldFigure::For),
        ..Column::PLAIN
    },
    Column {
        name: "since",
        header: "SINCE",
        width: Width::Fixed(9),
        rank: 6,
        cell: Cell::Drawn(HeldFigure::Since),
        ..Column::PLAIN
    },
    Column {
        name: "state",
        aliases: &["status"],
        header: "STATE",
        width: Width::Seen(9, 24),
        rank: 3,
        sort: Some(SortBy::Status),
        key: |held| SortKey::Text(held.state.clone()),
        filter: FilterMatch::Text(|held, text| contains(&held.state, text)),
        in_words: true,
        cell: Cell::Drawn(HeldFigure::State),
        ..Column::PLAIN
    },
    Column {
        name: "pod",
        aliases: &["name", "namespace"],
        header: "POD",
        width: Width::Seen(12, 80),
        rank: 0,
        sort: Some(SortBy::Name),
        key: |held| SortKey::Text(Clean::new(&format!("{} {}", held.namespace, held.name))),
        filter: FilterMatch::Text(|held, text| contains(&held.namespace, text) || contains(&held.name, text)),
        in_words: true,
        cell: Cell::DrawnName(HeldFigure::Pod),
        ..Column::PLAIN
    },
    Column {
        name: "node",
        header: "NODE",
        width: Width::Seen(8, 40),
        rank: 4,
        sort: Some(SortBy::Column("node")),
        key: |held| SortKey::Text(held.node.clone()),
        filter: FilterMatch::Text(|held, text| contains(&held.node, text)),
        in_words: true,
        cell: Cell::Name(|held| Some(&held.node)),
        ..Column::PLAIN
    },
    Column {
        name: "owner",
        header: "OWNER",
        width: Width::Seen(8, 40),
        rank: 5,
        sort: Some(SortBy::Column("owner")),
        key: |held| SortKey::Text(held.owner.clone()),
        filter: FilterMatch::Text(|held, text| contains(&held.owner, text)),
        in_words: true,
        cell: Cell::DrawnName(HeldFigure::Owner),
        ..Column::PLAIN
    },
    Column {
        name: "resource",
        header: "RESOURCE",
        width: Width::Seen(8, 32),
        rank: 7,
        filter: FilterMatch::Text(|held, text| contains(&held.resource, text)),
        cell: Cell::Drawn(HeldFigure::Resource),
        ..Column::PLAIN
    },
];
