//! Telling those who do not look at the screen: the bell, a notification of the terminal, a command of the operator's.
//!
//! The model decides what is news and whether the bell may ring; this module only knows how to say it. The command runs on
//! the clusters' runtime, in a session of its own, with a deadline: nothing on the screen waits for it.

use std::fmt::Write;
use std::io;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::msg::AlertNews;
use crate::process::{self, Process, ProcessInput, Program, Terminal};

/// A command that takes longer is killed with all that it started.
const HOOK_DEADLINE: Duration = Duration::from_secs(10);
/// News that wait while a command runs; the model sends at most one of these a second.
const WAITING: usize = 16;
/// Terminals cut notifications sooner or later.
const NOTIFICATION: usize = 200;

/// How to tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notifier {
    /// Ring the terminal's bell; `None`: unless a multiplexer would pass it on to all that look at its panes.
    pub bell: Option<bool>,
    /// Ask the terminal for a notification.
    pub notify: Notify,
    /// A command with its arguments, run for new alerts with JSON on its stdin; empty: none.
    pub on_alert: Vec<String>,
}

/// Which control sequence asks for a notification.
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
    /// What to send to the terminal for this news; `env` reads one variable.
    #[must_use]
    pub fn bytes(&self, ring: bool, news: &[AlertNews], env: &dyn Fn(&str) -> bool) -> String {
        let mut bytes = String::new();
        let multiplexed = env("TMUX") || env("STY");
        if ring && self.bell.unwrap_or(!multiplexed) {
            bytes.push('\x07');
        }
        // Like the bell at most once a minute: a terminal keeps a list of them.
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

/// Nothing that could end the sequence or begin another part of it.
fn plain(text: &str) -> String {
    let clean = text.chars().filter(|c| !c.is_control()).map(|c| if c == ';' { ',' } else { c });
    clean.take(NOTIFICATION).collect()
}

/// What the command reads on its stdin.
///
/// # Panics
/// Never: news are strings and times, which are always JSON.
#[must_use]
pub fn json(news: &[AlertNews]) -> String {
    let alerts = serde_json::to_value(news).expect("strings and times are JSON");
    format!("{}\n", serde_json::json!({ "apiVersion": "watchbell/v1", "kind": "Alerts", "alerts": alerts }))
}

/// Runs the operator's command for one batch of news after the other, never two at once.
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
                if let Err(error) = run((&program, &args), &json(&first), HOOK_DEADLINE).await {
                    tracing::warn!(program, %error, "the command of `on-alert` failed");
                }
            }
        });
        Some(Self { news })
    }

    /// Hands news over; what does not fit behind a command that hangs is left out, and is on the screen.
    pub fn notify(&self, news: Vec<AlertNews>) {
        let _ = self.news.try_send(news);
    }
}

/// Runs a command with `input` on its stdin; what runs of it at the deadline, or when the program ends, is killed.
async fn run((program, args): (&str, &[String]), input: &str, deadline: Duration) -> io::Result<()> {
    let file = process::find(program, std::env::var_os("PATH").as_deref()).map_err(io::Error::other)?;
    let command = Program {
        file,
        args: args.to_vec(),
        variables: Vec::new(),
        terminal: Terminal::None,
        stdin: ProcessInput::Pipe,
        is_read: false,
        complains: false,
    };
    let work = async {
        let mut process = Process::start(command).await?;
        if let Some(mut stdin) = process.stdin.take() {
            // A command need not read what it is told.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        let code = process.wait().await?;
        // What it has left in the background has the same deadline.
        process.deserted().await;
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

    fn news(text: &str) -> AlertNews {
        AlertNews {
            cluster: "prod-a".into(),
            severity: "critical".into(),
            reason: "NodeNotReady".into(),
            subject: Some("node-7".into()),
            text: text.into(),
            since: "2026-03-01T14:02:10Z".parse().unwrap(),
        }
    }

    fn bytes(telling: &Notifier, ring: bool, set: &[&str]) -> String {
        telling.bytes(ring, &[news("node node-7 NotReady"), news("x")], &|name| set.contains(&name))
    }

    #[test]
    fn the_bell_is_off_inside_a_multiplexer_unless_it_is_asked_for() {
        let telling = Notifier::default();
        assert_eq!(bytes(&telling, true, &[]), "\x07");
        assert_eq!(bytes(&telling, true, &["TMUX"]), "");
        assert_eq!(bytes(&telling, true, &["STY"]), "");
        assert_eq!(bytes(&Notifier { bell: Some(true), ..telling.clone() }, true, &["TMUX"]), "\x07");
        assert_eq!(bytes(&Notifier { bell: Some(false), ..telling.clone() }, true, &[]), "");
        assert_eq!(bytes(&telling, false, &[]), "", "it rang a moment ago");
    }

    #[test]
    fn a_notification_names_the_first_alert_and_cannot_be_broken_out_of() {
        let telling = |notify| Notifier { bell: Some(false), notify, ..Notifier::default() };
        let expected = "critical prod-a: node node-7 NotReady (+1 more)\x07";
        assert_eq!(bytes(&telling(Notify::Osc9), true, &[]), format!("\x1b]9;{expected}"));
        assert_eq!(bytes(&telling(Notify::Osc777), true, &[]), format!("\x1b]777;notify;watchbell;{expected}"));
        assert_eq!(plain("a\x1b\\b\x07c;d\u{9c}e"), "a\\bc,de");
    }

    #[tokio::test]
    async fn the_command_reads_the_alerts_as_json() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("told");
        let args = ["-c".to_owned(), format!("cat > {}", path.display())];
        run(("/bin/sh", &args), &json(&[news("node node-7 NotReady")]), HOOK_DEADLINE).await.unwrap();
        let told: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(told["kind"], "Alerts");
        let alert = &told["alerts"][0];
        assert_eq!((&alert["cluster"], &alert["reason"]), (&"prod-a".into(), &"NodeNotReady".into()));
        assert_eq!(alert["since"], "2026-03-01T14:02:10Z");
    }

    #[tokio::test]
    async fn a_command_that_hangs_is_killed_with_its_children_at_the_deadline() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pid");
        let args = ["-c".to_owned(), format!("sleep 600 & echo $! > {}; wait", path.display())];
        let error = run(("/bin/sh", &args), "{}", Duration::from_secs(1)).await.unwrap_err();
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
        run(("/bin/sh", &args), "{}", HOOK_DEADLINE).await.unwrap();
        assert!(path.exists(), "it has time");
        let args = ["-c".to_owned(), "sleep 600 & exit 0".to_owned()];
        let error = run(("/bin/sh", &args), "{}", Duration::from_secs(1)).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_command_that_fails_says_how() {
        let error = run(("/bin/sh", &["-c".to_owned(), "exit 3".to_owned()]), "", HOOK_DEADLINE).await.unwrap_err();
        assert!(error.to_string().contains('3'), "{error}");
        assert!(run(("/nonexistent/command", &[]), "", HOOK_DEADLINE).await.is_err());
    }
}
