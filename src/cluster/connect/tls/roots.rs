//! Trusted certificates: the bundle of a cluster, or those of the machine.

use std::collections::HashSet;

use tokio_rustls::rustls::pki_types::CertificateDer;

use super::TlsError;
use super::chain::Anchor;
use super::pem::blocks;
use crate::cluster::check::cert::Certificate;

/// Most skipped certificates that are named; the others are counted.
const NAMED: usize = 4;

/// The trusted certificates, and the skipped ones of the bundle.
pub(super) struct Roots {
    /// Authorities: they vouch for the servers' certificates.
    pub(super) anchors: Vec<Anchor>,
    /// All of them as they are: a server that presents one of these needs no authority.
    pub(super) pinned: HashSet<CertificateDer<'static>>,
    /// The skipped ones, in words.
    pub(super) skipped: Vec<String>,
}

impl Roots {
    /// Reads a PEM text. Malformed certificates are skipped, as in Go's `AppendCertsFromPEM`.
    ///
    /// # Errors
    /// [`TlsError::Authority`] if nothing remains.
    pub(super) fn of_bundle(pem: &[u8]) -> Result<Self, TlsError> {
        let blocks = blocks(pem);
        let count = blocks.len();
        if count == 0 {
            return Err(TlsError::Authority(
                "has no certificate: it is not PEM (`-----BEGIN CERTIFICATE-----`)".to_owned(),
            ));
        }
        let mut roots = Self::none();
        let mut skipped = Vec::new();
        for (number, block) in (1..).zip(blocks) {
            let why = match block.der {
                _ if block.label != "CERTIFICATE" => Some(format!("is no certificate but `{}`", block.label)),
                None => Some("is not base64".to_owned()),
                Some(der) => (!roots.add(der.into())).then(|| "cannot be read".to_owned()),
            };
            skipped.extend(why.map(|why| format!("part {number} of {count} {why}")));
        }
        if roots.pinned.is_empty() {
            let more = if count > 1 { format!("; none of its {count} parts can be used") } else { String::new() };
            let first = skipped.first().map(String::as_str).unwrap_or_default();
            return Err(TlsError::Authority(format!("has no certificate: {first}{more}")));
        }
        let more = skipped.len().saturating_sub(NAMED);
        skipped.truncate(NAMED);
        if more > 0 {
            skipped.push(format!("{more} more parts cannot be used"));
        }
        roots.skipped = skipped;
        Ok(roots)
    }

    /// Reads those of the machine, or of `SSL_CERT_FILE` and `SSL_CERT_DIR`. Blocking.
    ///
    /// # Errors
    /// [`TlsError::NoSystemRoots`] if there are none.
    pub(super) fn of_system() -> Result<Self, TlsError> {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = Self::none();
        for certificate in found.certs {
            roots.add(certificate);
        }
        if roots.pinned.is_empty() {
            let why = found.errors.first().map_or_else(|| "none found".to_owned(), ToString::to_string);
            return Err(TlsError::NoSystemRoots(why));
        }
        Ok(roots)
    }

    fn none() -> Self {
        Self { anchors: Vec::new(), pinned: HashSet::new(), skipped: Vec::new() }
    }

    /// Adds one; `false` if it is malformed.
    fn add(&mut self, der: CertificateDer<'static>) -> bool {
        let Some(certificate) = Certificate::read(&der) else { return false };
        // The owner of a server's key must not be able to issue certificates for other names.
        if certificate.is_authority {
            let Some(anchor) = Anchor::read(der.clone(), certificate) else { return false };
            self.anchors.push(anchor);
        }
        self.pinned.insert(der);
        true
    }
}
