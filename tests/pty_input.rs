//! Input of a terminal besides keys, in a pseudo-terminal: replies, pastes, floods.

use std::thread;
use std::time::Duration;

use crate::rig::{Terminal, TestServer};

/// Replies that come late: to a program before this one, or because the network was slow. Each holds letters that are keys here.
const REPLIES: &[&str] = &[
    "\u{1b}[?2026;2$y",
    "\u{1b}[?997;1n",
    "\u{1b}[>0;276;0c",
    "\u{1b}[?62;22c",
    "\u{1b}[24;80R",
    "\u{1b}[?1u",
    "\u{1b}[I",
    "\u{1b}[O",
    "\u{1b}[<0;12;7M",
    "\u{1b}[M !!",
    "\u{1b}]11;rgb:1e1e/1e1e/2e2e\u{7}",
    "\u{1b}]10;rgb:cdcd/d6d6/f4f4\u{1b}\\",
    "\u{1b}]4;1;rgb:ffff/0000/0000\u{7}",
    "\u{1b}]52;c;cXF1aXQ=\u{7}",
    "\u{1b}P>|tmux 3.4\u{1b}\\",
    "\u{1b}P1+r544e=787465726d\u{1b}\\",
    "\u{1b}_Gi=31;OK\u{1b}\\",
    "\u{1b}^cuq?\u{1b}\\",
    "\u{1b}Xcuq?\u{1b}\\",
];

fn started(served: &TestServer) -> Terminal {
    let terminal = Terminal::start(served, "", &[]);
    terminal.wait_for("✓ Ready");
    terminal
}

/// The keys are alive: one press each, forth and back.
fn assert_answers(terminal: &mut Terminal) {
    terminal.press("?");
    terminal.wait_for("next cluster");
    terminal.press("?");
    terminal.wait("the main screen", |text| !text.contains("next cluster") && text.contains("✓ Ready"));
}

#[test]
fn pty_late_replies_of_the_terminal_are_no_keys_and_leave_the_keys_alive() {
    let served = TestServer::scenario("small");
    let mut terminal = started(&served);
    for reply in REPLIES {
        terminal.press(reply);
    }
    assert_answers(&mut terminal);
    for reply in REPLIES {
        // In two parts, as the network may deliver it.
        let middle = reply.len() / 2;
        terminal.press(&reply[..middle]);
        thread::sleep(Duration::from_millis(5));
        terminal.press(&reply[middle..]);
    }
    assert_answers(&mut terminal);
    assert!(!terminal.raw().contains("\u{1b}]52;"), "nothing was copied");
    terminal.press("q");
    terminal.expect_exit(0);
}

#[test]
fn pty_an_unfinished_sequence_ends_and_keys_go_on() {
    let served = TestServer::scenario("small");
    let mut terminal = started(&served);
    for beginning in ["\u{1b}[?2026", "\u{1b}]11;rgb:1e1e", "\u{1b}P>|", "\u{1b}[M", "\u{1b}[200~hello"] {
        terminal.press(beginning);
        // 50 ms for a sequence, 500 ms for a paste.
        thread::sleep(Duration::from_millis(if beginning.contains("200~") { 700 } else { 150 }));
        assert_answers(&mut terminal);
    }
    terminal.press("\u{1b}[200~hello");
    terminal.press("\u{3}");
    terminal.expect_exit(0);
}

#[test]
fn pty_a_paste_goes_to_an_open_filter_and_nowhere_else() {
    let served = TestServer::scenario("small");
    let mut terminal = started(&served);
    terminal.press("\u{1b}[200~quc?qq\rzx\u{1b}[201~");
    let text = terminal.wait_for("paste ignored");
    assert!(text.contains("✓ Ready"), "no key of it was taken:\n{text}");
    terminal.press("/\u{1b}[200~gpu-1\u{1b}[201~");
    terminal.wait("the filtered table", |text| text.contains("gpu-1") && !text.contains("worker-1"));
    terminal.press("\u{3}");
    terminal.expect_exit(0);
}

#[test]
fn pty_ten_kilobytes_at_once_are_read_to_their_end_before_the_next_key() {
    let served = TestServer::scenario("small");
    let mut terminal = started(&served);
    // `Z` means nothing.
    for _ in 0..10 {
        terminal.press(&"Z".repeat(1_000));
    }
    assert_answers(&mut terminal);
    terminal.press(&"j".repeat(10_000));
    assert_answers(&mut terminal);
    terminal.press("q");
    terminal.expect_exit(0);
}
