//! Bytes on their way to the terminal: a thread of its own writes them, so that a terminal that stops reading stops only the
//! drawing. Frames are not queued: while one is being written, the next one is not drawn (F94).

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// Maximum number of bytes that wait besides a frame: a text for the clipboard and some notifications.
const WAITING: usize = 256 * 1024;

/// Bytes of one write: while the terminal is left, no more of a frame than this is waited for.
const PIECE: usize = 512;

/// Capacity for a whole frame: 64 KiB are enough for every cell of 200x60 with its style.
const FRAME_BYTES: usize = 64 * 1024;

/// A buffer that ratatui draws into. Clones share it; [`FrameOutput::send`] passes it on.
#[derive(Clone)]
pub(super) struct FrameOutput {
    /// Bytes of the frame that is being drawn.
    frame: Arc<Mutex<Vec<u8>>>,
    sink: &'static FrameSink,
}

/// The thread's side.
#[derive(Default)]
struct FrameSink {
    state: Mutex<FrameSinkState>,
    /// Wakes the thread that writes, and those that wait until it is idle.
    changed: Condvar,
    /// Wakes the loop when the last bytes were written.
    idle: Notify,
}

#[derive(Default)]
struct FrameSinkState {
    waiting: Vec<u8>,
    /// `true` while the thread writes.
    writing: bool,
    /// Pieces that the terminal has taken so far.
    taken: u64,
    /// Duration of the writes since it was last read.
    took: Duration,
    /// `true` after the terminal was left: what is drawn then is dropped.
    closed: bool,
    /// Set once a write has failed: the terminal is gone.
    error: Option<(io::ErrorKind, String)>,
}

impl FrameSinkState {
    fn is_idle(&self) -> bool {
        !self.writing && self.waiting.is_empty()
    }
}

/// The terminal's sink; its thread is started once.
fn sink() -> io::Result<&'static FrameSink> {
    static SINK: OnceLock<FrameSink> = OnceLock::new();
    static STARTED: Mutex<bool> = Mutex::new(false);
    let sink = SINK.get_or_init(FrameSink::default);
    let mut started = lock(&STARTED);
    if !*started {
        thread::Builder::new().name("terminal".to_owned()).spawn(|| sink.run())?;
        *started = true;
    }
    Ok(sink)
}

impl FrameSink {
    /// Writes what comes, for as long as the program runs.
    fn run(&self) {
        let mut bytes = Vec::with_capacity(FRAME_BYTES);
        let stdout = io::stdout();
        loop {
            {
                let mut state = lock(&self.state);
                while state.waiting.is_empty() {
                    state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                }
                bytes.clear();
                std::mem::swap(&mut bytes, &mut state.waiting);
                state.writing = true;
            }
            let start = Instant::now();
            let written = bytes.chunks(PIECE).try_for_each(|piece| self.write(&stdout, piece));
            let mut state = lock(&self.state);
            state.writing = false;
            state.took += start.elapsed();
            if let Err(error) = written {
                state.error.get_or_insert((error.kind(), error.to_string()));
            }
            drop(state);
            self.changed.notify_all();
            self.idle.notify_one();
        }
    }

    /// Writes one piece, unless the terminal was left meanwhile: an escape sequence that is cut ends at the next one.
    fn write(&self, to: impl AsFd, piece: &[u8]) -> io::Result<()> {
        if lock(&self.state).closed {
            return Ok(());
        }
        write_all(to, piece)?;
        lock(&self.state).taken += 1;
        Ok(())
    }

    /// Fails if an earlier write has.
    fn check(state: &FrameSinkState) -> io::Result<()> {
        match &state.error {
            Some((kind, text)) => Err(io::Error::new(*kind, text.clone())),
            None => Ok(()),
        }
    }
}

/// Writes to the descriptor itself: the lock of [`io::Stdout`] would be held for as long as the terminal does not read.
fn write_all(to: impl AsFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(&to, bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

impl FrameOutput {
    /// Opens the terminal's output.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub(super) fn open() -> io::Result<Self> {
        Ok(Self { frame: Arc::default(), sink: sink()? })
    }

    /// Passes what was drawn on to the thread.
    ///
    /// # Errors
    /// If an earlier write has failed.
    pub(super) fn send(&self) -> io::Result<()> {
        let mut frame = lock(&self.frame);
        let mut state = lock(&self.sink.state);
        FrameSink::check(&state)?;
        if state.closed {
            frame.clear();
        }
        state.waiting.append(&mut frame);
        self.sink.changed.notify_all();
        Ok(())
    }

    /// Passes a control sequence on, unless too much waits already.
    ///
    /// # Errors
    /// If an earlier write has failed.
    pub(super) fn send_bytes(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = lock(&self.sink.state);
        FrameSink::check(&state)?;
        if !state.closed && state.waiting.len() + bytes.len() <= WAITING {
            state.waiting.extend_from_slice(bytes);
            self.sink.changed.notify_all();
        }
        Ok(())
    }

    /// Returns `true` once everything was written.
    pub(super) fn is_idle(&self) -> bool {
        lock(&self.sink.state).is_idle()
    }

    /// Duration of the writes since the last call.
    pub(super) fn took(&self) -> Duration {
        std::mem::take(&mut lock(&self.sink.state).took)
    }

    /// Waits until everything was written.
    pub(super) async fn written(&self) {
        while !self.is_idle() {
            self.sink.idle.notified().await;
        }
    }
}

impl Write for FrameOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        lock(&self.frame).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Does nothing: ratatui flushes more than once a frame, and a frame is one write.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Number of pieces that the terminal has taken so far: it grows while a slow terminal reads.
pub(super) fn taken() -> u64 {
    sink().map_or(0, |sink| lock(&sink.state).taken)
}

/// Takes frames again after [`close`].
pub(super) fn reopen() {
    if let Ok(sink) = sink() {
        lock(&sink.state).closed = false;
    }
}

/// Drops everything that was not written, also a text for the clipboard, and waits until the piece that is being written has ended,
/// for at most this time. Nothing more is written until [`reopen`]. Returns `true` if nothing is being written then.
pub(super) fn close(patience: Duration) -> bool {
    let Ok(sink) = sink() else { return true };
    let end = Instant::now() + patience;
    let mut state = lock(&sink.state);
    state.closed = true;
    state.waiting.clear();
    while state.writing {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        state = sink.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
    }
    true
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
