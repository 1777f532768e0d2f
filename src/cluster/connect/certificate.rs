//! The certificate of a server that was refused: rustls tells why, but not whose it was (F05).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use crate::cluster::check::cert::Certificate;

/// A refused certificate is looked at again after this: it costs a connection.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// For that connection and its handshake.
const LIMIT: Duration = Duration::from_secs(5);

/// Looks at the certificate of one server, at most once a minute.
#[derive(Clone)]
pub(crate) struct Looker {
    config: ClientConfig,
    name: ServerName<'static>,
    last: Arc<tokio::sync::Mutex<Option<SeenCertificate>>>,
}

/// When it was looked, and what was seen.
type SeenCertificate = (Instant, Option<String>);

impl Looker {
    /// For a server that is reached directly.
    pub(crate) fn new(config: ClientConfig, name: ServerName<'static>) -> Self {
        Self { config, name, last: Arc::default() }
    }

    /// What the server at `place` shows, in words; `None` if it could not be seen.
    pub(crate) async fn look(&self, place: &str) -> Option<String> {
        let mut last = self.last.lock().await;
        if let Some((at, text)) = &*last
            && at.elapsed() < LOOK_AGAIN
        {
            return text.clone();
        }
        let certificate = shown(self.config.clone(), self.name.clone(), (place, LIMIT)).await;
        let text = certificate.map(|certificate| certificate.shows());
        *last = Some((Instant::now(), text.clone()));
        text
    }
}

/// The certificate that a server shows whose handshake has failed, from a second handshake that cannot succeed.
pub(crate) async fn shown(
    mut config: ClientConfig,
    name: ServerName<'static>,
    at: (&str, Duration),
) -> Option<Certificate> {
    let seen = Arc::new(Mutex::new(None));
    let schemes = config.crypto_provider().signature_verification_algorithms.supported_schemes();
    config.dangerous().set_certificate_verifier(Arc::new(CertificateCapture { seen: seen.clone(), schemes }));
    let (place, limit) = at;
    let handshake = async {
        let tcp = TcpStream::connect(place).await?;
        TlsConnector::from(Arc::new(config)).connect(name, tcp).await
    };
    // It fails by design; what it was for has been seen by then.
    let _ = timeout(limit, handshake).await;
    let der = seen.lock().unwrap_or_else(PoisonError::into_inner).take()?;
    Certificate::read(&der)
}

/// Looks at a certificate and refuses it, whatever it is: no request is ever sent on such a connection.
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
