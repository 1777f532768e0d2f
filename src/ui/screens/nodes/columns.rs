//! The columns of the node table on the screen: which ones give way first, and how wide they are. What they are called
//! and sorted by is in the one table of columns, [`crate::model::table::COLUMNS`].

use crate::ui::widgets::grid::{ColumnSpec, Placed, Sorted, Width, WidthMemory};
use crate::ui::widgets::text::columns;

use crate::model::derive::history::STRIP;
use crate::model::derive::rows::NodeRow;
use crate::model::table::{Align, COLUMNS as DECLARED, Column as Declared, SortBy};

/// A column of the node table, in the order in which they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ui) enum NodeColumn {
    Name,
    Status,
    Pods,
    PodBar,
    Gpu,
    GpuLost,
    GpuBar,
    Model,
    CpuUsed,
    MemoryUsed,
    Cpu,
    Memory,
    Pressure,
    Ready,
    Roles,
    Version,
    Age,
    InternalIp,
    Os,
    Kernel,
    Runtime,
}

/// Only with the extra columns.
const EXTRA: u8 = 255;

/// Longest name that an object can have: `metadata.name`, a DNS subdomain.
const LONGEST_NAME: usize = 253;

/// The columns while the usage of nodes is seen.
const WITH_USAGE: [ColumnSpec<NodeColumn>; 21] = all([6, 7, 9, 10]);

/// And while it is not: what is requested has its place.
const WITHOUT_USAGE: [ColumnSpec<NodeColumn>; 21] = all([EXTRA, EXTRA, 6, 7]);

/// 60 columns show NAME STATUS GPU, 80 also PODS and AGE; CPU and memory used and requested give way by these ranks.
const fn all([cpu_used, memory_used, cpu, memory]: [u8; 4]) -> [ColumnSpec<NodeColumn>; 21] {
    [
        sized(NodeColumn::Name, "name", Width::Seen(12, LONGEST_NAME), 0),
        sized(NodeColumn::Status, "status", Width::Stepped([18, 26, 26]), 1),
        // 8: `≥110/110`; kubelet's default is 110 pods.
        sized(NodeColumn::Pods, "pods", Width::Fixed(8), 3),
        ColumnSpec::new(NodeColumn::PodBar, "", Width::Fixed(4), 5).glued(),
        // 9: `≥16/16/16`; 11: three numbers of three digits. The title starts on the left and reaches over glued columns.
        sized(NodeColumn::Gpu, "gpu", Width::Stepped([9, 11, 11]), 2).left(),
        ColumnSpec::new(NodeColumn::GpuLost, "", Width::Fixed(4), 2).glued(),
        ColumnSpec::new(NodeColumn::GpuBar, "", Width::Fixed(8), 8).glued(),
        grown(NodeColumn::Model, "model", 12),
        // 7: `99% 59m`, the share and the age of figures that are stale.
        sized(NodeColumn::CpuUsed, "cpu-use", Width::Fixed(7), cpu_used),
        sized(NodeColumn::MemoryUsed, "memory-use", Width::Fixed(7), memory_used),
        sized(NodeColumn::Cpu, "cpu", Width::Fixed(7), cpu),
        sized(NodeColumn::Memory, "memory", Width::Fixed(7), memory),
        sized(NodeColumn::Pressure, "pressure", Width::Fixed(10), 11),
        sized(NodeColumn::Ready, "ready-15m", Width::Fixed(STRIP), 13),
        grown(NodeColumn::Roles, "roles", 15),
        grown(NodeColumn::Version, "version", 14),
        // 6: `7y364d`.
        sized(NodeColumn::Age, "age", Width::Fixed(6), 4),
        grown(NodeColumn::InternalIp, "address", EXTRA),
        grown(NodeColumn::Os, "os", EXTRA),
        grown(NodeColumn::Kernel, "kernel", EXTRA),
        grown(NodeColumn::Runtime, "runtime", EXTRA),
    ]
}

/// A column of the one table; a name that is not in it does not compile.
const fn declared(name: &str) -> &'static Declared {
    let mut place = 0;
    while place < DECLARED.len() && !same(DECLARED[place].name, name) {
        place += 1;
    }
    &DECLARED[place]
}

/// `==` of texts is not const yet.
const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

/// A column with a width of its own.
const fn sized(column: NodeColumn, name: &str, width: Width, rank: u8) -> ColumnSpec<NodeColumn> {
    let declared = declared(name);
    let right = matches!(declared.align, Align::Right);
    let rank = if declared.wide { EXTRA } else { rank };
    ColumnSpec { right, sort: declared.sort, ..ColumnSpec::new(column, declared.header, width, rank) }
}

/// A column as wide as its values, within the bounds of the one table.
const fn grown(column: NodeColumn, name: &str, rank: u8) -> ColumnSpec<NodeColumn> {
    let (least, most) = (declared(name).min_width as usize, declared(name).max_width as usize);
    sized(column, name, Width::Seen(least, most), rank)
}

/// What decides which columns there are.
#[derive(Clone, Copy, Debug)]
pub(in crate::ui) struct Wanted {
    /// Columns on the screen.
    pub(in crate::ui) width: usize,
    /// The extra columns.
    pub(in crate::ui) wide: bool,
    /// The cluster has devices, or may have.
    pub(in crate::ui) gpu: bool,
    /// The usage of nodes is seen.
    pub(in crate::ui) usage: bool,
}

/// The columns for these rows; `seen` keeps widths from frame to frame.
pub(in crate::ui) fn place(seen: &mut WidthMemory, rows: &[NodeRow<'_>], wanted: Wanted) -> Vec<Placed<NodeColumn>> {
    let columns_of = if wanted.usage { &WITH_USAGE } else { &WITHOUT_USAGE };
    seen.grow(columns_of, |column| rows.iter().filter_map(|row| text(column, row)).map(columns).max().unwrap_or(0));
    seen.place(columns_of, wanted.width, |spec| {
        let devices =
            matches!(spec.column, NodeColumn::Gpu | NodeColumn::GpuLost | NodeColumn::GpuBar | NodeColumn::Model);
        let used = matches!(spec.column, NodeColumn::CpuUsed | NodeColumn::MemoryUsed);
        (wanted.wide || spec.rank != EXTRA) && (wanted.gpu || !devices) && (wanted.usage || !used)
    })
}

/// The order of the rows, whether its column is placed or not.
pub(in crate::ui) fn sorted(sort: (SortBy, bool), placed: &[Placed<NodeColumn>]) -> Sorted {
    Sorted::new(sort, &WITH_USAGE, placed)
}

/// At this width the wide table has a column more than the other.
pub(in crate::ui) fn has_wide_room(seen: &mut WidthMemory, rows: &[NodeRow<'_>], wanted: Wanted) -> bool {
    let extra = |placed: &Placed<NodeColumn>| {
        matches!(placed.column, NodeColumn::InternalIp | NodeColumn::Os | NodeColumn::Kernel | NodeColumn::Runtime)
    };
    place(seen, rows, Wanted { wide: true, ..wanted }).iter().any(extra)
}

/// The text of the columns whose width follows their values.
pub(in crate::ui) fn text<'a>(column: NodeColumn, row: &'a NodeRow<'_>) -> Option<&'a str> {
    Some(match column {
        NodeColumn::Name => &row.facts.name,
        NodeColumn::Model => row.model?,
        NodeColumn::Roles => &row.roles,
        NodeColumn::Version => &row.facts.system.kubelet,
        NodeColumn::InternalIp => &row.internal_ip,
        NodeColumn::Os => &row.facts.system.os_image,
        NodeColumn::Kernel => &row.facts.system.kernel,
        NodeColumn::Runtime => &row.facts.system.runtime,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::node::NodeFacts;
    use crate::model::store::nodes::PackedFacts;
    use crate::ui::fixture::Fleet;

    fn shown(width: usize, wide: bool, gpu: bool) -> Vec<NodeColumn> {
        let fleet = Fleet::reference();
        let placed = place(&mut WidthMemory::default(), &fleet.rows(0..20), Wanted { width, wide, gpu, usage: false });
        placed.iter().map(|placed| placed.column).collect()
    }

    #[test]
    fn columns_give_way_by_rank_and_the_name_never_does() {
        use NodeColumn::{Age, Gpu, GpuLost, Name, PodBar, Pods, Status};
        assert_eq!(shown(60, false, true), [Name, Status, Gpu, GpuLost]);
        assert_eq!(shown(80, false, true), [Name, Status, Pods, PodBar, Gpu, GpuLost, Age]);
        assert_eq!(shown(10, false, true), [Name]);
        assert_eq!(shown(210, false, true).len(), 15, "everything but the extra columns");
        assert_eq!(shown(300, true, true).len(), 19);
        assert!(!shown(300, true, false).contains(&Gpu), "a cluster without devices has no column for them");
    }

    #[test]
    fn columns_never_overlap_or_leave_the_table() {
        let fleet = Fleet::reference();
        for width in 0..320 {
            let placed = place(
                &mut WidthMemory::default(),
                &fleet.rows(0..20),
                Wanted { width, wide: true, gpu: true, usage: true },
            );
            assert!(placed.windows(2).all(|two| two[0].at + two[0].width < two[1].at), "{width}");
            assert!(placed.last().is_none_or(|last| last.at + last.width <= width.max(1)), "{width}");
            assert_eq!(placed.first().map(|first| first.column), Some(NodeColumn::Name), "{width}");
        }
    }

    #[test]
    fn a_narrower_value_moves_no_column_but_a_much_narrower_name_does() {
        let fleet = Fleet::reference();
        let mut seen = WidthMemory::default();
        let mut width = |name: &str| {
            let facts = PackedFacts::from(&NodeFacts { name: name.into(), ..Default::default() });
            let mut rows = fleet.rows(0..1);
            rows[0].facts = &facts;
            place(&mut seen, &rows, Wanted { width: 200, wide: false, gpu: true, usage: true })[0].width
        };
        assert_eq!(width("ip-10-0-12-34.eu-central-1.compute.internal"), 43);
        assert_eq!(width("ip-10-0-12-34.ec2.internal"), 43);
        assert_eq!(width("n1"), 12);
        assert_eq!(width(&"n".repeat(400)), 99, "a long name has half of the table");
    }
}
