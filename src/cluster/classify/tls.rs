//! What TLS says when it fails, for people.

use std::error::Error as StdError;

use jiff::Timestamp;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, AlertDescription, CertificateError, PeerIncompatible};

use super::RequestError;
use crate::cluster::connect::tls::Refusal;
use crate::msg::Layer;

/// Names of a certificate that are told; of more only the number.
const NAMES: usize = 5;
const NO_VERSION: &str = "it speaks no version of TLS that we speak (1.2 or 1.3)";

/// Signature algorithms and curves that are not accepted, by their object identifiers.
const ALGORITHMS: &[(&[u8], &str)] = &[
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 4], "MD5 with RSA, which is insecure"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5], "SHA-1 with RSA, which is insecure"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1], "SHA-1 with ECDSA, which is insecure"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x38, 4], "DSA"),
    (&[0x2b, 0x65, 0x71], "Ed448"),
    (&[0x2b, 0x81, 4, 0, 33], "curve P-224"),
    (&[0x2b, 0x81, 4, 0, 10], "curve secp256k1"),
];

/// What rustls found, in words: where it has none it shows the names of its own code.
pub(super) fn words(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(error) => format!("invalid peer certificate: {}", certificate(error)),
        rustls::Error::PeerIncompatible(
            PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::Tls12NotOfferedOrEnabled,
        ) => NO_VERSION.to_owned(),
        rustls::Error::PeerIncompatible(why) => format!("no common ground: {}", spaced(&format!("{why:?}"))),
        rustls::Error::PeerMisbehaved(why) => format!("it breaks the rules of TLS: {}", spaced(&format!("{why:?}"))),
        other => other.to_string(),
    }
}

/// Why a certificate is refused; the words are Go's where it has them.
fn certificate(error: &CertificateError) -> String {
    use CertificateError as Error;

    match error {
        Error::UnknownIssuer => "certificate signed by unknown authority (UnknownIssuer)".to_owned(),
        Error::BadEncoding => "certificate cannot be read".to_owned(),
        Error::BadSignature => "certificate or handshake has a signature that is wrong".to_owned(),
        Error::Revoked => "certificate has been revoked".to_owned(),
        Error::UnhandledCriticalExtension => "certificate has a critical extension that is not known here".to_owned(),
        Error::NotValidForNameContext { expected, presented } => names(expected, presented),
        Error::UnsupportedSignatureAlgorithmContext { signature_algorithm_id: id, .. } => {
            format!("certificate is signed with {}", algorithm(id))
        }
        Error::UnsupportedSignatureAlgorithmForPublicKeyContext { public_key_algorithm_id: id, .. } => {
            format!("certificate is signed with a key of a kind that is not accepted: {}", algorithm(id))
        }
        Error::ExpiredContext { .. } | Error::NotValidYetContext { .. } | Error::InvalidPurposeContext { .. } => {
            error.to_string()
        }
        Error::Other(other) => match other.0.downcast_ref::<Refusal>() {
            Some(refusal) => refusal.to_string(),
            None => other_rule(&other.to_string()),
        },
        other => format!("certificate cannot be verified: {}", spaced(&format!("{other:?}"))),
    }
}

/// A rule that the verifier has a name for and rustls has not.
fn other_rule(name: &str) -> String {
    let rule = match name {
        "CaUsedAsEndEntity" => "is one of an authority, and not the one that the kubeconfig trusts",
        "EndEntityUsedAsCa" => "is signed by one that is no authority",
        "PathLenConstraintViolated" => "has more authorities above it than one of them allows",
        "NameConstraintViolation" => "has a name that its authority may not give",
        "UnsupportedCertVersion" => {
            "has a version that is not accepted, or one of those that vouch for it: 3 is needed"
        }
        other => return format!("certificate breaks a rule of X.509: {}", spaced(other)),
    };
    format!("certificate {rule}")
}

fn names(expected: &ServerName<'_>, presented: &[String]) -> String {
    // They come as `DnsName("api.example.org")`.
    let bare = |name: &String| {
        let inner = name.split_once('(').map_or(name.as_str(), |(_, inner)| inner.trim_end_matches(')'));
        inner.trim_matches('"').to_owned()
    };
    let mut listed: Vec<String> = presented.iter().take(NAMES).map(bare).collect();
    if presented.len() > NAMES {
        listed.push(format!("{} more", presented.len() - NAMES));
    }
    let expected = expected.to_str();
    if listed.is_empty() {
        return format!("certificate is not valid for any names, but wanted to match {expected}");
    }
    format!("certificate is valid for {}, not {expected}", listed.join(", "))
}

/// The name of an algorithm in whose identifier (DER) that object identifier stands.
fn algorithm(id: &[u8]) -> &'static str {
    let known = ALGORITHMS.iter().find(|(oid, _)| id.windows(oid.len()).any(|window| window == *oid));
    known.map_or("an algorithm that is not accepted", |(_, name)| name)
}

/// `NoCipherSuitesInCommon` → `no cipher suites in common`.
fn spaced(name: &str) -> String {
    let name = name.split(['(', '{']).next().unwrap_or_default().trim();
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}

/// What the other side says against ours: TLS 1.3 says it after the handshake, instead of an answer.
pub(super) fn alert(error: &(dyn StdError + 'static)) -> Option<AlertDescription> {
    match error.downcast_ref::<rustls::Error>()? {
        rustls::Error::AlertReceived(alert) => Some(*alert),
        _ => None,
    }
}

/// The server ended TLS with an alert: most likely about a client certificate (F05).
pub(super) fn refused_us(place: &str, alert: AlertDescription) -> RequestError {
    use AlertDescription as Alert;

    let about_ours = match alert {
        Alert::CertificateRequired => "it wants a client certificate, and the kubeconfig has none for it".to_owned(),
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA => format!("it does not accept our client certificate ({alert:?})"),
        Alert::ProtocolVersion => NO_VERSION.to_owned(),
        Alert::HandshakeFailure => {
            "it ended the handshake (HandshakeFailure): no cipher, curve or kind of key in common, \
             or does it want a client certificate?"
                .to_owned()
        }
        _ => format!("it ended the handshake ({alert:?}); does it want a client certificate?"),
    };
    RequestError { alien: true, ..RequestError::new(Layer::Tls, &format!("TLS with {place}: {about_ours}")) }
}

/// rustls writes times as seconds of the Unix epoch, which nobody reads: numbers of ten digits become dates.
pub(super) fn readable_times(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let digits = word.trim_end_matches([',', ';', ')']);
        match digits.parse().ok().filter(|_| digits.len() == 10).and_then(|secs| Timestamp::from_second(secs).ok()) {
            Some(time) => format!("{time}{}", &word[digits.len()..]),
            None => word.to_owned(),
        }
    });
    words.collect::<Vec<_>>().join(" ").replace("Z (UNIX)", "Z")
}
