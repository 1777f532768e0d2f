//! Durations of the configuration: `10s`, `300ms`.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::cli;

/// A duration in a file, at least a millisecond: a period of zero would spin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConfigDuration(pub(super) Duration);

impl<'de> Deserialize<'de> for ConfigDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let span = cli::duration(&text).map_err(serde::de::Error::custom)?;
        if span < Duration::from_millis(1) {
            return Err(serde::de::Error::custom(format!("`{text}` is too short; write at least `1ms`")));
        }
        Ok(Self(span))
    }
}
