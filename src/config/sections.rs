//! The sections of the file.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::Ascii;
use super::alerts::AlertSection;
use super::duration::ConfigDuration;
use super::namespaces::Namespaces;
use super::timeouts::TimeoutSection;
use crate::cli::Color;
use crate::cluster::LeaseWatch;
use crate::facts::accelerator::Kind;
use crate::model::settings::Settings;
use crate::notify::Notify;

/// Maximum number of probes of a series in the latency window; the model keeps no more (`model::derive::latency`).
const MOST_SAMPLES: u128 = 4096;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct File {
    pub(super) clusters: ClustersSection,
    pub(super) alerts: AlertSection,
    #[serde(deserialize_with = "probe")]
    pub(super) probe: ProbeSection,
    pub(super) optional: OptionalSection,
    pub(super) tell: NotifySection,
    pub(super) display: DisplaySection,
    pub(super) keys: BTreeMap<String, Spanned<Vec<String>>>,
    pub(super) accelerators: BTreeMap<String, Kind>,
    pub(super) conditions: ConditionsSection,
    pub(super) timeouts: TimeoutSection,
    pub(super) cluster: BTreeMap<String, ClusterSection>,
}

/// `[cluster.NAME]`: settings of one context.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ClusterSection {
    pub(super) alerts: AlertSection,
    #[serde(rename = "watch-list")]
    pub(super) watch_list: Option<bool>,
    pub(super) namespaces: Option<Namespaces>,
    pub(super) timeouts: TimeoutSection,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ClustersSection {
    pub(super) contexts: Option<Vec<String>>,
    pub(super) namespaces: Option<Namespaces>,
    pub(super) protobuf: Option<bool>,
    #[serde(rename = "watch-list")]
    pub(super) watch_list: Option<bool>,
    #[serde(rename = "exec-allow")]
    pub(super) exec_allow: Option<Vec<String>>,
    #[serde(rename = "max-objects")]
    pub(super) max_objects: Option<NonZeroU32>,
    #[serde(rename = "max-mib")]
    pub(super) max_mib: Option<NonZeroU32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ProbeSection {
    pub(super) period: Option<ConfigDuration>,
    pub(super) deadline: Option<ConfigDuration>,
    pub(super) window: Option<ConfigDuration>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct OptionalSection {
    pub(super) usage: Option<bool>,
    pub(super) dra: Option<bool>,
    pub(super) leases: Option<LeaseWatch>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct NotifySection {
    pub(super) bell: Option<bool>,
    pub(super) notify: Option<Notify>,
    #[serde(alias = "on_alert")]
    pub(super) on_alert: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct DisplaySection {
    pub(super) color: Option<Color>,
    pub(super) ascii: Option<Ascii>,
}

/// `[conditions]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ConditionsSection {
    pub(super) good: Option<Vec<String>>,
}

/// Reads `[probe]` and checks that its values are consistent.
fn probe<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ProbeSection, D::Error> {
    let section = ProbeSection::deserialize(deserializer)?;
    let defaults = Settings::default();
    let or = |span: Option<ConfigDuration>, default| span.map_or(default, |span| span.0);
    let period = or(section.period, defaults.probe_period);
    let deadline = or(section.deadline, defaults.probe_deadline);
    let window = or(section.window, defaults.latency_window);
    // Each tick gives one sample, so a probe must end before the next one is due.
    let text = if deadline > period {
        format!("`deadline` ({deadline:?}) is above `period` ({period:?}); write both, the deadline at most the period")
    } else if window.as_nanos() > period.as_nanos() * MOST_SAMPLES {
        format!(
            "`window` ({window:?}) is more than {MOST_SAMPLES} times `period` ({period:?}), and not so many samples are kept; \
             write a shorter window or a longer period"
        )
    } else {
        return Ok(section);
    };
    Err(serde::de::Error::custom(text))
}
