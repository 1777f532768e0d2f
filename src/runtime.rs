//! The loop: input first, then messages, then the tick; owns the terminal and the model, and runs effects.
//!
//! The loop runs on the main thread. Clusters, decoding and probes run on runtimes of their own, so that neither can starve
//! the other; one bounded channel joins them.

mod inbox;
mod signals;

use std::future::ready;
use std::io;
use std::mem;
use std::pin::pin;
use std::sync::mpsc::{Receiver as StdReceiver, sync_channel};
use std::thread;
use std::time::Duration;

use color_eyre::eyre::{self, WrapErr};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::Signal;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::action::Action;
use crate::clipboard;
use crate::clock::Clock;
use crate::cluster::kubeconfig::ContextTarget;
use crate::cluster::{self, ClusterCommand, TaskLink, Tuning};
use crate::facts::text::Clean;
use crate::keymap::KeyMap;
use crate::model::app::Model;
use crate::model::app::screens::Mode;
use crate::model::cluster::ClusterState;
use crate::model::settings::{ClusterSpec, Conventions, Settings};
use crate::model::store::scope::Scope;
use crate::msg::detail::WatchDetail;
use crate::msg::{AlertNews, ClusterId, Effect, LineEdit, Msg};
use crate::notify::{Hook, Notifier};
use crate::report::{self, Snapshot};
use crate::term::{self, InputEvent, Keyboard, TerminalGuard};
use crate::theme::Theme;
use crate::ui::{self, ViewState};

use inbox::{BATCH_MESSAGES, Inbox};
use signals::JobSignals;

/// Messages between the clusters and the model. A page is one message, of nodes about a megabyte, and what waits is memory that the
/// thread of the clusters keeps: enough for the model to go on with while the next ones are read.
const CHANNEL_MESSAGES: usize = 4;
/// After so long of taking messages in the keyboard is looked at again, however few they were.
const BATCH_TIME: Duration = Duration::from_millis(1);
/// At most 30 frames a second: more is not seen, and loads a slow link.
const FRAME: Duration = Duration::from_millis(33);
/// At most 10 frames a second over SSH, or while drawing is slow.
const SLOW_FRAME: Duration = Duration::from_millis(100);
/// A draw that takes this long says that the terminal is slow.
const SLOW_DRAW: Duration = Duration::from_millis(50);
/// A burst of keys is drawn once: the next draw for a key waits this long after the last one for a key, and for nothing else.
const KEY_FRAME: Duration = Duration::from_millis(8);
/// Keys taken before a draw is due whatever else waits; bounds a paste or a resize storm.
const BATCH_EVENTS: usize = 256;

/// Threads for the clusters. The tasks of one cluster share one, so that a connection and who reads from it never wait for each other's
/// thread: waking threads was a seventh of the CPU of a list. The second keeps clusters from waiting for one another.
const CLUSTER_THREADS: usize = 2;

/// The tasks of all clusters on runtimes of their own. Dropping it abandons them without waiting: a stuck name resolution
/// must not keep the program from ending (F02).
pub struct Clusters {
    runtimes: Vec<Runtime>,
    commands: Vec<mpsc::Sender<ClusterCommand>>,
    inspections: Vec<watch::Sender<Option<WatchDetail>>>,
    inbox: mpsc::Receiver<Msg>,
}

impl Clusters {
    /// Starts one task tree for each usable target; [`ClusterId`] is the place in `targets`.
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
        let mut inspections = Vec::with_capacity(targets.len());
        for (id, target) in (0..).map(ClusterId).zip(targets) {
            let (command, receive) = mpsc::channel(4);
            commands.push(command);
            let (inspect, inspected) = watch::channel(None);
            inspections.push(inspect);
            if target.broken().is_none()
                && let Some(runtime) = turns.next()
            {
                let link = TaskLink { id, out: out.clone(), commands: receive, inspect: inspected, clock };
                runtime.spawn(cluster::run(target.clone(), tuning(target), link));
            }
        }
        Ok(Self { runtimes, commands, inspections, inbox })
    }

    fn hook(&self, telling: &Notifier) -> Option<Hook> {
        Hook::start(&telling.on_alert, self.runtimes.first()?.handle())
    }

    fn refresh(&self, id: ClusterId) {
        if let Some(command) = self.commands.get(usize::from(id.0)) {
            // A full queue means that refreshes wait already.
            let _ = command.try_send(ClusterCommand::Refresh);
        }
    }

    fn unfollow(&self, id: ClusterId) {
        if let Some(command) = self.commands.get(usize::from(id.0)) {
            // The model takes nothing more in, whatever the tasks bring.
            let _ = command.try_send(ClusterCommand::Unfollow);
        }
    }

    /// Has the plugin run with the terminal; the answer comes when it has ended.
    fn log_in(&self, id: ClusterId) -> oneshot::Receiver<Result<(), Clean>> {
        let (answer, outcome) = oneshot::channel();
        if let Some(command) = self.commands.get(usize::from(id.0)) {
            // A full queue drops the answer, and that is one.
            let _ = command.try_send(ClusterCommand::LogIn(answer));
        }
        outcome
    }

    /// Looks closely at one object of one cluster, and at nothing of the others.
    fn inspect(&self, wanted: Option<(ClusterId, &WatchDetail)>) {
        for (id, inspect) in (0..).map(ClusterId).zip(&self.inspections) {
            let wish = wanted.filter(|(of, _)| *of == id).map(|(_, inspection)| inspection.clone());
            inspect.send_if_modified(|known| {
                let changed = *known != wish;
                *known = wish;
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

/// What the model needs to know of the targets.
#[must_use]
pub fn specs(targets: &[ContextTarget]) -> Vec<ClusterSpec> {
    targets
        .iter()
        .map(|target| ClusterSpec { context: target.context().clone(), broken: target.broken().cloned() })
        .collect()
}

fn model(
    targets: &[ContextTarget],
    settings: impl Fn(&ContextTarget) -> Settings,
    tuning: impl Fn(&ContextTarget) -> Tuning,
) -> Model {
    let scope =
        |target: &ContextTarget| Scope { namespaces: tuning(target).namespaces, example: target.namespace().cloned() };
    let clusters = specs(targets).into_iter().zip(targets.iter().map(settings));
    let model = Model::each(clusters.collect()).with_scopes(targets.iter().map(scope));
    model.with_plugins(targets.iter().map(ContextTarget::plugin))
}

/// How the dashboard is set up.
pub struct Dashboard {
    /// The clusters to watch.
    pub targets: Vec<ContextTarget>,
    /// Thresholds of each cluster.
    pub settings: Box<dyn Fn(&ContextTarget) -> Settings>,
    /// How nodes are read.
    pub conventions: Conventions,
    /// Deadlines and periods of each cluster's tasks.
    pub tuning: Box<dyn Fn(&ContextTarget) -> Tuning>,
    /// Keys.
    pub keymap: KeyMap,
    /// Colours and glyphs.
    pub theme: Theme,
    /// Bell, notifications and the command for new alerts.
    pub telling: Notifier,
    /// What was wrong with the configuration.
    pub warnings: Vec<Clean>,
}

impl Dashboard {
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
            let clusters = Clusters::start(&self.targets, &self.tuning, clock)?;
            let model = model(&self.targets, &self.settings, &self.tuning).with_conventions(self.conventions);
            let model = model.with_help_key(&self.keymap.hint(Action::Help).unwrap_or_default());
            let model = model.with_warnings(self.warnings);
            let clusters_hook = clusters.hook(&self.telling);
            let screen = TerminalGuard::enter()?;
            let mut app = App {
                model,
                clusters,
                screen,
                view: ViewState::with_keys(self.keymap.clone()),
                keymap: self.keymap,
                theme: self.theme,
                hook: clusters_hook,
                telling: self.telling,
                clock,
                dirty: true,
                keyed: false,
                drawn_at: clock_start(),
                answered_at: clock_start(),
                frame: frame_period(),
                panics,
            };
            let outcome = app.run().await;
            // The terminal first, and then nothing is dropped: millions of pods would take seconds, and the process ends now.
            term::leave();
            mem::forget(app);
            outcome
        })
    }
}

/// Long enough ago that the first frame is due at once.
fn clock_start() -> Instant {
    let now = Instant::now();
    now.checked_sub(SLOW_FRAME).unwrap_or(now)
}

fn frame_period() -> Duration {
    if std::env::var_os("SSH_CONNECTION").is_some() { SLOW_FRAME } else { FRAME }
}

/// Whether the program goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Continue,
    Quit,
    /// The shell is wanted back: the whole job is to stop, or this process of it alone.
    Suspend {
        whole_job: bool,
    },
    /// The terminal is wanted for this cluster's credential plugin.
    LogIn(ClusterId),
}

struct App {
    model: Model,
    clusters: Clusters,
    screen: TerminalGuard,
    view: ViewState,
    keymap: KeyMap,
    theme: Theme,
    telling: Notifier,
    hook: Option<Hook>,
    clock: Clock,
    dirty: bool,
    /// A key waits for its frame.
    keyed: bool,
    drawn_at: Instant,
    /// The last frame that a key waited for.
    answered_at: Instant,
    frame: Duration,
    panics: StdReceiver<String>,
}

impl App {
    async fn run(&mut self) -> eyre::Result<()> {
        let mut keyboard = Keyboard::open().wrap_err("could not read keys from the terminal")?;
        let mut second = interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut signals = JobSignals::new().wrap_err("could not set up signal handling")?;
        let (mut news, mut inbox) = (Vec::with_capacity(BATCH_MESSAGES), Inbox::default());
        let mut open = true;
        loop {
            // Checked on every pass and not only in a branch below: a stream of messages must not starve the screen.
            if self.dirty && Instant::now() >= self.due() {
                self.draw()?;
            }
            let due = self.due();
            let flow = tokio::select! {
                biased;
                event = keyboard.next() => self.on_events(event.wrap_err("the terminal is gone")?, &mut keyboard)?,
                _ = signals.stop.recv() => Flow::Suspend { whole_job: false },
                _ = signals.cont.recv() => self.resume()?,
                // The next frame finds the size out.
                _ = signals.resized.recv() => self.answer()?,
                // Before the messages, which may never end.
                _ = second.tick() => self.on_tick()?,
                () = ready(()), if !inbox.is_empty() => self.on_inbox(&mut inbox),
                received = self.clusters.inbox.recv_many(&mut news, BATCH_MESSAGES), if open => {
                    // Closed: every cluster task has ended, as with broken contexts only. The picture stays.
                    open = received > 0;
                    inbox.put(news.drain(..));
                    self.on_inbox(&mut inbox)
                }
                // What the last frame did not wait for.
                () = ready(()), if self.model.is_behind() => {
                    self.model.catch_up(self.clock.now());
                    self.dirty = true;
                    Flow::Continue
                }
                () = sleep_until(due), if self.dirty => Flow::Continue,
            };
            match flow {
                Flow::Continue => {}
                Flow::Quit => return Ok(()),
                Flow::Suspend { whole_job } => self.suspend(whole_job, &mut signals).await?,
                Flow::LogIn(id) => {
                    // The plugin is to have what is typed for itself.
                    drop(keyboard);
                    self.log_in(id, &mut signals.stop, &mut inbox).await?;
                    keyboard = Keyboard::open().wrap_err("could not read keys from the terminal")?;
                }
            }
        }
    }

    /// Lends the terminal to the credential plugin until it ends. What comes of the clusters meanwhile is taken in, so that
    /// nothing waits for the operator, after what waits already; nothing is drawn.
    async fn log_in(&mut self, id: ClusterId, stop: &mut Signal, inbox: &mut Inbox) -> eyre::Result<()> {
        let Some(cluster) = self.model.clusters().get(usize::from(id.0)) else { return Ok(()) };
        let (context, plugin) = (cluster.context().clone(), cluster.plugin().cloned().unwrap_or_default());
        let text =
            format!("watchbell: the credential plugin `{plugin}` of `{context}` has the terminal; Ctrl-C ends it");
        self.screen.lend(&text).wrap_err("the terminal is gone")?;
        let mut outcome = pin!(self.clusters.log_in(id));
        let mut second = interval(Duration::from_secs(1));
        let outcome = loop {
            tokio::select! {
                biased;
                outcome = &mut outcome => break outcome,
                // Ctrl-Z has stopped the plugin, and whoever started it passes that on.
                _ = stop.recv(), if term::has_shell() => term::stop().wrap_err("could not stop")?,
                _ = second.tick() => {
                    if let Some(Effect::NotifyAlerts { news, .. }) = self.model.update(Msg::Tick, self.clock.now())
                        && let Some(hook) = &self.hook
                    {
                        hook.notify(news);
                    }
                }
                () = ready(()), if !inbox.is_empty() => drop(self.on_inbox(inbox)),
                Some(msg) = self.clusters.inbox.recv() => inbox.put([msg]),
            }
        };
        self.screen.resume().wrap_err("could not take the terminal back")?;
        let text = match outcome {
            Ok(Ok(())) => format!("logged in to `{context}`"),
            Ok(Err(why)) => why.to_string(),
            Err(_) => "nobody could run the credential plugin now".to_owned(),
        };
        self.model.note(&text, self.clock.now());
        self.dirty = true;
        Ok(())
    }

    /// When the next frame may be drawn.
    fn due(&self) -> Instant {
        if self.keyed { self.answered_at + KEY_FRAME } else { self.drawn_at + self.frame }
    }

    /// Takes in one event and what else is waiting, then draws at once.
    fn on_events(&mut self, first: InputEvent, keyboard: &mut Keyboard) -> eyre::Result<Flow> {
        let mut next = Some(first);
        for _ in 0..BATCH_EVENTS {
            let Some(event) = next else { break };
            let flow = self.on_event(event)?;
            if flow != Flow::Continue {
                return Ok(flow);
            }
            next = keyboard.ready().wrap_err("the terminal is gone")?;
        }
        self.answer()
    }

    /// Draws at once, or as soon as an answer may be drawn again.
    fn answer(&mut self) -> eyre::Result<Flow> {
        self.dirty = true;
        self.keyed = true;
        if Instant::now() >= self.due() {
            self.draw()?;
        }
        Ok(Flow::Continue)
    }

    /// Takes in what a key can wait for; the rest waits for the next pass.
    fn on_inbox(&mut self, inbox: &mut Inbox) -> Flow {
        let (start, mut flow) = (Instant::now(), Flow::Continue);
        inbox.pass(|msg| {
            flow = self.on_msg(msg);
            flow == Flow::Continue && start.elapsed() < BATCH_TIME
        });
        flow
    }

    fn on_event(&mut self, event: InputEvent) -> eyre::Result<Flow> {
        let msg = match event {
            InputEvent::Key(key) => self.keymap.resolve(self.model.mode(), key),
            InputEvent::Paste(text) if self.model.mode() == Mode::Filter => Some(Msg::Edit(LineEdit::Paste(text))),
            InputEvent::Paste(_) => {
                let filter = self.keymap.hint(Action::Filter).unwrap_or_else(|| Action::Filter.entry().name.to_owned());
                self.model.note(&format!("paste ignored: `{filter}` opens a filter that takes text"), self.clock.now());
                None
            }
        };
        let Some(msg) = msg else { return Ok(Flow::Continue) };
        match self.model.update(msg, self.clock.now()) {
            Some(Effect::Suspend) => Ok(Flow::Suspend { whole_job: true }),
            Some(Effect::Redraw) => {
                self.screen.clear()?;
                Ok(Flow::Continue)
            }
            Some(Effect::Copy { text }) => {
                let bytes = clipboard::bytes(&text, &is_set);
                self.screen.send(&bytes).wrap_err("the terminal is gone")?;
                Ok(Flow::Continue)
            }
            effect => Ok(self.perform(effect.as_ref())),
        }
    }

    fn on_msg(&mut self, msg: Msg) -> Flow {
        self.dirty = true;
        let effect = self.model.update(msg, self.clock.now());
        self.perform(effect.as_ref())
    }

    fn on_tick(&mut self) -> eyre::Result<Flow> {
        for text in self.panics.try_iter() {
            tracing::error!(text, "a background task panicked");
        }
        self.dirty = true;
        match self.model.update(Msg::Tick, self.clock.now()) {
            Some(Effect::NotifyAlerts { ring, news }) => self.notify_alerts(ring, news).map(|()| Flow::Continue),
            effect => Ok(self.perform(effect.as_ref())),
        }
    }

    fn notify_alerts(&mut self, ring: bool, news: Vec<AlertNews>) -> eyre::Result<()> {
        let bytes = self.telling.bytes(ring, &news, &is_set);
        self.screen.send(&bytes).wrap_err("the terminal is gone")?;
        if let Some(hook) = &self.hook {
            hook.notify(news);
        }
        Ok(())
    }

    fn perform(&self, effect: Option<&Effect>) -> Flow {
        match effect {
            Some(Effect::Quit) => return Flow::Quit,
            Some(Effect::LogIn(id)) => return Flow::LogIn(*id),
            Some(Effect::Refresh(id)) => self.clusters.refresh(*id),
            Some(Effect::Unfollow(id)) => self.clusters.unfollow(*id),
            Some(Effect::Inspect(id, inspection)) => self.clusters.inspect(Some((*id, inspection))),
            Some(Effect::EndInspection) => self.clusters.inspect(None),
            // These need the terminal, and are done where they come from.
            Some(Effect::Suspend | Effect::Redraw | Effect::Copy { .. } | Effect::NotifyAlerts { .. }) | None => {}
        }
        Flow::Continue
    }

    /// Stops until the shell continues us, if there is one that can.
    async fn suspend(&mut self, whole_job: bool, signals: &mut JobSignals) -> eyre::Result<()> {
        if term::has_shell() {
            self.screen.suspend(whole_job).wrap_err("could not take the terminal back")?;
            signals.forget_stop().await;
        } else {
            self.model.note("not suspended: there is no shell to come back to in this terminal", self.clock.now());
        }
        self.answer().map(drop)
    }

    /// Continued by someone else's SIGCONT, perhaps after a SIGSTOP that could not be seen coming.
    fn resume(&mut self) -> eyre::Result<Flow> {
        self.screen.resume().wrap_err("could not take the terminal back")?;
        self.dirty = true;
        Ok(Flow::Continue)
    }

    fn draw(&mut self) -> eyre::Result<()> {
        let now = self.clock.now();
        let start = Instant::now();
        self.model.prepare(now);
        let Self { model, view, theme, screen, .. } = self;
        screen.draw(|frame| ui::view(frame, model, view, theme, now)).wrap_err("the terminal is gone")?;
        screen.set_title(&ui::title_with(model, &theme.glyphs)).wrap_err("the terminal is gone")?;
        screen.name_process(&ui::process_title(model));
        self.frame = if start.elapsed() > SLOW_DRAW { SLOW_FRAME } else { frame_period() };
        self.drawn_at = Instant::now();
        if self.keyed {
            self.answered_at = self.drawn_at;
        }
        self.dirty = false;
        self.keyed = false;
        Ok(())
    }
}

/// An environment variable is there and says something.
fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// A one-shot answer waits this long for APIs that a cluster need not have, once nodes and pods are there.
const OPTIONAL_PATIENCE: Duration = Duration::from_secs(3);

/// Reads the clusters once: until nodes and pods of all are complete, or refused, or the deadline passes.
///
/// # Errors
/// If the cluster tasks cannot be started.
pub fn snapshot(
    targets: &[ContextTarget],
    (settings, conventions): (impl Fn(&ContextTarget) -> Settings, Conventions),
    tuning: impl Fn(&ContextTarget) -> Tuning,
    deadline: Duration,
) -> eyre::Result<Snapshot> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let clock = Clock::start();
        let mut clusters = Clusters::start(targets, &tuning, clock)?;
        let mut model = model(targets, settings, tuning).with_conventions(conventions);
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
                        if let Some(Effect::Unfollow(id)) = model.update(msg, clock.now()) {
                            clusters.unfollow(id);
                        }
                    }
                    if received == 0 { break }
                }
                _ = second.tick() => drop(model.update(Msg::Tick, clock.now())),
            }
            // What a cluster need not have is waited for a little, and is never the reason for an incomplete answer.
            if model.clusters().iter().all(ClusterState::settled) {
                let patience = *patience.get_or_insert(Instant::now() + OPTIONAL_PATIENCE);
                let whole = model.clusters().iter().all(ClusterState::optional_settled);
                if whole || Instant::now() >= patience {
                    break;
                }
            }
        }
        let now = clock.now();
        while model.catch_up(now) {}
        model.prepare(now);
        let snapshot = report::snapshot(&model, now);
        // Dropping millions of pods would take seconds, and who asked wants the answer.
        mem::forget((model, clusters));
        Ok(snapshot)
    })
}
