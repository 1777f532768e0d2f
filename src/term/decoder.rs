//! Decoder of terminal input: turns bytes into keys and pastes, and drops the terminal's replies.
//!
//! Sequences are delimited by ECMA-48, section 5.4 and 5.6, so that an unknown sequence ends at its end and not in the middle. A guess
//! by its start, as in the readers of crossterm and its descendants, takes the rest of a reply for keys, or waits for an end that
//! never comes. An incomplete sequence is abandoned at [`InputDecoder::deadline`]. It is remembered for a second, so that the rest of
//! a reply, split by a slow connection, does not count as typed keys ([`DecoderState::continues_with`]).

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tokio::time::Instant;

use super::keys;

/// Maximum gap within a sequence, which arrives at once or in two packets. After a longer silence it is abandoned.
const SEQUENCE_GAP: Duration = Duration::from_millis(50);
/// Maximum time in which a reply's text may arrive in chunks as short as keys. After that the chunks count as keys.
const SEQUENCE_LIFE: Duration = Duration::from_secs(1);
/// Maximum gap within a paste: over the network a lost packet takes twice 200 ms (RFC 6298) to be sent again.
const PASTE_GAP: Duration = Duration::from_millis(500);
/// Like [`SEQUENCE_LIFE`], for a paste.
const PASTE_LIFE: Duration = Duration::from_secs(2);
/// Maximum size of a read for one key press.
const KEY_BYTES: usize = 16;
/// Maximum size of a paste: a filter accepts 256 characters.
const PASTE_BYTES: usize = 4096;
/// Maximum length of the parameters of a control sequence that could be a key.
const PARAMETER_BYTES: usize = 64;

const CTRL_C: u8 = 0x03;
const BEL: u8 = 0x07;
const CANCEL: u8 = 0x18;
const SUBSTITUTE: u8 = 0x1a;
const ESC: u8 = 0x1b;
/// String terminator as one byte.
const ST: u8 = 0x9c;
const PASTE_END: &[u8] = b"\x1b[201~";

/// Input of the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputEvent {
    /// A key.
    Key(KeyEvent),
    /// Text between the markers of a bracketed paste.
    Paste(String),
}

/// Decoder of the bytes from a terminal.
#[derive(Debug)]
pub(super) struct InputDecoder {
    state: DecoderState,
    /// Time at which the incomplete sequence began, or at which bytes last arrived faster than keys.
    flowed_at: Instant,
    /// Time of the last bytes.
    fed_at: Instant,
    /// The state that was abandoned last, as long as its rest may still arrive.
    abandoned: DecoderState,
    ready: VecDeque<InputEvent>,
}

#[derive(Debug, Default)]
enum DecoderState {
    #[default]
    Ground,
    /// `ESC`.
    Escape,
    /// `CSI`, with the parameter and intermediate bytes so far.
    ControlSequence(Vec<u8>),
    /// `ESC [ [`.
    ConsoleKey,
    /// `SS3`.
    ApplicationKey,
    /// `DCS`, `SOS`, `OSC`, `PM` or `APC`: text up to a terminator.
    ControlString(ControlString),
    /// `CSI M`: a button and a position, as far as they have arrived.
    Mouse(Vec<u8>),
    /// Character of more than one byte, possibly with alt.
    Character { bytes: Vec<u8>, alt: bool },
    /// Between the markers of a paste.
    Paste { text: Vec<u8>, matched: usize },
}

/// Text of a reply, which is discarded.
#[derive(Debug)]
struct ControlString {
    /// The letter that began it, until another byte follows.
    introducer: Option<u8>,
    /// `true` if the last byte was `ESC`.
    escaped: bool,
    /// Number of bytes left of the current character: one of them may look like [`ST`].
    continuation: usize,
}

impl InputDecoder {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            state: DecoderState::Ground,
            flowed_at: now,
            fed_at: now,
            abandoned: DecoderState::Ground,
            ready: VecDeque::new(),
        }
    }

    pub(super) fn next(&mut self) -> Option<InputEvent> {
        self.ready.pop_front()
    }

    /// Time at which the incomplete sequence is abandoned, unless more bytes arrive.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.state {
            DecoderState::Ground => None,
            DecoderState::Paste { .. } => Some(self.fed_at + PASTE_GAP),
            _ => Some(self.fed_at + SEQUENCE_GAP),
        }
    }

    /// Decodes the bytes of one read.
    pub(super) fn feed(&mut self, bytes: &[u8], now: Instant) {
        // The deadline may have passed unnoticed: two reads that arrived apart can be processed together.
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.abandon();
        }
        if bytes.len() > KEY_BYTES {
            self.flowed_at = now;
        } else if now.saturating_duration_since(self.flowed_at) >= self.state.life() {
            self.abandon();
        }
        if let DecoderState::Ground = self.state {
            let abandoned = mem::take(&mut self.abandoned);
            if now.saturating_duration_since(self.fed_at) < abandoned.life() && abandoned.continues_with(bytes) {
                self.state = abandoned;
                self.flowed_at = now;
            }
        }
        self.fed_at = now;
        for byte in bytes {
            self.take(*byte);
        }
    }

    /// Abandons the incomplete sequence: it becomes a key if it can be one; the text of a paste is delivered.
    pub(super) fn abandon(&mut self) {
        match &mut self.state {
            DecoderState::Ground => return,
            DecoderState::Escape => self.key(keys::ascii(ESC)),
            DecoderState::ControlSequence(parameters) if parameters.is_empty() => self.alt(keys::ascii(b'[')),
            DecoderState::ApplicationKey => self.alt(keys::ascii(b'O')),
            DecoderState::ControlString(ControlString { introducer: Some(letter), .. }) => {
                let key = keys::ascii(*letter);
                self.alt(key);
            }
            DecoderState::Paste { text, .. } => {
                let text = mem::take(text);
                self.paste(&text);
            }
            _ => {}
        }
        self.abandoned = mem::take(&mut self.state);
    }

    fn take(&mut self, byte: u8) {
        match mem::take(&mut self.state) {
            // Ctrl-C works in every state.
            _ if byte == CTRL_C => self.key(keys::ascii(CTRL_C)),
            DecoderState::Paste { text, matched } => self.take_pasted(text, matched, byte),
            DecoderState::ControlString(string) => self.take_string(string, byte),
            DecoderState::Escape => self.take_escaped(byte),
            // An escape starts a new sequence, even inside an incomplete one.
            _ if byte == ESC => self.begin(DecoderState::Escape),
            DecoderState::Ground => self.take_ground(byte),
            DecoderState::ControlSequence(parameters) => self.take_control(parameters, byte),
            DecoderState::ConsoleKey => self.keys(keys::console_key(byte)),
            DecoderState::ApplicationKey => self.keys(keys::application_key(byte)),
            DecoderState::Mouse(bytes) => self.take_mouse(bytes, byte),
            DecoderState::Character { bytes, alt } => self.take_character(bytes, alt, byte),
        }
    }

    fn take_ground(&mut self, byte: u8) {
        match byte {
            0..=0x7f => self.key(keys::ascii(byte)),
            // One-byte introducers, with which no UTF-8 character begins.
            0x80..=0x9f if is_introducer(byte - 0x40) => self.take_escaped(byte - 0x40),
            _ => self.begin_character(byte, false),
        }
    }

    /// Handles the byte after an `ESC`.
    fn take_escaped(&mut self, byte: u8) {
        match byte {
            b'[' => self.begin(DecoderState::ControlSequence(Vec::new())),
            b'O' => self.begin(DecoderState::ApplicationKey),
            _ if is_introducer(byte) => {
                let string = ControlString { introducer: Some(byte), escaped: false, continuation: 0 };
                self.begin(DecoderState::ControlString(string));
            }
            ESC => {
                self.key(keys::ascii(ESC));
                self.begin(DecoderState::Escape);
            }
            0..=0x7f => self.alt(keys::ascii(byte)),
            _ => self.begin_character(byte, true),
        }
    }

    fn take_control(&mut self, mut parameters: Vec<u8>, byte: u8) {
        match byte {
            0x20..=0x3f => {
                // A longer sequence is not a key, and is skipped to its end.
                if parameters.len() <= PARAMETER_BYTES {
                    parameters.push(byte);
                }
                self.state = DecoderState::ControlSequence(parameters);
            }
            b'[' if parameters.is_empty() => self.state = DecoderState::ConsoleKey,
            b'M' if parameters.is_empty() => self.state = DecoderState::Mouse(Vec::new()),
            b'~' if parameters == b"200" => self.begin(DecoderState::Paste { text: Vec::new(), matched: 0 }),
            0x40..=0x7e if parameters.len() <= PARAMETER_BYTES => self.keys(keys::control_sequence(&parameters, byte)),
            0x40..=0x7e | CANCEL | SUBSTITUTE => {}
            // No sequence contains such a byte, so it is a separate key.
            _ => self.take_ground(byte),
        }
    }

    fn take_mouse(&mut self, mut bytes: Vec<u8>, byte: u8) {
        // A last number above 0xc1 may be followed by a second byte, or not.
        if bytes.len() > 2 && matches!(bytes.last(), Some(0xc2..=0xdf)) && !matches!(byte, 0x80..=0xbf) {
            return self.take_ground(byte);
        }
        bytes.push(byte);
        if rest::mouse_numbers_left(&bytes) > 0 {
            self.state = DecoderState::Mouse(bytes);
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
        self.state = DecoderState::ControlString(string);
    }

    fn take_pasted(&mut self, mut text: Vec<u8>, mut matched: usize, byte: u8) {
        if byte == PASTE_END[matched] {
            matched += 1;
        } else {
            append(&mut text, &PASTE_END[..matched]);
            matched = usize::from(byte == ESC);
            if matched == 0 {
                append(&mut text, &[byte]);
            }
        }
        if matched == PASTE_END.len() {
            self.paste(&text);
        } else {
            self.state = DecoderState::Paste { text, matched };
        }
    }

    fn begin_character(&mut self, byte: u8, alt: bool) {
        if character_bytes(byte) > 1 {
            self.begin(DecoderState::Character { bytes: vec![byte], alt });
        }
    }

    fn take_character(&mut self, mut bytes: Vec<u8>, alt: bool, byte: u8) {
        if !matches!(byte, 0x80..=0xbf) {
            return self.take_ground(byte);
        }
        bytes.push(byte);
        if bytes.len() < character_bytes(bytes[0]) {
            self.state = DecoderState::Character { bytes, alt };
        } else if let Some(typed) = std::str::from_utf8(&bytes).ok().and_then(|text| text.chars().next()) {
            let key = KeyEvent::from(KeyCode::Char(typed));
            if alt { self.alt(key) } else { self.key(key) }
        }
    }

    fn begin(&mut self, state: DecoderState) {
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

/// Returns `true` if the letter starts a sequence: `SS3`, `DCS`, `SOS`, `CSI`, `OSC`, `PM`, `APC`.
fn is_introducer(letter: u8) -> bool {
    matches!(letter, b'O' | b'P' | b'X' | b'[' | b']' | b'^' | b'_')
}

/// Length of the UTF-8 character that begins with this byte; 0 if none does.
fn character_bytes(first: u8) -> usize {
    match first {
        0..=0x7f => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 0,
    }
}

/// Appends to a paste, up to its maximum size.
fn append(text: &mut Vec<u8>, bytes: &[u8]) {
    let room = PASTE_BYTES - text.len();
    text.extend(bytes.iter().take(room));
}

mod rest;
#[cfg(test)]
mod tests;
