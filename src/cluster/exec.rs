//! Runner of exec credential plugins. kube would run one blocking, several times, without a deadline, and on our
//! terminal.
//!
//! Rules: `docs/security.md`. In the background a plugin is never interactive (the terminal is ours) and runs in a
//! session of its own that is killed as a whole; it gets the terminal only when the operator has requested it and the
//! screen is suspended (F61). One run serves all contexts that share an entry ([`Plugins`]). Its output is never part
//! of a message.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kube::config::{ExecConfig, ExecInteractiveMode};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::classify::RequestError;
use crate::cluster::yaml::{first_document, non_empty};
use crate::file::words;
use crate::msg::Layer;
use crate::process::{self, Process, ProcessInput, Program, Terminal};

mod plugins;

pub(crate) use plugins::{Demand, Issued, PluginEntry, Plugins, WRONG_CLOCK};

/// Version of the protocol if the kubeconfig names none.
pub(crate) const V1: &str = "client.authentication.k8s.io/v1";
/// Supported versions of the protocol (client-go `exec.go`, `apiVersions`).
pub(crate) const API_VERSIONS: [&str; 2] = [V1, "client.authentication.k8s.io/v1beta1"];
/// The earlier version, which is no longer supported.
pub(crate) const V1ALPHA1: &str = "client.authentication.k8s.io/v1alpha1";
/// Kind of a plugin's output.
const KIND: &str = "ExecCredential";
/// Most bytes of a plugin's output: a credential is a token or a certificate chain.
const STDOUT_CAP: usize = 1 << 20;
/// Initial capacity of the buffer: most answers fit, and a reallocation would leave a copy in memory.
const STDOUT_ROOM: usize = 64 << 10;
/// Time for reading a plugin's output after its end: a daemon that it has started may keep the pipe open.
const LINGER: Duration = Duration::from_millis(500);

/// Output of a plugin.
#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Credential {
    /// A bearer token.
    #[serde(deserialize_with = "secret_unless_empty")]
    pub(crate) token: Option<SecretString>,
    /// A client certificate chain, PEM.
    #[serde(deserialize_with = "unless_empty")]
    pub(crate) client_certificate_data: Option<String>,
    /// Its key, PEM.
    #[serde(deserialize_with = "secret_unless_empty")]
    pub(crate) client_key_data: Option<SecretString>,
    /// End of its validity.
    #[serde(rename = "expirationTimestamp")]
    expiry: Expiry,
}

/// End of a credential's validity.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(from = "Option<serde_json::Value>")]
enum Expiry {
    /// The plugin gave none.
    #[default]
    Never,
    At(Timestamp),
    Unreadable,
}

impl From<Option<serde_json::Value>> for Expiry {
    fn from(value: Option<serde_json::Value>) -> Self {
        match value {
            None => Self::Never,
            Some(serde_json::Value::String(text)) if text.is_empty() => Self::Never,
            Some(serde_json::Value::String(text)) => text.parse().map_or(Self::Unreadable, Self::At),
            Some(_) => Self::Unreadable,
        }
    }
}

impl Credential {
    /// End of its validity; `None` if the plugin gave none.
    pub(crate) fn expires(&self) -> Option<Timestamp> {
        match self.expiry {
            Expiry::At(time) => Some(time),
            Expiry::Never | Expiry::Unreadable => None,
        }
    }
}

/// Time from which credentials are to be renewed: a minute before they expire, or a fifth of a short life; `None` for
/// those that had expired when they came: a clock is wrong.
pub(crate) fn renewal(issued: Timestamp, expires: Timestamp, early: Duration) -> Option<Timestamp> {
    let life = expires.duration_since(issued);
    let early = SignedDuration::try_from(early).unwrap_or(SignedDuration::MAX);
    life.is_positive().then(|| expires.saturating_sub(early.min(life / 5)).unwrap_or(expires))
}

/// Mode in which a plugin runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PluginMode {
    /// Without a terminal, and with a short deadline.
    Background,
    /// With our terminal, exclusively: it may prompt, and the operator may end it.
    Terminal,
}

/// `true` if the kubeconfig's command is the one of the allowlist: both resolve to one file, or neither resolves and
/// they are spelled alike. Blocking.
pub(crate) fn is_same_command(listed: &str, command: &str) -> bool {
    let file = |command: &str| find(command).ok().and_then(|file| file.canonicalize().ok());
    match (file(listed), file(command)) {
        (Some(listed), Some(command)) => listed == command,
        (None, None) => listed == command,
        _ => false,
    }
}

/// The file that a command resolves to.
///
/// # Errors
/// The reason why there is none.
pub(crate) fn find(command: &str) -> Result<PathBuf, &'static str> {
    process::find(command, std::env::var_os("PATH").as_deref())
}

/// The name of a plugin, for messages: without its folder, and without arguments that the command contains by mistake.
pub(crate) fn name(exec: &ExecConfig) -> &str {
    let command = exec.command.as_deref().unwrap_or_default();
    &command[name_in(command)]
}

/// The same with its folder, if there is one.
pub(crate) fn file_name(exec: &ExecConfig) -> &str {
    let command = exec.command.as_deref().unwrap_or_default();
    &command[..name_in(command).end]
}

fn name_in(command: &str) -> Range<usize> {
    let end = command.find(" -").unwrap_or(command.len());
    let start = command[..end].rfind('/').map_or(0, |slash| slash + 1);
    let word = command[start..end].trim_start();
    let start = end - word.len();
    start..start + word.find(char::is_whitespace).unwrap_or(word.len())
}

/// The reason why a plugin gave no credential. Never contains its output: that may hold secrets, or a code to log in
/// with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PluginError {
    /// It must prompt, and there is no terminal.
    NeedsTerminal,
    /// It could not be started, for this reason.
    NotStarted(String),
    /// It took longer than this.
    TimedOut(Duration),
    /// Its exit code; `None` for a signal.
    Failed(Option<i32>),
    /// Its output was longer than the limit.
    TooLarge,
    /// It succeeded, but its output is no credential.
    NoCredential,
    /// It answered in another version of the protocol than this requested one.
    OtherVersion(&'static str),
    /// The expiry of its credential is malformed.
    UnreadableExpiry,
    /// It succeeded, but gave neither a token nor a whole certificate.
    Incomplete,
}

impl PluginError {
    /// The error of the request; `shows` is a command that runs the plugin where its output is visible.
    pub(crate) fn request_error(&self, exec: &ExecConfig, shows: &str) -> RequestError {
        let what = match self {
            Self::NeedsTerminal => format!("wants a terminal: log in with `{shows}` elsewhere, then refresh"),
            Self::NotStarted(why) => {
                let hint = exec.install_hint.as_deref().filter(|hint| !hint.trim().is_empty());
                let hint = hint.map(|hint| format!("; the kubeconfig's installHint says: {hint}")).unwrap_or_default();
                format!("could not be started: {why}{hint}")
            }
            Self::TimedOut(limit) => format!("gave nothing within {} s and was killed", limit.as_secs()),
            Self::Failed(Some(code)) => format!("ended with exit code {code}; `{shows}` shows what it says"),
            Self::Failed(None) => "ended with a signal".to_owned(),
            Self::TooLarge => format!("printed more than {} MiB, the most that is read", STDOUT_CAP >> 20),
            Self::NoCredential => format!("printed no {KIND}"),
            Self::OtherVersion(requested) => format!(
                "answered in another `apiVersion` than `{requested}`, which the kubeconfig asks for; correct the `apiVersion` of \
                 `exec` there, or update the plugin"
            ),
            Self::UnreadableExpiry => {
                "returned an `expirationTimestamp` that is no time as RFC 3339 writes it; update or \
                 mend the plugin"
                    .to_owned()
            }
            Self::Incomplete => "returned neither a token nor a certificate with its key".to_owned(),
        };
        let text = format!("credential plugin `{}` {what}", name(exec));
        let error = RequestError::new(Layer::Credentials, &text);
        match self {
            Self::TimedOut(_) => RequestError::timed_out(Layer::Credentials, &text),
            // A retry changes nothing: it cannot prompt, and nothing is installed or edited meanwhile.
            Self::NeedsTerminal | Self::NotStarted(_) | Self::OtherVersion(_) => error.permanent(),
            // The next run may succeed: its service may work again.
            _ => error,
        }
    }
}

/// Runs a plugin once.
///
/// # Errors
/// A plugin that needs a terminal and gets none, cannot be started, fails, takes longer than `deadline`, or prints no credential.
async fn run(exec: &ExecConfig, mode: PluginMode, deadline: Duration) -> Result<Credential, PluginError> {
    if mode == PluginMode::Background && exec.interactive_mode == Some(ExecInteractiveMode::Always) {
        return Err(PluginError::NeedsTerminal);
    }
    let mut output = Zeroizing::new(Vec::with_capacity(STDOUT_ROOM));
    let work = async {
        let not_started = |error: &io::Error| PluginError::NotStarted(words(error));
        let mut process = Process::start(program(exec, mode)?).await.map_err(|error| not_started(&error))?;
        let mut reading = std::pin::pin!(read(process.stdout.take(), &mut output));
        let mut waiting = std::pin::pin!(process.wait());
        let mut whole = false;
        let code = loop {
            tokio::select! {
                fits = &mut reading, if !whole => whole = fits.then_some(true).ok_or(PluginError::TooLarge)?,
                code = &mut waiting => break code.map_err(|error| not_started(&error))?,
            }
        };
        process.kill();
        if !whole {
            // The output so far is used.
            let fits = timeout(LINGER, reading).await.unwrap_or(true);
            fits.then_some(()).ok_or(PluginError::TooLarge)?;
        }
        Ok::<_, PluginError>(code)
    };
    let code = timeout(deadline, work).await.map_err(|_| PluginError::TimedOut(deadline))??;
    if code != Some(0) {
        return Err(PluginError::Failed(code));
    }
    let credential = parse(&output, exec.api_version.as_deref().unwrap_or(V1))?;
    let pair = credential.client_certificate_data.is_some() == credential.client_key_data.is_some();
    if !pair || (credential.token.is_none() && credential.client_key_data.is_none()) {
        return Err(PluginError::Incomplete);
    }
    Ok(credential)
}

/// The program with its arguments and environment.
///
/// # Errors
/// A command that is not found.
fn program(exec: &ExecConfig, mode: PluginMode) -> Result<Program, PluginError> {
    let file = find(exec.command.as_deref().unwrap_or_default());
    let file = file.map_err(|why| PluginError::NotStarted(why.to_owned()))?;
    // `interactiveMode: Never` means that its stdin must not be used in any mode.
    let interactive = mode == PluginMode::Terminal && exec.interactive_mode != Some(ExecInteractiveMode::Never);
    let mut spec = json!({ "interactive": interactive });
    if let (true, Some(cluster)) = (exec.provide_cluster_info, &exec.cluster) {
        spec["cluster"] = json!(cluster);
    }
    let version = exec.api_version.as_deref().unwrap_or(V1);
    let info = json!({ "apiVersion": version, "kind": KIND, "spec": spec });
    let set =
        |variable: &HashMap<String, String>| Some((variable.get("name")?.clone(), variable.get("value")?.clone()));
    let mut variables: Vec<(String, String)> = exec.env.iter().flatten().filter_map(set).collect();
    variables.push(("KUBERNETES_EXEC_INFO".to_owned(), info.to_string()));
    Ok(Program {
        file,
        args: exec.args.clone().unwrap_or_default(),
        variables,
        terminal: if mode == PluginMode::Terminal { Terminal::Foreground } else { Terminal::None },
        stdin: if interactive { ProcessInput::Ours } else { ProcessInput::Null },
        reads_stdout: true,
        inherits_stderr: mode == PluginMode::Terminal,
    })
}

/// Reads to the end; `false` once there is more than [`STDOUT_CAP`].
async fn read(from: Option<impl AsyncRead + Unpin>, kept: &mut Vec<u8>) -> bool {
    if let Some(from) = from {
        // Whatever was read by then is used.
        let _ = from.take(STDOUT_CAP as u64 + 1).read_to_end(kept).await;
    }
    kept.len() <= STDOUT_CAP
}

/// Parses the credential in a plugin's output. Its version and kind may be left out: many plugins leave out the
/// version, and kubectl rejects those.
///
/// # Errors
/// The output is something else, or is in another version than the requested one.
fn parse(stdout: &[u8], requested: &str) -> Result<Credential, PluginError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct PluginAnswer {
        #[serde(default, deserialize_with = "unless_empty")]
        api_version: Option<String>,
        #[serde(default, deserialize_with = "unless_empty")]
        kind: Option<String>,
        status: Credential,
    }

    let yaml = || {
        // Some plugins print YAML.
        let document = first_document(std::str::from_utf8(stdout).ok()?).ok()??;
        serde_json::from_value(document.to_json()).ok()
    };
    let answer: PluginAnswer = serde_json::from_slice(stdout).ok().or_else(yaml).ok_or(PluginError::NoCredential)?;
    let credential = answer.status;
    if answer.kind.is_some_and(|kind| kind != KIND) {
        Err(PluginError::NoCredential)
    } else if answer.api_version.is_some_and(|version| version != requested) {
        let requested = API_VERSIONS.into_iter().find(|version| *version == requested).unwrap_or(V1);
        Err(PluginError::OtherVersion(requested))
    } else if matches!(credential.expiry, Expiry::Unreadable) {
        Err(PluginError::UnreadableExpiry)
    } else {
        Ok(credential)
    }
}

fn unless_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(deserializer).map(non_empty)
}

fn secret_unless_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    unless_empty(deserializer).map(|text| text.map(Into::into))
}

#[cfg(test)]
mod tests;
