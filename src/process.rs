//! Child processes: credential plugins and the command of `on-alert`. Each leads a process group, and a session unless it has
//! the terminal. All are registered, and every exit of the program ends them and their descendants.
//!
//! A daemon (with its own session and another parent, as `gpg-agent`) is left alone: the user's other programs use it. If we
//! are killed with SIGKILL, nothing can end the children.

use std::ffi::OsStr;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitOptions, kill_process_group, waitid, waitpid};
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::signal::unix::{SignalKind, signal};

mod members;
mod spawn;
mod terminal;

use members::Members;
use spawn::Spawned;
pub use spawn::{ProcessInput, Program};
use terminal::Loan;

/// Time between SIGTERM and SIGKILL at exit, which may take 500 ms in total.
const GRACE: Duration = Duration::from_millis(150);
/// Poll interval during [`GRACE`].
const STEP: Duration = Duration::from_millis(5);

/// Use of the terminal by a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminal {
    /// None: its own session, so that `/dev/tty` cannot be opened.
    None,
    /// Foreground of our terminal, so that it receives Ctrl-C and Ctrl-Z.
    Foreground,
}

/// Process groups that end with us.
struct Registry {
    leaders: Vec<Pid>,
    /// Killed, but not reaped yet.
    orphans: Vec<Pid>,
    /// Number of processes that are starting and not among the leaders yet.
    starting: usize,
    /// `true` once the program exits: no process is started any more.
    closing: bool,
}

static REGISTRY: Mutex<Registry> =
    Mutex::new(Registry { leaders: Vec::new(), orphans: Vec::new(), starting: 0, closing: false });

fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Process with its group. Dropping it kills the rest of the group and takes the terminal back.
#[derive(Debug)]
pub struct Process {
    /// Its stdin, if that is a pipe.
    pub stdin: Option<Sender>,
    /// Its stdout, if that is a pipe.
    pub stdout: Option<Receiver>,
    group: ProcessGroup,
}

impl Process {
    /// Starts `program` as the leader of a group.
    ///
    /// # Errors
    /// Error of the system, or that the program is about to exit.
    pub async fn start(program: Program) -> io::Result<Self> {
        // The system reads the program's file first, and a file system that hangs would block this thread.
        let started = tokio::task::spawn_blocking(move || start(&program)).await;
        started.map_err(io::Error::other)?
    }

    /// Waits for the end of the process; returns its exit code, or `None` for a signal. While it has the terminal, we stop
    /// and continue together with it.
    ///
    /// # Errors
    /// Error of the system.
    pub async fn wait(&self) -> io::Result<Option<i32>> {
        let mut changes = signal(SignalKind::child())?;
        loop {
            // Peek only: until the process is reaped, its pid cannot be reused.
            let ended = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
            if let Some(status) = waitid(WaitId::Pid(self.group.leader), ended)? {
                if registry().closing {
                    // We have ended it ourselves: nothing to report.
                    std::future::pending::<()>().await;
                }
                return Ok(status.exit_status());
            }
            let stopped = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG;
            match (&self.group.loan, waitid(WaitId::Pid(self.group.leader), stopped)?) {
                (Some(loan), Some(_)) => loan.stop_with_it().await,
                _ => _ = changes.recv().await,
            }
        }
    }

    /// Waits until all descendants of the process have ended.
    pub async fn descendants_ended(&self) {
        while Members::of(&[self.group.leader]).are_alive() {
            tokio::time::sleep(10 * STEP).await;
        }
    }

    /// Kills the rest of the group.
    pub fn kill(&self) {
        self.group.kill();
    }
}

fn start(program: &Program) -> io::Result<Process> {
    {
        let mut registry = registry();
        if registry.closing {
            return Err(io::Error::other("the program ends"));
        }
        registry.starting += 1;
        registry.orphans.retain(|orphan| !reap(*orphan));
    }
    let started = program.spawn();
    let closing = {
        let mut registry = registry();
        registry.starting -= 1;
        registry.leaders.extend(started.as_ref().ok().map(|started| started.leader));
        registry.closing
    };
    let Spawned { leader, stdin, stdout } = started?;
    let lends_terminal = program.terminal == Terminal::Foreground && !closing;
    let group = ProcessGroup { leader, loan: lends_terminal.then(|| Loan::to(leader)).flatten() };
    if closing {
        drop(group);
        return Err(io::Error::other("the program ends"));
    }
    let stdin = stdin.map(|pipe| Sender::from_owned_fd(pipe.into())).transpose()?;
    let stdout = stdout.map(|pipe| Receiver::from_owned_fd(pipe.into())).transpose()?;
    Ok(Process { stdin, stdout, group })
}

/// Reaps a process; returns `true` if it has ended.
fn reap(leader: Pid) -> bool {
    !matches!(waitpid(Some(leader), WaitOptions::NOHANG), Ok(None))
}

#[derive(Debug)]
struct ProcessGroup {
    leader: Pid,
    loan: Option<Loan>,
}

impl ProcessGroup {
    fn kill(&self) {
        Members::of(&[self.leader]).signal(Signal::KILL);
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.kill();
        let mut registry = registry();
        registry.leaders.retain(|leader| *leader != self.leader);
        if !reap(self.leader) {
            // The kill takes a moment; it is reaped later.
            registry.orphans.push(self.leader);
        }
    }
}

/// Ends all child processes and their descendants: with SIGTERM first, with SIGKILL after [`GRACE`].
pub fn end_all() {
    registry().closing = true;
    wait(|| registry().starting == 0);
    let leaders = registry().leaders.clone();
    if !leaders.is_empty() {
        let members = Members::of(&leaders);
        members.signal(Signal::TERM);
        // A stopped process does not handle signals until it continues.
        members.signal(Signal::CONT);
        wait(|| !members.are_alive());
        members.signal(Signal::KILL);
    }
    terminal::take_back();
}

/// Waits for a condition, but no longer than [`GRACE`].
fn wait(done: impl Fn() -> bool) {
    let mut waited = Duration::ZERO;
    while !done() && waited < GRACE {
        thread::sleep(STEP);
        waited += STEP;
    }
}

/// Our own process group; `None` if it is outside our PID namespace, where its number is 0.
fn own_group() -> Option<Pid> {
    Pid::from_raw(nix::unistd::getpgrp().as_raw())
}

/// Sends a signal to a group; an empty group is no error.
fn signal_group(leader: Pid, signal: Signal) {
    let _ = kill_process_group(leader, signal);
}

/// Resolves a command to a file: a command with a slash is a path, any other is searched in the absolute folders of `path`.
///
/// Relative and empty folders are skipped, as Go's `exec.LookPath` rejects them (`exec.ErrDot`): anybody who can write to the
/// current directory could make us run a program.
///
/// # Errors
/// Reason for a message if there is no such file.
pub fn find(command: &str, path: Option<&OsStr>) -> Result<PathBuf, &'static str> {
    if command.contains('/') {
        return Ok(command.into());
    }
    let folders: Vec<PathBuf> = path.into_iter().flat_map(std::env::split_paths).collect();
    let found = |absolute: bool| {
        let folders = folders.iter().filter(|folder| folder.is_absolute() == absolute);
        folders.map(|folder| folder.join(command)).find(|file| is_executable(file))
    };
    match found(true) {
        _ if command.is_empty() => Err("no command is named"),
        Some(file) => Ok(file),
        None if found(false).is_some() => Err("it is only in the current directory, from which nothing is run"),
        None => Err("it is not in the PATH"),
    }
}

fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// Keeps secrets out of crash dumps: no core is written, not even by a system handler (`core_pattern`), and no other process of
/// the same user can read our memory.
pub fn harden() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    // Both are optional hardening: if the system refuses, the program works as well. Only the soft limit is set; the hard one
    // would also restrict the descendants of a plugin.
    let limit = Rlimit { current: Some(0), maximum: getrlimit(Resource::Core).maximum };
    let _ = setrlimit(Resource::Core, limit);
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

#[cfg(test)]
mod tests;
