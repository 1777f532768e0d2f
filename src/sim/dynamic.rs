//! Objects of `resource.k8s.io`: few, and of another shape in each version, so they are kept as JSON of v1.

use std::sync::Arc;

use serde_json::{Value, json};

use super::object::{SimMeta, SimResource};

/// The group, and the versions that can be served: as of Kubernetes 1.34, 1.33 and 1.32.
pub(super) const GROUP: &str = "resource.k8s.io";

/// A slice, a claim, a device class or a taint rule.
#[derive(Clone, Debug)]
pub(super) struct DynamicRecord {
    pub(super) meta: SimMeta,
    pub(super) resource: SimResource,
    /// `spec` and `status` in the shape of v1.
    pub(super) body: Arc<Value>,
}

impl DynamicRecord {
    /// Writes what follows `metadata`, from the comma on, without the closing brace, in the shape of a version.
    pub(super) fn write_rest(&self, version: &str, out: &mut Vec<u8>) {
        let body = if version.ends_with("v1beta1") { beta(&self.body) } else { (*self.body).clone() };
        for (key, value) in body.as_object().into_iter().flatten() {
            out.extend_from_slice(format!(",\"{key}\":{value}").as_bytes());
        }
    }

    /// The cells of a table after the name.
    pub(super) fn cells(&self) -> Vec<String> {
        let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
        let spec = &self.body["spec"];
        match self.resource {
            SimResource::Slices => {
                vec![text(&spec["nodeName"]), text(&spec["driver"]), text(&spec["pool"]["name"])]
            }
            SimResource::Claims => {
                let status = &self.body["status"];
                let state = match (status["allocation"].is_object(), status["reservedFor"].is_array()) {
                    (true, true) => "allocated,reserved",
                    (true, false) => "allocated",
                    (false, _) => "pending",
                };
                vec![state.to_owned()]
            }
            _ => Vec::new(),
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
