//! One-shot output: the clusters are read once.

use std::mem;
use std::time::Duration;

use color_eyre::eyre;
use tokio::runtime::Builder;
use tokio::time::{Instant, interval, sleep_until};

use super::inbox::BATCH_MESSAGES;
use super::{Clusters, Watched};
use crate::clock::Clock;
use crate::model::app::Model;
use crate::model::cluster::ClusterState;
use crate::msg::{Effect, Failure, Layer, Msg, Now};
use crate::report::{self, ClusterReport, Snapshot};

/// Time to wait for optional APIs once nodes and pods are complete.
const OPTIONAL_PATIENCE: Duration = Duration::from_secs(3);

/// Time to wait for a cluster whose every attempt has failed without an answer.
const FAILED_PATIENCE: Duration = Duration::from_secs(2);
/// Number of attempts of one request that have to fail so.
const REFUSED_ATTEMPTS: u32 = 2;
/// Time to wait for a cluster that has not answered at all while the others are done.
const SILENT_PATIENCE: Duration = Duration::from_secs(10);

/// Reads the clusters once: until nodes and pods of all are complete, or refused, or the deadline passes. A cluster that has
/// answered nothing at all does not keep those that have for long.
///
/// # Errors
/// If the cluster tasks cannot be started.
pub fn snapshot(watched: &Watched<'_>, deadline: Duration) -> eyre::Result<Snapshot> {
    let mut reports = Vec::new();
    read(watched, deadline, |at, report| {
        reports.push((at, report));
        Ok(())
    })?;
    reports.sort_unstable_by_key(|(at, _)| *at);
    let clusters = reports.into_iter().map(|(_, report)| report).collect();
    Ok(Snapshot::of(clusters, crate::clock::wall()))
}

/// Like [`snapshot`], but passes on each cluster as soon as it is read. Returns `true` if all of them are complete.
///
/// # Errors
/// If the cluster tasks cannot be started, or `put` fails.
pub fn snapshot_each(
    watched: &Watched<'_>,
    deadline: Duration,
    mut put: impl FnMut(&Snapshot) -> eyre::Result<()>,
) -> eyre::Result<bool> {
    let mut complete = true;
    read(watched, deadline, |_, report| {
        let snapshot = Snapshot::of(vec![report], crate::clock::wall());
        complete &= snapshot.complete();
        put(&snapshot)
    })?;
    Ok(complete)
}

/// Passes on the report of each cluster, with its index, as soon as waiting brings nothing more.
fn read(
    watched: &Watched<'_>,
    deadline: Duration,
    mut put: impl FnMut(usize, ClusterReport) -> eyre::Result<()>,
) -> eyre::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let clock = Clock::start();
        let (mut clusters, mut model) = (watched.start(clock)?, watched.model());
        let end = Instant::now() + deadline;
        let mut inbox = Vec::with_capacity(BATCH_MESSAGES);
        let mut progress = vec![ReadProgress::Reading; model.clusters().len()];
        let (mut second, mut is_open) = (interval(Duration::from_secs(1)), true);
        while is_open && Instant::now() < end && progress.iter().any(|progress| *progress != ReadProgress::Done) {
            let optional_end = progress.iter().filter_map(ReadProgress::optional_end).min();
            tokio::select! {
                biased;
                () = sleep_until(optional_end.unwrap_or(end).min(end)) => {}
                received = clusters.inbox.recv_many(&mut inbox, BATCH_MESSAGES) => {
                    for msg in inbox.drain(..) {
                        perform(model.update(msg, clock.now()), &clusters);
                    }
                    is_open = received > 0;
                }
                _ = second.tick() => perform(model.update(Msg::Tick, clock.now()), &clusters),
            }
            let queries = model.query_queues(clock.now()).into_iter().filter(|effect| is_wanted(effect, &progress));
            queries.for_each(|effect| perform(Some(effect), &clusters));
            advance(&mut progress, model.clusters(), clock.now());
            pass_on(&mut progress, &mut model, clock.now(), &mut put)?;
        }
        // What is known by now.
        let left = progress.iter_mut().filter(|progress| **progress != ReadProgress::Done);
        left.for_each(|progress| *progress = ReadProgress::Read);
        pass_on(&mut progress, &mut model, clock.now(), &mut put)?;
        // Dropping millions of pods would take seconds, and the output is complete.
        mem::forget((model, clusters));
        Ok(())
    })
}

/// State of one cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReadProgress {
    /// Nodes and pods are being read.
    Reading,
    /// They are read; optional APIs get a little time until then, and never make the output incomplete.
    Optional(Instant),
    /// Waiting brings nothing more.
    Read,
    /// The report was passed on.
    Done,
}

impl ReadProgress {
    fn optional_end(&self) -> Option<Instant> {
        match self {
            Self::Optional(end) => Some(*end),
            _ => None,
        }
    }
}

/// Returns `false` for an effect of a cluster whose report was passed on already.
fn is_wanted(effect: &Effect, progress: &[ReadProgress]) -> bool {
    match effect {
        Effect::Query(id, _) => progress.get(usize::from(id.0)) != Some(&ReadProgress::Done),
        _ => true,
    }
}

/// Advances the clusters for which waiting brings nothing more.
fn advance(progress: &mut [ReadProgress], clusters: &[ClusterState], now: Now) {
    let is_read = |cluster: &ClusterState| cluster.settled() || is_refused(cluster, now);
    let unheard = |cluster: &ClusterState| cluster.link().unheard(now);
    // Those that answer nothing at all wait for the others, and then not for long. Without others they wait for the deadline.
    let others_are_read = clusters.iter().any(ClusterState::settled)
        && clusters.iter().all(|cluster| is_read(cluster) || unheard(cluster).is_some());
    for (progress, cluster) in progress.iter_mut().zip(clusters) {
        let is_silent = || unheard(cluster).is_some_and(|span| span >= SILENT_PATIENCE);
        *progress = match *progress {
            ReadProgress::Reading if cluster.settled() => ReadProgress::Optional(Instant::now() + OPTIONAL_PATIENCE),
            ReadProgress::Reading if is_refused(cluster, now) => ReadProgress::Read,
            ReadProgress::Reading if others_are_read && is_silent() => ReadProgress::Read,
            before => before,
        };
        let is_over = |end| cluster.optional_settled() || Instant::now() >= end;
        if progress.optional_end().is_some_and(is_over) {
            *progress = ReadProgress::Read;
        }
    }
}

/// Returns `true` if every attempt to reach a cluster has failed at once for a while, retries too; one that ran into its deadline
/// may be a slow server.
fn is_refused(cluster: &ClusterState, now: Now) -> bool {
    let fails_at_once =
        |layer| matches!(layer, Layer::Credentials | Layer::Dns | Layer::Proxy | Layer::Connect | Layer::Tls);
    let is_final = |failure: &Failure| fails_at_once(failure.layer) && !failure.timeout;
    let was_retried = cluster.link().failures().any(|failure| failure.attempt >= REFUSED_ATTEMPTS);
    was_retried
        && cluster.link().failures().all(is_final)
        && cluster.link().unheard(now).is_some_and(|span| span >= FAILED_PATIENCE)
}

/// Passes on the reports of the clusters that are read.
fn pass_on(
    progress: &mut [ReadProgress],
    model: &mut Model,
    now: Now,
    put: &mut impl FnMut(usize, ClusterReport) -> eyre::Result<()>,
) -> eyre::Result<()> {
    if progress.contains(&ReadProgress::Read) {
        while model.is_behind() {
            model.update(Msg::CatchUp, now);
        }
        model.update(Msg::Frame, now);
    }
    for (at, progress) in progress.iter_mut().enumerate().filter(|(_, progress)| **progress == ReadProgress::Read) {
        *progress = ReadProgress::Done;
        if let Some(cluster) = model.clusters().get(at) {
            put(at, report::cluster(cluster, now))?;
        }
    }
    Ok(())
}

/// Performs the effects that a one-shot output has.
fn perform(effect: Option<Effect>, clusters: &Clusters) {
    match effect {
        Some(Effect::Unfollow(id)) => clusters.unfollow(id),
        Some(Effect::Query(id, query)) => clusters.query(id, query),
        _ => {}
    }
}
