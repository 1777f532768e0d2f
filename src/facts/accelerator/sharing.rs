//! Labels by which a maker or a cloud says that the plain name of a resource counts shares or slices of devices.
//!
//! Sources: NVIDIA `k8s-device-plugin` `internal/lm/resource.go` (`baseLabeler`, `getProductName`), `internal/lm/nvml.go`
//! (`mps.capable`), `internal/lm/vgpu.go` and `internal/lm/mig-strategy.go`; GKE's concept "GPU sharing strategies"; `ROCm`
//! `k8s-device-plugin` `docs/user-guide/configuration.md` and `cmd/k8s-node-labeller/main.go`, `gpu-operator`
//! `docs/kubevirt/kubevirt.md`; Intel's `device-plugins-for-kubernetes` `cmd/gpu_plugin/labels.md` and, before 0.36, its labeler.

use super::{AMD, Kind, NVIDIA, capacity, hami, is_mig_invalid, mig_strategy, number, product};
use crate::facts::node::Announces;
use crate::facts::text::Clean;

/// How GKE shares each device of a node: `time-sharing` or `mps`.
const GKE_STRATEGY: &str = "cloud.google.com/gke-gpu-sharing-strategy";

/// Shares of each device, or of each slice where the device is cut too.
const GKE_CLIENTS: &str = "cloud.google.com/gke-max-shared-clients-per-gpu";

/// The MIG profile that GKE cuts each device of a node into; the slices have the plain name.
const GKE_PARTITION: &str = "cloud.google.com/gke-gpu-partition-size";

/// AMD's partition mode (`cpx_nps4`): the labeller writes the name with `gpu.`, the documents without it.
const AMD_PARTITIONS: [&str; 4] = [
    "amd.com/compute-memory-partition",
    "amd.com/gpu.compute-memory-partition",
    "beta.amd.com/compute-memory-partition",
    "beta.amd.com/gpu.compute-memory-partition",
];

/// What AMD's plugin hands out: `container`, `pf-passthrough` or `vf-passthrough`.
const AMD_MODES: [&str; 2] = ["amd.com/gpu.mode", "beta.amd.com/gpu.mode"];

/// Devices of a machine as its cloud sells it, whoever makes them (Karpenter for AWS and Azure, EKS Auto Mode).
const CLOUD_COUNTS: [&str; 3] = [
    "karpenter.k8s.aws/instance-gpu-count",
    "eks.amazonaws.com/instance-gpu-count",
    "karpenter.azure.com/sku-gpu-count",
];

/// How many of the resource there are for each device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replicas {
    /// The device itself.
    None,
    /// So many shares.
    Of(i64),
    /// Shares or slices, and no label says how many.
    Unknown,
}

/// The kind that labels give to the resource on this node; `None` where they leave it what its name says.
pub(super) fn unit(resource: &str, node: &impl Announces) -> Option<Kind> {
    match resource {
        NVIDIA if replicas(NVIDIA, node) != Replicas::None => Some(Kind::Shared),
        // What `HAMi` counts as one share of each device is the device.
        NVIDIA if hami::splits(node) => Some(Kind::Shared),
        NVIDIA if is_cut(node) => Some(Kind::Slice),
        AMD if first(node, &AMD_MODES) == Some("vf-passthrough") => Some(Kind::Shared),
        AMD if amd_mode(node).is_some_and(|mode| mode != Partition::Whole) => Some(Kind::Slice),
        NVIDIA | AMD => exceeds(resource, cloud_count(node), node),
        "gpu.intel.com/i915" | "gpu.intel.com/xe" => exceeds(resource, intel_count(node), node),
        // A replica of a slice is a share.
        _ if resource.starts_with("nvidia.com/mig-") && replicas(resource, node) != Replicas::None => {
            Some(Kind::Shared)
        }
        _ => None,
    }
}

/// Replicas of what NVIDIA's plugin announces under this name, or under it with `.shared`.
pub(super) fn replicas(base: &str, node: &impl Announces) -> Replicas {
    let replicas = number(node, &format!("{base}.replicas"));
    let strategy = node.label(&format!("{base}.sharing-strategy")).map(Clean::as_str);
    let is_shared = matches!(strategy, Some("time-slicing" | "mps")) || replicas.is_some_and(|replicas| replicas > 1);
    let is_named_shared = || node.label(&format!("{base}.product")).is_some_and(|product| product.ends_with("-SHARED"));
    if is_shared || is_named_shared() {
        // Of 0 replicas a configuration is wrong, of 1 nothing is shared: neither says what the capacity is.
        return replicas.filter(|replicas| *replicas > 0).map_or(Replicas::Unknown, Replicas::Of);
    }
    let is_true = |key: &str| node.label(key).is_some_and(|value| &**value == "true");
    match base {
        NVIDIA if is_true("nvidia.com/mps.capable") => Replicas::Unknown,
        // A machine that was given a vGPU: its one device is a share of a device elsewhere.
        NVIDIA if is_true("nvidia.com/vgpu.present") => Replicas::Of(1),
        NVIDIA => gke_replicas(node),
        _ => Replicas::None,
    }
}

/// Physical devices behind the shares or slices that `resource` counts; `None` where the labels cannot say.
pub(super) fn devices_behind(resource: &str, node: &impl Announces) -> Option<i64> {
    let announced = capacity(node, resource)?;
    let divided = |by: i64| (by > 0 && announced % by == 0).then(|| announced / by);
    match resource.strip_suffix(".shared").unwrap_or(resource) {
        NVIDIA if hami::splits(node) => hami::devices(node),
        // Cut, the count is one of slices; given as a vGPU, one of shares.
        NVIDIA if is_cut(node) || node.label("nvidia.com/vgpu.present").is_some_and(|value| &**value == "true") => None,
        NVIDIA => {
            number(node, "nvidia.com/gpu.count").or_else(|| cloud_count(node)).or_else(|| match gke_replicas(node) {
                Replicas::Of(clients) => divided(clients),
                Replicas::None | Replicas::Unknown => None,
            })
        }
        AMD => match amd_mode(node)? {
            Partition::Whole => None,
            Partition::Parts(parts) => divided(parts),
            // A card is as many as it has dies: eight of an MI300X, six of an MI300A.
            Partition::Dies => cloud_count(node),
        },
        "gpu.intel.com/i915" | "gpu.intel.com/xe" => intel_count(node),
        _ => None,
    }
}

/// Slices under the plain name: MIG strategy `single`, or GKE's partitions.
fn is_cut(node: &impl Announces) -> bool {
    let strategy = mig_strategy(node);
    let is_mixed = matches!(strategy, Some("mixed" | "none"));
    let is_product = product(node).contains("-MIG-") && !is_mig_invalid(node);
    // Attributes that only a slice has.
    let has_slices = number(node, "nvidia.com/gpu.slices.gi").is_some_and(|slices| slices > 0);
    (!is_mixed && (is_product || has_slices)) || is_cut_by_gke(node)
}

/// GKE cuts each device, and says into what but not into how many.
pub(super) fn is_cut_by_gke(node: &impl Announces) -> bool {
    node.label(GKE_PARTITION).is_some_and(|size| !size.is_empty())
}

fn gke_replicas(node: &impl Announces) -> Replicas {
    let strategy = node.label(GKE_STRATEGY).map(Clean::as_str);
    match (number(node, GKE_CLIENTS), strategy) {
        (Some(clients @ 2..), _) => Replicas::Of(clients),
        // One client for each device has it alone.
        (Some(_), _) | (None, None | Some("" | "none")) => Replicas::None,
        (None, Some(_)) => Replicas::Unknown,
    }
}

/// AMD's compute partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Partition {
    /// `spx`: the card in one piece.
    Whole,
    /// `dpx`, `tpx`, `qpx`.
    Parts(i64),
    /// `cpx`: one for each die.
    Dies,
}

fn amd_mode(node: &impl Announces) -> Option<Partition> {
    let mode = first(node, &AMD_PARTITIONS)?;
    let compute = mode.split(|letter: char| !letter.is_ascii_alphanumeric()).next()?;
    Some(match &*compute.to_ascii_lowercase() {
        "spx" => Partition::Whole,
        "dpx" => Partition::Parts(2),
        "tpx" => Partition::Parts(3),
        "qpx" => Partition::Parts(4),
        "cpx" => Partition::Dies,
        _ => return None,
    })
}

/// Intel's cards: `device.count` of the rules for node feature discovery; before 0.36 the plugin listed them (`0.1.2`).
fn intel_count(node: &impl Announces) -> Option<i64> {
    let listed = || first(node, &["gpu.intel.com/gpu-numbers", "gpu.intel.com/cards"]);
    let counted = || i64::try_from(listed()?.split('.').count()).ok();
    number(node, "gpu.intel.com/device.count").or_else(counted)
}

fn cloud_count(node: &impl Announces) -> Option<i64> {
    CLOUD_COUNTS.into_iter().find_map(|label| number(node, label)).filter(|count| *count > 0)
}

/// More units than there are devices are shares: Intel's `-shared-dev-num` and Bottlerocket's time slicing have no label.
fn exceeds(resource: &str, devices: Option<i64>, node: &impl Announces) -> Option<Kind> {
    (capacity(node, resource)? > devices.filter(|devices| *devices > 0)?).then_some(Kind::Shared)
}

fn first<'n>(node: &'n impl Announces, labels: &[&str]) -> Option<&'n str> {
    labels.iter().find_map(|label| node.label(label)).map(Clean::as_str).filter(|value| !value.is_empty())
}
