use ratatui::Terminal;
use ratatui::backend::{CrosstermBackend, TestBackend};
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

use super::fixture::{Set, lines};
use super::*;
use crate::action::Action;
use crate::keymap::KeyMap;
use crate::model::app::screens::NodePane;
use crate::model::known::Known;
use crate::model::table::SortBy;
use crate::msg::Msg;
use crate::msg::{ClusterId, Now};
use crate::theme::{Depth, Theme};

fn unicode() -> Theme {
    Theme::new(Depth::None, false)
}

/// Draws the model as the loop does, which tells it how large the frame was.
fn draw_model(terminal: &mut Terminal<TestBackend>, model: &mut Model, state: &mut ViewState, theme: &Theme, now: Now) {
    let (keymap, mut viewport) = (KeyMap::default(), Viewport::default());
    let context = Context { theme, keymap: &keymap, now };
    terminal.draw(|frame| viewport = view(frame, model, state, &context)).unwrap();
    model.update(Msg::Viewport(viewport), now);
}

/// Compares with `src/ui/snapshots/<name>.snap`.
fn snapshot(name: &str, buf: &Buffer) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, lines(buf)));
}

#[test]
fn the_incident_is_seen_at_every_size() {
    for (width, height) in [(200, 60), (160, 45), (120, 40), (80, 24), (60, 12), (50, 20), (45, 5)] {
        snapshot(&format!("incident_{width}x{height}"), &Set::incident().draw((width, height), &unicode()));
    }
}

#[test]
fn what_is_not_known_is_not_shown_as_nothing() {
    let mut set = Set::incident();
    set.summaries = vec![fixture::loading(), fixture::down(), fixture::healthy("prod-b")];
    set.alerts.clear();
    set.fleet.pods_known = Known::AtLeast;
    snapshot("loading_160x30", &set.draw((160, 30), &unicode()));
    set.current = 1;
    snapshot("unreachable_100x24", &set.draw((100, 24), &unicode()));
    set.current = 0;
    set.summaries[0] = fixture::stale();
    set.summaries[0].gpu_known = false;
    set.fleet.stale = true;
    set.fleet.pods_known = |_| Known::Denied;
    set.wide = true;
    snapshot("stale_denied_wide_240x30", &set.draw((240, 30), &unicode()));
}

#[test]
fn rows_that_lie_in_the_old_order_are_said_to_be_sorted() {
    let mut set = Set::incident();
    assert!(!lines(&set.draw((80, 24), &unicode())).contains("sorting"));
    set.arranging = true;
    assert!(lines(&set.draw((80, 24), &unicode())).contains("sorting…"));
    set.mode = Mode::Filter;
    assert!(lines(&set.draw((80, 24), &unicode())).contains("filtering…"));
}

#[test]
fn a_node_is_shown_with_the_focus_on_each_part() {
    let mut set = Set::incident();
    set.node = Some((NodePane::Pods, 0));
    snapshot("node_pods_200x50", &set.draw((200, 50), &unicode()));
    snapshot("node_pods_100x45", &set.draw((100, 45), &unicode()));
    snapshot("node_pods_60x12", &set.draw((60, 12), &unicode()));
    set.node = Some((NodePane::Conditions, 0));
    snapshot("node_conditions_120x40", &set.draw((120, 40), &unicode()));
    set.node = Some((NodePane::Resources, 0));
    snapshot("node_resources_80x24", &set.draw((80, 24), &unicode()));
    set.node = Some((NodePane::Labels, 3));
    snapshot("node_labels_60x12", &set.draw((60, 12), &unicode()));
    set.empty = true;
    snapshot("node_gone_80x18", &set.draw((80, 18), &unicode()));
}

#[test]
fn filter_hold_and_help_have_their_lines() {
    let mut set = Set::incident();
    (set.mode, set.filter, set.filter_note) = (Mode::Filter, "gpu<8 rdy", Some("`rdy` matches nothing".into()));
    snapshot("filter_typed_80x18", &set.draw((80, 18), &unicode()));
    (set.mode, set.held, set.sort) = (Mode::Normal, true, (SortBy::Gpu, true));
    snapshot("filter_held_120x18", &set.draw((120, 18), &unicode()));
    set.empty = true;
    snapshot("filter_matches_nothing_80x18", &set.draw((80, 18), &unicode()));
    set.mode = Mode::Help;
    snapshot("help_120x45", &set.draw((120, 45), &unicode()));
    snapshot("help_60x12", &set.draw((60, 12), &unicode()));
}

#[test]
fn ascii_screens_are_ascii() {
    let theme = Theme::new(Depth::None, true);
    let mut set = Set::incident();
    snapshot("incident_ascii_120x30", &set.draw((120, 30), &theme));
    for mode in [Mode::Normal, Mode::Filter, Mode::Help] {
        for node in [None, Some((NodePane::Pods, 0)), Some((NodePane::Labels, 0))] {
            (set.mode, set.node) = (mode, node);
            for size in [(200, 60), (80, 24), (60, 12), (30, 4)] {
                let text = lines(&set.draw(size, &theme));
                assert!(text.is_ascii(), "{:?}", text.chars().find(|letter| !letter.is_ascii()));
            }
        }
    }
}

#[test]
fn every_alert_is_found_by_text_without_colours() {
    for ascii in [false, true] {
        let buf = Set::incident().draw((160, 45), &Theme::new(Depth::None, ascii));
        let text = lines(&buf);
        for words in [
            &["critical", "prod-a", "13 timeouts in 10m (limit 10)", "14:02:10Z"][..],
            &["critical", "prod-a", "10-16-10-115.maas NotReady", "3m12s"],
            &["warning", "running 31s", "+2 more"],
            &["10-16-10-110.maas", "NotReady 3m12s"],
            &["10-16-10-113.maas", "Unknown 2m"],
            &["10-16-10-114.maas", "Ready,flapping"],
        ] {
            let found = text.lines().any(|line| words.iter().all(|word| line.contains(word)));
            assert!(found, "{words:?}\n{text}");
        }
        assert!(buf.content().iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset), "a colour");
    }
}

#[test]
fn an_alert_whose_source_is_silent_is_neither_firing_nor_resolved() {
    let mut set = Set::incident();
    set.alerts.retain(|alert| alert.unknown);
    let text = lines(&set.draw((120, 40), &unicode()));
    let line = text.lines().find(|line| line.contains("edge-node-7")).unwrap();
    assert!(line.contains("? unknown") && line.contains("no news since"), "{line}");
}

/// The style of the first cell of `needle` on the screen.
fn style_of(buf: &Buffer, needle: &str) -> (Color, Modifier) {
    let text: Vec<String> = lines(buf).lines().map(str::to_owned).collect();
    let (row, line) =
        text.iter().enumerate().find(|(_, line)| line.contains(needle)).expect("the text is on the screen");
    let column = super::widgets::text::columns(&line[..line.find(needle).unwrap()]);
    let cell = &buf[(u16::try_from(column).unwrap(), u16::try_from(row).unwrap())];
    (cell.fg, cell.modifier)
}

#[test]
fn alerts_and_states_are_styled_by_how_bad_they_are() {
    let theme = Theme::new(Depth::Ansi16, false);
    let buf = Set::incident().draw((160, 45), &theme);
    for (needle, role) in [
        ("▲ 4 firing", Role::Critical),
        ("? 1 unknown", Role::Unknown),
        ("▲ critical", Role::Critical),
        ("▲ warning", Role::Warn),
        ("✗ NotReady", Role::Bad),
        ("NotReady 3m12s", Role::Bad),
        ("? Unknown", Role::Unknown),
        ("~ Ready", Role::Warn),
        ("Ready,SchedulingDisabled", Role::Warn),
        ("✗8", Role::Bad),
        ("13 timeouts", Role::Bad),
        ("×××", Role::Bad),
        ("≥5.0s", Role::Bad),
        ("4m12s old", Role::Unknown),
        ("list pods: no data", Role::Warn),
    ] {
        let style = theme.style(role);
        assert_eq!(style_of(&buf, needle), (style.fg.unwrap(), style.add_modifier), "{needle}");
    }
    assert_eq!(
        style_of(&buf, "10-16-10-112.maas  ✓ Ready,SchedulingDisabled").0,
        Color::Reset,
        "names are not coloured"
    );
}

#[test]
fn the_selected_row_can_be_seen_without_colours() {
    for ascii in [false, true] {
        let theme = Theme::new(Depth::None, ascii);
        let buf = Set::incident().draw((80, 24), &theme);
        let (fg, modifier) = style_of(&buf, &format!("{}10-16-10-111.maas", theme.glyphs.selected));
        assert_eq!(fg, Color::Reset);
        assert!(modifier.contains(Modifier::REVERSED | Modifier::BOLD) && !modifier.contains(Modifier::DIM));
    }
}

#[test]
fn stale_rows_are_dim_and_say_last_seen() {
    let mut set = Set::incident();
    set.fleet.stale = true;
    set.summaries[0] = fixture::stale();
    set.summaries[0].gpu = fixture::slow().gpu;
    let buf = set.draw((120, 40), &unicode());
    assert!(style_of(&buf, "10-16-10-112.maas").1.contains(Modifier::DIM));
    let text = lines(&buf);
    assert!(text.contains("stale: last update 4m12s ago"), "{text}");
    assert!(text.contains("? last seen Ready"), "{text}");
    assert!(!text.contains("✓ Ready"), "nothing is Ready now that was Ready 4 minutes ago");
}

#[test]
fn under_no_color_the_bytes_on_the_wire_keep_the_selected_row_reversed() {
    // crossterm writes a full reset for any colour but `Reset` when colours are off; this is what a terminal sees.
    crossterm::style::force_color_output(false);
    let theme = unicode();
    let buf = Set::incident().draw((80, 24), &theme);
    let mut wire = Vec::new();
    let viewport = ratatui::Viewport::Fixed(buf.area);
    let options = ratatui::TerminalOptions { viewport };
    let mut terminal = Terminal::with_options(CrosstermBackend::new(&mut wire), options).unwrap();
    terminal.draw(|frame| *frame.buffer_mut() = buf.clone()).unwrap();
    drop(terminal);
    let [rows, columns] = [24, 80].map(|size| size.try_into().unwrap());
    let mut parser = vt100::Parser::new(rows, columns, 0);
    parser.process(&wire);
    let screen = parser.screen();
    let row = (0..24).find(|row| screen.contents_between(*row, 0, *row, 79).contains("10-16-10-111")).unwrap();
    for column in 0..60 {
        let cell = screen.cell(row, column).unwrap();
        assert!(cell.inverse() && cell.bold(), "column {column}");
    }
    assert!(screen.cell(row + 1, 5).is_some_and(|cell| !cell.inverse()), "the next row is not");
    let alert = (0..24).find(|row| screen.contents_between(*row, 0, *row, 79).contains("critical")).unwrap();
    assert!(screen.cell(alert, 3).is_some_and(|cell| cell.inverse() && cell.bold()), "a critical alert stands out");
}

#[test]
fn values_that_change_move_no_column() {
    let mut state = ViewState::default();
    let mut set = Set::incident();
    let before = lines(&set.draw_with((160, 45), &unicode(), &mut state));
    set.summaries[0].pods = Known::Exact(9);
    set.summaries[0].latency.p95 = None;
    set.summaries[0].word = "ok";
    set.fleet.pods_known = |_| Known::Exact(7);
    let after = lines(&set.draw_with((160, 45), &unicode(), &mut state));
    let place = |text: &str, row: usize, needle: &str| {
        text.lines().nth(row).unwrap().find(needle).map(|at| text.lines().nth(row).unwrap()[..at].chars().count())
    };
    for needle in ["nodes", "gpu", "pods", "p95", "t/o", "live"] {
        assert_eq!(place(&before, 2, needle), place(&after, 2, needle), "{needle}");
    }
    for needle in ["STATUS", "PODS", "GPU", "MODEL", "AGE"] {
        assert_eq!(place(&before, 10, needle), place(&after, 10, needle), "{needle}");
    }
}

#[test]
fn many_clusters_take_a_third_of_the_screen_and_the_current_one_is_among_them() {
    let mut set = Set::incident();
    set.summaries = (0..40).map(|number| fixture::healthy(&format!("cluster-{number}"))).collect();
    for current in [0, 7, 39] {
        set.current = current;
        let text = lines(&set.draw((160, 45), &unicode()));
        assert_eq!(text.lines().filter(|line| line.contains("p50 ")).count(), 15);
        assert!(text.lines().any(|line| line.starts_with(&format!("▌✓ cluster-{current} "))), "{current}\n{text}");
    }
}

#[test]
fn hints_show_the_keys_in_force_and_give_way_to_facts() {
    let keys = KeyMap::with([("filter".into(), vec!["f3".into()])]).unwrap();
    let text = lines(&Set::incident().draw_with_keys((160, 45), &unicode(), &mut ViewState::default(), &keys));
    let footer = text.lines().last().unwrap();
    assert!(footer.contains("f3 filter") && footer.ends_with("? help"), "{footer}");
    let narrow = lines(&Set::incident().draw((62, 20), &unicode()));
    let footer = narrow.lines().last().unwrap();
    assert!(footer.starts_with(" 104 nodes") && footer.ends_with("? help"), "{footer}");
    assert_eq!(KeyMap::default().hint(Action::Help).as_deref(), Some("?"));
}

#[test]
fn every_part_of_a_node_is_drawn_at_every_height() {
    let mut set = Set::incident();
    for pane in [NodePane::Pods, NodePane::Conditions, NodePane::Resources, NodePane::Labels] {
        for (empty, scroll) in [(false, 0), (false, 7), (true, 0)] {
            (set.node, set.empty) = (Some((pane, scroll)), empty);
            for height in (0..=60).step_by(3) {
                for width in [0, 1, 39, 40, 59, 110, 120] {
                    set.draw((width, height), &unicode());
                }
            }
        }
    }
}

mod alerts;
mod api;
mod devices;
mod gangs;
mod gpus;
mod model;
mod open;
mod pods;
mod scheduling;
mod scope;
mod silence;
mod unread;
mod words;
