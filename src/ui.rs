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

mod scene;
mod screens;
mod units;
mod widgets;
mod words;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use crate::facts::pod::{PodClaimFacts, PodDetail};
use crate::facts::text::Clean;
use crate::keymap::KeyMap;
use crate::model::alerts::{AlertLine, MuteReason, Severity};
use crate::model::app::Model;
use crate::model::app::screens::{Mode, Screen};
use crate::model::cluster::ClusterState;
use crate::model::cluster::detail::{DetailState, PartFreshness};
use crate::model::derive::claims::ClaimState;
use crate::msg::detail::{DetailPart, ObjectRef};
use crate::msg::{ClusterId, Now, Viewport};
use crate::theme::{Depth, Glyphs, Role, Theme};

use crate::ui::screens::alerts::AlertsView;
use crate::ui::screens::api::ApiView;
use crate::ui::screens::gpus::GpusView;
use crate::ui::screens::pod::PodView;
use crate::ui::screens::yaml::YamlView;
use crate::ui::widgets::events::EventsView;
use crate::ui::widgets::grid::WidthMemory;
use crate::ui::widgets::layout::{Counts, Layout, window};
use scene::{NodeTable, NodeView, Paint, Scene, SceneBody};

/// Most alerts that are taken out of the model for a frame; a tall one-line screen lists no more.
const ALERTS: usize = 16;

/// What the screen remembers from frame to frame: keys for hints, scroll offsets, widths of columns. Nothing that the
/// model must know.
#[derive(Debug, Default)]
pub struct ViewState {
    strip_offset: usize,
    strip_widths: crate::ui::widgets::strip::Widths,
    nodes_offset: usize,
    nodes_seen: WidthMemory,
    /// Whether the node table had room for the columns of the wide one, if it was drawn.
    wide_room: Option<bool>,
    pods_offset: usize,
    pods_seen: WidthMemory,
    alerts_offset: usize,
    /// The widest groups and held pods of the GPU view that were seen.
    gpus_seen: (WidthMemory, WidthMemory),
    /// Size, cluster and node of the last frame; another one starts its columns anew.
    last: Option<(Rect, ClusterId, bool)>,
}

impl ViewState {
    fn enter(&mut self, area: Rect, cluster: ClusterId, inside: bool) {
        let last = self.last.replace((area, cluster, inside));
        if last.is_none_or(|(before, ..)| before.width != area.width) {
            self.strip_widths = crate::ui::widgets::strip::Widths::default();
        }
        if last.is_none_or(|(before, other, _)| before.width != area.width || other != cluster) {
            self.nodes_seen = WidthMemory::default();
            self.gpus_seen = Default::default();
        }
        if last != self.last {
            self.pods_seen = WidthMemory::default();
        }
    }
}

/// What every part of a frame is drawn with.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Styles and glyphs.
    pub theme: &'a Theme,
    /// Keys, for hints and the help.
    pub keymap: &'a KeyMap,
    /// Both clocks.
    pub now: Now,
}

/// Draws one frame and returns its size, which the model needs for the next key ([`crate::msg::Msg::Viewport`]).
pub fn view(frame: &mut Frame<'_>, model: &Model, state: &mut ViewState, context: &Context<'_>) -> Viewport {
    let Context { theme, now, .. } = *context;
    let area = frame.area();
    if area.is_empty() {
        return Viewport::default();
    }
    if model.clusters().is_empty() {
        crate::ui::widgets::text::Pen::new(frame.buffer_mut(), theme, area, 0)
            .rest(Role::Unknown, "no cluster: the kubeconfig names none");
        return Viewport::default();
    }
    state.enter(area, model.current_id(), matches!(model.screen(), Screen::Node { .. }));
    let layout = Layout::new(area, counts(model));
    let (scene, plan) = gather(model, &layout, (state, theme), now);
    let page = match &scene.body {
        _ if scene.mode == Mode::Help => usize::from(area.height.saturating_sub(1)),
        SceneBody::Nodes(_) => usize::from(layout.body.height.saturating_sub(1)),
        SceneBody::Node(view) => plan.page(view.pane),
        SceneBody::Pod(_) => crate::ui::screens::pod::page(layout.body),
        SceneBody::Yaml(_) => crate::ui::screens::yaml::page(layout.body),
        SceneBody::Api(_) => crate::ui::screens::api::page(layout.body),
        SceneBody::Alerts(_) => crate::ui::screens::alerts::page(layout.body),
        SceneBody::Gpus(_) => crate::ui::screens::gpus::page(layout.body),
    };
    let (cursor, most_scroll) = draw(frame.buffer_mut(), area, &scene, (&layout, &plan, state, context));
    if let Some(cursor) = cursor {
        frame.set_cursor_position(cursor);
    }
    Viewport { page: page.max(1), most_scroll, wide_room: state.wide_room.take() }
}

/// The window title: the cluster with the worst alert, or the current one: `✗ prod-a ▲2 · watchbell`.
///
/// A multiplexer shows it while the window is out of sight, so it names the trouble first.
#[must_use]
pub fn title(model: &Model) -> String {
    title_with(model, &Theme::new(Depth::None, false).glyphs)
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
fn muted(model: &Model, why: MuteReason) -> usize {
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
    (state, theme): (&mut ViewState, &Theme),
    now: Now,
) -> (Scene<'a>, crate::ui::screens::node::NodeLayout) {
    let current = usize::from(model.current_id().0);
    let cluster = model.current();
    let clusters = model.clusters();
    let lines = usize::from(layout.strip.height).max(1);
    let strip = window(clusters.len(), Some(current), state.strip_offset, lines);
    state.strip_offset = strip.start;
    let mut alerts: Vec<&AlertLine> = first_alerts(model, ALERTS).collect();
    alerts.sort_by_key(|alert| (alert.muted.is_some(), std::cmp::Reverse(alert.severity)));
    alerts.truncate(ALERTS);
    let mut plan = crate::ui::screens::node::NodeLayout::default();
    let inside_node = matches!(model.screen(), Screen::Node { .. });
    let body = match model.screen() {
        Screen::Nodes => {
            let extent = cluster.extent();
            let height = usize::from(layout.body.height.saturating_sub(1));
            let rows = window(extent.len, extent.selected, state.nodes_offset, height);
            state.nodes_offset = rows.start;
            let (sort, wide) = (cluster.sort(), model.wide());
            let first = rows.start;
            let arranging = cluster.is_arranging();
            SceneBody::Nodes(NodeTable { extent, first, rows: cluster.rows(rows, now), sort, wide, arranging })
        }
        Screen::Node { name, pane } => {
            let detail = cluster.node(name, now);
            let events = events_view(cluster, now);
            plan = crate::ui::screens::node::NodeLayout::new(
                layout.body,
                detail.as_ref().map(|detail| (detail, &events)),
                *pane,
            );
            let extent = cluster.pod_extent();
            let pods = window(extent.len, extent.selected, state.pods_offset, plan.pod_rows());
            state.pods_offset = pods.start;
            let first = pods.start;
            let pods = cluster.pods(pods, now);
            let scroll = model.pane_scroll().min(plan.hidden());
            let sort = cluster.pod_sort();
            SceneBody::Node(Box::new(NodeView { name, pane: *pane, detail, extent, first, pods, sort, scroll, events }))
        }
        Screen::Pod { namespace, name } => pod_body(model, (namespace, name), (layout, theme), now),
        Screen::Yaml { subject, .. } => SceneBody::Yaml(yaml_view(model, subject, layout, now)),
        Screen::Api => SceneBody::Api(Box::new(ApiView::new(cluster, layout.body, (model.pane_scroll(), now)))),
        Screen::Gpus => {
            let old = words::stale(&cluster.summary(now));
            SceneBody::Gpus(GpusView::new(cluster, (model.grouping(), old), (model.pane_scroll(), now)))
        }
        Screen::Alerts => {
            let mut rows = model.alert_rows();
            let (len, selected) = (rows.len(), rows.iter().position(|row| row.selected));
            let shown = window(len, selected, state.alerts_offset, crate::ui::screens::alerts::page(layout.body));
            state.alerts_offset = shown.start;
            rows.truncate(shown.end);
            let rows = rows.split_off(shown.start);
            SceneBody::Alerts(AlertsView {
                first: shown.start,
                rows,
                len,
                silenced: crate::ui::screens::alerts::silenced(clusters),
            })
        }
    };
    let scene = Scene {
        now,
        settings: *model.settings(),
        mode: model.mode(),
        summaries: clusters.iter().map(|cluster| cluster.summary(now)).collect(),
        current,
        strip_first: strip.start,
        marks: clusters[strip].iter().map(|cluster| cluster.marks(crate::ui::widgets::strip::MARKS, now)).collect(),
        alerts,
        firing: firing(model),
        acked: muted(model, MuteReason::Acknowledged),
        silenced: muted(model, MuteReason::Silenced),
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
    (layout, theme): (&Layout, &Theme),
    now: Now,
) -> SceneBody<'a> {
    let cluster = model.current();
    let inspected = cluster.inspected();
    let pod = inspected.and_then(DetailState::pod);
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
        replaced: inspected.is_some_and(DetailState::replaced),
        claims: claim_states(cluster, inspected.and_then(DetailState::pod)),
        fresh: part_freshness(cluster, DetailPart::Object, now),
        events: events_view(cluster, now),
        first: 0,
    };
    let lines =
        crate::ui::screens::pod::lines(&view, layout.body.width, Paint { theme, now, settings: model.settings() });
    let most = lines.len().saturating_sub(crate::ui::screens::pod::page(layout.body));
    view.first = model.pane_scroll().min(most);
    SceneBody::Pod(Box::new((view, lines)))
}

/// What is known of each claim of a pod.
fn claim_states(cluster: &ClusterState, pod: Option<&PodDetail>) -> Vec<ClaimState> {
    let state = |(pod, claim): (&PodDetail, &PodClaimFacts)| match &*claim.claim {
        "" => ClaimState::Missing,
        name => cluster.claim(&pod.namespace, name),
    };
    pod.into_iter().flat_map(|pod| pod.claims.iter().map(move |claim| state((pod, claim)))).collect()
}

/// One object as YAML.
fn yaml_view<'a>(model: &'a Model, subject: &'a ObjectRef, layout: &Layout, now: Now) -> YamlView<'a> {
    let cluster = model.current();
    let document = cluster.inspected().and_then(DetailState::document);
    let most =
        document.map_or(0, |document| document.lines.len()).saturating_sub(crate::ui::screens::yaml::page(layout.body));
    let first = model.pane_scroll().min(most);
    YamlView { subject, document, fresh: part_freshness(cluster, DetailPart::Object, now), first }
}

/// How fresh a part of the opened object is; what nobody looks at yet is on its way.
fn part_freshness(cluster: &ClusterState, part: DetailPart, now: Now) -> PartFreshness<'_> {
    cluster.inspected_freshness(part, now).unwrap_or(PartFreshness::Loading)
}

fn events_view(cluster: &ClusterState, now: Now) -> EventsView<'_> {
    EventsView {
        events: cluster.inspected().and_then(DetailState::events),
        fresh: part_freshness(cluster, DetailPart::Events, now),
        now: cluster.server_now(now),
    }
}

/// Draws a scene; returns the position of the cursor while a text is edited, and the most scroll.
fn draw(
    buf: &mut Buffer,
    area: Rect,
    scene: &Scene<'_>,
    (layout, plan, state, context): (&Layout, &crate::ui::screens::node::NodeLayout, &mut ViewState, &Context<'_>),
) -> (Option<Position>, Option<usize>) {
    let (theme, keys) = (context.theme, context.keymap);
    let paint = Paint { theme, now: scene.now, settings: &scene.settings };
    if layout.one_line {
        crate::ui::screens::tiny::draw(buf, area, scene, paint);
        return (None, None);
    }
    if scene.mode == Mode::Help {
        let said = crate::ui::screens::help::Said { scroll: scene.help_scroll, notice: scene.notice };
        let most = crate::ui::screens::help::draw(buf, area, said, (paint, keys));
        return (None, Some(most));
    }
    crate::ui::widgets::header::draw(buf, layout.header, scene, paint);
    crate::ui::widgets::header::rule(buf, layout.header_rule, None, paint);
    crate::ui::widgets::strip::draw(buf, layout.strip, scene, paint, &mut state.strip_widths);
    let summary = scene.summary();
    let trouble = summary.and_then(|summary| words::trouble(summary, paint.settings.slow_call_clear, &theme.glyphs));
    crate::ui::widgets::header::rule(buf, layout.strip_rule, trouble.as_deref().map(|text| (Role::Warn, text)), paint);
    crate::ui::widgets::alert_lines::draw(buf, layout.alerts, scene, paint);
    let age = summary.and_then(words::stale).map(|age| format!("old data: last heard {} ago", units::duration(age)));
    crate::ui::widgets::header::rule(buf, layout.body_rule, age.as_deref().map(|text| (Role::Unknown, text)), paint);
    let most = match &scene.body {
        SceneBody::Nodes(nodes) => {
            state.wide_room =
                Some(crate::ui::screens::nodes::draw(buf, layout.body, scene, nodes, (paint, &mut state.nodes_seen)));
            None
        }
        SceneBody::Node(view) => {
            let context = summary.map_or("", |summary| &summary.context);
            crate::ui::screens::node::draw(buf, plan, view, (context, paint, &mut state.pods_seen));
            Some(plan.hidden())
        }
        SceneBody::Pod(shown) => {
            let context = summary.map_or("", |summary| &summary.context);
            crate::ui::screens::pod::draw(buf, layout.body, (&shown.0, &shown.1), (context, paint));
            Some(shown.1.len().saturating_sub(crate::ui::screens::pod::page(layout.body)))
        }
        SceneBody::Yaml(view) => {
            let context = summary.map_or("", |summary| &summary.context);
            crate::ui::screens::yaml::draw(buf, layout.body, view, (context, paint));
            let lines = view.document.map_or(0, |document| document.lines.len());
            Some(lines.saturating_sub(crate::ui::screens::yaml::page(layout.body)))
        }
        SceneBody::Api(view) => Some(crate::ui::screens::api::draw(buf, layout.body, (scene, view), paint)),
        SceneBody::Alerts(view) => {
            crate::ui::screens::alerts::draw(buf, layout.body, (scene, view), paint);
            None
        }
        SceneBody::Gpus(view) => {
            Some(crate::ui::screens::gpus::draw(buf, layout.body, (scene, view), (paint, &mut state.gpus_seen)))
        }
    };
    crate::ui::widgets::header::rule(buf, layout.footer_rule, None, paint);
    // Where there is no rule for it, the trouble has the first place in the footer.
    let here = layout.strip_rule.height == 0;
    (crate::ui::widgets::footer::draw(buf, layout.footer, scene, (paint, keys, here)), most)
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
