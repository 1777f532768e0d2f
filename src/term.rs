//! The terminal: enter, leave, suspend, panic, signals, hang-up.
//!
//! Whatever ends the program, the terminal is as it was before: alternate screen left, cursor shown, raw mode off. Leaving
//! twice is harmless, so every way out may do it.

mod decoder;
mod input;
mod job;
mod keys;
mod raw;

use std::future::poll_fn;
use std::io::{self, IsTerminal, Write};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::thread::{self, ThreadId};
use std::time::Duration;

use color_eyre::eyre::{self, WrapErr};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::style::Print;
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, SetTitle,
};
use crossterm::{cursor, execute, queue, terminal};
use ratatui::backend::CrosstermBackend;
use ratatui::{Frame, Terminal};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use crate::process;

pub use decoder::InputEvent;
pub use input::Keyboard;
pub use job::{has_shell, stop};

/// Has the terminal remember its title, and take it back (xterm `ctlseqs`, `XTWINOPS` 22 and 23); tmux does it for the title of the pane.
const PUSH_TITLE: &str = "\x1b[22;0t";
const POP_TITLE: &str = "\x1b[23;0t";

/// A terminal that cannot take bytes must not keep the program from ending: 200 ms of the 500 ms that a signal has.
const RESTORE_PATIENCE: Duration = Duration::from_millis(200);

/// So long after the terminal was taken back a signal may still be one that was typed before.
const LATE_SIGNAL: Duration = Duration::from_secs(1);

/// The exit code that the standard library has for a panic.
const PANICKED: i32 = 101;

/// Whether the terminal is ours now; every way out asks it, so that restoring happens once.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// The program ends: nobody takes the terminal again.
static EXITING: AtomicBool = AtomicBool::new(false);

/// Another program has the terminal, with our consent: its Ctrl-C and Ctrl-\\ are not meant for us.
static LENT: AtomicBool = AtomicBool::new(false);

/// The terminal while it is ours. Dropping it gives it back.
pub struct Screen {
    terminal: Terminal<Backend>,
    title: String,
    process: String,
}

impl Screen {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// If stdin or stdout is no terminal, or setting it up fails part-way; what had been set up is undone.
    pub fn enter() -> eyre::Result<Self> {
        enter().wrap_err("could not set up the terminal")?;
        match open() {
            Ok(terminal) => Ok(Self { terminal, title: String::new(), process: String::new() }),
            Err(error) => {
                leave();
                Err(error).wrap_err("could not read the size of the terminal")
            }
        }
    }

    /// Draws one frame as one synchronized update, so that it does not tear.
    ///
    /// # Errors
    /// If the terminal is gone or takes no bytes: the program ends then.
    pub fn draw(&mut self, view: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(view)?;
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)
    }

    /// Sets the window title, if it is another than before.
    ///
    /// # Errors
    /// As [`Screen::draw`].
    pub fn set_title(&mut self, title: &str) -> io::Result<()> {
        if title == self.title {
            return Ok(());
        }
        title.clone_into(&mut self.title);
        execute!(self.terminal.backend_mut(), SetTitle(title))
    }

    /// Names the process as `ps` and `top` show it, if that is another name than before. 15 bytes are kept.
    pub fn name_process(&mut self, name: &str) {
        if name == self.process {
            return;
        }
        name.clone_into(&mut self.process);
        #[cfg(target_os = "linux")]
        if let Ok(name) = std::ffi::CString::new(name) {
            // The loop runs on the main thread, whose name is that of the process. It is an extra: a refusal costs nothing.
            let _ = rustix::thread::set_name(&name);
        }
    }

    /// Sends a control sequence that changes no cell: the bell, a notification.
    ///
    /// # Errors
    /// As [`Screen::draw`].
    pub fn send(&mut self, bytes: &str) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let out = self.terminal.backend_mut();
        out.write_all(bytes.as_bytes())?;
        out.flush()
    }

    /// Forgets what the terminal shows, so that the next frame draws every cell.
    ///
    /// # Errors
    /// As [`Screen::draw`].
    pub fn clear(&mut self) -> io::Result<()> {
        execute!(self.terminal.backend_mut(), terminal::Clear(terminal::ClearType::All))?;
        // Not `Terminal::clear`: that asks the terminal for its cursor, and the answer would come as a key (or never).
        self.terminal = open()?;
        Ok(())
    }

    /// Gives the terminal to the shell, stops the job or this process of it, and takes the terminal back when it is continued.
    ///
    /// # Errors
    /// If the terminal cannot be taken back.
    pub fn suspend(&mut self, whole_job: bool) -> io::Result<()> {
        leave();
        if whole_job {
            job::stop_all()?;
        } else {
            stop()?;
        }
        self.resume()
    }

    /// Gives the terminal to another program, which is told to the operator in `text`; [`Screen::resume`] takes it back.
    ///
    /// # Errors
    /// If the terminal takes no bytes.
    pub fn lend(&mut self, text: &str) -> io::Result<()> {
        LENT.store(true, Ordering::SeqCst);
        leave();
        let mut out = io::stdout();
        writeln!(out, "{text}")?;
        out.flush()
    }

    /// Takes the terminal back after the process was continued, or from another program. What was typed for that is not for us.
    ///
    /// After a stop that could not be seen coming it still looks like ours, but the shell has set its modes.
    ///
    /// # Errors
    /// If that fails.
    pub fn resume(&mut self) -> io::Result<()> {
        leave();
        if LENT.load(Ordering::SeqCst) {
            *taken_back() = Some(Instant::now());
            LENT.store(false, Ordering::SeqCst);
            rustix::termios::tcflush(io::stdin(), rustix::termios::QueueSelector::IFlush)?;
        }
        enter()?;
        self.title.clear();
        self.clear()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

/// Why there is no terminal to draw on, if there is none.
#[must_use]
pub fn missing() -> Option<&'static str> {
    if !io::stdin().is_terminal() {
        Some("stdin is no terminal, so no key could be read")
    } else if !io::stdout().is_terminal() {
        Some("stdout is no terminal, so nothing could be drawn")
    } else if std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
        Some("TERM is `dumb`: this terminal cannot place text")
    } else {
        None
    }
}

type Backend = CrosstermBackend<io::BufWriter<io::Stdout>>;

/// A frame is written at once: 64 KiB hold every cell of 200x60 with its style.
fn open() -> io::Result<Terminal<Backend>> {
    Terminal::new(CrosstermBackend::new(io::BufWriter::with_capacity(64 * 1024, io::stdout())))
}

fn enter() -> io::Result<()> {
    if EXITING.load(Ordering::SeqCst) {
        return Err(io::Error::other("the program ends"));
    }
    ENTERED.store(true, Ordering::SeqCst);
    let set_up = || {
        raw::enter()?;
        execute!(io::stdout(), Print(PUSH_TITLE), EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)
    };
    set_up().inspect_err(|_| leave())
}

/// Gives the terminal back; harmless when that has been done.
pub fn leave() {
    if !ENTERED.swap(false, Ordering::SeqCst) {
        return;
    }
    // Raw mode first: it is a call, not bytes, so it works even when the terminal takes none.
    raw::leave();
    let mut out = io::stdout();
    let _ = execute!(
        out,
        EndSynchronizedUpdate,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        // For a terminal that does not know how to take the old one back.
        SetTitle(""),
        Print(POP_TITLE),
        cursor::Show
    );
    let _ = out.flush();
}

/// Installs the panic hook; call it after `color_eyre::install()`.
///
/// A panic of the drawing thread gives the terminal back before its report is printed. A panic of any other thread leaves the
/// screen alone: its text goes to `reports` and the supervisor of that task restarts it.
pub fn install_panic_hook(ui: ThreadId, reports: SyncSender<String>) {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if thread::current().id() == ui || !ENTERED.load(Ordering::SeqCst) {
            leave();
            report(info);
            if thread::current().id() == ui {
                // Unwinding would drop millions of pods first.
                exit(PANICKED);
            }
        } else {
            // A full queue means that earlier panics already say what is wrong.
            let _ = reports.try_send(info.to_string());
        }
    }));
}

/// When the terminal was last taken back from another program.
fn taken_back() -> MutexGuard<'static, Option<Instant>> {
    static AT: Mutex<Option<Instant>> = Mutex::new(None);
    AT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is typed is meant for the program that has the terminal, and may reach us when that one has ended of it already: while the
/// screen is ours, no key makes a signal.
fn is_for_borrower() -> bool {
    LENT.load(Ordering::SeqCst) || taken_back().is_some_and(|at| at.elapsed() < LATE_SIGNAL)
}

/// Signals that end a program unless it handles them (`signal(7)`): without a handler the terminal would stay as it is, and what we
/// have started would go on.
///
/// Left out are KILL, which nobody can handle, and SEGV, ILL and FPE, which a fault of the program raises again and again.
fn ending_signals() -> impl Iterator<Item = SignalKind> {
    use nix::sys::signal::Signal;

    // First those that are sent most.
    let common = [
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGABRT,
        Signal::SIGALRM,
        Signal::SIGUSR1,
        Signal::SIGUSR2,
        Signal::SIGVTALRM,
        Signal::SIGPROF,
        Signal::SIGXCPU,
        Signal::SIGXFSZ,
        Signal::SIGSYS,
        Signal::SIGTRAP,
        Signal::SIGBUS,
    ];
    #[cfg(target_os = "linux")]
    let more = [Signal::SIGIO, Signal::SIGPWR, Signal::SIGSTKFLT].map(|signal| signal as i32);
    #[cfg(not(target_os = "linux"))]
    let more: [i32; 0] = [];
    // The real-time signals, which have no names; the C library keeps those below for itself.
    let first = if cfg!(target_env = "musl") { 35 } else { 34 };
    let unnamed = (first..=64).filter(|_| cfg!(target_os = "linux"));
    common.into_iter().map(|signal| signal as i32).chain(more).chain(unnamed).map(SignalKind::from_raw)
}

/// Ends the program on every signal that would end it and can be handled, from a thread of its own, so that a blocked draw or a
/// wedged event source cannot keep it alive (F92, F94).
///
/// # Errors
/// If the thread or its handlers cannot be set up.
pub fn end_on_signals() -> io::Result<()> {
    let (ready, done) = std::sync::mpsc::sync_channel(1);
    thread::Builder::new().name("signals".into()).spawn(move || {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return drop(ready.send(Err(error))),
        };
        runtime.block_on(async {
            // As `nohup` and a shell script want it for what they put into the background.
            let ignored = ignored_signals();
            let heeded = ending_signals().filter(|kind| ignored & bit(*kind) == 0);
            let handlers: io::Result<Vec<_>> = heeded.map(|kind| Ok((kind, signal(kind)?))).collect();
            let mut handlers = match handlers {
                Ok(handlers) => handlers,
                Err(error) => return drop(ready.send(Err(error))),
            };
            drop(ready.send(Ok(())));
            let number = loop {
                let number = poll_fn(|cx| {
                    let come =
                        handlers.iter_mut().find_map(|(kind, signal)| signal.poll_recv(cx).is_ready().then_some(*kind));
                    come.map_or(Poll::Pending, Poll::Ready)
                })
                .await;
                let typed = number == SignalKind::interrupt() || number == SignalKind::quit();
                if !(typed && is_for_borrower()) {
                    break number;
                }
            };
            exit(128 + number.as_raw_value());
        });
    })?;
    done.recv().unwrap_or_else(|_| Err(io::Error::other("the signal thread ended")))
}

/// Signals that whoever started us has ignored, so that we outlive them. Told by Linux only.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

/// The place of a signal in a mask of them.
fn bit(kind: SignalKind) -> u64 {
    1 << (kind.as_raw_value() - 1)
}

/// Gives the terminal back, as far as it takes bytes in time, ends what we have started, and ends the process without
/// waiting for any task.
pub fn exit(code: i32) -> ! {
    while EXITING.swap(true, Ordering::SeqCst) {
        // Another thread is at it.
        thread::park();
    }
    let (done, wait) = std::sync::mpsc::sync_channel(1);
    let restore = thread::Builder::new().name("restore".into()).spawn(move || {
        leave();
        let _ = done.send(());
    });
    if restore.is_ok() {
        let _ = wait.recv_timeout(RESTORE_PATIENCE);
    } else {
        leave();
    }
    process::end_all();
    std::process::exit(code)
}
