//! The gang of a pod: how many of its pods run, of how many.

use super::wrapped;
use crate::facts::pod::PodFacts;
use crate::model::cluster::{ClusterState, OpenedGang};
use crate::model::derive::gangs::{GangKey, Wanted};
use crate::ui::units::grouped;
use crate::ui::widgets::page::TextLine;

/// The gang of a pod in words.
pub(super) struct GangWords {
    facts: Vec<String>,
}

impl GangWords {
    /// Reads the facts; `None` for a pod that works by itself.
    pub(super) fn of(cluster: &ClusterState, pod: &PodFacts<'_>) -> Option<Self> {
        let gang = GangKey::of_pod(pod)?;
        let detail = cluster.opened_gang().filter(|opened| *opened.key() == gang).and_then(OpenedGang::detail)?;
        let row = Some(&detail.row).filter(|row| row.is_listed())?;
        let wanted = match row.wanted {
            Wanted::Exact(pods) => grouped(pods),
            Wanted::AtLeast(pods) => format!("at least {}", grouped(pods)),
        };
        let mut facts = vec![format!("gang {} {}: {} of {wanted} running", gang.kind, gang.name, grouped(row.running))];
        let rank = detail.ranks.number(pod.gang.and_then(|member| member.rank));
        facts.extend(rank.map(|rank| format!("rank {rank}")));
        facts.extend(cluster.gang_size_failure(&gang).map(|why| format!("size not known: {why}")));
        Some(Self { facts })
    }

    /// The lines at this width.
    pub(super) fn lines(&self, width: u16) -> Vec<TextLine> {
        wrapped(&self.facts, 1, width).collect()
    }
}
