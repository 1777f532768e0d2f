//! Secrets of every kind in every field that can hold one appear in no output.

use std::fmt::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use crate::rig::{Terminal, TestServer, program_in};

/// Part of every secret here.
const CANARY: &str = "c4n4ry";

/// Users of a kubeconfig with secrets in all their fields, by what becomes of them.
fn users(plugin: &Path) -> Vec<(&'static str, String)> {
    let exec = |command: &str, args: &str| {
        let env = format!("[{{name: {CANARY}_SHOWN, value: {CANARY}}}, {{name: 'X={CANARY}', value: {CANARY}}}]");
        format!("exec: {{command: {command}, args: {args}, env: {env}, interactiveMode: Never}}")
    };
    let plugin = |answer: &str| {
        let args = format!(
            "[{answer}, {CANARY}, --{CANARY}, '--pass={CANARY}', -p{CANARY}, 'https://u:{CANARY}@h/?{CANARY}']"
        );
        exec(&plugin.display().to_string(), &args)
    };
    let pem = "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCmM0bjRyeQotLS0tLUVORCBQUklWQVRFIEtFWS0tLS0tCg==";
    vec![
        ("token", format!("token: {CANARY}")),
        ("broken-token", format!("token: \"{CANARY}\\n{CANARY}\"")),
        ("both", format!("token: {CANARY}, username: {CANARY}, password: {CANARY}")),
        ("basic", format!("username: {CANARY}, password: {CANARY}")),
        ("password", format!("token: {CANARY}, password: {CANARY}")),
        ("key", format!("client-certificate-data: {pem}, client-key-data: {pem}")),
        ("odd-key", format!("client-certificate-data: {pem}, client-key-data: '{CANARY}!'")),
        (
            "provider",
            format!(
                "auth-provider: {{name: gcp, config: {{cmd-path: /{CANARY}, cmd-args: {CANARY}, access-token: {CANARY}}}}}"
            ),
        ),
        (
            "oidc",
            format!(
                "auth-provider: {{name: oidc, config: {{id-token: {CANARY}, client-secret: {CANARY}, refresh-token: {CANARY}}}}}"
            ),
        ),
        ("as", format!("token: {CANARY}, as: x, as-user-extra: {{k: [\"{CANARY}\\n\"]}}")),
        ("version", format!("exec: {{command: x, apiVersion: {CANARY}, args: [{CANARY}]}}")),
        ("mode", format!("exec: {{command: x, interactiveMode: {CANARY}, args: [{CANARY}]}}")),
        ("odd-args", format!("exec: {{command: x, args: {{a: {CANARY}}}}}")),
        ("odd-env", format!("exec: {{command: x, env: [{{name: {{a: {CANARY}}}, value: {CANARY}}}]}}")),
        ("missing", exec("no-such-plugin", &format!("[{CANARY}]"))),
        ("in-command", exec(&format!("'no-such-plugin {CANARY}'"), "[]")),
        ("in-path", exec(&format!("'/nowhere/plugin --token {CANARY}/{CANARY}'"), "[]")),
        ("answer-token", plugin("token")),
        ("answer-garbage", plugin("garbage")),
        ("answer-version", plugin("version")),
        ("answer-kind", plugin("kind")),
        ("answer-expiry", plugin("expiry")),
        ("answer-pair", plugin("pair")),
        ("answer-half", plugin("half")),
        ("answer-newline", plugin("newline")),
        ("answer-large", plugin("large")),
        ("answer-fail", plugin("fail")),
    ]
}

/// A plugin that says what its first argument asks for, and complains.
fn plugin(home: &Path) -> std::path::PathBuf {
    let path = home.join("plugin");
    let v1 = r#""apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential""#;
    let text = format!(
        r#"#!/bin/sh
echo 'password={CANARY} https://login.example.com/{CANARY}' >&2
case $1 in
token) echo '{{{v1},"status":{{"token":"{CANARY}"}}}}' ;;
garbage) echo '{CANARY}: [{CANARY}' ;;
version) echo '{{"apiVersion":"{CANARY}","kind":"ExecCredential","status":{{"token":"{CANARY}"}}}}' ;;
kind) echo '{{"kind":"{CANARY}","status":{{"token":"{CANARY}"}}}}' ;;
expiry) echo '{{{v1},"status":{{"token":"{CANARY}","expirationTimestamp":"{CANARY}"}}}}' ;;
pair) echo '{{{v1},"status":{{"clientCertificateData":"{CANARY}","clientKeyData":"{CANARY}"}}}}' ;;
half) echo '{{{v1},"status":{{"clientKeyData":"{CANARY}"}}}}' ;;
newline) echo '{{{v1},"status":{{"token":"{CANARY}\n{CANARY}"}}}}' ;;
large) yes {CANARY} ;;
*) echo {CANARY}; exit 7 ;;
esac
"#
    );
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    path
}

/// A kubeconfig with a context for each user, all for `server`, and three whose cluster holds the secret.
fn write_kubeconfig(home: &Path, server: &str) -> Vec<&'static str> {
    let host = server.split("://").nth(1).unwrap().trim_end_matches('/');
    let mut text = format!(
        "current-context: token\nclusters:\n- {{name: k, cluster: {{server: 'http://{host}'}}}}\n\
         - {{name: userinfo, cluster: {{server: 'http://u:{CANARY}@{host}'}}}}\n\
         - {{name: proxied, cluster: {{server: 'http://{host}', proxy-url: 'http://u:{CANARY}@127.0.0.1:1'}}}}\n\
         - {{name: odd-proxy, cluster: {{server: 'http://{host}', proxy-url: 'ftp://u:{CANARY}@127.0.0.1:1'}}}}\n"
    );
    let users = users(&plugin(home));
    text.push_str("users:\n");
    for (name, user) in &users {
        writeln!(text, "- {{name: {name}, user: {{{user}}}}}").unwrap();
    }
    text.push_str("contexts:\n");
    let clusters = ["userinfo", "proxied", "odd-proxy"];
    let contexts = users.iter().map(|(name, _)| (*name, "k", *name));
    let contexts: Vec<_> = contexts.chain(clusters.map(|cluster| (cluster, cluster, "token"))).collect();
    for (name, cluster, user) in &contexts {
        writeln!(text, "- {{name: {name}, context: {{cluster: {cluster}, user: {user}}}}}").unwrap();
    }
    std::fs::write(home.join("kubeconfig"), text).unwrap();
    contexts.into_iter().map(|(name, ..)| name).collect()
}

/// Without the name of the one variable, which may be shown as names of variables are.
fn without_names(text: &str) -> String {
    text.replace(&format!("{CANARY}_SHOWN"), "")
}

#[test]
fn secrets_of_a_kubeconfig_and_of_plugins_stand_in_no_output_and_in_no_log() {
    let served = TestServer::scenario("small");
    let home = served.dir.path();
    let names = write_kubeconfig(home, &served.simulation.clusters()[0].url);
    let log = home.join("log");
    for arguments in [
        &["check", "--deadline", "20s"][..],
        &["check", "-o", "json", "--deadline", "20s"],
        &["snapshot", "--deadline", "10s"],
        &["snapshot", "-o", "json", "--deadline", "10s"],
    ] {
        let mut command = program_in(home);
        command.env("PATH", "/usr/bin:/bin").env("RUST_LOG", "trace");
        command.env("RUST_BACKTRACE", "full").args(arguments).arg("--all-contexts").arg("--log-file").arg(&log);
        let output = command.arg("--kubeconfig").arg(home.join("kubeconfig")).stdin(Stdio::null()).output().unwrap();
        let text = [output.stdout, output.stderr, std::fs::read(&log).unwrap()].concat();
        let text = without_names(&String::from_utf8(text).unwrap());
        let line = text.lines().find(|line| line.contains(CANARY));
        assert_eq!(line, None, "{arguments:?}");
        // The contexts have been looked at, each with the outcome that its user is made for.
        for name in &names {
            assert!(text.contains(name), "{arguments:?}: {name}: {text}");
        }
        let reasons =
            ["exit code 7", "1 MiB", "printed no ExecCredential", "`expirationTimestamp`", "another `apiVersion`"];
        let reasons = reasons.iter().chain(&["gke-gcloud-auth-plugin", "not base64", "are both set"]);
        // A table says no reasons.
        for part in reasons.filter(|_| arguments.contains(&"check")) {
            assert!(text.contains(part), "{arguments:?}: {part}: {text}");
        }
    }
}

#[test]
fn pty_secrets_of_a_kubeconfig_and_of_plugins_stand_on_no_screen() {
    let served = TestServer::scenario("small");
    let names = write_kubeconfig(served.dir.path(), &served.simulation.clusters()[0].url);
    let mut terminal = Terminal::start(&served, "--all-contexts", &[]);
    terminal.wait_for(names[0]);
    // Every cluster once, with its reason, then the screens of all.
    for name in names.iter().skip(1) {
        terminal.press("\t");
        terminal.wait(name, |text| text.lines().next().is_some_and(|header| header.contains(&format!(" {name} "))));
    }
    terminal.press("!");
    terminal.wait_for("exit code 7");
    for keys in ["\u{1b}", "a", "\u{1b}", "L", "?"] {
        terminal.press(keys);
        std::thread::sleep(std::time::Duration::from_millis(300));
    }
    assert!(!without_names(&terminal.raw()).contains(CANARY), "{}", terminal.text());
    terminal.press("?q");
    terminal.expect_exit(0);
}
