//! `managedFields` as server-side apply tracks them, derived from the object they describe.

use serde_json::{Map, Value, json};

/// The `fieldsV1` set of an object: `f:` for fields, `k:` for list entries with a name or a type.
///
/// Source: structured-merge-diff `fieldpath/serialize.go`.
pub(super) fn fields_v1(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut set = Map::new();
            for (name, inner) in fields {
                set.insert(format!("f:{name}"), fields_v1(inner));
            }
            Value::Object(set)
        }
        Value::Array(entries) => {
            let mut set = Map::new();
            for entry in entries {
                let key =
                    ["name", "type", "containerPort", "mountPath", "uid"].into_iter().find(|k| entry.get(k).is_some());
                if let Some(key) = key {
                    let mut inner = fields_v1(entry);
                    if let Value::Object(inner) = &mut inner {
                        inner.insert(".".into(), json!({}));
                    }
                    set.insert(format!("k:{}", json!({ key: entry[key] })), inner);
                }
            }
            Value::Object(set)
        }
        _ => json!({}),
    }
}

/// One entry of `managedFields`; the time may be a placeholder of the template.
pub(super) fn manager(name: &str, subresource: &str, time: &str, fields: &Value) -> Value {
    let mut entry = json!({
        "manager": name,
        "operation": "Update",
        "apiVersion": "v1",
        "time": time,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    });
    if !subresource.is_empty() {
        entry["subresource"] = json!(subresource);
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_list_entries_become_keys() {
        let set = fields_v1(&json!({"containers": [{"name": "web", "ports": [{"containerPort": 80}]}], "a": 1}));
        assert_eq!(
            set,
            json!({"f:a": {}, "f:containers": {"k:{\"name\":\"web\"}": {".": {}, "f:name": {},
                "f:ports": {"k:{\"containerPort\":80}": {".": {}, "f:containerPort": {}}}}}})
        );
    }
}
