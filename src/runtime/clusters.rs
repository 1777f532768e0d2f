//! The tasks of all clusters on runtimes of their own.

use std::io;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot, watch};

use crate::clock::Clock;
use crate::cluster::kubeconfig::ContextTarget;
use crate::cluster::{self, ClusterCommand, TaskLink, Tuning};
use crate::facts::text::Clean;
use crate::msg::detail::WatchDetail;
use crate::msg::{ClusterId, Msg, Query};
use crate::notify::{Hook, Notifier};

/// Capacity of the channel to the model. A page is one message (about 1 MB for nodes), and a waiting message takes
/// memory of the clusters' thread: a low number, but enough to keep the model busy while the next pages are read.
const CHANNEL_MESSAGES: usize = 4;
/// Number of threads for the clusters. The tasks of one cluster share a thread, so that a connection and its reader never wait for
/// each other's thread: waking threads was a seventh of the CPU of a list. With a second thread, clusters wait less for one
/// another.
const CLUSTER_THREADS: usize = 2;

/// The tasks of all clusters on runtimes of their own. Dropping it abandons them without waiting: a stuck name resolution
/// must not keep the program from ending (F02).
pub struct Clusters {
    runtimes: Vec<Runtime>,
    commands: Vec<mpsc::Sender<ClusterCommand>>,
    details: Vec<watch::Sender<Option<WatchDetail>>>,
    pub(super) inbox: mpsc::Receiver<Msg>,
}

impl Clusters {
    /// Starts one task tree for each usable target; [`ClusterId`] is the index in `targets`.
    ///
    /// # Errors
    /// If the runtimes' threads cannot be started.
    pub fn start(
        targets: &[ContextTarget],
        tuning: impl Fn(&ContextTarget) -> Tuning,
        clock: Clock,
    ) -> io::Result<Self> {
        let runtimes = (0..targets.len().clamp(1, CLUSTER_THREADS))
            .map(|_| Builder::new_multi_thread().worker_threads(1).thread_name("clusters").enable_all().build())
            .collect::<io::Result<Vec<_>>>()?;
        let mut turns = runtimes.iter().cycle();
        let (out, inbox) = mpsc::channel(CHANNEL_MESSAGES);
        let mut commands = Vec::with_capacity(targets.len());
        let mut details = Vec::with_capacity(targets.len());
        for (id, target) in (0..).map(ClusterId).zip(targets) {
            let (command, receive) = mpsc::channel(4);
            commands.push(command);
            let (inspect, inspected) = watch::channel(None);
            details.push(inspect);
            if target.broken().is_none()
                && let Some(runtime) = turns.next()
            {
                let link = TaskLink { id, out: out.clone(), commands: receive, inspect: inspected, clock };
                runtime.spawn(cluster::run(target.clone(), tuning(target), link));
            }
        }
        Ok(Self { runtimes, commands, details, inbox })
    }

    pub(super) fn hook(&self, notifier: &Notifier) -> Option<Hook> {
        Hook::start(&notifier.on_alert, self.runtimes.first()?.handle())
    }

    pub(super) fn refresh(&self, id: ClusterId) {
        if let Some(command) = self.commands.get(usize::from(id.0)) {
            // If the queue is full, refreshes are waiting already.
            let _ = command.try_send(ClusterCommand::Refresh);
        }
    }

    pub(super) fn unfollow(&self, id: ClusterId) {
        if let Some(command) = self.commands.get(usize::from(id.0)) {
            // If the queue is full, the tasks go on, and the model drops their messages.
            let _ = command.try_send(ClusterCommand::Unfollow);
        }
    }

    /// Makes a request once.
    pub(super) fn query(&self, id: ClusterId, query: Box<Query>) {
        if let Some(command) = self.commands.get(usize::from(id.0)) {
            // If the queue is full, the query is lost, and the model makes it again later.
            let _ = command.try_send(ClusterCommand::Query(query));
        }
    }

    /// Runs the credential plugin with the terminal; the result arrives when it has ended.
    pub(super) fn log_in(&self, id: ClusterId) -> oneshot::Receiver<Result<(), Clean>> {
        let (answer, outcome) = oneshot::channel();
        if let Some(command) = self.commands.get(usize::from(id.0)) {
            // If the queue is full, the sender is dropped, which the receiver sees.
            let _ = command.try_send(ClusterCommand::LogIn(answer));
        }
        outcome
    }

    /// Watches the opened object of one cluster, and stops watching any other.
    pub(super) fn watch_detail(&self, requested: Option<(ClusterId, &WatchDetail)>) {
        for (id, detail) in (0..).map(ClusterId).zip(&self.details) {
            let requested = requested.filter(|(of, _)| *of == id).map(|(_, detail)| detail.clone());
            detail.send_if_modified(|known| {
                let changed = *known != requested;
                *known = requested;
                changed
            });
        }
    }
}

impl Drop for Clusters {
    fn drop(&mut self) {
        for runtime in self.runtimes.drain(..) {
            runtime.shutdown_background();
        }
    }
}
