//! The listener of a server: its port opens, refuses, stops answering and comes back.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::apiserver;
use super::front::Connection;
use super::lock;
use super::server::{Port, Server};

/// Length of the accept queue, as in tokio's own `bind`.
const BACKLOG: u32 = 1024;
/// Maximum number of connections that fill the accept queue: more than a queue of length 0 holds, plus those that are accepted
/// while the acceptor stops.
const PLUGS: usize = 64;
/// A connection on loopback that takes longer than this has found a full queue.
const PLUG: Duration = Duration::from_millis(30);

impl Server {
    /// Serves connections of a listener.
    pub(super) fn serve(self: &Arc<Self>, listener: TcpListener) {
        // The task alone keeps the listener: it is closed when that ends.
        let listener = Arc::new(listener);
        let weak = Arc::downgrade(&listener);
        let listener = self.front.attach(listener);
        let server = Arc::clone(self);
        let handle = self.spawn(async move {
            // It only ends by being aborted: errors of `accept` are waited out in the front.
            loop {
                // Not a task of the server's: it ends when the client closes, or the front cuts it.
                tokio::spawn(serve_connection(Arc::clone(&server), listener.accept().await));
            }
        });
        *lock(&self.port.serving) = Some((handle, weak));
    }

    /// Refuses connections and cuts the open ones.
    pub(super) async fn stop_listening(&self) {
        self.stop_accepting().await;
        self.front.cut();
    }

    /// Stops answering packets: open connections are frozen, and new ones find a full queue that nobody empties, where Linux
    /// drops their SYN as a firewall would. No connection is closed: [`Self::listen_again`] delivers
    /// the bytes that are still being sent.
    pub(super) async fn black_hole(self: &Arc<Self>) {
        self.front.freeze(true);
        self.front.pause_accepting(true);
        if self.resume().is_err() || !self.set_backlog(0) {
            return;
        }
        let mut plugs = Vec::new();
        while plugs.len() < PLUGS && self.front.is_paused() {
            match tokio::time::timeout(PLUG, TcpStream::connect(self.port.address)).await {
                Ok(Ok(plug)) => plugs.push(plug),
                Ok(Err(_)) | Err(_) => break,
            }
        }
        let mut held = lock(&self.port.plugs);
        if self.front.is_paused() {
            *held = plugs;
        }
    }

    /// Sets the length of the accept queue; returns `false` if that failed.
    fn set_backlog(&self, length: u32) -> bool {
        let listener = lock(&self.port.serving).as_ref().and_then(|(_, listener)| listener.upgrade());
        // Linux and the BSDs change the length of a listening socket; connections that already wait stay in the queue.
        let length = i32::try_from(length).unwrap_or(i32::MAX);
        listener.is_some_and(|listener| rustix::net::listen(&*listener, length).is_ok())
    }

    async fn stop_accepting(&self) {
        // A port of the system's choice is bound once more before its listener closes: the system gives it to nobody in between.
        self.reserve();
        let serving = lock(&self.port.serving).take();
        if let Some((handle, _)) = serving {
            handle.abort();
            while !handle.is_finished() {
                tokio::task::yield_now().await;
            }
        }
        self.front.pause_accepting(false);
        lock(&self.port.plugs).clear();
        self.reserve();
    }

    /// Binds a socket that reserves the port, unless there is one, or the open listener does not share its port.
    fn reserve(&self) {
        let mut reserved = lock(&self.port.reserved);
        if reserved.is_none() {
            *reserved = self.port.bind().ok();
        }
    }

    /// Takes the socket that reserves the port, or binds a new one.
    fn take_socket(&self) -> io::Result<TcpSocket> {
        let reserved = lock(&self.port.reserved).take();
        reserved.map_or_else(|| self.port.bind(), Ok)
    }

    /// Listens again on the same port.
    pub(super) fn listen_again(self: &Arc<Self>) -> io::Result<()> {
        lock(&self.port.plugs).clear();
        self.resume()?;
        self.set_backlog(BACKLOG);
        self.front.pause_accepting(false);
        Ok(())
    }

    /// Starts a listener unless one is running.
    fn resume(self: &Arc<Self>) -> io::Result<()> {
        if lock(&self.port.serving).is_none() {
            self.serve(self.take_socket()?.listen(BACKLOG)?);
        }
        Ok(())
    }
}

/// Answers the requests of one connection.
async fn serve_connection(server: Arc<Server>, connection: Connection) {
    let wire = connection.wire();
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = apiserver::handle(Arc::clone(&server), Arc::clone(&wire), request.into_parts().0);
        async { Ok::<_, Infallible>(answer.await) }
    });
    // An error ends the connection, which is all that a server can do about it.
    http1::Builder::new().serve_connection(TokioIo::new(connection), service).await.ok();
}

impl Port {
    fn bind(&self) -> io::Result<TcpSocket> {
        bind(self.address, self.shared)
    }
}

/// Binds a socket without listening: it refuses connections, and no other program gets the port. A `shared` port can be bound by
/// another `shared` socket of the same user.
fn bind(address: SocketAddr, shared: bool) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // The port must be free again at once after a stop, although old connections linger in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(shared)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Binds a socket that never listens.
pub(super) fn reserve(address: SocketAddr) -> io::Result<TcpSocket> {
    bind(address, false)
}

/// Listens on an address; on a shared port if the system chooses it.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    bind(address, address.port() == 0)?.listen(BACKLOG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_port_of_the_systems_choice_is_bound_twice() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        for first_shared in [false, true] {
            let open = bind(any, first_shared).unwrap().listen(1).unwrap();
            for second_shared in [false, true] {
                let second = bind(open.local_addr().unwrap(), second_shared).map_err(|error| error.kind());
                let expected = if first_shared && second_shared { Ok(()) } else { Err(io::ErrorKind::AddrInUse) };
                assert_eq!(second.map(drop), expected, "{first_shared} {second_shared}");
            }
        }
    }
}
