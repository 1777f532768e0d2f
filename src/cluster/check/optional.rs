//! Optional APIs: usage figures, dynamic resource allocation and the leases of kubelets.

use super::{CheckRun, StepFlow};
use crate::cluster::classify::one_line;
use crate::cluster::optional;
use crate::msg::check::{CheckStep, StepOutcome};
use crate::msg::{Layer, Resource};
use crate::resource::NODE_METRICS;

/// Text of the step `dra` for a server without the group.
const NO_DRA: &str = "the server has no resource.k8s.io: devices are counted on the nodes";

/// Step of an optional API: its name and its texts.
struct OptionalStep<'a> {
    name: &'static str,
    /// Text for a list that can be read.
    readable: &'a str,
    /// Text for a 404.
    absent: &'static str,
    /// Text for a 403. A server without the API also answers so to those who may not see it.
    denied: &'static str,
}

impl CheckRun {
    pub(super) async fn metrics_api(&mut self) -> StepFlow {
        let step = OptionalStep {
            name: "metrics api",
            readable: "metrics readable",
            absent: "not installed: no usage of CPU and memory, nothing else is missing",
            denied: "not visible to us (403): no usage of CPU and memory, nothing else is missing",
        };
        self.optional_list(&step, &NODE_METRICS.best_path()).await
    }

    pub(super) async fn dra(&mut self) -> StepFlow {
        let slices = Resource::Slices.api();
        let reply = self.get(&slices.group_path()).await;
        let versions = match reply.result {
            Ok(_) => optional::versions(&self.buf).unwrap_or_default(),
            Err(error) if error.code == Some(404) => {
                return self.report(CheckStep::new("dra", StepOutcome::Skip, NO_DRA)).await;
            }
            // Discovery may be forbidden where the list is allowed.
            Err(error) if error.layer == Layer::Rbac => vec![slices.first_version().to_owned()],
            Err(error) => return self.report_error("dra", StepOutcome::Warn, &error).await,
        };
        let Some(path) = optional::best(&versions, Resource::Slices) else {
            let text = format!("resource.k8s.io {} cannot be read: devices of it are not seen", versions.join(", "));
            return self.report(CheckStep::new("dra", StepOutcome::Skip, &one_line(&text))).await;
        };
        let readable = one_line(&format!("resource.k8s.io {}", versions.join(", ")));
        let denied = "not visible to us (403): devices of it are not seen";
        self.optional_list(&OptionalStep { name: "dra", readable: &readable, absent: NO_DRA, denied }, &path).await
    }

    pub(super) async fn leases(&mut self) -> StepFlow {
        let step = OptionalStep {
            name: "leases",
            readable: "leases readable",
            absent: "not installed",
            denied: "not visible to us (403): no sign of life of silent kubelets, nothing else is missing",
        };
        self.optional_list(&step, &Resource::Leases.list_path()).await
    }

    /// Lists one object. Only details are missing without an optional API, so it never fails the check.
    async fn optional_list(&mut self, step: &OptionalStep<'_>, path: &str) -> StepFlow {
        let reply = self.list(&format!("{path}?limit=1")).await;
        let step = match reply.result {
            Ok(_) => CheckStep::new(step.name, StepOutcome::Ok, step.readable).timing(reply.timing),
            Err(error) if error.code == Some(404) => CheckStep::new(step.name, StepOutcome::Skip, step.absent),
            Err(error) if error.layer == Layer::Rbac => CheckStep::new(step.name, StepOutcome::Skip, step.denied),
            Err(error) => return self.report_error(step.name, StepOutcome::Warn, &error).await,
        };
        self.report(step).await
    }
}
