//! Objects of one resource, as they arrive in pages and from watches.

use serde::{Deserialize, Serialize};

use crate::facts::node::NodeFacts;
use crate::facts::object::{ApiObject, OptionalFacts};
use crate::facts::optional_resources;
use crate::facts::pod::PodBatch;
use crate::facts::text::Clean;
use crate::facts::wire::{DecodeError, ListHead, Uid};
use crate::resource::Resource;

/// Declares [`Batch`] with a variant for each row.
macro_rules! batch {
    ($($(#[$doc:meta])* $variant:ident($facts:ty) in $field:ident,)*) => {
        /// Objects of one resource.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        pub enum Batch {
            /// Nodes in order.
            Nodes(Vec<NodeChange>),
            /// Pods in order, each present or gone.
            Pods(PodBatch),
            $($(#[$doc])* $variant(Vec<ObjectChange<$facts>>),)*
        }

        impl Batch {
            /// A batch without objects.
            #[must_use]
            pub fn empty(resource: Resource) -> Self {
                match resource {
                    Resource::Nodes => Self::Nodes(Vec::new()),
                    Resource::Pods => Self::Pods(PodBatch::default()),
                    $(Resource::$variant => Self::$variant(Vec::new()),)*
                }
            }

            /// Objects of an optional resource; `None` for nodes and pods.
            #[must_use]
            pub fn optional(&self) -> Option<&dyn OptionalBatch> {
                match self {
                    Self::Nodes(_) | Self::Pods(_) => None,
                    $(Self::$variant(changes) => Some(changes),)*
                }
            }

            /// Objects of an optional resource, to be added to; `None` for nodes and pods.
            pub fn optional_mut(&mut self) -> Option<&mut dyn OptionalBatch> {
                match self {
                    Self::Nodes(_) | Self::Pods(_) => None,
                    $(Self::$variant(changes) => Some(changes),)*
                }
            }

            /// Leaves at most `most` objects (at least one) in this batch and returns the rest, if any. A batch of pods is not split.
            pub(super) fn split(&mut self, most: usize) -> Option<Self> {
                fn rest<T>(of: &mut Vec<T>, most: usize) -> Option<Vec<T>> {
                    let most = most.max(1);
                    (of.len() > most).then(|| of.split_off(most))
                }
                match self {
                    Self::Nodes(nodes) => rest(nodes, most).map(Self::Nodes),
                    Self::Pods(_) => None,
                    $(Self::$variant(changes) => rest(changes, most).map(Self::$variant),)*
                }
            }
        }
    };
}
optional_resources!(batch);

impl Batch {
    /// Number of objects in it.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Nodes(nodes) => nodes.len(),
            Self::Pods(pods) => pods.len(),
            _ => self.optional().map_or(0, OptionalBatch::count),
        }
    }

    /// Returns `true` if there are no objects.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Objects of one optional resource, whichever it is.
pub trait OptionalBatch {
    /// Number of objects.
    fn count(&self) -> usize;

    /// Keys of the objects in order: `namespace/name`, or the bare name.
    fn keys(&self) -> Vec<&str>;

    /// Bytes that the facts and the keys of the objects take.
    fn weight(&self) -> u64;

    /// Decodes the body of a page and adds its objects.
    ///
    /// # Errors
    /// [`DecodeError`] if the body is not a list of this kind, or truncated; single unreadable objects are only counted.
    fn read_page(&mut self, body: &[u8]) -> Result<ListHead, DecodeError>;

    /// Adds the object of a watch event, or its removal; `false` if it cannot be read.
    fn read_event(&mut self, object: &[u8], removed: bool) -> bool;
}

impl<T: OptionalFacts> OptionalBatch for Vec<ObjectChange<T>> {
    fn count(&self) -> usize {
        self.len()
    }

    fn keys(&self) -> Vec<&str> {
        self.iter().map(ObjectChange::key).map(Clean::as_str).collect()
    }

    fn weight(&self) -> u64 {
        let object = |change: &ObjectChange<T>| match change {
            ObjectChange::Present(object) => object.key.heap_bytes() + object.facts.weight(),
            ObjectChange::Gone { .. } => 0,
        };
        self.iter().map(object).sum()
    }

    fn read_page(&mut self, body: &[u8]) -> Result<ListHead, DecodeError> {
        T::decode_list(body, |object| self.push(ObjectChange::Present(Box::new(object))))
    }

    fn read_event(&mut self, object: &[u8], removed: bool) -> bool {
        let Ok(object) = T::decode_object(object) else { return false };
        self.push(if removed {
            ObjectChange::Gone { key: object.key, uid: object.uid, version: object.version }
        } else {
            ObjectChange::Present(Box::new(object))
        });
        true
    }
}

impl<T> ObjectChange<T> {
    fn key(&self) -> &Clean {
        match self {
            Self::Present(object) => &object.key,
            Self::Gone { key, .. } => key,
        }
    }
}

/// An object of an optional API that is present, or one that was deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ObjectChange<T> {
    /// The object as it is now.
    Present(Box<ApiObject<T>>),
    /// The object was deleted.
    Gone {
        /// `namespace/name`, or the bare name.
        key: Clean,
        /// Its uid.
        uid: Uid,
        /// The resourceVersion of the deletion.
        version: u64,
    },
}

/// A node that is present, or one that was deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum NodeChange {
    /// The node as it is now.
    Present(Box<NodeFacts>),
    /// The node was deleted.
    Gone {
        /// Its name.
        name: Clean,
        /// Its uid.
        uid: Uid,
        /// The resourceVersion of the deletion.
        version: u64,
    },
}
