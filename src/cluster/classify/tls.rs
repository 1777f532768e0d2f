//! TLS failures in words.

use std::error::Error as StdError;

use jiff::Timestamp;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{
    self, AlertDescription, CertificateError, ExtendedKeyPurpose, InvalidMessage, PeerIncompatible, PeerMisbehaved,
};

use super::RequestError;
use crate::cluster::connect::tls::Refusal;
use crate::msg::Layer;

/// Names of a certificate that are listed; of the others only the number.
const NAMES: usize = 5;
const BROKEN_RULE: &str = "certificate breaks a rule of X.509: have it issued anew (`openssl x509 -text` shows it)";
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

/// An error of rustls in words: for some it only shows the names of its own code.
pub(super) fn words(error: &rustls::Error) -> String {
    use rustls::Error;

    let text = match error {
        Error::InvalidCertificate(error) => return format!("invalid peer certificate: {}", certificate(error)),
        Error::PeerIncompatible(why) => incompatible(why),
        Error::PeerMisbehaved(PeerMisbehaved::AttemptedDowngradeToTls12WhenTls13IsSupported) => {
            "something between here and the server makes both use an older TLS than they could: look for a proxy or firewall"
        }
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => "it does not speak TLS; is the URL http?",
        Error::InvalidMessage(InvalidMessage::UnknownProtocolVersion) => NO_VERSION,
        Error::PeerMisbehaved(_)
        | Error::InvalidMessage(_)
        | Error::InappropriateMessage { .. }
        | Error::InappropriateHandshakeMessage { .. }
        | Error::PeerSentOversizedRecord => {
            "what it sends is against the rules of TLS: is it the API server, or does a proxy or firewall in between answer?"
        }
        Error::DecryptError => "what it sends cannot be decrypted: a proxy or firewall in between may change it",
        Error::NoCertificatesPresented => "it shows no certificate: give the API server its certificate and key",
        Error::NoApplicationProtocol => {
            "it speaks no protocol over TLS that we speak (HTTP/1.1): is it the API server?"
        }
        Error::AlertReceived(alert) => return format!("it ended the connection: {}", alert_name(*alert)),
        Error::InconsistentKeys(_) => {
            "the client key does not belong to the client certificate: both must be of one pair"
        }
        Error::InvalidEncryptedClientHello(_) | Error::UnsupportedNameType => {
            "it cannot be asked by this name: set the cluster's tls-server-name to a name in its certificate"
        }
        Error::FailedToGetCurrentTime => {
            "the clock of this machine cannot be read, and certificates are held against it"
        }
        Error::FailedToGetRandomBytes => "this machine gives no random numbers, without which there is no TLS",
        _ => {
            "TLS fails on this side, not on the server's: try again, and report it with the version of watchbell if it stays"
        }
    };
    text.to_owned()
}

/// The reason why both sides have no TLS version or suite in common.
fn incompatible(why: &PeerIncompatible) -> &'static str {
    use PeerIncompatible as Why;

    match why {
        Why::ServerDoesNotSupportTls12Or13
        | Why::ServerTlsVersionIsDisabledByOurConfig
        | Why::SupportedVersionsExtensionRequired
        | Why::Tls12NotOffered
        | Why::Tls12NotOfferedOrEnabled
        | Why::Tls13RequiredForQuic => NO_VERSION,
        Why::NoCipherSuitesInCommon => {
            "it has no cipher suite that we have: let it offer one with ECDHE and AES-GCM or ChaCha20-Poly1305 (--tls-cipher-suites)"
        }
        Why::NoKxGroupsInCommon
        | Why::NamedGroupsExtensionRequired
        | Why::KeyShareExtensionRequired
        | Why::EcPointsExtensionRequired
        | Why::NoEcPointFormatsInCommon
        | Why::UncompressedEcPointsRequired => {
            "it has no key exchange that we have: let it offer X25519, P-256 or P-384"
        }
        Why::NoSignatureSchemesInCommon | Why::SignatureAlgorithmsExtensionRequired => {
            "it has no kind of signature that we have: let its key be RSA, ECDSA on P-256, P-384 or P-521, or Ed25519"
        }
        Why::NoCertificateRequestSignatureSchemesInCommon => {
            "it accepts no client certificate with a kind of key that we have: RSA, ECDSA or Ed25519"
        }
        _ => {
            "it asks for a part of TLS that we do not have: is it the API server, and is what stands before it up to date?"
        }
    }
}

/// The reason why a certificate is refused, in Go's words where it has them.
fn certificate(error: &CertificateError) -> String {
    use CertificateError as Error;

    let text = match error {
        Error::UnknownIssuer => {
            "certificate signed by unknown authority: it is another one than the kubeconfig trusts; take the certificate-authority of this cluster"
        }
        Error::BadEncoding => "certificate cannot be read: it, or one that it shows beside it, is damaged",
        Error::BadSignature => "certificate or handshake has a signature that is wrong",
        Error::Expired | Error::NotValidYet => {
            "certificate has expired or is not yet valid: renew it, or set the clock"
        }
        Error::Revoked => "certificate has been revoked: the server needs a new one",
        Error::UnknownRevocationStatus
        | Error::ExpiredRevocationList
        | Error::ExpiredRevocationListContext { .. }
        | Error::InvalidOcspResponse => "certificate may have been revoked: nobody says for sure",
        Error::UnhandledCriticalExtension => "certificate has a critical extension that is not known here",
        Error::NotValidForName => {
            "certificate is not valid for the name of the server: set the cluster's tls-server-name"
        }
        Error::InvalidPurpose => "certificate is not for servers, or that of an authority above it is not",
        Error::NotValidForNameContext { expected, presented } => return names(expected, presented),
        Error::UnsupportedSignatureAlgorithmContext { signature_algorithm_id: id, .. } => {
            return format!("certificate is signed with {}", algorithm(id));
        }
        Error::UnsupportedSignatureAlgorithmForPublicKeyContext { public_key_algorithm_id: id, .. } => {
            return format!("certificate is signed with a key of a kind that is not accepted: {}", algorithm(id));
        }
        Error::ExpiredContext { .. } | Error::NotValidYetContext { .. } => return error.to_string(),
        Error::InvalidPurposeContext { presented, .. } => return purposes(presented),
        Error::Other(other) => {
            return match (other.0.downcast_ref::<Refusal>(), other.0.downcast_ref::<webpki::Error>()) {
                (Some(refusal), _) => refusal.to_string(),
                (_, Some(error)) => format!("certificate {}", rule(error)),
                _ => BROKEN_RULE.to_owned(),
            };
        }
        _ => BROKEN_RULE,
    };
    text.to_owned()
}

/// A rule that webpki names and rustls does not.
fn rule(error: &webpki::Error) -> &'static str {
    use webpki::Error;

    match error {
        Error::CaUsedAsEndEntity => "is one of an authority, and not the one that the kubeconfig trusts",
        Error::EndEntityUsedAsCa => "is signed by one that is no authority",
        Error::PathLenConstraintViolated | Error::MaximumPathDepthExceeded => {
            "has more authorities above it than one of them allows"
        }
        Error::NameConstraintViolation => "has a name that its authority may not give",
        Error::MalformedNameConstraint | Error::InvalidNetworkMaskConstraint => {
            "has an authority whose limits for names cannot be read"
        }
        Error::UnsupportedCertVersion => {
            "has a version that is not accepted, or one of those that vouch for it: 3 is needed"
        }
        Error::UnsupportedCriticalExtension => "has a critical extension that is not known here",
        Error::CertDistrusted => "is by an authority that nobody trusts any more",
        Error::EmptyEkuExtension => "has a list of purposes that is empty: have it issued for servers",
        Error::InvalidCertValidity => "was never valid: it begins after it ends",
        Error::MalformedDnsIdentifier => "has a name that is none",
        Error::MalformedExtensions | Error::ExtensionValueInvalid | Error::InvalidSerialNumber => {
            "has a serial number or an extension that cannot be read"
        }
        Error::SignatureAlgorithmMismatch => "names two kinds of signature where there is one",
        Error::MaximumSignatureChecksExceeded
        | Error::MaximumPathBuildCallsExceeded
        | Error::MaximumNameConstraintComparisonsExceeded => {
            "comes with so many others that to verify it would take too long"
        }
        _ => "breaks a rule of X.509: have it issued anew (`openssl x509 -text` shows it)",
    }
}

/// The purposes of a certificate that lacks the required one.
fn purposes(presented: &[ExtendedKeyPurpose]) -> String {
    let listed: Vec<String> = presented.iter().take(NAMES).map(ToString::to_string).collect();
    let listed = listed.join(", ");
    format!(
        "certificate is not for servers, or that of an authority above it is not: its extended key usage lists {listed}"
    )
}

/// As in Go an address is compared with the addresses of the certificate, and a name with its names.
fn names(expected: &ServerName<'_>, presented: &[String]) -> String {
    // They come as `DnsName("api.example.org")` and `IpAddress(10.0.0.1)`.
    let (dns, addresses) = (listed(presented, "DnsName("), listed(presented, "IpAddress("));
    let is_address = matches!(expected, ServerName::IpAddress(_));
    let expected = expected.to_str();
    match (is_address, dns.is_empty(), addresses.is_empty()) {
        (true, _, false) => format!("certificate is valid for {addresses}, not {expected}"),
        (false, false, _) => format!("certificate is valid for {dns}, not {expected}"),
        (true, true, true) => {
            format!("cannot validate certificate for {expected} because it doesn't contain any IP SANs")
        }
        (true, false, true) => format!(
            "cannot validate certificate for {expected} because it doesn't contain any IP SANs, only names: {dns}; set the \
             cluster's tls-server-name to one of them"
        ),
        (false, true, true) => {
            format!("certificate is not valid for any names, but wanted to match {expected}")
        }
        (false, true, false) => format!(
            "certificate is not valid for any names, but wanted to match {expected}; it is for {addresses}, which \
             tls-server-name may be"
        ),
    }
}

/// Names of one kind, the first few spelled out.
fn listed(presented: &[String], kind: &str) -> String {
    let of_kind = presented.iter().filter_map(|name| name.strip_prefix(kind)?.strip_suffix(')'));
    let all: Vec<&str> = of_kind.map(|name| name.trim_matches('"')).collect();
    let more = all.len().saturating_sub(NAMES);
    let named = all[..all.len() - more].join(", ");
    if more > 0 { format!("{named}, {more} more") } else { named }
}

/// The name of the algorithm whose object identifier is in that identifier (DER).
fn algorithm(id: &[u8]) -> &'static str {
    let known = ALGORITHMS.iter().find(|(oid, _)| id.windows(oid.len()).any(|window| window == *oid));
    known.map_or("an algorithm that is not accepted", |(_, name)| name)
}

/// The alert that the other side sent: TLS 1.3 sends it after the handshake, instead of an answer.
pub(super) fn alert(error: &(dyn StdError + 'static)) -> Option<AlertDescription> {
    match error.downcast_ref::<rustls::Error>()? {
        rustls::Error::AlertReceived(alert) => Some(*alert),
        _ => None,
    }
}

/// Error of TLS that the server ended with an alert: most likely about a client certificate (F05).
pub(super) fn refused_us(endpoint: &str, alert: AlertDescription) -> RequestError {
    use AlertDescription as Alert;

    let about_ours = match alert {
        Alert::CertificateRequired => "it wants a client certificate, and the kubeconfig has none for it".to_owned(),
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA => format!("it does not accept our client certificate ({})", alert_name(alert)),
        Alert::ProtocolVersion => NO_VERSION.to_owned(),
        Alert::HandshakeFailure => {
            "it ended the handshake (handshake failure): no cipher, curve or kind of key in common, \
             or does it want a client certificate?"
                .to_owned()
        }
        _ => format!("it ended the handshake ({}); does it want a client certificate?", alert_name(alert)),
    };
    RequestError {
        not_kubernetes: true,
        ..RequestError::new(Layer::Tls, &format!("TLS with {endpoint}: {about_ours}"))
    }
}

/// An alert as Go calls it (crypto/tls, `alertText`).
fn alert_name(alert: AlertDescription) -> String {
    use AlertDescription as Alert;

    let name = match alert {
        Alert::CloseNotify => "close notify",
        Alert::UnexpectedMessage => "unexpected message",
        Alert::BadRecordMac => "bad record MAC",
        Alert::DecryptionFailed => "decryption failed",
        Alert::RecordOverflow => "record overflow",
        Alert::DecompressionFailure => "decompression failure",
        Alert::HandshakeFailure => "handshake failure",
        Alert::NoCertificate => "no certificate",
        Alert::BadCertificate => "bad certificate",
        Alert::UnsupportedCertificate => "unsupported certificate",
        Alert::CertificateRevoked => "revoked certificate",
        Alert::CertificateExpired => "expired certificate",
        Alert::CertificateUnknown => "unknown certificate",
        Alert::IllegalParameter => "illegal parameter",
        Alert::UnknownCA => "unknown certificate authority",
        Alert::AccessDenied => "access denied",
        Alert::DecodeError => "error decoding message",
        Alert::DecryptError => "error decrypting message",
        Alert::ExportRestriction => "export restriction",
        Alert::ProtocolVersion => "protocol version not supported",
        Alert::InsufficientSecurity => "insufficient security level",
        Alert::InternalError => "internal error",
        Alert::InappropriateFallback => "inappropriate fallback",
        Alert::UserCanceled => "user canceled",
        Alert::NoRenegotiation => "no renegotiation",
        Alert::MissingExtension => "missing extension",
        Alert::UnsupportedExtension => "unsupported extension",
        Alert::CertificateUnobtainable => "certificate unobtainable",
        Alert::UnrecognisedName => "unrecognized name: set the cluster's tls-server-name",
        Alert::BadCertificateStatusResponse => "bad certificate status response",
        Alert::BadCertificateHashValue => "bad certificate hash value",
        Alert::UnknownPSKIdentity => "unknown PSK identity",
        Alert::CertificateRequired => "certificate required",
        Alert::NoApplicationProtocol => "no application protocol",
        Alert::EncryptedClientHelloRequired => "encrypted client hello required",
        other => return format!("alert {}", u8::from(other)),
    };
    name.to_owned()
}

/// Replaces numbers of ten digits by dates: rustls writes times as seconds of the Unix epoch.
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio_rustls::rustls::pki_types::UnixTime;
    use tokio_rustls::rustls::{
        CertRevocationListError, ContentType, EncryptedClientHelloError, Error, HandshakeType, InconsistentKeys,
        OtherError,
    };

    use super::*;

    /// Every kind of error that can be made here.
    fn errors() -> Vec<Error> {
        let incompatible = [
            PeerIncompatible::EcPointsExtensionRequired,
            PeerIncompatible::ExtendedMasterSecretExtensionRequired,
            PeerIncompatible::IncorrectCertificateTypeExtension,
            PeerIncompatible::KeyShareExtensionRequired,
            PeerIncompatible::NamedGroupsExtensionRequired,
            PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon,
            PeerIncompatible::NoCipherSuitesInCommon,
            PeerIncompatible::NoEcPointFormatsInCommon,
            PeerIncompatible::NoKxGroupsInCommon,
            PeerIncompatible::NoSignatureSchemesInCommon,
            PeerIncompatible::NullCompressionRequired,
            PeerIncompatible::ServerDoesNotSupportTls12Or13,
            PeerIncompatible::ServerSentHelloRetryRequestWithUnknownExtension,
            PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig,
            PeerIncompatible::SignatureAlgorithmsExtensionRequired,
            PeerIncompatible::SupportedVersionsExtensionRequired,
            PeerIncompatible::Tls12NotOffered,
            PeerIncompatible::Tls12NotOfferedOrEnabled,
            PeerIncompatible::Tls13RequiredForQuic,
            PeerIncompatible::UncompressedEcPointsRequired,
            PeerIncompatible::UnsolicitedCertificateTypeExtension,
            PeerIncompatible::ServerRejectedEncryptedClientHello(None),
        ];
        let misbehaved = [
            PeerMisbehaved::AttemptedDowngradeToTls12WhenTls13IsSupported,
            PeerMisbehaved::SelectedUnofferedCipherSuite,
            PeerMisbehaved::TooManyEmptyFragments,
            PeerMisbehaved::SignedHandshakeWithUnadvertisedSigScheme,
        ];
        let messages = [
            InvalidMessage::CertificatePayloadTooLarge,
            InvalidMessage::HandshakePayloadTooLarge,
            InvalidMessage::InvalidCcs,
            InvalidMessage::InvalidContentType,
            InvalidMessage::MessageTooLarge,
            InvalidMessage::MessageTooShort,
            InvalidMessage::MissingData("ServerHello"),
            InvalidMessage::TrailingData("ServerHello"),
            InvalidMessage::UnexpectedMessage("ServerHello"),
            InvalidMessage::UnknownProtocolVersion,
            InvalidMessage::UnsupportedCurveType,
        ];
        let mut errors = vec![
            Error::InappropriateMessage {
                expect_types: vec![ContentType::Handshake],
                got_type: ContentType::ApplicationData,
            },
            Error::InappropriateHandshakeMessage {
                expect_types: vec![HandshakeType::ServerHello],
                got_type: HandshakeType::Finished,
            },
            Error::InvalidEncryptedClientHello(EncryptedClientHelloError::SniRequired),
            Error::NoCertificatesPresented,
            Error::UnsupportedNameType,
            Error::DecryptError,
            Error::EncryptError,
            Error::InvalidCertRevocationList(CertRevocationListError::BadSignature),
            Error::General("CamelCase".to_owned()),
            Error::FailedToGetCurrentTime,
            Error::FailedToGetRandomBytes,
            Error::HandshakeNotComplete,
            Error::PeerSentOversizedRecord,
            Error::NoApplicationProtocol,
            Error::BadMaxFragmentSize,
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch),
            Error::Other(OtherError(Arc::new(std::fmt::Error))),
        ];
        errors.extend(incompatible.map(Error::from));
        errors.extend(misbehaved.map(Error::from));
        errors.extend(messages.map(Error::from));
        errors.extend((0..=u8::MAX).map(|code| Error::AlertReceived(AlertDescription::from(code))));
        errors.extend(certificates().into_iter().map(Error::from));
        errors
    }

    fn certificates() -> Vec<CertificateError> {
        let time = UnixTime::since_unix_epoch(Duration::from_secs(2_000_000_000));
        let then = UnixTime::since_unix_epoch(Duration::from_secs(1_900_000_000));
        let localhost = || ServerName::try_from("localhost").unwrap();
        let rules = [
            webpki::Error::BadDer,
            webpki::Error::CaUsedAsEndEntity,
            webpki::Error::CertDistrusted,
            webpki::Error::EmptyEkuExtension,
            webpki::Error::EndEntityUsedAsCa,
            webpki::Error::ExtensionValueInvalid,
            webpki::Error::InvalidCertValidity,
            webpki::Error::InvalidNetworkMaskConstraint,
            webpki::Error::InvalidSerialNumber,
            webpki::Error::MalformedDnsIdentifier,
            webpki::Error::MalformedExtensions,
            webpki::Error::MalformedNameConstraint,
            webpki::Error::MaximumNameConstraintComparisonsExceeded,
            webpki::Error::MaximumPathBuildCallsExceeded,
            webpki::Error::MaximumPathDepthExceeded,
            webpki::Error::MaximumSignatureChecksExceeded,
            webpki::Error::NameConstraintViolation,
            webpki::Error::PathLenConstraintViolated,
            webpki::Error::SignatureAlgorithmMismatch,
            webpki::Error::UnsupportedCertVersion,
            webpki::Error::UnsupportedCriticalExtension,
            webpki::Error::UnsupportedNameType,
        ];
        let mut errors = vec![
            CertificateError::BadEncoding,
            CertificateError::Expired,
            CertificateError::ExpiredContext { time, not_after: then },
            CertificateError::NotValidYet,
            CertificateError::NotValidYetContext { time: then, not_before: time },
            CertificateError::Revoked,
            CertificateError::UnhandledCriticalExtension,
            CertificateError::UnknownIssuer,
            CertificateError::UnknownRevocationStatus,
            CertificateError::ExpiredRevocationList,
            CertificateError::ExpiredRevocationListContext { time, next_update: then },
            CertificateError::BadSignature,
            CertificateError::UnsupportedSignatureAlgorithmContext {
                signature_algorithm_id: vec![1],
                supported_algorithms: vec![],
            },
            CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
                signature_algorithm_id: vec![1],
                public_key_algorithm_id: vec![1],
            },
            CertificateError::NotValidForName,
            CertificateError::NotValidForNameContext { expected: localhost(), presented: vec![] },
            CertificateError::InvalidPurpose,
            CertificateError::InvalidPurposeContext {
                required: ExtendedKeyPurpose::ServerAuth,
                presented: vec![ExtendedKeyPurpose::ClientAuth, ExtendedKeyPurpose::Other(vec![1, 2])],
            },
            CertificateError::InvalidOcspResponse,
            CertificateError::ApplicationVerificationFailure,
            CertificateError::Other(OtherError(Arc::new(std::fmt::Error))),
        ];
        errors.extend(rules.map(|rule| CertificateError::Other(OtherError(Arc::new(rule)))));
        errors
    }

    #[test]
    fn every_error_of_tls_has_words_and_none_a_name_of_the_code() {
        for error in errors() {
            let text = words(&error);
            let names = text.split(|c: char| !c.is_alphanumeric()).filter(|word| {
                let mut letters = word.chars().skip(1);
                letters.any(|letter| letter.is_ascii_uppercase())
                    && word.chars().any(|letter| letter.is_ascii_lowercase())
            });
            let names: Vec<&str> = names.filter(|name| !["SANs", "ChaCha20"].contains(name)).collect();
            assert!(names.is_empty(), "{error:?}: {text}: {names:?}");
            assert!(text.split(' ').count() > 3 && !text.contains(['{', '"']), "{error:?}: {text}");
        }
    }
}
