//! Rights, credentials and refreshes of the user; and invariants in any order of events.

use super::*;

// client-go: TestRequestWatch "server returns forbidden"; F21.
#[test]
fn a_forbidden_list_is_denied_and_asked_again_every_five_minutes() {
    let mut bench = Bench::new();
    bench.take();
    bench.step(ReflectorInput::PageFailed(status(403, Layer::Rbac)));
    assert_eq!(bench.take(), ["told failed Rbac", "told denied"]);
    for _ in 0..3 {
        let wait = bench.timer();
        assert!(wait >= Duration::from_secs(270) && wait <= Duration::from_secs(330), "{wait:?}");
        assert_eq!(
            bench.take(),
            ["told list 2 started", "page 1 limit 500 attempt 1 within 30"]
                .map(|line| { line.replace('2', &bench.machine.generation.to_string()) })
        );
        bench.step(ReflectorInput::PageFailed(status(403, Layer::Rbac)));
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
    bench.settle();
    bench.after(20, ReflectorInput::Refresh);
    bench.take();
    bench.step(ReflectorInput::PageFailed(status(403, Layer::Rbac)));
    assert_eq!(bench.take(), ["told failed Rbac", "told waiting Rbac"]);
    assert!(bench.timer() <= Duration::from_millis(1600));
    bench.after(70, ReflectorInput::PageFailed(status(403, Layer::Rbac)));
    assert!(bench.take().contains(&"told denied".to_owned()));
}

// F22.
#[test]
fn without_the_right_to_watch_the_list_is_polled() {
    let mut bench = Bench::new();
    bench.page("10", "");
    bench.take();
    bench.step(ReflectorInput::WatchEnded(WatchEnd::Refused(status(403, Layer::Rbac))));
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
            bench.step(ReflectorInput::WatchEnded(WatchEnd::Refused(status(403, Layer::Rbac))));
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
    bench.step(ReflectorInput::WatchEnded(WatchEnd::Refused(status(403, Layer::Rbac))));
    bench.take();
    bench.page("10", "");
    assert_eq!(bench.take(), ["publish 2 of list 1", "told list 1 finished", "told polling"]);
}

// kubernetes-sigs/headlamp#7482; exec.go: the first 401 refreshes.
#[test]
fn the_first_401_renews_the_credentials_and_the_second_waits() {
    let mut bench = Bench::new();
    bench.take();
    bench.step(ReflectorInput::PageFailed(status(401, Layer::Auth)));
    assert_eq!(bench.take(), ["renew", "told failed Auth"]);
    bench.after(1, ReflectorInput::Renewed);
    assert_eq!(bench.requests(), ["page 1 limit 500 attempt 2 within 30"], "at once with the new ones");
    bench.step(ReflectorInput::PageFailed(status(401, Layer::Auth)));
    assert_eq!(bench.take(), ["told failed Auth", "told waiting Auth"]);
    assert!(bench.timer() >= Duration::from_secs(30));
    bench.take();
    bench.step(ReflectorInput::PageFailed(status(401, Layer::Auth)));
    assert_eq!(bench.requests(), ["renew"], "later new ones are asked for once more");
}

#[test]
fn a_rejected_watch_and_a_rejected_list_renew_the_credentials_once_each() {
    let mut bench = Bench::watching();
    bench.events("15", 1);
    bench.after(200, ReflectorInput::Refresh);
    bench.take();
    let rejected = || status(401, Layer::Auth);
    bench.step(ReflectorInput::PageFailed(rejected()));
    assert_eq!(bench.requests(), ["renew"]);
    bench.step(ReflectorInput::WatchEnded(WatchEnd::Refused(rejected())));
    assert_eq!(bench.requests(), ["renew"]);
    bench.after(2, ReflectorInput::Renewed);
    bench.take();
    bench.step(ReflectorInput::PageFailed(rejected()));
    bench.step(ReflectorInput::WatchEnded(WatchEnd::Refused(rejected())));
    assert_eq!(bench.requests(), [""; 0], "both wait");
    assert!(bench.timer() >= Duration::from_secs(30));
}

#[test]
fn a_rejected_watch_renews_the_credentials_once_and_keeps_its_version() {
    let mut bench = Bench::watching();
    bench.events("15", 1);
    bench.after(200, ReflectorInput::WatchEnded(WatchEnd::Clean));
    bench.take();
    bench.step(ReflectorInput::WatchEnded(WatchEnd::Refused(status(401, Layer::Auth))));
    assert_eq!(bench.requests(), ["renew"]);
    bench.after(2, ReflectorInput::Renewed);
    assert_eq!(bench.requests(), ["watch 15 of list 1"]);
    bench.step(ReflectorInput::WatchEnded(WatchEnd::Refused(status(401, Layer::Auth))));
    assert!(bench.timer() >= Duration::from_secs(30));
}

#[test]
fn refresh_lists_again_while_the_old_watch_goes_on() {
    let mut bench = Bench::watching();
    bench.after(60, ReflectorInput::Refresh);
    assert_eq!(bench.take(), ["told list 2 started", "told Listing", "page 1 limit 500 attempt 1 within 30"]);
    bench.step(ReflectorInput::Refresh);
    assert_eq!(bench.take(), Vec::<String>::new(), "it is already under way");
    bench.page("20", "");
    assert_eq!(bench.take(), ["publish 1 of list 2", "close", "watch 20 of list 2", "told list 2 finished"]);
    bench.step(ReflectorInput::WatchOpen);
    assert_eq!(bench.take(), ["told Watching"]);
}

#[test]
fn refresh_ends_every_wait() {
    let mut bench = Bench::new();
    bench.step(ReflectorInput::PageFailed(refused()));
    bench.take();
    bench.step(ReflectorInput::Refresh);
    assert_eq!(bench.requests(), ["page 1 limit 500 attempt 2 within 30"]);
    bench.page("10", "C1");
    bench.take();
    bench.after(30, ReflectorInput::PageFailed(timeout()));
    bench.after(0, ReflectorInput::Refresh);
    assert_eq!(bench.requests(), ["page 2 C1 limit 250 attempt 2 within 30"]);
}

#[test]
fn a_web_page_in_the_place_of_a_list_is_not_asked_for_quickly() {
    let mut bench = Bench::new();
    let not_kubernetes =
        RequestError { not_kubernetes: true, ..RequestError::new(Layer::Decode, "not a Kubernetes API") };
    bench.step(ReflectorInput::PageFailed(not_kubernetes));
    assert!(bench.timer() >= Duration::from_secs(30));
}

#[test]
fn a_bare_deadline_error_carries_the_failure_before_it() {
    let mut bench = Bench::new();
    let moment = bench.moment();
    bench.step(ReflectorInput::PageFailed(refused()));
    bench.timer();
    let effects = bench.machine.step(moment, ReflectorInput::PageFailed(timeout()));
    let failure = effects.iter().find_map(|effect| match effect {
        ReflectorEffect::Emit(ClusterEvent::Failed(failure)) => Some(failure),
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
            let error = match rng.u8(0..9) {
                0 => gone(),
                1 => gone_with("T"),
                2 => timeout(),
                3 => refused(),
                4 => status(403, Layer::Rbac),
                5 => status(401, Layer::Auth),
                6 => status(429, Layer::Throttled),
                7 => RequestError { not_kubernetes: true, ..RequestError::new(Layer::Decode, "?") },
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
                    bench.step(ReflectorInput::PageFailed(error));
                }
                3 if watch && !open => {
                    open = true;
                    bench.step(ReflectorInput::WatchOpen);
                }
                4 if open => bench.events("60", rng.u32(0..3)),
                5 if watch => {
                    let end = match rng.u8(0..3) {
                        _ if !open => WatchEnd::Refused(error),
                        0 => WatchEnd::Clean,
                        1 => WatchEnd::Broken(error),
                        _ => WatchEnd::Error(error),
                    };
                    (watch, open) = (false, false);
                    bench.step(ReflectorInput::WatchEnded(end));
                }
                6 => bench.step(if rng.bool() { ReflectorInput::Refresh } else { ReflectorInput::Renewed }),
                _ => bench.step(ReflectorInput::Timer),
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
