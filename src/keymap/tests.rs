use super::*;

fn press(code: KeyCode, modifiers: KeyModifiers) -> KeyEvent {
    KeyEvent::new(code, modifiers)
}

fn plain(letter: char) -> KeyEvent {
    press(KeyCode::Char(letter), KeyModifiers::NONE)
}

fn control(letter: char) -> KeyEvent {
    press(KeyCode::Char(letter), KeyModifiers::CONTROL)
}

fn replace(action: &str, keys: &[&str]) -> Result<KeyMap, KeyMapError> {
    KeyMap::with([(action.to_owned(), keys.iter().map(|key| (*key).to_owned()).collect())])
}

#[test]
fn every_default_key_parses_and_is_shown_as_it_is_written() {
    let map = KeyMap::default();
    for entry in ACTIONS {
        assert_eq!(map.keys(entry.action), entry.keys, "{}", entry.name);
    }
}

#[test]
fn keys_that_terminals_send_mean_their_actions() {
    let table = [
        (plain('j'), Action::Down),
        (plain('G'), Action::Bottom),
        (press(KeyCode::Char('G'), KeyModifiers::SHIFT), Action::Bottom),
        (press(KeyCode::Char('?'), KeyModifiers::SHIFT), Action::Help),
        (plain(' '), Action::Hold),
        (control('d'), Action::PageDown),
        (press(KeyCode::Char('D'), KeyModifiers::CONTROL | KeyModifiers::SHIFT), Action::PageDown),
        (press(KeyCode::BackTab, KeyModifiers::SHIFT), Action::PreviousCluster),
        (press(KeyCode::BackTab, KeyModifiers::NONE), Action::PreviousCluster),
        (press(KeyCode::Tab, KeyModifiers::SHIFT), Action::PreviousCluster),
        (press(KeyCode::Tab, KeyModifiers::NONE), Action::NextCluster),
        (press(KeyCode::F(1), KeyModifiers::NONE), Action::Help),
        (control('c'), Action::ForceQuit),
    ];
    let map = KeyMap::default();
    for (key, action) in table {
        for mode in [Mode::Normal, Mode::Help] {
            assert_eq!(map.resolve(mode, key), Some(Msg::Action(action)), "{key:?}");
        }
    }
    assert_eq!(map.resolve(Mode::Normal, plain('Z')), Some(Msg::UnboundKey));
    let alt = press(KeyCode::Char('j'), KeyModifiers::ALT);
    assert_eq!(map.resolve(Mode::Normal, alt), Some(Msg::UnboundKey));
    for nobody_waits in [KeyCode::CapsLock, KeyCode::Null, KeyCode::Menu] {
        assert_eq!(map.resolve(Mode::Normal, press(nobody_waits, KeyModifiers::NONE)), None, "{nobody_waits:?}");
    }
}

#[test]
fn a_released_key_means_nothing_and_a_repeated_one_means_itself() {
    let map = KeyMap::default();
    let mut key = plain('j');
    key.kind = KeyEventKind::Release;
    assert_eq!(map.resolve(Mode::Normal, key), None);
    assert_eq!(map.resolve(Mode::Filter, key), None);
    key.kind = KeyEventKind::Repeat;
    assert_eq!(map.resolve(Mode::Normal, key), Some(Msg::Action(Action::Down)));
}

#[test]
fn in_the_filter_keys_are_text_except_those_that_edit_or_leave() {
    let map = KeyMap::default();
    let table = [
        (plain('q'), Some(Msg::Edit(LineEdit::Insert('q')))),
        (plain(' '), Some(Msg::Edit(LineEdit::Insert(' ')))),
        (plain('/'), Some(Msg::Edit(LineEdit::Insert('/')))),
        (press(KeyCode::Char('G'), KeyModifiers::SHIFT), Some(Msg::Edit(LineEdit::Insert('G')))),
        (press(KeyCode::Backspace, KeyModifiers::NONE), Some(Msg::Edit(LineEdit::Backspace))),
        (control('h'), Some(Msg::Edit(LineEdit::Backspace))),
        (control('w'), Some(Msg::Edit(LineEdit::DeleteWord))),
        (control('u'), Some(Msg::Edit(LineEdit::Clear))),
        (press(KeyCode::Enter, KeyModifiers::NONE), Some(Msg::Action(Action::Open))),
        (press(KeyCode::Esc, KeyModifiers::NONE), Some(Msg::Action(Action::Back))),
        (press(KeyCode::Up, KeyModifiers::NONE), Some(Msg::Action(Action::Up))),
        (press(KeyCode::Down, KeyModifiers::NONE), Some(Msg::Action(Action::Down))),
        (control('c'), Some(Msg::Action(Action::ForceQuit))),
        (control('z'), Some(Msg::Action(Action::Suspend))),
        (control('r'), None),
        (press(KeyCode::Char('x'), KeyModifiers::ALT), None),
        (press(KeyCode::F(1), KeyModifiers::NONE), None),
    ];
    for (key, msg) in table {
        assert_eq!(map.resolve(Mode::Filter, key), msg, "{key:?}");
    }
}

#[test]
fn an_override_replaces_the_keys_of_its_action() {
    let map = replace("down", &["ctrl-n", "alt-down", "-"]).unwrap();
    assert_eq!(map.resolve(Mode::Normal, control('n')), Some(Msg::Action(Action::Down)));
    assert_eq!(map.resolve(Mode::Normal, press(KeyCode::Down, KeyModifiers::ALT)), Some(Msg::Action(Action::Down)));
    assert_eq!(map.resolve(Mode::Normal, plain('-')), Some(Msg::Action(Action::Down)));
    assert_eq!(map.resolve(Mode::Normal, plain('j')), Some(Msg::UnboundKey));
    assert_eq!(map.keys(Action::Down), ["ctrl-n", "alt-down", "-"]);
    assert_eq!(map.resolve(Mode::Normal, plain('k')), Some(Msg::Action(Action::Up)), "others keep theirs");
}

#[test]
fn keys_that_moved_can_be_bound_again_under_the_same_names() {
    let old = [("next-pane", ["l", "right"]), ("previous-pane", ["h", "left"]), ("hold", ["p", "space"])];
    let old = old.map(|(name, keys)| (name.to_owned(), keys.map(str::to_owned).to_vec()));
    let (map, defaults) = (KeyMap::with(old).unwrap(), KeyMap::default());
    for (key, action) in [('l', Action::NextPane), ('h', Action::PreviousPane), ('p', Action::Hold)] {
        assert_eq!(map.resolve(Mode::Normal, plain(key)), Some(Msg::Action(action)), "{key}");
    }
    for (key, action) in [(']', Action::NextPane), ('[', Action::PreviousPane), ('h', Action::PreviousPane)] {
        assert_eq!(defaults.resolve(Mode::Normal, plain(key)), Some(Msg::Action(action)), "{key}");
    }
    for free in ['l', 'p'] {
        assert_eq!(defaults.resolve(Mode::Normal, plain(free)), Some(Msg::UnboundKey), "{free}");
    }
}

#[test]
fn errors_name_the_action_and_the_key() {
    let table = [
        (replace("dwon", &["j"]), KeyMapError::UnknownAction("dwon".into())),
        (replace("down", &["hyper-j"]), KeyMapError::UnknownKey { action: "down".into(), key: "hyper-j".into() }),
        (replace("down", &[""]), KeyMapError::UnknownKey { action: "down".into(), key: String::new() }),
        (replace("down", &["f99"]), KeyMapError::UnknownKey { action: "down".into(), key: "f99".into() }),
        (replace("down", &["ctrl-"]), KeyMapError::UnknownKey { action: "down".into(), key: "ctrl-".into() }),
        (replace("down", &["k"]), KeyMapError::Twice { key: "k".into(), first: "down", second: "up" }),
        (replace("quit", &["ctrl-c"]), KeyMapError::Reserved("quit")),
    ];
    for (result, expected) in table {
        assert_eq!(result.unwrap_err(), expected);
    }
    let text = replace("down", &["k"]).unwrap_err().to_string();
    assert!(text.contains("`k`") && text.contains("`down`") && text.contains("`up`"), "{text}");
}

#[test]
fn two_spellings_of_one_key_are_one_key() {
    let twice = replace("down", &["shift-g"]);
    assert_eq!(twice.unwrap_err(), KeyMapError::Twice { key: "G".into(), first: "down", second: "bottom" });
    assert_eq!(replace("down", &["j", "j"]).unwrap().keys(Action::Down), ["j"]);
}

#[test]
fn ctrl_c_leaves_even_if_force_quit_has_other_keys_or_none() {
    for keys in [&["Q"][..], &[]] {
        let map = replace("force-quit", keys).unwrap();
        for mode in [Mode::Normal, Mode::Filter, Mode::Help] {
            assert_eq!(map.resolve(mode, control('c')), Some(Msg::Action(Action::ForceQuit)));
        }
    }
}

#[test]
fn an_action_without_keys_has_no_hint() {
    let map = replace("wide", &[]).unwrap();
    assert_eq!((map.hint(Action::Wide), map.hint(Action::Help)), (None, Some("?".into())));
}
