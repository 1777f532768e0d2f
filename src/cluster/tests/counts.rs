//! Load on a failing server, counted by the server, and tasks and memory after a day of failures, in virtual time.

use super::*;
use crate::model::app::Model;
use crate::model::settings::{ClusterSpec, Settings};
use crate::msg::Now;

fn throttled(retry_after: Option<&str>) -> Reply {
    let headers = retry_after.map(|value| ("retry-after", value.to_owned())).into_iter().collect();
    Reply::Answer(429, headers, Script::new([data("Too many requests, please try again later.")]))
}

fn expired() -> Reply {
    steps([data(format!("{{\"type\":\"ERROR\",\"object\":{STATUS_410}}}\n"))])
}

#[tokio::test(start_paused = true)]
async fn no_sick_server_is_asked_more_than_once_a_second_on_average() {
    type Sick = fn(&Seen) -> Reply;
    let faults: [(&str, Sick); 14] = [
        ("refused", |_| Reply::Refused),
        ("hangs", |_| Reply::Hang),
        ("resets", |_| steps([data("{"), Step::Break])),
        ("closes", |_| steps([])),
        ("500", |_| status(500, "etcdserver: leader changed")),
        ("503", |_| status(503, "apiserver is shutting down")),
        ("504", |_| status(504, "Timeout: request did not complete within the allotted timeout")),
        ("401", |_| status(401, "Unauthorized")),
        ("403", |_| status(403, "forbidden")),
        ("a web page", |_| status(200, "<html>please log in</html>")),
        ("watches close", |seen| if seen.is_watch() { steps([]) } else { good(seen) }),
        ("watches expire", |seen| if seen.is_watch() { expired() } else { good(seen) }),
        ("watches are gone", |seen| if seen.is_watch() { status(410, STATUS_410) } else { good(seen) }),
        ("continue tokens are gone", |seen| match seen.param("continue") {
            Some(_) => status(410, STATUS_410),
            None if seen.is_list("pods") => json(list(101, "C1", &["p1"])),
            None => good(seen),
        }),
    ];
    for (name, fault) in faults {
        let mut rig = Rig::start(Tuning::default(), fault);
        rig.pass(secs(600)).await;
        let seen = rig.seen();
        assert!(seen.len() <= 600, "{name}: {} requests in 600 s", seen.len());
        // The probes are a quarter of a request a second each; the load of lists and watches must not grow.
        let work = |from: u64| {
            let is_work = |seen: &&Seen| seen.path == "/api/v1/pods" || seen.path == "/api/v1/nodes";
            let within = |seen: &&Seen| seen.at >= secs(from) && seen.at < secs(from + 300);
            seen.iter().filter(is_work).filter(within).count()
        };
        // On a 403 the work probe requests nodes too.
        let (first, second) = (work(0), work(300));
        assert!(second <= first + 62, "{name}: {first} requests in the first 5 min, {second} in the next");
        let later = seen.iter().filter(|seen| seen.at >= secs(300)).count();
        assert!(later >= 60, "{name}: it goes on asking ({later} in 5 min)");
    }
}

#[tokio::test(start_paused = true)]
async fn a_429_storm_is_not_fed() {
    for retry_after in [None, Some("1"), Some("0"), Some("30")] {
        let calm = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let switch = calm.clone();
        let mut rig = Rig::start(Tuning::default(), move |seen| {
            let storm = !calm.load(std::sync::atomic::Ordering::Relaxed);
            if storm && seen.path != "/livez" { throttled(retry_after) } else { good(seen) }
        });
        rig.pass(secs(600)).await;
        let fed = rig.seen().iter().filter(|seen| seen.path != "/livez" && seen.at >= secs(60)).count();
        // Two lists at most every 8 s and a work probe every 15 s.
        assert!(fed <= 180, "{retry_after:?}: {fed} requests in 9 min");
        if let Some("30") = retry_after {
            let at: Vec<Duration> = rig.lists("pods").iter().map(|seen| seen.at).collect();
            assert!(at.windows(2).all(|pair| pair[1].abs_diff(pair[0]) >= secs(30)), "obeyed: {at:?}");
        }
        switch.store(true, std::sync::atomic::Ordering::Relaxed);
        let end = rig.state_start().elapsed() + secs(60);
        rig.until_watching(Resource::Pods).await;
        assert!(rig.state_start().elapsed() <= end, "{retry_after:?}: back within one step");
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttled_watch_keeps_its_version_and_is_not_listed_again() {
    let mut rig = Rig::start(Tuning::default(), |seen| if seen.is_watch() { throttled(None) } else { good(seen) });
    rig.pass(secs(600)).await;
    assert_eq!(rig.lists("pods").len(), 1, "one list (TestNoRelistOnTooManyRequests)");
    assert!(rig.watches("pods").len() <= 25, "{}", rig.watches("pods").len());
}

/// Faults as in practice: some minutes each, one after the other.
fn random_day(seed: u64) -> impl FnMut(&Seen) -> Reply + Send {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut fault = (Duration::ZERO, 0);
    let mut version = 100;
    move |seen| {
        if seen.at >= fault.0 {
            fault = (seen.at + secs(rng.u64(30..600)), rng.u8(..14));
        }
        version += rng.u64(..3);
        let names: Vec<String> = (0..rng.u8(1..30)).map(|n| format!("pod-{n}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        match fault.1 {
            0 => Reply::Refused,
            1 => Reply::Hang,
            2 => status(500, "etcdserver: request timed out"),
            3 => throttled(Some("3")),
            4 => status(401, "Unauthorized"),
            5 if rng.bool() => steps([data("{\"items\":["), Step::Hang]),
            6 if seen.is_watch() => steps([Step::Wait(secs(rng.u64(..40))), Step::Break]),
            7 if seen.is_watch() => expired(),
            8 if seen.is_watch() => steps([Step::Hang]),
            9 if seen.param("continue").is_some() => status(410, STATUS_410),
            10 if rng.u8(..20) == 0 => Reply::Panic,
            _ if seen.is_watch() && seen.path == "/api/v1/pods" => {
                let lines = names.iter().flat_map(|name| {
                    version += 1;
                    [Step::Wait(secs(2)), data(event("MODIFIED", name, version))]
                });
                steps(lines.collect::<Vec<_>>().into_iter().chain([Step::Wait(secs(30))]))
            }
            _ if seen.is_list("pods") && seen.param("continue").is_none() => json(list(version, "C1", &names)),
            _ if seen.is_list("pods") => json(list(version, "", &["last"])),
            _ => good(seen),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_day_of_random_faults_leaves_neither_tasks_nor_memory_behind() {
    let alive = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = alive();
    let mut rig = Rig::start(Tuning::default(), random_day(11));
    let spec = ClusterSpec { context: Clean::new("c"), broken: None };
    let mut model = Model::new(vec![spec], Settings::default());
    let mut sizes = Vec::new();
    for _ in 0..24 * 6 {
        rig.pass(secs(600)).await;
        for (at, event) in rig.events.drain(..) {
            let wall = jiff::Timestamp::from_millisecond(i64::try_from(at.as_millis()).unwrap()).unwrap();
            model.update(Msg::Cluster(ClusterId(0), event), Now { mono: Mono(at), wall });
        }
        let cluster = &model.clusters()[0];
        let (nodes, pod_store) = cluster.held_objects();
        assert!(nodes.len() <= 1 && pod_store.totals().held <= 31);
        sizes.push((alive(), pod_store.heap_bytes(), cluster.link().failures().count(), cluster.alert_records().len()));
    }
    // Two loops, two probes, the meter, the session and the version; at most two pages and two watches; five tasks of
    // optional APIs, which are idle here.
    assert!(sizes.iter().all(|(tasks, ..)| *tasks <= before + 21), "{sizes:?}");
    let most = |range: std::ops::Range<usize>| {
        let sizes = &sizes[range];
        let heap = sizes.iter().map(|size| size.1).max().unwrap();
        (heap, sizes.iter().map(|size| size.2).max().unwrap(), sizes.iter().map(|size| size.3).max().unwrap())
    };
    let (early, late) = (most(0..36), most(108..144));
    assert!(late.0 <= early.0 * 2, "the bytes of the pods in the first and the last 6 h: {early:?}, {late:?}");
    assert!(late.1 <= 200 && late.2 <= early.2 + 10, "failures and alerts: {early:?}, {late:?}");
    let requests = rig.seen().len();
    assert!((10_000..=86_400).contains(&requests), "{requests} requests in a day");
    drop(rig.news);
    rig.task.await.unwrap();
    // Requests that hang end with their deadlines.
    tokio::time::sleep(secs(120)).await;
    assert_eq!(alive(), before, "everything ended with the cluster");
}
