//! Classification of resource names: devices, slices, shares, or auxiliary resources of accelerators.
//!
//! Source: `docs/counting.md`: an explicit table, never `contains("gpu")`.

mod machine;
mod product;
mod sharing;
mod table;

use serde::{Deserialize, Serialize};

use super::node::NodeInventory;
use super::text::Clean;

pub use table::AcceleratorTable;

use sharing::Replicas;

/// NVIDIA's whole devices, or their slices or shares, depending on labels.
const NVIDIA: &str = "nvidia.com/gpu";

/// AMD's whole devices, or their partitions or virtual functions, depending on labels.
const AMD: &str = "amd.com/gpu";

/// Old name of Neuron devices; newer plugins announce the same device under both names.
const NEURON_OLD: &str = "aws.amazon.com/neurondevice";

/// Neuron devices.
const NEURON: &str = "aws.amazon.com/neuron";

/// Labels that name the model, the most specific first (docs/counting.md; `gpu.nvidia.com/model` is `CoreWeave`'s).
const MODEL_LABELS: [&str; 11] = [
    "nvidia.com/gpu.product",
    "gpu.nvidia.com/model",
    "amd.com/gpu.product-name",
    "beta.amd.com/gpu.product-name",
    "gpu.intel.com/product",
    "gpu.intel.com/family",
    "cloud.google.com/gke-accelerator",
    "cloud.google.com/gke-tpu-accelerator",
    "karpenter.k8s.aws/instance-gpu-name",
    "eks.amazonaws.com/instance-gpu-name",
    "karpenter.azure.com/sku-gpu-name",
];

/// Set on every node, so it stands in for the model only if the node has an accelerator and the value is a cloud's machine type:
/// elsewhere it names the distribution (`k3s`, `rke2`) or is free text.
const INSTANCE_TYPE: &str = "node.kubernetes.io/instance-type";

/// Kind of unit that a resource counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A whole accelerator.
    Device,
    /// A partition of a device (MIG and the like); never added to devices.
    Slice,
    /// A replica of a device (time-slicing, MPS, vGPU); never added to devices.
    Shared,
    /// Memory, cores, percent, monitoring: never counted.
    Aux,
}

impl AcceleratorTable {
    /// Kind of `resource` on this node. Labels change the meaning of `nvidia.com/gpu`, and a device that is announced under two
    /// names counts once.
    ///
    /// A replica of a slice is a share.
    #[must_use]
    pub fn classify_on(&self, resource: &str, node: &impl NodeInventory) -> Option<Kind> {
        let kind = self.classify(resource)?;
        if self.is_extended_by(resource) {
            return Some(kind);
        }
        Some(match resource {
            NEURON_OLD if announces(node, NEURON) => Kind::Aux,
            _ => sharing::kind_by_labels(resource, node).unwrap_or(kind),
        })
    }

    /// Kind of `resource` on a node that may not be known: by its name alone then.
    #[must_use]
    pub fn classify_at(&self, resource: &str, node: Option<&impl NodeInventory>) -> Option<Kind> {
        match node {
            Some(node) => self.classify_on(resource, node),
            None => self.classify(resource),
        }
    }

    /// Accelerator model from the node's labels, shortened as far as it stays clear (`A100-SXM4-80GB`).
    ///
    /// The vendor's name and the `-SHARED` that sharing appends are removed; `-MIG-…` stays, since a slice is not the card.
    #[must_use]
    pub fn model<'n>(&self, node: &'n impl NodeInventory) -> Option<&'n str> {
        let named = |key: &str| node.label(key).map(Clean::as_str).filter(|value| !value.is_empty());
        let model = MODEL_LABELS.into_iter().find_map(named).or_else(|| {
            let counts = |(name, _): &(Clean, _)| self.classify(name).is_some_and(|kind| kind != Kind::Aux);
            let of_a_cloud = || named(INSTANCE_TYPE).filter(|value| machine::is_cloud_machine_type(value));
            node.capacity().iter().any(counts).then(of_a_cloud).flatten()
        })?;
        Some(short_model(model))
    }
}

/// Shortens a model: removes the vendor's name and the `-SHARED` that sharing appends.
#[must_use]
pub fn short_model(model: &str) -> &str {
    // Labels cannot hold blanks, attributes of devices can.
    let short = model.strip_prefix("NVIDIA").and_then(|rest| rest.strip_prefix(['-', ' '])).unwrap_or(model);
    let short = short.strip_suffix("-SHARED").unwrap_or(short);
    if short.is_empty() { model } else { short }
}

/// Kind of `resource` by its name alone, from the default table; `None` if it is not an accelerator.
#[must_use]
pub fn classify(resource: &str) -> Option<Kind> {
    AcceleratorTable::default().classify(resource)
}

/// Kind of `resource` on this node, from the default table: sharing and MIG labels change the meaning of `nvidia.com/gpu`.
#[must_use]
pub fn classify_on(resource: &str, node: &impl NodeInventory) -> Option<Kind> {
    AcceleratorTable::default().classify_on(resource, node)
}

/// Accelerator model of a node, from the default table.
#[must_use]
pub fn model(node: &impl NodeInventory) -> Option<&str> {
    AcceleratorTable::default().model(node)
}

/// Number of `resource` that the labels promise on this node; `None` if they do not determine it (docs/counting.md).
///
/// Whole devices: `nvidia.com/gpu.count`, times the replicas if they are shared under the same name. In MIG strategy
/// `single` the label counts slices. In `mixed` it counts cards while the capacity leaves the split ones out, and a layout
/// `-MIG-INVALID` promises nothing: both give `None`. Slice types have their own count. If `HAMi` splits the devices, its
/// annotation counts the shares. If the device is announced under another name (`nvidia.com/gpu.shared`, `nvidia.com/pgpu`,
/// a vGPU), the plain name misses nothing; if only some devices are shared under another name, the plain name counts the
/// others. If more is announced than the labels count, the labels do not know of the sharing.
#[must_use]
pub fn expected(resource: &str, node: &impl NodeInventory) -> Option<i64> {
    let base = resource.strip_suffix(".shared").unwrap_or(resource);
    let is_whole = base == NVIDIA;
    if !is_whole && !base.starts_with("nvidia.com/mig-") {
        return None;
    }
    if is_whole && (mig_strategy(node) == Some("mixed") || is_mig_invalid(node) || sharing::is_partitioned_by_gke(node))
    {
        return None;
    }
    if is_whole && sharing::is_split_by_hami(node) {
        return sharing::hami_shares(node).filter(|_| base == resource);
    }
    let is_renamed = base != resource;
    if sharing::is_partly_shared(base, node) {
        return (!is_renamed).then(|| unshared_devices(base, node)).flatten();
    }
    if !is_renamed && is_announced_elsewhere(resource, node) {
        return None;
    }
    let count = number(node, &format!("{base}.count"))?;
    match sharing::replicas(base, node) {
        Replicas::None if is_renamed || (is_whole && sharing::exceeds_count(node)) => None,
        Replicas::None => Some(count),
        Replicas::Unknown => None,
        // If the devices are shared under the other name, this name promises nothing.
        Replicas::Of(_) if !is_renamed && announces(node, &format!("{base}.shared")) => None,
        Replicas::Of(replicas) => count.checked_mul(replicas),
    }
}

/// Expected number of devices under the plain name if others are shared under `.shared`: all devices that the labels count, less
/// those behind the announced shares. A missing device therefore counts as missing under the plain name.
fn unshared_devices(base: &str, node: &impl NodeInventory) -> Option<i64> {
    let count = number(node, &format!("{base}.count"))?;
    let Replicas::Of(replicas) = sharing::replicas(base, node) else { return None };
    let shares = capacity(node, &format!("{base}.shared"))?;
    Some(count.saturating_sub(shares / replicas + i64::from(shares % replicas != 0)).max(0))
}

/// Physical devices behind the shares or slices that `resource` counts on this node; `None` if the labels do not determine it.
#[must_use]
pub fn devices_behind(resource: &str, node: &impl NodeInventory) -> Option<i64> {
    sharing::devices_behind(resource, node)
}

/// Vendor of the device behind a resource: the domain of its name, or NVIDIA if the plugin of another party hands out NVIDIA
/// devices.
#[must_use]
pub fn maker(resource: &str) -> &str {
    match resource.split_once('/').map_or(resource, |(domain, _)| domain) {
        "volcano.sh"
        | "k8s.amazonaws.com"
        | "eks.amazonaws.com"
        | "aliyun.com"
        | "tencent.com"
        | "tke.cloud.tencent.com" => "nvidia.com",
        domain => domain,
    }
}

/// Returns `true` if the devices behind this plain name are announced under another name, and none under this one.
fn is_announced_elsewhere(resource: &str, node: &impl NodeInventory) -> bool {
    let is_other = |name: &str| name != resource && maker(name) == maker(resource);
    let table = AcceleratorTable::default();
    // Shares that are allocated by memory are announced only as memory.
    let is_counted =
        |name: &str| table.classify(name).is_some_and(|kind| kind != Kind::Aux || maker(name) != domain(name));
    let mut announced = node.capacity().iter().filter(|(_, amount)| amount.value() > 0).map(|(name, _)| &**name);
    let here = capacity(node, resource).is_some_and(|amount| amount > 0);
    let shared = format!("{resource}.shared");
    // If some devices are shared, the plain name counts the others.
    announced.any(|name| name == shared || (!here && resource == NVIDIA && is_other(name) && is_counted(name)))
}

fn domain(resource: &str) -> &str {
    resource.split_once('/').map_or(resource, |(domain, _)| domain)
}

/// Returns `true` if the node's MIG layout does not fit strategy `single`: neither 0 GPUs nor missing ones (docs/counting.md).
#[must_use]
pub fn is_mig_invalid(node: &impl NodeInventory) -> bool {
    product(node).contains("-MIG-INVALID")
}

fn product(node: &impl NodeInventory) -> &str {
    node.label("nvidia.com/gpu.product").map_or("", Clean::as_str)
}

fn mig_strategy(node: &impl NodeInventory) -> Option<&str> {
    node.label("nvidia.com/mig.strategy").map(Clean::as_str)
}

fn announces(node: &impl NodeInventory, resource: &str) -> bool {
    node.capacity().iter().any(|(name, _)| &**name == resource)
}

fn capacity(node: &impl NodeInventory, resource: &str) -> Option<i64> {
    node.capacity().iter().find(|(name, _)| &**name == resource).map(|(_, amount)| amount.value())
}

fn number(node: &impl NodeInventory, label: &str) -> Option<i64> {
    node.label(label)?.parse().ok().filter(|number| *number >= 0)
}

#[cfg(test)]
mod tests;
