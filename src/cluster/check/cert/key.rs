//! The kind of a public key, for people.

use zeroize::Zeroizing;

use super::{BIT_STRING, Der, INTEGER, OCTET_STRING, OID, SEQUENCE};

/// Algorithms by their object identifiers (RFC 3279, RFC 4055, RFC 8410).
const ALGORITHMS: &[(&[u8], &str)] = &[
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10], "RSA-PSS"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1], "DSA"),
    (&[0x2b, 0x65, 0x70], "Ed25519"),
    (&[0x2b, 0x65, 0x71], "Ed448"),
];
/// Context tags of a private key (RFC 5915): its curve, and its public part.
const PARAMETERS: u8 = 0xa0;
const PUBLIC_KEY: u8 = 0xa1;
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
    // The first byte of a bit string says how many bits of the last one are not used.
    let modulus = Der(Der(key.get(1..)?).take(SEQUENCE)?).take(INTEGER)?;
    let digits = &modulus[modulus.iter().position(|&byte| byte != 0)?..];
    Some(digits.len() * 8 - digits[0].leading_zeros() as usize)
}

/// A curve on which clients sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cluster) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    /// The curve with this object identifier.
    fn of(id: &[u8]) -> Option<Self> {
        [Self::P256, Self::P384, Self::P521].into_iter().find(|curve| curve.id() == id)
    }

    fn id(self) -> &'static [u8] {
        match self {
            Self::P256 => CURVES[0].0,
            Self::P384 => CURVES[1].0,
            Self::P521 => CURVES[2].0,
        }
    }

    /// Bytes of a number.
    fn size(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

/// A private key on a curve; never printed.
pub(in crate::cluster) struct EllipticKey {
    pub(in crate::cluster) curve: Curve,
    /// The secret number, as long as the curve's numbers are.
    pub(in crate::cluster) secret: Zeroizing<Vec<u8>>,
}

impl EllipticKey {
    /// From PKCS#8 (RFC 5208) or SEC 1 form (RFC 5915); `None` for keys of any other kind. As in Go, the public part does not
    /// count and may be absent, and zeros before the number may be too many or too few.
    pub(in crate::cluster) fn read(der: &[u8]) -> Option<Self> {
        let mut key = Der(Der(der).take(SEQUENCE)?);
        let version = key.take(INTEGER)?;
        let (curve, secret) = match *version {
            [0 | 1] if key.0.first() == Some(&SEQUENCE) => {
                let mut algorithm = Der(key.take(SEQUENCE)?);
                let (kind, curve) = (algorithm.take(OID)?, algorithm.take(OID)?);
                let mut inner = Der(Der(key.take(OCTET_STRING)?).take(SEQUENCE)?);
                inner.take(INTEGER)?;
                (Curve::of(curve).filter(|_| kind == ELLIPTIC)?, inner.take(OCTET_STRING)?)
            }
            [1] => {
                let secret = key.take(OCTET_STRING)?;
                // Context tag 0, the curve: without it the curve is unknown.
                (Curve::of(Der(key.take(PARAMETERS)?).take(OID)?)?, secret)
            }
            _ => return None,
        };
        let digits = &secret[secret.iter().position(|&byte| byte != 0)?..];
        let mut secret = Zeroizing::new(vec![0; curve.size().checked_sub(digits.len())?]);
        secret.reserve_exact(digits.len());
        secret.extend_from_slice(digits);
        Some(Self { curve, secret })
    }

    /// SEC 1 form with this public part.
    pub(in crate::cluster) fn to_sec1(&self, point: &[u8]) -> Vec<u8> {
        let curve = value(OID, &[self.curve.id()]);
        let point = value(BIT_STRING, &[&[0], point]);
        let (curve, point) = (value(PARAMETERS, &[&curve]), value(PUBLIC_KEY, &[&point]));
        let secret = Zeroizing::new(value(OCTET_STRING, &[&self.secret]));
        value(SEQUENCE, &[&[INTEGER, 1, 1], &secret, &curve, &point])
    }
}

/// DER of one value: its tag, its length, and its content, shorter than 256 bytes.
fn value(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut der = Vec::with_capacity(length + 3);
    der.push(tag);
    if length > 0x7f {
        der.push(0x81);
    }
    der.push(u8::try_from(length).unwrap_or(u8::MAX));
    for part in parts {
        der.extend_from_slice(part);
    }
    der
}
