//! The start of the program: files, flags and environment, and its messages when one of them is wrong.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tokio::time::Instant;

use crate::rig::{program_in, shell_in};

/// A context whose server refuses every connection.
const REFUSED: &str = "current-context: c\nclusters: [{name: k, cluster: {server: 'http://127.0.0.1:1'}}]\n\
    contexts: [{name: c, context: {cluster: k, user: u}}]\n";

/// The health check of a kubeconfig with this user, with an empty home.
fn check(home: &Path, user: &str) -> Command {
    let path = home.join("kubeconfig");
    std::fs::write(&path, format!("{REFUSED}users: [{{name: u, user: {user}}}]\n")).unwrap();
    let mut command = program_in(home);
    command.args(["check", "--deadline", "20s", "--kubeconfig"]).arg(path);
    command
}

fn run(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), [stdout, stderr].concat().try_into().unwrap())
}

#[test]
fn a_configuration_that_is_wrong_does_not_matter_where_none_is_wanted() {
    let home = tempfile::tempdir().unwrap();
    let bad = home.path().join("bad.toml");
    std::fs::write(&bad, "x = [").unwrap();
    let (code, said) = run(check(home.path(), "{}").env("WATCHBELL_CONFIG", &bad));
    assert!(code == Some(1) && said.contains("bad.toml"), "{code:?} {said}");
    let (code, said) = run(check(home.path(), "{}").env("WATCHBELL_CONFIG", &bad).arg("--ignore-config"));
    assert!(code == Some(3) && said.contains("ok    kubeconfig"), "{code:?} {said}");
    let (code, said) = run(check(home.path(), "{}").env("WATCHBELL_CONFIG", ""));
    assert!(code == Some(3) && said.contains("ok    kubeconfig"), "{code:?} {said}");
}

#[test]
fn a_home_that_cannot_be_read_is_a_note() {
    let home = tempfile::tempdir().unwrap();
    // Not even root can look into a file as if it were a folder.
    std::fs::write(home.path().join(".config"), "").unwrap();
    let (code, said) = run(&mut check(home.path(), "{}"));
    assert!(code == Some(3) && said.contains("ok    kubeconfig"), "{code:?} {said}");
    assert!(said.contains("warning: cannot read the configuration") && said.contains("the defaults hold"), "{said}");
}

#[test]
fn flags_that_exclude_each_other_are_a_usage_error_wherever_they_stand() {
    let home = tempfile::tempdir().unwrap();
    let mut command = program_in(home.path());
    command.args(["--context", "x", "snapshot", "--all-contexts"]);
    let (code, said) = run(&mut command);
    assert!(code == Some(2) && said.contains("--all-contexts") && said.contains("--context"), "{code:?} {said}");
}

#[test]
fn a_kubeconfig_may_come_through_a_pipe() {
    let home = tempfile::tempdir().unwrap();
    let mut command = program_in(home.path());
    command.args(["check", "--deadline", "20s", "--kubeconfig", "/dev/stdin"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(REFUSED.replace(", user: u", "").as_bytes()).unwrap();
    drop(pipe);
    let said = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    assert!(said.contains("ok    kubeconfig"), "{said}");
}

#[test]
fn devices_without_end_are_refused_wherever_a_file_is_named() {
    let home = tempfile::tempdir().unwrap();
    for arguments in [
        &["check", "--kubeconfig", "/dev/zero"][..],
        &["check", "--config", "/dev/zero"],
        &["simulate", "-s", "/dev/zero"],
        &["check", "--kubeconfig", "/dev/full"],
    ] {
        let begun = Instant::now();
        let (code, said) = run(program_in(home.path()).args(arguments));
        assert!(code == Some(1) && said.contains("it is larger than"), "{arguments:?}: {code:?} {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{arguments:?}");
    }
}

/// kube 5.0 ran the command of an auth provider and quoted what it printed.
#[test]
fn nothing_that_an_auth_provider_names_is_run_or_quoted() {
    let home = tempfile::tempdir().unwrap();
    let (script, mark) = (home.path().join("helper"), home.path().join("mark"));
    let text = format!("#!/bin/sh\ntouch {}\necho '{{\"access_token\":\"CANARY\"}}'\nexit 1\n", mark.display());
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    let config = format!("{{cmd-path: {}, cmd-args: SECRET, token-key: '{{.access_token}}'}}", script.display());
    let (code, said) = run(&mut check(home.path(), &format!("{{auth-provider: {{name: gcp, config: {config}}}}}")));
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("gke-gcloud-auth-plugin"), "{said}");
    assert!(!said.contains("CANARY") && !said.contains("SECRET") && !mark.exists(), "{said}");
}

#[test]
fn the_check_names_the_command_of_a_plugin_and_a_file_that_is_no_program_for_what_it_is() {
    let home = tempfile::tempdir().unwrap();
    let script = home.path().join("plugin");
    std::fs::write(&script, "echo no interpreter is named\n").unwrap();
    std::fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    let user =
        "{exec: {command: ./plugin, args: [get, --client-secret=CANARY], env: [{name: PROFILE, value: CANARY}]}}";
    let (code, said) = run(&mut check(home.path(), user));
    let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(code, Some(3), "{said}");
    let command = format!("runs `PROFILE=… {}` with 2 arguments", script.display());
    for part in [&*command, "exec format error"] {
        assert!(words.contains(part), "{part}: {words}");
    }
    assert!(!said.contains("CANARY") && !said.contains("uncategorized"), "{said}");
    assert_eq!(words.matches("exec format error").count(), 1, "{words}");
}

#[test]
fn a_token_that_no_header_may_have_is_no_panic() {
    let home = tempfile::tempdir().unwrap();
    let (code, said) = run(&mut check(home.path(), "{token: \"a\\nb\"}"));
    assert!(code == Some(3) && said.contains("no header may have") && !said.contains("panicked"), "{code:?} {said}");
}

#[test]
fn a_stack_of_64_kilobytes_is_enough_to_start() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("kubeconfig"), format!("{REFUSED}users: [{{name: u, user: {{}}}}]\n")).unwrap();
    for limit in [64, 128, 1024] {
        for (args, expected) in [("check --deadline 2s --kubeconfig kubeconfig", 3), ("config", 0), ("--help", 0)] {
            let script = format!("ulimit -s {limit}; exec \"$WATCHBELL\" {args}");
            let (code, said) = run(&mut shell_in(home.path(), &script));
            assert_eq!(code, Some(expected), "{args} with {limit}: {said}");
        }
    }
}

#[test]
fn what_the_system_refuses_is_reported_in_words_without_a_number() {
    let home = tempfile::tempdir().unwrap();
    let cases = [
        ("--log-file /nonexistent/log config", "no such file or directory"),
        ("--log-file . config", "is a directory"),
        ("simulate -s small --kubeconfig-out /nonexistent/kc", "no such file or directory"),
        ("simulate -s small >/dev/full", "no space left on device"),
        ("config >/dev/full", "no space left on device"),
        ("rbac >/dev/full", "no space left on device"),
        ("man >/dev/full", "no space left on device"),
        ("completion bash >/dev/full", "no space left on device"),
    ];
    for (args, words) in cases {
        let (code, said) = run(&mut shell_in(home.path(), &format!("exec \"$WATCHBELL\" {args}")));
        assert!(code == Some(1) && said.contains(words) && !said.contains("os error"), "{args}: {code:?} {said}");
    }
}
