//! Usage of nodes, from `metrics.k8s.io`: one small request at a time, at a polite period.
//!
//! There is no watch of this API, so it is polled. Its add-on is often absent, slow or broken; a failure
//! is sent as [`UsageNews`] alone and affects no alert and no other task (F24 to F26).

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::TaskContext;
use super::call::{ApiRequest, Limits};
use super::classify::{self, RequestError};
use crate::facts::metrics;
use crate::msg::{CallKind, ClusterEvent, Layer, UsageNews};
use crate::resource::NODE_METRICS;

/// Polls until the task is dropped; waits forever if usage is not requested.
pub(crate) async fn run(shared: Arc<TaskContext>, seed: u64) {
    let optional = shared.tuning.optional.clone();
    if !optional.usage {
        shared.send_event(ClusterEvent::Usage(UsageNews::Off)).await;
        return std::future::pending().await;
    }
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut refresh = shared.refreshes();
    let mut resumed = shared.resumes();
    let mut wake = shared.wake.subscribe();
    let mut buf = Vec::new();
    loop {
        let begun = Instant::now();
        let news = match fetch_usage(&shared, &mut buf).await {
            Ok(news) => news,
            Err(error) => failed(&error),
        };
        let wait = match &news {
            UsageNews::Off | UsageNews::Absent | UsageNews::Denied(_) => optional.rediscover,
            // A broken add-on gets half as many requests as a good one.
            UsageNews::Unavailable(_) => optional.usage_period * 2,
            UsageNews::Read(nodes) => optional.usage_period * patience(nodes.len()),
        };
        shared.send_event(ClusterEvent::Usage(news)).await;
        // Up to a tenth later, so that clients do not send their requests at the same moment.
        let due = begun + wait.mul_f64(1.0 + rng.f64() / 10.0);
        tokio::select! {
            () = sleep_until(due) => continue,
            changed = refresh.changed() => if changed.is_err() { return },
            changed = resumed.changed() => if changed.is_err() { return },
            changed = wake.changed() => if changed.is_err() { return },
        }
        // A refresh, a sleep or the end of a silence ends a long wait, but no key shortens the period.
        sleep_until(due.min(begun + optional.usage_period)).await;
    }
}

/// Factor of the period for a cluster of this size: the answer of a large one has tens of megabytes, so it is requested
/// less often, but before its figures are stale.
fn patience(nodes: usize) -> u32 {
    match nodes {
        0..20_000 => 1,
        20_000..60_000 => 2,
        _ => 3,
    }
}

async fn fetch_usage(shared: &TaskContext, buf: &mut Vec<u8>) -> Result<UsageNews, RequestError> {
    let deadline = shared.tuning.optional.usage_deadline;
    let work = async {
        let session = shared.session.clients().await?;
        let limits = Limits { bytes: shared.tuning.page_bytes, ..Limits::small(deadline) };
        let request =
            ApiRequest { kind: CallKind::Usage, page: None, attempt: 1, uri: NODE_METRICS.best_path(), limits };
        let head = session.api.fetch(&request, &shared.tuning, buf).await?;
        let nodes = metrics::decode_list(buf).map_err(|error| classify::unreadable(&head, buf, &error.text));
        // The next answer comes in half a minute, and that of a large cluster has megabytes.
        *buf = Vec::new();
        nodes.map(UsageNews::Read)
    };
    // The wait for credentials has the deadline of the answer.
    let spare = Duration::from_secs(1);
    tokio::time::timeout(deadline + spare, work)
        .await
        .unwrap_or_else(|_| Err(RequestError::timed_out(Layer::Credentials, "the credentials are not ready")))
}

/// The failure as an update of the usage.
fn failed(error: &RequestError) -> UsageNews {
    match error.code {
        Some(404) => UsageNews::Absent,
        Some(403) => UsageNews::Denied(error.text.clone()),
        Some(code @ 500..) => UsageNews::Unavailable(classify::one_line(&format!("{} ({code})", error.text))),
        _ => UsageNews::Unavailable(error.text.clone()),
    }
}
