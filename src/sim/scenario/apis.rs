//! Which of the APIs that a cluster need not have are served.

use serde::Deserialize;

use crate::sim::object::SimResource;

/// `[cluster.apis]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::sim) struct ApisSpec {
    /// `metrics.k8s.io`. A slow or broken one is a fault with `match = { path = "/apis/metrics.k8s.io" }`.
    pub(in crate::sim) metrics: Access,
    /// The leases of kubelets.
    pub(in crate::sim) leases: Access,
    /// `resource.k8s.io`.
    pub(in crate::sim) dra: DraVersion,
    /// The device taint rules of `resource.k8s.io`.
    pub(in crate::sim) taint_rules: Rules,
}

/// In which version of `resource.k8s.io` there are taint rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::sim) enum Rules {
    /// As of Kubernetes 1.36.
    V1beta2,
    /// As of 1.33.
    V1alpha3,
    /// v1beta2, and we may not see them: 403.
    Forbidden,
    /// In none.
    #[default]
    Absent,
}

/// Which version of `resource.k8s.io` is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::sim) enum DraVersion {
    /// As of Kubernetes 1.34.
    V1,
    /// As of 1.33.
    V1beta2,
    /// As of 1.32.
    V1beta1,
    /// v1, and we may not see it: 403.
    Forbidden,
    /// None, as before 1.32: 404.
    #[default]
    Absent,
}

impl ApisSpec {
    /// Whether a kind is served in an `apiVersion`.
    pub(in crate::sim) fn serves(&self, version: &str, resource: SimResource) -> bool {
        match (version.strip_prefix("resource.k8s.io/"), resource) {
            (Some(version), SimResource::Rules) => match self.taint_rules {
                Rules::V1beta2 | Rules::Forbidden => version == "v1beta2",
                Rules::V1alpha3 => version == "v1alpha3",
                Rules::Absent => false,
            },
            (Some("v1"), _) => matches!(self.dra, DraVersion::V1 | DraVersion::Forbidden),
            (Some("v1beta2"), _) => self.dra == DraVersion::V1beta2,
            (Some("v1beta1"), _) => self.dra == DraVersion::V1beta1,
            (Some(_), _) => false,
            (None, _) => version != "coordination.k8s.io/v1" || self.leases != Access::Absent,
        }
    }

    /// Whether objects of a kind may not be seen.
    pub(in crate::sim) fn forbids(&self, resource: SimResource) -> bool {
        match resource {
            SimResource::Leases => self.leases == Access::Forbidden,
            SimResource::Rules => self.taint_rules == Rules::Forbidden,
            SimResource::Slices | SimResource::Claims | SimResource::Classes => self.dra == DraVersion::Forbidden,
            SimResource::Nodes | SimResource::Pods | SimResource::Namespaces | SimResource::Events => false,
        }
    }
}

/// Whether something is served, and to us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::sim) enum Access {
    /// It answers.
    #[default]
    Served,
    /// The server does not know it: 404.
    Absent,
    /// We may not see it: 403.
    Forbidden,
}
