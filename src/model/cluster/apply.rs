//! Events of one cluster, applied to its stores.

use super::ClusterState;
use crate::facts::text::Clean;
use crate::model::cluster::views::HeapBytes;
use crate::model::settings::Settings;
use crate::model::store::budget;
use crate::model::store::nodes::NodeOutcome;
use crate::model::store::pods::{ListMark, PodOrigin};
use crate::msg::detail::DetailUpdate;
use crate::msg::{Batch, CallEvent, ClusterEvent, Failure, Layer, NodeChange, Now, ProbeSample, Resource, SyncState};

impl ClusterState {
    /// Applies an event of this cluster.
    pub(crate) fn apply(&mut self, event: ClusterEvent, now: Now) {
        self.alerts.touch();
        self.link.begun(now);
        if self.budget.exceeded().is_some() && budget::is_followed(&event) {
            return;
        }
        let bytes = budget::incoming(&event);
        match event {
            ClusterEvent::Namespaced { index, event } => self.apply_event(*event, usize::from(index), now),
            event => self.apply_event(event, 0, now),
        }
        if bytes > 0 {
            self.enforce_budget(bytes, now);
        }
    }

    /// Counts these bytes against the budget; when it is exceeded, lists and watches end.
    fn enforce_budget(&mut self, bytes: u64, now: Now) {
        let Settings { most_objects, most_bytes, .. } = self.settings;
        let objects = self.nodes.len() + self.pods.totals().held as usize + self.optional.len();
        let count = self.budget.spend(bytes, most_bytes);
        let text = if objects as u64 > most_objects {
            format!("more than {most_objects} objects")
        } else if count && self.held_bytes() > most_bytes {
            format!("more than {} MiB of objects", most_bytes >> 20)
        } else {
            return;
        };
        self.budget.exceed(&text);
        let text = Clean::new(&format!("{text}: no longer followed; the limits are `max-objects` and `max-mib`"));
        let failure = Failure::new(now.wall, Layer::Internal, Clean::new("list and watch"), text);
        self.optional.exceed(&failure);
        self.link.failed(failure.clone(), now.mono);
        self.tracks.exceed(failure);
    }

    fn held_bytes(&self) -> u64 {
        let HeapBytes { nodes, pods } = self.heap_bytes();
        (nodes + pods + self.optional.heap_bytes()) as u64
    }

    /// Applies an event. `part` is the index of the namespace that an event of a list belongs to, 0 without namespaces.
    fn apply_event(&mut self, event: ClusterEvent, part: usize, now: Now) {
        match event {
            // Namespaced events are never nested.
            ClusterEvent::Namespaced { .. } => {}
            ClusterEvent::Server { url, insecure } => {
                self.link.server = Some(url);
                self.link.insecure = insecure;
            }
            ClusterEvent::Version(version) => self.link.version = Some(version),
            ClusterEvent::ListStarted { resource, generation } if resource.is_optional() => {
                self.optional.begin(resource, generation);
            }
            ClusterEvent::ListStarted { resource, generation } => {
                self.list_started(resource, ListMark { part, generation });
            }
            ClusterEvent::Page { resource, head, batch } => {
                self.link.answered(now);
                if resource.is_optional() {
                    return self.optional.page(head, batch, now);
                }
                if self.tracks.get_mut(resource, part).is_some_and(|track| track.page(head, batch.len(), now)) {
                    self.page(batch, ListMark { part, generation: head.generation }, now);
                }
            }
            ClusterEvent::ListFinished { resource, generation } if resource.is_optional() => {
                self.optional.finish(resource, generation, now);
            }
            ClusterEvent::ListFinished { resource, generation } => {
                self.list_finished(resource, ListMark { part, generation }, now);
            }
            ClusterEvent::Changes { resource, generation, unreadable, batch } => {
                self.link.answered(now);
                if resource.is_optional() {
                    return self.optional.changes(generation, unreadable, batch, now);
                }
                if let Some(track) = self.tracks.get_mut(resource, part) {
                    track.changed(batch.len(), unreadable, now);
                    self.changes(batch, ListMark { part, generation }, now);
                }
            }
            ClusterEvent::Sync { resource, state } => self.sync(resource, part, state),
            ClusterEvent::Alive { resource, bytes } => {
                self.note_alive(resource, part, now);
                self.latency.watched(bytes, now.mono);
            }
            ClusterEvent::Usage(news) => self.usage.apply(news),
            ClusterEvent::Call(call) => self.call(call, now),
            ClusterEvent::Limits(limits) => self.link.limited(limits),
            ClusterEvent::Probe(sample) => self.probe(&sample, now),
            ClusterEvent::Found(update) => self.apply_detail(*update, now),
            ClusterEvent::Answered(answer) => self.answered(*answer),
            ClusterEvent::Failed(failure) => self.link.failed(*failure, now.mono),
            ClusterEvent::Unusable => self.link.unusable = true,
            ClusterEvent::Skew { ours_minus_server_ms } => self.link.skew_ms = Some(ours_minus_server_ms),
            ClusterEvent::TaskRestarted { text } => self.link.restarted(text, now),
        }
    }

    /// Records the state of a list.
    fn sync(&mut self, resource: Resource, part: usize, state: SyncState) {
        if resource.is_optional() {
            self.optional.set_state(resource, state);
        } else if let Some(track) = self.tracks.get_mut(resource, part) {
            track.set_state(state);
        }
    }

    /// Records that the watch of a list has received something.
    fn note_alive(&mut self, resource: Resource, part: usize, now: Now) {
        self.link.answered(now);
        if resource.is_optional() {
            self.optional.note_alive(resource, now);
        } else if let Some(track) = self.tracks.get_mut(resource, part) {
            track.note_alive(now);
        }
    }

    /// Applies a scheduled probe. If it ran while the program was stopped, only its answer counts: its latency, or a passed
    /// deadline, proves nothing about the server.
    fn probe(&mut self, sample: &ProbeSample, now: Now) {
        self.link.probe(sample, now);
        if self.link.resumed.is_none_or(|resumed| sample.tick >= resumed) {
            self.latency.probe(sample);
        }
    }

    /// Applies the start, the progress or the end of a request.
    fn call(&mut self, call: CallEvent, now: Now) {
        self.link.call(&call, now);
        let call = self.link.unless_stopped(call);
        if !self.server_health().is_silent(now) {
            self.alerts.apply_call(&call, &self.settings);
        }
        self.latency.call(&call, now.mono);
    }

    /// Applies an update of the object that is shown in detail.
    fn apply_detail(&mut self, update: DetailUpdate, now: Now) {
        let link = self.link_now(now);
        if let Some(detail) = self.detail.as_mut().filter(|known| *known.subject() == update.subject) {
            detail.take(update.news, &link, now);
            self.arrange_events(now);
        }
    }

    fn list_started(&mut self, resource: Resource, list: ListMark) {
        if self.tracks.get_mut(resource, list.part).is_some_and(|track| track.started(list.generation)) {
            if resource == Resource::Nodes {
                self.nodes.begin(list.generation);
            } else {
                self.pods.begin(list);
            }
        }
    }

    fn list_finished(&mut self, resource: Resource, list: ListMark, now: Now) {
        if !self.tracks.get_mut(resource, list.part).is_some_and(|track| track.finished(list.generation, now)) {
            return;
        }
        if resource == Resource::Nodes {
            for uid in self.nodes.finish() {
                self.history.gone(uid, now);
            }
        } else {
            self.pods.finish(list);
        }
    }

    fn page(&mut self, batch: Batch, list: ListMark, now: Now) {
        match batch {
            Batch::Nodes(changes) => {
                for change in changes {
                    if let NodeChange::Present(mut node) = change {
                        if let Some(name) = self.usage.name(&node.name) {
                            node.name = name.clone();
                        }
                        let outcome = self.nodes.page(&node, now.mono);
                        self.note(&outcome, now);
                    }
                }
            }
            Batch::Pods(batch) => self.pods.apply(&batch, list, PodOrigin::Page),
            _ => {}
        }
    }

    fn changes(&mut self, batch: Batch, list: ListMark, now: Now) {
        match batch {
            Batch::Nodes(changes) => {
                for change in changes {
                    let outcome = self.nodes.change(change, list.generation, now.mono);
                    self.note(&outcome, now);
                }
            }
            Batch::Pods(batch) => {
                self.note_short_lives(&batch, now);
                self.pods.apply(&batch, list, PodOrigin::Watch);
            }
            _ => {}
        }
    }

    /// Updates the history of readiness, which outlives the store's objects.
    fn note(&mut self, outcome: &NodeOutcome, now: Now) {
        match outcome {
            NodeOutcome::Ignored => {}
            NodeOutcome::Stored { key, replaced } => {
                if let Some(uid) = replaced {
                    self.history.gone(*uid, now);
                }
                if let Some(node) = self.nodes.get(*key) {
                    self.history.record(&node.facts, now);
                }
            }
            NodeOutcome::Removed(uid) => self.history.gone(*uid, now),
        }
    }
}
