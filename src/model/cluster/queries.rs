//! Queries of one cluster: single requests on demand, and what their answers change.

use std::collections::VecDeque;
use std::time::Duration;

use super::ClusterState;
use crate::facts::pod::{FailedPod, PodBatch};
use crate::facts::text::Clean;
use crate::model::derive::black_holes::BlackHole;
use crate::msg::{Failure, Mono, Now, Query, QueryAnswer, QueryResult};

/// 3 min: a query without an answer counts as lost, for instance because its task was restarted. Every request of it has a deadline
/// below that.
const LOST: Duration = Duration::from_secs(180);

/// Queries that wait or are in flight, each once.
#[derive(Debug, Default)]
pub(super) struct Queries {
    waiting: VecDeque<Query>,
    sent: Vec<SentQuery>,
}

#[derive(Debug)]
struct SentQuery {
    query: Query,
    at: Mono,
}

impl Queries {
    /// Adds a query unless it waits or is in flight already.
    pub(super) fn request(&mut self, query: Query) {
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

    /// Applies an answer.
    pub(super) fn answered(&mut self, answer: QueryAnswer) {
        let QueryAnswer { query, result } = answer;
        self.queries.finish(&query);
        match query {
            Query::FailedPods { node, .. } => {
                let pods = result.map(|QueryResult::FailedPods(pods)| pods);
                self.apply_failed_pods(&node, pods);
            }
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

    /// Asks about nodes that stand out, and forgets old short lives.
    pub(super) fn tick_queries(&mut self, now: Now) {
        self.queries.tick(now.mono);
        self.black_holes.tick(now.mono);
        let server = self.link.now(now);
        while let Some((node, namespace)) = self.black_holes.next_question(now.mono, server) {
            let scoped = !self.tracks.pods.scope().namespaces.is_empty();
            self.queries.request(Query::FailedPods { node, namespace: scoped.then_some(namespace) });
        }
    }

    fn apply_failed_pods(&mut self, node: &Clean, answer: Result<Vec<FailedPod>, Box<Failure>>) {
        let Self { black_holes, pods, settings, .. } = self;
        let lives_elsewhere =
            |pod: &FailedPod| pods.runs_elsewhere(&pod.namespace, &pod.owner_kind, &pod.owner_name, node);
        black_holes.answer(node, answer, settings.black_hole, lives_elsewhere);
    }
}
