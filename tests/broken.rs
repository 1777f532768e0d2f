//! Unusable contexts are named with their reason, next to others that work.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::rig::{TestServer, watchbell};

#[test]
fn a_broken_context_says_why_and_the_other_one_works() {
    let served = TestServer::scenario("small");
    let text = std::fs::read_to_string(served.kubeconfig()).unwrap();
    let broken =
        text.replacen("contexts:\n", "contexts:\n- name: dangling\n  context: {cluster: nowhere, user: nobody}\n", 1);
    assert_ne!(text, broken, "the kubeconfig has another shape than this test expects:\n{text}");
    std::fs::write(served.kubeconfig(), broken).unwrap();
    let output = watchbell(&served).args(["snapshot", "-o", "json", "--all-contexts"]).output().unwrap();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let cluster = |name: &str| json["clusters"].as_array().unwrap().iter().find(|of| of["context"] == name).unwrap();
    assert_eq!(output.status.code(), Some(3), "part of it is missing: {json:#}");
    assert_eq!(cluster("dangling")["nodes"]["total"], serde_json::Value::Null);
    assert!(cluster("dangling")["errors"].to_string().contains("nowhere"), "{:#}", cluster("dangling"));
    assert_eq!(cluster("small")["nodes"]["total"], 3);
}

#[test]
fn a_missing_file_of_the_list_is_skipped_as_kubectl_does() {
    let served = TestServer::scenario("small");
    let list = format!("/nonexistent/config:{}", served.kubeconfig().display());
    let output = watchbell(&served).env("KUBECONFIG", list).args(["snapshot", "-o", "json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Adds a context of this name whose cluster and user say this.
fn with_context(text: &str, name: &str, says: &str, who: &str) -> String {
    text.replacen(
        "contexts:\n",
        &format!("contexts:\n- name: {name}\n  context: {{cluster: {name}, user: {name}}}\n"),
        1,
    )
    .replacen(
        "clusters:\n",
        &format!("clusters:\n- name: {name}\n  cluster: {{server: 'https://127.0.0.1:1'{says}}}\n"),
        1,
    )
    .replacen("users:\n", &format!("users:\n- name: {name}\n  user: {{{who}}}\n"), 1)
}

#[test]
fn a_snapshot_does_not_wait_for_what_no_time_cures() {
    let served = TestServer::scenario("small");
    let mut text = std::fs::read_to_string(served.kubeconfig()).unwrap();
    let garbage = served.dir.path().join("garbage.pem");
    std::fs::write(&garbage, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    let garbage = garbage.display();
    let exec = "exec: {apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin, interactiveMode: Never}";
    let always = "exec: {apiVersion: client.authentication.k8s.io/v1, command: sh, interactiveMode: Always}";
    let contexts = [
        ("bundle", format!(", certificate-authority: '{garbage}'"), String::new()),
        ("nofile", ", certificate-authority: /nowhere/ca.crt".to_owned(), String::new()),
        ("key", String::new(), format!("client-certificate: '{garbage}', client-key: '{garbage}'")),
        ("token", String::new(), "tokenFile: /nowhere/token".to_owned()),
        ("plugin", String::new(), exec.to_owned()),
        ("asks", String::new(), always.to_owned()),
        ("name", ", insecure-skip-tls-verify: true, tls-server-name: 'no name at all'".to_owned(), String::new()),
    ];
    for (name, says, who) in &contexts {
        text = with_context(&text, name, says, who);
    }
    std::fs::write(served.kubeconfig(), text).unwrap();
    let begun = Instant::now();
    let args = ["snapshot", "-o", "json", "--all-contexts", "--deadline", "80s"];
    let output = watchbell(&served).args(args).output().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    let cluster = |name: &str| json["clusters"].as_array().unwrap().iter().find(|of| of["context"] == name).unwrap();
    assert_eq!(output.status.code(), Some(3));
    for (name, ..) in &contexts {
        let cluster = cluster(name);
        assert!(!cluster["errors"].as_array().unwrap().is_empty(), "{cluster:#}");
        assert!(["broken", "denied"].contains(&cluster["state"].as_str().unwrap()), "{cluster:#}");
    }
    assert_eq!(cluster("small")["nodes"]["state"], "complete", "the others are waited for");
}
