//! Owns the terminal and the model, runs the loop, and performs effects.
//!
//! The loop runs on the main thread. Clusters, decoding and probes run on runtimes of their own, so that neither side can starve
//! the other; one bounded channel connects them.

mod app;
mod clusters;
mod inbox;
mod signals;
mod snapshot;

use std::io;
use std::mem;
use std::sync::mpsc::sync_channel;
use std::thread;

use color_eyre::eyre::{self, WrapErr};
use tokio::runtime::Builder;

use crate::action::Action;
use crate::clock::Clock;
use crate::cluster::Tuning;
use crate::cluster::kubeconfig::ContextTarget;
use crate::facts::text::Clean;
use crate::keymap::KeyMap;
use crate::model::app::Model;
use crate::model::settings::{ClusterSpec, Conventions, Settings};
use crate::model::store::scope::Scope;
use crate::notify::Notifier;
use crate::term::{self, TerminalGuard};
use crate::theme::Theme;
use crate::ui::ViewState;

use app::{App, Pace};
pub use clusters::Clusters;
pub use snapshot::{snapshot, snapshot_each};

/// Clusters to watch, with their settings.
pub struct Watched<'a> {
    /// The clusters; [`ClusterId`](crate::msg::ClusterId) is the index.
    pub targets: Vec<ContextTarget>,
    /// Thresholds of each cluster.
    pub settings: Box<dyn Fn(&ContextTarget) -> Settings + 'a>,
    /// Conventions by which nodes are read.
    pub conventions: Conventions,
    /// Deadlines and periods of each cluster's tasks.
    pub tuning: Box<dyn Fn(&ContextTarget) -> Tuning + 'a>,
}

impl Watched<'_> {
    fn start(&self, clock: Clock) -> io::Result<Clusters> {
        Clusters::start(&self.targets, &self.tuning, clock)
    }

    fn model(&self) -> Model {
        let cluster = |target: &ContextTarget| {
            let spec = ClusterSpec { context: target.context().clone(), broken: target.broken().cloned() };
            (spec, (self.settings)(target))
        };
        let scope = |target: &ContextTarget| Scope {
            namespaces: (self.tuning)(target).namespaces,
            example: target.namespace().cloned(),
        };
        Model::with_own_settings(self.targets.iter().map(cluster).collect())
            .with_scopes(self.targets.iter().map(scope))
            .with_plugins(self.targets.iter().map(ContextTarget::plugin))
            .with_conventions(self.conventions.clone())
    }
}

/// The dashboard and its setup.
pub struct Dashboard<'a> {
    /// The clusters to watch.
    pub watched: Watched<'a>,
    /// Keys.
    pub keymap: KeyMap,
    /// Colours and glyphs.
    pub theme: Theme,
    /// Bell, notifications and the command for new alerts.
    pub notifier: Notifier,
    /// Faults in the configuration.
    pub warnings: Vec<Clean>,
}

impl Dashboard<'_> {
    /// Runs until the operator leaves.
    ///
    /// # Errors
    /// If the terminal cannot be set up, or is gone.
    pub fn run(self) -> eyre::Result<()> {
        let (reports, panics) = sync_channel(16);
        term::install_panic_hook(thread::current().id(), reports);
        term::end_on_signals().wrap_err("could not set up signal handling")?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let clock = Clock::start();
            let clusters = self.watched.start(clock)?;
            let help = self.keymap.hint(Action::Help).unwrap_or_default();
            let model = self.watched.model().with_help_key(&help).with_warnings(self.warnings);
            let hook = clusters.hook(&self.notifier);
            let screen = TerminalGuard::enter()?;
            let mut app = App {
                model,
                clusters,
                screen,
                view: ViewState::default(),
                keymap: self.keymap,
                theme: self.theme,
                notifier: self.notifier,
                hook,
                clock,
                terminal_lent: false,
                pace: Pace::default(),
                panics,
            };
            let outcome = app.run().await;
            // The terminal is restored first. The model is not dropped: that would take seconds for millions of pods, and the
            // process ends now.
            term::leave();
            mem::forget(app);
            outcome
        })
    }
}
