//! Churn: pods end and are replaced, containers restart, kubelets report.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

use super::lock;
use super::object::SimObject;
use super::pod::{PodState, Workload};
use super::population::World;
use super::resource::SimResource;
use super::scenario::ChurnSpec;
use super::server::Server;

/// Changes are made four times a second, so that a high rate does not come in one burst.
const TICK: Duration = Duration::from_millis(250);

/// Changes that are due, with fractions.
#[derive(Debug, Default)]
struct Due {
    endings: f64,
    restarts: f64,
    heartbeats: f64,
    /// Index of the node that reports next.
    next_node: usize,
    /// Keys of new pods that start to run at the next ticks.
    starting: std::collections::VecDeque<(i64, Box<str>)>,
}

/// Runs the churn of a cluster until the server ends.
pub(super) fn spawn(server: &Arc<Server>, spec: &ChurnSpec) {
    if spec.pods_per_second <= 0.0 && spec.restarts_per_minute <= 0.0 && spec.heartbeat.is_zero() {
        return;
    }
    let (server, spec) = (Arc::clone(server), spec.clone());
    let alive = Arc::clone(&server);
    server.spawn(async move {
        let mut due = Due::default();
        let mut ticks = tokio::time::interval_at(Instant::now() + TICK, TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let now = alive.now();
            lock(&alive.world).tick(&spec, &mut due, now);
        }
    });
}

impl World {
    /// Makes the changes that are due at this tick.
    fn tick(&mut self, spec: &ChurnSpec, due: &mut Due, now: i64) {
        let seconds = TICK.as_secs_f64();
        due.endings += spec.pods_per_second * seconds;
        due.restarts += spec.restarts_per_minute / 60.0 * seconds;
        if !spec.heartbeat.is_zero() {
            // A cluster has far fewer nodes than a float has digits.
            #[expect(clippy::cast_precision_loss, reason = "a node count is far below 2^52")]
            let nodes = self.budgets.len() as f64;
            due.heartbeats += nodes / spec.heartbeat.as_secs_f64() * seconds;
        }
        while due.endings >= 1.0 {
            due.endings -= 1.0;
            if let Some(started) = self.replace_one(now) {
                due.starting.push_back((now + 3, started));
            }
        }
        while due.restarts >= 1.0 {
            due.restarts -= 1.0;
            self.restart_one(now);
        }
        while due.heartbeats >= 1.0 {
            due.heartbeats -= 1.0;
            self.heartbeat(due.next_node, now);
            due.next_node += 1;
        }
        while due.starting.front().is_some_and(|(at, _)| *at <= now) {
            let Some((_, key)) = due.starting.pop_front() else { break };
            self.edit_pod(&key, now, |pod| {
                if pod.state == PodState::Creating {
                    pod.state = PodState::Running;
                    pod.started = now;
                }
            });
        }
    }

    /// Ends a pod and creates another of the same workload, so that the number of counted pods stays the same.
    fn replace_one(&mut self, now: i64) -> Option<Box<str>> {
        if self.churning.is_empty() {
            return None;
        }
        let index = self.seeds.rng.usize(..self.churning.len());
        let key = self.churning[index].clone();
        let object = self.store.get(SimResource::Pods, &key);
        let Some(SimObject::Pod(old)) = object.as_deref() else {
            self.churning.swap_remove(index);
            return None;
        };
        if !old.counts() || old.state != PodState::Running {
            return None;
        }
        let host = old.host.clone();
        // New pods take their creation time from the population's clock, so it follows the churn.
        self.seeds.now = now;
        let mut new = self.pod(&old.shape, None, old.ordinal, 0);
        (new.started, new.updated) = (now, now);
        let new_key = new.meta.key.clone();
        self.store.put(SimObject::Pod(new.clone()));
        if old.shape.workload == Workload::Job {
            let failed = self.seeds.rng.u32(0..100) < 8;
            self.edit_pod(&key, now, |pod| {
                pod.state = if failed { PodState::Failed } else { PodState::Succeeded };
                pod.finished = now;
            });
            self.finished.push_back(key);
            self.delete_oldest_finished();
        } else {
            self.store.remove(SimResource::Pods, &key);
        }
        new.host = host;
        new.state = PodState::Creating;
        self.store.put(SimObject::Pod(new));
        self.churning[index].clone_from(&new_key);
        Some(new_key)
    }

    /// Deletes the oldest finished pod for each new one, as a Job's `ttlSecondsAfterFinished` does.
    fn delete_oldest_finished(&mut self) {
        if let Some(oldest) = self.finished.pop_front() {
            self.store.remove(SimResource::Pods, &oldest);
        }
    }

    fn restart_one(&mut self, now: i64) {
        if self.churning.is_empty() {
            return;
        }
        let key = self.churning[self.seeds.rng.usize(..self.churning.len())].clone();
        if matches!(self.store.get(SimResource::Pods, &key).as_deref(), Some(SimObject::Pod(pod)) if pod.state == PodState::Running)
        {
            self.restart_pod(&key, now);
        }
    }

    fn heartbeat(&mut self, index: usize, now: i64) {
        if self.budgets.is_empty() {
            return;
        }
        let name = Arc::clone(&self.budgets[index % self.budgets.len()].host.name);
        let silent = matches!(self.store.get(SimResource::Nodes, &name).as_deref(),
            Some(SimObject::Node(node)) if node.ready().is_some_and(|c| c.status == "Unknown"));
        if !silent {
            self.edit_node(&name, now, |_| {});
        }
    }
}
