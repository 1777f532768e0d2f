//! Hits of an alert in words.

use crate::model::derive::gangs::Wanted;
use crate::model::derive::hits::Hits;
use crate::model::known::Known;
use crate::theme::Glyphs;
use crate::ui::units::{counted, grouped};
use crate::ui::widgets::width::columns;

/// The hits in one line of at most `room` columns, `19 pods · llm-70b 1 of 64 · 8 GPUs`: the end is left out where there is no room
/// for it; `None` if there is not even room for the number of pods.
pub(in crate::ui) fn line(hits: &Known<Hits>, room: usize, glyphs: &Glyphs) -> Option<String> {
    let mut parts = parts(hits, glyphs).into_iter();
    let mut line = parts.next().filter(|pods| columns(pods) <= room)?;
    for part in parts {
        let longer = format!("{line} {} {part}", glyphs.dot);
        if columns(&longer) > room {
            break;
        }
        line = longer;
    }
    Some(line)
}

/// Pods, the worst gang or the namespaces, devices: the most important first.
fn parts(hits: &Known<Hits>, glyphs: &Glyphs) -> Vec<String> {
    let (bound, hits) = match hits {
        Known::Unknown | Known::Denied => return vec![format!("{} pods", glyphs.unknown)],
        Known::AtLeast(hits) => (glyphs.at_least, hits),
        Known::Exact(hits) => ("", hits),
    };
    let at_most = if hits.at_most { "up to " } else { "" };
    let pods = match (bound, hits.pods) {
        ("", 0) => return vec!["no pods".to_owned()],
        ("", pods) => format!("{at_most}{}", counted(pods, "pod")),
        (bound, pods) => format!("{at_most}{bound}{} pods", grouped(pods)),
    };
    let mut parts = vec![pods];
    parts.extend(gangs(hits, glyphs).or_else(|| namespaces(hits)));
    if hits.accelerators > 0 {
        parts.push(format!("{bound}{}", counted(hits.accelerators, "GPU")));
    }
    parts
}

/// `llm-70b 1 of 64`, `llm-70b 1 of 64 +2 gangs`; `None` if no gang is hit.
fn gangs(hits: &Hits, glyphs: &Glyphs) -> Option<String> {
    let worst = hits.gangs.first()?;
    let wanted = match worst.wanted {
        Wanted::Exact(wanted) => grouped(wanted),
        Wanted::AtLeast(wanted) => format!("{}{}", glyphs.at_least, grouped(wanted)),
    };
    let more = match hits.gangs.len() - 1 + hits.more_gangs {
        0 => String::new(),
        more => format!(" +{}", counted(more as u64, "gang")),
    };
    Some(format!("{} {} of {wanted}{more}", worst.key.name, grouped(worst.hit)))
}

/// `in train`, `in 3 namespaces`; `None` if no pod is hit.
fn namespaces(hits: &Hits) -> Option<String> {
    match (&*hits.namespaces, hits.more_namespaces) {
        ([], _) => None,
        ([only], 0) => Some(format!("in {}", only.name)),
        (some, more) => Some(format!("in {} namespaces", grouped(some.len() as u64 + more as u64))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::gang::GangSystem;
    use crate::model::derive::gangs::GangKey;
    use crate::model::derive::hits::{GangHit, NamespaceHit};
    use crate::theme::{Depth, Theme};

    fn gang(wanted: Wanted) -> GangHit {
        let [namespace, kind, key, name] = ["train", "PyTorchJob", "llm-70b", "llm-70b"].map(Into::into);
        GangHit { key: GangKey { system: GangSystem::Kubeflow, namespace, kind, key, name }, hit: 1, wanted }
    }

    fn namespace(name: &str) -> NamespaceHit {
        NamespaceHit { name: name.into(), pods: 1 }
    }

    fn text(hits: &Known<Hits>, room: usize) -> String {
        line(hits, room, &Theme::new(Depth::None, false).glyphs).unwrap_or_default()
    }

    #[test]
    fn hits_are_as_long_as_there_is_room() {
        let hits = Hits { pods: 19, accelerators: 8, gangs: vec![gang(Wanted::Exact(64))], ..Hits::default() };
        let hits = Known::Exact(hits);
        assert_eq!(text(&hits, 80), "19 pods · llm-70b 1 of 64 · 8 GPUs");
        assert_eq!(text(&hits, 33), "19 pods · llm-70b 1 of 64");
        assert_eq!(text(&hits, 24), "19 pods");
        assert_eq!(text(&hits, 6), "", "a part of a number would be another number");
    }

    #[test]
    fn what_is_not_known_is_not_zero_and_bounds_are_marked() {
        let one = Hits { pods: 1, namespaces: vec![namespace("train")], ..Hits::default() };
        let up_to = Hits { at_most: true, pods: 1_200, accelerators: 1, ..one.clone() };
        let many = Hits { more_gangs: 1, gangs: vec![gang(Wanted::AtLeast(3)), gang(Wanted::Exact(2))], ..one.clone() };
        let two = Hits { namespaces: vec![namespace("a"), namespace("b")], more_namespaces: 3, ..one.clone() };
        for (hits, expected) in [
            (Known::Unknown, "? pods"),
            (Known::Denied, "? pods"),
            (Known::Exact(Hits::default()), "no pods"),
            (Known::AtLeast(Hits::default()), "≥0 pods"),
            (Known::Exact(one.clone()), "1 pod · in train"),
            (Known::AtLeast(one), "≥1 pods · in train"),
            (Known::Exact(up_to.clone()), "up to 1,200 pods · in train · 1 GPU"),
            (Known::AtLeast(up_to), "up to ≥1,200 pods · in train · ≥1 GPU"),
            (Known::Exact(many), "1 pod · llm-70b 1 of ≥3 +2 gangs"),
            (Known::Exact(two), "1 pod · in 5 namespaces"),
        ] {
            assert_eq!(text(&hits, 80), expected);
        }
    }
}
