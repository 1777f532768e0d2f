//! The filter of the pods of a node: `word`, `!word`, `namespace:kube`, `status:crash`, `owner:job`, `restarts>3`, `gpu>0`.
//!
//! All terms must hold. A term that cannot be understood is ignored and named in a note, as in the filter of the nodes.

use super::line::EditLine;
use super::matching::{BadTerm, contains};
use crate::facts::pod::PodFacts;
use crate::facts::text::Clean;
use crate::msg::LineEdit;

/// Names of the columns that the filter can look in.
const COLUMNS: [&str; 6] = ["namespace", "pod", "status", "owner", "restarts", "gpu"];

/// A filter of pods and what it means.
#[derive(Debug, Default)]
pub(crate) struct PodFilter {
    line: EditLine,
    terms: Vec<(bool, PodTest)>,
    note: Option<Clean>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum PodTest {
    /// Lower case, looked for in namespace, name, status and owner.
    Word(String),
    Text(PodFilterField, String),
    Number(Count, char, bool, i64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PodFilterField {
    Namespace,
    Name,
    Status,
    Owner,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Count {
    Restarts,
    Gpus,
}

/// A pod with what the filter needs besides its facts.
pub(crate) struct Filtered<'a> {
    pub(crate) facts: &'a PodFacts<'a>,
    pub(crate) gpus: i64,
}

impl PodFilter {
    pub(crate) fn text(&self) -> &str {
        self.line.text()
    }

    pub(crate) fn note(&self) -> Option<&Clean> {
        self.note.as_ref()
    }

    pub(crate) fn clear(&mut self) {
        self.line.clear();
        self.parse();
    }

    pub(crate) fn edit(&mut self, edit: &LineEdit) {
        self.line.edit(edit);
        self.parse();
    }

    pub(crate) fn shows(&self, pod: &Filtered<'_>) -> bool {
        self.terms.iter().all(|(negated, test)| test.holds(pod) != *negated)
    }

    fn parse(&mut self) {
        self.terms.clear();
        self.note = None;
        for word in self.line.text().split_whitespace() {
            let (negated, rest) = word.strip_prefix('!').map_or((false, word), |rest| (true, rest));
            match parse(rest) {
                Ok(test) => self.terms.push((negated, test)),
                Err(bad) => self.note = Some(bad.note(word, &COLUMNS)),
            }
        }
    }
}

fn parse(word: &str) -> Result<PodTest, BadTerm> {
    if word.is_empty() {
        return Err("nothing to look for".into());
    }
    match word.find([':', '<', '>', '=']) {
        Some(at) if at > 0 => {
            let (column, rest) = (word[..at].to_lowercase(), &word[at..]);
            match rest.strip_prefix(':') {
                Some("") => Err("nothing to look for".into()),
                Some(text) => Ok(PodTest::Text(field(&column)?, text.to_lowercase())),
                None => number(&column, rest),
            }
        }
        _ => Ok(PodTest::Word(word.to_lowercase())),
    }
}

fn field(column: &str) -> Result<PodFilterField, BadTerm> {
    match column {
        "namespace" | "ns" => Ok(PodFilterField::Namespace),
        "pod" | "name" => Ok(PodFilterField::Name),
        "status" | "phase" => Ok(PodFilterField::Status),
        "owner" => Ok(PodFilterField::Owner),
        "restarts" | "gpu" => Err("this column is a number, compare it with < or >".into()),
        other => Err(BadTerm::NoColumn(other.to_owned())),
    }
}

fn number(column: &str, rest: &str) -> Result<PodTest, BadTerm> {
    let count = match column {
        "restarts" => Count::Restarts,
        "gpu" | "gpus" => Count::Gpus,
        other => return Err(field(other).map_or_else(|why| why, |_| "this column is text, search it with :".into())),
    };
    let sign = rest.chars().next().unwrap_or('=');
    let rest = &rest[sign.len_utf8()..];
    let (or_equal, digits) = rest.strip_prefix('=').map_or((sign == '=', rest), |digits| (true, digits));
    let limit = digits.parse().map_err(|_| "not a number")?;
    Ok(PodTest::Number(count, sign, or_equal, limit))
}

impl PodTest {
    fn holds(&self, pod: &Filtered<'_>) -> bool {
        let facts = pod.facts;
        match self {
            Self::Word(word) => {
                [PodFilterField::Namespace, PodFilterField::Name, PodFilterField::Status, PodFilterField::Owner]
                    .into_iter()
                    .any(|field| field.holds(facts, word))
            }
            Self::Text(field, text) => field.holds(facts, text),
            Self::Number(count, sign, or_equal, limit) => {
                let value = match count {
                    Count::Restarts => i64::from(facts.restarts),
                    Count::Gpus => pod.gpus,
                };
                let beyond = match sign {
                    '<' => value < *limit,
                    '>' => value > *limit,
                    _ => false,
                };
                beyond || (*or_equal && value == *limit)
            }
        }
    }
}

impl PodFilterField {
    fn holds(self, pod: &PodFacts<'_>, text: &str) -> bool {
        match self {
            Self::Namespace => contains(pod.namespace, text),
            Self::Name => contains(pod.name, text),
            Self::Status => contains(pod.status(), text),
            Self::Owner => contains(pod.owner_kind, text) || contains(pod.owner_name, text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> (Vec<&'static str>, Option<String>) {
        let mut filter = PodFilter::default();
        filter.edit(&LineEdit::Paste(text.to_owned()));
        let pod = |namespace, name, reason, restarts, owner_kind| PodFacts {
            namespace,
            name,
            owner_kind,
            reason,
            restarts,
            ..PodFacts::default()
        };
        let pods = [
            (pod("train", "llm-0", "CrashLoopBackOff", 12, "Job"), 4),
            (pod("train", "llm-1", "", 0, "Job"), 8),
            (pod("kube-system", "proxy-x", "", 3, "DaemonSet"), 0),
        ];
        let shown = pods.iter().filter(|(facts, gpus)| filter.shows(&Filtered { facts, gpus: *gpus }));
        (shown.map(|(facts, _)| facts.name).collect(), filter.note().map(ToString::to_string))
    }

    #[test]
    fn terms_narrow_the_pods() {
        for (text, want) in [
            ("", &["llm-0", "llm-1", "proxy-x"][..]),
            ("LLM", &["llm-0", "llm-1"]),
            ("crash", &["llm-0"]),
            ("!llm", &["proxy-x"]),
            ("ns:kube", &["proxy-x"]),
            ("owner:job !crash", &["llm-1"]),
            ("restarts>3", &["llm-0"]),
            ("restarts>=3", &["llm-0", "proxy-x"]),
            ("restarts=0", &["llm-1"]),
            ("gpu<8", &["llm-0", "proxy-x"]),
            ("gpu>0 gpu<=4", &["llm-0"]),
        ] {
            assert_eq!(shown(text), (want.to_vec(), None), "{text}");
        }
    }

    #[test]
    fn a_term_that_means_nothing_hides_nothing_and_is_named() {
        for text in ["gpu>", "gpu:4", "status>3", "color:red", "ns:", "!", "restarts>many"] {
            let (pods, note) = shown(text);
            assert_eq!(pods.len(), 3, "{text}");
            assert!(note.is_some_and(|note| note.contains(text)), "{text}");
        }
    }
}
