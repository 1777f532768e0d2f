//! One node: a line with its state, conditions beside resources, system, taints and labels, events, and its pods.
//!
//! ```text
//! split (110x16)             stacked (28 rows)     else
//! title                      title                 title
//! conditions │ resources     conditions            which part, of which
//! ─────────                  resources             the focused part
//! system, taints, labels     system, taints, …
//! ─────────                  pods
//! pods
//! ```

mod conditions;
mod events;
mod labels;
mod pods;
mod resources;

use ratatui::layout::Rect;

use crate::action::Action;
use crate::facts::text::Clean;
use crate::model::app::Model;
use crate::model::app::screens::{NodePane, Screen};
use crate::model::cluster::{NodeDetail, PodPlace};
use crate::model::known::Known;
use crate::model::table::{Extent, PodRow, SortBy};
use crate::msg::Viewport;
use crate::theme::{Glyphs, Role};
use crate::ui::scene::Scene;
use crate::ui::screens::view::{View, scrolled};
use crate::ui::state::{ListViewState, ViewState};
use crate::ui::units::{counted, devices, duration, known, known_counted, pair};
use crate::ui::widgets::canvas::{Canvas, Context};
use crate::ui::widgets::events::{EventsView, of as events_of};
use crate::ui::widgets::footer::{self, FooterPart, Hint};
use crate::ui::widgets::layout::window;
use crate::ui::widgets::text::{Pen, columns};
use crate::ui::words;

pub(in crate::ui::screens) use pods::{PodCells, trouble_role};
pub(in crate::ui) use resources::amount;

/// Minimum size of a body with conditions beside resources.
const SPLIT: (u16, u16) = (110, 16);

/// Minimum width with conditions beside resources even if they have the focus.
const BESIDE: u16 = 150;

/// Minimum height of a body with all parts below each other.
const STACKED: u16 = 28;

/// Minimum number of lines for the pods, with their heading.
const PODS: u16 = 4;

/// The parts in the order of the focus, with their names.
const PANES: [(NodePane, &str); 5] = [
    (NodePane::Pods, "pods"),
    (NodePane::Conditions, "conditions"),
    (NodePane::Resources, "resources"),
    (NodePane::Labels, "labels"),
    (NodePane::Events, "events"),
];

const HINTS: [Hint; 9] = hints("open pod");
const EVENT_HINTS: [Hint; 9] = hints("details");
const TEXT_HINTS: [Hint; 9] = hints("in full");

/// Hints of a pane in which `enter` does this.
const fn hints(open: &'static str) -> [Hint; 9] {
    [
        (Action::Back, "back"),
        (Action::Help, "help"),
        (Action::Open, open),
        (Action::NextPane, "next pane"),
        (Action::Filter, "filter"),
        (Action::SortNext, "sort"),
        (Action::Yaml, "yaml"),
        (Action::Copy, "copy"),
        (Action::NextCluster, "cluster"),
    ]
}

/// The visible part of an opened node.
pub(in crate::ui) struct NodeView<'a> {
    pub(in crate::ui) name: &'a Clean,
    /// Pane that has the focus.
    pub(in crate::ui) pane: NodePane,
    /// The node; `None` if it does not exist.
    pub(in crate::ui) detail: Option<NodeDetail<'a>>,
    /// Numbers of pods of the node, and the index of the selected one.
    pub(in crate::ui) extent: Extent,
    /// Index of the first visible pod.
    pub(in crate::ui) first: usize,
    /// The visible pods.
    pub(in crate::ui) pods: Vec<PodRow<'a>>,
    /// The column that the pods are sorted by, and `true` for the reverse order.
    pub(in crate::ui) sort: (SortBy, bool),
    /// `true` while the pods are in the previous order.
    pub(in crate::ui) arranging: bool,
    /// Index of the first line of the focused pane, if that is not the pods.
    pub(in crate::ui) scroll: usize,
    /// `true` if the events keep their cursor visible.
    pub(in crate::ui) follows: bool,
    pub(in crate::ui) events: EventsView<'a>,
    pub(in crate::ui) layout: NodeLayout,
}

/// Reads the opened node for `area`.
pub(in crate::ui) fn open<'a>(
    model: &'a Model,
    area: Rect,
    context: &Context<'_>,
    state: &mut ViewState,
) -> Option<Box<dyn View + 'a>> {
    let Screen::Node { name, pane } = model.screen() else { return None };
    let (cluster, now) = (model.current(), context.now);
    let (detail, events) = (cluster.node(name, now), events_of(cluster, now));
    let glyphs = &context.theme.glyphs;
    let layout = NodeLayout::new(area, detail.as_ref().map(|detail| (detail, &events)), *pane, glyphs);
    let list = cluster.pod_list(PodPlace::Node);
    let extent = list.extent();
    let rows = window(extent.len, extent.selected, state.lists.pods_offset, layout.pod_rows());
    state.lists.pods_offset = rows.start;
    let (first, pods) = (rows.start, cluster.pod_rows(PodPlace::Node, rows, now));
    let (scroll, sort) = (model.pane_scroll().min(layout.hidden), list.control().sort());
    let arranging = list.is_arranging();
    Some(Box::new(NodeView {
        name,
        pane: *pane,
        detail,
        extent,
        first,
        pods,
        sort,
        arranging,
        scroll,
        follows: model.follows(),
        events,
        layout,
    }))
}

/// Areas of the parts of a node; parts that are not shown have no height.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::ui) struct NodeLayout {
    title: Rect,
    /// Line with the names of the parts, if only the focused one is shown.
    tabs: Rect,
    conditions: Rect,
    divider: Rect,
    resources: Rect,
    rules: [Rect; 2],
    labels: Rect,
    pods: Rect,
    events: Rect,
    /// Number of lines of the focused part that do not fit into its area.
    hidden: usize,
}

/// State of a pane.
#[derive(Clone, Copy)]
struct Pane {
    focused: bool,
    /// First line, unless there are fewer.
    scroll: usize,
    /// `true` if it keeps its cursor visible.
    follows: bool,
}

impl NodeLayout {
    /// Divides `area` by the needs of the parts.
    pub(in crate::ui) fn new(
        area: Rect,
        detail: Option<(&NodeDetail<'_>, &EventsView<'_>)>,
        pane: NodePane,
        glyphs: &Glyphs,
    ) -> Self {
        let events = detail.map_or(0, |(_, events)| events::count(events, area.width, glyphs));
        let mut plan = Self::divide(area, detail, pane, events);
        let lines = detail.map_or(0, |(detail, view)| match pane {
            NodePane::Pods => 0,
            NodePane::Conditions => conditions::count(detail, plan.conditions.width),
            NodePane::Resources => detail.resources.len() + detail.notes.len(),
            NodePane::Labels => labels::lines(detail, area.width, view.now).len(),
            NodePane::Events => events,
        });
        plan.hidden = lines.saturating_sub(plan.page(pane));
        plan
    }

    /// Divides `area`: more for the focused part, the rest for the pods. `event_lines`: number of lines of the events.
    fn divide(
        area: Rect,
        detail: Option<(&NodeDetail<'_>, &EventsView<'_>)>,
        pane: NodePane,
        event_lines: usize,
    ) -> Self {
        let title = Rect { height: area.height.min(1), ..area };
        let body = Rect { y: area.y + title.height, height: area.height - title.height, ..area };
        let Some((detail, events)) = detail else { return Self { title, ..Self::default() } };
        let lines = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
        let conditions = |width: u16| lines(conditions::count(detail, width) + 1);
        let resources = lines(detail.resources.len() + detail.notes.len() + 1);
        let share = |needs: u16, focused: bool, parts: u16| {
            let most = if focused { area.height / 2 } else { area.height / parts };
            needs.min(most.max(2))
        };
        let (info, top) = (pane == NodePane::Labels, matches!(pane, NodePane::Conditions | NodePane::Resources));
        if area.width >= SPLIT.0 && area.height >= SPLIT.1 {
            let labels = share(lines(labels::lines(detail, area.width, events.now).len()), info, 6);
            // Messages are long: on a narrow screen the focused conditions get the whole width.
            let alone = pane == NodePane::Conditions && area.width < BESIDE;
            let beside = if alone { 0 } else { (area.width * 9 / 20).min(76) };
            let conditions = conditions((area.width - beside).saturating_sub(1));
            let height = share(conditions.max(resources), top, 3).min(body.height.saturating_sub(labels + 2 + PODS));
            let left = Rect { width: area.width - beside, height, ..body };
            let rule = |y| Rect { y, height: 1, ..body };
            let labels = Rect { y: left.bottom() + 1, height: labels, ..body };
            let pods = labels.bottom() + 1;
            let pods = Rect { y: pods, height: area.bottom().saturating_sub(pods), ..body };
            let (pods, events) = below(pods, share(lines(event_lines + 1), pane == NodePane::Events, 5));
            return Self {
                title,
                conditions: Rect { width: left.width.saturating_sub(1), ..left },
                divider: Rect { x: left.right(), width: beside.min(1), ..left },
                resources: Rect { x: left.right() + 1, width: beside.saturating_sub(1), ..left },
                rules: [rule(left.bottom()), rule(labels.bottom())],
                labels,
                pods,
                events,
                ..Self::default()
            };
        }
        if area.height >= STACKED {
            let conditions = Rect { height: share(conditions(area.width), pane == NodePane::Conditions, 5), ..body };
            let height = share(resources, pane == NodePane::Resources, 5);
            let resources = Rect { y: conditions.bottom(), height, ..body };
            let height = share(lines(labels::lines(detail, area.width, events.now).len()), info, 6);
            let labels = Rect { y: resources.bottom(), height, ..body };
            let pods = Rect { y: labels.bottom(), height: area.bottom().saturating_sub(labels.bottom()), ..body };
            let (pods, events) = below(pods, share(lines(event_lines + 1), pane == NodePane::Events, 6));
            return Self { title, conditions, resources, labels, pods, events, ..Self::default() };
        }
        Self::tabbed(title, body, pane)
    }

    /// Gives the body to one pane, below the tabs of all.
    fn tabbed(title: Rect, body: Rect, pane: NodePane) -> Self {
        let tabs = Rect { height: body.height.min(1), ..body };
        let one = Rect { y: body.y + tabs.height, height: body.height - tabs.height, ..body };
        let plan = Self { title, tabs, ..Self::default() };
        match pane {
            NodePane::Pods => Self { pods: one, ..plan },
            NodePane::Conditions => Self { conditions: one, ..plan },
            NodePane::Resources => Self { resources: one, ..plan },
            NodePane::Labels => Self { labels: one, ..plan },
            NodePane::Events => Self { events: one, ..plan },
        }
    }

    /// Number of pods that fit.
    pub(in crate::ui) fn pod_rows(&self) -> usize {
        usize::from(self.pods.height.saturating_sub(1))
    }

    /// Number of lines of a page: the focused part without its heading.
    pub(in crate::ui) fn page(&self, pane: NodePane) -> usize {
        let (height, heading) = match pane {
            NodePane::Pods => (self.pods.height, 1),
            NodePane::Conditions => (self.conditions.height, 1),
            NodePane::Resources => (self.resources.height, 1),
            NodePane::Labels => (self.labels.height, 0),
            NodePane::Events => (self.events.height, 1),
        };
        usize::from(height.saturating_sub(heading))
    }
}

/// Splits `height` lines off the end of the pods, if enough are left.
fn below(pods: Rect, height: u16) -> (Rect, Rect) {
    let height = height.min(pods.height.saturating_sub(PODS));
    let pods = Rect { height: pods.height - height, ..pods };
    (pods, Rect { y: pods.bottom(), height, ..pods })
}

impl View for NodeView<'_> {
    fn draw(&self, canvas: &mut Canvas<'_>, scene: &Scene<'_>, memory: &mut ListViewState) -> Viewport {
        let (layout, glyphs, context) = (&self.layout, canvas.glyphs(), scene.context());
        let mut head = canvas.at(layout.title);
        let mut pen = head.pen(0);
        let Some(detail) = &self.detail else {
            pen.skip(1).put(Role::Muted, context).put(Role::Muted, " / ").put(Role::Title, self.name).skip(2);
            pen.rest(Role::Unknown, "this node is not in the list now; it is shown again when it comes back");
            return scrolled(layout.page(self.pane), layout.hidden);
        };
        title(&mut pen, detail, context);
        tabs(&mut canvas.at(layout.tabs).pen(0), self.pane);
        for area in layout.rules {
            canvas.at(area).rule(None);
        }
        for row in 0..layout.divider.height {
            canvas.at(layout.divider).pen(row).put(Role::Rule, glyphs.divider);
        }
        let pane = |pane: NodePane| {
            let focused = self.pane == pane;
            Pane { focused, scroll: if focused { self.scroll } else { 0 }, follows: focused && self.follows }
        };
        conditions::draw(&mut canvas.at(layout.conditions), detail, pane(NodePane::Conditions));
        resources::draw(&mut canvas.at(layout.resources), detail, pane(NodePane::Resources));
        labels::draw(&mut canvas.at(layout.labels), detail, self.events.now, pane(NodePane::Labels));
        pods::draw(&mut canvas.at(layout.pods), self, pane(NodePane::Pods), &mut memory.pods_widths);
        let (focus, seen) = (pane(NodePane::Events), &mut memory.events_widths);
        let viewport = events::draw(&mut canvas.at(layout.events), &self.events, focus, seen);
        match self.pane {
            NodePane::Events => viewport,
            _ => scrolled(layout.page(self.pane), layout.hidden),
        }
    }

    fn footer(&self, scene: &Scene<'_>, glyphs: &Glyphs) -> FooterPart {
        let mut facts: Vec<_> = self.arranging.then(|| footer::sorting(glyphs)).into_iter().collect();
        facts.push(if self.pane == NodePane::Events && !scene.filter.is_empty() {
            let events = self.events.extent;
            footer::filtered(events, &counted(events.total as u64, "event"), scene.filter)
        } else if scene.filter.is_empty() {
            let pods = self.detail.as_ref().map_or(Known::Unknown, |detail| detail.row.pods);
            (Role::Text, format!("{} on this node", known_counted(pods, "pod", glyphs)))
        } else {
            footer::filtered(self.extent, &counted(self.extent.total as u64, "pod"), scene.filter)
        });
        facts.extend(footer::rows(self.first, self.pods.len(), self.extent.len, glyphs));
        facts.extend(scene.held.then(footer::held));
        let focused = if self.pane == NodePane::Events { self.events.extent } else { self.extent };
        let hints = match self.pane {
            NodePane::Pods => &HINTS,
            NodePane::Events => &EVENT_HINTS,
            NodePane::Conditions | NodePane::Resources | NodePane::Labels => &TEXT_HINTS,
        };
        FooterPart { hints, facts, found: footer::found(focused, self.arranging, glyphs), complete: false }
    }
}

/// Name, status, GPUs, pods, version, age; what does not fit is left out from the right.
fn title(pen: &mut Pen<'_>, detail: &NodeDetail<'_>, context: &str) {
    let glyphs = pen.glyphs();
    let (role, glyph) = words::readiness(detail.status, glyphs);
    let status = words::status(detail.status, 40);
    pen.skip(1);
    let name = &detail.facts.name;
    if pen.left() > columns(context) + 3 + columns(name) + 2 + columns(&status) {
        pen.put(Role::Muted, context).put(Role::Muted, " / ");
    }
    let room = pen.left().saturating_sub(columns(&status) + 4);
    pen.name(Role::Title, name, columns(name).min(room)).skip(2).put(role, glyph).skip(1).put(role, &status);
    let row = &detail.row;
    let mut facts = Vec::new();
    if let Some(gpu) = row.gpu {
        let numbers = devices(gpu, 1, glyphs);
        facts.push(("gpu ", format!("{numbers} {}", row.model.unwrap_or_default()).trim_end().to_owned()));
    }
    let allocatable = row.pods_allocatable.map_or(Known::Unknown, Known::Exact);
    let partial = if detail.partial.is_some() { " partial" } else { "" };
    let pods = match allocatable {
        Known::Unknown if row.pods != Known::Denied => format!("{}/{}", known(row.pods, glyphs), glyphs.unknown),
        _ => pair(row.pods, allocatable, glyphs),
    };
    facts.push(("pods ", pods + partial));
    facts.push(("", detail.facts.kubelet.to_string()));
    facts.push(("age ", row.age.map_or_else(|| glyphs.none.to_owned(), duration)));
    if detail.facts.deleting {
        facts.insert(0, ("", "being deleted".to_owned()));
    }
    for (label, text) in facts {
        if columns(&text) + label.len() + 3 > pen.left() {
            break;
        }
        pen.skip(3).put(Role::Muted, label).put(Role::Text, &text);
    }
}

fn tabs(pen: &mut Pen<'_>, focused: NodePane) {
    for (pane, name) in PANES {
        // Brackets show the focus without styles.
        if pane == focused {
            pen.put(Role::Focus, &format!("[{name}]"));
        } else {
            pen.put(Role::Muted, &format!(" {name} "));
        }
    }
}

impl Pane {
    /// The mark before the heading of the focused part.
    fn mark<'p, 'b>(&self, pen: &'p mut Pen<'b>) -> &'p mut Pen<'b> {
        let glyphs = pen.glyphs();
        pen.put(Role::Focus, if self.focused { glyphs.focus } else { " " })
    }

    /// Index of the first visible of `lines` lines in a part of `height` lines.
    fn first(&self, lines: usize, height: u16) -> usize {
        self.scroll.min(lines.saturating_sub(usize::from(height)))
    }
}

/// Writes the number of hidden lines at the right end of the heading.
fn hidden(pen: &mut Pen<'_>, lines: usize, height: u16) {
    let hidden = lines.saturating_sub(usize::from(height));
    let text = format!("+{hidden} more");
    if hidden > 0 && pen.left() > columns(&text) + 1 {
        pen.skip(pen.left() - columns(&text) - 1).put(Role::Muted, &text);
    }
}
