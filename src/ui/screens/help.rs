//! The help: every action with its keys, from the table of actions, and the meaning of the glyphs.

use ratatui::layout::Rect;

use crate::action::{ACTIONS, Action};
use crate::facts::text::Clean;
use crate::keymap::KeyMap;
use crate::msg::Viewport;
use crate::theme::{Glyphs, Role};
use crate::ui::widgets::canvas::Canvas;
use crate::ui::widgets::text::{Pen, columns};

/// Minimum width of the help with two columns.
const TWO_COLUMNS: u16 = 100;

/// Minimum height of the help with blank lines.
const AIRY: u16 = 50;

/// Groups in the left of two columns.
const LEFT: [&str; 2] = ["move", "go"];

/// One line of the help.
#[derive(Clone, Debug)]
enum HelpLine {
    Blank,
    Heading(&'static str),
    Entry { role: Role, keys: String, text: &'static str },
}

/// Draws the help, scrolled down by at most `scroll` lines.
pub(in crate::ui) fn draw(canvas: &mut Canvas<'_>, scroll: usize, notice: Option<&Clean>) -> Viewport {
    let (area, glyphs, keys) = (canvas.area, canvas.glyphs(), canvas.context.keymap);
    let mut halves = if area.width >= TWO_COLUMNS {
        let (left, right): (Vec<_>, Vec<_>) = groups().into_iter().partition(|group| LEFT.contains(group));
        let mut right = entries(&right, keys);
        right.extend(legend(glyphs));
        vec![entries(&left, keys), right]
    } else {
        let mut all = entries(&groups(), keys);
        all.extend(legend(glyphs));
        vec![all]
    };
    if area.height < AIRY {
        for half in &mut halves {
            half.retain(|line| !matches!(line, HelpLine::Blank));
        }
    }
    let title = Rect { height: area.height.min(1), ..area };
    let body = Rect { y: area.y + title.height, height: area.height - title.height, ..area };
    let lines = halves.iter().map(Vec::len).max().unwrap_or(0);
    let most = lines.saturating_sub(usize::from(body.height));
    let first = scroll.min(most);
    let below = lines.saturating_sub(first + usize::from(body.height));
    let hidden = LinesBeyond { above: first, below };
    top(&mut canvas.at(title).pen(0), &hidden, notice, keys);
    let mut part = body;
    for half in &halves {
        let keys = half.iter().map(HelpLine::keys).max().unwrap_or(0).min(usize::from(area.width) * 2 / 5);
        for (row, line) in (0..part.height).zip(half.iter().skip(first)) {
            line.draw(&mut canvas.at(part).pen(row), keys);
        }
        let used = half.iter().map(|line| line.columns(keys)).max().unwrap_or(0) + 2;
        let used = u16::try_from(used).unwrap_or(u16::MAX).min(part.width);
        part = Rect { x: part.x + used, width: part.width - used, ..part };
    }
    Viewport { page: usize::from(body.height), most_scroll: Some(most), ..Viewport::default() }
}

/// Number of lines of the help above and below the screen.
struct LinesBeyond {
    above: usize,
    below: usize,
}

fn top(pen: &mut Pen<'_>, hidden: &LinesBeyond, notice: Option<&Clean>, keys: &KeyMap) {
    let dot = pen.glyphs().dot;
    pen.skip(1).put(Role::Title, "watchbell help");
    if let Some(key) = keys.hint(Action::Back) {
        pen.put(Role::Muted, &format!(" {dot} ")).put(Role::Key, &key).put(Role::Muted, " back");
    }
    if let Some(notice) = notice {
        pen.put(Role::Muted, &format!(" {dot} ")).put(Role::Focus, notice);
    }
    for (count, which) in [(hidden.above, "above"), (hidden.below, "below")] {
        if count > 0 {
            pen.put(Role::Muted, &format!(" {dot} ")).put(Role::Text, &format!("{count} more {which}"));
        }
    }
}

impl HelpLine {
    fn keys(&self) -> usize {
        if let Self::Entry { keys, .. } = self { columns(keys) } else { 0 }
    }

    fn columns(&self, keys: usize) -> usize {
        match self {
            Self::Blank => 0,
            Self::Heading(text) => 1 + columns(text),
            Self::Entry { text, .. } => 2 + keys + 2 + columns(text),
        }
    }

    fn draw(&self, pen: &mut Pen<'_>, width: usize) {
        match self {
            Self::Blank => {}
            Self::Heading(text) => _ = pen.skip(1).put(Role::Header, text),
            Self::Entry { role, keys, text } => _ = pen.skip(2).fit(*role, keys, width).skip(2).rest(Role::Text, text),
        }
    }
}

fn groups() -> Vec<&'static str> {
    let mut groups: Vec<&str> = ACTIONS.iter().map(|entry| entry.group).collect();
    groups.dedup();
    groups
}

fn entries(groups: &[&'static str], keys: &KeyMap) -> Vec<HelpLine> {
    let mut lines = Vec::new();
    for group in groups {
        lines.extend([HelpLine::Blank, HelpLine::Heading(group)]);
        for entry in ACTIONS.iter().filter(|entry| entry.group == *group) {
            let keys = keys.keys(entry.action);
            if !keys.is_empty() {
                lines.push(HelpLine::Entry { role: Role::Key, keys: keys.join(" "), text: entry.help });
            }
        }
    }
    lines
}

fn legend(glyphs: &Glyphs) -> Vec<HelpLine> {
    let sign = |role, keys: &str, text| HelpLine::Entry { role, keys: keys.to_owned(), text };
    vec![
        HelpLine::Blank,
        HelpLine::Heading("signs"),
        sign(Role::Good, glyphs.ok, "healthy: Ready, live"),
        sign(Role::Warn, glyphs.degraded, "the API answers, but badly"),
        sign(Role::Warn, glyphs.flapping, "flapping"),
        sign(Role::Bad, glyphs.bad, "NotReady; unreachable; unhealthy devices"),
        sign(Role::Unknown, glyphs.unknown, "not known now: Unknown, or stale data"),
        sign(Role::Text, glyphs.none, "not known: never 0"),
        sign(Role::Text, glyphs.at_least, "lower bound: list loading, or probe timed out"),
        HelpLine::Blank,
        HelpLine::Heading("numbers"),
        sign(Role::Text, "gpu 4/7/8", "requested / allocatable (healthy) / capacity"),
        sign(Role::Text, "pods 31/110", "bound and not ended / allocatable"),
        sign(Role::Text, "13 t/o", "timeouts of all API calls in the last 10 minutes"),
        sign(
            Role::Text,
            &[glyphs.was_ready, glyphs.was_not_ready, glyphs.unknown].concat(),
            "Ready minute by minute: yes, no, unknown",
        ),
        HelpLine::Blank,
        HelpLine::Heading("API sparkline: one column for each probe, newest right"),
        sign(Role::Good, &glyphs.levels[..4].concat(), "answered within 50, 150, 400 ms, 1 s"),
        sign(Role::Warn, &glyphs.levels[4..].concat(), "slower than 1 s, up to the deadline"),
        sign(Role::Bad, glyphs.timed_out, "timeout"),
        sign(Role::Critical, glyphs.failed, "error"),
        sign(Role::Text, "blank", "not watching"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixture;

    fn drawn((width, height): (u16, u16), scroll: usize, keys: &KeyMap) -> String {
        fixture::drawn(width, height, keys, |canvas| _ = draw(canvas, scroll, None))
    }

    #[test]
    fn every_bound_action_is_in_the_help() {
        for size in [(200, 120), (120, 60), (80, 200)] {
            let text = drawn(size, 0, &KeyMap::default());
            for entry in ACTIONS {
                let line = text.lines().find(|line| line.contains(entry.help));
                assert!(line.is_some_and(|line| line.contains(&entry.keys.join(" "))), "{} at {size:?}", entry.name);
            }
        }
    }

    #[test]
    fn the_help_shows_the_keys_in_force_and_no_action_without_keys() {
        let keys = KeyMap::with([("wide".into(), vec![]), ("help".into(), vec!["f2".into()])]).unwrap();
        let text = drawn((80, 200), 0, &keys);
        assert!(!text.contains(Action::Wide.entry().help));
        assert!(text.lines().any(|line| line.contains("f2") && line.contains(Action::Help.entry().help)));
    }

    #[test]
    fn a_small_screen_scrolls_to_the_last_line_and_no_further() {
        let last = |scroll| drawn((80, 12), scroll, &KeyMap::default());
        assert!(last(0).contains("more below") && !last(0).contains("not watching"));
        assert!(last(1000).contains("not watching"));
        assert!(last(1000).contains("more above") && !last(1000).contains("more below"));
        assert_eq!(last(1000), last(usize::MAX));
    }
}
