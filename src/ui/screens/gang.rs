//! One gang: how many of its pods run, a strip with one cell a pod in the order of the ranks, the worst member, and the members.

mod strip;

use ratatui::layout::Rect;

use super::gangs::{state, trouble_role, wanted};
use super::node::PodCells;
use crate::action::Action;
use crate::model::app::Model;
use crate::model::app::screens::Screen;
use crate::model::cluster::{ClusterState, OpenedGang, PodPlace};
use crate::model::derive::gangs::{GangDetail, GangKey, GangRow, GangState, WorstMember};
use crate::model::known::Known;
use crate::model::table::pods::{PodScope, Pods};
use crate::model::table::state::TableControl;
use crate::model::table::{Extent, PodRow, SortBy};
use crate::model::time::age_of;
use crate::msg::{Now, Viewport};
use crate::theme::{Glyphs, Role};
use crate::ui::scene::Scene;
use crate::ui::screens::view::View;
use crate::ui::state::{ListViewState, ViewState};
use crate::ui::units::{clock, counted, duration, grouped};
use crate::ui::widgets::canvas::{Canvas, Context};
use crate::ui::widgets::footer::{self, FooterPart, Hint};
use crate::ui::widgets::layout::window;
use crate::ui::widgets::table::{ColumnParams, TableRows};
use crate::ui::widgets::text::Pen;

use strip::RankStrip;

const HINTS: [Hint; 9] = [
    (Action::Back, "back"),
    (Action::Help, "help"),
    (Action::Open, "open pod"),
    (Action::Node, "node"),
    (Action::Owner, "owner"),
    (Action::Yaml, "yaml"),
    (Action::Filter, "filter"),
    (Action::SortNext, "sort"),
    (Action::Hold, "hold"),
];

/// Minimum height of a body with a strip, the worst member and some members.
const WITH_STRIP: u16 = 8;

/// An open gang.
struct GangScreen<'a> {
    key: &'a GangKey,
    opened: Option<&'a OpenedGang>,
    strip: Option<RankStrip>,
    /// Index of the first visible member.
    first: usize,
    rows: Vec<PodRow<'a>>,
    extent: Extent,
    sort: (SortBy, bool),
    arranging: bool,
    /// Words of its queue, or the reason why its size or its queue is not known.
    note: Option<String>,
    /// Knowledge of the pods.
    pods: Known<()>,
    now: Now,
    server_now: jiff::Timestamp,
}

/// Reads the open gang and its visible members.
pub(in crate::ui) fn open<'a>(
    model: &'a Model,
    area: Rect,
    context: &Context<'_>,
    state: &mut ViewState,
) -> Option<Box<dyn View + 'a>> {
    let Screen::Gang(key) = model.screen() else { return None };
    let (cluster, list) = (model.current(), model.current().pod_list(PodPlace::Screen));
    let opened = cluster.opened_gang().filter(|opened| opened.key() == key);
    let cells = opened.and_then(OpenedGang::detail).filter(|_| area.height >= WITH_STRIP);
    let strip = cells.map(|detail| RankStrip::new(detail, usize::from(area.width), usize::from(area.height)));
    let note = strip.as_ref().and_then(|_| note(cluster, key, opened?.detail()?, context.now));
    let extent = list.extent();
    state.lists.enter_pods(list.set());
    let height = usize::from(area.height).saturating_sub(head(strip.as_ref(), note.as_deref()) + 1);
    let shown = window(extent.len, extent.selected, state.lists.pod_list_offset, height);
    state.lists.pod_list_offset = shown.start;
    Some(Box::new(GangScreen {
        key,
        opened,
        strip,
        first: shown.start,
        rows: cluster.pod_rows(PodPlace::Screen, shown, context.now),
        extent,
        sort: model.list().map_or((SortBy::Own, false), TableControl::sort),
        arranging: list.is_arranging(),
        note,
        pods: cluster.pod_counts().map(|_| ()),
        now: context.now,
        server_now: cluster.link().now(context.now),
    }))
}

/// Lines above the heading of the members: title, summary, strip with its legend, worst member, note.
fn head(strip: Option<&RankStrip>, note: Option<&str>) -> usize {
    2 + strip.map_or(0, |strip| strip.height() + 1 + usize::from(note.is_some()))
}

/// Words of the queue of a gang that waits; otherwise the reason why its size is not known.
fn note(cluster: &ClusterState, gang: &GangKey, detail: &GangDetail, now: Now) -> Option<String> {
    let waits = detail.row.state == GangState::Waits || detail.row.gpus_waiting > 0;
    let words = cluster.queue_of_gang(gang).map(|words| cluster.queue_text(&words, now));
    let hidden = || Some(format!("queues are not visible: {}", cluster.queues_not_visible(now)?));
    let queue = if waits { words.or_else(hidden) } else { None };
    queue.or_else(|| cluster.gang_size_failure(gang).map(|why| format!("size not known: {why}")))
}

impl View for GangScreen<'_> {
    fn draw(&self, canvas: &mut Canvas<'_>, scene: &Scene<'_>, memory: &mut ListViewState) -> Viewport {
        let (area, glyphs) = (canvas.area, canvas.glyphs());
        self.title(&mut canvas.pen(0), scene);
        match self.opened.and_then(OpenedGang::detail) {
            Some(detail) => {
                self.summary(&mut canvas.pen(1), detail);
                if let Some(strip) = &self.strip {
                    strip.draw(&mut canvas.below(2));
                    let line = u16::try_from(2 + strip.height()).unwrap_or(u16::MAX);
                    self.worst(&mut canvas.pen(line), &detail.row);
                    if let Some(note) = &self.note {
                        canvas.pen(line.saturating_add(1)).skip(1).rest(Role::Muted, note);
                    }
                }
            }
            None => _ = canvas.pen(1).skip(1).rest(Role::Unknown, self.absence()),
        }
        let head = head(self.strip.as_ref(), self.note.as_deref());
        let mut list = canvas.below(u16::try_from(head).unwrap_or(u16::MAX));
        let below = list.area;
        let cells = PodCells { wide: area.width >= 100, glyphs };
        let params = ColumnParams { width: area.width.into(), wide: false, given: PodScope::Gang };
        let table = TableRows::<Pods, _>::new(&self.rows, &cells, &params, &mut memory.pod_list_widths, glyphs);
        if below.height > 0 {
            table.heading(&mut list.pen(0), below, Some(self.sort));
        }
        if self.rows.is_empty() && below.height > 1 && self.extent.total > 0 {
            list.pen(1).skip(1).rest(Role::Unknown, "no pod matches the filter; esc clears it");
        }
        table.draw(&mut list, &self.rows, |row| row.selected);
        Viewport { page: usize::from(below.height.saturating_sub(1)), ..Viewport::default() }
    }

    fn footer(&self, scene: &Scene<'_>, glyphs: &Glyphs) -> FooterPart {
        let all = counted(self.extent.total as u64, "pod");
        let mut facts: Vec<_> = self.arranging.then(|| footer::sorting(glyphs)).into_iter().collect();
        facts.push(footer::listed(self.extent, all, scene.filter));
        facts.extend(footer::rows(self.first, self.rows.len(), self.extent.len, glyphs));
        facts.extend(scene.held.then(footer::held));
        FooterPart { hints: &HINTS, facts, found: footer::found(self.extent, self.arranging, glyphs), complete: true }
    }
}

impl GangScreen<'_> {
    /// `prod-a  llm-70b  PyTorchJob in train`.
    fn title(&self, pen: &mut Pen<'_>, scene: &Scene<'_>) {
        let GangKey { namespace, kind, name, .. } = self.key;
        pen.skip(1).put(Role::Focus, scene.context()).skip(2).put(Role::Title, name).skip(2);
        pen.put(Role::Text, kind).put(Role::Muted, " in ").put(Role::Text, namespace);
    }

    /// `63 of ≥64 pods run · 512 GPUs held · node lost for 26s`.
    fn summary(&self, pen: &mut Pen<'_>, detail: &GangDetail) {
        let (row, glyphs) = (&detail.row, pen.glyphs());
        let dot = |pen: &mut Pen<'_>| _ = pen.skip(1).put(Role::Muted, glyphs.dot).skip(1);
        let role = if row.running < row.wanted.number() { Role::Warn } else { Role::Text };
        let bound = if matches!(self.pods, Known::AtLeast(())) { glyphs.at_least } else { "" };
        let running = format!("{bound}{} of {} pods run", grouped(row.running), wanted(row.wanted, glyphs));
        pen.skip(1).put(role, &running);
        for (gpus, what, role) in [(row.gpus_held, "held", Role::Text), (row.gpus_waiting, "waited for", Role::Warn)] {
            if gpus > 0 {
                dot(pen);
                pen.put(role, &format!("{} {what}", counted(gpus, "GPU")));
            }
        }
        dot(pen);
        let (role, text) = state(row, glyphs);
        pen.put(role, &text);
        if let Some(since) = age_of(row.since, self.server_now) {
            pen.put(Role::Text, &format!(" for {}", duration(since)));
        }
    }

    /// The worst member in a sentence, or what can be said without one.
    fn worst(&self, pen: &mut Pen<'_>, row: &GangRow) {
        pen.skip(1);
        match (&row.worst, row.state) {
            (Some(worst), _) => _ = pen.rest(trouble_role(worst.trouble), &self.sentence(worst)),
            (None, GangState::Incomplete) => {
                let missing = counted(row.wanted.number().saturating_sub(row.members), "pod");
                pen.rest(Role::Warn, &format!("{missing} of it ended, deleted or not created yet"));
            }
            (None, GangState::NotKnown) => {
                _ = pen.rest(Role::Unknown, "no pod is in trouble so far; not all pods are known");
            }
            (None, state) => _ = pen.rest(Role::Muted, &format!("no pod is in trouble; {}", state.text())),
        }
    }

    /// `rank 17 llm-70b-worker-17 on 10-16-10-121, node Unknown since 14:07:05Z (26s); 8 GPUs held`.
    fn sentence(&self, worst: &WorstMember) -> String {
        let rank = worst.rank.map(|rank| format!("rank {rank} ")).unwrap_or_default();
        let node = if worst.node.is_empty() { String::new() } else { format!(" on {}", worst.node) };
        let since = match (worst.since, self.opened.and_then(OpenedGang::observed)) {
            (Some(at), _) => {
                let age = age_of(Some(at), self.server_now).unwrap_or_default();
                format!(" since {} ({})", clock(at), duration(age))
            }
            // The object says no time: this is when watchbell saw it.
            (None, Some(at)) => {
                let age = self.now.mono.since(at);
                let seen = jiff::SignedDuration::try_from(age).ok().and_then(|age| self.now.wall.checked_sub(age).ok());
                seen.map(|seen| format!(", seen since {} ({})", clock(seen), duration(age))).unwrap_or_default()
            }
            (None, None) => String::new(),
        };
        let held = if worst.node.is_empty() { "waited for" } else { "held" };
        let gpus = if worst.gpus > 0 { format!("; {} {held}", counted(worst.gpus, "GPU")) } else { String::new() };
        let detail = if worst.detail.is_empty() { String::new() } else { format!(": {}", worst.detail) };
        format!("{rank}{}{node}, {}{since}{gpus}{detail}", worst.pod, worst.reason)
    }

    fn absence(&self) -> &'static str {
        match self.pods {
            Known::Denied => "pods may not be listed",
            Known::Unknown => "pods are not known yet",
            Known::AtLeast(()) => "no pod of this gang so far; not all pods are known",
            Known::Exact(()) => "no pod of this gang is there any more",
        }
    }
}
