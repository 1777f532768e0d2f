//! Facts of `metrics.k8s.io`: resource usage of nodes.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::json::{Amount, Obj, Text, Time};
use super::message::message;
use super::quantity::Quantity;
use super::text::Clean;
use super::wire::{self, DecodeError, ObjectMeta, Sink};

/// Resource usage of one node, from a `metrics.k8s.io/v1beta1` `NodeMetrics`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeUsage {
    /// `metadata.name`: the node's name.
    pub name: Clean,
    /// `usage.cpu`: cores, the average over the window; `None` if absent, negative or unreadable.
    pub cpu: Option<Quantity>,
    /// `usage.memory`: bytes of the working set at the timestamp; `None` if absent, negative or unreadable.
    pub memory: Option<Quantity>,
    /// `timestamp`: the end of the window, by the server's clock.
    pub at: Option<Timestamp>,
    /// `window`; `None` if absent or unreadable.
    pub window: Option<Duration>,
}

/// Decodes the JSON response of `/apis/metrics.k8s.io/v1beta1/nodes`.
///
/// # Errors
/// [`DecodeError`] if the body is not a list; an unreadable node is left out, as if the list did not contain it.
pub fn decode_list(body: &[u8]) -> Result<Vec<NodeUsage>, DecodeError> {
    let mut usages = UsageSink(Vec::new());
    wire::decode_list(body, &mut usages)?;
    Ok(usages.0)
}

struct UsageSink(Vec<NodeUsage>);

impl Sink for UsageSink {
    type Raw<'a> = RawNodeMetrics<'a>;
    const KIND: &'static str = "NodeMetrics";

    fn take(&mut self, raw: &RawNodeMetrics<'_>) -> bool {
        let readable = Self::is_readable(&raw.kind, &raw.metadata.0.name);
        if readable {
            self.0.push(NodeUsage {
                name: Clean::new(&raw.metadata.0.name),
                cpu: known(raw.usage.0.cpu, Quantity::milli),
                memory: known(raw.usage.0.memory, Quantity::value),
                at: raw.timestamp.0,
                window: go_duration(&raw.window),
            });
        }
        readable
    }
}

message! {
    /// `NodeMetrics`; only JSON is requested.
    struct RawNodeMetrics<'a> {
        kind: Text<'a> = "kind",
        metadata: Obj<ObjectMeta<'a>> = "metadata",
        timestamp: Time = "timestamp",
        window: Text<'a> = "window",
        usage: Obj<RawUsage> = "usage",
    }

    /// `usage`, a `ResourceList`.
    struct RawUsage {
        cpu: Amount = "cpu",
        memory: Amount = "memory",
    }
}

/// Usage that is plausible in the unit that the screen shows: not negative, and within 64 bits.
fn known(amount: Amount, unit: fn(Quantity) -> i64) -> Option<Quantity> {
    match amount {
        Amount::Known(amount) => Some(amount).filter(|amount| (0..i64::MAX).contains(&unit(*amount))),
        Amount::Absent | Amount::Unreadable => None,
    }
}

/// Parses a `metav1.Duration` as Go writes it: `20.03s`, `1m0s`.
fn go_duration(text: &str) -> Option<Duration> {
    let (mut rest, mut seconds) = (text, 0.0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let amount: f64 = rest[..digits].parse().ok()?;
        let unit = rest[digits..].find(|c: char| c.is_ascii_digit()).map_or(rest.len(), |len| digits + len);
        let factor = match &rest[digits..unit] {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            "us" | "µs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        seconds += amount * factor;
        rest = &rest[unit..];
    }
    if text.is_empty() { None } else { Duration::try_from_secs_f64(seconds).ok() }
}

#[cfg(test)]
mod tests;
