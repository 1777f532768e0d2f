//! Load of the API server, from its own `/metrics`, where we may read them.
//!
//! The text format is read leniently and only up to the cap on bytes: unknown lines are skipped. Sources: `apiserver
//! pkg/endpoints/metrics/metrics.go` and `pkg/util/flowcontrol/metrics/metrics.go`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{CheckRun, StepFlow, ms_text};
use crate::cluster::call::Limits;
use crate::cluster::classify::{one_line, unreadable};
use crate::msg::check::{CheckStep, StepOutcome};
use crate::msg::{CallKind, Layer};

/// Most bytes that are read: the server of a large cluster writes tens of megabytes.
const METRICS_BYTES: usize = 32 << 20;
/// Deadline of the answer, which the server writes from memory, without etcd.
const METRICS_DEADLINE: Duration = Duration::from_secs(10);
/// Number of slow kinds of requests in the report.
const SLOWEST: usize = 3;
/// A kind with fewer requests than this has no 99th percentile (docs/latency-and-alerts.md).
const ENOUGH: f64 = 100.0;

impl CheckRun {
    pub(super) async fn load(&mut self) -> StepFlow {
        let cap = self.within(METRICS_DEADLINE);
        let limits = Limits { bytes: METRICS_BYTES, ..Limits::small(cap) };
        let reply = self.request(CallKind::Get, "/metrics", limits).await;
        if let Err(error) = &reply.result {
            // The part before the cap is still useful.
            let capped = error.layer == Layer::Body && self.buf.len() + (1 << 20) > METRICS_BYTES;
            let step = match error.layer {
                _ if capped => None,
                Layer::Rbac => Some("may not read /metrics (403): queues and slow verbs are not seen"),
                _ if error.code == Some(404) => Some("the server has no /metrics"),
                _ => return self.report_error("load", StepOutcome::Warn, error).await,
            };
            if let Some(text) = step {
                return self.report(CheckStep::new("load", StepOutcome::Skip, text)).await;
            }
        }
        let load = ServerLoad::read(&String::from_utf8_lossy(&self.buf));
        if let (Ok(head), true) = (&reply.result, load == ServerLoad::default()) {
            let error = unreadable(head, &self.buf, "the answer to /metrics has no metrics");
            return self.report_error("load", StepOutcome::Warn, &error).await;
        }
        self.report(load.step().timing(reply.timing)).await?;
        self.report(load.slow_verbs()).await
    }
}

/// The metrics that the check uses.
#[derive(Debug, Default, PartialEq)]
struct ServerLoad {
    reading: Option<f64>,
    changing: Option<f64>,
    /// Waiting requests by priority level.
    queued: BTreeMap<String, f64>,
    /// Rejected requests by priority level, since the server started.
    rejected: BTreeMap<String, f64>,
    /// Requests by verb and resource: upper bounds of latency in seconds, and the number of requests that took at most
    /// that.
    kinds: BTreeMap<String, Vec<(f64, f64)>>,
}

impl ServerLoad {
    fn read(text: &str) -> Self {
        let mut load = Self::default();
        // The SLI excludes the time of webhooks and queues; older servers have only the other metric.
        let sli = "apiserver_request_sli_duration_seconds_bucket";
        let buckets = if text.contains(sli) { sli } else { "apiserver_request_duration_seconds_bucket" };
        for line in text.lines() {
            let Some((name, labels, value)) = sample(line) else { continue };
            match name {
                "apiserver_current_inflight_requests" => {
                    let slot = match label(labels, "request_kind") {
                        Some("mutating") => &mut load.changing,
                        _ => &mut load.reading,
                    };
                    *slot = Some(slot.unwrap_or_default() + value);
                }
                "apiserver_flowcontrol_current_inqueue_requests" => {
                    add(&mut load.queued, label(labels, "priority_level"), value);
                }
                "apiserver_flowcontrol_rejected_requests_total" => {
                    add(&mut load.rejected, label(labels, "priority_level"), value);
                }
                _ if name == buckets => load.bucket(labels, value),
                _ => {}
            }
        }
        load
    }

    fn bucket(&mut self, labels: &str, value: f64) {
        let of = |key| label(labels, key).unwrap_or_default();
        let (verb, resource, subresource) = (of("verb"), of("resource"), of("subresource"));
        if matches!(verb, "WATCH" | "WATCHLIST" | "CONNECT")
            || matches!(subresource, "exec" | "log" | "portforward" | "proxy")
        {
            return;
        }
        let Ok(bound) = of("le").replace("+Inf", "inf").parse::<f64>() else { return };
        // A path that is no resource is a subresource without a resource: `/livez`.
        let slash = if subresource.is_empty() || subresource.starts_with('/') { "" } else { "/" };
        let buckets = self.kinds.entry(format!("{verb} {resource}{slash}{subresource}")).or_default();
        match buckets.iter_mut().find(|(known, _)| known.total_cmp(&bound).is_eq()) {
            Some((_, count)) => *count += value,
            None => buckets.push((bound, value)),
        }
    }

    /// The slowest kinds by the upper bound of their 99th percentile, slowest first.
    fn slowest(&self) -> Vec<(&str, f64)> {
        let p99 = |buckets: &Vec<(f64, f64)>| {
            let mut buckets = buckets.clone();
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            let all = buckets.last().map(|(_, count)| *count).filter(|all| *all >= ENOUGH)?;
            buckets.iter().find(|(_, count)| *count >= all * 0.99).map(|(bound, _)| *bound)
        };
        let mut kinds: Vec<(&str, f64)> =
            self.kinds.iter().filter_map(|(kind, buckets)| Some((kind.as_str(), p99(buckets)?))).collect();
        kinds.sort_by(|a, b| b.1.total_cmp(&a.1));
        kinds.truncate(SLOWEST);
        kinds
    }

    fn step(&self) -> CheckStep {
        let number = |value: Option<f64>| value.map_or_else(|| "?".to_owned(), |value| format!("{value:.0}"));
        let busiest = |levels: &BTreeMap<String, f64>| {
            let total: f64 = levels.values().sum();
            let worst = levels.iter().max_by(|a, b| a.1.total_cmp(b.1)).filter(|_| total > 0.0);
            worst.map_or_else(|| "0".to_owned(), |(level, count)| format!("{total:.0} ({level} {count:.0})"))
        };
        let queued: f64 = self.queued.values().sum();
        let text = format!(
            "in flight {} reads, {} writes; queued {}; rejected since start {}",
            number(self.reading),
            number(self.changing),
            busiest(&self.queued),
            busiest(&self.rejected),
        );
        if queued > 0.0 {
            let next = "requests wait for a seat: `kubectl get --raw /debug/api_priority_and_fairness/dump_requests`";
            return CheckStep::new("load", StepOutcome::Warn, &one_line(&text)).limit("0 queued", "ours").next(next);
        }
        CheckStep::new("load", StepOutcome::Ok, &one_line(&text))
    }

    /// The slowest kinds of requests since the server started, against the API-call SLO.
    fn slow_verbs(&self) -> CheckStep {
        let slowest = self.slowest();
        if slowest.is_empty() {
            return CheckStep::new(
                "slow verbs",
                StepOutcome::Skip,
                "no kind of request has the 100 samples that a p99 needs",
            );
        }
        let text: Vec<String> = slowest
            .iter()
            .map(|(kind, secs)| match secs {
                secs if secs.is_finite() => format!("{kind} ≤{}", ms_text(secs * 1000.0)),
                _ => format!("{kind} over 60 s"),
            })
            .collect();
        let slow = slowest.iter().any(|(kind, secs)| *secs > if kind.starts_with("LIST") { 30.0 } else { 1.0 });
        let text = format!("p99: {}", text.join(", "));
        let step =
            CheckStep::new("slow verbs", if slow { StepOutcome::Warn } else { StepOutcome::Ok }, &one_line(&text));
        let step = step.limit("1 s, lists 30 s", "API-call SLO");
        if slow { step.next("see who asks for it, and what its webhooks and its etcd do") } else { step }
    }
}

fn add(into: &mut BTreeMap<String, f64>, key: Option<&str>, value: f64) {
    *into.entry(key.unwrap_or("?").to_owned()).or_default() += value;
}

/// Splits `name{labels} value`; `None` for comments and for anything that is no sample.
fn sample(line: &str) -> Option<(&str, &str, f64)> {
    if line.starts_with('#') {
        return None;
    }
    let (name, labels, rest) = if let Some((name, rest)) = line.split_once('{') {
        // Label values may hold a brace, values may not.
        let (labels, value) = rest.rsplit_once('}')?;
        (name, labels, value)
    } else {
        let (name, value) = line.split_once(' ')?;
        (name, "", value)
    };
    let value = rest.split_whitespace().next()?.parse().ok().filter(|value: &f64| value.is_finite())?;
    Some((name, labels, value))
}

/// The value of a label, as written: the labels used here need no escapes.
fn label<'a>(labels: &'a str, key: &str) -> Option<&'a str> {
    let mut rest = labels;
    loop {
        let (name, after) = rest.split_once("=\"")?;
        let end = after.char_indices().scan(false, |escaped, (at, c)| {
            let ends = c == '"' && !*escaped;
            *escaped = c == '\\' && !*escaped;
            Some((at, ends))
        });
        let end = end.into_iter().find(|(_, ends)| *ends).map(|(at, _)| at)?;
        if name.trim_start_matches([',', ' ']) == key {
            return Some(&after[..end]);
        }
        rest = &after[end + 1..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: &str = r#"# HELP apiserver_current_inflight_requests [STABLE] Maximal number of requests
# TYPE apiserver_current_inflight_requests gauge
apiserver_current_inflight_requests{request_kind="mutating"} 2
apiserver_current_inflight_requests{request_kind="readOnly"} 7
apiserver_flowcontrol_current_inqueue_requests{flow_schema="service-accounts",priority_level="workload-low"} 3
apiserver_flowcontrol_current_inqueue_requests{flow_schema="global-default",priority_level="global-default"} 0
apiserver_flowcontrol_rejected_requests_total{flow_schema="x",priority_level="workload-low",reason="time-out"} 5
apiserver_flowcontrol_rejected_requests_total{flow_schema="y",priority_level="workload-low",reason="queue-full"} 6
apiserver_request_sli_duration_seconds_bucket{verb="LIST",resource="pods",scope="cluster",le="1"} 90
apiserver_request_sli_duration_seconds_bucket{verb="LIST",resource="pods",scope="cluster",le="30"} 199
apiserver_request_sli_duration_seconds_bucket{verb="LIST",resource="pods",scope="cluster",le="+Inf"} 200
apiserver_request_sli_duration_seconds_bucket{verb="GET",resource="pods",subresource="log",scope="resource",le="+Inf"} 9000
apiserver_request_sli_duration_seconds_bucket{verb="WATCH",resource="pods",scope="cluster",le="+Inf"} 9000
apiserver_request_sli_duration_seconds_bucket{verb="GET",resource="leases",scope="resource",le="0.05"} 1000
apiserver_request_sli_duration_seconds_bucket{verb="GET",resource="leases",scope="resource",le="+Inf"} 1000
no sample at all
half{label="never closed
"#;

    #[test]
    fn load_says_what_is_in_flight_queued_rejected_and_slow() {
        let load = ServerLoad::read(METRICS);
        assert_eq!((load.reading, load.changing), (Some(7.0), Some(2.0)));
        assert_eq!(load.rejected.get("workload-low"), Some(&11.0));
        assert_eq!(load.slowest(), [("LIST pods", 30.0), ("GET leases", 0.05)]);
        let step = load.step();
        assert_eq!(step.outcome, StepOutcome::Warn, "requests wait");
        assert_eq!(
            &*step.text,
            "in flight 7 reads, 2 writes; queued 3 (workload-low 3); rejected since start 11 (workload-low 11)"
        );
        let slow = load.slow_verbs();
        assert_eq!(&*slow.text, "p99: LIST pods ≤30.0 s, GET leases ≤50 ms");
        assert_eq!(slow.outcome, StepOutcome::Ok, "both within the SLO");
    }

    #[test]
    fn cut_or_foreign_text_gives_unknowns_and_no_zero() {
        for text in ["", "<html>", "apiserver_current_inflight_requests{request_kind=\"mut"] {
            let load = ServerLoad::read(text);
            assert_eq!((load.reading, load.changing), (None, None));
            assert!(load.step().text.contains("in flight ? reads"));
        }
    }

    #[test]
    fn label_values_may_hold_quotes_commas_and_braces() {
        let line = r#"m{a="x\",b=\"no",b="}yes",c="z"} 4.5 1700000000"#;
        let (name, labels, value) = sample(line).unwrap();
        assert_eq!((name, value), ("m", 4.5));
        assert_eq!(label(labels, "b"), Some("}yes"));
        assert_eq!(label(labels, "c"), Some("z"));
        assert_eq!(label(labels, "d"), None);
    }
}
