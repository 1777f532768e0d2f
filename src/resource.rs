//! The API resources that are read, with the descriptor of each.
//!
//! Nodes and pods, and the resources that are read but not synced, are described here; a resource of an optional API is described
//! beside its facts, and one row of the table in [`crate::facts`] makes it a [`Resource`], which is listed and watched.

use serde::{Deserialize, Serialize};

use crate::facts::api::ApiResource;
use crate::facts::object::OptionalFacts;
use crate::facts::optional_resources;

const NODES: ApiResource = ApiResource {
    calls: ["nodes list", "nodes watch"],
    verbs: &["get", "list", "watch"],
    ..ApiResource::core("Node", "nodes", false)
};
const PODS: ApiResource =
    ApiResource { calls: ["pods list", "pods watch"], verbs: NODES.verbs, ..ApiResource::core("Pod", "pods", true) };

/// Namespaces: the work probe reads one of them.
pub const NAMESPACES: ApiResource = ApiResource {
    verbs: &["list"],
    purpose: "the cheapest probe of the API server; without it nodes are probed",
    ..ApiResource::core("Namespace", "namespaces", false)
};

/// Usage of nodes. The API has had this one version since 2017, and no watch.
pub const NODE_METRICS: ApiResource = ApiResource {
    group: "metrics.k8s.io",
    versions: &["v1beta1"],
    verbs: &["list"],
    purpose: "what nodes use (metrics-server); without it these columns are not shown",
    ..ApiResource::core("NodeMetrics", "nodes", false)
};

/// Events of opened objects.
pub const EVENTS: ApiResource = ApiResource {
    group: "events.k8s.io",
    purpose: "the events of nodes and pods",
    ..ApiResource::core("Event", "events", true)
};

/// Events in the core group, for servers that do not have [`EVENTS`].
pub const CORE_EVENTS: ApiResource = ApiResource::core("Event", "events", true);

/// Namespace of the events about objects without a namespace (client-go `tools/record`, `makeEvent`).
pub const CLUSTER_EVENTS_NAMESPACE: &str = "default";

/// Declares [`Resource`] with a variant for each row.
macro_rules! resources {
    ($($(#[$doc:meta])* $variant:ident($facts:ty) in $field:ident,)*) => {
        /// A resource that is listed and watched.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Resource {
            /// Nodes.
            Nodes,
            /// Pods.
            Pods,
            $($(#[$doc])* $variant,)*
        }

        impl Resource {
            /// Resources of every cluster, from which the numbers of the dashboard come.
            pub const CORE: [Self; 2] = [Self::Nodes, Self::Pods];

            /// Resources of optional APIs: without one, only what it provides is missing from the screen.
            pub const OPTIONAL: [Self; [$(stringify!($variant)),*].len()] = [$(Self::$variant),*];

            /// Every resource, in the order of the enum.
            pub const ALL: [Self; Self::CORE.len() + Self::OPTIONAL.len()] =
                [Self::Nodes, Self::Pods, $(Self::$variant),*];

            /// The descriptor.
            #[must_use]
            pub const fn api(self) -> &'static ApiResource {
                match self {
                    Self::Nodes => &NODES,
                    Self::Pods => &PODS,
                    $(Self::$variant => &<$facts as OptionalFacts>::API,)*
                }
            }
        }
    };
}
optional_resources!(resources);

impl Resource {
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

    /// Path of its list in the best version that can be read: `/api/v1/nodes`.
    #[must_use]
    pub fn list_path(self) -> String {
        self.api().best_path()
    }

    /// Path of its list in one namespace, whose name is a DNS label or escaped.
    #[must_use]
    pub fn list_path_in(self, namespace: &str) -> String {
        self.api().best_path_in(namespace)
    }

    /// The resource with this plural; `None` if it is not watched.
    #[must_use]
    pub fn from_plural(plural: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|resource| resource.name() == plural)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_of_resources_agree_with_the_table() {
        let of = |optional| Resource::ALL.into_iter().filter(move |resource| resource.is_optional() == optional);
        assert!(of(false).eq(Resource::CORE) && of(true).eq(Resource::OPTIONAL));
        for (index, resource) in Resource::ALL.into_iter().enumerate() {
            assert_eq!((resource as usize, Resource::from_plural(resource.name())), (index, Some(resource)));
        }
    }

    #[test]
    fn paths_are_those_of_the_api() {
        let list = |resource: Resource, version| resource.api().list_path(version);
        assert_eq!(list(Resource::Nodes, "v1"), "/api/v1/nodes");
        assert_eq!(list(Resource::Leases, "v1"), "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases");
        assert_eq!(list(Resource::Claims, "v1beta1"), "/apis/resource.k8s.io/v1beta1/resourceclaims");
        assert_eq!(Resource::Pods.list_path_in("web"), "/api/v1/namespaces/web/pods");
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
