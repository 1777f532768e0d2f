//! `[alerts]` and `[cluster.NAME.alerts]`: the thresholds of alerts, for all clusters and for each one.

use std::fmt;
use std::time::Duration;

use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::duration::ConfigDuration;
use super::replace;
use crate::model::rules::{THRESHOLDS, alert_thresholds};
use crate::model::settings::Settings;

/// Declares [`AlertSection`] with a key for each threshold.
macro_rules! section {
    ($($(#[$doc:meta])* $field:ident: $type:ty = $default:expr, $key:literal, $bounds:expr $(, at most $cap:ident)?;)*) => {
        /// One such section; missing keys change nothing.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub(super) struct AlertSection {
            $($field: Option<$type>,)*
        }

        impl AlertSection {
            /// Overrides `settings` with the keys of this section.
            pub(super) fn apply(&self, settings: &mut Settings) {
                $(replace(&mut settings.$field, self.$field);)*
                settings.lower_clearing();
            }
        }

        impl<'de> Visitor<'de> for SectionVisitor {
            type Value = AlertSection;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("struct AlertSection")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AlertSection, A::Error> {
                let mut section = AlertSection::default();
                while let Some(key) = map.next_key::<String>()? {
                    match &*key {
                        $($key => section.$field = Some(map.next_value_seed(ThresholdSeed::new($key))?),)*
                        _ => _ = map.next_value::<IgnoredAny>()?,
                    }
                }
                Ok(section)
            }
        }

        impl<'de> Deserialize<'de> for AlertSection {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_struct("AlertSection", &[$($key),*], SectionVisitor)
            }
        }
    };
}
alert_thresholds!(section);

/// Reads a section key by key.
struct SectionVisitor;

/// Reads the value of one key and checks its bounds.
struct ThresholdSeed<T> {
    key: &'static str,
    value: std::marker::PhantomData<T>,
}

impl<T> ThresholdSeed<T> {
    fn new(key: &'static str) -> Self {
        Self { key, value: std::marker::PhantomData }
    }
}

/// Value of a threshold.
trait ThresholdValue: Sized {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;

    /// Number whose bounds are checked; `None` for a duration.
    fn number(&self) -> Option<u64>;
}

impl<'de, T: ThresholdValue> DeserializeSeed<'de> for ThresholdSeed<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        let value = T::read(deserializer)?;
        if let (Some(number), Some(row)) = (value.number(), THRESHOLDS.iter().find(|row| row.key == self.key)) {
            row.bounds.check(self.key, number).map_err(D::Error::custom)?;
        }
        Ok(value)
    }
}

impl ThresholdValue for Duration {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ConfigDuration::deserialize(deserializer).map(|span| span.0)
    }

    fn number(&self) -> Option<u64> {
        None
    }
}

macro_rules! numbers {
    ($($type:ty)*) => {$(
        impl ThresholdValue for $type {
            fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::deserialize(deserializer)
            }

            fn number(&self) -> Option<u64> {
                Some(u64::from(*self))
            }
        }
    )*};
}
numbers! { u8 u16 u32 }

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::DEFAULTS;
    use super::super::tests::load;
    use super::THRESHOLDS;

    #[test]
    fn every_threshold_has_its_default_in_the_embedded_file() {
        let section = DEFAULTS.split("[alerts]").nth(1).unwrap().split("\n[").next().unwrap();
        let lines = section.lines().filter(|line| !line.starts_with('#'));
        let mut keys: Vec<&str> = lines.filter_map(|line| line.split_once(" = ").map(|(key, _)| key)).collect();
        let mut declared: Vec<&str> = THRESHOLDS.iter().map(|threshold| threshold.key).collect();
        keys.sort_unstable();
        declared.sort_unstable();
        assert_eq!(keys, declared, "assets/config.toml has a line for each threshold");
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
