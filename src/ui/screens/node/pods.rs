//! The pods on a node: what each one is, does, holds and asks for.

use super::resources::amount;
use super::{NodeView, Pane};
use crate::facts::pod::{PodFacts, PodPhase};
use crate::model::known::Known;
use crate::model::table::{PodRow, SortBy};
use crate::theme::{Glyphs, Role};
use crate::ui::units::{compact, duration, grouped};
use crate::ui::widgets::canvas::Canvas;
use crate::ui::widgets::grid;
use crate::ui::widgets::grid::{ColumnSpec, Placed, Width, WidthMemory};
use crate::ui::widgets::names::ShortNames;
use crate::ui::widgets::text::columns;
use crate::ui::words;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PodColumn {
    Namespace,
    Pod,
    Ready,
    Status,
    Restarts,
    Gpu,
    Age,
    Owner,
    Cpu,
    Memory,
}

const COLUMNS: [ColumnSpec<PodColumn>; 10] = [
    ColumnSpec::new(PodColumn::Namespace, "NAMESPACE", Width::Seen(10, 28), 3).by(SortBy::Name),
    ColumnSpec::new(PodColumn::Pod, "POD", Width::Seen(12, 253), 0),
    ColumnSpec::new(PodColumn::Ready, "READY", Width::Fixed(5), 7).right(),
    // 40: `? last reported ContainerCreating 7d23h`.
    ColumnSpec::new(PodColumn::Status, "STATUS", Width::Seen(9, 40), 1).by(SortBy::Status),
    ColumnSpec::new(PodColumn::Restarts, "RESTARTS", Width::Fixed(8), 5).right().by(SortBy::Restarts),
    ColumnSpec::new(PodColumn::Gpu, "GPU", Width::Fixed(3), 2).right().by(SortBy::Gpu),
    ColumnSpec::new(PodColumn::Age, "AGE", Width::Fixed(6), 4).right().by(SortBy::Age),
    ColumnSpec::new(PodColumn::Owner, "OWNER", Width::Seen(10, 24), 6),
    ColumnSpec::new(PodColumn::Cpu, "CPU", Width::Fixed(7), 8).right().by(SortBy::Cpu),
    ColumnSpec::new(PodColumn::Memory, "MEMORY", Width::Fixed(7), 9).right().by(SortBy::Memory),
];

/// Width from which the last report of a pod has its whole words.
const WIDE: u16 = 100;

/// Draws the heading and the visible pods.
pub(super) fn draw(canvas: &mut Canvas<'_>, view: &NodeView<'_>, pane: Pane, seen: &mut WidthMemory) {
    let (area, glyphs) = (canvas.area, canvas.glyphs());
    if area.height == 0 {
        return;
    }
    let wide = area.width >= WIDE;
    let text = |column, pod: &PodRow<'_>| text(column, pod, wide, glyphs);
    seen.grow(&COLUMNS, |column| view.pods.iter().map(|pod| columns(&text(column, pod).1)).max().unwrap_or(0));
    let placed = seen.place(&COLUMNS, usize::from(area.width), |_| true);
    let mut pen = canvas.pen(0);
    let sort = grid::Sorted::new(view.sort, &COLUMNS, &placed);
    grid::heading(pane.mark(&mut pen), area, &placed, Some(sort));
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
    let names = |column: &Placed<PodColumn>| {
        let has_names = matches!(column.column, PodColumn::Namespace | PodColumn::Pod | PodColumn::Owner);
        let all: Vec<String> = view.pods.iter().filter(|_| has_names).map(|pod| text(column.column, pod).1).collect();
        ShortNames::new(all.iter().map(String::as_str), column.width, glyphs)
    };
    let names: Vec<ShortNames> = placed.iter().map(names).collect();
    for (row, pod) in (1..area.height).zip(&view.pods) {
        let marked = pod.selected && pane.focused;
        let mut pen = canvas.pen(row);
        pen.put(Role::Focus, if marked { glyphs.selected } else { " " });
        for (column, names) in placed.iter().zip(&names) {
            let (role, text) = text(column.column, pod);
            match column.column {
                PodColumn::Namespace | PodColumn::Pod | PodColumn::Owner => {
                    column.put_name(pen.go(area, column.at), role, &text, names);
                }
                _ => column.put(pen.go(area, column.at), role, &text),
            }
        }
        if marked {
            canvas.select(row);
        }
    }
}

fn text(column: PodColumn, row: &PodRow<'_>, wide: bool, glyphs: &Glyphs) -> (Role, String) {
    let pod = &row.facts;
    // A pod that has ended holds nothing; what it asked for would look as if it did.
    let ended = pod.phase.is_terminal();
    let plain = if ended { Role::Muted } else { Role::Text };
    let blank = || (Role::Muted, String::new());
    match column {
        PodColumn::Namespace => (plain, pod.namespace.to_owned()),
        PodColumn::Pod => (plain, pod.name.to_owned()),
        PodColumn::Ready if row.last_report.is_some() => (Role::Unknown, format!("{}/{}", pod.ready, pod.containers)),
        PodColumn::Status if let Some(report) = row.last_report => {
            let said = words::last_reported(pod.status(), report, wide);
            (Role::Unknown, format!("{} {said}", glyphs.unknown))
        }
        PodColumn::Ready => {
            (if pod.ready < pod.containers { Role::Warn } else { plain }, format!("{}/{}", pod.ready, pod.containers))
        }
        PodColumn::Status => (status_role(pod), pod.status().to_owned()),
        PodColumn::Restarts => (if pod.restarts > 0 { Role::Warn } else { plain }, compact(pod.restarts.into())),
        PodColumn::Gpu if row.gpus == 0 => blank(),
        PodColumn::Gpu => (plain, grouped(row.gpus)),
        PodColumn::Age => (plain, row.age.map_or_else(|| glyphs.none.to_owned(), duration)),
        PodColumn::Owner if pod.owner_kind.is_empty() => {
            (Role::Muted, (if pod.mirror { "static" } else { "<none>" }).to_owned())
        }
        PodColumn::Owner => (plain, format!("{}/{}", pod.owner_kind, pod.owner_name)),
        PodColumn::Cpu | PodColumn::Memory if ended => blank(),
        PodColumn::Cpu => (plain, amount("cpu", pod.requests.cpu.milli())),
        PodColumn::Memory => (plain, amount("memory", pod.requests.memory.value())),
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
