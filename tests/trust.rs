//! Trust and proxies that follow from the environment: no certificates on the machine, odd proxies.

use std::process::Output;

use crate::rig::{TestServer, watchbell};

fn stdout(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// A machine without certificates, as an image of nothing but the program.
fn snapshot(served: &TestServer, variables: &[(&str, &str)]) -> Output {
    let mut command = watchbell(served);
    command.env("SSL_CERT_FILE", "/nonexistent/ca.pem").envs(variables.iter().copied());
    command.args(["snapshot", "--deadline", "20s"]).output().unwrap()
}

#[test]
fn a_machine_without_certificates_can_still_ask_a_server_that_needs_none() {
    let served = TestServer::scenario("small");
    let output = snapshot(&served, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
}

#[test]
fn a_server_that_needs_the_machines_certificates_says_what_is_missing_and_the_others_work() {
    let served = TestServer::scenario("small");
    let text = "current-context: c\nclusters: [{name: k, cluster: {server: 'https://127.0.0.1:1'}}]\n\
                contexts: [{name: c, context: {cluster: k}}]\n";
    std::fs::write(served.kubeconfig(), text).unwrap();
    let output = snapshot(&served, &[]);
    let said = stdout(&output);
    assert!(said.contains("this machine has no certificates of authorities"), "{said}");
    assert!(said.contains("/nonexistent/ca.pem") && said.contains("certificate-authority"), "{said}");
    // One that is read in spite of it: with verification off nobody asks an authority.
    std::fs::write(served.kubeconfig(), text.replace(":1'", ":1', insecure-skip-tls-verify: true")).unwrap();
    let said = stdout(&snapshot(&served, &[]));
    assert!(said.contains("connection refused"), "{said}");
}

#[test]
fn odd_proxy_variables_break_no_server_that_is_reached_without() {
    let served = TestServer::scenario("small");
    for (https, http, none) in [
        ("http://gate:3128", "http://gate:3128", "10.0.0.0/8,"),
        ("http://gate:3128", "http://gate:3128", "*.,[,a b,10.0.0.0/99,http://x"),
        ("http://[", "::", ""),
        ("ftp://gate", "http://gate:99999", "127.0.0.1"),
    ] {
        let output = snapshot(&served, &[("HTTPS_PROXY", https), ("HTTP_PROXY", http), ("NO_PROXY", none)]);
        assert_eq!(output.status.code(), Some(0), "{https} {http} {none}: {}", stdout(&output));
    }
}

#[test]
fn check_names_what_it_passes_over_in_a_bundle() {
    let served = TestServer::scenario("small");
    let good = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap().cert.pem();
    let bad = "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n";
    std::fs::write(served.dir.path().join("ca.pem"), format!("{bad}{good}")).unwrap();
    let text = "current-context: c\nclusters: [{name: k, cluster: {server: 'https://127.0.0.1:1', certificate-authority: ca.pem}}]\n\
                contexts: [{name: c, context: {cluster: k}}]\n";
    std::fs::write(served.kubeconfig(), text).unwrap();
    let said = stdout(&watchbell(&served).arg("check").output().unwrap());
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("passed over in its certificate-authority: part 1 of 2 is not base64"), "{said}");
}
