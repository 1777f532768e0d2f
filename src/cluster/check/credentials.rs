//! The context and the credentials in it.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::timeout;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use super::cert::Certificate;
use super::{CheckRun, StepFlow, Stop, span};
use crate::clock::wall;
use crate::cluster::call::ApiClient;
use crate::cluster::classify::RequestError;
use crate::cluster::session::ClientFactory;
use crate::msg::Layer;
use crate::msg::check::{CheckStep, StepOutcome};

/// 7 days: kubernetes-mixin, `KubeClientCertificateExpiration` (warning).
pub(super) const EXPIRES_SOON: Duration = Duration::from_secs(7 * 86_400);
/// The limit as text, with its source.
pub(super) const EXPIRES_LIMIT: (&str, &str) = ("7 days", "kubernetes-mixin KubeClientCertificateExpiration");
/// Deadline for the files of a kubeconfig, should a file system hang.
const FILES: Duration = Duration::from_secs(10);

impl CheckRun {
    pub(super) async fn kubeconfig(&mut self) -> StepFlow {
        let plan = timeout(self.within(FILES), self.target.plan()).await.unwrap_or_else(|_| {
            let text = "the files of the kubeconfig could not be read in time";
            Err(RequestError::timed_out(Layer::Config, text))
        });
        match plan {
            Ok(plan) => {
                let server = self.target.server().unwrap_or("no server");
                let proxy = plan.proxy.as_ref().map(|proxy| format!(" through the proxy {proxy}")).unwrap_or_default();
                let runs = plan.command.as_ref().map(|command| format!(", runs {command}")).unwrap_or_default();
                let text = format!("context `{}`: {server}{proxy}{runs}", self.target.context());
                let skipped = plan.tls.skipped();
                self.found.plan = Some(plan);
                let step = if !skipped.is_empty() {
                    let text = format!("{text}; passed over in its certificate-authority: {}", skipped.join(", "));
                    let next = "take what cannot be read out of the certificate-authority";
                    CheckStep::new("kubeconfig", StepOutcome::Warn, &text).next(next)
                } else if self.target.is_insecure() {
                    let text = format!("{text}; insecure-skip-tls-verify: nobody proves that this is the server");
                    CheckStep::new("kubeconfig", StepOutcome::Warn, &text)
                        .next("give the cluster a certificate-authority")
                } else {
                    CheckStep::new("kubeconfig", StepOutcome::Ok, &text)
                };
                self.report(step).await
            }
            Err(error) => {
                self.report_error("kubeconfig", StepOutcome::Fail, &error).await?;
                Err(Stop::Unusable)
            }
        }
    }

    pub(super) async fn credentials(&mut self) -> StepFlow {
        // Files and plugins have deadlines of their own; a plugin may wait for others to finish.
        let limit = self.within(Duration::MAX);
        let (tuning, sink) = (self.tuning.clone(), self.sink.clone());
        let built = timeout(limit, self.target.build(tuning, sink)).await.unwrap_or_else(|_| {
            let text = format!("no credentials within {}", span(limit));
            Err(RequestError::timed_out(Layer::Credentials, &text))
        });
        let built = match built {
            Ok(built) => built,
            Err(error) => {
                self.report_error("credentials", StepOutcome::Fail, &error).await?;
                return Err(Stop::Unusable);
            }
        };
        self.line = Some(ApiClient { client: built.api, sink: self.sink.clone() });
        let plan = self.found.plan.as_ref();
        let kind = plan.map(|plan| plan.kind.clone()).unwrap_or_default();
        let identity = plan.and_then(|plan| plan.tls.identity.as_ref());
        let chain = identity.map(|identity| chain(&identity.certificate)).unwrap_or_default();
        // The first certificate is the client's own; an issuer's may expire before it.
        let ends = chain.iter().min_by_key(|certificate| certificate.not_after);
        let step = match (chain.first().zip(ends), built.expires) {
            (Some((own, ends)), _) if ends.not_after < own.not_after => {
                let kind = format!("{kind} of {}; its intermediate {}", own.subject, ends.subject);
                expiry("credentials", &kind, ends.not_after)
            }
            (Some((own, _)), _) => expiry("credentials", &format!("{kind} of {}", own.subject), own.not_after),
            // A plugin's token lives for minutes, and another run renews it: its expiry is no reason to warn.
            (None, Some(expires)) => {
                let left = until(expires);
                let text = match left {
                    Some(left) => format!("{kind}; the credential holds for another {}", span(left)),
                    None => format!("{kind}; it gave a credential that expired at {expires:.0}"),
                };
                let outcome = if left.is_some() { StepOutcome::Ok } else { StepOutcome::Fail };
                CheckStep::new("credentials", outcome, &text)
            }
            (None, None) => CheckStep::new("credentials", StepOutcome::Ok, &kind),
        };
        let step = match step.outcome {
            StepOutcome::Ok => step,
            StepOutcome::Fail => {
                CheckStep { layer: Some(Layer::Credentials), ..step }.next("log in again, or renew it")
            }
            _ => step.next("renew it"),
        };
        self.report(step).await
    }
}

/// Time left until `then`; `None` if it has passed.
pub(super) fn until(then: Timestamp) -> Option<Duration> {
    Duration::try_from(then.duration_since(wall())).ok().filter(|left| !left.is_zero())
}

/// Compares the expiry of a certificate with the limit.
pub(super) fn expiry(name: &str, what: &str, not_after: Timestamp) -> CheckStep {
    let (text, outcome) = match until(not_after) {
        None => (format!("{what}, expired at {not_after:.0}"), StepOutcome::Fail),
        Some(left) => {
            let outcome = if left < EXPIRES_SOON { StepOutcome::Warn } else { StepOutcome::Ok };
            (format!("{what}, until {} ({})", not_after.strftime("%F"), span(left)), outcome)
        }
    };
    CheckStep::new(name, outcome, &text).limit(EXPIRES_LIMIT.0, EXPIRES_LIMIT.1)
}

/// The certificates of a PEM text, in order; malformed ones are left out.
fn chain(pem: &[u8]) -> Vec<Certificate> {
    CertificateDer::pem_slice_iter(pem).filter_map(|der| Certificate::read(&der.ok()?)).collect()
}
