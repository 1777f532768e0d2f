//! Queries on demand: a model and the tasks of a cluster, against scripted and simulated servers, in virtual time.

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::simulated::InProcess;
use super::*;
use crate::action::Action;
use crate::clock::Clock;
use crate::model::alerts::Severity;
use crate::model::app::Model;
use crate::model::app::screens::Screen;
use crate::model::derive::gangs::Wanted;
use crate::model::fixture::at;
use crate::model::settings::{ClusterSpec, Settings};
use crate::msg::{Effect, Now, Query, QueryAnswer, QueryKind};
use crate::sim::{self, Change, Scenario};

const NODE: &str = "n1";

/// A model that follows the tasks of a cluster and has its queries sent.
struct Followed {
    news: mpsc::Receiver<Msg>,
    commands: mpsc::Sender<ClusterCommand>,
    model: Model,
    now: Box<dyn Fn() -> Now>,
    queries: Vec<Query>,
    answers: Vec<QueryAnswer>,
}

impl Followed {
    fn new(news: mpsc::Receiver<Msg>, commands: mpsc::Sender<ClusterCommand>, now: impl Fn() -> Now + 'static) -> Self {
        let spec = ClusterSpec { context: Clean::new("prod"), broken: None };
        let model = Model::new(vec![spec], Settings::default());
        Self { news, commands, model, now: Box::new(now), queries: Vec::new(), answers: Vec::new() }
    }

    fn scripted(rig: &mut Rig) -> Self {
        let news = std::mem::replace(&mut rig.news, mpsc::channel(1).1);
        let start = rig.state_start();
        Self::new(news, rig.commands.clone(), move || at(u64::try_from(start.elapsed().as_millis()).unwrap()))
    }

    fn simulated(simulation: &sim::Simulation) -> Self {
        let (out, news) = mpsc::channel(256);
        let (commands, received) = mpsc::channel(4);
        let clock = Clock::start();
        let inspect = watch::channel(None).1;
        let link = TaskLink { id: ClusterId(0), out, commands: received, inspect, clock };
        let server = ClusterEvent::Server { url: Clean::new("simulated"), insecure: false };
        let tuning = Tuning { seed: Some(7), ..Tuning::default() };
        tokio::spawn(supervise(InProcess::first(simulation), server, tuning, link));
        Self::new(news, commands, move || clock.now())
    }

    /// Lets seconds pass, with a tick each.
    async fn pass(&mut self, seconds: u64) {
        for _ in 0..seconds {
            let end = Instant::now() + secs(1);
            while let Ok(Some(msg)) = timeout(end.saturating_duration_since(Instant::now()), self.news.recv()).await {
                if let Msg::Cluster(_, ClusterEvent::Answered(answer)) = &msg {
                    self.answers.push((**answer).clone());
                }
                self.update(msg).await;
            }
            self.update(Msg::Tick).await;
        }
        self.model.update(Msg::Frame, (self.now)());
    }

    async fn update(&mut self, msg: Msg) {
        if let Some(Effect::Query(_, query)) = self.model.update(msg, (self.now)()) {
            self.queries.push((*query).clone());
            self.commands.send(ClusterCommand::Query(query)).await.unwrap();
        }
    }

    /// Severity and text of each alert about black holes.
    fn alerts(&self) -> Vec<(Severity, String)> {
        let alerts = self.model.current().alerts().iter().filter(|alert| alert.reason() == "BlackHole");
        alerts.map(|alert| (alert.severity, alert.text.to_string())).collect()
    }
}

/// A pod that was created `created` seconds after the start, as the API server writes it.
fn young_pod(name: &str, created: u64, status: &Value) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "train", "uid": format!("u-{name}"), "resourceVersion": "200",
            "creationTimestamp": at(created * 1000).wall.to_string(),
            "ownerReferences": [{"kind": "ReplicaSet", "name": "llm-7b", "controller": true}]},
        "spec": {"nodeName": NODE, "containers": [{"name": "c", "env": [{"name": "TOKEN", "value": "s3cret"}]}]},
        "status": status,
    })
}

/// `status` of a pod that the kubelet has rejected (kubernetes `pkg/kubelet/lifecycle/predicate.go`).
fn rejected() -> Value {
    json!({"phase": "Failed", "reason": "UnexpectedAdmissionError",
        "message": "Pod was rejected: Allocate failed due to requested number of devices unavailable for nvidia.com/gpu. Requested: 8, \
                    Available: 0, which is unexpected"})
}

/// A watch of pods on which a pod comes, is bound and fails every 5 s, 12 times. Of one that fails the watch has the state before.
fn failing_watch() -> Reply {
    let mut script = Vec::new();
    for number in 0..12 {
        let pod = young_pod(&format!("llm-{number}"), 5 + number * 5, &json!({"phase": "Pending"}));
        script.push(Step::Wait(secs(5)));
        script.push(data(format!(
            "{}\n{}\n",
            json!({"type": "ADDED", "object": pod}),
            json!({"type": "DELETED", "object": pod})
        )));
    }
    script.push(Step::Wait(secs(60)));
    steps(script)
}

fn is_query(seen: &Seen) -> bool {
    seen.param("fieldSelector") == Some("spec.nodeName%3Dn1%2Cstatus.phase%3DFailed")
}

/// A good server whose pods fail; `answer` is that to the query of failed pods.
fn killer(answer: impl Fn() -> Reply + Send + 'static) -> Rig {
    Rig::start(Tuning::default(), move |seen| match &*seen.path {
        "/api/v1/pods" if is_query(seen) => answer(),
        "/api/v1/pods" if seen.is_watch() && seen.at < secs(1) => failing_watch(),
        _ => good(seen),
    })
}

fn list_of(pods: &[Value]) -> Reply {
    super::script::json(
        json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"resourceVersion": "300"}, "items": pods})
            .to_string(),
    )
}

#[tokio::test(start_paused = true)]
async fn a_node_that_kills_what_it_gets_is_named_with_the_reason_by_one_request() {
    let pods: Vec<Value> = (0..6).map(|n| young_pod(&format!("llm-{n}"), 5 + n * 5, &rejected())).collect();
    let mut rig = killer(move || list_of(&pods));
    let mut followed = Followed::scripted(&mut rig);
    followed.pass(70).await;
    let requests: Vec<Seen> = rig.seen().into_iter().filter(is_query).collect();
    assert_eq!(requests.len(), 1, "one request, and none again within 5 min");
    assert_eq!(requests[0].param("limit"), Some("500"));
    assert!(requests[0].accept.contains("protobuf") && requests[0].accept.contains("json"), "{}", requests[0].accept);
    let text = "node n1 kills what it gets: 12 pods lived < 60 s in 5m: UnexpectedAdmissionError ×6 (\"Allocate failed due to requested \
                number of devices unavailable for nvidia.com/gpu. Requested: 8, Available: 0, which is unexpected\")";
    assert_eq!(followed.alerts(), [(Severity::Critical, text.to_owned())]);
    let QueryAnswer { query, .. } = &followed.answers[0];
    assert_eq!(*query, Query::FailedPods { node: NODE.into(), namespace: None });
    let calls: Vec<_> =
        followed.model.current().latency().kinds((followed.now)().mono).into_iter().map(|stats| stats.kind).collect();
    assert!(calls.contains(&CallKind::Query(QueryKind::FailedPods)), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn behind_pages_of_old_failed_pods_the_young_ones_are_found_within_four_pages() {
    let mut rig = Rig::start(Tuning::default(), move |seen| match &*seen.path {
        "/api/v1/pods" if is_query(seen) => {
            let young: Vec<Value> = (0..6).map(|n| young_pod(&format!("llm-{n}"), 5 + n * 5, &rejected())).collect();
            let mut old = young_pod("a-old", 0, &rejected());
            old["metadata"]["creationTimestamp"] = json!("2020-01-01T00:00:00Z");
            let page = |pods: &[Value], token: &str| {
                let metadata = json!({"resourceVersion": "300", "continue": token});
                let list = json!({"kind": "PodList", "apiVersion": "v1", "metadata": metadata, "items": pods});
                super::script::json(list.to_string())
            };
            match seen.param("continue") {
                None => page(&[old], "t/1"),
                Some("t%2F1") => page(&[old], "t2"),
                Some("t2") => page(&[old], "t3"),
                Some(_) => page(&young, "t4"),
            }
        }
        "/api/v1/pods" if seen.is_watch() && seen.at < secs(1) => failing_watch(),
        _ => good(seen),
    });
    let mut followed = Followed::scripted(&mut rig);
    followed.pass(70).await;
    assert_eq!(rig.seen().iter().filter(|seen| is_query(seen)).count(), 4);
    let alerts = followed.alerts();
    assert!(alerts[0].1.contains("UnexpectedAdmissionError ×6"), "{alerts:?}");
}

#[tokio::test(start_paused = true)]
async fn the_alert_ends_15_minutes_after_the_last_short_life() {
    let pods: Vec<Value> = (0..6).map(|n| young_pod(&format!("llm-{n}"), 5 + n * 5, &rejected())).collect();
    let mut rig = killer(move || list_of(&pods));
    let mut followed = Followed::scripted(&mut rig);
    // The last pod fails after 60 s.
    followed.pass(955).await;
    assert_eq!(followed.alerts().len(), 1);
    followed.pass(10).await;
    assert_eq!(followed.alerts(), []);
    assert_eq!(rig.seen().iter().filter(|seen| is_query(seen)).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_the_answer_the_alert_counts_and_says_why() {
    let forbidden =
        r#"{"kind":"Status","status":"Failure","reason":"Forbidden","code":403,"message":"pods is forbidden"}"#;
    let mut rig = killer(move || status(403, forbidden));
    let mut followed = Followed::scripted(&mut rig);
    followed.pass(42).await;
    let alerts = followed.alerts();
    assert_eq!(alerts[0].0, Severity::Warning, "it is only a suspicion");
    assert!(alerts[0].1.contains("kills what it gets: 8 pods lived < 60 s in 5m; why is not visible"), "{alerts:?}");
    assert!(followed.model.current().link().failures().next().is_none(), "a missing right is no failure");
    let mut rig = killer(|| Reply::Hang);
    let mut followed = Followed::scripted(&mut rig);
    followed.pass(62).await;
    let alerts = followed.alerts();
    assert_eq!(alerts, [], "the pods may have succeeded");
    let failed = followed.model.current().link().failures().next().unwrap().clone();
    assert_eq!((&*failed.request, failed.layer), ("list failed pods of node n1", Layer::FirstByte));
}

#[tokio::test(start_paused = true)]
async fn pods_that_succeed_quickly_raise_no_alert() {
    let mut rig = killer(|| list_of(&[]));
    let mut followed = Followed::scripted(&mut rig);
    followed.pass(70).await;
    assert_eq!(rig.seen().iter().filter(|seen| is_query(seen)).count(), 1);
    assert_eq!(followed.alerts(), []);
}

#[tokio::test(start_paused = true)]
async fn of_one_kind_one_query_at_a_time_is_in_flight() {
    let mut rig = Rig::start(Tuning::default(), |seen| match seen.param("fieldSelector") {
        Some(selector) if selector.contains("Failed") && !selector.contains("%21") => {
            steps([Step::Wait(secs(5)), data(r#"{"kind":"PodList","metadata":{},"items":[]}"#)])
        }
        _ => good(seen),
    });
    rig.until_watching(Resource::Pods).await;
    let begun = rig.state_start().elapsed();
    for node in ["a", "b", "c"] {
        let query = Query::FailedPods { node: node.into(), namespace: None };
        rig.commands.send(ClusterCommand::Query(Box::new(query))).await.unwrap();
    }
    rig.pass(secs(20)).await;
    let at: Vec<u64> = rig
        .seen()
        .iter()
        .filter(|seen| seen.param("fieldSelector").is_some_and(|selector| selector.starts_with("spec")))
        .map(|seen| seen.at.saturating_sub(begun).as_secs())
        .collect();
    assert_eq!(at, [0, 5, 10]);
    assert_eq!(rig.count(|event| matches!(event, ClusterEvent::Answered(answer) if answer.result.is_ok())), 3);
}

#[tokio::test(start_paused = true)]
async fn at_rest_nothing_is_queried_and_on_a_node_that_stands_out_one_page_by_two_fields() {
    let simulation = sim::start(Scenario::builtin("reference").unwrap(), ([127, 0, 0, 1], 0).into()).await.unwrap();
    let control = simulation.control("reference").unwrap();
    let mut followed = Followed::simulated(&simulation);
    followed.pass(300).await;
    assert_eq!(followed.queries, [], "with the usual churn");
    let requests = || {
        let of_failed = |path: &str| path.contains("status.phase%3DFailed") && path.starts_with("/api/v1/pods?");
        control.requests().into_iter().filter(|request| of_failed(&request.path_and_query)).collect::<Vec<_>>()
    };
    assert_eq!(requests(), []);
    for number in 0..6 {
        let (namespace, name) = ("default".to_owned(), format!("short-{number}"));
        let node = Some("10-16-10-120.maas".to_owned());
        control.apply(Change::AddPod { namespace: namespace.clone(), name: name.clone(), node });
        followed.pass(2).await;
        control.apply(Change::FinishPod { namespace, name, succeeded: false });
        followed.pass(2).await;
    }
    let requests = requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert_eq!(requests[0].status, 200);
    let Ok(crate::msg::QueryResult::FailedPods(found)) = &followed.answers[0].result else { panic!("no pods") };
    let endings: Vec<_> = found.pods.iter().map(|pod| (&*pod.node, &*pod.reason)).collect();
    assert_eq!(endings, vec![("10-16-10-120.maas", "ExitCode:1"); 5]);
    assert_eq!(followed.alerts(), [], "pods of one owner that exit prove nothing");
}

const UID: &str = "7d8b2c1e-0000-4000-8000-000000000001";

/// Rank 6 of the `JobSet` vision-xl, which waits for a node.
fn waiting_member() -> Value {
    json!({
        "metadata": {"name": "vision-xl-workers-0-6-x7k2p", "namespace": "train", "uid": "u-1", "resourceVersion": "200",
            "creationTimestamp": at(0).wall.to_string(),
            "labels": {"jobset.sigs.k8s.io/jobset-name": "vision-xl", "jobset.sigs.k8s.io/jobset-uid": UID,
                "jobset.sigs.k8s.io/job-global-index": "0", "batch.kubernetes.io/job-completion-index": "6"},
            "ownerReferences": [{"kind": "Job", "name": "vision-xl-workers-0", "controller": true}]},
        "spec": {"containers": [{"name": "c", "resources": {"limits": {"nvidia.com/gpu": "8"}}}]},
        "status": {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
            "lastTransitionTime": at(0).wall.to_string(), "message": "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."}]},
    })
}

/// A jobset `apis/jobset/v1alpha2` object with 8 × 8 pods, whose template has a secret.
fn job_set(uid: &str) -> Reply {
    super::script::json(
        json!({
            "kind": "JobSet", "apiVersion": "jobset.x-k8s.io/v1alpha2",
            "metadata": {"name": "vision-xl", "namespace": "train", "uid": uid},
            "spec": {"replicatedJobs": [{"name": "workers", "replicas": 8, "template": {"spec": {"parallelism": 8, "completions": 8,
                "template": {"spec": {"containers": [{"name": "c", "env": [{"name": "TOKEN", "value": "s3cret"}]}]}}}}}]},
        })
        .to_string(),
    )
}

const JOB_SET: &str = "/apis/jobset.x-k8s.io/v1alpha2/namespaces/train/jobsets/vision-xl";
const WORKLOADS: &str = "/apis/kueue.x-k8s.io/v1beta2/workloads";
const WORKLOAD: &str = "/apis/kueue.x-k8s.io/v1beta2/namespaces/train/workloads/jobset-vision-xl-4f1c0";

/// The groups of a cluster with Kueue; `scheduling.k8s.io` has only priority classes.
fn groups() -> Reply {
    super::script::json(
        json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [
            {"name": "scheduling.k8s.io", "versions": [{"groupVersion": "scheduling.k8s.io/v1", "version": "v1"}]},
            {"name": "kueue.x-k8s.io", "versions": [{"groupVersion": "kueue.x-k8s.io/v1beta2", "version": "v1beta2"},
                {"groupVersion": "kueue.x-k8s.io/v1beta1", "version": "v1beta1"}]},
        ]})
        .to_string(),
    )
}

/// Kueue's table of two waiting workloads, one of them without pods.
fn workload_table() -> Reply {
    let row = |name: &str, owner: &str, uid: &str| {
        json!({"cells": [name, "team-a", null, null, null, "12m"], "object": {"kind": "PartialObjectMetadata",
            "metadata": {"name": name, "namespace": "train", "labels": {"kueue.x-k8s.io/job-uid": uid},
                "ownerReferences": [{"kind": "JobSet", "name": owner, "controller": true}]}}})
    };
    let names = ["Name", "Queue", "Reserved in", "Admitted", "Finished", "Age"];
    super::script::json(
        json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {}, "columnDefinitions": names.map(|name| json!({"name": name})),
            "rows": [row("jobset-vision-xl-4f1c0", "vision-xl", UID), row("jobset-later-1", "later", "other")]})
        .to_string(),
    )
}

const QUOTA: &str = "couldn't assign flavors to pod set workers: insufficient unused quota for nvidia.com/gpu in flavor h100, 8 more needed";

fn workload() -> Reply {
    super::script::json(
        json!({"kind": "Workload", "apiVersion": "kueue.x-k8s.io/v1beta2", "metadata": {"name": "jobset-vision-xl-4f1c0", "namespace": "train",
            "ownerReferences": [{"kind": "JobSet", "name": "vision-xl", "controller": true}]},
            "spec": {"queueName": "team-a", "podSets": [{"count": 64}]}, "status": {"conditions": [{"type": "QuotaReserved",
                "status": "False", "reason": "WaitingForQuota", "message": QUOTA}]}})
        .to_string(),
    )
}

/// A good server with the pod of [`waiting_member`], and what `rest` says to optional APIs.
fn with_gang(other: impl Fn(&Seen) -> Reply + Send + 'static) -> Rig {
    Rig::start(Tuning::default(), move |seen| match &*seen.path {
        "/api/v1/pods" if !seen.is_watch() => list_of(&[waiting_member()]),
        path if path.starts_with("/apis") && !path.contains("events") => other(seen),
        _ => good(seen),
    })
}

fn requests_of(rig: &Rig, path: &str) -> Vec<u64> {
    rig.seen().iter().filter(|seen| seen.path == path).map(|seen| seen.at.as_secs()).collect()
}

/// Opens the first pod in trouble.
async fn open_pod(followed: &mut Followed) {
    followed.pass(5).await;
    for action in [Action::Trouble, Action::Open] {
        let now = (followed.now)();
        followed.model.update(Msg::Frame, now);
        followed.model.update(Msg::Action(action), now);
    }
    assert!(matches!(followed.model.screen(), Screen::Pod { .. }), "{:?}", followed.model.screen());
}

fn wanted(followed: &Followed) -> Wanted {
    let gangs = followed.model.current().gangs_now((followed.now)());
    assert_eq!(gangs.len(), 1);
    gangs[0].wanted
}

#[tokio::test(start_paused = true)]
async fn the_owner_of_a_gang_is_read_once_it_is_open_and_says_its_size() {
    let mut rig = with_gang(|seen| if seen.path == JOB_SET { job_set(UID) } else { status(404, "404 page not found") });
    let mut followed = Followed::scripted(&mut rig);
    followed.pass(60).await;
    assert_eq!((wanted(&followed), &*followed.queries), (Wanted::AtLeast(7), &[][..]), "nothing is read at rest");
    open_pod(&mut followed).await;
    followed.pass(3).await;
    assert_eq!(wanted(&followed), Wanted::Exact(64));
    assert_eq!(requests_of(&rig, JOB_SET).len(), 1);
    let kept = format!("{:?}", followed.answers);
    assert!(!kept.contains("s3cret") && !kept.contains("TOKEN"), "{kept}");
    let seen = rig.seen().into_iter().find(|seen| seen.path == JOB_SET).unwrap();
    assert_eq!(seen.accept, "application/json");
    followed.pass(290).await;
    assert_eq!(requests_of(&rig, JOB_SET).len(), 1);
    followed.pass(10).await;
    assert_eq!(requests_of(&rig, JOB_SET).len(), 2, "again after five minutes, while it is open");
    let now = (followed.now)();
    followed.model.update(Msg::Action(Action::Back), now);
    followed.pass(585).await;
    assert_eq!(wanted(&followed), Wanted::Exact(64));
    followed.pass(30).await;
    assert_eq!(wanted(&followed), Wanted::AtLeast(7), "the owner may have changed in ten minutes");
    assert_eq!(requests_of(&rig, JOB_SET).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn without_the_owner_the_size_stays_a_lower_bound_with_the_reason() {
    type Answer = fn() -> Reply;
    let forbidden = || {
        status(
            403,
            r#"{"kind":"Status","status":"Failure","reason":"Forbidden","code":403,"message":"jobsets is forbidden"}"#,
        )
    };
    let replies: [(Answer, &str); 4] = [
        (forbidden, "the right to get jobsets.jobset.x-k8s.io is missing"),
        (|| status(404, "404 page not found"), "jobsets.jobset.x-k8s.io vision-xl: not found"),
        (|| job_set("7d8b2c1e-0000-4000-8000-000000000002"), "jobsets.jobset.x-k8s.io vision-xl is another object now"),
        (
            || super::script::json(r#"{"kind":"JobSet","metadata":{"name":"vision-xl"}}"#),
            "jobsets.jobset.x-k8s.io vision-xl is another object now",
        ),
    ];
    for (reply, why) in replies {
        let mut rig =
            with_gang(move |seen| if seen.path == JOB_SET { reply() } else { status(404, "404 page not found") });
        let mut followed = Followed::scripted(&mut rig);
        open_pod(&mut followed).await;
        followed.pass(3).await;
        assert_eq!(wanted(&followed), Wanted::AtLeast(7), "{why}");
        let cluster = followed.model.current();
        let gang = cluster.gangs_now((followed.now)()).remove(0).key;
        assert_eq!(cluster.gang_size_failure(&gang).as_deref(), Some(why));
        assert!(cluster.link().failures().next().is_none(), "no failure of the cluster (F54)");
    }
}

#[tokio::test(start_paused = true)]
async fn queues_are_listed_while_a_screen_shows_them_and_say_why_a_gang_waits() {
    let mut rig = with_gang(|seen| match &*seen.path {
        "/apis" => groups(),
        WORKLOADS => workload_table(),
        WORKLOAD => workload(),
        _ => status(404, "404 page not found"),
    });
    let mut followed = Followed::scripted(&mut rig);
    followed.pass(60).await;
    assert_eq!(requests_of(&rig, "/apis"), [0; 0], "nothing is listed at rest");
    open_pod(&mut followed).await;
    followed.pass(5).await;
    let cluster = followed.model.current();
    let gang = cluster.gangs_now((followed.now)()).remove(0).key;
    let text =
        format!("Kueue workload jobset-vision-xl-4f1c0 in team-a: QuotaReserved=False (WaitingForQuota), {QUOTA}");
    assert_eq!(cluster.queue_of_gang(&gang).unwrap().text(), text);
    let without: Vec<_> =
        cluster.waiting_without_pods().unwrap().iter().map(|words| words.entry.owner_name.to_string()).collect();
    assert_eq!((without, cluster.queues().not_visible()), (vec!["later".to_owned()], None));
    let table = rig.seen().into_iter().find(|seen| seen.path == WORKLOADS).unwrap();
    assert_eq!((&*table.accept, table.param("limit")), ("application/json;as=Table;v=v1;g=meta.k8s.io", Some("500")));
    assert!(
        rig.seen().iter().all(|seen| !seen.path.contains("podgroups")),
        "what the server does not have is not requested"
    );
    followed.pass(60).await;
    let at = requests_of(&rig, WORKLOADS);
    assert!(at.windows(2).all(|two| two[1] - two[0] >= 30) && at.len() >= 2, "{at:?}");
    let now = (followed.now)();
    followed.model.update(Msg::Action(Action::Back), now);
    followed.pass(2).await;
    let before = rig.seen().iter().filter(|seen| seen.path.starts_with("/apis")).count();
    followed.pass(120).await;
    assert_eq!(rig.seen().iter().filter(|seen| seen.path.starts_with("/apis")).count(), before, "no screen shows them");
}

#[tokio::test(start_paused = true)]
async fn of_several_namespaces_one_that_is_forbidden_leaves_the_workloads_of_the_others() {
    let tuning = Tuning { namespaces: ["a", "b", "c"].map(Clean::new).to_vec(), ..Tuning::default() };
    let mut rig = Rig::start(tuning, |seen| match &*seen.path {
        "/apis" => groups(),
        path if path.ends_with("/b/workloads") => status(403, "forbidden"),
        path if path.ends_with("/workloads") => workload_table(),
        _ => good(seen),
    });
    let mut followed = Followed::scripted(&mut rig);
    followed.commands.send(ClusterCommand::Query(Box::new(Query::Queues))).await.unwrap();
    followed.pass(5).await;
    let Ok(crate::msg::QueryResult::Queues(listings)) = &followed.answers[0].result else { panic!("no listings") };
    let layer = listings[0].failure.as_ref().map(|failure| failure.layer);
    assert_eq!((listings.len(), listings[0].entries.len(), layer), (1, 4, Some(Layer::Rbac)));
}

#[tokio::test(start_paused = true)]
async fn queues_that_may_not_be_listed_are_not_visible_and_name_the_right() {
    let mut rig = with_gang(|seen| match &*seen.path {
        "/apis" => groups(),
        WORKLOADS => status(403, "forbidden"),
        _ => status(404, "404 page not found"),
    });
    let mut followed = Followed::scripted(&mut rig);
    open_pod(&mut followed).await;
    followed.pass(100).await;
    let why = "the right to list workloads.kueue.x-k8s.io is missing";
    assert_eq!(followed.model.current().queues().not_visible().as_deref(), Some(why));
    assert_eq!(requests_of(&rig, WORKLOADS).len(), 1, "a missing right is asked for again after five minutes");
    let mut rig = with_gang(|_| status(404, "404 page not found"));
    let mut followed = Followed::scripted(&mut rig);
    open_pod(&mut followed).await;
    followed.pass(5).await;
    let queues = followed.model.current().queues();
    assert!(queues.is_answered() && queues.not_visible().is_some(), "without the document of groups nothing is known");
}
