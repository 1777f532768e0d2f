//! Upstream's tables ([`upstream`]), a slow literal oracle, and what neither says.

mod upstream;

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
    /// `status.allocatedResources` and `status.resources.requests` of the pod as a whole.
    allocated: Option<String>,
    actuated: Option<String>,
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
        let allocated = self.allocated.as_ref().map(|held| format!(r#","allocatedResources":{}"#, json(held)));
        let actuated = self.actuated.as_ref().map(|held| format!(r#","resources":{{"requests":{}}}"#, json(held)));
        let held = [allocated, actuated].into_iter().flatten().collect::<String>();
        format!(
            r#"{{"metadata":{{"name":"a"}},"spec":{{"containers":[{}],"initContainers":[{}],"overhead":{},"resources":{{"requests":{}}}}},
            "status":{{"containerStatuses":[{}],"initContainerStatuses":[{}],"conditions":[{condition}]{held}}}}}"#,
            specs(&self.containers),
            specs(&self.init),
            json(self.overhead),
            json(self.level),
            statuses(&self.containers),
            statuses(&self.init),
        )
    }

    /// Result of the decoder, `cpu` and `memory` only if they are not 0.
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
fn what_is_asked_for_the_pod_as_a_whole_is_cpu_memory_and_pages_and_overhead_comes_on_top() {
    let pod = |level, containers| Pod { containers, level, ..Pod::default() };
    check("a GPU at pod level is ignored", "cpu=1", &pod("cpu=1 nvidia.com/gpu=8", vec![]));
    let overhead = Pod { overhead: "cpu=1m memory=1Mi", ..pod("cpu=8m", vec![container("", "memory=3Mi cpu=2m")]) };
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

/// Request of a container by one of the three sources, as in `containerSpecRequests` and its two siblings.
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

/// The formula of docs/counting.md, per resource and by index, with no shared sums.
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
        let amount = |text| amounts(text).get(name).map(|amount| Quantity::parse(amount).unwrap().nano());
        let views = if pod.infeasible { 1..3 } else { 0..3 };
        let of_view = |which| match (&pod.allocated, &pod.actuated) {
            (Some(allocated), Some(_)) if which == 1 => amount(allocated).unwrap_or(0),
            (Some(_), Some(actuated)) if which == 2 => amount(actuated).unwrap_or(0),
            _ => total(which),
        };
        let mut sum = views.map(of_view).max().unwrap();
        let has_level = amounts(pod.level).keys().any(|name| *name != "nvidia.com/gpu");
        if name != "nvidia.com/gpu" && has_level {
            let held = pod.actuated.as_ref().map(|held| (amount(held), pod.allocated.as_deref().and_then(amount)));
            let spec = amount(pod.level);
            let level = match held {
                None => spec,
                Some((actuated, allocated)) if pod.infeasible => actuated.max(allocated),
                Some((actuated, allocated)) => spec.max(actuated).max(allocated),
            };
            sum = level.unwrap_or(sum);
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
        allocated in prop::option::of(any_amounts()),
        actuated in prop::option::of(any_amounts()),
    ) {
        let mut pod = Pod { init, containers, overhead, level, allocated, actuated, infeasible };
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
        for (container, name) in pod.init.iter_mut().chain(&mut pod.containers).zip(names) {
            container.name = name;
        }
        let found: Asked = pod.effective().into_iter().map(|(name, amount)| (name, amount.nano())).collect();
        prop_assert_eq!(found, oracle(&pod));
    }
}
