//! Rows of component-helpers' `resource/helpers_test.go` that `kubectl describe`'s options apply to, and a slow literal oracle.

use std::collections::BTreeMap;
use std::fmt::Write;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::facts::pod::{PodBatch, decode_object};
use crate::facts::quantity::Quantity;

/// A pod as the tests write it; amounts are `cpu=1 memory=2Gi`.
#[derive(Clone, Debug, Default)]
struct Pod {
    init: Vec<Container>,
    containers: Vec<Container>,
    overhead: &'static str,
    level: &'static str,
    infeasible: bool,
}

#[derive(Clone, Debug, Default)]
struct Container {
    name: &'static str,
    sidecar: bool,
    requests: String,
    limits: String,
    allocated: Option<String>,
    actuated: Option<String>,
}

fn container(name: &'static str, requests: &str) -> Container {
    Container { name, requests: requests.into(), ..Container::default() }
}

fn sidecar(name: &'static str, requests: &str) -> Container {
    Container { sidecar: true, ..container(name, requests) }
}

fn amounts(text: &str) -> BTreeMap<&str, &str> {
    text.split_whitespace().map(|pair| pair.split_once('=').unwrap()).collect()
}

fn json(text: &str) -> String {
    serde_json::to_string(&amounts(text)).unwrap()
}

impl Pod {
    fn json(&self) -> String {
        let specs = |containers: &[Container]| {
            let one = |c: &Container| {
                let policy = if c.sidecar { r#""restartPolicy":"Always","# } else { "" };
                let (requests, limits) = (json(&c.requests), json(&c.limits));
                format!(r#"{{"name":"{}",{policy}"resources":{{"requests":{requests},"limits":{limits}}}}}"#, c.name)
            };
            containers.iter().map(one).collect::<Vec<_>>().join(",")
        };
        let statuses = |containers: &[Container]| {
            let one = |c: &Container| {
                let mut status = format!(r#"{{"name":"{}""#, c.name);
                if let Some(allocated) = &c.allocated {
                    write!(status, r#","allocatedResources":{}"#, json(allocated)).unwrap();
                }
                if let Some(actuated) = &c.actuated {
                    write!(status, r#","resources":{{"requests":{}}}"#, json(actuated)).unwrap();
                }
                status + "}"
            };
            containers.iter().map(one).collect::<Vec<_>>().join(",")
        };
        let condition =
            if self.infeasible { r#"{"type":"PodResizePending","status":"True","reason":"Infeasible"}"# } else { "" };
        format!(
            r#"{{"metadata":{{"name":"a"}},"spec":{{"containers":[{}],"initContainers":[{}],"overhead":{},"resources":{{"requests":{}}}}},
            "status":{{"containerStatuses":[{}],"initContainerStatuses":[{}],"conditions":[{condition}]}}}}"#,
            specs(&self.containers),
            specs(&self.init),
            json(self.overhead),
            json(self.level),
            statuses(&self.containers),
            statuses(&self.init),
        )
    }

    /// What the decoder says, `cpu` and `memory` only if they are not 0.
    fn effective(&self) -> BTreeMap<String, Quantity> {
        let mut batch = PodBatch::default();
        decode_object(self.json().as_bytes(), false, &mut batch).unwrap();
        let (pod, _) = batch.iter().next().unwrap();
        let apart = [("cpu", pod.requests.cpu), ("memory", pod.requests.memory)];
        let apart = apart.into_iter().filter(|(_, amount)| *amount != Quantity::ZERO);
        assert!(pod.requests.others.is_sorted_by(|a, b| a.0 < b.0));
        apart.chain(pod.requests.others.iter().copied()).map(|(name, amount)| (name.to_owned(), amount)).collect()
    }
}

fn check(name: &str, expected: &str, pod: &Pod) {
    let expected: BTreeMap<_, _> = amounts(expected)
        .into_iter()
        .map(|(name, amount)| (name.to_owned(), Quantity::parse(amount).unwrap()))
        .collect();
    assert_eq!(pod.effective(), expected, "{name}");
}

/// A pod in which two containers ask for devices, with a status.
fn with_status(status: &str) -> BTreeMap<String, Quantity> {
    let pod = format!(
        r#"{{"metadata":{{"name":"a"}},"spec":{{"containers":[
         {{"name":"c1","resources":{{"requests":{{"cpu":"100m","memory":"1Gi"}},"limits":{{"nvidia.com/gpu":"1","x.io/y":"2"}}}}}},
         {{"name":"c2","resources":{{"requests":{{"cpu":"200m"}},"limits":{{"nvidia.com/gpu":"1"}}}}}}]}},"status":{status}}}"#
    );
    let mut batch = PodBatch::default();
    decode_object(pod.as_bytes(), false, &mut batch).unwrap();
    let (pod, _) = batch.iter().next().unwrap();
    let apart = [("cpu", pod.requests.cpu), ("memory", pod.requests.memory)].into_iter();
    apart.chain(pod.requests.others.iter().copied()).map(|(name, amount)| (name.to_owned(), amount)).collect()
}

fn expected(text: &str) -> BTreeMap<String, Quantity> {
    let amounts = amounts(text).into_iter();
    amounts.map(|(name, amount)| (name.to_owned(), Quantity::parse(amount).unwrap())).collect()
}

/// A pod of `TestPodRequestsAndLimitsWithDRA`: containers with requests, init containers, and the rest of spec and status.
struct WithClaims {
    containers: &'static [(&'static str, &'static str)],
    init: &'static [(&'static str, &'static str)],
    /// `spec.resources.requests`.
    level: &'static str,
    /// Claims: containers that refer to each, `mapping`, `overhead`.
    claims: &'static [(&'static [&'static str], &'static str, &'static str)],
    /// `containerStatuses`: name, `allocatedResources`, `resources.requests`.
    statuses: &'static [(&'static str, &'static str, &'static str)],
}

const PLAIN: WithClaims = WithClaims { containers: &[], init: &[], level: "", claims: &[], statuses: &[] };

impl WithClaims {
    fn effective(&self) -> BTreeMap<String, Quantity> {
        let list = |list: &[String]| list.join(",");
        let specs = |containers: &[(&str, &str)]| {
            let one = |(name, asks): &(&str, &str)| {
                format!(r#"{{"name":"{name}","resources":{{"requests":{}}}}}"#, json(asks))
            };
            list(&containers.iter().map(one).collect::<Vec<_>>())
        };
        // `memory=1Gi` is a quantity of a mapping; `memory=1Gi+500Mi` is perPod and perContainer, either of which may be left out.
        let taken = |text: &str| {
            let one = |(name, amounts): (&str, &str)| {
                let fields = match amounts.split_once('+') {
                    None => format!(r#""quantity":"{amounts}""#),
                    Some((pod, "")) => format!(r#""perPod":"{pod}""#),
                    Some(("", each)) => format!(r#""perContainer":"{each}""#),
                    Some((pod, each)) => format!(r#""perPod":"{pod}","perContainer":"{each}""#),
                };
                format!(r#"{{"name":"{name}",{fields}}}"#)
            };
            list(&text.split_whitespace().map(|pair| one(pair.split_once('=').unwrap())).collect::<Vec<_>>())
        };
        let claim = |(containers, mapping, overhead): &(&[&str], &str, &str)| {
            format!(
                r#"{{"resourceClaimName":"c","containers":{},"mapping":[{}],"overhead":[{}]}}"#,
                serde_json::json!(containers),
                taken(mapping),
                taken(overhead)
            )
        };
        let status = |(name, allocated, actuated): &(&str, &str, &str)| {
            let (allocated, actuated) = (json(allocated), json(actuated));
            format!(r#"{{"name":"{name}","allocatedResources":{allocated},"resources":{{"requests":{actuated}}}}}"#)
        };
        let pod = format!(
            r#"{{"metadata":{{"name":"a"}},"spec":{{"containers":[{}],"initContainers":[{}],"resources":{{"requests":{}}}}},
            "status":{{"nodeAllocatableResourceClaimStatuses":[{}],"containerStatuses":[{}]}}}}"#,
            specs(self.containers),
            specs(self.init),
            json(self.level),
            list(&self.claims.iter().map(claim).collect::<Vec<_>>()),
            list(&self.statuses.iter().map(status).collect::<Vec<_>>()),
        );
        let mut batch = PodBatch::default();
        decode_object(pod.as_bytes(), false, &mut batch).unwrap();
        let (pod, _) = batch.iter().next().unwrap();
        let apart = [("cpu", pod.requests.cpu), ("memory", pod.requests.memory)].into_iter();
        let apart = apart.filter(|(_, amount)| *amount != Quantity::ZERO);
        apart.chain(pod.requests.others.iter().copied()).map(|(name, amount)| (name.to_owned(), amount)).collect()
    }
}

const ONE: &[&str] = &["c1"];
const BOTH: &[&str] = &["c1", "c2"];
const MEMORY: WithClaims = WithClaims { containers: &[("c1", "memory=1Gi")], ..PLAIN };
const TWO: WithClaims = WithClaims { containers: &[("c1", "memory=1Gi"), ("c2", "memory=2Gi")], ..PLAIN };
const GRANTED: &[(&str, &str, &str)] = &[("c1", "memory=1Gi", "memory=1Gi"), ("c2", "memory=2Gi", "memory=2Gi")];
const CPU_AND_MEMORY: &[(&[&str], &str, &str)] = &[(BOTH, "cpu=1", ""), (BOTH, "", "memory=+1Gi")];

/// The rows of upstream's table (component-helpers `resource/helpers_test.go`), as far as they are about requests.
///
/// Four rows are not: "Pod Level Resources (CPU limits only) with shared DRA claim and `UseStatusResources`", the same "during
/// resize", "Container Level Resources with shared DRA claim during memory limit resize and `UseStatusResources`" are about
/// limits alone, of which we keep none; "`UseDRANodeAllocatableResourceClaimStatus` flag disabled" is about an option that is
/// always on here: where the feature is off, the status is not written. The `expectedLimits` of the other rows are left out.
const DRA_ROWS: [(&str, WithClaims, &str); 20] = [
    ("No claims", WithClaims { containers: &[("c1", "cpu=100m memory=1Gi")], ..PLAIN }, "cpu=100m memory=1Gi"),
    (
        "Single claim on one container",
        WithClaims {
            containers: &[("c1", "cpu=100m memory=1Gi hugepages-1Gi=2")],
            claims: &[(&["c1"], "cpu=50m hugepages-1Gi=1", "")],
            ..PLAIN
        },
        "cpu=150m memory=1Gi hugepages-1Gi=3",
    ),
    (
        "Multiple claims on one container",
        WithClaims {
            containers: &[("c1", "cpu=100m memory=1Gi")],
            claims: &[(&["c1"], "cpu=50m", ""), (&["c1"], "cpu=25m memory=512Mi", "")],
            ..PLAIN
        },
        "cpu=175m memory=1.5Gi",
    ),
    (
        "Same claim referenced in multiple containers",
        WithClaims {
            containers: &[("c1", "cpu=100m"), ("c2", "cpu=200m")],
            claims: &[(&["c1", "c2"], "cpu=50m", "")],
            ..PLAIN
        },
        "cpu=350m",
    ),
    (
        "Different claims on multiple containers",
        WithClaims {
            containers: &[("c1", "cpu=100m hugepages-1Gi=1"), ("c2", "cpu=200m memory=1Gi hugepages-1Gi=2")],
            claims: &[(&["c1"], "cpu=50m hugepages-1Gi=1", ""), (&["c2"], "cpu=25m memory=512Mi hugepages-1Gi=2", "")],
            ..PLAIN
        },
        "cpu=375m memory=1.5Gi hugepages-1Gi=6",
    ),
    (
        "Claim on init container",
        WithClaims {
            containers: &[("c1", "cpu=50m")],
            init: &[("ic1", "cpu=100m")],
            claims: &[(&["ic1"], "cpu=25m", "")],
            ..PLAIN
        },
        "cpu=125m",
    ),
    (
        "Pod Level Resources overrides the claim request/limit",
        WithClaims {
            containers: &[("c1", "cpu=1 memory=1Gi")],
            level: "cpu=2",
            claims: &[(&["c1"], "cpu=3", "")],
            ..PLAIN
        },
        "cpu=2 memory=1Gi",
    ),
    (
        "Pod with DRA claim specifying Overhead mapping",
        WithClaims {
            containers: &[("c1", "cpu=100m memory=1Gi"), ("c2", "cpu=100m memory=1Gi")],
            claims: &[(BOTH, "", "memory=1Gi+500Mi")],
            ..PLAIN
        },
        "cpu=200m memory=4072Mi",
    ),
    (
        "Pod with DRA claim specifying both Mapping and Overhead mapping",
        WithClaims {
            containers: &[("c1", "memory=1Gi"), ("c2", "memory=1Gi")],
            claims: &[(BOTH, "memory=2Gi", "memory=1Gi+500Mi")],
            ..PLAIN
        },
        "memory=6120Mi",
    ),
    (
        "Pod with DRA claim specifying Overhead mapping, PerPod only",
        WithClaims { claims: &[(ONE, "", "memory=1Gi+")], ..MEMORY },
        "memory=2Gi",
    ),
    (
        "Pod with DRA claim specifying Overhead mapping, PerContainer only",
        WithClaims { claims: &[(ONE, "", "memory=+500Mi")], ..MEMORY },
        "memory=1524Mi",
    ),
    (
        "Pod with unreferenced DRA claim specifying Mapping",
        WithClaims { claims: &[(&[], "memory=2Gi", "")], ..MEMORY },
        "memory=3Gi",
    ),
    (
        "Pod with unreferenced DRA claim specifying Overhead mapping",
        WithClaims { claims: &[(&[], "", "memory=1Gi+500Mi")], ..MEMORY },
        "memory=2Gi",
    ),
    (
        "Pod with unreferenced DRA claim specifying Overhead mapping, PerContainer only",
        WithClaims { claims: &[(&[], "", "memory=+500Mi")], ..MEMORY },
        "memory=1Gi",
    ),
    // Upstream's 6Gi are of the pod's own `status.resources`, with an option that kubectl does not set; without it the
    // containers decide: c1 max(1Gi + 1Gi, 1Gi + 1Gi, 2Gi) and c2 2Gi + 1Gi.
    (
        "shared DRA claim + memory resize (spec != status) + UseStatusResources",
        WithClaims {
            claims: &[(BOTH, "", "memory=+1Gi")],
            statuses: &[("c1", "memory=1Gi", "memory=2Gi"), ("c2", "memory=2Gi", "memory=2Gi")],
            ..TWO
        },
        "memory=5Gi",
    ),
    (
        "Pod Level Resources for CPU + shared DRA claims + UseStatusResources",
        WithClaims { level: "cpu=3", claims: CPU_AND_MEMORY, statuses: GRANTED, ..TWO },
        "cpu=3 memory=5Gi",
    ),
    (
        "Pod Level Resources + shared DRA claim during resize (spec != status) + UseStatusResources",
        WithClaims { level: "cpu=4", claims: CPU_AND_MEMORY, statuses: GRANTED, ..TWO },
        "cpu=4 memory=5Gi",
    ),
    (
        "Container Level Resources + shared DRA claim during memory resize + UseStatusResources",
        WithClaims {
            containers: &[("c1", "memory=4Gi"), ("c2", "memory=2Gi")],
            claims: &[(BOTH, "", "memory=+1Gi")],
            statuses: &[("c1", "memory=4Gi", "memory=2Gi"), ("c2", "memory=2Gi", "memory=2Gi")],
            ..PLAIN
        },
        "memory=8Gi",
    ),
    (
        "DRA cpu/memory not added to limits when container limits are omitted",
        WithClaims {
            containers: &[("c1", "cpu=100m memory=1Gi")],
            claims: &[(ONE, "cpu=50m memory=512Mi", "")],
            ..PLAIN
        },
        "cpu=150m memory=1536Mi",
    ),
    (
        "DRA hugepages added to limits even when container limits are omitted",
        WithClaims { containers: &[("c1", "cpu=100m")], claims: &[(ONE, "hugepages-1Gi=1", "")], ..PLAIN },
        "cpu=100m hugepages-1Gi=1",
    ),
];

#[test]
fn rows_of_test_pod_requests_and_limits_with_dra() {
    for (name, pod, requests) in &DRA_ROWS {
        assert_eq!(pod.effective(), expected(requests), "{name}");
    }
}

/// Kubernetes 1.36 has one map, `resources`, where later versions tell `mapping` and `overhead` apart.
#[test]
fn claims_on_the_nodes_own_resources_as_of_1_36_are_added_once_each() {
    let claim = |name: &str, containers: &str, resources: &str| {
        format!(r#"{{"resourceClaimName":"{name}","containers":[{containers}],"resources":{{{resources}}}}}"#)
    };
    let status = |claims: &[String]| {
        with_status(&format!(r#"{{"nodeAllocatableResourceClaimStatuses":[{}]}}"#, claims.join(",")))
    };
    let rest = "nvidia.com/gpu=2 x.io/y=2";
    let two = [claim("1", r#""c1""#, r#""cpu":"50m""#), claim("2", r#""c1""#, r#""cpu":"25m","memory":"512Mi""#)];
    assert_eq!(status(&two), expected(&format!("cpu=375m memory=1536Mi {rest}")));
    let shared = [claim("1", r#""c1","c2""#, r#""cpu":"50m","hugepages-2Mi":"4Mi""#)];
    assert_eq!(status(&shared), expected(&format!("cpu=350m memory=1Gi hugepages-2Mi=4Mi {rest}")));
}

#[test]
fn an_extended_resource_that_a_claim_serves_is_not_asked_of_the_device_plugin() {
    let mapping = r#"{"requestMappings":[{"containerName":"c1","resourceName":"nvidia.com/gpu","requestName":"container-0-request-0"}],
      "resourceClaimName":"a-extended-resources-x"}"#;
    let served = with_status(&format!(r#"{{"extendedResourceClaimStatus":{mapping}}}"#));
    assert_eq!(
        served,
        expected("cpu=300m memory=1Gi nvidia.com/gpu=1 x.io/y=2"),
        "the one of `c2`, and the other resource"
    );
}

#[test]
fn rows_of_test_pod_resource_requests() {
    let init = |init: Vec<Container>, containers: Vec<Container>| Pod { init, containers, ..Pod::default() };
    let c = container;
    check("nil options, larger init container", "cpu=4", &init(vec![c("", "cpu=4")], vec![c("", "cpu=1")]));
    check("nil options, larger containers", "cpu=5", &init(vec![c("", "cpu=2")], vec![c("", "cpu=2"), c("", "cpu=3")]));
    let overhead =
        Pod { overhead: "cpu=1 memory=1Gi", ..init(vec![c("", "cpu=2")], vec![c("", "cpu=2"), c("", "cpu=3")]) };
    check("pod overhead included", "cpu=6 memory=1Gi", &overhead);
    let one = ("restartable-init-1", "init-1", "container-1");
    check("restartable init container", "cpu=2", &init(vec![sidecar(one.0, "cpu=1")], vec![c(one.2, "cpu=1")]));
    let three = vec![
        c("init-1", "cpu=5"),
        sidecar("restartable-init-1", "cpu=1"),
        sidecar("restartable-init-2", "cpu=2"),
        sidecar("restartable-init-3", "cpu=3"),
    ];
    check("multiple restartable init containers", "cpu=7", &init(three, vec![c(one.2, "cpu=1")]));
    let mixed = vec![
        c("init-1", "cpu=5"),
        sidecar("restartable-init-1", "cpu=1"),
        sidecar("restartable-init-2", "cpu=2"),
        c("init-2", "cpu=5"),
        sidecar("restartable-init-3", "cpu=3"),
    ];
    check("multiple restartable and regular init containers", "cpu=8", &init(mixed, vec![c(one.2, "cpu=1")]));
    let regular = vec![sidecar(one.0, "cpu=10"), c(one.1, "cpu=200")];
    check("restartable-init, init and regular", "cpu=210", &init(regular, vec![c(one.2, "cpu=100")]));
    let massive = vec![c("small-init", "cpu=1 memory=5"), c("big-init", "cpu=40 memory=120")];
    check(
        "massive init",
        "cpu=40 memory=120",
        &init(massive, vec![c("a", "cpu=1 memory=5"), c("b", "cpu=4 memory=12")]),
    );
}

#[test]
fn rows_of_test_pod_resource_requests_about_resizing() {
    let resized = |spec: &str, allocated: Option<&str>, actuated: Option<&str>| Container {
        allocated: allocated.map(Into::into),
        actuated: actuated.map(Into::into),
        ..container("container-1", spec)
    };
    let alone = |container, infeasible| Pod { containers: vec![container], infeasible, ..Pod::default() };
    let actuated = || resized("cpu=4", None, Some("cpu=2"));
    check("resized, infeasible", "cpu=2", &alone(actuated(), true));
    check("resized, no resize status", "cpu=4", &alone(actuated(), false));
    let in_progress = resized("cpu=6", Some("cpu=4"), Some("cpu=2"));
    check("resized, infeasible & in-progress", "cpu=4", &alone(in_progress, true));
    let three_way = resized(
        "cpu=30m memory=20M ephemeral-storage=10G",
        Some("cpu=20m memory=10M ephemeral-storage=30G"),
        Some("cpu=10m memory=30M ephemeral-storage=20G"),
    );
    let most = "cpu=30m memory=30M ephemeral-storage=30G";
    check("resized: per-resource 3-way maximum", most, &alone(three_way, false));
    let restartable = |infeasible| {
        let init = vec![Container { sidecar: true, ..actuated() }];
        Pod { init, infeasible, ..Pod::default() }
    };
    check("resized, restartable init container, infeasible", "cpu=2", &restartable(true));
    check("resized, restartable init container, no resize status", "cpu=4", &restartable(false));
    let swapped = vec![
        Container { name: "c1", ..resized("cpu=1", Some("cpu=2"), None) },
        Container { name: "c2", ..resized("cpu=2", Some("cpu=1"), None) },
    ];
    let name = "aggregate request resolves max of sums instead of sum of maxes";
    check(name, "cpu=3", &Pod { containers: swapped, ..Pod::default() });
}

#[test]
fn rows_of_test_pod_level_resource_requests() {
    let pod =
        |level, containers: Vec<Container>, init: Vec<Container>| Pod { init, containers, level, ..Pod::default() };
    let one = || vec![container("", "memory=3Mi cpu=2m")];
    let side = || sidecar("s", "memory=5Mi cpu=4m");
    let init = || container("i", "memory=6Mi cpu=8m");
    check("nil", "", &pod("", vec![], vec![]));
    check("pod level memory resource", "memory=2Mi", &pod("memory=2Mi", vec![], vec![]));
    let cpu = vec![container("", "cpu=2m")];
    check("pod level memory and container level cpu resources", "memory=1Mi cpu=2m", &pod("memory=1Mi", cpu, vec![]));
    let unsupported = "cpu=100m memory=1Mi ephemeral-storage=2Gi";
    let storage = vec![container("", "ephemeral-storage=1Gi")];
    let expected = "cpu=100m memory=1Mi ephemeral-storage=1Gi";
    check("pod level unsupported resources set at both levels", expected, &pod(unsupported, storage, vec![]));
    check("pod level unsupported resources set at pod-level", "cpu=100m memory=1Mi", &pod(unsupported, vec![], vec![]));
    check("only container level resources set", "memory=3Mi cpu=2m", &pod("", one(), vec![]));
    check("both levels set", "memory=6Mi cpu=8m", &pod("memory=6Mi cpu=8m", one(), vec![]));
    let larger = vec![container("", "memory=5Mi cpu=4m")];
    check("container-level and init container", "memory=5Mi cpu=4m", &pod("", one(), larger));
    check("container-level and sidecar container", "memory=8Mi cpu=6m", &pod("", one(), vec![side()]));
    check("container-level, init and sidecar", "memory=11Mi cpu=12m", &pod("", one(), vec![side(), init()]));
    let all = pod("memory=15Mi cpu=18m", one(), vec![side(), init()]);
    check("pod-level, container-level, init and sidecar", "memory=15Mi cpu=18m", &all);
    let single = "memory=10Mi hugepages-2Mi=2Mi";
    check("hugepages, single page size", single, &pod(single, vec![], vec![]));
    let multiple = "cpu=1 hugepages-2Mi=2Mi hugepages-1Gi=1Gi";
    check("hugepages, multiple page sizes", multiple, &pod(multiple, vec![], vec![]));
    let both = "cpu=1 hugepages-2Mi=10Mi";
    check("hugepages at both levels", both, &pod(both, vec![container("", "hugepages-2Mi=6Mi")], vec![]));
    let between = pod(both, vec![container("", "memory=4Mi hugepages-1Gi=1Gi")], vec![]);
    check("hugepages between the levels", "cpu=1 memory=4Mi hugepages-2Mi=10Mi hugepages-1Gi=1Gi", &between);
    check("a GPU at pod level is ignored", "cpu=1", &pod("cpu=1 nvidia.com/gpu=8", vec![], vec![]));
    let overhead = Pod { overhead: "cpu=1m memory=1Mi", ..pod("cpu=8m", one(), vec![]) };
    check("overhead on top of pod-level", "cpu=9m memory=4Mi", &overhead);
}

#[test]
fn only_an_extended_resource_is_asked_for_by_its_limit_alone() {
    let limits = "cpu=4 memory=1Gi hugepages-2Mi=2Mi nvidia.com/gpu=2 node.kubernetes.io/x=1 requests.example.com/y=1";
    let limited = Container { limits: limits.into(), ..container("a", "") };
    check("limits alone", "nvidia.com/gpu=2", &Pod { containers: vec![limited], ..Pod::default() });
    let both = Container { limits: "nvidia.com/gpu=4 amd.com/gpu=1".into(), ..container("a", "nvidia.com/gpu=2") };
    check("requests win", "nvidia.com/gpu=2 amd.com/gpu=1", &Pod { containers: vec![both], ..Pod::default() });
}

#[test]
fn maps_in_any_order_and_with_a_name_twice_read_as_in_go() {
    let json = r#"{"metadata":{"name":"a"},"spec":{"containers":[{"resources":{"requests":
        {"x/b":"1","memory":"5","cpu":"1","x/a":"2","cpu":"3","bad":"1 "}}}]}}"#;
    let mut batch = PodBatch::default();
    decode_object(json.as_bytes(), false, &mut batch).unwrap();
    let (pod, _) = batch.iter().next().unwrap();
    assert_eq!((pod.requests.cpu, pod.requests.memory), (Quantity::whole(3), Quantity::whole(5)));
    assert_eq!(pod.requests.others, [("x/a", Quantity::whole(2)), ("x/b", Quantity::whole(1))]);
}

type Asked = BTreeMap<String, i128>;

/// What a container asks by one of the three views, as `containerSpecRequests` and its two siblings say.
fn view(container: &Container, view: usize, infeasible: bool) -> Asked {
    let mut spec: BTreeMap<&str, &str> = amounts(&container.requests);
    for (name, amount) in amounts(&container.limits) {
        if name == "nvidia.com/gpu" && !spec.contains_key(name) {
            spec.insert(name, amount);
        }
    }
    let fallback = if infeasible { BTreeMap::new() } else { spec.clone() };
    let chosen = match view {
        0 => spec,
        1 => container.allocated.as_deref().map_or(fallback, amounts),
        _ => container.actuated.as_deref().or(container.allocated.as_deref()).map_or(fallback, amounts),
    };
    chosen.into_iter().map(|(name, amount)| (name.to_owned(), Quantity::parse(amount).unwrap().nano())).collect()
}

/// The formula of semantics.md, section 1, per resource and by index, with no shared sums.
fn oracle(pod: &Pod) -> Asked {
    let mut effective = Asked::new();
    let names = ["cpu", "memory", "nvidia.com/gpu", "hugepages-2Mi"];
    for name in names {
        let of = |container: &Container, which| view(container, which, pod.infeasible).get(name).copied().unwrap_or(0);
        let total = |which| {
            let app: i128 = pod.containers.iter().map(|c| of(c, which)).sum();
            let sidecars =
                |upto: usize| pod.init[..upto].iter().filter(|c| c.sidecar).map(|c| of(c, which)).sum::<i128>();
            let peak = (0..pod.init.len()).map(|at| sidecars(at) + of(&pod.init[at], which)).max().unwrap_or(0);
            (app + sidecars(pod.init.len())).max(peak)
        };
        let views = if pod.infeasible { 1..3 } else { 0..3 };
        let mut sum = views.map(total).max().unwrap();
        let amount = |text| amounts(text).get(name).map(|amount| Quantity::parse(amount).unwrap().nano());
        if name != "nvidia.com/gpu" {
            sum = amount(pod.level).unwrap_or(sum);
        }
        sum += amount(pod.overhead).unwrap_or(0);
        if sum != 0 {
            effective.insert(name.to_owned(), sum);
        }
    }
    effective
}

fn any_amounts() -> impl Strategy<Value = String> {
    vec((0_usize..4, 1_u32..9), 0..4).prop_map(|pairs| {
        let pairs: BTreeMap<usize, u32> = pairs.into_iter().collect();
        let one = |(at, amount)| format!("{}={amount}", ["cpu", "memory", "nvidia.com/gpu", "hugepages-2Mi"][at]);
        pairs.into_iter().map(one).collect::<Vec<_>>().join(" ")
    })
}

fn any_container() -> impl Strategy<Value = Container> {
    let status = (prop::option::of(any_amounts()), prop::option::of(any_amounts()));
    (any::<bool>(), any_amounts(), any_amounts(), status).prop_map(
        |(sidecar, requests, limits, (allocated, actuated))| Container {
            name: "",
            sidecar,
            requests,
            limits,
            allocated,
            actuated,
        },
    )
}

proptest! {
    #[test]
    fn any_pod_asks_for_what_the_formula_says(
        init in vec(any_container(), 0..5),
        containers in vec(any_container(), 0..4),
        infeasible in any::<bool>(),
        overhead in prop::sample::select(vec!["", "cpu=3", "memory=1 nvidia.com/gpu=2"]),
        level in prop::sample::select(vec!["", "", "cpu=5", "memory=7 hugepages-2Mi=1 nvidia.com/gpu=9"]),
    ) {
        let mut pod = Pod { init, containers, overhead, level, infeasible };
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
        for (container, name) in pod.init.iter_mut().chain(&mut pod.containers).zip(names) {
            container.name = name;
        }
        let found: Asked = pod.effective().into_iter().map(|(name, amount)| (name, amount.nano())).collect();
        prop_assert_eq!(found, oracle(&pod));
    }
}
