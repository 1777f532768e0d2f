//! `[alerts]` and `[cluster.NAME.alerts]`: the thresholds of alerts, for all clusters and for each one.

use serde::{Deserialize, Deserializer};

use super::duration::ConfigDuration;
use super::replace;
use crate::model::settings::Settings;

/// Changes of one node that are remembered: more cannot be counted.
const MOST_CHANGES: u16 = 60;

/// One such section as it is written; keys that are not there change nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct AlertSection {
    slow_call: Option<ConfigDuration>,
    slow_call_clear: Option<ConfigDuration>,
    timeouts_over: Option<u32>,
    timeouts_window: Option<ConfigDuration>,
    timeouts_clear: Option<u32>,
    timeouts_quiet: Option<ConfigDuration>,
    #[serde(deserialize_with = "ticks")]
    unreachable_ticks: Option<u16>,
    throttled_warning: Option<u16>,
    stale_after: Option<ConfigDuration>,
    probe_p95: Option<ConfigDuration>,
    probe_p95_clear: Option<ConfigDuration>,
    probe_p95_for: Option<ConfigDuration>,
    #[serde(deserialize_with = "changes")]
    flapping_over: Option<u16>,
    gpus_missing_for: Option<ConfigDuration>,
    #[serde(deserialize_with = "density")]
    pod_density: Option<u8>,
    #[serde(deserialize_with = "density")]
    pod_density_clear: Option<u8>,
    pod_density_for: Option<ConfigDuration>,
    ack_expires: Option<ConfigDuration>,
    silence_for: Option<ConfigDuration>,
}

impl AlertSection {
    /// Overrides `settings` with the keys of this section.
    pub(super) fn apply(&self, settings: &mut Settings) {
        let spans = [
            (&mut settings.slow_call, self.slow_call),
            (&mut settings.slow_call_clear, self.slow_call_clear),
            (&mut settings.timeouts_window, self.timeouts_window),
            (&mut settings.timeouts_quiet, self.timeouts_quiet),
            (&mut settings.stale_after, self.stale_after),
            (&mut settings.probe_p95, self.probe_p95),
            (&mut settings.probe_p95_clear, self.probe_p95_clear),
            (&mut settings.probe_p95_for, self.probe_p95_for),
            (&mut settings.gpus_missing_for, self.gpus_missing_for),
            (&mut settings.pod_density_for, self.pod_density_for),
            (&mut settings.ack_expires, self.ack_expires),
            (&mut settings.silence_for, self.silence_for),
        ];
        for (field, value) in spans {
            replace(field, value.map(|span| span.0));
        }
        replace(&mut settings.timeouts_over, self.timeouts_over);
        replace(&mut settings.timeouts_clear, self.timeouts_clear);
        replace(&mut settings.unreachable_ticks, self.unreachable_ticks);
        replace(&mut settings.throttled_warning, self.throttled_warning);
        replace(&mut settings.flapping_over, self.flapping_over);
        replace(&mut settings.pod_density_pct, self.pod_density);
        replace(&mut settings.pod_density_clear_pct, self.pod_density_clear);
        // A lower threshold for raising an alert lowers the one for clearing it: otherwise the alert would never clear.
        settings.slow_call_clear = settings.slow_call_clear.min(settings.slow_call);
        settings.timeouts_clear = settings.timeouts_clear.min(settings.timeouts_over);
        settings.probe_p95_clear = settings.probe_p95_clear.min(settings.probe_p95);
        settings.pod_density_clear_pct = settings.pod_density_clear_pct.min(settings.pod_density_pct);
    }
}

/// At least one: with none, a server would be unreachable between two answers.
fn ticks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    let ticks = u16::deserialize(deserializer)?;
    if ticks == 0 {
        return Err(serde::de::Error::custom("`unreachable-ticks` is `0`; write at least `1`"));
    }
    Ok(Some(ticks))
}

fn changes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    let changes = u16::deserialize(deserializer)?;
    if changes > MOST_CHANGES {
        let text = format!("`flapping-over` is `{changes}`; write at most `{MOST_CHANGES}`");
        return Err(serde::de::Error::custom(text));
    }
    Ok(Some(changes))
}

fn density<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u8>, D::Error> {
    let percent = u8::deserialize(deserializer)?;
    if percent > 100 {
        let text = format!("a pod density is in per cent of a node's allocatable pods, and `{percent}` is over 100");
        return Err(serde::de::Error::custom(text));
    }
    Ok(Some(percent))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::DEFAULTS;
    use super::super::tests::load;

    #[test]
    fn every_threshold_has_its_default_in_the_embedded_file() {
        let section = DEFAULTS.split("[alerts]").nth(1).unwrap().split("\n[").next().unwrap();
        let keys = section.lines().filter(|line| !line.starts_with('#') && line.contains(" = ")).count();
        assert_eq!(keys, 19);
    }

    #[test]
    fn a_cluster_has_thresholds_of_its_own_over_those_of_all() {
        let config = load(
            "[alerts]\nslow-call = \"20s\"\ntimeouts-over = 5\n\
             [cluster.\"far-away\".alerts]\nslow-call = \"40s\"\npod-density = 80\n",
        )
        .unwrap();
        assert_eq!(config.warnings, Vec::<String>::new());
        let (near, far) = (config.thresholds("near"), config.thresholds("far-away"));
        let s = Duration::from_secs;
        assert_eq!((near.slow_call, near.timeouts_over, near.pod_density_pct), (s(20), 5, 95));
        assert_eq!((far.slow_call, far.timeouts_over, far.pod_density_pct), (s(40), 5, 80));
        assert_eq!(far.stale_after, s(300), "the rest are defaults");
    }

    #[test]
    fn an_alert_that_is_raised_earlier_is_never_cleared_above_that() {
        let config = load("[alerts]\nslow-call = \"2s\"\ntimeouts-over = 1\npod-density = 50\nprobe-p95 = \"200ms\"\n");
        let settings = config.unwrap().thresholds("any");
        assert_eq!(settings.slow_call_clear, Duration::from_secs(2));
        assert_eq!(settings.probe_p95_clear, Duration::from_millis(200));
        assert_eq!((settings.timeouts_clear, settings.pod_density_clear_pct), (1, 50));
    }

    #[test]
    fn wrong_thresholds_name_file_line_and_key() {
        for (line, key) in [
            ("slow-call = 10", "slow-call"),
            ("stale-after = \"0s\"", "stale-after"),
            ("timeouts-over = -1", "timeouts-over"),
            ("unreachable-ticks = 0", "unreachable-ticks"),
            ("flapping-over = 900", "flapping-over"),
            ("pod-density = 101", "pod-density"),
            ("pod-density-clear = \"90 %\"", "pod-density-clear"),
        ] {
            for section in ["alerts", "cluster.prod.alerts"] {
                let error = load(&format!("[{section}]\n{line}\n")).unwrap_err().to_string();
                let named = error.contains("config.toml") && error.contains("line 2") && error.contains(key);
                assert!(named, "{line}: {error}");
            }
        }
        let config = load("[cluster.prod.alerts]\nslow-cal = \"3s\"\n").unwrap();
        assert!(config.warnings[0].contains("cluster.prod.alerts.slow-cal"), "{:?}", config.warnings);
    }
}
