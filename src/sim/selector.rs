//! Label and field selectors, by the grammar of apimachinery `pkg/labels` and `pkg/fields`.

use super::object::SimObject;
use super::resource::SimResource;

/// One requirement on a label.
#[derive(Clone, Debug, PartialEq, Eq)]
enum LabelRequirement {
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    Missing,
}

/// One requirement on a field.
#[derive(Clone, Debug, PartialEq, Eq)]
struct FieldRequirement {
    name: String,
    value: String,
    equal: bool,
}

/// Label and field selectors of a list or a watch; an empty one matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ObjectSelector {
    labels: Vec<(String, LabelRequirement)>,
    fields: Vec<FieldRequirement>,
}

impl ObjectSelector {
    /// Reads both selectors of a request.
    ///
    /// # Errors
    /// The message of the 400.
    pub(super) fn parse(resource: SimResource, version: &str, labels: &str, fields: &str) -> Result<Self, String> {
        let labels = split(labels).into_iter().map(|part| parse_label_requirement(&part)).collect::<Result<_, _>>()?;
        let mut fields: Vec<FieldRequirement> =
            split(fields).into_iter().map(|part| parse_field_requirement(&part)).collect::<Result<_, _>>()?;
        if version == "events.k8s.io/v1" {
            for need in &mut fields {
                need.name = core_name(&need.name).ok_or_else(|| format!("field label not supported: {}", need.name))?;
            }
        }
        if let Some(unknown) = fields.iter().find(|need| !is_supported(resource, &need.name)) {
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
                    LabelRequirement::In(values) => value.is_some_and(|v| values.iter().any(|x| x == v)),
                    LabelRequirement::NotIn(values) => value.is_none_or(|v| values.iter().all(|x| x != v)),
                    LabelRequirement::Exists => value.is_some(),
                    LabelRequirement::Missing => value.is_none(),
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

fn parse_label_requirement(text: &str) -> Result<(String, LabelRequirement), String> {
    let set = |values: &str| -> Option<Vec<String>> {
        let inside = values.trim().strip_prefix('(')?.strip_suffix(')')?;
        Some(inside.split(',').map(|v| v.trim().to_owned()).collect())
    };
    let wrong = || format!("unable to parse requirement: found '{text}', expected: a label selector");
    if let Some(key) = text.strip_prefix('!') {
        return label_requirement(key.trim(), LabelRequirement::Missing, &wrong);
    }
    for (operator, equal) in [("!=", false), ("==", true), ("=", true)] {
        if let Some((key, value)) = text.split_once(operator) {
            let values = vec![value.trim().to_owned()];
            return label_requirement(
                key.trim(),
                if equal { LabelRequirement::In(values) } else { LabelRequirement::NotIn(values) },
                &wrong,
            );
        }
    }
    let Some((key, rest)) = text.split_once(char::is_whitespace) else {
        return label_requirement(text, LabelRequirement::Exists, &wrong);
    };
    let need = match rest.trim().split_once('(').map(|(operator, _)| operator.trim()) {
        Some("in") => LabelRequirement::In(set(&rest.trim()[2..]).ok_or_else(wrong)?),
        Some("notin") => LabelRequirement::NotIn(set(&rest.trim()[5..]).ok_or_else(wrong)?),
        _ => return Err(wrong()),
    };
    label_requirement(key.trim(), need, &wrong)
}

fn label_requirement(
    key: &str,
    need: LabelRequirement,
    wrong: &impl Fn() -> String,
) -> Result<(String, LabelRequirement), String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if key.is_empty() || !key.chars().all(legal) { Err(wrong()) } else { Ok((key.to_owned(), need)) }
}

fn parse_field_requirement(text: &str) -> Result<FieldRequirement, String> {
    for (operator, equal) in [("!=", false), ("==", true), ("=", true)] {
        if let Some((name, value)) = text.split_once(operator) {
            return Ok(FieldRequirement { name: name.trim().to_owned(), value: value.trim().to_owned(), equal });
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
fn is_supported(resource: SimResource, name: &str) -> bool {
    name == "metadata.name"
        || (name == "metadata.namespace" && resource.namespaced())
        || resource.spec().selectable.contains(&name)
}
