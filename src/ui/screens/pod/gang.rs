//! The gang of a pod: how many of its pods run, of how many.

use super::wrapped;
use crate::facts::pod::PodFacts;
use crate::model::cluster::ClusterState;
use crate::model::derive::gangs::{GangKey, Wanted};
use crate::msg::Now;
use crate::ui::units::grouped;
use crate::ui::widgets::page::TextLine;

/// The gang of a pod in words.
pub(super) struct GangWords {
    facts: Vec<String>,
}

impl GangWords {
    /// Reads the facts; `None` for a pod that works by itself.
    pub(super) fn of(cluster: &ClusterState, pod: &PodFacts<'_>, now: Now) -> Option<Self> {
        let gang = GangKey::of_pod(pod)?;
        let row = cluster.gang_row(&gang, now).filter(|row| row.wanted.number() > 1)?;
        let wanted = match row.wanted {
            Wanted::Exact(pods) => grouped(pods),
            Wanted::AtLeast(pods) => format!("at least {}", grouped(pods)),
        };
        let mut facts = vec![format!("gang {} {}: {} of {wanted} running", gang.kind, gang.name, grouped(row.running))];
        facts.extend(pod.gang.and_then(|member| member.rank).map(|rank| match rank.job {
            0 => format!("rank {}", rank.index),
            job => format!("rank {} of job {job}", rank.index),
        }));
        facts.extend(cluster.gang_size_failure(&gang).map(|why| format!("size not known: {why}")));
        Some(Self { facts })
    }

    /// The lines at this width.
    pub(super) fn lines(&self, width: u16) -> Vec<TextLine> {
        wrapped(&self.facts, 1, width).collect()
    }
}
