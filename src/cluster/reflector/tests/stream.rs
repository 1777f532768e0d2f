//! Lists that come as watches, and the fallback when they do not. Mirrors client-go's `reflector_watchlist_test.go`.

use super::*;

impl Bench {
    /// A state machine that requests lists as watches and has requested one.
    fn streaming() -> Self {
        let mut bench = Self { watch_list: true, ..Self::idle(Tuning::default()) };
        bench.step(ReflectorInput::Start);
        assert_eq!(bench.take(), ["told list 1 started", "told Listing", "watch with list 1"]);
        bench
    }

    /// Initial events: a watch cannot continue from their versions.
    fn initial(&mut self, events: u32) {
        self.step(ReflectorInput::WatchNews(WatchNews { events, ..WatchNews::default() }));
    }

    /// The bookmark that ends the initial events.
    fn synced(&mut self, version: &str) {
        let news = WatchNews {
            events: 1,
            version: Some(version.into()),
            skipped: false,
            synced: true,
            ..WatchNews::default()
        };
        self.step(ReflectorInput::WatchNews(news));
    }
}

// client-go: TestReflectorListAndWatch "UseWatchList enabled"; TestWatchList "synced after receiving a bookmark event".
#[test]
fn the_list_is_complete_with_its_bookmark_and_the_watch_is_open_already() {
    let mut bench = Bench::streaming();
    bench.step(ReflectorInput::WatchOpen);
    bench.initial(500);
    bench.initial(3);
    assert_eq!(bench.take(), Vec::<String>::new(), "503 objects are no list yet");
    bench.synced("40");
    assert_eq!(bench.take(), ["told list 1 finished", "told Watching"]);
    bench.events("41", 1);
    bench.after(200, ReflectorInput::WatchEnded(WatchEnd::Clean));
    assert_eq!(bench.requests(), ["watch 41 of list 1"], "a watch like any other, from where it was");
}

// client-go: TestReflectorListAndWatch "UseWatchList disabled"; TestNewReflectorWithDisablementWatchList.
#[test]
fn unless_it_is_wanted_no_list_comes_as_a_watch() {
    let mut bench = Bench::new();
    assert_eq!(bench.requests(), ["page 1 limit 500 attempt 1 within 30"]);
}

// client-go: TestWatchList "won't be synced if the bookmark event has been received" without the annotation.
#[test]
fn a_bookmark_that_is_not_the_end_leaves_the_list_unfinished() {
    let mut bench = Bench::streaming();
    bench.step(ReflectorInput::WatchOpen);
    bench.events("40", 1);
    assert_eq!(bench.take(), Vec::<String>::new());
}

// client-go: TestWatchList "can fall back … when a server doesn't support streaming": 422 Invalid, the gate is off.
#[test]
fn a_server_that_does_not_stream_is_asked_for_pages_at_once_and_never_again_for_a_stream() {
    let mut bench = Bench::streaming();
    bench.step(ReflectorInput::WatchEnded(WatchEnd::Refused(status(422, Layer::Server))));
    let pages = [
        "no more lists as watches",
        "told failed Server",
        "told list 2 started",
        "page 1 limit 500 attempt 1 within 30",
    ];
    assert_eq!(bench.take(), pages);
    bench.page("10", "");
    bench.timer();
    assert_eq!(
        bench.requests(),
        ["publish 1 of list 2", "watch 10 of list 2"],
        "a second after the last start of a watch"
    );
    bench.step(ReflectorInput::WatchOpen);
    bench.after(60, ReflectorInput::WatchEnded(WatchEnd::Error(gone())));
    bench.timer();
    assert_eq!(bench.requests(), ["page 1 limit 500 attempt 1 within 30"], "remembered");
}

// client-go: TestWatchList "returning any other error than apierrors.NewInvalid forces fallback", "retries 429", "stopping a
// watcher before sync", "expiring": here each of them is the end of streaming, after a wait.
#[test]
fn any_failure_before_the_bookmark_is_followed_by_pages_after_a_wait() {
    let throttled = RequestError { retry_after: Some(Duration::from_secs(20)), ..status(429, Layer::Throttled) };
    let ends = [
        (WatchEnd::Refused(refused()), 0),
        (WatchEnd::Refused(status(500, Layer::Server)), 0),
        (WatchEnd::Refused(status(403, Layer::Rbac)), 0),
        (WatchEnd::Refused(status(401, Layer::Auth)), 0),
        (WatchEnd::Refused(throttled), 20),
        (WatchEnd::Error(gone()), 0),
        (WatchEnd::Broken(refused()), 0),
        (WatchEnd::Clean, 0),
    ];
    for (end, at_least) in ends {
        for open in [false, true] {
            let mut bench = Bench::streaming();
            if open {
                bench.step(ReflectorInput::WatchOpen);
                bench.initial(7);
            }
            bench.step(ReflectorInput::WatchEnded(end.clone()));
            let lines = bench.take();
            assert_eq!(lines[0], "no more lists as watches", "{end:?}");
            assert!(lines[2].starts_with("told waiting"), "{end:?}: {lines:?}");
            let wait = bench.timer();
            assert!(wait >= Duration::from_millis(800) && wait >= Duration::from_secs(at_least), "{end:?}: {wait:?}");
            assert_eq!(bench.requests(), ["page 1 limit 500 attempt 2 within 30"], "{end:?}");
        }
    }
}

// client-go: TestInitialEventsEndBookmarkTicker warns every 10 s while the bookmark is missing; here the wait has an end.
#[test]
fn initial_events_that_stop_coming_are_followed_by_pages() {
    let mut bench = Bench::streaming();
    bench.step(ReflectorInput::WatchOpen);
    bench.after(20, ReflectorInput::WatchNews(WatchNews { events: 500, ..WatchNews::default() }));
    bench.take();
    assert_eq!(bench.timer(), Duration::from_secs(30), "a page's deadline after the last event");
    let lines = bench.take();
    assert_eq!(lines[..3], ["close", "no more lists as watches", "told failed Body"]);
}

// client-go: TestWatchList "expiring an established watcher results in returning an error".
#[test]
fn a_watch_that_expires_later_is_followed_by_another_list_as_a_watch() {
    let mut bench = Bench::streaming();
    bench.step(ReflectorInput::WatchOpen);
    bench.synced("40");
    bench.take();
    bench.after(90, ReflectorInput::WatchEnded(WatchEnd::Error(gone())));
    assert_eq!(bench.take(), ["told failed Watch", "told waiting Watch"], "streaming itself has not failed");
    bench.timer();
    assert_eq!(bench.take(), ["told list 2 started", "told Listing", "watch with list 2"]);
}

#[test]
fn refresh_and_new_credentials_leave_a_list_that_streams_alone_and_a_sleep_ends_it() {
    let mut bench = Bench::streaming();
    bench.step(ReflectorInput::Refresh);
    bench.step(ReflectorInput::WatchOpen);
    bench.step(ReflectorInput::Refresh);
    bench.step(ReflectorInput::Renewed);
    assert_eq!(bench.take(), Vec::<String>::new());
    bench.step(ReflectorInput::Resumed);
    assert_eq!(bench.take(), ["close", "told failed Watch", "told waiting Watch"]);
    bench.timer();
    assert_eq!(bench.requests()[..1], ["watch with list 2"]);
}

#[test]
fn a_watch_that_skipped_an_event_ends_in_one_new_stream() {
    let mut bench = Bench::streaming();
    bench.step(ReflectorInput::WatchOpen);
    bench.synced("40");
    bench.take();
    let skipped =
        WatchNews { events: 1, version: Some("42".into()), skipped: true, synced: false, ..WatchNews::default() };
    bench.step(ReflectorInput::WatchNews(skipped));
    bench.after(180, ReflectorInput::WatchEnded(WatchEnd::Clean));
    assert_eq!(bench.requests(), ["watch with list 2"], "no second watch beside it");
}

#[test]
fn a_refresh_of_a_complete_list_closes_its_watch_for_the_next_stream() {
    let mut bench = Bench::streaming();
    bench.step(ReflectorInput::WatchOpen);
    bench.synced("40");
    bench.take();
    bench.after(60, ReflectorInput::Refresh);
    assert_eq!(bench.take(), ["told list 2 started", "told Listing", "close", "watch with list 2"]);
}

// Pages have a cap of their own, and a larger one: a list that streamed again would come to the same object for ever.
#[test]
fn an_object_that_is_too_large_to_stream_ends_streaming_and_comes_in_a_page() {
    let mut bench = Bench::streaming();
    bench.step(ReflectorInput::WatchOpen);
    bench.step(ReflectorInput::WatchNews(WatchNews { events: 7, skipped: true, ..WatchNews::default() }));
    assert_eq!(bench.take(), ["close", "no more lists as watches", "told failed Server", "told waiting Server"]);
    bench.timer();
    bench.page("40", "");
    bench.step(ReflectorInput::WatchOpen);
    assert_eq!(
        bench.requests(),
        ["page 1 limit 500 attempt 2 within 30", "publish 1 of list 2", "watch 40 of list 2"],
        "and the pages are the list"
    );
    bench.settle();
    assert_eq!(bench.machine.due(), Some(Mono(bench.now + Duration::from_secs(88))), "only silence ends this watch");
}

// "" and "0" would make the next watch send everything, past the server's caches.
#[test]
fn a_stream_whose_end_has_no_version_is_followed_by_pages() {
    for version in ["", "0"] {
        let mut bench = Bench::streaming();
        bench.step(ReflectorInput::WatchOpen);
        bench.initial(7);
        bench.synced(version);
        let reported = ["close", "no more lists as watches", "told failed Server", "told waiting Server"];
        assert_eq!(bench.take(), reported, "{version:?}");
        bench.timer();
        assert_eq!(bench.requests(), ["page 1 limit 500 attempt 2 within 30"], "{version:?}");
    }
}
