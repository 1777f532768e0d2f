//! Queries: single requests on demand, and their answers.

use serde::{Deserialize, Serialize};

use super::failure::Failure;
use crate::facts::gang::GangSystem;
use crate::facts::owner::OwnerSize;
use crate::facts::pod::FailedPods;
use crate::facts::queue::{QueueEntry, QueueSystem};
use crate::facts::text::Clean;

/// Request that the model makes once, when an answer is needed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Query {
    /// The failed pods of a node: one page, and up to three more if nothing on the first speaks against the node.
    FailedPods {
        /// The node's name.
        node: Clean,
        /// The only namespace that is read, if not all pods of the cluster are watched.
        namespace: Option<Clean>,
    },
    /// The owner of a gang, for the number of its pods.
    OwnerSize(GangOwner),
    /// The objects of all queues that the cluster has.
    Queues,
    /// One workload of Kueue, for its conditions.
    Workload {
        /// Its namespace.
        namespace: Clean,
        /// Its name.
        name: Clean,
    },
}

/// Owner of a gang.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GangOwner {
    /// System that made the gang.
    pub system: GangSystem,
    /// Kind of the owner, as the gang names it.
    pub kind: Clean,
    /// Its namespace.
    pub namespace: Clean,
    /// Its name.
    pub name: Clean,
}

/// Kind of a query. Of each kind at most one request of a cluster is in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum QueryKind {
    /// [`Query::FailedPods`].
    FailedPods,
    /// [`Query::OwnerSize`].
    OwnerSize,
    /// [`Query::Queues`] and [`Query::Workload`].
    Queues,
}

/// Answer to a query, or the failure of its request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueryAnswer {
    /// The query.
    pub query: Query,
    /// The result, or the reason why there is none.
    pub result: Result<QueryResult, Box<Failure>>,
}

/// Result of a query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum QueryResult {
    /// Failed pods of the node, of at most four pages.
    FailedPods(FailedPods),
    /// The size of the owner.
    OwnerSize(OwnerSize),
    /// The systems whose API the cluster has.
    Queues(Vec<QueueListing>),
    /// The workload.
    Workload(Box<QueueEntry>),
}

/// Objects of one queue API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QueueListing {
    /// The system.
    pub system: QueueSystem,
    /// One page of its objects, of each namespace that could be listed.
    pub entries: Vec<QueueEntry>,
    /// Failure of the first list that failed.
    pub failure: Option<Box<Failure>>,
    /// `true` if there are more than a page.
    pub more: bool,
}

impl Query {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> QueryKind {
        match self {
            Self::FailedPods { .. } => QueryKind::FailedPods,
            Self::OwnerSize(_) => QueryKind::OwnerSize,
            Self::Queues | Self::Workload { .. } => QueryKind::Queues,
        }
    }

    /// Title of its request in a text: `list failed pods of node n1`.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::FailedPods { node, .. } => format!("list failed pods of node {node}"),
            Self::OwnerSize(GangOwner { kind, namespace, name, .. }) => format!("get {kind} {namespace}/{name}"),
            Self::Queues => "list queues".to_owned(),
            Self::Workload { namespace, name } => format!("get workload {namespace}/{name}"),
        }
    }
}

impl QueryKind {
    /// Every kind, in the order of the enum.
    pub const ALL: [Self; 3] = [Self::FailedPods, Self::OwnerSize, Self::Queues];

    /// Name of its requests in a text: `failed pods`.
    #[must_use]
    pub fn call_name(self) -> &'static str {
        match self {
            Self::FailedPods => "failed pods",
            Self::OwnerSize => "gang owner",
            Self::Queues => "queues",
        }
    }

    /// Returns `true` for requests to optional APIs.
    #[must_use]
    pub fn is_optional(self) -> bool {
        match self {
            Self::FailedPods => false,
            Self::OwnerSize | Self::Queues => true,
        }
    }
}
