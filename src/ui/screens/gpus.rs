//! The GPU view: what fits now, accelerators by group, and devices held by pods that do not run; one list of lines to scroll.

mod lines;

use std::time::Duration;

use ratatui::layout::Rect;

use crate::action::{Action, TopScreen};
use crate::facts::accelerator::Kind;
use crate::facts::pod::SinceBasis;
use crate::facts::text::Clean;
use crate::model::app::Model;
use crate::model::app::screens::Screen;
use crate::model::derive::fit::SIZES;
use crate::model::derive::gpus::{GpuGroup, GpuReport, Grouping, HeldDevices, Supply};
use crate::model::known::Known;
use crate::model::store::scope::Partial;
use crate::model::store::sync::Visibility;
use crate::model::time::age_of;
use crate::msg::Viewport;
use crate::theme::{Glyphs, Role};
use crate::ui::scene::Scene;
use crate::ui::screens::view::{View, scrolled};
use crate::ui::state::{ListMemory, ViewState};
use crate::ui::units::{amount, compact, devices, duration};
use crate::ui::widgets::canvas::{Canvas, Context};
use crate::ui::widgets::footer::{FooterPart, Hint};
use crate::ui::widgets::grid;
use crate::ui::widgets::grid::{ColumnSpec, Placed, Width};
use crate::ui::widgets::names::ShortNames;
use crate::ui::widgets::strip::LONGEST_CONTEXT;
use crate::ui::widgets::text::{Pen, columns};
use crate::ui::words;

use lines::{GpuLine, GpuLines};

#[cfg(test)]
thread_local! {
    /// Cells that were made of groups and of what is held.
    pub(in crate::ui) static CELLS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// What the view shows, taken out of the model.
struct GpusView<'a> {
    board: &'a GpuReport,
    by: Grouping,
    /// Whether what pods ask for is known.
    pods: Known<()>,
    /// Whether what nodes announce is known.
    nodes: Known<()>,
    /// Why devices of dynamic resource allocation are not seen, where there may be some.
    dra_hidden: Option<String>,
    /// What is watched of the pods, if that is only a part of the cluster.
    partial: Option<Partial>,
    /// Nodes and pods that could not be read.
    unread: [u32; 2],
    /// First line, unless there are fewer.
    scroll: usize,
    /// Now by the server's clock.
    server_now: jiff::Timestamp,
    /// How old what is shown is, once it does not speak for now.
    old: Option<Duration>,
}

const HINTS: [Hint; 5] = [
    (Action::Back, "back"),
    (Action::Help, "help"),
    (Action::NextPane, "group by"),
    (Action::Down, "scroll"),
    (Action::NextCluster, "cluster"),
];

/// Reads the accelerators of the current cluster.
pub(in crate::ui) fn open<'a>(
    model: &'a Model,
    _: Rect,
    context: &Context<'_>,
    _: &mut ViewState,
) -> Option<Box<dyn View + 'a>> {
    let Screen::Top(TopScreen::Gpus) = model.screen() else { return None };
    let cluster = model.current();
    let visible = cluster.optional().dra_visible();
    let hidden = matches!(visible, Visibility::Denied(_) | Visibility::Unavailable(_));
    Some(Box::new(GpusView {
        board: cluster.gpu_report(),
        by: model.grouping(),
        pods: cluster.pod_counts().map(|_| ()),
        nodes: cluster.node_counts().map(|_| ()),
        dra_hidden: visible.reason().filter(|_| hidden),
        partial: cluster.tracks().partial(),
        unread: [cluster.tracks().unread_nodes(), cluster.tracks().unread_pods()],
        scroll: model.pane_scroll(),
        server_now: cluster.link().now(context.now),
        old: words::stale(&cluster.summary(context.now)),
    }))
}

impl GpusView<'_> {
    /// Grouping of the report; the previous one until the requested one is counted.
    fn grouped_by(&self) -> Grouping {
        self.board.by.unwrap_or(self.by)
    }

    /// How plain figures are drawn: those of old data are not as of now.
    fn plain(&self) -> Role {
        if self.old.is_some() { Role::Stale } else { Role::Text }
    }

    /// What pods ask for is known of some namespaces, or of those pods that could be read.
    fn is_partial(&self) -> bool {
        (self.partial.is_some() || self.unread[1] > 0) && matches!(self.pods, Known::AtLeast(()))
    }

    /// Both what there is and what is asked for are known: only then is anything free.
    fn is_whole(&self) -> bool {
        matches!((self.nodes, self.pods), (Known::Exact(()), Known::Exact(())))
    }

    /// What the groups are made from is known.
    fn has_source(&self) -> bool {
        let source = if self.grouped_by().of_nodes() { self.nodes } else { self.pods };
        matches!(source, Known::Exact(()))
    }
}

/// Lines of a page: all but the title.
fn page(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(1))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GroupColumn {
    Name,
    Resource,
    Nodes,
    Pods,
    Requested,
    Healthy,
    Capacity,
    Free,
    Over,
    Lost,
    Fit(usize),
    Why,
}

const GROUPS: [ColumnSpec<GroupColumn>; 16] = [
    ColumnSpec::new(GroupColumn::Name, "", Width::Seen(8, 40), 0),
    ColumnSpec::new(GroupColumn::Resource, "RESOURCE", Width::Seen(8, 32), 6),
    ColumnSpec::new(GroupColumn::Nodes, "NODES", Width::Seen(5, 8), 7).right(),
    ColumnSpec::new(GroupColumn::Pods, "PODS", Width::Seen(5, 8), 7).right(),
    ColumnSpec::new(GroupColumn::Requested, "REQ", Width::Seen(7, 9), 1).right(),
    ColumnSpec::new(GroupColumn::Healthy, "ALLOC", Width::Seen(7, 9), 2).right(),
    ColumnSpec::new(GroupColumn::Capacity, "CAP", Width::Seen(7, 9), 3).right(),
    ColumnSpec::new(GroupColumn::Free, "FREE", Width::Seen(7, 9), 4).right(),
    ColumnSpec::new(GroupColumn::Over, "OVER", Width::Seen(4, 9), 5).right(),
    ColumnSpec::new(GroupColumn::Lost, "LOST", Width::Seen(7, 17), 5),
    ColumnSpec::new(GroupColumn::Fit(0), "FIT 1", Width::Seen(5, 8), 8).right(),
    ColumnSpec::new(GroupColumn::Fit(1), "2", Width::Seen(4, 8), 10).right(),
    ColumnSpec::new(GroupColumn::Fit(2), "4", Width::Seen(4, 8), 11).right(),
    ColumnSpec::new(GroupColumn::Fit(3), "8", Width::Seen(4, 8), 12).right(),
    ColumnSpec::new(GroupColumn::Fit(4), "16", Width::Seen(4, 8), 13).right(),
    // Why fewer fit than are free, and fewer are free than nobody asks for, explains more than how they are cut.
    ColumnSpec::new(GroupColumn::Why, "NOT FREE, BLOCKED", Width::Seen(17, 40), 9),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HeldColumn {
    Amount,
    For,
    Since,
    State,
    Pod,
    Node,
    Owner,
    Resource,
}

const HELD: [ColumnSpec<HeldColumn>; 8] = [
    ColumnSpec::new(HeldColumn::Amount, "HELD", Width::Seen(4, 16), 1).right(),
    ColumnSpec::new(HeldColumn::For, "FOR", Width::Fixed(6), 2).right(),
    ColumnSpec::new(HeldColumn::Since, "SINCE", Width::Fixed(9), 6),
    ColumnSpec::new(HeldColumn::State, "STATE", Width::Seen(9, 24), 3),
    ColumnSpec::new(HeldColumn::Pod, "POD", Width::Seen(12, 80), 0),
    ColumnSpec::new(HeldColumn::Node, "NODE", Width::Seen(8, 40), 4),
    ColumnSpec::new(HeldColumn::Owner, "OWNER", Width::Seen(8, 40), 5),
    ColumnSpec::new(HeldColumn::Resource, "RESOURCE", Width::Seen(8, 32), 7),
];

impl View for GpusView<'_> {
    fn draw(&self, canvas: &mut Canvas<'_>, scene: &Scene<'_>, memory: &mut ListMemory) -> Viewport {
        let (area, glyphs) = (canvas.area, canvas.glyphs());
        let lines = GpuLines::new(self, &format!(" {} ", glyphs.dot));
        let height = page(area);
        let most = lines.len().saturating_sub(height);
        let first = self.scroll.min(most);
        title(&mut canvas.pen(0), scene, self, lines.len().saturating_sub(first + height));
        let visible = lines.visible(first, height);
        let columns = GpuColumns::new(self, &visible, usize::from(area.width), memory, glyphs);
        for (row, line) in (1..area.height).zip(&visible) {
            let area = Rect { y: area.y + row, height: 1, ..area };
            columns.draw(&mut canvas.pen(row), area, line);
        }
        scrolled(height, most)
    }

    fn footer(&self, _: &Scene<'_>, _: &Glyphs) -> FooterPart {
        FooterPart { hints: &HINTS, ..FooterPart::default() }
    }
}

/// Columns of both lists, and the names in them cut to their widths; columns without names have none.
struct GpuColumns<'a> {
    view: &'a GpusView<'a>,
    groups: Vec<Placed<GroupColumn>>,
    group_names: Vec<ShortNames>,
    held: Vec<Placed<HeldColumn>>,
    held_names: Vec<ShortNames>,
}

impl<'a> GpuColumns<'a> {
    fn new(
        view: &'a GpusView<'a>,
        visible: &[GpuLine<'_>],
        width: usize,
        memory: &mut ListMemory,
        glyphs: &Glyphs,
    ) -> Self {
        let groups: Vec<&GpuGroup> = visible
            .iter()
            .filter_map(|line| if let GpuLine::Group(group) = line { Some(*group) } else { None })
            .collect();
        let pods: Vec<&HeldDevices> =
            visible.iter().filter_map(|line| if let GpuLine::Held(held) = line { Some(*held) } else { None }).collect();
        memory.groups_seen.grow(&GROUPS, |column| {
            groups.iter().map(|group| columns(&group_text(column, group, view, glyphs).1)).max().unwrap_or(0)
        });
        memory.held_seen.grow(&HELD, |column| {
            pods.iter().map(|held| columns(&held_text(column, held, view, glyphs).1)).max().unwrap_or(0)
        });
        let of_nodes = view.grouped_by().of_nodes();
        let any = |of: fn(&Supply) -> bool| {
            view.is_whole() && view.board.groups.iter().filter_map(|group| group.supply.as_ref()).any(of)
        };
        let (over, why) = (any(|supply| supply.over_requested > 0), any(|supply| why(supply, "").is_some()));
        let placed = memory.groups_seen.place(&GROUPS, width, |spec| match spec.column {
            GroupColumn::Over => of_nodes && over,
            GroupColumn::Why => of_nodes && why,
            GroupColumn::Name | GroupColumn::Resource | GroupColumn::Requested => true,
            GroupColumn::Pods => !of_nodes,
            _ => of_nodes,
        });
        let held = memory.held_seen.place(&HELD, width, |_| true);
        let cut = |all: Vec<String>, width| ShortNames::new(all.iter().map(String::as_str), width, glyphs);
        let group_names = placed.iter().map(|placed| {
            let named =
                groups.iter().filter(|_| placed.column == GroupColumn::Name).map(|group| group.name.to_string());
            cut(named.collect(), placed.width)
        });
        let held_names = held.iter().map(|placed: &Placed<HeldColumn>| {
            let name = |held: &&HeldDevices| match placed.column {
                HeldColumn::Pod => Some(format!("{}/{}", held.namespace, held.name)),
                HeldColumn::Node => Some(held.node.to_string()),
                HeldColumn::Owner => Some(held.owner.to_string()),
                _ => None,
            };
            cut(pods.iter().filter_map(name).collect(), placed.width)
        });
        let (group_names, held_names) = (group_names.collect(), held_names.collect());
        Self { view, groups: placed, group_names, held, held_names }
    }

    fn draw(&self, pen: &mut Pen<'_>, area: Rect, line: &GpuLine<'_>) {
        let (view, glyphs) = (self.view, pen.glyphs());
        match line {
            GpuLine::Blank => {}
            GpuLine::Fits => fits(pen, view, glyphs),
            GpuLine::Text(role, text) => _ = pen.skip(1).rest(*role, text),
            GpuLine::GroupHead => {
                pen.skip(1).put(Role::Header, &view.grouped_by().name().to_uppercase());
                grid::heading(pen, area, &self.groups, None);
            }
            GpuLine::Group(group) => {
                for (column, names) in self.groups.iter().zip(&self.group_names) {
                    let (role, text) = group_text(column.column, group, view, glyphs);
                    match column.column {
                        GroupColumn::Name => column.put_name(pen.go(area, column.at), role, &text, names),
                        _ => column.put(pen.go(area, column.at), role, &text),
                    }
                }
            }
            GpuLine::HeldHead => grid::heading(pen, area, &self.held, None),
            GpuLine::Held(pod) => {
                for (column, names) in self.held.iter().zip(&self.held_names) {
                    let (role, text) = held_text(column.column, pod, view, glyphs);
                    match column.column {
                        HeldColumn::Pod | HeldColumn::Node | HeldColumn::Owner => {
                            column.put_name(pen.go(area, column.at), role, &text, names);
                        }
                        _ => column.put(pen.go(area, column.at), role, &text),
                    }
                }
            }
        }
    }
}

/// `prod-a GPUs  by [model] pool namespace owner   611/861/872`.
fn title(pen: &mut Pen<'_>, scene: &Scene<'_>, view: &GpusView<'_>, below: usize) {
    let summary = scene.summary();
    let names = ShortNames::new(scene.contexts(), LONGEST_CONTEXT, pen.glyphs());
    let name = names.get(scene.context());
    pen.skip(1).put(Role::Title, &name).put(Role::Title, " GPUs").skip(2);
    for by in Grouping::ALL {
        // Brackets, so that the choice can be seen without styles.
        if by == view.by {
            pen.put(Role::Focus, &format!("[{}]", by.name()));
        } else {
            pen.put(Role::Muted, &format!(" {} ", by.name()));
        }
    }
    if view.grouped_by() != view.by {
        let counting = format!("counting{}", pen.glyphs().ellipsis);
        pen.skip(2).put(Role::Warn, &counting);
    }
    if let Some(gpu) = summary.and_then(|summary| summary.gpu) {
        let numbers = devices(gpu, 1, pen.glyphs());
        if pen.left() > columns(&numbers) + 4 {
            pen.skip(2).put(Role::Text, &numbers);
        }
    }
    let more = format!("{below} more below");
    if below > 0 && pen.left() > columns(&more) + 3 {
        pen.skip(2).put(Role::Muted, &more);
    }
}

/// `FITS 250×1 120×2 55×4 20×8 0×16 (additional pods, per size)`.
fn fits(pen: &mut Pen<'_>, view: &GpusView<'_>, glyphs: &Glyphs) {
    pen.skip(1).put(Role::Header, "FITS");
    for (size, pods) in SIZES.into_iter().zip(view.board.fits) {
        let known = view.is_whole();
        let pods = if known { compact(pods) } else { glyphs.none.to_owned() };
        let role = if known && pods == "0" { Role::Warn } else { view.plain() };
        pen.skip(1).put(role, &pods).put(Role::Muted, &format!("{}{size}", glyphs.times));
    }
    if pen.left() > 30 {
        pen.skip(1).rest(Role::Muted, "(additional pods, per size)");
    }
}

fn group_text(column: GroupColumn, group: &GpuGroup, view: &GpusView<'_>, glyphs: &Glyphs) -> (Role, String) {
    #[cfg(test)]
    CELLS.with(|cells| cells.set(cells.get() + 1));
    let all = view.pods == Known::Exact(()) && (view.has_source() || group.dra);
    // Of devices of dynamic resource allocation slices and claims tell, whatever is known of nodes and pods.
    let (lower, bound) = if view.has_source() || group.dra { (false, "") } else { (true, glyphs.at_least) };
    let number = |number: i64| (view.plain(), compact(number));
    let bounded = |cell: (Role, String)| (cell.0, format!("{bound}{}", cell.1));
    let supplied = |number: i64| (if number < 0 { Role::Warn } else { view.plain() }, amount(number));
    let none = || (Role::Muted, String::new());
    match (column, group.supply) {
        // Where no label names the model, what the maker calls the resource says most.
        (GroupColumn::Name, _) if group.name.is_empty() && view.grouped_by() == Grouping::Model => {
            (Role::Muted, group.resource.to_string())
        }
        (GroupColumn::Name, _) if group.name.is_empty() => (Role::Muted, nameless(view.grouped_by()).to_owned()),
        (GroupColumn::Name, _) => (Role::Text, group.name.to_string()),
        (GroupColumn::Resource, _) if group.dra => (Role::Muted, format!("{} (DRA)", group.resource)),
        (GroupColumn::Resource, _) => match group.kind {
            Kind::Device => (Role::Muted, group.resource.to_string()),
            Kind::Slice => (Role::Muted, format!("{} slices", group.resource)),
            Kind::Shared => (Role::Muted, format!("{} shares", group.resource)),
            Kind::Aux => none(),
        },
        (GroupColumn::Nodes | GroupColumn::Pods, _) => bounded(number(group.members.into())),
        (GroupColumn::Requested, _)
            if !group.dra && (view.is_partial() || (lower && view.pods == Known::Exact(()))) =>
        {
            (Role::Muted, format!("{}{}", glyphs.at_least, amount(group.requested)))
        }
        (GroupColumn::Over | GroupColumn::Why, _) if !all && !group.dra => none(),
        (GroupColumn::Requested | GroupColumn::Free | GroupColumn::Fit(_), _) if !all && !group.dra => {
            (Role::Unknown, glyphs.none.to_owned())
        }
        (GroupColumn::Requested, Some(supply)) if group.requested > supply.allocatable && !group.dra => {
            (Role::Bad, amount(group.requested))
        }
        (GroupColumn::Requested, _) => supplied(group.requested),
        (_, None) => none(),
        (GroupColumn::Healthy, Some(supply)) => {
            let role = if supply.allocatable < supply.capacity { Role::Warn } else { view.plain() };
            bounded((role, amount(supply.allocatable)))
        }
        (GroupColumn::Capacity, Some(supply)) => bounded(supplied(supply.capacity)),
        (GroupColumn::Free, Some(supply)) => number(supply.free),
        (GroupColumn::Over, Some(supply)) if supply.over_requested <= 0 => none(),
        (GroupColumn::Over, Some(supply)) => (Role::Bad, compact(supply.over_requested)),
        (GroupColumn::Why, Some(supply)) => (Role::Warn, why(&supply, glyphs.dot).unwrap_or_default()),
        (GroupColumn::Lost, Some(supply)) => (Role::Bad, lost(supply.withdrawn, supply.missing, glyphs)),
        (GroupColumn::Fit(place), Some(supply)) => match supply.fits {
            Some(fits) => (if fits[place] == 0 { Role::Muted } else { view.plain() }, compact(fits[place])),
            None => none(),
        },
    }
}

/// Why pods get fewer devices than are healthy and not requested: `8 blocked: CPU · 16 not schedulable: Unknown`.
fn why(supply: &Supply, dot: &str) -> Option<String> {
    let blocked = supply.fits.and_then(|_| lines::blocked(supply.blocked));
    let parts: Vec<String> = blocked.into_iter().chain(lines::unschedulable(supply.unschedulable)).collect();
    (!parts.is_empty()).then(|| parts.join(&format!(" {dot} ")))
}

/// What a group without a name is called.
fn nameless(by: Grouping) -> &'static str {
    match by {
        Grouping::Model => "no model",
        Grouping::Pool => "no pool",
        Grouping::Namespace => "no namespace",
        Grouping::Owner => "no owner",
    }
}

/// `✗3-2`: three unhealthy, two not registered.
fn lost(withdrawn: i64, missing: i64, glyphs: &Glyphs) -> String {
    let withdrawn = if withdrawn > 0 { format!("{}{}", glyphs.bad, compact(withdrawn)) } else { String::new() };
    let missing = if missing > 0 { format!("-{}", compact(missing)) } else { String::new() };
    withdrawn + &missing
}

fn held_text(column: HeldColumn, held: &HeldDevices, view: &GpusView<'_>, glyphs: &Glyphs) -> (Role, String) {
    #[cfg(test)]
    CELLS.with(|cells| cells.set(cells.get() + 1));
    let none = || glyphs.none.to_owned();
    let text = |text: &Clean| (Role::Text, text.to_string());
    match column {
        HeldColumn::Amount => {
            let unit = match held.kind {
                Kind::Slice => " slices",
                Kind::Shared => " shares",
                Kind::Device | Kind::Aux => "",
            };
            (Role::Warn, compact(held.amount) + unit)
        }
        HeldColumn::For => {
            let span = held.since.and_then(|since| age_of(Some(since.at), view.server_now));
            (Role::Text, span.map_or_else(none, duration))
        }
        HeldColumn::Since => (
            Role::Muted,
            match held.since.map(|since| since.basis) {
                Some(SinceBasis::Created) => "created".to_owned(),
                Some(SinceBasis::Scheduled) => "scheduled".to_owned(),
                Some(SinceBasis::NotReady) => "not ready".to_owned(),
                Some(SinceBasis::Deletion) => "deletion".to_owned(),
                Some(SinceBasis::Allocated) => "allocated".to_owned(),
                None => none(),
            },
        ),
        HeldColumn::State => (Role::Warn, held.state.to_string()),
        HeldColumn::Pod => {
            let what = if held.claim { "claim " } else { "" };
            (Role::Text, format!("{what}{}/{}", held.namespace, held.name))
        }
        HeldColumn::Node => text(&held.node),
        HeldColumn::Owner if held.owner.is_empty() => (Role::Muted, "<none>".to_owned()),
        HeldColumn::Owner => text(&held.owner),
        HeldColumn::Resource => (Role::Muted, held.resource.to_string()),
    }
}
