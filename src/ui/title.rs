//! Titles of the window and of the process.

use std::cmp::Reverse;

use crate::model::alerts::Severity;
use crate::model::app::Model;
use crate::theme::{Depth, Glyphs, Theme};
use crate::ui::scene::{firing, first_alerts, notices};

/// The window title: the cluster with the worst alert, or the current one: `✗ prod-a ▲2 · watchbell`.
///
/// A multiplexer shows it while the window is hidden, so the alert comes first.
#[must_use]
pub fn title(model: &Model) -> String {
    title_with(model, &Theme::new(Depth::None, false).glyphs)
}

/// The window title with the glyphs of the terminal, in ASCII if those are.
#[must_use]
pub fn title_with(model: &Model, glyphs: &Glyphs) -> String {
    let heard = first_alerts(model, 1).filter(|alert| alert.muted.is_none() && alert.severity > Severity::Notice);
    let worst = heard.max_by_key(|alert| (alert.severity, Reverse(alert.cluster)));
    let cluster = worst.map_or(model.current_id(), |alert| alert.cluster);
    let Some(context) = model.owner(cluster) else {
        return "watchbell".to_owned();
    };
    // tmux reads `#[…]` in a title as a style.
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
/// critical fires, `!` for a warning, `~` for a notice, `?` where that is no longer known; without a mark nothing fires.
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
