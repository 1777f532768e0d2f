//! The server of one cluster: the state that requests, churn, script and control share.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Mutex, Weak};
use std::time::Duration;

use serde::Serialize;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

use super::fault::Faults;
use super::front::Front;
use super::lock;
use super::population::World;
use super::resource::SimResource;
use super::scenario::ApisSpec;
use super::scrape::ServerMetrics;

/// Requests that are kept; older ones are only counted.
const LOG: usize = 100_000;
/// A request that the server has received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestLog {
    /// Since the start of the simulation.
    pub at: Duration,
    /// For instance `GET`.
    pub method: String,
    /// Path and query of the request line.
    pub path_and_query: String,
    /// HTTP status of the answer; 0 while there is none.
    pub status: u16,
}

#[derive(Debug, Default)]
struct Log {
    total: u64,
    entries: VecDeque<RequestLog>,
}

/// The state of one cluster and its server.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) context: String,
    pub(super) version: String,
    pub(super) watch_list: bool,
    pub(super) apis: ApisSpec,
    pub(super) world: Mutex<World>,
    pub(super) faults: Faults,
    pub(super) front: Front,
    pub(super) scrape: ServerMetrics,
    started: Instant,
    wall: i64,
    log: Mutex<Log>,
    /// A counter for each resource, whose running watches end when it changes.
    close_signals: [watch::Sender<u64>; SimResource::ALL.len()],
    tasks: Mutex<JoinSet<()>>,
    pub(super) port: Port,
}

/// The TCP port of one server; `listener` opens and closes it.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) address: SocketAddr,
    /// The system chose the port; it can be bound again while its listener is open.
    pub(super) shared: bool,
    /// The task that accepts connections, and its listener.
    pub(super) serving: Mutex<Option<(AbortHandle, Weak<TcpListener>)>>,
    /// Holds the port while nobody listens: the system would give it to the next caller.
    pub(super) reserved: Mutex<Option<TcpSocket>>,
    /// Connections that fill the queue of a listener that nobody accepts from.
    pub(super) plugs: Mutex<Vec<TcpStream>>,
}

/// Arguments of [`Server::new`].
#[derive(Debug)]
pub(super) struct ServerParts {
    pub(super) context: String,
    pub(super) version: String,
    pub(super) watch_list: bool,
    pub(super) apis: ApisSpec,
    pub(super) world: World,
    pub(super) seed: u64,
    pub(super) address: SocketAddr,
    /// The system chose the port.
    pub(super) shared: bool,
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
            scrape: ServerMetrics::default(),
            started: Instant::now(),
            wall: parts.wall,
            log: Mutex::new(Log::default()),
            close_signals: SimResource::ALL.map(|_| watch::Sender::new(0)),
            tasks: Mutex::new(JoinSet::new()),
            port: Port {
                address: parts.address,
                shared: parts.shared,
                serving: Mutex::new(None),
                reserved: Mutex::new(None),
                plugs: Mutex::default(),
            },
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.port.address)
    }

    /// Seconds of the Unix epoch; runs with tokio's clock, so that a paused test moves it too.
    pub(super) fn now(&self) -> i64 {
        self.wall + i64::try_from(self.started.elapsed().as_secs()).unwrap_or(i64::MAX)
    }

    /// Runs a task that ends with the server.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        let mut tasks = lock(&self.tasks);
        // Ended tasks are collected here, so that a server that often stops and starts again does not accumulate them.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(Box::pin(task) as Pin<Box<dyn Future<Output = ()> + Send>>)
    }

    /// Ends every task and connection.
    pub(super) fn shut_down(&self) {
        lock(&self.tasks).abort_all();
        self.front.freeze(false);
        self.front.cut();
    }

    /// Closes the running watches of a resource, or of all.
    pub(super) fn close_watches(&self, resource: Option<&str>) {
        for kind in SimResource::ALL {
            if resource.is_none_or(|plural| plural == kind.plural()) {
                self.close_signals[kind as usize].send_modify(|n| *n += 1);
            }
        }
    }

    /// A receiver that is notified when the watches of a resource must end.
    pub(super) fn close_signal(&self, resource: SimResource) -> watch::Receiver<u64> {
        self.close_signals[resource as usize].subscribe()
    }

    /// Records a request; returns its number for [`Self::log_status`].
    pub(super) fn log_request(&self, method: &str, path_and_query: &str) -> u64 {
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

    /// Records the status of a request's answer.
    pub(super) fn log_status(&self, number: u64, status: u16) {
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
