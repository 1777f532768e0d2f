//! The tables of component-helpers' `resource/helpers_test.go` (1961876b) by the names of their tests and rows, as far as they are
//! about requests. A row is left out, and named beside its table, if it sets an option that we do not have: ours are on.
//!
//! Not mirrored: `TestPodResourceLimits`, `TestIsPodLevelLimitsSet` and `TestPodResourceLimitsWithSharedDRAClaims`
//! are about limits, `TestPodResourceRequestsReuse` is about memory, `TestGetContainerDRAAllocations` and
//! `IsPodResizeDeferred` are about the kubelet's own work.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{amounts, expected};
use crate::facts::pod::{PodBatch, decode_object};
use crate::facts::quantity::Quantity;

/// Name, pod, requests. The pod is a list of parts divided by `;`:
/// `c`, `s` or `i` with a name and requests (a container, a sidecar, an init container; `_` is no name), `limits`, `allocated` and
/// `runs` with a container's name (`limits`, and of its status `allocatedResources` and `resources.requests`), `overhead`, `level`
/// (`spec.resources.requests`), `level-limits`, `pod-allocated` and `pod-runs` (of the pod's status), `infeasible`, and `claim` with
/// the containers that refer to it, its mapping, and after `|` its overhead: `memory=1Gi+500Mi` is `perPod` and `perContainer`,
/// either of which may be left out.
type Row = (&'static str, &'static str, &'static str);

fn list(of: &mut Map<String, Value>, key: &str) -> usize {
    let list = of.entry(key).or_insert_with(|| json!([])).as_array_mut().unwrap();
    list.push(json!({}));
    list.len() - 1
}

/// The status of a container, made if it is not there yet.
fn status_of<'a>(status: &'a mut Map<String, Value>, spec: &Map<String, Value>, name: &str) -> &'a mut Value {
    let among =
        |key: &str| spec.get(key).and_then(Value::as_array).is_some_and(|all| all.iter().any(|c| c["name"] == name));
    let key = if among("initContainers") { "initContainerStatuses" } else { "containerStatuses" };
    let known = status.get(key).and_then(|all| all.as_array()?.iter().position(|one| one["name"] == name));
    let at = known.unwrap_or_else(|| list(status, key));
    let one = &mut status[key][at];
    one["name"] = name.into();
    one
}

fn overhead(text: &str) -> Vec<Value> {
    let one = |(name, both): (&str, &str)| {
        let (pod, each) = both.split_once('+').unwrap();
        let mut one = json!({ "name": name });
        for (field, amount) in [("perPod", pod), ("perContainer", each)] {
            if !amount.is_empty() {
                one[field] = amount.into();
            }
        }
        one
    };
    amounts(text).into_iter().map(one).collect()
}

fn pod(text: &str) -> Value {
    let (mut spec, mut status) = (Map::new(), Map::new());
    for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        let (kind, rest) = part.split_once(' ').unwrap_or((part, ""));
        let (name, of_one) = rest.split_once(' ').unwrap_or((rest, ""));
        let of_container = matches!(kind, "c" | "s" | "i" | "limits" | "allocated" | "runs");
        let one = if of_container { amounts(of_one) } else { BTreeMap::new() };
        match kind {
            "c" | "s" | "i" => {
                let key = if kind == "c" { "containers" } else { "initContainers" };
                let at = list(&mut spec, key);
                spec[key][at] = json!({ "name": name.trim_matches('_'), "resources": { "requests": one } });
                if kind == "s" {
                    spec[key][at]["restartPolicy"] = "Always".into();
                }
            }
            "limits" => {
                for key in ["containers", "initContainers"] {
                    for container in spec.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten() {
                        if container["name"] == name {
                            container["resources"]["limits"] = json!(one);
                        }
                    }
                }
            }
            "allocated" => status_of(&mut status, &spec, name)["allocatedResources"] = json!(one),
            "runs" => status_of(&mut status, &spec, name)["resources"] = json!({ "requests": one }),
            "overhead" => drop(spec.insert("overhead".into(), json!(amounts(rest)))),
            "level" => drop(spec.insert("resources".into(), json!({ "requests": amounts(rest) }))),
            "level-limits" => spec["resources"]["limits"] = json!(amounts(rest)),
            "pod-allocated" => drop(status.insert("allocatedResources".into(), json!(amounts(rest)))),
            "pod-runs" => drop(status.insert("resources".into(), json!({ "requests": amounts(rest) }))),
            "infeasible" => {
                let pending = json!([{ "type": "PodResizePending", "status": "True", "reason": "Infeasible" }]);
                status.insert("conditions".into(), pending);
            }
            "claim" => {
                let (mapping, over) = of_one.split_once('|').unwrap_or((of_one, ""));
                let mapped = |(name, amount): (&str, &str)| json!({ "name": name, "quantity": amount });
                let containers: Vec<_> = name.split(',').filter(|name| *name != "_").collect();
                let at = list(&mut status, "nodeAllocatableResourceClaimStatuses");
                status["nodeAllocatableResourceClaimStatuses"][at] = json!({
                    "resourceClaimName": "c",
                    "containers": containers,
                    "mapping": amounts(mapping).into_iter().map(mapped).collect::<Vec<_>>(),
                    "overhead": overhead(over),
                });
            }
            _ => panic!("{part}"),
        }
    }
    json!({ "metadata": { "name": "a" }, "spec": spec, "status": status })
}

fn check(rows: &[Row]) {
    for (name, text, requests) in rows {
        let mut batch = PodBatch::default();
        decode_object(pod(text).to_string().as_bytes(), false, &mut batch).unwrap();
        let (pod, _) = batch.iter().next().unwrap();
        let apart = [("cpu", pod.requests.cpu), ("memory", pod.requests.memory)].into_iter();
        let apart = apart.filter(|(_, amount)| *amount != Quantity::ZERO);
        let all = apart.chain(pod.requests.others.iter().copied());
        let found: BTreeMap<String, Quantity> = all.map(|(name, amount)| (name.to_owned(), amount)).collect();
        assert_eq!(found, expected(requests), "{name}: {text}");
    }
}

#[test]
fn test_pod_requests_and_limits() {
    // `getPod` gives an init container what the container has.
    check(&[
        ("just-limit-no-overhead", "c foo; limits foo cpu=9; i init-foo; limits init-foo cpu=9", ""),
        ("just-overhead", "c foo; i init-foo; overhead cpu=5 memory=5", "cpu=5 memory=5"),
        (
            "req-and-overhead",
            "c foo cpu=1 memory=10; i init-foo cpu=1 memory=10; overhead cpu=5 memory=5",
            "cpu=6 memory=15",
        ),
        (
            "all-req-lim-and-overhead",
            "c foo cpu=1 memory=10; limits foo cpu=2 memory=12; i init-foo cpu=1 memory=10;
             limits init-foo cpu=2 memory=12; overhead cpu=5 memory=5",
            "cpu=6 memory=15",
        ),
        (
            "req-some-lim-and-overhead",
            "c foo cpu=1 memory=10; limits foo cpu=2; i init-foo cpu=1 memory=10; limits init-foo cpu=2;
             overhead cpu=5 memory=5",
            "cpu=6 memory=15",
        ),
    ]);
}

#[test]
fn test_pod_requests_and_limits_without_overhead() {
    // The test sets `ExcludeOverhead`, which we never do: the pods are upstream's without their overhead.
    check(&[
        (
            "two container no overhead - should just be sum of containers",
            "c foobar cpu=1 memory=5; limits foobar cpu=2 memory=10; c foobar2 cpu=4 memory=12;
             limits foobar2 cpu=8 memory=24",
            "cpu=5 memory=17",
        ),
        (
            "two container with overhead - shouldn't consider overhead",
            "c foobar cpu=1 memory=5; c foobar2 cpu=4 memory=12",
            "cpu=5 memory=17",
        ),
        (
            "two container with overhead, massive init - should just be the largest init",
            "c foobar cpu=1 memory=5; c foobar2 cpu=4 memory=12; i small-init cpu=1 memory=5; i big-init cpu=40 memory=120",
            "cpu=40 memory=120",
        ),
    ]);
}

#[test]
fn test_pod_resource_requests() {
    // Not ours: "pod overhead excluded", "resized, infeasible, but don't use status" and "resized, restartable init container,
    // infeasible, but don't use status".
    check(&[
        ("nil options, larger init container", "i _ cpu=4; c _ cpu=1", "cpu=4"),
        ("nil options, larger containers", "i _ cpu=2; c _ cpu=2; c _ cpu=3", "cpu=5"),
        (
            "pod overhead included",
            "i _ cpu=2; limits _ cpu=2; c _ cpu=2; c _ cpu=3; overhead cpu=1 memory=1Gi",
            "cpu=6 memory=1Gi",
        ),
        ("resized, infeasible", "c container-1 cpu=4; runs container-1 cpu=2; infeasible", "cpu=2"),
        (
            "resized, infeasible & in-progress",
            "c container-1 cpu=6; allocated container-1 cpu=4; runs container-1 cpu=2; infeasible",
            "cpu=4",
        ),
        ("resized, no resize status", "c container-1 cpu=4; runs container-1 cpu=2", "cpu=4"),
        (
            "resized: per-resource 3-way maximum",
            "c container-1 cpu=30m memory=20M ephemeral-storage=10G;
             allocated container-1 cpu=20m memory=10M ephemeral-storage=30G;
             runs container-1 cpu=10m memory=30M ephemeral-storage=20G",
            "cpu=30m memory=30M ephemeral-storage=30G",
        ),
        (
            "resized, restartable init container, infeasible",
            "s restartable-init-1 cpu=4; runs restartable-init-1 cpu=2; infeasible",
            "cpu=2",
        ),
        (
            "resized, restartable init container, no resize status",
            "s restartable-init-1 cpu=4; runs restartable-init-1 cpu=2",
            "cpu=4",
        ),
        ("restartable init container", "s restartable-init-1 cpu=1; c container-1 cpu=1", "cpu=2"),
        (
            "multiple restartable init containers",
            "i init-1 cpu=5; s restartable-init-1 cpu=1; s restartable-init-2 cpu=2; s restartable-init-3 cpu=3;
             c container-1 cpu=1",
            "cpu=7",
        ),
        (
            "multiple restartable and regular init containers",
            "i init-1 cpu=5; s restartable-init-1 cpu=1; s restartable-init-2 cpu=2; i init-2 cpu=5;
             s restartable-init-3 cpu=3; c container-1 cpu=1",
            "cpu=8",
        ),
        (
            "restartable-init, init and regular",
            "s restartable-init-1 cpu=10; i init-1 cpu=200; c container-1 cpu=100",
            "cpu=210",
        ),
        (
            "aggregate request resolves max of sums instead of sum of maxes",
            "c c1 cpu=1; c c2 cpu=2; allocated c1 cpu=2; allocated c2 cpu=1",
            "cpu=3",
        ),
    ]);
}

#[test]
fn test_pod_level_resource_requests() {
    // Not ours: "pod level memory resource with SkipPodLevelResources true", and the second of the two rows named
    // "container-level resources and init container set with SkipPodLevelResources false", which sets the option to true.
    const ONE: &str = "c _ memory=3Mi cpu=2m";
    let with = |rest: &str| -> &'static str { format!("{ONE}; {rest}").leak() };
    check(&[
        ("nil", "", ""),
        ("pod level memory resource with SkipPodLevelResources false", "level memory=2Mi", "memory=2Mi"),
        (
            "pod level memory and container level cpu resources with SkipPodLevelResources false",
            "level memory=2Mi; c _ cpu=2m",
            "memory=2Mi cpu=2m",
        ),
        (
            "pod level unsupported resources set at both pod-level and container-level with SkipPodLevelResources false",
            "level storage=2Mi; c _ storage=3Mi",
            "storage=3Mi",
        ),
        (
            "pod level unsupported resources set at pod-level with SkipPodLevelResources false",
            "level storage=2Mi; c _ memory=3Mi",
            "memory=3Mi",
        ),
        ("only container level resources set with SkipPodLevelResources false", ONE, "memory=3Mi cpu=2m"),
        (
            "both container-level and pod-level resources set with SkipPodLevelResources false",
            with("level memory=6Mi cpu=8m"),
            "memory=6Mi cpu=8m",
        ),
        (
            "container-level resources and init container set with SkipPodLevelResources false",
            with("i _ memory=5Mi cpu=4m"),
            "memory=5Mi cpu=4m",
        ),
        (
            "container-level resources and sidecar container set with SkipPodLevelResources false",
            with("s _ memory=5Mi cpu=4m"),
            "memory=8Mi cpu=6m",
        ),
        (
            "container-level resources, init and sidecar container set with SkipPodLevelResources false",
            with("s _ memory=5Mi cpu=4m; i _ memory=6Mi cpu=8m"),
            "memory=11Mi cpu=12m",
        ),
        (
            "pod-level resources, container-level resources, init and sidecar container set with SkipPodLevelResources false",
            with("level memory=15Mi cpu=18m; s _ memory=5Mi cpu=4m; i _ memory=6Mi cpu=8m"),
            "memory=15Mi cpu=18m",
        ),
        (
            "pod-level resources, hugepage request/limit single page size",
            "level memory=10Mi hugepages-2Mi=2Mi; level-limits hugepages-2Mi=2Mi",
            "memory=10Mi hugepages-2Mi=2Mi",
        ),
        (
            "pod-level resources, hugepage request/limit multiple page sizes",
            "level cpu=1 hugepages-2Mi=2Mi hugepages-1Gi=1Gi; level-limits hugepages-2Mi=2Mi hugepages-1Gi=1Gi",
            "cpu=1 hugepages-2Mi=2Mi hugepages-1Gi=1Gi",
        ),
        (
            "pod-level resources, container-level resources, hugepage request/limit single page size",
            "level cpu=1 hugepages-2Mi=10Mi; level-limits hugepages-2Mi=10Mi; c _ hugepages-2Mi=6Mi; limits _ hugepages-2Mi=6Mi",
            "cpu=1 hugepages-2Mi=10Mi",
        ),
        (
            "pod-level resources, container-level resources, hugepage request/limit multiple page sizes",
            "level cpu=1 hugepages-2Mi=10Mi hugepages-1Gi=2Gi; c _ cpu=1 hugepages-1Gi=2Gi; limits _ hugepages-1Gi=2Gi",
            "cpu=1 hugepages-2Mi=10Mi hugepages-1Gi=2Gi",
        ),
        (
            "pod-level resources, container-level resources, hugepage request/limit multiple page sizes between pod-level and \
             container-level",
            "level cpu=1 hugepages-2Mi=10Mi; c _ memory=4Mi hugepages-1Gi=1Gi",
            "cpu=1 memory=4Mi hugepages-2Mi=10Mi hugepages-1Gi=1Gi",
        ),
    ]);
}

#[test]
fn test_is_pod_level_resources_set_and_test_is_supported_pod_level_resource() {
    // What upstream's two tables ask of a function is asked of the sum here: 1 of the container, or 7 of the pod.
    let supported = [
        ("cpu", true),
        ("memory", true),
        ("ephemeral-storage", false),
        ("hugepages-2Mi", true),
        ("hugepages-1Gi", true),
    ];
    for (name, supported) in supported {
        let text: &'static str = format!("c a {name}=1; level {name}=7").leak();
        check(&[(name, text, format!("{name}={}", if supported { 7 } else { 1 }).leak())]);
    }
    check(&[
        ("nil resources struct", "c a cpu=1", "cpu=1"),
        ("empty resources struct", "c a cpu=1; level", "cpu=1"),
        ("only unsupported resource requests set", "c a cpu=1; level ephemeral-storage=7", "cpu=1"),
        ("unsupported and suported resources requests set", "c a cpu=1; level ephemeral-storage=7 cpu=7", "cpu=7"),
    ]);
}

/// Not ours: "`UseDRANodeAllocatableResourceClaimStatus` flag disabled"; about limits alone: "Pod Level Resources (CPU limits only)
/// with shared DRA claim and `UseStatusResources`", the same "during resize", "Container Level Resources with shared DRA claim
/// during memory limit resize and `UseStatusResources`".
const DRA_ROWS: [Row; 20] = [
    ("No claims", "c c1 cpu=100m memory=1Gi; limits c1 cpu=100m memory=1Gi", "cpu=100m memory=1Gi"),
    (
        "Single claim on one container",
        "c c1 cpu=100m memory=1Gi hugepages-1Gi=2; claim c1 cpu=50m hugepages-1Gi=1",
        "cpu=150m memory=1Gi hugepages-1Gi=3",
    ),
    (
        "Multiple claims on one container",
        "c c1 cpu=100m memory=1Gi; claim c1 cpu=50m; claim c1 cpu=25m memory=512Mi",
        "cpu=175m memory=1.5Gi",
    ),
    ("Same claim referenced in multiple containers", "c c1 cpu=100m; c c2 cpu=200m; claim c1,c2 cpu=50m", "cpu=350m"),
    (
        "Different claims on multiple containers",
        "c c1 cpu=100m hugepages-1Gi=1; c c2 cpu=200m memory=1Gi hugepages-1Gi=2; claim c1 cpu=50m hugepages-1Gi=1;
         claim c2 cpu=25m memory=512Mi hugepages-1Gi=2",
        "cpu=375m memory=1.5Gi hugepages-1Gi=6",
    ),
    ("Claim on init container", "i ic1 cpu=100m; c c1 cpu=50m; claim ic1 cpu=25m", "cpu=125m"),
    (
        "Pod Level Resources overrides the claim request/limit",
        "c c1 cpu=1 memory=1Gi; level cpu=2; level-limits cpu=2; claim c1 cpu=3",
        "cpu=2 memory=1Gi",
    ),
    (
        "Pod with DRA claim specifying Overhead mapping",
        "c c1 cpu=100m memory=1Gi; c c2 cpu=100m memory=1Gi; claim c1,c2 |memory=1Gi+500Mi",
        "cpu=200m memory=4072Mi",
    ),
    (
        "Pod with DRA claim specifying both Mapping and Overhead mapping",
        "c c1 memory=1Gi; c c2 memory=1Gi; claim c1,c2 memory=2Gi|memory=1Gi+500Mi",
        "memory=6120Mi",
    ),
    (
        "Pod with DRA claim specifying Overhead mapping, PerPod only",
        "c c1 memory=1Gi; claim c1 |memory=1Gi+",
        "memory=2Gi",
    ),
    (
        "Pod with DRA claim specifying Overhead mapping, PerContainer only",
        "c c1 memory=1Gi; claim c1 |memory=+500Mi",
        "memory=1524Mi",
    ),
    ("Pod with unreferenced DRA claim specifying Mapping", "c c1 memory=1Gi; claim _ memory=2Gi", "memory=3Gi"),
    (
        "Pod with unreferenced DRA claim specifying Overhead mapping",
        "c c1 memory=1Gi; claim _ |memory=1Gi+500Mi",
        "memory=2Gi",
    ),
    (
        "Pod with unreferenced DRA claim specifying Overhead mapping, PerContainer only",
        "c c1 memory=1Gi; claim _ |memory=+500Mi",
        "memory=1Gi",
    ),
    (
        "shared DRA claim + memory resize (spec != status) + UseStatusResources",
        "c c1 memory=1Gi; c c2 memory=2Gi; allocated c1 memory=1Gi; runs c1 memory=2Gi; allocated c2 memory=2Gi;
         runs c2 memory=2Gi; pod-runs memory=6Gi; pod-allocated memory=5Gi; claim c1,c2 |memory=+1Gi",
        "memory=6Gi",
    ),
    (
        "Pod Level Resources for CPU + shared DRA claims + UseStatusResources",
        "level cpu=3; c c1 memory=1Gi; c c2 memory=2Gi; allocated c1 memory=1Gi; runs c1 memory=1Gi;
         allocated c2 memory=2Gi; runs c2 memory=2Gi; pod-runs cpu=3 memory=5Gi; pod-allocated cpu=3 memory=5Gi;
         claim c1,c2 cpu=1; claim c1,c2 |memory=+1Gi",
        "cpu=3 memory=5Gi",
    ),
    (
        "Pod Level Resources + shared DRA claim during resize (spec != status) + UseStatusResources",
        "level cpu=4; c c1 memory=1Gi; c c2 memory=2Gi; allocated c1 memory=1Gi; runs c1 memory=1Gi;
         allocated c2 memory=2Gi; runs c2 memory=2Gi; pod-runs cpu=3 memory=5Gi; pod-allocated cpu=3 memory=5Gi;
         claim c1,c2 cpu=1; claim c1,c2 |memory=+1Gi",
        "cpu=4 memory=5Gi",
    ),
    (
        "Container Level Resources + shared DRA claim during memory resize + UseStatusResources",
        "c c1 memory=4Gi; c c2 memory=2Gi; allocated c1 memory=4Gi; runs c1 memory=2Gi; allocated c2 memory=2Gi;
         runs c2 memory=2Gi; claim c1,c2 |memory=+1Gi",
        "memory=8Gi",
    ),
    (
        "DRA cpu/memory not added to limits when container limits are omitted",
        "c c1 cpu=100m memory=1Gi; claim c1 cpu=50m memory=512Mi",
        "cpu=150m memory=1536Mi",
    ),
    (
        "DRA hugepages added to limits even when container limits are omitted",
        "c c1 cpu=100m; claim c1 hugepages-1Gi=1",
        "cpu=100m hugepages-1Gi=1",
    ),
];

#[test]
fn test_pod_requests_and_limits_with_dra() {
    check(&DRA_ROWS);
}

#[test]
fn test_pod_resource_requests_with_shared_dra_claims() {
    check(&[
        (
            "1. Without UseStatusResources (there is no status yet)",
            "c c1 memory=2Gi; c c2 memory=2Gi; claim c1,c2 |memory=+3Gi",
            "memory=10Gi",
        ),
        (
            "2. With UseStatusResources (no resize transition)",
            "c c1 memory=2Gi; c c2 memory=2Gi; claim c1,c2 |memory=+3Gi; pod-runs memory=10Gi; pod-allocated memory=10Gi",
            "memory=10Gi",
        ),
        (
            "3. With UseStatusResources (concurrent resize transition: c1 requests resize up 2Gi -> 3Gi)",
            "c c1 memory=3Gi; c c2 memory=2Gi; claim c1,c2 |memory=+3Gi; pod-runs memory=10Gi; pod-allocated memory=10Gi",
            "memory=11Gi",
        ),
    ]);
}

#[test]
fn test_aggregate_container_requests_and_limits() {
    // About limits alone: "aggregate container limit resolves max of sums instead of sum of maxes".
    check(&[
        ("one container with limits", "c _; limits _ cpu=9", ""),
        ("two containers with limits", "c a; limits a cpu=9; c b; limits b cpu=9", ""),
        ("one container with requests", "c _ cpu=9", "cpu=9"),
        ("two containers with requests", "c _ cpu=9; c _ cpu=9", "cpu=18"),
        ("regular and init containers with requests", "c _ cpu=9; i _ cpu=9", "cpu=9"),
        ("regular, init and sidecar containers with requests", "c _ cpu=9; s _ cpu=8; i _ cpu=6", "cpu=17"),
        ("regular and init containers with limits", "c a; limits a cpu=9; i b; limits b cpu=9", ""),
        (
            "regular, init and sidecar containers with limits",
            "c a; limits a cpu=9; s b; limits b cpu=8; i c; limits c cpu=6",
            "",
        ),
        (
            "regularcontainers with empty requests, but status with non-empty requests",
            "c container-1; runs container-1 cpu=2",
            "cpu=2",
        ),
        (
            "always-restart init containers with empty requests, but status with non-empty requests",
            "s container-1; runs container-1 cpu=2",
            "cpu=2",
        ),
        (
            "aggregate container request resolves max of sums instead of sum of maxes",
            "c c1 cpu=1; c c2 cpu=2; allocated c1 cpu=2; allocated c2 cpu=1",
            "cpu=3",
        ),
        (
            "aggregate container request/limit resolves directly from pod status when PLR vertical scaling enabled",
            "c c1 cpu=1; pod-allocated cpu=4; pod-runs cpu=3",
            "cpu=4",
        ),
        (
            "falls back to container status aggregation when PLR vertical scaling enabled but podAllocatedResources is nil",
            "c c1 cpu=1; allocated c1 cpu=6; runs c1 cpu=5; pod-runs cpu=3",
            "cpu=6",
        ),
        (
            "falls back to container status aggregation when PLR vertical scaling enabled but podResources is nil",
            "c c1 cpu=1; allocated c1 cpu=6; runs c1 cpu=5; pod-allocated cpu=6",
            "cpu=6",
        ),
    ]);
}

#[test]
fn test_pod_requests_and_limits_vertical_scaling_wrappers() {
    // Not ours: the two rows "non missing container requests applied to …".
    check(&[
        (
            "pod level requests/limits with PLR vertical scaling enabled and status populated",
            "level cpu=2; c c1 cpu=1; pod-allocated cpu=3; pod-runs cpu=3.5",
            "cpu=3.5",
        ),
        (
            "pod level requests/limits with PLR vertical scaling enabled and infeasible resize",
            "level cpu=10; c c1 cpu=1; pod-allocated cpu=3; pod-runs cpu=4; infeasible",
            "cpu=4",
        ),
        ("container limits aggregation with infeasible resize", "c c1; limits c1 cpu=10; infeasible", ""),
    ]);
}
