//! Processes that we start: credential plugins and the command of `on-alert`. Each leads a process group, and without the
//! terminal a session; all are registered, and every way out of the program ends them with what they have started.
//!
//! What has made itself a daemon (a session of its own and another parent, as `gpg-agent` does) is let go: its user's other
//! programs use it. When we are killed with SIGKILL, nothing runs that could end the others.

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

/// Between SIGTERM and SIGKILL when the program ends, which has 500 ms for all of it.
const GRACE: Duration = Duration::from_millis(150);
/// Between two looks during [`GRACE`].
const STEP: Duration = Duration::from_millis(5);

/// Use of the terminal by a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminal {
    /// A session of its own: `/dev/tty` cannot be opened.
    None,
    /// It is in the foreground of ours, so that Ctrl-C and Ctrl-Z of the terminal are for it.
    Foreground,
}

/// Groups that are to end with us.
struct Registry {
    leaders: Vec<Pid>,
    /// Killed, and not asked for yet.
    orphans: Vec<Pid>,
    /// Processes that are being started and are not among the leaders yet.
    starting: usize,
    /// The program ends: nothing is started any more.
    closing: bool,
}

static REGISTRY: Mutex<Registry> =
    Mutex::new(Registry { leaders: Vec::new(), orphans: Vec::new(), starting: 0, closing: false });

fn registry() -> MutexGuard<'static, Registry> {
    REGISTRY.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A process with its group. Dropping it kills what is left of the group and takes the terminal back.
#[derive(Debug)]
pub struct Process {
    /// Where it reads, if that is a pipe.
    pub stdin: Option<Sender>,
    /// What it prints, if that is a pipe.
    pub stdout: Option<Receiver>,
    group: ProcessGroup,
}

impl Process {
    /// Starts `program` as the leader of a group.
    ///
    /// # Errors
    /// What the system says, or that the program is about to end.
    pub async fn start(program: Program) -> io::Result<Self> {
        // The system reads the program's file first, and a file system that hangs would take the thread along.
        let started = tokio::task::spawn_blocking(move || start(&program)).await;
        started.map_err(io::Error::other)?
    }

    /// Waits for the end of the process; returns its exit code, or `None` for a signal. While it has the terminal, we stop
    /// and go on with it.
    ///
    /// # Errors
    /// What the system says.
    pub async fn wait(&self) -> io::Result<Option<i32>> {
        let mut changes = signal(SignalKind::child())?;
        loop {
            // Only looked at: as long as nobody has asked for it, its number cannot be another's.
            let ended = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
            if let Some(status) = waitid(WaitId::Pid(self.group.leader), ended)? {
                if registry().closing {
                    // We have ended it, and that is no news.
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

    /// Waits until nobody is left of those that the process has started.
    pub async fn deserted(&self) {
        while Members::of(&[self.group.leader]).are_alive() {
            tokio::time::sleep(10 * STEP).await;
        }
    }

    /// Kills what is left of the group.
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
    let lent = program.terminal == Terminal::Foreground && !closing;
    let group = ProcessGroup { leader, loan: lent.then(|| Loan::to(leader)).flatten() };
    if closing {
        drop(group);
        return Err(io::Error::other("the program ends"));
    }
    let stdin = stdin.map(|pipe| Sender::from_owned_fd(pipe.into())).transpose()?;
    let stdout = stdout.map(|pipe| Receiver::from_owned_fd(pipe.into())).transpose()?;
    Ok(Process { stdin, stdout, group })
}

/// Asks for a process that has ended, so that the system may forget it; says whether it has.
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
            // It takes a moment to be killed.
            registry.orphans.push(self.leader);
        }
    }
}

/// Ends every process that we have started, with what these have started: asks them first, kills them a moment later.
pub fn end_all() {
    registry().closing = true;
    wait(|| registry().starting == 0);
    let leaders = registry().leaders.clone();
    if !leaders.is_empty() {
        let members = Members::of(&leaders);
        members.signal(Signal::TERM);
        // A stopped process takes no other signal.
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

/// The process group that we are in; `None` if it lies outside our namespace of processes, where its number is 0.
fn own_group() -> Option<Pid> {
    Pid::from_raw(nix::unistd::getpgrp().as_raw())
}

/// Sends a signal to a group; an empty group is what we want.
fn signal_group(leader: Pid, signal: Signal) {
    let _ = kill_process_group(leader, signal);
}

/// The file that a command names: as it stands with a slash, else looked for in the absolute folders of `path`.
///
/// Relative and empty folders are left out, as Go's `exec.LookPath` refuses them (`exec.ErrDot`): whoever can write the
/// current directory could have us run a program.
///
/// # Errors
/// Why there is none, for a message.
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

/// Keeps secrets out of crash dumps: no core is written, not even by a handler that the system starts for it
/// (`core_pattern`), and nobody else of the same user reads our memory.
pub fn harden() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    // Both are extras: where the system refuses, the program works as well. The soft limit will do; the hard one would bind
    // what a plugin starts.
    let limit = Rlimit { current: Some(0), maximum: getrlimit(Resource::Core).maximum };
    let _ = setrlimit(Resource::Core, limit);
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

#[cfg(test)]
mod tests;
