//! Objects of optional APIs: the metadata that every object has, and the facts of its kind.

use serde::{Deserialize, Serialize};

use super::api::ApiResource;
use super::json::{Obj, Text};
use super::message::{Message, message};
use super::text::Clean;
use super::wire::{self, DecodeError, ListHead, ObjectMeta, Sink, Uid, version};

/// Object with the facts of its kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiObject<T> {
    /// `namespace/name`, or the name alone for a cluster-scoped object.
    pub key: Clean,
    /// `metadata.uid`.
    pub uid: Uid,
    /// `metadata.resourceVersion` as an integer; 0 if it is not one.
    pub version: u64,
    /// Facts of the kind.
    pub facts: T,
}

/// Facts of an object of an optional API: their resource, and their readers for JSON and protobuf.
pub trait OptionalFacts: Sized {
    /// Descriptor of the resource.
    const API: ApiResource;

    /// Decodes a page of objects and hands each to `each`.
    ///
    /// # Errors
    /// [`DecodeError`] if the body is not a list of this kind, or truncated; single unreadable objects are only counted.
    fn decode_list(body: &[u8], each: impl FnMut(ApiObject<Self>)) -> Result<ListHead, DecodeError>;

    /// Decodes one object, as in a watch event.
    ///
    /// # Errors
    /// [`DecodeError`] if it is not one of this kind.
    fn decode_object(object: &[u8]) -> Result<ApiObject<Self>, DecodeError>;

    /// Bytes that the facts take, including the heap; shared texts are counted as if they were not shared.
    fn weight(&self) -> u64;
}

/// Facts that are built from an object's `spec` and `status`.
pub(super) trait ObjectFacts: Sized {
    /// Fields that are decoded from `spec`.
    type Spec<'a>: Message<'a>;
    /// Fields that are decoded from `status`.
    type Status<'a>: Message<'a>;
    /// Descriptor of the resource.
    const RESOURCE: ApiResource;

    /// Bytes on the heap; shared texts are counted as if they were not shared.
    fn heap_bytes(&self) -> u64;

    fn new(spec: &Self::Spec<'_>, status: &Self::Status<'_>) -> Self;

    /// Adds the object's `metadata.creationTimestamp`, for facts that need it.
    #[must_use]
    fn with_created(self, _created: Option<jiff::Timestamp>) -> Self {
        self
    }
}

impl<T: ObjectFacts> OptionalFacts for T {
    const API: ApiResource = T::RESOURCE;

    fn decode_list(body: &[u8], each: impl FnMut(ApiObject<Self>)) -> Result<ListHead, DecodeError> {
        wire::decode_list(body, &mut ObjectSink::new(each))
    }

    fn decode_object(object: &[u8]) -> Result<ApiObject<Self>, DecodeError> {
        let mut decoded = None;
        wire::decode_object(object, &mut ObjectSink::new(|object| decoded = Some(object)))?;
        Ok(decoded.expect("an object that the sink accepts has been handed over"))
    }

    fn weight(&self) -> u64 {
        size_of::<Self>() as u64 + self.heap_bytes()
    }
}

struct ObjectSink<T, F>(F, std::marker::PhantomData<T>);

impl<T, F> ObjectSink<T, F> {
    fn new(each: F) -> Self {
        Self(each, std::marker::PhantomData)
    }
}

impl<T: ObjectFacts, F: FnMut(ApiObject<T>)> Sink for ObjectSink<T, F> {
    type Raw<'a> = RawObject<'a, T::Spec<'a>, T::Status<'a>>;
    const KIND: &'static str = T::RESOURCE.kind;

    fn take(&mut self, raw: &Self::Raw<'_>) -> bool {
        let RawObject { kind, metadata: Obj(meta), spec: Obj(spec), status: Obj(status) } = raw;
        let readable = Self::is_readable(kind, &meta.name);
        if readable {
            let key = match &*meta.namespace {
                "" => Clean::new(&meta.name),
                namespace => Clean::new(&format!("{namespace}/{}", &*meta.name)),
            };
            let (uid, version) = (Uid::parse(&meta.uid), version(&meta.version));
            (self.0)(ApiObject { key, uid, version, facts: T::new(spec, status).with_created(meta.created.0) });
        }
        readable
    }
}

message! {
    /// Any object with a `spec` and a `status`.
    pub(super) struct RawObject<'a, S: Message<'a>, T: Message<'a>> {
        kind: Text<'a> = "kind",
        metadata: Obj<ObjectMeta<'a>> = "metadata" | 1,
        spec: Obj<S> = "spec" | 2,
        status: Obj<T> = "status" | 3,
    }

    /// Message without known fields.
    pub(super) struct Nothing {}
}
