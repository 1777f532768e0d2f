//! Plugins are shell scripts in a temporary folder; these mirror client-go's `TestRefreshCreds` as far as it fits.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

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

    async fn run(&self) -> Result<Credential, Trouble> {
        run(&self.exec, "prod", (Place::Background, Duration::from_secs(20))).await
    }
}

const TOKEN: &str = r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"t0k","expirationTimestamp":"2030-01-02T03:04:05Z"}}"#;

#[tokio::test]
async fn a_token_with_its_expiry_is_read() {
    let credential = Plugin::new(&format!("echo '{TOKEN}'")).run().await.unwrap();
    assert_eq!(credential.token.as_deref(), Some("t0k"));
    assert_eq!(credential.expires(), Some("2030-01-02T03:04:05Z".parse().unwrap()));
}

#[tokio::test]
async fn f62_yaml_is_read_like_json() {
    let yaml = "kind: ExecCredential\napiVersion: client.authentication.k8s.io/v1\nstatus:\n  token: y4ml\n";
    let credential = Plugin::new(&format!("cat <<'EOT'\n{yaml}EOT")).run().await.unwrap();
    assert_eq!((credential.token.as_deref(), credential.expires()), (Some("y4ml"), None));
}

#[tokio::test]
async fn f61_the_plugin_is_told_that_nobody_is_there_and_gets_no_terminal() {
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
    let trouble = plugin.run().await.err().unwrap();
    assert_eq!(trouble.layer, Layer::Credentials);
    assert!(trouble.text.contains("`kubectl --context prod get nodes`"), "{}", trouble.text);
    assert!(!plugin.file("started").exists());
}

#[tokio::test]
async fn f62_a_missing_plugin_is_named_with_its_hint() {
    let mut plugin = Plugin::new("");
    plugin.exec.command = Some("/nowhere/no-such-plugin".into());
    plugin.exec.install_hint = Some("brew install it".into());
    let trouble = plugin.run().await.err().unwrap();
    assert_eq!(
        &*trouble.text,
        "credential plugin `no-such-plugin` could not be started: no such file or directory: brew install it"
    );
}

#[tokio::test]
async fn f62_a_failing_plugin_is_quoted_with_its_last_line_and_without_secrets() {
    let script = "echo canary-stdout; echo first >&2; echo 'token eyJhbGciOiJSUzI1NiIsImtpZCI6ImNhbmFyeSJ9 has expired' >&2; exit 3";
    let trouble = Plugin::new(script).run().await.err().unwrap();
    assert_eq!(&*trouble.text, "credential plugin `get-token` ended with exit code 3: token … has expired");
}

#[tokio::test]
async fn f62_garbage_is_not_a_credential_and_is_not_quoted() {
    for output in
        ["echo canary", "true", r#"echo '{"status":{}}'"#, r#"echo '{"status":{"clientCertificateData":"canary"}}'"#]
    {
        let trouble = Plugin::new(output).run().await.err().unwrap();
        assert_eq!(trouble.layer, Layer::Credentials);
        assert!(!trouble.text.contains("canary"), "{}", trouble.text);
    }
}

#[tokio::test]
async fn f60_a_plugin_that_hangs_is_killed_with_its_children() {
    let plugin = Plugin::new("sleep 1000 & echo $! > \"$(dirname \"$0\")/child\"; wait");
    let started = tokio::time::Instant::now();
    let trouble = run(&plugin.exec, "prod", (Place::Background, Duration::from_millis(500))).await.err().unwrap();
    assert!(trouble.timeout && trouble.text.contains("was killed"), "{}", trouble.text);
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
async fn f61_a_plugin_with_the_terminal_is_told_so_unless_it_never_asks() {
    let modes = [
        (None, true),
        (Some(ExecInteractiveMode::IfAvailable), true),
        (Some(ExecInteractiveMode::Always), true),
        (Some(ExecInteractiveMode::Never), false),
    ];
    for (mode, asks) in modes {
        let mut plugin = Plugin::new(&format!("printf '%s' \"$KUBERNETES_EXEC_INFO\" > \"$1\"; echo '{TOKEN}'"));
        plugin.exec.args = Some(vec![plugin.file("info").to_str().unwrap().to_owned()]);
        plugin.exec.interactive_mode = mode.clone();
        run(&plugin.exec, "prod", (Place::Terminal, Duration::from_secs(20))).await.unwrap();
        let info: serde_json::Value = serde_json::from_slice(&std::fs::read(plugin.file("info")).unwrap()).unwrap();
        assert_eq!(info["spec"]["interactive"], asks, "{mode:?}");
    }
}
