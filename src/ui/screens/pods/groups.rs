//! Formats of the groups of pods in trouble.

use std::time::Duration;

use crate::model::derive::pod_groups::{PodGroup, PodGrouping};
use crate::model::table::pod_groups::{PodGroupFigure, PodGroups};
use crate::theme::{Glyphs, Role};
use crate::ui::screens::node::trouble_role;
use crate::ui::units::{counted, duration, grouped};
use crate::ui::widgets::table::Cells;

/// Formats the figures of a group.
pub(super) struct PodGroupCells<'a> {
    pub(super) glyphs: &'a Glyphs,
    /// Time since the report was begun.
    pub(super) elapsed: Duration,
}

impl Cells<PodGroups> for PodGroupCells<'_> {
    fn text(&self, figure: PodGroupFigure, group: &&PodGroup) -> (Role, String) {
        let glyphs = self.glyphs;
        let number = |number: i64| {
            if number == 0 { (Role::Muted, String::new()) } else { (Role::Text, grouped(number)) }
        };
        match figure {
            PodGroupFigure::Name if group.name.is_empty() => (Role::Muted, unnamed(group.key.by).to_owned()),
            PodGroupFigure::Name => (Role::Text, group.name.to_string()),
            PodGroupFigure::Pods => number(group.pods.into()),
            PodGroupFigure::Trouble => (trouble_role(group.worst), group.worst.text().to_owned()),
            PodGroupFigure::Worst => {
                let count = grouped(group.word.pods);
                (trouble_role(group.worst), format!("{} {}{count}", group.word.word, glyphs.times))
            }
            PodGroupFigure::Nodes => match group.nodes {
                0 => (Role::Muted, glyphs.none.to_owned()),
                1 => (Role::Text, group.node.to_string()),
                nodes => (Role::Text, counted(nodes, "node")),
            },
            PodGroupFigure::Held => number(group.held),
            PodGroupFigure::Requested => number(group.requested),
            PodGroupFigure::Since => {
                (Role::Text, group.since.map_or_else(|| glyphs.none.to_owned(), |since| duration(since + self.elapsed)))
            }
            PodGroupFigure::Reason => (Role::Text, group.reason.to_string()),
        }
    }
}

/// Name of the group of the pods that have none.
fn unnamed(by: PodGrouping) -> &'static str {
    match by {
        PodGrouping::Node => "no node",
        PodGrouping::Registry => "no image",
        PodGrouping::None | PodGrouping::Owner | PodGrouping::Gang | PodGrouping::Namespace => "<none>",
    }
}
