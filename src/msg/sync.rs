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
    /// Watching is forbidden (403), or no watch ever delivers anything, so the list is polled.
    Polling {
        /// Time between polls.
        every: Duration,
    },
    /// Something failed; the next attempt is due.
    Waiting {
        /// Start of the next attempt.
        until: Mono,
        /// The failure.
        failure: Box<Failure>,
    },
    /// Listing is forbidden (403); retried at long intervals.
    Denied {
        /// The failure, with the server's message.
        failure: Box<Failure>,
    },
    /// The server does not have it (404), which only happens to optional APIs; retried at long intervals.
    Absent,
    /// It is optional and not requested.
    Skipped {
        /// The reason.
        reason: Clean,
    },
}
