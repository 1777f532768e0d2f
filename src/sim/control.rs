//! Control of one cluster's server, for tests.

use std::io;
use std::sync::Arc;

use serde_json::Value;

use super::change::Change;
use super::encode::Encoder;
use super::fault::{Fault, FaultKind};
use super::lock;
use super::resource::SimResource;
use super::server::{RequestLog, Server};

/// Inspects and changes one cluster's server.
#[derive(Clone, Debug)]
pub struct Control {
    server: Arc<Server>,
}

impl Control {
    pub(super) fn new(server: Arc<Server>) -> Self {
        Self { server }
    }

    /// All nodes and pods, complete and as of one moment: `{"nodes": [objects], "pods": [objects]}`, each in key order.
    ///
    /// Takes some hundred MB for thousands of pods, as any tree of values does; [`Self::dump_json`] gives the same as text.
    ///
    /// # Panics
    /// Never: the server reads only what it has written.
    #[must_use]
    pub fn dump(&self) -> Value {
        // `Value`'s own `parse` is compiled, and optimised, with its crate: in a debug build it is several times faster
        // than `from_slice`.
        let text = String::from_utf8(self.dump_json()).ok();
        text.and_then(|text| text.parse().ok()).expect("the server writes JSON")
    }

    /// The same objects as JSON text, for readers that keep only a part of it.
    ///
    /// # Panics
    /// Never: plain JSON can always be written.
    #[must_use]
    pub fn dump_json(&self) -> Vec<u8> {
        let kinds = [SimResource::Nodes, SimResource::Pods];
        let objects = {
            let world = lock(&self.server.world);
            kinds.map(|kind| world.store.all(kind).cloned().collect::<Vec<_>>())
        };
        let now = self.server.now();
        let mut out = Vec::new();
        for (kind, objects) in kinds.into_iter().zip(objects) {
            let encoder = Encoder::new(kind, kind.api_version(), "", "", now).expect("plain JSON is always possible");
            out.extend_from_slice(if out.is_empty() { b"{\"" } else { b",\"" });
            out.extend_from_slice(kind.plural().as_bytes());
            out.extend_from_slice(b"\":[");
            for (i, object) in objects.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                encoder.object(object, &mut out);
            }
            out.push(b']');
        }
        out.push(b'}');
        out
    }

    /// Stops all answers: connections are accepted and read, running bodies stall. `false` resumes where they stopped.
    pub fn freeze(&self, on: bool) {
        self.server.front.freeze(on);
    }

    /// Refuses connections and cuts the open ones; the state is kept.
    pub async fn stop_listening(&self) {
        self.server.stop_listening().await;
    }

    /// Listens again, on the same port with the same state.
    ///
    /// # Errors
    /// The system's error if the port has been taken meanwhile.
    #[expect(
        clippy::unused_async,
        reason = "the counterpart of `stop_listening`, and a TLS front will have to wait here"
    )]
    pub async fn listen_again(&self) -> io::Result<()> {
        self.server.listen_again()
    }

    /// The last 100,000 requests, oldest first.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestLog> {
        self.server.requests()
    }

    /// Number of requests so far.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.server.request_count()
    }

    /// Number of open connections.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.server.front.open()
    }

    /// Starts a fault, which ends after its duration or with [`Self::clear_faults`].
    pub fn inject(&self, fault: Fault) {
        self.server.begin_fault(fault);
    }

    /// Ends all faults: a frozen server resumes, one that refuses listens again.
    pub fn clear_faults(&self) {
        self.server.clear_faults();
    }

    /// Changes the cluster: the resourceVersion grows and watches get events. Unknown names change nothing.
    #[expect(clippy::needless_pass_by_value, reason = "callers write the change in place, as they do a fault")]
    pub fn apply(&self, change: Change) {
        self.server.apply(&change);
    }

    /// Drops all history: every continue token and every watch position before now is too old.
    pub fn compact(&self) {
        lock(&self.server.world).store.compact();
    }

    /// Closes the running watches of a resource (`Some("pods")`) or of all, in order.
    pub fn close_watches(&self, resource: Option<&str>) {
        self.server.close_watches(resource);
    }

    /// The newest resourceVersion.
    #[must_use]
    pub fn resource_version(&self) -> u64 {
        lock(&self.server.world).store.rv()
    }
}

impl Server {
    /// Begins a fault; its end is [`Server::end_fault`].
    pub(super) fn begin_fault(self: &Arc<Self>, fault: Fault) -> u64 {
        let (whole, kind, lasts) = (fault.is_server_wide(), fault.kind.clone(), fault.lasts);
        let id = self.faults.begin(fault);
        if whole {
            let server = Arc::clone(self);
            self.spawn(async move {
                match kind {
                    FaultKind::Refuse => server.stop_listening().await,
                    FaultKind::BlackHole => server.black_hole().await,
                    FaultKind::AcceptOnly => server.front.hold(true),
                    _ => server.front.freeze(true),
                }
                if let Some(lasts) = lasts {
                    tokio::time::sleep(lasts).await;
                    server.end_fault(id, &kind);
                }
            });
        }
        id
    }

    /// Ends a fault.
    pub(super) fn end_fault(self: &Arc<Self>, id: u64, kind: &FaultKind) {
        self.faults.end(id);
        match kind {
            FaultKind::Freeze => self.front.freeze(false),
            // If the port has been taken meanwhile, the server stays unreachable, which is what clients then see.
            FaultKind::Refuse => drop(self.listen_again()),
            FaultKind::BlackHole => {
                self.front.freeze(false);
                drop(self.listen_again());
            }
            FaultKind::AcceptOnly => self.front.hold(false),
            _ => {}
        }
    }

    fn clear_faults(self: &Arc<Self>) {
        self.faults.clear();
        self.front.freeze(false);
        self.front.hold(false);
        drop(self.listen_again());
    }
}
