//! Watches: start, end, silence and continuation.

use super::*;

// client-go: retrywatcher_test "recovers from 410 Gone on watch establishment"; kube's watcher never does (P5).
#[test]
fn a_410_at_the_start_of_a_watch_lists_again() {
    let mut bench = Bench::new();
    bench.page("10", "");
    bench.take();
    bench.step(ReflectorInput::WatchEnded(WatchEnd::Refused(gone())));
    assert_eq!(bench.take(), ["told failed Watch", "told waiting Watch"]);
    bench.timer();
    assert_eq!(bench.requests(), ["page 1 limit 500 attempt 1 within 30"]);
    bench.page("20", "");
    assert_eq!(bench.requests(), ["publish 1 of list 2", "watch 20 of list 2"]);
}

// client-go: TestReflectorFullListIfTooLarge; P6.
#[test]
fn a_504_too_large_resource_version_at_the_start_of_a_watch_lists_again() {
    let mut bench = Bench::new();
    bench.page("10", "");
    bench.take();
    let mut error = status(504, Layer::ServerTimeout);
    error.status.as_mut().unwrap().version_too_large = true;
    bench.step(ReflectorInput::WatchEnded(WatchEnd::Refused(error)));
    bench.timer();
    assert_eq!(bench.requests(), ["page 1 limit 500 attempt 1 within 30"], "without a resourceVersion");
}

// client-go: TestReflectorExpiredExactResourceVersion as an event; retrywatcher_test "fails on Gone event".
#[test]
fn a_410_event_lists_again_and_does_not_hot_loop() {
    let mut bench = Bench::watching();
    let mut waits = Vec::new();
    for version in 20..26 {
        bench.step(ReflectorInput::WatchEnded(WatchEnd::Error(gone())));
        waits.push(bench.timer());
        bench.page(&version.to_string(), "");
        if bench.machine.watch_due().is_some() {
            bench.timer();
        }
        bench.step(ReflectorInput::WatchOpen);
    }
    assert!(waits[0] >= Duration::from_millis(800) && waits[0] <= Duration::from_millis(1600), "{waits:?}");
    assert!(
        waits[5] >= Duration::from_millis(25_600),
        "each list is complete, yet the watch never proves itself: {waits:?}"
    );
}

// G7: a watch that waited for a whole step and then finds its version expired must not wait for another one.
#[test]
fn a_version_that_expired_while_the_watch_waited_is_listed_again_soon() {
    let mut bench = Bench::watching();
    bench.answering = false;
    for _ in 0..10 {
        bench.step(ReflectorInput::WatchEnded(WatchEnd::Refused(refused())));
        bench.timer();
    }
    bench.step(ReflectorInput::WatchEnded(WatchEnd::Refused(refused())));
    assert!(bench.timer() >= Duration::from_secs(30), "one step");
    bench.take();
    bench.step(ReflectorInput::WatchEnded(WatchEnd::Refused(gone())));
    assert!(bench.timer() <= Duration::from_millis(1600));
    assert_eq!(bench.requests(), ["page 1 limit 500 attempt 1 within 30"]);
}

// client-go: TestBackoffOnTooManyRequests, TestNoRelistOnTooManyRequests (1 list, 5 watches).
#[test]
fn a_429_at_the_start_or_as_an_event_backs_off_without_a_new_list() {
    let mut bench = Bench::new();
    bench.page("10", "");
    bench.take();
    for at_start in [true, false, true, false] {
        let error = status(429, Layer::Throttled);
        if !at_start {
            bench.step(ReflectorInput::WatchOpen);
        }
        bench.step(ReflectorInput::WatchEnded(if at_start {
            WatchEnd::Refused(error)
        } else {
            WatchEnd::Error(error)
        }));
        bench.timer();
    }
    let requests = bench.requests();
    assert_eq!(requests, vec!["watch 10 of list 1"; 4], "from the same version each time");
}

#[test]
fn a_429_with_retry_after_waits_at_least_that() {
    let mut bench = Bench::new();
    bench.page("10", "");
    let error = RequestError { retry_after: Some(Duration::from_secs(33)), ..status(429, Layer::Throttled) };
    bench.step(ReflectorInput::WatchEnded(WatchEnd::Refused(error)));
    assert!(bench.timer() >= Duration::from_secs(33));
}

// client-go: TestRetryInternalError.
#[test]
fn internal_errors_are_retried_a_few_times_before_a_new_list() {
    let mut bench = Bench::watching();
    for _ in 0..3 {
        bench.step(ReflectorInput::WatchEnded(WatchEnd::Error(status(500, Layer::Server))));
        bench.timer();
        assert_eq!(bench.requests(), ["watch 10 of list 1"]);
        bench.step(ReflectorInput::WatchOpen);
    }
    bench.step(ReflectorInput::WatchEnded(WatchEnd::Error(status(500, Layer::Server))));
    bench.timer();
    assert_eq!(bench.requests(), ["page 1 limit 500 attempt 1 within 30"]);
}

// client-go: TestReflectorReplacesStoreOnUnsafeDelete (R20).
#[test]
fn a_store_that_cannot_be_read_is_listed_again_at_once() {
    let mut bench = Bench::watching();
    let mut error = status(500, Layer::Server);
    error.status.as_mut().unwrap().reason = Clean::new("StoreReadError");
    bench.step(ReflectorInput::WatchEnded(WatchEnd::Error(error)));
    assert!(bench.timer() <= Duration::from_millis(1600));
    assert_eq!(bench.requests(), ["page 1 limit 500 attempt 1 within 30"], "the ghost goes with the sweep");
}

// client-go R9; reflector.go: connection refused at the start of a watch does not list again.
#[test]
fn a_watch_that_cannot_connect_waits_and_goes_on_from_its_version() {
    let mut bench = Bench::watching();
    // Neither does its probe get through.
    bench.answering = false;
    bench.events("40", 3);
    bench.after(120, ReflectorInput::WatchEnded(WatchEnd::Broken(refused())));
    assert_eq!(bench.requests(), ["watch 40 of list 1"]);
    let mut waits = Vec::new();
    for _ in 0..10 {
        bench.step(ReflectorInput::WatchEnded(WatchEnd::Refused(refused())));
        waits.push(bench.timer());
        assert_eq!(bench.requests(), ["watch 40 of list 1"]);
    }
    assert!(waits[9] >= Duration::from_secs(30), "{waits:?}");
}

#[test]
fn a_server_that_refuses_the_watch_three_times_is_listed_again() {
    let mut bench = Bench::new();
    bench.page("10", "");
    bench.take();
    for expected in ["watch 10 of list 1", "watch 10 of list 1", "page 1 limit 500 attempt 1 within 30"] {
        bench.step(ReflectorInput::WatchEnded(WatchEnd::Refused(status(503, Layer::Server))));
        bench.timer();
        assert_eq!(bench.requests(), [expected]);
    }
}

// client-go: TestReflectorHandleWatchResultChanClosedBefore, VeryShortWatchError (R14).
#[test]
fn a_watch_that_closes_at_once_without_an_event_counts_as_a_failure() {
    let mut bench = Bench::watching();
    bench.step(ReflectorInput::WatchEnded(WatchEnd::Clean));
    let wait = bench.timer();
    assert!(wait >= Duration::from_millis(800), "{wait:?}");
    assert_eq!(bench.requests(), ["watch 10 of list 1"]);
}

/// Ends of watches that bring nothing, while lists work.
fn barren_ends() -> Vec<(&'static str, bool, WatchEnd)> {
    let decode = || RequestError::new(Layer::Decode, "expected a watch event, got `no`");
    vec![
        ("headers that never come", false, WatchEnd::Refused(timeout())),
        ("an end at once", true, WatchEnd::Clean),
        ("garbage", true, WatchEnd::Broken(decode())),
        ("a web page", true, WatchEnd::Broken(RequestError { not_kubernetes: true, ..decode() })),
        ("410 and nothing else", true, WatchEnd::Error(gone())),
        ("410 for an answer", false, WatchEnd::Refused(gone())),
        ("a server error as an event", true, WatchEnd::Error(status(500, Layer::Server))),
        ("a server error for an answer", false, WatchEnd::Refused(status(503, Layer::Server))),
        ("a connection that breaks for watches only", false, WatchEnd::Refused(refused())),
    ]
}

#[test]
fn watches_that_bring_nothing_while_lists_work_lead_to_polling_at_a_polite_period() {
    for (what, opens, end) in barren_ends() {
        let mut bench = Bench::new();
        bench.page("10", "");
        let (mut lists, mut watches, mut labels) = (1, 1, 0);
        let (mut requested, start) = (true, bench.now);
        while bench.now < start + Duration::from_secs(600) {
            if std::mem::take(&mut requested) {
                if matches!(&end, WatchEnd::Refused(error) if error.timeout) {
                    bench.now += Duration::from_secs(30);
                }
                if opens {
                    bench.step(ReflectorInput::WatchOpen);
                }
                bench.step(ReflectorInput::WatchEnded(end.clone()));
            } else {
                bench.timer();
            }
            for line in bench.take() {
                labels += usize::from(line == "told polling");
                requested |= line.starts_with("watch");
                watches += usize::from(line.starts_with("watch"));
                if line.starts_with("page") {
                    lists += 1;
                    bench.page("10", "");
                }
            }
        }
        assert!((8..=25).contains(&lists), "{what}: {lists} lists in ten minutes");
        assert!((8..=30).contains(&watches), "{what}: {watches} watches in ten minutes");
        assert!(labels >= 8, "{what}: {labels}");
        // The first watch that works ends it, and misses nothing: it began at the last list.
        while !requested {
            bench.timer();
            for line in bench.take() {
                requested |= line.starts_with("watch");
                if line.starts_with("page") {
                    bench.page("20", "");
                }
            }
        }
        bench.step(ReflectorInput::WatchOpen);
        bench.events("21", 1);
        assert!(bench.take().contains(&"told Watching".to_owned()), "{what}");
        assert_eq!(bench.machine.list_due(), None, "{what}: no more polls");
    }
}

#[test]
fn a_quiet_watch_that_was_open_for_a_while_ends_polling_too() {
    let mut bench = Bench::watching();
    bench.step(ReflectorInput::WatchEnded(WatchEnd::Clean));
    bench.timer();
    bench.step(ReflectorInput::WatchOpen);
    bench.step(ReflectorInput::WatchEnded(WatchEnd::Clean));
    bench.timer();
    bench.page("20", "");
    bench.step(ReflectorInput::WatchOpen);
    assert!(bench.take().ends_with(&["told polling".to_owned()]), "not before");
    bench.take();
    bench.settle();
    assert_eq!(bench.take(), ["told Alive { resource: Pods, bytes: 0 }", "told Watching"]);
}

#[test]
fn an_open_watch_proves_its_version_once_however_quiet_it_is() {
    let mut bench = Bench::watching();
    assert_eq!(bench.timer(), Duration::from_secs(2));
    assert_eq!(bench.take(), ["told Alive { resource: Pods, bytes: 0 }"]);
    assert_eq!(bench.timer(), Duration::from_secs(88), "then only silence is due");
}

#[test]
fn a_watch_that_brings_what_cannot_be_read_proves_nothing() {
    let mut bench = Bench::watching();
    bench.step(ReflectorInput::WatchNews(WatchNews { unreadable: 1, ..WatchNews::default() }));
    assert_eq!(bench.timer(), Duration::from_secs(90), "neither does it keep the watch from being silent");
    assert_eq!(bench.take(), ["close", "told failed Watch", "watch 10 of list 1"]);
}

#[test]
fn the_period_of_a_middlebox_that_cuts_silent_connections_is_learnt_and_undercut() {
    let mut bench = Bench::watching();
    let mut seconds = Vec::new();
    for round in 0..6 {
        bench.settle();
        bench.now += Duration::from_secs(18);
        let cut = WatchEnd::Broken(RequestError::new(Layer::Body, "connection reset by the other side"));
        let moment = bench.moment();
        for effect in
            bench.machine.step(moment, ReflectorInput::WatchEnded(if round % 2 == 0 { cut } else { WatchEnd::Clean }))
        {
            if let ReflectorEffect::Open(request) = effect {
                seconds.push(request.seconds);
            }
        }
        bench.step(ReflectorInput::WatchOpen);
    }
    assert_eq!(seconds.len(), 6, "opened again at once each time");
    assert!(seconds[0] >= 150 && seconds[1..].iter().all(|seconds| *seconds == 16), "{seconds:?}");
    assert!(
        !bench.take().iter().any(|line| line.contains("waiting") || line.contains("polling")),
        "and nothing is lost"
    );
}

#[test]
fn a_connection_that_is_cut_after_seconds_is_not_opened_again_as_often() {
    let mut bench = Bench::watching();
    bench.settle();
    bench.after(1, ReflectorInput::WatchEnded(WatchEnd::Clean));
    assert_eq!(bench.timer(), Duration::from_secs(2), "five seconds after its start");
}

#[test]
fn a_watch_that_is_cut_for_ever_before_anything_comes_is_followed_by_a_list_every_five_minutes() {
    let mut bench = Bench::watching();
    let mut lists = 0;
    let start = bench.now;
    while bench.now < start + Duration::from_secs(1800) {
        bench.settle();
        bench.after(18, ReflectorInput::WatchEnded(WatchEnd::Clean));
        for line in bench.take() {
            if line.starts_with("page") {
                lists += 1;
                bench.page("10", "");
            }
        }
        if bench.machine.watch_due().is_some() {
            bench.timer();
        }
        bench.step(ReflectorInput::WatchOpen);
    }
    assert!((4..=6).contains(&lists), "{lists}");
}

// client-go: TestReflectorHandleWatchResultChanClosedAfter; retrywatcher_test "survives 4 closed watches".
#[test]
fn a_watch_that_delivered_goes_on_at_once_from_its_newest_version_but_not_within_a_second() {
    let mut bench = Bench::watching();
    for version in ["20", "35", "36", "50"] {
        bench.events(version, 1);
        bench.step(ReflectorInput::WatchEnded(WatchEnd::Clean));
        assert!(bench.timer() <= Duration::from_secs(1));
        assert_eq!(bench.take(), [format!("watch {version} of list 1")], "routine: nothing is told");
        bench.step(ReflectorInput::WatchOpen);
    }
}

#[test]
fn two_starts_of_a_watch_are_a_second_apart() {
    let mut bench = Bench::watching();
    bench.events("11", 1);
    bench.now += Duration::from_millis(200);
    bench.step(ReflectorInput::WatchEnded(WatchEnd::Clean));
    assert_eq!(bench.timer(), Duration::from_millis(800));
}

// client-go: TestReflectorResourceVersionUpdate: 10, 20, 30 by bookmark, 40.
#[test]
fn events_and_bookmarks_move_the_version() {
    let mut bench = Bench::watching();
    for version in ["20", "30", "40"] {
        bench.events(version, 1);
    }
    bench.after(200, ReflectorInput::WatchEnded(WatchEnd::Clean));
    assert_eq!(bench.requests(), ["watch 40 of list 1"]);
}

// client-go: TestWatchTimeout.
#[test]
fn the_watchs_timeout_is_random_within_its_bounds() {
    let mut bench = Bench::watching();
    let mut seconds = std::collections::BTreeSet::new();
    for _ in 0..200 {
        bench.now += Duration::from_secs(160);
        bench.events("10", 1);
        let moment = bench.moment();
        for effect in bench.machine.step(moment, ReflectorInput::WatchEnded(WatchEnd::Clean)) {
            if let ReflectorEffect::Open(request) = effect {
                seconds.insert(request.seconds);
            }
        }
        bench.step(ReflectorInput::WatchOpen);
    }
    assert!(seconds.len() > 40 && *seconds.first().unwrap() >= 150 && *seconds.last().unwrap() <= 220, "{seconds:?}");
}

#[test]
fn a_silent_watch_is_opened_again_and_two_in_a_row_are_followed_by_a_list() {
    let mut bench = Bench::watching();
    bench.settle();
    bench.take();
    assert_eq!(bench.timer(), Duration::from_secs(88));
    assert_eq!(bench.take(), ["close", "told failed Watch", "watch 10 of list 1"]);
    bench.step(ReflectorInput::WatchOpen);
    bench.settle();
    assert_eq!(bench.timer(), Duration::from_secs(88));
    assert_eq!(bench.requests(), ["close", "page 1 limit 500 attempt 1 within 30", "watch 10 of list 1"]);
    bench.step(ReflectorInput::WatchOpen);
    bench.page("30", "");
    assert_eq!(bench.take(), ["publish 1 of list 2", "close", "told list 2 finished"]);
    assert_eq!(bench.timer(), Duration::from_secs(1), "a second after its last start");
    assert_eq!(bench.requests(), ["watch 30 of list 2"]);
    bench.step(ReflectorInput::WatchOpen);
    assert_eq!(bench.take(), ["told polling"], "nothing but lists says anything new");
    bench.settle();
    bench.events("31", 1);
    assert_eq!(bench.take(), ["told Alive { resource: Pods, bytes: 0 }", "told Watching"]);
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
    bench.step(ReflectorInput::WatchNews(WatchNews {
        events: 1,
        version: Some("12".into()),
        skipped: true,
        synced: false,
        ..WatchNews::default()
    }));
    assert_eq!(bench.take(), Vec::<String>::new(), "at leisure");
    bench.after(180, ReflectorInput::WatchEnded(WatchEnd::Clean));
    assert_eq!(bench.requests(), ["page 1 limit 500 attempt 1 within 30", "watch 12 of list 1"]);
}

#[test]
fn a_watch_lost_while_the_list_runs_is_followed_by_another_pass() {
    let mut bench = Bench::new();
    bench.page("10", "C1");
    bench.step(ReflectorInput::WatchOpen);
    bench.take();
    bench.step(ReflectorInput::WatchEnded(WatchEnd::Error(gone())));
    assert_eq!(bench.take(), ["told failed Watch"]);
    bench.page("10", "");
    assert_eq!(
        bench.take(),
        ["publish 2 of list 1", "told list 1 finished"],
        "nothing is thrown away, nor called live"
    );
    bench.timer();
    assert_eq!(bench.requests(), ["page 1 limit 500 attempt 1 within 30"]);
}

// Page 1 brings a version of its own, which includes everything before it.
#[test]
fn a_watch_lost_before_page_1_is_not_followed_by_another_pass() {
    let mut bench = Bench::watching();
    bench.step(ReflectorInput::Refresh);
    bench.step(ReflectorInput::WatchEnded(WatchEnd::Error(gone())));
    bench.take();
    bench.page("20", "");
    bench.timer();
    bench.step(ReflectorInput::WatchOpen);
    assert_eq!(
        bench.take(),
        ["publish 1 of list 2", "told list 2 finished", "watch 20 of list 2", "told Watching"],
        "one list, and live"
    );
}

// An object that is always too large, in a list of many pages: one list for each watch, not one after the other.
#[test]
fn an_event_that_was_too_large_while_the_list_runs_is_listed_again_only_when_the_watch_ends() {
    let mut bench = Bench::new();
    bench.page("10", "C1");
    bench.step(ReflectorInput::WatchOpen);
    bench.step(ReflectorInput::WatchNews(WatchNews {
        events: 1,
        version: Some("12".into()),
        skipped: true,
        synced: false,
        ..WatchNews::default()
    }));
    bench.take();
    bench.page("10", "");
    assert_eq!(bench.take(), ["publish 2 of list 1", "told list 1 finished", "told Watching"]);
    bench.after(80, ReflectorInput::WatchEnded(WatchEnd::Clean));
    assert_eq!(bench.requests(), ["page 1 limit 500 attempt 1 within 30", "watch 12 of list 1"]);
}
