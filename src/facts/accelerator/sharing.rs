//! Labels with which a vendor or a cloud declares that the plain name of a resource counts shares or slices of devices.
//!
//! Sources: NVIDIA `k8s-device-plugin` `internal/lm/resource.go` (`baseLabeler`, `getProductName`), `internal/lm/nvml.go`
//! (`mps.capable`), `internal/lm/vgpu.go` and `internal/lm/mig-strategy.go`; GKE's concept "GPU sharing strategies"; `ROCm`
//! `k8s-device-plugin` `docs/user-guide/configuration.md` and `cmd/k8s-node-labeller/main.go`, `gpu-operator`
//! `docs/kubevirt/kubevirt.md`; Intel's `device-plugins-for-kubernetes` `cmd/gpu_plugin/labels.md` and, before 0.36, its labeler;
//! AWS `aws-virtual-gpu-device-plugin` `README.md`.

use super::product::is_vgpu;
use super::{AMD, Kind, NVIDIA, announces, capacity, is_mig_invalid, mig_strategy, number, product};
use crate::facts::hami::{HAMI_REGISTER, HamiSplit};
use crate::facts::node::NodeInventory;
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

/// Kind of device that AMD's plugin hands out: `container`, `pf-passthrough` or `vf-passthrough`.
const AMD_MODES: [&str; 2] = ["amd.com/gpu.mode", "beta.amd.com/gpu.mode"];

/// Number of devices in the machine type, of any vendor (Karpenter for AWS and Azure, EKS Auto Mode).
const CLOUD_COUNTS: [&str; 3] = [
    "karpenter.k8s.aws/instance-gpu-count",
    "eks.amazonaws.com/instance-gpu-count",
    "karpenter.azure.com/sku-gpu-count",
];

/// Shares of NVIDIA's devices by AWS's plugin, ten per device by default; no label gives the number.
const AWS_SHARES: [&str; 2] = ["k8s.amazonaws.com/vgpu", "eks.amazonaws.com/vgpu"];

/// Intel's cards, by the driver that runs them; both may run on one node.
const INTEL: [&str; 2] = ["gpu.intel.com/i915", "gpu.intel.com/xe"];

/// Resources that `HAMi`'s mock device plugin announces besides the number, for schedulers that read the node's capacity.
const HAMI_ACCESSORIES: [&str; 3] = ["nvidia.com/gpucores", "nvidia.com/gpumem", "nvidia.com/gpumem-percentage"];

/// Number of units of a resource per device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replicas {
    /// The device itself.
    None,
    /// This many shares.
    Of(i64),
    /// Shares or slices; no label gives the number.
    Unknown,
}

/// Kind of the resource according to the node's labels; `None` if they do not change the kind that its name implies.
pub(super) fn kind_by_labels(resource: &str, node: &impl NodeInventory) -> Option<Kind> {
    let is_replicated = || !is_partly_shared(resource, node) && replicas(resource, node) != Replicas::None;
    match resource {
        NVIDIA if is_replicated() || has_vgpu(node) => Some(Kind::Shared),
        // With one share per device, `HAMi`'s share is the device.
        NVIDIA if is_split_by_hami(node) => Some(Kind::Shared),
        NVIDIA if is_partitioned(node) => Some(Kind::Slice),
        NVIDIA => exceeds(capacity(node, NVIDIA), nvidia_count(node)),
        AMD if first(node, &AMD_MODES) == Some("vf-passthrough") => Some(Kind::Shared),
        AMD if amd_mode(node).is_some_and(|mode| mode != Partition::Whole) => Some(Kind::Slice),
        AMD => exceeds(capacity(node, AMD), cloud_count(node)),
        _ if INTEL.contains(&resource) => exceeds(Some(intel_announced(node)), intel_count(node)),
        // A replica of a slice is a share.
        _ if resource.starts_with("nvidia.com/mig-") && is_replicated() => Some(Kind::Shared),
        _ => None,
    }
}

/// Returns `true` if some devices are shared under the other name (`nvidia.com/gpu.shared`), so that this name counts the rest.
pub(super) fn is_partly_shared(resource: &str, node: &impl NodeInventory) -> bool {
    let is_there = |name: &str| capacity(node, name).is_some_and(|amount| amount > 0);
    is_there(resource) && is_there(&format!("{resource}.shared"))
}

/// Returns `true` if the node announces more NVIDIA devices than it has, while no label gives the replicas.
pub(super) fn exceeds_count(node: &impl NodeInventory) -> bool {
    exceeds(capacity(node, NVIDIA), nvidia_count(node)).is_some()
}

/// Replicas of the resource that NVIDIA's plugin announces under this name, with or without `.shared`.
pub(super) fn replicas(base: &str, node: &impl NodeInventory) -> Replicas {
    let replicas = number(node, &format!("{base}.replicas"));
    let strategy = node.label(&format!("{base}.sharing-strategy")).map(Clean::as_str);
    let is_shared = matches!(strategy, Some("time-slicing" | "mps")) || replicas.is_some_and(|replicas| replicas > 1);
    let is_named_shared = || node.label(&format!("{base}.product")).is_some_and(|product| product.ends_with("-SHARED"));
    if is_shared || is_named_shared() {
        // 0 replicas is a wrong configuration, so the capacity stays unknown.
        return replicas.filter(|replicas| *replicas > 0).map_or(Replicas::Unknown, Replicas::Of);
    }
    let is_true = |key: &str| node.label(key).is_some_and(|value| &**value == "true");
    match base {
        NVIDIA if is_true("nvidia.com/mps.capable") => Replicas::Unknown,
        // The node's only device is a share of a device on the host.
        NVIDIA if has_vgpu(node) => Replicas::Of(1),
        NVIDIA => gke_replicas(node),
        _ => Replicas::None,
    }
}

/// Physical devices behind the shares or slices that `resource` counts; `None` if the labels do not determine it.
pub(super) fn devices_behind(resource: &str, node: &impl NodeInventory) -> Option<i64> {
    let announced = capacity(node, resource)?;
    let divided = |by: i64| (by > 0 && announced % by == 0).then(|| announced / by);
    let base = resource.strip_suffix(".shared").unwrap_or(resource);
    match base {
        NVIDIA if is_split_by_hami(node) => hami_devices(node),
        // The label counts slices if the devices are partitioned, and shares if the node has a vGPU.
        NVIDIA if is_partitioned(node) || has_vgpu(node) => None,
        NVIDIA if is_partly_shared(base, node) => match replicas(base, node) {
            _ if base == resource => Some(announced),
            Replicas::Of(replicas) => divided(replicas),
            Replicas::None | Replicas::Unknown => None,
        },
        NVIDIA => nvidia_count(node).or_else(|| match gke_replicas(node) {
            Replicas::Of(clients) => divided(clients),
            Replicas::None | Replicas::Unknown => None,
        }),
        AMD => match amd_mode(node)? {
            Partition::Whole => None,
            Partition::Parts(parts) => divided(parts),
            // A card counts once per die: an MI300X has eight, an MI300A six.
            Partition::Dies => cloud_count(node),
        },
        _ if AWS_SHARES.contains(&resource) => nvidia_count(node),
        _ if INTEL.contains(&resource) => {
            // Every card has the same number of shares, whichever driver runs it.
            let (devices, all) = (intel_count(node)?, intel_announced(node));
            let shares = announced.checked_mul(devices)?;
            (all > 0 && shares % all == 0).then(|| shares / all)
        }
        _ => None,
    }
}

/// Returns `true` if the node is a virtual machine with a vGPU. Feature discovery sets `vgpu.present`, and writes the version of
/// the host's driver only there (`internal/lm/vgpu.go`); a vGPU's product names its memory and series.
fn has_vgpu(node: &impl NodeInventory) -> bool {
    let has_host = || {
        ["nvidia.com/vgpu.host-driver-version", "nvidia.com/vgpu.host-driver-branch"]
            .iter()
            .any(|label| node.label(label).is_some_and(|value| !value.is_empty()))
    };
    let is_present = node.label("nvidia.com/vgpu.present").map_or_else(has_host, |value| &**value == "true");
    is_present || is_vgpu(product(node))
}

/// Returns `true` if the plain name counts slices: MIG strategy `single`, or GKE's partitions.
fn is_partitioned(node: &impl NodeInventory) -> bool {
    let strategy = mig_strategy(node);
    let is_mixed = matches!(strategy, Some("mixed" | "none"));
    let is_product = product(node).contains("-MIG-") && !is_mig_invalid(node);
    // Only a slice has these attributes.
    let has_slices = number(node, "nvidia.com/gpu.slices.gi").is_some_and(|slices| slices > 0);
    (!is_mixed && (is_product || has_slices)) || is_partitioned_by_gke(node)
}

/// Returns `true` if GKE partitions each device. Its label gives the profile, not the number of slices.
pub(super) fn is_partitioned_by_gke(node: &impl NodeInventory) -> bool {
    node.label(GKE_PARTITION).is_some_and(|size| !size.is_empty())
}

fn gke_replicas(node: &impl NodeInventory) -> Replicas {
    let strategy = node.label(GKE_STRATEGY).map(Clean::as_str);
    match (number(node, GKE_CLIENTS), strategy) {
        (Some(clients @ 2..), _) => Replicas::Of(clients),
        // One client per device means no sharing.
        (Some(_), _) | (None, None | Some("" | "none")) => Replicas::None,
        (None, Some(_)) => Replicas::Unknown,
    }
}

/// Returns `true` if `HAMi` hands out shares of this node's devices. With one share per device they are whole devices.
pub(super) fn is_split_by_hami(node: &impl NodeInventory) -> bool {
    match hami_split(node) {
        Some(split) => split.shares != split.devices,
        None => HAMI_ACCESSORIES.iter().any(|name| announces(node, name)),
    }
}

/// Shares on this node; `None` if `HAMi` does not report them.
pub(super) fn hami_shares(node: &impl NodeInventory) -> Option<i64> {
    hami_split(node).map(|split| split.shares.into())
}

/// Devices that `HAMi` splits; `None` if it does not report them.
fn hami_devices(node: &impl NodeInventory) -> Option<i64> {
    hami_split(node).map(|split| split.devices.into())
}

fn hami_split(node: &impl NodeInventory) -> Option<HamiSplit> {
    HamiSplit::parse_label(node.label(HAMI_REGISTER)?)
}

/// AMD's compute partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Partition {
    /// `spx`: the whole card.
    Whole,
    /// `dpx`, `tpx`, `qpx`.
    Parts(i64),
    /// `cpx`: one per die.
    Dies,
}

fn amd_mode(node: &impl NodeInventory) -> Option<Partition> {
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

/// NVIDIA devices as counted by feature discovery or the cloud.
fn nvidia_count(node: &impl NodeInventory) -> Option<i64> {
    number(node, "nvidia.com/gpu.count").or_else(|| cloud_count(node))
}

/// Intel's cards: the rules for node feature discovery count each type of card (`device-id.0300-56c0.count`) and those of data centres
/// again (`device.count`); before 0.36 the plugin listed them (`gpu-numbers`, `gpu-numbers2`: `0.1.2`).
fn intel_count(node: &impl NodeInventory) -> Option<i64> {
    let labels = || node.labels().filter_map(|(key, value)| Some((key.strip_prefix("gpu.intel.com/")?, value)));
    let types =
        labels().filter(|(key, _)| key.strip_suffix(".count").is_some_and(|kind| kind.starts_with("device-id.")));
    let by_type = types.filter_map(|(_, value)| value.parse::<u32>().ok()).map(i64::from).reduce(|a, b| a + b);
    let counted = by_type.max(number(node, "gpu.intel.com/device.count")).filter(|count| *count > 0);
    counted.or_else(|| {
        let listed = |name: &str| {
            let lists = labels().filter(|(key, _)| key.starts_with(name)).map(|(_, value)| value);
            let cards = lists.flat_map(|list| list.split('.')).filter(|card| !card.is_empty());
            i64::try_from(cards.count()).ok().filter(|count| *count > 0)
        };
        listed("gpu-numbers").or_else(|| listed("cards"))
    })
}

/// Devices that Intel's plugin announces, for both drivers.
fn intel_announced(node: &impl NodeInventory) -> i64 {
    INTEL.iter().filter_map(|name| capacity(node, name)).fold(0, i64::saturating_add)
}

fn cloud_count(node: &impl NodeInventory) -> Option<i64> {
    CLOUD_COUNTS.into_iter().find_map(|label| number(node, label)).filter(|count| *count > 0)
}

/// [`Kind::Shared`] if more units are announced than there are devices: Intel's `-shared-dev-num`, Bottlerocket's time slicing, and a
/// configuration that feature discovery does not have, set no label.
fn exceeds(announced: Option<i64>, devices: Option<i64>) -> Option<Kind> {
    (announced? > devices.filter(|devices| *devices > 0)?).then_some(Kind::Shared)
}

fn first<'n>(node: &'n impl NodeInventory, labels: &[&str]) -> Option<&'n str> {
    labels.iter().find_map(|label| node.label(label)).map(Clean::as_str).filter(|value| !value.is_empty())
}
