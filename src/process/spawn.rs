//! Start of a process with `posix_spawn`.
//!
//! The standard library cannot create a session without code between fork and exec, and with such code its exec (glibc's
//! `execvp`) lets the shell run a file that is not a program. `posix_spawn` has neither problem, and copies no page tables.

use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::signal::SigSet;
use rustix::process::Pid;

use super::Terminal;

/// `POSIX_SPAWN_SETSID`, which nix does not define: `spawn.h` of glibc 2.26 and musl 1.1.22, `sys/spawn.h` of macOS 10.15.
const SETSID: i32 = if cfg!(target_vendor = "apple") { 0x400 } else { 0x80 };

/// Standard input of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessInput {
    /// `/dev/null`.
    Null,
    /// Our own stdin.
    Ours,
    /// A pipe from us.
    Pipe,
}

/// Program with the parameters of its start.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its file.
    pub file: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Variables that are added to our environment.
    pub variables: Vec<(String, String)>,
    /// Its terminal.
    pub terminal: Terminal,
    /// Its stdin.
    pub stdin: ProcessInput,
    /// `true` if we read its stdout; otherwise it is discarded.
    pub reads_stdout: bool,
    /// `true` if it inherits our stderr; otherwise its stderr is discarded.
    pub inherits_stderr: bool,
}

/// Started process and our ends of its pipes.
pub(super) struct Spawned {
    pub(super) leader: Pid,
    pub(super) stdin: Option<PipeWriter>,
    pub(super) stdout: Option<PipeReader>,
}

impl Program {
    /// Starts the program.
    ///
    /// # Errors
    /// Error of the system.
    pub(super) fn spawn(&self) -> io::Result<Spawned> {
        let null = File::options().read(true).write(true).open("/dev/null")?;
        let mut actions = PosixSpawnFileActions::init()?;
        // The child's ends are closed when this returns; no descriptor is inherited unless it is named here.
        let input = if self.stdin == ProcessInput::Pipe { Some(io::pipe()?) } else { None };
        let output = if self.reads_stdout { Some(io::pipe()?) } else { None };
        match (&input, self.stdin) {
            (Some((theirs, _)), _) => actions.add_dup2(theirs.as_raw_fd(), 0)?,
            (None, ProcessInput::Ours) => {}
            (None, _) => actions.add_dup2(null.as_raw_fd(), 0)?,
        }
        let out = output.as_ref().map_or(null.as_raw_fd(), |(_, theirs)| theirs.as_raw_fd());
        actions.add_dup2(out, 1)?;
        if !self.inherits_stderr {
            actions.add_dup2(null.as_raw_fd(), 2)?;
        }
        let args: Vec<CString> = [self.file.as_os_str()]
            .into_iter()
            .chain(self.args.iter().map(OsStr::new))
            .map(text)
            .collect::<io::Result<_>>()?;
        let pid = posix_spawn(self.file.as_path(), &actions, &self.attributes()?, &args, &self.environment()?)?;
        let leader = Pid::from_raw(pid.as_raw()).ok_or_else(|| io::Error::other("the system gave no process"))?;
        Ok(Spawned { leader, stdin: input.map(|(_, ours)| ours), stdout: output.map(|(ours, _)| ours) })
    }

    fn attributes(&self) -> io::Result<PosixSpawnAttr> {
        let mut attributes = PosixSpawnAttr::init()?;
        // Rust programs ignore SIGPIPE; other programs rely on it to end.
        let mut default = SigSet::empty();
        default.add(nix::sys::signal::Signal::SIGPIPE);
        attributes.set_sigdefault(&default)?;
        attributes.set_sigmask(&SigSet::empty())?;
        let lead = match self.terminal {
            Terminal::None => PosixSpawnFlags::from_bits_retain(SETSID),
            Terminal::Foreground => {
                attributes.set_pgroup(nix::unistd::Pid::from_raw(0))?;
                PosixSpawnFlags::POSIX_SPAWN_SETPGROUP
            }
        };
        let signals = PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF | PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK;
        attributes.set_flags(lead | signals)?;
        Ok(attributes)
    }

    fn environment(&self) -> io::Result<Vec<CString>> {
        let mut variables: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
        variables.extend(self.variables.iter().map(|(name, value)| (name.into(), value.into())));
        let line = |(name, value): (OsString, OsString)| {
            let mut line = name;
            line.push("=");
            line.push(value);
            text(&line)
        };
        variables.into_iter().map(line).collect()
    }
}

/// Converts text to a C string.
///
/// # Errors
/// If it contains a zero byte.
fn text(text: &OsStr) -> io::Result<CString> {
    Ok(CString::new(text.as_bytes())?)
}
