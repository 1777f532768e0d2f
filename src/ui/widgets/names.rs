//! Shortens names that are too wide: the parts that they have in common are cut, the distinguishing part stays.
//!
//! `arn:aws:eks:eu-central-1:123456789012:cluster/prod-a` beside `…/prod-b` becomes `arn:aws:eks:eu-cent…/prod-a`.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;

use super::width::columns;
use crate::theme::Glyphs;

/// Separators at which a name can be cut between words, stronger ones first.
const SEPARATORS: [&[&str]; 2] = [&["/", ":"], &["-", ".", "_"]];
/// Minimum length of a meaningful part of a name, in characters.
const LEAST: usize = 4;

/// The names of one column, cut to its width.
pub(in crate::ui) struct ShortNames {
    width: usize,
    ellipsis: &'static str,
    /// Names that do not fit, sorted, with the shortened form of each.
    cut: Vec<(String, String)>,
}

impl ShortNames {
    /// Shortens those of `names` that are wider than `width`, in the parts that they share with others.
    pub(in crate::ui) fn new<'a>(names: impl Iterator<Item = &'a str>, width: usize, glyphs: &Glyphs) -> Self {
        let mut all: Vec<&str> = names.collect();
        let mut cut = Vec::new();
        if all.iter().any(|name| columns(name) > width) {
            all.sort_unstable();
            all.dedup();
            let letters: Vec<Vec<&str>> = all.iter().map(|name| name.graphemes(true).collect()).collect();
            for (at, name) in all.iter().enumerate().filter(|(_, name)| columns(name) > width) {
                let others = letters.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, letters)| letters);
                let alike = Alike::of(&letters[at], others);
                cut.push(((*name).to_owned(), shorten(&letters[at], alike, width, glyphs.ellipsis)));
            }
            distinguish(&mut cut, width, glyphs.ellipsis);
        }
        Self { width, ellipsis: glyphs.ellipsis, cut }
    }

    /// The form of a name that is shown.
    pub(in crate::ui) fn get<'n>(&'n self, name: &'n str) -> Cow<'n, str> {
        match self.cut.binary_search_by(|(known, _)| known.as_str().cmp(name)) {
            Ok(at) => Cow::Borrowed(&self.cut[at].1),
            Err(_) => one(name, self.width, self.ellipsis),
        }
    }
}

/// Shortens a single name in its middle if it is wider than `width`; more is kept of its end, which says more than its start.
pub(in crate::ui) fn one<'n>(name: &'n str, width: usize, ellipsis: &str) -> Cow<'n, str> {
    if columns(name) <= width {
        return Cow::Borrowed(name);
    }
    let letters: Vec<&str> = name.graphemes(true).collect();
    let alike = Alike { start: letters.len(), end: 0 };
    Cow::Owned(shorten(&letters, alike, width, ellipsis))
}

/// Number of graphemes that a name shares with some other name.
#[derive(Clone, Copy)]
struct Alike {
    /// Length of the longest common prefix.
    start: usize,
    /// Length of the longest common suffix.
    end: usize,
}

impl Alike {
    fn of<'a, 'n: 'a>(name: &[&str], others: impl Iterator<Item = &'a Vec<&'n str>>) -> Self {
        let mut alike = Self { start: 0, end: 0 };
        let mut alone = true;
        for other in others {
            alone = false;
            let same = |(a, b): &(&&str, &&str)| a == b;
            alike.start = alike.start.max(name.iter().zip(other).take_while(same).count());
            alike.end = alike.end.max(name.iter().rev().zip(other.iter().rev()).take_while(same).count());
        }
        if alone { Self { start: name.len(), end: 0 } } else { alike }
    }
}

/// Shortens a name that is too wide.
fn shorten(name: &[&str], alike: Alike, width: usize, ellipsis: &str) -> String {
    let Some(room) = width.checked_sub(1) else { return String::new() };
    let from = end_from(name, alike.start, room);
    let tail = &name[from..];
    if wide(tail) + LEAST.min(from) <= room {
        // All of the distinguishing part, and as much of the start as fits.
        let head = fitting(name.iter().copied(), room - wide(tail));
        return format!("{}{ellipsis}{}", head.concat(), tail.concat());
    }
    let kept = &name[..name.len() - alike.end];
    if alike.end > 0 && wide(kept) <= room {
        let tail = fitting(name.iter().rev().copied(), room - wide(kept));
        let tail: String = tail.into_iter().rev().collect();
        return format!("{}{ellipsis}{tail}", kept.concat());
    }
    // Neither fits: parts of both ends, more of the last one.
    let head = fitting(name.iter().copied(), room / 3);
    let tail = fitting(name[head.len()..].iter().rev().copied(), room - wide(&head));
    let tail: String = tail.into_iter().rev().collect();
    format!("{}{ellipsis}{tail}", head.concat())
}

/// Index of the start of the end that must be visible: at a separator in the common part, as far as there is room.
fn end_from(name: &[&str], alike: usize, room: usize) -> usize {
    let alike = alike.min(name.len().saturating_sub(1));
    // At most two thirds of the room are for the end.
    let most = room - room / 3;
    for separators in SEPARATORS {
        let found = (0..=alike).rev().find(|at| separators.contains(&name[*at]) && *at + 1 < name.len());
        if let Some(at) = found.filter(|at| wide(&name[*at..]) <= most) {
            return at;
        }
    }
    let alone = alike + 1 >= name.len();
    if !alone {
        return alike;
    }
    let end = fitting(name.iter().rev().copied(), most).len();
    name.len() - end
}

/// Shows names that would look the same from the point where they differ.
fn distinguish(cut: &mut [(String, String)], width: usize, ellipsis: &str) {
    if width < 2 {
        return;
    }
    for at in 0..cut.len() {
        let twins: Vec<usize> = (0..cut.len()).filter(|other| cut[*other].1 == cut[at].1).collect();
        if twins.len() < 2 {
            continue;
        }
        let names: Vec<Vec<String>> =
            twins.iter().map(|twin| cut[*twin].0.graphemes(true).map(str::to_owned).collect()).collect();
        let first = &names[0];
        let differ = (0..first.len()).find(|letter| names.iter().any(|name| name.get(*letter) != first.get(*letter)));
        for (twin, name) in twins.into_iter().zip(&names) {
            let from = differ.unwrap_or(0).min(name.len());
            let rest: Vec<&str> = name[from..].iter().map(String::as_str).collect();
            let room = width.saturating_sub(1);
            let shown = if wide(&rest) <= room {
                rest.concat()
            } else {
                format!("{}{ellipsis}", fitting(rest.into_iter(), room.saturating_sub(1)).concat())
            };
            cut[twin].1 = format!("{ellipsis}{shown}");
        }
    }
}

/// The first of `letters` that fit into `width` columns.
fn fitting<'a>(letters: impl Iterator<Item = &'a str>, width: usize) -> Vec<&'a str> {
    let mut left = width;
    letters
        .take_while(|letter| {
            left.checked_sub(columns(letter)).is_some_and(|rest| {
                left = rest;
                true
            })
        })
        .collect()
}

fn wide(letters: &[&str]) -> usize {
    letters.iter().map(|letter| columns(letter)).sum()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::theme::{Depth, Theme};

    fn cut(names: &[&str], width: usize) -> Vec<String> {
        let cut = ShortNames::new(names.iter().copied(), width, &Theme::new(Depth::None, false).glyphs);
        names.iter().map(|name| cut.get(name).into_owned()).collect()
    }

    #[test]
    fn names_are_cut_where_they_are_alike_and_their_telling_end_stays() {
        let arn = |name: &str| format!("arn:aws:eks:eu-central-1:123456789012:cluster/{name}");
        let (a, b, c) = (arn("prod-a"), arn("prod-b"), arn("staging"));
        assert_eq!(
            cut(&[&a, &b, &c, "kind"], 28),
            ["arn:aws:eks:eu-centr…/prod-a", "arn:aws:eks:eu-centr…/prod-b", "arn:aws:eks:eu-cent…/staging", "kind"]
        );
        assert_eq!(cut(&[&a], 28), ["arn:aws:eks:eu-centr…/prod-a"], "and of one alone");
        let gke = ["gke_my-project_europe-west1-b_cluster-one", "gke_my-project_europe-west1-b_cluster-two"];
        assert_eq!(cut(&gke, 20), ["gke_my-project_…-one", "gke_my-project_…-two"]);
        let pods = ["trainer-6d8f9c7b5d-x2k4p", "trainer-6d8f9c7b5d-zz9qq"];
        assert_eq!(cut(&pods, 16), ["trainer-6…-x2k4p", "trainer-6…-zz9qq"]);
    }

    #[test]
    fn names_that_differ_in_their_start_or_middle_keep_that() {
        let nodes = ["ip-10-0-12-34.eu-central-1.compute.internal", "ip-10-0-99-1.eu-central-1.compute.internal"];
        assert_eq!(cut(&nodes, 20), ["ip-10-0-12-34…ternal", "ip-10-0-99-1…nternal"]);
        let regions = ["arn:aws:eks:eu-central-1:1:cluster/prod", "arn:aws:eks:us-east-1:1:cluster/prod"];
        let shown = cut(&regions, 28);
        assert!(shown[0].contains("eu-central") && shown[1].contains("us-east"), "{shown:?}");
        let owners = ["DaemonSet/nvidia-device-plugin-daemonset", "DaemonSet/node-exporter"];
        assert_eq!(cut(&owners, 24), ["DaemonS…plugin-daemonset", "DaemonSet/node-exporter"]);
    }

    #[test]
    fn wide_letters_and_no_room_at_all_are_no_problem() {
        assert_eq!(cut(&["日本語日本語日本語"], 7), ["日…本語"]);
        for width in 0..4 {
            assert!(cut(&["abcdefgh", "abcdefgi"], width).iter().all(|name| columns(name) <= width), "{width}");
        }
    }

    proptest! {
        #[test]
        fn no_name_is_wider_than_its_column_and_short_names_stay(
            names in vec("[ab]{0,3}(-|/|:)?[abc]{0,12}(-[ab]{1,4})?", 0..8),
            width in 0_usize..20,
        ) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            for (name, shown) in names.iter().zip(cut(&names, width)) {
                prop_assert!(columns(&shown) <= width, "{shown}");
                prop_assert!(columns(name) > width || shown == *name);
            }
        }

        /// Ten digits tell many names apart, and a column that holds them is enough.
        #[test]
        fn names_with_telling_ends_are_never_shown_alike(
            prefix in "[a-z]{10,40}", ends in vec("[a-z0-9]{1,6}", 2..8), width in 14_usize..24,
        ) {
            let names: Vec<String> = ends.iter().map(|end| format!("{prefix}/{end}")).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let shown = cut(&names, width);
            for (a, shown_a) in names.iter().zip(&shown) {
                for (b, shown_b) in names.iter().zip(&shown) {
                    prop_assert_eq!(a == b, shown_a == shown_b, "{} {}", shown_a, shown_b);
                }
            }
        }
    }
}
