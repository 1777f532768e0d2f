//! Starting a process by `posix_spawn`.
//!
//! The standard library cannot make a session without code between fork and exec, and once there is such code its exec (glibc's
//! `execvp`) has the shell run a file that is no program. `posix_spawn` does neither, and copies no page tables.

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

/// `POSIX_SPAWN_SETSID`, which nix has not: `spawn.h` of glibc 2.26 and musl 1.1.22, `sys/spawn.h` of macOS 10.15.
const SETSID: i32 = if cfg!(target_vendor = "apple") { 0x400 } else { 0x80 };

/// Source of what a program reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessInput {
    /// Nothing.
    Null,
    /// Our own stdin.
    Ours,
    /// A pipe from us.
    Pipe,
}

/// A program and how it is started.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its file.
    pub file: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// What its environment has besides ours.
    pub variables: Vec<(String, String)>,
    /// Its terminal.
    pub terminal: Terminal,
    /// What it reads.
    pub stdin: ProcessInput,
    /// We read what it prints; nobody does otherwise.
    pub is_read: bool,
    /// Its stderr is ours; nobody reads it otherwise.
    pub complains: bool,
}

/// A process and our ends of its pipes.
pub(super) struct Spawned {
    pub(super) leader: Pid,
    pub(super) stdin: Option<PipeWriter>,
    pub(super) stdout: Option<PipeReader>,
}

impl Program {
    /// Starts it.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn spawn(&self) -> io::Result<Spawned> {
        let null = File::options().read(true).write(true).open("/dev/null")?;
        let mut actions = PosixSpawnFileActions::init()?;
        // The other ends are closed when this returns; none of ours is inherited unless it is named here.
        let input = if self.stdin == ProcessInput::Pipe { Some(io::pipe()?) } else { None };
        let output = if self.is_read { Some(io::pipe()?) } else { None };
        match (&input, self.stdin) {
            (Some((theirs, _)), _) => actions.add_dup2(theirs.as_raw_fd(), 0)?,
            (None, ProcessInput::Ours) => {}
            (None, _) => actions.add_dup2(null.as_raw_fd(), 0)?,
        }
        let out = output.as_ref().map_or(null.as_raw_fd(), |(_, theirs)| theirs.as_raw_fd());
        actions.add_dup2(out, 1)?;
        if !self.complains {
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
        // Rust programs ignore SIGPIPE, others need it to end.
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

/// Text for the system.
///
/// # Errors
/// A zero byte in it.
fn text(text: &OsStr) -> io::Result<CString> {
    Ok(CString::new(text.as_bytes())?)
}
