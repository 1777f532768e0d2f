//! Which resource names are devices, slices, shares or only accessories of accelerators.
//!
//! Source: `reference/semantics.md`, section 3: an explicit table, never `contains("gpu")`.

mod hami;
mod table;

use serde::{Deserialize, Serialize};

use super::node::Announces;
use super::text::Clean;

pub(super) use hami::{REGISTER as HAMI_REGISTER, Split as HamiSplit};
pub use table::Table;

/// NVIDIA's whole devices, or their slices or shares: labels say which.
const NVIDIA: &str = "nvidia.com/gpu";

/// Neuron devices by their old name; newer plugins announce both names for the same silicon.
const NEURON_OLD: &str = "aws.amazon.com/neurondevice";

/// Neuron devices.
const NEURON: &str = "aws.amazon.com/neuron";

/// Labels that name the model, the most telling first (semantics.md, 3.4).
const MODEL_LABELS: [&str; 8] = [
    "nvidia.com/gpu.product",
    "amd.com/gpu.product-name",
    "beta.amd.com/gpu.product-name",
    "gpu.intel.com/product",
    "gpu.intel.com/family",
    "cloud.google.com/gke-accelerator",
    "cloud.google.com/gke-tpu-accelerator",
    "karpenter.k8s.aws/instance-gpu-name",
];

/// Says something of every machine, so it stands for a model only where there is an accelerator.
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
            NVIDIA if sharing(NVIDIA, node) || hami::splits(node) => Kind::Shared,
            NVIDIA if mig_strategy(node) == Some("single") && is_mig_product(node) => Kind::Slice,
            NEURON_OLD if announces(node, NEURON) => Kind::Aux,
            _ => kind,
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
            node.capacity().iter().any(counts).then(|| named(INSTANCE_TYPE)).flatten()
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

/// How many of `resource` the labels promise on this node; `None` where the labels cannot say (semantics.md, 3.3).
///
/// Whole devices: `nvidia.com/gpu.count`, times the replicas where they are shared without another name. In MIG strategy
/// `single` the label counts slices. In `mixed` it counts cards while the capacity leaves the split ones out, and a layout that is
/// `-MIG-INVALID` promises nothing: both cannot say. Slice types have a count of their own. Where `HAMi` splits the devices, its
/// annotation counts the shares.
#[must_use]
pub fn expected(resource: &str, node: &impl Announces) -> Option<i64> {
    let base = resource.strip_suffix(".shared").unwrap_or(resource);
    let is_whole = base == NVIDIA;
    if !is_whole && !base.starts_with("nvidia.com/mig-") {
        return None;
    }
    if is_whole && (mig_strategy(node) == Some("mixed") || is_mig_invalid(node)) {
        return None;
    }
    if is_whole && hami::splits(node) {
        return hami::shares(node).filter(|_| base == resource);
    }
    let count = number(node, &format!("{base}.count"))?;
    let is_shared = sharing(base, node);
    let is_renamed = base != resource;
    if is_shared && (is_renamed || !announces(node, &format!("{base}.shared"))) {
        return count.checked_mul(number(node, &format!("{base}.replicas"))?);
    }
    // Shared under another name, this name promises nothing; not shared, the other name does not exist.
    (!is_shared && !is_renamed).then_some(count)
}

/// The node's MIG layout does not fit strategy `single`: neither 0 GPUs nor missing ones (semantics.md, 3.3).
#[must_use]
pub fn is_mig_invalid(node: &impl Announces) -> bool {
    product(node).contains("-MIG-INVALID")
}

fn is_mig_product(node: &impl Announces) -> bool {
    product(node).contains("-MIG-") && !is_mig_invalid(node)
}

fn product(node: &impl Announces) -> &str {
    node.label("nvidia.com/gpu.product").map_or("", Clean::as_str)
}

fn mig_strategy(node: &impl Announces) -> Option<&str> {
    node.label("nvidia.com/mig.strategy").map(Clean::as_str)
}

fn sharing(base: &str, node: &impl Announces) -> bool {
    let strategy = node.label(&format!("{base}.sharing-strategy")).map(Clean::as_str);
    matches!(strategy, Some("time-slicing" | "mps"))
}

fn announces(node: &impl Announces, resource: &str) -> bool {
    node.capacity().iter().any(|(name, _)| &**name == resource)
}

fn number(node: &impl Announces, label: &str) -> Option<i64> {
    node.label(label)?.parse().ok().filter(|number| *number >= 0)
}

#[cfg(test)]
mod tests;
