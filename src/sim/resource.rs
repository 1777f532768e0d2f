//! The table of API resources that the simulated server holds: adding one begins with a row here.

use std::sync::LazyLock;

use serde_json::Value;

/// A resource of the simulated server; [`RESOURCES`] describes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum SimResource {
    Nodes,
    Pods,
    Namespaces,
    Leases,
    Events,
    Slices,
    Claims,
    Classes,
    Rules,
    Jobs,
    StatefulSets,
    JobSets,
    PyTorchJobs,
    TfJobs,
    JaxJobs,
    PaddleJobs,
    XgBoostJobs,
    MpiJobs,
    RayClusters,
    VolcanoJobs,
    Workloads,
    SchedulingGroups,
    VolcanoGroups,
    KaiGroups,
    NativeGroups,
}

/// The part of a scenario's `[cluster.apis]` that decides whether a resource is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ApiSwitch {
    /// Served by every cluster.
    Always,
    /// `leases`.
    Leases,
    /// `dra`.
    Dra,
    /// `taint-rules`.
    TaintRules,
    /// `owners`: owners of gangs.
    Owners,
    /// `queues`: objects of queues.
    Queues,
}

/// A column of the server-side table of `kubectl get`.
#[derive(Clone, Copy, Debug)]
pub(super) struct PrintColumn {
    pub(super) name: &'static str,
    pub(super) format: &'static str,
    /// 1 for columns that only `-o wide` shows.
    pub(super) priority: u8,
}

/// One resource: its names, where it is served, and what the server can do with it.
#[derive(Debug)]
pub(super) struct ResourceSpec {
    pub(super) resource: SimResource,
    /// The plural, as in a path.
    pub(super) plural: &'static str,
    pub(super) kind: &'static str,
    /// `shortNames` of discovery; empty for none.
    pub(super) short_name: &'static str,
    pub(super) categories: &'static [&'static str],
    /// Every `apiVersion` that it can be served in, the main one first.
    pub(super) versions: &'static [&'static str],
    pub(super) namespaced: bool,
    pub(super) switch: ApiSwitch,
    /// `true` if the schema of `proto` has its kind; otherwise the server answers in JSON.
    pub(super) has_protobuf: bool,
    /// `true` if a scenario may hold raw objects of it (`[[cluster.raw]]`).
    pub(super) may_be_raw: bool,
    /// Fields that selectors may name beside `metadata.name` and `metadata.namespace`.
    ///
    /// Source: the `ToSelectableFields` of kubernetes `pkg/registry/core/{pod,node,namespace,event}/strategy.go`.
    pub(super) selectable: &'static [&'static str],
    /// Columns of kubernetes `pkg/printers/internalversion`.
    pub(super) columns: &'static [PrintColumn],
    /// Cells between the name and the age, for objects that are kept as JSON.
    pub(super) body_cells: fn(&Value) -> Vec<String>,
}

/// Every resource, in the order of [`SimResource`].
pub(super) const RESOURCES: [ResourceSpec; 25] = [
    ResourceSpec {
        resource: SimResource::Nodes,
        plural: "nodes",
        kind: "Node",
        short_name: "no",
        may_be_raw: true,
        selectable: &["spec.unschedulable"],
        columns: &[
            NAME,
            column("Status"),
            column("Roles"),
            AGE,
            column("Version"),
            wide("Internal-IP"),
            wide("External-IP"),
            wide("OS-Image"),
            wide("Kernel-Version"),
            wide("Container-Runtime"),
        ],
        ..CORE
    },
    ResourceSpec {
        resource: SimResource::Pods,
        plural: "pods",
        kind: "Pod",
        short_name: "po",
        categories: &["all"],
        namespaced: true,
        may_be_raw: true,
        selectable: &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        columns: &[
            NAME,
            column("Ready"),
            column("Status"),
            column("Restarts"),
            AGE,
            wide("IP"),
            wide("Node"),
            wide("Nominated Node"),
            wide("Readiness Gates"),
        ],
        ..CORE
    },
    ResourceSpec {
        resource: SimResource::Namespaces,
        plural: "namespaces",
        kind: "Namespace",
        short_name: "ns",
        selectable: &["name", "status.phase"],
        columns: &[NAME, column("Status"), AGE],
        ..CORE
    },
    ResourceSpec {
        resource: SimResource::Leases,
        plural: "leases",
        kind: "Lease",
        versions: &["coordination.k8s.io/v1"],
        namespaced: true,
        switch: ApiSwitch::Leases,
        columns: &[NAME, column("Holder"), AGE],
        ..CORE
    },
    ResourceSpec {
        resource: SimResource::Events,
        plural: "events",
        kind: "Event",
        short_name: "ev",
        versions: &["v1", "events.k8s.io/v1"],
        namespaced: true,
        selectable: &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        columns: &[
            column("Last Seen"),
            column("Type"),
            column("Reason"),
            column("Object"),
            wide("Subobject"),
            wide("Source"),
            column("Message"),
            wide("First Seen"),
            wide("Count"),
            PrintColumn { priority: 1, ..NAME },
        ],
        ..CORE
    },
    ResourceSpec {
        resource: SimResource::Slices,
        plural: "resourceslices",
        kind: "ResourceSlice",
        selectable: &["spec.nodeName", "spec.driver"],
        columns: &[NAME, column("Node"), column("Driver"), column("Pool"), AGE],
        body_cells: slice_cells,
        ..DYNAMIC
    },
    ResourceSpec {
        resource: SimResource::Claims,
        plural: "resourceclaims",
        kind: "ResourceClaim",
        namespaced: true,
        columns: &[NAME, column("State"), AGE],
        body_cells: claim_cells,
        ..DYNAMIC
    },
    ResourceSpec { resource: SimResource::Classes, plural: "deviceclasses", kind: "DeviceClass", ..DYNAMIC },
    ResourceSpec {
        resource: SimResource::Rules,
        plural: "devicetaintrules",
        kind: "DeviceTaintRule",
        versions: &["resource.k8s.io/v1beta2", "resource.k8s.io/v1alpha3"],
        switch: ApiSwitch::TaintRules,
        ..DYNAMIC
    },
    owner(SimResource::Jobs, "jobs", "Job", &["batch/v1"]),
    owner(SimResource::StatefulSets, "statefulsets", "StatefulSet", &["apps/v1"]),
    owner(SimResource::JobSets, "jobsets", "JobSet", &["jobset.x-k8s.io/v1alpha2"]),
    owner(SimResource::PyTorchJobs, "pytorchjobs", "PyTorchJob", &["kubeflow.org/v1"]),
    owner(SimResource::TfJobs, "tfjobs", "TFJob", &["kubeflow.org/v1"]),
    owner(SimResource::JaxJobs, "jaxjobs", "JAXJob", &["kubeflow.org/v1"]),
    owner(SimResource::PaddleJobs, "paddlejobs", "PaddleJob", &["kubeflow.org/v1"]),
    owner(SimResource::XgBoostJobs, "xgboostjobs", "XGBoostJob", &["kubeflow.org/v1"]),
    owner(SimResource::MpiJobs, "mpijobs", "MPIJob", &["kubeflow.org/v2beta1"]),
    owner(SimResource::RayClusters, "rayclusters", "RayCluster", &["ray.io/v1"]),
    owner(SimResource::VolcanoJobs, "jobs", "Job", &["batch.volcano.sh/v1alpha1"]),
    ResourceSpec {
        resource: SimResource::Workloads,
        plural: "workloads",
        kind: "Workload",
        short_name: "wl",
        versions: &["kueue.x-k8s.io/v1beta2"],
        columns: &[NAME, column("Queue"), column("Reserved in"), column("Admitted"), column("Finished"), AGE],
        body_cells: workload_cells,
        ..CUSTOM
    },
    pod_groups(SimResource::SchedulingGroups, &["scheduling.x-k8s.io/v1alpha1"]),
    pod_groups(SimResource::VolcanoGroups, &["scheduling.volcano.sh/v1beta1"]),
    pod_groups(SimResource::KaiGroups, &["scheduling.run.ai/v2alpha2"]),
    pod_groups(SimResource::NativeGroups, &["scheduling.k8s.io/v1beta1"]),
];

/// A cluster-scoped resource of core/v1.
const CORE: ResourceSpec = ResourceSpec {
    resource: SimResource::Nodes,
    plural: "",
    kind: "",
    short_name: "",
    categories: &[],
    versions: &["v1"],
    namespaced: false,
    switch: ApiSwitch::Always,
    has_protobuf: true,
    may_be_raw: false,
    selectable: &[],
    columns: &[NAME, AGE],
    body_cells: no_cells,
};

/// A cluster-scoped resource of `resource.k8s.io`; the versions are of Kubernetes 1.34, 1.33 and 1.32.
const DYNAMIC: ResourceSpec = ResourceSpec {
    versions: &["resource.k8s.io/v1", "resource.k8s.io/v1beta2", "resource.k8s.io/v1beta1"],
    switch: ApiSwitch::Dra,
    has_protobuf: false,
    may_be_raw: true,
    ..CORE
};

/// A namespaced resource of which there are only raw objects.
const CUSTOM: ResourceSpec =
    ResourceSpec { namespaced: true, switch: ApiSwitch::Queues, has_protobuf: false, may_be_raw: true, ..CORE };

/// An owner of gangs.
const fn owner(
    resource: SimResource,
    plural: &'static str,
    kind: &'static str,
    versions: &'static [&'static str],
) -> ResourceSpec {
    ResourceSpec { resource, plural, kind, versions, switch: ApiSwitch::Owners, ..CUSTOM }
}

/// Pod groups, of which several groups have some.
const fn pod_groups(resource: SimResource, versions: &'static [&'static str]) -> ResourceSpec {
    ResourceSpec { resource, plural: "podgroups", kind: "PodGroup", versions, ..CUSTOM }
}

const NAME: PrintColumn = PrintColumn { name: "Name", format: "name", priority: 0 };
const AGE: PrintColumn = column("Age");

const fn column(name: &'static str) -> PrintColumn {
    PrintColumn { name, format: "", priority: 0 }
}

const fn wide(name: &'static str) -> PrintColumn {
    PrintColumn { priority: 1, ..column(name) }
}

impl SimResource {
    /// Every resource, in the order of the store's tables.
    pub(super) const ALL: [Self; RESOURCES.len()] = {
        let mut all = [Self::Nodes; RESOURCES.len()];
        let mut i = 0;
        while i < RESOURCES.len() {
            all[i] = RESOURCES[i].resource;
            i += 1;
        }
        all
    };

    /// The row of the table.
    pub(super) fn spec(self) -> &'static ResourceSpec {
        const TABLE: &[ResourceSpec; RESOURCES.len()] = &RESOURCES;
        &TABLE[self as usize]
    }

    /// The plural, as in a path.
    pub(super) fn plural(self) -> &'static str {
        self.spec().plural
    }

    /// The kind of one object.
    pub(super) fn kind(self) -> &'static str {
        self.spec().kind
    }

    /// `true` if its objects live in namespaces.
    pub(super) fn namespaced(self) -> bool {
        self.spec().namespaced
    }

    /// The main `apiVersion`.
    pub(super) fn api_version(self) -> &'static str {
        self.spec().versions[0]
    }

    /// The API group of the main version; empty for core.
    pub(super) fn group(self) -> &'static str {
        self.api_version().split_once('/').map_or("", |(group, _)| group)
    }
}

/// One `apiVersion` and the resources that can be served in it.
#[derive(Debug)]
pub(super) struct ApiVersion {
    pub(super) version: &'static str,
    /// The path below which it is served.
    pub(super) prefix: String,
    pub(super) resources: Vec<SimResource>,
}

/// Every `apiVersion`, in the order in which the table names them first: the preferred version of a group is its first.
pub(super) static API_VERSIONS: LazyLock<Vec<ApiVersion>> = LazyLock::new(|| {
    let mut known: Vec<ApiVersion> = Vec::new();
    for resource in SimResource::ALL {
        for version in resource.spec().versions {
            match known.iter_mut().find(|entry| entry.version == *version) {
                Some(entry) => entry.resources.push(resource),
                None => known.push(ApiVersion {
                    version,
                    prefix: format!("/{}/{version}", if version.contains('/') { "apis" } else { "api" }),
                    resources: vec![resource],
                }),
            }
        }
    }
    known
});

fn no_cells(_: &Value) -> Vec<String> {
    Vec::new()
}

fn slice_cells(body: &Value) -> Vec<String> {
    let spec = &body["spec"];
    let texts = [&spec["nodeName"], &spec["driver"], &spec["pool"]["name"]];
    texts.map(|value| value.as_str().unwrap_or("").to_owned()).to_vec()
}

/// The columns of kueue `config/components/crd/bases/kueue.x-k8s.io_workloads.yaml`.
fn workload_cells(body: &Value) -> Vec<String> {
    let condition = |kind: &str| {
        let conditions = body["status"]["conditions"].as_array().into_iter().flatten();
        conditions.filter(|one| one["type"] == kind).find_map(|one| one["status"].as_str()).unwrap_or("").to_owned()
    };
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let reserved = text(&body["status"]["admission"]["clusterQueue"]);
    vec![text(&body["spec"]["queueName"]), reserved, condition("Admitted"), condition("Finished")]
}

fn claim_cells(body: &Value) -> Vec<String> {
    let status = &body["status"];
    let state = match (status["allocation"].is_object(), status["reservedFor"].is_array()) {
        (true, true) => "allocated,reserved",
        (true, false) => "allocated",
        (false, _) => "pending",
    };
    vec![state.to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_stands_at_the_index_of_its_resource() {
        for (i, row) in RESOURCES.iter().enumerate() {
            assert_eq!(row.resource as usize, i, "{row:?}");
            assert!(row.columns.iter().any(|column| column.format == "name"), "{row:?}");
        }
    }

    #[test]
    fn groups_are_served_in_the_order_of_an_api_server() {
        let versions: Vec<_> = API_VERSIONS.iter().map(|entry| (&*entry.prefix, entry.resources.len())).collect();
        let want = [
            ("/api/v1", 4),
            ("/apis/coordination.k8s.io/v1", 1),
            ("/apis/events.k8s.io/v1", 1),
            ("/apis/resource.k8s.io/v1", 3),
            ("/apis/resource.k8s.io/v1beta2", 4),
            ("/apis/resource.k8s.io/v1beta1", 3),
            ("/apis/resource.k8s.io/v1alpha3", 1),
            ("/apis/batch/v1", 1),
            ("/apis/apps/v1", 1),
            ("/apis/jobset.x-k8s.io/v1alpha2", 1),
            ("/apis/kubeflow.org/v1", 5),
            ("/apis/kubeflow.org/v2beta1", 1),
            ("/apis/ray.io/v1", 1),
            ("/apis/batch.volcano.sh/v1alpha1", 1),
            ("/apis/kueue.x-k8s.io/v1beta2", 1),
            ("/apis/scheduling.x-k8s.io/v1alpha1", 1),
            ("/apis/scheduling.volcano.sh/v1beta1", 1),
            ("/apis/scheduling.run.ai/v2alpha2", 1),
            ("/apis/scheduling.k8s.io/v1beta1", 1),
        ];
        assert_eq!(versions, want);
    }
}
