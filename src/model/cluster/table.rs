//! The node table of a cluster: its order, its selection by name, and the rows of the visible slice.

use std::ops::Range;

use hashbrown::HashSet;

use super::{ClusterState, NodeCounts, NodeItem};
use crate::facts::text::Clean;
use crate::model::Known;
use crate::model::gpus::Grouping;
use crate::model::join::{SLOWLY, SMALL};
use crate::model::nodes::{Node, NodeKey, Nodes};
use crate::model::rows::filter::Filter;
use crate::model::rows::lens::{Lens, Source};
use crate::model::rows::natural::natural_cmp;
use crate::model::rows::order::{self, Key};
use crate::model::rows::{COLUMNS, Extent, NodeRow, SortBy};
use crate::msg::{Edit, Mono, Now};

/// How the operator looks at the nodes of one cluster.
#[derive(Debug)]
pub(super) struct Table {
    sort: SortBy,
    reversed: bool,
    filter: Filter,
    held: bool,
    /// The node that the operator chose; `None` until then, and the first row is selected.
    selected: Option<Clean>,
    selected_at: usize,
    order: Vec<NodeKey>,
    of: Option<Basis>,
    at: Mono,
    /// Grows when sort, filter or hold change.
    revision: u64,
}

/// What the order was made from; the same basis gives the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Basis {
    table: u64,
    nodes: u64,
    pods: u64,
    history: u64,
    usage: u64,
    second: u64,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            sort: SortBy::Name,
            reversed: false,
            filter: Filter::default(),
            held: false,
            selected: None,
            selected_at: 0,
            order: Vec::new(),
            of: None,
            at: Mono::default(),
            revision: 0,
        }
    }
}

/// How far a key moves the selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// So many rows down, or up if negative.
    By(isize),
    /// To the first row.
    First,
    /// To the last row.
    Last,
}

impl Step {
    /// Where it leads from row `at` of `len`.
    pub(crate) fn from(self, at: usize, len: usize) -> usize {
        let last = len.saturating_sub(1);
        match self {
            Self::By(rows) => at.saturating_add_signed(rows).min(last),
            Self::First => 0,
            Self::Last => last,
        }
    }
}

impl ClusterState {
    /// How the rows lie: all of them, those that the filter shows, and the selected one among these.
    #[must_use]
    pub fn extent(&self) -> Extent {
        let len = self.table.order.len();
        let selected = (len > 0).then(|| self.table.selected_at.min(len - 1));
        Extent { len, total: self.nodes.len(), selected }
    }

    /// The rows of `range`, counted from the first that the filter shows; only these are built.
    #[must_use]
    pub fn rows(&self, range: Range<usize>, now: Now) -> Vec<NodeRow<'_>> {
        let source = self.source(now);
        let selected = self.extent().selected;
        let end = range.end.min(self.table.order.len());
        let visible = range.start.min(end)..end;
        let rows = visible.filter_map(|at| {
            let node = self.nodes.get(self.table.order[at])?;
            Some(Lens { source, node }.row(Some(at) == selected))
        });
        rows.collect()
    }

    /// Nodes by what Ready says.
    #[must_use]
    pub fn node_counts(&self) -> Known<NodeCounts> {
        let sums = self.nodes.sums();
        self.nodes_track.known(NodeCounts {
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
            let lens = Lens { source, node };
            NodeItem {
                row: lens.row(false),
                accelerators: lens.accelerators(),
                pods: lens.pod_counts(),
                resources: lens.resource_amounts(),
                lease: self.liveness(&lens),
            }
        };
        nodes.into_iter().map(item).collect()
    }

    /// The column that the rows are sorted by, and whether the order is reversed.
    #[must_use]
    pub fn sort(&self) -> (SortBy, bool) {
        (self.table.sort, self.table.reversed)
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
        self.table.held
    }

    /// The name of the selected node.
    #[must_use]
    pub fn selected_name(&self) -> Option<&Clean> {
        let key = self.table.order.get(self.extent().selected?)?;
        Some(&self.nodes.get(*key)?.facts.name)
    }

    pub(crate) fn edit_filter(&mut self, edit: &Edit) {
        self.table.filter.edit(edit);
        self.table.revision += 1;
    }

    pub(crate) fn clear_filter(&mut self) {
        self.table.filter.clear();
        self.table.revision += 1;
    }

    pub(crate) fn toggle_held(&mut self) {
        self.table.held = !self.table.held;
        self.table.revision += 1;
    }

    /// Sorts by `sort`, in its own direction; the other way round if it already was.
    pub(crate) fn sort_by(&mut self, sort: SortBy) {
        self.table.reversed = self.table.sort == sort && !self.table.reversed;
        self.table.sort = sort;
        self.resort();
    }

    /// Turns the order round.
    pub(crate) fn reverse(&mut self) {
        self.table.reversed = !self.table.reversed;
        self.resort();
    }

    /// Sorts by the column `by` places further on that can be sorted by.
    pub(crate) fn sort_step(&mut self, by: isize) {
        let shown = |sort: &SortBy| self.usage.shown() || !sort.needs_usage();
        let sorts: Vec<SortBy> = COLUMNS.iter().filter_map(|column| column.sort).filter(shown).collect();
        let at = sorts.iter().position(|sort| *sort == self.table.sort).unwrap_or(0);
        let len = isize::try_from(sorts.len()).expect("a handful of columns");
        let next = (isize::try_from(at).expect("a handful of columns") + by).rem_euclid(len);
        self.table.sort = sorts[next.unsigned_abs()];
        self.table.reversed = false;
        self.resort();
    }

    /// Chooses the node of that name: from now on the selection follows it.
    pub(crate) fn select(&mut self, name: Clean) {
        self.table.selected = Some(name);
    }

    pub(crate) fn move_selection(&mut self, step: Step, now: Now) {
        self.arrange(now);
        let len = self.table.order.len();
        if len == 0 {
            return;
        }
        let at = step.from(self.table.selected_at.min(len - 1), len);
        self.table.selected_at = at;
        self.table.selected = self.nodes.get(self.table.order[at]).map(|node| node.facts.name.clone());
    }

    /// Brings the order of the rows up to date, if something that it depends on has changed.
    pub(crate) fn arrange(&mut self, now: Now) {
        let basis = self.basis(now.mono);
        if self.table.of == Some(basis) {
            return;
        }
        let looks_other = self.table.of.is_none_or(|of| of.table != basis.table);
        if !looks_other && self.nodes.len() > SMALL && now.mono.since(self.table.at) < SLOWLY {
            return;
        }
        let old = std::mem::take(&mut self.table.order);
        self.table.order = if self.table.held && !old.is_empty() { self.keep(old, now) } else { self.arranged(now) };
        self.table.of = Some(basis);
        self.table.at = now.mono;
        self.find_selection();
    }

    /// Brings the GPU view up to date, if something that it shows has changed.
    pub(crate) fn arrange_gpus(&mut self, by: Grouping, now: Now) {
        let mut boards = std::mem::take(&mut self.boards);
        boards.refresh((&self.nodes, self.source(now)), by, now.mono);
        self.boards = boards;
    }

    /// Where the numbers of nodes are looked up.
    pub(super) fn source(&self, now: Now) -> Source<'_> {
        Source {
            ledger: &self.ledger,
            pods: &self.pods_track,
            history: &self.history,
            accelerators: self.nodes.accelerators(),
            usage: &self.usage,
            server_now: self.server_now(now),
            wall: now.wall,
            stale: self.nodes_track.complete() && !self.nodes_are_current(now),
        }
    }

    /// A new order, although the rows are held: the operator asked for it.
    fn resort(&mut self) {
        self.table.order.clear();
        self.table.revision += 1;
    }

    fn basis(&self, now: Mono) -> Basis {
        let table = &self.table;
        let pods = table.sort.needs_pods() || table.filter.needs_pods();
        let history = table.sort == SortBy::Status || !table.filter.is_empty();
        Basis {
            table: table.revision,
            nodes: self.nodes.revision(),
            pods: if pods { self.ledger.revision() } else { 0 },
            history: if history { self.history.revision() } else { 0 },
            usage: if table.sort.needs_usage() || table.filter.needs_usage() { self.usage.revision() } else { 0 },
            second: if table.filter.needs_time() { now.0.as_secs() } else { 0 },
        }
    }

    fn arranged(&self, now: Now) -> Vec<NodeKey> {
        let source = self.source(now);
        let shown = self.nodes.iter().map(|node| Lens { source, node }).filter(|lens| self.table.filter.shows(lens));
        let mut rows: Vec<(Key, Lens<'_>)> = shown.map(|lens| (order::key(self.table.sort, &lens), lens)).collect();
        let reversed = self.table.reversed;
        rows.sort_unstable_by(|a, b| order::compare((&a.0, &a.1), (&b.0, &b.1), reversed));
        rows.into_iter().map(|(_, lens)| lens.node.key()).collect()
    }

    /// The held order: what vanished drops out, what is new comes last.
    fn keep(&self, mut order: Vec<NodeKey>, now: Now) -> Vec<NodeKey> {
        let source = self.source(now);
        let shows = |node| self.table.filter.shows(&Lens { source, node });
        order.retain(|key| self.nodes.get(*key).is_some_and(shows));
        let kept: HashSet<NodeKey> = order.iter().copied().collect();
        let mut new: Vec<&Node> = self.nodes.iter().filter(|node| !kept.contains(&node.key()) && shows(node)).collect();
        new.sort_unstable_by(|a, b| natural_cmp(&a.facts.name, &b.facts.name));
        order.extend(new.into_iter().map(Node::key));
        order
    }

    /// Finds the selected node in a new order; if it has gone for good, the selection falls to its neighbour.
    fn find_selection(&mut self) {
        let Self { table, nodes, .. } = self;
        let Some(name) = &table.selected else {
            table.selected_at = 0;
            return;
        };
        let wanted = nodes.by_name(name).map(Node::key);
        if let Some(at) = wanted.and_then(|key| table.order.iter().position(|known| *known == key)) {
            table.selected_at = at;
            return;
        }
        let last = table.order.len().saturating_sub(1);
        table.selected_at = table.selected_at.min(last);
        // A row that the filter hides is found again when the filter goes.
        if wanted.is_none() {
            table.selected = name_at(&table.order, nodes, table.selected_at).or(table.selected.take());
        }
    }
}

fn name_at(order: &[NodeKey], nodes: &Nodes, at: usize) -> Option<Clean> {
    Some(nodes.get(*order.get(at)?)?.facts.name.clone())
}
