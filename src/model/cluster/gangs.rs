//! The gangs of a cluster.

use super::ClusterState;
use crate::model::derive::gangs::{self, GangDetail, GangKey, GangRow, GangSizes, GangSource};
use crate::msg::Now;

impl ClusterState {
    /// All gangs as of now, by namespace, name and kind; as well known as [`ClusterState::pod_counts`]. O(pods), so not for a frame.
    #[must_use]
    pub fn gangs_now(&self, now: Now) -> Vec<GangRow> {
        gangs::all(self.gang_source(now))
    }

    /// One gang as of now; `None` if no pod of it is held.
    #[must_use]
    pub fn gang_row(&self, gang: &GangKey, now: Now) -> Option<GangRow> {
        gangs::row(self.gang_source(now), gang)
    }

    /// The same, with its members one by one.
    #[must_use]
    pub fn gang_detail(&self, gang: &GangKey, now: Now) -> Option<GangDetail> {
        gangs::detail(self.gang_source(now), gang)
    }

    /// Exact numbers of pods of gangs, for answers about their owners.
    pub fn gang_sizes_mut(&mut self) -> &mut GangSizes {
        &mut self.gang_sizes
    }

    pub(super) fn gang_source(&self, now: Now) -> GangSource<'_> {
        let Self { pods, nodes, gang_sizes, .. } = self;
        let (knows_nodes, server_now) = (self.tracks.knows_all_nodes(), self.link.now(now));
        GangSource { pods, nodes, sizes: gang_sizes, knows_nodes, server_now }
    }
}
