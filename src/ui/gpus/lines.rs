//! The lines of the GPU view: all of them are counted, only those that are seen are made.

use std::borrow::Cow;

use super::GpusView;
use crate::facts::accelerator::Kind;
use crate::model::Known;
use crate::model::gpus::{Board, Group, Held};
use crate::theme::Role;
use crate::ui::units::{bytes, cores, duration, grouped};

/// One line below the title.
#[derive(Clone)]
pub(super) enum Line<'a> {
    Blank,
    Fits,
    Text(Role, Cow<'static, str>),
    GroupHead,
    Group(&'a Group),
    HeldHead,
    Held(&'a Held),
}

/// All lines below the title: a few, the groups, a few more, and what is held.
pub(super) struct Lines<'a> {
    before: Vec<Line<'a>>,
    groups: &'a [Group],
    between: Vec<Line<'a>>,
    held: &'a [Held],
}

impl<'a> Lines<'a> {
    pub(super) fn new(view: &GpusView<'a>) -> Self {
        let board = view.board;
        let mut between = vec![Line::Blank];
        let partial = view.is_partial();
        if !partial && !matches!(view.pods, Known::Exact(())) {
            return Self { before: before(view), groups: &board.groups, between, held: &[] };
        }
        let words = held_words(board) + if partial { ", of the watched namespaces" } else { "" };
        between.push(said(if board.held.is_empty() { Role::Muted } else { Role::Warn }, words));
        if !board.held.is_empty() {
            between.push(Line::HeldHead);
        }
        Self { before: before(view), groups: &board.groups, between, held: &board.held }
    }

    pub(super) fn len(&self) -> usize {
        self.before.len() + self.groups.len() + self.between.len() + self.held.len()
    }

    /// So many lines from `first` on.
    pub(super) fn visible(&self, first: usize, height: usize) -> Vec<Line<'a>> {
        (first..self.len().min(first.saturating_add(height))).filter_map(|place| self.get(place)).collect()
    }

    fn get(&self, mut place: usize) -> Option<Line<'a>> {
        if let Some(line) = self.before.get(place) {
            return Some(line.clone());
        }
        place -= self.before.len();
        if let Some(group) = self.groups.get(place) {
            return Some(Line::Group(group));
        }
        place -= self.groups.len();
        if let Some(line) = self.between.get(place) {
            return Some(line.clone());
        }
        self.held.get(place - self.between.len()).map(Line::Held)
    }
}

fn said<'a>(role: Role, text: impl Into<Cow<'static, str>>) -> Line<'a> {
    Line::Text(role, text.into())
}

/// What is above the groups.
fn before<'a>(view: &GpusView<'a>) -> Vec<Line<'a>> {
    let board = view.board;
    let mut lines = vec![Line::Fits];
    if let Some(age) = view.old {
        let old =
            format!("old data: all of this is as of {} ago; what was free then may be taken or lost", duration(age));
        lines.push(said(Role::Unknown, old));
    }
    if let Some(why) = without_nodes(view.nodes) {
        lines.push(said(Role::Unknown, why));
    }
    if view.is_whole() {
        lines.push(said(Role::Text, free(board)));
        lines.push(said(Role::Muted, rule(board)));
    } else if let (Known::AtLeast(()), Some(partial)) = (view.pods, &view.partial) {
        let why =
            format!("partial: {}; what is free and fits is not known, requested is a lower bound", partial.names());
        lines.push(said(Role::Unknown, why));
    } else if !matches!(view.pods, Known::Exact(())) {
        let why = match view.pods {
            Known::Denied => "pods may not be listed: what is requested, free and held is not known",
            _ => "pods are not all read yet: what is requested, free and held is not known",
        };
        lines.push(said(Role::Unknown, why));
    }
    lines.extend(dra(view));
    lines.extend([Line::Blank, Line::GroupHead]);
    if board.groups.is_empty() && view.has_source() {
        let nothing = if view.by.of_nodes() {
            "no node announces an accelerator"
        } else {
            "no pod that is bound asks for an accelerator"
        };
        lines.push(said(Role::Unknown, nothing));
    }
    lines
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
fn dra<'a>(view: &GpusView<'a>) -> Option<Line<'a>> {
    if let Some(why) = &view.dra_hidden {
        return Some(said(Role::Muted, format!("DRA devices are not visible: {why}")));
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

/// Where the free devices are.
fn free(board: &Board) -> String {
    let [open, cordoned, tainted, not_ready] = board.free;
    let all = board.free.iter().fold(0_i64, |sum, free| sum.saturating_add(*free));
    let mut parts = vec![match board.open_nodes {
        0 => format!("free {}: none on nodes that take pods", grouped(all)),
        1 => format!("free {}: {} on 1 node that takes pods", grouped(all), grouped(open)),
        nodes => {
            let (nodes, most) = (grouped(nodes), grouped(board.largest));
            format!("free {}: {} on {nodes} nodes that take pods, at most {most} on one", grouped(all), grouped(open))
        }
    }];
    for (count, word) in [(cordoned, "cordoned"), (tainted, "tainted"), (not_ready, "not ready")] {
        if count > 0 {
            parts.push(format!("{} {word}", grouped(count)));
        }
    }
    parts.join(", ")
}

/// What a pod is taken to ask for beside its devices.
fn rule(board: &Board) -> String {
    match board.each_of {
        0 => "counted by whole devices and pod slots: no pod here shows what one asks for beside them".to_owned(),
        pods => {
            let of = if pods == 1 {
                "the one pod that holds GPUs".to_owned()
            } else {
                format!("{} pods", grouped(pods as u64))
            };
            let (cpu, memory) = (cores(board.each.cpu_milli), bytes(board.each.memory_bytes));
            format!("counted with {cpu} CPU and {memory} beside each GPU, the median of {of} here")
        }
    }
}

/// `held by 2 pods that do not run and 1 claim that no pod uses: 3 GPUs, the longest first`.
fn held_words(board: &Board) -> String {
    let parts = [(Kind::Device, "GPU"), (Kind::Slice, "slice"), (Kind::Shared, "share")].map(|(kind, word)| {
        let sum = board.held_sums.of(kind);
        (sum != 0).then(|| format!("{} {word}{}", grouped(sum), if sum == 1 { "" } else { "s" }))
    });
    let amounts = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let (pods, claims) = (board.held_sums.pods, board.held_sums.claims);
    let pods = match pods {
        0 => None,
        1 => Some("1 pod that does not run".to_owned()),
        pods => Some(format!("{} pods that do not run", grouped(u64::from(pods)))),
    };
    let claims = match claims {
        0 => None,
        1 => Some("1 claim that no pod uses".to_owned()),
        claims => Some(format!("{} claims that no pod uses", grouped(u64::from(claims)))),
    };
    let who: Vec<String> = [pods, claims].into_iter().flatten().collect();
    let order = if board.held_sums.pods + board.held_sums.claims > 1 { ", the longest first" } else { "" };
    match who.len() {
        0 => "no GPU is held by a pod that does not run".to_owned(),
        _ => format!("held by {}: {amounts}{order}", who.join(" and ")),
    }
}
