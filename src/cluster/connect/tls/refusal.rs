//! Reasons to refuse a server certificate that rustls cannot name.

use std::sync::Arc;

use tokio_rustls::rustls::{self, CertificateError, OtherError};

use crate::cluster::check::cert::Certificate;

/// A server certificate that breaks a rule that rustls has no name for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// Issued without subject alternative names. The words are Go's.
    #[error("certificate relies on legacy Common Name field ({subject}), use SANs instead")]
    LegacyCommonName {
        /// The name that it has.
        subject: String,
    },
    /// Its authority has the name of a trusted one but another key: the cluster was rebuilt.
    #[error(
        "certificate signed by unknown authority: the {issuer} that is trusted has another key than the one that signed it"
    )]
    OtherKey {
        /// The name that both have.
        issuer: String,
    },
    /// Its extended key usage lists other purposes.
    #[error("certificate is not for servers: its extended key usage lists other purposes")]
    NotForServers,
    /// An authority of the chain has expired or is not valid yet. The first words are Go's.
    #[error(
        "certificate has expired or is not yet valid: not the server's own but that of the authority {subject}, which vouches \
         for it and is valid {from:.0} to {until:.0}; renew it, and the kubeconfig's certificate-authority with it"
    )]
    Outdated {
        /// The name of the authority.
        subject: String,
        /// Start of its validity.
        from: jiff::Timestamp,
        /// End of its validity.
        until: jiff::Timestamp,
    },
    /// The extended key usage of an authority of the chain lists other purposes.
    #[error(
        "certificate is by {subject}, whose own extended key usage does not list servers: renew that authority without it"
    )]
    AuthorityNotForServers {
        /// The name of the authority.
        subject: String,
    },
    /// A key that is too short.
    #[error("certificate of {subject} has a key that is too short ({key}): 2048 bits or more are accepted")]
    ShortKey {
        /// Subject of the certificate with that key.
        subject: String,
        /// `RSA 1024`.
        key: String,
    },
}

impl Refusal {
    /// Refusal of an authority outside its validity.
    pub(super) fn outdated(authority: &Certificate) -> Self {
        let Certificate { subject, not_before, not_after, .. } = authority;
        Self::Outdated { subject: subject.clone(), from: *not_before, until: *not_after }
    }
}

impl From<Refusal> for rustls::Error {
    fn from(refusal: Refusal) -> Self {
        CertificateError::Other(OtherError(Arc::new(refusal))).into()
    }
}
