//! The one table of columns of nodes: a column is one row of it, with its heading, its width, the rank in which it gives way, its
//! cell, its sort, its filter and its JSON field.
//!
//! To add one, add its row: `sort: Some(SortBy::Column("name"))` with a `key` to sort by it, a [`NodeCell`] that makes its text, and
//! [`JsonField::Made`] for a field of its own in the JSON snapshot.

use super::SortBy;
use super::column::{Align, Column, Figure, FilterMatch, JsonField, NodeCell, PLAIN, Reads, Shown, WIDE, Width};
use super::matching::{contains, starts_with};
use super::order::{self, SortKey};
use crate::facts::quantity::Quantity;
use crate::model::derive::history::STRIP;
use crate::model::derive::joined_node::JoinedNode;

/// Longest name that an object can have: `metadata.name`, a DNS subdomain.
const LONGEST_NAME: usize = 253;

/// The columns, in the order in which they stand. 60 cells show NAME STATUS GPU, 80 also PODS and AGE.
pub const COLUMNS: &[Column] = &[
    Column {
        name: "name",
        header: "NAME",
        width: Width::Seen(12, LONGEST_NAME),
        rank: 0,
        rank_without_usage: 0,
        sort: Some(SortBy::Name),
        filter: FilterMatch::Text(|node, text| contains(&node.node.facts.name, text)),
        in_words: true,
        cell: NodeCell::Name(|row| Some(&row.facts.name)),
        json: JsonField::Declared("name"),
        ..PLAIN
    },
    Column {
        name: "status",
        header: "STATUS",
        width: Width::Stepped([18, 26, 26]),
        rank: 1,
        rank_without_usage: 1,
        sort: Some(SortBy::Status),
        key: |node| SortKey::Number(Some(order::status_rank(node))),
        filter: FilterMatch::Text(|node, text| node.status_words().any(|word| starts_with(word, text))),
        in_words: true,
        cell: NodeCell::Drawn(Figure::Status),
        json: JsonField::Declared("status"),
        ..PLAIN
    },
    // 8: `≥110/110`; kubelet's default is 110 pods.
    Column {
        name: "pods",
        header: "PODS",
        width: Width::Fixed(8),
        rank: 3,
        rank_without_usage: 3,
        align: Align::Right,
        reads: Reads::Pods,
        sort: Some(SortBy::Pods),
        key: |node| {
            SortKey::Number(order::share(node.pods().any().map(i64::from), node.node.pods_allocatable.map(i64::from)))
        },
        filter: FilterMatch::Amount(|node| {
            Some((whole(node.pods().exact()?.into()), node.node.pods_allocatable.map(|pods| whole(pods.into()))))
        }),
        cell: NodeCell::Drawn(Figure::Pods),
        json: JsonField::Declared("pods"),
        ..PLAIN
    },
    Column {
        name: "pod-bar",
        header: "",
        width: Width::Fixed(4),
        rank: 5,
        rank_without_usage: 5,
        cell: NodeCell::Drawn(Figure::PodBar),
        ..PLAIN
    },
    // 9: `≥16/16/16`; 11: three numbers of three digits. The heading starts on the left and reaches over the next two. Nodes that
    // take no pods have none free, and come after those with devices.
    Column {
        name: "gpu",
        header: "GPU req/alloc/cap",
        width: Width::Stepped([9, 11, 11]),
        rank: 2,
        rank_without_usage: 2,
        aliases: &["gpus"],
        shown: Shown::WithDevices,
        reads: Reads::Pods,
        sort: Some(SortBy::Gpu),
        key: |node| SortKey::Number(node.gpus_free().and_then(|free| Some(-i128::from(free.exact()?)))),
        filter: FilterMatch::Devices(|node| Some(node.gpu()?.allocatable)),
        cell: NodeCell::Drawn(Figure::Gpu),
        json: JsonField::Declared("accelerators"),
        ..PLAIN
    },
    Column {
        name: "gpu-lost",
        header: "",
        width: Width::Fixed(4),
        rank: 2,
        rank_without_usage: 2,
        shown: Shown::WithDevices,
        cell: NodeCell::Drawn(Figure::GpuLost),
        ..PLAIN
    },
    Column {
        name: "gpu-bar",
        header: "",
        width: Width::Fixed(8),
        rank: 8,
        rank_without_usage: 8,
        shown: Shown::WithDevices,
        cell: NodeCell::Drawn(Figure::GpuBar),
        ..PLAIN
    },
    Column {
        name: "model",
        header: "MODEL",
        width: Width::Seen(8, 24),
        rank: 12,
        rank_without_usage: 12,
        shown: Shown::WithDevices,
        filter: FilterMatch::Text(|node, text| node.model().is_some_and(|model| contains(model, text))),
        in_words: true,
        cell: NodeCell::Name(|row| row.model.filter(|model| !model.is_empty())),
        ..PLAIN
    },
    // 7: `99% 59m`, the share and the age of figures that are stale.
    Column {
        name: "cpu-use",
        header: "CPU use",
        width: Width::Fixed(7),
        rank: 6,
        rank_without_usage: WIDE,
        align: Align::Right,
        shown: Shown::WithUsage,
        reads: Reads::Usage,
        sort: Some(SortBy::CpuUsed),
        key: |node| SortKey::Number(order::share(node.used().and_then(|used| used.cpu_milli), node.cpu_milli().1)),
        filter: FilterMatch::Amount(|node| Some((milli(node.used()?.cpu_milli?), node.cpu_milli().1.map(milli)))),
        cell: NodeCell::Drawn(Figure::CpuUsed),
        json: JsonField::Declared("usage"),
        ..PLAIN
    },
    Column {
        name: "memory-use",
        header: "MEM use",
        width: Width::Fixed(7),
        rank: 7,
        rank_without_usage: WIDE,
        aliases: &["mem-use"],
        align: Align::Right,
        shown: Shown::WithUsage,
        reads: Reads::Usage,
        sort: Some(SortBy::MemoryUsed),
        key: |node| {
            SortKey::Number(order::share(node.used().and_then(|used| used.memory_bytes), node.memory_bytes().1))
        },
        filter: FilterMatch::Amount(|node| Some((whole(node.used()?.memory_bytes?), node.memory_bytes().1.map(whole)))),
        cell: NodeCell::Drawn(Figure::MemoryUsed),
        json: JsonField::Declared("usage"),
        ..PLAIN
    },
    Column {
        name: "cpu",
        header: "CPU req",
        width: Width::Fixed(7),
        rank: 9,
        rank_without_usage: 6,
        align: Align::Right,
        reads: Reads::Pods,
        sort: Some(SortBy::Cpu),
        key: |node| SortKey::Number(order::share(node.cpu_milli().0.any(), node.cpu_milli().1)),
        filter: FilterMatch::Amount(|node| Some((milli(node.cpu_milli().0.exact()?), node.cpu_milli().1.map(milli)))),
        cell: NodeCell::Drawn(Figure::Cpu),
        ..PLAIN
    },
    Column {
        name: "memory",
        header: "MEM req",
        width: Width::Fixed(7),
        rank: 10,
        rank_without_usage: 7,
        aliases: &["mem"],
        align: Align::Right,
        reads: Reads::Pods,
        sort: Some(SortBy::Memory),
        key: |node| SortKey::Number(order::share(node.memory_bytes().0.any(), node.memory_bytes().1)),
        filter: FilterMatch::Amount(|node| {
            Some((whole(node.memory_bytes().0.exact()?), node.memory_bytes().1.map(whole)))
        }),
        cell: NodeCell::Drawn(Figure::Memory),
        ..PLAIN
    },
    Column {
        name: "pressure",
        header: "PRESSURE",
        width: Width::Fixed(10),
        rank: 11,
        rank_without_usage: 11,
        aliases: &["conditions"],
        filter: FilterMatch::Text(|node, text| node.node.pressures().any(|kind| contains(kind, text))),
        cell: NodeCell::Drawn(Figure::Pressure),
        ..PLAIN
    },
    Column {
        name: "ready-15m",
        header: "READY 15m",
        width: Width::Fixed(STRIP),
        rank: 13,
        rank_without_usage: 13,
        cell: NodeCell::Drawn(Figure::Ready),
        ..PLAIN
    },
    Column {
        name: "roles",
        header: "ROLES",
        width: Width::Seen(5, 24),
        rank: 15,
        rank_without_usage: 15,
        aliases: &["role"],
        filter: FilterMatch::Text(|node, text| contains(&node.node.roles, text)),
        in_words: true,
        cell: NodeCell::Name(|row| Some(&row.roles)),
        absent: Some("<none>"),
        json: JsonField::Declared("roles"),
        ..PLAIN
    },
    Column {
        name: "version",
        header: "VERSION",
        width: Width::Seen(7, 20),
        rank: 14,
        rank_without_usage: 14,
        sort: Some(SortBy::Version),
        key: |node| SortKey::Text(node.node.facts.system.kubelet.clone()),
        filter: FilterMatch::Text(|node, text| contains(&node.node.facts.system.kubelet, text)),
        in_words: true,
        cell: NodeCell::Text(|row| Some(&row.facts.system.kubelet)),
        json: JsonField::Declared("version"),
        ..PLAIN
    },
    // 6: `7y364d`.
    Column {
        name: "age",
        header: "AGE",
        width: Width::Fixed(6),
        rank: 4,
        rank_without_usage: 4,
        align: Align::Right,
        reads: Reads::Time,
        sort: Some(SortBy::Age),
        key: |node| SortKey::Number(node.node.facts.created().map(|created| -i128::from(created.as_second()))),
        filter: FilterMatch::Age,
        cell: NodeCell::Drawn(Figure::Age),
        json: JsonField::Declared("created"),
        ..PLAIN
    },
    Column {
        name: "address",
        header: "ADDRESS",
        width: Width::Seen(15, 39),
        rank: WIDE,
        rank_without_usage: WIDE,
        aliases: &["ip"],
        filter: FilterMatch::Text(|node, text| contains(&node.node.facts.internal_ip(), text)),
        cell: NodeCell::Text(|row| Some(&row.internal_ip)),
        ..PLAIN
    },
    Column {
        name: "os",
        header: "OS",
        width: Width::Seen(10, 30),
        rank: WIDE,
        rank_without_usage: WIDE,
        filter: FilterMatch::Text(|node, text| contains(&node.node.facts.system.os_image, text)),
        cell: NodeCell::Text(|row| Some(&row.facts.system.os_image)),
        ..PLAIN
    },
    Column {
        name: "kernel",
        header: "KERNEL",
        width: Width::Seen(10, 30),
        rank: WIDE,
        rank_without_usage: WIDE,
        filter: FilterMatch::Text(|node, text| contains(&node.node.facts.system.kernel, text)),
        cell: NodeCell::Text(|row| Some(&row.facts.system.kernel)),
        ..PLAIN
    },
    Column {
        name: "runtime",
        header: "RUNTIME",
        width: Width::Seen(10, 30),
        rank: WIDE,
        rank_without_usage: WIDE,
        filter: FilterMatch::Text(|node, text| contains(&node.node.facts.system.runtime, text)),
        cell: NodeCell::Text(|row| Some(&row.facts.system.runtime)),
        ..PLAIN
    },
];

/// Terms of a filter that are no column of the table.
const EXTRA_TERMS: &[(&str, FilterMatch, Reads)] = &[
    ("taint", FilterMatch::Text(any_taint), Reads::Node),
    ("label", FilterMatch::Label, Reads::Node),
    ("free", FilterMatch::Devices(|node| node.gpus_free()?.exact()), Reads::Pods),
];

impl SortBy {
    /// Returns `true` if pods change this order.
    pub(crate) fn needs_pods(self) -> bool {
        sorted_by(self).is_some_and(|column| column.reads == Reads::Pods)
    }

    /// Returns `true` if the usage of nodes changes this order.
    pub(crate) fn needs_usage(self) -> bool {
        sorted_by(self).is_some_and(|column| column.reads == Reads::Usage)
    }
}

/// Function that reads the key of a row. Smaller keys come first in the column's own direction: worst, fullest, youngest.
pub(crate) fn sort_key(sort: SortBy) -> fn(&JoinedNode<'_>) -> SortKey {
    sorted_by(sort).map_or(|_| SortKey::Name, |column| column.key)
}

/// The column of a sort; `None` for one that only pods have.
fn sorted_by(sort: SortBy) -> Option<&'static Column> {
    COLUMNS.iter().find(|column| column.sort == Some(sort))
}

/// Meaning of a filter's `name:` or `name<`, and the source of the values that it looks at.
pub(super) fn term(name: &str) -> Option<(FilterMatch, Reads)> {
    let known = |column: &&Column| !column.is_glued() && (column.name == name || column.aliases.contains(&name));
    let extra = || EXTRA_TERMS.iter().find(|(known, ..)| *known == name).map(|(_, how, reads)| (*how, *reads));
    COLUMNS.iter().find(known).map(|column| (column.filter, column.reads)).or_else(extra)
}

/// Names of the columns that a filter can look in.
pub(super) fn terms() -> Vec<&'static str> {
    let is_searched = |column: &&Column| !column.is_glued() && !matches!(column.filter, FilterMatch::No);
    let named = COLUMNS.iter().filter(is_searched).map(|column| column.name);
    named.chain(EXTRA_TERMS.iter().map(|(name, ..)| *name)).collect()
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
            if let Width::Seen(least, most) = column.width {
                assert!(least <= most && column.header.len() <= most, "{}", column.name);
            }
        }
    }
}
