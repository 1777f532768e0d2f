//! Limits in force for the pages of a list.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::resource::Resource;

/// Limits of a page of a list, by the size of the cluster (docs/latency-and-alerts.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageLimits {
    /// The resource.
    pub resource: Resource,
    /// Objects requested in one page.
    pub page_size: u32,
    /// Reason why that is less than usual; `None` if it is not.
    pub smaller: Option<Smaller>,
    /// Nodes from which the tier begins; `None` while the number of nodes is not known.
    pub tier_from: Option<u32>,
    /// Deadline for the first byte, and for a body that does not move.
    pub deadline: Duration,
    /// Maximum time without a byte of the body.
    pub idle: Duration,
    /// Deadline for a body that moves.
    pub cap: Duration,
    /// `?timeout=`: the server's own deadline.
    pub server: Duration,
}

/// Reason why pages are requested with fewer objects than usual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Smaller {
    /// A page had no first byte in time.
    Unanswered,
    /// The body of a page stalled, trickled, or was not complete in time.
    Stall,
    /// The body of a page was cut, or larger than the cap.
    Broken,
    /// The server aborted a page at its own deadline.
    ServerTimeout,
}

impl Smaller {
    /// Event after which the pages became smaller.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unanswered => "no answer",
            Self::Stall => "a stall",
            Self::Broken => "a broken answer",
            Self::ServerTimeout => "a server timeout",
        }
    }
}
