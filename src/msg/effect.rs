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
    /// Pods that it hits; `None` if it hits none by its kind, or pods are not known: see the state beside it.
    pub hits: Option<AlertHits>,
    /// State of `hits`.
    #[serde(rename = "hitsState")]
    pub hits_state: HitsState,
}

/// State of the pods that an alert hits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HitsState {
    /// All pods are known.
    Complete,
    /// The numbers are lower bounds: a list runs, only some namespaces are watched, or some objects could not be read.
    AtLeast,
    /// Pods may not be listed (403).
    Denied,
    /// Nothing was read yet.
    Unknown,
    /// An alert of this kind hits no pods: a slow API delays changes, and what runs goes on.
    None,
}

/// Pods that an alert hits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertHits {
    /// Bound pods that are neither Succeeded nor Failed.
    pub pods: u32,
    /// `true` if it is not known which of these pods are hit: any number of them, up to all.
    pub at_most: bool,
    /// Whole devices that they request, all resources together.
    pub accelerators: i64,
    /// Gangs with a pod among them, those of which the most pods stand still first; at most 16.
    pub gangs: Vec<HitGang>,
    /// Number of further gangs.
    pub more_gangs: usize,
    /// Namespaces with a pod among them, the most pods first; at most 16.
    pub namespaces: Vec<HitNamespace>,
    /// Number of further namespaces.
    pub more_namespaces: usize,
}

/// A gang that an alert hits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HitGang {
    /// Namespace of its pods.
    pub namespace: Clean,
    /// Its name.
    pub name: Clean,
    /// Kind of its object: `JobSet`, `PyTorchJob`.
    pub kind: Clean,
    /// Number of its pods that are hit.
    pub hit: u32,
    /// Number of pods that it needs; `None` if only a lower bound is known.
    pub wanted: Option<u32>,
    /// Lower bound of that number; `None` if it is known.
    pub wanted_at_least: Option<u32>,
}

/// A namespace with pods that an alert hits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HitNamespace {
    /// Its name.
    pub name: Clean,
    /// Number of its pods that are hit.
    pub pods: u32,
}
