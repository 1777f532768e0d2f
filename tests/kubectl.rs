//! The simulated API server as kubectl sees it.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use tokio::time::timeout;
use watchbell::sim::{Change, Control, Scenario};

use crate::rig::{self, TestServer, has_kubectl};

/// Far more than any of these commands needs, and less than a test run's patience.
const DEADLINE: Duration = Duration::from_secs(120);

/// A served scenario that kubectl looks at.
struct Kubectl {
    served: TestServer,
}

impl Kubectl {
    /// `None`, and a line that says so, where there is no kubectl.
    async fn on(scenario: &str) -> Option<Self> {
        if !has_kubectl() {
            return None;
        }
        Some(Self { served: TestServer::on_current_runtime(Scenario::builtin(scenario).unwrap()).await })
    }

    fn control(&self) -> Control {
        self.served.control()
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::from(rig::kubectl(&self.served, arguments));
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// The output of kubectl, which must succeed.
    async fn prints(&self, arguments: &str) -> String {
        let output = timeout(DEADLINE, self.command(arguments).output()).await.expect("in time").expect("it runs");
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "kubectl {arguments}: {complaint}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// The complaint of kubectl, which must fail.
    async fn refused(&self, arguments: &str) -> String {
        let output = timeout(DEADLINE, self.command(arguments).output()).await.expect("in time").expect("it runs");
        assert!(!output.status.success(), "kubectl {arguments}");
        String::from_utf8(output.stderr).expect("UTF-8")
    }
}

fn counts(pod: &Value) -> bool {
    pod["spec"].get("nodeName").is_some() && pod["status"]["phase"] != "Succeeded" && pod["status"]["phase"] != "Failed"
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_counts_the_reference_as_the_incident_had_it() {
    let Some(kubectl) = Kubectl::on("reference").await else { return };
    let nodes = kubectl.prints("get nodes --no-headers").await;
    assert_eq!(nodes.lines().count(), 104);
    assert!(nodes.lines().all(|l| l.split_whitespace().nth(1) == Some("Ready")), "{nodes}");
    let pods = kubectl.prints("get pods -A --no-headers --chunk-size=500").await;
    // 2,613 that count, 412 finished, 9 unscheduled.
    assert_eq!(pods.lines().count(), 3034);
    let list: Value = kubectl.prints("get pods -A -o json").await.parse().unwrap();
    assert_eq!(list["items"].as_array().unwrap().iter().filter(|p| counts(p)).count(), 2613);
    let list: Value = kubectl.prints("get nodes -o json").await.parse().unwrap();
    let gpus = |n: &Value| n["status"]["capacity"]["nvidia.com/gpu"].as_str().map_or(0, |t| t.parse::<u32>().unwrap());
    let nodes = list["items"].as_array().unwrap();
    assert_eq!((nodes.iter().filter(|n| gpus(n) > 0).count(), nodes.iter().map(gpus).sum::<u32>()), (83, 872));
    let requests = kubectl.control().requests();
    let paged = requests.iter().filter(|r| r.path_and_query.contains("continue=")).count();
    assert!(paged >= 6, "it pages by 500: {paged}");
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_prints_wide_tables_and_whole_objects() {
    let Some(kubectl) = Kubectl::on("small").await else { return };
    let wide = kubectl.prints("get nodes -o wide").await;
    for column in [
        "NAME",
        "STATUS",
        "ROLES",
        "AGE",
        "VERSION",
        "INTERNAL-IP",
        "EXTERNAL-IP",
        "OS-IMAGE",
        "KERNEL-VERSION",
        "CONTAINER-RUNTIME",
    ] {
        assert!(wide.lines().next().unwrap().contains(column), "{wide}");
    }
    assert!(wide.contains("10.20.0.1") && wide.contains("containerd://1.7.20"), "{wide}");
    let pods = kubectl.prints("get pods -A -o wide").await;
    for column in ["NAMESPACE", "READY", "RESTARTS", "IP", "NODE", "NOMINATED NODE", "READINESS GATES"] {
        assert!(pods.lines().next().unwrap().contains(column), "{pods}");
    }
    let yaml = kubectl.prints("get node gpu-1 -o yaml").await;
    assert!(yaml.starts_with("apiVersion: v1\nkind: Node\n") && yaml.contains("nvidia.com/gpu: \"8\""), "{yaml}");
    let on_node = kubectl.prints("get pods -A --no-headers --field-selector spec.nodeName=gpu-1").await;
    let dump = kubectl.control().dump();
    let want = dump["pods"].as_array().unwrap().iter().filter(|p| p["spec"]["nodeName"] == "gpu-1").count();
    assert_eq!(on_node.lines().count(), want);
    assert_eq!(kubectl.prints("get namespaces --no-headers").await.lines().count(), 13);
    assert!(kubectl.prints("get leases -n kube-node-lease").await.contains("worker-1"));
    assert!(kubectl.prints("get nodes -l node-role.kubernetes.io/control-plane -o name").await == "node/control-1\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_describes_a_node_with_its_pods_and_events() {
    let Some(kubectl) = Kubectl::on("small").await else { return };
    kubectl.control().apply(Change::NodeLost { node: "gpu-1".into() });
    let text = kubectl.prints("describe node gpu-1").await;
    let dump = kubectl.control().dump();
    let want =
        dump["pods"].as_array().unwrap().iter().filter(|p| counts(p) && p["spec"]["nodeName"] == "gpu-1").count();
    assert!(text.contains(&format!("({want} in total)")), "{text}");
    assert!(text.contains("node.kubernetes.io/unreachable:NoExecute") && text.contains("NodeStatusUnknown"), "{text}");
    assert!(text.contains("HolderIdentity:  gpu-1") && text.contains("NodeNotReady"), "{text}");
    let row =
        text.lines().find(|l| l.trim_start().starts_with("nvidia.com/gpu ") && l.contains('5')).unwrap_or_default();
    assert_eq!(row.split_whitespace().collect::<Vec<_>>(), ["nvidia.com/gpu", "5", "5"], "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_watches_see_a_change() {
    let Some(kubectl) = Kubectl::on("small").await else { return };
    let mut child = kubectl.command("get pods -A -w --no-headers").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let control = kubectl.control();
    for _ in 0..24 {
        timeout(DEADLINE, lines.next_line()).await.expect("in time").unwrap().expect("the list has 24 rows");
    }
    control.apply(Change::AddPod { namespace: "web".into(), name: "seen".into(), node: None });
    control.apply(Change::BindPod { namespace: "web".into(), name: "seen".into(), node: "worker-1".into() });
    for status in ["Pending", "ContainerCreating"] {
        let line = timeout(DEADLINE, lines.next_line()).await.expect("in time").unwrap().expect("the watch goes on");
        assert!(line.contains("seen") && line.contains(status), "{line}");
    }
    child.kill().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_reads_raw_paths_and_understands_the_errors() {
    let Some(kubectl) = Kubectl::on("small").await else { return };
    let version: Value = kubectl.prints("get --raw /version").await.parse().unwrap();
    assert_eq!(version["gitVersion"], "v1.32.4");
    assert!(kubectl.prints("get --raw /readyz?verbose").await.contains("[+]etcd ok"));
    assert!(kubectl.prints("version").await.contains("Server Version: v1.32.4"));
    assert_eq!(kubectl.refused("get node nope").await, "Error from server (NotFound): nodes \"nope\" not found\n");
    assert!(
        kubectl
            .refused("get pods -A --field-selector spec.foo=x")
            .await
            .contains("field label not supported: spec.foo")
    );
    assert!(kubectl.refused("delete node gpu-1").await.contains("MethodNotAllowed"));
}
