//! The table of links: `DaemonSets` and labels that must be right before a node has devices.
//!
//! Sources: NVIDIA GPU operator a22dbf671f2e (`assets/*/0500_daemonset.yaml`, `controllers/state_manager.go:41-127`,
//! `internal/state/driver.go:487`, `k8s-operator-libs pkg/upgrade/consts.go:49-82`); GKE `container-engine-accelerators`; AMD
//! `ROCm/gpu-operator internal/utils.go:75-79`, `api/v1alpha1/deviceconfig_types.go:298-324`; the static manifests of NVIDIA, AMD,
//! Intel and Neuron.

/// Devices of one maker: how a node shows that it has a card, and the links of the chain in their order.
#[derive(Debug)]
pub(super) struct DeviceStack {
    /// Maker of the resources, `nvidia.com`.
    pub(super) maker: &'static str,
    /// Labels of which any but `false` and `0` says that the node has a card.
    pub(super) card: &'static [&'static str],
    pub(super) links: &'static [LinkSpec],
}

/// One link of a chain.
#[derive(Debug)]
pub(super) struct LinkSpec {
    /// Name in words.
    pub(super) name: &'static str,
    pub(super) source: LinkSource,
}

/// Evidence for the state of a link.
#[derive(Debug)]
pub(super) enum LinkSource {
    /// Pods of a `DaemonSet` on the node.
    DaemonSet {
        /// Parts of the names of its `DaemonSets`; of several links whose parts a name contains, the longest part wins.
        names: &'static [&'static str],
        /// Part of the namespace; empty for any.
        namespace: &'static str,
        /// Label by which an operator assigns its pod to the node; empty without one.
        deploy: &'static str,
        role: LinkRole,
    },
    /// A label with the state of a process.
    State {
        label: &'static str,
        /// Values during which the node may have no devices.
        bad: &'static [&'static str],
    },
}

/// Part that a `DaemonSet` plays in the registration of devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LinkRole {
    /// It must run before the devices are registered.
    Before,
    /// It registers the devices with the kubelet.
    Registers,
    /// It offers the devices as `ResourceSlice`: nothing is allocatable, by design.
    Slices,
    /// It runs beside the plugin or after it.
    After,
}

use LinkRole::{After, Before, Registers, Slices};

const fn daemon_set(
    name: &'static str,
    names: &'static [&'static str],
    deploy: &'static str,
    role: LinkRole,
) -> LinkSpec {
    LinkSpec { name, source: LinkSource::DaemonSet { names, namespace: "", deploy, role } }
}

const fn state(name: &'static str, label: &'static str, bad: &'static [&'static str]) -> LinkSpec {
    LinkSpec { name, source: LinkSource::State { label, bad } }
}

/// The makers whose chains are known.
pub(super) static STACKS: [DeviceStack; 4] = [
    DeviceStack {
        maker: "nvidia.com",
        card: &[
            "nvidia.com/gpu.present",
            "nvidia.com/gpu.count",
            "feature.node.kubernetes.io/pci-10de.present",
            "feature.node.kubernetes.io/pci-0302_10de.present",
            "feature.node.kubernetes.io/pci-0300_10de.present",
            "cloud.google.com/gke-accelerator",
        ],
        links: &NVIDIA,
    },
    DeviceStack {
        maker: "amd.com",
        card: &["feature.node.kubernetes.io/amd-gpu", "feature.node.kubernetes.io/amd-vgpu"],
        links: &AMD,
    },
    DeviceStack { maker: "gpu.intel.com", card: &["intel.feature.node.kubernetes.io/gpu"], links: &INTEL },
    DeviceStack { maker: "aws.amazon.com", card: &[], links: &NEURON },
];

static NVIDIA: [LinkSpec; 14] = [
    daemon_set(
        "driver",
        // `nvidia-<type>-driver-<name>-<os>` is that of a NVIDIADriver object; the last one is GKE's.
        &["nvidia-driver-daemonset", "nvidia-gpu-driver-", "nvidia-vgpu-driver-", "nvidia-driver-installer"],
        "nvidia.com/gpu.deploy.driver",
        Before,
    ),
    daemon_set("vGPU manager", &["nvidia-vgpu-manager-daemonset"], "nvidia.com/gpu.deploy.vgpu-manager", Before),
    daemon_set("VFIO manager", &["nvidia-vfio-manager"], "nvidia.com/gpu.deploy.vfio-manager", Before),
    daemon_set("toolkit", &["nvidia-container-toolkit"], "nvidia.com/gpu.deploy.container-toolkit", Before),
    daemon_set(
        "device plugin",
        &["nvidia-device-plugin", "nvidia-gpu-device-plugin"],
        "nvidia.com/gpu.deploy.device-plugin",
        Registers,
    ),
    daemon_set(
        "sandbox device plugin",
        &["nvidia-sandbox-device-plugin", "nvidia-kata-sandbox-device-plugin"],
        "nvidia.com/gpu.deploy.sandbox-device-plugin",
        Registers,
    ),
    daemon_set("DRA driver", &["nvidia-dra-driver-kubelet-plugin"], "nvidia.com/gpu.deploy.dra-driver", Slices),
    daemon_set("MPS control", &["nvidia-device-plugin-mps-control-daemon"], "", After),
    daemon_set("feature discovery", &["gpu-feature-discovery"], "nvidia.com/gpu.deploy.gpu-feature-discovery", After),
    daemon_set("validator", &["nvidia-operator-validator"], "nvidia.com/gpu.deploy.operator-validator", After),
    daemon_set("sandbox validator", &["nvidia-sandbox-validator"], "nvidia.com/gpu.deploy.sandbox-validator", After),
    daemon_set("DRA validator", &["nvidia-dra-validator"], "nvidia.com/gpu.deploy.dra-validator", After),
    // `upgrade-required` alone may last for weeks (NVIDIA/gpu-operator#2509).
    state(
        "driver upgrade",
        "nvidia.com/gpu-driver-upgrade-state",
        &[
            "cordon-required",
            "wait-for-jobs-required",
            "pod-deletion-required",
            "drain-required",
            "node-maintenance-required",
            "post-maintenance-required",
            "pod-restart-required",
            "validation-required",
            "uncordon-required",
            "upgrade-failed",
        ],
    ),
    state("MIG layout", "nvidia.com/mig.config.state", &["pending", "rebooting", "failed"]),
];

static AMD: [LinkSpec; 4] = [
    LinkSpec {
        name: "device plugin",
        source: LinkSource::DaemonSet {
            // `<deviceconfig>-device-plugin` in the operator's namespace `kube-amd-gpu`.
            names: &["-device-plugin"],
            namespace: "amd",
            deploy: "",
            role: Registers,
        },
    },
    daemon_set("device plugin", &["amdgpu-device-plugin"], "", Registers),
    LinkSpec {
        name: "node labeller",
        source: LinkSource::DaemonSet { names: &["-node-labeller"], namespace: "amd", deploy: "", role: After },
    },
    state(
        "driver upgrade",
        "operator.amd.com/gpu-driver-upgrade-state",
        &["Upgrade-In-Progress", "Upgrade-Failed", "Drain-Failed", "Reboot-Failed"],
    ),
];

static INTEL: [LinkSpec; 1] = [daemon_set("device plugin", &["intel-gpu-plugin"], "", Registers)];

static NEURON: [LinkSpec; 1] = [daemon_set("device plugin", &["neuron-device-plugin"], "", Registers)];
