//! Resources that a cluster need not have: leases and `resource.k8s.io`. Found first, then listed and watched by the same
//! engine as nodes and pods, and looked for again at a polite period while they are absent.
//!
//! Nothing waits for them, and their trouble is told only as their own state: no failure, no alert (F54).

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::sleep;

use super::Shared;
use super::call::{Ask, Limits};
use super::classify::{self, Trouble};
use super::silence::SPREAD;
use super::source::Source;
use super::stream;
use super::tuning::LeaseWatch;
use crate::clock::wall;
use crate::facts::read_json;
use crate::facts::text::{Clean, counted};
use crate::msg::{CallKind, ClusterEvent, Resource, SyncState};

/// The group of slices, claims, classes and taint rules.
pub(super) const DRA: &str = "/apis/resource.k8s.io";
/// The kubelets' leases (kubelet `pkg/kubelet/kubelet.go`, `v1.NamespaceNodeLease`).
pub(super) const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
/// The versions that can be read, the best first; the alphas before them had other shapes.
const VERSIONS: [&str; 3] = ["v1", "v1beta2", "v1beta1"];
/// The versions that taint rules may be in: v1beta2 from Kubernetes 1.36 on, v1alpha3 from 1.33 on (KEP-5055). Not every server
/// that has such a version has the rules in it.
const RULE_VERSIONS: [&str; 3] = ["v1", "v1beta2", "v1alpha3"];
/// A number of nodes must pass the limit by this share, in per cent, before a running watch is given up.
const SLACK_PCT: u32 = 10;

/// Looks after one of [`Resource::OPTIONAL`] until the task is dropped.
pub(crate) async fn run(shared: Arc<Shared>, resource: Resource, seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    loop {
        wanted(&shared, resource).await;
        let wait = match find(&shared, resource).await {
            Ok(Some(path)) => {
                tokio::select! {
                    () = stream::follow(shared.clone(), Source::all(resource, &path), rng.u64(..)) => {}
                    () = too_many(&shared, resource) => continue,
                }
                absent(&shared, resource).await
            }
            Ok(None) => absent(&shared, resource).await,
            Err(trouble) => {
                // As long as a server that is down is asked for nodes at the slowest.
                let wait = shared.tuning.backoff_cap.mul_f64(1.0 + rng.f64());
                let mut failure = trouble.failure(wall(), &format!("find {}", resource.name()), 1);
                failure.next_in = Some(wait);
                let state = SyncState::Waiting { until: shared.clock.mono() + wait, failure: Box::new(failure) };
                tell(&shared, resource, state).await;
                wait
            }
        };
        let (mut refresh, mut wake) = (shared.refreshes(), shared.wake.subscribe());
        tokio::select! {
            () = sleep(wait.mul_f64(1.0 + rng.f64() / 10.0)) => {}
            changed = refresh.changed() => if changed.is_err() { return },
            _ = wake.changed() => sleep(SPREAD.mul_f64(rng.f64())).await,
        }
    }
}

async fn tell(shared: &Shared, resource: Resource, state: SyncState) {
    shared.tell(ClusterEvent::Sync { resource, state }).await;
}

async fn absent(shared: &Shared, resource: Resource) -> Duration {
    tell(shared, resource, SyncState::Absent).await;
    shared.tuning.optional.look_again
}

/// Why the resource is not asked for; `None` if it is.
fn unwanted(shared: &Shared, resource: Resource) -> Option<Clean> {
    let optional = &shared.tuning.optional;
    let off = || Some(Clean::new("switched off in the configuration"));
    if resource != Resource::Leases {
        return if optional.dra { None } else { off() };
    }
    match optional.leases {
        LeaseWatch::On => None,
        LeaseWatch::Off => off(),
        LeaseWatch::Auto => match *shared.nodes.borrow() {
            Some(nodes) if nodes <= optional.lease_nodes => None,
            Some(nodes) => Some(Clean::new(&format!(
                "not watched: {}, more than {}",
                counted(nodes, "node"),
                optional.lease_nodes
            ))),
            // Not known yet; there is nothing to say about it.
            None => Some(Clean::default()),
        },
    }
}

/// Waits until the resource is asked for; says why it is not.
async fn wanted(shared: &Shared, resource: Resource) {
    let mut nodes = shared.nodes.subscribe();
    let mut told = None;
    while let Some(reason) = unwanted(shared, resource) {
        if !reason.is_empty() && told.as_ref() != Some(&reason) {
            told = Some(reason.clone());
            tell(shared, resource, SyncState::Skipped { reason }).await;
        }
        if nodes.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Waits until there are clearly more nodes than the leases are watched of.
async fn too_many(shared: &Shared, resource: Resource) {
    let optional = &shared.tuning.optional;
    if resource != Resource::Leases || optional.leases != LeaseWatch::Auto {
        return std::future::pending().await;
    }
    let limit = optional.lease_nodes.saturating_add(optional.lease_nodes * SLACK_PCT / 100);
    let mut nodes = shared.nodes.subscribe();
    if nodes.wait_for(|nodes| nodes.is_some_and(|nodes| nodes > limit)).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Where the resource is; `None` if the server does not have it.
async fn find(shared: &Shared, resource: Resource) -> Result<Option<String>, Trouble> {
    if resource == Resource::Leases {
        return Ok(Some(LEASES.to_owned()));
    }
    let found = match look(shared, resource, DRA.to_owned(), versions).await? {
        Look::Nothing => return Ok(None),
        // Whoever may not look may still list: the list will tell.
        Look::Forbidden => return Ok(Some(path(VERSIONS[0], resource))),
        Look::Found(versions) => versions,
    };
    if resource != Resource::Rules {
        return Ok(best(&found, resource));
    }
    for version in RULE_VERSIONS.into_iter().filter(|known| found.iter().any(|version| version == known)) {
        match look(shared, resource, format!("{DRA}/{version}"), kinds).await? {
            Look::Found(kinds) if !kinds.iter().any(|kind| kind == resource.name()) => {}
            Look::Nothing => {}
            Look::Found(_) | Look::Forbidden => return Ok(Some(path(version, resource))),
        }
    }
    Ok(None)
}

/// What a document of the API's discovery says.
enum Look {
    /// The names in it.
    Found(Vec<String>),
    /// It is not there (404).
    Nothing,
    /// We may not see it (403).
    Forbidden,
}

async fn look(
    shared: &Shared,
    resource: Resource,
    uri: String,
    read: fn(&[u8]) -> serde_json::Result<Vec<String>>,
) -> Result<Look, Trouble> {
    let session = shared.session.clients().await?;
    let limits = Limits::small(shared.tuning.connect_deadline);
    let ask = Ask { kind: CallKind::List(resource), page: None, attempt: 1, uri, limits };
    let mut body = Vec::new();
    match session.api.fetch(&ask, &shared.tuning, &mut body).await {
        Ok(head) => {
            let names = read(&body).map_err(|error| classify::unreadable(&head, &body, &error.to_string()))?;
            Ok(Look::Found(names))
        }
        Err(trouble) if trouble.code == Some(404) => Ok(Look::Nothing),
        Err(trouble) if trouble.code == Some(403) => Ok(Look::Forbidden),
        Err(trouble) => Err(trouble),
    }
}

fn path(version: &str, resource: Resource) -> String {
    format!("{DRA}/{version}/{}", resource.name())
}

/// Where the resource is in the best of these versions that can be read.
pub(super) fn best(versions: &[String], resource: Resource) -> Option<String> {
    let known = VERSIONS.into_iter().find(|known| versions.iter().any(|version| version == known))?;
    Some(path(known, resource))
}

/// The versions that an `APIGroup` names.
pub(super) fn versions(group: &[u8]) -> serde_json::Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Group {
        versions: Vec<Version>,
    }
    #[derive(Deserialize)]
    struct Version {
        version: String,
    }

    let group: Group = read_json(group)?;
    Ok(group.versions.into_iter().map(|version| version.version).collect())
}

/// The kinds that an `APIResourceList` names, by their plurals.
fn kinds(list: &[u8]) -> serde_json::Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Kinds {
        resources: Vec<Kind>,
    }
    #[derive(Deserialize)]
    struct Kind {
        name: String,
    }

    let list: Kinds = read_json(list)?;
    Ok(list.resources.into_iter().map(|kind| kind.name).collect())
}
