//! The object itself: a pod's detail, and the YAML of a pod or a node while it is wanted.

use tokio::sync::watch;

use super::{Follow, Reader, field, segment};
use crate::cluster::classify::Trouble;
use crate::facts::document::Document;
use crate::facts::pod::PodDetail;
use crate::facts::wire::{DecodeError, WatchType, bookmark_version};
use crate::msg::Layer;
use crate::msg::inspect::{Found, Part, Subject};

/// What is known of the object.
pub(super) struct Object {
    subject: Subject,
    yaml: watch::Receiver<bool>,
    /// As it came, for the YAML; empty while there is none.
    body: Vec<u8>,
    gone: bool,
    /// There is something new to tell.
    changed: bool,
    detail: Option<Box<PodDetail>>,
    /// Whether the YAML of `body` has been told.
    written: bool,
}

impl Object {
    pub(super) fn new(subject: &Subject, yaml: watch::Receiver<bool>) -> Self {
        let subject = subject.clone();
        Self { subject, yaml, body: Vec::new(), gone: false, changed: false, detail: None, written: false }
    }

    fn path(&self) -> String {
        match &self.subject {
            Subject::Node { name } => format!("/api/v1/nodes/{}", segment(name)),
            Subject::Pod { namespace, name } => {
                format!("/api/v1/namespaces/{}/pods/{}", segment(namespace), segment(name))
            }
        }
    }

    fn hold(&mut self, body: &[u8]) -> Result<(), DecodeError> {
        if matches!(self.subject, Subject::Pod { .. }) {
            self.detail = Some(Box::new(PodDetail::decode(body)?));
        }
        body.clone_into(&mut self.body);
        (self.gone, self.changed, self.written) = (false, true, false);
        Ok(())
    }
}

impl Follow for Object {
    const PART: Part = Part::Object;

    async fn wanted(&mut self) {
        // Of a node the table knows everything but its YAML.
        if matches!(self.subject, Subject::Node { .. }) && self.yaml.wait_for(|yaml| *yaml).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    async fn poked(&mut self) {
        loop {
            if self.yaml.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            self.written = false;
            if *self.yaml.borrow() && !self.body.is_empty() {
                return;
            }
        }
    }

    async fn read(&mut self, reader: &Reader<'_>) -> Result<String, Trouble> {
        let body = reader.get(self.path()).await?;
        let unreadable = |error: DecodeError| Trouble::new(Layer::Decode, &error.text);
        self.hold(&body).map_err(unreadable)?;
        bookmark_version(&body).ok_or_else(|| Trouble::new(Layer::Decode, "the object has no resourceVersion"))
    }

    fn watch_uri(&self) -> String {
        let name = field(self.subject.name());
        match &self.subject {
            Subject::Node { .. } => format!("/api/v1/nodes?fieldSelector=metadata.name%3D{name}"),
            Subject::Pod { namespace, .. } => {
                format!("/api/v1/namespaces/{}/pods?fieldSelector=metadata.name%3D{name}", segment(namespace))
            }
        }
    }

    fn take(&mut self, kind: &WatchType, object: &[u8]) -> bool {
        if *kind == WatchType::Deleted {
            (self.gone, self.changed) = (true, true);
            return true;
        }
        self.hold(object).is_ok()
    }

    fn news(&mut self) -> Vec<Found> {
        let mut news = Vec::new();
        if std::mem::take(&mut self.changed) {
            news.extend(self.detail.take().map(Found::Pod));
            if self.gone {
                news.push(Found::Gone);
            }
        }
        if *self.yaml.borrow() && !self.written && !self.body.is_empty() {
            self.written = true;
            news.extend(Document::decode(&self.body).map(Found::Document));
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
