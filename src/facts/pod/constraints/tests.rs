//! Constraints of a pod in both wire formats. Field numbers: `generated.proto` of `k8s.io/api` (`core/v1`), v0.34.1.

use super::*;
use crate::facts::pod::{PodBatch, decode_object};
use crate::facts::proto::build::{enveloped, int, sized};

fn constraints(object: &[u8]) -> Option<PodConstraints> {
    let mut batch = PodBatch::default();
    decode_object(object, false, &mut batch).unwrap();
    batch.iter().next().unwrap().0.constraints.cloned()
}

fn text(number: u64, text: &str) -> Vec<u8> {
    sized(number, text.as_bytes())
}

/// The pod of the test in protobuf.
fn in_protobuf(node: &str) -> Vec<u8> {
    let toleration = [text(1, "dedicated"), text(2, "Equal"), text(3, "inference"), text(4, "NoSchedule")].concat();
    let requirement = |key: &str, operator: &str, values: &[&str]| {
        let values: Vec<u8> = values.iter().flat_map(|value| text(3, value)).collect();
        [text(1, key), text(2, operator), values].concat()
    };
    let term = [
        sized(1, &requirement("zone", "In", &["a", "b"])),
        sized(1, &requirement("gpu", "Exists", &[])),
        sized(2, &requirement("metadata.name", "In", &["n7"])),
    ]
    .concat();
    let node_affinity = sized(1, &sized(1, &term));
    let pod_affinity = sized(1, &text(1, "x"));
    let affinity = [sized(1, &node_affinity), sized(3, &pod_affinity)].concat();
    let container = [text(1, "c"), sized(6, &[int(2, 8080), int(3, 80)].concat())].concat();
    let volume = [text(1, "data"), sized(2, &sized(10, &text(1, "claim")))].concat();
    let spec = [
        sized(1, &volume),
        sized(2, &container),
        sized(7, &[text(1, "pool"), text(2, "h100")].concat()),
        text(10, node),
        sized(18, &affinity),
        text(19, "volcano"),
        sized(22, &toleration),
        sized(33, &text(3, "DoNotSchedule")),
        sized(38, &text(1, "kueue.x-k8s.io/admission")),
        sized(39, &text(1, "gpu")),
    ]
    .concat();
    let pod = [sized(1, &text(1, "p")), sized(2, &spec), sized(3, &text(1, "Pending"))].concat();
    enveloped("v1", "Pod", &pod)
}

/// The same in JSON.
fn in_json(node: &str) -> String {
    format!(
        r#"{{"kind":"Pod","metadata":{{"name":"p"}},"spec":{{"volumes":[{{"name":"data","persistentVolumeClaim":{{"claimName":"claim"}}}}],
        "containers":[{{"name":"c","ports":[{{"hostPort":8080,"containerPort":80}}]}}],"nodeSelector":{{"pool":"h100"}},"nodeName":"{node}",
        "affinity":{{"nodeAffinity":{{"requiredDuringSchedulingIgnoredDuringExecution":{{"nodeSelectorTerms":[{{"matchExpressions":[
        {{"key":"zone","operator":"In","values":["a","b"]}},{{"key":"gpu","operator":"Exists"}}],"matchFields":[
        {{"key":"metadata.name","operator":"In","values":["n7"]}}]}}]}}}},
        "podAntiAffinity":{{"requiredDuringSchedulingIgnoredDuringExecution":[{{"topologyKey":"x"}}]}}}},
        "schedulerName":"volcano","tolerations":[{{"key":"dedicated","operator":"Equal","value":"inference","effect":"NoSchedule"}}],
        "topologySpreadConstraints":[{{"whenUnsatisfiable":"DoNotSchedule"}}],"schedulingGates":[{{"name":"kueue.x-k8s.io/admission"}}],
        "resourceClaims":[{{"name":"gpu"}}]}},"status":{{"phase":"Pending"}}}}"#
    )
}

#[test]
fn both_formats_give_the_same_constraints() {
    let requirement = |key: &str, operator: &str, values: &[&str]| NodeRequirement {
        key: key.into(),
        operator: operator.into(),
        values: values.iter().map(|value| Clean::new(value)).collect(),
    };
    let expected = PodConstraints {
        tolerations: vec![Toleration {
            key: "dedicated".into(),
            operator: "Equal".into(),
            value: "inference".into(),
            effect: "NoSchedule".into(),
        }],
        node_selector: vec![("pool".into(), "h100".into())],
        affinity: Some(vec![NodeSelectorTerm {
            labels: vec![requirement("zone", "In", &["a", "b"]), requirement("gpu", "Exists", &[])],
            fields: vec![requirement("metadata.name", "In", &["n7"])],
        }]),
        scheduler: "volcano".into(),
        gates: vec!["kueue.x-k8s.io/admission".into()],
        not_evaluated: vec![
            NotEvaluated::Volumes,
            NotEvaluated::TopologySpread,
            NotEvaluated::PodAffinity,
            NotEvaluated::HostPorts,
            NotEvaluated::ResourceClaims,
            NotEvaluated::Scheduler,
        ],
    };
    assert_eq!(constraints(&in_protobuf("")), Some(expected.clone()));
    assert_eq!(constraints(in_json("").as_bytes()), Some(expected));
}

#[test]
fn a_pod_with_a_node_has_none() {
    assert_eq!(constraints(&in_protobuf("n1")), None);
    assert_eq!(constraints(in_json("n1").as_bytes()), None);
}

#[test]
fn odd_values_read_as_no_constraint() {
    for odd in ["null", "7", "\"x\"", "[null,7]", "{}", "[{}]"] {
        let json = format!(
            r#"{{"metadata":{{"name":"p"}},"spec":{{"nodeSelector":{odd},"affinity":{odd},"schedulerName":{odd},"volumes":{odd},
            "topologySpreadConstraints":{odd},"containers":[{{"ports":{odd}}}]}},"status":{{"phase":"Pending"}}}}"#
        );
        let found = constraints(json.as_bytes()).unwrap();
        assert_eq!((found.node_selector.len(), found.affinity), (0, None), "{odd}");
    }
}
