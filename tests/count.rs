//! The numbers of `watchbell snapshot -o json`, held against an independent count in another language: `tests/count.py`.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use watchbell::sim::{Change, Scenario};

use crate::common::{Served, watchbell};

/// Of 150,000 pods and more an unoptimised build makes minutes: one in so many of them is counted here, made by the same
/// generator. `tests/count.py --simulate large` counts them all with the release binary.
const LARGE: [(&str, u32); 2] = [("large", 50), ("huge", 1_000)];

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/count.py")
}

fn is_there(program: &str, argument: &str) -> bool {
    Command::new(program).args(argument.split(' ')).output().is_ok_and(|output| output.status.success())
}

/// What `kubectl get` prints, or the same list by HTTP where there is no kubectl or it cannot read what the server says.
#[expect(clippy::print_stdout, reason = "a test that takes another way says so")]
fn list(served: &Served, (context, url): (&str, &str), resource: &str, kubectl: bool) -> Vec<u8> {
    if kubectl {
        let output = Command::new("kubectl")
            .args(["--context", context, "get", resource, "-A", "-o", "json"])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", served.dir.path())
            .env("KUBECONFIG", served.kubeconfig())
            .output()
            .unwrap();
        if output.status.success() {
            return output.stdout;
        }
        println!("{context}: kubectl cannot read {resource}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let host = url.strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(host).unwrap();
    let request = format!("GET /api/v1/{resource} HTTP/1.0\r\nHost: {host}\r\nAccept: application/json\r\n\r\n");
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).unwrap();
    let body = answer.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
    answer.split_off(body)
}

/// Compares one cluster; gives what the script says.
fn compare(served: &Served, (context, url): (&str, &str), kubectl: bool) -> String {
    let put = |name: &str, bytes: &[u8]| {
        let path = served.dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let nodes = put("nodes.json", &list(served, (context, url), "nodes", kubectl));
    let pods = put("pods.json", &list(served, (context, url), "pods", kubectl));
    let snapshot = watchbell(served).args(["snapshot", "-o", "json", "--context", context]).output().unwrap();
    assert_eq!(snapshot.status.code(), Some(0), "{context}: {}", String::from_utf8_lossy(&snapshot.stderr));
    let snapshot = put("snapshot.json", &snapshot.stdout);
    let output = Command::new("python3")
        .arg(script())
        .args(["--context", context, "--compare"])
        .args([&snapshot, &nodes, &pods])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{context}:\n{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

/// Nodes lost, cordoned, gone and short of devices, pods that end and pods without a node: what the script of the incident does,
/// and a little more, at once.
fn trouble(served: &Served) {
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
        scenario.still();
        if let Some((_, by)) = LARGE.iter().find(|(large, _)| large == name) {
            println!("{name}: one in {by}");
            scenario.cut(*by);
        }
        let served = Served::of(scenario);
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
            let said = compare(&served, (&cluster.context, &cluster.url), kubectl);
            println!("{name}: {}: {}", cluster.context, said.trim());
        }
    }
}

#[test]
fn the_comparison_finds_a_number_that_is_wrong() {
    if !is_there("python3", "--version") {
        println!("skipped: python3 is not on the PATH");
        return;
    }
    let served = Served::scenario("small");
    let snapshot = watchbell(&served).args(["snapshot", "-o", "json"]).output().unwrap();
    let mut wrong: Value = serde_json::from_slice(&snapshot.stdout).unwrap();
    let item = &mut wrong["clusters"][0]["items"][1];
    item["accelerators"][0]["requested"] = 6.into();
    item["pods"]["daemonSet"] = 0.into();
    let (dump, snapshot) = (served.dir.path().join("dump.json"), served.dir.path().join("snapshot.json"));
    std::fs::write(&dump, served.control().dump_json()).unwrap();
    std::fs::write(&snapshot, wrong.to_string()).unwrap();
    let output = Command::new("python3")
        .arg(script())
        .arg("--compare")
        .args([&snapshot, &dump])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(said.contains("accelerators") && said.contains("pods.daemonSet"), "{said}");
}
