//! A node that is Ready and rejects each pod that it gets: the pod fails at once, its owner replaces it, and the scheduler binds the
//! new one to the same node, which is now the emptiest (kubernetes/kubernetes#106419).

use std::sync::Arc;

use super::World;
use crate::sim::object::SimObject;
use crate::sim::pod::PodState;
use crate::sim::resource::SimResource;

/// Pods that a black hole has got.
#[derive(Debug, Default)]
pub(super) struct BlackHolePods {
    /// Key of the pod that it rejects next.
    current: Option<Box<str>>,
    /// Keys of those that it has rejected.
    rejected: Vec<Box<str>>,
}

impl World {
    /// Rejects the last pod, and binds its replacement to the same node. The workloads take turns; without any, the pods have no
    /// owner.
    pub(in crate::sim) fn feed_black_hole(&mut self, node: &str, workloads: &[String], now: i64) {
        if let Some(key) = self.black_hole.current.take() {
            self.edit_pod(&key, now, |pod| {
                pod.state = PodState::Rejected;
                pod.finished = now;
            });
            self.black_hole.rejected.push(key);
        }
        let shapes = self.shapes_of(workloads);
        let turn = self.black_hole.rejected.len() % shapes.len().max(1);
        let shape = Arc::clone(shapes.get(turn).unwrap_or(&self.bare));
        // New pods take their creation time from the population's clock.
        self.seeds.now = now;
        let mut pod = self.pod(&shape, None, 0, 0);
        (pod.started, pod.updated) = (now, now);
        let key = pod.meta.key.clone();
        self.store.put(SimObject::Pod(pod.clone()));
        pod.host = Some(self.host(node));
        pod.state = PodState::Creating;
        self.store.put(SimObject::Pod(pod));
        self.black_hole.current = Some(key);
    }

    /// Deletes the pods that the black hole has got, as if their owners had been scaled down.
    pub(in crate::sim) fn end_black_hole(&mut self) {
        let BlackHolePods { current, rejected } = std::mem::take(&mut self.black_hole);
        for key in rejected.into_iter().chain(current) {
            self.store.remove(SimResource::Pods, &key);
        }
    }
}
