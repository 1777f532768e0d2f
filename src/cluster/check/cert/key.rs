//! The kind of a public key, for people.

use super::{BIT_STRING, Der, INTEGER, OCTET_STRING, OID, SEQUENCE};

/// Algorithms by their object identifiers (RFC 3279, RFC 4055, RFC 8410).
const ALGORITHMS: &[(&[u8], &str)] = &[
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10], "RSA-PSS"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1], "DSA"),
    (&[0x2b, 0x65, 0x70], "Ed25519"),
    (&[0x2b, 0x65, 0x71], "Ed448"),
];
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const ELLIPTIC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
/// Curves by their object identifiers (RFC 5480, SEC 2).
const CURVES: &[(&[u8], &str)] = &[
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7], "P-256"),
    (&[0x2b, 0x81, 4, 0, 34], "P-384"),
    (&[0x2b, 0x81, 4, 0, 35], "P-521"),
    (&[0x2b, 0x81, 4, 0, 33], "P-224"),
    (&[0x2b, 0x81, 4, 0, 10], "secp256k1"),
];

/// `RSA 2048`, `ECDSA P-256`; `None` if `SubjectPublicKeyInfo` cannot be read.
pub(super) fn describe(public_key: &[u8]) -> Option<String> {
    let mut info = Der(Der(public_key).take(SEQUENCE)?);
    let mut algorithm = Der(info.take(SEQUENCE)?);
    let key = info.take(BIT_STRING)?;
    let named = |names: &[(&[u8], &str)], id: &[u8]| {
        names.iter().find(|(known, _)| *known == id).map(|(_, name)| (*name).to_owned())
    };
    Some(match algorithm.take(OID)? {
        RSA => format!("RSA {}", modulus_bits(key)?),
        ELLIPTIC => {
            let curve = algorithm.take(OID).and_then(|id| named(CURVES, id));
            format!("ECDSA {}", curve.as_deref().unwrap_or("on an unusual curve"))
        }
        id => named(ALGORITHMS, id).unwrap_or_else(|| "of an unknown algorithm".to_owned()),
    })
}

/// Bits of the modulus of an `RSAPublicKey`.
fn modulus_bits(key: &[u8]) -> Option<usize> {
    // The first byte of a bit string tells how many bits of the last one are not used.
    let modulus = Der(Der(key.get(1..)?).take(SEQUENCE)?).take(INTEGER)?;
    let digits = &modulus[modulus.iter().position(|&byte| byte != 0)?..];
    Some(digits.len() * 8 - digits[0].leading_zeros() as usize)
}

/// The secret number of a P-521 key in PKCS#8 (RFC 5208) or SEC 1 form (RFC 5915); `None` for keys of any other kind.
pub(crate) fn p521_secret(der: &[u8]) -> Option<&[u8]> {
    const P521: &[u8] = CURVES[2].0;

    let mut key = Der(Der(der).take(SEQUENCE)?);
    let version = key.take(INTEGER)?;
    match *version {
        [0 | 1] if key.0.first() == Some(&SEQUENCE) => {
            let mut algorithm = Der(key.take(SEQUENCE)?);
            let (kind, curve) = (algorithm.take(OID)?, algorithm.take(OID)?);
            let inner = key.take(OCTET_STRING)?;
            let mut inner = Der(Der(inner).take(SEQUENCE)?);
            inner.take(INTEGER)?;
            (kind == ELLIPTIC && curve == P521).then(|| inner.take(OCTET_STRING))?
        }
        [1] => {
            let secret = key.take(OCTET_STRING)?;
            // Context tag 0, the curve: without it nobody can tell which one is meant.
            (Der(key.take(0xa0)?).take(OID)? == P521).then_some(secret)
        }
        _ => None,
    }
}
