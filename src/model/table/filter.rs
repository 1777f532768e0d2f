//! The filter: terms apart by spaces, all of which must hold.
//!
//! `word`, `!word`, `column:text`, `gpu<8`, `free>=4`, `pods>90%`, `mem>64Gi`, `age<2h`. A term that cannot be understood
//! is left out and named in a note, so that a filter being typed never empties the table.

use std::time::Duration;

use super::columns::{Compared, FilterMatch, Matched, term};
use super::line::EditLine;
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::model::derive::joined_node::JoinedNode;
use crate::msg::LineEdit;

/// Filter of nodes: its text, and the terms that it is read as.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    line: EditLine,
    terms: Vec<Term>,
    note: Option<Clean>,
}

#[derive(Clone, Debug, PartialEq)]
struct Term {
    negated: bool,
    test: NodeTest,
}

#[derive(Clone, Debug, PartialEq)]
enum NodeTest {
    /// Lower case, looked for in everything that a row says.
    Word(String),
    /// Lower case, looked for in one field.
    Text(Matched, String),
    /// A label and, if given, its value.
    Label(String, Option<String>),
    Number(Compared, Op, NumberBound),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Less,
    AtMost,
    More,
    AtLeast,
    Equal,
}

/// What a number is compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
enum NumberBound {
    /// Of what is allocatable.
    Percent(Quantity),
    Amount(Quantity),
    Age(Duration),
}

impl Filter {
    pub(crate) fn text(&self) -> &str {
        self.line.text()
    }

    pub(crate) fn note(&self) -> Option<&Clean> {
        self.note.as_ref()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// The number of pods or what they request decides about rows.
    pub(crate) fn needs_pods(&self) -> bool {
        let needs = |c| !matches!(c, Compared::CpuUsed | Compared::MemoryUsed | Compared::Age);
        self.terms.iter().any(|term| matches!(term.test, NodeTest::Number(compared, ..) if needs(compared)))
    }

    /// What nodes use decides about rows.
    pub(crate) fn needs_usage(&self) -> bool {
        let used = |c| matches!(c, Compared::CpuUsed | Compared::MemoryUsed);
        self.terms.iter().any(|term| matches!(term.test, NodeTest::Number(compared, ..) if used(compared)))
    }

    /// Time alone decides about rows.
    pub(crate) fn needs_time(&self) -> bool {
        self.terms.iter().any(|term| matches!(term.test, NodeTest::Number(Compared::Age, ..)))
    }

    pub(crate) fn clear(&mut self) {
        self.line.clear();
        self.parse();
    }

    pub(crate) fn edit(&mut self, edit: &LineEdit) {
        self.line.edit(edit);
        self.parse();
    }

    /// Whether a row is shown. What is not known fulfils no comparison, nor its opposite.
    pub(crate) fn shows(&self, lens: &JoinedNode<'_>) -> bool {
        self.terms.iter().all(|term| term.test.holds(lens).is_some_and(|holds| holds != term.negated))
    }

    fn parse(&mut self) {
        self.terms.clear();
        self.note = None;
        for word in self.line.text().split_whitespace() {
            match parse_term(word) {
                Ok(term) => self.terms.push(term),
                Err(why) => self.note = Some(Clean::new(&format!("`{word}` is left out: {why}"))),
            }
        }
    }
}

fn parse_term(word: &str) -> Result<Term, &'static str> {
    let (negated, word) = word.strip_prefix('!').map_or((false, word), |rest| (true, rest));
    if word.is_empty() {
        return Err("nothing to look for");
    }
    let test = match word.find([':', '<', '>', '=']) {
        Some(at) if word[at..].starts_with(':') => parse_text(&word[..at], &word[at + 1..])?,
        Some(at) if at > 0 => parse_number(&word[..at], &word[at..])?,
        _ => NodeTest::Word(word.to_lowercase()),
    };
    Ok(Term { negated, test })
}

fn parse_text(column: &str, text: &str) -> Result<NodeTest, &'static str> {
    let Some(how) = term(&column.to_lowercase()) else { return Err("no such column") };
    if text.is_empty() {
        return Err("nothing to look for");
    }
    match how {
        FilterMatch::Text(Matched::Label) => Ok(match text.split_once('=') {
            Some((key, value)) => NodeTest::Label(key.to_owned(), Some(value.to_owned())),
            None => NodeTest::Label(text.to_owned(), None),
        }),
        FilterMatch::Text(matched) => Ok(NodeTest::Text(matched, text.to_lowercase())),
        FilterMatch::Number(_) => Err("this column is a number, compare it with < or >"),
        FilterMatch::No => Err("this column cannot be searched"),
    }
}

fn parse_number(column: &str, rest: &str) -> Result<NodeTest, &'static str> {
    let compared = match term(&column.to_lowercase()) {
        Some(FilterMatch::Number(compared)) => compared,
        Some(_) => return Err("this column is text, search it with :"),
        None => return Err("no such column"),
    };
    let ops = [("<=", Op::AtMost), (">=", Op::AtLeast), ("<", Op::Less), (">", Op::More), ("=", Op::Equal)];
    let parsed = ops.into_iter().find_map(|(sign, op)| Some((op, rest.strip_prefix(sign)?)));
    let Some((op, number)) = parsed.filter(|(_, number)| !number.is_empty()) else {
        return Err("compared with nothing");
    };
    let limit = match (compared, number.strip_suffix('%')) {
        (Compared::Age, _) => NumberBound::Age(parse_span(number).ok_or("not a time like 90s, 5m, 2h or 3d")?),
        (Compared::Gpu | Compared::Free, Some(_)) => return Err("a number of devices, not a share"),
        (_, Some(percent)) => NumberBound::Percent(Quantity::parse(percent).map_err(|_| "not a number")?),
        (_, None) => NumberBound::Amount(Quantity::parse(number).map_err(|_| "not a number")?),
    };
    Ok(NodeTest::Number(compared, op, limit))
}

/// `90s`, `5m`, `2h`, `3d`, `1w`, `1h30m`.
fn parse_span(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let unit = match rest.as_bytes()[digits] {
            b's' => 1,
            b'm' => 60,
            b'h' => 3_600,
            b'd' => 86_400,
            b'w' => 7 * 86_400,
            b'y' => 365 * 86_400,
            _ => return None,
        };
        total = total.checked_add(Duration::from_secs(number.checked_mul(unit)?))?;
        rest = &rest[digits + 1..];
    }
    (!text.is_empty()).then_some(total)
}

impl NodeTest {
    /// `None` if that is not known.
    fn holds(&self, lens: &JoinedNode<'_>) -> Option<bool> {
        Some(match self {
            Self::Word(word) => [Matched::Name, Matched::Status, Matched::Role, Matched::Model, Matched::Version]
                .into_iter()
                .any(|matched| field_holds(matched, word, lens)),
            Self::Text(matched, text) => field_holds(*matched, text, lens),
            Self::Label(key, value) => match (lens.node.facts.label(key), value) {
                (Some(found), Some(value)) => **found == **value,
                (found, None) => found.is_some(),
                (None, Some(_)) => false,
            },
            Self::Number(compared, op, limit) => return number_holds(*compared, *op, *limit, lens),
        })
    }
}

fn field_holds(matched: Matched, text: &str, lens: &JoinedNode<'_>) -> bool {
    let facts = &lens.node.facts;
    match matched {
        Matched::Name => contains(&facts.name, text),
        Matched::Status => lens.status_words().any(|word| starts_with(word, text)),
        Matched::Role => contains(&lens.node.roles, text),
        Matched::Model => lens.model().is_some_and(|model| contains(model, text)),
        Matched::Version => contains(&facts.system.kubelet, text),
        Matched::Taint => facts.taints.iter().any(|taint| {
            let spelled = if taint.value.is_empty() {
                format!("{}:{}", taint.key, taint.effect)
            } else {
                format!("{}={}:{}", taint.key, taint.value, taint.effect)
            };
            contains(&spelled, text)
        }),
        Matched::Label => false,
        Matched::Pressure => lens.node.pressures().any(|kind| contains(kind, text)),
        Matched::Address => contains(&facts.internal_ip(), text),
        Matched::Os => contains(&facts.system.os_image, text),
        Matched::Kernel => contains(&facts.system.kernel, text),
        Matched::Runtime => contains(&facts.system.runtime, text),
    }
}

fn number_holds(compared: Compared, op: Op, limit: NumberBound, lens: &JoinedNode<'_>) -> Option<bool> {
    let (value, of) = match compared {
        Compared::Gpu => (Quantity::whole(lens.gpu()?.allocatable), None),
        Compared::Free => (Quantity::whole(lens.gpus_free()?.exact()?), None),
        Compared::Pods => {
            let of = lens.node.pods_allocatable.map(|pods| Quantity::whole(i64::from(pods)));
            (Quantity::whole(i64::from(lens.pods().exact()?)), of)
        }
        Compared::Cpu => {
            let (requested, allocatable) = lens.cpu_milli();
            (milli(requested.exact()?), allocatable.map(milli))
        }
        Compared::Memory => {
            let (requested, allocatable) = lens.memory_bytes();
            (Quantity::whole(requested.exact()?), allocatable.map(Quantity::whole))
        }
        Compared::CpuUsed => (milli(lens.used()?.cpu_milli?), lens.cpu_milli().1.map(milli)),
        Compared::MemoryUsed => {
            (Quantity::whole(lens.used()?.memory_bytes?), lens.memory_bytes().1.map(Quantity::whole))
        }
        Compared::Age => {
            let NumberBound::Age(limit) = limit else { return None };
            return Some(op.holds(&lens.age()?, &limit));
        }
    };
    match limit {
        NumberBound::Amount(amount) => Some(op.holds(&value, &amount)),
        // value / of > percent / 100, without the division; percent is in billionths too.
        NumberBound::Percent(percent) => {
            let left = value.nano().checked_mul(100 * 1_000_000_000)?;
            let right = percent.nano().checked_mul(of?.nano())?;
            Some(op.holds(&left, &right))
        }
        NumberBound::Age(_) => None,
    }
}

fn milli(milli: i64) -> Quantity {
    Quantity::from_nano(i128::from(milli) * 1_000_000)
}

impl Op {
    fn holds<T: PartialOrd>(self, value: &T, limit: &T) -> bool {
        match self {
            Self::Less => value < limit,
            Self::AtMost => value <= limit,
            Self::More => value > limit,
            Self::AtLeast => value >= limit,
            Self::Equal => value == limit,
        }
    }
}

/// `text` is lower case; the case of `whole` does not matter. Allocates only where either is not ASCII.
pub(super) fn contains(whole: &str, text: &str) -> bool {
    if whole.is_ascii() && text.is_ascii() {
        return whole.as_bytes().windows(text.len().max(1)).any(|part| part.eq_ignore_ascii_case(text.as_bytes()));
    }
    whole.to_lowercase().contains(text)
}

fn starts_with(whole: &str, text: &str) -> bool {
    whole.as_bytes().get(..text.len()).is_some_and(|start| start.eq_ignore_ascii_case(text.as_bytes()))
}

#[cfg(test)]
mod tests;
