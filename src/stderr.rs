//! The only module that writes to stderr; it writes only clean text.
//!
//! Text in an error (a name, a path, a key, an argument) may come from somebody else, and a terminal obeys control sequences.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, Write};
use std::panic;

use crate::facts::text::sanitize;

/// Indent of every line but the first, so that quoted text cannot look like a message of the program.
const INDENT: &str = "  ";

/// Prints a message, after the name of the program.
pub fn print_message(text: &str) {
    write(&clean(&format!("watchbell: {text}")));
}

/// Prints the text of a usage error of clap.
pub fn usage(error: &clap::Error) {
    write(&clean(&error.render().to_string()));
}

/// Installs a panic hook that reports panics in one line; to be called before any other hook is installed.
///
/// With `RUST_BACKTRACE`, the backtrace follows.
pub fn report_panics() {
    panic::set_hook(Box::new(|info| {
        let payload = info.payload();
        let owned = payload.downcast_ref::<String>().map(String::as_str);
        let text = owned.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no text");
        let place = info.location().map(|at| format!(" at {at}")).unwrap_or_default();
        let trace = Backtrace::capture();
        let trace = if trace.status() == BacktraceStatus::Captured { format!("\n{trace}") } else { String::new() };
        print_message(&format!("internal error: {text}{place}; please report it{trace}"));
    }));
}

/// Cleans each line; line breaks stay, because errors in a file quote its lines.
fn clean(text: &str) -> String {
    let mut lines = text.trim_end().lines();
    let mut out = sanitize(lines.next().unwrap_or_default()).into_owned();
    for line in lines {
        out.push('\n');
        if !line.is_empty() {
            out.push_str(INDENT);
            out.push_str(&sanitize(line));
        }
    }
    out.push('\n');
    out
}

fn write(text: &str) {
    // If stderr is closed, nothing can be reported.
    let _ = io::stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_line_breaks_of_ours_is_left_of_control_characters() {
        let text = clean("a\u{1b}]52;c;QQ==\u{7}b\r\nc\u{9b}31m\u{202e}d\u{0}\n\nwatchbell: all is\u{85}well");
        assert_eq!(text, "a␛]52;c;QQ==�b\n  c�31md�\n\n  watchbell: all is�well\n");
    }
}
