//! Steps of `watchbell check`: one [`CheckStep`] for each.

use serde::Serialize;

use super::Layer;
use crate::facts::node::NodeFacts;
use crate::facts::pod::PodBatch;
use crate::facts::text::Clean;

/// Outcome of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StepOutcome {
    /// As it should be.
    Ok,
    /// Not tried, or missing but not required.
    Skip,
    /// Works, but past a limit or without something that is optional.
    Warn,
    /// Does not work.
    Fail,
}

impl StepOutcome {
    /// The word at the beginning of a line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Skip => "skip",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

/// A limit with which the figure of a step is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct StepLimit {
    /// The limit with its unit: `30 s`.
    pub text: &'static str,
    /// Its source.
    pub source: &'static str,
}

/// Timing and size of one request; `None` is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Timing {
    /// DNS, TCP and TLS, in milliseconds; `None` on a reused connection.
    pub connect_ms: Option<f64>,
    /// From the request on an open connection to the headers of its answer, in milliseconds.
    pub first_byte_ms: Option<f64>,
    /// From the headers to the end of the body, in milliseconds.
    pub body_ms: Option<f64>,
    /// Decoding the body, in milliseconds.
    pub decode_ms: Option<f64>,
    /// The whole request without decoding, in milliseconds.
    pub total_ms: Option<f64>,
    /// Bytes of the body as sent.
    pub bytes: Option<u64>,
    /// Objects in the body.
    pub objects: Option<u64>,
}

/// Finds the devices of a node that are withdrawn or missing: a line for each resource. With the pods of the node a line also names
/// the first broken link of what should bring the devices.
pub type FindDeviceFaults = Box<dyn Fn(&NodeFacts, Option<&PodBatch>) -> Vec<Clean> + Send + Sync>;

/// One step of the check.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckStep {
    /// Name of the step: `dns`, `pod page`.
    pub name: Clean,
    /// Its outcome.
    pub outcome: StepOutcome,
    /// Layer at which it failed.
    pub layer: Option<Layer>,
    /// The figure, or the failure.
    pub text: Clean,
    /// Limit of the figure.
    pub limit: Option<StepLimit>,
    /// Advice on the next step.
    pub next: Option<Clean>,
    /// Timing of its request, if it made one.
    pub timing: Option<Timing>,
}

impl CheckStep {
    /// Creates a step that has only a text.
    #[must_use]
    pub fn new(name: &str, outcome: StepOutcome, text: &str) -> Self {
        let (name, text) = (Clean::new(name), Clean::new(text));
        Self { name, outcome, layer: None, text, limit: None, next: None, timing: None }
    }

    /// Adds a limit.
    #[must_use]
    pub fn limit(mut self, text: &'static str, source: &'static str) -> Self {
        self.limit = Some(StepLimit { text, source });
        self
    }

    /// Adds advice on the next step.
    #[must_use]
    pub fn next(mut self, next: &str) -> Self {
        self.next = Some(Clean::new(next));
        self
    }

    /// Adds the timing of its request.
    #[must_use]
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = Some(timing);
        self
    }
}
