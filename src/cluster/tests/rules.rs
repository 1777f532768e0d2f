//! The rules that hold for every fault (docs/faults.md) and the convergence oracle, at the shipped periods and in virtual
//! time, where "once a second", "within 60 s" and "after an hour" are facts: the simulated server without a socket, the whole
//! task tree, the model, and a healthy cluster beside it. Faults of bytes and connections are in `tests/faults_transport.rs`.

use std::collections::BTreeMap;

use tokio::time::timeout;

use super::simulated::InProcess;
use super::*;
use crate::model::app::Model;
use crate::model::settings::Settings;
use crate::msg::{CallId, Failure, ProbeSample};
use crate::sim::{self, Change, Control, Fault, FaultKind, Scenario, Simulation};
use crate::testing::oracle::{Objects, difference, model_objects, server_objects};

/// G6: the state after 5 min is the state later on: after an hour for the most important faults, and after a quarter of
/// an hour for the others.
const EARLY: Duration = Duration::from_secs(300);
const HOUR: Duration = Duration::from_secs(3600);
const QUARTER: Duration = Duration::from_secs(900);
/// G7.
const STEP: Duration = Duration::from_secs(60);

/// Two clusters in one program: the first gets the faults, the second is healthy.
struct Pair {
    simulations: [Simulation; 2],
    controls: [Control; 2],
    commands: [mpsc::Sender<ClusterCommand>; 2],
    model: Model,
    news: mpsc::Receiver<Msg>,
    clock: Clock,
    start: Instant,
    /// Failures of the first cluster.
    failures: Vec<Failure>,
    samples: Vec<ProbeSample>,
    /// Restarts of tasks of both clusters.
    restarts: usize,
    /// Events of the healthy one, with their times; pages and changes by their number of objects.
    beside: Vec<(Duration, String)>,
}

impl Pair {
    async fn new() -> Self {
        let (clock, start) = (Clock::start(), Instant::now());
        let (out, news) = mpsc::channel(256);
        let (mut simulations, mut commands) = (Vec::new(), Vec::new());
        for id in 0..2 {
            let simulation = sim::start(Scenario::builtin("small").unwrap(), ([127, 0, 0, 1], 0).into()).await.unwrap();
            let (command, received) = mpsc::channel(4);
            let inspect = watch::channel(None).1;
            let link = TaskLink { id: ClusterId(id), out: out.clone(), commands: received, inspect, clock };
            let server = ClusterEvent::Server { url: Clean::new("simulated"), insecure: false };
            let tuning = Tuning { seed: Some(7), ..Tuning::default() };
            tokio::spawn(supervise(InProcess::first(&simulation), server, tuning, link));
            simulations.push(simulation);
            commands.push(command);
        }
        let simulations: [Simulation; 2] = simulations.try_into().unwrap();
        let controls = [0, 1].map(|at: usize| simulations[at].control("small").unwrap());
        let spec = |name| crate::model::settings::ClusterSpec { context: Clean::new(name), broken: None };
        let mut pair = Self {
            simulations,
            controls,
            commands: commands.try_into().unwrap(),
            model: Model::new(vec![spec("sick"), spec("healthy")], Settings::default()),
            news,
            clock,
            start,
            failures: Vec::new(),
            samples: Vec::new(),
            restarts: 0,
            beside: Vec::new(),
        };
        pair.until_true("at first", secs(30)).await;
        pair
    }

    async fn pass(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while let Ok(Some(msg)) = timeout(end.saturating_duration_since(Instant::now()), self.news.recv()).await {
            let Msg::Cluster(id, event) = &msg else { continue };
            self.restarts += usize::from(matches!(event, ClusterEvent::TaskRestarted { .. }));
            match event {
                ClusterEvent::Failed(failure) if *id == ClusterId(0) => self.failures.push((**failure).clone()),
                ClusterEvent::Probe(sample) if *id == ClusterId(0) => self.samples.push(*sample),
                _ if *id == ClusterId(1) => self.beside.push((self.start.elapsed(), what(event))),
                _ => {}
            }
            self.model.update(msg, self.clock.now());
        }
        self.model.update(Msg::Tick, self.clock.now());
    }

    fn held(&self, at: usize) -> Option<Objects> {
        model_objects(&self.model, at, self.clock.now())
    }

    fn is_true(&self, at: usize) -> bool {
        self.held(at).is_some_and(|held| held == server_objects(&self.controls[at].dump(), &[]))
    }

    async fn until_true(&mut self, when: &str, most: Duration) {
        let end = Instant::now() + most;
        while !(self.is_true(0) && self.is_true(1)) {
            if Instant::now() >= end {
                let expected = |at: usize| server_objects(&self.controls[at].dump(), &[]);
                let differences = [0, 1].map(|at| self.held(at).map(|held| difference(&held, &expected(at))));
                panic!("{when}: not true after {most:?}: {differences:?}; {:#?}", self.failures.last());
            }
            self.pass(secs(1)).await;
        }
    }

    /// Pods come, go and restart on both servers, and a node is lost; the same on both in each round.
    fn change(&self, round: u32) {
        for control in &self.controls {
            let (namespace, node) = ("web".to_owned(), "worker-1".to_owned());
            for name in ["late", "ends"] {
                let (namespace, name) = (namespace.clone(), format!("{name}-{round}"));
                control.apply(Change::AddPod { namespace, name, node: Some(node.clone()) });
            }
            let name = |name: &str, round: u32| format!("{name}-{round}");
            control.apply(Change::FinishPod {
                namespace: namespace.clone(),
                name: name("ends", round),
                succeeded: true,
            });
            let before = round.saturating_sub(2);
            control.apply(Change::DeletePod { namespace: namespace.clone(), name: name("late", before) });
            control.apply(Change::RestartPod { namespace, name: name("late", round - 1) });
            control.apply(match round % 3 {
                0 => Change::NodeNotReady { node },
                1 => Change::NodeRecovered { node },
                _ => Change::Cordon { node },
            });
        }
    }

    /// Sizes that can grow: tasks, failures, alerts, the bytes of the pods.
    fn size(&self) -> [usize; 4] {
        let cluster = &self.model.clusters()[0];
        let (_, pod_store) = cluster.held_objects();
        let alive = tokio::runtime::Handle::current().metrics().num_alive_tasks();
        [alive, cluster.link().failures().count(), cluster.alert_records().len(), pod_store.heap_bytes()]
    }
}

/// An event of the healthy cluster, without anything that differs between two runs: wall time and values derived from
/// it.
fn what(event: &ClusterEvent) -> String {
    match event {
        ClusterEvent::Page { resource, head, batch } => {
            format!("page {} of {resource:?}: {}", head.page, batch.len())
        }
        ClusterEvent::Changes { resource, batch, .. } => format!("changes of {resource:?}: {}", batch.len()),
        ClusterEvent::Call(CallEvent::Finished(attempt)) => {
            let attempt = crate::msg::Attempt { id: CallId(0), bytes: 0, ..(**attempt).clone() };
            format!("{attempt:?}")
        }
        ClusterEvent::Probe(sample) => format!("{sample:?}"),
        ClusterEvent::ListFinished { .. } | ClusterEvent::Failed(_) => format!("{event:?}"),
        ClusterEvent::Sync { resource, state } => format!("{resource:?} {state:?}"),
        other => format!("{other:?}").split([' ', '(', '{']).next().unwrap_or_default().to_owned(),
    }
}

/// Plays one fault, with changes before, in and after it; returns the events of the healthy cluster.
async fn play(name: &str, faults: &[Fault], lasts: Duration, step: Duration) -> BTreeMap<(Duration, String), usize> {
    let mut pair = Pair::new().await;
    pair.pass(secs(20)).await;
    pair.change(1);
    pair.pass(secs(10)).await;
    let before = pair.held(0).unwrap();
    let requests = pair.controls[0].request_count();
    for fault in faults {
        pair.controls[0].inject(fault.clone());
    }
    pair.controls[0].close_watches(None);
    pair.commands[0].send(ClusterCommand::Refresh).await.unwrap();
    let begun = Instant::now();
    pair.change(2);
    pair.pass(EARLY).await;
    let early = pair.size();
    for round in 3..10 {
        pair.change(round);
        pair.pass(lasts.saturating_sub(EARLY) / 7).await;
    }
    let late = pair.size();
    if !faults.is_empty() {
        assert!(!pair.failures.is_empty(), "{name}: nothing was named (G3)");
        let requests = pair.controls[0].request_count() - requests;
        assert!(requests <= begun.elapsed().as_secs(), "{name}: {requests} requests in {lasts:?} (G4)");
        // The probes alone: every five seconds, and every fifteen where those of work are throttled.
        assert!(requests >= lasts.as_secs() / 5 + lasts.as_secs() / 15 - 2, "{name}: it goes on asking: {requests}");
    }
    keeps(name, &pair, &before);
    assert_eq!(pair.restarts, 0, "{name}: a task panicked or ended (G6)");
    assert!(late[0] <= early[0] + 4, "{name}: {early:?} tasks and so on after 5 min, {late:?} later (G6)");
    assert!(late[1] <= 20 && late[2] <= early[2] + 8, "{name}: {early:?}, {late:?} (G6)");
    assert!(late[3] * 10 <= early[3] * 11, "{name}: {early:?}, {late:?} (G6)");
    pair.change(10);
    for (control, _) in pair.controls.iter().zip(&pair.simulations) {
        control.clear_faults();
    }
    pair.until_true(name, step).await;
    probes_each_tick(name, &pair.samples, pair.clock.mono());
    for failure in &pair.failures {
        // A forbidden list is asked for again after five minutes (F21), everything else within one step.
        let most = if failure.layer == Layer::Rbac { secs(330) } else { STEP };
        assert!(failure.next_in.is_none_or(|wait| wait <= most), "{name}: {failure:?}");
    }
    let mut reported = BTreeMap::new();
    for event in pair.beside.into_iter().filter(|(at, _)| *at < lasts) {
        *reported.entry(event).or_default() += 1;
    }
    reported
}

/// G2: an object that was held and still exists is held, and nothing is 0 because it is unknown.
fn keeps(name: &str, pair: &Pair, before: &Objects) {
    let (now, there) = (pair.held(0), server_objects(&pair.controls[0].dump(), &[]));
    // Where pods are denied the model says so and shows none as a number; their records stay.
    let Some(now) = now else { return assert!(name.starts_with("f21"), "{name}: not even old numbers") };
    for object in before.keys().filter(|object| there.contains_key(*object)) {
        assert!(now.contains_key(object), "{name}: {object} is gone from the picture");
    }
}

/// G8: exactly one sample for each tick, from the start to the end; a throttled work probe leaves two of three ticks out.
fn probes_each_tick(name: &str, samples: &[ProbeSample], now: Mono) {
    for series in [ProbeSeries::Ping, ProbeSeries::Work] {
        let series: Vec<&ProbeSample> = samples.iter().filter(|sample| sample.series == series).collect();
        let (first, last) = (series.first().unwrap(), series.last().unwrap());
        assert!(first.tick.since(Mono(Duration::ZERO)) < secs(1), "{name}: the first is {first:?}");
        for pair in series.windows(2) {
            let throttled = matches!(pair[0].outcome, ProbeOutcome::Failed { layer: Layer::Throttled, .. });
            let stride = if throttled && pair[0].series == ProbeSeries::Work { secs(15) } else { secs(5) };
            assert_eq!(pair[1].tick.since(pair[0].tick), stride, "{name}: {pair:?}");
        }
        // The longest stride, and then the deadline of the probe that runs.
        assert!(now.since(last.tick) <= secs(15 + 5), "{name}: the last is {last:?} at {now:?}");
    }
}

fn refusal(code: u16, retry_after: Option<u64>, message: Option<&str>) -> FaultKind {
    FaultKind::Status { code, retry_after: retry_after.map(secs), message: message.map(str::to_owned) }
}

fn answer(code: u16, headers: &[(&str, &str)], body: &str) -> FaultKind {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    FaultKind::Answer { code, headers, body: body.to_owned() }
}

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];
/// apiserver `pkg/storage/errors.go`, `NewTooLargeResourceVersionError`.
const TOO_LARGE: &str = r#"{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Timeout","code":504,
"message":"Timeout: Too large resource version: 9000, current: 1000",
"details":{"causes":[{"reason":"ResourceVersionTooLarge","message":"Too large resource version"}],"retryAfterSeconds":1}}"#;
const NO_LEADER: &str = "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"status\":\"Failure\",\"code\":500,\
    \"message\":\"etcdserver: no leader\"}}\n";

/// Faults by name, with the time until the state is right again: one step, except for faults with a period of their
/// own. A forbidden list is requested again after 300 s and a tenth (F21), a `Retry-After` is obeyed for 60 s, and a
/// silent watch whose list is complete is opened again after 150 s (F45); 2 s for the lists that follow.
fn rows() -> Vec<(&'static str, Vec<Fault>, Duration)> {
    let all = Fault::new;
    let lists = |kind| vec![all(kind).verb("list")];
    let watches = |kind| vec![all(kind).verb("watch")];
    let slow = FaultKind::Delay(secs(40));
    vec![
        ("f10 slow headers", vec![all(slow).verb("list").resource("pods")], STEP),
        ("f12 a body that stalls", lists(FaultKind::Stall { after_bytes: 2_000 }), STEP),
        ("f13 a body that is cut", lists(FaultKind::Cut { after_bytes: 2_000 }), STEP),
        ("f17 corrupt gzip", lists(FaultKind::GzipCorrupt), STEP),
        ("f20 credentials", vec![all(refusal(401, None, None))], STEP),
        ("f21 forbidden pods", vec![all(refusal(403, None, None)).resource("pods")], secs(330)),
        ("f22 watching forbidden", watches(refusal(403, None, None)), STEP),
        ("f27 throttled", vec![all(refusal(429, Some(5), None))], STEP),
        ("f29 shutting down", vec![all(refusal(503, Some(1), None))], STEP),
        ("f31 the server's timeout", vec![all(refusal(504, None, None))], STEP),
        ("f32 etcd", vec![all(refusal(500, None, Some("etcdserver: leader changed")))], STEP),
        ("f33 a load balancer", vec![all(answer(502, &[("content-type", "text/html")], "<html>502</html>"))], STEP),
        ("f34 a captive portal", vec![all(answer(200, &[], "<html>log in</html>"))], STEP),
        ("f35 a redirect", vec![all(answer(302, &[("location", "http://127.0.0.1:9/")], ""))], STEP),
        ("f36 an absurd wait", vec![all(answer(429, &[("retry-after", "86400")], "slow down"))], secs(62)),
        ("f40 f42 gone", vec![all(FaultKind::Gone)], STEP),
        ("f43 a version from before", watches(answer(504, &JSON, TOO_LARGE)), STEP),
        ("f41 expired", watches(FaultKind::WatchExpired), STEP),
        ("f44 closed at once", watches(FaultKind::WatchClose), STEP),
        ("f45 silent", watches(FaultKind::WatchSilent), secs(152)),
        ("f47 a storm of errors", watches(answer(200, &JSON, NO_LEADER)), STEP),
        (
            "f49 lost",
            vec![all(refusal(503, None, None)).verb("list"), all(FaultKind::WatchExpired).probability(0.5)],
            STEP,
        ),
        ("f53 frozen", vec![all(FaultKind::Freeze).path("/api")], STEP),
    ]
}

/// Plays rows; the healthy cluster beside each of them must send the events that it sends beside a healthy one, at the
/// same times.
async fn play_all(lasts: Duration, rows: Vec<(&str, Vec<Fault>, Duration)>) {
    let healthy = play("no fault", &[], lasts, STEP).await;
    // The comparison is not empty: two probes every five seconds, and the changes of nine rounds.
    let reported =
        |what: &str| healthy.iter().filter(|((_, event), _)| event.starts_with(what)).map(|(_, n)| n).sum::<usize>();
    let probes = reported("ProbeSample").abs_diff(usize::try_from(2 * lasts.as_secs() / 5).unwrap());
    assert!(probes <= 2 && reported("changes of Pods") >= 9 && reported("changes of Nodes") >= 9, "{healthy:#?}");
    for (name, faults, step) in rows {
        let beside = play(name, &faults, lasts, step).await;
        let more: Vec<_> = beside.iter().filter(|(event, count)| healthy.get(*event) != Some(*count)).take(5).collect();
        let less: Vec<_> = healthy.iter().filter(|(event, count)| beside.get(*event) != Some(*count)).take(5).collect();
        assert!(more.is_empty() && less.is_empty(), "{name}: the healthy cluster tells {more:?} for {less:?} (G5)");
    }
}

const BUSIEST: [&str; 3] = ["f31", "f41", "f44"];

#[tokio::test(start_paused = true)]
async fn every_fault_keeps_the_rules_and_ends_in_the_servers_truth() {
    play_all(QUARTER, rows().into_iter().filter(|(name, ..)| !BUSIEST.contains(&&name[..3])).collect()).await;
}

#[tokio::test(start_paused = true)]
async fn the_busiest_faults_keep_the_rules_for_an_hour_and_end_in_the_servers_truth() {
    play_all(HOUR, rows().into_iter().filter(|(name, ..)| BUSIEST.contains(&&name[..3])).collect()).await;
}
