//! What we keep of `metrics.k8s.io`: what nodes use.

use std::time::Duration;

use jiff::Timestamp;
use serde::de::MapAccess;
use serde::{Deserialize, Serialize};

use super::json::{Amount, Obj, Slim, Text, Time, skip};
use super::proto::{Malformed, Message, Value};
use super::quantity::Quantity;
use super::text::Clean;
use super::wire::{self, DecodeError, Meta, Sink};

/// What one node uses, from a `metrics.k8s.io/v1beta1` `NodeMetrics`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeUsage {
    /// `metadata.name`: the node's.
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

/// The answer of `/apis/metrics.k8s.io/v1beta1/nodes`, JSON.
///
/// # Errors
/// [`DecodeError`] if the body is not a list at all; a node that cannot be read is left out, as if the list did not have it.
pub fn decode_list(body: &[u8]) -> Result<Vec<NodeUsage>, DecodeError> {
    let mut all = All(Vec::new());
    wire::each(body, &mut all)?;
    Ok(all.0)
}

struct All(Vec<NodeUsage>);

impl Sink for All {
    type Raw<'a> = Raw<'a>;
    const KIND: &'static str = "NodeMetrics";

    fn take(&mut self, raw: Raw<'_>) -> bool {
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

#[derive(Default)]
struct Raw<'a> {
    kind: Text<'a>,
    metadata: Obj<Meta<'a>>,
    timestamp: Time,
    window: Text<'a>,
    usage: Obj<RawUsage>,
}

#[derive(Default)]
struct RawUsage {
    cpu: Amount,
    memory: Amount,
}

impl<'de> Slim<'de> for Raw<'de> {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "kind" => self.kind = map.next_value()?,
            "metadata" => self.metadata = map.next_value()?,
            "timestamp" => self.timestamp = map.next_value()?,
            "window" => self.window = map.next_value()?,
            "usage" => self.usage = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

impl<'de> Slim<'de> for RawUsage {
    fn field<A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "cpu" => self.cpu = map.next_value()?,
            "memory" => self.memory = map.next_value()?,
            _ => skip(map)?,
        }
        Ok(())
    }
}

/// Only JSON is asked for, so protobuf is never understood.
impl Message<'_> for Raw<'_> {
    fn field(&mut self, _: u64, _: Value<'_>) -> Result<(), Malformed> {
        Err(Malformed)
    }
}

/// An amount that something can use, in the unit that it is shown in: less than nothing, and more than 64 bits of it, cannot be read.
fn known(amount: Amount, unit: fn(Quantity) -> i64) -> Option<Quantity> {
    match amount {
        Amount::Known(amount) => Some(amount).filter(|amount| (0..i64::MAX).contains(&unit(*amount))),
        Amount::Absent | Amount::Unreadable => None,
    }
}

/// A `metav1.Duration`, as Go writes it: `20.03s`, `1m0s`.
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
