//! The terminal: enter, leave, suspend, panic, signals, hang-up.
//!
//! However the program ends, the terminal is restored: alternate screen left, cursor shown, raw mode off. Leaving twice is
//! harmless, so every exit may do it.

mod decoder;
mod input;
mod job;
mod keys;
mod output;
mod raw;

use std::future::poll_fn;
use std::io::{self, IsTerminal, Write};
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender};
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
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use crate::process;

use output::FrameOutput;

pub use decoder::InputEvent;
pub use input::Keyboard;
pub use job::{has_shell, stop};

/// Saves the terminal's title, and restores it (xterm `ctlseqs`, `XTWINOPS` 22 and 23); tmux does so for the pane's title.
const PUSH_TITLE: &str = "\x1b[22;0t";
const POP_TITLE: &str = "\x1b[23;0t";

/// Timeout to restore a terminal that accepts no bytes, so that the program still exits: 200 ms of the 500 ms for a signal.
const RESTORE_PATIENCE: Duration = Duration::from_millis(200);

/// Further time for a terminal that accepts bytes: then only the machine is slow.
const BUSY_PATIENCE: Duration = Duration::from_secs(2);

/// Time after the terminal was taken back in which a signal may still come from a key that was typed before.
const LATE_SIGNAL: Duration = Duration::from_secs(1);

/// Exit code of the standard library for a panic.
const PANICKED: i32 = 101;

/// `true` while the terminal is ours; every exit checks it, so that the terminal is restored once.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// Set once the program exits: the terminal is not entered again.
static EXITING: AtomicBool = AtomicBool::new(false);

/// `true` while another program has the terminal with our consent: its Ctrl-C and Ctrl-\\ are not meant for us.
static LENT: AtomicBool = AtomicBool::new(false);

/// Ownership of the terminal. Dropping it restores the terminal.
pub struct TerminalGuard {
    terminal: Terminal<CrosstermBackend<FrameOutput>>,
    output: FrameOutput,
    title: String,
    process: String,
}

impl TerminalGuard {
    /// Takes over the terminal.
    ///
    /// # Errors
    /// If stdin or stdout is not a terminal, or the setup fails; a partial setup is undone.
    pub fn enter() -> eyre::Result<Self> {
        let output = FrameOutput::open().wrap_err("could not start the thread that writes to the terminal")?;
        enter().wrap_err("could not set up the terminal")?;
        match open(&output) {
            Ok(terminal) => Ok(Self { terminal, output, title: String::new(), process: String::new() }),
            Err(error) => {
                leave();
                Err(error).wrap_err("could not read the size of the terminal")
            }
        }
    }

    /// Returns `true` if the terminal has taken the last frame: the next one can be drawn.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.output.is_idle()
    }

    /// Waits until the terminal has taken the last frame.
    pub fn ready(&self) -> impl Future<Output = ()> + use<> {
        let output = self.output.clone();
        async move { output.written().await }
    }

    /// Time that the terminal took for the last frame.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.output.took()
    }

    /// Draws one frame as a synchronized update, so that it does not tear. It is written later, by a thread of its own.
    ///
    /// # Errors
    /// If the terminal is gone: the program exits then.
    pub fn draw(&mut self, view: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(view)?;
        queue!(self.terminal.backend_mut(), EndSynchronizedUpdate)?;
        self.output.send()
    }

    /// Sets the window title if it has changed.
    ///
    /// # Errors
    /// As [`TerminalGuard::draw`].
    pub fn set_title(&mut self, title: &str) -> io::Result<()> {
        if title == self.title {
            return Ok(());
        }
        title.clone_into(&mut self.title);
        queue!(self.terminal.backend_mut(), SetTitle(title))?;
        self.output.send()
    }

    /// Sets the process name that `ps` and `top` show, if it has changed. The system keeps 15 bytes.
    pub fn name_process(&mut self, name: &str) {
        if name == self.process {
            return;
        }
        name.clone_into(&mut self.process);
        #[cfg(target_os = "linux")]
        if let Ok(name) = std::ffi::CString::new(name) {
            // The loop runs on the main thread, whose name is the process name. A failure is harmless.
            let _ = rustix::thread::set_name(&name);
        }
    }

    /// Sends a control sequence that changes no cell: the bell, a notification.
    ///
    /// # Errors
    /// As [`TerminalGuard::draw`].
    pub fn send(&mut self, bytes: &str) -> io::Result<()> {
        self.output.send_bytes(bytes.as_bytes())
    }

    /// Clears the screen, so that the next frame draws every cell.
    ///
    /// # Errors
    /// As [`TerminalGuard::draw`].
    pub fn clear(&mut self) -> io::Result<()> {
        queue!(self.terminal.backend_mut(), terminal::Clear(terminal::ClearType::All))?;
        // Not `Terminal::clear`: that queries the cursor position, and the reply would arrive as a key, or never.
        self.terminal = open(&self.output)?;
        self.output.send()
    }

    /// Restores the terminal for the shell, stops the whole job or only this process, and takes the terminal back when continued.
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

    /// Lends the terminal to another program and prints `text` for the operator; [`TerminalGuard::resume`] takes it back.
    ///
    /// # Errors
    /// If the terminal accepts no bytes.
    pub fn lend(&mut self, text: &str) -> io::Result<()> {
        LENT.store(true, Ordering::SeqCst);
        leave();
        let mut out = io::stdout();
        writeln!(out, "{text}")?;
        out.flush()
    }

    /// Takes the terminal back after the process was continued, or from another program, whose unread input is discarded.
    ///
    /// After an unforeseen stop the terminal still counts as ours, but the shell has changed its modes.
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

impl Drop for TerminalGuard {
    fn drop(&mut self) {
        leave();
    }
}

/// Reason why there is no usable terminal, if any.
#[must_use]
pub fn missing() -> Option<&'static str> {
    if !io::stdin().is_terminal() {
        Some("stdin is not a terminal, so no key could be read")
    } else if !io::stdout().is_terminal() {
        Some("stdout is not a terminal, so nothing could be drawn")
    } else if std::env::var_os("TERM").is_some_and(|term| term == "dumb") {
        Some("TERM is `dumb`: this terminal cannot place text")
    } else {
        None
    }
}

/// Opens the backend, with a screen of which nothing is known.
fn open(output: &FrameOutput) -> io::Result<Terminal<CrosstermBackend<FrameOutput>>> {
    Terminal::new(CrosstermBackend::new(output.clone()))
}

fn enter() -> io::Result<()> {
    if EXITING.load(Ordering::SeqCst) {
        return Err(io::Error::other("the program ends"));
    }
    ENTERED.store(true, Ordering::SeqCst);
    output::reopen();
    let set_up = || {
        raw::enter()?;
        execute!(io::stdout(), Print(PUSH_TITLE), EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)
    };
    set_up().inspect_err(|_| leave())
}

/// Restores the terminal; does nothing if that has been done.
pub fn leave() {
    if !ENTERED.swap(false, Ordering::SeqCst) {
        return;
    }
    // Raw mode first: it needs a system call and no output, so it works even if the terminal accepts no bytes.
    raw::leave();
    // A terminal that does not take the rest of a piece would not take these bytes either.
    if !output::close(RESTORE_PATIENCE) {
        return;
    }
    let mut out = io::stdout();
    let _ = execute!(
        out,
        EndSynchronizedUpdate,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        // For terminals that cannot restore the old title.
        SetTitle(""),
        Print(POP_TITLE),
        cursor::Show
    );
    let _ = out.flush();
}

/// Installs the panic hook; call it after `color_eyre::install()`.
///
/// A panic of the drawing thread restores the terminal before the report is printed. A panic of any other thread leaves the
/// screen alone: its text goes to `reports`, and the supervisor of the task restarts it.
pub fn install_panic_hook(ui: ThreadId, reports: SyncSender<String>) {
    let report = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if thread::current().id() == ui || !ENTERED.load(Ordering::SeqCst) {
            leave();
            report(info);
            if thread::current().id() == ui {
                // Unwinding would first drop millions of pods.
                exit(PANICKED);
            }
        } else {
            // If the queue is full, earlier panics already show the problem.
            let _ = reports.try_send(info.to_string());
        }
    }));
}

/// Time at which the terminal was last taken back from another program.
fn taken_back() -> MutexGuard<'static, Option<Instant>> {
    static AT: Mutex<Option<Instant>> = Mutex::new(None);
    AT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns `true` if a typed signal is meant for the program that has, or just had, the terminal: it can reach us after that
/// program has ended because of it. While the screen is ours, no key causes a signal.
fn is_for_borrower() -> bool {
    LENT.load(Ordering::SeqCst) || taken_back().is_some_and(|at| at.elapsed() < LATE_SIGNAL)
}

/// Signals that end a program unless it handles them (`signal(7)`): without a handler the terminal would not be restored, and our
/// child processes would continue.
///
/// Left out are KILL, which cannot be handled, and SEGV, ILL and FPE, which a fault of the program raises again and again.
fn ending_signals() -> impl Iterator<Item = SignalKind> {
    use nix::sys::signal::Signal;

    // The most frequent ones first.
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
    // The real-time signals, which have no names; the C library reserves those below.
    let first = if cfg!(target_env = "musl") { 35 } else { 34 };
    let unnamed = (first..=64).filter(|_| cfg!(target_os = "linux"));
    common.into_iter().map(|signal| signal as i32).chain(more).chain(unnamed).map(SignalKind::from_raw)
}

/// Exits the program on every signal that would end it and can be handled. This runs on its own thread, so that a blocked draw or
/// a wedged event source cannot keep the program alive (F92, F94).
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
            // `nohup` and shell scripts have background processes ignore some signals.
            let ignored = ignored_signals();
            let handled = ending_signals().filter(|kind| ignored & bit(*kind) == 0);
            let handlers: io::Result<Vec<_>> = handled.map(|kind| Ok((kind, signal(kind)?))).collect();
            let mut handlers = match handlers {
                Ok(handlers) => handlers,
                Err(error) => return drop(ready.send(Err(error))),
            };
            drop(ready.send(Ok(())));
            let number = loop {
                let number = poll_fn(|cx| {
                    let received =
                        handlers.iter_mut().find_map(|(kind, signal)| signal.poll_recv(cx).is_ready().then_some(*kind));
                    received.map_or(Poll::Pending, Poll::Ready)
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

/// Signals that our parent process set to be ignored, so that we survive them. Only Linux reports them.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

/// Bit of a signal in a signal mask.
fn bit(kind: SignalKind) -> u64 {
    1 << (kind.as_raw_value() - 1)
}

/// Returns `true` if the terminal accepts bytes now.
fn accepts_bytes() -> bool {
    let stdout = io::stdout();
    let mut polled = [PollFd::new(&stdout, PollFlags::OUT)];
    poll(&mut polled, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
        && polled[0].revents().contains(PollFlags::OUT)
}

/// Restores the terminal, as far as it accepts bytes in time, ends our child processes, and exits without waiting for any task.
pub fn exit(code: i32) -> ! {
    while EXITING.swap(true, Ordering::SeqCst) {
        // Another thread is already exiting.
        thread::park();
    }
    let taken = output::taken();
    let (done, wait) = std::sync::mpsc::sync_channel(1);
    let restore = thread::Builder::new().name("restore".into()).spawn(move || {
        leave();
        let _ = done.send(());
    });
    if restore.is_ok() {
        let late = wait.recv_timeout(RESTORE_PATIENCE) == Err(RecvTimeoutError::Timeout);
        // While a write waits, the terminal does not say that it accepts bytes.
        if late && (accepts_bytes() || output::taken() != taken) {
            let _ = wait.recv_timeout(BUSY_PATIENCE);
        }
    } else {
        leave();
    }
    process::end_all();
    std::process::exit(code)
}
