//! One node: its state in a line, conditions beside resources, system, taints and labels, and the pods on it.
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

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::events::EventsView;
use super::grid::Seen;
use super::header::rule;
use super::scene::{NodeView, Paint};
use super::text::{Pen, columns};
use super::units::{devices, duration, known, pair};
use super::words;
use crate::model::cluster::NodeDetail;
use crate::model::{Known, NodePane};
use crate::theme::Role;

pub(super) use resources::amount;

/// Smallest body in which conditions stand beside resources.
const SPLIT: (u16, u16) = (110, 16);

/// Width from which conditions stand beside resources even with the focus on them.
const BESIDE: u16 = 150;

/// Smallest body in which all parts stand below each other.
const STACKED: u16 = 28;

/// Fewest lines of the pods, with their heading.
const PODS: u16 = 4;

/// The parts in the order in which the focus goes through them, with their names.
const PANES: [(NodePane, &str); 5] = [
    (NodePane::Pods, "pods"),
    (NodePane::Conditions, "conditions"),
    (NodePane::Resources, "resources"),
    (NodePane::Labels, "labels"),
    (NodePane::Events, "events"),
];

/// Where the parts of a node are; parts that are not shown have no height.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    title: Rect,
    /// Only the focused part is shown; this line says which.
    tabs: Rect,
    conditions: Rect,
    divider: Rect,
    resources: Rect,
    rules: [Rect; 2],
    labels: Rect,
    pods: Rect,
    events: Rect,
    /// Lines of the focused part that its area has no room for.
    hidden: usize,
}

/// What a part looks like, besides its content.
#[derive(Clone, Copy)]
struct Pane<'a> {
    paint: Paint<'a>,
    focused: bool,
    /// First line; as far as there is more.
    scroll: usize,
}

impl Plan {
    /// Shares out `area` by what each part needs.
    pub(super) fn new(area: Rect, detail: Option<(&NodeDetail<'_>, &EventsView<'_>)>, pane: NodePane) -> Self {
        let mut plan = Self::share(area, detail, pane);
        let lines = detail.map_or(0, |(detail, events)| match pane {
            NodePane::Pods => 0,
            NodePane::Conditions => detail.facts.conditions.len(),
            NodePane::Resources => detail.resources.len() + detail.notes.len(),
            NodePane::Labels => labels::lines(detail, (area.width, events.now)).len(),
            NodePane::Events => events::count(events),
        });
        plan.hidden = lines.saturating_sub(plan.page(pane));
        plan
    }

    /// The focused part has more, the pods have the rest.
    fn share(area: Rect, detail: Option<(&NodeDetail<'_>, &EventsView<'_>)>, pane: NodePane) -> Self {
        let title = Rect { height: area.height.min(1), ..area };
        let body = Rect { y: area.y + title.height, height: area.height - title.height, ..area };
        let Some((detail, events)) = detail else { return Self { title, ..Self::default() } };
        let lines = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
        let conditions = lines(detail.facts.conditions.len() + 1);
        let resources = lines(detail.resources.len() + detail.notes.len() + 1);
        let share = |needs: u16, focused: bool, parts: u16| {
            let most = if focused { area.height / 2 } else { area.height / parts };
            needs.min(most.max(2))
        };
        let (info, top) = (pane == NodePane::Labels, matches!(pane, NodePane::Conditions | NodePane::Resources));
        if area.width >= SPLIT.0 && area.height >= SPLIT.1 {
            let labels = share(lines(labels::lines(detail, (area.width, events.now)).len()), info, 6);
            let height = share(conditions.max(resources), top, 3).min(body.height.saturating_sub(labels + 2 + PODS));
            // Messages are long: with the focus on them they have the line for themselves where it is short.
            let alone = pane == NodePane::Conditions && area.width < BESIDE;
            let beside = if alone { 0 } else { (area.width * 9 / 20).min(76) };
            let left = Rect { width: area.width - beside, height, ..body };
            let rule = |y| Rect { y, height: 1, ..body };
            let labels = Rect { y: left.bottom() + 1, height: labels, ..body };
            let pods = labels.bottom() + 1;
            let pods = Rect { y: pods, height: area.bottom().saturating_sub(pods), ..body };
            let (pods, events) = below(pods, share(lines(events::count(events) + 1), pane == NodePane::Events, 5));
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
            let conditions = Rect { height: share(conditions, pane == NodePane::Conditions, 5), ..body };
            let height = share(resources, pane == NodePane::Resources, 5);
            let resources = Rect { y: conditions.bottom(), height, ..body };
            let height = share(lines(labels::lines(detail, (area.width, events.now)).len()), info, 6);
            let labels = Rect { y: resources.bottom(), height, ..body };
            let pods = Rect { y: labels.bottom(), height: area.bottom().saturating_sub(labels.bottom()), ..body };
            let (pods, events) = below(pods, share(lines(events::count(events) + 1), pane == NodePane::Events, 6));
            return Self { title, conditions, resources, labels, pods, events, ..Self::default() };
        }
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

    /// How many pods there is room for.
    pub(super) fn pod_rows(&self) -> usize {
        usize::from(self.pods.height.saturating_sub(1))
    }

    /// How far the focused part can be scrolled.
    pub(super) fn hidden(&self) -> usize {
        self.hidden
    }

    /// Lines of the focused part without its heading: what a page is.
    pub(super) fn page(&self, pane: NodePane) -> usize {
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

/// Cuts `height` lines off the end of the pods, of which enough are left.
fn below(pods: Rect, height: u16) -> (Rect, Rect) {
    let height = height.min(pods.height.saturating_sub(PODS));
    let pods = Rect { height: pods.height - height, ..pods };
    (pods, Rect { y: pods.bottom(), height, ..pods })
}

/// Draws the opened node into the areas of `plan`.
pub(super) fn draw(
    buf: &mut Buffer,
    plan: &Plan,
    view: &NodeView<'_>,
    (context, paint, seen): (&str, Paint<'_>, &mut Seen),
) {
    let Some(detail) = &view.detail else {
        let mut pen = Pen::new(buf, paint.look, plan.title, 0);
        pen.skip(1).put(Role::Muted, context).put(Role::Muted, " / ").put(Role::Title, view.name).skip(2);
        pen.rest(Role::Unknown, "this node is not in the list now; it is shown again when it comes back");
        return;
    };
    title(&mut Pen::new(buf, paint.look, plan.title, 0), detail, (context, paint));
    tabs(&mut Pen::new(buf, paint.look, plan.tabs, 0), view.pane);
    for area in plan.rules {
        rule(buf, area, None, paint);
    }
    for row in 0..plan.divider.height {
        Pen::new(buf, paint.look, plan.divider, row).put(Role::Rule, paint.look.glyphs.divider);
    }
    let pane = |pane: NodePane| {
        let focused = view.pane == pane;
        Pane { paint, focused, scroll: if focused { view.scroll } else { 0 } }
    };
    conditions::draw(buf, plan.conditions, detail, pane(NodePane::Conditions));
    resources::draw(buf, plan.resources, detail, pane(NodePane::Resources));
    labels::draw(buf, plan.labels, (detail, view.events.now), pane(NodePane::Labels));
    pods::draw(buf, plan.pods, view, (pane(NodePane::Pods), seen));
    events::draw(buf, plan.events, &view.events, pane(NodePane::Events));
}

/// Name, status, GPUs, pods, version, age; what does not fit is left out from the right.
fn title(pen: &mut Pen<'_>, detail: &NodeDetail<'_>, (context, paint): (&str, Paint<'_>)) {
    let glyphs = &paint.look.glyphs;
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
        // Brackets, so that the focus can be seen without styles.
        if pane == focused {
            pen.put(Role::Focus, &format!("[{name}]"));
        } else {
            pen.put(Role::Muted, &format!(" {name} "));
        }
    }
}

impl Pane<'_> {
    /// The mark before the heading of the focused part.
    fn mark<'p, 'b>(&self, pen: &'p mut Pen<'b>) -> &'p mut Pen<'b> {
        pen.put(Role::Focus, if self.focused { self.paint.look.glyphs.focus } else { " " })
    }

    /// First line to show of `lines`, in a part of `height` lines.
    fn first(&self, lines: usize, height: u16) -> usize {
        self.scroll.min(lines.saturating_sub(usize::from(height)))
    }
}

/// Says how many of `lines` a part of `height` lines hides, on the right of its heading.
fn hidden(pen: &mut Pen<'_>, lines: usize, height: u16) {
    let hidden = lines.saturating_sub(usize::from(height));
    let text = format!("+{hidden} more");
    if hidden > 0 && pen.left() > columns(&text) + 1 {
        pen.skip(pen.left() - columns(&text) - 1).put(Role::Muted, &text);
    }
}
