//! A list of pods of a cluster: those in trouble, worst first, all of them, or those that a row has opened.

use ratatui::layout::Rect;

use super::node::PodCells;
use crate::action::Action;
use crate::model::app::Model;
use crate::model::cluster::{PodPlace, PodSet};
use crate::model::known::Known;
use crate::model::table::pods::Pods;
use crate::model::table::state::TableControl;
use crate::model::table::{Extent, PodRow, SortBy};
use crate::msg::Viewport;
use crate::theme::{Glyphs, Role};
use crate::ui::scene::Scene;
use crate::ui::screens::view::View;
use crate::ui::state::{ListViewState, ViewState};
use crate::ui::units::{counted, grouped};
use crate::ui::widgets::canvas::{Canvas, Context};
use crate::ui::widgets::footer::{self, FooterPart, Hint};
use crate::ui::widgets::layout::window;
use crate::ui::widgets::table::{ColumnParams, TableRows};
use crate::ui::widgets::text::Pen;

const HINTS: [Hint; 11] = [
    (Action::Back, "back"),
    (Action::Help, "help"),
    (Action::Open, "open pod"),
    (Action::Trouble, "all pods"),
    (Action::Filter, "filter"),
    (Action::SortNext, "sort"),
    (Action::Node, "node"),
    (Action::Owner, "owner"),
    (Action::Yaml, "yaml"),
    (Action::Hold, "hold"),
    (Action::NextCluster, "cluster"),
];

/// The visible part of the list.
struct PodsView<'a> {
    set: &'a PodSet,
    /// Index of the first visible row.
    first: usize,
    rows: Vec<PodRow<'a>>,
    extent: Extent,
    sort: (SortBy, bool),
    arranging: bool,
    /// Knowledge of the pods.
    pods: Known<()>,
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
    let shown = window(extent.len, extent.selected, state.lists.pod_list_offset, page(area));
    state.lists.pod_list_offset = shown.start;
    Some(Box::new(PodsView {
        set: list.set(),
        first: shown.start,
        rows: cluster.pod_rows(PodPlace::Screen, shown, context.now),
        extent,
        sort: model.list().map_or((SortBy::Own, false), TableControl::sort),
        arranging: list.is_arranging(),
        pods: cluster.pod_counts().map(|_| ()),
    }))
}

impl View for PodsView<'_> {
    fn draw(&self, canvas: &mut Canvas<'_>, scene: &Scene<'_>, memory: &mut ListViewState) -> Viewport {
        let (area, glyphs) = (canvas.area, canvas.glyphs());
        self.title(&mut canvas.pen(0), scene);
        let cells = PodCells { wide: area.width >= 100, glyphs };
        let params = ColumnParams { width: area.width.into(), wide: false, given: self.set.scope() };
        let table = TableRows::<Pods, _>::new(&self.rows, &cells, &params, &mut memory.pod_list_widths, glyphs);
        let below = Rect { y: area.y + area.height.min(1), height: area.height.saturating_sub(1), ..area };
        let mut list = canvas.at(below);
        if below.height > 0 {
            table.heading(&mut list.pen(0), below, Some(self.sort));
        }
        if self.rows.is_empty() && below.height > 1 {
            list.pen(1).skip(1).rest(Role::Unknown, self.absence());
        }
        table.draw(&mut list, &self.rows, |row| row.selected);
        Viewport { page: page(area), ..Viewport::default() }
    }

    fn footer(&self, scene: &Scene<'_>, glyphs: &Glyphs) -> FooterPart {
        let all = counted(self.extent.total as u64, "pod");
        let mut facts: Vec<_> = self.arranging.then(|| footer::sorting(glyphs)).into_iter().collect();
        let what = if *self.set == PodSet::Trouble { " in trouble" } else { "" };
        facts.push(if scene.filter.is_empty() {
            (Role::Text, format!("{all}{what}"))
        } else {
            (Role::Warn, format!("{} of {all}{what} by filter {}", grouped(self.extent.len as u64), scene.filter))
        });
        facts.extend(footer::rows(self.first, self.rows.len(), self.extent.len, glyphs));
        facts.extend(scene.held.then(footer::held));
        FooterPart { hints: &HINTS, facts, found: footer::found(self.extent, self.arranging, glyphs), complete: true }
    }
}

impl PodsView<'_> {
    /// Context, title and number: `prod-a  pods in trouble 61`, a lower bound while not all pods are known.
    fn title(&self, pen: &mut Pen<'_>, scene: &Scene<'_>) {
        let bound = match self.pods {
            Known::Exact(()) => "",
            _ => pen.glyphs().at_least,
        };
        pen.skip(1).put(Role::Focus, scene.context()).skip(2).put(Role::Title, &self.set.title()).skip(1);
        match self.pods {
            Known::Unknown | Known::Denied => pen.put(Role::Unknown, pen.glyphs().none),
            Known::Exact(()) | Known::AtLeast(()) => {
                pen.put(Role::Text, &format!("{bound}{}", grouped(self.extent.total as u64)))
            }
        };
    }

    fn absence(&self) -> &'static str {
        match (self.pods, self.set) {
            _ if self.extent.total > 0 => "no pod matches the filter; esc clears it",
            (Known::Denied, _) => "pods may not be listed",
            (Known::Unknown, _) => "pods are not known yet",
            (Known::AtLeast(()), PodSet::Trouble) => "no pod in trouble so far; not all pods are known",
            (Known::Exact(()), PodSet::Trouble) => "no pod is in trouble",
            (Known::AtLeast(()), _) => "no pods so far; not all are known",
            (Known::Exact(()), _) => "no pods",
        }
    }
}
