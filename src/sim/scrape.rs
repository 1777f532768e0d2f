//! `/metrics`: the server's own measurements, in the text format of kube-apiserver.
//!
//! Names, labels and bounds: `apiserver pkg/endpoints/metrics/metrics.go` and `pkg/util/flowcontrol/metrics/metrics.go`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::fault::RequestTraits;
use super::lock;

/// Upper bounds of `apiserver_request_sli_duration_seconds`, in seconds.
const BOUNDS: [f64; 21] =
    [0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0];
/// Maximum number of request kinds that are counted separately: random paths of a client must not fill the memory.
const KINDS: usize = 64;

/// Requests by bucket; the last bucket is for those above all bounds.
type LatencyBuckets = [u64; BOUNDS.len() + 1];

/// The measurements.
#[derive(Debug, Default)]
pub(super) struct ServerMetrics {
    in_flight: AtomicU64,
    throttled: AtomicU64,
    /// By verb, resource and sub-resource.
    kinds: Mutex<BTreeMap<(String, String, String), LatencyBuckets>>,
}

/// A request in flight, until it is dropped.
pub(super) struct InFlight<'a>(&'a ServerMetrics);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl ServerMetrics {
    /// Counts a request in flight.
    pub(super) fn begin(&self) -> InFlight<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(self)
    }

    /// Records the answer of a request.
    pub(super) fn record(&self, aim: RequestTraits<'_>, status: u16, took: Duration) {
        if status == 429 {
            self.throttled.fetch_add(1, Ordering::Relaxed);
        }
        // A path that is not a resource is reported as a sub-resource of an empty resource.
        let subresource = if aim.resource.is_empty() { aim.path } else { "" };
        let kind = (aim.verb.to_uppercase(), aim.resource.to_owned(), subresource.to_owned());
        let mut kinds = lock(&self.kinds);
        if kinds.len() == KINDS && !kinds.contains_key(&kind) {
            return;
        }
        let bucket = BOUNDS.iter().position(|bound| took.as_secs_f64() <= *bound).unwrap_or(BOUNDS.len());
        kinds.entry(kind).or_insert([0; BOUNDS.len() + 1])[bucket] += 1;
    }

    /// The text for a scraper. The simulated queues are always empty.
    pub(super) fn text(&self) -> String {
        let (running, throttled) = (self.in_flight.load(Ordering::Relaxed), self.throttled.load(Ordering::Relaxed));
        let mut text = format!(
            "# TYPE apiserver_current_inflight_requests gauge\n\
             apiserver_current_inflight_requests{{request_kind=\"mutating\"}} 0\n\
             apiserver_current_inflight_requests{{request_kind=\"readOnly\"}} {running}\n\
             # TYPE apiserver_flowcontrol_current_inqueue_requests gauge\n\
             apiserver_flowcontrol_current_inqueue_requests{{flow_schema=\"global-default\",priority_level=\"global-default\"}} 0\n\
             # TYPE apiserver_flowcontrol_rejected_requests_total counter\n\
             apiserver_flowcontrol_rejected_requests_total{{flow_schema=\"global-default\",priority_level=\"global-default\",reason=\"queue-full\"}} {throttled}\n\
             # TYPE apiserver_request_sli_duration_seconds histogram\n"
        );
        for ((verb, resource, subresource), buckets) in lock(&self.kinds).iter() {
            let mut sum = 0;
            let bounds = BOUNDS.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
            for (bound, count) in bounds.zip(buckets) {
                sum += count;
                // Writing to a String cannot fail.
                let _ = writeln!(
                    text,
                    "apiserver_request_sli_duration_seconds_bucket{{resource=\"{resource}\",scope=\"cluster\",\
                     subresource=\"{subresource}\",verb=\"{verb}\",le=\"{bound}\"}} {sum}"
                );
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_a_request_is_in_flight_until_it_is_dropped() {
        let metrics = ServerMetrics::default();
        let aim = RequestTraits { verb: "list", resource: "pods", path: "/api/v1/pods", continued: false };
        for (ms, status) in [(40, 200), (900, 429), (70_000, 200)] {
            metrics.record(aim, status, Duration::from_millis(ms));
        }
        let running = metrics.begin();
        let text = metrics.text();
        let of = "{resource=\"pods\",scope=\"cluster\",subresource=\"\",verb=\"LIST\",le=";
        for (bound, count) in [("0.05", 1), ("0.8", 1), ("1", 2), ("60", 2), ("+Inf", 3)] {
            assert!(text.contains(&format!("_bucket{of}\"{bound}\"}} {count}\n")), "{bound}\n{text}");
        }
        assert!(text.contains("{request_kind=\"readOnly\"} 1\n") && text.contains("reason=\"queue-full\"} 1\n"));
        drop(running);
        assert!(metrics.text().contains("{request_kind=\"readOnly\"} 0\n"));
    }

    #[test]
    fn random_paths_do_not_fill_the_memory() {
        let metrics = ServerMetrics::default();
        for n in 0..1_000 {
            let path = format!("/{n}");
            metrics.record(
                RequestTraits { verb: "get", resource: "", path: &path, continued: false },
                404,
                Duration::ZERO,
            );
        }
        assert_eq!(lock(&metrics.kinds).len(), KINDS);
    }
}
