//! The zoo in a terminal: what its objects would like to write there, and what is written.

use crate::common::Served;
use crate::pty::Terminal;

/// Every screen is visited; of the bytes that reach the terminal none is of the objects' making.
#[test]
fn f79_no_byte_that_the_program_did_not_make_reaches_the_terminal() {
    let served = Served::scenario("zoo");
    let mut terminal = Terminal::start(&served, "--context zoo --color never", &[]);
    terminal.wait_for("nodes 69/76");
    terminal.wait_for("pods 86/");
    for (key, seen) in [("u", "FITS NOW"), ("l", "[pool]"), ("\x1b", "NAME"), ("!", "alerts of"), ("\x1b", "NAME")] {
        terminal.press(key);
        terminal.wait_for(seen);
    }
    terminal.press("/odd-hostile\r");
    terminal.wait_for("1 of 76 nodes by filter odd-hostile");
    terminal.press("w");
    terminal.press("\r");
    terminal.wait_for("/ odd-hostile");
    terminal.press("lll");
    terminal.wait_for("Deadlock");
    terminal.press("q");
    terminal.wait_for("NAME");
    terminal.press("q");
    terminal.wait_for("exit=0");
    let raw = terminal.raw();
    assert!(raw.contains("␛[2J"), "the escape is shown as a letter");
    for forbidden in
        ["\x1b]0;owned", "\x1b]8;", "\x1b]52;", "\x1b\\link", "\x1b[31mred", "\u{9b}", "\u{90}", "\u{7f}", "\0"]
    {
        assert!(!raw.contains(forbidden), "{forbidden:?} reached the terminal");
    }
    let hidden = |c: char| matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    assert_eq!(raw.chars().find(|c| hidden(*c)), None);
}
