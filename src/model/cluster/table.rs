//! The node table of a cluster: its order, its selection by name, and the rows of the visible slice.

mod ordering;

use std::ops::Range;

use super::{ClusterState, NodeCounts, NodeItem};
use crate::facts::text::Clean;
use crate::model::derive::gpus::{GpuReports, Grouping, ReportSource};
use crate::model::derive::joined_node::{JoinedNode, NodeSources};
use crate::model::derive::rows::NodeRow;
use crate::model::known::Known;
use crate::model::natural::natural_cmp;
use crate::model::store::nodes::{Node, NodeKey, NodeStore};
use crate::model::table::list::SelectionStep;
use crate::model::table::{COLUMNS, Extent, SortBy};
use crate::msg::{LineEdit, Mono, Now};

pub(super) use ordering::NodeTable;
use ordering::{OrderInputs, RowSource};

impl ClusterState {
    /// Numbers of rows before and after filtering, and the index of the selected one.
    #[must_use]
    pub fn extent(&self) -> Extent {
        self.table.list.extent(self.table.order().len(), self.nodes.len())
    }

    /// The rows of `range`, counted from the first that the filter shows; only these are built.
    #[must_use]
    pub fn rows(&self, range: Range<usize>, now: Now) -> Vec<NodeRow<'_>> {
        let source = self.source(now);
        let selected = self.extent().selected;
        let order = self.table.order();
        let end = range.end.min(order.len());
        let visible = range.start.min(end)..end;
        let rows = visible.filter_map(|at| {
            let node = self.nodes.get(order[at])?;
            Some(JoinedNode { source, node }.row(Some(at) == selected))
        });
        rows.collect()
    }

    /// Nodes by what Ready says.
    #[must_use]
    pub fn node_counts(&self) -> Known<NodeCounts> {
        let sums = self.nodes.sums();
        self.tracks.nodes.known(NodeCounts {
            total: sums.total,
            ready: sums.ready,
            not_ready: sums.not_ready,
            unknown: sums.unknown,
            cordoned: sums.cordoned,
        })
    }

    /// All nodes by name, for a report: whatever the table shows, and O(nodes).
    #[must_use]
    pub fn items(&self, now: Now) -> Vec<NodeItem<'_>> {
        let source = self.source(now);
        let mut nodes: Vec<&Node> = self.nodes.iter().collect();
        nodes.sort_unstable_by(|a, b| natural_cmp(&a.facts.name, &b.facts.name));
        let item = |node| {
            let joined = JoinedNode { source, node };
            NodeItem {
                row: joined.row(false),
                accelerators: joined.accelerators(),
                pods: joined.pod_counts(),
                resources: joined.resource_amounts(),
                lease: super::node::liveness(&self.optional.leases, &joined, now),
            }
        };
        nodes.into_iter().map(item).collect()
    }

    /// The column that the rows are sorted by, and whether the order is reversed.
    #[must_use]
    pub fn sort(&self) -> (SortBy, bool) {
        self.table.list.sort()
    }

    /// The filter's text.
    #[must_use]
    pub fn filter(&self) -> &str {
        self.table.filter.text()
    }

    /// A term of the filter that means nothing, and why; it is left out.
    #[must_use]
    pub fn filter_note(&self) -> Option<&Clean> {
        self.table.filter.note()
    }

    /// The order of the rows is held; values stay live.
    #[must_use]
    pub fn held(&self) -> bool {
        self.table.list.held()
    }

    /// `true` while the rows do not lie in the order that was asked for yet: the old one stays until the new one is ready.
    #[must_use]
    pub fn is_arranging(&self) -> bool {
        self.table.is_arranging()
    }

    /// The name of the selected node.
    #[must_use]
    pub fn selected_name(&self) -> Option<&Clean> {
        let key = self.table.order().get(self.extent().selected?)?;
        Some(&self.nodes.get(*key)?.facts.name)
    }

    pub(crate) fn edit_filter(&mut self, edit: &LineEdit) {
        self.table.filter.edit(edit);
        self.table.list.touch();
    }

    pub(crate) fn clear_filter(&mut self) {
        self.table.filter.clear();
        self.table.list.touch();
    }

    pub(crate) fn toggle_held(&mut self) {
        self.table.list.toggle_held();
    }

    /// Sorts by `sort`, in its own direction; in reverse if it already was.
    pub(crate) fn sort_by(&mut self, sort: SortBy) {
        self.table.list.sort_by(sort);
    }

    /// Reverses the order.
    pub(crate) fn reverse(&mut self) {
        self.table.list.reverse();
    }

    /// Sorts by the column `by` places further on that can be sorted by.
    pub(crate) fn sort_step(&mut self, by: isize) {
        let shown = |sort: &SortBy| self.usage.shown() || !sort.needs_usage();
        let sorts: Vec<SortBy> = COLUMNS.iter().filter_map(|column| column.sort).filter(shown).collect();
        self.table.list.sort_step(by, &sorts);
    }

    /// Chooses the node of that name: from now on the selection follows it. Without a name it stays on the first row.
    pub(crate) fn select(&mut self, name: Option<Clean>) {
        self.table.list.choose(name);
        self.find_selection();
    }

    /// The name that was chosen; `None` while the selection stays on the first row.
    pub(crate) fn chosen_name(&self) -> Option<&Clean> {
        self.table.list.chosen()
    }

    pub(crate) fn move_selection(&mut self, step: SelectionStep, now: Now) {
        self.arrange_all(now);
        let mut list = std::mem::take(&mut self.table.list);
        let order = self.table.order();
        list.step(step, order.len(), |at| name_at(order, &self.nodes, at));
        self.table.list = list;
    }

    /// Applies as much of what is pending as a key can wait for, and brings the order of the rows up to date with it.
    pub(crate) fn arrange_all(&mut self, now: Now) {
        self.apply_pending(now.mono);
        self.arrange(now);
    }

    /// Brings the order of the rows up to date with what was applied, or begins a new order if one of its inputs has changed.
    pub(crate) fn arrange(&mut self, now: Now) {
        let inputs = self.order_inputs(now.mono);
        self.with_table(now, |table, from| table.arrange(inputs, from, now.mono));
    }

    /// Goes one slice on with the new order of the rows, if one is in the making.
    pub(crate) fn advance_order(&mut self, now: Now) {
        if self.table.is_behind() {
            self.with_table(now, NodeTable::advance);
        }
    }

    /// `true` while the order of the rows is more than a frame behind.
    pub(crate) fn order_is_behind(&self) -> bool {
        self.table.is_behind()
    }

    /// Changes the table; the selection follows its row if rows moved.
    fn with_table(&mut self, now: Now, change: impl FnOnce(&mut NodeTable, RowSource<'_>) -> bool) {
        let mut table = std::mem::take(&mut self.table);
        let moved = change(&mut table, RowSource { nodes: &self.nodes, source: self.source(now) });
        self.table = table;
        if moved {
            self.find_selection();
        }
    }

    /// Brings the GPU view up to date, if something that it shows has changed.
    pub(crate) fn arrange_gpus(&mut self, by: Grouping, now: Now) {
        self.with_reports(now, |reports, from| reports.refresh(from, by, now.mono));
    }

    /// Counts one slice of the next GPU report, if there is one.
    pub(crate) fn advance_gpus(&mut self, now: Now) {
        self.with_reports(now, GpuReports::advance);
    }

    /// `true` while the next GPU report is being counted.
    #[must_use]
    pub fn is_counting_gpus(&self) -> bool {
        self.gpus.is_counting()
    }

    fn with_reports(&mut self, now: Now, change: impl FnOnce(&mut GpuReports, ReportSource<'_>)) {
        let mut reports = std::mem::take(&mut self.gpus);
        change(&mut reports, ReportSource { nodes: &self.nodes, source: self.source(now), optional: &self.optional });
        self.gpus = reports;
    }

    /// Where the numbers of nodes are looked up.
    pub(super) fn source(&self, now: Now) -> NodeSources<'_> {
        NodeSources {
            pods: &self.pods,
            pod_tracks: &self.tracks.pods,
            history: &self.history,
            accelerators: self.nodes.accelerators(),
            usage: &self.usage,
            server_now: self.link.now(now),
            wall: now.wall,
            stale: self.tracks.nodes.complete() && !self.server_health().nodes_are_current(now),
        }
    }

    fn order_inputs(&self, now: Mono) -> OrderInputs {
        let (sort, filter) = (self.table.list.sort().0, &self.table.filter);
        let history = sort == SortBy::Status || !filter.is_empty();
        let usage = sort.needs_usage() || filter.needs_usage();
        OrderInputs {
            table: self.table.list.revision(),
            pods: if self.table.needs_pods() { self.tracks.pods.known(()) } else { Known::Unknown },
            history: if history { self.history.revision() } else { 0 },
            usage: if usage { self.usage.revision() } else { 0 },
            second: if filter.needs_time() { now.0.as_secs() } else { 0 },
        }
    }

    /// Finds the selected node in a new order.
    fn find_selection(&mut self) {
        let mut list = std::mem::take(&mut self.table.list);
        let (order, nodes) = (self.table.order(), &self.nodes);
        let key = list.chosen().and_then(|name| nodes.by_name(name)).map(Node::key);
        let found = key.filter(|key| self.table.shows(*key)).and_then(|key| {
            let at = list.index(order.len()).filter(|at| order[*at] == key);
            at.or_else(|| order.iter().position(|known| *known == key))
        });
        list.follow(found, order.len(), key.is_none(), |at| name_at(order, nodes, at));
        self.table.list = list;
    }
}

fn name_at(order: &[NodeKey], nodes: &NodeStore, at: usize) -> Option<Clean> {
    Some(nodes.get(*order.get(at)?)?.facts.name.clone())
}

#[cfg(test)]
mod tests;
