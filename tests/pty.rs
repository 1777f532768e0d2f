//! The program in a pseudo-terminal: keys in, screen out, and the terminal as it was before.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal};

use tokio::time::Instant;
use watchbell::sim::{Change, Fault, FaultKind};

use crate::common::{Served, binary};

/// Longer than any machine needs; the tests wait for states, not for times.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the terminal shows, and every byte it was sent.
struct Shown {
    parser: vt100::Parser,
    raw: Vec<u8>,
}

pub(crate) struct Terminal {
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    shown: Arc<Mutex<Shown>>,
}

fn size(cols: u16, rows: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

/// vt100 takes no empty screen.
fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap()
}

impl Terminal {
    /// Runs the program under a shell that says afterwards how it ended and how the terminal was left.
    pub(crate) fn start(served: &Served, args: &str, env: &[(&str, &str)]) -> Self {
        Self::script(served, &format!("'{}' {args}", binary().display()), env)
    }

    /// The same for a script that runs the program.
    pub(crate) fn script(served: &Served, script: &str, env: &[(&str, &str)]) -> Self {
        let pair = native_pty_system().openpty(size(160, 45)).unwrap();
        let mut command = CommandBuilder::new("/bin/sh");
        command.env_clear();
        command.arg("-c");
        // The shell stays when Ctrl-C of the terminal is for the program under it.
        command.arg(format!("trap : INT; {script}; echo exit=$?; stty -a"));
        let defaults = [("PATH", "/usr/bin:/bin"), ("TERM", "xterm-256color"), ("LANG", "C.UTF-8")];
        for (key, value) in defaults.iter().chain(env) {
            command.env(key, value);
        }
        command.env("HOME", served.dir.path());
        command.env("KUBECONFIG", served.kubeconfig());
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let shown =
            Arc::new(Mutex::new(Shown { parser: vt100::Parser::new(cells(45), cells(160), 0), raw: Vec::new() }));
        let mut reader = pair.master.try_clone_reader().unwrap();
        let writer = pair.master.take_writer().unwrap();
        let sink = Arc::clone(&shown);
        thread::spawn(move || {
            let mut buf = vec![0; 65536];
            while let Ok(n @ 1..) = reader.read(&mut buf) {
                let mut shown = sink.lock().unwrap();
                shown.parser.process(&buf[..n]);
                shown.raw.extend_from_slice(&buf[..n]);
            }
        });
        Self { master: pair.master, writer, child, shown }
    }

    /// The leader of the session.
    pub(crate) fn leader(&self) -> Pid {
        Pid::from_raw(self.child.process_id().unwrap().try_into().unwrap()).unwrap()
    }

    /// The program under the shell.
    pub(crate) fn program(&self) -> Pid {
        let shell = self.child.process_id().unwrap();
        let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap();
        Pid::from_raw(children.split_whitespace().next().unwrap().parse().unwrap()).unwrap()
    }

    pub(crate) fn text(&self) -> String {
        self.shown.lock().unwrap().parser.screen().contents()
    }

    pub(crate) fn raw(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap().raw).into_owned()
    }

    /// Waits until the screen is as wanted, and returns it.
    pub(crate) fn wait(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let text = self.text();
            if wanted(&text) {
                return text;
            }
            assert!(start.elapsed() < PATIENCE, "never saw {what}; the screen is:\n{text}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn wait_for(&self, what: &str) -> String {
        self.wait(&format!("`{what}`"), |text| text.contains(what))
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    pub(crate) fn resize(&self, cols: u16, rows: u16) {
        self.shown.lock().unwrap().parser.screen_mut().set_size(cells(rows), cells(cols));
        self.master.resize(size(cols, rows)).unwrap();
    }

    /// Waits for the end; asserts the exit code and that the terminal is as it was.
    pub(crate) fn ends_with(mut self, code: i32) {
        let start = Instant::now();
        while !self.raw().contains("icanon") {
            assert!(start.elapsed() < PATIENCE, "the program does not end; the screen is:\n{}", self.text());
            thread::sleep(Duration::from_millis(20));
        }
        self.child.wait().unwrap();
        let raw = self.raw();
        let after = raw.rsplit_once("\u{1b}[?1049l").expect("the alternate screen was left").1;
        assert!(raw.contains("\u{1b}[?1049h"), "the alternate screen was never entered");
        assert!(after.contains(&format!("exit={code}")), "another exit code: {after}");
        assert!(after.contains("\u{1b}[?25h"), "the cursor is still hidden: {after:?}");
        let flags: Vec<&str> = after.split([' ', ';', '\r', '\n']).collect();
        assert!(flags.contains(&"icanon") && flags.contains(&"echo"), "the terminal is still in raw mode: {after}");
    }
}

#[test]
fn pty_operator_sees_moves_filters_drills_resizes_and_leaves() {
    let served = Served::scenario("reference");
    let mut terminal = Terminal::start(&served, "", &[]);
    let text = terminal.wait("the complete reference cluster", |text| {
        ["104/104", "83", "872", "2,613"].iter().all(|number| text.contains(number))
    });
    assert!(text.contains("10-16-10-110.maas"), "the first node is in sight:\n{text}");

    terminal.press("/114");
    terminal.wait("one row left by the filter", |text| {
        text.contains("10-16-10-114.maas") && !text.contains("10-16-10-110.maas")
    });
    terminal.press("\r");
    terminal.press("\r");
    let text = terminal.wait("the node", |text| text.contains("MemoryPressure") && text.contains("10-16-10-114.maas"));
    assert!(text.contains("nvidia.com/gpu"), "resources are listed:\n{text}");
    terminal.press("\u{1b}");
    terminal.wait("the table again", |text| text.contains("STATUS") && !text.contains("MemoryPressure"));
    terminal.press("\u{1b}");
    terminal.wait("all rows again", |text| text.contains("10-16-10-110.maas") && text.contains("10-16-10-111.maas"));

    terminal.press("G");
    terminal.wait_for("10-16-10-213.maas");
    terminal.press("g");
    terminal.wait_for("10-16-10-110.maas");
    terminal.press("?");
    terminal.wait_for("next cluster");
    terminal.press("?");
    terminal.wait_for("10-16-10-110.maas");

    terminal.resize(60, 12);
    terminal.wait("the small pane", |text| text.contains("104") && text.contains("NAME") && text.contains("GPU"));
    terminal.resize(20, 5);
    terminal.wait("the one-line pane", |text| !text.contains("NAME") && !text.trim().is_empty());
    terminal.resize(120, 40);
    terminal.wait_for("10-16-10-111.maas");
    terminal.press("q");
    terminal.ends_with(0);
}

#[test]
fn pty_frozen_server_leaves_the_keys_alive_and_the_picture_there() {
    let served = Served::scenario("reference");
    let mut terminal = Terminal::start(&served, "", &[]);
    terminal.wait_for("2,613");
    served.control().freeze(true);
    terminal.press("G");
    terminal.wait_for("10-16-10-213.maas");
    terminal.press("/213");
    terminal.wait("the filter", |text| !text.contains("10-16-10-212.maas"));
    let text = terminal.text();
    assert!(text.contains("104"), "the picture stays:\n{text}");
    terminal.press("\u{1b}");
    terminal.wait_for("10-16-10-212.maas");
    terminal.press("q");
    terminal.ends_with(0);
}

#[test]
fn pty_server_frozen_from_the_start_shows_unknown_numbers_and_q_leaves() {
    let served = Served::scenario("reference");
    served.control().freeze(true);
    let mut terminal = Terminal::start(&served, "", &[]);
    let text = terminal.wait_for("nodes");
    assert!(!text.contains("0/0"), "unknown is not zero:\n{text}");
    terminal.press("?");
    terminal.wait_for("next cluster");
    terminal.press("q");
    terminal.wait("the main screen", |text| !text.contains("next cluster"));
    terminal.press("q");
    terminal.ends_with(0);
}

#[test]
fn pty_server_that_dies_and_comes_back_needs_no_key() {
    let served = Served::scenario("reference");
    let mut terminal = Terminal::start(&served, "", &[]);
    terminal.wait_for("2,613");
    let control = served.control();
    served.runtime.block_on(control.stop_listening());
    let text = terminal.wait("what is wrong", |text| text.contains("refused"));
    assert!(text.contains("104") && text.contains("2,613"), "the old numbers stay:\n{text}");
    assert!(text.contains("10-16-10-110.maas"), "the old rows stay:\n{text}");
    control.apply(Change::DeleteNode { node: "10-16-10-110.maas".into() });
    served.runtime.block_on(control.listen_again()).unwrap();
    terminal.wait("the new truth", |text| text.contains("103/103") && !text.contains("10-16-10-110.maas"));
    terminal.press("q");
    terminal.ends_with(0);
}

/// The way of the incident: a list that stops in its middle, then a server that is gone, then one that is back.
#[test]
fn pty_server_that_stalls_in_mid_list_dies_and_comes_back_never_shows_a_zero() {
    let served = Served::scenario("reference");
    let mut terminal = Terminal::start(&served, "", &[]);
    terminal.wait_for("2,613");
    let control = served.control();
    control.inject(Fault::new(FaultKind::Stall { after_bytes: 100_000 }).verb("list").resource("pods").continued(true));
    terminal.press("r");
    let old_picture = |text: &str| {
        let zeros = ["nodes 0/", " 0/11,440", "gpu 0/", "0/872"];
        assert!(!zeros.iter().any(|zero| text.contains(zero)), "an unfinished list is not an empty one:\n{text}");
        assert!(text.contains("104/104") && text.contains("10-16-10-110.maas"), "the old picture is gone:\n{text}");
    };
    terminal.wait("the age of a list that does not end", |text| {
        old_picture(text);
        text.contains("relist ")
    });
    served.runtime.block_on(control.stop_listening());
    terminal.wait("its age without a server", |text| {
        old_picture(text);
        text.contains(" old")
    });
    control.apply(Change::DeleteNode { node: "10-16-10-213.maas".into() });
    // The end of all faults includes that the server listens again.
    served.runtime.block_on(async { control.clear_faults() });
    terminal.wait("the new truth", |text| text.contains("103/103") && text.contains("live"));
    terminal.press("q");
    terminal.ends_with(0);
}

#[test]
fn pty_signals_give_the_terminal_back_while_the_server_hangs() {
    let served = Served::scenario("small");
    for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT] {
        served.control().freeze(false);
        let terminal = Terminal::start(&served, "", &[]);
        terminal.wait_for("NAME");
        served.control().freeze(true);
        rustix::process::kill_process(terminal.program(), signal).unwrap();
        terminal.ends_with(128 + signal.as_raw());
    }
}

#[test]
fn pty_ctrl_c_leaves_from_anywhere() {
    let served = Served::scenario("small");
    let mut terminal = Terminal::start(&served, "", &[]);
    terminal.wait_for("NAME");
    terminal.press("?/\u{3}");
    terminal.ends_with(0);
}

/// The parameters of every SGR sequence (`ESC [ … m`) that was sent.
fn styles(raw: &str) -> Vec<&str> {
    raw.split("\u{1b}[")
        .skip(1)
        .filter_map(|rest| {
            let end = rest.find(|c: char| c.is_ascii_alphabetic())?;
            rest[end..].starts_with('m').then(|| &rest[..end])
        })
        .collect()
}

#[test]
fn pty_under_no_color_only_bold_dim_and_reverse_are_sent() {
    let served = Served::scenario("small");
    let mut terminal = Terminal::start(&served, "", &[("NO_COLOR", "1")]);
    terminal.wait_for("✓ Ready");
    terminal.press("j");
    terminal.wait_for("✓ Ready");
    let raw = terminal.raw();
    let styles = styles(&raw);
    assert!(styles.contains(&"7"), "the selected row is reversed: {styles:?}");
    let foreign: Vec<_> =
        styles.iter().filter(|s| !["0", "1", "2", "3", "4", "7", "22", "23", "24", "27"].contains(s)).collect();
    // ratatui resets colours once at the end of a frame; under NO_COLOR crossterm writes that as an empty `;`.
    assert!(foreign.iter().all(|s| [";", "", "39", "49", "59"].contains(*s)), "colours under NO_COLOR: {foreign:?}");
    let screen = terminal.shown.lock().unwrap();
    let selected = (0..45).find(|row| screen.parser.screen().cell(*row, 3).is_some_and(vt100::Cell::inverse));
    assert!(selected.is_some(), "no row is reversed on the screen");
    drop(screen);
    terminal.press("q");
    terminal.ends_with(0);
}

/// Whether what follows an ESC is a sequence that this program sends while it draws.
pub(crate) fn is_ours(rest: &str) -> bool {
    match rest.as_bytes().first() {
        Some(b'[') => {
            let body = &rest[1..];
            // A frame may be half written when it is read, so the last sequence may have no end yet.
            let Some(end) = body.find(|c: char| c.is_ascii_alphabetic()) else { return true };
            let (parameters, last) = (&body[..end], &body[end..=end]);
            match parameters.strip_prefix('?') {
                Some(mode) => ["25", "1049", "2004", "2026"].contains(&mode) && ["h", "l"].contains(&last),
                // The title is remembered and taken back.
                None if last == "t" => ["22;0", "23;0"].contains(&parameters),
                None => ["m", "H", "J", "K"].contains(&last),
            }
        }
        Some(b']') => rest.starts_with("]0;"),
        _ => false,
    }
}

/// docs/security.md: nothing from outside may reach the terminal as an escape, so every sequence is one of ours.
#[test]
fn pty_every_escape_sequence_is_one_of_ours() {
    let served = Served::scenario("incident");
    let mut terminal = Terminal::start(&served, "", &[]);
    terminal.wait_for("✓ Ready");
    terminal.press("\r");
    terminal.wait_for("MemoryPressure");
    let raw = terminal.raw();
    // What is read may end in the middle of a frame, and so right behind an escape.
    let raw = raw.strip_suffix('\u{1b}').unwrap_or(&raw);
    for rest in raw.split('\u{1b}').skip(1) {
        assert!(is_ours(rest), "a sequence that is not ours: {:?}", rest.chars().take(20).collect::<String>());
    }
    terminal.press("qq");
    terminal.ends_with(0);
}

#[test]
fn pty_without_a_terminal_says_what_to_use_instead() {
    let served = Served::scenario("small");
    let output = crate::common::watchbell(&served).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("no terminal") && text.contains("snapshot"), "{text}");
}

#[test]
fn pty_when_no_context_can_be_used_the_reason_is_shown_and_q_leaves() {
    let served = Served::scenario("small");
    let text = std::fs::read_to_string(served.kubeconfig()).unwrap();
    let dangling = text.replace(r#"{"cluster":"small","user""#, r#"{"cluster":"nowhere","user""#);
    assert_ne!(text, dangling, "the kubeconfig has another shape than this test expects");
    std::fs::write(served.kubeconfig(), dangling).unwrap();
    let mut terminal = Terminal::start(&served, "", &[]);
    terminal.wait_for("nowhere");
    terminal.press("?");
    terminal.wait_for("next cluster");
    terminal.press("qq");
    terminal.ends_with(0);
}
