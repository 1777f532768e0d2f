//! Workloads of a scenario: pods with a name, labels and a state of their own, among those that are generated.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::{ScenarioCluster, bounds};

/// One `[[workload]]`. Its pods take the place of generated ones: the numbers of `[cluster.pods]` stay.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::sim) struct ScenarioWorkload {
    /// Context of the cluster; all clusters if absent.
    cluster: Option<Spanned<String>>,
    /// `NAMESPACE/NAME`.
    pub(in crate::sim) name: Spanned<String>,
    pub(in crate::sim) kind: WorkloadKind,
    pub(in crate::sim) template: PodTemplate,
    /// Role of the replicas of a `PyTorchJob`, a part of their names: `worker`.
    #[serde(default, deserialize_with = "bounds::text")]
    pub(in crate::sim) role: String,
    #[serde(deserialize_with = "bounds::at_most::<_, { bounds::NODE_PODS }>")]
    pub(in crate::sim) pods: u32,
    /// Devices of each pod.
    #[serde(default, deserialize_with = "bounds::at_most::<_, { bounds::DEVICES }>")]
    pub(in crate::sim) gpus: u32,
    /// Labels of the pods; `%i` stands for the index of the pod.
    #[serde(default)]
    pub(in crate::sim) labels: BTreeMap<String, String>,
    /// `spec.nodeSelector`.
    #[serde(default)]
    pub(in crate::sim) selector: BTreeMap<String, String>,
    /// Number of nodes among which the pods are distributed; by default as many as pods.
    pub(in crate::sim) nodes: Option<u32>,
    /// Nodes that get none.
    #[serde(default)]
    pub(in crate::sim) avoid: Vec<String>,
    /// Time since the pods were created.
    #[serde(deserialize_with = "bounds::duration")]
    pub(in crate::sim) age: Duration,
    /// The scheduler's words, if no node takes the pods.
    pub(in crate::sim) unschedulable: Option<String>,
    /// The runtime's words, if the image cannot be pulled.
    pub(in crate::sim) pull_error: Option<String>,
}

/// Kind of a workload's owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::sim) enum WorkloadKind {
    /// An indexed Job.
    Job,
    PyTorchJob,
    Deployment,
}

/// Containers of a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::sim) enum PodTemplate {
    Trainer,
    Server,
    Gateway,
    Web,
}

impl ScenarioWorkload {
    /// Returns `true` if the workload is for this cluster.
    pub(super) fn applies_to(&self, cluster: &ScenarioCluster) -> bool {
        self.cluster.as_ref().is_none_or(|named| named.get_ref() == cluster.context.get_ref())
    }

    /// Checks the names; an error comes with its offset in the text.
    pub(super) fn check(&self, clusters: &[ScenarioCluster]) -> Result<(), (usize, String)> {
        if let Some(named) = self.cluster.as_ref().filter(|_| !clusters.iter().any(|cluster| self.applies_to(cluster)))
        {
            return Err((named.span().start, format!("no cluster `{}`", named.get_ref())));
        }
        if self.name.get_ref().split_once('/').is_none_or(|(namespace, name)| namespace.is_empty() || name.is_empty()) {
            return Err((self.name.span().start, format!("`{}` is no `NAMESPACE/NAME`", self.name.get_ref())));
        }
        Ok(())
    }
}
