//! Notifications for operators who do not look at the screen: the bell, a notification of the terminal, the operator's command.
//!
//! The model decides which alerts are new and if the bell may ring; this module only delivers. The command runs on the clusters'
//! runtime, in its own session, with a deadline: the screen never waits for it.

use std::fmt::Write;
use std::io;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::msg::AlertNews;
use crate::process::{self, Process, ProcessInput, Program, Terminal};

/// Deadline of the command; after that it is killed with all its children.
const HOOK_DEADLINE: Duration = Duration::from_secs(10);
/// Maximum number of batches that wait while a command runs; the model sends at most one per second.
const WAITING: usize = 16;
/// Maximum length of a notification in characters; terminals truncate long ones.
const NOTIFICATION: usize = 200;

/// Ways to notify the operator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notifier {
    /// Ring the terminal's bell; `None`: unless a multiplexer would pass it on to everybody who looks at its panes.
    pub bell: Option<bool>,
    /// Send a notification to the terminal.
    pub notify: Notify,
    /// A command with its arguments, run for new alerts with JSON on its stdin; empty: none.
    pub on_alert: Vec<String>,
}

/// Control sequence for a notification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Notify {
    /// None.
    #[default]
    None,
    /// `OSC 9`: iTerm2, kitty, Windows Terminal.
    Osc9,
    /// `OSC 777`: urxvt, foot, Konsole.
    Osc777,
}

impl Notifier {
    /// Bytes to send to the terminal for new alerts; `env` returns `true` if a variable is set.
    #[must_use]
    pub fn bytes(&self, ring: bool, news: &[AlertNews], env: &dyn Fn(&str) -> bool) -> String {
        let mut bytes = String::new();
        let multiplexed = env("TMUX") || env("STY");
        if ring && self.bell.unwrap_or(!multiplexed) {
            bytes.push('\x07');
        }
        // At most once a minute, like the bell: a terminal keeps a list of notifications.
        if let (true, Some(first)) = (ring, news.first()) {
            let more = if news.len() > 1 { format!(" (+{} more)", news.len() - 1) } else { String::new() };
            let text = plain(&format!("{} {}: {}{more}", first.severity, first.cluster, first.text));
            match self.notify {
                Notify::None => {}
                Notify::Osc9 => _ = write!(bytes, "\x1b]9;{text}\x07"),
                Notify::Osc777 => _ = write!(bytes, "\x1b]777;notify;watchbell;{text}\x07"),
            }
        }
        bytes
    }
}

/// Removes characters that could end the sequence or start another part of it.
fn plain(text: &str) -> String {
    let clean = text.chars().filter(|c| !c.is_control()).map(|c| if c == ';' { ',' } else { c });
    clean.take(NOTIFICATION).collect()
}

/// JSON for the command's stdin.
///
/// # Panics
/// Never: news are strings and times, which are always JSON.
#[must_use]
pub fn json(news: &[AlertNews]) -> String {
    let alerts = serde_json::to_value(news).expect("strings and times are JSON");
    format!("{}\n", serde_json::json!({ "apiVersion": "watchbell/v1", "kind": "Alerts", "alerts": alerts }))
}

/// Runner of the operator's command: one batch of alerts after the other, never two at once.
#[derive(Debug)]
pub struct Hook {
    news: mpsc::Sender<Vec<AlertNews>>,
}

impl Hook {
    /// Starts the task that runs `command` on `runtime`; `None` without a command.
    #[must_use]
    pub fn start(command: &[String], runtime: &tokio::runtime::Handle) -> Option<Self> {
        let (program, args) = command.split_first()?;
        let (program, args) = (program.clone(), args.to_vec());
        let (news, mut waiting) = mpsc::channel::<Vec<AlertNews>>(WAITING);
        runtime.spawn(async move {
            while let Some(first) = waiting.recv().await {
                if let Err(error) = run(&program, &args, &json(&first), HOOK_DEADLINE).await {
                    tracing::warn!(program, %error, "the command of `on-alert` failed");
                }
            }
        });
        Some(Self { news })
    }

    /// Queues new alerts. If the queue is full behind a hanging command they are dropped; the screen shows them anyway.
    pub fn notify(&self, news: Vec<AlertNews>) {
        let _ = self.news.try_send(news);
    }
}

/// Runs a command with `input` on its stdin; processes that are left at the deadline, or when the program exits, are killed.
async fn run(program: &str, args: &[String], input: &str, deadline: Duration) -> io::Result<()> {
    let file = process::find(program, std::env::var_os("PATH").as_deref()).map_err(io::Error::other)?;
    let command = Program {
        file,
        args: args.to_vec(),
        variables: Vec::new(),
        terminal: Terminal::None,
        stdin: ProcessInput::Pipe,
        reads_stdout: false,
        inherits_stderr: false,
    };
    let work = async {
        let mut process = Process::start(command).await?;
        if let Some(mut stdin) = process.stdin.take() {
            // A command need not read its input.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        let code = process.wait().await?;
        // Its background processes have the same deadline.
        process.descendants_ended().await;
        Ok::<_, io::Error>(code)
    };
    let Ok(code) = timeout(deadline, work).await else {
        let text = format!("took longer than {} s and was killed", deadline.as_secs());
        return Err(io::Error::new(io::ErrorKind::TimedOut, text));
    };
    match code? {
        Some(0) => Ok(()),
        Some(code) => Err(io::Error::other(format!("ended with exit code {code}"))),
        None => Err(io::Error::other("ended with a signal")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::msg::HitsState;

    fn news(text: &str) -> AlertNews {
        AlertNews {
            cluster: "prod-a".into(),
            severity: "critical".into(),
            reason: "NodeNotReady".into(),
            subject: Some("node-7".into()),
            text: text.into(),
            since: "2026-03-01T14:02:10Z".parse().unwrap(),
            hits: None,
            hits_state: HitsState::Unknown,
        }
    }

    fn bytes(notifier: &Notifier, ring: bool, set: &[&str]) -> String {
        notifier.bytes(ring, &[news("node node-7 NotReady"), news("x")], &|name| set.contains(&name))
    }

    #[test]
    fn the_bell_is_off_inside_a_multiplexer_unless_it_is_asked_for() {
        let notifier = Notifier::default();
        assert_eq!(bytes(&notifier, true, &[]), "\x07");
        assert_eq!(bytes(&notifier, true, &["TMUX"]), "");
        assert_eq!(bytes(&notifier, true, &["STY"]), "");
        assert_eq!(bytes(&Notifier { bell: Some(true), ..notifier.clone() }, true, &["TMUX"]), "\x07");
        assert_eq!(bytes(&Notifier { bell: Some(false), ..notifier.clone() }, true, &[]), "");
        assert_eq!(bytes(&notifier, false, &[]), "", "it rang a moment ago");
    }

    #[test]
    fn a_notification_names_the_first_alert_and_cannot_be_broken_out_of() {
        let notifier = |notify| Notifier { bell: Some(false), notify, ..Notifier::default() };
        let expected = "critical prod-a: node node-7 NotReady (+1 more)\x07";
        assert_eq!(bytes(&notifier(Notify::Osc9), true, &[]), format!("\x1b]9;{expected}"));
        assert_eq!(bytes(&notifier(Notify::Osc777), true, &[]), format!("\x1b]777;notify;watchbell;{expected}"));
        assert_eq!(plain("a\x1b\\b\x07c;d\u{9c}e"), "a\\bc,de");
    }

    #[tokio::test]
    async fn the_command_reads_the_alerts_as_json() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("alerts");
        let args = ["-c".to_owned(), format!("cat > {}", path.display())];
        run("/bin/sh", &args, &json(&[news("node node-7 NotReady")]), HOOK_DEADLINE).await.unwrap();
        let sent: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(sent["kind"], "Alerts");
        let alert = &sent["alerts"][0];
        assert_eq!((&alert["cluster"], &alert["reason"]), (&"prod-a".into(), &"NodeNotReady".into()));
        assert_eq!(alert["since"], "2026-03-01T14:02:10Z");
        assert_eq!((&alert["hits"], &alert["hitsState"]), (&serde_json::Value::Null, &"unknown".into()));
    }

    #[tokio::test]
    async fn a_command_that_hangs_is_killed_with_its_children_at_the_deadline() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pid");
        let args = ["-c".to_owned(), format!("sleep 600 & echo $! > {}; wait", path.display())];
        let error = run("/bin/sh", &args, "{}", Duration::from_secs(1)).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let child: i32 = std::fs::read_to_string(&path).unwrap().trim().parse().unwrap();
        let gone = |pid| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.is_empty() || stat.contains(") Z ")
        };
        for _ in 0..100 {
            if gone(child) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the child outlived its deadline");
    }

    #[tokio::test]
    async fn what_a_command_leaves_in_the_background_has_the_same_deadline() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("late");
        let args = ["-c".to_owned(), format!("(sleep 0.5; touch {}) & exit 0", path.display())];
        run("/bin/sh", &args, "{}", HOOK_DEADLINE).await.unwrap();
        assert!(path.exists(), "it has time");
        let args = ["-c".to_owned(), "sleep 600 & exit 0".to_owned()];
        let error = run("/bin/sh", &args, "{}", Duration::from_secs(1)).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_command_that_fails_says_how() {
        let error = run("/bin/sh", &["-c".to_owned(), "exit 3".to_owned()], "", HOOK_DEADLINE).await.unwrap_err();
        assert!(error.to_string().contains('3'), "{error}");
        assert!(run("/nonexistent/command", &[], "", HOOK_DEADLINE).await.is_err());
    }
}
