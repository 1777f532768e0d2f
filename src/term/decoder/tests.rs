use super::*;

/// Control, by its letter.
fn control(letter: char) -> InputEvent {
    InputEvent::Key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL))
}

fn alt(code: KeyCode) -> InputEvent {
    InputEvent::Key(KeyEvent::new(code, KeyModifiers::ALT))
}

fn key(code: KeyCode) -> InputEvent {
    InputEvent::Key(KeyEvent::from(code))
}

fn letter(typed: char) -> InputEvent {
    key(KeyCode::Char(typed))
}

fn paste(text: &str) -> InputEvent {
    InputEvent::Paste(text.to_owned())
}

/// A terminal whose bytes come at times.
struct Bench {
    decoder: InputDecoder,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let now = Instant::now();
        Self { decoder: InputDecoder::new(now), now }
    }

    fn feed(&mut self, bytes: impl AsRef<[u8]>) -> Vec<InputEvent> {
        self.decoder.feed(bytes.as_ref(), self.now);
        std::iter::from_fn(|| self.decoder.next()).collect()
    }

    /// Lets time pass, as whoever waits for the deadline does.
    fn wait(&mut self, millis: u64) -> Vec<InputEvent> {
        self.now += Duration::from_millis(millis);
        if self.decoder.deadline().is_some_and(|deadline| deadline <= self.now) {
            self.decoder.abandon();
        }
        std::iter::from_fn(|| self.decoder.next()).collect()
    }
}

/// All at once, and what time makes of the rest.
fn decode(bytes: impl AsRef<[u8]>) -> Vec<InputEvent> {
    let mut bench = Bench::new();
    let mut events = bench.feed(bytes);
    events.extend(bench.wait(2_000));
    assert_eq!(bench.decoder.deadline(), None, "nothing is left over");
    events
}

/// Replies of terminals, from the documents and sources of xterm, kitty, foot, VTE, tmux and the Linux console.
const REPLIES: &[&[u8]] = &[
    b"\x1b[?2026;2$y",
    b"\x1b[12;2$y",
    b"\x1b[?997;1n",
    b"\x1b[0n",
    b"\x1b[?62;1;4c",
    b"\x1b[>0;276;0c",
    b"\x1b[=1;2c",
    b"\x1b[?1;3;256S",
    b"\x1b[24;80R",
    b"\x1b[1;5R",
    b"\x1b[?24;80;1R",
    b"\x1b[8;24;80t",
    b"\x1b[4;600;800t",
    b"\x1b[?1u",
    b"\x1b[?0u",
    b"\x1b[>4;2m",
    b"\x1b[I",
    b"\x1b[O",
    b"\x1b[M !!",
    b"\x1b[M#\xc5\xb0!",
    b"\x1b[M!!\xc5\xb0",
    b"\x1b[M \xc5\xb0\xc2\x80",
    b"\x1b[M \xe0q",
    b"\x1b[<0;12;7M",
    b"\x1b[<0;12;7m",
    b"\x1b[32;12;7M",
    b"\x1b[201~",
    b"\x1b[1;1:9999;2;3;4x",
    b"\x1b]11;rgb:1e1e/1e1e/2e2e\x07",
    b"\x1b]11;rgb:1e1e/1e1e/2e2e\x1b\\",
    b"\x1b]10;rgb:cdcd/d6d6/f4f4\x9c",
    b"\x1b]4;1;rgb:ffff/0000/0000\x07",
    b"\x1b]52;c;cXF1aXQ=\x07",
    b"\x1b]l\xc3\x9cbersicht\x1b\\",
    b"\x1b]L\xe2\x9c\x93 q\x1b\\",
    b"\x1bP>|XTerm(390)\x1b\\",
    b"\x1bP1$r0m\x1b\\",
    b"\x1bP1+r544e=787465726d\x1b\\",
    b"\x1bP!|7E565445\x9c",
    b"\x1b_Gi=31;OK\x1b\\",
    b"\x1b^q\x1b\\",
    b"\x1bXq\x1b\\",
    b"\x9b?62;1;4c",
    b"\x9d11;rgb:1e1e/1e1e/2e2e\x9c",
    b"\x90>|foot(1.16)\x9c",
    b"\x9fq\x9c\x9eq\x9c\x98q\x9c",
    b"\x8fz",
];

#[test]
fn replies_of_a_terminal_are_never_keys_however_they_are_cut() {
    for reply in REPLIES {
        let shown = String::from_utf8_lossy(reply).into_owned();
        for cut in 0..=reply.len() {
            let mut bench = Bench::new();
            let mut events = bench.feed(&reply[..cut]);
            events.extend(bench.wait(20));
            events.extend(bench.feed(&reply[cut..]));
            assert_eq!(events, [], "{shown:?} cut at {cut}");
            assert_eq!(bench.feed("q"), [letter('q')], "{shown:?} cut at {cut}: the next key");
        }
    }
}

#[test]
fn the_rest_of_a_reply_that_comes_late_is_never_keys_wherever_it_is_cut() {
    // No terminal sends `SS3 z`; it is in the list for its frame.
    for reply in REPLIES.iter().filter(|reply| **reply != b"\x8fz") {
        for cut in 1..reply.len() {
            for (gap, waited) in [(60, true), (60, false), (400, true), (950, true)] {
                let shown = format!("{:?} cut at {cut} for {gap} ms", String::from_utf8_lossy(reply));
                let mut bench = Bench::new();
                let begun = bench.feed(&reply[..cut]);
                assert_eq!(begun, [], "{shown}");
                let key = if waited { bench.wait(gap) } else { Vec::new() };
                bench.now += Duration::from_millis(if waited { 0 } else { gap });
                let rest = bench.feed(&reply[cut..]);
                // Escape, and alt with what begins a sequence, are keys as long as nothing follows.
                let keys = [&key[..], &rest].concat();
                let abandoned = |event: &InputEvent| {
                    *event == self::key(KeyCode::Esc) || "[OPX]^_".chars().any(|c| *event == alt(KeyCode::Char(c)))
                };
                assert!(keys.len() < 2 && keys.iter().all(abandoned), "{shown}: {keys:?}");
                assert_eq!(bench.feed("j"), [letter('j')], "{shown}: the next key");
            }
        }
    }
}

#[test]
fn a_key_that_a_slow_connection_has_cut_is_that_key() {
    let keys = [
        ("\x1b[A", KeyCode::Up),
        ("\x1bOB", KeyCode::Down),
        ("\x1b[5~", KeyCode::PageUp),
        ("\x1b[1;1F", KeyCode::End),
        ("\x1b[[A", KeyCode::F(1)),
        ("é", KeyCode::Char('é')),
        ("Û", KeyCode::Char('Û')),
        ("✓", KeyCode::Char('✓')),
    ];
    for (bytes, code) in keys {
        for cut in 1..bytes.len() {
            let mut bench = Bench::new();
            bench.feed(&bytes.as_bytes()[..cut]);
            bench.wait(200);
            assert_eq!(bench.feed(&bytes.as_bytes()[cut..]), [key(code)], "{bytes:?} cut at {cut}");
            assert_eq!(bench.feed("q"), [letter('q')], "{bytes:?} cut at {cut}");
        }
    }
}

#[test]
fn keys_that_are_pressed_one_by_one_after_a_reply_without_an_end_are_keys() {
    for reply in REPLIES {
        for cut in 1..reply.len() - 1 {
            // The last byte of X10's three, and of no other sequence, can be any letter.
            let mouse = reply.starts_with(b"\x1b[M") && cut > 4;
            for typed in ["q", "j", "k", "?", "/", "1", "9", " ", "!", "<", "\r", "\t", "é"].iter().filter(|_| !mouse)
            {
                let mut bench = Bench::new();
                bench.feed(&reply[..cut]);
                bench.wait(60);
                let next = if reply[cut - 1] >= 0xc2 { "j" } else { typed };
                let expected = decode(next);
                assert_eq!(bench.feed(next), expected, "{reply:?} cut at {cut}");
                assert_eq!(bench.feed("\x1b[B"), [key(KeyCode::Down)], "{reply:?} cut at {cut}");
                bench.feed("\x1b");
                assert_eq!(bench.wait(50), [key(KeyCode::Esc)], "{reply:?} cut at {cut}");
            }
        }
    }
}

#[test]
fn escape_and_then_keys_are_these_keys_whether_anybody_waited_or_not() {
    for waits in [true, false] {
        for typed in ["q", "j", "O", "P", "[", "]", "jj", "Oj", "]q", "é"] {
            let mut bench = Bench::new();
            bench.feed("\x1b");
            let mut events = if waits { bench.wait(60) } else { Vec::new() };
            bench.now += Duration::from_millis(if waits { 0 } else { 60 });
            events.extend(bench.feed(typed));
            let expected: Vec<_> = [key(KeyCode::Esc)].into_iter().chain(typed.chars().map(letter)).collect();
            assert_eq!(events, expected, "{typed:?}");
        }
    }
}

#[test]
fn the_rest_of_a_reply_comes_within_a_second_or_not_at_all() {
    let mut bench = Bench::new();
    bench.feed("\x1b[?62;1");
    bench.wait(1_000);
    assert_eq!(bench.feed("4c"), [letter('4'), letter('c')]);
}

#[test]
fn the_rest_of_a_paste_that_comes_late_is_pasted_and_its_end_is_no_key() {
    let all = "\x1b[200~hello quit\x1b[201~";
    for cut in 1..all.len() {
        let mut bench = Bench::new();
        bench.feed(&all[..cut]);
        let mut events = bench.wait(600);
        events.extend(bench.feed(&all[cut..]));
        let mut text = String::new();
        for event in events {
            match event {
                InputEvent::Paste(part) => text += &part,
                InputEvent::Key(key) => assert!(cut < 3, "cut at {cut}: {key:?}"),
            }
        }
        assert_eq!(text, "hello quit", "cut at {cut}");
        assert_eq!(bench.feed("q"), [letter('q')], "cut at {cut}");
    }
}

#[test]
fn replies_between_keys_leave_the_keys() {
    let mut bytes = Vec::new();
    for reply in REPLIES {
        bytes.extend_from_slice(reply);
        bytes.push(b'j');
    }
    assert_eq!(decode(bytes), vec![letter('j'); REPLIES.len()]);
}

#[test]
fn an_unfinished_sequence_ends_after_fifty_milliseconds() {
    let beginnings: [&[u8]; 9] =
        [b"\x1b[?2026", b"\x1b[", b"\x1b]11;rgb:1e", b"\x1bP>|", b"\x1b_G", b"\x1bO", b"\x1b[M!", b"\x1b[[", b"\x9b1;"];
    for beginning in beginnings {
        let mut bench = Bench::new();
        assert_eq!(bench.feed(beginning), [], "{beginning:?}");
        assert_eq!(bench.wait(49), [], "{beginning:?}");
        bench.wait(1);
        assert_eq!(bench.feed("q"), [letter('q')], "{beginning:?}");
        assert_eq!(bench.feed("\x1b[A"), [key(KeyCode::Up)], "{beginning:?}");
    }
}

#[test]
fn escape_alone_is_a_key_after_fifty_milliseconds_and_at_once_before_another() {
    assert_eq!(decode("\x1b"), [key(KeyCode::Esc)]);
    assert_eq!(decode("\x1b\x1b\x1b"), vec![key(KeyCode::Esc); 3]);
    assert_eq!(decode("\x1b\x1b[A"), [key(KeyCode::Esc), key(KeyCode::Up)]);
}

#[test]
fn alt_keys_come_as_an_escape_before_them() {
    assert_eq!(decode("\x1bx"), [alt(KeyCode::Char('x'))]);
    assert_eq!(decode("\x1bé"), [alt(KeyCode::Char('é'))]);
    assert_eq!(decode("\x1b\x7f"), [alt(KeyCode::Backspace)]);
    // These begin sequences, and are keys if none follows.
    for first in "[OP]X^_".chars() {
        assert_eq!(decode(format!("\x1b{first}")), [alt(KeyCode::Char(first))]);
    }
}

#[test]
fn control_c_leaves_whatever_is_unfinished() {
    for beginning in ["\x1b", "\x1b[?2026", "\x1b[M", "\x1b]11;", "\x1bP", "\x1b[200~hello", "\u{1b}[200~hello\x1b[20"]
    {
        let mut bench = Bench::new();
        bench.feed(beginning);
        assert_eq!(bench.feed("\x03"), [control('c')], "{beginning:?}");
        assert_eq!(bench.feed("q"), [letter('q')], "{beginning:?}");
        assert_eq!(decode(format!("{beginning}\x03q")), [control('c'), letter('q')], "{beginning:?} in one read");
    }
}

#[test]
fn another_control_key_inside_a_control_sequence_is_that_key() {
    assert_eq!(decode("\x1b[1\r"), [key(KeyCode::Enter)]);
    assert_eq!(decode("\x1b[1\x1b[B"), [key(KeyCode::Down)]);
}

#[test]
fn characters_are_put_together_over_reads_and_broken_ones_vanish() {
    for typed in ['é', '✓', '𝄞'] {
        let mut bench = Bench::new();
        let bytes = typed.to_string().into_bytes();
        let (last, first) = bytes.split_last().unwrap();
        for byte in first {
            assert_eq!(bench.feed([*byte]), []);
        }
        assert_eq!(bench.feed([*last]), [letter(typed)]);
    }
    assert_eq!(decode(b"\xc3q"), [letter('q')], "its end never came");
    assert_eq!(decode(b"\xff\xc0\xaf\xf5q"), [letter('q')], "no beginnings of characters");
    let mut bench = Bench::new();
    bench.feed(b"\xe2\x9c");
    bench.wait(50);
    assert_eq!(bench.feed("q"), [letter('q')], "half a character does not take the next key");
}

#[test]
fn a_paste_is_one_text_whatever_it_holds() {
    assert_eq!(decode("\x1b[200~q\r\x1b[A\x1b[20é\x1b\x1b[201~j"), [paste("q\r\x1b[A\x1b[20é\x1b"), letter('j')]);
    assert_eq!(decode("\x1b[200~\x1b[201~"), [paste("")]);
    let mut bench = Bench::new();
    for byte in b"\x1b[200~hello\x1b[201" {
        assert_eq!(bench.feed([*byte]), []);
        assert_eq!(bench.wait(20), []);
    }
    assert_eq!(bench.feed("~"), [paste("hello")]);
}

#[test]
fn a_paste_without_an_end_ends_when_nothing_more_comes() {
    let mut bench = Bench::new();
    bench.feed("\x1b[200~hello");
    assert_eq!(bench.wait(499), []);
    assert_eq!(bench.wait(1), [paste("hello")]);
    assert_eq!(bench.feed("q"), [letter('q')]);
    assert_eq!(bench.feed("\x1b[201~"), [], "an end that comes too late is no key");
}

#[test]
fn a_paste_without_an_end_does_not_take_keys_for_longer_than_two_seconds() {
    let mut bench = Bench::new();
    bench.feed("\x1b[200~hello");
    let mut pressed = 0;
    while bench.feed("j").last() != Some(&letter('j')) {
        pressed += 1;
        assert_eq!(bench.wait(100), []);
    }
    assert_eq!(pressed, 20);
}

#[test]
fn a_long_paste_is_cut_and_followed_to_its_end_however_long_that_takes() {
    let mut bench = Bench::new();
    bench.feed("\x1b[200~");
    for _ in 0..100 {
        assert_eq!(bench.feed("q".repeat(10_000)), []);
        assert_eq!(bench.wait(100), []);
    }
    let events = bench.feed("qqq\x1b[201~?");
    let [InputEvent::Paste(text), InputEvent::Key(_)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(text.len(), PASTE_BYTES);
}

#[test]
fn a_reply_of_a_megabyte_is_followed_to_its_end_and_nothing_is_kept() {
    let mut bench = Bench::new();
    bench.feed("\x1b]52;c;");
    for _ in 0..100 {
        assert_eq!(bench.feed("QUFB".repeat(2_500)), []);
        assert_eq!(bench.wait(40), []);
    }
    assert_eq!(bench.feed("QUFB\x07q"), [letter('q')]);
    let long = format!("\x1b[{}uq", "1;".repeat(100_000));
    assert_eq!(decode(long), [letter('q')], "a control sequence too");
}

#[test]
fn keys_that_are_held_down_end_a_reply_without_an_end_after_a_second() {
    let mut bench = Bench::new();
    bench.feed("\x1b]11;rgb:");
    let mut pressed = 0;
    while bench.feed("j") != [letter('j')] {
        pressed += 1;
        bench.wait(30);
    }
    assert_eq!(pressed, 34);
}

#[test]
fn keys_that_come_at_once_are_keys_each() {
    let events = decode("j".repeat(10_000));
    assert_eq!(events, vec![letter('j'); 10_000]);
    let events = decode("\x1bOA\x1b[[A\x1b[1;5C\t\x7f\x00 é");
    assert_eq!(
        events,
        [
            key(KeyCode::Up),
            key(KeyCode::F(1)),
            InputEvent::Key(KeyEvent::new(KeyCode::Right, KeyModifiers::CONTROL)),
            key(KeyCode::Tab),
            key(KeyCode::Backspace),
            control(' '),
            letter(' '),
            letter('é'),
        ]
    );
}

proptest::proptest! {
    #[test]
    fn whatever_comes_nothing_unfinished_lasts(bytes: Vec<u8>) {
        let mut bench = Bench::new();
        bench.feed(&bytes);
        bench.wait(500);
        proptest::prop_assert_eq!(bench.decoder.deadline(), None);
        bench.wait(1_500);
        proptest::prop_assert_eq!(bench.feed("q"), [letter('q')]);
    }
}
