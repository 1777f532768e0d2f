//! The large sparkline: one column for each work probe, newest right, on the scale of the small one.
//!
//! Half the height is the SLO of 1 s, the top is 10 s, or the deadline of a probe if that is longer. A bar that reaches into the
//! row of a mark is over it; one that fills the top row has reached the top. Timeouts and failures fill their column with glyphs of
//! their own; a blank column is time that was not observed, and has no marks either.

use std::fmt::Write;
use std::time::Duration;

use crate::model::derive::latency::SparkMark;
use crate::theme::{Glyphs, Role};
use crate::ui::units::latency;
use crate::ui::widgets::canvas::Canvas;
use crate::ui::widgets::spark::{SLO, TEN};

/// Width of the labels on the left, in columns.
pub(super) const AXIS: u16 = 7;
/// Latencies, in seconds, at one to four eighths of the height, as in the small sparkline.
const STEPS: [f64; 4] = [0.05, 0.15, 0.4, 1.0];

/// Latency at the full height.
fn top(deadline: Duration) -> Duration {
    deadline.max(TEN)
}

/// The share of the height that a latency takes: half for 1 s, all for the top.
fn share(span: Duration, deadline: Duration) -> f64 {
    let seconds = span.as_secs_f64();
    if seconds <= STEPS[0] {
        return seconds / STEPS[0] / 8.0;
    }
    let between = |low: f64, high: f64| (seconds / low).ln() / (high / low).ln();
    let steps = STEPS.windows(2).zip([1.0, 2.0, 3.0]).find(|(step, _)| seconds <= step[1]);
    match steps {
        Some((step, below)) => (below + between(step[0], step[1])) / 8.0,
        None => 0.5 + between(1.0, top(deadline).as_secs_f64()).min(1.0) / 2.0,
    }
}

/// Number of eighths of a row that a latency fills in a graph of `rows` rows, at least 1.
fn eighths(span: Duration, deadline: Duration, rows: u16) -> usize {
    let eighths = share(span, deadline) * 8.0 * f64::from(rows);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most eight times a height, at least 0"
    )]
    let eighths = eighths.ceil() as usize;
    // A latency over the SLO always reaches into the upper half.
    let half = usize::from(rows) * 4;
    if span > SLO { eighths.max(half + 1) } else { eighths.clamp(1, half.max(1)) }
}

/// The row (0 is the lowest) that only latencies over `span` reach into.
fn row_over(span: Duration, deadline: Duration, rows: u16) -> u16 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most a height, at least 0")]
    let row = (share(span, deadline) * f64::from(rows)).round() as u16;
    row.min(rows.saturating_sub(1))
}

/// Draws the newest marks; the area has an even height.
pub(super) fn draw(canvas: &mut Canvas<'_>, marks: &[SparkMark], deadline: Duration) {
    let (area, glyphs) = (canvas.area, canvas.glyphs());
    if area.height == 0 {
        return;
    }
    let width = usize::from(area.width.saturating_sub(AXIS));
    let newest = &marks[marks.len().saturating_sub(width)..];
    let labels = labels(deadline, area.height);
    let eighths_of = |span| eighths(span, deadline, area.height);
    for line in 0..area.height {
        let row = area.height - 1 - line;
        let label = labels.iter().find(|(at, _)| *at == row).map(|(_, label)| label.as_str());
        let mut pen = canvas.pen(line);
        pen.right(Role::Muted, label.unwrap_or(""), usize::from(AXIS) - 2).put(Role::Rule, " ");
        pen.put(Role::Rule, glyphs.divider).skip(width - newest.len());
        for mark in newest {
            let (role, glyph) = cell(*mark, row, eighths_of, glyphs);
            match (glyph, label, mark) {
                (" ", Some(_), SparkMark::Answered(_)) => pen.put(Role::Rule, "-"),
                _ => pen.put(role, glyph),
            };
        }
    }
}

fn cell(mark: SparkMark, row: u16, eighths: impl Fn(Duration) -> usize, glyphs: &Glyphs) -> (Role, &'static str) {
    match mark {
        SparkMark::Blank => (Role::Text, " "),
        SparkMark::TimedOut => (Role::Bad, glyphs.timed_out),
        SparkMark::Failed => (Role::Critical, glyphs.failed),
        SparkMark::Answered(span) => {
            let role = if span > SLO { Role::Warn } else { Role::Good };
            let filled = eighths(span).saturating_sub(usize::from(row) * 8).min(8);
            (role, if filled == 0 { " " } else { glyphs.levels[filled - 1] })
        }
    }
}

/// Labels at 1 s, at 10 s and at the deadline; a row has at most one, the first of these.
fn labels(deadline: Duration, rows: u16) -> Vec<(u16, String)> {
    let mut labels: Vec<(u16, String)> = Vec::new();
    for span in [SLO, TEN, deadline] {
        let row = if span == top(deadline) { rows - 1 } else { row_over(span, deadline, rows) };
        if labels.iter().all(|(at, _)| *at != row) {
            labels.push((row, latency(span)));
        }
    }
    labels
}

/// `0 · 1s · deadline 5s · 10s`.
pub(super) fn scale(deadline: Duration, glyphs: &Glyphs) -> String {
    let mut marks = vec![(SLO, String::new()), (TEN, String::new()), (deadline, "deadline ".to_owned())];
    marks.sort();
    marks.dedup_by(|next, kept| {
        next.0 == kept.0 && {
            kept.1 = std::mem::take(&mut next.1);
            true
        }
    });
    let mut text = "0".to_owned();
    for (span, name) in marks {
        let _ = write!(text, " {} {name}{}", glyphs.dot, latency(span));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEADLINE: Duration = Duration::from_secs(5);

    #[test]
    fn half_the_height_is_the_slo_and_all_of_it_ten_seconds() {
        // Eighths of a graph of 4 rows, 32 in all, by hand: each step of the scale is 4 of them; log10 5 is 0.699.
        let table = [
            (0, 1),
            (10, 1),
            (50, 4),
            (150, 8),
            (400, 12),
            (1_000, 16),
            (1_001, 17),
            (5_000, 28),
            (10_000, 32),
            (60_000, 32),
        ];
        for (ms, expected) in table {
            assert_eq!(eighths(Duration::from_millis(ms), DEADLINE, 4), expected, "{ms} ms");
        }
    }

    #[test]
    fn slower_is_never_lower() {
        for rows in [2, 4, 12] {
            for deadline in [Duration::from_millis(500), SLO, DEADLINE, Duration::from_secs(30)] {
                let heights: Vec<_> =
                    (0..700).map(|n| eighths(Duration::from_millis(n * n / 8), deadline, rows)).collect();
                assert!(heights.is_sorted() && heights.iter().all(|at| *at <= usize::from(rows) * 8 + 1));
            }
        }
    }

    #[test]
    fn the_marks_name_the_slo_ten_seconds_and_the_deadline_where_there_is_room() {
        let names = |deadline: u64, rows| {
            let mut labels = labels(Duration::from_secs(deadline), rows);
            labels.sort_by_key(|(row, _)| std::cmp::Reverse(*row));
            labels.into_iter().map(|(row, name)| format!("{row} {name}")).collect::<Vec<_>>()
        };
        // log10 5 is 0.699: ten twelfths of the height.
        assert_eq!(names(5, 12), ["11 10s", "10 5.0s", "6 1.0s"]);
        assert_eq!(names(5, 6), ["5 10s", "3 1.0s"]);
        assert_eq!(names(5, 2), ["1 1.0s"]);
        // ln 10 / ln 30 is 0.677: five sixths of the height.
        assert_eq!(names(30, 12), ["11 30s", "10 10s", "6 1.0s"]);
        let glyphs = crate::theme::Theme::new(crate::theme::Depth::None, true).glyphs;
        assert_eq!(scale(Duration::from_secs(30), &glyphs), "0 - 1.0s - 10s - deadline 30s");
        assert_eq!(scale(DEADLINE, &glyphs), "0 - 1.0s - deadline 5.0s - 10s");
        assert_eq!(scale(TEN, &glyphs), "0 - 1.0s - deadline 10s");
    }
}
