//! What TLS says when it fails, for people.

use std::error::Error as StdError;

use jiff::Timestamp;
use tokio_rustls::rustls::{self, AlertDescription};

use super::Trouble;
use crate::msg::Layer;

/// What the other side says against ours: TLS 1.3 says it after the handshake, instead of an answer.
pub(super) fn alert(error: &(dyn StdError + 'static)) -> Option<AlertDescription> {
    match error.downcast_ref::<rustls::Error>()? {
        rustls::Error::AlertReceived(alert) => Some(*alert),
        _ => None,
    }
}

/// The server ended TLS with an alert: most likely about a client certificate (F05).
pub(super) fn refused_us(place: &str, alert: AlertDescription) -> Trouble {
    use AlertDescription as Alert;

    let about_ours = match alert {
        Alert::CertificateRequired => "it wants a client certificate, and the kubeconfig has none for it".to_owned(),
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA => format!("it does not accept our client certificate ({alert:?})"),
        Alert::ProtocolVersion => "it speaks no version of TLS that we speak (1.2 or 1.3)".to_owned(),
        _ => format!("it ended the handshake ({alert:?}); does it want a client certificate?"),
    };
    Trouble { alien: true, ..Trouble::new(Layer::Tls, &format!("TLS with {place}: {about_ours}")) }
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
