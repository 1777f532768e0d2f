//! Optional APIs: usage figures, dynamic resource allocation and the leases of kubelets.

use super::{CheckRun, StepFlow};
use crate::cluster::classify::one_line;
use crate::cluster::{optional, usage};
use crate::msg::check::{CheckStep, StepOutcome};
use crate::msg::{Layer, Resource};

impl CheckRun {
    pub(super) async fn metrics_api(&mut self) -> StepFlow {
        let reply = self.list(&format!("{}?limit=1", usage::PATH)).await;
        match reply.result {
            Ok(_) => {
                self.report(CheckStep::new("metrics api", StepOutcome::Ok, "metrics readable").timing(reply.timing))
                    .await
            }
            Err(error) if error.code == Some(404) => {
                let text = "not installed: no usage of CPU and memory, nothing else is missing";
                self.report(CheckStep::new("metrics api", StepOutcome::Skip, text)).await
            }
            // A server without the API also answers 403 to those who may not see it.
            Err(error) if error.layer == Layer::Rbac => {
                let text = "not visible to us (403): no usage of CPU and memory, nothing else is missing";
                self.report(CheckStep::new("metrics api", StepOutcome::Skip, text)).await
            }
            // Only usage is missing without it, so it never fails the check.
            Err(error) => self.report_error("metrics api", StepOutcome::Warn, &error).await,
        }
    }

    pub(super) async fn dra(&mut self) -> StepFlow {
        let absent = "the server has no resource.k8s.io: devices are counted on the nodes";
        let reply = self.get(&Resource::Slices.api().group_path()).await;
        let versions = match reply.result {
            Ok(_) => optional::versions(&self.buf).unwrap_or_default(),
            Err(error) if error.code == Some(404) => {
                return self.report(CheckStep::new("dra", StepOutcome::Skip, absent)).await;
            }
            // Discovery may be forbidden where the list is allowed.
            Err(error) if error.layer == Layer::Rbac => vec!["v1".to_owned()],
            Err(error) => return self.report_error("dra", StepOutcome::Warn, &error).await,
        };
        let Some(path) = optional::best(&versions, Resource::Slices) else {
            let text = format!("resource.k8s.io {} cannot be read: devices of it are not seen", versions.join(", "));
            return self.report(CheckStep::new("dra", StepOutcome::Skip, &one_line(&text))).await;
        };
        let reply = self.list(&format!("{path}?limit=1")).await;
        let step = match reply.result {
            Ok(_) => {
                let text = format!("resource.k8s.io {}", versions.join(", "));
                CheckStep::new("dra", StepOutcome::Ok, &one_line(&text)).timing(reply.timing)
            }
            Err(error) if error.code == Some(404) => CheckStep::new("dra", StepOutcome::Skip, absent),
            Err(error) if error.layer == Layer::Rbac => {
                CheckStep::new("dra", StepOutcome::Skip, "not visible to us (403): devices of it are not seen")
            }
            Err(error) => return self.report_error("dra", StepOutcome::Warn, &error).await,
        };
        self.report(step).await
    }

    pub(super) async fn leases(&mut self) -> StepFlow {
        let reply = self.list(&format!("{}?limit=1", Resource::Leases.list_path())).await;
        let step = match reply.result {
            Ok(_) => CheckStep::new("leases", StepOutcome::Ok, "leases readable").timing(reply.timing),
            Err(error) if error.code == Some(404) => CheckStep::new("leases", StepOutcome::Skip, "not installed"),
            Err(error) if error.layer == Layer::Rbac => {
                let text = "not visible to us (403): no sign of life of silent kubelets, nothing else is missing";
                CheckStep::new("leases", StepOutcome::Skip, text)
            }
            Err(error) => return self.report_error("leases", StepOutcome::Warn, &error).await,
        };
        self.report(step).await
    }
}
