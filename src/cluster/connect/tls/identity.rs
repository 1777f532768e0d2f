//! The client certificate and its key, as Go's `tls.X509KeyPair` reads them.

use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};
use tokio_rustls::rustls::sign::CertifiedKey;
use zeroize::Zeroizing;

use super::TlsError;
use super::pem::blocks;
use crate::cluster::check::cert::Certificate;

/// A client certificate with its intermediates, and its key: both PEM. Never printed.
#[derive(Clone)]
pub(crate) struct ClientIdentity {
    /// The chain, the client's own first.
    pub(crate) certificate: Vec<u8>,
    /// The key; wiped when it is dropped.
    pub(crate) key: Zeroizing<Vec<u8>>,
}

impl ClientIdentity {
    /// Reads both and checks that they match.
    ///
    /// # Errors
    /// [`TlsError::Identity`]: no certificate, no key, one that is encrypted or of an unusual kind, or two that do not
    /// belong together.
    pub(super) fn certified(&self, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        let chain = self.chain()?;
        let own = chain.first().and_then(|own| Certificate::read(own));
        let own = own.ok_or_else(|| unusable("the client certificate cannot be read"))?;
        let ders = self.key()?;
        // As in Go the label is ignored: many tools write one of these forms under the label of another.
        let forms = [
            |der| PrivateKeyDer::from(PrivatePkcs8KeyDer::from(der)),
            |der| PrivateKeyDer::from(PrivatePkcs1KeyDer::from(der)),
            |der| PrivateKeyDer::from(PrivateSec1KeyDer::from(der)),
        ];
        let load = |form: fn(Vec<u8>) -> PrivateKeyDer<'static>| {
            provider.key_provider.load_private_key(form(ders.clone())).ok()
        };
        let key = forms.into_iter().find_map(load).ok_or_else(|| {
            let text = format!(
                "the client key cannot be used (its certificate is for {}): accepted are RSA of 2048 to 4096 bits, ECDSA \
                 on P-256, P-384 and P-521, and Ed25519; have the client certificate issued for such a key",
                own.key
            );
            TlsError::Identity(text)
        })?;
        if key.public_key().is_some_and(|public| *public != *own.public_key) {
            let text = format!("the client key does not belong to the client certificate of {}", own.subject);
            return Err(TlsError::Identity(text));
        }
        Ok(CertifiedKey::new(chain, key))
    }

    fn chain(&self) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        // A malformed block is skipped, as in Go.
        let certificates = blocks(&self.certificate).into_iter().filter(|block| block.label == "CERTIFICATE");
        let chain: Vec<CertificateDer<'static>> = certificates.filter_map(|block| Some(block.der?.into())).collect();
        if chain.is_empty() {
            return Err(unusable("the client certificate has no readable `-----BEGIN CERTIFICATE-----`"));
        }
        Ok(chain)
    }

    /// The first readable key of the text, as in Go; anything before it (parameters, certificates, a broken block) is
    /// skipped.
    fn key(&self) -> Result<Vec<u8>, TlsError> {
        let is_key = |label: &str| label == "PRIVATE KEY" || label.ends_with(" PRIVATE KEY");
        let mut keys: Vec<_> = blocks(&self.key).into_iter().filter(|block| is_key(block.label)).collect();
        let readable = keys.iter().position(|block| block.der.is_some() || block.encrypted).unwrap_or_default();
        if keys.is_empty() {
            return Err(unusable("the client key has no `-----BEGIN PRIVATE KEY-----`"));
        }
        let block = keys.swap_remove(readable);
        if block.encrypted || block.label.starts_with("ENCRYPTED") {
            let text = "the client key is encrypted with a passphrase, which no kubeconfig can give: write it anew \
                        without one (`openssl pkey -in KEY -out NEW`)";
            return Err(unusable(text));
        }
        block.der.ok_or_else(|| unusable("the client key is not base64"))
    }
}

fn unusable(text: &str) -> TlsError {
    TlsError::Identity(text.to_owned())
}
