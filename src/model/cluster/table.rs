//! The node table of a cluster: its order, its selection by name, and the rows of the visible slice.

mod ordering;

use std::ops::Range;

use super::{ClusterState, NodeCounts, NodeItem};
use crate::facts::text::Clean;
use crate::model::derive::joined_node::{JoinedNode, NodeSources};
use crate::model::derive::rows::NodeRow;
use crate::model::known::Known;
use crate::model::natural::natural_cmp;
use crate::model::store::nodes::Node;
use crate::model::table::column::Reads;
use crate::model::table::list::SelectionStep;
use crate::model::table::nodes::Nodes;
use crate::model::table::ordering::{RowSource, follow};
use crate::model::table::state::{TableControl, TableState};
use crate::model::table::{Extent, SortBy};
use crate::msg::{LineEdit, Mono, Now};

pub(super) use ordering::NodeTable;
use ordering::{NodeRows, OrderInputs};

/// Filter and cursor of the node table.
#[derive(Debug)]
pub(crate) struct SavedNodes {
    filter: String,
    /// Node that the operator selected; `None` while the cursor stays on the first row.
    chosen: Option<Clean>,
}

impl ClusterState {
    /// Numbers of rows before and after filtering, and the index of the selected one.
    #[must_use]
    pub fn extent(&self) -> Extent {
        self.table.state.list.extent(self.table.order().len(), self.nodes.len())
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

    /// Numbers of nodes by readiness.
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

    /// The column that the nodes are sorted by, and `true` if in reverse.
    #[must_use]
    pub fn sort(&self) -> (SortBy, bool) {
        self.table.state.sort()
    }

    /// Table control of the nodes.
    pub(crate) fn nodes_control(&self) -> &dyn TableControl {
        &self.table.state
    }

    /// The same, for a key.
    pub(crate) fn nodes_control_mut(&mut self) -> &mut dyn TableControl {
        self.table.state.without = (!self.usage.shown()).then_some(Reads::Usage);
        &mut self.table.state
    }

    /// Returns `true` while the rows are not in the requested order yet; the old order stays until the new one is ready.
    #[must_use]
    pub fn is_arranging(&self) -> bool {
        self.table.is_arranging()
    }

    /// Shows the nodes of a filter, from the first row on. Returns the filter and the cursor from before.
    pub(crate) fn show_nodes(&mut self, filter: String) -> SavedNodes {
        let state = &mut self.table.state;
        let before = SavedNodes { filter: state.filter().to_owned(), chosen: state.list.chosen().cloned() };
        self.return_to_nodes(SavedNodes { filter, chosen: None });
        before
    }

    /// Shows the nodes with a filter and a cursor from before.
    pub(crate) fn return_to_nodes(&mut self, saved: SavedNodes) {
        let state = &mut self.table.state;
        state.clear_filter();
        state.edit_filter(&LineEdit::Paste(saved.filter));
        state.list.choose(saved.chosen);
    }

    /// The name of the selected node.
    #[must_use]
    pub fn selected_name(&self) -> Option<&Clean> {
        let key = self.table.order().get(self.extent().selected?)?;
        Some(&self.nodes.get(*key)?.facts.name)
    }

    /// Selects the node of that name; the selection then follows it. Without a name it stays on the first row.
    pub(crate) fn select(&mut self, name: Option<Clean>, now: Now) {
        self.table.state.list.choose(name);
        self.find_selection(now);
    }

    /// The name that was chosen; `None` while the selection stays on the first row.
    pub(crate) fn chosen_name(&self) -> Option<&Clean> {
        self.table.state.list.chosen()
    }

    pub(crate) fn move_selection(&mut self, step: SelectionStep, now: Now) {
        self.arrange_all(now);
        self.with_list(now, |state, table, from| {
            state.list.step(step, table.order().len(), |at| from.key(&table.order()[at]));
        });
    }

    /// Applies as many pending changes as a key can wait for, and updates the order of the rows.
    pub(crate) fn arrange_all(&mut self, now: Now) {
        self.apply_pending(now.mono);
        self.arrange(now);
    }

    /// Updates the order of the rows with the applied changes, or begins a new order if one of its inputs has changed.
    pub(crate) fn arrange(&mut self, now: Now) {
        let inputs = self.order_inputs(now.mono);
        self.with_table(now, |table, from| table.arrange(inputs, from, now.mono));
    }

    /// Continues a pending order of the rows by one slice.
    pub(crate) fn advance_order(&mut self, now: Now) {
        if self.table.is_behind() {
            self.with_table(now, NodeTable::advance);
        }
    }

    /// Returns `true` while the order of the rows is more than a frame behind.
    pub(crate) fn order_is_behind(&self) -> bool {
        self.table.is_behind()
    }

    /// Changes the table; the selection follows its row if rows moved.
    fn with_table(&mut self, now: Now, change: impl FnOnce(&mut NodeTable, NodeRows<'_>) -> bool) {
        let mut table = std::mem::take(&mut self.table);
        let moved = change(&mut table, NodeRows { nodes: &self.nodes, source: self.source(now) });
        self.table = table;
        if moved {
            self.find_selection(now);
        }
    }

    fn with_list(&mut self, now: Now, change: impl FnOnce(&mut TableState<Nodes>, &NodeTable, NodeRows<'_>)) {
        let mut state = std::mem::take(&mut self.table.state);
        change(&mut state, &self.table, NodeRows { nodes: &self.nodes, source: self.source(now) });
        self.table.state = state;
    }

    /// Sources of the nodes' numbers.
    pub(super) fn source(&self, now: Now) -> NodeSources<'_> {
        NodeSources {
            pods: &self.pods,
            pod_tracks: &self.tracks.pods,
            history: &self.history,
            black_holes: &self.black_holes,
            accelerators: self.nodes.accelerators(),
            usage: &self.usage,
            server_now: self.link.now(now),
            wall: now.wall,
            stale: self.tracks.nodes.complete() && !self.server_health().nodes_are_current(now),
        }
    }

    fn order_inputs(&self, now: Mono) -> OrderInputs {
        let (sort, filter) = (self.table.state.sort().0, &self.table.state.filter);
        let history = sort == SortBy::Status || !filter.is_empty();
        let usage = sort.needs_usage() || filter.needs_usage();
        OrderInputs {
            table: self.table.state.list.revision(),
            pods: if self.table.needs_pods() { self.tracks.pods.known(()) } else { Known::Unknown },
            history: if history { self.history.revision().wrapping_add(self.black_holes.revision()) } else { 0 },
            usage: if usage { self.usage.revision() } else { 0 },
            second: if filter.needs_time() { now.0.as_secs() } else { 0 },
        }
    }

    /// Finds the selected node in a new order.
    fn find_selection(&mut self, now: Now) {
        self.with_list(now, |state, table, from| follow(&mut state.list, table.order(), &from));
    }
}

#[cfg(test)]
mod tests;
