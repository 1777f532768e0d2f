//! Tests with plugins that are shell scripts in a temporary folder; they mirror client-go's `TestRefreshCreds` where it applies.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use secrecy::ExposeSecret;

use super::*;

struct Plugin {
    folder: tempfile::TempDir,
    exec: ExecConfig,
}

impl Plugin {
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("get-token");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let exec = ExecConfig {
            command: Some(path.to_str().unwrap().to_owned()),
            api_version: Some("client.authentication.k8s.io/v1".into()),
            ..ExecConfig::default()
        };
        Self { folder, exec }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn run(&self) -> Result<Credential, RequestError> {
        self.run_within(Duration::from_secs(20)).await
    }

    async fn run_within(&self, deadline: Duration) -> Result<Credential, RequestError> {
        let outcome = run(&self.exec, PluginMode::Background, deadline).await;
        outcome.map_err(|error| error.request_error(&self.exec, "kubectl --context prod get nodes"))
    }
}

const TOKEN: &str = r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"t0k","expirationTimestamp":"2030-01-02T03:04:05Z"}}"#;

#[tokio::test]
async fn a_token_with_its_expiry_is_read() {
    let credential = Plugin::new(&format!("echo '{TOKEN}'")).run().await.unwrap();
    assert_eq!(credential.token.as_ref().map(ExposeSecret::expose_secret), Some("t0k"));
    assert_eq!(credential.expires(), Some("2030-01-02T03:04:05Z".parse().unwrap()));
}

#[tokio::test]
async fn f62_yaml_is_read_like_json() {
    let yaml = "kind: ExecCredential\napiVersion: client.authentication.k8s.io/v1\nstatus:\n  token: y4ml\n";
    let credential = Plugin::new(&format!("cat <<'EOT'\n{yaml}EOT")).run().await.unwrap();
    assert_eq!(
        (credential.token.as_ref().map(ExposeSecret::expose_secret), credential.expires()),
        (Some("y4ml"), None)
    );
}

#[tokio::test]
async fn f61_the_plugin_is_informed_that_nobody_is_there_and_gets_no_terminal() {
    let mut plugin = Plugin::new(&format!(
        "printf '%s' \"$KUBERNETES_EXEC_INFO\" > info; printf '%s' \"$EXTRA$1\" > extra; cat > stdin; echo '{TOKEN}'"
    ));
    let folder = plugin.folder.path().to_str().unwrap().to_owned();
    let script = std::fs::read_to_string(plugin.file("get-token")).unwrap();
    std::fs::write(plugin.file("get-token"), script.replace("#!/bin/sh\n", &format!("#!/bin/sh\ncd {folder}\n")))
        .unwrap();
    plugin.exec.args = Some(vec!["arg".into()]);
    plugin.exec.env = Some(vec![HashMap::from([("name".into(), "EXTRA".into()), ("value".into(), "env-".into())])]);
    plugin.exec.provide_cluster_info = true;
    plugin.exec.cluster =
        Some(kube::config::ExecAuthCluster { server: Some("https://api".into()), ..Default::default() });
    plugin.run().await.unwrap();
    let info: serde_json::Value = serde_json::from_slice(&std::fs::read(plugin.file("info")).unwrap()).unwrap();
    assert_eq!(info["kind"], "ExecCredential");
    assert_eq!(info["spec"]["interactive"], false);
    assert_eq!(info["spec"]["cluster"]["server"], "https://api");
    assert_eq!(std::fs::read(plugin.file("extra")).unwrap(), b"env-arg");
    assert_eq!(std::fs::read(plugin.file("stdin")).unwrap(), b"", "stdin is empty, not ours");
}

#[tokio::test]
async fn f61_a_plugin_that_wants_a_terminal_is_not_started() {
    let mut plugin = Plugin::new("touch started");
    plugin.exec.interactive_mode = Some(ExecInteractiveMode::Always);
    let error = plugin.run().await.err().unwrap();
    assert_eq!(error.layer, Layer::Credentials);
    assert!(error.text.contains("`kubectl --context prod get nodes`"), "{}", error.text);
    assert!(!plugin.file("started").exists());
}

#[tokio::test]
async fn f62_a_missing_plugin_is_named_with_its_hint() {
    let mut plugin = Plugin::new("");
    plugin.exec.command = Some("/nowhere/no-such-plugin".into());
    plugin.exec.install_hint = Some("brew install it".into());
    let error = plugin.run().await.err().unwrap();
    assert_eq!(
        &*error.text,
        "credential plugin `no-such-plugin` could not be started: no such file or directory; \
         the kubeconfig's installHint says: brew install it"
    );
    plugin.exec.command = Some("no-such-plugin-anywhere".into());
    plugin.exec.install_hint = Some(String::new());
    let error = plugin.run().await.err().unwrap();
    let text = "credential plugin `no-such-plugin-anywhere` could not be started: it is not in the PATH";
    assert_eq!(&*error.text, text);
}

#[tokio::test]
async fn a_plugin_without_an_interpreter_is_reported_in_the_words_of_the_system() {
    let plugin = Plugin::new("");
    std::fs::write(plugin.file("get-token"), "echo no interpreter\n").unwrap();
    let error = plugin.run().await.err().unwrap();
    assert_eq!(&*error.text, "credential plugin `get-token` could not be started: exec format error");
}

#[tokio::test]
async fn f62_a_failing_plugin_is_reported_by_its_exit_code_and_nothing_of_its_output() {
    for output in ["password=canary", "visit https://login.example.com/device?code=canary", "canary"] {
        let error = Plugin::new(&format!("echo '{output}'; echo '{output}' >&2; exit 3")).run().await.err().unwrap();
        assert_eq!(
            &*error.text,
            "credential plugin `get-token` ended with exit code 3; `kubectl --context prod get nodes` shows what it says"
        );
    }
}

#[tokio::test]
async fn empty_strings_of_an_answer_are_unset() {
    let answer = |status: &str| Plugin::new(&format!("echo '{{\"status\":{status}}}'"));
    let token = r#"{"token":"t0k","clientCertificateData":"","clientKeyData":"","expirationTimestamp":""}"#;
    let credential = answer(token).run().await.unwrap();
    assert!(credential.token.is_some() && credential.client_certificate_data.is_none());
    assert!(credential.client_key_data.is_none() && credential.expires().is_none());
    let pair = r#"{"token":"","clientCertificateData":"c","clientKeyData":"k"}"#;
    let credential = answer(pair).run().await.unwrap();
    assert!(credential.token.is_none() && credential.client_key_data.is_some());
    for neither in [r#"{"token":""}"#, r#"{"clientCertificateData":"c","clientKeyData":""}"#] {
        let error = answer(neither).run().await.err().unwrap();
        assert!(error.text.ends_with("neither a token nor a certificate with its key"), "{}", error.text);
    }
}

// kubectl 1.34.1: "exec plugin is configured to use API version …, plugin returned version …", "no kind … is
// registered", "parsing time …". It also refuses an answer without them; many home-made plugins leave them out, and
// their answers are unambiguous.
#[tokio::test]
async fn an_answer_in_another_version_or_of_another_kind_or_with_an_unreadable_expiry_is_refused_and_not_quoted() {
    let v1 = r#""apiVersion":"client.authentication.k8s.io/v1""#;
    let ours = r#""kind":"ExecCredential""#;
    for (answer, why) in [
        (
            r#""apiVersion":"client.authentication.k8s.io/v1beta1""#,
            "another `apiVersion` than `client.authentication.k8s.io/v1`",
        ),
        (r#""apiVersion":"CANARY/v1""#, "another `apiVersion`"),
        (r#""kind":"CANARY""#, "printed no ExecCredential"),
        (&format!(r#"{v1},{ours},"expirationTimestamp":"CANARY""#), ""),
    ] {
        let plugin = Plugin::new(&format!("echo '{{{answer},\"status\":{{\"token\":\"CANARY\"}}}}'"));
        let outcome = plugin.run().await;
        if why.is_empty() {
            assert!(outcome.is_ok(), "it counts in the status alone");
            continue;
        }
        let error = outcome.err().unwrap();
        assert!(error.text.contains(why) && !error.text.contains("CANARY"), "{answer}: {}", error.text);
    }
    for expiry in
        [r#""CANARY""#, r#""2030-01-02""#, r#""2030-01-02T03:04:05""#, r#""2030-13-02T03:04:05Z""#, "17", "true", "{}"]
    {
        let status = format!(r#"{{"token":"CANARY","expirationTimestamp":{expiry}}}"#);
        let plugin = Plugin::new(&format!("echo '{{{v1},{ours},\"status\":{status}}}'"));
        let error = plugin.run().await.err().unwrap();
        assert!(error.text.contains("`expirationTimestamp` that is no time"), "{expiry}: {}", error.text);
        assert!(!error.text.contains("CANARY"), "{}", error.text);
    }
    for expiry in ["null", r#""""#, r#""2030-01-02T03:04:05.5+02:00""#] {
        let status = format!(r#"{{"token":"t","expirationTimestamp":{expiry}}}"#);
        let credential = Plugin::new(&format!("echo '{{{v1},{ours},\"status\":{status}}}'")).run().await.unwrap();
        assert_eq!(credential.expires().is_some(), expiry.contains("2030"), "{expiry}");
    }
    let mut beta =
        Plugin::new(r#"echo '{"apiVersion":"client.authentication.k8s.io/v1beta1","status":{"token":"t"}}'"#);
    beta.exec.api_version = Some("client.authentication.k8s.io/v1beta1".into());
    assert!(beta.run().await.is_ok());
}

#[tokio::test]
async fn a_plugin_that_prints_more_than_is_read_is_ended_with_the_limit_named() {
    let started = tokio::time::Instant::now();
    for script in ["yes CANARY", "head -c 1048577 /dev/zero", "head -c 1048577 /dev/zero & sleep 1000"] {
        let error = Plugin::new(script).run().await.err().unwrap();
        assert!(error.text.ends_with("printed more than 1 MiB, the most that is read"), "{script}: {}", error.text);
    }
    assert!(started.elapsed() < Duration::from_secs(15), "nobody waits for the end of it");
    let padded = format!("head -c 900000 /dev/zero | tr '\\0' ' '; echo '{TOKEN}'");
    assert!(Plugin::new(&padded).run().await.is_ok());
}

#[test]
fn the_allowlist_compares_the_files_that_commands_lead_to() {
    let plugin = Plugin::new("");
    let (path, folder) = (plugin.exec.command.clone().unwrap(), plugin.folder.path().display().to_string());
    std::os::unix::fs::symlink(&path, plugin.file("link")).unwrap();
    for alike in [
        path.clone(),
        format!("{folder}/./get-token"),
        format!("{folder}/../{}", path[1 + path[..path.rfind('/').unwrap()].rfind('/').unwrap()..].to_owned()),
        format!("{folder}/link"),
    ] {
        assert!(is_same_command(&alike, &path) && is_same_command(&path, &alike), "{alike}");
    }
    let sh = find("sh").unwrap().display().to_string();
    assert!(is_same_command("sh", &sh) && is_same_command(&sh, "sh") && is_same_command("sh", "sh"));
    for other in ["get-token", "./get-token", &format!("{folder}/other"), ""] {
        assert!(!is_same_command(other, &path), "{other}");
    }
    assert!(is_same_command("no-such-plugin", "no-such-plugin"), "it is told when it is started that there is none");
}

#[tokio::test]
async fn a_child_that_keeps_the_pipe_open_does_not_hold_up_the_answer() {
    let plugin = Plugin::new(&format!("sleep 1000 & echo '{TOKEN}'"));
    let started = tokio::time::Instant::now();
    assert!(plugin.run().await.is_ok());
    assert!(started.elapsed() < Duration::from_secs(10));
}

// kubectl and watchbell renew early; a fifth of the life keeps short ones from being renewed all the time.
#[test]
fn credentials_are_renewed_a_minute_or_a_fifth_of_their_life_early() {
    let issued: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
    let lead = |life: i64| {
        let expires = issued + SignedDuration::from_secs(life);
        renewal(issued, expires, Duration::from_secs(60)).map(|at| expires.duration_since(at).as_secs())
    };
    assert_eq!([lead(3600), lead(300), lead(100), lead(10)], [Some(60), Some(60), Some(20), Some(2)]);
    assert_eq!([lead(0), lead(-5)], [None, None], "a clock is wrong");
}

#[tokio::test]
async fn f62_garbage_is_not_a_credential_and_is_not_quoted() {
    for output in
        ["echo canary", "true", r#"echo '{"status":{}}'"#, r#"echo '{"status":{"clientCertificateData":"canary"}}'"#]
    {
        let error = Plugin::new(output).run().await.err().unwrap();
        assert_eq!(error.layer, Layer::Credentials);
        assert!(!error.text.contains("canary"), "{}", error.text);
    }
}

#[tokio::test]
async fn f60_a_plugin_that_hangs_is_killed_with_its_children() {
    let plugin = Plugin::new("sleep 1000 & echo $! > \"$(dirname \"$0\")/child\"; wait");
    let started = tokio::time::Instant::now();
    let error = plugin.run_within(Duration::from_millis(500)).await.err().unwrap();
    assert!(error.timeout && error.text.contains("was killed"), "{}", error.text);
    assert!(started.elapsed() < Duration::from_secs(10));
    let child: i32 = std::fs::read_to_string(plugin.file("child")).unwrap().trim().parse().unwrap();
    // Killed, it stays a zombie until its new parent has waited for it.
    for _ in 0..100 {
        let state = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        if state.is_empty() || state.contains(" Z ") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the plugin's child {child} lives on");
}

// client-go: TestRefreshCreds, "interactive" of `IfAvailable`, `Always` and `Never` where there is a terminal.
#[tokio::test]
async fn f61_a_plugin_with_the_terminal_is_informed_of_it_unless_it_never_asks() {
    let modes = [
        (None, true),
        (Some(ExecInteractiveMode::IfAvailable), true),
        (Some(ExecInteractiveMode::Always), true),
        (Some(ExecInteractiveMode::Never), false),
    ];
    for (mode, interactive) in modes {
        let mut plugin = Plugin::new(&format!("printf '%s' \"$KUBERNETES_EXEC_INFO\" > \"$1\"; echo '{TOKEN}'"));
        plugin.exec.args = Some(vec![plugin.file("info").to_str().unwrap().to_owned()]);
        plugin.exec.interactive_mode = mode.clone();
        run(&plugin.exec, PluginMode::Terminal, Duration::from_secs(20)).await.ok().unwrap();
        let info: serde_json::Value = serde_json::from_slice(&std::fs::read(plugin.file("info")).unwrap()).unwrap();
        assert_eq!(info["spec"]["interactive"], interactive, "{mode:?}");
    }
}
