use proptest::prelude::*;

use super::*;
use crate::msg::{CallId, Resource};

fn at(seconds: u64) -> Mono {
    Mono(Duration::from_secs(seconds))
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A call of `parts`: connecting, until the first byte, all; in milliseconds.
fn attempt(kind: CallKind, parts: (u64, u64, u64), bytes: u64) -> Attempt {
    Attempt {
        id: CallId(1),
        kind,
        page: None,
        attempt: 1,
        at: at(0),
        connect: (parts.0 > 0).then(|| ms(parts.0)),
        first_byte: Some(ms(parts.1)),
        total: ms(parts.2),
        bytes,
        status: Some(200),
        end: CallEnd::Complete,
    }
}

fn stats(kind: CallKind, attempts: &[Attempt], ping: Option<Duration>) -> KindStats {
    let mut window = Window::new(kind);
    for attempt in attempts {
        window.push(attempt, at(100));
    }
    window.stats(at(100), at(0), ping)
}

const PODS: CallKind = CallKind::List(Resource::Pods);

#[test]
fn network_queue_and_big_answer_look_different() {
    let fast = Some(ms(20));
    let verdict = |kind, parts, bytes, ping| {
        let stats = stats(kind, &[attempt(kind, parts, bytes)], ping);
        let shares = stats.shares.unwrap();
        (stats.verdict, (shares.connect, shares.first_byte, shares.body))
    };
    assert_eq!(verdict(CallKind::Work, (1_500, 1_800, 2_000), 1_000, fast), (Some(Verdict::Connect), (75, 15, 10)));
    assert_eq!(verdict(CallKind::Work, (0, 1_800, 2_000), 1_000, fast), (Some(Verdict::Queue), (0, 90, 10)));
    assert_eq!(verdict(CallKind::Work, (0, 1_800, 2_000), 1_000, Some(ms(900))).0, Some(Verdict::Everything));
    // 40 MB in 9 s, and 400 kB in 9 s.
    assert_eq!(verdict(PODS, (0, 1_000, 10_000), 40_000_000, fast), (Some(Verdict::BigAnswer), (0, 10, 90)));
    assert_eq!(verdict(PODS, (0, 1_000, 10_000), 400_000, fast).0, Some(Verdict::SlowBody));
    assert_eq!(verdict(PODS, (0, 1_000, 4_000), 400_000, fast).0, None, "a page of 4 s is not slow");
    assert_eq!(verdict(CallKind::Work, (0, 900, 1_000), 1_000, fast).0, None, "1 s is the SLO");
}

#[test]
fn what_decoding_took_is_a_share_of_its_own() {
    let mut window = Window::new(PODS);
    for id in 1..=2 {
        window.push(&Attempt { id: CallId(id), ..attempt(PODS, (0, 1_000, 2_000), 1_000) }, at(1));
    }
    window.decoded(CallId(1), ms(9_000));
    window.decoded(CallId(2), ms(7_000));
    window.decoded(CallId(3), ms(99_000));
    let stats = window.stats(at(2), at(0), Some(ms(20)));
    // Of 2 s waiting, 2 s reading and 16 s decoding.
    assert_eq!(stats.shares, Some(Shares { connect: 0, first_byte: 10, body: 10, decode: 80 }));
    assert_eq!(stats.verdict, Some(Verdict::Decode), "although no call was slow");
    assert_eq!(stats.max, Some(Percentile { value: ms(2_000), at_least: false }), "it is not part of the call");
}

#[test]
fn a_504_before_any_deadline_is_an_error_and_no_latency() {
    let answered = |total| {
        let mut call = attempt(PODS, (0, total, total), 0);
        call.status = Some(504);
        call
    };
    let fast = stats(PODS, &[answered(1), answered(999)], None);
    assert_eq!((fast.p50, fast.max, fast.timeouts), (None, None, 2));
    assert_eq!(fast.errors, [(ErrorClass::Status(504), 2)]);
    let slow = stats(PODS, &[answered(1), answered(28_000)], None);
    assert_eq!(slow.p50, Some(Percentile { value: ms(28_000), at_least: true }));
}

#[test]
fn a_call_without_a_first_byte_waited_for_it() {
    let mut call = attempt(PODS, (0, 0, 30_000), 0);
    (call.first_byte, call.status, call.end) = (None, None, CallEnd::TimedOut);
    let stats = stats(PODS, &[call], Some(ms(20)));
    assert_eq!(stats.shares, Some(Shares { connect: 0, first_byte: 100, body: 0, decode: 0 }));
    assert_eq!((stats.timeouts, stats.errors), (1, vec![(ErrorClass::FirstByteTimeout, 1)]));
    assert_eq!(stats.max, Some(Percentile { value: ms(30_000), at_least: true }));
}

#[test]
fn errors_are_counted_by_class_and_quick_ones_are_no_latencies() {
    let with = |end, status: Option<u16>| {
        let mut call = attempt(PODS, (0, 1, 2), 0);
        (call.end, call.status) = (end, status);
        if status.is_none() {
            call.first_byte = None;
        }
        call
    };
    let calls = [
        with(CallEnd::Complete, Some(429)),
        with(CallEnd::Complete, Some(504)),
        with(CallEnd::Complete, Some(429)),
        with(CallEnd::NoResponse, None),
        with(CallEnd::Broken, Some(200)),
        with(CallEnd::TimedOut, Some(200)),
        with(CallEnd::Complete, Some(200)),
    ];
    let stats = stats(PODS, &calls, None);
    let expected = [
        (ErrorClass::Status(429), 2),
        (ErrorClass::BodyTimeout, 1),
        (ErrorClass::Cut, 1),
        (ErrorClass::NoAnswer, 1),
        (ErrorClass::Status(504), 1),
    ];
    assert_eq!(stats.errors, expected);
    assert_eq!((stats.count, stats.timeouts), (7, 2), "a 504 is a timeout too");
    assert_eq!(stats.verdict, None);
    let throttled = self::stats(PODS, &calls[..1], None);
    assert_eq!((throttled.verdict, throttled.p50), (Some(Verdict::Throttled), None));
}

#[test]
fn the_window_forgets_after_ten_minutes_and_says_what_it_left_out() {
    let mut window = Window::new(CallKind::Work);
    let call = attempt(CallKind::Work, (0, 10, 20), 100);
    window.push(&call, at(0));
    for second in 500..700 {
        window.push(&call, at(second));
    }
    let stats = window.stats(at(700), at(0), None);
    assert_eq!((stats.count, stats.bytes, stats.more), (200, 20_000, false), "the first one is too old");
    assert!((stats.rate - 200.0 / 600.0).abs() < 1e-9, "{}", stats.rate);
    for second in 700..800 {
        window.push(&call, at(second));
    }
    let stats = window.stats(at(800), at(0), None);
    assert_eq!((stats.count, stats.more), (256, true));
    // The oldest of the 256 that are left ended at 544 s.
    assert!((stats.rate - 1.0).abs() < 1e-9, "{}", stats.rate);
}

proptest! {
    /// The oracle sorts by hand and takes the smallest value that is not exceeded by the share.
    #[test]
    fn percentiles_and_counts_agree_with_an_exact_oracle(
        calls in prop::collection::vec((1_u64..60_000, any::<bool>()), 1..=256),
    ) {
        let attempts: Vec<_> = calls.iter().map(|(total, late)| {
            let mut call = attempt(PODS, (0, 1, *total), 10);
            if *late {
                call.end = CallEnd::TimedOut;
            }
            call
        }).collect();
        let stats = stats(PODS, &attempts, None);
        let mut exact: Vec<(u64, bool)> = calls.clone();
        exact.sort_unstable();
        let oracle = |percent: usize| {
            let needed = (1..=exact.len()).find(|taken| taken * 100 >= exact.len() * percent).unwrap();
            let (total, at_least) = exact[needed - 1];
            Some(Percentile { value: ms(total), at_least })
        };
        prop_assert_eq!(stats.p50, oracle(50));
        prop_assert_eq!(stats.p95, oracle(95));
        prop_assert_eq!(stats.p99, if exact.len() >= 100 { oracle(99) } else { None });
        prop_assert_eq!(stats.max, oracle(100));
        prop_assert_eq!(stats.timeouts, calls.iter().filter(|(_, late)| *late).count());
        prop_assert_eq!((stats.count, stats.bytes), (calls.len(), 10 * calls.len() as u64));
    }
}

#[test]
fn without_a_connection_all_of_the_time_was_spent_on_connecting_and_the_cause_has_its_name() {
    let causes = [
        NoConnection::Refused,
        NoConnection::Unreachable,
        NoConnection::TimedOut,
        NoConnection::Dns,
        NoConnection::Proxy,
        NoConnection::Tls,
        NoConnection::Other,
    ];
    for cause in causes {
        let call = Attempt {
            end: CallEnd::NotConnected(cause),
            status: None,
            first_byte: None,
            ..attempt(CallKind::Work, (0, 0, 3), 0)
        };
        let stats = stats(CallKind::Work, &vec![call; 12], None);
        assert_eq!(stats.errors, [(ErrorClass::NoConnection(cause), 12)]);
        let shares = stats.shares.unwrap();
        assert_eq!((shares.connect, shares.first_byte, shares.body), (100, 0, 0), "{cause:?}");
        assert_eq!(stats.p50, None, "it is no latency of the API");
    }
}

#[test]
fn a_minute_is_green_when_nothing_in_it_was_slow_late_or_refused() {
    let green = |calls: &[(u64, Attempt)], now: u64| {
        let mut window = Window::new(CallKind::Work);
        for (second, attempt) in calls {
            window.push(attempt, at(*second));
        }
        window.is_green(at(now))
    };
    let (slow, fast) = (attempt(CallKind::Work, (0, 2_900, 3_000), 0), attempt(CallKind::Work, (0, 20, 30), 0));
    let late = Attempt { end: CallEnd::TimedOut, status: None, ..fast.clone() };
    let refused = Attempt { status: Some(429), ..fast.clone() };
    assert_eq!(green(&[(10, slow.clone()), (70, fast.clone())], 70), Some(false));
    assert_eq!(green(&[(10, slow), (70, fast.clone())], 71), Some(true));
    assert_eq!(green(&[(10, late), (20, fast.clone())], 70), Some(false));
    assert_eq!(green(&[(10, refused), (20, fast.clone())], 70), Some(false));
    assert_eq!(green(&[(10, fast)], 71), None, "nothing ended in it");
}
