//! Steps of a scenario's script: faults and changes, read from TOML.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::ScenarioCluster;
use super::bounds::{self, duration, optional_duration};
use crate::sim::fault::{self, Fault, FaultKind, FaultMatch, WireEnd};

/// One step of the script.
#[derive(Clone, Debug)]
pub(in crate::sim) struct ScriptStep {
    /// Context of the cluster; all clusters if absent.
    pub(in crate::sim) cluster: Option<Spanned<String>>,
    pub(in crate::sim) at: Duration,
    /// The end; a change without an end stays until the script repeats.
    pub(in crate::sim) until: Option<Duration>,
    pub(in crate::sim) kind: StepKind,
}

/// The fault or the change of a step.
#[derive(Clone, Debug)]
pub(in crate::sim) enum StepKind {
    Fault(Fault),
    Flap { node: Spanned<String>, period: Duration },
    NodeLost { node: Spanned<String> },
    GpusWithdrawn { node: Spanned<String>, count: u32 },
    Cordon { node: Spanned<String> },
    PodsBurst { count: u32 },
    BlackHole { node: Spanned<String>, period: Duration, workloads: Vec<String> },
    CloseWatches { resource: Option<String> },
}

impl ScriptStep {
    /// Returns `true` if the step is for this cluster.
    pub(in crate::sim) fn applies_to(&self, cluster: &ScenarioCluster) -> bool {
        self.cluster.as_ref().is_none_or(|named| named.get_ref() == cluster.context.get_ref())
    }
}

/// The TOML of a step, before it is checked and becomes a [`ScriptStep`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepText {
    cluster: Option<Spanned<String>>,
    #[serde(deserialize_with = "duration")]
    at: Duration,
    #[serde(default, deserialize_with = "optional_duration")]
    until: Option<Duration>,
    #[serde(default, rename = "for", deserialize_with = "optional_duration")]
    lasts: Option<Duration>,
    fault: Option<String>,
    change: Option<String>,
    #[serde(default, rename = "match")]
    matching: FaultMatch,
    probability: Option<f64>,
    #[serde(default, deserialize_with = "optional_duration")]
    delay: Option<Duration>,
    after_bytes: Option<u64>,
    end: Option<WireEnd>,
    bytes: Option<u64>,
    #[serde(default, deserialize_with = "optional_duration")]
    every: Option<Duration>,
    headers: Option<BTreeMap<String, String>>,
    body: Option<String>,
    bytes_per_second: Option<u64>,
    status: Option<u16>,
    #[serde(default, deserialize_with = "optional_duration")]
    retry_after: Option<Duration>,
    message: Option<String>,
    node: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "optional_duration")]
    period: Option<Duration>,
    count: Option<u32>,
    #[serde(default)]
    workloads: Vec<String>,
}

impl<'de> Deserialize<'de> for ScriptStep {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = StepText::deserialize(deserializer)?;
        text.read().map_err(serde::de::Error::custom)
    }
}

impl StepText {
    fn read(self) -> Result<ScriptStep, String> {
        let until = self.until.or(self.lasts.map(|lasts| self.at + lasts));
        if until.is_some_and(|until| until <= self.at) {
            return Err("`until` must be later than `at`".to_owned());
        }
        let (cluster, at) = (self.cluster.clone(), self.at);
        let act = match (self.fault.as_deref(), self.change.as_deref()) {
            (Some(fault), None) => self.fault(fault)?,
            (None, Some(change)) => self.change(change)?,
            _ => return Err("a step has either a `fault` or a `change`".to_owned()),
        };
        Ok(ScriptStep { cluster, at, until, kind: act })
    }

    fn fault(&self, name: &str) -> Result<StepKind, String> {
        let need = |key: &str| format!("fault `{name}` needs `{key}`");
        let after_bytes = self.after_bytes.ok_or_else(|| need("after_bytes"));
        let kind = match name {
            "delay" => FaultKind::Delay(self.delay.ok_or_else(|| need("delay"))?),
            "stall" => FaultKind::Stall { after_bytes: after_bytes? },
            "cut" => FaultKind::Cut { after_bytes: after_bytes? },
            "throttle" => {
                let bytes_per_second = self.bytes_per_second.filter(|b| *b > 0);
                FaultKind::Throttle { bytes_per_second: bytes_per_second.ok_or_else(|| need("bytes_per_second"))? }
            }
            "status" => FaultKind::Status {
                code: self.status.filter(|s| (400..600).contains(s)).ok_or_else(|| need("status"))?,
                retry_after: self.retry_after,
                message: self.message.clone(),
            },
            "drip" => FaultKind::Drip {
                bytes: self.bytes.filter(|b| *b > 0).ok_or_else(|| need("bytes"))?,
                every: self.every.ok_or_else(|| need("every"))?,
            },
            "wire" => FaultKind::Wire { after_bytes: after_bytes?, end: self.end.ok_or_else(|| need("end"))? },
            "gzip-members" => FaultKind::GzipMembers {
                count: at_most(bounds::MEMBERS, self.count.filter(|n| *n > 0).ok_or_else(|| need("count"))?)?,
            },
            "gzip-corrupt" => FaultKind::GzipCorrupt,
            "answer" => FaultKind::Answer {
                code: self.status.filter(|s| (200..600).contains(s)).ok_or_else(|| need("status"))?,
                headers: self.headers()?,
                body: self.body.clone().unwrap_or_default(),
            },
            "headers" => {
                let headers = self.headers()?;
                if headers.is_empty() {
                    return Err(need("headers"));
                }
                FaultKind::Headers(headers)
            }
            "freeze" => FaultKind::Freeze,
            "refuse" => FaultKind::Refuse,
            "black-hole" => FaultKind::BlackHole,
            "accept-only" => FaultKind::AcceptOnly,
            "gone" => FaultKind::Gone,
            "watch-close" => FaultKind::WatchClose,
            "watch-expired" => FaultKind::WatchExpired,
            "watch-silent" => FaultKind::WatchSilent,
            _ => {
                return Err(format!(
                    "no fault `{name}`; there are delay, stall, cut, throttle, drip, wire, gzip-members, gzip-corrupt, status, \
                     answer, headers, freeze, refuse, black-hole, accept-only, gone, watch-close, watch-expired, watch-silent"
                ));
            }
        };
        let probability = self.probability.unwrap_or(1.0);
        if !(0.0..=1.0).contains(&probability) {
            return Err("`probability` lies between 0 and 1".to_owned());
        }
        Ok(StepKind::Fault(Fault { matching: self.matching.clone(), kind, probability, lasts: None }))
    }

    /// Headers that can be sent.
    fn headers(&self) -> Result<Vec<(String, String)>, String> {
        let headers: Vec<_> = self.headers.clone().unwrap_or_default().into_iter().collect();
        match headers.iter().find(|(name, value)| !fault::is_valid_header(name, value)) {
            Some((name, _)) => Err(format!("`headers`: `{name}` cannot be sent")),
            None => Ok(headers),
        }
    }

    fn change(&self, name: &str) -> Result<StepKind, String> {
        let need = |key: &str| format!("change `{name}` needs `{key}`");
        let node = self.node.clone().ok_or_else(|| need("node"));
        Ok(match name {
            "node-flap" => StepKind::Flap {
                node: node?,
                period: self.period.filter(|p| *p >= Duration::from_secs(1)).ok_or_else(|| need("period"))?,
            },
            "node-lost" => StepKind::NodeLost { node: node? },
            "gpus-withdrawn" => {
                StepKind::GpusWithdrawn { node: node?, count: self.count.ok_or_else(|| need("count"))? }
            }
            "cordon" => StepKind::Cordon { node: node? },
            "pods-burst" => {
                StepKind::PodsBurst { count: at_most(bounds::BURST, self.count.ok_or_else(|| need("count"))?)? }
            }
            "black-hole" => StepKind::BlackHole {
                node: node?,
                period: self.period.filter(|p| *p >= Duration::from_secs(1)).ok_or_else(|| need("period"))?,
                workloads: self.workloads.clone(),
            },
            "close-watches" => StepKind::CloseWatches { resource: self.matching.resource.clone() },
            _ => {
                return Err(format!(
                    "no change `{name}`; there are node-flap, node-lost, gpus-withdrawn, cordon, pods-burst, black-hole, close-watches"
                ));
            }
        })
    }
}

fn at_most(most: u32, count: u32) -> Result<u32, String> {
    if count <= most { Ok(count) } else { Err(format!("`count` is {count}; write at most {most}")) }
}
