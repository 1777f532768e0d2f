//! ECDSA beyond ring: the curve P-521, SHA-512 with the other curves, and private keys without their public part.
//! Clients, servers and authorities of all these kinds are in use.
//!
//! The other provider of rustls, aws-lc-rs, has P-521 too; it costs more to build and is larger (see the commit that
//! added this).

use std::sync::{Arc, OnceLock};

use p521::ecdsa::signature::hazmat::{PrehashSigner, PrehashVerifier};
use p521::ecdsa::{Signature, SigningKey as Secret};
use ring::digest::{self, digest};
use tokio_rustls::rustls;
use tokio_rustls::rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring as base};
use tokio_rustls::rustls::pki_types::{
    AlgorithmIdentifier, InvalidSignature, PrivateKeyDer, PrivateSec1KeyDer, SignatureVerificationAlgorithm,
    SubjectPublicKeyInfoDer, alg_id,
};
use tokio_rustls::rustls::sign::{Signer, SigningKey, public_key_to_spki};
use tokio_rustls::rustls::{SignatureAlgorithm, SignatureScheme};
use zeroize::Zeroizing;

use crate::cluster::check::cert::{Curve, EllipticKey};

type Algorithms = &'static [&'static dyn SignatureVerificationAlgorithm];

/// Bytes of a number on the largest curve, P-521.
const LARGEST: usize = 66;

// Authorities combine any of the three hashes with any curve.
const P521_SHA512: &dyn SignatureVerificationAlgorithm =
    &Verify { with: p521, key: alg_id::ECDSA_P521, hash: &digest::SHA512, signature: alg_id::ECDSA_SHA512 };
const P521_SHA384: &dyn SignatureVerificationAlgorithm =
    &Verify { with: p521, key: alg_id::ECDSA_P521, hash: &digest::SHA384, signature: alg_id::ECDSA_SHA384 };
const P521_SHA256: &dyn SignatureVerificationAlgorithm =
    &Verify { with: p521, key: alg_id::ECDSA_P521, hash: &digest::SHA256, signature: alg_id::ECDSA_SHA256 };
const P384_SHA512: &dyn SignatureVerificationAlgorithm =
    &Verify { with: p384, key: alg_id::ECDSA_P384, hash: &digest::SHA512, signature: alg_id::ECDSA_SHA512 };
const P256_SHA512: &dyn SignatureVerificationAlgorithm =
    &Verify { with: p256, key: alg_id::ECDSA_P256, hash: &digest::SHA512, signature: alg_id::ECDSA_SHA512 };
const OURS: Algorithms = &[P521_SHA512, P521_SHA384, P521_SHA256, P384_SHA512, P256_SHA512];
/// In TLS 1.3 a scheme names the curve, the first of these; in TLS 1.2 only the hash, and Go's servers use any curve.
const SHA512: Algorithms = &[P521_SHA512, P384_SHA512, P256_SHA512];

/// The rustls provider for all TLS: ring, extended by the algorithms that it lacks.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();

    PROVIDER
        .get_or_init(|| {
            let base = base::default_provider();
            let known = base.signature_verification_algorithms;
            let mut mapping: Vec<(SignatureScheme, Algorithms)> = known
                .mapping
                .iter()
                .map(|&(scheme, known)| match scheme {
                    // Leaked once in a process: rustls wants a `'static` list.
                    SignatureScheme::ECDSA_NISTP384_SHA384 => (scheme, &*[known, &[P521_SHA384]].concat().leak()),
                    SignatureScheme::ECDSA_NISTP256_SHA256 => (scheme, &*[known, &[P521_SHA256]].concat().leak()),
                    _ => (scheme, known),
                })
                .collect();
            mapping.insert(0, (SignatureScheme::ECDSA_NISTP521_SHA512, SHA512));
            let signature_verification_algorithms =
                WebPkiSupportedAlgorithms { all: [known.all, OURS].concat().leak(), mapping: mapping.leak() };
            Arc::new(CryptoProvider { signature_verification_algorithms, key_provider: &Keys, ..base })
        })
        .clone()
}

/// Verifies a signature of a hash with a public key; `None` if it is wrong.
type VerifyHash = fn(&[u8], &[u8], &[u8]) -> Option<()>;

struct Verify {
    with: VerifyHash,
    key: AlgorithmIdentifier,
    hash: &'static digest::Algorithm,
    signature: AlgorithmIdentifier,
}

impl std::fmt::Debug for Verify {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} with {:?}", self.key, self.hash)
    }
}

impl SignatureVerificationAlgorithm for Verify {
    fn verify_signature(&self, public_key: &[u8], message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        (self.with)(public_key, digest(self.hash, message).as_ref(), signature).ok_or(InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.key
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.signature
    }
}

fn p256(key: &[u8], hash: &[u8], signature: &[u8]) -> Option<()> {
    use p256::ecdsa::{Signature, VerifyingKey};

    let key = VerifyingKey::from_sec1_bytes(key).ok()?;
    key.verify_prehash(hash, &Signature::from_der(signature).ok()?).ok()
}

fn p384(key: &[u8], hash: &[u8], signature: &[u8]) -> Option<()> {
    use p384::ecdsa::{Signature, VerifyingKey};

    let key = VerifyingKey::from_sec1_bytes(key).ok()?;
    key.verify_prehash(hash, &Signature::from_der(signature).ok()?).ok()
}

fn p521(key: &[u8], hash: &[u8], signature: &[u8]) -> Option<()> {
    use p521::ecdsa::VerifyingKey;

    let key = VerifyingKey::from_sec1_bytes(key).ok()?;
    // The crate refuses a hash below half the size of the curve, as SHA-256 is; padded with zeros in front it is the
    // same number.
    let mut padded = [0; LARGEST];
    padded[LARGEST - hash.len()..].copy_from_slice(hash);
    key.verify_prehash(&padded, &Signature::from_der(signature).ok()?).ok()
}

/// Private keys: those that ring reads, P-521, and those on a curve whose public part is absent or wrong; as in Go, the
/// public part is computed.
#[derive(Debug)]
struct Keys;

impl rustls::crypto::KeyProvider for Keys {
    fn load_private_key(&self, der: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        let der = Zeroizing::new(der);
        let Some(key) = EllipticKey::read(der.secret_der()) else { return base::sign::any_supported_type(&der) };
        if key.curve == Curve::P521
            && let Ok(secret) = Secret::from_slice(&key.secret)
        {
            return Ok(Arc::new(Key(Arc::new(secret))));
        }
        match public_point(&key) {
            Some(point) => {
                let whole = key.to_sec1(&point);
                base::sign::any_supported_type(&Zeroizing::new(PrivateSec1KeyDer::from(whole).into()))
            }
            None => base::sign::any_supported_type(&der),
        }
    }
}

/// The public part; `None` for P-521, and for a number outside the curve's range.
fn public_point(key: &EllipticKey) -> Option<Vec<u8>> {
    match key.curve {
        Curve::P256 => {
            let secret = p256::ecdsa::SigningKey::from_slice(&key.secret).ok()?;
            Some(secret.verifying_key().to_sec1_point(false).as_bytes().to_vec())
        }
        Curve::P384 => {
            let secret = p384::ecdsa::SigningKey::from_slice(&key.secret).ok()?;
            Some(secret.verifying_key().to_sec1_point(false).as_bytes().to_vec())
        }
        Curve::P521 => None,
    }
}

/// A private key on the curve, to sign a handshake with; its secret is wiped when it is dropped.
#[derive(Clone)]
struct Key(Arc<Secret>);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a P-521 key")
    }
}

impl SigningKey for Key {
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

impl Signer for Key {
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
