//! The health check as text, line by line while it runs, and as JSON.

use std::fmt::Write;

use jiff::Timestamp;
use serde::Serialize;
use unicode_width::UnicodeWidthChar;

use crate::facts::text::{Clean, counted};
use crate::msg::check::{CheckStep, StepOutcome};

/// Maximum width of a line in columns.
const WIDTH: usize = 100;
/// Column of the text, after the outcome and the name.
const INDENT: usize = 23;

/// The health check of all clusters: `watchbell check -o json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// `watchbell/v1`.
    pub api_version: &'static str,
    /// `Check`.
    pub kind: &'static str,
    /// Time of its end, by the clock of this host.
    pub time: Timestamp,
    /// The worst of all clusters.
    pub outcome: StepOutcome,
    /// The clusters in the order of the command line.
    pub clusters: Vec<ClusterCheck>,
}

/// The health check of one cluster.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterCheck {
    /// The context.
    pub context: Clean,
    /// The server's URL, without credentials.
    pub server: Option<Clean>,
    /// The worst of its steps.
    pub outcome: StepOutcome,
    /// The steps in the order in which they ran.
    pub steps: Vec<CheckStep>,
}

impl Check {
    /// Creates the check of all clusters; its outcome is the worst one.
    #[must_use]
    pub fn new(time: Timestamp, clusters: Vec<ClusterCheck>) -> Self {
        let outcome = clusters.iter().map(|cluster| cluster.outcome).max().unwrap_or(StepOutcome::Ok);
        Self { api_version: "watchbell/v1", kind: "Check", time, outcome, clusters }
    }

    /// The last line of several clusters: how many are healthy, and the names of the others.
    #[must_use]
    pub fn summary(&self) -> String {
        let of = |outcome| self.clusters.iter().filter(move |cluster| cluster.outcome == outcome);
        let named = |outcome| {
            let names: Vec<&str> = of(outcome).map(|cluster| &*cluster.context).collect();
            if names.is_empty() { "none".to_owned() } else { format!("{}: {}", names.len(), names.join(", ")) }
        };
        let text = format!(
            "{}: {} healthy; with warnings {}; not healthy {}",
            counted(self.clusters.len(), "cluster"),
            of(StepOutcome::Ok).count(),
            named(StepOutcome::Warn),
            named(StepOutcome::Fail),
        );
        wrapped("=> ", 3, &text)
    }
}

impl ClusterCheck {
    /// Creates the check of one cluster; its outcome is the worst of the steps. A skipped step is no worse than a good one.
    #[must_use]
    pub fn new(context: Clean, server: Option<Clean>, steps: Vec<CheckStep>) -> Self {
        let worst = steps.iter().map(|step| step.outcome).filter(|outcome| *outcome != StepOutcome::Skip).max();
        // Without any step it is not known that all is well.
        let outcome = worst.unwrap_or(StepOutcome::Fail);
        Self { context, server, outcome, steps }
    }

    /// The steps that are not well, under the heading of the cluster, and its last line.
    #[must_use]
    pub fn brief(&self) -> String {
        let is_worse = |step: &&CheckStep| matches!(step.outcome, StepOutcome::Warn | StepOutcome::Fail);
        let lines: String = self.steps.iter().filter(is_worse).map(line).collect();
        format!("{}{lines}{}", heading(&self.context), self.summary())
    }

    /// The last line, which sums it up.
    #[must_use]
    pub fn summary(&self) -> String {
        let count = |outcome| self.steps.iter().filter(|step| step.outcome == outcome).count();
        let named = |outcome| {
            let names: Vec<&str> = self.steps.iter().filter(|s| s.outcome == outcome).map(|s| &*s.name).collect();
            if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) }
        };
        let verdict = match self.outcome {
            StepOutcome::Fail => "not healthy",
            StepOutcome::Warn => "works, with warnings",
            StepOutcome::Ok | StepOutcome::Skip => "healthy",
        };
        let text = format!(
            "{verdict}: {} ok, {} warn{}, {} failed{}, {} skipped",
            count(StepOutcome::Ok),
            count(StepOutcome::Warn),
            named(StepOutcome::Warn),
            count(StepOutcome::Fail),
            named(StepOutcome::Fail),
            count(StepOutcome::Skip),
        );
        wrapped("=> ", 3, &text)
    }
}

/// The line above a cluster's steps.
#[must_use]
pub fn heading(context: &Clean) -> String {
    format!("check of {context}, measured from this host\n")
}

/// One step: one line of at most 100 columns if all is well; else its whole text, with advice below it.
#[must_use]
pub fn line(step: &CheckStep) -> String {
    let mut text = step.text.to_string();
    if let Some(limit) = step.limit {
        if step.outcome == StepOutcome::Ok {
            // Beside a good figure the limit is shown only if there is room.
            let with = format!("{text} (limit {})", limit.text);
            if INDENT + columns(&with) <= WIDTH {
                text = with;
            }
        } else {
            let _ = write!(text, " (limit {}, {})", limit.text, limit.source);
        }
    }
    let lead = format!("{:<4}  {:<15}  ", step.outcome.word(), step.name);
    let mut out = wrapped(&lead, INDENT, &text);
    if let (StepOutcome::Warn | StepOutcome::Fail, Some(next)) = (step.outcome, &step.next) {
        out.push_str(&wrapped(&format!("{:INDENT$}-> ", ""), INDENT + 3, next));
    }
    out
}

fn columns(text: &str) -> usize {
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// Wraps text at [`WIDTH`] columns; the first line starts with `lead`, the others with `indent` blanks.
fn wrapped(lead: &str, indent: usize, text: &str) -> String {
    let mut out = lead.to_owned();
    let (mut at, mut fresh) = (columns(lead), true);
    for word in text.split_whitespace() {
        let mut word = word;
        if !fresh && at + 1 + columns(word) > WIDTH {
            let _ = write!(out, "\n{:indent$}", "");
            (at, fresh) = (indent, true);
        }
        if !fresh {
            out.push(' ');
            at += 1;
        }
        // A word that is longer than a line is broken at the end of the line.
        while at + columns(word) > WIDTH {
            let mut room = WIDTH - at;
            let end = word.char_indices().find(|(_, c)| {
                let wide = c.width().unwrap_or(0);
                let full = wide > room;
                room = room.saturating_sub(wide);
                full
            });
            let (head, rest) = word.split_at(end.map_or(word.len(), |(end, _)| end));
            let _ = write!(out, "{head}\n{:indent$}", "");
            (word, at) = (rest, indent);
        }
        out.push_str(word);
        at += columns(word);
        fresh = false;
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn step_that_is_well_is_one_line_and_one_that_is_not_says_what_to_do() {
        let good = CheckStep::new("tcp", StepOutcome::Ok, "connected to 10.0.0.1:6443 in 3.1 ms");
        assert_eq!(line(&good), "ok    tcp              connected to 10.0.0.1:6443 in 3.1 ms\n");
        let bad = CheckStep::new("livez", StepOutcome::Fail, "first byte: no answer within 5 s")
            .limit("5 s", "ours")
            .next("ask");
        let expected = "FAIL  livez            first byte: no answer within 5 s (limit 5 s, ours)\n                       -> ask\n";
        assert_eq!(line(&bad), expected);
    }

    #[test]
    fn no_line_is_wider_than_100_columns_and_nothing_is_lost() {
        for text in ["word ".repeat(60), "x".repeat(500), format!("at {}", "漢字".repeat(120))] {
            let step =
                CheckStep::new("a name that is far too long for its column", StepOutcome::Fail, &text).next(&text);
            let out = line(&step);
            for line in out.lines() {
                let width: usize = line.chars().map(|c| c.width().unwrap_or(0)).sum();
                assert!(width <= 100, "{width}: {line}");
            }
            let bare = |text: &str| text.split_whitespace().collect::<String>();
            assert!(bare(&out).contains(&bare(&text)), "{out}");
        }
    }

    #[test]
    fn of_several_clusters_only_what_is_not_well_is_told_and_a_last_line_counts_them() {
        let step = |name: &str, outcome| CheckStep::new(name, outcome, "x");
        let cluster = |name: &str, outcome| {
            ClusterCheck::new(name.into(), None, vec![step("dns", StepOutcome::Ok), step("tls", outcome)])
        };
        let clusters = vec![
            cluster("a", StepOutcome::Ok),
            cluster("b", StepOutcome::Fail),
            cluster("c", StepOutcome::Warn),
            cluster("d", StepOutcome::Fail),
        ];
        let brief = clusters[1].brief();
        assert!(
            brief.starts_with("check of b,") && brief.contains("FAIL  tls") && !brief.contains("ok    dns"),
            "{brief}"
        );
        let check = Check::new(Timestamp::UNIX_EPOCH, clusters);
        assert_eq!(check.summary(), "=> 4 clusters: 1 healthy; with warnings 1: c; not healthy 2: b, d\n");
    }

    #[test]
    fn cluster_without_any_finding_is_not_healthy() {
        let skipped = CheckStep::new("tls", StepOutcome::Skip, "");
        let of = |steps| ClusterCheck::new("a".into(), None, steps).outcome;
        assert_eq!(of(vec![]), StepOutcome::Fail);
        assert_eq!(of(vec![skipped.clone()]), StepOutcome::Fail);
        assert_eq!(of(vec![skipped, CheckStep::new("dns", StepOutcome::Ok, "")]), StepOutcome::Ok);
    }
}
