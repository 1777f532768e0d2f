//! The object itself: a pod's detail, and the YAML of a pod or a node while it is requested.

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::watch;

use super::{DetailReader, DetailSource, field, segment, usable};
use crate::cluster::classify::RequestError;
use crate::facts::document::YamlDocument;
use crate::facts::pod::PodDetail;
use crate::facts::repaired_json;
use crate::facts::wire::{DecodeError, WatchType};
use crate::msg::detail::{Detail, DetailPart, ObjectRef, Yaml};
use crate::msg::{Layer, Resource};

/// The object as held.
pub(super) struct DetailObject {
    subject: ObjectRef,
    yaml: watch::Receiver<Yaml>,
    /// Body for the YAML, as it came; empty while the YAML is not requested, since it may hold secrets.
    body: Vec<u8>,
    gone: bool,
    /// Set if there is an update to send.
    changed: bool,
    detail: Option<Box<PodDetail>>,
    /// The YAML of `body`, if it was parsed already.
    document: Option<YamlDocument>,
    /// Set once the YAML of `body` was sent.
    written: bool,
}

impl DetailObject {
    pub(super) fn new(subject: &ObjectRef, yaml: watch::Receiver<Yaml>) -> Self {
        let subject = subject.clone();
        Self {
            subject,
            yaml,
            body: Vec::new(),
            gone: false,
            changed: false,
            detail: None,
            document: None,
            written: false,
        }
    }

    fn hold(&mut self, body: &[u8]) -> Result<(), DecodeError> {
        match self.subject {
            ObjectRef::Pod { .. } => self.detail = Some(Box::new(PodDetail::decode(body)?)),
            // Of a node only the YAML is sent, so only the YAML must be readable.
            ObjectRef::Node { .. } => self.document = Some(YamlDocument::decode(body, self.masks())?),
        }
        if self.yaml.borrow().is_requested() {
            body.clone_into(&mut self.body);
        } else {
            self.forget();
        }
        (self.gone, self.changed, self.written) = (false, true, false);
        Ok(())
    }
}

impl DetailObject {
    /// `true` if values that a Secret may hold are masked.
    fn masks(&self) -> bool {
        *self.yaml.borrow() != Yaml::Clear
    }

    fn forget(&mut self) {
        (self.body, self.document) = (Vec::new(), None);
    }
}

impl DetailSource for DetailObject {
    const PART: DetailPart = DetailPart::Object;

    async fn requested(&mut self) {
        // The model has everything about a node except its YAML.
        if matches!(self.subject, ObjectRef::Node { .. })
            && self.yaml.wait_for(|yaml| yaml.is_requested()).await.is_err()
        {
            std::future::pending::<()>().await;
        }
    }

    async fn changed_locally(&mut self) {
        loop {
            if self.yaml.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            (self.written, self.document) = (false, None);
            if self.yaml.borrow_and_update().is_requested() {
                return;
            }
            self.forget();
        }
    }

    fn is_unread(&self) -> bool {
        self.yaml.borrow().is_requested() && self.body.is_empty() && !self.gone
    }

    async fn read(&mut self, reader: &DetailReader<'_>) -> Result<String, RequestError> {
        let body = reader.get(self.watch_uri()).await?;
        let text = repaired_json(&body);
        let list: ListOfOne<'_> = serde_json::from_str(&text)
            .map_err(|error| RequestError::new(Layer::Decode, &format!("the answer is no list: {error}")))?;
        if let Some(item) = list.items.first() {
            let whole = with_kind(&self.subject, item.get());
            let unreadable = |error: DecodeError| RequestError::new(Layer::Decode, &error.text);
            self.hold(whole.as_bytes()).map_err(unreadable)?;
        } else {
            (self.gone, self.changed) = (true, true);
        }
        usable(list.metadata.resource_version)
    }

    fn watch_uri(&self) -> String {
        let name = field(self.subject.name());
        let path = match &self.subject {
            ObjectRef::Node { .. } => Resource::Nodes.list_path(),
            ObjectRef::Pod { namespace, .. } => Resource::Pods.list_path_in(&segment(namespace).to_string()),
        };
        format!("{path}?fieldSelector=metadata.name%3D{name}")
    }

    fn apply(&mut self, kind: &WatchType, object: &[u8]) -> bool {
        if *kind == WatchType::Deleted {
            (self.gone, self.changed) = (true, true);
            return true;
        }
        self.hold(object).is_ok()
    }

    fn news(&mut self) -> Vec<Detail> {
        let mut news = Vec::new();
        if std::mem::take(&mut self.changed) {
            news.extend(self.detail.take().map(Detail::Pod));
            if self.gone {
                news.push(Detail::Gone);
            }
        }
        if self.yaml.borrow().is_requested() && !self.written && !self.body.is_empty() {
            self.written = true;
            let masks = self.masks();
            let document = self.document.take().map_or_else(|| YamlDocument::decode(&self.body, masks), Ok);
            news.extend(document.map(Detail::Document));
        }
        news
    }

    fn missing(&mut self) -> bool {
        (self.gone, self.changed) = (true, true);
        false
    }

    fn forbidden(&mut self) -> bool {
        false
    }

    fn title(&self) -> String {
        format!("get {}", self.subject.title())
    }
}

/// A list of one object or none, as it came.
///
/// The object is listed and not got: a watch must begin at the version of a list. The version of an object that has not changed
/// for some minutes is too old for a watch: the server would always answer 410.
#[derive(Deserialize)]
struct ListOfOne<'a> {
    metadata: ListOfOneMeta,
    #[serde(borrow, default)]
    items: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListOfOneMeta {
    #[serde(default)]
    resource_version: String,
}

/// The item with its kind: lists leave out what all their items share.
fn with_kind(subject: &ObjectRef, item: &str) -> String {
    #[derive(Deserialize)]
    struct KindHeader {
        kind: Option<String>,
    }
    let kind = subject.resource().api().kind;
    let named = serde_json::from_str::<KindHeader>(item).is_ok_and(|known| known.kind.is_some());
    match item.trim_start().strip_prefix('{') {
        Some(rest) if !named => format!("{{\"kind\":\"{kind}\",\"apiVersion\":\"v1\",{rest}"),
        _ => item.to_owned(),
    }
}
