//! The keyboard: reads what the terminal sends, as soon as it is there, and until nothing is left.

use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::AsFd;
use std::thread::{self, JoinHandle};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use tokio::sync::mpsc::{self, Receiver, Sender, error::TryRecvError};
use tokio::time::{Instant, sleep_until};

use super::decoder::{InputDecoder, InputEvent};

/// What the kernel keeps of a terminal's input.
const READ_BYTES: usize = 4096;
/// Reads that wait for the loop; what else was typed waits in the kernel.
const MOST_READS: usize = 16;

/// What the operator types, while the terminal is ours. When it is dropped, nobody reads the terminal any more.
#[derive(Debug)]
pub struct Keyboard {
    reads: Receiver<TerminalRead>,
    decoder: InputDecoder,
    reader: Option<TerminalReader>,
}

/// What one read brought and when, or why there are no more.
type TerminalRead = io::Result<(Vec<u8>, Instant)>;

/// The thread that waits for the terminal: a wait in the loop would need the terminal to be shared in a mode in which a write may fail.
#[derive(Debug)]
struct TerminalReader {
    thread: JoinHandle<()>,
    /// The thread ends when this is closed.
    end: PipeWriter,
}

impl Keyboard {
    /// Reads from stdin, which is a terminal.
    ///
    /// # Errors
    /// If the thread for it cannot be started.
    pub fn open() -> io::Result<Self> {
        let (ended, end) = io::pipe()?;
        let (out, reads) = mpsc::channel(MOST_READS);
        let thread = thread::Builder::new().name("keyboard".into()).spawn(move || read_all(&ended, &out))?;
        Ok(Self { reads, decoder: InputDecoder::new(Instant::now()), reader: Some(TerminalReader { thread, end }) })
    }

    /// The next input, if it is there.
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
                // Here and not only in a wait: the timers of the runtime stand still while messages keep the loop busy.
                Err(TryRecvError::Empty)
                    if self.decoder.deadline().is_some_and(|deadline| deadline <= Instant::now()) =>
                {
                    self.decoder.give_up();
                }
                Err(TryRecvError::Empty) => return Ok(None),
            }
        }
    }

    /// The next input. Nothing is lost when the future is dropped.
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
            // It panics nowhere, and would only be missed.
            let _ = thread.join();
        }
    }
}

/// Reads until the terminal is gone or nobody wants more.
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

/// Waits for input; `None` once nobody wants any.
fn read(ended: &PipeReader) -> io::Result<Option<Vec<u8>>> {
    let stdin = io::stdin();
    let mut bytes = vec![0; READ_BYTES];
    loop {
        // Before the read, which would wait for a whole line where a shell has set the terminal's modes meanwhile.
        let mut asked = [PollFd::new(ended, PollFlags::IN), PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut asked, None) {
            Ok(_) if !asked[0].revents().is_empty() => return Ok(None),
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        }
        match rustix::io::read(stdin.as_fd(), &mut bytes) {
            // Nothing, though something is there: the terminal has hung up.
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
