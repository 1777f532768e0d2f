//! The API resources that are listed and watched: one descriptor for each.

use serde::{Deserialize, Serialize};

/// A resource that is listed and watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Resource {
    /// Nodes.
    Nodes,
    /// Pods.
    Pods,
    /// Leases of the kubelets.
    Leases,
    /// `ResourceSlice`: devices that drivers offer.
    Slices,
    /// `ResourceClaim`: devices that pods have.
    Claims,
    /// `DeviceClass`.
    Classes,
    /// `DeviceTaintRule`.
    Rules,
}

/// Descriptor of a resource: its names in the API, and how it is found there.
#[derive(Debug, PartialEq, Eq)]
pub struct ApiResource {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Versions that can be read, the best first.
    pub versions: &'static [&'static str],
    /// Kind of one object.
    pub kind: &'static str,
    /// Plural, as paths and the authorizer spell it.
    pub plural: &'static str,
    /// Objects lie in namespaces.
    pub namespaced: bool,
    /// Namespace that alone is read; `None` for all of them.
    pub namespace: Option<&'static str>,
    /// Part of an optional API: without it something is not shown, and nothing else changes.
    pub optional: bool,
    /// It is asked for as protobuf, where the server can.
    pub protobuf: bool,
    /// Way in which the version that the server has is found.
    pub discovery: Discovery,
}

/// Way in which the version of a resource is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discovery {
    /// Every supported server has the first version: nothing is asked.
    Fixed,
    /// The group's document names the versions; each has the resource.
    Group,
    /// Not every version that the group names has the resource, so the version's own document is read too.
    Version,
}

/// Group of dynamic resource allocation.
const DRA: &str = "resource.k8s.io";

/// Versions of its resources; the alphas before them had other shapes.
const DRA_VERSIONS: &[&str] = &["v1", "v1beta2", "v1beta1"];

/// A core resource of version v1.
const fn core(kind: &'static str, plural: &'static str, namespaced: bool) -> ApiResource {
    ApiResource {
        group: "",
        versions: &["v1"],
        kind,
        plural,
        namespaced,
        namespace: None,
        optional: false,
        protobuf: true,
        discovery: Discovery::Fixed,
    }
}

/// A resource of dynamic resource allocation that each of its versions has.
const fn dra(kind: &'static str, plural: &'static str, namespaced: bool) -> ApiResource {
    ApiResource {
        group: DRA,
        versions: DRA_VERSIONS,
        kind,
        plural,
        namespaced,
        namespace: None,
        optional: true,
        protobuf: false,
        discovery: Discovery::Group,
    }
}

const NODES: ApiResource = core("Node", "nodes", false);
const PODS: ApiResource = core("Pod", "pods", true);

/// Only the kubelets' leases: kubelet `pkg/kubelet/kubelet.go`, `v1.NamespaceNodeLease`.
const LEASES: ApiResource = ApiResource {
    group: "coordination.k8s.io",
    versions: &["v1"],
    kind: "Lease",
    plural: "leases",
    namespaced: true,
    namespace: Some("kube-node-lease"),
    optional: true,
    protobuf: true,
    discovery: Discovery::Fixed,
};

const SLICES: ApiResource = dra("ResourceSlice", "resourceslices", false);
const CLAIMS: ApiResource = dra("ResourceClaim", "resourceclaims", true);
const CLASSES: ApiResource = dra("DeviceClass", "deviceclasses", false);

/// Taint rules are in v1beta2 from Kubernetes 1.36 on, in v1alpha3 from 1.33 on (KEP-5055). Not every server that has such a
/// version has the rules in it.
const RULES: ApiResource = ApiResource {
    versions: &["v1", "v1beta2", "v1alpha3"],
    discovery: Discovery::Version,
    ..dra("DeviceTaintRule", "devicetaintrules", false)
};

impl Resource {
    /// Resources of every cluster, from which the numbers of the dashboard come.
    pub const CORE: [Self; 2] = [Self::Nodes, Self::Pods];

    /// Resources of optional APIs: without one something is not shown, and nothing else changes.
    pub const OPTIONAL: [Self; 5] = [Self::Leases, Self::Slices, Self::Claims, Self::Classes, Self::Rules];

    /// Every resource, in the order of the enum.
    pub const ALL: [Self; 7] =
        [Self::Nodes, Self::Pods, Self::Leases, Self::Slices, Self::Claims, Self::Classes, Self::Rules];

    /// The descriptor: the one row of the table of resources.
    #[must_use]
    pub const fn api(self) -> &'static ApiResource {
        match self {
            Self::Nodes => &NODES,
            Self::Pods => &PODS,
            Self::Leases => &LEASES,
            Self::Slices => &SLICES,
            Self::Claims => &CLAIMS,
            Self::Classes => &CLASSES,
            Self::Rules => &RULES,
        }
    }

    /// Returns `true` for one of [`Resource::OPTIONAL`].
    #[must_use]
    pub fn is_optional(self) -> bool {
        self.api().optional
    }

    /// The plural of the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.api().plural
    }

    /// The resource of this plural, if it is one that is watched.
    #[must_use]
    pub fn from_plural(plural: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|resource| resource.name() == plural)
    }
}

impl ApiResource {
    /// Path of the group: `/apis/resource.k8s.io`, or `/api` of the core group.
    #[must_use]
    pub fn group_path(&self) -> String {
        if self.group.is_empty() { "/api".to_owned() } else { format!("/apis/{}", self.group) }
    }

    /// Path of one version of the group.
    #[must_use]
    pub fn version_path(&self, version: &str) -> String {
        format!("{}/{version}", self.group_path())
    }

    /// Path of the list of this version, of the one namespace that is read or of the whole cluster.
    #[must_use]
    pub fn list_path(&self, version: &str) -> String {
        let base = self.version_path(version);
        match self.namespace {
            Some(namespace) => format!("{base}/namespaces/{namespace}/{}", self.plural),
            None => format!("{base}/{}", self.plural),
        }
    }

    /// The best version that can be read among those that a server has.
    #[must_use]
    pub fn best_version(&self, served: &[String]) -> Option<&'static str> {
        self.versions.iter().copied().find(|known| served.iter().any(|version| version == known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_of_resources_agree_with_the_table() {
        let of = |optional| Resource::ALL.into_iter().filter(move |resource| resource.is_optional() == optional);
        assert!(of(false).eq(Resource::CORE) && of(true).eq(Resource::OPTIONAL));
        for resource in Resource::ALL {
            assert_eq!(Resource::from_plural(resource.name()), Some(resource));
        }
    }

    #[test]
    fn paths_are_those_of_the_api() {
        let list = |resource: Resource, version| resource.api().list_path(version);
        assert_eq!(list(Resource::Nodes, "v1"), "/api/v1/nodes");
        assert_eq!(list(Resource::Leases, "v1"), "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases");
        assert_eq!(list(Resource::Claims, "v1beta1"), "/apis/resource.k8s.io/v1beta1/resourceclaims");
    }

    #[test]
    fn the_best_version_that_can_be_read_is_chosen() {
        let served = |versions: &[&str]| versions.iter().map(|version| (*version).to_owned()).collect::<Vec<_>>();
        let slices = Resource::Slices.api();
        assert_eq!(slices.best_version(&served(&["v1alpha3", "v1beta1", "v1beta2"])), Some("v1beta2"));
        assert_eq!(slices.best_version(&served(&["v1alpha3"])), None);
        assert_eq!(Resource::Rules.api().best_version(&served(&["v1alpha3"])), Some("v1alpha3"));
    }
}
