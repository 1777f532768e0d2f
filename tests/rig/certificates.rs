//! Server certificates, valid or expired, signed by an authority of the test.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};

/// Contents of a server certificate.
#[derive(Clone, Copy)]
pub(crate) struct Certificate<'a> {
    /// The subject's common name.
    pub(crate) common_name: &'a str,
    /// The name or address of the server.
    pub(crate) name: &'a str,
    /// Years at whose first of January its validity begins and ends; `None` for always valid.
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

    /// Creates a TLS acceptor with a certificate for `name`, valid or expired in 2021.
    pub(crate) fn acceptor(&self, name: &str, expired: bool) -> TlsAcceptor {
        let years = expired.then_some((2020, 2021));
        self.acceptor_with(Certificate { common_name: "the-api-server", name, years })
    }

    /// Creates a TLS acceptor with this certificate.
    pub(crate) fn acceptor_with(&self, certificate: Certificate<'_>) -> TlsAcceptor {
        let (chain, key) = self.sign(certificate);
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key);
        TlsAcceptor::from(Arc::new(config.unwrap()))
    }

    /// Creates a TLS acceptor for `name` that requires a client certificate of this authority.
    pub(crate) fn mutual_tls_acceptor(
        &self,
        name: &str,
        versions: &[&'static SupportedProtocolVersion],
    ) -> TlsAcceptor {
        let (chain, key) = self.sign(Certificate { common_name: "the-api-server", name, years: None });
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        let clients = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
        let config = ServerConfig::builder_with_protocol_versions(versions).with_client_cert_verifier(clients);
        TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()))
    }

    fn sign(&self, certificate: Certificate<'_>) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![certificate.name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, certificate.common_name);
        if let Some((from, until)) = certificate.years {
            params.not_before = date_time_ymd(from, 1, 1);
            params.not_after = date_time_ymd(until, 1, 1);
        }
        let signed = params.signed_by(&key, &self.issuer).unwrap();
        (vec![signed.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
    }
}
