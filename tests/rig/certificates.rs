//! Certificates of servers: signed by an authority of the test, good or expired.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

/// The text of a server certificate.
#[derive(Clone, Copy)]
pub(crate) struct Certificate<'a> {
    /// The common name.
    pub(crate) holder: &'a str,
    /// The name or address of the server.
    pub(crate) name: &'a str,
    /// Valid from the first of January to the first of January; `None` for always.
    pub(crate) years: Option<(i32, i32)>,
}

/// A certificate authority.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate.
    pub(crate) pem: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A server with a certificate for `name`, good or expired in 2021.
    pub(crate) fn serves(&self, name: &str, expired: bool) -> TlsAcceptor {
        let years = expired.then_some((2020, 2021));
        self.shows(Certificate { holder: "the-api-server", name, years })
    }

    /// A server that shows this certificate.
    pub(crate) fn shows(&self, certificate: Certificate<'_>) -> TlsAcceptor {
        let (chain, key) = self.sign(certificate);
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key);
        TlsAcceptor::from(Arc::new(config.unwrap()))
    }

    /// A server with a certificate for `name` that serves nobody without a certificate of this authority.
    pub(crate) fn demands(&self, name: &str, versions: &[&'static SupportedProtocolVersion]) -> TlsAcceptor {
        let (chain, key) = self.sign(Certificate { holder: "the-api-server", name, years: None });
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        let clients = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
        let config = ServerConfig::builder_with_protocol_versions(versions).with_client_cert_verifier(clients);
        TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()))
    }

    fn sign(&self, certificate: Certificate<'_>) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![certificate.name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, certificate.holder);
        if let Some((from, until)) = certificate.years {
            params.not_before = date_time_ymd(from, 1, 1);
            params.not_after = date_time_ymd(until, 1, 1);
        }
        let signed = params.signed_by(&key, &self.issuer).unwrap();
        (vec![signed.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
    }
}
