//! Columns of the list of nodes. A column is one row of the table, with its heading, width, rank, cell, sort, filter and JSON
//! field.
//!
//! To add one, add its row: `sort: Some(SortBy::Column("name"))` with a `key` to sort by it, a [`Cell`] that formats its text, and
//! [`JsonField::Made`] for a field of its own in the JSON snapshot.

use super::SortBy;
use super::column::{Align, Cell, Column, Emphasis, FilterMatch, JsonField, Listing, MadeCell, Reads, WIDE, Width};
use super::matching::{contains, starts_with};
use super::order::{self, SortKey};
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::model::derive::device_conditions;
use crate::model::derive::history::STRIP;
use crate::model::derive::joined_node::JoinedNode;
use crate::model::derive::rows::NodeRow;
use crate::model::store::nodes::{Node, NodeKey};

/// Maximum length of an object's name (`metadata.name`, a DNS subdomain).
const LONGEST_NAME: usize = 253;

/// The nodes of a cluster.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Nodes {}

/// Facts that determine the columns of nodes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NodesGiven {
    /// `true` if the cluster has devices, or may have some.
    pub(crate) devices: bool,
    /// `true` if the usage of nodes is visible; otherwise requests take its place.
    pub(crate) usage: bool,
    /// `true` if a node with a bad condition is or was visible: its column then comes before those of requests.
    pub(crate) conditions: bool,
}

/// Values of a node that the screen formats with glyphs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeFigure {
    /// Readiness with its age, and cordon.
    Status,
    /// Pods, and allocatable pods.
    Pods,
    /// The share of pods as a bar.
    PodBar,
    /// Devices requested, healthy and registered.
    Gpu,
    /// Devices that are unhealthy or not registered.
    GpuLost,
    /// Devices as a bar.
    GpuBar,
    /// Used share of the allocatable CPU.
    CpuUsed,
    /// Used share of the allocatable memory.
    MemoryUsed,
    /// Requested share of the allocatable CPU.
    Cpu,
    /// Requested share of the allocatable memory.
    Memory,
    /// Readiness in each of the last 15 minutes.
    Ready,
    /// Time since creation.
    Age,
}

impl Listing for Nodes {
    type Row<'a> = JoinedNode<'a>;
    type Shown<'a> = NodeRow<'a>;
    type Figure = NodeFigure;
    type Given = NodesGiven;
    type Id = NodeKey;
    type Key = Clean;
    type Tie = u32;

    const NAME: &'static str = "nodes";
    const COLUMNS: &'static [Column<Self>] = COLUMNS;
    const TERMS: &'static [(&'static str, FilterMatch<Self>, Reads)] = TERMS;

    /// Nodes are in the order of their names before sorting.
    fn tie(_: &JoinedNode<'_>, index: u32) -> u32 {
        index
    }
}

/// The columns, in the order of the screen. 60 columns show NAME STATUS GPU, 80 also PODS and AGE.
const COLUMNS: &[Column<Nodes>] = &[
    Column {
        name: "name",
        header: "NAME",
        width: Width::Seen(12, LONGEST_NAME),
        rank: 0,
        sort: Some(SortBy::Name),
        filter: FilterMatch::Text(|node, text| contains(&node.node.facts.name, text)),
        in_words: true,
        cell: Cell::Name(|row| Some(&row.facts.name)),
        json: JsonField::Declared("name"),
        ..Column::PLAIN
    },
    Column {
        name: "status",
        header: "STATUS",
        width: Width::Stepped([18, 26, 26]),
        rank: 1,
        sort: Some(SortBy::Status),
        key: |node| SortKey::Number(Some(order::status_rank(node))),
        filter: FilterMatch::Text(|node, text| node.status_words().any(|word| starts_with(word, text))),
        in_words: true,
        cell: Cell::Drawn(NodeFigure::Status),
        json: JsonField::Declared("status"),
        ..Column::PLAIN
    },
    // 8: `≥110/110`; kubelet's default is 110 pods.
    Column {
        name: "pods",
        header: "PODS",
        width: Width::Fixed(8),
        rank: 3,
        align: Align::Right,
        reads: Reads::Pods,
        sort: Some(SortBy::Pods),
        key: |node| {
            SortKey::Number(order::share(node.pods().any().map(i64::from), node.node.pods_allocatable.map(i64::from)))
        },
        filter: FilterMatch::Amount(|node| {
            Some((whole(node.pods().exact()?.into()), node.node.pods_allocatable.map(|pods| whole(pods.into()))))
        }),
        cell: Cell::Drawn(NodeFigure::Pods),
        json: JsonField::Declared("pods"),
        ..Column::PLAIN
    },
    Column {
        name: "pod-bar",
        header: "",
        gap: 1,
        width: Width::Fixed(4),
        rank: 5,
        cell: Cell::Drawn(NodeFigure::PodBar),
        ..Column::PLAIN
    },
    // 9: `≥16/16/16`; 11: three numbers of three digits. The heading starts on the left and reaches over the next two. Nodes that
    // take no pods have none free, and come after those with devices.
    Column {
        name: "gpu",
        header: "GPU req/alloc/cap",
        width: Width::Stepped([9, 11, 11]),
        rank: 2,
        aliases: &["gpus"],
        shown: |given| given.devices,
        reads: Reads::Pods,
        sort: Some(SortBy::Gpu),
        key: |node| SortKey::Number(node.gpus_free().and_then(|free| Some(-i128::from(free.exact()?)))),
        filter: FilterMatch::Count(|node| Some(node.gpu()?.allocatable)),
        cell: Cell::Drawn(NodeFigure::Gpu),
        json: JsonField::Declared("accelerators"),
        ..Column::PLAIN
    },
    Column {
        name: "gpu-lost",
        header: "",
        gap: 1,
        width: Width::Fixed(4),
        rank: 2,
        shown: |given| given.devices,
        cell: Cell::Drawn(NodeFigure::GpuLost),
        ..Column::PLAIN
    },
    Column {
        name: "gpu-bar",
        header: "",
        gap: 1,
        width: Width::Fixed(8),
        rank: 8,
        shown: |given| given.devices,
        cell: Cell::Drawn(NodeFigure::GpuBar),
        ..Column::PLAIN
    },
    Column {
        name: "model",
        header: "MODEL",
        width: Width::Shrinking(8, 24),
        rank: 13,
        shown: |given| given.devices,
        filter: FilterMatch::Value(|node, test| test.holds(node.model().into_iter())),
        in_words: true,
        cell: Cell::Name(|row| row.model.filter(|model| !model.is_empty())),
        ..Column::PLAIN
    },
    // 7: `99% 59m`, the share and the age of figures that are stale.
    Column {
        name: "cpu-use",
        header: "CPU use",
        width: Width::Fixed(7),
        rank: 6,
        align: Align::Right,
        shown: |given| given.usage,
        reads: Reads::Usage,
        sort: Some(SortBy::CpuUsed),
        key: |node| SortKey::Number(order::share(node.used().and_then(|used| used.cpu_milli), node.cpu_milli().1)),
        filter: FilterMatch::Amount(|node| Some((milli(node.used()?.cpu_milli?), node.cpu_milli().1.map(milli)))),
        cell: Cell::Drawn(NodeFigure::CpuUsed),
        json: JsonField::Declared("usage"),
        ..Column::PLAIN
    },
    Column {
        name: "memory-use",
        header: "MEM use",
        width: Width::Fixed(7),
        rank: 7,
        aliases: &["mem-use"],
        align: Align::Right,
        shown: |given| given.usage,
        reads: Reads::Usage,
        sort: Some(SortBy::MemoryUsed),
        key: |node| {
            SortKey::Number(order::share(node.used().and_then(|used| used.memory_bytes), node.memory_bytes().1))
        },
        filter: FilterMatch::Amount(|node| Some((whole(node.used()?.memory_bytes?), node.memory_bytes().1.map(whole)))),
        cell: Cell::Drawn(NodeFigure::MemoryUsed),
        json: JsonField::Declared("usage"),
        ..Column::PLAIN
    },
    Column {
        name: "cpu",
        header: "CPU req",
        width: Width::Fixed(7),
        rank_by: Some(|given| if given.usage { 10 } else { 6 }),
        align: Align::Right,
        reads: Reads::Pods,
        sort: Some(SortBy::Cpu),
        key: |node| SortKey::Number(order::share(node.cpu_milli().0.any(), node.cpu_milli().1)),
        filter: FilterMatch::Amount(|node| Some((milli(node.cpu_milli().0.exact()?), node.cpu_milli().1.map(milli)))),
        cell: Cell::Drawn(NodeFigure::Cpu),
        ..Column::PLAIN
    },
    Column {
        name: "memory",
        header: "MEM req",
        width: Width::Fixed(7),
        rank_by: Some(|given| if given.usage { 11 } else { 7 }),
        aliases: &["mem"],
        align: Align::Right,
        reads: Reads::Pods,
        sort: Some(SortBy::Memory),
        key: |node| SortKey::Number(order::share(node.memory_bytes().0.any(), node.memory_bytes().1)),
        filter: FilterMatch::Amount(|node| {
            Some((whole(node.memory_bytes().0.exact()?), node.memory_bytes().1.map(whole)))
        }),
        cell: Cell::Drawn(NodeFigure::Memory),
        ..Column::PLAIN
    },
    // 60: `AcceleratedHardwareReady=False NvidiaDeviceCountMismatch` and a second condition in part.
    Column {
        name: "conditions",
        header: "CONDITIONS",
        width: Width::Shrinking(10, 60),
        rank_by: Some(|given| if given.conditions { 9 } else { 12 }),
        aliases: &["condition", "pressure"],
        filter: FilterMatch::Text(|node, text| has_condition(node.node, text)),
        cell: Cell::Made(|row| MadeCell { text: row.bad_conditions(), emphasis: Emphasis::Warn }),
        ..Column::PLAIN
    },
    Column {
        name: "ready-15m",
        header: "READY 15m",
        width: Width::Fixed(STRIP),
        rank: 14,
        cell: Cell::Drawn(NodeFigure::Ready),
        ..Column::PLAIN
    },
    Column {
        name: "roles",
        header: "ROLES",
        width: Width::Seen(5, 24),
        rank: 16,
        aliases: &["role"],
        filter: FilterMatch::Text(|node, text| contains(&node.node.roles, text)),
        in_words: true,
        cell: Cell::Name(|row| Some(&row.roles)),
        absent: Some("<none>"),
        json: JsonField::Declared("roles"),
        ..Column::PLAIN
    },
    Column {
        name: "version",
        header: "VERSION",
        width: Width::Seen(7, 20),
        rank: 15,
        sort: Some(SortBy::Version),
        key: |node| SortKey::Text(node.node.facts.system.kubelet.clone()),
        filter: FilterMatch::Text(|node, text| contains(&node.node.facts.system.kubelet, text)),
        in_words: true,
        cell: Cell::Text(|row| Some(&row.facts.system.kubelet)),
        json: JsonField::Declared("version"),
        ..Column::PLAIN
    },
    // 6: `7y364d`.
    Column {
        name: "age",
        header: "AGE",
        width: Width::Fixed(6),
        rank: 4,
        align: Align::Right,
        reads: Reads::Time,
        sort: Some(SortBy::Age),
        key: |node| SortKey::Number(node.node.facts.created().map(|created| -i128::from(created.as_second()))),
        filter: FilterMatch::Age(|node| node.age()),
        cell: Cell::Drawn(NodeFigure::Age),
        json: JsonField::Declared("created"),
        ..Column::PLAIN
    },
    Column {
        name: "address",
        header: "ADDRESS",
        width: Width::Seen(15, 39),
        rank: WIDE,
        aliases: &["ip"],
        filter: FilterMatch::Text(|node, text| contains(&node.node.facts.internal_ip(), text)),
        cell: Cell::Text(|row| Some(&row.internal_ip)),
        ..Column::PLAIN
    },
    Column {
        name: "os",
        header: "OS",
        width: Width::Seen(10, 30),
        rank: WIDE,
        filter: FilterMatch::Text(|node, text| contains(&node.node.facts.system.os_image, text)),
        cell: Cell::Text(|row| Some(&row.facts.system.os_image)),
        ..Column::PLAIN
    },
    Column {
        name: "kernel",
        header: "KERNEL",
        width: Width::Seen(10, 30),
        rank: WIDE,
        filter: FilterMatch::Text(|node, text| contains(&node.node.facts.system.kernel, text)),
        cell: Cell::Text(|row| Some(&row.facts.system.kernel)),
        ..Column::PLAIN
    },
    Column {
        name: "runtime",
        header: "RUNTIME",
        width: Width::Seen(10, 30),
        rank: WIDE,
        filter: FilterMatch::Text(|node, text| contains(&node.node.facts.system.runtime, text)),
        cell: Cell::Text(|row| Some(&row.facts.system.runtime)),
        ..Column::PLAIN
    },
];

/// Terms of a filter that are not columns of the table.
const TERMS: &[(&str, FilterMatch<Nodes>, Reads)] = &[
    ("taint", FilterMatch::Text(|node, text| any_taint(node, text)), Reads::Row),
    ("label", FilterMatch::Label(|node, key, value| has_label(node, key, value)), Reads::Row),
    ("pool", FilterMatch::Value(|node, test| test.holds(node.node.pool().map(Clean::as_str).into_iter())), Reads::Row),
    (
        "resource",
        FilterMatch::Value(|node, test| test.holds(node.node.devices.iter().map(|devices| &*devices.resource))),
        Reads::Row,
    ),
    ("problem", FilterMatch::Text(|node, text| node.problem_words().any(|word| starts_with(word, text))), Reads::Row),
    ("free", FilterMatch::Count(|node| node.gpus_free()?.exact()), Reads::Pods),
];

impl SortBy {
    /// Returns `true` if the order depends on pods.
    pub(crate) fn needs_pods(self) -> bool {
        Column::<Nodes>::of_sort(self).is_some_and(|column| column.reads == Reads::Pods)
    }

    /// Returns `true` if the order depends on the usage of nodes.
    pub(crate) fn needs_usage(self) -> bool {
        Column::<Nodes>::of_sort(self).is_some_and(|column| column.reads == Reads::Usage)
    }
}

/// Returns `true` if a bad condition of the node, or what it says of devices, contains the text.
fn has_condition(node: &Node, text: &str) -> bool {
    let mut bad = node.pressures().peekable();
    bad.peek().is_some() && contains(&device_conditions::labels(&node.facts.conditions, bad), text)
}

fn has_label(node: &JoinedNode<'_>, key: &str, value: Option<&str>) -> bool {
    match (node.node.facts.label(key), value) {
        (Some(found), Some(value)) => **found == *value,
        (found, None) => found.is_some(),
        (None, Some(_)) => false,
    }
}

fn any_taint(node: &JoinedNode<'_>, text: &str) -> bool {
    node.node.facts.taints.iter().any(|taint| {
        let spelled = if taint.value.is_empty() {
            format!("{}:{}", taint.key, taint.effect)
        } else {
            format!("{}={}:{}", taint.key, taint.value, taint.effect)
        };
        contains(&spelled, text)
    })
}

fn whole(amount: i64) -> Quantity {
    Quantity::whole(amount)
}

fn milli(milli: i64) -> Quantity {
    Quantity::from_nano(i128::from(milli) * 1_000_000)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_name_means_two_columns_and_each_sort_has_one_column() {
        let mut names = HashSet::new();
        for name in COLUMNS.iter().flat_map(|c| c.aliases.iter().chain([&c.name])) {
            assert!(names.insert(*name), "`{name}` is there twice");
        }
        let sorts: Vec<_> = COLUMNS.iter().filter_map(|column| column.sort).collect();
        assert_eq!(sorts.iter().collect::<HashSet<_>>().len(), sorts.len());
        assert_eq!(sorts.len(), 10, "every `SortBy` has its column");
    }

    #[test]
    fn widths_are_possible() {
        for column in COLUMNS {
            if let Width::Seen(least, most) | Width::Shrinking(least, most) = column.width {
                assert!(least <= most && column.header.len() <= most, "{}", column.name);
            }
        }
    }
}
