//! Optional APIs: leases and `resource.k8s.io`. They are discovered first, then listed and watched by the same engine
//! as nodes and pods, and discovery is repeated at a polite period while they are absent.
//!
//! No other task waits for them, and their errors appear only as their own state: no failure, no alert (F54).

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::sleep;

use super::TaskContext;
use super::call::{ApiRequest, Limits};
use super::classify::{self, RequestError};
use super::silence::SPREAD;
use super::stream;
use super::tuning::LeaseWatch;
use crate::clock::wall;
use crate::cluster::list_source::ListSource;
use crate::facts::api::{Discovery, OptionalSwitch};
use crate::facts::read_json;
use crate::facts::text::{Clean, counted};
use crate::msg::{CallKind, ClusterEvent, SyncState};
use crate::resource::Resource;

/// Percentage by which the number of nodes must exceed the limit before a running watch is closed.
const SLACK_PCT: u32 = 10;

/// Follows one of [`Resource::OPTIONAL`] until the task is dropped.
pub(crate) async fn run(shared: Arc<TaskContext>, resource: Resource, seed: u64) {
    let mut rng = fastrand::Rng::with_seed(seed);
    loop {
        until_requested(&shared, resource).await;
        let wait = match find(&shared, resource).await {
            Ok(Some(path)) => {
                tokio::select! {
                    () = stream::follow(shared.clone(), ListSource::all(resource, &path), rng.u64(..)) => {}
                    () = too_many(&shared, resource) => continue,
                }
                absent(&shared, resource).await
            }
            Ok(None) => absent(&shared, resource).await,
            Err(error) => {
                // As slow as the slowest retry of the node list.
                let wait = shared.tuning.backoff_cap.mul_f64(1.0 + rng.f64());
                let mut failure = error.failure(wall(), &format!("find {}", resource.name()), 1);
                failure.next_in = Some(wait);
                let state = SyncState::Waiting { until: shared.clock.mono() + wait, failure: Box::new(failure) };
                report(&shared, resource, state).await;
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

async fn report(shared: &TaskContext, resource: Resource, state: SyncState) {
    shared.send_event(ClusterEvent::Sync { resource, state }).await;
}

async fn absent(shared: &TaskContext, resource: Resource) -> Duration {
    report(shared, resource, SyncState::Absent).await;
    shared.tuning.optional.rediscover
}

/// The reason why the resource is not requested; `None` if it is.
fn unwanted(shared: &TaskContext, resource: Resource) -> Option<Clean> {
    let optional = &shared.tuning.optional;
    let off = || Some(Clean::new("switched off in the configuration"));
    match resource.api().switch {
        OptionalSwitch::Always => return None,
        OptionalSwitch::Dra => return if optional.dra { None } else { off() },
        OptionalSwitch::Leases => {}
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
            // The number of nodes is unknown; there is no reason to report yet.
            None => Some(Clean::default()),
        },
    }
}

/// Waits until the resource is requested; reports why it is not.
async fn until_requested(shared: &TaskContext, resource: Resource) {
    let mut nodes = shared.nodes.subscribe();
    let mut reported = None;
    while let Some(reason) = unwanted(shared, resource) {
        if !reason.is_empty() && reported.as_ref() != Some(&reason) {
            reported = Some(reason.clone());
            report(shared, resource, SyncState::Skipped { reason }).await;
        }
        if nodes.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Waits until there are clearly more nodes than the limit for watching leases.
async fn too_many(shared: &TaskContext, resource: Resource) {
    let optional = &shared.tuning.optional;
    if resource.api().switch != OptionalSwitch::Leases || optional.leases != LeaseWatch::Auto {
        return std::future::pending().await;
    }
    let limit = optional.lease_nodes.saturating_add(optional.lease_nodes * SLACK_PCT / 100);
    let mut nodes = shared.nodes.subscribe();
    if nodes.wait_for(|nodes| nodes.is_some_and(|nodes| nodes > limit)).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Path of the resource; `None` if the server does not have it.
async fn find(shared: &TaskContext, resource: Resource) -> Result<Option<String>, RequestError> {
    let api = resource.api();
    if api.discovery == Discovery::Fixed {
        return Ok(Some(resource.list_path()));
    }
    let found = match discover(shared, resource, api.group_path(), versions).await? {
        DiscoveryAnswer::Nothing => return Ok(None),
        // Discovery may be forbidden where a list is not: the list decides.
        DiscoveryAnswer::Forbidden => return Ok(Some(resource.list_path())),
        DiscoveryAnswer::Found(versions) => versions,
    };
    if api.discovery == Discovery::Group {
        return Ok(best(&found, resource));
    }
    for version in api.versions.iter().filter(|known| found.iter().any(|version| version == *known)) {
        match discover(shared, resource, api.version_path(version), kinds).await? {
            DiscoveryAnswer::Found(kinds) if !kinds.iter().any(|kind| kind == api.plural) => {}
            DiscoveryAnswer::Nothing => {}
            DiscoveryAnswer::Found(_) | DiscoveryAnswer::Forbidden => return Ok(Some(api.list_path(version))),
        }
    }
    Ok(None)
}

/// Content of a discovery document of the API.
enum DiscoveryAnswer {
    /// The names in it.
    Found(Vec<String>),
    /// It is not there (404).
    Nothing,
    /// We may not see it (403).
    Forbidden,
}

async fn discover(
    shared: &TaskContext,
    resource: Resource,
    uri: String,
    read: fn(&[u8]) -> serde_json::Result<Vec<String>>,
) -> Result<DiscoveryAnswer, RequestError> {
    let session = shared.session.clients().await?;
    let limits = Limits::small(shared.tuning.connect_deadline);
    let request = ApiRequest { kind: CallKind::List(resource), page: None, attempt: 1, uri, limits };
    let mut body = Vec::new();
    match session.api.fetch(&request, &shared.tuning, &mut body).await {
        Ok(head) => {
            let names = read(&body).map_err(|error| classify::unreadable(&head, &body, &error.to_string()))?;
            Ok(DiscoveryAnswer::Found(names))
        }
        Err(request_error) if request_error.code == Some(404) => Ok(DiscoveryAnswer::Nothing),
        Err(request_error) if request_error.code == Some(403) => Ok(DiscoveryAnswer::Forbidden),
        Err(request_error) => Err(request_error),
    }
}

/// Path of the resource in the best of these versions that we can read.
pub(super) fn best(versions: &[String], resource: Resource) -> Option<String> {
    let api = resource.api();
    Some(api.list_path(api.best_version(versions)?))
}

/// The versions that an `APIGroup` names.
pub(super) fn versions(group: &[u8]) -> serde_json::Result<Vec<String>> {
    #[derive(Deserialize)]
    struct ApiGroup {
        versions: Vec<Version>,
    }
    #[derive(Deserialize)]
    struct Version {
        version: String,
    }

    let group: ApiGroup = read_json(group)?;
    Ok(group.versions.into_iter().map(|version| version.version).collect())
}

/// The kinds that an `APIResourceList` names, by their plurals.
fn kinds(list: &[u8]) -> serde_json::Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Kinds {
        resources: Vec<DiscoveredKind>,
    }
    #[derive(Deserialize)]
    struct DiscoveredKind {
        name: String,
    }

    let list: Kinds = read_json(list)?;
    Ok(list.resources.into_iter().map(|kind| kind.name).collect())
}
