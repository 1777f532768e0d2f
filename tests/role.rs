//! The printed role against the requests that the program sends: what is used is granted, and what is granted is used.

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use watchbell::role::manifest;
use watchbell::sim::Change;

use crate::rig::{PATIENCE, Terminal, TestServer, scenario, wait_until, watchbell};

/// Permission that a request needs: a verb on a resource of a group, or a path that is no resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Right {
    Resource { group: String, resource: String, verb: String },
    Path(String),
}

impl Right {
    fn resource(group: &str, resource: &str, verb: &str) -> Self {
        Self::Resource { group: group.to_owned(), resource: resource.to_owned(), verb: verb.to_owned() }
    }

    /// As an API server reads a request (apiserver `pkg/endpoints/request/requestinfo.go`).
    fn of(path_and_query: &str) -> Self {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let (group, rest) = match parts.as_slice() {
            ["api", "v1", rest @ ..] => ("", rest),
            ["apis", group, _, rest @ ..] => (*group, rest),
            _ => ("", &[][..]),
        };
        let (resource, name) = match rest {
            [] => return Self::Path(path.to_owned()),
            ["namespaces", _, resource, name @ ..] | [resource, name @ ..] => (resource, name),
        };
        let watches = query.split('&').any(|pair| matches!(pair, "watch=1" | "watch=true"));
        let verb = match name {
            [] if watches => "watch",
            [] => "list",
            [_] => "get",
            _ => panic!("{path_and_query} asks for a part of an object"),
        };
        Self::resource(group, resource, verb)
    }
}

/// The rules of the printed roles.
fn granted() -> BTreeSet<Right> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(&manifest()).unwrap();
    let words = |rule: &Value, field: &str| -> Vec<String> {
        let found = rule[field].as_array().into_iter().flatten();
        found.map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    let mut rights = BTreeSet::new();
    for rule in documents.iter().filter_map(|document| document["rules"].as_array()).flatten() {
        rights.extend(words(rule, "nonResourceURLs").into_iter().map(Right::Path));
        for group in words(rule, "apiGroups") {
            for resource in words(rule, "resources") {
                rights.extend(words(rule, "verbs").iter().map(|verb| Right::resource(&group, &resource, verb)));
            }
        }
    }
    rights
}

/// Permissions that the requests so far needed; a path that a rule means by a star counts as that rule.
fn used(served: &TestServer, granted: &BTreeSet<Right>) -> BTreeSet<Right> {
    let stands_for = |right: Right| {
        let Right::Path(path) = &right else { return right };
        let covers = |rule: &&Right| {
            let Right::Path(rule) = rule else { return false };
            rule.strip_suffix('*').is_some_and(|start| path.starts_with(start))
        };
        granted.iter().find(covers).cloned().unwrap_or(right)
    };
    let requests = served.control().requests();
    assert!(requests.iter().all(|request| request.method == "GET"), "only reading needs no more rights");
    requests.iter().map(|request| stands_for(Right::of(&request.path_and_query))).collect()
}

/// Pods that wait for a node, each of a gang whose owner is read: the name of the pod, the resource of the owner, and the pod's labels.
const MEMBERS: [(&str, &str, &str); 11] = [
    ("of-job", "/apis/batch/v1/namespaces/gangs/jobs/", JOB),
    ("of-set", "/apis/apps/v1/namespaces/gangs/statefulsets/", r#"{"apps.kubernetes.io/pod-index":"0"}"#),
    ("of-jobset", "/jobsets/", r#"{"jobset.sigs.k8s.io/jobset-name":"llm"}"#),
    (
        "of-pytorch",
        "/pytorchjobs/",
        r#"{"training.kubeflow.org/job-name":"llm","training.kubeflow.org/operator-name":"pytorchjob-controller"}"#,
    ),
    (
        "of-tf",
        "/tfjobs/",
        r#"{"training.kubeflow.org/job-name":"llm","training.kubeflow.org/operator-name":"tfjob-controller"}"#,
    ),
    (
        "of-jax",
        "/jaxjobs/",
        r#"{"training.kubeflow.org/job-name":"llm","training.kubeflow.org/operator-name":"jaxjob-controller"}"#,
    ),
    (
        "of-paddle",
        "/paddlejobs/",
        r#"{"training.kubeflow.org/job-name":"llm","training.kubeflow.org/operator-name":"paddlejob-controller"}"#,
    ),
    (
        "of-xgboost",
        "/xgboostjobs/",
        r#"{"training.kubeflow.org/job-name":"llm","training.kubeflow.org/operator-name":"xgboostjob-controller"}"#,
    ),
    (
        "of-mpi",
        "/mpijobs/",
        r#"{"training.kubeflow.org/job-name":"llm","training.kubeflow.org/operator-name":"mpi-operator"}"#,
    ),
    ("of-ray", "/rayclusters/", r#"{"ray.io/cluster":"llm"}"#),
    ("of-volcano", "/apis/batch.volcano.sh/v1alpha1/namespaces/gangs/jobs/", r#"{"volcano.sh/job-name":"llm"}"#),
];

const JOB: &str = r#"{"batch.kubernetes.io/job-name":"llm","batch.kubernetes.io/job-completion-index":"0"}"#;

/// A workload of Kueue that waits for the Job of the first member.
const WORKLOAD: &str = r#"{"metadata":{"name":"job-llm-1a2b3","namespace":"gangs","ownerReferences":[{"kind":"Job","name":"llm","controller":true}]}}"#;

/// Everything that there is to follow: nodes, pods, usage, leases, devices with their taint rules, owners of gangs, and queues.
fn served() -> TestServer {
    let mut text = include_str!("../assets/scenarios/small.toml").to_owned();
    text += "\n[cluster.apis]\ndra = \"v1\"\ntaint_rules = \"v1beta2\"\nowners = \"served\"\nqueues = \"served\"\n";
    let raw = |resource: &str, json: &str| format!("[[cluster.raw]]\nresource = \"{resource}\"\njson = '''{json}'''\n");
    text += &raw("workloads", WORKLOAD);
    for (name, _, labels) in MEMBERS {
        let kind = if name == "of-set" { "StatefulSet" } else { "Job" };
        let pod = format!(
            r#"{{"metadata":{{"name":"{name}","namespace":"gangs","uid":"{name}","creationTimestamp":"@-1h","labels":{labels},
            "ownerReferences":[{{"kind":"{kind}","name":"llm","controller":true}}]}},"spec":{{"containers":[{{"name":"c","resources":
            {{"requests":{{"nvidia.com/gpu":"1"}}}}}}]}},"status":{{"phase":"Pending","conditions":[{{"type":"PodScheduled",
            "status":"False","reason":"Unschedulable","message":"0/3 nodes are available"}}]}}}}"#
        );
        text += &raw("pods", &pod);
    }
    TestServer::from_scenario(scenario(&text))
}

/// Opens a pod of each gang until its owner was read, and the first until its workload was.
fn look_at_gangs(served: &TestServer) {
    let requested =
        |path: &str| served.control().requests().iter().any(|request| request.path_and_query.contains(path));
    let mut terminal = Terminal::start(served, "", &[]);
    terminal.wait_for("✓ Ready");
    terminal.press("t");
    terminal.wait_for("of-volcano");
    for (name, owner, _) in MEMBERS {
        terminal.press(&format!("/\u{15}{name}\r"));
        terminal.wait_for(&format!("by filter {name}"));
        terminal.press("\r");
        terminal.wait_for("SCHEDULING");
        wait_until(name, || requested(owner));
        if name == "of-job" {
            wait_until("its workload", || requested("/workloads/job-llm-1a2b3"));
            terminal.wait_for("Kueue workload job-llm-1a2b3");
        }
        terminal.press("\u{1b}");
        terminal.wait_for(&format!("by filter {name}"));
    }
    terminal.press("\u{3}");
    terminal.wait_for("exit=0");
}

/// A node, its YAML, a pod, its YAML, the other views, and the way out.
fn look_at_everything(served: &TestServer, node: &str) {
    let mut terminal = Terminal::start(served, "", &[]);
    terminal.wait_for(node);
    terminal.press(&format!("/{node}\r"));
    terminal.wait_for(&format!("nodes by filter {node}"));
    terminal.press("y");
    terminal.wait_for("kind: Node");
    terminal.press("\u{1b}");
    terminal.wait_for(&format!("nodes by filter {node}"));
    terminal.press("\r");
    terminal.wait_for("MemoryPressure");
    terminal.press("\r");
    terminal.wait_for("CONTAINERS");
    terminal.press("y");
    terminal.wait_for("kind: Pod");
    let granted = granted();
    let start = Instant::now();
    while !used(served, &granted).is_superset(&granted) && start.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(200));
    }
    terminal.press("\u{3}");
    terminal.wait_for("exit=0");
}

#[test]
fn the_printed_role_grants_what_is_used_and_nothing_else() {
    let served = served();
    let node = served.control().dump()["nodes"][2]["metadata"]["name"].as_str().unwrap().to_owned();
    let namespace = served.control().dump()["pods"][0]["metadata"]["namespace"].as_str().unwrap().to_owned();
    // Of a node that has just changed `check` reads the events.
    served.control().apply(Change::NodeNotReady { node: node.clone() });
    for arguments in [
        &["check"][..],
        &["check", "--namespace", &namespace],
        &["snapshot", "-o", "json"],
        &["snapshot", "-o", "json", "--namespace", &namespace],
    ] {
        let output = watchbell(&served).args(arguments).output().unwrap();
        assert!(output.status.code().is_some(), "{arguments:?}");
    }
    look_at_gangs(&served);
    look_at_everything(&served, &node);
    let granted = granted();
    let used = used(&served, &granted);
    let without = |a: &BTreeSet<Right>, b: &BTreeSet<Right>| a.difference(b).cloned().collect::<Vec<_>>();
    assert_eq!(without(&used, &granted), [], "used, and not granted");
    assert_eq!(without(&granted, &used), [], "granted, and not used");
}

#[test]
fn requests_need_what_an_api_server_reads_from_their_paths() {
    for (path, right) in [
        ("/api/v1/nodes?limit=500", Right::resource("", "nodes", "list")),
        ("/api/v1/pods?limit=1&watch=1", Right::resource("", "pods", "watch")),
        ("/api/v1/namespaces?limit=1", Right::resource("", "namespaces", "list")),
        ("/api/v1/namespaces/a/pods?watch=true", Right::resource("", "pods", "watch")),
        ("/api/v1/namespaces/a/pods/b", Right::resource("", "pods", "get")),
        ("/apis/resource.k8s.io/v1/resourceslices", Right::resource("resource.k8s.io", "resourceslices", "list")),
        ("/apis/resource.k8s.io/v1", Right::Path("/apis/resource.k8s.io/v1".to_owned())),
        ("/apis/resource.k8s.io", Right::Path("/apis/resource.k8s.io".to_owned())),
        ("/apis?timeout=58s", Right::Path("/apis".to_owned())),
        ("/readyz?verbose", Right::Path("/readyz".to_owned())),
    ] {
        assert_eq!(Right::of(path), right, "{path}");
    }
}
