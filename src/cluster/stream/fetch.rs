//! One page of a list: its request, its body, and its objects.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tokio::time::Instant;

use super::page::PageReader;
use super::uri::list_uri;
use crate::cluster::call::{ApiRequest, Limits};
use crate::cluster::classify::{self, RequestError};
use crate::cluster::list_source::ListSource;
use crate::cluster::meter::Tag;
use crate::cluster::reflector::{PageNews, PageRequest};
use crate::cluster::{TaskContext, warnings};
use crate::msg::{Batch, CallKind};

/// A page to fetch.
pub(super) struct PageJob {
    pub(super) page: PageRequest,
    /// Set once something of its body has come.
    pub(super) moves: Arc<AtomicBool>,
    /// Serial of its session.
    pub(super) serial: u64,
}

/// Requests a page and reads it.
pub(super) async fn fetch(
    shared: &TaskContext,
    source: &ListSource,
    job: &mut PageJob,
    buf: &mut Vec<u8>,
) -> Result<(PageNews, Batch, u32), RequestError> {
    let (resource, page) = (source.resource, &job.page);
    let session = shared.session.clients().await?;
    job.serial = session.serial;
    let limits = Limits {
        headers: page.limits.deadline,
        idle: page.limits.idle,
        cap: page.limits.cap,
        slowest: shared.tuning.slowest_body,
        bytes: shared.tuning.page_bytes,
    };
    let request = ApiRequest {
        kind: CallKind::List(resource),
        page: (page.page != PageRequest::VERSION_PROBE).then_some(page.page),
        attempt: page.attempt,
        uri: list_uri(source, page, shared.tuning.skip_finished_pods),
        limits,
    };
    let start = Instant::now();
    let mut body = PageReader::new(resource, std::mem::take(buf), job.moves.clone());
    let answer = session.api.take(&request, &shared.tuning, &mut body).await;
    let (took, bytes) = (start.elapsed().saturating_sub(body.reading()), body.bytes());
    let head = match answer {
        Ok(head) => head,
        Err(request_error) => {
            *buf = body.into_memory();
            return Err(request_error);
        }
    };
    warnings::report_warnings(shared, &head.headers, &format!("list {}", source.what)).await;
    let decoded = body.end();
    if let Some(tag) = head.extensions.get::<Tag>() {
        session.api.sink.decoded(tag, body.reading());
    }
    let decoded = decoded.map_err(|error| classify::unreadable(&head, body.start(), &error.text));
    *buf = body.into_memory();
    let (list, batch) = decoded?;
    let news = PageNews {
        version: list.resource_version,
        token: list.continue_token,
        remaining: list.remaining,
        bytes,
        unreadable: list.unreadable,
        took,
        repeats: false,
    };
    Ok((news, batch, list.objects))
}
