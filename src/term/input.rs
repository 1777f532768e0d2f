//! Keyboard: reads the terminal's input as soon as it arrives.

use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::AsFd;
use std::thread::{self, JoinHandle};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use tokio::sync::mpsc::{self, Receiver, Sender, error::TryRecvError};
use tokio::time::{Instant, sleep_until};

use super::decoder::{InputDecoder, InputEvent};

/// Size of the kernel's buffer for terminal input.
const READ_BYTES: usize = 4096;
/// Maximum number of reads that wait for the event loop; further input waits in the kernel.
const MOST_READS: usize = 16;

/// Keyboard input while the terminal is ours. After it is dropped, the terminal is no longer read.
#[derive(Debug)]
pub struct Keyboard {
    reads: Receiver<TerminalRead>,
    decoder: InputDecoder,
    reader: Option<TerminalReader>,
}

/// Bytes of one read with their time, or the error that ended reading.
type TerminalRead = io::Result<(Vec<u8>, Instant)>;

/// Thread that waits for the terminal. Waiting in the event loop would need the shared terminal in non-blocking mode, in which a
/// write may fail.
#[derive(Debug)]
struct TerminalReader {
    thread: JoinHandle<()>,
    /// Closing this pipe ends the thread.
    end: PipeWriter,
}

impl Keyboard {
    /// Starts to read stdin, which is a terminal.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn open() -> io::Result<Self> {
        let (ended, end) = io::pipe()?;
        let (out, reads) = mpsc::channel(MOST_READS);
        let thread = thread::Builder::new().name("keyboard".into()).spawn(move || read_all(&ended, &out))?;
        Ok(Self { reads, decoder: InputDecoder::new(Instant::now()), reader: Some(TerminalReader { thread, end }) })
    }

    /// Returns the next input that is available now.
    ///
    /// # Errors
    /// If the terminal is gone.
    pub fn ready(&mut self) -> io::Result<Option<InputEvent>> {
        loop {
            if let Some(event) = self.decoder.next() {
                return Ok(Some(event));
            }
            match self.reads.try_recv() {
                Ok(read) => self.feed(read)?,
                Err(TryRecvError::Disconnected) => return Err(io::ErrorKind::UnexpectedEof.into()),
                // Checked here too, because the runtime's timers do not fire while messages keep the loop busy.
                Err(TryRecvError::Empty)
                    if self.decoder.deadline().is_some_and(|deadline| deadline <= Instant::now()) =>
                {
                    self.decoder.abandon();
                }
                Err(TryRecvError::Empty) => return Ok(None),
            }
        }
    }

    /// Waits for the next input. Cancel-safe: no input is lost when the future is dropped.
    ///
    /// # Errors
    /// As [`Keyboard::ready`].
    pub async fn next(&mut self) -> io::Result<InputEvent> {
        loop {
            if let Some(event) = self.ready()? {
                return Ok(event);
            }
            let deadline = self.decoder.deadline();
            tokio::select! {
                biased;
                read = self.reads.recv() => self.feed(read.unwrap_or_else(|| Err(io::ErrorKind::UnexpectedEof.into())))?,
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {}
            }
        }
    }

    fn feed(&mut self, read: TerminalRead) -> io::Result<()> {
        let (bytes, at) = read?;
        self.decoder.feed(&bytes, at);
        Ok(())
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        self.reads.close();
        if let Some(TerminalReader { thread, end }) = self.reader.take() {
            drop(end);
            // The thread never panics, so the result does not matter.
            let _ = thread.join();
        }
    }
}

/// Reads until the terminal is gone or the keyboard is dropped.
fn read_all(ended: &PipeReader, out: &Sender<TerminalRead>) {
    loop {
        let read = match read(ended) {
            Ok(Some(bytes)) => Ok((bytes, Instant::now())),
            Ok(None) => return,
            Err(error) => Err(error),
        };
        let is_last = read.is_err();
        if out.blocking_send(read).is_err() || is_last {
            return;
        }
    }
}

/// Waits for input; `None` once the keyboard is dropped.
fn read(ended: &PipeReader) -> io::Result<Option<Vec<u8>>> {
    let stdin = io::stdin();
    let mut bytes = vec![0; READ_BYTES];
    loop {
        // Polled before the read, which would wait for a whole line if a shell has changed the terminal's modes meanwhile.
        let mut polled = [PollFd::new(ended, PollFlags::IN), PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut polled, None) {
            Ok(_) if !polled[0].revents().is_empty() => return Ok(None),
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        match rustix::io::read(stdin.as_fd(), &mut bytes) {
            // No bytes although input was signalled: the terminal has hung up.
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                bytes.truncate(count);
                return Ok(Some(bytes));
            }
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
    }
}
