//! A list of pods of a cluster: those in trouble, worst first, all of them, or those that a row has opened.

mod groups;

use ratatui::layout::Rect;

use super::node::PodCells;
use crate::action::Action;
use crate::model::app::Model;
use crate::model::cluster::{PodPlace, PodSet};
use crate::model::derive::pod_groups::{PodGroup, PodGroupReport, PodGrouping};
use crate::model::known::Known;
use crate::model::table::pod_groups::{PodGroups, PodGroupsGiven};
use crate::model::table::pods::Pods;
use crate::model::table::state::TableControl;
use crate::model::table::{Extent, PodRow, SortBy};
use crate::msg::{Mono, Viewport};
use crate::theme::{Glyphs, Role};
use crate::ui::scene::Scene;
use crate::ui::screens::view::View;
use crate::ui::state::{ListViewState, ViewState};
use crate::ui::units::{counted, grouped};
use crate::ui::widgets::canvas::{Canvas, Context};
use crate::ui::widgets::footer::{self, FooterPart, Hint};
use crate::ui::widgets::layout::window;
use crate::ui::widgets::table::{ColumnParams, TableRows};
use crate::ui::widgets::text::{Pen, columns};

use groups::PodGroupCells;

/// Width of the choice of a grouping.
const CHOICES: usize = 56;

const HINTS: [Hint; 13] = [
    (Action::Back, "back"),
    (Action::Help, "help"),
    (Action::Open, "open"),
    (Action::NextPane, "group by"),
    (Action::Trouble, "all pods"),
    (Action::Filter, "filter"),
    (Action::SortNext, "sort"),
    (Action::Node, "node"),
    (Action::Owner, "owner"),
    (Action::Gangs, "gang"),
    (Action::Yaml, "yaml"),
    (Action::Hold, "hold"),
    (Action::NextCluster, "cluster"),
];

/// The visible rows.
enum Rows<'a> {
    Pods(Vec<PodRow<'a>>),
    /// Groups of pods, with their report.
    Groups(&'a PodGroupReport, Vec<&'a PodGroup>),
}

impl Rows<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Pods(rows) => rows.len(),
            Self::Groups(_, rows) => rows.len(),
        }
    }
}

/// The visible part of the list.
struct PodsView<'a> {
    set: &'a PodSet,
    /// Requested grouping; `None` if the pods cannot be grouped.
    grouping: Option<PodGrouping>,
    /// Index of the first visible row.
    first: usize,
    rows: Rows<'a>,
    extent: Extent,
    sort: (SortBy, bool),
    arranging: bool,
    /// Knowledge of the pods.
    pods: Known<()>,
    now: Mono,
}

/// Rows of the list in a body of this height: all lines but the title and the heading.
fn page(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(2))
}

/// Reads the visible rows of the list.
pub(in crate::ui) fn open<'a>(
    model: &'a Model,
    area: Rect,
    context: &Context<'_>,
    state: &mut ViewState,
) -> Option<Box<dyn View + 'a>> {
    if model.screen().pod_place() != Some(PodPlace::Screen) {
        return None;
    }
    let (cluster, list) = (model.current(), model.current().pod_list(PodPlace::Screen));
    state.lists.enter_pods(list.set());
    let extent = list.extent();
    let lists = &mut state.lists;
    let offset = if list.groups().is_some() { &mut lists.pod_groups_offset } else { &mut lists.pod_list_offset };
    let shown = window(extent.len, extent.selected, *offset, page(area));
    *offset = shown.start;
    Some(Box::new(PodsView {
        set: list.set(),
        grouping: list.grouping(),
        first: shown.start,
        rows: match list.groups() {
            Some(groups) => Rows::Groups(groups.report(), shown.filter_map(|at| groups.group(at)).collect()),
            None => Rows::Pods(cluster.pod_rows(PodPlace::Screen, shown, context.now)),
        },
        extent,
        sort: model.list().map_or((SortBy::Own, false), TableControl::sort),
        arranging: list.is_arranging(),
        pods: cluster.pod_counts().map(|_| ()),
        now: context.now.mono,
    }))
}

impl View for PodsView<'_> {
    fn draw(&self, canvas: &mut Canvas<'_>, scene: &Scene<'_>, memory: &mut ListViewState) -> Viewport {
        let (area, glyphs) = (canvas.area, canvas.glyphs());
        self.title(&mut canvas.pen(0), scene);
        let below = Rect { y: area.y + area.height.min(1), height: area.height.saturating_sub(1), ..area };
        let mut list = canvas.at(below);
        match &self.rows {
            Rows::Pods(rows) => {
                let cells = PodCells { wide: area.width >= 100, glyphs };
                let params = ColumnParams { width: area.width.into(), wide: false, given: self.set.scope() };
                let table = TableRows::<Pods, _>::new(rows, &cells, &params, &mut memory.pod_list_widths, glyphs);
                if below.height > 0 {
                    table.heading(&mut list.pen(0), below, Some(self.sort));
                }
                table.draw(&mut list, rows, |row| row.selected);
            }
            Rows::Groups(report, rows) => {
                let cells = PodGroupCells { glyphs, elapsed: self.now.since(report.at) };
                let given = PodGroupsGiven { by: report.by, held: report.held > 0, requested: report.requested > 0 };
                let params = ColumnParams { width: area.width.into(), wide: false, given };
                let widths = &mut memory.pod_groups_widths;
                let table = TableRows::<PodGroups, _>::new(rows, &cells, &params, widths, glyphs);
                if below.height > 0 {
                    table.heading(&mut list.pen(0), below, Some(self.sort));
                }
                let selected = self.extent.selected.and_then(|at| rows.get(at.checked_sub(self.first)?));
                table.draw(&mut list, rows, |row| selected.is_some_and(|selected| std::ptr::eq(*selected, *row)));
            }
        }
        if self.rows.len() == 0 && below.height > 1 {
            list.pen(1).skip(1).rest(Role::Unknown, self.absence());
        }
        Viewport { page: page(area), ..Viewport::default() }
    }

    fn footer(&self, scene: &Scene<'_>, glyphs: &Glyphs) -> FooterPart {
        let is_grouped = matches!(self.rows, Rows::Groups(..));
        let all = counted(self.extent.total as u64, if is_grouped { "group" } else { "pod" });
        let mut facts: Vec<_> = self.arranging.then(|| footer::sorting(glyphs)).into_iter().collect();
        let what = if *self.set == PodSet::Trouble && !is_grouped { " in trouble" } else { "" };
        facts.push(footer::listed(self.extent, format!("{all}{what}"), scene.filter));
        facts.extend(footer::rows(self.first, self.rows.len(), self.extent.len, glyphs));
        facts.extend(scene.held.then(footer::held));
        FooterPart { hints: &HINTS, facts, found: footer::found(self.extent, self.arranging, glyphs), complete: true }
    }
}

impl PodsView<'_> {
    /// Context, title, number, grouping and devices: `prod-a  pods in trouble 61   by none [owner] gang   46 GPUs held`; the number is
    /// a lower bound while not all pods are known.
    fn title(&self, pen: &mut Pen<'_>, scene: &Scene<'_>) {
        let bound = match self.pods {
            Known::Exact(()) => "",
            _ => pen.glyphs().at_least,
        };
        pen.skip(1).put(Role::Focus, scene.context()).skip(2).put(Role::Title, &self.set.title()).skip(1);
        let total = match self.rows {
            Rows::Pods(_) => self.extent.total as u64,
            Rows::Groups(report, _) => report.pods.into(),
        };
        match self.pods {
            Known::Unknown | Known::Denied => pen.put(Role::Unknown, pen.glyphs().none),
            // The first order is not ready.
            _ if total == 0 && self.arranging => pen.put(Role::Unknown, pen.glyphs().none),
            Known::Exact(()) | Known::AtLeast(()) => pen.put(Role::Text, &format!("{bound}{}", grouped(total))),
        };
        if let Some(grouping) = self.grouping.filter(|_| pen.left() > CHOICES) {
            pen.skip(2).put(Role::Muted, "by").skip(1);
            for by in PodGrouping::ALL {
                // Brackets show the choice without styles.
                if by == grouping {
                    pen.put(Role::Focus, &format!("[{}]", by.name()));
                } else {
                    pen.put(Role::Muted, &format!(" {} ", by.name()));
                }
            }
        }
        if let Rows::Groups(report, _) = self.rows {
            let amounts = [(report.held, "held"), (report.requested, "waited for")];
            let amounts = amounts.into_iter().filter(|(count, _)| *count > 0);
            let texts = amounts.map(|(count, what)| format!("{} GPUs {what}", grouped(count)));
            let text = texts.collect::<Vec<_>>().join(&format!(" {} ", pen.glyphs().dot));
            if pen.left() > columns(&text) + 3 {
                pen.skip(2).put(Role::Text, &text);
            }
        }
    }

    fn absence(&self) -> &'static str {
        match (self.pods, self.set) {
            _ if self.extent.total > 0 && matches!(self.rows, Rows::Groups(..)) => {
                "no group matches the filter; esc clears it"
            }
            _ if self.extent.total > 0 => "no pod matches the filter; esc clears it",
            (Known::Denied, _) => "pods may not be listed",
            (Known::Unknown, _) => "pods are not known yet",
            _ if self.arranging => "reading the pods",
            (Known::AtLeast(()), PodSet::Trouble) => "no pod in trouble so far; not all pods are known",
            (Known::Exact(()), PodSet::Trouble) => "no pod is in trouble",
            (Known::AtLeast(()), _) => "no pods so far; not all are known",
            (Known::Exact(()), _) => "no pods",
        }
    }
}
