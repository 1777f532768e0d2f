//! State of the list+watch loop of one resource.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::time::Mono;
use crate::facts::text::Clean;

/// State of the list+watch loop of one resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum SyncState {
    /// Pages are being read.
    Listing,
    /// The list is complete and the watch is open.
    Watching,
    /// Watching is forbidden (403), or no watch ever brings anything, so the list is polled.
    Polling {
        /// Time between polls.
        every: Duration,
    },
    /// Something failed; the next attempt is due.
    Waiting {
        /// When the next attempt starts.
        until: Mono,
        /// The failure.
        failure: Box<Failure>,
    },
    /// Listing is forbidden (403); retried at a polite period.
    Denied {
        /// The failure, with the server's words.
        failure: Box<Failure>,
    },
    /// The server does not have it (404), which only optional APIs can be; looked for again at a polite period.
    Absent,
    /// It is optional and not requested.
    Skipped {
        /// Why.
        reason: Clean,
    },
}
