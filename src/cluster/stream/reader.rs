//! Reader of the body of a watch. It decides what each event is, and how the body ended; its callers decide what follows.

use std::error::Error as StdError;
use std::time::Duration;

use http_body_util::BodyExt;

use super::frames::EventFramer;
use crate::cluster::bom::ByteOrderMark;
use crate::cluster::classify::{self, RequestError};
use crate::cluster::connect::ResponseBody;
use crate::cluster::reflector::WatchEnd;
use crate::facts::wire::{
    DecodeError, WatchFrame, WatchType, bookmark_version, decode_failure, decode_frame, decode_status,
    ends_initial_events,
};
use crate::msg::Layer;

/// Bytes before the first event that are kept, to recognise an answer of another kind.
const OPENING: usize = 64 << 10;

/// Reads the body of a watch. [`WatchReader::fill`] waits for the next chunk, and [`WatchReader::next`] returns its items.
pub(crate) struct WatchReader {
    body: ResponseBody,
    framer: EventFramer,
    mark: ByteOrderMark,
    /// Bytes so far; `None` once there was an event among them.
    opening: Option<Vec<u8>>,
    /// Error of the first value, if it is no event.
    refused: Option<DecodeError>,
    /// Events above the cap that were not returned yet.
    skipped: u32,
    /// The end, until it is returned.
    end: Option<WatchEnd>,
    retry_after_cap: Duration,
}

/// Item of a watch.
#[derive(Debug)]
pub(crate) enum WatchItem<'a> {
    /// An object was added, changed or deleted; it is not decoded yet.
    Object { kind: WatchType, object: &'a [u8] },
    /// A bookmark. It has a version, or it ends the initial events of a streamed list.
    Bookmark { version: Option<String>, synced: bool },
    /// An event of an unknown type (F51), or a bookmark that says nothing.
    Unknown,
    /// Bytes that are no event.
    Unreadable,
    /// Events that were above the cap and have been skipped.
    TooLarge(u32),
    /// The end: nothing follows.
    End(WatchEnd),
}

impl WatchReader {
    /// Events above `cap` bytes are skipped.
    pub(crate) fn new(body: ResponseBody, protobuf: bool, cap: usize, retry_after_cap: Duration) -> Self {
        Self {
            body,
            framer: EventFramer::new(protobuf, cap),
            mark: ByteOrderMark::default(),
            opening: Some(Vec::new()),
            refused: None,
            skipped: 0,
            end: None,
            retry_after_cap,
        }
    }

    /// Waits for the next chunk or the end of the body; returns the number of bytes. Cancel safe.
    pub(crate) async fn fill(&mut self) -> usize {
        match self.body.frame().await {
            Some(Ok(frame)) => {
                let chunk = frame.data_ref().map_or(&[][..], |data| data);
                self.feed(chunk);
                return chunk.len();
            }
            Some(Err(error)) => self.end = Some(self.ended(Some(&*error))),
            None => self.end = Some(self.ended(None)),
        }
        0
    }

    fn feed(&mut self, chunk: &[u8]) {
        let pieces = self.mark.strip(chunk);
        if let Some(opening) = &mut self.opening {
            let bytes = pieces.into_iter().flatten().take(OPENING - opening.len());
            opening.extend(bytes);
        }
        pieces.into_iter().filter(|piece| !piece.is_empty()).for_each(|piece| self.framer.feed(piece));
    }

    /// The next item of the chunks so far; `None` if another chunk must come first.
    pub(crate) fn next(&mut self) -> Option<WatchItem<'_>> {
        if let Some(end) = self.end.take() {
            return Some(WatchItem::End(end));
        }
        let Some((_, event)) = self.framer.next(&mut self.skipped) else {
            let skipped = std::mem::take(&mut self.skipped);
            return (skipped > 0).then_some(WatchItem::TooLarge(skipped));
        };
        Some(match event {
            Ok(event) => {
                self.opening = None;
                item(event, self.retry_after_cap)
            }
            Err(error) => {
                if let Some(opening) = &self.opening {
                    self.refused.get_or_insert(error);
                    self.end = instead(opening, self.retry_after_cap);
                }
                WatchItem::Unreadable
            }
        })
    }

    /// End of the watch whose body has ended; `cut` is the error that ended it. Between two events, also a close without
    /// a final chunk is a normal end (F18).
    fn ended(&self, cut: Option<&(dyn StdError + 'static)>) -> WatchEnd {
        if let Some(end) = self.opening.as_ref().and_then(|opening| instead(opening, self.retry_after_cap)) {
            return end;
        }
        let torn = self.framer.is_torn();
        if let Some(error) = cut.filter(|error| torn || !classify::is_early_end(*error)) {
            return WatchEnd::Broken(classify::broken_watch(error));
        }
        match self.no_event() {
            Some(error) => WatchEnd::Broken(RequestError::new(Layer::Decode, &error.text)),
            None if torn => {
                WatchEnd::Broken(RequestError::new(Layer::Body, "the watch was cut in the middle of an event"))
            }
            None => WatchEnd::Clean,
        }
    }

    /// The error of a body in which nothing is an event, nor the beginning of one.
    fn no_event(&self) -> Option<DecodeError> {
        let opening = self.opening.as_ref()?;
        let is_text = opening.trim_ascii_start().first().is_some_and(|first| *first > b' ' && *first != b'{');
        self.refused.clone().or_else(|| is_text.then(|| decode_frame(opening).err())?)
    }
}

fn item(event: WatchFrame<'_>, retry_after_cap: Duration) -> WatchItem<'_> {
    let WatchFrame { kind, object } = event;
    match kind {
        WatchType::Added | WatchType::Modified | WatchType::Deleted => WatchItem::Object { kind, object },
        WatchType::Bookmark => match (bookmark_version(object), ends_initial_events(object)) {
            (None, false) => WatchItem::Unknown,
            (version, synced) => WatchItem::Bookmark { version, synced },
        },
        WatchType::Unknown => WatchItem::Unknown,
        WatchType::Error => {
            let status = decode_status(object).unwrap_or_default();
            WatchItem::End(WatchEnd::Error(classify::event(status, retry_after_cap)))
        }
    }
}

/// End of a watch whose body begins like a web page, or is a `Status` without an event around it. The `Status` counts as
/// if it had been the answer.
fn instead(opening: &[u8], retry_after_cap: Duration) -> Option<WatchEnd> {
    if opening.trim_ascii_start().starts_with(b"<") {
        return Some(WatchEnd::Broken(classify::not_kubernetes()));
    }
    decode_failure(opening).map(|status| WatchEnd::Refused(classify::event(status, retry_after_cap)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::tests::script::{Script, Step, data};

    const EVENT: &str = r#"{"type":"ADDED","object":{"metadata":{"resourceVersion":"1"}}}"#;

    /// The items of a body, as words.
    async fn items(steps: Vec<Step>) -> Vec<String> {
        let mut reader = WatchReader::new(Script::new(steps).boxed_unsync(), false, 100, Duration::ZERO);
        let mut words = Vec::new();
        loop {
            reader.fill().await;
            while let Some(item) = reader.next() {
                words.push(match item {
                    WatchItem::Object { kind, .. } => format!("{kind:?}"),
                    WatchItem::Bookmark { version, synced } => format!("{version:?} {synced}"),
                    WatchItem::Unknown => "unknown".to_owned(),
                    WatchItem::Unreadable => "unreadable".to_owned(),
                    WatchItem::TooLarge(count) => format!("{count} too large"),
                    WatchItem::End(WatchEnd::Clean) => "clean".to_owned(),
                    WatchItem::End(WatchEnd::Refused(error)) => format!("refused: {}", error.text),
                    WatchItem::End(WatchEnd::Broken(error)) => format!("broken: {}", error.text),
                    WatchItem::End(WatchEnd::Error(error)) => format!("error: {}", error.text),
                });
                if words.last().is_some_and(|word| word == "clean" || word.contains(": ")) {
                    return words;
                }
            }
        }
    }

    #[tokio::test]
    async fn each_event_and_each_end_is_named_for_what_it_is() {
        let bookmark = r#"{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"7"}}}"#;
        let empty = r#"{"type":"BOOKMARK","object":{"metadata":{}}}"#;
        let future = r#"{"type":"RENAMED","object":{"metadata":{"resourceVersion":"8"}}}"#;
        let error = r#"{"type":"ERROR","object":{"kind":"Status","code":410,"message":"too old"}}"#;
        let status = r#"{"kind":"Status","status":"Failure","code":403,"message":"no"}"#;
        let web_page = "broken: not a Kubernetes API: the answer is a web page (HTML)";
        let torn = "broken: the watch was cut in the middle of an event";
        let long = format!("{EVENT}\n{{\"a\":\"{}\"}}\n{EVENT}\n", "x".repeat(100));
        let table: [(&str, &[&str]); 12] = [
            ("", &["clean"]),
            (&format!("{EVENT}\n{bookmark}\n"), &["Added", "Some(\"7\") false", "clean"]),
            (&format!("{empty}\n{future}\n"), &["unknown", "unknown", "clean"]),
            (&format!("{EVENT}\nnonsense\n{EVENT}\n"), &["Added", "unreadable", "Added", "clean"]),
            (&format!("{EVENT}\n{error}\n{EVENT}\n"), &["Added", "error: too old"]),
            (&format!("{status}\n"), &["unreadable", "refused: no"]),
            (status, &["unreadable", "refused: no"]),
            ("<html>\n</html>\n", &["unreadable", web_page]),
            ("<html>", &[web_page]),
            (&format!("{EVENT}\n<html>"), &["Added", torn]),
            (&EVENT[..20], &[torn]),
            (&long, &["Added", "Added", "1 too large", "clean"]),
        ];
        for (body, expected) in table {
            assert_eq!(items(vec![data(body)]).await, expected, "{body}");
        }
        for (body, end) in [("nonsense\n", 1), ("nonsense", 0), ("[]", 0)] {
            let nonsense = items(vec![data(body)]).await;
            assert!(nonsense[end].starts_with("broken: expected a watch event"), "{nonsense:?}");
        }
        let reset = items(vec![data(EVENT), Step::Break]).await;
        assert_eq!(reset, ["Added", "broken: the watch was cut: connection reset by the other side"]);
    }
}
