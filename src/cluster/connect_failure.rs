//! Failures to connect, and the walk through an error's causes.
//!
//! A leaf: the connector makes these errors, the meter counts them and [`super::classify`] puts them into words.

use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use tower::BoxError;

use crate::msg::NoConnection;

/// Longest chain of causes that is followed.
const CHAIN: usize = 12;

/// A stage of connecting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectStage {
    /// Resolving the name.
    Dns = 0,
    /// TCP, to the server or to the proxy.
    Tcp = 1,
    /// Asking the proxy for a tunnel.
    Proxy = 2,
    /// The TLS handshake.
    Tls = 3,
}

/// Failure to connect.
#[derive(Debug)]
pub(crate) struct ConnectFailure {
    /// Stage that failed.
    pub(crate) stage: ConnectStage,
    /// `host:port` of that stage.
    pub(crate) endpoint: String,
    /// `true` if the connection goes through a proxy.
    pub(crate) proxied: bool,
    /// Time until it failed.
    pub(crate) after: Duration,
    /// The cause; `None` when our deadline passed.
    pub(crate) source: Option<BoxError>,
    /// The certificate that was refused, in words.
    pub(crate) shown: Option<String>,
}

impl std::fmt::Display for ConnectFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no connection to {}", self.endpoint)
    }
}

impl ConnectFailure {
    /// `true` if the other side reset the connection while it was made: treated as a reset just after it.
    pub(crate) fn is_reset(&self) -> bool {
        let Some(source) = self.source.as_deref().filter(|_| self.stage == ConnectStage::Tcp && !self.proxied) else {
            return false;
        };
        let io = chain(source).find_map(|cause| cause.downcast_ref::<io::Error>());
        io.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionReset)
    }

    /// Kind of the cause, for the statistics.
    pub(crate) fn cause(&self) -> NoConnection {
        let Some(source) = &self.source else { return NoConnection::TimedOut };
        let kind = chain(&**source).find_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
        match (self.stage, kind) {
            (ConnectStage::Dns, _) => NoConnection::Dns,
            (ConnectStage::Proxy, _) => NoConnection::Proxy,
            (ConnectStage::Tls, _) => NoConnection::Tls,
            (ConnectStage::Tcp, Some(io::ErrorKind::ConnectionRefused)) => NoConnection::Refused,
            (ConnectStage::Tcp, Some(io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable)) => {
                NoConnection::Unreachable
            }
            (ConnectStage::Tcp, _) => NoConnection::Other,
        }
    }
}

impl StdError for ConnectFailure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// The error and its causes, outermost first.
pub(crate) fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn StdError + 'static)| {
        let error: &'a (dyn StdError + 'static) = *error;
        // An io::Error reports the source of the error it wraps, not that error.
        match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn StdError + 'static)),
            None => error.source(),
        }
    })
    .take(CHAIN)
}
