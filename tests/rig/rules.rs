//! The rules that hold for every fault (docs/faults.md), as far as an end-to-end test can assert them.
//!
//! A busy machine must not decide a test, so nothing here is a speed. G1 is that keys are answered while the fault lasts: the
//! way from a key to the screen crosses nothing that hangs (`tests/pty_hangs.rs` presses them on the real program). G7's "within
//! one backoff step" is counted in attempts: what was under way when the fault ended may fail, its wait is at most one step,
//! and what begins after that succeeds. In seconds, at the shipped periods and in virtual time, the same rules are asserted
//! in `src/cluster/tests/rules.rs`, and what grows in an hour (G6).

use std::collections::BTreeSet;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use watchbell::keymap::KeyMap;
use watchbell::msg::{
    Attempt, CallEnd, CallKind, Effect, Failure, Layer, Mono, Msg, ProbeOutcome, ProbeSeries, Resource,
};
use watchbell::sim::Fault;
use watchbell::testing::oracle::{Objects, difference, held, truth};
use watchbell::theme::{Depth, Theme};
use watchbell::ui::{self, ViewState};

use super::PATIENCE;
use super::engine::{Rig, ms};

/// At the shipped periods at most one request a second on average (G4); [`quick`] is twenty times as fast.
const REQUESTS_PER_SECOND: u32 = 20;
/// Most requests that one fault may bring at once: two rounds of four attempts of two lists (these retries are thirty times as fast), what
/// they go on with where a page was half read, two watches, two probes, and the lists that a cluster need not have.
const BURST: u32 = 32;
/// Tasks of two clusters: of each the supervisor and thirteen parts, what is optional, pages, watches and, twice, the
/// connections under them. Some 62 when all is well.
const TASKS: usize = 80;

impl Rig {
    /// One fault from its beginning to its end.
    pub(crate) async fn suffers(&mut self, fault: Fault, layer: Layer, says: &str) -> Failure {
        self.endures(vec![fault], layer, says).await
    }

    /// Faults from their beginning to their end, with changes before, in and after them: the picture stays while they last
    /// (G2), the cause is named with its layer and the next attempt (G3), keys and the other cluster go on (G1, G5), the
    /// server is asked gently (G4), nothing grows (G6), and within one backoff step after it the model equals the server,
    /// without a key (G7).
    pub(crate) async fn endures(&mut self, faults: Vec<Fault>, layer: Layer, says: &str) -> Failure {
        let before = self.objects().expect("a fault that has something to take away");
        let from = self.reported.failures.len();
        self.counts_requests();
        for fault in faults {
            self.served.control().inject(fault);
        }
        self.served.control().close_watches(None);
        self.served.change();
        self.refresh().await;
        self.fails_since(from, layer, says).await;
        self.keeps(&before);
        // A watch that is lost while its list still runs has no time of its own: the list is followed by another.
        let is_it =
            |failure: &&Failure| failure.layer == layer && failure.text.contains(says) && failure.next_in.is_some();
        let find = |rig: &Self| rig.reported.failures[from..].iter().find(is_it).cloned();
        self.until("a failure with its next attempt", |rig| find(rig).is_some()).await;
        let failure = find(self).unwrap();
        assert!(failure.attempt >= 1, "{failure:?}");
        assert!(failure.request.contains("nodes") || failure.request.contains("pods"), "{failure:?}");
        self.lasts_longer(&failure).await;
        self.keeps(&before);
        self.served.change();
        self.served.control().clear_faults();
        self.recovers().await;
        failure
    }

    /// The fault goes on for a while: nothing piles up (G6).
    async fn lasts_longer(&mut self, failure: &Failure) {
        let size = |rig: &Self| {
            let cluster = &rig.model.clusters()[0];
            (cluster.link().failures().count(), cluster.alert_records().len())
        };
        let (early, seen) = (size(self), self.reported.failures.len());
        let wait = failure.next_in.unwrap_or_default();
        self.pass(wait).await;
        let late = size(self);
        // As many as have failed since, which the model bounds, and an alert for each kind of trouble.
        let more = self.reported.failures.len() - seen;
        assert!(late.0 <= early.0 + more && late.0 <= 20 && late.1 <= early.1 + 6, "{early:?}, {late:?} after {more}");
    }

    /// The model equals the server within one backoff step (G7), and what holds always held.
    pub(crate) async fn recovers(&mut self) {
        let ended = self.mono();
        self.asked_gently();
        self.until_true("the recovery").await;
        let is_late = |attempt: &&Attempt| {
            let failed = match attempt.end {
                CallEnd::Broken | CallEnd::NoResponse | CallEnd::NotHttp | CallEnd::NotConnected(_) => true,
                CallEnd::Complete => attempt.status.is_none_or(|status| status >= 400),
                // A deadline of tenths of a second that passes on a busy machine says nothing about the server.
                CallEnd::TimedOut | CallEnd::Cancelled => false,
            };
            let core = matches!(attempt.kind, CallKind::List(of) | CallKind::Watch(of) if !of.is_optional());
            core && failed && attempt.at > ended
        };
        let late: Vec<&Attempt> = self.reported.attempts.iter().filter(is_late).collect();
        assert!(
            late.is_empty(),
            "the server is well since {ended:?}, and yet: {late:#?}\n{:#?}",
            self.reported.attempts
        );
        self.keeps_the_rules();
    }

    async fn until_true(&mut self, what: &str) {
        let end = tokio::time::Instant::now() + PATIENCE;
        while !self.is_true() {
            let late = tokio::time::Instant::now() >= end;
            let difference = if late { self.objects().map(|held| difference(&held, &self.truth())) } else { None };
            assert!(!late, "{what} did not happen:\n{difference:?}\nfailures: {:#?}", self.reported.failures);
            self.follow(ms(20)).await;
        }
    }

    /// Checks that objects of before that the server still has are kept (G2).
    pub(crate) fn keeps(&self, before: &Objects) {
        let now: BTreeSet<(String, Option<String>)> = self
            .objects()
            .expect("complete lists stay complete")
            .into_iter()
            .map(|(name, object)| {
                let uid = object.get("uid").cloned();
                (name, uid)
            })
            .collect();
        let truth = self.truth();
        for (name, object) in before {
            let uid = object.get("uid").cloned();
            if truth.get(name).is_some_and(|there| there.get("uid").cloned() == uid) {
                assert!(now.contains(&(name.clone(), uid)), "{name} is gone from the picture");
            }
        }
        assert!(self.report().nodes.total.is_some_and(|total| total > 0), "unknown is not 0");
    }

    /// While something hangs, keys do what they say (G1) and the other cluster is none the worse for it (G5).
    pub(crate) async fn goes_on_meanwhile(&mut self) {
        self.answers_keys();
        self.goes_on_beside().await;
    }

    /// G1: a key is on the next frame, whatever the clusters' tasks wait for; `q` leaves.
    fn answers_keys(&mut self) {
        let keys = KeyMap::default();
        let mut press = |key: char| {
            let key = KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE);
            let msg = keys.resolve(self.model.mode(), key).expect("the key means something");
            let effect = self.model.update(msg, self.clock.now());
            (effect, self.screen())
        };
        assert!(press('?').1.contains("next cluster"), "help");
        assert!(!press('?').1.contains("next cluster"), "help is gone");
        let (effect, _) = press('q');
        assert_eq!(effect, Some(Effect::Quit));
    }

    fn screen(&mut self) -> String {
        let now = self.clock.now();
        self.model.update(Msg::Frame, now);
        let mut terminal = Terminal::new(TestBackend::new(160, 45)).unwrap();
        let (mut view, keymap) = (ViewState::default(), KeyMap::default());
        let context = ui::Context { theme: &Theme::new(Depth::None, false), keymap: &keymap, now };
        terminal.draw(|frame| _ = ui::view(frame, &self.model, &mut view, &context)).unwrap();
        let cells = terminal.backend().buffer().content();
        cells.iter().map(ratatui::buffer::Cell::symbol).collect()
    }

    /// The healthy cluster is read and watched, and all is well with it.
    pub(super) fn is_well_beside(&self) -> bool {
        let (served, reported) = &self.beside;
        reported.watches()
            && held(&self.model, 1, self.clock.now()).is_some_and(|held| held == truth(&served.control().dump(), &[]))
    }

    /// G5: a change of the healthy cluster arrives and its probes are answered while the other one suffers; it asks for
    /// nothing again, and nothing of it fails.
    async fn goes_on_beside(&mut self) {
        self.until("the healthy cluster", Self::is_well_beside).await;
        let listed = self.beside.0.lists("pods").len() + self.beside.0.lists("nodes").len();
        let answered = |rig: &Self, series| {
            let samples = rig.beside.1.samples.iter().filter(|sample| sample.series == series);
            samples.filter(|sample| matches!(sample.outcome, ProbeOutcome::Answered { .. })).count()
        };
        let before = [ProbeSeries::Ping, ProbeSeries::Work].map(|series| answered(self, series));
        self.beside.0.change();
        self.until("news of the healthy cluster", |rig| {
            let now = [ProbeSeries::Ping, ProbeSeries::Work].map(|series| answered(rig, series));
            rig.is_well_beside() && now[0] > before[0] && now[1] > before[1]
        })
        .await;
        let (served, reported) = &self.beside;
        assert_eq!(served.lists("pods").len() + served.lists("nodes").len(), listed, "nothing is read again");
        assert!(
            reported.failures.is_empty() && reported.restarts.is_empty(),
            "{:#?}{:?}",
            reported.failures,
            reported.restarts
        );
        let missed = |outcome| !matches!(outcome, ProbeOutcome::Answered { .. });
        assert!(!reported.samples.iter().any(|sample| missed(sample.outcome)), "{:?}", reported.samples);
    }

    /// Rules that hold whatever happens and at any time.
    pub(crate) fn keeps_the_rules(&self) {
        self.asks_for_one_page_at_a_time();
        // From the beginning: the first lists and watches come at once, and one fault may follow.
        self.asked_gently_from(0, Mono(Duration::ZERO), 2 * BURST);
        self.grows_not();
        self.probes_each_tick();
        self.waits_one_step_at_most();
    }

    /// The rate of requests is looked at from here to the recovery.
    pub(crate) fn counts_requests(&mut self) {
        self.counted = self.counted.or(Some((self.asked(), self.mono())));
    }

    /// G4: at most one request a second on average, at the shipped periods.
    fn asked_gently(&mut self) {
        if let Some((asked, since)) = self.counted.take() {
            self.asked_gently_from(asked, since, BURST);
        }
    }

    fn asked_gently_from(&self, asked: u32, since: Mono, at_once: u32) {
        let (asked, lasted) = (self.asked() - asked, self.mono().since(since));
        let tenths = u32::try_from(lasted.as_millis() / 100).unwrap_or(u32::MAX);
        let allowed = tenths.saturating_mul(REQUESTS_PER_SECOND) / 10 + at_once;
        assert!(asked <= allowed, "{asked} requests in {lasted:?}");
    }

    /// G4: one page of a list in flight at a time, and no request without an end. Each namespace has a list of its own (F23).
    fn asks_for_one_page_at_a_time(&self) {
        let scopes = self.tuning.namespaces.len().max(1);
        for (resource, lists) in [(Resource::Nodes, 1), (Resource::Pods, scopes)] {
            let pages: Vec<&Attempt> = self.pages(resource).collect();
            for page in &pages {
                let beside = |other: &&&Attempt| other.at <= page.at && other.at + other.total > page.at;
                let at_once = pages.iter().filter(beside).count();
                assert!(at_once <= lists, "{at_once} pages at once: {pages:#?}");
            }
        }
        // A deadline passes when it is looked at; a busy machine looks late.
        let longest = self.tuning.page_cap + self.tuning.connect_deadline + Duration::from_secs(20);
        assert!(self.reported.attempts.iter().all(|attempt| attempt.total <= longest), "a request without an end");
    }

    /// Requests so far. The server counts them; where it never sees them (nobody listens, the handshake fails, a proxy
    /// refuses), the meter next to the wire does.
    fn asked(&self) -> u32 {
        let seen = self.served.control().request_count();
        u32::try_from(seen.max(self.reported.attempts.len() as u64)).unwrap_or(u32::MAX)
    }

    /// G6: nothing panicked, and as many tasks and connections as a healthy cluster has, and a few more for what is retried.
    fn grows_not(&self) {
        assert!(self.reported.restarts.is_empty(), "{:?}", self.reported.restarts);
        assert!(self.tasks <= TASKS, "{} tasks at once", self.tasks);
        // Two pages, two watches, two probes, what is optional, what the pools of the two clients keep, and what a load
        // balancer holds open that has forgotten it (F06).
        assert!(
            self.served.control().open_connections() <= 20,
            "{} connections",
            self.served.control().open_connections()
        );
        assert!(self.news.len() <= 256);
    }

    /// G8: one sample for each tick of a probe. The ticks are on a grid; those that pass while the machine does not let us
    /// look are left out, as while we are suspended.
    fn probes_each_tick(&self) {
        for series in [ProbeSeries::Ping, ProbeSeries::Work] {
            let ticks: Vec<Mono> = self
                .reported
                .samples
                .iter()
                .filter(|sample| sample.series == series)
                .map(|sample| sample.tick)
                .collect();
            for pair in ticks.windows(2) {
                let gap = pair[1].since(pair[0]).as_micros();
                assert!(gap > 0 && gap % self.tuning.probe_period.as_micros() == 0, "{series:?}: {ticks:?}");
            }
        }
    }

    /// G7: no wait is longer than one step, so that what was waiting when a fault ended is asked for within one. A forbidden
    /// list or watch is asked for again after a period of its own (F21).
    fn waits_one_step_at_most(&self) {
        let tuning = &self.tuning;
        let backoff = tuning.backoff_cap * 2;
        let step = backoff.max(tuning.retry_after_cap).max(tuning.rejected_delay).max(tuning.page_retries[2]);
        for failure in &self.reported.failures {
            let most = if failure.layer == Layer::Rbac { tuning.denied_period.mul_f64(1.1).max(step) } else { step };
            assert!(failure.next_in.is_none_or(|wait| wait <= most), "more than {most:?}: {failure:?}");
        }
    }
}
