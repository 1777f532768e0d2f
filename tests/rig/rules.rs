//! The rules that hold for every fault (docs/faults.md), as far as an end-to-end test can assert them.
//!
//! A busy machine must not decide a test, so no rule here measures speed. G1 checks that keys work during the fault, since
//! nothing between a key and the screen waits for a cluster (`tests/pty_hangs.rs` presses keys in the real program). G7's "within
//! one backoff step" is counted in attempts: those in flight when the fault ended may fail, their wait is at most one step, and
//! later ones succeed. `src/cluster/tests/rules.rs` asserts the same rules in seconds, at the default periods and in virtual
//! time, and the growth within an hour (G6).

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
use watchbell::testing::oracle::{Objects, difference, model_objects, server_objects};
use watchbell::theme::{Depth, Theme};
use watchbell::ui::{self, ViewState};

use super::PATIENCE;
use super::engine::{Rig, ms};

/// One request a second on average at the default periods (G4); [`quick`] is twenty times as fast.
const REQUESTS_PER_SECOND: u32 = 20;
/// Maximum number of additional requests that one fault may cause at once: two rounds of four attempts of two lists (these
/// retries are thirty times as fast), the continuation of interrupted lists, two watches, two probes, and the lists of optional APIs.
const BURST: u32 = 32;
/// Maximum number of tasks of two clusters: for each the supervisor and thirteen parts, optional APIs, pages, watches and, twice,
/// their connections. About 62 when both are healthy.
const TASKS: usize = 80;

impl Rig {
    /// Checks one fault from its beginning to its end.
    pub(crate) async fn check_fault(&mut self, fault: Fault, layer: Layer, says: &str) -> Failure {
        self.check_faults(vec![fault], layer, says).await
    }

    /// Checks faults from their beginning to their end, with changes before, during and after them: the objects stay during the
    /// fault (G2), the cause is named with its layer and the next attempt (G3), keys and the other cluster keep working (G1, G5),
    /// the request rate is bounded (G4), nothing grows (G6), and within one backoff step after the end the model equals the
    /// server, without a key (G7).
    pub(crate) async fn check_faults(&mut self, faults: Vec<Fault>, layer: Layer, says: &str) -> Failure {
        let before = self.objects().expect("a fault that has something to take away");
        let from = self.log.failures.len();
        self.start_request_window();
        for fault in faults {
            self.served.control().inject(fault);
        }
        self.served.control().close_watches(None);
        self.served.change();
        self.refresh().await;
        self.wait_for_failure_since(from, layer, says).await;
        self.check_objects_kept(&before);
        // A watch that is lost during its list has no next attempt of its own: another list follows.
        let is_it =
            |failure: &&Failure| failure.layer == layer && failure.text.contains(says) && failure.next_in.is_some();
        let find = |rig: &Self| rig.log.failures[from..].iter().find(is_it).cloned();
        self.wait_until("a failure with its next attempt", |rig| find(rig).is_some()).await;
        let failure = find(self).unwrap();
        assert!(failure.attempt >= 1, "{failure:?}");
        assert!(failure.request.contains("nodes") || failure.request.contains("pods"), "{failure:?}");
        self.check_bounded_growth(&failure).await;
        self.check_objects_kept(&before);
        self.served.change();
        self.served.control().clear_faults();
        self.check_recovery().await;
        failure
    }

    /// Lets the fault last for a while, and checks that nothing accumulates (G6).
    async fn check_bounded_growth(&mut self, failure: &Failure) {
        let size = |rig: &Self| {
            let cluster = &rig.model.clusters()[0];
            (cluster.link().failures().count(), cluster.alert_records().len())
        };
        let (early, seen) = (size(self), self.log.failures.len());
        let wait = failure.next_in.unwrap_or_default();
        self.follow_for(wait).await;
        let late = size(self);
        // At most as many as have failed since, which the model bounds, and an alert for each kind of problem.
        let more = self.log.failures.len() - seen;
        assert!(late.0 <= early.0 + more && late.0 <= 20 && late.1 <= early.1 + 6, "{early:?}, {late:?} after {more}");
    }

    /// Waits until the model equals the server within one backoff step (G7), and checks the rules that always hold.
    pub(crate) async fn check_recovery(&mut self) {
        let ended = self.mono();
        self.check_request_rate();
        self.wait_until_matches_server("the recovery").await;
        let is_late = |attempt: &&Attempt| {
            let failed = match attempt.end {
                CallEnd::Broken | CallEnd::NoResponse | CallEnd::NotHttp | CallEnd::NotConnected(_) => true,
                CallEnd::Complete => attempt.status.is_none_or(|status| status >= 400),
                // A deadline of tenths of a second may expire on a busy machine, whatever the server does.
                CallEnd::TimedOut | CallEnd::Cancelled => false,
            };
            let core = matches!(attempt.kind, CallKind::List(of) | CallKind::Watch(of) if !of.is_optional());
            core && failed && attempt.at > ended
        };
        let late: Vec<&Attempt> = self.log.attempts.iter().filter(is_late).collect();
        assert!(late.is_empty(), "the server is well since {ended:?}, and yet: {late:#?}\n{:#?}", self.log.attempts);
        self.check_rules();
    }

    async fn wait_until_matches_server(&mut self, what: &str) {
        let end = tokio::time::Instant::now() + PATIENCE;
        while !self.matches_server() {
            let late = tokio::time::Instant::now() >= end;
            let difference =
                if late { self.objects().map(|held| difference(&held, &self.server_objects())) } else { None };
            assert!(!late, "{what} did not happen:\n{difference:?}\nfailures: {:#?}", self.log.failures);
            self.follow(ms(20)).await;
        }
    }

    /// Checks that the model keeps earlier objects that the server still has (G2).
    pub(crate) fn check_objects_kept(&self, before: &Objects) {
        let now: BTreeSet<(String, Option<String>)> = self
            .objects()
            .expect("complete lists stay complete")
            .into_iter()
            .map(|(name, object)| {
                let uid = object.get("uid").cloned();
                (name, uid)
            })
            .collect();
        let server = self.server_objects();
        for (name, object) in before {
            let uid = object.get("uid").cloned();
            if server.get(name).is_some_and(|there| there.get("uid").cloned() == uid) {
                assert!(now.contains(&(name.clone(), uid)), "{name} is gone from the picture");
            }
        }
        assert!(self.report().nodes.total.is_some_and(|total| total > 0), "unknown is not 0");
    }

    /// Checks during a fault that keys work (G1) and that the other cluster is not affected (G5).
    pub(crate) async fn check_keys_and_healthy_cluster(&mut self) {
        self.check_keys();
        self.check_healthy_cluster().await;
    }

    /// Checks G1: a key has its effect on the next frame, whatever the clusters' tasks wait for; `q` quits.
    fn check_keys(&mut self) {
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

    /// Returns `true` if the healthy cluster is watched and the model equals its server.
    pub(super) fn is_healthy_cluster_synced(&self) -> bool {
        let (served, log) = &self.healthy;
        log.watches()
            && model_objects(&self.model, 1, self.clock.now())
                .is_some_and(|held| held == server_objects(&served.control().dump(), &[]))
    }

    /// Checks G5: during the fault, a change of the healthy cluster arrives and its probes are answered; it lists nothing again,
    /// and none of its requests fails.
    async fn check_healthy_cluster(&mut self) {
        self.wait_until("the healthy cluster", Self::is_healthy_cluster_synced).await;
        let listed = self.healthy.0.lists("pods").len() + self.healthy.0.lists("nodes").len();
        let answered = |rig: &Self, series| {
            let samples = rig.healthy.1.samples.iter().filter(|sample| sample.series == series);
            samples.filter(|sample| matches!(sample.outcome, ProbeOutcome::Answered { .. })).count()
        };
        let before = [ProbeSeries::Ping, ProbeSeries::Work].map(|series| answered(self, series));
        self.healthy.0.change();
        self.wait_until("news of the healthy cluster", |rig| {
            let now = [ProbeSeries::Ping, ProbeSeries::Work].map(|series| answered(rig, series));
            rig.is_healthy_cluster_synced() && now[0] > before[0] && now[1] > before[1]
        })
        .await;
        let (served, log) = &self.healthy;
        assert_eq!(served.lists("pods").len() + served.lists("nodes").len(), listed, "nothing is read again");
        assert!(log.failures.is_empty() && log.restarts.is_empty(), "{:#?}{:?}", log.failures, log.restarts);
        let missed = |outcome| !matches!(outcome, ProbeOutcome::Answered { .. });
        assert!(!log.samples.iter().any(|sample| missed(sample.outcome)), "{:?}", log.samples);
    }

    /// Checks the rules that hold at any time.
    pub(crate) fn check_rules(&self) {
        self.check_one_page_at_a_time();
        // From the beginning: the first lists and watches start at once, and one fault may follow.
        self.check_request_rate_since(0, Mono(Duration::ZERO), 2 * BURST);
        self.check_resource_use();
        self.check_probe_ticks();
        self.check_retry_waits();
    }

    /// Starts the window, up to the recovery, in which the request rate is checked.
    pub(crate) fn start_request_window(&mut self) {
        self.request_window = self.request_window.or(Some((self.request_count(), self.mono())));
    }

    /// Checks G4: at most one request a second on average, at the default periods.
    fn check_request_rate(&mut self) {
        if let Some((count, since)) = self.request_window.take() {
            self.check_request_rate_since(count, since, BURST);
        }
    }

    fn check_request_rate_since(&self, count: u32, since: Mono, at_once: u32) {
        let (count, lasted) = (self.request_count() - count, self.mono().since(since));
        let tenths = u32::try_from(lasted.as_millis() / 100).unwrap_or(u32::MAX);
        let allowed = tenths.saturating_mul(REQUESTS_PER_SECOND) / 10 + at_once;
        assert!(count <= allowed, "{count} requests in {lasted:?}");
    }

    /// Checks G4: one page of a list in flight at a time, and no endless request. Each namespace has a list of its own (F23).
    fn check_one_page_at_a_time(&self) {
        let scopes = self.tuning.namespaces.len().max(1);
        for (resource, lists) in [(Resource::Nodes, 1), (Resource::Pods, scopes)] {
            let pages: Vec<&Attempt> = self.pages(resource).collect();
            for page in &pages {
                let overlaps = |other: &&&Attempt| other.at <= page.at && other.at + other.total > page.at;
                let at_once = pages.iter().filter(overlaps).count();
                assert!(at_once <= lists, "{at_once} pages at once: {pages:#?}");
            }
        }
        // A busy machine notices a deadline late.
        let longest = self.tuning.page_cap + self.tuning.connect_deadline + Duration::from_secs(20);
        assert!(self.log.attempts.iter().all(|attempt| attempt.total <= longest), "a request without an end");
    }

    /// Number of requests so far. The server counts them; if they do not reach it (nobody listens, the handshake fails, a proxy
    /// refuses), the meter next to the wire counts them.
    fn request_count(&self) -> u32 {
        let seen = self.served.control().request_count();
        u32::try_from(seen.max(self.log.attempts.len() as u64)).unwrap_or(u32::MAX)
    }

    /// Checks G6: no task panicked, and there are no more tasks and connections than of a healthy cluster plus a few retries.
    fn check_resource_use(&self) {
        assert!(self.log.restarts.is_empty(), "{:?}", self.log.restarts);
        assert!(self.tasks <= TASKS, "{} tasks at once", self.tasks);
        // Two pages, two watches, two probes, optional APIs, idle connections of the two clients' pools, and those that a load
        // balancer has forgotten but holds open (F06).
        assert!(
            self.served.control().open_connections() <= 20,
            "{} connections",
            self.served.control().open_connections()
        );
        assert!(self.messages.len() <= 256);
    }

    /// Checks G8: one sample for each tick of a probe. Ticks are multiples of the period; those that pass while this process
    /// does not run are left out, as during a suspension.
    fn check_probe_ticks(&self) {
        for series in [ProbeSeries::Ping, ProbeSeries::Work] {
            let ticks: Vec<Mono> =
                self.log.samples.iter().filter(|sample| sample.series == series).map(|sample| sample.tick).collect();
            for pair in ticks.windows(2) {
                let gap = pair[1].since(pair[0]).as_micros();
                assert!(gap > 0 && gap % self.tuning.probe_period.as_micros() == 0, "{series:?}: {ticks:?}");
            }
        }
    }

    /// Checks G7: no wait is longer than one step, so that every request that waits at the end of a fault is repeated within
    /// one. A forbidden list or watch is repeated after a period of its own (F21).
    fn check_retry_waits(&self) {
        let tuning = &self.tuning;
        let backoff = tuning.backoff_cap * 2;
        let step = backoff.max(tuning.retry_after_cap).max(tuning.rejected_delay).max(tuning.page_retries[2]);
        for failure in &self.log.failures {
            let most = if failure.layer == Layer::Rbac { tuning.denied_period.mul_f64(1.1).max(step) } else { step };
            assert!(failure.next_in.is_none_or(|wait| wait <= most), "more than {most:?}: {failure:?}");
        }
    }
}
