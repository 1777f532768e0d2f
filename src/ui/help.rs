//! The help: every action with its keys, from the one table, and what the glyphs mean.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::layout::Scroll;
use super::scene::Paint;
use super::text::{Pen, columns};
use crate::action::{ACTIONS, Action};
use crate::facts::text::Clean;
use crate::keymap::KeyMap;
use crate::theme::{Glyphs, Role};

/// From here on the help has two columns.
const TWO_COLUMNS: u16 = 100;

/// Lower screens leave out blank lines.
const AIRY: u16 = 50;

/// The groups of the left column, where there are two.
const LEFT: [&str; 2] = ["move", "go"];

/// One line of the help.
#[derive(Clone, Debug)]
enum Line {
    Blank,
    Heading(&'static str),
    Entry { role: Role, keys: String, text: &'static str },
}

/// What the model says of the help.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    /// Lines that it is scrolled down by, as far as there is more.
    pub(super) scroll: usize,
    /// What was just done, or not.
    pub(super) notice: Option<&'a Clean>,
}

/// Draws the help over all of `area`, scrolled down by `wanted` lines as far as there is more.
pub(super) fn draw(
    buf: &mut Buffer,
    area: Rect,
    (said, scroll): (Said<'_>, &mut Scroll),
    (paint, keys): (Paint<'_>, &KeyMap),
) {
    let mut halves = if area.width >= TWO_COLUMNS {
        let (left, right): (Vec<_>, Vec<_>) = groups().into_iter().partition(|group| LEFT.contains(group));
        let mut right = entries(&right, keys);
        right.extend(legend(&paint.look.glyphs));
        vec![entries(&left, keys), right]
    } else {
        let mut all = entries(&groups(), keys);
        all.extend(legend(&paint.look.glyphs));
        vec![all]
    };
    if area.height < AIRY {
        for half in &mut halves {
            half.retain(|line| !matches!(line, Line::Blank));
        }
    }
    let title = Rect { height: area.height.min(1), ..area };
    let body = Rect { y: area.y + title.height, height: area.height - title.height, ..area };
    let lines = halves.iter().map(Vec::len).max().unwrap_or(0);
    let first = scroll.follow(said.scroll, lines.saturating_sub(usize::from(body.height)));
    let below = lines.saturating_sub(first + usize::from(body.height));
    top(&mut Pen::new(buf, paint.look, title, 0), (first, below), (said.notice, paint, keys));
    let mut part = body;
    for half in &halves {
        let keys = half.iter().map(Line::keys).max().unwrap_or(0).min(usize::from(area.width) * 2 / 5);
        for (row, line) in (0..part.height).zip(half.iter().skip(first)) {
            line.draw(&mut Pen::new(buf, paint.look, part, row), keys);
        }
        let used = half.iter().map(|line| line.columns(keys)).max().unwrap_or(0) + 2;
        let used = u16::try_from(used).unwrap_or(u16::MAX).min(part.width);
        part = Rect { x: part.x + used, width: part.width - used, ..part };
    }
}

fn top(pen: &mut Pen<'_>, (above, below): (usize, usize), (notice, paint, keys): (Option<&Clean>, Paint<'_>, &KeyMap)) {
    let dot = paint.look.glyphs.dot;
    pen.skip(1).put(Role::Title, "watchbell help");
    if let Some(key) = keys.hint(Action::Back) {
        pen.put(Role::Muted, &format!(" {dot} ")).put(Role::Key, &key).put(Role::Muted, " back");
    }
    if let Some(notice) = notice {
        pen.put(Role::Muted, &format!(" {dot} ")).put(Role::Focus, notice);
    }
    for (count, which) in [(above, "above"), (below, "below")] {
        if count > 0 {
            pen.put(Role::Muted, &format!(" {dot} ")).put(Role::Text, &format!("{count} more {which}"));
        }
    }
}

impl Line {
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

fn entries(groups: &[&'static str], keys: &KeyMap) -> Vec<Line> {
    let mut lines = Vec::new();
    for group in groups {
        lines.extend([Line::Blank, Line::Heading(group)]);
        for entry in ACTIONS.iter().filter(|entry| entry.group == *group) {
            let keys = keys.keys(entry.action);
            if !keys.is_empty() {
                lines.push(Line::Entry { role: Role::Key, keys: keys.join(" "), text: entry.help });
            }
        }
    }
    lines
}

fn legend(glyphs: &Glyphs) -> Vec<Line> {
    let sign = |role, keys: &str, text| Line::Entry { role, keys: keys.to_owned(), text };
    vec![
        Line::Blank,
        Line::Heading("signs"),
        sign(Role::Good, glyphs.ok, "as it should be: Ready, live"),
        sign(Role::Warn, glyphs.degraded, "the API answers, but badly"),
        sign(Role::Warn, glyphs.flapping, "Ready comes and goes"),
        sign(Role::Bad, glyphs.bad, "NotReady; unreachable; withdrawn devices"),
        sign(Role::Unknown, glyphs.unknown, "not known now: Unknown, or our data is old"),
        sign(Role::Text, glyphs.none, "not known: never 0"),
        sign(Role::Text, glyphs.at_least, "a lower bound: a list runs, or a probe timed out"),
        Line::Blank,
        Line::Heading("numbers"),
        sign(Role::Text, "gpu 4/7/8", "requested / allocatable (healthy) / capacity"),
        sign(Role::Text, "pods 31/110", "bound and not ended / allocatable"),
        sign(Role::Text, "13 t/o", "timeouts of all API calls in the last 10 minutes"),
        sign(
            Role::Text,
            &[glyphs.was_ready, glyphs.was_not_ready, glyphs.unknown].concat(),
            "Ready minute by minute: yes, no, unknown",
        ),
        Line::Blank,
        Line::Heading("API sparkline: one column for each probe, newest right"),
        sign(Role::Good, &glyphs.levels[..4].concat(), "answered within 50, 150, 400 ms, 1 s"),
        sign(Role::Warn, &glyphs.levels[4..].concat(), "slower than 1 s, up to the deadline"),
        sign(Role::Bad, glyphs.timed_out, "no answer in time"),
        sign(Role::Critical, glyphs.failed, "an error came back"),
        sign(Role::Text, "blank", "we did not watch"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::fixture;

    fn drawn((width, height): (u16, u16), wanted: usize, keys: &KeyMap) -> String {
        fixture::drawn(width, height, |buf, area, paint| {
            let said = Said { scroll: wanted, notice: None };
            draw(buf, area, (said, &mut Scroll::default()), (paint, keys));
        })
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
        let last = |wanted| drawn((80, 12), wanted, &KeyMap::default());
        assert!(last(0).contains("more below") && !last(0).contains("we did not watch"));
        assert!(last(1000).contains("we did not watch"));
        assert!(last(1000).contains("more above") && !last(1000).contains("more below"));
        assert_eq!(last(1000), last(usize::MAX));
    }
}
