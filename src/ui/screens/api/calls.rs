//! The table of calls by kind, and what the shares of their time say.

use std::fmt::Write;

use crate::model::derive::latency::{ErrorClass, KindStats, Percentile, call_name};
use crate::msg::NoConnection;
use crate::theme::{Glyphs, Role};
use crate::ui::units::{grouped, percentile, rate, volume};
use crate::ui::widgets::names;
use crate::ui::widgets::spark::SLO;
use crate::ui::widgets::text::columns;
use crate::ui::words;

/// A line in parts.
pub(super) type CallLine = Vec<(Role, String)>;

/// Columns of the name of a kind: at least, at most, and at most where there is room for the watches of optional APIs.
const NAME: usize = 12;
const LONGEST_NAME: usize = 16;
const WIDE_NAME: usize = 22;
/// Widths from which the shares of time, the rate and the bytes, the p99, and the verdict beside its row have a place.
const SHARES: usize = 76;
const LOAD: usize = 100;
const P99: usize = 130;
const BESIDE: usize = 170;
/// From this width on `timeouts` is written out.
const WORDS: usize = 140;
/// Columns of the errors where the verdict stands beside them.
const ERRORS: usize = 34;

/// The headings of the columns that fit, and their widths; numbers stand on the right.
fn titles(width: usize) -> Vec<(&'static str, usize)> {
    let mut titles = vec![("N", 5)];
    titles.extend((width >= LOAD).then_some(("RATE", 7)));
    titles.extend([("P50", 7), ("P95", 7)]);
    titles.extend((width >= P99).then_some(("P99", 7)));
    titles.extend([("MAX", 7)]);
    titles.push(if width >= WORDS { ("TIMEOUTS", 8) } else { ("T/O", 4) });
    if width >= LOAD {
        titles.extend([("CONNECT", 7), ("TTFB", 5), ("BODY", 5), ("DECODE", 6), ("BYTES", 8)]);
    } else if width >= SHARES {
        titles.extend([("CONN", 4), ("TTFB", 4), ("BODY", 4), ("DEC", 4)]);
    }
    titles
}

/// The heading and a line for each kind; where calls are slow, a verdict beside or below it.
pub(super) fn table(kinds: &[KindStats], width: usize, glyphs: &Glyphs) -> Vec<CallLine> {
    let titles = titles(width);
    let shown = kinds.iter().filter(|stats| !is_absent(stats)).map(|stats| call_name(stats.kind).len());
    let name = shown.max().unwrap_or(0).clamp(NAME, if width >= WORDS { WIDE_NAME } else { LONGEST_NAME });
    let mut heading = format!(" {:<name$}", "CALL");
    for (title, width) in &titles {
        let _ = write!(heading, " {title:>width$}");
    }
    let mut lines = vec![vec![(Role::Header, format!("{heading}  ERRORS"))]];
    if kinds.is_empty() {
        lines.push(vec![(Role::Unknown, " no completed call yet".to_owned())]);
    }
    let mut said = None;
    // Optional APIs come last: it must not push a running call or the last failure off a small screen.
    let (optional, core): (Vec<_>, Vec<_>) = kinds.iter().partition(|stats| stats.kind.is_optional());
    for stats in core.into_iter().chain(optional.into_iter().filter(|stats| !is_absent(stats))) {
        let mut line =
            vec![(Role::Text, format!(" {:<name$}", names::one(call_name(stats.kind), name, glyphs.ellipsis)))];
        for (title, width) in &titles {
            let (role, text) = value(title, stats, glyphs);
            let pad = width.saturating_sub(columns(&text)) + 1;
            line.push((role, format!("{}{text}", " ".repeat(pad))));
        }
        let errors = errors(stats, width >= WORDS, glyphs);
        let role = if stats.errors.is_empty() { Role::Muted } else { Role::Bad };
        let verdict =
            stats.verdict.map(|verdict| (Role::Warn, format!("{} {}", glyphs.focus, words::verdict(verdict))));
        if width >= BESIDE {
            let pad = ERRORS.saturating_sub(columns(&errors));
            line.push((role, format!("  {errors}{}", " ".repeat(pad))));
            line.extend(verdict);
            lines.push(line);
        } else {
            line.push((role, format!("  {errors}")));
            lines.push(line);
            // What was said of one kind need not be said again of the next: the lines below are worth more.
            let verdict = verdict.filter(|_| said != stats.verdict);
            lines.extend(verdict.map(|(role, text)| vec![(role, format!("   {text}"))]));
            said = stats.verdict.or(said);
        }
    }
    lines
}

fn value(title: &str, stats: &KindStats, glyphs: &Glyphs) -> (Role, String) {
    let time = |value: Option<Percentile>| {
        let role = match value {
            None => Role::Muted,
            Some(value) if value.at_least => Role::Bad,
            Some(value) if value.value > SLO => Role::Warn,
            Some(_) => Role::Text,
        };
        (role, percentile(value, glyphs))
    };
    let share = |part: Option<u8>| match part {
        None => (Role::Muted, glyphs.none.to_owned()),
        Some(part @ 51..) => (Role::Text, format!("{part}%")),
        Some(part) => (Role::Muted, format!("{part}%")),
    };
    match title {
        "N" => {
            (Role::Text, format!("{}{}", if stats.more { glyphs.at_least } else { "" }, grouped(stats.count as u64)))
        }
        "RATE" => (
            Role::Text,
            format!("{}/s", if stats.rate > 0.0 && stats.rate < 0.05 { "<0.1".to_owned() } else { rate(stats.rate) }),
        ),
        "P50" => time(stats.p50),
        "P95" => time(stats.p95),
        "P99" => time(stats.p99),
        "MAX" => time(stats.max),
        "TIMEOUTS" | "T/O" => {
            (if stats.timeouts > 0 { Role::Bad } else { Role::Muted }, grouped(stats.timeouts as u64))
        }
        "CONNECT" | "CONN" => share(stats.shares.map(|shares| shares.connect)),
        "TTFB" => share(stats.shares.map(|shares| shares.first_byte)),
        "BODY" => share(stats.shares.map(|shares| shares.body)),
        "DECODE" | "DEC" => share(stats.shares.map(|shares| shares.decode)),
        _ => (Role::Text, volume(stats.bytes)),
    }
}

/// An API that the cluster does not have: that it was asked for now and then is no news.
fn is_absent(stats: &KindStats) -> bool {
    let is_404 = |(class, _): &(ErrorClass, usize)| *class == ErrorClass::Status(404);
    stats.p50.is_none() && !stats.errors.is_empty() && stats.errors.iter().all(is_404)
}

/// `504 ×1, body timeout ×2`; `t/o` where there is no room for the word.
fn errors(stats: &KindStats, wide: bool, glyphs: &Glyphs) -> String {
    if stats.errors.is_empty() {
        return glyphs.none.to_owned();
    }
    let one = |(class, count): &(ErrorClass, usize)| format!("{} {}{count}", class_name(*class, wide), glyphs.times);
    stats.errors.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn class_name(class: ErrorClass, wide: bool) -> String {
    let timeout = if wide { "timeout" } else { "t/o" };
    match class {
        ErrorClass::FirstByteTimeout => format!("first byte {timeout}"),
        ErrorClass::BodyTimeout => format!("body {timeout}"),
        ErrorClass::Cut => "cut".to_owned(),
        ErrorClass::NoAnswer => "no answer".to_owned(),
        ErrorClass::NotHttp => "not HTTP".to_owned(),
        ErrorClass::NoConnection(why) => no_connection(why).to_owned(),
        ErrorClass::Status(code) => code.to_string(),
    }
}

fn no_connection(why: NoConnection) -> &'static str {
    match why {
        NoConnection::Refused => "connection refused",
        NoConnection::Unreachable => "no route",
        NoConnection::TimedOut => "connect timeout",
        NoConnection::Dns => "name not resolved",
        NoConnection::Proxy => "proxy failed",
        NoConnection::Tls => "TLS failed",
        NoConnection::Other => "no connection",
    }
}
