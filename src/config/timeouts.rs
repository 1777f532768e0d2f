//! `[timeouts]` and `[cluster.NAME.timeouts]`: deadlines, page sizes and tiers of the cluster tasks.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::duration::ConfigDuration;
use super::replace;
use crate::cluster::{Between, Tier, Tiers, Tuning};

/// One such section; missing keys change nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct TimeoutSection {
    connect: Option<ConfigDuration>,
    #[serde(deserialize_with = "tiers")]
    page_by_nodes: Option<Vec<Tier>>,
    page_while_unknown: Option<ConfigDuration>,
    #[serde(deserialize_with = "percent")]
    tier_hysteresis_pct: Option<u32>,
    page_cap: Option<ConfigDuration>,
    #[serde(deserialize_with = "range")]
    body_idle: Option<Between<Duration>>,
    body_slowest: Option<u64>,
    page_budget: Option<ConfigDuration>,
    #[serde(deserialize_with = "retries")]
    page_retries: Option<Vec<Duration>>,
    #[serde(deserialize_with = "sizes")]
    page_sizes: Option<Vec<u32>>,
    backoff_first: Option<ConfigDuration>,
    backoff_cap: Option<ConfigDuration>,
    retry_after_cap: Option<ConfigDuration>,
    denied_period: Option<ConfigDuration>,
    denied_grace: Option<ConfigDuration>,
    #[serde(deserialize_with = "range")]
    poll_period: Option<Between<Duration>>,
    watch_headers: Option<ConfigDuration>,
    watch_silence: Option<ConfigDuration>,
    watch_silence_cap: Option<ConfigDuration>,
    exec: Option<ConfigDuration>,
}

impl TimeoutSection {
    /// Overrides `tuning` with the keys of this section.
    pub(super) fn apply(&self, tuning: &mut Tuning) {
        let spans = [
            (&mut tuning.connect_deadline, self.connect),
            (&mut tuning.tiers.unknown, self.page_while_unknown),
            (&mut tuning.page_cap, self.page_cap),
            (&mut tuning.page_budget, self.page_budget),
            (&mut tuning.backoff_first, self.backoff_first),
            (&mut tuning.backoff_cap, self.backoff_cap),
            (&mut tuning.retry_after_cap, self.retry_after_cap),
            (&mut tuning.denied_period, self.denied_period),
            (&mut tuning.denied_grace, self.denied_grace),
            (&mut tuning.watch_headers, self.watch_headers),
            (&mut tuning.watch_silence, self.watch_silence),
            (&mut tuning.watch_silence_cap, self.watch_silence_cap),
            (&mut tuning.exec_deadline, self.exec),
        ];
        for (field, value) in spans {
            replace(field, value.map(|span| span.0));
        }
        let Tiers { steps, hysteresis_pct, .. } = &mut tuning.tiers;
        replace(steps, self.page_by_nodes.clone());
        replace(hysteresis_pct, self.tier_hysteresis_pct);
        replace(&mut tuning.page_retries, self.page_retries.clone());
        replace(&mut tuning.page_sizes, self.page_sizes.clone());
        replace(&mut tuning.poll_period, self.poll_period);
        replace(&mut tuning.idle, self.body_idle);
        replace(&mut tuning.slowest_body, self.body_slowest);
    }
}

/// Reads `[{ nodes = 0, page = "15s" }, …]`: in ascending order, the first for 0 nodes.
fn tiers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Tier>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct TierEntry {
        nodes: u32,
        page: ConfigDuration,
    }

    let tiers = Vec::<TierEntry>::deserialize(deserializer)?;
    if tiers.first().is_none_or(|tier| tier.nodes != 0) || !tiers.is_sorted_by(|a, b| a.nodes < b.nodes) {
        let text = "`page-by-nodes` must begin with `nodes = 0` and ascend: `[{ nodes = 0, page = \"15s\" }]`";
        return Err(serde::de::Error::custom(text));
    }
    Ok(Some(tiers.into_iter().map(|tier| Tier { nodes: tier.nodes, deadline: tier.page.0 }).collect()))
}

fn percent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let percent = u32::deserialize(deserializer)?;
    if percent > 50 {
        let text = format!("`tier-hysteresis-pct` is `{percent}`; write at most `50`");
        return Err(serde::de::Error::custom(text));
    }
    Ok(Some(percent))
}

/// Reads the delays of retries; an empty list means one attempt.
fn retries<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<Duration>>, D::Error> {
    let waits = Vec::<ConfigDuration>::deserialize(deserializer)?;
    if waits.len() > 10 {
        return Err(serde::de::Error::custom("`page-retries` has more than 10 waits; the outer backoff does the rest"));
    }
    Ok(Some(waits.into_iter().map(|wait| wait.0).collect()))
}

/// Reads page sizes: at least one, descending, because an overloaded server must not be asked for more.
fn sizes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u32>>, D::Error> {
    let sizes = Vec::<u32>::deserialize(deserializer)?;
    if sizes.is_empty() || sizes.contains(&0) || !sizes.is_sorted_by(|a, b| a > b) {
        return Err(serde::de::Error::custom("`page-sizes` must descend and end above 0: `[500, 250, 100, 50]`"));
    }
    Ok(Some(sizes))
}

fn range<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Between<Duration>>, D::Error> {
    let [low, high] = <[ConfigDuration; 2]>::deserialize(deserializer)?;
    if low.0 > high.0 {
        return Err(serde::de::Error::custom("a range is `[shortest, longest]`: `[\"30s\", \"60s\"]`"));
    }
    Ok(Some(Between::new(low.0, high.0)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::load;
    use super::super::{Config, DEFAULTS};
    use super::*;

    #[test]
    fn the_embedded_timeouts_are_what_the_tasks_default_to() {
        assert_eq!(Config::defaults().tuning("any"), Tuning::default());
        let section = DEFAULTS.split("[timeouts]").nth(1).unwrap().split("\n[").next().unwrap();
        let keys = section.lines().filter(|line| !line.starts_with('#') && line.contains(" = ")).count();
        assert_eq!(keys, 20, "every key has its default in the file");
    }

    #[test]
    fn a_cluster_has_timeouts_of_its_own_over_those_of_all() {
        let config = load(
            "[timeouts]\nconnect = \"3s\"\npage-cap = \"50s\"\n\
             [cluster.\"far-away\".timeouts]\nconnect = \"20s\"\npage-by-nodes = [{ nodes = 0, page = \"40s\" }]\n",
        )
        .unwrap();
        assert_eq!(config.warnings, Vec::<String>::new());
        let s = Duration::from_secs;
        let near = config.tuning("near");
        assert_eq!((near.connect_deadline, near.page_cap), (s(3), s(50)));
        assert_eq!(near.tiers, Tiers::default());
        let far = config.tuning("far-away");
        assert_eq!((far.connect_deadline, far.page_cap), (s(20), s(50)));
        assert_eq!(far.tiers.steps, [Tier { nodes: 0, deadline: s(40) }]);
        assert_eq!(far.page_sizes, [500, 250, 100, 50], "the rest are defaults");
    }

    #[test]
    fn wrong_timeouts_name_line_and_key() {
        for (line, key) in [
            ("page-by-nodes = [{ nodes = 5, page = \"15s\" }]", "page-by-nodes"),
            ("page-by-nodes = [{ nodes = 0, page = \"15s\" }, { nodes = 0, page = \"1s\" }]", "page-by-nodes"),
            ("page-by-nodes = [{ nodes = 0 }]", "page"),
            ("tier-hysteresis-pct = 90", "tier-hysteresis-pct"),
            ("page-sizes = []", "page-sizes"),
            ("page-sizes = [50, 500]", "page-sizes"),
            ("page-retries = [\"soon\"]", "page-retries"),
            ("poll-period = [\"60s\", \"30s\"]", "poll-period"),
            ("body-idle = [\"15s\", \"10s\"]", "body-idle"),
            ("body-slowest = \"fast\"", "body-slowest"),
            ("watch-silence = \"0s\"", "watch-silence"),
            ("connect = 10", "connect"),
        ] {
            for section in ["timeouts", "cluster.prod.timeouts"] {
                let error = load(&format!("[{section}]\n{line}\n")).unwrap_err().to_string();
                assert!(error.contains("line 2") && error.contains(key), "{line}: {error}");
            }
        }
        let config = load("[cluster.prod.timeouts]\nconect = \"1s\"\n").unwrap();
        assert!(config.warnings[0].contains("cluster.prod.timeouts.conect"), "{:?}", config.warnings);
    }
}
