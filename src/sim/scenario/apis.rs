//! Which of the APIs that a cluster need not have are served.

use serde::Deserialize;

/// `[cluster.apis]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::sim) struct ApisSpec {
    /// `metrics.k8s.io`. A slow or broken one is a fault with `match = { path = "/apis/metrics.k8s.io" }`.
    pub(in crate::sim) metrics: Access,
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
