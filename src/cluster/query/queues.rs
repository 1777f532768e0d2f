//! The objects of queues: which of their APIs the server has, and one page of each.

use serde::Deserialize;

use super::{PAGE, QueryReader};
use crate::clock::wall;
use crate::cluster::classify::{self, RequestError};
use crate::cluster::detail::segment;
use crate::facts::queue::{QueueEntry, QueueSystem, decode_pod_groups, decode_workload, decode_workloads};
use crate::facts::read_json;
use crate::facts::text::Clean;
use crate::msg::{CallKind, Failure, Layer, QueueListing};

/// Path of the document that names all API groups with their versions.
const GROUPS: &str = "/apis";

/// Lists the objects of each queue API that the server has.
pub(super) async fn list(reader: &QueryReader<'_>) -> Result<Vec<QueueListing>, RequestError> {
    let groups = read_groups(reader).await?;
    let mut listings = Vec::new();
    for system in QueueSystem::ALL {
        if let Some(version) = best_version(&groups, system) {
            match page(reader, system, version).await {
                Ok(listing) => listings.push(listing),
                // The group has another resource only.
                Err(error) if error.code == Some(404) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(listings)
}

/// One workload, without its pod templates.
pub(super) async fn workload(
    reader: &QueryReader<'_>,
    namespace: &Clean,
    name: &Clean,
) -> Result<QueueEntry, RequestError> {
    let groups = read_groups(reader).await?;
    let api = QueueSystem::Kueue.api();
    let version = best_version(&groups, QueueSystem::Kueue).unwrap_or(api.first_version());
    let path = format!("{}/{}", api.list_path_in(version, &segment(namespace).to_string()), segment(name));
    let mut body = Vec::new();
    let head = reader.get(&path, &mut body).await?;
    decode_workload(&body).map_err(|error| classify::unreadable(&head, &body, &error.text))
}

/// One page of a system: of the cluster, or of each namespace that is watched.
///
/// # Errors
/// [`RequestError`] if the server does not have the resource, or cannot be reached at all.
async fn page(reader: &QueryReader<'_>, system: QueueSystem, version: &str) -> Result<QueueListing, RequestError> {
    let api = system.api();
    let namespaces = &reader.shared.tuning.namespaces;
    let paths = match namespaces.as_slice() {
        [] => vec![api.list_path(version)],
        some => some.iter().map(|namespace| api.list_path_in(version, &segment(namespace).to_string())).collect(),
    };
    let mut listing = QueueListing { system, entries: Vec::new(), failure: None, more: false };
    for path in paths {
        match read_page(reader, system, &path, &mut listing).await {
            Ok(()) => {}
            Err(error) if error.code == Some(404) => return Err(error),
            // The cluster cannot be reached at all.
            Err(error) if error.code.is_none() && error.layer != Layer::Decode => return Err(error),
            Err(error) => {
                let denied = error.layer == Layer::Rbac;
                let failure = Box::new(failure(&error, system));
                // A retry explains more than a 403.
                if listing.failure.is_none() || !denied {
                    listing.failure = Some(failure);
                }
                // The server asks for a pause, or is broken.
                if !denied {
                    break;
                }
            }
        }
    }
    Ok(listing)
}

/// Adds one page of one path to a listing.
async fn read_page(
    reader: &QueryReader<'_>,
    system: QueueSystem,
    path: &str,
    listing: &mut QueueListing,
) -> Result<(), RequestError> {
    let mut body = Vec::new();
    let query = format!("limit={PAGE}");
    if system == QueueSystem::Kueue {
        let head = reader.read_as(CallKind::QueueTable, path, &query, &mut body).await?;
        let rows = decode_workloads(&body).map_err(|error| classify::unreadable(&head, &body, &error.text))?;
        listing.more |= rows.len() >= PAGE as usize;
        listing.entries.extend(rows);
    } else {
        let head = reader.read(path, &query, &mut body).await?;
        let list = decode_pod_groups(system, &body);
        let (list, groups) = list.map_err(|error| classify::unreadable(&head, &body, &error.text))?;
        listing.more |= !list.continue_token.is_empty() || list.objects > PAGE;
        listing.entries.extend(groups);
    }
    Ok(())
}

fn failure(error: &RequestError, system: QueueSystem) -> Failure {
    let api = system.api();
    error.failure(wall(), &format!("list {}.{}", api.plural, api.group), 1)
}

/// An API group with its versions.
#[derive(Debug, Deserialize)]
struct ServedGroup {
    #[serde(default)]
    name: String,
    #[serde(default)]
    versions: Vec<ServedVersion>,
}

#[derive(Debug, Deserialize)]
struct ServedVersion {
    #[serde(default)]
    version: String,
}

async fn read_groups(reader: &QueryReader<'_>) -> Result<Vec<ServedGroup>, RequestError> {
    #[derive(Deserialize)]
    struct GroupList {
        groups: Vec<ServedGroup>,
    }

    let mut body = Vec::new();
    let head = reader.read(GROUPS, "", &mut body).await?;
    let list: GroupList = read_json(&body).map_err(|error| classify::unreadable(&head, &body, &error.to_string()))?;
    Ok(list.groups)
}

/// The best version of a system's API that the server has.
fn best_version(groups: &[ServedGroup], system: QueueSystem) -> Option<&'static str> {
    let api = system.api();
    let group = groups.iter().find(|group| group.name == api.group)?;
    let served = |version: &&&str| group.versions.iter().any(|served| served.version == ***version);
    api.versions.iter().find(served).copied()
}
