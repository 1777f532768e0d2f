//! The gangs of a cluster, worst first.

use ratatui::layout::Rect;

use crate::action::{Action, TopScreen};
use crate::model::app::Model;
use crate::model::app::screens::Screen;
use crate::model::cluster::{ClusterState, GangView, WaitingObjects};
use crate::model::derive::gangs::{GangRow, GangState, MemberTrouble, Wanted, WorstMember};
use crate::model::derive::trouble::TroubleClass;
use crate::model::known::Known;
use crate::model::table::gangs::{GangFigure, GangLine, Gangs};
use crate::model::table::state::TableControl;
use crate::model::table::{Extent, SortBy};
use crate::msg::{Now, Viewport};
use crate::theme::{Glyphs, Role};
use crate::ui::scene::Scene;
use crate::ui::screens::view::View;
use crate::ui::state::{ListViewState, ViewState};
use crate::ui::units::{counted, duration, grouped, known};
use crate::ui::widgets::canvas::{Canvas, Context};
use crate::ui::widgets::footer::{self, FooterPart, Hint};
use crate::ui::widgets::layout::window;
use crate::ui::widgets::page::{TextLine, line};
use crate::ui::widgets::table::{Cells, ColumnParams, TableRows};
use crate::ui::widgets::text::Pen;

const HINTS: [Hint; 8] = [
    (Action::Back, "back"),
    (Action::Help, "help"),
    (Action::Open, "open gang"),
    (Action::Node, "node"),
    (Action::Filter, "filter"),
    (Action::SortNext, "sort"),
    (Action::Hold, "hold"),
    (Action::NextCluster, "cluster"),
];

/// The visible part of the list.
struct GangsView<'a> {
    list: &'a GangView,
    /// Index of the first visible row.
    first: usize,
    rows: Vec<GangLine<'a>>,
    extent: Extent,
    sort: (SortBy, bool),
    /// Knowledge of the pods.
    pods: Known<()>,
    queues: Vec<TextLine>,
}

/// Minimum height of a body with lines about gangs without pods.
const WITH_QUEUES: u16 = 10;
/// Maximum number of gangs without pods that are named.
const NAMED: usize = 3;

/// Rows of the list in a body of this height: all lines but the title, the heading and these below.
fn page(area: Rect, below: usize) -> usize {
    usize::from(area.height.saturating_sub(2)).saturating_sub(below)
}

/// Lines below the list: gangs that wait in a queue and have no pods yet, or the reason why queues are not visible.
fn queue_lines(cluster: &ClusterState, area: Rect, now: Now) -> Vec<TextLine> {
    if area.height < WITH_QUEUES {
        return Vec::new();
    }
    let bound = if cluster.queues().is_partial() { "at least " } else { "" };
    let mut lines = Vec::new();
    match cluster.waiting_objects() {
        WaitingObjects::WithoutPods(waiting) if !waiting.is_empty() => {
            let text = format!("{bound}{} more in queues, without pods", grouped(waiting.len() as u64));
            lines.push(line(Role::Focus, format!(" {text}")));
            lines.extend(waiting.iter().take(NAMED).map(|text| line(Role::Warn, format!(" {text}"))));
        }
        WaitingObjects::WithoutPods(_) | WaitingObjects::PodsUnknown(0) => {}
        WaitingObjects::PodsUnknown(waiting) => {
            let text =
                format!("{bound}{} waiting in queues; which of them have pods is not known", grouped(*waiting as u64));
            lines.push(line(Role::Unknown, format!(" {text}")));
        }
    }
    lines.extend(
        cluster.queues_not_visible(now).map(|why| line(Role::Muted, format!(" queues are not visible: {why}"))),
    );
    lines
}

/// Reads the visible rows of the list.
pub(in crate::ui) fn open<'a>(
    model: &'a Model,
    area: Rect,
    context: &Context<'_>,
    state: &mut ViewState,
) -> Option<Box<dyn View + 'a>> {
    let Screen::Top(TopScreen::Gangs) = model.screen() else { return None };
    let cluster = model.current();
    let (extent, queues) = (cluster.gangs().extent(), queue_lines(cluster, area, context.now));
    let shown = window(extent.len, extent.selected, state.lists.gangs_offset, page(area, queues.len()));
    state.lists.gangs_offset = shown.start;
    Some(Box::new(GangsView {
        list: cluster.gangs(),
        first: shown.start,
        rows: cluster.gang_lines(shown, context.now),
        extent,
        sort: model.list().map_or((SortBy::Own, false), TableControl::sort),
        pods: cluster.pod_counts().map(|_| ()),
        queues,
    }))
}

impl View for GangsView<'_> {
    fn draw(&self, canvas: &mut Canvas<'_>, scene: &Scene<'_>, memory: &mut ListViewState) -> Viewport {
        let (area, glyphs) = (canvas.area, canvas.glyphs());
        self.title(&mut canvas.pen(0), scene);
        let cells = GangCells { glyphs };
        let params = ColumnParams { width: area.width.into(), wide: false, given: () };
        let table = TableRows::<Gangs, _>::new(&self.rows, &cells, &params, &mut memory.gangs_widths, glyphs);
        let mut list = canvas.below(1);
        let below = list.area;
        if below.height > 0 {
            table.heading(&mut list.pen(0), below, Some(self.sort));
        }
        if self.rows.is_empty() && below.height > 1 {
            list.pen(1).skip(1).rest(Role::Unknown, self.absence());
        }
        table.draw(&mut list, &self.rows, |line| line.selected);
        let first = area.height.saturating_sub(u16::try_from(self.queues.len()).unwrap_or(u16::MAX));
        for (at, parts) in (first..area.height).zip(&self.queues) {
            let mut pen = canvas.pen(at);
            for (role, text) in parts {
                pen.rest(*role, text);
            }
        }
        Viewport { page: page(area, self.queues.len()), ..Viewport::default() }
    }

    fn footer(&self, scene: &Scene<'_>, glyphs: &Glyphs) -> FooterPart {
        let all = counted(self.extent.total as u64, "gang");
        let arranging = self.list.is_arranging();
        let mut facts: Vec<_> = arranging.then(|| footer::sorting(glyphs)).into_iter().collect();
        facts.push(footer::listed(self.extent, all, scene.filter));
        facts.extend(footer::rows(self.first, self.rows.len(), self.extent.len, glyphs));
        facts.extend(scene.held.then(footer::held));
        FooterPart { hints: &HINTS, facts, found: footer::found(self.extent, arranging, glyphs), complete: true }
    }
}

impl GangsView<'_> {
    /// `prod-a  gangs 61   GPUs held 512 · waiting for 96`; lower bounds while not all pods are known.
    fn title(&self, pen: &mut Pen<'_>, scene: &Scene<'_>) {
        let glyphs = pen.glyphs();
        let number = |number: i128| {
            let number = self.pods.map(|()| number);
            if self.list.is_counted() { known(number, glyphs) } else { glyphs.none.to_owned() }
        };
        let gangs = self.list.gangs();
        pen.skip(1).put(Role::Focus, scene.context()).skip(2).put(Role::Title, "gangs").skip(1);
        let total = i128::try_from(self.extent.total).unwrap_or(i128::MAX);
        pen.put(Role::Text, &number(total)).skip(3).put(Role::Muted, "GPUs held").skip(1);
        pen.put(Role::Text, &number(gangs.gpus_held.into()));
        pen.skip(1).put(Role::Muted, glyphs.dot).skip(1).put(Role::Muted, "waiting for").skip(1);
        let role = if gangs.gpus_waiting > 0 { Role::Warn } else { Role::Text };
        pen.put(role, &number(gangs.gpus_waiting.into()));
    }

    fn absence(&self) -> &'static str {
        match self.pods {
            _ if self.extent.total > 0 => "no gang matches the filter; esc clears it",
            Known::Denied => "pods may not be listed",
            Known::Unknown => "pods are not known yet",
            _ if !self.list.is_counted() => "gangs are being counted",
            Known::AtLeast(()) => "no gang so far; not all pods are known",
            Known::Exact(()) => "no gangs: no pods that belong together by a label that is known",
        }
    }
}

/// Formats the figures of a gang.
struct GangCells<'a> {
    glyphs: &'a Glyphs,
}

impl Cells<Gangs> for GangCells<'_> {
    fn text(&self, figure: GangFigure, line: &GangLine<'_>) -> (Role, String) {
        let (glyphs, row) = (self.glyphs, line.row);
        match figure {
            GangFigure::Pods => {
                let role = if row.running < row.wanted.number() { Role::Warn } else { Role::Text };
                (role, format!("{}/{}", grouped(row.running), wanted(row.wanted, glyphs)))
            }
            GangFigure::Gpu if row.gpus() == 0 => (Role::Muted, String::new()),
            GangFigure::Gpu => (Role::Text, grouped(row.gpus())),
            GangFigure::State => state(row, glyphs),
            GangFigure::Since => (Role::Text, line.since.map_or_else(|| glyphs.none.to_owned(), duration)),
            GangFigure::Worst => (Role::Text, row.worst.as_ref().map(worst).unwrap_or_default()),
        }
    }
}

/// Number of pods that a gang needs: `64`, `≥7`.
pub(super) fn wanted(wanted: Wanted, glyphs: &Glyphs) -> String {
    match wanted {
        Wanted::Exact(number) => grouped(number),
        Wanted::AtLeast(number) => format!("{}{}", glyphs.at_least, grouped(number)),
    }
}

/// State of a gang, with the number of members if only a part of several is in it: `node lost ×2`.
pub(super) fn state(row: &GangRow, glyphs: &Glyphs) -> (Role, String) {
    let times = match row.state {
        GangState::Trouble(_) if row.affected > 1 => format!(" {}{}", glyphs.times, grouped(row.affected)),
        _ => String::new(),
    };
    (state_role(row.state), format!("{}{times}", row.state.text()))
}

/// Rank and reason of the worst member: `rank 17 node Unknown`; the name of a pod without a rank.
fn worst(worst: &WorstMember) -> String {
    let member = worst.rank.map_or_else(|| worst.pod.to_string(), |rank| format!("rank {rank}"));
    let text = format!("{member} {} {}", worst.reason, worst.detail);
    text.trim_end().to_owned()
}

/// Role of the state of a gang.
pub(super) fn state_role(state: GangState) -> Role {
    match state {
        GangState::Trouble(trouble) => trouble_role(trouble),
        GangState::Incomplete | GangState::Waits => Role::Warn,
        GangState::NotKnown => Role::Unknown,
        GangState::Starting | GangState::Ending => Role::Muted,
        GangState::Running => Role::Good,
    }
}

/// Role of the trouble of a member: it is broken, not known, or waits.
pub(super) fn trouble_role(trouble: MemberTrouble) -> Role {
    match trouble {
        MemberTrouble::Pod(TroubleClass::NodeLost) => Role::Unknown,
        MemberTrouble::NodeNotReady
        | MemberTrouble::DevicesLost
        | MemberTrouble::Pod(
            TroubleClass::DeviceUnhealthy
            | TroubleClass::FailedStart
            | TroubleClass::CrashLoop
            | TroubleClass::ImagePull,
        ) => Role::Bad,
        MemberTrouble::Pod(_) => Role::Warn,
    }
}
