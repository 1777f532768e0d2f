//! Objects: permissions to read them, the time of a page by phase, and consistent pagination.

use std::collections::BTreeMap;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::time::Instant;

use super::{CheckResponse, CheckRun, StepFlow, advice, layer_name, millis, ms_text};
use crate::cluster::call::Limits;
use crate::cluster::classify::{self, RequestError, bytes_text};
use crate::facts::node::{self, NodeFacts};
use crate::facts::pod::{self, PodBatch};
use crate::facts::wire::{DecodeError, ListHead};
use crate::msg::check::{CheckStep, StepOutcome, Timing};
use crate::msg::{CallKind, Layer, Resource};
use crate::resource::NAMESPACES;

/// Objects of a page, as client-go and the dashboard ask for.
const PAGE: u32 = 500;
/// 30 s: API-call SLO for lists of a cluster; a third of it is the warning (docs/latency-and-alerts.md).
const LIST_LIMIT: (&str, &str) = ("30 s", "API-call SLO for cluster lists");
const LIST_WARN_MS: f64 = 10_000.0;
const LIST_FAIL_MS: f64 = 30_000.0;
/// Name that no object has: a GET of it is answered with 404 if we may get objects, and with 403 if we may not.
const NOBODY: &str = "watchbell-check";

impl CheckRun {
    /// Tries each verb: an access review may be forbidden where the access itself is not, and only a request shows the truth.
    pub(super) async fn rbac(&mut self) -> StepFlow {
        let list = |path: &str| ("list".to_owned(), format!("{path}?limit=1"));
        let watch = |path: &str| ("watch".to_owned(), format!("{path}?watch=1&timeoutSeconds=1&limit=1"));
        let get = |path: &str| ("get".to_owned(), format!("{path}/{NOBODY}"));
        let nodes = Resource::Nodes.list_path();
        self.may("namespaces", StepOutcome::Warn, &[list(&NAMESPACES.best_path())]).await?;
        self.may("nodes", StepOutcome::Fail, &[list(&nodes), watch(&nodes), get(&nodes)]).await?;
        let namespaces = self.tuning.namespaces.clone();
        if namespaces.is_empty() {
            let pods = Resource::Pods.list_path();
            let verbs = [list(&pods), watch(&pods), get(&Resource::Pods.list_path_in("default"))];
            return self.may("pods", StepOutcome::Fail, &verbs).await;
        }
        // The watched namespaces, each on its own (F23).
        let verbs = namespaces.iter().flat_map(|name| {
            let pods = Resource::Pods.list_path_in(name);
            [list(&pods), watch(&pods), get(&pods)].map(|(verb, uri)| (format!("{verb} in {name}"), uri))
        });
        self.may("pods", StepOutcome::Fail, &verbs.collect::<Vec<_>>()).await
    }

    /// Advice for a missing permission: pods may still be listed namespace by namespace (F23).
    fn without_rights(&self, resource: &str) -> String {
        let role = advice(Layer::Rbac);
        if resource != "pods" || !self.tuning.namespaces.is_empty() {
            return role.to_owned();
        }
        let example = self.target.namespace().map_or("NAME", |name| name);
        format!("{role}, or name namespaces whose pods you may list: `--namespace {example}`")
    }

    /// Tries one verb. The answer must come from an API server; any HTTP status will do.
    async fn tried(&mut self, verb: &str, uri: &str) -> Result<(), RequestError> {
        if verb.starts_with("watch") {
            return self.tried_watch(uri).await;
        }
        if verb.starts_with("list") {
            return self.list(uri).await.result.map(drop);
        }
        match self.get(uri).await.result {
            // The name is made up: a server that permits the GET answers 404.
            Err(error) if error.code == Some(404) && error.status.is_some() => Ok(()),
            Err(error) => Err(error),
            Ok(head) => Err(classify::unreadable(&head, &self.buf, "an object that cannot exist was found")),
        }
    }

    /// Reports the verbs of one resource; `without` is the outcome if one is forbidden.
    async fn may(&mut self, resource: &str, without: StepOutcome, verbs: &[(String, String)]) -> StepFlow {
        let name = format!("rbac {resource}");
        let (mut words, mut worst): (Vec<String>, Option<RequestError>) = (Vec::new(), None);
        for (verb, uri) in verbs {
            match self.tried(verb, uri).await {
                Ok(()) => words.push(format!("{verb} yes")),
                Err(error) if error.layer == Layer::Rbac => {
                    words.push(format!("{verb} NO"));
                    worst.get_or_insert(error);
                }
                Err(error) => {
                    self.report_error(&name, StepOutcome::Fail, &error).await?;
                    return Ok(());
                }
            }
        }
        let words = words.join(", ");
        let step = match worst {
            None => CheckStep::new(&name, StepOutcome::Ok, &words),
            Some(error) => {
                let text = format!("{words}; {}: {}", layer_name(error.layer), error.text);
                let step = CheckStep::new(&name, without, &text).next(&self.without_rights(resource));
                CheckStep { layer: Some(Layer::Rbac), ..step }
            }
        };
        self.report(step).await
    }

    pub(super) async fn node_page(&mut self) -> StepFlow {
        let mut nodes: Vec<NodeFacts> = Vec::new();
        let head = self.page(Resource::Nodes, |body| node::decode_list(body, |node| nodes.push(node))).await?;
        if let Some(head) = head {
            self.found.more_nodes = !head.continue_token.is_empty();
            self.found.nodes = nodes;
        }
        Ok(())
    }

    pub(super) async fn pod_page(&mut self) -> StepFlow {
        let mut pods = PodBatch::default();
        self.page(Resource::Pods, |body| pod::decode_list(body, &mut pods)).await.map(drop)
    }

    /// Reads and reports one page, phase by phase.
    async fn page(
        &mut self,
        resource: Resource,
        decode: impl FnOnce(&[u8]) -> Result<ListHead, DecodeError>,
    ) -> Result<Option<ListHead>, super::Stop> {
        let name = if resource == Resource::Nodes { "node page" } else { "pod page" };
        let cap = self.within(self.tuning.tiers.unknown);
        let limits = Limits {
            headers: cap,
            idle: self.tuning.idle.most.min(cap),
            cap,
            slowest: self.tuning.slowest_body,
            bytes: self.tuning.page_bytes,
        };
        let namespace = self.tuning.namespaces.first().filter(|_| resource == Resource::Pods);
        let path = namespace.map_or_else(|| resource.list_path(), |name| resource.list_path_in(name));
        let uri = format!("{path}?limit={PAGE}");
        let CheckResponse { result, mut timing } = self.request(CallKind::List(resource), &uri, limits).await;
        if let Err(request_error) = result {
            self.report_error(name, StepOutcome::Fail, &request_error).await?;
            return Ok(None);
        }
        let begun = Instant::now();
        let head = match decode(&self.buf) {
            Ok(head) => head,
            Err(error) => {
                self.report_error(name, StepOutcome::Fail, &RequestError::new(Layer::Decode, &error.text)).await?;
                return Ok(None);
            }
        };
        timing.decode_ms = Some(millis(begun.elapsed()));
        timing.objects = Some(u64::from(head.objects));
        let step = paged(name, &head, timing, self.buf.len());
        self.report(step).await?;
        Ok(Some(head))
    }

    /// Reads a list in two pages: both must have one version, and the second must continue where the first ended.
    pub(super) async fn list_pages(&mut self) -> StepFlow {
        let name = "list pages";
        let mut first = Vec::new();
        let Some(one) = self.small_page(name, "", &mut first).await? else { return Ok(()) };
        self.found.version_of_nodes = Some(one.resource_version.clone());
        if one.resource_version.is_empty() {
            return self.broken(name, "the list has no resourceVersion: no watch can follow it").await;
        }
        if one.continue_token.is_empty() {
            let text = format!("{} node with limit=1, at one resourceVersion; there is no second page", first.len());
            let honest = first.len() <= 1;
            return self
                .report(CheckStep::new(name, if honest { StepOutcome::Ok } else { StepOutcome::Warn }, &text))
                .await;
        }
        let token = utf8_percent_encode(&one.continue_token, NON_ALPHANUMERIC).to_string();
        let mut second = Vec::new();
        let Some(two) = self.small_page(name, &format!("&continue={token}"), &mut second).await? else { return Ok(()) };
        if two.resource_version != one.resource_version {
            let text = format!("page 2 is of {}, page 1 of {}", two.resource_version, one.resource_version);
            return self.broken(name, &text).await;
        }
        if second.is_empty() || second == first {
            return self.broken(name, "pagination inconsistent: page 2 does not continue page 1").await;
        }
        let remaining = one.remaining.map_or_else(|| "not reported".to_owned(), |remaining| remaining.to_string());
        let text = format!("pagination consistent; remaining after page 1: {remaining}");
        self.report(CheckStep::new(name, StepOutcome::Ok, &text)).await
    }

    async fn small_page(
        &mut self,
        name: &str,
        more: &str,
        names: &mut Vec<String>,
    ) -> Result<Option<ListHead>, super::Stop> {
        let reply = self.get(&format!("{}?limit=1{more}", Resource::Nodes.list_path())).await;
        let read = reply.result.and_then(|_| {
            let read = node::decode_list(&self.buf, |node| names.push(node.name.to_string()));
            read.map_err(|error| RequestError::new(Layer::Decode, &error.text))
        });
        match read {
            Ok(head) => Ok(Some(head)),
            Err(request_error) => self.report_error(name, StepOutcome::Fail, &request_error).await.map(|()| None),
        }
    }

    async fn broken(&mut self, name: &str, text: &str) -> StepFlow {
        let step = CheckStep::new(name, StepOutcome::Fail, &format!("{}: {text}", layer_name(Layer::Decode)));
        let next = "something between here and etcd answers each page from another state: look for a cache or a proxy";
        self.report(CheckStep { layer: Some(Layer::Decode), ..step }.next(next)).await
    }

    /// Reports the kubelets' versions. A kubelet may be some minor versions older than the API server, and never newer.
    pub(super) async fn kubelets(&mut self) -> StepFlow {
        let minor = self.found.version.as_deref().and_then(minor_of);
        let (Some(server), false) = (minor, self.found.nodes.is_empty()) else {
            return self
                .report(CheckStep::new("kubelets", StepOutcome::Skip, "the server's version or the nodes are unknown"))
                .await;
        };
        let mut versions: BTreeMap<&str, u32> = BTreeMap::new();
        for node in &self.found.nodes {
            *versions.entry(&node.kubelet).or_default() += 1;
        }
        // Version skew policy: three minor versions since 1.28, two before.
        let (older, limit) = if server >= 28 { (3, "3 minor versions older") } else { (2, "2 minor versions older") };
        let wrong = |version: &str| minor_of(version).is_some_and(|minor| minor > server || minor + older < server);
        let bad: u32 = versions.iter().filter(|(version, _)| wrong(version)).map(|(_, count)| count).sum();
        let listed: Vec<String> =
            versions.iter().take(6).map(|(version, count)| format!("{count} at {version}")).collect();
        let more = if self.found.more_nodes { " (first page)" } else { "" };
        let text = format!("{}{more}", listed.join(", "));
        let step = if bad == 0 {
            CheckStep::new("kubelets", StepOutcome::Ok, &text)
        } else {
            let text = format!("{bad} outside of the version skew policy: {text}");
            CheckStep::new("kubelets", StepOutcome::Warn, &text)
                .next("upgrade those nodes, or finish the control plane's upgrade")
        };
        self.report(step.limit(limit, "Kubernetes version skew policy")).await
    }
}

fn paged(name: &str, head: &ListHead, timing: Timing, decoded: usize) -> CheckStep {
    let phase = |what: &str, ms: Option<f64>| ms.map(|ms| format!("{what} {}", ms_text(ms)));
    let phases = [
        phase("connect", timing.connect_ms),
        phase("first byte", timing.first_byte_ms),
        phase("body", timing.body_ms),
        phase("decode", timing.decode_ms),
    ];
    let total = timing.total_ms.unwrap_or_default();
    let sent = timing.bytes.and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(decoded);
    let more = match head.remaining {
        Some(remaining) => format!(" of {}", remaining + u64::from(head.objects)),
        None if head.continue_token.is_empty() => String::new(),
        None => " and more".to_owned(),
    };
    let size = format!("{}{more}, {}", head.objects, bytes_text(sent));
    let mut text =
        format!("{size} in {}: {}", ms_text(total), phases.into_iter().flatten().collect::<Vec<_>>().join(", "));
    if head.unreadable > 0 {
        text = format!("{text}; {} could not be read", head.unreadable);
    }
    let outcome = match total {
        _ if head.unreadable > 0 => StepOutcome::Warn,
        ..LIST_WARN_MS => StepOutcome::Ok,
        ..LIST_FAIL_MS => StepOutcome::Warn,
        _ => StepOutcome::Fail,
    };
    let step = CheckStep::new(name, outcome, &text).limit(LIST_LIMIT.0, LIST_LIMIT.1).timing(timing);
    if outcome == StepOutcome::Ok {
        return step;
    }
    let first = timing.first_byte_ms.unwrap_or_default();
    let (layer, next) = if first > timing.body_ms.unwrap_or_default() {
        (Layer::FirstByte, "most of it passed before the first byte: the server's queue, etcd or encoding")
    } else {
        (Layer::Body, "most of it passed in the body: the network, a proxy, or a very large answer")
    };
    CheckStep { layer: Some(layer), ..step.next(next) }
}

/// `v1.30.4-gke.1` → 30.
fn minor_of(version: &str) -> Option<u32> {
    version.trim_start_matches('v').split('.').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minor_version_is_read_from_what_vendors_write() {
        for (version, minor) in [("v1.30.4", Some(30)), ("v1.29.1-gke.1589018", Some(29)), ("1.36.2+k3s1", Some(36))] {
            assert_eq!(minor_of(version), minor);
        }
        assert_eq!(minor_of(""), None);
        assert_eq!(minor_of("none"), None);
    }

    /// The same total time is blamed on the layer where it was spent.
    #[test]
    fn slow_page_is_the_fault_of_the_phase_that_took_the_time() {
        let timing = |first: f64, body: f64| Timing {
            first_byte_ms: Some(first),
            body_ms: Some(body),
            total_ms: Some(first + body),
            ..Timing::default()
        };
        let page = |first, body| paged("pod page", &ListHead::default(), timing(first, body), 0);
        assert_eq!((page(9_000.0, 900.0).outcome, page(9_000.0, 900.0).layer), (StepOutcome::Ok, None));
        let slow = page(12_000.0, 100.0);
        assert_eq!((slow.outcome, slow.layer), (StepOutcome::Warn, Some(Layer::FirstByte)));
        let slow = page(100.0, 31_000.0);
        assert_eq!((slow.outcome, slow.layer), (StepOutcome::Fail, Some(Layer::Body)));
    }
}
