//! Maps a `KeyEvent` to a `Msg` by mode. The defaults are the `actions!` table; a key with two meanings is rejected.

use std::collections::HashMap;
use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::action::{ACTIONS, Action};
use crate::model::app::screens::Mode;
use crate::msg::{LineEdit, Msg};

/// Always quits, whatever the configuration says.
const FORCE_QUIT: Chord = Chord { code: KeyCode::Char('c'), modifiers: KeyModifiers::CONTROL };

/// Meaning of each key.
#[derive(Clone, Debug)]
pub struct KeyMap {
    actions: HashMap<Chord, Action>,
    /// The keys of each action in the order in which they were written; the first is the one that hints show.
    chords: HashMap<Action, Vec<Chord>>,
}

/// Error in a key map. The texts name the action and the key as the configuration spells them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyMapError {
    /// No action has this name.
    #[error("no action is called `{0}`; `watchbell config` lists them")]
    UnknownAction(String),
    /// This is not a key.
    #[error("`{key}` for `{action}` is not a key; write `j`, `G`, `ctrl-d`, `alt-x`, `f1`, `pagedown`, `space`")]
    UnknownKey {
        /// The action it was meant for.
        action: String,
        /// The key as it was written.
        key: String,
    },
    /// One key has two actions.
    #[error("`{key}` means both `{first}` and `{second}`; give one of them another key")]
    Twice {
        /// The key.
        key: String,
        /// The action that has it, in the order of the table.
        first: &'static str,
        /// The other one.
        second: &'static str,
    },
    /// `ctrl-c` must always leave.
    #[error("`ctrl-c` always leaves and cannot mean `{0}`; give it another key")]
    Reserved(&'static str),
}

impl KeyMapError {
    /// Names of the actions in the error.
    #[must_use]
    pub fn actions(&self) -> Vec<&str> {
        match self {
            Self::UnknownAction(action) | Self::UnknownKey { action, .. } => vec![action],
            Self::Twice { first, second, .. } => vec![first, second],
            Self::Reserved(action) => vec![action],
        }
    }
}

/// A key with its modifiers, normalised: terminals send different forms.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Chord {
    code: KeyCode,
    modifiers: KeyModifiers,
}

impl Default for KeyMap {
    fn default() -> Self {
        Self::with([])
            .expect("a test in `action` proves that the table has no key twice, and one here that all keys parse")
    }
}

impl KeyMap {
    /// Creates the defaults with the keys of some actions replaced; an empty list removes all keys of an action.
    ///
    /// # Errors
    /// [`KeyMapError`] for an unknown action, an unknown key, a key with two meanings, or a new meaning of `ctrl-c`.
    pub fn with(overrides: impl IntoIterator<Item = (String, Vec<String>)>) -> Result<Self, KeyMapError> {
        let mut replaced = HashMap::new();
        for (name, keys) in overrides {
            let entry = ACTIONS.iter().find(|entry| entry.name == name).ok_or(KeyMapError::UnknownAction(name))?;
            replaced.insert(entry.action, keys);
        }
        let mut map = Self { actions: HashMap::new(), chords: HashMap::new() };
        for entry in ACTIONS {
            let defaults = || entry.keys.iter().map(|key| (*key).to_owned()).collect();
            for key in replaced.remove(&entry.action).unwrap_or_else(defaults) {
                map.bind(entry.action, &key)?;
            }
        }
        if !map.actions.contains_key(&FORCE_QUIT) {
            map.bind(Action::ForceQuit, "ctrl-c")?;
        }
        Ok(map)
    }

    /// Meaning of a key, [`Msg::UnboundKey`] included; `None` if nobody waits for an answer. Releases are ignored, repeats mean
    /// the key again.
    #[must_use]
    pub fn resolve(&self, mode: Mode, key: KeyEvent) -> Option<Msg> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        match mode {
            Mode::Filter => self.resolve_text(key),
            // Nobody waits for an answer to what a terminal sends by itself, or to a modifier alone.
            Mode::Normal | Mode::Help => match (self.action(key), key.code) {
                (Some(action), _) => Some(Msg::Action(action)),
                (None, KeyCode::Char(_) | KeyCode::F(_)) => Some(Msg::UnboundKey),
                (None, code) if NAMES.iter().any(|(_, named)| *named == code) => Some(Msg::UnboundKey),
                (None, _) => None,
            },
        }
    }

    /// The keys of `action` as text, in order; empty if it has none.
    #[must_use]
    pub fn keys(&self, action: Action) -> Vec<String> {
        self.chords.get(&action).map(|chords| chords.iter().map(Chord::to_string).collect()).unwrap_or_default()
    }

    /// The first key of `action`, for a hint.
    #[must_use]
    pub fn hint(&self, action: Action) -> Option<String> {
        self.chords.get(&action).and_then(|chords| chords.first()).map(Chord::to_string)
    }

    fn bind(&mut self, action: Action, key: &str) -> Result<(), KeyMapError> {
        let unknown = || KeyMapError::UnknownKey { action: action.entry().name.to_owned(), key: key.to_owned() };
        let chord = Chord::parse(key).ok_or_else(unknown)?;
        if chord == FORCE_QUIT && action != Action::ForceQuit {
            return Err(KeyMapError::Reserved(action.entry().name));
        }
        match self.actions.insert(chord, action) {
            Some(first) if first == action => Ok(()),
            Some(first) => Err(KeyMapError::Twice {
                key: chord.to_string(),
                first: first.entry().name,
                second: action.entry().name,
            }),
            None => {
                self.chords.entry(action).or_default().push(chord);
                Ok(())
            }
        }
    }

    fn action(&self, key: KeyEvent) -> Option<Action> {
        self.actions.get(&Chord::from(key)).copied()
    }

    /// Meaning of a key while a line is edited, as in readline; these keys cannot be configured.
    fn resolve_text(&self, key: KeyEvent) -> Option<Msg> {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        Some(match key.code {
            KeyCode::Char('w') if control => Msg::Edit(LineEdit::DeleteWord),
            KeyCode::Char('u') if control => Msg::Edit(LineEdit::Clear),
            // Terminals send ctrl-h for backspace, and alt-backspace deletes a word.
            KeyCode::Char('h') if control => Msg::Edit(LineEdit::Backspace),
            KeyCode::Backspace if alt || control => Msg::Edit(LineEdit::DeleteWord),
            KeyCode::Backspace => Msg::Edit(LineEdit::Backspace),
            KeyCode::Char(typed) if !control && !alt => Msg::Edit(LineEdit::Insert(typed)),
            KeyCode::Enter => Msg::Action(Action::Open),
            KeyCode::Esc => Msg::Action(Action::Back),
            KeyCode::Up => Msg::Action(Action::Up),
            KeyCode::Down => Msg::Action(Action::Down),
            KeyCode::PageUp => Msg::Action(Action::PageUp),
            KeyCode::PageDown => Msg::Action(Action::PageDown),
            // Actions for the program as a whole work here too, unless their key is text.
            _ => match self.action(key)? {
                action @ (Action::ForceQuit | Action::Suspend | Action::Redraw) => Msg::Action(action),
                _ => return None,
            },
        })
    }
}

impl Chord {
    /// `j`, `G`, `ctrl-d`, `alt-x`, `shift-tab`, `f1`, `-`; `None` if it is no key.
    fn parse(text: &str) -> Option<Self> {
        let mut modifiers = KeyModifiers::NONE;
        let mut rest = text;
        while let Some((prefix, key)) =
            rest.split_once('-').filter(|(prefix, key)| !prefix.is_empty() && !key.is_empty())
        {
            modifiers |= match prefix.to_ascii_lowercase().as_str() {
                "ctrl" | "control" => KeyModifiers::CONTROL,
                "alt" => KeyModifiers::ALT,
                "shift" => KeyModifiers::SHIFT,
                _ => return None,
            };
            rest = key;
        }
        let mut letters = rest.chars();
        let code = match (letters.next()?, letters.next()) {
            (letter, None) if modifiers.contains(KeyModifiers::SHIFT) => {
                KeyCode::Char(letter.to_uppercase().next().unwrap_or(letter))
            }
            (letter, None) if !letter.is_control() => KeyCode::Char(letter),
            _ => named(&rest.to_ascii_lowercase())?,
        };
        Some(Self::from(KeyEvent::new(code, modifiers)))
    }
}

impl From<KeyEvent> for Chord {
    /// Terminals disagree on shift: `G` comes with or without it, shift-tab as `BackTab` or as tab with shift.
    fn from(key: KeyEvent) -> Self {
        let mut modifiers = key.modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT);
        let code = match key.code {
            KeyCode::Tab if modifiers.contains(KeyModifiers::SHIFT) => KeyCode::BackTab,
            KeyCode::Char(letter) if modifiers.contains(KeyModifiers::CONTROL) => {
                KeyCode::Char(letter.to_ascii_lowercase())
            }
            code => code,
        };
        if matches!(code, KeyCode::Char(_) | KeyCode::BackTab) {
            modifiers.remove(KeyModifiers::SHIFT);
        }
        Self { code, modifiers }
    }
}

impl fmt::Display for Chord {
    /// Writes it as the configuration spells it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (modifier, name) in
            [(KeyModifiers::CONTROL, "ctrl-"), (KeyModifiers::ALT, "alt-"), (KeyModifiers::SHIFT, "shift-")]
        {
            if self.modifiers.contains(modifier) {
                f.write_str(name)?;
            }
        }
        match self.code {
            KeyCode::Char(' ') => f.write_str("space"),
            KeyCode::Char(letter) => write!(f, "{letter}"),
            KeyCode::F(number) => write!(f, "f{number}"),
            code => f.write_str(NAMES.iter().find(|(_, named)| *named == code).map_or("?", |(name, _)| name)),
        }
    }
}

impl fmt::Debug for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Names of keys that are not one character; the first name of a key is the one that is shown.
const NAMES: &[(&str, KeyCode)] = &[
    ("enter", KeyCode::Enter),
    ("return", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("escape", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("shift-tab", KeyCode::BackTab),
    ("backtab", KeyCode::BackTab),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
    ("space", KeyCode::Char(' ')),
    ("minus", KeyCode::Char('-')),
];

fn named(name: &str) -> Option<KeyCode> {
    if let Some(number) = name.strip_prefix('f').and_then(|digits| digits.parse().ok()) {
        return (1..=24).contains(&number).then_some(KeyCode::F(number));
    }
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, code)| *code)
}

#[cfg(test)]
mod tests;
