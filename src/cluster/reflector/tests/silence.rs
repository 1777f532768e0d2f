//! The end of a silence: waits end at once, possibly dead requests start again, and nothing else changes.

use super::*;
use crate::cluster::silence::ServerSilence;

impl Bench {
    /// The ping is answered again after it was missed for so many seconds; the page in flight hangs.
    fn answered(&mut self, silent_secs: u64) {
        let now = Mono(self.now);
        let from = Mono(self.now.saturating_sub(Duration::from_secs(silent_secs)));
        self.step(ReflectorInput::Answered { silence: ServerSilence { from, to: now }, hangs: true });
    }

    /// Time until the next timer.
    fn due_in(&self) -> Option<Duration> {
        self.machine.due().map(|due| due.since(Mono(self.now)))
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_list_that_waits_is_asked_for_within_a_second_of_the_first_answer_and_backs_off_as_before_if_it_fails() {
    let mut bench = Bench::new();
    for _ in 0..8 {
        bench.step(ReflectorInput::PageFailed(refused()));
        bench.timer();
    }
    bench.step(ReflectorInput::PageFailed(refused()));
    assert!(bench.due_in().unwrap() >= 30 * SECOND, "grown to the cap");
    bench.take();
    bench.answered(90);
    assert_eq!(bench.take(), ["told waiting Connect"], "the screen counts down to the new moment");
    assert!(bench.timer() <= SECOND);
    assert_eq!(bench.requests(), ["page 1 limit 500 attempt 10 within 30"]);
    bench.step(ReflectorInput::PageFailed(refused()));
    assert!(bench.due_in().unwrap() >= 30 * SECOND, "one attempt, and the old backoff");
}

#[test]
fn a_watch_that_waits_is_opened_within_a_second_of_the_first_answer() {
    let mut bench = Bench::watching();
    bench.answering = false;
    bench.now += 600 * SECOND;
    for _ in 0..8 {
        bench.step(ReflectorInput::WatchEnded(WatchEnd::Refused(refused())));
        bench.timer();
    }
    bench.step(ReflectorInput::WatchEnded(WatchEnd::Refused(refused())));
    assert!(bench.due_in().unwrap() >= 16 * SECOND);
    bench.take();
    bench.answered(90);
    assert_eq!(bench.take(), ["told waiting Connect"]);
    assert!(bench.timer() <= SECOND);
    assert_eq!(bench.requests(), ["watch 10 of list 1"], "from where it was");
}

#[test]
fn a_watch_that_was_lost_while_its_list_runs_is_opened_too() {
    let mut bench = Bench::new();
    bench.answering = false;
    bench.page("10", "more");
    for _ in 0..8 {
        bench.step(ReflectorInput::WatchEnded(WatchEnd::Refused(refused())));
        bench.timer();
    }
    bench.step(ReflectorInput::WatchEnded(WatchEnd::Refused(refused())));
    bench.take();
    bench.step(ReflectorInput::Answered { silence: ServerSilence::default(), hangs: false });
    assert!(bench.timer() <= SECOND);
    assert_eq!(bench.requests(), ["watch 10 of list 1"], "and the page goes on");
}

#[test]
fn a_page_or_the_opening_of_a_watch_that_went_out_during_the_silence_starts_over() {
    let mut bench = Bench::new();
    bench.take();
    bench.now += 20 * SECOND;
    bench.answered(15);
    assert_eq!(bench.take(), ["abandon"]);
    assert!(bench.timer() <= SECOND);
    assert_eq!(bench.requests(), ["page 1 limit 500 attempt 1 within 30"], "it has not failed");
    bench.page("10", "");
    bench.take();
    bench.now += 20 * SECOND;
    bench.answered(15);
    assert_eq!(bench.take(), ["close"], "its headers have not come");
    assert!(bench.timer() <= SECOND);
    assert_eq!(bench.requests(), ["watch 10 of list 1"]);
}

#[test]
fn an_open_watch_goes_on_elsewhere_only_if_it_brought_nothing_since_the_silence_began() {
    let mut bench = Bench::watching();
    bench.now += 20 * SECOND;
    bench.answered(15);
    assert_eq!(bench.take(), ["close"]);
    bench.timer();
    bench.step(ReflectorInput::WatchOpen);
    bench.now += 20 * SECOND;
    bench.events("11", 1);
    bench.take();
    bench.now += SECOND;
    bench.answered(15);
    assert_eq!(bench.take(), [""; 0], "it lives");
    bench.now += 60 * SECOND;
    bench.step(ReflectorInput::Answered { silence: ServerSilence::default(), hangs: false });
    assert_eq!(bench.take(), [""; 0], "the work probe says nothing of connections");
}

#[test]
fn what_the_server_asked_for_and_what_it_forbids_is_waited_for_all_the_same() {
    let throttled = RequestError { retry_after: Some(50 * SECOND), ..status(429, Layer::Throttled) };
    for error in [throttled, status(401, Layer::Auth), status(403, Layer::Rbac)] {
        let mut bench = Bench::new();
        for _ in 0..6 {
            bench.step(ReflectorInput::PageFailed(error.clone()));
            if bench.due_in().is_some_and(|due| due >= 10 * SECOND) {
                break;
            }
            bench.timer();
        }
        let due = bench.machine.due();
        bench.take();
        bench.step(ReflectorInput::Answered { silence: ServerSilence::default(), hangs: false });
        assert_eq!((bench.take(), bench.machine.due()), (Vec::new(), due), "{error:?}");
    }
}
