//! The strip of a gang: one cell a pod in the order of the ranks, in several lines; where there is no room each cell is the worst of
//! some adjacent ranks.

use std::fmt::Write as _;

use crate::model::derive::gangs::{GangCell, GangDetail, MemberClass, MemberTrouble, Wanted};
use crate::model::derive::trouble::TroubleClass;
use crate::theme::{Glyphs, Role};
use crate::ui::screens::gangs::trouble_role;
use crate::ui::units::grouped;
use crate::ui::widgets::canvas::Canvas;

/// Cells of a full line are a multiple of this, so that the ranks at the left are round.
const ROUND: usize = 8;

/// Part of the height of the screen that the strip may take.
const PART: usize = 4;

/// The cells of the strip by lines, and what they stand for.
pub(super) struct RankStrip {
    cells: Vec<StripCell>,
    /// Cells of a line.
    per_line: usize,
    /// Columns of the rank at the left.
    label: usize,
    /// Members and ranks that a cell stands for; the last one may stand for fewer.
    each: usize,
    legend: Vec<LegendEntry>,
}

/// One cell.
#[derive(Clone, Copy)]
struct StripCell {
    /// Rank of its first pod; `None` if that does not say it.
    rank: Option<u32>,
    look: CellLook,
}

/// Number of members that look alike.
struct LegendEntry {
    look: CellLook,
    text: &'static str,
    count: u64,
}

/// Glyph and role of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CellLook {
    Running,
    Starting,
    Ending,
    Waiting,
    /// Something of the pod itself, or of its node, in this role.
    Troubled(Role),
    NodeLost,
    DeviceIll,
    /// No pod has the rank; `true` if the gang wants it for certain.
    Hole(bool),
}

impl CellLook {
    fn of(class: Option<MemberClass>, wanted: Wanted) -> Self {
        let trouble = match class {
            None => return Self::Hole(matches!(wanted, Wanted::Exact(_))),
            Some(MemberClass::Running) => return Self::Running,
            Some(MemberClass::Starting) => return Self::Starting,
            Some(MemberClass::Ending) => return Self::Ending,
            Some(MemberClass::Trouble(trouble)) => trouble,
        };
        match trouble {
            MemberTrouble::Pod(TroubleClass::NodeLost) => Self::NodeLost,
            MemberTrouble::DevicesLost | MemberTrouble::Pod(TroubleClass::DeviceUnhealthy) => Self::DeviceIll,
            MemberTrouble::Pod(TroubleClass::Unschedulable | TroubleClass::Gated | TroubleClass::Unscheduled) => {
                Self::Waiting
            }
            trouble => Self::Troubled(trouble_role(trouble)),
        }
    }

    fn glyph(self, glyphs: &Glyphs) -> (Role, &'static str) {
        match self {
            Self::Running => (Role::Good, glyphs.member),
            Self::Starting => (Role::Muted, glyphs.loading),
            Self::Ending => (Role::Muted, glyphs.flapping),
            Self::Waiting => (Role::Warn, glyphs.free),
            Self::Troubled(Role::Bad) => (Role::Bad, glyphs.bad),
            Self::Troubled(role) => (role, glyphs.degraded),
            Self::NodeLost => (Role::Unknown, glyphs.unknown),
            Self::DeviceIll => (Role::Bad, glyphs.device),
            Self::Hole(true) => (Role::Warn, glyphs.hole),
            Self::Hole(false) => (Role::Muted, glyphs.hole),
        }
    }
}

impl RankStrip {
    /// Arranges the cells of a gang on a screen of this size.
    pub(super) fn new(detail: &GangDetail, width: usize, height: usize) -> Self {
        let wanted = detail.row.wanted;
        let total = detail.cells.iter().fold(0_usize, |sum, cell| sum.saturating_add(cell.ranks as usize));
        let last = detail.cells.iter().filter_map(|cell| Some(cell.rank? + cell.ranks.saturating_sub(1))).max();
        let label = last.map_or(1, |last| grouped(last).len());
        // ` rank 000 ` before the cells, ` 000` behind them.
        let room = width.saturating_sub(2 * label + 9).max(1);
        let per_line = if room >= ROUND { room / ROUND * ROUND } else { room };
        let lines = (height / PART).max(1);
        let each = total.div_ceil(per_line * lines).max(1);
        let cells = gather(&detail.cells, each, wanted);
        Self { cells, per_line, label, each, legend: legend(&detail.cells, wanted) }
    }

    /// Number of lines, with that of the legend.
    pub(super) fn height(&self) -> usize {
        self.cells.len().div_ceil(self.per_line) + 1
    }

    /// Draws the lines and the legend.
    pub(super) fn draw(&self, canvas: &mut Canvas<'_>) {
        let glyphs = canvas.glyphs();
        let mut row = 0;
        for (at, line) in self.cells.chunks(self.per_line).enumerate() {
            let mut pen = canvas.pen(row);
            pen.skip(1).fit(Role::Muted, if at == 0 { "rank" } else { "" }, 4).skip(1);
            let rank = line.first().and_then(|cell| cell.rank).map(grouped);
            pen.right(Role::Muted, rank.as_deref().unwrap_or(glyphs.none), self.label).skip(1);
            for cell in line {
                let (role, glyph) = cell.look.glyph(glyphs);
                pen.put(role, glyph);
            }
            if let Some(rank) = line.last().and_then(|cell| cell.rank).filter(|_| self.each == 1) {
                pen.skip(1).put(Role::Muted, &grouped(rank));
            }
            row += 1;
        }
        self.draw_legend(canvas, row);
    }

    fn draw_legend(&self, canvas: &mut Canvas<'_>, row: u16) {
        let glyphs = canvas.glyphs();
        let mut pen = canvas.pen(row);
        pen.skip(1);
        if self.each > 1 {
            let mut text = String::new();
            _ = write!(text, "each cell the worst of {} ranks", grouped(self.each as u64));
            pen.put(Role::Warn, &text).skip(2);
        }
        for entry in &self.legend {
            let (role, glyph) = entry.look.glyph(glyphs);
            pen.put(role, glyph).skip(1).put(Role::Text, &grouped(entry.count)).skip(1);
            pen.put(Role::Muted, entry.text).skip(2);
        }
    }
}

/// Cells that each stand for this many members and ranks, as the worst of them looks.
fn gather(cells: &[GangCell], each: usize, wanted: Wanted) -> Vec<StripCell> {
    let severity = |class: Option<MemberClass>| class.map_or(MISSING, MemberClass::severity);
    let mut gathered = Vec::new();
    // The cell under way: its first rank, its worst class, and the number of ranks that it still takes.
    let mut open: Option<(Option<u32>, Option<MemberClass>, usize)> = None;
    for cell in cells {
        let (mut rank, mut ranks) = (cell.rank, cell.ranks as usize);
        while ranks > 0 {
            let (first, worst, left) = open.take().unwrap_or((rank, cell.class, each));
            let worst = if severity(cell.class) < severity(worst) { cell.class } else { worst };
            let taken = ranks.min(left);
            ranks -= taken;
            rank = rank.map(|rank| rank.saturating_add(u32::try_from(taken).unwrap_or(u32::MAX)));
            if taken == left {
                gathered.push(StripCell { rank: first, look: CellLook::of(worst, wanted) });
            } else {
                open = Some((first, worst, left - taken));
            }
        }
    }
    let last = open.map(|(rank, worst, _)| StripCell { rank, look: CellLook::of(worst, wanted) });
    gathered.extend(last);
    gathered
}

/// Severity of a rank without a pod: between a member in trouble and one that starts.
const MISSING: usize = MemberTrouble::ALL.len();

/// Numbers of members by what they do, worst first.
fn legend(cells: &[GangCell], wanted: Wanted) -> Vec<LegendEntry> {
    let text = |class: Option<MemberClass>| match class {
        None => "without a pod",
        Some(MemberClass::Trouble(trouble)) => trouble.text(),
        Some(MemberClass::Starting) => "starting",
        Some(MemberClass::Ending) => "ending",
        Some(MemberClass::Running) => "running",
    };
    let mut entries: Vec<(usize, LegendEntry)> = Vec::new();
    for cell in cells {
        let (severity, count) = (cell.class.map_or(MISSING, MemberClass::severity), u64::from(cell.ranks));
        if let Some((_, entry)) = entries.iter_mut().find(|(_, entry)| entry.text == text(cell.class)) {
            entry.count += count;
        } else {
            let look = CellLook::of(cell.class, wanted);
            entries.push((severity, LegendEntry { look, text: text(cell.class), count }));
        }
    }
    entries.sort_by_key(|(severity, _)| *severity);
    entries.into_iter().map(|(_, entry)| entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theme::{Depth, Theme};

    #[test]
    fn what_a_member_does_is_seen_without_colours() {
        let wanted = Wanted::Exact(64);
        let classes = [
            Some(MemberClass::Running),
            Some(MemberClass::Starting),
            Some(MemberClass::Ending),
            Some(MemberTrouble::Pod(TroubleClass::Unschedulable).into()),
            Some(MemberTrouble::Pod(TroubleClass::CrashLoop).into()),
            Some(MemberTrouble::Pod(TroubleClass::NotReady).into()),
            Some(MemberTrouble::Pod(TroubleClass::NodeLost).into()),
            Some(MemberTrouble::DevicesLost.into()),
            None,
        ];
        for ascii in [false, true] {
            let glyphs = Theme::new(Depth::None, ascii).glyphs;
            let mut seen: Vec<_> = classes.map(|class| CellLook::of(class, wanted).glyph(&glyphs).1).into();
            assert!(!ascii || seen.iter().all(|glyph| glyph.is_ascii()));
            seen.sort_unstable();
            seen.dedup();
            assert_eq!(seen.len(), classes.len(), "{seen:?}");
        }
    }

    #[test]
    fn a_cell_is_the_worst_of_its_ranks_and_a_rank_without_a_pod_comes_after_trouble() {
        let lost = Some(MemberClass::from(MemberTrouble::Pod(TroubleClass::NodeLost)));
        let cell = |rank, ranks, class| GangCell { rank: Some(rank), ranks, class };
        let running = Some(MemberClass::Running);
        // Ranks 0 to 9: 0 runs, 1 to 5 have no pod, 6 is lost, 7 to 9 run.
        let cells = [
            cell(0, 1, running),
            cell(1, 5, None),
            cell(6, 1, lost),
            cell(7, 1, running),
            cell(8, 1, running),
            cell(9, 1, running),
        ];
        let gathered = gather(&cells, 4, Wanted::AtLeast(10));
        let looks: Vec<_> = gathered.iter().map(|cell| (cell.rank, cell.look)).collect();
        let expected = [(Some(0), CellLook::Hole(false)), (Some(4), CellLook::NodeLost), (Some(8), CellLook::Running)];
        assert_eq!(looks, expected);
    }
}
