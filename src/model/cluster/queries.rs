//! Queries of one cluster: single requests on demand, and what their answers change.

use std::collections::VecDeque;
use std::time::Duration;

use hashbrown::HashMap;

use super::ClusterState;
use crate::facts::owner::{OwnerSize, owner_api};
use crate::facts::pod::{FailedPod, FailedPods, PodBatch, PodFacts};
use crate::facts::queue::{QueueState, QueueSystem};
use crate::facts::text::Clean;
use crate::facts::wire::Uid;
use crate::model::alerts::duration_text;
use crate::model::derive::black_holes::BlackHole;
use crate::model::derive::gangs::{GangKey, Wanted};
use crate::model::derive::queues;
use crate::model::store::queues::{QueueStore, QueueWords};
use crate::msg::{Failure, GangOwner, Layer, Mono, Now, Query, QueryAnswer, QueryResult};

/// 3 min: a query without an answer counts as lost, for instance because its task was restarted. Its requests have a deadline below
/// that.
const LOST: Duration = Duration::from_secs(180);
/// 5 min: an owner is read again after this while its gang is open: elastic ones change their size, and rights are granted.
const OWNER_REFRESH: Duration = Duration::from_secs(300);
/// 10 min: a size that was read longer ago is dropped, since the owner may have changed.
const SIZE_KEPT: Duration = Duration::from_secs(600);

/// Queries that wait or are in flight, each once.
#[derive(Debug, Default)]
pub(super) struct Queries {
    waiting: VecDeque<Query>,
    sent: Vec<SentQuery>,
    /// Owners of gangs that were read.
    owners: HashMap<GangKey, ReadOwner>,
    queues: QueueStore,
    /// Waiting objects of queues, as they were counted last.
    objects: WaitingObjects,
    /// Inputs of that count.
    counted: Option<WaitingInputs>,
}

/// Waiting objects of queues, as far as it is known of which no pod exists.
#[derive(Debug, PartialEq, Eq)]
pub enum WaitingObjects {
    /// Those without pods, in words: `train: Kueue workload vision-xl: QuotaReserved=False`.
    WithoutPods(Vec<Clean>),
    /// The pods are not known, so only the number of all waiting objects is.
    PodsUnknown(usize),
}

impl Default for WaitingObjects {
    fn default() -> Self {
        Self::WithoutPods(Vec::new())
    }
}

/// Inputs of the count of waiting objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct WaitingInputs {
    /// Revisions of queues and pods together, each of which only grows.
    revision: u64,
    /// `true` if every list of pods is complete.
    pods: bool,
}

#[derive(Debug)]
struct SentQuery {
    query: Query,
    at: Mono,
}

/// Owner of a gang that was read for its size.
#[derive(Debug)]
struct ReadOwner {
    requested: Mono,
    /// Time of the request that brought its size.
    sized: Option<Mono>,
    /// Reason why its size is not known.
    failed: Option<OwnerFailure>,
}

/// Reason why the size of a gang is a lower bound although its owner was read.
#[derive(Debug)]
enum OwnerFailure {
    Request(Box<Failure>),
    /// It does not say a number.
    Silent,
    /// It is another object of the same name.
    Replaced,
}

impl Queries {
    /// Adds a query unless it waits or is in flight already.
    fn request(&mut self, query: Query) {
        if !self.waiting.contains(&query) && !self.sent.iter().any(|sent| sent.query == query) {
            self.waiting.push_back(query);
        }
    }

    /// The next query to send.
    fn next(&mut self, at: Mono) -> Option<Query> {
        let query = self.waiting.pop_front()?;
        self.sent.push(SentQuery { query: query.clone(), at });
        Some(query)
    }

    fn finish(&mut self, query: &Query) {
        self.sent.retain(|sent| sent.query != *query);
    }

    fn tick(&mut self, now: Mono) {
        self.sent.retain(|sent| now.since(sent.at) < LOST);
        self.queues.tick(now);
    }
}

impl ClusterState {
    /// The next query to send; each is returned once.
    pub(in crate::model) fn next_query(&mut self, now: Now) -> Option<Query> {
        self.queries.next(now.mono)
    }

    /// Nodes that end the pods that they get, in no order.
    pub fn black_holes(&self) -> impl Iterator<Item = BlackHole<'_>> {
        self.black_holes.all()
    }

    /// Objects of queues, as they were last listed.
    #[must_use]
    pub fn queues(&self) -> &QueueStore {
        &self.queries.queues
    }

    /// The object of a queue that admits a gang; `None` if none is visible.
    #[must_use]
    pub fn queue_of_gang(&self, gang: &GangKey) -> Option<QueueWords<'_>> {
        queues::of_gang(self.queues(), gang)
    }

    /// The object of a queue that admits a pod or its gang; `None` if none is visible.
    #[must_use]
    pub fn queue_of_pod(&self, pod: &PodFacts<'_>) -> Option<QueueWords<'_>> {
        queues::of_pod(self.queues(), pod)
    }

    /// Words of an object of a queue, with their age if later lists have failed.
    #[must_use]
    pub fn queue_text(&self, words: &QueueWords<'_>, now: Now) -> String {
        match self.queues().outdated(now.mono) {
            Some(age) => format!("{} (as of {} ago)", words.text(), duration_text(age)),
            None => words.text(),
        }
    }

    /// Reason why queues are not visible, with the age of the last list if that is older: `list queues: no answer within 10 s; last
    /// listed 75s ago`.
    #[must_use]
    pub fn queues_not_visible(&self, now: Now) -> Option<String> {
        let why = self.queues().not_visible()?;
        let age = self.queues().outdated(now.mono);
        Some(why + &age.map(|age| format!("; last listed {} ago", duration_text(age))).unwrap_or_default())
    }

    /// Waiting objects of queues of which no pod exists, by namespace and name; `None` unless all watched pods are known.
    /// O(objects × gangs), so not for a frame.
    #[must_use]
    pub fn waiting_without_pods(&self) -> Option<Vec<QueueWords<'_>>> {
        self.tracks.pods.complete().then(|| queues::without_pods(self.queues(), &self.pods))
    }

    /// The same in words, as they were counted last.
    #[must_use]
    pub fn waiting_objects(&self) -> &WaitingObjects {
        &self.queries.objects
    }

    /// Counts these again if something has changed; once a second while they are shown.
    pub(in crate::model) fn count_waiting(&mut self) {
        let revision = self.queues().revision() + self.pods.revision();
        let inputs = Some(WaitingInputs { revision, pods: self.tracks.pods.complete() });
        if self.queries.counted != inputs {
            let text = |words: &QueueWords<'_>| Clean::new(&format!("{}: {}", words.entry.namespace, words.text()));
            let waits = |words: &QueueWords<'_>| words.entry.state == QueueState::Waiting;
            let objects = match self.waiting_without_pods() {
                Some(objects) => WaitingObjects::WithoutPods(objects.iter().map(text).collect()),
                None => WaitingObjects::PodsUnknown(self.queues().entries().filter(waits).count()),
            };
            (self.queries.objects, self.queries.counted) = (objects, inputs);
        }
    }

    /// Reason why the size of a gang is still a lower bound although its owner was read: `the right to get jobsets.jobset.x-k8s.io is
    /// missing`; `None` if its owner was not read, or said it.
    #[must_use]
    pub fn gang_size_failure(&self, gang: &GangKey) -> Option<String> {
        if self.gang_sizes.of(gang).is_some() {
            return None;
        }
        let failed = self.queries.owners.get(gang)?.failed.as_ref()?;
        let api = owner_api(gang.system, &gang.kind)?;
        let resource = format!("{}.{}", api.plural, api.group);
        Some(match failed {
            OwnerFailure::Request(failure) => match (failure.layer, failure.code) {
                (Layer::Rbac, _) => format!("the right to get {resource} is missing"),
                (_, Some(404)) => format!("{resource} {}: not found", gang.name),
                _ => format!("{resource} {}: {}", gang.name, failure.text),
            },
            OwnerFailure::Silent => format!("{resource} {} does not say it", gang.name),
            OwnerFailure::Replaced => format!("{resource} {} is another object now", gang.name),
        })
    }

    /// Applies an answer.
    pub(super) fn answered(&mut self, answer: QueryAnswer) {
        let QueryAnswer { query, result } = answer;
        self.queries.finish(&query);
        match (query, result) {
            (Query::FailedPods { node, .. }, Ok(QueryResult::FailedPods(pods))) => {
                self.apply_failed_pods(&node, Ok(pods));
            }
            (Query::FailedPods { node, .. }, Err(failure)) => self.apply_failed_pods(&node, Err(failure)),
            (Query::OwnerSize(owner), Ok(QueryResult::OwnerSize(size))) => self.apply_owner(&owner, &Ok(size)),
            (Query::OwnerSize(owner), Err(failure)) => self.apply_owner(&owner, &Err(failure)),
            (Query::Queues, Ok(QueryResult::Queues(listings))) => self.queries.queues.listed(Ok(listings)),
            (Query::Queues, Err(failure)) => self.queries.queues.listed(Err(failure)),
            (Query::Workload { namespace, name }, Ok(QueryResult::Workload(entry))) => {
                self.queries.queues.read(namespace, name, Ok(*entry));
            }
            (Query::Workload { namespace, name }, Err(failure)) => {
                self.queries.queues.read(namespace, name, Err(failure));
            }
            // The task answers each query with its own result.
            (_, Ok(_)) => {}
        }
    }

    /// Records the pods that the watch has removed and that lived shortly; before they leave the store.
    pub(super) fn note_short_lives(&mut self, batch: &PodBatch, now: Now) {
        if self.settings.black_hole > 0 {
            let server = self.link.now(now);
            for pod in batch.removed() {
                self.black_holes.note(&pod, self.settings.black_hole, now.mono, server);
            }
        }
    }

    /// Asks about nodes that stand out, and forgets old short lives, objects of queues and sizes of gangs that are gone.
    pub(super) fn tick_queries(&mut self, now: Now) {
        self.queries.tick(now.mono);
        self.black_holes.tick(now.mono);
        let Self { queries, pods, gang_sizes, .. } = self;
        queries.owners.retain(|gang, read| {
            let lives = pods.find_gang(gang).is_some();
            let expired = read.sized.is_some_and(|at| now.mono.since(at) > SIZE_KEPT);
            if (!lives || expired) && gang_sizes.of(gang).is_some() {
                gang_sizes.set(gang.clone(), None);
                read.sized = None;
            }
            lives
        });
        let server = self.link.now(now);
        while let Some((node, namespace)) = self.black_holes.next_question(now.mono, server) {
            let scoped = !self.tracks.pods.scope().namespaces.is_empty();
            self.queries.request(Query::FailedPods { node, namespace: scoped.then_some(namespace) });
        }
    }

    /// Requests what a screen with this gang shows: its size if that is only a lower bound, and its queue if it waits.
    pub(in crate::model) fn query_gang(&mut self, gang: &GangKey, now: Now) {
        let Some(row) = self.gang_row(gang, now) else { return };
        let read = self.queries.owners.get(gang);
        let due = match read {
            Some(read) => now.mono.since(read.requested) >= OWNER_REFRESH,
            None => matches!(row.wanted, Wanted::AtLeast(_)),
        };
        if due && owner_api(gang.system, &gang.kind).is_some() {
            let GangKey { system, namespace, kind, name, .. } = gang.clone();
            let read = self.queries.owners.entry(gang.clone());
            read.or_insert_with(|| ReadOwner { requested: now.mono, sized: None, failed: None }).requested = now.mono;
            self.queries.request(Query::OwnerSize(GangOwner { system, kind, namespace, name }));
        }
        if self.gang_waits(gang) {
            self.query_queues(now);
            let workload = self.queue_of_gang(gang).and_then(workload_of);
            self.query_workload(workload, now);
        }
    }

    /// Requests what the screen of a pod shows: the size of its gang, and its queue if it waits.
    pub(in crate::model) fn query_pod(&mut self, namespace: &str, name: &str, now: Now) {
        let Some(slot) = self.pods.find_pod(namespace, name) else { return };
        let pod = self.pods.pod(slot);
        let waits = pod.node.is_empty() && !pod.phase.is_terminal();
        if let Some(gang) = GangKey::of_pod(&pod) {
            self.query_gang(&gang, now);
        }
        if waits {
            self.query_queues(now);
            let workload = self.queue_of_pod(&self.pods.pod(slot)).and_then(workload_of);
            self.query_workload(workload, now);
        }
    }

    /// Lists the objects of queues, at most once in 30 s, and more rarely if many namespaces are watched.
    pub(crate) fn query_queues(&mut self, now: Now) {
        let paths = self.tracks.pods.scope().namespaces.len();
        if self.queries.queues.take_due(paths, now.mono) {
            self.queries.request(Query::Queues);
        }
    }

    fn query_workload(&mut self, workload: Option<WaitingWorkload>, now: Now) {
        if let Some(WaitingWorkload { namespace, name }) = workload
            && self.queries.queues.take_workload_due(&namespace, &name, now.mono)
        {
            self.queries.request(Query::Workload { namespace, name });
        }
    }

    /// Returns `true` if a member of the gang has no node.
    fn gang_waits(&self, gang: &GangKey) -> bool {
        let members = self.pods.find_gang(gang).into_iter().flat_map(|gang| self.pods.members(gang));
        members.map(|slot| self.pods.pod(slot)).any(|pod| pod.node.is_empty() && !pod.phase.is_terminal())
    }

    fn apply_failed_pods(&mut self, node: &Clean, answer: Result<FailedPods, Box<Failure>>) {
        let Self { black_holes, pods, settings, .. } = self;
        let lives_elsewhere =
            |pod: &FailedPod| pods.runs_elsewhere(&pod.namespace, &pod.owner_kind, &pod.owner_name, node);
        black_holes.answer(node, answer, settings.black_hole, lives_elsewhere);
    }

    fn apply_owner(&mut self, owner: &GangOwner, answer: &Result<OwnerSize, Box<Failure>>) {
        let GangOwner { system, kind, namespace, name } = owner;
        let Self { queries, gang_sizes, .. } = self;
        let same =
            |gang: &GangKey| (&gang.system, &gang.kind, &gang.namespace, &gang.name) == (system, kind, namespace, name);
        for (gang, read) in queries.owners.iter_mut().filter(|(gang, _)| same(gang)) {
            // Where the key is a uid it is that of the owner.
            let is_other = |size: &OwnerSize| Uid::of_uuid(&gang.key).is_some_and(|uid| uid != size.uid);
            let size = match answer {
                Err(failure) => Err(OwnerFailure::Request(failure.clone())),
                Ok(size) if is_other(size) => Err(OwnerFailure::Replaced),
                Ok(size) => size.pods.ok_or(OwnerFailure::Silent),
            };
            match size {
                Ok(size) => {
                    (read.failed, read.sized) = (None, Some(read.requested));
                    if gang_sizes.of(gang) != Some(size) {
                        gang_sizes.set(gang.clone(), Some(size));
                    }
                }
                // A size that was read stays for a while when the owner cannot be read again.
                Err(failed) => read.failed = Some(failed),
            }
        }
    }
}

/// A workload of Kueue whose conditions say why it waits.
struct WaitingWorkload {
    namespace: Clean,
    name: Clean,
}

fn workload_of(words: QueueWords<'_>) -> Option<WaitingWorkload> {
    let QueueWords { system, entry } = words;
    let waits = system == QueueSystem::Kueue && entry.state == QueueState::Waiting;
    waits.then(|| WaitingWorkload { namespace: entry.namespace.clone(), name: entry.name.clone() })
}
