//! The numbers of `watchbell snapshot -o json`, compared with an independent count in another language: `scripts/count.py`.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use watchbell::sim::{Change, ClusterAddress, Scenario};

use crate::rig::{self, TestServer, watchbell};
use crate::schema::assert_is_snapshot;

/// Of 150,000 pods and more an unoptimised build makes minutes: one in so many of them is counted here, made by the same
/// generator. `scripts/count.py --simulate large` counts them all with the release binary.
const LARGE: [(&str, u32); 2] = [("large", 50), ("huge", 1_000)];

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/count.py")
}

fn is_there(program: &str, argument: &str) -> bool {
    Command::new(program).args(argument.split(' ')).output().is_ok_and(|output| output.status.success())
}

/// A resource of the core, or of dynamic resource allocation, and where it may be.
struct Listed {
    resource: &'static str,
    paths: &'static [&'static str],
}

const LISTS: [Listed; 6] = [
    Listed { resource: "nodes", paths: &["/api/v1"] },
    Listed { resource: "pods", paths: &["/api/v1"] },
    Listed { resource: "resourceslices", paths: &VERSIONS },
    Listed { resource: "resourceclaims", paths: &VERSIONS },
    Listed { resource: "deviceclasses", paths: &VERSIONS },
    Listed { resource: "devicetaintrules", paths: &VERSIONS },
];
const VERSIONS: [&str; 4] = [
    "/apis/resource.k8s.io/v1",
    "/apis/resource.k8s.io/v1beta2",
    "/apis/resource.k8s.io/v1beta1",
    "/apis/resource.k8s.io/v1alpha3",
];

/// Output of `kubectl get`, or the same list by HTTP where there is no kubectl or it cannot read what the server says; `None` if
/// the server does not have it.
#[expect(clippy::print_stdout, reason = "a test that takes another way says so")]
fn list(served: &TestServer, cluster: &ClusterAddress, listed: &Listed, kubectl: bool) -> Option<Vec<u8>> {
    let Listed { resource, paths } = listed;
    let ClusterAddress { context, url } = cluster;
    if kubectl {
        let arguments = format!("--context {context} get {resource} -A -o json");
        let output = rig::kubectl(served, &arguments).output().unwrap();
        if output.status.success() {
            return Some(output.stdout);
        }
        println!("{context}: kubectl cannot read {resource}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    paths.iter().find_map(|path| get(url, &format!("{path}/{resource}")))
}

/// The body of an answer; `None` for a 404.
fn get(url: &str, path: &str) -> Option<Vec<u8>> {
    let host = url.strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(host).unwrap();
    let request = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\nAccept: application/json\r\n\r\n");
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).unwrap();
    let status = answer.split(|byte| *byte == b' ').nth(1).unwrap();
    if status == b"404" {
        return None;
    }
    assert_eq!(status, b"200", "{path}: {}", String::from_utf8_lossy(&answer));
    let body = answer.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
    Some(answer.split_off(body))
}

/// Every list that the server has, in files.
fn lists(served: &TestServer, cluster: &ClusterAddress, kubectl: bool) -> Vec<PathBuf> {
    let have = LISTS.iter().filter_map(|listed| Some((listed.resource, list(served, cluster, listed, kubectl)?)));
    have.map(|(resource, list)| put(served, &format!("{resource}.json"), &list)).collect()
}

fn put(served: &TestServer, name: &str, bytes: &[u8]) -> PathBuf {
    let path = served.dir.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// Compares a snapshot with lists.
fn script_says(context: &str, snapshot: &Path, lists: &[PathBuf]) -> Output {
    Command::new("python3")
        .arg(script())
        .args(["--context", context, "--compare"])
        .arg(snapshot)
        .args(lists)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap()
}

/// Compares one cluster; gives what the script says.
fn compare(served: &TestServer, cluster: &ClusterAddress, kubectl: bool) -> String {
    let context = &*cluster.context;
    let lists = lists(served, cluster, kubectl);
    let snapshot = watchbell(served).args(["snapshot", "-o", "json", "--context", context]).output().unwrap();
    // What could not be read is missing: part of the truth.
    let json: serde_json::Value = serde_json::from_slice(&snapshot.stdout).unwrap();
    assert_is_snapshot(&json);
    let unread = |kind: &str| json["clusters"][0][kind]["unreadable"].as_u64().unwrap();
    let code = if unread("nodes") + unread("pods") > 0 { 3 } else { 0 };
    assert_eq!(snapshot.status.code(), Some(code), "{context}: {}", String::from_utf8_lossy(&snapshot.stderr));
    let output = script_says(context, &put(served, "snapshot.json", &snapshot.stdout), &lists);
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{context}:\n{stdout}{}", String::from_utf8_lossy(&output.stderr));
    stdout
}

/// Nodes lost, cordoned, gone and short of devices, pods that end and pods without a node: what the script of the incident does,
/// and a little more, at once.
fn trouble(served: &TestServer) {
    let node = |number: u32| format!("10-16-10-{number}.maas");
    let control = served.control();
    for change in [
        Change::NodeLost { node: node(121) },
        Change::NodeNotReady { node: node(122) },
        Change::Cordon { node: node(122) },
        Change::Cordon { node: node(123) },
        Change::GpusWithdrawn { node: node(118), count: 3 },
        Change::GpusWithdrawn { node: node(119), count: 8 },
        Change::DeleteNode { node: node(130) },
        Change::RecreateNode { node: node(131) },
        Change::AddPod { namespace: "web".into(), name: "orphan".into(), node: Some("never-seen".into()) },
        Change::AddPod { namespace: "web".into(), name: "waiting".into(), node: None },
        Change::PodsBurst { count: 40 },
    ] {
        control.apply(change);
    }
}

#[test]
fn snapshot_equals_the_independent_count_on_every_scenario_field_by_field() {
    if !is_there("python3", "--version") {
        println!("skipped: python3 is not on the PATH");
        return;
    }
    let kubectl = is_there("kubectl", "version --client");
    if !kubectl {
        println!("kubectl is not on the PATH: lists are read by HTTP");
    }
    for name in Scenario::builtin_names() {
        let mut scenario = Scenario::builtin(name).unwrap();
        scenario.make_static();
        if let Some((_, by)) = LARGE.iter().find(|(large, _)| large == name) {
            println!("{name}: one in {by}");
            scenario.scale_down(*by);
        }
        let served = TestServer::from_scenario(scenario);
        if *name == "incident" {
            trouble(&served);
        }
        for cluster in served.simulation.clusters() {
            if *name != "reference" && *name != "incident" && cluster.context == "reference" {
                println!("{name}: `{}` is counted as a scenario of its own", cluster.context);
                continue;
            }
            if served.simulation.control(&cluster.context).is_none() {
                println!("{name}: `{}` is unreachable, there is nothing to count", cluster.context);
                continue;
            }
            let stdout = compare(&served, &cluster, kubectl);
            println!("{name}: {}: {}", cluster.context, stdout.trim());
        }
    }
}

/// Corners that nobody thought of: random phases, conditions, container states, gangs, taints and times.
#[test]
fn snapshot_equals_the_independent_count_on_clusters_of_random_objects() {
    if !is_there("python3", "--version") {
        println!("skipped: python3 is not on the PATH");
        return;
    }
    let generator = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/random_scenario.py");
    let folder = tempfile::tempdir().unwrap();
    for seed in 1..=5 {
        let output = Command::new("python3").arg(&generator).arg(seed.to_string()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let file = folder.path().join("random.toml");
        std::fs::write(&file, output.stdout).unwrap();
        let served = TestServer::from_scenario(Scenario::load(&file).unwrap());
        let cluster = served.simulation.clusters().into_iter().next().unwrap();
        println!("seed {seed}: {}", compare(&served, &cluster, false).trim());
    }
}

#[test]
fn the_comparison_finds_a_number_that_is_wrong() {
    if !is_there("python3", "--version") {
        println!("skipped: python3 is not on the PATH");
        return;
    }
    let served = TestServer::scenario("small");
    let snapshot = watchbell(&served).args(["snapshot", "-o", "json"]).output().unwrap();
    let mut wrong: Value = serde_json::from_slice(&snapshot.stdout).unwrap();
    let item = &mut wrong["clusters"][0]["items"][1];
    item["accelerators"][0]["requested"] = 6.into();
    item["pods"]["daemonSet"] = 0.into();
    let dump = put(&served, "dump.json", &served.control().dump_json());
    let output = script_says("small", &put(&served, "snapshot.json", wrong.to_string().as_bytes()), &[dump]);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{stdout}");
    assert_eq!(stdout.lines().count(), 2, "{stdout}");
    assert!(stdout.contains("accelerators") && stdout.contains("pods.daemonSet"), "{stdout}");
}

/// The devices are among what is compared: every number of them that is one off is found.
#[test]
fn the_comparison_finds_a_device_that_is_wrong() {
    if !is_there("python3", "--version") {
        println!("skipped: python3 is not on the PATH");
        return;
    }
    let served = TestServer::scenario("zoo");
    let cluster = served.simulation.clusters().into_iter().find(|cluster| cluster.context == "zoo-dra").unwrap();
    let snapshot = watchbell(&served).args(["snapshot", "-o", "json", "--context", "zoo-dra"]).output().unwrap();
    let mut wrong: Value = serde_json::from_slice(&snapshot.stdout).unwrap();
    let devices = &mut wrong["clusters"][0]["dra"];
    let fields = ["physical", "unhealthy", "partitions", "allocated", "held", "partitionsAllocated", "shares"];
    for field in fields {
        let number = &mut devices["drivers"][2][field];
        *number = (number.as_u64().unwrap() + 1).into();
    }
    devices["stray"] = 0.into();
    devices["extendedResources"][0]["deviceClass"] = "other".into();
    let lists = lists(&served, &cluster, false);
    assert_eq!(lists.len(), LISTS.len(), "the server has all of them");
    let output = script_says("zoo-dra", &put(&served, "snapshot.json", wrong.to_string().as_bytes()), &lists);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!((output.status.code(), stdout.lines().count()), (Some(1), fields.len() + 2), "{stdout}");
    for field in fields {
        assert!(stdout.contains(&format!("dra.drivers.gpu.example.com.{field}:")), "{field}: {stdout}");
    }
}

/// Pods in trouble, gangs and pods that wait are among what is compared, each with its fields.
#[test]
fn the_comparison_finds_a_pod_a_gang_and_a_placement_that_are_wrong() {
    if !is_there("python3", "--version") {
        println!("skipped: python3 is not on the PATH");
        return;
    }
    let served = TestServer::scenario("zoo");
    let cluster = served.simulation.clusters().into_iter().find(|cluster| cluster.context == "zoo-trouble").unwrap();
    let snapshot = watchbell(&served).args(["snapshot", "-o", "json", "--context", "zoo-trouble"]).output().unwrap();
    let mut wrong: Value = serde_json::from_slice(&snapshot.stdout).unwrap();
    let of = &mut wrong["clusters"][0];
    let wrong_fields = [
        ("/trouble/0/state", "state"),
        ("/trouble/0/reason", "reason"),
        ("/trouble/0/since", "since"),
        ("/trouble/1/restarts", "restarts"),
        ("/trouble/2/node", "node"),
        ("/gangs/0/running", "running"),
        ("/gangs/1/wantedAtLeast", "wantedAtLeast"),
        ("/gangs/2/state", "state"),
        ("/pending/0/now/fits", "fits"),
        ("/pending/0/now/causes/taints", "taints"),
        ("/pending/1/now/notEvaluated", "notEvaluated"),
        ("/pending/2/scheduler/text", "text"),
        ("/pending/3/requests/cpu", "cpu"),
    ];
    for (pointer, _) in wrong_fields {
        *of.pointer_mut(pointer).unwrap() = "wrong".into();
    }
    // One pod and one gang that the snapshot leaves out.
    of["trouble"].as_array_mut().unwrap().pop();
    of["gangs"].as_array_mut().unwrap().pop();
    let lists = lists(&served, &cluster, false);
    let output = script_says("zoo-trouble", &put(&served, "snapshot.json", wrong.to_string().as_bytes()), &lists);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!((output.status.code(), stdout.lines().count()), (Some(1), wrong_fields.len() + 2), "{stdout}");
    for (pointer, field) in wrong_fields {
        assert!(stdout.contains(&format!(".{field}: counted")), "{pointer}: {stdout}");
    }
}
