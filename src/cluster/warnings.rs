//! `Warning` headers of a server's answers (RFC 7234, section 5.5; client-go `rest/warnings.go`): each text is shown
//! once.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use http::HeaderMap;
use http::header::WARNING;

use super::TaskContext;
use super::classify::{RequestError, one_line};
use crate::clock::wall;
use crate::facts::text::Clean;
use crate::msg::{ClusterEvent, Layer};

/// Most different texts of one cluster in a run: a server may send new ones endlessly.
const MOST: usize = 20;

/// The warnings that have been sent to the model.
#[derive(Debug, Default)]
pub(super) struct Warnings(Mutex<HashSet<Clean>>);

impl Warnings {
    /// New warnings of an answer.
    fn news(&self, headers: &HeaderMap) -> Vec<Clean> {
        let texts = headers.get_all(WARNING).iter().flat_map(|value| texts(&String::from_utf8_lossy(value.as_bytes())));
        texts.map(|text| one_line(&text)).filter(|text| self.is_new(text)).collect()
    }

    /// `true` if it was not sent yet, and the limit is not reached.
    fn is_new(&self, text: &Clean) -> bool {
        let mut reported = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        !text.is_empty() && reported.len() < MOST && reported.insert(text.clone())
    }
}

/// The texts of `299 - "text", 299 - "another" "date"`: proxies join headers that the server sent apart (client-go
/// `ParseWarningHeaders`). Text of another form is used as it is.
fn texts(value: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let mut rest = value.trim();
    while !rest.is_empty() && texts.len() < MOST {
        let Some((text, after)) = text(rest) else {
            texts.push(rest.to_owned());
            break;
        };
        texts.push(text);
        // After the text there may be a date, in quotes and with a comma of its own.
        let date = after.trim_start().strip_prefix('"').and_then(|date| date.split_once('"'));
        let after = date.map_or(after, |(_, after)| after).trim_start();
        rest = after.strip_prefix(',').unwrap_or(after).trim_start();
    }
    texts
}

/// The text of the first warning, `299 - "text"`, and the rest; `None` if it has another form.
fn text(value: &str) -> Option<(String, &str)> {
    let quoted = value.splitn(3, ' ').nth(2)?.strip_prefix('"')?;
    let mut text = String::new();
    let mut letters = quoted.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => return Some((text, letters.as_str())),
            '\\' => text.extend(letters.next()),
            letter => text.push(letter),
        }
    }
    Some((text, ""))
}

/// Sends the new warnings of an answer to `request`.
pub(super) async fn report_warnings(shared: &TaskContext, headers: &HeaderMap, request: &str) {
    if !headers.contains_key(WARNING) {
        return;
    }
    for text in shared.warnings.news(headers) {
        warn(shared, &text, request).await;
    }
}

/// Sends a note about a setting of the context once.
pub(super) async fn report_note(shared: &TaskContext, note: &Clean) {
    if shared.warnings.is_new(note) {
        warn(shared, note, "read the kubeconfig").await;
    }
}

async fn warn(shared: &TaskContext, text: &str, request: &str) {
    let failure = RequestError::new(Layer::Warning, text).failure(wall(), request, 1);
    shared.send_event(ClusterEvent::Failed(Box::new(failure))).await;
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(values: &[&[u8]]) -> HeaderMap {
        values.iter().map(|value| (WARNING, HeaderValue::from_bytes(value).unwrap())).collect()
    }

    #[test]
    fn f37_each_warning_is_reported_once_as_text_that_a_terminal_can_take() {
        let warnings = Warnings::default();
        let first = headers(&[
            b"299 - \"v1 ComponentStatus is deprecated in v1.19+\"",
            b"299 - \"a \\\"quoted\\\" word\"",
            b"no form at all",
            b"299 - \"\xc2\x9b2Jcanary\xff\"",
            b"",
        ]);
        let reported = warnings.news(&first);
        let texts: Vec<&str> = reported.iter().map(|text| &**text).collect();
        assert_eq!(texts[..3], ["v1 ComponentStatus is deprecated in v1.19+", "a \"quoted\" word", "no form at all"]);
        assert!(reported[3].contains("canary") && reported.len() == 4, "{reported:?}");
        assert!(reported[3].chars().all(|letter| !letter.is_control()), "{reported:?}");
        assert_eq!(warnings.news(&first), Vec::<Clean>::new(), "once");
    }

    #[test]
    fn f37_warnings_that_a_proxy_has_joined_are_reported_one_by_one() {
        // The forms of RFC 7234, section 5.5: a list with commas between, a quoted text, and a quoted date that may follow it.
        let joined = headers(&[
            b"299 - \"first, with a comma\", 299 - \"second \\\"299 - \\\"\" , 299 agent \"third\" \"Wed, 21 Oct 2015 07:28:00 GMT\",\
              299 - \"fourth\"",
            b"299 - \"fifth\", nonsense",
        ]);
        let reported = Warnings::default().news(&joined);
        let texts: Vec<&str> = reported.iter().map(|text| &**text).collect();
        assert_eq!(texts, ["first, with a comma", "second \"299 - \"", "third", "fourth", "fifth", "nonsense"]);
    }

    #[test]
    fn f37_a_server_that_makes_up_warnings_is_not_listened_to_for_ever() {
        let warnings = Warnings::default();
        let texts: Vec<String> = (0..100).map(|n| format!("299 - \"number {n}\"")).collect();
        let reported: usize = texts.iter().map(|text| warnings.news(&headers(&[text.as_bytes()])).len()).sum();
        assert_eq!(reported, MOST);
    }
}
