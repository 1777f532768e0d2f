//! The columns of the node table on the screen: which of [`crate::model::table::COLUMNS`] have a place, and how wide they are.

use std::borrow::Cow;

use crate::model::derive::rows::NodeRow;
use crate::model::table::{Align, COLUMNS, Column, NodeCell, Shown, SortBy, WIDE};
use crate::ui::widgets::grid::{ColumnSpec, Placed, Sorted, WidthMemory};
use crate::ui::widgets::text::columns;

/// A column of the one table.
pub(in crate::ui) type NodeColumn = &'static Column;

/// The columns as a grid has them; `usage`: the usage of nodes is seen. Else what is requested has its place.
fn specs(usage: bool) -> Vec<ColumnSpec<NodeColumn>> {
    let spec = |column: NodeColumn| ColumnSpec {
        right: column.align == Align::Right,
        sort: column.sort,
        gap: if column.is_glued() { 1 } else { 2 },
        ..ColumnSpec::new(
            column,
            column.header,
            column.width,
            if usage { column.rank } else { column.rank_without_usage },
        )
    };
    COLUMNS.iter().map(spec).collect()
}

/// Facts that decide which columns there are.
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
    let specs = specs(wanted.usage);
    seen.grow(&specs, |column| rows.iter().filter_map(|row| text(column, row)).map(|t| columns(&t)).max().unwrap_or(0));
    seen.place(&specs, wanted.width, |spec| {
        let shown = match spec.column.shown {
            Shown::Always => true,
            Shown::WithDevices => wanted.gpu,
            Shown::WithUsage => wanted.usage,
        };
        shown && (wanted.wide || spec.rank != WIDE)
    })
}

/// The order of the rows, whether its column is placed or not.
pub(in crate::ui) fn sorted(sort: (SortBy, bool), placed: &[Placed<NodeColumn>]) -> Sorted {
    Sorted::new(sort, &specs(true), placed)
}

/// Returns `true` if the wide table has a column more than the other at this width.
pub(in crate::ui) fn has_wide_room(seen: &mut WidthMemory, rows: &[NodeRow<'_>], wanted: Wanted) -> bool {
    let placed = place(seen, rows, Wanted { wide: true, ..wanted });
    placed.iter().any(|placed| placed.column.rank == WIDE)
}

/// The text of a column whose width can follow its values; `None` if there is none.
pub(in crate::ui) fn text<'a>(column: NodeColumn, row: &'a NodeRow<'_>) -> Option<Cow<'a, str>> {
    match column.cell {
        NodeCell::Name(text) | NodeCell::Text(text) => text(row).map(Cow::Borrowed),
        NodeCell::Made(made) => Some(Cow::Owned(made(row).text)),
        NodeCell::Drawn(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::node::NodeFacts;
    use crate::model::store::nodes::PackedFacts;
    use crate::ui::fixture::Fleet;

    fn shown(width: usize, wide: bool, gpu: bool) -> Vec<&'static str> {
        let fleet = Fleet::reference();
        let placed = place(&mut WidthMemory::default(), &fleet.rows(0..20), Wanted { width, wide, gpu, usage: false });
        placed.iter().map(|placed| placed.column.name).collect()
    }

    #[test]
    fn columns_give_way_by_rank_and_the_name_never_does() {
        assert_eq!(shown(60, false, true), ["name", "status", "gpu", "gpu-lost"]);
        assert_eq!(shown(80, false, true), ["name", "status", "pods", "pod-bar", "gpu", "gpu-lost", "age"]);
        assert_eq!(shown(10, false, true), ["name"]);
        assert_eq!(shown(210, false, true).len(), 15, "everything but the extra columns");
        assert_eq!(shown(300, true, true).len(), 19);
        assert!(!shown(300, true, false).contains(&"gpu"), "a cluster without devices has no column for them");
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
            assert_eq!(placed.first().map(|first| first.column.name), Some("name"), "{width}");
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
