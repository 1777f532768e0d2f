//! Job control for the job that this process is part of (POSIX, section 11.1.2 and 11.1.4).

use std::io;

use nix::unistd::{getpgrp, getppid, getsid};
use rustix::process::{Signal, getpid, kill_current_process_group, kill_process};

/// Returns `true` if a shell of the same session, outside this job, can continue the job after a stop.
///
/// A session leader has no such shell, as under `ssh -t host watchbell`, in a container, or in a new window of tmux, and neither has
/// a job whose shell has ended. The kernel does not stop such a job on Ctrl-Z (an orphaned process group).
#[must_use]
pub fn has_shell() -> bool {
    // With nix: each of these ids is 0 if it is outside our PID namespace, which rustix rules out.
    let Ok(session) = getsid(None) else { return false };
    getpgrp() != session && getsid(Some(getppid())) == Ok(session)
}

/// Stops this process until it is continued.
///
/// # Errors
/// If the system refuses.
pub fn stop() -> io::Result<()> {
    Ok(kill_process(getpid(), Signal::STOP)?)
}

/// Stops the whole job until it is continued, as Ctrl-Z does outside raw mode: a script around this program is stopped too,
/// otherwise the shell would still wait for it.
///
/// # Errors
/// If the system refuses.
pub(super) fn stop_all() -> io::Result<()> {
    // TSTP lets the other processes prepare. Our own handler treats it as a request, so we stop ourselves with STOP.
    kill_current_process_group(Signal::TSTP)?;
    stop()
}
