//! Bars of a used share, and of devices with the lost ones.

use crate::model::derive::rows::Accelerators;
use crate::model::known::Known;
use crate::theme::Glyphs;

/// A bar of `width` columns, filled in eighths of a column (whole columns in ASCII). A share above zero fills at least one step, and
/// only the whole fills the bar; more than the whole is drawn as the whole.
pub(in crate::ui) fn share(part: i64, whole: i64, width: usize, glyphs: &Glyphs) -> String {
    let eighths_total = i128::try_from(width * 8).unwrap_or(i128::MAX);
    let eighths = match (i128::from(part), i128::from(whole)) {
        (part, _) if part <= 0 => 0,
        (part, whole) if part >= whole => eighths_total,
        (part, whole) => (part * eighths_total / whole).max(1),
    };
    let eighths = usize::try_from(eighths).unwrap_or(0);
    let mut bar = glyphs.parts[7].repeat(eighths / 8);
    if eighths % 8 > 0 {
        bar.push_str(glyphs.parts[eighths % 8 - 1]);
    }
    bar
}

/// A bar of `width` columns for devices: used, free, and lost ones at its end. If the width equals the capacity, each
/// column is one device; otherwise each part above zero has at least one column, and loss covers use. Free devices are not drawn if
/// the used number is not known, or unless the node takes pods (`open`).
pub(in crate::ui) fn devices(gpu: Accelerators, open: bool, width: usize, glyphs: &Glyphs) -> String {
    let Accelerators { requested, allocatable, capacity } = gpu;
    let scaled = |part: i64| -> usize {
        if part <= 0 || capacity <= 0 {
            return 0;
        }
        let (part, capacity, columns) = (i128::from(part), i128::from(capacity), width as i128);
        usize::try_from((part * columns / capacity).clamp(1, columns)).unwrap_or(width)
    };
    let lost = scaled(capacity.saturating_sub(allocatable));
    let used = requested.any().map_or(0, scaled).min(width - lost);
    let middle = match requested {
        Known::Exact(_) if open => glyphs.free,
        Known::Exact(_) => glyphs.none,
        _ => glyphs.unknown,
    };
    let free = if capacity > 0 { width - lost - used } else { 0 };
    [glyphs.parts[7].repeat(used), middle.repeat(free), glyphs.lost.repeat(lost)].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::theme::{Depth, Theme};

    fn glyphs(ascii: bool) -> Glyphs {
        Theme::new(Depth::None, ascii).glyphs
    }

    #[test]
    fn a_bar_is_filled_in_eighths_and_only_full_is_full() {
        let table = [(0, ""), (1, "▏"), (31, "█▏"), (55, "██"), (109, "███▉"), (110, "████"), (200, "████"), (-3, "")];
        for (part, bar) in table {
            assert_eq!(share(part, 110, 4, &glyphs(false)), bar, "{part}");
        }
        assert_eq!(share(5, 0, 4, &glyphs(false)), "████", "pods on a node that allows none");
    }

    #[test]
    fn each_column_is_a_device_where_they_fit() {
        let table = [
            (Known::Exact(4), 8, 8, "████····"),
            (Known::Exact(5), 5, 8, "█████×××"),
            (Known::Exact(8), 0, 8, "××××××××"),
            (Known::Exact(0), 8, 8, "········"),
            (Known::Unknown, 8, 8, "????????"),
            (Known::Denied, 6, 8, "??????××"),
            (Known::AtLeast(3), 8, 8, "███?????"),
            (Known::Exact(9), 8, 8, "████████"),
            (Known::Exact(0), 0, 0, ""),
        ];
        for (requested, allocatable, capacity, bar) in table {
            assert_eq!(devices(Accelerators { requested, allocatable, capacity }, true, 8, &glyphs(false)), bar);
        }
        let gpu = Accelerators { requested: Known::Exact(4), allocatable: 7, capacity: 8 };
        assert_eq!(devices(gpu, true, 8, &glyphs(true)), "####...x");
    }

    #[test]
    fn devices_of_a_node_that_takes_no_pods_are_not_drawn_as_free() {
        let gpu = Accelerators { requested: Known::Exact(4), allocatable: 7, capacity: 8 };
        assert_eq!(devices(gpu, false, 8, &glyphs(false)), "████–––×");
    }

    #[test]
    fn a_small_loss_among_many_devices_still_shows() {
        let gpu = |requested, allocatable, capacity| Accelerators { requested, allocatable, capacity };
        assert_eq!(devices(gpu(Known::Exact(1), 127, 128), true, 8, &glyphs(false)), "█······×");
        assert_eq!(devices(gpu(Known::Exact(2), 16, 16), true, 8, &glyphs(false)), "█·······");
    }
}
