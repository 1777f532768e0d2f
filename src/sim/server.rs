//! One cluster's server: the state that requests, churn, script and control share.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use serde::Serialize;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use super::apiserver;
use super::fault::Faults;
use super::front::{Front, Via};
use super::lock;
use super::object::SimResource;
use super::population::World;
use super::scenario::ApisSpec;
use super::scrape::Scrape;

/// As many requests are remembered; older ones are only counted.
const LOG: usize = 100_000;
/// As many connections may wait to be accepted: what tokio's own `bind` uses.
const BACKLOG: u32 = 1024;
/// More connections than a queue of length 0 takes, and those that are accepted while the acceptor is told to rest.
const PLUGS: usize = 64;
/// A connection on loopback that takes this long has found the queue full.
const PLUG: Duration = Duration::from_millis(30);

/// A request that the server has seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestLog {
    /// Since the start of the simulation.
    pub at: Duration,
    /// For instance `GET`.
    pub method: String,
    /// As it stood in the request line.
    pub path_and_query: String,
    /// HTTP status of the answer; 0 while there is none.
    pub status: u16,
}

#[derive(Debug, Default)]
struct Log {
    total: u64,
    entries: VecDeque<RequestLog>,
}

/// Everything about one cluster.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) context: String,
    pub(super) version: String,
    pub(super) watch_list: bool,
    pub(super) apis: ApisSpec,
    pub(super) world: Mutex<World>,
    pub(super) faults: Faults,
    pub(super) front: Front,
    pub(super) scrape: Scrape,
    address: SocketAddr,
    started: Instant,
    wall: i64,
    log: Mutex<Log>,
    /// Watches of a kind end when its number grows.
    kicks: [watch::Sender<u64>; SimResource::ALL.len()],
    tasks: Mutex<JoinSet<()>>,
    serving: Mutex<Option<(AbortHandle, Weak<TcpListener>)>>,
    /// Holds the port while nobody listens: the system would give it to whoever asks for any.
    reserved: Mutex<Option<TcpSocket>>,
    /// They fill the queue of a listener that nobody accepts from.
    plugs: Mutex<Vec<TcpStream>>,
}

/// What a server is made of.
#[derive(Debug)]
pub(super) struct ServerParts {
    pub(super) context: String,
    pub(super) version: String,
    pub(super) watch_list: bool,
    pub(super) apis: ApisSpec,
    pub(super) world: World,
    pub(super) seed: u64,
    pub(super) address: SocketAddr,
    pub(super) wall: i64,
}

impl Server {
    pub(super) fn new(parts: ServerParts) -> Self {
        Self {
            context: parts.context,
            version: parts.version,
            watch_list: parts.watch_list,
            apis: parts.apis,
            world: Mutex::new(parts.world),
            faults: Faults::new(parts.seed),
            front: Front::new(),
            scrape: Scrape::default(),
            address: parts.address,
            started: Instant::now(),
            wall: parts.wall,
            log: Mutex::new(Log::default()),
            kicks: SimResource::ALL.map(|_| watch::Sender::new(0)),
            tasks: Mutex::new(JoinSet::new()),
            serving: Mutex::new(None),
            reserved: Mutex::new(None),
            plugs: Mutex::default(),
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Seconds of the Unix epoch; runs with tokio's clock, so that a paused test moves it too.
    pub(super) fn now(&self) -> i64 {
        self.wall + i64::try_from(self.started.elapsed().as_secs()).unwrap_or(i64::MAX)
    }

    /// Runs a task that ends with the server.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        let mut tasks = lock(&self.tasks);
        // Ended tasks are collected here, so that a server that stops and comes back often keeps none of them.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(Box::pin(task) as Pin<Box<dyn Future<Output = ()> + Send>>)
    }

    /// Serves connections of a listener.
    pub(super) fn serve(self: &Arc<Self>, listener: TcpListener) {
        // The task alone keeps the listener: it is closed when that ends.
        let listener = Arc::new(listener);
        let length = Arc::downgrade(&listener);
        let listener = self.front.guard(listener);
        let router = apiserver::router(Arc::clone(self)).into_make_service_with_connect_info::<Via>();
        let handle = self.spawn(async move {
            // It only ends by being aborted: errors of `accept` are waited out in the front.
            axum::serve(listener, router).await.ok();
        });
        *lock(&self.serving) = Some((handle, length));
    }

    /// Refuses connections and cuts the open ones.
    pub(super) async fn stop_listening(&self) {
        self.stop_accepting().await;
        self.front.cut();
    }

    /// Answers no packet: open connections stand still, and new ones find a full queue that nobody empties, where Linux
    /// drops their SYN as a firewall would. Nothing is closed, and so nobody is told: [`Self::listen_again`] lets through
    /// what is still sent.
    pub(super) async fn vanish(self: &Arc<Self>) {
        self.front.freeze(true);
        self.front.rest(true);
        if self.resume().is_err() || !self.queues(0) {
            return;
        }
        let mut plugs = Vec::new();
        while plugs.len() < PLUGS && self.front.rests() {
            match tokio::time::timeout(PLUG, TcpStream::connect(self.address)).await {
                Ok(Ok(plug)) => plugs.push(plug),
                Ok(Err(_)) | Err(_) => break,
            }
        }
        let mut held = lock(&self.plugs);
        if self.front.rests() {
            *held = plugs;
        }
    }

    /// As many connections may wait to be accepted; whether that could be set.
    fn queues(&self, length: u32) -> bool {
        let listener = lock(&self.serving).as_ref().and_then(|(_, listener)| listener.upgrade());
        // Linux and the BSDs take another length while they listen; what waits already goes on waiting.
        let length = i32::try_from(length).unwrap_or(i32::MAX);
        listener.is_some_and(|listener| rustix::net::listen(&*listener, length).is_ok())
    }

    async fn stop_accepting(&self) {
        let serving = lock(&self.serving).take();
        if let Some((handle, _)) = serving {
            handle.abort();
            while !handle.is_finished() {
                tokio::task::yield_now().await;
            }
        }
        self.front.rest(false);
        lock(&self.plugs).clear();
        let mut reserved = lock(&self.reserved);
        if reserved.is_none() {
            *reserved = bind(self.address).ok();
        }
    }

    /// The socket that held the port, or another one.
    fn port(&self) -> io::Result<TcpSocket> {
        let reserved = lock(&self.reserved).take();
        reserved.map_or_else(|| bind(self.address), Ok)
    }

    /// Listens again on the same port.
    pub(super) fn listen_again(self: &Arc<Self>) -> io::Result<()> {
        lock(&self.plugs).clear();
        self.resume()?;
        self.queues(BACKLOG);
        self.front.rest(false);
        Ok(())
    }

    /// Sees to it that there is a listener.
    fn resume(self: &Arc<Self>) -> io::Result<()> {
        if lock(&self.serving).is_none() {
            self.serve(self.port()?.listen(BACKLOG)?);
        }
        Ok(())
    }

    /// Ends every task and connection.
    pub(super) fn shut_down(&self) {
        lock(&self.tasks).abort_all();
        self.front.freeze(false);
        self.front.cut();
    }

    /// Ends the running watches of a kind, or of all.
    pub(super) fn close_watches(&self, resource: Option<&str>) {
        for kind in SimResource::ALL {
            if resource.is_none_or(|plural| plural == kind.plural()) {
                self.kicks[kind as usize].send_modify(|n| *n += 1);
            }
        }
    }

    /// Wakes when the watches of a kind are to end.
    pub(super) fn kicked(&self, resource: SimResource) -> watch::Receiver<u64> {
        self.kicks[resource as usize].subscribe()
    }

    /// Notes a request; the number is for [`Self::answered`].
    pub(super) fn seen(&self, method: &str, path_and_query: &str) -> u64 {
        let entry = RequestLog {
            at: self.started.elapsed(),
            method: method.to_owned(),
            path_and_query: path_and_query.to_owned(),
            status: 0,
        };
        let mut log = lock(&self.log);
        log.total += 1;
        log.entries.push_back(entry);
        if log.entries.len() > LOG {
            log.entries.pop_front();
        }
        log.total
    }

    /// Notes the status of a request's answer.
    pub(super) fn answered(&self, number: u64, status: u16) {
        let mut log = lock(&self.log);
        let back = usize::try_from(log.total - number).unwrap_or(usize::MAX);
        if let Some(entry) = log.entries.len().checked_sub(back + 1).and_then(|i| log.entries.get_mut(i)) {
            entry.status = status;
        }
    }

    pub(super) fn requests(&self) -> Vec<RequestLog> {
        lock(&self.log).entries.iter().cloned().collect()
    }

    pub(super) fn request_count(&self) -> u64 {
        lock(&self.log).total
    }
}

/// A socket bound to an address, not listening yet: connecting to it is refused, and nobody else gets the port.
pub(super) fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // The port must be free again at once after a stop, although old connections linger in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

/// Listens on an address.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    bind(address)?.listen(BACKLOG)
}
