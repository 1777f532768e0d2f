//! Loan of the terminal to a child process: the child is put into the foreground, as a shell does with a job.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::signal::{SigSet, SigmaskHow};
use rustix::process::{Pid, Signal};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr, tcsetpgrp};

use super::{own_group, signal_group};

/// Poll interval while we wait to be in the foreground again.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Process group that has the terminal, and the terminal's modes before the loan.
struct ActiveLoan {
    leader: Pid,
    before: Termios,
}

static ACTIVE_LOAN: Mutex<Option<ActiveLoan>> = Mutex::new(None);

fn active_loan() -> MutexGuard<'static, Option<ActiveLoan>> {
    ACTIVE_LOAN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Loan of the terminal. Dropping it takes the terminal back.
#[derive(Debug)]
pub(super) struct Loan {
    leader: Pid,
}

impl Loan {
    /// Puts the group of `leader` into the foreground; `None` if we are not in the foreground ourselves.
    pub(super) fn to(leader: Pid) -> Option<Self> {
        let stdin = io::stdin();
        if tcgetpgrp(&stdin).ok()? != own_group()? {
            return None;
        }
        *active_loan() = Some(ActiveLoan { leader, before: tcgetattr(&stdin).ok()? });
        put_in_front(leader);
        // It may have been stopped for reading from the background.
        signal_group(leader, Signal::CONT);
        Some(Self { leader })
    }

    /// Takes the terminal, stops us as a job of the shell, and continues the group when we are continued.
    pub(super) async fn stop_with_it(&self) {
        let Some(own) = own_group() else { return };
        put_in_front(own);
        // As if Ctrl-Z had been for us and for a script around us: the owner of the screen handles the signal.
        signal_group(own, Signal::TSTP);
        // The stop happens within this time, and the timer continues when we do.
        tokio::time::sleep(3 * POLL_INTERVAL).await;
        while tcgetpgrp(io::stdin()).is_ok_and(|front| front != own) {
            tokio::time::sleep(POLL_INTERVAL).await;
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

/// Ends a loan: puts us into the foreground and restores the terminal's modes, also if a password was being typed.
pub(super) fn take_back() {
    let Some(ActiveLoan { leader, before }) = active_loan().take() else { return };
    let Some(own) = own_group() else { return };
    // Any other foreground group is the shell, which has put us into the background.
    if tcgetpgrp(io::stdin()).is_ok_and(|front| front != leader && front != own) {
        return;
    }
    put_in_front(own);
    without_ttou(|| {
        // A terminal that is gone needs no modes.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
    });
}

fn put_in_front(group: Pid) {
    without_ttou(|| {
        // This fails if the terminal or the group is gone; the next read reports it.
        let _ = tcsetpgrp(io::stdin(), group);
    });
}

/// Runs `work` with SIGTTOU blocked, the signal that stops a background process that changes the terminal.
fn without_ttou(work: impl FnOnce()) {
    let mut ttou = SigSet::empty();
    ttou.add(nix::sys::signal::Signal::SIGTTOU);
    let before = ttou.thread_swap_mask(SigmaskHow::SIG_BLOCK);
    work();
    if let Ok(before) = before {
        // This mask was in force a moment ago, so it is valid.
        let _ = before.thread_set_mask();
    }
}
