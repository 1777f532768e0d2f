//! Exec credential plugins, run by us: kube would run one blocking, several times, without a deadline, and on our terminal.
//!
//! Rules: `reference/security.md`, section 5. In the background never interactive (the terminal is ours), in a process group of
//! its own that is killed as a whole; with the terminal only when the operator has asked for it and the screen has made way (F61).
//! One at a time per cluster, and no output of it in any message but the last line of its stderr.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use jiff::Timestamp;
use kube::config::{ExecConfig, ExecInteractiveMode};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Deserializer};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

use super::classify::Trouble;
use super::kubeconfig::said;
use super::kubeconfig::yaml::documents;
use crate::file::words;
use crate::msg::Layer;

/// A credential is a token or a certificate chain: more than this is garbage.
const STDOUT_CAP: u64 = 1 << 20;
/// Only the last line is shown.
const STDERR_CAP: u64 = 64 << 10;
/// Words this long in a message may be a secret.
const SECRET_CHARS: usize = 24;

/// What a plugin returned.
#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Credential {
    /// A bearer token.
    #[serde(deserialize_with = "unless_empty")]
    pub(crate) token: Option<String>,
    /// A client certificate chain, PEM.
    #[serde(deserialize_with = "unless_empty")]
    pub(crate) client_certificate_data: Option<String>,
    /// Its key, PEM.
    #[serde(deserialize_with = "unless_empty")]
    pub(crate) client_key_data: Option<String>,
    /// Until when it holds.
    expiration_timestamp: Option<String>,
}

impl Credential {
    /// Until when it holds; `None` if that is not said or not a time.
    pub(crate) fn expires(&self) -> Option<Timestamp> {
        self.expiration_timestamp.as_deref()?.parse().ok()
    }
}

/// Where a plugin runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Without a terminal, and not for long.
    Background,
    /// With our terminal, which it has for itself: it may ask, and the operator may end it.
    Terminal,
}

/// The command of a kubeconfig is the one that an allowlist names: as it is written, or where PATH leads.
pub(crate) fn is_same_command(listed: &str, command: &str) -> bool {
    listed == command || find(listed).is_some_and(|found| Some(found) == find(command))
}

/// The file that a command stands for; a bare name is looked for in the absolute folders of PATH.
fn find(command: &str) -> Option<PathBuf> {
    if command.contains('/') {
        return Some(command.into());
    }
    let path = std::env::var_os("PATH")?;
    let mut files =
        std::env::split_paths(&path).filter(|folder| folder.is_absolute()).map(|folder| folder.join(command));
    files.find(|file| file.is_file())
}

/// The name of a plugin, for messages.
pub(crate) fn name(exec: &ExecConfig) -> &str {
    let command = exec.command.as_deref().unwrap_or_default();
    command.rsplit('/').next().unwrap_or(command)
}

/// Runs the plugin of `context` once.
///
/// # Errors
/// A plugin that needs a terminal and gets none, cannot be started, fails, takes longer than `deadline`, or prints no credential.
pub(crate) async fn run(
    exec: &ExecConfig,
    context: &str,
    (place, deadline): (Place, Duration),
) -> Result<Credential, Trouble> {
    let name = name(exec);
    let fail = |what: &str| Trouble::new(Layer::Credentials, &format!("credential plugin `{name}` {what}"));
    if place == Place::Background && exec.interactive_mode == Some(ExecInteractiveMode::Always) {
        let what =
            format!("wants a terminal: log in with `kubectl --context {context} get nodes` elsewhere, then refresh");
        return Err(fail(&what));
    }
    let mut child = spawn(exec, place).map_err(|error| {
        let hint = exec.install_hint.as_deref().map(|hint| format!(": {hint}")).unwrap_or_default();
        fail(&format!("could not be started: {}{hint}", words(&error)))
    })?;
    // With the terminal it is in our own group, so that Ctrl-C and Ctrl-Z of the terminal reach it.
    let _group = Group(child.id().filter(|_| place == Place::Background));
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let work = async { tokio::join!(read(stdout, STDOUT_CAP), read(stderr, STDERR_CAP), child.wait()) };
    let Ok((stdout, stderr, status)) = tokio::time::timeout(deadline, work).await else {
        let text = format!("credential plugin `{name}` gave nothing within {} s and was killed", deadline.as_secs());
        return Err(Trouble::timed_out(Layer::Credentials, &text));
    };
    let status = status.map_err(|error| fail(&format!("could not be waited for: {}", words(&error))))?;
    if !status.success() {
        let code = status.code().map_or_else(|| "a signal".to_owned(), |code| format!("exit code {code}"));
        let said = last_line(&stderr);
        return Err(fail(&format!("ended with {code}{}{said}", if said.is_empty() { "" } else { ": " })));
    }
    let credential = parse(&stdout).ok_or_else(|| fail("printed no ExecCredential"))?;
    let pair = credential.client_certificate_data.is_some() == credential.client_key_data.is_some();
    if !pair || (credential.token.is_none() && credential.client_key_data.is_none()) {
        return Err(fail("returned neither a token nor a certificate with its key"));
    }
    Ok(credential)
}

fn spawn(exec: &ExecConfig, place: Place) -> std::io::Result<Child> {
    let mut plugin = Command::new(exec.command.as_deref().unwrap_or_default());
    plugin.args(exec.args.iter().flatten());
    for variable in exec.env.iter().flatten() {
        if let (Some(name), Some(value)) = (variable.get("name"), variable.get("value")) {
            plugin.env(name, value);
        }
    }
    // `interactiveMode: Never` says that its stdin is not to be touched, wherever it runs.
    let asks = place == Place::Terminal && exec.interactive_mode != Some(ExecInteractiveMode::Never);
    let mut spec = json!({ "interactive": asks });
    if let (true, Some(cluster)) = (exec.provide_cluster_info, &exec.cluster) {
        spec["cluster"] = json!(cluster);
    }
    let version = exec.api_version.as_deref().unwrap_or("client.authentication.k8s.io/v1");
    let info = json!({ "apiVersion": version, "kind": "ExecCredential", "spec": spec });
    plugin.env("KUBERNETES_EXEC_INFO", info.to_string()).stdout(Stdio::piped()).kill_on_drop(true);
    match place {
        Place::Background => plugin.stdin(Stdio::null()).stderr(Stdio::piped()).process_group(0).spawn(),
        Place::Terminal => {
            let stdin = if asks { Stdio::inherit() } else { Stdio::null() };
            plugin.stdin(stdin).stderr(Stdio::inherit()).spawn()
        }
    }
}

/// Kills what is left of the plugin's process group: a wrapper script's children too.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        let pid = self.0.and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // An empty group is what we want.
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }
}

/// Reads to the end, keeping no more than `cap` bytes.
async fn read(from: Option<impl AsyncRead + Unpin>, cap: u64) -> Vec<u8> {
    let mut kept = Vec::new();
    if let Some(mut from) = from {
        // What could be read is what there is.
        let _ = (&mut from).take(cap).read_to_end(&mut kept).await;
        let _ = tokio::io::copy(&mut from, &mut tokio::io::sink()).await;
    }
    kept
}

fn unless_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(deserializer).map(said)
}

fn parse(stdout: &[u8]) -> Option<Credential> {
    #[derive(Deserialize)]
    struct Answer {
        status: Credential,
    }

    if let Ok(answer) = serde_json::from_slice::<Answer>(stdout) {
        return Some(answer.status);
    }
    // Some plugins print YAML.
    let documents = documents(std::str::from_utf8(stdout).ok()?).ok()?;
    serde_json::from_value(documents.first()?.get("status")?.to_json()).ok()
}

/// The last line, with everything that may be a secret left out.
fn last_line(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let Some(line) = text.lines().rev().find(|line| !line.trim().is_empty()) else { return String::new() };
    let words: Vec<&str> = line
        .split_whitespace()
        .map(|word| if word.len() >= SECRET_CHARS && !word.starts_with("https://") { "…" } else { word })
        .take(24)
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests;
