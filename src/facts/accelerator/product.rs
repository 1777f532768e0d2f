//! Resource names that plugins for virtual machines derive from product names: whole cards, virtual functions and vGPUs.
//!
//! NVIDIA's `kubevirt-gpu-device-plugin` (`pkg/device_plugin/device_plugin.go`) takes a card's name from the PCI database, in capitals
//! since 1.2 and only with letters, digits, `_` and `.` (`GA102GL_A10`), or its PCI number if the database has no name
//! (`2236`), and a vGPU's name from the driver, with `_` for spaces (`GRID_T4-2Q`, `NVIDIA_A100-1-5CME`). Its
//! `sandbox-device-plugin` calls every card `pgpu` (`cmd/main.go`, `P_GPU_ALIAS`). `KubeVirt` and Harvester use the same names.

use super::Kind;

/// Words in the names of a card's other functions, and of interconnects, which are not accelerators.
const COMPANIONS: [&str; 6] = ["AUDIO", "NVSWITCH", "USB", "UCSI", "BRIDGE", "CONTROLLER"];

/// Kind of NVIDIA's names after `nvidia.com/`.
pub(super) fn nvidia(name: &str) -> Option<Kind> {
    if name == "pgpu" || is_pci_number(name) {
        return Some(Kind::Device);
    }
    if !name.starts_with(|first: char| first.is_ascii_uppercase()) || is_companion(name) {
        return None;
    }
    Some(if name.starts_with("GRID_") || is_vgpu_type(name) { Kind::Shared } else { Kind::Device })
}

/// Kind of AMD's names after `amd.com/`. The PCI database also names AMD's other chips, so the name must contain a GPU product line.
pub(super) fn amd(name: &str) -> Option<Kind> {
    match name {
        // The operator's end-to-end tests (`tests/e2e/kubevirt_test.go`): physical and virtual functions.
        "gpu_pf" => return Some(Kind::Device),
        "gpu_vf" => return Some(Kind::Shared),
        _ => {}
    }
    let is_card = ["INSTINCT", "RADEON", "FIREPRO"].iter().any(|line| has_word(name, line));
    if !is_card || is_companion(name) {
        return None;
    }
    Some(if has_word(name, "VF") { Kind::Shared } else { Kind::Device })
}

/// Kind of Intel's names after `intel.com/`: mediated devices of GVT-g are shares, cards are named after their line.
pub(super) fn intel(name: &str) -> Option<Kind> {
    if name.to_ascii_uppercase().contains("GVTG") {
        return Some(Kind::Shared);
    }
    let is_card = ["GPU", "ARC", "IRIS", "FLEX"].iter().any(|line| has_word(name, line));
    let is_product = name.starts_with(|first: char| first.is_ascii_uppercase()) && name.contains('_');
    (is_card && is_product && !is_companion(name)).then_some(Kind::Device)
}

/// Returns `true` for the product of a vGPU (`GRID-T4-2Q`, `NVIDIA-A40-48Q`) in GPU feature discovery's label.
pub(super) fn is_vgpu(product: &str) -> bool {
    // Feature discovery appends these suffixes to the name.
    let name = product.strip_suffix("-SHARED").unwrap_or(product);
    let name = name.split_once("-MIG-").map_or(name, |(name, _)| name);
    is_vgpu_type(name) || name.strip_prefix("GRID-").is_some_and(is_kepler_vgpu)
}

/// `K120Q`, `K260Q`: the first vGPUs, without memory in their names. `K1`, `K2` and `K520` are cards.
fn is_kepler_vgpu(name: &str) -> bool {
    let Some(number) = name.strip_prefix('K').and_then(|rest| rest.strip_suffix(['Q', 'B', 'A'])) else { return false };
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns `true` for a PCI number (`2236`), used for a card that the PCI database does not name.
fn is_pci_number(name: &str) -> bool {
    name.len() == 4 && name.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// `A40-4Q`, `A100-1-5CME`, `T4-2B4`: a dash, memory in GB and the series (Q, C, B or A). No card has such a name.
fn is_vgpu_type(name: &str) -> bool {
    let Some((_, profile)) = name.rsplit_once('-') else { return false };
    let series = profile.trim_start_matches(|letter: char| letter.is_ascii_digit());
    series.len() < profile.len()
        && series.starts_with(['Q', 'C', 'B', 'A'])
        && series.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_companion(name: &str) -> bool {
    COMPANIONS.iter().any(|word| has_word(name, word))
}

fn has_word(name: &str, word: &str) -> bool {
    name.split(['_', '-', '.']).any(|part| part.eq_ignore_ascii_case(word))
}
