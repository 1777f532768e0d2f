//! The filter of a list: terms separated by spaces, all of which must match.
//!
//! `word`, `!word`, `column:text`, `gpu<8`, `free>=4`, `pods>90%`, `mem>64Gi`, `age<2h`. An invalid term
//! is ignored and named in a note, so that an unfinished filter does not empty the list.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::column::{Column, FilterMatch, Listing, Reads, Share};
use super::line::EditLine;
use super::matching::{BadTerm, TextTest};
use crate::facts::quantity::Quantity;
use crate::facts::text::Clean;
use crate::msg::LineEdit;

/// Filter of a list: its text and the parsed terms.
#[derive(Clone)]
pub(crate) struct Filter<L: Listing> {
    line: EditLine,
    terms: Arc<[Term<L>]>,
    note: Option<Clean>,
}

struct Term<L: Listing> {
    negated: bool,
    /// Source of the values of its column; of a word [`Reads::Row`].
    reads: Reads,
    test: RowTest<L>,
}

enum RowTest<L: Listing> {
    /// Lower-case text, searched in every column with `in_words`.
    Word(String),
    /// Lower-case text, searched in one column.
    Text(fn(&L::Row<'_>, &str) -> bool, String),
    /// Lower-case text, compared with the values of one column.
    Value {
        holds: fn(&L::Row<'_>, TextTest<'_>) -> bool,
        text: String,
        whole: bool,
    },
    /// A label and, if given, its value.
    Label(fn(&L::Row<'_>, &str, Option<&str>) -> bool, String, Option<String>),
    Number(Comparison<L>),
}

/// Comparison of a number of a row with a bound.
struct Comparison<L: Listing> {
    number: &'static FilterMatch<L>,
    op: Op,
    bound: NumberBound,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Op {
    Less,
    AtMost,
    More,
    AtLeast,
    Equal,
}

/// Limit that a number is compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
enum NumberBound {
    /// Per cent of the allocatable amount.
    Percent(Quantity),
    Amount(Quantity),
    Age(Duration),
}

impl<L: Listing> Default for Filter<L> {
    fn default() -> Self {
        Self { line: EditLine::default(), terms: Arc::default(), note: None }
    }
}

impl<L: Listing> fmt::Debug for Filter<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Filter").field(&self.text()).finish()
    }
}

impl<L: Listing> Filter<L> {
    pub(crate) fn text(&self) -> &str {
        self.line.text()
    }

    pub(crate) fn note(&self) -> Option<&Clean> {
        self.note.as_ref()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Returns `true` if the result depends on the pods of nodes.
    pub(crate) fn needs_pods(&self) -> bool {
        self.depends_on(Reads::Pods)
    }

    /// Returns `true` if the result depends on the usage of nodes.
    pub(crate) fn needs_usage(&self) -> bool {
        self.depends_on(Reads::Usage)
    }

    /// Returns `true` if the result changes with time alone.
    pub(crate) fn needs_time(&self) -> bool {
        self.depends_on(Reads::Time)
    }

    /// Returns `true` if the result depends on values from this source.
    pub(crate) fn depends_on(&self, reads: Reads) -> bool {
        let in_words = || L::COLUMNS.iter().any(|column| column.in_words && column.reads == reads);
        self.terms.iter().any(|term| term.reads == reads || (matches!(term.test, RowTest::Word(_)) && in_words()))
    }

    pub(crate) fn clear(&mut self) {
        self.line.clear();
        self.parse();
    }

    pub(crate) fn edit(&mut self, edit: &LineEdit) {
        self.line.edit(edit);
        self.parse();
    }

    /// Returns `true` if a row is shown. A value that is not known fulfils neither a comparison nor its negation.
    pub(crate) fn shows(&self, row: &L::Row<'_>) -> bool {
        self.terms.iter().all(|term| term.test.holds(row).is_some_and(|holds| holds != term.negated))
    }

    fn parse(&mut self) {
        let mut terms = Vec::new();
        self.note = None;
        for word in self.line.text().split_whitespace() {
            match parse_term(word) {
                Ok(term) => terms.push(term),
                Err(bad) => self.note = Some(bad.note(word, &Column::<L>::terms())),
            }
        }
        self.terms = terms.into();
    }
}

fn parse_term<L: Listing>(word: &str) -> Result<Term<L>, BadTerm> {
    let (negated, word) = word.strip_prefix('!').map_or((false, word), |rest| (true, rest));
    if word.is_empty() {
        return Err("nothing to look for".into());
    }
    let at = word.find([':', '<', '>', '=']);
    let column = at.and_then(|at| Column::<L>::term(&word[..at].to_lowercase()));
    let test = match at {
        Some(at) if word[at..].starts_with(':') => parse_text(&word[..at], &word[at + 1..])?,
        Some(at) if at > 0 => match (column, &word[at..=at]) {
            (Some((FilterMatch::Value(holds), _)), "=") => parse_whole(*holds, &word[at + 1..])?,
            _ => parse_number(&word[..at], &word[at..])?,
        },
        _ => RowTest::Word(word.to_lowercase()),
    };
    Ok(Term { negated, reads: column.map_or(Reads::Row, |(_, reads)| reads), test })
}

fn parse_text<L: Listing>(column: &str, text: &str) -> Result<RowTest<L>, BadTerm> {
    let Some((how, _)) = Column::<L>::term(&column.to_lowercase()) else {
        return Err(BadTerm::NoColumn(column.to_owned()));
    };
    if text.is_empty() {
        return Err("nothing to look for".into());
    }
    match how {
        FilterMatch::Label(has) => Ok(match text.split_once('=') {
            Some((key, value)) => RowTest::Label(*has, key.to_owned(), Some(value.to_owned())),
            None => RowTest::Label(*has, text.to_owned(), None),
        }),
        FilterMatch::Text(has) => Ok(RowTest::Text(*has, text.to_lowercase())),
        FilterMatch::Value(holds) => Ok(RowTest::Value { holds: *holds, text: text.to_lowercase(), whole: false }),
        FilterMatch::No => Err("this column cannot be searched".into()),
        FilterMatch::Count(_) | FilterMatch::Amount(_) | FilterMatch::Age(_) => {
            Err("this column is a number, compare it with < or >".into())
        }
    }
}

/// `column=text`.
fn parse_whole<L: Listing>(holds: fn(&L::Row<'_>, TextTest<'_>) -> bool, text: &str) -> Result<RowTest<L>, BadTerm> {
    if text.is_empty() {
        return Err("nothing to look for".into());
    }
    Ok(RowTest::Value { holds, text: text.to_lowercase(), whole: true })
}

fn parse_number<L: Listing>(column: &str, rest: &str) -> Result<RowTest<L>, BadTerm> {
    let number_of = match Column::<L>::term(&column.to_lowercase()) {
        Some((FilterMatch::Value(_), _)) => return Err("this column is text, search it with : or =".into()),
        Some((FilterMatch::Text(_) | FilterMatch::Label(_) | FilterMatch::No, _)) => {
            return Err("this column is text, search it with :".into());
        }
        Some((number, _)) => number,
        None => return Err(BadTerm::NoColumn(column.to_owned())),
    };
    let ops = [("<=", Op::AtMost), (">=", Op::AtLeast), ("<", Op::Less), (">", Op::More), ("=", Op::Equal)];
    let parsed = ops.into_iter().find_map(|(sign, op)| Some((op, rest.strip_prefix(sign)?)));
    let Some((op, number)) = parsed.filter(|(_, number)| !number.is_empty()) else {
        return Err("compared with nothing".into());
    };
    let bound = match (number_of, number.strip_suffix('%')) {
        (FilterMatch::Age(_), _) => NumberBound::Age(parse_span(number).ok_or("not a time like 90s, 5m, 2h or 3d")?),
        (FilterMatch::Count(_), Some(_)) => return Err("a number, not a share".into()),
        (_, Some(percent)) => NumberBound::Percent(Quantity::parse(percent).map_err(|_| "not a number")?),
        (_, None) => NumberBound::Amount(Quantity::parse(number).map_err(|_| "not a number")?),
    };
    Ok(RowTest::Number(Comparison { number: number_of, op, bound }))
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

impl<L: Listing> RowTest<L> {
    /// `None` if that is not known.
    fn holds(&self, row: &L::Row<'_>) -> Option<bool> {
        Some(match self {
            Self::Word(word) => L::COLUMNS.iter().filter(|column| column.in_words).any(|column| match column.filter {
                FilterMatch::Text(has) => has(row, word),
                FilterMatch::Value(holds) => holds(row, TextTest { text: word, whole: false }),
                _ => false,
            }),
            Self::Text(has, text) => has(row, text),
            Self::Value { holds, text, whole } => holds(row, TextTest { text, whole: *whole }),
            Self::Label(has, key, value) => has(row, key, value.as_deref()),
            Self::Number(comparison) => return comparison.holds(row),
        })
    }
}

impl<L: Listing> Comparison<L> {
    /// `None` if the number is not known.
    fn holds(&self, row: &L::Row<'_>) -> Option<bool> {
        let (value, of): Share = match self.number {
            FilterMatch::Count(number) => (Quantity::whole(number(row)?), None),
            FilterMatch::Amount(amount) => amount(row)?,
            FilterMatch::Age(age) => {
                let NumberBound::Age(limit) = self.bound else { return None };
                return Some(self.op.holds(&age(row)?, &limit));
            }
            FilterMatch::Text(_) | FilterMatch::Value(_) | FilterMatch::Label(_) | FilterMatch::No => return None,
        };
        match self.bound {
            NumberBound::Amount(amount) => Some(self.op.holds(&value, &amount)),
            // value / of > percent / 100, without the division; percent is in billionths too.
            NumberBound::Percent(percent) => {
                let left = value.nano().checked_mul(100 * 1_000_000_000)?;
                let right = percent.nano().checked_mul(of?.nano())?;
                Some(self.op.holds(&left, &right))
            }
            NumberBound::Age(_) => None,
        }
    }
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

#[cfg(test)]
mod tests;
