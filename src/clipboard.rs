//! Copying to the terminal's clipboard with OSC 52. It only writes: the sequence that reads the clipboard is never sent.

use std::fmt::Write as _;

use base64::prelude::{BASE64_STANDARD, Engine as _};

/// A device control string of GNU screen holds 768 bytes in old versions (`MAXSTR`); a chunk stays well below.
const CHUNK: usize = 500;

/// Bytes to send to the terminal for `text`; `env` returns `true` if a variable is set.
///
/// tmux handles OSC 52 itself if `set-clipboard` is `on`, and passes the wrapped form on if `allow-passthrough` is `on`; it ignores
/// the other form, so both are sent. GNU screen only passes on. A terminal that knows neither shows nothing.
#[must_use]
pub fn bytes(text: &str, env: &dyn Fn(&str) -> bool) -> String {
    let plain = format!("\x1b]52;c;{}\x07", BASE64_STANDARD.encode(text));
    if env("TMUX") {
        let wrapped = plain.replace('\x1b', "\x1b\x1b");
        return format!("{plain}\x1bPtmux;{wrapped}\x1b\\");
    }
    if env("STY") {
        let mut bytes = String::new();
        for chunk in plain.as_bytes().chunks(CHUNK) {
            // The sequence is ASCII, so any chunk of it is text.
            let _ = write!(bytes, "\x1bP{}\x1b\\", String::from_utf8_lossy(chunk));
        }
        return bytes;
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_standard() {
        // RFC 4648, section 10.
        for (text, want) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
            ("~~~??\u{7f}", "fn5+Pz9/"),
        ] {
            assert_eq!(bytes(text, &|_| false), format!("\x1b]52;c;{want}\x07"));
        }
    }

    #[test]
    fn a_terminal_gets_one_sequence_and_a_multiplexer_what_it_hands_on() {
        let sent = |set: &'static str| bytes("foobar", &move |name| name == set);
        assert_eq!(sent(""), "\x1b]52;c;Zm9vYmFy\x07");
        assert_eq!(sent("TMUX"), "\x1b]52;c;Zm9vYmFy\x07\x1bPtmux;\x1b\x1b]52;c;Zm9vYmFy\x07\x1b\\");
        assert_eq!(sent("STY"), "\x1bP\x1b]52;c;Zm9vYmFy\x07\x1b\\");
    }

    #[test]
    fn long_text_goes_through_screen_in_pieces_that_add_up() {
        let text = "x".repeat(5_000);
        let sent = bytes(&text, &|name| name == "STY");
        let pieces: Vec<&str> = sent.split("\x1b\\").filter(|piece| !piece.is_empty()).collect();
        assert!(pieces.len() > 10 && pieces.iter().all(|piece| piece.len() <= CHUNK + 2));
        let whole: String = pieces.iter().map(|piece| piece.strip_prefix("\x1bP").unwrap()).collect();
        assert_eq!(whole, bytes(&text, &|_| false));
    }

    #[test]
    fn no_text_breaks_out_of_the_sequence_or_asks_for_the_clipboard() {
        let sent = bytes("\x1b\\\x07?\x1b]52;c;?\x07\u{9c}", &|_| false);
        let payload = sent.strip_prefix("\x1b]52;c;").and_then(|rest| rest.strip_suffix('\x07')).unwrap();
        assert!(payload.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)), "{payload}");
    }
}
