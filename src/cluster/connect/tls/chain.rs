//! Chains from a server's certificate to a trusted authority: webpki's, with the rules of Go that it lacks.
//!
//! Source: Go's crypto/x509, `Certificate.Verify` with `isValid`, `CheckSignatureFrom` and `checkChainForKeyUsage`. Go
//! checks the authority at the end of a chain against the same rules as the others (dates, purposes, path length),
//! where webpki knows only its name and its key; it accepts `anyExtendedKeyUsage` for every purpose, and an
//! authority as a server.

use std::sync::Arc;

use tokio_rustls::rustls;
use tokio_rustls::rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use tokio_rustls::rustls::{CertificateError, ExtendedKeyPurpose, OtherError};
use webpki::{EndEntityCert, Error, ExtendedKeyUsageValidator, KeyPurposeId, KeyPurposeIdIter, KeyUsage, VerifiedPath};

use super::refusal::Refusal;
use crate::cluster::check::cert::{ANY_PURPOSE, Certificate, SERVER_AUTH, Signed};

/// Most authorities between a server's certificate and the trusted one (webpki `MAX_SUB_CA_COUNT`).
const LONGEST: usize = 6;
/// Most signatures verified for one server (webpki `Budget`: the remedy of Go's CVE-2018-16875).
const SIGNATURES: usize = 100;

/// A trusted authority.
#[derive(Debug)]
pub(super) struct Anchor {
    der: CertificateDer<'static>,
    trust: TrustAnchor<'static>,
    certificate: Certificate,
}

impl Anchor {
    /// `None` if webpki cannot read it.
    pub(super) fn read(der: CertificateDer<'static>, certificate: Certificate) -> Option<Self> {
        let trust = webpki::anchor_from_trusted_cert(&der).ok()?.to_owned();
        Some(Self { der, trust, certificate })
    }

    fn is(&self, other: &TrustAnchor<'_>) -> bool {
        self.trust.subject == other.subject && self.trust.subject_public_key_info == other.subject_public_key_info
    }

    /// The reason why it cannot vouch for a server; `None` if it can.
    fn refusal(&self, now: UnixTime) -> Option<Refusal> {
        if !self.certificate.holds_at(now.as_secs()) {
            return Some(Refusal::outdated(&self.certificate));
        }
        let subject = || self.certificate.subject.clone();
        (!self.certificate.is_for_servers).then(|| Refusal::AuthorityNotForServers { subject: subject() })
    }
}

/// A server's certificate and those sent with it.
#[derive(Clone, Copy)]
pub(super) struct ServedChain<'a> {
    pub(super) der: &'a CertificateDer<'a>,
    pub(super) certificate: &'a Certificate,
    pub(super) others: &'a [CertificateDer<'a>],
    pub(super) now: UnixTime,
}

/// Trusted authorities and accepted signature algorithms.
#[derive(Clone, Copy)]
pub(super) struct Trust<'a> {
    pub(super) anchors: &'a [Anchor],
    pub(super) algorithms: &'a [&'a dyn SignatureVerificationAlgorithm],
}

impl Trust<'_> {
    /// Verifies that one of the authorities vouches for the server, directly or through others.
    ///
    /// # Errors
    /// The reason why none of them does.
    pub(super) fn verify(self, shown: ServedChain<'_>) -> Result<(), rustls::Error> {
        let usable: Vec<&Anchor> = self.anchors.iter().filter(|anchor| anchor.refusal(shown.now).is_none()).collect();
        match self.vouch(&usable, shown) {
            Ok(_) => Ok(()),
            // If an authority that is no longer valid would vouch for it, that is the reason.
            Err(Error::UnknownIssuer) => {
                let all: Vec<&Anchor> = self.anchors.iter().collect();
                let unusable = self.vouch(&all, shown).ok().and_then(|anchor| anchor.refusal(shown.now));
                Err(unusable.map_or_else(|| CertificateError::UnknownIssuer.into(), rustls::Error::from))
            }
            Err(Error::CertExpired { .. } | Error::CertNotValidYet { .. })
                if shown.certificate.holds_at(shown.now.as_secs()) =>
            {
                let others = shown.others.iter().filter_map(|der| Certificate::read(der));
                let outdated = others.into_iter().find(|other| !other.holds_at(shown.now.as_secs()));
                Err(outdated.map_or_else(|| CertificateError::Expired.into(), |other| Refusal::outdated(&other).into()))
            }
            Err(error) => Err(in_rustls_words(error)),
        }
    }

    /// The authority that vouches for the server.
    fn vouch<'p>(self, anchors: &[&'p Anchor], shown: ServedChain<'_>) -> Result<&'p Anchor, Error> {
        let trusts: Vec<TrustAnchor<'_>> = anchors.iter().map(|anchor| anchor.trust.clone()).collect();
        let fits = |path: &VerifiedPath<'_>| {
            let between = path.intermediate_certificates().count();
            let fits = |anchor: &&&Anchor| anchor.is(path.anchor()) && anchor.certificate.allows_below(between);
            anchors.iter().find(fits).map(|_| ()).ok_or(Error::PathLenConstraintViolated)
        };
        let leaf = EndEntityCert::try_from(shown.der)?;
        let path =
            leaf.verify_for_usage(self.algorithms, &trusts, shown.others, shown.now, ServerPurpose, None, Some(&fits));
        match path {
            Ok(path) => {
                let anchor = anchors.iter().find(|anchor| anchor.is(path.anchor()));
                anchor.copied().ok_or(Error::UnknownIssuer)
            }
            Err(Error::CaUsedAsEndEntity) if !shown.certificate.is_for_servers => Err(not_for_servers(Vec::new())),
            Err(Error::CaUsedAsEndEntity) => {
                let mut walk = ChainSearch { trust: self, anchors, shown, signatures_left: SIGNATURES };
                walk.issuer_of(shown.der, 0)
            }
            Err(error) => Err(error),
        }
    }
}

/// Search for a chain from a server's certificate that is also an authority's: `openssl req -x509 -CA` makes such ones.
/// webpki cannot accept one, so this repeats its search, without the parts that such a chain does not need: name
/// constraints.
struct ChainSearch<'a, 'p> {
    trust: Trust<'a>,
    anchors: &'a [&'p Anchor],
    shown: ServedChain<'a>,
    signatures_left: usize,
}

impl<'p> ChainSearch<'_, 'p> {
    /// The trusted authority above `child`, with `below` other authorities under it, not counting the server's own.
    fn issuer_of(&mut self, child: &CertificateDer<'_>, below: usize) -> Result<&'p Anchor, Error> {
        let name = EndEntityCert::try_from(child)?.issuer().to_vec();
        let mut error = Error::UnknownIssuer;
        for anchor in self.anchors.iter().filter(|anchor| *anchor.trust.subject == *name) {
            match self.has_signed(&anchor.der, &anchor.certificate, Below { child, count: below }) {
                Ok(()) => return Ok(anchor),
                Err(why) => error = why,
            }
        }
        if below == LONGEST {
            return Err(Error::MaximumPathDepthExceeded);
        }
        for der in self.shown.others {
            let Ok(issuer) = EndEntityCert::try_from(der) else { continue };
            let Some(certificate) = Certificate::read(der).filter(|_| *issuer.subject() == *name) else { continue };
            // The trusted ones were checked before.
            if !certificate.holds_at(self.shown.now.as_secs()) {
                error = Error::CertExpired { time: self.shown.now, not_after: self.shown.now };
                continue;
            }
            if !certificate.is_for_servers {
                error = not_for_servers(Vec::new());
                continue;
            }
            let signed = self.has_signed(der, &certificate, Below { child, count: below });
            match signed.and_then(|()| self.issuer_of(der, below + 1)) {
                Ok(anchor) => return Ok(anchor),
                Err(why) => error = why,
            }
        }
        Err(error)
    }

    /// Verifies that the authority may sign the certificate below it, and has signed it.
    fn has_signed(&mut self, der: &CertificateDer<'_>, issuer: &Certificate, below: Below<'_>) -> Result<(), Error> {
        self.signatures_left = self.signatures_left.checked_sub(1).ok_or(Error::MaximumSignatureChecksExceeded)?;
        if !issuer.is_authority {
            return Err(Error::EndEntityUsedAsCa);
        }
        if !issuer.allows_below(below.count) {
            return Err(Error::PathLenConstraintViolated);
        }
        if issuer.limits.names {
            return Err(Error::NameConstraintViolation);
        }
        let signed = Signed::read(below.child).ok_or(Error::BadDer)?;
        let issuer = EndEntityCert::try_from(der)?;
        let known = self.trust.algorithms.iter().filter(|known| *known.signature_alg_id() == *signed.algorithm);
        let mut verified = known.map(|known| issuer.verify_signature(*known, signed.body, signed.signature));
        // The algorithms that fit are all for another kind of key.
        if verified.any(|verified| verified.is_ok()) { Ok(()) } else { Err(Error::InvalidSignatureForPublicKey) }
    }
}

/// A certificate, and the number of authorities between the server's and its issuer.
#[derive(Clone, Copy)]
struct Below<'a> {
    child: &'a CertificateDer<'a>,
    count: usize,
}

/// Extended key usage of TLS servers: no list, this purpose in it, or any.
struct ServerPurpose;

impl ExtendedKeyUsageValidator for ServerPurpose {
    fn validate(&self, ids: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        let mut present = Vec::new();
        for id in ids {
            let id = id?;
            if id == KeyPurposeId::new(SERVER_AUTH) || id == KeyPurposeId::new(ANY_PURPOSE) {
                return Ok(());
            }
            present.push(id.to_decoded_oid());
        }
        if present.is_empty() { Ok(()) } else { Err(not_for_servers(present)) }
    }
}

/// Error of a certificate whose purposes do not include the required one.
fn not_for_servers(present: Vec<Vec<usize>>) -> Error {
    let required = KeyUsage::server_auth();
    Error::RequiredEkuNotFoundContext(webpki::RequiredEkuNotFoundContext { required, present })
}

/// The error as rustls names it, which the rest of the program reads; others are passed on as they are.
fn in_rustls_words(error: Error) -> rustls::Error {
    let error = match error {
        Error::BadDer | Error::BadDerTime | Error::TrailingData(_) => CertificateError::BadEncoding,
        Error::CertExpired { time, not_after } => CertificateError::ExpiredContext { time, not_after },
        Error::CertNotValidYet { time, not_before } => CertificateError::NotValidYetContext { time, not_before },
        Error::InvalidSignatureForPublicKey => CertificateError::BadSignature,
        Error::UnsupportedSignatureAlgorithmContext(why) => CertificateError::UnsupportedSignatureAlgorithmContext {
            signature_algorithm_id: why.signature_algorithm_id,
            supported_algorithms: why.supported_algorithms,
        },
        Error::UnsupportedSignatureAlgorithmForPublicKeyContext(why) => {
            CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
                signature_algorithm_id: why.signature_algorithm_id,
                public_key_algorithm_id: why.public_key_algorithm_id,
            }
        }
        Error::RequiredEkuNotFoundContext(why) => CertificateError::InvalidPurposeContext {
            required: ExtendedKeyPurpose::ServerAuth,
            presented: why.present.into_iter().map(purpose).collect(),
        },
        other => CertificateError::Other(OtherError(Arc::new(other))),
    };
    error.into()
}

fn purpose(id: Vec<usize>) -> ExtendedKeyPurpose {
    if id == KeyUsage::CLIENT_AUTH_REPR { ExtendedKeyPurpose::ClientAuth } else { ExtendedKeyPurpose::Other(id) }
}
