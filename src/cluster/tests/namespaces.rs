//! The pods of some namespaces, each with a list and a watch of its own (F23), in virtual time against a scripted server.

use std::sync::atomic::Ordering;

use super::*;

const FORBIDDEN: &str = r#"{"kind":"Status","apiVersion":"v1","status":"Failure","message":"pods is forbidden: User \"x\" cannot list resource \"pods\" in API group \"\" in the namespace \"b\"","reason":"Forbidden","code":403}"#;

fn tuning(count: usize) -> Tuning {
    let names = ["a", "b", "c"].map(str::to_owned).into_iter().chain((3..count).map(|n| format!("team-{n}")));
    Tuning { namespaces: names.take(count).map(|name| Clean::new(&name)).collect(), ..Tuning::default() }
}

fn path_of(namespace: &str) -> String {
    format!("namespaces/{namespace}/pods")
}

/// The namespace of a request, if it is a list or a watch of the pods of one.
fn namespace(seen: &Seen) -> Option<&str> {
    seen.path.strip_prefix("/api/v1/namespaces/")?.strip_suffix("/pods")
}

/// A server that lets us list the pods of each namespace, and not all of them.
fn tenant(seen: &Seen) -> Reply {
    match namespace(seen) {
        _ if seen.path == "/api/v1/pods" => status(403, FORBIDDEN),
        Some(_) if seen.is_watch() => quiet_watch(seen),
        Some(name) => json(list(101, "", &["p1"]).replace("\"namespace\":\"d\"", &format!("\"namespace\":\"{name}\""))),
        None => good(seen),
    }
}

/// States of the list of one namespace.
fn reported(rig: &Rig, of: u16) -> Vec<String> {
    let reported = rig.events.iter().filter_map(|(_, event)| match event {
        ClusterEvent::Namespaced { index: place, event } if *place == of => match &**event {
            ClusterEvent::ListStarted { resource: Resource::Pods, generation } => Some(format!("started {generation}")),
            ClusterEvent::Page { .. } => Some(format!("page {:?}", names(event))),
            ClusterEvent::ListFinished { generation, .. } => Some(format!("finished {generation}")),
            ClusterEvent::Sync { state: SyncState::Denied { failure }, .. } => {
                Some(format!("denied {}", failure.request))
            }
            ClusterEvent::Sync { state, .. } => Some(format!("{state:?}")),
            _ => None,
        },
        _ => None,
    });
    reported.collect()
}

#[tokio::test(start_paused = true)]
async fn f23_each_namespace_has_its_list_and_its_watch_and_the_whole_is_never_asked_for() {
    let mut rig = Rig::start(tuning(2), tenant);
    rig.pass(secs(20)).await;
    for (place, name) in [(0, "a"), (1, "b")] {
        assert_eq!(
            reported(&rig, place),
            ["started 1", "Listing", "page [\"p1\"]", "finished 1", "Watching"],
            "{name}"
        );
        let (lists, watches) = (rig.lists(&path_of(name)), rig.watches(&path_of(name)));
        assert_eq!((lists.len(), watches.len()), (1, 1), "{name}");
        assert_eq!((lists[0].param("limit"), watches[0].param("resourceVersion")), (Some("500"), Some("101")));
    }
    assert_eq!(rig.lists("pods").len() + rig.watches("pods").len(), 0);
    assert_eq!(rig.lists("nodes").len(), 1, "nodes are those of the cluster");
}

#[tokio::test(start_paused = true)]
async fn f23_a_namespace_that_is_forbidden_is_named_and_does_not_hold_up_the_others() {
    let mut rig = Rig::start(tuning(3), |seen| match namespace(seen) {
        Some("b") => status(403, FORBIDDEN),
        _ => tenant(seen),
    });
    rig.pass(secs(20)).await;
    assert_eq!(reported(&rig, 1), ["started 1", "Listing", "denied list pods in b"]);
    for place in [0, 2] {
        assert_eq!(reported(&rig, place).last().map(String::as_str), Some("Watching"));
    }
    let last = rig.seen().iter().filter(|seen| namespace(seen) == Some("c")).map(|seen| seen.at).max();
    assert!(last < Some(secs(1)), "no pause: {last:?}");
    assert_eq!(rig.lists(&path_of("b")).len(), 1, "asked again after 5 min");
}

#[tokio::test(start_paused = true)]
async fn f23_lists_of_namespaces_come_one_after_the_other() {
    let mut rig = Rig::start(tuning(3), |seen| match namespace(seen) {
        Some(_) if !seen.is_watch() => {
            let body = list(101, "", &[]);
            steps([Step::Wait(secs(4)), data(body)])
        }
        _ => tenant(seen),
    });
    rig.pass(secs(30)).await;
    let mut at: Vec<u64> = ["a", "b", "c"].iter().map(|name| rig.lists(&path_of(name))[0].at.as_secs()).collect();
    at.sort_unstable();
    assert_eq!(at, [0, 4, 8]);
}

/// The same rule as for one list: `no_sick_server_is_asked_more_than_once_a_second_on_average`.
#[tokio::test(start_paused = true)]
async fn f23_no_sick_server_is_asked_more_than_once_a_second_for_32_namespaces() {
    type Sick = fn(&Seen) -> Reply;
    let closes: Sick = |seen| if seen.is_watch() { steps([]) } else { tenant(seen) };
    let expires: Sick = |seen| if seen.is_watch() { status(410, STATUS_410) } else { tenant(seen) };
    let faults: [(&str, Sick); 9] = [
        ("refused", |_| Reply::Refused),
        ("hangs", |_| Reply::Hang),
        ("resets", |_| steps([data("{"), Step::Break])),
        ("500", |_| status(500, "etcdserver: leader changed")),
        ("429", |_| status(429, "Too many requests, please try again later.")),
        ("401", |_| status(401, "Unauthorized")),
        ("403", |_| status(403, "forbidden")),
        ("watches close", closes),
        ("watches are gone", expires),
    ];
    for (name, fault) in faults {
        let mut rig = Rig::start(tuning(32), fault);
        // Four lists or watches of each of them may begin at once, then one in 2 s; nodes and probes are as ever.
        rig.pass(secs(60)).await;
        let from = rig.seen().len();
        assert!(from <= 32 * 4 + 30 + 60, "{name}: {from} requests in the first minute");
        rig.pass(secs(600)).await;
        let requests = rig.seen().len() - from;
        assert!(requests <= 600, "{name}: {requests} requests in 600 s");
        assert!(requests >= 60, "{name}: it goes on asking ({requests})");
    }
}

#[tokio::test(start_paused = true)]
async fn f23_all_namespaces_are_back_within_one_step_after_the_server_is() {
    let well = Arc::new(AtomicBool::new(true));
    let switch = well.clone();
    let mut rig =
        Rig::start(tuning(8), move |seen| if well.load(Ordering::Relaxed) { tenant(seen) } else { Reply::Refused });
    rig.pass(secs(20)).await;
    switch.store(false, Ordering::Relaxed);
    // Every watch ends by itself within its 220 s; none can be opened again.
    rig.pass(secs(600)).await;
    switch.store(true, Ordering::Relaxed);
    // The longest wait of the backoff with all its jitter.
    rig.pass(Tuning::default().backoff_cap * 2 + secs(5)).await;
    for place in 0..8 {
        assert_eq!(
            reported(&rig, place).last().map(String::as_str),
            Some("Watching"),
            "{place}: {:?}",
            reported(&rig, place)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn f23_a_refresh_lists_every_namespace_again() {
    let mut rig = Rig::start(tuning(3), tenant);
    rig.pass(secs(20)).await;
    rig.commands.send(ClusterCommand::Refresh).await.unwrap();
    rig.pass(secs(5)).await;
    for name in ["a", "b", "c"] {
        assert_eq!(rig.lists(&path_of(name)).len(), 2, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn f23_a_panic_in_the_list_of_one_namespace_leaves_the_numbers_of_all_growing() {
    let mut calls = 0;
    let mut rig = Rig::start(tuning(2), move |seen| {
        calls += u32::from(namespace(seen) == Some("b"));
        if namespace(seen) == Some("b") && calls == 1 { Reply::Panic } else { tenant(seen) }
    });
    rig.pass(secs(20)).await;
    assert_eq!(reported(&rig, 0), ["started 1", "Listing", "page [\"p1\"]", "finished 1", "Watching"]);
    let b = reported(&rig, 1);
    assert!(b.contains(&"started 2".to_owned()) && b.last().map(String::as_str) == Some("Watching"), "{b:?}");
}
