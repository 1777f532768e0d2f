//! A simulated Kubernetes API server for the demo, tests and game days.
//!
//! A [`Scenario`] declares clusters and a script of faults and changes; [`start`] serves each cluster on a port of
//! its own. The server speaks plain HTTP and follows the real rules: pages of one consistent state, resourceVersions,
//! watches with bookmarks, selectors, tables, Status errors; `kubectl` works against it.
//!
//! Objects are compact records ([`object`]) over shared templates and become JSON when they are served, so that a
//! cluster of thousands of nodes starts at once and stays small.

mod apiserver;
mod body;
mod change;
mod churn;
mod control;
mod discovery;
mod dynamic;
mod encode;
mod event;
mod fault;
mod front;
mod leases;
mod list;
mod listener;
mod meta;
mod metrics;
mod node;
mod object;
mod pod;
mod population;
mod proto;
mod raw;
mod request;
mod resource;
mod scenario;
mod scrape;
mod script;
mod selector;
mod server;
mod status;
mod store;
mod table;
mod template;
mod token;
mod watch;

#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use serde_json::json;
use tokio::net::TcpSocket;
use tokio::time::Instant;

pub use change::Change;
pub use control::Control;
pub use fault::{Fault, FaultKind, FaultMatch, WireEnd};
pub use scenario::{Scenario, ScenarioError};
pub use server::RequestLog;

use listener::{listen, reserve};
use population::Seeds;
use server::{Server, ServerParts};

/// Longest wait of [`Simulation::stop`] for connections to end.
const STOP: Duration = Duration::from_secs(1);

/// Address of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterAddress {
    /// Its context in the kubeconfig.
    pub context: String,
    /// For instance `http://127.0.0.1:40123`; that of an unreachable cluster refuses connections.
    pub url: String,
}

/// One cluster of a running simulation.
#[derive(Debug)]
enum SimCluster {
    Served(Arc<Server>),
    /// The socket keeps the port, so that nobody else answers there.
    Unreachable {
        context: String,
        url: String,
        _port: TcpSocket,
    },
}

/// Running clusters; they end when this is dropped.
#[derive(Debug)]
pub struct Simulation {
    scenario: String,
    clusters: Vec<SimCluster>,
}

/// Serves a scenario: the first cluster at `listen`, the others on free ports of the same address.
///
/// # Errors
/// The system's error if a port is not available; `InvalidInput` if the counts of the scenario do not fit its nodes.
pub async fn start(scenario: Scenario, listen: SocketAddr) -> io::Result<Simulation> {
    let wall = crate::clock::wall().as_second();
    let mut clusters = Vec::new();
    let mut address = listen;
    for spec in &scenario.clusters {
        let seed = spec.seed.unwrap_or(scenario.seed);
        let context = spec.context.get_ref().clone();
        if spec.unreachable {
            let port = reserve(address)?;
            let url = format!("http://{}", port.local_addr()?);
            clusters.push(SimCluster::Unreachable { context, url, _port: port });
        } else {
            let listener = self::listen(address)?;
            let seeds = Seeds { rng: Rng::with_seed(seed), now: wall };
            let world = population::build(spec, seeds)
                .map_err(|why| io::Error::new(io::ErrorKind::InvalidInput, format!("cluster `{context}`: {why}")))?;
            let server = Arc::new(Server::new(ServerParts {
                context,
                version: spec.version.clone(),
                watch_list: spec.watch_list,
                apis: spec.apis.clone(),
                world,
                seed,
                address: listener.local_addr()?,
                shared: address.port() == 0,
                wall,
            }));
            server.serve(listener);
            churn::spawn(&server, &spec.churn);
            leases::spawn(&server);
            script::spawn(&server, spec, &scenario);
            clusters.push(SimCluster::Served(server));
        }
        address.set_port(0);
    }
    // The servers' tasks start when this one yields, so that a caller that connects at once is served.
    tokio::task::yield_now().await;
    Ok(Simulation { scenario: scenario.name, clusters })
}

impl Simulation {
    /// Every cluster with its address, in the order of the scenario.
    #[must_use]
    pub fn clusters(&self) -> Vec<ClusterAddress> {
        let address = |cluster: &SimCluster| match cluster {
            SimCluster::Served(server) => ClusterAddress { context: server.context.clone(), url: server.url() },
            SimCluster::Unreachable { context, url, .. } => {
                ClusterAddress { context: context.clone(), url: url.clone() }
            }
        };
        self.clusters.iter().map(address).collect()
    }

    /// A kubeconfig for all clusters, as YAML; the current context is the first one.
    #[must_use]
    pub fn kubeconfig(&self) -> String {
        let clusters = self.clusters();
        let list =
            |entry: &dyn Fn(&ClusterAddress) -> serde_json::Value| clusters.iter().map(entry).collect::<Vec<_>>();
        // JSON strings are YAML strings, so names need no quoting rules of their own.
        let mut lines = vec!["apiVersion: v1\nkind: Config\npreferences: {}".to_owned()];
        for (key, entries) in [
            ("clusters", list(&|c| json!({"name": c.context, "cluster": {"server": c.url}}))),
            ("users", vec![json!({"name": "simulation", "user": {}})]),
            (
                "contexts",
                list(&|c| json!({"name": c.context, "context": {"cluster": c.context, "user": "simulation"}})),
            ),
        ] {
            lines.push(format!("{key}:"));
            lines.extend(entries.iter().map(|entry| format!("- {entry}")));
        }
        let first = clusters.first().map_or("", |c| &c.context);
        lines.push(format!("current-context: {}\n", json!(first)));
        lines.join("\n")
    }

    /// Control of one cluster; `None` for an unknown or unreachable one.
    #[must_use]
    pub fn control(&self, context: &str) -> Option<Control> {
        self.clusters.iter().find_map(|cluster| match cluster {
            SimCluster::Served(server) if server.context == context => Some(Control::new(Arc::clone(server))),
            _ => None,
        })
    }

    /// The server of one cluster without a socket, for tests under paused time.
    #[cfg(test)]
    pub(crate) fn in_process(&self, context: &str) -> Option<InProcessServer> {
        self.clusters.iter().find_map(|cluster| match cluster {
            SimCluster::Served(server) if server.context == context => {
                Some(InProcessServer { server: Arc::clone(server), wire: Arc::default() })
            }
            _ => None,
        })
    }

    /// One line of JSON that reports that all clusters are served, with their addresses.
    #[must_use]
    pub fn ready_line(&self) -> String {
        let clusters: Vec<_> =
            self.clusters().into_iter().map(|c| json!({"context": c.context, "url": c.url})).collect();
        json!({"ready": true, "scenario": self.scenario, "clusters": clusters}).to_string()
    }

    /// Ends all tasks and waits a moment for the connections to close.
    pub async fn stop(self) {
        let served = self.clusters.iter().filter_map(|cluster| match cluster {
            SimCluster::Served(server) => Some(Arc::clone(server)),
            SimCluster::Unreachable { .. } => None,
        });
        let servers: Vec<_> = served.collect();
        drop(self);
        let deadline = Instant::now() + STOP;
        while servers.iter().any(|s| s.front.open() > 0) && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// A server that is called without a socket.
#[cfg(test)]
#[derive(Clone)]
pub(crate) struct InProcessServer {
    server: Arc<Server>,
    wire: Arc<front::Wire>,
}

#[cfg(test)]
impl InProcessServer {
    /// Answers one request.
    pub(crate) async fn answer(self, request: http::request::Parts) -> body::Response {
        apiserver::handle(self.server, self.wire, request).await
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        for cluster in &self.clusters {
            if let SimCluster::Served(server) = cluster {
                server.shut_down();
            }
        }
    }
}

/// Locks a mutex even if a task panicked with it: the state that it left is still good enough to serve.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
