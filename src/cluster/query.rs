//! Queries of the model: single requests on demand, with the client, the deadlines and the meter of all others.
//!
//! Of each kind at most one request is in flight; the others wait in a bounded queue. Nothing is requested that the model has
//! not asked for.

mod queues;

use std::sync::Arc;
use std::time::Duration;

use http::response::Parts;
use jiff::SignedDuration;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::sync::{Mutex, mpsc};
use tokio::time::timeout;

use super::TaskContext;
use super::call::{ApiRequest, BodySink, Limits};
use super::classify::{self, RequestError};
use super::detail::{field, segment};
use super::warnings;
use crate::clock::wall;
use crate::facts::owner::{OwnerSize, decode_size, owner_api};
use crate::facts::pod::{Blame, FailedPod, FailedPodList, FailedPods};
use crate::facts::text::Clean;
use crate::msg::{CallKind, ClusterEvent, GangOwner, Layer, Query, QueryAnswer, QueryKind, QueryResult, Resource};

/// Queries of one kind that wait. The model has fewer at a time.
const WAITING: usize = 8;
/// Objects in a page of a query.
const PAGE: u32 = 500;
/// Maximum number of pages of the failed pods of a node. They come by name, so old ones may hide the young.
const FAILED_PAGES: usize = 4;
/// 5 min: failed pods that are older say nothing about the node now. By our clock; the model judges by the server's.
const YOUNG: SignedDuration = SignedDuration::from_secs(300);
/// 4 MiB: maximum size of a single object.
const OBJECT_BYTES: usize = 4 << 20;
/// 2 s: the server gets this much less time than the client, so that its own timeout differs from the client's.
const MARGIN: Duration = Duration::from_secs(2);
/// 150 s: deadline of all requests of one query together; the model takes a query for lost after 180 s.
const MOST: Duration = Duration::from_secs(150);

/// Queues of queries, one for each kind.
pub(super) struct QueryQueues {
    queues: Vec<QueryQueue>,
}

struct QueryQueue {
    kind: QueryKind,
    sender: mpsc::Sender<Query>,
    /// Held by the task that answers, which may be restarted.
    receiver: Mutex<mpsc::Receiver<Query>>,
}

impl QueryQueues {
    pub(super) fn new() -> Self {
        let queue = |kind| {
            let (sender, receiver) = mpsc::channel(WAITING);
            QueryQueue { kind, sender, receiver: Mutex::new(receiver) }
        };
        Self { queues: QueryKind::ALL.into_iter().map(queue).collect() }
    }

    /// Adds a query. One that finds its queue full is dropped: the model asks again later.
    pub(super) fn push(&self, query: Query) {
        if let Some(queue) = self.queue(query.kind()) {
            let _ = queue.sender.try_send(query);
        }
    }

    fn queue(&self, kind: QueryKind) -> Option<&QueryQueue> {
        self.queues.iter().find(|queue| queue.kind == kind)
    }
}

/// Answers the queries of one kind, one after another, until the task is dropped.
pub(super) async fn run(shared: Arc<TaskContext>, kind: QueryKind) {
    let Some(queue) = shared.queries.queue(kind) else { return };
    let mut queries = queue.receiver.lock().await;
    while let Some(query) = queries.recv().await {
        let result = answer(&shared, &query).await;
        let result = result.map_err(|error| Box::new(error.failure(wall(), &query.title(), 1)));
        // A missing right, or an optional API that fails, is no failure of the cluster (F54).
        if let Err(failure) = &result
            && !kind.is_optional()
            && failure.layer != Layer::Rbac
        {
            shared.send_event(ClusterEvent::Failed(failure.clone())).await;
        }
        shared.send_event(ClusterEvent::Answered(Box::new(QueryAnswer { query, result }))).await;
    }
}

async fn answer(shared: &TaskContext, query: &Query) -> Result<QueryResult, RequestError> {
    let reader = QueryReader { shared, kind: CallKind::Query(query.kind()), title: query.title() };
    let work = async {
        match query {
            Query::FailedPods { node, namespace } => {
                failed_pods(&reader, node, namespace.as_ref()).await.map(QueryResult::FailedPods)
            }
            Query::OwnerSize(owner) => owner_size(&reader, owner).await.map(QueryResult::OwnerSize),
            Query::Queues => queues::list(&reader).await.map(QueryResult::Queues),
            Query::Workload { namespace, name } => {
                let workload = queues::workload(&reader, namespace, name).await;
                workload.map(|workload| QueryResult::Workload(Box::new(workload)))
            }
        }
    };
    // The wait for credentials is a part of it.
    timeout(MOST, work).await.unwrap_or_else(|_| {
        let text = format!("the query was not answered within {} s", MOST.as_secs());
        Err(RequestError::timed_out(Layer::Internal, &text))
    })
}

/// Sender of the requests of one query.
struct QueryReader<'a> {
    shared: &'a TaskContext,
    kind: CallKind,
    title: String,
}

impl QueryReader<'_> {
    /// Passes the answer to a path with this query to `body`.
    async fn read(&self, path: &str, query: &str, body: &mut impl BodySink) -> Result<Parts, RequestError> {
        self.read_as(self.kind, path, query, body).await
    }

    /// The same for a single object.
    async fn get(&self, path: &str, body: &mut impl BodySink) -> Result<Parts, RequestError> {
        let bytes = OBJECT_BYTES.min(self.shared.tuning.page_bytes);
        self.send(self.kind, path, "", bytes, body).await
    }

    /// The same as another kind of call.
    async fn read_as(
        &self,
        kind: CallKind,
        path: &str,
        query: &str,
        body: &mut impl BodySink,
    ) -> Result<Parts, RequestError> {
        self.send(kind, path, query, self.shared.tuning.page_bytes, body).await
    }

    async fn send(
        &self,
        kind: CallKind,
        path: &str,
        query: &str,
        bytes: usize,
        body: &mut impl BodySink,
    ) -> Result<Parts, RequestError> {
        let (shared, tuning) = (self.shared, &self.shared.tuning);
        let session = shared.session.clients().await?;
        let deadline = shared.page_deadline();
        let limits = Limits {
            headers: deadline,
            idle: tuning.idle.least,
            cap: tuning.page_cap,
            slowest: tuning.slowest_body,
            bytes,
        };
        let server = tuning.page_cap.saturating_sub(MARGIN).as_secs().max(1);
        let separator = if query.is_empty() { "" } else { "&" };
        let uri = format!("{path}?{query}{separator}timeout={server}s");
        let request = ApiRequest { kind, page: None, attempt: 1, uri, limits };
        let answer = session.api.take(&request, tuning, body).await;
        if answer.as_ref().is_err_and(|error| error.layer == Layer::Auth) {
            shared.session.renew(session.serial);
        }
        let head = answer?;
        warnings::report_warnings(shared, &head.headers, &self.title).await;
        Ok(head)
    }
}

/// The failed pods of a node, up to the first page on which a young one speaks against the node. `spec.nodeName` is the indexed
/// field of pods.
async fn failed_pods(
    reader: &QueryReader<'_>,
    node: &Clean,
    namespace: Option<&Clean>,
) -> Result<FailedPods, RequestError> {
    let path = match namespace {
        None => Resource::Pods.list_path(),
        Some(namespace) => Resource::Pods.list_path_in(&segment(namespace).to_string()),
    };
    let selector = format!("spec.nodeName%3D{}%2Cstatus.phase%3DFailed", field(node));
    let from = wall().checked_sub(YOUNG).unwrap_or_default();
    let is_evidence = |pod: &FailedPod| pod.blame != Blame::Pod && pod.created.is_some_and(|created| created >= from);
    let mut found = FailedPods::default();
    let mut token = String::new();
    for number in 0..FAILED_PAGES {
        let next = if number == 0 { String::new() } else { format!("&continue={token}") };
        let mut body = FailedPodList::default();
        let query = format!("limit={PAGE}&fieldSelector={selector}{next}");
        let head = match reader.read(&path, &query, &mut body).await {
            Ok(head) => head,
            // What was read stays, with the mark that there is more.
            Err(_) if number > 0 => break,
            Err(error) => return Err(error),
        };
        let start = body.start().to_vec();
        let (list, page) = body.end().map_err(|error| classify::unreadable(&head, &start, &error.text))?;
        let evidence = page.pods.iter().any(is_evidence);
        found.pods.extend(page.pods);
        found.more = page.more;
        if evidence || list.continue_token.is_empty() {
            break;
        }
        token = utf8_percent_encode(&list.continue_token, NON_ALPHANUMERIC).to_string();
    }
    Ok(found)
}

/// The owner of a gang. Of the versions of its kind the first that the server has is read.
async fn owner_size(reader: &QueryReader<'_>, owner: &GangOwner) -> Result<OwnerSize, RequestError> {
    let GangOwner { system, kind, namespace, name } = owner;
    let mut missing = RequestError::new(Layer::Internal, "this kind of owner does not say how many pods it has");
    let api = owner_api(*system, kind);
    for version in api.into_iter().flat_map(|api| api.versions) {
        let Some(api) = api else { break };
        let path = format!("{}/{}", api.list_path_in(version, &segment(namespace).to_string()), segment(name));
        let mut body = Vec::new();
        match reader.get(&path, &mut body).await {
            Ok(head) => {
                let size = decode_size(*system, &body);
                return size.map_err(|error| classify::unreadable(&head, &body, &error.text));
            }
            Err(error) if error.code == Some(404) => missing = error,
            Err(error) => return Err(error),
        }
    }
    Err(missing)
}

impl BodySink for FailedPodList {
    fn take(&mut self, piece: &[u8]) {
        Self::take(self, piece);
    }
}
