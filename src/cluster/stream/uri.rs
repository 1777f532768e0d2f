//! Paths and queries of lists and watches.

use std::fmt::Write as _;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::cluster::list_source::ListSource;
use crate::cluster::reflector::{PageRequest, WatchRequest};
use crate::msg::Resource;

/// Selector of unfinished pods: finished ones use no resources, and clusters keep thousands of them.
const UNFINISHED: &str = "status.phase!=Succeeded,status.phase!=Failed";

/// Path and query of a page.
pub(super) fn list_uri(source: &ListSource, page: &PageRequest, skip_finished: bool) -> String {
    let (limit, secs) = (page.limit, page.limits.server_secs);
    let mut uri = format!("{}?limit={limit}&timeout={secs}s", source.path);
    push_selector(&mut uri, source.resource, skip_finished);
    if let Some(token) = &page.token {
        // Writing to a String cannot fail.
        let _ = write!(uri, "&continue={}", utf8_percent_encode(token, NON_ALPHANUMERIC));
    }
    uri
}

/// Path and query of a watch.
pub(super) fn watch_uri(source: &ListSource, watch: &WatchRequest, skip_finished: bool) -> String {
    let from = if watch.initial {
        // Without a version: consistent, as our pages are.
        "sendInitialEvents=true&resourceVersionMatch=NotOlderThan".to_owned()
    } else {
        format!("resourceVersion={}", utf8_percent_encode(&watch.version, NON_ALPHANUMERIC))
    };
    let mut uri = format!("{}?watch=1&allowWatchBookmarks=true&{from}&timeoutSeconds={}", source.path, watch.seconds);
    push_selector(&mut uri, source.resource, skip_finished);
    uri
}

fn push_selector(uri: &mut String, resource: Resource, skip_finished: bool) {
    if skip_finished && resource == Resource::Pods {
        uri.push_str("&fieldSelector=");
        uri.extend(utf8_percent_encode(UNFINISHED, NON_ALPHANUMERIC));
    }
}
