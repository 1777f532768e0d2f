//! The columns of the node table on the screen: which ones give way first, and how wide they are. What they are called
//! and sorted by is in the one table of columns, [`crate::model::rows::COLUMNS`].

use super::grid::{Placed, Seen, Sorted, Spec, Width};
use super::text::columns;

use crate::model::history::STRIP;
use crate::model::rows::{Align, COLUMNS as DECLARED, Column as Declared, NodeRow, SortBy};

/// A column of the node table, in the order in which they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
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
const WITH_USAGE: [Spec<Column>; 21] = all([6, 7, 9, 10]);

/// And while it is not: what is requested has its place.
const WITHOUT_USAGE: [Spec<Column>; 21] = all([EXTRA, EXTRA, 6, 7]);

/// 60 columns show NAME STATUS GPU, 80 also PODS and AGE; CPU and memory used and requested give way by these ranks.
const fn all([cpu_used, memory_used, cpu, memory]: [u8; 4]) -> [Spec<Column>; 21] {
    [
        sized(Column::Name, "name", Width::Seen(12, LONGEST_NAME), 0),
        sized(Column::Status, "status", Width::Stepped([18, 26, 26]), 1),
        // 8: `≥110/110`; kubelet's default is 110 pods.
        sized(Column::Pods, "pods", Width::Fixed(8), 3),
        Spec::new(Column::PodBar, "", Width::Fixed(4), 5).glued(),
        // 9: `≥16/16/16`; 11: three numbers of three digits. The title starts on the left and reaches over glued columns.
        sized(Column::Gpu, "gpu", Width::Stepped([9, 11, 11]), 2).left(),
        Spec::new(Column::GpuLost, "", Width::Fixed(4), 2).glued(),
        Spec::new(Column::GpuBar, "", Width::Fixed(8), 8).glued(),
        grown(Column::Model, "model", 12),
        // 7: `99% 59m`, the share and the age of figures that are stale.
        sized(Column::CpuUsed, "cpu-use", Width::Fixed(7), cpu_used),
        sized(Column::MemoryUsed, "memory-use", Width::Fixed(7), memory_used),
        sized(Column::Cpu, "cpu", Width::Fixed(7), cpu),
        sized(Column::Memory, "memory", Width::Fixed(7), memory),
        sized(Column::Pressure, "pressure", Width::Fixed(10), 11),
        sized(Column::Ready, "ready-15m", Width::Fixed(STRIP), 13),
        grown(Column::Roles, "roles", 15),
        grown(Column::Version, "version", 14),
        // 6: `7y364d`.
        sized(Column::Age, "age", Width::Fixed(6), 4),
        grown(Column::InternalIp, "address", EXTRA),
        grown(Column::Os, "os", EXTRA),
        grown(Column::Kernel, "kernel", EXTRA),
        grown(Column::Runtime, "runtime", EXTRA),
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
const fn sized(column: Column, name: &str, width: Width, rank: u8) -> Spec<Column> {
    let declared = declared(name);
    let right = matches!(declared.align, Align::Right);
    let rank = if declared.wide { EXTRA } else { rank };
    Spec { right, sort: declared.sort, ..Spec::new(column, declared.header, width, rank) }
}

/// A column as wide as its values, within the bounds of the one table.
const fn grown(column: Column, name: &str, rank: u8) -> Spec<Column> {
    let (least, most) = (declared(name).min_width as usize, declared(name).max_width as usize);
    sized(column, name, Width::Seen(least, most), rank)
}

/// What decides which columns there are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    /// Columns on the screen.
    pub(super) width: usize,
    /// The extra columns.
    pub(super) wide: bool,
    /// The cluster has devices, or may have.
    pub(super) gpu: bool,
    /// The usage of nodes is seen.
    pub(super) usage: bool,
}

/// The columns for these rows; `seen` keeps widths from frame to frame.
pub(super) fn place(seen: &mut Seen, rows: &[NodeRow<'_>], wanted: Wanted) -> Vec<Placed<Column>> {
    let columns_of = if wanted.usage { &WITH_USAGE } else { &WITHOUT_USAGE };
    seen.grow(columns_of, |column| rows.iter().filter_map(|row| text(column, row)).map(columns).max().unwrap_or(0));
    seen.place(columns_of, wanted.width, |spec| {
        let devices = matches!(spec.column, Column::Gpu | Column::GpuLost | Column::GpuBar | Column::Model);
        let used = matches!(spec.column, Column::CpuUsed | Column::MemoryUsed);
        (wanted.wide || spec.rank != EXTRA) && (wanted.gpu || !devices) && (wanted.usage || !used)
    })
}

/// The order of the rows, whether its column is placed or not.
pub(super) fn sorted(sort: (SortBy, bool), placed: &[Placed<Column>]) -> Sorted {
    Sorted::by(sort, &WITH_USAGE, placed)
}

/// At this width the wide table has a column more than the other.
pub(super) fn has_wide_room(seen: &mut Seen, rows: &[NodeRow<'_>], wanted: Wanted) -> bool {
    let extra = |placed: &Placed<Column>| {
        matches!(placed.column, Column::InternalIp | Column::Os | Column::Kernel | Column::Runtime)
    };
    place(seen, rows, Wanted { wide: true, ..wanted }).iter().any(extra)
}

/// The text of the columns whose width follows their values.
pub(super) fn text<'a>(column: Column, row: &'a NodeRow<'_>) -> Option<&'a str> {
    Some(match column {
        Column::Name => &row.facts.name,
        Column::Model => row.model?,
        Column::Roles => &row.roles,
        Column::Version => &row.facts.system.kubelet,
        Column::InternalIp => &row.internal_ip,
        Column::Os => &row.facts.system.os_image,
        Column::Kernel => &row.facts.system.kernel,
        Column::Runtime => &row.facts.system.runtime,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::node::NodeFacts;
    use crate::model::rows::PackedFacts;
    use crate::ui::fixture::Fleet;

    fn shown(width: usize, wide: bool, gpu: bool) -> Vec<Column> {
        let fleet = Fleet::reference();
        let placed = place(&mut Seen::default(), &fleet.rows(0..20), Wanted { width, wide, gpu, usage: false });
        placed.iter().map(|placed| placed.column).collect()
    }

    #[test]
    fn columns_give_way_by_rank_and_the_name_never_does() {
        use Column::{Age, Gpu, GpuLost, Name, PodBar, Pods, Status};
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
            let placed =
                place(&mut Seen::default(), &fleet.rows(0..20), Wanted { width, wide: true, gpu: true, usage: true });
            assert!(placed.windows(2).all(|two| two[0].at + two[0].width < two[1].at), "{width}");
            assert!(placed.last().is_none_or(|last| last.at + last.width <= width.max(1)), "{width}");
            assert_eq!(placed.first().map(|first| first.column), Some(Column::Name), "{width}");
        }
    }

    #[test]
    fn a_narrower_value_moves_no_column_but_a_much_narrower_name_does() {
        let fleet = Fleet::reference();
        let mut seen = Seen::default();
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
