//! `metrics.k8s.io`, as metrics-server serves it: computed for each request, so that it costs nothing at rest.

use serde_json::{Value, json};

use super::body::Response;
use super::lock;
use super::object::SimObject;
use super::resource::SimResource;
use super::server::Server;
use super::status;
use super::template::time_text;

/// The group and its only version.
pub(super) const GROUP_VERSION: &str = "metrics.k8s.io/v1beta1";
/// The path of the group.
pub(super) const PREFIX: &str = "/apis/metrics.k8s.io/v1beta1";
/// metrics-server's default `--metric-resolution`.
const RESOLUTION: i64 = 15;

/// Answers a path below [`PREFIX`]; `None` for an unknown one.
pub(super) fn answer(server: &Server, path: &str) -> Option<Response> {
    let below = path.strip_prefix(PREFIX)?.strip_prefix('/')?;
    let mut nodes = nodes(server);
    let body = match below.split('/').collect::<Vec<_>>()[..] {
        ["nodes"] => {
            let items: Vec<Value> = nodes.map(|(_, metrics)| metrics).collect();
            json!({"kind": "NodeMetricsList", "apiVersion": GROUP_VERSION, "metadata": {}, "items": items})
        }
        ["nodes", name] => match nodes.find(|(known, _)| known == name) {
            Some((_, mut metrics)) => {
                metrics["kind"] = json!("NodeMetrics");
                metrics["apiVersion"] = json!(GROUP_VERSION);
                metrics
            }
            None => return Some(status::reply(&status::not_found("nodes", "metrics.k8s.io", name))),
        },
        _ => return None,
    };
    Some(status::plain(200, "application/json", format!("{body}\n")))
}

/// `APIResourceList` of the group.
pub(super) fn resources() -> Value {
    let nodes = json!({"name": "nodes", "singularName": "", "namespaced": false, "kind": "NodeMetrics", "verbs": ["get", "list"]});
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": GROUP_VERSION, "resources": [nodes]})
}

/// The nodes whose kubelet answers: metrics-server has no figures for the others.
fn nodes(server: &Server) -> impl Iterator<Item = (String, Value)> {
    let now = server.now();
    let taken = now - now.rem_euclid(RESOLUTION);
    let world = lock(&server.world);
    let of = |object: &std::sync::Arc<SimObject>| match &**object {
        SimObject::Node(node) if node.ready().is_some_and(|ready| ready.status != "Unknown") => {
            let name = node.meta.name();
            let (cpu_m, memory_mib) = world.requested(node);
            let part = |salt: u64| 30 + noise(name, taken / RESOLUTION, salt) % 45;
            let usage = json!({
                // The system uses something on an empty node too.
                "cpu": format!("{}n", (u64::from(cpu_m) * part(1) / 100 + 150) * 1_000_000),
                "memory": format!("{}Ki", (u64::from(memory_mib) * part(2) / 100 + 900) * 1024),
            });
            let metadata = json!({"name": name, "creationTimestamp": time_text(now)});
            Some((
                name.to_owned(),
                json!({"metadata": metadata, "timestamp": time_text(taken), "window": "20.035s", "usage": usage}),
            ))
        }
        _ => None,
    };
    let nodes: Vec<_> = world.store.all(SimResource::Nodes).filter_map(of).collect();
    nodes.into_iter()
}

/// A pseudo-random number that depends only on the arguments (FNV-1a, 64 bits).
fn noise(name: &str, tick: i64, salt: u64) -> u64 {
    let bytes = name.bytes().chain(tick.to_le_bytes()).chain(salt.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
        >> 16
}
