//! Requests and probes, as the meter and the probe series report them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::failure::Layer;
use super::query::QueryKind;
use super::time::Mono;
use crate::msg::detail::DetailPart;
use crate::resource::Resource;

/// Identifier of one request, unique within a cluster.
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
    /// A query, or a part of it.
    Query(QueryKind),
    /// Objects of a queue as a table, which leaves out their bodies.
    QueueTable,
}

impl CallKind {
    /// Returns `true` if it opens a watch: its latency ends with the headers, and its bytes are reported by its reader.
    #[must_use]
    pub fn is_watch(self) -> bool {
        matches!(self, Self::Watch(_) | Self::DetailWatch(_))
    }

    /// Returns `true` for a request to an optional API: it counts for watchbell's own load, but not for the health of the cluster.
    #[must_use]
    pub fn is_optional(self) -> bool {
        match self {
            Self::List(resource) | Self::Watch(resource) => resource.is_optional(),
            Self::Usage | Self::QueueTable => true,
            Self::Query(kind) => kind.is_optional(),
            Self::Ping | Self::Work | Self::Get | Self::Detail(_) | Self::DetailWatch(_) => false,
        }
    }
}

/// An event in the life of one request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum CallEvent {
    /// The request was started.
    Started {
        /// The call.
        id: CallId,
        /// Kind of the call.
        kind: CallKind,
        /// Page number of a list.
        page: Option<u32>,
        /// 1 for the first attempt.
        attempt: u32,
        /// Time at which it began.
        at: Mono,
        /// Deadline of the whole request, set by watchbell.
        limit: Duration,
    },
    /// Bytes are coming; at most a few of these a second.
    Progress {
        /// The call.
        id: CallId,
        /// Body bytes so far, as sent (compressed).
        bytes: u64,
    },
    /// The request ended, successfully or not; sent exactly once for each request.
    Finished(Box<Attempt>),
    /// Its answer was decoded; sent after the end, for pages of lists only.
    Decoded {
        /// The call.
        id: CallId,
        /// Kind of the call.
        kind: CallKind,
        /// Duration of decoding, without decompression.
        took: Duration,
    },
}

/// One request from start to end, as measured next to the wire: without retries, decompression or waiting in watchbell's queues.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The call.
    pub id: CallId,
    /// Kind of the call.
    pub kind: CallKind,
    /// Page number of a list.
    pub page: Option<u32>,
    /// 1 for the first attempt.
    pub attempt: u32,
    /// Time at which it began.
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
    /// Its outcome.
    pub end: CallEnd,
}

/// Outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CallEnd {
    /// The answer arrived completely, with any status.
    Complete,
    /// It exceeded a deadline of watchbell: a censored sample, `total` or more.
    TimedOut,
    /// The answer was cut off.
    Broken,
    /// The connection was reset or closed without an answer.
    NoResponse,
    /// The answer is not HTTP.
    NotHttp,
    /// No connection could be made: all of its time was spent on that.
    NotConnected(NoConnection),
    /// watchbell cancelled it for a reason that is not the server's: shutdown, refresh.
    Cancelled,
}

/// One of the two series of probes (docs/latency-and-alerts.md).
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
    /// Its series.
    pub series: ProbeSeries,
    /// The tick it was scheduled for.
    pub tick: Mono,
    /// Its outcome.
    pub outcome: ProbeOutcome,
}

/// Outcome of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProbeOutcome {
    /// It was answered with any status below 500 except 429.
    Answered {
        /// From the start of the request to the end of the body.
        latency: Duration,
    },
    /// It was not answered in time.
    TimedOut {
        /// The deadline, or the time since the start of a probe that still runs at the next tick.
        at_least: Duration,
    },
    /// It failed before the deadline.
    Failed {
        /// Time from the start of the request to the failure.
        after: Duration,
        /// Layer at which it failed.
        layer: Layer,
    },
}

/// Reason why a connection could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NoConnection {
    /// The other side refused it.
    Refused,
    /// There is no route to the host or the network.
    Unreachable,
    /// The other side did not answer in time.
    TimedOut,
    /// The name could not be resolved.
    Dns,
    /// The proxy refused it or failed.
    Proxy,
    /// The TLS handshake failed.
    Tls,
    /// Anything else.
    Other,
}
