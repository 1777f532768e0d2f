//! The credential plugin of a context: its credential in use, and the command for an operator to run it.

use std::sync::Arc;
use std::time::Duration;

use kube::config::ExecConfig;

use super::settings::Authorization;
use super::{ConfigOrigin, ContextTarget};
use crate::cluster::Task;
use crate::cluster::classify::{RequestError, one_line};
use crate::cluster::exec::{self, Demand, Issued, PluginEntry, PluginMode};
use crate::cluster::session::Renewal;
use crate::cluster::tuning::Tuning;
use crate::facts::text::{Clean, shell_word};

/// State of a context's plugin. Survives edits of the kubeconfig.
#[derive(Clone, Default)]
pub(super) struct Login {
    /// Shared with other contexts; `None` until the first request.
    entry: Option<Arc<PluginEntry>>,
    /// Serial number of the credential in use.
    used: u64,
    demand: Demand,
}

/// Mode and deadline of one run of a plugin.
#[derive(Clone, Copy)]
pub(super) struct PluginRun {
    pub(super) mode: PluginMode,
    pub(super) deadline: Duration,
}

impl Login {
    pub(super) fn renew(&mut self, why: Renewal) {
        match why {
            Renewal::Rejected => self.demand.after = self.used,
            Renewal::Refreshed => self.demand.by_operator = true,
        }
    }

    pub(super) fn superseded(&self) -> Task {
        let (newest, used) = (self.entry.as_ref().map(|entry| entry.newest()), self.used);
        Box::pin(async move {
            let newer = match newest {
                Some(mut newest) => newest.wait_for(|serial| *serial > used).await.is_ok(),
                None => false,
            };
            if !newer {
                std::future::pending::<()>().await;
            }
        })
    }
}

impl ContextTarget {
    /// The credential plugin that the context uses.
    pub(super) fn exec(&self) -> Option<&ExecConfig> {
        match &self.settings.as_ref()?.user.authorization {
            Authorization::Plugin(plugin) => Some(&plugin.exec),
            _ => None,
        }
    }

    /// The name of the credential plugin that the context uses.
    #[must_use]
    pub fn plugin(&self) -> Option<Clean> {
        self.exec().map(|exec| one_line(exec::name(exec)))
    }

    /// A command that shows the plugin's messages, to be pasted into a shell.
    fn kubectl(&self) -> String {
        let Some(origin) = &self.origin else { return "kubectl get nodes".to_owned() };
        // The operator pastes it into another terminal, which may be in another directory.
        let file = origin.flag().map(|flag| std::path::absolute(flag).unwrap_or_else(|_| flag.to_owned()));
        let file = file.map(|file| format!(" --kubeconfig {}", shell_word(&file.to_string_lossy())));
        format!("kubectl{} --context {} get nodes", file.unwrap_or_default(), shell_word(origin.name()))
    }

    /// A credential of the plugin, perhaps one that another context has obtained.
    pub(super) async fn issue(
        &mut self,
        plugin: &ExecConfig,
        tuning: &Tuning,
        run: PluginRun,
    ) -> Result<Issued, RequestError> {
        let plugins = self.origin.as_ref().map(ConfigOrigin::plugins).cloned().unwrap_or_default();
        let entry = plugins.entry(plugin);
        if self.login.entry.as_ref().is_none_or(|known| !Arc::ptr_eq(known, &entry)) {
            // Serial numbers of another entry mean nothing here.
            (self.login.used, self.login.demand.after) = (0, 0);
            self.login.entry = Some(entry.clone());
        }
        let got = match run.mode {
            PluginMode::Background => entry.credential(plugin, self.login.demand, tuning).await,
            PluginMode::Terminal => entry.log_in(plugin, run.deadline, tuning).await,
        };
        self.login.demand.by_operator = false;
        let issued = got.map_err(|error| error.request_error(plugin, &self.kubectl()))?;
        self.login.used = issued.serial;
        Ok(issued)
    }
}
