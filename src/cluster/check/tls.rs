//! The TLS handshake, and the certificate that the server shows.

use std::sync::Arc;

use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ProtocolVersion;

use super::cert::Certificate;
use super::credentials::expiry;
use super::reach::{failure, only};
use super::{CheckRun, StepFlow, advice, layer_name};
use crate::cluster::classify::{RequestError, no_answer, unusable_tls};
use crate::cluster::connect::certificate::shown;
use crate::cluster::connect_failure::ConnectStage;
use crate::msg::Layer;
use crate::msg::check::{CheckStep, StepOutcome};

impl CheckRun {
    pub(super) async fn tls(&mut self) -> StepFlow {
        let Some(plan) = &self.found.plan else { return Ok(()) };
        let url = plan.config.cluster_url.clone();
        if url.scheme_str() == Some("http") {
            return self
                .report(CheckStep::new("tls", StepOutcome::Skip, "the server's URL is http: nothing is encrypted"))
                .await;
        }
        if plan.proxy.is_some() {
            let text = "through a proxy: verified by the next step, the certificate is not shown";
            return self.report(CheckStep::new("tls", StepOutcome::Skip, text)).await;
        }
        let host = url.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let endpoint = format!("{}:{}", url.host().unwrap_or_default(), url.port_u16().unwrap_or(443));
        let tls = plan.tls.clone();
        let insecure = self.target.is_insecure();
        let limit = self.within(self.tuning.connect_deadline);
        // The call may read the machine's certificates.
        let built = tokio::task::spawn_blocking(move || Ok((tls.client_config()?, tls.name(&host)?)));
        let (config, name) = match timeout(limit, built).await {
            Ok(Ok(Ok(built))) => built,
            Ok(Ok(Err(error))) => return self.report_error("tls", StepOutcome::Fail, &unusable_tls(&error)).await,
            Ok(Err(_)) | Err(_) => {
                let request_error =
                    RequestError::timed_out(Layer::Tls, "the machine's certificates could not be read in time");
                return self.report_error("tls", StepOutcome::Fail, &request_error).await;
            }
        };
        let Some(tcp) = self.found.tcp.take() else { return Ok(()) };
        let begun = Instant::now();
        let shaken = timeout(limit, TlsConnector::from(Arc::new(config.clone())).connect(name.clone(), tcp)).await;
        let took = begun.elapsed();
        let error = match shaken {
            Ok(Ok(stream)) => {
                let (_, session) = stream.get_ref();
                let version = match session.protocol_version() {
                    Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
                    Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
                    _ => "TLS",
                };
                let shown =
                    session.peer_certificates().and_then(|chain| chain.first()).and_then(|c| Certificate::read(c));
                let step = verified(version, shown.as_ref(), insecure);
                return self.report(step.timing(only(took))).await;
            }
            Ok(Err(error)) => Some(error),
            Err(_) => None,
        };
        let handshake = error.is_some();
        let request_error = no_answer(&failure(ConnectStage::Tls, endpoint.clone(), limit, error));
        let mut text = format!("{}: {}", layer_name(request_error.layer), request_error.text);
        if handshake && let Some(certificate) = shown(config, name, (&endpoint, self.within(limit))).await {
            text = format!("{text}; {}", certificate.shows());
        }
        self.silent = super::SILENT;
        let step = CheckStep::new("tls", StepOutcome::Fail, &text).next(advice(request_error.layer));
        self.report(CheckStep { layer: Some(request_error.layer), ..step }).await
    }
}

fn verified(version: &str, shown: Option<&Certificate>, insecure: bool) -> CheckStep {
    let Some(certificate) = shown else {
        let text = format!("{version}; the certificate could not be read for its names");
        return CheckStep::new("tls", if insecure { StepOutcome::Warn } else { StepOutcome::Ok }, &text);
    };
    let Certificate { subject, issuer, not_after, .. } = certificate;
    let how = if insecure { "NOT verified, " } else { "" };
    let mut step = expiry("tls", &format!("{version}, {how}{subject} by {issuer}"), *not_after);
    if step.outcome != StepOutcome::Ok {
        step = step.next("renew the API server's certificate");
    }
    if insecure && step.outcome == StepOutcome::Ok {
        step.outcome = StepOutcome::Warn;
    }
    if step.outcome == StepOutcome::Fail { CheckStep { layer: Some(Layer::Tls), ..step } } else { step }
}
