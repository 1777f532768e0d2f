//! The certificate of a server that was refused: rustls gives the reason, but not the certificate (F05).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use crate::cluster::check::cert::Certificate;

/// Least time between two fetches of a refused certificate: each costs a connection.
const RECHECK: Duration = Duration::from_secs(60);
/// Deadline of that connection and its handshake.
const LIMIT: Duration = Duration::from_secs(5);

/// Fetches the certificate of one server, at most once a minute.
#[derive(Clone)]
pub(crate) struct CertificateFetcher {
    config: ClientConfig,
    name: ServerName<'static>,
    last: Arc<tokio::sync::Mutex<Option<SeenCertificate>>>,
}

/// Time of the last fetch, and its result.
type SeenCertificate = (Instant, Option<String>);

impl CertificateFetcher {
    /// Prober of a server that is reached directly.
    pub(crate) fn new(config: ClientConfig, name: ServerName<'static>) -> Self {
        Self { config, name, last: Arc::default() }
    }

    /// The certificate of the server at `endpoint`, in words; `None` if it could not be fetched.
    pub(crate) async fn fetch(&self, endpoint: &str) -> Option<String> {
        let mut last = self.last.lock().await;
        if let Some((at, text)) = &*last
            && at.elapsed() < RECHECK
        {
            return text.clone();
        }
        let certificate = shown(self.config.clone(), self.name.clone(), (endpoint, LIMIT)).await;
        let text = certificate.map(|certificate| certificate.shows());
        *last = Some((Instant::now(), text.clone()));
        text
    }
}

/// Fetches the certificate of a server whose handshake has failed, in a second handshake that cannot succeed.
pub(crate) async fn shown(
    mut config: ClientConfig,
    name: ServerName<'static>,
    at: (&str, Duration),
) -> Option<Certificate> {
    let seen = Arc::new(Mutex::new(None));
    let schemes = config.crypto_provider().signature_verification_algorithms.supported_schemes();
    config.dangerous().set_certificate_verifier(Arc::new(CertificateCapture { seen: seen.clone(), schemes }));
    let (endpoint, limit) = at;
    let handshake = async {
        let tcp = TcpStream::connect(endpoint).await?;
        TlsConnector::from(Arc::new(config)).connect(name, tcp).await
    };
    // The handshake fails by design; the certificate has been captured by then.
    let _ = timeout(limit, handshake).await;
    let der = seen.lock().unwrap_or_else(PoisonError::into_inner).take()?;
    Certificate::read(&der)
}

/// Captures a certificate and refuses it in any case: no request is ever sent on such a connection.
#[derive(Debug)]
struct CertificateCapture {
    seen: Arc<Mutex<Option<CertificateDer<'static>>>>,
    schemes: Vec<SignatureScheme>,
}

impl ServerCertVerifier for CertificateCapture {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(certificate.clone().into_owned());
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}
