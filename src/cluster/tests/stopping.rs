//! Ends of tasks, and the release of their resources: the counterparts of client-go's tests of stopping a reflector, of
//! its retry watcher with unread events, and of its pager's consumer (docs/list-watch.md). The server counts the bodies
//! and requests that its client still holds.

use super::*;

fn alive() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

/// A list of two pages and the watch after it.
fn two_pages(seen: &Seen) -> Reply {
    match seen.param("continue") {
        None if seen.is_list("pods") => json(list(101, "C1", &["p1"])),
        Some("C1") => json(list(101, "", &["p2"])),
        _ => good(seen),
    }
}

type Moment = (&'static str, Duration, fn(&Seen) -> Reply);

/// Moments of a stop, with their times.
const MOMENTS: [Moment; 9] = [
    // client-go: TestReflectorWatchStoppedBefore, TestReflectorHandleWatchStoppedBefore.
    ("before its first turn", Duration::ZERO, good),
    ("while the answer to a list hangs", Duration::from_secs(5), |_| Reply::Hang),
    ("while the body of a list hangs", Duration::from_secs(5), |seen| {
        if seen.is_list("pods") { steps([data("{\"items\":["), Step::Hang]) } else { good(seen) }
    }),
    // client-go: pager_test "cancel context while processing".
    ("between two pages", Duration::from_secs(1), |seen| match seen.param("continue") {
        Some(_) => status(503, "not now"),
        None => two_pages(seen),
    }),
    ("in the outer backoff", Duration::from_secs(300), |_| Reply::Refused),
    // client-go: TestReflectorStopWatch.
    ("while a watch is opened", Duration::from_secs(5), |seen| if seen.is_watch() { Reply::Hang } else { good(seen) }),
    // client-go: TestReflectorWatchStoppedAfter, TestReflectorHandleWatchStoppedAfter.
    ("while a watch is silent", Duration::from_secs(30), |seen| {
        if seen.is_watch() { steps([Step::Hang]) } else { good(seen) }
    }),
    // client-go: TestRunUntil.
    ("behind the first event of a watch", Duration::from_secs(30), |seen| {
        if seen.is_watch() { steps([data(event("ADDED", "bar", 102)), Step::Hang]) } else { good(seen) }
    }),
    (
        "while polling",
        Duration::from_secs(100),
        |seen| if seen.is_watch() { status(403, "no watching") } else { good(seen) },
    ),
];

#[tokio::test(start_paused = true)]
async fn a_cluster_that_is_stopped_at_any_moment_ends_at_once_lets_go_of_everything_and_asks_nothing_more() {
    for (when, after, handler) in MOMENTS {
        let before = alive();
        let mut rig = Rig::start(Tuning::default(), handler);
        if !after.is_zero() {
            rig.pass(after).await;
        }
        let (server, stopped) = (rig.server(), Instant::now());
        assert_eq!(server.request_count() == 0, after.is_zero(), "{when}");
        drop(rig.news);
        rig.task.await.unwrap();
        // An aborted task ends with its next turn.
        while alive() > before && stopped.elapsed() < secs(1) {
            sleep(Duration::from_millis(1)).await;
        }
        assert!(stopped.elapsed() < secs(1), "{when}: {} tasks are left", alive() - before);
        assert_eq!(server.open(), 0, "{when}: a request is left");
        let request_count = server.request_count();
        sleep(secs(3600)).await;
        assert_eq!(server.request_count(), request_count, "{when}: asked after its end");
    }
}

// client-go: TestCloseWatchChannelOnError.
#[tokio::test(start_paused = true)]
async fn an_error_event_closes_the_watch_that_its_server_keeps_open() {
    for (code, reason) in [(410, "Expired"), (429, "TooManyRequests"), (500, "InternalError"), (403, "Forbidden")] {
        let mut rig = Rig::start(Tuning::default(), move |seen| match seen.path.as_str() {
            "/api/v1/nodes" => Reply::Refused,
            _ if seen.is_watch() => {
                let status = format!(r#"{{"kind":"Status","status":"Failure","reason":"{reason}","code":{code}}}"#);
                let line = format!("{{\"type\":\"ERROR\",\"object\":{status}}}\n");
                steps([Step::Wait(secs(1)), data(line), Step::Hang])
            }
            _ => good(seen),
        });
        let server = rig.server();
        for watches in 1..=3 {
            while rig.watches("pods").len() < watches {
                rig.pass(Duration::from_millis(100)).await;
                assert!(server.open() <= 1, "{code}: the one before is still open");
            }
            assert_eq!(server.open(), 1, "{code}: it is open until its error comes");
            rig.until(
                "its error",
                |event| matches!(event, ClusterEvent::Failed(failure) if &*failure.request == "watch pods"),
            )
            .await;
            assert_eq!(server.open(), 0, "{code}: closed by us");
        }
    }
}

// client-go: TestRetryWatcherToFinishWithUnreadEvents.
#[tokio::test(start_paused = true)]
async fn a_consumer_that_goes_away_with_unread_events_ends_the_tasks() {
    let before = alive();
    let rig = Rig::start(Tuning { changes_per_message: 1, ..Tuning::default() }, |seen| {
        if seen.is_watch() && seen.path == "/api/v1/pods" {
            let events = (0..5_000).flat_map(|n| [data(event("MODIFIED", "p1", 102 + n)), Step::Wait(secs(1))]);
            return steps(events);
        }
        good(seen)
    });
    // The channel is not read: it is full, and the tasks wait for it.
    sleep(secs(600)).await;
    let server = rig.server();
    assert_eq!(rig.news.len(), rig.news.max_capacity(), "events that nobody has read");
    assert!(server.open() >= 1, "the watch is held back, not closed");
    drop(rig.news);
    rig.task.await.unwrap();
    sleep(secs(1)).await;
    assert_eq!((alive(), server.open()), (before, 0));
}

// client-go: TestListPager_eachListPageBuffered: the buffer, and one page beyond it.
#[tokio::test(start_paused = true)]
async fn pages_are_asked_for_ahead_of_their_consumer_only_as_far_as_the_channel_goes() {
    const PAGES: usize = 400;
    let mut rig = Rig::start(Tuning::default(), |seen| {
        if !seen.is_list("pods") {
            return if seen.path == "/api/v1/nodes" { Reply::Hang } else { good(seen) };
        }
        let page: usize = seen.param("continue").map_or(0, |token| token[1..].parse().unwrap());
        let token = if page + 1 < PAGES { format!("C{}", page + 1) } else { String::new() };
        json(list(101, &token, &[&format!("p{page}")]))
    });
    sleep(secs(1800)).await;
    let (ahead, room) = (rig.lists("pods").len(), rig.news.max_capacity());
    assert!(ahead <= room + 2, "{ahead} pages for a channel of {room}");
    let mut pages = 0;
    let finished = |event: &ClusterEvent| matches!(event, ClusterEvent::ListFinished { resource: Resource::Pods, .. });
    rig.until("the end of the list", finished).await;
    for (_, event) in &rig.events {
        if let ClusterEvent::Page { resource: Resource::Pods, .. } = event {
            assert_eq!(names(event), [format!("p{pages}")], "in order, each once");
            pages += 1;
        }
    }
    assert_eq!((pages, rig.lists("pods").len()), (PAGES, PAGES), "a consumer that waits makes no page late");
    let of_pods =
        |event: &ClusterEvent| matches!(event, ClusterEvent::Failed(failure) if failure.request.contains("pods"));
    assert_eq!(rig.count(of_pods), 0);
}

// client-go: pager_test "error processing item", where the processor panics.
#[tokio::test(start_paused = true)]
async fn a_panic_over_a_page_ends_its_list_asks_for_no_further_page_of_it_and_another_list_follows() {
    let mut panics = 1;
    let mut rig = Rig::start(Tuning::default(), move |seen| {
        if seen.param("continue") == Some("C1") && panics > 0 {
            panics -= 1;
            return Reply::Panic;
        }
        match seen.param("continue") {
            Some("C1") => json(list(101, "C2", &["p2"])),
            Some("C2") => json(list(101, "", &["p3"])),
            _ => two_pages(seen),
        }
    });
    rig.until("the end of the list", |event| {
        matches!(event, ClusterEvent::ListFinished { resource: Resource::Pods, .. })
    })
    .await;
    let tokens: Vec<Option<String>> =
        rig.lists("pods").iter().map(|seen| seen.param("continue").map(str::to_owned)).collect();
    let some = |token: &str| Some(token.to_owned());
    assert_eq!(tokens, [None, some("C1"), None, some("C1"), some("C2")]);
    let generations: Vec<u32> = rig
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            ClusterEvent::ListStarted { resource: Resource::Pods, generation } => Some(*generation),
            _ => None,
        })
        .collect();
    assert_eq!(generations, [1, 2], "the pages of the first are no part of the second");
    assert_eq!(rig.count(|event| matches!(event, ClusterEvent::TaskRestarted { .. })), 1, "and it is told");
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_is_not_followed_any_more_is_probed_and_nothing_else_and_no_task_comes_back() {
    let mut rig = Rig::with_optional(Tuning::default(), good);
    rig.until_watching(Resource::Pods).await;
    rig.pass(secs(2)).await;
    let open = rig.server().open();
    assert!(open >= 2, "two watches: {open}");
    rig.commands.send(ClusterCommand::Unfollow).await.unwrap();
    rig.pass(secs(1)).await;
    assert_eq!(rig.server().open(), 0, "their connections end with them");
    let request_count = |rig: &Rig| (rig.lists("pods").len(), rig.watches("pods").len(), rig.lists("nodes").len());
    let before = request_count(&rig);
    rig.commands.send(ClusterCommand::Refresh).await.unwrap();
    rig.pass(secs(900)).await;
    assert_eq!(request_count(&rig), before);
    assert_eq!(rig.count(|event| matches!(event, ClusterEvent::TaskRestarted { .. })), 0);
    assert!(rig.count(|event| matches!(event, ClusterEvent::Probe(_))) >= 300, "whether it answers is still known");
}
