//! List semantics.

use std::io::Read as _;

use serde_json::{Value, json};

use super::client::{get, open, send};
use super::{Change, Fault, FaultKind, keys, simulate, small};

/// The meaning of a selector, written without it.
type Rule = fn(&Value) -> bool;

fn add(name: &str) -> Change {
    Change::AddPod { namespace: "web".into(), name: name.into(), node: Some("worker-1".into()) }
}

/// All pages from a path on; checks what the heads say on the way.
async fn pages(url: &str, path: &str, mut between: impl FnMut(usize)) -> Vec<Value> {
    let mut items = Vec::new();
    let (mut token, mut version) = (String::new(), None);
    for page in 0.. {
        let (status, list) = get(url, &format!("{path}&continue={token}")).await;
        assert_eq!(status, 200, "{list}");
        items.extend(list["items"].as_array().unwrap().iter().cloned());
        let rv = list["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
        assert_eq!(version.get_or_insert(rv.clone()), &rv, "all pages show one state");
        match list["metadata"]["continue"].as_str() {
            None => return items,
            Some(next) => next.clone_into(&mut token),
        }
        between(page);
    }
    unreachable!("an endless list")
}

#[tokio::test]
async fn pages_add_up_to_the_set_and_hold_each_object_once() {
    let (_sim, control, url) = small().await;
    let truth = control.dump();
    for limit in [1, 7, 23, 24, 25, 500] {
        let items = pages(&url, &format!("/api/v1/pods?limit={limit}"), |_| ()).await;
        assert_eq!(keys(&json!(items)), keys(&truth["pods"]), "limit {limit}");
    }
}

#[tokio::test]
async fn the_remaining_items_are_reported_and_are_right() {
    let (_sim, _control, url) = small().await;
    let (_, first) = get(&url, "/api/v1/pods?limit=10").await;
    // 20 that count, 3 finished and 1 unscheduled make 24.
    assert_eq!(first["metadata"]["remainingItemCount"], 14);
    let (_, second) =
        get(&url, &format!("/api/v1/pods?limit=10&continue={}", first["metadata"]["continue"].as_str().unwrap())).await;
    assert_eq!(second["metadata"]["remainingItemCount"], 4);
    let (_, selected) = get(&url, "/api/v1/pods?limit=10&fieldSelector=status.phase%3DRunning").await;
    assert!(selected["metadata"]["continue"].is_string());
    assert_eq!(selected["metadata"].get("remainingItemCount"), None, "absent with selectors");
}

#[tokio::test]
async fn later_pages_show_the_state_of_the_first_page() {
    let (_sim, control, url) = small().await;
    let before = control.dump();
    let last = keys(&before["pods"]).pop().unwrap();
    let (namespace, name) = last.split_once('/').unwrap();
    let gone = Change::DeletePod { namespace: namespace.into(), name: name.into() };
    let items = pages(&url, "/api/v1/pods?limit=5", |page| {
        control.apply(add(&format!("later-{page}")));
        control.apply(Change::RestartPod { namespace: namespace.into(), name: name.into() });
        if page == 1 {
            control.apply(gone.clone());
        }
    })
    .await;
    let versions = |objects: &Value| -> Vec<Value> {
        objects.as_array().unwrap().iter().map(|o| o["metadata"]["resourceVersion"].clone()).collect()
    };
    assert_eq!(versions(&json!(items)), versions(&before["pods"]));
    assert_ne!(keys(&control.dump()["pods"]), keys(&before["pods"]));
}

#[tokio::test]
async fn an_expired_token_gets_410_with_a_token_that_carries_on() {
    let (_sim, control, url) = small().await;
    let (_, first) = get(&url, "/api/v1/pods?limit=20").await;
    let token = first["metadata"]["continue"].as_str().unwrap();
    control.apply(add("zzz"));
    control.compact();
    let (status, answer) = get(&url, &format!("/api/v1/pods?limit=20&continue={token}")).await;
    assert_eq!((status, &answer["reason"], &answer["code"]), (410, &json!("Expired"), &json!(410)));
    let token = answer["metadata"]["continue"].as_str().unwrap();
    let (status, rest) = get(&url, &format!("/api/v1/pods?limit=20&continue={token}")).await;
    assert_eq!(status, 200);
    let mut seen = keys(&first["items"]);
    seen.extend(keys(&rest["items"]));
    assert_eq!(seen, keys(&control.dump()["pods"]), "the rest comes from the newest state");
}

#[tokio::test]
async fn the_gone_fault_expires_good_tokens_and_spares_inconsistent_ones() {
    let (_sim, control, url) = small().await;
    control.inject(Fault::new(FaultKind::Gone));
    let (status, first) = get(&url, "/api/v1/pods?limit=20").await;
    assert_eq!(status, 200, "a first page has no token");
    let (status, answer) =
        get(&url, &format!("/api/v1/pods?limit=2&continue={}", first["metadata"]["continue"].as_str().unwrap())).await;
    assert_eq!(status, 410);
    let (mut token, mut rest) = (answer["metadata"]["continue"].as_str().unwrap().to_owned(), 0);
    loop {
        let (status, page) = get(&url, &format!("/api/v1/pods?limit=2&continue={token}")).await;
        assert_eq!(status, 200, "{page}");
        rest += page["items"].as_array().unwrap().len();
        let Some(next) = page["metadata"]["continue"].as_str() else { break };
        next.clone_into(&mut token);
    }
    assert_eq!(rest, 4);
}

#[tokio::test(start_paused = true)]
async fn resource_versions_mean_what_the_api_says() {
    let (_sim, control, url) = small().await;
    let old = control.resource_version();
    control.apply(add("new"));
    let count = |list: &Value| list["items"].as_array().unwrap().len();
    let list = |query: String| {
        let url = url.clone();
        async move { get(&url, &format!("/api/v1/pods?{query}")).await }
    };
    assert_eq!(count(&list(String::new()).await.1), 25);
    assert_eq!(count(&list("resourceVersion=0&limit=3".into()).await.1), 25, "0 ignores the limit");
    assert_eq!(count(&list(format!("resourceVersion={old}")).await.1), 25, "at least that version");
    assert_eq!(count(&list(format!("resourceVersion={old}&limit=100")).await.1), 24, "exactly that version");
    assert_eq!(count(&list(format!("resourceVersion={old}&limit=100&resourceVersionMatch=NotOlderThan")).await.1), 25);
    assert_eq!(count(&list(format!("resourceVersion={old}&resourceVersionMatch=Exact")).await.1), 24);
    assert_eq!(list("resourceVersionMatch=Exact".into()).await.0, 422);
    assert_eq!(list("resourceVersion=x".into()).await.0, 400);
    let future = control.resource_version() + 1000;
    let (status, answer) = list(format!("resourceVersion={future}")).await;
    assert_eq!((status, &answer["details"]["causes"][0]["reason"]), (504, &json!("ResourceVersionTooLarge")));
    assert_eq!(answer["details"]["retryAfterSeconds"], 1);
    control.compact();
    assert_eq!(list(format!("resourceVersion={old}&limit=100")).await.0, 410);
}

#[tokio::test]
async fn selectors_choose_what_a_loop_over_the_dump_chooses() {
    let text = include_str!("../../../assets/scenarios/reference.toml");
    let (still, _) = text.split_once("[cluster.churn]").unwrap();
    let scenario = super::Scenario::parse(still, "still", "still.toml").unwrap();
    let sim = super::start(scenario, "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let (truth, url) = (sim.control("reference").unwrap().dump(), sim.clusters()[0].url.clone());
    let cases: [(&str, &str, Rule); 9] = [
        ("nodes", "labelSelector=node-role.kubernetes.io%2Fcontrol-plane", |o| {
            o["metadata"]["labels"].get("node-role.kubernetes.io/control-plane").is_some()
        }),
        ("nodes", "labelSelector=%21nvidia.com%2Fgpu.count", |o| {
            o["metadata"]["labels"].get("nvidia.com/gpu.count").is_none()
        }),
        ("nodes", "labelSelector=nvidia.com%2Fgpu.count+in+%288%2C4%29", |o| {
            o["metadata"]["labels"]["nvidia.com/gpu.count"] == "8"
        }),
        ("nodes", "labelSelector=nvidia.com%2Fgpu.count%21%3D8", |o| {
            o["metadata"]["labels"]["nvidia.com/gpu.count"] != "8"
        }),
        ("nodes", "fieldSelector=metadata.name%3D10-16-10-114.maas", |o| o["metadata"]["name"] == "10-16-10-114.maas"),
        ("pods", "fieldSelector=spec.nodeName%3D10-16-10-114.maas", |o| o["spec"]["nodeName"] == "10-16-10-114.maas"),
        ("pods", "fieldSelector=spec.nodeName%3D", |o| o["spec"].get("nodeName").is_none()),
        ("pods", "fieldSelector=status.phase%21%3DSucceeded%2Cstatus.phase%21%3DFailed", |o| {
            o["status"]["phase"] != "Succeeded" && o["status"]["phase"] != "Failed"
        }),
        (
            "pods",
            "fieldSelector=metadata.namespace%3D%3Dtrain&labelSelector=app.kubernetes.io%2Fpart-of%3Dtrain",
            |o| o["metadata"]["namespace"] == "train",
        ),
    ];
    for (resource, query, rule) in cases {
        let (status, list) = get(&url, &format!("/api/v1/{resource}?{query}")).await;
        assert_eq!(status, 200, "{list}");
        let all = truth[resource].as_array().unwrap();
        let want: Vec<Value> = all.iter().filter(|o| rule(o)).cloned().collect();
        assert!(!want.is_empty() && want.len() < all.len(), "{query} must choose some");
        assert_eq!(keys(&list["items"]), keys(&json!(want)), "{query}");
    }
    let (status, answer) = get(&url, "/api/v1/pods?fieldSelector=spec.foo%3Dx").await;
    assert_eq!((status, answer["message"].as_str()), (400, Some("field label not supported: spec.foo")));
    assert_eq!(get(&url, "/api/v1/pods?labelSelector=a+b+c").await.0, 400);
}

#[tokio::test]
async fn a_namespace_narrows_a_list_and_an_unknown_one_is_empty() {
    let (_sim, control, url) = small().await;
    let truth = control.dump();
    let (_, list) = get(&url, "/api/v1/namespaces/kube-system/pods?limit=500").await;
    let want: Vec<_> = keys(&truth["pods"]).into_iter().filter(|k| k.starts_with("kube-system/")).collect();
    assert_eq!(keys(&list["items"]), want);
    let (status, list) = get(&url, "/api/v1/namespaces/nowhere/pods").await;
    assert_eq!((status, list["items"].as_array().map(Vec::len)), (200, Some(0)));
    let (_, first) = get(&url, "/api/v1/namespaces/kube-system/pods?limit=2").await;
    assert_eq!(first["metadata"]["remainingItemCount"], want.len() - 2);
}

#[tokio::test]
async fn big_answers_are_compressed_when_asked_for_and_small_ones_never() {
    let sim = simulate("reference").await;
    let url = sim.clusters()[0].url.clone();
    let mut big = open(&url, "/api/v1/pods?limit=100", "Accept-Encoding: gzip\r\n").await.unwrap();
    assert_eq!(big.header("content-encoding"), Some("gzip"));
    let mut text = String::new();
    let wire = big.body().await.unwrap();
    flate2::read::GzDecoder::new(&wire[..]).read_to_string(&mut text).unwrap();
    let list: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(list["items"].as_array().unwrap().len(), 100);
    assert!(wire.len() * 4 < text.len(), "{} of {}", wire.len(), text.len());
    let small = open(&url, "/api/v1/pods?limit=2", "Accept-Encoding: gzip\r\n").await.unwrap();
    assert_eq!(small.header("content-encoding"), None);
    let plain = open(&url, "/api/v1/pods?limit=100", "Accept-Encoding: identity\r\n").await.unwrap();
    assert_eq!(plain.header("content-encoding"), None);
}

#[tokio::test]
async fn tables_have_the_columns_and_the_cells_of_kubectl() {
    let (_sim, control, url) = small().await;
    let accept = "Accept: application/json;as=Table;v=v1;g=meta.k8s.io,application/json\r\n";
    let mut answer = open(&url, "/api/v1/nodes", accept).await.unwrap();
    let table: Value = serde_json::from_slice(&answer.body().await.unwrap()).unwrap();
    assert_eq!((&table["kind"], &table["apiVersion"]), (&json!("Table"), &json!("meta.k8s.io/v1")));
    let names: Vec<_> =
        table["columnDefinitions"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect();
    let want = [
        "Name",
        "Status",
        "Roles",
        "Age",
        "Version",
        "Internal-IP",
        "External-IP",
        "OS-Image",
        "Kernel-Version",
        "Container-Runtime",
    ];
    assert_eq!(names, want);
    let row = &table["rows"][0]["cells"];
    assert_eq!((&row[0], &row[1], &row[2]), (&json!("control-1"), &json!("Ready"), &json!("control-plane")));
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");

    let mut answer = open(&url, "/api/v1/pods?includeObject=None", accept).await.unwrap();
    let table: Value = serde_json::from_slice(&answer.body().await.unwrap()).unwrap();
    let rows = table["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 24);
    assert_eq!(rows[0].get("object"), None);
    for (row, pod) in rows.iter().zip(control.dump()["pods"].as_array().unwrap()) {
        assert_eq!(row["cells"][0], pod["metadata"]["name"]);
        assert_eq!(row["cells"].as_array().unwrap().len(), table["columnDefinitions"].as_array().unwrap().len());
        let ready = pod["status"]["containerStatuses"]
            .as_array()
            .map_or(0, |c| c.iter().filter(|c| c["ready"] == true).count());
        let all = pod["spec"]["containers"].as_array().unwrap().len();
        assert_eq!(row["cells"][1], format!("{ready}/{all}"), "{}", pod["metadata"]["name"]);
    }
}

#[tokio::test]
async fn wrong_requests_get_the_errors_of_a_real_server() {
    let (_sim, _control, url) = small().await;
    let (status, answer) = get(&url, "/api/v1/nodes/nope").await;
    assert_eq!((status, answer["message"].as_str()), (404, Some("nodes \"nope\" not found")));
    assert_eq!((&answer["kind"], &answer["reason"]), (&json!("Status"), &json!("NotFound")));
    assert_eq!(answer["details"], json!({"name": "nope", "kind": "nodes"}));
    assert_eq!(get(&url, "/apis/nothing.k8s.io/v1/nodes").await, (404, json!("404 page not found\n")));
    assert_eq!(get(&url, "/api/v1/pods?timeout=5").await.0, 400);
    assert_eq!(get(&url, "/api/v1/pods?timeout=5s&limit=1").await.0, 200);
    assert_eq!(get(&url, "/api/v1/pods?limit=x").await.0, 400);
    assert_eq!(get(&url, "/api/v1/pods?continue=x").await.0, 400);
    assert_eq!(open(&url, "/api/v1/pods", "Accept: application/cbor\r\n").await.unwrap().status, 406);
    let both =
        open(&url, "/api/v1/nodes", "Accept: application/vnd.kubernetes.protobuf,application/json\r\n").await.unwrap();
    assert_eq!((both.status, both.header("content-type")), (200, Some("application/vnd.kubernetes.protobuf")));
    assert!(both.header("date").is_some() && both.header("audit-id").is_some_and(|id| id.len() == 36), "{}", both.head);
    let post = "POST /api/v1/namespaces/web/pods HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(send(&url, post).await.unwrap().status, 405);
}

#[tokio::test]
async fn one_object_is_the_same_as_in_the_dump() {
    let (_sim, control, url) = small().await;
    let truth = control.dump();
    let (status, node) = get(&url, "/api/v1/nodes/gpu-1").await;
    assert_eq!((status, &node), (200, &truth["nodes"][1]));
    let pod = &truth["pods"][0];
    let key = keys(&truth["pods"])[0].replace('/', "/pods/");
    assert_eq!(&get(&url, &format!("/api/v1/namespaces/{key}")).await.1, pod);
    let (_, list) = get(&url, "/api/v1/pods").await;
    assert_eq!((&list["kind"], list["items"][0].get("kind")), (&json!("PodList"), None), "items carry no kind");
    assert_eq!(list["items"][0]["spec"], pod["spec"]);
}

#[tokio::test]
async fn health_version_and_discovery_answer() {
    let (_sim, _control, url) = small().await;
    for path in ["/livez", "/readyz", "/healthz", "/livez/ping"] {
        assert_eq!(get(&url, path).await, (200, json!("ok")), "{path}");
    }
    let (_, verbose) = get(&url, "/readyz?verbose").await;
    assert!(
        verbose.as_str().unwrap().contains("[+]ping ok\n")
            && verbose.as_str().unwrap().ends_with("readyz check passed\n")
    );
    assert_eq!(get(&url, "/version").await.1["gitVersion"], "v1.32.4");
    assert_eq!(get(&url, "/apis").await.1["groups"][0]["preferredVersion"]["groupVersion"], "coordination.k8s.io/v1");
    let (_, leases) = get(&url, "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases").await;
    assert_eq!(
        keys(&leases["items"]),
        ["kube-node-lease/control-1", "kube-node-lease/gpu-1", "kube-node-lease/worker-1"]
    );
}
