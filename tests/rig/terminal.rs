//! The program in a pseudo-terminal.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::Pid;
use tokio::time::Instant;

use super::{PATIENCE, TestServer, binary};

/// Screen of the terminal, and every byte that it was sent.
struct TerminalOutput {
    parser: vt100::Parser,
    raw: Vec<u8>,
}

pub(crate) struct Terminal {
    master: Box<dyn MasterPty + Send>,
    writer: Box<dyn Write + Send>,
    child: Box<dyn Child + Send + Sync>,
    output: Arc<Mutex<TerminalOutput>>,
    /// `true` while the terminal does not read.
    held: Arc<AtomicBool>,
    /// `true` while it reads about 20 kB a second.
    slow: Arc<AtomicBool>,
}

fn size(cols: u16, rows: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

/// Converts a size for vt100, which accepts no empty screen.
fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap()
}

impl Terminal {
    /// Runs the program under a shell that then prints its exit code and the state of the terminal.
    pub(crate) fn start(served: &TestServer, args: &str, env: &[(&str, &str)]) -> Self {
        Self::script(served, &format!("\"$WATCHBELL\" {args}"), env)
    }

    /// Runs a script, which runs the program as `"$WATCHBELL"`, in the same way.
    pub(crate) fn script(served: &TestServer, script: &str, env: &[(&str, &str)]) -> Self {
        let pair = native_pty_system().openpty(size(160, 45)).unwrap();
        let mut command = CommandBuilder::new("/bin/sh");
        command.env_clear();
        command.arg("-c");
        // The shell must survive a Ctrl-C that is meant for the program.
        command.arg(format!("trap : INT; {script}; echo exit=$?; stty -a"));
        let defaults = [("PATH", "/usr/bin:/bin"), ("TERM", "xterm-256color"), ("LANG", "C.UTF-8")];
        for (key, value) in defaults.iter().chain(env) {
            command.env(key, value);
        }
        command.env("WATCHBELL", binary());
        command.env("HOME", served.dir.path());
        command.env("KUBECONFIG", served.kubeconfig());
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let shown = Arc::new(Mutex::new(TerminalOutput {
            parser: vt100::Parser::new(cells(45), cells(160), 0),
            raw: Vec::new(),
        }));
        let mut reader = pair.master.try_clone_reader().unwrap();
        let writer = pair.master.take_writer().unwrap();
        let (sink, held, slow) = (Arc::clone(&shown), Arc::<AtomicBool>::default(), Arc::<AtomicBool>::default());
        let (is_held, is_slow) = (Arc::clone(&held), Arc::clone(&slow));
        thread::spawn(move || {
            let mut buf = vec![0; 65536];
            loop {
                let most = if is_slow.load(Ordering::Relaxed) { 64 } else { buf.len() };
                let Ok(n @ 1..) = reader.read(&mut buf[..most]) else { return };
                if most == 64 {
                    thread::sleep(Duration::from_millis(3));
                }
                while is_held.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(5));
                }
                let mut shown = sink.lock().unwrap();
                shown.parser.process(&buf[..n]);
                shown.raw.extend_from_slice(&buf[..n]);
            }
        });
        Self { master: pair.master, writer, child, output: shown, held, slow }
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
        self.output.lock().unwrap().parser.screen().contents()
    }

    pub(crate) fn raw(&self) -> String {
        String::from_utf8_lossy(&self.output.lock().unwrap().raw).into_owned()
    }

    /// Waits until the screen meets the condition, and returns its text.
    pub(crate) fn wait(&self, what: &str, is_expected: impl Fn(&str) -> bool) -> String {
        let start = Instant::now();
        loop {
            let text = self.text();
            if is_expected(&text) {
                return text;
            }
            assert!(start.elapsed() < PATIENCE, "never saw {what}; the screen is:\n{text}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn wait_for(&self, what: &str) -> String {
        self.wait(&format!("`{what}`"), |text| text.contains(what))
    }

    /// `true` if the cell in column 3 of some row is reversed.
    pub(crate) fn has_reversed_row(&self) -> bool {
        let shown = self.output.lock().unwrap();
        (0..45).any(|row| shown.parser.screen().cell(row, 3).is_some_and(vt100::Cell::inverse))
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.writer.write_all(keys.as_bytes()).unwrap();
        self.writer.flush().unwrap();
    }

    /// Stops reading what the program writes, or goes on.
    pub(crate) fn hold(&self, held: bool) {
        self.held.store(held, Ordering::Relaxed);
    }

    /// From now on reads slowly.
    pub(crate) fn slow_down(&self) {
        self.slow.store(true, Ordering::Relaxed);
    }

    pub(crate) fn resize(&self, cols: u16, rows: u16) {
        self.output.lock().unwrap().parser.screen_mut().set_size(cells(rows), cells(cols));
        self.master.resize(size(cols, rows)).unwrap();
    }

    /// Waits for the end; asserts the exit code, and that the terminal is restored.
    pub(crate) fn expect_exit(mut self, code: i32) {
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

/// Returns `true` if the text after an ESC is a sequence that this program sends while it draws.
pub(crate) fn is_known_sequence(rest: &str) -> bool {
    match rest.as_bytes().first() {
        Some(b'[') => {
            let body = &rest[1..];
            // A frame may be incomplete when it is read, so the last sequence may have no end yet.
            let Some(end) = body.find(|c: char| c.is_ascii_alphabetic()) else { return true };
            let (parameters, last) = (&body[..end], &body[end..=end]);
            match parameters.strip_prefix('?') {
                Some(mode) => ["25", "1049", "2004", "2026"].contains(&mode) && ["h", "l"].contains(&last),
                // The title is saved and restored.
                None if last == "t" => ["22;0", "23;0"].contains(&parameters),
                None => ["m", "H", "J", "K"].contains(&last),
            }
        }
        Some(b']') => rest.starts_with("]0;"),
        _ => false,
    }
}
