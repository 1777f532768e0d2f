//! The lines of the GPU view: all are counted, only the visible ones are created.

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

/// Text if a filter hides every row.
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

/// All lines below the title: text, the groups, text, and the held devices.
pub(super) struct GpuLines<'a> {
    before: Vec<GpuLine<'a>>,
    groups: Extent,
    between: Vec<GpuLine<'a>>,
    held: Extent,
    lists: &'a GpuView,
}

impl<'a> GpuLines<'a> {
    /// Creates the lines. `dot`: separator between facts.
    pub(super) fn new(view: &GpusView<'a>, dot: &str) -> Self {
        let (report, lists) = (view.report, view.lists);
        let (groups, held) = (lists.groups(), lists.held());
        if report.by.is_none() {
            let before = vec![text_line(Role::Unknown, "counting GPUs")];
            let none = Extent::default();
            return Self { before, groups: none, between: Vec::new(), held: none, lists };
        }
        let mut between = vec![GpuLine::Blank];
        let partial = view.is_partial();
        if !partial && !matches!(view.pods, Known::Exact(())) {
            return Self { before: before(view, dot), groups, between, held: Extent::default(), lists };
        }
        let words = held_words(report) + if view.partial.is_some() { ", of the watched namespaces" } else { "" };
        between.push(text_line(if report.held.is_empty() { Role::Muted } else { Role::Warn }, words));
        if !report.held.is_empty() {
            between.push(GpuLine::HeldHead);
        }
        if held.len == 0 && held.total > 0 {
            between.push(text_line(Role::Unknown, NOTHING_FOUND));
        }
        Self { before: before(view, dot), groups, between, held, lists }
    }

    pub(super) fn len(&self) -> usize {
        self.before.len() + self.groups.len + self.between.len() + self.held.len
    }

    /// At most `height` lines from `first` on.
    pub(super) fn visible(&self, first: usize, height: usize) -> Vec<GpuLine<'a>> {
        (first..self.len().min(first.saturating_add(height))).filter_map(|place| self.get(place)).collect()
    }

    fn get(&self, mut index: usize) -> Option<GpuLine<'a>> {
        if let Some(line) = self.before.get(index) {
            return Some(line.clone());
        }
        index -= self.before.len();
        if index < self.groups.len {
            let group = self.lists.group(index)?;
            return Some(GpuLine::Group(group, self.groups.selected == Some(index)));
        }
        index -= self.groups.len;
        if let Some(line) = self.between.get(index) {
            return Some(line.clone());
        }
        index -= self.between.len();
        let held = self.lists.held_devices(index)?;
        Some(GpuLine::Held(held, self.held.selected == Some(index)))
    }

    /// Index of the first line of a page of `height` lines; if the page follows its cursor, the selected row is visible.
    pub(super) fn first(&self, view: &GpusView<'_>, height: usize) -> usize {
        let (groups, held) = (self.before.len(), self.before.len() + self.groups.len + self.between.len());
        let row = self.groups.selected.map(|at| groups + at).or(self.held.selected.map(|at| held + at));
        page::first(view.scroll, row.filter(|_| view.follows), self.len(), height)
    }

    /// Range of the rows of both lists on a page.
    pub(super) fn rows(&self, first: usize, height: usize) -> PageRows {
        page::rows(first, height, |line| {
            let groups = line.saturating_sub(self.before.len()).min(self.groups.len);
            let held = line.saturating_sub(self.before.len() + self.groups.len + self.between.len());
            groups + held.min(self.held.len)
        })
    }
}

fn text_line<'a>(role: Role, text: impl Into<Cow<'static, str>>) -> GpuLine<'a> {
    GpuLine::Text(role, text.into())
}

/// Lines above the groups.
fn before<'a>(view: &GpusView<'a>, dot: &str) -> Vec<GpuLine<'a>> {
    let report = view.report;
    let mut lines = vec![GpuLine::Fits];
    if let Some(age) = view.old {
        let old = format!("stale: last update {} ago; what was free then may be taken or lost", duration(age));
        lines.push(text_line(Role::Unknown, old));
    }
    if let Some(text) = unread(view) {
        lines.push(text_line(Role::Unknown, text));
    }
    if let Some(why) = without_nodes(view.nodes).filter(|_| view.unread[0] == 0) {
        lines.push(text_line(Role::Unknown, why));
    }
    if view.is_whole() {
        lines.push(text_line(Role::Text, free(report)));
        lines.extend(not_free(report, dot).map(|text| text_line(Role::Warn, text)));
        lines.push(text_line(Role::Muted, assumption(report)));
    } else if let (Known::AtLeast(()), Some(partial)) = (view.pods, &view.partial) {
        let why =
            format!("partial: {}; what is free and fits is not known, requested is a lower bound", partial.names());
        lines.push(text_line(Role::Unknown, why));
    } else if !matches!(view.pods, Known::Exact(())) && !view.is_partial() {
        let why = match view.pods {
            Known::Denied => "pods may not be listed: what is requested, free and held is not known",
            _ => "pods are not all read yet: what is requested, free and held is not known",
        };
        lines.push(text_line(Role::Unknown, why));
    }
    lines.extend(dra(view));
    lines.extend([GpuLine::Blank, GpuLine::GroupHead]);
    if view.lists.groups().len == 0 && view.lists.groups().total > 0 {
        lines.push(text_line(Role::Unknown, NOTHING_FOUND));
    }
    if report.groups.is_empty() && view.has_source() {
        let nothing = if view.grouped_by().of_nodes() {
            "no node announces an accelerator"
        } else {
            "no bound pod requests an accelerator"
        };
        lines.push(text_line(Role::Unknown, nothing));
    }
    lines
}

/// Effect of unreadable objects, in words.
fn unread(view: &GpusView<'_>) -> Option<String> {
    let some = view.unread.into_iter().zip(["node", "pod"]).filter(|(count, _)| *count > 0);
    let named: Vec<String> = some.map(|(count, noun)| counted(count, noun)).collect();
    let what = "could not be read: numbers are lower bounds, what is free and what fits is not known";
    (!named.is_empty()).then(|| format!("{} {what}", named.join(" and ")))
}

/// Effect of unknown nodes, in words.
fn without_nodes(nodes: Known<()>) -> Option<&'static str> {
    match nodes {
        Known::Exact(()) => None,
        Known::Denied => Some("nodes may not be listed: what there is, what is free and what fits is not known"),
        Known::AtLeast(()) | Known::Unknown => {
            Some("nodes are not all read yet: what there is, what is free and what fits is not known")
        }
    }
}

/// Note that devices of dynamic resource allocation are listed below but do not count as fitting, or why they are not visible.
fn dra<'a>(view: &GpusView<'a>) -> Option<GpuLine<'a>> {
    if let Some(why) = &view.dra_hidden {
        return Some(text_line(Role::Muted, format!("DRA: {why}")));
    }
    let text = match view.report.dra_devices? {
        0 => return None,
        1 => "1 DRA device is listed below; it is not part of what fits and is free here".to_owned(),
        devices => format!(
            "{} DRA devices are listed below; they are not part of what fits and is free here",
            grouped(u64::from(devices))
        ),
    };
    Some(text_line(Role::Muted, text))
}

/// Distribution of the free devices, and those that pods cannot get: `free 85 on 12 nodes, at most 8 on one, 8 blocked: CPU`.
fn free(report: &GpuReport) -> String {
    let all = grouped(report.free[Admission::Open.index()]);
    let free = match report.open_nodes {
        0 => "free 0".to_owned(),
        1 => format!("free {all} on 1 node"),
        nodes => format!("free {all} on {} nodes, at most {} on one", grouped(nodes), grouped(report.largest)),
    };
    match blocked(report.blocked) {
        Some(blocked) => format!("{free}, {blocked}"),
        None => free,
    }
}

/// Unrequested devices that are not free, and requests beyond the healthy devices: `16 not schedulable: Unknown · 2
/// over-requested`.
fn not_free(report: &GpuReport, dot: &str) -> Option<String> {
    let over = (report.over_requested > 0).then(|| format!("{} over-requested", grouped(report.over_requested)));
    let parts: Vec<String> = unschedulable(report.free).into_iter().chain(over).collect();
    (!parts.is_empty()).then(|| parts.join(dot))
}

/// `8 blocked: CPU`: free devices that no pod of one device can get.
pub(super) fn blocked(by: ByLimit) -> Option<String> {
    reasons("blocked", by.into_iter().zip(FitLimit::ALL.map(FitLimit::name)))
}

/// `16 not schedulable: Unknown`: unrequested devices on nodes that take no pods.
pub(super) fn unschedulable(by: ByAdmission) -> Option<String> {
    let closed = by.into_iter().zip(Admission::ALL).filter(|(_, admission)| *admission != Admission::Open);
    reasons("not schedulable", closed.map(|(count, admission)| (count, admission.name())))
}

/// `8 blocked: CPU`, or `9 blocked: 8 CPU, 1 memory` for several reasons.
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

/// CPU and memory that a pod is assumed to request with its devices.
fn assumption(report: &GpuReport) -> String {
    match report.each_of {
        0 => "by devices and pod slots only: no GPU pod here to take CPU and memory from".to_owned(),
        pods => {
            let of = if pods == 1 {
                "the one GPU pod".to_owned()
            } else {
                format!("median of {}", counted(pods as u64, "pod"))
            };
            let (cpu, memory) = (cores(report.each.cpu_milli), bytes(report.each.memory_bytes));
            format!("assuming {cpu} CPU + {memory} per GPU ({of} here)")
        }
    }
}

/// `3 GPUs held by 2 pods not running, 1 pod last on an Unknown node and 1 unused claim, longest first`.
fn held_words(report: &GpuReport) -> String {
    let parts = [(Kind::Device, "GPU"), (Kind::Slice, "slice"), (Kind::Shared, "share")].map(|(kind, word)| {
        let sum = report.held_sums.of(kind);
        (sum != 0).then(|| counted(sum, word))
    });
    let amounts = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let (pods, claims) = (report.held_sums.pods, report.held_sums.claims);
    let silent = report.held_sums.silent;
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
    let order = if report.held_sums.pods + report.held_sums.claims > 1 { ", longest first" } else { "" };
    match who.len() {
        0 => "no GPUs held by pods not running".to_owned(),
        1 => format!("{amounts} held by {}{order}", who[0]),
        all => format!("{amounts} held by {} and {}{order}", who[..all - 1].join(", "), who[all - 1]),
    }
}
