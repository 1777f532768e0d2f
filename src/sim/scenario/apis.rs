//! Which of the APIs that a cluster need not have are served.

use serde::Deserialize;

/// `[cluster.apis]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::sim) struct ApisSpec {
    /// `metrics.k8s.io`. A slow or broken one is a fault with `match = { path = "/apis/metrics.k8s.io" }`.
    pub(in crate::sim) metrics: Access,
    /// The leases of kubelets.
    pub(in crate::sim) leases: Access,
    /// `resource.k8s.io`.
    pub(in crate::sim) dra: Dra,
}

/// Which version of `resource.k8s.io` is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::sim) enum Dra {
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
    /// Whether an `apiVersion` is served.
    pub(in crate::sim) fn serves(&self, version: &str) -> bool {
        match version.strip_prefix("resource.k8s.io/") {
            Some("v1") => matches!(self.dra, Dra::V1 | Dra::Forbidden),
            Some("v1beta2") => self.dra == Dra::V1beta2,
            Some("v1beta1") => self.dra == Dra::V1beta1,
            _ => version != "coordination.k8s.io/v1" || self.leases != Access::Absent,
        }
    }

    /// Whether objects of an `apiVersion` may not be seen.
    pub(in crate::sim) fn forbids(&self, version: &str) -> bool {
        match version {
            "coordination.k8s.io/v1" => self.leases == Access::Forbidden,
            _ => version.starts_with("resource.k8s.io/") && self.dra == Dra::Forbidden,
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
