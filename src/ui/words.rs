//! Words and glyphs of states: health, freshness, failures, node status. The same state has the same glyph and word everywhere.

pub(in crate::ui) mod hits;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

use super::units::{coarse, duration, throughput, volume};
use crate::facts::node::Readiness;
use crate::model::alerts::Severity;
use crate::model::cluster::{ClusterSummary, Health};
use crate::model::derive::latency::Verdict;
use crate::model::derive::rows::NodeStatus;
use crate::model::store::sync::Freshness;
use crate::model::table::LastReport;
use crate::msg::{Resource, SKEW_SHOWN_MS};
use crate::theme::{Glyphs, Role};

/// Glyph of a cluster's health.
pub(super) fn health(health: Health, glyphs: &Glyphs) -> (Role, &'static str) {
    match health {
        Health::Ok => (Role::Good, glyphs.ok),
        Health::Loading => (Role::Muted, glyphs.loading),
        Health::Degraded => (Role::Warn, glyphs.degraded),
        Health::Stale => (Role::Unknown, glyphs.unknown),
        Health::Down => (Role::Bad, glyphs.bad),
    }
}

/// Mark of a cluster: the glyph of the worst of its alerts and its API.
pub(super) fn mark(summary: &ClusterSummary, glyphs: &Glyphs) -> (Role, &'static str) {
    match (summary.worst, summary.health) {
        (Some(Severity::Critical), _) => (Role::Bad, glyphs.bad),
        (Some(Severity::Warning), Health::Ok | Health::Loading) => health(Health::Degraded, glyphs),
        (_, state) => health(state, glyphs),
    }
}

/// State of a cluster's API: a word, or for how long it has not answered.
pub(super) fn api(summary: &ClusterSummary) -> String {
    match summary.silence {
        Some(silence) => format!("no answer for {}", duration(silence)),
        None => summary.word.to_owned(),
    }
}

/// `silenced until 18:48Z`; empty if it is not silenced.
pub(super) fn silenced(summary: &ClusterSummary) -> String {
    let until = summary.silenced_until;
    until.map(|until| format!("silenced until {}", until.strftime("%H:%MZ"))).unwrap_or_default()
}

/// Glyph of a node's readiness.
pub(super) fn readiness(status: NodeStatus, glyphs: &Glyphs) -> (Role, &'static str) {
    match status {
        NodeStatus { stale: true, .. } | NodeStatus { readiness: Readiness::Unknown, .. } => {
            (Role::Unknown, glyphs.unknown)
        }
        NodeStatus { readiness: Readiness::NotReady, .. } => (Role::Bad, glyphs.bad),
        NodeStatus { flapping: true, .. } => (Role::Warn, glyphs.flapping),
        NodeStatus { .. } => (Role::Good, glyphs.ok),
    }
}

/// A node's status in the longest words that fit into `width` columns: kubectl's if there is room, with the time in
/// the state unless the node is simply Ready. Readiness and cordon are shown at every width.
pub(super) fn status(status: NodeStatus, width: usize) -> String {
    let state = match status.readiness {
        Readiness::Ready => "Ready",
        Readiness::NotReady => "NotReady",
        Readiness::Unknown => "Unknown",
    };
    let spans = match status.for_ {
        Some(span) if !status.stale && status.readiness != Readiness::Ready => {
            [format!(" {}", duration(span)), format!(" {}", coarse(span)), String::new()]
        }
        _ => Default::default(),
    };
    let flags = |flapping: &str, cordoned: &str| {
        let flapping = if status.flapping { flapping } else { "" };
        format!("{flapping}{}", if status.cordoned { cordoned } else { "" })
    };
    let flags = [
        flags(",flapping", ",SchedulingDisabled"),
        flags(",flapping", ",cordoned"),
        flags(",flapping", ",cord"),
        flags(",flap", ",cord"),
    ];
    let befores = if status.stale { ["last seen ", "was "] } else { ["", ""] };
    let mut text = String::new();
    // A coarse time is never dropped for a flag, but a flag's full word is shortened for a time.
    for (before, flag, span) in befores
        .iter()
        .flat_map(|before| flags.iter().flat_map(move |flag| [0, 1].map(move |span| (before, flag, span))))
    {
        text = format!("{before}{state}{flag}{}", spans[span]);
        if text.len() <= width {
            return text;
        }
    }
    for flag in &flags {
        text = format!("{}{state}{flag}", befores[1]);
        if text.len() <= width {
            return text;
        }
    }
    text
}

/// Status of a pod when its node last reported: `last reported Running 33s ago`, or `was Running` unless `wide`.
pub(super) fn last_reported(status: &str, report: LastReport, wide: bool) -> String {
    match report.ago {
        // That a pod is terminating comes from the server, not from the node.
        _ if status == "Terminating" => status.to_owned(),
        _ if !wide => format!("was {status}"),
        Some(ago) => format!("last reported {status} {} ago", duration(ago)),
        None => format!("last reported {status}"),
    }
}

/// The worse freshness of nodes and pods, with the name of the resource.
fn worse(summary: &ClusterSummary) -> (&'static str, &Freshness) {
    let rank = |fresh: &Freshness| match fresh {
        Freshness::Live(age) => (0, *age),
        Freshness::Polling(age) => (1, *age),
        Freshness::Denied => (2, Duration::ZERO),
        Freshness::Loading { .. } => (3, Duration::ZERO),
        Freshness::Never => (4, Duration::ZERO),
        Freshness::Relisting { age, .. } => (5, *age),
        Freshness::Stale(age) => (6, *age),
    };
    if rank(&summary.pods_fresh) >= rank(&summary.nodes_fresh) {
        ("pods", &summary.pods_fresh)
    } else {
        ("nodes", &summary.nodes_fresh)
    }
}

/// Freshness of the shown data of a cluster: `live 1s`, `4m12s old`, `page 3 of ~6`, `pods denied`; in more words if `long`.
pub(super) fn freshness(summary: &ClusterSummary, long: bool) -> (Role, String) {
    if let Some(age) = stale(summary) {
        return (Role::Unknown, format!("{} old", duration(age)));
    }
    let (what, fresh) = worse(summary);
    match fresh {
        // While the server is silent, nothing proves the data.
        Freshness::Live(age) if summary.silence.is_some() => (Role::Warn, format!("{} old", duration(*age))),
        Freshness::Live(age) => (Role::Muted, format!("live {}", duration(*age))),
        Freshness::Polling(age) => (Role::Warn, format!("polled {}", duration(*age))),
        Freshness::Denied => (Role::Warn, format!("{what} denied")),
        Freshness::Loading { objects, page, remaining } => {
            let text = match pages(*objects, *page, *remaining) {
                Some(all) => format!("page {page} of ~{all}"),
                // Of another namespace than the ones that are being listed.
                None if *page == 0 => "loading".to_owned(),
                None => format!("page {page}"),
            };
            (Role::Muted, text)
        }
        Freshness::Never => (Role::Unknown, "no data".to_owned()),
        Freshness::Relisting { age, .. } => {
            (Role::Warn, format!("stale {}{}", duration(*age), if long { ", relisting" } else { "" }))
        }
        Freshness::Stale(age) => (Role::Unknown, format!("{} old", duration(*age))),
    }
}

/// Age of the shown data, the older of both resources, if it is not current: a list or a watch is stale, or the server does
/// not answer.
pub(super) fn stale(summary: &ClusterSummary) -> Option<Duration> {
    let unanswered = summary.health >= Health::Stale;
    let age = |fresh: &Freshness| match fresh {
        Freshness::Stale(age) => Some(*age),
        Freshness::Live(age) | Freshness::Polling(age) | Freshness::Relisting { age, .. } if unanswered => Some(*age),
        _ => None,
    };
    [&summary.nodes_fresh, &summary.pods_fresh].into_iter().filter_map(age).max()
}

/// Progress of the lists: `pods page 3 of ~6, 3.1 MB at 410 kB/s`; empty if none runs.
pub(super) fn progress(summary: &ClusterSummary) -> String {
    let lists = [(Resource::Nodes, &summary.nodes_fresh), (Resource::Pods, &summary.pods_fresh)];
    let running = lists.into_iter().filter_map(|(resource, fresh)| {
        let what = resource.name();
        let page = summary.pages.iter().find(|page| page.resource == resource);
        let mut text = match fresh {
            Freshness::Relisting { page: 0, .. } => format!("relisting {what}: no page yet"),
            Freshness::Relisting { page, .. } => format!("relisting {what}: page {page}"),
            Freshness::Loading { objects, page, remaining } => match pages(*objects, *page, *remaining) {
                Some(all) => format!("{what} page {page} of ~{all}"),
                None if *page == 0 => format!("{what} loading"),
                None => format!("{what} page {page}"),
            },
            Freshness::Never => format!("{what} page {}", page?.page),
            _ => return None,
        };
        if let Some(page) = page.filter(|page| page.bytes > 0) {
            // Of the current page, so that a slow list can be told from a stalled one.
            #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
            let speed = page.bytes as f64 / page.span.as_secs_f64().max(0.001);
            let _ = write!(text, ", {} at {}", volume(page.bytes), throughput(speed));
        }
        if let Some(smaller) = smaller(summary, resource) {
            let _ = write!(text, ", {smaller}");
        }
        Some(text)
    });
    running.collect::<Vec<_>>().join(", ")
}

/// `page size cut to 250 after a stall`, while pages have fewer objects than usual.
fn smaller(summary: &ClusterSummary, resource: Resource) -> Option<String> {
    let (_, size, why) = summary.smaller.iter().find(|(of, ..)| *of == resource)?;
    Some(format!("page size cut to {size} after {}", why.name()))
}

/// Estimated number of pages, from the average size of the pages so far; `None` if the server does not report the remaining number.
fn pages(objects: u64, page: u32, remaining: Option<u64>) -> Option<u64> {
    let each = objects.checked_div(u64::from(page)).filter(|each| *each > 0)?;
    Some(u64::from(page) + remaining?.div_ceil(each))
}

/// Problem of the connection to a cluster: the last failure and what happens next, otherwise the cause of slow calls, and a
/// request that has been running for long.
pub(super) fn problem(summary: &ClusterSummary, slow: Duration, glyphs: &Glyphs) -> Option<String> {
    let dot = glyphs.dot;
    let Some(failure) = &summary.failure else {
        let running = summary.running.as_ref().filter(|(_, span)| *span >= slow);
        let running = running.map(|(what, span)| format!("{what} {dot} running for {}", duration(*span)));
        let silence = summary.silence.map(|_| api(summary));
        let recovering = summary.last_timeout;
        let recovering = recovering.map(|since| format!("recovering, last timeout {} ago", duration(since)));
        let why = summary.verdict.map(|why| verdict(why).to_owned());
        let parts: Vec<String> = [silence, recovering, why, running].into_iter().flatten().collect();
        return (!parts.is_empty()).then(|| parts.join(&format!(" {dot} ")));
    };
    let attempt = if failure.attempt > 1 { format!(" {dot} attempt {}", failure.attempt) } else { String::new() };
    let next = match summary.next_in {
        None => String::new(),
        Some(next) if next.as_secs() == 0 => format!(" {dot} trying now"),
        Some(next) => format!(" {dot} next in {}", duration(next)),
    };
    Some(format!("{}: {}{attempt}{next}", failure.request, failure.text))
}

/// Difference between our clock and the server's, in words, if it is large enough to be shown (F66).
pub(super) fn skew(ours_minus_server_ms: i64) -> Option<String> {
    let apart = Duration::from_millis(ours_minus_server_ms.unsigned_abs());
    let way = if ours_minus_server_ms > 0 { "ahead of" } else { "behind" };
    (apart.as_millis() >= u128::from(SKEW_SHOWN_MS.unsigned_abs()))
        .then(|| format!("this host's clock is {} {way} the server's", duration(apart)))
}

/// Text of an alert in the characters of this terminal.
pub(super) fn alert_text<'a>(text: &'a str, glyphs: &Glyphs) -> Cow<'a, str> {
    // The only character outside ASCII in the texts of alerts, names aside.
    if glyphs.ascii && text.contains('×') { text.replace('×', glyphs.times).into() } else { text.into() }
}

/// Cause of slow calls, in one line.
pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Throttled => "API throttled: watchbell sends fewer requests",
        Verdict::Connect => "connecting is slow: suspect the network or TLS, not the API",
        Verdict::Queue => "API slow, network fine: suspect apiserver queueing or etcd",
        Verdict::Everything => "API slow, ping slow: suspect the network or the whole server",
        Verdict::BigAnswer => "big response: most of the time is spent reading it",
        Verdict::SlowBody => "slow transfer: the response starts fast and arrives slowly",
        Verdict::Decode => "decoding is slow: this host is busy, not the API",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::cluster::PageUnderWay;
    use crate::msg::Smaller;
    use crate::theme::{Depth, Theme};

    fn node(readiness: Readiness, seconds: u64) -> NodeStatus {
        NodeStatus {
            readiness,
            for_: Some(Duration::from_secs(seconds)),
            cordoned: false,
            flapping: false,
            stale: false,
        }
    }

    #[test]
    fn clocks_that_differ_are_shown_from_five_seconds_on() {
        let cases = [
            (4_999, None),
            (-4_999, None),
            (5_000, Some("this host's clock is 5s ahead of the server's")),
            (-600_000, Some("this host's clock is 10m behind the server's")),
        ];
        for (ms, expected) in cases {
            assert_eq!(skew(ms).as_deref(), expected, "{ms}");
        }
    }

    #[test]
    fn status_is_kubectls_where_it_fits_and_keeps_both_facts_where_it_does_not() {
        let cordoned = NodeStatus { cordoned: true, ..node(Readiness::NotReady, 192) };
        let table = [
            (cordoned, 40, "NotReady,SchedulingDisabled 3m12s"),
            (cordoned, 31, "NotReady,SchedulingDisabled 3m"),
            (cordoned, 24, "NotReady,cordoned 3m12s"),
            (cordoned, 19, "NotReady,cord 3m12s"),
            (cordoned, 16, "NotReady,cord 3m"),
            (cordoned, 14, "NotReady,cord"),
            (node(Readiness::NotReady, 192), 16, "NotReady 3m12s"),
            (node(Readiness::Unknown, 120), 16, "Unknown 2m"),
            (node(Readiness::Ready, 120), 16, "Ready"),
            (NodeStatus { flapping: true, ..node(Readiness::Ready, 40) }, 16, "Ready,flapping"),
            (NodeStatus { flapping: true, ..node(Readiness::NotReady, 40) }, 17, "NotReady,flap 40s"),
            (NodeStatus { flapping: true, ..node(Readiness::NotReady, 40) }, 16, "NotReady,flap"),
            (NodeStatus { stale: true, ..node(Readiness::Ready, 40) }, 16, "last seen Ready"),
            (NodeStatus { stale: true, ..cordoned }, 16, "was NotReady,cord"),
        ];
        for (facts, width, text) in table {
            let written = status(facts, width);
            assert_eq!(written, text, "{facts:?} in {width}");
            assert!(!facts.cordoned || written.contains("cord") || written.contains("SchedulingDisabled"), "{written}");
        }
    }

    #[test]
    fn stale_readiness_is_never_stated_as_present() {
        let glyphs = Theme::new(Depth::None, false).glyphs;
        let was_ready = NodeStatus { stale: true, ..node(Readiness::Ready, 40) };
        assert_eq!(readiness(was_ready, &glyphs), (Role::Unknown, "?"));
        for width in 0..40 {
            assert!(status(was_ready, width).starts_with("last seen ") || status(was_ready, width).starts_with("was "));
        }
    }

    #[test]
    fn a_server_that_does_not_answer_makes_everything_old_whatever_still_loads() {
        let mut summary = crate::ui::fixture::loading();
        assert_eq!(freshness(&summary, true).1, "page 3 of ~6");
        assert_eq!(stale(&summary), None);
        summary.health = Health::Stale;
        summary.nodes_fresh = Freshness::Live(Duration::from_secs(27));
        assert_eq!(freshness(&summary, true), (Role::Unknown, "27s old".to_owned()));
        summary.nodes_fresh = Freshness::Never;
        assert_eq!(stale(&summary), None, "what was never read has no age");
    }

    #[test]
    fn a_running_page_shows_its_bytes_and_their_rate_and_why_pages_are_small() {
        let mut summary = crate::ui::fixture::loading();
        assert_eq!(progress(&summary), "pods page 3 of ~6");
        let (resource, span) = (Resource::Pods, Duration::from_secs(8));
        summary.pages = vec![PageUnderWay { resource, page: 4, bytes: 3_280_000, span }];
        summary.smaller = vec![(resource, 250, Smaller::Stall)];
        assert_eq!(progress(&summary), "pods page 3 of ~6, 3.3 MB at 410 kB/s, page size cut to 250 after a stall");
        summary.pods_fresh = Freshness::Never;
        summary.pages[0] = PageUnderWay { resource, page: 1, bytes: 0, span };
        summary.smaller.clear();
        assert_eq!(progress(&summary), "pods page 1", "the first page is progress too");
        summary.pages.clear();
        assert_eq!(progress(&summary), "");
    }

    #[test]
    fn the_number_of_pages_is_estimated_from_the_pages_so_far() {
        assert_eq!(pages(1_500, 3, Some(1_113)), Some(6));
        assert_eq!(pages(1_500, 3, None), None);
        assert_eq!(pages(0, 1, Some(10)), None);
        assert_eq!(pages(0, 0, Some(10)), None);
        assert_eq!(pages(500, 1, Some(0)), Some(1));
    }
}
