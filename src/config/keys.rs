//! Known keys of the configuration, for suggestions when a key is unknown.

use super::DEFAULTS;
use crate::action::ACTIONS;

/// Every key with its section, `probe.period`, and every section of the defaults, and the names of actions.
pub(super) fn known() -> Vec<String> {
    let mut known = Vec::new();
    let mut section = String::new();
    for line in DEFAULTS.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(name, _)| name) {
            name.clone_into(&mut section);
            known.push(section.clone());
        // Optional keys are comments in the defaults.
        } else if let Some((key, _)) = line.trim_start_matches('#').split_once('=')
            && is_key(key.trim())
        {
            known.push(format!("{section}.{}", key.trim()));
        }
    }
    known.extend(["cluster", "cluster.alerts", "cluster.timeouts"].map(str::to_owned));
    known.extend(ACTIONS.iter().map(|action| format!("keys.{}", action.name)));
    known.sort_unstable();
    known.dedup();
    known
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// The known key that is most similar to `key`, if any is: a third of its letters may be wrong. A key of one context
/// (`cluster.NAME.alerts.slow-call`) is compared without the name.
pub(super) fn nearest(key: &str, known: &[String]) -> Option<String> {
    let (before, rest) = of_cluster(key).unwrap_or(("", key));
    let last = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let distance = |known: &&String| {
        // A key in the wrong section counts like one that is misspelled.
        let whole = strsim::damerau_levenshtein(known, rest);
        let moved =
            if known.contains('.') { 1 + strsim::damerau_levenshtein(&last(known), &last(rest)) } else { whole };
        (whole.min(moved), whole)
    };
    let best = known.iter().min_by_key(distance)?;
    let (near, _) = distance(&best);
    (near <= (last(rest).len() / 3).max(2)).then(|| format!("{before}{best}"))
}

/// Splits a key into `cluster.NAME.` and the rest; the name may contain dots.
fn of_cluster(key: &str) -> Option<(&str, &str)> {
    let rest = key.strip_prefix("cluster.")?;
    let at = ["alerts", "timeouts"].iter().find_map(|section| rest.rfind(&format!(".{section}.")));
    let at = at.or_else(|| rest.rfind('.'))?;
    Some(key.split_at("cluster.".len() + at + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_mistyped_is_answered_with_the_nearest_known_one() {
        let known = known();
        for (typed, meant) in [
            ("probe.perod", Some("probe.period")),
            ("prob", Some("probe")),
            ("alerts.slow-cal", Some("alerts.slow-call")),
            ("alerts.timeouts_over", Some("alerts.timeouts-over")),
            ("clusters.protobuff", Some("clusters.protobuf")),
            ("alerts.period", Some("probe.period")),
            ("cluster.far.away.alerts.probe-p59", Some("cluster.far.away.alerts.probe-p95")),
            ("display.colour", Some("display.color")),
            ("something.else-altogether", None),
            ("x", None),
        ] {
            assert_eq!(nearest(typed, &known).as_deref(), meant, "{typed}");
        }
    }
}
