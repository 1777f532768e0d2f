//! Device monitors in the list of nodes, and the chain that should bring devices in the page of a node.

use super::alerts::draw;
use super::*;
use crate::facts::node::{ConditionStatus, NodeCondition, NodeFacts};
use crate::facts::pod::{PodFacts, PodPhase, PodTrouble, TroubleKind};
use crate::model::fixture::{Bench, gpu_node, node};

const TRUE: ConditionStatus = ConditionStatus::True;
const FALSE: ConditionStatus = ConditionStatus::False;

fn with(mut node: NodeFacts, kind: &str, status: ConditionStatus, reason: &str, message: &str) -> NodeFacts {
    let since = node.conditions[0].since;
    let [kind, reason, message] = [kind, reason, message].map(Into::into);
    node.conditions.push(NodeCondition { kind, status, reason, message, since });
    node
}

/// The agent's five conditions of a healthy node (`eks-node-monitoring-agent docs/node-health-issues.adoc`).
fn healthy_eks(node: NodeFacts) -> NodeFacts {
    [
        ("ContainerRuntimeReady", "ContainerRuntimeIsReady"),
        ("StorageReady", "DiskIsReady"),
        ("NetworkingReady", "NetworkingIsReady"),
        ("KernelReady", "KernelIsReady"),
        ("AcceleratedHardwareReady", "NvidiaGPUIsReady"),
    ]
    .into_iter()
    .fold(node, |node, (kind, reason)| with(node, kind, TRUE, reason, "Monitoring for the system is active"))
}

const NVSENTINEL: &str = "ErrorCode:79 GPU:0 PCI:0000:17:00 GPU has fallen off the bus Recommended Action=RESTART_BM;";
const BOOT: &str = "5b1a8c9e-1c1a-4b6c-8f43-1f5a2c9d0e11";

fn monitored() -> Bench {
    let gpus = |name| gpu_node(name, 8, 8);
    let nodes = vec![
        healthy_eks(gpus("eks-ok")),
        with(
            gpus("eks-xid"),
            "AcceleratedHardwareReady",
            FALSE,
            "NvidiaXID79Error",
            "GPU 0: GPU has fallen off the bus",
        ),
        with(gpus("gke-xid"), "XidCriticalError", TRUE, r#"{"79":true,"119":true}"#, BOOT),
        with(gpus("npd"), "MemoryPressure", TRUE, "KubeletHasInsufficientMemory", "kubelet has insufficient memory"),
        with(gpus("sentinel-ok"), "SysLogsXIDError", FALSE, "SysLogsXIDErrorIsHealthy", "No Health Failures"),
        with(gpus("sentinel-xid"), "SysLogsXIDError", TRUE, "SysLogsXIDErrorIsNotHealthy", NVSENTINEL),
    ];
    Bench::with(nodes, &[])
}

#[test]
fn conditions_of_device_monitors_are_shown_whole_and_healthy_ones_are_not() {
    let mut bench = monitored();
    snapshot("conditions_160x24", &draw(&mut bench, (160, 24), &unicode()));
    let text = lines(&draw(&mut bench, (160, 45), &unicode()));
    for whole in [
        "AcceleratedHardwareReady=False Xid 79",
        "XidCriticalError Xid 79,119",
        "SysLogsXIDError Xid 79 GPU 0",
        "MemoryPressure",
    ] {
        assert!(text.lines().any(|line| line.contains(whole) && !line.contains("warning")), "{whole}\n{text}");
    }
    let mut names: Vec<_> = bench.state().alerts().iter().map(|alert| alert.text.to_string()).collect();
    names.sort();
    assert_eq!(
        names,
        [
            "node eks-xid AcceleratedHardwareReady=False: Xid 79: GPU has fallen off the bus \
             (NVIDIA: power-cycle the node; EKS: fatal)",
            "node gke-xid XidCriticalError: Xid 79: GPU has fallen off the bus \
             (NVIDIA: power-cycle the node; GKE: critical) and 1 more",
            "node npd MemoryPressure",
            "node sentinel-xid SysLogsXIDError: Xid 79 on GPU 0: GPU has fallen off the bus \
             (NVIDIA: power-cycle the node; NVSentinel: RESTART_BM)",
        ]
    );
}

/// A node of NVIDIA's operator whose driver cannot unload the old one (NVIDIA/gpu-operator#2166); all later pods wait for it.
fn broken_chain() -> Bench {
    let mut facts = with(node("gpu-1"), "XidCriticalError", TRUE, r#"{"79":true}"#, BOOT);
    let links = ["container-toolkit", "device-plugin", "driver", "gpu-feature-discovery", "operator-validator"];
    let deploy = links.map(|link| (format!("nvidia.com/gpu.deploy.{link}"), "true"));
    let labels = deploy.iter().map(|(key, value)| (key.as_str(), *value));
    let labels = [("nvidia.com/gpu.count", "8"), ("nvidia.com/gpu.present", "true")].into_iter().chain(labels);
    facts.labels = labels.map(|(key, value)| (key.into(), value.into())).collect();
    facts.labels.sort();
    let message = "back-off 5m0s restarting failed container=k8s-driver-manager";
    let trouble = PodTrouble { kind: TroubleKind::CrashLoop, message, image: "", device: "", since: None };
    let pod = |owner_name, name, reason| PodFacts {
        namespace: "gpu-operator",
        name,
        node: "gpu-1",
        version: 20,
        owner_kind: "DaemonSet",
        owner_name,
        phase: PodPhase::Pending,
        reason,
        containers: 1,
        ..PodFacts::default()
    };
    let driver = pod("nvidia-driver-daemonset", "nvidia-driver-daemonset-x7k2p", "Init:CrashLoopBackOff");
    let pods = [
        PodFacts { trouble: Some(trouble), ..driver },
        pod("nvidia-container-toolkit-daemonset", "nvidia-container-toolkit-daemonset-5wq8z", "Init:0/1"),
        pod("nvidia-device-plugin-daemonset", "nvidia-device-plugin-daemonset-4xk9d", "Init:0/1"),
        pod("gpu-feature-discovery", "gpu-feature-discovery-9k2mm", "Init:0/1"),
        pod("nvidia-operator-validator", "nvidia-operator-validator-qq7ts", "Init:0/4"),
    ];
    let uids = (1_u128..).map(crate::facts::wire::Uid);
    let pods: Vec<_> = pods.into_iter().zip(uids).map(|(pod, uid)| PodFacts { uid, ..pod }).collect();
    Bench::with(vec![facts], &pods)
}

#[test]
fn a_node_without_its_devices_names_the_first_broken_link() {
    let mut bench = broken_chain();
    bench.wait_live(61);
    bench.prepare();
    let text = "node gpu-1 8 of 8 nvidia.com/gpu not registered; broken at driver: Init:CrashLoopBackOff, back-off 5m0s \
                restarting failed container=k8s-driver-manager (gpu-operator/nvidia-driver-daemonset-x7k2p)";
    assert_eq!(bench.texts("GpusMissing"), [text]);
    bench.act(Action::Open);
    snapshot("node_chain_120x40", &draw(&mut bench, (120, 40), &unicode()));
    for _ in 0..3 {
        bench.act(Action::NextPane);
    }
    let text = lines(&draw(&mut bench, (120, 40), &unicode()));
    assert!(text.contains("chain     nvidia.com broken at driver: Init:CrashLoopBackOff"), "{text}");
}

#[test]
fn the_text_of_missing_devices_follows_the_pods_and_says_if_they_are_not_known() {
    let mut bench = broken_chain();
    bench.wait_live(61);
    let ready = PodFacts {
        namespace: "gpu-operator",
        name: "nvidia-driver-daemonset-x7k2p",
        node: "gpu-1",
        uid: crate::facts::wire::Uid(1),
        version: 30,
        owner_kind: "DaemonSet",
        owner_name: "nvidia-driver-daemonset",
        phase: PodPhase::Running,
        containers: 1,
        ready: 1,
        ..PodFacts::default()
    };
    bench.change_pods(1, &[ready], false);
    bench.wait_live(1);
    assert_eq!(
        bench.texts("GpusMissing"),
        ["node gpu-1 8 of 8 nvidia.com/gpu not registered; broken at toolkit: Init:0/1, \
          gpu-operator/nvidia-container-toolkit-daemonset-5wq8z"]
    );
    let mut bench = Bench::new(&["prod"]);
    let labels = vec![("nvidia.com/gpu.count".into(), "8".into())];
    bench.list_nodes(1, vec![NodeFacts { labels, ..node("gpu-1") }]);
    bench.watching();
    bench.denied(crate::msg::Resource::Pods);
    bench.wait_live(61);
    assert_eq!(
        bench.texts("GpusMissing"),
        ["node gpu-1 8 of 8 nvidia.com/gpu not registered; cause unknown: pods may not be listed"]
    );
}
