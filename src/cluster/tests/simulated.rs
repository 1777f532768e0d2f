//! Clients that talk to the simulation without a socket, so that time can be paused.

use std::sync::Arc;

use tower::BoxError;

use crate::cluster::Tuning;
use crate::cluster::classify::RequestError;
use crate::cluster::connect::{RequestBody, assemble};
use crate::cluster::meter::MeterSink;
use crate::cluster::session::{Built, ClientFactory};
use crate::sim::{InProcessServer, Simulation};

pub(in crate::cluster) struct InProcess(InProcessServer);

impl InProcess {
    /// The first cluster of a simulation.
    pub(in crate::cluster) fn first(simulation: &Simulation) -> Self {
        let context = simulation.clusters()[0].context.clone();
        Self(simulation.in_process(&context).unwrap())
    }
}

impl ClientFactory for InProcess {
    async fn build(&mut self, _: Arc<Tuning>, sink: MeterSink) -> Result<Built, RequestError> {
        let server = self.0.clone();
        let service = tower::service_fn(move |request: http::Request<RequestBody>| {
            let answer = server.clone().answer(request.into_parts().0);
            async { Ok::<_, BoxError>(answer.await) }
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
