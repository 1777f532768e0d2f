//! A load balancer for the tests: passes connections on to the simulation, over TLS if it has a certificate, and misbehaves.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// Treatment of connections.
#[derive(Clone, Default)]
pub(crate) struct Mode {
    /// The handshake; `None`: plain TCP.
    pub(crate) tls: Option<TlsAcceptor>,
    /// New connections are accepted and not read.
    pub(crate) mute: bool,
    /// Connections with a lower number stay open but pass no more data, as when a load balancer has forgotten them.
    pub(crate) silent_before: usize,
}

pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    pub(crate) mode: watch::Sender<Mode>,
    accepted: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Relay {
    pub(crate) async fn to(server: SocketAddr, mode: Mode) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mode, modes) = watch::channel(mode);
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = accepted.clone();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let number = count.fetch_add(1, Ordering::Relaxed);
                connections.spawn(forward(stream, server, number, modes.clone()));
            }
        });
        Self { address, mode, accepted, task }
    }

    /// Forgets the connections so far: they stay open and silent, and neither side is notified.
    pub(crate) fn forget(&self) {
        self.mode.send_modify(|mode| mode.silent_before = self.accepted());
    }

    /// Connections so far.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }
}

async fn forward(stream: TcpStream, server: SocketAddr, number: usize, mut modes: watch::Receiver<Mode>) {
    let initial = modes.borrow_and_update().clone();
    if initial.mute {
        let _ = modes.wait_for(|mode| !mode.mute).await;
        return;
    }
    let Ok(upstream) = TcpStream::connect(server).await else { return };
    let forgotten = async move {
        let _ = modes.wait_for(|mode| number < mode.silent_before).await;
    };
    match initial.tls {
        None => Box::pin(copy(stream, upstream, forgotten)).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                Box::pin(copy(stream, upstream, forgotten)).await;
            }
        }
    }
}

/// Copies until one side ends, and then drops both: over TLS without a `close_notify`.
async fn copy(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    mut server: TcpStream,
    forgotten: impl Future<Output = ()>,
) {
    let mut forgotten = std::pin::pin!(forgotten);
    let (mut up, mut down) = ([0; 16 << 10], [0; 16 << 10]);
    loop {
        let done = tokio::select! {
            biased;
                // Both ends stay open, and neither receives anything.
            () = &mut forgotten => return std::future::pending().await,
            read = client.read(&mut up) => match read {
                Ok(size) if size > 0 => server.write_all(&up[..size]).await.is_err(),
                _ => true,
            },
            read = server.read(&mut down) => match read {
                Ok(size) if size > 0 => client.write_all(&down[..size]).await.is_err() || client.flush().await.is_err(),
                _ => true,
            },
        };
        if done {
            return;
        }
    }
}
