//! `Effect`: an action that the model requests from outside.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ClusterId;
use super::detail::WatchDetail;
use super::query::Query;
use crate::facts::text::Clean;

/// Action that the model requests from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Leave the program.
    Quit,
    /// Stop the process until it is continued (Ctrl-Z).
    Suspend,
    /// Lend the terminal to this cluster's credential plugin until it ends.
    LogIn(ClusterId),
    /// Draw everything again (Ctrl-L).
    Redraw,
    /// Retry at once whatever this cluster's tasks wait for, and list again.
    Refresh(ClusterId),
    /// Stop listing and watching this cluster: it has more objects than the limit.
    Unfollow(ClusterId),
    /// Watch the opened object, instead of the one before.
    Inspect(ClusterId, Box<WatchDetail>),
    /// No object is open any more; its data can be dropped.
    EndInspection,
    /// Make a request once; its answer is an event of the cluster.
    Query(ClusterId, Box<Query>),
    /// Copy a text to the terminal's clipboard.
    Copy {
        /// The text, cut to what a terminal accepts.
        text: String,
    },
    /// Alerts began to fire; the operator may be looking elsewhere.
    NotifyAlerts {
        /// `true` if the bell may ring: it has not rung for a while.
        ring: bool,
        /// Alerts that began to fire, at least one.
        news: Vec<AlertNews>,
    },
}

/// An alert that began to fire, for those who do not look at the screen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertNews {
    /// The context.
    pub cluster: Clean,
    /// `critical` or `warning`.
    pub severity: Clean,
    /// CamelCase, like a condition's reason.
    pub reason: Clean,
    /// Subject, where there can be several: a node.
    pub subject: Option<Clean>,
    /// One line, with numbers.
    pub text: Clean,
    /// Time at which it began.
    pub since: Timestamp,
}
