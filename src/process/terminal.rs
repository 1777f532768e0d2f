//! The terminal on loan to a process of ours: it is in the foreground, as a shell puts a job there.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::signal::{SigSet, SigmaskHow};
use rustix::process::{Pid, Signal};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr, tcsetpgrp};

use super::{own_group, signal_group};

/// Between two looks at whether we may go on.
const LOOK: Duration = Duration::from_millis(100);

/// A group that has the terminal, and the terminal's modes before.
struct Lent {
    leader: Pid,
    before: Termios,
}

static LENT: Mutex<Option<Lent>> = Mutex::new(None);

fn lent() -> MutexGuard<'static, Option<Lent>> {
    LENT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The loan. Dropping it takes the terminal back.
#[derive(Debug)]
pub(super) struct Loan {
    leader: Pid,
}

impl Loan {
    /// Puts the group of `leader` into the foreground; `None` if we are not there ourselves.
    pub(super) fn to(leader: Pid) -> Option<Self> {
        let stdin = io::stdin();
        if tcgetpgrp(&stdin).ok()? != own_group()? {
            return None;
        }
        *lent() = Some(Lent { leader, before: tcgetattr(&stdin).ok()? });
        put_in_front(leader);
        // It may have been stopped for reading before.
        signal_group(leader, Signal::CONT);
        Some(Self { leader })
    }

    /// Takes the terminal, stops us as the shell's job that we are, and has the group go on when we do.
    pub(super) async fn stop_with_it(&self) {
        let Some(own) = own_group() else { return };
        put_in_front(own);
        // As if Ctrl-Z had been for us and the script that may have started us: whoever owns the screen does the rest.
        signal_group(own, Signal::TSTP);
        // Time to be stopped in; it goes on when we do.
        tokio::time::sleep(3 * LOOK).await;
        while tcgetpgrp(io::stdin()).is_ok_and(|front| front != own) {
            tokio::time::sleep(LOOK).await;
        }
        put_in_front(self.leader);
        signal_group(self.leader, Signal::CONT);
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        take_back();
    }
}

/// Ends a loan: we are in the foreground, and the terminal's modes are as before, also where a password was being typed.
pub(super) fn take_back() {
    let Some(Lent { leader, before }) = lent().take() else { return };
    let Some(own) = own_group() else { return };
    // Another one in front is the shell, which has put us into the background.
    if tcgetpgrp(io::stdin()).is_ok_and(|front| front != leader && front != own) {
        return;
    }
    put_in_front(own);
    without_ttou(|| {
        // A terminal that is gone needs nothing.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
    });
}

fn put_in_front(group: Pid) {
    without_ttou(|| {
        // Refused where the terminal or the group is gone; whoever reads sees it.
        let _ = tcsetpgrp(io::stdin(), group);
    });
}

/// Runs `work` with SIGTTOU blocked, which would stop a process that changes the terminal from the background.
fn without_ttou(work: impl FnOnce()) {
    let mut ttou = SigSet::empty();
    ttou.add(nix::sys::signal::Signal::SIGTTOU);
    let before = ttou.thread_swap_mask(SigmaskHow::SIG_BLOCK);
    work();
    if let Ok(before) = before {
        // What was set a moment ago can be set again.
        let _ = before.thread_set_mask();
    }
}
