//! The whole task tree of one cluster against a scripted server, in virtual time.

use std::time::Duration;

use super::*;
use crate::msg::{Batch, CallEnd, CallEvent, CallKind, Layer, PageHead, ProbeOutcome, SyncState};

mod barren;
mod convergence;
mod counts;
mod credentials;
mod disguised;
mod faults_watch;
mod incident;
mod namespaces;
mod optional;
mod queries;
mod rules;
pub(in crate::cluster) mod script;
mod silence;
mod simulated;
mod stopping;
mod stream;

use script::*;

fn secs(s: u64) -> Duration {
    Duration::from_secs(s)
}

fn names(event: &ClusterEvent) -> Vec<String> {
    match event {
        ClusterEvent::Page { batch: Batch::Pods(pods), .. }
        | ClusterEvent::Changes { batch: Batch::Pods(pods), .. } => {
            pods.iter().map(|(pod, gone)| format!("{}{}", if gone { "-" } else { "" }, pod.name)).collect()
        }
        _ => Vec::new(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_good_server_is_listed_watched_probed_and_reported_in_order() {
    let mut rig = Rig::start(Tuning::default(), good);
    rig.until_watching(Resource::Nodes).await;
    rig.pass(secs(22)).await;
    assert!(matches!(rig.events[0].1, ClusterEvent::Server { .. }), "the server is named first");
    let pods: Vec<String> = rig
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            ClusterEvent::ListStarted { resource: Resource::Pods, generation } => Some(format!("started {generation}")),
            ClusterEvent::Page { resource: Resource::Pods, head: PageHead { page, .. }, .. } => {
                Some(format!("page {page} {:?}", names(event)))
            }
            ClusterEvent::ListFinished { resource: Resource::Pods, generation } => {
                Some(format!("finished {generation}"))
            }
            ClusterEvent::Sync { resource: Resource::Pods, state } => Some(format!("{state:?}")),
            _ => None,
        })
        .collect();
    assert_eq!(pods, ["started 1", "Listing", "page 1 [\"p1\"]", "finished 1", "Watching"]);
    assert_eq!(rig.count(|event| matches!(event, ClusterEvent::Version(version) if &**version == "v1.36.2")), 1);
    for series in [ProbeSeries::Ping, ProbeSeries::Work] {
        let samples = rig.count(|event| {
            matches!(event, ClusterEvent::Probe(sample)
                if sample.series == series && matches!(sample.outcome, ProbeOutcome::Answered { .. }))
        });
        assert_eq!(samples, 5, "one each at 0, 5, 10, 15 and 20 s");
    }
    let watch = &rig.watches("pods")[0];
    assert_eq!(watch.param("resourceVersion"), Some("101"));
    assert_eq!(watch.param("allowWatchBookmarks"), Some("true"));
    let seconds: u64 = watch.param("timeoutSeconds").unwrap().parse().unwrap();
    assert!((150..=220).contains(&seconds), "{seconds}");
    let list = &rig.lists("pods")[0];
    assert_eq!((list.param("limit"), list.param("timeout")), (Some("500"), Some("58s")));
    assert_eq!(list.param("resourceVersion"), None, "a list is consistent");
    let selector = "status%2Ephase%21%3DSucceeded%2Cstatus%2Ephase%21%3DFailed";
    assert_eq!((list.param("fieldSelector"), watch.param("fieldSelector")), (Some(selector), Some(selector)));
    assert_eq!(rig.lists("nodes")[0].param("fieldSelector"), None);
}

#[tokio::test(start_paused = true)]
async fn every_request_is_started_and_finished_exactly_once() {
    let mut rig = Rig::start(Tuning::default(), |seen| match seen.path.as_str() {
        "/livez" => Reply::Hang,
        "/api/v1/namespaces" => Reply::Refused,
        _ => good(seen),
    });
    rig.pass(secs(62)).await;
    let mut open = HashMap::new();
    let mut ends = Vec::new();
    for (_, event) in &rig.events {
        match event {
            ClusterEvent::Call(CallEvent::Started { id, kind, .. }) => assert!(open.insert(*id, *kind).is_none()),
            ClusterEvent::Call(CallEvent::Finished(attempt)) => {
                assert_eq!(open.remove(&attempt.id), Some(attempt.kind), "finished once, after its start");
                ends.push((attempt.kind, attempt.end));
            }
            _ => {}
        }
    }
    assert_eq!(open.len(), 1, "the ping of 60 s is on its way: {open:?}");
    let count = |kind, end| ends.iter().filter(|seen| **seen == (kind, end)).count();
    assert_eq!(count(CallKind::Ping, CallEnd::TimedOut), 12, "one each 5 s");
    assert_eq!(count(CallKind::Work, CallEnd::NoResponse), 13);
    assert_eq!(count(CallKind::List(Resource::Pods), CallEnd::Complete), 1);
    assert_eq!(count(CallKind::Watch(Resource::Pods), CallEnd::Complete), 1, "a watch ends with its headers");
    let censored = rig.count(|event| {
        matches!(event, ClusterEvent::Probe(sample)
            if sample.outcome == ProbeOutcome::TimedOut { at_least: secs(5) })
    });
    assert_eq!(censored, 12);
}

#[tokio::test(start_paused = true)]
async fn a_dead_server_is_asked_less_than_once_a_second_and_a_recovery_needs_no_key() {
    let dead = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let switch = dead.clone();
    let mut rig = Rig::start(Tuning::default(), move |seen| {
        if dead.load(std::sync::atomic::Ordering::Relaxed) { Reply::Refused } else { good(seen) }
    });
    rig.pass(secs(600)).await;
    let requests = rig.seen().len();
    assert!(requests <= 600, "{requests} requests in 600 s");
    let lists = rig.lists("pods");
    assert!(lists.len() >= 12, "it goes on asking: {}", lists.len());
    let gaps: Vec<Duration> = lists.windows(2).map(|pair| pair[1].at.abs_diff(pair[0].at)).collect();
    assert!(gaps.iter().all(|gap| *gap >= Duration::from_millis(800)), "{gaps:?}");
    assert!(gaps[8..].iter().all(|gap| *gap >= secs(30) && *gap <= secs(60)), "grown to the cap: {gaps:?}");
    assert_eq!(rig.count(|event| matches!(event, ClusterEvent::ListFinished { .. })), 0, "nothing is complete");
    switch.store(false, std::sync::atomic::Ordering::Relaxed);
    let back = rig.state_start().elapsed();
    rig.until_watching(Resource::Pods).await;
    assert!(rig.state_start().elapsed() <= back + secs(60), "within one backoff step");
}

#[tokio::test(start_paused = true)]
async fn refresh_ends_the_wait() {
    let dead = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let switch = dead.clone();
    let mut rig = Rig::start(Tuning::default(), move |seen| {
        if dead.load(std::sync::atomic::Ordering::Relaxed) { Reply::Refused } else { good(seen) }
    });
    rig.pass(secs(300)).await;
    switch.store(false, std::sync::atomic::Ordering::Relaxed);
    let before = rig.lists("pods").len();
    rig.commands.send(ClusterCommand::Refresh).await.unwrap();
    rig.pass(Duration::from_millis(10)).await;
    assert_eq!(rig.lists("pods").len(), before + 1);
    assert_eq!(rig.count(|event| matches!(event, ClusterEvent::ListFinished { .. })), 2, "nodes and pods");
}

#[tokio::test(start_paused = true)]
async fn a_throttled_list_waits_as_long_as_the_server_says() {
    let mut refusals = 2;
    let mut rig = Rig::start(Tuning::default(), move |seen| {
        if seen.is_list("pods") && refusals > 0 {
            refusals -= 1;
            let headers = vec![("retry-after", "7".to_owned()), ("audit-id", "a-1".to_owned())];
            let body = Script::new([data("Too many requests, please try again later.")]);
            return Reply::Answer(429, headers, body);
        }
        good(seen)
    });
    rig.until_watching(Resource::Pods).await;
    let at: Vec<u64> = rig.lists("pods").iter().map(|seen| seen.at.as_secs()).collect();
    assert_eq!(at, [0, 7, 14]);
    let failed = rig.events.iter().find_map(|(_, event)| match event {
        ClusterEvent::Failed(failure) => Some(failure),
        _ => None,
    });
    let failed = failed.unwrap();
    assert_eq!((failed.layer, failed.code, failed.next_in), (Layer::Throttled, Some(429), Some(secs(7))));
    assert_eq!(&*failed.text, "Too many requests, please try again later.");
    assert_eq!(failed.audit_id.as_deref(), Some("a-1"));
    assert!(!failed.timeout);
}

#[tokio::test(start_paused = true)]
async fn an_absurd_retry_after_is_obeyed_for_a_minute_at_most() {
    for value in ["86400", "-1", "18446744073709551615", "Wed, 21 Oct 2115 07:28:00 GMT"] {
        let mut refusals = 1;
        let mut rig = Rig::start(Tuning::default(), move |seen| {
            if seen.is_list("nodes") && refusals > 0 {
                refusals -= 1;
                return Reply::Answer(429, vec![("retry-after", value.to_owned())], Script::new([data("slow")]));
            }
            good(seen)
        });
        rig.until_watching(Resource::Nodes).await;
        assert!(rig.lists("nodes")[1].at <= secs(60), "{value}");
    }
}

#[tokio::test(start_paused = true)]
async fn hung_headers_end_at_the_pages_deadline_and_the_last_attempt_gets_what_remains() {
    let mut rig = Rig::start(Tuning::default(), |seen| if seen.is_list("pods") { Reply::Hang } else { good(seen) });
    rig.pass(Duration::from_millis(82_500)).await;
    let at: Vec<u64> = rig.lists("pods").iter().map(|seen| seen.at.as_secs()).collect();
    // One node is the smallest tier, but page 1 of pods went out before that was known: 30 s, then 15 s each.
    assert_eq!(at, [0, 31, 48, 67]);
    let limits: Vec<String> = rig.lists("pods").iter().map(|seen| seen.param("limit").unwrap().to_owned()).collect();
    assert_eq!(limits, ["500", "250", "100", "50"], "half the page each time");
    let timeouts = rig.count(
        |event| matches!(event, ClusterEvent::Failed(failure) if failure.timeout && failure.layer == Layer::FirstByte),
    );
    assert_eq!(timeouts, 4);
    let waiting = rig.count(|event| {
        matches!(event, ClusterEvent::Sync { resource: Resource::Pods, state: SyncState::Waiting { .. } })
    });
    assert_eq!(waiting, 1, "after the fourth attempt the outer backoff");
}

#[tokio::test(start_paused = true)]
async fn a_stalled_body_is_asked_for_again_in_place_with_half_the_limit_and_earlier_pages_stay() {
    let mut stalls = 1;
    let mut rig = Rig::start(Tuning::default(), move |seen| {
        if !seen.is_list("pods") {
            return good(seen);
        }
        match seen.param("continue") {
            None => json(list(101, "C1", &["p1", "p2"])),
            Some("C1") if stalls > 0 => {
                stalls -= 1;
                let text = list(101, "C2", &["p3"]);
                steps([data(&text[..40]), Step::Hang])
            }
            Some("C1") => json(list(101, "C2", &["p3"])),
            _ => json(list(101, "", &["p4"])),
        }
    });
    rig.until("the end", |event| matches!(event, ClusterEvent::ListFinished { resource: Resource::Pods, .. })).await;
    let pages: Vec<(Option<String>, String, u64)> = rig
        .lists("pods")
        .iter()
        .map(|seen| {
            let token = seen.param("continue").map(str::to_owned);
            (token, seen.param("limit").unwrap().to_owned(), seen.at.as_secs())
        })
        .collect();
    // One node: the idle deadline is its floor of 10 s, then a wait of 1 s.
    let some = |token: &str| Some(token.to_owned());
    assert_eq!(
        pages,
        [
            (None, "500".to_owned(), 0),
            (some("C1"), "500".to_owned(), 0),
            (some("C1"), "250".to_owned(), 11),
            (some("C2"), "250".to_owned(), 11),
        ]
    );
    let pages: Vec<Vec<String>> = rig
        .events
        .iter()
        .filter(|(_, e)| matches!(e, ClusterEvent::Page { resource: Resource::Pods, .. }))
        .map(|(_, e)| names(e))
        .collect();
    assert_eq!(pages, [vec!["p1", "p2"], vec!["p3"], vec!["p4"]]);
    assert_eq!(rig.count(|e| matches!(e, ClusterEvent::ListStarted { resource: Resource::Pods, .. })), 1);
    let failure =
        rig.events.iter().find_map(|(_, e)| if let ClusterEvent::Failed(f) = e { Some(f) } else { None }).unwrap();
    assert_eq!((failure.layer, failure.timeout, failure.attempt), (Layer::Body, true, 1));
    assert_eq!(&*failure.request, "list page 2 of pods");
    assert_eq!(&*failure.text, "no data for 10 s while reading the body (40 B so far); page size cut to 250");
}

#[tokio::test(start_paused = true)]
async fn f11_a_body_that_moves_slowly_but_steadily_is_not_cut_before_the_cap() {
    let text = list(101, "", &["p1"]);
    let padding = " ".repeat(4096);
    let mut rig = Rig::start(Tuning::default(), move |seen| {
        if !seen.is_list("pods") {
            return good(seen);
        }
        let mut script: Vec<Step> = (0..50).flat_map(|_| [Step::Wait(secs(1)), data(padding.clone())]).collect();
        script.push(data(text.clone()));
        steps(script)
    });
    rig.until_watching(Resource::Pods).await;
    assert_eq!(rig.lists("pods").len(), 1, "50 s are over the tier's 15 or 30 s and under the cap of 60 s");
}

#[tokio::test(start_paused = true)]
async fn f11_a_trickle_is_cut() {
    let mut rig = Rig::start(Tuning::default(), move |seen| {
        if !seen.is_list("pods") {
            return good(seen);
        }
        steps((0..1000).flat_map(|_| [Step::Wait(Duration::from_millis(700)), data("x")]))
    });
    let event = rig.until("a failure", |event| matches!(event, ClusterEvent::Failed(_))).await;
    let ClusterEvent::Failed(failure) = event else { unreachable!() };
    assert_eq!((failure.layer, failure.timeout), (Layer::Body, true));
    assert!(rig.state_start().elapsed() < secs(17), "one window of the idle deadline");
}

#[tokio::test(start_paused = true)]
async fn watches_that_close_at_once_make_no_hot_loop() {
    let mut rig = Rig::start(Tuning::default(), |seen| if seen.is_watch() { steps([]) } else { good(seen) });
    rig.pass(secs(600)).await;
    let (watches, lists) = (rig.watches("pods"), rig.lists("pods").len());
    assert!((8..=25).contains(&watches.len()), "{} watches in 10 min", watches.len());
    assert!((8..=21).contains(&lists), "what no watch brings is polled: {lists}");
    let gaps: Vec<Duration> = watches.windows(2).map(|pair| pair[1].at.abs_diff(pair[0].at)).collect();
    assert!(gaps.iter().all(|gap| *gap >= secs(1)), "{gaps:?}");
    assert!(rig.seen().len() <= 600);
}

#[tokio::test(start_paused = true)]
async fn a_silent_watch_is_opened_again_after_90_seconds_from_the_last_version() {
    let mut rig = Rig::start(Tuning::default(), |seen| {
        if seen.is_watch() && seen.path == "/api/v1/pods" {
            return steps([data(event("MODIFIED", "p1", 150)), Step::Hang]);
        }
        good(seen)
    });
    rig.pass(secs(100)).await;
    let watches: Vec<(u64, String)> = rig
        .watches("pods")
        .iter()
        .map(|seen| (seen.at.as_secs(), seen.param("resourceVersion").unwrap().to_owned()))
        .collect();
    assert_eq!(watches, [(0, "101".to_owned()), (90, "150".to_owned())]);
    assert_eq!(rig.lists("pods").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn changes_arrive_in_order_and_the_watch_goes_on_from_the_newest() {
    let mut watches = 0;
    let mut rig = Rig::start(Tuning::default(), move |seen| {
        if !(seen.is_watch() && seen.path == "/api/v1/pods") {
            return good(seen);
        }
        watches += 1;
        if watches > 1 {
            return quiet_watch(seen);
        }
        let first = event("ADDED", "p2", 110) + &event("MODIFIED", "p1", 111);
        let second = event("DELETED", "p2", 112) + "{\"type\":\"FUTURE\",\"object\":{}}\n" + &bookmark(120);
        let (head, tail) = second.split_at(30);
        steps([data(first), data(head), Step::Wait(secs(2)), data(tail), Step::Wait(secs(30))])
    });
    rig.pass(secs(40)).await;
    let changes: Vec<String> = rig
        .events
        .iter()
        .filter(|(_, e)| matches!(e, ClusterEvent::Changes { .. }))
        .flat_map(|(_, e)| names(e))
        .collect();
    assert_eq!(changes, ["p2", "p1", "-p2"]);
    let unreadable: u32 = rig
        .events
        .iter()
        .filter_map(|(_, e)| if let ClusterEvent::Changes { unreadable, .. } = e { Some(unreadable) } else { None })
        .sum();
    assert_eq!(unreadable, 1, "the unknown type is skipped and counted");
    assert_eq!(rig.watches("pods")[1].param("resourceVersion"), Some("120"));
    let reported: u64 = rig
        .events
        .iter()
        .filter_map(
            |(_, e)| if let ClusterEvent::Alive { resource: Resource::Pods, bytes } = e { Some(bytes) } else { None },
        )
        .sum();
    let sent = event("ADDED", "p2", 110).len() * 2 + event("DELETED", "p2", 112).len() + event("x", "", 1).len();
    let (low, high) = (sent as u64 - 300, sent as u64 + 300);
    assert!(reported > low && reported < high, "{reported} of about {sent} bytes");
}

#[tokio::test(start_paused = true)]
async fn a_day_of_failures_leaves_no_task_behind() {
    let mut turn = 0_u32;
    let mut rig = Rig::start(Tuning::default(), move |seen| {
        turn += 1;
        match turn % 7 {
            0 => Reply::Hang,
            1 => Reply::Refused,
            2 if seen.is_watch() => steps([Step::Wait(secs(3)), Step::Break]),
            3 => status(503, "down"),
            4 if seen.is_watch() => steps([data(format!("{{\"type\":\"ERROR\",\"object\":{STATUS_410}}}\n"))]),
            _ => good(seen),
        }
    });
    let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    rig.pass(secs(600)).await;
    let early = alive();
    rig.pass(secs(86_400)).await;
    let late = alive();
    assert!(late <= early + 4, "{early} tasks after 10 min, {late} after a day");
    let requests = rig.seen().len();
    assert!(requests < 90_000, "{requests} requests in a day");
    drop(rig.news);
    rig.task.await.unwrap();
    tokio::time::sleep(secs(120)).await;
    assert!(alive() <= 2, "everything ends with the cluster: {}", alive());
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_one_task_is_reported_and_the_task_starts_again() {
    let mut calls = 0;
    let mut rig = Rig::start(Tuning::default(), move |seen| {
        calls += u32::from(seen.is_list("nodes"));
        if seen.is_list("nodes") && calls == 1 { Reply::Panic } else { good(seen) }
    });
    let event = rig.until("a restart", |event| matches!(event, ClusterEvent::TaskRestarted { .. })).await;
    let ClusterEvent::TaskRestarted { text } = event else { unreachable!() };
    assert!(text.contains("nodes") && text.contains("panicked"), "{text}");
    rig.until_watching(Resource::Nodes).await;
    assert_eq!(rig.lists("pods").len(), 1, "the other tasks go on");
    let started = |generation| {
        rig.count(|event| {
            matches!(event, ClusterEvent::ListStarted { resource: Resource::Nodes, generation: seen } if *seen == generation)
        })
    };
    assert_eq!((started(1), started(2)), (1, 1), "the numbers of its lists go on too");
}
