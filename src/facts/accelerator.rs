//! Which resource names are devices, slices, shares or only accessories of accelerators.
//!
//! Source: `docs/counting.md`: an explicit table, never `contains("gpu")`.

mod hami;
mod machine;
mod product;
mod sharing;
mod table;

use serde::{Deserialize, Serialize};

use super::node::Announces;
use super::text::Clean;

pub(super) use hami::{REGISTER as HAMI_REGISTER, Split as HamiSplit};
pub use table::Table;

use sharing::Replicas;

/// NVIDIA's whole devices, or their slices or shares: labels say which.
const NVIDIA: &str = "nvidia.com/gpu";

/// AMD's whole devices, or their partitions or virtual functions: labels say which.
const AMD: &str = "amd.com/gpu";

/// Neuron devices by their old name; newer plugins announce both names for the same silicon.
const NEURON_OLD: &str = "aws.amazon.com/neurondevice";

/// Neuron devices.
const NEURON: &str = "aws.amazon.com/neuron";

/// Labels that name the model, the most telling first (docs/counting.md; `gpu.nvidia.com/model` is `CoreWeave`'s).
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

/// Says something of every machine, so it stands for a model only where there is an accelerator, and only where it is the type
/// of a cloud: elsewhere it names the distribution (`k3s`, `rke2`) or whatever somebody chose.
const INSTANCE_TYPE: &str = "node.kubernetes.io/instance-type";

/// What one unit of a resource is.
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

impl Table {
    /// The kind of `resource` on this node: labels change what `nvidia.com/gpu` means, and one piece of silicon that is
    /// announced under two names counts under one.
    ///
    /// A replica of a slice is a share.
    #[must_use]
    pub fn classify_on(&self, resource: &str, node: &impl Announces) -> Option<Kind> {
        let kind = self.classify(resource)?;
        if self.is_extended_by(resource) {
            return Some(kind);
        }
        Some(match resource {
            NEURON_OLD if announces(node, NEURON) => Kind::Aux,
            _ => sharing::unit(resource, node).unwrap_or(kind),
        })
    }

    /// The accelerator's model from the node's labels, as short as it stays clear (`A100-SXM4-80GB`).
    ///
    /// The maker's name and the `-SHARED` that sharing appends are left out; `-MIG-…` stays, since a slice is not the card.
    #[must_use]
    pub fn model<'n>(&self, node: &'n impl Announces) -> Option<&'n str> {
        let named = |key: &str| node.label(key).map(Clean::as_str).filter(|value| !value.is_empty());
        let model = MODEL_LABELS.into_iter().find_map(named).or_else(|| {
            let counts = |(name, _): &(Clean, _)| self.classify(name).is_some_and(|kind| kind != Kind::Aux);
            let of_a_cloud = || named(INSTANCE_TYPE).filter(|value| machine::is_of_a_cloud(value));
            node.capacity().iter().any(counts).then(of_a_cloud).flatten()
        })?;
        Some(short_model(model))
    }
}

/// A model without the maker's name and the `-SHARED` that sharing appends: the shorter half of what says the same.
#[must_use]
pub fn short_model(model: &str) -> &str {
    // Labels cannot hold blanks, attributes of devices can.
    let short = model.strip_prefix("NVIDIA").and_then(|rest| rest.strip_prefix(['-', ' '])).unwrap_or(model);
    let short = short.strip_suffix("-SHARED").unwrap_or(short);
    if short.is_empty() { model } else { short }
}

/// The kind of `resource` by its name alone, by the default table; `None` if it is no accelerator.
#[must_use]
pub fn classify(resource: &str) -> Option<Kind> {
    Table::default().classify(resource)
}

/// The kind of `resource` on this node, by the default table: sharing and MIG labels change what `nvidia.com/gpu` means.
#[must_use]
pub fn classify_on(resource: &str, node: &impl Announces) -> Option<Kind> {
    Table::default().classify_on(resource, node)
}

/// The accelerator's model, by the default table.
#[must_use]
pub fn model(node: &impl Announces) -> Option<&str> {
    Table::default().model(node)
}

/// How many of `resource` the labels promise on this node; `None` where the labels cannot say (docs/counting.md).
///
/// Whole devices: `nvidia.com/gpu.count`, times the replicas where they are shared without another name. In MIG strategy
/// `single` the label counts slices. In `mixed` it counts cards while the capacity leaves the split ones out, and a layout that is
/// `-MIG-INVALID` promises nothing: both cannot say. Slice types have a count of their own. Where `HAMi` splits the devices, its
/// annotation counts the shares. Where the silicon is announced under another name (`nvidia.com/gpu.shared`, `nvidia.com/pgpu`,
/// a vGPU), nothing of the plain name is missing; where only some devices are shared under another name, the plain name counts
/// the others. Where more is announced than the labels count, they do not know of the sharing.
#[must_use]
pub fn expected(resource: &str, node: &impl Announces) -> Option<i64> {
    let base = resource.strip_suffix(".shared").unwrap_or(resource);
    let is_whole = base == NVIDIA;
    if !is_whole && !base.starts_with("nvidia.com/mig-") {
        return None;
    }
    if is_whole && (mig_strategy(node) == Some("mixed") || is_mig_invalid(node) || sharing::is_cut_by_gke(node)) {
        return None;
    }
    if is_whole && hami::splits(node) {
        return hami::shares(node).filter(|_| base == resource);
    }
    let is_renamed = base != resource;
    if sharing::is_beside_shares(base, node) {
        return (!is_renamed).then(|| left_whole(base, node)).flatten();
    }
    if !is_renamed && is_announced_elsewhere(resource, node) {
        return None;
    }
    let count = number(node, &format!("{base}.count"))?;
    match sharing::replicas(base, node) {
        Replicas::None if is_renamed || (is_whole && sharing::exceeds_count(node)) => None,
        Replicas::None => Some(count),
        Replicas::Unknown => None,
        // Shared under another name, this name promises nothing; not shared, the other name does not exist.
        Replicas::Of(_) if !is_renamed && announces(node, &format!("{base}.shared")) => None,
        Replicas::Of(replicas) => count.checked_mul(replicas),
    }
}

/// Devices of this name that are not shared under the other one. The labels do not say how many those are: those behind the
/// shares that are announced, so that a missing device is missing here.
fn left_whole(base: &str, node: &impl Announces) -> Option<i64> {
    let count = number(node, &format!("{base}.count"))?;
    let Replicas::Of(replicas) = sharing::replicas(base, node) else { return None };
    let shares = capacity(node, &format!("{base}.shared"))?;
    Some(count.saturating_sub(shares / replicas + i64::from(shares % replicas != 0)).max(0))
}

/// Physical devices behind the shares or slices that `resource` counts on this node; `None` where the labels cannot say.
#[must_use]
pub fn devices_behind(resource: &str, node: &impl Announces) -> Option<i64> {
    sharing::devices_behind(resource, node)
}

/// The maker of the silicon that a resource stands for: the domain of its name, or NVIDIA where another's plugin hands out its
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

/// Whether the silicon behind this plain name is announced under another one, and none under this.
fn is_announced_elsewhere(resource: &str, node: &impl Announces) -> bool {
    let is_other = |name: &str| name != resource && maker(name) == maker(resource);
    let table = Table::default();
    // Shares that are handed out by their memory are announced by that alone.
    let is_counted =
        |name: &str| table.classify(name).is_some_and(|kind| kind != Kind::Aux || maker(name) != domain(name));
    let mut announced = node.capacity().iter().filter(|(_, amount)| amount.value() > 0).map(|(name, _)| &**name);
    let here = capacity(node, resource).is_some_and(|amount| amount > 0);
    let shared = format!("{resource}.shared");
    // Beside shares of the same devices, the plain name counts what is left of them.
    announced.any(|name| name == shared || (!here && resource == NVIDIA && is_other(name) && is_counted(name)))
}

fn domain(resource: &str) -> &str {
    resource.split_once('/').map_or(resource, |(domain, _)| domain)
}

/// The node's MIG layout does not fit strategy `single`: neither 0 GPUs nor missing ones (docs/counting.md).
#[must_use]
pub fn is_mig_invalid(node: &impl Announces) -> bool {
    product(node).contains("-MIG-INVALID")
}

fn product(node: &impl Announces) -> &str {
    node.label("nvidia.com/gpu.product").map_or("", Clean::as_str)
}

fn mig_strategy(node: &impl Announces) -> Option<&str> {
    node.label("nvidia.com/mig.strategy").map(Clean::as_str)
}

fn announces(node: &impl Announces, resource: &str) -> bool {
    node.capacity().iter().any(|(name, _)| &**name == resource)
}

fn capacity(node: &impl Announces, resource: &str) -> Option<i64> {
    node.capacity().iter().find(|(name, _)| &**name == resource).map(|(_, amount)| amount.value())
}

fn number(node: &impl Announces, label: &str) -> Option<i64> {
    node.label(label)?.parse().ok().filter(|number| *number >= 0)
}

#[cfg(test)]
mod tests;
