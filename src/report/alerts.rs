//! Firing alerts in a snapshot.

use jiff::Timestamp;
use serde::Serialize;

use crate::facts::text::Clean;
use crate::model::alerts::AlertLine;
use crate::model::cluster::ClusterState;
use crate::msg::{AlertHits, HitsState, Now};

/// A firing alert.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AlertReport {
    /// `critical`, `warning` or `notice`.
    pub severity: &'static str,
    /// CamelCase, like a condition's reason.
    pub reason: &'static str,
    /// Subject, where there can be several: a node.
    pub subject: Option<Clean>,
    /// One line, with numbers.
    pub text: Clean,
    /// Time at which it began to fire.
    pub since: Option<Timestamp>,
    /// Pods that it hits; `None` if it hits none by its kind, or pods are not known: see `hits_state`.
    pub hits: Option<AlertHits>,
    /// State of `hits`.
    pub hits_state: HitsState,
}

/// The firing alerts of a cluster, worst first.
pub(super) fn list(cluster: &ClusterState, now: Now) -> Vec<AlertReport> {
    let report = |line: &AlertLine| {
        let (hits, hits_state) = cluster.hits_now(line, now);
        AlertReport {
            severity: line.severity.name(),
            reason: line.reason(),
            subject: line.subject.clone(),
            text: line.text.clone(),
            since: now.wall.checked_sub(now.mono.since(line.since)).ok(),
            hits,
            hits_state,
        }
    };
    cluster.alerts().iter().map(report).collect()
}
