//! The program in a pseudo-terminal: its keys, its screen, and the restored terminal.

use rustix::process::Signal;
use watchbell::sim::{Change, Fault, FaultKind};

use crate::rig::{Terminal, TestServer, is_known_sequence, watchbell};

#[test]
fn pty_operator_sees_moves_filters_drills_resizes_and_leaves() {
    let served = TestServer::scenario("reference");
    let mut terminal = Terminal::start(&served, "", &[]);
    let text = terminal.wait("the complete reference cluster", |text| {
        ["104/104", "83", "872", "2,613"].iter().all(|number| text.contains(number))
    });
    assert!(text.contains("10-16-10-110.maas"), "the first node is in sight:\n{text}");

    terminal.press("/114");
    terminal.wait("one row left by the filter", |text| {
        text.contains("10-16-10-114.maas") && !text.contains("10-16-10-110.maas")
    });
    terminal.press("\r");
    terminal.press("\r");
    let text = terminal.wait("the node", |text| text.contains("MemoryPressure") && text.contains("10-16-10-114.maas"));
    assert!(text.contains("nvidia.com/gpu"), "resources are listed:\n{text}");
    terminal.press("\u{1b}");
    terminal.wait("the table again", |text| text.contains("STATUS") && !text.contains("MemoryPressure"));
    terminal.press("\u{1b}");
    terminal.wait("all rows again", |text| text.contains("10-16-10-110.maas") && text.contains("10-16-10-111.maas"));

    terminal.press("G");
    terminal.wait_for("10-16-10-213.maas");
    terminal.press("g");
    terminal.wait_for("10-16-10-110.maas");
    terminal.press("?");
    terminal.wait_for("next cluster");
    terminal.press("?");
    terminal.wait_for("10-16-10-110.maas");

    terminal.resize(60, 12);
    terminal.wait("the small pane", |text| text.contains("104") && text.contains("NAME") && text.contains("GPU"));
    terminal.resize(20, 5);
    terminal.wait("the one-line pane", |text| !text.contains("NAME") && !text.trim().is_empty());
    terminal.resize(120, 40);
    terminal.wait_for("10-16-10-111.maas");
    terminal.press("q");
    terminal.expect_exit(0);
}

#[test]
fn pty_frozen_server_leaves_the_keys_alive_and_the_picture_there() {
    let served = TestServer::scenario("reference");
    let mut terminal = Terminal::start(&served, "", &[]);
    terminal.wait_for("2,613");
    served.control().freeze(true);
    terminal.press("G");
    terminal.wait_for("10-16-10-213.maas");
    terminal.press("/213");
    terminal.wait("the filter", |text| !text.contains("10-16-10-212.maas"));
    let text = terminal.text();
    assert!(text.contains("104"), "the picture stays:\n{text}");
    terminal.press("\u{1b}");
    terminal.wait_for("10-16-10-212.maas");
    terminal.press("q");
    terminal.expect_exit(0);
}

#[test]
fn pty_server_frozen_from_the_start_shows_unknown_numbers_and_q_leaves() {
    let served = TestServer::scenario("reference");
    served.control().freeze(true);
    let mut terminal = Terminal::start(&served, "", &[]);
    let text = terminal.wait_for("nodes");
    assert!(!text.contains("0/0"), "unknown is not zero:\n{text}");
    terminal.press("?");
    terminal.wait_for("next cluster");
    terminal.press("q");
    terminal.wait("the main screen", |text| !text.contains("next cluster"));
    terminal.press("q");
    terminal.expect_exit(0);
}

#[test]
fn pty_server_that_dies_and_comes_back_needs_no_key() {
    let served = TestServer::scenario("reference");
    let mut terminal = Terminal::start(&served, "", &[]);
    terminal.wait_for("2,613");
    let control = served.control();
    served.runtime.block_on(control.stop_listening());
    let text = terminal.wait("what is wrong", |text| text.contains("refused"));
    assert!(text.contains("104") && text.contains("2,613"), "the old numbers stay:\n{text}");
    assert!(text.contains("10-16-10-110.maas"), "the old rows stay:\n{text}");
    control.apply(Change::DeleteNode { node: "10-16-10-110.maas".into() });
    served.runtime.block_on(control.listen_again()).unwrap();
    terminal.wait("the new truth", |text| text.contains("103/103") && !text.contains("10-16-10-110.maas"));
    terminal.press("q");
    terminal.expect_exit(0);
}

/// The way of the incident: a list that stops in its middle, then a server that is gone, then one that is back.
#[test]
fn pty_server_that_stalls_in_mid_list_dies_and_comes_back_never_shows_a_zero() {
    let served = TestServer::scenario("reference");
    let mut terminal = Terminal::start(&served, "", &[]);
    terminal.wait_for("2,613");
    let control = served.control();
    control.inject(Fault::new(FaultKind::Stall { after_bytes: 100_000 }).verb("list").resource("pods").continued(true));
    terminal.press("r");
    let old_picture = |text: &str| {
        let zeros = ["nodes 0/", " 0/11,440", "gpu 0/", "0/872"];
        assert!(!zeros.iter().any(|zero| text.contains(zero)), "an unfinished list is not an empty one:\n{text}");
        assert!(text.contains("104/104") && text.contains("10-16-10-110.maas"), "the old picture is gone:\n{text}");
    };
    terminal.wait("the age of a list that does not end", |text| {
        old_picture(text);
        text.contains("s, relisting")
    });
    served.runtime.block_on(control.stop_listening());
    terminal.wait("its age without a server", |text| {
        old_picture(text);
        text.contains(" old")
    });
    control.apply(Change::DeleteNode { node: "10-16-10-213.maas".into() });
    // The end of all faults includes that the server listens again.
    served.runtime.block_on(async { control.clear_faults() });
    terminal.wait("the new truth", |text| text.contains("103/103") && text.contains("live"));
    terminal.press("q");
    terminal.expect_exit(0);
}

#[test]
fn pty_signals_give_the_terminal_back_while_the_server_hangs() {
    let served = TestServer::scenario("small");
    for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT] {
        served.control().freeze(false);
        let terminal = Terminal::start(&served, "", &[]);
        terminal.wait_for("NAME");
        served.control().freeze(true);
        rustix::process::kill_process(terminal.program(), signal).unwrap();
        terminal.expect_exit(128 + signal.as_raw());
    }
}

#[test]
fn pty_ctrl_c_leaves_from_anywhere() {
    let served = TestServer::scenario("small");
    let mut terminal = Terminal::start(&served, "", &[]);
    terminal.wait_for("NAME");
    terminal.press("?/\u{3}");
    terminal.expect_exit(0);
}

/// The parameters of every SGR sequence (`ESC [ … m`) that was sent.
fn styles(raw: &str) -> Vec<&str> {
    raw.split("\u{1b}[")
        .skip(1)
        .filter_map(|rest| {
            let end = rest.find(|c: char| c.is_ascii_alphabetic())?;
            rest[end..].starts_with('m').then(|| &rest[..end])
        })
        .collect()
}

#[test]
fn pty_under_no_color_only_bold_dim_and_reverse_are_sent() {
    let served = TestServer::scenario("small");
    let mut terminal = Terminal::start(&served, "", &[("NO_COLOR", "1")]);
    terminal.wait_for("✓ Ready");
    terminal.press("j");
    terminal.wait_for("✓ Ready");
    let raw = terminal.raw();
    let styles = styles(&raw);
    assert!(styles.contains(&"7"), "the selected row is reversed: {styles:?}");
    let foreign: Vec<_> =
        styles.iter().filter(|s| !["0", "1", "2", "3", "4", "7", "22", "23", "24", "27"].contains(s)).collect();
    // ratatui resets colours once at the end of a frame; under NO_COLOR crossterm writes that as an empty `;`.
    assert!(foreign.iter().all(|s| [";", "", "39", "49", "59"].contains(*s)), "colours under NO_COLOR: {foreign:?}");
    assert!(terminal.has_reversed_row(), "no row is reversed on the screen");
    terminal.press("q");
    terminal.expect_exit(0);
}

/// docs/security.md: nothing from outside may reach the terminal as an escape, so every sequence is one of ours.
#[test]
fn pty_every_escape_sequence_is_one_of_ours() {
    let served = TestServer::scenario("incident");
    let mut terminal = Terminal::start(&served, "", &[]);
    terminal.wait_for("✓ Ready");
    terminal.press("\r");
    terminal.wait_for("MemoryPressure");
    let raw = terminal.raw();
    // What is read may end in the middle of a frame, and so right behind an escape.
    let raw = raw.strip_suffix('\u{1b}').unwrap_or(&raw);
    for rest in raw.split('\u{1b}').skip(1) {
        assert!(
            is_known_sequence(rest),
            "a sequence that is not ours: {:?}",
            rest.chars().take(20).collect::<String>()
        );
    }
    terminal.press("qq");
    terminal.expect_exit(0);
}

#[test]
fn pty_without_a_terminal_says_what_to_use_instead() {
    let served = TestServer::scenario("small");
    let output = watchbell(&served).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("not a terminal") && text.contains("snapshot"), "{text}");
}

#[test]
fn pty_when_no_context_can_be_used_the_reason_is_shown_and_q_leaves() {
    let served = TestServer::scenario("small");
    let text = std::fs::read_to_string(served.kubeconfig()).unwrap();
    let dangling = text.replace(r#"{"cluster":"small","user""#, r#"{"cluster":"nowhere","user""#);
    assert_ne!(text, dangling, "the kubeconfig has another shape than this test expects");
    std::fs::write(served.kubeconfig(), dangling).unwrap();
    let mut terminal = Terminal::start(&served, "", &[]);
    terminal.wait_for("nowhere");
    terminal.press("?");
    terminal.wait_for("next cluster");
    terminal.press("qq");
    terminal.expect_exit(0);
}
