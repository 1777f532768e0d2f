//! The loop of the dashboard: input first, then messages, then the tick, then work that can wait.

use std::future::ready;
use std::pin::pin;
use std::sync::mpsc::Receiver as StdReceiver;
use std::time::Duration;

use color_eyre::eyre::{self, WrapErr};
use tokio::signal::unix::Signal;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::clusters::Clusters;
use super::inbox::{BATCH_MESSAGES, Inbox};
use super::signals::JobSignals;
use crate::action::Action;
use crate::clipboard;
use crate::clock::Clock;
use crate::facts::text::Clean;
use crate::keymap::KeyMap;
use crate::model::app::Model;
use crate::model::app::screens::Mode;
use crate::msg::{ClusterId, Effect, LineEdit, Msg, Viewport};
use crate::notify::{Hook, Notifier};
use crate::term::{self, InputEvent, Keyboard, TerminalGuard};
use crate::theme::Theme;
use crate::ui::{self, Context, ViewState};

/// Maximum time for which messages are applied before the keyboard is read again.
const BATCH_TIME: Duration = Duration::from_millis(1);
/// At most 30 frames a second: more would not be visible, and loads a slow connection.
const FRAME: Duration = Duration::from_millis(33);
/// At most 10 frames a second over SSH, or while drawing is slow.
const SLOW_FRAME: Duration = Duration::from_millis(100);
/// From this duration of a draw on, the terminal counts as slow.
const SLOW_DRAW: Duration = Duration::from_millis(50);
/// Minimum time between two draws that answer keys, so that a burst of keys is drawn once.
const KEY_FRAME: Duration = Duration::from_millis(8);
/// Maximum number of input events between two draws; bounds a long paste.
const BATCH_EVENTS: usize = 256;

/// Next step of the loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Continue,
    Quit,
    /// Stops for the shell: the whole job, or only this process.
    Suspend {
        whole_job: bool,
    },
    /// Lends the terminal to this cluster's credential plugin.
    LogIn(ClusterId),
}

/// The dashboard while it runs.
pub(super) struct App {
    pub(super) model: Model,
    pub(super) clusters: Clusters,
    pub(super) screen: TerminalGuard,
    pub(super) view: ViewState,
    pub(super) keymap: KeyMap,
    pub(super) theme: Theme,
    pub(super) notifier: Notifier,
    pub(super) hook: Option<Hook>,
    pub(super) clock: Clock,
    /// `true` while a credential plugin has the terminal.
    pub(super) terminal_lent: bool,
    pub(super) pace: Pace,
    pub(super) panics: StdReceiver<String>,
}

/// Decides when the next frame is drawn.
pub(super) struct Pace {
    /// `true` if something has changed since the last frame.
    dirty: bool,
    /// `true` if a key waits for its frame.
    keyed: bool,
    drawn_at: Instant,
    /// Time of the last frame that answered a key.
    answered_at: Instant,
    /// Minimum time between two frames.
    frame: Duration,
}

impl Default for Pace {
    /// The first frame is due at once.
    fn default() -> Self {
        let now = Instant::now();
        let past = now.checked_sub(SLOW_FRAME).unwrap_or(now);
        Self { dirty: true, keyed: false, drawn_at: past, answered_at: past, frame: frame_period() }
    }
}

impl Pace {
    /// Time of the next frame.
    fn due(&self) -> Instant {
        if self.keyed { self.answered_at + KEY_FRAME } else { self.drawn_at + self.frame }
    }

    /// Records that a frame was drawn from `start` until now; `took`: the time that the terminal took for the one before.
    fn drawn(&mut self, start: Instant, took: Duration) {
        self.frame = if start.elapsed() + took > SLOW_DRAW { SLOW_FRAME } else { frame_period() };
        self.drawn_at = Instant::now();
        if self.keyed {
            self.answered_at = self.drawn_at;
        }
        self.dirty = false;
        self.keyed = false;
    }
}

fn frame_period() -> Duration {
    if std::env::var_os("SSH_CONNECTION").is_some() { SLOW_FRAME } else { FRAME }
}

impl App {
    pub(super) async fn run(&mut self) -> eyre::Result<()> {
        let mut keyboard = Keyboard::open().wrap_err("could not read keys from the terminal")?;
        let mut second = interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut signals = JobSignals::new().wrap_err("could not set up signal handling")?;
        let (mut news, mut inbox) = (Vec::with_capacity(BATCH_MESSAGES), Inbox::default());
        let mut open = true;
        loop {
            // Checked on every pass and not only in a branch below: a stream of messages must not starve the screen.
            if self.pace.dirty && self.may_draw() {
                self.draw()?;
            }
            let (due, ready_to_draw) = (self.pace.due(), self.screen.ready());
            let flow = tokio::select! {
                biased;
                event = keyboard.next() => self.on_events(event.wrap_err("the terminal is gone")?, &mut keyboard)?,
                _ = signals.stop.recv() => Flow::Suspend { whole_job: false },
                _ = signals.cont.recv() => self.resume()?,
                // The next frame reads the new size.
                _ = signals.resized.recv() => self.answer()?,
                // Before the messages, whose stream may never pause.
                _ = second.tick() => self.on_tick()?,
                () = ready(()), if !inbox.is_empty() => self.on_inbox(&mut inbox)?,
                received = self.clusters.inbox.recv_many(&mut news, BATCH_MESSAGES), if open => {
                    // Closed: every cluster task has ended, for instance if all contexts are broken. The screen stays as it is.
                    open = received > 0;
                    inbox.put(news.drain(..));
                    self.on_inbox(&mut inbox)?
                }
                () = ready(()), if self.model.is_behind() => self.on_msg(Msg::CatchUp)?,
                () = async { ready_to_draw.await; sleep_until(due).await }, if self.pace.dirty => Flow::Continue,
            };
            match flow {
                Flow::Continue => {}
                Flow::Quit => return Ok(()),
                Flow::Suspend { whole_job } => self.suspend(whole_job, &mut signals).await?,
                Flow::LogIn(id) => {
                    // Only the plugin reads the input now.
                    drop(keyboard);
                    self.log_in(id, &mut signals.stop, &mut inbox).await?;
                    keyboard = Keyboard::open().wrap_err("could not read keys from the terminal")?;
                }
            }
        }
    }

    /// Lends the terminal to the credential plugin until it ends. Messages of the clusters are applied meanwhile, after those
    /// that wait already, so that no cluster waits for the operator; nothing is drawn.
    async fn log_in(&mut self, id: ClusterId, stop: &mut Signal, inbox: &mut Inbox) -> eyre::Result<()> {
        let Some(cluster) = self.model.clusters().get(usize::from(id.0)) else { return Ok(()) };
        let (context, plugin) = (cluster.context().clone(), cluster.plugin().cloned().unwrap_or_default());
        let text =
            format!("watchbell: the credential plugin `{plugin}` of `{context}` has the terminal; Ctrl-C ends it");
        self.screen.lend(&text).wrap_err("the terminal is gone")?;
        self.terminal_lent = true;
        let mut outcome = pin!(self.clusters.log_in(id));
        let mut second = interval(Duration::from_secs(1));
        let outcome = loop {
            tokio::select! {
                biased;
                outcome = &mut outcome => break outcome,
                // Ctrl-Z has stopped the plugin; the task that started it passes the signal on.
                _ = stop.recv(), if term::has_shell() => term::stop().wrap_err("could not stop")?,
                _ = second.tick() => {
                    self.update(Msg::Tick)?;
                }
                () = ready(()), if !inbox.is_empty() => {
                    self.on_inbox(inbox)?;
                }
                Some(msg) = self.clusters.inbox.recv() => inbox.put([msg]),
            }
        };
        self.terminal_lent = false;
        self.screen.resume().wrap_err("could not take the terminal back")?;
        let text = match outcome {
            Ok(Ok(())) => format!("logged in to `{context}`"),
            Ok(Err(why)) => why.to_string(),
            Err(_) => "nobody could run the credential plugin now".to_owned(),
        };
        self.on_msg(notice(&text)).map(drop)
    }

    /// Applies one event and all that are waiting, then draws at once.
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

    /// Draws at once, or as soon as [`KEY_FRAME`] allows.
    fn answer(&mut self) -> eyre::Result<Flow> {
        self.pace.dirty = true;
        self.pace.keyed = true;
        if self.may_draw() {
            self.draw()?;
        }
        Ok(Flow::Continue)
    }

    /// Returns `true` if a frame is due and the terminal has taken the last one.
    fn may_draw(&self) -> bool {
        Instant::now() >= self.pace.due() && self.screen.is_ready()
    }

    /// Applies messages for as long as a key may wait; the rest waits for the next pass.
    fn on_inbox(&mut self, inbox: &mut Inbox) -> eyre::Result<Flow> {
        let (start, mut flow) = (Instant::now(), Ok(Flow::Continue));
        inbox.pass(|msg| {
            flow = self.on_msg(msg);
            matches!(flow, Ok(Flow::Continue)) && start.elapsed() < BATCH_TIME
        });
        // An endless stream of messages must not delay a new order of the rows.
        if matches!(flow, Ok(Flow::Continue)) && self.model.lists_are_behind() {
            return self.on_msg(Msg::CatchUp);
        }
        flow
    }

    fn on_event(&mut self, event: InputEvent) -> eyre::Result<Flow> {
        let msg = match event {
            InputEvent::Key(key) => self.keymap.resolve(self.model.mode(), key),
            InputEvent::Paste(text) if self.model.mode() == Mode::Filter => Some(Msg::Edit(LineEdit::Paste(text))),
            InputEvent::Paste(_) => {
                let filter = self.keymap.hint(Action::Filter).unwrap_or_else(|| Action::Filter.entry().name.to_owned());
                Some(notice(&format!("paste ignored: `{filter}` opens a filter that takes text")))
            }
        };
        msg.map_or(Ok(Flow::Continue), |msg| self.update(msg))
    }

    fn on_msg(&mut self, msg: Msg) -> eyre::Result<Flow> {
        self.pace.dirty = true;
        self.update(msg)
    }

    fn on_tick(&mut self) -> eyre::Result<Flow> {
        for text in self.panics.try_iter() {
            tracing::error!(text, "a background task panicked");
        }
        self.on_msg(Msg::Tick)
    }

    /// Applies one message to the model and performs the effects.
    fn update(&mut self, msg: Msg) -> eyre::Result<Flow> {
        match self.model.update(msg, self.clock.now()) {
            Some(effect) => self.perform(effect),
            None => Ok(Flow::Continue),
        }
    }

    /// Performs an effect, or returns the next step of the loop for it.
    fn perform(&mut self, effect: Effect) -> eyre::Result<Flow> {
        match effect {
            Effect::Quit => return Ok(Flow::Quit),
            Effect::Suspend => return Ok(Flow::Suspend { whole_job: true }),
            Effect::LogIn(id) => return Ok(Flow::LogIn(id)),
            Effect::Redraw => self.screen.clear()?,
            Effect::Refresh(id) => self.clusters.refresh(id),
            Effect::Unfollow(id) => self.clusters.unfollow(id),
            Effect::Inspect(id, detail) => self.clusters.watch_detail(Some((id, &detail))),
            Effect::Query(id, query) => self.clusters.query(id, query),
            Effect::EndInspection => self.clusters.watch_detail(None),
            Effect::Copy { text } => self.send(&clipboard::bytes(&text, &is_set))?,
            Effect::NotifyAlerts { ring, news } => {
                let bytes = self.notifier.bytes(ring, &news, &is_set);
                self.send(&bytes)?;
                if let Some(hook) = &self.hook {
                    hook.notify(news);
                }
            }
        }
        Ok(Flow::Continue)
    }

    /// Sends bytes to the terminal, unless a plugin has it.
    fn send(&mut self, bytes: &str) -> eyre::Result<()> {
        if self.terminal_lent {
            return Ok(());
        }
        self.screen.send(bytes).wrap_err("the terminal is gone")
    }

    /// Stops until the shell continues us, if there is one that can.
    async fn suspend(&mut self, whole_job: bool, signals: &mut JobSignals) -> eyre::Result<()> {
        if term::has_shell() {
            self.screen.suspend(whole_job).wrap_err("could not take the terminal back")?;
            signals.forget_stop().await;
        } else {
            self.update(notice("not suspended: there is no shell to come back to in this terminal"))?;
        }
        self.answer().map(drop)
    }

    /// Takes the terminal back after an external SIGCONT, for instance after a SIGSTOP, which cannot be caught.
    fn resume(&mut self) -> eyre::Result<Flow> {
        self.screen.resume().wrap_err("could not take the terminal back")?;
        self.pace.dirty = true;
        Ok(Flow::Continue)
    }

    fn draw(&mut self) -> eyre::Result<()> {
        let now = self.clock.now();
        let (start, took) = (Instant::now(), self.screen.took());
        self.model.update(Msg::Frame, now);
        let Self { model, view, theme, keymap, screen, .. } = self;
        let (context, mut viewport) = (Context { theme, keymap, now }, Viewport::default());
        screen.draw(|frame| viewport = ui::view(frame, model, view, &context)).wrap_err("the terminal is gone")?;
        model.update(Msg::Viewport(viewport), now);
        screen.set_title(&ui::title_with(model, &theme.glyphs)).wrap_err("the terminal is gone")?;
        screen.name_process(&ui::process_title(model));
        self.pace.drawn(start, took);
        Ok(())
    }
}

fn notice(text: &str) -> Msg {
    Msg::Notice(Clean::new(text))
}

/// Returns `true` if an environment variable is set and not empty.
fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}
