//! The pods on a node, with their owner, status and requests.

use super::resources::amount;
use super::{NodeView, Pane};
use crate::facts::pod::{PodFacts, PodPhase};
use crate::model::derive::trouble::TroubleClass;
use crate::model::known::Known;
use crate::model::table::PodRow;
use crate::model::table::pods::{PodFigure, PodScope, Pods};
use crate::theme::{Glyphs, Role};
use crate::ui::units::{compact, duration, grouped};
use crate::ui::widgets::canvas::Canvas;
use crate::ui::widgets::table::{Cells, ColumnParams, ColumnWidths, TableRows};
use crate::ui::words;

/// Minimum width for the last report of a pod in full words.
const WIDE: u16 = 100;

/// Draws the heading and the visible pods.
pub(super) fn draw(canvas: &mut Canvas<'_>, view: &NodeView<'_>, pane: Pane, widths: &mut ColumnWidths) {
    let (area, glyphs) = (canvas.area, canvas.glyphs());
    if area.height == 0 {
        return;
    }
    let cells = PodCells { wide: area.width >= WIDE, glyphs };
    let params = ColumnParams { width: area.width.into(), wide: false, given: PodScope::Node };
    let table = TableRows::<Pods, _>::new(&view.pods, &cells, &params, widths, glyphs);
    table.heading(pane.mark(&mut canvas.pen(0)), area, Some(view.sort));
    if view.pods.is_empty() {
        let known = view.detail.as_ref().map_or(Known::Unknown, |detail| detail.row.pods);
        let partial = view.detail.as_ref().is_some_and(|detail| detail.partial.is_some());
        let unread = view.detail.as_ref().is_some_and(|detail| detail.unread_pods > 0);
        let sentence = match known {
            _ if view.extent.total > 0 => "no pod matches the filter; esc clears it",
            Known::Exact(_) => "no pods on this node",
            Known::AtLeast(_) if partial => {
                "no pods of the watched namespaces on this node; of others nothing is known"
            }
            Known::AtLeast(_) if unread => "no pods on this node, as far as pods could be read",
            Known::AtLeast(_) => "no pods of this node read yet; the list still runs",
            Known::Unknown => "pods are not known yet",
            Known::Denied => "pods may not be listed",
        };
        canvas.pen(1).skip(1).rest(Role::Unknown, sentence);
    }
    table.draw(canvas, &view.pods, |pod| pod.selected && pane.focused);
}

/// Formats the figures of a pod.
pub(in crate::ui::screens) struct PodCells<'a> {
    /// `true` if there is room for full words.
    pub(in crate::ui::screens) wide: bool,
    pub(in crate::ui::screens) glyphs: &'a Glyphs,
}

impl Cells<Pods> for PodCells<'_> {
    fn text(&self, figure: PodFigure, row: &PodRow<'_>) -> (Role, String) {
        let Self { wide, glyphs } = *self;
        let pod = &row.facts;
        let plain = self.plain(row);
        let blank = || (Role::Muted, String::new());
        match figure {
            PodFigure::Ready if row.last_report.is_some() => {
                (Role::Unknown, format!("{}/{}", pod.ready, pod.containers))
            }
            PodFigure::Status if let Some(report) = row.last_report => {
                let text = words::last_reported(pod.status(), report, wide);
                (Role::Unknown, format!("{} {text}", glyphs.unknown))
            }
            PodFigure::Ready => {
                let role = if pod.ready < pod.containers { Role::Warn } else { plain };
                (role, format!("{}/{}", pod.ready, pod.containers))
            }
            PodFigure::Status => (status_role(pod), pod.status().to_owned()),
            PodFigure::Restarts => (if pod.restarts > 0 { Role::Warn } else { plain }, compact(pod.restarts.into())),
            PodFigure::Gpu if row.gpus == 0 => blank(),
            PodFigure::Gpu => (plain, grouped(row.gpus)),
            PodFigure::Age => (plain, row.age.map_or_else(|| glyphs.none.to_owned(), duration)),
            PodFigure::Owner if pod.owner_kind.is_empty() => {
                (Role::Muted, (if pod.mirror { "static" } else { "<none>" }).to_owned())
            }
            PodFigure::Owner => (plain, format!("{}/{}", pod.owner_kind, pod.owner_name)),
            PodFigure::Cpu | PodFigure::Memory if pod.phase.is_terminal() => blank(),
            PodFigure::Cpu => (plain, amount("cpu", pod.requests.cpu.milli())),
            PodFigure::Trouble => match (row.trouble_text(), row.trouble) {
                (Some(text), Some(class)) => (trouble_role(class), text.to_owned()),
                // Of its node, or of the devices of its node.
                (Some(text), None) => (Role::Bad, text.to_owned()),
                (None, _) => blank(),
            },
            PodFigure::Since => (plain, row.since.map_or_else(|| glyphs.none.to_owned(), duration)),
            PodFigure::Reason => (Role::Text, reason(row)),
            PodFigure::Rank => match row.rank {
                Some(rank) => (plain, grouped(rank)),
                None => (Role::Muted, glyphs.none.to_owned()),
            },
            PodFigure::Gang => (plain, pod.gang.map_or_else(String::new, |gang| gang.name.to_owned())),
            PodFigure::Memory => (plain, amount("memory", pod.requests.memory.value())),
        }
    }

    /// A pod that has ended holds nothing, so its requests are muted.
    fn plain(&self, row: &PodRow<'_>) -> Role {
        if row.facts.phase.is_terminal() { Role::Muted } else { Role::Text }
    }
}

fn status_role(pod: &PodFacts<'_>) -> Role {
    match (pod.phase, pod.reason) {
        (PodPhase::Succeeded, _) => Role::Muted,
        (PodPhase::Failed, _) => Role::Bad,
        (PodPhase::Running, "") => Role::Good,
        (PodPhase::Unknown, _) => Role::Unknown,
        // A reason beside Pending or Running: CrashLoopBackOff, ImagePullBackOff, Init:0/1, Terminating.
        (_, reason) if reason.contains("BackOff") || reason.contains("Err") => Role::Bad,
        _ => Role::Warn,
    }
}

/// Role of a class of trouble: it is broken, or it waits.
pub(in crate::ui::screens) fn trouble_role(class: TroubleClass) -> Role {
    match class {
        TroubleClass::NodeLost => Role::Unknown,
        TroubleClass::DeviceUnhealthy
        | TroubleClass::FailedStart
        | TroubleClass::CrashLoop
        | TroubleClass::ImagePull => Role::Bad,
        TroubleClass::Overdue
        | TroubleClass::NotReady
        | TroubleClass::Unschedulable
        | TroubleClass::Gated
        | TroubleClass::Unscheduled
        | TroubleClass::Starting => Role::Warn,
    }
}

/// Why a pod is in trouble, in the words of its node, the kubelet or the scheduler.
fn reason(row: &PodRow<'_>) -> String {
    let pod = &row.facts;
    if let Some(report) = row.last_report {
        return format!("node {}, last reported {}", report.node, pod.status());
    }
    let (device, image, message) =
        pod.trouble.map_or(("", "", ""), |trouble| (trouble.device, trouble.image, trouble.message));
    let image = if row.trouble == Some(TroubleClass::ImagePull) { image } else { "" };
    // The status repeats a class that says as much.
    let status = match row.trouble {
        Some(TroubleClass::Unschedulable | TroubleClass::Overdue | TroubleClass::Unscheduled) => "",
        _ => pod.status(),
    };
    let parts = [status, device, image, message].into_iter().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(" ")
}
