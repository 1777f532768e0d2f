//! The pods on a node: what each one is, does, holds and asks for.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::Pane;
use super::resources::amount;
use crate::facts::pod::{Phase, PodFacts};
use crate::model::Known;
use crate::model::rows::{PodRow, SortBy};
use crate::theme::{Glyphs, Role};
use crate::ui::grid::{self, Placed, Seen, Spec, Width};
use crate::ui::names::Names;
use crate::ui::scene::NodeView;
use crate::ui::text::{Pen, columns};
use crate::ui::units::{compact, duration, grouped};
use crate::ui::words;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
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

const COLUMNS: [Spec<Column>; 10] = [
    Spec::new(Column::Namespace, "NAMESPACE", Width::Seen(10, 28), 3).by(SortBy::Name),
    Spec::new(Column::Pod, "POD", Width::Seen(12, 253), 0),
    Spec::new(Column::Ready, "READY", Width::Fixed(5), 7).right(),
    // 40: `? last reported ContainerCreating 7d23h`.
    Spec::new(Column::Status, "STATUS", Width::Seen(9, 40), 1).by(SortBy::Status),
    Spec::new(Column::Restarts, "RESTARTS", Width::Fixed(8), 5).right().by(SortBy::Restarts),
    Spec::new(Column::Gpu, "GPU", Width::Fixed(3), 2).right().by(SortBy::Gpu),
    Spec::new(Column::Age, "AGE", Width::Fixed(6), 4).right().by(SortBy::Age),
    Spec::new(Column::Owner, "OWNER", Width::Seen(10, 24), 6),
    Spec::new(Column::Cpu, "CPU", Width::Fixed(7), 8).right().by(SortBy::Cpu),
    Spec::new(Column::Memory, "MEMORY", Width::Fixed(7), 9).right().by(SortBy::Memory),
];

/// Width from which the last report of a pod has its whole words.
const WIDE: u16 = 100;

/// Draws the heading and the visible pods.
pub(super) fn draw(buf: &mut Buffer, area: Rect, view: &NodeView<'_>, (pane, seen): (Pane<'_>, &mut Seen)) {
    if area.height == 0 {
        return;
    }
    let (paint, glyphs) = (pane.paint, &pane.paint.look.glyphs);
    let wide = area.width >= WIDE;
    let text = |column, pod: &PodRow<'_>| text(column, pod, (wide, glyphs));
    seen.grow(&COLUMNS, |column| view.pods.iter().map(|pod| columns(&text(column, pod).1)).max().unwrap_or(0));
    let placed = seen.place(&COLUMNS, usize::from(area.width), |_| true);
    let mut pen = Pen::new(buf, paint.look, area, 0);
    let sort = grid::Sorted::by(view.sort, &COLUMNS, &placed);
    grid::heading(pane.mark(&mut pen), area, &placed, (Some(sort), paint.look));
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
        Pen::new(buf, paint.look, area, 1).skip(1).rest(Role::Unknown, sentence);
    }
    let names = |column: &Placed<Column>| {
        let has_names = matches!(column.column, Column::Namespace | Column::Pod | Column::Owner);
        let all: Vec<String> = view.pods.iter().filter(|_| has_names).map(|pod| text(column.column, pod).1).collect();
        Names::new(all.iter().map(String::as_str), column.width, glyphs)
    };
    let names: Vec<Names> = placed.iter().map(names).collect();
    for (row, pod) in (1..area.height).zip(&view.pods) {
        let marked = pod.selected && pane.focused;
        let mut pen = Pen::new(buf, paint.look, area, row);
        pen.put(Role::Focus, if marked { glyphs.selected } else { " " });
        for (column, names) in placed.iter().zip(&names) {
            let (role, text) = text(column.column, pod);
            match column.column {
                Column::Namespace | Column::Pod | Column::Owner => {
                    column.put_name(pen.go(area, column.at), (role, &text), names);
                }
                _ => column.put(pen.go(area, column.at), role, &text),
            }
        }
        if marked {
            let line = Rect { y: area.y + row, height: 1, ..area }.intersection(buf.area);
            buf.set_style(line, paint.look.style(Role::Selected));
        }
    }
}

fn text(column: Column, row: &PodRow<'_>, (wide, glyphs): (bool, &Glyphs)) -> (Role, String) {
    let pod = &row.facts;
    // A pod that has ended holds nothing; what it asked for would look as if it did.
    let ended = pod.phase.is_terminal();
    let plain = if ended { Role::Muted } else { Role::Text };
    let blank = || (Role::Muted, String::new());
    match column {
        Column::Namespace => (plain, pod.namespace.to_owned()),
        Column::Pod => (plain, pod.name.to_owned()),
        Column::Ready if row.last_report.is_some() => (Role::Unknown, format!("{}/{}", pod.ready, pod.containers)),
        Column::Status if let Some(report) = row.last_report => {
            let said = words::last_reported(pod.status(), report, wide);
            (Role::Unknown, format!("{} {said}", glyphs.unknown))
        }
        Column::Ready => {
            (if pod.ready < pod.containers { Role::Warn } else { plain }, format!("{}/{}", pod.ready, pod.containers))
        }
        Column::Status => (status_role(pod), pod.status().to_owned()),
        Column::Restarts => (if pod.restarts > 0 { Role::Warn } else { plain }, compact(pod.restarts.into())),
        Column::Gpu if row.gpus == 0 => blank(),
        Column::Gpu => (plain, grouped(row.gpus)),
        Column::Age => (plain, row.age.map_or_else(|| glyphs.none.to_owned(), duration)),
        Column::Owner if pod.owner_kind.is_empty() => {
            (Role::Muted, (if pod.mirror { "static" } else { "<none>" }).to_owned())
        }
        Column::Owner => (plain, format!("{}/{}", pod.owner_kind, pod.owner_name)),
        Column::Cpu | Column::Memory if ended => blank(),
        Column::Cpu => (plain, amount("cpu", pod.requests.cpu.milli())),
        Column::Memory => (plain, amount("memory", pod.requests.memory.value())),
    }
}

fn status_role(pod: &PodFacts<'_>) -> Role {
    match (pod.phase, pod.reason) {
        (Phase::Succeeded, _) => Role::Muted,
        (Phase::Failed, _) => Role::Bad,
        (Phase::Running, "") => Role::Good,
        (Phase::Unknown, _) => Role::Unknown,
        // A reason beside Pending or Running: CrashLoopBackOff, ImagePullBackOff, Init:0/1, Terminating.
        (_, reason) if reason.contains("BackOff") || reason.contains("Err") => Role::Bad,
        _ => Role::Warn,
    }
}
