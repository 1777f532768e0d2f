//! One pod: its state in a line, what it is, its containers, conditions, claims and events, on a page that scrolls.

use std::time::Duration;

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::events::{self, EventsView, freshness};
use super::node::amount;
use super::page::{self, Line, Table, line};
use super::scene::Paint;
use super::text::{Pen, columns, wrap};
use super::units::{coarse, counted, duration, grouped};
use super::words;
use crate::facts::node::ConditionStatus;
use crate::facts::pod::{ContainerFacts, ContainerKind, ContainerState, Ending, PodDetail};
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::model::claims::{ClaimState, ClaimedDevice};
use crate::model::inspection::PartFreshness;
use crate::model::rows::{LastReport, PodRow, age_of};
use crate::theme::{Glyphs, Role};

/// What the pod screen shows.
pub(super) struct PodView<'a> {
    /// Its namespace.
    pub(super) namespace: &'a Clean,
    /// Its name.
    pub(super) name: &'a Clean,
    /// The pod, as soon as it was read; its last state after it went.
    pub(super) pod: Option<&'a PodDetail>,
    /// What the lists know of it, from before it was read.
    pub(super) row: Option<PodRow<'a>>,
    /// Set where its node does not report any more.
    pub(super) last_report: Option<LastReport>,
    /// The pod that was opened is gone, and this one has its name.
    pub(super) replaced: bool,
    /// What is known of each of its claims, in their order.
    pub(super) claims: Vec<ClaimState>,
    /// How fresh the pod is.
    pub(super) fresh: PartFreshness<'a>,
    /// Its events; their clock is the pod's too.
    pub(super) events: EventsView<'a>,
    /// First line of the page.
    pub(super) first: usize,
}

/// Lines of the page that there is room for.
pub(super) fn page(area: Rect) -> usize {
    usize::from(area.height.saturating_sub(1))
}

/// Draws the title and the page below it.
pub(super) fn draw(
    buf: &mut Buffer,
    area: Rect,
    (view, lines): (&PodView<'_>, &[Line]),
    (context, paint): (&str, Paint<'_>),
) {
    title(&mut Pen::new(buf, paint.look, area, 0), view, (context, paint));
    let body = Rect { y: area.y + area.height.min(1), height: area.height.saturating_sub(1), ..area };
    page::draw(buf, body, lines, (view.first, paint));
}

/// Namespace, name, status, and how fresh that is; what does not fit is left out from the right.
fn title(pen: &mut Pen<'_>, view: &PodView<'_>, (context, paint): (&str, Paint<'_>)) {
    let glyphs = &paint.look.glyphs;
    let name = format!("{}/{}", view.namespace, view.name);
    let fresh = match view.fresh {
        PartFreshness::Live => (Role::Good, "live"),
        PartFreshness::Polled(_) => (Role::Warn, "polled"),
        _ => (Role::Unknown, "not live"),
    };
    let state = State::of(view, fresh.0 == Role::Unknown, glyphs);
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

/// What the title says of a pod: as it was read, or as the list knows it until then.
struct State {
    role: Role,
    glyph: &'static str,
    words: String,
    ready: (u16, u16),
    restarts: u32,
    age: Option<Duration>,
}

impl State {
    /// `old`: what was read does not speak for now.
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
            // That of the list is as fresh as the list.
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

/// A pod's state as a glyph.
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
pub(super) fn lines(view: &PodView<'_>, width: u16, paint: Paint<'_>) -> Vec<Line> {
    // What is known comes first.
    let mut lines: Vec<Line> = match (view.pod, &view.row) {
        (None, Some(row)) => wrapped(&known(row), 1, width).collect(),
        _ => Vec::new(),
    };
    lines.extend(freshness(&view.fresh).map(|(role, text)| line(role, format!(" {text}"))));
    if view.replaced {
        let text = " the pod that was opened is gone; this is another one of the same name";
        lines.push(line(Role::Warn, text));
    }
    if view.pod.is_none() {
        lines.push(Line::new());
    }
    if let Some(pod) = view.pod {
        let now = view.events.now;
        lines.extend(about(pod, now, width));
        lines.push(Line::new());
        lines.push(section("CONTAINERS", pod.containers.len()));
        lines.extend(containers(pod, view.last_report.is_some(), (now, width, paint)));
        if !pod.claims.is_empty() {
            lines.push(Line::new());
            lines.push(section("CLAIMS", pod.claims.len()));
            lines.extend(claims(pod, &view.claims, paint));
        }
        lines.push(Line::new());
        lines.push(section("CONDITIONS", pod.conditions.len()));
        lines.extend(conditions(pod, now, paint));
        lines.push(Line::new());
    }
    let count = view.events.events.as_ref().map_or(0, |(events, _)| events.len());
    lines.push(section("EVENTS", count));
    lines.extend(events::lines(&view.events, "LAST", (width, paint)));
    lines
}

fn section(title: &str, count: usize) -> Line {
    let count = if count > 0 { format!(" {}", grouped(count as u64)) } else { String::new() };
    vec![(Role::Focus, format!(" {title}")), (Role::Muted, count)]
}

/// Facts as `label value`, wrapped into the width.
fn wrapped(facts: &[String], indent: usize, width: u16) -> impl Iterator<Item = Line> {
    let room = usize::from(width).saturating_sub(indent + 1);
    let rows = wrap(facts.iter().map(String::as_str), 3, room);
    let rows: Vec<Line> =
        rows.into_iter().map(|row| line(Role::Text, format!("{}{}", " ".repeat(indent), row.join("   ")))).collect();
    rows.into_iter()
}

fn about(pod: &PodDetail, now: Timestamp, width: u16) -> Vec<Line> {
    let mut lines = Vec::new();
    if !pod.message.is_empty() || !pod.reason.is_empty() {
        lines.push(line(Role::Warn, format!(" {} {}", pod.reason, pod.message)));
    }
    let node = if pod.node.is_empty() { "on no node yet".to_owned() } else { format!("node {}", pod.node) };
    let owner = match (&*pod.owner, pod.mirror) {
        ("", true) => "owner: static pod of the kubelet".to_owned(),
        ("", false) => "owner <none>".to_owned(),
        (owner, true) => format!("owner {owner} (static pod)"),
        (owner, false) => format!("owner {owner}"),
    };
    let mut facts = vec![node, owner];
    let requests = amounts(&pod.requests);
    facts.push(if requests.is_empty() { "asks for nothing".to_owned() } else { format!("asks for {requests}") });
    let named =
        [("QoS", &pod.qos), ("ip", &pod.ip), ("priority", &pod.priority_class), ("account", &pod.service_account)];
    facts.extend(named.iter().filter(|(_, value)| !value.is_empty()).map(|(label, value)| format!("{label} {value}")));
    if let Some(span) = age_of(pod.started, now) {
        facts.push(format!("started {} ago", duration(span)));
    }
    if let Some(until) = pod.deleting {
        facts.push(match age_of(Some(until), now).filter(|over| !over.is_zero()) {
            Some(over) => format!("to be gone since {}", duration(over)),
            None => format!("to be gone in {}", duration(age_of(Some(now), until).unwrap_or_default())),
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

/// What the list knows of a pod, before it was read.
fn known(row: &PodRow<'_>) -> Vec<String> {
    let pod = &row.facts;
    let node = if pod.node.is_empty() { "on no node yet".to_owned() } else { format!("node {}", pod.node) };
    let owner = if pod.owner_kind.is_empty() {
        "owner <none>".to_owned()
    } else {
        format!("owner {}/{}", pod.owner_kind, pod.owner_name)
    };
    let mut facts = vec![node, owner];
    if row.gpus > 0 {
        facts.push(format!("{} held", counted(row.gpus, "GPU")));
    }
    let requests = [("cpu", pod.requests.cpu.milli()), ("memory", pod.requests.memory.value())];
    let requests = requests.iter().filter(|(_, number)| *number > 0);
    let requests: Vec<String> = requests.map(|(name, number)| format!("{name} {}", amount(name, *number))).collect();
    if !requests.is_empty() {
        facts.push(format!("requests {}", requests.join(", ")));
    }
    facts
}

/// `silent`: their node does not report any more.
fn containers(pod: &PodDetail, silent: bool, (now, width, paint): (Timestamp, u16, Paint<'_>)) -> Vec<Line> {
    let glyphs = &paint.look.glyphs;
    if pod.containers.is_empty() {
        return vec![line(Role::Unknown, " the spec names none")];
    }
    let titles = [
        ("", 1, false),
        ("NAME", 40, false),
        ("KIND", 9, false),
        ("STATE", 40, false),
        ("RESTARTS", 8, true),
        ("LAST END", 60, false),
    ];
    let mut table = Table::new(1, &titles);
    for container in &pod.containers {
        let (mut role, mut glyph, mut words) = state(container, now, glyphs);
        if silent && matches!(container.state, ContainerState::Running { .. } | ContainerState::Waiting { .. }) {
            (role, glyph, words) = (Role::Unknown, glyphs.unknown, format!("last reported {words}"));
        }
        let restarted = if container.restarts > 0 { Role::Warn } else { Role::Text };
        table.row(vec![
            (role, glyph.to_owned()),
            (Role::Text, container.name.to_string()),
            (Role::Muted, kind(container.kind).to_owned()),
            (role, words),
            (restarted, grouped(container.restarts)),
            container
                .last
                .as_ref()
                .map_or((Role::Muted, glyphs.none.to_owned()), |last| (Role::Text, ending(last, now))),
        ]);
        for line in details(container, width) {
            table.whole(line);
        }
    }
    table.lines(glyphs.ellipsis)
}

/// What a container says besides its state, below it.
fn details(container: &ContainerFacts, width: u16) -> Vec<Line> {
    const INDENT: usize = 6;
    let blanks = " ".repeat(INDENT);
    let mut lines = Vec::new();
    let ended = match &container.state {
        ContainerState::Waiting { message, .. } => Some(message),
        ContainerState::Ended(ending) => Some(&ending.message),
        _ => None,
    };
    let last = container.last.as_ref().map(|last| &last.message);
    for message in [ended, last].into_iter().flatten().filter(|message| !message.is_empty()) {
        lines.push(line(Role::Warn, format!("{blanks}{message}")));
    }
    let mut facts = Vec::new();
    for (label, list) in [("asks for", &container.requests), ("limits", &container.limits)] {
        if !list.is_empty() {
            facts.push(format!("{label} {}", amounts(list)));
        }
    }
    for device in &container.devices {
        facts.push(format!("{} {} {}", device.resource, device.id, device.health));
    }
    facts.push(format!("image {}", container.image));
    lines.extend(wrapped(&facts, INDENT, width));
    lines
}

fn kind(kind: ContainerKind) -> &'static str {
    match kind {
        ContainerKind::Init => "init",
        ContainerKind::Sidecar => "sidecar",
        ContainerKind::App => "app",
        ContainerKind::Ephemeral => "ephemeral",
    }
}

/// Role, glyph and words of what a container does.
fn state(container: &ContainerFacts, now: Timestamp, glyphs: &Glyphs) -> (Role, &'static str, String) {
    match &container.state {
        ContainerState::Running { since } => {
            let span = age_of(*since, now).map_or_else(String::new, |span| format!(" {}", duration(span)));
            match container.ready {
                Some(false) => (Role::Warn, glyphs.degraded, format!("Running, not ready{span}")),
                _ => (Role::Good, glyphs.ok, format!("Running{span}")),
            }
        }
        ContainerState::Waiting { reason, .. } => {
            let bad = reason.contains("BackOff") || reason.contains("Err") || reason.contains("Invalid");
            let (role, glyph) = if bad { (Role::Bad, glyphs.bad) } else { (Role::Warn, glyphs.degraded) };
            (role, glyph, if reason.is_empty() { "Waiting".to_owned() } else { reason.to_string() })
        }
        ContainerState::Ended(end) => {
            let well = end.exit_code == Some(0);
            let (role, glyph) = if well { (Role::Muted, glyphs.ok) } else { (Role::Bad, glyphs.bad) };
            (role, glyph, ending(end, now))
        }
        ContainerState::Unknown => (Role::Unknown, glyphs.none, "no status yet".to_owned()),
    }
}

/// `OOMKilled, exit 137, 3m ago`.
fn ending(end: &Ending, now: Timestamp) -> String {
    let reason = if end.reason.is_empty() { "Ended" } else { &*end.reason };
    let mut parts = vec![reason.to_owned()];
    match (end.exit_code, end.signal) {
        (_, Some(signal)) => parts.push(format!("signal {signal}")),
        (Some(0) | None, None) => {}
        (Some(code), None) => parts.push(format!("exit {code}")),
    }
    if let Some(span) = age_of(end.finished, now) {
        parts.push(format!("{} ago", coarse(span)));
    }
    parts.join(", ")
}

/// The claims, and under each what it got.
fn claims(pod: &PodDetail, states: &[ClaimState], paint: Paint<'_>) -> Vec<Line> {
    let glyphs = &paint.look.glyphs;
    let mut table = Table::new(3, &[("NAME", 30, false), ("CLAIM", 60, false), ("TEMPLATE", 60, false)]);
    for (claim, state) in pod.claims.iter().zip(states) {
        let made = if claim.claim.is_empty() {
            (Role::Unknown, "not made yet".to_owned())
        } else {
            (Role::Text, claim.claim.to_string())
        };
        let serves = claim.serves.iter().map(|resource| &**resource).collect::<Vec<_>>().join(", ");
        let (name, template) = match (claim.serves.is_empty(), &*claim.template) {
            (false, _) => (serves, "made for an extended resource"),
            (true, "") => (claim.name.to_string(), glyphs.none),
            (true, template) => (claim.name.to_string(), template),
        };
        table.row(vec![(Role::Text, name), made, (Role::Muted, template.to_owned())]);
        for line in got(state, &claim.claim) {
            table.whole(line);
        }
    }
    table.lines(glyphs.ellipsis)
}

/// What a claim got, a line for each device.
fn got(state: &ClaimState, claim: &str) -> Vec<Line> {
    let words = |role, text: String| vec![line(role, format!("     {text}"))];
    match state {
        // The table says already that it is not made.
        ClaimState::Missing if claim.is_empty() => Vec::new(),
        ClaimState::Missing => words(Role::Warn, "there is no such claim".to_owned()),
        ClaimState::NotVisible(why) => words(Role::Muted, format!("its devices are not visible: {why}")),
        ClaimState::Waiting => words(Role::Warn, "no devices yet: it waits to be allocated".to_owned()),
        ClaimState::Allocated { devices, .. } if devices.is_empty() => {
            words(Role::Muted, "allocated without devices".to_owned())
        }
        ClaimState::Allocated { devices, users } => devices.iter().map(|one| device(one, *users)).collect(),
    }
}

/// `gpu.example.com / node-1 / gpu-0   NVIDIA-H100-80GB-HBM3   share 3f2a   shared by 3 pods   tainted`.
fn device(device: &ClaimedDevice, users: usize) -> Line {
    let ClaimedDevice { allocated, offered } = device;
    let mut line = line(Role::Text, format!("     {} / {} / {}", allocated.driver, allocated.pool, allocated.device));
    let mut say = |role, text: String| line.push((role, format!("   {text}")));
    match offered {
        Some(offered) if !offered.model.is_empty() => say(Role::Text, offered.model.to_string()),
        Some(_) => {}
        None => say(Role::Unknown, "in no slice".to_owned()),
    }
    if let Some(share) = &allocated.share {
        say(Role::Muted, format!("share {share}"));
    }
    if allocated.admin {
        say(Role::Muted, "admin access, takes nothing".to_owned());
    }
    if users > 1 {
        say(Role::Muted, format!("used by {} pods", grouped(users as u64)));
    }
    if offered.as_ref().is_some_and(|offered| offered.tainted) {
        say(Role::Bad, "tainted".to_owned());
    }
    line
}

fn conditions(pod: &PodDetail, now: Timestamp, paint: Paint<'_>) -> Vec<Line> {
    let glyphs = &paint.look.glyphs;
    if pod.conditions.is_empty() {
        return vec![line(Role::Unknown, " none: nobody has posted a status yet")];
    }
    let titles =
        [("TYPE", 28, false), ("STATUS", 7, false), ("SINCE", 6, true), ("REASON", 24, false), ("MESSAGE", 8, false)];
    let mut table = Table::new(3, &titles);
    for condition in &pod.conditions {
        // Of a pod every condition that the API defines is good when True, but for DisruptionTarget (core/v1 types.go).
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
