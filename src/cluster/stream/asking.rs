//! The page in flight, as far as the end of a silence must know it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::cluster::silence::ServerSilence;
use crate::msg::Mono;

/// The page that was asked for last.
#[derive(Debug, Default)]
pub(super) struct Asking {
    at: Mono,
    moves: Arc<AtomicBool>,
}

impl Asking {
    /// A page is asked for now; what it returns is set once something of its body has come.
    pub(super) fn begin(&mut self, now: Mono) -> Arc<AtomicBool> {
        *self = Self { at: now, moves: Arc::default() };
        self.moves.clone()
    }

    /// It went out during the silence, and nothing has come of its body: its connection may lead nowhere any more.
    pub(super) fn hangs(&self, silence: ServerSilence) -> bool {
        self.at < silence.to && !self.moves.load(Ordering::Relaxed)
    }
}
