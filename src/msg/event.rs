//! `ClusterEvent`: news of one cluster.

use serde::{Deserialize, Serialize};

use super::batch::Batch;
use super::call::{CallEvent, ProbeSample};
use super::detail::DetailUpdate;
use super::failure::Failure;
use super::limits::PageLimits;
use super::page::PageHead;
use super::sync::SyncState;
use crate::facts::metrics::NodeUsage;
use crate::facts::text::Clean;
use crate::resource::Resource;

/// News of one cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ClusterEvent {
    /// The task has started; sent first and again when the credentials or the URL change.
    Server {
        /// The server's URL, without credentials.
        url: Clean,
        /// The kubeconfig says `insecure-skip-tls-verify`.
        insecure: bool,
    },
    /// `/version` answered: `gitVersion`.
    Version(Clean),
    /// A list begins; what it does not bring until [`ClusterEvent::ListFinished`] is swept then.
    ListStarted {
        /// The resource.
        resource: Resource,
        /// Grows with each list of this resource.
        generation: u32,
    },
    /// A page of a list. Its items yield to what the watch of the same generation already brought, if that is newer.
    Page {
        /// The resource.
        resource: Resource,
        /// Its header.
        head: PageHead,
        /// The objects.
        batch: Batch,
    },
    /// The list is complete: objects that neither a page nor the watch of this generation has touched are gone.
    ListFinished {
        /// The resource.
        resource: Resource,
        /// The list that is complete.
        generation: u32,
    },
    /// Changes from the watch, in order; they always apply.
    Changes {
        /// The resource.
        resource: Resource,
        /// The list the watch began at.
        generation: u32,
        /// Events that could not be read.
        unreadable: u32,
        /// The changes.
        batch: Batch,
    },
    /// State of the loop of one resource.
    Sync {
        /// Whose loop.
        resource: Resource,
        /// Its state.
        state: SyncState,
    },
    /// An event or a bookmark came on the watch, or it opened at the known version and was not refused: the data is proven live.
    /// At most about once a second.
    Alive {
        /// Whose watch.
        resource: Resource,
        /// Bytes since the last such message.
        bytes: u64,
    },
    /// News of the list and the watch of the pods of one namespace, where not those of the whole cluster are watched (F23).
    Namespaced {
        /// The place of the namespace among those that are watched.
        index: u16,
        /// The event.
        event: Box<ClusterEvent>,
    },
    /// Usage of nodes, or why it is not known; nothing else depends on it.
    Usage(UsageNews),
    /// A request began, moved or ended.
    Call(CallEvent),
    /// The limits in force for the pages of one resource; sent when they change.
    Limits(PageLimits),
    /// One scheduled probe; exactly one of these for each tick of each series (G8).
    Probe(ProbeSample),
    /// Update of the opened object.
    Found(Box<DetailUpdate>),
    /// Something failed; also kept in [`SyncState::Waiting`] where a retry follows.
    Failed(Box<Failure>),
    /// No client can be made of the kubeconfig, and waiting does not cure that; the reason was sent as a failure just before.
    Unusable,
    /// Our clock against the server's, from the `Date` header; positive when ours is ahead.
    Skew {
        /// Our wall clock minus the server's, in milliseconds, ±1 s of resolution.
        ours_minus_server_ms: i64,
    },
    /// A task of this cluster panicked and was started again.
    TaskRestarted {
        /// Which task, and what it said.
        text: Clean,
    },
}

/// 5 s: from here on a difference of the clocks is shown. The `Date` header has a resolution of 1 s, and a clock that is kept
/// by NTP is much better than this.
pub const SKEW_SHOWN_MS: i64 = 5_000;
/// Outcome of one request for the usage of nodes (`metrics.k8s.io`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UsageNews {
    /// The figures of every node that has any.
    Read(Vec<NodeUsage>),
    /// The configuration says not to ask.
    Off,
    /// The API is not installed (404).
    Absent,
    /// We may not see it (403): what the server said.
    Denied(Clean),
    /// It is installed and does not answer: what happened. The cluster is none the worse for it (F25).
    Unavailable(Clean),
}
