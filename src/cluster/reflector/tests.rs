//! Table tests of the state machine, named after behaviours; they mirror client-go's tests of its reflector, retry watcher
//! and pager (list-watch.md, section 4) as far as those concern the loop of one resource.

use jiff::Timestamp;

use super::*;
use crate::facts::wire::StatusFacts;

/// A machine, its clock, and what it asked for, one line each.
struct Bench {
    machine: Reflector,
    now: Duration,
    page_deadline: Duration,
    log: Vec<String>,
}

impl Bench {
    fn new() -> Self {
        Self::with(Tuning::default())
    }

    fn with(tuning: Tuning) -> Self {
        let machine = Reflector::new(Resource::Pods, Arc::new(tuning), 3);
        let mut bench =
            Self { machine, now: Duration::from_secs(1000), page_deadline: Duration::from_secs(30), log: Vec::new() };
        bench.step(Input::Start);
        bench
    }

    fn step(&mut self, input: Input) {
        let moment = Moment {
            now: Now { mono: Mono(self.now), wall: Timestamp::UNIX_EPOCH },
            page_deadline: self.page_deadline,
            answering: true,
        };
        for effect in self.machine.step(moment, input) {
            self.log.push(line(&effect));
        }
    }

    /// Lets time pass to the next timer; returns how long that took.
    fn timer(&mut self) -> Duration {
        let due = self.machine.due().expect("something is due").0;
        let wait = due.saturating_sub(self.now);
        self.now = self.now.max(due);
        self.step(Input::Timer);
        wait
    }

    fn after(&mut self, secs: u64, input: Input) {
        self.now += Duration::from_secs(secs);
        self.step(input);
    }

    fn page(&mut self, version: &str, token: &str) {
        self.step(Input::Page(PageNews { version: version.into(), token: token.into(), ..PageNews::default() }));
    }

    fn events(&mut self, version: &str, events: u32) {
        self.step(Input::WatchNews(WatchNews { events, version: Some(version.into()), skipped: false }));
    }

    /// What was asked for since the last call.
    fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.log)
    }

    /// The same without what is only told.
    fn asked(&mut self) -> Vec<String> {
        self.take().into_iter().filter(|line| !line.starts_with("told")).collect()
    }

    /// A complete list and an open watch at version 10.
    fn watching() -> Self {
        let mut bench = Self::new();
        bench.page("10", "");
        bench.step(Input::WatchOpen);
        bench.take();
        bench
    }
}

fn line(effect: &Effect) -> String {
    match effect {
        Effect::Fetch(ask) => {
            let token = ask.token.as_deref().map(|token| format!(" {token}")).unwrap_or_default();
            let secs = ask.limits.deadline.as_secs();
            format!("page {}{token} limit {} attempt {} within {secs}", ask.page, ask.limit, ask.attempt)
        }
        Effect::Open(ask) => format!("watch {} of list {}", ask.version, ask.generation),
        Effect::Close => "close".to_owned(),
        Effect::Abandon => "abandon".to_owned(),
        Effect::Publish(page) => format!("publish {} of list {}", page.page, page.generation),
        Effect::Renew => "renew".to_owned(),
        Effect::Tell(ClusterEvent::ListStarted { generation, .. }) => format!("told list {generation} started"),
        Effect::Tell(ClusterEvent::ListFinished { generation, .. }) => format!("told list {generation} finished"),
        Effect::Tell(ClusterEvent::Failed(failure)) => format!("told failed {:?}", failure.layer),
        Effect::Tell(ClusterEvent::Sync { state, .. }) => match state {
            SyncState::Waiting { failure, .. } => format!("told waiting {:?}", failure.layer),
            SyncState::Denied { .. } => "told denied".to_owned(),
            SyncState::Polling { .. } => "told polling".to_owned(),
            state => format!("told {state:?}"),
        },
        Effect::Tell(other) => format!("told {other:?}"),
    }
}

fn status(code: u16, layer: Layer) -> Trouble {
    let status = StatusFacts { code, ..StatusFacts::default() };
    Trouble { code: Some(code), status: Some(Box::new(status)), ..Trouble::new(layer, "said the server") }
}

fn gone() -> Trouble {
    status(410, Layer::Watch)
}

fn gone_with(token: &str) -> Trouble {
    let mut trouble = gone();
    trouble.status.as_mut().unwrap().continue_token = token.into();
    trouble
}

fn timeout() -> Trouble {
    Trouble::timed_out(Layer::FirstByte, "no answer within 30 s")
}

fn refused() -> Trouble {
    Trouble::new(Layer::Connect, "refused")
}

// client-go: TestReflectorListAndWatch, TestReflectorWatchListPageSize.
#[test]
fn the_watch_opens_at_page_ones_version_beside_the_remaining_pages() {
    let mut bench = Bench::new();
    assert_eq!(bench.take(), ["told list 1 started", "told Listing", "page 1 limit 500 attempt 1 within 30"]);
    bench.page("10", "C1");
    assert_eq!(bench.take(), ["publish 1 of list 1", "watch 10 of list 1", "page 2 C1 limit 500 attempt 1 within 30",]);
    bench.step(Input::WatchOpen);
    assert_eq!(bench.take(), Vec::<String>::new(), "the list is what there is to say");
    bench.page("10", "C2");
    assert_eq!(bench.take(), ["publish 2 of list 1", "page 3 C2 limit 500 attempt 1 within 30"]);
    bench.page("10", "");
    assert_eq!(bench.take(), ["publish 3 of list 1", "told list 1 finished", "told Watching"]);
}

// client-go: pager_test "empty page", "one page".
#[test]
fn a_list_of_one_page_is_complete_and_live_once_the_watch_is_open() {
    let mut bench = Bench::new();
    bench.take();
    bench.page("10", "");
    assert_eq!(bench.take(), ["publish 1 of list 1", "watch 10 of list 1", "told list 1 finished"]);
    bench.step(Input::WatchOpen);
    assert_eq!(bench.take(), ["told Watching"]);
}

#[test]
fn a_page_is_retried_in_place_with_the_same_token_until_the_budget_ends() {
    let mut bench = Bench::new();
    bench.page("10", "C1");
    bench.take();
    let start = bench.now;
    let mut seen = Vec::new();
    for wait in [1, 2, 4] {
        bench.after(30, Input::PageFailed(timeout()));
        assert_eq!(bench.take(), ["told failed FirstByte"]);
        assert_eq!(bench.timer(), Duration::from_secs(wait));
        seen.extend(bench.take().into_iter().map(|line| (line, bench.now.abs_diff(start).as_secs())));
    }
    // latency-and-alerts.md, 6.2: attempts at 0–30, 31–61, 63–93 and 97–120, the last one with 23 s.
    assert_eq!(
        seen,
        [
            ("page 2 C1 limit 250 attempt 2 within 30".to_owned(), 31),
            ("page 2 C1 limit 100 attempt 3 within 30".to_owned(), 63),
            ("page 2 C1 limit 50 attempt 4 within 23".to_owned(), 97),
        ]
    );
    bench.after(23, Input::PageFailed(timeout()));
    assert_eq!(bench.take(), ["told failed FirstByte", "told waiting FirstByte"]);
    let wait = bench.timer();
    assert!(wait >= Duration::from_millis(800) && wait <= Duration::from_millis(1600), "{wait:?}");
    assert_eq!(bench.take(), ["told Listing", "page 2 C1 limit 50 attempt 5 within 30"], "the place is kept");
}

#[test]
fn with_60_seconds_a_page_the_second_attempt_gets_59() {
    let mut bench = Bench::new();
    bench.page_deadline = Duration::from_secs(60);
    bench.page("10", "C1");
    bench.take();
    bench.after(60, Input::PageFailed(timeout()));
    bench.timer();
    assert_eq!(bench.asked(), ["page 2 C1 limit 250 attempt 2 within 59"]);
    bench.after(59, Input::PageFailed(timeout()));
    assert!(bench.take().contains(&"told waiting FirstByte".to_owned()), "the budget ends it, not the count");
}

// client-go: pager_test "expires on second page", TestReflectorFullListIfExpired; here with the server's own token (R5).
#[test]
fn an_expired_token_goes_on_with_the_one_that_the_server_supplies() {
    let mut bench = Bench::new();
    bench.page("10", "C1");
    bench.step(Input::WatchOpen);
    bench.take();
    bench.step(Input::PageFailed(gone_with("C1-late")));
    assert_eq!(bench.take(), ["told failed Watch", "page 2 C1-late limit 500 attempt 1 within 30"]);
    bench.page("10", "");
    assert_eq!(
        bench.take(),
        ["publish 2 of list 1", "told list 1 finished", "told Watching"],
        "no list from the start"
    );
}

#[test]
fn an_expired_token_without_another_starts_a_new_generation_after_the_backoff() {
    let mut bench = Bench::new();
    bench.page("10", "C1");
    bench.step(Input::WatchOpen);
    bench.take();
    bench.step(Input::PageFailed(gone()));
    assert_eq!(bench.take(), ["told failed Watch", "told waiting Watch"]);
    assert!(bench.timer() >= Duration::from_millis(800));
    assert_eq!(bench.take(), ["told list 2 started", "told Listing", "page 1 limit 500 attempt 2 within 30"]);
    bench.page("20", "");
    assert_eq!(bench.asked(), ["publish 1 of list 2", "close", "watch 20 of list 2"], "the old watch lived until now");
}

#[test]
fn tokens_that_expire_for_ever_do_not_loop() {
    let mut bench = Bench::new();
    bench.page("10", "C1");
    bench.take();
    for _ in 0..3 {
        bench.step(Input::PageFailed(gone_with("C")));
    }
    assert_eq!(bench.asked().len(), 3);
    bench.step(Input::PageFailed(gone_with("C")));
    assert_eq!(bench.asked(), Vec::<String>::new(), "now the backoff");
}

#[test]
fn a_server_that_repeats_a_page_does_not_loop() {
    let mut bench = Bench::new();
    bench.page("10", "C1");
    bench.page("10", "C1");
    assert!(bench.take().contains(&"told waiting Server".to_owned()));
}

// client-go: TestReflectorListAndWatchInitConnBackoff, "5 failures grow; 40 failures flatten at the cap".
#[test]
fn failing_lists_back_off_and_flatten_at_the_cap() {
    let mut bench = Bench::new();
    let mut waits = Vec::new();
    for _ in 0..40 {
        bench.step(Input::PageFailed(refused()));
        waits.push(bench.timer());
    }
    for (at, base) in [800, 1600, 3200, 6400, 12_800, 25_600].into_iter().enumerate() {
        let base = Duration::from_millis(base);
        assert!(waits[at] >= base && waits[at] <= 2 * base, "wait {at}: {:?}", waits[at]);
    }
    assert!(waits[6..].iter().all(|w| *w >= Duration::from_secs(30) && *w <= Duration::from_secs(60)));
    let starts = bench.take().iter().filter(|line| line.ends_with("started")).count();
    assert_eq!(starts, 41);
}

#[test]
fn only_a_finished_list_resets_the_lists_backoff() {
    let mut bench = Bench::new();
    for _ in 0..6 {
        bench.step(Input::PageFailed(refused()));
        bench.timer();
    }
    bench.page("10", "C1");
    bench.take();
    for _ in 0..4 {
        bench.step(Input::PageFailed(refused()));
        if bench.take().iter().any(|line| line.starts_with("told waiting")) {
            break;
        }
        bench.timer();
    }
    assert!(bench.timer() >= Duration::from_secs(30), "a page alone is no recovery");
    bench.page("10", "");
    bench.step(Input::WatchOpen);
    bench.step(Input::Refresh);
    bench.step(Input::PageFailed(refused()));
    assert!(bench.timer() <= Duration::from_millis(1600));
}

// client-go: retrywatcher_test "recovers from 410 Gone on watch establishment"; kube's watcher never does (P5).
#[test]
fn a_410_at_the_start_of_a_watch_lists_again() {
    let mut bench = Bench::new();
    bench.page("10", "");
    bench.take();
    bench.step(Input::WatchEnded(WatchEnd::Refused(gone())));
    assert_eq!(bench.take(), ["told failed Watch", "told waiting Watch"]);
    bench.timer();
    assert_eq!(bench.asked(), ["page 1 limit 500 attempt 1 within 30"]);
    bench.page("20", "");
    assert_eq!(bench.asked(), ["publish 1 of list 2", "watch 20 of list 2"]);
}

// client-go: TestReflectorFullListIfTooLarge; P6.
#[test]
fn a_504_too_large_resource_version_at_the_start_of_a_watch_lists_again() {
    let mut bench = Bench::new();
    bench.page("10", "");
    bench.take();
    let mut trouble = status(504, Layer::ServerTimeout);
    trouble.status.as_mut().unwrap().version_too_large = true;
    bench.step(Input::WatchEnded(WatchEnd::Refused(trouble)));
    bench.timer();
    assert_eq!(bench.asked(), ["page 1 limit 500 attempt 1 within 30"], "without a resourceVersion");
}

// client-go: TestReflectorExpiredExactResourceVersion as an event; retrywatcher_test "fails on Gone event".
#[test]
fn a_410_event_lists_again_and_does_not_hot_loop() {
    let mut bench = Bench::watching();
    let mut waits = Vec::new();
    for version in 20..26 {
        bench.step(Input::WatchEnded(WatchEnd::Error(gone())));
        waits.push(bench.timer());
        bench.page(&version.to_string(), "");
        if bench.machine.watch_due().is_some() {
            bench.timer();
        }
        bench.step(Input::WatchOpen);
    }
    assert!(waits[0] >= Duration::from_millis(800) && waits[0] <= Duration::from_millis(1600), "{waits:?}");
    assert!(
        waits[5] >= Duration::from_millis(25_600),
        "each list is complete, yet the watch never proves itself: {waits:?}"
    );
}

// client-go: TestBackoffOnTooManyRequests, TestNoRelistOnTooManyRequests (1 list, 5 watches).
#[test]
fn a_429_at_the_start_or_as_an_event_backs_off_without_a_new_list() {
    let mut bench = Bench::new();
    bench.page("10", "");
    bench.take();
    for at_start in [true, false, true, false] {
        let trouble = status(429, Layer::Throttled);
        if !at_start {
            bench.step(Input::WatchOpen);
        }
        bench.step(Input::WatchEnded(if at_start { WatchEnd::Refused(trouble) } else { WatchEnd::Error(trouble) }));
        bench.timer();
    }
    let asked = bench.asked();
    assert_eq!(asked, vec!["watch 10 of list 1"; 4], "from the same version each time");
}

#[test]
fn a_429_with_retry_after_waits_at_least_that() {
    let mut bench = Bench::new();
    bench.page("10", "");
    let trouble = Trouble { retry_after: Some(Duration::from_secs(33)), ..status(429, Layer::Throttled) };
    bench.step(Input::WatchEnded(WatchEnd::Refused(trouble)));
    assert!(bench.timer() >= Duration::from_secs(33));
}

// client-go: TestRetryInternalError.
#[test]
fn internal_errors_are_retried_a_few_times_before_a_new_list() {
    let mut bench = Bench::watching();
    for _ in 0..3 {
        bench.step(Input::WatchEnded(WatchEnd::Error(status(500, Layer::Server))));
        bench.timer();
        assert_eq!(bench.asked(), ["watch 10 of list 1"]);
        bench.step(Input::WatchOpen);
    }
    bench.step(Input::WatchEnded(WatchEnd::Error(status(500, Layer::Server))));
    bench.timer();
    assert_eq!(bench.asked(), ["page 1 limit 500 attempt 1 within 30"]);
}

// client-go R9; reflector.go: connection refused at the start of a watch does not list again.
#[test]
fn a_watch_that_cannot_connect_waits_and_goes_on_from_its_version() {
    let mut bench = Bench::watching();
    bench.events("40", 3);
    bench.after(120, Input::WatchEnded(WatchEnd::Broken(refused())));
    assert_eq!(bench.asked(), ["watch 40 of list 1"]);
    let mut waits = Vec::new();
    for _ in 0..10 {
        bench.step(Input::WatchEnded(WatchEnd::Refused(refused())));
        waits.push(bench.timer());
        assert_eq!(bench.asked(), ["watch 40 of list 1"]);
    }
    assert!(waits[9] >= Duration::from_secs(30), "{waits:?}");
}

#[test]
fn a_server_that_refuses_the_watch_three_times_is_listed_again() {
    let mut bench = Bench::new();
    bench.page("10", "");
    bench.take();
    for expected in ["watch 10 of list 1", "watch 10 of list 1", "page 1 limit 500 attempt 1 within 30"] {
        bench.step(Input::WatchEnded(WatchEnd::Refused(status(503, Layer::Server))));
        bench.timer();
        assert_eq!(bench.asked(), [expected]);
    }
}

// client-go: TestReflectorHandleWatchResultChanClosedBefore, VeryShortWatchError (R14).
#[test]
fn a_watch_that_closes_at_once_without_an_event_counts_as_a_failure() {
    let mut bench = Bench::watching();
    let mut waits = Vec::new();
    for _ in 0..8 {
        bench.step(Input::WatchEnded(WatchEnd::Clean));
        waits.push(bench.timer());
        assert_eq!(bench.asked(), ["watch 10 of list 1"]);
        bench.step(Input::WatchOpen);
    }
    assert!(waits[0] >= Duration::from_millis(800) && waits[7] >= Duration::from_secs(30), "{waits:?}");
}

// client-go: TestReflectorHandleWatchResultChanClosedAfter; retrywatcher_test "survives 4 closed watches".
#[test]
fn a_watch_that_delivered_goes_on_at_once_from_its_newest_version_but_not_within_a_second() {
    let mut bench = Bench::watching();
    for version in ["20", "35", "36", "50"] {
        bench.events(version, 1);
        bench.step(Input::WatchEnded(WatchEnd::Clean));
        assert!(bench.timer() <= Duration::from_secs(1));
        assert_eq!(bench.take(), [format!("watch {version} of list 1")], "routine: nothing is told");
        bench.step(Input::WatchOpen);
    }
}

#[test]
fn two_starts_of_a_watch_are_a_second_apart() {
    let mut bench = Bench::watching();
    bench.events("11", 1);
    bench.now += Duration::from_millis(200);
    bench.step(Input::WatchEnded(WatchEnd::Clean));
    assert_eq!(bench.timer(), Duration::from_millis(800));
}

// client-go: TestReflectorResourceVersionUpdate: 10, 20, 30 by bookmark, 40.
#[test]
fn events_and_bookmarks_move_the_version() {
    let mut bench = Bench::watching();
    for version in ["20", "30", "40"] {
        bench.events(version, 1);
    }
    bench.after(200, Input::WatchEnded(WatchEnd::Clean));
    assert_eq!(bench.asked(), ["watch 40 of list 1"]);
}

// client-go: TestWatchTimeout.
#[test]
fn the_watchs_timeout_is_random_within_its_bounds() {
    let mut bench = Bench::watching();
    let mut seconds = std::collections::BTreeSet::new();
    for _ in 0..200 {
        bench.now += Duration::from_secs(160);
        let moment = Moment {
            now: Now { mono: Mono(bench.now), wall: Timestamp::UNIX_EPOCH },
            page_deadline: bench.page_deadline,
            answering: true,
        };
        for effect in bench.machine.step(moment, Input::WatchEnded(WatchEnd::Clean)) {
            if let Effect::Open(ask) = effect {
                seconds.insert(ask.seconds);
            }
        }
        bench.step(Input::WatchOpen);
    }
    assert!(seconds.len() > 40 && *seconds.first().unwrap() >= 150 && *seconds.last().unwrap() <= 220, "{seconds:?}");
}

#[test]
fn a_silent_watch_is_opened_again_and_two_in_a_row_are_followed_by_a_list() {
    let mut bench = Bench::watching();
    assert_eq!(bench.timer(), Duration::from_secs(90));
    assert_eq!(bench.take(), ["close", "told failed Watch", "watch 10 of list 1"]);
    bench.step(Input::WatchOpen);
    assert_eq!(bench.timer(), Duration::from_secs(90));
    assert_eq!(bench.asked(), ["close", "page 1 limit 500 attempt 1 within 30", "watch 10 of list 1"]);
    bench.step(Input::WatchOpen);
    bench.page("30", "");
    assert_eq!(bench.take(), ["publish 1 of list 2", "close", "told list 2 finished"]);
    assert_eq!(bench.timer(), Duration::from_secs(1), "a second after its last start");
    assert_eq!(bench.asked(), ["watch 30 of list 2"]);
}

#[test]
fn bytes_keep_a_watch_from_being_silent() {
    let mut bench = Bench::watching();
    for _ in 0..5 {
        bench.now += Duration::from_secs(60);
        bench.events("10", 1);
        assert_eq!(bench.machine.due(), Some(Mono(bench.now + Duration::from_secs(90))));
    }
}

#[test]
fn an_event_that_was_too_large_is_followed_by_a_list_when_the_watch_ends() {
    let mut bench = Bench::watching();
    bench.step(Input::WatchNews(WatchNews { events: 1, version: Some("12".into()), skipped: true }));
    assert_eq!(bench.take(), Vec::<String>::new(), "at leisure");
    bench.after(180, Input::WatchEnded(WatchEnd::Clean));
    assert_eq!(bench.asked(), ["page 1 limit 500 attempt 1 within 30", "watch 12 of list 1"]);
}

#[test]
fn a_watch_lost_while_the_list_runs_is_followed_by_another_pass() {
    let mut bench = Bench::new();
    bench.page("10", "C1");
    bench.step(Input::WatchOpen);
    bench.take();
    bench.step(Input::WatchEnded(WatchEnd::Error(gone())));
    assert_eq!(bench.take(), ["told failed Watch"]);
    bench.page("10", "");
    assert_eq!(
        bench.take(),
        ["publish 2 of list 1", "told list 1 finished"],
        "nothing is thrown away, nor called live"
    );
    bench.timer();
    assert_eq!(bench.asked(), ["page 1 limit 500 attempt 1 within 30"]);
}

// client-go: TestRequestWatch "server returns forbidden"; F21.
#[test]
fn a_forbidden_list_is_denied_and_asked_again_every_five_minutes() {
    let mut bench = Bench::new();
    bench.take();
    bench.step(Input::PageFailed(status(403, Layer::Rbac)));
    assert_eq!(bench.take(), ["told failed Rbac", "told denied"]);
    for _ in 0..3 {
        let wait = bench.timer();
        assert!(wait >= Duration::from_secs(270) && wait <= Duration::from_secs(330), "{wait:?}");
        assert_eq!(
            bench.take(),
            ["told list 2 started", "page 1 limit 500 attempt 1 within 30"]
                .map(|line| { line.replace('2', &bench.machine.generation.to_string()) })
        );
        bench.step(Input::PageFailed(status(403, Layer::Rbac)));
        bench.take();
    }
    bench.timer();
    bench.page("10", "");
    assert!(bench.take().contains(&"told Listing".to_owned()), "the right was given");
}

// F53.
#[test]
fn a_403_soon_after_a_success_is_transient() {
    let mut bench = Bench::watching();
    bench.after(20, Input::Refresh);
    bench.take();
    bench.step(Input::PageFailed(status(403, Layer::Rbac)));
    assert_eq!(bench.take(), ["told failed Rbac", "told waiting Rbac"]);
    assert!(bench.timer() <= Duration::from_millis(1600));
    bench.after(70, Input::PageFailed(status(403, Layer::Rbac)));
    assert!(bench.take().contains(&"told denied".to_owned()));
}

// F22.
#[test]
fn without_the_right_to_watch_the_list_is_polled() {
    let mut bench = Bench::new();
    bench.page("10", "");
    bench.take();
    bench.step(Input::WatchEnded(WatchEnd::Refused(status(403, Layer::Rbac))));
    assert_eq!(bench.take(), ["told failed Rbac", "told polling"]);
    let mut polls = 0;
    let mut watches = 0;
    let start = bench.now;
    while bench.now < start + Duration::from_secs(600) {
        let wait = bench.timer();
        assert!(wait >= Duration::from_secs(30) && wait <= Duration::from_secs(60), "{wait:?}");
        bench.page("11", "");
        polls += 1;
        let lines = bench.take();
        assert!(!lines.contains(&"told Listing".to_owned()), "polls are routine: {lines:?}");
        if lines.iter().any(|line| line.starts_with("watch")) {
            watches += 1;
            bench.step(Input::WatchEnded(WatchEnd::Refused(status(403, Layer::Rbac))));
        }
        bench.take();
    }
    assert!((10..=20).contains(&polls), "{polls}");
    assert!((1..=2).contains(&watches), "the watch is asked for again every five minutes: {watches}");
}

#[test]
fn a_watch_that_is_forbidden_beside_the_remaining_pages_leads_to_polling_at_the_end() {
    let mut bench = Bench::new();
    bench.page("10", "C1");
    bench.step(Input::WatchEnded(WatchEnd::Refused(status(403, Layer::Rbac))));
    bench.take();
    bench.page("10", "");
    assert_eq!(bench.take(), ["publish 2 of list 1", "told list 1 finished", "told polling"]);
}

// kubernetes-sigs/headlamp#7482; exec.go: the first 401 refreshes.
#[test]
fn the_first_401_renews_the_credentials_and_the_second_waits() {
    let mut bench = Bench::new();
    bench.take();
    bench.step(Input::PageFailed(status(401, Layer::Auth)));
    assert_eq!(bench.take(), ["renew", "told failed Auth"]);
    bench.after(1, Input::Renewed);
    assert_eq!(bench.asked(), ["page 1 limit 500 attempt 2 within 30"], "at once with the new ones");
    bench.step(Input::PageFailed(status(401, Layer::Auth)));
    assert_eq!(bench.take(), ["told failed Auth", "told waiting Auth"]);
    assert!(bench.timer() >= Duration::from_secs(30));
    bench.take();
    bench.step(Input::PageFailed(status(401, Layer::Auth)));
    assert_eq!(bench.asked(), ["renew"], "later new ones are asked for once more");
}

#[test]
fn a_rejected_watch_renews_the_credentials_once_and_keeps_its_version() {
    let mut bench = Bench::watching();
    bench.events("15", 1);
    bench.after(200, Input::WatchEnded(WatchEnd::Clean));
    bench.take();
    bench.step(Input::WatchEnded(WatchEnd::Refused(status(401, Layer::Auth))));
    assert_eq!(bench.asked(), ["renew"]);
    bench.after(2, Input::Renewed);
    assert_eq!(bench.asked(), ["watch 15 of list 1"]);
    bench.step(Input::WatchEnded(WatchEnd::Refused(status(401, Layer::Auth))));
    assert!(bench.timer() >= Duration::from_secs(30));
}

#[test]
fn refresh_lists_again_while_the_old_watch_goes_on() {
    let mut bench = Bench::watching();
    bench.after(60, Input::Refresh);
    assert_eq!(bench.take(), ["told list 2 started", "told Listing", "page 1 limit 500 attempt 1 within 30"]);
    bench.step(Input::Refresh);
    assert_eq!(bench.take(), Vec::<String>::new(), "it is already under way");
    bench.page("20", "");
    assert_eq!(bench.take(), ["publish 1 of list 2", "close", "watch 20 of list 2", "told list 2 finished"]);
    bench.step(Input::WatchOpen);
    assert_eq!(bench.take(), ["told Watching"]);
}

#[test]
fn refresh_ends_every_wait() {
    let mut bench = Bench::new();
    bench.step(Input::PageFailed(refused()));
    bench.take();
    bench.step(Input::Refresh);
    assert_eq!(bench.asked(), ["page 1 limit 500 attempt 2 within 30"]);
    bench.page("10", "C1");
    bench.take();
    bench.after(30, Input::PageFailed(timeout()));
    bench.after(0, Input::Refresh);
    assert_eq!(bench.asked(), ["page 2 C1 limit 250 attempt 2 within 30"]);
}

#[test]
fn a_list_without_a_version_is_never_watched() {
    for version in ["", "0"] {
        let mut bench = Bench::new();
        bench.take();
        bench.page(version, "");
        assert_eq!(bench.take(), ["publish 1 of list 1", "told list 1 finished", "told polling"], "{version:?}");
    }
}

#[test]
fn a_web_page_in_the_place_of_a_list_is_not_asked_for_quickly() {
    let mut bench = Bench::new();
    let alien = Trouble { alien: true, ..Trouble::new(Layer::Decode, "not a Kubernetes API") };
    bench.step(Input::PageFailed(alien));
    assert!(bench.timer() >= Duration::from_secs(30));
}

#[test]
fn a_bare_deadline_error_carries_the_failure_before_it() {
    let mut bench = Bench::new();
    let moment = Moment {
        now: Now { mono: Mono(bench.now), wall: Timestamp::UNIX_EPOCH },
        page_deadline: bench.page_deadline,
        answering: true,
    };
    bench.step(Input::PageFailed(refused()));
    bench.timer();
    let effects = bench.machine.step(moment, Input::PageFailed(timeout()));
    let failure = effects.iter().find_map(|effect| match effect {
        Effect::Tell(ClusterEvent::Failed(failure)) => Some(failure),
        _ => None,
    });
    let failure = failure.unwrap();
    assert_eq!((failure.previous.as_deref(), &*failure.request), (Some("refused"), "list pods"));
}

#[test]
fn whatever_happens_in_whatever_order_one_page_and_one_watch_are_in_flight_at_most() {
    for seed in 0..300 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut bench = Bench::new();
        let (mut page, mut watch, mut open) = (true, false, false);
        let mut last_watch: Option<Duration> = None;
        let mut generation = 1;
        bench.take();
        for _ in 0..200 {
            bench.now += Duration::from_millis(rng.u64(0..5_000));
            let trouble = match rng.u8(0..9) {
                0 => gone(),
                1 => gone_with("T"),
                2 => timeout(),
                3 => refused(),
                4 => status(403, Layer::Rbac),
                5 => status(401, Layer::Auth),
                6 => status(429, Layer::Throttled),
                7 => Trouble { alien: true, ..Trouble::new(Layer::Decode, "?") },
                _ => status(500, Layer::Server),
            };
            match rng.u8(0..8) {
                0 | 1 if page => {
                    page = false;
                    let token = if rng.bool() { format!("C{}", rng.u32(..)) } else { String::new() };
                    bench.page(&rng.u64(0..50).to_string(), &token);
                }
                2 if page => {
                    page = false;
                    bench.step(Input::PageFailed(trouble));
                }
                3 if watch && !open => {
                    open = true;
                    bench.step(Input::WatchOpen);
                }
                4 if open => bench.events("60", rng.u32(0..3)),
                5 if watch => {
                    let end = match rng.u8(0..3) {
                        _ if !open => WatchEnd::Refused(trouble),
                        0 => WatchEnd::Clean,
                        1 => WatchEnd::Broken(trouble),
                        _ => WatchEnd::Error(trouble),
                    };
                    (watch, open) = (false, false);
                    bench.step(Input::WatchEnded(end));
                }
                6 => bench.step(if rng.bool() { Input::Refresh } else { Input::Renewed }),
                _ => bench.step(Input::Timer),
            }
            for line in bench.take() {
                if line.starts_with("page") {
                    assert!(!page, "seed {seed}: a second page in flight");
                    page = true;
                } else if line.starts_with("watch") {
                    assert!(!watch, "seed {seed}: a second watch");
                    (watch, open) = (true, false);
                    assert!(
                        last_watch.is_none_or(|last| bench.now >= last + Duration::from_secs(1)),
                        "seed {seed}: too soon"
                    );
                    last_watch = Some(bench.now);
                    assert!(!line.starts_with("watch  ") && !line.starts_with("watch 0 "), "seed {seed}: {line}");
                } else if line == "close" {
                    (watch, open) = (false, false);
                } else if line.ends_with("started") {
                    generation += 1;
                    assert_eq!(line, format!("told list {generation} started"), "seed {seed}");
                }
            }
            assert!(page || bench.machine.due().is_some() || watch, "seed {seed}: nothing will ever happen again");
        }
    }
}
