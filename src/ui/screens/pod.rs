//! One pod: a line with its state, and a page that scrolls with facts, containers, conditions, claims and events.

mod claims;
mod containers;
mod gang;
mod scheduling;

use std::time::Duration;

use jiff::Timestamp;
use ratatui::layout::Rect;

use super::node::amount;
use crate::action::Action;
use crate::facts::node::ConditionStatus;
use crate::facts::pod::{PodClaimFacts, PodDetail};
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::model::app::Model;
use crate::model::app::screens::Screen;
use crate::model::cluster::ClusterState;
use crate::model::cluster::detail::{DetailState, PartFreshness};
use crate::model::derive::claims::ClaimState;
use crate::model::table::{LastReport, PodRow};
use crate::model::time::age_of;
use crate::msg::Viewport;
use crate::msg::detail::DetailPart;
use crate::theme::{Glyphs, Role};
use crate::ui::scene::Scene;
use crate::ui::screens::view::{View, scrolled};
use crate::ui::state::{ListViewState, ViewState};
use crate::ui::units::{coarse, counted, duration, grouped};
use crate::ui::widgets::canvas::{Canvas, Context};
use crate::ui::widgets::events::{self, EventLine, EventsPage, EventsView, freshness, part_freshness};
use crate::ui::widgets::footer::{self, FooterPart, Hint};
use crate::ui::widgets::page::{TextLine, TextTable, line};
use crate::ui::widgets::text::{Pen, columns, wrap};
use crate::ui::words;

use gang::GangWords;
use scheduling::Scheduling;

/// Heading of the first column of the events.
const EVENTS: &str = "LAST";

const HINTS: [Hint; 10] = [
    (Action::Back, "back"),
    (Action::Help, "help"),
    (Action::Yaml, "yaml"),
    (Action::Open, "details"),
    (Action::Node, "node"),
    (Action::Copy, "copy"),
    (Action::Filter, "filter"),
    (Action::SortNext, "sort"),
    (Action::Refresh, "read again"),
    (Action::Owner, "owner"),
];

/// The pod, and the lines of its page.
struct PodView<'a> {
    namespace: &'a Clean,
    name: &'a Clean,
    /// The pod, once it was read; after its deletion the last state.
    pod: Option<&'a PodDetail>,
    /// Facts of the pod from the list, until it is read.
    row: Option<PodRow<'a>>,
    /// Set if its node no longer reports.
    last_report: Option<LastReport>,
    /// `true` if the opened pod is gone and this is another one of the same name.
    replaced: bool,
    /// State of each claim, in the order of the pod.
    claims: Vec<ClaimState>,
    /// Its gang in words.
    gang: Option<GangWords>,
    /// Set while it waits for a node.
    scheduling: Option<Scheduling<'a>>,
    fresh: PartFreshness<'a>,
    /// Its events, with the server's time, which is used for the pod too.
    events: EventsView<'a>,
    lines: Vec<EventLine<'a>>,
    /// Index of the first line of the page.
    first: usize,
    /// Number of lines that fit.
    page: usize,
}

/// Reads the open pod.
pub(in crate::ui) fn open<'a>(
    model: &'a Model,
    area: Rect,
    context: &Context<'_>,
    _: &mut ViewState,
) -> Option<Box<dyn View + 'a>> {
    let Screen::Pod { namespace, name } = model.screen() else { return None };
    let (cluster, now) = (model.current(), context.now);
    let detail = cluster.detail();
    let pod = detail.and_then(DetailState::pod);
    let row = cluster.pod_row(namespace, name, now);
    let node = pod.map(|pod| &*pod.node).or(row.as_ref().map(|row| row.facts.node));
    let ended = pod.is_some_and(|pod| pod.ended) || row.as_ref().is_some_and(|row| row.facts.phase.is_terminal());
    let last_report = node.filter(|_| !ended).and_then(|node| cluster.last_report(node, now));
    let gang = row.as_ref().and_then(|row| GangWords::of(cluster, &row.facts));
    let scheduling = Scheduling::of(cluster, pod, row.as_ref().map(|row| &row.facts), now);
    let mut view = PodView {
        namespace,
        name,
        pod,
        row,
        last_report,
        replaced: detail.is_some_and(DetailState::replaced),
        claims: claim_states(cluster, pod),
        gang,
        scheduling,
        fresh: part_freshness(cluster, DetailPart::Object, now),
        events: events::of(cluster, now),
        lines: Vec::new(),
        first: 0,
        page: usize::from(area.height.saturating_sub(1)),
    };
    view.lines = lines(&view, area.width, &context.theme.glyphs);
    view.first = events::first(&view.lines, model.pane_scroll(), model.follows(), view.page);
    Some(Box::new(view))
}

fn claim_states(cluster: &ClusterState, pod: Option<&PodDetail>) -> Vec<ClaimState> {
    let Some(pod) = pod else { return Vec::new() };
    let state = |claim: &PodClaimFacts| match &*claim.claim {
        "" => ClaimState::Missing,
        name => ClaimState::of(cluster.optional(), &pod.namespace, name),
    };
    pod.claims.iter().map(state).collect()
}

impl PodView<'_> {
    fn most(&self) -> usize {
        self.lines.len().saturating_sub(self.page)
    }
}

impl View for PodView<'_> {
    fn draw(&self, canvas: &mut Canvas<'_>, scene: &Scene<'_>, memory: &mut ListViewState) -> Viewport {
        title(&mut canvas.pen(0), self, scene.context());
        let events = EventsPage { title: EVENTS, view: &self.events, focused: true };
        events.draw(&mut canvas.below(1), &self.lines, self.first, &mut memory.events_widths);
        let rows = events::rows(&self.lines, self.first, self.page);
        Viewport { first: Some(self.first), rows: Some(rows), ..scrolled(self.page, self.most()) }
    }

    fn footer(&self, scene: &Scene<'_>, glyphs: &Glyphs) -> FooterPart {
        let extent = self.events.extent;
        let mut facts = Vec::new();
        if !scene.filter.is_empty() {
            facts.push(footer::filtered(extent, &counted(extent.total as u64, "event"), scene.filter));
        }
        facts.extend(footer::lines(self.first, self.lines.len()));
        facts.extend(scene.held.then(footer::held));
        FooterPart { hints: &HINTS, facts, found: footer::found(extent, false, glyphs), complete: false }
    }
}

/// Namespace, name, status and freshness; parts that do not fit are dropped from the right.
fn title(pen: &mut Pen<'_>, view: &PodView<'_>, context: &str) {
    let glyphs = pen.glyphs();
    let name = format!("{}/{}", view.namespace, view.name);
    let fresh = match view.fresh {
        PartFreshness::Live => (Role::Good, "live"),
        PartFreshness::Polled(_) => (Role::Warn, "polled"),
        _ => (Role::Unknown, "not live"),
    };
    let state = PodTitle::of(view, fresh.0 == Role::Unknown, glyphs);
    let status = state.as_ref().map_or("", |state| &state.words);
    pen.skip(1);
    if pen.left() > columns(context) + 3 + columns(&name) + 4 + columns(status) {
        pen.put(Role::Muted, context).put(Role::Muted, " / ");
    }
    let room = pen.left().saturating_sub(columns(status) + 4);
    pen.name(Role::Title, &name, columns(&name).min(room));
    let mut facts = Vec::new();
    if let Some(state) = &state {
        pen.skip(2).put(state.role, state.glyph).skip(1).put(state.role, &state.words);
        let (ready, of) = state.ready;
        facts.push(match view.last_report {
            None => (Role::Text, format!("{ready}/{of} ready")),
            Some(_) => (Role::Unknown, format!("{ready}/{of} ready then")),
        });
        if state.restarts > 0 {
            facts.push((Role::Warn, counted(state.restarts, "restart")));
        }
        let age = state.age.map_or_else(|| glyphs.none.to_owned(), duration);
        facts.push((Role::Text, format!("age {age}")));
        facts.push(match view.pod {
            Some(_) => (fresh.0, fresh.1.to_owned()),
            None => (Role::Unknown, "from the list".to_owned()),
        });
    }
    for (role, text) in facts {
        if columns(&text) + 3 > pen.left() {
            break;
        }
        pen.skip(3).put(role, &text);
    }
}

/// Facts of a pod for the title, from the pod or, until it is read, from the list.
struct PodTitle {
    role: Role,
    glyph: &'static str,
    words: String,
    ready: (u16, u16),
    restarts: u32,
    age: Option<Duration>,
}

impl PodTitle {
    /// Reads the facts. `old`: the pod's data is not current.
    fn of(view: &PodView<'_>, old: bool, glyphs: &Glyphs) -> Option<Self> {
        let (status, ready, restarts, age) = match (view.pod, &view.row) {
            (Some(pod), _) => (&*pod.status, pod.ready, pod.restarts, age_of(pod.created, view.events.now)),
            (None, Some(row)) => {
                let facts = &row.facts;
                (facts.status(), (facts.ready, facts.containers), facts.restarts, row.age)
            }
            (None, None) => return None,
        };
        let (role, glyph) = match view.last_report {
            // The status from the list is as fresh as the list.
            None if !old || view.pod.is_none() => shown(status, ready, glyphs),
            _ => (Role::Unknown, glyphs.unknown),
        };
        let words = match view.last_report {
            None => status.to_owned(),
            Some(report) => {
                format!("{} {} node {}", words::last_reported(status, report, true), glyphs.dot, report.node)
            }
        };
        Some(Self { role, glyph, words, ready, restarts, age })
    }
}

/// Glyph of a pod's state.
fn shown(status: &str, ready: (u16, u16), glyphs: &Glyphs) -> (Role, &'static str) {
    match status {
        "Running" if ready.0 >= ready.1 => (Role::Good, glyphs.ok),
        "Succeeded" | "Completed" => (Role::Muted, glyphs.ok),
        "Failed" | "Evicted" | "OOMKilled" => (Role::Bad, glyphs.bad),
        status if status.contains("BackOff") || status.contains("Err") => (Role::Bad, glyphs.bad),
        "Unknown" => (Role::Unknown, glyphs.unknown),
        _ => (Role::Warn, glyphs.degraded),
    }
}

/// The whole page at this width.
fn lines<'a>(view: &PodView<'a>, width: u16, glyphs: &Glyphs) -> Vec<EventLine<'a>> {
    // Known facts come first.
    let mut lines: Vec<TextLine> = match (view.pod, &view.row) {
        (None, Some(row)) => wrapped(&known(row), 1, width).collect(),
        _ => Vec::new(),
    };
    lines.extend(freshness(&view.fresh).map(|(role, text)| line(role, format!(" {text}"))));
    if view.replaced {
        let text = " the pod that was opened is gone; this is another one of the same name";
        lines.push(line(Role::Warn, text));
    }
    let now = view.events.now;
    if let Some(pod) = view.pod {
        lines.extend(about(pod, now, width));
    }
    lines.extend(view.gang.as_ref().into_iter().flat_map(|gang| gang.lines(width)));
    lines.push(TextLine::new());
    if let Some(scheduling) = &view.scheduling {
        lines.push(section("SCHEDULING", 0));
        lines.extend(scheduling.lines(now, width));
        lines.push(TextLine::new());
    }
    if let Some(pod) = view.pod {
        lines.push(section("CONTAINERS", pod.containers.len()));
        lines.extend(containers::lines(pod, view.last_report.is_some(), now, width, glyphs));
        if !pod.claims.is_empty() {
            lines.push(TextLine::new());
            lines.push(section("CLAIMS", pod.claims.len()));
            lines.extend(claims::lines(pod, &view.claims, glyphs));
        }
        lines.push(TextLine::new());
        lines.push(section("CONDITIONS", pod.conditions.len()));
        lines.extend(conditions(pod, now, glyphs));
        lines.push(TextLine::new());
    }
    lines.push(section("EVENTS", view.events.extent.total));
    let lines = lines.into_iter().map(EventLine::Text);
    lines.chain(events::lines(&view.events, EVENTS, width, glyphs)).collect()
}

fn section(title: &str, count: usize) -> TextLine {
    let count = if count > 0 { format!(" {}", grouped(count as u64)) } else { String::new() };
    vec![(Role::Focus, format!(" {title}")), (Role::Muted, count)]
}

/// Facts as `label value`, wrapped into the width.
fn wrapped(facts: &[String], indent: usize, width: u16) -> impl Iterator<Item = TextLine> {
    let room = usize::from(width).saturating_sub(indent + 1);
    let rows = wrap(facts.iter().map(String::as_str), 3, room);
    let rows: Vec<TextLine> =
        rows.into_iter().map(|row| line(Role::Text, format!("{}{}", " ".repeat(indent), row.join("   ")))).collect();
    rows.into_iter()
}

fn about(pod: &PodDetail, now: Timestamp, width: u16) -> Vec<TextLine> {
    let mut lines = Vec::new();
    if !pod.message.is_empty() || !pod.reason.is_empty() {
        lines.push(line(Role::Warn, format!(" {} {}", pod.reason, pod.message)));
    }
    let node = if pod.node.is_empty() { "no node yet".to_owned() } else { format!("node {}", pod.node) };
    let owner = match (&*pod.owner, pod.mirror) {
        ("", true) => "owner: static pod of the kubelet".to_owned(),
        ("", false) => "owner <none>".to_owned(),
        (owner, true) => format!("owner {owner} (static pod)"),
        (owner, false) => format!("owner {owner}"),
    };
    let mut facts = vec![node, owner];
    let requests = amounts(&pod.requests);
    facts.push(if requests.is_empty() { "no requests".to_owned() } else { format!("requests {requests}") });
    let named = [
        ("QoS", &pod.qos),
        ("ip", &pod.ip),
        ("priority", &pod.priority_class),
        ("serviceAccount", &pod.service_account),
    ];
    facts.extend(named.iter().filter(|(_, value)| !value.is_empty()).map(|(label, value)| format!("{label} {value}")));
    if let Some(span) = age_of(pod.started, now) {
        facts.push(format!("started {} ago", duration(span)));
    }
    if let Some(until) = pod.deleting {
        facts.push(match age_of(Some(until), now).filter(|over| !over.is_zero()) {
            Some(over) => format!("deletion overdue by {}", duration(over)),
            None => format!("deletion due in {}", duration(age_of(Some(now), until).unwrap_or_default())),
        });
    }
    lines.extend(wrapped(&facts, 1, width));
    lines
}

/// `cpu 8, memory 64Gi, nvidia.com/gpu 1`.
fn amounts(list: &[(Clean, Quantity)]) -> String {
    let one = |(name, quantity): &(Clean, Quantity)| {
        let number = if **name == *"cpu" { quantity.milli() } else { quantity.value() };
        format!("{name} {}", amount(name, number))
    };
    list.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Facts of a pod from the list, before it was read.
fn known(row: &PodRow<'_>) -> Vec<String> {
    let pod = &row.facts;
    let node = if pod.node.is_empty() { "no node yet".to_owned() } else { format!("node {}", pod.node) };
    let owner = if pod.owner_kind.is_empty() {
        "owner <none>".to_owned()
    } else {
        format!("owner {}/{}", pod.owner_kind, pod.owner_name)
    };
    let mut facts = vec![node, owner];
    if row.gpus > 0 {
        let what = if pod.node.is_empty() { "requested" } else { "held" };
        facts.push(format!("{} {what}", counted(row.gpus, "GPU")));
    }
    let requests = [("cpu", pod.requests.cpu.milli()), ("memory", pod.requests.memory.value())];
    let requests = requests.iter().filter(|(_, number)| *number > 0);
    let requests: Vec<String> = requests.map(|(name, number)| format!("{name} {}", amount(name, *number))).collect();
    if !requests.is_empty() {
        facts.push(format!("requests {}", requests.join(", ")));
    }
    facts
}

fn conditions(pod: &PodDetail, now: Timestamp, glyphs: &Glyphs) -> Vec<TextLine> {
    if pod.conditions.is_empty() {
        return vec![line(Role::Unknown, " no status posted yet")];
    }
    let titles =
        [("TYPE", 28, false), ("STATUS", 7, false), ("SINCE", 6, true), ("REASON", 24, false), ("MESSAGE", 8, false)];
    let mut table = TextTable::new(3, &titles);
    for condition in &pod.conditions {
        // Every pod condition of the API is good if it is True, except DisruptionTarget (core/v1 types.go).
        let good = &*condition.kind != "DisruptionTarget";
        let (role, status) = match &condition.status {
            ConditionStatus::True => (if good { Role::Good } else { Role::Bad }, "True"),
            ConditionStatus::False if pod.ended => (Role::Muted, "False"),
            ConditionStatus::False => (if good { Role::Warn } else { Role::Good }, "False"),
            ConditionStatus::Unknown => (Role::Unknown, "Unknown"),
            ConditionStatus::Other(text) => (Role::Unknown, &**text),
        };
        let since = age_of(condition.since, now).map_or_else(|| glyphs.none.to_owned(), coarse);
        table.row(vec![
            (Role::Text, condition.kind.to_string()),
            (role, status.to_owned()),
            (Role::Text, since),
            (Role::Text, condition.reason.to_string()),
            (Role::Muted, condition.message.to_string()),
        ]);
    }
    table.lines(glyphs.ellipsis)
}
