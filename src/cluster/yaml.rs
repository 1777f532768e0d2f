//! YAML as a tree that keeps lines and the text of scalars, so that each entry of a kubeconfig is read when it is used.
//!
//! Of a repeated key the last one counts, as in sigs.k8s.io/yaml, which kubectl uses.

use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, options};

/// Most values of a document: enough for 40,000 contexts of about 50 values each, as EKS writes them.
const MOST_VALUES: usize = 2_000_000;

/// A value and the line where it begins.
#[derive(Debug)]
pub(crate) struct YamlNode {
    pub(crate) line: usize,
    /// Number of values in it, including itself; an alias counts as all its values.
    values: usize,
    kind: YamlKind,
}

#[derive(Debug)]
enum YamlKind {
    /// The text as written, and whether it may mean null or a boolean.
    Scalar(Box<str>, bool),
    List(Vec<Arc<YamlNode>>),
    Map(Vec<Pair>),
}

type Pair = (Box<str>, Arc<YamlNode>);

/// The reason why a text is not YAML; never quotes the text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct YamlError {
    /// Counted from 1.
    pub(crate) line: usize,
    /// Counted from 1.
    pub(crate) column: usize,
    pub(crate) why: String,
}

impl YamlNode {
    /// `true` for null or an empty text: in a kubeconfig both mean unset.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.kind {
            YamlKind::Scalar(text, plain) => {
                text.is_empty() || *plain && matches!(&**text, "~" | "null" | "Null" | "NULL")
            }
            _ => false,
        }
    }

    /// The text of a scalar.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            YamlKind::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    /// A boolean as YAML 1.1 spells it, which kubectl reads.
    pub(crate) fn boolean(&self) -> Option<bool> {
        match &self.kind {
            YamlKind::Scalar(text, true) => match text.to_ascii_lowercase().as_str() {
                "true" | "yes" | "on" | "y" => Some(true),
                "false" | "no" | "off" | "n" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    /// The members of a list.
    pub(crate) fn list(&self) -> Option<&[Arc<Self>]> {
        match &self.kind {
            YamlKind::List(members) => Some(members),
            _ => None,
        }
    }

    /// Keys and values of a map.
    pub(crate) fn pairs(&self) -> Option<&[Pair]> {
        match &self.kind {
            YamlKind::Map(pairs) => Some(pairs),
            _ => None,
        }
    }

    /// The value of a key; `None` if the node is no map.
    pub(crate) fn get(&self, key: &str) -> Option<&Arc<Self>> {
        self.pairs()?.iter().rfind(|(name, _)| &**name == key).map(|(_, value)| value)
    }

    /// Converts the value to JSON, for values that are passed on as they are.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match &self.kind {
            YamlKind::Scalar(..) if self.boolean().is_some() => self.boolean().into(),
            YamlKind::Scalar(_, true) if self.is_empty() => serde_json::Value::Null,
            YamlKind::Scalar(text, true) => match text.parse::<serde_json::Number>() {
                Ok(number) => number.into(),
                Err(_) => (**text).into(),
            },
            YamlKind::Scalar(text, false) => (**text).into(),
            YamlKind::List(members) => members.iter().map(|member| member.to_json()).collect(),
            YamlKind::Map(pairs) => pairs.iter().map(|(key, value)| (key.to_string(), value.to_json())).collect(),
        }
    }
}

/// The first document of a text; `None` if there is none. The rest is ignored, as in sigs.k8s.io/yaml.
///
/// # Errors
/// Text that is not YAML, or exceeds the limits.
pub(crate) fn first_document(text: &str) -> Result<Option<Arc<YamlNode>>, YamlError> {
    let limits = options! { emit_comments: false };
    let deepest = limits.block_nesting_limit;
    let mut parser = Parser::new_from_str_with_options(text, limits);
    let mut builder = Builder::default();
    while builder.document.is_none()
        && let Some(event) = parser.next_event()
    {
        let (event, span) = event.map_err(|error| invalid(&error, deepest))?;
        let (line, column) = (span.start.line(), span.start.col() + 1);
        builder.add(event, line).map_err(|why| YamlError { line, column, why })?;
    }
    Ok(builder.document)
}

fn invalid(error: &ScanError, deepest: usize) -> YamlError {
    let why = match error.kind() {
        ErrorKind::RecursionLimitExceeded => {
            format!("what stands there is nested deeper than {deepest} levels, the most that are read")
        }
        _ => "the YAML there is not valid".to_owned(),
    };
    YamlError { line: error.marker().line(), column: error.marker().col() + 1, why }
}

/// Returns the text unless it is empty: empty is unset, in a kubeconfig as in the answer of a credential plugin.
pub(crate) fn non_empty(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// Builds the tree from the parser's events.
#[derive(Default)]
struct Builder {
    document: Option<Arc<YamlNode>>,
    /// Lists and maps that have begun and not ended.
    open: Vec<OpenNode>,
    anchors: HashMap<usize, Arc<YamlNode>>,
    values: usize,
}

struct OpenNode {
    line: usize,
    anchor: usize,
    /// The key whose value comes next; for a map only.
    key: Option<Box<str>>,
    kind: YamlKind,
}

impl Builder {
    fn add(&mut self, event: Event<'_>, line: usize) -> Result<(), String> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && !tag.is_some_and(|tag| tag.is_yaml_core_schema_tag("str"));
                let kind = YamlKind::Scalar(text.into(), plain);
                self.attach(Arc::new(YamlNode { line, values: 1, kind }), anchor)
            }
            Event::SequenceStart(_, anchor, _) => {
                self.open.push(OpenNode { line, anchor, key: None, kind: YamlKind::List(Vec::new()) });
                Ok(())
            }
            Event::MappingStart(_, anchor, _) => {
                self.open.push(OpenNode { line, anchor, key: None, kind: YamlKind::Map(Vec::new()) });
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(OpenNode { line, anchor, kind, .. }) => {
                    let kind = self.merged(kind)?;
                    let values = 1 + match &kind {
                        YamlKind::Scalar(..) => 0,
                        YamlKind::List(members) => members.iter().map(|member| member.values).sum(),
                        YamlKind::Map(pairs) => pairs.iter().map(|(_, value)| value.values).sum::<usize>(),
                    };
                    self.attach(Arc::new(YamlNode { line, values, kind }), anchor)
                }
                None => Ok(()),
            },
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                let node = node.ok_or("an alias there stands for what it is part of")?;
                self.count(node.values)?;
                self.attach(node, 0)
            }
            _ => Ok(()),
        }
    }

    /// Adds a finished value to its parent.
    fn attach(&mut self, node: Arc<YamlNode>, anchor: usize) -> Result<(), String> {
        self.count(1)?;
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.open.last_mut() {
            None => self.document = Some(node),
            Some(OpenNode { kind: YamlKind::List(members), .. }) => members.push(node),
            Some(OpenNode { kind: YamlKind::Map(pairs), key, .. }) => match key.take() {
                Some(key) => pairs.push((key, node)),
                // A key that is no scalar is never looked up.
                None => *key = Some(node.text().unwrap_or_default().into()),
            },
            Some(OpenNode { kind: YamlKind::Scalar(..), .. }) => {}
        }
        Ok(())
    }

    /// A map with the pairs of its merge keys (`<<`), which its own pairs override.
    fn merged(&mut self, kind: YamlKind) -> Result<YamlKind, String> {
        let YamlKind::Map(pairs) = kind else { return Ok(kind) };
        if !pairs.iter().any(|(key, _)| &**key == "<<") {
            return Ok(YamlKind::Map(pairs));
        }
        let (merges, own): (Vec<Pair>, Vec<Pair>) = pairs.into_iter().partition(|(key, _)| &**key == "<<");
        let mut all = Vec::new();
        for (_, source) in merges {
            let several = source.list().unwrap_or(std::slice::from_ref(&source));
            // The first of several sources wins, and the last of a repeated key.
            for pairs in several.iter().rev().filter_map(|source| source.pairs()) {
                self.count(pairs.iter().map(|(_, value)| value.values).sum())?;
                all.extend(pairs.iter().cloned());
            }
        }
        all.extend(own);
        Ok(YamlKind::Map(all))
    }

    fn count(&mut self, more: usize) -> Result<(), String> {
        self.values += more;
        if self.values > MOST_VALUES {
            return Err(format!("the file has more than {MOST_VALUES} values, the most that are read"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> serde_json::Value {
        first_document(text).unwrap().unwrap().to_json()
    }

    // sigs.k8s.io/yaml reads with go-yaml v2, which is not strict: the last one stays.
    #[test]
    fn a_key_that_stands_twice_counts_the_last_time() {
        let node = first_document("a: 1\nb: 2\na: 3\n").unwrap().unwrap();
        assert_eq!((node.get("a").unwrap().text(), node.get("a").unwrap().line), (Some("3"), 3));
    }

    #[test]
    fn anchors_aliases_and_merge_keys_are_what_they_stand_for() {
        let text =
            "base: &b {x: 1, y: 2}\nmore: &m {x: 5, z: 6}\none: {<<: *b, y: 3}\nboth: {<<: [*b, *m]}\nsame: *b\n";
        let all = json(text);
        assert_eq!(all["same"], serde_json::json!({"x": 1, "y": 2}));
        assert_eq!(all["one"], serde_json::json!({"x": 1, "y": 3}));
        assert_eq!(all["both"], serde_json::json!({"x": 1, "y": 2, "z": 6}));
        assert!(first_document("a: &a [*a]").is_err(), "what holds itself has no end");
    }

    #[test]
    fn scalars_keep_their_text_and_their_quotes_decide_what_they_may_mean() {
        let node = first_document("[012, '~', ~, 'true', Yes, !!str null, 1e3]").unwrap().unwrap();
        let members = node.list().unwrap();
        let texts: Vec<_> = members.iter().map(|member| member.text().unwrap()).collect();
        assert_eq!(texts, ["012", "~", "~", "true", "Yes", "null", "1e3"]);
        let empty: Vec<_> = members.iter().map(|member| member.is_empty()).collect();
        assert_eq!(empty, [false, false, true, false, false, false, false]);
        let booleans: Vec<_> = members.iter().map(|member| member.boolean()).collect();
        assert_eq!(booleans, [None, None, None, None, Some(true), None, None]);
    }

    #[test]
    fn an_error_names_line_and_column_and_quotes_nothing() {
        let error = first_document("a: 1\nb: [canary\n").unwrap_err();
        assert!(error.line >= 2 && !error.why.contains("canary"), "{error:?}");
    }

    #[test]
    fn the_limits_of_the_reader_are_named_where_they_are_reached() {
        let deep = first_document(&format!("{}1{}", "[".repeat(300), "]".repeat(300))).unwrap_err();
        assert!(deep.why.contains("255 levels"), "{deep:?}");
        // Each level is ten times the one before: the nodes that aliases stand for are counted, not only the written ones.
        let mut bomb = vec!["m0: &m0 {a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, g: 7, h: 8, i: 9, j: 10}".to_owned()];
        for level in 1..10 {
            let alias = format!("*m{}", level - 1);
            bomb.push(format!("m{level}: &m{level} {{<<: [{}]}}", vec![alias; 10].join(", ")));
        }
        let bomb = first_document(&bomb.join("\n")).unwrap_err();
        assert!(bomb.why.contains("2000000 values"), "{bomb:?}");
    }

    // kubectl 1.34.1 does so: what follows `---` or `...` may even be no YAML, and a first document that is empty is the first.
    #[test]
    fn only_the_first_document_of_a_text_is_read() {
        for text in [
            "a: 1\n---\na: 2\n",
            "---\na: 1\n---\n[unclosed\n",
            "# b\n---\na: 1\n...\n- x\n",
            "a: 1\n---\na:\tb: c: d\n",
        ] {
            assert_eq!(json(text), serde_json::json!({"a": 1}), "{text:?}");
        }
        assert!(first_document("--- # nothing\n---\na: 1\n").unwrap().is_none_or(|node| node.is_empty()));
        assert!(first_document("# nothing\n").unwrap().is_none());
        assert!(first_document("a: [unclosed\n---\na: 1\n").is_err());
    }

    #[test]
    fn two_hundred_lines_of_comments_are_no_limit() {
        let text = format!("{}a: 1\n", "# nothing\n".repeat(200));
        assert_eq!(json(&text)["a"], 1);
    }
}
