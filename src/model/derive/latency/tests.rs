use proptest::prelude::*;

use super::*;
use crate::msg::{CallId, ProbeOutcome, Resource};

fn at(seconds: u64) -> Mono {
    Mono(Duration::from_secs(seconds))
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn answered(tick: u64, latency: u64) -> ProbeSample {
    ProbeSample { series: ProbeSeries::Work, tick: at(tick), outcome: ProbeOutcome::Answered { latency: ms(latency) } }
}

fn timed_out(tick: u64) -> ProbeSample {
    ProbeSample { series: ProbeSeries::Work, tick: at(tick), outcome: ProbeOutcome::TimedOut { at_least: ms(5000) } }
}

fn attempt(id: u64, kind: CallKind, end: CallEnd, status: Option<u16>) -> CallEvent {
    CallEvent::Finished(Box::new(Attempt {
        id: CallId(id),
        kind,
        page: None,
        attempt: 1,
        at: at(0),
        connect: None,
        first_byte: None,
        total: ms(5000),
        bytes: 0,
        status,
        end,
    }))
}

fn latency() -> Latency {
    Latency::new(Settings::default())
}

#[test]
fn percentiles_of_twenty_samples_are_the_tenth_and_the_nineteenth() {
    let mut latency = latency();
    for n in 1..=20 {
        latency.probe(&answered(n * 5, n * 10));
    }
    let summary = latency.summary(at(101));
    assert_eq!(summary.samples, 20);
    assert_eq!(summary.p50, Some(Percentile { value: ms(100), at_least: false }));
    assert_eq!(summary.p95, Some(Percentile { value: ms(190), at_least: false }));
    assert_eq!(summary.max, Some(Percentile { value: ms(200), at_least: false }));
    assert_eq!(summary.last, Some(Percentile { value: ms(200), at_least: false }));
}

#[test]
fn one_sample_is_every_percentile() {
    let mut latency = latency();
    latency.probe(&answered(5, 30));
    let summary = latency.summary(at(6));
    assert_eq!((summary.p50, summary.p95), (summary.max, summary.max));
    assert_eq!(summary.max.map(|p| p.value), Some(ms(30)));
}

#[test]
fn timeouts_enter_percentiles_as_at_least_their_limit() {
    let mut latency = latency();
    for n in 1..=9 {
        latency.probe(&answered(n * 5, 10));
    }
    latency.probe(&timed_out(50));
    let summary = latency.summary(at(56));
    assert_eq!(summary.p50, Some(Percentile { value: ms(10), at_least: false }));
    assert_eq!(summary.p95, Some(Percentile { value: ms(5000), at_least: true }));
    assert_eq!(summary.lost, 1);
}

#[test]
fn refused_probes_are_lost_and_never_look_fast() {
    let mut latency = latency();
    for n in 1..=10 {
        let outcome = ProbeOutcome::Failed { after: ms(1), layer: crate::msg::Layer::Connect };
        latency.probe(&ProbeSample { series: ProbeSeries::Work, tick: at(n * 5), outcome });
    }
    let summary = latency.summary(at(51));
    assert_eq!((summary.samples, summary.lost), (10, 10));
    assert_eq!((summary.p50, summary.max, summary.last), (None, None, None));
}

#[test]
fn samples_leave_the_window() {
    let mut latency = latency();
    latency.probe(&answered(5, 9000));
    latency.probe(&answered(300, 10));
    let summary = latency.summary(at(306));
    assert_eq!((summary.samples, summary.max.map(|p| p.value)), (1, Some(ms(10))));
}

#[test]
fn marks_are_one_per_tick_and_a_missing_tick_is_blank() {
    let mut latency = latency();
    latency.probe(&answered(5, 10));
    latency.probe(&timed_out(15));
    latency.probe(&answered(20, 20));
    let marks = latency.marks(6, at(24));
    let expected = [
        SparkMark::Blank,
        SparkMark::Blank,
        SparkMark::Answered(ms(10)),
        SparkMark::Blank,
        SparkMark::TimedOut,
        SparkMark::Answered(ms(20)),
    ];
    assert_eq!(marks, expected);
}

#[test]
fn overdue_ticks_are_blank_and_not_invented() {
    let mut latency = latency();
    latency.probe(&answered(5, 10));
    assert_eq!(
        latency.marks(3, at(15)),
        [SparkMark::Blank, SparkMark::Blank, SparkMark::Answered(ms(10))],
        "a probe may still run"
    );
    assert_eq!(latency.marks(3, at(16)), [SparkMark::Blank, SparkMark::Answered(ms(10)), SparkMark::Blank]);
    assert_eq!(latency.marks(3, at(100)), [SparkMark::Blank; 3]);
}

#[test]
fn a_column_that_holds_two_samples_shows_the_loss() {
    let mut latency = latency();
    latency.probe(&timed_out(5));
    latency.probe(&ProbeSample {
        series: ProbeSeries::Work,
        tick: Mono(ms(6000)),
        outcome: ProbeOutcome::Answered { latency: ms(1) },
    });
    assert_eq!(latency.marks(2, at(7)), [SparkMark::Blank, SparkMark::TimedOut]);
}

#[test]
fn fewer_columns_show_the_newest() {
    let mut latency = latency();
    for n in 1..=100 {
        latency.probe(&answered(n * 5, n));
    }
    assert_eq!(latency.marks(2, at(501)), [SparkMark::Answered(ms(99)), SparkMark::Answered(ms(100))]);
    assert!(latency.marks(0, at(501)).is_empty());
}

#[test]
fn a_sleep_is_as_wide_as_it_was_long() {
    let mut latency = latency();
    latency.probe(&answered(5, 10));
    latency.slept(Duration::from_secs(20));
    latency.probe(&answered(10, 20));
    let expected = [
        SparkMark::Answered(ms(10)),
        SparkMark::Blank,
        SparkMark::Blank,
        SparkMark::Blank,
        SparkMark::Blank,
        SparkMark::Answered(ms(20)),
    ];
    assert_eq!(latency.marks(6, at(11)), expected);
    latency.slept(Duration::from_secs(3600));
    assert_eq!(latency.summary(at(12)).samples, 0, "what was measured before the night is no news");
}

#[test]
fn a_probe_that_times_out_is_one_timeout() {
    let mut latency = latency();
    latency.call(&attempt(1, CallKind::Work, CallEnd::TimedOut, None), at(10));
    latency.probe(&timed_out(5));
    assert_eq!((latency.timeouts_in_window(at(11)), latency.timeouts_ever()), (1, 1));
}

#[test]
fn the_servers_own_timeout_counts_and_a_refused_connection_does_not() {
    let mut latency = latency();
    latency.call(&attempt(1, CallKind::List(Resource::Pods), CallEnd::Complete, Some(504)), at(1));
    latency.call(&attempt(2, CallKind::List(Resource::Pods), CallEnd::TimedOut, Some(200)), at(2));
    latency.call(&attempt(3, CallKind::Get, CallEnd::NoResponse, None), at(3));
    latency.call(&attempt(4, CallKind::Get, CallEnd::Complete, Some(500)), at(4));
    latency.call(&attempt(5, CallKind::Get, CallEnd::Cancelled, None), at(5));
    assert_eq!(latency.timeouts_in_window(at(5)), 2);
    assert_eq!(latency.most_timeouts(at(5)), Some((CallKind::List(Resource::Pods), 2)));
}

#[test]
fn timeouts_leave_the_window_and_stay_in_the_lifetime_counter() {
    let mut latency = latency();
    latency.call(&attempt(1, CallKind::Work, CallEnd::TimedOut, None), at(10));
    latency.tick(at(611));
    assert_eq!((latency.timeouts_in_window(at(611)), latency.timeouts_ever()), (0, 1));
    assert_eq!(latency.since_timeout(at(611)), Some(Duration::from_secs(601)));
}

#[test]
fn a_call_whose_end_was_lost_does_not_run_for_ever() {
    let mut latency = latency();
    latency.call(
        &CallEvent::Started {
            id: CallId(1),
            kind: CallKind::Get,
            page: None,
            attempt: 1,
            at: at(0),
            limit: Duration::from_secs(5),
        },
        at(0),
    );
    latency.tick(at(35));
    assert_eq!(latency.running().count(), 1);
    latency.tick(at(36));
    assert_eq!(latency.running().count(), 0);
}

#[test]
fn load_is_per_second_of_the_last_minute_and_counts_no_byte_twice() {
    let mut latency = latency();
    let started = CallEvent::Started {
        id: CallId(1),
        kind: CallKind::List(Resource::Pods),
        page: Some(1),
        attempt: 1,
        at: at(0),
        limit: Duration::from_secs(30),
    };
    latency.call(&started, at(0));
    latency.call(&CallEvent::Progress { id: CallId(1), bytes: 400 }, at(1));
    let CallEvent::Finished(mut end) = attempt(1, CallKind::List(Resource::Pods), CallEnd::Complete, Some(200)) else {
        unreachable!()
    };
    end.bytes = 1000;
    latency.call(&CallEvent::Finished(end), at(2));
    latency.watched(200, at(9));
    assert_eq!(latency.load(at(9)), (0.1, 120.0), "one request and 1200 bytes in ten seconds");
    assert_eq!(latency.load(at(120)), (0.0, 0.0));
    assert_eq!(latency.requests(), 1);
}

proptest! {
    #[test]
    fn percentiles_agree_with_a_literal_count(
        samples in prop::collection::vec((0_u64..6000, any::<bool>()), 1..60),
    ) {
        let mut latency = latency();
        for (n, (value, censored)) in samples.iter().enumerate() {
            let outcome = if *censored {
                ProbeOutcome::TimedOut { at_least: ms(*value) }
            } else {
                ProbeOutcome::Answered { latency: ms(*value) }
            };
            latency.probe(&ProbeSample { series: ProbeSeries::Work, tick: at(n as u64 * 5), outcome });
        }
        let summary = latency.summary(at(295));
        for (percent, found) in [(50, summary.p50), (95, summary.p95)] {
            // The definition, literally: the smallest sample that at least `percent` of all samples do not exceed.
            let not_above = |x: &(u64, bool)| samples.iter().filter(|y| *y <= x).count();
            let exact = samples.iter().filter(|x| not_above(x) * 100 >= percent * samples.len()).min().unwrap();
            prop_assert_eq!(found, Some(Percentile { value: ms(exact.0), at_least: exact.1 }));
        }
    }
}
