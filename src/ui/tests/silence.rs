//! Silence, recovery and silenced clusters in the strip and the API view.

use std::time::Duration;

use super::fixture::{Set, healthy, lines};
use super::*;
use crate::model::alerts::Severity;
use crate::model::cluster::{ClusterSummary, Health};
use crate::model::store::sync::Freshness;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn unanswered() -> ClusterSummary {
    ClusterSummary {
        health: Health::Degraded,
        word: "unanswered",
        silence: Some(secs(10)),
        nodes_fresh: Freshness::Live(secs(16)),
        pods_fresh: Freshness::Live(secs(16)),
        ..healthy("edge")
    }
}

fn drawn(summaries: Vec<ClusterSummary>, size: (u16, u16)) -> (Buffer, String) {
    let set = Set { summaries, alerts: Vec::new(), ..Set::incident() };
    let buf = set.draw(size, &Theme::new(Depth::True, false));
    let text = lines(&buf);
    (buf, text)
}

#[track_caller]
fn assert_line(text: &str, words: &[&str]) {
    assert!(text.lines().any(|line| words.iter().all(|word| line.contains(word))), "no line with {words:?}:\n{text}");
}

#[test]
fn a_cluster_that_does_not_answer_says_for_how_long_in_the_warning_colour_and_claims_nothing_live() {
    for size in [(200, 60), (120, 40), (100, 24)] {
        let (buf, text) = drawn(vec![unanswered(), healthy("prod")], size);
        assert_line(&text, &["! edge", "api no answer for 10s", "16s old"]);
        assert!(!text.contains("live 16s"), "{text}");
        let warn = Theme::new(Depth::True, false).style(Role::Warn).fg;
        let (row, line) = text.lines().enumerate().find(|(_, line)| line.contains("api no answer")).unwrap();
        let column = line[..line.find("no answer").unwrap()].chars().count();
        let cell = &buf[(u16::try_from(column).unwrap(), u16::try_from(row).unwrap())];
        assert_eq!(Some(cell.fg), warn);
    }
    let (_, text) = drawn(vec![unanswered(), healthy("prod")], (80, 24));
    assert_line(&text, &["no answer for 10s"]);
    let (_, text) = drawn(vec![unanswered()], (45, 5));
    assert_line(&text, &["! ", "no answer for 10s"]);
}

#[test]
fn a_recovery_says_when_the_last_timeout_was() {
    let recovering = ClusterSummary {
        health: Health::Degraded,
        word: "recovering",
        last_timeout: Some(secs(40)),
        ..healthy("edge")
    };
    for size in [(200, 60), (80, 24)] {
        let (_, text) = drawn(vec![recovering.clone(), healthy("prod")], size);
        assert_line(&text, &["recovering, last timeout 40s ago"]);
    }
}

#[test]
fn the_mark_of_a_cluster_is_the_worst_of_its_alerts_and_its_api() {
    let with = |worst, health| ClusterSummary { worst, health, word: "ok", ..healthy("prod") };
    for (worst, health, mark) in [
        (None, Health::Ok, "✓"),
        (Some(Severity::Warning), Health::Ok, "!"),
        (Some(Severity::Critical), Health::Ok, "✗"),
        (Some(Severity::Critical), Health::Loading, "✗"),
        (Some(Severity::Warning), Health::Stale, "?"),
        (Some(Severity::Critical), Health::Stale, "✗"),
        (Some(Severity::Warning), Health::Down, "✗"),
        (None, Health::Degraded, "!"),
    ] {
        let (_, text) = drawn(vec![with(worst, health), fixture::slow()], (160, 45));
        assert_line(&text, &[&format!("{mark} prod "), "api ok"]);
        let (_, text) = drawn(vec![with(worst, health)], (45, 5));
        assert_line(&text, &[&format!("prod {mark} ")]);
    }
}

#[test]
fn a_silenced_cluster_says_until_when_at_every_width() {
    let silenced = ClusterSummary { silenced_until: Some("2026-03-01T18:48:10Z".parse().unwrap()), ..healthy("prod") };
    for size in [(200, 60), (120, 40), (80, 24), (60, 12), (45, 8)] {
        let (_, text) = drawn(vec![silenced.clone(), healthy("edge")], size);
        assert_line(&text, &["prod", "silenced until 18:48"]);
        assert_eq!(text.matches("silenced").count(), 1, "{text}");
    }
}
