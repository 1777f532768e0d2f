//! The screen: one region, one file, one `draw` function. Nothing here waits, asks or computes per object of a cluster.
//!
//! ```text
//! header   watchbell  ▲ 2 firing                        prod-a · v1.36.2 · seen from here · 14:07:31Z
//! strip    ✗ prod-a  slow  nodes 101/104  gpu 611/861/872  p95 9.8s ▂▂▃▅█×××█▆▃  13 t/o  live 0s
//! alerts   ▲ critical Timeouts 13 in 10 min (limit 10) · since 14:02:10Z (5m21s)
//! table    NAME  STATUS  PODS  GPU req/ok/cap  …           or  node: conditions, resources, labels, pods
//! footer   104 nodes · our load 0.4 req/s 12 kB/s                     filter /  open enter  help ?
//! ```
//! [`view`] takes what can be seen out of the model into a [`scene::Scene`]; the regions draw from that.

mod alertpane;
mod alerts;
mod api;
mod bars;
mod columns;
mod events;
mod footer;
mod gpus;
mod grid;
mod header;
mod help;
mod layout;
mod names;
mod node;
mod page;
mod pod;
mod scene;
mod spark;
mod strip;
mod table;
mod text;
mod tiny;
mod units;
mod words;
mod yaml;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::facts::pod::{ClaimFacts, PodDetail};
use crate::facts::text::Clean;
use crate::keymap::KeyMap;
use crate::model::alert::{AlertLine, Muted, Severity};
use crate::model::claims::ClaimState;
use crate::model::cluster::ClusterState;
use crate::model::inspection::{Inspected, PartFreshness};
use crate::model::{Mode, Model, Screen};
use crate::msg::inspect::{Part, Subject};
use crate::msg::{ClusterId, Now};
use crate::theme::{Depth, Glyphs, Look, Role};

use alertpane::AlertsView;
use api::ApiView;
use events::EventsView;
use gpus::GpusView;
use grid::Seen;
use layout::{Counts, Layout, Scroll, window};
use pod::PodView;
use scene::{Body, NodeTable, NodeView, Paint, Scene};
use yaml::YamlView;

/// Most alerts that are taken out of the model for a frame; a tall one-line screen lists no more.
const ALERTS: usize = 16;

/// What the screen remembers from frame to frame: keys for hints, scroll offsets, widths of columns. Nothing that the
/// model must know.
#[derive(Debug, Default)]
pub struct ViewState {
    keys: KeyMap,
    strip_offset: usize,
    strip_widths: strip::Widths,
    nodes_offset: usize,
    nodes_seen: Seen,
    /// Whether the node table had room for the columns of the wide one, if it was drawn.
    wide_room: Option<bool>,
    pods_offset: usize,
    pods_seen: Seen,
    pane_scroll: Scroll,
    help_scroll: Scroll,
    alerts_offset: usize,
    api_scroll: Scroll,
    gpus_scroll: Scroll,
    /// The widest groups and held pods of the GPU view that were seen.
    gpus_seen: (Seen, Seen),
    /// Size, cluster and node of the last frame; another one starts its columns anew.
    last: Option<(Rect, ClusterId, bool)>,
}

impl ViewState {
    /// A state whose hints and help show these keys.
    #[must_use]
    pub fn with_keys(keys: KeyMap) -> Self {
        Self { keys, ..Self::default() }
    }

    fn enter(&mut self, area: Rect, cluster: ClusterId, inside: bool) {
        let last = self.last.replace((area, cluster, inside));
        if last.is_none_or(|(before, ..)| before.width != area.width) {
            self.strip_widths = strip::Widths::default();
        }
        if last.is_none_or(|(before, other, _)| before.width != area.width || other != cluster) {
            self.nodes_seen = Seen::default();
            self.gpus_seen = Default::default();
        }
        if last != self.last {
            self.pods_seen = Seen::default();
        }
    }
}

/// Draws one frame. The model is read; it is only told how many rows a page has.
pub fn view(frame: &mut Frame<'_>, model: &mut Model, state: &mut ViewState, look: &Look, now: Now) {
    let area = frame.area();
    if area.is_empty() {
        return;
    }
    if model.clusters().is_empty() {
        text::Pen::new(frame.buffer_mut(), look, area, 0).rest(Role::Unknown, "no cluster: the kubeconfig names none");
        return;
    }
    state.enter(area, model.current_id(), matches!(model.screen(), Screen::Node { .. }));
    let layout = Layout::new(area, counts(model));
    let (scene, plan) = gather(model, &layout, (state, look), now);
    let page = match &scene.body {
        _ if scene.mode == Mode::Help => usize::from(area.height.saturating_sub(1)),
        Body::Nodes(_) => usize::from(layout.body.height.saturating_sub(1)),
        Body::Node(view) => plan.page(view.pane),
        Body::Pod(_) => pod::page(layout.body),
        Body::Yaml(_) => yaml::page(layout.body),
        Body::Api(_) => api::page(layout.body),
        Body::Alerts(_) => alertpane::page(layout.body),
        Body::Gpus(_) => gpus::page(layout.body),
    };
    let cursor = draw(frame.buffer_mut(), area, &scene, (&layout, &plan, state, look));
    if let Some(cursor) = cursor {
        frame.set_cursor_position(cursor);
    }
    model.set_page(page.max(1));
    if let Some(room) = state.wide_room.take() {
        model.set_wide_room(room);
    }
}

/// The window title: the cluster with the worst alert, or the current one: `✗ prod-a ▲2 · watchbell`.
///
/// A multiplexer shows it while the window is out of sight, so it names the trouble first.
#[must_use]
pub fn title(model: &Model) -> String {
    title_with(model, &Look::new(Depth::None, false).glyphs)
}

/// The window title with the glyphs of the terminal; ASCII where those are.
#[must_use]
pub fn title_with(model: &Model, glyphs: &Glyphs) -> String {
    let heard = first_alerts(model, 1).filter(|alert| alert.muted.is_none() && alert.severity > Severity::Notice);
    let worst = heard.max_by_key(|alert| (alert.severity, std::cmp::Reverse(alert.cluster)));
    let place = worst.map_or(model.current_id(), |alert| alert.cluster);
    let Some(context) = model.owner(place) else {
        return "watchbell".to_owned();
    };
    // tmux takes `#[…]` in a title for a style.
    let context = context.replace('#', "_");
    let dot = glyphs.dot;
    match worst {
        None => format!("{context} {dot} watchbell"),
        Some(alert) => {
            let mark = match (alert.unknown, alert.severity) {
                (true, _) => glyphs.unknown,
                (_, Severity::Critical) => glyphs.bad,
                _ => glyphs.degraded,
            };
            format!("{mark} {context} {}{} {dot} watchbell", glyphs.alert, firing(model))
        }
    }
}

/// The name of the process, in ASCII and at most 15 bytes (`prctl(2)`, `PR_SET_NAME`): `watchbell !!2` while something
/// critical fires, `!` for a warning, `~` for a notice, `?` where it is not known any more; without a mark all is quiet.
#[must_use]
pub fn process_title(model: &Model) -> String {
    let heard = first_alerts(model, 1).filter(|alert| alert.muted.is_none());
    let mark = match heard.max_by_key(|alert| alert.severity) {
        None => return "watchbell".to_owned(),
        Some(alert) if alert.unknown => "?",
        Some(alert) => match alert.severity {
            Severity::Critical => "!!",
            Severity::Warning => "!",
            Severity::Notice => "~",
        },
    };
    let count = if mark == "~" { notices(model) } else { firing(model) };
    format!("watchbell {mark}{}", count.min(99))
}

/// The first alerts of each cluster, worst first within each: enough to list, however many nodes are lost.
fn first_alerts(model: &Model, each: usize) -> impl Iterator<Item = &AlertLine> {
    let of_each = model.clusters().iter().flat_map(move |cluster| cluster.alerts().iter().take(each));
    model.outage_alerts().iter().chain(of_each)
}

/// Alerts that are to be heard; a notice is none.
fn firing(model: &Model) -> usize {
    heard(model).filter(|alert| alert.severity > Severity::Notice).count()
}

/// Notices that are to be heard.
fn notices(model: &Model) -> usize {
    heard(model).filter(|alert| alert.severity == Severity::Notice).count()
}

fn heard(model: &Model) -> impl Iterator<Item = &AlertLine> {
    model.all_alerts().filter(|alert| alert.muted.is_none())
}

/// Alerts that fire and are not to be heard, for this reason.
fn muted(model: &Model, why: Muted) -> usize {
    model.all_alerts().filter(|alert| alert.muted == Some(why)).count()
}

fn counts(model: &Model) -> Counts {
    let inside = *model.screen() != Screen::Nodes;
    Counts { clusters: model.clusters().len(), alerts: model.all_alerts().count(), inside }
}

/// Takes what `layout` has room for out of the model.
fn gather<'a>(
    model: &'a Model,
    layout: &Layout,
    (state, look): (&mut ViewState, &Look),
    now: Now,
) -> (Scene<'a>, node::Plan) {
    let current = usize::from(model.current_id().0);
    let cluster = model.current();
    let clusters = model.clusters();
    let lines = usize::from(layout.strip.height).max(1);
    let strip = window(clusters.len(), Some(current), state.strip_offset, lines);
    state.strip_offset = strip.start;
    let mut alerts: Vec<&AlertLine> = first_alerts(model, ALERTS).collect();
    alerts.sort_by_key(|alert| (alert.muted.is_some(), std::cmp::Reverse(alert.severity)));
    alerts.truncate(ALERTS);
    let mut plan = node::Plan::default();
    let inside_node = matches!(model.screen(), Screen::Node { .. });
    let body = match model.screen() {
        Screen::Nodes => {
            let extent = cluster.extent();
            let height = usize::from(layout.body.height.saturating_sub(1));
            let rows = window(extent.len, extent.selected, state.nodes_offset, height);
            state.nodes_offset = rows.start;
            let (sort, wide) = (cluster.sort(), model.wide());
            let first = rows.start;
            Body::Nodes(NodeTable { extent, first, rows: cluster.rows(rows, now), sort, wide })
        }
        Screen::Node { name, pane } => {
            let detail = cluster.node(name, now);
            let events = events_view(cluster, now);
            plan = node::Plan::new(layout.body, detail.as_ref().map(|detail| (detail, &events)), *pane);
            let extent = cluster.pod_extent();
            let pods = window(extent.len, extent.selected, state.pods_offset, plan.pod_rows());
            state.pods_offset = pods.start;
            let first = pods.start;
            let pods = cluster.pods(pods, now);
            let scroll = state.pane_scroll.follow(model.pane_scroll(), plan.hidden());
            let sort = cluster.pod_sort();
            Body::Node(Box::new(NodeView { name, pane: *pane, detail, extent, first, pods, sort, scroll, events }))
        }
        Screen::Pod { namespace, name } => pod_body(model, (namespace, name), (layout, state, look), now),
        Screen::Yaml { subject, .. } => Body::Yaml(yaml_view(model, subject, (layout, state), now)),
        Screen::Api => Body::Api(Box::new(ApiView::new(cluster, layout.body, (model.pane_scroll(), now)))),
        Screen::Gpus => {
            let old = words::stale(&cluster.summary(now));
            Body::Gpus(GpusView::new(cluster, (model.grouping(), old), (model.pane_scroll(), now)))
        }
        Screen::Alerts => {
            let mut rows = model.alert_rows();
            let (len, selected) = (rows.len(), rows.iter().position(|row| row.selected));
            let shown = window(len, selected, state.alerts_offset, alertpane::page(layout.body));
            state.alerts_offset = shown.start;
            rows.truncate(shown.end);
            let rows = rows.split_off(shown.start);
            Body::Alerts(AlertsView { first: shown.start, rows, len, silenced: alertpane::silenced(clusters) })
        }
    };
    let scene = Scene {
        now,
        settings: *model.settings(),
        mode: model.mode(),
        summaries: clusters.iter().map(|cluster| cluster.summary(now)).collect(),
        current,
        strip_first: strip.start,
        marks: clusters[strip].iter().map(|cluster| cluster.marks(strip::MARKS, now)).collect(),
        alerts,
        firing: firing(model),
        acked: muted(model, Muted::Acknowledged),
        silenced: muted(model, Muted::Silenced),
        notices: notices(model),
        unknown: heard(model).filter(|alert| alert.unknown && alert.severity > Severity::Notice).count(),
        filter: if inside_node { cluster.pod_filter() } else { cluster.filter() },
        filter_note: if inside_node { cluster.pod_filter_note() } else { cluster.filter_note() },
        notice: model.notice(now),
        warnings: model.warnings(),
        held: cluster.held(),
        locked_out: cluster.is_locked_out(),
        body,
        help_scroll: model.help_scroll(),
    };
    (scene, plan)
}

/// One pod, and the lines of its page.
fn pod_body<'a>(
    model: &'a Model,
    (namespace, name): (&'a Clean, &'a Clean),
    (layout, state, look): (&Layout, &mut ViewState, &Look),
    now: Now,
) -> Body<'a> {
    let cluster = model.current();
    let inspected = cluster.inspected();
    let pod = inspected.and_then(Inspected::pod);
    let row = cluster.pod_row(namespace, name, now);
    let node = pod.map(|pod| &*pod.node).or(row.as_ref().map(|row| row.facts.node));
    let ended = pod.is_some_and(|pod| pod.ended) || row.as_ref().is_some_and(|row| row.facts.phase.is_terminal());
    let last_report = node.filter(|_| !ended).and_then(|node| cluster.last_report(node, now));
    let mut view = PodView {
        namespace,
        name,
        pod,
        row,
        last_report,
        replaced: inspected.is_some_and(Inspected::replaced),
        claims: claim_states(cluster, inspected.and_then(Inspected::pod)),
        fresh: part_freshness(cluster, Part::Object, now),
        events: events_view(cluster, now),
        first: 0,
    };
    let lines = pod::lines(&view, layout.body.width, Paint { look, now, settings: model.settings() });
    let most = lines.len().saturating_sub(pod::page(layout.body));
    view.first = state.pane_scroll.follow(model.pane_scroll(), most);
    Body::Pod(Box::new((view, lines)))
}

/// What is known of each claim of a pod.
fn claim_states(cluster: &ClusterState, pod: Option<&PodDetail>) -> Vec<ClaimState> {
    let state = |(pod, claim): (&PodDetail, &ClaimFacts)| match &*claim.claim {
        "" => ClaimState::Missing,
        name => cluster.claim(&pod.namespace, name),
    };
    pod.into_iter().flat_map(|pod| pod.claims.iter().map(move |claim| state((pod, claim)))).collect()
}

/// One object as YAML.
fn yaml_view<'a>(
    model: &'a Model,
    subject: &'a Subject,
    (layout, state): (&Layout, &mut ViewState),
    now: Now,
) -> YamlView<'a> {
    let cluster = model.current();
    let document = cluster.inspected().and_then(Inspected::document);
    let most = document.map_or(0, |document| document.lines.len()).saturating_sub(yaml::page(layout.body));
    let first = state.pane_scroll.follow(model.pane_scroll(), most);
    YamlView { subject, document, fresh: part_freshness(cluster, Part::Object, now), first }
}

/// How fresh a part of the opened object is; what nobody looks at yet is on its way.
fn part_freshness(cluster: &ClusterState, part: Part, now: Now) -> PartFreshness<'_> {
    cluster.inspected_freshness(part, now).unwrap_or(PartFreshness::Loading)
}

fn events_view(cluster: &ClusterState, now: Now) -> EventsView<'_> {
    EventsView {
        events: cluster.inspected().and_then(Inspected::events),
        fresh: part_freshness(cluster, Part::Events, now),
        now: cluster.server_now(now),
    }
}

/// Draws a scene; gives the cursor's place while a text is edited.
fn draw(
    buf: &mut Buffer,
    area: Rect,
    scene: &Scene<'_>,
    (layout, plan, state, look): (&Layout, &node::Plan, &mut ViewState, &Look),
) -> Option<Position> {
    let paint = Paint { look, now: scene.now, settings: &scene.settings };
    if layout.one_line {
        tiny::draw(buf, area, scene, paint);
        return None;
    }
    if scene.mode == Mode::Help {
        let said = help::Said { scroll: scene.help_scroll, notice: scene.notice };
        help::draw(buf, area, (said, &mut state.help_scroll), (paint, &state.keys));
        return None;
    }
    header::draw(buf, layout.header, scene, paint);
    header::rule(buf, layout.header_rule, None, paint);
    strip::draw(buf, layout.strip, scene, paint, &mut state.strip_widths);
    let summary = scene.summary();
    let trouble = summary.and_then(|summary| words::trouble(summary, paint.settings.slow_call_clear, &look.glyphs));
    header::rule(buf, layout.strip_rule, trouble.as_deref().map(|text| (Role::Warn, text)), paint);
    alerts::draw(buf, layout.alerts, scene, paint);
    let age = summary.and_then(words::stale).map(|age| format!("old data: last heard {} ago", units::duration(age)));
    header::rule(buf, layout.body_rule, age.as_deref().map(|text| (Role::Unknown, text)), paint);
    match &scene.body {
        Body::Nodes(nodes) => {
            state.wide_room = Some(table::draw(buf, layout.body, scene, nodes, (paint, &mut state.nodes_seen)));
        }
        Body::Node(view) => {
            let context = summary.map_or("", |summary| &summary.context);
            node::draw(buf, plan, view, (context, paint, &mut state.pods_seen));
        }
        Body::Pod(shown) => {
            let context = summary.map_or("", |summary| &summary.context);
            pod::draw(buf, layout.body, (&shown.0, &shown.1), (context, paint));
        }
        Body::Yaml(view) => {
            let context = summary.map_or("", |summary| &summary.context);
            yaml::draw(buf, layout.body, view, (context, paint));
        }
        Body::Api(view) => api::draw(buf, layout.body, (scene, view), (paint, &mut state.api_scroll)),
        Body::Alerts(view) => alertpane::draw(buf, layout.body, (scene, view), paint),
        Body::Gpus(view) => {
            let kept = (&mut state.gpus_scroll, &mut state.gpus_seen);
            gpus::draw(buf, layout.body, (scene, view), (paint, kept));
        }
    }
    header::rule(buf, layout.footer_rule, None, paint);
    // Where there is no rule for it, the trouble has the first place in the footer.
    let here = layout.strip_rule.height == 0;
    footer::draw(buf, layout.footer, scene, (paint, &state.keys, here))
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
