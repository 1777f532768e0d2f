//! F23 end to end: pods may be listed in some namespaces only. The tasks of a cluster over TCP against the simulation, the model and
//! the report that follow, `watchbell snapshot`, and `watchbell check`.

use serde_json::Value;
use watchbell::cluster::Tuning;
use watchbell::cluster::kubeconfig::ContextTarget;
use watchbell::msg::Layer;
use watchbell::report::ValueState;
use watchbell::sim::{Change, Fault, FaultKind};
use watchbell::testing::oracle::server_objects;

use crate::rig::{Rig, TestServer, ms, quick, watchbell};

fn forbidden(path: &str) -> Fault {
    Fault::new(FaultKind::Status { code: 403, retry_after: None, message: None }).path(path)
}

/// The server lets us list the pods of every namespace but these, and not those of the cluster.
fn forbid(served: &TestServer, namespaces: &[&str]) {
    served.control().inject(forbidden("/api/v1/pods"));
    for namespace in namespaces {
        served.control().inject(forbidden(&format!("/api/v1/namespaces/{namespace}/pods")));
    }
}

fn tuning(namespaces: &[&str]) -> Tuning {
    Tuning { namespaces: namespaces.iter().map(|name| (*name).into()).collect(), ..quick() }
}

async fn start(namespaces: &[&str], denied: &[&str]) -> Rig {
    let served = TestServer::small().await;
    forbid(&served, denied);
    let target = ContextTarget::plain("small", &format!("http://{}", served.address));
    Rig::start(served, target, tuning(namespaces)).await
}

#[tokio::test]
async fn f23_two_namespaces_are_watched_where_all_pods_are_forbidden_and_follow_every_change() {
    let mut rig = start(&["web", "kube-system"], &[]).await;
    rig.wait_until_synced().await;
    rig.start_request_window();
    assert!(rig.objects().unwrap().keys().any(|name| name.starts_with("pod web/")), "the scenario has pods there");
    assert_eq!(rig.served.lists("pods").len(), 0, "what is forbidden is not asked for");
    let report = rig.report();
    assert_eq!((report.nodes.state, report.pods.state), (ValueState::Complete, ValueState::Partial));
    // A call that a busy machine makes slow goes first, for as long as it is.
    rig.wait_until("the word for it", |rig| rig.report().state == "partial").await;
    // Changes inside, and of a namespace that is not watched; then a relist of every list.
    for name in ["late-1", "late-2"] {
        for namespace in ["web", "elsewhere"] {
            let (namespace, node) = (namespace.to_owned(), Some("gpu-1".to_owned()));
            rig.served.control().apply(Change::AddPod { namespace, name: name.to_owned(), node });
        }
    }
    rig.wait_until("the new pods", Rig::matches_server).await;
    rig.served.control().apply(Change::DeletePod { namespace: "web".into(), name: "late-1".into() });
    rig.wait_until("the deletion", Rig::matches_server).await;
    let before = rig.objects().unwrap();
    // A watch that has expired: each namespace lists again, and sweeps only its own.
    let finished = rig.finished_lists();
    rig.served.control().inject(Fault::new(FaultKind::WatchExpired).verb("watch").lasts(ms(400)));
    rig.served.control().close_watches(None);
    rig.served.control().apply(Change::DeletePod { namespace: "web".into(), name: "late-2".into() });
    rig.wait_until("new lists", |rig| rig.finished_lists() > finished + 2).await;
    rig.check_objects_kept(&before);
    rig.check_keys_and_healthy_cluster().await;
    rig.served.control().clear_faults();
    forbid(&rig.served, &[]);
    rig.check_recovery().await;
    assert!(rig.failures().iter().all(|failure| failure.layer != Layer::Rbac), "{:?}", rig.failures());
}

#[tokio::test]
async fn f23_a_namespace_without_the_right_is_named_and_the_other_is_read() {
    let mut rig = start(&["web", "kube-system"], &["kube-system"]).await;
    let failure = rig.wait_for_failure(Layer::Rbac, "in the namespace \"kube-system\"").await;
    assert_eq!(&*failure.request, "list pods in kube-system");
    let web =
        |rig: &Rig| rig.objects().is_some_and(|held| held == server_objects(&rig.served.control().dump(), &["web"]));
    rig.wait_until("web", web).await;
    let report = rig.report();
    let states: Vec<_> = report.pods.namespaces.unwrap().iter().map(|one| (one.name.to_string(), one.state)).collect();
    assert_eq!(states, [("web".to_owned(), ValueState::Complete), ("kube-system".to_owned(), ValueState::Denied)]);
    assert_eq!((report.state, report.pods.state), ("denied", ValueState::Partial));
    // The right comes; nobody presses a key.
    rig.served.control().clear_faults();
    rig.check_recovery().await;
}

#[tokio::test]
async fn f23_a_server_that_goes_and_comes_back_is_the_truth_again_in_every_namespace() {
    let mut rig = start(&["web", "kube-system"], &[]).await;
    rig.wait_until_synced().await;
    let before = rig.objects().unwrap();
    rig.served.control().stop_listening().await;
    rig.wait_for_failure(Layer::Connect, "refused").await;
    rig.follow_for(ms(1_000)).await;
    assert!(rig.objects() == Some(before), "old data stays");
    rig.served.change();
    rig.served.control().listen_again().await.unwrap();
    rig.check_recovery().await;
}

#[test]
fn f23_snapshot_of_a_namespace_is_partial_and_says_so_and_of_a_forbidden_cluster_it_says_what_to_do() {
    let served = TestServer::scenario("small");
    served.control().inject(forbidden("/api/v1/pods"));
    let run = |args: &[&str]| {
        let output =
            watchbell(&served).args(["snapshot", "-o", "json", "--deadline", "20s"]).args(args).output().unwrap();
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        (json, output.status.code().unwrap())
    };
    let (json, code) = run(&["--namespace", "web"]);
    let cluster = &json["clusters"][0];
    let dump = served.control().dump();
    let bound = server_objects(&dump, &["web"])["cluster"]["bound"].clone();
    assert_eq!(code, 0, "{cluster:#}");
    assert_eq!((&cluster["state"], &cluster["pods"]["state"]), (&"partial".into(), &"partial".into()));
    assert_eq!(cluster["pods"]["bound"].to_string(), bound);
    assert_eq!(cluster["pods"]["namespaces"][0]["name"], "web");
    let (json, code) = run(&[]);
    assert_eq!((code, &json["clusters"][0]["pods"]["state"]), (3, &"denied".into()));
    let output = watchbell(&served).args(["snapshot", "-n", "Web"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "no namespace has such a name");
}

#[test]
fn f23_check_offers_a_namespace_and_looks_at_the_rights_in_it() {
    let served = TestServer::scenario("small");
    served.control().inject(forbidden("/api/v1/pods"));
    let step = |args: &[&str], name: &str| {
        let output = watchbell(&served).args(["check", "-o", "json"]).args(args).output().unwrap();
        let json: Value = serde_json::from_slice(&output.stdout).unwrap();
        let steps = json["clusters"][0]["steps"].as_array().unwrap().clone();
        steps.into_iter().find(|step| step["name"] == name).unwrap()
    };
    let denied = step(&[], "rbac pods");
    assert_eq!(denied["outcome"], "fail", "{denied:#}");
    assert!(denied["next"].as_str().unwrap().contains("--namespace NAME"), "{denied:#}");
    let allowed = step(&["--namespace", "web"], "rbac pods");
    assert_eq!(allowed["outcome"], "ok", "{allowed:#}");
    assert!(allowed["text"].as_str().unwrap().contains("list in web yes, watch in web yes"), "{allowed:#}");
    assert_eq!(step(&["--namespace", "web"], "pod page")["outcome"], "ok");
}
