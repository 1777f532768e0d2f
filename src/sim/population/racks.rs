//! Nodes as a fleet installer and the usual operators (NFD, GPU feature discovery, Calico) set them up.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::sim::meta::SimMeta;
use crate::sim::node::{NodeRecord, NodeShape, SimTaint, healthy};
use crate::sim::scenario::{NodeGroup, NodeRole, ObjectSize};
use crate::sim::template::Template;

use super::Seeds;
use super::fields::{fields_v1, manager};

/// The images that a node reports; a kubelet reports 50 at most (`nodeStatusMaxImages`).
const IMAGES: [(&str, u64); 24] = [
    ("nvcr.io/nvidia/pytorch:24.07-py3", 9_876_543_210),
    ("nvcr.io/nvidia/tritonserver:24.07-py3", 8_123_456_789),
    ("nvcr.io/nvidia/driver:550.90.07-ubuntu22.04", 612_345_678),
    ("nvcr.io/nvidia/k8s-device-plugin:v0.16.1", 187_654_321),
    ("nvcr.io/nvidia/k8s/dcgm-exporter:3.3.7-3.4.2-ubuntu22.04", 412_345_670),
    ("nvcr.io/nvidia/k8s/container-toolkit:v1.16.1-ubuntu20.04", 287_654_320),
    ("registry.example.internal/train/llm:2026.10.2", 14_876_543_210),
    ("registry.example.internal/train/vision:2026.9.7", 11_876_543_210),
    ("registry.example.internal/serve/gateway:5.14.0", 312_345_678),
    ("registry.example.internal/serve/embedder:5.14.0", 4_312_345_678),
    ("registry.example.internal/web/frontend:81.3.0", 112_345_678),
    ("registry.example.internal/web/api:81.3.0", 142_345_678),
    ("registry.example.internal/data/loader:3.3.1", 812_345_678),
    ("registry.example.internal/data/indexer:3.3.1", 612_345_679),
    ("docker.io/calico/node:v3.28.1", 98_765_432),
    ("docker.io/calico/cni:v3.28.1", 94_765_432),
    ("docker.io/calico/pod2daemon-flexvol:v3.28.1", 7_765_432),
    ("registry.k8s.io/kube-proxy:v1.30.4", 29_034_457),
    ("registry.k8s.io/nfd/node-feature-discovery:v0.16.4", 71_034_457),
    ("registry.k8s.io/sig-storage/csi-node-driver-registrar:v2.11.1", 12_034_457),
    ("quay.io/prometheus/node-exporter:v1.8.2", 11_934_457),
    ("docker.io/envoyproxy/envoy:v1.31.0", 64_934_457),
    ("docker.io/fluent/fluent-bit:3.1.6", 44_934_457),
    ("registry.k8s.io/pause:3.9", 321_520),
];

/// Builds the shape of a group of nodes.
pub(super) fn shape(group: &NodeGroup, kubelet: &str, detail: ObjectSize) -> Arc<NodeShape> {
    let labels = labels(group, detail);
    let taints = taints(group);
    let metadata = metadata(&labels, detail);
    Arc::new(NodeShape {
        taints,
        cpu: group.cpu,
        memory_gib: group.memory_gib,
        pods: group.pods,
        accelerator: group.resource.clone().into(),
        gpus: group.gpus,
        kubelet: kubelet.into(),
        metadata: Template::compile(&metadata),
        status_tail: Template::compile(&status_tail(kubelet, detail)),
        binary: std::sync::OnceLock::new(),
        labels,
    })
}

/// One node of a group; `ordinal` counts through the cluster.
pub(super) fn node(shape: &Arc<NodeShape>, name: &str, ordinal: u32, seeds: &mut Seeds) -> NodeRecord {
    // Installed over a month, some 200 days ago.
    let created = seeds.now - 212 * 86_400 + i64::from(seeds.rng.u32(0..2_592_000));
    let uid = seeds.rng.u128(..);
    NodeRecord {
        meta: SimMeta::new("", name, uid, created),
        shape: Arc::clone(shape),
        ip: address(name, ordinal).into(),
        ordinal,
        conditions: Arc::new(healthy()),
        heartbeat: seeds.now - i64::from(seeds.rng.u32(0..300)),
        unschedulable: false,
        withdrawn: 0,
    }
}

/// Address of a node: a name like `10-16-10-110.maas` contains it, others get one by position.
fn address(name: &str, ordinal: u32) -> String {
    let dotted = name.split('.').next().unwrap_or_default().replace('-', ".");
    if dotted.parse::<std::net::Ipv4Addr>().is_ok() {
        return dotted;
    }
    format!("10.20.{}.{}", ordinal / 250, ordinal % 250 + 1)
}

fn labels(group: &NodeGroup, detail: ObjectSize) -> Vec<(String, String)> {
    let mut labels = vec![
        ("beta.kubernetes.io/arch", "amd64".to_owned()),
        ("beta.kubernetes.io/os", "linux".to_owned()),
        ("kubernetes.io/arch", "amd64".to_owned()),
        ("kubernetes.io/os", "linux".to_owned()),
        ("topology.kubernetes.io/region", "hall-2".to_owned()),
        ("topology.kubernetes.io/zone", format!("row-{}", group.zone)),
    ];
    match group.role {
        NodeRole::ControlPlane => {
            labels.push(("node-role.kubernetes.io/control-plane", String::new()));
            labels.push(("node.kubernetes.io/exclude-from-external-load-balancers", String::new()));
        }
        NodeRole::Worker => labels.push(("node-role.kubernetes.io/worker", String::new())),
    }
    if detail == ObjectSize::Full {
        for (key, value) in [
            ("feature.node.kubernetes.io/cpu-cpuid.AVX512F", "true"),
            ("feature.node.kubernetes.io/cpu-cpuid.AVX2", "true"),
            ("feature.node.kubernetes.io/cpu-hardware_multithreading", "true"),
            ("feature.node.kubernetes.io/cpu-model.vendor_id", "AMD"),
            ("feature.node.kubernetes.io/kernel-version.full", "5.15.0-119-generic"),
            ("feature.node.kubernetes.io/memory-numa", "true"),
            ("feature.node.kubernetes.io/system-os_release.ID", "ubuntu"),
            ("feature.node.kubernetes.io/system-os_release.VERSION_ID", "22.04"),
        ] {
            labels.push((key, value.to_owned()));
        }
    }
    if group.gpus > 0 && group.resource == "nvidia.com/gpu" {
        labels.extend([
            ("feature.node.kubernetes.io/pci-10de.present", "true".to_owned()),
            ("nvidia.com/cuda.driver-version.full", "550.90.07".to_owned()),
            ("nvidia.com/cuda.driver.major", "550".to_owned()),
            ("nvidia.com/cuda.runtime-version.full", "12.4".to_owned()),
            ("nvidia.com/gpu.count", group.gpus.to_string()),
            ("nvidia.com/gpu.deploy.device-plugin", "true".to_owned()),
            ("nvidia.com/gpu.family", if group.product.contains("H100") { "hopper" } else { "ampere" }.to_owned()),
            ("nvidia.com/gpu.machine", "DGXA100-920-23687-2530-000".to_owned()),
            ("nvidia.com/gpu.memory", "81920".to_owned()),
            ("nvidia.com/gpu.present", "true".to_owned()),
            ("nvidia.com/gpu.product", group.product.clone()),
            ("nvidia.com/gpu.replicas", "1".to_owned()),
            ("nvidia.com/gpu.sharing-strategy", "none".to_owned()),
            ("nvidia.com/mig.capable", "true".to_owned()),
            ("nvidia.com/mig.strategy", "single".to_owned()),
        ]);
    }
    let mut labels: Vec<_> = labels.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
    labels.sort();
    labels
}

fn taints(group: &NodeGroup) -> Vec<SimTaint> {
    let taint = |key: &str, value: &'static str| SimTaint {
        key: key.to_owned().into(),
        value: value.into(),
        effect: "NoSchedule",
        added: 0,
    };
    match group.role {
        NodeRole::ControlPlane => vec![taint("node-role.kubernetes.io/control-plane", "")],
        NodeRole::Worker if group.gpus > 0 => vec![taint(&group.resource, "present")],
        NodeRole::Worker => Vec::new(),
    }
}

fn metadata(labels: &[(String, String)], detail: ObjectSize) -> String {
    let mut map: serde_json::Map<String, Value> = labels.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
    map.insert("kubernetes.io/hostname".into(), json!("${name}"));
    let annotations = json!({
        "csi.volume.kubernetes.io/nodeid": "{\"rbd.csi.ceph.com\":\"${name}\"}",
        "kubeadm.alpha.kubernetes.io/cri-socket": "unix:///run/containerd/containerd.sock",
        "nfd.node.kubernetes.io/feature-labels": labels.iter().map(|(k, _)| k.as_str())
            .filter(|k| k.starts_with("feature.")).collect::<Vec<_>>().join(","),
        "node.alpha.kubernetes.io/ttl": "0",
        "projectcalico.org/IPv4Address": "${ip}/20",
        "projectcalico.org/IPv4IPIPTunnelAddr": "10.244.${ordinal}.0",
        "volumes.kubernetes.io/controller-managed-attach-detach": "true",
    });
    let labels = Value::Object(map);
    let conditions: Vec<_> = healthy()
        .iter()
        .map(|c| json!({"type": c.kind, "lastHeartbeatTime": 0, "lastTransitionTime": 0, "message": 0, "reason": 0, "status": 0}))
        .collect();
    let mut managers = vec![
        manager(
            "kubelet",
            "",
            "${created}",
            &fields_v1(&json!({"metadata": {"annotations": annotations, "labels": labels}, "spec": {"providerID": 0}})),
        ),
        manager(
            "kubelet",
            "status",
            "${updated}",
            &fields_v1(&json!({"status": {"allocatable": {"cpu": 0, "memory": 0, "nvidia.com/gpu": 0}, "capacity":
                {"cpu": 0, "memory": 0, "nvidia.com/gpu": 0}, "conditions": conditions, "images": 0, "nodeInfo": 0}})),
        ),
    ];
    if detail == ObjectSize::Full {
        managers
            .insert(1, manager("nfd-master", "", "${created}", &fields_v1(&json!({"metadata": {"labels": labels}}))));
        managers.push(manager(
            "kube-controller-manager",
            "",
            "${created}",
            &fields_v1(&json!({"metadata": {"annotations": {"node.alpha.kubernetes.io/ttl": 0}},
                "spec": {"podCIDR": 0, "podCIDRs": 0, "taints": 0}})),
        ));
    }
    format!(",\"labels\":{labels},\"annotations\":{annotations},\"managedFields\":{}", Value::Array(managers))
}

fn status_tail(kubelet: &str, detail: ObjectSize) -> String {
    // The previous release of every image is still on the disk.
    let (shown, releases) = if detail == ObjectSize::Full { (IMAGES.len(), 2) } else { (8, 1) };
    let image = |release: u64, (name, size): &(&str, u64)| {
        let repository = name.rsplit_once(':').map_or(*name, |(repository, _)| repository);
        let tagged = if release == 0 { (*name).to_owned() } else { format!("{name}-r{release}") };
        let digest = (size + release).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        json!({"names": [format!("{repository}@sha256:{digest:016x}{digest:016x}{digest:016x}{digest:016x}"), tagged],
            "sizeBytes": size - release})
    };
    let images: Vec<Value> =
        (0..releases).flat_map(|release| IMAGES[..shown].iter().map(move |named| image(release, named))).collect();
    let info = json!({
        "architecture": "amd64",
        "bootID": "${uid}",
        "containerRuntimeVersion": "containerd://1.7.20",
        "kernelVersion": "5.15.0-119-generic",
        "kubeProxyVersion": kubelet,
        "kubeletVersion": kubelet,
        "machineID": "${uid}",
        "operatingSystem": "linux",
        "osImage": "Ubuntu 22.04.4 LTS",
        "systemUUID": "${uid}",
    });
    format!(
        ",\"daemonEndpoints\":{{\"kubeletEndpoint\":{{\"Port\":10250}}}},\"images\":{},\"nodeInfo\":{info}",
        Value::Array(images)
    )
}
