//! ECDSA on the curve P-521, which ring does not have: client, server and authority keys of that kind are in the field.
//!
//! The other provider of rustls, aws-lc-rs, has it too; it costs more to build and is larger (see the commit that added this).

use std::sync::{Arc, OnceLock};

use p521::ecdsa::signature::hazmat::{PrehashSigner, PrehashVerifier};
use p521::ecdsa::{Signature, SigningKey as Secret, VerifyingKey};
use ring::digest::{self, digest};
use tokio_rustls::rustls;
use tokio_rustls::rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring as base};
use tokio_rustls::rustls::pki_types::{
    AlgorithmIdentifier, InvalidSignature, PrivateKeyDer, SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer,
    alg_id,
};
use tokio_rustls::rustls::sign::{Signer, SigningKey, public_key_to_spki};
use tokio_rustls::rustls::{SignatureAlgorithm, SignatureScheme};

use crate::cluster::check::cert::p521_secret;

/// Authorities sign with any of the three; in TLS 1.3 the curve goes with SHA-512 alone.
static VERIFIERS: [&dyn SignatureVerificationAlgorithm; 3] = [
    &Verify { hash: &digest::SHA512, signature: alg_id::ECDSA_SHA512 },
    &Verify { hash: &digest::SHA384, signature: alg_id::ECDSA_SHA384 },
    &Verify { hash: &digest::SHA256, signature: alg_id::ECDSA_SHA256 },
];

/// The provider of rustls that is used for all of TLS: ring, and P-521 beside it.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();

    PROVIDER
        .get_or_init(|| {
            let base = base::default_provider();
            let known = base.signature_verification_algorithms;
            let mut mapping = vec![(SignatureScheme::ECDSA_NISTP521_SHA512, &VERIFIERS[..1])];
            mapping.extend_from_slice(known.mapping);
            // Made once in a process: rustls wants them for as long as that.
            let signature_verification_algorithms =
                WebPkiSupportedAlgorithms { all: [known.all, &VERIFIERS].concat().leak(), mapping: mapping.leak() };
            Arc::new(CryptoProvider { signature_verification_algorithms, key_provider: &Keys, ..base })
        })
        .clone()
}

#[derive(Debug)]
struct Verify {
    hash: &'static digest::Algorithm,
    signature: AlgorithmIdentifier,
}

impl SignatureVerificationAlgorithm for Verify {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        let key = VerifyingKey::from_sec1_bytes(public_key).map_err(|_| InvalidSignature)?;
        let signature = Signature::from_der(signature).map_err(|_| InvalidSignature)?;
        key.verify_prehash(digest(self.hash, message).as_ref(), &signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P521
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

/// Private keys: those that ring reads, and P-521.
#[derive(Debug)]
struct Keys;

impl rustls::crypto::KeyProvider for Keys {
    fn load_private_key(&self, der: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        let key = p521_secret(der.secret_der()).and_then(|secret| Secret::from_slice(secret).ok());
        match key {
            Some(key) => Ok(Arc::new(P521Key(Arc::new(key)))),
            None => base::sign::any_supported_type(&der),
        }
    }
}

/// A private key on the curve, to sign a handshake with; its secret is wiped when it is dropped.
#[derive(Clone)]
struct P521Key(Arc<Secret>);

impl std::fmt::Debug for P521Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a P-521 key")
    }
}

impl SigningKey for P521Key {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered.contains(&self.scheme()).then(|| Box::new(self.clone()) as Box<dyn Signer>)
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        let point = self.0.verifying_key().to_sec1_point(false);
        Some(public_key_to_spki(&alg_id::ECDSA_P521, point.as_bytes()))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl Signer for P521Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        let hash = digest(&digest::SHA512, message);
        let signed: Result<Signature, _> = self.0.sign_prehash(hash.as_ref());
        let signed = signed.map_err(|_| rustls::Error::General("signing with the P-521 key failed".to_owned()))?;
        Ok(signed.to_der().as_bytes().to_vec())
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ECDSA_NISTP521_SHA512
    }
}
