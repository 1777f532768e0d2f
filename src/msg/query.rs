//! Queries: single requests on demand, and their answers.

use serde::{Deserialize, Serialize};

use super::failure::Failure;
use crate::facts::pod::FailedPod;
use crate::facts::text::Clean;

/// Request that the model makes once, when an answer is needed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Query {
    /// One page of the failed pods of a node.
    FailedPods {
        /// The node's name.
        node: Clean,
        /// The only namespace that is read, if not all pods of the cluster are watched.
        namespace: Option<Clean>,
    },
}

/// Kind of a query. Of each kind at most one request of a cluster is in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum QueryKind {
    /// [`Query::FailedPods`].
    FailedPods,
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
    /// Failed pods of the node, at most one page.
    FailedPods(Vec<FailedPod>),
}

impl Query {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> QueryKind {
        match self {
            Self::FailedPods { .. } => QueryKind::FailedPods,
        }
    }

    /// Title of its request in a text: `list failed pods of node n1`.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::FailedPods { node, .. } => format!("list failed pods of node {node}"),
        }
    }
}

impl QueryKind {
    /// Every kind, in the order of the enum.
    pub const ALL: [Self; 1] = [Self::FailedPods];

    /// Name of its requests in a text: `failed pods`.
    #[must_use]
    pub fn call_name(self) -> &'static str {
        match self {
            Self::FailedPods => "failed pods",
        }
    }

    /// Returns `true` for requests to optional APIs.
    #[must_use]
    pub fn is_optional(self) -> bool {
        match self {
            Self::FailedPods => false,
        }
    }
}
