//! Core events, as the node controller and the kubelet report them.

use std::borrow::Cow;

use super::meta::SimMeta;
use super::template::{number, raw, string, time};

/// One event; repeated ones are counted.
#[derive(Clone, Debug)]
pub(super) struct EventRecord {
    pub(super) meta: SimMeta,
    /// Kind of the involved object.
    pub(super) kind: &'static str,
    /// Its namespace; empty for a node.
    pub(super) about_namespace: Box<str>,
    pub(super) about_name: Box<str>,
    /// Its uid as text; the kubelet and the node controller write a node's name here.
    pub(super) about_uid: Box<str>,
    /// The involved container; empty for the whole object.
    pub(super) container: Box<str>,
    pub(super) reason: Box<str>,
    pub(super) message: Box<str>,
    pub(super) warning: bool,
    pub(super) source: &'static str,
    pub(super) count: u32,
    pub(super) last: i64,
}

impl EventRecord {
    /// `Normal` or `Warning`.
    pub(super) fn severity(&self) -> &'static str {
        if self.warning { "Warning" } else { "Normal" }
    }

    pub(super) fn field(&self, name: &str) -> Option<Cow<'_, str>> {
        Some(match name {
            "involvedObject.kind" => self.kind.into(),
            "involvedObject.namespace" => (&*self.about_namespace).into(),
            "involvedObject.name" => (&*self.about_name).into(),
            "involvedObject.uid" => (&*self.about_uid).into(),
            "involvedObject.apiVersion" => "v1".into(),
            "involvedObject.resourceVersion" => "".into(),
            "involvedObject.fieldPath" => self.field_path().into(),
            "reason" => (&*self.reason).into(),
            "reportingComponent" | "source" => self.source.into(),
            "type" => self.severity().into(),
            _ => return None,
        })
    }

    /// The kubelet's path of a container (`pkg/kubelet/container/ref.go`).
    fn field_path(&self) -> String {
        if self.container.is_empty() { String::new() } else { format!("spec.containers{{{}}}", self.container) }
    }

    fn write_about(&self, out: &mut Vec<u8>) {
        raw(out, "{\"kind\":\"");
        raw(out, self.kind);
        if !self.about_namespace.is_empty() {
            raw(out, "\",\"namespace\":\"");
            raw(out, &self.about_namespace);
        }
        raw(out, "\",\"name\":");
        string(out, &self.about_name);
        raw(out, ",\"uid\":");
        string(out, &self.about_uid);
        raw(out, ",\"apiVersion\":\"v1\"");
        if !self.container.is_empty() {
            raw(out, ",\"fieldPath\":");
            string(out, &self.field_path());
        }
        raw(out, "}");
    }

    pub(super) fn write_rest(&self, out: &mut Vec<u8>) {
        raw(out, ",\"involvedObject\":");
        self.write_about(out);
        raw(out, ",\"reason\":");
        string(out, &self.reason);
        raw(out, ",\"message\":");
        string(out, &self.message);
        raw(out, ",\"source\":{\"component\":\"");
        raw(out, self.source);
        raw(out, "\"},\"firstTimestamp\":\"");
        time(out, self.meta.created);
        raw(out, "\",\"lastTimestamp\":\"");
        time(out, self.last);
        raw(out, "\",\"count\":");
        number(out, self.count);
        raw(out, ",\"type\":\"");
        raw(out, self.severity());
        raw(out, "\",\"eventTime\":null,\"reportingComponent\":\"");
        raw(out, self.source);
        raw(out, "\",\"reportingInstance\":\"\"");
    }

    /// The same event in the form of `events.k8s.io/v1` (api `events/v1/types.go`).
    pub(super) fn write_rest_v1(&self, out: &mut Vec<u8>) {
        raw(out, ",\"eventTime\":null,\"reason\":");
        string(out, &self.reason);
        raw(out, ",\"note\":");
        string(out, &self.message);
        raw(out, ",\"regarding\":");
        self.write_about(out);
        raw(out, ",\"type\":\"");
        raw(out, self.severity());
        raw(out, "\",\"deprecatedSource\":{\"component\":\"");
        raw(out, self.source);
        raw(out, "\"},\"deprecatedFirstTimestamp\":\"");
        time(out, self.meta.created);
        raw(out, "\",\"deprecatedLastTimestamp\":\"");
        time(out, self.last);
        raw(out, "\",\"deprecatedCount\":");
        number(out, self.count);
        raw(out, ",\"reportingController\":\"");
        raw(out, self.source);
        raw(out, "\"");
    }
}
