//! Lists: pages of one consistent state, by resourceVersion, limit, continue and selectors.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderValue, header};
use serde_json::Value;

use super::body::{Response, unfold};
use super::encode::{EncodedHead, Encoder};
use super::fault::FaultPlan;
use super::lock;
use super::object::SimObject;
use super::request::RequestTarget;
use super::resource::SimResource;
use super::selector::ObjectSelector;
use super::server::Server;
use super::status;
use super::store::PageRange;
use super::token::Token;

/// 128 KiB: smaller answers are not compressed (`writers.go:155`, `defaultGzipThresholdBytes`).
const GZIP_FROM: usize = 128 * 1024;
/// Level 1, as the API server compresses (`writers.go`, `defaultGzipContentEncodingLevel`).
const GZIP_LEVEL: u32 = 1;
/// Size of the pieces of a long list.
const PIECE: usize = 64 * 1024;
/// A protobuf list of at most this many objects is built in memory at once.
const PAGE: usize = 1_000;
/// 3 s: the wait of a list for a resourceVersion from the future (`watch_cache.go`, `blockTimeout`).
const FUTURE: Duration = Duration::from_secs(3);

/// The state that a list shows, and its first key.
#[derive(Debug)]
struct ListRange {
    rv: u64,
    after: String,
    limit: usize,
    left: Option<u64>,
    first: bool,
}

/// A list or a watch of one resource in one namespace, or in all if `namespace` is empty.
#[derive(Clone, Copy, Debug)]
pub(super) struct CollectionRequest<'r> {
    pub(super) target: &'r RequestTarget,
    pub(super) resource: SimResource,
    pub(super) namespace: &'r str,
    pub(super) plan: &'r FaultPlan,
}

impl CollectionRequest<'_> {
    /// The selectors of the query.
    ///
    /// # Errors
    /// The `Status` of one that cannot be read.
    pub(super) fn selector(&self, encoder: &Encoder) -> Result<ObjectSelector, Value> {
        let query = &self.target.query;
        let (labels, fields) = (query.get("labelSelector"), query.get("fieldSelector"));
        ObjectSelector::parse(self.resource, encoder.version(), labels, fields)
            .map_err(|message| status::bad_request(&message))
    }

    /// The common prefix of the keys of all objects that belong to it.
    pub(super) fn prefix(&self) -> String {
        if self.namespace.is_empty() { String::new() } else { format!("{}/", self.namespace) }
    }
}

/// Answers a list.
///
/// # Errors
/// The `Status` of a list that cannot be answered.
pub(super) async fn answer(
    server: &Arc<Server>,
    request: CollectionRequest<'_>,
    encoder: Encoder,
) -> Result<Response, Value> {
    let resource = request.resource;
    let selector = request.selector(&encoder)?;
    let list_range = list_range(server, request).await?;
    let prefix = request.prefix();
    let page = {
        let world = lock(&server.world);
        let store = &world.store;
        let rv = if list_range.rv == u64::MAX { store.rv() } else { list_range.rv };
        let expired = |_| gone(list_range.first, store.rv(), &list_range.after);
        let range = PageRange { rv, after: &list_range.after, prefix: &prefix, limit: list_range.limit };
        let page = store.page(resource, range, |o| selector.matches(o)).map_err(expired)?;
        let left = match list_range.left {
            _ if !selector.is_empty() => None,
            Some(left) => Some(left),
            None if list_range.first && page.last.is_some() => {
                Some(store.len_at(resource, rv, &prefix).map_err(expired)? as u64)
            }
            None => None,
        };
        (page, rv, left.map(|left| left.saturating_sub(list_range.limit as u64)))
    };
    let (page, rv, left) = page;
    let inconsistent = list_range.rv == u64::MAX && !list_range.first;
    let head = match &page.last {
        None => EncodedHead { rv, ..EncodedHead::default() },
        Some(last) => {
            let token = Token::new(if inconsistent { -1 } else { i64::try_from(rv).unwrap_or(-1) }, last, left);
            EncodedHead { rv, token: token.encode(), left }
        }
    };
    let encoder = encoder.with_json_fallback(page.items.iter());
    Ok(write(page.items, &head, encoder, request.target.gzip))
}

/// 410 in its two forms: for an expired continue token it contains a new one, for an old resourceVersion it does not.
fn gone(first: bool, now: u64, after: &str) -> Value {
    if first {
        return status::expired(&format!("The resourceVersion for the provided list is too old. (current: {now})"));
    }
    status::expired_token(&Token::new(-1, after, None).encode())
}

/// Reads `limit`, `continue`, `resourceVersion` and `resourceVersionMatch` (apiserver `pkg/storage/cacher`, legacy rules).
async fn list_range(server: &Server, request: CollectionRequest<'_>) -> Result<ListRange, Value> {
    let query = &request.target.query;
    let (rv_text, matching, token) =
        (query.get("resourceVersion"), query.get("resourceVersionMatch"), query.get("continue"));
    let limit = query.number("limit")?.and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0).unwrap_or(usize::MAX);
    if !matching.is_empty() {
        if !matches!(matching, "Exact" | "NotOlderThan") {
            return Err(status::invalid_options("resourceVersionMatch", "supported values: Exact, NotOlderThan"));
        }
        if !token.is_empty() {
            return Err(status::invalid_options(
                "resourceVersionMatch",
                "resourceVersionMatch is forbidden with continue",
            ));
        }
        if rv_text.is_empty() {
            let message = "resourceVersionMatch is forbidden unless resourceVersion is provided";
            return Err(status::invalid_options("resourceVersionMatch", message));
        }
    }
    if !token.is_empty() {
        if !matches!(rv_text, "" | "0") {
            return Err(status::bad_request("specifying resource version is not allowed when using continue"));
        }
        let token = Token::decode(token).ok_or_else(|| status::bad_request("continue key is not valid"))?;
        let rv = u64::try_from(token.rv).unwrap_or(u64::MAX);
        if request.plan.gone && rv != u64::MAX {
            return Err(gone(false, 0, &token.start));
        }
        return Ok(ListRange { rv, after: token.start, limit, left: token.left, first: false });
    }
    let first = ListRange { rv: u64::MAX, after: String::new(), limit, left: None, first: true };
    let rv = version(query.get("resourceVersion"))?;
    let exact = matching == "Exact" || (matching.is_empty() && limit != usize::MAX);
    match rv {
        0 if rv_text.is_empty() => Ok(first),
        0 if matching == "Exact" => Err(status::invalid_options(
            "resourceVersionMatch",
            "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
        )),
        // The watch cache answers for 0, and it does not know limits (`cacher.go`, `computeListLimit`).
        0 => Ok(ListRange { limit: usize::MAX, ..first }),
        _ => {
            await_version(server, request.resource, rv).await?;
            Ok(ListRange { rv: if exact { rv } else { u64::MAX }, ..first })
        }
    }
}

/// Reads a resourceVersion; 0 if it is empty.
pub(super) fn version(text: &str) -> Result<u64, Value> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse()
        .map_err(|_| status::bad_request(&format!("Invalid value: \"{text}\": resourceVersion must be a number")))
}

/// Waits up to [`FUTURE`] for a resourceVersion that does not exist yet.
async fn await_version(server: &Server, resource: SimResource, rv: u64) -> Result<(), Value> {
    let current = || lock(&server.world).store.rv();
    if rv <= current() {
        return Ok(());
    }
    let mut changes = lock(&server.world).store.changes(resource);
    let arrives = async {
        while changes.changed().await.is_ok() {
            if rv <= current() {
                return;
            }
        }
    };
    match tokio::time::timeout(FUTURE, arrives).await {
        Ok(()) => Ok(()),
        Err(_) => Err(status::too_large(rv, current())),
    }
}

/// Writer of one list.
struct ListWriter {
    items: std::vec::IntoIter<Arc<SimObject>>,
    encoder: Encoder,
    /// The unsent part of a list that was built at once.
    page: Bytes,
    /// Bytes that were written but not sent yet.
    ready: Vec<u8>,
    gzip: Option<GzEncoder<Vec<u8>>>,
    ended: bool,
}

impl ListWriter {
    /// Writes items until there are `size` bytes or the list ends.
    fn fill(&mut self, size: usize) {
        while !self.ended && self.ready.len() < size {
            if let Some(object) = self.items.next() {
                self.encoder.item(&object, &mut self.ready);
                self.ready.extend(self.encoder.separator());
            } else {
                if self.ends_with_separator() {
                    self.ready.pop();
                }
                self.encoder.list_tail(&mut self.ready);
                self.ended = true;
            }
        }
    }

    fn ends_with_separator(&self) -> bool {
        self.encoder.separator().is_some_and(|separator| self.ready.last() == Some(&separator))
    }

    /// The next bytes for the wire; `None` at the end.
    fn piece(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            let piece = self.plain_piece();
            if piece.is_empty() {
                // Only now is the end certain: a list in protobuf has no tail after its last item.
                return self.gzip.take().map(|gzip| gzip.finish().map(Bytes::from)).transpose();
            }
            let Some(gzip) = &mut self.gzip else { return Ok(Some(piece)) };
            gzip.write_all(&piece)?;
            let compressed = std::mem::take(gzip.get_mut());
            if !compressed.is_empty() {
                return Ok(Some(compressed.into()));
            }
        }
    }

    fn plain_piece(&mut self) -> Bytes {
        if !self.page.is_empty() {
            return self.page.split_to(self.page.len().min(PIECE));
        }
        self.fill(PIECE);
        if self.ready.is_empty() {
            return Bytes::new();
        }
        // The comma after the last item of a piece is held back until another item follows.
        let comma = !self.ended && self.ends_with_separator();
        let mut piece = std::mem::take(&mut self.ready);
        if comma {
            piece.pop();
            self.ready.push(b',');
        }
        piece.into()
    }
}

fn write(items: Vec<Arc<SimObject>>, head: &EncodedHead, encoder: Encoder, gzip: bool) -> Response {
    let items = items.into_iter();
    let mut writing = ListWriter { items, encoder, page: Bytes::new(), ready: Vec::new(), gzip: None, ended: false };
    let page = (writing.items.len() <= PAGE).then(|| encoder.binary_page(head, writing.items.as_slice())).flatten();
    if let Some(page) = page {
        (writing.page, writing.ended) = (page.into(), true);
    } else {
        encoder.list_head(head, writing.items.as_slice(), &mut writing.ready);
        writing.fill(GZIP_FROM);
    }
    if writing.ended && writing.page.len() < GZIP_FROM {
        let body = if writing.page.is_empty() { writing.ready.into() } else { writing.page };
        return status::plain(200, encoder.content_type(false), body);
    }
    if gzip {
        writing.gzip = Some(GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL)));
    }
    let body = unfold(writing, |mut writing| async move {
        match writing.piece() {
            Ok(None) => None,
            Ok(Some(piece)) => Some((Ok(piece), writing)),
            Err(error) => Some((Err(error), writing)),
        }
    });
    let mut response = status::with_body(200, encoder.content_type(false), body);
    if gzip {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    response
}
