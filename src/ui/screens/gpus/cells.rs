//! Formats of groups and of held devices in their lists.

use super::{GpusView, lines};
use crate::facts::accelerator::Kind;
use crate::facts::pod::SinceBasis;
use crate::facts::text::Clean;
use crate::model::derive::gpus::{GpuGroup, Grouping, HeldDevices, Supply};
use crate::model::known::Known;
use crate::model::table::gpus::{GpuGroups, GroupFigure, HeldFigure, HeldList};
use crate::model::time::age_of;
use crate::theme::{Glyphs, Role};
use crate::ui::units::{amount, compact, duration};
use crate::ui::widgets::table::Cells;

#[cfg(test)]
thread_local! {
    /// Number of cells that were formatted.
    pub(in crate::ui) static CELLS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Formats the values of groups and of held devices.
#[derive(Clone, Copy)]
pub(super) struct GpuCells<'a> {
    pub(super) view: &'a GpusView<'a>,
    pub(super) glyphs: &'a Glyphs,
}

impl Cells<GpuGroups> for GpuCells<'_> {
    fn text(&self, figure: GroupFigure, group: &&GpuGroup) -> (Role, String) {
        let Self { view, glyphs } = *self;
        #[cfg(test)]
        CELLS.with(|cells| cells.set(cells.get() + 1));
        let all = view.pods == Known::Exact(()) && (view.has_source() || group.dra);
        // Devices of dynamic resource allocation come from slices and claims, not from nodes and pods.
        let (lower, bound) = if view.has_source() || group.dra { (false, "") } else { (true, glyphs.at_least) };
        let number = |number: i64| (view.plain(), compact(number));
        let bounded = |cell: (Role, String)| (cell.0, format!("{bound}{}", cell.1));
        let supplied = |number: i64| (if number < 0 { Role::Warn } else { view.plain() }, amount(number));
        let none = || (Role::Muted, String::new());
        match (figure, group.supply) {
            // Without a label for the model, the name of the resource says most.
            (GroupFigure::Name, _) if group.name.is_empty() && view.grouped_by() == Grouping::Model => {
                (Role::Muted, group.resource.to_string())
            }
            (GroupFigure::Name, _) if group.name.is_empty() => {
                (Role::Muted, unnamed_group(view.grouped_by()).to_owned())
            }
            (GroupFigure::Name, _) => (Role::Text, group.name.to_string()),
            (GroupFigure::Resource, _) if group.dra => (Role::Muted, format!("{} (DRA)", group.resource)),
            (GroupFigure::Resource, _) => match group.kind {
                Kind::Device => (Role::Muted, group.resource.to_string()),
                Kind::Slice => (Role::Muted, format!("{} slices", group.resource)),
                Kind::Shared => (Role::Muted, format!("{} shares", group.resource)),
                Kind::Aux => none(),
            },
            (GroupFigure::Members, _) => bounded(number(group.members.into())),
            (GroupFigure::Requested, _)
                if !group.dra && (view.is_partial() || (lower && view.pods == Known::Exact(()))) =>
            {
                (Role::Muted, format!("{}{}", glyphs.at_least, amount(group.requested)))
            }
            (GroupFigure::Over | GroupFigure::Why, _) if !all && !group.dra => none(),
            (GroupFigure::Requested | GroupFigure::Free | GroupFigure::Fit(_), _) if !all && !group.dra => {
                (Role::Unknown, glyphs.none.to_owned())
            }
            (GroupFigure::Requested, Some(supply)) if group.requested > supply.allocatable && !group.dra => {
                (Role::Bad, amount(group.requested))
            }
            (GroupFigure::Requested, _) => supplied(group.requested),
            (_, None) => none(),
            (GroupFigure::Healthy, Some(supply)) => {
                let role = if supply.allocatable < supply.capacity { Role::Warn } else { view.plain() };
                bounded((role, amount(supply.allocatable)))
            }
            (GroupFigure::Capacity, Some(supply)) => bounded(supplied(supply.capacity)),
            (GroupFigure::Free, Some(supply)) => number(supply.free),
            (GroupFigure::Over, Some(supply)) if supply.over_requested <= 0 => none(),
            (GroupFigure::Over, Some(supply)) => (Role::Bad, compact(supply.over_requested)),
            (GroupFigure::Why, Some(supply)) => (Role::Warn, unavailable_text(&supply, glyphs.dot).unwrap_or_default()),
            (GroupFigure::Lost, Some(supply)) => (Role::Bad, lost(supply.withdrawn, supply.missing, glyphs)),
            (GroupFigure::Fit(place), Some(supply)) => match supply.fits {
                Some(fits) => (if fits[place] == 0 { Role::Muted } else { view.plain() }, compact(fits[place])),
                None => none(),
            },
        }
    }
}

impl Cells<HeldList> for GpuCells<'_> {
    fn text(&self, figure: HeldFigure, held: &&HeldDevices) -> (Role, String) {
        let Self { view, glyphs } = *self;
        #[cfg(test)]
        CELLS.with(|cells| cells.set(cells.get() + 1));
        let none = || glyphs.none.to_owned();
        let text = |text: &Clean| (Role::Text, text.to_string());
        match figure {
            HeldFigure::Amount => {
                let unit = match held.kind {
                    Kind::Slice => " slices",
                    Kind::Shared => " shares",
                    Kind::Device | Kind::Aux => "",
                };
                (Role::Warn, compact(held.amount) + unit)
            }
            HeldFigure::For => {
                let span = held.since.and_then(|since| age_of(Some(since.at), view.server_now));
                (Role::Text, span.map_or_else(none, duration))
            }
            HeldFigure::Since => (
                Role::Muted,
                match held.since.map(|since| since.basis) {
                    Some(SinceBasis::Created) => "created".to_owned(),
                    Some(SinceBasis::Scheduled) => "scheduled".to_owned(),
                    Some(SinceBasis::NotReady) => "not ready".to_owned(),
                    Some(SinceBasis::Deletion) => "deletion".to_owned(),
                    Some(SinceBasis::Allocated) => "allocated".to_owned(),
                    None => none(),
                },
            ),
            HeldFigure::State => (Role::Warn, held.state.to_string()),
            HeldFigure::Pod => {
                let what = if held.claim { "claim " } else { "" };
                (Role::Text, format!("{what}{}/{}", held.namespace, held.name))
            }
            HeldFigure::Owner if held.owner.is_empty() => (Role::Muted, "<none>".to_owned()),
            HeldFigure::Owner => text(&held.owner),
            HeldFigure::Resource => (Role::Muted, held.resource.to_string()),
        }
    }
}

/// Healthy unrequested devices that pods cannot get, with reasons: `8 blocked: CPU · 16 not schedulable: Unknown`.
pub(super) fn unavailable_text(supply: &Supply, dot: &str) -> Option<String> {
    let blocked = supply.fits.and_then(|_| lines::blocked(supply.blocked));
    let parts: Vec<String> = blocked.into_iter().chain(lines::unschedulable(supply.unschedulable)).collect();
    (!parts.is_empty()).then(|| parts.join(&format!(" {dot} ")))
}

/// Name of the group without a name.
fn unnamed_group(by: Grouping) -> &'static str {
    match by {
        Grouping::Model => "no model",
        Grouping::Pool => "no pool",
        Grouping::Namespace => "no namespace",
        Grouping::Owner => "no owner",
    }
}

/// `✗3-2`: three unhealthy, two not registered.
fn lost(withdrawn: i64, missing: i64, glyphs: &Glyphs) -> String {
    let withdrawn = if withdrawn > 0 { format!("{}{}", glyphs.bad, compact(withdrawn)) } else { String::new() };
    let missing = if missing > 0 { format!("-{}", compact(missing)) } else { String::new() };
    withdrawn + &missing
}
