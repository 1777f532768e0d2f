//! Paths without objects: health, version, metrics and discovery.

use serde_json::{Value, json};

use super::body::Response;
use super::encode::negotiate;
use super::metrics;
use super::request::RequestTarget;
use super::resource::{API_VERSIONS, ApiVersion, SimResource};
use super::scenario::Access;
use super::server::Server;
use super::status::{forbidden, no_such_path, not_acceptable, plain};

/// The checks that `/readyz?verbose` names (a few of kube-apiserver 1.30's).
const CHECKS: [&str; 9] = [
    "ping",
    "log",
    "etcd",
    "etcd-readiness",
    "informer-sync",
    "poststarthook/start-apiextensions-informers",
    "poststarthook/priority-and-fairness-config-consumer",
    "poststarthook/rbac/bootstrap-roles",
    "shutdown",
];

/// Answers everything that is neither a list, a watch nor an object.
///
/// # Errors
/// The `Status` of a request that cannot be answered.
pub(super) fn answer(server: &Server, target: &RequestTarget) -> Result<Response, Value> {
    let path = target.path.trim_end_matches('/');
    if let Some(check) = ["/livez", "/readyz", "/healthz"].iter().find(|c| path.starts_with(**c)) {
        return Ok(health(check, &path[check.len()..], target.query.flag("verbose")));
    }
    if path == "/metrics" {
        return Ok(plain(200, "text/plain; version=0.0.4; charset=utf-8", server.scrape.text()));
    }
    if path.starts_with(metrics::PREFIX) {
        match server.apis.metrics {
            Access::Absent => return Ok(no_such_path()),
            Access::Forbidden if path != metrics::PREFIX => {
                return Err(forbidden(target.verb(), "nodes", "metrics.k8s.io"));
            }
            Access::Served | Access::Forbidden => {}
        }
        if let Some(answer) = metrics::answer(server, path) {
            return Ok(answer);
        }
    }
    let body = match path {
        "" => {
            json!({"paths": ["/api", "/api/v1", "/apis", "/healthz", "/livez", "/metrics", "/openapi/v3", "/readyz", "/version"]})
        }
        "/version" => version(&server.version),
        "/api" => json!({"kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": server.url()}]}),
        "/apis" => json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups(server).collect::<Vec<_>>()}),
        "/openapi/v3" => json!({"paths": {}}),
        _ => {
            let group = path.strip_prefix("/apis/").and_then(|name| groups(server).find(|g| g["name"] == name));
            let version = API_VERSIONS.iter().find(|entry| entry.prefix == path);
            let kinds = version.map(|entry| (entry.version, served(server, entry)));
            match (group, kinds.filter(|(_, kinds)| !kinds.is_empty())) {
                (Some(mut group), _) => {
                    group["kind"] = json!("APIGroup");
                    group["apiVersion"] = json!("v1");
                    group
                }
                (None, Some((version, kinds))) => resources(version, &kinds),
                (None, None) if path == metrics::PREFIX => metrics::resources(),
                (None, None) => return Ok(no_such_path()),
            }
        }
    };
    if negotiate(&target.accept).is_none() {
        return Err(not_acceptable());
    }
    Ok(plain(200, "application/json", format!("{body}\n")))
}

fn health(check: &str, part: &str, verbose: bool) -> Response {
    if !part.is_empty() && !CHECKS.iter().any(|known| part[1..] == **known) {
        return no_such_path();
    }
    if !verbose || !part.is_empty() {
        return plain(200, "text/plain; charset=utf-8", "ok");
    }
    let mut lines: Vec<String> = CHECKS.iter().map(|known| format!("[+]{known} ok")).collect();
    lines.push(format!("{} check passed\n", &check[1..]));
    plain(200, "text/plain; charset=utf-8", lines.join("\n"))
}

fn version(git: &str) -> Value {
    let mut numbers = git.trim_start_matches('v').split('.');
    json!({"major": numbers.next(), "minor": numbers.next(), "gitVersion": git, "gitCommit": "a51b3b711150f57ffc1f526a640ec058514ed596",
        "gitTreeState": "clean", "buildDate": "2024-08-14T19:02:46Z", "goVersion": "go1.22.5", "compiler": "gc",
        "platform": "linux/amd64"})
}

/// The resources of a version that this cluster serves in it.
fn served(server: &Server, entry: &ApiVersion) -> Vec<SimResource> {
    let is_served = |resource: &SimResource| server.apis.serves(resource.spec().switch, entry.version);
    entry.resources.iter().copied().filter(is_served).collect()
}

/// The named groups, as `/apis` lists them: each with its versions, the preferred one first.
fn groups(server: &Server) -> impl Iterator<Item = Value> {
    let metrics = (server.apis.metrics != Access::Absent).then_some(metrics::GROUP_VERSION);
    let known = API_VERSIONS.iter().filter(|entry| !served(server, entry).is_empty());
    let versions = known.map(|entry| entry.version).chain(metrics);
    let mut groups: Vec<(&str, Vec<Value>)> = Vec::new();
    for (version, (name, short)) in versions.filter_map(|version| Some((version, version.split_once('/')?))) {
        let version = json!({"groupVersion": version, "version": short});
        match groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, versions)) => versions.push(version),
            None => groups.push((name, vec![version])),
        }
    }
    groups
        .into_iter()
        .map(|(name, versions)| json!({"name": name, "preferredVersion": versions[0].clone(), "versions": versions}))
}

fn resources(version: &str, kinds: &[SimResource]) -> Value {
    let resources: Vec<Value> = kinds
        .iter()
        .map(|kind| {
            let mut resource = json!({"name": kind.plural(), "singularName": kind.kind().to_lowercase(), "namespaced": kind.namespaced(),
                "kind": kind.kind(), "verbs": ["get", "list", "watch"]});
            let spec = kind.spec();
            if !spec.short_name.is_empty() {
                resource["shortNames"] = json!([spec.short_name]);
            }
            if !spec.categories.is_empty() {
                resource["categories"] = json!(spec.categories);
            }
            resource
        })
        .collect();
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources})
}
