//! The TCP front of one server: connections that can be frozen and cut, a port that can refuse and come back.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How long `accept` rests after an error such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What all connections of a server obey.
#[derive(Clone, Copy, Debug, Default)]
struct Gate {
    /// Connections of an older turn are cut.
    turn: u64,
    /// Nothing is written.
    frozen: bool,
}

/// The switch for all connections of a server.
#[derive(Debug)]
pub(super) struct Front {
    gate: watch::Sender<Gate>,
    open: Arc<AtomicUsize>,
}

impl Front {
    pub(super) fn new() -> Self {
        Self { gate: watch::Sender::new(Gate::default()), open: Arc::new(AtomicUsize::new(0)) }
    }

    /// Connections are accepted and read, but nothing is written to them.
    pub(super) fn freeze(&self, on: bool) {
        self.gate.send_modify(|gate| gate.frozen = on);
    }

    /// Closes every open connection.
    pub(super) fn cut(&self) {
        self.gate.send_modify(|gate| gate.turn += 1);
    }

    /// How many connections are open.
    pub(super) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Puts a listener behind this front.
    pub(super) fn guard(&self, inner: TcpListener) -> FrontListener {
        FrontListener { inner, gate: self.gate.subscribe(), open: Arc::clone(&self.open) }
    }
}

/// Accepts connections behind a [`Front`].
#[derive(Debug)]
pub(super) struct FrontListener {
    inner: TcpListener,
    gate: watch::Receiver<Gate>,
    open: Arc<AtomicUsize>,
}

impl Listener for FrontListener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            match self.inner.accept().await {
                Ok((stream, peer)) => {
                    // Small answers must not wait for a full segment; a socket that refuses this still works.
                    stream.set_nodelay(true).ok();
                    self.open.fetch_add(1, Ordering::Relaxed);
                    return (Connection::new(stream, self.gate.clone(), Arc::clone(&self.open)), peer);
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

type Change = Pin<Box<dyn Future<Output = (watch::Receiver<Gate>, bool)> + Send>>;

/// One connection that obeys its front.
pub(super) struct Connection {
    stream: TcpStream,
    born: u64,
    now: Gate,
    /// Resolves when the gate changes; `false` when the server is gone.
    change: Change,
    open: Arc<AtomicUsize>,
}

impl Connection {
    fn new(stream: TcpStream, mut gate: watch::Receiver<Gate>, open: Arc<AtomicUsize>) -> Self {
        let now = *gate.borrow_and_update();
        Self { stream, born: now.turn, now, change: next(gate), open }
    }

    /// Takes note of changes, and leaves the task registered for the next one.
    fn obey(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        while let Poll::Ready((mut gate, alive)) = self.change.as_mut().poll(cx) {
            self.now = *gate.borrow_and_update();
            if !alive {
                self.now.turn = u64::MAX;
                self.change = Box::pin(std::future::pending());
                break;
            }
            self.change = next(gate);
        }
        if self.now.turn == self.born { Ok(()) } else { Err(io::ErrorKind::ConnectionReset.into()) }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

fn next(mut gate: watch::Receiver<Gate>) -> Change {
    Box::pin(async move {
        let alive = gate.changed().await.is_ok();
        (gate, alive)
    })
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.obey(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.obey(cx)?;
        if self.now.frozen {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
