//! What nodes use, from `metrics.k8s.io`, with an age of its own: nothing else depends on it.

use std::time::Duration;

use hashbrown::HashMap;
use jiff::Timestamp;

use super::optional::Visibility;
use super::rows::{Used, age_of};
use crate::facts::metrics::NodeUsage;
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::msg::UsageNews;

/// Figures older than this are stale: metrics-server has new ones every 15 to 60 s (semantics.md, section 5).
pub const STALE_AFTER: Duration = Duration::from_secs(120);

/// The usage of the nodes of one cluster.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    visible: Visibility,
    nodes: HashMap<Clean, NodeUsage>,
    /// Grows with every answer that has figures, and when they go.
    revision: u64,
}

impl Usage {
    /// Takes in an answer. Figures that were read stay, and age, until newer ones come or the API goes.
    pub(crate) fn news(&mut self, news: UsageNews) {
        self.visible = match news {
            UsageNews::Read(nodes) => {
                self.revision += 1;
                self.nodes = nodes.into_iter().map(|node| (node.name.clone(), node)).collect();
                Visibility::Visible
            }
            UsageNews::Off => Visibility::Off(Clean::new("switched off in the configuration")),
            UsageNews::Absent => {
                self.revision += 1;
                self.nodes.clear();
                Visibility::Absent
            }
            UsageNews::Denied(text) => Visibility::Denied(text),
            UsageNews::Unavailable(text) => Visibility::Unavailable(text),
        };
    }

    pub(crate) fn visible(&self) -> &Visibility {
        &self.visible
    }

    /// There are figures to show, however old.
    pub(crate) fn shown(&self) -> bool {
        self.visible == Visibility::Visible || !self.nodes.is_empty()
    }

    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    /// The newest of the figures; `None` without any that say when they were taken.
    pub(crate) fn newest(&self) -> Option<Timestamp> {
        self.nodes.values().filter_map(|node| node.at).max()
    }

    /// What a node uses: `None` if there are no figures at all, figures that are not known if it alone has none (F26).
    pub(crate) fn of(&self, node: &str, server_now: Timestamp) -> Option<Used> {
        if !self.shown() {
            return None;
        }
        let known = self.nodes.get(node);
        Some(Used {
            cpu_milli: known.and_then(|usage| usage.cpu).map(Quantity::milli),
            memory_bytes: known.and_then(|usage| usage.memory).map(Quantity::value),
            age: known.and_then(|usage| age_of(usage.at, server_now)),
            window: known.and_then(|usage| usage.window),
        })
    }
}

#[cfg(test)]
mod tests;
