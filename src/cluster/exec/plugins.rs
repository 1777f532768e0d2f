//! Credentials of plugins, shared: contexts whose user entries run the same command get the credential of one run, as
//! client-go caches one (`exec.go`, `cacheKey`), and only a few plugins run at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use kube::config::ExecConfig;
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use super::{Credential, PluginError, PluginMode, renewal, run};
use crate::clock::wall;
use crate::cluster::deadline::Backoff;
use crate::cluster::tuning::Tuning;

/// Most plugins that run at once, over all clusters: each may start an interpreter of a hundred megabytes, or open a
/// browser.
const AT_ONCE: usize = 4;
/// Lifetime of credentials that had expired when they came: a clock is wrong, and another run would not
/// help.
pub(crate) const WRONG_CLOCK: Duration = Duration::from_secs(30);

/// Plugins of all contexts of a kubeconfig. A clone shares them.
#[derive(Clone)]
pub(crate) struct Plugins {
    entries: Arc<Mutex<HashMap<String, Arc<PluginEntry>>>>,
    turns: Arc<Semaphore>,
}

/// One command with its arguments and environment, and its result.
pub(crate) struct PluginEntry {
    /// Locked by the run in progress.
    cache: tokio::sync::Mutex<Cache>,
    /// Serial number of the latest credential, for all contexts that use it.
    newest: watch::Sender<u64>,
    /// Number of operators who are logging in: background runs yield to them.
    operators: watch::Sender<usize>,
    /// Permits of background runs, over all entries.
    turns: Arc<Semaphore>,
}

#[derive(Default)]
struct Cache {
    issued: Option<Issued>,
    failed: Option<FailedRun>,
    backoff: Option<Backoff>,
}

struct FailedRun {
    error: PluginError,
    ended: Instant,
    /// The result is reused until then.
    until: Instant,
}

/// A credential and its serial number among those of its plugin.
#[derive(Clone)]
pub(crate) struct Issued {
    /// The credential.
    pub(crate) credential: Credential,
    /// Grows with each run.
    pub(crate) serial: u64,
    /// Time of issue.
    pub(crate) at: Timestamp,
}

impl Issued {
    fn is_fresh(&self, now: Timestamp, early: Duration) -> bool {
        let Some(expires) = self.credential.expires() else { return true };
        let wrong_clock = || self.at.saturating_add(WRONG_CLOCK).unwrap_or(now);
        now < renewal(self.at, expires, early).unwrap_or_else(wrong_clock)
    }
}

/// Requirements on a credential.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Demand {
    /// The server has rejected this serial and those before it.
    pub(crate) after: u64,
    /// `true` if an operator requests it, who may have repaired the cause of a failure.
    pub(crate) by_operator: bool,
}

impl Plugins {
    /// Returns the entry of this command, shared by all contexts with the same configuration.
    pub(crate) fn entry(&self, exec: &ExecConfig) -> Arc<PluginEntry> {
        let cluster = exec.cluster.as_ref().filter(|_| exec.provide_cluster_info);
        let variables = exec.env.iter().flatten().map(|variable| (variable.get("name"), variable.get("value")));
        let variables: Vec<_> = variables.collect();
        let reported = serde_json::json!([&exec.command, &exec.args, variables, &exec.api_version, cluster]);
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.entry(reported.to_string()).or_insert_with(|| Arc::new(PluginEntry::new(self.turns.clone()))).clone()
    }
}

impl Default for Plugins {
    fn default() -> Self {
        Self { entries: Arc::default(), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl PluginEntry {
    fn new(turns: Arc<Semaphore>) -> Self {
        let (newest, operators) = (watch::channel(0).0, watch::channel(0).0);
        Self { cache: tokio::sync::Mutex::default(), newest, operators, turns }
    }

    /// The number of the newest credential, as it changes.
    pub(crate) fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// Returns a credential without a terminal: the cached one, that of the run in progress, or that of a new run.
    ///
    /// # Errors
    /// The reason why the plugin gave none; while it fails the backoff limits its runs, however many contexts request
    /// one.
    pub(crate) async fn credential(
        &self,
        exec: &ExecConfig,
        demand: Demand,
        tuning: &Tuning,
    ) -> Result<Issued, PluginError> {
        let requested_at = Instant::now();
        loop {
            let mut operators = self.operators.subscribe();
            // The sender lives as long as the entry.
            let _ = operators.wait_for(|count| *count == 0).await;
            let mut cache = self.cache.lock().await;
            if let Some(issued) = &cache.issued
                && issued.serial > demand.after
                && issued.is_fresh(wall(), tuning.exec_early)
            {
                return Ok(issued.clone());
            }
            if let Some(failed) = &cache.failed
                && (failed.ended >= requested_at || (!demand.by_operator && Instant::now() < failed.until))
            {
                return Err(failed.error.clone());
            }
            let outcome = tokio::select! {
                biased;
                _ = operators.wait_for(|count| *count > 0) => continue,
                outcome = async {
                    // Never closed.
                    let _turn = self.turns.acquire().await;
                    run(exec, PluginMode::Background, tuning.exec_deadline).await
                } => outcome,
            };
            return self.keep(&mut cache, outcome, tuning);
        }
    }

    /// Returns the credential of a run with the terminal. A background run yields to it.
    ///
    /// # Errors
    /// The reason why the plugin gave none.
    pub(crate) async fn log_in(
        &self,
        exec: &ExecConfig,
        deadline: Duration,
        tuning: &Tuning,
    ) -> Result<Issued, PluginError> {
        let _operator = Operator::arrive(&self.operators);
        let outcome = run(exec, PluginMode::Terminal, deadline).await;
        let mut cache = self.cache.lock().await;
        self.keep(&mut cache, outcome, tuning)
    }

    fn keep(
        &self,
        cache: &mut Cache,
        outcome: Result<Credential, PluginError>,
        tuning: &Tuning,
    ) -> Result<Issued, PluginError> {
        match outcome {
            Ok(credential) => {
                let serial = *self.newest.borrow() + 1;
                let issued = Issued { credential, serial, at: wall() };
                *cache = Cache { issued: Some(issued.clone()), ..Cache::default() };
                self.newest.send_replace(serial);
                Ok(issued)
            }
            Err(error) => {
                let ended = Instant::now();
                let wait = cache.backoff.get_or_insert_with(|| Backoff::new(tuning)).next(0.0);
                cache.failed = Some(FailedRun { error: error.clone(), ended, until: ended + wait });
                Err(error)
            }
        }
    }
}

/// An operator who logs in, until it is dropped.
struct Operator<'a>(&'a watch::Sender<usize>);

impl<'a> Operator<'a> {
    fn arrive(operators: &'a watch::Sender<usize>) -> Self {
        operators.send_modify(|count| *count += 1);
        Self(operators)
    }
}

impl Drop for Operator<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests;
