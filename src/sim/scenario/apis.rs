//! The optional APIs that a cluster serves.

use serde::Deserialize;

use crate::sim::resource::ApiSwitch;

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
    pub(in crate::sim) taint_rules: TaintRulesVersion,
    /// Owners of gangs: Jobs, `StatefulSet`s, and the kinds of `JobSet`, Kubeflow, `KubeRay` and Volcano.
    pub(in crate::sim) owners: CustomAccess,
    /// Objects of queues: workloads of Kueue, and pod groups of four groups.
    pub(in crate::sim) queues: CustomAccess,
}

/// Access to APIs that most clusters do not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::sim) enum CustomAccess {
    /// Requests are answered.
    Served,
    /// Requests are answered with 403.
    Forbidden,
    /// Requests are answered with 404.
    #[default]
    Absent,
}

/// The version of `resource.k8s.io` in which taint rules are served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::sim) enum TaintRulesVersion {
    /// As of Kubernetes 1.36.
    V1beta2,
    /// As of 1.33.
    V1alpha3,
    /// v1beta2, and requests are answered with 403.
    Forbidden,
    /// No version.
    #[default]
    Absent,
}

/// The version of `resource.k8s.io` that is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::sim) enum DraVersion {
    /// As of Kubernetes 1.34.
    V1,
    /// As of 1.33.
    V1beta2,
    /// As of 1.32.
    V1beta1,
    /// v1, and requests are answered with 403.
    Forbidden,
    /// None, as before 1.32: 404.
    #[default]
    Absent,
}

impl ApisSpec {
    /// Serves the owners of gangs, or queues, if nothing is said of them.
    pub(super) fn serve(&mut self, switch: ApiSwitch) {
        let access = match switch {
            ApiSwitch::Owners => &mut self.owners,
            ApiSwitch::Queues => &mut self.queues,
            _ => return,
        };
        if *access == CustomAccess::Absent {
            *access = CustomAccess::Served;
        }
    }

    /// Returns `true` if the API of this switch is served in an `apiVersion`.
    pub(in crate::sim) fn serves(&self, switch: ApiSwitch, version: &str) -> bool {
        match switch {
            ApiSwitch::Always => true,
            ApiSwitch::Leases => self.leases != Access::Absent,
            ApiSwitch::Dra => self.dra.version() == Some(version),
            ApiSwitch::TaintRules => self.taint_rules.version() == Some(version),
            ApiSwitch::Owners => self.owners != CustomAccess::Absent,
            ApiSwitch::Queues => self.queues != CustomAccess::Absent,
        }
    }

    /// Returns `true` if requests to the API of this switch are answered with 403.
    pub(in crate::sim) fn forbids(&self, switch: ApiSwitch) -> bool {
        match switch {
            ApiSwitch::Always => false,
            ApiSwitch::Leases => self.leases == Access::Forbidden,
            ApiSwitch::Dra => self.dra == DraVersion::Forbidden,
            ApiSwitch::TaintRules => self.taint_rules == TaintRulesVersion::Forbidden,
            ApiSwitch::Owners => self.owners == CustomAccess::Forbidden,
            ApiSwitch::Queues => self.queues == CustomAccess::Forbidden,
        }
    }
}

impl TaintRulesVersion {
    fn version(self) -> Option<&'static str> {
        match self {
            Self::V1beta2 | Self::Forbidden => Some("resource.k8s.io/v1beta2"),
            Self::V1alpha3 => Some("resource.k8s.io/v1alpha3"),
            Self::Absent => None,
        }
    }
}

impl DraVersion {
    fn version(self) -> Option<&'static str> {
        match self {
            Self::V1 | Self::Forbidden => Some("resource.k8s.io/v1"),
            Self::V1beta2 => Some("resource.k8s.io/v1beta2"),
            Self::V1beta1 => Some("resource.k8s.io/v1beta1"),
            Self::Absent => None,
        }
    }
}

/// Access to an optional API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(in crate::sim) enum Access {
    /// Requests are answered.
    #[default]
    Served,
    /// Requests are answered with 404.
    Absent,
    /// Requests are answered with 403.
    Forbidden,
}
