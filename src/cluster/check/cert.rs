//! The fields of an X.509 certificate that are shown (subject, issuer, validity), and those that decide what a trusted
//! certificate may be used for.
//!
//! rustls verifies chains and signatures; this reader adds the rules of Go that it lacks
//! (`cluster/connect/tls/verify.rs`). Source of the layout: RFC 5280, sections 4.1 and 4.2.

use jiff::Timestamp;

use crate::clock::wall;

mod key;

pub(in crate::cluster) use key::{Curve, EllipticKey};

const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
/// Object identifiers 2.5.4.3 (common name) and 2.5.4.10 (organisation).
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const ORGANISATION: &[u8] = &[0x55, 4, 10];
/// Extensions 2.5.29.15, 2.5.29.17, 2.5.29.19, 2.5.29.30 and 2.5.29.37.
const KEY_USAGE: &[u8] = &[0x55, 29, 15];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 29, 17];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 29, 19];
const NAME_CONSTRAINTS: &[u8] = &[0x55, 29, 30];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 29, 37];
/// Purposes 1.3.6.1.5.5.7.3.1 (TLS server) and 2.5.29.37.0 (any).
pub(in crate::cluster) const SERVER_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 1];
pub(in crate::cluster) const ANY_PURPOSE: &[u8] = &[0x55, 29, 37, 0];
/// Bit 5 of the key usage, counted from the front: it signs certificates.
const KEY_CERT_SIGN: u8 = 0x80 >> 5;

/// Fields of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Certificate {
    /// `CN=kube-apiserver`.
    pub(crate) subject: String,
    /// The signer, written as `subject` is.
    pub(crate) issuer: String,
    /// Start of its validity.
    pub(crate) not_before: Timestamp,
    /// End of its validity.
    pub(crate) not_after: Timestamp,
    /// The subject's key with its algorithm: `SubjectPublicKeyInfo`, DER.
    pub(crate) public_key: Vec<u8>,
    /// That key in words: `RSA 2048`, `ECDSA P-256`.
    pub(crate) key: String,
    /// `true` if it lists host names; an old certificate may name a host in its subject only.
    pub(crate) has_alt_names: bool,
    /// `true` if its key may sign other certificates.
    pub(crate) is_authority: bool,
    /// `true` if it may be used by a server: it has no list of purposes, or the list has that purpose.
    pub(crate) is_for_servers: bool,
    /// Its limits as an authority.
    pub(crate) limits: PathLimits,
}

/// Limits of an authority for the chains that lead through it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PathLimits {
    /// `true` if it has name constraints.
    pub(crate) names: bool,
    /// Largest number of other authorities between it and a server, if it has such a limit.
    length: Option<usize>,
}

impl Certificate {
    /// The refused certificate in words, with the clock that it was compared with (F05).
    pub(crate) fn shows(&self) -> String {
        let Self { subject, issuer, not_before, not_after, .. } = self;
        let now = wall();
        format!("it shows {subject} by {issuer}, valid {not_before:.0} to {not_after:.0}; our clock says {now:.0}")
    }

    /// `true` if it is valid at this moment, in seconds of the Unix epoch.
    pub(crate) fn holds_at(&self, now: u64) -> bool {
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        (self.not_before.as_second()..=self.not_after.as_second()).contains(&now)
    }

    /// `true` if `count` other authorities may stand between it and a server.
    pub(crate) fn allows_below(&self, count: usize) -> bool {
        self.limits.length.is_none_or(|longest| count <= longest)
    }

    /// Reads DER; `None` if it is not a certificate.
    pub(crate) fn read(der: &[u8]) -> Option<Self> {
        let mut certificate = Der(Der(der).take(SEQUENCE)?);
        let mut body = Der(certificate.take(SEQUENCE)?);
        // Absent is version 1, which has no extensions.
        let version = match body.0.first() {
            Some(&VERSION) => *Der(body.take(VERSION)?).take(INTEGER)?.last()?,
            _ => 0,
        };
        body.take(INTEGER)?;
        body.take(SEQUENCE)?;
        let issuer = name(body.take(SEQUENCE)?);
        let mut validity = Der(body.take(SEQUENCE)?);
        let (not_before, not_after) = (validity.time()?, validity.time()?);
        let subject = name(body.take(SEQUENCE)?);
        let public_key = body.whole(SEQUENCE)?;
        let extensions = Extensions::read(body)?;
        Some(Self {
            subject,
            issuer,
            not_before,
            not_after,
            public_key: public_key.to_vec(),
            key: key::describe(public_key)?,
            has_alt_names: extensions.alt_names,
            is_authority: extensions.may_sign(version),
            is_for_servers: extensions.serves.unwrap_or(true),
            limits: extensions.limits,
        })
    }
}

/// The parts of a certificate that concern its signature.
pub(in crate::cluster) struct Signed<'a> {
    /// Signed bytes, `TBSCertificate`.
    pub(in crate::cluster) body: &'a [u8],
    /// The content of the signature's `AlgorithmIdentifier`.
    pub(in crate::cluster) algorithm: &'a [u8],
    pub(in crate::cluster) signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// From DER; `None` if it is not a certificate.
    pub(in crate::cluster) fn read(der: &'a [u8]) -> Option<Self> {
        let mut certificate = Der(Der(der).take(SEQUENCE)?);
        let body = certificate.whole(SEQUENCE)?;
        let algorithm = certificate.take(SEQUENCE)?;
        // The first byte says how many bits of the last one are not used: none.
        let (0, signature) = certificate.take(BIT_STRING)?.split_first().map(|(unused, rest)| (*unused, rest))? else {
            return None;
        };
        Some(Self { body, algorithm, signature })
    }
}

/// Values of the extensions; `None` where one is absent.
#[derive(Default)]
struct Extensions {
    alt_names: bool,
    /// `cA` of the basic constraints.
    authority: Option<bool>,
    /// `keyCertSign` of the key usage.
    signs: Option<bool>,
    serves: Option<bool>,
    limits: PathLimits,
}

impl Extensions {
    /// Reads the fields after the subject's key; `None` if they are malformed.
    fn read(mut rest: Der<'_>) -> Option<Self> {
        let mut extensions = Self::default();
        while !rest.0.is_empty() {
            let (tag, content) = rest.next()?;
            if tag != EXTENSIONS {
                continue;
            }
            let mut list = Der(Der(content).take(SEQUENCE)?);
            while !list.0.is_empty() {
                let mut extension = Der(list.take(SEQUENCE)?);
                let id = extension.take(OID)?;
                if extension.0.first() == Some(&BOOLEAN) {
                    extension.take(BOOLEAN)?;
                }
                extensions.note(id, Der(extension.take(OCTET_STRING)?))?;
            }
        }
        Some(extensions)
    }

    fn note(&mut self, id: &[u8], mut value: Der<'_>) -> Option<()> {
        match id {
            SUBJECT_ALT_NAME => self.alt_names = true,
            BASIC_CONSTRAINTS => {
                let mut constraints = Der(value.take(SEQUENCE)?);
                let authority = if constraints.0.first() == Some(&BOOLEAN) { constraints.take(BOOLEAN)? } else { &[] };
                if !constraints.0.is_empty() {
                    // A number too large for the type is no limit.
                    let digits = constraints.take(INTEGER)?.iter();
                    let number = digits.fold(0_usize, |number, &byte| number.saturating_mul(256) + usize::from(byte));
                    self.limits.length = Some(number);
                }
                self.authority = Some(authority.first().is_some_and(|&flag| flag != 0));
            }
            NAME_CONSTRAINTS => self.limits.names = true,
            // The first byte says how many bits of the last one are not used.
            KEY_USAGE => {
                self.signs = Some(value.take(BIT_STRING)?.get(1).is_some_and(|bits| bits & KEY_CERT_SIGN != 0));
            }
            EXTENDED_KEY_USAGE => {
                let mut purposes = Der(value.take(SEQUENCE)?);
                let mut serves = false;
                while !purposes.0.is_empty() {
                    serves |= matches!(purposes.take(OID)?, SERVER_AUTH | ANY_PURPOSE);
                }
                self.serves = Some(serves);
            }
            _ => {}
        }
        Some(())
    }

    /// Go's `Certificate.CheckSignatureFrom`: version 3 must say that it is an authority, and a key usage must allow it.
    fn may_sign(&self, version: u8) -> bool {
        self.authority.unwrap_or(version < 2) && self.signs.unwrap_or(true)
    }
}

/// A DER reader that consumes from the front.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The content of the next value, which must have this tag.
    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, content) = self.next()?;
        (found == tag).then_some(content)
    }

    /// The next value with its tag and length.
    fn whole(&mut self, tag: u8) -> Option<&'a [u8]> {
        let before = self.0;
        self.take(tag)?;
        before.get(..before.len() - self.0.len())
    }

    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let mut length = usize::from(first);
        if first & 0x80 != 0 {
            let bytes;
            // More than four bytes of length is no certificate.
            (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f)).filter(|(bytes, _)| bytes.len() <= 4)?;
            length = bytes.iter().fold(0, |length, &byte| length << 8 | usize::from(byte));
        }
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    fn time(&mut self) -> Option<Timestamp> {
        let (tag, digits) = self.next()?;
        let text = std::str::from_utf8(digits).ok().filter(|text| text.is_ascii())?;
        let century = match tag {
            // RFC 5280, 4.1.2.5.1: a year of two digits from 50 on is in the last century.
            UTC_TIME if text >= "50" => "19",
            UTC_TIME => "20",
            GENERALIZED_TIME => "",
            _ => return None,
        };
        let text = format!("{century}{text}");
        let part = |from: usize| text.get(from..from + 2);
        let (year, month, day) = (text.get(..4)?, part(4)?, part(6)?);
        format!("{year}-{month}-{day}T{}:{}:{}Z", part(8)?, part(10)?, part(12)?).parse().ok()
    }
}

/// The common name, else the organisation.
fn name(content: &[u8]) -> String {
    let mut parts = Vec::new();
    let mut sets = Der(content);
    while let Some(set) = sets.take(SET) {
        let mut attributes = Der(set);
        while let Some(attribute) = attributes.take(SEQUENCE) {
            let mut attribute = Der(attribute);
            if let (Some(oid), Some((_, value))) = (attribute.take(OID), attribute.next()) {
                parts.push((oid, String::from_utf8_lossy(value)));
            }
        }
    }
    let of = |wanted: &[u8], label: &str| {
        parts.iter().find(|(oid, _)| *oid == wanted).map(|(_, value)| format!("{label}={value}"))
    };
    of(COMMON_NAME, "CN").or_else(|| of(ORGANISATION, "O")).unwrap_or_else(|| "no name".to_owned())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, date_time_ymd};

    use super::*;

    fn made(until: i32) -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Example");
        params.distinguished_name.push(DnType::CommonName, "kube-apiserver");
        params.not_before = date_time_ymd(1999, 12, 31);
        params.not_after = date_time_ymd(until, 3, 9);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn certificate_has_its_names_and_both_kinds_of_time() {
        for (until, expected) in [(2030, "2030-03-09T00:00:00Z"), (2060, "2060-03-09T00:00:00Z")] {
            let read = Certificate::read(&made(until)).unwrap();
            assert_eq!((&*read.subject, &*read.issuer), ("CN=kube-apiserver", "CN=kube-apiserver"));
            assert_eq!(read.not_before.to_string(), "1999-12-31T00:00:00Z");
            assert_eq!(read.not_after.to_string(), expected);
        }
    }

    /// Every prefix and every changed byte, as a hostile server may send them, is read or refused, never a panic.
    #[test]
    fn broken_certificate_is_refused_and_never_a_panic() {
        let der = made(2030);
        for end in 0..der.len() {
            assert_eq!(Certificate::read(&der[..end]), None);
            let mut changed = der.clone();
            changed[end] = !changed[end];
            let _ = Certificate::read(&changed);
        }
    }
}
