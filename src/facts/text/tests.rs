use proptest::prelude::*;

use super::*;

#[test]
fn a_word_for_a_shell_is_plain_where_that_is_safe_and_quoted_where_not() {
    let rows = [
        ("node-7.example.com", "node-7.example.com"),
        ("arn:aws:eks:eu-central-1:123456789012:cluster/a", "arn:aws:eks:eu-central-1:123456789012:cluster/a"),
        ("user@host/path,b=c+d%e_f", "user@host/path,b=c+d%e_f"),
        ("", "''"),
        ("a;id", "'a;id'"),
        ("p6-`id`", "'p6-`id`'"),
        ("$(id)", "'$(id)'"),
        ("a b", "'a b'"),
        ("it's", r"'it'\''s'"),
        (r"a\b", r"'a\b'"),
        ("~root", "'~root'"),
        ("=ls", "'=ls'"),
        ("a!b#c*?[d]{e}", "'a!b#c*?[d]{e}'"),
        ("größe", "'größe'"),
        ("a  b", r"$'a\040\040b'"),
        ("a\nid\n", r"$'a\012id\012'"),
        ("\x1b[2J'\\", r"$'\033[2J\'\\'"),
        ("x\u{202e}1", r"$'x\342\200\2561'"),
    ];
    for (text, word) in rows {
        assert_eq!(shell_word(text), word, "{text:?}");
    }
}

proptest! {
    // Each starts a shell.
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_shell_reads_a_quoted_word_as_the_text_that_it_was(text in "[^\0]{1,12}") {
        let script = format!("printf %s {}", shell_word(&text));
        // `$'…'` is not known to every `sh`.
        let Ok(output) = std::process::Command::new("bash").args(["-c", &script]).output() else { return Ok(()) };
        prop_assert_eq!(String::from_utf8_lossy(&output.stdout), text);
    }
}

#[test]
fn f79_hostile_text_becomes_visible_and_harmless() {
    // F79 and F80.
    let rows = [
        ("\x1b[2J", "␛[2J"),
        ("\x1b]0;title\x07", "␛]0;title�"),
        ("\x1b]8;;http://evil\x1b\\link", "␛]8;;http://evil␛\\link"),
        ("\x1b]52;c;aGk=\x07", "␛]52;c;aGk=�"),
        ("\x1bP1$r\x1b\\", "␛P1$r␛\\"),
        ("over\rwritten", "over�written"),
        ("a\x08b", "a�b"),
        ("a\tb", "a b"),
        ("a\0b", "a�b"),
        ("\u{9b}2J", "�2J"),
        ("\u{85}", "�"),
        ("a\x7fb", "a�b"),
        ("one\ntwo\r\nthree", "one two three"),
        ("a\r\r\nb", "a� b"),
        ("a\u{2028}b\u{2029}c", "a b c"),
        ("A100\u{202e}gpj.exe", "A100gpj.exe"),
        ("\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}x\u{2066}\u{2067}\u{2068}\u{2069}", "x"),
        ("kube\u{200b}-\u{200c}sys\u{2060}tem\u{feff}", "kube-system"),
        ("soft\u{ad}hyphen\u{61c}", "softhyphen"),
        ("tag\u{e0041}\u{e0042}ged\u{e0100}", "tagged"),
        ("fill\u{3164}\u{ffa0}\u{115f}\u{1160}er", "filler"),
        // Names in every script stay.
        ("مرحبا", "مرحبا"),
        ("שלום", "שלום"),
        ("漢字かな한글", "漢字かな한글"),
        ("naïve café", "naïve café"),
        ("cafe\u{301}", "cafe\u{301}"),
        ("हिन्दी", "हिन्दी"),
        ("ภาษาไทย", "ภาษาไทย"),
        // A joiner is kept only between emoji.
        ("👩\u{200d}💻", "👩\u{200d}💻"),
        ("🏳\u{fe0f}\u{200d}🌈", "🏳\u{fe0f}\u{200d}🌈"),
        ("👍🏽", "👍🏽"),
        ("❤\u{fe0f}\u{200d}🔥", "❤\u{fe0f}\u{200d}🔥"),
        ("a\u{200d}b", "ab"),
        ("👩\u{200d}", "👩"),
        ("👩\u{200d}x", "👩x"),
        ("\u{200d}👩", "👩"),
        ("👩\u{200d}\u{200d}💻", "👩\u{200d}💻"),
    ];
    for (raw, clean) in rows {
        assert_eq!(sanitize(raw), clean, "{raw:?}");
    }
}

#[test]
fn f79_a_flood_of_marks_is_cut_to_four_for_each_base() {
    let zalgo = format!("a{}b{}", "\u{301}".repeat(100), "\u{489}".repeat(3));
    assert_eq!(sanitize(&zalgo), format!("a{}b{}", "\u{301}".repeat(4), "\u{489}".repeat(3)));
    assert_eq!(sanitize("\u{301}\u{302}a"), "a", "a mark without a base");
    let hidden = format!("a{}", "\u{301}\u{200b}".repeat(50));
    assert_eq!(sanitize(&hidden), format!("a{}", "\u{301}".repeat(4)));
}

#[test]
fn f78_long_text_ends_with_an_ellipsis() {
    for unit in ["a", "漢", "🏳", "\x1b"] {
        let exact = unit.repeat(CAP);
        assert_eq!(sanitize(&exact).chars().count(), CAP);
        assert!(!sanitize(&exact).ends_with('…'));
        let longer = sanitize(&unit.repeat(CAP + 1)).into_owned();
        assert_eq!(longer.chars().count(), CAP);
        assert!(longer.ends_with('…'));
    }
    for start in ["", "a"] {
        let family = format!("{start}{}", "👩\u{200d}".repeat(CAP));
        assert!(sanitize(&family).ends_with("👩…"));
    }
    assert!(sanitize(&"\u{200b}".repeat(5 * CAP)).is_empty(), "what is left out does not count");
}

#[test]
fn plain_text_is_borrowed() {
    let name = "10-16-10-110.maas nvidia.com/gpu=~!";
    assert!(matches!(sanitize(name), Cow::Borrowed(same) if std::ptr::eq(same, name)));
}

#[test]
fn clean_text_comes_out_of_json_clean() {
    let clean: Clean = serde_json::from_str(r#""a\u001b[2J\u202e""#).unwrap();
    assert_eq!(&*clean, "a␛[2J");
    assert_eq!(format!("{clean:>8}|{:?}", Clean::default()), "   a␛[2J|\"\"");
    assert_eq!(serde_json::to_string(&clean).unwrap(), "\"a␛[2J\"");
}

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => any::<char>(),
        2 => prop::char::range('\0', '\u{ff}'),
        1 => prop::char::range('\u{2000}', '\u{206f}'),
        1 => prop::char::range('\u{300}', '\u{36f}'),
        1 => prop::sample::select(vec!['\u{200d}', '\u{fe0f}', '👩', '💻', '\u{1f3fd}', '\r', '\n', 'a', ' ']),
    ];
    prop::collection::vec(piece, 0..60).prop_map(String::from_iter)
}

proptest! {
    #[test]
    fn nothing_that_moves_the_cursor_or_hides_gets_through(raw in hostile(), times in 1_usize..40) {
        let raw = raw.repeat(times);
        let clean = sanitize(&raw);
        prop_assert!(!clean.chars().any(char::is_control));
        let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}');
        prop_assert!(!clean.contains(turns));
        prop_assert!(clean.chars().count() <= CAP);
        prop_assert_eq!(sanitize(&clean), &*clean, "twice");
    }

    #[test]
    fn letters_digits_and_signs_are_never_changed(raw in "[\\p{Lu}\\p{Ll}\\p{Nd}\\p{Sc}\\p{Pd}]{0,80}") {
        prop_assert_eq!(&*sanitize(&raw), &*raw);
    }
}
