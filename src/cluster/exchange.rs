//! Request and answer on one connection: the connect time, and a limit on bytes before an answer.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Most bytes of one read, which stay in the CPU cache until they are decoded. No head of an answer may be longer.
pub(super) const READ_BUFFER: usize = 128 << 10;
/// Most bytes of all heads of one answer: hyper continues to read after a 1xx as long as the server sends them, and no
/// other cluster of the thread can run meanwhile. After the last head there may be two reads of its body.
const LARGEST_HEADS: usize = 4 * READ_BUFFER;

/// State of a connection that its requests share: its connect time, and the wait for an answer.
#[derive(Clone, Debug)]
pub(crate) struct Took(Arc<Exchange>);

#[derive(Debug)]
struct Exchange {
    connect: Duration,
    /// Set once a request has accounted for the connect time.
    reported: AtomicBool,
    /// Bytes since the last request was written, before its answer came.
    heads: AtomicUsize,
    answered: AtomicBool,
}

impl Took {
    pub(super) fn new(connect: Duration) -> Self {
        Self(Arc::new(Exchange {
            connect,
            reported: AtomicBool::new(false),
            heads: AtomicUsize::new(0),
            answered: AtomicBool::new(false),
        }))
    }

    /// Records that the last head of an answer has come. Returns the connect time to the first caller: the first
    /// request on the connection accounts for it.
    pub(crate) fn answered(&self) -> Option<Duration> {
        self.0.answered.store(true, Ordering::Relaxed);
        (!self.0.reported.swap(true, Ordering::Relaxed)).then_some(self.0.connect)
    }

    /// Records that a request was written.
    pub(super) fn request_sent(&self) {
        self.0.heads.store(0, Ordering::Relaxed);
        self.0.answered.store(false, Ordering::Relaxed);
    }

    /// Counts bytes that were read.
    ///
    /// # Errors
    /// [`LongHeads`] if too many have come without an answer.
    pub(super) fn read(&self, bytes: usize) -> io::Result<()> {
        if self.0.answered.load(Ordering::Relaxed) {
            return Ok(());
        }
        let heads = self.0.heads.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if heads > LARGEST_HEADS { Err(io::Error::other(LongHeads)) } else { Ok(()) }
    }
}

/// Endless heads without an answer: 1xx after 1xx.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("no answer in the first {} kB, only 1xx (`100 Continue`)", LARGEST_HEADS >> 10)]
pub(crate) struct LongHeads;
