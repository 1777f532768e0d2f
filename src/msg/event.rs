//! `ClusterEvent`: events from the tasks of one cluster.

use serde::{Deserialize, Serialize};

use super::batch::Batch;
use super::call::{CallEvent, ProbeSample};
use super::detail::DetailUpdate;
use super::failure::Failure;
use super::limits::PageLimits;
use super::page::PageHead;
use super::query::QueryAnswer;
use super::sync::SyncState;
use crate::facts::metrics::NodeUsage;
use crate::facts::text::Clean;
use crate::resource::Resource;

/// An event from the tasks of one cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ClusterEvent {
    /// The task has started; sent first, and again when the credentials or the URL change.
    Server {
        /// The server's URL, without credentials.
        url: Clean,
        /// `true` if the kubeconfig sets `insecure-skip-tls-verify`.
        insecure: bool,
    },
    /// `/version` answered: `gitVersion`.
    Version(Clean),
    /// A list begins; objects that are not in it by [`ClusterEvent::ListFinished`] are removed then.
    ListStarted {
        /// The resource.
        resource: Resource,
        /// Grows with each list of this resource.
        generation: u32,
    },
    /// A page of a list. An object in it is ignored if the watch of the same generation already brought a newer version.
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
        /// The resource.
        resource: Resource,
        /// Its state.
        state: SyncState,
    },
    /// An event or a bookmark came on the watch, or it opened at the known version and was not refused: the data is proven live.
    /// At most about once a second.
    Alive {
        /// The resource.
        resource: Resource,
        /// Bytes since the last such message.
        bytes: u64,
    },
    /// An event of the list and watch of the pods of one namespace, if the whole cluster is not watched (F23).
    Namespaced {
        /// Index of the namespace among the watched ones.
        index: u16,
        /// The event.
        event: Box<ClusterEvent>,
    },
    /// Usage of nodes, or the reason why it is not known; nothing else depends on it.
    Usage(UsageNews),
    /// A request began, made progress or ended.
    Call(CallEvent),
    /// The limits in force for the pages of one resource; sent when they change.
    Limits(PageLimits),
    /// One scheduled probe; exactly one of these for each tick of each series (G8).
    Probe(ProbeSample),
    /// Update of the opened object.
    Found(Box<DetailUpdate>),
    /// Answer to a query.
    Answered(Box<QueryAnswer>),
    /// Something failed; also kept in [`SyncState::Waiting`] where a retry follows.
    Failed(Box<Failure>),
    /// No client can be created from the kubeconfig, and a retry would not help; the reason was sent as a failure just before.
    Unusable,
    /// Difference between our clock and the server's, from the `Date` header; positive if ours is ahead.
    Skew {
        /// Our wall clock minus the server's, in milliseconds, with a resolution of 1 s.
        ours_minus_server_ms: i64,
    },
    /// A task of this cluster panicked and was started again.
    TaskRestarted {
        /// Name of the task and the text of the panic.
        text: Clean,
    },
}

/// 5 s: minimum difference of the clocks that is shown. The `Date` header has a resolution of 1 s, and a clock that is kept
/// by NTP is much better than this.
pub const SKEW_SHOWN_MS: i64 = 5_000;
/// Outcome of one request for the usage of nodes (`metrics.k8s.io`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UsageNews {
    /// The usage of every node for which there is any.
    Read(Vec<NodeUsage>),
    /// It is disabled in the configuration.
    Off,
    /// The API is not installed (404).
    Absent,
    /// Access is denied (403): the server's message.
    Denied(Clean),
    /// It is installed but does not answer: the error. This does not affect the health of the cluster (F25).
    Unavailable(Clean),
}
