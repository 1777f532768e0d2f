//! The screens. Each has a file and a row of [`SCREENS`].
//!
//! The meaning of a key on a screen, its object and its history are in [`crate::model::app`]: the model does not know the
//! terminal.

pub(in crate::ui) mod alerts;
pub(in crate::ui) mod api;
pub(in crate::ui) mod gang;
pub(in crate::ui) mod gangs;
pub(in crate::ui) mod gpus;
pub(in crate::ui) mod help;
pub(in crate::ui) mod node;
pub(in crate::ui) mod nodes;
pub(in crate::ui) mod pod;
pub(in crate::ui) mod pods;
pub(in crate::ui) mod tiny;
pub(in crate::ui) mod view;
pub(in crate::ui) mod yaml;

use ratatui::layout::Rect;

use crate::model::app::Model;
use crate::ui::state::ViewState;
use crate::ui::widgets::canvas::Context;

pub(in crate::ui) use view::View;

/// Reads a screen of the model for an area of this size; `None` if another screen is open.
pub(in crate::ui) type Open = for<'a> fn(&'a Model, Rect, &Context<'_>, &mut ViewState) -> Option<Box<dyn View + 'a>>;

/// All screens. A new one is a row here, a file with its [`View`], and a row of [`ACTIONS`](crate::action::ACTIONS) that opens it;
/// a screen of one object is also a variant of the model's [`Screen`](crate::model::app::screens::Screen).
const SCREENS: &[Open] = &[
    nodes::open,
    node::open,
    pod::open,
    yaml::open,
    api::open,
    alerts::open,
    gpus::open,
    gangs::open,
    gang::open,
    pods::open,
];

/// The screen that is open.
pub(in crate::ui) fn open<'a>(
    model: &'a Model,
    area: Rect,
    context: &Context<'_>,
    state: &mut ViewState,
) -> Box<dyn View + 'a> {
    let found = SCREENS.iter().find_map(|open| open(model, area, context, state));
    found.unwrap_or_else(|| Box::new(nodes::NodesView::new(model, area, context, state)))
}
