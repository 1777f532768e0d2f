//! Certificates that are trusted: the bundle of a cluster, or those of the machine.

use std::collections::HashSet;

use tokio_rustls::rustls::pki_types::CertificateDer;

use super::TlsError;
use super::chain::Anchor;
use super::pem::blocks;
use crate::cluster::check::cert::Certificate;

/// Certificates that are passed over and named one by one; of more only the number is told.
const NAMED: usize = 4;

/// What is trusted, and what of the bundle is not used.
pub(super) struct Roots {
    /// Authorities: they vouch for the servers' certificates.
    pub(super) anchors: Vec<Anchor>,
    /// All of them as they are: a server that shows one of these needs nobody to vouch for it.
    pub(super) pinned: HashSet<CertificateDer<'static>>,
    /// What is passed over, for people.
    pub(super) skipped: Vec<String>,
}

impl Roots {
    /// Those of a PEM text. What cannot be read is passed over, as Go's `AppendCertsFromPEM` does it.
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

    /// Those of the machine, or of `SSL_CERT_FILE` and `SSL_CERT_DIR`. Blocking.
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

    /// Takes one in; `false` if it cannot be read.
    fn add(&mut self, der: CertificateDer<'static>) -> bool {
        let Some(certificate) = Certificate::read(&der) else { return false };
        // Whoever holds the key of a server's certificate must not be able to make certificates for other names.
        if certificate.is_authority {
            let Some(anchor) = Anchor::read(der.clone(), certificate) else { return false };
            self.anchors.push(anchor);
        }
        self.pinned.insert(der);
        true
    }
}
