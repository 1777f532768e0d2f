//! APIs that a cluster need not have: usage figures, dynamic resource allocation and the leases of kubelets.

use super::{Flow, Run};
use crate::cluster::classify::one_line;
use crate::cluster::{optional, usage};
use crate::msg::check::{Outcome, Step};
use crate::msg::{Layer, Resource};

impl Run {
    pub(super) async fn metrics_api(&mut self) -> Flow {
        let asked = self.list(&format!("{}?limit=1", usage::PATH)).await;
        match asked.result {
            Ok(_) => self.tell(Step::new("metrics api", Outcome::Ok, "it answers").timing(asked.timing)).await,
            Err(trouble) if trouble.code == Some(404) => {
                let text = "not installed: no usage of CPU and memory, nothing else is missing";
                self.tell(Step::new("metrics api", Outcome::Skip, text)).await
            }
            // To whom may not see it, a server without it answers 403 as well.
            Err(trouble) if trouble.layer == Layer::Rbac => {
                let text = "not visible to us (403): no usage of CPU and memory, nothing else is missing";
                self.tell(Step::new("metrics api", Outcome::Skip, text)).await
            }
            // Without it nothing but usage is missing, so it never fails the check.
            Err(trouble) => self.tell_trouble("metrics api", Outcome::Warn, &trouble).await,
        }
    }

    pub(super) async fn dra(&mut self) -> Flow {
        let absent = "the server has no resource.k8s.io: devices are counted on the nodes";
        let asked = self.get(optional::DRA).await;
        let versions = match asked.result {
            Ok(_) => optional::versions(&self.buf).unwrap_or_default(),
            Err(trouble) if trouble.code == Some(404) => {
                return self.tell(Step::new("dra", Outcome::Skip, absent)).await;
            }
            // Whoever may not look may still list.
            Err(trouble) if trouble.layer == Layer::Rbac => vec!["v1".to_owned()],
            Err(trouble) => return self.tell_trouble("dra", Outcome::Warn, &trouble).await,
        };
        let Some(path) = optional::best(&versions, Resource::Slices) else {
            let text = format!("resource.k8s.io {} cannot be read: devices of it are not seen", versions.join(", "));
            return self.tell(Step::new("dra", Outcome::Skip, &one_line(&text))).await;
        };
        let asked = self.list(&format!("{path}?limit=1")).await;
        let step = match asked.result {
            Ok(_) => {
                let text = format!("resource.k8s.io {}", versions.join(", "));
                Step::new("dra", Outcome::Ok, &one_line(&text)).timing(asked.timing)
            }
            Err(trouble) if trouble.code == Some(404) => Step::new("dra", Outcome::Skip, absent),
            Err(trouble) if trouble.layer == Layer::Rbac => {
                Step::new("dra", Outcome::Skip, "not visible to us (403): devices of it are not seen")
            }
            Err(trouble) => return self.tell_trouble("dra", Outcome::Warn, &trouble).await,
        };
        self.tell(step).await
    }

    pub(super) async fn leases(&mut self) -> Flow {
        let asked = self.list(&format!("{}?limit=1", optional::LEASES)).await;
        let step = match asked.result {
            Ok(_) => Step::new("leases", Outcome::Ok, "they answer").timing(asked.timing),
            Err(trouble) if trouble.code == Some(404) => Step::new("leases", Outcome::Skip, "the server has none"),
            Err(trouble) if trouble.layer == Layer::Rbac => {
                let text = "not visible to us (403): no sign of life of silent kubelets, nothing else is missing";
                Step::new("leases", Outcome::Skip, text)
            }
            Err(trouble) => return self.tell_trouble("leases", Outcome::Warn, &trouble).await,
        };
        self.tell(step).await
    }
}
