//! Requests and probes, as the meter and the probe series tell of them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::failure::Layer;
use super::time::Mono;
use crate::msg::detail::DetailPart;
use crate::resource::Resource;

/// Names one request from its start to its end, unique within a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CallId(pub u64);

/// Kind of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CallKind {
    /// `GET /livez`: reachability.
    Ping,
    /// The work probe: a list of one object.
    Work,
    /// A page of a list.
    List(Resource),
    /// Opening a watch, until its headers.
    Watch(Resource),
    /// Usage of nodes: `metrics.k8s.io`.
    Usage,
    /// Anything else: `/version`.
    Get,
    /// The opened object, or a page of its events.
    Detail(DetailPart),
    /// Opening a watch on these, until its headers.
    DetailWatch(DetailPart),
}

impl CallKind {
    /// Opens a watch: its latency ends with the headers, and its bytes are reported by its reader.
    #[must_use]
    pub fn is_watch(self) -> bool {
        matches!(self, Self::Watch(_) | Self::DetailWatch(_))
    }

    /// Of an optional API: it counts for our load, and says nothing about the health of the cluster.
    #[must_use]
    pub fn is_optional(self) -> bool {
        match self {
            Self::List(resource) | Self::Watch(resource) => resource.is_optional(),
            Self::Usage => true,
            Self::Ping | Self::Work | Self::Get | Self::Detail(_) | Self::DetailWatch(_) => false,
        }
    }
}

/// The life of one request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum CallEvent {
    /// It is on its way.
    Started {
        /// Which.
        id: CallId,
        /// Kind of the call.
        kind: CallKind,
        /// Page number of a list.
        page: Option<u32>,
        /// 1 for the first attempt.
        attempt: u32,
        /// When it began.
        at: Mono,
        /// Our deadline for all of it.
        limit: Duration,
    },
    /// Bytes are coming; at most a few of these a second.
    Progress {
        /// Which.
        id: CallId,
        /// Body bytes so far, as sent (compressed).
        bytes: u64,
    },
    /// It ended, whichever way; sent exactly once for each request.
    Finished(Box<Attempt>),
    /// Its answer was read into objects; sent after the end, for pages of lists only.
    Decoded {
        /// Which.
        id: CallId,
        /// Kind of the call.
        kind: CallKind,
        /// How long that took, inflating not included.
        took: Duration,
    },
}

/// One request from start to end as the meter saw it, next to the wire: no retry, no inflating, no queue of ours inside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// Which.
    pub id: CallId,
    /// Kind of the call.
    pub kind: CallKind,
    /// Page number of a list.
    pub page: Option<u32>,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// When it began.
    pub at: Mono,
    /// DNS, TCP and TLS together; `None` on a reused connection.
    pub connect: Option<Duration>,
    /// From the start to the headers of the answer, connecting included; `None` if none came.
    pub first_byte: Option<Duration>,
    /// From the start to the end; for a watch to its headers.
    pub total: Duration,
    /// Body bytes as sent (compressed).
    pub bytes: u64,
    /// HTTP code, if an answer came.
    pub status: Option<u16>,
    /// How it ended.
    pub end: CallEnd,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CallEnd {
    /// The whole answer came, whatever its status.
    Complete,
    /// A deadline of ours passed: a censored sample, `total` or more.
    TimedOut,
    /// The answer began and was cut.
    Broken,
    /// No answer on a connection: reset, at whatever moment, or closed.
    NoResponse,
    /// Something answered that is not HTTP.
    NotHttp,
    /// No connection came about: all of its time was spent on that.
    NotConnected(NoConnection),
    /// We gave it up for a reason that is not the server's: shutdown, refresh.
    Cancelled,
}

/// Which of the two probe series (docs/latency-and-alerts.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProbeSeries {
    /// `/livez`: proves that the server can be reached.
    Ping,
    /// A list of one object: proves authn, authz, queueing and storage too.
    Work,
}

/// Outcome of one scheduled probe.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeSample {
    /// Which series.
    pub series: ProbeSeries,
    /// The tick it was scheduled for.
    pub tick: Mono,
    /// Its outcome.
    pub outcome: ProbeOutcome,
}

/// How a probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProbeOutcome {
    /// An answer came, whatever its status below 500 except 429.
    Answered {
        /// From the start of the request to the end of the body.
        latency: Duration,
    },
    /// No answer in time: at least this long.
    TimedOut {
        /// The deadline, or the time since the start of a probe that still runs at the next tick.
        at_least: Duration,
    },
    /// An error came back before the deadline.
    Failed {
        /// How long that took.
        after: Duration,
        /// Layer at which it failed.
        layer: Layer,
    },
}

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NoConnection {
    /// The other side refuses it.
    Refused,
    /// No way leads there.
    Unreachable,
    /// The other side did not answer in time.
    TimedOut,
    /// The name could not be resolved.
    Dns,
    /// The proxy does not let us through.
    Proxy,
    /// The TLS handshake failed.
    Tls,
    /// Anything else.
    Other,
}
