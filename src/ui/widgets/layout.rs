//! Layout of the regions, depending on the size of the terminal and the number of clusters and alerts.
//!
//! ```text
//! full (30 rows)      compact (18 rows)     small             one line (below 40x6)
//! header              header                cluster           prod-a ✗ 101/104 gpu 611/872 p95 9.8s ▅█×× ▲2 live
//! ─────────           strip                 alert (if any)
//! strip (≤ 1/3)       ── problem ──         body
//! ── problem ──       alert                 footer
//! alerts (≤ 1/12)     body
//! ── age of data ──   footer
//! body
//! ─────────
//! footer
//! ```
//! Text that appears for a short time is on the rules, so that it does not move the table.

use ratatui::layout::Rect;

/// Minimum size (columns, rows) of a screen with a table.
pub(in crate::ui) const TABLE_SIZE: (u16, u16) = (40, 6);

/// Minimum height of a screen with a header and a rule.
const COMPACT_HEIGHT: u16 = 18;

/// Minimum height of a screen on which rules separate the regions.
const FULL_HEIGHT: u16 = 30;

/// Minimum width of a screen with a header, whose facts would be cut otherwise.
const HEADER_WIDTH: u16 = 60;

/// Minimum number of lines for alerts on a full screen; on a taller one it is a twelfth of the lines.
const ALERTS: u16 = 3;

/// Facts that decide the layout, besides the size.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::ui) struct Counts {
    /// Clusters.
    pub(in crate::ui) clusters: usize,
    /// Firing alerts.
    pub(in crate::ui) alerts: usize,
    /// `true` if another screen than the node table is open: the strip then shows only the current cluster.
    pub(in crate::ui) inside: bool,
}

/// Area of each region; regions that are not shown have no height.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::ui) struct Layout {
    /// Program, alerts, cluster, clock.
    pub(in crate::ui) header: Rect,
    /// Below the header.
    pub(in crate::ui) header_rule: Rect,
    /// One line for each cluster.
    pub(in crate::ui) strip: Rect,
    /// Below the strip: the problem of the current cluster.
    pub(in crate::ui) strip_rule: Rect,
    /// Firing alerts.
    pub(in crate::ui) alerts: Rect,
    /// Above the body: the age of the data.
    pub(in crate::ui) body_rule: Rect,
    /// The open screen.
    pub(in crate::ui) body: Rect,
    /// Below the body.
    pub(in crate::ui) footer_rule: Rect,
    /// Counts, filter and hints.
    pub(in crate::ui) footer: Rect,
    /// `true` if there is room for one line only.
    pub(in crate::ui) one_line: bool,
}

impl Layout {
    /// Divides `area` into regions.
    pub(in crate::ui) fn new(area: Rect, counts: Counts) -> Self {
        let (width, height) = TABLE_SIZE;
        if area.height < height || area.width < width {
            return Self { one_line: true, body: area, ..Self::default() };
        }
        let rows = |count: usize| u16::try_from(count).unwrap_or(u16::MAX);
        let compact = area.height >= COMPACT_HEIGHT;
        let full = area.height >= FULL_HEIGHT;
        let strip = if compact && !counts.inside { rows(counts.clusters).clamp(1, area.height / 3) } else { 1 };
        let alerts = match (full, compact) {
            (true, _) => rows(counts.alerts).clamp(1, ALERTS.max(area.height / 12)),
            (_, true) => 1,
            _ => rows(counts.alerts).min(1),
        };
        let mut rest = area;
        let mut top = |shown: bool, height: u16| {
            let height = if shown { height.min(rest.height) } else { 0 };
            let region = Rect { height, ..rest };
            rest.y += height;
            rest.height -= height;
            region
        };
        let header = top(compact && area.width >= HEADER_WIDTH, 1);
        let header_rule = top(full && header.height > 0, 1);
        let strip = top(true, strip);
        let strip_rule = top(compact, 1);
        let alerts = top(true, alerts);
        let body_rule = top(full, 1);
        let bottom = 1 + u16::from(full);
        let body = Rect { height: rest.height.saturating_sub(bottom), ..rest };
        let footer_rule = Rect { y: body.bottom(), height: u16::from(full), ..rest };
        let footer = Rect { y: footer_rule.bottom(), height: 1, ..rest };
        Self { header, header_rule, strip, strip_rule, alerts, body_rule, body, footer_rule, footer, one_line: false }
    }
}

/// Range of visible rows: at most `height` of `len`, scrolled as little as needed to keep `selected` visible.
pub(in crate::ui) fn window(
    len: usize,
    selected: Option<usize>,
    offset: usize,
    height: usize,
) -> std::ops::Range<usize> {
    let selected = selected.unwrap_or(0);
    let first = offset.max((selected + 1).saturating_sub(height)).min(selected).min(len.saturating_sub(height));
    first..len.min(first + height)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn regions(layout: &Layout) -> [Rect; 9] {
        [
            layout.header,
            layout.header_rule,
            layout.strip,
            layout.strip_rule,
            layout.alerts,
            layout.body_rule,
            layout.body,
            layout.footer_rule,
            layout.footer,
        ]
    }

    fn heights(width: u16, height: u16, clusters: usize, alerts: usize) -> [u16; 9] {
        let layout = Layout::new(Rect::new(0, 0, width, height), Counts { clusters, alerts, inside: false });
        regions(&layout).map(|region| region.height)
    }

    #[test]
    fn sizes_have_the_regions_of_the_drawing() {
        assert_eq!(heights(160, 45, 3, 2), [1, 1, 3, 1, 2, 1, 34, 1, 1]);
        assert_eq!(heights(80, 24, 1, 0), [1, 0, 1, 1, 1, 0, 19, 0, 1]);
        assert_eq!(heights(60, 12, 6, 4), [0, 0, 1, 0, 1, 0, 9, 0, 1]);
        assert_eq!(heights(60, 12, 6, 0), [0, 0, 1, 0, 0, 0, 10, 0, 1]);
        assert_eq!(heights(160, 45, 80, 90), [1, 1, 15, 1, 3, 1, 21, 1, 1], "many clusters take a third");
        assert_eq!(heights(200, 60, 1, 90), [1, 1, 1, 1, 5, 1, 48, 1, 1], "more alerts where there is room");
    }

    proptest! {
        #[test]
        fn regions_share_the_screen_without_gap_or_overlap(
            width in 40_u16..300, height in 6_u16..300, clusters in 0_usize..200, alerts in 0_usize..200, inside: bool,
        ) {
            let layout = Layout::new(Rect::new(0, 0, width, height), Counts { clusters, alerts, inside });
            let mut y = 0;
            for region in regions(&layout) {
                prop_assert_eq!((region.y, region.width), (y, width));
                y += region.height;
            }
            prop_assert_eq!(y, height);
            prop_assert!(layout.body.height >= 2, "a heading and a row");
        }

        #[test]
        fn the_window_holds_the_selected_row_and_moves_only_as_far_as_needed(
            len in 0_usize..300, selected in 0_usize..300, offset in 0_usize..400, height in 0_usize..60,
        ) {
            let selected = (len > 0).then(|| selected % len.max(1));
            let rows = window(len, selected, offset, height);
            prop_assert_eq!(rows.len(), len.min(height), "no blank lines while there are rows");
            prop_assert!(rows.end <= len);
            if let (Some(selected), true) = (selected, height > 0) {
                prop_assert!(rows.contains(&selected));
                let still = offset..len.min(offset + height);
                if still.len() == len.min(height) && still.contains(&selected) {
                    prop_assert_eq!(rows.start, offset);
                }
            }
        }
    }
}
