//! The fields of one entry. This module alone treats empty as unset, and names values of the wrong kind.

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use super::document::NamedEntry;
use crate::cluster::yaml::YamlNode;

/// An entry that is in use, and its name in messages.
pub(super) struct EntryFields<'a> {
    /// "its user `u`".
    what: String,
    entry: &'a NamedEntry,
    node: Option<&'a YamlNode>,
}

/// Text in PEM, or the file that holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PemSource {
    Inline(Vec<u8>),
    File(PathBuf),
}

impl<'a> EntryFields<'a> {
    /// # Errors
    /// The value below the name is not a map.
    pub(super) fn new(what: &str, entry: &'a NamedEntry) -> Result<Self, String> {
        let what = entry.called(what);
        let node = entry.value.as_deref();
        match node.filter(|node| node.pairs().is_none()) {
            Some(node) => Err(format!("{what} has no fields (line {})", node.line)),
            None => Ok(Self { what, entry, node }),
        }
    }

    /// A map below a key, with the same name in messages.
    ///
    /// # Errors
    /// The value is something else.
    pub(super) fn below(&self, key: &str) -> Result<Option<EntryFields<'a>>, String> {
        let Some(node) = self.get(key) else { return Ok(None) };
        node.pairs().ok_or_else(|| self.odd(key, node, "a map"))?;
        Ok(Some(EntryFields { what: self.what.clone(), entry: self.entry, node: Some(node) }))
    }

    fn get(&self, key: &str) -> Option<&'a YamlNode> {
        self.node?.get(key).map(Arc::as_ref).filter(|node| !node.is_empty())
    }

    /// # Errors
    /// The value is a list or a map.
    pub(super) fn text(&self, key: &str) -> Result<Option<String>, String> {
        let Some(node) = self.get(key) else { return Ok(None) };
        node.text().map(|text| Some(text.to_owned())).ok_or_else(|| self.odd(key, node, "a text"))
    }

    /// # Errors
    /// The value is neither true nor false.
    pub(super) fn flag(&self, key: &str) -> Result<bool, String> {
        let Some(node) = self.get(key) else { return Ok(false) };
        node.boolean().ok_or_else(|| self.odd(key, node, "true or false"))
    }

    /// # Errors
    /// The value is no list.
    pub(super) fn list(&self, key: &str) -> Result<&'a [Arc<YamlNode>], String> {
        let Some(node) = self.get(key) else { return Ok(&[]) };
        node.list().ok_or_else(|| self.odd(key, node, "a list"))
    }

    /// # Errors
    /// The value is no list of texts.
    pub(super) fn texts(&self, key: &str) -> Result<Vec<String>, String> {
        let texts = self.list(key)?.iter();
        texts.map(|node| self.member_text(key, node)).collect()
    }

    /// A text in a list, where null is an empty one as for Go.
    pub(super) fn member_text(&self, key: &str, node: &YamlNode) -> Result<String, String> {
        match node.text() {
            Some(_) if node.is_empty() => Ok(String::new()),
            Some(text) => Ok(text.to_owned()),
            None => Err(self.odd(key, node, "a list of texts")),
        }
    }

    /// # Errors
    /// The value is no map of lists of texts.
    pub(super) fn text_lists(&self, key: &str) -> Result<Vec<(String, Vec<String>)>, String> {
        let Some(below) = self.below(key)? else { return Ok(Vec::new()) };
        let pairs = below.node.and_then(YamlNode::pairs).unwrap_or_default();
        pairs.iter().map(|(name, _)| Ok((name.to_string(), below.texts(name)?))).collect()
    }

    /// A path, from the file's folder if it is relative.
    ///
    /// # Errors
    /// The value is no text.
    pub(super) fn path(&self, key: &str) -> Result<Option<PathBuf>, String> {
        Ok(self.text(key)?.map(|path| self.entry.file.resolve(&path)))
    }

    /// Data in base64, which may stand in several lines, or else the file that holds it.
    ///
    /// # Errors
    /// A value of another kind, or data that are not base64.
    pub(super) fn pem(&self, data: &str, file: &str) -> Result<Option<PemSource>, String> {
        let Some(text) = self.text(data)? else { return Ok(self.path(file)?.map(PemSource::File)) };
        let bytes = from_base64(&text).ok_or_else(|| match self.get(data) {
            Some(node) => self.odd(data, node, "base64"),
            None => String::new(),
        })?;
        Ok(Some(PemSource::Inline(bytes)))
    }

    /// The `extension` of this name, as it is.
    pub(super) fn extension(&self, name: &str) -> Result<Option<serde_json::Value>, String> {
        let named = |node: &&Arc<YamlNode>| node.get("name").and_then(|name| name.text()) == Some(name);
        let extension = self.list("extensions")?.iter().find(named);
        Ok(extension.and_then(|node| node.get("extension")).map(|node| node.to_json()))
    }

    /// Error message about this entry.
    pub(super) fn complain(&self, text: &str) -> String {
        format!("{}: {text}", self.what)
    }

    fn odd(&self, key: &str, node: &YamlNode, wanted: &str) -> String {
        self.complain(&format!("`{key}` in line {} is not {wanted}", node.line))
    }
}

/// Decodes base64 with white space anywhere in it, and any surplus bits in the last letter, as Go does.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let text: Zeroizing<Vec<u8>> =
        text.bytes().filter(|letter| !letter.is_ascii_whitespace()).collect::<Vec<_>>().into();
    let config = GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(&alphabet::STANDARD, config).decode(&*text).ok()
}
