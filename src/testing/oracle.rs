//! The convergence oracle (docs/faults.md): compares the contents of a model with those of a server, object by object.
//!
//! The server's side is computed here from the JSON of its dump, without any code of the program: quantities,
//! uids, effective requests, readiness and sums have a second, slow implementation of their own.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::facts::node::{ConditionStatus, NodeFacts};
use crate::facts::pod::PodFacts;
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::model::app::Model;
use crate::msg::Now;
use crate::report::{self, ValueState};
use serde_json::Value;

/// Number of billionths in one unit.
const NANO: i128 = 1_000_000_000;

/// Values of one object, by field.
pub type Object = BTreeMap<&'static str, String>;

/// All objects: `node NAME`, `pod NAMESPACE/NAME`, and `cluster` with the sums.
pub type Objects = BTreeMap<String, Object>;

/// Contents of the model for the cluster with index `at`; `None` unless both lists were once complete (of pods: in the namespaces
/// that may be listed).
pub fn model_objects(model: &Model, at: usize, now: Now) -> Option<Objects> {
    let snapshot = report::snapshot(model, now);
    let cluster = &snapshot.clusters[at];
    let whole = |state| matches!(state, ValueState::Complete | ValueState::Stale);
    let settled = match &cluster.pods.namespaces {
        Some(all) => all.iter().all(|one| whole(one.state) || one.state == ValueState::Denied),
        None => whole(cluster.pods.state),
    };
    if !whole(cluster.nodes.state) || !settled {
        return None;
    }
    let (bound, unscheduled) = (cluster.pods.bound?, cluster.pods.unscheduled?);
    let sums = [("bound", bound.to_string()), ("unscheduled", unscheduled.to_string())];
    let mut objects = Objects::from([("cluster".to_owned(), Object::from(sums))]);
    let state = &model.clusters()[at];
    for item in state.items(now) {
        let asked = item.resources.iter().map(|row| Some((row.name.to_string(), row.requested.any()?.nano())));
        let mut allocated = asked.collect::<Option<BTreeMap<_, _>>>()?;
        let pods = allocated.remove("pods");
        assert_eq!(pods.map(|nano| nano / NANO), item.row.pods.any().map(i128::from), "two sums of the same pods");
        allocated.retain(|_, nano| *nano != 0);
        let pods = item.row.pods.any()?.to_string();
        let shown = [("status", item.status()), ("pods", pods), ("allocated", format!("{allocated:?}"))];
        let facts = model_node(&item.row.facts.unpack());
        objects.insert(format!("node {}", item.row.facts.name), facts.into_iter().chain(shown).collect());
    }
    for pod in state.held_pods() {
        let twice = objects.insert(format!("pod {}/{}", pod.namespace, pod.name), model_pod(&pod));
        assert_eq!(twice, None, "one pod is held twice");
    }
    Some(objects)
}

fn model_node(node: &NodeFacts) -> Object {
    let amounts = |list: &[(Clean, Quantity)]| {
        let nano = list.iter().map(|(name, amount)| (name.as_str(), amount.nano()));
        format!("{:?}", nano.collect::<BTreeMap<_, _>>())
    };
    let status = |status: &ConditionStatus| match status {
        ConditionStatus::True => "True".to_owned(),
        ConditionStatus::False => "False".to_owned(),
        ConditionStatus::Unknown => "Unknown".to_owned(),
        ConditionStatus::Other(text) => text.to_string(),
    };
    let conditions = node.conditions.iter().map(|c| {
        let since = c.since.map(|at| at.to_string()).unwrap_or_default();
        format!("{}={} {} {} {since}", c.kind, status(&c.status), c.reason, c.message)
    });
    let taints = node.taints.iter().map(|taint| format!("{}={}:{}", taint.key, taint.value, taint.effect));
    let labels: BTreeMap<&str, &str> = node.labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let info = [&node.kubelet, &node.os_image, &node.kernel, &node.runtime, &node.architecture, &node.internal_ip];
    Object::from([
        ("uid", node.uid.0.to_string()),
        ("version", node.version.to_string()),
        ("created", node.created.map(|at| at.to_string()).unwrap_or_default()),
        ("deleting", node.deleting.to_string()),
        ("unschedulable", node.unschedulable.to_string()),
        ("labels", format!("{labels:?}")),
        ("taints", taints.collect::<Vec<_>>().join(", ")),
        ("conditions", conditions.collect::<Vec<_>>().join(", ")),
        ("capacity", amounts(&node.capacity)),
        ("allocatable", amounts(&node.allocatable)),
        ("info", info.map(ToString::to_string).join(", ")),
    ])
}

fn model_pod(pod: &PodFacts<'_>) -> Object {
    let others = pod.requests.others.iter().map(|(name, amount)| (*name, amount.nano()));
    let own = [("cpu", pod.requests.cpu.nano()), ("memory", pod.requests.memory.nano())];
    let requests: BTreeMap<&str, i128> = own.into_iter().chain(others).filter(|(_, nano)| *nano != 0).collect();
    Object::from([
        ("uid", pod.uid.0.to_string()),
        ("version", pod.version.to_string()),
        ("node", pod.node.to_owned()),
        ("phase", format!("{:?}", pod.phase)),
        ("created", pod.created.map(|at| at.to_string()).unwrap_or_default()),
        ("deleting", pod.deleting.to_string()),
        ("owner", format!("{} {}", pod.owner_kind, pod.owner_name)),
        ("containers", format!("{} of {} ready", pod.ready, pod.containers)),
        ("restarts", pod.restarts.to_string()),
        ("requests", format!("{requests:?}")),
    ])
}

/// Contents of a server, from its dump: its nodes, and its pods in these namespaces (in all if there are none). Finished pods are
/// left out, because the program does not list them.
#[must_use]
pub fn server_objects(dump: &Value, namespaces: &[&str]) -> Objects {
    let mut objects = Objects::new();
    let (mut bound, mut unscheduled) = (0_u32, 0_u32);
    let mut on_node = BTreeMap::<&str, (u32, BTreeMap<String, i128>)>::new();
    for pod in array(&dump["pods"]) {
        let elsewhere = !namespaces.is_empty() && !namespaces.contains(&text(&pod["metadata"]["namespace"]));
        if elsewhere || matches!(text(&pod["status"]["phase"]), "Succeeded" | "Failed") {
            continue;
        }
        match text(&pod["spec"]["nodeName"]) {
            "" => unscheduled += 1,
            node => {
                bound += 1;
                let (pods, allocated) = on_node.entry(node).or_default();
                *pods += 1;
                add(allocated, requests(&pod["spec"]));
            }
        }
        let name = format!("pod {}/{}", text(&pod["metadata"]["namespace"]), text(&pod["metadata"]["name"]));
        objects.insert(name, server_pod(pod));
    }
    for node in array(&dump["nodes"]) {
        let name = text(&node["metadata"]["name"]);
        let ready = array(&node["status"]["conditions"]).iter().find(|condition| condition["type"] == "Ready");
        let word = match ready.map_or("", |ready| text(&ready["status"])) {
            "True" => "Ready",
            "False" => "NotReady",
            _ => "Unknown",
        };
        let cordoned = if node["spec"]["unschedulable"] == true { ",SchedulingDisabled" } else { "" };
        let (pods, mut allocated) = on_node.remove(name).unwrap_or_default();
        allocated.retain(|_, nano| *nano != 0);
        let status = format!("{word}{cordoned}");
        let shown = [("status", status), ("pods", pods.to_string()), ("allocated", format!("{allocated:?}"))];
        objects.insert(format!("node {name}"), server_node(node).into_iter().chain(shown).collect());
    }
    let sums = [("bound", bound.to_string()), ("unscheduled", unscheduled.to_string())];
    objects.insert("cluster".to_owned(), Object::from(sums));
    objects
}

fn server_node(node: &Value) -> Object {
    let (status, info) = (&node["status"], &node["status"]["nodeInfo"]);
    let conditions = array(&status["conditions"]).iter().map(|c| {
        let [kind, status, reason] = [&c["type"], &c["status"], &c["reason"]].map(text);
        format!("{kind}={status} {reason} {} {}", text(&c["message"]), text(&c["lastTransitionTime"]))
    });
    let taints = array(&node["spec"]["taints"]).iter();
    let taints =
        taints.map(|taint| format!("{}={}:{}", text(&taint["key"]), text(&taint["value"]), text(&taint["effect"])));
    let labels: BTreeMap<&str, &str> =
        map(&node["metadata"]["labels"]).map(|(key, value)| (key.as_str(), text(value))).collect();
    let address = array(&status["addresses"]).iter().find(|address| address["type"] == "InternalIP");
    let info = ["kubeletVersion", "osImage", "kernelVersion", "containerRuntimeVersion", "architecture"]
        .map(|key| text(&info[key]))
        .into_iter()
        .chain([address.map_or("", |address| text(&address["address"]))]);
    let mut object = metadata(node);
    object.extend([
        ("unschedulable", (node["spec"]["unschedulable"] == true).to_string()),
        ("labels", format!("{labels:?}")),
        ("taints", taints.collect::<Vec<_>>().join(", ")),
        ("conditions", conditions.collect::<Vec<_>>().join(", ")),
        ("capacity", format!("{:?}", amounts(&status["capacity"]))),
        ("allocatable", format!("{:?}", amounts(&status["allocatable"]))),
        ("info", info.collect::<Vec<_>>().join(", ")),
    ]);
    object
}

fn server_pod(pod: &Value) -> Object {
    let (spec, status) = (&pod["spec"], &pod["status"]);
    let owner = array(&pod["metadata"]["ownerReferences"]).iter().find(|owner| owner["controller"] == true);
    let owner = owner.map_or(["", ""], |owner| [text(&owner["kind"]), text(&owner["name"])]).join(" ");
    let apps = array(&status["containerStatuses"]);
    let ready = apps.iter().filter(|container| container["ready"] == true).count();
    let sidecar = |status: &&Value| {
        array(&spec["initContainers"]).iter().any(|init| init["name"] == status["name"] && is_sidecar(init))
    };
    let sidecars = array(&status["initContainerStatuses"]).iter().filter(sidecar);
    let restarts: u64 = apps.iter().chain(sidecars).filter_map(|container| container["restartCount"].as_u64()).sum();
    let requests: BTreeMap<String, i128> = requests(spec).into_iter().filter(|(_, nano)| *nano != 0).collect();
    let mut object = metadata(pod);
    object.extend([
        ("node", text(&spec["nodeName"]).to_owned()),
        ("phase", text(&status["phase"]).to_owned()),
        ("owner", owner),
        ("containers", format!("{ready} of {} ready", array(&spec["containers"]).len())),
        ("restarts", restarts.to_string()),
        ("requests", format!("{requests:?}")),
    ]);
    object
}

fn metadata(object: &Value) -> Object {
    let metadata = &object["metadata"];
    let uid = u128::from_str_radix(&text(&metadata["uid"]).replace('-', ""), 16).expect("a UUID");
    Object::from([
        ("uid", uid.to_string()),
        ("version", text(&metadata["resourceVersion"]).to_owned()),
        ("created", text(&metadata["creationTimestamp"]).to_owned()),
        ("deleting", metadata["deletionTimestamp"].is_string().to_string()),
    ])
}

fn is_sidecar(container: &Value) -> bool {
    container["restartPolicy"] == "Always"
}

/// Effective requests (docs/counting.md): the larger of the sum of the running containers and of each init container together
/// with the sidecars before it; plus the overhead.
fn requests(spec: &Value) -> BTreeMap<String, i128> {
    let asks = |container: &Value| amounts(&container["resources"]["requests"]);
    let (mut runs, mut peak) = (BTreeMap::new(), BTreeMap::<String, i128>::new());
    for init in array(&spec["initContainers"]) {
        let mut beside: BTreeMap<String, i128> = runs.clone();
        add(&mut beside, asks(init));
        if is_sidecar(init) {
            runs.clone_from(&beside);
        }
        for (name, nano) in beside {
            let most = peak.entry(name).or_default();
            *most = nano.max(*most);
        }
    }
    for container in array(&spec["containers"]) {
        add(&mut runs, asks(container));
    }
    for (name, nano) in runs {
        let most = peak.entry(name).or_default();
        *most = nano.max(*most);
    }
    add(&mut peak, amounts(&spec["overhead"]));
    peak
}

fn add(sums: &mut BTreeMap<String, i128>, more: BTreeMap<String, i128>) {
    for (name, nano) in more {
        *sums.entry(name).or_default() += nano;
    }
}

/// Amounts in billionths of the base unit. Only quantities that the simulation writes: an integer with or without a suffix.
fn amounts(list: &Value) -> BTreeMap<String, i128> {
    const SUFFIXES: [(&str, i128); 10] = [
        ("Ki", NANO << 10),
        ("Mi", NANO << 20),
        ("Gi", NANO << 30),
        ("Ti", NANO << 40),
        ("n", 1),
        ("u", 1_000),
        ("m", 1_000_000),
        ("k", NANO * 1_000),
        ("M", NANO * 1_000_000),
        ("G", NANO * 1_000_000_000),
    ];
    let nano = |amount: &str| {
        let split = SUFFIXES.iter().find_map(|(suffix, unit)| Some((amount.strip_suffix(suffix)?, *unit)));
        let (number, unit) = split.unwrap_or((amount, NANO));
        number.parse::<i128>().unwrap_or_else(|_| panic!("`{amount}` is a quantity that the oracle cannot read")) * unit
    };
    map(list).map(|(name, amount)| (name.clone(), nano(text(amount)))).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], |array| array)
}

fn map(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

/// Differences between the two, one line for each field; empty if they are equal.
#[must_use]
pub fn difference(model: &Objects, server: &Objects) -> String {
    let (mut out, none) = (String::new(), Object::new());
    let names = model.keys().chain(server.keys().filter(|name| !model.contains_key(*name)));
    for name in names {
        let (ours, theirs) = (model.get(name).unwrap_or(&none), server.get(name).unwrap_or(&none));
        let fields = ours.keys().chain(theirs.keys().filter(|field| !ours.contains_key(*field)));
        for field in fields.filter(|field| ours.get(*field) != theirs.get(*field)) {
            let _ =
                writeln!(out, "{name}, {field}: model {:?}, the server has {:?}", ours.get(field), theirs.get(field));
        }
    }
    out
}
