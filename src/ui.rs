//! The view: draws the model without changing it. Each region has one file with one `draw` function; no waiting, no I/O, no work
//! per object of a cluster.
//!
//! ```text
//! header   watchbell  ▲ 2 firing          prod-a · v1.36.2 · latency measured from this host · 14:07:31Z
//! strip    ✗ prod-a  slow  nodes 101/104  gpu 611/861/872  p95 9.8s ▂▂▃▅█×××█▆▃  13 timeouts  live 0s
//! alerts   ▲ critical Timeouts 13 in 10 min (limit 10) · since 14:02:10Z (5m21s)
//! table    NAME  STATUS  PODS  GPU req/ok/cap  …           or  node: conditions, resources, labels, pods
//! footer   104 nodes · watchbell's load 0.4 req/s 12 kB/s             filter /  open enter  help ?
//! ```
//! A [`scene::Scene`] holds what all regions share; the body is a screen of the table [`screens`].

mod scene;
mod screens;
mod state;
mod title;
mod units;
mod widgets;
mod words;

use ratatui::Frame;
use ratatui::layout::Position;

use crate::model::app::Model;
use crate::model::app::screens::{Mode, Screen};
use crate::msg::Viewport;
use crate::theme::Role;

use scene::Scene;
use screens::{View, help, tiny};
use widgets::canvas::{Canvas, Note};
use widgets::layout::{Counts, Layout};
use widgets::{alert_lines, footer, header, strip};

pub use state::ViewState;
pub use title::{process_title, title, title_with};
pub use widgets::canvas::Context;

/// Draws one frame and returns its size, which the model needs for the next key ([`crate::msg::Msg::Viewport`]).
pub fn view(frame: &mut Frame<'_>, model: &Model, state: &mut ViewState, context: &Context<'_>) -> Viewport {
    let area = frame.area();
    if area.is_empty() {
        return Viewport::default();
    }
    let buf = frame.buffer_mut();
    if model.clusters().is_empty() {
        Canvas::new(buf, area, *context).pen(0).rest(Role::Unknown, "no cluster: the kubeconfig names none");
        return Viewport::default();
    }
    state.enter(area, model.current_id(), matches!(model.screen(), Screen::Node { .. }));
    let layout = Layout::new(area, counts(model));
    let scene = Scene::new(model, layout.strip.height.into(), &mut state.strip_offset, context.now);
    let screen = screens::open(model, layout.body, context, state);
    let drawn = draw(&mut Canvas::new(buf, area, *context), &layout, &scene, screen.as_ref(), state);
    if let Some(cursor) = drawn.cursor {
        frame.set_cursor_position(cursor);
    }
    drawn.viewport
}

fn counts(model: &Model) -> Counts {
    let inside = *model.screen() != Screen::Nodes;
    Counts { clusters: model.clusters().len(), alerts: model.all_alerts().count(), inside }
}

/// Result of drawing a frame.
struct Drawn {
    viewport: Viewport,
    /// Position of the cursor while a text is edited.
    cursor: Option<Position>,
}

/// Draws the help, one line with alerts if the terminal is too small for a table, or all regions of `layout`.
fn draw(
    canvas: &mut Canvas<'_>,
    layout: &Layout,
    scene: &Scene<'_>,
    screen: &dyn View,
    state: &mut ViewState,
) -> Drawn {
    if layout.one_line {
        tiny::draw(canvas, scene);
        let page = usize::from(canvas.area.height);
        return Drawn { viewport: Viewport { page, ..Viewport::default() }, cursor: None };
    }
    if scene.mode == Mode::Help {
        return Drawn { viewport: help::draw(canvas, scene.help_scroll, scene.notice), cursor: None };
    }
    let glyphs = canvas.glyphs();
    header::draw(&mut canvas.at(layout.header), scene);
    canvas.at(layout.header_rule).rule(None);
    strip::draw(&mut canvas.at(layout.strip), scene, &mut state.strip_widths);
    let problem = scene.summary().and_then(|summary| words::problem(summary, scene.settings.slow_call_clear, glyphs));
    canvas.at(layout.strip_rule).rule(problem.map(|text| Note { role: Role::Warn, text }).as_ref());
    alert_lines::draw(&mut canvas.at(layout.alerts), scene);
    let age = scene.summary().and_then(words::stale);
    let age = age.map(|age| format!("stale: last update {} ago", units::duration(age)));
    canvas.at(layout.body_rule).rule(age.map(|text| Note { role: Role::Unknown, text }).as_ref());
    let viewport = screen.draw(&mut canvas.at(layout.body), scene, &mut state.lists);
    canvas.at(layout.footer_rule).rule(None);
    // Without a rule for it, the problem comes first in the footer.
    let here = layout.strip_rule.height == 0;
    let cursor = footer::draw(&mut canvas.at(layout.footer), scene, screen.footer(scene, glyphs), here);
    Drawn { viewport, cursor }
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
