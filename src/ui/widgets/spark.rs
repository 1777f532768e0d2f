//! The sparkline of the work probe: one column for each tick, on a fixed scale, newest last.
//!
//! The scale is 0 · 1 s · 10 s, or the deadline if that is longer. The lower four levels are answers within 1 s (up to 50, 150,
//! 400 ms, 1 s), the upper four divide the range from 1 s to the top in equal ratios; so a column above half height broke the
//! SLO, on every screen and at any time. A timeout and a failure have glyphs of their own at full height, never a level and never a
//! gap: loss must not look like health. Blanks are ticks that were not observed.

use std::time::Duration;

use super::text::Pen;
use crate::model::derive::latency::SparkMark;
use crate::theme::{Glyphs, Role};

/// Maximum number of marks of a small sparkline: the latency window of 5 min with a probe every 5 s.
pub(in crate::ui) const MARKS: usize = 60;

/// 1 s: Kubernetes API-call SLO, sig-scalability/slos/api_call_latency.md.
pub(in crate::ui) const SLO: Duration = Duration::from_secs(1);

/// 10 s: threshold of a slow call, and minimum of the top of the scale (docs/latency-and-alerts.md). So one height means one
/// latency on every screen, and answered probes stay below those that timed out.
pub(in crate::ui) const TEN: Duration = Duration::from_secs(10);

/// The lower levels: most API servers answer within 50 ms when idle, and 150 and 400 ms share the ratio up to the SLO.
const WITHIN_SLO: [Duration; 4] =
    [Duration::from_millis(50), Duration::from_millis(150), Duration::from_millis(400), SLO];

/// Maps a latency to a level, in the same way during the whole life of a view.
#[derive(Clone, Copy, Debug)]
pub(in crate::ui) struct Scale {
    /// The upper bound of each level but the last, which has none.
    bounds: [Duration; 7],
}

impl Scale {
    /// The scale for probes with this deadline.
    pub(in crate::ui) fn new(deadline: Duration) -> Self {
        let ratio = (deadline.max(TEN).as_secs_f64() / SLO.as_secs_f64()).powf(0.25);
        let [a, b, c, d] = WITHIN_SLO;
        let above = |power: i32| SLO.mul_f64(ratio.powi(power).min(1e6));
        Self { bounds: [a, b, c, d, above(1), above(2), above(3)] }
    }

    /// 0 for the fastest answers to 7 for those near the top.
    pub(in crate::ui) fn level(&self, latency: Duration) -> usize {
        self.bounds.iter().filter(|bound| latency > **bound).count()
    }

    fn glyph(&self, mark: SparkMark, glyphs: &Glyphs) -> (Role, &'static str) {
        match mark {
            SparkMark::Blank => (Role::Text, " "),
            SparkMark::Answered(latency) if latency > SLO => (Role::Warn, glyphs.levels[self.level(latency)]),
            SparkMark::Answered(latency) => (Role::Good, glyphs.levels[self.level(latency)]),
            SparkMark::TimedOut => (Role::Bad, glyphs.timed_out),
            SparkMark::Failed => (Role::Critical, glyphs.failed),
        }
    }
}

/// The newest marks that fit into `width` columns, right-aligned.
pub(in crate::ui) fn draw(pen: &mut Pen<'_>, marks: &[SparkMark], width: usize, scale: &Scale) {
    let glyphs = pen.glyphs();
    let width = width.min(pen.left());
    let newest = &marks[marks.len().saturating_sub(width)..];
    pen.skip(width - newest.len());
    for mark in newest {
        let (role, glyph) = scale.glyph(*mark, glyphs);
        pen.put(role, glyph);
    }
}

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::Color;

    use super::*;
    use crate::theme::{Depth, Theme};

    const DEADLINE: Duration = Duration::from_secs(5);

    fn drawn(theme: &Theme, marks: &[SparkMark], width: u16) -> Buffer {
        let mut buf = Buffer::empty(Rect::new(0, 0, width, 1));
        let mut pen = Pen::new(&mut buf, theme, Rect::new(0, 0, width, 1), 0);
        draw(&mut pen, marks, usize::from(width), &Scale::new(DEADLINE));
        buf
    }

    fn symbols(buf: &Buffer) -> String {
        buf.content().iter().map(ratatui::buffer::Cell::symbol).collect()
    }

    fn answered(millis: u64) -> SparkMark {
        SparkMark::Answered(Duration::from_millis(millis))
    }

    #[test]
    fn the_scale_is_fixed_and_half_height_is_the_slo() {
        // By hand: the quarter powers of 10 are 1.778, 3.162, 5.623 and 10.
        let table = [
            (0, 0),
            (50, 0),
            (51, 1),
            (150, 1),
            (400, 2),
            (1000, 3),
            (1001, 4),
            (1778, 4),
            (1779, 5),
            (3162, 5),
            (3163, 6),
            (5000, 6),
            (5623, 6),
            (5624, 7),
            (10_000, 7),
            (60_000, 7),
        ];
        for (millis, level) in table {
            assert_eq!(Scale::new(DEADLINE).level(Duration::from_millis(millis)), level, "{millis} ms");
        }
    }

    #[test]
    fn the_scale_is_one_for_all_deadlines_up_to_ten_seconds() {
        for deadline in [Duration::from_millis(500), SLO, DEADLINE] {
            assert_eq!(Scale::new(deadline).bounds, Scale::new(TEN).bounds);
        }
        assert!(Scale::new(Duration::from_secs(30)).bounds[6] > TEN);
    }

    #[test]
    fn any_deadline_keeps_the_scale_in_order() {
        for deadline in [Duration::ZERO, Duration::from_millis(500), SLO, Duration::MAX] {
            let scale = Scale::new(deadline);
            assert!(scale.bounds.is_sorted(), "{deadline:?}");
            assert_eq!(scale.level(SLO), 3);
        }
    }

    #[test]
    fn timeouts_failures_and_gaps_have_glyphs_of_their_own() {
        let marks =
            [SparkMark::Blank, answered(20), answered(900), answered(9900), SparkMark::TimedOut, SparkMark::Failed];
        assert_eq!(symbols(&drawn(&Theme::new(Depth::None, false), &marks, 8)), "   ▁▄█×!");
        assert_eq!(symbols(&drawn(&Theme::new(Depth::None, true), &marks, 8)), "   _=@x!");
        assert_eq!(symbols(&drawn(&Theme::new(Depth::None, false), &marks, 3)), "█×!", "the newest stay");
    }

    #[test]
    fn a_run_of_timeouts_can_never_look_healthy() {
        for depth in [Depth::None, Depth::Ansi16, Depth::Ansi256, Depth::True] {
            for ascii in [false, true] {
                let theme = Theme::new(depth, ascii);
                let slow = drawn(&theme, &[SparkMark::TimedOut; 8], 8);
                let cut = drawn(&theme, &[SparkMark::Failed; 8], 8);
                let fine = theme.style(Role::Good);
                for cell in slow.content().iter().chain(cut.content()) {
                    assert!(!theme.glyphs.levels.contains(&cell.symbol()), "a level");
                    assert_ne!(cell.symbol(), " ", "a gap");
                    assert_ne!((Some(cell.fg), cell.modifier), (fine.fg, fine.add_modifier), "styled as health");
                }
                assert_ne!(symbols(&slow), symbols(&cut));
                if depth == Depth::None {
                    assert!(slow.content().iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
                }
            }
        }
    }
}
