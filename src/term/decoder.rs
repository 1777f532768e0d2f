//! Bytes of the terminal → keys and pastes; what a terminal answers is neither.
//!
//! The frames of sequences are those of ECMA-48, section 5.4 and 5.6, so that a sequence nobody knows ends where it ends and not in
//! the middle. A guess by its beginning, as in the readers of crossterm and its descendants, takes the rest of a reply for keys or waits
//! for an end that never comes. Nothing unfinished lasts: [`InputDecoder::deadline`] says how long. What is given up is remembered for
//! a second, so that the rest of a reply that a slow connection has cut is not typed ([`State::goes_on_with`]).

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tokio::time::Instant;

use super::keys;

/// A sequence comes at once, or in two packets; what is silent for so long is not finished any more.
const SEQUENCE_GAP: Duration = Duration::from_millis(50);
/// The text of a reply that comes in pieces as short as keys for so long is none any more: keys are pressed.
const SEQUENCE_LIFE: Duration = Duration::from_secs(1);
/// A lost packet in a paste over the network takes twice 200 ms (RFC 6298) to come again.
const PASTE_GAP: Duration = Duration::from_millis(500);
/// The same for a paste.
const PASTE_LIFE: Duration = Duration::from_secs(2);
/// What comes at once when one key is pressed is not longer.
const KEY_BYTES: usize = 16;
/// A paste keeps so many bytes: a filter takes 256 characters.
const PASTE_BYTES: usize = 4096;
/// Parameters of a control sequence that could be a key are not longer.
const PARAMETER_BYTES: usize = 64;

const CTRL_C: u8 = 0x03;
const BEL: u8 = 0x07;
const CANCEL: u8 = 0x18;
const SUBSTITUTE: u8 = 0x1a;
const ESC: u8 = 0x1b;
/// String terminator, in one byte.
const ST: u8 = 0x9c;
const PASTE_END: &[u8] = b"\x1b[201~";

/// An input of the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputEvent {
    /// A key.
    Key(KeyEvent),
    /// Text between the marks of a bracketed paste.
    Paste(String),
}

/// Reader of what a terminal sends.
#[derive(Debug)]
pub(super) struct InputDecoder {
    state: State,
    /// When what is unfinished began, or last came faster than keys do.
    flowed_at: Instant,
    /// When the last bytes came.
    fed_at: Instant,
    /// The state that was given up last, as long as its rest may still come.
    given_up: State,
    ready: VecDeque<InputEvent>,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    Ground,
    /// `ESC`.
    Escape,
    /// `CSI`, and the parameter and intermediate bytes so far.
    ControlSequence(Vec<u8>),
    /// `ESC [ [`.
    ConsoleKey,
    /// `SS3`.
    ApplicationKey,
    /// `DCS`, `SOS`, `OSC`, `PM` or `APC`: text up to a terminator.
    ControlString(ControlString),
    /// `CSI M`: a button and a place, as far as they have come.
    Mouse(Vec<u8>),
    /// A character of more than one byte, with alt.
    Character { bytes: Vec<u8>, alt: bool },
    /// Between the marks of a paste.
    Paste { text: Vec<u8>, matched: usize },
}

/// The text of a reply, of which nothing is kept.
#[derive(Debug)]
struct ControlString {
    /// The letter that began it, as long as nothing has followed.
    introducer: Option<u8>,
    /// The last byte was `ESC`.
    escaped: bool,
    /// Bytes that the current character still has: one of them may look like [`ST`].
    continuation: usize,
}

impl InputDecoder {
    pub(super) fn new(now: Instant) -> Self {
        Self { state: State::Ground, flowed_at: now, fed_at: now, given_up: State::Ground, ready: VecDeque::new() }
    }

    pub(super) fn next(&mut self) -> Option<InputEvent> {
        self.ready.pop_front()
    }

    /// When what is unfinished is given up, unless more comes.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Ground => None,
            State::Paste { .. } => Some(self.fed_at + PASTE_GAP),
            _ => Some(self.fed_at + SEQUENCE_GAP),
        }
    }

    /// Takes the bytes of one read.
    pub(super) fn feed(&mut self, bytes: &[u8], now: Instant) {
        // Nobody may have waited for the deadline: two reads can be taken at once that came one after the other.
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.give_up();
        }
        if bytes.len() > KEY_BYTES {
            self.flowed_at = now;
        } else if now.saturating_duration_since(self.flowed_at) >= self.state.life() {
            self.give_up();
        }
        if let State::Ground = self.state {
            let given_up = mem::take(&mut self.given_up);
            if now.saturating_duration_since(self.fed_at) < given_up.life() && given_up.goes_on_with(bytes) {
                self.state = given_up;
                self.flowed_at = now;
            }
        }
        self.fed_at = now;
        for byte in bytes {
            self.take(*byte);
        }
    }

    /// Ends what is unfinished: a key if it can be one, else nothing; the text of a paste is kept.
    pub(super) fn give_up(&mut self) {
        match &mut self.state {
            State::Ground => return,
            State::Escape => self.key(keys::ascii(ESC)),
            State::ControlSequence(parameters) if parameters.is_empty() => self.alt(keys::ascii(b'[')),
            State::ApplicationKey => self.alt(keys::ascii(b'O')),
            State::ControlString(ControlString { introducer: Some(letter), .. }) => {
                let key = keys::ascii(*letter);
                self.alt(key);
            }
            State::Paste { text, .. } => {
                let text = mem::take(text);
                self.paste(&text);
            }
            _ => {}
        }
        self.given_up = mem::take(&mut self.state);
    }

    fn take(&mut self, byte: u8) {
        match mem::take(&mut self.state) {
            // Whatever is unfinished, this leaves.
            _ if byte == CTRL_C => self.key(keys::ascii(CTRL_C)),
            State::Paste { text, matched } => self.take_pasted(text, matched, byte),
            State::ControlString(string) => self.take_string(string, byte),
            State::Escape => self.take_escaped(byte),
            // An escape begins anew, whatever has no end.
            _ if byte == ESC => self.begin(State::Escape),
            State::Ground => self.take_ground(byte),
            State::ControlSequence(parameters) => self.take_control(parameters, byte),
            State::ConsoleKey => self.keys(keys::console_key(byte)),
            State::ApplicationKey => self.keys(keys::application_key(byte)),
            State::Mouse(bytes) => self.take_mouse(bytes, byte),
            State::Character { bytes, alt } => self.take_character(bytes, alt, byte),
        }
    }

    fn take_ground(&mut self, byte: u8) {
        match byte {
            0..=0x7f => self.key(keys::ascii(byte)),
            // The forms of introducers in one byte, which no character of UTF-8 begins with.
            0x80..=0x9f if is_introducer(byte - 0x40) => self.take_escaped(byte - 0x40),
            _ => self.begin_character(byte, false),
        }
    }

    /// What follows an `ESC`.
    fn take_escaped(&mut self, byte: u8) {
        match byte {
            b'[' => self.begin(State::ControlSequence(Vec::new())),
            b'O' => self.begin(State::ApplicationKey),
            _ if is_introducer(byte) => {
                let string = ControlString { introducer: Some(byte), escaped: false, continuation: 0 };
                self.begin(State::ControlString(string));
            }
            ESC => {
                self.key(keys::ascii(ESC));
                self.begin(State::Escape);
            }
            0..=0x7f => self.alt(keys::ascii(byte)),
            _ => self.begin_character(byte, true),
        }
    }

    fn take_control(&mut self, mut parameters: Vec<u8>, byte: u8) {
        match byte {
            0x20..=0x3f => {
                // A longer one is no key, and is followed to its end.
                if parameters.len() <= PARAMETER_BYTES {
                    parameters.push(byte);
                }
                self.state = State::ControlSequence(parameters);
            }
            b'[' if parameters.is_empty() => self.state = State::ConsoleKey,
            b'M' if parameters.is_empty() => self.state = State::Mouse(Vec::new()),
            b'~' if parameters == b"200" => self.begin(State::Paste { text: Vec::new(), matched: 0 }),
            0x40..=0x7e if parameters.len() <= PARAMETER_BYTES => self.keys(keys::control_sequence(&parameters, byte)),
            0x40..=0x7e | CANCEL | SUBSTITUTE => {}
            // No sequence has such a byte: it is a key of its own.
            _ => self.take_ground(byte),
        }
    }

    fn take_mouse(&mut self, mut bytes: Vec<u8>, byte: u8) {
        // Of a number above 0xc1 in the last place the second byte may come, or not.
        if bytes.len() > 2 && matches!(bytes.last(), Some(0xc2..=0xdf)) && !matches!(byte, 0x80..=0xbf) {
            return self.take_ground(byte);
        }
        bytes.push(byte);
        if rest::mouse_numbers_left(&bytes) > 0 {
            self.state = State::Mouse(bytes);
        }
    }

    fn take_string(&mut self, mut string: ControlString, byte: u8) {
        string.introducer = None;
        match byte {
            b'\\' if string.escaped => return,
            _ if string.escaped => return self.take_escaped(byte),
            BEL | CANCEL | SUBSTITUTE => return,
            ESC => string.escaped = true,
            0x80..=0xbf if string.continuation > 0 => string.continuation -= 1,
            ST => return,
            _ => string.continuation = character_bytes(byte).saturating_sub(1),
        }
        self.state = State::ControlString(string);
    }

    fn take_pasted(&mut self, mut text: Vec<u8>, mut matched: usize, byte: u8) {
        if byte == PASTE_END[matched] {
            matched += 1;
        } else {
            keep(&mut text, &PASTE_END[..matched]);
            matched = usize::from(byte == ESC);
            if matched == 0 {
                keep(&mut text, &[byte]);
            }
        }
        if matched == PASTE_END.len() {
            self.paste(&text);
        } else {
            self.state = State::Paste { text, matched };
        }
    }

    fn begin_character(&mut self, byte: u8, alt: bool) {
        if character_bytes(byte) > 1 {
            self.begin(State::Character { bytes: vec![byte], alt });
        }
    }

    fn take_character(&mut self, mut bytes: Vec<u8>, alt: bool, byte: u8) {
        if !matches!(byte, 0x80..=0xbf) {
            return self.take_ground(byte);
        }
        bytes.push(byte);
        if bytes.len() < character_bytes(bytes[0]) {
            self.state = State::Character { bytes, alt };
        } else if let Some(typed) = std::str::from_utf8(&bytes).ok().and_then(|text| text.chars().next()) {
            let key = KeyEvent::from(KeyCode::Char(typed));
            if alt { self.alt(key) } else { self.key(key) }
        }
    }

    fn begin(&mut self, state: State) {
        self.flowed_at = self.fed_at;
        self.state = state;
    }

    fn key(&mut self, key: KeyEvent) {
        self.ready.push_back(InputEvent::Key(key));
    }

    fn keys(&mut self, key: Option<KeyEvent>) {
        self.ready.extend(key.map(InputEvent::Key));
    }

    fn alt(&mut self, mut key: KeyEvent) {
        key.modifiers |= KeyModifiers::ALT;
        self.key(key);
    }

    fn paste(&mut self, text: &[u8]) {
        self.ready.push_back(InputEvent::Paste(String::from_utf8_lossy(text).into_owned()));
    }
}

/// The letter begins a sequence: `SS3`, `DCS`, `SOS`, `CSI`, `OSC`, `PM`, `APC`.
fn is_introducer(letter: u8) -> bool {
    matches!(letter, b'O' | b'P' | b'X' | b'[' | b']' | b'^' | b'_')
}

/// Bytes of the character of UTF-8 that begins with this one; 0 if none does.
fn character_bytes(first: u8) -> usize {
    match first {
        0..=0x7f => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 0,
    }
}

fn keep(text: &mut Vec<u8>, bytes: &[u8]) {
    let room = PASTE_BYTES - text.len();
    text.extend(bytes.iter().take(room));
}

mod rest;
#[cfg(test)]
mod tests;
