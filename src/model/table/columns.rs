//! The one table of columns: names, headers, widths, sorting, filtering and JSON fields come from here.

use super::SortBy;

/// A column of the node table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name in filters and in the configuration; lower case.
    pub name: &'static str,
    /// Other names that a filter may use.
    pub aliases: &'static [&'static str],
    /// Its heading.
    pub header: &'static str,
    /// Narrower than this many cells it says nothing and gives way.
    pub min_width: u16,
    /// Wider than this many cells it only wastes room.
    pub max_width: u16,
    /// Numbers stand right.
    pub align: Align,
    /// Shown only when the extra columns are wanted.
    pub wide: bool,
    /// What a sort by this column is; `None` if that means nothing.
    pub sort: Option<SortBy>,
    /// How a filter term on this column is understood.
    pub filter: FilterMatch,
    /// Where the value stands in an item of the JSON snapshot; empty if it is not there.
    pub json: &'static str,
}

/// On which side a column's values stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// How a filter term on a column is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterMatch {
    /// `column:text`.
    Text(Matched),
    /// `column<8`, `column>=90%`.
    Number(Compared),
    /// Not at all.
    No,
}

/// Texts of a node that a filter looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matched {
    /// Its name: any part of it.
    Name,
    /// Its status: the beginning of a word, so that `ready` is not `NotReady`.
    Status,
    /// Its roles: any part of them.
    Role,
    /// The accelerator's model: any part of it.
    Model,
    /// The kubelet's version: any part of it.
    Version,
    /// A taint: any part of `key=value:effect`.
    Taint,
    /// A label: `key`, or `key=value`.
    Label,
    /// A bad condition: any part of its type.
    Pressure,
    /// Its address: any part of it.
    Address,
    /// Operating system: any part of it.
    Os,
    /// Kernel: any part of it.
    Kernel,
    /// Container runtime: any part of it.
    Runtime,
}

/// Numbers of a node that a filter compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// Whole devices, allocatable.
    Gpu,
    /// Whole devices that a pod could have.
    Free,
    /// Bound pods; with `%` of `allocatable.pods`.
    Pods,
    /// Cores requested; with `%` of allocatable.
    Cpu,
    /// Bytes requested; with `%` of allocatable.
    Memory,
    /// Cores used; with `%` of allocatable.
    CpuUsed,
    /// Bytes used; with `%` of allocatable.
    MemoryUsed,
    /// Time since creation.
    Age,
}

/// The columns, in the order in which they stand.
pub const COLUMNS: &[Column] = &[
    Column {
        aliases: &[],
        max_width: 63,
        align: Align::Left,
        sort: Some(SortBy::Name),
        filter: FilterMatch::Text(Matched::Name),
        json: "name",
        ..column("name", "NAME", 12)
    },
    Column {
        max_width: 34,
        align: Align::Left,
        sort: Some(SortBy::Status),
        filter: FilterMatch::Text(Matched::Status),
        json: "status",
        ..column("status", "STATUS", 10)
    },
    Column {
        aliases: &["role"],
        max_width: 24,
        align: Align::Left,
        filter: FilterMatch::Text(Matched::Role),
        json: "roles",
        ..column("roles", "ROLES", 5)
    },
    Column {
        max_width: 14,
        sort: Some(SortBy::Pods),
        filter: FilterMatch::Number(Compared::Pods),
        json: "pods",
        ..column("pods", "PODS", 7)
    },
    Column {
        aliases: &["gpus"],
        max_width: 18,
        sort: Some(SortBy::Gpu),
        filter: FilterMatch::Number(Compared::Gpu),
        json: "accelerators",
        ..column("gpu", "GPU req/ok/cap", 10)
    },
    Column {
        max_width: 24,
        align: Align::Left,
        filter: FilterMatch::Text(Matched::Model),
        ..column("model", "MODEL", 8)
    },
    Column {
        sort: Some(SortBy::CpuUsed),
        filter: FilterMatch::Number(Compared::CpuUsed),
        json: "usage",
        ..column("cpu-use", "CPU use", 7)
    },
    Column {
        aliases: &["mem-use"],
        sort: Some(SortBy::MemoryUsed),
        filter: FilterMatch::Number(Compared::MemoryUsed),
        json: "usage",
        ..column("memory-use", "MEM use", 7)
    },
    Column { sort: Some(SortBy::Cpu), filter: FilterMatch::Number(Compared::Cpu), ..column("cpu", "CPU req", 7) },
    Column {
        aliases: &["mem"],
        sort: Some(SortBy::Memory),
        filter: FilterMatch::Number(Compared::Memory),
        ..column("memory", "MEM req", 7)
    },
    Column {
        max_width: 30,
        align: Align::Left,
        aliases: &["conditions"],
        filter: FilterMatch::Text(Matched::Pressure),
        ..column("pressure", "PRESSURE", 8)
    },
    Column { align: Align::Left, ..column("ready-15m", "READY 15m", 15) },
    Column {
        max_width: 20,
        align: Align::Left,
        sort: Some(SortBy::Version),
        filter: FilterMatch::Text(Matched::Version),
        ..column("version", "VERSION", 7)
    },
    Column { sort: Some(SortBy::Age), filter: FilterMatch::Number(Compared::Age), ..column("age", "AGE", 5) },
    Column {
        aliases: &["ip"],
        max_width: 39,
        align: Align::Left,
        wide: true,
        filter: FilterMatch::Text(Matched::Address),
        ..column("address", "ADDRESS", 15)
    },
    Column {
        max_width: 30,
        align: Align::Left,
        wide: true,
        filter: FilterMatch::Text(Matched::Os),
        ..column("os", "OS", 10)
    },
    Column {
        max_width: 30,
        align: Align::Left,
        wide: true,
        filter: FilterMatch::Text(Matched::Kernel),
        ..column("kernel", "KERNEL", 10)
    },
    Column {
        max_width: 30,
        align: Align::Left,
        wide: true,
        filter: FilterMatch::Text(Matched::Runtime),
        ..column("runtime", "RUNTIME", 10)
    },
];

/// Terms of a filter that are no column of the table.
pub(super) const EXTRA_TERMS: &[(&str, FilterMatch)] = &[
    ("taint", FilterMatch::Text(Matched::Taint)),
    ("label", FilterMatch::Text(Matched::Label)),
    ("free", FilterMatch::Number(Compared::Free)),
];

/// What most columns have in common.
const fn column(name: &'static str, header: &'static str, min_width: u16) -> Column {
    Column {
        name,
        aliases: &[],
        header,
        min_width,
        max_width: min_width,
        align: Align::Right,
        wide: false,
        sort: None,
        filter: FilterMatch::No,
        json: "",
    }
}

/// What a filter's `name:` or `name<` means.
pub(super) fn term(name: &str) -> Option<FilterMatch> {
    let column = COLUMNS.iter().find(|column| column.name == name || column.aliases.contains(&name));
    let extra = || EXTRA_TERMS.iter().find(|(known, _)| *known == name).map(|(_, how)| *how);
    column.map(|column| column.filter).or_else(extra)
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
            assert!(column.min_width <= column.max_width, "{}", column.name);
            assert!(column.header.len() <= usize::from(column.max_width), "{}", column.name);
        }
    }
}
