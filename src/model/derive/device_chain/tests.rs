use super::*;
use crate::facts::node::NodeFacts;
use crate::facts::pod::{PodTrouble, TroubleKind};

/// A node with these labels.
fn node(labels: &[(&str, &str)]) -> NodeFacts {
    let mut labels: Vec<_> = labels.iter().map(|(key, value)| (Clean::new(key), Clean::new(value))).collect();
    labels.sort();
    NodeFacts { labels, ..NodeFacts::default() }
}

/// The labels that the operator gives a node with a card (`state_manager.go`, `gpuStateLabels`, workload `container`), and the
/// overrides of one test.
fn operated(overrides: &[(&'static str, &'static str)]) -> NodeFacts {
    let links = ["driver", "container-toolkit", "device-plugin", "gpu-feature-discovery", "operator-validator"];
    let keys: Vec<String> = links.iter().map(|link| format!("nvidia.com/gpu.deploy.{link}")).collect();
    let kept = keys.iter().filter(|key| !overrides.iter().any(|(other, _)| other == key));
    let mut labels: Vec<(&str, &str)> = kept.map(|key| (key.as_str(), "true")).collect();
    labels.push(("nvidia.com/gpu.present", "true"));
    labels.extend(overrides.iter().filter(|(_, value)| !value.is_empty()));
    node(&labels)
}

const DRIVER: &str = "nvidia-driver-daemonset";
const TOOLKIT: &str = "nvidia-container-toolkit-daemonset";
const PLUGIN: &str = "nvidia-device-plugin-daemonset";
const DISCOVERY: &str = "gpu-feature-discovery";
const VALIDATOR: &str = "nvidia-operator-validator";

/// A pod of a `DaemonSet`: Running and Ready if `status` is empty, else Pending with kubectl's STATUS.
fn pod<'a>(owner_name: &'a str, status: &'a str) -> PodFacts<'a> {
    let is_ready = status.is_empty();
    PodFacts {
        namespace: "gpu-operator",
        name: "x",
        owner_kind: "DaemonSet",
        owner_name,
        phase: if is_ready { PodPhase::Running } else { PodPhase::Pending },
        reason: status,
        containers: 1,
        ready: u16::from(is_ready),
        ..PodFacts::default()
    }
}

fn chain_of(node: &NodeFacts, pods: &[PodFacts<'_>]) -> DeviceChain {
    chain("nvidia.com", node, &Known::Exact(pods.to_vec()), false).unwrap()
}

fn text(node: &NodeFacts, pods: &[PodFacts<'_>]) -> String {
    chain_of(node, pods).text()
}

/// `assets/*/0500_daemonset.yaml`: every later pod waits in its init containers for the one before it.
#[test]
fn the_first_link_that_is_not_ready_is_named_and_not_those_that_wait_for_it() {
    let waiting = [pod(PLUGIN, "Init:0/1"), pod(DISCOVERY, "Init:0/1"), pod(VALIDATOR, "Init:0/4")];
    let rows = [
        // Could not unload the old driver (NVIDIA/gpu-operator#2166, #2509).
        ("Init:CrashLoopBackOff", "Init:0/1", "broken at driver: Init:CrashLoopBackOff, gpu-operator/x"),
        // Everything in Init behind the driver (#448, #378).
        ("Init:0/1", "Init:0/1", "broken at driver: Init:0/1, gpu-operator/x"),
        ("", "Init:0/1", "broken at toolkit: Init:0/1, gpu-operator/x"),
        ("ImagePullBackOff", "Init:0/1", "broken at driver: ImagePullBackOff, gpu-operator/x"),
        ("", "CrashLoopBackOff", "broken at toolkit: CrashLoopBackOff, gpu-operator/x"),
    ];
    for (driver, toolkit, expected) in rows {
        let pods: Vec<_> = [pod(DRIVER, driver), pod(TOOLKIT, toolkit)].into_iter().chain(waiting.clone()).collect();
        assert_eq!(text(&operated(&[]), &pods), expected);
    }
    let ready = [pod(DRIVER, ""), pod(TOOLKIT, "")];
    let rows = [
        (
            [pod(PLUGIN, "CrashLoopBackOff"), pod(DISCOVERY, ""), pod(VALIDATOR, "Init:3/4")],
            "device plugin: CrashLoopBackOff",
        ),
        (
            [pod(PLUGIN, ""), pod(DISCOVERY, "CrashLoopBackOff"), pod(VALIDATOR, "Init:3/4")],
            "feature discovery: CrashLoopBackOff",
        ),
        ([pod(PLUGIN, ""), pod(DISCOVERY, ""), pod(VALIDATOR, "Init:3/4")], "validator: Init:3/4"),
    ];
    for (rest, expected) in rows {
        let pods: Vec<_> = ready.iter().cloned().chain(rest).collect();
        assert_eq!(text(&operated(&[]), &pods), format!("broken at {expected}, gpu-operator/x"));
    }
}

/// A validator that is Ready does not prove that CUDA works (#2685): the chain says only that no link is broken.
#[test]
fn a_chain_whose_pods_are_all_ready_names_no_link() {
    let pods = [DRIVER, TOOLKIT, PLUGIN, DISCOVERY, VALIDATOR].map(|name| pod(name, ""));
    let chain = chain_of(&operated(&[]), &pods);
    assert_eq!(chain.text(), "no link broken; see the log of the device plugin");
    assert_eq!(chain.broken(), None);
    let names: Vec<_> = chain.links.iter().map(|link| (link.name, &*link.state)).collect();
    let running =
        ["driver", "toolkit", "device plugin", "feature discovery", "validator"].map(|name| (name, "Running"));
    assert_eq!(names, running);
}

#[test]
fn the_words_of_the_kubelet_and_the_pod_stand_beside_the_state() {
    let trouble =
        PodTrouble { kind: TroubleKind::CrashLoop, message: "Error, exit code 1", image: "", device: "", since: None };
    let driver =
        PodFacts { name: "nvidia-driver-daemonset-x7k2p", trouble: Some(trouble), ..pod(DRIVER, "CrashLoopBackOff") };
    let expected =
        "broken at driver: CrashLoopBackOff, Error, exit code 1 (gpu-operator/nvidia-driver-daemonset-x7k2p)";
    assert_eq!(text(&operated(&[]), &[driver]), expected);
    // A startup probe of the driver lasts up to 20 min: the pod runs and is not ready.
    let building = PodFacts { phase: PodPhase::Running, reason: "", ready: 0, ..pod(DRIVER, "") };
    assert_eq!(text(&operated(&[]), &[building]), "broken at driver: Running, not ready (0/1), gpu-operator/x");
}

/// The values of `nvidia.com/gpu.deploy.*`: `true`, `false`, `pre-installed`, `paused-for-driver-upgrade`, `paused-for-mig-change`.
#[test]
fn deploy_labels_explain_links_without_pods() {
    const DRIVER_LABEL: &str = "nvidia.com/gpu.deploy.driver";
    const PLUGIN_LABEL: &str = "nvidia.com/gpu.deploy.device-plugin";
    const TOOLKIT_LABEL: &str = "nvidia.com/gpu.deploy.container-toolkit";
    let rest = [pod(TOOLKIT, ""), pod(PLUGIN, ""), pod(DISCOVERY, ""), pod(VALIDATOR, "")];
    let intact = "no link broken; see the log of the device plugin";
    // The driver of the host: no pod is right.
    assert_eq!(text(&operated(&[(DRIVER_LABEL, "pre-installed")]), &rest), intact);
    // `driver.enabled=false` and a driver in the image of the node: a ready toolkit has found it.
    assert_eq!(text(&operated(&[]), &rest), intact);
    let stuck = [pod(TOOLKIT, "Init:0/1"), pod(PLUGIN, "Init:0/1")];
    assert_eq!(text(&operated(&[]), &stuck), "broken at driver: no pod on this node");
    assert_eq!(
        text(&operated(&[(DRIVER_LABEL, "pre-installed")]), &stuck),
        "broken at toolkit: Init:0/1, gpu-operator/x"
    );
    // Opted out.
    let without = [pod(DRIVER, ""), pod(TOOLKIT, ""), pod(DISCOVERY, ""), pod(VALIDATOR, "Init:3/4")];
    assert_eq!(
        text(&operated(&[(PLUGIN_LABEL, "false")]), &without),
        "broken at device plugin: not deployed (nvidia.com/gpu.deploy.device-plugin=false)"
    );
    // A pause that was left behind (#316, #416).
    let paused = [(PLUGIN_LABEL, "paused-for-mig-change")];
    assert_eq!(
        text(&operated(&paused), &without),
        "broken at device plugin: paused-for-mig-change, label nvidia.com/gpu.deploy.device-plugin"
    );
    let paused = [(TOOLKIT_LABEL, "paused-for-driver-upgrade"), (PLUGIN_LABEL, "paused-for-driver-upgrade")];
    assert_eq!(
        text(&operated(&paused), &[pod(DRIVER, "")]),
        "broken at toolkit: paused-for-driver-upgrade, label nvidia.com/gpu.deploy.container-toolkit"
    );
    // Feature discovery and the validator may be missing without harm to the devices.
    assert_eq!(text(&operated(&[]), &[pod(DRIVER, ""), pod(TOOLKIT, ""), pod(PLUGIN, "")]), intact);
    assert_eq!(
        text(&operated(&[]), &[pod(DRIVER, ""), pod(TOOLKIT, ""), pod(DISCOVERY, "")]),
        "broken at device plugin: no pod on this node"
    );
}

/// `k8s-operator-libs pkg/upgrade/consts.go:49-82`; `mig-parted`.
#[test]
fn states_of_an_upgrade_and_of_the_mig_layout_are_links() {
    const UPGRADE: &str = "nvidia.com/gpu-driver-upgrade-state";
    const MIG: &str = "nvidia.com/mig.config.state";
    let pods = [DRIVER, TOOLKIT, PLUGIN, DISCOVERY, VALIDATOR].map(|name| pod(name, ""));
    let intact = "no link broken; see the log of the device plugin";
    let rows = [
        (UPGRADE, "upgrade-done", intact),
        (UPGRADE, "upgrade-required", intact),
        (UPGRADE, "drain-required", "broken at driver upgrade: drain-required"),
        (UPGRADE, "upgrade-failed", "broken at driver upgrade: upgrade-failed"),
        (MIG, "success", intact),
        (MIG, "pending", "broken at MIG layout: pending"),
        (MIG, "rebooting", "broken at MIG layout: rebooting"),
        (MIG, "failed", "broken at MIG layout: failed"),
    ];
    for (label, value, expected) in rows {
        assert_eq!(text(&operated(&[(label, value)]), &pods), expected, "{label}={value}");
    }
    let failed = operated(&[(UPGRADE, "upgrade-failed")]);
    let driver = [pod(DRIVER, "Init:CrashLoopBackOff")];
    assert_eq!(text(&failed, &driver), "broken at driver: Init:CrashLoopBackOff, gpu-operator/x", "the pod says more");
}

#[test]
fn pods_that_are_not_known_prove_nothing() {
    let of = |pods: &PodsOfNode<'_>| chain("nvidia.com", &operated(&[]), pods, false).unwrap().text();
    assert_eq!(of(&Known::Unknown), "cause unknown: pods are not known yet");
    assert_eq!(of(&Known::Denied), "cause unknown: pods may not be listed");
    assert_eq!(
        of(&Known::AtLeast(vec![pod(PLUGIN, "Init:0/1")])),
        "cause unknown: driver: no pod seen, but not all pods are known"
    );
    let driver = pod(DRIVER, "CrashLoopBackOff");
    assert_eq!(of(&Known::AtLeast(vec![driver])), "broken at driver: CrashLoopBackOff, gpu-operator/x");
    let bare = chain("nvidia.com", &node(&[]), &Known::AtLeast(vec![]), false).unwrap();
    assert_eq!(bare.text(), "cause unknown: no pod of a device plugin seen, but not all pods are known");
    assert!(chain("huawei.com", &node(&[]), &Known::Exact(vec![]), false).is_none(), "no chain of this maker is known");
}

/// Names of section 7: the operator, a `NVIDIADriver` object, static manifests and charts, GKE, AMD, Intel, Neuron, virtual machines.
#[test]
fn daemon_sets_of_every_stack_are_recognised_by_their_names() {
    let rows = [
        ("nvidia-driver-daemonset", "driver"),
        ("nvidia-driver-daemonset-417.94.202502111808-0", "driver"),
        ("nvidia-gpu-driver-demo-ubuntu22.04", "driver"),
        ("nvidia-driver-installer", "driver"),
        ("nvidia-container-toolkit-daemonset", "toolkit"),
        ("nvidia-device-plugin-daemonset", "device plugin"),
        ("nvdp-nvidia-device-plugin", "device plugin"),
        ("nvidia-gpu-device-plugin-small-cos", "device plugin"),
        ("nvidia-device-plugin-mps-control-daemon", "MPS control"),
        ("gpu-feature-discovery", "feature discovery"),
        ("nvidia-operator-validator", "validator"),
        ("nvidia-vfio-manager", "VFIO manager"),
        ("nvidia-vgpu-manager-daemonset", "vGPU manager"),
        ("nvidia-sandbox-device-plugin-daemonset", "sandbox device plugin"),
        ("nvidia-kata-sandbox-device-plugin-daemonset", "sandbox device plugin"),
        ("nvidia-sandbox-validator", "sandbox validator"),
        ("nvidia-dra-driver-kubelet-plugin", "DRA driver"),
        ("nvidia-dra-validator", "DRA validator"),
        ("amdgpu-device-plugin-daemonset", "device plugin"),
        ("intel-gpu-plugin", "device plugin"),
        ("neuron-device-plugin-daemonset", "device plugin"),
        ("nvidia-dcgm-exporter", ""),
        ("kube-sriov-device-plugin", ""),
        ("kube-proxy", ""),
    ];
    for (owner, name) in rows {
        assert_eq!(link_of(&pod(owner, "")).map_or("", |link| link.name), name, "{owner}");
    }
    let amd = PodFacts { namespace: "kube-amd-gpu", ..pod("default-device-plugin", "") };
    assert_eq!(link_of(&amd).map_or("", |link| link.name), "device plugin");
    let job = PodFacts { owner_kind: "Job", ..pod(PLUGIN, "") };
    assert!(link_of(&job).is_none(), "a pod of somebody else with such a name");
}

#[test]
fn a_node_without_an_operator_needs_a_device_plugin() {
    let expected = "broken at device plugin: no known one runs on this node, and no label says that it has a card";
    assert_eq!(text(&node(&[]), &[pod("kube-proxy", "")]), expected);
    let expected = "broken at device plugin: no known one runs on this node";
    assert_eq!(text(&node(&[("nvidia.com/gpu.count", "8")]), &[pod("kube-proxy", "")]), expected);
    let gke = node(&[("cloud.google.com/gke-accelerator", "nvidia-h100-80gb")]);
    assert_eq!(text(&gke, &[pod("nvidia-driver-installer", "")]), expected);
    let other = chain("nvidia.com", &gke, &Known::Exact(vec![pod("our-plugin", "")]), true).unwrap();
    assert_eq!(other.text(), "cause unknown: the device plugin is none of those that are known");
    let pods = [pod("nvidia-driver-installer", "Init:0/1"), pod("nvidia-gpu-device-plugin", "ContainerCreating")];
    assert_eq!(text(&gke, &pods), "broken at driver: Init:0/1, gpu-operator/x");
    let neuron = |status| {
        chain("aws.amazon.com", &node(&[]), &Known::Exact(vec![pod("neuron-device-plugin-daemonset", status)]), false)
            .unwrap()
    };
    assert_eq!(neuron("CrashLoopBackOff").text(), "broken at device plugin: CrashLoopBackOff, gpu-operator/x");
    assert_eq!(neuron("").broken(), None);
}

/// The stack of `GPUCluster` (`manifests/state-dra-driver`): the devices are in `ResourceSlices` by design.
#[test]
fn devices_of_dynamic_resource_allocation_are_no_broken_chain() {
    let labels = node(&[("nvidia.com/gpu.deploy.driver", "true"), ("nvidia.com/gpu.deploy.dra-driver", "true")]);
    let pods = [pod(DRIVER, ""), pod("nvidia-dra-driver-kubelet-plugin", "")];
    assert_eq!(text(&labels, &pods), "no link broken; devices are offered as ResourceSlices, not as allocatable");
}

#[test]
fn of_two_pods_of_a_link_the_ready_one_counts_and_else_the_one_that_stays() {
    let all = |driver: [PodFacts<'_>; 2]| {
        let rest = [TOOLKIT, PLUGIN].map(|name| pod(name, ""));
        chain_of(&operated(&[]), &driver.into_iter().chain(rest).collect::<Vec<_>>())
    };
    let leaving = PodFacts { deleting: true, reason: "Terminating", name: "old", ..pod(DRIVER, "") };
    assert_eq!(all([leaving.clone(), pod(DRIVER, "")]).broken(), None);
    let broken = all([leaving, pod(DRIVER, "ImagePullBackOff")]);
    assert_eq!(broken.text(), "broken at driver: ImagePullBackOff, gpu-operator/x");
}
