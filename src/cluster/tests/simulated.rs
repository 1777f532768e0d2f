//! Clients that talk to the simulation without a socket, so that time can be paused.

use std::sync::Arc;

use tower::ServiceExt;

use crate::cluster::Tuning;
use crate::cluster::classify::RequestError;
use crate::cluster::connect::{RequestBody, assemble};
use crate::cluster::meter::MeterSink;
use crate::cluster::session::{Built, ClientFactory};
use crate::sim::Simulation;

pub(in crate::cluster) struct InProcess(axum::Router);

impl InProcess {
    /// The first cluster of a simulation.
    pub(in crate::cluster) fn first(simulation: &Simulation) -> Self {
        let context = simulation.clusters()[0].context.clone();
        Self(simulation.service(&context).unwrap())
    }
}

impl ClientFactory for InProcess {
    async fn build(&mut self, _: Arc<Tuning>, sink: MeterSink) -> Result<Built, RequestError> {
        let router = self.0.clone();
        let service = tower::service_fn(move |request: http::Request<RequestBody>| {
            router.clone().oneshot(request.map(axum::body::Body::new))
        });
        let client = assemble(service, &kube::Config::new("http://127.0.0.1:1".parse().unwrap()), &sink);
        Ok(Built { api: client.clone(), probe: client, expires: None, issued: None, moved: None, notes: Vec::new() })
    }

    async fn stale(&mut self) -> bool {
        false
    }

    async fn edited(&mut self) -> bool {
        false
    }
}
