//! Raw mode: the modes of the terminal while it is ours, and those that it goes back to.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

/// Has every key sent as it is pressed.
///
/// The modes that are found are those to go back to, as when a shell has set its own after a stop; unless they are still raw.
///
/// # Errors
/// If stdin is no terminal, or one that is gone.
pub(super) fn enter() -> io::Result<()> {
    let found = tcgetattr(io::stdin())?;
    let mut modes = found.clone();
    modes.make_raw();
    let is_raw = !found.local_modes.contains(LocalModes::ICANON);
    let mut before = before();
    if before.is_none() || !is_raw {
        *before = Some(found);
    }
    Ok(tcsetattr(io::stdin(), OptionalActions::Now, &modes)?)
}

/// Goes back to the modes before; nothing to do where that has been done.
pub(super) fn leave() {
    if let Some(modes) = before().take() {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &modes);
    }
}

fn before() -> MutexGuard<'static, Option<Termios>> {
    static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);
    BEFORE.lock().unwrap_or_else(PoisonError::into_inner)
}
