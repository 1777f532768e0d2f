//! Placement of the pod that is open.

use super::ClusterState;
use crate::model::derive::placement::{Placement, PlacementReport, PlacementSource};
use crate::msg::Mono;

impl ClusterState {
    /// Nodes by what keeps the open pod off them; `None` if it has a node, and until they were counted.
    #[must_use]
    pub fn placement(&self) -> Option<&PlacementReport> {
        self.placement.report()
    }

    /// Returns `true` while the next report is being counted.
    pub(crate) fn is_placing(&self) -> bool {
        self.placement.is_counting()
    }

    /// Updates the placement of this pod if something that it depends on has changed.
    pub(crate) fn arrange_placement(&mut self, namespace: &str, name: &str, now: Mono) {
        let mut placement = std::mem::take(&mut self.placement);
        if let Some(slot) = self.pods.find_pod(namespace, name) {
            placement.refresh(self.placement_source(), &self.pods.pod(slot), now);
        } else {
            placement = Placement::default();
        }
        self.placement = placement;
    }

    /// Continues the next report by one slice.
    pub(crate) fn advance_placement(&mut self) {
        let mut placement = std::mem::take(&mut self.placement);
        placement.advance(self.placement_source());
        self.placement = placement;
    }

    pub(super) fn placement_source(&self) -> PlacementSource<'_> {
        let Self { nodes, pods, optional, tracks, .. } = self;
        PlacementSource {
            nodes,
            pods,
            optional,
            nodes_known: tracks.nodes.known(()),
            pods_known: tracks.pods.known(()),
        }
    }
}
