//! Table of resource names.

use super::Kind::{Aux, Device, Shared, Slice};
use super::{Kind, product};

/// Full names (docs/counting.md), sorted.
const NAMES: &[(&str, Kind)] = &[
    ("aliyun.com/gpu-count", Device),
    ("aliyun.com/gpu-mem", Aux),
    ("amd.com/gpu", Device),
    ("amd.com/gpucores", Aux),
    ("amd.com/gpumem", Aux),
    ("aws.amazon.com/neuron", Device),
    ("aws.amazon.com/neuroncore", Slice),
    ("aws.amazon.com/neurondevice", Device),
    ("birentech.com/gpu", Device),
    ("cambricon.com/mlu", Device),
    ("cambricon.com/vmlu", Shared),
    // The plugin's code uses `k8s.`, its documentation `eks.`.
    ("eks.amazonaws.com/vgpu", Shared),
    ("enflame.com/drs-gcu", Shared),
    ("enflame.com/gcu", Device),
    ("enflame.com/gcu-memory", Aux),
    ("google.com/tpu", Device),
    ("gpu.intel.com/i915", Device),
    ("gpu.intel.com/i915_monitoring", Aux),
    ("gpu.intel.com/memory.max", Aux),
    ("gpu.intel.com/millicores", Aux),
    ("gpu.intel.com/monitoring", Aux),
    ("gpu.intel.com/tiles", Aux),
    ("gpu.intel.com/xe", Device),
    ("gpu.intel.com/xe_monitoring", Aux),
    ("habana.ai/gaudi", Device),
    ("hygon.com/dcu", Device),
    ("hygon.com/dcucores", Aux),
    ("hygon.com/dcumem", Aux),
    ("hygon.com/dcunum", Shared),
    ("iluvatar.ai/gpu", Device),
    ("k8s.amazonaws.com/vgpu", Shared),
    ("kunlunxin.com/vxpu", Shared),
    ("kunlunxin.com/vxpu-memory", Aux),
    ("kunlunxin.com/xpu", Device),
    ("metax-tech.com/gpu", Device),
    ("metax-tech.com/sgpu", Shared),
    ("metax-tech.com/vcore", Aux),
    ("metax-tech.com/vmemory", Aux),
    ("mthreads.com/gpu", Device),
    ("mthreads.com/sgpu-core", Aux),
    ("mthreads.com/sgpu-memory", Aux),
    ("mthreads.com/vgpu", Shared),
    ("nvidia.com/gpu", Device),
    ("nvidia.com/gpu.shared", Shared),
    ("nvidia.com/gpucores", Aux),
    ("nvidia.com/gpumem", Aux),
    ("nvidia.com/gpumem-percentage", Aux),
    ("nvidia.com/priority", Aux),
    ("tencent.com/vcuda-core", Aux),
    ("tencent.com/vcuda-memory", Aux),
    ("vastaitech.com/va", Device),
    ("volcano.sh/vgpu-cores", Aux),
    ("volcano.sh/vgpu-memory", Aux),
    ("volcano.sh/vgpu-number", Shared),
];

/// Kinds by resource name: the built-in table and the user's additions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AcceleratorTable {
    /// Sorted by name.
    extra: Vec<(String, Kind)>,
}

impl AcceleratorTable {
    /// Extends the built-in table. Added names take precedence; of two entries for one name the last wins.
    #[must_use]
    pub fn with(extra: impl IntoIterator<Item = (String, Kind)>) -> Self {
        let mut extra: Vec<_> = extra.into_iter().collect();
        extra.reverse();
        extra.sort_by(|a, b| a.0.cmp(&b.0));
        extra.dedup_by(|earlier, last| earlier.0 == last.0);
        Self { extra }
    }

    /// Kind of `resource` by its name alone; `None` if it is not an accelerator.
    #[must_use]
    pub fn classify(&self, resource: &str) -> Option<Kind> {
        if let Ok(at) = self.extra.binary_search_by(|(name, _)| name.as_str().cmp(resource)) {
            return Some(self.extra[at].1);
        }
        let named = NAMES.binary_search_by(|(name, _)| (*name).cmp(resource)).ok().map(|at| NAMES[at].1);
        named.or_else(|| by_pattern(resource))
    }

    /// Returns `true` if the user's additions name this resource.
    pub(super) fn is_extended_by(&self, resource: &str) -> bool {
        self.extra.binary_search_by(|(name, _)| name.as_str().cmp(resource)).is_ok()
    }
}

/// Kind of names that contain a model or a size.
fn by_pattern(resource: &str) -> Option<Kind> {
    let (domain, name) = resource.split_once('/')?;
    match domain {
        "nvidia.com" => nvidia(name),
        "amd.com" => amd_partition(name).or_else(|| product::amd(name)),
        "intel.com" => product::intel(name),
        "huawei.com" => ascend(name),
        "iluvatar.ai" if name.ends_with("-vgpu") => Some(Shared),
        "iluvatar.ai" if name.ends_with(".vMem") || name.ends_with(".vCore") => Some(Aux),
        // `mlu.smlu.vmemory`, and the same with a model: `mlu370.smlu.vcore`.
        "cambricon.com" if name.contains(".smlu.") => Some(Aux),
        "tke.cloud.tencent.com" if name.starts_with("qgpu-") => Some(Aux),
        _ => None,
    }
}

/// MIG slices of strategy `mixed`, and resources of plugins for virtual machines.
fn nvidia(name: &str) -> Option<Kind> {
    if name.starts_with("mig-") {
        return Some(if name.ends_with(".shared") { Shared } else { Slice });
    }
    product::nvidia(name)
}

/// `cpx_nps4` and its like, of the naming strategy `mixed`; `spx` is a whole card.
fn amd_partition(name: &str) -> Option<Kind> {
    match name.split_once("_nps").map_or(name, |(compute, _)| compute) {
        "spx" => Some(Device),
        "dpx" | "tpx" | "qpx" | "cpx" => Some(Slice),
        _ => None,
    }
}

/// `Ascend910B3` is a card, `Ascend910B3-memory` and `-core` are accessories, `Ascend910-2c` is a slice of two cores.
fn ascend(name: &str) -> Option<Kind> {
    let model = name.strip_prefix("Ascend")?;
    Some(match model.split_once('-') {
        None => Device,
        Some((_, "memory" | "core")) => Aux,
        Some(_) => Slice,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_sorted_so_that_they_can_be_searched() {
        assert!(NAMES.is_sorted_by(|a, b| a.0 < b.0));
    }
}
