//! The job that this process is part of, as a shell controls it (POSIX, section 11.1.2 and 11.1.4).

use std::io;

use nix::unistd::{getpgrp, getppid, getsid};
use rustix::process::{Signal, getpid, kill_current_process_group, kill_process};

/// Something will continue this job when it is stopped: a shell of the same session, which is not part of the job.
///
/// The leader of a session has none, as under `ssh -t host watchbell`, in a container, or in a new window of tmux, and neither has a job
/// whose shell has ended. The kernel does not stop such a job on Ctrl-Z (an orphaned process group).
#[must_use]
pub fn has_shell() -> bool {
    // By nix: each of these is 0 where it lies outside our namespace of processes, which rustix takes for impossible.
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

/// Stops the whole job until it is continued, as Ctrl-Z does where the terminal makes a signal of it: a script around this program is
/// stopped too, or the shell would still wait for it.
///
/// # Errors
/// If the system refuses.
pub(super) fn stop_all() -> io::Result<()> {
    // The others may have something to do first. Our own handler takes it as a wish, and so we stop by the other signal.
    kill_current_process_group(Signal::TSTP)?;
    stop()
}
