//! The TCP front of one server: its connections can be frozen and cut, and its port can refuse and listen again.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::fault::WireEnd;
use super::lock;

/// Pause of `accept` after an error such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Common state of all connections of a server.
#[derive(Clone, Copy, Debug, Default)]
struct Gate {
    /// Connections of an older generation are cut.
    generation: u64,
    /// Nothing is written.
    frozen: bool,
    /// New connections are accepted but not read.
    held: bool,
    /// New connections are not accepted.
    paused: bool,
}

/// Bytes that a connection still sends before it ends early; a request sets it for its own answer.
#[derive(Debug, Default)]
pub(super) struct Wire {
    limit: Mutex<Option<(u64, WireEnd)>>,
}

impl Wire {
    /// Ends the connection in this way after `after_bytes` more bytes.
    pub(super) fn arm(&self, after_bytes: u64, end: WireEnd) {
        *lock(&self.limit) = Some((after_bytes, end));
    }
}

/// Control of all connections of a server.
#[derive(Debug)]
pub(super) struct Front {
    gate: watch::Sender<Gate>,
    open: Arc<AtomicUsize>,
}

impl Front {
    pub(super) fn new() -> Self {
        Self { gate: watch::Sender::new(Gate::default()), open: Arc::new(AtomicUsize::new(0)) }
    }

    /// Stops or resumes writing: connections are accepted and read.
    pub(super) fn freeze(&self, on: bool) {
        self.gate.send_modify(|gate| gate.frozen = on);
    }

    /// Stops or resumes reading from new connections, which are still accepted.
    pub(super) fn hold(&self, on: bool) {
        self.gate.send_modify(|gate| gate.held = on);
    }

    /// Stops or resumes accepting: new connections wait in the queue, while there is room.
    pub(super) fn pause_accepting(&self, on: bool) {
        self.gate.send_modify(|gate| gate.paused = on);
    }

    /// Returns `true` while no connection is accepted.
    pub(super) fn is_paused(&self) -> bool {
        self.gate.borrow().paused
    }

    /// Closes every open connection.
    pub(super) fn cut(&self) {
        self.gate.send_modify(|gate| gate.generation += 1);
    }

    /// Number of open connections.
    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Puts a listener behind this front.
    pub(super) fn attach(&self, inner: Arc<TcpListener>) -> FrontListener {
        FrontListener { inner, gate: self.gate.subscribe(), open: Arc::clone(&self.open) }
    }
}

/// Accepts connections behind a [`Front`].
#[derive(Debug)]
pub(super) struct FrontListener {
    inner: Arc<TcpListener>,
    gate: watch::Receiver<Gate>,
    open: Arc<AtomicUsize>,
}

impl FrontListener {
    /// Waits for the next connection.
    pub(super) async fn accept(&self) -> Connection {
        // Its own receiver: a connection must see the gate's changes itself.
        let mut gate = self.gate.clone();
        loop {
            // The front lives as long as its server, whose task this is.
            gate.wait_for(|gate| !gate.paused).await.ok();
            let accepted = tokio::select! {
                biased;
                Ok(_) = gate.wait_for(|gate| gate.paused) => continue,
                accepted = self.inner.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    // Small answers must not wait for a full segment; a socket that refuses this still works.
                    stream.set_nodelay(true).ok();
                    self.open.fetch_add(1, Ordering::Relaxed);
                    return Connection::new(stream, self.gate.clone(), Arc::clone(&self.open));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    }
}

type GateChange = Pin<Box<dyn Future<Output = (watch::Receiver<Gate>, bool)> + Send>>;

/// One connection under the control of its front.
pub(super) struct Connection {
    stream: TcpStream,
    wire: Arc<Wire>,
    gate_at_accept: Gate,
    gate: Gate,
    /// Resolves when the gate changes; `false` when the server is gone.
    change: GateChange,
    open: Arc<AtomicUsize>,
}

impl Connection {
    fn new(stream: TcpStream, mut gate: watch::Receiver<Gate>, open: Arc<AtomicUsize>) -> Self {
        let now = *gate.borrow_and_update();
        Self { stream, wire: Arc::default(), gate_at_accept: now, gate: now, change: next_change(gate), open }
    }

    /// The limit of this connection's bytes.
    pub(super) fn wire(&self) -> Arc<Wire> {
        Arc::clone(&self.wire)
    }

    /// Polls the gate, and leaves the task registered for its next change.
    fn poll_gate(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while let Poll::Ready((mut gate, alive)) = self.change.as_mut().poll(cx) {
            self.gate = *gate.borrow_and_update();
            if !alive {
                self.gate.generation = u64::MAX;
                self.change = Box::pin(std::future::pending());
                break;
            }
            self.change = next_change(gate);
        }
        if self.gate.generation == self.gate_at_accept.generation {
            Ok(())
        } else {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

fn next_change(mut gate: watch::Receiver<Gate>) -> GateChange {
    Box::pin(async move {
        let alive = gate.changed().await.is_ok();
        (gate, alive)
    })
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.poll_gate(cx)?;
        if self.gate_at_accept.held && self.gate.held {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_gate(cx)?;
        if self.gate.frozen {
            return Poll::Pending;
        }
        let armed = *lock(&self.wire.limit);
        let Some((left, end)) = armed else { return Pin::new(&mut self.stream).poll_write(cx, buf) };
        if left == 0 {
            return match end {
                // The gate wakes the task, should the server end.
                WireEnd::Stall => Poll::Pending,
                WireEnd::Truncate => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
                WireEnd::Reset => {
                    self.stream.set_zero_linger()?;
                    Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
                }
            };
        }
        let size = usize::try_from(left).map_or(buf.len(), |left| left.min(buf.len()));
        let sent = ready!(Pin::new(&mut self.stream).poll_write(cx, &buf[..size]))?;
        *lock(&self.wire.limit) = Some((left.saturating_sub(sent as u64), end));
        Poll::Ready(Ok(sent))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
