//! The form of an answer: plain JSON, tables, metadata only, and protobuf.

use std::sync::Arc;

use serde_json::Value;

use super::object::SimObject;
use super::resource::SimResource;
use super::table::{columns, write_cells};
use super::template::{number, raw};
use super::{proto, status};

/// Media type of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    /// `application/vnd.kubernetes.protobuf`, of whole objects only.
    Protobuf,
    /// The server-side table of `kubectl get`; the version of `meta.k8s.io`.
    Table(&'static str),
    /// `PartialObjectMetadata`.
    Metadata(&'static str),
}

/// The object that a row of a table carries beside its cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Include {
    None,
    Metadata,
    Object,
}

/// `ListMeta` of a list.
#[derive(Clone, Debug, Default)]
pub(super) struct EncodedHead {
    pub(super) rv: u64,
    pub(super) token: String,
    pub(super) left: Option<u64>,
}

/// Writes objects, lists and watch events in one form.
#[derive(Clone, Copy, Debug)]
pub(super) struct Encoder {
    form: Form,
    include: Include,
    resource: SimResource,
    version: &'static str,
    now: i64,
}

impl Encoder {
    /// Picks the first form of `Accept` that the server can write.
    ///
    /// # Errors
    /// 406 if there is none, 400 for an unknown `includeObject`.
    pub(super) fn new(
        resource: SimResource,
        version: &'static str,
        accept: &str,
        include: &str,
        now: i64,
    ) -> Result<Self, Value> {
        let include = match include {
            "" | "Metadata" => Include::Metadata,
            "None" => Include::None,
            "Object" => Include::Object,
            _ => return Err(status::bad_request(&format!("unrecognized includeObject value: \"{include}\""))),
        };
        let form = negotiate(accept).ok_or_else(status::not_acceptable)?;
        // Objects without a schema are written as JSON, which clients that request protobuf accept too.
        let form = if form == Form::Protobuf && !resource.spec().has_protobuf { Form::Json } else { form };
        Ok(Self { form, include, resource, version, now })
    }

    /// The `apiVersion` of the objects.
    pub(super) fn version(&self) -> &'static str {
        self.version
    }

    /// Returns this encoder at another time: ages in tables grow while a watch lives.
    pub(super) fn at(self, now: i64) -> Self {
        Self { now, ..self }
    }

    /// Returns this encoder, or one for plain JSON if protobuf cannot express some of these objects.
    pub(super) fn with_json_fallback<'o>(self, mut objects: impl Iterator<Item = &'o Arc<SimObject>>) -> Self {
        let able =
            self.form != Form::Protobuf || objects.all(|o| !matches!(&**o, SimObject::Raw(raw) if !raw.is_binary()));
        Self { form: if able { self.form } else { Form::Json }, ..self }
    }

    /// `Content-Type` of the answer.
    pub(super) fn content_type(&self, watch: bool) -> &'static str {
        match self.form {
            Form::Protobuf if watch => "application/vnd.kubernetes.protobuf;stream=watch",
            Form::Protobuf => "application/vnd.kubernetes.protobuf",
            _ => "application/json",
        }
    }

    /// The byte between two items of a list.
    pub(super) fn separator(&self) -> Option<u8> {
        (self.form != Form::Protobuf).then_some(b',')
    }

    /// Writes the beginning of a list, up to its first item.
    pub(super) fn list_head(&self, head: &EncodedHead, items: &[Arc<SimObject>], out: &mut Vec<u8>) {
        let (kind, version) = match self.form {
            Form::Protobuf => return self.binary_head(head, items, out),
            Form::Json => (self.resource.kind(), self.version),
            Form::Table(_) => ("Table", self.meta_version()),
            Form::Metadata(_) => ("PartialObjectMetadata", self.meta_version()),
        };
        raw(out, "{\"kind\":\"");
        raw(out, kind);
        raw(out, if matches!(self.form, Form::Table(_)) { "\"" } else { "List\"" });
        raw(out, ",\"apiVersion\":\"");
        raw(out, version);
        raw(out, "\",\"metadata\":{\"resourceVersion\":\"");
        number(out, head.rv);
        raw(out, "\"");
        if !head.token.is_empty() {
            raw(out, ",\"continue\":\"");
            raw(out, &head.token);
            raw(out, "\"");
        }
        if let Some(left) = head.left {
            raw(out, ",\"remainingItemCount\":");
            number(out, left);
        }
        raw(out, "},");
        if matches!(self.form, Form::Table(_)) {
            raw(out, "\"columnDefinitions\":");
            columns(self.resource, out);
            raw(out, ",\"rows\":[");
        } else {
            raw(out, "\"items\":[");
        }
    }

    /// Writes one item of a list, which carries no kind.
    pub(super) fn item(&self, object: &SimObject, out: &mut Vec<u8>) {
        match self.form {
            Form::Protobuf => proto::sized(2, out, |out| self.binary(object, object.meta().rv, out)),
            Form::Table(_) => self.row(object, object.meta().rv, out),
            _ => self.write(object, object.meta().rv, false, out),
        }
    }

    /// Writes the end of a list.
    pub(super) fn list_tail(&self, out: &mut Vec<u8>) {
        if self.form != Form::Protobuf {
            raw(out, "]}\n");
        }
    }

    /// Writes one object on its own.
    pub(super) fn object(&self, object: &SimObject, out: &mut Vec<u8>) {
        match self.form {
            Form::Protobuf => return self.binary_object(object, object.meta().rv, out),
            Form::Table(_) => self.table_of(object, object.meta().rv, true, out),
            _ => self.write(object, object.meta().rv, true, out),
        }
        raw(out, "\n");
    }

    /// Writes one event of a watch; `first` is `true` if a table still has to name its columns.
    pub(super) fn event(&self, kind: &str, object: &SimObject, rv: u64, first: bool, out: &mut Vec<u8>) {
        if self.form == Form::Protobuf {
            return proto::frame(kind, out, |out| self.binary_object(object, rv, out));
        }
        raw(out, "{\"type\":\"");
        raw(out, kind);
        raw(out, "\",\"object\":");
        match self.form {
            Form::Table(_) => self.table_of(object, rv, first, out),
            _ => self.write(object, rv, true, out),
        }
        raw(out, "}\n");
    }

    /// Writes a bookmark; `end` is `true` if it ends the initial events (R17).
    pub(super) fn bookmark(&self, rv: u64, end: bool, out: &mut Vec<u8>) {
        let (kind, version) = match self.form {
            Form::Protobuf => return self.binary_bookmark(rv, end, out),
            Form::Json => (self.resource.kind(), self.version),
            Form::Table(_) => ("Table", self.meta_version()),
            Form::Metadata(_) => ("PartialObjectMetadata", self.meta_version()),
        };
        raw(out, "{\"type\":\"BOOKMARK\",\"object\":{\"kind\":\"");
        raw(out, kind);
        raw(out, "\",\"apiVersion\":\"");
        raw(out, version);
        raw(out, "\",\"metadata\":{\"resourceVersion\":\"");
        number(out, rv);
        raw(out, "\",\"creationTimestamp\":null");
        if end {
            raw(out, ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}");
        }
        raw(
            out,
            if matches!(self.form, Form::Table(_)) {
                "},\"columnDefinitions\":null,\"rows\":null}}\n"
            } else {
                "}}}\n"
            },
        );
    }

    fn meta_version(&self) -> &'static str {
        match self.form {
            Form::Table("v1beta1") | Form::Metadata("v1beta1") => "meta.k8s.io/v1beta1",
            _ => "meta.k8s.io/v1",
        }
    }

    fn write(&self, object: &SimObject, rv: u64, kind: bool, out: &mut Vec<u8>) {
        let partial = matches!(self.form, Form::Metadata(_));
        if let (SimObject::Raw(raw), false) = (object, partial) {
            return raw.write(rv, kind.then(|| (self.resource.kind(), self.version)), out);
        }
        raw(out, "{");
        if kind || partial {
            raw(out, "\"kind\":\"");
            raw(out, if partial { "PartialObjectMetadata" } else { self.resource.kind() });
            raw(out, "\",\"apiVersion\":\"");
            raw(out, if partial { self.meta_version() } else { self.version });
            raw(out, "\",");
        }
        raw(out, "\"metadata\":");
        object.write_metadata(rv, out);
        if !partial {
            match object {
                SimObject::Dynamic(dynamic) => dynamic.write_rest(self.version, out),
                SimObject::Event(event) if self.version == "events.k8s.io/v1" => event.write_rest_v1(out),
                _ => object.write_rest(self.now, out),
            }
        }
        raw(out, "}");
    }

    fn table_of(&self, object: &SimObject, rv: u64, named: bool, out: &mut Vec<u8>) {
        raw(out, "{\"kind\":\"Table\",\"apiVersion\":\"");
        raw(out, self.meta_version());
        raw(out, "\",\"metadata\":{\"resourceVersion\":\"");
        number(out, rv);
        raw(out, "\"},\"columnDefinitions\":");
        if named {
            columns(self.resource, out);
        } else {
            raw(out, "[]");
        }
        raw(out, ",\"rows\":[");
        self.row(object, rv, out);
        raw(out, "]}");
    }

    fn row(&self, object: &SimObject, rv: u64, out: &mut Vec<u8>) {
        raw(out, "{\"cells\":[");
        write_cells(object, self.now, out);
        raw(out, "]");
        match self.include {
            Include::None => {}
            Include::Metadata => {
                raw(out, ",\"object\":{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"");
                raw(out, self.meta_version());
                raw(out, "\",\"metadata\":");
                object.write_metadata(rv, out);
                raw(out, "}");
            }
            Include::Object => {
                raw(out, ",\"object\":");
                Self { form: Form::Json, ..*self }.write(object, rv, true, out);
            }
        }
        raw(out, "}");
    }
}

/// The encoder's methods for protobuf.
impl Encoder {
    fn message(&self) -> &'static str {
        if self.version == "events.k8s.io/v1" { "EventsV1Event" } else { self.resource.kind() }
    }

    fn binary(&self, object: &SimObject, rv: u64, out: &mut Vec<u8>) {
        match object {
            SimObject::Pod(pod) => pod.write_binary(rv, out),
            SimObject::Node(node) => node.write_binary(rv, out),
            // The others are too few for a writer of their own.
            _ => self.write_as_protobuf(object, rv, out),
        }
    }

    /// Converts the object's JSON to protobuf.
    pub(super) fn write_as_protobuf(&self, object: &SimObject, rv: u64, out: &mut Vec<u8>) {
        let mut json = Vec::with_capacity(16 << 10);
        self.write(object, rv, false, &mut json);
        json_to_protobuf(self.message(), &json, out);
    }

    fn binary_object(&self, object: &SimObject, rv: u64, out: &mut Vec<u8>) {
        proto::envelope(self.version, self.resource.kind(), out, |out| self.binary(object, rv, out));
    }

    /// Writes the beginning of a list. Its envelope contains the length of the list, so the items are measured first.
    fn binary_head(&self, head: &EncodedHead, items: &[Arc<SimObject>], out: &mut Vec<u8>) {
        let (mut item, mut size) = (Vec::new(), 0);
        for object in items {
            item.clear();
            self.item(object, &mut item);
            size += item.len();
        }
        self.binary_head_of(head, size, out);
    }

    fn binary_head_of(&self, head: &EncodedHead, size: usize, out: &mut Vec<u8>) {
        let mut meta = Vec::new();
        proto::sized(1, &mut meta, |out| {
            proto::text(2, &head.rv.to_string(), out);
            proto::text(3, &head.token, out);
            if let Some(left) = head.left {
                proto::int(4, left.cast_signed(), out);
            }
        });
        let kind = format!("{}List", self.resource.kind());
        proto::envelope_head(self.version, &kind, meta.len() + size, out);
        out.extend_from_slice(&meta);
    }

    /// Writes a whole list of items that fit into memory; `None` if the form is not protobuf.
    pub(super) fn binary_page(&self, head: &EncodedHead, items: &[Arc<SimObject>]) -> Option<Vec<u8>> {
        if self.form != Form::Protobuf {
            return None;
        }
        let mut body = Vec::with_capacity(items.len() * 10_000);
        for object in items {
            self.item(object, &mut body);
        }
        let mut page = Vec::with_capacity(body.len() + 256);
        self.binary_head_of(head, body.len(), &mut page);
        page.append(&mut body);
        Some(page)
    }

    fn binary_bookmark(&self, rv: u64, end: bool, out: &mut Vec<u8>) {
        let annotations = if end { ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}" } else { "" };
        let json = format!("{{\"metadata\":{{\"resourceVersion\":\"{rv}\"{annotations}}}}}");
        proto::frame("BOOKMARK", out, |out| {
            proto::envelope(self.version, self.resource.kind(), out, |out| {
                json_to_protobuf(self.message(), json.as_bytes(), out);
            });
        });
    }
}

fn json_to_protobuf(message: &str, json: &[u8], out: &mut Vec<u8>) {
    proto::message(message, json, out).expect("simulated objects are JSON of the types that the schema names");
}

/// An `ERROR` event of a watch.
pub(super) fn error_event(encoder: &Encoder, status: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    if encoder.form == Form::Protobuf {
        let json = status.to_string();
        proto::frame("ERROR", &mut out, |out| {
            proto::envelope("v1", "Status", out, |out| json_to_protobuf("Status", json.as_bytes(), out));
        });
        return out;
    }
    raw(&mut out, "{\"type\":\"ERROR\",\"object\":");
    raw(&mut out, &status.to_string());
    raw(&mut out, "}\n");
    out
}

/// The first form of the header that the server can write.
pub(super) fn negotiate(accept: &str) -> Option<Form> {
    if accept.trim().is_empty() {
        return Some(Form::Json);
    }
    accept.split(',').find_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let binary = match parts.next()? {
            "application/json" | "application/*" | "*/*" => false,
            "application/vnd.kubernetes.protobuf" => true,
            _ => return None,
        };
        let (mut kind, mut group, mut version) = ("", "", "v1");
        for part in parts {
            match part.split_once('=') {
                Some(("as", value)) => kind = value,
                Some(("g", value)) => group = value,
                Some(("v", "v1beta1")) => version = "v1beta1",
                _ => {}
            }
        }
        match (kind, group) {
            ("", _) => Some(if binary { Form::Protobuf } else { Form::Json }),
            _ if binary => None,
            ("Table", "meta.k8s.io") => Some(Form::Table(version)),
            ("PartialObjectMetadata" | "PartialObjectMetadataList", "meta.k8s.io") => Some(Form::Metadata(version)),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_form_that_can_be_written_is_taken() {
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        assert_eq!(negotiate(table), Some(Form::Table("v1")));
        assert_eq!(negotiate("application/vnd.kubernetes.protobuf,application/json"), Some(Form::Protobuf));
        let stream = "application/vnd.kubernetes.protobuf;stream=watch,application/json;stream=watch";
        assert_eq!(negotiate(stream), Some(Form::Protobuf));
        let rows = "application/vnd.kubernetes.protobuf;as=Table;v=v1;g=meta.k8s.io,application/json";
        assert_eq!(negotiate(rows), Some(Form::Json));
        assert_eq!(
            negotiate("application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"),
            Some(Form::Metadata("v1"))
        );
        assert_eq!(negotiate("application/json;q=0.9, */*"), Some(Form::Json));
        assert_eq!(negotiate(""), Some(Form::Json));
        assert_eq!(negotiate("application/cbor"), None);
        assert_eq!(negotiate("text/html"), None);
    }
}
