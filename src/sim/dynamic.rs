//! Objects of `resource.k8s.io`. They are few, and each version has another shape, so they are kept as JSON of v1.

use std::sync::Arc;

use serde_json::{Value, json};

use super::meta::SimMeta;
use super::resource::SimResource;

/// A slice, a claim, a device class or a taint rule.
#[derive(Clone, Debug)]
pub(super) struct DynamicRecord {
    pub(super) meta: SimMeta,
    pub(super) resource: SimResource,
    /// `spec` and `status` in the shape of v1.
    pub(super) body: Arc<Value>,
}

impl DynamicRecord {
    /// Writes the fields after `metadata` in the shape of a version: from the comma on, without the closing brace.
    pub(super) fn write_rest(&self, version: &str, out: &mut Vec<u8>) {
        let body = if version.ends_with("v1beta1") { beta(&self.body) } else { (*self.body).clone() };
        for (key, value) in body.as_object().into_iter().flatten() {
            out.extend_from_slice(format!(",\"{key}\":{value}").as_bytes());
        }
    }
}

/// v1beta1 has a device's fields inside `basic`.
fn beta(body: &Value) -> Value {
    let mut body = body.clone();
    for device in body["spec"]["devices"].as_array_mut().into_iter().flatten() {
        let name = device["name"].clone();
        if let Some(fields) = device.as_object_mut() {
            fields.remove("name");
        }
        *device = json!({"name": name, "basic": device.clone()});
    }
    body
}
