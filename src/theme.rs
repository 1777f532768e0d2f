//! Maps a role to a style with 16, 256, 24-bit or no colours; Unicode or ASCII glyphs.
//!
//! A glyph and a word carry every state; a colour only repeats it. Without colours every foreground and background is
//! [`Color::Reset`]: crossterm writes a full reset (`ESC[;m`) for any other colour under `NO_COLOR`, which would remove
//! the reverse video of the selected row.

use ratatui::style::{Color, Modifier, Style};

/// Look of the screen: styles and glyphs.
#[derive(Clone, Debug)]
pub struct Theme {
    /// Styles by role.
    pub palette: Palette,
    /// The characters that stand for states and levels.
    pub glyphs: Glyphs,
}

/// Colour depth of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Depth {
    /// No colours: `NO_COLOR`, `TERM=dumb`.
    None,
    /// The 16 ANSI colours, which follow the terminal's own palette; the default.
    Ansi16,
    /// The 256 indexed colours.
    Ansi256,
    /// 24-bit colours.
    True,
}

/// Meaning of a part of the screen; the theme decides its look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Values, and everything without another role.
    Text,
    /// The program's name, and the name of the open object.
    Title,
    /// The lines between regions.
    Rule,
    /// Labels and less important text.
    Muted,
    /// As it should be.
    Good,
    /// Worth a look.
    Warn,
    /// Broken.
    Bad,
    /// A critical alert.
    Critical,
    /// Not known.
    Unknown,
    /// The selected row.
    Selected,
    /// Keys in hints and help.
    Key,
    /// Outdated values.
    Stale,
    /// Headings of columns.
    Header,
    /// The current cluster, the focused pane.
    Focus,
}

/// Styles by role at one colour depth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Palette {
    depth: Depth,
}

/// The characters that stand for states and levels; each is one column wide unless its comment says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glyphs {
    /// `true` if only ASCII is used.
    pub ascii: bool,
    /// As it should be: Ready, live.
    pub ok: &'static str,
    /// Broken: `NotReady`, unreachable, unhealthy devices.
    pub bad: &'static str,
    /// Not known: Unknown, stale.
    pub unknown: &'static str,
    /// Flapping.
    pub flapping: &'static str,
    /// The first list is being read.
    pub loading: &'static str,
    /// Works, but badly.
    pub degraded: &'static str,
    /// A firing alert.
    pub alert: &'static str,
    /// A notice.
    pub notice: &'static str,
    /// Before the selected row.
    pub selected: &'static str,
    /// Before the heading of the part that has the focus.
    pub focus: &'static str,
    /// The line between regions.
    pub rule: &'static str,
    /// Between two columns of panes.
    pub divider: &'static str,
    /// Multiplication sign, as in `429 ×3`.
    pub times: &'static str,
    /// Marks text that was cut off.
    pub ellipsis: &'static str,
    /// Before a lower bound; two columns in ASCII.
    pub at_least: &'static str,
    /// A number that is not known.
    pub none: &'static str,
    /// Between two facts on a line.
    pub dot: &'static str,
    /// Sorted ascending.
    pub ascending: &'static str,
    /// Sorted descending.
    pub descending: &'static str,
    /// Answered probes by latency, fastest first.
    pub levels: [&'static str; 8],
    /// A minute in which a node was Ready.
    pub was_ready: &'static str,
    /// A minute in which a node was not Ready.
    pub was_not_ready: &'static str,
    /// A probe without an answer.
    pub timed_out: &'static str,
    /// A probe that failed before its deadline.
    pub failed: &'static str,
    /// Parts of a cell of a bar, from one eighth to eight; ASCII has only the full cell.
    pub parts: [&'static str; 8],
    /// The empty part of a bar that shows its end.
    pub free: &'static str,
    /// The lost part of a bar.
    pub lost: &'static str,
    /// A pod of a gang that runs.
    pub member: &'static str,
    /// A pod of a gang with devices that are ill.
    pub device: &'static str,
    /// A rank of a gang without a pod.
    pub hole: &'static str,
}

/// Terminals whose usual fonts lack the glyphs, whatever the locale says.
const POOR_TERMINALS: [&str; 4] = ["dumb", "linux", "vt100", "vt220"];

impl Theme {
    /// Creates a theme with the given colours and glyphs.
    #[must_use]
    pub fn new(depth: Depth, ascii: bool) -> Self {
        Self { palette: Palette { depth }, glyphs: if ascii { ASCII } else { UNICODE } }
    }

    /// Theme that the environment allows; `env` reads one variable.
    ///
    /// No colours under `NO_COLOR` (any value but the empty one) or `TERM=dumb`, otherwise the 16 that follow the
    /// terminal's palette. More only on request, because GNU screen passes `COLORTERM=truecolor` on without supporting
    /// it: `WATCHBELL_COLORS` may be `none`, `16`, `256`, `true`, or `auto`, which trusts `COLORTERM` and `TERM`.
    /// ASCII with `ascii_flag`, outside a UTF-8 locale, and on terminals whose fonts lack the glyphs.
    #[must_use]
    pub fn detect(env: &dyn Fn(&str) -> Option<String>, ascii_flag: bool) -> Self {
        let get = |name: &str| env(name).filter(|value| !value.is_empty());
        let term = get("TERM").unwrap_or_default();
        let depth = if get("NO_COLOR").is_some() || term == "dumb" {
            Depth::None
        } else {
            match get("WATCHBELL_COLORS").as_deref() {
                Some("none") => Depth::None,
                Some("256") => Depth::Ansi256,
                Some("true" | "truecolor") => Depth::True,
                Some("auto") if matches!(get("COLORTERM").as_deref(), Some("truecolor" | "24bit")) => Depth::True,
                Some("auto") if term.contains("256color") => Depth::Ansi256,
                _ => Depth::Ansi16,
            }
        };
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(get).unwrap_or_default().to_ascii_lowercase();
        let utf8 = locale.contains("utf-8") || locale.contains("utf8");
        Self::new(depth, ascii_flag || !utf8 || POOR_TERMINALS.contains(&term.as_str()))
    }

    /// The style of `role`.
    #[must_use]
    pub fn style(&self, role: Role) -> Style {
        self.palette.style(role)
    }
}

impl Palette {
    /// Its colour depth.
    #[must_use]
    pub fn depth(&self) -> Depth {
        self.depth
    }

    /// The style of `role`. Every style sets its foreground, so that it can be applied on top of another one.
    #[must_use]
    pub fn style(&self, role: Role) -> Style {
        let modifiers = match role {
            Role::Text | Role::Good => Modifier::empty(),
            Role::Title | Role::Header | Role::Focus | Role::Warn | Role::Bad | Role::Key => Modifier::BOLD,
            Role::Rule | Role::Muted | Role::Stale => Modifier::DIM,
            Role::Unknown => Modifier::ITALIC,
            Role::Critical | Role::Selected => Modifier::BOLD.union(Modifier::REVERSED),
        };
        let style = Style::new().fg(self.color(role)).bg(Color::Reset).add_modifier(modifiers);
        // The operator's row is read as a whole: what lies below may not make it dim.
        if role == Role::Selected { style.remove_modifier(Modifier::DIM) } else { style }
    }

    /// Colours of medium lightness, which are legible on dark and on light backgrounds.
    fn color(self, role: Role) -> Color {
        match (self.depth, role) {
            (Depth::Ansi16, Role::Good) => Color::Green,
            (Depth::Ansi256, Role::Good) => Color::Indexed(35),
            (Depth::True, Role::Good) => Color::Rgb(0x1f, 0x9d, 0x55),
            (Depth::Ansi16, Role::Warn) => Color::Yellow,
            (Depth::Ansi256, Role::Warn) => Color::Indexed(172),
            (Depth::True, Role::Warn) => Color::Rgb(0xc7, 0x7c, 0x02),
            (Depth::Ansi16, Role::Bad | Role::Critical) => Color::Red,
            (Depth::Ansi256, Role::Bad | Role::Critical) => Color::Indexed(167),
            (Depth::True, Role::Bad | Role::Critical) => Color::Rgb(0xd8, 0x3a, 0x3a),
            (Depth::Ansi16, Role::Unknown) => Color::Magenta,
            (Depth::Ansi256, Role::Unknown) => Color::Indexed(133),
            (Depth::True, Role::Unknown) => Color::Rgb(0xa8, 0x5c, 0xc4),
            (Depth::Ansi16, Role::Key | Role::Focus) => Color::Cyan,
            (Depth::Ansi256, Role::Key | Role::Focus) => Color::Indexed(37),
            (Depth::True, Role::Key | Role::Focus) => Color::Rgb(0x1b, 0x98, 0xa8),
            _ => Color::Reset,
        }
    }
}

/// For UTF-8 terminals: text symbols and blocks that every monospace font has; no emoji.
const UNICODE: Glyphs = Glyphs {
    ascii: false,
    ok: "✓",
    bad: "✗",
    unknown: "?",
    flapping: "~",
    loading: "○",
    degraded: "!",
    alert: "▲",
    notice: "△",
    selected: "▌",
    focus: "▸",
    rule: "─",
    divider: "│",
    times: "×",
    ellipsis: "…",
    at_least: "≥",
    none: "–",
    dot: "·",
    ascending: "▴",
    descending: "▾",
    levels: ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
    was_ready: "▁",
    was_not_ready: "▔",
    timed_out: "×",
    failed: "!",
    parts: ["▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"],
    free: "·",
    lost: "×",
    member: "▪",
    device: "◆",
    hole: "_",
};

/// For locale C, `--ascii` and poor fonts.
const ASCII: Glyphs = Glyphs {
    ascii: true,
    ok: "+",
    bad: "x",
    unknown: "?",
    flapping: "~",
    loading: "o",
    degraded: "!",
    alert: "^",
    notice: "-",
    selected: ">",
    focus: "*",
    rule: "-",
    divider: "|",
    times: "x",
    ellipsis: ">",
    at_least: ">=",
    none: "-",
    dot: "-",
    ascending: "^",
    descending: "v",
    levels: ["_", ".", "-", "=", "+", "*", "#", "@"],
    was_ready: "_",
    was_not_ready: "X",
    timed_out: "x",
    failed: "!",
    parts: [".", ".", ".", ":", "#", "#", "#", "#"],
    free: ".",
    lost: "x",
    member: "#",
    device: "%",
    hole: "_",
};

#[cfg(test)]
mod tests {
    use super::*;

    const ROLES: [Role; 14] = [
        Role::Text,
        Role::Title,
        Role::Rule,
        Role::Muted,
        Role::Good,
        Role::Warn,
        Role::Bad,
        Role::Critical,
        Role::Unknown,
        Role::Selected,
        Role::Key,
        Role::Stale,
        Role::Header,
        Role::Focus,
    ];

    fn detect(env: &[(&str, &str)], ascii: bool) -> Theme {
        Theme::detect(&|name| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()), ascii)
    }

    #[test]
    fn without_colours_no_role_sets_a_colour() {
        let theme = Theme::new(Depth::None, false);
        for role in ROLES {
            let style = theme.style(role);
            assert_eq!((style.fg, style.bg), (Some(Color::Reset), Some(Color::Reset)), "{role:?}");
        }
    }

    #[test]
    fn sixteen_colours_use_only_the_terminals_own_palette() {
        for role in ROLES {
            let fg = Theme::new(Depth::Ansi16, false).style(role).fg;
            assert!(!matches!(fg, Some(Color::Rgb(..) | Color::Indexed(_))), "{role:?}");
        }
    }

    #[test]
    fn problems_are_distinguished_from_health_without_colours() {
        let theme = Theme::new(Depth::None, false);
        for role in [Role::Warn, Role::Bad, Role::Critical, Role::Unknown] {
            assert_ne!(theme.style(role), theme.style(Role::Good), "{role:?}");
        }
    }

    #[test]
    fn colour_depth_follows_the_environment() {
        let utf8 = ("LANG", "en_US.UTF-8");
        let table: [(&[(&str, &str)], Depth); 8] = [
            (&[utf8], Depth::Ansi16),
            (&[utf8, ("NO_COLOR", "1"), ("WATCHBELL_COLORS", "true")], Depth::None),
            (&[utf8, ("NO_COLOR", "")], Depth::Ansi16),
            (&[utf8, ("TERM", "dumb")], Depth::None),
            (&[utf8, ("COLORTERM", "truecolor"), ("TERM", "screen.xterm-256color")], Depth::Ansi16),
            (&[utf8, ("COLORTERM", "truecolor"), ("WATCHBELL_COLORS", "auto")], Depth::True),
            (&[utf8, ("TERM", "tmux-256color"), ("WATCHBELL_COLORS", "auto")], Depth::Ansi256),
            (&[utf8, ("WATCHBELL_COLORS", "256")], Depth::Ansi256),
        ];
        for (env, depth) in table {
            assert_eq!(detect(env, false).palette.depth, depth, "{env:?}");
        }
    }

    #[test]
    fn glyphs_follow_the_first_locale_variable_that_is_set() {
        let table: [(&[(&str, &str)], bool); 7] = [
            (&[("LANG", "en_US.UTF-8")], false),
            (&[("LANG", "C.utf8")], false),
            (&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")], true),
            (&[("LC_ALL", ""), ("LC_CTYPE", "de_DE.UTF-8"), ("LANG", "C")], false),
            (&[("LANG", "ru_RU.KOI8-R")], true),
            (&[], true),
            (&[("LANG", "en_US.UTF-8"), ("TERM", "linux")], true),
        ];
        for (env, ascii) in table {
            assert_eq!(detect(env, false).glyphs.ascii, ascii, "{env:?}");
        }
        assert!(detect(&[("LANG", "en_US.UTF-8")], true).glyphs.ascii);
    }

    #[test]
    fn ascii_glyphs_are_ascii_and_timeouts_have_their_own() {
        let glyphs = ASCII;
        for text in glyphs.levels.iter().chain(&glyphs.parts).chain(&[
            glyphs.ok,
            glyphs.bad,
            glyphs.at_least,
            glyphs.none,
            glyphs.rule,
            glyphs.ellipsis,
            glyphs.dot,
        ]) {
            assert!(text.is_ascii(), "{text}");
        }
        for glyphs in [ASCII, UNICODE] {
            assert!(!glyphs.levels.contains(&glyphs.timed_out));
            assert!(!glyphs.levels.contains(&glyphs.failed));
            assert_ne!(glyphs.timed_out, glyphs.failed);
        }
    }
}
