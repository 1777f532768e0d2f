//! The page in flight: whether it may hang when the server answers again after a silence.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::cluster::silence::ServerSilence;
use crate::msg::Mono;

/// The page that was requested last.
#[derive(Debug, Default)]
pub(super) struct PageInFlight {
    at: Mono,
    moves: Arc<AtomicBool>,
}

impl PageInFlight {
    /// Records that a page is requested now; the returned flag is set once something of its body has come.
    pub(super) fn begin(&mut self, now: Mono) -> Arc<AtomicBool> {
        *self = Self { at: now, moves: Arc::default() };
        self.moves.clone()
    }

    /// `true` if it was sent during the silence, and nothing of its body has come: its connection may be dead.
    pub(super) fn hangs(&self, silence: ServerSilence) -> bool {
        self.at < silence.to && !self.moves.load(Ordering::Relaxed)
    }
}
