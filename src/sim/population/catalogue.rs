//! Container images of a cluster: the usual system pods, and workloads of a machine-learning platform.

use super::workloads::ContainerRecipe;

pub(super) const CALICO: &[ContainerRecipe] = &[("calico-node", "docker.io/calico/node:v3.28.1", 250, 256, 12)];
pub(super) const PROXY: &[ContainerRecipe] = &[("kube-proxy", "registry.k8s.io/kube-proxy:v1.30.4", 100, 128, 3)];
pub(super) const EXPORTER: &[ContainerRecipe] = &[
    ("node-exporter", "quay.io/prometheus/node-exporter:v1.8.2", 102, 180, 4),
    ("kube-rbac-proxy", "quay.io/brancz/kube-rbac-proxy:v0.18.1", 10, 20, 2),
];
pub(super) const FLUENT: &[ContainerRecipe] = &[("fluent-bit", "docker.io/fluent/fluent-bit:3.1.6", 100, 200, 9)];
pub(super) const CSI: &[ContainerRecipe] = &[
    ("driver-registrar", "registry.k8s.io/sig-storage/csi-node-driver-registrar:v2.11.1", 10, 32, 2),
    ("csi-rbdplugin", "quay.io/cephcsi/cephcsi:v3.12.0", 100, 256, 6),
];
pub(super) const PLUGIN: &[ContainerRecipe] =
    &[("nvidia-device-plugin", "nvcr.io/nvidia/k8s-device-plugin:v0.16.1", 0, 0, 9)];
pub(super) const DISCOVERY: &[ContainerRecipe] =
    &[("gpu-feature-discovery", "nvcr.io/nvidia/k8s-device-plugin:v0.16.1", 0, 0, 8)];
pub(super) const DCGM: &[ContainerRecipe] =
    &[("dcgm-exporter", "nvcr.io/nvidia/k8s/dcgm-exporter:3.3.7-3.4.2-ubuntu22.04", 100, 256, 6)];
pub(super) const DRIVER: &[ContainerRecipe] =
    &[("nvidia-driver-ctr", "nvcr.io/nvidia/driver:550.90.07-ubuntu22.04", 0, 0, 10)];
pub(super) const TOOLKIT: &[ContainerRecipe] =
    &[("container-toolkit", "nvcr.io/nvidia/k8s/container-toolkit:v1.16.1-ubuntu20.04", 0, 0, 10)];
pub(super) const NFD: &[ContainerRecipe] =
    &[("worker", "registry.k8s.io/nfd/node-feature-discovery:v0.16.4", 50, 128, 3)];
pub(super) const WAIT: &[ContainerRecipe] = &[("wait-for-config", "docker.io/library/busybox:1.36", 10, 16, 1)];
pub(super) const COREDNS: &[ContainerRecipe] = &[("coredns", "registry.k8s.io/coredns/coredns:v1.11.1", 100, 70, 2)];
pub(super) const CONTROL: [(&str, &[ContainerRecipe]); 4] = [
    ("etcd", &[("etcd", "registry.k8s.io/etcd:3.5.15-0", 1000, 2048, 4)]),
    ("kube-apiserver", &[("kube-apiserver", "registry.k8s.io/kube-apiserver:v1.30.4", 2000, 4096, 4)]),
    (
        "kube-controller-manager",
        &[("kube-controller-manager", "registry.k8s.io/kube-controller-manager:v1.30.4", 500, 1024, 4)],
    ),
    ("kube-scheduler", &[("kube-scheduler", "registry.k8s.io/kube-scheduler:v1.30.4", 200, 512, 4)]),
];
pub(super) const TRAINER: &[ContainerRecipe] = &[
    ("trainer", "registry.example.internal/train/llm:2026.10.2", 12000, 98_304, 8),
    ("metrics", "docker.io/fluent/fluent-bit:3.1.6", 100, 128, 3),
];
pub(super) const SERVER: &[ContainerRecipe] = &[
    ("triton", "nvcr.io/nvidia/tritonserver:24.07-py3", 6000, 32_768, 8),
    ("gateway", "registry.example.internal/serve/gateway:5.14.0", 500, 512, 5),
];
pub(super) const WEB: &[ContainerRecipe] = &[
    ("app", "registry.example.internal/web/api:81.3.0", 250, 512, 9),
    ("envoy", "docker.io/envoyproxy/envoy:v1.31.0", 100, 128, 4),
];
pub(super) const GATEWAY: &[ContainerRecipe] =
    &[("gateway", "registry.example.internal/serve/gateway:5.15.0", 250, 512, 5)];
pub(super) const LOADER: &[ContainerRecipe] = &[
    ("loader", "registry.example.internal/data/loader:3.3.1", 500, 1024, 9),
    ("log-shipper", "docker.io/fluent/fluent-bit:3.1.6", 50, 64, 4),
];
pub(super) const NAMES: [&str; 16] = [
    "checkout", "search", "catalog", "billing", "profile", "feed", "ingest", "ranker", "tokens", "gateway", "ledger",
    "notify", "export", "session", "quota", "audit",
];
