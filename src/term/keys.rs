//! Table of keys: maps the bytes of a key to its meaning.
//!
//! Sources: xterm `ctlseqs` ("PC-Style Function Keys", "VT220-Style Function Keys"), the kitty keyboard protocol, `console_codes(4)`.

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// Keys of `CSI … letter` and of `SS3 letter`.
const LETTERS: &[(u8, KeyCode)] = &[
    (b'A', KeyCode::Up),
    (b'B', KeyCode::Down),
    (b'C', KeyCode::Right),
    (b'D', KeyCode::Left),
    (b'F', KeyCode::End),
    (b'H', KeyCode::Home),
    (b'P', KeyCode::F(1)),
    (b'Q', KeyCode::F(2)),
    (b'S', KeyCode::F(4)),
    (b'Z', KeyCode::BackTab),
];

/// Keys of `CSI number ~`.
const NUMBERS: &[(u32, KeyCode)] = &[
    (1, KeyCode::Home),
    (2, KeyCode::Insert),
    (3, KeyCode::Delete),
    (4, KeyCode::End),
    (5, KeyCode::PageUp),
    (6, KeyCode::PageDown),
    (7, KeyCode::Home),
    (8, KeyCode::End),
    (11, KeyCode::F(1)),
    (12, KeyCode::F(2)),
    (13, KeyCode::F(3)),
    (14, KeyCode::F(4)),
    (15, KeyCode::F(5)),
    (17, KeyCode::F(6)),
    (18, KeyCode::F(7)),
    (19, KeyCode::F(8)),
    (20, KeyCode::F(9)),
    (21, KeyCode::F(10)),
    (23, KeyCode::F(11)),
    (24, KeyCode::F(12)),
    (25, KeyCode::F(13)),
    (26, KeyCode::F(14)),
    (28, KeyCode::F(15)),
    (29, KeyCode::F(16)),
    (31, KeyCode::F(17)),
    (32, KeyCode::F(18)),
    (33, KeyCode::F(19)),
    (34, KeyCode::F(20)),
];

/// Keypad of the kitty protocol, by the number in `CSI number u`.
const KEYPAD: &[(u32, KeyCode)] = &[
    (57409, KeyCode::Char('.')),
    (57410, KeyCode::Char('/')),
    (57411, KeyCode::Char('*')),
    (57412, KeyCode::Char('-')),
    (57413, KeyCode::Char('+')),
    (57414, KeyCode::Enter),
    (57415, KeyCode::Char('=')),
    (57417, KeyCode::Left),
    (57418, KeyCode::Right),
    (57419, KeyCode::Up),
    (57420, KeyCode::Down),
    (57421, KeyCode::PageUp),
    (57422, KeyCode::PageDown),
    (57423, KeyCode::Home),
    (57424, KeyCode::End),
    (57425, KeyCode::Insert),
    (57426, KeyCode::Delete),
];

/// Key of a control sequence: `CSI parameters last`; `None` for every reply of a terminal.
///
/// A reply has a private mark (`<`, `=`, `>`, `?`), an intermediate byte, or a last byte that no key has. `CSI row ; column R` is the
/// position of the cursor; some terminals send the same for the third function key with a modifier.
pub(super) fn control_sequence(parameters: &[u8], last: u8) -> Option<KeyEvent> {
    if !parameters.iter().all(|byte| matches!(byte, b'0'..=b'9' | b':' | b';')) {
        return None;
    }
    let fields: Vec<Vec<u32>> = parameters.split(|byte| *byte == b';').map(numbers).collect();
    let field = |at: usize, part: usize| fields.get(at).and_then(|parts| parts.get(part)).copied().filter(|n| *n > 0);
    let number = field(0, 0).unwrap_or(1);
    let modified = |code: KeyCode| Some((code, field(1, 0), field(1, 1)));
    let (code, modifiers, kind) = match last {
        b'~' if number == 27 => (letter(field(2, 0)?)?, field(1, 0), None),
        b'~' => modified(find(NUMBERS, number)?)?,
        // The second number is the shifted character of the key.
        b'u' => modified(letter(field(0, 1).unwrap_or(number))?)?,
        _ if number == 1 => modified(find(LETTERS, last)?)?,
        _ => return None,
    };
    let mut key = KeyEvent::new(code, modifier_keys(modifiers.unwrap_or(1))?);
    if let KeyCode::Char(typed) = key.code
        && key.modifiers.contains(KeyModifiers::SHIFT)
    {
        key.code = KeyCode::Char(typed.to_uppercase().next().unwrap_or(typed));
    }
    key.kind = match kind {
        Some(2) => KeyEventKind::Repeat,
        Some(3) => KeyEventKind::Release,
        _ => KeyEventKind::Press,
    };
    Some(key)
}

/// Key of `SS3 last`, also of a keypad in application mode.
pub(super) fn application_key(last: u8) -> Option<KeyEvent> {
    match last {
        b'R' => Some(KeyEvent::from(KeyCode::F(3))),
        b'M' => Some(KeyEvent::from(KeyCode::Enter)),
        b'I' => Some(KeyEvent::from(KeyCode::Tab)),
        b'X' => Some(KeyEvent::from(KeyCode::Char('='))),
        // `*+,-./0123456789`, each 64 codes before its letter.
        b'j'..=b'y' => Some(KeyEvent::from(KeyCode::Char(char::from(last - 0x40)))),
        _ => find(LETTERS, last).map(KeyEvent::from),
    }
}

/// Function key of `ESC [ [ last`, as the Linux console sends the first five.
pub(super) fn console_key(last: u8) -> Option<KeyEvent> {
    matches!(last, b'A'..=b'E').then(|| KeyEvent::from(KeyCode::F(last - b'A' + 1)))
}

/// Key of one ASCII byte.
pub(super) fn ascii(byte: u8) -> KeyEvent {
    let control = |letter: u8| KeyEvent::new(KeyCode::Char(char::from(letter)), KeyModifiers::CONTROL);
    match byte {
        0x00 => control(b' '),
        b'\t' => KeyEvent::from(KeyCode::Tab),
        b'\r' => KeyEvent::from(KeyCode::Enter),
        0x1b => KeyEvent::from(KeyCode::Esc),
        0x7f => KeyEvent::from(KeyCode::Backspace),
        0x01..=0x1a => control(byte - 1 + b'a'),
        0x1c..=0x1f => control(byte - 0x1c + b'4'),
        _ => KeyEvent::from(KeyCode::Char(char::from(byte))),
    }
}

fn numbers(field: &[u8]) -> Vec<u32> {
    let number =
        |digits: &[u8]| digits.iter().fold(0_u32, |n, d| n.saturating_mul(10).saturating_add(u32::from(d - b'0')));
    field.split(|byte| *byte == b':').map(number).collect()
}

fn find<K: PartialEq + Copy>(table: &[(K, KeyCode)], searched: K) -> Option<KeyCode> {
    table.iter().find(|(key, _)| *key == searched).map(|(_, code)| *code)
}

/// Key with this number in `CSI number u`; `None` for keys that are not used here, such as a modifier alone.
fn letter(number: u32) -> Option<KeyCode> {
    Some(match number {
        9 => KeyCode::Tab,
        13 => KeyCode::Enter,
        27 => KeyCode::Esc,
        8 | 127 => KeyCode::Backspace,
        57376..=57398 => KeyCode::F(u8::try_from(number - 57376 + 13).ok()?),
        57399..=57408 => KeyCode::Char(char::from_digit(number - 57399, 10)?),
        // The private use area of the kitty protocol.
        57344..=63743 => find(KEYPAD, number)?,
        _ => KeyCode::Char(char::from_u32(number).filter(|typed| !typed.is_control())?),
    })
}

/// Modifiers of a sequence: one more than the sum of shift 1, alt 2, control 4; locks are ignored. `None` with a modifier of the
/// window system (super, hyper, meta): the chord is not for us.
fn modifier_keys(number: u32) -> Option<KeyModifiers> {
    let bits = number.checked_sub(1)?;
    if bits & 0b11_1000 != 0 {
        return None;
    }
    let keys = [(1, KeyModifiers::SHIFT), (2, KeyModifiers::ALT), (4, KeyModifiers::CONTROL)];
    Some(keys.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, key)| *key).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_control_sequences_are_those_of_xterm_rxvt_and_kitty() {
        const NONE: KeyModifiers = KeyModifiers::NONE;
        let table = [
            ("A", KeyEvent::new(KeyCode::Up, NONE)),
            ("1;5B", KeyEvent::new(KeyCode::Down, KeyModifiers::CONTROL)),
            ("1;2Z", KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT)),
            ("1;3P", KeyEvent::new(KeyCode::F(1), KeyModifiers::ALT)),
            ("5~", KeyEvent::new(KeyCode::PageUp, NONE)),
            ("6;6~", KeyEvent::new(KeyCode::PageDown, KeyModifiers::CONTROL | KeyModifiers::SHIFT)),
            ("8~", KeyEvent::new(KeyCode::End, NONE)),
            ("24~", KeyEvent::new(KeyCode::F(12), NONE)),
            ("27;5;106~", KeyEvent::new(KeyCode::Char('j'), KeyModifiers::CONTROL)),
            ("27u", KeyEvent::new(KeyCode::Esc, NONE)),
            ("99;5u", KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)),
            ("103:71;2u", KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT)),
            ("103;2u", KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT)),
            ("106;129u", KeyEvent::new(KeyCode::Char('j'), NONE)),
            ("57405u", KeyEvent::new(KeyCode::Char('6'), NONE)),
            ("57414;1u", KeyEvent::new(KeyCode::Enter, NONE)),
        ];
        for (sequence, key) in table {
            let (last, parameters) = sequence.as_bytes().split_last().unwrap();
            assert_eq!(control_sequence(parameters, *last), Some(key), "{sequence}");
        }
    }

    #[test]
    fn a_released_key_is_distinguished_from_a_pressed_one() {
        let kind = |parameters: &str| control_sequence(parameters.as_bytes(), b'A').unwrap().kind;
        assert_eq!(kind("1;1:1"), KeyEventKind::Press);
        assert_eq!(kind("1;1:2"), KeyEventKind::Repeat);
        assert_eq!(kind("1;1:3"), KeyEventKind::Release);
    }

    #[test]
    fn a_chord_of_the_window_system_is_no_key_of_ours() {
        assert_eq!(control_sequence(b"113;9", b'u'), None, "super-q");
        assert_eq!(control_sequence(b"57441;2", b'u'), None, "shift alone");
    }

    #[test]
    fn keys_of_the_keypad_mean_what_is_printed_on_them() {
        let code = |last| application_key(last).map(|key| key.code);
        assert_eq!(code(b'A'), Some(KeyCode::Up));
        assert_eq!(code(b'M'), Some(KeyCode::Enter));
        assert_eq!(code(b'j'), Some(KeyCode::Char('*')));
        assert_eq!(code(b'p'), Some(KeyCode::Char('0')));
        assert_eq!(code(b'y'), Some(KeyCode::Char('9')));
        assert_eq!(code(b'z'), None);
    }
}
