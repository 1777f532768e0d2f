//! Raw objects of a scenario, as they are declared.

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use serde_json::Value;
use toml::Spanned;

use super::bounds::{self, at_most};
use super::read_duration;
use crate::sim::raw::RawRecord;
use crate::sim::resource::{ApiSwitch, SimResource};
use crate::sim::template::{raw, time};

/// The start of a value that is filled in: `"@-3h"` is three hours before the simulation starts, `"@+1h"` an hour after, and
/// `"@=262144"` a text of that length.
const MOMENT: &str = "\"@";

/// 4 MiB, the maximum number of generated letters in one object: more than etcd accepts for a whole object.
const MOST_LETTERS: usize = 4 << 20;

/// One `[[cluster.raw]]` of a scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::sim) struct RawSpec {
    #[serde(deserialize_with = "resource")]
    resource: SimResource,
    /// Number of objects; `%i` in the text is the index of each, from 0.
    #[serde(default = "one", deserialize_with = "at_most::<_, { bounds::RAW }>")]
    count: u32,
    /// `true` if the text is broken on purpose: it need not be JSON of an object with a name.
    #[serde(default)]
    broken: bool,
    /// The object.
    pub(super) json: Spanned<String>,
}

fn one() -> u32 {
    1
}

/// Reads the plural of a resource that may be raw, with its group where several have one of that name: `jobs.batch.volcano.sh`.
fn resource<'de, D: Deserializer<'de>>(from: D) -> Result<SimResource, D::Error> {
    let plural = String::deserialize(from)?;
    let known = || SimResource::ALL.into_iter().filter(|resource| resource.spec().may_be_raw);
    let is_named = |resource: &SimResource| match plural.split_once('.') {
        Some((plural, group)) => resource.plural() == plural && resource.group() == group,
        None => resource.plural() == plural,
    };
    known().find(is_named).ok_or_else(|| {
        let names: Vec<String> = known().map(|resource| format!("`{}`", resource.plural())).collect();
        D::Error::custom(format!("unknown variant `{plural}`, expected one of {}", names.join(", ")))
    })
}

impl RawSpec {
    /// The switch of the API that serves it.
    pub(super) fn switch(&self) -> ApiSwitch {
        self.resource.spec().switch
    }

    /// The reason why this cannot be served, unless it is broken on purpose.
    pub(super) fn error(&self) -> Option<String> {
        let text = self.text(0, 0);
        match serde_json::from_str::<Value>(&text) {
            _ if self.broken => None,
            Err(error) => Some(format!("this is no JSON: {error}; write `broken = true` if that is meant")),
            Ok(value) if !value["metadata"]["name"].is_string() => {
                Some("this object has no `metadata.name`; write `broken = true` if that is meant".to_owned())
            }
            Ok(_) => None,
        }
    }

    /// Approximate size of all texts.
    pub(super) fn bytes(&self) -> u64 {
        self.text(0, 0).len() as u64 * u64::from(self.count)
    }

    /// The records of a simulation that starts at `now`.
    pub(in crate::sim) fn records(&self, now: i64) -> impl Iterator<Item = RawRecord> {
        let resource = self.resource;
        (0..self.count).map(move |number| RawRecord::new(resource, self.text(number, now), now))
    }

    fn text(&self, number: u32, now: i64) -> String {
        moments(&self.json.get_ref().trim().replace("%i", &number.to_string()), now)
    }
}

/// Replaces `"@-3h"` by its time and `"@=5"` by a text of that length; other text stays.
fn moments(text: &str, now: i64) -> String {
    let mut out = Vec::with_capacity(text.len());
    let (mut rest, mut long) = (text, 0);
    while let Some((before, after)) = rest.split_once(MOMENT) {
        raw(&mut out, before);
        let (moment, behind) = after.split_once('"').unwrap_or((after, ""));
        let (sign, span) = moment.split_at(moment.len().min(1));
        let seconds = read_duration(span).and_then(|span| i64::try_from(span.as_secs()).ok());
        raw(&mut out, "\"");
        let room = MOST_LETTERS.saturating_sub(long);
        let letters = span.parse::<usize>().ok().filter(|letters| sign == "=" && *letters <= room);
        long += letters.unwrap_or(0);
        match (sign, seconds) {
            _ if letters.is_some() => out.extend(std::iter::repeat_n(b'x', letters.unwrap_or(0))),
            ("-", Some(seconds)) => time(&mut out, now - seconds),
            ("+", Some(seconds)) => time(&mut out, now.saturating_add(seconds)),
            _ => raw(&mut out, &format!("@{moment}")),
        }
        raw(&mut out, "\"");
        rest = behind;
    }
    raw(&mut out, rest);
    String::from_utf8(out).expect("pieces of text and ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_differ_from_the_start_and_other_texts_stay() {
        let text = r#"{"a":"@-1h","b":"@+2m","c":"@home","d":"x@-1h"}"#;
        let want = r#"{"a":"1970-01-01T01:46:40Z","b":"1970-01-01T02:48:40Z","c":"@home","d":"x@-1h"}"#;
        assert_eq!(moments(text, 10_000), want);
        assert_eq!(moments("\"@-1h", 10_000), "\"1970-01-01T01:46:40Z\"", "cut short");
    }
}
