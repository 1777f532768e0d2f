//! Queries on demand: a model and the tasks of a cluster, against scripted and simulated servers, in virtual time.

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::simulated::InProcess;
use super::*;
use crate::clock::Clock;
use crate::model::alerts::Severity;
use crate::model::app::Model;
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
    assert!(alerts[0].1.contains("; why could not be read: no answer within"), "{alerts:?}");
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
    let Ok(crate::msg::QueryResult::FailedPods(pods)) = &followed.answers[0].result else { panic!("no pods") };
    let endings: Vec<_> = pods.iter().map(|pod| (&*pod.node, &*pod.reason)).collect();
    assert_eq!(endings, vec![("10-16-10-120.maas", "ExitCode:1"); 5]);
    assert_eq!(followed.alerts(), [], "pods of one owner that exit prove nothing");
}
