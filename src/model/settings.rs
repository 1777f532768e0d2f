//! Inputs of a new model: clusters, thresholds and conventions.

use crate::facts::accelerator::AcceleratorTable;
use crate::facts::text::Clean;

pub use crate::model::rules::{FLAP_OVER, Settings};

/// A cluster to watch, as the kubeconfig names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterSpec {
    /// The context's name.
    pub context: Clean,
    /// Reason why this context cannot be used at all (F102); its task is never started.
    pub broken: Option<Clean>,
}

/// Conventions by which nodes are read where the API does not say.
#[derive(Clone, Debug, Default)]
pub struct Conventions {
    /// Kind of device that each resource name counts as.
    pub accelerators: AcceleratorTable,
    /// Types of conditions whose `True` is good, besides those whose name says so.
    pub good_conditions: Vec<Clean>,
}
