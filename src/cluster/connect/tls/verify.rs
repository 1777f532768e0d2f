//! The verifier of server certificates: rustls's, with the rules of Go that it lacks, and reasons in words.
//!
//! Source: Go's crypto/x509, `Certificate.Verify` (a certificate that is itself among the roots is a chain of one),
//! `Certificate.CheckSignatureFrom` and `Certificate.VerifyHostname`.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_rustls::rustls;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, IpAddr, ServerName, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{CertificateError, DigitallySignedStruct, SignatureScheme};

use super::TlsError;
use super::chain::{Anchor, ServedChain, Trust};
use super::refusal::Refusal;
use super::roots::Roots;
use crate::cluster::check::cert::Certificate;

/// Shortest RSA key whose signatures are accepted, in bits (ring; Go takes 1024 still).
const SHORTEST_RSA: usize = 2048;

/// The verifier with the machine's certificates: read when the first server needs them, and once in a process.
///
/// # Errors
/// The machine has none; the next call tries again.
pub(super) fn system(provider: &Arc<CryptoProvider>) -> Result<Arc<Verifier>, TlsError> {
    static SYSTEM: Mutex<Option<Arc<Verifier>>> = Mutex::new(None);

    let mut system = SYSTEM.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(verifier) = &*system {
        return Ok(verifier.clone());
    }
    let verifier = Arc::new(Verifier::new(Roots::of_system()?, provider));
    *system = Some(verifier.clone());
    Ok(verifier)
}

/// Verifies that a server is the expected one.
#[derive(Debug)]
pub(super) struct Verifier {
    anchors: Vec<Anchor>,
    pinned: HashSet<CertificateDer<'static>>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    /// Verifier with these roots and the signature algorithms of `provider`.
    pub(super) fn new(roots: Roots, provider: &CryptoProvider) -> Self {
        let Roots { anchors, pinned, .. } = roots;
        Self { anchors, pinned, algorithms: provider.signature_verification_algorithms }
    }

    /// Verifies a certificate that is itself trusted: it needs no authority, but its dates, purpose and names are
    /// checked.
    fn verify_pinned(
        der: &CertificateDer<'_>,
        shown: &Certificate,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        let secs = |time: jiff::Timestamp| u64::try_from(time.as_second()).unwrap_or(0);
        let at = |secs: u64| UnixTime::since_unix_epoch(std::time::Duration::from_secs(secs));
        let (from, until) = (secs(shown.not_before), secs(shown.not_after));
        if now.as_secs() < from {
            return Err(CertificateError::NotValidYetContext { time: now, not_before: at(from) }.into());
        }
        if now.as_secs() > until {
            return Err(CertificateError::ExpiredContext { time: now, not_after: at(until) }.into());
        }
        if !shown.is_for_servers {
            return Err(Refusal::NotForServers.into());
        }
        verify_name(der, name)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let shown = Certificate::read(end_entity).ok_or(CertificateError::BadEncoding)?;
        if !shown.has_alt_names {
            return Err(Refusal::LegacyCommonName { subject: shown.subject }.into());
        }
        if self.pinned.contains(end_entity) {
            Self::verify_pinned(end_entity, &shown, name, now)?;
            return Ok(ServerCertVerified::assertion());
        }
        let trust = Trust { anchors: &self.anchors, algorithms: self.algorithms.all };
        let presented = ServedChain { der: end_entity, certificate: &shown, others: intermediates, now };
        let verified = trust.verify(presented).and_then(|()| verify_name(end_entity, name));
        let verified = verified.map(|()| ServerCertVerified::assertion());
        let known = self.pinned.iter();
        verified.map_err(|error| match short_key(error, [end_entity].into_iter().chain(intermediates).chain(known)) {
            error if error == CertificateError::BadSignature.into() => {
                Refusal::OtherKey { issuer: shown.issuer }.into()
            }
            error => error,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let verified = verify_tls12_signature(message, certificate, signed, &self.algorithms);
        verified.map_err(|error| short_key(error, [certificate]))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let verified = verify_tls13_signature(message, certificate, signed, &self.algorithms);
        verified.map_err(|error| short_key(error, [certificate]))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Verifies the name. As in Go, an IPv4 address may stand in the certificate in IPv6 form.
fn verify_name(der: &CertificateDer<'_>, name: &ServerName<'_>) -> Result<(), rustls::Error> {
    let certificate = ParsedCertificate::try_from(der)?;
    let verified = verify_server_name(&certificate, name);
    match name {
        ServerName::IpAddress(IpAddr::V4(address)) if verified.is_err() => {
            let mapped = std::net::Ipv4Addr::from(*address).to_ipv6_mapped();
            let mapped = ServerName::from(std::net::IpAddr::from(mapped));
            verify_server_name(&certificate, &mapped).or(verified)
        }
        _ => verified,
    }
}

/// Names a key that is too short for its signature: rustls reports a bad signature.
pub(super) fn short_key<'a>(
    error: rustls::Error,
    chain: impl IntoIterator<Item = &'a CertificateDer<'a>>,
) -> rustls::Error {
    if error != CertificateError::BadSignature.into() {
        return error;
    }
    let short = |certificate: &Certificate| {
        let bits = certificate.key.strip_prefix("RSA ").and_then(|bits| bits.parse::<usize>().ok());
        bits.is_some_and(|bits| bits < SHORTEST_RSA)
    };
    match chain.into_iter().filter_map(|der| Certificate::read(der)).find(short) {
        Some(Certificate { subject, key, .. }) => Refusal::ShortKey { subject, key }.into(),
        None => error,
    }
}

/// `insecure-skip-tls-verify`: accepts any server.
#[derive(Debug)]
pub(super) struct Unverified;

/// Every signature scheme: nothing is verified, so nothing needs to be supported.
const ANY_SCHEME: [SignatureScheme; 13] = [
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ECDSA_NISTP521_SHA512,
    SignatureScheme::ED25519,
    SignatureScheme::ED448,
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
    SignatureScheme::RSA_PKCS1_SHA1,
    SignatureScheme::ECDSA_SHA1_Legacy,
];

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ANY_SCHEME.to_vec()
    }
}
