//! TLS with one server: trust as in Go, and our own identity.
//!
//! kube has such a module too; it refuses a whole bundle for one bad certificate, the server's own certificate as its
//! authority, and every client whose machine has no certificates although its server needs none.

use std::net::IpAddr;
use std::sync::Arc;

use tokio_rustls::rustls::client::ResolvesClientCert;
use tokio_rustls::rustls::client::danger::ServerCertVerifier;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig};

mod chain;
mod ecdsa;
mod identity;
mod pem;
mod refusal;
mod roots;
mod stream;
mod verify;

pub(crate) use identity::ClientIdentity;
pub(crate) use refusal::Refusal;
use roots::Roots;
pub(super) use stream::Https;
use verify::{Unverified, Verifier};

/// Trust and identity for one server, as content and never as paths.
#[derive(Clone, Default)]
pub(crate) struct TlsSettings {
    /// The authorities, PEM; `None` for the machine's.
    pub(crate) authority: Option<Vec<u8>>,
    /// `true` if the server is not verified.
    pub(crate) insecure: bool,
    /// The client certificate and its key.
    pub(crate) identity: Option<ClientIdentity>,
    /// Name expected in the certificate instead of the URL's host.
    pub(crate) server_name: Option<String>,
}

/// TLS that cannot be set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TlsError {
    /// The bundle of authorities has no usable certificate.
    #[error("its certificate-authority {0}")]
    Authority(String),
    /// The machine has no certificates of authorities.
    #[error(
        "this machine has no certificates of authorities ({0}): give the cluster a certificate-authority, or set SSL_CERT_FILE"
    )]
    NoSystemRoots(String),
    /// The client certificate or its key is unusable.
    #[error("{0}")]
    Identity(String),
    /// The name for the certificate is invalid.
    #[error("no certificate can have the name `{0}`: set the cluster's tls-server-name")]
    ServerName(String),
    /// rustls refuses the configuration.
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

impl TlsSettings {
    /// Configuration of rustls. May read the certificates of the machine, once in a process.
    ///
    /// # Errors
    /// [`TlsError`]; a bundle is refused only if none of its certificates can be used.
    pub(crate) fn client_config(&self) -> Result<ClientConfig, TlsError> {
        let provider = ecdsa::provider();
        let verifier: Arc<dyn ServerCertVerifier> = if self.insecure {
            Arc::new(Unverified)
        } else if let Some(bundle) = &self.authority {
            Arc::new(Verifier::new(Roots::of_bundle(bundle)?, &provider))
        } else {
            verify::system(&provider)?
        };
        let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| TlsError::Setup(error.to_string()))?;
        let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
        Ok(match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let certified = identity.certified(&provider)?;
                let resolver: Arc<dyn ResolvesClientCert> = Arc::new(rustls::sign::SingleCertAndKey::from(certified));
                builder.with_client_cert_resolver(resolver)
            }
        })
    }

    /// The name that the server's certificate must have; `host` is that of its URL.
    ///
    /// # Errors
    /// [`TlsError::ServerName`] for text that is neither a name nor an address.
    pub(crate) fn name(&self, host: &str) -> Result<ServerName<'static>, TlsError> {
        let name = self.server_name.as_deref().unwrap_or(host).trim_matches(['[', ']']);
        // As in Go, an IPv4 address in IPv6 form is that IPv4 address.
        if let Ok(address) = name.parse::<IpAddr>() {
            return Ok(ServerName::from(address.to_canonical()));
        }
        ServerName::try_from(name.to_owned()).map_err(|_| TlsError::ServerName(name.to_owned()))
    }

    /// Certificates of the bundle that are skipped, each with the reason; none where the bundle is not used.
    pub(crate) fn skipped(&self) -> Vec<String> {
        match &self.authority {
            Some(bundle) if !self.insecure => Roots::of_bundle(bundle).map(|roots| roots.skipped).unwrap_or_default(),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
