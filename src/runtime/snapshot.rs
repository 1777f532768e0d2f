//! One-shot output: the clusters are read once.

use std::mem;
use std::time::Duration;

use color_eyre::eyre;
use tokio::runtime::Builder;
use tokio::time::{Instant, interval, sleep_until};

use super::Watched;
use super::inbox::BATCH_MESSAGES;
use crate::clock::Clock;
use crate::model::cluster::ClusterState;
use crate::msg::{Effect, Msg};
use crate::report::{self, Snapshot};

/// Time to wait for optional APIs once nodes and pods are complete.
const OPTIONAL_PATIENCE: Duration = Duration::from_secs(3);

/// Reads the clusters once: until nodes and pods of all are complete, or refused, or the deadline passes.
///
/// # Errors
/// If the cluster tasks cannot be started.
pub fn snapshot(watched: &Watched<'_>, deadline: Duration) -> eyre::Result<Snapshot> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let clock = Clock::start();
        let (mut clusters, mut model) = (watched.start(clock)?, watched.model());
        let end = Instant::now() + deadline;
        let mut inbox = Vec::with_capacity(BATCH_MESSAGES);
        let mut patience = None;
        let mut second = interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                biased;
                () = sleep_until(end.min(patience.unwrap_or(end))) => break,
                received = clusters.inbox.recv_many(&mut inbox, BATCH_MESSAGES) => {
                    for msg in inbox.drain(..) {
                        match model.update(msg, clock.now()) {
                            Some(Effect::Unfollow(id)) => clusters.unfollow(id),
                            Some(Effect::Query(id, query)) => clusters.query(id, query),
                            _ => {}
                        }
                    }
                    if received == 0 { break }
                }
                _ = second.tick() => drop(model.update(Msg::Tick, clock.now())),
            }
            // Optional APIs get a little time, and never make the output incomplete.
            if model.clusters().iter().all(ClusterState::settled) {
                let patience = *patience.get_or_insert(Instant::now() + OPTIONAL_PATIENCE);
                let whole = model.clusters().iter().all(ClusterState::optional_settled);
                if whole || Instant::now() >= patience {
                    break;
                }
            }
        }
        let now = clock.now();
        while model.is_behind() {
            model.update(Msg::CatchUp, now);
        }
        model.update(Msg::Frame, now);
        let snapshot = report::snapshot(&model, now);
        // Dropping millions of pods would take seconds, and the output is complete.
        mem::forget((model, clusters));
        Ok(snapshot)
    })
}
