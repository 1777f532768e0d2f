//! Pages: retries in place, expired tokens, backoff.

use super::*;

// client-go: TestReflectorListAndWatch, TestReflectorWatchListPageSize.
#[test]
fn the_watch_opens_at_page_ones_version_beside_the_remaining_pages() {
    let mut bench = Bench::new();
    assert_eq!(bench.take(), ["told list 1 started", "told Listing", "page 1 limit 500 attempt 1 within 30"]);
    bench.page("10", "C1");
    assert_eq!(bench.take(), ["publish 1 of list 1", "watch 10 of list 1", "page 2 C1 limit 500 attempt 1 within 30",]);
    bench.step(ReflectorInput::WatchOpen);
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
    bench.step(ReflectorInput::WatchOpen);
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
        bench.after(30, ReflectorInput::PageFailed(timeout()));
        assert_eq!(bench.take(), ["told failed FirstByte"]);
        assert_eq!(bench.timer(), Duration::from_secs(wait));
        seen.extend(bench.take().into_iter().map(|line| (line, bench.now.abs_diff(start).as_secs())));
    }
    // docs/latency-and-alerts.md: attempts at 0–30, 31–61, 63–93 and 97–120, the last one with 23 s.
    assert_eq!(
        seen,
        [
            ("page 2 C1 limit 250 attempt 2 within 30".to_owned(), 31),
            ("page 2 C1 limit 100 attempt 3 within 30".to_owned(), 63),
            ("page 2 C1 limit 50 attempt 4 within 23".to_owned(), 97),
        ]
    );
    bench.after(23, ReflectorInput::PageFailed(timeout()));
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
    bench.after(60, ReflectorInput::PageFailed(timeout()));
    bench.timer();
    assert_eq!(bench.requests(), ["page 2 C1 limit 250 attempt 2 within 59"]);
    bench.after(59, ReflectorInput::PageFailed(timeout()));
    assert!(bench.take().contains(&"told waiting FirstByte".to_owned()), "the budget ends it, not the count");
}

// client-go: pager_test "expires on second page", TestReflectorFullListIfExpired; here with the server's own token (R5).
#[test]
fn an_expired_token_goes_on_with_the_one_that_the_server_supplies() {
    let mut bench = Bench::new();
    bench.page("10", "C1");
    bench.step(ReflectorInput::WatchOpen);
    bench.take();
    bench.step(ReflectorInput::PageFailed(gone_with("C1-late")));
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
    bench.step(ReflectorInput::WatchOpen);
    bench.take();
    bench.step(ReflectorInput::PageFailed(gone()));
    assert_eq!(bench.take(), ["told failed Watch", "told waiting Watch"]);
    assert!(bench.timer() >= Duration::from_millis(800));
    assert_eq!(bench.take(), ["told list 2 started", "told Listing", "page 1 limit 500 attempt 2 within 30"]);
    bench.page("20", "");
    assert_eq!(
        bench.requests(),
        ["publish 1 of list 2", "close", "watch 20 of list 2"],
        "the old watch lived until now"
    );
}

#[test]
fn tokens_that_expire_for_ever_do_not_loop() {
    let mut bench = Bench::new();
    bench.page("10", "C1");
    bench.take();
    for _ in 0..3 {
        bench.step(ReflectorInput::PageFailed(gone_with("C")));
    }
    assert_eq!(bench.requests().len(), 3);
    bench.step(ReflectorInput::PageFailed(gone_with("C")));
    assert_eq!(bench.requests(), Vec::<String>::new(), "now the backoff");
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
        bench.step(ReflectorInput::PageFailed(refused()));
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
        bench.step(ReflectorInput::PageFailed(refused()));
        bench.timer();
    }
    bench.page("10", "C1");
    bench.take();
    for _ in 0..4 {
        bench.step(ReflectorInput::PageFailed(refused()));
        if bench.take().iter().any(|line| line.starts_with("told waiting")) {
            break;
        }
        bench.timer();
    }
    assert!(bench.timer() >= Duration::from_secs(30), "a page alone is no recovery");
    bench.page("10", "");
    bench.step(ReflectorInput::WatchOpen);
    bench.step(ReflectorInput::Refresh);
    bench.step(ReflectorInput::PageFailed(refused()));
    assert!(bench.timer() <= Duration::from_millis(1600));
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
fn tokens_that_go_round_in_a_circle_do_not_loop() {
    let mut bench = Bench::new();
    bench.page("10", "A");
    bench.page("10", "B");
    bench.page("10", "C");
    assert!(!bench.take().contains(&"told waiting Server".to_owned()));
    bench.page("10", "A");
    assert!(bench.take().contains(&"told waiting Server".to_owned()));
    assert!(bench.timer() >= Duration::from_millis(800));
    assert_eq!(bench.requests(), ["page 1 limit 500 attempt 2 within 30"]);
    bench.page("20", "A");
    assert_eq!(bench.requests().last().unwrap(), "page 2 A limit 500 attempt 1 within 30", "each list for itself");
}
