//! Raw mode: sets the terminal's modes while it is ours, and restores the modes before.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// Enters raw mode, in which every key is sent when it is pressed.
///
/// Saves the current modes to restore them later, since a shell may have set its own after a stop; unless they are already raw.
///
/// # Errors
/// If stdin is not a terminal, or the terminal is gone.
pub(super) fn enter() -> io::Result<()> {
    let current = tcgetattr(io::stdin())?;
    let mut modes = current.clone();
    modes.make_raw();
    let is_raw = !current.local_modes.contains(LocalModes::ICANON);
    let mut before = before();
    if before.is_none() || !is_raw {
        *before = Some(current);
    }
    Ok(tcsetattr(io::stdin(), OptionalActions::Now, &modes)?)
}

/// Restores the saved modes; does nothing if that has been done.
pub(super) fn leave() {
    if let Some(modes) = before().take() {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &modes);
    }
}

fn before() -> MutexGuard<'static, Option<Termios>> {
    static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);
    BEFORE.lock().unwrap_or_else(PoisonError::into_inner)
}
