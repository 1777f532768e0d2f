//! The lines of the GPU view: all of them are counted, only those that are seen are made.

use std::borrow::Cow;

use super::GpusView;
use crate::facts::accelerator::Kind;
use crate::model::cluster::GpuView;
use crate::model::derive::fit::{ByLimit, FitLimit};
use crate::model::derive::gpus::{GpuGroup, GpuReport, HeldDevices};
use crate::model::known::Known;
use crate::model::store::nodes::admission::{Admission, ByAdmission};
use crate::model::table::Extent;
use crate::msg::PageRows;
use crate::theme::Role;
use crate::ui::units::{bytes, cores, counted, duration, grouped};
use crate::ui::widgets::page;

/// Said where a filter hides every row.
const NOTHING_FOUND: &str = "no row matches the filter; esc clears it";

/// One line below the title.
#[derive(Clone)]
pub(super) enum GpuLine<'a> {
    Blank,
    Fits,
    Text(Role, Cow<'static, str>),
    GroupHead,
    /// A group, and `true` if it is selected.
    Group(&'a GpuGroup, bool),
    HeldHead,
    /// Held devices, and `true` if they are selected.
    Held(&'a HeldDevices, bool),
}

impl GpuLine<'_> {
    pub(super) fn is_selected(&self) -> bool {
        matches!(self, Self::Group(_, true) | Self::Held(_, true))
    }
}

/// All lines below the title: a few, the groups, a few more, and what is held.
pub(super) struct GpuLines<'a> {
    before: Vec<GpuLine<'a>>,
    groups: Extent,
    between: Vec<GpuLine<'a>>,
    held: Extent,
    lists: &'a GpuView,
}

impl<'a> GpuLines<'a> {
    /// `dot`: what stands between facts.
    pub(super) fn new(view: &GpusView<'a>, dot: &str) -> Self {
        let (board, lists) = (view.board, view.lists);
        let (groups, held) = (lists.groups(), lists.held());
        if board.by.is_none() {
            let before = vec![said(Role::Unknown, "counting GPUs")];
            let none = Extent::default();
            return Self { before, groups: none, between: Vec::new(), held: none, lists };
        }
        let mut between = vec![GpuLine::Blank];
        let partial = view.is_partial();
        if !partial && !matches!(view.pods, Known::Exact(())) {
            return Self { before: before(view, dot), groups, between, held: Extent::default(), lists };
        }
        let words = held_words(board) + if view.partial.is_some() { ", of the watched namespaces" } else { "" };
        between.push(said(if board.held.is_empty() { Role::Muted } else { Role::Warn }, words));
        if !board.held.is_empty() {
            between.push(GpuLine::HeldHead);
        }
        if held.len == 0 && held.total > 0 {
            between.push(said(Role::Unknown, NOTHING_FOUND));
        }
        Self { before: before(view, dot), groups, between, held, lists }
    }

    pub(super) fn len(&self) -> usize {
        self.before.len() + self.groups.len + self.between.len() + self.held.len
    }

    /// So many lines from `first` on.
    pub(super) fn visible(&self, first: usize, height: usize) -> Vec<GpuLine<'a>> {
        (first..self.len().min(first.saturating_add(height))).filter_map(|place| self.get(place)).collect()
    }

    fn get(&self, mut place: usize) -> Option<GpuLine<'a>> {
        if let Some(line) = self.before.get(place) {
            return Some(line.clone());
        }
        place -= self.before.len();
        if place < self.groups.len {
            let group = self.lists.group(place)?;
            return Some(GpuLine::Group(group, self.groups.selected == Some(place)));
        }
        place -= self.groups.len;
        if let Some(line) = self.between.get(place) {
            return Some(line.clone());
        }
        place -= self.between.len();
        let held = self.lists.held_devices(place)?;
        Some(GpuLine::Held(held, self.held.selected == Some(place)))
    }

    /// First line of a page of `height` lines: with the selected row if the page follows its cursor.
    pub(super) fn first(&self, view: &GpusView<'_>, height: usize) -> usize {
        let (groups, held) = (self.before.len(), self.before.len() + self.groups.len + self.between.len());
        let row = self.groups.selected.map(|at| groups + at).or(self.held.selected.map(|at| held + at));
        page::first(view.scroll, row.filter(|_| view.follows), self.len(), height)
    }

    /// Rows of both lists on a page.
    pub(super) fn rows(&self, first: usize, height: usize) -> PageRows {
        page::rows(first, height, |line| {
            let groups = line.saturating_sub(self.before.len()).min(self.groups.len);
            let held = line.saturating_sub(self.before.len() + self.groups.len + self.between.len());
            groups + held.min(self.held.len)
        })
    }
}

fn said<'a>(role: Role, text: impl Into<Cow<'static, str>>) -> GpuLine<'a> {
    GpuLine::Text(role, text.into())
}

/// What is above the groups.
fn before<'a>(view: &GpusView<'a>, dot: &str) -> Vec<GpuLine<'a>> {
    let board = view.board;
    let mut lines = vec![GpuLine::Fits];
    if let Some(age) = view.old {
        let old = format!("stale: last update {} ago; what was free then may be taken or lost", duration(age));
        lines.push(said(Role::Unknown, old));
    }
    if let Some(text) = unread(view) {
        lines.push(said(Role::Unknown, text));
    }
    if let Some(why) = without_nodes(view.nodes).filter(|_| view.unread[0] == 0) {
        lines.push(said(Role::Unknown, why));
    }
    if view.is_whole() {
        lines.push(said(Role::Text, free(board)));
        lines.extend(not_free(board, dot).map(|text| said(Role::Warn, text)));
        lines.push(said(Role::Muted, rule(board)));
    } else if let (Known::AtLeast(()), Some(partial)) = (view.pods, &view.partial) {
        let why =
            format!("partial: {}; what is free and fits is not known, requested is a lower bound", partial.names());
        lines.push(said(Role::Unknown, why));
    } else if !matches!(view.pods, Known::Exact(())) && !view.is_partial() {
        let why = match view.pods {
            Known::Denied => "pods may not be listed: what is requested, free and held is not known",
            _ => "pods are not all read yet: what is requested, free and held is not known",
        };
        lines.push(said(Role::Unknown, why));
    }
    lines.extend(dra(view));
    lines.extend([GpuLine::Blank, GpuLine::GroupHead]);
    if view.lists.groups().len == 0 && view.lists.groups().total > 0 {
        lines.push(said(Role::Unknown, NOTHING_FOUND));
    }
    if board.groups.is_empty() && view.has_source() {
        let nothing = if view.grouped_by().of_nodes() {
            "no node announces an accelerator"
        } else {
            "no bound pod requests an accelerator"
        };
        lines.push(said(Role::Unknown, nothing));
    }
    lines
}

/// What follows from objects that could not be read.
fn unread(view: &GpusView<'_>) -> Option<String> {
    let some = view.unread.into_iter().zip(["node", "pod"]).filter(|(count, _)| *count > 0);
    let named: Vec<String> = some.map(|(count, noun)| counted(count, noun)).collect();
    let what = "could not be read: numbers are lower bounds, what is free and what fits is not known";
    (!named.is_empty()).then(|| format!("{} {what}", named.join(" and ")))
}

/// What follows from what is not known of the nodes.
fn without_nodes(nodes: Known<()>) -> Option<&'static str> {
    match nodes {
        Known::Exact(()) => None,
        Known::Denied => Some("nodes may not be listed: what there is, what is free and what fits is not known"),
        Known::AtLeast(()) | Known::Unknown => {
            Some("nodes are not all read yet: what there is, what is free and what fits is not known")
        }
    }
}

/// That devices of dynamic resource allocation are listed below and fit nowhere here; or that they are not seen, and why.
fn dra<'a>(view: &GpusView<'a>) -> Option<GpuLine<'a>> {
    if let Some(why) = &view.dra_hidden {
        return Some(said(Role::Muted, format!("DRA: {why}")));
    }
    let text = match view.board.dra_devices? {
        0 => return None,
        1 => "1 DRA device is listed below; it is not part of what fits and is free here".to_owned(),
        devices => format!(
            "{} DRA devices are listed below; they are not part of what fits and is free here",
            grouped(u64::from(devices))
        ),
    };
    Some(said(Role::Muted, text))
}

/// Where the free devices are, and what pods cannot get of them: `free 85 on 12 nodes, at most 8 on one, 8 blocked: CPU`.
fn free(board: &GpuReport) -> String {
    let all = grouped(board.free[Admission::Open.index()]);
    let free = match board.open_nodes {
        0 => "free 0".to_owned(),
        1 => format!("free {all} on 1 node"),
        nodes => format!("free {all} on {} nodes, at most {} on one", grouped(nodes), grouped(board.largest)),
    };
    match blocked(board.blocked) {
        Some(blocked) => format!("{free}, {blocked}"),
        None => free,
    }
}

/// What is not free although nobody asks for it, and what is asked for beyond what there is: `16 not schedulable: Unknown · 2
/// over-requested`.
fn not_free(board: &GpuReport, dot: &str) -> Option<String> {
    let over = (board.over_requested > 0).then(|| format!("{} over-requested", grouped(board.over_requested)));
    let parts: Vec<String> = unschedulable(board.free).into_iter().chain(over).collect();
    (!parts.is_empty()).then(|| parts.join(dot))
}

/// `8 blocked: CPU`: free devices that no pod of one device can get.
pub(super) fn blocked(by: ByLimit) -> Option<String> {
    reasons("blocked", by.into_iter().zip(FitLimit::ALL.map(FitLimit::name)))
}

/// `16 not schedulable: Unknown`: devices that nobody asks for on nodes that take no pods.
pub(super) fn unschedulable(by: ByAdmission) -> Option<String> {
    let closed = by.into_iter().zip(Admission::ALL).filter(|(_, admission)| *admission != Admission::Open);
    reasons("not schedulable", closed.map(|(count, admission)| (count, admission.name())))
}

/// `8 blocked: CPU`, and `9 blocked: 8 CPU, 1 memory` where there are several reasons.
fn reasons(what: &str, by: impl Iterator<Item = (i64, &'static str)>) -> Option<String> {
    let by: Vec<_> = by.filter(|(count, _)| *count > 0).collect();
    let all = grouped(by.iter().fold(0_i64, |sum, (count, _)| sum.saturating_add(*count)));
    match by.as_slice() {
        [] => None,
        [(_, why)] => Some(format!("{all} {what}: {why}")),
        many => {
            let each: Vec<String> = many.iter().map(|(count, why)| format!("{} {why}", grouped(*count))).collect();
            Some(format!("{all} {what}: {}", each.join(", ")))
        }
    }
}

/// CPU and memory that a pod is assumed to request beside its devices.
fn rule(board: &GpuReport) -> String {
    match board.each_of {
        0 => "by devices and pod slots only: no GPU pod here to take CPU and memory from".to_owned(),
        pods => {
            let of = if pods == 1 {
                "the one GPU pod".to_owned()
            } else {
                format!("median of {}", counted(pods as u64, "pod"))
            };
            let (cpu, memory) = (cores(board.each.cpu_milli), bytes(board.each.memory_bytes));
            format!("assuming {cpu} CPU + {memory} per GPU ({of} here)")
        }
    }
}

/// `3 GPUs held by 2 pods not running, 1 pod last on an Unknown node and 1 unused claim, longest first`.
fn held_words(board: &GpuReport) -> String {
    let parts = [(Kind::Device, "GPU"), (Kind::Slice, "slice"), (Kind::Shared, "share")].map(|(kind, word)| {
        let sum = board.held_sums.of(kind);
        (sum != 0).then(|| counted(sum, word))
    });
    let amounts = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let (pods, claims) = (board.held_sums.pods, board.held_sums.claims);
    let silent = board.held_sums.silent;
    let pods = match pods.saturating_sub(silent) {
        0 => None,
        1 => Some("1 pod not running".to_owned()),
        pods => Some(format!("{} pods not running", grouped(u64::from(pods)))),
    };
    let silent = match silent {
        0 => None,
        1 => Some("1 pod last on an Unknown node".to_owned()),
        pods => Some(format!("{} pods last on Unknown nodes", grouped(u64::from(pods)))),
    };
    let claims = match claims {
        0 => None,
        1 => Some("1 unused claim".to_owned()),
        claims => Some(format!("{} unused claims", grouped(u64::from(claims)))),
    };
    let who: Vec<String> = [pods, silent, claims].into_iter().flatten().collect();
    let order = if board.held_sums.pods + board.held_sums.claims > 1 { ", longest first" } else { "" };
    match who.len() {
        0 => "no GPUs held by pods not running".to_owned(),
        1 => format!("{amounts} held by {}{order}", who[0]),
        all => format!("{amounts} held by {} and {}{order}", who[..all - 1].join(", "), who[all - 1]),
    }
}
