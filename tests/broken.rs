//! Contexts that cannot be used: named with their reason, beside others that work.

use crate::common::{Served, watchbell};

#[test]
fn a_broken_context_says_why_and_the_other_one_works() {
    let served = Served::scenario("small");
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
    let served = Served::scenario("small");
    let list = format!("/nonexistent/config:{}", served.kubeconfig().display());
    let output = watchbell(&served).env("KUBECONFIG", list).args(["snapshot", "-o", "json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}
