//! Continue tokens: opaque to clients; they hold the resourceVersion, the last key and the number of remaining objects.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde::{Deserialize, Serialize};

/// Position of a paged list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Token {
    /// Format version, as in apiserver `pkg/storage/continue.go`.
    v: String,
    /// The state that all pages show; −1 for the newest (an inconsistent list).
    pub(super) rv: i64,
    /// Key of the last object of the page before.
    pub(super) start: String,
    /// Objects after this page, so that no page has to count them.
    pub(super) left: Option<u64>,
}

impl Token {
    pub(super) fn new(rv: i64, start: &str, left: Option<u64>) -> Self {
        Self { v: "meta.k8s.io/v1".to_owned(), rv, start: start.to_owned(), left }
    }

    pub(super) fn encode(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).expect("a token is plain JSON"))
    }

    /// Parses a token; `None` if it is not one of this server's.
    pub(super) fn decode(text: &str) -> Option<Self> {
        let json = BASE64_URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?;
        serde_json::from_slice(&json).ok().filter(|token: &Self| token.v == "meta.k8s.io/v1")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_the_way_to_the_client_and_back() {
        for start in ["a", "ab", "abc", "kube-system/x"] {
            let token = Token::new(-1, start, Some(7));
            let text = token.encode();
            assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'), "{text}");
            assert_eq!(Token::decode(&text), Some(token));
        }
    }

    #[test]
    fn the_text_is_base64_as_others_write_it() {
        // `printf '{"v":"meta.k8s.io/v1"' | base64` begins so.
        assert!(Token::new(1, "x", None).encode().starts_with("eyJ2IjoibWV0YS5rOHMuaW8vdjEi"));
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for text in ["", "???", "bm8", "eyJ2IjoieCJ9"] {
            assert_eq!(Token::decode(text), None, "{text}");
        }
    }
}
