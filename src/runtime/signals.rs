//! Signals that the loop handles: of the shell and of the terminal. Those that end the program have a thread of their own.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;

/// Time to wait for signals of our own stop. They arrive at once, but a busy machine may be slower.
const LEFT_SIGNALS: Duration = Duration::from_millis(10);

/// Signals of the terminal and its shell.
pub(super) struct JobSignals {
    pub(super) stop: Signal,
    pub(super) cont: Signal,
    pub(super) resized: Signal,
}

impl JobSignals {
    pub(super) fn new() -> io::Result<Self> {
        let job = |kind: rustix::process::Signal| signal(SignalKind::from_raw(kind.as_raw()));
        Ok(Self {
            stop: job(rustix::process::Signal::TSTP)?,
            cont: job(rustix::process::Signal::CONT)?,
            resized: signal(SignalKind::window_change())?,
        })
    }

    /// Discards the signals of our own stop.
    pub(super) async fn forget_stop(&mut self) {
        for left in [&mut self.stop, &mut self.cont] {
            let _ = timeout(LEFT_SIGNALS, left.recv()).await;
        }
    }
}
