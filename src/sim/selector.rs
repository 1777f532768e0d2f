//! Label and field selectors, by the grammar of apimachinery `pkg/labels` and `pkg/fields`.

use super::object::SimObject;
use super::resource::SimResource;

/// One requirement on a label.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Need {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Missing,
}

/// One requirement on a field.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FieldNeed {
    name: String,
    value: String,
    equal: bool,
}

/// Label and field selectors of a list or a watch; an empty one matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ObjectSelector {
    labels: Vec<(String, Need)>,
    fields: Vec<FieldNeed>,
}

impl ObjectSelector {
    /// Reads both selectors of a request.
    ///
    /// # Errors
    /// The message of the 400.
    pub(super) fn parse(resource: SimResource, version: &str, labels: &str, fields: &str) -> Result<Self, String> {
        let labels = split(labels).into_iter().map(|part| label_need(&part)).collect::<Result<_, _>>()?;
        let mut fields: Vec<FieldNeed> =
            split(fields).into_iter().map(|part| field_need(&part)).collect::<Result<_, _>>()?;
        if version == "events.k8s.io/v1" {
            for need in &mut fields {
                need.name = core_name(&need.name).ok_or_else(|| format!("field label not supported: {}", need.name))?;
            }
        }
        if let Some(unknown) = fields.iter().find(|need| !supported(resource, &need.name)) {
            return Err(format!("field label not supported: {}", unknown.name));
        }
        Ok(Self { labels, fields })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    pub(super) fn matches(&self, object: &SimObject) -> bool {
        self.fields.iter().all(|need| (object.field(&need.name).as_deref() == Some(&*need.value)) == need.equal)
            && self.labels.iter().all(|(key, need)| {
                let value = object.label(key);
                match need {
                    Need::In(values) => value.is_some_and(|v| values.iter().any(|x| x == v)),
                    Need::NotIn(values) => value.is_none_or(|v| values.iter().all(|x| x != v)),
                    Need::Exists => value.is_some(),
                    Need::Missing => value.is_none(),
                }
            })
    }
}

/// Splits at commas that are neither in parentheses nor escaped.
fn split(text: &str) -> Vec<String> {
    let (mut parts, mut part, mut depth, mut escaped) = (Vec::new(), String::new(), 0_u32, false);
    for c in text.chars() {
        match c {
            _ if escaped => {
                part.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            ',' if depth == 0 => parts.push(std::mem::take(&mut part)),
            _ => {
                match c {
                    '(' => depth += 1,
                    ')' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                part.push(c);
            }
        }
    }
    parts.push(part);
    parts.into_iter().map(|p| p.trim().to_owned()).filter(|p| !p.is_empty()).collect()
}

fn label_need(text: &str) -> Result<(String, Need), String> {
    let set = |values: &str| -> Option<Vec<String>> {
        let inside = values.trim().strip_prefix('(')?.strip_suffix(')')?;
        Some(inside.split(',').map(|v| v.trim().to_owned()).collect())
    };
    let wrong = || format!("unable to parse requirement: found '{text}', expected: a label selector");
    if let Some(key) = text.strip_prefix('!') {
        return named(key.trim(), Need::Missing, &wrong);
    }
    for (operator, equal) in [("!=", false), ("==", true), ("=", true)] {
        if let Some((key, value)) = text.split_once(operator) {
            let values = vec![value.trim().to_owned()];
            return named(key.trim(), if equal { Need::In(values) } else { Need::NotIn(values) }, &wrong);
        }
    }
    let Some((key, rest)) = text.split_once(char::is_whitespace) else { return named(text, Need::Exists, &wrong) };
    let need = match rest.trim().split_once('(').map(|(operator, _)| operator.trim()) {
        Some("in") => Need::In(set(&rest.trim()[2..]).ok_or_else(wrong)?),
        Some("notin") => Need::NotIn(set(&rest.trim()[5..]).ok_or_else(wrong)?),
        _ => return Err(wrong()),
    };
    named(key.trim(), need, &wrong)
}

fn named(key: &str, need: Need, wrong: &impl Fn() -> String) -> Result<(String, Need), String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if key.is_empty() || !key.chars().all(legal) { Err(wrong()) } else { Ok((key.to_owned(), need)) }
}

fn field_need(text: &str) -> Result<FieldNeed, String> {
    for (operator, equal) in [("!=", false), ("==", true), ("=", true)] {
        if let Some((name, value)) = text.split_once(operator) {
            return Ok(FieldNeed { name: name.trim().to_owned(), value: value.trim().to_owned(), equal });
        }
    }
    Err(format!("invalid selector: '{text}'; can't understand '{text}'"))
}

/// The core event's name of a field of `events.k8s.io/v1` (kubernetes `pkg/apis/events/v1/conversion.go`); `None` where the
/// group has no such field.
fn core_name(name: &str) -> Option<String> {
    match name {
        "reportingController" => Some("reportingComponent".to_owned()),
        "reason" | "type" | "metadata.name" | "metadata.namespace" => Some(name.to_owned()),
        _ => name.strip_prefix("regarding.").map(|field| format!("involvedObject.{field}")),
    }
}

/// Returns `true` if selectors may name this field of a resource.
fn supported(resource: SimResource, name: &str) -> bool {
    name == "metadata.name"
        || (name == "metadata.namespace" && resource.namespaced())
        || resource.spec().selectable.contains(&name)
}
