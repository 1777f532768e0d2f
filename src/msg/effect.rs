//! `Effect`: an action that the model requests from outside.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ClusterId;
use super::detail::WatchDetail;
use crate::facts::text::Clean;

/// Action that the model requests from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effect {
    /// Leave the program.
    Quit,
    /// Stop the process until it is continued (Ctrl-Z).
    Suspend,
    /// Hand the terminal to this cluster's credential plugin, and take it back when that has ended.
    LogIn(ClusterId),
    /// Draw everything again (Ctrl-L).
    Redraw,
    /// Try now what this cluster's tasks wait for; relist.
    Refresh(ClusterId),
    /// List and watch this cluster no more: it has more objects than are to be held.
    Unfollow(ClusterId),
    /// Watch the opened object, instead of the one before.
    Inspect(ClusterId, Box<WatchDetail>),
    /// No object is open any more; its data can be dropped.
    EndInspection,
    /// Hand text to the terminal's clipboard.
    Copy {
        /// The text; more than a terminal takes is left out.
        text: String,
    },
    /// Alerts began to fire; the operator may be looking elsewhere.
    NotifyAlerts {
        /// The bell may ring: it has not for a while.
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
    /// When it began.
    pub since: Timestamp,
}
